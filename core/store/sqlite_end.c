/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: links and records that end. */
#include <inttypes.h>
#include <stdio.h>

#include "store/ddl.h"
#include "store/sqlite_internal.h"

/* ---- loads ---- */

int sqlite_load_holders(struct store *store, const struct model_object *object, int64_t stream,
                        const int64_t *records, size_t count, struct holder_row *out,
                        struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_HOLDERS, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 2, stream);
    sqlite3_bind_int(stmt, 3, object->id);
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int64(stmt, 1, records[i]);
        if (sqlite_step(s, stmt, "look who has a record", err) < 0)
            return -1;
        out[i] = (struct holder_row){.live = sqlite3_column_int64(stmt, 0),
                                     .here = sqlite3_column_int(stmt, 1) != 0};
        sqlite3_reset(stmt);
    }
    return 0;
}

/* Rows of link, record and external id; the statement is finalized. */
static int read_linked_ids(struct sqlite_store *s, sqlite3_stmt *stmt, struct linked_id **ret_rows,
                           size_t *ret_count, struct arena *arena, struct error *err)
{
    struct linked_id *rows = NULL;
    size_t n = 0, cap = 0;
    int found;
    while ((found = sqlite_step(s, stmt, "look for links", err)) > 0) {
        rows = arena_grow(arena, rows, &cap, n + 1, sizeof rows[0]);
        rows[n++] = (struct linked_id){.link = sqlite3_column_int64(stmt, 0),
                                       .record = sqlite3_column_int64(stmt, 1),
                                       .external_id = arena_str(arena, sqlite_column_str(stmt, 2))};
    }
    sqlite3_finalize(stmt);
    *ret_rows = rows;
    *ret_count = n;
    return found;
}

int sqlite_load_unseen(struct store *store, const struct stream_state *state, int64_t after,
                       size_t most, struct linked_id **ret_rows, size_t *ret_count,
                       struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    /* In the order of the keys: by the index of ids it would be read all over the table. */
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT l.key, l.record, l.external_id FROM link l NOT INDEXED WHERE l.stream = ?1 AND "
        "l.key > ?2 "
        "AND l.key <= ?3 AND l.ended IN (0, 4) AND NOT EXISTS (SELECT 1 FROM walk_seen w "
        "WHERE w.stream = ?1 AND w.link = l.key) ORDER BY l.key LIMIT ?4",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, state->id);
    sqlite3_bind_int64(stmt, 2, after);
    sqlite3_bind_int64(stmt, 3, state->walk_links);
    sqlite3_bind_int64(stmt, 4, (int64_t)most);
    return read_linked_ids(s, stmt, ret_rows, ret_count, arena, err);
}

int sqlite_load_archived(struct store *store, int64_t stream, int64_t after, size_t most,
                         struct linked_id **ret_rows, size_t *ret_count, struct arena *arena,
                         struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    /* `ended <> 0` in the words of the index, which is not used otherwise. */
    sqlite3_stmt *stmt = sqlite_prepare(
        s,
        "SELECT key, record, external_id FROM link WHERE stream = ?1 AND ended <> 0 AND ended = 1 "
        "AND key > ?2 ORDER BY key LIMIT ?3",
        false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    sqlite3_bind_int64(stmt, 2, after);
    sqlite3_bind_int64(stmt, 3, (int64_t)most);
    return read_linked_ids(s, stmt, ret_rows, ret_count, arena, err);
}

int sqlite_load_unmet(struct store *store, const struct linked_id *links, size_t count, bool *out,
                      struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT 1 FROM link WHERE key = ?1 AND ended = 0 AND length(seen_remote) = 0", false,
        err);
    int found = stmt ? 0 : -1;
    for (size_t i = 0; i < count && found >= 0; i++) {
        sqlite3_bind_int64(stmt, 1, links[i].link);
        found = sqlite_step(s, stmt, "look for links that are new", err);
        out[i] = found > 0;
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

void sqlite_write_array(struct buf *out, const int64_t *numbers, size_t count)
{
    buf_char(out, '[');
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%" PRId64, i > 0 ? "," : "", numbers[i]);
    buf_char(out, ']');
}

int sqlite_load_referring(struct store *store, const struct model_object *object, int field,
                          const int64_t *records, size_t count, int64_t **ret_keys,
                          size_t *ret_count, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct buf array = BUF_INIT(64 * 1024 * 1024);
    char text[200];
    size_t cap = 0;
    int found;
    *ret_keys = NULL;
    *ret_count = 0;
    snprintf(text, sizeof text,
             "SELECT key FROM %s WHERE %s IN (SELECT value FROM json_each(?1)) ORDER BY key",
             object->name, object->fields[field].name);
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    if (!stmt)
        return -1;
    sqlite_write_array(&array, records, count);
    sqlite_bind_str(stmt, 1, buf_view(&array));
    while ((found = sqlite_step(s, stmt, "look for references", err)) > 0) {
        *ret_keys = arena_grow(arena, *ret_keys, &cap, *ret_count + 1, sizeof **ret_keys);
        (*ret_keys)[(*ret_count)++] = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    buf_free(&array);
    return found;
}

int sqlite_load_last_log(struct store *store, const struct model_object *object,
                         const int64_t *records, size_t count, int64_t *out, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct buf array = BUF_INIT(64 * 1024 * 1024);
    int found;
    sqlite3_stmt *stmt =
        sqlite_prepare(s,
                       "SELECT record, max(seq) FROM log WHERE object = ?1 AND record IN "
                       "(SELECT value FROM json_each(?2)) GROUP BY record",
                       false, err);
    if (!stmt)
        return -1;
    for (size_t i = 0; i < count; i++)
        out[i] = 0;
    sqlite_write_array(&array, records, count);
    sqlite3_bind_int(stmt, 1, object->id);
    sqlite_bind_str(stmt, 2, buf_view(&array));
    while ((found = sqlite_step(s, stmt, "look for log rows", err)) > 0)
        for (size_t i = 0; i < count; i++)
            if (records[i] == sqlite3_column_int64(stmt, 0))
                out[i] = sqlite3_column_int64(stmt, 1);
    sqlite3_finalize(stmt);
    buf_free(&array);
    return found;
}

int sqlite_count_seen(struct store *store, int64_t stream, int64_t *ret_count, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "SELECT count(*) FROM walk_seen WHERE stream = ?1", false, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    int found = sqlite_step(s, stmt, "count what was met", err);
    *ret_count = found > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_begin_seen(struct store *store, int64_t stream, int64_t *ret_last, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *clear = sqlite_prepare(s, "DELETE FROM walk_seen WHERE stream = ?1", false, err);
    sqlite3_stmt *last = sqlite_prepare(s, "SELECT max(key) FROM link", false, err);
    int rc = -1;
    if (clear && last) {
        sqlite3_bind_int64(clear, 1, stream);
        rc = sqlite_run(s, clear, "forget what was met", err);
    }
    if (rc == 0 && sqlite_step(s, last, "find the last link", err) < 0)
        rc = -1;
    if (rc == 0)
        *ret_last = sqlite3_column_int64(last, 0);
    sqlite3_finalize(clear);
    sqlite3_finalize(last);
    return rc;
}

/* ---- apply ---- */

static sqlite3_stmt *end_statement(struct sqlite_store *s, const struct model_object *object,
                                   struct error *err)
{
    sqlite3_stmt **stmt = &s->objects[object->id].end;
    char text[200];
    snprintf(text, sizeof text,
             "UPDATE %s SET rev = ?2, updated_at = ?3, " DDL_DELETED_AT " = ?4 WHERE key = ?1",
             object->name);
    if (!*stmt)
        *stmt = sqlite_prepare(s, text, true, err);
    return *stmt;
}

int sqlite_apply_ends(struct sqlite_store *s, struct store_batch *batch, int64_t *seq,
                      struct error *err)
{
    for (size_t i = 0; i < batch->end_count; i++) {
        struct record_row *row = batch->ends[i].row;
        sqlite3_stmt *stmt = end_statement(s, batch->object, err);
        int64_t prev = row->rev;
        if (!stmt)
            return -1;
        row->rev = ++*seq;
        sqlite3_bind_int64(stmt, 1, row->key);
        sqlite3_bind_int64(stmt, 2, row->rev);
        sqlite3_bind_int64(stmt, 3, row->updated_at);
        sqlite_bind_positive(stmt, 4, row->deleted_at);
        if (sqlite_run(s, stmt, "end a record", err) != 0 ||
            sqlite_add_log(s, batch, row->deleted_at ? LOG_DELETE : LOG_RESTORE, row, prev,
                           batch->ends[i].body, err) != 0)
            return -1;
    }
    return 0;
}

/* The record that the link had is none of the vendor's any more, whoever else has it. */
static int note_merged(struct sqlite_store *s, const struct link_end *end, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_MERGED_AWAY, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, end->stream);
    sqlite3_bind_int64(stmt, 2, end->followed);
    sqlite3_bind_int64(stmt, 3, end->key);
    return sqlite_run(s, stmt, "note what was merged", err);
}

/* What was merged into the record that the link had, is merged into the one it has now. */
static int follow(struct sqlite_store *s, const struct link_end *end, struct error *err)
{
    if (note_merged(s, end, err) != 0)
        return -1;
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_FOLLOW_LINK, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, end->followed);
    sqlite3_bind_int64(stmt, 2, end->stream);
    sqlite3_bind_int64(stmt, 3, end->record);
    return sqlite_run(s, stmt, "move links", err);
}

int sqlite_apply_link_ends(struct sqlite_store *s, const struct store_batch *batch,
                           struct error *err)
{
    for (size_t i = 0; i < batch->link_end_count; i++) {
        const struct link_end *end = &batch->link_ends[i];
        sqlite3_stmt *stmt = sqlite_statement(s, SQL_END_LINK, err);
        if (!stmt)
            return -1;
        sqlite3_bind_int64(stmt, 1, end->key);
        sqlite3_bind_int(stmt, 2, (int)end->ended);
        sqlite3_bind_int64(stmt, 3, end->record);
        if (sqlite_run(s, stmt, "end a link", err) != 0 ||
            (end->followed != 0 && follow(s, end, err) != 0))
            return -1;
    }
    return 0;
}

int sqlite_apply_seen(struct sqlite_store *s, const struct store_batch *batch, struct error *err)
{
    for (size_t i = 0; i < batch->seen_count; i++) {
        sqlite3_stmt *stmt = sqlite_statement(s, SQL_SEE_LINK, err);
        if (!stmt)
            return -1;
        sqlite3_bind_int64(stmt, 1, batch->seen_stream);
        sqlite3_bind_int64(stmt, 2, batch->seen[i]);
        if (sqlite_run(s, stmt, "note what was met", err) != 0)
            return -1;
    }
    return 0;
}
