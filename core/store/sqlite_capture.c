/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Triggers of the canonical tables: what another program writes reaches the log, with no run. They
 * act only where `rev` did not change. The host sets it, and writes the log row, itself: its own
 * session has triggers switched off, as one that only finds that it has nothing to do costs 7 us a
 * row.
 *
 * A table's triggers hand over the values as they are. How they are written is said once, in the
 * view `capture`: SQLite reads all of a schema whenever a store is opened, and words that each
 * field of each table repeats cost more than all else at the start.
 *
 * They are made from the model; what has another text in the schema is made anew.
 */
#include <stdio.h>

#include "store/ddl.h"
#include "store/sqlite_internal.h"

/* Milliseconds are the finest that SQLite's clock tells. */
#define NOW "(CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)"

/* ---- values, as the host writes them into bodies ---- */

/* How a field's column is written. */
static char form_of(enum field_kind kind)
{
    switch (kind) {
    case KIND_LIST:
    case KIND_JSON:
    case KIND_NUMBER:
        return 'j';
    case KIND_MONEY:
        return 'm';
    case KIND_BOOLEAN:
        return 'b';
    case KIND_DATE:
        return 'd';
    case KIND_TIME:
        return 't';
    default:
        return 'p';
    }
}

/* A column as SQL text, for the form. What has another type than its column is quoted as what it
 * is; the hexadecimal digits of an id are 'u'. */
static void put_text(struct buf *out, const char *x)
{
    /* The microseconds within the second, of times before 1970 too. */
    char fraction[100];
    snprintf(fraction, sizeof fraction, "((%s %% 1000000 + 1000000) %% 1000000)", x);
    buf_printf(out,
               "CASE WHEN form = 'j' AND json_valid(%s) THEN %s "
               "WHEN form = 'u' AND %s <> '' THEN json_quote(lower(substr(%s, 1, 8) || '-' || "
               "substr(%s, 9, 4) || '-' || substr(%s, 13, 4) || '-' || substr(%s, 17, 4) || '-' || "
               "substr(%s, 21))) "
               "WHEN typeof(%s) <> 'integer' THEN json_quote(%s) ",
               x, x, x, x, x, x, x, x, x, x);
    buf_printf(out,
               "WHEN form = 'm' THEN printf('%%s%%d.%%02d', CASE WHEN %s < 0 THEN '-' ELSE '' END, "
               "abs(%s) / 100, abs(%s) %% 100) "
               "WHEN form = 'b' THEN CASE WHEN %s THEN 'true' ELSE 'false' END "
               "WHEN form = 'd' THEN json_quote(coalesce(date(%s * 86400, 'unixepoch'), %s)) ",
               x, x, x, x, x, x);
    buf_printf(out,
               "WHEN form = 't' THEN json_quote(coalesce(strftime('%%Y-%%m-%%dT%%H:%%M:%%S', "
               "(%s - %s) / 1000000, 'unixepoch') || CASE WHEN %s %% 1000 <> 0 THEN "
               "printf('.%%06d', %s) WHEN %s %% 1000000 <> 0 THEN printf('.%%03d', %s / 1000) "
               "ELSE '' END || 'Z', %s)) ELSE json_quote(%s) END",
               x, fraction, x, fraction, x, fraction, x, x);
}

/* A row that is added to the view is one of the log. `fields` is a JSON array of [form, name,
 * before, after]; those that are the same are left out. NULL: an op without fields. */
static void put_capture(struct buf *out)
{
    buf_text(out, "CREATE VIEW capture (object, record, op, prev, fields) AS "
                  "SELECT object, record, op, prev, body FROM log WHERE run IS NULL");
}

static void put_captured(struct buf *out)
{
    buf_text(out, "CREATE TRIGGER captured INSTEAD OF INSERT ON capture BEGIN "
                  "INSERT INTO log (object, record, op, prev, at, body) "
                  "SELECT NEW.object, NEW.record, NEW.op, NEW.prev, " NOW ", '{' || body || '}' "
                  "FROM (SELECT group_concat(json_quote(name) || ':[' || ");
    put_text(out, "before");
    buf_text(out, " || ',' || ");
    put_text(out, "after");
    buf_text(out, " || ']') AS body FROM (SELECT json_extract(value, '$[0]') AS form, "
                  "json_extract(value, '$[1]') AS name, json_extract(value, '$[2]') AS before, "
                  "json_extract(value, '$[3]') AS after FROM json_each(NEW.fields)) "
                  "WHERE before IS NOT after) WHERE body IS NOT NULL OR NEW.fields IS NULL; END");
}

static enum field_kind kind_at(const struct model_object *object, size_t i, const char **ret_name)
{
    bool custom = i == object->field_count;
    *ret_name = custom ? "custom_fields" : object->fields[i].name;
    return custom ? KIND_JSON : object->fields[i].kind;
}

/* The fields as the view takes them; of a deleted record there is nothing after. */
static void put_fields(struct buf *out, const struct model_object *object, bool deleted)
{
    const char *name;
    for (size_t i = 0; i <= object->field_count; i++) {
        char form = form_of(kind_at(object, i, &name));
        buf_printf(out, "%sjson_array('%c', '%s', OLD.%s", i > 0 ? ", " : "", form, name, name);
        if (!deleted)
            buf_printf(out, ", NEW.%s", name);
        buf_char(out, ')');
    }
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

/* ---- new records ---- */

/* A UUID of version 7 (RFC 9562), another one each time; bytes come from a table of all, as SQLite
 * has no other way to make one of a number before 3.41. */
static void put_new_id(struct buf *out)
{
    buf_text(out, "CREATE VIEW new_id (id) AS SELECT CAST(");
    for (int shift = 40; shift >= 0; shift -= 8)
        buf_printf(out, "substr(bytes, (ms >> %d & 255) + 1, 1) || ", shift);
    buf_text(out, "substr(bytes, 113 + (random() & 15), 1) || randomblob(1) || "
                  "substr(bytes, 129 + (random() & 63), 1) || randomblob(7) AS BLOB) "
                  "FROM (SELECT " NOW " / 1000 AS ms, x'");
    for (int i = 0; i < 256; i++)
        buf_printf(out, "%02x", (unsigned)i);
    buf_text(out, "' AS bytes)");
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
               "INSERT INTO capture (object, record, op) SELECT %d, ",
               name, name, object->id);
    put_new_key(out, object);
    buf_printf(out, ", 1; UPDATE %s SET key = ", name);
    put_new_key(out, object);
    buf_text(out, ", rev = (SELECT max(seq) FROM log), "
                  "id = CASE WHEN length(NEW.id) = 16 THEN NEW.id ELSE (SELECT id FROM new_id) "
                  "END, organization = CASE WHEN NEW.organization <> 0 THEN NEW.organization "
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
               ") BEGIN INSERT INTO capture (object, record, op, prev) SELECT %d, NEW.key, "
               "CASE WHEN NEW." DDL_DELETED_AT " IS NULL THEN 4 ELSE 3 END, OLD.rev WHERE " ENDED
               "; INSERT INTO capture SELECT %d, NEW.key, 2, "
               "CASE WHEN " ENDED " THEN (SELECT max(seq) FROM log) ELSE OLD.rev END, json_array(",
               object->id, object->id);
    put_fields(out, object, false);
    buf_printf(out,
               "); UPDATE %s SET rev = (SELECT max(seq) FROM log), updated_at = "
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

/* All that it was, so that it can be made again. Its links stay: they tell which record of the
 * vendor it was, should that change. */
static void put_delete(struct buf *out, const struct model_object *object)
{
    buf_printf(out,
               "CREATE TRIGGER %s_deleted AFTER DELETE ON %s BEGIN "
               "INSERT INTO capture SELECT %d, OLD.key, 3, OLD.rev, "
               "json_array(json_array('u', 'id', hex(OLD.id)), "
               "json_array('u', 'organization', hex((SELECT uuid FROM organization WHERE id = "
               "OLD.organization))), ",
               object->name, object->name, object->id);
    put_fields(out, object, true);
    buf_printf(out,
               ", json_array('t', 'created_at', OLD.created_at)); "
               "DELETE FROM pending_reference WHERE object = %d AND record = OLD.key; "
               "INSERT INTO key_floor (object, key) VALUES (%d, OLD.key) ON CONFLICT (object) "
               "DO UPDATE SET key = max(key, excluded.key); END",
               object->id, object->id);
}

/* ---- making ---- */

/* Whether the schema has it in these words: 1, 0 or -1. */
static int is_current(struct sqlite_store *s, const char *name, struct str text, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "SELECT sql FROM sqlite_schema WHERE type <> 'table' AND name = ?1", false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, str_from(name));
    int found = sqlite_step(s, stmt, "look at its triggers", err);
    bool same = found > 0 && str_eq(sqlite_column_str(stmt, 0), text);
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : same;
}

static int make_anew(struct sqlite_store *s, const char *type, const char *name, struct buf *text,
                     struct buf *out, struct error *err)
{
    int current = is_current(s, name, buf_view(text), err);
    if (current == 0)
        buf_printf(out, "DROP %s IF EXISTS %s; %s; ", type, name, buf_cstr(text));
    buf_free(text);
    return current < 0 ? -1 : 0;
}

int sqlite_missing_capture(struct sqlite_store *s, struct buf *out, struct error *err)
{
    static const struct {
        const char *type, *name;
        void (*put)(struct buf *out);
    } parts[] = {{"VIEW", "new_id", put_new_id},
                 {"VIEW", "capture", put_capture},
                 {"TRIGGER", "captured", put_captured}};
    int rc = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && rc == 0; i++) {
        struct buf text = BUF_INIT(DDL_MAX);
        parts[i].put(&text);
        rc = make_anew(s, parts[i].type, parts[i].name, &text, out, err);
    }
    return rc;
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
    int rc = 0;
    for (size_t i = 0; i < sizeof triggers / sizeof triggers[0] && rc == 0; i++) {
        struct buf text = BUF_INIT(DDL_MAX);
        char name[80];
        snprintf(name, sizeof name, "%s_%s", object->name, triggers[i].suffix);
        triggers[i].put(&text, object);
        rc = make_anew(s, "TRIGGER", name, &text, out, err);
    }
    return rc;
}
