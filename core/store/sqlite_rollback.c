/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: what a run did, for who takes it back. */
#include <stdio.h>

#include "store/ddl.h"
#include "store/sqlite_internal.h"

enum { ARRAY_MAX = 64 * 1024 * 1024 };

/* ---- the log ---- */

int sqlite_load_run_span(struct store *store, int64_t run, struct run_span *ret_span,
                         struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT coalesce(min(r.log_from), 0), coalesce(max(l.seq), 0), count(l.seq), "
        "coalesce(sum(l.op = 2 AND l.body IS NULL), 0), (SELECT count(*) FROM sent WHERE run = ?1) "
        "FROM run r LEFT JOIN log l ON l.seq > coalesce(r.log_from, 0) AND l.run = r.id "
        "WHERE r.id = ?1",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    int found = sqlite_step(s, stmt, "look what a run did", err);
    *ret_span = (struct run_span){0};
    if (found > 0)
        *ret_span = (struct run_span){.first = sqlite3_column_int64(stmt, 0),
                                      .last = sqlite3_column_int64(stmt, 1),
                                      .rows = sqlite3_column_int64(stmt, 2),
                                      .pruned = sqlite3_column_int64(stmt, 3),
                                      .sent = sqlite3_column_int64(stmt, 4)};
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_load_run_log(struct store *store, int64_t run, const struct run_span *span,
                        int64_t before, size_t most, struct log_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    size_t cap = 0;
    int found;
    *ret_rows = NULL;
    *ret_count = 0;
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "SELECT " SQLITE_LOG_COLUMNS " FROM log WHERE seq > ?1 AND seq < ?2 AND "
                       "run = ?3 ORDER BY seq DESC LIMIT ?4",
                       false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, span->first);
    sqlite3_bind_int64(stmt, 2, before);
    sqlite3_bind_int64(stmt, 3, run);
    sqlite3_bind_int64(stmt, 4, (int64_t)most);
    while ((found = sqlite_step(s, stmt, "read what a run did", err)) > 0) {
        *ret_rows = arena_grow(arena, *ret_rows, &cap, *ret_count + 1, sizeof **ret_rows);
        sqlite_read_log_row(stmt, &(*ret_rows)[(*ret_count)++], arena);
    }
    sqlite3_finalize(stmt);
    return found;
}

int sqlite_load_log_rows(struct store *store, const int64_t *seqs, size_t count,
                         struct log_row *out, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "SELECT " SQLITE_LOG_COLUMNS " FROM log WHERE seq = ?1", false, err);
    int found = stmt ? 0 : -1;
    for (size_t i = 0; i < count && found >= 0; i++) {
        out[i] = (struct log_row){0};
        sqlite3_bind_int64(stmt, 1, seqs[i]);
        found = sqlite_step(s, stmt, "read the log", err);
        if (found > 0) {
            sqlite_read_log_row(stmt, &out[i], arena);
            sqlite3_reset(stmt);
        }
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- who has a record, and who refers to it ---- */

int sqlite_load_held(struct store *store, const struct model_object *object, const int64_t *records,
                     size_t count, struct held_link **ret_rows, size_t *ret_count,
                     struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    size_t cap = 0;
    *ret_rows = NULL;
    *ret_count = 0;
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT l.stream, t.connection, l.key, l.record, l.ended, l.seen_remote, "
        "l.seen_local, l.external_id, l.base FROM link l JOIN stream t ON t.id = l.stream "
        "AND t.object = ?1 WHERE l.record = ?2 ORDER BY l.key",
        false, err);
    int found = stmt ? 0 : -1;
    for (size_t i = 0; i < count && found >= 0; i++) {
        sqlite3_bind_int(stmt, 1, object->id);
        sqlite3_bind_int64(stmt, 2, records[i]);
        while ((found = sqlite_step(s, stmt, "look who has a record", err)) > 0) {
            *ret_rows = arena_grow(arena, *ret_rows, &cap, *ret_count + 1, sizeof **ret_rows);
            (*ret_rows)[(*ret_count)++] = (struct held_link){
                .stream = sqlite3_column_int64(stmt, 0),
                .connection = sqlite3_column_int64(stmt, 1),
                .link = {.key = sqlite3_column_int64(stmt, 2),
                         .record = sqlite3_column_int64(stmt, 3),
                         .ended = (enum link_ended)sqlite3_column_int(stmt, 4),
                         .seen_remote = arena_str(arena, sqlite_column_str(stmt, 5)),
                         .seen_local = arena_str(arena, sqlite_column_str(stmt, 6)),
                         .base = arena_str(arena, sqlite_column_str(stmt, 8))},
                .external_id = arena_str(arena, sqlite_column_str(stmt, 7))};
        }
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_load_referrers(struct store *store, const struct model_object *object, int field,
                          const int64_t *records, size_t count, struct referrer_row **ret_rows,
                          size_t *ret_count, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct buf array = BUF_INIT(ARRAY_MAX);
    char text[300];
    size_t cap = 0;
    int found;
    *ret_rows = NULL;
    *ret_count = 0;
    const char *name = object->fields[field].name;
    snprintf(text, sizeof text,
             "SELECT %s, key FROM %s WHERE %s IN (SELECT value FROM json_each(?1)) "
             "AND " DDL_DELETED_AT " IS NULL ORDER BY 1, 2",
             name, object->name, name);
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    if (!stmt)
        return -1;
    sqlite_write_array(&array, records, count);
    sqlite_bind_str(stmt, 1, buf_view(&array));
    while ((found = sqlite_step(s, stmt, "look for references", err)) > 0) {
        *ret_rows = arena_grow(arena, *ret_rows, &cap, *ret_count + 1, sizeof **ret_rows);
        (*ret_rows)[(*ret_count)++] = (struct referrer_row){.record = sqlite3_column_int64(stmt, 0),
                                                            .by = sqlite3_column_int64(stmt, 1)};
    }
    sqlite3_finalize(stmt);
    buf_free(&array);
    return found;
}

/* ---- what was sent ---- */

/* Rows of the statement, which is finalized. */
static int read_sent(struct sqlite_store *s, sqlite3_stmt *stmt, struct sent_row **ret_rows,
                     size_t *ret_count, size_t *cap, struct arena *arena, struct error *err)
{
    int found;
    while ((found = sqlite_step(s, stmt, "read what was sent", err)) > 0) {
        *ret_rows = arena_grow(arena, *ret_rows, cap, *ret_count + 1, sizeof **ret_rows);
        struct sent_row *row = &(*ret_rows)[(*ret_count)++];
        sqlite_read_sent(stmt, row);
        row->external_id = arena_str(arena, row->external_id);
        row->body = arena_str(arena, row->body);
    }
    return found;
}

int sqlite_load_run_sent(struct store *store, int64_t run, int64_t before, size_t most,
                         struct sent_row **ret_rows, size_t *ret_count, struct arena *arena,
                         struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    size_t cap = 0;
    *ret_rows = NULL;
    *ret_count = 0;
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "SELECT " SQLITE_SENT_COLUMNS " FROM sent WHERE run = ?1 AND "
                       "id < ?2 ORDER BY id DESC LIMIT ?3",
                       false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, before);
    sqlite3_bind_int64(stmt, 3, (int64_t)most);
    int rc = read_sent(s, stmt, ret_rows, ret_count, &cap, arena, err);
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_load_sent_of(struct store *store, int64_t run, int64_t stream, const int64_t *records,
                        size_t count, struct sent_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct buf array = BUF_INIT(ARRAY_MAX);
    size_t cap = 0;
    *ret_rows = NULL;
    *ret_count = 0;
    /* By the index of records: a run's rows may be many. */
    sqlite3_stmt *stmt = sqlite_prepare(s,
                                        "SELECT " SQLITE_SENT_COLUMNS
                                        " FROM sent WHERE +run = ?1 AND stream = ?2 AND record IN "
                                        "(SELECT value FROM json_each(?3)) ORDER BY id",
                                        false, err);
    if (!stmt)
        return -1;
    sqlite_write_array(&array, records, count);
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, stream);
    sqlite_bind_str(stmt, 3, buf_view(&array));
    int rc = read_sent(s, stmt, ret_rows, ret_count, &cap, arena, err);
    sqlite3_finalize(stmt);
    buf_free(&array);
    return rc;
}

/* ---- the run log ---- */

int sqlite_run_rolls_back(struct store *store, int64_t run, int64_t which, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "UPDATE run SET rolls_back = ?2 WHERE id = ?1", false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, which);
    int rc = sqlite_run(s, stmt, "note what a run takes back", err);
    sqlite3_finalize(stmt);
    return rc;
}
