/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that both sides changed, and what a person decides of them. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "merge_fixture.h"
#include "sync/conflict.h"
#include "sync/export.h"

static struct side crm;
static struct buf said = BUF_INIT(64 * 1024);

#define PUT(object, ...)           side_put(&crm, (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char both_ways[] =
    "companies: {sync_direction: bidirectional, conflict_resolution: manual_review, mapping: "
    "{status: {from: stage, map: {a: active, c: churned}}, custom_fields: {city: town, size: "
    "{from: size, type: integer}}}}";
static const char open_ones[] =
    "SELECT id, field, local, remote FROM conflict WHERE state = 1 ORDER BY id";
static const char settled_ones[] =
    "SELECT id, state, by_policy, settled_by FROM conflict WHERE state > 1 ORDER BY id";
static const char runs[] =
    "SELECT r.id, r.status, r.started_by, s.updated FROM run r JOIN run_stream s ON s.run = r.id "
    "WHERE r.started_by LIKE 'conflicts%' ORDER BY r.id";

#define FIRST "{\"name\": \"One\", \"domain\": \"one.test\"}"
#define THERE "{\"name\": \"There\", \"domain\": \"one.test\"}"

/* c1, whose name is Here with us, There with the vendor, and was One. */
static void begin_conflict(const char *objects)
{
    side_open(&crm, "crm", objects);
    PUT("companies", "c1", FIRST, "c2", "{\"name\": \"Two\"}");
    fixture_sql("UPDATE account SET name = 'Here' WHERE key = 1");
    fixture_world.now_us += 10;
    PUT("companies", "c1", THERE);
    QUERY(open_ones, "1|1|\"Here\"|\"There\"\n");
}

/* "1: settled" or "1: why", a line each; then the run, where there was one. */
static const char *settle(struct conflict_answer *answers, size_t count, bool mapped)
{
    struct sync_host host = {.world = &fixture_world.world, .store = fixture_store};
    const struct conflict_settling in = {.host = &host,
                                         .connection = STR("crm"),
                                         .setup = mapped ? &crm.setup : NULL,
                                         .by = STR("ada@desk")};
    struct error err;
    int64_t run, before = atoll(fixture_query("SELECT count(*) FROM run"));
    host.organization = (struct uuid){{1, 2, 3}};
    buf_clear(&said);
    if (conflict_settle(&in, answers, count, &run, &err) != 0) {
        buf_printf(&said, "failed: %s\n", err.text);
        return buf_cstr(&said);
    }
    for (size_t i = 0; i < count; i++)
        buf_printf(&said, "%d: %s\n", (int)answers[i].id,
                   answers[i].settled ? "settled" : answers[i].why.text);
    CU_ASSERT_EQUAL(atoll(fixture_query("SELECT count(*) FROM run")), before + (run != 0));
    return buf_cstr(&said);
}

static const char *take(int64_t id, enum conflict_state how)
{
    struct conflict_answer answer = {.id = id, .how = how};
    return settle(&answer, 1, false);
}

static const char *give(int64_t id, const char *value)
{
    struct conflict_answer answer = {.id = id, .how = CONFLICT_VALUE, .value = str_from(value)};
    return settle(&answer, 1, true);
}

/* How many records the next export would write. */
static int due(void)
{
    struct run_counts counts = {0};
    struct error err;
    struct export x = {.merge = {.store = fixture_store,
                                 .world = &fixture_world.world,
                                 .organization = fixture_organization,
                                 .run = crm.run,
                                 .target = &crm.targets[0]},
                       .connection = "crm",
                       .connection_id = crm.connection,
                       .counts = &counts};
    CU_ASSERT_EQUAL_FATAL(export_gather(&x, &err), 0);
    int count = (int)x.count;
    export_free(&x);
    return count;
}

/* ---- the three ways ---- */

static void ours(void)
{
    begin_conflict(both_ways);
    UNIT_TEXT(take(1, CONFLICT_LOCAL), "1: settled\n");
    QUERY("SELECT name FROM account WHERE key = 1", "Here\n");
    QUERY(settled_ones, "1|2|0|ada@desk\n");
    QUERY(runs, "");
    QUERY("SELECT record FROM export_due", "1\n");
    CU_ASSERT_EQUAL(due(), 1);
    UNIT_TEXT(PUT("companies", "c1", THERE), "unchanged 1"); /* the vendor has not moved */
    QUERY(open_ones, "");
    CU_ASSERT_EQUAL(due(), 1);
    side_close(&crm);
}

static void theirs(void)
{
    begin_conflict(both_ways);
    UNIT_TEXT(take(1, CONFLICT_REMOTE), "1: settled\n");
    QUERY("SELECT name, updated_at FROM account WHERE key = 1", "There|1000010\n");
    QUERY(settled_ones, "1|3|0|ada@desk\n");
    QUERY(runs, "2|2|conflicts resolve by ada@desk|1\n");
    QUERY("SELECT run, body FROM log WHERE op = 2 ORDER BY seq DESC LIMIT 1",
          "2|{\"name\":[\"Here\",\"There\"]}\n");
    QUERY("SELECT record FROM export_due", "1\n"); /* since both have moved */
    CU_ASSERT_EQUAL(due(), 0);                     /* and nothing differs any more */
    UNIT_TEXT(PUT("companies", "c1", THERE), "unchanged 1");
    fixture_sql("UPDATE account SET name = 'Later' WHERE key = 1");
    CU_ASSERT_EQUAL(due(), 1);
    side_close(&crm);
}

static void another(void)
{
    static const char base[] =
        "SELECT json_extract(base, '$.\"1\"[1]') FROM link WHERE external_id = 'c1'";
    begin_conflict(both_ways);
    QUERY("SELECT base FROM conflict", "\"One\"\n");
    QUERY(base, "One\n");
    UNIT_TEXT(give(1, "Both"), "1: settled\n");
    QUERY(base, "There\n"); /* what the vendor has is agreed on */
    QUERY("SELECT name FROM account WHERE key = 1", "Both\n");
    QUERY(settled_ones, "1|4|0|ada@desk\n");
    QUERY("SELECT body FROM log WHERE run = 2", "{\"name\":[\"Here\",\"Both\"]}\n");
    CU_ASSERT_EQUAL(due(), 1);
    side_close(&crm);
}

/* What both had before is another value than the vendor's, too: it is to be written. */
static void as_it_was(void)
{
    begin_conflict(both_ways);
    UNIT_TEXT(give(1, "One"), "1: settled\n");
    CU_ASSERT_EQUAL(due(), 1);
    side_close(&crm);
}

static void as_they_have_it(void)
{
    begin_conflict(both_ways);
    UNIT_TEXT(give(1, "There"), "1: settled\n");
    CU_ASSERT_EQUAL(due(), 0);
    side_close(&crm);
}

/* ---- what is refused ---- */

static void unknown(void)
{
    static const char none[] = "there is no such conflict; `fastenr conflicts list` has them";
    char expected[200];
    begin_conflict(both_ways);
    snprintf(expected, sizeof expected, "7: %s\n", none);
    UNIT_TEXT(take(7, CONFLICT_LOCAL), expected);
    snprintf(expected, sizeof expected, "0: %s\n", none);
    UNIT_TEXT(take(0, CONFLICT_LOCAL), expected);
    fixture_sql("UPDATE connection SET name = 'shop'"); /* it is another's */
    snprintf(expected, sizeof expected, "1: %s\n", none);
    UNIT_TEXT(take(1, CONFLICT_LOCAL), expected);
    side_close(&crm);
}

static void settled_before(void)
{
    begin_conflict(both_ways);
    take(1, CONFLICT_REMOTE);
    UNIT_TEXT(take(1, CONFLICT_LOCAL), "1: it was settled on 1970-01-01T00:00:01.000010Z by "
                                       "ada@desk: the vendor's value was taken\n");
    fixture_sql("UPDATE conflict SET by_policy = 1, settled_by = NULL, state = 2");
    UNIT_TEXT(take(1, CONFLICT_REMOTE), "1: it was settled on 1970-01-01T00:00:01.000010Z by the "
                                        "connection's policy: our value was taken\n");
    QUERY("SELECT name FROM account WHERE key = 1", "There\n");
    side_close(&crm);
}

static void gone(void)
{
    begin_conflict(both_ways);
    fixture_sql("UPDATE account SET deleted_at = 5 WHERE key = 1");
    UNIT_TEXT(take(1, CONFLICT_REMOTE),
              "1: our record is gone: --take local closes the conflict\n");
    fixture_sql("DELETE FROM account WHERE key = 1");
    UNIT_TEXT(give(1, "x"), "1: our record is gone: --take local closes the conflict\n");
    UNIT_TEXT(take(1, CONFLICT_LOCAL), "1: settled\n");
    QUERY(settled_ones, "1|2|0|ada@desk\n");
    side_close(&crm);
}

/* Another program deletes the record, and the vendor brings it back: there is no value of ours any
 * more, and nothing left to decide. */
static void brought_back(void)
{
    begin_conflict(both_ways);
    fixture_sql("DELETE FROM account WHERE key = 1");
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"Anew\", \"domain\": \"one.test\"}"),
              "created 1");
    QUERY("SELECT name FROM account WHERE domain = 'one.test'", "Anew\n");
    QUERY(open_ones, "");
    QUERY("SELECT state FROM conflict", "3\n");
    fixture_sql("UPDATE account SET name = 'Ours' WHERE domain = 'one.test'");
    CU_ASSERT_EQUAL(due(), 1); /* the field is not held any more */
    side_close(&crm);
}

/* Nothing has moved there since: it stays deleted, and the conflict open until somebody closes it.
 */
static void not_brought_back(void)
{
    begin_conflict(both_ways);
    fixture_sql("DELETE FROM account WHERE key = 1");
    UNIT_TEXT(PUT("companies", "c1", THERE), "unchanged 1");
    QUERY("SELECT name FROM account", "Two\n");
    QUERY(open_ones, "1|1|\"Here\"|\"There\"\n");
    side_close(&crm);
}

/* Whoever decided had looked at another value; the second time it is the one that is there. */
static void moved_on(void)
{
    static const char moved[] = "1: our record has another value by now: \"Later\"; decide once "
                                "more, or --take local\n";
    begin_conflict(both_ways);
    fixture_sql("UPDATE account SET name = 'Later' WHERE key = 1");
    UNIT_TEXT(take(1, CONFLICT_REMOTE), moved);
    QUERY("SELECT name FROM account WHERE key = 1", "Later\n");
    QUERY(open_ones, "1|1|\"Later\"|\"There\"\n");
    QUERY(runs, "");
    UNIT_TEXT(take(1, CONFLICT_REMOTE), "1: settled\n");
    QUERY("SELECT name FROM account WHERE key = 1", "There\n");
    side_close(&crm);
    fixture_sql("UPDATE conflict SET state = 1; UPDATE account SET name = 'Once more'");
    UNIT_TEXT(take(1, CONFLICT_LOCAL), "1: settled\n");
    QUERY("SELECT name FROM account WHERE key = 1", "Once more\n");
}

static void bad_values(void)
{
    begin_conflict(both_ways);
    UNIT_TEXT(give(1, ""), "1: name is required: it needs a value\n");
    UNIT_TEXT(give(1, "\xff"), "1: the value is not UTF-8\n");
    fixture_sql("UPDATE account SET status = 'active' WHERE key = 1");
    PUT("companies", "c1", "{\"name\": \"There\", \"domain\": \"one.test\", \"stage\": \"c\"}");
    QUERY("SELECT local, remote FROM conflict WHERE id = 2", "\"active\"|\"churned\"\n");
    UNIT_TEXT(give(2, "sleeping"), "2: 'sleeping' is no value that is allowed\n");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(give(2, "onboarding"), "2: it cannot be written to the vendor: "));
    UNIT_TEXT(give(2, "churned"), "2: settled\n");
    QUERY("SELECT status FROM account WHERE key = 1", "churned\n");
    side_close(&crm);
}

static void not_kept(void)
{
    begin_conflict(both_ways);
    fixture_sql("UPDATE conflict SET remote = '\"(too long to show)\"'");
    UNIT_TEXT(take(1, CONFLICT_REMOTE), "1: the vendor's value cannot be taken: it is longer than "
                                        "1 MiB, and was not kept\n");
    UNIT_TEXT(take(1, CONFLICT_LOCAL), "1: settled\n");
    CU_ASSERT_EQUAL(due(), 1);
    side_close(&crm);
}

/* Its writes under way would undo what is decided. */
static void being_synced(void)
{
    struct error err;
    begin_conflict(both_ways);
    struct store *other =
        store_open(arena_printf(&crm.arena, "sqlite:%s", store_location(fixture_store)), "",
                   &fixture_world.world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_EQUAL(other->engine->lease(other, crm.connection, &err), 0);
    UNIT_TEXT(take(1, CONFLICT_REMOTE),
              "failed: 'crm' is being synced just now: wait until that is done\n");
    QUERY(settled_ones, "");
    store_close(other);
    UNIT_TEXT(take(1, CONFLICT_REMOTE), "1: settled\n");
    CU_ASSERT_EQUAL(fixture_store->engine->lease(fixture_store, crm.connection, &err), 0);
    side_close(&crm);
}

/* ---- kinds of fields ---- */

static void custom_fields(void)
{
    side_open(&crm, "crm", both_ways);
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Bonn\", \"size\": \"1\"}");
    fixture_sql("UPDATE account SET custom_fields = '{\"city\":\"K\\u00f6ln\",\"own\":[1]}'");
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Ulm\", \"size\": \"3\"}");
    QUERY("SELECT id, local, remote FROM conflict ORDER BY local DESC",
          "2|null|3\n1|\"K\xc3\xb6ln\"|\"Ulm\"\n");
    UNIT_TEXT(take(1, CONFLICT_REMOTE), "1: settled\n");
    QUERY("SELECT custom_fields FROM account", "{\"city\":\"Ulm\",\"own\":[1]}\n");
    QUERY("SELECT body FROM log ORDER BY seq DESC LIMIT 1",
          "{\"custom_fields\":[{\"city\":\"K\\u00f6ln\",\"own\":[1]},{\"city\":\"Ulm\",\"own\":[1]}"
          "]}\n");
    UNIT_TEXT(give(2, "many"), "2: 'many' is no integer\n");
    UNIT_TEXT(give(2, "4"), "2: settled\n");
    QUERY("SELECT custom_fields FROM account", "{\"city\":\"Ulm\",\"own\":[1],\"size\":4}\n");
    CU_ASSERT_EQUAL(due(), 1);
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Ulm\", \"size\": \"3\"}"),
              "unchanged 1");
    side_close(&crm);
}

/* An empty value, or the vendor's that is none, takes the member out. */
static void emptied(void)
{
    side_open(&crm, "crm", both_ways);
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Bonn\", \"size\": \"1\"}");
    fixture_sql("UPDATE account SET custom_fields = '{\"city\":\"Rom\",\"size\":2}'");
    PUT("companies", "c1", "{\"name\": \"One\", \"size\": \"3\"}");
    struct conflict_answer answers[] = {{.id = 1, .how = CONFLICT_REMOTE},
                                        {.id = 2, .how = CONFLICT_VALUE}};
    UNIT_TEXT(settle(answers, 2, true), "1: settled\n2: settled\n");
    QUERY("SELECT custom_fields FROM account", "~\n");
    QUERY(runs, "2|2|conflicts resolve by ada@desk|2\n");
    side_close(&crm);
}

/* Another program left what is no object: it is not written over. */
static void unreadable(void)
{
    side_open(&crm, "crm", both_ways);
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Bonn\"}");
    fixture_sql("UPDATE account SET custom_fields = '{\"city\":\"Rom\"}'");
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Ulm\"}");
    fixture_sql("UPDATE account SET custom_fields = '[1]'");
    UNIT_TEXT(take(1, CONFLICT_REMOTE),
              "1: the custom_fields of account 1 in the store are no JSON object: mend them, or "
              "set them to NULL\n");
    QUERY("SELECT custom_fields FROM account", "[1]\n");
    UNIT_TEXT(take(1, CONFLICT_LOCAL), "1: settled\n");
    side_close(&crm);
}

static void references(void)
{
    char id[UUID_TEXT];
    side_open(&crm, "crm", both_ways);
    PUT("companies", "p1", "{\"name\": \"P1\"}", "p2", "{\"name\": \"P2\"}", "p3",
        "{\"name\": \"P3\"}");
    PUT("companies", "c1", "{\"name\": \"One\", \"parent\": \"p1\"}");
    fixture_sql("UPDATE account SET parent_id = 2 WHERE key = 4");
    PUT("companies", "c1", "{\"name\": \"One\", \"parent\": \"p3\"}");
    QUERY("SELECT local, remote FROM conflict", "2|3\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(give(1, "3"), "'3' is not the id of a record of account"));
    const char *hex = fixture_query("SELECT lower(hex(id)) FROM account WHERE key = 1");
    snprintf(id, sizeof id, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
    UNIT_TEXT(give(1, id), "1: settled\n");
    QUERY("SELECT parent_id FROM account WHERE key = 4", "1\n");
    fixture_sql("UPDATE conflict SET state = 1, local = '1'");
    UNIT_TEXT(take(1, CONFLICT_REMOTE), "1: settled\n");
    QUERY("SELECT parent_id FROM account WHERE key = 4", "3\n");
    CU_ASSERT_EQUAL(due(), 0);
    side_close(&crm);
}

/* ---- many ---- */

/* One that cannot be settled does not hold up the others; all are one run. */
static void in_bulk(void)
{
    side_open(&crm, "crm", both_ways);
    PUT("companies", "c1", FIRST, "c2", "{\"name\": \"Two\"}", "c3", "{\"name\": \"Three\"}");
    fixture_sql("UPDATE account SET name = name || ' here'");
    PUT("companies", "c1", "{\"name\": \"A\", \"domain\": \"one.test\"}", "c2", "{\"name\": \"B\"}",
        "c3", "{\"name\": \"C\"}");
    fixture_sql("UPDATE account SET name = 'moved' WHERE key = 2");
    struct conflict_answer answers[] = {{.id = 1, .how = CONFLICT_REMOTE},
                                        {.id = 2, .how = CONFLICT_REMOTE},
                                        {.id = 3, .how = CONFLICT_REMOTE},
                                        {.id = 3, .how = CONFLICT_LOCAL}};
    CU_ASSERT_PTR_NOT_NULL(strstr(settle(answers, 4, false), "3: it was settled on"));
    QUERY("SELECT name FROM account ORDER BY key", "A\nmoved\nC\n");
    QUERY(open_ones, "2|1|\"moved\"|\"B\"\n");
    QUERY(runs, "2|2|conflicts resolve by ada@desk|2\n");
    side_close(&crm);
}

/* What a policy decides at once waits for nobody. */
static void counted(void)
{
    begin_conflict(both_ways);
    CU_ASSERT_EQUAL(crm.counts.conflicted, 1);
    CU_ASSERT_EQUAL(crm.counts.waiting, 1);
    side_close(&crm);
    fixture_sql("DELETE FROM conflict; DELETE FROM link; DELETE FROM account");
    side_open(&crm, "crm", "companies: {sync_direction: bidirectional}");
    PUT("companies", "c1", FIRST);
    fixture_sql("UPDATE account SET name = 'Here'");
    PUT("companies", "c1", THERE);
    CU_ASSERT_EQUAL(crm.counts.conflicted, 1);
    CU_ASSERT_EQUAL(crm.counts.waiting, 0);
    side_close(&crm);
}

static bool show_row(void *arg, const struct conflict_row *row)
{
    struct error err;
    struct str now;
    struct arena *arena = arg;
    struct conflict_row copy = conflict_copy(row, arena);
    struct str name = conflict_field(&copy, arena);
    CU_ASSERT_EQUAL(conflict_current(fixture_store, &copy, arena, &now, &err), 0);
    buf_printf(&said, "%.*s %.*s\n", STR_ARG(name), STR_ARG(now));
    return true;
}

static void shown(void)
{
    const struct conflict_filter all = {0};
    struct arena arena = {0};
    struct error err;
    side_open(&crm, "crm", both_ways);
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Bonn\"}");
    fixture_sql("UPDATE account SET name = 'Here', custom_fields = '{\"city\":\"Rom\"}'");
    PUT("companies", "c1", "{\"name\": \"There\", \"town\": \"Ulm\"}");
    fixture_sql("UPDATE account SET name = 'Later'");
    buf_clear(&said);
    CU_ASSERT_EQUAL(
        fixture_store->engine->each_conflict(fixture_store, &all, show_row, &arena, &err), 0);
    UNIT_TEXT(buf_cstr(&said), "name \"Later\"\ncustom_fields.city \"Rom\"\n");
    arena_free(&arena);
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
        buf_free(&said);                                                                           \
    }
IN_STORE(ours)
IN_STORE(theirs)
IN_STORE(another)
IN_STORE(as_it_was)
IN_STORE(as_they_have_it)
IN_STORE(unknown)
IN_STORE(settled_before)
IN_STORE(gone)
IN_STORE(brought_back)
IN_STORE(not_brought_back)
IN_STORE(moved_on)
IN_STORE(bad_values)
IN_STORE(not_kept)
IN_STORE(being_synced)
IN_STORE(custom_fields)
IN_STORE(unreadable)
IN_STORE(emptied)
IN_STORE(references)
IN_STORE(in_bulk)
IN_STORE(counted)
IN_STORE(shown)

const char *const unit_suite = "conflicts that a person decides";
const struct unit_test unit_tests[] = {{"ours stays", test_ours},
                                       {"the vendor's is taken", test_theirs},
                                       {"another value", test_another},
                                       {"what it was before", test_as_it_was},
                                       {"the value that the vendor has", test_as_they_have_it},
                                       {"an id that is none", test_unknown},
                                       {"one that is settled", test_settled_before},
                                       {"of a record that is gone", test_gone},
                                       {"of a record that was brought back", test_brought_back},
                                       {"of a record that stays gone", test_not_brought_back},
                                       {"of a record that moved on", test_moved_on},
                                       {"values that cannot be", test_bad_values},
                                       {"a value that was not kept", test_not_kept},
                                       {"while the connection is synced", test_being_synced},
                                       {"custom fields", test_custom_fields},
                                       {"custom fields that are no object", test_unreadable},
                                       {"emptied", test_emptied},
                                       {"references", test_references},
                                       {"in bulk", test_in_bulk},
                                       {"counted", test_counted},
                                       {"shown", test_shown},
                                       {NULL, NULL}};
