/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Triggers of the canonical tables: what another program writes reaches the log, with no run. They
 * act only where `rev` did not change. The host sets it, and writes the log row, itself: its own
 * session has triggers switched off, as one that only finds that it has nothing to do costs 7 us a
 * row.
 *
 * They are made from the model; one whose text in the schema is another is made anew.
 */
#include <stdio.h>

#include "store/ddl.h"
#include "store/sqlite_internal.h"

/* Milliseconds are the finest that SQLite's clock tells. */
#define NOW "(CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)"

/* ---- values, as the host writes them into bodies ---- */

/* The microseconds within the second, of times before 1970 too. */
static void put_fraction(struct buf *out, const char *x)
{
    buf_printf(out, "((%s %% 1000000 + 1000000) %% 1000000)", x);
}

static void put_time(struct buf *out, const char *x)
{
    buf_printf(out, "json_quote(coalesce(strftime('%%Y-%%m-%%dT%%H:%%M:%%S', (%s - ", x);
    put_fraction(out, x);
    buf_printf(out, ") / 1000000, 'unixepoch') || CASE WHEN %s %% 1000 <> 0 THEN printf('.%%06d', ",
               x);
    put_fraction(out, x);
    buf_printf(out, ") WHEN %s %% 1000000 <> 0 THEN printf('.%%03d', ", x);
    put_fraction(out, x);
    buf_printf(out, " / 1000) ELSE '' END || 'Z', %s))", x);
}

/* What has another type than its column is quoted as what it is. */
static void put_value(struct buf *out, enum field_kind kind, const char *row, const char *name)
{
    char x[100];
    snprintf(x, sizeof x, "%s.%s", row, name);
    bool plain = kind == KIND_INTEGER || kind == KIND_REFERENCE || model_is_text(kind);
    if (kind == KIND_LIST || kind == KIND_JSON || kind == KIND_NUMBER) {
        buf_printf(out, "CASE WHEN json_valid(%s) THEN %s ELSE json_quote(%s) END", x, x, x);
        return;
    }
    if (plain) {
        buf_printf(out, "json_quote(%s)", x);
        return;
    }
    buf_printf(out, "CASE WHEN typeof(%s) <> 'integer' THEN json_quote(%s) ELSE ", x, x);
    if (kind == KIND_MONEY)
        buf_printf(out,
                   "printf('%%s%%d.%%02d', CASE WHEN %s < 0 THEN '-' ELSE '' END, "
                   "abs(%s) / 100, abs(%s) %% 100)",
                   x, x, x);
    else if (kind == KIND_BOOLEAN)
        buf_printf(out, "CASE WHEN %s THEN 'true' ELSE 'false' END", x);
    else if (kind == KIND_DATE)
        buf_printf(out, "json_quote(coalesce(date(%s * 86400, 'unixepoch'), %s))", x, x);
    else
        put_time(out, x);
    buf_text(out, " END");
}

/* ,"name":[before,after] as SQL text */
static void put_pair(struct buf *out, enum field_kind kind, const char *name, const char *after)
{
    buf_printf(out, "',\"%s\":[' || ", name);
    put_value(out, kind, "OLD", name);
    buf_text(out, " || ',' || ");
    if (after)
        put_value(out, kind, after, name);
    else
        buf_text(out, "'null'");
    buf_text(out, " || ']'");
}

static enum field_kind kind_at(const struct model_object *object, size_t i, const char **ret_name)
{
    bool custom = i == object->field_count;
    *ret_name = custom ? "custom_fields" : object->fields[i].name;
    return custom ? KIND_JSON : object->fields[i].kind;
}

static void put_changes(struct buf *out, const struct model_object *object)
{
    const char *name;
    buf_text(out, "'{' || substr(''");
    for (size_t i = 0; i <= object->field_count; i++) {
        enum field_kind kind = kind_at(object, i, &name);
        buf_printf(out, " || CASE WHEN OLD.%s IS NEW.%s THEN '' ELSE ", name, name);
        put_pair(out, kind, name, "NEW");
        buf_text(out, " END");
    }
    buf_text(out, ", 2) || '}'");
}

static void put_differs(struct buf *out, const struct model_object *object)
{
    const char *name;
    for (size_t i = 0; i <= object->field_count; i++) {
        kind_at(object, i, &name);
        buf_printf(out, "%sOLD.%s IS NOT NEW.%s", i > 0 ? " OR " : "(", name, name);
    }
    buf_char(out, ')');
}

/* A UUID's bytes as text. */
static void put_uuid_text(struct buf *out, const char *x)
{
    static const int starts[] = {1, 9, 13, 17, 21}, lengths[] = {8, 4, 4, 4, 12};
    for (int i = 0; i < 5; i++)
        buf_printf(out, "%slower(substr(hex(%s), %d, %d))", i > 0 ? " || '-' || " : "", x,
                   starts[i], lengths[i]);
}

/* All that a deleted record was, so that it can be made again. */
static void put_image(struct buf *out, const struct model_object *object)
{
    const char *name;
    buf_text(out, "'{\"id\":[\"' || ");
    put_uuid_text(out, "OLD.id");
    buf_text(out, " || '\",null],\"organization\":[\"' || coalesce((SELECT ");
    put_uuid_text(out, "uuid");
    buf_text(out, " FROM organization WHERE id = OLD.organization), '') || '\",null]'");
    for (size_t i = 0; i <= object->field_count; i++) {
        enum field_kind kind = kind_at(object, i, &name);
        buf_printf(out, " || CASE WHEN OLD.%s IS NULL THEN '' ELSE ", name);
        put_pair(out, kind, name, NULL);
        buf_text(out, " END");
    }
    buf_text(out, " || ',\"created_at\":[' || ");
    put_value(out, KIND_TIME, "OLD", "created_at");
    buf_text(out, " || ',null]}'");
}

/* ---- new records ---- */

/* A UUID of version 7 (RFC 9562); bytes come from a table of all, as SQLite has no other way to
 * make one of a number before 3.41. */
static void put_new_id(struct buf *out)
{
    buf_text(out, "(SELECT CAST(");
    for (int shift = 40; shift >= 0; shift -= 8)
        buf_printf(out, "substr(bytes, (ms >> %d & 255) + 1, 1) || ", shift);
    buf_text(out, "substr(bytes, 113 + (random() & 15), 1) || randomblob(1) || "
                  "substr(bytes, 129 + (random() & 63), 1) || randomblob(7) AS BLOB) "
                  "FROM (SELECT " NOW " / 1000 AS ms, x'");
    for (int i = 0; i < 256; i++)
        buf_printf(out, "%02x", (unsigned)i);
    buf_text(out, "' AS bytes))");
}

/* SQLite gives the key of the last record, when that was deleted, to the next one. */
static void put_new_key(struct buf *out, const struct model_object *object)
{
    buf_printf(out,
               "CASE WHEN NEW.key <= coalesce((SELECT key FROM key_floor WHERE object = %d), 0) "
               "AND NOT EXISTS (SELECT 1 FROM %s WHERE key > NEW.key) "
               "THEN (SELECT key + 1 FROM key_floor WHERE object = %d) ELSE NEW.key END",
               object->id, object->name, object->id);
}

static void put_insert(struct buf *out, const struct model_object *object)
{
    const char *name = object->name;
    buf_printf(out,
               "CREATE TRIGGER %s_inserted AFTER INSERT ON %s WHEN NEW.rev = 0 BEGIN "
               "SELECT RAISE(ABORT, 'fastenr: name the organization of the record: the table "
               "organization has more than one, or none yet') WHERE NEW.organization = 0 AND "
               "(SELECT count(*) FROM organization) <> 1; "
               "SELECT RAISE(ABORT, 'fastenr: the id of a record is the 16 bytes of a UUID') "
               "WHERE length(NEW.id) NOT IN (0, 16); "
               "INSERT INTO log (object, record, op, at) SELECT %d, ",
               name, name, object->id);
    put_new_key(out, object);
    buf_printf(out, ", 1, " NOW "; UPDATE %s SET key = ", name);
    put_new_key(out, object);
    buf_text(out, ", rev = (SELECT max(seq) FROM log), "
                  "id = CASE WHEN length(NEW.id) = 16 THEN NEW.id ELSE ");
    put_new_id(out);
    buf_text(out, " END, organization = CASE WHEN NEW.organization <> 0 THEN NEW.organization "
                  "ELSE (SELECT id FROM organization) END, "
                  "created_at = CASE WHEN NEW.created_at <> 0 THEN NEW.created_at ELSE " NOW
                  " END, updated_at = CASE WHEN NEW.updated_at <> 0 THEN NEW.updated_at ELSE " NOW
                  " END WHERE key = NEW.key; END");
}

/* ---- changed and deleted ones ---- */

#define ENDED "((OLD." DDL_DELETED_AT " IS NULL) <> (NEW." DDL_DELETED_AT " IS NULL))"

static void put_update(struct buf *out, const struct model_object *object)
{
    buf_printf(out,
               "CREATE TRIGGER %s_updated AFTER UPDATE ON %s WHEN NEW.rev IS OLD.rev AND (" ENDED
               " OR ",
               object->name, object->name);
    put_differs(out, object);
    buf_printf(out,
               ") BEGIN INSERT INTO log (object, record, op, prev, at) SELECT %d, NEW.key, "
               "CASE WHEN NEW." DDL_DELETED_AT " IS NULL THEN 4 ELSE 3 END, OLD.rev, " NOW
               " WHERE " ENDED "; "
               "INSERT INTO log (object, record, op, prev, at, body) SELECT %d, NEW.key, 2, "
               "CASE WHEN " ENDED " THEN (SELECT max(seq) FROM log) ELSE OLD.rev END, " NOW ", ",
               object->id, object->id);
    put_changes(out, object);
    buf_text(out, " WHERE ");
    put_differs(out, object);
    buf_printf(out,
               "; UPDATE %s SET rev = (SELECT max(seq) FROM log), updated_at = "
               "CASE WHEN NEW.updated_at IS OLD.updated_at THEN " NOW
               " ELSE NEW.updated_at END WHERE key = NEW.key; END",
               object->name);
}

static void put_identity(struct buf *out, const struct model_object *object)
{
    buf_printf(out,
               "CREATE TRIGGER %s_identity BEFORE UPDATE OF key, id, organization ON %s WHEN "
               "OLD.rev <> 0 AND (NEW.key IS NOT OLD.key OR NEW.id IS NOT OLD.id OR "
               "NEW.organization IS NOT OLD.organization) BEGIN SELECT RAISE(ABORT, 'fastenr: "
               "key, id and organization of a record never change: add another record'); END",
               object->name, object->name);
}

/* Its links stay: they tell which record of the vendor it was, should that change. */
static void put_delete(struct buf *out, const struct model_object *object)
{
    buf_printf(out,
               "CREATE TRIGGER %s_deleted AFTER DELETE ON %s BEGIN "
               "INSERT INTO log (object, record, op, prev, at, body) SELECT %d, OLD.key, 3, "
               "OLD.rev, " NOW ", ",
               object->name, object->name, object->id);
    put_image(out, object);
    buf_printf(out,
               "; DELETE FROM pending_reference WHERE object = %d AND record = OLD.key; "
               "INSERT INTO key_floor (object, key) VALUES (%d, OLD.key) ON CONFLICT (object) "
               "DO UPDATE SET key = max(key, excluded.key); END",
               object->id, object->id);
}

/* ---- making ---- */

/* Whether the schema has the trigger in these words: 1, 0 or -1. */
static int is_current(struct sqlite_store *s, sqlite3_stmt *stmt, const char *name, struct str text,
                      struct error *err)
{
    sqlite_bind_str(stmt, 1, str_from(name));
    int found = sqlite_step(s, stmt, "look at its triggers", err);
    bool same = found > 0 && str_eq(sqlite_column_str(stmt, 0), text);
    sqlite3_reset(stmt);
    return found < 0 ? -1 : same;
}

int sqlite_missing_triggers(struct sqlite_store *s, const struct model_object *object,
                            struct buf *out, struct error *err)
{
    static const struct {
        const char *suffix;
        void (*put)(struct buf *out, const struct model_object *object);
    } triggers[] = {{"inserted", put_insert},
                    {"updated", put_update},
                    {"identity", put_identity},
                    {"deleted", put_delete}};
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1", false, err);
    int current = stmt ? 0 : -1;
    for (size_t i = 0; i < sizeof triggers / sizeof triggers[0] && current >= 0; i++) {
        struct buf text = BUF_INIT(DDL_MAX);
        char name[80];
        snprintf(name, sizeof name, "%s_%s", object->name, triggers[i].suffix);
        triggers[i].put(&text, object);
        current = is_current(s, stmt, name, buf_view(&text), err);
        if (current == 0)
            buf_printf(out, "DROP TRIGGER IF EXISTS %s; %s; ", name, buf_cstr(&text));
        buf_free(&text);
    }
    sqlite3_finalize(stmt);
    return current < 0 ? -1 : 0;
}
