/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a person's data out of every table. What is deleted stays in free pages of the file until
 * it is vacuumed, which is part of it. */
#include "base/address.h"
#include "store/erase_sql.h"
#include "store/sqlite_internal.h"

enum { MENTIONS_MAX = 64 * 1024 };

/* Statements take the address as ?1 (lower case), the organisation as ?2. */
static const struct erase_dialect dialect = {
    .prefix = "",
    .address = "?1",
    .organization = "?2",
    .collation = "",
    .own_payload = "(stream IN (SELECT id FROM stream WHERE object IN (2, 10)) AND "
                   "(address_is_value(payload, ?1) OR lower(external_id) = ?1))",
    .id = "address_in_text(external_id, ?1)",
    .payload = "address_in_json(payload, ?1)",
    .reason = "address_in_text(reason, ?1)",
    .body = "address_in_json(body, ?1)",
    .gone = "lower(json_extract(body, '$.email[0]')) = ?1",
    .run_reason = "address_in_text(reason, ?1)",
    .pause_reason = "address_in_text(reason, ?1)",
    .position = "address_in_text(position, ?1)",
    .sent = "address_in_json(body, ?1)",
    .refused = "(address_in_json(body, ?1) OR address_in_text(reason, ?1))",
    .conflict = "(address_in_json(base, ?1) OR address_in_json(local, ?1) OR "
                "address_in_json(remote, ?1))",
    .base = "address_in_json(base, ?1)",
    .moved = "address_in_json(base, ?1)"};

/* ---- functions of base/address.h ---- */

static struct str argument(sqlite3_value *value)
{
    const void *bytes = sqlite3_value_blob(value);
    return (struct str){bytes ? bytes : "", bytes ? (size_t)sqlite3_value_bytes(value) : 0};
}

typedef bool (*address_fn)(struct str text, struct str address);

struct function {
    const char *name;
    address_fn find;
};

/* NULL mentions nobody. */
static void call(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct function *f = sqlite3_user_data(context);
    (void)count;
    sqlite3_result_int(context, f->find(argument(values[0]), argument(values[1])));
}

static int add_functions(struct sqlite_store *s, struct error *err)
{
    static const struct function functions[] = {{"address_in_text", address_in_text},
                                                {"address_in_json", address_in_json},
                                                {"address_is_value", address_is_value}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (sqlite3_create_function(
                s->db, functions[i].name, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                (void *)(uintptr_t)&functions[i], call, NULL, NULL) != SQLITE_OK)
            return sqlite_fail(s, err, "erase a person");
    return 0;
}

/* ---- statements ---- */

static sqlite3_stmt *prepare_for(struct sqlite_store *s, const char *text,
                                 const struct erase_request *r, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    if (!stmt)
        return NULL;
    int parameters = sqlite3_bind_parameter_count(stmt);
    if (parameters > 0)
        sqlite_bind_str(stmt, 1, r->address);
    if (parameters > 1)
        sqlite3_bind_int64(stmt, 2, r->organization);
    return stmt;
}

/* The number, where it gives one, is added. */
static int run_for(struct sqlite_store *s, const char *text, const struct erase_request *r,
                   int64_t *number, struct error *err)
{
    sqlite3_stmt *stmt = prepare_for(s, text, r, err);
    int found = stmt ? sqlite_step(s, stmt, "erase a person", err) : -1;
    if (found > 0 && number)
        *number += sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* Appends " OR ..." for a text that stays. */
static void put_mention(const struct erase_sql *sql, struct buf *out,
                        const struct model_object *object, const struct model_field *field)
{
    struct buf emptied = BUF_INIT(MENTIONS_MAX);
    bool json = field->kind == KIND_LIST || field->kind == KIND_JSON;
    buf_printf(out, " OR (address_in_%s(%s, ?1)", json ? "json" : "text", field->name);
    if (erase_sql_emptied(sql, &emptied, object, field))
        buf_printf(out, " AND NOT %s", buf_cstr(&emptied));
    buf_char(out, ')');
    buf_free(&emptied);
}

static int count_object(struct sqlite_store *s, const struct erase_sql *sql,
                        const struct erase_request *r, const struct model_object *object,
                        int64_t *count, struct error *err)
{
    struct buf text = BUF_INIT(MENTIONS_MAX);
    buf_printf(&text,
               "SELECT count(*) FROM %s WHERE organization = ?2 AND "
               "(address_in_json(custom_fields, ?1)",
               object->name);
    for (size_t i = 0; i < object->field_count; i++)
        if (model_is_text(object->fields[i].kind))
            put_mention(sql, &text, object, &object->fields[i]);
    buf_char(&text, ')');
    erase_sql_of_others(sql, &text, object);
    int rc = run_for(s, buf_cstr(&text), r, count, err);
    buf_free(&text);
    return rc;
}

/* What has the address in a text, and stays. */
static int count_mentions(struct sqlite_store *s, const struct erase_sql *sql,
                          const struct erase_request *r, int64_t *count, struct error *err)
{
    const char *links = arena_printf(sql->arena,
                                     "SELECT count(*) FROM link WHERE address_in_text(external_id, "
                                     "?1) AND key NOT IN %s",
                                     sql->links);
    const char fields[] = "SELECT count(*) FROM vendor_field WHERE address_in_json(options, ?1) OR "
                          "address_in_json(now_options, ?1)";
    for (size_t i = 0; i < model_object_count; i++)
        if (count_object(s, sql, r, &model_objects[i], count, err) != 0)
            return -1;
    if (run_for(s, links, r, count, err) != 0)
        return -1;
    return run_for(s, fields, r, count, err);
}

/* So that a sync does not bring them back. */
static int remember(struct sqlite_store *s, const struct erase_sql *sql,
                    const struct erase_request *r, struct error *err)
{
    sqlite3_stmt *find = prepare_for(s, sql->ids, r, err);
    sqlite3_stmt *add =
        sqlite_prepare(s, "INSERT OR IGNORE INTO erased VALUES (?1, ?2, ?3)", false, err);
    int found = find && add ? 0 : -1;
    while (found >= 0 && (found = sqlite_step(s, find, "erase a person", err)) > 0) {
        uint64_t hash = siphash(s->store.hash_key, sqlite_column_str(find, 1));
        sqlite3_bind_int64(add, 1, sqlite3_column_int64(find, 0));
        sqlite3_bind_int64(add, 2, (int64_t)hash);
        sqlite3_bind_int64(add, 3, world_now(s->store.world));
        if (sqlite_run(s, add, "erase a person", err) != 0)
            found = -1;
    }
    sqlite3_finalize(find);
    sqlite3_finalize(add);
    return found;
}

static int count_all(struct sqlite_store *s, const struct erase_sql *sql,
                     const struct erase_request *r, struct erase_counts *counts, struct error *err)
{
    for (size_t i = 0; i < sql->count_count; i++)
        if (run_for(s, sql->counts[i].text, r, sql->counts[i].number, err) != 0)
            return -1;
    return count_mentions(s, sql, r, &counts->mentions, err);
}

static int erase_all(struct sqlite_store *s, const struct erase_sql *sql,
                     const struct erase_request *r, struct error *err)
{
    if (remember(s, sql, r, err) != 0)
        return -1;
    for (size_t i = 0; i < sql->step_count; i++)
        if (run_for(s, sql->steps[i], r, NULL, err) != 0)
            return -1;
    if (sqlite_set_back_consumers(s, err) != 0)
        return -1;
    return sqlite_set_back_marks(s, err);
}

int sqlite_erase(struct store *store, const struct erase_request *request, bool only_count,
                 struct erase_counts *ret_counts, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct arena arena = {0};
    struct erase_sql sql;
    *ret_counts = (struct erase_counts){0};
    erase_sql_make(&sql, &dialect, ret_counts, &arena);
    int rc = add_functions(s, err);
    if (rc == 0)
        rc = count_all(s, &sql, request, ret_counts, err);
    if (rc == 0 && !only_count)
        rc = erase_all(s, &sql, request, err);
    arena_free(&arena);
    return rc;
}

/* The journal has what was deleted until all of it is in the file, and it is cut: which a reader
 * holds up. */
int sqlite_vacuum(struct store *store, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    if (sqlite3_exec(s->db, "VACUUM", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
        return sqlite_fail(s, err, "rewrite it without what was erased");
    return 0;
}

int sqlite_load_erased(struct store *store, int64_t stream, struct arena *arena,
                       uint64_t **ret_hashes, size_t *ret_count, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT id_hash FROM erased WHERE stream = ?1 ORDER BY id_hash", false, err);
    size_t cap = 0;
    int found = -1;
    *ret_hashes = NULL;
    *ret_count = 0;
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, stream);
    while ((found = sqlite_step(s, stmt, "look for erased people", err)) > 0) {
        *ret_hashes = arena_grow(arena, *ret_hashes, &cap, *ret_count + 1, sizeof **ret_hashes);
        (*ret_hashes)[(*ret_count)++] = (uint64_t)sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return found;
}
