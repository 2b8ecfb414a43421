/* SPDX-License-Identifier: Apache-2.0 */
/* How far a sync is, on standard error: a bar on a terminal, a line every few seconds elsewhere,
 * also when nothing comes: who waits is told that, and for how long. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/world.h"
#include "cli/out.h"
#include "sync/run.h"

enum { PROGRESS_OBJECTS = 64 };

/* When an object was read, for the summary. */
struct progress_object {
    char name[64];
    int64_t from_us, to_us; /* monotonic */
};

struct progress {
    const struct world *world;
    struct progress_object objects[PROGRESS_OBJECTS];
    size_t count;
    uint64_t total; /* of the last object; 0: not known */
    int64_t read;
    int64_t began_us, shown_us;
    int64_t heard_us; /* when something last came */
    struct timer timer;
    bool on_screen;
};

void progress_begin(struct progress *p, const struct world *world);
void progress_update(struct progress *p, const struct run_progress *now);
void progress_end(struct progress *p);

/* How long an object took; 0: not known. */
int64_t progress_took(const struct progress *p, struct str object);

/* A bar of `width` columns, the part done filled. */
void progress_bar(struct buf *out, int64_t done, uint64_t total, int width);

#endif
