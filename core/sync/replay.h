/* SPDX-License-Identifier: Apache-2.0 */
/* Quarantined records through mapping, match and merge again, after the mapping or the record was
 * mended. Uses the store on the calling thread: no run may be under way. */
#ifndef SYNC_REPLAY_H
#define SYNC_REPLAY_H

#include "sync/host.h"
#include "sync/setup.h"

/* Those of one object, or of all (NULL), or a single one by its number (id > 0). A run of its own
 * in the run log, started by `started_by`. The row's texts and streams are the arena's. */
int replay_quarantine(struct sync_host *host, struct setup *setup, const struct object_setup *only,
                      int64_t id, struct str started_by, struct run_row *ret_row,
                      struct arena *arena, struct error *err);

#endif
