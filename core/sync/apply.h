/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan is done: the store's side, on the thread that has the store.
 *
 * Units are taken in portions. The vendor's records of a portion are read again, merged, and what
 * that changes is held against the plan's lines; where all is equal it is committed. Else the units
 * that differ are left out and the rest is merged anew. So nothing is written that the plan does
 * not have, and what moved since is refused by name.
 */
#ifndef SYNC_APPLY_H
#define SYNC_APPLY_H

#include "sync/export.h"
#include "sync/plan_file.h"

enum { REFUSALS_KEPT = 1000 };

/* A unit that is not done, and why. */
struct apply_refusal {
    enum plan_side side;
    enum plan_op op; /* of its first change */
    struct str object, external_id, record_id;
    const char *why;
};

/* A plan on its way. */
struct apply {
    struct plan_reading *reading;
    int64_t done, refused;          /* changes; the others were not reached */
    struct apply_refusal *refusals; /* the first ones */
    size_t refusal_count, refusal_cap;
    struct id_set touched; /* our records that were changed: what they wait for may come to them */
    struct arena arena;
};

/* A line of the plan. */
struct apply_change {
    struct str line;
    size_t row;
    enum plan_op op;
};

struct apply_unit {
    struct str name;
    struct str external_id, record_id;
    int64_t record; /* our key; 0: not known */
    bool is_new;    /* the vendor did not have it when the plan was made */
    enum plan_op op;
    enum link_ended ended; /* of an end that no record of the vendor's tells of; else LINK_LIVE */
    struct apply_change *changes; /* by line */
    size_t count;
    bool came;
    const char *why; /* it is left out; NULL: it is not */
};

struct apply_portion {
    struct apply_unit *units;
    size_t count;
    struct str *ids; /* of the vendor's records to look at */
    size_t id_count;
    struct arena arena;
};

/* Whether the plan has changes of the object that wait, on that side. */
bool apply_wants(const struct apply *apply, struct str object, enum plan_side side);

/* The next units, from row *from on, which moves; count 0: there are none. */
int apply_load(struct apply *apply, struct str object, enum plan_side side, size_t *from,
               size_t most, struct apply_portion *portion, struct error *err);

/* Frees the pages that have no record of the portion. */
void apply_prune(struct apply_portion *portion, struct page_list *pages);

/* Merges the pages, one a record that was asked for, and ends what the plan ends. One or several
 * transactions, of which one is committed. */
enum merge_result apply_here(struct apply *apply, struct apply_portion *portion,
                             const struct merge *merge, struct page_list *pages,
                             struct run_stream_row *row, const char *connection, struct error *err);

/* Which of our records the portion is about, and the vendor's ids to look at. */
int apply_gather(struct apply_portion *portion, struct export *x, struct error *err);
/* As export_prepare, for these. */
enum merge_result apply_there(struct apply *apply, struct apply_portion *portion, struct export *x,
                              struct error *err);

/* What became of the writes of one group; after export_settle. */
void apply_sent(struct apply *apply, struct apply_portion *portion, const struct export *x,
                const struct export_group *group);

/* What the object has left is refused. */
int apply_leave(struct apply *apply, struct str object, struct error *err);

void apply_free(struct apply *apply);

#endif
