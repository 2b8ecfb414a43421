/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed secrets. They are read and written seldom: the statements are not kept. */
#include "store/sqlite_internal.h"

#define COLUMNS "connection, name, version, key_id, sealed, problem, updated_at"

static void read_row(sqlite3_stmt *stmt, struct secret_row *row)
{
    *row = (struct secret_row){.connection = sqlite_column_str(stmt, 0),
                               .name = sqlite_column_str(stmt, 1),
                               .version = sqlite3_column_int64(stmt, 2),
                               .key_id = sqlite_column_str(stmt, 3),
                               .sealed = sqlite_column_str(stmt, 4),
                               .problem = sqlite_column_str(stmt, 5),
                               .updated_at = sqlite3_column_int64(stmt, 6)};
}

int sqlite_get_secret(struct store *store, struct str connection, struct str name,
                      struct secret_row *ret_row, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    *ret_row = (struct secret_row){.connection = connection, .name = name};
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT " COLUMNS " FROM secret WHERE connection = ?1 AND name = ?2", false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    sqlite_bind_str(stmt, 2, name);
    int found = sqlite_step(s, stmt, "read a secret", err);
    if (found > 0) {
        read_row(stmt, ret_row);
        ret_row->connection = connection;
        ret_row->name = name;
        ret_row->key_id = arena_str(arena, ret_row->key_id);
        ret_row->sealed = arena_str(arena, ret_row->sealed);
        ret_row->problem = arena_str(arena, ret_row->problem);
    }
    sqlite3_finalize(stmt);
    return found;
}

/* With the same bindings for all: which is used depends on what is written. */
static const char *set_text(const struct secret_row *row)
{
    if (row->sealed.len == 0)
        return "DELETE FROM secret WHERE connection = ?1 AND name = ?2 AND version = ?3";
    if (row->version == 0)
        return "INSERT INTO secret (connection, name, version, key_id, sealed, problem, "
               "updated_at) VALUES (?1, ?2, ?3 + 1, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    return "UPDATE secret SET version = ?3 + 1, key_id = ?4, sealed = ?5, problem = ?6, "
           "updated_at = ?7 WHERE connection = ?1 AND name = ?2 AND version = ?3";
}

int sqlite_set_secret(struct store *store, const struct secret_row *row, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(s, set_text(row), false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, row->connection);
    sqlite_bind_str(stmt, 2, row->name);
    sqlite3_bind_int64(stmt, 3, row->version);
    if (row->sealed.len > 0) {
        sqlite_bind_str(stmt, 4, row->key_id);
        sqlite_bind_bytes(stmt, 5, row->sealed);
        sqlite_bind_str(stmt, 6, row->problem);
        sqlite3_bind_int64(stmt, 7, world_now(store->world));
    }
    int rc = sqlite_run(s, stmt, "keep a secret", err);
    sqlite3_finalize(stmt);
    if (rc != 0)
        return -1;
    return sqlite3_changes(s->db) == 1 ? 0 : 1;
}

int sqlite_each_secret(struct store *store, struct str connection, secret_fn fn, void *arg,
                       struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct secret_row row;
    sqlite3_stmt *stmt = sqlite_prepare(s,
                                        "SELECT " COLUMNS " FROM secret WHERE ?1 = '' OR "
                                        "connection = ?1 ORDER BY connection, name",
                                        false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    int found;
    while ((found = sqlite_step(s, stmt, "list the secrets", err)) > 0) {
        read_row(stmt, &row);
        if (!fn(arg, &row))
            break;
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}
