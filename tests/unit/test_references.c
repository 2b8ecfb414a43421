/* SPDX-License-Identifier: Apache-2.0 */
/* References between records, also those that come late; and quarantine played again. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "merge_fixture.h"
#include "sync/replay.h"

static struct side crm, erp;

#define PUT(side, object, ...)     side_put(&(side), (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char both[] = "companies: , people: ";
static const char parents[] = "SELECT name, parent_id FROM account ORDER BY key";
static const char people[] = "SELECT first_name, account_id, manager_id FROM contact ORDER BY key";
static const char pending[] =
    "SELECT external_id, object, record, field FROM pending_reference ORDER BY record, field";
static const char bodies[] = "SELECT record, prev, body FROM log WHERE op = 2 ORDER BY seq";

/* Each record's revisions chain back to its first log row. */
static void expect_chains(void)
{
    QUERY("SELECT count(*) FROM account a WHERE rev <> (SELECT max(seq) FROM log l "
          "WHERE l.object = 1 AND l.record = a.key)",
          "0\n");
    QUERY("SELECT count(*) FROM log l WHERE op = 2 AND prev <> (SELECT max(seq) FROM log p "
          "WHERE p.object = l.object AND p.record = l.record AND p.seq < l.seq)",
          "0\n");
}

/* ---- references ---- */

static void within_a_batch(void)
{
    side_open(&crm, "crm", both);
    UNIT_TEXT(PUT(crm, "companies", "a", "{\"name\": \"A\", \"parent\": \"c\"}", "b",
                  "{\"name\": \"B\", \"parent\": \"a\"}", "c", "{\"name\": \"C\"}", "d",
                  "{\"name\": \"D\", \"parent\": \"d\"}"),
              "created 4");
    QUERY(parents, "A|3\nB|1\nC|~\nD|4\n");
    QUERY(pending, "");
    QUERY("SELECT count(*) FROM log", "4\n");
    side_close(&crm);
}

static void across_batches(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "a", "{\"name\": \"A\"}", "b", "{\"name\": \"B\"}");
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"b\"}"), "created 1");
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\"}"), "updated 1");
    QUERY(people, "P|1|~\n");
    QUERY(bodies, "1|3|{\"account_id\":[2,1]}\n");
    QUERY(pending, "");
    /* One id, two objects: a company `p` is not the person `p`. */
    UNIT_TEXT(PUT(crm, "people", "q", "{\"first\": \"Q\", \"company\": \"p\", \"boss\": \"p\"}"),
              "created 1");
    QUERY(people, "P|1|~\nQ|~|1\n");
    QUERY(pending, "p|2|2|1\n");
    side_close(&crm);
}

static void late(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\", \"boss\": \"q\"}", "r",
        "{\"first\": \"R\", \"company\": \"a\"}");
    QUERY(people, "P|~|~\nR|~|~\n");
    QUERY(pending, "a|2|1|1\nq|2|1|8\na|2|2|1\n");
    fixture_world.now_us += 10;
    UNIT_TEXT(PUT(crm, "companies", "a", "{\"name\": \"A\"}"), "created 1");
    QUERY(people, "P|1|~\nR|1|~\n");
    QUERY(pending, "q|2|1|8\n");
    UNIT_TEXT(PUT(crm, "people", "q", "{\"first\": \"Q\", \"boss\": \"q\"}"), "created 1");
    QUERY(people, "P|1|3\nR|1|~\nQ|~|3\n");
    QUERY(pending, "");
    QUERY(bodies, "1|1|{\"account_id\":[null,1]}\n2|2|{\"account_id\":[null,1]}\n"
                  "1|4|{\"manager_id\":[null,3]}\n");
    QUERY("SELECT updated_at FROM contact WHERE key = 1", "1000010\n");
    expect_chains();
    /* Seen before: nothing is written when they come again. */
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\", \"boss\": \"q\"}"),
              "unchanged 1");
    side_close(&crm);
}

/* Two fields of one record that wait for two records of one id. */
static void two_fields_wait(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"x\", \"boss\": \"x\"}");
    PUT(crm, "companies", "a", "{\"name\": \"A\", \"parent\": \"x\"}");
    QUERY(pending, "x|2|1|1\nx|2|1|8\nx|1|1|13\n");
    UNIT_TEXT(PUT(crm, "companies", "x", "{\"name\": \"X\"}"), "created 1");
    UNIT_TEXT(PUT(crm, "people", "x", "{\"first\": \"X\"}"), "created 1");
    QUERY(people, "P|2|2\nX|~|~\n");
    QUERY(parents, "A|2\nX|~\n");
    QUERY(pending, "");
    expect_chains();
    side_close(&crm);
}

/* Two pending fields of one record that the same batch settles: one change of it. */
static void settled_together(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "people", "p", "{\"first\": \"P\", \"boss\": \"q\"}");
    fixture_sql("INSERT INTO pending_reference SELECT stream, 'q', 2, 1, 1 "
                "FROM pending_reference");
    PUT(crm, "people", "q", "{\"first\": \"Q\"}");
    QUERY(people, "P|2|2\nQ|~|~\n");
    QUERY("SELECT count(*) FROM log WHERE record = 1 AND object = 2", "2\n");
    QUERY(pending, "");
    expect_chains();
    side_close(&crm);
}

static void missing_and_back(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "a", "{\"name\": \"A\"}", "b", "{\"name\": \"B\", \"parent\": \"a\"}");
    UNIT_TEXT(PUT(crm, "companies", "b", "{\"name\": \"B\", \"parent\": \"x\"}"), "updated 1");
    QUERY(parents, "A|~\nB|~\n");
    QUERY(pending, "x|1|2|13\n");
    UNIT_TEXT(PUT(crm, "companies", "b", "{\"name\": \"B\", \"parent\": \"y\"}"), "unchanged 1");
    QUERY(pending, "y|1|2|13\n");
    UNIT_TEXT(PUT(crm, "companies", "b", "{\"name\": \"B\", \"parent\": \"a\"}"), "updated 1");
    QUERY(parents, "A|~\nB|1\n");
    QUERY(pending, "");
    UNIT_TEXT(PUT(crm, "companies", "x", "{\"name\": \"X\"}", "y", "{\"name\": \"Y\"}"),
              "created 2");
    QUERY(parents, "A|~\nB|1\nX|~\nY|~\n"); /* nobody waits for them any more */
    UNIT_TEXT(PUT(crm, "companies", "b", "{\"name\": \"B\"}"), "updated 1");
    QUERY(parents, "A|~\nB|~\nX|~\nY|~\n");
    PUT(crm, "companies", "b", "{\"name\": \"B\", \"parent\": \"z\"}");
    PUT(crm, "companies", "b", "{\"name\": \"B\"}");
    QUERY(pending, ""); /* cleared while it waited */
    expect_chains();
    side_close(&crm);
}

/* What was set aside or left out is not there to refer to, until it is. */
static void quarantined_target(void)
{
    side_open(&crm, "crm", "companies: {filter: {stage: {not: lead}}}, people: ");
    UNIT_TEXT(PUT(crm, "companies", "a", "{\"name\": \"A\", \"parent\": \"bad\"}", "bad", "{}", "b",
                  "{\"name\": \"B\", \"parent\": \"out\"}", "out",
                  "{\"name\": \"Out\", \"stage\": \"lead\"}"),
              "created 2, filtered 1, quarantined 1");
    QUERY(pending, "bad|1|1|13\nout|1|2|13\n");
    PUT(crm, "companies", "bad", "{\"name\": \"Good\"}", "out", "{\"name\": \"In\"}");
    QUERY(parents, "A|3\nB|4\nGood|~\nIn|~\n");
    QUERY(pending, "");
    side_close(&crm);
}

/* A first match takes over no reference that it does not have. */
static void first_match(void)
{
    side_open(&crm, "crm", both);
    side_open(&erp, "erp", both);
    PUT(crm, "companies", "a", "{\"name\": \"A\", \"domain\": \"a.test\", \"parent\": \"late\"}",
        "b", "{\"name\": \"B\", \"domain\": \"b.test\", \"parent\": \"a\"}");
    PUT(erp, "companies", "ea", "{\"name\": \"A\", \"domain\": \"a.test\"}", "eb",
        "{\"name\": \"B\", \"domain\": \"b.test\"}");
    QUERY(parents, "A|~\nB|1\n");
    QUERY(pending, "late|1|1|13\n");
    fixture_sql("UPDATE account SET parent_id = 3 WHERE key = 1"); /* someone was first */
    PUT(crm, "companies", "late", "{\"name\": \"Late\"}");
    QUERY(parents, "A|3\nB|1\nLate|~\n");
    QUERY(pending, "");
    QUERY(bodies, "1|1|{\"parent_id\":[null,3]}\n"); /* theirs: ours would change nothing */
    side_close(&crm);
    side_close(&erp);
}

/* An object that is enabled later: what referred to it is read again, and finds it. */
static void enabled_later(void)
{
    side_open(&crm, "crm", "people: ");
    int64_t before = crm.setup.objects[0].mapping.hash;
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"a\"}"), "created 1");
    QUERY(pending, "");
    fixture_sql("INSERT INTO account (key, id, organization, rev, created_at, updated_at, name) "
                "VALUES (7, x'00', 1, 1, 1, 1, 'ours'); UPDATE contact SET account_id = 7");
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"b\"}"), "unchanged 1");
    QUERY(people, "P|7|~\n");
    side_close(&crm);
    side_open(&crm, "crm", both);
    CU_ASSERT_NOT_EQUAL(crm.setup.objects[1].mapping.hash, before);
    PUT(crm, "companies", "b", "{\"name\": \"B\"}");
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P\", \"company\": \"b\"}"), "updated 1");
    QUERY(people, "P|8|~\n");
    side_close(&crm);
}

/* ---- replay ---- */

static const char aside[] =
    "SELECT external_id, times, reason FROM quarantine ORDER BY external_id";

static struct error replay_err;

static const char *replay(const char *object, int64_t id)
{
    static char text[600];
    struct sync_host host = {
        .world = &fixture_world.world, .store = fixture_store, .organization = {{1, 2, 3}}};
    const struct object_setup *only = object ? setup_object(&crm.setup, str_from(object)) : NULL;
    struct run_row row;
    struct arena arena = {0};
    int rc = replay_quarantine(&host, &crm.setup, only, id, STR("test"), &row, &arena, &replay_err);
    int len = snprintf(text, sizeof text, "%d %s:", rc, run_status_name(row.status));
    for (size_t i = 0; i < row.stream_count; i++) {
        const struct run_counts *c = &row.streams[i].counts;
        len += snprintf(text + len, sizeof text - (size_t)len, " %.*s %d=%d+%d/%d",
                        STR_ARG(row.streams[i].vendor_object), (int)c->read, (int)c->created,
                        (int)c->updated, (int)c->quarantined);
    }
    arena_free(&arena);
    return text;
}

static void put_bad(const char *objects)
{
    side_open(&crm, "crm", objects);
    side_put_body(&crm, "companies",
                  "{\"list\": [{\"id\": \"c1\", \"f\": {\"name\": \"A\", \"seats\": \"5 seats\"}},"
                  "{\"id\": \"c2\", \"f\": {\"seats\": 1}}, {\"id\": \"c3\"},"
                  "{\"id\": \"c4\", \"at\": \"x\", \"f\": {\"name\": \"D\"}},"
                  "{\"f\": {\"name\": \"E\"}}]}");
    PUT(crm, "people", "p1", "{\"email\": \"none\"}");
    side_close(&crm);
}

static void replay_after_a_fix(void)
{
    put_bad("companies: {mapping: {seat_count: seats}}, people: ");
    QUERY("SELECT count(*) FROM quarantine", "6\n");
    side_open(&crm, "crm",
              "companies: {mapping: {seat_count: {from: seats, invalid: null}}}, "
              "people: ");
    fixture_world.now_us += 10;
    UNIT_TEXT(replay("companies", 0), "0 quarantined: companies 5=2+0/3");
    QUERY("SELECT name, seat_count FROM account ORDER BY name", "A|~\nD|~\n");
    QUERY("SELECT external_id FROM link ORDER BY external_id", "c1\nc4\n");
    QUERY("SELECT external_id, times, last_at FROM quarantine WHERE external_id NOT LIKE 'w%' "
          "ORDER BY external_id",
          "c2|2|1000010\nc3|1|1000000\np1|1|1000000\n"); /* c3 has no fields */
    QUERY("SELECT times FROM quarantine WHERE external_id LIKE 'w%'", "1\n");
    UNIT_TEXT(replay(NULL, 0), "0 quarantined: companies 3=0+0/3 people 1=0+0/1");
    QUERY("SELECT status, read, created, quarantined FROM run r JOIN run_stream s ON s.run = r.id "
          "WHERE started_by = 'test' AND s.quarantined > 0 ORDER BY r.id, s.stream",
          "3|5|2|3\n3|3|0|3\n3|1|0|1\n");
    side_close(&crm);
}

static void replay_one(void)
{
    char query[100];
    put_bad("companies: {mapping: {seat_count: seats}}, people: ");
    side_open(&crm, "crm", "companies: , people: {mapping: {email: {from: email, invalid: null}}}");
    int64_t id = atoll(fixture_query("SELECT id FROM quarantine WHERE external_id = 'p1'"));
    snprintf(query, sizeof query, "SELECT count(*) FROM quarantine WHERE id = %d", (int)id);
    QUERY(query, "1\n");
    UNIT_TEXT(replay("people", id), "0 ok: people 1=1+0/0");
    QUERY(query, "0\n");
    QUERY("SELECT count(*) FROM quarantine", "5\n");
    QUERY("SELECT count(*) FROM contact", "1\n");
    UNIT_TEXT(replay("people", id), "0 ok: people 0=0+0/0");
    side_close(&crm);
}

/* Of one that is linked, and of one that the filter leaves out now. */
static void replay_linked_and_filtered(void)
{
    side_open(&crm, "crm", "companies: {mapping: {seat_count: seats}}");
    PUT(crm, "companies", "c1", "{\"name\": \"A\", \"seats\": 1}");
    PUT(crm, "companies", "c1", "{\"name\": \"B\", \"seats\": \"x\"}", "c2",
        "{\"name\": \"C\", \"seats\": \"x\", \"stage\": \"lead\"}");
    side_close(&crm);
    side_open(&crm, "crm",
              "companies: {mapping: {seat_count: {from: seats, map: {x: 9}}}, "
              "filter: {stage: {not: lead}}}");
    UNIT_TEXT(replay(NULL, 0), "0 ok: companies 2=0+1/0");
    QUERY("SELECT name, seat_count FROM account", "B|9\n");
    QUERY(aside, "");
    side_close(&crm);
}

static void replay_stopped(void)
{
    side_open(&crm, "crm", "companies: {mapping: {seat_count: seats}}");
    PUT(crm, "companies", "c1", "{\"name\": \"A\", \"seats\": \"x\"}", "c2",
        "{\"name\": \"B\", \"seats\": \"x\"}");
    side_close(&crm);
    side_open(&crm, "crm", "companies: {guard: {max_changes: 1}}");
    UNIT_TEXT(replay(NULL, 0), "-1 stopped: companies 0=0+0/0");
    QUERY("SELECT count(*) FROM account", "0\n");
    QUERY("SELECT count(*), sum(times) FROM quarantine", "2|2\n");
    QUERY("SELECT count(*) FROM run WHERE status = 5 AND reason LIKE 'the guard rail%'", "1\n");
    side_close(&crm);
}

/* ---- people who were erased ---- */

/* Nobody waits for one who will not come, be it before or after. */
static void to_an_erased_one(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "people", "p", "{\"first\": \"P\", \"boss\": \"q\"}", "q",
        "{\"first\": \"Q\", \"email\": \"q@x.test\"}", "bad",
        "{\"first\": \"R\", \"email\": \"none\", \"mail\": \"q@x.test\"}", "r",
        "{\"first\": \"R\", \"boss\": \"bad\"}");
    QUERY(people, "P|~|2\nQ|~|~\nR|~|~\n");
    QUERY(pending, "bad|2|3|8\n");
    UNIT_TEXT(fixture_erase("q@x.test"), "contacts 1, links 1, log 1, quarantined 1, emptied 1");
    QUERY(people, "P|~|~\nR|~|~\n");
    QUERY(pending, "");
    UNIT_TEXT(PUT(crm, "people", "p", "{\"first\": \"P2\", \"boss\": \"q\"}", "s",
                  "{\"first\": \"S\", \"boss\": \"q\"}", "r",
                  "{\"first\": \"R\", \"boss\": \"q\"}"),
              "created 1, updated 1, unchanged 1");
    QUERY(pending, "");
    UNIT_TEXT(PUT(crm, "people", "q", "{\"first\": \"Q\", \"email\": \"new@x.test\"}"),
              "filtered 1");
    side_close(&crm);
}

/* A record without an id is known again by what it holds. */
static void erased_without_id(void)
{
    static const char body[] = "{\"list\": [{\"f\": {\"first\": \"A\", \"email\": \"a@x.test\"}}]}";
    side_open(&crm, "crm", both);
    UNIT_TEXT(side_put_body(&crm, "people", body), "quarantined 1");
    UNIT_TEXT(fixture_erase("a@x.test"), "quarantined 1");
    UNIT_TEXT(side_put_body(&crm, "people", body), "filtered 1");
    QUERY("SELECT count(*) FROM quarantine", "0\n");
    side_close(&crm);
}

/* What mentioned a person stays aside, and cannot be replayed until it comes again. */
static void erased_payload(void)
{
    static const char bad[] = "{\"about\":\"ask a@x.test\"}";
    side_open(&crm, "crm", both);
    UNIT_TEXT(PUT(crm, "companies", "c", bad), "quarantined 1");
    UNIT_TEXT(fixture_erase("a@x.test"), "payloads 1");
    QUERY("SELECT count(*) FROM run", "1\n");
    CU_ASSERT_EQUAL(strncmp(replay(NULL, 1), "-1 ", 3), 0);
    UNIT_TEXT(replay_err.text,
              "record 1 in quarantine cannot be replayed: what it held was erased with the data of "
              "a person; `fastenr sync crm --full` brings it again");
    QUERY("SELECT count(*) FROM run", "1\n");
    UNIT_TEXT(replay("companies", 0), "0 quarantined: companies 1=0+0/1");
    UNIT_TEXT(PUT(crm, "companies", "c", bad), "quarantined 1");
    QUERY("SELECT id, times, payload FROM quarantine", "1|2|{\"about\":\"ask a@x.test\"}\n");
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(within_a_batch)
IN_STORE(across_batches)
IN_STORE(late)
IN_STORE(two_fields_wait)
IN_STORE(settled_together)
IN_STORE(missing_and_back)
IN_STORE(quarantined_target)
IN_STORE(first_match)
IN_STORE(enabled_later)
IN_STORE(replay_after_a_fix)
IN_STORE(replay_one)
IN_STORE(replay_linked_and_filtered)
IN_STORE(replay_stopped)
IN_STORE(to_an_erased_one)
IN_STORE(erased_without_id)
IN_STORE(erased_payload)

const char *const unit_suite = "references and replay";
const struct unit_test unit_tests[] = {
    {"within a batch", test_within_a_batch},
    {"across batches", test_across_batches},
    {"a target that comes late", test_late},
    {"two fields that wait", test_two_fields_wait},
    {"two fields settled together", test_settled_together},
    {"to what is missing, and back", test_missing_and_back},
    {"a target set aside or left out", test_quarantined_target},
    {"a first match", test_first_match},
    {"an object enabled later", test_enabled_later},
    {"replay after a fix", test_replay_after_a_fix},
    {"replay of one", test_replay_one},
    {"replay of a linked one and of one left out", test_replay_linked_and_filtered},
    {"replay stopped by a guard rail", test_replay_stopped},
    {"to one who is erased", test_to_an_erased_one},
    {"one without an id is erased", test_erased_without_id},
    {"replay of what was erased", test_erased_payload},
    {NULL, NULL}};
