/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make seeded values share. */
#ifndef SANDBOX_HUBSPOT_SEED_H
#define SANDBOX_HUBSPOT_SEED_H

#include "hubspot.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The hash of one value. */
static inline uint64_t value_hash(const struct record *r, unsigned field)
{
    return mix(r->hash ^ r->salt ^ ((uint64_t)(field + 1) << 40));
}

static inline bool add(struct text *out, const char *s)
{
    text_add(out, s);
    return true;
}

static inline bool pick(struct text *out, const char *const *list, size_t count, uint64_t hash)
{
    return add(out, list[hash % count]);
}

/* One of a list that ends with NULL. */
static inline bool pick_option(struct text *out, const char *const *list, uint64_t hash)
{
    size_t count = 0;
    while (list[count])
        count++;
    return pick(out, list, count, hash);
}

static inline bool number(struct text *out, uint64_t n)
{
    text_u64(out, n);
    return true;
}

static inline void lower(struct text *out, const char *s)
{
    for (; *s; s++)
        text_char(out, (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s));
}

/* Of deals, tickets and engagements. */
bool activity_value(const struct hubspot *h, const struct record *r, unsigned field,
                    struct text *out);

#endif
