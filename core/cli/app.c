/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/app.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/loop_uv.h"
#include "base/redact.h"
#include "net/curl.h"
#include "plugin/process.h"
#include "sync/token.h"

/* ---- places ---- */

static int find_part(struct app *app, const char *name, const char **ret_path, struct error *err)
{
    char *path = file_of_program(name, err);
    *ret_path = path ? arena_text(&app->arena, path) : NULL;
    free(path);
    return *ret_path ? 0 : -1;
}

/* PREFIX/bin/fastenr: the worker and the connectors are in PREFIX/libexec and PREFIX/lib. */
static int find_parts(struct app *app, struct error *err)
{
    if (find_part(app, "libexec/fastenr/fastenr-worker", &app->worker_path, err) != 0)
        return -1;
    return find_part(app, "lib/fastenr/connectors", &app->own_connectors, err);
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int find_dir(struct app *app, struct error *err)
{
    const char *given = argument_value(app->args, "config"), *env = getenv("FASTENR_CONF");
    if (given && !is_dir(given))
        return error_set(err, "there is no folder '%.200s' (given with -c)", given);
    if (!given && env && *env && !is_dir(env))
        return error_set(err, "there is no folder '%.200s' (from $FASTENR_CONF)", env);
    if (given)
        app->dir = given;
    else if (env && *env)
        app->dir = env;
    else if (is_dir("conf.d"))
        app->dir = "conf.d";
    else if (is_dir("/etc/fastenr"))
        app->dir = "/etc/fastenr";
    return 0;
}

int app_open(struct app *app, const struct arguments *args, struct error *err)
{
    *app = (struct app){.args = args, .json = argument_given(args, "json")};
    app->hint = "";
    if (find_parts(app, err) != 0 || find_dir(app, err) != 0)
        return -1;
    if (argument_value(args, "config"))
        app->hint = arena_printf(&app->arena, " -c %s", app->dir);
    return 0;
}

int app_need_dir(const struct app *app)
{
    if (app->dir)
        return 0;
    complain("there is no configuration: looked for ./conf.d and /etc/fastenr; say where it is "
             "with -c DIR or $FASTENR_CONF");
    return EXIT_USAGE;
}

/* ---- parts ---- */

int app_start(struct app *app)
{
    struct error err;
    int threads = app->catalog.host.sync.threads > 0 ? (int)app->catalog.host.sync.threads : 2;
    if (app->world.loop)
        return 0;
    app->world = (struct world){.loop = loop_uv_new(threads, &err), .random = world_random_real};
    if (!app->world.loop) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    app->host.world = &app->world;
    app->host.limits = WORKER_LIMITS_DEFAULT;
    app->host.carrier = process_carrier_new(&app->world, app->worker_path);
    return 0;
}

int app_read(struct app *app)
{
    int rc = app_need_dir(app);
    if (rc != 0 || app->catalog.dir)
        return rc;
    catalog_read(&app->catalog, app->dir, app->own_connectors);
    app->host.organization = app->catalog.host.organization;
    app->host.strict_jail = app->catalog.host.workers.strict_jail;
    rc = app_start(app);
    app->host.limits = catalog_limits(&app->catalog);
    return rc;
}

void app_close(struct app *app)
{
    tokens_finish(&app->host);
    catalog_free(&app->catalog);
    store_close(app->host.store);
    keyring_wipe(&app->keys);
    if (app->host.transport)
        app->host.transport->free(app->host.transport);
    process_carrier_free(app->host.carrier);
    budgets_free(&app->host.budgets);
    if (app->world.loop)
        loop_free(app->world.loop);
    redact_clear();
    arena_free(&app->arena);
}

int app_transport(struct app *app)
{
    struct error err;
    if (app->host.transport)
        return 0;
    app->host.transport = curl_transport_new(&app->world, &err);
    if (app->host.transport)
        return 0;
    complain("%s", err.text);
    return EXIT_WORK_FAILED;
}

/* ---- configuration ---- */

void app_write_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        struct buf line = BUF_INIT(16384), clean = BUF_INIT(65536);
        problem_write(&line, &problems->items[i]);
        text_clean(&clean, buf_view(&line), false);
        out_printf(&std_err, "%s\n", buf_cstr(&clean));
        buf_free(&line);
        buf_free(&clean);
    }
}

/* Those that stand in the way of one connection; how many. */
static size_t write_problems_of(const struct catalog *c, const struct catalog_connection *of)
{
    struct problems some = {0};
    for (size_t i = 0; i < c->problems.count; i++) {
        const struct problem *p = &c->problems.items[i];
        if (catalog_concerns(c, p, of))
            problem_add(&some, p->file, p->line, p->column, "%s", p->text);
    }
    size_t count = some.count;
    app_write_problems(&some);
    problems_free(&some);
    return count;
}

int app_no_connection(struct app *app, const char *name)
{
    const struct catalog *c = &app->catalog;
    const char **names = arena_new(&app->arena, c->count, sizeof names[0]);
    struct buf list = BUF_INIT(400);
    for (size_t i = 0; i < c->count; i++) {
        names[i] = arena_str(&app->arena, c->connections[i].config->name).ptr;
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    app_write_problems(&c->problems); /* it may be in a file that cannot be read */
    const char *nearest = str_nearest(str_from(name), names, c->count);
    if (nearest)
        complain("there is no connection '%s' in %s; did you mean '%s'?", name, app->dir, nearest);
    else if (c->count == 0)
        complain("there is no connection '%s' in %s; there are none: put a .yaml file there", name,
                 app->dir);
    else
        complain("there is no connection '%s' in %s; there are: %s", name, app->dir,
                 buf_cstr(&list));
    buf_free(&list);
    return EXIT_USAGE;
}

int app_connection(struct app *app, const char *name, struct catalog_connection **ret_connection)
{
    struct catalog *c = &app->catalog;
    int rc = app_read(app);
    if (rc != 0)
        return rc;
    struct catalog_connection *found = catalog_find(c, str_from(name));
    if (!found)
        return app_no_connection(app, name);
    for (size_t i = 0; i < c->count; i++)
        c->connections[i].wanted = &c->connections[i] == found;
    catalog_make(c, &app->world, app->host.carrier);
    size_t wrong = write_problems_of(c, found);
    if (wrong > 0) {
        complain("%zu problem%s in the configuration of '%s'", wrong, wrong == 1 ? "" : "s", name);
        return EXIT_USAGE;
    }
    *ret_connection = found;
    return 0;
}

int app_all_connections(struct app *app)
{
    int rc = app_read(app);
    if (rc == 0)
        catalog_make(&app->catalog, &app->world, app->host.carrier);
    return rc;
}

/* ---- names ---- */

struct names {
    const char **items;
    size_t count, cap;
    struct arena arena;
};

static void add_name(struct names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_is(name, names->items[i]))
            return;
    names->items = arena_grow(&names->arena, names->items, &names->cap, names->count + 1,
                              sizeof names->items[0]);
    names->items[names->count++] = arena_str(&names->arena, name).ptr;
}

/* `connection` NULL: none of them syncs it. */
static void say_no_object(const char *connection, const char *object, const struct names *names)
{
    struct buf list = BUF_INIT(400), who = BUF_INIT(400);
    const char *nearest = str_nearest(str_from(object), names->items, names->count);
    if (connection)
        buf_printf(&who, "'%s' syncs no object '%s'", connection, object);
    else
        buf_printf(&who, "no connection syncs an object '%s'", object);
    for (size_t i = 0; i < names->count; i++)
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", names->items[i]);
    if (nearest)
        complain("%s; did you mean '%s'?", buf_cstr(&who), nearest);
    else
        complain("%s; %s: %s", buf_cstr(&who), connection ? "it syncs" : "they sync",
                 buf_cstr(&list));
    buf_free(&list);
    buf_free(&who);
}

const struct object_setup *app_object(const struct catalog_connection *connection, const char *name)
{
    const struct setup *setup = &connection->setup;
    const struct object_setup *found = setup_object(setup, str_from(name));
    struct names names = {0};
    if (found)
        return found;
    for (size_t i = 0; i < setup->object_count; i++)
        add_name(&names, setup->objects[i].item->name);
    say_no_object(connection->config->name.ptr, name, &names);
    arena_free(&names.arena);
    return NULL;
}

static int known_object(const struct app *app, const char *connection, const char *object)
{
    struct names names = {0};
    bool found = false;
    for (size_t i = 0; i < app->catalog.count; i++) {
        const struct connection_config *config = app->catalog.connections[i].config;
        if (connection && !str_is(config->name, connection))
            continue;
        for (size_t j = 0; j < config->objects.count; j++) {
            add_name(&names, config->objects.items[j].name);
            found = found || str_is(config->objects.items[j].name, object);
        }
    }
    if (!found)
        say_no_object(connection, object, &names);
    arena_free(&names.arena);
    return found ? 0 : EXIT_USAGE;
}

int app_known(struct app *app, const char *connection, const char *object)
{
    int rc = app_read(app);
    if (rc == 0 && connection && !catalog_find(&app->catalog, str_from(connection)))
        rc = app_no_connection(app, connection);
    return rc == 0 && object ? known_object(app, connection, object) : rc;
}

int app_dirs(struct app *app, struct connector_dirs *ret_dirs)
{
    int rc = app->dir ? app_read(app) : app_start(app);
    if (rc != 0)
        return rc;
    if (app->dir && app_host_problems(app) > 0)
        return EXIT_USAGE;
    *ret_dirs = app->catalog.dirs;
    if (app->dir)
        return 0;
    ret_dirs->paths = arena_new(&app->arena, 1, sizeof ret_dirs->paths[0]);
    ret_dirs->paths[0] = arena_text(&app->arena, app->own_connectors);
    ret_dirs->count = 1;
    return 0;
}

size_t app_host_problems(const struct app *app)
{
    struct problems some = {0};
    for (size_t i = 0; i < app->catalog.problems.count; i++) {
        const struct problem *p = &app->catalog.problems.items[i];
        if (str_ends(str_from(p->file), "fastenr.conf"))
            problem_add(&some, p->file, p->line, p->column, "%s", p->text);
    }
    size_t count = some.count;
    app_write_problems(&some);
    problems_free(&some);
    return count;
}

int app_keys(struct app *app)
{
    const struct text_list *sources = &app->catalog.host.secrets.key;
    struct error err;
    keyring_wipe(&app->keys);
    int rc = sources->count > 0
                 ? keyring_read(&app->keys, sources->items, sources->count, app->dir, &err)
                 : keyring_read_systemd(&app->keys, &err);
    for (size_t i = 0; i < sources->count; i++)
        if (!str_starts(sources->items[i], "file:"))
            redact_add(sources->items[i]);
    app->host.keys = &app->keys;
    if (rc == 0)
        return 0;
    complain("%s", err.text);
    return EXIT_USAGE;
}

int app_tokens(struct app *app, const struct setup *setup)
{
    return setup->oauth && !app->host.store ? app_store(app, false) : 0;
}

int app_store(struct app *app, bool make)
{
    struct error err;
    int rc = app_read(app);
    if (rc != 0)
        return rc;
    if (app_host_problems(app) > 0)
        return EXIT_USAGE;
    rc = app_keys(app);
    if (rc != 0)
        return rc;
    const char *url = arena_str(&app->arena, app->catalog.host.store).ptr;
    app->host.store = make ? store_open(url, app->dir, &app->world, &err)
                           : store_open_existing(url, app->dir, &app->world, &err);
    if (app->host.store)
        return 0;
    complain("%s", err.text);
    return EXIT_WORK_FAILED;
}

struct str app_user(struct app *app)
{
    char host[256] = "";
    const struct passwd *user = getpwuid(getuid());
    gethostname(host, sizeof host - 1);
    return str_from(user ? arena_printf(&app->arena, "%s@%s", user->pw_name, host)
                         : arena_printf(&app->arena, "uid %d@%s", (int)getuid(), host));
}
