/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a person's data out of every table. What is deleted stays in free pages of the file until
 * it is vacuumed, which is part of it. */
#include <stdio.h>

#include "store/sqlite_internal.h"

/* Statements take the address as ?1 (lower case), the organisation as ?2. */
#define PEOPLE        "(SELECT key FROM contact WHERE organization = ?2 AND lower(email) = ?1)"
#define THEIR_STREAMS "(SELECT id FROM stream WHERE object = 2)"
#define SET_ASIDE                                                                                  \
    "quarantine WHERE instr(lower(payload), ?1) > 0 OR instr(lower(reason), ?1) > 0 OR "           \
    "EXISTS (SELECT 1 FROM link l WHERE l.stream = quarantine.stream AND l.external_id = "         \
    "quarantine.external_id AND l.stream IN " THEIR_STREAMS " AND l.record IN " PEOPLE ")"
#define THEIR_LINKS "link WHERE stream IN " THEIR_STREAMS " AND record IN " PEOPLE
/* Those that another program deleted are known by their log alone. */
#define THEIR_LOG                                                                                  \
    "log WHERE object = 2 AND (record IN " PEOPLE " OR record IN (SELECT record FROM log WHERE "   \
    "object = 2 AND op = 3 AND instr(lower(body), ?1) > 0))"
#define MENTIONS "log WHERE body IS NOT NULL AND instr(lower(body), ?1) > 0"

static int run_for(struct sqlite_store *s, const char *text, const struct erase_request *r,
                   int64_t *ret_number, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    int found = -1;
    if (stmt) {
        sqlite_bind_str(stmt, 1, r->address);
        if (sqlite3_bind_parameter_count(stmt) > 1)
            sqlite3_bind_int64(stmt, 2, r->organization);
        found = sqlite_step(s, stmt, "erase a person", err);
        if (found > 0 && ret_number)
            *ret_number = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

/* Other records that have the address in a field: an owner, what is taken of one, a text. */
static int count_mentions(struct sqlite_store *s, const struct erase_request *r, int64_t *ret_count,
                          struct error *err)
{
    struct buf text = BUF_INIT(16 * 1024);
    int rc = 0;
    for (size_t i = 0; i < model_object_count && rc == 0; i++) {
        const struct model_object *object = &model_objects[i];
        int64_t found = 0;
        text.len = 0;
        buf_printf(&text,
                   "SELECT count(*) FROM %s WHERE organization = ?2 AND (instr(lower("
                   "custom_fields), ?1) > 0",
                   object->name);
        for (size_t j = 0; j < object->field_count; j++)
            if (model_is_text(object->fields[j].kind))
                buf_printf(&text, " OR instr(lower(%s), ?1) > 0", object->fields[j].name);
        buf_printf(&text, ")%s",
                   strcmp(object->name, "contact") == 0 ? " AND key NOT IN " PEOPLE : "");
        rc = run_for(s, buf_cstr(&text), r, &found, err);
        *ret_count += found;
    }
    buf_free(&text);
    return rc;
}

static int count_all(struct sqlite_store *s, const struct erase_request *r,
                     struct erase_counts *counts, struct error *err)
{
    const struct {
        const char *text;
        int64_t *number;
    } queries[] = {{"SELECT count(*) FROM contact WHERE organization = ?2 AND lower(email) = ?1",
                    &counts->records},
                   {"SELECT count(*) FROM " THEIR_LINKS, &counts->links},
                   {"SELECT (SELECT count(*) FROM " THEIR_LOG ") + (SELECT count(*) FROM " MENTIONS
                    " AND seq NOT IN (SELECT seq FROM " THEIR_LOG "))",
                    &counts->log_rows},
                   {"SELECT count(*) FROM " SET_ASIDE, &counts->quarantined}};
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        if (run_for(s, queries[i].text, r, queries[i].number, err) != 0)
            return -1;
    return count_mentions(s, r, &counts->mentions, err);
}

/* So that a sync does not bring them back. */
static int remember(struct sqlite_store *s, const struct erase_request *r, struct error *err)
{
    sqlite3_stmt *find = sqlite_prepare(s,
                                        "SELECT stream, external_id FROM " THEIR_LINKS
                                        " UNION SELECT stream, external_id FROM " SET_ASIDE,
                                        false, err);
    sqlite3_stmt *add =
        sqlite_prepare(s, "INSERT OR IGNORE INTO erased VALUES (?1, ?2, ?3)", false, err);
    int found = find && add ? 0 : -1;
    if (found == 0) {
        sqlite_bind_str(find, 1, r->address);
        sqlite3_bind_int64(find, 2, r->organization);
    }
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

/* References of other records to the person. */
static int clear_references(struct sqlite_store *s, const struct erase_request *r,
                            struct error *err)
{
    char text[400];
    for (size_t i = 0; i < model_object_count; i++)
        for (size_t j = 0; j < model_objects[i].field_count; j++) {
            const struct model_field *field = &model_objects[i].fields[j];
            if (field->kind != KIND_REFERENCE || strcmp(field->references, "contact") != 0)
                continue;
            snprintf(text, sizeof text, "UPDATE %s SET %s = NULL WHERE %s IN " PEOPLE,
                     model_objects[i].name, field->name, field->name);
            if (run_for(s, text, r, NULL, err) != 0)
                return -1;
        }
    return 0;
}

static int erase_all(struct sqlite_store *s, const struct erase_request *r, struct error *err)
{
    static const char *const steps[] = {
        "DELETE FROM " SET_ASIDE,
        "DELETE FROM pending_reference WHERE object = 2 AND record IN " PEOPLE,
        "DELETE FROM " THEIR_LOG,
        "UPDATE log SET body = NULL WHERE seq IN (SELECT seq FROM " MENTIONS ")",
        "DELETE FROM " THEIR_LINKS,
        "DELETE FROM contact WHERE organization = ?2 AND lower(email) = ?1"};
    if (sqlite_erase_exports(s, r, err) != 0)
        return -1;
    if (remember(s, r, err) != 0 || clear_references(s, r, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (run_for(s, steps[i], r, NULL, err) != 0)
            return -1;
    return sqlite_set_back_consumers(s, err);
}

int sqlite_erase(struct store *store, const struct erase_request *request, bool only_count,
                 struct erase_counts *ret_counts, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    *ret_counts = (struct erase_counts){0};
    if (count_all(s, request, ret_counts, err) != 0)
        return -1;
    return only_count ? 0 : erase_all(s, request, err);
}

int sqlite_vacuum(struct store *store, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    if (sqlite3_exec(s->db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);", NULL, NULL, NULL) !=
        SQLITE_OK)
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
