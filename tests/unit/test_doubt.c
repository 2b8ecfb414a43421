/* SPDX-License-Identifier: Apache-2.0 */
/* A creation whose answer was lost: the vendor's record that it made comes in with the next import,
 * and is known by what was written. */
#include "unit.h"

#include <stdio.h>

#include "merge_fixture.h"
#include "plugin/protocol.h"

static struct side crm;

#define PUT(object, ...)           side_put(&crm, (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char both_ways[] = "companies: {sync_direction: bidirectional, mapping: "
                                "{custom_fields: {size: {from: size, type: number}}}}";
static const char accounts[] = "SELECT key, name, industry FROM account ORDER BY key";
static const char links[] = "SELECT external_id, record FROM link ORDER BY external_id";
static const char due[] = "SELECT record FROM export_due ORDER BY record";

#define WHOLE "{\"name\": \"One\", \"industry\": \"Tools\"}"

/* Our record of that key was written to the vendor, who did not say what became of it. */
static void doubt(int record, enum write_state state, const char *body)
{
    char text[400];
    snprintf(text, sizeof text,
             "INSERT INTO export_write (stream, run, record, link, op, state, at, external_id, "
             "body, reason) VALUES (%d, %d, %d, 0, %d, %d, 5, '', '%s', '')",
             (int)crm.streams[0], (int)crm.run, record, WRITE_CREATE, state, body);
    fixture_sql(text);
}

/* Our one record, and that of it which was written. */
static void begin(const char *body)
{
    side_open(&crm, "crm", both_ways);
    fixture_sql("INSERT INTO account (name, industry) VALUES ('One', 'Tools')");
    doubt(1, WRITE_DOUBTED, body);
}

static void expect_found(const char *fields)
{
    UNIT_TEXT(PUT("companies", "c1", fields), "unchanged 1");
    QUERY(links, "c1|1\n");
    side_close(&crm);
}

/* It comes in as one more. */
static void expect_new(const char *fields)
{
    UNIT_TEXT(PUT("companies", "c1", fields), "created 1");
    QUERY(links, "c1|2\n");
    side_close(&crm);
}

/* ---- by what records are matched by ---- */

static void by_match_value(void)
{
    side_open(&crm, "crm", both_ways);
    fixture_sql("INSERT INTO account (name, domain) VALUES ('One', 'later.test')");
    doubt(1, WRITE_DOUBTED, "{\"name\": \"One\", \"domain\": \"one.test\"}");
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\"}"),
              "unchanged 1");
    QUERY(links, "c1|1\n");
    QUERY("SELECT domain FROM account", "later.test\n");
    QUERY(due, "1\n"); /* the address that it has now is still to be written */
    side_close(&crm);
}

/* ---- by all that was written ---- */

static void by_all_that_was_written(void)
{
    begin(WHOLE);
    UNIT_TEXT(PUT("companies", "c1", WHOLE), "unchanged 1");
    QUERY(accounts, "1|One|Tools\n");
    QUERY(links, "c1|1\n");
    QUERY(due, "");
    side_close(&crm);
}

/* A host that died has not come to call it a doubt. */
static void sent_by_a_host_that_died(void)
{
    side_open(&crm, "crm", both_ways);
    fixture_sql("INSERT INTO account (name, industry) VALUES ('One', 'Tools')");
    doubt(1, WRITE_SENT, WHOLE);
    expect_found(WHOLE);
}

/* Found by what it was then; what changed since then still goes there. */
static void changed_here_since(void)
{
    begin(WHOLE);
    fixture_sql("UPDATE account SET name = 'Later', domain = 'later.test'");
    UNIT_TEXT(PUT("companies", "c1", WHOLE), "unchanged 1");
    QUERY("SELECT key, name, domain FROM account", "1|Later|later.test\n");
    QUERY(links, "c1|1\n");
    QUERY(due, "1\n");
    side_close(&crm);
}

/* The vendor trims a text, and writes a number in its own way. */
static void in_the_vendors_words(void)
{
    side_open(&crm, "crm", both_ways);
    fixture_sql("INSERT INTO account (name, custom_fields) VALUES (' One ', '{\"size\":5}')");
    doubt(1, WRITE_DOUBTED, "{\"name\": \" One \", \"size\": \"5\"}");
    PUT("companies", "c1", "{\"name\": \"One\", \"size\": 5.0}");
    QUERY("SELECT key, name, custom_fields FROM account", "1|One|{\"size\":5}\n");
    QUERY(links, "c1|1\n");
    side_close(&crm);
}

/* Lists are merged by what was written, whatever became of both since. */
static void with_lists_that_changed(void)
{
    side_open(&crm, "crm",
              "companies: {sync_direction: bidirectional, mapping: {custom_fields: {labels: "
              "{from: labels, type: list, split: ';', merge_strategy: append}}}}");
    fixture_sql("INSERT INTO account (name, domain, custom_fields) VALUES ('One', 'one.test', "
                "'{\"labels\":[\"a\",\"d\"]}')");
    doubt(1, WRITE_DOUBTED, "{\"name\": \"One\", \"domain\": \"one.test\", \"labels\": \"a;b;c\"}");
    PUT("companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\", \"labels\": \"b;c;e\"}");
    QUERY("SELECT custom_fields FROM account", "{\"labels\":[\"d\",\"e\"]}\n");
    QUERY("SELECT json_extract(base, '$.\"1000\"[1]') FROM link", "[\"b\",\"c\",\"e\"]\n");
    side_close(&crm);
}

/* What only the vendor has is no reason against it. */
static void with_more_at_the_vendor(void)
{
    begin(WHOLE);
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\", \"size\": 7}"),
              "updated 1");
    QUERY(links, "c1|1\n");
    side_close(&crm);
}

/* ---- where that does not tell ---- */

static void two_that_wrote_the_same(void)
{
    begin(WHOLE);
    fixture_sql("INSERT INTO account (name, industry) VALUES ('One', 'Tools')");
    doubt(2, WRITE_DOUBTED, WHOLE);
    UNIT_TEXT(PUT("companies", "c1", WHOLE, "c2", WHOLE), "unchanged 2");
    QUERY(links, "c1|1\nc2|2\n");
    side_close(&crm);
}

/* Both are as written of the first, which had less. */
static void two_that_wrote_part_of_the_same(void)
{
    begin(WHOLE);
    fixture_sql("INSERT INTO account (name, industry, custom_fields) VALUES ('One', 'Tools', "
                "'{\"size\":5}')");
    doubt(2, WRITE_DOUBTED, "{\"name\": \"One\", \"industry\": \"Tools\", \"size\": \"5\"}");
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\", \"size\": 5}"),
              "created 1");
    QUERY(links, "c1|3\n");
    side_close(&crm);
}

/* The vendor changed it last an hour before the write: that did not make it. */
static void older_than_the_write(void)
{
    const struct emitted_record record = {.id = STR("c1"), .modified_us = 5, .fields = STR(WHOLE)};
    begin(WHOLE);
    fixture_sql("UPDATE export_write SET at = 3600000000");
    UNIT_TEXT(side_put_records(&crm, "companies", &record, 1), "created 1");
    QUERY(links, "c1|2\n");
    side_close(&crm);
}

/* Many records have the same one of a few values. */
static void one_field_and_one_of_few(void)
{
    side_open(&crm, "crm",
              "companies: {sync_direction: bidirectional, mapping: {status: {from: industry, map: "
              "{T: active}}}}");
    fixture_sql("INSERT INTO account (name, status) VALUES ('One', 'active')");
    doubt(1, WRITE_DOUBTED, "{\"name\": \"One\", \"industry\": \"T\"}");
    expect_new("{\"name\": \"One\", \"industry\": \"T\"}");
}

/* Not exported, and yet what records are matched by. */
static void match_value_that_is_only_imported(void)
{
    side_open(&crm, "crm",
              "companies: {sync_direction: bidirectional, mapping: {domain: {from: domain, "
              "sync_direction: import}}}");
    fixture_sql("INSERT INTO account (name, industry) VALUES ('One', 'Tools')");
    doubt(1, WRITE_DOUBTED, WHOLE);
    expect_new("{\"name\": \"One\", \"industry\": \"Tools\", \"domain\": \"one.test\"}");
}

static void two_that_wrote_something_else(void)
{
    begin(WHOLE);
    fixture_sql("INSERT INTO account (name, industry) VALUES ('One', 'Toys')");
    doubt(2, WRITE_DOUBTED, "{\"name\": \"One\", \"industry\": \"Toys\"}");
    UNIT_TEXT(PUT("companies", "c2", "{\"name\": \"One\", \"industry\": \"Toys\"}", "c1", WHOLE),
              "unchanged 2");
    QUERY(links, "c1|1\nc2|2\n");
    side_close(&crm);
}

/* A name alone is nothing to be known by. */
static void one_field_alone(void)
{
    begin("{\"name\": \"One\"}");
    expect_new("{\"name\": \"One\"}");
}

/* Fields that were cleared are none that were written. */
static void one_field_and_nothing(void)
{
    begin("{\"name\": \"One\", \"industry\": null}");
    expect_new("{\"name\": \"One\"}");
}

static void one_field_is_another(void)
{
    begin("{\"name\": \"One\", \"industry\": \"Tools\", \"size\": \"5\"}");
    expect_new("{\"name\": \"One\", \"industry\": \"Tools\", \"size\": \"6\"}");
}

static void one_field_is_missing(void)
{
    begin(WHOLE);
    expect_new("{\"name\": \"One\"}");
}

/* It has an address of its own: it is somebody's whom we do not know. */
static void vendor_has_a_match_value(void)
{
    begin(WHOLE);
    expect_new("{\"name\": \"One\", \"industry\": \"Tools\", \"domain\": \"one.test\"}");
}

/* And what was written had one, which the vendor's record has not. */
static void match_value_was_written(void)
{
    begin("{\"name\": \"One\", \"industry\": \"Tools\", \"domain\": \"one.test\"}");
    expect_new(WHOLE);
}

/* What it refers to may have been made anew or merged since: it tells neither for nor against. */
static void what_it_refers_to(void)
{
    begin("{\"name\": \"One\", \"parent\": \"p1\"}");
    expect_new("{\"name\": \"One\", \"parent\": \"p1\"}");
}

static void another_that_it_refers_to(void)
{
    begin("{\"name\": \"One\", \"industry\": \"Tools\", \"parent\": \"p1\"}");
    expect_found("{\"name\": \"One\", \"industry\": \"Tools\", \"parent\": \"p2\"}");
}

/* ---- whose record is not free ---- */

static void record_is_gone(void)
{
    begin(WHOLE);
    fixture_sql("UPDATE account SET deleted_at = 5");
    expect_new(WHOLE);
}

/* Two of the vendor's that look the same: the first one is it. */
static void only_one_takes_it(void)
{
    begin(WHOLE);
    UNIT_TEXT(PUT("companies", "c1", WHOLE, "c2", WHOLE), "created 1, unchanged 1");
    QUERY(links, "c1|1\nc2|2\n");
    UNIT_TEXT(PUT("companies", "c3", WHOLE), "created 1");
    QUERY(links, "c1|1\nc2|2\nc3|3\n");
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(by_match_value)
IN_STORE(by_all_that_was_written)
IN_STORE(sent_by_a_host_that_died)
IN_STORE(changed_here_since)
IN_STORE(in_the_vendors_words)
IN_STORE(with_lists_that_changed)
IN_STORE(with_more_at_the_vendor)
IN_STORE(two_that_wrote_the_same)
IN_STORE(two_that_wrote_part_of_the_same)
IN_STORE(older_than_the_write)
IN_STORE(one_field_and_one_of_few)
IN_STORE(match_value_that_is_only_imported)
IN_STORE(two_that_wrote_something_else)
IN_STORE(one_field_alone)
IN_STORE(one_field_and_nothing)
IN_STORE(one_field_is_another)
IN_STORE(one_field_is_missing)
IN_STORE(vendor_has_a_match_value)
IN_STORE(match_value_was_written)
IN_STORE(what_it_refers_to)
IN_STORE(another_that_it_refers_to)
IN_STORE(record_is_gone)
IN_STORE(only_one_takes_it)

const char *const unit_suite = "creations in doubt";
const struct unit_test unit_tests[] = {
    {"found by what records are matched by", test_by_match_value},
    {"found by all that was written", test_by_all_that_was_written},
    {"found where the host died", test_sent_by_a_host_that_died},
    {"found although ours changed since", test_changed_here_since},
    {"found in the vendor's words", test_in_the_vendors_words},
    {"found with lists that changed", test_with_lists_that_changed},
    {"found with more at the vendor", test_with_more_at_the_vendor},
    {"two that wrote the same", test_two_that_wrote_the_same},
    {"two of which one wrote part of the other", test_two_that_wrote_part_of_the_same},
    {"older than the write", test_older_than_the_write},
    {"one field, and one of a few values", test_one_field_and_one_of_few},
    {"a match value that is only imported", test_match_value_that_is_only_imported},
    {"two that wrote something else", test_two_that_wrote_something_else},
    {"one field alone", test_one_field_alone},
    {"one field, and one that was cleared", test_one_field_and_nothing},
    {"one field is another", test_one_field_is_another},
    {"one field is missing", test_one_field_is_missing},
    {"the vendor's has a match value", test_vendor_has_a_match_value},
    {"what was written has a match value", test_match_value_was_written},
    {"one field, and what it refers to", test_what_it_refers_to},
    {"it refers to another one", test_another_that_it_refers_to},
    {"our record is gone", test_record_is_gone},
    {"two of the vendor's", test_only_one_takes_it},
    {NULL, NULL}};
