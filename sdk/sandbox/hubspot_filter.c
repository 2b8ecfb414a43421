/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a record passes a search's filters. Texts are compared without case, as HubSpot does. */
#include "hubspot.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* A filter with a record's value: NULL when there is none. */
struct test {
    const struct filter *filter;
    enum field_type type;
    const char *value;
    double number;
};

static bool is_time(enum field_type type)
{
    return type == TYPE_DATETIME || type == TYPE_DATE;
}

/* -1, 0 or 1. */
static int compare(const struct test *t, const char *with, double with_number)
{
    if (t->type == TYPE_NUMBER || is_time(t->type))
        return t->number < with_number ? -1 : t->number > with_number;
    int by = strcasecmp(t->value, with);
    return by < 0 ? -1 : by > 0;
}

/* Values of a text property are compared in lower case and the list is not: HubSpot asks for
 * lower-case values there and finds nothing otherwise. */
static bool equals_listed(const struct test *t, const char *listed)
{
    if (t->type == TYPE_NUMBER)
        return t->number == strtod(listed, NULL);
    if (t->type != TYPE_STRING)
        return strcasecmp(t->value, listed) == 0;
    const char *v = t->value;
    while (*v && *listed && tolower((unsigned char)*v) == *listed) {
        v++;
        listed++;
    }
    return *v == '\0' && *listed == '\0';
}

static bool is_listed(const struct test *t)
{
    int64_t ms;
    for (size_t i = 0; i < t->filter->value_count; i++) {
        const char *listed = t->filter->values[i];
        if (is_time(t->type) ? time_parse(listed, &ms) && (double)ms == t->number
                             : equals_listed(t, listed))
            return true;
    }
    return false;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Matches a text against a pattern in which * stands for anything. */
static bool glob(const char *text, size_t len, const char *pattern)
{
    const char *end = text + len, *star = NULL, *retry = NULL;
    while (text < end) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern && tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool has_token(const char *value, const char *token)
{
    for (const char *at = value; *at;) {
        size_t len = 0;
        while (is_word(at[len]))
            len++;
        if (len > 0 && glob(at, len, token))
            return true;
        at += len + (len == 0);
    }
    return false;
}

/* The whole value, or each word of the wanted text among its words. */
static bool contains(const char *value, const char *wanted)
{
    char token[256];
    size_t tokens = 0;
    if (glob(value, strlen(value), wanted))
        return true;
    for (const char *at = wanted; *at;) {
        size_t len = 0;
        while (is_word(at[len]) || at[len] == '*')
            len++;
        if (len >= sizeof token)
            return false;
        memcpy(token, at, len);
        token[len] = '\0';
        if (len > 0 && !has_token(value, token))
            return false;
        tokens += len > 0;
        at += len + (len == 0);
    }
    return tokens > 0;
}

/* The negative operators, too, want a value: HubSpot finds empty ones with NOT_HAS_PROPERTY only.
 */
static bool passes(const struct test *t)
{
    const struct filter *f = t->filter;
    if (f->op == OP_HAS || f->op == OP_NOT_HAS)
        return (t->value != NULL) == (f->op == OP_HAS);
    if (!t->value)
        return false;
    switch (f->op) {
    case OP_EQ:
        return compare(t, f->value, f->number) == 0;
    case OP_NEQ:
        return compare(t, f->value, f->number) != 0;
    case OP_LT:
        return compare(t, f->value, f->number) < 0;
    case OP_LTE:
        return compare(t, f->value, f->number) <= 0;
    case OP_GT:
        return compare(t, f->value, f->number) > 0;
    case OP_GTE:
        return compare(t, f->value, f->number) >= 0;
    case OP_BETWEEN:
        return compare(t, f->value, f->number) >= 0 && compare(t, f->high, f->high_number) <= 0;
    case OP_IN:
        return is_listed(t);
    case OP_NOT_IN:
        return !is_listed(t);
    case OP_CONTAINS:
        return contains(t->value, f->value);
    default:
        return !contains(t->value, f->value);
    }
}

static double as_number(const struct record *r, unsigned field, enum field_type type,
                        const char *value)
{
    int64_t ms = 0;
    if (type == TYPE_NUMBER)
        return strtod(value, NULL);
    if (field == hubspot_models[r->type].modified)
        return (double)r->modified_ms;
    return is_time(type) && time_parse(value, &ms) ? (double)ms : 0;
}

static bool filter_passes(const struct hubspot *h, const struct filter *f, const struct record *r,
                          struct text *scratch)
{
    struct test t = {.filter = f, .type = h->models[r->type].fields[f->field].type};
    scratch->len = 0;
    if (record_value(h, r, f->field, scratch)) {
        t.value = text_end(scratch);
        t.number = as_number(r, f->field, t.type, t.value);
    }
    return passes(&t);
}

/* Free text: found in any of the texts that HubSpot searches by default. */
static bool query_matches(const struct hubspot *h, const char *query, const struct record *r,
                          struct text *scratch)
{
    static const unsigned searched[TYPES][5] = {
        [DEALS] = {DEAL_NAME, DEAL_DESCRIPTION, DEAL_NAME, DEAL_NAME, DEAL_NAME},
        [TICKETS] = {TICKET_SUBJECT, TICKET_CONTENT, TICKET_SUBJECT, TICKET_SUBJECT,
                     TICKET_SUBJECT},
        [CALLS] = {CALL_TITLE, CALL_BODY, CALL_TITLE, CALL_TITLE, CALL_TITLE},
        [EMAILS] = {EMAIL_SUBJECT, EMAIL_TEXT, EMAIL_SUBJECT, EMAIL_SUBJECT, EMAIL_SUBJECT},
        [MEETINGS] = {MEETING_TITLE, MEETING_BODY, MEETING_TITLE, MEETING_TITLE, MEETING_TITLE},
        [NOTES] = {NOTE_BODY, NOTE_BODY, NOTE_BODY, NOTE_BODY, NOTE_BODY},
        [TASKS] = {TASK_SUBJECT, TASK_BODY, TASK_SUBJECT, TASK_SUBJECT, TASK_SUBJECT},
        [COMPANIES] = {COMPANY_NAME, COMPANY_DOMAIN, COMPANY_PHONE, COMPANY_WEBSITE, COMPANY_NAME},
        [CONTACTS] = {CONTACT_FIRSTNAME, CONTACT_LASTNAME, CONTACT_EMAIL, CONTACT_PHONE,
                      CONTACT_COMPANY}};
    for (size_t i = 0; i < 5; i++) {
        scratch->len = 0;
        if (record_value(h, r, searched[r->type][i], scratch) &&
            strcasestr(text_end(scratch), query))
            return true;
    }
    return false;
}

bool filter_matches(const struct hubspot *h, const struct search *q, const struct record *r,
                    struct text *scratch)
{
    bool matches = q->group_count == 0;
    if (q->query && !query_matches(h, q->query, r, scratch))
        return false;
    for (size_t g = 0; g < q->group_count && !matches; g++) {
        matches = true;
        for (size_t i = 0; i < q->filter_counts[g] && matches; i++)
            matches = filter_passes(h, &q->filters[g][i], r, scratch);
    }
    return matches;
}
