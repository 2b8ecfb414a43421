/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: the log for who reads it. There is one writer at a time, so the order of seq
 * is that of commits. */
#include "store/sqlite_internal.h"

void sqlite_read_log_row(sqlite3_stmt *stmt, struct log_row *row, struct arena *arena)
{
    *row = (struct log_row){.position = {.seq = sqlite3_column_int64(stmt, 0)},
                            .object = (uint16_t)sqlite3_column_int(stmt, 1),
                            .record = sqlite3_column_int64(stmt, 2),
                            .op = (enum log_op)sqlite3_column_int(stmt, 3),
                            .run = sqlite3_column_int64(stmt, 4), /* 0 for NULL */
                            .prev = sqlite3_column_int64(stmt, 5),
                            .at = sqlite3_column_int64(stmt, 6),
                            .body = arena_str(arena, sqlite_column_str(stmt, 7))};
}

int sqlite_load_log(struct store *store, const struct log_position *after, size_t most,
                    struct log_row **ret_rows, size_t *ret_count, struct arena *arena,
                    struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct log_row *rows = NULL;
    size_t n = 0, cap = 0;
    int found;
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT " SQLITE_LOG_COLUMNS " FROM log WHERE seq > ?1 ORDER BY seq LIMIT ?2", false,
        err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, after->seq);
    sqlite3_bind_int64(stmt, 2, (int64_t)most);
    while ((found = sqlite_step(s, stmt, "follow the log", err)) > 0) {
        rows = arena_grow(arena, rows, &cap, n + 1, sizeof rows[0]);
        sqlite_read_log_row(stmt, &rows[n++], arena);
    }
    sqlite3_finalize(stmt);
    *ret_rows = rows;
    *ret_count = n;
    return found;
}

int sqlite_load_log_row(struct store *store, int64_t seq, struct log_row *ret_row,
                        struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "SELECT " SQLITE_LOG_COLUMNS " FROM log WHERE seq = ?1", false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, seq);
    int found = sqlite_step(s, stmt, "read the log", err);
    *ret_row = (struct log_row){0};
    if (found > 0)
        sqlite_read_log_row(stmt, ret_row, arena);
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- consumers ---- */

int sqlite_load_consumer(struct store *store, struct str name, struct log_position *ret_position,
                         struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "SELECT xid, seq FROM log_consumer WHERE name = ?1", false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, name);
    int found = sqlite_step(s, stmt, "look how far the log was followed", err);
    *ret_position = (struct log_position){0};
    if (found > 0)
        *ret_position =
            (struct log_position){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_set_consumer(struct store *store, struct str name, const struct log_position *position,
                        struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        position ? "INSERT INTO log_consumer (name, xid, seq, at) VALUES (?1, ?2, ?3, ?4) "
                   "ON CONFLICT (name) DO UPDATE SET xid = excluded.xid, seq = excluded.seq, "
                   "at = excluded.at"
                 : "DELETE FROM log_consumer WHERE name = ?1",
        false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, name);
    if (position) {
        sqlite3_bind_int64(stmt, 2, position->xid);
        sqlite3_bind_int64(stmt, 3, position->seq);
        sqlite3_bind_int64(stmt, 4, world_now(store->world));
    }
    int rc = sqlite_run(s, stmt, "note how far the log was followed", err);
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_set_back_consumers(struct sqlite_store *s, struct error *err)
{
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "UPDATE log_consumer SET seq = (SELECT coalesce(max(seq), -1) FROM log) "
                       "WHERE seq > (SELECT coalesce(max(seq), -1) FROM log)",
                       false, err);
    int rc = stmt ? sqlite_run(s, stmt, "note how far the log was followed", err) : -1;
    sqlite3_finalize(stmt);
    return rc;
}

/* ---- hearing of other writers ---- */

/* SQLite's counter of what other sessions have committed. */
int sqlite_heard(struct store *store, bool *ret_written, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(s, "PRAGMA data_version", false, err);
    if (!stmt)
        return -1;
    int found = sqlite_step(s, stmt, "look for other writers", err);
    int64_t version = found > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    *ret_written = found > 0 && version != s->data_version;
    s->data_version = version;
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_listen(struct store *store, int *ret_fd, struct error *err)
{
    bool written;
    *ret_fd = -1;
    return sqlite_heard(store, &written, err);
}
