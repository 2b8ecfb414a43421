/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that are another record's: what is taken of it, and what waited for it to come or follows
 * it when it changes. */
#include <stdlib.h>

#include "sync/merge_internal.h"
#include "sync/take.h"

/* Records at once: an owner may look after very many. */
enum { SETTLE_ROWS = 1000 };

/* ---- taking ---- */

static int by_key(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_row(const void *a, const void *b)
{
    const struct record_row *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* The records that are meant and are there, each once, sorted by key. */
static int load_meant(struct batch *b, const struct model_object *object,
                      const struct link_row *found, size_t count, struct record_row **ret_rows,
                      size_t *ret_count, struct error *err)
{
    int64_t *keys = arena_new(&b->arena, count, sizeof keys[0]);
    size_t n = 0, unique = 0;
    for (size_t i = 0; i < count; i++)
        if (found[i].key != 0)
            keys[n++] = found[i].record;
    if (n > 0)
        qsort(keys, n, sizeof keys[0], by_key);
    for (size_t i = 0; i < n; i++)
        if (unique == 0 || keys[unique - 1] != keys[i])
            keys[unique++] = keys[i];
    *ret_rows = arena_new(&b->arena, unique, sizeof **ret_rows);
    *ret_count = 0;
    if (unique == 0)
        return 0;
    if (engine_of(b)->load_records(b->merge->store, object, keys, unique, *ret_rows, &b->arena,
                                   err) != 0)
        return -1;
    for (size_t i = 0; i < unique; i++)
        if ((*ret_rows)[i].key != 0)
            (*ret_rows)[(*ret_count)++] = (*ret_rows)[i];
    return 0;
}

int batch_take(struct batch *b, size_t rule, struct item *const *items,
               const struct link_row *found, size_t count, struct error *err)
{
    const struct rule *r = &b->mapping->rules[rule];
    struct record_row *rows;
    size_t row_count;
    if (load_meant(b, r->take_from, found, count, &rows, &row_count, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct record_row wanted = {.key = found[i].record};
        const struct record_row *row =
            found[i].key != 0 ? bsearch(&wanted, rows, row_count, sizeof rows[0], by_row) : NULL;
        int64_t stream = b->merge->target->lookups[rule];
        struct str id = items[i]->record->mapped.values[rule].text;
        if (row)
            items[i]->references[rule] = row->fields[r->take_field];
        batch_note_pending(b, items[i], rule, stream,
                           batch_was_erased(b, stream, id) ? STR("") : id);
    }
    return 0;
}

/* ---- settling ---- */

struct arrivals {
    const struct arrival *items; /* sorted by external id */
    size_t count;
};

/* Rows of one canonical object on their way into the store. */
struct settling {
    struct batch *batch;
    const struct arrivals *arrivals;
    struct store_batch out;
    struct arena arena;
};

/* Which fields are those of a paused rule: of records that its object holds. They stay as they are,
 * and on the list. A reference is no such field: it is what was read before the pause. */
static int find_paused(struct settling *s, const struct pending_row *rows, const int64_t *keys,
                       size_t count, bool *ret_paused, struct error *err)
{
    const struct merge_target *target = s->batch->merge->target;
    struct holder_row *holders = arena_new(&s->arena, count, sizeof holders[0]);
    for (size_t i = 0; i < target->setup->object_count; i++) {
        const struct object_setup *object = &target->setup->objects[i];
        if (object->mapping.paused_count == 0 || object->model != s->out.object)
            continue;
        if (engine_of(s->batch)->load_holders(s->batch->merge->store, object->model,
                                              target->streams[i], keys, count, holders, err) != 0)
            return -1;
        for (size_t j = 0; j < count; j++) {
            const struct rule *rule =
                take_find_in(object, rows[j].field, target->object->item->name);
            ret_paused[j] = ret_paused[j] || (holders[j].here && rule && rule->paused);
        }
    }
    return 0;
}

static int by_target(const void *a, const void *b)
{
    const struct pending_row *x = a, *y = b;
    if (x->object != y->object)
        return x->object - y->object;
    if (x->record != y->record)
        return x->record > y->record ? 1 : -1;
    return x->field - y->field;
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

/* What the waiting field is to be. False: nobody wants it from there any more. */
static bool new_value(const struct settling *s, const struct pending_row *waiting,
                      const struct model_field *field, struct value *ret)
{
    const struct merge_target *target = s->batch->merge->target;
    const struct arrival wanted = {.external_id = waiting->external_id};
    const struct arrival *come =
        bsearch(&wanted, s->arrivals->items, s->arrivals->count, sizeof wanted, by_external_id);
    if (!come)
        return false;
    *ret = (struct value){.state = VALUE_INTEGER, .integer = come->record};
    if (field->kind == KIND_REFERENCE)
        return true;
    const struct item *item = batch_find(s->batch, waiting->external_id);
    const struct rule *rule =
        take_find(target->setup, waiting->object, waiting->field, target->object->item->name);
    if (!item || !rule)
        return false;
    *ret = item->row->fields[rule->take_field];
    return true;
}

static void wait_no_more(struct settling *s, const struct pending_row *waiting)
{
    s->out.pending[s->out.pending_count++] =
        (struct pending_write){.row = {.external_id = STR(""),
                                       .object = waiting->object,
                                       .record = waiting->record,
                                       .field = waiting->field}};
}

/* Takes over one waiting field, unless it is as it is to be. */
static void settle_field(struct settling *s, struct record_row *row,
                         const struct pending_row *waiting, struct json_writer *w,
                         uint64_t *changed)
{
    int index = index_of_field(s->out.object, waiting->field);
    const struct model_field *field = index < 0 ? NULL : &s->out.object->fields[index];
    struct value now;
    bool wanted = field && row->key != 0 && new_value(s, waiting, field, &now);
    if (!wanted || field->kind == KIND_REFERENCE)
        wait_no_more(s, waiting);
    if (!wanted || value_eq(&row->fields[index], &now))
        return;
    log_pair(w, field->name, field->kind, &row->fields[index], &now);
    row->fields[index] = now;
    *changed |= UINT64_C(1) << index;
}

/* Adds the update of one record, whose fields `waiting` are. */
static void settle(struct settling *s, struct record_row *row, const struct pending_row *waiting,
                   const bool *paused, size_t count)
{
    struct buf body = BUF_INIT(LOG_BODY_MAX);
    struct json_writer w = {.out = &body};
    uint64_t changed = 0;
    json_open(&w, '{');
    for (size_t i = 0; i < count; i++)
        if (!paused[i])
            settle_field(s, row, &waiting[i], &w, &changed);
    json_close(&w, '}');
    if (changed != 0) {
        row->updated_at = s->out.now_us;
        s->out.updates[s->out.update_count++] = (struct record_update){
            .row = row, .changed = changed, .body = arena_str(&s->arena, buf_view(&body))};
        batch_note_follow(s->batch, s->out.object, row, buf_view(&body), waiting->external_id);
    }
    buf_free(&body);
}

static int settle_rows(struct settling *s, const struct pending_row *rows, size_t count,
                       struct error *err)
{
    struct store *store = s->batch->merge->store;
    int64_t *keys = arena_new(&s->arena, count, sizeof keys[0]);
    struct record_row *records = arena_new(&s->arena, count, sizeof records[0]);
    bool *paused = arena_new(&s->arena, count, sizeof paused[0]);
    for (size_t i = 0; i < count; i++)
        keys[i] = rows[i].record;
    if (store->engine->load_records(store, s->out.object, keys, count, records, &s->arena, err) !=
            0 ||
        find_paused(s, rows, keys, count, paused, err) != 0)
        return -1;
    s->out.updates = arena_new(&s->arena, count, sizeof s->out.updates[0]);
    s->out.pending = arena_new(&s->arena, count, sizeof s->out.pending[0]);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && rows[to].record == rows[from].record;)
            to++;
        settle(s, &records[from], &rows[from], &paused[from], to - from);
    }
    if (s->batch->mapping->object->is_table) /* nothing refers to its records: see take.h */
        s->batch->counts.followed += (int64_t)s->out.update_count;
    return store->engine->apply(store, &s->out, err);
}

/* Rows of one canonical object, sorted by record. */
static int settle_object(struct batch *b, const struct arrivals *arrivals,
                         const struct pending_row *rows, size_t count, struct error *err)
{
    const struct model_object *object = model_object_by_id(rows[0].object);
    int rc = 0;
    if (!object)
        return error_set(err, "the store has references of an object that this fastenr does not "
                              "know: upgrade it");
    for (size_t from = 0, to; from < count && rc == 0; from = to) {
        struct settling s = {.batch = b,
                             .arrivals = arrivals,
                             .out = store_batch_of(b->merge, object, b->out.now_us)};
        to = count - from > SETTLE_ROWS ? from + SETTLE_ROWS : count;
        while (to < count && rows[to].record == rows[to - 1].record)
            to++;
        rc = settle_rows(&s, &rows[from], to - from, err);
        arena_free(&s.arena);
    }
    return rc;
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

/* Those that wait for a new record, and those that follow one that changed. */
int batch_settle_pending(struct batch *b, struct error *err)
{
    struct arrival *come = arena_new(&b->arena, b->count, sizeof come[0]);
    bool followed = b->mapping->object->is_table;
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].link.key == 0 || (followed && b->items[i].changed))
            come[n++] = (struct arrival){b->items[i].record->id, b->items[i].key};
    return batch_settle(b, come, n, err);
}
