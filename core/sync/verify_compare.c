/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between the records of a batch and what is here: the steps that a merge takes
 * besides its own when both sides are compared. They look at what the merge is about to write, so
 * that what it would change and what is found are the same.
 */
#include "sync/custom.h"
#include "sync/merge_internal.h"

enum { VALUE_TEXT_MAX = 64 * 1024 * 1024 };

static const char *word_of(enum link_ended ended)
{
    static const char *const words[] = {[LINK_LIVE] = "",
                                        [LINK_ARCHIVED] = "archived",
                                        [LINK_MERGED] = "merged",
                                        [LINK_ABSENT] = "absent",
                                        [LINK_OUT_OF_SCOPE] = "out of scope"};
    return words[ended];
}

/* The id of a record, for people; empty when it is not here. */
static int id_of_record(const struct merge *m, const struct model_object *object, int64_t key,
                        char out[UUID_TEXT], struct error *err)
{
    struct arena arena = {0};
    struct record_row row = {0};
    int rc = m->store->engine->load_records(m->store, object, &key, 1, &row, &arena, err);
    out[0] = '\0';
    if (rc == 0 && row.key != 0)
        uuid_format(&row.id, out);
    arena_free(&arena);
    return rc;
}

/* ---- what is gone there ---- */

static int note_gone(const struct merge *m, struct str external_id, int64_t record, const char *why,
                     struct error *err)
{
    char id[UUID_TEXT] = "";
    struct difference d = {.kind = GONE_THERE, .external_id = external_id, .there = str_from(why)};
    if (verify_has_room(m->verify) &&
        id_of_record(m, m->target->object->model, record, id, err) != 0)
        return -1;
    d.record_id = str_from(id);
    verify_current(m->verify)->differ++;
    verify_add(m->verify, &d);
    return 0;
}

int merge_gone(const struct merge *m, struct str external_id, int64_t record, enum link_ended why,
               struct error *err)
{
    if (!verify_meet(m->verify, store_hash_key(m->store), external_id))
        return 0;
    return note_gone(m, external_id, record, word_of(why), err);
}

/* Of live links whose records the vendor merged into others. */
static int note_absorbed(struct batch *b, struct error *err)
{
    const struct merge *m = b->merge;
    size_t n = b->absorbed_count;
    struct str *ids = arena_new(&b->arena, n, sizeof ids[0]);
    struct link_row *links = arena_new(&b->arena, n, sizeof links[0]);
    for (size_t i = 0; i < n; i++)
        ids[i] = b->absorbed[i].id;
    if (n == 0)
        return 0;
    if (engine_of(b)->load_links(m->store, m->target->stream, ids, n, links, &b->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct absorbed *a = &b->absorbed[i];
        bool counts = a->record != 0 && links[i].key != 0 && links[i].ended == LINK_LIVE;
        if (!counts || !verify_meet(m->verify, store_hash_key(m->store), a->id))
            continue;
        const char *why = arena_printf(&b->arena, "merged into %.*s", STR_ARG(a->winner));
        if (note_gone(m, a->id, links[i].record, why, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- before the merge sorts out ---- */

int batch_meet(struct batch *b, struct error *err)
{
    const struct merge *m = b->merge;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        if (item->absorbed)
            continue;
        item->again = !verify_meet(m->verify, store_hash_key(m->store), item->record->id);
        if (item->again)
            continue;
        verify_current(m->verify)->compared++;
        bool lives = item->link.key != 0 && item->was == LINK_LIVE;
        if (item->record->result == MAP_OUT_OF_SCOPE && lives &&
            note_gone(m, item->record->id, item->link.record, word_of(LINK_OUT_OF_SCOPE), err) != 0)
            return -1;
    }
    return 0;
}

static void make_anew(struct item *item)
{
    item->lost = item->was == LINK_LIVE;
    item->relinked = item->link.key;
    item->link = (struct link_row){0};
    item->created = true;
}

/* Their log goes on where it ended. */
static int load_last_logs(struct batch *b, struct error *err)
{
    const struct merge *m = b->merge;
    struct item **anew = arena_new(&b->arena, b->count, sizeof anew[0]);
    int64_t *keys = arena_new(&b->arena, b->count, sizeof keys[0]);
    int64_t *last = arena_new(&b->arena, b->count, sizeof last[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (!b->items[i].created)
            continue;
        keys[n] = b->items[i].key;
        anew[n++] = &b->items[i];
    }
    if (n == 0)
        return 0;
    if (engine_of(b)->load_last_log(m->store, b->mapping->object, keys, n, last, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        anew[i]->last_log = last[i];
    return 0;
}

/* What is only written is never taken. */
static void set_all(const struct batch *b, struct item *item)
{
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        if (!b->mapping->rules[i].paused && rule_imports(&b->mapping->rules[i]))
            item->moved[i / 64] |= UINT64_C(1) << (i % 64);
}

int batch_make_anew(struct batch *b, struct item *const *items, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        make_anew(items[i]);
        set_all(b, items[i]);
    }
    return b->merge->dry ? 0 : load_last_logs(b, err);
}

int batch_find_lost(struct batch *b, struct error *err)
{
    const struct merge *m = b->merge;
    int64_t *keys = arena_new(&b->arena, b->count, sizeof keys[0]);
    struct record_row *rows = arena_new(&b->arena, b->count, sizeof rows[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].link.key != 0)
            keys[n++] = b->items[i].key;
    if (n == 0)
        return 0;
    if (engine_of(b)->load_records(m->store, b->mapping->object, keys, n, rows, &b->arena, err) !=
        0)
        return -1;
    n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        if (item->link.key == 0)
            continue;
        if (rows[n].key != 0)
            item->row = &rows[n];
        else
            make_anew(item);
        n++;
    }
    return m->dry ? 0 : load_last_logs(b, err);
}

int batch_take_all(struct batch *b, struct error *err)
{
    const struct merge *m = b->merge;
    struct item **linked = arena_new(&b->arena, b->count, sizeof linked[0]);
    int64_t *records = arena_new(&b->arena, b->count, sizeof records[0]);
    struct holder_row *holders = arena_new(&b->arena, b->count, sizeof holders[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (b->items[i].link.key == 0 || b->items[i].link.ended != LINK_LIVE)
            continue;
        records[n] = b->items[i].key;
        linked[n++] = &b->items[i];
    }
    if (n == 0)
        return 0;
    if (engine_of(b)->load_holders(m->store, b->mapping->object, m->target->stream, records, n,
                                   holders, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (holders[i].live <= 1)
            set_all(b, linked[i]);
    return 0;
}

/* ---- values as texts ---- */

static void write_json_text(struct buf *out, const struct json *value)
{
    if (json_kind(value) == JSON_STRING)
        buf_str(out, json_string(value));
    else if (value)
        json_write(out, value);
}

/* A custom field's value, which is JSON text. */
static void write_custom(struct buf *out, struct str text)
{
    const struct json *value = NULL;
    if (json_parse(text, &value, NULL) == 0)
        write_json_text(out, value);
    json_free(value);
}

static struct str text_of(struct batch *b, struct buf *out, bool null)
{
    struct str text = {0};
    if (!null)
        text = arena_str(&b->arena, buf_view(out));
    buf_free(out);
    return text;
}

static struct str value_text(struct batch *b, enum field_kind kind, const struct value *value)
{
    struct buf out = BUF_INIT(VALUE_TEXT_MAX);
    value_write(&out, kind, value);
    return text_of(b, &out, value->state == VALUE_NULL);
}

static int reference_text(struct batch *b, const struct model_field *field,
                          const struct value *value, struct str *ret_text, struct error *err)
{
    const struct model_object *object = model_object(str_from(field->references));
    char id[UUID_TEXT];
    *ret_text = (struct str){0};
    if (value->state != VALUE_INTEGER || !object)
        return 0;
    if (id_of_record(b->merge, object, value->integer, id, err) != 0)
        return -1;
    *ret_text = str_from(arena_text(&b->arena, id[0] ? id : "no record"));
    return 0;
}

/* ---- what differs ---- */

/* The reference to a record that is not here yet: what counts is that record, which is missing. */
static bool is_new(const struct batch *b, const struct item *item, size_t rule)
{
    return b->merge->target->lookups[rule] == b->merge->target->stream && b->first_new != 0 &&
           item->references[rule].state == VALUE_INTEGER &&
           item->references[rule].integer >= b->first_new;
}

/* The reference to a record whose link is missing, which has been told of that record. What is
 * taken of one that differs is right once that one is: only a repair has mended it by now. */
static bool is_to_missing(const struct batch *b, const struct item *item, size_t i)
{
    const struct merge *m = b->merge;
    const struct value *there = &item->record->mapped.values[i];
    bool unsure = m->dry && b->mapping->rules[i].take.len > 0;
    return there->state == VALUE_TEXT && (unsure || item->references[i].state == VALUE_NULL) &&
           verify_is_missing(m->verify, store_hash_key(m->store), b->mapping->rules[i].lookup,
                             there->text);
}

static bool field_differs(struct batch *b, const struct item *item, size_t i,
                          const struct json *custom)
{
    const struct rule *rule = &b->mapping->rules[i];
    if (!has_moved(item, i))
        return false;
    if (rule->index < 0)
        return batch_custom_differs(b, item, i, custom);
    if (rule->field.kind == KIND_REFERENCE && is_new(b, item, i))
        return item->row->fields[rule->index].state != VALUE_NULL;
    if (rule_refers(rule) && is_to_missing(b, item, i))
        return false;
    return batch_differs(b, item, i);
}

static int describe_reference(struct batch *b, const struct item *item, size_t i,
                              struct difference *d, struct error *err)
{
    const struct rule *rule = &b->mapping->rules[i];
    const struct value *there = &item->record->mapped.values[i];
    if (reference_text(b, &rule->field, &item->row->fields[rule->index], &d->here, err) != 0)
        return -1;
    if (there->state != VALUE_TEXT)
        return 0;
    d->there = there->text;
    if (is_new(b, item, i) || item->references[i].state != VALUE_INTEGER)
        return 0;
    struct str id;
    if (reference_text(b, &rule->field, &item->references[i], &id, err) != 0)
        return -1;
    d->there = str_from(arena_printf(&b->arena, "%.*s (%s)", STR_ARG(there->text), id.ptr));
    return 0;
}

/* Both values, for people. */
static int describe(struct batch *b, const struct item *item, size_t i, const struct json *custom,
                    struct difference *d, struct error *err)
{
    const struct rule *rule = &b->mapping->rules[i];
    const struct value *there =
        rule->take.len > 0 ? &item->references[i] : &item->record->mapped.values[i];
    if (rule->field.kind == KIND_REFERENCE && rule->index >= 0)
        return describe_reference(b, item, i, d, err);
    if (rule->index >= 0) {
        d->here = value_text(b, rule->field.kind, &item->row->fields[rule->index]);
        d->there = value_text(b, rule->field.kind, there);
        return 0;
    }
    struct buf ours = BUF_INIT(VALUE_TEXT_MAX), theirs = BUF_INIT(VALUE_TEXT_MAX);
    const struct json *value = json_member(custom, d->field);
    write_json_text(&ours, value);
    if (there->state == VALUE_TEXT)
        write_custom(&theirs, there->text);
    d->field = str_from(arena_printf(&b->arena, "custom_fields.%s", rule->field.name));
    d->here = text_of(b, &ours, value == NULL);
    d->there = text_of(b, &theirs, there->state != VALUE_TEXT);
    return 0;
}

static int compare_fields(struct batch *b, const struct item *item, const struct json *custom,
                          struct error *err)
{
    struct verify *v = b->merge->verify;
    char id[UUID_TEXT];
    bool any = false;
    for (size_t i = 0; i < b->mapping->rule_count; i++) {
        const struct rule *rule = &b->mapping->rules[i];
        bool moved =
            !rule->paused && shadow_moved(item->link.seen_remote, item->record->mapped.shadow, i);
        if (!moved && !field_differs(b, item, i, custom))
            continue;
        struct difference d = {.kind = moved ? CHANGED_THERE : CHANGED_HERE,
                               .external_id = item->record->id,
                               .record_id = str_from(uuid_format(&item->row->id, id)),
                               .field = str_from(rule->field.name)};
        if (verify_has_room(v) && describe(b, item, i, custom, &d, err) != 0)
            return -1;
        verify_add(v, &d);
        any = true;
    }
    verify_current(v)->differ += any;
    if (any && b->mapping->object->is_table)
        verify_note_missing(v, store_hash_key(b->merge->store), item->record->id);
    return 0;
}

/* The record as a whole is not as it should be. */
static void note_whole(struct batch *b, const struct item *item, enum difference_kind kind,
                       const char *here)
{
    char id[UUID_TEXT] = "";
    struct difference d = {.kind = kind, .external_id = item->record->id, .here = str_from(here)};
    if (item->row)
        uuid_format(&item->row->id, id);
    d.record_id = str_from(id);
    if (kind == MISSING_HERE)
        verify_note_missing(b->merge->verify, store_hash_key(b->merge->store), item->record->id);
    verify_current(b->merge->verify)->differ++;
    verify_add(b->merge->verify, &d);
}

static int compare_item(struct batch *b, const struct item *item, struct error *err)
{
    const struct json *custom;
    if (item->again)
        return 0;
    if (item->was != LINK_LIVE) {
        note_whole(b, item, BACK_THERE, word_of(item->was));
        return 0;
    }
    if (item->lost || item->link.key == 0 || item->row->deleted_at != 0) {
        bool deleted = item->link.key != 0 && item->row->deleted_at != 0;
        note_whole(b, item, MISSING_HERE,
                   deleted      ? "deleted"
                   : item->row  ? "not linked"
                   : item->lost ? "no record"
                                : "");
        return 0;
    }
    if (custom_read(b->mapping->object, item->key, item->row->custom, &custom, err) != 0)
        return -1;
    int rc = compare_fields(b, item, custom, err);
    json_free(custom);
    return rc;
}

int batch_compare(struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->count; i++)
        if (compare_item(b, &b->items[i], err) != 0)
            return -1;
    return note_absorbed(b, err);
}
