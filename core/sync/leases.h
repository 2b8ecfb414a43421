/* SPDX-License-Identifier: Apache-2.0 */
/* The leases of several connections at once, for what no run of any of them may come between. */
#ifndef SYNC_LEASES_H
#define SYNC_LEASES_H

#include "store/store.h"

struct leases {
    struct store *store;
    int64_t *ids; /* of the connections that are leased */
    size_t count;
    struct arena arena;
};

/* Of all connections that have a stream of `object`'s records; NULL: of any. In a transaction. 1
 * when one of them is being synced just now: its name is the arena's. -1. `leases_free` whatever it
 * says. */
int leases_take(struct leases *leases, struct store *store, const struct model_object *object,
                struct str *ret_busy, struct error *err);
void leases_free(struct leases *leases);

#endif
