/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr plugins list`: the connectors that are installed, and whether they are approved. */
#include "cli/commands.h"
#include "cli/installed.h"
#include "cli/table.h"

enum { DOCUMENT_MAX = 4 * 1024 * 1024 };

struct listing {
    struct app *app;
    struct table table;
    struct buf text;
    struct json_writer json;
    size_t good, refused, not_pinned, not_approved;
};

static void put(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    if (text.ptr)
        json_put_str(w, text);
    else
        json_put_null(w);
}

/* ---- one that is installed ---- */

static void table_row(struct table *t, const struct installed *item)
{
    static const enum style styles[] = {[APPROVAL_NOT_PINNED] = STYLE_NONE,
                                        [APPROVAL_GIVEN] = STYLE_GOOD,
                                        [APPROVAL_CHANGED] = STYLE_BAD,
                                        [APPROVAL_NONE] = STYLE_BAD};
    const struct descriptor *d = &item->info.descriptor;
    struct buf objects = BUF_INIT(4096);
    for (uint32_t i = 0; i < d->object_count; i++)
        buf_printf(&objects, "%s%.*s", i > 0 ? ", " : "", STR_ARG(d->objects[i].name));
    table_str(t, installed_name(item));
    table_str(t, d->name);
    table_str(t, d->version);
    table_styled(t, styles[item->approval], str_from(approval_name(item->approval)));
    table_str(t, str_from(category_name(d->category)));
    table_str(t, buf_view(&objects));
    table_str(t, d->id);
    table_str(t, str_from(item->path));
    buf_free(&objects);
}

static void json_changes(struct listing *list, const struct installed *item)
{
    struct json_writer *w = &list->json;
    const struct pin *approved = plugins_lock_find(&list->app->catalog.lock, item->pin.id);
    struct pin_changes changes = {0};
    if (approved)
        changes = pin_compare(approved, &item->pin, &list->app->arena);
    json_key(w, "changes");
    json_open(w, '[');
    for (size_t i = 0; i < changes.count; i++) {
        json_open(w, '{');
        put(w, "what", str_from(changes.items[i].part));
        put(w, "approved", changes.items[i].before);
        put(w, "now", changes.items[i].now);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void json_row(struct listing *list, const struct installed *item)
{
    struct json_writer *w = &list->json;
    const struct descriptor *d = &item->info.descriptor;
    json_open(w, '{');
    put(w, "name", installed_name(item));
    put(w, "path", str_from(item->path));
    if (item->why) {
        put(w, "refused", str_from(item->why));
        json_close(w, '}');
        return;
    }
    put(w, "id", d->id);
    put(w, "title", d->name);
    put(w, "version", d->version);
    put(w, "state", str_from(approval_name(item->approval)));
    put(w, "sha256", item->pin.sha256);
    json_changes(list, item);
    put(w, "category", str_from(category_name(d->category)));
    json_key(w, "objects");
    json_open(w, '[');
    for (uint32_t i = 0; i < d->object_count; i++)
        json_put_str(w, d->objects[i].name);
    json_close(w, ']');
    json_close(w, '}');
}

static void list_one(struct listing *list, const struct installed *item)
{
    if (list->app->json)
        json_row(list, item);
    else if (!item->why)
        table_row(&list->table, item);
    else
        complain("refused: %s", item->why);
    list->refused += item->why != NULL;
    list->good += !item->why;
    list->not_pinned += !item->why && item->approval == APPROVAL_NOT_PINNED;
    list->not_approved += item->approval == APPROVAL_CHANGED || item->approval == APPROVAL_NONE;
}

/* ---- one that is approved, and not here ---- */

static void list_absent(struct listing *list, const struct pin *pin)
{
    static const char state[] = "not installed";
    struct json_writer *w = &list->json;
    if (!list->app->json) {
        const struct str cells[] = {STR("-"), STR(""), pin->version, str_from(state),
                                    STR(""),  STR(""), pin->id,      STR("")};
        for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
            table_str(&list->table, cells[i]);
        return;
    }
    json_open(w, '{');
    put(w, "id", pin->id);
    put(w, "version", pin->version);
    put(w, "state", str_from(state));
    put(w, "sha256", pin->sha256);
    json_close(w, '}');
}

static void list_rest(struct listing *list, const struct installed_list *all)
{
    const struct plugins_lock *lock = &list->app->catalog.lock;
    for (size_t i = 0; i < lock->count; i++) {
        bool here = false;
        for (size_t j = 0; j < all->count && !here; j++)
            here = !all->items[j].why && str_eq(all->items[j].pin.id, lock->pins[i].id);
        if (!here)
            list_absent(list, &lock->pins[i]);
    }
}

static void write_folders(const struct connector_dirs *dirs)
{
    out_text(&std_out, "no connector in ");
    for (size_t i = 0; i < dirs->count; i++)
        out_printf(&std_out, "%s%s", i > 0 ? ", " : "", dirs->paths[i]);
    out_text(&std_out, "\n");
}

static void write_text(struct listing *list, const struct connector_dirs *dirs)
{
    if (list->table.cell_count > 0)
        table_write(&list->table, &std_out);
    else if (list->refused == 0)
        write_folders(dirs);
    if (list->not_pinned > 0 && list->app->catalog.lock.required)
        out_printf(&std_out,
                   "\nNo connector is pinned, and none is run: fastenr.conf has plugins_lock = "
                   "\"required\". To pin those in use: fastenr plugins approve%s\n",
                   list->app->hint);
    else if (list->not_pinned > 0 && list->app->dir)
        out_printf(&std_out,
                   "\nNo connector is pinned: a file that was changed would be run. To pin those "
                   "in use: fastenr plugins approve%s\n",
                   list->app->hint);
    if (list->not_approved > 0)
        out_printf(&std_out,
                   "\nWhat is changed or not approved is not run. To see why, and approve it: "
                   "fastenr plugins approve ID%s\n",
                   list->app->hint);
}

static int run_list(struct app *app, const struct arguments *args)
{
    struct listing list = {.app = app, .text = BUF_INIT(DOCUMENT_MAX)};
    struct installed_list all;
    (void)args;
    int rc = installed_read(app, &all);
    if (rc != 0)
        return rc;
    static const char *const titles[] = {"NAME",     "TITLE",   "VERSION", "STATE",
                                         "CATEGORY", "OBJECTS", "ID",      "PATH"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (i == 3)
            table_key_column(&list.table, titles[i], false);
        else
            table_column(&list.table, titles[i], false);
    list.json.out = &list.text;
    json_open(&list.json, '[');
    for (size_t i = 0; i < all.count; i++)
        list_one(&list, &all.items[i]);
    list_rest(&list, &all);
    json_close(&list.json, ']');
    if (app->json)
        out_json(&std_out, &list.text);
    else
        write_text(&list, &all.dirs);
    buf_free(&list.text);
    table_free(&list.table);
    installed_free(&all);
    return list.refused > 0 ? EXIT_WORK_FAILED : EXIT_DONE;
}

const struct command cmd_plugins_list = {
    .name = "plugins list",
    .group = GROUP_HOST,
    .arguments = "",
    .summary = "list connectors, and whether they are approved",
    .text =
        "Describes each *.so in the folders of `connectors` (fastenr.conf), in the one that came "
        "with\n"
        "fastenr, and those that connections name by a path, in its jail. NAME is what "
        "`connector:` in a\n"
        "connection file says. STATE is what plugins.lock says of it: approved, changed since, "
        "not approved,\n"
        "or not pinned where there is no plugins.lock. One that this host cannot run is told in "
        "one line on\n"
        "standard error, and the exit status is then 1.",
    .example = "fastenr plugins list --json",
    .json = "one JSON array; a refused one has \"refused\": why, a changed one its \"changes\"",
    .run = run_list};
