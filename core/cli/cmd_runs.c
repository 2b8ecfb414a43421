/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr runs`: the run log. */
#include <inttypes.h>
#include <string.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"

enum { RUN_JSON_MAX = 1024 * 1024 };

static const struct command_option options[] = {
    {"connection", 0, "NAME", "only runs of this connection"},
    {"limit", 'n', "N", "at most this many, the latest first (20; 0: all)"},
    {0}};

struct listing {
    struct app *app;
    struct table table;
    size_t count;
    bool sent; /* a run has written something to its vendor */
};

static void write_json(const struct run_row *row)
{
    struct buf text = BUF_INIT(RUN_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_run(&w, row);
    out_json(&std_out, &text);
    buf_free(&text);
}

static bool list_run(void *arg, const struct run_row *row)
{
    struct listing *list = arg;
    struct table *t = &list->table;
    char when[FORMAT_TEXT], took[TIME_TEXT];
    list->count++;
    if (list->app->json) {
        write_json(row);
        return !std_out.gone;
    }
    struct run_counts total = run_total(row);
    table_number(t, row->id);
    table_str(t, row->connection);
    table_str(t, str_from(format_time(row->started_at, when)));
    table_str(t, str_from(time_format_span(run_took(row, world_now(&list->app->world)), took)));
    table_styled(t, format_status_style(row->status), str_from(run_status_name(row->status)));
    table_number(t, total.read);
    table_number(t, total.created);
    table_number(t, total.updated);
    table_number(t, total.deleted);
    table_number(t, total.quarantined);
    if (list->sent) {
        table_number(t, total.sent_created + total.sent_updated + total.sent_deleted);
        table_number(t, total.refused);
        table_number(t, total.conflicted);
    }
    table_str(t, row->started_by);
    table_str(t, row->reason);
    return true;
}

static bool find_sent(void *arg, const struct run_row *row)
{
    struct listing *list = arg;
    const struct run_counts total = run_total(row);
    list->sent = count_any_sent(&total);
    return !list->sent;
}

static void list_columns(struct table *t, bool sent)
{
    table_key_column(t, "RUN", true);
    table_key_column(t, "CONNECTION", false);
    table_key_column(t, "STARTED (UTC)", false);
    table_key_column(t, "TOOK", true);
    table_key_column(t, "OUTCOME", false);
    table_key_column(t, "READ", true);
    table_key_column(t, "CREATED", true);
    table_key_column(t, "UPDATED", true);
    table_key_column(t, "DELETED", true);
    table_key_column(t, "SET ASIDE", true);
    if (sent) {
        table_key_column(t, "SENT", true);
        table_key_column(t, "REFUSED", true);
        table_key_column(t, "CONFLICTS", true);
    }
    table_column(t, "BY", false);
    table_column(t, "REASON", false);
}

/* ---- one run ---- */

static void write_streams(const struct run_row *row)
{
    struct table t = {.indent = "  "};
    const struct run_counts total = run_total(row);
    size_t shown = count_any_sent(&total) ? COUNT_COLUMNS : COUNT_SENT;
    table_key_column(&t, "OBJECT", false);
    table_key_column(&t, "BECOMES", false);
    for (size_t i = 0; i < shown; i++)
        table_key_column(&t, count_titles[i], true);
    table_column(&t, "WINDOW (UTC)", false);
    for (size_t i = 0; i < row->stream_count; i++) {
        const struct run_stream_row *s = &row->streams[i];
        char since[FORMAT_TEXT], until[FORMAT_TEXT];
        int64_t values[COUNT_COLUMNS];
        count_values(&s->counts, values);
        table_str(&t, s->vendor_object);
        table_str(&t, s->object);
        for (size_t j = 0; j < shown; j++)
            table_number(&t, values[j]);
        if (s->mode == WALK_FULL)
            table_printf(&t, "everything, up to %s", format_time(s->until, until));
        else
            table_printf(&t, "%s to %s", format_time(s->since, since),
                         format_time(s->until, until));
    }
    if (row->stream_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

static bool show_run(void *arg, const struct run_row *row)
{
    struct listing *list = arg;
    char text[FORMAT_TEXT], span[TIME_TEXT];
    list->count++;
    if (list->app->json) {
        write_json(row);
        return true;
    }
    out_printf(&std_out, "Run %" PRId64 " of %.*s: ", row->id, STR_ARG(row->connection));
    out_styled(&std_out, format_status_style(row->status), run_status_name(row->status));
    out_printf(&std_out, "\n  started    %s UTC by %.*s\n", format_time(row->started_at, text),
               STR_ARG(row->started_by));
    out_printf(&std_out, "  took       %s, %s of it CPU time of the host\n",
               time_format_span(run_took(row, world_now(&list->app->world)), span),
               time_format_span(row->cpu_us, text));
    out_printf(&std_out, "  requests   %" PRId64 ", %s\n", row->api_calls,
               format_bytes(row->bytes, text));
    if (row->pruned_at != 0)
        out_printf(&std_out, "  pruned     what it changed is not known in whole since %s UTC\n",
                   format_time(row->pruned_at, text));
    if (row->reason.len > 0)
        out_printf(&std_out, "  reason     %.*s\n", STR_ARG(row->reason));
    if (row->phase.len > 0)
        out_printf(&std_out, "  phase      %.*s\n", STR_ARG(row->phase));
    if (row->exit_signal >= 0)
        out_printf(&std_out, "  signal     %d (%s)\n", row->exit_signal,
                   strsignal(row->exit_signal));
    if (row->exit_code >= 0)
        out_printf(&std_out, "  exit code  %d\n", row->exit_code);
    out_text(&std_out, "\n");
    write_streams(row);
    return true;
}

static int say_no_run(struct app *app, int64_t id, struct error *err)
{
    char when[FORMAT_TEXT];
    int64_t at;
    struct store *store = app->host.store;
    if (store->engine->last_pruned(store, PRUNE_RUNS, &at, err) != 0) {
        complain("%s", err->text);
        return EXIT_WORK_FAILED;
    }
    if (at != 0)
        complain("there is no run %" PRId64 " (old runs were pruned, last on %s UTC); `fastenr "
                 "runs` lists them",
                 id, format_time(at, when));
    else
        complain("there is no run %" PRId64 "; `fastenr runs` lists them", id);
    return EXIT_USAGE;
}

/* `connection` NULL: of all. */
static int list_all(struct app *app, const char *connection, int64_t limit)
{
    struct listing list = {.app = app};
    struct error err;
    struct store *store = app->host.store;
    struct str of = str_from(connection ? connection : "");
    int rc = app->json ? 0 : store->engine->each_run(store, of, 0, limit, find_sent, &list, &err);
    list_columns(&list.table, list.sent);
    if (rc == 0)
        rc = store->engine->each_run(store, of, 0, limit, list_run, &list, &err);
    if (rc != 0) {
        complain("%s", err.text);
        rc = EXIT_WORK_FAILED;
    } else if (list.count == 0) { /* of one that is not configured any more, there may be runs */
        rc = app_known(app, connection, NULL);
    }
    if (!app->json && list.count > 0)
        table_write(&list.table, &std_out);
    else if (!app->json && rc == 0)
        out_text(&std_out, "no runs yet\n");
    table_free(&list.table);
    return rc;
}

static int show_one(struct app *app, const char *word)
{
    struct listing list = {.app = app};
    struct error err;
    int64_t id;
    if (!str_to_i64(str_from(word), &id) || id < 1) {
        complain("'%s' is no number of a run; `fastenr runs` lists them", word);
        return EXIT_USAGE;
    }
    if (app->host.store->engine->each_run(app->host.store, STR(""), id, 1, show_run, &list, &err) !=
        0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (list.count > 0)
        return EXIT_DONE;
    return say_no_run(app, id, &err);
}

static int run_runs(struct app *app, const struct arguments *args)
{
    struct error err;
    int64_t limit = 20;
    const char *connection = argument_value(args, "connection");
    if (argument_number(args, "limit", 0, &limit, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    if (args->word_count == 1)
        return show_one(app, args->words[0]);
    return list_all(app, connection, limit);
}

const struct command cmd_runs = {
    .name = "runs",
    .group = GROUP_LOOK,
    .arguments = "[RUN]",
    .summary = "list past runs, or show one whole",
    .text =
        "Lists the latest runs. With the number of a run: what it read, created, changed and set "
        "aside of\n"
        "each object, over which window, with how many requests, and why it ended as it did. "
        "FOLLOWED are\n"
        "records of other objects that take fields of these, such as an owner's address, and were "
        "changed\n"
        "for that. SENT is what it wrote to the vendor, REFUSED what the vendor did not take, and "
        "CONFLICTS are\n"
        "fields that both sides had changed. An outcome is ok, quarantined (done, but records were "
        "set aside,\n"
        "writes refused, or conflicts wait for a decision), failed, stopped (by a guard), "
        "cancelled, or\n"
        "interrupted (fastenr itself was ended).",
    .example = "fastenr runs --connection hubspot -n 5",
    .json = "one JSON object a line, one line a run",
    .most_words = 1,
    .options = options,
    .run = run_runs};
