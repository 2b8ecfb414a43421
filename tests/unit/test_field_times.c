/* SPDX-License-Identifier: Apache-2.0 */
/* conflict_resolution: last_modified, with a vendor that tells when each field got its value; and
 * with clocks that are apart. */
#include "unit.h"

#include <stdio.h>

#include "merge_fixture.h"

enum { EARLY = 2000000, MIDDLE = 3000000, LATE = 4000000, LATEST = 60000000 };

static struct side crm;
static struct time_wants wants;

#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char both_ways[] =
    "companies: {sync_direction: bidirectional, conflict_resolution: last_modified, mapping: "
    "{industry: {conflict_resolution: source_priority, priority: local}, custom_fields: {city: "
    "{from: [town, tier], join: '/', export: town}}}}, people: {sync_direction: bidirectional}";
/* 2: ours was taken, 3: the vendor's. */
static const char settled[] = "SELECT state, local_at, remote_at FROM conflict";
static const char unread[] = "SELECT record, unread FROM export_due ORDER BY record";

/* Another program does that, at that time of the log. */
static void change(int64_t at, const char *statement)
{
    char text[400];
    fixture_sql(statement);
    snprintf(text, sizeof text, "UPDATE log SET at = %lld WHERE run IS NULL AND at > 1000000000",
             (long long)at);
    fixture_sql(text); /* the time that the database gave it is this machine's */
}

/* The vendor's c1, modified at LATEST; `since`: what it says of its fields' times, in ms. */
static const char *put_at(const char *at, const char *fields, const char *since)
{
    char body[1000];
    snprintf(body, sizeof body,
             "{\"list\": [{\"id\": \"c1\", \"at\": %s, \"f\": {%s}, \"since\": {%s}}]}", at, fields,
             since);
    return side_put_body(&crm, "companies", body);
}

static const char *put(const char *fields, const char *since)
{
    return put_at("60000", fields, since);
}

#define ONE "\"name\": \"One\", \"industry\": \"Tools\", \"town\": \"Bonn\", \"tier\": \"b\""
/* Its name is another one. */
#define THERE "\"name\": \"There\", \"industry\": \"Tools\", \"town\": \"Bonn\", \"tier\": \"b\""

/* c1, of which both sides have the same; what is put next is another run's, later than all. */
static void begin(void)
{
    side_open(&crm, "crm", both_ways);
    put_at("5", ONE, "");
    side_next_run(&crm);
    fixture_world.now_us = 2 * LATEST;
    fixture_sql("DELETE FROM export_due");
}

static void end(void)
{
    time_wants_clear(&wants);
    side_close(&crm);
}

/* What is put may have to wait. */
static void wait_for_times(bool waits)
{
    crm.waits_for_times = waits;
    crm.wants = &wants;
}

/* ---- who wins ---- */

static void field_decides(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET name = 'Here'");
    UNIT_TEXT(put(THERE, "\"name\": [{\"at\": 2000}, {\"at\": 50000}]"), "unchanged 1");
    QUERY("SELECT name FROM account", "Here\n");
    QUERY(settled, "2|3000000|2000000\n");
    QUERY(unread, "1|0\n"); /* the vendor is to get ours */
    end();
}

static void field_is_later(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET name = 'Here'");
    UNIT_TEXT(put(THERE, "\"name\": [{\"at\": 4000}]"), "updated 1");
    QUERY("SELECT name FROM account", "There\n");
    QUERY(settled, "3|3000000|4000000\n");
    end();
}

static void field_is_not_told(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET name = 'Here'");
    UNIT_TEXT(put(THERE, "\"town\": [{\"at\": 2000}]"), "updated 1");
    QUERY(settled, "3|3000000|60000000\n");
    end();
}

/* A rule that reads two: the later one, and where one is not told, the record's. */
static void two_fields(void)
{
    static const char moves[] =
        "\"name\": \"One\", \"industry\": \"Tools\", \"town\": \"Ulm\", \"tier\": \"b\"";
    begin();
    change(MIDDLE, "UPDATE account SET custom_fields = '{\"city\":\"Rom/b\"}'");
    put(moves, "\"town\": [{\"at\": 1000}], \"tier\": [{\"at\": 2000}]");
    QUERY(settled, "2|3000000|2000000\n");
    end();
}

static void one_of_two_fields(void)
{
    static const char moves[] =
        "\"name\": \"One\", \"industry\": \"Tools\", \"town\": \"Ulm\", \"tier\": \"b\"";
    begin();
    change(MIDDLE, "UPDATE account SET custom_fields = '{\"city\":\"Rom/b\"}'");
    put(moves, "\"town\": [{\"at\": 1000}]");
    QUERY(settled, "3|3000000|60000000\n");
    end();
}

/* ---- clocks ---- */

static void vendor_is_ahead(void)
{
    begin();
    crm.clock_skew_us = 10000000;
    change(MIDDLE, "UPDATE account SET name = 'Here'"); /* 13 s there */
    put(THERE, "\"name\": [{\"at\": 11999}]");
    QUERY(settled, "2|3000000|11999000\n");
    end();
}

static void vendor_is_behind(void)
{
    begin();
    crm.clock_skew_us = -1500000;
    change(MIDDLE, "UPDATE account SET name = 'Here'"); /* 1.5 s there */
    put(THERE, "\"name\": [{\"at\": 2500}]");
    QUERY(settled, "3|3000000|2500000\n");
    end();
}

/* The skew is known to the second: within it, the vendor's counts. */
static void clocks_cannot_tell(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET name = 'Here'");
    put(THERE, "\"name\": [{\"at\": 2001}]");
    QUERY(settled, "3|3000000|2001000\n");
    end();
}

/* ---- waiting ---- */

/* Nothing of the record is taken, also not what is in no conflict: it is as if it had not come. */
static void waits(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET name = 'Here', industry = 'Toys'");
    wait_for_times(true);
    UNIT_TEXT(
        put("\"name\": \"There\", \"industry\": \"Food\", \"town\": \"Ulm\", \"tier\": \"b\"", ""),
        "unchanged 1");
    QUERY("SELECT name, custom_fields FROM account", "Here|{\"city\":\"Bonn/b\"}\n");
    QUERY("SELECT count(*) FROM conflict", "0\n");
    QUERY(unread, "1|1\n");
    CU_ASSERT_FATAL(wants.id_count == 1 && wants.field_count == 1);
    CU_ASSERT(str_is(wants.ids[0], "c1") && str_is(wants.fields[0], "name"));
    /* It comes again, with them. */
    wait_for_times(false);
    UNIT_TEXT(put("\"name\": \"There\", \"industry\": \"Food\", \"town\": \"Ulm\", \"tier\": \"b\"",
                  "\"name\": [{\"at\": 2000}]"),
              "updated 1");
    QUERY("SELECT name, industry, custom_fields FROM account", "Here|Toys|{\"city\":\"Ulm/b\"}\n");
    QUERY("SELECT count(*), min(state), max(state) FROM conflict", "2|2|2\n");
    end();
}

static void waits_for_several_fields(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET name = 'Here', custom_fields = '{\"city\":\"Rom/b\"}'");
    wait_for_times(true);
    put("\"name\": \"There\", \"town\": \"Ulm\", \"tier\": \"b\"", "");
    CU_ASSERT_EQUAL(wants.id_count, 1);
    CU_ASSERT_EQUAL(wants.field_count, 3);
    end();
}

/* The record's time is the field's at the latest. */
static void record_is_older(void)
{
    begin();
    change(LATE, "UPDATE account SET name = 'Here'");
    wait_for_times(true);
    put_at("3000", THERE, "");
    QUERY(settled, "2|4000000|3000000\n");
    CU_ASSERT_EQUAL(wants.id_count, 0);
    end();
}

/* It may be older than our change, as far as the clocks are known. */
static void record_may_be_older(void)
{
    begin();
    change(LATE, "UPDATE account SET name = 'Here'");
    wait_for_times(true);
    put_at("3001", THERE, "");
    QUERY("SELECT count(*) FROM conflict", "0\n");
    CU_ASSERT_EQUAL(wants.id_count, 1);
    end();
}

/* No time decides these. */
static void others_do_not_wait(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET industry = 'Toys'");
    wait_for_times(true);
    put("\"name\": \"One\", \"industry\": \"Food\", \"town\": \"Bonn\", \"tier\": \"b\"", "");
    QUERY("SELECT state FROM conflict", "2\n");
    CU_ASSERT_EQUAL(wants.id_count, 0);
    end();
}

/* The vendor has no time of an association. */
static void associations_do_not_wait(void)
{
    begin();
    side_put(&crm, "companies", "c2", "{\"name\": \"Two\"}", "c3", "{\"name\": \"Three\"}", NULL);
    side_put(&crm, "people", "p", "{\"first\": \"Ada\", \"company\": \"c1\"}", NULL);
    side_next_run(&crm);
    change(EARLY, "UPDATE contact SET account_id = 2");
    wait_for_times(true);
    const struct emitted_record moved = {.id = STR("p"),
                                         .modified_us = LATEST,
                                         .fields =
                                             STR("{\"first\": \"Ada\", \"company\": \"c3\"}")};
    side_put_records(&crm, "people", &moved, 1);
    QUERY("SELECT account_id FROM contact", "3\n");
    CU_ASSERT_EQUAL(wants.id_count, 0);
    end();
}

/* A reference that came with it is none of ours yet, whether its record is here or comes later. */
static void references_wait(void)
{
    begin();
    change(MIDDLE, "UPDATE account SET name = 'Here'");
    wait_for_times(true);
    put("\"name\": \"There\", \"parent\": \"c9\"", "");
    QUERY("SELECT count(*) FROM pending_reference", "0\n");
    wait_for_times(false);
    side_put(&crm, "companies", "c9", "{\"name\": \"Nine\"}", NULL);
    QUERY("SELECT parent_id FROM account WHERE key = 1", "~\n");
    put("\"name\": \"There\", \"parent\": \"c9\"", "");
    QUERY("SELECT parent_id FROM account WHERE key = 1", "2\n");
    end();
}

/* Others of the same answer do not. */
static void others_go_on(void)
{
    begin();
    side_put(&crm, "companies", "c2", "{\"name\": \"Two\"}", NULL);
    side_next_run(&crm);
    change(MIDDLE, "UPDATE account SET name = 'Here' WHERE key = 1");
    wait_for_times(true);
    UNIT_TEXT(
        side_put_body(&crm, "companies",
                      "{\"list\": [{\"id\": \"c1\", \"at\": 60000, \"f\": {\"name\": \"There\"}},"
                      " {\"id\": \"c2\", \"at\": 60000, \"f\": {\"name\": \"Too\"}},"
                      " {\"id\": \"c3\", \"at\": 60000, \"f\": {\"name\": \"Three\"}}]}"),
        "created 1, updated 1, unchanged 1");
    QUERY("SELECT name FROM account ORDER BY key", "Here\nToo\nThree\n");
    end();
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(field_decides)
IN_STORE(field_is_later)
IN_STORE(field_is_not_told)
IN_STORE(two_fields)
IN_STORE(one_of_two_fields)
IN_STORE(vendor_is_ahead)
IN_STORE(vendor_is_behind)
IN_STORE(clocks_cannot_tell)
IN_STORE(waits)
IN_STORE(waits_for_several_fields)
IN_STORE(record_is_older)
IN_STORE(record_may_be_older)
IN_STORE(others_do_not_wait)
IN_STORE(associations_do_not_wait)
IN_STORE(references_wait)
IN_STORE(others_go_on)

const char *const unit_suite = "field times";
const struct unit_test unit_tests[] = {
    {"the field's time decides, not its record's", test_field_decides},
    {"the vendor's field changed later", test_field_is_later},
    {"a field whose time is not told", test_field_is_not_told},
    {"a rule that reads two fields", test_two_fields},
    {"a rule that reads two fields, of which one is told", test_one_of_two_fields},
    {"the vendor's clock is ahead", test_vendor_is_ahead},
    {"the vendor's clock is behind", test_vendor_is_behind},
    {"a difference that the clocks cannot tell", test_clocks_cannot_tell},
    {"a record waits for the times of its fields", test_waits},
    {"a record waits for several fields", test_waits_for_several_fields},
    {"a record that is older than our change", test_record_is_older},
    {"a record that may be older than our change", test_record_may_be_older},
    {"fields that no time decides do not wait", test_others_do_not_wait},
    {"associations do not wait", test_associations_do_not_wait},
    {"references of a record that waits", test_references_wait},
    {"other records do not wait", test_others_go_on},
    {NULL, NULL}};
