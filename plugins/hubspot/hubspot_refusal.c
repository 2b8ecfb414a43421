/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HubSpot has against rows that it did not write. Of values that it refuses, `message` is JSON
 * within a text; the same stands in `errors` in a form that a person can read. Whose refusal it is
 * says `context`: by the write ids, or, of records that are not there, by their ids.
 */
#include <stdio.h>

#include "hubspot_write.h"

enum { PATH_LEN = 80, PART_MAX = 600 };

/* ---- words ---- */

struct words {
    char *buf;
    size_t cap, len;
};

/* What does not fit is cut off: it is for a person. */
static void add(struct words *w, const char *before, struct fastenr_str text)
{
    size_t left = w->cap - w->len;
    int wrote = snprintf(w->buf + w->len, left, "%s%.*s", w->len > 0 ? before : "", (int)text.len,
                         text.ptr ? text.ptr : "");
    if (wrote > 0)
        w->len += (size_t)wrote < left ? (size_t)wrote : left - 1;
}

static fastenr_outcome get(struct hubspot *h, uint64_t handle, const char *at, const char *what,
                           struct fastenr_str *ret_value)
{
    char path[PATH_LEN];
    snprintf(path, sizeof path, "%s%s", at, what);
    fastenr_outcome outcome = h->services->json_get(h->host, handle, hubspot_text(path), ret_value);
    if (outcome != FASTENR_GONE)
        return outcome;
    *ret_value = hubspot_text("");
    return FASTENR_OK;
}

/* The first text of a list of texts; empty where it is none. */
static struct fastenr_str first_of(struct fastenr_str json, char *buf, size_t cap)
{
    struct hubspot_array walk = hubspot_array(json);
    struct fastenr_str element, text = {"", 0};
    if (hubspot_array_next(&walk, &element))
        hubspot_unquote(element, buf, cap, &text);
    return text;
}

/* "industry: what is wrong with it; ...". */
static void add_values(struct words *w, struct fastenr_str messages, struct fastenr_str names)
{
    struct hubspot_array message_walk = hubspot_array(messages), name_walk = hubspot_array(names);
    struct fastenr_str message, name;
    char text[PART_MAX], name_text[HUBSPOT_NAME_MAX];
    while (hubspot_array_next(&message_walk, &message) && hubspot_array_next(&name_walk, &name)) {
        struct fastenr_str property = first_of(name, name_text, sizeof name_text);
        if (!hubspot_unquote(message, text, sizeof text, &message))
            continue;
        add(w, "; ", property);
        if (property.len > 0)
            add(w, "", hubspot_text(": "));
        add(w, property.len > 0 ? "" : "; ", message);
    }
}

static void add_list(struct words *w, struct fastenr_str names)
{
    struct hubspot_array walk = hubspot_array(names);
    struct fastenr_str name;
    char text[HUBSPOT_NAME_MAX];
    const char *before = " (";
    while (hubspot_array_next(&walk, &name))
        if (hubspot_unquote(name, text, sizeof text, &name)) {
            add(w, before, name);
            before = ", ";
        }
    if (before[0] == ',')
        add(w, "", hubspot_text(")"));
}

fastenr_outcome hubspot_refusal(struct hubspot *h, uint64_t handle, const char *at, char *buf,
                                size_t cap, struct fastenr_str *ret_words)
{
    struct words w = {buf, cap, 0};
    struct fastenr_str message, messages, names, missing;
    fastenr_outcome outcome = get(h, handle, at, "message", &message);
    if (outcome == FASTENR_OK)
        outcome = get(h, handle, at, "errors[*].message", &messages);
    if (outcome == FASTENR_OK)
        outcome = get(h, handle, at, "errors[*].context.propertyName", &names);
    if (outcome == FASTENR_OK)
        outcome = get(h, handle, at, "context.properties", &missing);
    if (outcome != FASTENR_OK)
        return outcome;
    add_values(&w, messages, names);
    if (w.len == 0) {
        add(&w, "",
            message.len > 0 ? message : hubspot_text("HubSpot refuses it without a reason"));
        add_list(&w, missing);
    }
    *ret_words = (struct fastenr_str){w.buf, w.len};
    return FASTENR_OK;
}

/* ---- errors of a batch ---- */

enum kind { REFUSED, MISSING, LIMITED, UNPROVEN };

/* HubSpot's own trouble proves nothing: of such rows nothing is said, and the host looks. */
static enum kind kind_of(struct fastenr_str category)
{
    static const struct {
        const char *category; /* as JSON text */
        enum kind kind;
    } kinds[] = {{"\"OBJECT_NOT_FOUND\"", MISSING},
                 {"\"RATE_LIMITS\"", LIMITED},
                 {"\"INTERNAL_ERROR\"", UNPROVEN}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (hubspot_equal(category, kinds[i].category))
            return kinds[i].kind;
    return REFUSED;
}

struct refusal {
    struct hubspot_batch *b;
    uint32_t first, count;
    fastenr_outcome outcome;
    struct fastenr_str words;
};

static fastenr_outcome say_traced(const struct refusal *r, struct fastenr_str trace)
{
    static const struct fastenr_str none = {"", 0};
    struct hubspot *h = r->b->h;
    return h->services->written(h->host, trace, r->outcome, none, r->words);
}

static fastenr_outcome say_by_id(const struct refusal *r, struct fastenr_str id)
{
    for (uint32_t i = r->first; i < r->first + r->count; i++) {
        const struct fastenr_write_row *row = r->b->rows[i];
        struct fastenr_str named = row->id.len > 0 ? row->id : row->key;
        if (named.len == id.len && memcmp(named.ptr, id.ptr, (size_t)id.len) == 0)
            return hubspot_say(r->b->h, row, r->outcome, r->words);
    }
    return FASTENR_OK;
}

/* Of each text of a list. */
static fastenr_outcome say_each(const struct refusal *r, struct fastenr_str list,
                                fastenr_outcome (*say)(const struct refusal *, struct fastenr_str))
{
    struct hubspot_array walk = hubspot_array(list);
    struct fastenr_str element, text;
    char buf[HUBSPOT_NAME_MAX];
    fastenr_outcome outcome = FASTENR_OK;
    while (outcome == FASTENR_OK && hubspot_array_next(&walk, &element))
        if (hubspot_unquote(element, buf, sizeof buf, &text))
            outcome = say(r, text);
    return outcome;
}

static int32_t is_list(struct fastenr_str json)
{
    return json.len > 2 && json.ptr[0] == '[';
}

static void log_unproven(struct hubspot *h, const char *why, struct fastenr_str words)
{
    char text[HUBSPOT_WORDS_MAX + 100];
    snprintf(text, sizeof text, "HubSpot %s: %.*s", why, (int)words.len, words.ptr);
    h->services->log(h->host, FASTENR_LOG_WARN, hubspot_text(text));
}

static fastenr_outcome say_error(struct refusal *r, enum kind kind, struct fastenr_str traces,
                                 struct fastenr_str ids)
{
    int32_t named = r->b->write->op != FASTENR_WRITE_CREATE;
    r->outcome = kind == LIMITED            ? FASTENR_RATE_LIMITED
                 : kind == MISSING && named ? FASTENR_GONE
                                            : FASTENR_BAD_RECORD;
    if (kind == UNPROVEN)
        log_unproven(r->b->h, "had trouble with records of a batch", r->words);
    else if (is_list(traces))
        return say_each(r, traces, say_traced);
    else if (is_list(ids))
        return say_each(r, ids, say_by_id);
    else
        log_unproven(r->b->h, "refused a record of a batch and does not say which", r->words);
    return FASTENR_OK;
}

fastenr_outcome hubspot_read_errors(struct hubspot_batch *b, uint64_t handle, uint32_t first,
                                    uint32_t count)
{
    static const char *const paths[] = {
        "errors[*].category", "errors[*].context.objectWriteTraceId", "errors[*].context.ids"};
    struct refusal r = {.b = b, .first = first, .count = count};
    struct hubspot_array walk[3];
    struct fastenr_str column, row[3];
    char at[PATH_LEN / 2], words[HUBSPOT_WORDS_MAX];
    fastenr_outcome outcome = FASTENR_OK;
    for (size_t i = 0; i < 3; i++) {
        outcome = b->h->services->json_get(b->h->host, handle, hubspot_text(paths[i]), &column);
        if (outcome != FASTENR_OK) /* no errors */
            return outcome == FASTENR_GONE ? FASTENR_OK : outcome;
        walk[i] = hubspot_array(column);
    }
    for (uint32_t i = 0;
         outcome == FASTENR_OK && hubspot_array_next(&walk[0], &row[0]) &&
         hubspot_array_next(&walk[1], &row[1]) && hubspot_array_next(&walk[2], &row[2]);
         i++) {
        snprintf(at, sizeof at, "errors[%u].", i);
        outcome = hubspot_refusal(b->h, handle, at, words, sizeof words, &r.words);
        if (outcome == FASTENR_OK)
            outcome = say_error(&r, kind_of(row[0]), row[1], row[2]);
    }
    return outcome;
}
