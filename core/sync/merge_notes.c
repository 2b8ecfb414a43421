/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch changes, noted for a plan: what is about to be written, in words that are the same
 * when it is done again. A new record has no id yet, and one that refers to it none either: so a
 * reference is told by the vendor's id, whether or not its record is here.
 */
#include <stdlib.h>

#include "sync/custom.h"
#include "sync/merge_internal.h"

enum { FIELDS_MAX = 256 * 1024 * 1024 };

/* ---- values ---- */

static void put_json(struct json_writer *w, const struct json *value)
{
    struct buf text = BUF_INIT(FIELDS_MAX);
    json_write(&text, value);
    json_put_raw(w, buf_view(&text));
    buf_free(&text);
}

/* {"companies": "77"} */
static void put_theirs(struct json_writer *w, struct str object, struct str id)
{
    json_open(w, '{');
    json_key_str(w, object);
    json_put_str(w, id);
    json_close(w, '}');
}

/* The id of a record of ours; null where there is none. */
static int put_ours(struct batch *b, struct json_writer *w, const struct model_field *field,
                    int64_t key, struct error *err)
{
    const struct model_object *object = model_object(str_from(field->references));
    struct arena arena = {0};
    struct record_row row = {0};
    char id[UUID_TEXT];
    int rc = key != 0 && object
                 ? engine_of(b)->load_records(b->merge->store, object, &key, 1, &row, &arena, err)
                 : 0;
    if (rc == 0 && row.key != 0)
        json_put_text(w, uuid_format(&row.id, id));
    else if (rc == 0)
        json_put_null(w);
    arena_free(&arena);
    return rc;
}

struct members {
    struct json_writer *w;
    const struct json *before, *after;
};

static void put_custom(struct json_writer *w, struct str name, const struct json *before,
                       const struct json *after)
{
    struct buf key = BUF_INIT(1024), was = BUF_INIT(FIELDS_MAX), is = BUF_INIT(FIELDS_MAX);
    json_write(&was, before);
    json_write(&is, after);
    if (!str_eq(buf_view(&was), buf_view(&is))) {
        buf_printf(&key, "custom_fields.%.*s", STR_ARG(name));
        json_key_str(w, buf_view(&key));
        json_open(w, '[');
        json_put_raw(w, buf_view(&was));
        json_put_raw(w, buf_view(&is));
        json_close(w, ']');
    }
    buf_free(&key);
    buf_free(&was);
    buf_free(&is);
}

static bool put_member(void *arg, struct str name, const struct json *value)
{
    const struct members *m = arg;
    put_custom(m->w, name, json_member(m->before, name), value);
    return true;
}

static bool put_lost_member(void *arg, struct str name, const struct json *value)
{
    const struct members *m = arg;
    if (!json_has(m->after, name))
        put_custom(m->w, name, value, NULL);
    return true;
}

/* Each that differs, by its own name. */
static void put_custom_fields(struct json_writer *w, const struct json *before,
                              const struct json *after)
{
    struct members m = {w, before, after};
    json_each(after, put_member, &m);
    json_each(before, put_lost_member, &m);
}

/* ---- a record that came ---- */

static const struct rule *rule_of(const struct batch *b, size_t field, size_t *ret_rule)
{
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        if (b->mapping->rules[i].index == (int)field && rule_imports(&b->mapping->rules[i])) {
            *ret_rule = i;
            return &b->mapping->rules[i];
        }
    return NULL;
}

/* The vendor's id that a field gets its value by; empty: it has another, or none. */
static struct str referred_id(const struct batch *b, const struct item *item, size_t r)
{
    const struct rule *rule = &b->mapping->rules[r];
    const struct value *v = &item->record->mapped.values[r];
    int64_t stream = b->merge->target->lookups[r];
    if (!rule_refers(rule) || v->state != VALUE_TEXT || stream == 0 ||
        batch_was_erased(b, stream, v->text))
        return STR("");
    return v->text;
}

/* What is taken of another record, for people: it may not be here yet. */
static void show(struct json_writer *shown, const struct rule *rule, const struct value *value)
{
    if (rule->take.len == 0 || value->state == VALUE_NULL)
        return;
    json_key(shown, rule->field.name);
    value_write_json(shown, rule->field.kind, value);
}

static void put_created_field(struct batch *b, const struct item *item, size_t f,
                              struct json_writer *w, struct json_writer *shown)
{
    const struct model_field *field = &b->mapping->object->fields[f];
    size_t r = 0;
    const struct rule *rule = rule_of(b, f, &r);
    struct str id = rule ? referred_id(b, item, r) : STR("");
    if (id.len == 0 && item->row->fields[f].state == VALUE_NULL)
        return;
    json_key(w, field->name);
    json_open(w, '[');
    json_put_null(w);
    if (id.len > 0)
        put_theirs(w, rule->lookup, id);
    else
        value_write_json(w, field->kind, &item->row->fields[f]);
    json_close(w, ']');
    if (id.len > 0)
        show(shown, rule, &item->row->fields[f]);
}

static int put_created(struct batch *b, const struct item *item, struct json_writer *w,
                       struct json_writer *shown, struct error *err)
{
    const struct json *custom;
    if (custom_read(b->mapping->object, item->key, item->row->custom, &custom, err) != 0)
        return -1;
    for (size_t f = 0; f < b->mapping->object->field_count; f++)
        put_created_field(b, item, f, w, shown);
    put_custom_fields(w, NULL, custom);
    json_free(custom);
    return 0;
}

/* A field that refers: as it was, and the vendor's id. */
static int put_referring(struct batch *b, const struct item *item, size_t f, size_t r,
                         const struct json *pair, struct json_writer *w, struct json_writer *shown,
                         struct error *err)
{
    const struct model_field *field = &b->mapping->object->fields[f];
    struct str id = referred_id(b, item, r);
    bool waits = id.len > 0 && item->references[r].state == VALUE_NULL;
    int rc = 0;
    if (!pair && !waits)
        return 0;
    const struct value *now = &item->row->fields[f];
    int64_t was = pair ? json_int(json_element(pair, 0)) : now->integer;
    json_key(w, field->name);
    json_open(w, '[');
    if (field->kind == KIND_REFERENCE)
        rc = put_ours(b, w, field, was, err);
    else if (pair)
        put_json(w, json_element(pair, 0));
    else
        value_write_json(w, field->kind, now);
    if (id.len > 0)
        put_theirs(w, b->mapping->rules[r].lookup, id);
    else
        json_put_null(w);
    json_close(w, ']');
    if (id.len > 0)
        show(shown, &b->mapping->rules[r], &item->references[r]);
    return rc;
}

static int put_changed(struct batch *b, const struct item *item, const struct json *body,
                       struct json_writer *w, struct json_writer *shown, struct error *err)
{
    const struct model_object *object = b->mapping->object;
    const struct json *custom = json_member(body, STR("custom_fields"));
    for (size_t f = 0; f < object->field_count; f++) {
        size_t r = 0;
        const struct rule *rule = rule_of(b, f, &r);
        const struct json *pair = json_member(body, str_from(object->fields[f].name));
        if (rule && rule_refers(rule) && has_moved(item, r)) {
            if (put_referring(b, item, f, r, pair, w, shown, err) != 0)
                return -1;
        } else if (pair) {
            json_key(w, object->fields[f].name);
            put_json(w, pair);
        }
    }
    put_custom_fields(w, json_element(custom, 0), json_element(custom, 1));
    return 0;
}

static int by_update_key(const void *a, const void *b)
{
    const struct record_update *x = a, *y = b;
    return (x->row->key > y->row->key) - (x->row->key < y->row->key);
}

static const struct record_update *update_of(const struct batch *b, const struct item *item)
{
    const struct record_update wanted = {.row = item->row};
    return b->out.update_count > 0
               ? bsearch(&wanted, b->out.updates, b->out.update_count, sizeof wanted, by_update_key)
               : NULL;
}

static bool is_restored(const struct batch *b, const struct item *item)
{
    for (size_t i = 0; i < b->out.end_count; i++)
        if (b->out.ends[i].row == item->row)
            return true;
    return false;
}

static enum plan_op op_of(const struct batch *b, const struct item *item)
{
    if (item->created)
        return PLAN_CREATE;
    if (is_restored(b, item))
        return PLAN_RESTORE;
    bool anew = item->link.key == 0 || item->link.ended != LINK_LIVE;
    return anew ? PLAN_LINK : PLAN_UPDATE;
}

static int put_fields(struct batch *b, const struct item *item, struct json_writer *w,
                      struct json_writer *shown, struct error *err)
{
    const struct record_update *update = item->created ? NULL : update_of(b, item);
    const struct json *body = NULL;
    if (item->created)
        return put_created(b, item, w, shown, err);
    if (update && json_parse(update->body, &body, err) != 0)
        return -1;
    int rc = put_changed(b, item, body, w, shown, err);
    json_free(body);
    return rc;
}

static int note_item(struct batch *b, const struct item *item, struct error *err)
{
    struct buf fields = BUF_INIT(FIELDS_MAX), besides = BUF_INIT(FIELDS_MAX);
    struct json_writer w = {.out = &fields}, shown = {.out = &besides};
    char id[UUID_TEXT] = "";
    struct plan_note note = {.side = PLAN_HERE,
                             .op = op_of(b, item),
                             .model = b->mapping->object,
                             .record = item->key,
                             .external_id = item->record->id};
    json_open(&w, '{');
    json_open(&shown, '{');
    int rc = put_fields(b, item, &w, &shown, err);
    json_close(&w, '}');
    json_close(&shown, '}');
    if (!item->created)
        uuid_format(&item->row->id, id);
    note.record_id = str_from(id);
    note.fields = buf_view(&fields);
    note.shown = buf_view(&besides);
    if (rc == 0 && fields.full)
        rc = error_set(err, "the change of the record '%.*s' is larger than %d MiB",
                       STR_ARG(item->record->id), FIELDS_MAX >> 20);
    if (rc == 0 && (note.op != PLAN_UPDATE || fields.len > 2))
        plan_add(b->merge->notes, &note);
    buf_free(&fields);
    buf_free(&besides);
    return rc;
}

static void note_due(struct batch *b)
{
    for (size_t i = 0; i < b->due_count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (b->items[j].key == b->due[i]) {
                plan_add_due(b->merge->notes, b->items[j].record->id);
                break;
            }
}

int batch_note_items(struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->count && b->merge->notes; i++)
        if (note_item(b, &b->items[i], err) != 0)
            return -1;
    if (b->merge->notes)
        note_due(b);
    return 0;
}

/* ---- what follows from it ---- */

/* An id that the vendor merged into another one means that one's record. */
static struct str winner_of(const struct batch *b, struct str id)
{
    for (size_t i = 0; i < b->absorbed_count; i++)
        if (str_eq(b->absorbed[i].id, id))
            return b->absorbed[i].winner;
    return id;
}

void batch_note_follow(struct batch *b, const struct model_object *model,
                       const struct record_row *row, struct str body, struct str cause)
{
    char id[UUID_TEXT];
    const struct plan_note note = {.side = PLAN_HERE,
                                   .op = PLAN_UPDATE,
                                   .model = model,
                                   .record = row->key,
                                   .record_id = str_from(uuid_format(&row->id, id)),
                                   .look = winner_of(b, cause),
                                   .fields = body,
                                   .raw = true};
    if (b->merge->notes)
        plan_add(b->merge->notes, &note);
}

/* Of what was merged into a record. */
struct str batch_winner_id(const struct batch *b, int64_t record)
{
    for (size_t i = 0; i < b->absorbed_count; i++)
        if (b->absorbed[i].record == record)
            return b->absorbed[i].winner;
    return STR("");
}

void batch_note_end(struct batch *b, const struct record_row *row, const struct leaving *lost)
{
    static const char *const reasons[] = {[LINK_LIVE] = "",
                                          [LINK_ARCHIVED] = "archived",
                                          [LINK_MERGED] = "merged",
                                          [LINK_ABSENT] = "absent",
                                          [LINK_OUT_OF_SCOPE] = "out of scope"};
    char id[UUID_TEXT];
    const struct plan_note note = {.side = PLAN_HERE,
                                   .op = PLAN_DELETE,
                                   .model = b->mapping->object,
                                   .record = row->key,
                                   .external_id = lost->external_id,
                                   .record_id = str_from(uuid_format(&row->id, id)),
                                   .look = batch_winner_id(b, lost->winner),
                                   .why = str_from(reasons[lost->ended])};
    if (b->merge->notes)
        plan_add(b->merge->notes, &note);
}

/* ---- closing ---- */

static const struct model_field *field_named(const struct model_object *object, struct str name)
{
    int index = model_field(object, name);
    return index < 0 ? NULL : &object->fields[index];
}

struct telling {
    struct batch *b;
    const struct plan_note *note;
    struct json_writer w;
    int rc;
    struct error *err;
};

/* A pair of a log row: keys of records become ids. */
static bool tell_pair(void *arg, struct str name, const struct json *pair)
{
    struct telling *t = arg;
    const struct model_field *field = field_named(t->note->model, name);
    json_key_str(&t->w, name);
    if (!field || field->kind != KIND_REFERENCE) {
        put_json(&t->w, pair);
        return true;
    }
    json_open(&t->w, '[');
    t->rc = put_ours(t->b, &t->w, field, json_int(json_element(pair, 0)), t->err);
    if (json_element(pair, 1))
        put_theirs(&t->w, t->b->merge->target->object->item->name, t->note->look);
    else
        json_put_null(&t->w);
    json_close(&t->w, ']');
    return t->rc == 0;
}

static int tell_raw(struct batch *b, struct plan_note *note, struct error *err)
{
    struct buf text = BUF_INIT(FIELDS_MAX);
    struct telling t = {.b = b, .note = note, .w = {.out = &text}, .err = err};
    const struct json *body = NULL;
    if (json_parse(note->fields, &body, err) != 0)
        return -1;
    json_open(&t.w, '{');
    json_each(body, tell_pair, &t);
    json_close(&t.w, '}');
    note->fields = arena_str(&b->merge->notes->arena, buf_view(&text));
    note->raw = false;
    json_free(body);
    buf_free(&text);
    return t.rc;
}

int batch_close_notes(struct batch *b, struct error *err)
{
    struct plan_notes *notes = b->merge->notes;
    for (size_t i = 0; notes && i < notes->count; i++) {
        struct plan_note *note = &notes->items[i];
        if (note->line.len > 0)
            continue;
        if (note->raw && tell_raw(b, note, err) != 0)
            return -1;
        note->line = plan_line(note, b->merge->target->object->item->name, &notes->arena);
    }
    return 0;
}
