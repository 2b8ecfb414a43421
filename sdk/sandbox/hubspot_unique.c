/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which record has a value of a unique property. Values that were written are in a table by their
 * hash; what an entry says is checked against the record, so nothing has to be taken out of it.
 * Seeded addresses of contacts are found by the record's number, which stands before their @.
 */
#include "hubspot_write.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

struct entry {
    uint64_t hash;
    uint32_t index_plus_1; /* 0: empty */
    enum object_type type;
    unsigned field;
};

struct unique_index {
    struct entry *entries; /* open addressing; a power of two */
    size_t cap, count;
};

static uint64_t hash_of(enum object_type type, unsigned field, const char *value)
{
    uint64_t hash = mix((uint64_t)(type + 1) << 16 | field);
    for (; *value; value++)
        hash = mix(hash ^ (uint64_t)tolower((unsigned char)*value));
    return hash;
}

static bool has_value(const struct hubspot *h, enum object_type type, unsigned field,
                      uint32_t index, const char *value)
{
    struct record r;
    struct text now = {0};
    if (store_life(h, type, index) != LIFE_LIVING)
        return false;
    store_load(h, type, index, &r);
    bool has = record_value(h, &r, field, &now) && strcasecmp(text_end(&now), value) == 0;
    text_free(&now);
    return has;
}

static bool is_same(const struct entry *x, const struct entry *y)
{
    return x->hash == y->hash && x->index_plus_1 == y->index_plus_1 && x->type == y->type &&
           x->field == y->field;
}

static void insert(struct unique_index *u, struct entry entry)
{
    size_t mask = u->cap - 1, at = (size_t)entry.hash & mask;
    while (u->entries[at].index_plus_1 != 0 && !is_same(&u->entries[at], &entry))
        at = (at + 1) & mask;
    u->count += u->entries[at].index_plus_1 == 0;
    u->entries[at] = entry;
}

static void grow(struct unique_index *u)
{
    struct unique_index bigger = {.cap = u->cap ? u->cap * 2 : 64};
    bigger.entries = mem_get(bigger.cap * sizeof *bigger.entries);
    for (size_t i = 0; i < u->cap; i++)
        if (u->entries[i].index_plus_1 != 0)
            insert(&bigger, u->entries[i]);
    free(u->entries);
    *u = bigger;
}

void unique_add(struct hubspot *h, enum object_type type, unsigned field, uint32_t index,
                const char *value)
{
    if (!h->unique)
        h->unique = mem_get(sizeof *h->unique);
    if (h->unique->count * 2 >= h->unique->cap)
        grow(h->unique);
    insert(h->unique, (struct entry){hash_of(type, field, value), index + 1, type, field});
}

/* The number that ends before the @. */
static bool seeded_contact(const struct hubspot *h, const char *address, uint32_t *ret_index)
{
    const char *at = strchr(address, '@'), *digits = at;
    while (digits && digits > address && isdigit((unsigned char)digits[-1]))
        digits--;
    if (!at || digits == at || at - digits > 9)
        return false;
    uint64_t index = strtoull(digits, NULL, 10);
    *ret_index = (uint32_t)index;
    return index < h->tables[CONTACTS].total;
}

bool unique_find(const struct hubspot *h, enum object_type type, unsigned field, const char *value,
                 uint32_t *ret_index)
{
    const struct unique_index *u = h->unique;
    uint64_t hash = hash_of(type, field, value);
    if (field == hubspot_models[type].object_id)
        return living_by_id(h, type, value, ret_index);
    for (size_t at = u ? (size_t)hash & (u->cap - 1) : 0; u && u->entries[at].index_plus_1 != 0;
         at = (at + 1) & (u->cap - 1)) {
        const struct entry *e = &u->entries[at];
        if (e->hash != hash || e->type != type || e->field != field ||
            !has_value(h, type, field, e->index_plus_1 - 1, value))
            continue;
        *ret_index = e->index_plus_1 - 1;
        return true;
    }
    return type == CONTACTS && field == CONTACT_EMAIL && seeded_contact(h, value, ret_index) &&
           has_value(h, type, field, *ret_index, value);
}

void unique_free(struct hubspot *h)
{
    if (h->unique)
        free(h->unique->entries);
    free(h->unique);
}
