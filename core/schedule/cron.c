/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/cron.h"

#include "base/time.h"

/* How much of a text is repeated in an error. */
enum { SHOWN = 60 };

#define SHOW(s) (int)((s).len < SHOWN ? (s).len : SHOWN), (s).ptr

struct field_rule {
    const char *name;
    int min, max;
    const char *const *value_names; /* of 3 letters, the first is that of `min`; NULL: none */
    const char *hint;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field_rule rules[CRON_FIELDS] = {
    {"minute", 0, 59, NULL, "write 0 to 59, *, or for example 0,30 or 10-20 or */15"},
    {"hour", 0, 23, NULL, "write 0 to 23, *, or for example 6,18 or 8-17 or */4"},
    {"day of month", 1, 31, NULL, "write 1 to 31, *, or for example 1,15 or 1-7"},
    {"month", 1, 12, month_names, "write 1 to 12, jan to dec, *, or for example jan,jul or 1-6"},
    {"day of week", 0, 7, weekday_names,
     "write 0 (sun) to 7 (sun again), sun to sat, *, or for example mon-fri"},
};

static const struct {
    const char *name, *fields;
} shorthands[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

static uint64_t bit(int value)
{
    return UINT64_C(1) << value;
}

/* The bits `first` and above. */
static uint64_t from_bit(int first)
{
    return first > 63 ? 0 : ~UINT64_C(0) << first;
}

/* ---- parsing ---- */

/* At most 3 digits, so that it cannot overflow; -1 when it is no number. */
static int small_number(struct str s)
{
    int value = 0;
    if (s.len == 0 || s.len > 3)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -1;
        value = value * 10 + (s.ptr[i] - '0');
    }
    return value;
}

static int parse_value(const struct field_rule *rule, struct str s, int *ret_value,
                       struct error *err)
{
    int value = small_number(s);
    for (int i = 0; rule->value_names && rule->value_names[i]; i++)
        if (str_eq_nocase(s, str_from(rule->value_names[i])))
            value = rule->min + i;
    if (s.len == 0)
        return error_set(err, "a value is missing; %s", rule->hint);
    if (value < rule->min || value > rule->max)
        return error_set(err, "'%.*s' is not one of its values; %s", SHOW(s), rule->hint);
    *ret_value = value;
    return 0;
}

static int parse_step(const struct field_rule *rule, struct str s, int *ret_step, struct error *err)
{
    int step = small_number(s);
    if (step < 1 || step > rule->max)
        return error_set(err, "the step '%.*s' is not a number from 1 to %d", SHOW(s), rule->max);
    *ret_step = step;
    return 0;
}

static int parse_range(const struct field_rule *rule, struct str s, int *ret_from, int *ret_to,
                       struct error *err)
{
    ptrdiff_t dash = str_find(s, '-');
    struct str last = s, first = s;
    if (dash >= 0) {
        first = str_slice(s, 0, (size_t)dash);
        last = str_slice(s, (size_t)dash + 1, s.len - (size_t)dash - 1);
    }
    if (parse_value(rule, first, ret_from, err) || parse_value(rule, last, ret_to, err))
        return -1;
    if (rule == &rules[CRON_WEEKDAY] && *ret_to == 0 && *ret_from > 0)
        *ret_to = 7; /* "sat-sun" */
    if (*ret_from > *ret_to)
        return error_set(err, "the range '%.*s' runs backwards; write %d-%d,%d-%d", SHOW(s),
                         *ret_from, rule->max, rule->min, *ret_to);
    return 0;
}

/* One entry of a list. */
static int parse_item(const struct field_rule *rule, struct str item, uint64_t *set,
                      struct error *err)
{
    int from = rule->min, to = rule->max, step = 1;
    ptrdiff_t slash = str_find(item, '/');
    struct str range = slash < 0 ? item : str_slice(item, 0, (size_t)slash);
    if (slash >= 0) {
        struct str text = str_slice(item, (size_t)slash + 1, item.len - (size_t)slash - 1);
        if (parse_step(rule, text, &step, err))
            return -1;
    }
    if (!str_is(range, "*")) {
        if (parse_range(rule, range, &from, &to, err))
            return -1;
        if (slash >= 0 && str_find(range, '-') < 0)
            return error_set(err, "the step in '%.*s' has no range; write %d-%d/%d", SHOW(item),
                             from, rule->max, step);
    }
    for (int value = from; value <= to; value += step)
        *set |= bit(value);
    return 0;
}

static int parse_field(const struct field_rule *rule, struct str text, uint64_t *ret_set,
                       struct error *err)
{
    struct str item;
    *ret_set = 0;
    while (str_next(&text, ',', &item))
        if (parse_item(rule, item, ret_set, err)) {
            error_prefix(err, "%s", rule->name);
            return -1;
        }
    return 0;
}

/* Splits at blanks; the number of fields, also when they are more than fit. */
static size_t split(struct str text, struct str fields[CRON_FIELDS])
{
    size_t count = 0;
    for (size_t i = 0; i < text.len;) {
        size_t start = i;
        while (i < text.len && text.ptr[i] != ' ' && text.ptr[i] != '\t')
            i++;
        if (i == start) {
            i++;
            continue;
        }
        if (count < CRON_FIELDS)
            fields[count] = str_slice(text, start, i - start);
        count++;
    }
    return count;
}

static int expand_shorthand(struct str *text, struct error *err)
{
    for (size_t i = 0; i < sizeof shorthands / sizeof shorthands[0]; i++)
        if (str_eq_nocase(*text, str_from(shorthands[i].name))) {
            *text = str_from(shorthands[i].fields);
            return 0;
        }
    return error_set(err,
                     "there is no such name; write @hourly, @daily, @weekly, @monthly or @yearly");
}

/* Whether some year has a day that matches. Each date of the calendar falls on each weekday in some
 * year, so only the days of the month can fail. */
static bool ever_comes(const struct cron *cron)
{
    if (cron->either_day)
        return true;
    for (int month = 1; month <= 12; month++)
        if (cron->sets[CRON_MONTH] & bit(month) &&
            cron->sets[CRON_DAY] & ~from_bit(time_days_in_month(2000, month) + 1))
            return true;
    return false;
}

static int parse_fields(struct str text, struct cron *cron, struct error *err)
{
    struct str fields[CRON_FIELDS];
    if (text.len > 0 && text.ptr[0] == '@' && expand_shorthand(&text, err))
        return -1;
    size_t count = split(text, fields);
    if (count != CRON_FIELDS)
        return error_set(err,
                         "it has %zu field%s, not 5; write minute, hour, day of month, month and "
                         "day of week, for example */15 * * * *",
                         count, count == 1 ? "" : "s");
    for (int i = 0; i < CRON_FIELDS; i++)
        if (parse_field(&rules[i], fields[i], &cron->sets[i], err))
            return -1;
    if (cron->sets[CRON_WEEKDAY] & bit(7))
        cron->sets[CRON_WEEKDAY] = (cron->sets[CRON_WEEKDAY] & ~bit(7)) | bit(0);
    cron->either_day = fields[CRON_DAY].ptr[0] != '*' && fields[CRON_WEEKDAY].ptr[0] != '*';
    if (!ever_comes(cron))
        return error_set(err, "it never comes: none of its months has such a day; change the day "
                              "of month or the month");
    return 0;
}

int cron_parse(struct str text, struct cron *ret_cron, struct error *err)
{
    struct cron cron = {0};
    text = str_trim(text);
    if (parse_fields(text, &cron, err)) {
        error_prefix(err, "cron '%.*s'", SHOW(text));
        return -1;
    }
    *ret_cron = cron;
    return 0;
}

/* ---- the next time ---- */

/* The days of a month that match, bit n for the day n. */
static uint64_t matching_days(const struct cron *cron, int64_t year, int month)
{
    const struct civil first = {.year = year, .month = month, .day = 1};
    int64_t first_us;
    if (!(cron->sets[CRON_MONTH] & bit(month)) || !time_from_civil(&first, &first_us))
        return 0;
    int weekday = time_civil(first_us).weekday;
    uint64_t by_weekday = 0;
    for (int i = 0; i < 7; i++)
        if (cron->sets[CRON_WEEKDAY] & bit((weekday + i) % 7))
            by_weekday |= UINT64_C(0x20408102) << i; /* every seventh day from 1 + i */
    uint64_t by_day = cron->sets[CRON_DAY];
    uint64_t days = cron->either_day ? by_day | by_weekday : by_day & by_weekday;
    return days & ~from_bit(time_days_in_month(year, month) + 1);
}

/* Moves to the first matching time of day from the one in `c` on; false when the day has none. */
static bool advance_in_day(const struct cron *cron, struct civil *c)
{
    uint64_t hours = cron->sets[CRON_HOUR], minutes = cron->sets[CRON_MINUTE];
    if (hours & bit(c->hour) && minutes & from_bit(c->minute)) {
        c->minute = __builtin_ctzll(minutes & from_bit(c->minute));
        return true;
    }
    if (!(hours & from_bit(c->hour + 1)))
        return false;
    c->hour = __builtin_ctzll(hours & from_bit(c->hour + 1));
    c->minute = __builtin_ctzll(minutes);
    return true;
}

/* The longest wait is that for 29 February on one weekday across a year like 2100: 40 years. */
enum { LONGEST_WAIT_MONTHS = 12 * 41 };

/* Moves to the first matching day after the one in `c`. */
static bool advance_to_day(const struct cron *cron, struct civil *c)
{
    uint64_t days = matching_days(cron, c->year, c->month) & from_bit(c->day + 1);
    for (int i = 0; !days && i < LONGEST_WAIT_MONTHS; i++) {
        c->year += c->month == 12;
        c->month = c->month % 12 + 1;
        days = matching_days(cron, c->year, c->month);
    }
    if (!days)
        return false;
    c->day = __builtin_ctzll(days);
    c->hour = __builtin_ctzll(cron->sets[CRON_HOUR]);
    c->minute = __builtin_ctzll(cron->sets[CRON_MINUTE]);
    return true;
}

int64_t cron_next(const struct cron *cron, int64_t after_us)
{
    int64_t next_us;
    if (after_us > TIME_MAX_US - US_PER_MINUTE)
        return SCHEDULE_NEVER;
    struct civil c = time_civil(after_us + US_PER_MINUTE);
    c.second = c.microsecond = 0;
    bool today = matching_days(cron, c.year, c.month) & bit(c.day) && advance_in_day(cron, &c);
    if (!today && !advance_to_day(cron, &c))
        return SCHEDULE_NEVER;
    return time_from_civil(&c, &next_us) ? next_us : SCHEDULE_NEVER;
}
