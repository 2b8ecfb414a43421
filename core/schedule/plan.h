/* SPDX-License-Identifier: Apache-2.0 */
/* The due times of one connection, as its file says: at fixed points of the calendar in UTC, or at
 * an interval counted from when it last began. */
#ifndef SCHEDULE_PLAN_H
#define SCHEDULE_PLAN_H

#include "base/time.h"
#include "config/connection.h"
#include "schedule/cron.h"

/* How often a vendor is asked by a connection of `frequency: realtime` that does not say it. */
#define REALTIME_EVERY_US (5 * US_PER_MINUTE)

struct plan {
    int64_t every_us; /* > 0: an interval; 0: `cron` counts */
    struct cron cron;
    int64_t jitter_us; /* -1: by the period */
    bool catch_up;
};

int plan_from_config(const struct schedule_config *config, struct plan *ret_plan,
                     struct error *err);

/* The first due time strictly after `after_us`; SCHEDULE_NEVER when there is none. `last_us` is
 * when it last began: what an interval is counted from. */
int64_t plan_next(const struct plan *plan, int64_t last_us, int64_t after_us);

/* By how much a start at `due_us` may be put off: as configured, or a tenth of the time to the due
 * time that follows and at most a minute; always less than that time. */
int64_t plan_jitter(const struct plan *plan, int64_t due_us);

/* Checks what the configuration layer cannot: that `cron` can be read and comes at all. A problem
 * stands at the node. */
void schedule_check(const struct connection_config *config, struct arena *arena,
                    struct problems *problems);

#endif
