/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapped records into the store: link or match, merge field by field, write.
 *
 * A field is taken from the vendor only when it moved there since it was last seen (its hash in the
 * link's shadow). All of it is between store_begin and store_commit of the caller, on the thread
 * that has the store.
 */
#ifndef SYNC_MERGE_H
#define SYNC_MERGE_H

#include "store/store.h"
#include "sync/page.h"
#include "sync/setup.h"

/* One object of a connection, as merging sees it. */
struct merge_target {
    const struct setup *setup;
    const struct object_setup *object; /* of the setup */
    int64_t stream;
    int64_t *lookups; /* a rule each: the stream that its ids are of; 0: none */
    int64_t links_before;
    const uint64_t *erased; /* hashes of ids that must not come back, sorted as signed numbers */
    size_t erased_count;
    bool may_hold_quarantined; /* so that records that are fine again are taken out */
};

struct merge {
    struct store *store;
    struct world *world;
    int64_t organization, run;
    const struct merge_target *target;
};

enum merge_result { MERGE_OK, MERGE_STOPPED, MERGE_FAILED };

/* Adds to `counts` (those of this object in this run so far). MERGE_STOPPED: a guard rail; `err`
 * says which, and the transaction is to be rolled back, as after MERGE_FAILED. */
enum merge_result merge_pages(const struct merge *merge, struct page *const *pages,
                              size_t page_count, struct run_counts *counts, struct error *err);

#endif
