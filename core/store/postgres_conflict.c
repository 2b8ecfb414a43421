/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: fields that both sides changed. */
#include "store/postgres_internal.h"

static int set_conflict(struct store *store, const struct conflict_row *row, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, row->stream);
    pg_int(&p, row->run);
    pg_int(&p, row->record);
    pg_int(&p, row->field);
    pg_int(&p, (int64_t)row->state);
    pg_int(&p, row->by_policy);
    pg_int(&p, row->at);
    pg_int_or_null(&p, row->settled_at, row->settled_at <= 0);
    pg_int_or_null(&p, row->local_at, row->local_at <= 0);
    pg_int_or_null(&p, row->remote_at, row->remote_at <= 0);
    pg_str_or_null(&p, row->base);
    pg_str(&p, row->local);
    pg_str(&p, row->remote);
    pg_str_or_null(&p, row->settled_by);
    int rc = pg_run(
        pg_of(store),
        "INSERT INTO conflict (stream, run, record, field, state, by_policy, at, settled_at, "
        "local_at, remote_at, base, local, remote, settled_by) VALUES ($1::bigint, $2::bigint, "
        "$3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint, "
        "$10::bigint, $11, $12, $13, $14) ON CONFLICT (stream, record, field) WHERE state = 1 "
        "DO UPDATE SET run = excluded.run, local_at = excluded.local_at, "
        "remote_at = excluded.remote_at, local = excluded.local, remote = excluded.remote",
        &p, "note a conflict", err);
    pg_params_free(&p);
    return rc;
}

int pg_set_conflicts(struct store *store, const struct conflict_row *rows, size_t count,
                     struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (set_conflict(store, &rows[i], err) != 0)
            return -1;
    return 0;
}

static void read_conflict(const PGresult *r, int at, struct conflict_row *row)
{
    const struct model_object *object = model_object_by_id((uint16_t)pg_get_int(r, at, 17));
    *row = (struct conflict_row){.id = pg_get_int(r, at, 0),
                                 .stream = pg_get_int(r, at, 1),
                                 .run = pg_get_int(r, at, 2),
                                 .record = pg_get_int(r, at, 3),
                                 .field = (uint16_t)pg_get_int(r, at, 4),
                                 .state = (enum conflict_state)pg_get_int(r, at, 5),
                                 .by_policy = pg_get_int(r, at, 6) != 0,
                                 .at = pg_get_int(r, at, 7),
                                 .settled_at = pg_get_int(r, at, 8),
                                 .local_at = pg_get_int(r, at, 9),
                                 .remote_at = pg_get_int(r, at, 10),
                                 .base = pg_get_str(r, at, 11),
                                 .local = pg_get_str(r, at, 12),
                                 .remote = pg_get_str(r, at, 13),
                                 .settled_by = pg_get_str(r, at, 14),
                                 .connection = pg_get_str(r, at, 15),
                                 .vendor_object = pg_get_str(r, at, 16),
                                 .object = str_from(object ? object->name : ""),
                                 .external_id = pg_get_str(r, at, 18),
                                 .custom_field = pg_get_str(r, at, 19)};
}

int pg_each_conflict(struct store *store, const struct conflict_filter *filter, conflict_fn fn,
                     void *arg, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, filter->id);
    pg_str(&p, filter->connection);
    pg_str(&p, filter->vendor_object);
    pg_int(&p, filter->stream);
    pg_int(&p, filter->record);
    pg_int(&p, filter->open_only);
    PGresult *r = pg_query(
        pg_of(store),
        "SELECT x.id, x.stream, x.run, x.record, x.field, x.state, x.by_policy, x.at, "
        "x.settled_at, "
        "x.local_at, x.remote_at, x.base, x.local, x.remote, x.settled_by, c.name, "
        "t.vendor_object, "
        "t.object, (SELECT external_id FROM link WHERE record = x.record AND stream = x.stream "
        "ORDER BY ended <> 0, key DESC LIMIT 1), (SELECT name FROM custom_field WHERE id = "
        "x.field) "
        "FROM conflict x JOIN stream t ON t.id = x.stream "
        "JOIN connection c ON c.id = t.connection WHERE ($1::bigint = 0 OR x.id = $1::bigint) AND "
        "($2::text = '' OR c.name = $2::text) AND ($3::text = '' OR t.vendor_object = $3::text) "
        "AND ($4::bigint = 0 OR x.stream = $4::bigint) AND ($5::bigint = 0 OR x.record = "
        "$5::bigint) AND ($6::bigint = 0 OR x.state = 1) ORDER BY x.id",
        &p, "list the conflicts", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    bool go_on = true;
    for (int i = 0; i < PQntuples(r) && go_on; i++) {
        struct conflict_row row;
        read_conflict(r, i, &row);
        go_on = fn(arg, &row);
    }
    PQclear(r);
    return 0;
}

int pg_each_open_conflict(struct store *store, int64_t stream, int64_t first, int64_t last,
                          conflict_fn fn, void *arg, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_int(&p, first);
    pg_int(&p, last);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT id, record, field FROM conflict WHERE stream = $1::bigint AND "
                           "record BETWEEN $2::bigint AND $3::bigint AND state = 1",
                           &p, "look for conflicts", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    bool go_on = true;
    for (int i = 0; i < PQntuples(r) && go_on; i++)
        go_on = fn(arg, &(struct conflict_row){.id = pg_get_int(r, i, 0),
                                               .record = pg_get_int(r, i, 1),
                                               .field = (uint16_t)pg_get_int(r, i, 2)});
    PQclear(r);
    return 0;
}

int pg_settle_conflict(struct store *store, int64_t id, enum conflict_state how, struct str by,
                       struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, id);
    pg_int(&p, (int64_t)how);
    pg_int(&p, world_now(store->world));
    pg_str(&p, by);
    int rc = pg_run(pg_of(store),
                    "UPDATE conflict SET state = $2::bigint, settled_at = $3::bigint, "
                    "settled_by = $4 WHERE id = $1::bigint AND state = 1",
                    &p, "settle a conflict", err);
    pg_params_free(&p);
    return rc;
}
