/* SPDX-License-Identifier: Apache-2.0 */
/* A rollback's place in the run log: whether it may be, its beginning, its report and its end. */
#include "sync/rollback_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"
#include "sync/bind.h"
#include "sync/pause.h"

enum { VALUE_MAX = 64 * 1024 * 1024 };

/* ---- the run that is taken back ---- */

struct finding {
    struct arena *arena;
    struct run_row *row;
};

static bool take_run(void *arg, const struct run_row *row)
{
    struct finding *f = arg;
    *f->row = *row;
    f->row->connection = arena_str(f->arena, row->connection);
    f->row->started_by = arena_str(f->arena, row->started_by);
    f->row->streams = NULL;
    return false;
}

int rollback_connection(struct store *store, int64_t run, struct arena *arena, struct str *ret_name,
                        struct error *err)
{
    struct run_row row = {0};
    struct finding finding = {arena, &row};
    if (store->engine->each_run(store, STR(""), run, 1, take_run, &finding, err) != 0)
        return -1;
    *ret_name = row.connection;
    return row.id != 0;
}

static int check_span(struct rollback *r, struct error *err)
{
    char when[TIME_TEXT];
    if (r->of.pruned_at != 0 && rollback_is_whole(r))
        return error_set(err,
                         "what run %" PRId64 " changed was pruned, in part at least, at %s "
                         "(`retention` in fastenr.conf): it cannot be taken back as a whole; "
                         "--object or --record takes back what is still known",
                         r->of.id, time_format(r->of.pruned_at, when));
    if (r->span.pruned > 0 && rollback_is_whole(r))
        return error_set(err,
                         "of run %" PRId64 ", %" PRId64 " of %" PRId64
                         " changes are not in the log any more: they were pruned, or erased with a "
                         "person. It cannot be taken back as a whole; --object or --record takes "
                         "back what is still known",
                         r->of.id, r->span.pruned, r->span.rows);
    return 0;
}

static int find_run(struct rollback *r, struct error *err)
{
    struct finding finding = {&r->arena, &r->of};
    if (rollback_engine(r)->each_run(r->store, STR(""), r->in->run, 1, take_run, &finding, err) !=
        0)
        return -1;
    if (r->of.id == 0)
        return error_set(err, "there is no run %" PRId64 "; `fastenr runs` lists them", r->in->run);
    if (rollback_engine(r)->load_run_span(r->store, r->of.id, &r->span, err) != 0)
        return -1;
    return check_span(r, err);
}

/* ---- its beginning ---- */

static size_t object_count(const struct rollback *r)
{
    return r->in->setup ? r->in->setup->object_count : 0;
}

static int open_streams(struct rollback *r, struct error *err)
{
    struct setup *setup = r->in->setup;
    r->streams = arena_new(&r->arena, object_count(r), sizeof r->streams[0]);
    r->rows = arena_new(&r->arena, object_count(r) + 1, sizeof r->rows[0]);
    for (size_t i = 0; i < object_count(r); i++) {
        struct object_setup *o = &setup->objects[i];
        struct stream_state state;
        if (rollback_engine(r)->stream(r->store, r->connection, o->item->name, o->model, &r->arena,
                                       &state, err) != 0 ||
            setup_bind(o, r->store, err) != 0)
            return -1;
        r->streams[i] = r->rows[i].stream = state.id;
    }
    return 0;
}

/* A merge has moved links of any connection. */
static int lease_all(struct rollback *r, struct error *err)
{
    struct str busy;
    int rc = leases_take(&r->leases, r->store, NULL, &busy, err);
    if (rc > 0)
        return error_set(err, "'%.*s' is being synced just now: wait until that is done",
                         STR_ARG(busy));
    return rc == 0 ? stream_names_load(&r->names, r->store, &r->arena, err) : -1;
}

static int lease_one(struct rollback *r, struct error *err)
{
    const struct store_engine *e = rollback_engine(r);
    struct str name = r->in->setup->config->name;
    if (e->connection(r->store, name, r->in->setup->descriptor->id, &r->connection, err) != 0 ||
        pause_check(r->store, name.ptr, err) != 0)
        return -1;
    int lease = e->lease(r->store, r->connection, err);
    if (lease > 0)
        return error_set(err, "'%.*s' is being synced just now: wait until that is done",
                         STR_ARG(name));
    r->leased = lease == 0;
    return lease < 0 ? -1 : e->reap(r->store, r->connection, err);
}

static int open_rollback(void *arg, struct error *err)
{
    struct rollback *r = arg;
    const struct store_engine *e = rollback_engine(r);
    if (e->organization(r->store, &r->in->host->organization, &r->organization, err) != 0 ||
        (r->in->setup ? lease_one : lease_all)(r, err) != 0 || find_run(r, err) != 0 ||
        open_streams(r, err) != 0)
        return -1;
    if (r->in->plan)
        return 0;
    if (e->run_start(r->store, r->connection, r->in->by, &r->run, err) != 0)
        return -1;
    return e->run_rolls_back(r->store, r->run, r->of.id, err);
}

/* A plan looks at what would be, and leaves nothing. */
static int open_plan(struct rollback *r, struct error *err)
{
    const struct store_engine *e = rollback_engine(r);
    if (e->begin(r->store, err) != 0)
        return -1;
    int rc = open_rollback(r, err);
    e->rollback(r->store);
    return rc;
}

/* ---- what is told ---- */

struct rollback_total *rollback_total(struct rollback *r, bool there, struct str object)
{
    struct rollback_report *report = r->report;
    for (size_t i = 0; i < report->total_count; i++)
        if (report->totals[i].there == there && str_eq(report->totals[i].object, object))
            return &report->totals[i];
    if (report->total_count == ROLLBACK_TOTALS) /* the last one stands for all others */
        return &report->totals[ROLLBACK_TOTALS - 1];
    struct rollback_total *t = &report->totals[report->total_count++];
    *t = (struct rollback_total){.there = there, .object = object};
    return t;
}

void rollback_tell(struct rollback *r, const struct rollback_item *item)
{
    struct rollback_total *t = rollback_total(r, item->there, item->object);
    t->left += item->verdict == ROLLBACK_LEFT;
    t->refused += item->verdict == ROLLBACK_REFUSED;
    t->irreversible += item->verdict == ROLLBACK_IRREVERSIBLE;
    r->events->item(r->arg, item);
}

struct run_counts *rollback_counts(struct rollback *r, const struct model_object *object)
{
    const struct setup *setup = r->in->setup;
    size_t i = 0;
    while (i < object_count(r) && setup->objects[i].model != object)
        i++;
    return &r->rows[i].counts; /* the last one is of no stream, and not in the run log */
}

bool rollback_wants_field(const struct rollback *r, bool custom, struct str name)
{
    static const char prefix[] = "custom_fields.";
    struct str wanted = r->in->field;
    if (wanted.len == 0)
        return true;
    if (custom != str_starts(wanted, prefix))
        return false;
    size_t skipped = custom ? sizeof prefix - 1 : 0;
    return str_eq(name, str_slice(wanted, skipped, wanted.len - skipped));
}

struct str rollback_text(const struct json *value, struct arena *arena)
{
    struct buf text = BUF_INIT(VALUE_MAX);
    if (!value)
        return STR("null");
    json_write(&text, value);
    struct str copy = arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

bool rollback_cancelled(const struct rollback *r)
{
    return r->in->cancelled && *r->in->cancelled;
}

/* ---- its end ---- */

static bool has_counts(const struct run_counts *c)
{
    return c->updated + c->deleted + c->restored + c->sent_created + c->sent_updated +
               c->sent_deleted + c->refused >
           0;
}

static int end_rollback(void *arg, struct error *err)
{
    struct rollback *r = arg;
    const struct rollback_report *report = r->report;
    const struct run_row row = {.id = r->run,
                                .ended_at = world_now(r->in->host->world),
                                .status = report->status,
                                .reason = str_from(report->reason),
                                .exit_signal = -1,
                                .exit_code = -1,
                                .api_calls = report->api_calls,
                                .bytes = report->bytes,
                                .cpu_us = report->cpu_us};
    for (size_t i = 0; i < object_count(r); i++)
        if (has_counts(&r->rows[i].counts) &&
            rollback_engine(r)->run_stream(r->store, r->run, &r->rows[i], err) != 0)
            return -1;
    return rollback_engine(r)->run_end(r->store, &row, err);
}

static void conclude(struct rollback *r, int rc, const struct error *why)
{
    struct rollback_report *report = r->report;
    int64_t left = 0, refused = 0, irreversible = 0;
    for (size_t i = 0; i < report->total_count; i++) {
        left += report->totals[i].left;
        refused += report->totals[i].refused;
        irreversible += report->totals[i].irreversible;
    }
    report->status = RUN_OK;
    if (rc != 0)
        report->status = RUN_FAILED;
    else if (rollback_cancelled(r))
        report->status = RUN_CANCELLED;
    else if (left + refused + irreversible > 0)
        report->status = RUN_QUARANTINED;
    if (rc != 0)
        snprintf(report->reason, sizeof report->reason, "%s", why->text);
    else if (report->status == RUN_CANCELLED)
        snprintf(report->reason, sizeof report->reason,
                 "cancelled: begun again, it goes on with what is not taken back yet");
    else if (report->status == RUN_QUARANTINED)
        snprintf(report->reason, sizeof report->reason,
                 "%" PRId64 " left as they are, %" PRId64 " refused, %" PRId64
                 " cannot be taken back",
                 left, refused, irreversible);
}

static int work(struct rollback *r, struct error *err)
{
    if (rollback_local(r, err) != 0 || (!r->in->setup && rollback_wait_again(r, err) != 0))
        return -1;
    return r->span.sent > 0 && !rollback_cancelled(r) ? rollback_remote(r, err) : 0;
}

int rollback_run(const struct rollback_request *request, const struct rollback_events *events,
                 void *arg, struct rollback_report *ret_report, struct error *err)
{
    struct rollback r = {.in = request,
                         .events = events,
                         .arg = arg,
                         .report = ret_report,
                         .store = request->host->store};
    struct error why = {.text = ""};
    int64_t began = world_cpu_us();
    *ret_report = (struct rollback_report){0};
    int rc = request->plan ? open_plan(&r, err) : store_transact(r.store, open_rollback, &r, err);
    if (rc == 0) {
        ret_report->run = r.run;
        conclude(&r, work(&r, &why), &why);
        ret_report->cpu_us = world_cpu_us() - began;
        rc = request->plan ? 0 : store_transact(r.store, end_rollback, &r, err);
    }
    if (r.leased)
        rollback_engine(&r)->release(r.store, r.connection);
    leases_free(&r.leases);
    id_set_free(&r.undone);
    arena_free(&r.arena);
    return rc;
}
