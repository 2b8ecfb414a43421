/* SPDX-License-Identifier: Apache-2.0 */
/* How long the log, the runs and what hangs on them are kept; what is older is pruned in steps so
 * small that a sync beside them does not notice. */
#ifndef SYNC_RETENTION_H
#define SYNC_RETENTION_H

#include "config/host.h"
#include "store/store.h"

/* One pass over all that may be old. Each step is a transaction of its own: a pass that ends in the
 * middle, for whatever reason, is taken up by the next. */
struct retention_pass {
    struct store *store;
    const struct retention *ages;
    bool only_count;
    int64_t now; /* when the pass began */
    struct prune_step step;
    size_t portion; /* how many rows the next step looks at */

    int64_t pruned[PRUNE_KINDS]; /* by enum prune_kind */
    enum prune_hold hold;        /* why what is old enough stays */
    int64_t steps, took_us, last_us, longest_us;
    bool done;
};

void retention_begin(struct retention_pass *pass, struct store *store, const struct retention *ages,
                     bool only_count);
/* The next step, on the thread that has the store. */
int retention_step(struct retention_pass *pass, struct error *err);

/* How long what is of that kind is kept; 0: for ever. */
int64_t retention_age(const struct retention *ages, enum prune_kind kind);
/* "changes in the log" and the like, and a name for programs. */
const char *retention_name(enum prune_kind kind);
const char *retention_key(enum prune_kind kind);
int64_t retention_total(const struct retention_pass *pass);

/* Who keeps the rest of the log from being pruned, as a sentence; the arena's. An empty one when
 * nobody follows it. */
int retention_explain(struct store *store, struct arena *arena, struct str *ret_text,
                      struct error *err);

#endif
