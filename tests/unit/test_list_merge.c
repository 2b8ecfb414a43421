/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that both sides changed: what becomes of them, and what is kept so that it can be told. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merge_fixture.h"
#include "sync/conflict.h"
#include "sync/export.h"
#include "sync/link_base.h"
#include "sync/list_merge.h"

static struct side crm;

#define PUT(object, ...)           side_put(&crm, (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))
#define COUNT(array)               (sizeof(array) / sizeof(array)[0])

/* ---- the merge ---- */

static struct value value_of(const char *text)
{
    if (!text)
        return (struct value){.state = VALUE_NULL};
    return (struct value){.state = VALUE_TEXT, .text = str_from(text)};
}

/* NULL is no value; as a base, that there is none. */
static void merges(const char *base, const char *ours, const char *theirs, const char *append,
                   const char *merge)
{
    const char *const expected[] = {append, merge};
    struct value local = value_of(ours), remote = value_of(theirs);
    for (int i = 0; i < 2; i++) {
        struct arena arena = {0};
        struct value merged;
        CU_ASSERT_FATAL(
            list_merge(i == 1, str_from(base ? base : ""), &local, &remote, &arena, &merged));
        UNIT_TEXT(merged.state == VALUE_NULL ? "none" : arena_str(&arena, merged.text).ptr,
                  expected[i] ? expected[i] : "none");
        CU_ASSERT(merged.state == VALUE_NULL || merged.text.len > 2);
        arena_free(&arena);
    }
}

static void test_both_sides(void)
{
    /* added on both, the same and different ones */
    merges("[\"a\"]", "[\"a\",\"b\"]", "[\"a\",\"c\"]", "[\"a\",\"b\",\"c\"]",
           "[\"a\",\"c\",\"b\"]");
    merges("[\"a\"]", "[\"b\",\"a\"]", "[\"a\",\"b\"]", "[\"b\",\"a\"]", "[\"a\",\"b\"]");
    /* taken out on both, the same and different ones */
    merges("[\"a\",\"b\",\"c\"]", "[\"a\",\"b\"]", "[\"b\",\"c\"]", "[\"b\"]", "[\"b\"]");
    merges("[\"a\",\"b\",\"c\"]", "[\"a\"]", "[\"b\"]", NULL, NULL);
    /* taken out here, added there; and the other way round */
    merges("[\"a\",\"b\"]", "[\"a\"]", "[\"a\",\"b\",\"c\"]", "[\"a\",\"c\"]", "[\"a\",\"c\"]");
    merges("[\"a\",\"b\"]", "[\"c\",\"b\",\"a\"]", "[\"b\"]", "[\"c\",\"b\"]", "[\"b\",\"c\"]");
    /* what was taken out and is put in again elsewhere was put in */
    merges("[\"a\"]", "[\"b\"]", "[\"b\",\"a\"]", "[\"b\"]", "[\"b\"]");
    /* one side alone: its list, in the order that goes first */
    merges("[\"a\",\"b\"]", "[\"a\",\"b\"]", "[\"b\",\"c\"]", "[\"b\",\"c\"]", "[\"b\",\"c\"]");
}

static void test_empty(void)
{
    merges("[\"a\",\"b\"]", NULL, "[\"a\",\"b\",\"c\"]", "[\"c\"]", "[\"c\"]"); /* cleared here */
    merges("[\"a\",\"b\"]", "[\"a\",\"c\"]", NULL, "[\"c\"]", "[\"c\"]");       /* there */
    merges("[\"a\"]", "[]", "[\"a\",\"b\"]", "[\"b\"]", "[\"b\"]");
    merges("[\"a\"]", NULL, "[]", NULL, NULL);
    merges("[]", "[\"a\"]", "[\"b\"]", "[\"a\",\"b\"]", "[\"b\",\"a\"]");
    merges("null", "[\"a\"]", "[\"b\"]", "[\"a\",\"b\"]", "[\"b\",\"a\"]");
    merges(NULL, NULL, NULL, NULL, NULL);
}

/* Nothing that either has goes. */
static void test_no_base(void)
{
    merges(NULL, "[\"b\",\"a\"]", "[\"c\",\"a\"]", "[\"b\",\"a\",\"c\"]", "[\"c\",\"a\",\"b\"]");
    merges(NULL, NULL, "[\"a\"]", "[\"a\"]", "[\"a\"]");
    merges("{", "[\"a\"]", "[\"b\"]", "[\"a\",\"b\"]", "[\"b\",\"a\"]");
    merges("[1]", "[\"a\"]", "[\"b\"]", "[\"a\",\"b\"]", "[\"b\",\"a\"]");
}

/* By value, each where it stands first. */
static void test_repeated(void)
{
    merges("[\"a\",\"a\"]", "[\"a\",\"b\",\"a\",\"b\"]", "[\"c\",\"c\",\"a\"]",
           "[\"a\",\"b\",\"c\"]", "[\"c\",\"a\",\"b\"]");
    merges("[\"a\",\"a\",\"b\"]", "[\"a\",\"b\"]", "[\"b\",\"b\"]", "[\"b\"]", "[\"b\"]");
}

static void test_spelling(void)
{
    merges("[ \"a\" ]", "[ \"\\u00e9\", \"a\" ]", "[\"a\",\"\xc3\xa9\",\"A\"]",
           "[\"\xc3\xa9\",\"a\",\"A\"]", "[\"a\",\"\xc3\xa9\",\"A\"]");
    merges("[\"\"]", "[\"\",\"x\"]", "[]", "[\"x\"]", "[\"x\"]");
}

static void test_no_lists(void)
{
    const struct value list = value_of("[\"a\"]"), number = {.state = VALUE_INTEGER};
    const struct value others[] = {value_of("a"), value_of("{}"), value_of("[\"a\",1]"),
                                   value_of("[[\"a\"]]"), number};
    struct arena arena = {0};
    struct value merged;
    for (size_t i = 0; i < COUNT(others); i++) {
        CU_ASSERT(!list_merge(false, STR(""), &list, &others[i], &arena, &merged));
        CU_ASSERT(!list_merge(false, STR(""), &others[i], &list, &arena, &merged));
    }
    arena_free(&arena);
}

/* Not each with each. */
static void test_long_lists(void)
{
    enum { ELEMENTS = 200000 };
    struct buf ours = BUF_INIT(8 << 20), theirs = BUF_INIT(8 << 20);
    struct arena arena = {0};
    struct value merged;
    for (int i = 0; i < ELEMENTS; i++) {
        buf_printf(&ours, "%s\"a%d\"", i > 0 ? "," : "[", i);
        buf_printf(&theirs, "%s\"b%d\"", i > 0 ? "," : "[", i);
    }
    buf_char(&ours, ']');
    buf_char(&theirs, ']');
    const struct value local = value_of(buf_cstr(&ours)), remote = value_of(buf_cstr(&theirs));
    CU_ASSERT_FATAL(list_merge(false, STR(""), &local, &remote, &arena, &merged));
    CU_ASSERT_EQUAL(merged.text.len, ours.len + theirs.len - 1);
    arena_free(&arena);
    buf_free(&ours);
    buf_free(&theirs);
}

/* ---- bases ---- */

static const struct rule plain = {.index = 0, .field = {.name = "x", .kind = KIND_TEXT}};

static void expect_found(struct str base, uint16_t id, uint64_t hash, const char *expected)
{
    struct arena arena = {0};
    struct str json;
    const struct json *root = link_base_read(base);
    bool found = link_base_find(root, id, hash, &arena, &json);
    UNIT_TEXT(found ? arena_str(&arena, json).ptr : "not kept", expected);
    CU_ASSERT_EQUAL(link_base_has(root, id, hash), found);
    json_free(root);
    arena_free(&arena);
}

static void test_bases(void)
{
    struct arena arena = {0};
    const uint64_t high = UINT64_C(0xfedcba9876543210);
    const struct link_base_entry entries[] = {
        {7, high, STR("[\"a\",\"b\"]")}, {1001, 5, STR("")}, {1002, 1, STR("\"\\\"\"")}};
    struct str base = link_base_make(entries, 3, &arena);
    UNIT_TEXT(base.ptr, "{\"7\":[\"fedcba9876543210\",[\"a\",\"b\"]],"
                        "\"1002\":[\"0000000000000001\",\"\\\"\"]}");
    expect_found(base, 7, high, "[\"a\",\"b\"]");
    expect_found(base, 7, high + 1, "not kept"); /* another value was agreed on since */
    expect_found(base, 1001, 5, "not kept");
    expect_found(base, 7, 0, "null");
    expect_found(base, 1002, 1, "\"\\\"\"");
    const struct link_base_entry other = {7, 9, STR("\"c\"")}, none = {1002, 0, STR("")};
    base = link_base_set(base, &other, &arena);
    expect_found(base, 7, 9, "\"c\"");
    expect_found(base, 1002, 1, "\"\\\"\"");
    base = link_base_set(base, &none, &arena);
    expect_found(base, 1002, 1, "not kept");
    base = link_base_set(STR(""), &none, &arena);
    CU_ASSERT(base.ptr && base.len == 0);
    base = link_base_set(STR("no JSON"), &other, &arena);
    UNIT_TEXT(base.ptr, "{\"7\":[\"0000000000000009\",\"c\"]}");
    expect_found(STR("[1]"), 7, 9, "not kept");
    expect_found(STR("{\"7\":[\"9\",\"c\"]}"), 7, 9, "not kept");
    arena_free(&arena);
}

/* Of an older and a newer one, what `seen_local` has. */
static void test_chosen_bases(void)
{
    struct arena arena = {0};
    char shadow[3 * SHADOW_ENTRY];
    const struct str bases[] = {STR("{\"1\":[\"0000000000000001\",\"old\"],"
                                    "\"2\":[\"0000000000000002\",\"old\"]}"),
                                STR("{\"1\":[\"0000000000000009\",\"new\"],"
                                    "\"2\":[\"0000000000000008\",\"new\"]}")};
    shadow_pack(shadow, 1, 1);
    shadow_pack(shadow + SHADOW_ENTRY, 2, 8);
    shadow_pack(shadow + 2 * SHADOW_ENTRY, 3, 0);
    struct str chosen = link_base_choose(bases, 2, (struct str){shadow, sizeof shadow}, &arena);
    UNIT_TEXT(chosen.ptr, "{\"1\":[\"0000000000000001\",\"old\"],"
                          "\"2\":[\"0000000000000008\",\"new\"]}");
    CU_ASSERT_EQUAL(link_base_choose(bases, 2, STR(""), &arena).len, 0);
    arena_free(&arena);
}

static void test_long_values(void)
{
    struct arena arena = {0};
    char *text = arena_new(&arena, LINK_BASE_MOST + 1, 1);
    memset(text, 'x', LINK_BASE_MOST);
    struct value value = {.state = VALUE_TEXT, .text = {text, LINK_BASE_MOST - 2}};
    CU_ASSERT_EQUAL(link_base_json(&plain, &value, &arena).len, LINK_BASE_MOST);
    value.text.len++;
    CU_ASSERT_EQUAL(link_base_json(&plain, &value, &arena).len, 0);
    arena_free(&arena);
}

/* ---- a sync ---- */

static const char appending[] =
    "people: {sync_direction: bidirectional, mapping: {tags: {from: tags, split: ';', "
    "merge_strategy: append}}}";
static const char merging[] =
    "people: {sync_direction: bidirectional, mapping: {custom_fields: {labels: {from: tags, type: "
    "list, split: ';', merge_strategy: merge}}}}";
static const char tags[] = "SELECT tags FROM contact";
static const char bases[] = "SELECT coalesce(json_extract(base, '$.\"17\"[1]'), base) FROM link";
static const char due[] = "SELECT record FROM export_due";

static const char *put(const char *list)
{
    char fields[200];
    snprintf(fields, sizeof fields, "{\"email\": \"p@one.test\", \"tags\": \"%s\"}", list);
    return PUT("people", "p1", fields);
}

static void begin(const char *objects)
{
    side_open(&crm, "crm", objects);
    put("a;b;c");
}

static void set_tags(const char *json)
{
    char text[200];
    snprintf(text, sizeof text, "UPDATE contact SET tags = '%s'", json);
    fixture_sql(text);
}

static void both_change(void)
{
    begin(appending);
    QUERY(bases, "[\"a\",\"b\",\"c\"]\n");
    set_tags("[\"d\", \"a\", \"b\"]");
    UNIT_TEXT(put("b;c;e"), "updated 1");
    QUERY(tags, "[\"d\",\"b\",\"e\"]\n");
    QUERY(due, "1\n"); /* the vendor gets it */
    QUERY(bases, "[\"b\",\"c\",\"e\"]\n");
    QUERY("SELECT count(*) FROM conflict", "0\n");
    side_close(&crm);
}

static void vendors_first(void)
{
    begin(merging);
    fixture_sql("UPDATE contact SET custom_fields = "
                "json_set(custom_fields, '$.labels', json('[\"d\",\"a\",\"b\"]'))");
    UNIT_TEXT(put("e;b;c"), "updated 1");
    QUERY("SELECT custom_fields FROM contact", "{\"labels\":[\"e\",\"b\",\"d\"]}\n");
    QUERY("SELECT json_extract(base, '$.\"1000\"[1]') FROM link", "[\"e\",\"b\",\"c\"]\n");
    side_close(&crm);
}

/* What one side did to its list is what the other gets, order and all. */
static void one_side_changes(void)
{
    begin(appending);
    UNIT_TEXT(put("c;c;a"), "updated 1");
    QUERY(tags, "[\"c\",\"c\",\"a\"]\n");
    QUERY(bases, "[\"c\",\"c\",\"a\"]\n");
    set_tags("[\"a\"]");
    UNIT_TEXT(put("c;c;a"), "unchanged 1");
    QUERY(tags, "[\"a\"]\n");
    QUERY(bases, "[\"c\",\"c\",\"a\"]\n");
    UNIT_TEXT(put("a"), "unchanged 1"); /* an echo */
    QUERY(bases, "[\"a\"]\n");
    QUERY(due, "");
    side_close(&crm);
}

static void cleared_here(void)
{
    begin(appending);
    fixture_sql("UPDATE contact SET tags = NULL");
    UNIT_TEXT(put("a;b;c;d"), "updated 1");
    QUERY(tags, "[\"d\"]\n");
    fixture_sql("UPDATE contact SET tags = NULL");
    UNIT_TEXT(put(""), "unchanged 1");
    QUERY(tags, "~\n");
    QUERY("SELECT base FROM link", "~\n"); /* no value needs no base */
    side_close(&crm);
}

/* Of a link from before there were bases, or one whose value is too long. */
static void without_a_base(void)
{
    begin(appending);
    fixture_sql("UPDATE link SET base = NULL");
    set_tags("[\"a\",\"d\"]");
    UNIT_TEXT(put("b;c;e"), "updated 1");
    QUERY(tags, "[\"a\",\"d\",\"b\",\"c\",\"e\"]\n");
    QUERY(bases, "[\"b\",\"c\",\"e\"]\n"); /* from now on there is one */
    side_close(&crm);
}

/* One whose hash is not the one that was agreed on says nothing. */
static void with_another_base(void)
{
    begin(appending);
    fixture_sql("UPDATE link SET base = replace(base, '\"17\":[\"', '\"17\":[\"0')");
    set_tags("[\"a\",\"d\"]");
    put("b;c;e");
    QUERY(tags, "[\"a\",\"d\",\"b\",\"c\",\"e\"]\n");
    side_close(&crm);
}

/* Nothing has moved, and the link gets what it lacks; a record that is deleted stays so. */
static void filled_as_it_is_read(void)
{
    begin(appending);
    fixture_sql("UPDATE link SET base = NULL");
    UNIT_TEXT(put("a;b;c"), "unchanged 1");
    QUERY(bases, "[\"a\",\"b\",\"c\"]\n");
    fixture_sql("UPDATE link SET base = NULL; UPDATE contact SET deleted_at = 1");
    UNIT_TEXT(put("a;b;c"), "unchanged 1");
    QUERY("SELECT deleted_at FROM contact", "1\n");
    side_close(&crm);
}

static void first_meeting(void)
{
    side_open(&crm, "crm", appending);
    fixture_sql("INSERT INTO contact (email, tags) VALUES ('p@one.test', '[\"x\",\"b\"]')");
    UNIT_TEXT(put("a;b"), "updated 1");
    QUERY(tags, "[\"x\",\"b\",\"a\"]\n");
    QUERY(due, "1\n");
    QUERY(bases, "[\"a\",\"b\"]\n");
    side_close(&crm);
}

/* A page may be merged more than once, as by a plan and what applies it: the vendor's values in it
 * are what they were. */
static void merged_twice(void)
{
    begin(appending);
    set_tags("[\"a\",\"b\",\"c\",\"d\"]");
    struct run_counts counts = {0};
    struct error err;
    const struct merge merge = {.store = fixture_store,
                                .world = &fixture_world.world,
                                .organization = fixture_organization,
                                .run = crm.run,
                                .target = &crm.targets[0]};
    const struct emitted_record record = {
        .id = STR("p1"),
        .modified_us = 9,
        .fields = STR("{\"email\": \"p@one.test\", \"tags\": \"a;b;e\"}")};
    struct page *page = page_of_records(&record, 1);
    page_parse_records(page);
    page_map(page, &crm.targets[0].object->mapping, store_hash_key(fixture_store));
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(fixture_store->engine->begin(fixture_store, &err), 0);
        CU_ASSERT_EQUAL_FATAL(merge_pages(&merge, &page, 1, &counts, &err), MERGE_OK);
        if (i == 0)
            fixture_store->engine->rollback(fixture_store);
        else
            CU_ASSERT_EQUAL_FATAL(fixture_store->engine->commit(fixture_store, &err), 0);
    }
    page_free(page);
    QUERY(tags, "[\"a\",\"b\",\"d\",\"e\"]\n");
    QUERY(due, "1\n");
    QUERY(bases, "[\"a\",\"b\",\"e\"]\n");
    side_close(&crm);
}

/* A value that no contact can have is not made of two that it can. */
static void too_long_together(void)
{
    begin(appending);
    fixture_sql("UPDATE contact SET tags = json_array(printf('%.*c', 60000, 'x'))");
    struct buf list = BUF_INIT(100000);
    for (int i = 0; i < 6000; i++)
        buf_printf(&list, "%sy%07d", i > 0 ? ";" : "", i);
    struct buf fields = BUF_INIT(100000);
    buf_printf(&fields, "{\"email\": \"p@one.test\", \"tags\": \"%s\"}", buf_cstr(&list));
    UNIT_TEXT(PUT("people", "p1", buf_cstr(&fields)), "unchanged 1");
    QUERY("SELECT length(tags), state FROM contact, conflict", "60004|2\n");
    QUERY("SELECT base FROM link", "~\n"); /* longer than is kept */
    buf_free(&list);
    buf_free(&fields);
    side_close(&crm);
}

static void not_kept_where_not_needed(void)
{
    begin("people: {sync_direction: bidirectional, mapping: {tags: {from: tags, split: ';'}}}");
    QUERY("SELECT base FROM link", "~\n");
    fixture_sql("UPDATE link SET base = '{}'"); /* of another configuration */
    put("a");
    QUERY("SELECT base FROM link", "~\n");
    side_close(&crm);
    begin("people: {mapping: {tags: {from: tags, split: ';'}}}");
    QUERY("SELECT base FROM link", "~\n");
    side_close(&crm);
}

/* ---- conflicts ---- */

/* The conflict that the field waited in is over once lists are merged. */
static void policy_changes(void)
{
    begin("people: {sync_direction: bidirectional, mapping: {tags: {from: tags, split: ';', "
          "conflict_resolution: manual_review}}}");
    set_tags("[\"a\",\"d\"]");
    UNIT_TEXT(put("b;c"), "unchanged 1");
    QUERY("SELECT state, base, local, remote FROM conflict",
          "1|[\"a\",\"b\",\"c\"]|[\"a\",\"d\"]|[\"b\",\"c\"]\n");
    QUERY(bases, "[\"a\",\"b\",\"c\"]\n");
    side_close(&crm);
    side_open(&crm, "crm", appending);
    UNIT_TEXT(put("b;e"), "updated 1");
    QUERY(tags, "[\"d\",\"e\"]\n");
    QUERY("SELECT state FROM conflict", "4\n");
    side_close(&crm);
}

static bool take_row(void *arg, const struct conflict_row *row)
{
    static struct arena arena;
    *(struct conflict_row *)arg = conflict_copy(row, &arena);
    return true;
}

static const char *logged_base(void)
{
    static struct arena arena;
    const struct conflict_filter all = {0};
    struct conflict_row row = {0};
    struct error err;
    struct str json = STR("");
    CU_ASSERT_EQUAL_FATAL(
        fixture_store->engine->each_conflict(fixture_store, &all, take_row, &row, &err), 0);
    CU_ASSERT_EQUAL(row.base.len, 0);
    CU_ASSERT_EQUAL(conflict_logged_base(fixture_store, &row, &arena, &json, &err), 0);
    return arena_str(&arena, json).ptr;
}

static const char one_counts[] =
    "companies: {sync_direction: bidirectional, conflict_resolution: source_priority, mapping: "
    "{custom_fields: {city: town, tier: tier}}}";

/* Where no base is kept, the log knows what ours was before; the sync's own row does not count. */
static void base_by_the_log(void)
{
    side_open(&crm, "crm", one_counts);
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Bonn\", \"tier\": \"x\"}");
    side_next_run(&crm);
    fixture_world.now_us += 10;
    fixture_sql("UPDATE account SET name = 'Here'; UPDATE account SET industry = 'Tools'; "
                "UPDATE log SET at = 5 WHERE run IS NULL");
    PUT("companies", "c1", "{\"name\": \"There\", \"town\": \"Bonn\", \"tier\": \"x\"}");
    QUERY("SELECT state, local, remote FROM conflict", "3|\"Here\"|\"There\"\n");
    UNIT_TEXT(logged_base(), "\"One\"");
    fixture_sql("UPDATE log SET body = NULL WHERE body LIKE '%Tools%'");
    UNIT_TEXT(logged_base(), ""); /* what was pruned may have been the field */
    side_close(&crm);
}

/* Ours was cleared before it got another value. */
static void base_that_was_no_value(void)
{
    side_open(&crm, "crm", one_counts);
    PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Steel\"}");
    fixture_sql("UPDATE account SET industry = NULL; UPDATE account SET industry = 'Here'; "
                "UPDATE log SET at = 5 WHERE run IS NULL");
    PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"There\"}");
    QUERY("SELECT local, remote FROM conflict", "\"Here\"|\"There\"\n");
    UNIT_TEXT(logged_base(), "null");
    side_close(&crm);
}

static void base_of_a_custom_field(void)
{
    side_open(&crm, "crm", one_counts);
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Bonn\", \"tier\": \"x\"}");
    fixture_sql("UPDATE account SET custom_fields = json_set(custom_fields, '$.city', 'Ulm'); "
                "UPDATE account SET custom_fields = json_set(custom_fields, '$.tier', 'y'); "
                "UPDATE log SET at = 5 WHERE run IS NULL");
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Jena\", \"tier\": \"x\"}");
    QUERY("SELECT local, remote FROM conflict", "\"Ulm\"|\"Jena\"\n");
    UNIT_TEXT(logged_base(), "\"Bonn\"");
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(both_change)
IN_STORE(vendors_first)
IN_STORE(one_side_changes)
IN_STORE(cleared_here)
IN_STORE(without_a_base)
IN_STORE(with_another_base)
IN_STORE(filled_as_it_is_read)
IN_STORE(first_meeting)
IN_STORE(merged_twice)
IN_STORE(too_long_together)
IN_STORE(not_kept_where_not_needed)
IN_STORE(policy_changes)
IN_STORE(base_by_the_log)
IN_STORE(base_that_was_no_value)
IN_STORE(base_of_a_custom_field)

const char *const unit_suite = "lists that both sides changed";
const struct unit_test unit_tests[] = {{"both sides added and took out", test_both_sides},
                                       {"empty ones, and none", test_empty},
                                       {"without a base", test_no_base},
                                       {"elements that repeat", test_repeated},
                                       {"elements by value", test_spelling},
                                       {"what is no list", test_no_lists},
                                       {"long lists", test_long_lists},
                                       {"bases are written and read", test_bases},
                                       {"of two bases", test_chosen_bases},
                                       {"long values are not kept", test_long_values},
                                       {"both sides change a list", test_both_change},
                                       {"the vendor's list first", test_vendors_first},
                                       {"one side changes it", test_one_side_changes},
                                       {"it is cleared here", test_cleared_here},
                                       {"a link without a base", test_without_a_base},
                                       {"a base of another value", test_with_another_base},
                                       {"a base is filled in", test_filled_as_it_is_read},
                                       {"lists that meet", test_first_meeting},
                                       {"a page that is merged twice", test_merged_twice},
                                       {"a list that would be too long", test_too_long_together},
                                       {"no base without need", test_not_kept_where_not_needed},
                                       {"lists are merged from now on", test_policy_changes},
                                       {"what was before, by the log", test_base_by_the_log},
                                       {"and where it was no value", test_base_that_was_no_value},
                                       {"the same of a custom field", test_base_of_a_custom_field},
                                       {NULL, NULL}};
