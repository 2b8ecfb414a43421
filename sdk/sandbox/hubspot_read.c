/* SPDX-License-Identifier: Apache-2.0 */
/* List, get and batch read. */
#include "hubspot_write.h"

#include <stdlib.h>
#include <strings.h>

/* Unknown names are ignored, as HubSpot ignores them. */
static void mask_names(const struct model *m, const char *names, uint64_t *mask)
{
    while (*names) {
        size_t len = strcspn(names, ",");
        int field = model_property(m, names, len);
        if (field >= 0)
            *mask |= UINT64_C(1) << field;
        names += len + (names[len] == ',');
    }
}

/* The fields that a query's arguments of one name list; false when it has none. */
static bool listed_mask(const struct model *m, const struct call *call, const char *argument,
                        uint64_t *ret_mask)
{
    bool asked = false;
    *ret_mask = 0;
    for (size_t i = 0; i < call->query_count; i++)
        if (strcmp(call->query[i].name, argument) == 0) {
            mask_names(m, call->query[i].value, ret_mask);
            asked = true;
        }
    return asked;
}

static uint64_t asked_mask(const struct model *m, const struct call *call)
{
    uint64_t mask;
    return listed_mask(m, call, "properties", &mask) ? mask | model_mask(m, FIELD_ALWAYS)
                                                     : model_mask(m, FIELD_DEFAULT);
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 19 || text[len] != '\0')
        return false;
    *ret = strtoull(text, NULL, 10);
    return *ret <= max;
}

/* Merged records are neither archived nor living: nothing shows them. */
static bool is_shown(const struct hubspot *h, enum object_type type, uint32_t index, bool archived)
{
    return store_life(h, type, index) == (archived ? LIFE_ARCHIVED : LIFE_LIVING);
}

/* ---- list ---- */

struct page {
    uint64_t limit, after, mask, history;
    bool archived;
};

static bool read_page(struct hubspot *h, const struct model *m, const struct call *call,
                      struct answer *a, struct page *ret)
{
    const char *limit = call_arg(call, "limit"), *after = call_arg(call, "after");
    const char *archived = call_arg(call, "archived");
    *ret = (struct page){.limit = PAGE_DEFAULT, .mask = asked_mask(m, call)};
    ret->archived = archived && strcmp(archived, "true") == 0;
    uint64_t most =
        listed_mask(m, call, "propertiesWithHistory", &ret->history) ? HISTORY_PAGE_MAX : PAGE_MAX;
    if (limit && (!parse_number(limit, most, &ret->limit) || ret->limit == 0)) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "Invalid limit: it must be a number from 1 to %d%s", (int)most,
                      most < PAGE_MAX ? " with propertiesWithHistory" : "");
        return false;
    }
    if (after && !parse_number(after, UINT64_MAX, &ret->after)) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "Invalid paging cursor in `after`");
        return false;
    }
    return true;
}

/* The query of the next page: this one's with another `after`. */
static void write_link(const struct call *call, uint64_t after, struct text *out)
{
    const char *target = call->request->target, *query = strchr(target, '?');
    const char *host = call->request->host ? call->request->host : "127.0.0.1";
    struct text link = {0};
    text_printf(&link, "http://%s%.*s?", host, (int)strcspn(target, "?"), target);
    while (query && *query++) {
        size_t len = strcspn(query, "&");
        if (len > 0 && strncmp(query, "after=", 6) != 0) {
            text_bytes(&link, query, len);
            text_char(&link, '&');
        }
        query = query[len] ? query + len : NULL;
    }
    text_printf(&link, "after=%llu", (unsigned long long)after);
    text_json(out, link.ptr, link.len);
    text_free(&link);
}

static void write_paging(const struct call *call, uint64_t after, struct text *out)
{
    text_printf(out,
                ",\"paging\":{\"next\":{\"after\":\"%llu\",\"link\":", (unsigned long long)after);
    write_link(call, after, out);
    text_add(out, "}}");
}

void hubspot_list(struct hubspot *h, enum object_type type, const struct call *call,
                  struct answer *a)
{
    struct page page;
    struct record r;
    uint64_t written = 0;
    uint32_t total = h->tables[type].total;
    if (!read_page(h, &h->models[type], call, a, &page))
        return;
    uint32_t i = store_index_from(h, type, page.after);
    text_add(&a->body, "{\"results\":[");
    for (; i < total && written < page.limit; i++) {
        if (!is_shown(h, type, i, page.archived))
            continue;
        if (written++)
            text_char(&a->body, ',');
        store_load(h, type, i, &r);
        record_write_history(h, &r, page.mask, page.history, &a->body);
    }
    while (i < total && !is_shown(h, type, i, page.archived))
        i++;
    text_char(&a->body, ']');
    if (i < total)
        write_paging(call, r.id + 1, &a->body);
    text_char(&a->body, '}');
    sandbox_count(h->sandbox, STAT_RECORDS, written);
}

/* ---- get ---- */

static bool index_of_id(const struct hubspot *h, enum object_type type, const char *text,
                        uint32_t *ret)
{
    uint64_t id;
    if (!parse_number(text, UINT64_MAX, &id))
        return false;
    *ret = store_index_from(h, type, id);
    return *ret < h->tables[type].total && store_id(h, type, *ret) == id;
}

/* The records whose `field` holds one of the wanted values: one scan for all of them. */
struct wanted {
    const char *value;
    bool found;
    uint32_t index;
};

static int compare_wanted(const void *a, const void *b)
{
    return strcasecmp(((const struct wanted *)a)->value, ((const struct wanted *)b)->value);
}

/* Fills `found` and `index`; sorts the array. */
static void find_by_value(const struct hubspot *h, enum object_type type, unsigned field,
                          bool archived, struct wanted *wanted, size_t count)
{
    struct text value = {0};
    struct record r;
    qsort(wanted, count, sizeof *wanted, compare_wanted);
    for (uint32_t i = 0; i < h->tables[type].total; i++) {
        value.len = 0;
        store_load(h, type, i, &r);
        if (!is_shown(h, type, i, archived) || !record_value(h, &r, field, &value))
            continue;
        struct wanted key = {.value = text_end(&value)};
        struct wanted *hit = bsearch(&key, wanted, count, sizeof *wanted, compare_wanted);
        if (hit && !hit->found) {
            hit->found = true;
            hit->index = i;
        }
    }
    text_free(&value);
}

/* The field of idProperty: hs_object_id when it is not given, -1 after an error. */
static int id_field(struct hubspot *h, const struct model *m, const char *name, struct answer *a)
{
    int field = name ? model_property(m, name, strlen(name)) : (int)m->object_id;
    if (field >= 0 && m->fields[field].flags & FIELD_UNIQUE)
        return field;
    hubspot_error(h, a, 400, "VALIDATION_ERROR",
                  "The property %s is not a unique property of %s: it cannot be an idProperty",
                  name, m->name);
    return -1;
}

static void find_wanted(const struct hubspot *h, enum object_type type, unsigned field,
                        bool archived, struct wanted *wanted, size_t count)
{
    bool added = field >= hubspot_models[type].count;
    if (field != hubspot_models[type].object_id && (archived || !added)) {
        find_by_value(h, type, field, archived, wanted, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct wanted *w = &wanted[i];
        w->found = added ? unique_find(h, type, field, w->value, &w->index)
                         : index_of_id(h, type, w->value, &w->index) &&
                               is_shown(h, type, w->index, archived);
    }
}

void hubspot_get(struct hubspot *h, enum object_type type, const char *id, const struct call *call,
                 struct answer *a)
{
    const struct model *m = &h->models[type];
    const char *archived = call_arg(call, "archived");
    struct wanted wanted = {.value = id};
    struct record r;
    int field = id_field(h, m, call_arg(call, "idProperty"), a);
    if (field < 0)
        return;
    find_wanted(h, type, (unsigned)field, archived && strcmp(archived, "true") == 0, &wanted, 1);
    if (!wanted.found) {
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND", "resource not found");
        return;
    }
    uint64_t history;
    listed_mask(m, call, "propertiesWithHistory", &history);
    store_load(h, type, wanted.index, &r);
    record_write_history(h, &r, asked_mask(m, call), history, &a->body);
    sandbox_count(h->sandbox, STAT_RECORDS, 1);
}

/* ---- batch read ---- */

static bool is_wanted(const struct wanted *wanted, size_t count, const char *value)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(wanted[i].value, value) == 0)
            return true;
    return false;
}

/* Each once, as HubSpot answers each once. 0 when an input is none. */
static size_t read_inputs(struct json_object *inputs, struct wanted *wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < json_object_array_length(inputs); i++) {
        struct json_object *input = json_object_array_get_idx(inputs, i), *id = NULL;
        if (!json_object_is_type(input, json_type_object) ||
            !json_object_object_get_ex(input, "id", &id) || !id)
            return 0;
        const char *value = json_object_get_string(id);
        if (!is_wanted(wanted, count, value))
            wanted[count++].value = value;
    }
    return count;
}

/* The fields that a member of the body lists; `otherwise` when it lists none. */
static uint64_t body_mask(const struct model *m, struct json_object *body, const char *member,
                          uint64_t always, uint64_t otherwise)
{
    struct json_object *names = NULL;
    uint64_t mask = always;
    if (!json_object_object_get_ex(body, member, &names) ||
        !json_object_is_type(names, json_type_array) || json_object_array_length(names) == 0)
        return otherwise;
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        if (name)
            mask_names(m, name, &mask);
    }
    return mask;
}

static void write_missing(const struct wanted *wanted, size_t count, size_t missing,
                          struct text *out)
{
    const char *between = "";
    text_printf(
        out,
        ",\"numErrors\":1,\"errors\":[{\"status\":\"error\",\"category\":"
        "\"OBJECT_NOT_FOUND\",\"message\":\"Could not get some objects, they may be deleted "
        "or not exist. %zu of them.\",\"context\":{\"ids\":[",
        missing);
    for (size_t i = 0; i < count; i++) {
        if (wanted[i].found)
            continue;
        text_add(out, between);
        text_json(out, wanted[i].value, strlen(wanted[i].value));
        between = ",";
    }
    text_add(out, "]}}]");
}

static void write_batch(struct hubspot *h, enum object_type type, uint64_t mask, uint64_t history,
                        const struct wanted *wanted, size_t count, struct answer *a, int64_t now_ms)
{
    size_t written = 0;
    struct record r;
    text_add(&a->body, "{\"status\":\"COMPLETE\",\"results\":[");
    for (size_t i = 0; i < count; i++) {
        if (!wanted[i].found)
            continue;
        if (written++)
            text_char(&a->body, ',');
        store_load(h, type, wanted[i].index, &r);
        record_write_history(h, &r, mask, history, &a->body);
    }
    text_char(&a->body, ']');
    if (written < count)
        write_missing(wanted, count, count - written, &a->body);
    text_add(&a->body, ",\"startedAt\":\"");
    text_time(&a->body, now_ms);
    text_add(&a->body, "\",\"completedAt\":\"");
    text_time(&a->body, now_ms);
    text_add(&a->body, "\"}");
    a->response->status = written < count ? 207 : 200;
    sandbox_count(h->sandbox, STAT_RECORDS, written);
}

/* The parsed body, with its inputs; NULL after an error. */
static struct json_object *read_batch(struct hubspot *h, const struct call *call, struct answer *a,
                                      struct wanted *wanted, size_t *ret_count)
{
    const char *reason;
    struct json_object *inputs = NULL;
    struct json_object *body = parse_object(call->request->body, call->request->body_len, &reason);
    if (!body) {
        hubspot_error(h, a, 400, NULL, "Invalid input JSON: %s", reason);
        return NULL;
    }
    json_object_object_get_ex(body, "inputs", &inputs);
    bool is_array = json_object_is_type(inputs, json_type_array);
    if (is_array && json_object_array_length(inputs) > BATCH_MAX)
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "The maximum number of inputs supported in a batch request for property "
                      "reads is %d",
                      BATCH_MAX);
    else if (!is_array || (*ret_count = read_inputs(inputs, wanted)) == 0)
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "inputs must hold objects with an id");
    else
        return body;
    json_object_put(body);
    return NULL;
}

void hubspot_batch_read(struct hubspot *h, enum object_type type, const struct call *call,
                        struct answer *a)
{
    const struct model *m = &h->models[type];
    const char *archived = call_arg(call, "archived");
    struct json_object *name = NULL;
    struct wanted wanted[BATCH_MAX] = {0};
    size_t count = 0;
    struct json_object *body = read_batch(h, call, a, wanted, &count);
    if (!body)
        return;
    json_object_object_get_ex(body, "idProperty", &name);
    uint64_t history = body_mask(m, body, "propertiesWithHistory", 0, 0);
    int field = id_field(h, m, name ? json_object_get_string(name) : NULL, a);
    if (field >= 0 && history && count > HISTORY_PAGE_MAX) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "The maximum number of inputs supported in a batch request for property "
                      "histories is %d",
                      HISTORY_PAGE_MAX);
    } else if (field >= 0) {
        find_wanted(h, type, (unsigned)field, archived && strcmp(archived, "true") == 0, wanted,
                    count);
        write_batch(h, type,
                    body_mask(m, body, "properties", model_mask(m, FIELD_ALWAYS),
                              model_mask(m, FIELD_DEFAULT)),
                    history, wanted, count, a, call->now_ms);
    }
    json_object_put(body);
}
