/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of connections in the store, opened and sealed. On the store executor while runs are
 * under way, like all of the store. */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include "store/seal.h"
#include "store/store.h"

/* An opened secret; secret_free wipes it. */
struct secret {
    int64_t version; /* 0: there is none */
    struct buf text;
    char problem[400]; /* why it is of no use any more; "" while it is */
};

/* 1, 0 when there is none, or -1. A secret with a problem is opened too. */
int secret_get(struct store *store, const struct keyring *keys, struct str connection,
               struct str name, struct secret *ret_secret, struct error *err);

/* Seals with the first key and commits, where the stored version is secret->version, which is then
 * one greater; 1: another writer was first. A transaction of its own. */
int secret_set(struct store *store, const struct keyring *keys, struct str connection,
               struct str name, struct secret *secret, struct error *err);

/* Whatever version is there; 1 when there was one. A transaction of its own. */
int secret_remove(struct store *store, struct str connection, struct str name, struct error *err);

/* Seals with the first key all that another one sealed, in one transaction; how many. */
int secret_reseal(struct store *store, const struct keyring *keys, size_t *ret_count,
                  struct error *err);

void secret_free(struct secret *secret);

#endif
