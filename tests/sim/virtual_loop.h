/* SPDX-License-Identifier: Apache-2.0 */
/* A world that can be repeated exactly: a clock that moves only when everything waits, work done in
 * the order it was asked for, chance from a seed. */
#ifndef SIM_VIRTUAL_LOOP_H
#define SIM_VIRTUAL_LOOP_H

#include "base/world.h"

struct virtual_world {
    struct world world; /* first */
    int64_t now_us;     /* of the wall; the monotonic clock is this less the start */
    int64_t start_us;
    uint64_t seed;
};

void virtual_world_open(struct virtual_world *w, int64_t start_us, uint64_t seed);
void virtual_world_close(struct virtual_world *w);

/* Before each seed: one that does not end within minutes aborts the process and is named. */
void virtual_watch(const char *program, uint64_t seed);

/* splitmix64: also for tests that need chance of their own. */
uint64_t virtual_random(uint64_t *state);

#endif
