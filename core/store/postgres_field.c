/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of vendors' fields, in PostgreSQL. */
#include "store/postgres_internal.h"

#define COLUMNS                                                                                    \
    "f.name, f.type, f.options, f.pause, f.since, f.now_type, f.now_options, f.rules_hash, "       \
    "f.stream, f.sparse"

static void read_row(const PGresult *r, int at, struct field_row *row)
{
    *row = (struct field_row){.name = pg_get_str(r, at, 0),
                              .type = (int)pg_get_int(r, at, 1),
                              .values = pg_get_str(r, at, 2),
                              .pause = (enum field_pause)pg_get_int(r, at, 3),
                              .since = pg_get_int(r, at, 4),
                              .now_type = (int)pg_get_int(r, at, 5),
                              .now_values = pg_get_str(r, at, 6),
                              .rules_hash = pg_get_int(r, at, 7),
                              .stream = pg_get_int(r, at, 8),
                              .sparse = pg_get_int(r, at, 9) != 0};
}

static PGresult *query_stream(struct store *store, const char *text, int64_t stream,
                              struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    PGresult *r = pg_query(pg_of(store), text, &p, "read the vendor's fields", err);
    pg_params_free(&p);
    return r;
}

int pg_load_fields(struct store *store, int64_t stream, struct field_snapshot *ret_snapshot,
                   struct arena *arena, struct error *err)
{
    struct field_snapshot snapshot = {0};
    PGresult *r = query_stream(
        store, "SELECT looked_at, mapping_hash FROM vendor_schema WHERE stream = $1::bigint",
        stream, err);
    if (!r)
        return -1;
    if (PQntuples(r) > 0) {
        snapshot.looked_at = pg_get_int(r, 0, 0);
        snapshot.mapping_hash = pg_get_int(r, 0, 1);
    }
    PQclear(r);
    r = query_stream(
        store, "SELECT " COLUMNS " FROM vendor_field f WHERE f.stream = $1::bigint ORDER BY f.name",
        stream, err);
    if (!r)
        return -1;
    snapshot.count = (size_t)PQntuples(r);
    snapshot.rows = arena_new(arena, snapshot.count, sizeof snapshot.rows[0]);
    for (size_t i = 0; i < snapshot.count; i++) {
        struct field_row *row = &snapshot.rows[i];
        read_row(r, (int)i, row);
        row->name = arena_str(arena, row->name);
        row->values = arena_str(arena, row->values);
        row->now_values = arena_str(arena, row->now_values);
    }
    PQclear(r);
    *ret_snapshot = snapshot;
    return 0;
}

/* ---- writing ---- */

static int add_row(struct postgres_store *s, int64_t stream, const struct field_row *row,
                   struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_str(&p, row->name);
    pg_int(&p, row->type);
    pg_str(&p, row->values);
    pg_int(&p, (int64_t)row->pause);
    pg_int(&p, row->since);
    pg_int(&p, row->now_type);
    pg_str(&p, row->now_values);
    pg_int(&p, row->rules_hash);
    pg_int(&p, row->sparse);
    int rc =
        pg_run(s,
               "INSERT INTO vendor_field (stream, name, type, options, pause, since, "
               "now_type, now_options, rules_hash, sparse) VALUES ($1::bigint, $2, $3::bigint, $4, "
               "$5::bigint, $6::bigint, $7::bigint, $8, $9::bigint, $10::bigint)",
               &p, "keep a vendor's field", err);
    pg_params_free(&p);
    return rc;
}

static int set_head(struct postgres_store *s, int64_t stream, const struct field_snapshot *snapshot,
                    struct error *err)
{
    struct pg_params one = PG_PARAMS_INIT, all = PG_PARAMS_INIT;
    pg_int(&one, stream);
    pg_int(&all, stream);
    pg_int(&all, snapshot->looked_at);
    pg_int(&all, snapshot->mapping_hash);
    int rc = pg_run(s, "DELETE FROM vendor_field WHERE stream = $1::bigint", &one,
                    "keep the vendor's fields", err);
    if (rc == 0)
        rc = pg_run(s,
                    "INSERT INTO vendor_schema (stream, looked_at, mapping_hash) VALUES "
                    "($1::bigint, $2::bigint, $3::bigint) ON CONFLICT (stream) DO UPDATE SET "
                    "looked_at = excluded.looked_at, mapping_hash = excluded.mapping_hash",
                    &all, "keep the vendor's fields", err);
    pg_params_free(&one);
    pg_params_free(&all);
    return rc;
}

int pg_set_fields(struct store *store, int64_t stream, const struct field_snapshot *snapshot,
                  struct error *err)
{
    int rc = set_head(pg_of(store), stream, snapshot, err);
    for (size_t i = 0; i < snapshot->count && rc == 0; i++)
        rc = add_row(pg_of(store), stream, &snapshot->rows[i], err);
    return rc;
}

/* ---- listing ---- */

int pg_each_field(struct store *store, struct str connection, field_fn fn, void *arg,
                  struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, connection);
    PGresult *r =
        pg_query(pg_of(store),
                 "SELECT " COLUMNS ", c.name, s.vendor_object FROM vendor_field f "
                 "JOIN stream s ON s.id = f.stream JOIN connection c ON c.id = s.connection "
                 "WHERE $1::text = '' OR c.name = $1 ORDER BY c.name COLLATE \"C\", s.id, f.name",
                 &p, "list the vendor's fields", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    for (int i = 0; i < PQntuples(r); i++) {
        struct field_row row;
        read_row(r, i, &row);
        row.connection = pg_get_str(r, i, 10);
        row.vendor_object = pg_get_str(r, i, 11);
        if (!fn(arg, &row))
            break;
    }
    PQclear(r);
    return 0;
}
