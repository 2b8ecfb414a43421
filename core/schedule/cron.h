/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cron expressions in UTC: minute, hour, day of month, month, day of week; or @hourly, @daily,
 * @weekly, @monthly, @yearly. A field holds *, numbers, ranges, lists of these, and steps after *
 * or a range. Months and weekdays also go by name; 0 and 7 are Sunday.
 *
 * As in Vixie cron: when neither day field begins with *, a day counts that matches one of them;
 * otherwise a day must match both.
 */
#ifndef SCHEDULE_CRON_H
#define SCHEDULE_CRON_H

#include "base/error.h"

enum cron_field { CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY, CRON_FIELDS };

/* "No such time": later than every time. */
#define SCHEDULE_NEVER INT64_MAX

struct cron {
    uint64_t sets[CRON_FIELDS]; /* bit n: the value n is wanted; never empty */
    bool either_day;            /* one of the day fields is enough */
};

/* 0; or -1 with the field, what is wrong with it and what to write. An expression that no day can
 * match is an error too. */
int cron_parse(struct str text, struct cron *ret_cron, struct error *err);

/* The first time strictly after `after_us` that matches, at second 0; SCHEDULE_NEVER when that
 * would be past TIME_MAX_US. */
int64_t cron_next(const struct cron *cron, int64_t after_us);

#endif
