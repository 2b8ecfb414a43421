/* SPDX-License-Identifier: Apache-2.0 */
/* From our values to the vendor's: which rules are turned round, what each writes, and what is said
 * of a configuration that cannot be. */
#include "export_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- which rules export ---- */

static void list_exports(struct buf *out, const struct mapping *m)
{
    for (size_t i = 0; i < m->export_count; i++) {
        const struct export_rule *e = &m->exports[i];
        const struct rule *rule = &m->rules[e->rule];
        CU_ASSERT_PTR_EQUAL(rule->exports, e);
        buf_printf(out, "%s%s%s%.*s", i > 0 ? ", " : "", rule->field.name,
                   rule_imports(rule) ? "=" : ">", STR_ARG(e->to));
        buf_text(out, e->association ? "@" : "");
    }
}

static void exports(const char *object, const char *expected)
{
    struct buf out = BUF_INIT(8192);
    struct compiled *c = compiled_object("account", object);
    list_exports(&out, &c->mapping);
    UNIT_TEXT(buf_cstr(&out), expected);
    compiled_free(c);
    buf_free(&out);
}

static void test_directions(void)
{
    exports("", "");
    exports("sync_direction: import", "");
    exports("sync_direction: bidirectional",
            "name=name, domain=site, parent_id=links.up@, city=town, stage=stage");
    exports("sync_direction: export",
            "name>name, domain>site, parent_id>links.up@, city>town, stage>stage");
    exports(
        "sync_direction: bidirectional, mapping: {domain: {from: site, sync_direction: import}}",
        "name=name, parent_id=links.up@, city=town, stage=stage");
    exports(
        "sync_direction: bidirectional, mapping: {domain: {from: site, sync_direction: export}}",
        "name=name, domain>site, parent_id=links.up@, city=town, stage=stage");
    exports("sync_direction: bidirectional, default_mapping: false, mapping: {name: title}",
            "name=title");
}

/* A rule that says nothing but which way keeps the default mapping of its field. */
static void test_kept_rules(void)
{
    exports("sync_direction: bidirectional, mapping: {domain: {sync_direction: import}, "
            "industry: {export: sector}}",
            "name=name, industry=sector, parent_id=links.up@, city=town, stage=stage");
    exports("sync_direction: bidirectional, mapping: {status: {export: {map: {active: '2'}}}, "
            "custom_fields: {stage: {sync_direction: import}}}",
            "name=name, domain=site, status=stage, parent_id=links.up@, city=town");
}

/* One field of the vendor has one source: the file's rule, else the one that changes least. */
static void test_one_source(void)
{
    exports("sync_direction: bidirectional, mapping: {custom_fields: {place: town}}",
            "name=name, domain=site, parent_id=links.up@, place=town, stage=stage");
    exports("sync_direction: bidirectional, mapping: {size: {from: stage, map: {'9': small}}}",
            "name=name, domain=site, size=stage, parent_id=links.up@, city=town");
    exports("sync_direction: bidirectional, mapping: {custom_fields: {stage: ~}}",
            "name=name, domain=site, status=stage, parent_id=links.up@, city=town");
    exports("sync_direction: bidirectional, external_key: town",
            "name=name, domain=site, parent_id=links.up@, stage=stage");
}

static const struct rule *rule_named(const struct mapping *m, const char *name)
{
    for (size_t i = 0; i < m->rule_count; i++)
        if (strcmp(m->rules[i].field.name, name) == 0)
            return &m->rules[i];
    CU_FAIL_FATAL("no such rule");
    return NULL;
}

static void test_reasons(void)
{
    static const char *const reasons[][2] = {
        {"industry", "it is put together from several fields"},
        {"score", "'calc_score' cannot be written"},
        {"status", "'stage' is written by stage"},
        {"size", "it is a constant"},
        {"mrr", "a scale of 0 cannot be undone"},
        {"arr", "its map has no vendor value for any of ours"},
        {"head", "'headline' leaves words out"},
        {"key", "'id' cannot be written"},
        {"changed", "'updated' cannot be written"},
        {"link", "'links.up' links records, and it is no reference"}};
    struct compiled *c = compiled_object(
        "account", "sync_direction: bidirectional, mapping: {size: {value: small}, "
                   "mrr: {from: m, scale: 0.0}, arr: {from: a, map: {'*': 5}}, custom_fields: "
                   "{head: {from: h, transform: headline}, key: id, changed: updated, "
                   "link: links.up}}");
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        const struct rule *rule = rule_named(&c->mapping, reasons[i][0]);
        CU_ASSERT_PTR_NULL(rule->exports);
        CU_ASSERT_EQUAL(rule->direction, DIRECTION_IMPORT);
        UNIT_TEXT(rule->exports_not_because, reasons[i][1]);
    }
    CU_ASSERT_PTR_NULL(rule_named(&c->mapping, "name")->exports_not_because);
    compiled_free(c);
}

/* ---- what is inherited ---- */

static void test_inherited(void)
{
    struct compiled *c = compiled_file(
        "account",
        "connector: t\nsync_direction: bidirectional\nconflict_resolution: "
        "source_priority\npriority: local\nobjects:\n  companies:\n"
        "    export: {archive: true, create: false}\n    external_key: fastenr_id\n"
        "    mapping:\n      name: {from: name, conflict_resolution: manual_review}\n"
        "      custom_fields:\n"
        "        tags: {from: t, type: list, merge_strategy: append, priority: vendor}\n");
    const struct mapping *m = &c->mapping;
    CU_ASSERT_EQUAL(c->problems.count, 0);
    CU_ASSERT_EQUAL(m->direction, DIRECTION_BIDIRECTIONAL);
    CU_ASSERT(!m->creates && m->updates && m->archives);
    CU_ASSERT(str_is(m->external_key, "fastenr_id"));
    const struct rule *name = rule_named(m, "name"), *tags = rule_named(m, "tags");
    CU_ASSERT_EQUAL(name->conflict, CONFLICT_MANUAL_REVIEW);
    CU_ASSERT_EQUAL(name->priority, PRIORITY_LOCAL);
    CU_ASSERT_EQUAL(name->strategy, STRATEGY_OVERWRITE);
    CU_ASSERT_EQUAL(tags->conflict, CONFLICT_SOURCE_PRIORITY);
    CU_ASSERT_EQUAL(tags->priority, PRIORITY_VENDOR);
    CU_ASSERT_EQUAL(tags->strategy, STRATEGY_APPEND);
    bool reads_key = false;
    for (size_t i = 0; i < m->field_count; i++)
        reads_key = reads_key || str_is(m->fields[i], "fastenr_id");
    CU_ASSERT(reads_key);
    compiled_free(c);
}

/* What the connection says is not for objects that cannot be written. */
static void test_unwritable(void)
{
    struct connector_object *object = fixture_object();
    object->write_rows = 0;
    struct compiled *c = compiled_file(
        "account", "connector: t\nsync_direction: bidirectional\nobjects: {companies: {}}\n");
    CU_ASSERT_EQUAL(c->problems.count, 0);
    CU_ASSERT_EQUAL(c->mapping.direction, DIRECTION_IMPORT);
    CU_ASSERT_EQUAL(c->mapping.export_count, 0);
    CU_ASSERT(!c->mapping.creates && !c->mapping.updates && !c->mapping.archives);
    for (size_t i = 0; i < c->mapping.rule_count; i++)
        CU_ASSERT_EQUAL(c->mapping.rules[i].direction, DIRECTION_IMPORT);
    compiled_free(c);
    object->write_rows = 100;
}

/* Exports follow their rules. */
static int id_of(void *arg, struct str name, int64_t *ret_id, struct error *err)
{
    (void)arg;
    (void)err;
    *ret_id = FIELD_ID_CUSTOM + 100 - name.ptr[0]; /* another order than that of names */
    return 0;
}

static void test_moved_rules(void)
{
    struct error err;
    struct buf out = BUF_INIT(4096);
    struct compiled *c = compiled_object("account", "sync_direction: bidirectional");
    int64_t before = c->mapping.export_hash;
    CU_ASSERT_EQUAL(mapping_bind(&c->mapping, id_of, NULL, &err), 0);
    list_exports(&out, &c->mapping);
    UNIT_TEXT(buf_cstr(&out), "name=name, domain=site, parent_id=links.up@, stage=stage, "
                              "city=town");
    buf_clear(&out);
    mapping_drop(&c->mapping, rule_named(&c->mapping, "parent_id")->exports->rule);
    list_exports(&out, &c->mapping);
    UNIT_TEXT(buf_cstr(&out), "name=name, domain=site, stage=stage, city=town");
    mapping_drop(&c->mapping, rule_named(&c->mapping, "industry") - c->mapping.rules);
    buf_clear(&out);
    list_exports(&out, &c->mapping);
    UNIT_TEXT(buf_cstr(&out), "name=name, domain=site, stage=stage, city=town");
    CU_ASSERT_NOT_EQUAL(c->mapping.export_hash, before);
    compiled_free(c);
    buf_free(&out);
}

/* ---- what is written ---- */

/* Our value as it is written outside, of a custom field as JSON; "~" is none. */
static struct value ours(const struct rule *rule, const char *text, struct arena *arena)
{
    struct value v = {.state = VALUE_NULL};
    struct error err;
    if (strcmp(text, "~") == 0)
        return v;
    if (rule->index < 0 || rule->field.kind == KIND_REFERENCE)
        return (struct value){.state = VALUE_TEXT, .text = str_from(text)};
    CU_ASSERT_EQUAL_FATAL(value_parse(rule->field.kind, str_from(text), arena, &v, &err), 0);
    return v;
}

/* The first rule that exports, of an object whose rules are `rules`; "~" is cleared. */
static void writes(const char *model, const char *rules, const char *value, const char *expected)
{
    struct buf object = BUF_INIT(8192);
    struct arena arena = {0};
    struct error err = {0};
    struct str text;
    bool clear;
    buf_printf(&object, "sync_direction: bidirectional, default_mapping: false, mapping: {%s}",
               rules);
    struct compiled *c = compiled_object(model, buf_cstr(&object));
    CU_ASSERT_FATAL(c->mapping.export_count > 0);
    const struct export_rule *e = &c->mapping.exports[0];
    const struct rule *rule = &c->mapping.rules[e->rule];
    struct value v = ours(rule, value, &arena);
    if (export_value(rule, e, &v, &arena, &text, &clear, &err) != 0) {
        buf_clear(&object);
        buf_printf(&object, "! %s", err.text);
        UNIT_TEXT(buf_cstr(&object), expected);
    } else {
        UNIT_TEXT(clear ? "~" : arena_str(&arena, text).ptr, expected);
        CU_ASSERT_EQUAL(clear, text.len == 0);
    }
    compiled_free(c);
    arena_free(&arena);
    buf_free(&object);
}

static void test_texts(void)
{
    writes("account", "industry: a", "Tools & Dies", "Tools & Dies");
    writes("account", "industry: a", "~", "~");
    writes("account", "industry: a", "", "~");
    writes("account", "domain: {from: a, transform: [trim, lower]}", "acme.test", "acme.test");
    writes("account", "domain: {from: a, transform: [trim, lower]}", "Acme.test",
           "! 'Acme.test', written as 'Acme.test', would come back as 'acme.test'");
    writes("account", "industry: {from: a, transform: trim}", " x",
           "! ' x', written as ' x', would come back as 'x'");
    writes("account", "industry: {from: a, default: none}", "~",
           "! no value, written as '', would come back as 'none'");
    writes("account", "industry: {from: a, required: true}", "~",
           "! no value, written as '', could not be read back: it is required, and the vendor has "
           "no value");
    writes("account", "industry: {from: a, one_of: [x, y]}", "z",
           "! 'z', written as 'z', could not be read back: 'z' is none of its values (one_of)");
    writes("account", "owner_email: a", "ada@acme.test", "ada@acme.test");
    writes("contact", "phone: a", "+49 30 1234", "+49 30 1234");
    writes("contact", "linkedin_url: a", "https://l.test/x", "https://l.test/x");
    writes("account", "size: a", "small", "small");
    writes("account", "parent_id: {from: a, lookup: companies}", "c-17", "c-17");
    writes("account", "parent_id: {from: a, lookup: companies}", "~", "~");
}

static void test_numbers(void)
{
    writes("account", "seat_count: a", "25", "25");
    writes("account", "arr: a", "-12000.5", "-12000.5");
    writes("account", "arr: a", "9999999999.99", "9999999999.99");
    writes("account", "arr: {from: a, scale: 0.01}", "12345.67", "1234567");
    writes("account", "arr: {from: a, scale: 100}", "12345.67", "123.4567");
    writes("account", "arr: {from: a, scale: 12}", "1200", "100");
    writes("account", "arr: {from: a, scale: 12}", "100", "8.333");
    writes("account", "seat_count: {from: a, scale: 0.001}", "9", "9000");
    writes("account", "seat_count: {from: a, scale: 0.004}", "1", "250");
    writes("account", "seat_count: {from: a, scale: 0.0000166666667}", "5", "300000");
    writes("account", "seat_count: {from: a, scale: 1e-29}", "9", "900000000000000000000000000000");
    writes("account", "seat_count: {from: a, scale: 1e-30}", "9",
           "! divided by its scale 1e-30 it is no number that fits");
    writes("account", "arr: {from: a, scale: -3}", "0.01", "-0.003");
    writes("account", "arr: {from: a, scale: 1e20}", "1", "0.00000000000000000001");
    writes("account", "seat_count: {from: a, scale: 10}", "5", "0.5");
    writes("account", "seat_count: {from: a, max: 100}", "101",
           "! '101', written as '101', could not be read back: 101 is more than 100");
    writes("contact", "primary_contact: a", "true", "true");
    writes("contact", "primary_contact: {from: a, map: {J: 'yes', N: 'no'}}", "false", "N");
}

static void test_dates(void)
{
    writes("account", "contract_end_date: a", "2026-01-31", "2026-01-31");
    writes("account", "contract_end_date: {from: a, date: epoch_ms}", "2024-06-10",
           "1717977600000");
    writes("account", "contract_end_date: {from: a, date: epoch_s}", "1969-12-31", "-86400");
    writes("account", "contract_end_date: {from: a, date: DD.MM.YYYY}", "0987-02-01", "01.02.0987");
    writes("engagement", "completed_at: a", "2026-01-31T10:00:00.25Z", "2026-01-31T10:00:00.250Z");
    writes("engagement", "completed_at: {from: a, date: epoch_ms}", "2024-06-10T06:13:20.125Z",
           "1718000000125");
    writes("engagement", "completed_at: {from: a, date: epoch_s}", "2024-06-10T06:13:20.125Z",
           "! '2024-06-10T06:13:20.125Z', written as '1718000000', would come back as "
           "'2024-06-10T06:13:20Z'");
    writes("engagement", "completed_at: {from: a, date: YYYY-MM-DD}", "2024-06-10T06:13:20Z",
           "! '2024-06-10T06:13:20Z', written as '2024-06-10', would come back as "
           "'2024-06-10T00:00:00Z'");
}

static void test_lists(void)
{
    writes("contact", "tags: {from: a, split: ';'}", "[\"a\", \"b c\"]", "a;b c");
    writes("contact", "tags: {from: a, split: ', '}", "[\"a\",\"b,c\"]", "a, b,c");
    writes("contact", "tags: {from: a, split: ';'}", "[]", "~");
    writes("contact", "tags: a", "[]", "[]");
    writes("contact", "tags: a", "[\"a;b\", \"\\u00fc\"]", "[\"a;b\",\"\xc3\xbc\"]");
    writes("contact", "tags: {from: a, split: ';'}", "[\"a;b\"]",
           "! '[\"a;b\"]', written as 'a;b', would come back as '[\"a\",\"b\"]'");
    writes("contact", "tags: {from: a, split: ';'}", "[\" a\"]",
           "! '[\" a\"]', written as ' a', would come back as '[\"a\"]'");
    writes("contact", "tags: {from: a, split: ';'}", "[\"\"]",
           "! '[\"\"]', written as '', would come back as no value");
}

static void test_custom_types(void)
{
    writes("account", "custom_fields: {x: a}", "\"t \\\"q\\\"\"", "t \"q\"");
    writes("account", "custom_fields: {x: a}", "null", "~");
    writes("account", "custom_fields: {x: a}", "5", "! its value here is no text");
    writes("account", "custom_fields: {x: {from: a, type: integer}}", "-7", "-7");
    writes("account", "custom_fields: {x: {from: a, type: integer}}", "7.0", "7");
    writes("account", "custom_fields: {x: {from: a, type: integer}}", "7.5",
           "! '7.5' is no integer");
    writes("account", "custom_fields: {x: {from: a, type: integer}}", "\"7\"",
           "! its value here is no integer");
    writes("account", "custom_fields: {x: {from: a, type: number}}", "0.1", "0.1");
    writes("account", "custom_fields: {x: {from: a, type: number}}", "1.5e20",
           "150000000000000000000");
    writes("account", "custom_fields: {x: {from: a, type: number}}", "-2.5e-7", "-0.00000025");
    writes("account", "custom_fields: {x: {from: a, type: number, scale: 0.1}}", "0.3", "3");
    writes("account", "custom_fields: {x: {from: a, type: number}}", "0.30000000000000004", "0.3");
    writes("account", "custom_fields: {x: {from: a, type: number}}", "1234567890123456",
           "! '1234567890123456', written as '1234567890123456', would come back as "
           "'1.23456789012346e+15'");
    writes("account", "custom_fields: {x: {from: a, type: boolean}}", "true", "true");
    writes("account", "custom_fields: {x: {from: a, type: boolean}}", "\"true\"",
           "! its value here is no boolean");
    writes("account", "custom_fields: {x: {from: a, type: date, date: epoch_ms}}", "\"2024-06-10\"",
           "1717977600000");
    writes("account", "custom_fields: {x: {from: a, type: date}}", "\"10.6.2024\"",
           "! '10.6.2024' is no date");
    writes("account", "custom_fields: {x: {from: a, type: time}}", "\"2024-06-10T06:13:20Z\"",
           "2024-06-10T06:13:20Z");
    writes("account", "custom_fields: {x: {from: a, type: list, split: '|'}}", "[\"a\",\"b\"]",
           "a|b");
    writes("account", "custom_fields: {x: {from: a, type: list, split: '|'}}", "[1]",
           "! '[1]' is no list");
}

static void test_maps(void)
{
    const char *rule = "status: {from: a, map: {B: active, A: active, C: churned, N: ~, "
                       "'*': onboarding}}";
    writes("account", rule, "active", "B"); /* the first of the file */
    writes("account", rule, "churned", "C");
    writes("account", rule, "~", "~");
    writes("account", rule, "onboarding",
           "! nothing at the vendor becomes 'onboarding' but by '*' or the default: add it to the "
           "map");
    writes("account", rule, "at_risk",
           "! nothing at the vendor becomes 'at_risk' but by '*' or the default: add it to the "
           "map");
    writes("account", "status: {from: a, map: {A: active}}", "churned",
           "! nothing at the vendor becomes 'churned': add it to the map");
    /* Those that no text of the vendor leads to are not written. */
    writes("account", "status: {from: a, transform: lower, map: {Y: active, x: active}}", "active",
           "x");
    writes("account", "arr: {from: a, map: {S: 100, L: 1000.50}, scale: 2}", "2001", "L");
    writes("contact", "tags: {from: a, map: {all: '[\"x\", \"y\"]'}}", "[\"x\",\"y\"]", "all");
}

static void test_own_exports(void)
{
    const char *joined = "industry: {from: [a, b], join: ' ', export: c}";
    writes("account", joined, "Tools", "Tools");
    writes("account", joined, "~", "~");
    writes("account", "status: {value: active, export: c}", "churned", "churned");
    writes("account", "arr: {from: a, scale: 0.01, export: c}", "12", "1200");
    writes("account", "industry: {from: a, export: {value: fixed, to: c}}", "x", "fixed");
    writes("account", "industry: {from: a, export: {value: fixed, to: c}}", "~", "fixed");
    const char *map = "status: {from: [a, b], join: '/', map: {x/y: active, '*': churned}, "
                      "export: {to: c, map: {active: won, churned: ~, '*': open}}}";
    writes("account", map, "active", "won");
    writes("account", map, "churned", "~");
    writes("account", map, "at_risk", "open");
    const char *few = "status: {from: a, map: {x: active, '*': churned}, export: {map: {active: "
                      "x, churned: z}}}";
    writes("account", few, "active", "x");
    writes("account", few, "churned", "z");
    writes("account", few, "at_risk",
           "! 'at_risk' is not in the map of its export: add it, or '*'");
    writes("account",
           "custom_fields: {n: {from: a, type: integer, export: {to: c, map: {1: one, "
           "2: two}}}}",
           "2", "two");
}

/* ---- hashes ---- */

static void hashes(const char *object, int64_t *ret_read, int64_t *ret_written)
{
    struct compiled *c = compiled_object("account", object);
    *ret_read = c->mapping.hash;
    CU_ASSERT_EQUAL(c->mapping.rules_hash, c->mapping.hash);
    *ret_written = c->mapping.export_hash;
    compiled_free(c);
}

/* What was read under the last release is not read again under this one. */
static void test_old_hash(void)
{
    int64_t read, written;
    hashes("", &read, &written);
    CU_ASSERT_EQUAL(read, INT64_C(99958545448531336));
    CU_ASSERT_EQUAL(written, 0);
    hashes("mapping: {arr: {from: a, scale: 0.01, min: 1}, size: {from: s, map: {b: small, a: "
           "large, '*': medium}, default: small, transform: lower}, custom_fields: {l: {from: l, "
           "type: list, split: ';'}}}, filter: {a: [b, c]}",
           &read, &written);
    CU_ASSERT_EQUAL(read, INT64_C(-7585628806379700718));
    CU_ASSERT_EQUAL(written, 0);
}

static void test_hash(void)
{
    static const char *const same[] = {
        "sync_direction: import",
        "conflict_resolution: manual_review",
        "sync_direction: bidirectional",
        "sync_direction: bidirectional, external_key: ours, export: {archive: true}",
        "sync_direction: bidirectional, mapping: {name: {export: title}}",
        "sync_direction: bidirectional, mapping: {name: {sync_direction: import}}"};
    static const char *const written[] = {
        "sync_direction: bidirectional",
        "sync_direction: export",
        "sync_direction: bidirectional, mapping: {name: {export: title}}",
        "sync_direction: bidirectional, mapping: {name: {export: {to: title, value: x}}}",
        "sync_direction: bidirectional, mapping: {name: {export: {to: title, map: {a: b}}}}",
        "sync_direction: bidirectional, mapping: {name: {export: {to: title, map: {a: c}}}}",
        "sync_direction: bidirectional, mapping: {name: {export: {to: title, map: {'*': c}}}}",
        "sync_direction: bidirectional, mapping: {name: {sync_direction: import}}"};
    enum { SAME = sizeof same / sizeof same[0], WRITTEN = sizeof written / sizeof written[0] };
    int64_t first, read, any, all[WRITTEN];
    hashes("", &first, &any);
    for (size_t i = 0; i < SAME; i++) {
        hashes(same[i], &read, &any);
        CU_ASSERT_EQUAL(read, first);
    }
    for (size_t i = 0; i < WRITTEN; i++) {
        hashes(written[i], &read, &all[i]);
        CU_ASSERT_NOT_EQUAL(all[i], 0);
        for (size_t j = 0; j < i; j++)
            if (all[i] == all[j])
                UNIT_TEXT(written[i], written[j]); /* shows both, and fails */
    }
    hashes("sync_direction: bidirectional, mapping: {domain: {sync_direction: export}}", &read,
           &any);
    CU_ASSERT_NOT_EQUAL(read, first); /* it is not taken any more */
}

const char *const unit_suite = "export";
const struct unit_test unit_tests[] = {{"directions", test_directions},
                                       {"rules that say only which way", test_kept_rules},
                                       {"one source for a field", test_one_source},
                                       {"why a rule does not export", test_reasons},
                                       {"what is inherited", test_inherited},
                                       {"objects that cannot be written", test_unwritable},
                                       {"exports follow their rules", test_moved_rules},
                                       {"texts", test_texts},
                                       {"numbers", test_numbers},
                                       {"dates", test_dates},
                                       {"lists", test_lists},
                                       {"custom fields", test_custom_types},
                                       {"maps", test_maps},
                                       {"exports of their own", test_own_exports},
                                       {"hashes of before", test_old_hash},
                                       {"what changes the hashes", test_hash},
                                       {NULL, NULL}};
