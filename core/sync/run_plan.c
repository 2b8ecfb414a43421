/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that only plans: it reads, maps, matches and merges as any other, transaction by
 * transaction, and each is rolled back once what it changed is noted. So another program may write
 * all the while, and what was planned can be held against what is there when it is applied.
 */
#include "sync/export_internal.h"
#include "sync/run_internal.h"

int run_transact(struct run *run, int (*work)(void *arg, struct error *err), void *arg,
                 struct error *err)
{
    struct store *store = run->host->store;
    struct sync_plan *plan = run->request.plan;
    if (run_keeps(run))
        return store_transact(store, work, arg, err);
    if (store_rehearse(store, work, arg, err) != 0)
        return -1;
    if (!plan || plan->notes.count + plan->notes.due_count == 0)
        return 0;
    return plan_take(plan, run_current(run)->setup->item->name, store_hash_key(store), err);
}

void run_plan_walk(struct run *run, struct intake_stream *stream)
{
    struct link_bits *bits = &run->ends.bits;
    stream->merge.notes_seen = false;
    stream->merge.bits = bits;
    if (!bits->bits) /* else the connector was started again */
        link_bits_begin(bits, run_current(run)->state.walk_links);
}

int run_plan_seen(struct run *run, int64_t *ret_seen, struct error *err)
{
    struct store *store = run->host->store;
    const struct run_object *object = run_current(run);
    *ret_seen = 0;
    /* What an interrupted walk of a sync has met counts where that walk goes on. */
    if ((!run_is_plan(run) || object->resumed) &&
        store->engine->count_seen(store, object->state.id, ret_seen, err) != 0)
        return -1;
    *ret_seen += run->ends.bits.count;
    return 0;
}

/* ---- exports ---- */

/* Records of which the vendor is to get something since they were read: those that the queue did
 * not have are looked at after it. */
int run_plan_gather(struct run *run, struct error *err)
{
    struct export *x = &run->export;
    struct plan_object *object =
        plan_object(run->request.plan, run_current(run)->setup->item->name);
    const uint8_t *key = store_hash_key(run->host->store);
    size_t most = export_portion(x);
    (void)err;
    export_free(x);
    x->ids = arena_new(&x->arena, most, sizeof x->ids[0]);
    while (object->due_next < object->due_count && x->id_count < most) {
        struct str id = object->due[object->due_next++];
        if (id_set_add(&object->looked, key, id))
            x->ids[x->id_count++] = id;
    }
    x->pick_ids = x->ids;
    x->pick_id_count = x->count = x->id_count;
    x->last = INT64_MAX;
    return 0;
}

/* What the merges of a plan's looks count is known from the walk, but for records that waited. */
static void count_conflicts(struct run *run, const struct run_counts *counts)
{
    struct export *x = &run->export;
    int64_t sign = merge_asks(&x->merge) ? -1 : 1;
    if (run->wants.id_count == 0)
        return;
    x->decided.conflicted += sign * counts->conflicted;
    x->decided.waiting += sign * counts->waiting;
}

/* Where records wait for the vendor's times of their fields, nothing is noted: all is done again
 * with these. */
static int prepare(void *arg, struct error *err)
{
    struct run *run = arg;
    struct export *x = &run->export;
    struct run_counts counts = {0};
    if (export_note_log(x, err) != 0 ||
        merge_pages(&x->merge, run->kept.items, run->kept.count, &counts, err) != MERGE_OK)
        return -1;
    count_conflicts(run, &counts);
    if (merge_asks(&x->merge)) {
        plan_forget(x->merge.notes);
        return 0;
    }
    if ((x->picks && export_pick(x, err) != 0) || export_compare(x, err) != MERGE_OK)
        return -1;
    return export_note_writes(x, err);
}

/* For the guard rails: as if it had been sent. */
static void count_writes(struct run_counts *counts, const struct plan_counts *before,
                         const struct plan_counts *now)
{
    const int64_t *x = before->ops[PLAN_THERE], *y = now->ops[PLAN_THERE];
    counts->sent_created += y[PLAN_CREATE] - x[PLAN_CREATE];
    counts->sent_updated += y[PLAN_UPDATE] - x[PLAN_UPDATE];
    counts->sent_deleted += y[PLAN_DELETE] - x[PLAN_DELETE];
}

int run_plan_prepare(struct run *run, struct error *err)
{
    struct export *x = &run->export;
    struct plan_object *object =
        plan_object(run->request.plan, run_current(run)->setup->item->name);
    const struct plan_counts before = object->counts;
    const struct run_counts undone = *x->counts;
    for (size_t i = 0; i < x->id_count && !x->picks; i++)
        id_set_add(&object->looked, store_hash_key(run->host->store), x->ids[i]);
    int rc = run_transact(run, prepare, run, err);
    object = plan_object(run->request.plan, run_current(run)->setup->item->name);
    count_writes(x->counts, &before, &object->counts);
    if (run->export_passes > 0 || x->picks) { /* they have been counted */
        x->counts->refused = undone.refused;
        x->counts->conflicted = undone.conflicted;
        x->counts->waiting = undone.waiting;
    }
    if (!merge_asks(&x->merge)) {
        x->counts->conflicted += x->decided.conflicted;
        x->counts->waiting += x->decided.waiting;
    }
    x->group_count = 0; /* none of them is sent */
    x->created |= object->counts.ops[PLAN_THERE][PLAN_CREATE] > before.ops[PLAN_THERE][PLAN_CREATE];
    return rc;
}
