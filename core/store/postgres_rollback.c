/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: what a run did, for who takes it back. */
#include <stdio.h>

#include "store/ddl.h"
#include "store/postgres_internal.h"

/* ---- the log ---- */

int pg_load_run_span(struct store *store, int64_t run, struct run_span *ret_span, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    PGresult *r =
        pg_query(pg_of(store),
                 "SELECT coalesce(min(r.log_from), 0), coalesce(max(l.seq), 0), count(l.seq), "
                 "count(l.seq) FILTER (WHERE l.op = 2 AND l.body IS NULL), "
                 "(SELECT count(*) FROM sent WHERE run = $1::bigint) FROM run r LEFT JOIN log l "
                 "ON l.seq > coalesce(r.log_from, 0) AND l.run = r.id WHERE r.id = $1::bigint",
                 &p, "look what a run did", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_span = (struct run_span){.first = pg_get_int(r, 0, 0),
                                  .last = pg_get_int(r, 0, 1),
                                  .rows = pg_get_int(r, 0, 2),
                                  .pruned = pg_get_int(r, 0, 3),
                                  .sent = pg_get_int(r, 0, 4)};
    PQclear(r);
    return 0;
}

int pg_load_run_log(struct store *store, int64_t run, const struct run_span *span, int64_t before,
                    size_t most, struct log_row **ret_rows, size_t *ret_count, struct arena *arena,
                    struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, span->first);
    pg_int(&p, before);
    pg_int(&p, run);
    pg_int(&p, (int64_t)most);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT " PG_LOG_COLUMNS
                           " FROM log WHERE seq > $1::bigint AND seq < $2::bigint AND "
                           "run = $3::bigint ORDER BY seq DESC LIMIT $4::bigint",
                           &p, "read what a run did", err);
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

int pg_load_log_rows(struct store *store, const int64_t *seqs, size_t count, struct log_row *out,
                     struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_ints(&p, seqs, count);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT " PG_LOG_COLUMNS ", u.i FROM unnest($1::bigint[]) WITH "
                           "ORDINALITY AS u(wanted, i) JOIN log ON seq = u.wanted",
                           &p, "read the log", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct log_row){0};
    for (int i = 0; i < PQntuples(r); i++)
        pg_read_log_row(r, i, &out[pg_get_int(r, i, PG_LOG_COLUMN_COUNT) - 1], arena);
    PQclear(r);
    return 0;
}

/* ---- who has a record, and who refers to it ---- */

int pg_load_held(struct store *store, const struct model_object *object, const int64_t *records,
                 size_t count, struct held_link **ret_rows, size_t *ret_count, struct arena *arena,
                 struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    *ret_rows = NULL;
    *ret_count = 0;
    if (count == 0)
        return 0;
    pg_int(&p, object->id);
    pg_ints(&p, records, count);
    PGresult *r =
        pg_query(pg_of(store),
                 "SELECT l.stream, t.connection, l.key, l.record, l.ended, "
                 "l.seen_remote, l.seen_local, l.external_id, l.base FROM link l JOIN stream t "
                 "ON t.id = l.stream AND t.object = $1::bigint WHERE l.record = "
                 "ANY ($2::bigint[]) ORDER BY l.record, l.key",
                 &p, "look who has a record", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (int i = 0; i < PQntuples(r); i++)
        (*ret_rows)[i] =
            (struct held_link){.stream = pg_get_int(r, i, 0),
                               .connection = pg_get_int(r, i, 1),
                               .link = {.key = pg_get_int(r, i, 2),
                                        .record = pg_get_int(r, i, 3),
                                        .ended = (enum link_ended)pg_get_int(r, i, 4),
                                        .seen_remote = arena_str(arena, pg_get_str(r, i, 5)),
                                        .seen_local = arena_str(arena, pg_get_str(r, i, 6)),
                                        .base = arena_str(arena, pg_get_str(r, i, 8))},
                               .external_id = arena_str(arena, pg_get_str(r, i, 7))};
    PQclear(r);
    return 0;
}

int pg_load_referrers(struct store *store, const struct model_object *object, int field,
                      const int64_t *records, size_t count, struct referrer_row **ret_rows,
                      size_t *ret_count, struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    char text[300];
    const char *name = object->fields[field].name;
    *ret_rows = NULL;
    *ret_count = 0;
    if (count == 0)
        return 0;
    pg_ints(&p, records, count);
    snprintf(text, sizeof text,
             "SELECT %s, key FROM %s WHERE %s = ANY ($1::bigint[]) "
             "AND " DDL_DELETED_AT " IS NULL ORDER BY 1, 2",
             name, object->name, name);
    PGresult *r = pg_query(pg_of(store), text, &p, "look for references", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (int i = 0; i < PQntuples(r); i++)
        (*ret_rows)[i] =
            (struct referrer_row){.record = pg_get_int(r, i, 0), .by = pg_get_int(r, i, 1)};
    PQclear(r);
    return 0;
}

/* ---- what was sent ---- */

static int load_sent(struct store *store, const char *text, const struct pg_params *p,
                     struct sent_row **ret_rows, size_t *ret_count, struct arena *arena,
                     struct error *err)
{
    PGresult *r = pg_query(pg_of(store), text, p, "read what was sent", err);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (int i = 0; i < PQntuples(r); i++) {
        struct sent_row *row = &(*ret_rows)[i];
        *row = pg_read_sent(r, i);
        row->external_id = arena_str(arena, row->external_id);
        row->body = arena_str(arena, row->body);
    }
    PQclear(r);
    return 0;
}

int pg_load_run_sent(struct store *store, int64_t run, int64_t before, size_t most,
                     struct sent_row **ret_rows, size_t *ret_count, struct arena *arena,
                     struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    pg_int(&p, before);
    pg_int(&p, (int64_t)most);
    int rc = load_sent(store,
                       "SELECT " PG_SENT_COLUMNS " FROM sent WHERE run = $1::bigint AND id < "
                       "$2::bigint ORDER BY id DESC LIMIT $3::bigint",
                       &p, ret_rows, ret_count, arena, err);
    pg_params_free(&p);
    return rc;
}

int pg_load_sent_of(struct store *store, int64_t run, int64_t stream, const int64_t *records,
                    size_t count, struct sent_row **ret_rows, size_t *ret_count,
                    struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    *ret_rows = NULL;
    *ret_count = 0;
    if (count == 0)
        return 0;
    pg_int(&p, run);
    pg_int(&p, stream);
    pg_ints(&p, records, count);
    int rc = load_sent(store,
                       "SELECT " PG_SENT_COLUMNS " FROM sent WHERE run = $1::bigint AND stream = "
                       "$2::bigint AND record = ANY ($3::bigint[]) ORDER BY id",
                       &p, ret_rows, ret_count, arena, err);
    pg_params_free(&p);
    return rc;
}

/* ---- the run log ---- */

int pg_run_rolls_back(struct store *store, int64_t run, int64_t which, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    pg_int(&p, which);
    int rc = pg_run(pg_of(store), "UPDATE run SET rolls_back = $2::bigint WHERE id = $1::bigint",
                    &p, "note what a run takes back", err);
    pg_params_free(&p);
    return rc;
}
