/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr sync`: one run of a connection, now. */
#include <signal.h>
#include <unistd.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/plan_show.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "sync/run.h"

enum { LIMIT_DEFAULT = 100 };

static const struct command_option options[] = {
    {"full", 0, NULL, "read everything, not only what changed since the last run"},
    {"all", 0, NULL, "all enabled connections, one after another"},
    {"plan", 0, NULL, "write nothing: show every field that would change, on both sides"},
    {"plan-out", 0, "FILE", "keep that plan in a file: `fastenr apply FILE` does it"},
    {"limit", 'n', "N", "of a plan, show at most this many changes (100)"},
    {0}};

struct syncing {
    struct app *app;
    struct run *run; /* NULL when none is under way */
    struct progress progress;
    struct sync_plan *plan; /* of one that only plans; NULL: it syncs */
    int64_t limit;          /* of the changes that are shown */
    bool cancelled, done;
    int exit_status; /* the worst so far */
};

static void on_signal(void *arg, int number)
{
    struct syncing *s = arg;
    if (number == SIGHUP && !std_err.terminal)
        return;
    if (s->cancelled) {
        out_clear_line(&std_err);
        _exit(128 + number); /* the store is whole at any instant, and workers end with us */
    }
    s->cancelled = true;
    out_clear_line(&std_err);
    complain(s->plan ? "cancelling; once more ends at once"
                     : "cancelling: what has been read is kept; once more ends at once");
    if (s->run)
        run_cancel(s->run);
}

static void on_progress(void *arg, const struct run_progress *progress)
{
    struct syncing *s = arg;
    progress_update(&s->progress, progress);
}

/* The plan of a run that did not come to its end is none. */
static int show_plan(struct syncing *s, const struct run_row *row)
{
    struct error err;
    int rc = summary_exit(row);
    if (rc == EXIT_DONE && plan_file_close(s->plan->file, s->plan, &err) == 0 &&
        (s->app->json ? plan_show_json(s->plan, row, &err)
                      : plan_show(s->app, s->plan, row, s->limit, &err)) == 0)
        return EXIT_DONE;
    complain("%.*s: %.*s", STR_ARG(row->connection),
             STR_ARG(rc == EXIT_DONE ? str_from(err.text) : row->reason));
    return EXIT_WORK_FAILED;
}

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct syncing *s = arg;
    (void)crashed;
    progress_end(&s->progress);
    s->run = NULL;
    s->done = true;
    if (s->plan) {
        s->exit_status = show_plan(s, row);
        return;
    }
    if (s->app->json)
        summary_json(row);
    else
        summary_write(s->app, row, &s->progress);
    if (s->app->json && summary_exit(row) != EXIT_DONE)
        complain("%.*s: %.*s", STR_ARG(row->connection), STR_ARG(row->reason));
    if (summary_exit(row) > s->exit_status)
        s->exit_status = summary_exit(row);
}

static void sync_one(struct syncing *s, struct catalog_connection *connection,
                     const struct run_request *request)
{
    static const struct run_events events = {.progress = on_progress, .done = on_done};
    struct app *app = s->app;
    s->done = false;
    progress_begin(&s->progress, &app->world);
    s->run = run_start(&app->host, &connection->setup, &connection->connector->info.image, request,
                       &events, s);
    loop_run(app->world.loop, &s->done);
}

static int make_request(struct app *app, const struct arguments *args,
                        const struct catalog_connection *connection, struct run_request *request)
{
    size_t count = args->word_count > 1 ? args->word_count - 1 : 0;
    struct str *names = arena_new(&app->arena, count, sizeof names[0]);
    *request = (struct run_request){.objects = names,
                                    .object_count = count,
                                    .full = argument_given(args, "full"),
                                    .started_by = app_user(app)};
    for (size_t i = 0; i < count; i++) {
        names[i] = str_from(args->words[i + 1]);
        if (!app_object(connection, args->words[i + 1]))
            return EXIT_USAGE;
    }
    return 0;
}

/* Into a file, or one that has no name. */
static int plan_one(struct syncing *s, const struct arguments *args,
                    struct catalog_connection *connection, struct run_request *request)
{
    struct app *app = s->app;
    struct sync_plan plan = {0};
    char mapping[PLAN_MAPPING];
    struct error err;
    int rc = plan_mapping(&connection->setup, mapping, &err);
    const struct plan_origin origin = {.connection = connection->config->name,
                                       .mapping = str_from(mapping),
                                       .by = app_user(app),
                                       .at = world_now(&app->world)};
    if (rc == 0)
        plan.file = plan_file_new(argument_value(args, "plan-out"), app->host.store, &origin, &err);
    if (!plan.file) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    s->plan = request->plan = &plan;
    sync_one(s, connection, request);
    plan_free(&plan);
    s->plan = NULL;
    return s->exit_status;
}

static int sync_all(struct syncing *s, const struct arguments *args)
{
    struct app *app = s->app;
    struct run_request request;
    int rc = make_request(app, args, NULL, &request);
    for (size_t i = 0; i < app->catalog.count && rc == 0 && !s->cancelled; i++) {
        struct catalog_connection *c = &app->catalog.connections[i];
        if (c->ready && c->config->enabled)
            sync_one(s, c, &request);
    }
    app_write_problems(&app->catalog.problems);
    return app->catalog.problems.count > 0 ? EXIT_USAGE : rc;
}

static bool plans(const struct arguments *args)
{
    return argument_given(args, "plan") || argument_value(args, "plan-out");
}

static int prepare(struct app *app, const struct arguments *args,
                   struct catalog_connection **ret_connection, struct run_request *request)
{
    bool all = argument_given(args, "all");
    if (all == (args->word_count > 0)) {
        complain(all ? "--all goes without the name of a connection"
                     : "'sync' needs a connection: fastenr sync CONNECTION, or fastenr sync --all");
        return EXIT_USAGE;
    }
    int rc = all ? app_all_connections(app) : app_connection(app, args->words[0], ret_connection);
    if (rc == 0 && all && plans(args)) {
        complain("a plan is of one connection: --plan goes without --all");
        return EXIT_USAGE;
    }
    if (rc == 0 && !all)
        rc = make_request(app, args, *ret_connection, request);
    if (rc == 0)
        rc = app_store(app, true);
    return rc != 0 ? rc : app_transport(app);
}

static int run_sync(struct app *app, const struct arguments *args)
{
    struct syncing s = {.app = app, .limit = LIMIT_DEFAULT};
    struct signals signals;
    struct catalog_connection *connection = NULL;
    struct run_request request;
    struct error err;
    if (argument_number(args, "limit", 0, &s.limit, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    if (argument_given(args, "limit") && !plans(args)) {
        complain("--limit is of the changes that --plan shows: it goes with --plan");
        return EXIT_USAGE;
    }
    int rc = prepare(app, args, &connection, &request);
    if (rc != 0)
        return rc;
    if (signals_watch(&signals, app->world.loop, on_signal, &s, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (connection && plans(args))
        rc = plan_one(&s, args, connection, &request);
    else if (connection)
        sync_one(&s, connection, &request);
    else
        rc = sync_all(&s, args);
    signals_unwatch(&signals);
    return rc > s.exit_status ? rc : s.exit_status;
}

const struct command cmd_sync = {
    .name = "sync",
    .group = GROUP_SYNC,
    .arguments = "CONNECTION [OBJECT...]",
    .summary = "bring records in now",
    .text =
        "Reads what changed at the vendor's since the last run (the first time everything), "
        "maps it and\n"
        "commits it to the store, together with how far it got: ended at any instant, the next "
        "run goes on\n"
        "from the last commit. Ctrl-C ends it in good order, a second one at once.\n"
        "With --plan the same is done and nothing is kept: what would change is shown, field by\n"
        "field, here and at the vendor. --plan-out keeps that in a file for `fastenr apply`.\n"
        "\n"
        "Exit status 0 when it went through, also when records were set aside, writes refused or "
        "conflicts\n"
        "left to a person, which warnings and \"status\":\"quarantined\" say; 1 when it failed, "
        "was stopped by a guard, or cancelled.",
    .example = "fastenr sync hubspot companies",
    .json =
        "one JSON object with what the run did; of a plan a line for each change, then the counts",
    .most_words = WORDS_MOST,
    .options = options,
    .run = run_sync};
