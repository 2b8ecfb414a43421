/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/catalog.h"

#include <stdlib.h>

#include "base/file.h"
#include "schedule/plan.h"

static void list_dirs(struct catalog *c, const char *own_connectors)
{
    const struct text_list *more = &c->host.connectors;
    c->dirs.paths = arena_new(&c->arena, more->count + 1, sizeof c->dirs.paths[0]);
    for (size_t i = 0; i < more->count; i++) {
        char *path = file_join(c->dir, arena_str(&c->arena, more->items[i]).ptr);
        c->dirs.paths[c->dirs.count++] = arena_text(&c->arena, path);
        free(path);
    }
    c->dirs.paths[c->dirs.count++] = arena_text(&c->arena, own_connectors);
}

void catalog_read(struct catalog *c, const char *dir, const char *own_connectors)
{
    *c = (struct catalog){0};
    c->dir = arena_text(&c->arena, dir);
    host_config_read(dir, &c->host, &c->arena, &c->problems);
    plugins_lock_read(dir, c->host.plugins_lock == PLUGINS_LOCK_REQUIRED, &c->lock, &c->arena,
                      &c->problems);
    connection_list_read(dir, &c->list, &c->arena, &c->problems);
    list_dirs(c, own_connectors);
    c->connections = arena_new(&c->arena, c->list.count, sizeof c->connections[0]);
    for (; c->count < c->list.count; c->count++) {
        c->connections[c->count].config = &c->list.items[c->count];
        c->connections[c->count].wanted = true;
    }
}

struct worker_limits catalog_limits(const struct catalog *c)
{
    return (struct worker_limits){.memory = (uint64_t)c->host.workers.memory,
                                  .hang_us = c->host.workers.hang_us};
}

/* One that is not approved is as if it could not be described: nothing of a connection comes near
 * it. What a broken lock says of it is nothing, and its mistakes are told already. */
static void require_approval(struct catalog *c, struct catalog_connector *connector)
{
    bool broken = c->lock.state == LOCK_IS_BROKEN;
    connector->why = broken ? NULL : plugins_lock_refusal(&c->lock, &connector->info, &c->arena);
    if (!broken && !connector->why)
        return;
    connector_info_free(&connector->info);
    connector->info = (struct connector_info){0};
    connector->usable = false;
}

static struct catalog_connector *describe(struct catalog *c, const char *path, struct world *world,
                                          struct carrier *carrier)
{
    struct error err;
    struct worker_limits limits = catalog_limits(c);
    for (struct catalog_connector *known = c->connectors; known; known = known->next)
        if (strcmp(known->path, path) == 0)
            return known;
    struct catalog_connector *connector = arena_new(&c->arena, 1, sizeof *connector);
    connector->path = arena_text(&c->arena, path);
    connector->usable =
        registry_describe(world, carrier, &limits, path, &connector->info, &err) == 0;
    if (connector->usable)
        require_approval(c, connector);
    else
        connector->why = arena_text(&c->arena, err.text);
    connector->next = c->connectors;
    c->connectors = connector;
    return connector;
}

/* A connection names a connector, or a file relative to itself. */
char *catalog_connector_path(const struct catalog *c, const struct connection_config *config,
                             struct error *err)
{
    char *found = registry_find(&c->dirs, config->connector, err);
    if (!found || str_find(config->connector, '/') < 0)
        return found;
    char *path = file_join(config->dir, found);
    free(found);
    if (file_exists(path))
        return path;
    error_set(err, "there is no file %s; build or copy the connector there, or correct the path",
              path);
    free(path);
    return NULL;
}

static size_t problems_of(const struct catalog *c, const char *file)
{
    size_t count = 0;
    for (size_t i = 0; i < c->problems.count; i++)
        count += strcmp(c->problems.items[i].file, file) == 0;
    return count;
}

static void make_connection(struct catalog *c, struct catalog_connection *connection,
                            struct world *world, struct carrier *carrier)
{
    const struct connection_config *config = connection->config;
    struct settings_context ctx = {config->file, &c->arena, &c->problems};
    const struct node *at = node_get(config->root, "connector");
    struct error err;
    schedule_check(config, &c->arena, &c->problems);
    if (config->connector.len == 0) /* said already */
        return;
    char *path = catalog_connector_path(c, config, &err);
    if (!path) {
        settings_complain(&ctx, at, "%s", err.text);
        return;
    }
    connection->connector = describe(c, path, world, carrier);
    free(path);
    if (connection->connector->why)
        settings_complain(&ctx, at, "%s", connection->connector->why);
    if (!connection->connector->usable)
        return;
    setup_make(config, &connection->connector->info.descriptor, &connection->setup, &c->arena,
               &c->problems);
}

void catalog_make(struct catalog *c, struct world *world, struct carrier *carrier)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->connections[i].wanted)
            make_connection(c, &c->connections[i], world, carrier);
    for (size_t i = 0; i < c->count; i++)
        c->connections[i].ready = c->connections[i].wanted && !plugins_lock_stops_all(&c->lock) &&
                                  problems_of(c, c->connections[i].config->file) == 0;
    problems_sort(&c->problems);
}

void catalog_free(struct catalog *c)
{
    for (struct catalog_connector *k = c->connectors; k; k = k->next)
        if (k->usable)
            connector_info_free(&k->info);
    problems_free(&c->problems);
    arena_free(&c->arena);
    *c = (struct catalog){0};
}

struct catalog_connection *catalog_find(const struct catalog *c, struct str name)
{
    const struct connection_config *config = connection_find(&c->list, name);
    return config ? &c->connections[config - c->list.items] : NULL;
}

bool catalog_concerns(const struct catalog *c, const struct problem *problem,
                      const struct catalog_connection *connection)
{
    if (strcmp(problem->file, connection->config->file) == 0)
        return true;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(problem->file, c->connections[i].config->file) == 0)
            return false;
    return !str_ends(str_from(problem->file), ".yaml") &&
           !str_ends(str_from(problem->file), ".yml");
}

const char *catalog_objects_text(const struct catalog_connection *connection, struct arena *arena)
{
    static const char *const ways[] = {"->", "<-", "<->"}; /* enum sync_direction */
    struct buf text = BUF_INIT(4096);
    const struct setup *setup = &connection->setup;
    for (size_t i = 0; i < setup->object_count; i++)
        buf_printf(&text, "%s%.*s %s %s", i > 0 ? ", " : "", STR_ARG(setup->objects[i].item->name),
                   ways[setup->objects[i].mapping.direction], setup->objects[i].model->name);
    const char *copy = arena_text(arena, buf_cstr(&text));
    buf_free(&text);
    return copy;
}
