/* SPDX-License-Identifier: Apache-2.0 */
/* One batch applied to PostgreSQL: what is new by COPY, the rest a statement a table, its rows in
 * arrays that unnest() turns into rows again. A statement with ON CONFLICT may meet a row once
 * only, so doubles go first. */
#include <stdlib.h>

#include "store/postgres_internal.h"

/* ---- records ---- */

static enum pg_type type_of(const struct model_field *field)
{
    return model_is_text(field->kind) ? PG_TEXT : PG_INT8;
}

static const char *array_of(const struct model_field *field)
{
    return model_is_text(field->kind) ? "text[]" : "bigint[]";
}

enum fixed { ROW_KEY, ROW_REV, ROW_CREATED, ROW_UPDATED };

static int64_t fixed_of(const struct record_row *row, enum fixed which)
{
    const int64_t values[] = {row->key, row->rev, row->created_at, row->updated_at};
    return values[which];
}

static void put_fixed(struct pg_params *p, struct record_row *const *rows, size_t count,
                      enum fixed which)
{
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(p, fixed_of(rows[i], which));
}

static void put_field(struct pg_params *p, struct record_row *const *rows, size_t count,
                      const struct model_field *field, size_t index)
{
    pg_array(p, type_of(field), count);
    for (size_t i = 0; i < count; i++)
        pg_item_value(p, &rows[i]->fields[index]);
}

static void put_custom(struct pg_params *p, struct record_row *const *rows, size_t count)
{
    pg_array(p, PG_JSON, count);
    for (size_t i = 0; i < count; i++)
        pg_item_str_or_null(p, rows[i]->custom);
}

static void put_record(struct pg_params *p, const struct store_batch *batch,
                       const struct record_row *row)
{
    pg_item_int(p, batch->organization);
    pg_item_int(p, row->key);
    pg_item_str(p, (struct str){(const char *)row->id.bytes, UUID_SIZE});
    pg_item_int(p, row->rev);
    pg_item_int(p, row->created_at);
    pg_item_int(p, row->updated_at);
    for (size_t i = 0; i < batch->object->field_count; i++)
        pg_item_value(p, &row->fields[i]);
    pg_item_str_or_null(p, row->custom);
}

static int insert_records(struct postgres_store *s, const struct store_batch *batch,
                          struct record_row *const *rows, size_t count, struct error *err)
{
    enum { FIXED = 7 }; /* besides the model's fields */
    struct buf text = BUF_INIT(PG_SQL_MAX);
    struct pg_copy copy;
    buf_printf(&text, "COPY %s (organization, ", batch->object->name);
    pg_written_columns(&text, batch->object);
    buf_text(&text, ") FROM STDIN (FORMAT binary)");
    int rc = pg_copy_begin(&copy, s, buf_cstr(&text), FIXED + (int)batch->object->field_count,
                           "add records", err);
    buf_free(&text);
    for (size_t i = 0; i < count && rc == 0; i++)
        put_record(pg_copy_row(&copy), batch, rows[i]);
    return rc == 0 ? pg_copy_end(&copy, err) : -1;
}

/* The columns that any of them changes are set in all: a row's other values are those that it has,
 * for it was locked when it was loaded. So it is one statement, and PostgreSQL, which compares
 * values, still leaves an index alone whose column did not change. */
static int update_records(struct postgres_store *s, const struct store_batch *batch,
                          struct record_row *const *rows, size_t count, struct error *err)
{
    const struct model_object *object = batch->object;
    struct buf text = BUF_INIT(PG_SQL_MAX), names = BUF_INIT(PG_SQL_MAX),
               arrays = BUF_INIT(PG_SQL_MAX);
    struct pg_params p = PG_PARAMS_INIT;
    uint64_t changed = 0;
    bool custom = false;
    for (size_t i = 0; i < batch->update_count; i++) {
        changed |= batch->updates[i].changed;
        custom |= batch->updates[i].custom_changed;
    }
    buf_printf(&text, "UPDATE %s AS r SET rev = u.rev, updated_at = u.updated_at", object->name);
    put_fixed(&p, rows, count, ROW_KEY);
    put_fixed(&p, rows, count, ROW_REV);
    put_fixed(&p, rows, count, ROW_UPDATED);
    for (size_t i = 0; i < object->field_count; i++) {
        const struct model_field *field = &object->fields[i];
        if (!(changed >> i & 1))
            continue;
        put_field(&p, rows, count, field, i);
        buf_printf(&text, ", %s = u.%s", field->name, field->name);
        buf_printf(&names, ", %s", field->name);
        buf_printf(&arrays, ", $%d::%s", p.count, array_of(field));
    }
    if (custom) {
        put_custom(&p, rows, count);
        buf_text(&text, ", custom_fields = u.custom_fields");
        buf_text(&names, ", custom_fields");
        buf_printf(&arrays, ", $%d::json[]", p.count);
    }
    buf_printf(&text,
               " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]%s) AS u(key, rev, "
               "updated_at%s) WHERE r.key = u.key",
               buf_cstr(&arrays), buf_cstr(&names));
    int rc = pg_run(s, buf_cstr(&text), &p, "change records", err);
    pg_params_free(&p);
    buf_free(&text);
    buf_free(&names);
    buf_free(&arrays);
    return rc;
}

/* ---- the log ---- */

int pg_add_log(struct postgres_store *s, const struct store_batch *batch, enum log_op op,
               const struct pg_log_row *rows, size_t count, struct error *err)
{
    struct pg_copy copy;
    if (pg_copy_begin(&copy, s,
                      "COPY log (seq, record, run, prev, at, object, op, body) FROM STDIN "
                      "(FORMAT binary)",
                      8, "append to the log", err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct pg_params *p = pg_copy_row(&copy);
        pg_item_int(p, rows[i].seq);
        pg_item_int(p, rows[i].record);
        pg_item_int(p, batch->run);
        pg_item_positive(p, rows[i].prev);
        pg_item_int(p, batch->now_us);
        pg_item_int4(p, batch->object->id);
        pg_item_int4(p, (int32_t)op);
        pg_item_str_or_null(p, rows[i].body);
    }
    return pg_copy_end(&copy, err);
}

static int apply_creates(struct postgres_store *s, struct store_batch *batch, int64_t seq,
                         struct arena *arena, struct error *err)
{
    size_t count = batch->create_count;
    struct record_row **rows = arena_new(arena, count, sizeof rows[0]);
    struct pg_log_row *log = arena_new(arena, count, sizeof log[0]);
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        rows[i] = batch->creates[i].row;
        rows[i]->rev = seq++;
        log[i] = (struct pg_log_row){
            .seq = rows[i]->rev, .record = rows[i]->key, .prev = batch->creates[i].prev};
    }
    if (insert_records(s, batch, rows, count, err) != 0)
        return -1;
    return pg_add_log(s, batch, LOG_CREATE, log, count, err);
}

/* Several updates of one record share its row: it is written once, and has a log row for each. */
static int apply_updates(struct postgres_store *s, struct store_batch *batch, int64_t seq,
                         struct arena *arena, struct error *err)
{
    size_t count = batch->update_count, n = 0;
    struct record_row **rows = arena_new(arena, count, sizeof rows[0]);
    struct pg_log_row *log = arena_new(arena, count, sizeof log[0]);
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        struct record_row *row = batch->updates[i].row;
        log[i] = (struct pg_log_row){seq, row->key, row->rev, batch->updates[i].body};
        row->rev = seq++;
        if (n == 0 || rows[n - 1]->key != row->key)
            rows[n++] = row;
    }
    if (update_records(s, batch, rows, n, err) != 0)
        return -1;
    return pg_add_log(s, batch, LOG_UPDATE, log, count, err);
}

static int apply_records(struct postgres_store *s, struct store_batch *batch, struct error *err)
{
    size_t count = batch->create_count + batch->update_count + batch->end_count;
    struct arena arena = {0};
    int64_t seq;
    if (count == 0)
        return 0;
    if (pg_take(s, "log_seq", count, &seq, err) != 0)
        return -1;
    int rc = apply_creates(s, batch, seq, &arena, err);
    seq += (int64_t)batch->create_count;
    if (rc == 0)
        rc = pg_apply_ends(s, batch, seq, &arena, err);
    seq += (int64_t)batch->end_count;
    if (rc == 0)
        rc = apply_updates(s, batch, seq, &arena, err);
    arena_free(&arena);
    return rc;
}

/* ---- links ---- */

static void item_seen_local(struct pg_params *p, const struct link_write *link)
{
    if (link->seen_local.ptr)
        pg_item_str(p, link->seen_local);
    else
        pg_item_str_or_null(p, link->seen_local);
}

/* Of a link that is there: NULL leaves it as it is, an empty text takes it away. */
static void item_base(struct pg_params *p, const struct link_write *link)
{
    if (link->seen_local.ptr && link->base.ptr)
        pg_item_str(p, link->base);
    else
        pg_item_str_or_null(p, (struct str){NULL, 0});
}

static int add_links(struct postgres_store *s, const struct link_write *const *links, size_t count,
                     struct error *err)
{
    struct pg_copy copy;
    if (count == 0)
        return 0;
    if (pg_copy_begin(
            &copy, s,
            "COPY link (stream, record, remote_modified, external_id, seen_remote, ended, "
            "seen_local, base) FROM STDIN (FORMAT binary)",
            8, "add links", err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct pg_params *p = pg_copy_row(&copy);
        pg_item_int(p, links[i]->stream);
        pg_item_int(p, links[i]->record);
        pg_item_positive(p, links[i]->remote_modified);
        pg_item_str(p, links[i]->external_id);
        pg_item_str(p, links[i]->seen_remote);
        pg_item_int4(p, (int32_t)links[i]->ended);
        item_seen_local(p, links[i]);
        pg_item_str_or_null(p, links[i]->base);
    }
    return pg_copy_end(&copy, err);
}

static bool is_exported(const struct link_write *const *links, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (links[i]->seen_local.ptr)
            return true;
    return false;
}

/* Links some of which are exported to; `p` has their keys, times and what was seen there. */
static int set_exporting(struct postgres_store *s, const struct link_write *const *links,
                         size_t count, struct pg_params *p, struct error *err)
{
    pg_array(p, PG_BYTEA, count);
    for (size_t i = 0; i < count; i++)
        item_seen_local(p, links[i]);
    pg_array(p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        item_base(p, links[i]);
    int rc = pg_run(s,
                    "UPDATE link AS l SET remote_modified = CASE WHEN u.seen_local IS NULL THEN "
                    "u.remote_modified ELSE coalesce(u.remote_modified, l.remote_modified) END, "
                    "seen_remote = u.seen_remote, seen_local = "
                    "coalesce(u.seen_local, l.seen_local), base = CASE WHEN u.base IS NULL THEN "
                    "l.base ELSE nullif(u.base, '') END FROM unnest($1::bigint[], $2::bigint[], "
                    "$3::bytea[], $4::bytea[], $5::text[]) AS u(key, remote_modified, "
                    "seen_remote, seen_local, base) WHERE l.key = u.key",
                    p, "change links", err);
    pg_params_free(p);
    return rc;
}

static int set_links(struct postgres_store *s, const struct link_write *const *links, size_t count,
                     struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    pg_array(&p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(&p, links[i]->key);
    pg_array(&p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_positive(&p, links[i]->remote_modified);
    pg_array(&p, PG_BYTEA, count);
    for (size_t i = 0; i < count; i++)
        pg_item_str(&p, links[i]->seen_remote);
    if (is_exported(links, count))
        return set_exporting(s, links, count, &p, err);
    int rc = pg_run(s,
                    "UPDATE link AS l SET remote_modified = u.remote_modified, "
                    "seen_remote = u.seen_remote FROM unnest($1::bigint[], $2::bigint[], "
                    "$3::bytea[]) AS u(key, remote_modified, seen_remote) WHERE l.key = u.key",
                    &p, "change links", err);
    pg_params_free(&p);
    return rc;
}

static int apply_links(struct postgres_store *s, const struct store_batch *batch, struct error *err)
{
    struct arena arena = {0};
    size_t count = batch->link_count, added = 0, set = 0;
    const struct link_write **fresh = arena_new(&arena, count, sizeof fresh[0]);
    const struct link_write **known = arena_new(&arena, count, sizeof known[0]);
    for (size_t i = 0; i < count; i++) {
        if (batch->links[i].key == 0)
            fresh[added++] = &batch->links[i];
        else
            known[set++] = &batch->links[i];
    }
    int rc = add_links(s, fresh, added, err);
    if (rc == 0)
        rc = set_links(s, known, set, err);
    arena_free(&arena);
    return rc;
}

/* ---- pending references ---- */

/* By the waiting field; of one field the later one last, which is the one that counts. */
static int by_waiting(const void *a, const void *b)
{
    const struct pending_write *x = *(const struct pending_write *const *)a;
    const struct pending_write *y = *(const struct pending_write *const *)b;
    if (x->row.object != y->row.object)
        return x->row.object - y->row.object;
    if (x->row.record != y->row.record)
        return (x->row.record > y->row.record) - (x->row.record < y->row.record);
    if (x->row.field != y->row.field)
        return x->row.field - y->row.field;
    return (x > y) - (x < y);
}

static bool same_waiting(const struct pending_write *x, const struct pending_write *y)
{
    return x->row.object == y->row.object && x->row.record == y->row.record &&
           x->row.field == y->row.field;
}

static void put_waiting(struct pg_params *p, const struct pending_write *const *pending,
                        size_t count)
{
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(p, pending[i]->row.object);
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(p, pending[i]->row.record);
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(p, pending[i]->row.field);
}

static int set_pending(struct postgres_store *s, const struct pending_write *const *pending,
                       size_t count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    put_waiting(&p, pending, count);
    pg_array(&p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(&p, pending[i]->stream);
    pg_array(&p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_item_str(&p, pending[i]->row.external_id);
    int rc = pg_run(s,
                    "INSERT INTO pending_reference (object, record, field, stream, external_id) "
                    "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], "
                    "$5::text[]) ON CONFLICT (object, record, field) DO UPDATE "
                    "SET stream = excluded.stream, external_id = excluded.external_id",
                    &p, "note pending references", err);
    pg_params_free(&p);
    return rc;
}

static int clear_pending(struct postgres_store *s, const struct pending_write *const *pending,
                         size_t count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (count == 0)
        return 0;
    put_waiting(&p, pending, count);
    int rc = pg_run(s,
                    "DELETE FROM pending_reference AS r USING unnest($1::bigint[], $2::bigint[], "
                    "$3::bigint[]) AS u(object, record, field) WHERE r.object = u.object "
                    "AND r.record = u.record AND r.field = u.field",
                    &p, "clear pending references", err);
    pg_params_free(&p);
    return rc;
}

static int apply_pending(struct postgres_store *s, const struct store_batch *batch,
                         struct error *err)
{
    struct arena arena = {0};
    size_t count = batch->pending_count, set = 0, cleared = 0;
    const struct pending_write **all = arena_new(&arena, count, sizeof all[0]);
    const struct pending_write **sets = arena_new(&arena, count, sizeof sets[0]);
    const struct pending_write **clears = arena_new(&arena, count, sizeof clears[0]);
    for (size_t i = 0; i < count; i++)
        all[i] = &batch->pending[i];
    if (count > 0)
        qsort(all, count, sizeof all[0], by_waiting);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && same_waiting(all[i], all[i + 1]))
            continue;
        if (all[i]->row.external_id.len > 0)
            sets[set++] = all[i];
        else
            clears[cleared++] = all[i];
    }
    int rc = set_pending(s, sets, set, err);
    if (rc == 0)
        rc = clear_pending(s, clears, cleared, err);
    arena_free(&arena);
    return rc;
}

int pg_apply(struct store *store, struct store_batch *batch, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    if (apply_records(s, batch, err) != 0 || apply_links(s, batch, err) != 0 ||
        pg_apply_link_ends(s, batch, err) != 0 || pg_apply_seen(s, batch, err) != 0 ||
        apply_pending(s, batch, err) != 0)
        return -1;
    return pg_apply_quarantine(s, batch, err);
}
