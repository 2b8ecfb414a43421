/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapped records into the store: link or match, merge field by field, write. And how records end:
 * a link ends, and a record that no live link holds any more becomes a tombstone.
 *
 * A field is taken from the vendor only when it moved there since it was last seen (its hash in the
 * link's shadow). All of it is between store_begin and store_commit of the caller, on the thread
 * that has the store.
 */
#ifndef SYNC_MERGE_H
#define SYNC_MERGE_H

#include "store/store.h"
#include "sync/id_set.h"
#include "sync/link_bits.h"
#include "sync/linkup.h"
#include "sync/page.h"
#include "sync/plan.h"
#include "sync/setup.h"
#include "sync/verify.h"

/* Ids of a stream that must not come back: hashes, sorted as signed numbers. */
struct erased_ids {
    uint64_t *hashes;
    size_t count;
};

/* One object of a connection, as merging sees it. */
struct merge_target {
    const struct setup *setup;
    const struct object_setup *object; /* of the setup */
    int64_t stream;
    const int64_t *streams; /* of the setup's objects */
    int64_t *lookups;       /* a rule each: the stream that its ids are of; 0: none */
    int64_t links_before;
    const struct erased_ids *erased; /* of these streams, each */
    bool may_hold_quarantined;       /* so that records that are fine again are taken out */
};

/* Links, to be freed with link_list_free. */
struct link_list {
    struct linked_id *items; /* link and record */
    size_t count, cap;
};

void link_list_add(struct link_list *list, int64_t link, int64_t record);
void link_list_sort(struct link_list *list);                    /* by link */
bool link_list_has(const struct link_list *list, int64_t link); /* of a sorted one */
void link_list_free(struct link_list *list);

/* What the vendor is to be asked, so that conflicts can be decided: when fields of records got
 * their values. */
struct time_wants {
    struct str *ids; /* of the vendor's records, each once */
    size_t id_count, id_cap;
    struct str *fields; /* the vendor's, each once */
    size_t field_count, field_cap;
    struct arena arena;
};

void time_wants_clear(struct time_wants *wants);

/* At most: of the vendor's two clocks, its Date and the times of its records. */
enum { CLOCKS_APART_US = 60000000 };

struct merge {
    struct store *store;
    struct world *world;
    int64_t organization, run;
    const struct merge_target *target;
    bool notes_seen;       /* the walk looks for absence: the store keeps which links it meets */
    struct link_list *met; /* gets the links of all records that come; NULL: nobody asks */
    const struct id_set *newer; /* ids of which more is known than what comes, which is left out,
                                   but met; NULL: none */
    bool retakes; /* fields that are taken of other records are, moved or not: the mapping has
                     changed, or a pause is over during which they did not follow */
    /* Both sides are compared, and the vendor's value is taken of all fields, moved or not; NULL:
     * as said above. `dry`: nothing is taken. */
    struct verify *verify;
    bool dry;
    /* Of a plan, and where one is applied. NULL: neither. */
    struct plan_notes *notes; /* gets what is changed */
    struct link_bits *bits;   /* gets the links of all records that come */
    char *told; /* GUARD_TOLD bytes: gets why a guard rail would stop, and nothing does */
    struct linkup *linkup; /* gets which record is which, and that is all that is done; dry */
    int64_t clock_skew_us; /* the vendor's clock less ours */
    /* A record with a conflict that the vendor's times of its fields would decide is left as it
     * was, for whoever reads it again with these. False: it is decided by what is known. */
    bool waits_for_times;
    struct time_wants *wants; /* gets what is to be asked for that; NULL: not now */
};

enum { GUARD_TOLD = 400 };

/* Whether it has left records for which the vendor is to be asked now. */
static inline bool merge_asks(const struct merge *merge)
{
    return merge->waits_for_times && merge->wants && merge->wants->id_count > 0;
}

/* An empty batch of the run's for records of an object. */
static inline struct store_batch store_batch_of(const struct merge *merge,
                                                const struct model_object *object, int64_t now_us)
{
    return (struct store_batch){
        .object = object, .organization = merge->organization, .run = merge->run, .now_us = now_us};
}

enum merge_result { MERGE_OK, MERGE_STOPPED, MERGE_FAILED };

/* Adds to `counts` (those of this object in this run so far). MERGE_STOPPED: a guard rail; `err`
 * says which, and the transaction is to be rolled back, as after MERGE_FAILED. */
enum merge_result merge_pages(const struct merge *merge, struct page *const *pages,
                              size_t page_count, struct run_counts *counts, struct error *err);

/* Whether a run that has done `before` may do `more`: the guard rails. */
enum merge_result merge_guard(const struct merge *merge, const struct run_counts *before,
                              const struct run_counts *more, struct error *err);

/* Whether it may write so many to the vendor. */
enum merge_result merge_guard_exports(const struct merge *merge, const struct run_counts *before,
                                      const struct run_counts *more, struct error *err);

/* Of a read of deleted records: adds their links to merge->met, and to `ends` those that are still
 * to end; takes the records out of quarantine. Pages that are not mapped are enough. */
int merge_deleted(const struct merge *merge, struct page *const *pages, size_t page_count,
                  struct link_list *ends, struct error *err);

/* Notes in merge->verify that a record which is linked is not the vendor's any more, unless that
 * record has come. */
int merge_gone(const struct merge *merge, struct str external_id, int64_t record,
               enum link_ended why, struct error *err);

/* Ends links, archived or absent, and their records where the object's settings say so. All or,
 * when the guard rail trips, none. */
enum merge_result merge_end(const struct merge *merge, const struct link_list *ends,
                            enum link_ended why, struct run_counts *counts, struct error *err);

/* The value of a rule's field in a record; `custom` are its custom fields, parsed. -1: it is larger
 * than anything can be. */
int field_of_record(const struct rule *rule, const struct record_row *row,
                    const struct json *custom, struct arena *arena, struct value *ret_value);

/* Whether custom fields are exported. */
bool mapping_has_custom_exports(const struct mapping *mapping);

/* A record refers to another one from now on, or to none: changes the row, and adds to the updates
 * of the batch, which has room for it. */
void reference_turn(struct store_batch *out, int field, struct record_row *row, struct value now,
                    struct arena *arena);

/* ---- bodies of log rows ---- */

/* Before and after of all fields and of the custom fields, with every byte escaped. */
enum { LOG_BODY_MAX = 256 * 1024 * 1024 };

/* "name": [before, after], of a log row's body. */
void log_pair(struct json_writer *w, const char *name, enum field_kind kind,
              const struct value *before, const struct value *after);
void log_custom(struct json_writer *w, struct str before, struct str after);

#endif
