/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: canonical records, links to vendors' records, the log, stream state, runs and
 * quarantine.
 *
 * Works on batches: load by arrays of keys, apply one batch, all between store_begin and
 * store_commit. An engine fills struct store_engine; sync does not know which one it is. A store is
 * used by one thread at a time (the store executor while runs are under way).
 *
 * Every function returns 0, or -1 with an error; after a failure in a transaction call
 * store_rollback.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/hash.h"
#include "base/uuid.h"
#include "base/world.h"
#include "base/write_op.h"
#include "model/value.h"

struct store;

/* ---- rows ---- */

struct record_row {
    int64_t key;
    struct uuid id;
    int64_t rev;
    int64_t created_at, updated_at;
    int64_t deleted_at;                    /* 0: it lives; else it is a tombstone */
    struct value fields[MODEL_FIELDS_MAX]; /* in the order of the model */
    struct str custom;                     /* JSON object; empty: none */
};

/* Why a link is not live; the numbers are the store's. */
enum link_ended {
    LINK_LIVE = 0,
    LINK_ARCHIVED = 1, /* the vendor says that the record is deleted */
    LINK_MERGED = 2,   /* into another one, whose record is the link's now; a link without a record
                          (0) is of a vendor's record that a person wants as one of its own */
    LINK_ABSENT = 3,   /* the vendor does not know the id any more */
    LINK_OUT_OF_SCOPE = 4,
    LINK_ROLLED_BACK = 5 /* the run that made it was taken back: until the vendor's record moves */
};

struct link_row {
    int64_t key; /* 0: there is none */
    int64_t record;
    enum link_ended ended;
    struct str seen_remote;
    struct str seen_local; /* what was last seen of our record, a hash an exported field; empty:
                              nothing is exported to it yet */
    struct str base;       /* values that both sides agreed on (sync/link_base.h); empty: none */
};

/* A link by which a vendor is asked about its record. */
struct linked_id {
    int64_t link, record;
    struct str external_id;
};

/* The live links of a record. */
struct holder_row {
    int64_t live; /* in all streams */
    bool here;    /* one of them in the stream that was asked about */
};

struct match_row {
    int64_t record; /* 0: none */
    int64_t other;  /* a second one: the match is ambiguous; else 0 */
};

struct pending_row {
    struct str external_id;
    uint16_t object;
    int64_t record;
    uint16_t field; /* id */
};

/* ---- a batch ---- */

struct record_create {
    struct record_row *row; /* key from store_allocate, id and times set; rev is set by apply */
    int64_t prev; /* the last log row of one of that key that was lost; 0: there is none */
};

struct record_update {
    struct record_row *row; /* with the new values; row->rev is the old one, and set by apply */
    uint64_t changed;       /* bit i: fields[i] */
    bool custom_changed;
    struct str body; /* of the log row */
};

/* The record becomes a tombstone, or lives again: as row->deleted_at says. */
struct record_end {
    struct record_row *row; /* row->rev is the old one, and set by apply */
    struct str body;        /* of the log row; empty: none */
};

struct link_write {
    int64_t key; /* 0: a new link */
    int64_t stream, record;
    struct str external_id, seen_remote;
    struct str seen_local; /* ptr NULL: it stays as it is */
    struct str base;       /* with a seen_local; ptr NULL: it stays as it is; empty: none is kept */
    int64_t remote_modified; /* 0: not known; with a seen_local, it stays as it is */
    enum link_ended ended;   /* of a new link */
};

/* A link that is there ends, or lives again. One that is merged does not become archived or absent.
 */
struct link_end {
    int64_t key, stream, record;
    enum link_ended ended;
    int64_t followed; /* with LINK_MERGED: the record it had; what was merged into that one moves
                         along. 0: nothing does */
};

struct quarantine_write {
    int64_t stream;
    struct str external_id;
    int64_t modified;
    struct str field, reason, payload;
};

struct pending_write {
    int64_t stream;
    struct pending_row row; /* an empty external_id: nothing is pending any more */
};

struct store_batch {
    const struct model_object *object;
    int64_t organization, run, now_us;
    struct record_create *creates;
    size_t create_count;
    struct record_update *updates; /* sorted by key */
    size_t update_count;
    struct record_end *ends; /* sorted by key; before the updates */
    size_t end_count;
    struct link_write *links;
    size_t link_count;
    struct link_end *link_ends;
    size_t link_end_count;
    struct quarantine_write *quarantined;
    size_t quarantined_count;
    struct link_write *cleared; /* (stream, external_id) that are no longer in quarantine */
    size_t cleared_count;
    struct pending_write *pending;
    size_t pending_count;
    int64_t seen_stream;
    const int64_t *seen; /* links that a walk has met which looks for absence, sorted */
    size_t seen_count;
};

/* What a log row says; the numbers are the store's. */
enum log_op { LOG_CREATE = 1, LOG_UPDATE = 2, LOG_DELETE = 3, LOG_RESTORE = 4 };

/* Of a tombstone's log row, in its body: the id of the record that it was merged into. */
#define LOG_MERGED_INTO "merged_into"

/* Where a reader of the log stands: behind this row. On PostgreSQL the order of seq is not the
 * order of commits: rows are read in the order of transactions. On SQLite xid is 0. */
struct log_position {
    int64_t xid, seq;
};

struct log_row {
    struct log_position position;
    uint16_t object;
    int64_t record;
    enum log_op op;
    int64_t run;  /* 0: another program wrote it */
    int64_t prev; /* seq of the record's row before this one; 0: there is none */
    int64_t at;
    struct str body; /* {"field": [before, after]}; empty: none, or pruned. A deletion that has one
                        took the row away: it is all that the record was; but for LOG_MERGED_INTO */
};

/* ---- stream state ---- */

/* WALK_SUSPECTS: a full read that looks for absence is over, what it did not meet is not settled
 * yet. */
enum walk { WALK_NONE, WALK_FULL, WALK_WINDOW, WALK_SUSPECTS };

struct stream_state {
    int64_t id;
    bool has_watermark;
    int64_t watermark;
    int64_t mapping_hash;
    /* an interrupted read */
    enum walk walk;
    int64_t since, until; /* of the walk */
    int64_t walk_hash;    /* mapping of the walk */
    int64_t walk_links; /* the walk looks for absence among links up to this one; 0: it does not */
    struct str position;

    int64_t deleted_watermark; /* deletions up to here have been read; 0: none */
    int64_t reconciled_at;     /* beginning of the last read that looked for absence; 0: none */
};

/* ---- runs ---- */

enum run_status {
    RUN_RUNNING = 1,
    RUN_OK = 2,
    RUN_QUARANTINED = 3, /* went through, but not clean: records were set aside, writes refused, or
                            conflicts wait for a person */
    RUN_FAILED = 4,
    RUN_STOPPED = 5, /* by a guard rail */
    RUN_CANCELLED = 6,
    RUN_INTERRUPTED = 7 /* the host died in it */
};
const char *run_status_name(enum run_status status);

struct run_counts {
    int64_t read, created, updated, unchanged, filtered, quarantined;
    int64_t deleted;  /* records that became tombstones; not among those that were read */
    int64_t restored; /* tombstones that live again */
    int64_t followed; /* records of other objects that take fields of those that were read, and were
                         changed for that; not among those that were read */
    int64_t ended;    /* links that ended: for the guard rail, and not kept */

    /* What was written to the vendor; none of it is among those that were read. */
    int64_t sent_created, sent_updated, sent_deleted;
    int64_t refused;    /* writes that the vendor refused, or that could not be made */
    int64_t conflicted; /* fields that both sides had changed */
    int64_t waiting;    /* those of them that wait for a person; not kept */
};

struct run_stream_row {
    int64_t stream;
    struct str vendor_object, object; /* when listed */
    enum walk mode;
    int64_t since, until; /* since: 0 for a full read */
    struct run_counts counts;
};

/* What a run is; the numbers are the store's. One of RUN_OF_MERGE has no connection. */
enum run_kind { RUN_OF_CONNECTION = 0, RUN_OF_MERGE = 1 };

struct run_row {
    int64_t id;
    enum run_kind kind;
    int64_t rolls_back;    /* the run that it takes back; 0: none */
    struct str connection; /* name; empty: of none */
    struct str started_by;
    int64_t started_at, ended_at; /* ended_at 0: not yet */
    enum run_status status;
    struct str reason, phase;
    int exit_signal, exit_code; /* -1: none */
    int64_t api_calls, bytes, cpu_us;
    int64_t pruned_at; /* since when what it changed or sent is not known any more, at least in
                          part; 0: it is all there */
    struct run_stream_row *streams;
    size_t stream_count;
};

/* ---- retention ---- */

/* What is pruned, in this order: what rows hold before the rows. The numbers are the store's. */
enum prune_kind {
    PRUNE_LOG_BODIES = 1, /* of updates */
    PRUNE_SENT_BODIES,
    PRUNE_LOG,
    PRUNE_SENT,
    PRUNE_CONFLICTS, /* that are settled */
    PRUNE_QUARANTINE,
    PRUNE_RUNS
};
enum { PRUNE_KINDS = PRUNE_RUNS + 1 };

/* Why what is old enough stays. */
enum prune_hold {
    PRUNE_HELD_BY_NOTHING,
    PRUNE_HELD_BY_CONSUMER, /* somebody who follows the log has not read it yet */
    PRUNE_HELD_BY_RUN       /* a run that is under way wrote it */
};

/* A portion of what is older than `before`. */
struct prune_step {
    enum prune_kind kind;
    int64_t before;
    size_t most; /* rows to look at */
    bool only_count;
    int64_t after; /* 0 at first, then as the portion before left it */

    int64_t pruned; /* rows that went, or would go */
    bool done;      /* nothing after it is old enough */
    enum prune_hold hold;
};

/* ---- rollback ---- */

/* What the log has of a run. */
struct run_span {
    int64_t first, last;  /* seqs: the run's rows are behind the one, up to the other */
    int64_t rows, pruned; /* `pruned`: those that have lost what they changed */
    int64_t sent;         /* rows of the journal of what was sent */
};

/* A link as it is, of whichever connection. */
struct held_link {
    int64_t stream, connection;
    struct link_row link;
    struct str external_id;
};

/* A live record that refers to another one. */
struct referrer_row {
    int64_t record, by;
};

/* ---- duplicates, and merges of two records ---- */

/* A record among those that share a value, in the order of values and keys; record 0: before the
 * first. */
struct duplicate_place {
    struct str value;
    int64_t record;
};

/* A link that a run has given another record, and what was seen of both sides then. */
struct moved_link {
    int64_t from, to; /* records */
    struct str seen_remote, seen_local, base;
    struct str left;      /* what the fields were that `to` had from then on: as a seen_local */
    struct held_link now; /* when loaded; link.key 0: it is there no more */
};

/* ---- erasure ---- */

struct erase_request {
    int64_t organization;
    struct str address; /* e-mail address, lower case */
};

struct erase_counts {
    int64_t records, owners; /* the person's contacts and owners */
    int64_t links, log_rows, quarantined;
    int64_t payloads; /* other vendors' records in quarantine that mention the address: they stay,
                         without what they held */
    int64_t emptied;  /* other records that lose a reference to the person, what they took of it, or
                         the address as an e-mail field */
    int64_t mentions; /* other records, links and vendors' fields with the address in a text; they
                         are left as they are */
};

/* What stands in the place of a payload or of a reason that mentioned an erased person. Neither has
 * a quote that SQL would take for its own. */
#define STORE_ERASED_PAYLOAD                                                                       \
    "[\"erased with the data of a person: a full sync brings the record again\"]"
#define STORE_ERASED_REASON "it mentioned a person who was erased"

/* ---- pauses ---- */

struct pause_row {
    int64_t at; /* 0: not paused */
    bool all;   /* not only this connection */
    struct str by, reason;
};

/* ---- exports ---- */

/* A record that is to be compared with the vendor's. */
struct export_due {
    int64_t record;
    struct link_row link; /* the live one of the stream; else the last that ended, but for those
                           * that were merged into it; key 0: none */
    struct str external_id;
    bool unread; /* the vendor's record has come and was not taken in: it is to be read again */
};

/* Whether others have written what a stream exports. EXPORTS_LATER: they have, but transactions are
 * still open that may come before it. */
enum export_news { EXPORTS_NONE, EXPORTS_DUE, EXPORTS_LATER };

/* A write is noted before it is sent, so that what became of it can be found out after a crash. The
 * numbers are the store's. */
enum write_state {
    WRITE_SENT = 1,    /* it is under way, or the host died: its outcome is not known */
    WRITE_DOUBTED = 2, /* its outcome is not known, and could not be found out yet */
    WRITE_REFUSED = 3 /* by the vendor, or here: until the record changes, or a person asks again */
};

struct export_write {
    int64_t id; /* 0: a new one; set by add_writes */
    int64_t stream, run, record, link;
    enum write_op op;
    enum write_state state;
    int64_t at;
    struct str external_id;               /* empty for a creation */
    struct str body;                      /* JSON: vendor field: what is written, null to clear */
    struct str reason;                    /* of a refused one */
    struct str connection, vendor_object; /* when listed */
};

/* What was written to a vendor: for rollback and provenance. */
struct sent_row {
    int64_t id; /* when loaded */
    int64_t stream, run, record;
    enum write_op op;
    int64_t at;
    struct str external_id;
    struct str body; /* {"vendor field": [before, after]}; before is null where it was not known. A
                        third value is what the vendor kept, where that is not what was written */
};

enum conflict_state { CONFLICT_OPEN = 1, CONFLICT_LOCAL, CONFLICT_REMOTE, CONFLICT_VALUE };

/* A field that both sides changed, or that waits for a person. */
struct conflict_row {
    int64_t id; /* 0: a new one */
    int64_t stream, run, record;
    uint16_t field;            /* id */
    enum conflict_state state; /* OPEN; else how it was settled */
    bool by_policy;            /* settled at once, by the connection's policy */
    int64_t at, settled_at;    /* settled_at 0: open */
    /* When our field and the vendor's record changed; 0: unknown. Of a field that goes to and fro:
     * our record. */
    int64_t local_at, remote_at;
    struct str base, local, remote; /* JSON values; base empty: not kept */
    struct str settled_by;
    struct str connection, vendor_object, external_id, object; /* when listed */
    struct str custom_field; /* when listed: its name, of a field that is not the model's */
};

struct conflict_filter {
    int64_t id;            /* 0: any */
    struct str connection; /* empty: any */
    struct str vendor_object;
    int64_t stream; /* 0: any */
    int64_t record; /* 0: any */
    bool open_only;
};

/* ---- quarantine ---- */

struct quarantine_row {
    int64_t id, stream, run;
    struct str connection, vendor_object, external_id;
    int64_t first_at, last_at, times, modified;
    struct str field, reason, payload;
};

/* ---- secrets: sealed before they come here, see secret.h ---- */

struct secret_row {
    struct str connection, name;
    int64_t version; /* 0: there is none */
    struct str key_id, sealed;
    struct str problem; /* why it is of no use any more; empty while it is */
    int64_t updated_at;
};

/* ---- what is known of a vendor's fields ---- */

enum field_pause {
    FIELD_LIVE,
    FIELD_REMOVED,   /* the vendor has it no more */
    FIELD_RETYPED,   /* it has another type */
    FIELD_NEW_VALUES /* it may have values that the mapping does not know */
};

struct field_row {
    int64_t stream;
    struct str connection, vendor_object; /* when listed */
    struct str name;
    int type;          /* as connectors name it; 0: the vendor has never had it */
    struct str values; /* JSON array of texts; empty: not known */
    enum field_pause pause;
    int64_t since;         /* of the pause */
    int now_type;          /* while it is paused: what the vendor has now */
    struct str now_values; /* likewise */
    int64_t rules_hash;    /* of the rules that read it, when it was paused */
    bool sparse;           /* answers leave it out where it has no value */
};

struct field_snapshot {
    int64_t looked_at; /* 0: never */
    int64_t mapping_hash;
    struct field_row *rows; /* by name */
    size_t count;
};

/* ---- life ---- */

/* `url` as in fastenr.conf; a relative path is relative to `dir`. Makes and migrates the database.
 */
struct store *store_open(const char *url, const char *dir, struct world *world, struct error *err);

/* As store_open, but fails when there is no store yet: for commands that only look. */
struct store *store_open_existing(const char *url, const char *dir, struct world *world,
                                  struct error *err);
void store_close(struct store *store);

const uint8_t *store_hash_key(const struct store *store); /* SIPHASH_KEY bytes */
const char *store_location(const struct store *store);    /* for people; holds no password */
bool store_is_file(const struct store *store);            /* then its location is the path */

/* One sentence for `doctor`, or -1 with what is broken. Reads the whole store. */
int store_verify(struct store *store, struct buf *ret_summary, struct error *err);

/* ---- the engine ---- */

struct stream_row {
    struct str connection, vendor_object;
    const struct model_object *object;
    struct stream_state state;
    int64_t links; /* that are live */
    int64_t quarantined;
};

/* A link of a record, for lists. */
struct record_link {
    struct str connection, vendor_object, external_id;
    enum link_ended ended;
};

typedef bool (*link_fn)(void *arg, const struct record_link *link);
typedef bool (*run_fn)(void *arg, const struct run_row *row);

/* Instead of a run's id: those that have not ended. */
enum { RUNS_UNDER_WAY = -1 };

typedef bool (*stream_fn)(void *arg, const struct stream_row *row);
typedef bool (*quarantine_fn)(void *arg, const struct quarantine_row *row);
typedef bool (*secret_fn)(void *arg, const struct secret_row *row);
typedef bool (*field_fn)(void *arg, const struct field_row *row);
typedef bool (*record_fn)(void *arg, const struct record_row *row);
typedef bool (*write_fn)(void *arg, const struct export_write *row);
typedef bool (*sent_fn)(void *arg, const struct sent_row *row);
typedef bool (*conflict_fn)(void *arg, const struct conflict_row *row);

struct record_filter {
    const struct model_object *object;
    int64_t organization;
    /* all must be equal; field -1 with a name: a custom field */
    struct {
        int field;
        struct str name;
        struct value value;
    } where[8];
    size_t where_count;
    bool deleted;  /* the tombstones, rather than what lives */
    int64_t limit; /* 0: all */
};

struct store_engine {
    int (*begin)(struct store *s, struct error *err);
    int (*commit)(struct store *s, struct error *err);
    void (*rollback)(struct store *s);

    /* Dictionaries: gives the id, making the row when it is new. */
    int (*organization)(struct store *s, const struct uuid *id, int64_t *ret_id, struct error *err);
    /* An empty connector: not known, whichever it has. */
    int (*connection)(struct store *s, struct str name, struct str connector, int64_t *ret_id,
                      struct error *err);
    int (*stream)(struct store *s, int64_t connection, struct str vendor_object,
                  const struct model_object *object, struct arena *arena,
                  struct stream_state *ret_state, struct error *err);
    int (*custom_field)(struct store *s, const struct model_object *object, struct str name,
                        int64_t *ret_id, struct error *err);
    int (*set_account)(struct store *s, int64_t connection, struct str account, struct str name,
                       struct error *err);

    /* Loads: `out` has `count` rows, in the order of the keys; texts are the arena's. Without an
     * arena `load_links` leaves out what was seen. */
    int (*load_links)(struct store *s, int64_t stream, const struct str *external_ids, size_t count,
                      struct link_row *out, struct arena *arena, struct error *err);
    /* Live records with that value in the field that `stream` does not link yet. */
    int (*match)(struct store *s, const struct model_object *object, int64_t organization,
                 int64_t stream, int field, const struct value *values, size_t count,
                 struct match_row *out, struct error *err);
    /* A record that is gone has key 0. */
    int (*load_records)(struct store *s, const struct model_object *object, const int64_t *keys,
                        size_t count, struct record_row *out, struct arena *arena,
                        struct error *err);
    int (*load_pending)(struct store *s, int64_t stream, const struct str *external_ids,
                        size_t count, struct pending_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err);
    /* Keys for `count` new records, the first of them; also how many live links a stream has. */
    int (*allocate)(struct store *s, const struct model_object *object, size_t count,
                    int64_t *ret_first, struct error *err);
    int (*count_links)(struct store *s, int64_t stream, int64_t *ret_count, struct error *err);

    /* What ends. `load_holders`: of records of `object`. `load_unseen`: links up to
     * state->walk_links that its walk has not met, but for those that are archived or merged. Both
     * lists are in the order of the links, from after `after`, at most `most`. `load_referring`:
     * keys of `object`'s records whose field refers to one of `records`. `begin_seen` forgets what
     * walks of the stream have met, and gives the last link there is. */
    int (*load_holders)(struct store *s, const struct model_object *object, int64_t stream,
                        const int64_t *records, size_t count, struct holder_row *out,
                        struct error *err);
    int (*load_unseen)(struct store *s, const struct stream_state *state, int64_t after,
                       size_t most, struct linked_id **ret_rows, size_t *ret_count,
                       struct arena *arena, struct error *err);
    int (*load_archived)(struct store *s, int64_t stream, int64_t after, size_t most,
                         struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                         struct error *err);
    /* Of which of these links the vendor's record has never come: a person has made them. */
    int (*load_unmet)(struct store *s, const struct linked_id *links, size_t count, bool *out,
                      struct error *err);
    int (*load_referring)(struct store *s, const struct model_object *object, int field,
                          const int64_t *records, size_t count, int64_t **ret_keys,
                          size_t *ret_count, struct arena *arena, struct error *err);
    /* The last log row of each record, by the whole log; 0: there is none. */
    int (*load_last_log)(struct store *s, const struct model_object *object, const int64_t *records,
                         size_t count, int64_t *out, struct error *err);
    /* The log for who follows it: rows behind `after`, at most `most`, of transactions that no
     * other can come before any more: what commits late is met later, and nothing is left out.
     * `load_log_row`: one, seq 0 when it is not there. */
    int (*load_log)(struct store *s, const struct log_position *after, size_t most,
                    struct log_row **ret_rows, size_t *ret_count, struct arena *arena,
                    struct error *err);
    int (*load_log_row)(struct store *s, int64_t seq, struct log_row *ret_row, struct arena *arena,
                        struct error *err);
    /* How far somebody has followed the log; what is behind the slowest is not pruned. All zero:
     * not at all yet. `set_consumer` with a NULL position: nobody of that name follows any more. */
    int (*load_consumer)(struct store *s, struct str name, struct log_position *ret_position,
                         struct error *err);
    int (*set_consumer)(struct store *s, struct str name, const struct log_position *position,
                        struct error *err);
    /* Tells of other writers' commits. `listen` gives a descriptor that becomes readable, or -1
     * where there is none: then `heard` is asked now and then. `heard` tells whether anything was
     * written since it was asked last; -1: the session was lost, listen again and look. */
    int (*listen)(struct store *s, int *ret_fd, struct error *err);
    int (*heard)(struct store *s, bool *ret_written, struct error *err);
    int (*count_seen)(struct store *s, int64_t stream, int64_t *ret_count, struct error *err);
    int (*begin_seen)(struct store *s, int64_t stream, int64_t *ret_last, struct error *err);

    int (*apply)(struct store *s, struct store_batch *batch, struct error *err);
    int (*set_stream)(struct store *s, const struct stream_state *state, struct error *err);

    /* Exports of a stream, all within a transaction.
     * `note_exports`: queues the records of `object` that somebody else than runs of `connection`
     * has written to the log since it was asked last (log_consumer "export:STREAM"); at most `most`
     * log rows are looked at, *ret_more tells whether there may be more. The first call begins at
     * the end of the log: what was there before is not exported by itself. As with load_log, what
     * commits late is met by a later call.
     * `look_exports`: whether note_exports would find anything; a stream that was never asked has
     * nothing.
     * `queue_exports`: these too; what is queued already is left.
     * `queue_unread`: these too, as unread, whether they are queued or not.
     * `note_read`: these are unread no more; those that are not queued are left.
     * `queue_unlinked`: all live records of `object` that no link of the stream has, live or ended;
     * gives how many were not queued yet.
     * `load_exports`: from after record `after`, in the order of records, at most `most`; those
     * that a write under way or in doubt holds are left out. `drop_exports`: they are done with.
     * `count_exports`: how many are queued, with those that are held. */
    int (*note_exports)(struct store *s, int64_t stream, int64_t connection,
                        const struct model_object *object, size_t most, bool *ret_more,
                        struct error *err);
    int (*look_exports)(struct store *s, struct str connection, struct str vendor_object,
                        enum export_news *ret_news, struct error *err);
    int (*queue_exports)(struct store *s, int64_t stream, const int64_t *records, size_t count,
                         struct error *err);
    int (*queue_unread)(struct store *s, int64_t stream, const int64_t *records, size_t count,
                        struct error *err);
    int (*note_read)(struct store *s, int64_t stream, const int64_t *records, size_t count,
                     struct error *err);
    int (*queue_unlinked)(struct store *s, int64_t stream, const struct model_object *object,
                          int64_t organization, int64_t *ret_count, struct error *err);
    int (*load_exports)(struct store *s, int64_t stream, int64_t after, size_t most,
                        struct export_due **ret_rows, size_t *ret_count, struct arena *arena,
                        struct error *err);
    int (*drop_exports)(struct store *s, int64_t stream, const int64_t *records, size_t count,
                        struct error *err);
    int (*count_exports)(struct store *s, int64_t stream, int64_t *ret_count, struct error *err);
    /* The live external id of each record in a stream; empty: it has none. */
    int (*load_external)(struct store *s, int64_t stream, const int64_t *records, size_t count,
                         struct str *out, struct arena *arena, struct error *err);
    /* Writes, in the order of their ids; `add_writes` sets these. `set_writes` gives those with
     * these ids the state, `drop_writes` ends them. */
    int (*add_writes)(struct store *s, struct export_write *rows, size_t count, struct error *err);
    int (*load_writes)(struct store *s, int64_t stream, enum write_state state, int64_t after,
                       size_t most, struct export_write **ret_rows, size_t *ret_count,
                       struct arena *arena, struct error *err);
    int (*set_writes)(struct store *s, const int64_t *ids, size_t count, enum write_state state,
                      struct error *err);
    int (*drop_writes)(struct store *s, const int64_t *ids, size_t count, struct error *err);
    /* The refused ones of these records go, as they are compared anew. `each_write`: all that are
     * in doubt or refused, of one connection; an empty name: of all. */
    int (*forget_refused)(struct store *s, int64_t stream, const int64_t *records, size_t count,
                          struct error *err);
    int (*each_write)(struct store *s, struct str connection, write_fn fn, void *arg,
                      struct error *err);
    /* The journal of what was sent: of one run, newest first; or of one record (run 0). */
    int (*add_sent)(struct store *s, const struct sent_row *rows, size_t count, struct error *err);
    int (*each_sent)(struct store *s, int64_t run, const struct model_object *object,
                     int64_t record, sent_fn fn, void *arg, struct error *err);
    /* What was sent of these records (ascending) of a stream since then, of each oldest first:
     * record and body alone. */
    int (*each_recent_sent)(struct store *s, int64_t stream, const int64_t *records, size_t count,
                            int64_t since, sent_fn fn, void *arg, struct error *err);
    /* For rollback. `load_run_log`: a run's rows of the log before `before`, latest first, at most
     * `most`. `load_log_rows`: `out` has `count` rows, seq 0 where there is none. `load_held`: all
     * links of records, live or ended, by record and link. `load_referrers`: live records of
     * `object` whose field refers to one of `records`, by these. `load_run_sent`: as load_run_log,
     * of what the run sent, by id. `load_sent_of`: all that a run sent of these records of one
     * stream, by id. */
    int (*load_run_span)(struct store *s, int64_t run, struct run_span *ret_span,
                         struct error *err);
    int (*load_run_log)(struct store *s, int64_t run, const struct run_span *span, int64_t before,
                        size_t most, struct log_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err);
    int (*load_log_rows)(struct store *s, const int64_t *seqs, size_t count, struct log_row *out,
                         struct arena *arena, struct error *err);
    int (*load_held)(struct store *s, const struct model_object *object, const int64_t *records,
                     size_t count, struct held_link **ret_rows, size_t *ret_count,
                     struct arena *arena, struct error *err);
    int (*load_referrers)(struct store *s, const struct model_object *object, int field,
                          const int64_t *records, size_t count, struct referrer_row **ret_rows,
                          size_t *ret_count, struct arena *arena, struct error *err);
    int (*load_run_sent)(struct store *s, int64_t run, int64_t before, size_t most,
                         struct sent_row **ret_rows, size_t *ret_count, struct arena *arena,
                         struct error *err);
    int (*load_sent_of)(struct store *s, int64_t run, int64_t stream, const int64_t *records,
                        size_t count, struct sent_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err);
    /* Live records of `object` that share the value of a text field with another one, in the order
     * of values and keys, from behind `after`, at most `most`. `count_referrers` adds to `counts`
     * how many live records of `object` refer to each of `records`. `load_waiting`: what these
     * records' references wait for. */
    int (*load_duplicates)(struct store *s, const struct model_object *object, int64_t organization,
                           int field, const struct duplicate_place *after, size_t most,
                           struct record_row **ret_rows, size_t *ret_count, struct arena *arena,
                           struct error *err);
    int (*count_referrers)(struct store *s, const struct model_object *object, int field,
                           const int64_t *records, size_t count, int64_t *counts,
                           struct error *err);
    int (*load_waiting)(struct store *s, const struct model_object *object, const int64_t *records,
                        size_t count, struct pending_write **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err);
    /* The journal of links that a run moved, of `link` now->link.key; and of references that wait,
     * as they were before it: an empty external_id: it did not. */
    int (*add_moved)(struct store *s, int64_t run, const struct moved_link *links,
                     size_t link_count, const struct pending_write *waited, size_t waited_count,
                     struct error *err);
    int (*load_moved)(struct store *s, int64_t run, struct moved_link **ret_rows, size_t *ret_count,
                      struct arena *arena, struct error *err);
    int (*load_waited)(struct store *s, int64_t run, struct pending_write **ret_rows,
                       size_t *ret_count, struct arena *arena, struct error *err);
    /* Conflicts, in the order of their ids. An open one of the same stream, record and field takes
     * the new values and times; it keeps its id, its base and since when it is open. What is
     * settled already is not settled again. */
    int (*set_conflicts)(struct store *s, const struct conflict_row *rows, size_t count,
                         struct error *err);
    int (*each_conflict)(struct store *s, const struct conflict_filter *filter, conflict_fn fn,
                         void *arg, struct error *err);
    /* The open ones of a stream's records from `first` to `last`, with id, record and field alone.
     */
    int (*each_open_conflict)(struct store *s, int64_t stream, int64_t first, int64_t last,
                              conflict_fn fn, void *arg, struct error *err);
    int (*settle_conflict)(struct store *s, int64_t id, enum conflict_state how, struct str by,
                           struct error *err);

    /* Runs. `run_start` gives the id; connection 0: of none. Counts are absolute. */
    int (*run_start)(struct store *s, int64_t connection, struct str started_by, int64_t *ret_id,
                     struct error *err);
    int (*run_rolls_back)(struct store *s, int64_t run, int64_t which, struct error *err);
    int (*run_kind)(struct store *s, int64_t run, enum run_kind kind, struct error *err);
    int (*run_stream)(struct store *s, int64_t run, const struct run_stream_row *row,
                      struct error *err);
    int (*run_end)(struct store *s, const struct run_row *row, struct error *err);
    /* A lease keeps other hosts from running a connection: 1 when another has it. Ends with the
     * host. */
    int (*lease)(struct store *s, int64_t connection, struct error *err);
    void (*release)(struct store *s, int64_t connection);
    /* A person's contacts and owners, with their links, log, pending references and vendors'
     * records in quarantine; the ids of the links and of the latter are remembered by their hashes.
     * Theirs in quarantine is what is linked to them, or is a contact or an owner of the vendor's
     * of which a value is the address. Where others' log, quarantine or runs mention the address
     * (base/address.h), that text goes; where their fields refer to the person, take of it or are
     * the address, these are emptied. Other texts that mention it are counted, and stay. */
    int (*erase)(struct store *s, const struct erase_request *request, bool only_count,
                 struct erase_counts *ret_counts, struct error *err);
    /* Retention, within a transaction: one portion. What the next sync needs is never pruned: rows
     * of the log that somebody who follows it has not read, or that a record's `rev` names; rows of
     * a run that is under way; of each stream the last run and the last full one that went through;
     * the newest row of all. Runs whose rows lose something are marked so (pruned_at).
     * `last_pruned`: when something of that kind went last; 0: never. `slowest_consumer`: who has
     * read the least of the log, and when that was noted; an empty name: nobody follows it. */
    int (*prune)(struct store *s, struct prune_step *step, struct error *err);
    int (*last_pruned)(struct store *s, enum prune_kind kind, int64_t *ret_at, struct error *err);
    int (*slowest_consumer)(struct store *s, struct arena *arena, struct str *ret_name,
                            int64_t *ret_at, struct error *err);
    /* Rewrites the files without what was deleted; not in a transaction. Fails where it cannot. */
    int (*vacuum)(struct store *s, struct error *err);
    /* Hashes (siphash by the store's key) of a stream's erased ids, sorted as signed numbers. */
    int (*load_erased)(struct store *s, int64_t stream, struct arena *arena, uint64_t **ret_hashes,
                       size_t *ret_count, struct error *err);
    /* Nothing is committed for a paused connection. Connection 0: all. `by` empty: it goes on.
     * 1; 0 when it was so already; -1. */
    int (*set_pause)(struct store *s, int64_t connection, struct str by, struct str reason,
                     struct error *err);
    /* The pause that holds for a connection: the one of all first. */
    int (*find_pause)(struct store *s, struct str connection, struct arena *arena,
                      struct pause_row *ret_pause, struct error *err);
    /* Runs of hosts that died become "interrupted". Of one connection, whose lease the caller has
     * and for which it has no run under way; 0: of all that no other host has, when the caller has
     * no run at all. */
    int (*reap)(struct store *s, int64_t connection, struct error *err);

    /* Lists, newest run first; `fn` returns false to stop. Rows are valid during the call. `id`: 0:
     * all, else that one, or RUNS_UNDER_WAY. */
    int (*each_run)(struct store *s, struct str connection, int64_t id, int64_t limit, run_fn fn,
                    void *arg, struct error *err);
    int (*each_stream)(struct store *s, struct str connection, stream_fn fn, void *arg,
                       struct error *err);
    int (*each_quarantined)(struct store *s, struct str connection, struct str vendor_object,
                            int64_t id, quarantine_fn fn, void *arg, struct error *err);
    int (*each_record)(struct store *s, const struct record_filter *filter, record_fn fn, void *arg,
                       struct error *err);
    /* The key of the record with that id; 0: there is none. Reads the table. */
    int (*find_record)(struct store *s, const struct model_object *object, int64_t organization,
                       const struct uuid *id, int64_t *ret_key, struct error *err);
    /* The links that a record has, or had when another program deleted it. */
    int (*each_link)(struct store *s, const struct model_object *object, int64_t record, link_fn fn,
                     void *arg, struct error *err);
    /* Secrets. `get_secret` gives 1, or 0 when there is none; the texts are the arena's.
     * `set_secret` compares and sets: it writes only where the version that is stored equals
     * row->version (0: none is stored), and stores one greater; an empty `sealed` deletes. 1:
     * another writer was first, nothing is written. Both within a transaction. `each_secret`: of
     * one connection; an empty name: of all, in the order of their names. */
    int (*get_secret)(struct store *s, struct str connection, struct str name,
                      struct secret_row *ret_row, struct arena *arena, struct error *err);
    int (*set_secret)(struct store *s, const struct secret_row *row, struct error *err);
    int (*each_secret)(struct store *s, struct str connection, secret_fn fn, void *arg,
                       struct error *err);
    /* Vendor fields. `set_fields` takes the place of all that is known of the stream's. */
    int (*load_fields)(struct store *s, int64_t stream, struct field_snapshot *ret_snapshot,
                       struct arena *arena, struct error *err);
    int (*set_fields)(struct store *s, int64_t stream, const struct field_snapshot *snapshot,
                      struct error *err);
    /* Of one connection; an empty name: of all. In the order of connections, streams and names. */
    int (*each_field)(struct store *s, struct str connection, field_fn fn, void *arg,
                      struct error *err);
    int (*verify)(struct store *s, struct buf *ret_summary, struct error *err);
    void (*close)(struct store *s);
};

/* Runs `work` between begin and commit; when either fails, nothing of it is done. */
int store_transact(struct store *store, int (*work)(void *arg, struct error *err), void *arg,
                   struct error *err);

/* Runs `work` in a transaction that is rolled back, whatever it comes to. */
int store_rehearse(struct store *store, int (*work)(void *arg, struct error *err), void *arg,
                   struct error *err);

/* What every engine's own struct begins with. */
struct store {
    const struct store_engine *engine;
    struct world *world;
    struct uuid id; /* made with the store, for ever */
    uint8_t hash_key[SIPHASH_KEY];
    char *location;
    bool is_file;
};

#endif
