/* SPDX-License-Identifier: Apache-2.0 */
/* How records end and live again: archived, absent, merged, out of scope; and the guard rail. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "merge_fixture.h"

static struct side crm, erp;

#define PUT(side, object, ...)     side_put(&(side), (object), __VA_ARGS__, (char *)NULL)
#define DELETE(side, object, ...)  side_delete(&(side), (object), __VA_ARGS__, (char *)NULL)
#define BODY(object, body)         side_put_body(&crm, (object), (body))
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char both[] = "companies: , people: ";
static const char accounts[] = "SELECT key, name, deleted_at FROM account ORDER BY key";
static const char links[] = "SELECT external_id, record, ended FROM link ORDER BY external_id";
static const char log_rows[] = "SELECT record, op, prev, body FROM log ORDER BY seq";

/* What must hold whatever happened: the log chains, no live link leads to a tombstone. */
static void expect_whole(void)
{
    struct buf summary = BUF_INIT(400);
    struct error err = {0};
    if (store_verify(fixture_store, &summary, &err) != 0)
        UNIT_TEXT(err.text, "");
    buf_free(&summary);
    QUERY("SELECT count(*) FROM log l WHERE op > 1 AND prev <> (SELECT max(seq) FROM log p "
          "WHERE p.object = l.object AND p.record = l.record AND p.seq < l.seq)",
          "0\n");
}

/* ---- archived ---- */

static void archived_and_restored(void)
{
    const char *one = "{\"name\": \"One\", \"industry\": \"Tools\"}";
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "c1", one, "c2", "{\"name\": \"Two\"}");
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"c1\"}");
    fixture_world.now_us += 10;
    UNIT_TEXT(DELETE(crm, "companies", "c1", "unknown"), "deleted 1");
    UNIT_TEXT(DELETE(crm, "companies", "c1"), "");
    QUERY(accounts, "1|One|1000010\n2|Two|~\n");
    QUERY(links, "c1|1|1\nc2|2|0\np|1|0\n");
    QUERY("SELECT account_id FROM contact", "1\n"); /* a reference to a tombstone stays */
    expect_whole();
    fixture_sql("UPDATE account SET industry = 'ours'");
    fixture_world.now_us += 10;
    /* It lives again, with what moved at the vendor and nothing else. */
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"industry\": \"Tools\"}"),
              "restored 1");
    QUERY("SELECT name, industry, updated_at, deleted_at FROM account WHERE key = 1",
          "Uno|ours|1000020|~\n");
    QUERY(links, "c1|1|0\nc2|2|0\np|1|0\n");
    QUERY(log_rows, "1|1|~|~\n2|1|~|~\n1|1|~|~\n1|3|1|~\n"
                    "1|2|4|{\"industry\":[\"Tools\",\"ours\"]}\n"
                    "2|2|2|{\"industry\":[null,\"ours\"]}\n1|4|5|~\n"
                    "1|2|7|{\"name\":[\"One\",\"Uno\"]}\n");
    DELETE(crm, "companies", "c1");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\", \"industry\": \"Tools\"}"),
              "restored 1"); /* although nothing moved */
    expect_whole();
    side_close(&crm);
}

static void two_connections(void)
{
    const char *x = "{\"name\": \"X\", \"domain\": \"x.test\"}";
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: ");
    PUT(crm, "companies", "c1", x);
    PUT(erp, "companies", "e1", x);
    UNIT_TEXT(DELETE(crm, "companies", "c1"), ""); /* the other one still has it */
    QUERY(accounts, "1|X|~\n");
    QUERY(links, "c1|1|1\ne1|1|0\n");
    UNIT_TEXT(DELETE(erp, "companies", "e1"), "deleted 1");
    expect_whole();
    UNIT_TEXT(PUT(crm, "companies", "c1", x), "restored 1");
    QUERY(links, "c1|1|0\ne1|1|1\n");
    UNIT_TEXT(PUT(erp, "companies", "e1", x), "unchanged 1");
    QUERY(links, "c1|1|0\ne1|1|0\n");
    expect_whole();
    side_close(&crm);
    side_close(&erp);
}

/* Deleted at the vendor and made anew under another id, while another connection has it. */
static void deleted_and_made_anew(void)
{
    const char *x = "{\"name\": \"X\", \"domain\": \"x.test\"}";
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: ");
    PUT(crm, "companies", "c1", x);
    PUT(erp, "companies", "e1", x);
    DELETE(crm, "companies", "c1");
    UNIT_TEXT(PUT(crm, "companies", "c2", x), "unchanged 1");
    QUERY(links, "c1|1|1\nc2|1|0\ne1|1|0\n");
    /* The old one is restored too: it is not the new one. */
    UNIT_TEXT(PUT(crm, "companies", "c1", x), "created 1");
    QUERY(links, "c1|2|0\nc2|1|0\ne1|1|0\n");
    expect_whole();
    side_close(&crm);
    side_close(&erp);
}

static void tombstones_are_not_matched(void)
{
    const char *x = "{\"name\": \"X\", \"domain\": \"x.test\"}";
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: ");
    PUT(crm, "companies", "c1", x);
    DELETE(crm, "companies", "c1");
    UNIT_TEXT(PUT(erp, "companies", "e1", x), "created 1");
    QUERY(links, "c1|1|1\ne1|2|0\n");
    side_close(&crm);
    side_close(&erp);
}

static void deletes_keep(void)
{
    side_open(&crm, "crm", "companies: {deletes: keep}");
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}");
    UNIT_TEXT(DELETE(crm, "companies", "c1"), "");
    QUERY(accounts, "1|One|~\n");
    QUERY(links, "c1|1|1\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Uno\"}"), "updated 1");
    QUERY(links, "c1|1|0\n");
    expect_whole();
    side_close(&crm);
}

static void absent(void)
{
    const struct emitted_record gone = {.id = STR("c1")};
    side_open(&crm, "crm", "companies: ");
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}");
    UNIT_TEXT(side_end(&crm, "companies", LINK_ABSENT, &gone, 1), "deleted 1");
    QUERY(links, "c1|1|3\n");
    UNIT_TEXT(DELETE(crm, "companies", "c1"), ""); /* the vendor says why */
    QUERY(links, "c1|1|1\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"One\"}"), "restored 1");
    expect_whole();
    side_close(&crm);
}

/* A reference that comes while its record is archived. */
static void reference_to_a_tombstone(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "c1", "{\"name\": \"One\"}");
    DELETE(crm, "companies", "c1");
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"c1\"}");
    QUERY("SELECT account_id FROM contact", "1\n");
    QUERY("SELECT count(*) FROM pending_reference", "0\n");
    side_close(&crm);
}

/* ---- merged ---- */

static const char two_companies[] =
    "{\"list\": [{\"id\": \"a\", \"f\": {\"name\": \"A\"}}, {\"id\": \"b\", \"f\": {\"name\": "
    "\"B\"}}]}";

static void merged(void)
{
    side_open(&crm, "crm", both);
    BODY("companies", two_companies);
    PUT(crm, "companies", "child", "{\"name\": \"Child\", \"parent\": \"a\"}");
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\"}", "q",
        "{\"first\": \"Q\", \"company\": \"b\"}");
    fixture_world.now_us += 10;
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"AB\"}, "
                                "\"was\": [\"a\"]}]}"),
              "updated 1, deleted 1");
    QUERY(accounts, "1|A|1000010\n2|AB|~\n3|Child|~\n");
    QUERY(links, "a|2|2\nb|2|0\nchild|3|0\np|1|0\nq|2|0\n");
    QUERY("SELECT parent_id FROM account WHERE key = 3", "2\n");
    QUERY("SELECT account_id FROM contact ORDER BY key", "2\n2\n");
    QUERY("SELECT body FROM log WHERE op = 2 AND record <> 2 ORDER BY seq",
          "{\"parent_id\":[1,2]}\n{\"account_id\":[1,2]}\n");
    /* The vendor's own view of it is no change, and the old id leads to the winner. */
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"b\"}", "r",
                  "{\"first\": \"R\", \"company\": \"a\"}"),
              "created 1, unchanged 1");
    QUERY("SELECT account_id FROM contact ORDER BY key", "2\n2\n2\n");
    /* The same again is nothing. */
    QUERY("SELECT count(*) FROM log", "10\n");
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"AB\"}, "
                                "\"was\": [\"a\"]}]}"),
              "unchanged 1");
    QUERY("SELECT count(*) FROM log", "10\n");
    UNIT_TEXT(DELETE(crm, "companies", "a"), ""); /* nor is that the loser is gone */
    QUERY("SELECT ended FROM link WHERE external_id = 'a'", "2\n");
    expect_whole();
    side_close(&crm);
}

/* Nothing of the winner moved: its list alone says it. */
static void merged_without_a_change(void)
{
    side_open(&crm, "crm", both);
    BODY("companies", two_companies);
    UNIT_TEXT(BODY("companies",
                   "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"B\"}, \"was\": \"a\"}]}"),
              "unchanged 1, deleted 1");
    QUERY(links, "a|2|2\nb|2|0\n");
    expect_whole();
    side_close(&crm);
}

static void merged_into_a_third(void)
{
    side_open(&crm, "crm", both);
    BODY("companies", two_companies);
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\"}");
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"c\", \"f\": {\"name\": \"C\"}, "
                                "\"was\": [\"a\", \"b\"]}]}"),
              "created 1, deleted 2");
    QUERY(links, "a|3|2\nb|3|2\nc|3|0\np|1|0\n");
    QUERY("SELECT account_id FROM contact", "3\n");
    expect_whole();
    side_close(&crm);
}

/* One after another, and both at once. */
static void merged_in_a_chain(void)
{
    side_open(&crm, "crm", both);
    BODY("companies", two_companies);
    PUT(crm, "companies", "c", "{\"name\": \"C\"}", "d", "{\"name\": \"D\"}");
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\"}");
    BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"B\"}, \"was\": [\"a\"]}]}");
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"c\", \"f\": {\"name\": \"C\"}, "
                                "\"was\": [\"b\"]}]}"),
              "unchanged 1, deleted 1");
    QUERY(links, "a|3|2\nb|3|2\nc|3|0\nd|4|0\np|1|0\n");
    QUERY("SELECT account_id FROM contact", "3\n");
    /* The batch still holds the loser, as it was read before. */
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"e\", \"f\": {\"name\": \"E\"}, "
                                "\"was\": [\"d\"]}, {\"id\": \"d\", \"f\": {\"name\": \"D2\"}, "
                                "\"was\": [\"c\"]}, {\"id\": \"c\", \"f\": {\"name\": \"C2\"}}]}"),
              "created 1, unchanged 2, deleted 2");
    QUERY(links, "a|5|2\nb|5|2\nc|5|2\nd|5|2\ne|5|0\np|1|0\n");
    QUERY("SELECT account_id FROM contact", "5\n");
    QUERY("SELECT name FROM account WHERE deleted_at IS NULL", "E\n");
    expect_whole();
    side_close(&crm);
}

/* Ids that each say they swallowed the other: neither is taken away. */
static void merged_in_a_circle(void)
{
    side_open(&crm, "crm", both);
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"a\", \"f\": {\"name\": \"A\"}, \"was\": "
                                "[\"b\"]}, {\"id\": \"b\", \"f\": {\"name\": \"B\"}, "
                                "\"was\": [\"a\"]}]}"),
              "created 2");
    QUERY(links, "a|1|0\nb|2|0\n");
    expect_whole();
    side_close(&crm);
}

static void merged_and_never_seen(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\"}");
    QUERY("SELECT count(*) FROM pending_reference", "1\n");
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"B\"}, "
                                "\"was\": [\"a\", \"z\"]}]}"),
              "created 1");
    QUERY(links, "a|1|2\nb|1|0\np|1|0\nz|1|2\n");
    QUERY("SELECT account_id FROM contact", "1\n");
    QUERY("SELECT count(*) FROM pending_reference", "0\n");
    expect_whole();
    side_close(&crm);
}

/* The loser's record is another connection's too: that one keeps it. */
static void merged_but_held(void)
{
    side_open(&crm, "crm", both);
    side_open(&erp, "erp", both);
    PUT(crm, "companies", "a", "{\"name\": \"A\", \"domain\": \"a.test\"}", "b",
        "{\"name\": \"B\"}");
    PUT(erp, "companies", "e", "{\"name\": \"A\", \"domain\": \"a.test\"}");
    PUT(erp, "people", "p", "{\"first\": \"P\", \"company\": \"e\"}");
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"B\"}, "
                                "\"was\": [\"a\"]}]}"),
              "unchanged 1");
    QUERY(accounts, "1|A|~\n2|B|~\n");
    QUERY(links, "a|2|2\nb|2|0\ne|1|0\np|1|0\n");
    QUERY("SELECT account_id FROM contact", "1\n");
    expect_whole();
    side_close(&crm);
    side_close(&erp);
}

/* The loser was archived before the vendor told what it was merged into. */
static void merged_after_it_was_archived(void)
{
    side_open(&crm, "crm", both);
    BODY("companies", two_companies);
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\"}");
    DELETE(crm, "companies", "a");
    UNIT_TEXT(BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"B\"}, "
                                "\"was\": [\"a\"]}]}"),
              "unchanged 1");
    QUERY("SELECT external_id, record, ended FROM link WHERE external_id = 'a'", "a|2|2\n");
    QUERY("SELECT account_id FROM contact", "2\n");
    expect_whole();
    side_close(&crm);
}

/* A child and its parent: nothing becomes its own parent. */
static void merged_with_its_parent(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "a", "{\"name\": \"A\"}", "b", "{\"name\": \"B\", \"parent\": \"a\"}");
    BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"B\", \"parent\": \"a\"}, "
                      "\"was\": [\"a\"]}]}");
    QUERY("SELECT parent_id FROM account WHERE deleted_at IS NULL", "~\n");
    expect_whole();
    side_close(&crm);
}

/* What was merged is taken apart again: it has a record of its own, and the winner keeps its. */
static void taken_apart_again(void)
{
    side_open(&crm, "crm", both);
    BODY("companies", two_companies);
    BODY("companies", "{\"list\": [{\"id\": \"b\", \"f\": {\"name\": \"B\"}, \"was\": [\"a\"]}]}");
    UNIT_TEXT(PUT(crm, "companies", "a", "{\"name\": \"A\"}", "child",
                  "{\"name\": \"C\", \"parent\": \"a\"}"),
              "created 2");
    QUERY(links, "a|3|0\nb|2|0\nchild|4|0\n");
    QUERY("SELECT name, parent_id FROM account WHERE deleted_at IS NULL ORDER BY key",
          "B|~\nA|~\nC|3\n");
    expect_whole();
    side_close(&crm);
}

static void erased_losers_stay_out(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "people", "p1", "{\"first\": \"Ada\", \"email\": \"ada@x.test\"}");
    UNIT_TEXT(fixture_erase("ada@x.test"), "contacts 1, links 1, log 1");
    UNIT_TEXT(BODY("people", "{\"list\": [{\"id\": \"p2\", \"f\": {\"first\": \"B\"}, "
                             "\"was\": [\"p1\"]}, {\"id\": \"p1\", \"f\": {\"first\": \"Ada\"}}]}"),
              "created 1, filtered 1");
    QUERY(links, "p2|1|0\n");
    UNIT_TEXT(DELETE(crm, "people", "p1"), "");
    side_close(&crm);
}

/* ---- out of scope ---- */

static const char customer[] = "{\"name\": \"One\", \"stage\": \"customer\"}";
static const char lead[] = "{\"name\": \"Uno\", \"stage\": \"lead\"}";

static void out_of_scope_keep(void)
{
    side_open(&crm, "crm", "companies: {filter: {stage: customer}}");
    PUT(crm, "companies", "c1", customer);
    UNIT_TEXT(PUT(crm, "companies", "c1", lead), "filtered 1");
    QUERY(accounts, "1|One|~\n");
    QUERY(links, "c1|1|4\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", lead, "c2", lead), "filtered 2");
    QUERY(links, "c1|1|4\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", "{\"name\": \"Eins\", \"stage\": \"customer\"}"),
              "updated 1");
    QUERY(accounts, "1|Eins|~\n");
    QUERY(links, "c1|1|0\n");
    PUT(crm, "companies", "c1", lead);
    UNIT_TEXT(DELETE(crm, "companies", "c1"), "deleted 1"); /* which is more than out of scope */
    expect_whole();
    side_close(&crm);
}

static void out_of_scope_archive(void)
{
    side_open(&crm, "crm", "companies: {filter: {stage: customer}, out_of_scope: archive}");
    PUT(crm, "companies", "c1", customer);
    fixture_world.now_us += 10;
    UNIT_TEXT(PUT(crm, "companies", "c1", lead), "filtered 1, deleted 1");
    QUERY(accounts, "1|One|1000010\n");
    QUERY(links, "c1|1|4\n");
    UNIT_TEXT(PUT(crm, "companies", "c1", lead), "filtered 1");
    UNIT_TEXT(PUT(crm, "companies", "c1", customer), "restored 1");
    QUERY(accounts, "1|One|~\n");
    expect_whole();
    side_close(&crm);
}

/* A narrower filter is another mapping: everything is read again. */
static void filter_is_part_of_the_hash(void)
{
    side_open(&crm, "crm", "companies: {filter: {stage: [customer, lead]}}");
    int64_t before = crm.setup.objects[0].mapping.hash;
    PUT(crm, "companies", "c1", customer, "c2", lead);
    side_close(&crm);
    side_open(&crm, "crm", "companies: {filter: {stage: [customer]}}");
    CU_ASSERT_NOT_EQUAL(crm.setup.objects[0].mapping.hash, before);
    UNIT_TEXT(PUT(crm, "companies", "c1", customer, "c2", lead), "unchanged 1, filtered 1");
    QUERY(links, "c1|1|0\nc2|2|4\n");
    side_close(&crm);
}

/* ---- what a walk meets ---- */

static void met(void)
{
    side_open(&crm, "crm", "companies: {filter: {stage: customer}}");
    PUT(crm, "companies", "c1", customer, "c2", customer, "c3", customer, "c4", customer);
    crm.notes_seen = true;
    /* The same, one that left, one that is broken, a new one; c4 does not come. */
    PUT(crm, "companies", "c1", customer, "c2", lead, "c3", "{\"stage\": \"customer\"}", "c5",
        customer);
    QUERY("SELECT l.external_id FROM walk_seen w JOIN link l ON l.key = w.link "
          "WHERE w.stream = l.stream ORDER BY 1",
          "c1\nc2\nc3\n");
    side_close(&crm);
}

/* ---- the guard rail ---- */

enum { MANY = 200 };

static const char *end_many(uint32_t from, uint32_t count)
{
    struct emitted_record *records = mem_new(count, sizeof records[0]);
    struct arena arena = {0};
    for (uint32_t i = 0; i < count; i++)
        records[i].id = str_from(arena_printf(&arena, "c%u", from + i));
    const char *got = side_end(&crm, "companies", LINK_ARCHIVED, records, count);
    free(records);
    arena_free(&arena);
    return got;
}

static void put_many(uint32_t count)
{
    struct emitted_record *records = mem_new(count, sizeof records[0]);
    struct arena arena = {0};
    for (uint32_t i = 0; i < count; i++)
        records[i] = (struct emitted_record){.id = str_from(arena_printf(&arena, "c%u", i)),
                                             .fields = STR("{\"name\": \"a\"}")};
    side_put_records(&crm, "companies", records, count);
    free(records);
    arena_free(&arena);
}

static void guard_of_deletes(void)
{
    static const char living[] = "SELECT count(*) FROM account WHERE deleted_at IS NULL";
    side_open(&crm, "crm", "companies: ");
    put_many(MANY);
    UNIT_TEXT(end_many(0, 41),
              "stopped: the guard rail stopped it: more than 20 percent of the 200 records of "
              "companies are gone at the vendor and would be deleted here "
              "(guard.max_deleted_percent); look there, and raise it for one run if that is right");
    QUERY(living, "200\n");
    UNIT_TEXT(end_many(0, 30), "deleted 30");
    crm.same_run = true;
    CU_ASSERT_PTR_NOT_NULL(strstr(end_many(30, 11), "stopped: ")); /* 41 in one run */
    UNIT_TEXT(end_many(30, 10), "deleted 10");
    QUERY(living, "160\n");
    side_close(&crm);
    side_open(&crm, "crm", "companies: {guard: {max_deleted_percent: 100}}");
    UNIT_TEXT(end_many(0, 200), "deleted 160");
    side_close(&crm);
}

static void guard_of_changes(void)
{
    side_open(&crm, "crm", "companies: {guard: {max_changes: 200, max_percent: 10}}");
    put_many(MANY);
    CU_ASSERT_PTR_NOT_NULL(strstr(end_many(0, 21), "guard.max_percent"));
    UNIT_TEXT(end_many(0, 20), "deleted 20");
    side_close(&crm);
    side_open(&crm, "crm", "companies: {guard: {max_changes: 5}}");
    CU_ASSERT_PTR_NOT_NULL(strstr(end_many(20, 6), "guard.max_changes"));
    side_close(&crm);
    side_open(&crm, "crm", "companies: {deletes: keep, guard: {max_changes: 5}}");
    UNIT_TEXT(end_many(20, 180), ""); /* nothing is deleted */
    side_close(&crm);
}

static void guard_of_merges(void)
{
    struct buf body = BUF_INIT(64 * 1024);
    side_open(&crm, "crm", "companies: ");
    put_many(MANY);
    buf_text(&body, "{\"list\": [{\"id\": \"c0\", \"f\": {\"name\": \"a\"}, \"was\": [\"c1\"");
    for (int i = 2; i <= 41; i++)
        buf_printf(&body, ", \"c%d\"", i);
    buf_text(&body, "]}]}");
    CU_ASSERT_PTR_NOT_NULL(strstr(BODY("companies", buf_cstr(&body)), "max_deleted_percent"));
    QUERY("SELECT count(*) FROM link WHERE ended <> 0", "0\n");
    buf_free(&body);
    side_close(&crm);
}

static void guard_of_scope(void)
{
    static const char records[] = "SELECT count(*) FROM account WHERE deleted_at IS NULL";
    side_open(&crm, "crm", "companies: ");
    put_many(MANY);
    side_close(&crm);
    side_open(&crm, "crm", "companies: {filter: {stage: x}, out_of_scope: archive}");
    put_many(MANY);
    QUERY(records, "200\n");
    QUERY("SELECT count(*) FROM link WHERE ended <> 0", "0\n");
    side_close(&crm);
    side_open(&crm, "crm", "companies: {filter: {stage: x}}");
    put_many(MANY);
    QUERY(records, "200\n");
    QUERY("SELECT count(*) FROM link WHERE ended = 4", "200\n");
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(archived_and_restored)
IN_STORE(two_connections)
IN_STORE(deleted_and_made_anew)
IN_STORE(tombstones_are_not_matched)
IN_STORE(deletes_keep)
IN_STORE(absent)
IN_STORE(reference_to_a_tombstone)
IN_STORE(merged)
IN_STORE(merged_without_a_change)
IN_STORE(merged_into_a_third)
IN_STORE(merged_in_a_chain)
IN_STORE(merged_in_a_circle)
IN_STORE(merged_and_never_seen)
IN_STORE(merged_but_held)
IN_STORE(merged_after_it_was_archived)
IN_STORE(merged_with_its_parent)
IN_STORE(taken_apart_again)
IN_STORE(erased_losers_stay_out)
IN_STORE(out_of_scope_keep)
IN_STORE(out_of_scope_archive)
IN_STORE(filter_is_part_of_the_hash)
IN_STORE(met)
IN_STORE(guard_of_deletes)
IN_STORE(guard_of_changes)
IN_STORE(guard_of_merges)
IN_STORE(guard_of_scope)

const char *const unit_suite = "ends";
const struct unit_test unit_tests[] = {
    {"archived, then restored", test_archived_and_restored},
    {"a record of two connections", test_two_connections},
    {"deleted, and made anew under another id", test_deleted_and_made_anew},
    {"tombstones are not matched", test_tombstones_are_not_matched},
    {"deletes: keep", test_deletes_keep},
    {"absent", test_absent},
    {"a reference to a tombstone", test_reference_to_a_tombstone},
    {"merged", test_merged},
    {"merged without a change of the winner", test_merged_without_a_change},
    {"merged into a third", test_merged_into_a_third},
    {"merged in a chain", test_merged_in_a_chain},
    {"merged in a circle", test_merged_in_a_circle},
    {"merged, and never seen", test_merged_and_never_seen},
    {"merged, but held by another connection", test_merged_but_held},
    {"merged after it was archived", test_merged_after_it_was_archived},
    {"merged with its parent", test_merged_with_its_parent},
    {"taken apart again", test_taken_apart_again},
    {"erased losers stay out", test_erased_losers_stay_out},
    {"out_of_scope: keep", test_out_of_scope_keep},
    {"out_of_scope: archive", test_out_of_scope_archive},
    {"the filter is part of the hash", test_filter_is_part_of_the_hash},
    {"what a walk has met", test_met},
    {"guard.max_deleted_percent", test_guard_of_deletes},
    {"the other guard rails", test_guard_of_changes},
    {"the guard rail for merges", test_guard_of_merges},
    {"the guard rail for what leaves the scope", test_guard_of_scope},
    {NULL, NULL}};
