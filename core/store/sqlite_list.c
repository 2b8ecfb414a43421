/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine's lists, for commands that show. */
#include <inttypes.h>
#include <stdio.h>

#include "store/ddl.h"
#include "store/sqlite_internal.h"

enum { STATEMENT_MAX = 8192 };

static struct str column(sqlite3_stmt *stmt, int index, struct arena *arena)
{
    return arena_str(arena, sqlite_column_str(stmt, index));
}

static int int_or(sqlite3_stmt *stmt, int index, int none)
{
    return sqlite3_column_type(stmt, index) == SQLITE_NULL ? none : sqlite3_column_int(stmt, index);
}

/* ---- runs ---- */

static void read_run_stream(sqlite3_stmt *stmt, struct arena *arena, struct run_stream_row *row)
{
    const struct model_object *object = model_object_by_id((uint16_t)sqlite3_column_int(stmt, 2));
    int64_t *counts[] = {
        &row->counts.read,         &row->counts.created,      &row->counts.updated,
        &row->counts.unchanged,    &row->counts.filtered,     &row->counts.quarantined,
        &row->counts.deleted,      &row->counts.restored,     &row->counts.followed,
        &row->counts.sent_created, &row->counts.sent_updated, &row->counts.sent_deleted,
        &row->counts.refused,      &row->counts.conflicted};
    row->stream = sqlite3_column_int64(stmt, 0);
    row->vendor_object = column(stmt, 1, arena);
    row->object = str_from(object ? object->name : "");
    row->mode = (enum walk)sqlite3_column_int(stmt, 3);
    row->since = sqlite3_column_int64(stmt, 4);
    row->until = sqlite3_column_int64(stmt, 5);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        *counts[i] = sqlite3_column_int64(stmt, 6 + (int)i);
}

static int read_run_streams(struct sqlite_store *s, struct run_row *row, struct arena *arena,
                            struct error *err)
{
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_RUN_STREAMS, err);
    size_t cap = 0;
    int found = stmt ? 0 : -1;
    if (stmt)
        sqlite3_bind_int64(stmt, 1, row->id);
    while (stmt && (found = sqlite_step(s, stmt, "read the run log", err)) > 0) {
        row->streams =
            arena_grow(arena, row->streams, &cap, row->stream_count + 1, sizeof row->streams[0]);
        read_run_stream(stmt, arena, &row->streams[row->stream_count++]);
    }
    return found;
}

static void read_run(sqlite3_stmt *stmt, struct arena *arena, struct run_row *row)
{
    *row =
        (struct run_row){.id = sqlite3_column_int64(stmt, 0),
                         .connection = column(stmt, 1, arena),
                         .started_by = column(stmt, 2, arena),
                         .started_at = sqlite3_column_int64(stmt, 3),
                         .ended_at = sqlite3_column_int64(stmt, 4),
                         .status = (enum run_status)sqlite3_column_int(stmt, 5),
                         .reason = column(stmt, 6, arena),
                         .phase = column(stmt, 7, arena),
                         .exit_signal = int_or(stmt, 8, -1),
                         .exit_code = int_or(stmt, 9, -1),
                         .api_calls = sqlite3_column_int64(stmt, 10),
                         .bytes = sqlite3_column_int64(stmt, 11),
                         .cpu_us = sqlite3_column_int64(stmt, 12),
                         .pruned_at = sqlite3_column_int64(stmt, 13), /* 0 for NULL, as the next */
                         .rolls_back = sqlite3_column_int64(stmt, 14),
                         .kind = (enum run_kind)sqlite3_column_int(stmt, 15)};
}

int sqlite_each_run(struct store *store, struct str connection, int64_t id, int64_t limit,
                    run_fn fn, void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT r.id, c.name, r.started_by, r.started_at, r.ended_at, r.status, r.reason, r.phase, "
        "r.exit_signal, r.exit_code, r.api_calls, r.bytes, r.cpu_us, r.pruned_at, "
        "r.rolls_back, r.kind FROM run r "
        "LEFT JOIN connection c ON c.id = r.connection WHERE (?1 = '' OR c.name = ?1) "
        "AND (?2 = 0 OR r.id = ?2 OR (?2 = -1 AND r.status = 1)) ORDER BY r.id DESC LIMIT ?3",
        false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    sqlite3_bind_int64(stmt, 2, id);
    sqlite3_bind_int64(stmt, 3, limit > 0 ? limit : -1);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "read the run log", err)) > 0) {
        struct arena arena = {0};
        struct run_row row;
        read_run(stmt, &arena, &row);
        if (read_run_streams(s, &row, &arena, err) != 0)
            found = -1;
        go_on = found > 0 && fn(arg, &row);
        arena_free(&arena);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- streams ---- */

int sqlite_each_stream(struct store *store, struct str connection, stream_fn fn, void *arg,
                       struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT s.id, s.object, s.watermark, s.reconciled_at, s.walk, s.walk_since, s.walk_until, "
        "c.name, s.vendor_object, (SELECT count(*) FROM link l WHERE l.stream = s.id) - "
        "(SELECT count(*) FROM link l WHERE l.stream = s.id AND l.ended <> 0), "
        "(SELECT count(*) FROM quarantine q WHERE q.stream = s.id) FROM stream s "
        "JOIN connection c ON c.id = s.connection WHERE ?1 = '' OR c.name = ?1 ORDER BY c.name, "
        "s.id",
        false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "read the streams", err)) > 0) {
        struct arena arena = {0};
        struct stream_row row = {.connection = column(stmt, 7, &arena),
                                 .vendor_object = column(stmt, 8, &arena),
                                 .object =
                                     model_object_by_id((uint16_t)sqlite3_column_int(stmt, 1)),
                                 .links = sqlite3_column_int64(stmt, 9),
                                 .quarantined = sqlite3_column_int64(stmt, 10)};
        row.state.id = sqlite3_column_int64(stmt, 0);
        row.state.has_watermark = sqlite3_column_type(stmt, 2) != SQLITE_NULL;
        row.state.watermark = sqlite3_column_int64(stmt, 2);
        row.state.reconciled_at = sqlite3_column_int64(stmt, 3);
        row.state.walk = (enum walk)sqlite3_column_int(stmt, 4);
        row.state.since = sqlite3_column_int64(stmt, 5);
        row.state.until = sqlite3_column_int64(stmt, 6);
        go_on = fn(arg, &row);
        arena_free(&arena);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- quarantine ---- */

int sqlite_each_quarantined(struct store *store, struct str connection, struct str vendor_object,
                            int64_t id, quarantine_fn fn, void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "SELECT q.id, q.stream, q.run, c.name, s.vendor_object, q.external_id, "
                       "q.first_at, q.last_at, "
                       "q.times, q.modified, q.field, q.reason, q.payload FROM quarantine q "
                       "JOIN stream s ON s.id = q.stream JOIN connection c ON c.id = s.connection "
                       "WHERE (?1 = '' OR c.name = ?1) AND (?2 = '' OR s.vendor_object = ?2) "
                       "AND (?3 = 0 OR q.id = ?3) ORDER BY q.id",
                       false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    sqlite_bind_str(stmt, 2, vendor_object);
    sqlite3_bind_int64(stmt, 3, id);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "read the quarantine", err)) > 0) {
        struct arena arena = {0};
        struct quarantine_row row = {.id = sqlite3_column_int64(stmt, 0),
                                     .stream = sqlite3_column_int64(stmt, 1),
                                     .run = sqlite3_column_int64(stmt, 2),
                                     .connection = column(stmt, 3, &arena),
                                     .vendor_object = column(stmt, 4, &arena),
                                     .external_id = column(stmt, 5, &arena),
                                     .first_at = sqlite3_column_int64(stmt, 6),
                                     .last_at = sqlite3_column_int64(stmt, 7),
                                     .times = sqlite3_column_int64(stmt, 8),
                                     .modified = sqlite3_column_int64(stmt, 9),
                                     .field = column(stmt, 10, &arena),
                                     .reason = column(stmt, 11, &arena),
                                     .payload = column(stmt, 12, &arena)};
        go_on = fn(arg, &row);
        arena_free(&arena);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- records ---- */

static void write_where(struct buf *text, const struct record_filter *filter)
{
    int next = 2;
    buf_printf(text, " WHERE organization = ?1 AND " DDL_DELETED_AT " IS %sNULL",
               filter->deleted ? "NOT " : "");
    for (size_t i = 0; i < filter->where_count; i++) {
        int field = filter->where[i].field;
        if (field >= 0) {
            buf_printf(text, " AND %s IS ?%d", filter->object->fields[field].name, next++);
        } else {
            buf_printf(text, " AND json_extract(custom_fields, ?%d) IS ?%d", next, next + 1);
            next += 2;
        }
    }
}

/* The JSON path of a custom field: quoted, so that its name may hold anything. */
static struct str custom_path(struct str name, struct arena *arena)
{
    return str_from(arena_printf(arena, "$.\"%.*s\"", STR_ARG(name)));
}

static void bind_where(sqlite3_stmt *stmt, const struct record_filter *filter, struct arena *arena)
{
    int next = 2;
    sqlite3_bind_int64(stmt, 1, filter->organization);
    for (size_t i = 0; i < filter->where_count; i++) {
        if (filter->where[i].field < 0)
            sqlite_bind_str(stmt, next++, custom_path(filter->where[i].name, arena));
        sqlite_bind_value(stmt, next++, &filter->where[i].value);
    }
}

int sqlite_each_record(struct store *store, const struct record_filter *filter, record_fn fn,
                       void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct buf text = BUF_INIT(STATEMENT_MAX);
    struct arena paths = {0};
    buf_text(&text, "SELECT ");
    sqlite_record_columns(&text, filter->object);
    buf_printf(&text, " FROM %s", filter->object->name);
    write_where(&text, filter);
    buf_printf(&text, " ORDER BY key LIMIT %" PRId64, filter->limit > 0 ? filter->limit : -1);
    sqlite3_stmt *stmt = sqlite_prepare(s, buf_cstr(&text), false, err);
    buf_free(&text);
    if (!stmt)
        return -1;
    bind_where(stmt, filter, &paths);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "read records", err)) > 0) {
        struct arena arena = {0};
        struct record_row row;
        sqlite_read_record(stmt, filter->object, &arena, &row);
        go_on = fn(arg, &row);
        arena_free(&arena);
    }
    sqlite3_finalize(stmt);
    arena_free(&paths);
    return found < 0 ? -1 : 0;
}

int sqlite_find_record(struct store *store, const struct model_object *object, int64_t organization,
                       const struct uuid *id, int64_t *ret_key, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    char text[200];
    snprintf(text, sizeof text, "SELECT key FROM %s WHERE id = ?1 AND organization = ?2 LIMIT 1",
             object->name);
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    if (!stmt)
        return -1;
    sqlite_bind_bytes(stmt, 1, (struct str){(const char *)id->bytes, UUID_SIZE});
    sqlite3_bind_int64(stmt, 2, organization);
    int found = sqlite_step(s, stmt, "look for a record", err);
    *ret_key = found > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_each_link(struct store *store, const struct model_object *object, int64_t record,
                     link_fn fn, void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT c.name, s.vendor_object, l.external_id, l.ended FROM link l JOIN stream s ON "
        "s.id = l.stream AND s.object = ?2 JOIN connection c ON c.id = s.connection "
        "WHERE l.record = ?1 ORDER BY l.key",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, record);
    sqlite3_bind_int(stmt, 2, object->id);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "read the links", err)) > 0) {
        struct arena arena = {0};
        struct record_link link = {.connection = column(stmt, 0, &arena),
                                   .vendor_object = column(stmt, 1, &arena),
                                   .external_id = column(stmt, 2, &arena),
                                   .ended = (enum link_ended)sqlite3_column_int(stmt, 3)};
        go_on = fn(arg, &link);
        arena_free(&arena);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- doctor ---- */

/* A count that must be 0. */
static int none_of(struct sqlite_store *s, const char *query, const char *what, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, query, false, err);
    int found = stmt ? sqlite_step(s, stmt, "check the store", err) : -1;
    int64_t count = found > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    if (found < 0)
        return -1;
    return count == 0 ? 0
                      : error_set(err, "store %s: %" PRId64 " %s: restore it from a backup",
                                  s->store.location, count, what);
}

static int check_integrity(struct sqlite_store *s, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, "PRAGMA integrity_check(1)", false, err);
    int found = stmt ? sqlite_step(s, stmt, "check the store", err) : -1;
    int rc = found > 0 ? 0 : -1;
    if (found > 0 && !str_is(sqlite_column_str(stmt, 0), "ok"))
        rc = error_set(err, "store %s is damaged (%.*s): restore it from a backup",
                       s->store.location, STR_ARG(sqlite_column_str(stmt, 0)));
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_verify(struct store *store, struct buf *ret_summary, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    if (check_integrity(s, err) != 0 ||
        none_of(s,
                "SELECT count(*) FROM (SELECT stream FROM export_due UNION ALL SELECT stream FROM "
                "export_write UNION ALL SELECT stream FROM sent UNION ALL SELECT stream FROM "
                "conflict) WHERE stream NOT IN (SELECT id FROM stream)",
                "exports are of no stream", err) != 0)
        return -1;
    for (size_t i = 0; i < model_object_count; i++) {
        const struct model_object *object = &model_objects[i];
        char query[400];
        snprintf(query, sizeof query,
                 "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream AND s.object = %d "
                 "WHERE NOT EXISTS (SELECT 1 FROM %s r WHERE r.key = l.record) "
                 /* Another program deleted it: the log says so. */
                 "AND l.record <> 0 AND l.record NOT IN (SELECT record FROM log WHERE object = %d "
                 "AND op = 3)",
                 object->id, object->name, object->id);
        if (none_of(s, query, "links lead to no record", err) != 0)
            return -1;
        snprintf(
            query, sizeof query,
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
        sqlite3_stmt *stmt = sqlite_prepare(s, query, false, err);
        if (!stmt || sqlite_step(s, stmt, "count records", err) < 0)
            return -1;
        buf_printf(ret_summary, "%s%" PRId64 " %ss", i > 0 ? ", " : "",
                   (int64_t)sqlite3_column_int64(stmt, 0), object->name);
        sqlite3_finalize(stmt);
    }
    return 0;
}
