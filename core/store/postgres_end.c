/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: links and records that end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/ddl.h"
#include "store/postgres_internal.h"

/* ---- loads ---- */

static void find_holder(const PGresult *r, int64_t record, struct holder_row *out)
{
    int low = 0, high = PQntuples(r);
    *out = (struct holder_row){0};
    while (low < high) {
        int middle = low + (high - low) / 2;
        int64_t here = pg_get_int(r, middle, 0);
        if (here == record) {
            *out = (struct holder_row){.live = pg_get_int(r, middle, 1),
                                       .here = pg_get_int(r, middle, 2) != 0};
            return;
        }
        if (here < record)
            low = middle + 1;
        else
            high = middle;
    }
}

int pg_load_holders(struct store *store, const struct model_object *object, int64_t stream,
                    const int64_t *records, size_t count, struct holder_row *out, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_int(&p, object->id);
    pg_int(&p, stream);
    pg_ints(&p, records, count);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT l.record, count(*), max((l.stream = $2::bigint)::integer) "
                           "FROM link l JOIN stream s ON s.id = l.stream "
                           "WHERE l.record = ANY($3::bigint[]) AND l.ended = 0 "
                           "AND s.object = $1::bigint GROUP BY l.record ORDER BY l.record",
                           &p, "look who has a record", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++)
        find_holder(r, records[i], &out[i]);
    PQclear(r);
    return 0;
}

static int read_linked_ids(struct postgres_store *s, const char *text, const struct pg_params *p,
                           struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                           struct error *err)
{
    PGresult *r = pg_query(s, text, p, "look for links", err);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (int i = 0; i < PQntuples(r); i++)
        (*ret_rows)[i] = (struct linked_id){.link = pg_get_int(r, i, 0),
                                            .record = pg_get_int(r, i, 1),
                                            .external_id = arena_str(arena, pg_get_str(r, i, 2))};
    PQclear(r);
    return 0;
}

int pg_load_unseen(struct store *store, const struct stream_state *state, int64_t after,
                   size_t most, struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                   struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, state->id);
    pg_int(&p, after);
    pg_int(&p, state->walk_links);
    pg_int(&p, (int64_t)most);
    int rc = read_linked_ids(
        pg_of(store),
        "SELECT l.key, l.record, l.external_id FROM link l WHERE l.stream = $1::bigint "
        "AND l.key > $2::bigint AND l.key <= $3::bigint AND l.ended IN (0, 4) AND NOT EXISTS "
        "(SELECT 1 FROM walk_seen w WHERE w.stream = $1::bigint AND w.link = l.key) "
        "ORDER BY l.key LIMIT $4::bigint",
        &p, ret_rows, ret_count, arena, err);
    pg_params_free(&p);
    return rc;
}

int pg_load_archived(struct store *store, int64_t stream, int64_t after, size_t most,
                     struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                     struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_int(&p, after);
    pg_int(&p, (int64_t)most);
    int rc = read_linked_ids(pg_of(store),
                             "SELECT key, record, external_id FROM link WHERE stream = $1::bigint "
                             "AND ended <> 0 AND ended = 1 AND key > $2::bigint ORDER BY key "
                             "LIMIT $3::bigint",
                             &p, ret_rows, ret_count, arena, err);
    pg_params_free(&p);
    return rc;
}

int pg_load_unmet(struct store *store, const struct linked_id *links, size_t count, bool *out,
                  struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    struct arena arena = {0};
    int64_t *keys = arena_new(&arena, count, sizeof keys[0]);
    for (size_t i = 0; i < count; i++)
        keys[i] = links[i].link;
    pg_ints(&p, keys, count);
    PGresult *r =
        pg_query(pg_of(store),
                 "SELECT coalesce(l.ended = 0 AND length(l.seen_remote) = 0, false)::integer FROM "
                 "unnest($1::bigint[]) WITH ORDINALITY AS u(key, place) "
                 "LEFT JOIN link l ON l.key = u.key ORDER BY u.place",
                 &p, "look for links that are new", err);
    pg_params_free(&p);
    arena_free(&arena);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++)
        out[i] = pg_get_int(r, (int)i, 0) != 0;
    PQclear(r);
    return 0;
}

int pg_load_referring(struct store *store, const struct model_object *object, int field,
                      const int64_t *records, size_t count, int64_t **ret_keys, size_t *ret_count,
                      struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    char text[200];
    *ret_keys = NULL;
    *ret_count = 0;
    if (count == 0)
        return 0;
    snprintf(text, sizeof text, "SELECT key FROM %s WHERE %s = ANY($1::bigint[]) ORDER BY key",
             object->name, object->fields[field].name);
    pg_ints(&p, records, count);
    PGresult *r = pg_query(pg_of(store), text, &p, "look for references", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_keys = arena_new(arena, *ret_count, sizeof **ret_keys);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_keys)[i] = pg_get_int(r, (int)i, 0);
    PQclear(r);
    return 0;
}

int pg_load_last_log(struct store *store, const struct model_object *object, const int64_t *records,
                     size_t count, int64_t *out, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, object->id);
    pg_ints(&p, records, count);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT record, max(seq) FROM log WHERE object = $1::bigint AND "
                           "record = ANY($2::bigint[]) GROUP BY record",
                           &p, "look for log rows", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        for (int j = 0; j < PQntuples(r); j++)
            if (pg_get_int(r, j, 0) == records[i])
                out[i] = pg_get_int(r, j, 1);
    }
    PQclear(r);
    return 0;
}

int pg_count_seen(struct store *store, int64_t stream, int64_t *ret_count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    int rc = pg_number(pg_of(store), "SELECT count(*) FROM walk_seen WHERE stream = $1::bigint", &p,
                       "count what was met", ret_count, err);
    pg_params_free(&p);
    return rc;
}

int pg_begin_seen(struct store *store, int64_t stream, int64_t *ret_last, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    int rc = pg_run(s, "DELETE FROM walk_seen WHERE stream = $1::bigint", &p, "forget what was met",
                    err);
    pg_params_free(&p);
    if (rc != 0)
        return -1;
    return pg_number(s, "SELECT max(key) FROM link", NULL, "find the last link", ret_last, err);
}

/* ---- apply ---- */

static int set_deleted(struct postgres_store *s, const struct store_batch *batch, struct error *err)
{
    const struct record_end *ends = batch->ends;
    struct pg_params p = PG_PARAMS_INIT;
    char text[400];
    pg_array(&p, PG_INT8, batch->end_count);
    for (size_t i = 0; i < batch->end_count; i++)
        pg_item_int(&p, ends[i].row->key);
    pg_array(&p, PG_INT8, batch->end_count);
    for (size_t i = 0; i < batch->end_count; i++)
        pg_item_int(&p, ends[i].row->rev);
    pg_array(&p, PG_INT8, batch->end_count);
    for (size_t i = 0; i < batch->end_count; i++)
        pg_item_int(&p, ends[i].row->updated_at);
    pg_array(&p, PG_INT8, batch->end_count);
    for (size_t i = 0; i < batch->end_count; i++)
        pg_item_positive(&p, ends[i].row->deleted_at);
    snprintf(text, sizeof text,
             "UPDATE %s AS r SET rev = u.rev, updated_at = u.updated_at, " DDL_DELETED_AT
             " = u.deleted_at FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], "
             "$4::bigint[]) AS u(key, rev, updated_at, deleted_at) WHERE r.key = u.key",
             batch->object->name);
    int rc = pg_run(s, text, &p, "end records", err);
    pg_params_free(&p);
    return rc;
}

int pg_apply_ends(struct postgres_store *s, struct store_batch *batch, int64_t seq,
                  struct arena *arena, struct error *err)
{
    size_t deleted = 0, restored = 0;
    if (batch->end_count == 0)
        return 0;
    struct pg_log_row *deletes = arena_new(arena, batch->end_count, sizeof deletes[0]);
    struct pg_log_row *restores = arena_new(arena, batch->end_count, sizeof restores[0]);
    for (size_t i = 0; i < batch->end_count; i++) {
        struct record_row *row = batch->ends[i].row;
        struct pg_log_row log = {
            .seq = seq++, .record = row->key, .prev = row->rev, .body = batch->ends[i].body};
        row->rev = log.seq;
        if (row->deleted_at != 0)
            deletes[deleted++] = log;
        else
            restores[restored++] = log;
    }
    if (set_deleted(s, batch, err) != 0)
        return -1;
    if (deleted > 0 && pg_add_log(s, batch, LOG_DELETE, deletes, deleted, err) != 0)
        return -1;
    return restored > 0 ? pg_add_log(s, batch, LOG_RESTORE, restores, restored, err) : 0;
}

/* The record that the link had is none of the vendor's any more, whoever else has it. */
static int note_merged(struct postgres_store *s, const struct link_end *end, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, end->stream);
    pg_int(&p, end->followed);
    pg_int(&p, end->key);
    int rc = pg_run(s,
                    "INSERT INTO merged_away (stream, record, link) VALUES ($1::bigint, "
                    "$2::bigint, $3::bigint) ON CONFLICT (stream, record) DO UPDATE SET link = "
                    "excluded.link",
                    &p, "note what was merged", err);
    pg_params_free(&p);
    return rc;
}

/* What was merged into the record that a link had, is merged into the one it has now. One after
 * another: a record may be merged into one that is merged itself. */
static int follow(struct postgres_store *s, const struct link_end *end, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (note_merged(s, end, err) != 0)
        return -1;
    pg_int(&p, end->followed);
    pg_int(&p, end->stream);
    pg_int(&p, end->record);
    int rc = pg_run(s,
                    "UPDATE link SET record = $3::bigint WHERE record = $1::bigint "
                    "AND stream = $2::bigint AND ended = 2",
                    &p, "move links", err);
    pg_params_free(&p);
    return rc;
}

int pg_apply_link_ends(struct postgres_store *s, const struct store_batch *batch, struct error *err)
{
    size_t count = batch->link_end_count;
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_array(&p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(&p, batch->link_ends[i].key);
    pg_array(&p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(&p, (int64_t)batch->link_ends[i].ended);
    pg_array(&p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(&p, batch->link_ends[i].record);
    int rc = pg_run(s,
                    "UPDATE link AS l SET ended = u.ended, record = u.record FROM "
                    "unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u(key, ended, record) "
                    "WHERE l.key = u.key AND (l.ended <> 2 OR u.ended IN (0, 2))",
                    &p, "end links", err);
    pg_params_free(&p);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (batch->link_ends[i].followed != 0)
            rc = follow(s, &batch->link_ends[i], err);
    return rc;
}

int pg_apply_seen(struct postgres_store *s, const struct store_batch *batch, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (batch->seen_count == 0)
        return 0;
    pg_int(&p, batch->seen_stream);
    pg_ints(&p, batch->seen, batch->seen_count);
    int rc = pg_run(s,
                    "INSERT INTO walk_seen (stream, link) SELECT $1::bigint, u.link FROM "
                    "unnest($2::bigint[]) AS u(link) ON CONFLICT DO NOTHING",
                    &p, "note what was met", err);
    pg_params_free(&p);
    return rc;
}
