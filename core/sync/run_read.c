/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one object: what the worker emits goes through the pool into the intake, and the worker
 * gets its answer when there is room for more. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "sync/run_internal.h"

enum { TEXT_OF_RESULT_MAX = 64 * 1024 };

/* One emit: a page that is parsed, and fetched again when it came broken, or single records. */
struct parse {
    struct run *run; /* NULL: the worker that emitted it is gone */
    struct world *world;
    struct job job;
    struct page *page;
    struct ticket *ticket; /* of a page */
    struct page_spec spec; /* texts in the ticket's arena */
    int rc;
    bool on_pool;
    struct exchange *resend;
    struct ticket *broken; /* whose request is sent again: the page's, or one attached to it */
    struct error err;
};

static void free_parse(struct parse *p)
{
    page_free(p->page);
    ticket_free(p->ticket);
    free(p);
}

/* ---- answers to the worker ---- */

static void answer(struct run *run)
{
    int held = run->held;
    run->held = HELD_NOTHING;
    if (!run->session)
        return;
    if (held == HELD_PAGE)
        worker_page_done(session_worker(run->session), OUTCOME_OK, &run->held_result);
    else if (held == HELD_RECORDS)
        worker_reply(session_worker(run->session), OUTCOME_OK);
}

/* The page may be committed and freed before the worker is answered. */
static bool hold_result(struct run *run, const struct page_result *result)
{
    buf_clear(&run->held_text);
    run->held_text.max = TEXT_OF_RESULT_MAX;
    run->held_text.full = false;
    buf_str(&run->held_text, result->next);
    buf_str(&run->held_text, result->last_id);
    run->held_result = *result;
    run->held_result.next = (struct str){run->held_text.ptr, result->next.len};
    run->held_result.last_id = (struct str){
        run->held_text.ptr ? run->held_text.ptr + result->next.len : NULL, result->last_id.len};
    return !run->held_text.full;
}

static void on_room(void *arg)
{
    answer(arg);
}

static void refuse(struct run *run, enum outcome outcome, const struct error *err)
{
    struct worker *worker = session_worker(run->session);
    run->page_error = *err;
    worker_page_done(worker, outcome, NULL);
}

/* ---- parsing ---- */

static void parse_work(void *arg)
{
    struct parse *p = arg;
    p->rc = 0;
    if (p->ticket)
        p->rc = page_parse(p->page, &p->spec, p->ticket->attached, &p->err);
    else
        page_parse_records(p->page);
}

static void parse_done(void *arg);

static void parse_again(struct parse *p)
{
    p->on_pool = true;
    p->job = (struct job){.work = parse_work, .done = parse_done, .arg = p};
    loop_submit(p->world->loop, EXECUTOR_POOL, &p->job);
}

static void on_resent(void *arg, struct client_result *result)
{
    struct parse *p = arg;
    p->resend = NULL;
    if (result->outcome != OUTCOME_OK) {
        blob_unref(result->body);
        error_set(&p->err, "%s", result->text);
        refuse(p->run, result->outcome, &p->err);
        p->run->parse = NULL;
        free_parse(p);
        return;
    }
    page_free(p->page);
    blob_unref(p->broken->body);
    p->broken->body = result->body;
    p->page = page_new(blob_ref(p->ticket->body));
    parse_again(p);
}

/* A malformed page is fetched again, then fails the run; it is never half used. */
static void on_malformed(struct parse *p)
{
    struct run *run = p->run;
    p->broken = p->page->broken ? p->page->broken : p->ticket;
    ticket_blame(p->broken, p->broken->body, &p->err);
    if (++p->broken->tries < ANSWER_TRIES && p->broken->ask.safe && !run->cancelled) {
        log_line(LOG_WARN, run_name(run), "%.*s: %s; it is fetched again",
                 STR_ARG(run_current(run)->setup->item->name), p->err.text);
        p->resend = session_resend(run->session, p->broken, on_resent, p);
        return;
    }
    refuse(run, OUTCOME_FAILED, &p->err);
    run->parse = NULL;
    free_parse(p);
}

/* The read ends there, and goes on from the last commit once the vendor was asked. */
static void doubt(struct run *run, struct parse *p)
{
    struct worker *worker = session_worker(run->session);
    bool is_page = p->ticket != NULL;
    run->parse = NULL;
    free_parse(p);
    if (is_page)
        worker_page_done(worker, OUTCOME_FAILED, NULL);
    else
        worker_reply(worker, OUTCOME_FAILED);
}

static void parse_done(void *arg)
{
    struct parse *p = arg;
    struct run *run = p->run;
    p->on_pool = false;
    if (!run) {
        free_parse(p);
        return;
    }
    if (p->rc != 0) {
        on_malformed(p);
        return;
    }
    /* What is deleted comes without its fields. */
    if (run_current(run)->stage != STAGE_DELETED && run_fields_doubt(run, p->page)) {
        doubt(run, p);
        return;
    }
    if (run_current(run)->stage == STAGE_EXPORT)
        export_note(&run->export, p->page, run->times != TIMES_LATER);
    run->parse = NULL;
    run->held = p->ticket ? HELD_PAGE : HELD_RECORDS;
    if (!hold_result(run, &p->page->result)) {
        error_set(&p->err, "the mark of the next page is longer than %d bytes", TEXT_OF_RESULT_MAX);
        run->held = HELD_NOTHING;
        refuse(run, OUTCOME_FAILED, &p->err);
        free_parse(p);
        return;
    }
    intake_page(run->intake, p->page);
    p->page = NULL;
    free_parse(p);
    if (!intake_hold(run->intake))
        answer(run);
}

static struct parse *new_parse(struct run *run)
{
    struct parse *p = MEM_NEW(struct parse);
    p->run = run;
    p->world = run->host->world;
    run->parse = p;
    return p;
}

void run_read_orphan(struct run *run)
{
    struct parse *p = run->parse;
    run->held = HELD_NOTHING;
    run->parse = NULL;
    if (!p)
        return;
    client_cancel(p->resend);
    p->run = NULL;
    if (!p->on_pool)
        free_parse(p);
}

/* ---- what the worker asks ---- */

void run_emit_page(void *arg, struct ticket *ticket, const struct page_spec *spec)
{
    struct run *run = arg;
    struct parse *p = new_parse(run);
    p->ticket = ticket;
    p->spec = (struct page_spec){.records = arena_str(&ticket->arena, spec->records),
                                 .id = arena_str(&ticket->arena, spec->id),
                                 .modified = arena_str(&ticket->arena, spec->modified),
                                 .fields = arena_str(&ticket->arena, spec->fields),
                                 .next = arena_str(&ticket->arena, spec->next),
                                 .merged = arena_str(&ticket->arena, spec->merged),
                                 .title = arena_str(&ticket->arena, spec->title),
                                 .times = arena_str(&ticket->arena, spec->times),
                                 .time = arena_str(&ticket->arena, spec->time)};
    p->page = page_new(blob_ref(ticket->body));
    parse_again(p);
}

void run_emit_records(void *arg, const struct emitted_record *records, uint32_t count)
{
    struct parse *p = new_parse(arg);
    p->page = page_of_records(records, count);
    parse_again(p);
}

enum outcome run_checkpoint(void *arg, struct str position)
{
    struct run *run = arg;
    /* The other reads are short, and begin anew. */
    if (run_current(run)->stage == STAGE_WALK)
        intake_checkpoint(run->intake, position);
    return OUTCOME_OK;
}

void run_progress_total(void *arg, uint64_t total)
{
    struct run *run = arg;
    run->total = total;
    run_report_progress(run);
}

/* ---- the intake ---- */

static void on_committed(void *arg)
{
    struct run *run = arg;
    const struct run_counts *counts = &run_current(run)->row->counts;
    int64_t before = 0;
    for (size_t i = 0; i + 1 < run->row.stream_count; i++)
        before += run->row.streams[i].counts.read;
    run->committed = before + counts->read;
    run_apply_kept(run);
    run->crashes = 0;
    run_report_progress(run);
}

static void on_failed(void *arg, enum merge_result why, const char *text)
{
    struct run *run = arg;
    run_conclude(run, why == MERGE_STOPPED ? RUN_STOPPED : RUN_FAILED, text);
}

static void on_drained(void *arg)
{
    struct run *run = arg;
    void (*then)(struct run * run) = run->after_drain;
    intake_free(run->intake);
    run->intake = NULL;
    run->after_drain = NULL;
    then(run);
}

static const struct intake_events intake_events = {
    .room = on_room, .committed = on_committed, .failed = on_failed, .drained = on_drained};

static void drain(struct run *run, void (*then)(struct run *run))
{
    run->after_drain = then;
    intake_drain(run->intake);
}

/* ---- beginning ---- */

/* Whether the watermark says nothing about what is in the store. */
static bool needs_full_read(const struct stream_state *state, int64_t hash, int64_t now)
{
    /* A walk that broke off has stored records as another mapping wants them. */
    bool mixed = state->walk != WALK_NONE && state->walk_hash != hash;
    /* The vendor's clock is behind it: one of the two times was wrong, and what was changed since
     * then may stand before the watermark. */
    bool ahead = state->watermark > now;
    return !state->has_watermark || state->mapping_hash != hash || mixed || ahead;
}

bool run_read_is_known(const struct run *run, const struct run_object *object)
{
    return !object->unread && !needs_full_read(&object->state, object->setup->mapping.hash,
                                               session_vendor_now(run->session));
}

/* Whether it is time for a read that finds out what is absent. */
static bool is_due(const struct run *run, const struct run_object *object, int64_t now)
{
    static const int64_t periods[] = {[RECONCILE_DAILY] = US_PER_DAY,
                                      [RECONCILE_WEEKLY] = 7 * US_PER_DAY,
                                      [RECONCILE_ALWAYS] = 0};
    int reconcile = run->setup->config->reconcile;
    int64_t last = object->state.reconciled_at;
    if (reconcile == RECONCILE_OFF || !run_end_finds_absence(object))
        return false;
    return last == 0 || last > now || now - last >= periods[reconcile];
}

/* Whether the interrupted read goes on. One of a window does not stand for a full one, nor does a
 * full one that does not find out what is absent. */
static bool goes_on(const struct run *run, const struct run_object *object)
{
    const struct stream_state *state = &object->state;
    bool own = object->row != NULL; /* this run's, after a crash */
    bool finds = state->walk_links > 0 || !run_end_finds_absence(object);
    if ((run->request.verify || run->request.linkup) && !own)
        return false;
    if (state->walk == WALK_NONE || state->walk_hash != object->setup->mapping.hash)
        return false;
    if (!run->request.full || own)
        return true;
    return state->walk == WALK_FULL && finds;
}

/* True: a new walk begins, that is to find out what is absent. */
static bool choose_walk(struct run *run, struct run_object *object)
{
    struct stream_state *state = &object->state;
    int64_t hash = object->setup->mapping.hash, now = session_vendor_now(run->session);
    bool on = goes_on(run, object);
    if (!on || !object->row) /* else it is the same walk */
        id_set_free(&run->newer);
    if (!object->row)
        object->resumed = on;
    if (on && state->walk == WALK_SUSPECTS)
        object->stage = STAGE_DELETED;
    if (on)
        return false;
    bool asked = run->request.full && !object->full_done;
    bool due = !object->full_done && is_due(run, object, now);
    object->unread = needs_full_read(state, hash, now);
    bool full = asked || due || run_is_dry(run) || object->unread;
    state->walk = full ? WALK_FULL : WALK_WINDOW;
    state->until = now;
    state->since = full ? 0 : state->watermark;
    state->walk_hash = hash;
    state->walk_links = 0;
    state->position.len = 0;
    return full && !run_is_dry(run) && run_end_finds_absence(object) &&
           (asked || run->setup->config->reconcile != RECONCILE_OFF);
}

static void begin_intake(struct run *run, struct run_object *object)
{
    bool walks = object->stage == STAGE_WALK;
    struct run_ends *ends = &run->ends;
    struct intake_stream stream = {.connection = run_name(run),
                                   .merge = run_merge(run),
                                   .target = &object->target,
                                   .ends = object->stage == STAGE_DELETED ? &ends->ends : NULL,
                                   .plan = run->request.plan,
                                   .state = &object->state,
                                   .position = object->position,
                                   .row = object->row,
                                   .cpu_us = &run->row.cpu_us};
    stream.beside = run->request.beside != NULL;
    stream.newer = run_beside_newer(run);
    stream.merge.newer = walks ? &run->newer : NULL;
    stream.merge.notes_seen =
        walks && object->state.walk == WALK_FULL && object->state.walk_links > 0;
    if (object->stage == STAGE_APPLY ||
        (object->stage == STAGE_EXPORT && (run_is_plan(run) || run->request.apply)))
        stream.keep = &run->kept;
    if (run_is_plan(run) && stream.merge.notes_seen)
        run_plan_walk(run, &stream);
    if (!walks && object->stage != STAGE_EXPORT)
        stream.merge.met = object->stage == STAGE_DELETED ? &ends->dead : &ends->came;
    run->intake = intake_new(&stream, &intake_events, run);
}

static void begin_row(struct run *run, struct run_object *object)
{
    const struct stream_state *state = &object->state;
    if (!object->row) {
        object->row = &run->row.streams[run->row.stream_count++];
        *object->row = (struct run_stream_row){
            .stream = state->id,
            .vendor_object = object->setup->item->name,
            .object = str_from(object->setup->model->name),
            .mode = state->walk == WALK_SUSPECTS ? WALK_FULL : state->walk,
            .since = state->since,
        };
    }
    object->row->until = state->until;
}

void run_read_start(struct run *run, const struct selector *selector)
{
    const struct object_setup *setup = run_current(run)->setup;
    struct selector s = *selector;
    begin_intake(run, run_current(run));
    run->total = 0;
    run->doubted = false;
    run->page_error.text[0] = '\0';
    s.object = setup->item->name;
    s.fields = setup->mapping.fields;
    s.field_count = setup->mapping.field_count;
    worker_read(session_worker(run->session), &s);
}

static void read_walk(struct run *run)
{
    const struct stream_state *state = &run_current(run)->state;
    const struct selector selector = {.mode = state->walk == WALK_WINDOW ? READ_WINDOW : READ_FULL,
                                      .since_us = state->since,
                                      .until_us = state->until,
                                      .position = state->position};
    if (run_goes_on(run))
        run_read_start(run, &selector);
}

/* Nothing is exported before a first read, nor by another mapping than was read by. */
static bool only_exports(const struct run *run, const struct run_object *object)
{
    return run->request.exports_only && object->stage == STAGE_WALK &&
           object->state.walk == WALK_NONE && run_read_is_known(run, object);
}

/* The walk is the other run's, and so is all but the export. */
static void begin_beside(struct run *run, struct run_object *object)
{
    bool known = !run_beside_is_unread(run) && run_read_is_known(run, object);
    object->state.walk = WALK_NONE;
    begin_row(run, object);
    if (known)
        run_object_done(run);
    else
        run_export_done(run);
}

void run_read_begin(struct run *run)
{
    struct run_object *object = run_current(run);
    if (object->stage == STAGE_EXPORT) { /* after a crash of the connector */
        run_export_begin(run);
        return;
    }
    if (run->request.beside) {
        begin_beside(run, object);
        return;
    }
    if (run->request.apply) {
        begin_row(run, object);
        run_apply_begin(run);
        return;
    }
    if (only_exports(run, object)) {
        begin_row(run, object);
        run_object_done(run);
        return;
    }
    if (run->request.verify)
        verify_begin_object(run->request.verify, object->setup->item->name);
    if (run->request.linkup)
        linkup_begin_object(run->request.linkup, object->setup);
    bool fresh = object->stage == STAGE_WALK && choose_walk(run, object);
    begin_row(run, object);
    if (object->stage != STAGE_WALK)
        run_end_read(run);
    else if (fresh)
        run_submit(run, run_store_walk, read_walk);
    else
        read_walk(run);
}

/* ---- ends ---- */

/* A read that an earlier run began is followed by another one, which finds out what ended; unless
 * it has met all that lives. */
static void walk_stored(struct run *run)
{
    struct run_object *object = run_current(run);
    bool settles = object->state.walk == WALK_SUSPECTS;
    bool full = object->state.since == 0;
    object->unread = false;
    if (full && (settles || !run_end_finds_absence(object)))
        object->full_done = true;
    if (run_end_wanted(object) && (settles || !object->resumed)) {
        object->stage = STAGE_DELETED;
        run_next(run);
    } else {
        run_object_done(run);
    }
}

static void read_failed(struct run *run)
{
    if (!run_times_refused(run))
        run_conclude(run, RUN_FAILED, run->read_text);
}

static void after_read(struct run *run)
{
    if (run_beside_waits(run, after_read))
        return;
    if (run->concluded)
        run_conclude(run, RUN_FAILED, ""); /* goes on with what was decided */
    else if (run->cancelled || run->read_outcome == OUTCOME_CANCELLED)
        run_conclude_cancelled(run);
    else if (run->doubted)
        run_fields_begin(run);
    else if (run->read_outcome != OUTCOME_OK)
        read_failed(run);
    else if (run_current(run)->stage == STAGE_EXPORT)
        run_export_looked(run);
    else if (run_current(run)->stage == STAGE_APPLY)
        run_apply_looked(run);
    else if (run_current(run)->stage != STAGE_WALK)
        run_end_finished(run);
    else
        run_submit(run, run_store_object, walk_stored);
}

void run_read_finished(struct run *run, const struct operation_result *result)
{
    const char *text = run->page_error.text[0] ? run->page_error.text : result->text;
    run->read_outcome = result->outcome;
    snprintf(run->read_text, sizeof run->read_text, "%.*s: %s",
             STR_ARG(run_current(run)->setup->item->name), text);
    run_read_orphan(run);
    drain(run, after_read);
}

void run_read_abandon(struct run *run, void (*then)(struct run *run))
{
    run_read_orphan(run);
    if (run->intake)
        drain(run, then);
    else if (!run_export_abandon(run, then))
        then(run);
}
