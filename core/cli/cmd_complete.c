/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr complete`: names for the completion of shells. Files are read, no connector is loaded.
 */
#include "cli/app.h"
#include "cli/commands.h"

static void write_name(struct str name)
{
    out_printf(&std_out, "%.*s\n", STR_ARG(name));
}

static void write_connections(const struct app *app)
{
    for (size_t i = 0; i < app->catalog.count; i++)
        write_name(app->catalog.connections[i].config->name);
}

/* The vendor objects that a connection's file names. */
static void write_objects(const struct app *app, const char *connection)
{
    const struct catalog_connection *found = catalog_find(&app->catalog, str_from(connection));
    for (size_t i = 0; found && i < found->config->objects.count; i++)
        write_name(found->config->objects.items[i].name);
}

/* "hubspot" for /somewhere/hubspot.so. */
static void write_connectors(struct app *app)
{
    struct connector_dirs dirs;
    size_t count;
    if (app_dirs(app, &dirs) != 0)
        return;
    char **paths = registry_list(&dirs, &app->arena, &count);
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(paths[i], '/');
        struct str name = str_from(slash ? slash + 1 : paths[i]);
        write_name(str_slice(name, 0, name.len - strlen(".so")));
    }
}

static int run_complete(struct app *app, const struct arguments *args)
{
    struct str what = str_from(args->words[0]);
    if (str_is(what, "connectors")) {
        write_connectors(app);
        return EXIT_DONE;
    }
    int rc = app_read(app);
    if (rc != 0)
        return rc;
    if (str_is(what, "connections")) {
        write_connections(app);
    } else if (str_is(what, "approved")) {
        for (size_t i = 0; i < app->catalog.lock.count; i++)
            write_name(app->catalog.lock.pins[i].id);
    } else if (str_is(what, "objects") && args->word_count == 2) {
        write_objects(app, args->words[1]);
    } else {
        complain("'complete' knows connections, connectors, approved and objects CONNECTION");
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

const struct command cmd_complete = {
    .name = "complete",
    .group = GROUP_HOST,
    .arguments = "WHAT [CONNECTION]",
    .summary = "list names, for the completion of shells",
    .text = "Writes the names of connections, of connectors, of approved ones (by id), or of the "
            "objects of a connection, one a line.",
    .example = "fastenr complete connections",
    .hidden = true,
    .least_words = 1,
    .most_words = 2,
    .run = run_complete};
