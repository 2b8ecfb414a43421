/* SPDX-License-Identifier: Apache-2.0 */
/* Schema drift: what pauses a vendor's field, what a merge does meanwhile, and how it ends. */
#include "unit.h"

#include <stdio.h>

#include "base/mem.h"
#include "merge_fixture.h"
#include "sync/drift.h"

static struct side crm, erp;
static struct arena arena;
static struct field_snapshot known;

#define PUT(side, object, ...)     side_put(&(side), (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

enum { FIELDS_MOST = 8 };

static struct mapping *mapping_of(struct side *side)
{
    return &side->setup.objects[0].mapping;
}

/* What the vendor has now: triples of name, type and values, then NULL. Looks a minute later. */
static void look(struct side *side, ...)
{
    struct vendor_field found[FIELDS_MOST];
    struct field_snapshot now;
    size_t count = 0;
    va_list args;
    va_start(args, side);
    for (const char *name; (name = va_arg(args, const char *)) && count < FIELDS_MOST; count++) {
        found[count] = (struct vendor_field){.name = str_from(name)};
        found[count].type = (enum field_type)va_arg(args, int);
        found[count].values = str_from(va_arg(args, const char *));
    }
    va_end(args);
    fixture_world.now_us += 60;
    drift_compare(mapping_of(side), &known, found, count, fixture_world.now_us, &now, &arena);
    known = now;
}

#define LOOK(side, ...) look(&(side), __VA_ARGS__, (char *)NULL)
#define ALL             "domain", 1, "", "industry", 6, "[\"A\",\"B\"]", "name", 1, "", "parent", 2, ""

/* "industry removed", of those that are not simply read. */
static const char *states(void)
{
    static const char *const names[] = {"read", "removed", "retyped", "new values"};
    static char text[400];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < known.count; i++) {
        const struct field_row *row = &known.rows[i];
        if (row->pause == FIELD_LIVE && row->type != 0)
            continue;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s %s", len > 0 ? ", " : "",
                                STR_ARG(row->name), row->type == 0 ? "unknown" : names[row->pause]);
    }
    return text;
}

static const char *describe(const char *name)
{
    static struct buf text = BUF_INIT(1000);
    buf_clear(&text);
    drift_describe(&text, drift_find(&known, str_from(name)));
    return buf_cstr(&text);
}

static bool is_paused(struct side *side, const char *rule)
{
    const struct mapping *m = mapping_of(side);
    for (size_t i = 0; i < m->rule_count; i++)
        if (strcmp(m->rules[i].field.name, rule) == 0)
            return m->rules[i].paused;
    CU_FAIL_FATAL("no such rule");
    return false;
}

/* ---- comparing ---- */

static void first_look(void)
{
    side_open(&crm, "crm", "companies: {filter: {stage: x}}");
    LOOK(crm, "name", 1, "", "industry", 6, "[\"B\",\"A\",7,\"\",\"B\"]", "domain", 1, "");
    UNIT_TEXT(states(), "parent unknown, stage unknown");
    CU_ASSERT_EQUAL(known.count, 5);
    CU_ASSERT(str_is(drift_find(&known, STR("industry"))->values, "[\"A\",\"B\"]"));
    CU_ASSERT_EQUAL(known.mapping_hash, mapping_of(&crm)->rules_hash);
    CU_ASSERT_FALSE(drift_pause_rules(mapping_of(&crm), &known));
    CU_ASSERT_EQUAL(mapping_of(&crm)->paused_count, 0);
    CU_ASSERT_EQUAL(mapping_of(&crm)->hash, mapping_of(&crm)->rules_hash);
    CU_ASSERT_EQUAL(drift_check(mapping_of(&crm), &known, NULL), 0);
    CU_ASSERT(drift_is_news(NULL, drift_find(&known, STR("parent"))));
    CU_ASSERT_FALSE(drift_is_news(NULL, drift_find(&known, STR("name"))));
    /* It comes to be: from then on it is known. */
    LOOK(crm, ALL, "stage", 1, "");
    UNIT_TEXT(states(), "");
    CU_ASSERT_PTR_NULL(drift_find(&known, STR("nobody")));
    side_close(&crm);
}

static void hashes(void)
{
    side_open(&crm, "crm", "companies: ");
    struct mapping *m = mapping_of(&crm);
    LOOK(crm, ALL);
    drift_pause_rules(m, &known);
    int64_t all = m->hash;
    LOOK(crm, "name", 1, "", "domain", 1, "", "parent", 2, "");
    CU_ASSERT_FALSE(drift_pause_rules(m, &known)); /* begins */
    int64_t one = m->hash;
    CU_ASSERT(one != all && m->rules_hash == all && m->paused_count == 1);
    LOOK(crm, "name", 1, "", "domain", 1, "");
    CU_ASSERT_FALSE(drift_pause_rules(m, &known));
    CU_ASSERT(m->hash != one && m->hash != all && m->paused_count == 2);
    LOOK(crm, "name", 1, "", "domain", 1, "", "industry", 6, "[\"A\",\"B\"]");
    CU_ASSERT(drift_pause_rules(m, &known)); /* one ends */
    CU_ASSERT(m->hash != one && m->hash != all);
    LOOK(crm, ALL);
    CU_ASSERT(drift_pause_rules(m, &known));
    CU_ASSERT_EQUAL(m->hash, all);
    side_close(&crm);
}

static void retyped(void)
{
    side_open(&crm, "crm", "companies: ");
    LOOK(crm, ALL);
    LOOK(crm, "domain", 2, "", "industry", 1, "", "name", 1, "", "parent", 2, "");
    UNIT_TEXT(states(), "domain retyped, industry retyped");
    UNIT_TEXT(describe("domain"), "its type was string and is number now");
    struct field_row before = *drift_find(&known, STR("domain"));
    LOOK(crm, "domain", 2, "", "industry", 6, "[\"A\"]", "name", 1, "", "parent", 2, "");
    UNIT_TEXT(states(), "domain retyped"); /* the other is as it was */
    CU_ASSERT_FALSE(drift_is_news(&before, drift_find(&known, STR("domain"))));
    CU_ASSERT_EQUAL(drift_find(&known, STR("domain"))->since, before.since);
    LOOK(crm, "domain", 3, "", "industry", 6, "[\"A\"]", "name", 1, "", "parent", 2, "");
    CU_ASSERT(drift_is_news(&before, drift_find(&known, STR("domain"))));
    side_close(&crm);
    /* Another rule for another field changes nothing; one for this field does. */
    side_open(&crm, "crm", "companies: {mapping: {industry: {from: industry, transform: trim}}}");
    LOOK(crm, "domain", 3, "", "industry", 6, "[\"A\"]", "name", 1, "", "parent", 2, "");
    UNIT_TEXT(states(), "domain retyped");
    side_close(&crm);
    side_open(&crm, "crm", "companies: {mapping: {domain: {from: domain, transform: upper}}}");
    LOOK(crm, "domain", 3, "", "industry", 6, "[\"A\"]", "name", 1, "", "parent", 2, "");
    UNIT_TEXT(states(), "");
    CU_ASSERT_EQUAL(drift_find(&known, STR("domain"))->type, FIELD_BOOL);
    side_close(&crm);
}

static void accepted(void)
{
    side_open(&crm, "crm", "companies: {mapping: {size: {from: industry, map: {A: small}}}}");
    LOOK(crm, ALL);
    LOOK(crm, "domain", 2, "", "industry", 6, "[\"A\",\"B\",\"C\"]", "name", 1, "");
    UNIT_TEXT(states(), "domain retyped, industry new values, parent removed");
    for (size_t i = 0; i < known.count; i++)
        CU_ASSERT_EQUAL(drift_accept(&known.rows[i]), str_is(known.rows[i].name, "domain") ||
                                                          str_is(known.rows[i].name, "industry"));
    UNIT_TEXT(states(), "parent removed");
    LOOK(crm, "domain", 2, "", "industry", 6, "[\"A\",\"B\",\"C\"]", "name", 1, "");
    UNIT_TEXT(states(), "parent removed");
    side_close(&crm);
}

#define CHOICES(list) "domain", 1, "", "industry", 6, list, "name", 1, "", "parent", 2, ""

static void new_values(void)
{
    side_open(&crm, "crm",
              "companies: {mapping: {size: {from: industry, map: {A: small, B: large}}}}");
    LOOK(crm, CHOICES("[\"A\",\"B\",\"was there\"]")); /* the first list is taken as it is */
    UNIT_TEXT(states(), "");
    LOOK(crm, CHOICES("[\"A\",\"B\",\"C\",\"D\",\"E\",\"F\",\"G\",\"H\",\"was there\"]"));
    UNIT_TEXT(states(), "industry new values");
    UNIT_TEXT(describe("industry"), "it may now be 'C', 'D', 'E', 'F', 'G' and 1 more, which its "
                                    "mapping does not take");
    drift_pause_rules(mapping_of(&crm), &known);
    CU_ASSERT(is_paused(&crm, "size"));
    CU_ASSERT_FALSE(is_paused(&crm, "industry")); /* any text will do */
    struct field_row before = *drift_find(&known, STR("industry"));
    LOOK(crm, CHOICES("[\"C\",\"A\",\"B\"]"));
    CU_ASSERT(drift_is_news(&before, drift_find(&known, STR("industry"))));
    LOOK(crm, CHOICES("")); /* not told: nothing is new */
    UNIT_TEXT(states(), "");
    LOOK(crm, CHOICES("[\"A\",\"B\",\"C\"]"));
    UNIT_TEXT(states(), "industry new values");
    LOOK(crm, CHOICES("[\"A\"]")); /* as before, and fewer */
    UNIT_TEXT(states(), "");
    LOOK(crm, CHOICES("[\"A\",\"C\"]"));
    side_close(&crm);
    side_open(&crm, "crm", "companies: {mapping: {size: {from: industry, map: {A: small, C: ~}}}}");
    LOOK(crm, CHOICES("[\"A\",\"C\"]"));
    UNIT_TEXT(states(), "");
    LOOK(crm, CHOICES("[\"A\",\"C\",\"D\"]"));
    UNIT_TEXT(states(), "industry new values");
    side_close(&crm);
    side_open(&crm, "crm",
              "companies: {mapping: {size: {from: industry, map: {A: small, '*': ~}}}}");
    LOOK(crm, CHOICES("[\"A\",\"C\",\"D\",\"E\"]"));
    UNIT_TEXT(states(), "");
    side_close(&crm);
}

static void new_values_without_a_map(void)
{
    side_open(&crm, "crm",
              "companies: {mapping: {size: industry, status: {from: [industry, name], join: '/'}, "
              "custom_fields: {both: {from: [industry, name], join: '/'}}}}");
    LOOK(crm, CHOICES("[\"small\"]"));
    LOOK(crm, CHOICES("[\"small\",\"large\",\"huge\"]"));
    UNIT_TEXT(describe("industry"),
              "it may now be 'huge', 'large', which its mapping does not take");
    drift_pause_rules(mapping_of(&crm), &known);
    CU_ASSERT(is_paused(&crm, "size") && is_paused(&crm, "status"));
    CU_ASSERT_FALSE(is_paused(&crm, "both") || is_paused(&crm, "industry"));
    side_close(&crm);
    known = (struct field_snapshot){0};
    side_open(&crm, "crm", "companies: {mapping: {size: industry}}");
    LOOK(crm, CHOICES("[\"small\"]"));
    LOOK(crm, CHOICES("[\"small\",\"large\"]"));
    UNIT_TEXT(states(), "");
    side_close(&crm);
}

static void what_cannot_be_read(void)
{
    struct error err;
    side_open(&crm, "crm",
              "companies: {mapping: {size: {from: industry, required: true, map: {A: "
              "small, B: large}}}, filter: {stage: x}}");
    LOOK(crm, ALL, "stage", 6, "[\"x\"]");
    LOOK(crm, ALL, "stage", 6, "[\"x\",\"y\"]");
    drift_pause_rules(mapping_of(&crm), &known);
    CU_ASSERT_EQUAL(drift_check(mapping_of(&crm), &known, &err), 0);
    LOOK(crm, ALL, "stage", 2, "");
    drift_pause_rules(mapping_of(&crm), &known);
    CU_ASSERT_EQUAL(drift_check(mapping_of(&crm), &known, &err), -1);
    UNIT_TEXT(err.text, "the filter cannot tell which records are in scope; the vendor's field "
                        "'stage': its type was enum and is number now");
    LOOK(crm, CHOICES("[\"A\",\"B\",\"C\"]"), "stage", 6, "");
    drift_pause_rules(mapping_of(&crm), &known);
    CU_ASSERT_EQUAL(drift_check(mapping_of(&crm), &known, &err), -1);
    UNIT_TEXT(err.text, "'size' is required and cannot be read; the vendor's field 'industry': it "
                        "may now be 'C', which its mapping does not take");
    LOOK(crm, "domain", 1, "", "industry", 6, "[\"A\",\"B\"]", "parent", 2, "", "stage", 6, "");
    drift_pause_rules(mapping_of(&crm), &known);
    CU_ASSERT_EQUAL(drift_check(mapping_of(&crm), &known, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'name' is required")); /* by the model */
    side_close(&crm);
}

static bool is_absent(const char *field, const char *first, const char *second)
{
    const struct emitted_record records[] = {{.id = STR("1"), .fields = str_from(first)},
                                             {.id = STR("2"), .fields = str_from(second)}};
    struct page *page = page_of_records(records, 2);
    page_parse_records(page);
    bool absent = drift_is_absent(drift_find(&known, str_from(field)), page);
    page_free(page);
    return absent;
}

static void absent_from_an_answer(void)
{
    side_open(&crm, "crm", "companies: {mapping: {size: size}}");
    LOOK(crm, ALL);
    CU_ASSERT(is_absent("name", "{}", "{\"domain\":1}"));
    CU_ASSERT_FALSE(is_absent("name", "{}", "{\"name\":null}")); /* no value is an answer */
    CU_ASSERT_FALSE(is_absent("size", "{}", "{}"));              /* the vendor never had it */
    CU_ASSERT_FALSE(is_absent("name", "7", "no JSON"));          /* no record to look at */
    known.rows[2].sparse = true;
    CU_ASSERT(str_is(known.rows[2].name, "name"));
    CU_ASSERT_FALSE(is_absent("name", "{}", "{}"));
    LOOK(crm, ALL);
    CU_ASSERT(drift_find(&known, STR("name"))->sparse); /* for good */
    LOOK(crm, "domain", 1, "");
    CU_ASSERT_FALSE(is_absent("industry", "{}", "{}")); /* it is paused */
    side_close(&crm);
}

/* ---- merging meanwhile ---- */

static const char rows[] =
    "SELECT key, name, industry, parent_id, custom_fields FROM account ORDER BY key";

/* As a run does it. */
static void pause(struct side *side)
{
    drift_pause_rules(mapping_of(side), &known);
    CU_ASSERT_EQUAL(drift_check(mapping_of(side), &known, NULL), 0);
}

static void value_stays(void)
{
    side_open(&crm, "crm", "companies: {mapping: {custom_fields: {code: code}}}");
    LOOK(crm, ALL, "code", 1, "");
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}", "c2",
        "{\"name\": \"Two\", \"industry\": \"A\", \"code\": \"x\", \"parent\": \"c1\"}");
    QUERY(rows, "1|One|~|~|~\n2|Two|A|1|{\"code\":\"x\"}\n");
    LOOK(crm, "domain", 1, "", "name", 1, "");
    UNIT_TEXT(states(), "code removed, industry removed, parent removed");
    pause(&crm);
    /* Left out: nothing has moved. Even when something comes it is not taken. */
    UNIT_TEXT(PUT(crm, "companies", "c2", "{\"name\": \"Two\"}"), "unchanged 1");
    UNIT_TEXT(PUT(crm, "companies", "c2", "{\"name\": \"2\", \"industry\": \"Z\"}"), "updated 1");
    UNIT_TEXT(PUT(crm, "companies", "c3", "{\"name\": \"Three\", \"industry\": \"Z\"}"),
              "created 1");
    QUERY(rows, "1|One|~|~|~\n2|2|A|1|{\"code\":\"x\"}\n3|Three|~|~|~\n");
    QUERY("SELECT body FROM log WHERE op = 2", "{\"name\":[\"Two\",\"2\"]}\n");
    /* Back, with the same values: nothing has moved; of the new record, what it had all along. */
    LOOK(crm, ALL, "code", 1, "");
    UNIT_TEXT(states(), "");
    pause(&crm);
    UNIT_TEXT(PUT(crm, "companies", "c2",
                  "{\"name\": \"2\", \"industry\": \"A\", \"code\": \"x\", \"parent\": \"c1\"}"),
              "unchanged 1");
    UNIT_TEXT(PUT(crm, "companies", "c3", "{\"name\": \"Three\", \"industry\": \"Z\"}"),
              "updated 1");
    UNIT_TEXT(PUT(crm, "companies", "c2", "{\"name\": \"2\", \"industry\": \"B\"}"), "updated 1");
    QUERY(rows, "1|One|~|~|~\n2|2|B|~|~\n3|Three|Z|~|~\n");
    side_close(&crm);
}

static void local_change_stays(void)
{
    side_open(&crm, "crm", "companies: ");
    LOOK(crm, ALL);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"A\"}");
    LOOK(crm, "domain", 1, "", "name", 1, "", "parent", 2, "");
    pause(&crm);
    fixture_sql("UPDATE account SET industry = 'ours'");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"1\"}"), "updated 1");
    LOOK(crm, ALL);
    pause(&crm);
    /* The vendor has what it had: the field has not moved there. */
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"1\", \"industry\": \"A\"}"), "unchanged 1");
    QUERY("SELECT name, industry FROM account", "1|ours\n");
    side_close(&crm);
}

static void unmatched_waits(void)
{
    side_open(&crm, "crm", "companies: {match: [domain, name]}");
    side_open(&erp, "erp", "companies: ");
    PUT(erp, "companies", "e1", "{\"name\": \"One\", \"domain\": \"one.test\"}", "e2",
        "{\"name\": \"Two\", \"domain\": \"two.test\"}");
    LOOK(crm, ALL);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\"}");
    LOOK(crm, "industry", 6, "", "name", 1, "", "parent", 2, "");
    pause(&crm);
    /* c2 is found by its name, c3 might be one that is here. */
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"1\"}", "c2", "{\"name\": \"Two\"}", "c3",
                  "{\"name\": \"Three\"}"),
              "updated 1, unchanged 1, quarantined 1");
    QUERY("SELECT external_id, field FROM quarantine", "c3|domain\n");
    QUERY("SELECT key, name, domain FROM account ORDER BY key", "1|1|one.test\n2|Two|two.test\n");
    LOOK(crm, ALL);
    pause(&crm);
    UNIT_TEXT(PUT(crm, "companies", "c3", "{\"name\": \"Three\"}"), "created 1");
    QUERY("SELECT count(*) FROM quarantine", "0\n");
    side_close(&crm);
    side_close(&erp);
}

/* ---- a test in a store ---- */

#define IN_STORE(name)                                                                             \
    static void test_##name(void)                                                                  \
    {                                                                                              \
        known = (struct field_snapshot){0};                                                        \
        fixture_run(name);                                                                         \
        arena_free(&arena);                                                                        \
    }

IN_STORE(first_look)
IN_STORE(hashes)
IN_STORE(retyped)
IN_STORE(accepted)
IN_STORE(new_values)
IN_STORE(new_values_without_a_map)
IN_STORE(what_cannot_be_read)
IN_STORE(absent_from_an_answer)
IN_STORE(value_stays)
IN_STORE(local_change_stays)
IN_STORE(unmatched_waits)

const char *const unit_suite = "schema drift";
const struct unit_test unit_tests[] = {
    {"the first look", test_first_look},
    {"hashes of a mapping with pauses", test_hashes},
    {"another type", test_retyped},
    {"a person takes a field as it is", test_accepted},
    {"new values of a map", test_new_values},
    {"new values without a map", test_new_values_without_a_map},
    {"what cannot be read with a pause", test_what_cannot_be_read},
    {"absent from an answer", test_absent_from_an_answer},
    {"the value stays, and is taken after the pause", test_value_stays},
    {"a local change outlives a pause", test_local_change_stays},
    {"a record that cannot be matched waits", test_unmatched_waits},
    {0},
};
