/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: the log for who reads it. A transaction that took a number of the log may
 * commit after one that took a later number. So rows are read in the order of transactions, and of
 * those alone that are older than all that run: nothing can come before them any more. */
#include <stdio.h>

#include "store/postgres_internal.h"

void pg_read_log_row(const PGresult *r, int at, struct log_row *row, struct arena *arena)
{
    *row = (struct log_row){
        .position = {.xid = pg_get_int(r, at, 0), .seq = pg_get_int(r, at, 1)},
        .object = (uint16_t)pg_get_int(r, at, 2),
        .record = pg_get_int(r, at, 3),
        .op = (enum log_op)pg_get_int(r, at, 4),
        .run = pg_get_int(r, at, 5), /* 0 for NULL */
        .prev = pg_get_int(r, at, 6),
        .at = pg_get_int(r, at, 7),
        .body = arena_str(arena, pg_get_str(r, at, 8)),
    };
}

int pg_load_log(struct store *store, const struct log_position *after, size_t most,
                struct log_row **ret_rows, size_t *ret_count, struct arena *arena,
                struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, after->xid);
    pg_int(&p, after->seq);
    pg_int(&p, (int64_t)most);
    PGresult *r =
        pg_query(pg_of(store),
                 "SELECT " PG_LOG_COLUMNS " FROM log WHERE (xid, seq) > ($1::bigint::text::xid8, "
                 "$2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot()) "
                 "ORDER BY xid, seq LIMIT $3::bigint",
                 &p, "follow the log", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (size_t i = 0; i < *ret_count; i++)
        pg_read_log_row(r, (int)i, &(*ret_rows)[i], arena);
    PQclear(r);
    return 0;
}

int pg_load_log_row(struct store *store, int64_t seq, struct log_row *ret_row, struct arena *arena,
                    struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, seq);
    PGresult *r =
        pg_query(pg_of(store), "SELECT " PG_LOG_COLUMNS " FROM log WHERE seq = $1::bigint", &p,
                 "read the log", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_row = (struct log_row){0};
    if (PQntuples(r) > 0)
        pg_read_log_row(r, 0, ret_row, arena);
    PQclear(r);
    return 0;
}

/* ---- of one record ---- */

int pg_find_record(struct store *store, const struct model_object *object, int64_t organization,
                   const struct uuid *id, int64_t *ret_key, struct error *err)
{
    char text[200];
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, (struct str){(const char *)id->bytes, UUID_SIZE});
    pg_int(&p, organization);
    snprintf(text, sizeof text,
             "SELECT key FROM %s WHERE id = $1::uuid AND organization = $2::bigint LIMIT 1",
             object->name);
    int rc = pg_number(pg_of(store), text, &p, "look for a record", ret_key, err);
    pg_params_free(&p);
    return rc;
}

int pg_each_link(struct store *store, const struct model_object *object, int64_t record, link_fn fn,
                 void *arg, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, record);
    pg_int(&p, object->id);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT c.name, s.vendor_object, l.external_id, l.ended FROM link l "
                           "JOIN stream s ON s.id = l.stream AND s.object = $2::bigint "
                           "JOIN connection c ON c.id = s.connection "
                           "WHERE l.record = $1::bigint ORDER BY l.key",
                           &p, "read the links", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    bool go_on = true;
    for (int i = 0; i < PQntuples(r) && go_on; i++)
        go_on = fn(arg, &(struct record_link){.connection = pg_get_str(r, i, 0),
                                              .vendor_object = pg_get_str(r, i, 1),
                                              .external_id = pg_get_str(r, i, 2),
                                              .ended = (enum link_ended)pg_get_int(r, i, 3)});
    PQclear(r);
    return 0;
}

/* ---- consumers ---- */

int pg_load_consumer(struct store *store, struct str name, struct log_position *ret_position,
                     struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, name);
    PGresult *r = pg_query(pg_of(store), "SELECT xid, seq FROM log_consumer WHERE name = $1::text",
                           &p, "look how far the log was followed", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_position = (struct log_position){0};
    if (PQntuples(r) > 0)
        *ret_position = (struct log_position){pg_get_int(r, 0, 0), pg_get_int(r, 0, 1)};
    PQclear(r);
    return 0;
}

int pg_set_consumer(struct store *store, struct str name, const struct log_position *position,
                    struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, name);
    if (position) {
        pg_int(&p, position->xid);
        pg_int(&p, position->seq);
        pg_int(&p, world_now(store->world));
    }
    int rc =
        pg_run(pg_of(store),
               position ? "INSERT INTO log_consumer (name, xid, seq, at) VALUES ($1::text, "
                          "$2::bigint, $3::bigint, $4::bigint) ON CONFLICT (name) DO UPDATE SET "
                          "xid = excluded.xid, seq = excluded.seq, at = excluded.at"
                        : "DELETE FROM log_consumer WHERE name = $1::text",
               &p, "note how far the log was followed", err);
    pg_params_free(&p);
    return rc;
}

/* ---- hearing of other writers ---- */

int pg_listen(struct store *store, int *ret_fd, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    PQfinish(s->listener);
    s->listener = pg_connect(s, err);
    if (!s->listener)
        return -1;
    PGresult *r = PQexec(s->listener, "LISTEN fastenr_log");
    bool listens = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!listens)
        error_set(err, "store %s: cannot listen to other writers: %s", store->location,
                  PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
    PQclear(r);
    *ret_fd = PQsocket(s->listener);
    return listens ? 0 : -1;
}

int pg_heard(struct store *store, bool *ret_written, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    PGnotify *notify;
    *ret_written = false;
    if (!s->listener || !PQconsumeInput(s->listener))
        return error_set(err, "store %s: the session that listens to other writers was lost",
                         store->location);
    while ((notify = PQnotifies(s->listener))) {
        *ret_written = true;
        PQfreemem(notify);
    }
    return 0;
}
