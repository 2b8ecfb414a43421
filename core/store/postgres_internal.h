/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the PostgreSQL engine share. */
#ifndef STORE_POSTGRES_INTERNAL_H
#define STORE_POSTGRES_INTERNAL_H

#include <libpq-fe.h>

#include "store/postgres.h"

enum {
    PG_PARAMS_MAX = 64,
    PG_STATEMENTS = 128,
    PG_SQL_MAX = 16 * 1024,
    PG_PARAMS_BYTES = 512 * 1024 * 1024 /* PostgreSQL takes messages of up to 1 GiB */
};

/* First halves of advisory locks' keys; the second is what is locked. */
enum pg_lock {
    PG_LOCK_LEASE = 0x66617301,
    PG_LOCK_MATCH,
    PG_LOCK_SCHEMA,
    PG_LOCK_PAUSE,
    PG_LOCK_PRUNE
};

/* A lease is a lock of the session. It is numbered, so that after a lost connection it is taken
 * again only if nobody had it in between. */
struct pg_lease {
    int64_t connection, number;
    bool lost;
};

struct postgres_store {
    struct store store;
    char *url; /* with its password */
    PGconn *conn;
    PGconn *listener; /* hears of other writers; NULL: nobody asked for it */
    bool in_transaction;
    char *statements[PG_STATEMENTS]; /* texts that this session has prepared, by their number */
    size_t statement_count;
    struct pg_lease *leases;
    size_t lease_count, lease_cap;
};

static inline struct postgres_store *pg_of(struct store *s)
{
    return (struct postgres_store *)s;
}

/* ---- postgres_query.c: parameters and results, both in PostgreSQL's binary form ---- */

/* Types of array elements: oids of pg_type, which are fixed. */
enum pg_type { PG_BYTEA = 17, PG_INT8 = 20, PG_TEXT = 25, PG_JSON = 114 };

struct pg_params {
    struct buf bytes;
    size_t offsets[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX]; /* -1: NULL */
    int count;
};

#define PG_PARAMS_INIT ((struct pg_params){.bytes = BUF_INIT(PG_PARAMS_BYTES)})

void pg_params_free(struct pg_params *p);

/* The next parameter. */
void pg_int(struct pg_params *p, int64_t value);
void pg_int_or_null(struct pg_params *p, int64_t value, bool is_null);
void pg_str(struct pg_params *p, struct str s);         /* text, bytea, json, uuid */
void pg_str_or_null(struct pg_params *p, struct str s); /* NULL when empty */
void pg_value(struct pg_params *p, const struct value *value);
/* Free text, such as a reason that was cut to its buffer: what is no UTF-8 becomes '?'. */
void pg_prose(struct pg_params *p, struct str s);

/* The next parameter is an array of `count` > 0 elements, which follow. */
void pg_array(struct pg_params *p, enum pg_type type, size_t count);
void pg_item_int(struct pg_params *p, int64_t value);
void pg_item_int4(struct pg_params *p, int32_t value);     /* for a column of the type integer */
void pg_item_positive(struct pg_params *p, int64_t value); /* NULL for 0 or less */
void pg_item_str(struct pg_params *p, struct str s);
void pg_item_str_or_null(struct pg_params *p, struct str s);
void pg_item_prose(struct pg_params *p, struct str s);
void pg_item_value(struct pg_params *p, const struct value *value);
void pg_strs(struct pg_params *p, const struct str *items, size_t count);
void pg_ints(struct pg_params *p, const int64_t *items, size_t count);

/* Runs one statement, prepared when it is met first. `params` may be NULL. The caller clears the
 * result; NULL after a failure. Outside a transaction a lost connection is made again before. */
PGresult *pg_query(struct postgres_store *s, const char *text, const struct pg_params *params,
                   const char *doing, struct error *err);
/* As pg_query, for statements whose rows do not matter. */
int pg_run(struct postgres_store *s, const char *text, const struct pg_params *params,
           const char *doing, struct error *err);
/* For several statements at once, without parameters. */
int pg_script(struct postgres_store *s, const char *text, const char *doing, struct error *err);
/* The first column of the first row; 0 when there is none, or NULL. */
int pg_number(struct postgres_store *s, const char *text, const struct pg_params *params,
              const char *doing, int64_t *ret_number, struct error *err);

bool pg_is_null(const PGresult *r, int row, int column);
int64_t pg_get_int(const PGresult *r, int row, int column);    /* any width; 0 for NULL */
struct str pg_get_str(const PGresult *r, int row, int column); /* borrowed; empty for NULL */

/* Says what failed: `r` is the failed result, or NULL. Returns -1. */
int pg_fail(struct postgres_store *s, const PGresult *r, const char *doing, struct error *err);
void pg_forget_statements(struct postgres_store *s);

/* ---- postgres_copy.c: rows that are all new ---- */

struct pg_copy {
    struct postgres_store *store;
    const char *doing;
    int columns;
    bool failed, full;
    struct pg_params rows; /* what is not sent yet */
};

/* `text` is COPY ... FROM STDIN (FORMAT binary). After a failure nothing is to be ended. */
int pg_copy_begin(struct pg_copy *c, struct postgres_store *s, const char *text, int columns,
                  const char *doing, struct error *err);
/* The next row: each of its columns follows, as an item of the column's very type. */
struct pg_params *pg_copy_row(struct pg_copy *c);
int pg_copy_end(struct pg_copy *c, struct error *err);

/* ---- postgres_capture.c ---- */

/* Appends statements that make the triggers which the canonical tables lack. */
int pg_missing_triggers(struct postgres_store *s, struct buf *out, struct error *err);

/* ---- postgres_log.c ---- */

int pg_find_record(struct store *s, const struct model_object *object, int64_t organization,
                   const struct uuid *id, int64_t *ret_key, struct error *err);
int pg_each_link(struct store *s, const struct model_object *object, int64_t record, link_fn fn,
                 void *arg, struct error *err);

#define PG_LOG_COLUMNS "xid, seq, object, record, op, run, prev, at, body"
enum { PG_LOG_COLUMN_COUNT = 9 };
void pg_read_log_row(const PGresult *r, int at, struct log_row *ret_row, struct arena *arena);

int pg_load_log(struct store *s, const struct log_position *after, size_t most,
                struct log_row **ret_rows, size_t *ret_count, struct arena *arena,
                struct error *err);
int pg_load_log_row(struct store *s, int64_t seq, struct log_row *ret_row, struct arena *arena,
                    struct error *err);
int pg_load_consumer(struct store *s, struct str name, struct log_position *ret_position,
                     struct error *err);
int pg_set_consumer(struct store *s, struct str name, const struct log_position *position,
                    struct error *err);
int pg_listen(struct store *s, int *ret_fd, struct error *err);
int pg_heard(struct store *s, bool *ret_written, struct error *err);

/* ---- postgres_export.c ---- */

int pg_note_exports(struct store *s, int64_t stream, int64_t connection,
                    const struct model_object *object, size_t most, bool *ret_more,
                    struct error *err);
int pg_look_exports(struct store *s, struct str connection, struct str vendor_object,
                    enum export_news *ret_news, struct error *err);
int pg_queue_exports(struct store *s, int64_t stream, const int64_t *records, size_t count,
                     struct error *err);
int pg_queue_unread(struct store *s, int64_t stream, const int64_t *records, size_t count,
                    struct error *err);
int pg_note_read(struct store *s, int64_t stream, const int64_t *records, size_t count,
                 struct error *err);
int pg_queue_unlinked(struct store *s, int64_t stream, const struct model_object *object,
                      int64_t organization, int64_t *ret_count, struct error *err);
int pg_load_exports(struct store *s, int64_t stream, int64_t after, size_t most,
                    struct export_due **ret_rows, size_t *ret_count, struct arena *arena,
                    struct error *err);
int pg_drop_exports(struct store *s, int64_t stream, const int64_t *records, size_t count,
                    struct error *err);
int pg_count_exports(struct store *s, int64_t stream, int64_t *ret_count, struct error *err);
int pg_load_external(struct store *s, int64_t stream, const int64_t *records, size_t count,
                     struct str *out, struct arena *arena, struct error *err);
int pg_add_writes(struct store *s, struct export_write *rows, size_t count, struct error *err);
int pg_load_writes(struct store *s, int64_t stream, enum write_state state, int64_t after,
                   size_t most, struct export_write **ret_rows, size_t *ret_count,
                   struct arena *arena, struct error *err);
int pg_set_writes(struct store *s, const int64_t *ids, size_t count, enum write_state state,
                  struct error *err);
int pg_drop_writes(struct store *s, const int64_t *ids, size_t count, struct error *err);
int pg_forget_refused(struct store *s, int64_t stream, const int64_t *records, size_t count,
                      struct error *err);
int pg_each_write(struct store *s, struct str connection, write_fn fn, void *arg,
                  struct error *err);
int pg_add_sent(struct store *s, const struct sent_row *rows, size_t count, struct error *err);
int pg_each_sent(struct store *s, int64_t run, const struct model_object *object, int64_t record,
                 sent_fn fn, void *arg, struct error *err);

#define PG_SENT_COLUMNS "id, stream, run, record, op, at, external_id, body"
struct sent_row pg_read_sent(const PGresult *r, int at); /* its texts are the result's */

/* ---- postgres_rollback.c ---- */

int pg_load_run_span(struct store *store, int64_t run, struct run_span *ret_span,
                     struct error *err);
int pg_load_run_log(struct store *store, int64_t run, const struct run_span *span, int64_t before,
                    size_t most, struct log_row **ret_rows, size_t *ret_count, struct arena *arena,
                    struct error *err);
int pg_load_log_rows(struct store *store, const int64_t *seqs, size_t count, struct log_row *out,
                     struct arena *arena, struct error *err);
int pg_load_held(struct store *store, const struct model_object *object, const int64_t *records,
                 size_t count, struct held_link **ret_rows, size_t *ret_count, struct arena *arena,
                 struct error *err);
int pg_load_referrers(struct store *store, const struct model_object *object, int field,
                      const int64_t *records, size_t count, struct referrer_row **ret_rows,
                      size_t *ret_count, struct arena *arena, struct error *err);
int pg_load_run_sent(struct store *store, int64_t run, int64_t before, size_t most,
                     struct sent_row **ret_rows, size_t *ret_count, struct arena *arena,
                     struct error *err);
int pg_load_sent_of(struct store *store, int64_t run, int64_t stream, const int64_t *records,
                    size_t count, struct sent_row **ret_rows, size_t *ret_count,
                    struct arena *arena, struct error *err);
int pg_run_rolls_back(struct store *store, int64_t run, int64_t which, struct error *err);

/* ---- postgres_duplicates.c ---- */

int pg_load_duplicates(struct store *store, const struct model_object *object, int64_t organization,
                       int field, const struct duplicate_place *after, size_t most,
                       struct record_row **ret_rows, size_t *ret_count, struct arena *arena,
                       struct error *err);
int pg_count_referrers(struct store *store, const struct model_object *object, int field,
                       const int64_t *records, size_t count, int64_t *counts, struct error *err);
int pg_load_waiting(struct store *store, const struct model_object *object, const int64_t *records,
                    size_t count, struct pending_write **ret_rows, size_t *ret_count,
                    struct arena *arena, struct error *err);
int pg_add_moved(struct store *store, int64_t run, const struct moved_link *links,
                 size_t link_count, const struct pending_write *waited, size_t waited_count,
                 struct error *err);
int pg_load_moved(struct store *store, int64_t run, struct moved_link **ret_rows, size_t *ret_count,
                  struct arena *arena, struct error *err);
int pg_load_waited(struct store *store, int64_t run, struct pending_write **ret_rows,
                   size_t *ret_count, struct arena *arena, struct error *err);
int pg_run_kind(struct store *store, int64_t run, enum run_kind kind, struct error *err);

/* ---- postgres_conflict.c ---- */

int pg_set_conflicts(struct store *s, const struct conflict_row *rows, size_t count,
                     struct error *err);
int pg_each_recent_sent(struct store *s, int64_t stream, const int64_t *records, size_t count,
                        int64_t since, sent_fn fn, void *arg, struct error *err);
int pg_each_conflict(struct store *s, const struct conflict_filter *filter, conflict_fn fn,
                     void *arg, struct error *err);
int pg_each_open_conflict(struct store *s, int64_t stream, int64_t first, int64_t last,
                          conflict_fn fn, void *arg, struct error *err);
int pg_settle_conflict(struct store *s, int64_t id, enum conflict_state how, struct str by,
                       struct error *err);

/* ---- postgres.c ---- */

/* A session more, without its settings. NULL on failure. */
PGconn *pg_connect(struct postgres_store *s, struct error *err);

/* Connects again when the connection is lost; takes the leases again. */
int pg_connected(struct postgres_store *s, struct error *err);

/* The server undoes what was not committed, and gives back all leases. */
void pg_end_session(struct postgres_store *s);

/* Consecutive numbers of a sequence, the first of them. */
int pg_take(struct postgres_store *s, const char *sequence, size_t count, int64_t *ret_first,
            struct error *err);

/* ---- postgres_schema.c ---- */

/* 1 when there is a store, 0 when there is none yet, -1. */
int pg_schema_exists(struct postgres_store *s, struct error *err);
/* Makes or migrates the schema, and brings the canonical tables up to the model. */
int pg_schema_make(struct postgres_store *s, struct error *err);

/* ---- postgres_name.c: dictionaries and streams ---- */

int pg_organization(struct store *store, const struct uuid *id, int64_t *ret_id, struct error *err);
int pg_connection(struct store *store, struct str name, struct str connector, int64_t *ret_id,
                  struct error *err);
int pg_stream(struct store *store, int64_t connection, struct str vendor_object,
              const struct model_object *object, struct arena *arena,
              struct stream_state *ret_state, struct error *err);
int pg_custom_field(struct store *store, const struct model_object *object, struct str name,
                    int64_t *ret_id, struct error *err);
int pg_set_account(struct store *store, int64_t connection, struct str account, struct str name,
                   struct error *err);
int pg_set_stream(struct store *store, const struct stream_state *state, struct error *err);

/* ---- postgres_load.c ---- */

/* key, id, rev, created_at, updated_at, the model's fields, custom_fields; when they are read,
 * deleted_at. */
void pg_written_columns(struct buf *out, const struct model_object *object);
void pg_record_columns(struct buf *out, const struct model_object *object);
void pg_read_record(const PGresult *r, int row, const struct model_object *object,
                    struct arena *arena, struct record_row *ret_row);
int pg_load_links(struct store *store, int64_t stream, const struct str *external_ids, size_t count,
                  struct link_row *out, struct arena *arena, struct error *err);
int pg_match(struct store *store, const struct model_object *object, int64_t organization,
             int64_t stream, int field, const struct value *values, size_t count,
             struct match_row *out, struct error *err);
int pg_load_records(struct store *store, const struct model_object *object, const int64_t *keys,
                    size_t count, struct record_row *out, struct arena *arena, struct error *err);
int pg_load_pending(struct store *store, int64_t stream, const struct str *external_ids,
                    size_t count, struct pending_row **ret_rows, size_t *ret_count,
                    struct arena *arena, struct error *err);
int pg_allocate(struct store *store, const struct model_object *object, size_t count,
                int64_t *ret_first, struct error *err);
int pg_count_links(struct store *store, int64_t stream, int64_t *ret_count, struct error *err);

/* ---- postgres_apply.c ---- */

int pg_apply(struct store *store, struct store_batch *batch, struct error *err);

struct pg_log_row {
    int64_t seq, record, prev; /* prev 0: none */
    struct str body;
};
int pg_add_log(struct postgres_store *s, const struct store_batch *batch, enum log_op op,
               const struct pg_log_row *rows, size_t count, struct error *err);

/* ---- postgres_end.c ---- */

int pg_load_holders(struct store *store, const struct model_object *object, int64_t stream,
                    const int64_t *records, size_t count, struct holder_row *out,
                    struct error *err);
int pg_load_unseen(struct store *store, const struct stream_state *state, int64_t after,
                   size_t most, struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                   struct error *err);
int pg_load_unmet(struct store *s, const struct linked_id *links, size_t count, bool *out,
                  struct error *err);
int pg_load_archived(struct store *store, int64_t stream, int64_t after, size_t most,
                     struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                     struct error *err);
int pg_load_referring(struct store *store, const struct model_object *object, int field,
                      const int64_t *records, size_t count, int64_t **ret_keys, size_t *ret_count,
                      struct arena *arena, struct error *err);
int pg_load_last_log(struct store *store, const struct model_object *object, const int64_t *records,
                     size_t count, int64_t *out, struct error *err);
int pg_count_seen(struct store *store, int64_t stream, int64_t *ret_count, struct error *err);
int pg_begin_seen(struct store *store, int64_t stream, int64_t *ret_last, struct error *err);
/* Parts of apply. */
int pg_apply_ends(struct postgres_store *s, struct store_batch *batch, int64_t seq,
                  struct arena *arena, struct error *err);
int pg_apply_link_ends(struct postgres_store *s, const struct store_batch *batch,
                       struct error *err);
int pg_apply_seen(struct postgres_store *s, const struct store_batch *batch, struct error *err);

/* ---- postgres_quarantine.c ---- */

int pg_apply_quarantine(struct postgres_store *s, const struct store_batch *batch,
                        struct error *err);
int pg_each_quarantined(struct store *store, struct str connection, struct str vendor_object,
                        int64_t id, quarantine_fn fn, void *arg, struct error *err);

/* ---- postgres_run.c ---- */

int pg_run_start(struct store *store, int64_t connection, struct str started_by, int64_t *ret_id,
                 struct error *err);
int pg_run_stream(struct store *store, int64_t run, const struct run_stream_row *row,
                  struct error *err);
int pg_run_end(struct store *store, const struct run_row *row, struct error *err);
int pg_set_pause(struct store *store, int64_t connection, struct str by, struct str reason,
                 struct error *err);
int pg_find_pause(struct store *store, struct str connection, struct arena *arena,
                  struct pause_row *ret_pause, struct error *err);
int pg_lease(struct store *store, int64_t connection, struct error *err);
void pg_release(struct store *store, int64_t connection);
int pg_reap(struct store *store, int64_t connection, struct error *err);
/* In a new session. A lease that somebody had in between is lost: an error until its run has
 * released it. */
int pg_retake_leases(struct postgres_store *s, struct error *err);

/* ---- postgres_erase.c ---- */

int pg_erase(struct store *store, const struct erase_request *request, bool only_count,
             struct erase_counts *ret_counts, struct error *err);
int pg_load_erased(struct store *store, int64_t stream, struct arena *arena, uint64_t **ret_hashes,
                   size_t *ret_count, struct error *err);

/* ---- postgres_prune.c ---- */

int pg_prune(struct store *store, struct prune_step *step, struct error *err);
int pg_last_pruned(struct store *store, enum prune_kind kind, int64_t *ret_at, struct error *err);
int pg_slowest_consumer(struct store *store, struct arena *arena, struct str *ret_name,
                        int64_t *ret_at, struct error *err);
/* Nobody else prunes until the transaction ends. */
int pg_lock_pruning(struct postgres_store *s, struct error *err);

/* ---- postgres_vacuum.c ---- */

int pg_vacuum(struct store *store, struct error *err);

/* ---- postgres_secret.c ---- */

int pg_get_secret(struct store *store, struct str connection, struct str name,
                  struct secret_row *ret_row, struct arena *arena, struct error *err);
int pg_set_secret(struct store *store, const struct secret_row *row, struct error *err);
int pg_each_secret(struct store *store, struct str connection, secret_fn fn, void *arg,
                   struct error *err);

/* ---- postgres_field.c ---- */

int pg_load_fields(struct store *store, int64_t stream, struct field_snapshot *ret_snapshot,
                   struct arena *arena, struct error *err);
int pg_set_fields(struct store *store, int64_t stream, const struct field_snapshot *snapshot,
                  struct error *err);
int pg_each_field(struct store *store, struct str connection, field_fn fn, void *arg,
                  struct error *err);

/* ---- postgres_list.c ---- */

int pg_each_run(struct store *store, struct str connection, int64_t id, int64_t limit, run_fn fn,
                void *arg, struct error *err);
int pg_each_stream(struct store *store, struct str connection, stream_fn fn, void *arg,
                   struct error *err);
int pg_each_record(struct store *store, const struct record_filter *filter, record_fn fn, void *arg,
                   struct error *err);
int pg_verify(struct store *store, struct buf *ret_summary, struct error *err);

#endif
