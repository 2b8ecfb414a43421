/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions and plans: tables of known answers, and chance against a walk by the minute. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "schedule/plan.h"
#include "virtual_loop.h"

static int64_t at(const char *text)
{
    int64_t us = 0;
    bool ok = time_parse_rfc3339(str_from(text), &us);
    if (!ok)
        fprintf(stderr, "no time: %s\n", text);
    CU_ASSERT_FATAL(ok);
    return us;
}

static const char *show(int64_t us, char out[TIME_TEXT])
{
    return us == SCHEDULE_NEVER ? "never" : time_format(us, out);
}

static struct cron parsed(const char *text)
{
    struct cron cron = {0};
    struct error err = {{0}};
    int failed = cron_parse(str_from(text), &cron, &err);
    if (failed)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_FATAL(failed == 0);
    return cron;
}

/* ---- known answers ---- */

static const struct {
    const char *expression, *after;
    const char *next[4]; /* one after the other */
} known[] = {
    {"* * * * *", "2026-03-01T10:20:00Z", {"2026-03-01T10:21:00Z", "2026-03-01T10:22:00Z", NULL}},
    {"* * * * *", "2026-03-01T10:20:59.999999Z", {"2026-03-01T10:21:00Z", NULL}},
    {"* * * * *", "2026-12-31T23:59:00Z", {"2027-01-01T00:00:00Z", NULL}},
    {"* * * * *", "1969-12-31T23:58:30Z", {"1969-12-31T23:59:00Z", "1970-01-01T00:00:00Z", NULL}},
    {"@hourly", "2026-03-01T22:00:00Z", {"2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z", NULL}},
    {"@daily", "2026-02-28T00:00:00Z", {"2026-03-01T00:00:00Z", NULL}},
    {"@midnight", "2028-02-28T00:00:00Z", {"2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z", NULL}},
    {"@Weekly", "2026-03-01T00:00:00Z", {"2026-03-08T00:00:00Z", NULL}},
    {"@monthly", "2026-01-31T12:00:00Z", {"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", NULL}},
    {"@yearly", "2026-01-01T00:00:00Z", {"2027-01-01T00:00:00Z", NULL}},
    {"@annually", "2026-06-01T00:00:00Z", {"2027-01-01T00:00:00Z", NULL}},
    {"*/15 6-20 * * mon-fri",
     "2026-03-06T20:45:00Z",
     {"2026-03-09T06:00:00Z", "2026-03-09T06:15:00Z", NULL}},
    {"5,10,5 3 * * *",
     "2026-03-06T03:05:00Z",
     {"2026-03-06T03:10:00Z", "2026-03-07T03:05:00Z", NULL}},
    {"10-30/10 * * * *",
     "2026-03-06T03:20:00Z",
     {"2026-03-06T03:30:00Z", "2026-03-06T04:10:00Z", NULL}},
    {"0 0-23/6 * * *",
     "2026-03-06T12:00:00Z",
     {"2026-03-06T18:00:00Z", "2026-03-07T00:00:00Z", NULL}},
    {"59 23 31 * *",
     "2026-01-31T23:59:00Z",
     {"2026-03-31T23:59:00Z", "2026-05-31T23:59:00Z", "2026-07-31T23:59:00Z", NULL}},
    {"0 0 30 1-3 *",
     "2026-01-30T00:00:00Z",
     {"2026-03-30T00:00:00Z", "2027-01-30T00:00:00Z", NULL}},
    /* leap days; 2100 has none */
    {"0 12 29 2 *", "2026-01-01T00:00:00Z", {"2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z", NULL}},
    {"0 12 29 feb *", "2096-02-29T12:00:00Z", {"2104-02-29T12:00:00Z", NULL}},
    {"0 12 29 2 *", "1999-01-01T00:00:00Z", {"2000-02-29T12:00:00Z", NULL}},
    {"0 0 28 2 *", "2100-02-27T00:00:00Z", {"2100-02-28T00:00:00Z", "2101-02-28T00:00:00Z", NULL}},
    {"0 0 * 2-3 *", "2100-02-28T00:00:00Z", {"2100-03-01T00:00:00Z", NULL}},
    /* a leap day on a Sunday: every 28 years, 40 across 2100 */
    {"0 0 29 2 */7",
     "2052-01-01T00:00:00Z",
     {"2060-02-29T00:00:00Z", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z", NULL}},
    /* both days are given: one is enough */
    {"0 0 13 * fri",
     "2026-03-01T00:00:00Z",
     {"2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z", NULL}},
    {"0 0 1,15 * 3",
     "2026-04-01T00:00:00Z",
     {"2026-04-08T00:00:00Z", "2026-04-15T00:00:00Z", "2026-04-22T00:00:00Z", NULL}},
    {"0 0 31 2 mon",
     "2026-02-20T00:00:00Z",
     {"2026-02-23T00:00:00Z", "2027-02-01T00:00:00Z", NULL}},
    {"0 0 1-31 * mon", "2026-03-03T00:00:00Z", {"2026-03-04T00:00:00Z", NULL}},
    /* a field that begins with * leaves the choice to the other */
    {"0 0 */2 * mon",
     "2026-03-01T00:00:00Z",
     {"2026-03-09T00:00:00Z", "2026-03-23T00:00:00Z", NULL}},
    {"0 0 13 * */5",
     "2026-01-01T00:00:00Z",
     {"2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", NULL}},
    /* names and Sunday */
    {"0 0 * * 7", "2026-03-02T00:00:00Z", {"2026-03-08T00:00:00Z", NULL}},
    {"0 0 * * SUN", "2026-03-02T00:00:00Z", {"2026-03-08T00:00:00Z", NULL}},
    {"0 0 * * sat-sun",
     "2026-03-02T00:00:00Z",
     {"2026-03-07T00:00:00Z", "2026-03-08T00:00:00Z", "2026-03-14T00:00:00Z", NULL}},
    {"0 0 * * 5-7/2",
     "2026-03-02T00:00:00Z",
     {"2026-03-06T00:00:00Z", "2026-03-08T00:00:00Z", "2026-03-13T00:00:00Z", NULL}},
    {"0 0 1 JAN,Jul-Aug *",
     "2026-01-01T00:00:00Z",
     {"2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", "2027-01-01T00:00:00Z", NULL}},
    {" \t0  0 1\t12 * ", "2026-12-01T00:00:00Z", {"2027-12-01T00:00:00Z", NULL}},
    {"0 0 1 1 *", "9999-01-01T00:00:00Z", {"never", NULL}},
    {"* * * * *", "9999-12-31T23:58:00Z", {"9999-12-31T23:59:00Z", "never", NULL}},
};

static void test_known_answers(void)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct cron cron = parsed(known[i].expression);
        int64_t t = at(known[i].after);
        for (size_t j = 0; j < 4 && known[i].next[j]; j++) {
            char text[TIME_TEXT], line[160], expected[160];
            t = cron_next(&cron, t);
            snprintf(line, sizeof line, "%s: %s", known[i].expression, show(t, text));
            snprintf(expected, sizeof expected, "%s: %s", known[i].expression, known[i].next[j]);
            UNIT_TEXT(line, expected);
        }
    }
}

static const struct {
    const char *expression, *error;
} wrong[] = {
    {"",
     "cron '': it has 0 fields, not 5; write minute, hour, day of month, month and day of week, "
     "for example */15 * * * *"},
    {"*",
     "cron '*': it has 1 field, not 5; write minute, hour, day of month, month and day of week, "
     "for example */15 * * * *"},
    {"0 0 0 1 1 *", "cron '0 0 0 1 1 *': it has 6 fields, not 5; write minute, hour, day of month, "
                    "month and day of week, for example */15 * * * *"},
    {"60 * * * *", "cron '60 * * * *': minute: '60' is not one of its values; write 0 to 59, *, or "
                   "for example 0,30 or 10-20 or */15"},
    {"* 24 * * *",
     "cron '* 24 * * *': hour: '24' is not one of its values; write 0 to 23, *, or for "
     "example 6,18 or 8-17 or */4"},
    {"* * 0 * *", "cron '* * 0 * *': day of month: '0' is not one of its values; write 1 to 31, *, "
                  "or for example 1,15 or 1-7"},
    {"* * * januar *",
     "cron '* * * januar *': month: 'januar' is not one of its values; write 1 to "
     "12, jan to dec, *, or for example jan,jul or 1-6"},
    {"* * * * 8", "cron '* * * * 8': day of week: '8' is not one of its values; write 0 (sun) to 7 "
                  "(sun again), sun to sat, *, or for example mon-fri"},
    {"mon * * * *", "cron 'mon * * * *': minute: 'mon' is not one of its values; write 0 to 59, *, "
                    "or for example 0,30 or 10-20 or */15"},
    {"99999999999999999999 * * * *", "cron '99999999999999999999 * * * *': minute: "
                                     "'99999999999999999999' is not one of its values; "
                                     "write 0 to 59, *, or for example 0,30 or 10-20 or */15"},
    {"1,,2 * * * *", "cron '1,,2 * * * *': minute: a value is missing; write 0 to 59, *, or for "
                     "example 0,30 or 10-20 or */15"},
    {"1, * * * *",
     "cron '1, * * * *': minute: a value is missing; write 0 to 59, *, or for example "
     "0,30 or 10-20 or */15"},
    {"-5 * * * *",
     "cron '-5 * * * *': minute: a value is missing; write 0 to 59, *, or for example "
     "0,30 or 10-20 or */15"},
    {"1-2-3 * * * *",
     "cron '1-2-3 * * * *': minute: '2-3' is not one of its values; write 0 to 59, "
     "*, or for example 0,30 or 10-20 or */15"},
    {"*/0 * * * *", "cron '*/0 * * * *': minute: the step '0' is not a number from 1 to 59"},
    {"*/ * * * *", "cron '*/ * * * *': minute: the step '' is not a number from 1 to 59"},
    {"*/90 * * * *", "cron '*/90 * * * *': minute: the step '90' is not a number from 1 to 59"},
    {"5/15 * * * *", "cron '5/15 * * * *': minute: the step in '5/15' has no range; write 5-59/15"},
    {"* 20-6 * * *", "cron '* 20-6 * * *': hour: the range '20-6' runs backwards; write 20-23,0-6"},
    {"* * * nov-feb *",
     "cron '* * * nov-feb *': month: the range 'nov-feb' runs backwards; write 11-12,1-2"},
    {"@fortnightly", "cron '@fortnightly': there is no such name; write @hourly, @daily, @weekly, "
                     "@monthly or @yearly"},
    {"0 0 31 2 *",
     "cron '0 0 31 2 *': it never comes: none of its months has such a day; change the "
     "day of month or the month"},
    {"0 0 30,31 feb *",
     "cron '0 0 30,31 feb *': it never comes: none of its months has such a day; "
     "change the day of month or the month"},
    {"0 0 31 4,6,9,11 */2",
     "cron '0 0 31 4,6,9,11 */2': it never comes: none of its months has such "
     "a day; change the day of month or the month"},
};

static void test_errors(void)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cron cron;
        struct error err = {{0}};
        CU_ASSERT_EQUAL(cron_parse(str_from(wrong[i].expression), &cron, &err), -1);
        UNIT_TEXT(err.text, wrong[i].error);
    }
}

static void test_long_texts(void)
{
    static char text[100000];
    struct cron cron;
    struct error err;
    memset(text, 'x', sizeof text);
    CU_ASSERT_EQUAL(cron_parse((struct str){text, sizeof text}, &cron, &err), -1);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? ',' : '1';
    memcpy(text + sizeof text - 9, " * * * *x", 9);
    CU_ASSERT_EQUAL(cron_parse((struct str){text, sizeof text}, &cron, &err), -1);
    CU_ASSERT_EQUAL(cron_parse((struct str){text, sizeof text - 1}, &cron, &err), 0);
    CU_ASSERT_EQUAL(cron.sets[CRON_MINUTE], UINT64_C(1) << 1);
}

/* ---- chance ---- */

static uint64_t seed = 20260301;

static int below(int n)
{
    return (int)(virtual_random(&seed) % (uint64_t)n);
}

/* A field as text, and what it means, made side by side. */
struct naive_field {
    bool wanted[64];
    bool star;
};

static int random_field(char *out, size_t size, int min, int max, struct naive_field *f)
{
    int step = 1 + below(4) * below(4), from = min, to = max, len = 0;
    *f = (struct naive_field){.star = below(3) == 0};
    if (f->star) {
        for (int v = min; v <= max; v += step)
            f->wanted[v] = true;
        return step == 1 ? snprintf(out, size, "*") : snprintf(out, size, "*/%d", step);
    }
    for (int i = 1 + below(3); i > 0; i--) {
        const char *comma = len > 0 ? "," : "";
        from = min + below(max - min + 1);
        to = from + below(max - from + 1);
        if (below(2)) {
            f->wanted[from] = true;
            len += snprintf(out + len, size - (size_t)len, "%s%d", comma, from);
            continue;
        }
        for (int v = from; v <= to; v += step)
            f->wanted[v] = true;
        len += snprintf(out + len, size - (size_t)len, "%s%d-%d/%d", comma, from, to, step);
    }
    return len;
}

static bool naive_match(const struct naive_field f[5], int64_t us)
{
    time_t seconds = (time_t)(us / US_PER_SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    bool day = f[2].wanted[tm.tm_mday];
    bool weekday = f[4].wanted[tm.tm_wday] || (tm.tm_wday == 0 && f[4].wanted[7]);
    bool today = f[2].star || f[4].star ? day && weekday : day || weekday;
    return f[0].wanted[tm.tm_min] && f[1].wanted[tm.tm_hour] && f[3].wanted[tm.tm_mon + 1] && today;
}

enum { WALK_MINUTES = 60 * 24 * 70, EXPRESSIONS = 400 };

/* The next match within the walk, else the end of it. */
static int64_t walk(const struct naive_field f[5], int64_t after_us, int64_t end_us)
{
    int64_t t = after_us - after_us % US_PER_MINUTE + US_PER_MINUTE;
    while (t < end_us && !naive_match(f, t))
        t += US_PER_MINUTE;
    return t;
}

static size_t compare_one(const char *text, const struct naive_field f[5])
{
    struct cron cron = parsed(text);
    char a[TIME_TEXT], b[TIME_TEXT], start_text[TIME_TEXT];
    int64_t start = (int64_t)(virtual_random(&seed) % (250ULL * 365 * 86400 * 1000000));
    int64_t end = start - start % US_PER_MINUTE + WALK_MINUTES * US_PER_MINUTE;
    size_t found = 0;
    for (int64_t t = start; found < 20; found++) {
        int64_t expected = walk(f, t, end), got = cron_next(&cron, t);
        if (expected >= end) {
            CU_ASSERT(got >= end);
            return found;
        }
        if (got != expected)
            fprintf(stderr, "\n%s after %s: expected %s, got %s\n", text,
                    time_format(t, start_text), time_format(expected, a), show(got, b));
        CU_ASSERT_FATAL(got == expected);
        t = got + below(2) * below(3600) * US_PER_SECOND;
    }
    return found;
}

static void test_against_a_walk(void)
{
    static const int min[5] = {0, 0, 1, 1, 0}, max[5] = {59, 23, 31, 12, 7};
    size_t found = 0;
    int tried = 0;
    while (tried < EXPRESSIONS) {
        struct naive_field f[5];
        char text[512];
        int len = 0;
        struct cron cron;
        for (int i = 0; i < 5; i++) {
            if (i > 0)
                text[len++] = ' ';
            len += random_field(text + len, sizeof text - (size_t)len, min[i], max[i], &f[i]);
        }
        if (cron_parse(str_from(text), &cron, NULL)) /* such as 31 February */
            continue;
        found += compare_one(text, f);
        tried++;
    }
    CU_ASSERT(found > EXPRESSIONS);
}

/* What the parser takes for possible does come, for each date and weekday of the calendar. */
static void test_each_date_comes(void)
{
    for (int month = 1; month <= 12; month++)
        for (int day = 1; day <= time_days_in_month(2000, month); day++) {
            char text[64];
            snprintf(text, sizeof text, "0 0 %d %d */7", day, month);
            struct cron cron = parsed(text);
            CU_ASSERT(cron_next(&cron, at("2097-01-01")) < at("2138-01-01"));
        }
}

/* ---- plans ---- */

static struct plan plan_of(struct schedule_config config)
{
    struct plan plan = {0};
    struct error err = {{0}};
    CU_ASSERT_EQUAL_FATAL(plan_from_config(&config, &plan, &err), 0);
    return plan;
}

static void expect_next(struct schedule_config config, const char *last, const char *after,
                        const char *expected)
{
    struct plan plan = plan_of(config);
    char text[TIME_TEXT];
    UNIT_TEXT(show(plan_next(&plan, at(last), at(after)), text), expected);
}

static void test_plans(void)
{
    const char *t = "2026-03-04T10:20:30Z"; /* a Wednesday */
    expect_next((struct schedule_config){.frequency = FREQUENCY_HOURLY}, t, t,
                "2026-03-04T11:00:00Z");
    expect_next((struct schedule_config){.frequency = FREQUENCY_DAILY}, t, t,
                "2026-03-05T00:00:00Z");
    expect_next((struct schedule_config){.frequency = FREQUENCY_WEEKLY}, t, t,
                "2026-03-09T00:00:00Z");
    expect_next((struct schedule_config){.frequency = FREQUENCY_CRON, .cron = STR("7 * * * *")}, t,
                t, "2026-03-04T11:07:00Z");
    struct schedule_config every = {.every_us = 5 * US_PER_MINUTE};
    expect_next(every, t, t, "2026-03-04T10:25:30Z");
    expect_next(every, t, "2026-03-04T10:25:30Z", "2026-03-04T10:30:30Z");
    expect_next(every, t, "2026-03-04T11:00:00Z", "2026-03-04T11:00:30Z");
    expect_next(every, t, "2026-03-04T09:00:00Z", "2026-03-04T10:25:30Z");
    struct schedule_config bad = {.frequency = FREQUENCY_CRON};
    struct plan plan;
    CU_ASSERT_EQUAL(plan_from_config(&bad, &plan, NULL), -1);
}

static int64_t jitter_of(struct schedule_config config)
{
    struct plan plan = plan_of(config);
    return plan_jitter(&plan, at("2026-03-04T00:00:00Z"));
}

static void test_jitter_of_plans(void)
{
    struct schedule_config c = {.frequency = FREQUENCY_HOURLY, .jitter_us = -1};
    CU_ASSERT_EQUAL(jitter_of(c), US_PER_MINUTE);
    c.every_us = 5 * US_PER_MINUTE;
    CU_ASSERT_EQUAL(jitter_of(c), 30 * US_PER_SECOND);
    c.jitter_us = 0;
    CU_ASSERT_EQUAL(jitter_of(c), 0);
    c.jitter_us = US_PER_HOUR;
    CU_ASSERT_EQUAL(jitter_of(c), 5 * US_PER_MINUTE - 1);
    c = (struct schedule_config){
        .frequency = FREQUENCY_CRON, .cron = STR("*/2 * * * *"), .jitter_us = -1};
    CU_ASSERT_EQUAL(jitter_of(c), 12 * US_PER_SECOND);
}

/* ---- the check of a file ---- */

static void expect_problems(const char *text, const char *expected)
{
    char path[] = "/tmp/fastenr-cron-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct buf out = BUF_INIT(16384);
    CU_ASSERT_FATAL(connection_config_read(path, &config, &arena, &problems));
    schedule_check(&config, &arena, &problems);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.count; i++) {
        struct problem p = problems.items[i];
        p.file = "crm.yaml";
        problem_write(&out, &p);
        buf_char(&out, '\n');
    }
    UNIT_TEXT(buf_cstr(&out), expected);
    unlink(path);
    buf_free(&out);
    problems_free(&problems);
    arena_free(&arena);
}

#define HEAD "connection: crm\nconnector: c\nobjects: {companies: {}}\n"

static void test_check(void)
{
    expect_problems(HEAD, "");
    expect_problems(HEAD "every: 5m\njitter: 10s\n", "");
    expect_problems(HEAD "frequency: cron\ncron: \"*/15 6-20 * * mon-fri\"\n", "");
    expect_problems(HEAD "frequency: cron\ncron: \"0 25 * * *\"\n",
                    "crm.yaml:5:7: cron '0 25 * * *': hour: '25' is not one of its values; write 0 "
                    "to 23, *, or for example 6,18 or 8-17 or */4\n");
    expect_problems(
        HEAD "frequency: cron\ncron: \"0 0 31 2 *\"\n",
        "crm.yaml:5:7: cron '0 0 31 2 *': it never comes: none of its months has such a "
        "day; change the day of month or the month\n");
    expect_problems(HEAD "frequency: cron\ncron: \"\"\n",
                    "crm.yaml:5:7: cron '': it has 0 fields, not 5; write minute, hour, day of "
                    "month, month and day of week, for example */15 * * * *\n");
    expect_problems(HEAD "frequency: cron\n",
                    "crm.yaml:4:12: 'frequency: cron' needs 'cron', for example cron: \"*/15 * * * "
                    "*\"\n");
    expect_problems(HEAD "cron: \"@daily\"\n",
                    "crm.yaml:4:7: 'cron' goes with 'frequency: cron': add that line, or remove "
                    "this one\n");
    expect_problems(HEAD "every: 5m\nfrequency: daily\n",
                    "crm.yaml:4:8: 'every' and 'frequency' (line 5) contradict each other: keep "
                    "one\n");
    expect_problems(HEAD "every: 5m\njitter: 5m\n",
                    "crm.yaml:5:9: 'jitter' must be less than 'every' (5m)\n");
}

const char *const unit_suite = "cron";
const struct unit_test unit_tests[] = {{"known answers", test_known_answers},
                                       {"errors", test_errors},
                                       {"long texts", test_long_texts},
                                       {"against a walk by the minute", test_against_a_walk},
                                       {"each date comes", test_each_date_comes},
                                       {"plans", test_plans},
                                       {"jitter of plans", test_jitter_of_plans},
                                       {"the check of a file", test_check},
                                       {NULL, NULL}};
