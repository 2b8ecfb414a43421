/* SPDX-License-Identifier: Apache-2.0 */
/* What a compiled mapping is known by: the hash of its rules, the lasting ids of its fields. */
#include <inttypes.h>
#include <stdlib.h>

#include "sync/export_map.h"

/* ---- the hash ---- */

static void hash_text(struct buf *out, struct str s)
{
    buf_printf(out, "%zu:", s.len);
    buf_str(out, s);
}

/* Lists begin with their length: else {map: {a: b}} and {one_of: [a, b]} would be the same text. */
static void hash_texts(struct buf *out, const struct str *texts, size_t count)
{
    buf_printf(out, "[%zu]", count);
    for (size_t i = 0; i < count; i++)
        hash_text(out, texts[i]);
}

static void hash_entry(struct buf *out, const struct map_entry *entry)
{
    hash_text(out, entry->from);
    hash_text(out, entry->to);
    buf_char(out, entry->to_null ? '~' : '=');
}

static void hash_rule(struct buf *out, const struct rule *r)
{
    buf_printf(out, "|%s %d %d%d%d %d %.17g %.17g %d%d %d %d", r->field.name, r->field.kind,
               r->has_value, r->has_default, r->required, r->date, r->min, r->max, r->has_min,
               r->has_max, r->check, r->invalid);
    const struct str texts[] = {r->value,  r->default_value, r->split, r->join,
                                r->lookup, r->date_pattern,  r->scale};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        hash_text(out, texts[i]);
    hash_texts(out, r->from, r->from_count);
    if (r->take.len > 0) {
        buf_char(out, '.');
        hash_text(out, r->take);
    }
    for (size_t i = 0; i < r->step_count; i++)
        buf_printf(out, "s%d", r->steps[i]);
    buf_printf(out, "{%zu}", r->map_count);
    for (size_t i = 0; i < r->map_count; i++)
        hash_entry(out, &r->map[i]);
    if (r->map_other)
        hash_entry(out, r->map_other);
    hash_texts(out, r->one_of.items, r->one_of.count);
    if (!rule_imports(r)) /* what is written of a field says nothing of what is read */
        buf_char(out, '<');
}

static void hash_export(struct buf *out, const struct mapping *m, const struct export_rule *e)
{
    buf_printf(out, ">%d", e->form);
    hash_text(out, e->to);
    hash_text(out, e->value);
    buf_printf(out, "{%zu}", e->map_count);
    for (size_t i = 0; i < e->map_count; i++) {
        hash_text(out, e->map[i].theirs);
        buf_printf(out, "%d %" PRId64, e->map[i].ours.state, e->map[i].ours.integer);
        hash_text(out, e->map[i].ours.text);
    }
    if (e->map_other)
        hash_text(out, e->map_other->theirs);
    hash_rule(out, &m->rules[e->rule]);
}

static const uint8_t key[SIPHASH_KEY] = {0};

void mapping_hash(struct mapping *m)
{
    struct buf text = BUF_INIT(4 * 1024 * 1024);
    buf_text(&text, m->object->name);
    for (size_t i = 0; i < m->rule_count; i++)
        hash_rule(&text, &m->rules[i]);
    for (size_t i = 0; i < m->condition_count; i++) {
        const struct condition *cond = &m->conditions[i];
        buf_printf(&text, "?%d%d", cond->kind, cond->negated);
        hash_text(&text, cond->field);
        hash_texts(&text, cond->values.items, cond->values.count);
    }
    for (size_t i = 0; i < m->export_count; i++) { /* all is read once, to have a base for these */
        buf_char(&text, '^');
        hash_text(&text, str_from(m->rules[m->exports[i].rule].field.name));
    }
    m->rules_hash = m->hash = (int64_t)siphash(key, buf_view(&text));
    buf_clear(&text);
    for (size_t i = 0; i < m->export_count; i++)
        hash_export(&text, m, &m->exports[i]);
    m->export_hash = m->export_count > 0 ? (int64_t)siphash(key, buf_view(&text)) : 0;
    buf_free(&text);
}

bool rule_reads(const struct rule *rule, struct str field)
{
    for (size_t i = 0; i < rule->from_count; i++)
        if (str_eq(rule->from[i], field))
            return true;
    return false;
}

int64_t mapping_field_hash(const struct mapping *m, struct str field)
{
    struct buf text = BUF_INIT(4 * 1024 * 1024);
    uint64_t hash = 0;
    for (size_t i = 0; i < m->rule_count; i++) {
        if (!rule_reads(&m->rules[i], field))
            continue;
        buf_clear(&text);
        hash_rule(&text, &m->rules[i]);
        hash ^= siphash(key, buf_view(&text));
    }
    buf_free(&text);
    return (int64_t)hash;
}

/* ---- leaving a rule out ---- */

static bool needs_field(const struct mapping *m, struct str field)
{
    for (size_t i = 0; i < m->rule_count; i++)
        if (rule_reads(&m->rules[i], field))
            return true;
    for (size_t i = 0; i < m->condition_count; i++)
        if (str_eq(m->conditions[i].field, field))
            return true;
    return str_eq(m->external_key, field);
}

/* ---- exports beside their rules ---- */

static int by_rule(const void *a, const void *b)
{
    size_t x = ((const struct export_rule *)a)->rule, y = ((const struct export_rule *)b)->rule;
    return (x > y) - (x < y);
}

void mapping_follow(struct mapping *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->export_count; i++)
        m->exports[i].rule = SIZE_MAX; /* of no rule any more */
    for (size_t i = 0; i < m->rule_count; i++)
        if (m->rules[i].exports) {
            m->rules[i].exports->rule = i;
            kept++;
        }
    if (m->export_count > 0)
        qsort(m->exports, m->export_count, sizeof m->exports[0], by_rule);
    m->export_count = kept;
    for (size_t i = 0; i < kept; i++)
        m->rules[m->exports[i].rule].exports = &m->exports[i];
}

void mapping_drop(struct mapping *m, size_t rule)
{
    size_t kept = 0;
    m->rule_count--;
    memmove(&m->rules[rule], &m->rules[rule + 1], (m->rule_count - rule) * sizeof m->rules[0]);
    for (size_t i = 0; i < m->field_count; i++)
        if (needs_field(m, m->fields[i]))
            m->fields[kept++] = m->fields[i];
    m->field_count = kept;
    mapping_follow(m);
    mapping_hash(m);
}

/* ---- ids ---- */

static int by_id(const void *a, const void *b)
{
    return ((const struct rule *)a)->field.id - ((const struct rule *)b)->field.id;
}

int mapping_bind(struct mapping *mapping,
                 int (*id_of)(void *arg, struct str name, int64_t *ret_id, struct error *err),
                 void *arg, struct error *err)
{
    for (size_t i = 0; i < mapping->rule_count; i++) {
        struct rule *rule = &mapping->rules[i];
        int64_t id;
        if (rule->index >= 0)
            continue;
        if (id_of(arg, str_from(rule->field.name), &id, err) != 0)
            return -1;
        if (id > UINT16_MAX)
            return error_set(err, "the store has too many custom fields for '%s'",
                             rule->field.name);
        rule->field.id = (uint16_t)id;
    }
    qsort(mapping->rules, mapping->rule_count, sizeof mapping->rules[0], by_id);
    mapping_follow(mapping);
    return 0;
}
