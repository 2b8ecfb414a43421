/* SPDX-License-Identifier: Apache-2.0 */
/* What merging makes of a vendor's records: creates, updates, matches, quarantine, guard rails. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "merge_fixture.h"

static struct side crm, erp;

#define PUT(side, object, ...)     side_put(&(side), (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char log_rows[] = "SELECT seq, record, op, prev, body FROM log ORDER BY seq";
static const char names[] = "SELECT key, name, domain, industry FROM account ORDER BY key";
static const char aside[] =
    "SELECT external_id, times, field, reason FROM quarantine ORDER BY external_id";

/* ---- creates and updates ---- */

static void create(void)
{
    side_open(&crm, "crm", "companies: ");
    UNIT_TEXT(PUT(crm, "companies", "c2", "{\"name\": \"Two\"}", "c1",
                  "{\"name\": \"One\", \"domain\": \"One.Test\"}"),
              "created 2");
    QUERY("SELECT key, length(id), name, domain, health_score, churn_risk_score, rev, created_at, "
          "updated_at, custom_fields FROM account",
          "1|16|Two|~|50|0|1|1000000|1000000|~\n2|16|One|one.test|50|0|2|1000000|1000000|~\n");
    QUERY(log_rows, "1|1|1|~|~\n2|2|1|~|~\n");
    QUERY("SELECT external_id, record, remote_modified, length(seen_remote) FROM link "
          "ORDER BY external_id",
          "c1|2|5|40\nc2|1|5|40\n");
    QUERY("SELECT count(DISTINCT id) FROM account", "2\n");
    side_close(&crm);
}

static void unchanged(void)
{
    const char *fields = "{\"name\": \"One\", \"domain\": \"one.test\", \"unmapped\": 1}";
    side_open(&crm, "crm", "companies: {mapping: {health_score: score}}");
    UNIT_TEXT(PUT(crm, "companies", "c1", fields), "created 1");
    fixture_world.now_us += 10;
    UNIT_TEXT(PUT(crm, "companies", "c1", fields), "unchanged 1");
    UNIT_TEXT(PUT(crm, "companies", "c1",
                  "{\"domain\": \"ONE.test\", \"name\": \"One\", \"unmapped\": 2}"),
              "unchanged 1");
    QUERY("SELECT count(*), max(seq) FROM log", "1|1\n");
    QUERY("SELECT rev, updated_at, health_score FROM account", "1|1000000|50\n");
    side_close(&crm);
}

static void update(void)
{
    side_open(&crm, "crm", "companies: {mapping: {arr: arr, seat_count: seats, size: size}}");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"arr\": 5, \"seats\": 1}", "c2",
        "{\"name\": \"Two\"}");
    fixture_world.now_us += 10;
    UNIT_TEXT(PUT(crm, "companies", "c1",
                  "{\"name\": \"O\\\"ne\\n\", \"arr\": 5.5, \"size\": \"small\"}", "c2",
                  "{\"name\": \"Two\"}"),
              "updated 1, unchanged 1");
    fixture_world.now_us += 10;
    UNIT_TEXT(
        PUT(crm, "companies", "c1", "{\"name\": \"O\\\"ne\\n\", \"arr\": 6, \"size\": \"small\"}"),
        "updated 1");
    QUERY("SELECT key, rev, created_at, updated_at, arr, seat_count, size FROM account",
          "1|4|1000000|1000020|600|~|small\n2|2|1000000|1000000|~|~|~\n");
    QUERY(log_rows, "1|1|1|~|~\n2|2|1|~|~\n"
                    "3|1|2|1|{\"name\":[\"One\",\"O\\\"ne\\n\"],\"size\":[null,\"small\"],"
                    "\"arr\":[5.00,5.50],\"seat_count\":[1,null]}\n"
                    "4|1|2|3|{\"arr\":[5.50,6.00]}\n");
    QUERY("SELECT count(*) FROM log WHERE body IS NOT NULL AND NOT json_valid(body)", "0\n");
    side_close(&crm);
}

static void local_values_stay(void)
{
    side_open(&crm, "crm", "companies: ");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}");
    fixture_sql("UPDATE account SET industry = 'ours', domain = 'ours.test'");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}"),
              "unchanged 1");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"industry\": \"Tools\"}"),
              "updated 1");
    QUERY(names, "1|Uno|ours.test|ours\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"industry\": \"ours\"}"),
              "unchanged 1"); /* it moved to what we have: seen, and no write */
    QUERY("SELECT op, prev, run, body FROM log",
          "1|~|1|~\n2|1|~|{\"domain\":[null,\"ours.test\"],\"industry\":[\"Tools\",\"ours\"]}\n"
          "2|2|1|{\"name\":[\"One\",\"Uno\"]}\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"industry\": null}"), "updated 1");
    QUERY(names, "1|Uno|ours.test|~\n");
    side_close(&crm);
}

/* Another program deleted a record: what the vendor does not touch stays so, what it changes comes
 * back, as what it was to others. */
static void deleted_here(void)
{
    side_open(&crm, "crm", "companies: ");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}", "c2",
        "{\"name\": \"Two\", \"parent\": \"c1\"}");
    fixture_sql("DELETE FROM account WHERE key = 1");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}"),
              "unchanged 1");
    QUERY("SELECT key FROM account", "2\n");
    PUT(crm, "companies", "c3", "{\"name\": \"Three\"}");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"industry\": \"Tools\"}", "c2",
                  "{\"name\": \"Zwei\", \"parent\": \"c1\"}"),
              "created 1, updated 1");
    QUERY("SELECT key, name, industry, parent_id FROM account ORDER BY key",
          "1|Uno|Tools|~\n2|Zwei|~|1\n3|Three|~|~\n");
    QUERY("SELECT op, prev, run FROM log WHERE record = 1", "1|~|1\n3|1|~\n1|3|1\n");
    QUERY("SELECT external_id, record, ended FROM link ORDER BY 1", "c1|1|0\nc2|2|0\nc3|3|0\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Un\", \"industry\": \"Tools\"}"),
              "updated 1");
    side_close(&crm);
}

static void mapping_that_grew(void)
{
    side_open(&crm, "crm", "companies: {mapping: {industry: ~}}");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}");
    side_close(&crm);
    side_open(&crm, "crm", "companies: ");
    fixture_sql("UPDATE account SET name = 'ours'");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}"),
              "updated 1");
    QUERY(names, "1|ours|~|Tools\n");
    side_close(&crm);
}

/* What only goes to the vendor is read, and never taken. */
static void export_alone(void)
{
    side_open(&crm, "crm",
              "companies: {sync_direction: bidirectional, mapping: {industry: {sync_direction: "
              "export}, custom_fields: {tier: {from: tier, sync_direction: export}}}}");
    UNIT_TEXT(PUT(crm, "companies", "c1",
                  "{\"name\": \"One\", \"industry\": \"Tools\", \"tier\": \"gold\"}"),
              "created 1");
    QUERY("SELECT name, industry, custom_fields FROM account", "One|~|~\n");
    fixture_sql("UPDATE account SET industry = 'ours'");
    UNIT_TEXT(PUT(crm, "companies", "c1",
                  "{\"name\": \"Uno\", \"industry\": \"Dies\", \"tier\": \"silver\"}"),
              "updated 1");
    QUERY("SELECT name, industry, custom_fields FROM account", "Uno|ours|~\n");
    side_close(&crm);
    side_open(&crm, "crm", "companies: "); /* and once it is imported, it is */
    crm.retakes = true;
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"industry\": \"Tools\"}"),
              "updated 1");
    QUERY("SELECT name, industry FROM account", "Uno|Tools\n");
    side_close(&crm);
}

/* ---- custom fields ---- */

static const char custom_objects[] =
    "companies: {mapping: {custom_fields: {city: town, n: {from: n, type: integer}, z: z}}}";

static void custom_fields(void)
{
    static const char custom[] = "SELECT custom_fields FROM account";
    side_open(&crm, "crm", custom_objects);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"town\": \"Bern\", \"n\": 5}");
    QUERY(custom, "{\"city\":\"Bern\",\"n\":5}\n");
    fixture_sql("UPDATE account SET custom_fields = "
                "'{ \"foreign\": {\"a\": [1.50]}, \"city\": \"Bern\", \"n\": 5}'");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"town\": \"Bern\", \"n\": 5}"),
              "updated 1");
    QUERY(custom, "{ \"foreign\": {\"a\": [1.50]}, \"city\": \"Bern\", \"n\": 5}\n");
    UNIT_TEXT(PUT(crm, "companies", "c1",
                  "{\"name\": \"Uno\", \"town\": \"Thun\", \"n\": null, \"z\": \"new\"}"),
              "updated 1");
    QUERY(custom, "{\"foreign\":{\"a\":[1.50]},\"city\":\"Thun\",\"z\":\"new\"}\n");
    QUERY("SELECT body FROM log WHERE seq = 4",
          "{\"custom_fields\":[{ \"foreign\": {\"a\": [1.50]}, \"city\": \"Bern\", \"n\": 5},"
          "{\"foreign\":{\"a\":[1.50]},\"city\":\"Thun\",\"z\":\"new\"}]}\n");
    PUT(crm, "companies", "c1", "{\"name\": \"Uno\"}");
    QUERY(custom, "{\"foreign\":{\"a\":[1.50]}}\n");
    fixture_sql("UPDATE account SET custom_fields = '{\"z\":\"x\"}'");
    PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"z\": \"y\"}");
    PUT(crm, "companies", "c1", "{\"name\": \"Uno\"}");
    QUERY(custom, "~\n");
    side_close(&crm);
}

/* A text that two JSON writers escape differently is still the same text. */
static void custom_fields_are_values(void)
{
    side_open(&crm, "crm", custom_objects);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"town\": \"a\\tb/\\u000b\"}");
    fixture_sql("UPDATE account SET custom_fields = '{ \"city\": \"a\\tb\\/\\u000B\" }'");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"town\": \"a\\tb/\\u000b\"}"),
              "updated 1");
    QUERY("SELECT body FROM log WHERE seq = 3", "{\"name\":[\"One\",\"Uno\"]}\n");
    PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"town\": \"x\"}");
    fixture_sql("UPDATE account SET custom_fields = '{ \"city\": \"a\\tb\" }'");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"town\": \"a\\tb\"}"),
              "unchanged 1");
    QUERY("SELECT count(*) FROM log WHERE run IS NOT NULL", "3\n");
    side_close(&crm);
}

static void broken_custom_fields(void)
{
    side_open(&crm, "crm", custom_objects);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"town\": \"Bern\"}");
    fixture_sql("UPDATE account SET custom_fields = '[1]'");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"town\": \"Bern\"}"), "updated 1");
    QUERY("SELECT custom_fields FROM account", "[1]\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"town\": \"Thun\"}"),
              "failed: the custom_fields of account 1 in the store are no JSON object: mend them, "
              "or set them to NULL");
    QUERY("SELECT custom_fields FROM account", "[1]\n");
    side_close(&crm);
}

/* ---- matches ---- */

static void match(void)
{
    side_open(&crm, "crm", custom_objects);
    side_open(&erp, "erp", "companies: {mapping: {custom_fields: {z: z, city: town}}}");
    PUT(crm, "companies", "c1",
        "{\"name\": \"One\", \"domain\": \"x.test\", \"industry\": \"Tools\", \"town\": \"Bern\"}");
    UNIT_TEXT(PUT(erp, "companies", "e1",
                  "{\"name\": \"Uno\", \"domain\": \"X.test\", \"z\": \"1\"}", "e2",
                  "{\"name\": \"Two\", \"domain\": \"y.test\"}"),
              "created 1, updated 1");
    QUERY(names, "1|Uno|x.test|Tools\n2|Two|y.test|~\n"); /* null clears nothing at first */
    QUERY("SELECT custom_fields FROM account WHERE key = 1", "{\"city\":\"Bern\",\"z\":\"1\"}\n");
    QUERY("SELECT external_id, record FROM link ORDER BY key", "c1|1\ne1|1\ne2|2\n");
    UNIT_TEXT(PUT(erp, "companies", "e1",
                  "{\"name\": \"Uno\", \"domain\": \"x.test\", \"industry\": \"Toys\"}"),
              "updated 1");
    PUT(erp, "companies", "e1", "{\"name\": \"Uno\", \"domain\": \"x.test\"}");
    QUERY(names, "1|Uno|x.test|~\n2|Two|y.test|~\n"); /* but later it does */
    UNIT_TEXT(PUT(crm, "companies", "c9", "{\"name\": \"No\"}"), "created 1"); /* null: no match */
    side_close(&crm);
    side_close(&erp);
}

static void match_of_equals(void)
{
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: ");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"domain\": \"x.test\"}");
    UNIT_TEXT(PUT(erp, "companies", "e1", "{\"name\": \"One\", \"domain\": \"x.test\"}"),
              "unchanged 1"); /* linked, nothing to write */
    QUERY("SELECT count(*) FROM log", "1\n");
    QUERY("SELECT count(*) FROM link WHERE record = 1", "2\n");
    side_close(&crm);
    side_close(&erp);
}

static void same_match_value_twice(void)
{
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: ");
    const char *x = "{\"name\": \"X\", \"domain\": \"x.test\"}";
    UNIT_TEXT(PUT(crm, "companies", "c1", x), "created 1");
    /* A stream never links two of its records to one of ours. */
    UNIT_TEXT(PUT(erp, "companies", "e1", x, "e2", x), "created 1, unchanged 1");
    QUERY("SELECT external_id, record FROM link ORDER BY external_id", "c1|1\ne1|1\ne2|2\n");
    UNIT_TEXT(PUT(erp, "companies", "e3", x), "created 1");
    UNIT_TEXT(PUT(erp, "companies", "n1", "{\"name\": \"N\", \"domain\": \"n.test\"}", "n2",
                  "{\"name\": \"N\", \"domain\": \"n.test\"}"),
              "created 2");
    side_close(&crm);
    side_close(&erp);
}

static void ambiguous_match(void)
{
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: ");
    const char *x = "{\"name\": \"X\", \"domain\": \"x.test\"}";
    PUT(crm, "companies", "c1", x, "c2", x);
    UNIT_TEXT(PUT(erp, "companies", "e1", x, "e2", "{\"name\": \"Y\"}"),
              "created 1, quarantined 1");
    QUERY(aside, "e1|1|domain|more than one account has the domain 'x.test': merge or mend them "
                 "(`fastenr duplicates list`), choose with `fastenr link`, or set 'match' to "
                 "another field\n");
    QUERY("SELECT payload FROM quarantine", "{\"name\":\"X\",\"domain\":\"x.test\"}\n");
    fixture_sql("UPDATE account SET domain = NULL WHERE key = 2");
    UNIT_TEXT(PUT(erp, "companies", "e1", x), "unchanged 1");
    QUERY(aside, "");
    QUERY("SELECT record FROM link WHERE external_id = 'e1'", "1\n");
    side_close(&crm);
    side_close(&erp);
}

static void other_match_fields(void)
{
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: {match: [domain, name]}");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"domain\": \"x.test\"}", "c2",
        "{\"name\": \"Two\"}");
    PUT(erp, "companies", "e1", "{\"name\": \"Two\", \"domain\": \"x.test\"}", "e2",
        "{\"name\": \"Two\"}");
    QUERY("SELECT external_id, record FROM link ORDER BY external_id", "c1|1\nc2|2\ne1|1\ne2|2\n");
    side_close(&erp);
    side_open(&erp, "shop", "companies: {match: []}");
    UNIT_TEXT(PUT(erp, "companies", "s1", "{\"name\": \"Two\", \"domain\": \"x.test\"}"),
              "created 1");
    side_close(&erp);
    side_open(&erp, "mail", "companies: {match: }");
    UNIT_TEXT(PUT(erp, "companies", "m1", "{\"name\": \"Two\", \"domain\": \"x.test\"}"),
              "quarantined 1"); /* by the default, domain, there are two now */
    side_close(&crm);
    side_close(&erp);
}

/* ---- one batch ---- */

static void duplicates(void)
{
    side_open(&crm, "crm", "companies: ");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"first\"}", "c2", "{\"name\": \"other\"}",
                  "c1", "{\"name\": \"second\"}", "c1", "{\"name\": \"last\"}"),
              "created 2, unchanged 2");
    QUERY("SELECT name FROM account ORDER BY name", "last\nother\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"fine\"}", "c1", "{}"),
              "unchanged 1, quarantined 1");
    QUERY("SELECT name FROM account ORDER BY name", "last\nother\n");
    side_close(&crm);
}

static void scope(void)
{
    side_open(&crm, "crm", "companies: {filter: {stage: customer}}");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"One\", \"stage\": \"customer\"}", "c2",
                  "{\"name\": \"Two\", \"stage\": \"lead\"}", "c3", "{}", "c4",
                  "{\"stage\": \"customer\"}"),
              "created 1, filtered 2, quarantined 1");
    QUERY("SELECT name FROM account", "One\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"stage\": \"lead\"}", "c4", "{}"),
              "filtered 2");
    QUERY("SELECT name FROM account", "One\n");
    QUERY(aside, ""); /* c4 is of no concern any more */
    side_close(&crm);
}

/* ---- quarantine ---- */

static void quarantine(void)
{
    side_open(&crm, "crm", "companies: {mapping: {seat_count: seats}}");
    const char *bad = "{\"name\": \"One\", \"seats\": \"many\"}";
    UNIT_TEXT(PUT(crm, "companies", "c1", bad), "quarantined 1");
    fixture_world.now_us += 10;
    UNIT_TEXT(PUT(crm, "companies", "c1", bad, "c2", "{}"), "quarantined 2");
    QUERY(aside, "c1|2|seat_count|'many' is no integer\n"
                 "c2|1|name|it is required, and the vendor has no value\n");
    QUERY("SELECT first_at, last_at, modified, payload FROM quarantine WHERE external_id = 'c1'",
          "1000000|1000010|5|{\"name\":\"One\",\"seats\":\"many\"}\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"One\", \"seats\": 5}"), "created 1");
    QUERY("SELECT external_id FROM quarantine", "c2\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", bad),
              "quarantined 1"); /* a linked one keeps its record */
    QUERY("SELECT name, seat_count, rev FROM account", "One|5|1\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"One\", \"seats\": 5}"), "unchanged 1");
    QUERY("SELECT external_id FROM quarantine", "c2\n");
    QUERY("SELECT count(*) FROM log", "1\n");
    side_close(&crm);
}

static void records_that_are_none(void)
{
    static const char body[] =
        "{\"list\": [{\"f\": {\"name\": \"A\"}}, {\"id\": \"\", \"f\": {\"name\": \"B\"}},"
        "{\"id\": \"c1\"}, {\"id\": \"c2\", \"f\": [1]}, 7,"
        "{\"id\": \"c3\", \"at\": \"yesterday\", \"f\": {\"name\": \"C\"}},"
        "{\"id\": \"c4\", \"at\": \"2026-01-31T10:00:00Z\", \"f\": {\"name\": \"D\"}},"
        "{\"id\": 5, \"at\": 1000, \"f\": {\"name\": \"E\"}},"
        "{\"id\": \"c6\", \"at\": null, \"f\": {\"name\": \"F\"}}]}";
    side_open(&crm, "crm", "companies: ");
    UNIT_TEXT(side_put_body(&crm, "companies", body), "created 3, quarantined 6");
    QUERY("SELECT external_id, reason, payload FROM quarantine WHERE external_id LIKE 'c%' "
          "ORDER BY external_id",
          "c1|the record has no fields: they are no JSON object|[{\"id\":\"c1\"}]\n"
          "c2|the record has no fields: they are no JSON object|[{\"id\":\"c2\",\"f\":[1]}]\n"
          "c3|the record's modified time is neither RFC 3339 nor milliseconds|{\"name\":\"C\"}\n");
    QUERY("SELECT payload FROM quarantine WHERE external_id LIKE 'without-id-%' ORDER BY payload",
          "[7]\n[{\"f\":{\"name\":\"A\"}}]\n[{\"id\":\"\",\"f\":{\"name\":\"B\"}}]\n");
    QUERY("SELECT external_id, remote_modified FROM link ORDER BY external_id",
          "5|1000000\nc4|1769853600000000\nc6|~\n");
    UNIT_TEXT(side_put_body(&crm, "companies", body), "unchanged 3, quarantined 6");
    QUERY("SELECT count(*), min(times), max(times) FROM quarantine", "6|2|2\n");
    side_close(&crm);
}

static void bytes_that_are_no_text(void)
{
    const struct emitted_record records[] = {
        {.id = STR("c\xff"), .fields = STR("{\"name\": \"A\"}")},
        {.id = STR("c\0d"), .fields = STR("{\"name\": \"B\"}")},
        {.id = STR("c1"), .fields = STR("{\"name\": \"\xff\"}")},
        {.id = STR("c2"), .fields = STR("{\"name\": \"\\ud800\"}")},
        {.id = STR("c3"), .fields = STR("")},
        {.id = STR("c4"), .fields = STR("null")},
        {.id = STR("c5"), .fields = STR("{\"name\": \"a\\u0000b\"}")},
        {.id = STR("c6"), .fields = STR("{\"name\": \"F\"} x")}};
    side_open(&crm, "crm", "companies: ");
    side_put_records(&crm, "companies", records, 8);
    QUERY("SELECT external_id, reason FROM quarantine WHERE external_id NOT IN ('c2') "
          "AND external_id NOT LIKE 'without%' ORDER BY external_id",
          "c1|the record is no JSON object\nc3|the record is no JSON object\n"
          "c4|the record is no JSON object\nc5|it holds a NUL byte\n"
          "c6|the record is no JSON object\n");
    QUERY("SELECT count(*) FROM quarantine WHERE external_id LIKE 'without-id-%'", "2\n");
    QUERY("SELECT count(*) FROM quarantine WHERE NOT json_valid(payload)", "0\n");

    side_close(&crm);
}

/* ---- bounds ---- */

static char *long_text(size_t length, char c)
{
    char *text = mem_new(length + 1, 1);
    memset(text, c, length);
    return text;
}

static void payloads_near_the_most(void)
{
    enum { MIB = 1024 * 1024 };
    struct buf body = BUF_INIT(64 * MIB);
    char *near = long_text(16 * MIB - 64, 'x'), *over = long_text(17 * MIB, 'x');
    side_open(&crm, "crm", "companies: ");
    buf_printf(&body, "{\"list\": [{\"id\": \"near\", \"f\": {\"name\": \"%s\"}}, ", near);
    buf_printf(&body, "{\"id\": \"over\", \"f\": {\"name\": \"%s\"}}]}", over);
    UNIT_TEXT(side_put_body(&crm, "companies", buf_cstr(&body)), "quarantined 2");
    QUERY("SELECT external_id, reason, length(payload), json_valid(payload) FROM quarantine "
          "ORDER BY external_id",
          "near|it is longer than 102400 bytes|16777163|1\n"
          "over|it is longer than 102400 bytes|58|1\n");
    free(near);
    free(over);
    buf_free(&body);
    side_close(&crm);
}

/* Custom fields f0... from one vendor field each, and records that fill them. */
static void open_many(int fields)
{
    struct buf objects = BUF_INIT(64 * 1024);
    buf_text(&objects, "companies: {mapping: {custom_fields: {");
    for (int i = 0; i < fields; i++)
        buf_printf(&objects, "f%d: x, ", i);
    buf_text(&objects, "}}}");
    side_open(&crm, "crm", buf_cstr(&objects));
    buf_free(&objects);
}

static const char *put_long(const char *id, size_t length, char c)
{
    struct buf fields = BUF_INIT(1024 * 1024);
    char *text = long_text(length, c);
    buf_printf(&fields, "{\"name\": \"X\", \"x\": \"%s\"}", text);
    const char *got = PUT(crm, "companies", id, buf_cstr(&fields));
    free(text);
    buf_free(&fields);
    return got;
}

static void large_custom_fields(void)
{
    open_many(150);
    UNIT_TEXT(put_long("c1", 100000, 'a'), "created 1");
    UNIT_TEXT(put_long("c1", 100000, 'b'), "updated 1");
    QUERY("SELECT json_valid(custom_fields), length(custom_fields) FROM account", "1|15001391\n");
    QUERY("SELECT json_valid(body), length(body) > 30000000 FROM log WHERE seq = 2", "1|1\n");
    side_close(&crm);
    open_many(170);
    UNIT_TEXT(put_long("c2", 100000, 'a'), "quarantined 1");
    QUERY(aside, "c2|1|custom_fields|they are larger than 16 MiB together\n");
    side_close(&crm);
}

/* ---- guard rails ---- */

static void max_changes(void)
{
    const char *a = "{\"name\": \"a\"}", *b = "{\"name\": \"b\"}";
    side_open(&crm, "crm", "companies: {guard: {max_changes: 3}}");
    UNIT_TEXT(PUT(crm, "companies", "c1", a, "c2", a, "c3", a), "created 3");
    UNIT_TEXT(PUT(crm, "companies", "c1", b, "c2", b, "c3", b, "c4", b),
              "stopped: the guard rail stopped it: more than 3 records of companies would be "
              "created or changed (guard.max_changes); look with `fastenr preview`, then raise it");
    QUERY("SELECT name, count(*) FROM account GROUP BY name", "a|3\n");
    QUERY("SELECT count(*) FROM log", "3\n");
    /* Over several batches of one run; what stays the same does not count. */
    UNIT_TEXT(PUT(crm, "companies", "c1", b, "c2", a), "updated 1, unchanged 1");
    crm.same_run = true;
    UNIT_TEXT(PUT(crm, "companies", "c2", b, "c3", b, "c1", b), "updated 2, unchanged 1");
    CU_ASSERT_PTR_NOT_NULL(strstr(PUT(crm, "companies", "c9", b), "stopped: "));
    CU_ASSERT_EQUAL(crm.counts.updated, 3);
    CU_ASSERT_EQUAL(crm.counts.created, 0); /* the batch that was taken back is not counted */
    QUERY("SELECT name, count(*) FROM account GROUP BY name", "b|3\n");
    side_close(&crm);
}

static const char *put_many(uint32_t count, const char *fields)
{
    struct emitted_record *records = mem_new(count, sizeof records[0]);
    struct arena arena = {0};
    for (uint32_t i = 0; i < count; i++)
        records[i] = (struct emitted_record){.id = str_from(arena_printf(&arena, "c%u", i)),
                                             .fields = str_from(fields)};
    const char *got = side_put_records(&crm, "companies", records, count);
    free(records);
    arena_free(&arena);
    return got;
}

static void max_percent(void)
{
    side_open(&crm, "crm", "companies: {guard: {max_percent: 10}}");
    put_many(99, "{\"name\": \"a\"}");
    UNIT_TEXT(put_many(99, "{\"name\": \"b\"}"), "updated 99"); /* fewer than 100: no rail */
    UNIT_TEXT(put_many(200, "{\"name\": \"b\"}"),
              "created 101, unchanged 99"); /* creates neither */
    UNIT_TEXT(put_many(20, "{\"name\": \"c\"}"), "updated 20");
    UNIT_TEXT(put_many(21, "{\"name\": \"d\"}"),
              "stopped: the guard rail stopped it: more than 10 percent of the 200 records of "
              "companies would be changed (guard.max_percent); look with `fastenr preview`, then "
              "raise it");
    QUERY("SELECT name, count(*) FROM account GROUP BY name", "b|180\nc|20\n");
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(create)
IN_STORE(unchanged)
IN_STORE(update)
IN_STORE(local_values_stay)
IN_STORE(deleted_here)
IN_STORE(mapping_that_grew)
IN_STORE(export_alone)
IN_STORE(custom_fields)
IN_STORE(custom_fields_are_values)
IN_STORE(broken_custom_fields)
IN_STORE(match)
IN_STORE(match_of_equals)
IN_STORE(same_match_value_twice)
IN_STORE(ambiguous_match)
IN_STORE(other_match_fields)
IN_STORE(duplicates)
IN_STORE(scope)
IN_STORE(quarantine)
IN_STORE(records_that_are_none)
IN_STORE(bytes_that_are_no_text)
IN_STORE(payloads_near_the_most)
IN_STORE(large_custom_fields)
IN_STORE(max_changes)
IN_STORE(max_percent)

const char *const unit_suite = "merge";
const struct unit_test unit_tests[] = {
    {"a new record", test_create},
    {"the same again", test_unchanged},
    {"an update and its log", test_update},
    {"only what the vendor moved is taken", test_local_values_stay},
    {"a record that another program deleted", test_deleted_here},
    {"a field mapped later", test_mapping_that_grew},
    {"a field that is only exported", test_export_alone},
    {"custom fields", test_custom_fields},
    {"custom fields as values", test_custom_fields_are_values},
    {"custom fields that are broken", test_broken_custom_fields},
    {"match", test_match},
    {"match without a change", test_match_of_equals},
    {"one match value twice", test_same_match_value_twice},
    {"an ambiguous match", test_ambiguous_match},
    {"match by other fields", test_other_match_fields},
    {"one record twice in a batch", test_duplicates},
    {"out of scope", test_scope},
    {"quarantine", test_quarantine},
    {"records that are none", test_records_that_are_none},
    {"bytes that are no text", test_bytes_that_are_no_text},
    {"payloads near the most", test_payloads_near_the_most},
    {"large custom fields", test_large_custom_fields},
    {"guard.max_changes", test_max_changes},
    {"guard.max_percent", test_max_percent},
    {NULL, NULL}};
