/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr quarantine replay`: records that were set aside, once more. */
#include <inttypes.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/summary.h"
#include "sync/replay.h"

static const struct command_option options[] = {
    {"object", 0, "OBJECT", "only records of this vendor object"},
    {"id", 0, "N", "only this one, by its number in `quarantine list`"},
    {0}};

static bool note_row(void *arg, const struct quarantine_row *row)
{
    (void)row;
    *(bool *)arg = true;
    return false;
}

/* Whether the one that --id names is there. */
static int need_record(struct app *app, const char *connection, const char *object, int64_t id)
{
    struct store *store = app->host.store;
    struct error err;
    bool found = false;
    if (store->engine->each_quarantined(store, str_from(connection), str_from(object ? object : ""),
                                        id, note_row, &found, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (found)
        return 0;
    complain("%s has no record %" PRId64 " in quarantine; `fastenr quarantine list %s%s` lists "
             "them",
             connection, id, connection, app->hint);
    return EXIT_USAGE;
}

static int run_replay(struct app *app, const struct arguments *args)
{
    struct catalog_connection *connection;
    const struct object_setup *only = NULL;
    const char *object = argument_value(args, "object");
    struct run_row row;
    struct error err;
    int64_t id = 0;
    if (argument_number(args, "id", 1, &id, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    int rc = app_connection(app, args->words[0], &connection);
    if (rc == 0 && object && !(only = app_object(connection, object)))
        rc = EXIT_USAGE;
    if (rc == 0)
        rc = app_store(app, false);
    if (rc == 0 && id > 0)
        rc = need_record(app, args->words[0], object, id);
    if (rc != 0)
        return rc;
    if (replay_quarantine(&app->host, &connection->setup, only, id, app_user(app), &row,
                          &app->arena, &err) != 0) {
        complain("%s: %s", args->words[0], err.text);
        return EXIT_WORK_FAILED;
    }
    if (app->json)
        summary_json(&row);
    else
        summary_write(app, &row, NULL);
    return summary_exit(&row);
}

const struct command cmd_quarantine_replay = {
    .name = "quarantine replay",
    .group = GROUP_LOOK,
    .arguments = "CONNECTION",
    .summary = "bring them in, after the mapping was corrected",
    .text = "Puts records in quarantine through the mapping as it is now. Those that are valid are "
            "brought in and\n"
            "leave the quarantine; the others stay, with their new reason. The vendor is not "
            "asked.\n"
            "Exit status 0 also when some stay, which a warning says.",
    .example = "fastenr quarantine replay hubspot --object contacts",
    .json = "one JSON object with what was done",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_replay};
