/* SPDX-License-Identifier: Apache-2.0 */
/* References that waited for a record: once it is here they get its key. */
#include <stdlib.h>

#include "sync/merge_internal.h"

enum { BODY_MAX = 64 * 1024 };

static const struct store_engine *engine_of(const struct batch *b)
{
    return b->merge->store->engine;
}

static int by_target(const void *a, const void *b)
{
    const struct pending_row *x = a, *y = b;
    if (x->object != y->object)
        return x->object - y->object;
    return (x->record > y->record) - (x->record < y->record);
}

/* Index of a model's field by its id. */
static int index_of_field(const struct model_object *object, uint16_t id)
{
    for (size_t i = 0; i < object->field_count; i++)
        if (object->fields[i].id == id)
            return (int)i;
    return -1;
}

static int by_external_id(const void *a, const void *b)
{
    return str_cmp(((const struct arrival *)a)->external_id,
                   ((const struct arrival *)b)->external_id);
}

struct arrivals {
    const struct arrival *items; /* sorted */
    size_t count;
};

/* Adds the update of one waiting field to `out`; several of one record become one update. */
static void settle(struct batch *b, const struct arrivals *arrivals, struct store_batch *out,
                   struct record_row *row, const struct pending_row *waiting)
{
    const struct arrival wanted = {.external_id = waiting->external_id};
    const struct arrival *come =
        bsearch(&wanted, arrivals->items, arrivals->count, sizeof wanted, by_external_id);
    int index = index_of_field(out->object, waiting->field);
    out->pending[out->pending_count++] = (struct pending_write){.row = {.external_id = STR(""),
                                                                        .object = waiting->object,
                                                                        .record = waiting->record,
                                                                        .field = waiting->field}};
    if (!come || index < 0 || row->key == 0)
        return;
    struct value before = row->fields[index];
    struct value now = {.state = VALUE_INTEGER, .integer = come->record};
    if (value_eq(&before, &now))
        return;
    struct buf body = BUF_INIT(BODY_MAX);
    struct json_writer w = {.out = &body};
    json_open(&w, '{');
    log_pair(&w, out->object->fields[index].name, KIND_REFERENCE, &before, &now);
    json_close(&w, '}');
    row->fields[index] = now;
    row->updated_at = out->now_us;
    out->updates[out->update_count++] = (struct record_update){
        .row = row, .changed = UINT64_C(1) << index, .body = arena_str(&b->arena, buf_view(&body))};
    buf_free(&body);
}

/* Rows of one canonical object, sorted by record. */
static int settle_object(struct batch *b, const struct arrivals *arrivals,
                         const struct pending_row *rows, size_t count, struct error *err)
{
    const struct model_object *object = model_object_by_id(rows[0].object);
    struct store_batch out = {.object = object,
                              .organization = b->merge->organization,
                              .run = b->merge->run,
                              .now_us = b->out.now_us};
    int64_t *keys = arena_new(&b->arena, count, sizeof keys[0]);
    struct record_row *records = arena_new(&b->arena, count, sizeof records[0]);
    if (!object)
        return error_set(err, "the store has references of an object that this fastenr does not "
                              "know: upgrade it");
    for (size_t i = 0; i < count; i++)
        keys[i] = rows[i].record;
    if (engine_of(b)->load_records(b->merge->store, object, keys, count, records, &b->arena, err) !=
        0)
        return -1;
    out.updates = arena_new(&b->arena, count, sizeof out.updates[0]);
    out.pending = arena_new(&b->arena, count, sizeof out.pending[0]);
    struct record_row *row = NULL;
    for (size_t i = 0; i < count; i++) {
        /* Two waiting fields of one record: the second update follows the first one's. */
        if (i == 0 || rows[i].record != rows[i - 1].record)
            row = &records[i];
        settle(b, arrivals, &out, row, &rows[i]);
    }
    return engine_of(b)->apply(b->merge->store, &out, err);
}

int batch_settle(struct batch *b, const struct arrival *items, size_t n, struct error *err)
{
    struct str *ids = arena_new(&b->arena, n, sizeof ids[0]);
    const struct arrivals arrivals = {items, n};
    struct pending_row *rows;
    size_t count;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        ids[i] = items[i].external_id;
    if (engine_of(b)->load_pending(b->merge->store, b->merge->target->stream, ids, n, &rows, &count,
                                   &b->arena, err) != 0)
        return -1;
    if (count > 0)
        qsort(rows, count, sizeof rows[0], by_target);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && rows[to].object == rows[from].object;)
            to++;
        if (settle_object(b, &arrivals, &rows[from], to - from, err) != 0)
            return -1;
    }
    return 0;
}

int batch_settle_pending(struct batch *b, struct error *err)
{
    struct arrival *fresh = arena_new(&b->arena, b->count, sizeof fresh[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].link.key == 0)
            fresh[n++] = (struct arrival){b->items[i].record->id, b->items[i].key};
    return batch_settle(b, fresh, n, err);
}
