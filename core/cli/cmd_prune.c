/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr prune`: what is older than `retention` says, by hand. */
#include <inttypes.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "sync/retention.h"

enum { PRUNE_JSON_MAX = 8192 };
#define SHOW_US (US_PER_SECOND / 5)
/* Between steps, and as long as the step took: SQLite's lock is given to whoever asks when it is
 * free. */
#define PAUSE_LEAST_US (2 * US_PER_MS)

static const struct command_option options[] = {
    {"dry-run", 0, NULL, "only count what would go"},
    {"forget", 0, "NAME", "who follows the log under this name does so no more"},
    {0}};

struct pruning {
    struct app *app;
    struct retention_pass pass;
    int64_t shown_us;
    struct str held; /* empty: all that is old went */
};

/* ---- on the way ---- */

static void show(struct pruning *p)
{
    int64_t now = world_monotonic(&p->app->world);
    char count[FORMAT_TEXT];
    if (!std_err.terminal || p->app->json || now - p->shown_us < SHOW_US)
        return;
    p->shown_us = now;
    out_clear_line(&std_err);
    out_printf(&std_err, "%s: %s", retention_name(p->pass.step.kind),
               format_count(p->pass.pruned[p->pass.step.kind], count));
    out_flush(&std_err);
}

static int prune(struct pruning *p, bool only_count, struct error *err)
{
    struct app *app = p->app;
    retention_begin(&p->pass, app->host.store, &app->catalog.host.retention, only_count);
    while (!p->pass.done) {
        if (retention_step(&p->pass, err) != 0)
            return -1;
        show(p);
        if (!only_count)
            loop_turn(app->world.loop, p->pass.last_us + PAUSE_LEAST_US);
    }
    if (p->shown_us != 0)
        out_clear_line(&std_err);
    if (p->pass.hold != PRUNE_HELD_BY_CONSUMER)
        return 0;
    return retention_explain(app->host.store, &app->arena, &p->held, err);
}

/* ---- what came of it ---- */

static void write_json(const struct pruning *p)
{
    struct buf text = BUF_INIT(PRUNE_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "dry_run");
    json_put_bool(&w, p->pass.only_count);
    for (int kind = 1; kind < PRUNE_KINDS; kind++) {
        json_key(&w, retention_key((enum prune_kind)kind));
        json_put_int(&w, p->pass.pruned[kind]);
    }
    json_key(&w, "steps");
    json_put_int(&w, p->pass.steps);
    json_key(&w, "seconds");
    json_put_double(&w, (double)p->pass.took_us / (double)US_PER_SECOND);
    json_key(&w, "longest_step_seconds");
    json_put_double(&w, (double)p->pass.longest_us / (double)US_PER_SECOND);
    json_key(&w, "held_back");
    json_put_text(&w, p->held.len > 0 ? p->held.ptr : NULL);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static void write_table(const struct pruning *p)
{
    struct table t = {0};
    table_key_column(&t, "WHAT", false);
    table_key_column(&t, "KEPT FOR", true);
    table_key_column(&t, p->pass.only_count ? "WOULD GO" : "PRUNED", true);
    for (int kind = 1; kind < PRUNE_KINDS; kind++) {
        int64_t age = retention_age(p->pass.ages, (enum prune_kind)kind);
        table_str(&t, str_from(retention_name((enum prune_kind)kind)));
        table_str(&t, age == 0 ? STR("ever") : str_from(settings_span_text(age, &p->app->arena)));
        table_number(&t, p->pass.pruned[kind]);
    }
    table_write(&t, &std_out);
    table_free(&t);
}

static void write_text(const struct pruning *p)
{
    char took[TIME_TEXT], longest[TIME_TEXT];
    write_table(p);
    if (p->pass.only_count) {
        out_text(&std_out, "Nothing was changed.\n");
        return;
    }
    out_printf(&std_out, "%" PRId64 " steps of %s together, the longest %s.\n", p->pass.steps,
               time_format_span(p->pass.took_us, took),
               time_format_span(p->pass.longest_us, longest));
    if (retention_total(&p->pass) == 0)
        return;
    out_text(&std_out,
             store_is_file(p->app->host.store)
                 ? "The store's file takes new rows in their place; only VACUUM makes it smaller "
                   "(docs/operations.md).\n"
                 : "The server takes the room back by autovacuum.\n");
}

static int prune_all(struct app *app, bool only_count)
{
    struct pruning p = {.app = app};
    struct error err;
    if (prune(&p, only_count, &err) != 0) {
        complain("%s; what was pruned until then is gone, and the next `fastenr prune` goes on",
                 err.text);
        return EXIT_WORK_FAILED;
    }
    if (app->json)
        write_json(&p);
    else
        write_text(&p);
    if (p.held.len > 0)
        complain("warning: %.*s", STR_ARG(p.held));
    else if (p.pass.hold == PRUNE_HELD_BY_RUN)
        complain("warning: a run that is under way has written what is old enough: prune again "
                 "when it is done");
    return EXIT_DONE;
}

/* ---- who does not follow any more ---- */

struct forgetting {
    struct store *store;
    struct str name;
    bool found;
};

static int forget(void *arg, struct error *err)
{
    struct forgetting *f = arg;
    struct log_position at;
    if (f->store->engine->load_consumer(f->store, f->name, &at, err) != 0)
        return -1;
    f->found = at.xid != 0 || at.seq != 0;
    return f->found ? f->store->engine->set_consumer(f->store, f->name, NULL, err) : 0;
}

static int forget_consumer(struct app *app, const char *name)
{
    struct forgetting f = {.store = app->host.store, .name = str_from(name)};
    struct error err;
    if (store_transact(f.store, forget, &f, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (!f.found) {
        complain("nobody follows the log as '%s'", name);
        return EXIT_USAGE;
    }
    if (app->json) {
        struct buf text = BUF_INIT(PRUNE_JSON_MAX);
        struct json_writer w = {.out = &text};
        json_open(&w, '{');
        json_key(&w, "forgotten");
        json_put_text(&w, name);
        json_close(&w, '}');
        out_json(&std_out, &text);
        buf_free(&text);
        return EXIT_DONE;
    }
    out_printf(&std_out,
               "%s is forgotten. Should it follow the log again, it begins at its end then.\nNext: "
               "fastenr prune%s\n",
               name, app->hint);
    return EXIT_DONE;
}

static int run_prune(struct app *app, const struct arguments *args)
{
    const char *name = argument_value(args, "forget");
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    return name ? forget_consumer(app, name) : prune_all(app, argument_given(args, "dry-run"));
}

const struct command cmd_prune = {
    .name = "prune",
    .group = GROUP_LOOK,
    .arguments = "",
    .summary = "forget what is older than `retention` says",
    .text =
        "`fastenr run` does this by itself, every hour. Of changes in the log, and of what was\n"
        "sent, the values go first, then the rows; then settled conflicts, records in\n"
        "quarantine (where `retention` says so) and runs. What a sync still needs stays: the\n"
        "last change of each record, what an export has not looked at yet, the last runs of\n"
        "each object. It goes in steps of some 50 ms, each committed by itself: a sync beside\n"
        "it goes on, and it can be stopped at any time. SQLite's file is made smaller by VACUUM\n"
        "alone: see docs/operations.md.\n"
        "\n"
        "An export that has not run for long keeps the log from being pruned; it is named then.\n"
        "--forget ends that, where it is not to go on: what was changed until now, and it has\n"
        "not looked at, it will not export by itself.",
    .example = "fastenr prune --dry-run",
    .json = "one JSON object with how much of each went, or would go",
    .options = options,
    .run = run_prune};
