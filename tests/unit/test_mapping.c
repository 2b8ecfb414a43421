/* SPDX-License-Identifier: Apache-2.0 */
/* From a vendor's fields to ours: what each part of a rule does, and what is said of a wrong one.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/mapping.h"

static const uint8_t key[SIPHASH_KEY] = {7};

/* ---- a connector's object, and a file ---- */

/* Its own mapping is for accounts. */
static const struct connector_object *vendor_object(const char *model)
{
    static struct connector_mapping rows[4];
    static struct connector_object object;
    rows[0] = (struct connector_mapping){.to = STR("name"), .from = STR("name")};
    rows[1] = (struct connector_mapping){
        .to = STR("domain"), .from = STR("site"), .transform = STR("trim,lower")};
    rows[2] = (struct connector_mapping){
        .to = STR("parent_id"), .from = STR("up"), .lookup = STR("companies")};
    rows[3] = (struct connector_mapping){.to = STR("custom_fields.city"), .from = STR("town")};
    object = (struct connector_object){.name = STR("companies"),
                                       .canonical = STR("account"),
                                       .key = STR("id"),
                                       .mapping = rows,
                                       .mapping_count = 4,
                                       .is_custom = strcmp(model, "custom_record") == 0};
    return &object;
}

struct compiled {
    struct arena arena;
    struct problems problems;
    struct connection_config config;
    struct mapping mapping;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

/* A whole file with one object. */
static struct compiled *compile_file(const char *model, const char *text)
{
    struct compiled *c = calloc(1, sizeof *c);
    char path[] = "/tmp/fastenr-mapping-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(c && fd >= 0);
    close(fd);
    write_file(path, text);
    CU_ASSERT_FATAL(connection_config_read(path, &c->config, &c->arena, &c->problems));
    CU_ASSERT_EQUAL_FATAL(c->config.objects.count, 1);
    mapping_compile(&c->config, &c->config.objects.items[0], vendor_object(model),
                    model_object(str_from(model)), &c->mapping, &c->arena, &c->problems);
    unlink(path);
    return c;
}

/* `object` is what stands between the braces of the object. */
static struct compiled *compile(const char *model, const char *object)
{
    struct buf text = BUF_INIT(64 * 1024);
    buf_printf(&text, "connection: crm\nconnector: test\nobjects:\n  companies: {%s}\n", object);
    struct compiled *c = compile_file(model, buf_cstr(&text));
    buf_free(&text);
    for (size_t i = 0; i < c->problems.count; i++)
        fprintf(stderr, "%s: %s\n", object, c->problems.items[i].text);
    CU_ASSERT_EQUAL_FATAL(c->problems.count, 0);
    return c;
}

static void release(struct compiled *c)
{
    problems_free(&c->problems);
    arena_free(&c->arena);
    free(c);
}

/* ---- what becomes of a record ---- */

static void write_values(struct buf *out, const struct mapping *m, const struct mapped *mapped)
{
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct rule *rule = &m->rules[i];
        const struct value *v = &mapped->values[i];
        buf_printf(out, "%s%s=", i > 0 ? ", " : "", rule->field.name);
        if (v->state == VALUE_NULL)
            buf_char(out, '~');
        else
            value_write(out, rule->index < 0 ? KIND_TEXT : rule->field.kind, v);
    }
}

static void apply(const struct mapping *m, const char *record, struct buf *out)
{
    struct arena arena = {0};
    struct mapped mapped;
    struct str field = STR("");
    struct error err;
    const struct json *fields = NULL;
    CU_ASSERT_EQUAL_FATAL(json_parse(str_from(record), &fields, &err), 0);
    switch (mapping_apply(m, key, fields, &arena, &mapped, &field, &err)) {
    case MAP_OK:
        write_values(out, m, &mapped);
        break;
    case MAP_OUT_OF_SCOPE:
        buf_text(out, "out of scope");
        break;
    case MAP_INVALID:
        buf_printf(out, "%.*s: %s", STR_ARG(field), err.text);
        break;
    }
    json_free(fields);
    arena_free(&arena);
}

/* The default mapping is off: `rules` is what stands between the braces of `mapping`. */
static void becomes(const char *model, const char *rules, const char *record, const char *expected)
{
    struct buf object = BUF_INIT(32 * 1024), out = BUF_INIT(64 * 1024);
    buf_printf(&object, "default_mapping: false, mapping: {%s}", rules);
    struct compiled *c = compile(model, buf_cstr(&object));
    apply(&c->mapping, record, &out);
    UNIT_TEXT(buf_cstr(&out), expected);
    release(c);
    buf_free(&object);
    buf_free(&out);
}

static void test_rename(void)
{
    becomes("account", "name: company, industry: sector",
            "{\"company\": \"Acme\", \"sector\": \"Tools\", \"name\": \"no\"}",
            "name=Acme, industry=Tools");
    becomes("account", "industry: a.b", "{\"a.b\": \"x\", \"a\": {\"b\": \"y\"}}", "industry=x");
    becomes("account", "industry: a", "{\"a\": {\"b\": [1, \"y\"]}}", "industry={\"b\":[1,\"y\"]}");
}

static void test_types(void)
{
    becomes("account", "arr: a, mrr: b, seat_count: c",
            "{\"a\": \"12000.5\", \"b\": 10.005, \"c\": \"25.0\"}",
            "arr=12000.50, mrr=10.01, seat_count=25");
    becomes("account", "arr: a", "{\"a\": \"-0.015\"}", "arr=-0.02");
    becomes("account", "arr: a", "{\"a\": \"9999999999.99\"}", "arr=9999999999.99");
    becomes("account", "arr: a", "{\"a\": \"10000000000\"}",
            "arr: the amount has more than 10 digits before the point");
    becomes("account", "arr: a", "{\"a\": \"12 000\"}", "arr: '12 000' is no number that fits");
    becomes("account", "seat_count: c", "{\"c\": 25.5}", "seat_count: '25.5' is no integer");
    becomes("account", "seat_count: c", "{\"c\": -1}",
            "seat_count: -1 is not from 0 to 1000000000");
    becomes("account", "size: s", "{\"s\": \"tiny\"}", "size: 'tiny' is no value that is allowed");
    becomes("contact", "primary_contact: p", "{\"p\": true}", "primary_contact=true");
    becomes("contact", "primary_contact: p", "{\"p\": \"No\"}", "primary_contact=false");
    becomes("contact", "primary_contact: p", "{\"p\": 1}", "primary_contact=true");
    becomes("contact", "primary_contact: p", "{\"p\": \"maybe\"}",
            "primary_contact: 'maybe' is no boolean");
}

static void test_custom_fields(void)
{
    becomes("account",
            "custom_fields: {a: {from: x, type: integer}, b: {from: x, type: number}, c: x, "
            "d: {from: y, type: boolean}, e: {from: z, type: date}, f: {from: z, type: time}, "
            "g: {from: l, type: list}, h: {from: nothing, type: number}}",
            "{\"x\": \"5.0\", \"y\": \"yes\", \"z\": \"2026-01-31T10:00:00Z\", \"l\": [\"p\"]}",
            "a=5, b=5, c=\"5.0\", d=true, e=\"2026-01-31\", f=\"2026-01-31T10:00:00Z\", "
            "g=[\"p\"], h=~");
    becomes("account", "custom_fields: {a: {from: x, type: integer}}", "{\"x\": \"many\"}",
            "a: 'many' is no integer");
    becomes("account", "custom_fields: {a: {from: l, type: list}}", "{\"l\": [\"p\", 1]}",
            "a: '[\"p\",1]' is no list");
    becomes("account", "custom_fields: {a: x}", "{\"x\": \"tab\\t \\\"quoted\\\"\"}",
            "a=\"tab\\u0009 \\\"quoted\\\"\"");
    becomes("account", "custom_fields: {a: x}", "{\"x\": \"a\\u0000b\"}", "a: it holds a NUL byte");
    becomes("account", "custom_fields: {a: {from: l, type: list}}", "{\"l\": [\"p\\u0000\"]}",
            "a: it holds a NUL byte");
    becomes("account", "custom_fields: {a: {from: l, type: list}}", "{\"l\": [\"p\\\\u0000\"]}",
            "a=[\"p\\\\u0000\"]");
}

static void test_dates(void)
{
    const char *iso = "contract_end_date: d";
    becomes("account", iso, "{\"d\": \"2026-01-31\"}", "contract_end_date=2026-01-31");
    becomes("account", iso, "{\"d\": \"2026-01-31T23:30:00-02:00\"}",
            "contract_end_date=2026-02-01");
    becomes("account", iso, "{\"d\": 1718000000000}", "contract_end_date=2024-06-10");
    becomes("account", iso, "{\"d\": \"2026-02-30\"}",
            "contract_end_date: '2026-02-30' is no date");
    const char *ms = "contract_end_date: {from: d, date: epoch_ms}";
    becomes("account", ms, "{\"d\": \"1718000000000.0\"}", "contract_end_date=2024-06-10");
    becomes("account", ms, "{\"d\": \"1.718e12\"}", "contract_end_date=2024-06-10");
    becomes("account", ms, "{\"d\": -1}", "contract_end_date=1969-12-31");
    becomes("account", ms, "{\"d\": \"253402214400000\"}", "contract_end_date=9999-12-31");
    becomes("account", ms, "{\"d\": \"253402300800000\"}",
            "contract_end_date: '253402300800000' is no date");
    becomes("account", ms, "{\"d\": \"1718000000000.5\"}",
            "contract_end_date: '1718000000000.5' is no date");
    becomes("account", ms, "{\"d\": \"9223372036854775807\"}",
            "contract_end_date: '9223372036854775807' is no date");
    becomes("account", "contract_end_date: {from: d, date: epoch_s}", "{\"d\": 1718000000}",
            "contract_end_date=2024-06-10");
    becomes("account", "custom_fields: {t: {from: d, type: time, date: epoch_s}}",
            "{\"d\": \"1718000000\"}", "t=\"2024-06-10T06:13:20Z\"");
    const char *german = "contract_end_date: {from: d, date: DD.MM.YYYY}";
    becomes("account", german, "{\"d\": \"29.02.2024\"}", "contract_end_date=2024-02-29");
    becomes("account", german, "{\"d\": \"29.02.2025\"}",
            "contract_end_date: '29.02.2025' is no date");
    becomes("account", german, "{\"d\": \"1.2.2025\"}", "contract_end_date: '1.2.2025' is no date");
    becomes("account", german, "{\"d\": \"01-02-2025\"}",
            "contract_end_date: '01-02-2025' is no date");
}

static void test_scale(void)
{
    becomes("account", "arr: {from: c, scale: 0.01}", "{\"c\": 1234567}", "arr=12345.67");
    becomes("account", "arr: {from: c, scale: 0.01}", "{\"c\": \"0.5\"}", "arr=0.01");
    becomes("account", "seat_count: {from: c, scale: 10}", "{\"c\": 2.55}", "seat_count=26");
    becomes("account", "custom_fields: {n: {from: c, type: number, scale: 0.1}}", "{\"c\": 3}",
            "n=0.3");
    becomes("account", "custom_fields: {n: {from: c, type: number, scale: 10}}",
            "{\"c\": \"1e308\"}", "n: '1e308' is no number that fits");
    becomes("account", "seat_count: {from: c, scale: 1e30}", "{\"c\": \"1\"}",
            "seat_count: '1' is no number that fits");
}

static void test_maps(void)
{
    const char *rule = "status: {from: s, map: {ACTIVE: active, GONE: ~, '*': churned}}";
    becomes("account", rule, "{\"s\": \"ACTIVE\"}", "status=active");
    becomes("account", rule, "{\"s\": \"GONE\"}", "status=~");
    becomes("account", rule, "{\"s\": \"active\"}", "status=churned");
    becomes("account", rule, "{\"s\": null}", "status=~");
    becomes("account", "status: {from: s, map: {A: active}}", "{\"s\": \"B\"}",
            "status: 'B' is not in its map: add it, or '*'");
    becomes("account", "status: {from: s, map: {A: active, '*': ~}, default: onboarding}",
            "{\"s\": \"B\"}", "status=onboarding");
    becomes("account", "status: {from: s, map: {true: active, 7: at_risk}}", "{\"s\": true}",
            "status=active");
    becomes("account", "status: {from: s, map: {true: active, 7: at_risk}}", "{\"s\": 7}",
            "status=at_risk");
    becomes("account", "status: {from: s, transform: lower, map: {a: active}}", "{\"s\": \"A\"}",
            "status=active");
}

static void test_constants_and_defaults(void)
{
    becomes("account", "status: {value: active}, seat_count: {value: 5}", "{}",
            "seat_count=5, status=active");
    becomes("account", "size: {from: s, default: small}", "{}", "size=small");
    becomes("account", "size: {from: s, default: small}", "{\"s\": \"\"}", "size=small");
    becomes("account", "size: {from: s, default: small}", "{\"s\": \"large\"}", "size=large");
    becomes("account", "arr: {from: a, default: 0}", "{\"a\": \"x\"}",
            "arr: 'x' is no number that fits");
}

static void test_texts(void)
{
    becomes("contact", "tags: {from: t, split: ';'}", "{\"t\": \"a; b;;c \"}",
            "tags=[\"a\",\"b\",\"c\"]");
    becomes("contact", "tags: {from: t, split: ', '}", "{\"t\": \"a, b,c\"}",
            "tags=[\"a\",\"b,c\"]");
    becomes("contact", "tags: t", "{\"t\": [\"a\", \"b;c\"]}", "tags=[\"a\",\"b;c\"]");
    becomes("contact", "tags: t", "{\"t\": \"a;b\"}", "tags: 'a;b' is no list");
    const char *join = "title: {from: [a, b, c], join: ' '}";
    becomes("contact", join, "{\"a\": \"A\", \"b\": \"\", \"c\": 3}", "title=A 3");
    becomes("contact", join, "{\"b\": null}", "title=~");
    becomes("account", "domain: {from: d, transform: [trim, lower]}",
            "{\"d\": \" ACME.\xc3\x9c.Test\\n\"}", "domain=acme.\xc3\x9c.test");
    becomes("account", "industry: {from: d, transform: upper}", "{\"d\": \"a\xc3\xbc-1\"}",
            "industry=A\xc3\xbc-1");
    becomes("account", "industry: {from: d, transform: trim}", "{\"d\": \" \\t \"}", "industry=~");
}

/* An object of fields: those that have a value, in the order of their names. */
static void test_objects(void)
{
    static const char record[] =
        "{\"b\": \"2\", \"a\": \"x\\\"\\u0001\", \"up\": \"7\", \"none\": null, \"empty\": \"\", "
        "\"{title}\": \"T\", \"n\": 5}";
    becomes("custom_record", "object: {value: o}, fields: {from: '*'}", record,
            "object=o, fields={\"a\":\"x\\\"\\u0001\",\"b\":\"2\",\"n\":5,\"up\":\"7\"}");
    becomes("custom_record",
            "object: {value: o}, title: '{title}', fields: {from: '*'}, "
            "account_id: {from: up, lookup: companies}",
            record,
            "object=o, title=T, fields={\"a\":\"x\\\"\\u0001\",\"b\":\"2\",\"n\":5}, "
            "account_id=7");
    becomes("custom_record", "object: {value: o}, fields: {from: [b, none, a, gone]}", record,
            "object=o, fields={\"a\":\"x\\\"\\u0001\",\"b\":\"2\"}");
    becomes("custom_record", "object: {value: o}, fields: {from: none}", record,
            "object=o, fields=~");
}

/* Fields of that many bytes together are set aside, and never left out. */
static void test_large_objects(void)
{
    static const struct {
        size_t bytes;
        const char *expected;
    } cases[] = {{2 << 20, "fields: it is longer than 1048576 bytes"},
                 {17 << 20, "fields: the fields are larger than 16 MiB together"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf record = BUF_INIT(32 << 20);
        buf_text(&record, "{\"a\": \"");
        for (size_t j = 0; j < cases[i].bytes; j += 64)
            buf_text(&record, "0123456789012345678901234567890123456789012345678901234567890123");
        buf_text(&record, "\"}");
        becomes("custom_record", "object: {value: o}, fields: {from: '*'}", buf_cstr(&record),
                cases[i].expected);
        buf_free(&record);
    }
}

static void test_references(void)
{
    char record[400], long_id[301];
    memset(long_id, '7', 300);
    long_id[300] = '\0';
    snprintf(record, sizeof record, "{\"p\": \"%s\"}", long_id);
    const char *rule = "parent_id: {from: p, lookup: companies}";
    becomes("account", rule, "{\"p\": \"c-1\"}", "parent_id=c-1");
    becomes("account", rule, "{\"p\": 12}", "parent_id=12");
    becomes("account", rule, "{\"p\": \"\"}", "parent_id=~");
    becomes("account", rule, record, "parent_id: an id of 300 bytes is too long");
}

static void test_checks(void)
{
    const char *needed = "it is required, and the vendor has no value";
    char expected[100];
    snprintf(expected, sizeof expected, "name: %s", needed);
    becomes("account", "name: n", "{\"n\": null}", expected);
    becomes("account", "name: {from: n, invalid: null}", "{}", expected);
    snprintf(expected, sizeof expected, "industry: %s", needed);
    becomes("account", "industry: {from: i, required: true}", "{\"i\": \"\"}", expected);
    const char *bounds = "health_score: {from: n, min: 10, max: 20}";
    becomes("account", bounds, "{\"n\": 10}", "health_score=10");
    becomes("account", bounds, "{\"n\": 20}", "health_score=20");
    becomes("account", bounds, "{\"n\": 9}", "health_score: 9 is less than 10");
    becomes("account", bounds, "{\"n\": 21}", "health_score: 21 is more than 20");
    becomes("account", "arr: {from: n, max: 0.5}", "{\"n\": 0.51}", "arr: 0.51 is more than 0.5");
    const char *one_of = "industry: {from: n, one_of: [gold, silver]}";
    becomes("account", one_of, "{\"n\": \"silver\"}", "industry=silver");
    becomes("account", one_of, "{\"n\": \"lead\"}",
            "industry: 'lead' is none of its values (one_of)");
    becomes("account", one_of, "{}", "industry=~");
    becomes("contact", "email: e", "{\"e\": \"no mail\"}", "email: 'no mail' is no e-mail address");
    becomes("account", "industry: {from: e, format: email}", "{\"e\": \"x\"}",
            "industry: 'x' is no e-mail address");
    becomes("account", "industry: {from: e, format: phone}", "{\"e\": \"12a\"}",
            "industry: '12a' is no phone number");
    becomes("account", "industry: {from: e, format: url}", "{\"e\": \"ftp://x\"}",
            "industry: 'ftp://x' is no URL (http:// or https://)");
    becomes("account", "industry: {from: e, format: url}", "{\"e\": \"https://x.test/a?b\"}",
            "industry=https://x.test/a?b");
    becomes("account", "industry: {from: e, format: phone, invalid: null}, domain: d",
            "{\"e\": \"12a\", \"d\": \"x.test\"}", "domain=x.test, industry=~");
}

/* ---- scope ---- */

static void in_scope(const char *filter, const char *record, bool expected)
{
    struct buf object = BUF_INIT(4096), out = BUF_INIT(4096);
    buf_printf(&object, "default_mapping: false, mapping: {industry: i}, filter: {%s}", filter);
    struct compiled *c = compile("account", buf_cstr(&object));
    apply(&c->mapping, record, &out);
    UNIT_TEXT(buf_cstr(&out), expected ? "industry=~" : "out of scope");
    release(c);
    buf_free(&object);
    buf_free(&out);
}

static void test_filter(void)
{
    in_scope("a: x", "{\"a\": \"x\"}", true);
    in_scope("a: x", "{\"a\": \"y\"}", false);
    in_scope("a: x", "{}", false);
    in_scope("a: [x, 7, true]", "{\"a\": 7}", true);
    in_scope("a: [x, 7, true]", "{\"a\": true}", true);
    in_scope("a: [x, 7]", "{\"a\": \"z\"}", false);
    in_scope("a: {not: [x, y]}", "{\"a\": \"y\"}", false);
    in_scope("a: {not: [x, y]}", "{\"a\": \"z\"}", true);
    in_scope("a: {not: x}", "{}", true);
    in_scope("a: {exists: true}", "{\"a\": \"\"}", false);
    in_scope("a: {exists: true}", "{\"a\": 0}", true);
    in_scope("a: {exists: false}", "{\"a\": null}", true);
    in_scope("a: {exists: false}", "{\"a\": 1}", false);
    in_scope("a: x, b: y", "{\"a\": \"x\", \"b\": \"z\"}", false);
    in_scope("a: x, b: y", "{\"a\": \"x\", \"b\": \"y\"}", true);
}

/* ---- the default mapping ---- */

static void expect_rules(const char *object, const char *rules, const char *fields)
{
    struct buf out = BUF_INIT(4096);
    struct compiled *c = compile("account", object);
    for (size_t i = 0; i < c->mapping.rule_count; i++)
        buf_printf(&out, "%s ", c->mapping.rules[i].field.name);
    UNIT_TEXT(buf_cstr(&out), rules);
    buf_clear(&out);
    for (size_t i = 0; i < c->mapping.field_count; i++)
        buf_printf(&out, "%.*s ", STR_ARG(c->mapping.fields[i]));
    UNIT_TEXT(buf_cstr(&out), fields);
    buf_free(&out);
    release(c);
}

static void test_default_mapping(void)
{
    expect_rules("", "name domain parent_id city ", "name site town up ");
    expect_rules("mapping: {domain: ~, industry: name}", "name industry parent_id city ",
                 "name town up ");
    expect_rules("mapping: {parent_id: , custom_fields: {city: ~, zip: code}}", "name domain zip ",
                 "code name site ");
    expect_rules("mapping: {domain: host}, filter: {stage: x, name: y}",
                 "name domain parent_id city ", "host name stage town up ");
    struct buf out = BUF_INIT(1000);
    struct compiled *c = compile("account", "mapping: {domain: host}");
    apply(&c->mapping, "{\"name\": \"A\", \"host\": \"X.Test\", \"town\": \"Bern\"}", &out);
    UNIT_TEXT(buf_cstr(&out), "name=A, domain=X.Test, parent_id=~, city=\"Bern\"");
    release(c);
    buf_free(&out);
}

static void test_drop(void)
{
    struct compiled *all = compile("account", "");
    struct compiled *less = compile("account", "mapping: {parent_id: ~}");
    CU_ASSERT_NOT_EQUAL(all->mapping.hash, less->mapping.hash);
    mapping_drop(&all->mapping, 2);
    CU_ASSERT_EQUAL(all->mapping.hash, less->mapping.hash);
    CU_ASSERT_EQUAL(all->mapping.field_count, 3);
    CU_ASSERT(str_is(all->mapping.fields[2], "town"));
    release(all);
    release(less);
}

/* ---- ids and shadows ---- */

static int id_of(void *arg, struct str name, int64_t *ret_id, struct error *err)
{
    (void)arg;
    (void)err;
    *ret_id = FIELD_ID_CUSTOM + (str_is(name, "b") ? 0 : str_is(name, "a") ? 1 : 100000);
    return 0;
}

static void test_bind(void)
{
    struct error err;
    struct compiled *c = compile("account", "default_mapping: false, mapping: {custom_fields: "
                                            "{a: x, b: y}, arr: z}");
    CU_ASSERT_EQUAL(mapping_bind(&c->mapping, id_of, NULL, &err), 0);
    CU_ASSERT_EQUAL(c->mapping.rules[0].field.id, 5);
    UNIT_TEXT(c->mapping.rules[1].field.name, "b");
    UNIT_TEXT(c->mapping.rules[2].field.name, "a");
    release(c);
    c = compile("account", "mapping: {custom_fields: {z: x}}");
    CU_ASSERT_EQUAL(mapping_bind(&c->mapping, id_of, NULL, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "too many custom fields"));
    release(c);
}

static struct mapped shadow_of(const struct mapping *m, const char *record, struct arena *arena)
{
    struct mapped mapped = {0};
    struct str field;
    struct error err;
    const struct json *fields;
    CU_ASSERT_EQUAL_FATAL(json_parse(str_from(record), &fields, NULL), 0);
    CU_ASSERT_EQUAL(mapping_apply(m, key, fields, arena, &mapped, &field, &err), MAP_OK);
    json_free(fields);
    return mapped;
}

static void test_shadow(void)
{
    struct arena arena = {0};
    struct compiled *c = compile("account", "default_mapping: false, mapping: {industry: a, "
                                            "seat_count: b, custom_fields: {x: c}}");
    c->mapping.rules[2].field.id = 1000;
    struct str old = shadow_of(&c->mapping, "{\"a\": \"x\", \"b\": 1}", &arena).shadow;
    CU_ASSERT_EQUAL(old.len, 3 * SHADOW_ENTRY);
    struct str same = shadow_of(&c->mapping, "{\"a\": \"x\", \"b\": \"1.0\"}", &arena).shadow;
    CU_ASSERT(str_eq(old, same));
    struct str new = shadow_of(&c->mapping, "{\"a\": \"X\", \"b\": 1, \"c\": 0}", &arena).shadow;
    CU_ASSERT(shadow_moved(old, new, 0));
    CU_ASSERT(!shadow_moved(old, new, 1));
    CU_ASSERT(shadow_moved(old, new, 2));
    CU_ASSERT(shadow_moved(STR(""), new, 1));                         /* never seen */
    CU_ASSERT(shadow_moved(str_slice(old, 0, SHADOW_ENTRY), new, 1)); /* mapped since */
    CU_ASSERT(!shadow_moved(str_slice(old, SHADOW_ENTRY, 2 * SHADOW_ENTRY), new, 1));
    struct str cleared = shadow_of(&c->mapping, "{\"a\": null, \"b\": 0}", &arena).shadow;
    CU_ASSERT(shadow_moved(old, cleared, 0) && shadow_moved(old, cleared, 1));
    arena_free(&arena);
    release(c);
}

/* ---- the hash ---- */

static int64_t hash_of(const char *object)
{
    struct compiled *c = compile("account", object);
    int64_t hash = c->mapping.hash;
    release(c);
    return hash;
}

static void test_hash_changes(void)
{
    static const char *const objects[] = {
        "",
        "mapping: {industry: a}",
        "mapping: {industry: b}",
        "mapping: {industry: {value: a}}",
        "mapping: {industry: {from: a, default: a}}",
        "mapping: {industry: {from: a, transform: trim}}",
        "mapping: {industry: {from: a, transform: [trim, lower]}}",
        "mapping: {industry: {from: a, transform: [lower, trim]}}",
        "mapping: {industry: {from: a, map: {b: c}}}",
        "mapping: {industry: {from: a, map: {b: ~}}}",
        "mapping: {industry: {from: a, map: {b: '~'}}}",
        "mapping: {industry: {from: a, map: {'*': c}}}",
        "mapping: {industry: {from: a, map: {'*': ~}}}",
        "mapping: {industry: {from: a, map: {'*': '~'}}}",
        "mapping: {industry: {from: a, one_of: [b, c]}}",
        "mapping: {industry: {from: a, one_of: c}}",
        "mapping: {industry: {from: [a, b], join: c}}",
        "mapping: {industry: {from: [a, b], join: d}}",
        "mapping: {industry: {from: a, required: true}}",
        "mapping: {industry: {from: a, format: url}}",
        "mapping: {industry: {from: a, format: email}}",
        "mapping: {industry: {from: a, invalid: null}}",
        "mapping: {seat_count: a}",
        "mapping: {seat_count: {from: a, scale: 10}}",
        "mapping: {seat_count: {from: a, min: 0}}",
        "mapping: {seat_count: {from: a, max: 0}}",
        "mapping: {contract_end_date: {from: a, date: epoch_s}}",
        "mapping: {contract_end_date: {from: a, date: DD.MM.YYYY}}",
        "mapping: {contract_end_date: {from: a, date: MM.DD.YYYY}}",
        "mapping: {custom_fields: {industry: a}}",
        "mapping: {custom_fields: {industry: {from: a, type: integer}}}",
        "mapping: {custom_fields: {industry: {from: a, type: list}}}",
        "mapping: {custom_fields: {industry: {from: a, type: list, split: ','}}}",
        "filter: {a: b}",
        "filter: {a: c}",
        "filter: {a: [b, c]}",
        "filter: {a: {not: b}}",
        "filter: {a: {exists: true}}",
        "filter: {a: {exists: false}}",
        "default_mapping: false, mapping: {name: name}",
    };
    enum { COUNT = sizeof objects / sizeof objects[0] };
    int64_t hashes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        hashes[i] = hash_of(objects[i]);
        for (size_t j = 0; j < i; j++)
            if (hashes[i] == hashes[j])
                UNIT_TEXT(objects[i], objects[j]); /* shows both, and fails */
    }
}

static void same_hash(const char *a, const char *b)
{
    struct compiled *x = compile_file("account", a), *y = compile_file("account", b);
    CU_ASSERT_EQUAL(x->problems.count + y->problems.count, 0);
    CU_ASSERT_EQUAL(x->mapping.hash, y->mapping.hash);
    release(x);
    release(y);
}

static void test_hash_stays(void)
{
    same_hash("connector: t\nobjects:\n  c: {mapping: {arr: a, mrr: {from: b, scale: 2}}}\n",
              "connector: t\nobjects:\n"
              "  c: # a comment\n"
              "    match: [name]\n"
              "    mapping: {mrr: {scale: 2, from: [b]}, arr: {from: a}}\n");
    same_hash("connector: t\nobjects: {c: {filter: {a: x, b: y}, mapping: {status: {from: s, map: "
              "{p: active, q: churned}}}}}\n",
              "connector: t\nobjects: {c: {filter: {b: y, a: x}, mapping: {status: {from: s, map: "
              "{q: churned, p: active}}}}}\n");
}

/* ---- mistakes ---- */

/* `object` begins at line 4 of the file, in column 5. */
static void mistakes_in(const char *model, const char *object, const char *expected)
{
    struct buf text = BUF_INIT(64 * 1024), out = BUF_INIT(64 * 1024);
    buf_printf(&text, "connection: crm\nconnector: t\nobjects: {companies: {\n    %s}}\n", object);
    struct compiled *c = compile_file(model, buf_cstr(&text));
    problems_sort(&c->problems);
    for (size_t i = 0; i < c->problems.count; i++)
        buf_printf(&out, "%d:%d: %s\n", c->problems.items[i].line, c->problems.items[i].column,
                   c->problems.items[i].text);
    UNIT_TEXT(buf_cstr(&out), expected);
    release(c);
    buf_free(&text);
    buf_free(&out);
}

static void mistakes(const char *object, const char *expected)
{
    mistakes_in("account", object, expected);
}

/* The object's default mapping is for another one: that is one mistake, not one a field. */
static void test_misdirected(void)
{
    const char *expected = "4:9: the default mapping of companies is for account, not for contact: "
                           "write `default_mapping: false` and a mapping of your own\n";
    mistakes_in("contact", "to: contact", expected);
    mistakes_in("contact", "to: contact, mapping: {first_name: name}", expected);
    mistakes_in("contact", "to: contact, default_mapping: false, mapping: {first_name: name}", "");
}

static void test_made_fields(void)
{
    mistakes("mapping: {name: '*'}",
             "4:21: '*' stands for all fields at once, and name is text: name one of them\n");
    mistakes("mapping: {name: {from: [a, '*'], join: ' '}}",
             "4:32: '*' stands for all fields at once, and name is text: name one of them\n");
    mistakes("mapping: {custom_fields: {a: '*'}}",
             "4:34: '*' stands for all fields at once, and a is text: name one of them\n");
    mistakes("filter: {'*': a}",
             "4:14: '*' stands for all fields at once, which have no value: name one\n");
    mistakes(
        "mapping: {name: '{title}'}",
        "4:21: '{title}' is the name of a custom object's record, and companies is none: write "
        "one of its fields\n");
    mistakes(
        "filter: {'{title}': a}",
        "4:14: '{title}' is the name of a custom object's record, and companies is none: write "
        "one of its fields\n");
    mistakes("mapping: {name: '{first} {last}'}",
             "4:21: '{first} {last}' is no field: none is written in braces; several "
             "fields are put together by {from: [a, b], join: \" \"}\n");
    mistakes_in("custom_record", "default_mapping: false, mapping: {title: '{first} {last}'}",
                "4:46: '{first} {last}' is no field: only {title} is written in braces; several "
                "fields are put together by {from: [a, b], join: \" \"}\n");
    mistakes_in("custom_record",
                "default_mapping: false, mapping: {title: '{titel}', fields: ['*', b]}",
                "4:46: there is no '{titel}'; did you mean '{title}'?\n"
                "4:65: the vendor's field is a list: write one value\n");
    mistakes_in("custom_record", "default_mapping: false, mapping: {fields: {from: ['*', b]}}",
                "4:55: '*' stands for all fields: it goes alone\n");
    mistakes_in("custom_record",
                "default_mapping: false, mapping: {fields: {from: [a, b], join: ' ', transform: "
                "lower, map: {a: b}}}",
                "4:68: 'join' does not go with fields: it is an object of the vendor's fields, as "
                "they are\n"
                "4:84: 'transform' does not go with fields: it is an object of the vendor's "
                "fields, as they are\n"
                "4:96: 'map' does not go with fields: it is an object of the vendor's fields, as "
                "they are\n");
}

/* What would set every record aside that it is used for. */
static void test_wrong_constants(void)
{
    mistakes("mapping: {seat_count: {value: many}}", "4:35: seat_count: 'many' is no integer\n");
    mistakes("mapping: {seat_count: {from: a, default: few}}",
             "4:46: seat_count: 'few' is no integer\n");
    mistakes("mapping: {contract_end_date: {from: a, default: soon, date: epoch_ms}}",
             "4:53: contract_end_date: 'soon' is no date\n");
    mistakes("mapping: {seat_count: {from: a, default: 3, min: 4}}",
             "4:46: seat_count: 3 is less than 4\n");
    mistakes("mapping: {industry: {from: a, default: b, one_of: [c]}}",
             "4:44: industry: 'b' is none of its values (one_of)\n");
    mistakes("mapping: {industry: {value: b, map: {c: d}}}",
             "4:33: industry: 'b' is not in its map: add it, or '*'\n");
    mistakes("mapping: {industry: {from: a, scale: 2}}",
             "4:42: 'scale' is for numbers; industry is text\n");
    mistakes("mapping: {custom_fields: {x: {from: a, scale: 2}}}",
             "4:51: 'scale' is for numbers; x is text (say its 'type')\n");
    mistakes("mapping: {custom_fields: {x: {from: a, type: number, scale: 2, default: 1}}, "
             "industry: {from: a, default: b, required: true}, status: {value: active}}",
             "");
}

static void test_wrong_fields(void)
{
    mistakes("mapping: {nam: x}", "4:15: account has no field 'nam'; did you mean 'name'? (own "
                                  "fields go under custom_fields)\n");
    mistakes("mapping: {custom_fields: x}",
             "4:30: custom_fields is a single value: write a map, name: vendor field\n");
    mistakes("mapping: {custom_fields: {\"\": x}}",
             "4:31: '' is no name for a custom field: 1 to 200 bytes without quotes\n");
    mistakes("mapping: {name: [a, b]}", "4:21: the vendor's field is a list: write one value\n");
    mistakes("default_mapping: false",
             "3:11: nothing is mapped: write a mapping, or leave default_mapping on\n");
    mistakes("mapping: {industry: {frm: x}}",
             "4:25: industry has neither 'from' nor 'value': name the vendor's field, for example "
             "industry: name\n"
             "4:26: there is no setting 'frm' here; did you mean 'from'?\n");
    mistakes("mapping: {industry: {from: a, value: b}}",
             "4:25: industry has both 'from' and 'value': keep one\n");
    mistakes("mapping: {industry: {from: [a, b]}}",
             "4:25: industry has several fields in 'from': say 'join' too\n");
}

static void test_wrong_parts(void)
{
    mistakes("mapping: {industry: {from: a, transform: [trim, lowr]}}",
             "4:46: there is no step 'lowr'; did you mean 'lower'?\n");
    mistakes("mapping: {industry: {from: a, transform: [trim, trim, trim, trim, trim, trim, trim, "
             "trim, trim]}}",
             "4:46: industry has more than 8 steps\n");
    mistakes("mapping: {status: {from: a, map: {x: activ}}}",
             "4:42: status: 'activ' is no value that is allowed\n");
    mistakes("mapping: {status: {from: a, map: {x: [active]}}}",
             "4:42: a value of map is a list: write one value\n");
    mistakes("mapping: {status: {from: a, default: gone}}",
             "4:42: status: 'gone' is no value that is allowed\n");
    mistakes("mapping: {status: {value: gone}}",
             "4:31: status: 'gone' is no value that is allowed\n");
    mistakes("mapping: {industry: {from: a, type: integer}}",
             "4:41: 'type' is for custom fields; industry is text by itself\n");
    mistakes("mapping: {custom_fields: {x: {from: a, type: int}}}",
             "4:50: there is no type 'int'; known: text, integer, number, boolean, date, time, "
             "list\n");
    mistakes("mapping: {industry: {from: a, format: mail}}",
             "4:43: there is no format 'mail'; did you mean 'email'?\n");
    mistakes("mapping: {industry: {from: a, split: ','}}",
             "4:25: 'split' is for lists; industry is text\n");
    mistakes("mapping: {seat_count: {from: a, min: low, max: [1]}}",
             "4:42: min must be a number\n4:52: max must be a number\n");
    mistakes("mapping: {seat_count: {from: a, min: 5, max: 3}}",
             "4:42: no number is at least 5 and at most 3\n");
    mistakes("mapping: {arr: {from: a, scale: x}}", "4:37: scale must be a number, like 0.01\n");
    mistakes("mapping: {industry: {from: a, invalid: skip}}",
             "4:44: invalid cannot be 'skip'; known: quarantine, null\n");
}

static void test_wrong_dates(void)
{
    mistakes("mapping: {industry: {from: a, date: iso}}",
             "4:41: 'date' is for dates and times; industry is text\n");
    static const char *const wrong[] = {"epoch",         "MM.YYYY",
                                        "DD.MM.YYYY.MM", "YYYY-MM-DD-MM-MM-MM",
                                        "DDD.MM.YYYY",   "Day DD.MM.YYYY"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char object[200], expected[300];
        snprintf(object, sizeof object, "mapping: {contract_end_date: {from: a, date: %s}}",
                 wrong[i]);
        snprintf(expected, sizeof expected,
                 "4:50: date cannot be '%s': write iso, epoch_ms, epoch_s or a pattern like "
                 "DD.MM.YYYY\n",
                 wrong[i]);
        mistakes(object, expected);
    }
}

static void test_wrong_references(void)
{
    const char *say = "parent_id is a reference: say which object's id it holds, for example "
                      "{from: associatedcompanyid, lookup: companies}\n";
    char expected[200];
    snprintf(expected, sizeof expected, "4:26: %s", say);
    mistakes("mapping: {parent_id: p}", expected);
    mistakes("mapping: {parent_id: {from: p}}", expected);
    mistakes("mapping: {parent_id: {value: p}}", expected);
    mistakes("mapping: {industry: {from: a, lookup: companies}}",
             "4:43: 'lookup' is for references; industry is text: say with 'take' which field of "
             "the record it is\n");
}

static void test_wrong_filters(void)
{
    const char *form = "a filter is a value, a list of values, {not: [values]} or {exists: true}\n";
    char expected[200];
    snprintf(expected, sizeof expected, "4:17: %s", form);
    mistakes("filter: {a: {is: x}}", expected);
    mistakes("filter: {a: {not: x, exists: true}}", expected);
    mistakes("filter: {a: ~}", expected);
    mistakes("filter: {a: {exists: maybe}}", "4:26: exists must be true or false\n");
    mistakes("filter: {a: [[x]]}", "4:18: the filter is a list: write one value\n");
    mistakes("filter: [a]", "4:13: filter is a list: write a map\n");
}

static void test_most_rules(void)
{
    struct buf object = BUF_INIT(64 * 1024);
    buf_text(&object, "default_mapping: false, mapping: {custom_fields: {");
    for (int i = 0; i < 300; i++)
        buf_printf(&object, "f%d: x, ", i);
    buf_text(&object, "\n  last: x, and: y}}");
    mistakes(buf_cstr(&object), "5:3: more than 300 fields are mapped\n");
    buf_free(&object);
}

const char *const unit_suite = "mapping";
const struct unit_test unit_tests[] = {{"vendor fields by our names", test_rename},
                                       {"types", test_types},
                                       {"custom fields", test_custom_fields},
                                       {"objects of fields", test_objects},
                                       {"objects that are too large", test_large_objects},
                                       {"dates", test_dates},
                                       {"scale", test_scale},
                                       {"maps", test_maps},
                                       {"constants and defaults", test_constants_and_defaults},
                                       {"split, join and steps", test_texts},
                                       {"references", test_references},
                                       {"checks", test_checks},
                                       {"filter", test_filter},
                                       {"the default mapping", test_default_mapping},
                                       {"a rule taken out", test_drop},
                                       {"ids of custom fields", test_bind},
                                       {"shadows", test_shadow},
                                       {"what changes the hash", test_hash_changes},
                                       {"what does not", test_hash_stays},
                                       {"misdirected", test_misdirected},
                                       {"made fields", test_made_fields},
                                       {"wrong constants", test_wrong_constants},
                                       {"wrong fields", test_wrong_fields},
                                       {"wrong parts", test_wrong_parts},
                                       {"wrong dates", test_wrong_dates},
                                       {"wrong references", test_wrong_references},
                                       {"wrong filters", test_wrong_filters},
                                       {"too many rules", test_most_rules},
                                       {NULL, NULL}};
