/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/link_bits.h"

#include <stdlib.h>

#include "base/mem.h"

void link_bits_begin(struct link_bits *set, int64_t most)
{
    link_bits_free(set);
    set->most = most;
    set->bits = mem_new((size_t)most / 64 + 1, sizeof set->bits[0]);
}

void link_bits_add(struct link_bits *set, int64_t link)
{
    if (!set->bits || link < 0 || link > set->most || link_bits_has(set, link))
        return;
    set->bits[link / 64] |= UINT64_C(1) << (link % 64);
    set->count++;
}

bool link_bits_has(const struct link_bits *set, int64_t link)
{
    return set->bits && link >= 0 && link <= set->most && (set->bits[link / 64] >> (link % 64) & 1);
}

void link_bits_free(struct link_bits *set)
{
    free(set->bits);
    *set = (struct link_bits){0};
}
