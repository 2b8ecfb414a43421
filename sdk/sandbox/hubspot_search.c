/* SPDX-License-Identifier: Apache-2.0 */
/* POST /crm/v3/objects/{type}/search: reads the request, finds the set, writes a page of it. */
#include "hubspot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const operators[OPERATORS] = {
    [OP_EQ] = "EQ",
    [OP_NEQ] = "NEQ",
    [OP_LT] = "LT",
    [OP_LTE] = "LTE",
    [OP_GT] = "GT",
    [OP_GTE] = "GTE",
    [OP_BETWEEN] = "BETWEEN",
    [OP_IN] = "IN",
    [OP_NOT_IN] = "NOT_IN",
    [OP_HAS] = "HAS_PROPERTY",
    [OP_NOT_HAS] = "NOT_HAS_PROPERTY",
    [OP_CONTAINS] = "CONTAINS_TOKEN",
    [OP_NOT_CONTAINS] = "NOT_CONTAINS_TOKEN",
};

struct reading {
    struct search *q;
    const struct model *m;
    const struct hubspot *h;
    char wrong[256]; /* what is wrong with the request; empty: nothing */
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct reading *rd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(rd->wrong, sizeof rd->wrong, format, args);
    va_end(args);
    return false;
}

static const char *text_of(struct json_object *o, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(o, name, &value);
    return value ? json_object_get_string(value) : NULL;
}

/* ---- filters ---- */

static bool to_number(struct reading *rd, const struct filter *f, const char *text, double *ret)
{
    const struct field *field = &rd->m->fields[f->field];
    int64_t ms;
    char *end;
    if (field->type == TYPE_DATETIME || field->type == TYPE_DATE) {
        if (!time_parse(text, &ms))
            return wrong(rd, "%.60s is no date for the property %s", text, field->name);
        *ret = (double)ms;
    } else if (field->type == TYPE_NUMBER) {
        *ret = strtod(text, &end);
        if (end == text || *end || !isfinite(*ret))
            return wrong(rd, "%.60s is no number for the property %s", text, field->name);
    }
    return true;
}

static bool read_values(struct reading *rd, struct json_object *o, struct filter *f)
{
    struct json_object *values = NULL;
    if (!json_object_object_get_ex(o, "values", &values) ||
        !json_object_is_type(values, json_type_array) || json_object_array_length(values) == 0)
        return wrong(rd, "operator %s requires values", operators[f->op]);
    f->value_count = json_object_array_length(values);
    if (f->value_count > VALUES_MAX)
        return wrong(rd, "at most %d values in a filter", VALUES_MAX);
    for (size_t i = 0; i < f->value_count; i++) {
        const char *value = json_object_get_string(json_object_array_get_idx(values, i));
        f->values[i] = value ? value : "";
    }
    return true;
}

static bool read_operands(struct reading *rd, struct json_object *o, struct filter *f)
{
    if (f->op == OP_HAS || f->op == OP_NOT_HAS)
        return true;
    if (f->op == OP_IN || f->op == OP_NOT_IN)
        return read_values(rd, o, f);
    f->value = text_of(o, "value");
    f->high = text_of(o, "highValue");
    if (!f->value)
        return wrong(rd, "operator %s requires a value", operators[f->op]);
    if (f->op == OP_BETWEEN && !f->high)
        return wrong(rd, "operator BETWEEN requires value and highValue");
    return to_number(rd, f, f->value, &f->number) &&
           (f->op != OP_BETWEEN || to_number(rd, f, f->high, &f->high_number));
}

static bool read_filter(struct reading *rd, struct json_object *o, struct filter *f)
{
    const char *name = text_of(o, "propertyName"), *op_name = text_of(o, "operator");
    int op = 0, field = name ? schema_property(rd->h, rd->q->type, name, strlen(name)) : -1;
    if (field < 0)
        return wrong(rd, "There was a problem with the request. Property %.60s does not exist",
                     name ? name : "null");
    while (op < OPERATORS && (!op_name || strcmp(operators[op], op_name) != 0))
        op++;
    if (op == OPERATORS)
        return wrong(rd, "%.60s is not a valid operator", op_name ? op_name : "null");
    *f = (struct filter){.field = (unsigned)field, .op = (enum search_operator)op};
    return read_operands(rd, o, f);
}

static bool read_group(struct reading *rd, struct json_object *group)
{
    struct json_object *filters = NULL;
    struct search *q = rd->q;
    size_t g = q->group_count++, count;
    if (!json_object_is_type(group, json_type_object) ||
        !json_object_object_get_ex(group, "filters", &filters) ||
        !json_object_is_type(filters, json_type_array))
        return wrong(rd, "a filter group must hold filters");
    count = json_object_array_length(filters);
    if (count > FILTERS_MAX)
        return wrong(rd, "a filter group may hold at most %d filters", FILTERS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct json_object *o = json_object_array_get_idx(filters, i);
        if (!json_object_is_type(o, json_type_object))
            return wrong(rd, "a filter must be an object");
        if (!read_filter(rd, o, &q->filters[g][i]))
            return false;
    }
    q->filter_counts[g] = count;
    return true;
}

static bool read_groups(struct reading *rd, struct json_object *body)
{
    struct json_object *groups = NULL;
    size_t total = 0;
    if (!json_object_object_get_ex(body, "filterGroups", &groups) || !groups)
        return true;
    if (!json_object_is_type(groups, json_type_array))
        return wrong(rd, "filterGroups must be an array");
    if (json_object_array_length(groups) > GROUPS_MAX)
        return wrong(rd, "at most %d filter groups", GROUPS_MAX);
    for (size_t g = 0; g < json_object_array_length(groups); g++) {
        if (!read_group(rd, json_object_array_get_idx(groups, g)))
            return false;
        total += rd->q->filter_counts[g];
    }
    return total <= FILTERS_TOTAL || wrong(rd, "at most %d filters in total", FILTERS_TOTAL);
}

/* ---- the rest of the request ---- */

/* {"propertyName", "direction"}, or a name alone. */
static bool read_sort(struct reading *rd, struct json_object *body)
{
    struct json_object *sorts = NULL, *sort;
    struct search *q = rd->q;
    if (!json_object_object_get_ex(body, "sorts", &sorts) || !sorts)
        return true;
    if (!json_object_is_type(sorts, json_type_array))
        return wrong(rd, "sorts must be an array");
    if (json_object_array_length(sorts) == 0)
        return true;
    if (json_object_array_length(sorts) > 1)
        return wrong(rd, "only one sort is allowed");
    sort = json_object_array_get_idx(sorts, 0);
    bool full = json_object_is_type(sort, json_type_object);
    const char *name = full ? text_of(sort, "propertyName") : json_object_get_string(sort);
    const char *direction = full ? text_of(sort, "direction") : NULL;
    q->descending = direction && strcmp(direction, "DESCENDING") == 0;
    q->sort = name ? schema_property(rd->h, q->type, name, strlen(name)) : -1;
    if (q->sort < 0)
        return wrong(rd, "cannot sort by %.60s: no such property", name ? name : "null");
    if ((unsigned)q->sort == rd->m->object_id)
        q->sort = -1;
    return true;
}

static bool read_count(struct reading *rd, struct json_object *body, const char *name, size_t max,
                       size_t *ret)
{
    const char *text = text_of(body, name);
    if (!text)
        return true;
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 12 || text[len])
        return wrong(rd, "%s must be a whole number", name);
    *ret = strtoull(text, NULL, 10);
    return *ret <= max || wrong(rd, "%s must be at most %zu", name, max);
}

static void read_mask(struct reading *rd, struct json_object *body)
{
    struct json_object *names = NULL;
    rd->q->mask = model_mask(rd->m, FIELD_DEFAULT);
    if (!json_object_object_get_ex(body, "properties", &names) ||
        !json_object_is_type(names, json_type_array) || json_object_array_length(names) == 0)
        return;
    rd->q->mask = model_mask(rd->m, FIELD_ALWAYS);
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        int field = name ? model_property(rd->m, name, strlen(name)) : -1;
        if (field >= 0)
            rd->q->mask |= UINT64_C(1) << field;
    }
}

static bool read_search(struct reading *rd, struct json_object *body)
{
    struct search *q = rd->q;
    q->sort = -1;
    q->limit = PAGE_DEFAULT;
    q->query = text_of(body, "query");
    read_mask(rd, body);
    if (!read_groups(rd, body) || !read_sort(rd, body) ||
        !read_count(rd, body, "limit", SEARCH_PAGE_MAX, &q->limit) ||
        !read_count(rd, body, "after", SIZE_MAX, &q->after))
        return false;
    if (q->after + q->limit > SEARCH_RESULTS_MAX)
        return wrong(rd,
                     "The maximum number of results for a search is %d: ask with a filter on "
                     "hs_object_id to go on",
                     SEARCH_RESULTS_MAX);
    return true;
}

/* ---- what is lifted out of the filters ---- */

/* Narrows [from, to] by a comparison with whole numbers; false when it is none. */
static bool narrow(enum search_operator op, int64_t value, int64_t high, int64_t *from, int64_t *to)
{
    int64_t low = value;
    if (op == OP_GT)
        low = value + 1;
    if (op == OP_GT || op == OP_GTE)
        high = INT64_MAX;
    else if (op == OP_LT || op == OP_LTE) {
        high = op == OP_LT ? value - 1 : value;
        low = 0;
    } else if (op == OP_EQ)
        high = value;
    else if (op != OP_BETWEEN)
        return false;
    *from = low > *from ? low : *from;
    *to = high < *to ? high : *to;
    return true;
}

static bool whole(const char *text, int64_t *ret)
{
    size_t len = text ? strspn(text, "0123456789") : 0;
    if (len == 0 || len > 18 || text[len])
        return false;
    *ret = strtoll(text, NULL, 10);
    return true;
}

static bool lift(struct reading *rd, const struct filter *f)
{
    struct search *q = rd->q;
    int64_t value = 0, high = 0;
    if (f->field == rd->m->modified && f->value && time_parse(f->value, &value) &&
        (!f->high || time_parse(f->high, &high)) &&
        narrow(f->op, value, high, &q->modified_from, &q->modified_to)) {
        q->by_modified = true;
        return true;
    }
    return f->field == rd->m->object_id && q->sort < 0 && whole(f->value, &value) &&
           (!f->high || whole(f->high, &high)) &&
           narrow(f->op, value, high, &q->id_from, &q->id_to);
}

static void lift_ranges(struct reading *rd)
{
    struct search *q = rd->q;
    size_t kept = 0;
    q->modified_to = q->id_to = INT64_MAX;
    if (q->group_count != 1)
        return;
    for (size_t i = 0; i < q->filter_counts[0]; i++)
        if (!lift(rd, &q->filters[0][i]))
            q->filters[0][kept++] = q->filters[0][i];
    q->filter_counts[0] = kept;
    if (kept == 0)
        q->group_count = 0;
}

static void key_text(struct text *key, const char *value)
{
    text_char(key, ' ');
    text_json(key, value ? value : "", value ? strlen(value) : 0);
}

static void make_key(struct search *q)
{
    struct text key = {0};
    text_printf(&key, "%d %d %d %lld %lld", q->sort, q->sort >= 0 && q->descending, q->by_modified,
                (long long)q->modified_from, (long long)q->modified_to);
    key_text(&key, q->query);
    for (size_t g = 0; g < q->group_count; g++) {
        text_char(&key, '|');
        for (size_t i = 0; i < q->filter_counts[g]; i++) {
            const struct filter *f = &q->filters[g][i];
            text_printf(&key, "&%u %d", f->field, (int)f->op);
            key_text(&key, f->value);
            key_text(&key, f->high);
            for (size_t v = 0; v < f->value_count; v++)
                key_text(&key, f->values[v]);
        }
    }
    text_end(&key);
    q->key = key.ptr;
}

/* ---- the page ---- */

/* The first position of the set, in the order of indexes, at or past an index. */
static size_t position_of(const struct set *set, uint32_t index)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->indexes[middle] < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void write_results(struct hubspot *h, const struct search *q, const uint32_t *indexes,
                          size_t total, int64_t horizon_ms, struct text *out)
{
    bool backwards = q->sort < 0 && q->descending;
    size_t end = q->after + q->limit < total ? q->after + q->limit : total;
    struct record r;
    text_printf(out, "{\"total\":%zu,\"results\":[", total);
    for (size_t i = q->after; i < end; i++) {
        store_load_at(h, q->type, indexes[backwards ? total - 1 - i : i], horizon_ms, &r);
        if (i > q->after)
            text_char(out, ',');
        record_write(h, &r, q->mask, out);
    }
    text_char(out, ']');
    if (end < total && end > q->after)
        text_printf(out, ",\"paging\":{\"next\":{\"after\":\"%zu\"}}", end);
    text_char(out, '}');
    sandbox_count(h->sandbox, STAT_RECORDS, end > q->after ? end - q->after : 0);
}

static void write_page(struct hubspot *h, const struct search *q, int64_t now_ms, struct text *out)
{
    int64_t horizon_ms = store_horizon(h, now_ms);
    const struct set *set = set_get(h, q, horizon_ms);
    size_t from = 0, to = set->count;
    if (q->sort < 0) {
        from = position_of(set, store_index_from(h, q->type, (uint64_t)q->id_from));
        if (q->id_to < INT64_MAX)
            to = position_of(set, store_index_from(h, q->type, (uint64_t)q->id_to + 1));
    }
    if (to < from)
        to = from;
    write_results(h, q, set->indexes + from, to - from, horizon_ms, out);
}

void hubspot_search(struct hubspot *h, enum object_type type, const struct call *call,
                    struct answer *a)
{
    const struct sandbox_request *request = call->request;
    struct search q = {.type = type};
    struct reading rd = {.q = &q, .m = &h->models[type], .h = h};
    const char *reason;
    if (request->body_len > SEARCH_BODY_MAX) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "The request body is %zu characters long: at most %d are allowed",
                      request->body_len, SEARCH_BODY_MAX);
        return;
    }
    struct json_object *body = parse_object(request->body, request->body_len, &reason);
    if (!body) {
        hubspot_error(h, a, 400, NULL, "Invalid input JSON: %s", reason);
        return;
    }
    if (read_search(&rd, body)) {
        lift_ranges(&rd);
        make_key(&q);
        write_page(h, &q, call->now_ms, &a->body);
        free(q.key);
    } else {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "%s", rd.wrong);
    }
    json_object_put(body);
}
