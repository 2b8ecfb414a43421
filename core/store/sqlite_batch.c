/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine's hot path: loads by arrays of keys, and one batch applied. Rows of one table
 * are written one after another, in the order of their keys, so that pages of the B-trees stay
 * near. */
#include <stdio.h>

#include "store/ddl.h"
#include "store/sqlite_internal.h"

/* ---- columns: key, id, organization, rev, created_at, updated_at, the model's fields,
 * custom_fields; when they are read, deleted_at ---- */

enum { FIXED_COLUMNS = 6, STATEMENT_MAX = 4096 };

static int custom_column(const struct model_object *object)
{
    return FIXED_COLUMNS + (int)object->field_count;
}

static void written_columns(struct buf *out, const struct model_object *object)
{
    buf_text(out, "key, id, organization, rev, created_at, updated_at");
    for (size_t i = 0; i < object->field_count; i++)
        buf_printf(out, ", %s", object->fields[i].name);
    buf_text(out, ", custom_fields");
}

void sqlite_record_columns(struct buf *out, const struct model_object *object)
{
    written_columns(out, object);
    buf_text(out, ", " DDL_DELETED_AT);
}

void sqlite_read_record(sqlite3_stmt *stmt, const struct model_object *object, struct arena *arena,
                        struct record_row *row)
{
    struct str id = sqlite_column_str(stmt, 1);
    *row = (struct record_row){.key = sqlite3_column_int64(stmt, 0),
                               .rev = sqlite3_column_int64(stmt, 3),
                               .created_at = sqlite3_column_int64(stmt, 4),
                               .updated_at = sqlite3_column_int64(stmt, 5)};
    if (id.len == UUID_SIZE)
        memcpy(row->id.bytes, id.ptr, UUID_SIZE);
    for (size_t i = 0; i < object->field_count; i++) {
        int column = FIXED_COLUMNS + (int)i;
        int type = sqlite3_column_type(stmt, column);
        if (type == SQLITE_NULL)
            continue;
        if (type == SQLITE_INTEGER && !model_is_text(object->fields[i].kind))
            row->fields[i] = (struct value){.state = VALUE_INTEGER,
                                            .integer = sqlite3_column_int64(stmt, column)};
        else
            row->fields[i] = (struct value){
                .state = VALUE_TEXT, .text = arena_str(arena, sqlite_column_str(stmt, column))};
    }
    if (sqlite3_column_type(stmt, custom_column(object)) != SQLITE_NULL)
        row->custom = arena_str(arena, sqlite_column_str(stmt, custom_column(object)));
    row->deleted_at = sqlite3_column_int64(stmt, custom_column(object) + 1); /* 0 for NULL */
}

/* ---- statements of an object ---- */

static sqlite3_stmt *make_insert(struct sqlite_store *s, const struct model_object *object,
                                 struct error *err)
{
    struct buf text = BUF_INIT(STATEMENT_MAX);
    buf_printf(&text, "INSERT INTO %s (", object->name);
    written_columns(&text, object);
    buf_text(&text, ") VALUES (?1");
    for (int i = 2; i <= custom_column(object) + 1; i++)
        buf_printf(&text, ", ?%d", i);
    buf_char(&text, ')');
    sqlite3_stmt *stmt = sqlite_prepare(s, buf_cstr(&text), true, err);
    buf_free(&text);
    return stmt;
}

static sqlite3_stmt *make_load(struct sqlite_store *s, const struct model_object *object,
                               struct error *err)
{
    struct buf text = BUF_INIT(STATEMENT_MAX);
    buf_text(&text, "SELECT ");
    sqlite_record_columns(&text, object);
    buf_printf(&text, " FROM %s WHERE key = ?1", object->name);
    sqlite3_stmt *stmt = sqlite_prepare(s, buf_cstr(&text), true, err);
    buf_free(&text);
    return stmt;
}

static sqlite3_stmt *make_match(struct sqlite_store *s, const struct model_object *object,
                                int field, struct error *err)
{
    struct buf text = BUF_INIT(STATEMENT_MAX);
    buf_printf(&text,
               "SELECT key FROM %s WHERE organization = ?1 AND %s = ?2 "
               "AND " DDL_DELETED_AT " IS NULL",
               object->name, object->fields[field].name);
    sqlite3_stmt *stmt = sqlite_prepare(s, buf_cstr(&text), true, err);
    buf_free(&text);
    return stmt;
}

static sqlite3_stmt *make_update(struct sqlite_store *s, const struct model_object *object,
                                 uint64_t changed, bool custom, struct error *err)
{
    struct buf text = BUF_INIT(STATEMENT_MAX);
    int next = 4;
    buf_printf(&text, "UPDATE %s SET rev = ?2, updated_at = ?3", object->name);
    for (size_t i = 0; i < object->field_count; i++)
        if (changed >> i & 1)
            buf_printf(&text, ", %s = ?%d", object->fields[i].name, next++);
    if (custom)
        buf_printf(&text, ", custom_fields = ?%d", next);
    buf_text(&text, " WHERE key = ?1");
    sqlite3_stmt *stmt = sqlite_prepare(s, buf_cstr(&text), true, err);
    buf_free(&text);
    return stmt;
}

/* From the cache, where the one used longest ago makes room for a new one. */
static sqlite3_stmt *update_statement(struct sqlite_store *s, const struct model_object *object,
                                      uint64_t changed, bool custom, struct error *err)
{
    struct update_statement *oldest = &s->updates[0];
    for (size_t i = 0; i < UPDATE_CACHE; i++) {
        struct update_statement *u = &s->updates[i];
        if (u->stmt && u->object == object && u->changed == changed && u->custom == custom) {
            u->used = ++s->update_clock;
            return u->stmt;
        }
        if (u->used < oldest->used)
            oldest = u;
    }
    sqlite3_finalize(oldest->stmt);
    *oldest = (struct update_statement){.object = object,
                                        .changed = changed,
                                        .custom = custom,
                                        .used = ++s->update_clock,
                                        .stmt = make_update(s, object, changed, custom, err)};
    return oldest->stmt;
}

/* ---- loads ---- */

/* Whether the statement finds anything between the least and the greatest of the ids: new ones
 * mostly come after all that are there, and then one look tells that none of them is. */
static int any_between(struct sqlite_store *s, enum statement id, int64_t stream,
                       const struct str *external_ids, size_t count, struct error *err)
{
    struct str low, high;
    sqlite3_stmt *stmt = sqlite_statement(s, id, err);
    if (!stmt)
        return -1;
    str_span(external_ids, count, &low, &high);
    sqlite3_bind_int64(stmt, 1, stream);
    sqlite_bind_str(stmt, 2, low);
    sqlite_bind_str(stmt, 3, high);
    int found = sqlite_step(s, stmt, "look up ids", err);
    if (found > 0)
        sqlite3_reset(stmt);
    return found;
}

static int load_link(struct sqlite_store *s, sqlite3_stmt *stmt, struct link_row *out,
                     struct arena *arena, struct error *err)
{
    int found = sqlite_step(s, stmt, "look up links", err);
    if (found <= 0)
        return found;
    out->key = sqlite3_column_int64(stmt, 0);
    out->record = sqlite3_column_int64(stmt, 1);
    out->ended = (enum link_ended)sqlite3_column_int(stmt, 2);
    if (arena)
        out->seen_remote = arena_str(arena, sqlite_column_str(stmt, 3));
    if (arena)
        out->seen_local = arena_str(arena, sqlite_column_str(stmt, 4));
    if (arena)
        out->base = arena_str(arena, sqlite_column_str(stmt, 5));
    sqlite3_reset(stmt);
    return 0;
}

int sqlite_load_links(struct store *store, int64_t stream, const struct str *external_ids,
                      size_t count, struct link_row *out, struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_FIND_LINK, err);
    if (!stmt)
        return -1;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct link_row){0};
    int any = count > 0 ? any_between(s, SQL_ANY_LINK, stream, external_ids, count, err) : 0;
    if (any <= 0)
        return any;
    sqlite3_bind_int64(stmt, 1, stream);
    for (size_t i = 0; i < count; i++) {
        sqlite_bind_str(stmt, 2, external_ids[i]);
        if (load_link(s, stmt, &out[i], arena, err) != 0)
            return -1;
    }
    return 0;
}

static int is_linked(struct sqlite_store *s, int64_t record, int64_t stream, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_IS_LINKED, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, record);
    sqlite3_bind_int64(stmt, 2, stream);
    int found = sqlite_step(s, stmt, "look up a link", err);
    if (found > 0)
        sqlite3_reset(stmt);
    return found;
}

/* The first two records that the statement gives and the stream does not link. */
static int first_two(struct sqlite_store *s, sqlite3_stmt *stmt, int64_t stream,
                     struct match_row *out, struct error *err)
{
    int found;
    while (out->other == 0 && (found = sqlite_step(s, stmt, "match records", err)) != 0) {
        if (found < 0)
            return -1;
        int64_t record = sqlite3_column_int64(stmt, 0);
        int linked = is_linked(s, record, stream, err);
        if (linked < 0) {
            sqlite3_reset(stmt);
            return -1;
        }
        if (linked == 0)
            *(out->record == 0 ? &out->record : &out->other) = record;
    }
    sqlite3_reset(stmt);
    return 0;
}

int sqlite_match(struct store *store, const struct model_object *object, int64_t organization,
                 int64_t stream, int field, const struct value *values, size_t count,
                 struct match_row *out, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    /* Kept for the field that has the index; another is rare, and scans. */
    bool indexed = object->match && strcmp(object->fields[field].name, object->match) == 0;
    sqlite3_stmt **kept = &s->objects[object->id].match;
    sqlite3_stmt *stmt = indexed && *kept ? *kept : make_match(s, object, field, err);
    if (!stmt)
        return -1;
    if (indexed)
        *kept = stmt;
    int rc = 0;
    sqlite3_bind_int64(stmt, 1, organization);
    for (size_t i = 0; i < count && rc == 0; i++) {
        out[i] = (struct match_row){0};
        if (values[i].state == VALUE_NULL)
            continue;
        sqlite_bind_value(stmt, 2, &values[i]);
        rc = first_two(s, stmt, stream, &out[i], err);
    }
    if (!indexed)
        sqlite3_finalize(stmt);
    return rc;
}

int sqlite_load_records(struct store *store, const struct model_object *object, const int64_t *keys,
                        size_t count, struct record_row *out, struct arena *arena,
                        struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt **stmt = &s->objects[object->id].load;
    if (!*stmt && !(*stmt = make_load(s, object, err)))
        return -1;
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int64(*stmt, 1, keys[i]);
        int found = sqlite_step(s, *stmt, "load records", err);
        if (found < 0)
            return -1;
        out[i] = (struct record_row){0};
        if (found == 0)
            continue;
        sqlite_read_record(*stmt, object, arena, &out[i]);
        sqlite3_reset(*stmt);
    }
    return 0;
}

int sqlite_load_pending(struct store *store, int64_t stream, const struct str *external_ids,
                        size_t count, struct pending_row **ret_rows, size_t *ret_count,
                        struct arena *arena, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_FIND_PENDING, err);
    struct pending_row *rows = NULL;
    size_t n = 0, cap = 0;
    *ret_rows = NULL;
    *ret_count = 0;
    if (!stmt)
        return -1;
    int any = count > 0 ? any_between(s, SQL_ANY_PENDING, stream, external_ids, count, err) : 0;
    if (any <= 0)
        return any;
    sqlite3_bind_int64(stmt, 1, stream);
    for (size_t i = 0; i < count; i++) {
        int found;
        sqlite_bind_str(stmt, 2, external_ids[i]);
        while ((found = sqlite_step(s, stmt, "look up pending references", err)) > 0) {
            rows = arena_grow(arena, rows, &cap, n + 1, sizeof rows[0]);
            rows[n++] = (struct pending_row){.external_id = external_ids[i],
                                             .object = (uint16_t)sqlite3_column_int(stmt, 0),
                                             .record = sqlite3_column_int64(stmt, 1),
                                             .field = (uint16_t)sqlite3_column_int(stmt, 2)};
        }
        if (found < 0)
            return -1;
    }
    *ret_rows = rows;
    *ret_count = n;
    return 0;
}

static int one_number(struct sqlite_store *s, sqlite3_stmt *stmt, const char *doing,
                      int64_t *ret_number, struct error *err)
{
    if (sqlite_step(s, stmt, doing, err) < 0)
        return -1;
    *ret_number = sqlite3_column_int64(stmt, 0); /* 0 for NULL: an empty table */
    sqlite3_reset(stmt);
    return 0;
}

int sqlite_allocate(struct store *store, const struct model_object *object, size_t count,
                    int64_t *ret_first, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt **stmt = &s->objects[object->id].last_key;
    char text[200];
    (void)count; /* the write lock is held: nobody else takes them */
    snprintf(text, sizeof text,
             "SELECT max(coalesce((SELECT max(key) FROM %s), 0), "
             "coalesce((SELECT key FROM key_floor WHERE object = %d), 0))",
             object->name, object->id);
    if (!*stmt && !(*stmt = sqlite_prepare(s, text, true, err)))
        return -1;
    int64_t last;
    if (one_number(s, *stmt, "find the last record", &last, err) != 0)
        return -1;
    *ret_first = last + 1;
    return 0;
}

int sqlite_count_links(struct store *store, int64_t stream, int64_t *ret_count, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_COUNT_LINKS, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    return one_number(s, stmt, "count links", ret_count, err);
}

/* ---- apply ---- */

static int insert_record(struct sqlite_store *s, const struct store_batch *batch,
                         const struct record_row *row, struct error *err)
{
    const struct model_object *object = batch->object;
    sqlite3_stmt **stmt = &s->objects[object->id].insert;
    if (!*stmt && !(*stmt = make_insert(s, object, err)))
        return -1;
    sqlite3_bind_int64(*stmt, 1, row->key);
    sqlite_bind_bytes(*stmt, 2, (struct str){(const char *)row->id.bytes, UUID_SIZE});
    sqlite3_bind_int64(*stmt, 3, batch->organization);
    sqlite3_bind_int64(*stmt, 4, row->rev);
    sqlite3_bind_int64(*stmt, 5, row->created_at);
    sqlite3_bind_int64(*stmt, 6, row->updated_at);
    for (size_t i = 0; i < object->field_count; i++)
        sqlite_bind_value(*stmt, FIXED_COLUMNS + 1 + (int)i, &row->fields[i]);
    sqlite_bind_str_or_null(*stmt, custom_column(object) + 1, row->custom);
    return sqlite_run(s, *stmt, "add a record", err);
}

static int update_record(struct sqlite_store *s, const struct store_batch *batch,
                         const struct record_update *update, struct error *err)
{
    const struct model_object *object = batch->object;
    const struct record_row *row = update->row;
    sqlite3_stmt *stmt = update_statement(s, object, update->changed, update->custom_changed, err);
    int next = 4;
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, row->key);
    sqlite3_bind_int64(stmt, 2, row->rev);
    sqlite3_bind_int64(stmt, 3, row->updated_at);
    for (size_t i = 0; i < object->field_count; i++)
        if (update->changed >> i & 1)
            sqlite_bind_value(stmt, next++, &row->fields[i]);
    if (update->custom_changed)
        sqlite_bind_str_or_null(stmt, next, row->custom);
    return sqlite_run(s, stmt, "change a record", err);
}

int sqlite_add_log(struct sqlite_store *s, const struct store_batch *batch, enum log_op op,
                   const struct record_row *row, int64_t prev, struct str body, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_ADD_LOG, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, row->rev);
    sqlite3_bind_int(stmt, 2, batch->object->id);
    sqlite3_bind_int64(stmt, 3, row->key);
    sqlite3_bind_int(stmt, 4, (int)op);
    sqlite3_bind_int64(stmt, 5, batch->run);
    sqlite_bind_positive(stmt, 6, prev);
    sqlite3_bind_int64(stmt, 7, batch->now_us);
    sqlite_bind_str_or_null(stmt, 8, body);
    return sqlite_run(s, stmt, "append to the log", err);
}

static int last_seq(struct sqlite_store *s, int64_t *ret_seq, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_LAST_SEQ, err);
    return stmt ? one_number(s, stmt, "find the end of the log", ret_seq, err) : -1;
}

static int apply_creates(struct sqlite_store *s, struct store_batch *batch, int64_t *seq,
                         struct error *err)
{
    for (size_t i = 0; i < batch->create_count; i++) {
        batch->creates[i].row->rev = ++*seq;
        if (insert_record(s, batch, batch->creates[i].row, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < batch->create_count; i++)
        if (sqlite_add_log(s, batch, LOG_CREATE, batch->creates[i].row, batch->creates[i].prev,
                           STR(""), err) != 0)
            return -1;
    return 0;
}

static int apply_updates(struct sqlite_store *s, struct store_batch *batch, int64_t *seq,
                         struct error *err)
{
    for (size_t i = 0; i < batch->update_count; i++) {
        struct record_update *update = &batch->updates[i];
        int64_t prev = update->row->rev;
        update->row->rev = ++*seq;
        if (update_record(s, batch, update, err) != 0 ||
            sqlite_add_log(s, batch, LOG_UPDATE, update->row, prev, update->body, err) != 0)
            return -1;
    }
    return 0;
}

static enum statement link_statement(const struct link_write *link)
{
    if (link->key == 0)
        return SQL_ADD_LINK;
    if (!link->seen_local.ptr)
        return SQL_SET_LINK;
    return link->base.ptr ? SQL_SET_LINK_BASE : SQL_SET_LINK_LOCAL;
}

static int write_link(struct sqlite_store *s, const struct link_write *link, struct error *err)
{
    bool exports = link->seen_local.ptr != NULL;
    sqlite3_stmt *stmt = sqlite_statement(s, link_statement(link), err);
    if (!stmt)
        return -1;
    if (link->key) {
        sqlite3_bind_int64(stmt, 1, link->key);
        sqlite_bind_positive(stmt, 2, link->remote_modified);
        sqlite_bind_bytes(stmt, 3, link->seen_remote);
        if (exports)
            sqlite_bind_bytes(stmt, 4, link->seen_local);
        if (exports && link->base.ptr)
            sqlite_bind_str_or_null(stmt, 5, link->base);
    } else {
        sqlite3_bind_int64(stmt, 1, link->stream);
        sqlite_bind_str(stmt, 2, link->external_id);
        sqlite3_bind_int64(stmt, 3, link->record);
        sqlite_bind_positive(stmt, 4, link->remote_modified);
        sqlite_bind_bytes(stmt, 5, link->seen_remote);
        sqlite3_bind_int(stmt, 6, (int)link->ended);
        if (exports)
            sqlite_bind_bytes(stmt, 7, link->seen_local);
        else
            sqlite3_bind_null(stmt, 7);
        sqlite_bind_str_or_null(stmt, 8, link->base);
    }
    return sqlite_run(s, stmt, "write a link", err);
}

static int apply_quarantine(struct sqlite_store *s, const struct store_batch *batch,
                            struct error *err)
{
    sqlite3_stmt *put = sqlite_statement(s, SQL_QUARANTINE, err);
    sqlite3_stmt *clear = sqlite_statement(s, SQL_CLEAR_QUARANTINE, err);
    if (!put || !clear)
        return -1;
    for (size_t i = 0; i < batch->quarantined_count; i++) {
        const struct quarantine_write *q = &batch->quarantined[i];
        sqlite3_bind_int64(put, 1, q->stream);
        sqlite_bind_str(put, 2, q->external_id);
        sqlite3_bind_int64(put, 3, batch->run);
        sqlite3_bind_int64(put, 4, batch->now_us);
        sqlite_bind_positive(put, 5, q->modified);
        sqlite_bind_str_or_null(put, 6, q->field);
        sqlite_bind_str(put, 7, q->reason);
        sqlite_bind_str(put, 8, q->payload);
        if (sqlite_run(s, put, "set a record aside", err) != 0)
            return -1;
    }
    for (size_t i = 0; i < batch->cleared_count; i++) {
        sqlite3_bind_int64(clear, 1, batch->cleared[i].stream);
        sqlite_bind_str(clear, 2, batch->cleared[i].external_id);
        if (sqlite_run(s, clear, "take a record out of quarantine", err) != 0)
            return -1;
    }
    return 0;
}

static int write_pending(struct sqlite_store *s, const struct pending_write *p, struct error *err)
{
    bool set = p->row.external_id.len > 0;
    sqlite3_stmt *stmt = sqlite_statement(s, set ? SQL_SET_PENDING : SQL_CLEAR_PENDING, err);
    int at = 1;
    if (!stmt)
        return -1;
    if (set) {
        sqlite3_bind_int64(stmt, at++, p->stream);
        sqlite_bind_str(stmt, at++, p->row.external_id);
    }
    sqlite3_bind_int(stmt, at++, p->row.object);
    sqlite3_bind_int64(stmt, at++, p->row.record);
    sqlite3_bind_int(stmt, at, p->row.field);
    return sqlite_run(s, stmt, "note a pending reference", err);
}

int sqlite_apply(struct store *store, struct store_batch *batch, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    int64_t seq = 0;
    size_t logged = batch->create_count + batch->update_count + batch->end_count;
    if (logged > 0 && last_seq(s, &seq, err) != 0)
        return -1;
    if (apply_creates(s, batch, &seq, err) != 0 || sqlite_apply_ends(s, batch, &seq, err) != 0 ||
        apply_updates(s, batch, &seq, err) != 0)
        return -1;
    for (size_t i = 0; i < batch->link_count; i++)
        if (write_link(s, &batch->links[i], err) != 0)
            return -1;
    if (sqlite_apply_link_ends(s, batch, err) != 0 || sqlite_apply_seen(s, batch, err) != 0)
        return -1;
    for (size_t i = 0; i < batch->pending_count; i++)
        if (write_pending(s, &batch->pending[i], err) != 0)
            return -1;
    return apply_quarantine(s, batch, err);
}
