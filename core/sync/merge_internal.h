/* SPDX-License-Identifier: Apache-2.0 */
/* What merge.c (which record is which), merge_write.c (what is written) and merge_settle.c (what
 * waited for it) share. */
#ifndef SYNC_MERGE_INTERNAL_H
#define SYNC_MERGE_INTERNAL_H

#include "sync/merge.h"

/* Before and after of all fields and of the custom fields, with every byte escaped. */
enum { LOG_BODY_MAX = 256 * 1024 * 1024 };

/* One vendor record of a batch that is to be stored. */
struct item {
    const struct page_record *record;
    size_t order;             /* in which it came */
    struct link_row link;     /* key 0: not linked before */
    int64_t key;              /* of its canonical record */
    bool created;             /* the canonical record is new */
    struct record_row *row;   /* of a new one once it is written */
    struct value *references; /* a rule each, of rules with a lookup: the referred record's key, or
                               * the field that is taken of it */
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

/* Of the rule's field of an item: it waits for that record; an empty id: for none any more. */
void batch_note_pending(struct batch *batch, const struct item *item, size_t rule, int64_t stream,
                        struct str external_id);

/* Fills `references` of `items` for a rule that takes a field; `found` are the links of the records
 * that they mean. All of them are noted as pending, found or not: see take.h. */
int batch_take(struct batch *batch, size_t rule, struct item *const *items,
               const struct link_row *found, size_t count, struct error *err);

/* A member of a log row's body: "name": [before, after]. */
void merge_log_pair(struct json_writer *w, const char *name, enum field_kind kind,
                    const struct value *before, const struct value *after);

/* Fills batch->out with creates, updates and links. */
int batch_write(struct batch *batch, struct error *err);

/* References that waited for the records of this batch; after batch->out was applied. */
int batch_settle_pending(struct batch *batch, struct error *err);

#endif
