/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the loop that all backends share: the timers (a binary heap) and the posted calls. */
#include "base/loop.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct posted {
    loop_fn fn;
    void *arg;
};

struct posts {
    struct posted *items;
    size_t count, cap;
};

struct loop {
    const struct loop_backend *backend;
    void *self;

    struct timer **heap; /* heap[1..count] */
    size_t count, cap;
    uint64_t next_order;

    pthread_mutex_t lock; /* guards `posts` */
    struct posts posts;
    struct posts spare; /* room for posts, while a round does not use it */
};

struct loop *loop_new(const struct loop_backend *backend, void *self)
{
    struct loop *loop = MEM_NEW(struct loop);
    loop->backend = backend;
    loop->self = self;
    pthread_mutex_init(&loop->lock, NULL);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop->backend->destroy(loop->self); /* joins threads, which may still post */
    pthread_mutex_destroy(&loop->lock);
    free(loop->heap);
    free(loop->posts.items);
    free(loop->spare.items);
    free(loop);
}

int64_t loop_monotonic_us(const struct loop *loop)
{
    return loop->backend->monotonic_us(loop->self);
}

int64_t loop_wall_us(const struct loop *loop)
{
    return loop->backend->wall_us(loop->self);
}

/* ---- timers ---- */

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->order < b->order);
}

static void place(struct loop *loop, struct timer *timer, size_t position)
{
    loop->heap[position] = timer;
    timer->position = position;
}

static void sift_up(struct loop *loop, struct timer *timer, size_t position)
{
    for (; position > 1 && earlier(timer, loop->heap[position / 2]); position /= 2)
        place(loop, loop->heap[position / 2], position);
    place(loop, timer, position);
}

static void sift_down(struct loop *loop, struct timer *timer, size_t position)
{
    for (;;) {
        size_t child = position * 2;
        if (child < loop->count && earlier(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (child > loop->count || !earlier(loop->heap[child], timer))
            break;
        place(loop, loop->heap[child], position);
        position = child;
    }
    place(loop, timer, position);
}

void loop_timer(struct loop *loop, struct timer *timer, int64_t delay_us)
{
    loop_timer_stop(loop, timer);
    timer->due_us = loop_monotonic_us(loop) + (delay_us > 0 ? delay_us : 0);
    timer->order = loop->next_order++;
    loop->heap = mem_grow(loop->heap, &loop->cap, loop->count + 2, sizeof loop->heap[0]);
    loop->count++;
    sift_up(loop, timer, loop->count);
}

void loop_timer_stop(struct loop *loop, struct timer *timer)
{
    size_t position = timer->position;
    if (position == 0)
        return;
    timer->position = 0;
    struct timer *last = loop->heap[loop->count--];
    if (last == timer)
        return;
    if (position > 1 && earlier(last, loop->heap[position / 2]))
        sift_up(loop, last, position);
    else
        sift_down(loop, last, position);
}

bool loop_timer_started(const struct timer *timer)
{
    return timer->position != 0;
}

/* `before` keeps timers that callbacks start for the next round: one that starts itself again with
 * no delay must not keep the descriptors waiting. */
static bool run_due_timer(struct loop *loop, uint64_t before)
{
    if (loop->count == 0 || loop->heap[1]->order >= before ||
        loop->heap[1]->due_us > loop_monotonic_us(loop))
        return false;
    struct timer *timer = loop->heap[1];
    loop_timer_stop(loop, timer);
    timer->fn(timer->arg);
    return true;
}

/* ---- posted calls ---- */

void loop_post(struct loop *loop, loop_fn fn, void *arg)
{
    pthread_mutex_lock(&loop->lock);
    struct posts *posts = &loop->posts;
    posts->items = mem_grow(posts->items, &posts->cap, posts->count + 1, sizeof posts->items[0]);
    posts->items[posts->count++] = (struct posted){fn, arg};
    bool first = posts->count == 1;
    pthread_mutex_unlock(&loop->lock);
    if (first)
        loop->backend->wake(loop->self);
}

static bool run_posts(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct posts taken = loop->posts; /* all at once */
    loop->posts = loop->spare;
    loop->posts.count = 0;
    pthread_mutex_unlock(&loop->lock);
    loop->spare = (struct posts){0}; /* a call may run the loop itself */
    for (size_t i = 0; i < taken.count; i++)
        taken.items[i].fn(taken.items[i].arg);
    free(loop->spare.items);
    loop->spare = taken;
    return taken.count > 0;
}

void loop_submit(struct loop *loop, enum executor executor, struct job *job)
{
    loop->backend->submit(loop->self, executor, job);
}

void loop_job_done(struct loop *loop, struct job *job)
{
    loop_post(loop, job->done, job->arg);
}

/* ---- descriptors and running ---- */

struct watch *loop_watch(struct loop *loop, int fd, int events, void (*fn)(void *arg, int events),
                         void *arg)
{
    return loop->backend->watch(loop->self, fd, events, fn, arg);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (watch)
        loop->backend->unwatch(loop->self, watch);
}

void loop_turn(struct loop *loop, int64_t timeout_us)
{
    bool ran = run_posts(loop);
    uint64_t before = loop->next_order;
    while (run_due_timer(loop, before))
        ran = true;
    if (ran)
        timeout_us = 0;
    if (loop->count > 0 && timeout_us != 0) {
        int64_t until_due = loop->heap[1]->due_us - loop_monotonic_us(loop);
        if (until_due < 0)
            until_due = 0;
        if (timeout_us < 0 || until_due < timeout_us)
            timeout_us = until_due;
    }
    loop->backend->wait(loop->self, timeout_us);
}

void loop_run(struct loop *loop, const bool *stop)
{
    while (!*stop)
        loop_turn(loop, -1);
}
