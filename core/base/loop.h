/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: timers, descriptors, work on other threads and its results. All callbacks run on
 * the thread that runs the loop. The clock, the waiting and the threads come from a backend: libuv
 * in the host (loop_uv.h), a virtual clock in tests, where a run can be repeated exactly.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/str.h"

struct loop;
typedef void (*loop_fn)(void *arg);

/* Owned by the caller; must stay in place while started. */
struct timer {
    loop_fn fn;
    void *arg;
    int64_t due_us;  /* on the monotonic clock */
    uint64_t order;  /* of starting: breaks ties */
    size_t position; /* in the heap, from 1; 0: not started */
};

/* Where work runs. STORE is one thread, so that what is given to it runs in order. */
enum executor { EXECUTOR_POOL, EXECUTOR_STORE };

/* Owned by the caller until `done` has been called. */
struct job {
    loop_fn work; /* on the executor */
    loop_fn done; /* on the loop; both get `arg` */
    void *arg;
    struct job *next; /* the backend's */
};

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };

struct watch; /* one descriptor being watched */

struct loop_backend {
    int64_t (*monotonic_us)(void *self);
    int64_t (*wall_us)(void *self);
    /* Waits for something to happen, at most `timeout_us` (negative: no limit). */
    void (*wait)(void *self, int64_t timeout_us);
    /* Ends a wait; from any thread. */
    void (*wake)(void *self);
    /* Runs job->work on the executor, then gives the job to loop_job_done. */
    void (*submit)(void *self, enum executor executor, struct job *job);
    struct watch *(*watch)(void *self, int fd, int events, void (*fn)(void *arg, int events),
                           void *arg);
    void (*unwatch)(void *self, struct watch *watch);
    void (*destroy)(void *self);
};

struct loop *loop_new(const struct loop_backend *backend, void *self);
void loop_free(struct loop *loop);

int64_t loop_monotonic_us(const struct loop *loop);
int64_t loop_wall_us(const struct loop *loop);

/* (Re)starts a timer; `fn` and `arg` are set by the caller. A negative delay counts as 0. */
void loop_timer(struct loop *loop, struct timer *timer, int64_t delay_us);
void loop_timer_stop(struct loop *loop, struct timer *timer);
bool loop_timer_started(const struct timer *timer);

/* Calls `fn` soon, after what was posted before. From any thread. */
void loop_post(struct loop *loop, loop_fn fn, void *arg);

void loop_submit(struct loop *loop, enum executor executor, struct job *job);
void loop_job_done(struct loop *loop, struct job *job); /* for backends; from any thread */

/* NULL when the descriptor cannot be watched. */
struct watch *loop_watch(struct loop *loop, int fd, int events, void (*fn)(void *arg, int events),
                         void *arg);
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Runs until `*stop` is true. */
void loop_run(struct loop *loop, const bool *stop);

/* One round: what is due now, waiting at most `timeout_us` when nothing is. */
void loop_turn(struct loop *loop, int64_t timeout_us);

#endif
