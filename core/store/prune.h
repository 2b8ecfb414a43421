/* SPDX-License-Identifier: Apache-2.0 */
/* Retention, the same for both engines: which rows are old enough and of no use any more. How a
 * statement is run is the engine's; its parameters are $1, $2 and so on, all of them numbers. */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H

#include "store/store.h"

struct prune_engine {
    /* Of a log row l: somebody follows the log who has not read it yet. */
    const char *unread;
    /* Query: `at` of the first such row. */
    const char *first_unread_at;

    /* The first row of an answer, as `count` numbers; all 0 when there is none. */
    int (*ask)(struct store *s, const char *text, const int64_t *params, size_t param_count,
               int64_t *ret, size_t count, struct error *err);
    /* *ret_changed: how many rows it changed or deleted. */
    int (*change)(struct store *s, const char *text, const int64_t *params, size_t param_count,
                  int64_t *ret_changed, struct error *err);
};

int prune_run(struct store *s, const struct prune_engine *engine, struct prune_step *step,
              struct error *err);
int prune_last(struct store *s, const struct prune_engine *engine, enum prune_kind kind,
               int64_t *ret_at, struct error *err);

#endif
