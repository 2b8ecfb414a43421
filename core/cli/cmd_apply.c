/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr apply`: what a plan says is done. */
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "sync/run.h"

enum { APPLY_JSON_MAX = 16 * 1024 * 1024 };

static const struct command_option options[] = {{0}};

struct applying {
    struct app *app;
    struct run *run; /* NULL when none is under way */
    struct apply apply;
    struct progress progress;
    bool cancelled, done;
    int exit_status;
};

/* ---- the outcome ---- */

static void put_text(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    if (text.len > 0)
        json_put_str(w, text);
    else
        json_put_null(w);
}

static void put_refusals(struct json_writer *w, const struct apply *apply)
{
    json_key(w, "refusals");
    json_open(w, '[');
    for (size_t i = 0; i < apply->refusal_count; i++) {
        const struct apply_refusal *r = &apply->refusals[i];
        json_open(w, '{');
        put_text(w, "object", r->object);
        put_text(w, "side", str_from(plan_side_name(r->side)));
        put_text(w, "op", str_from(plan_op_name(r->op)));
        put_text(w, "external_id", r->external_id);
        put_text(w, "record_id", r->record_id);
        put_text(w, "reason", str_from(r->why));
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void write_json(const struct applying *a, const struct run_row *row)
{
    struct buf text = BUF_INIT(APPLY_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "applied");
    json_put_int(&w, a->apply.done);
    json_key(&w, "refused");
    json_put_int(&w, a->apply.refused);
    json_key(&w, "not_reached");
    json_put_int(&w, (int64_t)a->apply.reading->count - a->apply.done - a->apply.refused);
    put_refusals(&w, &a->apply);
    json_key(&w, "run");
    json_run(&w, row);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static void write_refusals(const struct apply *apply)
{
    struct table t = {0};
    table_key_column(&t, "OBJECT", false);
    table_key_column(&t, "SIDE", false);
    table_key_column(&t, "CHANGE", false);
    table_key_column(&t, "EXTERNAL ID", false);
    table_key_column(&t, "RECORD ID", false);
    table_column(&t, "NOT DONE, AS", false);
    for (size_t i = 0; i < apply->refusal_count; i++) {
        const struct apply_refusal *r = &apply->refusals[i];
        table_str(&t, r->object);
        table_str(&t, str_from(plan_side_name(r->side)));
        table_str(&t, str_from(plan_op_name(r->op)));
        table_str(&t, r->external_id.len > 0 ? r->external_id : STR("-"));
        table_str(&t, r->record_id.len > 0 ? r->record_id : STR("-"));
        table_styled(&t, STYLE_WARN, str_from(r->why));
    }
    if (apply->refusal_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

static void write_outcome(const struct applying *a, const struct run_row *row)
{
    char done[FORMAT_TEXT], refused[FORMAT_TEXT];
    summary_write(a->app, row, &a->progress);
    if (a->apply.refusal_count > 0)
        out_text(&std_out, "\n");
    write_refusals(&a->apply);
    int64_t rest = (int64_t)a->apply.reading->count - a->apply.done - a->apply.refused;
    out_printf(&std_out, "\n%s change%s of the plan done, %s refused",
               format_count(a->apply.done, done), a->apply.done == 1 ? "" : "s",
               format_count(a->apply.refused, refused));
    if (rest > 0)
        out_printf(&std_out, ", %s not reached", format_count(rest, done));
    out_text(&std_out, "\n");
}

static bool all_done(const struct applying *a, const struct run_row *row)
{
    return summary_exit(row) == EXIT_DONE && a->apply.done == (int64_t)a->apply.reading->count;
}

/* ---- the run ---- */

static void on_signal(void *arg, int number)
{
    struct applying *a = arg;
    if (number == SIGHUP && !std_err.terminal)
        return;
    out_clear_line(&std_err);
    if (a->cancelled)
        _exit(128 + number); /* the store is whole at any instant, and workers end with us */
    a->cancelled = true;
    complain("cancelling: what has been done is kept; once more ends at once");
    if (a->run)
        run_cancel(a->run);
}

static void on_progress(void *arg, const struct run_progress *progress)
{
    struct applying *a = arg;
    progress_update(&a->progress, progress);
}

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct applying *a = arg;
    (void)crashed;
    progress_end(&a->progress);
    a->run = NULL;
    a->done = true;
    a->exit_status = all_done(a, row) ? EXIT_DONE : EXIT_WORK_FAILED;
    if (a->app->json)
        write_json(a, row);
    else
        write_outcome(a, row);
    if (a->app->json && summary_exit(row) != EXIT_DONE)
        complain("%.*s: %.*s", STR_ARG(row->connection), STR_ARG(row->reason));
}

static int apply_all(struct applying *a, struct catalog_connection *connection,
                     const struct run_request *request)
{
    static const struct run_events events = {.progress = on_progress, .done = on_done};
    struct app *app = a->app;
    struct signals signals;
    struct error err;
    if (signals_watch(&signals, app->world.loop, on_signal, a, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    progress_begin(&a->progress, &app->world);
    a->run = run_start(&app->host, &connection->setup, &connection->connector->info.image, request,
                       &events, a);
    loop_run(app->world.loop, &a->done);
    signals_unwatch(&signals);
    return a->exit_status;
}

/* ---- before anything is done ---- */

static int check_mapping(const struct plan_reading *plan, const struct setup *setup,
                         const char *path)
{
    char mapping[PLAN_MAPPING];
    struct error err;
    if (plan_mapping(setup, mapping, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (str_is(plan->origin.mapping, mapping))
        return 0;
    complain("%s was made with another configuration of '%.*s': its file or its connector has "
             "changed since; make the plan anew",
             path, STR_ARG(plan->origin.connection));
    return EXIT_WORK_FAILED;
}

/* Of the plan's, in the order in which they are synced. */
static void list_objects(struct app *app, const struct setup *setup, const struct apply *apply,
                         struct run_request *request)
{
    struct str *names = arena_new(&app->arena, setup->object_count, sizeof names[0]);
    request->objects = names;
    for (size_t i = 0; i < setup->object_count; i++) {
        struct str name = setup->objects[i].item->name;
        bool here = apply_wants(apply, name, PLAN_HERE);
        if (!here && !apply_wants(apply, name, PLAN_THERE))
            continue;
        names[request->object_count++] = name;
    }
}

static int open_plan(struct app *app, const char *path, struct plan_reading *plan,
                     struct catalog_connection **ret_connection)
{
    struct error err;
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    if (plan_reading_open(plan, path, app->host.store, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    rc = app_connection(app, plan->origin.connection.ptr, ret_connection);
    if (rc == 0)
        rc = check_mapping(plan, &(*ret_connection)->setup, path);
    return rc != 0 ? rc : app_transport(app);
}

static int run_apply(struct app *app, const struct arguments *args)
{
    struct plan_reading plan = {.fd = -1};
    struct applying a = {.app = app, .apply = {.reading = &plan}};
    struct catalog_connection *connection;
    struct run_request request = {.apply = &a.apply};
    int rc = open_plan(app, args->words[0], &plan, &connection);
    if (rc == 0)
        list_objects(app, &connection->setup, &a.apply, &request);
    request.started_by = str_from(
        arena_printf(&app->arena, "%.*s (apply %s)", STR_ARG(app_user(app)), args->words[0]));
    if (rc == 0 && request.object_count > 0)
        rc = apply_all(&a, connection, &request);
    else if (rc == 0)
        out_printf(&std_out, "the plan has no changes: nothing is done\n");
    apply_free(&a.apply);
    plan_reading_close(&plan);
    return rc;
}

const struct command cmd_apply = {
    .name = "apply",
    .group = GROUP_SYNC,
    .arguments = "FILE",
    .summary = "do what a plan says, and nothing else",
    .text =
        "FILE is of `fastenr sync CONNECTION --plan-out FILE`. Each record is read again before "
        "it\n"
        "is changed, on both sides: where a sync would now change anything else than the plan\n"
        "says, the record is refused by name and left to the next sync. A plan that was edited,\n"
        "or made with another store or another configuration, is refused as a whole.\n"
        "\n"
        "Exit status 0 when all of it was done; 1 when something was refused, or it failed.",
    .example = "fastenr apply monday.plan",
    .json = "one JSON object with the counts, what was refused, and the run",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_apply};
