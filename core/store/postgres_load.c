/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine's loads by arrays of keys: one statement a batch, whose rows are put back
 * into the order of the keys. */
#include <stdio.h>
#include "store/ddl.h"
#include "store/postgres_internal.h"

/* ---- records ---- */

enum { FIXED_COLUMNS = 5 };

void pg_written_columns(struct buf *out, const struct model_object *object)
{
    buf_text(out, "key, id, rev, created_at, updated_at");
    for (size_t i = 0; i < object->field_count; i++)
        buf_printf(out, ", %s", object->fields[i].name);
    buf_text(out, ", custom_fields");
}

void pg_record_columns(struct buf *out, const struct model_object *object)
{
    pg_written_columns(out, object);
    buf_text(out, ", " DDL_DELETED_AT);
}

void pg_read_record(const PGresult *r, int row, const struct model_object *object,
                    struct arena *arena, struct record_row *ret)
{
    struct str id = pg_get_str(r, row, 1);
    int custom = FIXED_COLUMNS + (int)object->field_count;
    *ret = (struct record_row){.key = pg_get_int(r, row, 0),
                               .rev = pg_get_int(r, row, 2),
                               .created_at = pg_get_int(r, row, 3),
                               .updated_at = pg_get_int(r, row, 4)};
    if (id.len == UUID_SIZE)
        memcpy(ret->id.bytes, id.ptr, UUID_SIZE);
    for (size_t i = 0; i < object->field_count; i++) {
        int column = FIXED_COLUMNS + (int)i;
        if (pg_is_null(r, row, column))
            continue;
        if (model_is_text(object->fields[i].kind))
            ret->fields[i] = (struct value){.state = VALUE_TEXT,
                                            .text = arena_str(arena, pg_get_str(r, row, column))};
        else
            ret->fields[i] =
                (struct value){.state = VALUE_INTEGER, .integer = pg_get_int(r, row, column)};
    }
    if (!pg_is_null(r, row, custom))
        ret->custom = arena_str(arena, pg_get_str(r, row, custom));
    ret->deleted_at = pg_get_int(r, row, custom + 1);
}

/* In a transaction the rows are locked, so that what is merged with them is what is there: two
 * hosts may write to one record for two connections. In the order of keys, against deadlocks. */
static PGresult *select_records(struct postgres_store *s, const struct model_object *object,
                                const int64_t *keys, size_t count, struct error *err)
{
    struct buf text = BUF_INIT(PG_SQL_MAX);
    struct pg_params p = PG_PARAMS_INIT;
    buf_text(&text, "SELECT ");
    pg_record_columns(&text, object);
    buf_printf(&text, " FROM %s WHERE key = ANY($1::bigint[]) ORDER BY key%s", object->name,
               s->in_transaction ? " FOR NO KEY UPDATE" : "");
    pg_ints(&p, keys, count);
    PGresult *r = pg_query(s, buf_cstr(&text), &p, "load records", err);
    pg_params_free(&p);
    buf_free(&text);
    return r;
}

/* The row of a result, sorted by its first column, that has this number there; or -1. */
static int find_row(const PGresult *r, int64_t number)
{
    int low = 0, high = PQntuples(r);
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (pg_get_int(r, middle, 0) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < PQntuples(r) && pg_get_int(r, low, 0) == number ? low : -1;
}

int pg_load_records(struct store *store, const struct model_object *object, const int64_t *keys,
                    size_t count, struct record_row *out, struct arena *arena, struct error *err)
{
    if (count == 0)
        return 0;
    PGresult *r = select_records(pg_of(store), object, keys, count, err);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int row = find_row(r, keys[i]);
        out[i] = (struct record_row){0};
        if (row >= 0)
            pg_read_record(r, row, object, arena, &out[i]);
    }
    PQclear(r);
    return 0;
}

/* ---- by the vendor's ids ---- */

/* Rows of a table by the vendor's ids, each with its id's number before the columns. Each id is
 * looked up by itself, in an index: OFFSET 0 keeps the planner from joining another way, since of a
 * table that grows it thinks small, and would read all that the stream has for every batch. Nothing
 * is looked up when the first id that is there from the least one on is past the greatest: new ones
 * mostly come after all that are there. */
static PGresult *select_by_ids(struct postgres_store *s, const char *table, const char *columns,
                               int64_t stream, const struct str *external_ids, size_t count,
                               struct error *err)
{
    struct buf text = BUF_INIT(PG_SQL_MAX);
    struct pg_params p = PG_PARAMS_INIT;
    struct str low, high;
    buf_printf(
        &text,
        "SELECT u.n, t.* FROM unnest($2::text[]) WITH ORDINALITY AS u(id, n) "
        "CROSS JOIN LATERAL (SELECT %s FROM %s WHERE stream = $1::bigint "
        "AND external_id = u.id OFFSET 0) AS t WHERE (SELECT external_id FROM %s "
        "WHERE stream = $1::bigint AND external_id >= $3 ORDER BY external_id LIMIT 1) <= $4",
        columns, table, table);
    str_span(external_ids, count, &low, &high);
    pg_int(&p, stream);
    pg_strs(&p, external_ids, count);
    pg_str(&p, low);
    pg_str(&p, high);
    PGresult *r = pg_query(s, buf_cstr(&text), &p, "look up ids", err);
    pg_params_free(&p);
    buf_free(&text);
    return r;
}

int pg_load_links(struct store *store, int64_t stream, const struct str *external_ids, size_t count,
                  struct link_row *out, struct arena *arena, struct error *err)
{
    const char *columns =
        arena ? "key, record, ended, seen_remote, seen_local, base" : "key, record, ended";
    if (count == 0)
        return 0;
    PGresult *r = select_by_ids(pg_of(store), "link", columns, stream, external_ids, count, err);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct link_row){0};
    for (int row = 0; row < PQntuples(r); row++) {
        struct link_row *link = &out[pg_get_int(r, row, 0) - 1];
        link->key = pg_get_int(r, row, 1);
        link->record = pg_get_int(r, row, 2);
        link->ended = (enum link_ended)pg_get_int(r, row, 3);
        if (arena)
            link->seen_remote = arena_str(arena, pg_get_str(r, row, 4));
        if (arena)
            link->seen_local = arena_str(arena, pg_get_str(r, row, 5));
        if (arena)
            link->base = arena_str(arena, pg_get_str(r, row, 6));
    }
    PQclear(r);
    return 0;
}

int pg_load_pending(struct store *store, int64_t stream, const struct str *external_ids,
                    size_t count, struct pending_row **ret_rows, size_t *ret_count,
                    struct arena *arena, struct error *err)
{
    *ret_rows = NULL;
    *ret_count = 0;
    if (count == 0)
        return 0;
    PGresult *r = select_by_ids(pg_of(store), "pending_reference", "object, record, field", stream,
                                external_ids, count, err);
    if (!r)
        return -1;
    size_t n = (size_t)PQntuples(r);
    struct pending_row *rows = arena_new(arena, n, sizeof rows[0]);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct pending_row){.external_id = external_ids[pg_get_int(r, (int)i, 0) - 1],
                                       .object = (uint16_t)pg_get_int(r, (int)i, 1),
                                       .record = pg_get_int(r, (int)i, 2),
                                       .field = (uint16_t)pg_get_int(r, (int)i, 3)};
    PQclear(r);
    *ret_rows = rows;
    *ret_count = n;
    return 0;
}

/* ---- matching ---- */

/* Who looks for a match and then adds what has none must be alone with it until the commit: else
 * two hosts add one company twice. */
static int lock_matching(struct postgres_store *s, const struct model_object *object,
                         struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (!s->in_transaction)
        return 0;
    pg_int(&p, PG_LOCK_MATCH);
    pg_int(&p, object->id);
    int rc = pg_run(s, "SELECT pg_advisory_xact_lock($1::bigint::integer, $2::bigint::integer)", &p,
                    "wait for other hosts that match", err);
    pg_params_free(&p);
    return rc;
}

/* The first two records of each value, with its number: a third one says nothing more. What is
 * archived or absent in the stream may come back under another id. A field that has no index is
 * looked for in one scan. */
static void write_match(struct buf *out, const struct model_object *object, int field)
{
    const char *name = object->fields[field].name;
    bool indexed = object->match && strcmp(name, object->match) == 0;
    buf_printf(
        out,
        "SELECT n, key FROM (SELECT u.n, r.key, row_number() OVER (PARTITION BY u.n ORDER BY "
        "r.key) AS place FROM unnest($3::%s[]) WITH ORDINALITY AS u(value, n) ",
        model_is_text(object->fields[field].kind) ? "text" : "bigint");
    if (indexed)
        buf_printf(out,
                   "CROSS JOIN LATERAL (SELECT key FROM %s WHERE organization = $1::bigint "
                   "AND %s = u.value AND " DDL_DELETED_AT " IS NULL OFFSET 0) AS r WHERE ",
                   object->name, name);
    else
        buf_printf(out,
                   "JOIN %s r ON r.%s = u.value WHERE r.organization = $1::bigint "
                   "AND r." DDL_DELETED_AT " IS NULL AND ",
                   object->name, name);
    /* OFFSET 0 here too: as a join it would read all links of the stream. */
    buf_text(out, "NOT EXISTS (SELECT 1 FROM link l WHERE l.record = r.key AND l.stream = "
                  "$2::bigint AND l.ended IN (0, 4) OFFSET 0)) AS found WHERE place <= 2 "
                  "ORDER BY n, key");
}

static PGresult *select_matches(struct postgres_store *s, const struct model_object *object,
                                int64_t organization, int64_t stream, int field,
                                const struct value *values, size_t count, struct error *err)
{
    struct buf text = BUF_INIT(PG_SQL_MAX);
    struct pg_params p = PG_PARAMS_INIT;
    write_match(&text, object, field);
    pg_int(&p, organization);
    pg_int(&p, stream);
    pg_array(&p, model_is_text(object->fields[field].kind) ? PG_TEXT : PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_value(&p, &values[i]);
    PGresult *r = pg_query(s, buf_cstr(&text), &p, "match records", err);
    pg_params_free(&p);
    buf_free(&text);
    return r;
}

int pg_match(struct store *store, const struct model_object *object, int64_t organization,
             int64_t stream, int field, const struct value *values, size_t count,
             struct match_row *out, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    if (count == 0)
        return 0;
    if (lock_matching(s, object, err) != 0)
        return -1;
    PGresult *r = select_matches(s, object, organization, stream, field, values, count, err);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct match_row){0};
    for (int row = 0; row < PQntuples(r); row++) {
        struct match_row *m = &out[pg_get_int(r, row, 0) - 1];
        *(m->record == 0 ? &m->record : &m->other) = pg_get_int(r, row, 1);
    }
    PQclear(r);
    return 0;
}

/* ---- numbers ---- */

int pg_allocate(struct store *store, const struct model_object *object, size_t count,
                int64_t *ret_first, struct error *err)
{
    char sequence[80];
    snprintf(sequence, sizeof sequence, "%s_key", object->name);
    return pg_take(pg_of(store), sequence, count, ret_first, err);
}

int pg_count_links(struct store *store, int64_t stream, int64_t *ret_count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    int rc = pg_number(pg_of(store),
                       "SELECT (SELECT count(*) FROM link WHERE stream = $1::bigint) - (SELECT "
                       "count(*) FROM link WHERE stream = $1::bigint AND ended <> 0)",
                       &p, "count links", ret_count, err);
    pg_params_free(&p);
    return rc;
}
