/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of writes. When each input has an objectWriteTraceId, those that can be written are, and
 * the others are told of with theirs (207). Without, one refused input refuses all of them; but
 * records that an update does not find are told of, and the others are written. Results do not come
 * in the order of the inputs.
 */
#include "hubspot_write.h"

#include <stdlib.h>
#include <strings.h>

struct batch {
    struct hubspot *h;
    enum object_type type;
    enum deed deed;
    struct item *items;
    size_t count;
    bool traced;
    int64_t started_ms, now_ms;
};

/* ---- reading ---- */

/* The inputs; NULL after an answer that says no. */
static struct json_object *inputs_of(struct hubspot *h, struct json_object *body, struct answer *a)
{
    struct json_object *inputs = NULL;
    json_object_object_get_ex(body, "inputs", &inputs);
    size_t count =
        json_object_is_type(inputs, json_type_array) ? json_object_array_length(inputs) : 0;
    if (count > 0 && count <= BATCH_MAX)
        return inputs;
    if (count > BATCH_MAX)
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "The maximum number of inputs supported in a batch request is %d", BATCH_MAX);
    else
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "Invalid input JSON: inputs must be an array that is not empty");
    return NULL;
}

static bool read_items(struct batch *b, struct json_object *inputs, struct answer *a)
{
    b->traced = true;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        const char *wrong =
            item_read(json_object_array_get_idx(inputs, i), b->deed != DEED_CREATE, item);
        if (wrong) {
            hubspot_error(b->h, a, 400, "VALIDATION_ERROR", "Invalid input JSON: inputs[%zu]: %s",
                          i, wrong);
            return false;
        }
        b->traced = b->traced && item->trace;
        if (b->deed == DEED_CREATE)
            continue;
        const char *name = member_text(item->input, "idProperty");
        item->id_field = write_id_field(b->h, b->type, name, a);
        if (item->id_field < 0)
            return false;
    }
    return true;
}

/* One record is named once in a request. */
static bool are_distinct(struct batch *b, struct answer *a)
{
    for (size_t i = 0; i < b->count && b->deed != DEED_CREATE; i++)
        for (size_t k = 0; k < i; k++) {
            const struct item *x = &b->items[k], *y = &b->items[i];
            if (x->id_field != y->id_field || strcasecmp(x->id, y->id) != 0)
                continue;
            hubspot_error(b->h, a, 400, "VALIDATION_ERROR",
                          "Duplicate IDs found in batch input: [%.200s]. IDs must be unique",
                          y->id);
            a->body.len--;
            text_add(&a->body, ",\"context\":{\"ids\":[");
            text_json(&a->body, y->id, strlen(y->id));
            text_add(&a->body, "]}}");
            return false;
        }
    return true;
}

/* ---- writing ---- */

/* Without trace ids nothing is written before all are checked: then two new values may clash that
 * no record has yet. */
static void check_among(struct batch *b, struct item *item)
{
    const struct model *m = &b->h->models[b->type];
    for (const struct item *other = b->items; other < item; other++)
        for (size_t i = 0; i < item->count; i++) {
            const struct change *c = &item->changes[i];
            const char *taken = m->fields[c->field].flags & FIELD_UNIQUE && c->value
                                    ? item_value(other, c->field)
                                    : NULL;
            if (!taken || strcasecmp(taken, c->value) != 0)
                continue;
            if (b->type == CONTACTS && c->field == CONTACT_EMAIL) {
                item->refusal = REFUSED_CONFLICT;
                return;
            }
            item->refusal = REFUSED_VALUES;
            issue_add(&item->issues, "CONFLICTING_UNIQUE_VALUE", m->fields[c->field].name,
                      "Another input has the value %.200s of %s already", taken,
                      m->fields[c->field].name);
        }
}

static void prepare(struct batch *b, size_t i, bool partial)
{
    struct item *item = &b->items[i];
    if (partial && (i % 2 == 1 || b->count == 1)) {
        item->refusal = REFUSED_FAULT;
        return;
    }
    item_prepare(b->h, b->type, b->deed, item);
    if (item->refusal == REFUSED_NOT)
        item_check_unique(b->h, b->type, item);
    if (item->refusal == REFUSED_NOT && !b->traced)
        check_among(b, item);
}

/* False: one that was refused refuses all. A fault does not: the answer to it is a 207. */
static bool write_items(struct batch *b, bool partial)
{
    bool all = true;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        prepare(b, i, partial);
        if (item->refusal == REFUSED_NOT && b->traced)
            item_apply(b->h, b->type, b->now_ms, item);
        all = all && !refuses_all(item);
    }
    if (b->traced || !all)
        return b->traced;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].refusal == REFUSED_NOT)
            item_apply(b->h, b->type, b->now_ms, &b->items[i]);
    return true;
}

/* ---- answering ---- */

struct place {
    uint64_t key;
    size_t at;
};

static int by_key(const void *x, const void *y)
{
    const struct place *a = x, *b = y;
    return (a->key > b->key) - (a->key < b->key);
}

static void write_results(const struct batch *b, struct text *out)
{
    struct place places[BATCH_MAX];
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].refusal == REFUSED_NOT)
            places[count++] = (struct place){
                mix(b->h->seed_hash ^ store_id(b->h, b->type, b->items[i].index)), i};
    if (count > 1)
        qsort(places, count, sizeof *places, by_key);
    text_add(out, ",\"results\":[");
    for (size_t i = 0; i < count; i++) {
        text_add(out, i ? "," : "");
        item_write(b->h, b->type, &b->items[places[i].at], b->deed == DEED_UPSERT, out);
    }
    text_char(out, ']');
}

/* One error for all records that were not found. */
static bool write_missing(const struct batch *b, struct text *out)
{
    char capitals[32];
    size_t missing = 0, traced = 0;
    struct text traces = {0};
    for (size_t i = 0; i < b->count; i++) {
        const struct item *item = &b->items[i];
        if (item->refusal != REFUSED_MISSING)
            continue;
        if (missing++ == 0)
            text_printf(out,
                        "{\"status\":\"error\",\"category\":\"OBJECT_NOT_FOUND\",\"message\":"
                        "\"Could not get some %s objects, they may be deleted or not exist. Check "
                        "that ids are valid.\",\"context\":{\"ids\":[",
                        type_in_capitals(b->type, capitals));
        text_add(out, missing > 1 ? "," : "");
        text_json(out, item->id, strlen(item->id));
        if (!item->trace)
            continue;
        text_add(&traces, traced++ ? "," : "");
        text_json(&traces, item->trace, strlen(item->trace));
    }
    if (missing > 0)
        text_char(out, ']');
    if (traced > 0)
        text_printf(out, ",\"objectWriteTraceId\":[%s]", text_end(&traces));
    if (missing > 0)
        text_add(out, "}}");
    text_free(&traces);
    return missing > 0;
}

/* How many there are. */
static size_t write_errors(const struct batch *b, struct text *out)
{
    struct text errors = {0};
    size_t count = write_missing(b, &errors);
    for (size_t i = 0; i < b->count; i++) {
        const struct item *item = &b->items[i];
        if (item->refusal == REFUSED_NOT || item->refusal == REFUSED_MISSING)
            continue;
        text_add(&errors, count++ ? ",{\"status\":\"error\"," : "{\"status\":\"error\",");
        item_write_error(b->h, b->type, item, false, &errors);
        text_char(&errors, '}');
    }
    if (count > 0)
        text_printf(out, ",\"numErrors\":%zu,\"errors\":[%s]", count, text_end(&errors));
    text_free(&errors);
    return count;
}

static void answer_batch(const struct batch *b, struct answer *a)
{
    text_add(&a->body, "{\"status\":\"COMPLETE\"");
    write_results(b, &a->body);
    size_t errors = write_errors(b, &a->body);
    text_add(&a->body, ",\"startedAt\":\"");
    text_time(&a->body, b->started_ms);
    text_add(&a->body, "\",\"completedAt\":\"");
    text_time(&a->body, b->now_ms);
    text_add(&a->body, "\"}");
    a->response->status = errors > 0 ? 207 : b->deed == DEED_CREATE ? 201 : 200;
}

static void perform(struct batch *b, const struct call *call, struct answer *a)
{
    static const char *const deeds[] = {
        [DEED_CREATE] = "create", [DEED_UPDATE] = "update", [DEED_UPSERT] = "upsert"};
    b->started_ms = call->now_ms;
    b->now_ms = write_moment(b->h);
    if (write_items(b, call->partial))
        answer_batch(b, a);
    else
        items_refuse(b->h, b->type, b->items, b->count, a);
    for (size_t i = 0; i < b->count; i++)
        item_journal(b->h, b->type, deeds[b->deed], &b->items[i], a->response->status);
}

void hubspot_batch_write(struct hubspot *h, enum object_type type, enum deed deed,
                         const struct call *call, struct answer *a)
{
    struct batch b = {.h = h, .type = type, .deed = deed};
    struct json_object *body = write_body(h, call, a);
    struct json_object *inputs = body ? inputs_of(h, body, a) : NULL;
    if (inputs) {
        b.count = json_object_array_length(inputs);
        b.items = mem_get(b.count * sizeof *b.items);
        if (read_items(&b, inputs, a) && are_distinct(&b, a))
            perform(&b, call, a);
        for (size_t i = 0; i < b.count; i++)
            item_free(&b.items[i]);
        free(b.items);
    }
    json_object_put(body);
}

/* ---- archive ---- */

static void archive(struct hubspot *h, enum object_type type, const char *id, int64_t now_ms)
{
    uint32_t index;
    bool living = life_by_id(h, type, id, &index) == LIFE_LIVING;
    struct written w = {.deed = "archive",
                        .type = hubspot_models[type].name,
                        .id = id,
                        .key = id,
                        .outcome = living ? "archived" : "unchanged",
                        .status = 204};
    if (living)
        store_set_life(h, type, index, now_ms, LIFE_ARCHIVED, 0);
    sandbox_journal(h->sandbox, &w);
    sandbox_count(h->sandbox, STAT_WRITTEN, 1);
}

/* Ids that there are not, or not any more, are no error. */
void hubspot_batch_archive(struct hubspot *h, enum object_type type, const struct call *call,
                           struct answer *a)
{
    struct json_object *body = write_body(h, call, a);
    struct json_object *inputs = body ? inputs_of(h, body, a) : NULL;
    size_t count = inputs ? json_object_array_length(inputs) : 0;
    const char *ids[BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        struct json_object *input = json_object_array_get_idx(inputs, i);
        ids[i] = json_object_is_type(input, json_type_object) ? member_text(input, "id") : NULL;
        if (ids[i])
            continue;
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "Invalid input JSON: inputs[%zu]: an input must have an id", i);
        count = 0;
    }
    int64_t now_ms = count > 0 ? write_moment(h) : 0;
    for (size_t i = 0; i < count; i++)
        archive(h, type, ids[i], now_ms);
    if (count > 0)
        a->response->status = 204;
    json_object_put(body);
}
