/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr rollback`: takes a run back. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/app.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "sync/rollback.h"

enum { ITEM_JSON_MAX = 64 * 1024 * 1024, SHOWN_LEFT = 50, SHOWN_DONE = 20, SHOWN_TEXT = 200 };

static const struct command_option options[] = {
    {"plan", 0, NULL, "only say what would be taken back, and what not"},
    {"object", 0, "OBJECT", "only records of this object: ours, or the vendor's"},
    {"record", 0, "ID", "only this record of ours"},
    {"field", 0, "FIELD", "only this field of ours; a custom one is custom_fields.NAME"},
    {"yes", 0, NULL, "do it without asking"},
    {0}};

/* Rows of a table that are shown, of how many. */
struct sample {
    struct table table;
    int64_t shown, count, most;
};

struct rolling {
    struct app *app;
    const struct arguments *args;
    int64_t run;
    struct catalog_connection *connection; /* NULL: of a merge */
    struct rollback_request request;
    struct rollback_report report;
    struct sample done, left;
    int64_t told_at; /* of the progress; monotonic */
    bool on_screen, cancelled;
    struct arena arena;
};

static struct str name_of(const struct rolling *r)
{
    return r->connection ? r->connection->config->name : STR("a merge");
}

/* ---- what is told ---- */

static const char *verdict_name(enum rollback_verdict verdict)
{
    static const char *const names[] = {[ROLLBACK_DONE] = "done",
                                        [ROLLBACK_LEFT] = "left",
                                        [ROLLBACK_REFUSED] = "refused",
                                        [ROLLBACK_IRREVERSIBLE] = "irreversible"};
    return names[verdict];
}

static const char *act_name(enum rollback_act act)
{
    static const char *const names[] = {
        [ROLLBACK_CHANGE] = "change", [ROLLBACK_END] = "end", [ROLLBACK_REVIVE] = "revive"};
    return names[act];
}

/* A value; the key of a record as its id. */
static void put_value(struct rolling *r, const struct rollback_item *item, struct str json,
                      struct buf *out)
{
    struct store *store = r->app->host.store;
    struct arena arena = {0};
    struct record_row row = {0};
    struct error err;
    char id[UUID_TEXT];
    int64_t key;
    bool refers =
        item->refers && str_to_i64(json, &key) &&
        store->engine->load_records(store, item->refers, &key, 1, &row, &arena, &err) == 0;
    if (refers && row.key != 0)
        buf_printf(out, "\"%s\"", uuid_format(&row.id, id));
    else
        buf_str(out, json.len > 0 ? json : STR("null"));
    arena_free(&arena);
}

static void json_value(struct rolling *r, struct json_writer *w, const char *name,
                       const struct rollback_item *item, struct str json)
{
    struct buf text = BUF_INIT(ITEM_JSON_MAX);
    put_value(r, item, json, &text);
    json_key(w, name);
    json_put_raw(w, buf_view(&text));
    buf_free(&text);
}

static void json_item(struct rolling *r, const struct rollback_item *item)
{
    struct buf text = BUF_INIT(ITEM_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "verdict");
    json_put_text(&w, verdict_name(item->verdict));
    json_key(&w, "act");
    json_put_text(&w, act_name(item->act));
    json_key(&w, "there");
    json_put_bool(&w, item->there);
    json_key(&w, "object");
    json_put_str(&w, item->object);
    json_str_or_null(&w, "record", item->record);
    json_str_or_null(&w, "field", item->field);
    json_value(r, &w, "from", item, item->from);
    json_value(r, &w, "to", item, item->to);
    json_str_or_null(&w, "why", item->why);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static void cell_cut(struct table *t, struct str text)
{
    int len = text.len < SHOWN_TEXT ? (int)text.len : SHOWN_TEXT;
    table_printf(t, "%.*s%s", len, text.ptr, (size_t)len < text.len ? "..." : "");
}

static const char *what_ends(const struct rollback_item *item)
{
    if (item->act == ROLLBACK_END)
        return item->there ? "(archive it)" : "(end it)";
    return item->act == ROLLBACK_REVIVE ? "(let it live again)" : "(all of it)";
}

static void cell_value(struct rolling *r, struct table *t, const struct rollback_item *item,
                       struct str json)
{
    struct buf text = BUF_INIT(ITEM_JSON_MAX);
    if (item->field.len > 0)
        put_value(r, item, json, &text);
    cell_cut(t, buf_view(&text));
    buf_free(&text);
}

static void sample_item(struct rolling *r, struct sample *s, const struct rollback_item *item)
{
    bool done = item->verdict == ROLLBACK_DONE;
    if (++s->count > s->most)
        return;
    s->shown++;
    table_str(&s->table, item->there ? STR("there") : STR("here"));
    table_str(&s->table, item->object);
    table_str(&s->table, item->record.len > 0 ? item->record : STR("-"));
    table_str(&s->table, item->field.len > 0 ? item->field : str_from(what_ends(item)));
    if (done) {
        cell_value(r, &s->table, item, item->from);
        cell_value(r, &s->table, item, item->to);
    } else {
        cell_cut(&s->table, item->why);
    }
}

static void on_item(void *arg, const struct rollback_item *item)
{
    struct rolling *r = arg;
    if (r->app->json)
        json_item(r, item);
    else
        sample_item(r, item->verdict == ROLLBACK_DONE ? &r->done : &r->left, item);
}

static void on_progress(void *arg, int64_t done, int64_t of)
{
    struct rolling *r = arg;
    char a[FORMAT_TEXT], b[FORMAT_TEXT];
    int64_t now = world_monotonic(&r->app->world);
    loop_turn(r->app->world.loop, 0); /* for signals */
    if (!std_err.terminal || now - r->told_at < US_PER_SECOND / 5)
        return;
    r->told_at = now;
    r->on_screen = true;
    out_clear_line(&std_err);
    out_printf(&std_err, "%s of %s changes", format_count(done, a), format_count(of, b));
    out_flush(&std_err);
}

static void on_signal(void *arg, int number)
{
    struct rolling *r = arg;
    if (number == SIGHUP && !std_err.terminal)
        return;
    out_clear_line(&std_err);
    if (r->cancelled)
        _exit(128 + number); /* the store is whole at any instant */
    r->cancelled = true;
    complain("cancelling: what is taken back stays so, and the same command goes on; once more "
             "ends at once");
}

/* ---- the report ---- */

static void begin_sample(struct sample *s, int64_t most, bool done)
{
    *s = (struct sample){.most = most};
    table_key_column(&s->table, "SIDE", false);
    table_key_column(&s->table, "OBJECT", false);
    table_key_column(&s->table, "RECORD", false);
    table_key_column(&s->table, "FIELD", false);
    table_column(&s->table, done ? "FROM" : "WHY", false);
    if (done)
        table_column(&s->table, "BACK TO", false);
}

static void end_sample(struct rolling *r, struct sample *s, const char *title)
{
    if (s->shown > 0) {
        out_printf(&std_out, "%s:\n", title);
        table_write(&s->table, &std_out);
    }
    if (s->count > s->shown)
        out_printf(&std_out,
                   "... and %" PRId64 " more; all of them: the same with --plan --json%s\n",
                   s->count - s->shown, r->app->hint);
    if (s->shown > 0)
        out_text(&std_out, "\n");
    table_free(&s->table);
}

static void write_totals(const struct rollback_report *report)
{
    static const char *const titles[] = {"CHANGED BACK", "ENDED",   "LIVE AGAIN",
                                         "LEFT",         "REFUSED", "IRREVERSIBLE"};
    struct table t = {.indent = "  "};
    table_key_column(&t, "SIDE", false);
    table_key_column(&t, "OBJECT", false);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_key_column(&t, titles[i], true);
    for (size_t i = 0; i < report->total_count; i++) {
        const struct rollback_total *total = &report->totals[i];
        const int64_t numbers[] = {total->changed, total->ended,   total->revived,
                                   total->left,    total->refused, total->irreversible};
        table_str(&t, total->there ? STR("there") : STR("here"));
        table_str(&t, total->object);
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++)
            table_number(&t, numbers[j]);
    }
    if (report->total_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

static void write_report(struct rolling *r)
{
    const struct rollback_report *report = &r->report;
    struct str name = name_of(r);
    bool plan = r->request.plan;
    if (plan)
        end_sample(r, &r->done, "Would be taken back");
    else
        table_free(&r->done.table);
    end_sample(r, &r->left, plan ? "Would be left" : "Left");
    if (plan)
        out_printf(&std_out, "Run %" PRId64 " of %.*s would be taken back:\n", r->run,
                   STR_ARG(name));
    else
        out_printf(&std_out, "Run %" PRId64 " of %.*s was taken back, by run %" PRId64 ":\n",
                   r->run, STR_ARG(name), report->run);
    write_totals(report);
    if (report->total_count == 0)
        out_text(&std_out, "  nothing: it changed nothing, or all of it is as before already\n");
    if (plan)
        out_text(&std_out, "Nothing was changed.\n");
}

static void json_total(struct json_writer *w, const struct rollback_total *t)
{
    const struct {
        const char *name;
        int64_t count;
    } counts[] = {{"changed", t->changed}, {"ended", t->ended},
                  {"revived", t->revived}, {"left", t->left},
                  {"refused", t->refused}, {"irreversible", t->irreversible}};
    json_open(w, '{');
    json_key(w, "there");
    json_put_bool(w, t->there);
    json_key(w, "object");
    json_put_str(w, t->object);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_key(w, counts[i].name);
        json_put_int(w, counts[i].count);
    }
    json_close(w, '}');
}

static void json_report(const struct rolling *r)
{
    const struct rollback_report *report = &r->report;
    struct buf text = BUF_INIT(ITEM_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "run");
    report->run != 0 ? json_put_int(&w, report->run) : json_put_null(&w);
    json_key(&w, "rolls_back");
    json_put_int(&w, r->run);
    json_key(&w, "connection");
    r->connection ? json_put_str(&w, name_of(r)) : json_put_null(&w);
    json_key(&w, "plan");
    json_put_bool(&w, r->request.plan);
    json_key(&w, "status");
    json_put_text(&w, run_status_name(report->status));
    json_str_or_null(&w, "reason", str_from(report->reason));
    json_key(&w, "api_calls");
    json_put_int(&w, report->api_calls);
    json_key(&w, "objects");
    json_open(&w, '[');
    for (size_t i = 0; i < report->total_count; i++)
        json_total(&w, &report->totals[i]);
    json_close(&w, ']');
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* ---- what is asked ---- */

static int find_connection(struct rolling *r)
{
    struct error err;
    struct str name;
    int found = rollback_connection(r->app->host.store, r->run, &r->arena, &name, &err);
    if (found < 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (found == 0) {
        complain("there is no run %" PRId64 "; `fastenr runs` lists them", r->run);
        return EXIT_USAGE;
    }
    if (name.len == 0) /* a merge of two records, which nothing is asked of the vendors for */
        return 0;
    if (!catalog_find(&r->app->catalog, name)) {
        complain("run %" PRId64 " is of the connection '%.*s', which has no file any more: put it "
                 "back to take the run back",
                 r->run, STR_ARG(name));
        return EXIT_USAGE;
    }
    return app_connection(r->app, name.ptr, &r->connection);
}

static int find_object(struct rolling *r)
{
    const char *word = argument_value(r->args, "object");
    if (!word)
        return 0;
    r->request.object = model_object(str_from(word));
    if (r->request.object)
        return 0;
    if (!r->connection) {
        complain("there is no canonical object '%s'", word);
        return EXIT_USAGE;
    }
    const struct object_setup *object = app_object(r->connection, word);
    r->request.object = object ? object->model : NULL;
    return object ? 0 : EXIT_USAGE;
}

/* The ids of records are unlike, whatever they are of. */
static int find_record(struct rolling *r)
{
    const char *word = argument_value(r->args, "record");
    const struct model_object *only = r->request.object;
    struct store *store = r->app->host.store;
    struct uuid id;
    struct error err;
    int64_t organization, key = 0;
    if (!word)
        return 0;
    if (!uuid_parse(str_from(word), &id)) {
        complain("'%s' is no id of a record (a UUID, as `fastenr records` shows it)", word);
        return EXIT_USAGE;
    }
    int rc = store->engine->organization(store, &r->app->host.organization, &organization, &err);
    for (size_t i = 0; i < model_object_count && rc == 0 && key == 0; i++) {
        if (only && only != &model_objects[i])
            continue;
        r->request.object = &model_objects[i];
        rc = store->engine->find_record(store, &model_objects[i], organization, &id, &key, &err);
    }
    r->request.record = key;
    if (rc == 0 && key != 0)
        return 0;
    complain("%s", rc != 0 ? err.text : "there is no record with that id");
    return rc != 0 ? EXIT_WORK_FAILED : EXIT_USAGE;
}

static int find_field(struct rolling *r)
{
    const char *word = argument_value(r->args, "field");
    struct str name = str_from(word ? word : "");
    bool known = name.len == 0 || str_starts(name, "custom_fields.");
    for (size_t i = 0; i < model_object_count && !known; i++)
        if (!r->request.object || r->request.object == &model_objects[i])
            known = model_field(&model_objects[i], name) >= 0;
    r->request.field = name;
    if (known)
        return 0;
    complain("there is no field '%s'; a custom field is written custom_fields.NAME", word);
    return EXIT_USAGE;
}

static int prepare(struct rolling *r)
{
    const char *word = r->args->words[0];
    if (!str_to_i64(str_from(word), &r->run) || r->run < 1) {
        complain("'%s' is no number of a run; `fastenr runs` lists them", word);
        return EXIT_USAGE;
    }
    int rc = app_store(r->app, false);
    if (rc == 0)
        rc = find_connection(r);
    if (rc == 0)
        rc = find_object(r);
    if (rc == 0)
        rc = find_record(r);
    if (rc == 0)
        rc = find_field(r);
    return rc == 0 && r->connection ? app_transport(r->app) : rc;
}

/* ---- doing it ---- */

static int exit_of(const struct rolling *r)
{
    enum run_status status = r->report.status;
    if (status == RUN_OK || status == RUN_QUARANTINED)
        return EXIT_DONE;
    complain("%.*s: %s", STR_ARG(name_of(r)), r->report.reason);
    return EXIT_WORK_FAILED;
}

static int roll_back(struct rolling *r, bool plan)
{
    static const struct rollback_events events = {.item = on_item, .progress = on_progress};
    struct signals signals; /* not while it asks */
    struct error err;
    r->request.host = &r->app->host;
    if (r->connection) {
        r->request.setup = &r->connection->setup;
        r->request.image = &r->connection->connector->info.image;
    }
    r->request.run = r->run;
    r->request.by = app_user(r->app);
    r->request.plan = plan;
    r->request.cancelled = &r->cancelled;
    begin_sample(&r->done, SHOWN_DONE, true);
    begin_sample(&r->left, SHOWN_LEFT, false);
    int rc = signals_watch(&signals, r->app->world.loop, on_signal, r, &err);
    if (rc == 0) {
        rc = rollback_run(&r->request, &events, r, &r->report, &err);
        signals_unwatch(&signals);
    }
    if (r->on_screen)
        out_clear_line(&std_err);
    if (rc != 0) {
        table_free(&r->done.table);
        table_free(&r->left.table);
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (r->app->json)
        json_report(r);
    else
        write_report(r);
    return exit_of(r);
}

/* What would be is shown first; where there is a terminal, it is asked for. */
static int plan_and_ask(struct rolling *r)
{
    bool only_plan = argument_given(r->args, "plan");
    int rc = roll_back(r, true);
    if (rc != 0 || only_plan)
        return rc;
    if (r->app->json || !isatty(STDIN_FILENO)) {
        out_flush(&std_out);
        complain("nothing is taken back: there is nobody to ask. To do what is shown above: the "
                 "same with --yes%s",
                 r->app->hint);
        return EXIT_USAGE;
    }
    return ask_yes("Take it back?") ? roll_back(r, false) : EXIT_DONE;
}

static int run_rollback(struct app *app, const struct arguments *args)
{
    struct rolling r = {.app = app, .args = args};
    int rc = prepare(&r);
    bool asks = argument_given(args, "plan") || !argument_given(args, "yes");
    if (rc == 0)
        rc = asks ? plan_and_ask(&r) : roll_back(&r, false);
    arena_free(&r.arena);
    return rc;
}

const struct command cmd_rollback = {
    .name = "rollback",
    .group = GROUP_SYNC,
    .arguments = "RUN",
    .summary = "take a run back, here and at the vendor",
    .text =
        "What the run changed gets the value it had before, here and, where the run wrote to the\n"
        "vendor, there; what it made ends, and what it ended lives again. What somebody has\n"
        "changed since is left, and told by name, as is what cannot be undone. The rollback is a\n"
        "run itself, and can be taken back. Ended in the middle, the same command goes on.\n"
        "\n"
        "Without --yes it shows what would be, and asks. Exit status 0 also when something was\n"
        "left, 1 when it did not come to its end.",
    .example = "fastenr rollback 42 --plan",
    .json = "one JSON object a line for each field and record, then one with counts",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_rollback};
