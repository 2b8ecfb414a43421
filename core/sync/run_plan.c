/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that only plans: it reads, maps, matches and merges as any other, transaction by
 * transaction, and each is rolled back once what it changed is noted. So another program may write
 * all the while, and what was planned can be held against what is there when it is applied.
 */
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
    if (!plan || plan->notes.count == 0)
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
