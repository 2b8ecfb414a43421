/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine's loads by arrays of keys: one statement a batch, whose rows are put back
 * into the order of the keys. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
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

/* The places of values, sorted by their texts, so that a row finds those that ask for it. */
struct place {
    struct str text;
    size_t at;
};

static int by_text(const void *a, const void *b)
{
    return str_cmp(((const struct place *)a)->text, ((const struct place *)b)->text);
}

static struct place *sort_places(const struct str *texts, size_t count)
{
    struct place *places = mem_new(count, sizeof places[0]);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){texts[i], i};
    qsort(places, count, sizeof places[0], by_text);
    return places;
}

/* The first place with that text; `count` when there is none. */
static size_t first_place(const struct place *places, size_t count, struct str text)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (str_cmp(places[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && str_eq(places[low].text, text) ? low : count;
}

int pg_load_links(struct store *store, int64_t stream, const struct str *external_ids, size_t count,
                  struct link_row *out, struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_int(&p, stream);
    pg_strs(&p, external_ids, count);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT external_id, key, record, ended, seen_remote FROM link "
                           "WHERE stream = $1::bigint AND external_id = ANY($2::text[])",
                           &p, "look up links", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    struct place *places = sort_places(external_ids, count);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct link_row){0};
    for (int row = 0; row < PQntuples(r); row++) {
        struct str id = pg_get_str(r, row, 0);
        struct link_row link = {.key = pg_get_int(r, row, 1),
                                .record = pg_get_int(r, row, 2),
                                .ended = (enum link_ended)pg_get_int(r, row, 3),
                                .seen_remote = arena_str(arena, pg_get_str(r, row, 4))};
        size_t at = first_place(places, count, id);
        for (; at < count && str_eq(places[at].text, id); at++)
            out[places[at].at] = link;
    }
    free(places);
    PQclear(r);
    return 0;
}

int pg_load_pending(struct store *store, int64_t stream, const struct str *external_ids,
                    size_t count, struct pending_row **ret_rows, size_t *ret_count,
                    struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    *ret_rows = NULL;
    *ret_count = 0;
    if (count == 0)
        return 0;
    pg_int(&p, stream);
    pg_strs(&p, external_ids, count);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT external_id, object, record, field FROM pending_reference "
                           "WHERE stream = $1::bigint AND external_id = ANY($2::text[])",
                           &p, "look up pending references", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    size_t n = (size_t)PQntuples(r);
    struct pending_row *rows = arena_new(arena, n, sizeof rows[0]);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct pending_row){.external_id = arena_str(arena, pg_get_str(r, (int)i, 0)),
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

/* A value as the text under which a row of the result finds it. */
static struct str match_text(const struct value *value, struct arena *arena)
{
    if (value->state == VALUE_INTEGER)
        return str_from(arena_printf(arena, "%lld", (long long)value->integer));
    return value->state == VALUE_TEXT ? value->text : STR("");
}

/* The first two records of each value: a third one says nothing more. What is archived or absent
 * in the stream may come back under another id. */
static PGresult *select_matches(struct postgres_store *s, const struct model_object *object,
                                int64_t organization, int64_t stream, int field,
                                const struct value *values, size_t count, struct error *err)
{
    bool is_text = model_is_text(object->fields[field].kind);
    const char *name = object->fields[field].name;
    struct buf text = BUF_INIT(PG_SQL_MAX);
    struct pg_params p = PG_PARAMS_INIT;
    buf_printf(&text,
               "SELECT value::text, key FROM (SELECT r.%s AS value, r.key, row_number() OVER "
               "(PARTITION BY r.%s ORDER BY r.key) AS n FROM %s r WHERE r.organization = "
               "$1::bigint AND r.%s = ANY($3::%s[]) AND r." DDL_DELETED_AT " IS NULL "
               "AND NOT EXISTS (SELECT 1 FROM link l WHERE l.record = r.key "
               "AND l.stream = $2::bigint AND l.ended IN (0, 4))) AS found WHERE n <= 2 "
               "ORDER BY key",
               name, name, object->name, name, is_text ? "text" : "bigint");
    pg_int(&p, organization);
    pg_int(&p, stream);
    pg_array(&p, is_text ? PG_TEXT : PG_INT8, count);
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
    struct arena arena = {0};
    if (count == 0)
        return 0;
    if (lock_matching(s, object, err) != 0)
        return -1;
    PGresult *r = select_matches(s, object, organization, stream, field, values, count, err);
    if (!r)
        return -1;
    struct str *texts = arena_new(&arena, count, sizeof texts[0]);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct match_row){0};
        texts[i] = match_text(&values[i], &arena);
    }
    struct place *places = sort_places(texts, count);
    for (int row = 0; row < PQntuples(r); row++) {
        struct str text = pg_get_str(r, row, 0);
        size_t at = first_place(places, count, text);
        for (; at < count && str_eq(places[at].text, text); at++) {
            struct match_row *m = &out[places[at].at];
            if (values[places[at].at].state != VALUE_NULL)
                *(m->record == 0 ? &m->record : &m->other) = pg_get_int(r, row, 1);
        }
    }
    free(places);
    PQclear(r);
    arena_free(&arena);
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
