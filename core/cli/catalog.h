/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration folder, read: its connections, each with its connector described and its setup
 * made. `run` makes a new one when files change, and keeps the old while runs use it. */
#ifndef CLI_CATALOG_H
#define CLI_CATALOG_H

#include "cli/plugins_lock.h"
#include "config/host.h"
#include "sync/setup.h"

/* A connector's file, described once however many connections use it. */
struct catalog_connector {
    const char *path;
    bool usable;
    const char *why; /* it is not usable, or not approved: one line; NULL: the lock is broken */
    struct connector_info info;
    struct catalog_connector *next;
};

struct catalog_connection {
    const struct connection_config *config;
    struct catalog_connector *connector; /* NULL: its file was not found */
    struct setup setup;
    bool wanted; /* described and made by catalog_make */
    bool ready;  /* made, its connector approved, and nothing is wrong with it */
};

struct catalog {
    const char *dir;
    struct host_config host;
    struct plugins_lock lock;
    struct connection_list list;
    struct catalog_connection *connections; /* as in the list */
    size_t count;
    struct catalog_connector *connectors;
    struct connector_dirs dirs;
    struct problems problems;
    struct arena arena;
};

/* Reads the files. All connections are wanted. `own_connectors`: the folder that came with the
 * program, looked at last. */
void catalog_read(struct catalog *c, const char *dir, const char *own_connectors);

/* Describes the connectors of the wanted connections, in their jails, and makes the setups of those
 * whose connector the lock lets run. Turns the loop. */
void catalog_make(struct catalog *c, struct world *world, struct carrier *carrier);

void catalog_free(struct catalog *c);

struct worker_limits catalog_limits(const struct catalog *c);

/* NULL: there is none of that name. */
struct catalog_connection *catalog_find(const struct catalog *c, struct str name);

/* The file of a connection's connector. Freed by the caller; NULL with one sentence. */
char *catalog_connector_path(const struct catalog *c, const struct connection_config *config,
                             struct error *err);

/* Whether a problem concerns this connection, or the host as a whole. */
bool catalog_concerns(const struct catalog *c, const struct problem *problem,
                      const struct catalog_connection *connection);

/* "companies -> account, contacts -> contact"; the arena's. */
const char *catalog_objects_text(const struct catalog_connection *connection, struct arena *arena);

#endif
