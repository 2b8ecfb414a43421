/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/drift.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

/* A list of values that is longer is as good as none: the vendor's own texts, not choices. */
enum { VALUES_BYTES_MAX = 1024 * 1024, VALUES_TOLD = 5 };

/* ---- lists of values: sorted JSON arrays in the store ---- */

struct values {
    struct str *items; /* sorted, each once */
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Texts that are no UTF-8 are left out: no store of text takes them. */
static struct values parse_values(struct str text, struct arena *arena)
{
    const struct json *root = NULL;
    struct values v = {0};
    if (text.len == 0 || json_parse(text, &root, NULL) != 0)
        return v;
    size_t n = json_length(root), kept = 0;
    v.items = arena_new(arena, n, sizeof v.items[0]);
    for (size_t i = 0; i < n; i++) {
        struct str item = json_string(json_element(root, i));
        if (item.len > 0 && str_is_utf8(item))
            v.items[v.count++] = arena_str(arena, item);
    }
    json_free(root);
    if (v.count > 0)
        qsort(v.items, v.count, sizeof v.items[0], by_text);
    for (size_t i = 0; i < v.count; i++)
        if (kept == 0 || !str_eq(v.items[kept - 1], v.items[i]))
            v.items[kept++] = v.items[i];
    v.count = kept;
    return v;
}

static bool has_value(const struct values *v, struct str value)
{
    return v->count > 0 && bsearch(&value, v->items, v->count, sizeof v->items[0], by_text) != NULL;
}

/* Those of `v` that are not in `without`, which may be NULL. */
static struct str write_values(const struct values *v, const struct values *without,
                               struct arena *arena)
{
    struct buf out = BUF_INIT(VALUES_BYTES_MAX);
    struct json_writer w = {.out = &out};
    json_open(&w, '[');
    for (size_t i = 0; i < v->count; i++)
        if (!without || !has_value(without, v->items[i]))
            json_put_str(&w, v->items[i]);
    json_close(&w, ']');
    struct str text = out.full ? STR("") : arena_str(arena, buf_view(&out));
    buf_free(&out);
    return text;
}

/* ---- which values a rule takes ---- */

/* Of several fields joined it is not known what stands beside the value. */
static bool takes(const struct rule *rule, struct str value)
{
    if (rule->from_count == 1)
        return rule_takes(rule, value);
    if (rule->map_count > 0 || rule->map_other)
        return rule->map_other != NULL;
    return rule->field.kind != KIND_ENUM;
}

static bool takes_all(const struct rule *rule, const struct values *values)
{
    for (size_t i = 0; i < values->count; i++)
        if (!takes(rule, values->items[i]))
            return false;
    return true;
}

/* The values of `now` that are new and that some rule does not take. */
static struct values untaken(const struct mapping *m, struct str field, const struct values *known,
                             const struct values *now, struct arena *arena)
{
    struct values v = {.items = arena_new(arena, now->count, sizeof v.items[0])};
    for (size_t i = 0; i < now->count; i++) {
        bool taken = has_value(known, now->items[i]);
        for (size_t j = 0; j < m->rule_count && !taken; j++)
            if (rule_reads(&m->rules[j], field) && !takes(&m->rules[j], now->items[i])) {
                v.items[v.count++] = now->items[i];
                break;
            }
    }
    return v;
}

/* New values of a paused field: what it has now and is not known. */
static struct values new_values(const struct field_row *row, struct arena *arena)
{
    struct values now = parse_values(row->now_values, arena);
    struct values known = parse_values(row->values, arena);
    size_t kept = 0;
    for (size_t i = 0; i < now.count; i++)
        if (!has_value(&known, now.items[i]))
            now.items[kept++] = now.items[i];
    now.count = kept;
    return now;
}

/* ---- comparing ---- */

static int by_name(const void *name, const void *row)
{
    return str_cmp(*(const struct str *)name, ((const struct field_row *)row)->name);
}

const struct field_row *drift_find(const struct field_snapshot *snapshot, struct str name)
{
    if (snapshot->count == 0)
        return NULL;
    return bsearch(&name, snapshot->rows, snapshot->count, sizeof snapshot->rows[0], by_name);
}

static const struct vendor_field *find_found(const struct vendor_field *found, size_t count,
                                             struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(found[i].name, name))
            return &found[i];
    return NULL;
}

static void set_pause(struct field_row *row, enum field_pause pause, int64_t now_us)
{
    if (row->pause != pause)
        row->since = now_us;
    row->pause = pause;
}

static void set_live(struct field_row *row, int type, struct str values)
{
    *row = (struct field_row){
        .name = row->name, .type = type, .values = values, .sparse = row->sparse};
}

/* A pause that is there already ends when the rules have changed since it began. */
static void compare_type(const struct mapping *m, struct field_row *row, int type,
                         struct str values, int64_t now_us)
{
    int64_t hash = mapping_field_hash(m, row->name);
    if (row->pause == FIELD_RETYPED && row->rules_hash != hash) {
        set_live(row, type, values);
        return;
    }
    set_pause(row, FIELD_RETYPED, now_us);
    row->rules_hash = hash;
    row->now_type = type;
    row->now_values = values;
}

static void compare_values(const struct mapping *m, struct field_row *row, const struct values *now,
                           int64_t now_us, struct arena *arena)
{
    struct str all = write_values(now, NULL, arena);
    struct values known = parse_values(row->values, arena);
    struct values bad = untaken(m, row->name, &known, now, arena);
    if (row->values.len == 0 || bad.count == 0) {
        set_live(row, row->type, all);
        return;
    }
    set_pause(row, FIELD_NEW_VALUES, now_us);
    row->values = write_values(now, &bad, arena);
    row->now_type = row->type;
    row->now_values = all;
}

static void compare_field(const struct mapping *m, struct field_row *row,
                          const struct vendor_field *found, int64_t now_us, struct arena *arena)
{
    if (!found) {
        if (row->type == 0)
            return;
        set_pause(row, FIELD_REMOVED, now_us);
        row->now_type = 0;
        row->now_values = STR("");
        return;
    }
    int type = (int)found->type;
    struct values now = parse_values(found->values, arena);
    struct str values = found->values.len > 0 ? write_values(&now, NULL, arena) : STR("");
    if (row->type == 0)
        set_live(row, type, values);
    else if (row->type == type && values.len == 0)
        set_live(row, type, row->values);
    else if (row->type != type)
        compare_type(m, row, type, values, now_us);
    else
        compare_values(m, row, &now, now_us, arena);
}

void drift_compare(const struct mapping *m, const struct field_snapshot *old,
                   const struct vendor_field *found, size_t count, int64_t now_us,
                   struct field_snapshot *ret_snapshot, struct arena *arena)
{
    *ret_snapshot = (struct field_snapshot){
        .looked_at = now_us,
        .mapping_hash = m->rules_hash,
        .rows = arena_new(arena, m->field_count, sizeof ret_snapshot->rows[0]),
        .count = m->field_count};
    for (size_t i = 0; i < m->field_count; i++) {
        struct field_row *row = &ret_snapshot->rows[i];
        const struct field_row *before = drift_find(old, m->fields[i]);
        if (before)
            *row = *before;
        else
            row->name = m->fields[i];
        compare_field(m, row, find_found(found, count, row->name), now_us, arena);
    }
}

bool drift_is_news(const struct field_row *old, const struct field_row *now)
{
    if (!old)
        return now->type == 0;
    return old->pause != now->pause || old->now_type != now->now_type ||
           (now->pause == FIELD_NEW_VALUES && !str_eq(old->now_values, now->now_values));
}

bool drift_is_absent(const struct field_row *row, const struct page *page)
{
    bool any = false;
    if (row->type == 0 || row->pause != FIELD_LIVE || row->sparse)
        return false;
    if (str_is(row->name, FIELD_ALL)) /* no member of a record's: it stands for them all */
        return false;
    for (size_t i = 0; i < page->count; i++) {
        const struct json *fields = page->records[i].fields;
        if (json_has(fields, row->name))
            return false;
        any = any || fields;
    }
    return any;
}

/* ---- pausing ---- */

/* Of new values only those rules are paused that do not take them. */
static bool pauses(const struct field_row *row, const struct rule *rule)
{
    struct arena arena = {0};
    if (row->pause != FIELD_NEW_VALUES)
        return row->pause != FIELD_LIVE;
    struct values values = new_values(row, &arena);
    bool paused = !takes_all(rule, &values);
    arena_free(&arena);
    return paused;
}

/* The field that a rule is paused for; NULL: it is not. */
static const struct field_row *cause(const struct field_snapshot *snapshot, const struct rule *rule)
{
    for (size_t i = 0; i < rule->from_count; i++) {
        const struct field_row *row = drift_find(snapshot, rule->from[i]);
        if (row && pauses(row, rule))
            return row;
    }
    return NULL;
}

bool drift_pause_rules(struct mapping *m, const struct field_snapshot *snapshot)
{
    static const uint8_t key[SIPHASH_KEY] = {0};
    bool ended = false;
    m->paused_count = 0;
    m->hash = m->rules_hash;
    for (size_t i = 0; i < m->rule_count; i++) {
        struct rule *rule = &m->rules[i];
        bool paused = cause(snapshot, rule) != NULL;
        ended = ended || (rule->paused && !paused);
        rule->paused = paused;
        if (!paused)
            continue;
        m->paused_count++;
        m->hash ^= (int64_t)siphash(key, str_from(rule->field.name)); /* in whatever order */
    }
    return ended;
}

/* ---- what cannot be read ---- */

static int refuse(const struct field_row *row, const char *why, struct error *err)
{
    struct buf what = BUF_INIT(sizeof err->text);
    drift_describe(&what, row);
    error_set(err, "%s; the vendor's field '%.*s': %s", why, STR_ARG(row->name), buf_cstr(&what));
    buf_free(&what);
    return -1;
}

int drift_check(const struct mapping *m, const struct field_snapshot *snapshot, struct error *err)
{
    char why[400];
    for (size_t i = 0; i < m->condition_count; i++) {
        const struct field_row *row = drift_find(snapshot, m->conditions[i].field);
        if (row && (row->pause == FIELD_REMOVED || row->pause == FIELD_RETYPED))
            return refuse(row, "the filter cannot tell which records are in scope", err);
    }
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct rule *rule = &m->rules[i];
        if (!rule->paused || !(rule->required || rule->field.required))
            continue;
        snprintf(why, sizeof why, "'%.200s' is required and cannot be read", rule->field.name);
        return refuse(cause(snapshot, rule), why, err);
    }
    return 0;
}

/* ---- shadows ---- */

static const char *find_entry(struct str shadow, const char *entry)
{
    for (size_t at = 0; at + SHADOW_ENTRY <= shadow.len; at += SHADOW_ENTRY)
        if (memcmp(shadow.ptr + at, entry, 2) == 0)
            return shadow.ptr + at;
    return NULL;
}

struct str drift_shadow(const struct mapping *m, struct str old_shadow, struct str new_shadow,
                        struct arena *arena)
{
    char *kept = arena_new(arena, m->rule_count, SHADOW_ENTRY);
    size_t len = 0;
    for (size_t i = 0; i < m->rule_count; i++) {
        const char *entry = new_shadow.ptr + i * SHADOW_ENTRY;
        if (m->rules[i].paused) /* not there: it counts as moved once the pause is over */
            entry = find_entry(old_shadow, entry);
        if (!entry)
            continue;
        memcpy(kept + len, entry, SHADOW_ENTRY);
        len += SHADOW_ENTRY;
    }
    return (struct str){kept, len};
}

/* ---- a person's word ---- */

bool drift_accept(struct field_row *row)
{
    if (row->pause != FIELD_RETYPED && row->pause != FIELD_NEW_VALUES)
        return false;
    set_live(row, row->now_type, row->now_values);
    return true;
}

const char *drift_type_name(int type)
{
    static const char *const names[] = {"unknown",
                                        [FIELD_STRING] = "string",
                                        [FIELD_NUMBER] = "number",
                                        [FIELD_BOOL] = "bool",
                                        [FIELD_DATE] = "date",
                                        [FIELD_DATETIME] = "datetime",
                                        [FIELD_ENUM] = "enum"};
    bool known = type >= 0 && (size_t)type < sizeof names / sizeof names[0];
    return names[known ? type : 0];
}

static void describe_values(struct buf *out, const struct field_row *row)
{
    struct arena arena = {0};
    struct values values = new_values(row, &arena);
    buf_text(out, "it may now be ");
    for (size_t i = 0; i < values.count && i < VALUES_TOLD; i++)
        buf_printf(out, "%s'%.*s'", i > 0 ? ", " : "",
                   values.items[i].len > 60 ? 60 : (int)values.items[i].len, values.items[i].ptr);
    if (values.count > VALUES_TOLD)
        buf_printf(out, " and %zu more", values.count - VALUES_TOLD);
    buf_text(out, ", which its mapping does not take");
    arena_free(&arena);
}

void drift_describe(struct buf *out, const struct field_row *row)
{
    if (row->pause == FIELD_REMOVED)
        buf_text(out, "the vendor has it no more");
    else if (row->pause == FIELD_RETYPED)
        buf_printf(out, "its type was %s and is %s now", drift_type_name(row->type),
                   drift_type_name(row->now_type));
    else if (row->pause == FIELD_NEW_VALUES)
        describe_values(out, row);
    else
        buf_text(out, row->type == 0 ? "the vendor has no such field" : "as it was");
}
