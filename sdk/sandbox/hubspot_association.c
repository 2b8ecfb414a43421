/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Associations (v4), from the record that has them to companies, contacts and deals. As seeded they
 * follow from the record's hash; what was associated or dissociated since is kept beside, and moves
 * no modified time. Those with archived records are not shown, as HubSpot drops them.
 */
#include "hubspot.h"

#include <stdlib.h>

enum { INPUTS_MAX = 1000 };

/* ---- what was changed ---- */

static uint64_t key_of(enum object_type type, uint32_t index, enum object_type to)
{
    return (uint64_t)(type + 1) << 48 | (uint64_t)to << 40 | index;
}

static struct changed_association *find_slot(const struct associations *all, uint64_t key)
{
    size_t mask = all->cap - 1, at = (size_t)mix(key) & mask;
    while (all->slots[at].key != 0 && all->slots[at].key != key)
        at = (at + 1) & mask;
    return &all->slots[at];
}

static void grow(struct associations *all)
{
    struct associations bigger = {.cap = all->cap ? all->cap * 2 : 64, .count = all->count};
    bigger.slots = mem_get(bigger.cap * sizeof *bigger.slots);
    for (size_t i = 0; i < all->cap; i++)
        if (all->slots[i].key != 0)
            *find_slot(&bigger, all->slots[i].key) = all->slots[i];
    free(all->slots);
    *all = bigger;
}

void association_set(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                     int64_t target)
{
    struct associations *all = &h->associations;
    uint64_t key = key_of(type, index, to);
    if (all->count * 2 >= all->cap)
        grow(all);
    struct changed_association *slot = find_slot(all, key);
    all->count += slot->key == 0;
    *slot = (struct changed_association){key, target};
}

/* ---- what there is ---- */

static bool is_archived(const struct hubspot *h, enum object_type type, uint32_t index)
{
    const struct version *v = store_newest(&h->tables[type], index);
    return v && v->archived;
}

/* Of a hundred records, so many have none; of the others a third has a second one. */
static size_t seeded(const struct hubspot *h, enum object_type type, uint32_t index,
                     enum object_type to, uint32_t *out)
{
    static const unsigned without[] = {[COMPANIES] = 12, [CONTACTS] = 16, [DEALS] = 66};
    uint64_t hash = mix(seed_hash(h, type, index) + 0xA550 + (uint64_t)to);
    uint32_t count = h->tables[to].seeded;
    if (count == 0 || hash % 100 < without[to])
        return 0;
    out[0] = (uint32_t)((hash >> 8) % count);
    out[1] = (uint32_t)((hash >> 20) % count);
    return (hash >> 40) % 3 == 0 && out[1] != out[0] ? 2 : 1;
}

static size_t company_of_contact(const struct hubspot *h, uint32_t index, uint32_t *out)
{
    struct text id = {0};
    struct record r;
    store_load(h, CONTACTS, index, &r);
    bool has = record_value(h, &r, CONTACT_COMPANY_ID, &id);
    if (has)
        out[0] = store_index_from(h, COMPANIES, strtoull(text_end(&id), NULL, 10));
    text_free(&id);
    return has;
}

bool association_is_known(enum object_type type, enum object_type to)
{
    return (type == CONTACTS && to == COMPANIES) || (type >= DEALS && to <= CONTACTS) ||
           (type > DEALS && to == DEALS);
}

size_t association_get(const struct hubspot *h, enum object_type type, uint32_t index,
                       enum object_type to, uint32_t out[ASSOCIATIONS_MAX])
{
    size_t n = 0, kept = 0;
    const struct changed_association *changed =
        h->associations.cap ? find_slot(&h->associations, key_of(type, index, to)) : NULL;
    if (type == CONTACTS)
        n = company_of_contact(h, index, out);
    else if (changed && changed->key != 0)
        n = changed->target >= 0 ? (out[0] = (uint32_t)changed->target, 1) : 0;
    else
        n = seeded(h, type, index, to, out);
    for (size_t i = 0; i < n; i++)
        if (!is_archived(h, to, out[i]))
            out[kept++] = out[i];
    return kept;
}

/* ---- showing ---- */

static void write_targets(const struct hubspot *h, enum object_type to, const uint32_t *targets,
                          size_t count, struct text *out)
{
    for (size_t i = 0; i < count; i++)
        text_printf(out,
                    "%s{\"toObjectId\":%llu,\"associationTypes\":[{\"category\":"
                    "\"HUBSPOT_DEFINED\",\"typeId\":%d,\"label\":null}]}",
                    i ? "," : "", (unsigned long long)store_id(h, to, targets[i]), 200 + (int)to);
}

void association_write_truth(const struct hubspot *h, enum object_type type, uint32_t index,
                             struct text *out)
{
    const char *between = "";
    text_add(out, ",\"associations\":{");
    for (int to = COMPANIES; to <= DEALS; to++) {
        uint32_t targets[ASSOCIATIONS_MAX];
        if (!association_is_known(type, (enum object_type)to))
            continue;
        size_t n = association_get(h, type, index, (enum object_type)to, targets);
        text_printf(out, "%s\"%s\":[", between, hubspot_models[to].name);
        for (size_t i = 0; i < n; i++)
            text_printf(out, "%s\"%llu\"", i ? "," : "",
                        (unsigned long long)store_id(h, (enum object_type)to, targets[i]));
        text_char(out, ']');
        between = ",";
    }
    text_char(out, '}');
}

/* The index of a living record, or false. */
static bool living(const struct hubspot *h, enum object_type type, const char *id, uint32_t *ret)
{
    uint64_t number = strtoull(id, NULL, 10);
    *ret = store_index_from(h, type, number);
    return *ret < h->tables[type].total && store_id(h, type, *ret) == number &&
           !is_archived(h, type, *ret);
}

void hubspot_associations(struct hubspot *h, enum object_type type, const char *id,
                          enum object_type to, struct answer *a)
{
    uint32_t index, targets[ASSOCIATIONS_MAX];
    if (!living(h, type, id, &index)) {
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND", "resource not found");
        return;
    }
    size_t n = association_get(h, type, index, to, targets);
    text_add(&a->body, "{\"results\":[");
    write_targets(h, to, targets, n, &a->body);
    text_add(&a->body, "]}");
}

/* A row for each input that has any; the others are counted as errors, as HubSpot does. */
static size_t write_rows(struct hubspot *h, enum object_type type, enum object_type to,
                         struct json_object *inputs, struct text *out)
{
    size_t count = json_object_array_length(inputs), written = 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *id = NULL;
        uint32_t index, targets[ASSOCIATIONS_MAX];
        json_object_object_get_ex(json_object_array_get_idx(inputs, i), "id", &id);
        const char *text = id ? json_object_get_string(id) : "";
        size_t n = living(h, type, text, &index) ? association_get(h, type, index, to, targets) : 0;
        if (n == 0)
            continue;
        text_printf(out, "%s{\"from\":{\"id\":\"%llu\"},\"to\":[", written++ ? "," : "",
                    (unsigned long long)store_id(h, type, index));
        write_targets(h, to, targets, n, out);
        text_add(out, "]}");
    }
    return count - written;
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
        size_t without = write_rows(h, type, to, inputs, &a->body);
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
