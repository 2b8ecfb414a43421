/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that compares both sides and writes nothing: it reads as one that reads everything and
 * looks for absence does, but what it has met and how far it got is kept in memory alone. What its
 * transactions do is rolled back.
 */
#include "sync/run_internal.h"

static int conclude(void *arg, struct error *err)
{
    struct run *run = arg;
    return linkup_conclude(run->request.linkup, run->host->store, run->organization,
                           run_current(run)->state.id, err);
}

/* Of a proposal nothing more is asked. */
static int conclude_linkup(struct run *run, struct error *err)
{
    struct run_object *object = run_current(run);
    object->state.walk = WALK_NONE;
    object->first = true;
    return store_rehearse(run->host->store, conclude, run, err);
}

int run_dry_object(struct run *run, struct error *err)
{
    struct run_object *object = run_current(run);
    if (run->request.linkup)
        return conclude_linkup(run, err);
    struct stream_state *state = &object->state;
    state->walk = run_end_finds_absence(object) ? WALK_SUSPECTS : WALK_NONE;
    state->position.len = 0;
    object->first = object->target.links_before == 0 && state->deleted_watermark == 0;
    return 0;
}

int run_dry_absent(struct run *run)
{
    run_current(run)->state.walk = WALK_NONE;
    return 0;
}

/* What an interrupted walk of a sync has met is of no concern: it is forgotten for the moment. */
int run_dry_unseen(struct run *run, struct linked_id **ret_rows, size_t *ret_count,
                   struct error *err)
{
    struct store *store = run->host->store;
    struct stream_state state = run_current(run)->state;
    if (store->engine->begin(store, err) != 0)
        return -1;
    int rc = store->engine->begin_seen(store, state.id, &state.walk_links, err);
    if (rc == 0)
        rc = store->engine->load_unseen(store, &state, run->ends.after, READ_IDS_MAX, ret_rows,
                                        ret_count, &run->ends.arena, err);
    store->engine->rollback(store);
    return rc;
}

int run_verify_answer(struct run *run, struct error *err)
{
    struct run_ends *ends = &run->ends;
    const struct merge merge = run_merge(run);
    bool counts = ends->answered && ends->asking == ASK_UNSEEN && run->request.verify;
    ends->answered = false;
    for (size_t i = 0; i < ends->asked_count && counts; i++)
        if (merge_gone(&merge, ends->asked[i].external_id, ends->asked[i].record, LINK_ABSENT,
                       err) != 0)
            return -1;
    return 0;
}
