/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: what is to be written to vendors, and what was. */
#include <stdio.h>

#include "store/sqlite_internal.h"

/* ---- what is due ---- */

/* A position before the first row, from which an empty log was followed: 0 stands for none. */
enum { BEFORE_THE_LOG = -1 };

static void consumer_name(int64_t stream, char name[40])
{
    snprintf(name, 40, "export:%lld", (long long)stream);
}

/* A statement's one number, with up to four bound. */
static int number_of(struct sqlite_store *s, const char *text, const int64_t *bound, size_t count,
                     const char *doing, int64_t *ret_number, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    if (!stmt)
        return -1;
    for (size_t i = 0; i < count; i++)
        sqlite3_bind_int64(stmt, (int)i + 1, bound[i]);
    int found = sqlite_step(s, stmt, doing, err);
    if (ret_number)
        *ret_number = found > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_note_exports(struct store *store, int64_t stream, int64_t connection,
                        const struct model_object *object, size_t most, bool *ret_more,
                        struct error *err)
{
    static const char doing[] = "look for what is to be exported";
    struct sqlite_store *s = sqlite_of(store);
    char name[40];
    struct log_position at;
    int64_t last, end;
    consumer_name(stream, name);
    *ret_more = false;
    if (sqlite_load_consumer(store, str_from(name), &at, err) != 0 ||
        number_of(s, "SELECT max(seq) FROM log", NULL, 0, doing, &last, err) != 0)
        return -1;
    bool first = at.seq == 0;
    if (first || at.seq > last) /* rows at the end of the log may have been erased */
        at.seq = last;
    if (at.seq < 0)
        at.seq = 0;
    end = at.seq + (int64_t)most > last ? last : at.seq + (int64_t)most;
    const int64_t bound[] = {stream, object->id, at.seq, end, connection};
    if (end > at.seq &&
        number_of(s,
                  "INSERT INTO export_due (stream, record) SELECT DISTINCT ?1, l.record FROM log l "
                  "WHERE l.object = ?2 AND l.seq > ?3 AND l.seq <= ?4 AND NOT EXISTS (SELECT 1 "
                  "FROM run r WHERE r.id = l.run AND r.connection = ?5) ON CONFLICT DO NOTHING",
                  bound, 5, doing, NULL, err) != 0)
        return -1;
    *ret_more = end < last;
    at.seq = end > 0 ? end : BEFORE_THE_LOG;
    return sqlite_set_consumer(store, str_from(name), &at, err);
}

int sqlite_look_exports(struct store *store, struct str connection, struct str vendor_object,
                        enum export_news *ret_news, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "SELECT 1 FROM connection c CROSS JOIN stream s ON s.connection = c.id AND "
                       "s.vendor_object = ?2 CROSS JOIN log_consumer p ON p.name = 'export:' || "
                       "s.id CROSS JOIN log l ON l.seq > p.seq AND l.object = s.object WHERE "
                       "c.name = ?1 AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = l.run AND "
                       "r.connection = s.connection) LIMIT 1",
                       false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    sqlite_bind_str(stmt, 2, vendor_object);
    int found = sqlite_step(s, stmt, "look for what is to be exported", err);
    *ret_news = found > 0 ? EXPORTS_DUE : EXPORTS_NONE;
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* Runs a statement for each of some numbers, which are its ?2; its ?1 is the same for all. */
static int for_each(struct sqlite_store *s, const char *text, int64_t first, const int64_t *numbers,
                    size_t count, const char *doing, struct error *err)
{
    sqlite3_stmt *stmt = count > 0 ? sqlite_prepare(s, text, false, err) : NULL;
    int rc = count > 0 && !stmt ? -1 : 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_bind_int64(stmt, 1, first);
        sqlite3_bind_int64(stmt, 2, numbers[i]);
        rc = sqlite_run(s, stmt, doing, err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_queue_exports(struct store *store, int64_t stream, const int64_t *records, size_t count,
                         struct error *err)
{
    return for_each(
        sqlite_of(store),
        "INSERT INTO export_due (stream, record) VALUES (?1, ?2) ON CONFLICT DO NOTHING", stream,
        records, count, "note what is to be exported", err);
}

int sqlite_queue_unread(struct store *store, int64_t stream, const int64_t *records, size_t count,
                        struct error *err)
{
    return for_each(sqlite_of(store),
                    "INSERT INTO export_due (stream, record, unread) VALUES (?1, ?2, 1) ON "
                    "CONFLICT (stream, record) DO UPDATE SET unread = 1",
                    stream, records, count, "note what is to be read again", err);
}

int sqlite_note_read(struct store *store, int64_t stream, const int64_t *records, size_t count,
                     struct error *err)
{
    return for_each(sqlite_of(store),
                    "UPDATE export_due SET unread = 0 WHERE stream = ?1 AND record = ?2", stream,
                    records, count, "note what was read again", err);
}

int sqlite_queue_unlinked(struct store *store, int64_t stream, const struct model_object *object,
                          int64_t organization, int64_t *ret_count, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    const int64_t bound[] = {stream, organization};
    char text[400];
    snprintf(text, sizeof text,
             "INSERT INTO export_due (stream, record) SELECT ?1, r.key FROM %s r WHERE "
             "r.organization = ?2 AND r.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM link l "
             "WHERE l.record = r.key AND l.stream = ?1) ON CONFLICT DO NOTHING",
             object->name);
    if (number_of(s, text, bound, 2, "note what is to be exported", NULL, err) != 0)
        return -1;
    *ret_count = sqlite3_changes64(s->db);
    return 0;
}

static void read_due(sqlite3_stmt *stmt, struct export_due *row, struct arena *arena)
{
    *row = (struct export_due){.record = sqlite3_column_int64(stmt, 0),
                               .link = {.key = sqlite3_column_int64(stmt, 1),
                                        .record = sqlite3_column_int64(stmt, 0),
                                        .ended = (enum link_ended)sqlite3_column_int(stmt, 2),
                                        .seen_remote = arena_str(arena, sqlite_column_str(stmt, 3)),
                                        .seen_local = arena_str(arena, sqlite_column_str(stmt, 4)),
                                        .base = arena_str(arena, sqlite_column_str(stmt, 6))},
                               .external_id = arena_str(arena, sqlite_column_str(stmt, 5)),
                               .unread = sqlite3_column_int(stmt, 7) != 0};
}

int sqlite_load_exports(struct store *store, int64_t stream, int64_t after, size_t most,
                        struct export_due **ret_rows, size_t *ret_count, struct arena *arena,
                        struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct export_due *rows = NULL;
    size_t n = 0, cap = 0;
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT d.record, l.key, l.ended, l.seen_remote, l.seen_local, l.external_id, l.base, "
        "d.unread FROM export_due d LEFT JOIN link l ON l.key = coalesce((SELECT key FROM link "
        "WHERE record = d.record AND stream = d.stream ORDER BY ended <> 0, ended = 2, key DESC "
        "LIMIT 1), (SELECT link "
        "FROM "
        "merged_away m WHERE m.stream = d.stream AND m.record = d.record)) "
        "WHERE d.stream = ?1 AND d.record > ?2 AND NOT EXISTS (SELECT 1 FROM export_write w "
        "WHERE w.stream = d.stream AND w.record = d.record AND w.state < 3) "
        "ORDER BY d.record LIMIT ?3",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    sqlite3_bind_int64(stmt, 2, after);
    sqlite3_bind_int64(stmt, 3, (int64_t)most);
    int found;
    while ((found = sqlite_step(s, stmt, "load what is to be exported", err)) > 0) {
        rows = arena_grow(arena, rows, &cap, n + 1, sizeof rows[0]);
        read_due(stmt, &rows[n++], arena);
    }
    sqlite3_finalize(stmt);
    *ret_rows = rows;
    *ret_count = n;
    return found;
}

int sqlite_drop_exports(struct store *store, int64_t stream, const int64_t *records, size_t count,
                        struct error *err)
{
    return for_each(sqlite_of(store), "DELETE FROM export_due WHERE stream = ?1 AND record = ?2",
                    stream, records, count, "note what was exported", err);
}

int sqlite_count_exports(struct store *store, int64_t stream, int64_t *ret_count, struct error *err)
{
    return number_of(sqlite_of(store), "SELECT count(*) FROM export_due WHERE stream = ?1", &stream,
                     1, "count what is to be exported", ret_count, err);
}

int sqlite_load_external(struct store *store, int64_t stream, const int64_t *records, size_t count,
                         struct str *out, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(s,
                                        "SELECT external_id FROM link WHERE record = ?2 AND stream "
                                        "= ?1 AND ended = 0 ORDER BY key DESC LIMIT 1",
                                        false, err);
    int found = stmt ? 0 : -1;
    for (size_t i = 0; i < count && found >= 0; i++) {
        out[i] = STR("");
        sqlite3_bind_int64(stmt, 1, stream);
        sqlite3_bind_int64(stmt, 2, records[i]);
        found = sqlite_step(s, stmt, "look up the vendor's ids", err);
        if (found > 0) {
            out[i] = arena_str(arena, sqlite_column_str(stmt, 0));
            sqlite3_reset(stmt);
        }
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- writes under way ---- */

#define WRITE_COLUMNS                                                                              \
    "w.id, w.stream, w.run, w.record, w.link, w.op, w.state, w.at, w.external_id, w.body, "        \
    "w.reason"

static void read_write(sqlite3_stmt *stmt, struct export_write *row)
{
    *row = (struct export_write){.id = sqlite3_column_int64(stmt, 0),
                                 .stream = sqlite3_column_int64(stmt, 1),
                                 .run = sqlite3_column_int64(stmt, 2),
                                 .record = sqlite3_column_int64(stmt, 3),
                                 .link = sqlite3_column_int64(stmt, 4),
                                 .op = (enum write_op)sqlite3_column_int(stmt, 5),
                                 .state = (enum write_state)sqlite3_column_int(stmt, 6),
                                 .at = sqlite3_column_int64(stmt, 7),
                                 .external_id = sqlite_column_str(stmt, 8),
                                 .body = sqlite_column_str(stmt, 9),
                                 .reason = sqlite_column_str(stmt, 10)};
}

int sqlite_add_writes(struct store *store, struct export_write *rows, size_t count,
                      struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "INSERT INTO export_write (stream, run, record, link, op, state, at, external_id, body, "
        "reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        false, err);
    int rc = stmt ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_bind_int64(stmt, 1, rows[i].stream);
        sqlite3_bind_int64(stmt, 2, rows[i].run);
        sqlite3_bind_int64(stmt, 3, rows[i].record);
        sqlite3_bind_int64(stmt, 4, rows[i].link);
        sqlite3_bind_int(stmt, 5, (int)rows[i].op);
        sqlite3_bind_int(stmt, 6, (int)rows[i].state);
        sqlite3_bind_int64(stmt, 7, rows[i].at);
        sqlite_bind_str(stmt, 8, rows[i].external_id);
        sqlite_bind_str(stmt, 9, rows[i].body);
        sqlite_bind_str(stmt, 10, rows[i].reason);
        rc = sqlite_run(s, stmt, "note a write", err);
        rows[i].id = sqlite3_last_insert_rowid(s->db);
    }
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_load_writes(struct store *store, int64_t stream, enum write_state state, int64_t after,
                       size_t most, struct export_write **ret_rows, size_t *ret_count,
                       struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct export_write *rows = NULL;
    size_t n = 0, cap = 0;
    sqlite3_stmt *stmt = sqlite_prepare(s,
                                        "SELECT " WRITE_COLUMNS " FROM export_write w WHERE "
                                        "w.stream = ?1 AND w.state = ?2 AND w.id > ?3 "
                                        "ORDER BY w.id LIMIT ?4",
                                        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    sqlite3_bind_int(stmt, 2, (int)state);
    sqlite3_bind_int64(stmt, 3, after);
    sqlite3_bind_int64(stmt, 4, (int64_t)most);
    int found;
    while ((found = sqlite_step(s, stmt, "load the writes under way", err)) > 0) {
        rows = arena_grow(arena, rows, &cap, n + 1, sizeof rows[0]);
        struct export_write *row = &rows[n++];
        read_write(stmt, row);
        row->external_id = arena_str(arena, row->external_id);
        row->body = arena_str(arena, row->body);
        row->reason = arena_str(arena, row->reason);
    }
    sqlite3_finalize(stmt);
    *ret_rows = rows;
    *ret_count = n;
    return found;
}

int sqlite_set_writes(struct store *store, const int64_t *ids, size_t count, enum write_state state,
                      struct error *err)
{
    return for_each(sqlite_of(store), "UPDATE export_write SET state = ?1 WHERE id = ?2",
                    (int64_t)state, ids, count, "note what became of writes", err);
}

int sqlite_drop_writes(struct store *store, const int64_t *ids, size_t count, struct error *err)
{
    return for_each(sqlite_of(store), "DELETE FROM export_write WHERE id = ?2", 0, ids, count,
                    "note what became of writes", err);
}

int sqlite_forget_refused(struct store *store, int64_t stream, const int64_t *records, size_t count,
                          struct error *err)
{
    return for_each(sqlite_of(store),
                    "DELETE FROM export_write WHERE stream = ?1 AND record = ?2 AND state = 3",
                    stream, records, count, "forget refused writes", err);
}

int sqlite_each_write(struct store *store, struct str connection, write_fn fn, void *arg,
                      struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT " WRITE_COLUMNS ", c.name, t.vendor_object FROM export_write w JOIN stream t ON "
        "t.id = w.stream JOIN connection c ON c.id = t.connection WHERE w.state > 1 AND "
        "(?1 = '' OR c.name = ?1) ORDER BY w.id",
        false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, connection);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "list the writes", err)) > 0) {
        struct export_write row;
        read_write(stmt, &row);
        row.connection = sqlite_column_str(stmt, 11);
        row.vendor_object = sqlite_column_str(stmt, 12);
        go_on = fn(arg, &row);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* ---- the journal of what was sent ---- */

int sqlite_add_sent(struct store *store, const struct sent_row *rows, size_t count,
                    struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "INSERT INTO sent (stream, run, record, op, at, external_id, body) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                       false, err);
    int rc = stmt ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_bind_int64(stmt, 1, rows[i].stream);
        sqlite3_bind_int64(stmt, 2, rows[i].run);
        sqlite3_bind_int64(stmt, 3, rows[i].record);
        sqlite3_bind_int(stmt, 4, (int)rows[i].op);
        sqlite3_bind_int64(stmt, 5, rows[i].at);
        sqlite_bind_str(stmt, 6, rows[i].external_id);
        sqlite_bind_str_or_null(stmt, 7, rows[i].body);
        rc = sqlite_run(s, stmt, "note what was sent", err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

void sqlite_read_sent(sqlite3_stmt *stmt, struct sent_row *ret_row)
{
    *ret_row = (struct sent_row){.id = sqlite3_column_int64(stmt, 0),
                                 .stream = sqlite3_column_int64(stmt, 1),
                                 .run = sqlite3_column_int64(stmt, 2),
                                 .record = sqlite3_column_int64(stmt, 3),
                                 .op = (enum write_op)sqlite3_column_int(stmt, 4),
                                 .at = sqlite3_column_int64(stmt, 5),
                                 .external_id = sqlite_column_str(stmt, 6),
                                 .body = sqlite_column_str(stmt, 7)};
}

int sqlite_each_sent(struct store *store, int64_t run, const struct model_object *object,
                     int64_t record, sent_fn fn, void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        run != 0 ? "SELECT " SQLITE_SENT_COLUMNS " FROM sent "
                   "WHERE run = ?1 ORDER BY id DESC"
                 : "SELECT e.id, e.stream, e.run, e.record, e.op, e.at, e.external_id, e.body "
                   "FROM sent e JOIN stream s ON s.id = e.stream AND s.object = ?2 "
                   "WHERE e.record = ?1 ORDER BY e.id DESC",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run != 0 ? run : record);
    if (run == 0)
        sqlite3_bind_int(stmt, 2, object->id);
    int found;
    bool go_on = true;
    while (go_on && (found = sqlite_step(s, stmt, "read what was sent", err)) > 0) {
        struct sent_row row;
        sqlite_read_sent(stmt, &row);
        go_on = fn(arg, &row);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_each_recent_sent(struct store *store, int64_t stream, const int64_t *records,
                            size_t count, int64_t since, sent_fn fn, void *arg, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT record, body FROM sent WHERE record = ?1 AND stream = ?2 AND at >= ?3 ORDER BY id",
        false, err);
    int found = stmt ? 0 : -1;
    bool go_on = true;
    for (size_t i = 0; i < count && go_on && found >= 0; i++) {
        sqlite3_bind_int64(stmt, 1, records[i]);
        sqlite3_bind_int64(stmt, 2, stream);
        sqlite3_bind_int64(stmt, 3, since);
        while (go_on && (found = sqlite_step(s, stmt, "read what was sent", err)) > 0)
            go_on = fn(arg, &(struct sent_row){.record = sqlite3_column_int64(stmt, 0),
                                               .body = sqlite_column_str(stmt, 1)});
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}
