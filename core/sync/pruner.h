/* SPDX-License-Identifier: Apache-2.0 */
/* Prunes in the background of `fastenr run`: a pass an hour, its steps on the store executor with
 * pauses between them, so that commits of runs go in between. */
#ifndef SYNC_PRUNER_H
#define SYNC_PRUNER_H

#include "sync/host.h"
#include "sync/retention.h"

struct pruner {
    struct world *world;
    struct store *store;
    bool (*is_busy)(void *arg); /* whether anything is being synced: then pauses are longer */
    void *arg;

    struct retention ages, next_ages; /* of the pass under way; of the next */
    struct retention_pass pass;
    struct timer timer;
    struct job job;
    bool under_way; /* a pass is */
    bool working;   /* a step is with the executor */
    bool stopped;
    int rc;
    struct error err;
    struct arena arena;
    struct str held; /* why not all that is old goes; empty: it does */
    bool told;       /* that is in the log already */
};

/* `world`, `store`, `is_busy` and `arg` are set. The first pass begins in a minute. */
void pruner_start(struct pruner *p, const struct retention *ages);
/* For the passes that come. */
void pruner_set(struct pruner *p, const struct retention *ages);
/* No step is begun any more; one may be under way until pruner_is_working says no. */
void pruner_stop(struct pruner *p);
bool pruner_is_working(const struct pruner *p);
void pruner_free(struct pruner *p);

#endif
