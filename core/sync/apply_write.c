/* SPDX-License-Identifier: Apache-2.0 */
/* The transactions in which a plan is done. */
#include <stdlib.h>

#include "base/mem.h"
#include "sync/apply_internal.h"
#include "sync/export_internal.h"
#include "sync/pause.h"

/* What became of one attempt. ATTEMPT_ASKS: the vendor is to be asked when fields got their values,
 * and then all is done again. */
enum attempt { ATTEMPT_DONE, ATTEMPT_ASKS, ATTEMPT_DIFFERS, ATTEMPT_STOPPED, ATTEMPT_FAILED };

static enum attempt attempt_of(enum merge_result result)
{
    if (result == MERGE_OK)
        return ATTEMPT_DONE;
    return result == MERGE_STOPPED ? ATTEMPT_STOPPED : ATTEMPT_FAILED;
}

static enum merge_result result_of(enum attempt attempt)
{
    if (attempt == ATTEMPT_DONE || attempt == ATTEMPT_ASKS)
        return MERGE_OK;
    return attempt == ATTEMPT_STOPPED ? MERGE_STOPPED : MERGE_FAILED;
}

static enum attempt check_pause(struct store *store, const char *connection, struct error *err)
{
    int paused = pause_check(store, connection, err);
    if (paused == 0)
        return ATTEMPT_DONE;
    return paused > 0 ? ATTEMPT_STOPPED : ATTEMPT_FAILED;
}

/* ---- here ---- */

struct here {
    struct apply *apply;
    struct apply_portion *portion;
    const struct merge *merge;
    struct page_list *pages;
    struct run_stream_row *row;
    const char *connection;
    struct run_counts counts;
};

/* The links that the plan ends for one reason, and whose records have not come. */
static int list_ends(struct here *h, enum link_ended why, struct link_list *ends, struct error *err)
{
    struct apply_portion *p = h->portion;
    const struct merge *m = h->merge;
    struct str *ids = arena_new(&p->arena, p->count, sizeof ids[0]);
    struct link_row *links = arena_new(&p->arena, p->count, sizeof links[0]);
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        if (!p->units[i].why && p->units[i].ended == why && !p->units[i].came)
            ids[n++] = p->units[i].name;
    if (n == 0)
        return 0;
    if (m->store->engine->load_links(m->store, m->target->stream, ids, n, links, &p->arena, err) !=
        0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (links[i].key != 0 && links[i].ended == LINK_LIVE)
            link_list_add(ends, links[i].key, links[i].record);
    return 0;
}

static enum merge_result end_links(struct here *h, enum link_ended why, struct error *err)
{
    struct link_list ends = {0};
    enum merge_result result = MERGE_FAILED;
    if (list_ends(h, why, &ends, err) == 0)
        result = ends.count > 0 ? merge_end(h->merge, &ends, why, &h->counts, err) : MERGE_OK;
    link_list_free(&ends);
    return result;
}

static enum attempt merge_here(struct here *h, struct error *err)
{
    const struct store *store = h->merge->store;
    struct run_stream_row row = *h->row;
    enum merge_result result =
        merge_pages(h->merge, h->pages->items, h->pages->count, &h->counts, err);
    if (result == MERGE_OK && merge_asks(h->merge))
        return ATTEMPT_ASKS;
    if (result == MERGE_OK)
        result = end_links(h, LINK_ARCHIVED, err);
    if (result == MERGE_OK)
        result = end_links(h, LINK_ABSENT, err);
    if (result != MERGE_OK)
        return attempt_of(result);
    if (!apply_compare(h->apply, h->portion, PLAN_HERE, h->merge))
        return ATTEMPT_DIFFERS;
    row.counts = h->counts;
    return store->engine->run_stream(h->merge->store, h->merge->run, &row, err) == 0
               ? ATTEMPT_DONE
               : ATTEMPT_FAILED;
}

static enum attempt attempt_here(struct here *h, struct error *err)
{
    struct store *store = h->merge->store;
    h->counts = h->row->counts;
    plan_forget(h->merge->notes);
    if (store->engine->begin(store, err) != 0)
        return ATTEMPT_FAILED;
    enum attempt attempt = check_pause(store, h->connection, err);
    if (attempt == ATTEMPT_DONE)
        attempt = merge_here(h, err);
    if (attempt == ATTEMPT_DONE && store->engine->commit(store, err) != 0)
        attempt = ATTEMPT_FAILED;
    if (attempt != ATTEMPT_DONE)
        store->engine->rollback(store);
    return attempt;
}

enum merge_result apply_here(struct apply *apply, struct apply_portion *portion,
                             const struct merge *merge, struct page_list *pages,
                             struct run_stream_row *row, const char *connection, struct error *err)
{
    struct here h = {.apply = apply,
                     .portion = portion,
                     .merge = merge,
                     .pages = pages,
                     .row = row,
                     .connection = connection};
    enum attempt attempt;
    do { /* each time fewer units are left */
        apply_filter(portion, pages, PLAN_HERE);
        attempt = attempt_here(&h, err);
    } while (attempt == ATTEMPT_DIFFERS);
    if (attempt == ATTEMPT_DONE) {
        row->counts = h.counts;
        apply_settle(apply, portion, PLAN_HERE, merge);
        apply_touch(apply, merge);
    }
    plan_forget(merge->notes);
    return result_of(attempt);
}

/* ---- there ---- */

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Records that a plan could not know, as it was to make them itself. */
static int find_records(struct apply_portion *p, struct export *x, struct error *err)
{
    struct str *ids = arena_new(&p->arena, p->count, sizeof ids[0]);
    struct link_row *links = arena_new(&p->arena, p->count, sizeof links[0]);
    struct apply_unit **units = arena_new(&p->arena, p->count, sizeof units[0]);
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->units[i].record == 0 && p->units[i].external_id.len > 0) {
            units[n] = &p->units[i];
            ids[n++] = p->units[i].external_id;
        }
    if (n == 0)
        return 0;
    if (x->merge.store->engine->load_links(x->merge.store, x->merge.target->stream, ids, n, links,
                                           NULL, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        units[i]->record = links[i].key != 0 ? links[i].record : 0;
    return 0;
}

/* Of records that this plan has made there, too. */
static int find_external(struct apply_portion *p, struct export *x, struct error *err)
{
    int64_t *keys = arena_new(&p->arena, p->count, sizeof keys[0]);
    struct str *ids = arena_new(&p->arena, p->count, sizeof ids[0]);
    for (size_t i = 0; i < p->count; i++)
        keys[i] = p->units[i].record;
    if (x->merge.store->engine->load_external(x->merge.store, x->merge.target->stream, keys,
                                              p->count, ids, &p->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < p->count; i++) {
        if (ids[i].len > 0)
            p->units[i].external_id = ids[i];
        if (p->units[i].external_id.len > 0)
            p->ids[p->id_count++] = p->units[i].external_id;
    }
    return 0;
}

static int gather(void *arg, struct error *err)
{
    struct apply_portion *p = ((void **)arg)[0];
    struct export *x = ((void **)arg)[1];
    return find_records(p, x, err) != 0 ? -1 : find_external(p, x, err);
}

int apply_gather(struct apply_portion *p, struct export *x, struct error *err)
{
    void *call[] = {p, x};
    export_free(x);
    if (export_note_log(x, err) != 0 || store_transact(x->merge.store, gather, call, err) != 0)
        return -1;
    x->ids = p->ids;
    x->id_count = p->id_count;
    x->count = p->count;
    x->last = INT64_MAX;
    return 0;
}

/* The records of the units that are left. */
static void pick(struct apply_portion *p, struct export *x)
{
    x->picks = true;
    x->picked = arena_new(&x->arena, p->count, sizeof x->picked[0]);
    x->picked_count = 0;
    for (size_t i = 0; i < p->count; i++)
        if (!p->units[i].why && p->units[i].record != 0)
            x->picked[x->picked_count++] = p->units[i].record;
    if (x->picked_count > 0)
        qsort(x->picked, x->picked_count, sizeof x->picked[0], by_number);
}

/* The vendor's ids of what this plan has made: its lines do not have them. */
static void forget_ids(struct apply_portion *p, struct export *x)
{
    struct plan_notes *n = x->merge.notes;
    for (size_t i = 0; i < n->count; i++) {
        struct plan_note *note = &n->items[i];
        for (size_t j = 0; j < p->count && note->side == PLAN_THERE; j++) {
            if (!p->units[j].is_new || !str_eq(plan_unit(note), p->units[j].name))
                continue;
            note->external_id = STR("");
            note->line = plan_line(note, x->merge.target->object->item->name, &n->arena);
        }
    }
}

/* The lines of what is going to be sent: the notes are in the order of the groups. */
static void keep_lines(struct export *x)
{
    const struct plan_notes *n = x->merge.notes;
    size_t k = 0;
    for (size_t i = 0; i < x->group_count; i++) {
        struct export_group *g = &x->groups[i];
        g->lines = arena_new(&x->arena, g->count, sizeof g->lines[0]);
        for (size_t j = 0; j < g->count; j++) {
            while (n->items[k].side != PLAN_THERE)
                k++;
            g->lines[j] = arena_str(&x->arena, n->items[k++].line);
        }
    }
}

static enum attempt prepare_there(struct apply *apply, struct apply_portion *p, struct export *x,
                                  struct error *err)
{
    enum merge_result result =
        merge_pages(&x->merge, x->pages->items, x->pages->count, x->counts, err);
    if (result == MERGE_OK && merge_asks(&x->merge))
        return ATTEMPT_ASKS;
    if (result == MERGE_OK)
        result = export_compare(x, err);
    if (result != MERGE_OK)
        return attempt_of(result);
    if (export_note_writes(x, err) != 0)
        return ATTEMPT_FAILED;
    forget_ids(p, x);
    return apply_compare(apply, p, PLAN_THERE, &x->merge) ? ATTEMPT_DONE : ATTEMPT_DIFFERS;
}

static enum attempt attempt_there(struct apply *apply, struct apply_portion *p, struct export *x,
                                  struct error *err)
{
    struct store *store = x->merge.store;
    const struct run_counts before = *x->counts;
    plan_forget(x->merge.notes);
    pick(p, x);
    if (store->engine->begin(store, err) != 0)
        return ATTEMPT_FAILED;
    enum attempt attempt = prepare_there(apply, p, x, err);
    if (attempt == ATTEMPT_DONE && store->engine->commit(store, err) != 0)
        attempt = ATTEMPT_FAILED;
    if (attempt != ATTEMPT_DONE) {
        store->engine->rollback(store);
        *x->counts = before;
        x->group_count = 0;
    }
    return attempt;
}

enum merge_result apply_there(struct apply *apply, struct apply_portion *p, struct export *x,
                              struct error *err)
{
    enum attempt attempt;
    do {
        apply_filter(p, x->pages, PLAN_THERE);
        attempt = attempt_there(apply, p, x, err);
    } while (attempt == ATTEMPT_DIFFERS);
    if (attempt == ATTEMPT_DONE) {
        keep_lines(x);
        apply_settle(apply, p, PLAN_THERE, &x->merge);
    }
    plan_forget(x->merge.notes);
    return result_of(attempt);
}
