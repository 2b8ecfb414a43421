/* SPDX-License-Identifier: Apache-2.0 */
/* What merge.c (which record is which) and merge_write.c (what is written) share. */
#ifndef SYNC_MERGE_INTERNAL_H
#define SYNC_MERGE_INTERNAL_H

#include "sync/merge.h"

/* One vendor record of a batch that is to be stored. */
struct item {
    const struct page_record *record;
    size_t order;         /* in which it came */
    struct link_row link; /* key 0: not linked before */
    int64_t key;          /* of its canonical record */
    bool created;         /* the canonical record is new */
    struct record_row *row;
    struct value *references; /* a rule each: key of the referred record, of rules with a lookup */
    uint64_t *moved;          /* bit set: a rule each */
    struct str shadow;        /* to be stored */
};

struct batch {
    const struct merge *merge;
    const struct mapping *mapping;
    struct item *items; /* by external id, each once */
    size_t count;
    struct store_batch out;
    struct run_counts counts; /* of this batch */
    struct arena arena;
};

static inline bool has_moved(const struct item *item, size_t rule)
{
    return item->moved[rule / 64] >> (rule % 64) & 1;
}

/* By external id; NULL when the batch does not have it. */
struct item *batch_find(const struct batch *batch, struct str external_id);

/* Fills `references` of all items, and notes those whose target is missing. */
int batch_resolve(struct batch *batch, struct error *err);

/* Fills batch->out with creates, updates and links. */
int batch_write(struct batch *batch, struct error *err);

/* References that waited for the records of this batch; after batch->out was applied. */
int batch_settle_pending(struct batch *batch, struct error *err);

#endif
