/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr plugins`: the connectors that are installed. */
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/table.h"

enum { DOCUMENT_MAX = 4 * 1024 * 1024 };

/* "hubspot" of "/usr/lib/fastenr/connectors/hubspot.so": what `connector:` is to say. */
static struct str short_name(const char *path)
{
    struct str name = str_from(strrchr(path, '/') + 1);
    return str_slice(name, 0, name.len - strlen(".so"));
}

static void table_row(struct table *t, const char *path, const struct descriptor *d)
{
    struct buf objects = BUF_INIT(4096);
    for (uint32_t i = 0; i < d->object_count; i++)
        buf_printf(&objects, "%s%.*s", i > 0 ? ", " : "", STR_ARG(d->objects[i].name));
    table_str(t, short_name(path));
    table_str(t, d->name);
    table_str(t, d->version);
    table_str(t, str_from(category_name(d->category)));
    table_str(t, buf_view(&objects));
    table_str(t, d->id);
    table_str(t, str_from(path));
    buf_free(&objects);
}

static void json_row(struct json_writer *w, const char *path, const struct descriptor *d,
                     const char *why)
{
    json_open(w, '{');
    json_key(w, "name");
    json_put_str(w, short_name(path));
    json_key(w, "path");
    json_put_text(w, path);
    if (!d) {
        json_key(w, "refused");
        json_put_text(w, why);
        json_close(w, '}');
        return;
    }
    json_key(w, "id");
    json_put_str(w, d->id);
    json_key(w, "title");
    json_put_str(w, d->name);
    json_key(w, "version");
    json_put_str(w, d->version);
    json_key(w, "category");
    json_put_text(w, category_name(d->category));
    json_key(w, "objects");
    json_open(w, '[');
    for (uint32_t i = 0; i < d->object_count; i++)
        json_put_str(w, d->objects[i].name);
    json_close(w, ']');
    json_close(w, '}');
}

struct listing {
    struct table table;
    struct buf text;
    struct json_writer json;
    size_t good, refused;
};

static void list_one(struct app *app, const char *path, struct listing *list)
{
    struct connector_info info;
    struct error err;
    int rc =
        registry_describe(&app->world, app->host.carrier, &app->host.limits, path, &info, &err);
    if (app->json)
        json_row(&list->json, path, rc == 0 ? &info.descriptor : NULL, err.text);
    else if (rc == 0)
        table_row(&list->table, path, &info.descriptor);
    else
        complain("refused: %s", err.text);
    if (rc != 0) {
        list->refused++;
        return;
    }
    list->good++;
    connector_info_free(&info);
}

static void write_folders(const struct connector_dirs *dirs)
{
    out_text(&std_out, "no connector in ");
    for (size_t i = 0; i < dirs->count; i++)
        out_printf(&std_out, "%s%s", i > 0 ? ", " : "", dirs->paths[i]);
    out_text(&std_out, "\n");
}

static int run_plugins(struct app *app, const struct arguments *args)
{
    struct connector_dirs dirs;
    struct listing list = {.text = BUF_INIT(DOCUMENT_MAX)};
    size_t count;
    (void)args;
    int rc = app_dirs(app, &dirs);
    if (rc != 0)
        return rc;
    static const char *const titles[] = {"NAME",    "TITLE", "VERSION", "CATEGORY",
                                         "OBJECTS", "ID",    "PATH"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_column(&list.table, titles[i], false);
    list.json.out = &list.text;
    json_open(&list.json, '[');
    char **paths = registry_list(&dirs, &app->arena, &count);
    for (size_t i = 0; i < count; i++)
        list_one(app, paths[i], &list);
    json_close(&list.json, ']');
    if (app->json)
        out_json(&std_out, &list.text);
    else if (list.good > 0)
        table_write(&list.table, &std_out);
    else if (list.refused == 0)
        write_folders(&dirs);
    buf_free(&list.text);
    table_free(&list.table);
    return list.refused > 0 ? EXIT_WORK_FAILED : EXIT_DONE;
}

const struct command cmd_plugins = {
    .name = "plugins",
    .group = GROUP_HOST,
    .arguments = "",
    .summary = "list the connectors that are installed",
    .text = "Describes each *.so in the folders of `connectors` (fastenr.conf) and in the one that "
            "came with\n"
            "fastenr, in its jail. NAME is what `connector:` in a connection file says. One that "
            "this host\n"
            "cannot run is told in one line on standard error, and the exit status is then 1.",
    .example = "fastenr plugins --json",
    .json = "one JSON array; a refused one has \"refused\": why",
    .run = run_plugins};
