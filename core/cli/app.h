/* SPDX-License-Identifier: Apache-2.0 */
/* What a command works with; it opens only what it needs, and app_close takes all of it down. */
#ifndef CLI_APP_H
#define CLI_APP_H

#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/out.h"
#include "sync/host.h"

struct app {
    const struct arguments *args;
    bool json;
    const char *dir;  /* of the configuration; NULL: there is none */
    const char *hint; /* " -c DIR" when it was given, for commands that are suggested; else "" */
    const char *worker_path; /* beside the program */
    const char *own_connectors;
    struct world world;
    struct keyring keys;
    struct sync_host host; /* its parts are NULL until they are opened */
    struct catalog catalog;
    struct arena arena;
};

/* Finds the parts beside the program, and the configuration folder. */
int app_open(struct app *app, const struct arguments *args, struct error *err);
void app_close(struct app *app);

/* Each returns 0, or an exit status after saying what is wrong. */

int app_need_dir(const struct app *app);
int app_start(struct app *app); /* loop and carrier of connectors */
int app_read(struct app *app);  /* the configuration's files; problems are not looked at */

/* Reads, describes and makes one connection; says what is wrong with it or with fastenr.conf. */
int app_connection(struct app *app, const char *name, struct catalog_connection **ret_connection);

/* Says that there is none of that name, and what was probably meant; EXIT_USAGE. */
int app_no_connection(struct app *app, const char *name);

/* Reads the configuration; whether a connection's file has that name, and names that vendor's
 * object (of any connection, where that is NULL); NULL: whichever. What is wrong in the files is no
 * matter: for commands that look into the store alone. */
int app_known(struct app *app, const char *connection, const char *object);

/* As app_connection for all; problems are not looked at: `ready` need not be true of each. */
int app_all_connections(struct app *app);

const struct object_setup *app_object(const struct catalog_connection *connection,
                                      const char *name);

/* Where connectors are looked for, also when there is no configuration; starts the loop. */
int app_dirs(struct app *app, struct connector_dirs *ret_dirs);

/* Reads fastenr.conf and opens the store. */
int app_store(struct app *app, bool make);
int app_transport(struct app *app);
/* The store with the tokens of a connection that needs them, for commands that keep nothing. */
int app_tokens(struct app *app, const struct setup *setup);
/* Reads the keys that secrets.key names; the store is opened with them. */
int app_keys(struct app *app);

/* Writes what is wrong with fastenr.conf; how much that is. */
size_t app_host_problems(const struct app *app);

/* All problems on standard error. */
void app_write_problems(const struct problems *problems);

/* "fred@host", for the run log; the arena's. */
struct str app_user(struct app *app);

#endif
