/* SPDX-License-Identifier: Apache-2.0 */
#include "base/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

int64_t world_cpu_us(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
        return 0; /* a kernel without it: the run log then says 0 */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

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
