/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How records end. A link ends, for one of the reasons of enum link_ended; a record that no live
 * link of any connection holds becomes a tombstone. What the vendor merged becomes one here too:
 * references to the loser's record are turned to the winner's.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "sync/merge_internal.h"

enum { ENDS_AT_ONCE = 1000, BODY_MAX = 64 * 1024 };

/* ---- lists of links ---- */

void link_list_add(struct link_list *list, int64_t link, int64_t record)
{
    list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof list->items[0]);
    list->items[list->count++] = (struct linked_id){.link = link, .record = record};
}

static int by_link(const void *a, const void *b)
{
    const struct linked_id *x = a, *y = b;
    return (x->link > y->link) - (x->link < y->link);
}

void link_list_sort(struct link_list *list)
{
    if (list->count > 0)
        qsort(list->items, list->count, sizeof list->items[0], by_link);
}

bool link_list_has(const struct link_list *list, int64_t link)
{
    const struct linked_id wanted = {.link = link};
    return list->count > 0 &&
           bsearch(&wanted, list->items, list->count, sizeof wanted, by_link) != NULL;
}

void link_list_free(struct link_list *list)
{
    free(list->items);
    *list = (struct link_list){0};
}

/* ---- which ones were merged ---- */

static int by_absorbed_id(const void *a, const void *b)
{
    return str_cmp(((const struct absorbed *)a)->id, ((const struct absorbed *)b)->id);
}

static struct absorbed *find_absorbed(const struct batch *b, struct str id)
{
    const struct absorbed wanted = {.id = id};
    if (b->absorbed_count == 0)
        return NULL;
    return bsearch(&wanted, b->absorbed, b->absorbed_count, sizeof wanted, by_absorbed_id);
}

static void add_absorbed(struct batch *b, const struct item *item, size_t *cap)
{
    const struct page_record *record = item->record;
    for (size_t i = 0; i < record->merged_count; i++) {
        if (batch_was_erased(b, b->merge->target->stream, record->merged[i]))
            continue;
        b->absorbed =
            arena_grow(&b->arena, b->absorbed, cap, b->absorbed_count + 1, sizeof b->absorbed[0]);
        b->absorbed[b->absorbed_count++] =
            (struct absorbed){.id = record->merged[i],
                              .winner = record->id,
                              .record = item->link.key ? item->link.record : 0};
    }
}

/* A winner that was merged itself hands on what it won. Ids that go round in a circle are none of
 * them merged. */
static void follow_winners(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->absorbed_count; i++) {
        const struct absorbed *last = &b->absorbed[i], *next = last;
        size_t steps = 0;
        while ((next = find_absorbed(b, last->winner)) && steps++ <= b->absorbed_count)
            last = next;
        b->absorbed[i].winner = next ? STR("") : last->winner;
        b->absorbed[i].record = next ? 0 : last->record;
    }
    for (size_t i = 0; i < b->absorbed_count; i++)
        if (b->absorbed[i].winner.len > 0)
            b->absorbed[n++] = b->absorbed[i];
    b->absorbed_count = n;
}

void batch_find_absorbed(struct batch *b)
{
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < b->count; i++)
        add_absorbed(b, &b->items[i], &cap);
    if (b->absorbed_count == 0)
        return;
    qsort(b->absorbed, b->absorbed_count, sizeof b->absorbed[0], by_absorbed_id);
    for (size_t i = 0; i < b->absorbed_count; i++)
        if (n == 0 || !str_eq(b->absorbed[n - 1].id, b->absorbed[i].id))
            b->absorbed[n++] = b->absorbed[i];
    b->absorbed_count = n;
    follow_winners(b);
    for (size_t i = 0; i < b->absorbed_count; i++) {
        struct item *item = batch_find(b, b->absorbed[i].id);
        if (item)
            item->absorbed = true;
    }
}

void batch_place_winners(struct batch *b)
{
    for (size_t i = 0; i < b->absorbed_count; i++) {
        const struct item *winner = batch_find(b, b->absorbed[i].winner);
        if (winner)
            b->absorbed[i].record = winner->key;
    }
}

/* ---- references to what was merged ---- */

static int by_record(const void *a, const void *b)
{
    const struct leaving *x = a, *y = b;
    return (x->record > y->record) - (x->record < y->record);
}

/* The record that one was merged into; 0: into none. `lost` is sorted by record. */
static int64_t winner_of(const struct leaving *lost, size_t count, int64_t record)
{
    const struct leaving wanted = {.record = record};
    const struct leaving *found = bsearch(&wanted, lost, count, sizeof wanted, by_record);
    return found ? found->winner : 0;
}

void reference_turn(struct store_batch *out, int field, struct record_row *row, struct value now,
                    struct arena *arena)
{
    struct buf body = BUF_INIT(BODY_MAX);
    struct json_writer w = {.out = &body};
    json_open(&w, '{');
    log_pair(&w, out->object->fields[field].name, KIND_REFERENCE, &row->fields[field], &now);
    json_close(&w, '}');
    row->fields[field] = now;
    row->updated_at = out->now_us;
    out->updates[out->update_count++] = (struct record_update){
        .row = row, .changed = UINT64_C(1) << field, .body = arena_str(arena, buf_view(&body))};
    buf_free(&body);
}

static void turn(struct batch *b, struct store_batch *out, int field, struct record_row *row,
                 int64_t winner)
{
    /* Nothing refers to itself: of two that were merged one may have been the other's parent. */
    bool itself = row->key == winner && out->object == b->mapping->object;
    struct value now = {.state = itself ? VALUE_NULL : VALUE_INTEGER, .integer = winner};
    reference_turn(out, field, row, now, &b->arena);
    batch_note_follow(b, out->object, row, out->updates[out->update_count - 1].body,
                      batch_winner_id(b, winner));
}

/* One field of one object that refers to ours. */
static int turn_field(struct batch *b, const struct model_object *object, int field,
                      const struct leaving *lost, size_t count, struct error *err)
{
    struct store *store = b->merge->store;
    struct store_batch out = store_batch_of(b->merge, object, b->out.now_us);
    int64_t *records = arena_new(&b->arena, count, sizeof records[0]), *keys;
    size_t n;
    for (size_t i = 0; i < count; i++)
        records[i] = lost[i].record;
    if (engine_of(b)->load_referring(store, object, field, records, count, &keys, &n, &b->arena,
                                     err) != 0)
        return -1;
    if (n == 0)
        return 0;
    struct record_row *rows = arena_new(&b->arena, n, sizeof rows[0]);
    out.updates = arena_new(&b->arena, n, sizeof out.updates[0]);
    if (engine_of(b)->load_records(store, object, keys, n, rows, &b->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int64_t winner = winner_of(lost, count, rows[i].fields[field].integer);
        if (rows[i].key != 0 && winner != 0) /* else it has been changed in between */
            turn(b, &out, field, &rows[i], winner);
    }
    return engine_of(b)->apply(store, &out, err);
}

/* Each table that refers to ours is searched once. */
static int turn_references(struct batch *b, const struct leaving *lost, size_t count,
                           struct error *err)
{
    for (size_t i = 0; i < model_object_count; i++)
        for (size_t j = 0; j < model_objects[i].field_count; j++) {
            const struct model_field *field = &model_objects[i].fields[j];
            if (field->kind == KIND_REFERENCE &&
                strcmp(field->references, b->mapping->object->name) == 0 &&
                turn_field(b, &model_objects[i], (int)j, lost, count, err) != 0)
                return -1;
        }
    return 0;
}

/* ---- ending ---- */

static int end_links(struct batch *b, struct error *err)
{
    struct store_batch out = {.object = b->mapping->object, .run = b->merge->run};
    out.link_ends = arena_new(&b->arena, b->leaving_count, sizeof out.link_ends[0]);
    for (size_t i = 0; i < b->leaving_count; i++) {
        const struct leaving *l = &b->leaving[i];
        bool moves = l->winner != 0 && l->winner != l->record;
        out.link_ends[out.link_end_count++] =
            (struct link_end){.key = l->link,
                              .stream = b->merge->target->stream,
                              .record = l->winner != 0 ? l->winner : l->record,
                              .ended = l->ended,
                              .followed = moves ? l->record : 0};
    }
    return engine_of(b)->apply(b->merge->store, &out, err);
}

/* Of the records whose links ended, those that are to go when nobody has them: sorted, each once.
 */
static size_t list_records(struct batch *b, struct leaving *lost, int64_t *keys)
{
    size_t n = 0, count = 0;
    for (size_t i = 0; i < b->leaving_count; i++)
        if (!b->leaving[i].keeps)
            lost[n++] = b->leaving[i];
    if (n > 0)
        qsort(lost, n, sizeof lost[0], by_record);
    for (size_t i = 0; i < n; i++)
        if (count == 0 || lost[count - 1].record != lost[i].record) {
            keys[count] = lost[i].record;
            lost[count++] = lost[i];
        }
    return count;
}

/* The records that nobody has any more become tombstones. */
static int end_records(struct batch *b, struct record_row *rows, struct leaving *lost,
                       size_t *count, const int64_t *keys, struct error *err)
{
    struct store_batch out = b->out;
    struct holder_row *holders = arena_new(&b->arena, *count, sizeof holders[0]);
    size_t gone = 0;
    if (engine_of(b)->load_holders(b->merge->store, b->mapping->object, b->merge->target->stream,
                                   keys, *count, holders, err) != 0)
        return -1;
    out.ends = arena_new(&b->arena, *count, sizeof out.ends[0]);
    for (size_t i = 0; i < *count; i++) {
        if (holders[i].live > 0)
            continue;
        lost[gone++] = lost[i];
        if (rows[i].key == 0 || rows[i].deleted_at != 0)
            continue;
        rows[i].deleted_at = rows[i].updated_at = out.now_us;
        out.ends[out.end_count++] = (struct record_end){.row = &rows[i]};
        batch_note_end(b, &rows[i], &lost[gone - 1]);
    }
    *count = gone;
    b->counts.deleted += (int64_t)out.end_count;
    return out.end_count > 0 ? engine_of(b)->apply(b->merge->store, &out, err) : 0;
}

/* The vendor's ids of what is lost, while the links live. */
static int name_lost(struct batch *b, struct leaving *lost, const int64_t *keys, size_t count,
                     struct error *err)
{
    struct str *ids = arena_new(&b->arena, count, sizeof ids[0]);
    if (!b->merge->notes || count == 0)
        return 0;
    if (engine_of(b)->load_external(b->merge->store, b->merge->target->stream, keys, count, ids,
                                    &b->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        lost[i].external_id = ids[i];
    return 0;
}

/* The records are locked before their links end: of two hosts that end the last two links of one,
 * the second sees what the first did. */
static int end_leaving(struct batch *b, struct error *err)
{
    struct leaving *lost = arena_new(&b->arena, b->leaving_count, sizeof lost[0]);
    int64_t *keys = arena_new(&b->arena, b->leaving_count, sizeof keys[0]);
    size_t count = list_records(b, lost, keys), merged = 0;
    struct record_row *rows = arena_new(&b->arena, count, sizeof rows[0]);
    b->out = store_batch_of(b->merge, b->mapping->object, b->out.now_us);
    if (engine_of(b)->load_records(b->merge->store, b->mapping->object, keys, count, rows,
                                   &b->arena, err) != 0 ||
        name_lost(b, lost, keys, count, err) != 0 || end_links(b, err) != 0 ||
        end_records(b, rows, lost, &count, keys, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (lost[i].winner != 0 && lost[i].winner != lost[i].record)
            lost[merged++] = lost[i];
    return merged > 0 ? turn_references(b, lost, merged, err) : 0;
}

/* ---- what a batch ends ---- */

/* Nobody is to mend what the vendor has deleted. */
static int clear_quarantine(const struct merge *merge, const struct str *ids, size_t count,
                            struct arena *arena, struct error *err)
{
    struct store_batch out = {.object = merge->target->object->model, .run = merge->run};
    if (!merge->target->may_hold_quarantined || count == 0 || merge->dry)
        return 0;
    out.cleared = arena_new(arena, count, sizeof out.cleared[0]);
    for (size_t i = 0; i < count; i++)
        out.cleared[out.cleared_count++] =
            (struct link_write){.stream = merge->target->stream, .external_id = ids[i]};
    return merge->store->engine->apply(merge->store, &out, err);
}

/* A loser that was never here: its id leads to the winner from now on. */
static void add_merged_link(struct batch *b, struct store_batch *out, struct arrival *arrivals,
                            const struct absorbed *a)
{
    arrivals[out->link_count] = (struct arrival){a->id, a->record};
    out->links[out->link_count++] = (struct link_write){.stream = b->merge->target->stream,
                                                        .record = a->record,
                                                        .external_id = a->id,
                                                        .seen_remote = STR(""),
                                                        .ended = LINK_MERGED};
}

/* Losers with a link of their own become leaving ones, the others get one. */
static int end_absorbed(struct batch *b, struct error *err)
{
    struct store *store = b->merge->store;
    size_t n = b->absorbed_count;
    struct str *ids = arena_new(&b->arena, n, sizeof ids[0]);
    struct link_row *links = arena_new(&b->arena, n, sizeof links[0]);
    struct arrival *arrivals = arena_new(&b->arena, n, sizeof arrivals[0]);
    struct store_batch out = {.object = b->mapping->object, .run = b->merge->run};
    out.links = arena_new(&b->arena, n, sizeof out.links[0]);
    for (size_t i = 0; i < n; i++)
        ids[i] = b->absorbed[i].id;
    if (engine_of(b)->load_links(store, b->merge->target->stream, ids, n, links, &b->arena, err) !=
        0)
        return -1;
    struct leaving *leaving = arena_new(&b->arena, b->leaving_count + n, sizeof leaving[0]);
    if (b->leaving_count > 0)
        memcpy(leaving, b->leaving, b->leaving_count * sizeof leaving[0]);
    b->leaving = leaving;
    for (size_t i = 0; i < n; i++) {
        const struct absorbed *a = &b->absorbed[i];
        if (a->record == 0) /* the winner is not here, or not yet */
            continue;
        if (links[i].key == 0)
            add_merged_link(b, &out, arrivals, a);
        else if (links[i].ended != LINK_MERGED || links[i].record != a->record)
            leaving[b->leaving_count++] = (struct leaving){.link = links[i].key,
                                                           .record = links[i].record,
                                                           .ended = LINK_MERGED,
                                                           .winner = a->record,
                                                           .keeps = links[i].seen_remote.len == 0};
        b->counts.ended += links[i].key != 0 && links[i].ended == LINK_LIVE;
    }
    if (clear_quarantine(b->merge, ids, n, &b->arena, err) != 0)
        return -1;
    if (out.link_count == 0)
        return 0;
    if (engine_of(b)->apply(store, &out, err) != 0)
        return -1;
    return batch_settle(b, arrivals, out.link_count, err); /* sorted, as the ids are */
}

int batch_end(struct batch *b, struct error *err)
{
    if (b->absorbed_count > 0 && end_absorbed(b, err) != 0)
        return -1;
    return b->leaving_count > 0 ? end_leaving(b, err) : 0;
}

/* ---- what a read of deleted records ends ---- */

static size_t collect_ids(struct page *const *pages, size_t page_count, struct arena *arena,
                          struct str **ret_ids)
{
    size_t most = 0, n = 0;
    for (size_t i = 0; i < page_count; i++)
        most += pages[i]->count;
    struct str *ids = arena_new(arena, most, sizeof ids[0]);
    for (size_t i = 0; i < page_count; i++)
        for (size_t j = 0; j < pages[i]->count; j++)
            if (pages[i]->records[j].id.len > 0)
                ids[n++] = pages[i]->records[j].id;
    *ret_ids = ids;
    return n;
}

int merge_deleted(const struct merge *merge, struct page *const *pages, size_t page_count,
                  struct link_list *ends, struct error *err)
{
    struct arena arena = {0};
    struct str *ids;
    size_t n = collect_ids(pages, page_count, &arena, &ids);
    struct link_row *links = arena_new(&arena, n, sizeof links[0]);
    int rc = clear_quarantine(merge, ids, n, &arena, err);
    if (rc == 0)
        rc = merge->store->engine->load_links(merge->store, merge->target->stream, ids, n, links,
                                              &arena, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (links[i].key == 0)
            continue;
        link_list_add(merge->met, links[i].key, links[i].record);
        if (links[i].ended == LINK_ARCHIVED || links[i].ended == LINK_MERGED)
            continue;
        link_list_add(ends, links[i].key, links[i].record);
        if (merge->verify && links[i].ended == LINK_LIVE)
            rc = merge_gone(merge, ids[i], links[i].record, LINK_ARCHIVED, err);
    }
    arena_free(&arena);
    return rc;
}

static int end_some(const struct merge *merge, const struct linked_id *links, size_t count,
                    enum link_ended why, struct run_counts *counts, struct error *err)
{
    struct batch b = batch_of(merge);
    bool keeps = merge->target->object->config->deletes == END_KEEP;
    bool *unmet = arena_new(&b.arena, count, sizeof unmet[0]);
    int rc = merge->store->engine->load_unmet(merge->store, links, count, unmet, err);
    b.leaving = arena_new(&b.arena, count, sizeof b.leaving[0]);
    for (size_t i = 0; i < count; i++)
        b.leaving[b.leaving_count++] = (struct leaving){.link = links[i].link,
                                                        .record = links[i].record,
                                                        .ended = why,
                                                        .keeps = keeps || unmet[i]};
    if (rc == 0)
        rc = end_leaving(&b, err) != 0 ? -1 : batch_close_notes(&b, err);
    counts->deleted += b.counts.deleted;
    counts->ended += keeps ? 0 : (int64_t)count;
    arena_free(&b.arena);
    return rc;
}

enum merge_result merge_end(const struct merge *merge, const struct link_list *ends,
                            enum link_ended why, struct run_counts *counts, struct error *err)
{
    bool keeps = merge->target->object->config->deletes == END_KEEP;
    const struct run_counts planned = {.ended = keeps ? 0 : (int64_t)ends->count};
    struct run_counts more = *counts;
    enum merge_result result = merge_guard(merge, counts, &planned, err);
    if (result != MERGE_OK)
        return result;
    for (size_t from = 0; from < ends->count; from += ENDS_AT_ONCE) {
        size_t n = ends->count - from < ENDS_AT_ONCE ? ends->count - from : ENDS_AT_ONCE;
        if (end_some(merge, &ends->items[from], n, why, &more, err) != 0)
            return MERGE_FAILED;
    }
    *counts = more;
    return MERGE_OK;
}
