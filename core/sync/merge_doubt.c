/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's record that is new here may be one that we have made without hearing so. It is known
 * by our id, where the vendor keeps that (external_key), or by what was written, whatever has
 * become of our record since: by what records are matched by, or, where nothing of that was
 * written, by all of it. What was written is what both sides agreed on, so that what changed here
 * since then still goes there.
 */
#include <stdlib.h>

#include "plugin/answer.h"
#include "plugin/protocol.h"
#include "sync/export_map.h"
#include "sync/merge_internal.h"

static bool is_new(const struct item *item)
{
    return item->key == 0 && item->relinked == 0;
}

static bool has_unlinked(const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].link.key == 0)
            return true;
    return false;
}

/* ---- writes that nothing was heard of ---- */

struct doubts {
    struct export_write *rows;
    const struct json **bodies;
    size_t count;
};

static bool makes(const struct export_write *write)
{
    return write->op == WRITE_CREATE || write->op == WRITE_UPSERT;
}

/* Those that were sent by a host that died are in doubt as well. */
static int load_doubts(struct batch *b, struct doubts *ret, struct error *err)
{
    static const enum write_state states[] = {WRITE_SENT, WRITE_DOUBTED};
    struct export_write *rows[2];
    size_t counts[2];
    for (int i = 0; i < 2; i++)
        if (engine_of(b)->load_writes(b->merge->store, b->merge->target->stream, states[i], 0,
                                      SIZE_MAX / 2, &rows[i], &counts[i], &b->arena, err) != 0)
            return -1;
    *ret = (struct doubts){0};
    ret->rows = arena_new(&b->arena, counts[0] + counts[1], sizeof ret->rows[0]);
    ret->bodies = arena_new(&b->arena, counts[0] + counts[1], sizeof ret->bodies[0]);
    for (int i = 0; i < 2; i++)
        for (size_t j = 0; j < counts[i]; j++)
            if (makes(&rows[i][j]) &&
                json_parse(rows[i][j].body, &ret->bodies[ret->count], NULL) == 0)
                ret->rows[ret->count++] = rows[i][j];
    return 0;
}

static void free_doubts(struct doubts *d)
{
    for (size_t i = 0; i < d->count; i++)
        json_free(d->bodies[i]);
}

/* ---- which record it is ---- */

/* The record is there and has no record of the vendor's yet. */
static int take_if_free(struct batch *b, struct item *item, int64_t key, struct error *err)
{
    struct record_row row = {0};
    struct str external = STR("");
    if (key == 0)
        return 0;
    if (engine_of(b)->load_records(b->merge->store, b->mapping->object, &key, 1, &row, &b->arena,
                                   err) != 0 ||
        engine_of(b)->load_external(b->merge->store, b->merge->target->stream, &key, 1, &external,
                                    &b->arena, err) != 0)
        return -1;
    if (row.key != 0 && row.deleted_at == 0 && external.len == 0 && !batch_is_taken(b, key))
        item->key = key;
    return 0;
}

static int match_id(struct batch *b, struct item *item, struct error *err)
{
    const struct json *value = json_member(item->record->fields, b->mapping->external_key);
    struct uuid id;
    int64_t key;
    if (b->mapping->external_key.len == 0 || !uuid_parse(json_string(value), &id))
        return 0;
    if (engine_of(b)->find_record(b->merge->store, b->mapping->object, b->merge->organization, &id,
                                  &key, err) != 0)
        return -1;
    return take_if_free(b, item, key, err);
}

static bool was_written(struct batch *b, const struct item *item, const struct json *body,
                        int field)
{
    const struct mapping *m = b->mapping;
    for (size_t i = 0; i < m->export_count; i++) {
        const struct rule *rule = &m->rules[m->exports[i].rule];
        const struct json *text = json_member(body, m->exports[i].to);
        struct value written;
        if (rule->index == field && json_kind(text) == JSON_STRING &&
            rule_read(rule, json_string(text), &b->arena, &written, NULL) == 0)
            return written.state != VALUE_NULL &&
                   value_eq(&written, &item->record->mapped.values[m->exports[i].rule]);
    }
    return false;
}

static int match_written(struct batch *b, struct item *item, const struct doubts *d,
                         struct error *err)
{
    const struct object_setup *object = b->merge->target->object;
    for (size_t i = 0; i < object->match_count; i++)
        for (size_t j = 0; j < d->count && item->key == 0; j++)
            if (was_written(b, item, d->bodies[j], object->match[i]) &&
                take_if_free(b, item, d->rows[j].record, err) != 0)
                return -1;
    return 0;
}

static bool is_as_written(struct batch *b, const struct item *item, const struct export_rule *e,
                          struct str text)
{
    const struct rule *rule = &b->mapping->rules[e->rule];
    const struct json *there = json_member(item->record->fields, e->to);
    struct value written;
    if (str_eq(str_trim(answer_scalar(there, &b->arena)), str_trim(text)))
        return true;
    return rule_read(rule, text, &b->arena, &written, NULL) == 0 &&
           export_same(rule, &written, &item->record->mapped.values[e->rule]);
}

static bool has_match_value(struct batch *b, const struct item *item)
{
    const struct object_setup *object = b->merge->target->object;
    for (size_t r = 0; r < b->mapping->rule_count; r++)
        for (size_t j = 0; j < object->match_count; j++)
            if (b->mapping->rules[r].index == object->match[j] &&
                item->record->mapped.values[r].state != VALUE_NULL)
                return true;
    return false;
}

/* A field that tells records apart: not a constant, nor one of a few values. */
static bool tells_apart(const struct rule *rule, const struct export_rule *e)
{
    return rule->map_count == 0 && e->form != EXPORT_MAP && e->form != EXPORT_VALUE;
}

/* Whether a record with nothing to be matched by is what was written: in all fields that were, and
 * more than one of these tells records apart. */
static bool is_all_as_written(struct batch *b, const struct item *item, const struct json *body)
{
    const struct mapping *m = b->mapping;
    size_t same = 0;
    for (size_t i = 0; i < m->export_count; i++) {
        const struct rule *rule = &m->rules[m->exports[i].rule];
        const struct json *text = json_member(body, m->exports[i].to);
        if (json_kind(text) != JSON_STRING || rule_refers(rule))
            continue;
        if (!is_as_written(b, item, &m->exports[i], json_string(text)))
            return false;
        same += tells_apart(rule, &m->exports[i]);
    }
    return same > 1;
}

/* What was last modified before the write was not made by it. Both are the vendor's times. */
static bool is_older(const struct item *item, const struct export_write *write)
{
    int64_t modified = item->record->modified_us;
    return modified != 0 && modified + CLOCKS_APART_US < write->at;
}

/* Of several that wrote the same any one will do; where they wrote different things, none. */
static int match_whole(struct batch *b, struct item *item, const struct doubts *d,
                       struct error *err)
{
    size_t found = 0;
    if (item->key != 0 || has_match_value(b, item))
        return 0;
    size_t *all = arena_new(&b->arena, d->count, sizeof all[0]);
    for (size_t i = 0; i < d->count; i++)
        if (!is_older(item, &d->rows[i]) && is_all_as_written(b, item, d->bodies[i]))
            all[found++] = i;
    for (size_t i = 1; i < found; i++)
        if (!str_eq(d->rows[all[i]].body, d->rows[all[0]].body))
            return 0;
    for (size_t i = 0; i < found && item->key == 0; i++)
        if (take_if_free(b, item, d->rows[all[i]].record, err) != 0)
            return -1;
    return 0;
}

int batch_match_doubted(struct batch *b, struct error *err)
{
    struct doubts d = {0};
    int rc = 0;
    if (b->mapping->export_count == 0 || !has_unlinked(b))
        return 0;
    for (size_t i = 0; i < b->count && rc == 0; i++)
        if (is_new(&b->items[i]))
            rc = match_id(b, &b->items[i], err);
    if (rc == 0)
        rc = load_doubts(b, &d, err);
    for (size_t i = 0; i < b->count && d.count > 0 && rc == 0; i++)
        if (is_new(&b->items[i]))
            rc = match_written(b, &b->items[i], &d, err) == 0
                     ? match_whole(b, &b->items[i], &d, err)
                     : -1;
    free_doubts(&d);
    return rc;
}

/* ---- what both agreed on ---- */

/* As ours would be: a field that was not written had no value. */
static struct str written_shadow(struct batch *b, const struct json *body)
{
    const struct mapping *m = b->mapping;
    const uint8_t *key = store_hash_key(b->merge->store);
    const struct value none = {.state = VALUE_NULL};
    struct str shadow = STR("");
    for (size_t i = 0; i < m->export_count; i++) {
        const struct rule *rule = &m->rules[m->exports[i].rule];
        const struct json *text = json_member(body, m->exports[i].to);
        uint64_t hash = rule_hash(key, &none);
        if (json_kind(text) == JSON_STRING && !rule_refers(rule) &&
            rule_seen_hash(rule, key, json_string(text), &b->arena, &hash) != 0)
            continue;
        shadow = shadow_set(shadow, rule->field.id, hash, &b->arena);
    }
    return shadow;
}

/* The same, as values. */
static struct str written_base(struct batch *b, const struct json *body)
{
    const struct mapping *m = b->mapping;
    struct link_base_entry *entries = arena_new(&b->arena, m->export_count, sizeof entries[0]);
    size_t n = 0;
    for (size_t i = 0; i < m->export_count; i++) {
        const struct rule *rule = &m->rules[m->exports[i].rule];
        const struct json *text = json_member(body, m->exports[i].to);
        struct value value;
        if (!rule_keeps_base(rule) || json_kind(text) != JSON_STRING || rule_refers(rule) ||
            rule_seen_value(rule, json_string(text), &b->arena, &value) != 0)
            continue;
        entries[n++] =
            (struct link_base_entry){.id = rule->field.id,
                                     .hash = rule_hash(store_hash_key(b->merge->store), &value),
                                     .json = link_base_json(rule, &value, &b->arena)};
    }
    return link_base_make(entries, n, &b->arena);
}

int batch_agree_on_doubted(struct batch *b, struct error *err)
{
    struct doubts d = {0};
    int rc = 0;
    if (b->mapping->export_count > 0 && has_unlinked(b))
        rc = load_doubts(b, &d, err);
    for (size_t i = 0; i < b->count && rc == 0; i++)
        for (size_t j = 0; j < d.count; j++) {
            struct item *item = &b->items[i];
            if (item->link.key != 0 || item->created || item->key != d.rows[j].record)
                continue;
            item->link.seen_local = written_shadow(b, d.bodies[j]);
            item->link.base = written_base(b, d.bodies[j]);
        }
    free_doubts(&d);
    return rc;
}
