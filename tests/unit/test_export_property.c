/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules and values by chance, each seed the same for ever: what is written comes back as it was, or
 * there is an error that says why not. And the other way: what a vendor's text became can be
 * written, where no '*' and no default had a hand in it.
 */
#include "export_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"

enum { RULES = 600, VALUES = 40 };

static const uint8_t key[SIPHASH_KEY] = {3};
static uint64_t state;

static uint64_t chance(uint64_t below)
{
    state ^= state << 13; /* xorshift64 (Marsaglia, 2003) */
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static const char *any(const char *const *words, size_t count)
{
    return words[chance(count)];
}
#define ANY(words) any(words, sizeof words / sizeof words[0])

/* ---- a rule ---- */

struct target {
    const char *model, *field; /* the field NULL: a custom field of `type` */
    const char *type;
    enum field_kind kind;
};

static const struct target targets[] = {
    {"account", "industry", NULL, KIND_TEXT},
    {"account", "size", NULL, KIND_ENUM},
    {"account", "arr", NULL, KIND_MONEY},
    {"account", "seat_count", NULL, KIND_INTEGER},
    {"account", "contract_end_date", NULL, KIND_DATE},
    {"account", "owner_email", NULL, KIND_EMAIL},
    {"account", "parent_id", NULL, KIND_REFERENCE},
    {"contact", "phone", NULL, KIND_PHONE},
    {"contact", "linkedin_url", NULL, KIND_URL},
    {"contact", "primary_contact", NULL, KIND_BOOLEAN},
    {"contact", "tags", NULL, KIND_LIST},
    {"engagement", "completed_at", NULL, KIND_TIME},
    {"account", NULL, "text", KIND_TEXT},
    {"account", NULL, "integer", KIND_INTEGER},
    {"account", NULL, "number", KIND_NUMBER},
    {"account", NULL, "boolean", KIND_BOOLEAN},
    {"account", NULL, "date", KIND_DATE},
    {"account", NULL, "time", KIND_TIME},
    {"account", NULL, "list", KIND_LIST},
};

/* A text that the field takes, as it is written outside. */
static const char *valid_text(enum field_kind kind)
{
    static const char *const texts[] = {"a", "B", "c d", " e", "x;y", "\xc3\x9c", "7"},
                             *const sizes[] = {"startup", "small", "medium", "large"},
                             *const numbers[] = {"0", "1", "25", "100", "7.0"},
                             *const emails[] = {"a@b.test", "A.B@c.test"},
                             *const phones[] = {"+49 30 12345", "555-0100"},
                             *const urls[] = {"https://a.test", "http://B.test/x?y"},
                             *const booleans[] = {"true", "no", "1", "False"},
                             *const lists[] = {"[]", "[\"a\"]", "[\"a\", \"b;c\"]",
                                               "[\" x\", \"\"]"},
                             *const dates[] = {"2026-01-31", "0001-01-01", "9999-12-31"},
                             *const times[] = {"2026-01-31T10:00:00Z", "1969-12-31T23:59:59.999Z"},
                             *const ids[] = {"1", "c-17", "A"};
    switch (kind) {
    case KIND_ENUM:
        return ANY(sizes);
    case KIND_INTEGER:
    case KIND_MONEY:
    case KIND_NUMBER:
        return ANY(numbers);
    case KIND_EMAIL:
        return ANY(emails);
    case KIND_PHONE:
        return ANY(phones);
    case KIND_URL:
        return ANY(urls);
    case KIND_BOOLEAN:
        return ANY(booleans);
    case KIND_LIST:
        return ANY(lists);
    case KIND_DATE:
        return ANY(dates);
    case KIND_TIME:
        return ANY(times);
    case KIND_REFERENCE:
        return ANY(ids);
    default:
        return ANY(texts);
    }
}

static void add_map(struct buf *out, enum field_kind kind)
{
    static const char *const words[] = {"A", "b", "Two Words", "7", " z", "true", "x;y"};
    size_t count = chance(4) + 1, first = chance(7);
    buf_text(out, ", map: {");
    for (size_t i = 0; i < count; i++)
        if (chance(8) == 0)
            buf_printf(out, "'%s': ~, ", words[(first + i) % 7]);
        else
            buf_printf(out, "'%s': '%s', ", words[(first + i) % 7], valid_text(kind));
    if (chance(3) == 0)
        buf_printf(out, "'*': '%s'", valid_text(kind));
    buf_char(out, '}');
}

static void add_forms(struct buf *out, enum field_kind kind)
{
    static const char *const scales[] = {"0.01", "100", "12",  "0.0000166666667",
                                         "-3",   "2.5", "1e3", "0.7",
                                         "1e-9", "60"},
                             *const separators[] = {"';'", "', '", "'|'", "';;'"},
                             *const dates[] = {"iso", "epoch_ms", "epoch_s", "DD.MM.YYYY",
                                               "YYYYMMDD"};
    bool number = kind == KIND_INTEGER || kind == KIND_MONEY || kind == KIND_NUMBER;
    if (number && chance(2) == 0)
        buf_printf(out, ", scale: %s", ANY(scales));
    if (kind == KIND_LIST && chance(3) > 0)
        buf_printf(out, ", split: %s", ANY(separators));
    if ((kind == KIND_DATE || kind == KIND_TIME) && chance(4) > 0)
        buf_printf(out, ", date: %s", ANY(dates));
    if (number && chance(6) == 0)
        buf_text(out, ", min: -5, max: 1000");
}

static void add_steps(struct buf *out)
{
    static const char *const steps[] = {"trim", "lower", "upper"};
    buf_text(out, ", transform: [");
    for (size_t i = chance(3) + 1; i > 0; i--)
        buf_printf(out, "%s%s", ANY(steps), i > 1 ? ", " : "");
    buf_char(out, ']');
}

/* NULL: the rule cannot be exported, which the configuration says. */
static struct compiled *random_rule(const struct target *t, struct buf *ret_text)
{
    buf_clear(ret_text);
    buf_text(ret_text, "connector: t\nsync_direction: bidirectional\nobjects:\n  companies: "
                       "{default_mapping: false, mapping: {");
    if (t->field)
        buf_printf(ret_text, "%s: {from: f", t->field);
    else
        buf_printf(ret_text, "custom_fields: {x: {from: f, type: %s", t->type);
    if (t->kind == KIND_REFERENCE)
        buf_text(ret_text, ", lookup: companies");
    if (chance(3) == 0)
        add_steps(ret_text);
    if (chance(3) == 0)
        add_map(ret_text, t->kind);
    if (chance(5) == 0)
        buf_printf(ret_text, ", default: '%s'", valid_text(t->kind));
    add_forms(ret_text, t->kind);
    buf_text(ret_text, t->field ? "}}}\n" : "}}}}\n");
    struct compiled *c = compiled_file(t->model, buf_cstr(ret_text));
    if (c->problems.count == 0 && c->mapping.export_count == 1)
        return c;
    for (size_t i = 0; i < c->problems.count; i++)
        if (!strstr(c->problems.items[i].text, "exports nothing"))
            UNIT_TEXT(c->problems.items[i].text, buf_cstr(ret_text));
    compiled_free(c);
    return NULL;
}

/* ---- a value ---- */

static struct str random_text(struct arena *arena)
{
    static const char *const parts[] = {"a",  "B", " ", ";", "|",  ", ", "\xc3\xa4", "7",
                                        "\"", ".", "-", "@", "\n", "x",  "true",     "'"};
    struct buf out = BUF_INIT(1024);
    for (size_t i = chance(6); i > 0; i--)
        buf_text(&out, ANY(parts));
    struct str text = arena_str(arena, buf_view(&out));
    buf_free(&out);
    return text;
}

static struct str random_list(struct arena *arena)
{
    struct buf out = BUF_INIT(8192);
    struct json_writer w = {.out = &out};
    json_open(&w, '[');
    for (size_t i = chance(4); i > 0; i--)
        json_put_str(&w, random_text(arena));
    json_close(&w, ']');
    struct str text = arena_str(arena, buf_view(&out));
    buf_free(&out);
    return text;
}

static int64_t random_int(void)
{
    static const int64_t edges[] = {0, 1, -1, 99, 100, 999999999999, -999999999999, INT32_MAX};
    uint64_t digits = chance(12) + 1, most = 1;
    if (chance(4) == 0)
        return edges[chance(sizeof edges / sizeof edges[0])];
    while (digits-- > 0)
        most *= 10;
    int64_t n = (int64_t)chance(most);
    return chance(5) == 0 ? -n : n;
}

static int64_t random_time(void)
{
    static const int64_t edges[] = {TIME_MIN_US, TIME_MAX_US, 0, -1};
    static const int64_t units[] = {1, US_PER_MS, US_PER_SECOND, US_PER_DAY};
    if (chance(10) == 0)
        return edges[chance(4)];
    int64_t us = (int64_t)chance((uint64_t)(TIME_MAX_US / 100)) - TIME_MAX_US / 200;
    int64_t unit = units[chance(4)];
    return us / unit * unit;
}

/* Mostly one that the field can have. */
static struct value random_value(enum field_kind kind, struct arena *arena)
{
    struct value v = {.state = VALUE_INTEGER};
    if (chance(12) == 0)
        return (struct value){.state = VALUE_NULL};
    switch (kind) {
    case KIND_INTEGER:
    case KIND_MONEY:
        v.integer = random_int();
        return v;
    case KIND_BOOLEAN:
        v.integer = (int64_t)chance(2);
        return v;
    case KIND_TIME:
        v.integer = random_time();
        return v;
    case KIND_DATE:
        v.integer = random_time() / US_PER_DAY;
        return v;
    default:
        v.state = VALUE_TEXT;
    }
    if (kind == KIND_LIST)
        v.text = random_list(arena);
    else if (kind == KIND_NUMBER)
        v.text = str_from(arena_printf(arena, "%.*g", (int)chance(17) + 1,
                                       (double)random_int() / (double)(chance(1000) + 1)));
    else
        v.text = chance(2) == 0 ? random_text(arena) : str_from(valid_text(kind));
    return v;
}

/* As the record keeps it: a custom field is JSON. */
static struct value kept(const struct rule *rule, struct value v, struct arena *arena)
{
    struct buf out = BUF_INIT(64 * 1024);
    struct json_writer w = {.out = &out};
    if (rule->index >= 0 || v.state == VALUE_NULL)
        return v;
    value_write_json(&w, rule->field.kind, &v);
    v = (struct value){.state = VALUE_TEXT, .text = arena_str(arena, buf_view(&out))};
    buf_free(&out);
    return v;
}

/* ---- there and back, by the way that records take ---- */

static enum map_result read_back(const struct mapping *m, struct str text, bool clear,
                                 struct arena *arena, struct value *ret, struct error *err)
{
    struct buf record = BUF_INIT(64 * 1024);
    struct json_writer w = {.out = &record};
    const struct json *fields = NULL;
    struct mapped mapped = {0};
    struct str field;
    json_open(&w, '{');
    json_key_str(&w, m->exports[0].to);
    if (clear && chance(2) == 0)
        json_put_null(&w);
    else
        json_put_str(&w, text);
    json_close(&w, '}');
    CU_ASSERT_EQUAL_FATAL(json_parse(buf_view(&record), &fields, NULL), 0);
    enum map_result r = mapping_apply(m, key, fields, arena, &mapped, &field, err);
    if (r == MAP_OK) {
        *ret = mapped.values[0];
        ret->text = arena_str(arena, ret->text);
    }
    json_free(fields);
    buf_free(&record);
    return r;
}

/* Of a custom field the JSON, of a list too. */
static bool is_same(const struct rule *rule, const struct value *a, const struct value *b)
{
    struct buf x = BUF_INIT(64 * 1024), y = BUF_INIT(64 * 1024);
    const struct json *left = NULL, *right = NULL;
    double p, q;
    if (rule->index >= 0 && rule->field.kind != KIND_LIST)
        return value_eq(a, b);
    if (a->state == VALUE_NULL || b->state == VALUE_NULL)
        return a->state == b->state;
    if (rule->field.kind == KIND_NUMBER && str_to_double(a->text, &p) && str_to_double(b->text, &q))
        return p == q || (p - q < 1e-14 * (p < 0 ? -p : p) && q - p < 1e-14 * (p < 0 ? -p : p));
    json_parse(a->text, &left, NULL);
    json_parse(b->text, &right, NULL);
    json_write(&x, left);
    json_write(&y, right);
    bool same = str_eq(buf_view(&x), buf_view(&y));
    json_free(left);
    json_free(right);
    buf_free(&x);
    buf_free(&y);
    return same;
}

static bool is_empty(const struct value *v)
{
    return v->state == VALUE_TEXT &&
           (v->text.len == 0 || str_is(v->text, "\"\"") || str_is(v->text, "[]"));
}

static size_t written, refused;

static void there_and_back(const struct mapping *m, enum field_kind kind, const char *file)
{
    struct arena arena = {0};
    const struct rule *rule = &m->rules[0];
    struct value canonical = kept(rule, random_value(kind, &arena), &arena), back;
    struct str text;
    bool clear;
    struct error err = {0};
    if (export_value(rule, &m->exports[0], &canonical, &arena, &text, &clear, &err) != 0) {
        CU_ASSERT(err.text[0] != '\0');
        refused++;
    } else {
        written++;
        CU_ASSERT_EQUAL(clear, text.len == 0);
        enum map_result r = read_back(m, text, clear, &arena, &back, &err);
        bool same = r == MAP_OK && (is_same(rule, &canonical, &back) ||
                                    (clear && is_empty(&canonical) && back.state == VALUE_NULL));
        if (!same)
            UNIT_TEXT(arena_str(&arena, text).ptr, file); /* shows both, and fails */
    }
    arena_free(&arena);
}

static void test_there_and_back(void)
{
    struct buf file = BUF_INIT(8192);
    state = 20260131;
    written = refused = 0;
    for (size_t i = 0; i < RULES; i++) {
        const struct target *t = &targets[i % (sizeof targets / sizeof targets[0])];
        struct compiled *c = random_rule(t, &file);
        for (size_t j = 0; c && j < VALUES; j++)
            there_and_back(&c->mapping, t->kind, buf_cstr(&file));
        if (c)
            compiled_free(c);
    }
    CU_ASSERT(written > RULES * VALUES / 4 && refused > RULES);
    buf_free(&file);
}

/* ---- what came can go ---- */

static struct str vendor_text(enum field_kind kind, const struct rule *rule, struct arena *arena)
{
    struct civil c;
    if (rule->map_count > 0)
        return rule->map[chance(rule->map_count)].from;
    if (kind != KIND_DATE && kind != KIND_TIME)
        return chance(2) == 0 ? random_text(arena) : str_from(valid_text(kind));
    int64_t us = random_time();
    c = time_civil(us);
    switch (rule->date) {
    case DATE_EPOCH_MS:
        return str_from(arena_printf(arena, "%lld", (long long)(us / US_PER_MS)));
    case DATE_EPOCH_S:
        return str_from(arena_printf(arena, "%lld.0", (long long)(us / US_PER_SECOND)));
    case DATE_PATTERN:
        return str_from(rule->date_pattern.ptr[0] == 'D'
                            ? arena_printf(arena, "%02d.%02d.%04d", c.day, c.month, (int)c.year)
                            : arena_printf(arena, "%04d%02d%02d", (int)c.year, c.month, c.day));
    default:
        return str_from(arena_printf(arena, "%04d-%02d-%02dT10:00:00.%06d+02:00", (int)c.year,
                                     c.month, c.day, c.microsecond));
    }
}

static size_t returned;

/* Numbers of a scale are rounded as they come; separators of two characters may meet a part that
 * ends with the first. */
static bool is_lossy(const struct rule *rule)
{
    return rule->map_other || rule->has_default || rule->split.len == 2 ||
           (rule->field.kind == KIND_NUMBER && !str_is(rule->scale, "1"));
}

static void back_again(const struct mapping *m, enum field_kind kind, const char *file)
{
    struct arena arena = {0};
    const struct rule *rule = &m->rules[0];
    struct str text = vendor_text(kind, rule, &arena), again;
    struct value first = {0}, second = {0};
    bool clear;
    struct error err = {0};
    if (read_back(m, text, false, &arena, &first, &err) == MAP_OK) {
        returned++;
        if (export_value(rule, &m->exports[0], &first, &arena, &again, &clear, &err) != 0)
            UNIT_TEXT(err.text, file);
        else if (read_back(m, again, clear, &arena, &second, &err) != MAP_OK ||
                 !(is_same(rule, &first, &second) || (clear && is_empty(&first))))
            UNIT_TEXT(arena_str(&arena, again).ptr, file);
    }
    arena_free(&arena);
}

static void test_what_came_can_go(void)
{
    struct buf file = BUF_INIT(8192);
    state = 31012026;
    returned = 0;
    for (size_t i = 0; i < RULES; i++) {
        const struct target *t = &targets[i % (sizeof targets / sizeof targets[0])];
        struct compiled *c = random_rule(t, &file);
        for (size_t j = 0; c && !is_lossy(&c->mapping.rules[0]) && j < VALUES; j++)
            back_again(&c->mapping, t->kind, buf_cstr(&file));
        if (c)
            compiled_free(c);
    }
    CU_ASSERT(returned > RULES * VALUES / 8);
    buf_free(&file);
}

const char *const unit_suite = "export_property";
const struct unit_test unit_tests[] = {{"what goes comes back", test_there_and_back},
                                       {"what came can go", test_what_came_can_go},
                                       {NULL, NULL}};
