/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr check`: everything that is wrong with a configuration, in one go. */
#include "cli/app.h"
#include "cli/check_fields.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "config/reference.h"
#include "config/schema.h"

enum { DOCUMENT_MAX = 1024 * 1024 };

static const struct command_option options[] = {
    {"schema", 0, NULL, "write the JSON Schema of a connection file, for editors"},
    {"fields", 0, NULL, "list every field too: which way it goes, and why it is not exported"},
    {"reference", 0, NULL, "write the reference of all settings, as Markdown"},
    {0}};

static int write_document(void (*write)(struct buf *out))
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    write(&text);
    out_str(&std_out, buf_view(&text));
    buf_free(&text);
    return EXIT_DONE;
}

/* Only the named ones are to be described and made. */
static int choose(struct app *app, const struct arguments *args)
{
    struct catalog *c = &app->catalog;
    int rc = 0;
    for (size_t i = 0; i < c->count; i++)
        c->connections[i].wanted = args->word_count == 0;
    for (size_t i = 0; i < args->word_count; i++) {
        struct catalog_connection *found = catalog_find(c, str_from(args->words[i]));
        if (found) {
            found->wanted = true;
        } else {
            rc = app_no_connection(app, args->words[i]);
        }
    }
    return rc;
}

/* Of the chosen connections and of the host; all, when none was named. */
static void keep_wanted(const struct catalog *c, bool all, struct problems *ret_problems)
{
    for (size_t i = 0; i < c->problems.count; i++) {
        const struct problem *p = &c->problems.items[i];
        bool wanted = all;
        for (size_t j = 0; j < c->count && !wanted; j++)
            wanted = c->connections[j].wanted && catalog_concerns(c, p, &c->connections[j]);
        if (wanted)
            problem_add(ret_problems, p->file, p->line, p->column, "%s", p->text);
    }
}

static void write_connections(struct app *app)
{
    struct table t = {0};
    table_key_column(&t, "CONNECTION", false);
    table_column(&t, "CONNECTOR", false);
    table_column(&t, "OBJECTS", false);
    table_column(&t, "SCHEDULE (UTC)", false);
    for (size_t i = 0; i < app->catalog.count; i++) {
        const struct catalog_connection *c = &app->catalog.connections[i];
        if (!c->ready)
            continue;
        const struct descriptor *d = &c->connector->info.descriptor;
        table_str(&t, c->config->name);
        table_printf(&t, "%.*s %.*s", STR_ARG(d->name), STR_ARG(d->version));
        table_str(&t, str_from(catalog_objects_text(c, &app->arena)));
        table_str(&t, str_from(format_schedule(c->config, &app->arena)));
    }
    if (t.cell_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

static void json_connection(struct json_writer *w, struct app *app,
                            const struct catalog_connection *c, bool fields)
{
    const struct descriptor *d = &c->connector->info.descriptor;
    json_open(w, '{');
    json_key(w, "connection");
    json_put_str(w, c->config->name);
    json_key(w, "file");
    json_put_text(w, c->config->file);
    json_key(w, "connector");
    json_put_str(w, d->id);
    json_key(w, "version");
    json_put_str(w, d->version);
    json_key(w, "enabled");
    json_put_bool(w, c->config->enabled);
    json_key(w, "schedule");
    json_put_text(w, format_schedule(c->config, &app->arena));
    json_key(w, "objects");
    json_open(w, '{');
    for (size_t i = 0; i < c->setup.object_count; i++) {
        json_key_str(w, c->setup.objects[i].item->name);
        json_put_text(w, c->setup.objects[i].model->name);
    }
    json_close(w, '}');
    if (fields)
        check_fields_json(w, c);
    json_close(w, '}');
}

static void write_json(struct app *app, const struct problems *problems, bool fields)
{
    struct buf text = BUF_INIT(16 * DOCUMENT_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "ok");
    json_put_bool(&w, problems->count == 0);
    json_key(&w, "problems");
    json_open(&w, '[');
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        json_open(&w, '{');
        json_key(&w, "file");
        json_put_text(&w, p->file);
        json_key(&w, "line");
        json_put_int(&w, p->line);
        json_key(&w, "column");
        json_put_int(&w, p->column);
        json_key(&w, "text");
        json_put_text(&w, p->text);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "connections");
    json_open(&w, '[');
    for (size_t i = 0; i < app->catalog.count; i++)
        if (app->catalog.connections[i].ready)
            json_connection(&w, app, &app->catalog.connections[i], fields);
    json_close(&w, ']');
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static size_t count_files(const struct problems *problems)
{
    size_t files = 0;
    for (size_t i = 0; i < problems->count; i++)
        files += i == 0 || strcmp(problems->items[i].file, problems->items[i - 1].file) != 0;
    return files;
}

static void write_result(struct app *app, const struct problems *problems, bool fields)
{
    size_t files = count_files(problems), count = app->catalog.count;
    app_write_problems(problems);
    if (problems->count > 0) {
        out_printf(&std_err, "\n%zu problem%s in %zu file%s\n", problems->count,
                   problems->count == 1 ? "" : "s", files, files == 1 ? "" : "s");
        return;
    }
    write_connections(app);
    if (fields) {
        out_text(&std_out, "\n");
        check_fields_write(&app->catalog);
    }
    if (count == 0)
        out_printf(&std_out,
                   "%s: no connections yet; put a .yaml file there (`fastenr check "
                   "--reference` says what it may hold)\n",
                   app->dir);
    else
        out_printf(&std_out, "\n%s: no problems\n", app->dir);
}

static int run_check(struct app *app, const struct arguments *args)
{
    struct problems problems = {0};
    if (argument_given(args, "schema"))
        return write_document(schema_write);
    if (argument_given(args, "reference"))
        return write_document(reference_write);
    int rc = app_read(app);
    if (rc == 0)
        rc = choose(app, args);
    if (rc != 0)
        return rc;
    catalog_make(&app->catalog, &app->world, app->host.carrier);
    keep_wanted(&app->catalog, args->word_count == 0, &problems);
    if (app->json)
        write_json(app, &problems, argument_given(args, "fields"));
    else
        write_result(app, &problems, argument_given(args, "fields"));
    rc = problems.count == 0 ? EXIT_DONE : EXIT_USAGE;
    problems_free(&problems);
    return rc;
}

const struct command cmd_check = {
    .name = "check",
    .group = GROUP_SYNC,
    .arguments = "[CONNECTION...]",
    .summary = "check the configuration: all problems at once, each with its place",
    .text = "Reads fastenr.conf and the connection files, loads each connector in its jail and "
            "checks the\n"
            "connections against it: options, credentials, objects, mappings, schedules. No "
            "vendor is asked.\n"
            "Every problem is written as file:line:column: what is wrong, and what to write "
            "instead. Exit\n"
            "status 2 when there is one.",
    .example = "fastenr check -c /etc/fastenr",
    .json = "one JSON document: ok, problems, connections; with --fields the fields of each",
    .most_words = WORDS_MOST,
    .options = options,
    .run = run_check};
