/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts connections when they are due.
 *
 * An entry runs once at a time; what comes due meanwhile is remembered once and starts right after.
 * At most `limit` entries run together; the others wait in the order in which they came due. What
 * was missed while the host was off, or while the machine slept, is made up for by one run, if the
 * connection says catch_up. An entry that never ran starts at once.
 *
 * After a passing failure or a crash it starts again before it is next due, after a delay by chance
 * below 30 s, 1 min, 2 min ... 1 h; not when that would be past the due time. After
 * SCHEDULE_CRASHES in a row its circuit opens: it is not started, due or not, for 1 min, then one
 * run is tried; each further crash doubles the wait up to 1 h. A run that ends without a crash
 * closes the circuit.
 *
 * An entry can also be woken: it starts at once, at most each second, without being due; its due
 * times stay where they are, and what comes due meanwhile takes the place of a start that waits.
 *
 * Due times are the wall clock's, looked at once a minute at least, so a clock that is set moves
 * them. Set back, it repeats no due time that had its run until a whole period has really passed,
 * and keeps no entry waiting for more than two periods.
 */
#ifndef SCHEDULE_SCHEDULE_H
#define SCHEDULE_SCHEDULE_H

#include "base/world.h"
#include "schedule/plan.h"

enum { SCHEDULE_CRASHES = 5 };

enum schedule_result {
    SCHEDULE_OK,
    SCHEDULE_FAILED,  /* lasting: wrong credentials, wrong options */
    SCHEDULE_PASSING, /* may go better soon: the network, the vendor's trouble */
    SCHEDULE_CRASHED  /* the connector's process */
};

enum schedule_state {
    SCHEDULE_WAITING,     /* for its due time */
    SCHEDULE_QUEUED,      /* due; others run */
    SCHEDULE_RUNNING,     /* also: due once more already */
    SCHEDULE_BACKING_OFF, /* to be tried again before it is due */
    SCHEDULE_OPEN,        /* the circuit */
    SCHEDULE_STOPPED
};

struct schedule_entry {
    struct str name;                      /* copied, for the log */
    const struct schedule_config *config; /* read by schedule_new only */
    int64_t last_run_us;                  /* when its last run began; 0: it never ran */
};

struct schedule_hooks {
    /* Begins a run; schedule_finished ends it, from inside this call at the earliest. False: it
     * cannot begin now (somebody else runs it), which counts as a passing failure. `woken`: it was
     * woken, and is not due. */
    bool (*start)(void *arg, size_t entry, bool woken);
    void *arg;
    size_t limit; /* runs at a time; 0: no limit */
};

struct schedule_status {
    enum schedule_state state;
    int64_t next_us; /* the next start by the wall clock; in the past when it only waits for its
                        turn; SCHEDULE_NEVER when there is none */
    unsigned failures, crashes; /* in a row */
};

struct schedule;

/* NULL when a schedule cannot be read. Starts come from the loop, not from this call. The world
 * must outlive it. */
struct schedule *schedule_new(const struct world *world, const struct schedule_entry *entries,
                              size_t count, const struct schedule_hooks *hooks, struct error *err);

/* Runs that still go on are not told of again. */
void schedule_free(struct schedule *s);

/* The run of this entry is over. An entry that does not run is ignored. */
void schedule_finished(struct schedule *s, size_t entry, enum schedule_result result);

/* Starts it soon, again when it is running. */
void schedule_wake(struct schedule *s, size_t entry);

/* No more starts; what runs may finish. */
void schedule_stop(struct schedule *s);

size_t schedule_running(const struct schedule *s);

struct schedule_status schedule_next(const struct schedule *s, size_t entry);

const char *schedule_state_name(enum schedule_state state);

#endif
