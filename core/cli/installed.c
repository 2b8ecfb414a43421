/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/installed.h"

#include <stdlib.h>

static struct installed *add(struct app *app, struct installed_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].path, path) == 0)
            return &list->items[i];
    list->items =
        arena_grow(&app->arena, list->items, &list->cap, list->count + 1, sizeof list->items[0]);
    list->items[list->count] = (struct installed){.path = arena_text(&app->arena, path)};
    return &list->items[list->count++];
}

/* A connection whose connector is not found is a matter of `fastenr check`. */
static void add_used(struct app *app, struct installed_list *list)
{
    const struct catalog *c = &app->catalog;
    for (size_t i = 0; i < c->count; i++) {
        const struct connection_config *config = c->connections[i].config;
        char *path = config->connector.len > 0 ? catalog_connector_path(c, config, NULL) : NULL;
        if (path)
            add(app, list, path)->used = true;
        free(path);
    }
}

static void describe(struct app *app, struct installed *item)
{
    struct error err;
    if (registry_describe(&app->world, app->host.carrier, &app->host.limits, item->path,
                          &item->info, &err) != 0) {
        item->why = arena_text(&app->arena, err.text);
        return;
    }
    item->pin = pin_of(&item->info, &app->arena);
    item->approval = plugins_lock_approval(&app->catalog.lock, &item->pin, &app->arena);
}

/* Of plugins.lock; that it is absent though required is for those who run a connector. */
static size_t write_lock_problems(const struct catalog *c)
{
    struct problems some = {0};
    for (size_t i = 0; i < c->problems.count && c->lock.state == LOCK_IS_BROKEN; i++) {
        const struct problem *p = &c->problems.items[i];
        if (strcmp(p->file, c->lock.path) == 0)
            problem_add(&some, p->file, p->line, p->column, "%s", p->text);
    }
    size_t count = some.count;
    app_write_problems(&some);
    problems_free(&some);
    return count;
}

int installed_read(struct app *app, struct installed_list *ret_list)
{
    size_t count;
    *ret_list = (struct installed_list){0};
    int rc = app_dirs(app, &ret_list->dirs);
    if (rc != 0)
        return rc;
    if (write_lock_problems(&app->catalog) > 0)
        return EXIT_USAGE;
    char **paths = registry_list(&ret_list->dirs, &app->arena, &count);
    for (size_t i = 0; i < count; i++)
        add(app, ret_list, paths[i]);
    add_used(app, ret_list);
    for (size_t i = 0; i < ret_list->count; i++)
        describe(app, &ret_list->items[i]);
    return 0;
}

void installed_free(struct installed_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->items[i].why)
            connector_info_free(&list->items[i].info);
    *list = (struct installed_list){0};
}

struct str installed_name(const struct installed *item)
{
    const char *slash = strrchr(item->path, '/');
    struct str name = str_from(slash ? slash + 1 : item->path);
    return str_ends(name, ".so") ? str_slice(name, 0, name.len - strlen(".so")) : name;
}
