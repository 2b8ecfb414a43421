/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr link`: which record of the vendor's is which of ours, proposed and accepted. */
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "sync/linkup.h"
#include "sync/run.h"

enum { FILE_MAX = 1024 * 1024 * 1024, LINK_JSON_MAX = 64 * 1024 * 1024 };

static const struct command_option options[] = {
    {"propose", 0, "FILE", "read the vendor's records and write into FILE which is which"},
    {"accept", 0, "FILE", "make links of what was decided in FILE"},
    {0}};

struct proposing {
    struct app *app;
    struct run *run; /* NULL when none is under way */
    struct progress progress;
    struct linkup linkup;
    const char *file;
    bool cancelled, done;
    int exit_status;
};

static void put_count(struct json_writer *w, const char *name, int64_t count)
{
    json_key(w, name);
    json_put_int(w, count);
}

/* ---- what is proposed ---- */

static struct run_counts counts_of(const struct run_row *row, const struct linkup_object *object)
{
    for (size_t i = 0; i < row->stream_count; i++)
        if (str_eq(row->streams[i].vendor_object, object->setup->item->name))
            return row->streams[i].counts;
    return (struct run_counts){0};
}

static void propose_json(const struct proposing *p, const struct run_row *row, bool written)
{
    struct buf text = BUF_INIT(LINK_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_str_or_null(&w, "connection", row->connection);
    json_str_or_null(&w, "file", str_from(written ? p->file : ""));
    json_str_or_null(&w, "status", str_from(run_status_name(row->status)));
    json_str_or_null(&w, "reason", row->reason);
    put_count(&w, "api_calls", row->api_calls);
    json_key(&w, "objects");
    json_open(&w, '[');
    for (size_t i = 0; i < p->linkup.count; i++) {
        const struct linkup_object *o = &p->linkup.objects[i];
        const struct run_counts counts = counts_of(row, o);
        json_open(&w, '{');
        json_str_or_null(&w, "object", o->setup->item->name);
        for (enum linkup_how how = 0; how < LINKUP_HOWS; how++)
            put_count(&w, linkup_how_name(how), o->counts[how]);
        put_count(&w, "quarantined", counts.quarantined);
        put_count(&w, "filtered", counts.filtered);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static void write_counts(const struct proposing *p, const struct run_row *row)
{
    static const enum linkup_how order[] = {LINKUP_LINKED, LINKUP_MATCHED, LINKUP_AMBIGUOUS,
                                            LINKUP_NEW, LINKUP_ALONE};
    struct table t = {.indent = "  "};
    table_key_column(&t, "OBJECT", false);
    table_key_column(&t, "LINKED", true);
    table_key_column(&t, "BY KEY", true);
    table_key_column(&t, "AMBIGUOUS", true);
    table_key_column(&t, "NONE HERE", true);
    table_key_column(&t, "NONE THERE", true);
    table_key_column(&t, "INVALID", true);
    for (size_t i = 0; i < p->linkup.count; i++) {
        const struct linkup_object *o = &p->linkup.objects[i];
        table_str(&t, o->setup->item->name);
        for (size_t j = 0; j < sizeof order / sizeof order[0]; j++) {
            int64_t count = o->counts[order[j]];
            count += order[j] == LINKUP_AMBIGUOUS ? o->counts[LINKUP_UNSURE] : 0;
            count += order[j] == LINKUP_NEW ? o->counts[LINKUP_APART] : 0;
            table_number(&t, count);
        }
        table_number(&t, counts_of(row, o).quarantined);
    }
    if (p->linkup.count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

/* Whether our records without a partner would be created there when they change. */
static bool creates_there(const struct linkup *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->objects[i].counts[LINKUP_ALONE] > 0 && l->objects[i].setup->mapping.creates &&
            l->objects[i].setup->mapping.export_count > 0)
            return true;
    return false;
}

static int64_t sum_of(const struct linkup *l, enum linkup_how how)
{
    int64_t sum = 0;
    for (size_t i = 0; i < l->count; i++)
        sum += l->objects[i].counts[how];
    return sum;
}

static void propose_text(const struct proposing *p, const struct run_row *row)
{
    const char *hint = p->app->hint;
    int64_t open = sum_of(&p->linkup, LINKUP_AMBIGUOUS) + sum_of(&p->linkup, LINKUP_UNSURE);
    int64_t news = sum_of(&p->linkup, LINKUP_MATCHED) + sum_of(&p->linkup, LINKUP_NEW);
    out_printf(&std_out, "%.*s: proposed in %s, nothing else was written\n",
               STR_ARG(row->connection), p->file);
    write_counts(p, row);
    if (open > 0)
        out_printf(&std_out,
                   "%" PRId64 " record%s to be decided on: they stand first of each object's\n",
                   open, open == 1 ? " is" : "s are");
    if (creates_there(&p->linkup))
        out_text(&std_out, "What is NONE THERE is created there once it changes here\n");
    if (open + news == 0)
        out_printf(&std_out, "\nNext:\n  fastenr sync %.*s%s\n", STR_ARG(row->connection), hint);
    else
        out_printf(&std_out,
                   "\nNext: look through the file, then\n  fastenr link %.*s --accept %s%s\n",
                   STR_ARG(row->connection), p->file, hint);
}

/* ---- the run that proposes ---- */

static void on_signal(void *arg, int number)
{
    struct proposing *p = arg;
    if (number == SIGHUP && !std_err.terminal)
        return;
    out_clear_line(&std_err);
    if (p->cancelled)
        _exit(128 + number); /* nothing is written, and workers end with us */
    p->cancelled = true;
    complain("cancelling; once more ends at once");
    if (p->run)
        run_cancel(p->run);
}

static void on_progress(void *arg, const struct run_progress *progress)
{
    struct proposing *p = arg;
    progress_update(&p->progress, progress);
}

static bool write_file(const struct proposing *p)
{
    struct buf text = BUF_INIT(FILE_MAX);
    struct error err;
    linkup_write(&p->linkup, &text);
    int rc = text.full ? error_set(&err,
                                   "the proposal would be larger than %d MiB: propose "
                                   "objects one by one",
                                   FILE_MAX >> 20)
                       : file_replace(p->file, buf_view(&text), 0600, &err);
    buf_free(&text);
    if (rc != 0)
        complain("%s", err.text);
    return rc == 0;
}

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct proposing *p = arg;
    (void)crashed;
    progress_end(&p->progress);
    p->run = NULL;
    p->done = true;
    bool read = summary_exit(row) == EXIT_DONE, written = read && write_file(p);
    p->exit_status = written ? EXIT_DONE : EXIT_WORK_FAILED;
    if (p->app->json)
        propose_json(p, row, written);
    else if (written)
        propose_text(p, row);
    if (!read)
        complain("%.*s: %.*s", STR_ARG(row->connection), STR_ARG(row->reason));
}

static int propose(struct app *app, struct catalog_connection *connection, const char *file,
                   const struct str *objects, size_t object_count)
{
    static const struct run_events events = {.progress = on_progress, .done = on_done};
    struct proposing p = {.app = app, .file = file, .linkup = {.setup = &connection->setup}};
    const struct run_request request = {
        .objects = objects, .object_count = object_count, .linkup = &p.linkup};
    struct signals signals;
    struct error err;
    int rc = app_transport(app);
    if (rc != 0)
        return rc;
    if (signals_watch(&signals, app->world.loop, on_signal, &p, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    progress_begin(&p.progress, &app->world);
    p.run = run_start(&app->host, &connection->setup, &connection->connector->info.image, &request,
                      &events, &p);
    loop_run(app->world.loop, &p.done);
    signals_unwatch(&signals);
    linkup_free(&p.linkup);
    return p.exit_status;
}

/* ---- what is accepted ---- */

struct accepted {
    const char *file;
    struct linkup_decisions decisions;
    struct linkup_counts counts;
    struct problems problems;
    struct run_row row;
};

static void accept_json(const struct accepted *a)
{
    struct buf text = BUF_INIT(LINK_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_str_or_null(&w, "connection", a->row.connection);
    json_str_or_null(&w, "file", str_from(a->file));
    json_key(&w, "run");
    a->row.id > 0 ? json_put_int(&w, a->row.id) : json_put_null(&w);
    put_count(&w, "linked", a->counts.linked);
    put_count(&w, "apart", a->counts.apart);
    put_count(&w, "unchanged", a->counts.unchanged);
    put_count(&w, "undecided", a->decisions.left);
    json_key(&w, "mistakes");
    json_open(&w, '[');
    for (size_t i = 0; i < a->problems.count; i++) {
        json_open(&w, '{');
        put_count(&w, "line", a->problems.items[i].line);
        put_count(&w, "column", a->problems.items[i].column);
        json_str_or_null(&w, "text", str_from(a->problems.items[i].text));
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static void accept_text(const struct app *app, const struct accepted *a)
{
    const struct str connection = a->row.connection;
    out_printf(&std_out,
               "%.*s: %" PRId64 " linked, %" PRId64 " to be created here, %" PRId64
               " as they were, %" PRId64 " not decided on",
               STR_ARG(connection), a->counts.linked, a->counts.apart, a->counts.unchanged,
               a->decisions.left);
    if (a->row.id > 0)
        out_printf(&std_out, " (run %" PRId64 ")", a->row.id);
    out_printf(&std_out, "\n\nNext:\n  fastenr sync %.*s%s\n", STR_ARG(connection), app->hint);
}

static int read_decisions(struct catalog_connection *connection, struct accepted *a)
{
    struct buf text = BUF_INIT(FILE_MAX);
    struct error err;
    if (file_read(a->file, &text, &err) != 0) {
        complain("%s", err.text);
        buf_free(&text);
        return EXIT_USAGE;
    }
    linkup_read(a->file, text.len > 0 ? buf_view(&text) : STR(""), &connection->setup,
                &a->decisions, &a->problems);
    buf_free(&text);
    return 0;
}

static int tell(struct app *app, struct accepted *a, int rc, const struct error *err)
{
    problems_sort(&a->problems);
    if (app->json && (rc == 0 || a->row.id > 0))
        accept_json(a);
    else if (rc == 0 && a->problems.count == 0)
        accept_text(app, a);
    app_write_problems(&a->problems);
    if (rc != 0)
        complain("%.*s: %s", STR_ARG(a->row.connection), err->text);
    else if (a->problems.count > 0)
        complain("%zu mistake%s in %s: nothing was written", a->problems.count,
                 a->problems.count == 1 ? "" : "s", a->file);
    if (rc != 0)
        return EXIT_WORK_FAILED;
    return a->problems.count > 0 ? EXIT_USAGE : EXIT_DONE;
}

static int accept_file(struct app *app, struct catalog_connection *connection, const char *file)
{
    struct accepted a = {.file = file};
    struct error err;
    const char *by = arena_printf(&app->arena, "%.*s (link)", STR_ARG(app_user(app)));
    int rc = read_decisions(connection, &a);
    if (rc == 0)
        rc = tell(app, &a,
                  linkup_accept(&app->host, &connection->setup, &a.decisions, str_from(by),
                                &a.problems, &a.row, &a.counts, &app->arena, &err),
                  &err);
    linkup_decisions_free(&a.decisions);
    problems_free(&a.problems);
    return rc;
}

/* ---- the command ---- */

/* Those that are named; else all that are not the vendor's alone. */
static int choose_objects(struct app *app, const struct arguments *args,
                          const struct catalog_connection *connection, struct str **ret_names,
                          size_t *ret_count)
{
    const struct setup *setup = &connection->setup;
    size_t most = args->word_count + setup->object_count, n = 0;
    struct str *names = arena_new(&app->arena, most, sizeof names[0]);
    for (size_t i = 1; i < args->word_count; i++) {
        const struct object_setup *object = app_object(connection, args->words[i]);
        if (!object)
            return EXIT_USAGE;
        if (object->model->is_table) {
            complain("'%s' are not linked: they are the vendor's alone", args->words[i]);
            return EXIT_USAGE;
        }
        names[n++] = object->item->name;
    }
    for (size_t i = 0; i < setup->object_count && args->word_count < 2; i++)
        if (!setup->objects[i].model->is_table)
            names[n++] = setup->objects[i].item->name;
    *ret_names = names;
    *ret_count = n;
    return 0;
}

static int check_usage(const struct arguments *args)
{
    const char *to = argument_value(args, "propose"), *from = argument_value(args, "accept");
    if ((to != NULL) == (from != NULL)) {
        complain("'link' needs one of --propose FILE and --accept FILE");
        return EXIT_USAGE;
    }
    if (!from || args->word_count == 1)
        return 0;
    complain("--accept goes without objects: the file names them");
    return EXIT_USAGE;
}

static int run_link(struct app *app, const struct arguments *args)
{
    struct catalog_connection *connection;
    const char *to = argument_value(args, "propose"), *from = argument_value(args, "accept");
    struct str *objects;
    size_t count;
    int rc = check_usage(args);
    if (rc == 0)
        rc = app_connection(app, args->words[0], &connection);
    if (rc == 0)
        rc = choose_objects(app, args, connection, &objects, &count);
    if (rc == 0 && count == 0) {
        complain("'%s' has nothing to link: all that it syncs is the vendor's alone",
                 args->words[0]);
        rc = EXIT_USAGE;
    }
    if (rc == 0)
        rc = app_store(app, false);
    if (rc != 0)
        return rc;
    return to ? propose(app, connection, to, objects, count) : accept_file(app, connection, from);
}

const struct command cmd_link = {
    .name = "link",
    .group = GROUP_SYNC,
    .arguments = "CONNECTION [OBJECT...]",
    .summary = "see and decide which records are the same, before a first sync",
    .text =
        "--propose reads all of the vendor's records, writes nothing to the store, and puts into\n"
        "FILE, for a spreadsheet, which record of the vendor's would be linked with which of\n"
        "ours, which are ambiguous, and which have no partner. In its last column a person says\n"
        "link, create (a new record here, whatever matches) or nothing, which leaves it to the\n"
        "sync. --accept checks the file and makes links of that; the next sync goes on with them.\n"
        "\n"
        "Exit status 2 when there are mistakes in FILE: all are shown, and nothing is written.",
    .example = "fastenr link hubspot companies --propose links.csv",
    .json = "one JSON object with counts, and the mistakes of a file",
    .least_words = 1,
    .most_words = WORDS_MOST,
    .options = options,
    .run = run_link};
