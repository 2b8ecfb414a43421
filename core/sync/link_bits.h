/* SPDX-License-Identifier: Apache-2.0 */
/* Which links a walk has met, a bit each: where the store is not to keep it. */
#ifndef SYNC_LINK_BITS_H
#define SYNC_LINK_BITS_H

#include <stdbool.h>
#include <stdint.h>

struct link_bits {
    uint64_t *bits;
    int64_t most;  /* the last link that is looked for; later ones are not kept */
    int64_t count; /* of those that were met */
};

/* Forgets what was met. */
void link_bits_begin(struct link_bits *set, int64_t most);
void link_bits_add(struct link_bits *set, int64_t link);
bool link_bits_has(const struct link_bits *set, int64_t link);
void link_bits_free(struct link_bits *set);

#endif
