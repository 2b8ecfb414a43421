/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be written to the vendor: the store's side of an export, on the thread that has the
 * store. Each function is a transaction of its own.
 *
 * Records that somebody else than the connection has changed are due. They are taken in portions:
 * export_gather compares ours with what was agreed on and says which of the vendor's records are to
 * be looked at; these are read and merged like any others, so that what moved there meanwhile is
 * known and conflicts are settled; export_prepare compares again and notes each write before it is
 * sent; export_settle takes in what became of them. After a crash export_recover finds the notes.
 */
#ifndef SYNC_EXPORT_H
#define SYNC_EXPORT_H

#include "sync/intake.h"
#include "sync/merge.h"

/* What the vendor has, of a record that was looked at. */
struct looked {
    struct str id;
    int64_t modified_us;
    struct str *raw; /* an exported field each: JSON; ptr NULL: the answer did not have it */
};

/* One field of one record that is to be written. */
struct export_field {
    const struct export_rule *rule;
    struct str text; /* as the vendor writes it; with an association the other record's id */
    bool clear;
    int64_t other;     /* of a reference: the record of ours that it means */
    struct str before; /* JSON, as it was there; empty: not known */
    struct str kept;   /* the text that the vendor says it has now; ptr NULL: none */
    uint64_t here;     /* hash of our value */
    struct str base;   /* our value as JSON, where a base is kept of the field; else empty */
    size_t index;      /* of mapping->exports */
};

struct export_item {
    int64_t record;
    struct uuid id;
    struct link_row link; /* key 0: it is new there */
    struct str external_id;
    const struct looked *looked; /* NULL: it was not */
    struct export_field *values, *joins;
    size_t value_count, join_count;
    size_t left; /* writes that are not done, and fields that wait for another record */
};

/* Writes of one kind, which go in one call. */
struct export_group {
    enum write_op op;
    struct str field;          /* of ASSOCIATE and DISSOCIATE: a vendor field */
    struct write_request call; /* for the worker */
    struct export_item **items;
    struct export_field **joined; /* of ASSOCIATE and DISSOCIATE */
    int64_t *ids;                 /* of the notes in the store */
    struct str *bodies;           /* and their texts */
    struct str *lines;            /* of a plan that is applied: a row each */
    struct write_result *results; /* a row each; write_id empty: nothing was said of it */
    size_t count;
};

struct export
{
    struct merge merge;
    const char *connection; /* its name */
    int64_t connection_id;
    int64_t vendor_now;
    int64_t watermark; /* what changed at the vendor up to here has been read */
    bool read_all;     /* this run has read the whole object */
    struct run_counts *counts;

    /* Of a plan, and where one is applied; what is written is noted in merge.notes. */
    struct sync_plan *plan; /* nothing is sent, and nothing kept in the store; NULL: it is */
    struct page_list
        *pages;           /* that were looked at: merged with what is prepared; NULL: they were */
    bool picks;           /* these records alone */
    struct str *pick_ids; /* and those of these ids of the vendor's */
    size_t pick_id_count;
    int64_t *picked; /* keys, sorted; this portion's */
    size_t picked_count;
    struct run_counts decided; /* conflicts of this portion that waited for times of fields */

    bool noted;    /* all of the log has been looked at */
    bool created;  /* records were: what refers to them may go on */
    int64_t after; /* records up to this one are done with */
    int64_t last;  /* of this portion */
    struct export_item *items;
    size_t count;
    struct str *ids; /* to look at */
    size_t id_count;
    int64_t *unread; /* records of this portion that are to be read again */
    size_t unread_count;
    struct looked *looked; /* by id, once export_prepare has sorted them */
    size_t looked_count, looked_cap;
    struct export_group *groups; /* in the order in which they are sent */
    size_t group_count;
    struct arena arena; /* of this portion */
};

/* Writes of runs that did not come to their end: what became of them is found out, or left in
 * doubt. */
int export_recover(struct export *x, struct error *err);

/* Whether what is due is more than the guard rails let through (MERGE_STOPPED): counted before the
 * first portion is sent, as if all of it had to be written. */
enum merge_result export_guard(struct export *x, struct error *err);

/* Queues what others have changed here, as export_gather does first. */
int export_note_log(struct export *x, struct error *err);

/* One record by itself. *ret_due NULL: it is not due. The arena's. */
int export_find_due(struct store *store, int64_t stream, int64_t record, struct arena *arena,
                    struct export_due **ret_due, struct error *err);

/* The next portion; count 0: there is none. */
int export_gather(struct export *x, struct error *err);

/* Keeps what the vendor has in exported fields. `again`: also of records that have come before, as
 * they are now. On any thread, before export_prepare. */
void export_note(struct export *x, const struct page *page, bool again);

/* Fills the groups. MERGE_STOPPED: a guard rail or a pause; nothing is to be sent. */
enum merge_result export_prepare(struct export *x, struct error *err);

/* Its work, within a transaction of the caller's. May be called again, after that was rolled back.
 */
enum merge_result export_compare(struct export *x, struct error *err);

/* export_notes.c: notes what the groups write. Within that transaction. */
int export_note_writes(struct export *x, struct error *err);

/* One group's results. `unclear`: those that nothing was said of may be done. */
int export_settle(struct export *x, struct export_group *group, bool unclear, struct error *err);

/* The groups from that one on are not sent: the notes of them go, and the records stay due. */
int export_unsend(struct export *x, size_t first, struct error *err);

/* Forgets the portion; another one may be gathered. */
void export_free(struct export *x);

#endif
