/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: records that share a value, and what a merge of two of them moves. */
#include <stdio.h>

#include "store/ddl.h"
#include "store/sqlite_internal.h"

enum { ARRAY_MAX = 64 * 1024 * 1024, STATEMENT_MAX = 8192 };

/* ---- records that share a value ---- */

/* By the index of matches, which is in the order of values and keys: nothing is sorted. */
static sqlite3_stmt *prepare_duplicates(struct sqlite_store *s, const struct model_object *object,
                                        int field, struct error *err)
{
    struct buf text = BUF_INIT(STATEMENT_MAX);
    const char *name = object->fields[field].name;
    buf_text(&text, "SELECT ");
    sqlite_record_columns(&text, object);
    buf_printf(&text,
               " FROM %s r WHERE organization = ?1 AND %s IS NOT NULL AND %s <> '' AND "
               "(%s, key) > (?2, ?3) AND " DDL_DELETED_AT " IS NULL AND EXISTS (SELECT 1 FROM %s o "
               "WHERE o.organization = r.organization AND o.%s = r.%s AND o.key <> r.key AND "
               "o." DDL_DELETED_AT " IS NULL) ORDER BY %s, key LIMIT ?4",
               object->name, name, name, name, object->name, name, name, name);
    sqlite3_stmt *stmt = sqlite_prepare(s, buf_cstr(&text), false, err);
    buf_free(&text);
    return stmt;
}

int sqlite_load_duplicates(struct store *store, const struct model_object *object,
                           int64_t organization, int field, const struct duplicate_place *after,
                           size_t most, struct record_row **ret_rows, size_t *ret_count,
                           struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    size_t cap = 0;
    int found;
    *ret_rows = NULL;
    *ret_count = 0;
    sqlite3_stmt *stmt = prepare_duplicates(s, object, field, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, organization);
    sqlite_bind_str(stmt, 2, after->value);
    sqlite3_bind_int64(stmt, 3, after->record);
    sqlite3_bind_int64(stmt, 4, (int64_t)most);
    while ((found = sqlite_step(s, stmt, "look for duplicates", err)) > 0) {
        *ret_rows = arena_grow(arena, *ret_rows, &cap, *ret_count + 1, sizeof **ret_rows);
        sqlite_read_record(stmt, object, arena, &(*ret_rows)[(*ret_count)++]);
    }
    sqlite3_finalize(stmt);
    return found;
}

int sqlite_count_referrers(struct store *store, const struct model_object *object, int field,
                           const int64_t *records, size_t count, int64_t *counts, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct buf array = BUF_INIT(ARRAY_MAX);
    char text[400];
    const char *name = object->fields[field].name;
    int found;
    snprintf(text, sizeof text,
             "SELECT %s, count(*) FROM %s WHERE %s IN (SELECT value FROM json_each(?1)) "
             "AND " DDL_DELETED_AT " IS NULL GROUP BY 1",
             name, object->name, name);
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    if (!stmt)
        return -1;
    sqlite_write_array(&array, records, count);
    sqlite_bind_str(stmt, 1, buf_view(&array));
    while ((found = sqlite_step(s, stmt, "count references", err)) > 0)
        for (size_t i = 0; i < count; i++)
            if (records[i] == sqlite3_column_int64(stmt, 0))
                counts[i] += sqlite3_column_int64(stmt, 1);
    sqlite3_finalize(stmt);
    buf_free(&array);
    return found;
}

/* ---- references that wait ---- */

/* Rows of stream, external id, object, record and field; the statement is finalized. */
static int read_pending(struct sqlite_store *s, sqlite3_stmt *stmt, struct pending_write **ret_rows,
                        size_t *ret_count, struct arena *arena, struct error *err)
{
    size_t cap = 0;
    int found;
    *ret_rows = NULL;
    *ret_count = 0;
    while ((found = sqlite_step(s, stmt, "look for references that wait", err)) > 0) {
        *ret_rows = arena_grow(arena, *ret_rows, &cap, *ret_count + 1, sizeof **ret_rows);
        (*ret_rows)[(*ret_count)++] = (struct pending_write){
            .stream = sqlite3_column_int64(stmt, 0),
            .row = {.external_id = arena_str(arena, sqlite_column_str(stmt, 1)),
                    .object = (uint16_t)sqlite3_column_int(stmt, 2),
                    .record = sqlite3_column_int64(stmt, 3),
                    .field = (uint16_t)sqlite3_column_int(stmt, 4)}};
    }
    sqlite3_finalize(stmt);
    return found;
}

int sqlite_load_waiting(struct store *store, const struct model_object *object,
                        const int64_t *records, size_t count, struct pending_write **ret_rows,
                        size_t *ret_count, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct buf array = BUF_INIT(ARRAY_MAX);
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT stream, external_id, object, record, field FROM pending_reference WHERE object = "
        "?1 AND record IN (SELECT value FROM json_each(?2)) ORDER BY record, field",
        false, err);
    if (!stmt)
        return -1;
    sqlite_write_array(&array, records, count);
    sqlite3_bind_int(stmt, 1, object->id);
    sqlite_bind_str(stmt, 2, buf_view(&array));
    int rc = read_pending(s, stmt, ret_rows, ret_count, arena, err);
    buf_free(&array);
    return rc;
}

int sqlite_load_waited(struct store *store, int64_t run, struct pending_write **ret_rows,
                       size_t *ret_count, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "SELECT stream, external_id, object, record, field FROM moved_pending "
                       "WHERE run = ?1 ORDER BY object, record, field",
                       false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    return read_pending(s, stmt, ret_rows, ret_count, arena, err);
}

/* ---- the journal ---- */

static int add_links(struct sqlite_store *s, int64_t run, const struct moved_link *links,
                     size_t count, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "INSERT INTO moved_link VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", false, err);
    int rc = stmt ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_bind_int64(stmt, 1, run);
        sqlite3_bind_int64(stmt, 2, links[i].now.link.key);
        sqlite3_bind_int64(stmt, 3, links[i].from);
        sqlite3_bind_int64(stmt, 4, links[i].to);
        sqlite_bind_bytes(stmt, 5, links[i].seen_remote);
        sqlite_bind_bytes(stmt, 6, links[i].seen_local);
        sqlite_bind_bytes(stmt, 7, links[i].left);
        sqlite_bind_str_or_null(stmt, 8, links[i].base);
        rc = sqlite_run(s, stmt, "note a link that moves", err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

static int add_waited(struct sqlite_store *s, int64_t run, const struct pending_write *waited,
                      size_t count, struct error *err)
{
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "INSERT INTO moved_pending VALUES (?1, ?2, ?3, ?4, ?5, ?6)", false, err);
    int rc = stmt ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_bind_int64(stmt, 1, run);
        sqlite3_bind_int(stmt, 2, waited[i].row.object);
        sqlite3_bind_int64(stmt, 3, waited[i].row.record);
        sqlite3_bind_int(stmt, 4, waited[i].row.field);
        sqlite3_bind_int64(stmt, 5, waited[i].stream);
        sqlite_bind_str(stmt, 6, waited[i].row.external_id);
        rc = sqlite_run(s, stmt, "note a reference that waits", err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

int sqlite_add_moved(struct store *store, int64_t run, const struct moved_link *links,
                     size_t link_count, const struct pending_write *waited, size_t waited_count,
                     struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    if (add_links(s, run, links, link_count, err) != 0)
        return -1;
    return add_waited(s, run, waited, waited_count, err);
}

static void read_moved(sqlite3_stmt *stmt, struct moved_link *row, struct arena *arena)
{
    struct held_link *now = &row->now;
    *row = (struct moved_link){.from = sqlite3_column_int64(stmt, 0),
                               .to = sqlite3_column_int64(stmt, 1),
                               .seen_remote = arena_str(arena, sqlite_column_str(stmt, 2)),
                               .seen_local = arena_str(arena, sqlite_column_str(stmt, 3)),
                               .left = arena_str(arena, sqlite_column_str(stmt, 4)),
                               .base = arena_str(arena, sqlite_column_str(stmt, 13))};
    now->link = (struct link_row){.key = sqlite3_column_int64(stmt, 5), /* 0 for NULL */
                                  .record = sqlite3_column_int64(stmt, 6),
                                  .ended = (enum link_ended)sqlite3_column_int(stmt, 7),
                                  .seen_remote = arena_str(arena, sqlite_column_str(stmt, 8)),
                                  .seen_local = arena_str(arena, sqlite_column_str(stmt, 9)),
                                  .base = arena_str(arena, sqlite_column_str(stmt, 14))};
    now->stream = sqlite3_column_int64(stmt, 10);
    now->external_id = arena_str(arena, sqlite_column_str(stmt, 11));
    now->connection = sqlite3_column_int64(stmt, 12);
}

int sqlite_load_moved(struct store *store, int64_t run, struct moved_link **ret_rows,
                      size_t *ret_count, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    size_t cap = 0;
    int found;
    *ret_rows = NULL;
    *ret_count = 0;
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT m.from_record, m.to_record, m.seen_remote, m.seen_local, m.left_fields, l.key, "
        "l.record, l.ended, l.seen_remote, l.seen_local, l.stream, l.external_id, t.connection, "
        "m.base, l.base "
        "FROM moved_link m LEFT JOIN link l ON l.key = m.link LEFT JOIN stream t ON t.id = "
        "l.stream WHERE m.run = ?1 ORDER BY m.link",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    while ((found = sqlite_step(s, stmt, "look which links moved", err)) > 0) {
        *ret_rows = arena_grow(arena, *ret_rows, &cap, *ret_count + 1, sizeof **ret_rows);
        read_moved(stmt, &(*ret_rows)[(*ret_count)++], arena);
    }
    sqlite3_finalize(stmt);
    return found;
}

int sqlite_run_kind(struct store *store, int64_t run, enum run_kind kind, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(s, "UPDATE run SET kind = ?2 WHERE id = ?1", false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int(stmt, 2, (int)kind);
    int rc = sqlite_run(s, stmt, "note what a run is", err);
    sqlite3_finalize(stmt);
    return rc;
}
