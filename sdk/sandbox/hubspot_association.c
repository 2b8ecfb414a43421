/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Associations (v4). One side keeps them: contacts to companies; deals, tickets and engagements to
 * companies and contacts; tickets and engagements to deals. As seeded they follow from the record's
 * hash; what was associated or dissociated since is kept beside, and moves no modified time. The
 * other side is answered by a look at all records of the side that keeps them, once a request.
 * Those with archived records are not shown, as HubSpot drops them. Those with and of a record that
 * was merged away are its winner's: they are looked through, and no modified time moves.
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

static void set_one(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
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

void association_set(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                     int64_t target)
{
    uint32_t losers[MERGES_MAX];
    size_t count = merge_losers(h, type, index, losers, MERGES_MAX);
    for (size_t i = 0; i < count; i++)
        set_one(h, type, losers[i], to, -1);
    set_one(h, type, index, to, target);
}

/* ---- what there is ---- */

static bool is_living(const struct hubspot *h, enum object_type type, uint32_t index)
{
    return store_life(h, type, index) == LIFE_LIVING;
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

static bool is_kept(enum object_type type, enum object_type to)
{
    return (type == CONTACTS && to == COMPANIES) || (type >= DEALS && to <= CONTACTS) ||
           (type > DEALS && to == DEALS);
}

bool association_is_known(enum object_type type, enum object_type to)
{
    return is_kept(type, to) || is_kept(to, type);
}

/* Those of the record itself, whatever became of them; at most 2. */
static size_t own(const struct hubspot *h, enum object_type type, uint32_t index,
                  enum object_type to, uint32_t *out)
{
    const struct changed_association *changed =
        h->associations.cap ? find_slot(&h->associations, key_of(type, index, to)) : NULL;
    if (type == CONTACTS)
        return company_of_contact(h, index, out);
    if (!changed || changed->key == 0)
        return seeded(h, type, index, to, out);
    out[0] = (uint32_t)changed->target;
    return changed->target >= 0;
}

/* Adds the living ones of a record's own, each once; one that was merged away is its winner. */
static size_t add_own(const struct hubspot *h, enum object_type type, uint32_t index,
                      enum object_type to, uint32_t *out, size_t count)
{
    uint32_t found[2];
    size_t n = own(h, type, index, to, found);
    for (size_t i = 0; i < n && count < ASSOCIATIONS_MAX; i++) {
        uint32_t target = merge_winner(h, to, found[i]);
        bool again = false;
        for (size_t k = 0; k < count; k++)
            again = again || out[k] == target;
        if (!again && is_living(h, to, target))
            out[count++] = target;
    }
    return count;
}

/* Indexes of the living records that a record of the keeping side is associated with: its own, and
 * those that came with the records that were merged into it. A contact has one primary company. */
static size_t association_get(const struct hubspot *h, enum object_type type, uint32_t index,
                              enum object_type to, uint32_t out[ASSOCIATIONS_MAX])
{
    uint32_t losers[MERGES_MAX];
    size_t count = add_own(h, type, index, to, out, 0);
    size_t merged = type == CONTACTS ? 0 : merge_losers(h, type, index, losers, MERGES_MAX);
    for (size_t i = 0; i < merged; i++)
        count = add_own(h, type, losers[i], to, out, count);
    return count;
}

void association_write_truth(const struct hubspot *h, enum object_type type, uint32_t index,
                             struct text *out)
{
    const char *between = "";
    text_add(out, ",\"associations\":{");
    for (int to = COMPANIES; to <= DEALS; to++) {
        uint32_t targets[ASSOCIATIONS_MAX];
        if (!is_kept(type, (enum object_type)to))
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

/* ---- asking ---- */

/* A record whose associations are asked for. */
struct input {
    uint32_t index;
    bool living;
    uint64_t after; /* how many to leave out */
    size_t place;   /* in the request */
    uint32_t *targets;
    size_t count, cap;
};

static void add_target(struct input *in, uint32_t target)
{
    if (in->count == in->cap) {
        in->cap = in->cap ? in->cap * 2 : 4;
        in->targets = mem_more(in->targets, in->cap * sizeof *in->targets);
    }
    in->targets[in->count++] = target;
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
static void add_to(struct input *inputs, size_t count, uint32_t index, uint32_t target)
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
        uint32_t out[ASSOCIATIONS_MAX];
        size_t n = inputs[i].living ? association_get(h, type, inputs[i].index, to, out) : 0;
        for (size_t k = 0; k < n; k++)
            add_target(&inputs[i], out[k]);
    }
}

static void find_from_other_side(const struct hubspot *h, enum object_type type,
                                 enum object_type to, struct input *inputs, size_t count)
{
    qsort(inputs, count, sizeof *inputs, by_index);
    for (uint32_t i = 0; i < h->tables[to].total; i++) {
        uint32_t out[ASSOCIATIONS_MAX];
        size_t n = is_living(h, to, i) ? association_get(h, to, i, type, out) : 0;
        for (size_t k = 0; k < n; k++)
            add_to(inputs, count, out[k], i);
    }
    qsort(inputs, count, sizeof *inputs, by_place);
}

static void find_targets(const struct hubspot *h, enum object_type type, enum object_type to,
                         struct input *inputs, size_t count)
{
    if (count == 0)
        return;
    if (is_kept(type, to))
        find_kept(h, type, to, inputs, count);
    else
        find_from_other_side(h, type, to, inputs, count);
}

static void find_input(const struct hubspot *h, enum object_type type, const char *id,
                       const char *after, struct input *in)
{
    uint64_t number = strtoull(id, NULL, 10);
    in->index = store_index_from(h, type, number);
    in->living = in->index < h->tables[type].total && store_id(h, type, in->index) == number &&
                 is_living(h, type, in->index);
    in->after = strtoull(after, NULL, 10);
}

/* ---- showing ---- */

/* At most `limit` of them, and where the next page begins. */
static void write_page(const struct hubspot *h, enum object_type to, const struct input *in,
                       const char *member, uint64_t limit, struct text *out)
{
    uint64_t end = in->after + limit, i = in->after;
    text_printf(out, "\"%s\":[", member);
    for (; i < in->count && i < end; i++)
        text_printf(out,
                    "%s{\"toObjectId\":%llu,\"associationTypes\":[{\"category\":"
                    "\"HUBSPOT_DEFINED\",\"typeId\":%d,\"label\":null}]}",
                    i > in->after ? "," : "", (unsigned long long)store_id(h, to, in->targets[i]),
                    200 + (int)to);
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
    write_page(h, to, &in, "results", most, &a->body);
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
        write_page(h, to, &inputs[i], "to", h->options->association_page, out);
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
