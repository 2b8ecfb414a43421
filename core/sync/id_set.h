/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of ids, each once: 16 to 32 bytes an id. All zero is an empty one. */
#ifndef SYNC_ID_SET_H
#define SYNC_ID_SET_H

#include "base/hash.h"

struct id_set {
    uint64_t *slots; /* 0: free */
    size_t count, cap;
};

/* Whether it is new in it. */
bool id_set_add(struct id_set *set, const uint8_t key[SIPHASH_KEY], struct str id);
bool id_set_has(const struct id_set *set, const uint8_t key[SIPHASH_KEY], struct str id);
void id_set_free(struct id_set *set);

#endif
