/* SPDX-License-Identifier: Apache-2.0 */
#include "store/erase_sql.h"

enum { CONTACT = 2, OWNER = 10 /* ids of the model */, UPDATE_MAX = 64 * 1024 };

static void add_step(struct erase_sql *sql, const char *text)
{
    sql->steps[sql->step_count++] = arena_printf(sql->arena, "%s%s", sql->dialect->prefix, text);
}

static void add_count(struct erase_sql *sql, int64_t *number, const char *from)
{
    sql->counts[sql->count_count++] = (struct erase_count_query){
        arena_printf(sql->arena, "%sSELECT count(*) FROM %s", sql->dialect->prefix, from), number};
}

/* ---- whose it is ---- */

static void name_people(struct erase_sql *sql)
{
    const struct erase_dialect *d = sql->dialect;
    const char **const names[] = {&sql->contacts, &sql->owners};
    const char **const past[] = {&sql->past_contacts, &sql->past_owners};
    const char *const tables[] = {"contact", "owner"};
    static const int objects[] = {CONTACT, OWNER};
    for (size_t i = 0; i < 2; i++) {
        const char *present = arena_printf(
            sql->arena, "SELECT key FROM %s WHERE organization = %s AND lower(email%s) = %s",
            tables[i], d->organization, d->collation, d->address);
        *names[i] = arena_printf(sql->arena, "(%s)", present);
        *past[i] = arena_printf(sql->arena,
                                "(%s UNION ALL SELECT record FROM log WHERE object = %d AND "
                                "op = %d AND %s)",
                                present, objects[i], LOG_DELETE, d->gone);
    }
}

/* Links of records that are the person's, of streams of that object. */
static const char *links_to(struct erase_sql *sql, int object, const char *records)
{
    return arena_printf(sql->arena,
                        "SELECT l.key FROM link l JOIN stream s ON s.id = l.stream "
                        "WHERE s.object = %d AND l.record IN %s",
                        object, records);
}

static void name_links(struct erase_sql *sql)
{
    sql->links =
        arena_printf(sql->arena, "(%s UNION ALL %s)", links_to(sql, CONTACT, sql->past_contacts),
                     links_to(sql, OWNER, sql->past_owners));
}

/* On rows that have the columns `object` and `record`. */
static const char *theirs(struct erase_sql *sql)
{
    return arena_printf(sql->arena,
                        "((object = %d AND record IN %s) OR (object = %d AND record IN %s))",
                        CONTACT, sql->past_contacts, OWNER, sql->past_owners);
}

/* On rows that have the columns `stream` and `record`. */
static const char *of_their_streams(struct erase_sql *sql)
{
    static const char streams[] = "stream IN (SELECT id FROM stream WHERE object =";
    return arena_printf(sql->arena, "((%s %d) AND record IN %s) OR (%s %d) AND record IN %s))",
                        streams, CONTACT, sql->past_contacts, streams, OWNER, sql->past_owners);
}

/* On rows of the quarantine. */
static const char *own_in_quarantine(struct erase_sql *sql)
{
    return arena_printf(sql->arena,
                        "(%s OR (stream, external_id) IN "
                        "(SELECT stream, external_id FROM link WHERE key IN %s))",
                        sql->dialect->own_payload, sql->links);
}

/* ---- other records ---- */

static bool is_person(const struct model_object *object)
{
    return object->id == CONTACT || object->id == OWNER;
}

/* Whether it was taken of the person, whose links still wait with it to follow: see sync/take.h. */
static void put_taken(const struct erase_sql *sql, struct buf *out,
                      const struct model_object *object, const struct model_field *field)
{
    buf_printf(out,
               "key IN (SELECT record FROM pending_reference WHERE object = %d AND field = %d AND "
               "(stream, external_id) IN (SELECT stream, external_id FROM link WHERE key IN %s))",
               object->id, field->id, sql->links);
}

bool erase_sql_emptied(const struct erase_sql *sql, struct buf *out,
                       const struct model_object *object, const struct model_field *field)
{
    const struct erase_dialect *d = sql->dialect;
    if (field->kind == KIND_REFERENCE) {
        const struct model_object *to = model_object(str_from(field->references));
        if (!is_person(to))
            return false;
        buf_printf(out, "%s IN %s", field->name, to->id == CONTACT ? sql->contacts : sql->owners);
        return true;
    }
    if (object->is_table) /* takes nothing, and what address it has is its own */
        return false;
    buf_char(out, '(');
    if (field->kind == KIND_EMAIL && !is_person(object))
        buf_printf(out, "lower(%s%s) = %s OR ", field->name, d->collation, d->address);
    put_taken(sql, out, object, field);
    buf_char(out, ')');
    return true;
}

void erase_sql_of_others(const struct erase_sql *sql, struct buf *out,
                         const struct model_object *object)
{
    if (is_person(object))
        buf_printf(out, " AND key NOT IN %s", object->id == CONTACT ? sql->contacts : sql->owners);
}

/* Appends " WHERE" any field of the object is to be emptied; false when none ever is. */
static bool put_where(const struct erase_sql *sql, struct buf *out,
                      const struct model_object *object)
{
    bool any = false;
    struct buf condition = BUF_INIT(UPDATE_MAX);
    buf_printf(out, " WHERE organization = %s AND (", sql->dialect->organization);
    for (size_t i = 0; i < object->field_count; i++) {
        buf_clear(&condition);
        if (!erase_sql_emptied(sql, &condition, object, &object->fields[i]))
            continue;
        buf_printf(out, "%s%s", any ? " OR " : "", buf_cstr(&condition));
        any = true;
    }
    buf_char(out, ')');
    erase_sql_of_others(sql, out, object);
    buf_free(&condition);
    return any;
}

static void put_update(const struct erase_sql *sql, struct buf *out,
                       const struct model_object *object)
{
    struct buf condition = BUF_INIT(UPDATE_MAX);
    const char *separator = " SET ";
    buf_printf(out, "UPDATE %s", object->name);
    for (size_t i = 0; i < object->field_count; i++) {
        const char *name = object->fields[i].name;
        buf_clear(&condition);
        if (!erase_sql_emptied(sql, &condition, object, &object->fields[i]))
            continue;
        buf_printf(out, "%s%s = CASE WHEN %s THEN NULL ELSE %s END", separator, name,
                   buf_cstr(&condition), name);
        separator = ", ";
    }
    buf_free(&condition);
}

/* References to the person and what was taken of them. */
static void add_others(struct erase_sql *sql, struct erase_counts *counts)
{
    struct buf update = BUF_INIT(UPDATE_MAX), where = BUF_INIT(UPDATE_MAX);
    for (size_t i = 0; i < model_object_count; i++) {
        const struct model_object *object = &model_objects[i];
        buf_clear(&update);
        buf_clear(&where);
        if (!put_where(sql, &where, object))
            continue;
        put_update(sql, &update, object);
        buf_text(&update, buf_cstr(&where));
        add_step(sql, buf_cstr(&update));
        add_count(sql, &counts->emptied,
                  arena_printf(sql->arena, "%s%s", object->name, buf_cstr(&where)));
    }
    buf_free(&update);
    buf_free(&where);
}

/* ---- the whole ---- */

static void add_counts(struct erase_sql *sql, const char *own, struct erase_counts *counts)
{
    const struct erase_dialect *d = sql->dialect;
    struct arena *a = sql->arena;
    add_count(sql, &counts->records, arena_printf(a, "contact WHERE key IN %s", sql->contacts));
    add_count(sql, &counts->owners, arena_printf(a, "owner WHERE key IN %s", sql->owners));
    add_count(sql, &counts->links, arena_printf(a, "link WHERE key IN %s", sql->links));
    add_count(sql, &counts->log_rows, arena_printf(a, "log WHERE %s OR %s", theirs(sql), d->body));
    add_count(sql, &counts->quarantined, arena_printf(a, "quarantine WHERE %s OR %s", own, d->id));
    add_count(sql, &counts->payloads,
              arena_printf(a, "quarantine WHERE (%s OR %s) AND NOT (%s OR %s)", d->payload,
                           d->reason, own, d->id));
}

/* What of others is about to be written, or waits for a person, is what these records have, and
 * stays as they do. */
static void add_exports(struct erase_sql *sql)
{
    static const char *const tables[] = {"export_due", "export_write", "sent", "conflict"};
    const struct erase_dialect *d = sql->dialect;
    struct arena *a = sql->arena;
    const char *own = of_their_streams(sql);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        add_step(sql, arena_printf(a, "DELETE FROM %s WHERE %s", tables[i], own));
    add_step(sql, arena_printf(a, "UPDATE sent SET body = NULL WHERE %s", d->sent));
    add_step(sql, arena_printf(a,
                               "UPDATE export_write SET body = '{}', reason = '%s' WHERE state = "
                               "%d AND %s",
                               STORE_ERASED_REASON, WRITE_REFUSED, d->refused));
    add_step(sql, arena_printf(a,
                               "UPDATE conflict SET base = NULL, local = 'null', remote = 'null' "
                               "WHERE state <> %d AND %s",
                               CONFLICT_OPEN, d->conflict));
}

/* What was agreed on once, others' records need not have any more. */
static void add_bases(struct erase_sql *sql)
{
    const struct erase_dialect *d = sql->dialect;
    struct arena *a = sql->arena;
    add_step(sql, arena_printf(a, "UPDATE conflict SET base = NULL WHERE %s", d->conflict));
    add_step(sql, arena_printf(a, "UPDATE link SET base = NULL WHERE %s", d->base));
    add_step(sql, arena_printf(a, "UPDATE moved_link SET base = NULL WHERE %s", d->moved));
}

/* While the links and the references that wait are still there, the rest is found by them. */
static void add_quarantine(struct erase_sql *sql, const char *own)
{
    const struct erase_dialect *d = sql->dialect;
    struct arena *a = sql->arena;
    add_step(sql, arena_printf(a,
                               "DELETE FROM pending_reference WHERE %s OR (stream, external_id) IN "
                               "(%s) OR lower(external_id%s) = %s",
                               theirs(sql), sql->ids, d->collation, d->address));
    add_step(sql, arena_printf(a,
                               "DELETE FROM moved_pending WHERE %s OR (stream, external_id) IN "
                               "(%s) OR lower(external_id%s) = %s",
                               theirs(sql), sql->ids, d->collation, d->address));
    add_step(sql, arena_printf(a, "DELETE FROM quarantine WHERE %s OR %s", own, d->id));
    add_step(sql, arena_printf(a, "UPDATE quarantine SET payload = '%s' WHERE %s",
                               STORE_ERASED_PAYLOAD, d->payload));
    add_step(sql, arena_printf(a, "UPDATE quarantine SET reason = '%s' WHERE %s",
                               STORE_ERASED_REASON, d->reason));
}

/* The log by which some are found goes after what is theirs, the records last. */
static void add_rest(struct erase_sql *sql)
{
    const struct erase_dialect *d = sql->dialect;
    struct arena *a = sql->arena;
    const char *in_links = arena_printf(a, "IN %s", sql->links);
    add_step(sql, arena_printf(a, "DELETE FROM walk_seen WHERE link %s", in_links));
    add_step(sql, arena_printf(a, "DELETE FROM moved_link WHERE link %s", in_links));
    add_step(sql, arena_printf(a, "DELETE FROM link WHERE key %s", in_links));
    /* SQLite gives the key of the last link once more; a walk under way would miss that link. */
    add_step(sql, "UPDATE stream SET walk_links = (SELECT coalesce(max(key), 0) FROM link) "
                  "WHERE walk_links > (SELECT coalesce(max(key), 0) FROM link)");
    add_step(sql, arena_printf(a, "DELETE FROM log WHERE %s", theirs(sql)));
    add_step(sql, arena_printf(a, "UPDATE log SET body = NULL WHERE %s", d->body));
    add_step(sql, arena_printf(a, "DELETE FROM contact WHERE key IN %s", sql->contacts));
    add_step(sql, arena_printf(a, "DELETE FROM owner WHERE key IN %s", sql->owners));
    add_step(sql, arena_printf(a, "UPDATE run SET reason = '%s' WHERE %s", STORE_ERASED_REASON,
                               d->run_reason));
    add_step(sql, arena_printf(a, "UPDATE pause SET reason = '%s' WHERE %s", STORE_ERASED_REASON,
                               d->pause_reason));
    /* The read that was interrupted begins anew. */
    add_step(sql, arena_printf(a,
                               "UPDATE stream SET walk = 0, walk_links = 0, position = NULL "
                               "WHERE %s",
                               d->position));
}

void erase_sql_make(struct erase_sql *ret, const struct erase_dialect *dialect,
                    struct erase_counts *counts, struct arena *arena)
{
    *ret = (struct erase_sql){.dialect = dialect, .arena = arena};
    name_people(ret);
    name_links(ret);
    const char *own = own_in_quarantine(ret);
    ret->ids = arena_printf(arena,
                            "SELECT stream, external_id FROM link WHERE key IN %s UNION SELECT "
                            "stream, external_id FROM quarantine WHERE %s",
                            ret->links, own);
    add_counts(ret, own, counts);
    add_others(ret, counts);
    add_exports(ret);
    add_bases(ret);
    add_quarantine(ret, own);
    add_rest(ret);
}
