/* SPDX-License-Identifier: Apache-2.0 */
/* conflict_resolution: last_modified. The time of the vendor's record is compared with the one at
 * which our field got its value, whatever else of our record changed since. */
#include "unit.h"

#include <stdio.h>

#include "merge_fixture.h"

enum { EARLY = 2000000, MIDDLE = 3000000, LATE = 4000000 /* behind the first run */ };

static struct side crm, erp;

#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char last_modified[] =
    "companies: {sync_direction: bidirectional, conflict_resolution: last_modified, mapping: "
    "{custom_fields: {city: town, tier: tier}}}";
/* 2: ours was taken, 3: the vendor's. */
static const char settled[] = "SELECT state, local_at, remote_at FROM conflict";

#define OURS(at)   "2|" at "|3000000\n"
#define THEIRS(at) "3|" at "|3000000\n"

/* The vendor's record as it was modified at that time. */
static const char *put(struct side *side, int64_t at, const char *id, const char *fields)
{
    const struct emitted_record record = {
        .id = str_from(id), .modified_us = at, .fields = str_from(fields)};
    return side_put_records(side, "companies", &record, 1);
}

/* Another program does that, at that time of the log. */
static void change(int at, const char *statement)
{
    char text[400];
    fixture_sql(statement);
    snprintf(text, sizeof text, "UPDATE log SET at = %d WHERE run IS NULL AND at > 1000000000", at);
    fixture_sql(text); /* the time that the database gave it is this machine's */
}

/* c1, of which both sides have the same; what is put next is another run's, later than all. */
static void begin(void)
{
    side_open(&crm, "crm", last_modified);
    put(&crm, 5, "c1", "{\"name\": \"One\", \"town\": \"Bonn\", \"tier\": \"b\"}");
    side_next_run(&crm);
    fixture_world.now_us = LATE + 1000000;
}

static const char *vendor_renames(void)
{
    return put(&crm, MIDDLE, "c1", "{\"name\": \"There\", \"town\": \"Bonn\", \"tier\": \"b\"}");
}

static const char *vendor_moves(void)
{
    return put(&crm, MIDDLE, "c1", "{\"name\": \"One\", \"town\": \"Ulm\", \"tier\": \"b\"}");
}

/* ---- fields ---- */

static void our_field_is_later(void)
{
    begin();
    change(LATE, "UPDATE account SET name = 'Here'");
    UNIT_TEXT(vendor_renames(), "unchanged 1");
    QUERY("SELECT name FROM account", "Here\n");
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
}

static void our_field_is_earlier(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Here'");
    UNIT_TEXT(vendor_renames(), "updated 1");
    QUERY("SELECT name FROM account", "There\n");
    QUERY(settled, THEIRS("2000000"));
    side_close(&crm);
}

static void another_field_is_later(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Here'");
    change(LATE, "UPDATE account SET industry = 'Tools'; UPDATE account SET size = 'small'");
    UNIT_TEXT(vendor_renames(), "updated 1");
    QUERY("SELECT name FROM account", "There\n");
    QUERY(settled, THEIRS("2000000"));
    side_close(&crm);
}

/* The last time counts, not the first one since both agreed. */
static void our_field_changes_twice(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Hero'");
    change(LATE, "UPDATE account SET name = 'Here'");
    vendor_renames();
    QUERY("SELECT name FROM account", "Here\n");
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
}

/* A record that is ended and lives again keeps its values. */
static void ended_and_back(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Here'");
    change(LATE, "UPDATE account SET deleted_at = 1; UPDATE account SET deleted_at = NULL");
    vendor_renames();
    QUERY("SELECT name FROM account", "There\n");
    QUERY(settled, THEIRS("2000000"));
    side_close(&crm);
}

/* What waits for a person shows the same time. */
static void told_to_a_person(void)
{
    side_open(&crm, "crm",
              "companies: {sync_direction: bidirectional, conflict_resolution: manual_review}");
    put(&crm, 5, "c1", "{\"name\": \"One\"}");
    side_next_run(&crm);
    change(EARLY, "UPDATE account SET name = 'Here'");
    change(LATE, "UPDATE account SET industry = 'Tools'");
    put(&crm, MIDDLE, "c1", "{\"name\": \"There\"}");
    QUERY(settled, "1|2000000|3000000\n");
    side_close(&crm);
}

/* ---- custom fields ---- */

static void our_custom_field_is_later(void)
{
    begin();
    change(LATE, "UPDATE account SET custom_fields = '{\"city\":\"Rom\",\"tier\":\"b\"}'");
    vendor_moves();
    QUERY("SELECT custom_fields FROM account", "{\"city\":\"Rom\",\"tier\":\"b\"}\n");
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
}

/* They are one column, which the log has whole. */
static void another_custom_field_is_later(void)
{
    begin();
    change(EARLY, "UPDATE account SET custom_fields = '{\"city\":\"Rom\",\"tier\":\"b\"}'");
    change(LATE, "UPDATE account SET custom_fields = '{\"tier\":\"c\",\"city\":\"Rom\"}'");
    vendor_moves();
    QUERY("SELECT custom_fields FROM account", "{\"tier\":\"c\",\"city\":\"Ulm\"}\n");
    QUERY(settled, THEIRS("2000000"));
    side_close(&crm);
}

static void our_custom_field_goes_later(void)
{
    begin();
    change(LATE, "UPDATE account SET custom_fields = NULL");
    vendor_moves();
    QUERY("SELECT custom_fields FROM account", "~\n");
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
}

/* ---- what the run itself did ---- */

static void this_run_changes_another_field(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Here'");
    put(&crm, MIDDLE, "c1",
        "{\"name\": \"One\", \"industry\": \"Toys\", \"town\": \"Bonn\", \"tier\": \"b\"}");
    QUERY("SELECT updated_at FROM account", "5000000\n");
    put(&crm, MIDDLE, "c1",
        "{\"name\": \"There\", \"industry\": \"Toys\", \"town\": \"Bonn\", \"tier\": \"b\"}");
    QUERY("SELECT name FROM account", "There\n");
    QUERY(settled, THEIRS("2000000"));
    side_close(&crm);
}

/* Our child belongs to what its parent was merged into, since this run: that is no value of ours
 * which competes with another parent that the vendor gave it meanwhile. */
static void this_run_points_it_elsewhere(void)
{
    begin();
    put(&crm, 5, "p1", "{\"name\": \"P1\"}");
    put(&crm, 5, "p2", "{\"name\": \"P2\"}");
    put(&crm, 5, "p3", "{\"name\": \"P3\"}");
    put(&crm, 5, "child", "{\"name\": \"Child\", \"parent\": \"p1\"}");
    change(EARLY, "UPDATE log SET at = 2000000");
    side_next_run(&crm);
    side_put_body(&crm, "companies",
                  "{\"list\": [{\"id\": \"p2\", \"f\": {\"name\": \"P2\"}, \"was\": [\"p1\"]}]}");
    QUERY("SELECT parent_id FROM account WHERE name = 'Child'", "3\n");
    put(&crm, MIDDLE, "child", "{\"name\": \"Child\", \"parent\": \"p3\"}");
    QUERY("SELECT parent_id FROM account WHERE name = 'Child'", "4\n");
    QUERY(settled, THEIRS("2000000"));
    side_close(&crm);
}

/* ---- a record that was made anew ---- */

/* Another program deletes it, and another connection brings it in once more. */
static void made_again_later(void)
{
    begin();
    side_open(&erp, "erp", "companies: {match: [name]}");
    put(&erp, 5, "e1", "{\"name\": \"One\"}");
    change(EARLY, "DELETE FROM account");
    side_next_run(&erp);
    put(&erp, 6, "e1", "{\"name\": \"Elsewhere\"}");
    change(LATE, "UPDATE log SET at = 4000000 WHERE seq = (SELECT max(seq) FROM log)");
    QUERY("SELECT record, op, prev IS NOT NULL, at FROM log ORDER BY seq DESC LIMIT 2",
          "1|1|1|4000000\n1|3|1|2000000\n");
    vendor_renames();
    QUERY("SELECT name FROM account", "Elsewhere\n");
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
    side_close(&erp);
}

static void made_again_earlier(void)
{
    begin();
    side_open(&erp, "erp", "companies: {match: [name]}");
    put(&erp, 5, "e1", "{\"name\": \"One\"}");
    change(1500000, "DELETE FROM account");
    side_next_run(&erp);
    put(&erp, 6, "e1", "{\"name\": \"Elsewhere\"}");
    change(EARLY, "UPDATE log SET at = 2000000 WHERE seq = (SELECT max(seq) FROM log)");
    change(LATE, "UPDATE account SET industry = 'Tools'");
    vendor_renames();
    QUERY("SELECT name FROM account", "There\n");
    QUERY(settled, THEIRS("2000000"));
    side_close(&crm);
    side_close(&erp);
}

/* ---- a log that does not tell ---- */

/* What a change was of is pruned before the change is: it may have been of the field. */
static void body_is_pruned(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Here'");
    change(LATE, "UPDATE account SET industry = 'Tools'");
    fixture_sql("UPDATE log SET body = NULL");
    vendor_renames();
    QUERY("SELECT name FROM account", "Here\n");
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
}

/* It changed before the oldest change that is known, at the latest. */
static void rows_are_pruned(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Here'");
    change(LATE, "UPDATE account SET industry = 'Tools'");
    fixture_sql("DELETE FROM log WHERE at < 4000000");
    vendor_renames();
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
}

/* One that cannot be read may have been of the field; the sync goes on. */
static void body_is_broken(void)
{
    begin();
    change(EARLY, "UPDATE account SET name = 'Here'");
    change(LATE, "UPDATE account SET industry = 'Tools'");
    fixture_sql("UPDATE log SET body = '{' WHERE at = 4000000");
    UNIT_TEXT(vendor_renames(), "unchanged 1");
    QUERY("SELECT name FROM account", "Here\n");
    QUERY(settled, OURS("4000000"));
    side_close(&crm);
}

/* A plan has no run; neither has what other programs do, and that counts. */
static void plan_says_the_same(void)
{
    begin();
    change(LATE, "UPDATE account SET name = 'Here'");
    crm.run = 0;
    UNIT_TEXT(vendor_renames(), "unchanged 1");
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(our_field_is_later)
IN_STORE(our_field_is_earlier)
IN_STORE(another_field_is_later)
IN_STORE(our_field_changes_twice)
IN_STORE(ended_and_back)
IN_STORE(told_to_a_person)
IN_STORE(our_custom_field_is_later)
IN_STORE(another_custom_field_is_later)
IN_STORE(our_custom_field_goes_later)
IN_STORE(this_run_changes_another_field)
IN_STORE(this_run_points_it_elsewhere)
IN_STORE(made_again_later)
IN_STORE(made_again_earlier)
IN_STORE(body_is_pruned)
IN_STORE(rows_are_pruned)
IN_STORE(body_is_broken)
IN_STORE(plan_says_the_same)

const char *const unit_suite = "last_modified";
const struct unit_test unit_tests[] = {
    {"our field changed later", test_our_field_is_later},
    {"our field changed earlier", test_our_field_is_earlier},
    {"another field of ours changed later", test_another_field_is_later},
    {"our field changed twice", test_our_field_changes_twice},
    {"our record was ended and is back", test_ended_and_back},
    {"what a person is told", test_told_to_a_person},
    {"our custom field changed later", test_our_custom_field_is_later},
    {"another custom field changed later", test_another_custom_field_is_later},
    {"our custom field was taken out later", test_our_custom_field_goes_later},
    {"the same run changed another field", test_this_run_changes_another_field},
    {"the same run pointed the field elsewhere", test_this_run_points_it_elsewhere},
    {"the record was made again later", test_made_again_later},
    {"the record was made again earlier", test_made_again_earlier},
    {"a change whose body is pruned", test_body_is_pruned},
    {"changes that are pruned", test_rows_are_pruned},
    {"a change that is no JSON", test_body_is_broken},
    {"a plan says what a run does", test_plan_says_the_same},
    {NULL, NULL}};
