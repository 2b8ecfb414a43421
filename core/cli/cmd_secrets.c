/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr secrets`: the key that tokens are sealed with, and what is sealed. */
#include <stdlib.h>

#include "base/file.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "store/secret.h"

enum { SECRETS_JSON_MAX = 4 * 1024 * 1024 };

/* ---- init ---- */

static int run_init(struct app *app, const struct arguments *args)
{
    const char *name = args->word_count > 0 ? args->words[0] : "fastenr.key";
    struct error err;
    int rc = app_read(app);
    if (rc != 0)
        return rc;
    char *path = file_join(app->dir, name);
    rc = keyring_make_file(path, &app->world, &err) == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
    if (rc != EXIT_DONE)
        complain("%s", err.text);
    else if (app->catalog.host.secrets.key.count > 0)
        out_printf(&std_out,
                   "%s is a new key. Put \"file:%s\" before the keys that secrets.key of "
                   "fastenr.conf names, restart\n`fastenr run`, then: fastenr secrets rotate%s\n",
                   path, name, app->hint);
    else
        out_printf(
            &std_out,
            "%s is a new key. Write into fastenr.conf:\n\n"
            "  secrets = { key = \"file:%s\"; };\n\n"
            "Keep a copy of it, apart from the database: without it the tokens do not open.\n",
            path, name);
    free(path);
    return rc;
}

/* ---- list ---- */

struct listing {
    struct app *app;
    struct table table;
    struct buf text;
    struct json_writer json;
    size_t count;
};

static void json_secret(struct json_writer *w, const struct secret_row *row, bool opens)
{
    json_open(w, '{');
    json_key(w, "connection");
    json_put_str(w, row->connection);
    json_key(w, "name");
    json_put_str(w, row->name);
    json_key(w, "key");
    json_put_str(w, row->key_id);
    json_key(w, "opens");
    json_put_bool(w, opens);
    json_key(w, "problem");
    if (row->problem.len > 0)
        json_put_str(w, row->problem);
    else
        json_put_null(w);
    json_key(w, "updated_at");
    json_put_time(w, row->updated_at);
    json_close(w, '}');
}

static bool list_row(void *arg, const struct secret_row *row)
{
    struct listing *l = arg;
    char when[FORMAT_TEXT];
    bool opens = keyring_find(&l->app->keys, row->key_id) != NULL;
    l->count++;
    if (l->app->json) {
        json_secret(&l->json, row, opens);
        return true;
    }
    table_str(&l->table, row->connection);
    table_str(&l->table, row->name);
    table_printf(&l->table, "%.*s%s", STR_ARG(row->key_id), opens ? "" : " (missing)");
    table_printf(&l->table, "%s", format_when(row->updated_at, world_now(&l->app->world), when));
    if (row->problem.len > 0)
        table_styled(&l->table, STYLE_BAD, STR("reconnect"));
    else
        table_str(&l->table, STR("ok"));
    return true;
}

static int run_list(struct app *app, const struct arguments *args)
{
    struct listing l = {.app = app, .text = BUF_INIT(SECRETS_JSON_MAX)};
    struct error err;
    (void)args;
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    l.json.out = &l.text;
    table_key_column(&l.table, "CONNECTION", false);
    table_key_column(&l.table, "NAME", false);
    table_column(&l.table, "KEY", false);
    table_column(&l.table, "WRITTEN", false);
    table_column(&l.table, "STATE", false);
    json_open(&l.json, '[');
    rc = app->host.store->engine->each_secret(app->host.store, STR(""), list_row, &l, &err);
    json_close(&l.json, ']');
    if (rc != 0)
        complain("%s", err.text);
    else if (app->json)
        out_json(&std_out, &l.text);
    else if (l.count > 0)
        table_write(&l.table, &std_out);
    else
        out_text(&std_out, "nothing is sealed in the store\n");
    table_free(&l.table);
    buf_free(&l.text);
    return rc == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
}

/* ---- rotate ---- */

static int run_rotate(struct app *app, const struct arguments *args)
{
    struct error err;
    size_t count = 0;
    (void)args;
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    if (secret_reseal(app->host.store, &app->keys, &count, &err) != 0) {
        complain("%s; nothing was changed", err.text);
        return EXIT_WORK_FAILED;
    }
    out_printf(&std_out,
               "%zu secret%s sealed anew; all are sealed with the key %s, and the others can go "
               "from secrets.key\n",
               count, count == 1 ? " was" : "s were", app->keys.keys[0].id);
    return EXIT_DONE;
}

const struct command cmd_secrets_init = {
    .name = "secrets init",
    .group = GROUP_HOST,
    .arguments = "[FILE]",
    .summary = "make a key for sealing tokens",
    .text =
        "Writes 32 random bytes, in hexadecimal, to a file (fastenr.key of the configuration's\n"
        "folder) that only its owner may read. A file that is there is left alone.",
    .example = "fastenr secrets init",
    .most_words = 1,
    .run = run_init};

const struct command cmd_secrets_list = {
    .name = "secrets list",
    .group = GROUP_HOST,
    .arguments = "",
    .summary = "list what is sealed in the store, and with which key",
    .text = "Which connection has tokens, sealed with which key, and whether that key is there. "
            "Names only:\n"
            "no command shows a secret.",
    .example = "fastenr secrets list",
    .json = "one JSON array: connection, name, key, opens, problem, updated_at",
    .run = run_list};

const struct command cmd_secrets_rotate = {
    .name = "secrets rotate",
    .group = GROUP_HOST,
    .arguments = "",
    .summary = "seal everything anew with the first key",
    .text = "For a change of keys: put the new key first in secrets.key, restart `fastenr run`, "
            "rotate, then\n"
            "remove the old one. All in one transaction: after a failure nothing has changed.",
    .example = "fastenr secrets rotate",
    .run = run_rotate};
