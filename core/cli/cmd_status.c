/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr status`: how each connection stands. */
#include <inttypes.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "schedule/plan.h"
#include "sync/drift.h"

enum { STATUS_JSON_MAX = 4 * 1024 * 1024 };

/* What the store knows of one connection. */
struct standing {
    struct str name;
    const struct connection_config *config; /* NULL: its file is gone */
    bool ran;
    struct run_row last;   /* of those that are under way the first one */
    struct run_row beside; /* a later one that exports, or did, while that one reads; id 0: none */
    int64_t next_us;       /* 0: not by schedule */
    struct pause_row pause;
    struct stream_row streams[64];
    size_t stream_count;
    struct field_row *paused; /* vendor fields */
    size_t paused_count, paused_cap;
    int64_t conflicts, refused, doubted; /* conflicts that are open; writes */
    struct str reconnect;                /* why a person must connect it anew; empty: no need */
};

struct view {
    struct app *app;
    struct standing *standing;
};

static bool take_run(void *arg, const struct run_row *row)
{
    struct view *v = arg;
    struct standing *s = v->standing;
    s->ran = true;
    s->last = *row;
    s->last.reason = arena_str(&v->app->arena, row->reason);
    s->last.started_by = arena_str(&v->app->arena, row->started_by);
    s->last.connection = s->name;
    s->last.phase = arena_str(&v->app->arena, row->phase);
    s->last.streams = NULL;
    s->last.stream_count = 0;
    return true;
}

/* The newest, and what is still under way from before it. */
static int look_at_runs(struct view *v, struct error *err)
{
    const struct store *store = v->app->host.store;
    struct standing *s = v->standing;
    if (store->engine->each_run(v->app->host.store, s->name, 0, 1, take_run, v, err) != 0)
        return -1;
    struct run_row newest = s->last;
    if (store->engine->each_run(v->app->host.store, s->name, RUNS_UNDER_WAY, 0, take_run, v, err) !=
        0)
        return -1;
    if (s->last.id != newest.id)
        s->beside = newest;
    return 0;
}

static bool take_stream(void *arg, const struct stream_row *row)
{
    struct view *v = arg;
    struct standing *s = v->standing;
    if (s->stream_count < sizeof s->streams / sizeof s->streams[0]) {
        s->streams[s->stream_count] = *row;
        s->streams[s->stream_count++].vendor_object = arena_str(&v->app->arena, row->vendor_object);
    }
    return true;
}

static bool take_secret(void *arg, const struct secret_row *row)
{
    struct view *v = arg;
    if (row->problem.len > 0)
        v->standing->reconnect = arena_str(&v->app->arena, row->problem);
    return true;
}

static bool take_conflict(void *arg, const struct conflict_row *row)
{
    struct view *v = arg;
    (void)row;
    v->standing->conflicts++;
    return true;
}

static bool take_write(void *arg, const struct export_write *row)
{
    struct view *v = arg;
    v->standing->refused += row->state == WRITE_REFUSED;
    v->standing->doubted += row->state == WRITE_DOUBTED;
    return true;
}

static bool take_field(void *arg, const struct field_row *row)
{
    struct view *v = arg;
    struct standing *s = v->standing;
    struct arena *arena = &v->app->arena;
    if (row->pause == FIELD_LIVE)
        return true;
    s->paused =
        arena_grow(arena, s->paused, &s->paused_cap, s->paused_count + 1, sizeof s->paused[0]);
    struct field_row *kept = &s->paused[s->paused_count++];
    *kept = *row;
    kept->vendor_object = arena_str(arena, row->vendor_object);
    kept->name = arena_str(arena, row->name);
    kept->values = arena_str(arena, row->values);
    kept->now_values = arena_str(arena, row->now_values);
    return true;
}

static int64_t next_due(struct app *app, const struct standing *s)
{
    struct plan plan;
    struct error err;
    if (!s->config || !s->config->enabled ||
        plan_from_config(&s->config->schedule, &plan, &err) != 0)
        return 0;
    if (!s->ran)
        return world_now(&app->world);
    int64_t next = plan_next(&plan, s->last.started_at, s->last.started_at);
    return next == SCHEDULE_NEVER ? 0 : next;
}

static int look(struct app *app, struct standing *s, struct error *err)
{
    struct view v = {app, s};
    const struct conflict_filter open = {.connection = s->name, .open_only = true};
    const struct store_engine *engine = app->host.store->engine;
    if (look_at_runs(&v, err) != 0 ||
        engine->each_stream(app->host.store, s->name, take_stream, &v, err) != 0 ||
        engine->each_secret(app->host.store, s->name, take_secret, &v, err) != 0 ||
        engine->each_field(app->host.store, s->name, take_field, &v, err) != 0 ||
        engine->each_conflict(app->host.store, &open, take_conflict, &v, err) != 0 ||
        engine->each_write(app->host.store, s->name, take_write, &v, err) != 0 ||
        engine->find_pause(app->host.store, s->name, &app->arena, &s->pause, err) != 0)
        return -1;
    s->next_us = s->pause.at != 0 ? 0 : next_due(app, s);
    return 0;
}

/* ---- text ---- */

static void write_pause(const struct standing *s, int64_t now)
{
    char when[FORMAT_TEXT];
    if (s->pause.at == 0)
        return;
    out_text(&std_out, "  ");
    out_styled(&std_out, STYLE_WARN, "paused");
    out_printf(&std_out, "    %s, by %.*s%s%.*s%s\n", format_when(s->pause.at, now, when),
               STR_ARG(s->pause.by), s->pause.reason.len > 0 ? ", " : "", STR_ARG(s->pause.reason),
               s->pause.all ? " (all connections)" : "");
}

static void write_fields(struct app *app, const struct standing *s)
{
    char when[FORMAT_TEXT];
    for (size_t i = 0; i < s->paused_count; i++) {
        const struct field_row *row = &s->paused[i];
        struct buf what = BUF_INIT(1000);
        drift_describe(&what, row);
        out_text(&std_out, "  field     ");
        out_styled(&std_out, STYLE_WARN, "paused");
        out_printf(&std_out, " %s: %.*s.%.*s, %s\n",
                   format_when(row->since, world_now(&app->world), when),
                   STR_ARG(row->vendor_object), STR_ARG(row->name), buf_cstr(&what));
        buf_free(&what);
    }
    if (s->paused_count > 0)
        out_printf(&std_out, "            see `fastenr fields %.*s%s`\n", STR_ARG(s->name),
                   app->hint);
}

static void write_waiting(struct app *app, const struct standing *s)
{
    if (s->conflicts > 0) {
        out_text(&std_out, "  conflicts ");
        out_styled(&std_out, STYLE_WARN, "waiting");
        out_printf(&std_out,
                   ": %" PRId64 " for a decision; see `fastenr conflicts list --connection "
                   "%.*s%s`\n",
                   s->conflicts, STR_ARG(s->name), app->hint);
    }
    if (s->refused + s->doubted == 0)
        return;
    out_text(&std_out, "  writes    ");
    out_styled(&std_out, STYLE_WARN, s->refused > 0 ? "refused" : "in doubt");
    out_printf(&std_out, ": %" PRId64, s->refused > 0 ? s->refused : s->doubted);
    if (s->refused > 0 && s->doubted > 0)
        out_printf(&std_out, ", and %" PRId64 " in doubt", s->doubted);
    out_printf(&std_out, "; see `fastenr writes list --connection %.*s%s`\n", STR_ARG(s->name),
               app->hint);
}

static void write_run(const char *what, const struct run_row *run, int64_t now)
{
    char when[FORMAT_TEXT], took[TIME_TEXT];
    out_printf(&std_out, "  %s ", what);
    out_styled(&std_out, format_status_style(run->status), run_status_name(run->status));
    out_printf(&std_out, ", %s, %s %s, run %" PRId64 " by %.*s\n",
               format_when(run->started_at, now, when), run->status == RUN_RUNNING ? "for" : "took",
               time_format_span(run_took(run, now), took), run->id, STR_ARG(run->started_by));
    if (run->reason.len > 0)
        out_printf(&std_out, "            %.*s\n", STR_ARG(run->reason));
}

static void write_head(struct app *app, const struct standing *s)
{
    char when[FORMAT_TEXT];
    int64_t now = world_now(&app->world);
    out_style(&std_out, STYLE_BOLD);
    out_str(&std_out, s->name);
    out_style(&std_out, STYLE_NONE);
    if (!s->config)
        out_text(&std_out, "  (its file is gone)");
    out_text(&std_out, "\n");
    if (s->reconnect.len > 0) {
        out_text(&std_out, "  account   ");
        out_styled(&std_out, STYLE_BAD, "error: reconnect");
        out_printf(&std_out, ": %.*s\n            run `fastenr connect %.*s%s`\n",
                   STR_ARG(s->reconnect), STR_ARG(s->name), app->hint);
    }
    if (!s->ran)
        out_text(&std_out, "  last run  never\n");
    else
        write_run("last run ", &s->last, now);
    if (s->beside.id != 0)
        write_run("beside it", &s->beside, now);
    write_pause(s, now);
    write_fields(app, s);
    write_waiting(app, s);
    if (s->config)
        out_printf(&std_out, "  schedule  %s", format_schedule(s->config, &app->arena));
    if (s->next_us > 0)
        out_printf(&std_out, ", due %s",
                   s->next_us <= now ? "now" : format_when(s->next_us, now, when));
    out_text(&std_out, s->config ? "\n" : "");
}

static void write_streams(struct app *app, const struct standing *s)
{
    struct table t = {.indent = "  "};
    table_key_column(&t, "OBJECT", false);
    table_key_column(&t, "BECOMES", false);
    table_key_column(&t, "LINKED", true);
    table_key_column(&t, "SET ASIDE", true);
    table_column(&t, "READ UP TO (UTC)", false);
    for (size_t i = 0; i < s->stream_count; i++) {
        const struct stream_row *row = &s->streams[i];
        char when[FORMAT_TEXT], text[FORMAT_TEXT];
        table_str(&t, row->vendor_object);
        table_str(&t, str_from(row->object ? row->object->name : "?"));
        table_number(&t, row->links);
        if (row->quarantined > 0)
            table_styled(&t, STYLE_WARN,
                         str_from(arena_printf(&t.arena, "%" PRId64, row->quarantined)));
        else
            table_number(&t, 0);
        if (row->state.walk != WALK_NONE)
            table_str(&t, STR("a read was interrupted: the next run goes on from there"));
        else if (row->state.has_watermark)
            table_printf(&t, "%s (%s)", format_time(row->state.watermark, text),
                         format_when(row->state.watermark, world_now(&app->world), when));
        else
            table_str(&t, STR("never"));
    }
    if (s->stream_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

/* ---- JSON ---- */

static void json_streams(struct json_writer *w, const struct standing *s)
{
    json_open(w, '[');
    for (size_t i = 0; i < s->stream_count; i++) {
        const struct stream_row *row = &s->streams[i];
        json_open(w, '{');
        json_key(w, "object");
        json_put_str(w, row->vendor_object);
        json_key(w, "canonical");
        json_put_text(w, row->object ? row->object->name : NULL);
        json_key(w, "linked");
        json_put_int(w, row->links);
        json_key(w, "quarantined");
        json_put_int(w, row->quarantined);
        json_key(w, "read_up_to");
        json_put_time(w, row->state.has_watermark ? row->state.watermark : 0);
        json_key(w, "reconciled_at");
        json_put_time(w, row->state.reconciled_at);
        json_key(w, "interrupted");
        json_put_bool(w, row->state.walk != WALK_NONE);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void json_fields(struct json_writer *w, const struct standing *s)
{
    json_open(w, '[');
    for (size_t i = 0; i < s->paused_count; i++) {
        const struct field_row *row = &s->paused[i];
        struct buf what = BUF_INIT(1000);
        drift_describe(&what, row);
        json_open(w, '{');
        json_key(w, "object");
        json_put_str(w, row->vendor_object);
        json_key(w, "field");
        json_put_str(w, row->name);
        json_key(w, "since");
        json_put_time(w, row->since);
        json_key(w, "why");
        json_put_text(w, buf_cstr(&what));
        json_close(w, '}');
        buf_free(&what);
    }
    json_close(w, ']');
}

static void json_standing(struct json_writer *w, const struct standing *s)
{
    json_open(w, '{');
    json_key(w, "connection");
    json_put_str(w, s->name);
    json_key(w, "configured");
    json_put_bool(w, s->config != NULL);
    json_key(w, "enabled");
    json_put_bool(w, s->config && s->config->enabled);
    json_key(w, "state");
    json_put_text(w, s->reconnect.len > 0 ? "error: reconnect" : "ok");
    json_key(w, "problem");
    json_put_text(w, s->reconnect.len > 0 ? s->reconnect.ptr : NULL);
    json_key(w, "last_run");
    if (s->ran)
        json_run(w, &s->last);
    else
        json_put_null(w);
    json_key(w, "run_beside");
    if (s->beside.id != 0)
        json_run(w, &s->beside);
    else
        json_put_null(w);
    json_key(w, "paused_since");
    json_put_time(w, s->pause.at);
    json_key(w, "next_due");
    json_put_time(w, s->next_us);
    json_key(w, "open_conflicts");
    json_put_int(w, s->conflicts);
    json_key(w, "refused_writes");
    json_put_int(w, s->refused);
    json_key(w, "doubted_writes");
    json_put_int(w, s->doubted);
    json_key(w, "paused_fields");
    json_fields(w, s);
    json_key(w, "objects");
    json_streams(w, s);
    json_close(w, '}');
}

/* ---- all ---- */

struct names {
    struct app *app;
    struct standing *items;
    size_t count, cap;
};

static void add_name(struct names *names, struct str name, const struct connection_config *config)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->items[i].name, name))
            return;
    struct arena *arena = &names->app->arena;
    names->items =
        arena_grow(arena, names->items, &names->cap, names->count + 1, sizeof names->items[0]);
    names->items[names->count++] =
        (struct standing){.name = arena_str(arena, name), .config = config};
}

static bool add_stored(void *arg, const struct stream_row *row)
{
    add_name(arg, row->connection, NULL);
    return true;
}

static int write_all(struct app *app, struct names *names, struct error *err)
{
    struct buf text = BUF_INIT(STATUS_JSON_MAX);
    struct json_writer w = {.out = &text};
    int rc = 0;
    json_open(&w, '[');
    for (size_t i = 0; i < names->count && rc == 0; i++) {
        rc = look(app, &names->items[i], err);
        if (rc != 0)
            break;
        if (app->json) {
            json_standing(&w, &names->items[i]);
            continue;
        }
        out_text(&std_out, i > 0 ? "\n" : "");
        write_head(app, &names->items[i]);
        write_streams(app, &names->items[i]);
    }
    json_close(&w, ']');
    if (app->json && rc == 0)
        out_json(&std_out, &text);
    buf_free(&text);
    return rc;
}

static int run_status(struct app *app, const struct arguments *args)
{
    struct names names = {.app = app};
    struct error err;
    (void)args;
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    if (app->catalog.problems.count > 0)
        complain("the configuration has %zu problem%s; `fastenr check` shows them",
                 app->catalog.problems.count, app->catalog.problems.count == 1 ? "" : "s");
    for (size_t i = 0; i < app->catalog.list.count; i++)
        add_name(&names, app->catalog.list.items[i].name, &app->catalog.list.items[i]);
    if (app->host.store->engine->each_stream(app->host.store, STR(""), add_stored, &names, &err) !=
            0 ||
        write_all(app, &names, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (names.count == 0 && !app->json)
        out_printf(&std_out, "no connections in %s\n", app->dir);
    return EXIT_DONE;
}

const struct command cmd_status = {
    .name = "status",
    .group = GROUP_LOOK,
    .arguments = "",
    .summary = "show how each connection stands",
    .text = "For each connection: the last run and its outcome, when the next is due, and for each "
            "object how\n"
            "many records are linked and set aside, and up to when the vendor's changes have been "
            "read; conflicts\n"
            "that wait for a decision, and writes that were refused. Works while `fastenr run` or "
            "`fastenr sync`\n"
            "is going.",
    .example = "fastenr status --json",
    .json = "one JSON array, an element a connection",
    .run = run_status};
