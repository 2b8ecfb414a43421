/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void *or_end(void *ptr, size_t size)
{
    if (ptr)
        return ptr;
    fprintf(stderr, "fastenr-sandbox: out of memory (%zu bytes)\n", size);
    abort();
}

void *mem_get(size_t size)
{
    return or_end(calloc(1, size ? size : 1), size);
}

void *mem_more(void *ptr, size_t size)
{
    return or_end(realloc(ptr, size ? size : 1), size);
}

char *mem_copy(const char *bytes, size_t len)
{
    char *copy = mem_get(len + 1);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

void text_grow(struct text *t, size_t more)
{
    size_t cap = t->cap ? t->cap * 2 : 256;
    while (cap - t->len < more)
        cap *= 2;
    t->ptr = mem_more(t->ptr, cap);
    t->cap = cap;
}

void text_free(struct text *t)
{
    free(t->ptr);
    *t = (struct text){0};
}

const char *text_end(struct text *t)
{
    text_need(t, 1);
    t->ptr[t->len] = '\0';
    return t->ptr;
}

void text_u64(struct text *t, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    text_bytes(t, digits + at, sizeof digits - at);
}

void text_i64(struct text *t, int64_t n)
{
    if (n < 0)
        text_char(t, '-');
    text_u64(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len > 0) {
        text_need(t, (size_t)len + 1);
        vsnprintf(t->ptr + t->len, (size_t)len + 1, format, again);
        t->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

/* ---- JSON ---- */

static bool word_needs_escape(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
    uint64_t hit = ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return (hit & high) != 0;
}

/* Reads whole words: the text is padded with spaces first. */
static bool needs_escape(struct text *t, size_t start)
{
    text_bytes(t, "        ", 8);
    t->len -= 8;
    for (size_t at = start; at < t->len; at += 8) {
        uint64_t w;
        memcpy(&w, t->ptr + at, 8);
        if (word_needs_escape(w))
            return true;
    }
    return false;
}

static size_t escape_byte(char *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char *plain = "\"\\\n\r\t", *letter = "\"\\nrt";
    const char *at = c ? strchr(plain, c) : NULL;
    out[0] = '\\';
    if (at) {
        out[1] = letter[at - plain];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

static void append_escaped(struct text *t, const char *bytes, size_t len)
{
    text_need(t, 6 * len);
    char *out = t->ptr + t->len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x20 || c == '"' || c == '\\')
            out += escape_byte(out, c);
        else
            *out++ = (char)c;
    }
    t->len = (size_t)(out - t->ptr);
}

void text_escape_from(struct text *t, size_t start)
{
    size_t len = t->len - start;
    if (!needs_escape(t, start))
        return;
    char *raw = mem_copy(t->ptr + start, len);
    t->len = start;
    append_escaped(t, raw, len);
    free(raw);
}

void text_json(struct text *t, const char *bytes, size_t len)
{
    text_char(t, '"');
    append_escaped(t, bytes, len);
    text_char(t, '"');
}

void text_percent(struct text *t, const char *s)
{
    for (; *s; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                     (*s >= '0' && *s <= '9') || strchr("-._~", *s);
        if (plain)
            text_char(t, *s);
        else
            text_printf(t, "%%%02X", (unsigned)(unsigned char)*s);
    }
}

void text_html(struct text *t, const char *s)
{
    for (; *s; s++) {
        if (strchr("&<>\"'", *s))
            text_printf(t, "&#%d;", *s);
        else
            text_char(t, *s);
    }
}

/* ---- times ---- */

enum { DAY_MS = 86400000 };

/* The civil date of a day number, by Howard Hinnant's algorithm. */
static void civil(int64_t day, int *year, int *month, int *mday)
{
    int64_t z = day + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *mday = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static int64_t day_of(int year, int month, int mday)
{
    int64_t y = year - (month <= 2), era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + mday - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void digits2(char *out, int n)
{
    out[0] = (char)('0' + n / 10);
    out[1] = (char)('0' + n % 10);
}

void time_write(char out[TIME_TEXT], int64_t ms)
{
    int year, month, mday;
    if (ms < 0)
        ms = 0;
    civil(ms / DAY_MS, &year, &month, &mday);
    int in_day = (int)(ms % DAY_MS), s = in_day / 1000, rest = in_day % 1000;
    memcpy(out, "0000-00-00T00:00:00.000Z", TIME_TEXT);
    digits2(out, year / 100 % 100);
    digits2(out + 2, year % 100);
    digits2(out + 5, month);
    digits2(out + 8, mday);
    digits2(out + 11, s / 3600);
    digits2(out + 14, s / 60 % 60);
    digits2(out + 17, s % 60);
    out[20] = (char)('0' + rest / 100);
    digits2(out + 21, rest % 100);
}

void text_time(struct text *t, int64_t ms)
{
    char at[TIME_TEXT];
    time_write(at, ms);
    text_bytes(t, at, sizeof at);
}

static bool all_digits(const char *s)
{
    size_t len = strspn(s, "0123456789");
    return len > 0 && len < 16 && s[len] == '\0';
}

/* What follows the seconds: a fraction, then Z or an offset. */
static bool parse_tail(const char *s, int64_t *ms)
{
    int64_t unit = 100;
    if (*s == '.')
        for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
            *ms += (*s - '0') * unit;
    if ((*s == 'Z' || *s == 'z') && s[1] == '\0')
        return true;
    int hours, minutes, used = 0;
    if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 ||
        s[1 + used] != '\0')
        return false;
    int64_t offset = (hours * 60 + minutes) * INT64_C(60000);
    *ms += *s == '+' ? -offset : offset;
    return true;
}

bool time_parse(const char *s, int64_t *ret_ms)
{
    int year, month, mday, h = 0, m = 0, sec = 0, used = 0;
    if (all_digits(s)) {
        *ret_ms = strtoll(s, NULL, 10);
        return true;
    }
    if (sscanf(s, "%4d-%2d-%2d%n", &year, &month, &mday, &used) != 3 || used != 10 || year < 1970 ||
        month < 1 || month > 12 || mday < 1 || mday > 31)
        return false;
    *ret_ms = day_of(year, month, mday) * DAY_MS;
    if (s[10] == '\0')
        return true;
    used = 0;
    if (sscanf(s + 10, "T%2d:%2d:%2d%n", &h, &m, &sec, &used) != 3 || used != 9 || h > 23 ||
        m > 59 || sec > 60)
        return false;
    *ret_ms += ((h * 60 + m) * 60 + sec) * INT64_C(1000);
    return parse_tail(s + 19, ret_ms);
}

void time_http(char out[TIME_HTTP_MAX], int64_t ms)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int year, month, mday;
    if (ms < 0)
        ms = 0;
    civil(ms / DAY_MS, &year, &month, &mday);
    int s = (int)(ms % DAY_MS) / 1000;
    snprintf(out, TIME_HTTP_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[ms / DAY_MS % 7], mday,
             months[month - 1], year, s / 3600, s / 60 % 60, s % 60);
}
