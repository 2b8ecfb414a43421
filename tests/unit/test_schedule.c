/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler on a virtual clock: runs that last as long as a test says and end as it says. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/time.h"
#include "schedule/schedule.h"
#include "virtual_loop.h"

enum { ENTRIES = 8, STARTS = 400 };

struct fake_run {
    struct timer timer;
    size_t entry;
    int64_t takes_us;
    enum schedule_result result;
    bool refuse; /* start says that it cannot begin */
};

static struct virtual_world w;
static struct schedule *s;
static struct fake_run runs[ENTRIES];
static struct {
    size_t entry;
    int64_t wall_us, mono_us;
    bool woken;
} starts[STARTS];
static size_t start_count, most_running;

static void on_run_end(void *arg)
{
    struct fake_run *run = arg;
    schedule_finished(s, run->entry, run->result);
}

static bool on_start(void *arg, size_t entry, bool woken)
{
    struct fake_run *run = &runs[entry];
    CU_ASSERT_PTR_EQUAL(arg, runs);
    CU_ASSERT_FATAL(start_count < STARTS);
    starts[start_count].entry = entry;
    starts[start_count].woken = woken;
    starts[start_count].wall_us = world_now(&w.world);
    starts[start_count++].mono_us = world_monotonic(&w.world);
    if (schedule_running(s) > most_running)
        most_running = schedule_running(s);
    if (run->refuse)
        return false;
    run->timer = (struct timer){.fn = on_run_end, .arg = run};
    run->entry = entry;
    if (run->takes_us == 0)
        schedule_finished(s, entry, run->result);
    else
        loop_timer(w.world.loop, &run->timer, run->takes_us);
    return true;
}

/* ---- set up ---- */

static int64_t at(const char *text)
{
    int64_t us = 0;
    CU_ASSERT_FATAL(time_parse_rfc3339(str_from(text), &us));
    return us;
}

static void open_world(const char *now)
{
    virtual_world_open(&w, at(now), 7);
    memset(runs, 0, sizeof runs);
    for (size_t i = 0; i < ENTRIES; i++)
        runs[i].takes_us = US_PER_SECOND;
    start_count = most_running = 0;
}

static void open_schedule(const struct schedule_entry *entries, size_t count, size_t limit)
{
    struct schedule_hooks hooks = {.start = on_start, .arg = runs, .limit = limit};
    struct error err;
    s = schedule_new(&w.world, entries, count, &hooks, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
}

static struct schedule_config hourly(void)
{
    return (struct schedule_config){.frequency = FREQUENCY_HOURLY, .catch_up = true};
}

/* One entry that ran at `last`. */
static void open_one(struct schedule_config config, const char *last)
{
    struct schedule_entry entry = {STR("crm"), &config, last ? at(last) : 0};
    open_schedule(&entry, 1, 0);
}

static void close_all(void)
{
    for (size_t i = 0; i < ENTRIES; i++)
        loop_timer_stop(w.world.loop, &runs[i].timer);
    schedule_free(s);
    virtual_world_close(&w);
}

static void note_passed(void *arg)
{
    *(bool *)arg = true;
}

static void pass(int64_t us)
{
    bool passed = false;
    struct timer timer = {.fn = note_passed, .arg = &passed};
    loop_timer(w.world.loop, &timer, us);
    loop_run(w.world.loop, &passed);
}

static void set_clock(int64_t by_us)
{
    w.now_us += by_us;
    w.start_us += by_us;
}

/* All starts since the last call, as "entry time" lines. */
static void expect_starts(const char *expected, int line)
{
    struct buf out = BUF_INIT(65536);
    char text[TIME_TEXT];
    for (size_t i = 0; i < start_count; i++)
        buf_printf(&out, "%zu %s\n", starts[i].entry, time_format(starts[i].wall_us, text));
    unit_text(buf_cstr(&out), expected, __FILE__, line);
    buf_free(&out);
    start_count = 0;
}
#define STARTED(expected) expect_starts((expected), __LINE__)

static void expect_status(enum schedule_state state, const char *next, int line)
{
    char text[TIME_TEXT];
    struct schedule_status status = schedule_next(s, 0);
    unit_text(schedule_state_name(status.state), schedule_state_name(state), __FILE__, line);
    unit_text(status.next_us == SCHEDULE_NEVER ? "never" : time_format(status.next_us, text), next,
              __FILE__, line);
}
#define STATUS(state, next) expect_status((state), (next), __LINE__)

/* ---- due times ---- */

static void test_hourly(void)
{
    open_world("2026-03-01T10:20:00Z");
    open_one(hourly(), "2026-03-01T10:00:00Z");
    STATUS(SCHEDULE_WAITING, "2026-03-01T11:00:00Z");
    pass(3 * US_PER_HOUR);
    STARTED("0 2026-03-01T11:00:00Z\n0 2026-03-01T12:00:00Z\n0 2026-03-01T13:00:00Z\n");
    close_all();
}

static void test_interval(void)
{
    open_world("2026-03-01T10:02:00Z");
    open_one((struct schedule_config){.every_us = 5 * US_PER_MINUTE, .catch_up = true},
             "2026-03-01T10:00:30Z");
    pass(9 * US_PER_MINUTE);
    STARTED("0 2026-03-01T10:05:30Z\n0 2026-03-01T10:10:30Z\n");
    close_all();
}

static void test_overlap(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.every_us = 5 * US_PER_MINUTE}, "2026-03-01T10:00:00Z");
    runs[0].takes_us = 17 * US_PER_MINUTE;
    pass(6 * US_PER_MINUTE);
    STATUS(SCHEDULE_RUNNING, "2026-03-01T10:10:00Z");
    pass(15 * US_PER_MINUTE);
    STATUS(SCHEDULE_RUNNING, "2026-03-01T10:10:00Z");
    runs[0].takes_us = US_PER_MINUTE;
    pass(8 * US_PER_MINUTE);
    /* three due times were missed by the long run: one start makes up for them */
    STARTED("0 2026-03-01T10:05:00Z\n0 2026-03-01T10:22:00Z\n0 2026-03-01T10:27:00Z\n");
    close_all();
}

static void test_jitter(void)
{
    int64_t least = US_PER_HOUR, most = 0;
    open_world("2026-03-01T10:20:00Z");
    struct schedule_config config = hourly();
    config.jitter_us = 10 * US_PER_MINUTE;
    open_one(config, "2026-03-01T10:00:00Z");
    pass(300 * US_PER_HOUR);
    CU_ASSERT(start_count == 300 || start_count == 299);
    for (size_t i = 0; i < start_count; i++) {
        int64_t late = starts[i].wall_us % US_PER_HOUR;
        least = late < least ? late : least;
        most = late > most ? late : most;
    }
    CU_ASSERT(least < US_PER_MINUTE);
    CU_ASSERT(most > 9 * US_PER_MINUTE && most <= 10 * US_PER_MINUTE);
    close_all();
}

/* Jitter does not add up: each period counts from the due time. */
static void test_jitter_of_interval(void)
{
    open_world("2026-03-01T00:00:00Z");
    open_one((struct schedule_config){.every_us = 10 * US_PER_MINUTE, .jitter_us = -1},
             "2026-03-01T00:00:00Z");
    pass(50 * US_PER_HOUR + US_PER_MINUTE);
    CU_ASSERT_EQUAL(start_count, 300);
    for (size_t i = 0; i < start_count; i++)
        CU_ASSERT(starts[i].wall_us % (10 * US_PER_MINUTE) <= US_PER_MINUTE);
    close_all();
}

/* ---- catching up ---- */

static void test_never_ran(void)
{
    struct schedule_config config = hourly();
    config.catch_up = false;
    open_world("2026-03-01T10:20:00Z");
    open_one(config, NULL);
    CU_ASSERT_EQUAL(start_count, 0); /* not from inside schedule_new */
    pass(US_PER_HOUR);
    STARTED("0 2026-03-01T10:20:00Z\n0 2026-03-01T11:00:00Z\n");
    close_all();
}

static void test_catch_up_once(void)
{
    open_world("2026-03-05T10:20:00Z");
    open_one(hourly(), "2026-03-01T10:00:00Z");
    pass(US_PER_HOUR);
    STARTED("0 2026-03-05T10:20:00Z\n0 2026-03-05T11:00:00Z\n");
    close_all();
}

static void test_no_catch_up(void)
{
    struct schedule_config config = hourly();
    config.catch_up = false;
    open_world("2026-03-05T10:20:00Z");
    open_one(config, "2026-03-01T10:00:00Z");
    pass(US_PER_HOUR);
    STARTED("0 2026-03-05T11:00:00Z\n");
    close_all();
    open_world("2026-03-05T10:22:00Z");
    open_one((struct schedule_config){.every_us = 5 * US_PER_MINUTE}, "2026-03-05T10:00:00Z");
    pass(5 * US_PER_MINUTE);
    STARTED("0 2026-03-05T10:25:00Z\n");
    close_all();
}

/* ---- the clock is set ---- */

static void test_clock_forward(void)
{
    open_world("2026-03-01T10:20:00Z");
    open_one(hourly(), "2026-03-01T10:00:00Z");
    pass(US_PER_MINUTE);
    set_clock(5 * US_PER_HOUR);
    pass(2 * US_PER_HOUR);
    CU_ASSERT_EQUAL(start_count, 3);
    CU_ASSERT(starts[0].mono_us <= 2 * US_PER_MINUTE); /* seen within a minute */
    starts[0].wall_us = at("2026-03-01T15:21:30Z");
    STARTED("0 2026-03-01T15:21:30Z\n0 2026-03-01T16:00:00Z\n0 2026-03-01T17:00:00Z\n");
    close_all();
}

static void test_clock_forward_no_catch_up(void)
{
    struct schedule_config config = hourly();
    config.catch_up = false;
    open_world("2026-03-01T10:20:00Z");
    open_one(config, "2026-03-01T10:00:00Z");
    pass(US_PER_MINUTE);
    set_clock(5 * US_PER_HOUR);
    pass(US_PER_HOUR);
    STARTED("0 2026-03-01T16:00:00Z\n");
    close_all();
}

static void test_clock_back_a_little(void)
{
    struct schedule_config daily = {.frequency = FREQUENCY_DAILY, .catch_up = true};
    open_world("2026-03-01T23:50:00Z");
    open_one(daily, "2026-03-01T00:00:00Z");
    pass(15 * US_PER_MINUTE);
    STARTED("0 2026-03-02T00:00:00Z\n");
    set_clock(-20 * US_PER_MINUTE);
    pass(US_PER_HOUR); /* past midnight once more: it ran already */
    STARTED("");
    STATUS(SCHEDULE_WAITING, "2026-03-03T00:00:00Z");
    pass(24 * US_PER_HOUR);
    STARTED("0 2026-03-03T00:00:00Z\n");
    close_all();
}

/* The clock was years ahead: nothing waits until it is there again. */
static void test_clock_back_years(void)
{
    open_world("2030-06-01T10:20:00Z");
    open_one(hourly(), "2030-06-01T10:00:00Z");
    pass(US_PER_HOUR);
    STARTED("0 2030-06-01T11:00:00Z\n");
    set_clock(at("2026-03-01T09:50:00Z") - w.now_us);
    pass(130 * US_PER_MINUTE);
    /* 10:00 is 30 minutes after the last run, 11:00 is more than an hour */
    STARTED("0 2026-03-01T11:00:00Z\n0 2026-03-01T12:00:00Z\n");
    close_all();
}

static void test_clock_back_in_queue(void)
{
    struct schedule_config daily = {.frequency = FREQUENCY_DAILY};
    int64_t last = at("2026-03-01T00:00:00Z");
    const struct schedule_entry entries[] = {{STR("a"), &daily, last}, {STR("b"), &daily, last}};
    open_world("2026-03-01T23:59:00Z");
    open_schedule(entries, 2, 1);
    runs[0].takes_us = 10 * US_PER_MINUTE;
    pass(6 * US_PER_MINUTE);
    set_clock(-20 * US_PER_MINUTE); /* 23:45; `b` still waits for its turn */
    pass(US_PER_HOUR);
    STARTED("0 2026-03-02T00:00:00Z\n1 2026-03-01T23:50:00Z\n");
    close_all();
}

static void test_clock_back_in_jitter(void)
{
    struct schedule_config config = hourly();
    config.jitter_us = 10 * US_PER_MINUTE;
    open_world("2026-03-01T10:59:00Z");
    open_one(config, "2026-03-01T10:00:00Z");
    pass(US_PER_MINUTE + 10 * US_PER_SECOND);
    CU_ASSERT_EQUAL(start_count, 0);
    set_clock(-5 * US_PER_SECOND);
    pass(11 * US_PER_MINUTE);
    CU_ASSERT_EQUAL(start_count, 1);
    close_all();
}

static void test_clock_back_interval(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.every_us = 5 * US_PER_MINUTE}, "2026-03-01T10:00:00Z");
    pass(2 * US_PER_MINUTE);
    set_clock(-3 * US_PER_HOUR);
    pass(9 * US_PER_MINUTE);
    CU_ASSERT_EQUAL_FATAL(start_count, 2); /* as if nothing had been */
    CU_ASSERT_EQUAL(starts[0].mono_us, 5 * US_PER_MINUTE);
    CU_ASSERT_EQUAL(starts[1].mono_us, 10 * US_PER_MINUTE);
    close_all();
}

/* The host was off while the clock was corrected: the last run seems to come. */
static void test_last_run_in_future(void)
{
    open_world("2026-03-01T10:30:00Z");
    open_one(hourly(), "2029-01-01T00:00:00Z");
    pass(2 * US_PER_HOUR);
    STARTED("0 2026-03-01T12:00:00Z\n");
    close_all();
    open_world("2026-03-01T10:30:00Z");
    open_one((struct schedule_config){.every_us = US_PER_HOUR, .catch_up = true},
             "2029-01-01T00:00:00Z");
    pass(2 * US_PER_HOUR - US_PER_SECOND);
    STARTED("0 2026-03-01T11:30:00Z\n");
    close_all();
}

/* ---- the limit ---- */

static void test_limit(void)
{
    struct schedule_config at_3 = {.frequency = FREQUENCY_CRON, .cron = STR("3 * * * *")};
    struct schedule_config at_2 = {.frequency = FREQUENCY_CRON, .cron = STR("2 * * * *")};
    struct schedule_config at_1 = {.frequency = FREQUENCY_CRON, .cron = STR("1 * * * *")};
    int64_t last = at("2026-03-01T10:05:00Z");
    const struct schedule_entry entries[] = {{STR("a"), &at_3, last},
                                             {STR("b"), &at_2, last},
                                             {STR("c"), &at_1, last},
                                             {STR("d"), &at_1, last},
                                             {STR("e"), &at_3, last}};
    open_world("2026-03-01T11:00:00Z");
    open_schedule(entries, 5, 2);
    for (size_t i = 0; i < 5; i++)
        runs[i].takes_us = 10 * US_PER_MINUTE;
    pass(5 * US_PER_MINUTE);
    STATUS(SCHEDULE_QUEUED, "2026-03-01T11:03:00Z");
    CU_ASSERT_EQUAL(schedule_running(s), 2);
    pass(40 * US_PER_MINUTE);
    STARTED("2 2026-03-01T11:01:00Z\n3 2026-03-01T11:01:00Z\n"
            "1 2026-03-01T11:11:00Z\n0 2026-03-01T11:11:00Z\n"
            "4 2026-03-01T11:21:00Z\n");
    CU_ASSERT_EQUAL(most_running, 2);
    close_all();
}

/* One that is always due does not keep the others out. */
static void test_limit_is_fair(void)
{
    struct schedule_config often = {.every_us = 10 * US_PER_SECOND};
    struct schedule_config once = hourly();
    int64_t last = at("2026-03-01T10:00:00Z");
    const struct schedule_entry entries[] = {
        {STR("a"), &often, last}, {STR("b"), &often, last}, {STR("c"), &once, last}};
    open_world("2026-03-01T10:59:30Z");
    open_schedule(entries, 3, 1);
    for (size_t i = 0; i < 3; i++)
        runs[i].takes_us = US_PER_MINUTE;
    pass(4 * US_PER_MINUTE);
    size_t seen = 0;
    for (size_t i = 0; i < start_count; i++)
        seen += starts[i].entry == 2;
    CU_ASSERT_EQUAL(seen, 1);
    close_all();
}

/* ---- failures ---- */

static void test_back_off(void)
{
    open_world("2026-03-01T23:59:59Z");
    open_one((struct schedule_config){.frequency = FREQUENCY_DAILY}, "2026-03-01T00:00:00Z");
    runs[0].result = SCHEDULE_PASSING;
    pass(3 * US_PER_SECOND);
    CU_ASSERT_EQUAL(schedule_next(s, 0).state, SCHEDULE_BACKING_OFF);
    CU_ASSERT_EQUAL(schedule_next(s, 0).failures, 1);
    CU_ASSERT(schedule_next(s, 0).next_us <= w.now_us + 30 * US_PER_SECOND);
    pass(23 * US_PER_HOUR);
    CU_ASSERT_FATAL(start_count > 20 && start_count < 100);
    int64_t longest = 0;
    for (size_t i = 1; i < start_count; i++) {
        int64_t delay = starts[i].mono_us - starts[i - 1].mono_us - US_PER_SECOND;
        int64_t below = i < 8 ? 30 * US_PER_SECOND << (i - 1) : US_PER_HOUR;
        CU_ASSERT(delay >= US_PER_SECOND && delay <= below);
        longest = delay > longest ? delay : longest;
    }
    CU_ASSERT(longest > 30 * US_PER_MINUTE);
    runs[0].result = SCHEDULE_OK;
    pass(90 * US_PER_MINUTE);
    STATUS(SCHEDULE_WAITING, "2026-03-04T00:00:00Z");
    CU_ASSERT_EQUAL(schedule_next(s, 0).failures, 0);
    close_all();
}

static void test_lasting_failure(void)
{
    open_world("2026-03-01T10:30:00Z");
    open_one(hourly(), "2026-03-01T10:00:00Z");
    runs[0].result = SCHEDULE_FAILED;
    pass(2 * US_PER_HOUR);
    STARTED("0 2026-03-01T11:00:00Z\n0 2026-03-01T12:00:00Z\n");
    CU_ASSERT_EQUAL(schedule_next(s, 0).failures, 2);
    close_all();
}

/* Where the next period comes sooner than a retry, it comes as ever. */
static void test_back_off_ends_at_due(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.frequency = FREQUENCY_CRON, .cron = STR("* * * * *")},
             "2026-03-01T10:00:00Z");
    runs[0].result = SCHEDULE_PASSING;
    for (int i = 0; i < 240; i++) {
        pass(30 * US_PER_SECOND);
        CU_ASSERT(schedule_next(s, 0).next_us <= w.now_us + US_PER_MINUTE);
    }
    size_t on_time = 0;
    for (size_t i = 0; i < start_count; i++)
        on_time += starts[i].wall_us % US_PER_MINUTE == 0;
    CU_ASSERT_EQUAL(on_time, 120);
    CU_ASSERT(start_count > 120);
    close_all();
}

static void test_refused_start(void)
{
    open_world("2026-03-01T10:59:59Z");
    open_one(hourly(), "2026-03-01T10:00:00Z");
    runs[0].refuse = true;
    pass(2 * US_PER_SECOND);
    CU_ASSERT_EQUAL(start_count, 1);
    CU_ASSERT_EQUAL(schedule_running(s), 0);
    CU_ASSERT_EQUAL(schedule_next(s, 0).state, SCHEDULE_BACKING_OFF);
    runs[0].refuse = false;
    pass(US_PER_MINUTE);
    CU_ASSERT_EQUAL(start_count, 2);
    STATUS(SCHEDULE_WAITING, "2026-03-01T12:00:00Z");
    close_all();
}

static void test_end_inside_start(void)
{
    open_world("2026-03-01T10:30:00Z");
    open_one(hourly(), "2026-03-01T10:00:00Z");
    runs[0].takes_us = 0;
    pass(2 * US_PER_HOUR);
    STARTED("0 2026-03-01T11:00:00Z\n0 2026-03-01T12:00:00Z\n");
    CU_ASSERT_EQUAL(schedule_running(s), 0);
    close_all();
}

/* ---- the circuit ---- */

static void open_crashing(void)
{
    open_world("2026-03-01T23:59:59Z");
    open_one((struct schedule_config){.frequency = FREQUENCY_DAILY}, "2026-03-01T00:00:00Z");
    runs[0].result = SCHEDULE_CRASHED;
    for (int i = 0; i < 60 && schedule_next(s, 0).state != SCHEDULE_OPEN; i++)
        pass(30 * US_PER_SECOND);
    CU_ASSERT_EQUAL_FATAL(schedule_next(s, 0).state, SCHEDULE_OPEN);
}

static void test_circuit_opens(void)
{
    open_crashing();
    CU_ASSERT_EQUAL(start_count, SCHEDULE_CRASHES);
    CU_ASSERT_EQUAL(schedule_next(s, 0).crashes, SCHEDULE_CRASHES);
    pass(22 * US_PER_HOUR);
    CU_ASSERT(start_count > 20);
    for (size_t i = SCHEDULE_CRASHES; i < start_count; i++) {
        size_t trial = i - SCHEDULE_CRASHES;
        int64_t wait = trial < 6 ? US_PER_MINUTE << trial : US_PER_HOUR;
        CU_ASSERT_EQUAL(starts[i].mono_us - starts[i - 1].mono_us, wait + US_PER_SECOND);
    }
    close_all();
}

static void test_circuit_closes(void)
{
    open_crashing();
    runs[0].result = SCHEDULE_OK;
    runs[0].takes_us = 10 * US_PER_SECOND;
    start_count = 0;
    int64_t trial = schedule_next(s, 0).next_us;
    pass(trial + 5 * US_PER_SECOND - w.now_us);
    CU_ASSERT_EQUAL(start_count, 1);
    CU_ASSERT_EQUAL(schedule_next(s, 0).state, SCHEDULE_RUNNING);
    pass(10 * US_PER_SECOND);
    STATUS(SCHEDULE_WAITING, "2026-03-03T00:00:00Z");
    CU_ASSERT_EQUAL(schedule_next(s, 0).crashes, 0);
    close_all();
}

/* Due times do not count while it is open, and are not made up for by more than the trial. */
static void test_circuit_and_due_times(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.frequency = FREQUENCY_CRON, .cron = STR("* * * * *")},
             "2026-03-01T10:00:00Z");
    runs[0].result = SCHEDULE_CRASHED;
    pass(2 * US_PER_HOUR);
    CU_ASSERT(start_count >= SCHEDULE_CRASHES + 6 && start_count <= SCHEDULE_CRASHES + 7);
    runs[0].result = SCHEDULE_OK;
    start_count = 0;
    pass(US_PER_HOUR);
    CU_ASSERT_FATAL(start_count > 2);
    CU_ASSERT(starts[1].mono_us - starts[0].mono_us <= US_PER_MINUTE);
    CU_ASSERT_EQUAL(starts[1].wall_us % US_PER_MINUTE, 0);
    close_all();
}

static void test_circuit_and_long_runs(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.frequency = FREQUENCY_CRON, .cron = STR("* * * * *")},
             "2026-03-01T10:00:00Z");
    runs[0].result = SCHEDULE_CRASHED;
    runs[0].takes_us = 95 * US_PER_SECOND; /* due again before each crash */
    while (schedule_next(s, 0).state != SCHEDULE_OPEN)
        pass(10 * US_PER_SECOND);
    CU_ASSERT_EQUAL(start_count, SCHEDULE_CRASHES);
    pass(30 * US_PER_SECOND);
    CU_ASSERT_EQUAL(start_count, SCHEDULE_CRASHES);
    runs[0].result = SCHEDULE_OK;
    pass(3 * US_PER_MINUTE);
    CU_ASSERT_EQUAL_FATAL(start_count, SCHEDULE_CRASHES + 2);
    /* what came due during the trial follows it at once */
    CU_ASSERT_EQUAL(starts[SCHEDULE_CRASHES + 1].mono_us - starts[SCHEDULE_CRASHES].mono_us,
                    95 * US_PER_SECOND);
    close_all();
}

static void test_crashes_must_be_in_a_row(void)
{
    open_world("2026-03-01T10:00:30Z");
    open_one(hourly(), "2026-03-01T10:00:00Z");
    runs[0].takes_us = US_PER_SECOND;
    for (int hour = 0; hour < 12; hour++) {
        runs[0].result = SCHEDULE_CRASHED;
        pass(US_PER_HOUR - US_PER_MINUTE);
        runs[0].result = SCHEDULE_OK;
        pass(US_PER_MINUTE);
        CU_ASSERT(schedule_next(s, 0).state != SCHEDULE_OPEN);
    }
    close_all();
}

/* ---- the end ---- */

static void test_stop(void)
{
    struct schedule_config often = {.every_us = US_PER_MINUTE};
    int64_t last = at("2026-03-01T10:00:00Z");
    const struct schedule_entry entries[] = {{STR("a"), &often, last}, {STR("b"), &often, last}};
    open_world("2026-03-01T10:00:30Z");
    open_schedule(entries, 2, 1);
    runs[0].takes_us = 5 * US_PER_MINUTE;
    pass(US_PER_MINUTE);
    CU_ASSERT_EQUAL(schedule_next(s, 1).state, SCHEDULE_QUEUED);
    schedule_stop(s);
    CU_ASSERT_EQUAL(schedule_next(s, 0).state, SCHEDULE_RUNNING);
    CU_ASSERT_EQUAL(schedule_next(s, 1).state, SCHEDULE_STOPPED);
    pass(US_PER_HOUR);
    STARTED("0 2026-03-01T10:01:00Z\n");
    CU_ASSERT_EQUAL(schedule_running(s), 0);
    STATUS(SCHEDULE_STOPPED, "never");
    schedule_finished(s, 0, SCHEDULE_OK); /* does not run */
    schedule_finished(s, 99, SCHEDULE_OK);
    CU_ASSERT_EQUAL(schedule_running(s), 0);
    close_all();
}

/* ---- waking ---- */

static void expect_woken(const char *expected)
{
    char out[STARTS + 1] = "";
    for (size_t i = 0; i < start_count; i++)
        out[i] = starts[i].woken ? 'w' : 'd';
    UNIT_TEXT(out, expected);
}

static void test_wake(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.every_us = 5 * US_PER_MINUTE}, "2026-03-01T09:59:00Z");
    pass(US_PER_MINUTE);
    schedule_wake(s, 0);
    schedule_wake(s, 0); /* once is enough */
    schedule_wake(s, 7); /* there is none */
    pass(5 * US_PER_MINUTE);
    expect_woken("wd");
    STARTED("0 2026-03-01T10:01:00Z\n0 2026-03-01T10:04:00Z\n"); /* due when it was before */
    close_all();
}

/* Again after the run, and not more often than each second. */
static void test_wake_while_it_runs(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.every_us = US_PER_HOUR}, "2026-03-01T09:59:00Z");
    runs[0].takes_us = 300 * US_PER_MS;
    schedule_wake(s, 0);
    pass(100 * US_PER_MS);
    schedule_wake(s, 0);
    pass(700 * US_PER_MS);
    expect_woken("w");
    pass(US_PER_SECOND);
    expect_woken("ww");
    CU_ASSERT_EQUAL(starts[1].mono_us - starts[0].mono_us, US_PER_SECOND);
    close_all();
}

/* A start that comes due covers what one that was woken would do. */
static void test_wake_and_due(void)
{
    open_world("2026-03-01T10:00:00Z");
    struct schedule_config every = {.every_us = 5 * US_PER_MINUTE};
    struct schedule_entry both[] = {{STR("crm"), &every, at("2026-03-01T09:56:00Z")},
                                    {STR("erp"), &every, at("2026-03-01T09:55:30Z")}};
    open_schedule(both, 2, 1);
    runs[1].takes_us = US_PER_MINUTE; /* crm waits for its turn */
    pass(45 * US_PER_SECOND);
    schedule_wake(s, 0);
    pass(2 * US_PER_MINUTE);
    expect_woken("dd");
    STARTED("1 2026-03-01T10:00:30Z\n0 2026-03-01T10:01:30Z\n");
    close_all();
}

static void test_wake_behind_an_open_circuit(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_one((struct schedule_config){.every_us = 10 * US_PER_SECOND}, NULL);
    runs[0].result = SCHEDULE_CRASHED;
    pass(90 * US_PER_SECOND);
    CU_ASSERT_EQUAL(schedule_next(s, 0).state, SCHEDULE_OPEN);
    size_t before = start_count;
    schedule_wake(s, 0);
    pass(5 * US_PER_SECOND);
    CU_ASSERT_EQUAL(start_count, before);
    schedule_stop(s);
    schedule_wake(s, 0);
    pass(US_PER_SECOND);
    CU_ASSERT_EQUAL(start_count, before);
    close_all();
}

static void test_bad_entry(void)
{
    struct schedule_config good = hourly(), bad = {.frequency = FREQUENCY_CRON, .cron = STR("x")};
    const struct schedule_entry entries[] = {{STR("a"), &good, 0}, {STR("b"), &bad, 0}};
    struct schedule_hooks hooks = {.start = on_start, .arg = runs};
    struct error err;
    open_world("2026-03-01T10:00:00Z");
    CU_ASSERT_PTR_NULL(schedule_new(&w.world, entries, 2, &hooks, &err));
    UNIT_TEXT(err.text, "b: cron 'x': it has 1 field, not 5; write minute, hour, day of month, "
                        "month and day of week, for example */15 * * * *");
    virtual_world_close(&w);
}

static void test_empty(void)
{
    open_world("2026-03-01T10:00:00Z");
    open_schedule(NULL, 0, 0);
    pass(US_PER_HOUR);
    CU_ASSERT_EQUAL(start_count, 0);
    close_all();
}

const char *const unit_suite = "schedule";
const struct unit_test unit_tests[] = {
    {"hourly", test_hourly},
    {"an interval", test_interval},
    {"no overlap", test_overlap},
    {"jitter", test_jitter},
    {"jitter of an interval", test_jitter_of_interval},
    {"never ran", test_never_ran},
    {"catch up once", test_catch_up_once},
    {"no catch up", test_no_catch_up},
    {"clock forward", test_clock_forward},
    {"clock forward, no catch up", test_clock_forward_no_catch_up},
    {"clock back a little", test_clock_back_a_little},
    {"clock back years", test_clock_back_years},
    {"clock back in the queue", test_clock_back_in_queue},
    {"clock back in the jitter", test_clock_back_in_jitter},
    {"clock back, an interval", test_clock_back_interval},
    {"last run in the future", test_last_run_in_future},
    {"limit", test_limit},
    {"limit is fair", test_limit_is_fair},
    {"back off", test_back_off},
    {"lasting failure", test_lasting_failure},
    {"back off ends when due", test_back_off_ends_at_due},
    {"refused start", test_refused_start},
    {"end inside start", test_end_inside_start},
    {"circuit opens", test_circuit_opens},
    {"circuit closes", test_circuit_closes},
    {"circuit and due times", test_circuit_and_due_times},
    {"circuit and long runs", test_circuit_and_long_runs},
    {"crashes in a row", test_crashes_must_be_in_a_row},
    {"stop", test_stop},
    {"wake", test_wake},
    {"wake while it runs", test_wake_while_it_runs},
    {"wake and due", test_wake_and_due},
    {"wake behind an open circuit", test_wake_behind_an_open_circuit},
    {"a bad entry", test_bad_entry},
    {"no entries", test_empty},
    {NULL, NULL}};
