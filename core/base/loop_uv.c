/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop_uv.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/mem.h"
#include "base/time.h"

enum { MOST_THREADS = 16 };

/* A queue of jobs and the threads that take from it. */
struct crew {
    struct uv_backend *backend;
    const char *name; /* of its threads, for those who look at the process */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, **end;
    pthread_t threads[MOST_THREADS];
    int started, wanted;
    int idle;
    bool stop;
};

struct uv_backend {
    uv_loop_t uv;
    uv_timer_t timeout;
    uv_async_t woken;
    struct loop *loop;
    struct crew crews[2]; /* by enum executor */
};

struct watch {
    uv_poll_t poll;
    void (*fn)(void *arg, int events);
    void *arg;
};

static int64_t clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static int64_t monotonic_us(void *self)
{
    (void)self;
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t wall_us(void *self)
{
    (void)self;
    return clock_us(CLOCK_REALTIME);
}

/* ---- waiting ---- */

static void on_timeout(uv_timer_t *timer)
{
    (void)timer; /* its only work is to end the wait */
}

static void on_woken(uv_async_t *async)
{
    (void)async;
}

static void uv_wait(void *self, int64_t timeout_us)
{
    struct uv_backend *b = self;
    if (timeout_us == 0) {
        uv_run(&b->uv, UV_RUN_NOWAIT);
        return;
    }
    if (timeout_us > 0) {
        uv_update_time(&b->uv);
        uv_timer_start(&b->timeout, on_timeout, (uint64_t)((timeout_us + 999) / 1000), 0);
    }
    uv_run(&b->uv, UV_RUN_ONCE);
    uv_timer_stop(&b->timeout);
}

static void uv_wake(void *self)
{
    struct uv_backend *b = self;
    uv_async_send(&b->woken);
}

/* ---- threads ---- */

static struct job *take_job(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->idle++;
    while (!crew->first && !crew->stop)
        pthread_cond_wait(&crew->more, &crew->lock);
    crew->idle--;
    struct job *job = crew->first;
    if (job) {
        crew->first = job->next;
        if (!crew->first)
            crew->end = &crew->first;
    }
    pthread_mutex_unlock(&crew->lock);
    return job;
}

static void *crew_thread(void *arg)
{
    struct crew *crew = arg;
    pthread_setname_np(pthread_self(), crew->name);
    for (struct job *job; (job = take_job(crew));) {
        job->work(job->arg);
        loop_job_done(crew->backend->loop, job);
    }
    return NULL;
}

/* Signals belong to the loop's thread. */
static void start_thread(struct crew *crew)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&crew->threads[crew->started], NULL, crew_thread, crew) == 0)
        crew->started++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void uv_submit(void *self, enum executor executor, struct job *job)
{
    struct uv_backend *b = self;
    struct crew *crew = &b->crews[executor];
    job->next = NULL;
    pthread_mutex_lock(&crew->lock);
    if (crew->idle == 0 && crew->started < crew->wanted)
        start_thread(crew);
    bool here = crew->started == 0; /* the machine has no thread left: slower, but it goes on */
    if (!here) {
        *crew->end = job;
        crew->end = &job->next;
        pthread_cond_signal(&crew->more);
    }
    pthread_mutex_unlock(&crew->lock);
    if (here) {
        job->work(job->arg);
        loop_job_done(b->loop, job);
    }
}

static void crew_init(struct crew *crew, struct uv_backend *b, const char *name, int threads)
{
    crew->backend = b;
    crew->name = name;
    crew->wanted = threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads;
    crew->end = &crew->first;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->more, NULL);
}

/* Jobs still queued are dropped: their owners are gone by the time a loop is freed. */
static void crew_stop(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->stop = true;
    crew->first = NULL;
    crew->end = &crew->first;
    pthread_cond_broadcast(&crew->more);
    pthread_mutex_unlock(&crew->lock);
    for (int i = 0; i < crew->started; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_cond_destroy(&crew->more);
    pthread_mutex_destroy(&crew->lock);
}

/* ---- descriptors ---- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int seen = 0;
    if (status < 0 || (events & (UV_READABLE | UV_DISCONNECT)))
        seen |= LOOP_READABLE;
    if (status < 0 || (events & UV_WRITABLE))
        seen |= LOOP_WRITABLE;
    watch->fn(watch->arg, seen);
}

static struct watch *uv_watch(void *self, int fd, int events, void (*fn)(void *arg, int events),
                              void *arg)
{
    struct uv_backend *b = self;
    struct watch *watch = MEM_NEW(struct watch);
    watch->fn = fn;
    watch->arg = arg;
    if (uv_poll_init(&b->uv, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    int wanted =
        (events & LOOP_READABLE ? UV_READABLE : 0) | (events & LOOP_WRITABLE ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, wanted, on_poll);
    return watch;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void uv_unwatch(void *self, struct watch *watch)
{
    (void)self;
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_closed);
}

/* ---- life ---- */

static void close_left(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, handle->type == UV_POLL ? on_closed : NULL);
}

static void uv_destroy(void *self)
{
    struct uv_backend *b = self;
    crew_stop(&b->crews[EXECUTOR_POOL]);
    crew_stop(&b->crews[EXECUTOR_STORE]);
    uv_walk(&b->uv, close_left, NULL);
    uv_run(&b->uv, UV_RUN_DEFAULT);
    uv_loop_close(&b->uv);
    free(b);
}

static const struct loop_backend uv_ops = {
    .monotonic_us = monotonic_us,
    .wall_us = wall_us,
    .wait = uv_wait,
    .wake = uv_wake,
    .submit = uv_submit,
    .watch = uv_watch,
    .unwatch = uv_unwatch,
    .destroy = uv_destroy,
};

struct loop *loop_uv_new(int pool_threads, struct error *err)
{
    struct uv_backend *b = MEM_NEW(struct uv_backend);
    int rc = uv_loop_init(&b->uv);
    if (rc == 0) {
        rc = uv_async_init(&b->uv, &b->woken, on_woken);
        if (rc != 0)
            uv_loop_close(&b->uv);
    }
    if (rc != 0) {
        error_set(err, "cannot start the event loop: %s", uv_strerror(rc));
        free(b);
        return NULL;
    }
    uv_timer_init(&b->uv, &b->timeout);
    crew_init(&b->crews[EXECUTOR_POOL], b, "pool", pool_threads);
    crew_init(&b->crews[EXECUTOR_STORE], b, "store", 1);
    b->loop = loop_new(&uv_ops, b);
    return b->loop;
}
