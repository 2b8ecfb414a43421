/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine's lists, for commands that show. They are read in pieces, each from where
 * the one before ended, so that a list of any length takes little memory and `fn` may ask for
 * more. */
#include <inttypes.h>
#include <stdio.h>

#include "store/ddl.h"
#include "store/postgres_internal.h"

enum { ROWS_AT_ONCE = 500 };

static int piece(int64_t limit, int64_t given)
{
    return limit > 0 && limit - given < ROWS_AT_ONCE ? (int)(limit - given) : ROWS_AT_ONCE;
}

/* ---- runs ---- */

static void read_run_stream(const PGresult *r, int at, struct arena *arena,
                            struct run_stream_row *row)
{
    const struct model_object *object = model_object_by_id((uint16_t)pg_get_int(r, at, 2));
    int64_t *counts[] = {
        &row->counts.read,         &row->counts.created,      &row->counts.updated,
        &row->counts.unchanged,    &row->counts.filtered,     &row->counts.quarantined,
        &row->counts.deleted,      &row->counts.restored,     &row->counts.followed,
        &row->counts.sent_created, &row->counts.sent_updated, &row->counts.sent_deleted,
        &row->counts.refused,      &row->counts.conflicted};
    row->stream = pg_get_int(r, at, 0);
    row->vendor_object = arena_str(arena, pg_get_str(r, at, 1));
    row->object = str_from(object ? object->name : "");
    row->mode = (enum walk)pg_get_int(r, at, 3);
    row->since = pg_get_int(r, at, 4);
    row->until = pg_get_int(r, at, 5);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        *counts[i] = pg_get_int(r, at, 6 + (int)i);
}

static int read_run_streams(struct postgres_store *s, struct run_row *row, struct arena *arena,
                            struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, row->id);
    PGresult *r = pg_query(
        s,
        "SELECT s.id, s.vendor_object, s.object, r.mode, r.since, r.until, r.read, r.created, "
        "r.updated, r.unchanged, r.filtered, r.quarantined, r.deleted, r.restored, "
        "r.followed, r.sent_created, r.sent_updated, r.sent_deleted, r.refused, r.conflicted "
        "FROM run_stream r JOIN stream s ON s.id = r.stream WHERE r.run = $1::bigint "
        "ORDER BY r.stream",
        &p, "read the run log", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    row->stream_count = (size_t)PQntuples(r);
    row->streams = arena_new(arena, row->stream_count, sizeof row->streams[0]);
    for (size_t i = 0; i < row->stream_count; i++)
        read_run_stream(r, (int)i, arena, &row->streams[i]);
    PQclear(r);
    return 0;
}

static int int_or(const PGresult *r, int row, int column, int none)
{
    return pg_is_null(r, row, column) ? none : (int)pg_get_int(r, row, column);
}

static struct run_row read_run(const PGresult *r, int row)
{
    return (struct run_row){.id = pg_get_int(r, row, 0),
                            .connection = pg_get_str(r, row, 1),
                            .started_by = pg_get_str(r, row, 2),
                            .started_at = pg_get_int(r, row, 3),
                            .ended_at = pg_get_int(r, row, 4),
                            .status = (enum run_status)pg_get_int(r, row, 5),
                            .reason = pg_get_str(r, row, 6),
                            .phase = pg_get_str(r, row, 7),
                            .exit_signal = int_or(r, row, 8, -1),
                            .exit_code = int_or(r, row, 9, -1),
                            .api_calls = pg_get_int(r, row, 10),
                            .bytes = pg_get_int(r, row, 11),
                            .cpu_us = pg_get_int(r, row, 12),
                            .pruned_at = pg_get_int(r, row, 13), /* 0 for NULL, as the next */
                            .rolls_back = pg_get_int(r, row, 14),
                            .kind = (enum run_kind)pg_get_int(r, row, 15)};
}

static PGresult *select_runs(struct postgres_store *s, struct str connection, int64_t id,
                             int64_t before, int count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, connection);
    pg_int(&p, id);
    pg_int(&p, before);
    pg_int(&p, count);
    PGresult *r = pg_query(
        s,
        "SELECT r.id, c.name, r.started_by, r.started_at, r.ended_at, r.status, r.reason, r.phase, "
        "r.exit_signal, r.exit_code, r.api_calls, r.bytes, r.cpu_us, r.pruned_at, "
        "r.rolls_back, r.kind FROM run r "
        "LEFT JOIN connection c ON c.id = r.connection WHERE ($1 = '' OR c.name = $1) "
        "AND ($2::bigint = 0 OR r.id = $2::bigint OR ($2::bigint = -1 AND r.status = 1)) "
        "AND r.id < $3::bigint "
        "ORDER BY r.id DESC LIMIT $4::bigint",
        &p, "read the run log", err);
    pg_params_free(&p);
    return r;
}

/* Gives a run to `fn`: 1 to go on, 0 to stop, -1. */
static int give_run(struct postgres_store *s, struct run_row *row, run_fn fn, void *arg,
                    struct error *err)
{
    struct arena arena = {0};
    int rc = read_run_streams(s, row, &arena, err);
    if (rc == 0)
        rc = fn(arg, row) ? 1 : 0;
    arena_free(&arena);
    return rc;
}

int pg_each_run(struct store *store, struct str connection, int64_t id, int64_t limit, run_fn fn,
                void *arg, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    int64_t before = INT64_MAX, given = 0;
    int rc = 1;
    while (rc > 0 && (limit <= 0 || given < limit)) {
        int wanted = piece(limit, given);
        PGresult *r = select_runs(s, connection, id, before, wanted, err);
        if (!r)
            return -1;
        for (int row = 0; row < PQntuples(r) && rc > 0; row++) {
            struct run_row run = read_run(r, row);
            before = run.id;
            given++;
            rc = give_run(s, &run, fn, arg, err);
        }
        if (rc > 0 && PQntuples(r) < wanted)
            rc = 0;
        PQclear(r);
    }
    return rc < 0 ? -1 : 0;
}

/* ---- streams ---- */

int pg_each_stream(struct store *store, struct str connection, stream_fn fn, void *arg,
                   struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, connection);
    PGresult *r = pg_query(
        pg_of(store),
        "SELECT s.id, s.object, s.watermark, s.reconciled_at, s.walk, s.walk_since, s.walk_until, "
        "c.name, s.vendor_object, (SELECT count(*) FROM link l WHERE l.stream = s.id) - "
        "(SELECT count(*) FROM link l WHERE l.stream = s.id AND l.ended <> 0), "
        "(SELECT count(*) FROM quarantine q WHERE q.stream = s.id) FROM stream s "
        "JOIN connection c ON c.id = s.connection WHERE $1 = '' OR c.name = $1 "
        "ORDER BY c.name COLLATE \"C\", s.id",
        &p, "read the streams", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    bool go_on = true;
    for (int row = 0; row < PQntuples(r) && go_on; row++) {
        struct stream_row stream = {.connection = pg_get_str(r, row, 7),
                                    .vendor_object = pg_get_str(r, row, 8),
                                    .object = model_object_by_id((uint16_t)pg_get_int(r, row, 1)),
                                    .links = pg_get_int(r, row, 9),
                                    .quarantined = pg_get_int(r, row, 10)};
        stream.state.id = pg_get_int(r, row, 0);
        stream.state.has_watermark = !pg_is_null(r, row, 2);
        stream.state.watermark = pg_get_int(r, row, 2);
        stream.state.reconciled_at = pg_get_int(r, row, 3);
        stream.state.walk = (enum walk)pg_get_int(r, row, 4);
        stream.state.since = pg_get_int(r, row, 5);
        stream.state.until = pg_get_int(r, row, 6);
        go_on = fn(arg, &stream);
    }
    PQclear(r);
    return 0;
}

/* ---- records ---- */

/* A custom field is compared as text, as it is shown: a number by its digits. */
static void write_where(struct buf *text, struct pg_params *p, const struct record_filter *filter)
{
    for (size_t i = 0; i < filter->where_count; i++) {
        int field = filter->where[i].field;
        const struct value *value = &filter->where[i].value;
        if (field >= 0) {
            const struct model_field *f = &filter->object->fields[field];
            pg_value(p, value);
            buf_printf(text, " AND %s IS NOT DISTINCT FROM $%d::%s", f->name, p->count,
                       model_is_text(f->kind) ? "text" : "bigint");
            continue;
        }
        char digits[24];
        snprintf(digits, sizeof digits, "%" PRId64, value->integer);
        pg_str(p, filter->where[i].name);
        if (value->state == VALUE_INTEGER)
            pg_str(p, str_from(digits));
        else
            pg_value(p, value);
        buf_printf(text, " AND custom_fields ->> $%d::text IS NOT DISTINCT FROM $%d::text",
                   p->count - 1, p->count);
    }
}

static PGresult *select_records(struct postgres_store *s, const struct record_filter *filter,
                                int64_t after, int count, struct error *err)
{
    struct buf text = BUF_INIT(PG_SQL_MAX);
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, filter->organization);
    pg_int(&p, after);
    buf_text(&text, "SELECT ");
    pg_record_columns(&text, filter->object);
    buf_printf(&text,
               " FROM %s WHERE organization = $1::bigint AND key > $2::bigint "
               "AND " DDL_DELETED_AT " IS %sNULL",
               filter->object->name, filter->deleted ? "NOT " : "");
    write_where(&text, &p, filter);
    buf_printf(&text, " ORDER BY key LIMIT %d", count);
    PGresult *r = pg_query(s, buf_cstr(&text), &p, "read records", err);
    pg_params_free(&p);
    buf_free(&text);
    return r;
}

int pg_each_record(struct store *store, const struct record_filter *filter, record_fn fn, void *arg,
                   struct error *err)
{
    int64_t after = 0, given = 0;
    bool go_on = true;
    while (go_on && (filter->limit <= 0 || given < filter->limit)) {
        int wanted = piece(filter->limit, given);
        PGresult *r = select_records(pg_of(store), filter, after, wanted, err);
        if (!r)
            return -1;
        for (int at = 0; at < PQntuples(r) && go_on; at++) {
            struct arena arena = {0};
            struct record_row row;
            pg_read_record(r, at, filter->object, &arena, &row);
            after = row.key;
            given++;
            go_on = fn(arg, &row);
            arena_free(&arena);
        }
        go_on = go_on && PQntuples(r) == wanted;
        PQclear(r);
    }
    return 0;
}

/* ---- doctor ---- */

/* A count that must be 0. */
static int none_of(struct postgres_store *s, const char *query, const char *what, struct error *err)
{
    int64_t count;
    if (pg_number(s, query, NULL, "check the store", &count, err) != 0)
        return -1;
    return count == 0 ? 0
                      : error_set(err, "store %s: %" PRId64 " %s: restore it from a backup",
                                  s->store.location, count, what);
}

static int verify_object(struct postgres_store *s, const struct model_object *object,
                         int64_t *ret_count, struct error *err)
{
    char query[400];
    snprintf(query, sizeof query,
             "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream AND s.object = %d "
             "WHERE NOT EXISTS (SELECT 1 FROM %s r WHERE r.key = l.record) "
             /* Another program deleted it: the log says so. */
             "AND l.record <> 0 AND l.record NOT IN (SELECT record FROM log WHERE object = %d AND "
             "op = 3)",
             object->id, object->name, object->id);
    if (none_of(s, query, "links lead to no record", err) != 0)
        return -1;
    snprintf(query, sizeof query,
             "SELECT count(*) FROM %s r WHERE NOT EXISTS (SELECT 1 FROM log l WHERE l.seq = r.rev "
             "AND l.record = r.key AND l.object = %d)",
             object->name, object->id);
    if (none_of(s, query, "records have no log row", err) != 0)
        return -1;
    snprintf(query, sizeof query,
             "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream AND s.object = %d "
             "JOIN %s r ON r.key = l.record WHERE l.ended = 0 "
             "AND r." DDL_DELETED_AT " IS NOT NULL",
             object->id, object->name);
    if (none_of(s, query, "records are deleted although a vendor has them", err) != 0)
        return -1;
    snprintf(query, sizeof query, "SELECT count(*) FROM %s WHERE " DDL_DELETED_AT " IS NULL",
             object->name);
    return pg_number(s, query, NULL, "count records", ret_count, err);
}

int pg_verify(struct store *store, struct buf *ret_summary, struct error *err)
{
    if (none_of(pg_of(store),
                "SELECT count(*) FROM (SELECT stream FROM export_due UNION ALL SELECT stream FROM "
                "export_write UNION ALL SELECT stream FROM sent UNION ALL SELECT stream FROM "
                "conflict) AS e WHERE stream NOT IN (SELECT id FROM stream)",
                "exports are of no stream", err) != 0)
        return -1;
    for (size_t i = 0; i < model_object_count; i++) {
        int64_t count;
        if (verify_object(pg_of(store), &model_objects[i], &count, err) != 0)
            return -1;
        buf_printf(ret_summary, "%s%" PRId64 " %ss", i > 0 ? ", " : "", count,
                   model_objects[i].name);
    }
    return 0;
}
