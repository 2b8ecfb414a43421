/* SPDX-License-Identifier: Apache-2.0 */
/* An export step by step, with a vendor that answers as a test wants it: what is written of a
 * record, and what becomes of the rest of it where something is refused. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "merge_fixture.h"
#include "sync/export.h"

enum { PEOPLE = 1 /* of the targets of `both` */ };

static struct side crm;
static struct export x;
static struct run_counts counts;
static struct error err;
static struct buf said = BUF_INIT(64 * 1024);

#define PUT(object, ...)           side_put(&crm, (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char both[] =
    "companies: {sync_direction: bidirectional}, people: {sync_direction: bidirectional}";
static const char due[] = "SELECT record FROM export_due ORDER BY record";
/* op: 1 create, 2 update, 6 associate; state: 3 is refused */
static const char writes[] = "SELECT record, op, state, reason FROM export_write ORDER BY id";

#define SEVERAL                                                                                    \
    "account_id: the vendor's record is associated with several ([\"c1\",\"c2\"]), ours has one: " \
    "leave one of them there"

/* ---- the steps ---- */

static void open_export(size_t target, bool read_all)
{
    counts = (struct run_counts){0};
    x = (struct export){.merge = {.store = fixture_store,
                                  .world = &fixture_world.world,
                                  .organization = fixture_organization,
                                  .run = crm.run,
                                  .target = &crm.targets[target]},
                        .connection = "crm",
                        .connection_id = crm.connection,
                        .vendor_now = fixture_world.now_us,
                        .read_all = read_all,
                        .counts = &counts};
    CU_ASSERT_EQUAL_FATAL(export_recover(&x, &err), 0);
}

/* The vendor's record, as it is read once more before it is written; merged as any other. */
static void look(const char *object, const char *id, const char *fields)
{
    const struct emitted_record record = {
        .id = str_from(id), .modified_us = 5, .fields = str_from(fields)};
    struct page *page = page_of_records(&record, 1);
    page_parse_records(page);
    export_note(&x, page, false);
    page_free(page);
    PUT(object, id, fields);
}

/* "OP ID: vendor field=text, ..." a line each, of what would be sent now. */
static const char *prepared(void)
{
    static const char *const ops[] = {[WRITE_CREATE] = "create",
                                      [WRITE_UPDATE] = "update",
                                      [WRITE_ASSOCIATE] = "associate",
                                      [WRITE_DISSOCIATE] = "dissociate"};
    buf_clear(&said);
    if (export_prepare(&x, &err) != MERGE_OK)
        buf_printf(&said, "not: %s\n", err.text);
    for (size_t g = 0; g < x.group_count; g++)
        for (size_t i = 0; i < x.groups[g].count; i++) {
            const struct write_row *row = &x.groups[g].call.rows[i];
            buf_printf(&said, "%s%s%.*s:", ops[x.groups[g].op], row->id.len > 0 ? " " : "",
                       STR_ARG(row->id));
            if (row->other_id.len > 0)
                buf_printf(&said, " %.*s=%.*s", STR_ARG(row->field), STR_ARG(row->other_id));
            for (uint32_t v = 0; v < row->value_count; v++)
                buf_printf(&said, " %.*s=%.*s", STR_ARG(row->values[v].name),
                           STR_ARG(row->values[v].value));
            buf_char(&said, '\n');
        }
    return buf_cstr(&said);
}

/* Of the one row of a group. */
static void answer(size_t group, enum outcome outcome, const char *id)
{
    struct export_group *g = &x.groups[group];
    CU_ASSERT_FATAL(group < x.group_count && g->count == 1);
    g->results[0] = (struct write_result){.write_id = g->call.rows[0].write_id,
                                          .id = str_from(id),
                                          .outcome = outcome,
                                          .text = outcome == OUTCOME_OK ? STR("") : STR("no")};
    CU_ASSERT_EQUAL_FATAL(export_settle(&x, g, false, &err), 0);
}

/* From the first record on, with what others have changed until now. */
static void gather(size_t expected)
{
    x.noted = false;
    x.after = 0;
    CU_ASSERT_EQUAL_FATAL(export_gather(&x, &err), 0);
    CU_ASSERT_EQUAL_FATAL(x.count, expected);
}

static void end(void)
{
    export_free(&x);
    side_close(&crm);
}

/* ---- associations ---- */

/* p1 of c1, who is of c2 here since; and has the first name Eve. */
static void begin(void)
{
    side_open(&crm, "crm", both);
    PUT("companies", "c1", "{\"name\": \"One\"}", "c2", "{\"name\": \"Two\"}");
    PUT("people", "p1", "{\"first\": \"Ada\", \"company\": [\"c1\"]}");
    open_export(PEOPLE, false);
    gather(0); /* the log is followed from here on */
    fixture_sql("UPDATE contact SET first_name = 'Eve', account_id = 2");
}

static void an_association_is_another(void)
{
    begin();
    gather(1);
    look("people", "p1", "{\"first\": \"Ada\", \"company\": [\"c1\"]}");
    UNIT_TEXT(prepared(), "update p1: first=Eve\ndissociate p1: company=c1\n"
                          "associate p1: company=c2\n");
    answer(0, OUTCOME_OK, "p1");
    QUERY(due, "1\n");
    answer(1, OUTCOME_OK, "p1");
    answer(2, OUTCOME_OK, "p1");
    QUERY(due, "");
    QUERY(writes, "");
    end();
}

/* The vendor has two of them, and we cannot tell which one is to go. */
static void an_ambiguous_one_is_refused_alone(void)
{
    begin();
    gather(1);
    look("people", "p1", "{\"first\": \"Ada\", \"company\": [\"c1\", \"c2\"]}");
    UNIT_TEXT(prepared(), "update p1: first=Eve\n");
    answer(0, OUTCOME_OK, "p1");
    CU_ASSERT_EQUAL(counts.sent_updated, 1);
    CU_ASSERT_EQUAL(counts.refused, 1);
    QUERY(due, "");
    QUERY(writes, "1|2|3|" SEVERAL "\n");
    end();
}

/* A value that cannot be written is no write of its own: the record waits as a whole. */
static void a_value_that_is_refused_holds_back_the_record(void)
{
    side_open(&crm, "crm",
              "companies: {}, people: {sync_direction: bidirectional, mapping: {first_name: {from: "
              "first, map: {a: Ada, e: Eve}}}}");
    PUT("companies", "c1", "{\"name\": \"One\"}", "c2", "{\"name\": \"Two\"}");
    PUT("people", "p1", "{\"first\": \"a\", \"email\": \"p@a.test\", \"company\": [\"c1\"]}");
    open_export(PEOPLE, false);
    gather(0);
    fixture_sql("UPDATE contact SET first_name = 'Zoe', email = 'z@a.test', account_id = 2");
    gather(1);
    look("people", "p1", "{\"first\": \"a\", \"email\": \"p@a.test\", \"company\": [\"c1\"]}");
    UNIT_TEXT(prepared(), "");
    CU_ASSERT_EQUAL(counts.refused, 1);
    QUERY(due, "");
    QUERY("SELECT state FROM export_write", "3\n");
    end();
}

/* What was written, or is there already, is what lists are merged by from then on; what was not
 * taken by the vendor is not. */
static void lists_are_agreed_on(void)
{
    static const char base[] = "SELECT json_extract(base, '$.\"17\"[1]') FROM link";
    side_open(&crm, "crm",
              "people: {sync_direction: bidirectional, mapping: {tags: {from: tags, split: ';', "
              "merge_strategy: append}}}");
    PUT("people", "p1", "{\"first\": \"Ada\", \"tags\": \"a;b\"}");
    open_export(0, false);
    gather(0);
    fixture_sql("UPDATE contact SET tags = '[\"a\", \"c\"]'");
    gather(1);
    look("people", "p1", "{\"first\": \"Ada\", \"tags\": \"a;b\"}");
    UNIT_TEXT(prepared(), "update p1: tags=a;c\n");
    answer(0, OUTCOME_BAD_RECORD, "");
    QUERY(base, "[\"a\",\"b\"]\n");
    fixture_sql("UPDATE contact SET first_name = 'Eve'");
    gather(1);
    look("people", "p1", "{\"first\": \"Ada\", \"tags\": \"a;b\"}");
    UNIT_TEXT(prepared(), "update p1: first=Eve tags=a;c\n");
    answer(0, OUTCOME_OK, "p1");
    QUERY(base, "[\"a\",\"c\"]\n");
    fixture_sql("UPDATE contact SET tags = '[\"a\",\"c\"]'"); /* the same at the vendor */
    gather(1);
    look("people", "p1", "{\"first\": \"Eve\", \"tags\": \"a;c\"}");
    UNIT_TEXT(prepared(), "");
    fixture_sql("INSERT INTO contact (first_name, tags) VALUES ('New', '[\"x\"]')");
    gather(1);
    UNIT_TEXT(prepared(), "create: first=New tags=x\n");
    answer(0, OUTCOME_OK, "p2");
    QUERY(base, "[\"a\",\"c\"]\n[\"x\"]\n");
    end();
}

static void refuse_first_name(const char *id, const char *statement)
{
    fixture_sql(statement);
    gather(1);
    look("people", id, "{\"first\": \"Ada\"}");
    prepared();
    answer(0, OUTCOME_BAD_RECORD, "");
}

/* A guard rail that counted it would stop everything else for good. */
static void what_is_tried_again_is_no_news_to_a_guard(void)
{
    side_open(&crm, "crm",
              "people: {sync_direction: bidirectional, guard: {max_export_changes: 1}}");
    for (int i = 1; i <= 4; i++) {
        char id[] = {'p', (char)('0' + i), 0};
        PUT("people", id, "{\"first\": \"Ada\"}");
    }
    open_export(0, false);
    gather(0);
    x.vendor_now = INT64_MAX / 2; /* behind the clock of the database */
    refuse_first_name("p1", "UPDATE contact SET first_name = 'Eve' WHERE key = 1");
    refuse_first_name("p2", "UPDATE contact SET first_name = 'Eve' WHERE key = 2");
    export_free(&x);
    open_export(0, true);
    QUERY(due, "1\n2\n");
    fixture_sql("UPDATE contact SET first_name = 'Zoe' WHERE key = 3");
    CU_ASSERT_EQUAL(export_guard(&x, &err), MERGE_OK);
    fixture_sql("UPDATE contact SET first_name = 'Zoe' WHERE key = 4");
    x.noted = false;
    CU_ASSERT_EQUAL(export_guard(&x, &err), MERGE_STOPPED);
    end();
}

/* Whether anything of them is to be written is known when they have been read again. */
static void what_is_to_be_read_again_is_no_news_to_a_guard(void)
{
    static const int64_t all[] = {1, 2, 3};
    side_open(&crm, "crm",
              "people: {sync_direction: bidirectional, guard: {max_export_changes: 1}}");
    PUT("people", "p1", "{\"first\": \"Ada\"}", "p2", "{\"first\": \"Ada\"}", "p3",
        "{\"first\": \"Ada\"}");
    open_export(0, false);
    gather(0);
    fixture_sql("UPDATE contact SET first_name = 'Eve'");
    CU_ASSERT_EQUAL(
        fixture_store->engine->queue_unread(fixture_store, crm.targets[0].stream, all, 3, &err), 0);
    x.noted = false;
    CU_ASSERT_EQUAL(export_guard(&x, &err), MERGE_OK);
    gather(3);
    look("people", "p1", "{\"first\": \"Ada\"}");
    look("people", "p2", "{\"first\": \"Ada\"}");
    look("people", "p3", "{\"first\": \"Ada\"}");
    CU_ASSERT_EQUAL(export_prepare(&x, &err), MERGE_STOPPED);
    QUERY("SELECT record, unread FROM export_due ORDER BY record", "1|0\n2|0\n3|0\n");
    x.after = 0;
    CU_ASSERT_EQUAL(export_guard(&x, &err), MERGE_STOPPED);
    end();
}

/* The boss is not there yet: the record stays due for that, whatever else of it is refused. */
static void a_refused_one_does_not_end_what_waits(void)
{
    begin();
    fixture_sql("INSERT INTO contact (first_name) VALUES ('Boss'); "
                "UPDATE contact SET manager_id = 2 WHERE key = 1");
    gather(2);
    look("people", "p1", "{\"first\": \"Ada\", \"company\": [\"c1\"]}");
    UNIT_TEXT(prepared(), "update p1: first=Eve\ncreate: first=Boss\ndissociate p1: company=c1\n"
                          "associate p1: company=c2\n");
    answer(0, OUTCOME_OK, "p1");
    answer(1, OUTCOME_OK, "p2");
    answer(2, OUTCOME_OK, "p1");
    answer(3, OUTCOME_BAD_RECORD, "");
    QUERY(due, "1\n");
    QUERY(writes, "1|6|3|no\n");
    gather(1);
    look("people", "p1", "{\"first\": \"Eve\", \"company\": []}");
    UNIT_TEXT(prepared(), "update p1: boss=p2\nassociate p1: company=c2\n");
    end();
}

static void a_refused_value_does_not_end_an_association(void)
{
    begin();
    gather(1);
    look("people", "p1", "{\"first\": \"Ada\", \"company\": []}");
    UNIT_TEXT(prepared(), "update p1: first=Eve\nassociate p1: company=c2\n");
    answer(0, OUTCOME_BAD_RECORD, "");
    QUERY(due, "1\n");
    answer(1, OUTCOME_RATE_LIMITED, ""); /* proven not done */
    QUERY(due, "1\n");
    QUERY(writes, "1|2|3|no\n");
    end();
}

static void all_that_is_refused_ends_the_turn(void)
{
    begin();
    gather(1);
    look("people", "p1", "{\"first\": \"Ada\", \"company\": []}");
    prepared();
    answer(0, OUTCOME_BAD_RECORD, "");
    answer(1, OUTCOME_BAD_RECORD, "");
    QUERY(due, "");
    QUERY(writes, "1|2|3|no\n1|6|3|no\n");
    CU_ASSERT_EQUAL(counts.refused, 2);
    end();
}

/* Without the record there is nothing to associate. */
static void a_refused_creation_ends_the_turn(void)
{
    begin();
    fixture_sql("UPDATE contact SET first_name = 'Ada', account_id = 1");
    fixture_sql("INSERT INTO contact (first_name, account_id) VALUES ('New', 1)");
    gather(1);
    UNIT_TEXT(prepared(), "create: first=New\n");
    answer(0, OUTCOME_BAD_RECORD, "");
    QUERY(due, "");
    QUERY(writes, "2|1|3|no\n");
    end();
}

/* ---- the order ---- */

/* The vendor takes no second record with an address. */
static void what_is_changed_makes_room(void)
{
    side_open(&crm, "crm", "people: {sync_direction: bidirectional}");
    PUT("people", "p1", "{\"first\": \"Ada\", \"email\": \"a@a.test\"}");
    open_export(0, false);
    gather(0);
    fixture_sql("UPDATE contact SET email = 'e@a.test'; "
                "INSERT INTO contact (email) VALUES ('a@a.test')");
    gather(2);
    look("people", "p1", "{\"first\": \"Ada\", \"email\": \"a@a.test\"}");
    UNIT_TEXT(prepared(), "update p1: email=e@a.test\ncreate: email=a@a.test\n");
    end();
}

/* ---- what was refused, once more ---- */

/* An association was refused; the record has not changed since. */
static void begin_refused(void)
{
    begin();
    gather(1);
    look("people", "p1", "{\"first\": \"Ada\", \"company\": [\"c1\", \"c2\"]}");
    prepared();
    answer(0, OUTCOME_OK, "p1");
    export_free(&x);
    /* The database's clock is this machine's, and the world's is not. */
    fixture_sql("UPDATE contact SET updated_at = 5");
    side_next_run(&crm);
    QUERY(due, "");
}

static void a_full_read_queues_it(void)
{
    begin_refused();
    open_export(PEOPLE, true);
    QUERY(due, "1\n");
    gather(1);
    look("people", "p1",
         "{\"first\": \"Eve\", \"company\": [\"c1\"]}"); /* somebody has mended it */
    UNIT_TEXT(prepared(), "dissociate p1: company=c1\nassociate p1: company=c2\n");
    QUERY("SELECT count(*) FROM export_write WHERE state = 3", "0\n");
    end();
}

/* One that is refused again is told once. */
static void a_full_read_finds_it_as_it_was(void)
{
    begin_refused();
    open_export(PEOPLE, true);
    gather(1);
    look("people", "p1", "{\"first\": \"Eve\", \"company\": [\"c1\", \"c2\"]}");
    UNIT_TEXT(prepared(), "");
    QUERY(due, "");
    QUERY(writes, "1|2|3|" SEVERAL "\n");
    end();
}

static void an_incremental_read_does_not(void)
{
    begin_refused();
    open_export(PEOPLE, false);
    QUERY(due, "");
    gather(0);
    QUERY(writes, "1|2|3|" SEVERAL "\n");
    end();
}

/* Our import changes the record by itself, as the vendor merged its company into the one that it
 * had there: nothing is left to be written, and the refusal is over. */
static void a_change_by_the_import_queues_it(void)
{
    begin_refused();
    side_put_body(&crm, "companies",
                  "{\"list\": [{\"id\": \"c1\", \"f\": {\"name\": \"One\"}, \"was\": [\"c2\"]}]}");
    QUERY("SELECT account_id FROM contact", "1\n");
    open_export(PEOPLE, false);
    QUERY(due, "1\n");
    gather(0);
    QUERY(due, "");
    QUERY(writes, "");
    end();
}

/* ---- fields that are only exported ---- */

static const char sent_only[] = "companies: {sync_direction: bidirectional, mapping: {industry: "
                                "{from: industry, sync_direction: export}}}";

/* What the vendor had before is no sign that it has it now. */
static void what_the_vendor_has_is_seen(void)
{
    side_open(&crm, "crm", sent_only);
    PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}");
    open_export(0, false);
    gather(0);
    PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Dies\"}");
    fixture_sql("UPDATE account SET industry = 'Tools'");
    gather(1);
    look("companies", "c1", "{\"name\": \"One\", \"industry\": \"Dies\"}");
    UNIT_TEXT(prepared(), "update c1: industry=Tools\n");
    end();
}

static void what_the_vendor_has_is_not_written(void)
{
    side_open(&crm, "crm", sent_only);
    PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}");
    open_export(0, false);
    gather(0);
    PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Dies\"}");
    fixture_sql("UPDATE account SET industry = 'Dies'");
    gather(1);
    look("companies", "c1", "{\"name\": \"One\", \"industry\": \"Dies\"}");
    UNIT_TEXT(prepared(), "");
    QUERY(due, "");
    end();
}

/* A record that is deleted here does not live again for what is not imported. */
static void of_a_record_that_is_deleted(void)
{
    side_open(&crm, "crm", sent_only);
    PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Tools\"}", "c2",
        "{\"name\": \"Two\", \"industry\": \"Tools\"}");
    fixture_sql("DELETE FROM account WHERE key = 1; UPDATE account SET deleted_at = 5");
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"One\", \"industry\": \"Dies\"}", "c2",
                  "{\"name\": \"Two\", \"industry\": \"Dies\"}"),
              "unchanged 2");
    QUERY("SELECT key, deleted_at FROM account", "2|5\n");
    UNIT_TEXT(PUT("companies", "c1", "{\"name\": \"Uno\", \"industry\": \"Dies\"}", "c2",
                  "{\"name\": \"Due\", \"industry\": \"Dies\"}"),
              "created 1, restored 1");
    side_close(&crm);
}

/* So many that what is noted of them has memory of its own: each is noted once, as there is room
 * for no more. */
static void of_many_that_are_deleted(void)
{
    enum { MANY = 3000 };
    static char ids[MANY][16];
    static struct emitted_record records[MANY];
    side_open(&crm, "crm", sent_only);
    PUT("companies", "x", "{\"name\": 7, \"industry\": []}", "bad", "{}"); /* set aside */
    QUERY("SELECT count(*) > 0 FROM quarantine", "1\n");
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "c%04d", i);
        records[i] =
            (struct emitted_record){.id = str_from(ids[i]),
                                    .modified_us = 5,
                                    .fields = STR("{\"name\": \"N\", \"industry\": \"Tools\"}")};
    }
    UNIT_TEXT(side_put_records(&crm, "companies", records, MANY), "created 3000");
    fixture_sql("DELETE FROM account");
    for (int i = 0; i < MANY; i++)
        records[i].fields = STR("{\"name\": \"N\", \"industry\": \"Dies\"}");
    UNIT_TEXT(side_put_records(&crm, "companies", records, MANY), "unchanged 3000");
    QUERY("SELECT count(*) FROM account", "0\n");
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
        buf_free(&said);                                                                           \
    }
IN_STORE(an_association_is_another)
IN_STORE(an_ambiguous_one_is_refused_alone)
IN_STORE(a_value_that_is_refused_holds_back_the_record)
IN_STORE(lists_are_agreed_on)
IN_STORE(what_is_tried_again_is_no_news_to_a_guard)
IN_STORE(what_is_to_be_read_again_is_no_news_to_a_guard)
IN_STORE(a_refused_one_does_not_end_what_waits)
IN_STORE(a_refused_value_does_not_end_an_association)
IN_STORE(all_that_is_refused_ends_the_turn)
IN_STORE(a_refused_creation_ends_the_turn)
IN_STORE(what_is_changed_makes_room)
IN_STORE(a_full_read_queues_it)
IN_STORE(a_full_read_finds_it_as_it_was)
IN_STORE(an_incremental_read_does_not)
IN_STORE(a_change_by_the_import_queues_it)
IN_STORE(what_the_vendor_has_is_seen)
IN_STORE(what_the_vendor_has_is_not_written)
IN_STORE(of_a_record_that_is_deleted)
IN_STORE(of_many_that_are_deleted)

const char *const unit_suite = "what an export writes";
const struct unit_test unit_tests[] = {
    {"a value and an association", test_an_association_is_another},
    {"an ambiguous association is refused alone", test_an_ambiguous_one_is_refused_alone},
    {"a value that is refused holds back the record",
     test_a_value_that_is_refused_holds_back_the_record},
    {"lists are agreed on", test_lists_are_agreed_on},
    {"what is tried again is no news to a guard rail",
     test_what_is_tried_again_is_no_news_to_a_guard},
    {"what is to be read again is no news to a guard rail",
     test_what_is_to_be_read_again_is_no_news_to_a_guard},
    {"a refused association does not end what waits", test_a_refused_one_does_not_end_what_waits},
    {"a refused value does not end an association",
     test_a_refused_value_does_not_end_an_association},
    {"a record of which all is refused", test_all_that_is_refused_ends_the_turn},
    {"a refused creation", test_a_refused_creation_ends_the_turn},
    {"what is changed makes room for another", test_what_is_changed_makes_room},
    {"a full read queues what was refused", test_a_full_read_queues_it},
    {"what is refused again is told once", test_a_full_read_finds_it_as_it_was},
    {"an incremental read does not queue it", test_an_incremental_read_does_not},
    {"a change by the import queues it", test_a_change_by_the_import_queues_it},
    {"only exported: what the vendor has is seen", test_what_the_vendor_has_is_seen},
    {"only exported: what is there already", test_what_the_vendor_has_is_not_written},
    {"only exported: of a record that is deleted here", test_of_a_record_that_is_deleted},
    {"only exported: of many that are deleted here", test_of_many_that_are_deleted},
    {NULL, NULL}};
