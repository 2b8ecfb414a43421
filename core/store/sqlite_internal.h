/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite engine share. */
#ifndef STORE_SQLITE_INTERNAL_H
#define STORE_SQLITE_INTERNAL_H

#include <sqlite3.h>

#include "store/sqlite.h"

/* Fixed statements, prepared when first used; their texts are in sqlite.c. */
enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_FIND_ORGANIZATION,
    SQL_ADD_ORGANIZATION,
    SQL_FIND_CONNECTION,
    SQL_ADD_CONNECTION,
    SQL_NAME_CONNECTOR,
    SQL_SET_ACCOUNT,
    SQL_FIND_STREAM,
    SQL_ADD_STREAM,
    SQL_SET_STREAM,
    SQL_FIND_CUSTOM_FIELD,
    SQL_ADD_CUSTOM_FIELD,
    SQL_FIND_LINK,
    SQL_ANY_LINK,
    SQL_IS_LINKED,
    SQL_ADD_LINK,
    SQL_SET_LINK,
    SQL_SET_LINK_LOCAL,
    SQL_SET_LINK_BASE,
    SQL_END_LINK,
    SQL_FOLLOW_LINK,
    SQL_MERGED_AWAY,
    SQL_HOLDERS,
    SQL_SEE_LINK,
    SQL_COUNT_LINKS,
    SQL_LAST_SEQ,
    SQL_ADD_LOG,
    SQL_FIND_PENDING,
    SQL_ANY_PENDING,
    SQL_SET_PENDING,
    SQL_CLEAR_PENDING,
    SQL_QUARANTINE,
    SQL_CLEAR_QUARANTINE,
    SQL_SET_PAUSE,
    SQL_CLEAR_PAUSE,
    SQL_FIND_PAUSE,
    SQL_RUN_START,
    SQL_RUN_STREAM,
    SQL_RUN_END,
    SQL_RUN_STREAMS,
    SQL_STATEMENTS
};

/* Statements of one canonical object, made from the model. */
struct object_statements {
    sqlite3_stmt *insert, *load, *match, *last_key, *end;
};

enum { UPDATE_CACHE = 32, MOST_OBJECTS = 16 };

/* An UPDATE sets just the columns that changed, so that an index whose column did not is left
 * alone. */
struct update_statement {
    const struct model_object *object;
    uint64_t changed;
    bool custom;
    uint64_t used; /* when it was used last */
    sqlite3_stmt *stmt;
};

struct sqlite_store {
    struct store store;
    sqlite3 *db;
    int lock_fd;
    bool in_transaction;
    sqlite3_stmt *statements[SQL_STATEMENTS];
    struct object_statements objects[MOST_OBJECTS]; /* by model object id */
    struct update_statement updates[UPDATE_CACHE];
    uint64_t update_clock;
    int64_t data_version; /* of SQLite, when `heard` looked last */
};

static inline struct sqlite_store *sqlite_of(struct store *s)
{
    return (struct sqlite_store *)s;
}

int sqlite_fail(struct sqlite_store *s, struct error *err, const char *doing);

/* A fixed statement, reset and without bindings; NULL on failure. */
sqlite3_stmt *sqlite_statement(struct sqlite_store *s, enum statement id, struct error *err);
sqlite3_stmt *sqlite_prepare(struct sqlite_store *s, const char *text, bool keep,
                             struct error *err);

void sqlite_bind_str(sqlite3_stmt *stmt, int index, struct str s);
void sqlite_bind_str_or_null(sqlite3_stmt *stmt, int index, struct str s); /* NULL for empty */
void sqlite_bind_bytes(sqlite3_stmt *stmt, int index, struct str s);
void sqlite_bind_value(sqlite3_stmt *stmt, int index, const struct value *value);
void sqlite_bind_positive(sqlite3_stmt *stmt, int index, int64_t value); /* NULL for 0 or less */

/* 1 a row, 0 the end (the statement is reset), -1 failure (reset too). */
int sqlite_step(struct sqlite_store *s, sqlite3_stmt *stmt, const char *doing, struct error *err);
/* For statements without rows. */
int sqlite_run(struct sqlite_store *s, sqlite3_stmt *stmt, const char *doing, struct error *err);

/* Borrowed until the statement is stepped or reset. */
struct str sqlite_column_str(sqlite3_stmt *stmt, int column);

/* sqlite_batch.c */
int sqlite_load_links(struct store *s, int64_t stream, const struct str *external_ids, size_t count,
                      struct link_row *out, struct arena *arena, struct error *err);
int sqlite_match(struct store *s, const struct model_object *object, int64_t organization,
                 int64_t stream, int field, const struct value *values, size_t count,
                 struct match_row *out, struct error *err);
int sqlite_load_records(struct store *s, const struct model_object *object, const int64_t *keys,
                        size_t count, struct record_row *out, struct arena *arena,
                        struct error *err);
int sqlite_load_pending(struct store *s, int64_t stream, const struct str *external_ids,
                        size_t count, struct pending_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err);
int sqlite_allocate(struct store *s, const struct model_object *object, size_t count,
                    int64_t *ret_first, struct error *err);
int sqlite_count_links(struct store *s, int64_t stream, int64_t *ret_count, struct error *err);
int sqlite_apply(struct store *s, struct store_batch *batch, struct error *err);
int sqlite_add_log(struct sqlite_store *s, const struct store_batch *batch, enum log_op op,
                   const struct record_row *row, int64_t prev, struct str body, struct error *err);

/* sqlite_end.c */
int sqlite_load_holders(struct store *s, const struct model_object *object, int64_t stream,
                        const int64_t *records, size_t count, struct holder_row *out,
                        struct error *err);
int sqlite_load_unseen(struct store *s, const struct stream_state *state, int64_t after,
                       size_t most, struct linked_id **ret_rows, size_t *ret_count,
                       struct arena *arena, struct error *err);
int sqlite_load_unmet(struct store *s, const struct linked_id *links, size_t count, bool *out,
                      struct error *err);
int sqlite_load_archived(struct store *s, int64_t stream, int64_t after, size_t most,
                         struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                         struct error *err);
int sqlite_load_referring(struct store *s, const struct model_object *object, int field,
                          const int64_t *records, size_t count, int64_t **ret_keys,
                          size_t *ret_count, struct arena *arena, struct error *err);
int sqlite_load_last_log(struct store *s, const struct model_object *object, const int64_t *records,
                         size_t count, int64_t *out, struct error *err);
int sqlite_count_seen(struct store *s, int64_t stream, int64_t *ret_count, struct error *err);
int sqlite_begin_seen(struct store *s, int64_t stream, int64_t *ret_last, struct error *err);
/* Numbers as one parameter: a JSON array. */
void sqlite_write_array(struct buf *out, const int64_t *numbers, size_t count);
/* Parts of apply. */
int sqlite_apply_ends(struct sqlite_store *s, struct store_batch *batch, int64_t *seq,
                      struct error *err);
int sqlite_apply_link_ends(struct sqlite_store *s, const struct store_batch *batch,
                           struct error *err);
int sqlite_apply_seen(struct sqlite_store *s, const struct store_batch *batch, struct error *err);

/* The columns of a record as each_record and load_records select them; see sqlite_batch.c. */
void sqlite_record_columns(struct buf *out, const struct model_object *object);
void sqlite_read_record(sqlite3_stmt *stmt, const struct model_object *object, struct arena *arena,
                        struct record_row *ret_row);

/* sqlite_tables.c: makes the tables and columns of the model that are missing. */
int sqlite_make_tables(struct sqlite_store *s, struct error *err);

/* sqlite_capture.c: appends statements that make what is missing of the triggers: what all tables
 * share, and those of an object. */
int sqlite_missing_capture(struct sqlite_store *s, struct buf *out, struct error *err);
int sqlite_missing_triggers(struct sqlite_store *s, const struct model_object *object,
                            struct buf *out, struct error *err);

/* sqlite_log.c */

#define SQLITE_LOG_COLUMNS "seq, object, record, op, run, prev, at, body"
void sqlite_read_log_row(sqlite3_stmt *stmt, struct log_row *ret_row, struct arena *arena);

int sqlite_load_log(struct store *s, const struct log_position *after, size_t most,
                    struct log_row **ret_rows, size_t *ret_count, struct arena *arena,
                    struct error *err);
int sqlite_load_log_row(struct store *s, int64_t seq, struct log_row *ret_row, struct arena *arena,
                        struct error *err);
int sqlite_load_consumer(struct store *s, struct str name, struct log_position *ret_position,
                         struct error *err);
int sqlite_set_consumer(struct store *s, struct str name, const struct log_position *position,
                        struct error *err);
/* After rows at the end of the log were erased: their numbers are given once more, and nobody may
 * be ahead of them. An empty log is followed from -1, as 0 stands for "not at all". */
int sqlite_set_back_consumers(struct sqlite_store *s, struct error *err);
int sqlite_listen(struct store *s, int *ret_fd, struct error *err);
int sqlite_heard(struct store *s, bool *ret_written, struct error *err);

/* sqlite_export.c */
int sqlite_note_exports(struct store *s, int64_t stream, int64_t connection,
                        const struct model_object *object, size_t most, bool *ret_more,
                        struct error *err);
int sqlite_look_exports(struct store *s, struct str connection, struct str vendor_object,
                        enum export_news *ret_news, struct error *err);
int sqlite_queue_exports(struct store *s, int64_t stream, const int64_t *records, size_t count,
                         struct error *err);
int sqlite_queue_unread(struct store *s, int64_t stream, const int64_t *records, size_t count,
                        struct error *err);
int sqlite_note_read(struct store *s, int64_t stream, const int64_t *records, size_t count,
                     struct error *err);
int sqlite_queue_unlinked(struct store *s, int64_t stream, const struct model_object *object,
                          int64_t organization, int64_t *ret_count, struct error *err);
int sqlite_load_exports(struct store *s, int64_t stream, int64_t after, size_t most,
                        struct export_due **ret_rows, size_t *ret_count, struct arena *arena,
                        struct error *err);
int sqlite_drop_exports(struct store *s, int64_t stream, const int64_t *records, size_t count,
                        struct error *err);
int sqlite_count_exports(struct store *s, int64_t stream, int64_t *ret_count, struct error *err);
int sqlite_load_external(struct store *s, int64_t stream, const int64_t *records, size_t count,
                         struct str *out, struct arena *arena, struct error *err);
int sqlite_add_writes(struct store *s, struct export_write *rows, size_t count, struct error *err);
int sqlite_load_writes(struct store *s, int64_t stream, enum write_state state, int64_t after,
                       size_t most, struct export_write **ret_rows, size_t *ret_count,
                       struct arena *arena, struct error *err);
int sqlite_set_writes(struct store *s, const int64_t *ids, size_t count, enum write_state state,
                      struct error *err);
int sqlite_drop_writes(struct store *s, const int64_t *ids, size_t count, struct error *err);
int sqlite_forget_refused(struct store *s, int64_t stream, const int64_t *records, size_t count,
                          struct error *err);
int sqlite_each_write(struct store *s, struct str connection, write_fn fn, void *arg,
                      struct error *err);
int sqlite_add_sent(struct store *s, const struct sent_row *rows, size_t count, struct error *err);
int sqlite_each_sent(struct store *s, int64_t run, const struct model_object *object,
                     int64_t record, sent_fn fn, void *arg, struct error *err);

#define SQLITE_SENT_COLUMNS "id, stream, run, record, op, at, external_id, body"
/* Its texts are borrowed, as of sqlite_column_str. */
void sqlite_read_sent(sqlite3_stmt *stmt, struct sent_row *ret_row);

/* sqlite_conflict.c */
int sqlite_set_conflicts(struct store *s, const struct conflict_row *rows, size_t count,
                         struct error *err);
int sqlite_each_recent_sent(struct store *s, int64_t stream, const int64_t *records, size_t count,
                            int64_t since, sent_fn fn, void *arg, struct error *err);
int sqlite_each_conflict(struct store *s, const struct conflict_filter *filter, conflict_fn fn,
                         void *arg, struct error *err);
int sqlite_each_open_conflict(struct store *s, int64_t stream, int64_t first, int64_t last,
                              conflict_fn fn, void *arg, struct error *err);
int sqlite_settle_conflict(struct store *s, int64_t id, enum conflict_state how, struct str by,
                           struct error *err);

/* sqlite_run.c */
int sqlite_run_start(struct store *s, int64_t connection, struct str started_by, int64_t *ret_id,
                     struct error *err);
int sqlite_run_stream(struct store *s, int64_t run, const struct run_stream_row *row,
                      struct error *err);
int sqlite_run_end(struct store *s, const struct run_row *row, struct error *err);
int sqlite_set_pause(struct store *s, int64_t connection, struct str by, struct str reason,
                     struct error *err);
int sqlite_find_pause(struct store *s, struct str connection, struct arena *arena,
                      struct pause_row *ret_pause, struct error *err);
int sqlite_lease(struct store *s, int64_t connection, struct error *err);
void sqlite_release(struct store *s, int64_t connection);
int sqlite_reap(struct store *s, int64_t connection, struct error *err);

/* sqlite_erase.c */
int sqlite_erase(struct store *s, const struct erase_request *request, bool only_count,
                 struct erase_counts *ret_counts, struct error *err);
int sqlite_vacuum(struct store *s, struct error *err);
int sqlite_load_erased(struct store *s, int64_t stream, struct arena *arena, uint64_t **ret_hashes,
                       size_t *ret_count, struct error *err);

/* sqlite_prune.c */
int sqlite_prune(struct store *s, struct prune_step *step, struct error *err);
int sqlite_last_pruned(struct store *s, enum prune_kind kind, int64_t *ret_at, struct error *err);
int sqlite_slowest_consumer(struct store *s, struct arena *arena, struct str *ret_name,
                            int64_t *ret_at, struct error *err);
/* As sqlite_set_back_consumers, of how far was pruned. */
int sqlite_set_back_marks(struct sqlite_store *s, struct error *err);

/* sqlite_list.c */
int sqlite_each_run(struct store *s, struct str connection, int64_t id, int64_t limit, run_fn fn,
                    void *arg, struct error *err);
int sqlite_each_stream(struct store *s, struct str connection, stream_fn fn, void *arg,
                       struct error *err);
int sqlite_each_quarantined(struct store *s, struct str connection, struct str vendor_object,
                            int64_t id, quarantine_fn fn, void *arg, struct error *err);
int sqlite_each_record(struct store *s, const struct record_filter *filter, record_fn fn, void *arg,
                       struct error *err);
int sqlite_find_record(struct store *s, const struct model_object *object, int64_t organization,
                       const struct uuid *id, int64_t *ret_key, struct error *err);
int sqlite_each_link(struct store *s, const struct model_object *object, int64_t record, link_fn fn,
                     void *arg, struct error *err);
/* sqlite_secret.c */
int sqlite_get_secret(struct store *s, struct str connection, struct str name,
                      struct secret_row *ret_row, struct arena *arena, struct error *err);
int sqlite_set_secret(struct store *s, const struct secret_row *row, struct error *err);
int sqlite_each_secret(struct store *s, struct str connection, secret_fn fn, void *arg,
                       struct error *err);

/* sqlite_field.c */
int sqlite_load_fields(struct store *s, int64_t stream, struct field_snapshot *ret_snapshot,
                       struct arena *arena, struct error *err);
int sqlite_set_fields(struct store *s, int64_t stream, const struct field_snapshot *snapshot,
                      struct error *err);
int sqlite_each_field(struct store *s, struct str connection, field_fn fn, void *arg,
                      struct error *err);

/* sqlite_rollback.c */
int sqlite_load_run_span(struct store *store, int64_t run, struct run_span *ret_span,
                         struct error *err);
int sqlite_load_run_log(struct store *store, int64_t run, const struct run_span *span,
                        int64_t before, size_t most, struct log_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err);
int sqlite_load_log_rows(struct store *store, const int64_t *seqs, size_t count,
                         struct log_row *out, struct arena *arena, struct error *err);
int sqlite_load_held(struct store *store, const struct model_object *object, const int64_t *records,
                     size_t count, struct held_link **ret_rows, size_t *ret_count,
                     struct arena *arena, struct error *err);
int sqlite_load_referrers(struct store *store, const struct model_object *object, int field,
                          const int64_t *records, size_t count, struct referrer_row **ret_rows,
                          size_t *ret_count, struct arena *arena, struct error *err);
int sqlite_load_run_sent(struct store *store, int64_t run, int64_t before, size_t most,
                         struct sent_row **ret_rows, size_t *ret_count, struct arena *arena,
                         struct error *err);
int sqlite_load_sent_of(struct store *store, int64_t run, int64_t stream, const int64_t *records,
                        size_t count, struct sent_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err);
int sqlite_run_rolls_back(struct store *store, int64_t run, int64_t which, struct error *err);

/* sqlite_duplicates.c */
int sqlite_load_duplicates(struct store *store, const struct model_object *object,
                           int64_t organization, int field, const struct duplicate_place *after,
                           size_t most, struct record_row **ret_rows, size_t *ret_count,
                           struct arena *arena, struct error *err);
int sqlite_count_referrers(struct store *store, const struct model_object *object, int field,
                           const int64_t *records, size_t count, int64_t *counts,
                           struct error *err);
int sqlite_load_waiting(struct store *store, const struct model_object *object,
                        const int64_t *records, size_t count, struct pending_write **ret_rows,
                        size_t *ret_count, struct arena *arena, struct error *err);
int sqlite_add_moved(struct store *store, int64_t run, const struct moved_link *links,
                     size_t link_count, const struct pending_write *waited, size_t waited_count,
                     struct error *err);
int sqlite_load_moved(struct store *store, int64_t run, struct moved_link **ret_rows,
                      size_t *ret_count, struct arena *arena, struct error *err);
int sqlite_load_waited(struct store *store, int64_t run, struct pending_write **ret_rows,
                       size_t *ret_count, struct arena *arena, struct error *err);
int sqlite_run_kind(struct store *store, int64_t run, enum run_kind kind, struct error *err);

int sqlite_verify(struct store *s, struct buf *ret_summary, struct error *err);

#endif
