/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that read associations. The side that keeps them is looked up; the other side is
 * answered by a look at all records of the side that keeps them, once a request. */
#include "hubspot_association.h"

#include <stdlib.h>

enum { INPUTS_MAX = 1000 };

/* ---- asking ---- */

/* A record whose associations are asked for. */
struct input {
    uint32_t index;
    bool living;
    uint64_t after; /* how many to leave out */
    size_t place;   /* in the request */
    struct link *targets;
    size_t count, cap;
};

static void add_target(struct input *in, struct link target)
{
    if (in->count == in->cap) {
        in->cap = in->cap ? in->cap * 2 : 4;
        in->targets = mem_more(in->targets, in->cap * sizeof *in->targets);
    }
    in->targets[in->count++] = target;
}

/* The first of a record's is its primary one. */
static struct link shown(const struct link *links, size_t k, uint32_t target)
{
    return (struct link){target, links[k].labels | (k == 0 ? LABEL_PRIMARY : 0)};
}

static int by_index(const void *a, const void *b)
{
    const struct input *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_place(const void *a, const void *b)
{
    const struct input *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

/* Adds `target` to all inputs with that index. They are sorted by it. */
static void add_to(struct input *inputs, size_t count, uint32_t index, struct link target)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inputs[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && inputs[low].index == index; low++)
        if (inputs[low].living)
            add_target(&inputs[low], target);
}

static void find_kept(const struct hubspot *h, enum object_type type, enum object_type to,
                      struct input *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct link out[ASSOCIATIONS_MAX];
        size_t n = inputs[i].living ? association_get(h, type, inputs[i].index, to, out) : 0;
        for (size_t k = 0; k < n; k++)
            add_target(&inputs[i], shown(out, k, out[k].target));
    }
}

static void find_from_other_side(const struct hubspot *h, enum object_type type,
                                 enum object_type to, struct input *inputs, size_t count)
{
    qsort(inputs, count, sizeof *inputs, by_index);
    for (uint32_t i = 0; i < h->tables[to].total; i++) {
        struct link out[ASSOCIATIONS_MAX];
        size_t n = store_life(h, to, i) == LIFE_LIVING ? association_get(h, to, i, type, out) : 0;
        for (size_t k = 0; k < n; k++)
            add_to(inputs, count, out[k].target, shown(out, k, i));
    }
    qsort(inputs, count, sizeof *inputs, by_place);
}

static void find_targets(const struct hubspot *h, enum object_type type, enum object_type to,
                         struct input *inputs, size_t count)
{
    if (count == 0)
        return;
    if (association_is_kept(type, to))
        find_kept(h, type, to, inputs, count);
    else
        find_from_other_side(h, type, to, inputs, count);
}

static void find_input(const struct hubspot *h, enum object_type type, const char *id,
                       const char *after, struct input *in)
{
    in->living = living_by_id(h, type, id, &in->index);
    in->after = strtoull(after, NULL, 10);
}

/* ---- showing ---- */

/* At most `limit` of them, and where the next page begins. */
static void write_page(const struct hubspot *h, enum object_type type, enum object_type to,
                       const struct input *in, const char *member, uint64_t limit, struct text *out)
{
    uint64_t end = in->after + limit, i = in->after;
    text_printf(out, "\"%s\":[", member);
    for (; i < in->count && i < end; i++) {
        text_printf(out, "%s{\"toObjectId\":%llu,\"associationTypes\":", i > in->after ? "," : "",
                    (unsigned long long)store_id(h, to, in->targets[i].target));
        label_write_types(type, to, in->targets[i].labels, out);
        text_char(out, '}');
    }
    text_char(out, ']');
    if (i < in->count)
        text_printf(out, ",\"paging\":{\"next\":{\"after\":\"%llu\",\"link\":\"?after=%llu\"}}",
                    (unsigned long long)i, (unsigned long long)i);
}

void hubspot_associations(struct hubspot *h, enum object_type type, const char *id,
                          enum object_type to, const struct call *call, struct answer *a)
{
    const char *after = call_arg(call, "after"), *limit = call_arg(call, "limit");
    uint64_t most = limit ? strtoull(limit, NULL, 10) : h->options->association_page;
    struct input in = {0};
    if (most < 1 || most > SANDBOX_ASSOCIATION_PAGE_MAX) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "limit: from 1 to %d",
                      SANDBOX_ASSOCIATION_PAGE_MAX);
        return;
    }
    find_input(h, type, id, after ? after : "", &in);
    if (!in.living) {
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND", "resource not found");
        return;
    }
    find_targets(h, type, to, &in, 1);
    text_char(&a->body, '{');
    write_page(h, type, to, &in, "results", most, &a->body);
    text_char(&a->body, '}');
    free(in.targets);
}

/* A row for each input that has any; the others are counted as errors, as HubSpot does. */
static size_t write_rows(struct hubspot *h, enum object_type type, enum object_type to,
                         const struct input *inputs, size_t count, struct text *out)
{
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].count == 0)
            continue;
        text_printf(out, "%s{\"from\":{\"id\":\"%llu\"},", written++ ? "," : "",
                    (unsigned long long)store_id(h, type, inputs[i].index));
        write_page(h, type, to, &inputs[i], "to", h->options->association_page, out);
        text_char(out, '}');
    }
    return count - written;
}

static size_t write_found(struct hubspot *h, enum object_type type, enum object_type to,
                          struct json_object *wanted, struct text *out)
{
    size_t count = json_object_array_length(wanted);
    struct input *inputs = mem_get(count * sizeof *inputs);
    for (size_t i = 0; i < count; i++) {
        struct json_object *input = json_object_array_get_idx(wanted, i), *id = NULL, *after = NULL;
        json_object_object_get_ex(input, "id", &id);
        json_object_object_get_ex(input, "after", &after);
        find_input(h, type, id ? json_object_get_string(id) : "",
                   after ? json_object_get_string(after) : "", &inputs[i]);
        inputs[i].place = i;
    }
    find_targets(h, type, to, inputs, count);
    size_t without = write_rows(h, type, to, inputs, count, out);
    for (size_t i = 0; i < count; i++)
        free(inputs[i].targets);
    free(inputs);
    return without;
}

void hubspot_associations_batch(struct hubspot *h, enum object_type type, enum object_type to,
                                const struct call *call, struct answer *a)
{
    const char *reason;
    struct json_object *inputs = NULL;
    struct json_object *body = parse_object(call->request->body, call->request->body_len, &reason);
    if (!body) {
        hubspot_error(h, a, 400, NULL, "Invalid input JSON: %s", reason);
        return;
    }
    json_object_object_get_ex(body, "inputs", &inputs);
    if (!json_object_is_type(inputs, json_type_array) ||
        json_object_array_length(inputs) > INPUTS_MAX) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "inputs: at most %d objects with an id",
                      INPUTS_MAX);
    } else {
        text_add(&a->body, "{\"status\":\"COMPLETE\",\"results\":[");
        size_t without = write_found(h, type, to, inputs, &a->body);
        text_char(&a->body, ']');
        if (without > 0)
            text_printf(&a->body,
                        ",\"numErrors\":%zu,\"errors\":[{\"status\":\"error\",\"category\":"
                        "\"OBJECT_NOT_FOUND\",\"subCategory\":\"crm.associations."
                        "NO_ASSOCIATIONS_FOUND\",\"message\":\"No %s is associated with %zu of "
                        "the %s.\"}]",
                        without, hubspot_models[to].singular, without, hubspot_models[type].name);
        text_add(&a->body, ",\"startedAt\":\"");
        text_time(&a->body, call->now_ms);
        text_add(&a->body, "\",\"completedAt\":\"");
        text_time(&a->body, call->now_ms);
        text_add(&a->body, "\"}");
        a->response->status = without > 0 ? 207 : 200;
    }
    json_object_put(body);
}
