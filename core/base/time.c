/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <stdio.h>

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March so that the leap
 * day comes last. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, struct civil *c)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    c->day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    c->month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    c->year = year_of_era + era * 400 + (c->month <= 2);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct civil time_civil(int64_t us)
{
    struct civil c = {0};
    int64_t days = floor_div(us, US_PER_DAY);
    int64_t rest = us - days * US_PER_DAY;
    date_from_days(days, &c);
    c.hour = (int)(rest / US_PER_HOUR);
    c.minute = (int)(rest / US_PER_MINUTE % 60);
    c.second = (int)(rest / US_PER_SECOND % 60);
    c.microsecond = (int)(rest % US_PER_SECOND);
    c.weekday = (int)(((days + 4) % 7 + 7) % 7);
    return c;
}

int time_days_in_month(int64_t year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool date_exists(int64_t year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= time_days_in_month(year, month);
}

bool time_from_civil(const struct civil *c, int64_t *ret_us)
{
    if (!date_exists(c->year, c->month, c->day) || c->hour < 0 || c->hour > 23 || c->minute < 0 ||
        c->minute > 59 || c->second < 0 || c->second > 60 || c->microsecond < 0 ||
        c->microsecond >= US_PER_SECOND)
        return false;
    *ret_us = days_from_date(c->year, c->month, c->day) * US_PER_DAY + c->hour * US_PER_HOUR +
              c->minute * US_PER_MINUTE + c->second * US_PER_SECOND + c->microsecond;
    return true;
}

/* Takes `count` digits off the front. */
static bool take_digits(struct str *s, size_t count, int *ret_value)
{
    int value = 0;
    if (s->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_slice(*s, count, s->len - count);
    *ret_value = value;
    return true;
}

static bool take_char(struct str *s, const char *any_of)
{
    if (s->len == 0 || s->ptr[0] == '\0' || !strchr(any_of, s->ptr[0]))
        return false;
    *s = str_slice(*s, 1, s->len - 1);
    return true;
}

static bool take_date(struct str *s, struct civil *c)
{
    int year;
    if (!take_digits(s, 4, &year) || !take_char(s, "-") || !take_digits(s, 2, &c->month) ||
        !take_char(s, "-") || !take_digits(s, 2, &c->day))
        return false;
    c->year = year;
    return date_exists(c->year, c->month, c->day);
}

/* Fraction of a second; digits past the sixth are dropped. */
static bool take_fraction(struct str *s, int *ret_microsecond)
{
    int value = 0, digits = 0, digit;
    while (take_digits(s, 1, &digit)) {
        if (digits < 6)
            value = value * 10 + digit;
        digits++;
    }
    for (int i = digits; i < 6; i++)
        value *= 10;
    *ret_microsecond = value;
    return digits > 0;
}

static bool take_offset(struct str *s, int64_t *ret_us)
{
    int hours, minutes;
    *ret_us = 0;
    if (take_char(s, "Zz"))
        return true;
    bool negative = s->len > 0 && s->ptr[0] == '-';
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours))
        return false;
    take_char(s, ":");
    if (!take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_us = (hours * US_PER_HOUR + minutes * US_PER_MINUTE) * (negative ? -1 : 1);
    return true;
}

bool time_parse_rfc3339(struct str text, int64_t *ret_us)
{
    struct civil c = {0};
    int64_t offset = 0, us;
    if (!take_date(&text, &c))
        return false;
    if (text.len > 0) {
        if (!take_char(&text, "Tt ") || !take_digits(&text, 2, &c.hour) || !take_char(&text, ":") ||
            !take_digits(&text, 2, &c.minute) || !take_char(&text, ":") ||
            !take_digits(&text, 2, &c.second))
            return false;
        if (take_char(&text, ".") && !take_fraction(&text, &c.microsecond))
            return false;
        if (!take_offset(&text, &offset) || text.len > 0)
            return false;
    }
    if (!time_from_civil(&c, &us))
        return false;
    us -= offset;
    if (us < TIME_MIN_US || us > TIME_MAX_US)
        return false;
    *ret_us = us;
    return true;
}

bool time_parse_date(struct str text, int64_t *ret_days)
{
    struct civil c = {0};
    if (!take_date(&text, &c) || text.len > 0)
        return false;
    *ret_days = days_from_date(c.year, c.month, c.day);
    return true;
}

bool time_parse_http_date(struct str text, int64_t *ret_us)
{
    struct civil c = {0};
    int year;
    if (text.len != 29 || !str_ends(text, " GMT") || text.ptr[3] != ',')
        return false;
    struct str month = str_slice(text, 8, 3);
    while (c.month < 12 && !str_is(month, month_names[c.month]))
        c.month++;
    c.month++;
    struct str rest = str_slice(text, 5, text.len - 5);
    if (!take_digits(&rest, 2, &c.day))
        return false;
    rest = str_slice(text, 12, text.len - 12);
    if (!take_digits(&rest, 4, &year) || !take_char(&rest, " ") ||
        !take_digits(&rest, 2, &c.hour) || !take_char(&rest, ":") ||
        !take_digits(&rest, 2, &c.minute) || !take_char(&rest, ":") ||
        !take_digits(&rest, 2, &c.second))
        return false;
    c.year = year;
    return time_from_civil(&c, ret_us);
}

const char *time_format(int64_t us, char out[TIME_TEXT])
{
    struct civil c = time_civil(us);
    char fraction[8] = "";
    if (c.microsecond % 1000 != 0)
        snprintf(fraction, sizeof fraction, ".%06u", (unsigned)c.microsecond % 1000000u);
    else if (c.microsecond != 0)
        snprintf(fraction, sizeof fraction, ".%03u", (unsigned)c.microsecond / 1000u % 1000u);
    snprintf(out, TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", (int)c.year, c.month, c.day,
             c.hour, c.minute, c.second, fraction);
    return out;
}

const char *time_format_date(int64_t days, char out[TIME_TEXT])
{
    struct civil c = {0};
    date_from_days(days, &c);
    snprintf(out, TIME_TEXT, "%04d-%02d-%02d", (int)c.year, c.month, c.day);
    return out;
}

const char *time_format_http(int64_t us, char out[TIME_TEXT])
{
    struct civil c = time_civil(us);
    snprintf(out, TIME_TEXT, "%s, %02d %s %04d %02d:%02d:%02d GMT", day_names[c.weekday], c.day,
             month_names[c.month - 1], (int)c.year, c.hour, c.minute, c.second);
    return out;
}

/* "3 min 20 s"; the lesser unit is left out where there is none of it. */
static void format_two(char *out, long long greater, const char *unit, long long lesser,
                       const char *lesser_unit)
{
    if (lesser == 0)
        snprintf(out, TIME_TEXT, "%lld %s", greater, unit);
    else
        snprintf(out, TIME_TEXT, "%lld %s %lld %s", greater, unit, lesser, lesser_unit);
}

const char *time_format_span(int64_t us, char out[TIME_TEXT])
{
    long long seconds = us / US_PER_SECOND;
    if (us < 100 * US_PER_MS)
        snprintf(out, TIME_TEXT, "%lld ms", (long long)(us / US_PER_MS));
    else if (us < US_PER_MINUTE && us % US_PER_SECOND != 0)
        snprintf(out, TIME_TEXT, "%.1f s", (double)us / US_PER_SECOND);
    else if (us < US_PER_MINUTE)
        snprintf(out, TIME_TEXT, "%lld s", seconds);
    else if (us < US_PER_HOUR)
        format_two(out, seconds / 60, "min", seconds % 60, "s");
    else if (us < 2 * US_PER_DAY)
        format_two(out, seconds / 3600, "h", seconds / 60 % 60, "min");
    else
        snprintf(out, TIME_TEXT, "%lld days", seconds / 86400);
    return out;
}

bool time_parse_span(struct str text, int64_t *ret_us)
{
    static const struct {
        const char *suffix;
        int64_t us;
    } units[] = {{"ms", US_PER_MS},
                 {"s", US_PER_SECOND},
                 {"m", US_PER_MINUTE},
                 {"h", US_PER_HOUR},
                 {"d", US_PER_DAY}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t count;
        int64_t us;
        if (!str_ends(text, units[i].suffix))
            continue;
        if (!str_to_u64(str_slice(text, 0, text.len - strlen(units[i].suffix)), &count))
            continue;
        if (__builtin_mul_overflow(count, units[i].us, &us) || us > 3650 * US_PER_DAY)
            return false;
        *ret_us = us;
        return true;
    }
    return false;
}
