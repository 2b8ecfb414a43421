/* SPDX-License-Identifier: Apache-2.0 */
/* Two records made one: whose values stay, what the links have seen, what a sync then makes of it,
 * and that it can be taken back. */
#include "unit.h"

#include <stdlib.h>

#include "merge_fixture.h"
#include "sync/duplicates.h"
#include "sync/rollback.h"

static struct side crm, erp;
static struct buf said = BUF_INIT(64 * 1024);
static struct duplicates_report report;

#define PUT(side, object, ...)     side_put(&(side), (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char one_way[] = "companies: {mapping: {custom_fields: {city: town}}}, people: {}";
static const char both_ways[] = "companies: {sync_direction: bidirectional, mapping: "
                                "{custom_fields: {city: town}}}, people: {}";
static const char records[] =
    "SELECT key, name, domain, parent_id, deleted_at IS NOT NULL FROM account ORDER BY key";
static const char links[] = "SELECT external_id, record, ended FROM link ORDER BY key";
static const char all[] = "SELECT key, name, domain, industry, parent_id, custom_fields, "
                          "deleted_at IS NULL FROM account; SELECT key, email, account_id FROM "
                          "contact; SELECT key, record, ended, hex(seen_remote), hex(seen_local) "
                          "FROM link; SELECT * FROM pending_reference";

static struct sync_host host_of(void)
{
    return (struct sync_host){
        .world = &fixture_world.world, .store = fixture_store, .organization = {{1, 2, 3}}};
}

static struct uuid id_of(const char *object, int64_t key)
{
    const struct model_object *model = model_object(str_from(object));
    struct record_row row = {0};
    struct arena arena = {0};
    struct error err;
    CU_ASSERT_EQUAL_FATAL(
        fixture_store->engine->load_records(fixture_store, model, &key, 1, &row, &arena, &err), 0);
    arena_free(&arena);
    return row.id;
}

/* "run 3", "plan" or what is wrong. */
static const char *merge_with(const char *object, int64_t keep, int64_t other,
                              struct duplicates_request request)
{
    struct sync_host host = host_of();
    struct error err;
    fixture_world.now_us += 1000000;
    request.host = &host;
    request.object = model_object(str_from(object));
    request.keep = id_of(object, keep);
    request.other = id_of(object, other);
    request.by = STR("ada@desk");
    buf_clear(&said);
    arena_free(&report.arena);
    if (duplicates_merge(&request, &report, &err) != 0)
        buf_text(&said, err.text);
    else
        buf_printf(&said, report.run ? "run %d" : "plan", (int)report.run);
    return buf_cstr(&said);
}

static const char *merge(const char *object, int64_t keep, int64_t other)
{
    return merge_with(object, keep, other, (struct duplicates_request){0});
}

static void ignore_item(void *arg, const struct rollback_item *item)
{
    struct buf *out = arg;
    if (item->verdict != ROLLBACK_DONE)
        buf_printf(out, "%.*s: %.*s\n", STR_ARG(item->field), STR_ARG(item->why));
}

/* What was left. */
static const char *roll_back(int64_t run)
{
    static const struct rollback_events events = {.item = ignore_item};
    static struct rollback_report rolled;
    struct sync_host host = host_of();
    struct error err;
    const struct rollback_request request = {.host = &host, .run = run, .by = STR("ada@desk")};
    fixture_world.now_us += 1000000;
    buf_clear(&said);
    if (rollback_run(&request, &events, &said, &rolled, &err) != 0)
        buf_printf(&said, "not: %s", err.text);
    else if (rolled.status == RUN_FAILED)
        buf_printf(&said, "failed: %s", rolled.reason);
    return buf_cstr(&said);
}

/* ---- values ---- */

static void fills_what_is_empty(void)
{
    side_open(&crm, "crm", one_way);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"town\": \"Bern\"}");
    fixture_sql("INSERT INTO account (name, domain, industry, custom_fields) VALUES ('Uno', "
                "'x.test', 'Mining', '{\"city\":\"Biel\",\"tier\":1,\"gone\":null}')");
    UNIT_TEXT(merge("account", 1, 2), "run 2");
    QUERY("SELECT name, domain, industry, custom_fields FROM account WHERE key = 1",
          "One|x.test|Mining|{\"city\":\"Bern\",\"tier\":1}\n");
    QUERY("SELECT count(*) FROM log WHERE record = 1 AND run = 2 AND op = 2", "1\n");
    QUERY("SELECT started_by, kind, connection, status FROM run WHERE id = 2", "ada@desk|1|0|2\n");
}

static void takes_what_is_said(void)
{
    struct duplicate_choice choices[] = {{.field = STR("name"), .other = true},
                                         {.field = STR("domain"), .other = false},
                                         {.field = STR("custom_fields.city"), .other = true},
                                         {.field = STR("industry"), .other = true}};
    struct duplicates_request request = {.choices = choices, .choice_count = 4, .plan = true};
    side_open(&crm, "crm", one_way);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"town\": \"Bern\", \"industry\": \"Ore\"}");
    fixture_sql("INSERT INTO account (name, domain) VALUES ('Uno', 'x.test')");
    char *before = strdup(fixture_query(all));
    UNIT_TEXT(merge_with("account", 1, 2, request), "plan");
    UNIT_TEXT(fixture_query(all), before);
    QUERY("SELECT count(*) FROM run", "1\n");
    request.plan = false;
    UNIT_TEXT(merge_with("account", 1, 2, request), "run 2");
    QUERY("SELECT name, domain, industry, custom_fields FROM account WHERE key = 1", "Uno|~|~|~\n");
    UNIT_TEXT(roll_back(2), "");
    UNIT_TEXT(fixture_query(all), before);
    free(before);
    fixture_sql("UPDATE account SET name = NULL WHERE key = 2");
    UNIT_TEXT(merge_with("account", 1, 2, request),
              "name is required, and the second one has none");
    choices[2].field = STR("custom_fields.none");
    choices[0].other = false;
    UNIT_TEXT(merge_with("account", 1, 2, request),
              "neither of them has the field 'custom_fields.none'");
}

/* ---- links ---- */

static void two_at_one_vendor(void)
{
    side_open(&crm, "crm", one_way);
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}", "c2", "{\"name\": \"Two\"}");
    UNIT_TEXT(merge("account", 1, 2),
              "crm has both: its companies 'c1' and 'c2' are two records there. Merge them there; "
              "the next sync then makes them one here, too");
    /* One of them is not live any more. */
    side_delete(&crm, "companies", "c1", (char *)NULL);
    fixture_sql("UPDATE account SET deleted_at = NULL WHERE key = 1");
    UNIT_TEXT(merge("account", 1, 2), "run 2");
    QUERY(links, "c1|1|1\nc2|1|0\n");
    UNIT_TEXT(PUT(crm, "companies", "c2", "{\"name\": \"Two B\"}"), "updated 1");
    QUERY("SELECT name FROM account WHERE key = 1", "Two B\n");
}

static void stale_values_stay_away(void)
{
    side_open(&crm, "crm", one_way);
    side_open(&erp, "erp", "companies: {}");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\"}");
    PUT(erp, "companies", "e1",
        "{\"name\": \"Uno\", \"domain\": \"uno.test\", \"industry\": \"Ore\"}");
    UNIT_TEXT(merge("account", 1, 2), "run 3");
    QUERY(links, "c1|1|0\ne1|1|0\n");
    /* Read once more, as it was: nothing is taken of it. */
    UNIT_TEXT(PUT(erp, "companies", "e1",
                  "{\"name\": \"Uno\", \"domain\": \"uno.test\", \"industry\": \"Ore\"}"),
              "unchanged 1");
    QUERY("SELECT name, domain, industry FROM account WHERE key = 1", "One|one.test|Ore\n");
    /* What moves there, and that alone, is. */
    UNIT_TEXT(PUT(erp, "companies", "e1",
                  "{\"name\": \"Uno\", \"domain\": \"uno.test\", \"industry\": \"Steel\"}"),
              "updated 1");
    QUERY("SELECT name, domain, industry FROM account WHERE key = 1", "One|one.test|Steel\n");
    QUERY("SELECT count(*) FROM account", "2\n");
}

static void brought_to_the_vendors(void)
{
    side_open(&crm, "crm", both_ways);
    side_open(&erp, "erp", both_ways);
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}");
    PUT(erp, "companies", "e1", "{\"name\": \"Uno\"}");
    fixture_sql("DELETE FROM export_due; INSERT INTO export_due (stream, record) "
                "SELECT stream, 2 FROM link WHERE external_id = 'e1'");
    UNIT_TEXT(merge("account", 1, 2), "run 3");
    QUERY("SELECT l.external_id, d.record FROM export_due d JOIN link l ON l.stream = d.stream AND "
          "l.record = d.record",
          "e1|1\n");
    QUERY("SELECT count(*) FROM export_due", "1\n");
    /* The vendor's, read before that is written, is no news: no conflict, and ours stays. */
    UNIT_TEXT(PUT(erp, "companies", "e1", "{\"name\": \"Uno\"}"), "unchanged 1");
    QUERY("SELECT name FROM account WHERE key = 1", "One\n");
    QUERY("SELECT count(*) FROM conflict", "0\n");
}

/* The vendor's record has come, and was left for times of its fields: it is still to be read. */
static void unread_goes_along(void)
{
    side_open(&crm, "crm", both_ways);
    side_open(&erp, "erp", both_ways);
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}");
    PUT(erp, "companies", "e1", "{\"name\": \"Uno\"}");
    fixture_sql("DELETE FROM export_due; INSERT INTO export_due (stream, record, unread) "
                "SELECT stream, 2, 1 FROM link WHERE external_id = 'e1'");
    UNIT_TEXT(merge("account", 1, 2), "run 3");
    QUERY("SELECT l.external_id, d.record, d.unread FROM export_due d JOIN link l ON l.stream = "
          "d.stream AND l.record = d.record",
          "e1|1|1\n");
    QUERY("SELECT count(*) FROM export_due", "1\n");
    UNIT_TEXT(roll_back(3), "");
    QUERY("SELECT l.external_id, d.record, d.unread FROM export_due d JOIN link l ON l.stream = "
          "d.stream AND l.record = d.record",
          "e1|2|1\n");
}

/* ---- references ---- */

static void children_and_parents(void)
{
    side_open(&crm, "crm", one_way);
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}", "c3",
        "{\"name\": \"Three\", \"parent\": \"c1\"}");
    PUT(crm, "people", "p1", "{\"email\": \"p@x.test\", \"company\": \"c1\"}", "p2",
        "{\"email\": \"q@x.test\", \"company\": \"c9\"}");
    fixture_sql("INSERT INTO account (name) VALUES ('Kept'); "
                "UPDATE account SET parent_id = 1 WHERE key = 3; "
                "UPDATE account SET parent_id = 2 WHERE key = 1");
    char *before = strdup(fixture_query(all));
    /* 3 is below 1, 1 below 2, and 2 below 1: whoever stands above 1 is below what becomes of it.
     */
    UNIT_TEXT(merge("account", 3, 1), "run 2");
    QUERY(records, "1|One|~|2|1\n2|Three|~|3|0\n3|Kept|~|~|0\n");
    QUERY("SELECT email, account_id FROM contact ORDER BY key", "p@x.test|3\nq@x.test|~\n");
    CU_ASSERT_EQUAL(report.referrer_count, 2);
    UNIT_TEXT(roll_back(2), "");
    UNIT_TEXT(fixture_query(all), before);
    free(before);
}

static void many_children(void)
{
    side_open(&crm, "crm", one_way);
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}");
    fixture_sql("INSERT INTO account (name) VALUES ('Kept'); WITH RECURSIVE n (i) AS (SELECT 1 "
                "UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO contact (account_id, "
                "first_name) SELECT 1, 'N' FROM n");
    UNIT_TEXT(merge("account", 2, 1), "run 2");
    QUERY("SELECT account_id, count(*) FROM contact GROUP BY 1", "2|2500\n");
    CU_ASSERT_EQUAL(report.referrers[0].count, 2500);
    UNIT_TEXT(roll_back(2), "");
    QUERY("SELECT account_id, count(*) FROM contact GROUP BY 1", "1|2500\n");
}

static void what_waits(void)
{
    side_open(&crm, "crm", one_way);
    PUT(crm, "people", "p1", "{\"email\": \"p@x.test\", \"company\": \"c9\"}");
    fixture_sql("INSERT INTO contact (email) VALUES ('p@x.test')");
    char *before = strdup(fixture_query(all));
    UNIT_TEXT(merge("contact", 2, 1), "run 2");
    QUERY("SELECT external_id, record FROM pending_reference", "c9|2\n");
    UNIT_TEXT(roll_back(2), "");
    UNIT_TEXT(fixture_query(all), before);
    UNIT_TEXT(merge("contact", 2, 1), "run 4");
    PUT(crm, "companies", "c9", "{\"name\": \"Nine\"}");
    QUERY("SELECT key, account_id FROM contact ORDER BY key", "1|~\n2|1\n");
    free(before);
}

/* ---- taken back ---- */

static void changed_there_since(void)
{
    side_open(&crm, "crm", one_way);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Ore\"}");
    fixture_sql("INSERT INTO account (name) VALUES ('Kept')");
    UNIT_TEXT(merge("account", 2, 1), "run 2");
    QUERY("SELECT industry FROM account WHERE key = 2", "Ore\n");
    PUT(crm, "companies", "c1", "{\"name\": \"Eins\", \"industry\": \"Ore\"}");
    QUERY("SELECT name FROM account WHERE key = 2", "Eins\n");
    UNIT_TEXT(roll_back(2), "");
    QUERY("SELECT key, name, industry FROM account ORDER BY key", "1|One|Ore\n2|Eins|~\n");
    /* What has moved at the vendor meanwhile is taken when its record is read again. */
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Eins\", \"industry\": \"Ore\"}"),
              "updated 1");
    QUERY("SELECT key, name FROM account ORDER BY key", "1|Eins\n2|Eins\n");
}

static void gone_elsewhere_since(void)
{
    side_open(&crm, "crm", one_way);
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}");
    fixture_sql("INSERT INTO account (name) VALUES ('Kept'), ('Third')");
    UNIT_TEXT(merge("account", 2, 1), "run 2");
    UNIT_TEXT(merge("account", 3, 2), "run 3");
    UNIT_TEXT(roll_back(2),
              "health_score: the record was deleted by run 3 at 1970-01-01T00:00:03Z\n"
              "churn_risk_score: the record was deleted by run 3 at 1970-01-01T00:00:03Z\n"
              "link crm companies c1: it has yet another record since\n");
    QUERY(links, "c1|3|0\n");
    QUERY(records, "1|One|~|~|0\n2|Kept|~|~|1\n3|Third|~|~|0\n");
}

/* The link keeps what both sides agreed on in lists, and has it again when it goes back. */
static void lists(void)
{
    static const char lists_of_both[] =
        "companies: {}, people: {sync_direction: bidirectional, mapping: {tags: {from: tags, "
        "split: ';', merge_strategy: append}}}";
    static const char base[] = "SELECT record, json_extract(base, '$.\"17\"[1]') FROM link";
    side_open(&crm, "crm", lists_of_both);
    PUT(crm, "people", "p1", "{\"email\": \"p@one.test\", \"tags\": \"a;b\"}");
    fixture_sql("INSERT INTO contact (email, tags) VALUES ('q@one.test', '[\"b\",\"x\"]')");
    UNIT_TEXT(merge("contact", 2, 1), "run 2");
    QUERY(base, "2|[\"a\",\"b\"]\n");
    side_next_run(&crm);
    PUT(crm, "people", "p1", "{\"email\": \"p@one.test\", \"tags\": \"a;b;c\"}");
    QUERY("SELECT tags FROM contact WHERE key = 2", "[\"b\",\"x\",\"c\"]\n");
    QUERY(base, "2|[\"a\",\"b\",\"c\"]\n");
    roll_back(2);
    QUERY(base, "1|[\"a\",\"b\"]\n");
}

#define IN_STORE(name)                                                                             \
    static void test_##name(void)                                                                  \
    {                                                                                              \
        fixture_run(name);                                                                         \
        side_close(&crm);                                                                          \
        side_close(&erp);                                                                          \
        buf_free(&said);                                                                           \
        arena_free(&report.arena);                                                                 \
    }
IN_STORE(fills_what_is_empty)
IN_STORE(takes_what_is_said)
IN_STORE(two_at_one_vendor)
IN_STORE(stale_values_stay_away)
IN_STORE(brought_to_the_vendors)
IN_STORE(unread_goes_along)
IN_STORE(children_and_parents)
IN_STORE(many_children)
IN_STORE(lists)
IN_STORE(what_waits)
IN_STORE(changed_there_since)
IN_STORE(gone_elsewhere_since)

const char *const unit_suite = "two records made one";
const struct unit_test unit_tests[] = {
    {"what is empty is filled", test_fills_what_is_empty},
    {"what is said is taken", test_takes_what_is_said},
    {"one vendor has both", test_two_at_one_vendor},
    {"stale values stay away", test_stale_values_stay_away},
    {"the vendors get it", test_brought_to_the_vendors},
    {"a record that is to be read again is still", test_unread_goes_along},
    {"children and parents", test_children_and_parents},
    {"more children than a portion", test_many_children},
    {"lists, and what was agreed on", test_lists},
    {"what waits", test_what_waits},
    {"changed at the vendor before it is taken back", test_changed_there_since},
    {"merged further before it is taken back", test_gone_elsewhere_since},
    {NULL, NULL}};
