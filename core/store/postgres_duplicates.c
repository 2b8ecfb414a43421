/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: records that share a value, and what a merge of two of them moves. */
#include <stdio.h>

#include "store/ddl.h"
#include "store/postgres_internal.h"

/* ---- records that share a value ---- */

/* In the order of bytes, as on SQLite. */
static void write_duplicates(struct buf *out, const struct model_object *object, int field)
{
    const char *name = object->fields[field].name;
    buf_text(out, "SELECT ");
    pg_record_columns(out, object);
    buf_printf(out,
               " FROM %s r WHERE organization = $1::bigint AND %s IS NOT NULL AND %s <> '' AND "
               "(%s COLLATE \"C\", key) > ($2::text, $3::bigint) AND " DDL_DELETED_AT
               " IS NULL AND EXISTS (SELECT 1 FROM %s o WHERE o.organization = $1::bigint AND "
               "o.%s = r.%s AND o.key <> r.key AND o." DDL_DELETED_AT " IS NULL) "
               "ORDER BY %s COLLATE \"C\", key LIMIT $4::bigint",
               object->name, name, name, name, object->name, name, name, name);
}

int pg_load_duplicates(struct store *store, const struct model_object *object, int64_t organization,
                       int field, const struct duplicate_place *after, size_t most,
                       struct record_row **ret_rows, size_t *ret_count, struct arena *arena,
                       struct error *err)
{
    struct buf text = BUF_INIT(PG_SQL_MAX);
    struct pg_params p = PG_PARAMS_INIT;
    write_duplicates(&text, object, field);
    pg_int(&p, organization);
    pg_str(&p, after->value);
    pg_int(&p, after->record);
    pg_int(&p, (int64_t)most);
    PGresult *r = pg_query(pg_of(store), buf_cstr(&text), &p, "look for duplicates", err);
    pg_params_free(&p);
    buf_free(&text);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (size_t i = 0; i < *ret_count; i++)
        pg_read_record(r, (int)i, object, arena, &(*ret_rows)[i]);
    PQclear(r);
    return 0;
}

int pg_count_referrers(struct store *store, const struct model_object *object, int field,
                       const int64_t *records, size_t count, int64_t *counts, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    char text[400];
    if (count == 0)
        return 0;
    pg_ints(&p, records, count);
    snprintf(text, sizeof text,
             "SELECT u.i, count(*) FROM unnest($1::bigint[]) WITH ORDINALITY AS u(wanted, i) JOIN "
             "%s r ON r.%s = u.wanted WHERE r." DDL_DELETED_AT " IS NULL GROUP BY u.i",
             object->name, object->fields[field].name);
    PGresult *r = pg_query(pg_of(store), text, &p, "count references", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    for (int i = 0; i < PQntuples(r); i++)
        counts[pg_get_int(r, i, 0) - 1] += pg_get_int(r, i, 1);
    PQclear(r);
    return 0;
}

/* ---- references that wait ---- */

static int load_pending(struct store *store, const char *text, const struct pg_params *p,
                        struct pending_write **ret_rows, size_t *ret_count, struct arena *arena,
                        struct error *err)
{
    PGresult *r = pg_query(pg_of(store), text, p, "look for references that wait", err);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (int i = 0; i < PQntuples(r); i++)
        (*ret_rows)[i] =
            (struct pending_write){.stream = pg_get_int(r, i, 0),
                                   .row = {.external_id = arena_str(arena, pg_get_str(r, i, 1)),
                                           .object = (uint16_t)pg_get_int(r, i, 2),
                                           .record = pg_get_int(r, i, 3),
                                           .field = (uint16_t)pg_get_int(r, i, 4)}};
    PQclear(r);
    return 0;
}

int pg_load_waiting(struct store *store, const struct model_object *object, const int64_t *records,
                    size_t count, struct pending_write **ret_rows, size_t *ret_count,
                    struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, object->id);
    pg_ints(&p, records, count);
    int rc = load_pending(store,
                          "SELECT stream, external_id, object, record, field FROM "
                          "pending_reference WHERE object = $1::bigint AND record = "
                          "ANY ($2::bigint[]) ORDER BY record, field",
                          &p, ret_rows, ret_count, arena, err);
    pg_params_free(&p);
    return rc;
}

int pg_load_waited(struct store *store, int64_t run, struct pending_write **ret_rows,
                   size_t *ret_count, struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    int rc = load_pending(store,
                          "SELECT stream, external_id, object, record, field FROM moved_pending "
                          "WHERE run = $1::bigint ORDER BY object, record, field",
                          &p, ret_rows, ret_count, arena, err);
    pg_params_free(&p);
    return rc;
}

/* ---- the journal: a record has few links, and few references that wait ---- */

static int add_link(struct postgres_store *s, int64_t run, const struct moved_link *link,
                    struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    pg_int(&p, link->now.link.key);
    pg_int(&p, link->from);
    pg_int(&p, link->to);
    pg_str(&p, link->seen_remote);
    pg_str(&p, link->seen_local);
    pg_str(&p, link->left);
    pg_str_or_null(&p, link->base);
    int rc = pg_run(s,
                    "INSERT INTO moved_link VALUES ($1::bigint, $2::bigint, $3::bigint, "
                    "$4::bigint, $5::bytea, $6::bytea, $7::bytea, $8::text)",
                    &p, "note a link that moves", err);
    pg_params_free(&p);
    return rc;
}

static int add_waited(struct postgres_store *s, int64_t run, const struct pending_write *waited,
                      struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    pg_int(&p, waited->row.object);
    pg_int(&p, waited->row.record);
    pg_int(&p, waited->row.field);
    pg_int(&p, waited->stream);
    pg_str(&p, waited->row.external_id);
    int rc = pg_run(s,
                    "INSERT INTO moved_pending VALUES ($1::bigint, $2::bigint, $3::bigint, "
                    "$4::bigint, $5::bigint, $6::text)",
                    &p, "note a reference that waits", err);
    pg_params_free(&p);
    return rc;
}

int pg_add_moved(struct store *store, int64_t run, const struct moved_link *links,
                 size_t link_count, const struct pending_write *waited, size_t waited_count,
                 struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < link_count && rc == 0; i++)
        rc = add_link(pg_of(store), run, &links[i], err);
    for (size_t i = 0; i < waited_count && rc == 0; i++)
        rc = add_waited(pg_of(store), run, &waited[i], err);
    return rc;
}

static void read_moved(const PGresult *r, int at, struct moved_link *row, struct arena *arena)
{
    struct held_link *now = &row->now;
    *row = (struct moved_link){.from = pg_get_int(r, at, 0),
                               .to = pg_get_int(r, at, 1),
                               .seen_remote = arena_str(arena, pg_get_str(r, at, 2)),
                               .seen_local = arena_str(arena, pg_get_str(r, at, 3)),
                               .left = arena_str(arena, pg_get_str(r, at, 4)),
                               .base = arena_str(arena, pg_get_str(r, at, 13))};
    now->link = (struct link_row){.key = pg_get_int(r, at, 5), /* 0 for NULL */
                                  .record = pg_get_int(r, at, 6),
                                  .ended = (enum link_ended)pg_get_int(r, at, 7),
                                  .seen_remote = arena_str(arena, pg_get_str(r, at, 8)),
                                  .seen_local = arena_str(arena, pg_get_str(r, at, 9)),
                                  .base = arena_str(arena, pg_get_str(r, at, 14))};
    now->stream = pg_get_int(r, at, 10);
    now->external_id = arena_str(arena, pg_get_str(r, at, 11));
    now->connection = pg_get_int(r, at, 12);
}

int pg_load_moved(struct store *store, int64_t run, struct moved_link **ret_rows, size_t *ret_count,
                  struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    PGresult *r = pg_query(
        pg_of(store),
        "SELECT m.from_record, m.to_record, m.seen_remote, m.seen_local, m.left_fields, l.key, "
        "l.record, l.ended, l.seen_remote, l.seen_local, l.stream, l.external_id, t.connection, "
        "m.base, l.base "
        "FROM moved_link m LEFT JOIN link l ON l.key = m.link LEFT JOIN stream t ON t.id = "
        "l.stream WHERE m.run = $1::bigint ORDER BY m.link",
        &p, "look which links moved", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (size_t i = 0; i < *ret_count; i++)
        read_moved(r, (int)i, &(*ret_rows)[i], arena);
    PQclear(r);
    return 0;
}

int pg_run_kind(struct store *store, int64_t run, enum run_kind kind, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    pg_int(&p, (int64_t)kind);
    int rc = pg_run(pg_of(store), "UPDATE run SET kind = $2::bigint WHERE id = $1::bigint", &p,
                    "note what a run is", err);
    pg_params_free(&p);
    return rc;
}
