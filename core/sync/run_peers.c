/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that an account has of its own go by several names, and only the connector knows when two
 * of them mean the same one: it refuses the second that it is asked for. A run that does not read
 * all of them in one session asks for the others first, so that their records never come twice.
 */
#include "sync/run_internal.h"

static bool is_custom(const struct object_setup *object)
{
    return object->vendor->is_custom;
}

/* Whether this session reads it anyway. */
static bool is_ahead(const struct run *run, const struct object_setup *object)
{
    for (size_t i = run->current; i < run->object_count; i++)
        if (run->objects[i].setup == object)
            return true;
    return false;
}

static bool any_ahead(const struct run *run)
{
    for (size_t i = run->current; i < run->object_count; i++)
        if (is_custom(run->objects[i].setup))
            return true;
    return false;
}

static void next_peer(struct run *run)
{
    if (!run_goes_on(run))
        return;
    for (bool any = any_ahead(run); any && run->peer < run->setup->object_count;) {
        const struct object_setup *object = &run->setup->objects[run->peer++];
        if (!is_custom(object) || is_ahead(run, object))
            continue;
        run->peering = true;
        worker_discover(session_worker(run->session), object->item->name);
        return;
    }
    run_next(run);
}

void run_peers_begin(struct run *run)
{
    run->peer = 0;
    run->peering = false;
    next_peer(run);
}

/* One that fails is no matter here: it is told when that object is read. */
void run_peers_found(struct run *run)
{
    run->peering = false;
    next_peer(run);
}
