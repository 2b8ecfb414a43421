/* SPDX-License-Identifier: Apache-2.0 */
/* Which ids have come: a hash each, 16 to 32 bytes an id. */
#ifndef SYNC_ID_SET_H
#define SYNC_ID_SET_H

#include "base/hash.h"

/* Each once. */
struct id_set {
    uint64_t *slots; /* 0: free */
    size_t count, cap;
};

/* False: it was there. */
bool id_set_add(struct id_set *set, const uint8_t key[SIPHASH_KEY], struct str id);
bool id_set_has(const struct id_set *set, const uint8_t key[SIPHASH_KEY], struct str id);
void id_set_free(struct id_set *set);

#endif
