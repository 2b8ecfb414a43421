/* SPDX-License-Identifier: Apache-2.0 */
/* Two systems that both have records: what is proposed, what of a file is a mistake, and that an
 * import goes on with what was decided. */
#include "unit.h"

#include <stdio.h>

#include "base/csv.h"
#include "merge_fixture.h"

static struct side crm;
static struct linkup linkup;
static struct buf told = BUF_INIT(1024 * 1024), file = BUF_INIT(1024 * 1024);
static struct error err;

#define PUT(object, ...)           side_put(&crm, (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))
#define ENGINE                     fixture_store->engine

static const char both[] = "companies: , people: ";
static const char accounts[] =
    "SELECT key, name, industry FROM account WHERE deleted_at IS NULL ORDER BY key";
static const char links[] = "SELECT external_id, record, ended FROM link ORDER BY external_id";

/* ---- proposing ---- */

static void begin(const char *object)
{
    linkup = (struct linkup){.setup = &crm.setup};
    linkup_begin_object(&linkup, setup_object(&crm.setup, str_from(object)));
    crm.linkup = &linkup;
    crm.dry = true;
}

/* Vendor's id, our name, how, decision: a row a line. */
static void tell_rows(void)
{
    struct arena arena = {0};
    struct csv_cell cells[7];
    size_t count;
    buf_clear(&file);
    buf_clear(&told);
    linkup_write(&linkup, &file);
    struct csv_reader reader = csv_open(buf_view(&file), &arena);
    csv_row(&reader, cells, 7, &count, &err);
    while (csv_row(&reader, cells, 7, &count, &err) > 0)
        buf_printf(&told, "%.*s|%.*s|%.*s|%.*s\n", STR_ARG(cells[1].text), STR_ARG(cells[4].text),
                   STR_ARG(cells[5].text), STR_ARG(cells[6].text));
    arena_free(&arena);
}

static const char *end(void)
{
    CU_ASSERT_EQUAL_FATAL(ENGINE->begin(fixture_store, &err), 0);
    size_t at = (size_t)(linkup.objects[0].setup - crm.setup.objects);
    if (linkup_conclude(&linkup, fixture_store, fixture_organization, crm.streams[at], &err) != 0)
        UNIT_TEXT(err.text, "");
    ENGINE->rollback(fixture_store);
    tell_rows();
    linkup_free(&linkup);
    crm.linkup = NULL;
    crm.dry = false;
    return buf_cstr(&told);
}

#define PROPOSED(object, expected, ...)                                                            \
    do {                                                                                           \
        begin(object);                                                                             \
        PUT(object, __VA_ARGS__);                                                                  \
        UNIT_TEXT(end(), (expected));                                                              \
    } while (0)

/* ---- accepting ---- */

/* "{N}" becomes the id of the account with that key. */
static void put_file(const char *rows)
{
    buf_clear(&file);
    buf_text(&file, "object,vendor_id,our_id,decision\n");
    for (; *rows; rows++) {
        struct record_row row;
        struct arena arena = {0};
        char id[UUID_TEXT];
        int64_t key = rows[1] - '0';
        if (*rows != '{') {
            buf_char(&file, *rows);
            continue;
        }
        CU_ASSERT_EQUAL_FATAL(ENGINE->begin(fixture_store, &err), 0);
        CU_ASSERT_EQUAL_FATAL(ENGINE->load_records(fixture_store, crm.setup.objects[0].model, &key,
                                                   1, &row, &arena, &err),
                              0);
        ENGINE->rollback(fixture_store);
        buf_text(&file, uuid_format(&row.id, id));
        rows += 2;
        arena_free(&arena);
    }
}

/* "linked 1, apart 2, unchanged 0, left 3 (ok)", or what is wrong, a line each. */
static const char *accept_file(void)
{
    struct sync_host host = {
        .world = &fixture_world.world, .store = fixture_store, .organization = {{1, 2, 3}}};
    struct linkup_decisions decisions;
    struct problems problems = {0};
    struct linkup_counts counts;
    struct run_row row;
    struct arena arena = {0};
    buf_clear(&told);
    linkup_read("f", buf_view(&file), &crm.setup, &decisions, &problems);
    int rc = linkup_accept(&host, &crm.setup, &decisions, STR("test (link)"), &problems, &row,
                           &counts, &arena, &err);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.count; i++)
        buf_printf(&told, "%d:%d %s\n", problems.items[i].line, problems.items[i].column,
                   problems.items[i].text);
    if (rc != 0)
        buf_text(&told, err.text);
    else if (problems.count == 0)
        buf_printf(&told, "linked %d, apart %d, unchanged %d, left %d%s", (int)counts.linked,
                   (int)counts.apart, (int)counts.unchanged, (int)decisions.left,
                   row.id > 0 ? " in a run" : "");
    linkup_decisions_free(&decisions);
    problems_free(&problems);
    arena_free(&arena);
    return buf_cstr(&told);
}

static const char *decide(const char *rows)
{
    put_file(rows);
    return accept_file();
}

static void expect_whole(void)
{
    struct buf summary = BUF_INIT(400);
    if (store_verify(fixture_store, &summary, &err) != 0)
        UNIT_TEXT(err.text, "");
    buf_free(&summary);
}

/* ---- what is there ---- */

static const char a[] = "{\"name\": \"A there\", \"domain\": \"a.test\"}";
static const char b[] = "{\"name\": \"B there\", \"domain\": \"b.test\"}";
static const char c[] = "{\"name\": \"C there\", \"domain\": \"c.test\"}";

/* One a.test, two b.test, one that is only here. */
static void put_ours(void)
{
    side_open(&crm, "crm", both);
    fixture_sql("INSERT INTO account (name, domain, industry) VALUES ('A', 'a.test', 'Tools'), "
                "('B', 'b.test', NULL), ('B2', 'b.test', NULL), ('Only', 'only.test', 'Ours')");
}

static void proposed(void)
{
    put_ours();
    PROPOSED("companies",
             "b|B, b.test|ambiguous (several here): domain = b.test|\n"
             "b|B2, b.test|ambiguous (several here): domain = b.test|\n"
             "a|A, a.test|domain = a.test|link\n"
             "c||none here|create\n"
             "|Only, only.test|none there|\n",
             "a", a, "b", b, "c", c);
    QUERY("SELECT (SELECT count(*) FROM link) || (SELECT count(*) FROM quarantine)", "00\n");
    UNIT_TEXT(PUT("companies", "a", a), "updated 1");
    PROPOSED("companies",
             "b|B, b.test|ambiguous (several here): domain = b.test|\n"
             "b|B2, b.test|ambiguous (several here): domain = b.test|\n"
             "c||none here|create\n"
             "a|A there, a.test|linked already|\n"
             "|Only, only.test|none there|\n",
             "a", a, "b", b, "c", c);
    side_close(&crm);
}

/* An import would give ours to whichever comes first. */
static void several_there(void)
{
    put_ours();
    begin("companies");
    PUT("companies", "a2", a);
    PUT("companies", "a1", a, "c", "{\"name\": \"Before\", \"domain\": \"a.test\"}");
    PUT("companies", "c", c); /* it came again, and is another by now */
    UNIT_TEXT(end(), "a1|A, a.test|ambiguous (others there have it, too): domain = a.test|\n"
                     "a2|A, a.test|ambiguous (others there have it, too): domain = a.test|\n"
                     "c||none here|create\n"
                     "|B, b.test|none there|\n|B2, b.test|none there|\n"
                     "|Only, only.test|none there|\n");
    side_close(&crm);
}

/* ---- what is decided ---- */

static void decided(void)
{
    put_ours();
    UNIT_TEXT(decide("companies,b,{3},link\ncompanies,b,{2},\ncompanies,a,{1},create\n"
                     "companies,c,{4},link\ncompanies,d,,skip\n,,{2},\n"),
              "linked 2, apart 1, unchanged 0, left 1 in a run");
    QUERY(links, "a|0|2\nb|3|0\nc|4|0\n");
    expect_whole();
    PROPOSED("companies",
             "a||decided already: a record of its own|create\n"
             "b|B2, b.test|linked already|\n"
             "c|Only, only.test|linked already|\n"
             "|A, a.test|none there|\n|B, b.test|none there|\n",
             "a", a, "b", b, "c", c);
    UNIT_TEXT(PUT("companies", "a", a, "b", b, "c", c), "created 1, updated 2");
    QUERY(links, "a|5|0\nb|3|0\nc|4|0\n");
    QUERY(accounts, "1|A|Tools\n2|B|~\n3|B there|~\n4|C there|Ours\n5|A there|~\n");
    UNIT_TEXT(PUT("companies", "a", a, "b", b, "c", c), "unchanged 3");
    UNIT_TEXT(decide("companies,b,{3},link\n"), "linked 0, apart 0, unchanged 1, left 0 in a run");
    expect_whole();
    side_close(&crm);
}

/* What was decided differently before it came counts as it was decided last. */
static void decided_anew(void)
{
    put_ours();
    UNIT_TEXT(decide("companies,a,,create\n"), "linked 0, apart 1, unchanged 0, left 0 in a run");
    UNIT_TEXT(decide("companies,a,,create\n"), "linked 0, apart 0, unchanged 1, left 0 in a run");
    UNIT_TEXT(decide("companies,a,{2},link\n"), "linked 1, apart 0, unchanged 0, left 0 in a run");
    QUERY(links, "a|2|0\n");
    UNIT_TEXT(PUT("companies", "a", a), "updated 1");
    QUERY(accounts, "1|A|Tools\n2|A there|~\n3|B2|~\n4|Only|Ours\n");
    UNIT_TEXT(side_delete(&crm, "companies", "a", (char *)NULL), "deleted 1"); /* it was met */
    UNIT_TEXT(decide("companies,a,{1},link\n"), "linked 1, apart 0, unchanged 0, left 0 in a run");
    QUERY(links, "a|1|0\n");
    expect_whole();
    side_close(&crm);
}

/* The vendor's record goes before it was ever read: ours stays. */
static void gone_meanwhile(void)
{
    put_ours();
    decide("companies,a,{1},link\ncompanies,b,,create\n");
    UNIT_TEXT(side_delete(&crm, "companies", "a", "b", (char *)NULL), "");
    QUERY(links, "a|1|1\nb|0|2\n");
    QUERY("SELECT count(*) FROM account WHERE deleted_at IS NOT NULL", "0\n");
    UNIT_TEXT(
        side_put_body(&crm, "companies", "{\"list\": [{\"id\": \"w\", \"f\": {\"name\": \"W\"}}]}"),
        "created 1");
    UNIT_TEXT(decide("companies,v,{2},link\n"), "linked 1, apart 0, unchanged 0, left 0 in a run");
    side_put_body(&crm, "companies",
                  "{\"list\": [{\"id\": \"w\", \"f\": {\"name\": \"W\"}, \"was\": [\"v\"]}]}");
    QUERY("SELECT count(*) FROM account WHERE deleted_at IS NOT NULL", "0\n");
    QUERY("SELECT ended FROM link WHERE external_id = 'v'", "2\n");
    UNIT_TEXT(decide("companies,v,{2},link\n"),
              "2:11 the vendor has merged 'v' into another record\n");
    expect_whole();
    side_close(&crm);
}

/* What was set aside as ambiguous is fine once it was decided. */
static void set_aside(void)
{
    put_ours();
    UNIT_TEXT(PUT("companies", "b", b), "quarantined 1");
    decide("companies,b,{2},link\n");
    UNIT_TEXT(PUT("companies", "b", b), "updated 1");
    QUERY("SELECT count(*) FROM quarantine", "0\n");
    side_close(&crm);
}

static void both_ways(void)
{
    side_open(&crm, "crm",
              "companies: {sync_direction: bidirectional, conflict_resolution: source_priority}");
    fixture_sql("INSERT INTO account (name, domain, industry) VALUES ('A', 'a.test', 'Tools')");
    decide("companies,x,{1},link\n");
    UNIT_TEXT(PUT("companies", "x", a), "updated 1");
    QUERY(accounts, "1|A there|Tools\n"); /* the vendor has no industry: ours is to go there */
    QUERY("SELECT count(*) FROM export_due", "1\n");
    QUERY("SELECT count(*) FROM conflict", "0\n");
    side_close(&crm);
}

/* ---- mistakes ---- */

static void mistakes(void)
{
    put_ours();
    UNIT_TEXT(PUT("companies", "l", "{\"name\": \"L\"}"), "created 1"); /* account 5 */
    fixture_sql("UPDATE account SET deleted_at = 1 WHERE key = 4");
    UNIT_TEXT(decide("company,a,{1},link\n"
                     "companies,,{1},link\n"
                     "companies,2.1651E+10,{1},link\n"
                     "companies,a,,link\n"
                     "companies,a,nonsense,link\n"
                     "companies,a,00000000-0000-7000-8000-000000000000,link\n"
                     "companies,b,{4},link\n"
                     "companies,c,{5},link\n"
                     "companies,l,{2},link\n"
                     "companies,d,{3},lnk\n"
                     "companies,e,{1},link\ncompanies,f,{1},link\n"
                     "companies,g,,create\ncompanies,g,{2},link\n"
                     "people,p,{1},link\n"
                     "companies"),
              "2:1 this connection syncs no object 'company'; did you mean 'companies'?\n"
              "3:11 there is no vendor_id: a decision is one on a record of the vendor's\n"
              "4:11 '2.1651E+10' is no id any more: a spreadsheet has rounded it; make the column "
              "one of text before you open the file, or write an apostrophe before the id\n"
              "5:13 to link it, our_id is needed: the id of a record of ours\n"
              "6:13 'nonsense' is no id of a record of ours: `fastenr records` lists them\n"
              "7:13 there is no account with this id here\n"
              "8:13 this record of ours is deleted\n"
              "9:13 this record of ours is linked with 'l' already\n"
              "10:11 'l' is linked already, with another record of ours\n"
              "11:50 'lnk' is no decision: link, create, skip or nothing\n"
              "13:13 this record of ours is linked with 'e' on line 12 already: a record has one "
              "partner\n"
              "15:11 'g' is decided on twice, first on line 14: leave one of them\n"
              "15:13 this record of ours is linked with 'l' on line 10 already: a record has one "
              "partner\n"
              "16:10 there is no contact with this id here\n");
    QUERY(links, "l|5|0\n");
    QUERY("SELECT count(*) FROM run", "1\n");
    side_close(&crm);
}

/* Of another organization nothing is told, not even that it is there. */
static void others(void)
{
    static const struct uuid id = {{9}};
    int64_t other;
    put_ours();
    CU_ASSERT_EQUAL_FATAL(ENGINE->begin(fixture_store, &err), 0);
    CU_ASSERT_EQUAL_FATAL(ENGINE->organization(fixture_store, &id, &other, &err), 0);
    CU_ASSERT_EQUAL_FATAL(ENGINE->commit(fixture_store, &err), 0);
    fixture_sql("INSERT INTO account (name, domain, organization) VALUES ('Theirs', 'c.test', 2)");
    UNIT_TEXT(decide("companies,c,{5},link\n"), "2:13 there is no account with this id here\n");
    PROPOSED("companies",
             "c||none here|create\n|A, a.test|none there|\n|B, b.test|none there|\n"
             "|B2, b.test|none there|\n|Only, only.test|none there|\n",
             "c", c);
    side_close(&crm);
}

/* A link that was made, and one of which a field is paused, wait for the read after the pause. */
static void paused(void)
{
    put_ours();
    struct mapping *mapping = &crm.setup.objects[0].mapping;
    size_t domain = 0;
    while (strcmp(mapping->rules[domain].field.name, "domain") != 0)
        domain++;
    mapping->rules[domain].paused = true;
    mapping->paused_count = 1;
    PROPOSED("companies",
             "c||not known: a field that it would be matched by is paused|\n"
             "|A, a.test|none there|\n|B, b.test|none there|\n"
             "|B2, b.test|none there|\n|Only, only.test|none there|\n",
             "c", c);
    decide("companies,c,,create\ncompanies,b,{2},link\n");
    mapping->rules[domain].paused = true; /* which the store does not know of */
    mapping->paused_count = 1;
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\"}", "b", "{\"name\": \"B!\"}", "c",
                  "{\"name\": \"C\"}"),
              "created 1, updated 1, quarantined 1");
    QUERY(links, "b|2|0\nc|5|0\n");
    side_close(&crm);
}

static void broken_files(void)
{
    put_ours();
    file.len = 0;
    UNIT_TEXT(accept_file(),
              "1:1 the first line does not name the column 'object': it is to be the one that "
              "--propose has written\n"
              "1:1 the first line does not name the column 'vendor_id': it is to be the one that "
              "--propose has written\n"
              "1:1 the first line does not name the column 'our_id': it is to be the one that "
              "--propose has written\n"
              "1:1 the first line does not name the column 'decision': it is to be the one that "
              "--propose has written\n");
    UNIT_TEXT(decide("companies,\"a,{1},link\n"), "2:11 the quote that begins here does not end\n");
    UNIT_TEXT(decide(""), "linked 0, apart 0, unchanged 0, left 0");
    buf_clear(&file);
    buf_text(&file, "\xEF\xBB\xBF"
                    "Decision;our_id;Object;vendor_id;note\r\nCREATE;;companies;'123;x\r\n");
    UNIT_TEXT(accept_file(), "linked 0, apart 1, unchanged 0, left 0 in a run");
    QUERY(links, "123|0|2\n");
    side_close(&crm);
}

static void erased(void)
{
    side_open(&crm, "crm", both);
    PUT("people", "p", "{\"first\": \"P\", \"email\": \"p@a.test\"}");
    fixture_erase("p@a.test");
    fixture_sql("INSERT INTO contact (first_name) VALUES ('Q')");
    UNIT_TEXT(decide("people,p,,create\n"), "2:8 'p' was erased with the data of a person\n");
    side_close(&crm);
}

/* ---- many ---- */

enum { MANY = 1200 };

static void many(void)
{
    side_open(&crm, "crm", both);
    fixture_sql("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1199) "
                "INSERT INTO account (name, domain) SELECT 'N' || i, 'n' || i || '.test' FROM n");
    struct emitted_record *records = arena_new(&crm.arena, MANY, sizeof records[0]);
    for (int i = 0; i < MANY; i++)
        records[i] = (struct emitted_record){
            .id = str_from(arena_printf(&crm.arena, "v%d", i)),
            .fields = str_from(
                arena_printf(&crm.arena, "{\"name\": \"V%d\", \"domain\": \"n%d.test\"}", i, i))};
    begin("companies");
    side_put_records(&crm, "companies", records, MANY);
    end();
    UNIT_TEXT(accept_file(), "linked 1200, apart 0, unchanged 0, left 0 in a run");
    QUERY("SELECT count(*) FROM link l JOIN account a ON a.key = l.record WHERE l.ended = 0 AND "
          "a.name = 'N' || substr(l.external_id, 2)",
          "1200\n");
    UNIT_TEXT(side_put_records(&crm, "companies", records, MANY), "updated 1200");
    expect_whole();
    side_close(&crm);
}

#define IN_STORE(name)                                                                             \
    static void test_##name(void)                                                                  \
    {                                                                                              \
        fixture_run(name);                                                                         \
    }
IN_STORE(proposed)
IN_STORE(several_there)
IN_STORE(decided)
IN_STORE(decided_anew)
IN_STORE(gone_meanwhile)
IN_STORE(set_aside)
IN_STORE(both_ways)
IN_STORE(mistakes)
IN_STORE(others)
IN_STORE(paused)
IN_STORE(broken_files)
IN_STORE(erased)
IN_STORE(many)

const char *const unit_suite = "linkup";
const struct unit_test unit_tests[] = {
    {"what is proposed", test_proposed},
    {"several of the vendor's have the value", test_several_there},
    {"what is decided", test_decided},
    {"what is decided anew", test_decided_anew},
    {"gone before it was read", test_gone_meanwhile},
    {"what was set aside", test_set_aside},
    {"both ways", test_both_ways},
    {"mistakes", test_mistakes},
    {"another organization", test_others},
    {"a paused field", test_paused},
    {"files that are none", test_broken_files},
    {"erased persons", test_erased},
    {"many", test_many},
    {NULL, NULL}};
