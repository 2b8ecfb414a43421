/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Triggers of the canonical tables on PostgreSQL: what another program writes reaches the log, with
 * no run, by one statement for all rows of a statement; who listens to the channel fastenr_log is
 * told. The host's own statements, which write log rows themselves, pass by a setting of its
 * session; what else changes `rev` passes too.
 *
 * The functions run as their owner, so that a program needs no right to the log. They are made from
 * the model; one whose text in the catalogue is another is made anew, with its trigger. What they
 * call is in migrations/postgres/0008_capture.sql.
 */
#include <stdio.h>

#include "store/ddl.h"
#include "store/postgres_internal.h"

#define NOTIFY "PERFORM pg_notify('fastenr_log', ''); "

/* ---- values, as the host writes them into bodies ---- */

static void put_value(struct buf *out, enum field_kind kind, const char *row, const char *name)
{
    const char *function = NULL;
    if (kind == KIND_MONEY)
        function = "log_money";
    else if (kind == KIND_BOOLEAN)
        function = "log_boolean";
    else if (kind == KIND_DATE)
        function = "log_date";
    else if (kind == KIND_TIME)
        function = "log_time";
    else if (kind == KIND_LIST || kind == KIND_JSON || kind == KIND_NUMBER)
        function = "log_json";
    if (function)
        buf_printf(out, "coalesce(%s(%s.%s), 'null')", function, row, name);
    else
        buf_printf(out, "coalesce(to_json(%s.%s)::text, 'null')", row, name);
}

/* The i-th field, the custom fields last; their column has the type json. */
static void put_field(struct buf *out, const struct model_object *object, size_t i, const char *row)
{
    if (i < object->field_count)
        put_value(out, object->fields[i].kind, row, object->fields[i].name);
    else
        buf_printf(out, "coalesce(%s.custom_fields::text, 'null')", row);
}

static const char *name_at(const struct model_object *object, size_t i)
{
    return i < object->field_count ? object->fields[i].name : "custom_fields";
}

/* {"name":[before,after]} of what changed */
static void put_changes(struct buf *out, const struct model_object *object)
{
    buf_text(out, "'{' || substr(concat(");
    for (size_t i = 0; i <= object->field_count; i++) {
        const char *name = name_at(object, i);
        const char *cast = i < object->field_count ? "" : "::text"; /* json has no equality */
        buf_printf(out, "%sCASE WHEN o.%s%s IS DISTINCT FROM n.%s%s THEN ',\"%s\":[' || ",
                   i > 0 ? ", " : "", name, cast, name, cast, name);
        put_field(out, object, i, "o");
        buf_text(out, " || ',' || ");
        put_field(out, object, i, "n");
        buf_text(out, " || ']' END");
    }
    buf_text(out, "), 2) || '}'");
}

/* All that a deleted record was, so that it can be made again. */
static void put_image(struct buf *out, const struct model_object *object)
{
    buf_text(out, "concat('{\"id\":[\"', o.id, '\",null],\"organization\":[\"', (SELECT g.uuid "
                  "FROM organization g WHERE g.id = o.organization), '\",null]'");
    for (size_t i = 0; i <= object->field_count; i++) {
        buf_printf(out, ", CASE WHEN o.%s IS NOT NULL THEN ',\"%s\":[' || ", name_at(object, i),
                   name_at(object, i));
        put_field(out, object, i, "o");
        buf_text(out, " || ',null]' END");
    }
    buf_text(out, ", ',\"created_at\":[', log_time(o.created_at), ',null]}')");
}

/* ---- the functions' bodies ---- */

static void put_inserted(struct buf *out, const struct model_object *object)
{
    buf_printf(out,
               "BEGIN IF is_host() THEN RETURN NULL; END IF; "
               "WITH logged AS (INSERT INTO log (seq, object, record, op, at) "
               "SELECT nextval('log_seq'), %d, n.key, 1, now_us() FROM new_rows n "
               "WHERE n.rev = 0 RETURNING seq, record) "
               "UPDATE %s r SET rev = l.seq FROM logged l WHERE r.key = l.record; "
               "IF FOUND THEN " NOTIFY "END IF; RETURN NULL; END",
               object->id, object->name);
}

/*
 * A record that ended and changed at once has two log rows, as the host writes them.
 *
 * Rows before and after are paired by a FULL JOIN, which can't be a nested loop: the plan is kept
 * for the session, and one made for a statement of one row would take hours over one of many. For
 * the same reason the condition that would make an inner join of it is in a part of its own.
 */
static void put_updated(struct buf *out, const struct model_object *object)
{
    /* The statement below comes here again, with rows whose rev did change. */
    buf_text(out, "BEGIN IF is_host() OR NOT EXISTS (SELECT key, rev FROM old_rows INTERSECT "
                  "SELECT key, rev FROM new_rows) THEN RETURN NULL; END IF; "
                  "WITH paired AS MATERIALIZED (SELECT n.key, o.rev AS prev, n.rev, "
                  "n.deleted_at IS NULL AS lives, "
                  "(o.deleted_at IS NULL) <> (n.deleted_at IS NULL) AS ended, "
                  "n.updated_at = o.updated_at AS untouched, ");
    put_changes(out, object);
    buf_printf(out,
               " AS body FROM old_rows o FULL JOIN new_rows n USING (key)), "
               "changed AS MATERIALIZED (SELECT *, CASE WHEN ended THEN nextval('log_seq') END "
               "AS end_seq, CASE WHEN body <> '{}' THEN nextval('log_seq') END AS change_seq "
               "FROM paired WHERE rev = prev AND (ended OR body <> '{}')), "
               "ends AS (INSERT INTO log (seq, object, record, op, prev, at) SELECT end_seq, %d, "
               "key, CASE WHEN lives THEN 4 ELSE 3 END, prev, now_us() FROM changed WHERE ended), "
               "changes AS (INSERT INTO log (seq, object, record, op, prev, at, body) "
               "SELECT change_seq, %d, key, 2, coalesce(end_seq, prev), now_us(), body "
               "FROM changed WHERE change_seq IS NOT NULL) "
               "UPDATE %s r SET rev = coalesce(c.change_seq, c.end_seq), updated_at = "
               "CASE WHEN c.untouched THEN now_us() ELSE r.updated_at END "
               "FROM changed c WHERE r.key = c.key; "
               "IF FOUND THEN " NOTIFY "END IF; RETURN NULL; END",
               object->id, object->id, object->name);
}

/* Links stay: they tell which record of the vendor it was, should that change. */
static void put_deleted(struct buf *out, const struct model_object *object)
{
    buf_printf(out,
               "BEGIN IF is_host() THEN RETURN NULL; END IF; "
               "INSERT INTO log (seq, object, record, op, prev, at, body) "
               "SELECT nextval('log_seq'), %d, o.key, 3, o.rev, now_us(), ",
               object->id);
    put_image(out, object);
    buf_printf(out,
               " FROM old_rows o WHERE o.rev > 0; IF FOUND THEN " NOTIFY
               "DELETE FROM pending_reference WHERE object = %d "
               "AND record = ANY (ARRAY (SELECT key FROM old_rows)); "
               "END IF; RETURN NULL; END",
               object->id);
}

/* ---- making ---- */

/* "%s" is the table. */
static const struct capture {
    const char *suffix;
    void (*put)(struct buf *out, const struct model_object *object);
    const char *when;
} captures[] = {
    {"inserted", put_inserted, "AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows"},
    {"updated", put_updated,
     "AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"},
    {"deleted", put_deleted, "AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows"},
};

static bool is_current(const PGresult *r, const char *name, struct str body)
{
    for (int i = 0; i < PQntuples(r); i++)
        if (str_is(pg_get_str(r, i, 0), name))
            return str_eq(pg_get_str(r, i, 1), body);
    return false;
}

static void make(struct buf *out, const struct model_object *object, const struct capture *c,
                 const char *name, struct str body)
{
    char when[160];
    snprintf(when, sizeof when, c->when, object->name);
    buf_printf(out,
               "CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
               "SET search_path = fastenr, pg_temp AS $capture$%.*s$capture$; "
               "DROP TRIGGER IF EXISTS %s ON %s; "
               "CREATE TRIGGER %s %s FOR EACH STATEMENT EXECUTE FUNCTION %s(); ",
               name, STR_ARG(body), name, object->name, name, when, name);
}

/* What else a table has for other programs. The trigger on the identity is one of rows that looks
 * only at statements which name these columns: the host's do not. */
static void make_rest(struct buf *out, const struct model_object *object)
{
    const char *t = object->name;
    buf_printf(out,
               "ALTER TABLE %s ALTER key SET DEFAULT nextval('%s_key'), "
               "ALTER id SET DEFAULT new_id(), "
               "ALTER organization SET DEFAULT only_organization(), "
               "ALTER rev SET DEFAULT 0, "
               "ALTER created_at SET DEFAULT now_us(), ALTER updated_at SET DEFAULT now_us(); "
               "DROP TRIGGER IF EXISTS %s_identity ON %s; CREATE TRIGGER %s_identity "
               "AFTER UPDATE OF key, id, organization ON %s FOR EACH ROW WHEN (OLD.key <> NEW.key "
               "OR OLD.id <> NEW.id OR OLD.organization <> NEW.organization) "
               "EXECUTE FUNCTION refuse_new_identity(); "
               "DROP TRIGGER IF EXISTS %s_truncated ON %s; CREATE TRIGGER %s_truncated "
               "BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate(); ",
               t, t, t, t, t, t, t, t, t, t);
}

int pg_missing_triggers(struct postgres_store *s, struct buf *out, struct error *err)
{
    PGresult *r = pg_query(s,
                           "SELECT t.tgname::text, p.prosrc FROM pg_trigger t "
                           "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n "
                           "ON n.oid = c.relnamespace AND n.nspname = 'fastenr' "
                           "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal",
                           NULL, "look at its triggers", err);
    if (!r)
        return -1;
    for (size_t o = 0; o < model_object_count; o++) {
        bool any = false;
        for (size_t i = 0; i < sizeof captures / sizeof captures[0]; i++) {
            struct buf body = BUF_INIT(DDL_MAX);
            char name[80];
            snprintf(name, sizeof name, "%s_%s", model_objects[o].name, captures[i].suffix);
            captures[i].put(&body, &model_objects[o]);
            if (!is_current(r, name, buf_view(&body))) {
                make(out, &model_objects[o], &captures[i], name, buf_view(&body));
                any = true;
            }
            buf_free(&body);
        }
        if (any)
            make_rest(out, &model_objects[o]);
    }
    PQclear(r);
    return 0;
}
