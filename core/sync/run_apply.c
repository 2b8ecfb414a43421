/* SPDX-License-Identifier: Apache-2.0 */
/* A run that does what a plan says: of each object first what changes here, then what is written to
 * the vendor, portion by portion (apply.h). No cursor moves: the next sync reads as it would have.
 */
#include "sync/export_internal.h"
#include "sync/run_internal.h"

enum { UNITS_OF_WHOLE = 10000 };

static void next_portion(struct run *run);

static struct str object_name(const struct run *run)
{
    return run_current(run)->setup->item->name;
}

/* ---- here ---- */

/* Where the connector cannot read by ids, as of small tables, all is read and the rest dropped. */
static bool reads_ids(struct run *run)
{
    return run_current(run)->setup->vendor->reads_ids;
}

static int load(struct run *run, struct error *err)
{
    return apply_load(run->request.apply, object_name(run), PLAN_HERE, &run->apply_from,
                      reads_ids(run) ? READ_IDS_MAX : UNITS_OF_WHOLE, &run->portion, err);
}

/* What is written there is prepared as in any export. */
static void here_done(struct run *run)
{
    struct run_object *object = run_current(run);
    if (!apply_wants(run->request.apply, object_name(run), PLAN_THERE)) {
        run_apply_done(run);
        return;
    }
    object->stage = STAGE_EXPORT;
    run_export_begin(run);
}

static void loaded(struct run *run)
{
    const struct apply_portion *p = &run->portion;
    const struct selector some = {.mode = READ_IDS, .ids = p->ids, .id_count = p->id_count};
    run_times_begin(run);
    if (!run_goes_on(run))
        return;
    const struct selector all = {.mode = READ_FULL, .until_us = session_vendor_now(run->session)};
    if (p->count == 0)
        here_done(run);
    else
        run_read_start(run, reads_ids(run) ? &some : &all);
}

static void next_portion(struct run *run)
{
    if (run_goes_on(run))
        run_submit(run, load, loaded);
}

void run_apply_begin(struct run *run)
{
    struct run_object *object = run_current(run);
    object->stage = STAGE_APPLY;
    run->apply_from = 0;
    next_portion(run);
}

void run_apply_kept(struct run *run)
{
    if (run_current(run)->stage == STAGE_APPLY && !reads_ids(run))
        apply_prune(&run->portion, &run->kept);
}

static int keep_result(struct run *run, enum merge_result result)
{
    run->stopped = result == MERGE_STOPPED;
    return result == MERGE_OK ? 0 : -1;
}

static int merge_portion(struct run *run, struct error *err)
{
    const struct merge merge = run_merge(run);
    return keep_result(run, apply_here(run->request.apply, &run->portion, &merge, &run->kept,
                                       run_current(run)->row, run_name(run), err));
}

static void merged(struct run *run)
{
    run_report_progress(run);
    if (!run_times_ask(run))
        next_portion(run);
}

void run_apply_looked(struct run *run)
{
    if (run_goes_on(run))
        run_submit(run, merge_portion, merged);
}

/* ---- there ---- */

int run_apply_gather(struct run *run, struct error *err)
{
    struct export *x = &run->export;
    export_free(x);
    if (apply_load(run->request.apply, object_name(run), PLAN_THERE, &run->apply_from,
                   export_portion(x), &run->portion, err) != 0)
        return -1;
    return run->portion.count > 0 ? apply_gather(&run->portion, x, err) : 0;
}

int run_apply_prepare(struct run *run, struct error *err)
{
    return keep_result(run, apply_there(run->request.apply, &run->portion, &run->export, err));
}

/* ---- the end of an object ---- */

static int leave(struct run *run, struct error *err)
{
    return apply_leave(run->request.apply, object_name(run), err);
}

void run_apply_done(struct run *run)
{
    run_submit(run, leave, run_export_done);
}
