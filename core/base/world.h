/* SPDX-License-Identifier: Apache-2.0 */
/* What the host takes from outside itself: time, chance and what may interrupt it. main makes a
 * real one; the simulation tests make one that can be repeated. Nothing outside base/ and net/ asks
 * the machine for any of these. */
#ifndef BASE_WORLD_H
#define BASE_WORLD_H

#include "base/loop.h"

struct world {
    struct loop *loop;
    /* Fills with random bytes; from any thread. */
    void (*random)(void *self, void *bytes, size_t len);
    /* Called on the store thread just before each commit; false refuses the commit, which is how a
     * test ends the host at that instant. May be NULL. */
    bool (*may_commit)(void *self);
    void *self;
};

static inline int64_t world_now(const struct world *w)
{
    return loop_wall_us(w->loop);
}

static inline int64_t world_monotonic(const struct world *w)
{
    return loop_monotonic_us(w->loop);
}

/* CPU time of the calling thread so far: for the run log, never to decide anything by. */
int64_t world_cpu_us(void);

/* Evenly in [0, below); `below` > 0. */
int64_t world_random_below(const struct world *w, int64_t below);

/* The kernel's generator, for main. */
void world_random_real(void *self, void *bytes, size_t len);

#endif
