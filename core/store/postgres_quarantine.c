/* SPDX-License-Identifier: Apache-2.0 */
/* Records that were set aside, in PostgreSQL. */
#include <stdlib.h>

#include "store/postgres_internal.h"

/* A record may come several times in one batch, when its id is made of its content. */
struct aside {
    const struct quarantine_write *last;
    int64_t times;
};

static int by_record(const void *a, const void *b)
{
    const struct quarantine_write *x = ((const struct aside *)a)->last;
    const struct quarantine_write *y = ((const struct aside *)b)->last;
    if (x->stream != y->stream)
        return (x->stream > y->stream) - (x->stream < y->stream);
    int c = str_cmp(x->external_id, y->external_id);
    return c != 0 ? c : (x > y) - (x < y);
}

static bool same_record(const struct quarantine_write *x, const struct quarantine_write *y)
{
    return x->stream == y->stream && str_eq(x->external_id, y->external_id);
}

/* Sorted, each record once with how often it came; how many they are. */
static size_t collect(const struct store_batch *batch, struct aside *rows)
{
    size_t count = batch->quarantined_count, n = 0;
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct aside){&batch->quarantined[i], 1};
    if (count > 0)
        qsort(rows, count, sizeof rows[0], by_record);
    for (size_t i = 0; i < count; i++) {
        if (n > 0 && same_record(rows[n - 1].last, rows[i].last))
            rows[n - 1] = (struct aside){rows[i].last, rows[n - 1].times + 1};
        else
            rows[n++] = rows[i];
    }
    return n;
}

static void put_rows(struct pg_params *p, const struct aside *rows, size_t count)
{
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(p, rows[i].last->stream);
    pg_array(p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_item_str(p, rows[i].last->external_id);
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(p, rows[i].times);
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_positive(p, rows[i].last->modified);
    pg_array(p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_item_prose(p, rows[i].last->field);
    pg_array(p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_item_prose(p, rows[i].last->reason);
    pg_array(p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_item_prose(p, rows[i].last->payload);
}

static int set_aside(struct postgres_store *s, const struct store_batch *batch, struct error *err)
{
    struct arena arena = {0};
    struct pg_params p = PG_PARAMS_INIT;
    struct aside *rows = arena_new(&arena, batch->quarantined_count, sizeof rows[0]);
    size_t count = collect(batch, rows);
    pg_int(&p, batch->run);
    pg_int(&p, batch->now_us);
    put_rows(&p, rows, count);
    int rc = pg_run(
        s,
        "INSERT INTO quarantine AS q (run, first_at, last_at, stream, external_id, times, "
        "modified, field, reason, payload) SELECT $1::bigint, $2::bigint, $2::bigint, u.stream, "
        "u.external_id, u.times, u.modified, nullif(u.field, ''), u.reason, u.payload "
        "FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], "
        "$9::text[]) AS u(stream, external_id, times, modified, field, reason, payload) "
        "ON CONFLICT (stream, external_id) DO UPDATE SET run = excluded.run, "
        "last_at = excluded.last_at, times = q.times + excluded.times, "
        "modified = excluded.modified, field = excluded.field, reason = excluded.reason, "
        "payload = excluded.payload",
        &p, "set records aside", err);
    pg_params_free(&p);
    arena_free(&arena);
    return rc;
}

static int take_out(struct postgres_store *s, const struct store_batch *batch, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    size_t count = batch->cleared_count;
    pg_array(&p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(&p, batch->cleared[i].stream);
    pg_array(&p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_item_str(&p, batch->cleared[i].external_id);
    int rc = pg_run(s,
                    "DELETE FROM quarantine AS q USING unnest($1::bigint[], $2::text[]) "
                    "AS u(stream, external_id) WHERE q.stream = u.stream "
                    "AND q.external_id = u.external_id",
                    &p, "take records out of quarantine", err);
    pg_params_free(&p);
    return rc;
}

int pg_apply_quarantine(struct postgres_store *s, const struct store_batch *batch,
                        struct error *err)
{
    if (batch->quarantined_count > 0 && set_aside(s, batch, err) != 0)
        return -1;
    return batch->cleared_count > 0 ? take_out(s, batch, err) : 0;
}

/* ---- the list ---- */

/* Payloads may be large: a few at a time. */
enum { ROWS_AT_ONCE = 50 };

static PGresult *select_next(struct postgres_store *s, struct str connection,
                             struct str vendor_object, int64_t id, int64_t after, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, connection);
    pg_str(&p, vendor_object);
    pg_int(&p, id);
    pg_int(&p, after);
    pg_int(&p, ROWS_AT_ONCE);
    PGresult *r = pg_query(
        s,
        "SELECT q.id, q.stream, q.run, c.name, s.vendor_object, q.external_id, q.first_at, "
        "q.last_at, q.times, q.modified, q.field, q.reason, q.payload FROM quarantine q "
        "JOIN stream s ON s.id = q.stream JOIN connection c ON c.id = s.connection "
        "WHERE ($1 = '' OR c.name = $1) AND ($2 = '' OR s.vendor_object = $2) "
        "AND ($3::bigint = 0 OR q.id = $3::bigint) AND q.id > $4::bigint ORDER BY q.id "
        "LIMIT $5::bigint",
        &p, "read the quarantine", err);
    pg_params_free(&p);
    return r;
}

static struct quarantine_row read_row(const PGresult *r, int row)
{
    return (struct quarantine_row){.id = pg_get_int(r, row, 0),
                                   .stream = pg_get_int(r, row, 1),
                                   .run = pg_get_int(r, row, 2),
                                   .connection = pg_get_str(r, row, 3),
                                   .vendor_object = pg_get_str(r, row, 4),
                                   .external_id = pg_get_str(r, row, 5),
                                   .first_at = pg_get_int(r, row, 6),
                                   .last_at = pg_get_int(r, row, 7),
                                   .times = pg_get_int(r, row, 8),
                                   .modified = pg_get_int(r, row, 9),
                                   .field = pg_get_str(r, row, 10),
                                   .reason = pg_get_str(r, row, 11),
                                   .payload = pg_get_str(r, row, 12)};
}

int pg_each_quarantined(struct store *store, struct str connection, struct str vendor_object,
                        int64_t id, quarantine_fn fn, void *arg, struct error *err)
{
    int64_t after = 0;
    for (bool go_on = true; go_on;) {
        PGresult *r = select_next(pg_of(store), connection, vendor_object, id, after, err);
        if (!r)
            return -1;
        go_on = PQntuples(r) == ROWS_AT_ONCE;
        for (int row = 0; row < PQntuples(r); row++) {
            struct quarantine_row q = read_row(r, row);
            after = q.id;
            if (!fn(arg, &q)) {
                go_on = false;
                break;
            }
        }
        PQclear(r);
    }
    return 0;
}
