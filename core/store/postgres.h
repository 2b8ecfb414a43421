/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine is a module of its own, loaded for a postgresql: URL only: a host on SQLite
 * carries no libpq. */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "store/store.h"

/* What the module exports under POSTGRES_MODULE_SYMBOL. */
struct postgres_module {
    size_t size; /* of this struct and of what the two sides share; see POSTGRES_MODULE_SIZE */
    const char *version;
    /* `existing`: fails when there is no store yet. The URL, which may hold a password, is in no
     * error and no location. */
    struct store *(*open)(const char *url, bool existing, struct world *world, struct error *err);
};

#define POSTGRES_MODULE_SYMBOL "fastenr_store_postgres"

/* Both sides are of one build, or they do not go together. */
enum {
    POSTGRES_MODULE_SIZE = sizeof(struct postgres_module) + sizeof(struct store) +
                           sizeof(struct store_engine) + sizeof(struct store_batch) +
                           sizeof(struct record_row) + sizeof(struct run_row)
};

/* In the host: finds the module beside the program and opens the store with it. */
struct store *postgres_open(const char *url, bool existing, struct world *world, struct error *err);

#endif
