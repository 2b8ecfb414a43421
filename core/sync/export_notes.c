/* SPDX-License-Identifier: Apache-2.0 */
/* What an export writes, noted for a plan: a note for each write, in words that are the same when
 * it is prepared again. A record of ours is told by our id, as the vendor may not have it yet. */
#include <string.h>

#include "sync/export_internal.h"

enum { FIELDS_MAX = 64 * 1024 * 1024 };

/* ---- the other record ---- */

int export_other_id(struct export *x, const struct export_field *f, char ret_id[UUID_TEXT],
                    struct error *err)
{
    const struct rule *rule = &x->merge.target->object->mapping.rules[f->rule->rule];
    const struct model_object *object =
        rule->field.references ? model_object(str_from(rule->field.references)) : NULL;
    struct record_row row = {0};
    struct arena arena = {0};
    ret_id[0] = '\0';
    if (!object || f->other == 0)
        return 0;
    int rc = engine_of(x)->load_records(x->merge.store, object, &f->other, 1, &row, &arena, err);
    if (rc == 0 && row.key != 0)
        uuid_format(&row.id, ret_id);
    arena_free(&arena);
    return rc;
}

enum export_prospect export_prospect(struct export *x, const struct export_field *f)
{
    const struct rule *rule = &x->merge.target->object->mapping.rules[f->rule->rule];
    char id[UUID_TEXT];
    const uint8_t *key = store_hash_key(x->merge.store);
    if (!x->plan || export_other_id(x, f, id, NULL) != 0 || !id[0])
        return PROSPECT_NONE;
    const struct plan_object *object = plan_object(x->plan, rule->lookup);
    if (id_set_has(&object->ended, key, str_from(id)))
        return PROSPECT_ENDED;
    return id_set_has(&object->made, key, str_from(id)) ? PROSPECT_MADE : PROSPECT_NONE;
}

/* ---- fields ---- */

static int put_field(struct export *x, const struct export_field *f, enum plan_op op,
                     struct json_writer *w, struct error *err)
{
    char id[UUID_TEXT] = "";
    if (f->other != 0 && export_other_id(x, f, id, err) != 0)
        return -1;
    bool none = op == PLAN_ASSOCIATE || f->before.len == 0; /* what was there goes by itself */
    json_key_str(w, f->rule->to);
    json_open(w, '[');
    json_put_raw(w, none ? STR("null") : f->before);
    if (f->clear || op == PLAN_DISSOCIATE) {
        json_put_null(w);
    } else if (id[0]) {
        json_open(w, '{');
        json_key(w, "record");
        json_put_text(w, id);
        json_close(w, '}');
    } else {
        json_put_str(w, f->text);
    }
    json_close(w, ']');
    return 0;
}

/* Whether the record is here since this transaction alone: then it has no id yet. */
static bool is_new_here(const struct export *x, struct str external_id)
{
    const struct plan_notes *n = x->merge.notes;
    for (size_t i = 0; i < n->count; i++)
        if (n->items[i].side == PLAN_HERE && n->items[i].op == PLAN_CREATE &&
            str_eq(n->items[i].external_id, external_id))
            return true;
    return false;
}

static int note_write(struct export *x, const struct export_item *item,
                      const struct export_field *fields, size_t count, enum plan_op op,
                      struct error *err)
{
    const struct object_setup *object = x->merge.target->object;
    struct buf text = BUF_INIT(FIELDS_MAX);
    struct json_writer w = {.out = &text};
    static const struct uuid none; /* of a record that another program took out of its table */
    char id[UUID_TEXT] = "";
    int rc = 0;
    bool fresh = x->plan && item->link.key != 0 && is_new_here(x, item->external_id);
    if (!fresh && memcmp(&item->id, &none, sizeof none) != 0)
        uuid_format(&item->id, id);
    json_open(&w, '{');
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = put_field(x, &fields[i], op, &w, err);
    json_close(&w, '}');
    if (rc == 0 && text.full)
        rc = error_set(err, "what would be written of one record is larger than %d MiB",
                       FIELDS_MAX >> 20);
    if (rc == 0) {
        struct plan_note *note =
            plan_add(x->merge.notes, &(struct plan_note){.side = PLAN_THERE,
                                                         .op = op,
                                                         .model = object->model,
                                                         .record = item->record,
                                                         .external_id = item->external_id,
                                                         .record_id = str_from(id),
                                                         .fields = buf_view(&text)});
        note->line = plan_line(note, object->item->name, &x->merge.notes->arena);
    }
    buf_free(&text);
    return rc;
}

/* ---- groups ---- */

static enum plan_op op_of(enum write_op op)
{
    switch (op) {
    case WRITE_CREATE:
    case WRITE_UPSERT:
        return PLAN_CREATE;
    case WRITE_ARCHIVE:
        return PLAN_DELETE;
    case WRITE_RESTORE:
        return PLAN_RESTORE;
    case WRITE_ASSOCIATE:
        return PLAN_ASSOCIATE;
    case WRITE_DISSOCIATE:
        return PLAN_DISSOCIATE;
    default:
        return PLAN_UPDATE;
    }
}

static int note_group(struct export *x, const struct export_group *g, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < g->count && rc == 0; i++) {
        const struct export_item *item = g->items[i];
        const struct export_field *joined = g->joined[i];
        size_t values = g->op == WRITE_ARCHIVE ? 0 : item->value_count;
        rc = joined ? note_write(x, item, joined, 1, op_of(g->op), err)
                    : note_write(x, item, item->values, values, op_of(g->op), err);
    }
    return rc;
}

/* Of records that are new there: they are associated once they are made. */
static int note_later(struct export *x, const struct export_item *item, struct error *err)
{
    for (size_t i = 0; i < item->join_count && item->link.key == 0; i++)
        if (!item->joins[i].clear &&
            note_write(x, item, &item->joins[i], 1, PLAN_ASSOCIATE, err) != 0)
            return -1;
    return 0;
}

int export_note_writes(struct export *x, struct error *err)
{
    for (size_t i = 0; i < x->group_count; i++)
        if (note_group(x, &x->groups[i], err) != 0)
            return -1;
    for (size_t i = 0; i < x->count && x->plan; i++)
        if (note_later(x, &x->items[i], err) != 0)
            return -1;
    return 0;
}
