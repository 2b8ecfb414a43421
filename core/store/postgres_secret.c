/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed secrets in PostgreSQL. */
#include "store/postgres_internal.h"

#define COLUMNS "connection, name, version, key_id, sealed, problem, updated_at"

static void read_row(const PGresult *r, int at, struct secret_row *row)
{
    *row = (struct secret_row){.connection = pg_get_str(r, at, 0),
                               .name = pg_get_str(r, at, 1),
                               .version = pg_get_int(r, at, 2),
                               .key_id = pg_get_str(r, at, 3),
                               .sealed = pg_get_str(r, at, 4),
                               .problem = pg_get_str(r, at, 5),
                               .updated_at = pg_get_int(r, at, 6)};
}

int pg_get_secret(struct store *store, struct str connection, struct str name,
                  struct secret_row *ret_row, struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    *ret_row = (struct secret_row){.connection = connection, .name = name};
    pg_str(&p, connection);
    pg_str(&p, name);
    PGresult *r =
        pg_query(pg_of(store), "SELECT " COLUMNS " FROM secret WHERE connection = $1 AND name = $2",
                 &p, "read a secret", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    int found = PQntuples(r);
    if (found > 0) {
        read_row(r, 0, ret_row);
        ret_row->connection = connection;
        ret_row->name = name;
        ret_row->key_id = arena_str(arena, ret_row->key_id);
        ret_row->sealed = arena_str(arena, ret_row->sealed);
        ret_row->problem = arena_str(arena, ret_row->problem);
    }
    PQclear(r);
    return found;
}

/* Each gives a row where it wrote one. */
static const char *set_text(const struct secret_row *row)
{
    if (row->sealed.len == 0)
        return "DELETE FROM secret WHERE connection = $1 AND name = $2 AND version = $3::bigint "
               "RETURNING 1::bigint";
    if (row->version == 0)
        return "INSERT INTO secret (" COLUMNS ") VALUES ($1, $2, $3::bigint + 1, $4, $5, $6, "
               "$7::bigint) ON CONFLICT DO NOTHING RETURNING 1::bigint";
    return "UPDATE secret SET version = $3::bigint + 1, key_id = $4, sealed = $5, problem = $6, "
           "updated_at = $7::bigint WHERE connection = $1 AND name = $2 AND version = $3::bigint "
           "RETURNING 1::bigint";
}

int pg_set_secret(struct store *store, const struct secret_row *row, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    int64_t written = 0;
    pg_str(&p, row->connection);
    pg_str(&p, row->name);
    pg_int(&p, row->version);
    if (row->sealed.len > 0) {
        pg_str(&p, row->key_id);
        pg_str(&p, row->sealed);
        pg_prose(&p, row->problem);
        pg_int(&p, world_now(store->world));
    }
    int rc = pg_number(pg_of(store), set_text(row), &p, "keep a secret", &written, err);
    pg_params_free(&p);
    if (rc != 0)
        return -1;
    return written == 1 ? 0 : 1;
}

int pg_each_secret(struct store *store, struct str connection, secret_fn fn, void *arg,
                   struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    struct secret_row row;
    pg_str(&p, connection);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT " COLUMNS " FROM secret WHERE $1::text = '' OR connection = $1 "
                           "ORDER BY connection COLLATE \"C\", name COLLATE \"C\"",
                           &p, "list the secrets", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    for (int i = 0; i < PQntuples(r); i++) {
        read_row(r, i, &row);
        if (!fn(arg, &row))
            break;
    }
    PQclear(r);
    return 0;
}
