/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/schedule.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#define LOOK_US        US_PER_MINUTE /* the longest sleep */
#define CLOCK_STEP_US  US_PER_SECOND /* less is a clock being steered, not set */
#define SLEPT_US       (2 * LOOK_US) /* due longer ago than this: the machine slept */
#define RETRY_FIRST_US (30 * US_PER_SECOND)
#define RETRY_MIN_US   US_PER_SECOND
#define OPEN_FIRST_US  US_PER_MINUTE
#define WAIT_MAX_US    US_PER_HOUR
#define WAKE_GAP_US    US_PER_SECOND /* from one woken run to the next */

struct entry {
    char *name;
    struct plan plan;
    int64_t last_us;      /* wall: when it last began, less its jitter */
    int64_t last_mono_us; /* the same instant on the monotonic clock */
    int64_t base_us;      /* wall: the next due time */
    int64_t due_us;       /* wall: base_us and jitter */
    int64_t retry_us;     /* monotonic; SCHEDULE_NEVER: none. Also the end of an open circuit */
    int64_t wake_us;      /* monotonic: when it is woken; SCHEDULE_NEVER: it is not */
    int64_t woken_us;     /* monotonic: not sooner than this the next time */
    int64_t queued_us;    /* wall: when it came due; only while queued or again */
    int64_t late_us;      /* jitter of the queued start */
    bool queued, running;
    bool woken; /* of the queued start: it did not come due, it was woken */
    bool again; /* came due while running */
    unsigned failures, crashes;
};

struct schedule {
    const struct world *world;
    struct schedule_hooks hooks;
    struct timer timer;
    struct entry *entries;
    size_t count, running;
    int64_t offset_us; /* of the wall clock to the monotonic one, at the last look */
    bool stopped;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* first, twice that, ... up to an hour. */
static int64_t doubled(int64_t first_us, unsigned times)
{
    return times < 10 ? least(first_us << times, WAIT_MAX_US) : WAIT_MAX_US;
}

static bool is_open(const struct entry *e)
{
    return e->crashes >= SCHEDULE_CRASHES;
}

/* ---- due times ---- */

/* Where to look for the next due time from. Ahead of now only when the clock was set back to before
 * the last start: then due times up to it had their run, but one that comes a whole period after it
 * is wanted all the same. */
static int64_t search_from(const struct schedule *s, const struct entry *e)
{
    int64_t now = world_now(s->world);
    if (e->last_us <= now)
        return now;
    int64_t following = plan_next(&e->plan, e->last_us, e->last_us);
    if (following == SCHEDULE_NEVER)
        return now;
    int64_t passed = world_monotonic(s->world) - e->last_mono_us;
    int64_t period_over = now + (following - e->last_us) - passed - 1;
    return most(now, least(e->last_us, period_over));
}

static void plan_ahead(struct schedule *s, struct entry *e)
{
    e->base_us = e->due_us = plan_next(&e->plan, e->last_us, search_from(s, e));
    if (e->base_us != SCHEDULE_NEVER)
        e->due_us += world_random_below(s->world, plan_jitter(&e->plan, e->base_us) + 1);
}

static void enqueue(struct entry *e, int64_t due_us, int64_t late_us)
{
    e->queued = true;
    e->woken = false;
    e->queued_us = due_us;
    e->late_us = late_us;
    e->retry_us = SCHEDULE_NEVER;
}

static void come_due(struct schedule *s, struct entry *e)
{
    int64_t base = e->base_us, late = e->due_us - e->base_us;
    bool slept = world_now(s->world) - e->due_us > SLEPT_US;
    plan_ahead(s, e);
    if ((is_open(e) && !e->running) || (e->queued && !e->woken) || (slept && !e->plan.catch_up))
        return;
    if (!e->running) {
        enqueue(e, base, late);
    } else if (!e->again) {
        e->again = true;
        e->queued_us = base;
    }
}

/* What has come due, or is held by an open circuit, does what waking it would. */
static void come_awake(struct schedule *s, struct entry *e)
{
    e->wake_us = SCHEDULE_NEVER;
    if (e->queued || is_open(e))
        return;
    enqueue(e, world_now(s->world), 0);
    e->woken = true;
}

static void look_at(struct schedule *s, struct entry *e)
{
    if (!e->running && e->wake_us <= world_monotonic(s->world))
        come_awake(s, e);
    if (e->due_us <= world_now(s->world))
        come_due(s, e);
    if (e->retry_us <= world_monotonic(s->world))
        enqueue(e, world_now(s->world), 0);
}

/* Intervals keep the time that they had left; due times of the calendar are found anew, but for one
 * that has come and only waits out its jitter. */
static void step_back(struct schedule *s, struct entry *e, int64_t step)
{
    if (e->plan.every_us <= 0) {
        if (e->base_us > world_now(s->world))
            plan_ahead(s, e);
        return;
    }
    e->last_us += step;
    e->base_us += step;
    e->due_us += step;
}

/* Whether somebody has set the wall clock. Forward needs nothing: due times come sooner. */
static void follow_clock(struct schedule *s)
{
    int64_t offset = world_now(s->world) - world_monotonic(s->world);
    int64_t step = offset - s->offset_us;
    if (step < 0 && step > -CLOCK_STEP_US)
        return;
    s->offset_us = offset;
    for (size_t i = 0; step < 0 && i < s->count; i++)
        step_back(s, &s->entries[i], step);
}

/* Begins again before it is due, unless that would be no sooner. */
static void back_off(struct schedule *s, struct entry *e)
{
    int64_t below = doubled(RETRY_FIRST_US, e->failures - 1);
    int64_t delay = most(RETRY_MIN_US, world_random_below(s->world, below));
    if (is_open(e) || delay < e->due_us - world_now(s->world))
        e->retry_us = world_monotonic(s->world) + delay;
}

/* ---- starting ---- */

/* When it is due next is counted from a start like this one. */
static void note_start(struct schedule *s, struct entry *e)
{
    int64_t now = world_now(s->world);
    e->last_us = now - e->late_us;
    if (e->plan.every_us <= 0)
        e->last_us = most(e->last_us, e->queued_us); /* the clock may have been set back since */
    e->last_mono_us = world_monotonic(s->world) - e->late_us;
    plan_ahead(s, e);
}

static void start(struct schedule *s, struct entry *e)
{
    e->queued = false;
    e->running = true;
    s->running++;
    e->wake_us = SCHEDULE_NEVER;
    e->woken_us = world_monotonic(s->world) + WAKE_GAP_US;
    if (!e->woken)
        note_start(s, e);
    if (s->hooks.start(s->hooks.arg, (size_t)(e - s->entries), e->woken))
        return;
    e->running = false;
    s->running--;
    e->failures++;
    back_off(s, e);
}

static struct entry *first_queued(const struct schedule *s)
{
    struct entry *first = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct entry *e = &s->entries[i];
        if (e->queued && (!first || e->queued_us < first->queued_us))
            first = e;
    }
    return first;
}

static void sleep_on(struct schedule *s)
{
    int64_t delay = LOOK_US;
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *e = &s->entries[i];
        delay = least(delay, e->due_us - world_now(s->world));
        delay = least(delay, e->retry_us - world_monotonic(s->world));
        if (!e->running)
            delay = least(delay, e->wake_us - world_monotonic(s->world));
    }
    loop_timer(s->world->loop, &s->timer, delay);
}

static void on_timer(void *arg)
{
    struct schedule *s = arg;
    struct entry *e;
    follow_clock(s);
    for (size_t i = 0; i < s->count; i++)
        look_at(s, &s->entries[i]);
    while (!s->stopped && (s->hooks.limit == 0 || s->running < s->hooks.limit) &&
           (e = first_queued(s)) != NULL)
        start(s, e);
    if (!s->stopped)
        sleep_on(s);
}

/* ---- the end of a run ---- */

static void open_circuit(struct schedule *s, struct entry *e)
{
    char wait_text[TIME_TEXT];
    int64_t wait = doubled(OPEN_FIRST_US, e->crashes - SCHEDULE_CRASHES);
    e->again = false;
    e->retry_us = world_monotonic(s->world) + wait;
    log_line(LOG_ERROR, e->name,
             "the connector crashed %u times in a row: it is not started for %s; "
             "look at its last run for the cause",
             e->crashes, time_format_span(wait, wait_text));
}

static void count_result(struct schedule *s, struct entry *e, enum schedule_result result)
{
    if (result != SCHEDULE_CRASHED && is_open(e))
        log_line(LOG_INFO, e->name, "the connector ran without a crash: back to its schedule");
    e->failures = result == SCHEDULE_OK ? 0 : e->failures + 1;
    e->crashes = result == SCHEDULE_CRASHED ? e->crashes + 1 : 0;
    if (is_open(e))
        open_circuit(s, e);
    else if (result == SCHEDULE_PASSING || result == SCHEDULE_CRASHED)
        back_off(s, e);
}

void schedule_finished(struct schedule *s, size_t entry, enum schedule_result result)
{
    if (entry >= s->count || !s->entries[entry].running)
        return;
    struct entry *e = &s->entries[entry];
    e->running = false;
    s->running--;
    count_result(s, e, result);
    if (e->again)
        enqueue(e, e->queued_us, 0);
    e->again = false;
    if (!s->stopped)
        loop_timer(s->world->loop, &s->timer, 0);
}

void schedule_wake(struct schedule *s, size_t entry)
{
    if (entry >= s->count || s->stopped)
        return;
    struct entry *e = &s->entries[entry];
    if (e->wake_us != SCHEDULE_NEVER)
        return;
    e->wake_us = most(world_monotonic(s->world), e->woken_us);
    loop_timer(s->world->loop, &s->timer, 0);
}

/* ---- the whole ---- */

/* What is to happen when the host starts: at once what never ran, and what missed a due time. */
static void first_plan(struct schedule *s, struct entry *e, int64_t last_run_us)
{
    int64_t now = world_now(s->world);
    bool in_future = last_run_us > now;
    e->last_us = in_future && e->plan.every_us > 0 ? now : last_run_us;
    e->last_mono_us = world_monotonic(s->world) - (in_future ? 0 : now - last_run_us);
    int64_t missed = last_run_us > 0 ? plan_next(&e->plan, e->last_us, e->last_us) : now;
    if (missed <= now && (last_run_us <= 0 || e->plan.catch_up))
        enqueue(e, missed, 0);
    plan_ahead(s, e);
}

struct schedule *schedule_new(const struct world *world, const struct schedule_entry *entries,
                              size_t count, const struct schedule_hooks *hooks, struct error *err)
{
    struct schedule *s = MEM_NEW(struct schedule);
    s->world = world;
    s->hooks = *hooks;
    s->timer = (struct timer){.fn = on_timer, .arg = s};
    s->offset_us = world_now(world) - world_monotonic(world);
    s->entries = mem_new(count, sizeof s->entries[0]);
    for (; s->count < count; s->count++) {
        struct entry *e = &s->entries[s->count];
        const struct schedule_entry *from = &entries[s->count];
        if (plan_from_config(from->config, &e->plan, err)) {
            error_prefix(err, "%.*s", STR_ARG(from->name));
            schedule_free(s);
            return NULL;
        }
        e->name = mem_strndup(from->name.ptr, from->name.len);
        e->retry_us = e->wake_us = SCHEDULE_NEVER;
        first_plan(s, e, from->last_run_us);
    }
    loop_timer(world->loop, &s->timer, 0);
    return s;
}

void schedule_free(struct schedule *s)
{
    if (!s)
        return;
    loop_timer_stop(s->world->loop, &s->timer);
    for (size_t i = 0; i < s->count; i++)
        free(s->entries[i].name);
    free(s->entries);
    free(s);
}

void schedule_stop(struct schedule *s)
{
    s->stopped = true;
    loop_timer_stop(s->world->loop, &s->timer);
}

size_t schedule_running(const struct schedule *s)
{
    return s->running;
}

static enum schedule_state state_of(const struct schedule *s, const struct entry *e)
{
    if (e->running)
        return SCHEDULE_RUNNING;
    if (s->stopped)
        return SCHEDULE_STOPPED;
    if (e->queued)
        return SCHEDULE_QUEUED;
    if (is_open(e))
        return SCHEDULE_OPEN;
    return e->retry_us != SCHEDULE_NEVER ? SCHEDULE_BACKING_OFF : SCHEDULE_WAITING;
}

struct schedule_status schedule_next(const struct schedule *s, size_t entry)
{
    if (entry >= s->count)
        return (struct schedule_status){SCHEDULE_STOPPED, SCHEDULE_NEVER, 0, 0};
    const struct entry *e = &s->entries[entry];
    struct schedule_status status = {state_of(s, e), e->due_us, e->failures, e->crashes};
    if (s->stopped)
        status.next_us = SCHEDULE_NEVER;
    else if (e->queued || e->again)
        status.next_us = e->queued_us;
    else if (e->retry_us != SCHEDULE_NEVER)
        status.next_us = world_now(s->world) + e->retry_us - world_monotonic(s->world);
    return status;
}

const char *schedule_state_name(enum schedule_state state)
{
    static const char *const names[] = {"waiting",     "queued",       "running",
                                        "backing off", "circuit open", "stopped"};
    return names[state];
}
