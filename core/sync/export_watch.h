/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when others have written what connections export: other programs, and runs of other
 * connections. PostgreSQL says when somebody has written; SQLite is asked four times a second, for
 * a counter in memory.
 */
#ifndef SYNC_EXPORT_WATCH_H
#define SYNC_EXPORT_WATCH_H

#include "sync/host.h"

struct export_watch;

/* What is watched. */
struct export_watched {
    struct str connection;
    struct str object; /* the vendor's */
    size_t entry;      /* whom it belongs to */
};

/* Of something to export: whose it is, and of which object, a text of the watch's. */
typedef void (*export_watch_fn)(void *arg, size_t entry, struct str object);

/* `fn` is called on the loop for each that has something to export, again and again until it has
 * been exported. The list and its texts are copied. */
struct export_watch *export_watch_open(struct sync_host *host, const struct export_watched *list,
                                       size_t count, export_watch_fn fn, void *arg);

/* To be called when a run has ended, which may have written what others export. */
void export_watch_look(struct export_watch *watch);

/* Nothing is told any more. Turns the loop until a look under way has ended: not from a callback.
 * NULL is ignored. */
void export_watch_close(struct export_watch *watch);

#endif
