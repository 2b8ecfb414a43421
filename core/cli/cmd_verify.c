/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr verify`: whether the vendor and the store have the same. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "sync/run.h"
#include "sync/verify.h"

enum { VERIFY_JSON_MAX = 512 * 1024 * 1024, LIMIT_DEFAULT = 100, LIMIT_MOST = 1000000 };

static const struct command_option options[] = {
    {"object", 'o', "OBJECT", "only this object of the vendor's"},
    {"repair", 0, NULL, "write the vendor's values where something differs: a run of its own"},
    {"limit", 'n', "N", "show at most this many differences (100); the counts are whole"},
    {0}};

struct verifying {
    struct app *app;
    struct run *run; /* NULL when none is under way */
    struct progress progress;
    struct verify verify;
    bool repair, cancelled, done;
    int exit_status;
};

/* ---- sums ---- */

static struct verify_object total_of(const struct verify *v)
{
    struct verify_object total = {0};
    for (size_t i = 0; i < v->object_count; i++) {
        total.compared += v->objects[i].compared;
        total.differ += v->objects[i].differ;
        for (size_t j = 0; j < DIFFERENCE_KINDS; j++)
            total.kinds[j] += v->objects[i].kinds[j];
    }
    return total;
}

static int64_t differences_of(const struct verify_object *object)
{
    int64_t sum = 0;
    for (size_t i = 0; i < DIFFERENCE_KINDS; i++)
        sum += object->kinds[i];
    return sum;
}

static int64_t quarantined_of(const struct run_row *row, struct str object)
{
    for (size_t i = 0; i < row->stream_count; i++)
        if (str_eq(row->streams[i].vendor_object, object))
            return row->streams[i].counts.quarantined;
    return 0;
}

static bool went_through(const struct run_row *row)
{
    return summary_exit(row) == EXIT_DONE;
}

static int exit_of(const struct verifying *v, const struct run_row *row)
{
    const struct verify_object total = total_of(&v->verify);
    bool equal = total.differ == 0 || v->repair;
    return went_through(row) && equal ? EXIT_DONE : EXIT_WORK_FAILED;
}

/* ---- JSON ---- */

static void put_count(struct json_writer *w, const char *name, int64_t count)
{
    json_key(w, name);
    json_put_int(w, count);
}

static void put_text(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    if (text.ptr)
        json_put_str(w, text);
    else
        json_put_null(w);
}

static void put_sums(struct json_writer *w, const struct verify_object *object, int64_t quarantined)
{
    put_count(w, "compared", object->compared);
    put_count(w, "differ", object->differ);
    for (size_t i = 0; i < DIFFERENCE_KINDS; i++)
        put_count(w, difference_name((enum difference_kind)i), object->kinds[i]);
    put_count(w, "quarantined", quarantined);
}

static void put_difference(struct json_writer *w, const struct difference *d)
{
    const struct str none = {0};
    json_open(w, '{');
    put_text(w, "object", d->object);
    put_text(w, "external_id", d->external_id);
    put_text(w, "record_id", d->record_id.len > 0 ? d->record_id : none);
    put_text(w, "field", d->field.len > 0 ? d->field : none);
    put_text(w, "here", d->here);
    put_text(w, "there", d->there);
    put_text(w, "kind", str_from(difference_name(d->kind)));
    json_close(w, '}');
}

static void put_objects(struct json_writer *w, const struct verify *v, const struct run_row *row)
{
    json_key(w, "objects");
    json_open(w, '[');
    for (size_t i = 0; i < v->object_count; i++) {
        json_open(w, '{');
        put_text(w, "object", v->objects[i].name);
        put_sums(w, &v->objects[i], quarantined_of(row, v->objects[i].name));
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void write_json(const struct verifying *v, const struct run_row *row)
{
    struct buf text = BUF_INIT(VERIFY_JSON_MAX);
    struct json_writer w = {.out = &text};
    const struct verify_object total = total_of(&v->verify);
    const struct str none = {0};
    json_open(&w, '{');
    put_text(&w, "connection", row->connection);
    put_text(&w, "status", str_from(run_status_name(row->status)));
    put_text(&w, "reason", row->reason.len > 0 ? row->reason : none);
    json_key(&w, "run");
    row->id > 0 ? json_put_int(&w, row->id) : json_put_null(&w);
    json_key(&w, "repaired");
    json_put_bool(&w, v->repair && went_through(row));
    put_count(&w, "api_calls", row->api_calls);
    put_sums(&w, &total, run_total(row).quarantined);
    put_objects(&w, &v->verify, row);
    json_key(&w, "differences");
    json_open(&w, '[');
    for (size_t i = 0; i < v->verify.count; i++)
        put_difference(&w, &v->verify.items[i]);
    json_close(&w, ']');
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* ---- for people ---- */

static void write_text(struct table *t, struct str text)
{
    table_str(t, text.ptr ? text : STR("-"));
}

static void write_differences(const struct verify *v)
{
    struct table t = {0};
    table_key_column(&t, "OBJECT", false);
    table_key_column(&t, "EXTERNAL ID", false);
    table_key_column(&t, "RECORD ID", false);
    table_key_column(&t, "FIELD", false);
    table_column(&t, "HERE", false);
    table_column(&t, "AT THE VENDOR", false);
    table_key_column(&t, "DRIFT", false);
    for (size_t i = 0; i < v->count; i++) {
        const struct difference *d = &v->items[i];
        table_str(&t, d->object);
        table_str(&t, d->external_id);
        table_str(&t, d->record_id.len > 0 ? d->record_id : STR("-"));
        table_str(&t, d->field.len > 0 ? d->field : STR("-"));
        write_text(&t, d->here);
        write_text(&t, d->there);
        table_styled(&t, STYLE_WARN, str_from(difference_name(d->kind)));
    }
    if (v->count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

static void write_kinds(const struct verify_object *total, size_t shown)
{
    char count[FORMAT_TEXT];
    bool first = true;
    int64_t all = differences_of(total);
    if (all == 0)
        return;
    if ((int64_t)shown < all)
        out_printf(&std_out, "%s more %s not shown (--limit)\n",
                   format_count(all - (int64_t)shown, count),
                   all - (int64_t)shown == 1 ? "is" : "are");
    out_text(&std_out, "\n");
    for (size_t i = 0; i < DIFFERENCE_KINDS; i++) {
        if (total->kinds[i] == 0)
            continue;
        out_printf(&std_out, "%s%s %s", first ? "" : ", ", format_count(total->kinds[i], count),
                   difference_name((enum difference_kind)i));
        first = false;
    }
    out_text(&std_out, "\n");
}

static void write_repairs(const struct run_row *row)
{
    const struct run_counts c = run_total(row);
    out_printf(&std_out,
               "repaired in run %" PRId64 ": %" PRId64 " created, %" PRId64 " updated, %" PRId64
               " deleted, %" PRId64 " restored\n",
               row->id, c.created, c.updated, c.deleted, c.restored);
}

static void write_summary(const struct verifying *v, const struct run_row *row)
{
    const struct verify_object total = total_of(&v->verify);
    int64_t quarantined = run_total(row).quarantined;
    char compared[FORMAT_TEXT], calls[FORMAT_TEXT], differ[FORMAT_TEXT];
    if (total.compared == 0 && !went_through(row)) {
        out_printf(&std_out, "%.*s: nothing was compared\n", STR_ARG(row->connection));
        return;
    }
    write_differences(&v->verify);
    write_kinds(&total, v->verify.count);
    if (quarantined > 0)
        out_printf(&std_out,
                   "%s record%s in quarantine, not compared: fastenr quarantine list %.*s%s\n",
                   format_count(quarantined, compared), quarantined == 1 ? "" : "s",
                   STR_ARG(row->connection), v->app->hint);
    if (v->repair && row->id > 0)
        write_repairs(row);
    out_printf(&std_out, "%.*s: %s record%s compared in %s API call%s, %s differ%s%s\n",
               STR_ARG(row->connection), format_count(total.compared, compared),
               total.compared == 1 ? "" : "s", format_count(row->api_calls, calls),
               row->api_calls == 1 ? "" : "s", format_count(total.differ, differ),
               total.differ == 1 ? "s" : "", went_through(row) ? "" : " so far");
    if (total.differ > 0 && !v->repair && went_through(row))
        out_printf(&std_out, "Next: fastenr verify %.*s --repair%s\n", STR_ARG(row->connection),
                   v->app->hint);
}

/* ---- the run ---- */

static void on_signal(void *arg, int number)
{
    struct verifying *v = arg;
    if (number == SIGHUP && !std_err.terminal)
        return;
    out_clear_line(&std_err);
    if (v->cancelled)
        _exit(128 + number); /* the store is whole at any instant, and workers end with us */
    v->cancelled = true;
    complain("cancelling; once more ends at once");
    if (v->run)
        run_cancel(v->run);
}

static void on_progress(void *arg, const struct run_progress *progress)
{
    struct verifying *v = arg;
    progress_update(&v->progress, progress);
}

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct verifying *v = arg;
    (void)crashed;
    progress_end(&v->progress);
    v->run = NULL;
    v->done = true;
    v->exit_status = exit_of(v, row);
    if (v->app->json)
        write_json(v, row);
    else
        write_summary(v, row);
    if (!went_through(row))
        complain("%.*s: %.*s", STR_ARG(row->connection), STR_ARG(row->reason));
}

static int verify_one(struct verifying *v, struct catalog_connection *connection,
                      const struct run_request *request)
{
    static const struct run_events events = {.progress = on_progress, .done = on_done};
    struct app *app = v->app;
    struct signals signals;
    struct error err;
    if (signals_watch(&signals, app->world.loop, on_signal, v, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    progress_begin(&v->progress, &app->world);
    v->run = run_start(&app->host, &connection->setup, &connection->connector->info.image, request,
                       &events, v);
    loop_run(app->world.loop, &v->done);
    signals_unwatch(&signals);
    return v->exit_status;
}

static int prepare(struct app *app, const struct arguments *args, struct verifying *v,
                   struct catalog_connection **ret_connection)
{
    struct error err;
    int64_t limit = LIMIT_DEFAULT;
    const char *object = argument_value(args, "object");
    if (argument_number(args, "limit", 0, &limit, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    v->verify.limit = (size_t)(limit < LIMIT_MOST ? limit : LIMIT_MOST);
    v->repair = argument_given(args, "repair");
    int rc = app_connection(app, args->words[0], ret_connection);
    if (rc == 0 && object && !app_object(*ret_connection, object))
        rc = EXIT_USAGE;
    if (rc == 0)
        rc = app_store(app, false);
    return rc != 0 ? rc : app_transport(app);
}

static int run_verify(struct app *app, const struct arguments *args)
{
    struct verifying v = {.app = app};
    struct catalog_connection *connection;
    int rc = prepare(app, args, &v, &connection);
    if (rc != 0)
        return rc;
    const char *name = argument_value(args, "object");
    const struct str object = str_from(name ? name : "");
    const char *by =
        v.repair ? arena_printf(&app->arena, "%.*s (verify --repair)", STR_ARG(app_user(app))) : "";
    const struct run_request request = {.objects = &object,
                                        .object_count = name ? 1 : 0,
                                        .started_by = str_from(by),
                                        .verify = &v.verify,
                                        .repair = v.repair};
    rc = verify_one(&v, connection, &request);
    verify_free(&v.verify);
    return rc;
}

const struct command cmd_verify = {
    .name = "verify",
    .group = GROUP_SYNC,
    .arguments = "CONNECTION",
    .summary = "prove that the vendor and the store have the same",
    .text =
        "Reads everything at the vendor's, and what is deleted there, and compares each record\n"
        "with what was last seen of it and with what is in the store; nothing is written. What\n"
        "differs is shown as changed_there, changed_here, missing_here, gone_there or back_there.\n"
        "With --repair the vendor's values are written, by a run with its log and guard rails.\n"
        "\n"
        "Exit status 0 when both are equal, or were made so; 1 when they differ, or it failed.",
    .example = "fastenr verify hubspot --object companies",
    .json = "one JSON object with counts, API calls and the differences",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_verify};
