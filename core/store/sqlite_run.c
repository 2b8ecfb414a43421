/* SPDX-License-Identifier: Apache-2.0 */
/* The run log, and the leases that keep two hosts from running one connection. */
#include <errno.h>
#include <fcntl.h>

#include "store/sqlite_internal.h"

int sqlite_run_start(struct store *store, int64_t connection, struct str started_by,
                     int64_t *ret_id, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_RUN_START, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, connection);
    sqlite_bind_str(stmt, 2, started_by);
    sqlite3_bind_int64(stmt, 3, world_now(store->world));
    if (sqlite_run(s, stmt, "begin a run", err) != 0)
        return -1;
    *ret_id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

int sqlite_run_stream(struct store *store, int64_t run, const struct run_stream_row *row,
                      struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_RUN_STREAM, err);
    const int64_t counts[] = {
        row->counts.read,         row->counts.created,      row->counts.updated,
        row->counts.unchanged,    row->counts.filtered,     row->counts.quarantined,
        row->counts.deleted,      row->counts.restored,     row->counts.followed,
        row->counts.sent_created, row->counts.sent_updated, row->counts.sent_deleted,
        row->counts.refused,      row->counts.conflicted};
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, row->stream);
    sqlite3_bind_int(stmt, 3, (int)row->mode);
    sqlite_bind_positive(stmt, 4, row->since);
    sqlite3_bind_int64(stmt, 5, row->until);
    for (int i = 0; i < (int)(sizeof counts / sizeof counts[0]); i++)
        sqlite3_bind_int64(stmt, 6 + i, counts[i]);
    return sqlite_run(s, stmt, "count in the run log", err);
}

static void bind_int_or_null(sqlite3_stmt *stmt, int index, int value)
{
    if (value >= 0)
        sqlite3_bind_int(stmt, index, value);
    else
        sqlite3_bind_null(stmt, index);
}

int sqlite_run_end(struct store *store, const struct run_row *row, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_RUN_END, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, row->id);
    sqlite3_bind_int64(stmt, 2, row->ended_at);
    sqlite3_bind_int(stmt, 3, (int)row->status);
    sqlite_bind_str_or_null(stmt, 4, row->reason);
    sqlite_bind_str_or_null(stmt, 5, row->phase);
    bind_int_or_null(stmt, 6, row->exit_signal);
    bind_int_or_null(stmt, 7, row->exit_code);
    sqlite3_bind_int64(stmt, 8, row->api_calls);
    sqlite3_bind_int64(stmt, 9, row->bytes);
    sqlite3_bind_int64(stmt, 10, row->cpu_us);
    return sqlite_run(s, stmt, "end a run", err);
}

/* ---- pauses ---- */

int sqlite_set_pause(struct store *store, int64_t connection, struct str by, struct str reason,
                     struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    bool set = by.len > 0;
    sqlite3_stmt *stmt = sqlite_statement(s, set ? SQL_SET_PAUSE : SQL_CLEAR_PAUSE, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, connection);
    if (set) {
        sqlite3_bind_int64(stmt, 2, world_now(store->world));
        sqlite_bind_str(stmt, 3, by);
        sqlite_bind_str_or_null(stmt, 4, reason);
    }
    if (sqlite_run(s, stmt, set ? "pause" : "resume", err) != 0)
        return -1;
    return sqlite3_changes(s->db) > 0;
}

int sqlite_find_pause(struct store *store, struct str connection, struct arena *arena,
                      struct pause_row *ret_pause, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_FIND_PAUSE, err);
    *ret_pause = (struct pause_row){0};
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    int found = sqlite_step(s, stmt, "look for a pause", err);
    if (found <= 0)
        return found;
    *ret_pause = (struct pause_row){.at = sqlite3_column_int64(stmt, 0),
                                    .all = sqlite3_column_int64(stmt, 1) == 0,
                                    .by = arena_str(arena, sqlite_column_str(stmt, 2)),
                                    .reason = arena_str(arena, sqlite_column_str(stmt, 3))};
    sqlite3_reset(stmt);
    return 0;
}

/* ---- leases: a byte of the lock file a connection; the kernel gives it back when the host dies
 * ---- */

static int lock_byte(struct sqlite_store *s, int64_t connection, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = connection, .l_len = 1};
    return fcntl(s->lock_fd, F_OFD_SETLK, &lock);
}

int sqlite_lease(struct store *store, int64_t connection, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    if (lock_byte(s, connection, F_WRLCK) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return 1;
    return error_set(err, "cannot lock %s-lock: %s", store->location, strerror(errno));
}

void sqlite_release(struct store *store, int64_t connection)
{
    lock_byte(sqlite_of(store), connection, F_UNLCK);
}

/* Whether another host has the lease. */
static bool is_leased(struct sqlite_store *s, int64_t connection)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = connection, .l_len = 1};
    return fcntl(s->lock_fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int sqlite_reap(struct store *store, int64_t connection, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *find = sqlite_prepare(
        s, "SELECT id, connection FROM run WHERE status = 1 AND (?1 = 0 OR connection = ?1)", false,
        err);
    sqlite3_stmt *set =
        sqlite_prepare(s,
                       "UPDATE run SET status = 7, ended_at = ?2, reason = 'the host ended in the "
                       "middle of it; the "
                       "next run goes on from the last commit' WHERE id = ?1 AND status = 1",
                       false, err);
    int found = find && set ? 0 : -1;
    if (find)
        sqlite3_bind_int64(find, 1, connection);
    while (found >= 0 && (found = sqlite_step(s, find, "look for runs", err)) > 0) {
        if (is_leased(s, sqlite3_column_int64(find, 1)))
            continue;
        sqlite3_bind_int64(set, 1, sqlite3_column_int64(find, 0));
        sqlite3_bind_int64(set, 2, world_now(store->world));
        if (sqlite_run(s, set, "end a run of a host that died", err) != 0)
            found = -1;
    }
    sqlite3_finalize(find);
    sqlite3_finalize(set);
    return found;
}
