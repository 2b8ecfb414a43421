/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: fields that both sides changed. */
#include "store/sqlite_internal.h"

int sqlite_set_conflicts(struct store *store, const struct conflict_row *rows, size_t count,
                         struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "INSERT INTO conflict (stream, run, record, field, state, by_policy, at, settled_at, "
        "local_at, remote_at, base, local, remote, settled_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
        "?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (stream, record, field) WHERE state = 1 "
        "DO UPDATE SET run = excluded.run, local_at = excluded.local_at, "
        "remote_at = excluded.remote_at, local = excluded.local, remote = excluded.remote",
        false, err);
    int rc = stmt ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct conflict_row *row = &rows[i];
        sqlite3_bind_int64(stmt, 1, row->stream);
        sqlite3_bind_int64(stmt, 2, row->run);
        sqlite3_bind_int64(stmt, 3, row->record);
        sqlite3_bind_int(stmt, 4, row->field);
        sqlite3_bind_int(stmt, 5, (int)row->state);
        sqlite3_bind_int(stmt, 6, row->by_policy);
        sqlite3_bind_int64(stmt, 7, row->at);
        sqlite_bind_positive(stmt, 8, row->settled_at);
        sqlite_bind_positive(stmt, 9, row->local_at);
        sqlite_bind_positive(stmt, 10, row->remote_at);
        sqlite_bind_str_or_null(stmt, 11, row->base);
        sqlite_bind_str(stmt, 12, row->local);
        sqlite_bind_str(stmt, 13, row->remote);
        sqlite_bind_str_or_null(stmt, 14, row->settled_by);
        rc = sqlite_run(s, stmt, "note a conflict", err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

static void read_conflict(sqlite3_stmt *stmt, struct conflict_row *row)
{
    const struct model_object *object = model_object_by_id((uint16_t)sqlite3_column_int(stmt, 17));
    *row = (struct conflict_row){.id = sqlite3_column_int64(stmt, 0),
                                 .stream = sqlite3_column_int64(stmt, 1),
                                 .run = sqlite3_column_int64(stmt, 2),
                                 .record = sqlite3_column_int64(stmt, 3),
                                 .field = (uint16_t)sqlite3_column_int(stmt, 4),
                                 .state = (enum conflict_state)sqlite3_column_int(stmt, 5),
                                 .by_policy = sqlite3_column_int(stmt, 6) != 0,
                                 .at = sqlite3_column_int64(stmt, 7),
                                 .settled_at = sqlite3_column_int64(stmt, 8),
                                 .local_at = sqlite3_column_int64(stmt, 9),
                                 .remote_at = sqlite3_column_int64(stmt, 10),
                                 .base = sqlite_column_str(stmt, 11),
                                 .local = sqlite_column_str(stmt, 12),
                                 .remote = sqlite_column_str(stmt, 13),
                                 .settled_by = sqlite_column_str(stmt, 14),
                                 .connection = sqlite_column_str(stmt, 15),
                                 .vendor_object = sqlite_column_str(stmt, 16),
                                 .object = str_from(object ? object->name : ""),
                                 .external_id = sqlite_column_str(stmt, 18),
                                 .custom_field = sqlite_column_str(stmt, 19)};
}

int sqlite_each_conflict(struct store *store, const struct conflict_filter *filter, conflict_fn fn,
                         void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT x.id, x.stream, x.run, x.record, x.field, x.state, x.by_policy, x.at, "
        "x.settled_at, "
        "x.local_at, x.remote_at, x.base, x.local, x.remote, x.settled_by, c.name, "
        "t.vendor_object, "
        "t.object, (SELECT external_id FROM link WHERE record = x.record AND stream = x.stream "
        "ORDER BY ended <> 0, key DESC LIMIT 1), (SELECT name FROM custom_field WHERE id = "
        "x.field) "
        "FROM conflict x JOIN stream t ON t.id = x.stream "
        "JOIN connection c ON c.id = t.connection WHERE (?1 = 0 OR x.id = ?1) AND "
        "(?2 = '' OR c.name = ?2) AND (?3 = '' OR t.vendor_object = ?3) AND "
        "(?4 = 0 OR x.stream = ?4) AND (?5 = 0 OR x.record = ?5) AND (?6 = 0 OR x.state = 1) "
        "ORDER BY x.id",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, filter->id);
    sqlite_bind_str(stmt, 2, filter->connection);
    sqlite_bind_str(stmt, 3, filter->vendor_object);
    sqlite3_bind_int64(stmt, 4, filter->stream);
    sqlite3_bind_int64(stmt, 5, filter->record);
    sqlite3_bind_int(stmt, 6, filter->open_only);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "list the conflicts", err)) > 0) {
        struct conflict_row row;
        read_conflict(stmt, &row);
        go_on = fn(arg, &row);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_each_open_conflict(struct store *store, int64_t stream, int64_t first, int64_t last,
                              conflict_fn fn, void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(s,
                                        "SELECT id, record, field FROM conflict WHERE stream = ?1 "
                                        "AND record BETWEEN ?2 AND ?3 AND state = 1",
                                        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    sqlite3_bind_int64(stmt, 2, first);
    sqlite3_bind_int64(stmt, 3, last);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "look for conflicts", err)) > 0)
        go_on = fn(arg, &(struct conflict_row){.id = sqlite3_column_int64(stmt, 0),
                                               .record = sqlite3_column_int64(stmt, 1),
                                               .field = (uint16_t)sqlite3_column_int(stmt, 2)});
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_settle_conflict(struct store *store, int64_t id, enum conflict_state how, struct str by,
                           struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(s,
                                        "UPDATE conflict SET state = ?2, settled_at = ?3, "
                                        "settled_by = ?4 WHERE id = ?1 AND state = 1",
                                        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int(stmt, 2, (int)how);
    sqlite3_bind_int64(stmt, 3, world_now(store->world));
    sqlite_bind_str(stmt, 4, by);
    int rc = sqlite_run(s, stmt, "settle a conflict", err);
    sqlite3_finalize(stmt);
    return rc;
}
