/* SPDX-License-Identifier: Apache-2.0 */
#include "base/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

int64_t world_random_below(const struct world *w, int64_t below)
{
    uint64_t word;
    w->random(w->self, &word, sizeof word);
    return (int64_t)(word % (uint64_t)below); /* the bias is below 2^-20 for any delay we draw */
}

void world_random_real(void *self, void *bytes, size_t len)
{
    (void)self;
    for (size_t done = 0; done < len;) {
        ssize_t got = getrandom((char *)bytes + done, len - done, 0);
        if (got < 0) {
            perror("fastenr: the kernel gives no random bytes");
            abort();
        }
        done += (size_t)got;
    }
}
