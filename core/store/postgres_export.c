/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: what is to be written to vendors, and what was. */
#include <stdio.h>

#include "store/postgres_internal.h"

/* ---- what is due ---- */

/* The last of the next `most` rows that no other can come before any more. */
static int settled_end(struct postgres_store *s, const struct log_position *after, int64_t most,
                       struct log_position *ret_end, int64_t *ret_rows, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, after->xid);
    pg_int(&p, after->seq);
    pg_int(&p, most);
    PGresult *r =
        pg_query(s,
                 "SELECT count(*), (array_agg(xid ORDER BY xid DESC, seq DESC))[1]::text::bigint, "
                 "(array_agg(seq ORDER BY xid DESC, seq DESC))[1] FROM (SELECT xid, seq FROM log "
                 "WHERE (xid, seq) > ($1::bigint::text::xid8, $2::bigint) AND xid < "
                 "pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, seq LIMIT $3::bigint) AS t",
                 &p, "look for what is to be exported", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_rows = pg_get_int(r, 0, 0);
    *ret_end =
        *ret_rows > 0 ? (struct log_position){pg_get_int(r, 0, 1), pg_get_int(r, 0, 2)} : *after;
    PQclear(r);
    return 0;
}

/* Everything up to now: transactions that run write what comes later. */
static int begin_at_end(struct store *store, struct str name, struct error *err)
{
    struct log_position at = {.seq = INT64_MAX};
    if (pg_number(pg_of(store), "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1",
                  NULL, "look for what is to be exported", &at.xid, err) != 0)
        return -1;
    return pg_set_consumer(store, name, &at, err);
}

int pg_note_exports(struct store *store, int64_t stream, int64_t connection,
                    const struct model_object *object, size_t most, bool *ret_more,
                    struct error *err)
{
    char name[40];
    struct log_position at, end;
    int64_t rows;
    snprintf(name, sizeof name, "export:%lld", (long long)stream);
    *ret_more = false;
    if (pg_load_consumer(store, str_from(name), &at, err) != 0)
        return -1;
    if (at.xid == 0)
        return begin_at_end(store, str_from(name), err);
    if (settled_end(pg_of(store), &at, (int64_t)most, &end, &rows, err) != 0)
        return -1;
    if (rows == 0)
        return 0;
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_int(&p, object->id);
    pg_int(&p, at.xid);
    pg_int(&p, at.seq);
    pg_int(&p, end.xid);
    pg_int(&p, end.seq);
    pg_int(&p, connection);
    int rc = pg_run(pg_of(store),
                    "INSERT INTO export_due (stream, record) SELECT DISTINCT $1::bigint, l.record "
                    "FROM log l WHERE l.object = $2::bigint AND (l.xid, l.seq) > "
                    "($3::bigint::text::xid8, $4::bigint) AND (l.xid, l.seq) <= "
                    "($5::bigint::text::xid8, $6::bigint) AND NOT EXISTS (SELECT 1 FROM run r "
                    "WHERE r.id = l.run AND r.connection = $7::bigint) ON CONFLICT DO NOTHING",
                    &p, "note what is to be exported", err);
    pg_params_free(&p);
    *ret_more = rows == (int64_t)most;
    return rc == 0 ? pg_set_consumer(store, str_from(name), &end, err) : -1;
}

int pg_look_exports(struct store *store, struct str connection, struct str vendor_object,
                    enum export_news *ret_news, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    int64_t found = 0;
    pg_str(&p, connection);
    pg_str(&p, vendor_object);
    int rc = pg_number(
        pg_of(store),
        "SELECT coalesce((SELECT CASE WHEN l.xid < pg_snapshot_xmin(pg_current_snapshot()) THEN 1 "
        "ELSE 2 END FROM connection c JOIN stream s ON s.connection = c.id AND s.vendor_object = "
        "$2::text JOIN log_consumer p ON p.name = 'export:' || s.id JOIN log l ON (l.xid, l.seq) > "
        "(p.xid::text::xid8, p.seq) AND l.object = s.object WHERE c.name = $1::text AND NOT EXISTS "
        "(SELECT 1 FROM run r WHERE r.id = l.run AND r.connection = s.connection) "
        "ORDER BY l.xid, l.seq LIMIT 1), 0)",
        &p, "look for what is to be exported", &found, err);
    pg_params_free(&p);
    *ret_news = (enum export_news)found;
    return rc;
}

/* A condition of the rows of a table that are of stream $1 and the records $2: each is found by the
 * index, which the planner would not do without statistics (pg_load_exports). */
#define ROWS_OF(table, more)                                                                       \
    "ctid = ANY (ARRAY (SELECT d.ctid FROM unnest($2::bigint[]) AS u(record) CROSS JOIN LATERAL "  \
    "(SELECT q.ctid FROM " table " q WHERE q.stream = $1::bigint AND q.record = u.record" more     \
    " OFFSET 0) d))"

/* A statement of a number ($1) and an array of numbers ($2). */
static int run_with(struct store *store, const char *text, int64_t number, const int64_t *items,
                    size_t count, const char *doing, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_int(&p, number);
    pg_ints(&p, items, count);
    int rc = pg_run(pg_of(store), text, &p, doing, err);
    pg_params_free(&p);
    return rc;
}

int pg_queue_exports(struct store *store, int64_t stream, const int64_t *records, size_t count,
                     struct error *err)
{
    return run_with(store,
                    "INSERT INTO export_due (stream, record) SELECT DISTINCT $1::bigint, u.record "
                    "FROM unnest($2::bigint[]) AS u(record) ON CONFLICT DO NOTHING",
                    stream, records, count, "note what is to be exported", err);
}

int pg_queue_unread(struct store *store, int64_t stream, const int64_t *records, size_t count,
                    struct error *err)
{
    return run_with(store,
                    "INSERT INTO export_due (stream, record, unread) SELECT DISTINCT $1::bigint, "
                    "u.record, 1 FROM unnest($2::bigint[]) AS u(record) ON CONFLICT (stream, "
                    "record) DO UPDATE SET unread = 1",
                    stream, records, count, "note what is to be read again", err);
}

int pg_note_read(struct store *store, int64_t stream, const int64_t *records, size_t count,
                 struct error *err)
{
    return run_with(store, "UPDATE export_due SET unread = 0 WHERE " ROWS_OF("export_due", ""),
                    stream, records, count, "note what was read again", err);
}

int pg_queue_unlinked(struct store *store, int64_t stream, const struct model_object *object,
                      int64_t organization, int64_t *ret_count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    char text[500];
    pg_int(&p, stream);
    pg_int(&p, organization);
    snprintf(text, sizeof text,
             "WITH queued AS (INSERT INTO export_due (stream, record) SELECT $1::bigint, r.key "
             "FROM %s r WHERE r.organization = $2::bigint AND r.deleted_at IS NULL AND NOT EXISTS "
             "(SELECT 1 FROM link l WHERE l.record = r.key AND l.stream = $1::bigint) "
             "ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM queued",
             object->name);
    int rc = pg_number(pg_of(store), text, &p, "note what is to be exported", ret_count, err);
    pg_params_free(&p);
    return rc;
}

int pg_load_exports(struct store *store, int64_t stream, int64_t after, size_t most,
                    struct export_due **ret_rows, size_t *ret_count, struct arena *arena,
                    struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_int(&p, after);
    pg_int(&p, most > INT32_MAX ? INT32_MAX : (int64_t)most);
    PGresult *r = pg_query(
        pg_of(store),
        /* Without statistics, which a table that was filled a minute ago does not have, the planner
         * takes what is due of a stream for little, and would read all of it for each portion. A
         * comparison of rows takes the index in its order; rows of later streams only come when
         * there are none of this one. What is asked for each row by itself is not joined. */
        "SELECT d.record, l.key, l.ended, l.seen_remote, l.seen_local, l.external_id, l.base, "
        "d.unread FROM (SELECT q.stream, q.record, q.unread FROM export_due q WHERE "
        "(q.stream, q.record) > ($1::bigint, $2::bigint) AND coalesce((SELECT false FROM "
        "export_write w WHERE w.stream = q.stream AND w.record = q.record AND w.state < 3 LIMIT "
        "1), true) ORDER BY q.stream, q.record LIMIT $3::bigint) d LEFT JOIN LATERAL (SELECT f.* "
        "FROM link f WHERE f.key = coalesce((SELECT k.key FROM link k WHERE k.record = d.record "
        "AND k.stream = d.stream ORDER BY k.ended <> 0, k.ended = 2, k.key DESC LIMIT 1), (SELECT "
        "m.link FROM merged_away m WHERE m.stream = d.stream AND m.record = d.record)) OFFSET 0) l "
        "ON true WHERE d.stream = $1::bigint ORDER BY d.record",
        &p, "load what is to be exported", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (int i = 0; i < PQntuples(r); i++)
        (*ret_rows)[i] =
            (struct export_due){.record = pg_get_int(r, i, 0),
                                .link = {.key = pg_get_int(r, i, 1),
                                         .record = pg_get_int(r, i, 0),
                                         .ended = (enum link_ended)pg_get_int(r, i, 2),
                                         .seen_remote = arena_str(arena, pg_get_str(r, i, 3)),
                                         .seen_local = arena_str(arena, pg_get_str(r, i, 4)),
                                         .base = arena_str(arena, pg_get_str(r, i, 6))},
                                .external_id = arena_str(arena, pg_get_str(r, i, 5)),
                                .unread = pg_get_int(r, i, 7) != 0};
    PQclear(r);
    return 0;
}

int pg_drop_exports(struct store *store, int64_t stream, const int64_t *records, size_t count,
                    struct error *err)
{
    return run_with(store, "DELETE FROM export_due WHERE " ROWS_OF("export_due", ""), stream,
                    records, count, "note what was exported", err);
}

int pg_count_exports(struct store *store, int64_t stream, int64_t *ret_count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    int rc = pg_number(pg_of(store), "SELECT count(*) FROM export_due WHERE stream = $1::bigint",
                       &p, "count what is to be exported", ret_count, err);
    pg_params_free(&p);
    return rc;
}

int pg_load_external(struct store *store, int64_t stream, const int64_t *records, size_t count,
                     struct str *out, struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_int(&p, stream);
    pg_ints(&p, records, count);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT u.i, l.external_id FROM unnest($2::bigint[]) WITH ORDINALITY AS "
                           "u(record, i) CROSS JOIN LATERAL (SELECT external_id FROM link WHERE "
                           "record = u.record AND stream = $1::bigint AND ended = 0 "
                           "ORDER BY key DESC LIMIT 1) AS l",
                           &p, "look up the vendor's ids", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++)
        out[i] = STR("");
    for (int row = 0; row < PQntuples(r); row++)
        out[pg_get_int(r, row, 0) - 1] = arena_str(arena, pg_get_str(r, row, 1));
    PQclear(r);
    return 0;
}

/* ---- writes under way ---- */

#define WRITE_COLUMNS                                                                              \
    "w.id, w.stream, w.run, w.record, w.link, w.op, w.state, w.at, w.external_id, w.body, "        \
    "w.reason"

static void read_write(const PGresult *r, int at, struct export_write *row)
{
    *row = (struct export_write){.id = pg_get_int(r, at, 0),
                                 .stream = pg_get_int(r, at, 1),
                                 .run = pg_get_int(r, at, 2),
                                 .record = pg_get_int(r, at, 3),
                                 .link = pg_get_int(r, at, 4),
                                 .op = (enum write_op)pg_get_int(r, at, 5),
                                 .state = (enum write_state)pg_get_int(r, at, 6),
                                 .at = pg_get_int(r, at, 7),
                                 .external_id = pg_get_str(r, at, 8),
                                 .body = pg_get_str(r, at, 9),
                                 .reason = pg_get_str(r, at, 10)};
}

/* The ids are taken before, as COPY gives none back. */
int pg_add_writes(struct store *store, struct export_write *rows, size_t count, struct error *err)
{
    static const char doing[] = "note writes";
    struct postgres_store *s = pg_of(store);
    struct pg_copy copy;
    int64_t id;
    if (count == 0)
        return 0;
    if (pg_take(s, "export_write_id_seq", count, &id, err) != 0 ||
        pg_copy_begin(&copy, s,
                      "COPY export_write (id, stream, run, record, link, op, state, at, "
                      "external_id, body, reason) FROM STDIN (FORMAT binary)",
                      11, doing, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct pg_params *p = pg_copy_row(&copy);
        rows[i].id = id + (int64_t)i;
        pg_item_int(p, rows[i].id);
        pg_item_int(p, rows[i].stream);
        pg_item_int(p, rows[i].run);
        pg_item_int(p, rows[i].record);
        pg_item_int(p, rows[i].link);
        pg_item_int(p, (int64_t)rows[i].op);
        pg_item_int(p, (int64_t)rows[i].state);
        pg_item_int(p, rows[i].at);
        pg_item_str(p, rows[i].external_id);
        pg_item_str(p, rows[i].body);
        pg_item_prose(p, rows[i].reason);
    }
    return pg_copy_end(&copy, err);
}

int pg_load_writes(struct store *store, int64_t stream, enum write_state state, int64_t after,
                   size_t most, struct export_write **ret_rows, size_t *ret_count,
                   struct arena *arena, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_int(&p, (int64_t)state);
    pg_int(&p, after);
    pg_int(&p, most > INT32_MAX ? INT32_MAX : (int64_t)most);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT " WRITE_COLUMNS " FROM export_write w WHERE w.stream = "
                           "$1::bigint AND w.state = $2::bigint AND w.id > $3::bigint "
                           "ORDER BY w.id LIMIT $4::bigint",
                           &p, "load the writes under way", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_rows = arena_new(arena, *ret_count, sizeof **ret_rows);
    for (size_t i = 0; i < *ret_count; i++) {
        struct export_write *row = &(*ret_rows)[i];
        read_write(r, (int)i, row);
        row->external_id = arena_str(arena, row->external_id);
        row->body = arena_str(arena, row->body);
        row->reason = arena_str(arena, row->reason);
    }
    PQclear(r);
    return 0;
}

int pg_set_writes(struct store *store, const int64_t *ids, size_t count, enum write_state state,
                  struct error *err)
{
    return run_with(store,
                    "UPDATE export_write SET state = $1::bigint WHERE id = ANY ($2::bigint[])",
                    (int64_t)state, ids, count, "note what became of writes", err);
}

int pg_drop_writes(struct store *store, const int64_t *ids, size_t count, struct error *err)
{
    return run_with(store,
                    /* $1 only as each parameter must be used. */
                    "DELETE FROM export_write WHERE $1::bigint = 0 AND id = ANY ($2::bigint[])", 0,
                    ids, count, "note what became of writes", err);
}

int pg_forget_refused(struct store *store, int64_t stream, const int64_t *records, size_t count,
                      struct error *err)
{
    return run_with(store,
                    "DELETE FROM export_write WHERE " ROWS_OF("export_write", " AND q.state = 3"),
                    stream, records, count, "forget refused writes", err);
}

int pg_each_write(struct store *store, struct str connection, write_fn fn, void *arg,
                  struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, connection);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT " WRITE_COLUMNS ", c.name, t.vendor_object FROM export_write w "
                           "JOIN stream t ON t.id = w.stream JOIN connection c ON c.id = "
                           "t.connection WHERE w.state > 1 AND ($1::text = '' OR c.name = "
                           "$1::text) ORDER BY w.id",
                           &p, "list the writes", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    bool go_on = true;
    for (int i = 0; i < PQntuples(r) && go_on; i++) {
        struct export_write row;
        read_write(r, i, &row);
        row.connection = pg_get_str(r, i, 11);
        row.vendor_object = pg_get_str(r, i, 12);
        go_on = fn(arg, &row);
    }
    PQclear(r);
    return 0;
}

/* ---- the journal of what was sent ---- */

int pg_add_sent(struct store *store, const struct sent_row *rows, size_t count, struct error *err)
{
    struct pg_copy copy;
    if (count == 0)
        return 0;
    if (pg_copy_begin(&copy, pg_of(store),
                      "COPY sent (stream, run, record, op, at, external_id, body) FROM STDIN "
                      "(FORMAT binary)",
                      7, "note what was sent", err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct pg_params *p = pg_copy_row(&copy);
        pg_item_int(p, rows[i].stream);
        pg_item_int(p, rows[i].run);
        pg_item_int(p, rows[i].record);
        pg_item_int(p, (int64_t)rows[i].op);
        pg_item_int(p, rows[i].at);
        pg_item_str(p, rows[i].external_id);
        pg_item_str_or_null(p, rows[i].body);
    }
    return pg_copy_end(&copy, err);
}

struct sent_row pg_read_sent(const PGresult *r, int at)
{
    return (struct sent_row){.id = pg_get_int(r, at, 0),
                             .stream = pg_get_int(r, at, 1),
                             .run = pg_get_int(r, at, 2),
                             .record = pg_get_int(r, at, 3),
                             .op = (enum write_op)pg_get_int(r, at, 4),
                             .at = pg_get_int(r, at, 5),
                             .external_id = pg_get_str(r, at, 6),
                             .body = pg_get_str(r, at, 7)};
}

int pg_each_sent(struct store *store, int64_t run, const struct model_object *object,
                 int64_t record, sent_fn fn, void *arg, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run != 0 ? run : record);
    if (run == 0)
        pg_int(&p, object->id);
    PGresult *r = pg_query(
        pg_of(store),
        run != 0 ? "SELECT " PG_SENT_COLUMNS " FROM sent WHERE run = $1::bigint ORDER BY id DESC"
                 : "SELECT e.id, e.stream, e.run, e.record, e.op, e.at, e.external_id, e.body FROM "
                   "sent e JOIN stream s ON s.id = e.stream AND s.object = $2::bigint WHERE "
                   "e.record = $1::bigint ORDER BY e.id DESC",
        &p, "read what was sent", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    bool go_on = true;
    for (int i = 0; i < PQntuples(r) && go_on; i++) {
        struct sent_row row = pg_read_sent(r, i);
        go_on = fn(arg, &row);
    }
    PQclear(r);
    return 0;
}

int pg_each_recent_sent(struct store *store, int64_t stream, const int64_t *records, size_t count,
                        int64_t since, sent_fn fn, void *arg, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_int(&p, stream);
    pg_ints(&p, records, count);
    pg_int(&p, since);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT record, body FROM sent WHERE record = ANY ($2::bigint[]) AND "
                           "stream = $1::bigint AND at >= $3::bigint ORDER BY record, id",
                           &p, "read what was sent", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    bool go_on = true;
    for (int i = 0; i < PQntuples(r) && go_on; i++)
        go_on =
            fn(arg, &(struct sent_row){.record = pg_get_int(r, i, 0), .body = pg_get_str(r, i, 1)});
    PQclear(r);
    return 0;
}
