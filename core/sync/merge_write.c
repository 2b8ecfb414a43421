/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch writes: field by field, references by the keys of their records. */
#include <stdlib.h>

#include "sync/custom.h"
#include "sync/merge_internal.h"

/* ---- references ---- */

void batch_note_pending(struct batch *b, const struct item *item, size_t rule, int64_t stream,
                        struct str external_id)
{
    b->out.pending[b->out.pending_count++] =
        (struct pending_write){.stream = stream,
                               .row = {.external_id = external_id,
                                       .object = b->mapping->object->id,
                                       .record = item->key,
                                       .field = b->mapping->rules[rule].field.id}};
}

/* The record that the reference means, or a note that it is missing. */
static void take_reference(struct batch *b, struct item *item, size_t rule, int64_t stream,
                           const struct link_row *found)
{
    struct str id = item->record->mapped.values[rule].text;
    bool same = stream == b->merge->target->stream;
    /* One that lives again may have another record from this batch on. */
    bool links = found->key != 0 && found->ended == LINK_LIVE;
    const struct item *here = same && !links ? batch_find(b, id) : NULL;
    int64_t key = here ? here->key : found->record;
    if (key != 0)
        item->references[rule] = (struct value){.state = VALUE_INTEGER, .integer = key};
    if (key == 0 && !batch_was_erased(b, stream, id))
        batch_note_pending(b, item, rule, stream, id);
    else if (!item->created)
        batch_note_pending(b, item, rule, stream, STR("")); /* an older one may still wait */
}

static int resolve_rule(struct batch *b, size_t rule, struct error *err)
{
    int64_t stream = b->merge->target->lookups[rule];
    struct str *ids = arena_new(&b->arena, b->count, sizeof ids[0]);
    struct item **items = arena_new(&b->arena, b->count, sizeof items[0]);
    struct link_row *found = arena_new(&b->arena, b->count, sizeof found[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        if (!has_moved(item, rule))
            continue;
        if (item->record->mapped.values[rule].state == VALUE_TEXT && stream != 0) {
            items[n] = item;
            ids[n++] = item->record->mapped.values[rule].text;
        } else if (!is_first_meeting(item)) { /* which does not empty what is there */
            batch_note_pending(b, item, rule, 0, STR(""));
        }
    }
    if (n == 0)
        return 0;
    if (engine_of(b)->load_links(b->merge->store, stream, ids, n, found, NULL, err) != 0)
        return -1;
    if (b->mapping->rules[rule].take.len > 0)
        return batch_take(b, rule, items, found, n, err);
    for (size_t i = 0; i < n; i++)
        take_reference(b, items[i], rule, stream, &found[i]);
    return 0;
}

int batch_resolve(struct batch *b, struct error *err)
{
    size_t references = 0;
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        references += rule_refers(&b->mapping->rules[i]);
    b->out.pending = arena_new(&b->arena, b->count * references, sizeof b->out.pending[0]);
    for (size_t i = 0; i < b->count && references > 0; i++)
        b->items[i].references =
            arena_new(&b->arena, b->mapping->rule_count, sizeof b->items[i].references[0]);
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        if (rule_refers(&b->mapping->rules[i]) && resolve_rule(b, i, err) != 0)
            return -1;
    return 0;
}

/* ---- custom fields ---- */

static bool is_edited(const struct item *item, const struct rule *rule, size_t i)
{
    if (rule->index >= 0 || !has_moved(item, i))
        return false;
    /* A first meeting does not empty what is there. */
    return !is_first_meeting(item) || taken_value(item, i)->state != VALUE_NULL;
}

/* Whether a custom field has this value already: as values, since two writers may escape a text
 * differently. */
static bool is_same_json(const struct json *value, struct str text)
{
    struct buf old = BUF_INIT(CUSTOM_MAX), new = BUF_INIT(CUSTOM_MAX);
    const struct json *parsed = NULL;
    json_write(&old, value);
    bool same = str_eq(buf_view(&old), text);
    if (!same && json_parse(text, &parsed, NULL) == 0) {
        json_write(&new, parsed);
        same = str_eq(buf_view(&old), buf_view(&new));
    }
    json_free(parsed);
    buf_free(&old);
    buf_free(&new);
    return same;
}

static bool edits_custom(const struct batch *b, const struct item *item)
{
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        if (is_edited(item, &b->mapping->rules[i], i))
            return true;
    return false;
}

bool batch_custom_differs(const struct batch *b, const struct item *item, size_t i,
                          const struct json *old)
{
    const struct value *v = taken_value(item, i);
    const struct json *there = json_member(old, str_from(b->mapping->rules[i].field.name));
    return v->state == VALUE_TEXT ? !there || !is_same_json(there, v->text) : there != NULL;
}

/* Whether the custom fields differ from those that are there. */
static bool changes_custom(const struct batch *b, const struct item *item, const struct json *old)
{
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        if (is_edited(item, &b->mapping->rules[i], i) && batch_custom_differs(b, item, i, old))
            return true;
    return false;
}

static bool write_custom(struct batch *b, const struct item *item, const struct json *old,
                         struct str *ret_text)
{
    const struct mapping *m = b->mapping;
    struct custom_change *changes = arena_new(&b->arena, m->rule_count, sizeof changes[0]);
    size_t n = 0;
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct value *v = taken_value(item, i);
        struct str json = v->state == VALUE_TEXT ? v->text : STR("");
        if (is_edited(item, &m->rules[i], i))
            changes[n++] = (struct custom_change){.name = m->rules[i].field.name, .json = json};
    }
    return custom_edit(old, changes, n, &b->arena, ret_text);
}

/* The custom fields with the moved ones in place; `old` itself when they have these values. */
static int edit_custom(struct batch *b, const struct item *item, struct str old,
                       struct str *ret_text, struct error *err)
{
    const struct json *root = NULL;
    int rc = 0;
    *ret_text = old;
    if (!edits_custom(b, item))
        return 0;
    if (custom_read(b->mapping->object, item->key, old, &root, err) != 0)
        return -1;
    if (changes_custom(b, item, root) && !write_custom(b, item, root, ret_text))
        rc = error_set(err,
                       "the custom fields of the record '%.*s' are larger than %d MiB: map fewer",
                       STR_ARG(item->record->id), CUSTOM_MAX >> 20);
    json_free(root);
    return rc;
}

/* ---- new records ---- */

static const struct value *value_for(const struct item *item, const struct rule *rule, size_t i)
{
    return rule_refers(rule) ? &item->references[i] : taken_value(item, i);
}

static void set_defaults(struct batch *b, struct record_row *row)
{
    const struct model_object *object = b->mapping->object;
    for (size_t i = 0; i < object->field_count; i++)
        if (row->fields[i].state == VALUE_NULL && object->fields[i].default_text)
            value_parse(object->fields[i].kind, str_from(object->fields[i].default_text), &b->arena,
                        &row->fields[i], NULL); /* the model's own text: it parses */
}

static int write_create(struct batch *b, struct item *item, struct error *err)
{
    struct record_row *row = arena_new(&b->arena, 1, sizeof *row);
    item->row = row;
    row->key = item->key;
    row->id = uuid_v7(b->out.now_us, b->random);
    b->random += ID_RANDOM;
    row->created_at = row->updated_at = b->out.now_us;
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        if (b->mapping->rules[i].index >= 0 && rule_imports(&b->mapping->rules[i]))
            row->fields[b->mapping->rules[i].index] = *value_for(item, &b->mapping->rules[i], i);
    set_defaults(b, row);
    b->out.creates[b->out.create_count++] =
        (struct record_create){.row = row, .prev = item->last_log};
    b->counts.created++;
    return edit_custom(b, item, STR(""), &row->custom, err);
}

/* ---- changed records ---- */

void log_pair(struct json_writer *w, const char *name, enum field_kind kind,
              const struct value *before, const struct value *after)
{
    json_key(w, name);
    json_open(w, '[');
    value_write_json(w, kind, before);
    value_write_json(w, kind, after);
    json_close(w, ']');
}

void log_custom(struct json_writer *w, struct str before, struct str after)
{
    json_key(w, "custom_fields");
    json_open(w, '[');
    json_put_raw(w, before.len > 0 ? before : STR("null"));
    json_put_raw(w, after.len > 0 ? after : STR("null"));
    json_close(w, ']');
}

/* A value that the record was created with, where the vendor has none. */
static bool is_default(struct batch *b, const struct model_field *field, const struct value *value)
{
    struct value preset;
    return field->default_text &&
           value_parse(field->kind, str_from(field->default_text), &b->arena, &preset, NULL) == 0 &&
           value_eq(&preset, value);
}

bool batch_differs(struct batch *b, const struct item *item, size_t i)
{
    const struct rule *rule = &b->mapping->rules[i];
    const struct model_field *model = &b->mapping->object->fields[rule->index];
    const struct value *now = value_for(item, rule, i), *field = &item->row->fields[rule->index];
    bool compared = b->merge->verify != NULL;
    if (value_eq(field, now))
        return false;
    if (now->state == VALUE_NULL)
        return !is_first_meeting(item) && !(compared && is_default(b, model, field));
    /* What became a reference to itself, as two were merged, was taken away: see merge_end.c. */
    bool itself = model->kind == KIND_REFERENCE && now->integer == item->key &&
                  strcmp(model->references, b->mapping->object->name) == 0;
    return !(compared && itself && field->state == VALUE_NULL);
}

static uint64_t merge_fields(struct batch *b, const struct item *item, struct json_writer *w)
{
    struct record_row *row = item->row;
    uint64_t changed = 0;
    for (size_t i = 0; i < b->mapping->rule_count; i++) {
        const struct rule *rule = &b->mapping->rules[i];
        if (rule->index < 0 || !has_moved(item, i))
            continue;
        const struct value *now = value_for(item, rule, i);
        struct value *field = &row->fields[rule->index];
        if (!batch_differs(b, item, i))
            continue;
        log_pair(w, rule->field.name, rule->field.kind, field, now);
        *field = *now;
        changed |= UINT64_C(1) << rule->index;
    }
    return changed;
}

/* A tombstone lives again, for the vendor has it. */
static bool restore(struct batch *b, struct record_row *row)
{
    if (row->deleted_at == 0)
        return false;
    row->deleted_at = 0;
    row->updated_at = b->out.now_us;
    b->out.ends[b->out.end_count++] = (struct record_end){.row = row};
    b->counts.restored++;
    return true;
}

static int write_update(struct batch *b, struct item *item, struct error *err)
{
    struct buf body = BUF_INIT(LOG_BODY_MAX);
    struct json_writer w = {.out = &body};
    struct record_row *row = item->row;
    struct str custom;
    if (edit_custom(b, item, row->custom, &custom, err) != 0)
        return -1;
    json_open(&w, '{');
    uint64_t changed = merge_fields(b, item, &w);
    item->changed = changed != 0;
    bool custom_changed = !str_eq(custom, row->custom);
    if (custom_changed)
        log_custom(&w, row->custom, custom);
    json_close(&w, '}');
    bool restored = restore(b, row);
    if (changed == 0 && !custom_changed) {
        b->counts.unchanged += !restored;
    } else {
        row->custom = custom;
        row->updated_at = b->out.now_us;
        b->out.updates[b->out.update_count++] =
            (struct record_update){.row = row,
                                   .changed = changed,
                                   .custom_changed = custom_changed,
                                   .body = arena_str(&b->arena, buf_view(&body))};
        b->counts.updated += !restored;
    }
    int rc = body.full ? error_set(err, "the change of the record '%.*s' is larger than %d MiB",
                                   STR_ARG(item->record->id), LOG_BODY_MAX >> 20)
                       : 0;
    buf_free(&body);
    return rc;
}

static int by_row_key(const void *a, const void *b)
{
    const struct record_update *x = a, *y = b;
    return (x->row->key > y->row->key) - (x->row->key < y->row->key);
}

static int by_end_key(const void *a, const void *b)
{
    const struct record_end *x = a, *y = b;
    return (x->row->key > y->row->key) - (x->row->key < y->row->key);
}

static int by_create_key(const void *a, const void *b)
{
    const struct record_create *x = a, *y = b;
    return (x->row->key > y->row->key) - (x->row->key < y->row->key);
}

static int write_link(struct batch *b, const struct item *item, struct error *err)
{
    struct str seen_local, base;
    if (batch_local_shadow(b, item, &seen_local, &base, err) != 0)
        return -1;
    if (item->link.key != 0 && item->link.ended == LINK_LIVE &&
        str_eq(item->link.seen_remote, item->shadow) &&
        (!seen_local.ptr || str_eq(item->link.seen_local, seen_local)) &&
        (!base.ptr || str_eq(item->link.base, base)))
        return 0; /* as it was */
    b->out.links[b->out.link_count++] =
        (struct link_write){.key = link_of(item),
                            .stream = b->merge->target->stream,
                            .record = item->key,
                            .external_id = item->record->id,
                            .seen_remote = item->shadow,
                            .seen_local = seen_local,
                            .base = base,
                            .remote_modified = item->record->modified_us};
    if (item->relinked != 0 || item->link.ended != LINK_LIVE)
        b->out.link_ends[b->out.link_end_count++] =
            (struct link_end){.key = link_of(item),
                              .stream = b->merge->target->stream,
                              .record = item->key,
                              .ended = LINK_LIVE};
    return 0;
}

/* For all new ids at once: each call is one of the kernel's. */
static void take_random(struct batch *b)
{
    const struct world *world = b->merge->world;
    size_t created = 0;
    for (size_t i = 0; i < b->count; i++)
        created += b->items[i].created;
    uint8_t *bytes = arena_new(&b->arena, created, ID_RANDOM);
    if (created > 0)
        world->random(world->self, bytes, created * ID_RANDOM);
    b->random = bytes;
}

int batch_write(struct batch *b, struct error *err)
{
    take_random(b);
    b->out.ends = arena_new(&b->arena, b->count, sizeof b->out.ends[0]);
    b->out.link_ends = arena_new(&b->arena, b->count, sizeof b->out.link_ends[0]);
    b->out.creates = arena_new(&b->arena, b->count, sizeof b->out.creates[0]);
    b->out.updates = arena_new(&b->arena, b->count, sizeof b->out.updates[0]);
    b->out.links = arena_new(&b->arena, b->count, sizeof b->out.links[0]);
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        if ((item->created ? write_create : write_update)(b, item, err) != 0)
            return -1;
        if (write_link(b, item, err) != 0)
            return -1;
    }
    if (b->out.create_count > 0)
        qsort(b->out.creates, b->out.create_count, sizeof b->out.creates[0], by_create_key);
    if (b->out.update_count > 0)
        qsort(b->out.updates, b->out.update_count, sizeof b->out.updates[0], by_row_key);
    if (b->out.end_count > 0)
        qsort(b->out.ends, b->out.end_count, sizeof b->out.ends[0], by_end_key);
    return 0;
}
