/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of vendors' fields. Read once a run and object: the statements are not kept. */
#include "store/sqlite_internal.h"

#define COLUMNS                                                                                    \
    "f.name, f.type, f.options, f.pause, f.since, f.now_type, f.now_options, f.rules_hash, "       \
    "f.stream, f.sparse"

static void read_row(sqlite3_stmt *stmt, struct field_row *row)
{
    *row = (struct field_row){.name = sqlite_column_str(stmt, 0),
                              .type = sqlite3_column_int(stmt, 1),
                              .values = sqlite_column_str(stmt, 2),
                              .pause = (enum field_pause)sqlite3_column_int(stmt, 3),
                              .since = sqlite3_column_int64(stmt, 4),
                              .now_type = sqlite3_column_int(stmt, 5),
                              .now_values = sqlite_column_str(stmt, 6),
                              .rules_hash = sqlite3_column_int64(stmt, 7),
                              .stream = sqlite3_column_int64(stmt, 8),
                              .sparse = sqlite3_column_int(stmt, 9) != 0};
}

static int load_time(struct sqlite_store *s, int64_t stream, struct field_snapshot *snapshot,
                     struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT looked_at, mapping_hash FROM vendor_schema WHERE stream = ?1", false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    int found = sqlite_step(s, stmt, "read when fields were looked at", err);
    if (found > 0) {
        snapshot->looked_at = sqlite3_column_int64(stmt, 0);
        snapshot->mapping_hash = sqlite3_column_int64(stmt, 1);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_load_fields(struct store *store, int64_t stream, struct field_snapshot *ret_snapshot,
                       struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct field_snapshot snapshot = {0};
    size_t cap = 0;
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT " COLUMNS " FROM vendor_field f WHERE f.stream = ?1 ORDER BY f.name", false,
        err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    int found;
    while ((found = sqlite_step(s, stmt, "read the vendor's fields", err)) > 0) {
        snapshot.rows =
            arena_grow(arena, snapshot.rows, &cap, snapshot.count + 1, sizeof snapshot.rows[0]);
        struct field_row *row = &snapshot.rows[snapshot.count++];
        read_row(stmt, row);
        row->name = arena_str(arena, row->name);
        row->values = arena_str(arena, row->values);
        row->now_values = arena_str(arena, row->now_values);
    }
    sqlite3_finalize(stmt);
    *ret_snapshot = snapshot;
    return found < 0 ? -1 : load_time(s, stream, ret_snapshot, err);
}

/* ---- writing ---- */

static int add_row(struct sqlite_store *s, sqlite3_stmt *stmt, int64_t stream,
                   const struct field_row *row, struct error *err)
{
    sqlite3_reset(stmt);
    sqlite3_bind_int64(stmt, 1, stream);
    sqlite_bind_str(stmt, 2, row->name);
    sqlite3_bind_int(stmt, 3, row->type);
    sqlite_bind_str(stmt, 4, row->values);
    sqlite3_bind_int(stmt, 5, (int)row->pause);
    sqlite3_bind_int64(stmt, 6, row->since);
    sqlite3_bind_int(stmt, 7, row->now_type);
    sqlite_bind_str(stmt, 8, row->now_values);
    sqlite3_bind_int64(stmt, 9, row->rules_hash);
    sqlite3_bind_int(stmt, 10, row->sparse);
    return sqlite_run(s, stmt, "keep a vendor's field", err);
}

/* Runs a statement whose first parameters are numbers. */
static int run_numbers(struct sqlite_store *s, const char *text, const int64_t *numbers, int count,
                       struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    if (!stmt)
        return -1;
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(stmt, i + 1, numbers[i]);
    int rc = sqlite_run(s, stmt, "keep the vendor's fields", err);
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_set_fields(struct store *store, int64_t stream, const struct field_snapshot *snapshot,
                      struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    const int64_t head[] = {stream, snapshot->looked_at, snapshot->mapping_hash};
    if (run_numbers(s, "DELETE FROM vendor_field WHERE stream = ?1", head, 1, err) != 0 ||
        run_numbers(s,
                    "INSERT INTO vendor_schema (stream, looked_at, mapping_hash) VALUES (?1, ?2, "
                    "?3) ON CONFLICT (stream) DO UPDATE SET looked_at = ?2, mapping_hash = ?3",
                    head, 3, err) != 0)
        return -1;
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "INSERT INTO vendor_field (stream, name, type, options, pause, since, "
        "now_type, now_options, rules_hash, sparse) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
        "?9, ?10)",
        false, err);
    int rc = stmt ? 0 : -1;
    for (size_t i = 0; i < snapshot->count && rc == 0; i++)
        rc = add_row(s, stmt, stream, &snapshot->rows[i], err);
    sqlite3_finalize(stmt);
    return rc;
}

/* ---- listing ---- */

int sqlite_each_field(struct store *store, struct str connection, field_fn fn, void *arg,
                      struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "SELECT " COLUMNS ", c.name, s.vendor_object FROM vendor_field f "
                       "JOIN stream s ON s.id = f.stream JOIN connection c ON c.id = s.connection "
                       "WHERE ?1 = '' OR c.name = ?1 ORDER BY c.name, s.id, f.name",
                       false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    int found;
    while ((found = sqlite_step(s, stmt, "list the vendor's fields", err)) > 0) {
        struct field_row row;
        read_row(stmt, &row);
        row.connection = sqlite_column_str(stmt, 10);
        row.vendor_object = sqlite_column_str(stmt, 11);
        if (!fn(arg, &row))
            break;
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}
