/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that are taken of another record, and follow it. */
#include "unit.h"

#include <stdio.h>

#include "merge_fixture.h"

static struct side crm;

#define PUT(object, ...)           side_put(&crm, (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char both[] = "companies: , owners: ";
static const char addresses[] = "SELECT name, owner_email FROM account ORDER BY key";
static const char followers[] =
    "SELECT external_id, object, record, field FROM pending_reference ORDER BY record, field";
static const char bodies[] =
    "SELECT record, body FROM log WHERE op = 2 AND object = 1 ORDER BY seq";

#define ANN  "{\"email\": \"ann@x.test\", \"name\": \"Ann\"}"
#define ANNE "{\"email\": \"anne@x.test\", \"name\": \"Ann\"}"
#define BOB  "{\"email\": \"bob@x.test\", \"name\": \"Bob\"}"

static void there_already(void)
{
    side_open(&crm, "crm", both);
    PUT("owners", "1", ANN, "2", BOB);
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}", "b",
                  "{\"name\": \"B\", \"owner\": \"2\"}", "c", "{\"name\": \"C\", \"owner\": \"3\"}",
                  "d", "{\"name\": \"D\"}"),
              "created 4");
    QUERY(addresses, "A|ann@x.test\nB|bob@x.test\nC|~\nD|~\n");
    QUERY(followers, "1|1|1|14\n2|1|2|14\n3|1|3|14\n");
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"2\"}", "b", "{\"name\": \"B\"}",
                  "d", "{\"name\": \"D\", \"owner\": \"1\"}"),
              "updated 3");
    QUERY(addresses, "A|bob@x.test\nB|~\nC|~\nD|ann@x.test\n");
    QUERY(followers, "2|1|1|14\n3|1|3|14\n1|1|4|14\n");
    QUERY(bodies, "1|{\"owner_email\":[\"ann@x.test\",\"bob@x.test\"]}\n"
                  "2|{\"owner_email\":[\"bob@x.test\",null]}\n"
                  "4|{\"owner_email\":[null,\"ann@x.test\"]}\n");
    side_close(&crm);
}

static void comes_late(void)
{
    side_open(&crm, "crm", both);
    PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}", "b",
        "{\"name\": \"B\", \"owner\": \"1\"}");
    QUERY(addresses, "A|~\nB|~\n");
    fixture_world.now_us += 10;
    UNIT_TEXT(PUT("owners", "1", ANN), "created 1, followed 2");
    QUERY(addresses, "A|ann@x.test\nB|ann@x.test\n");
    QUERY(followers, "1|1|1|14\n1|1|2|14\n");
    QUERY("SELECT updated_at FROM account WHERE key = 1", "1000010\n");
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}"), "unchanged 1");
    side_close(&crm);
}

static void changes(void)
{
    side_open(&crm, "crm", both);
    PUT("owners", "1", ANN, "2", BOB);
    PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}", "b",
        "{\"name\": \"B\", \"owner\": \"2\"}");
    UNIT_TEXT(PUT("owners", "1", ANNE, "2", BOB), "updated 1, unchanged 1, followed 1");
    QUERY(addresses, "A|anne@x.test\nB|bob@x.test\n");
    QUERY(bodies, "1|{\"owner_email\":[\"ann@x.test\",\"anne@x.test\"]}\n");
    /* Of what is not taken, nobody hears. */
    UNIT_TEXT(PUT("owners", "1", "{\"email\": \"anne@x.test\", \"name\": \"Anne\"}"), "updated 1");
    QUERY("SELECT count(*) FROM log WHERE object = 1 AND op = 2", "1\n");
    UNIT_TEXT(PUT("owners", "1", "{\"name\": \"Anne\"}"), "updated 1, followed 1");
    QUERY(addresses, "A|~\nB|bob@x.test\n");
    PUT("owners", "1", ANN);
    QUERY(addresses, "A|ann@x.test\nB|bob@x.test\n");
    QUERY("SELECT count(*) FROM log WHERE op = 2 AND prev <> (SELECT max(seq) FROM log p "
          "WHERE p.object = log.object AND p.record = log.record AND p.seq < log.seq)",
          "0\n");
    side_close(&crm);
}

/* More than are settled at once. */
static void very_many(void)
{
    enum { COMPANIES = 2500, AT_ONCE = 500 };
    static char ids[COMPANIES][8];
    struct emitted_record records[AT_ONCE];
    side_open(&crm, "crm", both);
    PUT("owners", "1", ANN);
    for (int from = 0; from < COMPANIES; from += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(ids[from + i], sizeof ids[0], "%d", from + i);
            records[i] =
                (struct emitted_record){.id = str_from(ids[from + i]),
                                        .fields = STR("{\"name\": \"Many\", \"owner\": \"1\"}")};
        }
        UNIT_TEXT(side_put_records(&crm, "companies", records, AT_ONCE), "created 500");
    }
    UNIT_TEXT(PUT("owners", "1", ANNE), "updated 1, followed 2500");
    QUERY("SELECT count(*), min(owner_email), max(owner_email) FROM account",
          "2500|anne@x.test|anne@x.test\n");
    QUERY("SELECT count(*) FROM log WHERE object = 1 AND op = 2", "2500\n");
    QUERY("SELECT count(*) FROM pending_reference", "2500\n");
    side_close(&crm);
}

/* The mapping leaves the field out: what is there stays, and follows nobody any more. */
static void left_out(void)
{
    side_open(&crm, "crm", both);
    PUT("owners", "1", ANN);
    PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}");
    side_close(&crm);
    side_open(&crm, "crm", "companies: {mapping: {owner_email: ~}}, owners: ");
    PUT("owners", "1", ANNE);
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}"), "unchanged 1");
    QUERY(addresses, "A|ann@x.test\n");
    QUERY(followers, "");
    side_close(&crm);
    side_open(&crm, "crm", both);
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}"), "updated 1");
    QUERY(addresses, "A|anne@x.test\n");
    side_close(&crm);
}

/* The same id, but another field of its record; then the id itself. */
static void another_field(void)
{
    static const char industries[] = "SELECT industry FROM account";
    static const char a[] = "{\"name\": \"A\", \"owner\": \"1\"}";
    side_open(&crm, "crm",
              "companies: {mapping: {industry: {from: owner, lookup: owners, take: name}}}, "
              "owners: ");
    PUT("owners", "1", ANN);
    PUT("companies", "a", a);
    QUERY(industries, "Ann\n");
    side_close(&crm);
    side_open(&crm, "crm",
              "companies: {mapping: {industry: {from: owner, lookup: owners, take: email}}}, "
              "owners: ");
    UNIT_TEXT(PUT("companies", "a", a), "updated 1");
    QUERY(industries, "ann@x.test\n");
    PUT("owners", "1", ANNE);
    QUERY(industries, "anne@x.test\n");
    QUERY(bodies, "1|{\"industry\":[\"Ann\",\"ann@x.test\"]}\n"
                  "1|{\"industry\":[\"ann@x.test\",\"anne@x.test\"],"
                  "\"owner_email\":[\"ann@x.test\",\"anne@x.test\"]}\n");
    side_close(&crm);
    side_open(&crm, "crm", "companies: {mapping: {industry: owner}}, owners: ");
    UNIT_TEXT(PUT("companies", "a", a), "updated 1");
    QUERY(industries, "1\n");
    side_close(&crm);
}

/* A default rule that takes counts only where its object is synced. */
static void not_synced(void)
{
    side_open(&crm, "crm", "companies: ");
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}"), "created 1");
    QUERY(addresses, "A|~\n");
    QUERY(followers, "");
    side_close(&crm);
    side_open(&crm, "crm", "companies: , owners: {enabled: false}");
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}"), "unchanged 1");
    side_close(&crm);
}

/* As drift does it, once the vendor's field is gone, or there again. */
static void set_paused(struct side *side, const char *object, const char *rule, bool paused)
{
    for (size_t i = 0; i < side->setup.object_count; i++) {
        struct mapping *m = &side->setup.objects[i].mapping;
        for (size_t j = 0; j < m->rule_count; j++) {
            if (!str_is(side->setup.objects[i].item->name, object) ||
                strcmp(m->rules[j].field.name, rule) != 0)
                continue;
            m->rules[j].paused = paused;
            m->paused_count = paused;
        }
    }
}

/* While the rule is paused, nothing is written by it: not when a record of its object comes, not
 * when the owner changes. After it, the read of everything brings what was missed. */
static void paused(void)
{
    static const char a[] = "{\"name\": \"A\", \"owner\": \"1\"}";
    static const char b[] = "{\"name\": \"B\", \"owner\": \"1\"}";
    side_open(&crm, "crm", both);
    PUT("owners", "1", ANN, "2", BOB);
    PUT("companies", "a", a, "b", b);
    set_paused(&crm, "companies", "owner_email", true);
    UNIT_TEXT(PUT("owners", "1", ANNE), "updated 1");
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A2\"}", "b", "{\"name\": \"B\"}"),
              "updated 1, unchanged 1");
    QUERY(addresses, "A2|ann@x.test\nB|ann@x.test\n");
    QUERY(followers, "1|1|1|14\n1|1|2|14\n");
    QUERY(bodies, "1|{\"name\":[\"A\",\"A2\"]}\n");
    set_paused(&crm, "companies", "owner_email", false);
    crm.retakes = true;
    UNIT_TEXT(PUT("companies", "a", a, "b", b), "updated 2");
    QUERY(addresses, "A|anne@x.test\nB|anne@x.test\n");
    UNIT_TEXT(PUT("companies", "a", a, "b", b), "unchanged 2");
    crm.retakes = false;
    UNIT_TEXT(PUT("owners", "1", ANN), "updated 1, followed 2");
    QUERY(addresses, "A|ann@x.test\nB|ann@x.test\n");
    side_close(&crm);
}

/* Of two objects that become accounts, the rule of one: the other's records follow. */
static void paused_in_one(void)
{
    side_open(&crm, "crm",
              "companies: , people: {to: account, default_mapping: false, mapping: {name: first, "
              "owner_email: {from: boss, lookup: owners, take: email}}}, owners: ");
    PUT("owners", "1", ANN);
    PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}");
    PUT("people", "p", "{\"first\": \"P\", \"boss\": \"1\"}");
    set_paused(&crm, "companies", "owner_email", true);
    UNIT_TEXT(PUT("owners", "1", ANNE), "updated 1, followed 1");
    QUERY(addresses, "A|ann@x.test\nP|anne@x.test\n");
    side_close(&crm);
}

/* What was taken of an erased owner is not taken again: not when the owner comes, not when a record
 * that has it comes, new or changed, and nobody waits for it. */
static void erased(void)
{
    side_open(&crm, "crm", both);
    PUT("owners", "1", ANN, "2", BOB);
    PUT("companies", "a", "{\"name\": \"A\", \"owner\": \"1\"}", "b",
        "{\"name\": \"B\", \"owner\": \"2\"}", "c", "{\"name\": \"C\", \"owner\": \"1\"}");
    PUT("companies", "c", "{\"name\": \"C\", \"owner\": \"2\"}");
    UNIT_TEXT(fixture_erase("ann@x.test"), "owners 1, links 1, log 2, emptied 1");
    QUERY(addresses, "A|~\nB|bob@x.test\nC|bob@x.test\n");
    QUERY(followers, "2|1|2|14\n2|1|3|14\n");
    QUERY("SELECT count(*) FROM log WHERE body LIKE '%ann%' OR object = 10 AND record = 1", "0\n");
    UNIT_TEXT(PUT("owners", "1", ANNE, "2", BOB), "unchanged 1, filtered 1");
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A2\", \"owner\": \"1\"}", "c",
                  "{\"name\": \"C\", \"owner\": \"1\"}", "d",
                  "{\"name\": \"D\", \"owner\": \"1\"}"),
              "created 1, updated 2");
    crm.retakes = true;
    UNIT_TEXT(PUT("companies", "a", "{\"name\": \"A2\", \"owner\": \"1\"}"), "unchanged 1");
    crm.retakes = false;
    QUERY(addresses, "A2|~\nB|bob@x.test\nC|~\nD|~\n");
    QUERY(followers, "2|1|2|14\n");
    QUERY("SELECT count(*) FROM owner", "1\n");
    side_close(&crm);
}

static void mistakes(void)
{
    const struct {
        const char *mapping, *expected;
    } cases[] = {
        {"industry: {from: o, lookup: owners}",
         "'lookup' is for references; industry is text: say with 'take' which field of the record "
         "it is"},
        {"industry: {from: o, take: name}", "'take' needs 'lookup': the object whose field it is"},
        {"industry: {from: o, lookup: owners, take: phone}",
         "industry takes 'phone', which owner does not have; known: email, name, user_id, active"},
        {"industry: {from: o, lookup: owners, take: emial}",
         "industry takes 'emial', which owner does not have; did you mean 'email'?"},
        {"industry: {from: o, lookup: companies, take: name}",
         "industry takes a field of account: only those of owners and of pipelines can be taken, "
         "and not by them"},
        {"owner_email: {from: o, lookup: owners, take: name}",
         "owner_email cannot be name of owner: one is e-mail, the other text"},
        {"arr: {from: o, lookup: owners, take: active}",
         "arr cannot be active of owner: one is money, the other boolean"},
        {"parent_id: {from: o, lookup: owners, take: name}",
         "'take' is not for references: parent_id is one"},
        {"custom_fields: {x: {from: o, lookup: owners, take: name}}",
         "'take' is not for own fields: x is a custom field"},
        {"industry: {from: o, lookup: owners, take: name, max: 3}",
         "'max' does not go with 'take': it would be about the id"},
        {"industry: {from: o, lookup: owners, take: name, transform: lower}",
         "'transform' does not go with 'take': it would be about the id"},
        {"industry: {from: o, lookup: owners, take: name, map: {Ann: Anne}}",
         "'map' does not go with 'take': it would be about the id"},
        {"industry: {from: o, lookup: stages, take: name}",
         "industry looks up 'stages', which this connection does not sync"},
        {"industry: {from: o, lookup: owner, take: name}",
         "industry looks up 'owner', which this connection does not sync; did you mean 'owners'?"},
        {"parent_id: {from: o, lookup: people}",
         "parent_id looks up 'people', which this connection does not sync: add it to 'objects'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char objects[300];
        snprintf(objects, sizeof objects, "companies: {mapping: {%s}}, owners: ", cases[i].mapping);
        UNIT_TEXT(side_mistakes(objects), cases[i].expected);
    }
    UNIT_TEXT(side_mistakes("companies: {match: [owner_email]}, owners: "),
              "account cannot be matched by 'owner_email'; by default it is matched by domain");
    UNIT_TEXT(side_mistakes("companies: {match: [domian]}"),
              "account cannot be matched by 'domian' (did you mean 'domain'?); by default it is "
              "matched by domain");
    UNIT_TEXT(side_mistakes("companies: , owners: {mapping: {name: {from: o, lookup: owners, take: "
                            "email}}}"),
              "name takes a field of owner: only those of owners and of pipelines can be taken, "
              "and not by them");
    UNIT_TEXT(
        side_mistakes("companies: {mapping: {industry: {from: o, lookup: owners, take: name}}}, "
                      "people: {to: account, default_mapping: false, mapping: {name: n, industry: "
                      "{from: o, lookup: owners, take: email}}}, owners: "),
        "industry takes 'email' of owners here and 'name' in another object that becomes account "
        "too: take the same");
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(there_already)
IN_STORE(comes_late)
IN_STORE(changes)
IN_STORE(very_many)
IN_STORE(left_out)
IN_STORE(another_field)
IN_STORE(not_synced)
IN_STORE(paused)
IN_STORE(paused_in_one)
IN_STORE(erased)
IN_STORE(mistakes)

const char *const unit_suite = "fields taken of other records";
const struct unit_test unit_tests[] = {{"of a record that is there", test_there_already},
                                       {"of one that comes late", test_comes_late},
                                       {"of one that changes", test_changes},
                                       {"by very many", test_very_many},
                                       {"left out of the mapping", test_left_out},
                                       {"another field of it", test_another_field},
                                       {"of an object that is not synced", test_not_synced},
                                       {"by a rule that is paused", test_paused},
                                       {"by two rules, one paused", test_paused_in_one},
                                       {"of one who is erased", test_erased},
                                       {"mistakes", test_mistakes},
                                       {NULL, NULL}};
