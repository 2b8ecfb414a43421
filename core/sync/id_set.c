/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/id_set.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SLOTS_FIRST = 1024 };

/* The slot that has the hash, or the free one where it belongs. */
static size_t find_slot(const struct id_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->cap - 1);
    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) & (set->cap - 1);
    return at;
}

static void grow(struct id_set *set)
{
    const struct id_set old = *set;
    set->cap = old.cap > 0 ? old.cap * 2 : SLOTS_FIRST;
    set->slots = mem_new(set->cap, sizeof set->slots[0]);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i] != 0)
            set->slots[find_slot(set, old.slots[i])] = old.slots[i];
    free(old.slots);
}

static uint64_t hash_of(const uint8_t key[SIPHASH_KEY], struct str id)
{
    uint64_t hash = siphash(key, id);
    return hash != 0 ? hash : 1;
}

bool id_set_add(struct id_set *set, const uint8_t key[SIPHASH_KEY], struct str id)
{
    uint64_t hash = hash_of(key, id);
    if ((set->count + 1) * 2 > set->cap)
        grow(set);
    size_t at = find_slot(set, hash);
    if (set->slots[at] == hash)
        return false;
    set->slots[at] = hash;
    set->count++;
    return true;
}

bool id_set_has(const struct id_set *set, const uint8_t key[SIPHASH_KEY], struct str id)
{
    return set->cap > 0 && set->slots[find_slot(set, hash_of(key, id))] != 0;
}

void id_set_free(struct id_set *set)
{
    free(set->slots);
    *set = (struct id_set){0};
}
