/* SPDX-License-Identifier: Apache-2.0 */
/* Runs taken back: what they changed here, and what is left for somebody has changed it since. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "merge_fixture.h"
#include "sync/export.h"
#include "sync/rollback.h"

static struct side crm;
static struct buf said = BUF_INIT(64 * 1024);

#define PUT(object, ...)           side_put(&crm, (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char one_way[] = "companies: {}, people: {}";
static const char both_ways[] = "companies: {sync_direction: bidirectional, mapping: "
                                "{custom_fields: {city: town}}}";
static const char records[] = "SELECT key, name, deleted_at IS NOT NULL FROM account ORDER BY key";
static const char links[] = "SELECT external_id, ended FROM link ORDER BY key";

/* ---- taking back ---- */

static void note_item(void *arg, const struct rollback_item *item)
{
    static const char *const verdicts[] = {"", "left ", "refused ", "irreversible "};
    static const char *const acts[] = {"change", "end", "revive"};
    struct buf *out = arg;
    buf_printf(out, "%s%s %.*s", verdicts[item->verdict], acts[item->act], STR_ARG(item->object));
    if (item->field.len > 0)
        buf_printf(out, ".%.*s %.*s -> %.*s", STR_ARG(item->field), STR_ARG(item->from),
                   STR_ARG(item->to));
    if (item->why.len > 0)
        buf_printf(out, ": %.*s", STR_ARG(item->why));
    buf_char(out, '\n');
}

static struct rollback_report report;

static const char *roll_back_with(struct rollback_request request)
{
    static const struct rollback_events events = {.item = note_item};
    struct sync_host host = {
        .world = &fixture_world.world, .store = fixture_store, .organization = {{1, 2, 3}}};
    struct error err;
    request.host = &host;
    request.setup = &crm.setup;
    request.by = STR("ada@desk");
    buf_clear(&said);
    if (rollback_run(&request, &events, &said, &report, &err) != 0)
        buf_printf(&said, "not: %s\n", err.text);
    else if (report.status == RUN_FAILED)
        buf_printf(&said, "failed: %s\n", report.reason);
    return buf_cstr(&said);
}

/* The plan says what is done, and nothing is done by it. */
static const char *roll_back(int64_t run)
{
    static const char everything[] =
        "SELECT * FROM account; SELECT * FROM contact; SELECT * FROM link; SELECT * FROM log; "
        "SELECT * FROM run; SELECT * FROM pending_reference";
    char *before = strdup(fixture_query(everything));
    char *plan = strdup(roll_back_with((struct rollback_request){.run = run, .plan = true}));
    UNIT_TEXT(fixture_query(everything), before);
    roll_back_with((struct rollback_request){.run = run});
    UNIT_TEXT(buf_cstr(&said), plan);
    free(before);
    free(plan);
    return buf_cstr(&said);
}

/* ---- fields ---- */

static void fields(void)
{
    side_open(&crm, "crm", both_ways);
    PUT("companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\", \"town\": \"Bern\"}");
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Uno\", \"domain\": \"one.test\", \"town\": \"Biel\"}");
    PUT("companies", "c1", "{\"name\": \"Ein\", \"domain\": \"ein.test\"}");
    UNIT_TEXT(roll_back(run), "change account.name \"Ein\" -> \"One\"\n"
                              "change account.custom_fields.city null -> \"Bern\"\n"
                              "change account.domain \"ein.test\" -> \"one.test\"\n");
    QUERY("SELECT name, domain, custom_fields FROM account", "One|one.test|{\"city\":\"Bern\"}\n");
    CU_ASSERT_EQUAL(report.status, RUN_OK);
    QUERY("SELECT rolls_back, started_by, status FROM run ORDER BY id DESC LIMIT 1",
          "2|ada@desk|2\n");
    UNIT_TEXT(roll_back(run), ""); /* once more: it is done */
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"Ein\", \"domain\": \"ein.test\"}"),
              "unchanged 1"); /* the vendor has not moved */
    UNIT_TEXT(roll_back(3), "change account.name \"One\" -> \"Ein\"\n"
                            "change account.domain \"one.test\" -> \"ein.test\"\n"
                            "change account.custom_fields.city \"Bern\" -> null\n");
    QUERY("SELECT name, domain, custom_fields FROM account", "Ein|ein.test|~\n");
}

static void changed_since(void)
{
    side_open(&crm, "crm", both_ways);
    PUT("companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\", \"town\": \"Bern\"}",
        "c2", "{\"name\": \"Two\"}");
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Uno\", \"domain\": \"uno.test\", \"town\": \"Biel\"}",
        "c2", "{\"name\": \"Due\"}");
    int64_t later = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Un\", \"domain\": \"uno.test\", \"town\": \"Biel\"}");
    fixture_sql("UPDATE account SET custom_fields = '{\"city\":\"Bern\",\"own\":1}' WHERE key = 1; "
                "UPDATE account SET name = 'Two' WHERE key = 2");
    /* What has the value from before again is done; what another program put beside it stays. */
    UNIT_TEXT(roll_back(run), "left change account.name \"Un\" -> \"One\": changed by run 3 at "
                              "1970-01-01T00:00:03Z\n"
                              "change account.domain \"uno.test\" -> \"one.test\"\n");
    CU_ASSERT_EQUAL(report.status, RUN_QUARANTINED);
    CU_ASSERT_EQUAL(later, 3);
    QUERY("SELECT name, domain, custom_fields FROM account ORDER BY key",
          "Un|one.test|{\"city\":\"Bern\",\"own\":1}\nTwo|~|~\n");
}

/* What is given back is agreed on, so that a list which both sides change from then on gets what
 * each has changed since. */
static void lists(void)
{
    static const char lists_of_both[] =
        "people: {sync_direction: bidirectional, mapping: {tags: {from: tags, split: ';', "
        "merge_strategy: append}}}";
    static const char base[] = "SELECT json_extract(base, '$.\"17\"[1]') FROM link";
    side_open(&crm, "crm", lists_of_both);
    PUT("people", "p1", "{\"email\": \"p@one.test\", \"tags\": \"a;b\"}");
    int64_t run = side_next_run(&crm);
    PUT("people", "p1", "{\"email\": \"p@one.test\", \"tags\": \"b;c\"}");
    QUERY(base, "[\"b\",\"c\"]\n");
    roll_back(run);
    QUERY("SELECT tags FROM contact", "[\"a\",\"b\"]\n");
    QUERY(base, "[\"a\",\"b\"]\n");
    side_next_run(&crm);
    fixture_sql("UPDATE contact SET tags = '[\"a\",\"b\",\"d\"]'");
    PUT("people", "p1", "{\"email\": \"p@one.test\", \"tags\": \"b;c;e\"}");
    QUERY("SELECT tags FROM contact", "[\"b\",\"d\",\"c\",\"e\"]\n");
}

static void agreed_to_differ(void)
{
    struct run_counts counts = {0};
    struct error err;
    side_open(&crm, "crm", both_ways);
    struct export x = {.merge = {.store = fixture_store,
                                 .world = &fixture_world.world,
                                 .organization = fixture_organization,
                                 .run = crm.run,
                                 .target = &crm.targets[0]},
                       .connection = "crm",
                       .connection_id = crm.connection,
                       .counts = &counts};
    PUT("companies", "c1", "{\"name\": \"One\", \"town\": \"Bern\"}");
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Uno\", \"town\": \"Biel\"}");
    roll_back(run);
    fixture_sql("INSERT INTO export_due (stream, record) VALUES (1, 1)");
    CU_ASSERT_EQUAL(export_gather(&x, &err), 0);
    CU_ASSERT_EQUAL(x.count, 0); /* nothing is written for that */
    export_free(&x);
    fixture_sql("UPDATE account SET name = 'Ours' WHERE key = 1; "
                "INSERT INTO export_due (stream, record) VALUES (1, 1)");
    x.after = 0;
    CU_ASSERT_EQUAL(export_gather(&x, &err), 0);
    CU_ASSERT_EQUAL(x.count, 1);
    export_free(&x);
}

static void only_some(void)
{
    side_open(&crm, "crm", one_way);
    PUT("companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\"}", "c2",
        "{\"name\": \"Two\"}");
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Uno\", \"domain\": \"uno.test\"}", "c2",
        "{\"name\": \"Due\"}", "c3", "{\"name\": \"Tre\"}");
    const struct model_object *account = model_object(STR("account"));
    UNIT_TEXT(roll_back_with((struct rollback_request){.run = run, .field = STR("domain")}),
              "change account.domain \"uno.test\" -> \"one.test\"\n");
    UNIT_TEXT(roll_back_with((struct rollback_request){.run = run, .object = account, .record = 2}),
              "change account.name \"Due\" -> \"Two\"\n");
    UNIT_TEXT(roll_back_with(
                  (struct rollback_request){.run = run, .object = model_object(STR("contact"))}),
              "");
    UNIT_TEXT(roll_back(run),
              "change account.name \"Uno\" -> \"One\"\nend account\n"); /* the rest */
}

/* ---- records ---- */

static void what_was_made(void)
{
    side_open(&crm, "crm", one_way);
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"One\", \"parent\": \"c2\"}", "c2", "{\"name\": \"Two\"}",
        "c3", "{\"name\": \"Three\"}", "c4", "{\"name\": \"Four\"}");
    PUT("people", "p1", "{\"first\": \"Ada\", \"company\": \"c1\"}");
    fixture_sql("UPDATE account SET name = 'Mine' WHERE key = 4; "
                "INSERT INTO contact (first_name, account_id) VALUES ('Own', 3)");
    char id[100];
    snprintf(id, sizeof id, "%s",
             fixture_query("SELECT lower(hex(id)) FROM contact WHERE first_name = 'Own'"));
    const char *what = roll_back(run);
    CU_ASSERT_PTR_NOT_NULL(strstr(what, "end contact\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(what, "left end account: changed by another program at "));
    CU_ASSERT_PTR_NOT_NULL(strstr(what, " refers to it (account_id)\n"));
    QUERY(records, "1|One|1\n2|Two|1\n3|Three|0\n4|Mine|0\n");
    QUERY(links, "c1|5\nc2|5\nc3|0\nc4|0\np1|5\n");
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"One\", \"parent\": \"c2\"}", "c3",
                  "{\"name\": \"Three\"}"),
              "unchanged 2"); /* read again, it stays as it is */
    UNIT_TEXT(PUT("companies", "c2", "{\"name\": \"Moved\"}"), "restored 1");
    QUERY("SELECT name, deleted_at FROM account WHERE key = 2", "Moved|~\n");
}

static void what_was_made_and_again(void)
{
    side_open(&crm, "crm", one_way);
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"One\", \"parent\": \"c2\"}", "c2",
        "{\"name\": \"Two\", \"parent\": \"c1\"}"); /* each holds the other, and both go */
    UNIT_TEXT(roll_back(run), "end account\nend account\n");
    UNIT_TEXT(roll_back(3), "revive account\nrevive account\n");
    QUERY(records, "1|One|0\n2|Two|0\n");
    QUERY(links, "c1|0\nc2|0\n");
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"One\", \"parent\": \"c2\"}"), "unchanged 1");
    UNIT_TEXT(roll_back(4), "end account\nend account\n"); /* and that is a run, too */
    UNIT_TEXT(roll_back(5), "revive account\nrevive account\n");
    UNIT_TEXT(roll_back(run), "end account\nend account\n"); /* as before the first time */
    QUERY(links, "c1|5\nc2|5\n");
}

/* What was touched since, and is as it was by now, counts as untouched. */
static void touched_and_back(void)
{
    side_open(&crm, "crm", one_way);
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"One\"}");
    int64_t later = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Uno\"}");
    const char *what = roll_back(run);
    CU_ASSERT_PTR_NOT_NULL(strstr(what, "left end account: changed by run 3"));
    roll_back(later);
    UNIT_TEXT(roll_back(run), "end account\n");
}

static void what_was_ended(void)
{
    side_open(&crm, "crm", one_way);
    PUT("companies", "c1", "{\"name\": \"One\"}", "c2", "{\"name\": \"Two\"}");
    int64_t run = side_next_run(&crm);
    side_delete(&crm, "companies", "c1", "c2", NULL);
    QUERY(records, "1|One|1\n2|Two|1\n");
    fixture_sql("DELETE FROM account WHERE key = 2");
    UNIT_TEXT(roll_back(run), "revive account\n"
                              "left revive account: another program has deleted it\n");
    QUERY(records, "1|One|0\n");
    QUERY(links, "c1|1\nc2|1\n"); /* the vendor has not taken it back */
    int64_t back = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"One\"}"); /* now it has */
    QUERY(links, "c1|0\nc2|1\n");
    UNIT_TEXT(roll_back(back), "");
}

static void what_came_back(void)
{
    side_open(&crm, "crm", one_way);
    PUT("companies", "c1", "{\"name\": \"One\"}");
    side_delete(&crm, "companies", "c1", NULL);
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Uno\"}");
    UNIT_TEXT(roll_back(run), "end account\nchange account.name \"Uno\" -> \"One\"\n");
    QUERY(records, "1|One|1\n");
    QUERY(links, "c1|5\n");
}

static void shared_with_another(void)
{
    struct side erp;
    side_open(&crm, "crm", one_way);
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"One\", \"domain\": \"one.test\"}");
    side_open(&erp, "erp", "companies: {match: domain}");
    side_put(&erp, "companies", "e1", "{\"name\": \"One\", \"domain\": \"one.test\"}", NULL);
    UNIT_TEXT(roll_back(run), "left end account: another connection has it, too\n");
    side_close(&erp);
}

/* Merged there: references are turned back, and the loser lives again. */
static void merged(void)
{
    side_open(&crm, "crm", one_way);
    PUT("companies", "c1", "{\"name\": \"One\"}", "c2", "{\"name\": \"Two\"}");
    PUT("people", "p1", "{\"first\": \"Ada\", \"company\": \"c2\"}");
    int64_t run = side_next_run(&crm);
    side_put_body(&crm, "companies",
                  "{\"list\": [{\"id\": \"c1\", \"at\": 9, \"f\": {\"name\": \"One\"}, \"was\": "
                  "[\"c2\"]}]}");
    QUERY("SELECT account_id FROM contact", "1\n");
    UNIT_TEXT(roll_back(run), "revive account\nchange contact.account_id 1 -> 2\n");
    QUERY("SELECT account_id FROM contact", "2\n");
    QUERY(records, "1|One|0\n2|Two|0\n");
    UNIT_TEXT(roll_back(3), "end account\nchange contact.account_id 2 -> 1\n");
}

static void reference_to_what_is_gone(void)
{
    side_open(&crm, "crm", one_way);
    PUT("companies", "c1", "{\"name\": \"One\"}", "c2", "{\"name\": \"Two\"}");
    PUT("people", "p1", "{\"first\": \"Ada\", \"company\": \"c1\"}");
    int64_t run = side_next_run(&crm);
    PUT("people", "p1", "{\"first\": \"Ada\", \"company\": \"c2\"}");
    fixture_sql("DELETE FROM account WHERE key = 1");
    UNIT_TEXT(roll_back(run), "left change contact.account_id 2 -> 1: the record that it referred "
                              "to is gone\n");
}

/* ---- what may not be ---- */

static void refused(void)
{
    side_open(&crm, "crm", one_way);
    PUT("companies", "c1", "{\"name\": \"One\"}", "c2", "{\"name\": \"Two\"}");
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"Uno\"}", "c2", "{\"name\": \"Due\"}");
    UNIT_TEXT(roll_back_with((struct rollback_request){.run = 77}),
              "not: there is no run 77; `fastenr runs` lists them\n");
    fixture_sql("UPDATE log SET body = NULL WHERE record = 1 AND op = 2");
    const char *what = roll_back_with((struct rollback_request){.run = run});
    CU_ASSERT_PTR_NOT_NULL(strstr(what, "not: of run 2, 1 of 2 changes are not in the log any "
                                        "more"));
    QUERY("SELECT max(id) FROM run", "2\n"); /* none was begun */
    UNIT_TEXT(roll_back_with(
                  (struct rollback_request){.run = run, .object = model_object(STR("account"))}),
              "left change account: the log has lost what was changed of it\n"
              "change account.name \"Due\" -> \"Two\"\n");
    fixture_sql("INSERT INTO pause (connection, at, by) VALUES (0, 5, 'bob')");
    what = roll_back_with((struct rollback_request){.run = 1});
    CU_ASSERT_PTR_NOT_NULL(strstr(what, "not: all connections are paused"));
}

static void being_synced(void)
{
    struct error err;
    side_open(&crm, "crm", one_way);
    int64_t run = side_next_run(&crm);
    PUT("companies", "c1", "{\"name\": \"One\"}");
    struct store *other =
        store_open(arena_printf(&crm.arena, "sqlite:%s", store_location(fixture_store)), "",
                   &fixture_world.world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_EQUAL(other->engine->lease(other, crm.connection, &err), 0);
    UNIT_TEXT(roll_back_with((struct rollback_request){.run = run}),
              "not: 'crm' is being synced just now: wait until that is done\n");
    store_close(other);
    UNIT_TEXT(roll_back_with((struct rollback_request){.run = run}), "end account\n");
    CU_ASSERT_EQUAL(fixture_store->engine->lease(fixture_store, crm.connection, &err), 0);
}

/* ---- many ---- */

enum { MANY = 12001 };

/* More than a portion, in a chain that ends from its last one on. */
static void many(void)
{
    static struct emitted_record rows[MANY];
    struct arena arena = {0};
    side_open(&crm, "crm", one_way);
    for (int i = 0; i < MANY; i++)
        rows[i] = (struct emitted_record){
            .id = str_from(arena_printf(&arena, "c%05d", i)),
            .modified_us = 5,
            .fields = str_from(
                arena_printf(&arena, "{\"name\": \"N%d\", \"parent\": \"c%05d\"}", i, i + 1))};
    int64_t run = side_next_run(&crm);
    side_put_records(&crm, "companies", rows, MANY);
    for (int i = 0; i < MANY; i++)
        rows[i].fields = str_from(arena_printf(&arena, "{\"name\": \"M%d\"}", i));
    int64_t second = side_next_run(&crm);
    side_put_records(&crm, "companies", rows, MANY);
    bool cancelled = true; /* after the first portion */
    roll_back_with((struct rollback_request){.run = second, .cancelled = &cancelled});
    CU_ASSERT_EQUAL(report.status, RUN_CANCELLED);
    QUERY("SELECT count(*) FROM account WHERE name LIKE 'N%'", "5000\n");
    roll_back_with((struct rollback_request){.run = second});
    CU_ASSERT_EQUAL(report.totals[0].changed, MANY - 5000); /* the rest */
    QUERY("SELECT count(*) FROM account WHERE name LIKE 'N%' AND parent_id IS NOT NULL", "12000\n");
    roll_back_with((struct rollback_request){.run = run});
    CU_ASSERT_EQUAL(report.totals[0].ended, MANY);
    CU_ASSERT_EQUAL(report.totals[0].left, 0);
    arena_free(&arena);
}

#define IN_STORE(name)                                                                             \
    static void test_##name(void)                                                                  \
    {                                                                                              \
        fixture_run(name);                                                                         \
        side_close(&crm);                                                                          \
        buf_free(&said);                                                                           \
    }
IN_STORE(fields)
IN_STORE(changed_since)
IN_STORE(lists)
IN_STORE(agreed_to_differ)
IN_STORE(only_some)
IN_STORE(what_was_made)
IN_STORE(what_was_made_and_again)
IN_STORE(touched_and_back)
IN_STORE(what_was_ended)
IN_STORE(what_came_back)
IN_STORE(shared_with_another)
IN_STORE(merged)
IN_STORE(reference_to_what_is_gone)
IN_STORE(refused)
IN_STORE(being_synced)
IN_STORE(many)

const char *const unit_suite = "runs that are taken back";
const struct unit_test unit_tests[] = {
    {"fields get what they had", test_fields},
    {"what has changed since is left", test_changed_since},
    {"a list gets what it had, and is merged by that", test_lists},
    {"nothing is written to the vendor for it", test_agreed_to_differ},
    {"a field, a record, an object", test_only_some},
    {"what was made ends, unless it is needed", test_what_was_made},
    {"a rollback is taken back, and that too", test_what_was_made_and_again},
    {"touched, and as it was again", test_touched_and_back},
    {"what was ended lives again", test_what_was_ended},
    {"what came back ends again", test_what_came_back},
    {"what another connection has stays", test_shared_with_another},
    {"what was merged", test_merged},
    {"a reference to what is gone", test_reference_to_what_is_gone},
    {"what may not be taken back", test_refused},
    {"while the connection is synced", test_being_synced},
    {"more than a portion, cancelled in the middle", test_many},
    {NULL, NULL}};
