/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses: nothing is committed for a connection, or for any, until somebody lets it go on. */
#ifndef SYNC_PAUSE_H
#define SYNC_PAUSE_H

#include "sync/host.h"

/* Whether a pause holds for a connection: 1 with a sentence that says whose and how it ends, 0, or
 * -1. On the thread that has the store. */
int pause_check(struct store *store, const char *name, struct error *err);

/* Sets or ends (`by` empty) the pause of a connection, or of all (name NULL): 1; 0 when it was so
 * already, and stays as it was; -1. On the calling thread's store. */
int pause_set(struct store *store, const char *name, struct str by, struct str reason,
              struct error *err);

#endif
