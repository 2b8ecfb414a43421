/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr pause` and `fastenr resume`. */
#include "base/json.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "sync/pause.h"

static const struct command_option pause_options[] = {
    {"all", 0, NULL, "all connections, whatever is done with each of them"},
    {"reason", 0, "TEXT", "why, for those who meet the pause"},
    {0}};

static const struct command_option resume_options[] = {
    {"all", 0, NULL, "end the pause of all; those paused by name stay so"}, {0}};

/* The connection's name; NULL for all. */
static int find_name(struct app *app, const struct arguments *args, const char *verb,
                     const char **ret_name)
{
    bool all = argument_given(args, "all");
    *ret_name = all ? NULL : args->word_count > 0 ? args->words[0] : NULL;
    if (all == (args->word_count > 0)) {
        complain("'%s' takes the name of a connection, or --all", verb);
        return EXIT_USAGE;
    }
    return app_known(app, *ret_name, NULL);
}

static void write_json(const char *name, bool paused, bool changed)
{
    struct buf text = BUF_INIT(4096);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "connection");
    json_put_text(&w, name); /* null: all */
    json_key(&w, "paused");
    json_put_bool(&w, paused);
    json_key(&w, "changed");
    json_put_bool(&w, changed);
    json_close(&w, '}');
    buf_char(&text, '\n');
    out_str(&std_out, buf_view(&text));
    buf_free(&text);
}

static void say_paused(const struct app *app, const char *name, bool changed)
{
    if (name)
        out_printf(&std_out, "%s %s paused", name, changed ? "is" : "was");
    else
        out_printf(&std_out, "all connections %s paused", changed ? "are" : "were");
    out_printf(&std_out, "%s\nNext: fastenr resume %s%s\n",
               changed ? ": a sync under way stops at its next commit."
                       : " already; the reason that was given then stands.",
               name ? name : "--all", app->hint);
}

static void say_resumed(const char *name, bool changed)
{
    if (!name)
        out_printf(&std_out, "%s\n",
                   changed ? "all connections go on from where they stopped"
                           : "there was no pause of all connections");
    else if (changed)
        out_printf(&std_out, "%s goes on from where it stopped\n", name);
    else
        out_printf(&std_out, "%s was not paused\n", name);
}

/* The pause that still holds for a connection whose own has ended, or was none. */
static int say_what_holds(struct app *app, const char *name)
{
    struct error err;
    int rc = name ? pause_check(app->host.store, name, &err) : 0;
    if (rc != 0)
        complain("%s", err.text);
    return rc < 0 ? EXIT_WORK_FAILED : EXIT_DONE;
}

static int set(struct app *app, const struct arguments *args, bool pause)
{
    const char *name, *reason = pause ? argument_value(args, "reason") : NULL;
    struct error err;
    int rc = find_name(app, args, pause ? "pause" : "resume", &name);
    if (rc == 0)
        rc = app_store(app, pause);
    if (rc != 0)
        return rc;
    int changed = pause_set(app->host.store, name, pause ? app_user(app) : STR(""),
                            str_from(reason ? reason : ""), &err);
    if (changed < 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (app->json)
        write_json(name, pause, changed > 0);
    else if (pause)
        say_paused(app, name, changed > 0);
    else
        say_resumed(name, changed > 0);
    return pause ? EXIT_DONE : say_what_holds(app, name);
}

static int run_pause(struct app *app, const struct arguments *args)
{
    return set(app, args, true);
}

static int run_resume(struct app *app, const struct arguments *args)
{
    return set(app, args, false);
}

const struct command cmd_pause = {
    .name = "pause",
    .group = GROUP_SYNC,
    .arguments = "[CONNECTION]",
    .summary = "stop a connection, or all of them, until `resume`",
    .text = "Nothing more is committed for the connection: a sync under way, in whatever host,\n"
            "stops at its next commit, and none begins. What has been read is kept; after\n"
            "`resume` the next sync goes on from there.",
    .example = "fastenr pause hubspot --reason \"data migration until Monday\"",
    .json = "one JSON object with what is paused, and whether it was not before",
    .most_words = 1,
    .options = pause_options,
    .run = run_pause};

const struct command cmd_resume = {
    .name = "resume",
    .group = GROUP_SYNC,
    .arguments = "[CONNECTION]",
    .summary = "let a paused connection go on",
    .text = "Ends a pause. A connection that is paused by name stays so when the pause of all "
            "ends.",
    .example = "fastenr resume hubspot",
    .json = "one JSON object with what is no longer paused, and whether it was",
    .most_words = 1,
    .options = resume_options,
    .run = run_resume};
