/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a run: it is entered into the run log, the connector is started, created and checked,
 * the objects are read one after another, and the end is written.
 *
 * A connector that crashes is started again and goes on from the last commit; one that crashes
 * several times without anything committed in between ends the run.
 */
#include "sync/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "sync/run_internal.h"

enum { CRASHES_IN_A_ROW = 3, CRASHES_IN_ALL = 100 };
#define RESTART_FIRST (20 * US_PER_MS)

static void start_session(struct run *run);
static void go_to_end(struct run *run);

/* ---- the store ---- */

static void store_work(void *arg)
{
    struct run *run = arg;
    int64_t began = world_cpu_us();
    run->store_rc = run->store_work(run, &run->store_err);
    run->row.cpu_us += world_cpu_us() - began;
}

static void store_done(void *arg)
{
    struct run *run = arg;
    void (*queued)(struct run * run) = run->queued;
    run->storing = false;
    run->queued = NULL;
    if (run->store_rc != 0 && !run->concluded) {
        enum run_status status = run->paused ? RUN_CANCELLED : RUN_FAILED;
        run_conclude(run, run->stopped ? RUN_STOPPED : status, run->store_err.text);
        return;
    }
    run->store_done(run);
    if (queued)
        queued(run);
}

void run_submit(struct run *run, int (*work)(struct run *run, struct error *err),
                void (*done)(struct run *run))
{
    run->storing = true;
    run->store_work = work;
    run->store_done = done;
    run->job = (struct job){.work = store_work, .done = store_done, .arg = run};
    loop_submit(run->host->world->loop, EXECUTOR_STORE, &run->job);
}

/* The store's work first. */
static void when_stored(struct run *run, void (*then)(struct run *run))
{
    if (run->storing)
        run->queued = then;
    else
        then(run);
}

/* ---- the end ---- */

static void free_run(struct run *run)
{
    buf_free(&run->held_text);
    id_set_free(&run->newer);
    link_list_free(&run->ends.dead);
    link_list_free(&run->ends.ends);
    link_list_free(&run->ends.came);
    link_bits_free(&run->ends.bits);
    page_list_clear(&run->kept);
    time_wants_clear(&run->wants);
    plan_forget(&run->notes);
    arena_free(&run->portion.arena);
    arena_free(&run->ends.arena);
    run_export_free(run);
    run_fields_end(run);
    arena_free(&run->arena);
    free(run->objects);
    free(run);
}

static void report_end(struct run *run)
{
    if (run->store_rc != 0) {
        log_line(LOG_ERROR, run_name(run), "the end of run %lld could not be written: %s",
                 (long long)run->row.id, run->store_err.text);
        run->row.status = RUN_FAILED;
        run->row.reason = str_from(run->store_err.text);
    }
    run_beside_ended(run);
    run->events->done(run->arg, &run->row, run->crashed);
    free_run(run);
}

/* Why a run that went through is not clean; NULL: it is. */
static const char *unclean(struct run *run)
{
    int64_t quarantined = 0, refused = 0, waiting = 0;
    for (size_t i = 0; i < run->row.stream_count; i++) {
        quarantined += run->row.streams[i].counts.quarantined;
        refused += run->row.streams[i].counts.refused;
        waiting += run->row.streams[i].counts.waiting;
    }
    if (quarantined + refused + waiting == 0)
        return NULL;
    return arena_printf(
        &run->arena, "%s%s%s%s%s",
        quarantined > 0 ? "records were set aside: see `fastenr quarantine list`" : "",
        quarantined > 0 && refused > 0 ? "; " : "",
        refused > 0 ? "writes were refused: see `fastenr writes list`" : "",
        quarantined + refused > 0 && waiting > 0 ? "; " : "",
        waiting > 0 ? "conflicts wait for a decision: see `fastenr conflicts list`" : "");
}

static void write_end(struct run *run)
{
    if (run_beside_waits(run, write_end))
        return;
    const char *why = run->row.status == RUN_OK ? unclean(run) : NULL;
    run->row.ended_at = world_now(run->host->world);
    if (why) {
        run->row.status = RUN_QUARANTINED;
        run->row.reason = str_from(why);
    }
    run_submit(run, run_store_end, report_end);
}

/* First the session, then what the intake still has, then the run log. */
static void go_to_end(struct run *run)
{
    if (run->session)
        session_stop(run->session);
    else
        run_read_abandon(run, write_end);
}

void run_conclude(struct run *run, enum run_status status, const char *reason)
{
    if (!run->concluded) {
        run->concluded = true;
        run->row.status = status;
        run->row.reason = arena_str(&run->arena, str_from(reason));
    }
    when_stored(run, go_to_end);
}

/* ---- objects ---- */

void run_report_progress(struct run *run)
{
    const struct run_object *object = run_current(run);
    const struct run_progress progress = {.object = object->setup->item->name,
                                          .total = run->total,
                                          .done = object->row->counts,
                                          .committed = run->committed};
    if (run->events->progress)
        run->events->progress(run->arg, &progress);
}

/* After a read that an earlier run began comes what has changed since then. */
void run_object_done(struct run *run)
{
    struct run_object *object = run_current(run);
    if (object->resumed || !run_export_wanted(run, object)) {
        run_export_done(run);
        return;
    }
    object->stage = STAGE_EXPORT;
    if (run_goes_on(run))
        run_export_begin(run);
}

void run_export_done(struct run *run)
{
    struct run_object *object = run_current(run);
    object->stage = STAGE_WALK;
    link_bits_free(&run->ends.bits);
    if (!object->resumed)
        run->current++;
    object->resumed = false;
    run_next(run);
}

bool run_goes_on(struct run *run)
{
    if (run->queued || run->concluded || !run->session)
        return false;
    if (run->cancelled)
        run_conclude_cancelled(run);
    return !run->cancelled;
}

void run_conclude_cancelled(struct run *run)
{
    run_conclude(run, RUN_CANCELLED,
                 !run_keeps(run) ? "cancelled; nothing was written"
                                 : "cancelled; the next run goes on from here");
}

void run_next(struct run *run)
{
    if (!run_goes_on(run))
        return;
    if (run->current == run->object_count)
        run_conclude(run, RUN_OK, "");
    else
        run_fields_begin(run);
}

/* ---- the session ---- */

static void on_checked(struct run *run, const struct operation_result *result)
{
    snprintf(run->account, sizeof run->account, "%.*s", STR_ARG(result->account_id));
    snprintf(run->account_name, sizeof run->account_name, "%.*s", STR_ARG(result->account_name));
    session_set_account(run->session, str_from(run->account));
    run->clock_skew_us = session_vendor_now(run->session) - world_now(run->host->world);
    run_submit(run, run_store_account, run_peers_begin);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct run *run = arg;
    if (result->phase == PHASE_READ) {
        run_read_finished(run, result);
    } else if (result->phase == PHASE_WRITE) {
        run_export_written(run, result);
    } else if (run->concluded) {
        return;
    } else if (result->phase == PHASE_DISCOVER) {
        run->peering ? run_peers_found(run) : run_fields_found(run, result);
    } else if (result->outcome != OUTCOME_OK) {
        const char *text =
            arena_printf(&run->arena, "in %s: %s", phase_name(result->phase), result->text);
        run_conclude(run, run->cancelled ? RUN_CANCELLED : RUN_FAILED, text);
    } else if (result->phase == PHASE_CREATE) {
        worker_check(session_worker(run->session));
    } else {
        on_checked(run, result);
    }
}

static void on_restart(void *arg)
{
    start_session(arg);
}

static void after_crash(struct run *run)
{
    if (run_beside_waits(run, after_crash))
        return;
    if (run->concluded) {
        run_conclude(run, RUN_FAILED, "");
        return;
    }
    if (run->cancelled || run->crashes >= CRASHES_IN_A_ROW ||
        run->crashes_in_all >= CRASHES_IN_ALL) {
        run->crashed = !run->cancelled;
        run_conclude(run, run->cancelled ? RUN_CANCELLED : RUN_FAILED, run->crash_text);
        return;
    }
    int64_t step = RESTART_FIRST << run->crashes;
    log_line(LOG_WARN, run_name(run), "the connector ended %s; it is started again",
             run->crash_text);
    loop_timer(run->host->world->loop, &run->restart,
               step + world_random_below(run->host->world, step));
}

static void note_crash(struct run *run, const struct session_end *end)
{
    run->crashes++;
    run->crashes_in_all++;
    run->row.phase = str_from(phase_name(end->phase));
    run->row.exit_signal = end->signal;
    run->row.exit_code = end->code;
    snprintf(run->crash_text, sizeof run->crash_text, "%s", end->text);
}

static void abandon_after_crash(struct run *run)
{
    run_read_abandon(run, after_crash);
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct run *run = arg;
    const struct client_stats *stats = session_stats(run->session);
    run->row.api_calls += stats->calls;
    run->row.bytes += stats->bytes;
    run->write_unclear = end->unclear;
    if (end->how == SESSION_CRASHED)
        note_crash(run, end);
    char text[sizeof run->crash_text];
    snprintf(text, sizeof text, "%s", end->text);
    run_read_orphan(run);
    session_free(run->session);
    run->session = NULL;
    if (run->concluded || end->how == SESSION_CRASHED)
        when_stored(run, run->concluded ? go_to_end : abandon_after_crash);
    else
        run_conclude(run, RUN_FAILED, text);
}

static const struct session_events session_events = {.finished = on_finished,
                                                     .ended = on_ended,
                                                     .emit_page = run_emit_page,
                                                     .emit_records = run_emit_records,
                                                     .emit_field = run_emit_field,
                                                     .checkpoint = run_checkpoint,
                                                     .progress = run_progress_total,
                                                     .written = run_written};

static void start_session(struct run *run)
{
    struct error err;
    if (run->cancelled) {
        run_conclude(run, RUN_CANCELLED, "cancelled");
        return;
    }
    run->session = session_start(run->host, run->setup, run->image, &session_events, run, &err);
    if (!run->session)
        run_conclude(run, RUN_FAILED, err.text);
    else if (run->request.beside)
        session_set_urgent(run->session);
}

/* ---- the beginning ---- */

static bool has_object(const struct run *run, const struct object_setup *setup)
{
    for (size_t i = 0; i < run->object_count; i++)
        if (run->objects[i].setup == setup)
            return true;
    return false;
}

static int select_objects(struct run *run, struct error *err)
{
    const struct run_request *request = &run->request;
    size_t count = request->object_count > 0 ? request->object_count : run->setup->object_count;
    run->objects = mem_new(count, sizeof run->objects[0]);
    run->row.streams = arena_new(&run->arena, count, sizeof run->row.streams[0]);
    for (size_t i = 0; i < count; i++) {
        const struct object_setup *setup = request->object_count > 0
                                               ? setup_object(run->setup, request->objects[i])
                                               : &run->setup->objects[i];
        if (!setup)
            return error_set(err, "this connection does not sync '%.*s'",
                             STR_ARG(request->objects[i]));
        if (!has_object(run, setup)) /* named twice, it is read once */
            run->objects[run->object_count++].setup = setup;
    }
    return 0;
}

static void on_begin(void *arg)
{
    struct run *run = arg;
    struct error err;
    if (select_objects(run, &err) != 0)
        run_conclude(run, RUN_FAILED, err.text);
    else
        run_submit(run, run_store_open, start_session);
}

struct run *run_start(struct sync_host *host, struct setup *setup, const struct image *image,
                      const struct run_request *request, const struct run_events *events, void *arg)
{
    struct run *run = MEM_NEW(struct run);
    *run = (struct run){.host = host,
                        .setup = setup,
                        .image = image,
                        .request = *request,
                        .events = events,
                        .arg = arg};
    run->request.full |= request->repair;
    run_beside_begin(run);
    run->row = (struct run_row){.connection = setup->config->name,
                                .started_by = request->started_by,
                                .started_at = world_now(host->world),
                                .status = RUN_RUNNING,
                                .exit_signal = -1,
                                .exit_code = -1};
    run->restart = (struct timer){.fn = on_restart, .arg = run};
    loop_post(host->world->loop, on_begin, run);
    return run;
}

void run_cancel(struct run *run)
{
    if (run->beside) /* also where this run only waits for that one */
        run_cancel(run->beside);
    if (run->cancelled || run->concluded)
        return;
    run->cancelled = true;
    if (run->session)
        worker_cancel(session_worker(run->session));
    else if (loop_timer_started(&run->restart)) {
        loop_timer_stop(run->host->world->loop, &run->restart);
        run_conclude(run, RUN_CANCELLED, "cancelled");
    }
}
