/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are written: which ones HubSpot refuses, with its codes, and how it keeps the others.
 * Texts are trimmed; addresses are in lower case; a company's domain is cut out of a URL; dates are
 * days, and times are in UTC, without a fraction when it is zero. Everything else stays as it came.
 */
#include "hubspot_write.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_MAX = 254 };
static const int64_t time_end_ms = INT64_C(253402300800000); /* the year 10000 */

/* ---- issues ---- */

void issue_add(struct issues *issues, const char *code, const char *name, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (issues->count == issues->cap) {
        issues->cap = issues->cap ? issues->cap * 2 : 4;
        issues->all = mem_more(issues->all, issues->cap * sizeof *issues->all);
    }
    issues->all[issues->count++] =
        (struct issue){code, mem_copy(name, strlen(name)), mem_copy(message, strlen(message))};
}

void issues_free(struct issues *issues)
{
    for (size_t i = 0; i < issues->count; i++) {
        free(issues->all[i].name);
        free(issues->all[i].message);
    }
    free(issues->all);
    *issues = (struct issues){0};
}

/* ---- one value ---- */

struct check {
    const struct hubspot *h;
    enum object_type type;
    const struct field *field;
    const struct property_change *change;
    const char *value;
    struct text *out;
    struct issues *issues;
};

__attribute__((format(printf, 3, 4))) static bool refuse(const struct check *c, const char *code,
                                                         const char *format, ...)
{
    char message[900];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    issue_add(c->issues, code, c->field->name, "%s", message);
    return false;
}

static bool is_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

/* ---- texts ---- */

static bool is_address(const char *s, size_t len)
{
    const char *at = memchr(s, '@', len), *end = s + len;
    if (!at || at == s || len > ADDRESS_MAX || memchr(at + 1, '@', (size_t)(end - at - 1)))
        return false;
    for (const char *c = s; c < end; c++)
        if ((unsigned char)*c <= ' ' || strchr("()<>,;:\\\"[]", *c))
            return false;
    const char *dot = memrchr(at, '.', (size_t)(end - at));
    return dot && dot > at + 1 && end - dot > 2 && at[1] != '.' && at[1] != '-' &&
           !isdigit((unsigned char)dot[1]);
}

static bool check_address(const struct check *c, const char *s, size_t len)
{
    if (!is_address(s, len))
        return refuse(c, "INVALID_EMAIL", "Email address %.*s is invalid", (int)len, s);
    for (size_t i = 0; i < len; i++)
        text_char(c->out, (char)tolower((unsigned char)s[i]));
    return true;
}

/* "https://www.Example.com/about" is kept as "example.com". */
static void add_domain(const struct check *c, const char *s, size_t len)
{
    const char *end = s + len, *scheme = memmem(s, len, "://", 3);
    s = scheme ? scheme + 3 : s;
    if (end - s > 4 && strncasecmp(s, "www.", 4) == 0)
        s += 4;
    for (; s < end && *s != '/' && *s != '?' && *s != '#'; s++)
        text_char(c->out, (char)tolower((unsigned char)*s));
}

static size_t characters(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

static bool check_text(const struct check *c)
{
    const char *s = c->value;
    while (is_space(*s))
        s++;
    size_t len = strlen(s);
    while (len > 0 && is_space(s[len - 1]))
        len--;
    if (characters(s, len) > VALUE_MAX)
        return refuse(c, "PROPERTY_VALUE_TOO_LONG",
                      "The value is %zu characters long: at most %d are allowed",
                      characters(s, len), VALUE_MAX);
    if (len > 0 && c->type == CONTACTS && c->field == &c->h->models[CONTACTS].fields[CONTACT_EMAIL])
        return check_address(c, s, len);
    if (c->type == COMPANIES && c->field == &c->h->models[COMPANIES].fields[COMPANY_DOMAIN])
        add_domain(c, s, len);
    else
        text_bytes(c->out, s, len);
    return true;
}

/* ---- numbers ---- */

static size_t digits(const char **s)
{
    size_t n = strspn(*s, "0123456789");
    *s += n;
    return n;
}

static bool is_decimal(const char *s, bool *ret_exponent)
{
    s += *s == '-' || *s == '+';
    size_t n = digits(&s);
    if (*s == '.') {
        s++;
        n += digits(&s);
    }
    *ret_exponent = *s == 'e' || *s == 'E';
    if (*ret_exponent) {
        s++;
        s += *s == '-' || *s == '+';
        n = n > 0 ? digits(&s) : 0;
    }
    return n > 0 && *s == '\0';
}

static bool check_number(const struct check *c)
{
    const char *s = c->value;
    bool exponent;
    if (strlen(s) > 60 || !is_decimal(s, &exponent) || !isfinite(strtod(s, NULL)))
        return refuse(c, "INVALID_NUMBER", "%.100s was not a valid number.", s);
    if (exponent) {
        double n = strtod(s, NULL);
        text_printf(c->out, fabs(n) < 1e15 && n == floor(n) ? "%.0f" : "%.15g", n);
        return true;
    }
    if (*s == '-')
        text_char(c->out, '-');
    s += *s == '-' || *s == '+';
    while (*s == '0' && s[1] && s[1] != '.')
        s++;
    text_add(c->out, *s == '.' ? "0" : "");
    text_add(c->out, s);
    return true;
}

/* ---- times ---- */

/* Whether a time begins with a day that there is. */
static bool is_real_day(const char *value)
{
    char day[11], written[TIME_TEXT];
    int64_t ms;
    if (strnlen(value, 11) < 10 || value[4] != '-')
        return true; /* milliseconds */
    memcpy(day, value, 10);
    day[10] = '\0';
    if (!time_parse(day, &ms))
        return false;
    time_write(written, ms);
    return memcmp(day, written, 10) == 0;
}

static bool read_time(const struct check *c, int64_t *ret_ms)
{
    if (time_parse(c->value, ret_ms) && is_real_day(c->value) && *ret_ms >= 0 &&
        *ret_ms < time_end_ms)
        return true;
    return refuse(c, "INVALID_LONG", "%.100s was not a valid long.", c->value);
}

static bool check_datetime(const struct check *c)
{
    char at[TIME_TEXT];
    int64_t ms;
    if (!read_time(c, &ms))
        return false;
    time_write(at, ms);
    text_bytes(c->out, at, ms % 1000 == 0 ? 19 : 23);
    text_char(c->out, 'Z');
    return true;
}

static bool check_date(const struct check *c)
{
    char at[TIME_TEXT];
    int64_t ms;
    if (!read_time(c, &ms))
        return false;
    int in_day = (int)(ms % 86400000);
    if (in_day != 0)
        return refuse(c, "INVALID_DATE", "%.40s is at %d:%d:%d.%d UTC, not midnight!", c->value,
                      in_day / 3600000, in_day / 60000 % 60, in_day / 1000 % 60, in_day % 1000);
    time_write(at, ms);
    text_bytes(c->out, at, 10);
    return true;
}

/* ---- options ---- */

static bool is_listed(const char *const *options, const char *value, size_t len)
{
    for (; options && *options; options++)
        if (strncmp(*options, value, len) == 0 && (*options)[len] == '\0')
            return true;
    return false;
}

static bool is_option(const struct check *c, const char *value, size_t len)
{
    static const char *const booleans[] = {"true", "false", NULL};
    if (is_listed(c->field->options, value, len))
        return true;
    for (size_t i = 0; i < c->change->option_count; i++)
        if (strlen(c->change->options[i]) == len && memcmp(c->change->options[i], value, len) == 0)
            return true;
    return !c->field->options && c->field->type == TYPE_BOOL && is_listed(booleans, value, len);
}

static bool refuse_option(const struct check *c, const char *value, size_t len)
{
    struct text list = {0};
    for (const char *const *o = c->field->options; o && *o; o++)
        text_printf(&list, "%s%s", list.len ? ", " : "", *o);
    for (size_t i = 0; i < c->change->option_count; i++)
        text_printf(&list, "%s%s", list.len ? ", " : "", c->change->options[i]);
    refuse(c, "INVALID_OPTION", "%.*s was not one of the allowed options: [%s]",
           (int)(len < 100 ? len : 100), value, text_end(&list));
    text_free(&list);
    return false;
}

static bool check_owner(const struct check *c)
{
    if (c->value[strspn(c->value, "0123456789")] || strlen(c->value) > 18)
        return refuse(c, "INVALID_INTEGER", "%.100s was not a valid integer (for owner ID).",
                      c->value);
    if (!is_option(c, c->value, strlen(c->value)))
        return refuse(c, "INVALID_OWNER_ID", "Owner %s does not exist", c->value);
    text_add(c->out, c->value);
    return true;
}

/* Several options with semicolons between them, where the field takes several. */
static bool check_options(const struct check *c)
{
    bool several = strcmp(c->field->field_type, "checkbox") == 0;
    if (c->field->options == hubspot_owner_ids)
        return check_owner(c);
    for (const char *at = c->value; *at;) {
        size_t len = several ? strcspn(at, ";") : strlen(at);
        if (len > 0 && !is_option(c, at, len))
            return refuse_option(c, at, len);
        at += len + (at[len] == ';');
    }
    text_add(c->out, c->value);
    return true;
}

/* ---- all of them ---- */

bool value_check(const struct hubspot *h, enum object_type type, unsigned field, const char *value,
                 struct text *out, struct issues *issues)
{
    const struct property_change *change = &h->changes[type][field];
    const struct field *f = &h->models[type].fields[field];
    struct check c = {h, type, f, change, value, out, issues};
    enum field_type kind = change->type > 0 ? (enum field_type)(change->type - 1) : f->type;
    size_t len = strlen(value);
    if (len == 0)
        return true;
    if (kind == TYPE_STRING)
        return check_text(&c);
    if (is_space(value[0]) || is_space(value[len - 1]))
        return refuse(&c, "LEADING_TRAILING_WHITESPACE",
                      "\"%.100s\" includes leading or trailing whitespace.", value);
    switch (kind) {
    case TYPE_NUMBER:
        return check_number(&c);
    case TYPE_DATETIME:
        return check_datetime(&c);
    case TYPE_DATE:
        return check_date(&c);
    default:
        return check_options(&c);
    }
}

void value_normal(const struct hubspot *h, enum object_type type, unsigned field, const char *value,
                  struct text *out)
{
    struct issues issues = {0};
    size_t start = out->len;
    if (!value_check(h, type, field, value, out, &issues)) {
        out->len = start;
        text_add(out, value);
    }
    issues_free(&issues);
}
