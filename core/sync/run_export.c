/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After an object was read: what changed here goes to the vendor, portion by portion (export.h).
 * The vendor's records are read again before they are written, as they may have moved since.
 */
#include <stdio.h>

#include "sync/run_internal.h"

static void gather(struct run *run);
static void send_group(struct run *run);

bool run_export_wanted(const struct run *run, const struct run_object *object)
{
    return object->setup->mapping.export_count > 0 && !run->request.verify && !run->request.linkup;
}

/* ---- beginning ---- */

/* A plan has nothing under way; what others have is left out of it. */
static int recover(struct run *run, struct error *err)
{
    if (run_is_plan(run))
        return 0;
    if (export_recover(&run->export, err) != 0)
        return -1;
    /* What is due besides the plan is none of its business. */
    enum merge_result result = run->request.apply ? MERGE_OK : export_guard(&run->export, err);
    run->stopped = result == MERGE_STOPPED;
    return result == MERGE_OK ? 0 : -1;
}

void run_export_begin(struct run *run)
{
    struct run_object *object = run_current(run);
    export_free(&run->export); /* of an export that begins again, as a page raised a doubt */
    run->export = (struct export){.merge = run_merge(run),
                                  .connection = run_name(run),
                                  .connection_id = run->connection,
                                  .vendor_now = session_vendor_now(run->session),
                                  .watermark = object->state.watermark,
                                  .read_all = object->full_done,
                                  .counts = &object->row->counts,
                                  .plan = run->request.plan,
                                  .pages = &run->kept};
    run->export_passes = 0;
    run->apply_from = 0;
    run_submit(run, recover, gather);
}

static int work_gather(struct run *run, struct error *err)
{
    if (run->request.apply)
        return run_apply_gather(run, err);
    return run->export.picks ? run_plan_gather(run, err) : export_gather(&run->export, err);
}

/* Records that wait for others of the same object, as those are new there, come in a second pass.
 */
static void finish(struct run *run)
{
    struct export *x = &run->export;
    bool again = x->created && run->export_passes++ == 0;
    export_free(x);
    run_beside_leave(run);
    if (again) {
        x->after = 0;
        x->created = false;
        run->apply_from = 0;
        gather(run);
    } else if (run_is_plan(run) && !x->picks) {
        x->picks = true;
        gather(run);
    } else if (run->request.apply) {
        run_apply_done(run);
    } else {
        run_export_done(run);
    }
}

/* ---- looking ---- */

static void prepare(struct run *run);

static void gathered(struct run *run)
{
    struct export *x = &run->export;
    run_times_begin(run);
    if (!run_goes_on(run))
        return;
    if (x->count == 0) {
        finish(run);
        return;
    }
    const struct selector selector = {.mode = READ_IDS, .ids = x->ids, .id_count = x->id_count};
    if (x->id_count > 0)
        run_read_start(run, &selector);
    else
        prepare(run);
}

static void gather(struct run *run)
{
    if (!run_goes_on(run))
        return;
    if (run_beside_enter(run))
        run_submit(run, work_gather, gathered);
    else
        run_export_done(run);
}

void run_export_looked(struct run *run)
{
    if (!run_times_ask(run))
        prepare(run);
}

/* ---- writing ---- */

static int work_prepare(struct run *run, struct error *err)
{
    run->export.merge.waits_for_times = run_waits_for_times(run);
    if (run_is_plan(run))
        return run_plan_prepare(run, err);
    if (run->request.apply)
        return run_apply_prepare(run, err);
    enum merge_result result = export_prepare(&run->export, err);
    run->stopped = result == MERGE_STOPPED;
    return result == MERGE_OK ? 0 : -1;
}

static void next_portion(struct run *run)
{
    run->export.after = run->export.last;
    run_beside_leave(run);
    gather(run);
}

/* Pages that were kept are merged by now, too. */
static void prepared(struct run *run)
{
    run->export_group = 0;
    if (run_times_ask(run))
        return;
    if (run_is_plan(run))
        next_portion(run);
    else
        send_group(run);
}

static void prepare(struct run *run)
{
    if (run_goes_on(run))
        run_submit(run, work_prepare, prepared);
}

static struct export_group *group_of(struct run *run)
{
    return &run->export.groups[run->export_group];
}

/* What was noted and is not sent is found by the next run. */
static void send_group(struct run *run)
{
    if (!run_goes_on(run))
        return;
    if (run->export_group == run->export.group_count) {
        next_portion(run);
        return;
    }
    run->writing = true;
    worker_write(session_worker(run->session), &group_of(run)->call);
}

enum outcome run_written(void *arg, const struct write_result *results, uint32_t count)
{
    struct run *run = arg;
    struct export_group *g = group_of(run);
    struct arena *a = &run->export.arena;
    for (uint32_t i = 0; i < count; i++)
        for (size_t j = 0; j < g->count; j++) {
            const struct write_result *r = &results[i];
            if (!str_eq(g->call.rows[j].write_id, r->write_id))
                continue;
            g->results[j] = (struct write_result){.write_id = g->call.rows[j].write_id,
                                                  .id = arena_str(a, r->id),
                                                  .outcome = r->outcome,
                                                  .created = r->created,
                                                  .modified_us = r->modified_us,
                                                  .fields = arena_str(a, r->fields),
                                                  .text = arena_str(a, r->text)};
            break;
        }
    return OUTCOME_OK;
}

static int settle(struct run *run, struct error *err)
{
    const struct export_group *g = group_of(run);
    if (export_settle(&run->export, group_of(run), run->write_unclear, err) != 0)
        return -1;
    run_beside_wrote(run, g);
    if (run->request.apply)
        apply_sent(run->request.apply, &run->portion, &run->export, g);
    return 0;
}

static void settled(struct run *run)
{
    run_report_progress(run);
    run->export_group++; /* whatever the run comes to: what is known of this one is stored */
    if (run->write_outcome == OUTCOME_CANCELLED || run->cancelled) {
        run_conclude_cancelled(run);
    } else if (run->write_outcome != OUTCOME_OK) {
        run_conclude(run, RUN_FAILED, run->read_text);
    } else {
        send_group(run);
    }
}

void run_export_written(struct run *run, const struct operation_result *result)
{
    run->writing = false;
    run->write_outcome = result->outcome;
    run->write_unclear = result->unclear;
    snprintf(run->read_text, sizeof run->read_text, "%.*s: writing: %s",
             STR_ARG(run_current(run)->setup->item->name), result->text ? result->text : "");
    run_submit(run, settle, settled);
}

/* ---- not coming to the end ---- */

static int work_abandon(struct run *run, struct error *err)
{
    struct export *x = &run->export;
    size_t sent = run->export_group;
    if (run->writing && settle(run, err) != 0)
        return -1;
    return export_unsend(x, run->writing ? sent + 1 : sent, err);
}

static void abandoned(struct run *run)
{
    run->writing = false;
    export_free(&run->export);
    run_beside_leave(run);
    run->after_abandon(run);
}

bool run_export_abandon(struct run *run, void (*then)(struct run *run))
{
    if (run->export.group_count == 0)
        return false;
    run->after_abandon = then;
    run_submit(run, work_abandon, abandoned);
    return true;
}

void run_export_free(struct run *run)
{
    export_free(&run->export);
}
