/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After an object's records were read: what ended at the vendor.
 *
 * First it is asked what is deleted, where the connector can tell. Then those records are asked for
 * by their ids of which it is not known whether they are there: what a full read did not meet, and
 * what is archived here and not deleted there any more. Those that come are merged like all others.
 * Only what a whole read did not meet, and the vendor does not know by its id either, is absent;
 * and nothing ends before everything has been asked.
 */
#include "sync/run_internal.h"

bool run_end_finds_absence(const struct run_object *object)
{
    return object->setup->vendor->reads_ids && object->target.links_before > 0;
}

bool run_end_wanted(const struct run_object *object)
{
    if (object->state.walk == WALK_SUSPECTS)
        return true;
    return object->setup->vendor->reads_deleted && !object->first;
}

/* ---- what is deleted ---- */

static void read_deleted(struct run *run)
{
    struct run_object *object = run_current(run);
    struct run_ends *ends = &run->ends;
    ends->until = session_vendor_now(run->session);
    /* A mark that is ahead of the vendor's clock says nothing. */
    bool all = run->request.verify || object->state.walk == WALK_SUSPECTS ||
               object->state.deleted_watermark == 0 ||
               object->state.deleted_watermark > ends->until;
    ends->whole = all || object->setup->vendor->deleted_is_whole;
    const struct selector selector = {.mode = READ_DELETED,
                                      .since_us = all ? 0 : object->state.deleted_watermark,
                                      .until_us = ends->until};
    run_read_start(run, &selector);
}

static void begin_ids(struct run *run)
{
    struct run_object *object = run_current(run);
    run->ends.ends.count = 0;
    run->ends.asking = ASK_UNSEEN;
    run->ends.after = 0;
    if (object->setup->vendor->reads_ids) {
        object->stage = STAGE_IDS;
        run_next(run);
    } else if (object->state.walk == WALK_SUSPECTS) { /* the connector could, and cannot any more */
        run_submit(run, run_store_absent, run_object_done);
    } else {
        run_object_done(run);
    }
}

/* ---- what is asked for by id ---- */

static void suspects_loaded(struct run *run)
{
    struct run_ends *ends = &run->ends;
    const struct selector selector = {
        .mode = READ_IDS, .ids = ends->ids, .id_count = ends->asked_count};
    if (!run_goes_on(run))
        return;
    ends->came.count = 0;
    if (ends->asked_count > 0)
        run_read_start(run, &selector);
    else if (ends->ends.count > 0 || run_current(run)->state.walk == WALK_SUSPECTS)
        run_submit(run, run_store_absent, run_object_done);
    else
        run_object_done(run);
}

static void read_ids(struct run *run)
{
    run_submit(run, run_store_suspects, suspects_loaded);
}

/* Of those that were asked for, the ones that did not come; what is archived stays so. */
static void note_absent(struct run_ends *ends)
{
    link_list_sort(&ends->came);
    for (size_t i = 0; i < ends->asked_count; i++) {
        const struct linked_id *asked = &ends->asked[i];
        if (ends->asking == ASK_UNSEEN && !link_list_has(&ends->came, asked->link))
            link_list_add(&ends->ends, asked->link, asked->record);
    }
    ends->after = ends->asked[ends->asked_count - 1].link;
    ends->answered = true;
}

static void ids_finished(struct run *run)
{
    struct run_object *object = run_current(run);
    const struct merge merge = run_merge(run);
    struct error err;
    note_absent(&run->ends);
    bool keeps = object->setup->config->deletes == END_KEEP;
    const struct run_counts planned = {.ended = keeps ? 0 : (int64_t)run->ends.ends.count};
    /* No need to ask on, when it is too many already. */
    if (!run_is_dry(run) && merge_guard(&merge, &object->row->counts, &planned, &err) != MERGE_OK)
        run_conclude(run, RUN_STOPPED, err.text);
    else
        run_next(run);
}

/* ---- both ---- */

void run_end_read(struct run *run)
{
    const struct connector_object *vendor = run_current(run)->setup->vendor;
    struct run_ends *ends = &run->ends;
    if (run_current(run)->stage == STAGE_IDS) {
        read_ids(run);
        return;
    }
    ends->whole = false;
    ends->dead.count = ends->ends.count = 0;
    if (vendor->reads_deleted)
        read_deleted(run);
    else
        begin_ids(run);
}

void run_end_finished(struct run *run)
{
    if (run_current(run)->stage == STAGE_IDS) {
        ids_finished(run);
        return;
    }
    link_list_sort(&run->ends.dead);
    run_submit(run, run_store_deleted, begin_ids);
}
