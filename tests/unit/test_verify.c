/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing both sides: each kind of difference is found once, nothing is written by that, and a
 * repair leaves none. */
#include "unit.h"

#include <stdio.h>

#include "base/redact.h"
#include "merge_fixture.h"

static struct side crm, erp;
static struct verify verify;
static struct buf told = BUF_INIT(64 * 1024);

#define PUT(side, object, ...)     side_put(&(side), (object), __VA_ARGS__, (char *)NULL)
#define DELETE(side, object, ...)  side_delete(&(side), (object), __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))
#define UNIT_STR(text, expected)   CU_ASSERT_TRUE(str_is((text), (expected)))

static const char both[] = "companies: , people: ";
static const char everything[] =
    "SELECT (SELECT group_concat(key || ifnull(name, '~') || rev || ifnull(parent_id, '~') || "
    "ifnull(deleted_at, '~') || ifnull(owner_email, '~')) FROM account), (SELECT group_concat(key "
    "|| first_name || rev) FROM "
    "contact), (SELECT group_concat(external_id || record || ended || hex(seen_remote)) FROM "
    "link), "
    "(SELECT count(*) FROM log), (SELECT count(*) FROM pending_reference), "
    "(SELECT count(*) FROM quarantine)";

/* ---- puts that are compared ---- */

static void begin(struct side *side, const char *object, bool repair)
{
    verify.limit = 100;
    verify_begin_object(&verify, str_from(object));
    side->verify = &verify;
    side->dry = !repair;
}

static void tell_text(struct str text)
{
    buf_printf(&told, " %.*s", text.ptr ? (int)text.len : 1, text.ptr ? text.ptr : "~");
}

/* A line for each difference: kind, external id, field, here, there. */
static const char *end(struct side *side)
{
    buf_clear(&told);
    for (size_t i = 0; i < verify.count; i++) {
        const struct difference *d = &verify.items[i];
        buf_printf(&told, "%s %.*s", difference_name(d->kind), STR_ARG(d->external_id));
        if (d->field.len > 0)
            tell_text(d->field);
        if (d->field.len > 0 || d->here.len > 0)
            tell_text(d->here);
        if (d->there.ptr || d->field.len > 0)
            tell_text(d->there);
        buf_char(&told, '\n');
    }
    side->verify = NULL;
    side->dry = false;
    verify_free(&verify);
    return told.len > 0 ? buf_cstr(&told) : "";
}

/* What is found twice the same, as nothing was written; then it is repaired, and nothing is found.
 */
#define FOUND(side, object, expected, ...)                                                         \
    do {                                                                                           \
        char before[4096];                                                                         \
        snprintf(before, sizeof before, "%s", fixture_query(everything));                          \
        begin(&(side), object, false);                                                             \
        PUT(side, object, __VA_ARGS__);                                                            \
        PUT(side, object, __VA_ARGS__); /* it comes again: that counts once */                     \
        UNIT_TEXT(end(&(side)), (expected));                                                       \
        QUERY(everything, before);                                                                 \
        begin(&(side), object, true);                                                              \
        PUT(side, object, __VA_ARGS__);                                                            \
        UNIT_TEXT(end(&(side)), (expected));                                                       \
        begin(&(side), object, false);                                                             \
        PUT(side, object, __VA_ARGS__);                                                            \
        UNIT_TEXT(end(&(side)), "");                                                               \
        expect_whole();                                                                            \
    } while (0)

static void expect_whole(void)
{
    struct buf summary = BUF_INIT(400);
    struct error err = {0};
    if (store_verify(fixture_store, &summary, &err) != 0)
        UNIT_TEXT(err.text, "");
    buf_free(&summary);
    QUERY("SELECT count(*) FROM log l WHERE ifnull(prev, 0) <> ifnull((SELECT max(seq) FROM log p "
          "WHERE p.object = l.object AND p.record = l.record AND p.seq < l.seq), 0)",
          "0\n");
}

static const char one[] = "{\"name\": \"One\", \"industry\": \"Tools\"}";
static const char two[] = "{\"name\": \"Two\", \"parent\": \"c1\"}";

static void open_two(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "c1", one, "c2", two);
}

static void equal(void)
{
    open_two();
    FOUND(crm, "companies", "", "c1", one, "c2", two);
    QUERY("SELECT count(*) FROM log", "2\n"); /* the repair found nothing to do */
    side_close(&crm);
}

/* ---- fields ---- */

static void changed_here(void)
{
    open_two();
    fixture_sql("UPDATE account SET name = 'by hand', industry = 'ours' WHERE key = 1");
    FOUND(crm, "companies",
          "changed_here c1 name by hand One\nchanged_here c1 industry ours Tools\n", "c1", one,
          "c2", two);
    QUERY("SELECT body FROM log WHERE op = 2 AND run IS NOT NULL",
          "{\"name\":[\"by hand\",\"One\"],\"industry\":[\"ours\",\"Tools\"]}\n");
    fixture_sql("UPDATE account SET industry = 'filled' WHERE key = 2");
    FOUND(crm, "companies", "changed_here c2 industry filled ~\n", "c2", two);
    fixture_sql("UPDATE account SET health_score = 3"); /* the mapping does not fill it */
    FOUND(crm, "companies", "", "c1", one, "c2", two);
    side_close(&crm);
}

static void changed_there(void)
{
    open_two();
    FOUND(crm, "companies", "changed_there c1 name One Uno\n", "c1",
          "{\"name\": \"Uno\", \"industry\": \"Tools\"}", "c2", two);
    /* Changed on both sides, to the same: what was last seen is another value all the same. */
    fixture_sql("UPDATE account SET name = 'Eins' WHERE key = 1");
    FOUND(crm, "companies", "changed_there c1 name Eins Eins\n", "c1",
          "{\"name\": \"Eins\", \"industry\": \"Tools\"}");
    fixture_sql("UPDATE link SET seen_remote = x'' WHERE external_id = 'c1'");
    FOUND(crm, "companies",
          "changed_there c1 name Eins Eins\nchanged_there c1 domain ~ ~\n"
          "changed_there c1 industry Tools Tools\nchanged_there c1 parent_id ~ ~\n",
          "c1", "{\"name\": \"Eins\", \"industry\": \"Tools\"}");
    side_close(&crm);
}

static void custom_fields(void)
{
    side_open(&crm, "crm", "companies: {mapping: {custom_fields: {color: color}}}");
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"color\": \"red\"}");
    fixture_sql("UPDATE account SET custom_fields = '{\"color\":\"blue\",\"own\":1}'");
    FOUND(crm, "companies", "changed_here c1 custom_fields.color blue red\n", "c1",
          "{\"name\": \"One\", \"color\": \"red\"}");
    QUERY("SELECT custom_fields FROM account", "{\"color\":\"red\",\"own\":1}\n");
    fixture_sql("UPDATE account SET custom_fields = NULL");
    FOUND(crm, "companies", "changed_here c1 custom_fields.color ~ red\n", "c1",
          "{\"name\": \"One\", \"color\": \"red\"}");
    side_close(&crm);
}

static void references(void)
{
    const char *person = "{\"first\": \"P\", \"company\": \"c1\"}";
    open_two();
    PUT(crm, "people", "p1", person, "p2", "{\"first\": \"Q\", \"company\": \"never\"}");
    fixture_sql("UPDATE contact SET account_id = NULL WHERE key = 1");
    begin(&crm, "people", false);
    PUT(crm, "people", "p1", person, "p2", "{\"first\": \"Q\", \"company\": \"never\"}");
    CU_ASSERT_EQUAL(verify.count, 1); /* one that waits for its record is as it should be */
    CU_ASSERT_EQUAL(verify.items[0].kind, CHANGED_HERE);
    UNIT_STR(verify.items[0].field, "account_id");
    CU_ASSERT(str_starts(verify.items[0].there, "c1 ("));
    end(&crm);
    begin(&crm, "people", true);
    PUT(crm, "people", "p1", person, "p2", "{\"first\": \"Q\", \"company\": \"never\"}");
    end(&crm);
    QUERY("SELECT key, account_id FROM contact", "1|1\n2|~\n");
    QUERY("SELECT count(*) FROM pending_reference", "1\n");
    side_close(&crm);
}

/* The link is missing; that its record is referred to is no second difference. */
static void reference_to_missing(void)
{
    const char *company = "{\"name\": \"One\", \"domain\": \"one.test\"}";
    const char *person = "{\"first\": \"P\", \"company\": \"c1\"}";
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "c1", company);
    PUT(crm, "people", "p1", person);
    fixture_sql("DELETE FROM link WHERE external_id = 'c1'");
    begin(&crm, "companies", false);
    PUT(crm, "companies", "c1", company);
    verify_begin_object(&verify, STR("people"));
    PUT(crm, "people", "p1", person);
    UNIT_TEXT(end(&crm), "missing_here c1 not linked\n");
    FOUND(crm, "companies", "missing_here c1 not linked\n", "c1", company);
    FOUND(crm, "people", "", "p1", person);
    QUERY("SELECT count(*), max(account_id) FROM contact", "1|1\n");
    side_close(&crm);
}

/* What is taken of an owner is compared by the owner that is here, and told by its value. That the
 * owner differs, or is missing, is no second difference of those that follow it. */
static void taken(void)
{
    const char *ann = "{\"email\": \"ann@x.test\"}", *anne = "{\"email\": \"anne@x.test\"}",
               *bob = "{\"email\": \"bob@x.test\"}";
    const char *of_1 = "{\"name\": \"One\", \"owner\": \"1\"}",
               *of_2 = "{\"name\": \"Two\", \"owner\": \"2\"}";
    const char *companies = "SELECT owner_email FROM account ORDER BY key";
    side_open(&crm, "crm", "companies: , owners: ");
    PUT(crm, "owners", "1", ann, "2", bob);
    PUT(crm, "companies", "c1", of_1, "c2", of_2);
    FOUND(crm, "companies", "", "c1", of_1, "c2", of_2);
    fixture_sql("UPDATE account SET owner_email = 'by@hand.test' WHERE key = 1");
    FOUND(crm, "companies", "changed_here c1 owner_email by@hand.test ann@x.test\n", "c1", of_1,
          "c2", of_2);
    FOUND(crm, "companies", "changed_there c2 owner_email bob@x.test ann@x.test\n", "c2",
          "{\"name\": \"Two\", \"owner\": \"1\"}");
    FOUND(crm, "companies", "changed_there c2 owner_email ann@x.test ~\n", "c2",
          "{\"name\": \"Two\", \"owner\": \"never\"}");
    FOUND(crm, "companies", "changed_there c2 owner_email ~ bob@x.test\n", "c2", of_2);
    fixture_sql("UPDATE owner SET email = 'by@hand.test' WHERE key = 2");
    begin(&crm, "owners", false);
    PUT(crm, "owners", "1", anne, "2", bob);
    verify_begin_object(&verify, STR("companies"));
    PUT(crm, "companies", "c1", of_1, "c2", of_2);
    UNIT_TEXT(end(&crm), "changed_there 1 email ann@x.test anne@x.test\n"
                         "changed_here 2 email by@hand.test bob@x.test\n");
    begin(&crm, "owners", true);
    PUT(crm, "owners", "1", anne, "2", bob);
    end(&crm);
    QUERY(companies, "anne@x.test\nbob@x.test\n");
    FOUND(crm, "companies", "", "c1", of_1, "c2", of_2);
    fixture_sql("DELETE FROM owner WHERE key = 1");
    begin(&crm, "owners", false);
    PUT(crm, "owners", "1", anne, "2", bob);
    verify_begin_object(&verify, STR("companies"));
    PUT(crm, "companies", "c1", of_1, "c2", of_2);
    UNIT_TEXT(end(&crm), "missing_here 1 no record\n");
    FOUND(crm, "owners", "missing_here 1 no record\n", "1", anne, "2", bob);
    FOUND(crm, "companies", "", "c1", of_1, "c2", of_2);
    QUERY(companies, "anne@x.test\nbob@x.test\n");
    side_close(&crm);
}

/* A record of an object of the vendor's account: its fields as one object. */
static void custom_records(void)
{
    const char *p = "{\"first\": \"P\", \"size\": \"7\", \"company\": \"c1\"}";
    side_open(&crm, "crm",
              "companies: , people: {to: custom_record, default_mapping: false, mapping: {object: "
              "{value: thing}, title: first, fields: {from: '*'}, account_id: {from: company, "
              "lookup: companies}}}");
    PUT(crm, "companies", "c1", one);
    PUT(crm, "people", "p1", p);
    FOUND(crm, "people", "", "p1", p);
    fixture_sql("UPDATE custom_record SET title = 'Q', fields = '{\"first\":\"P\"}'");
    FOUND(crm, "people",
          "changed_here p1 title Q P\n"
          "changed_here p1 fields {\"first\":\"P\"} {\"first\":\"P\",\"size\":\"7\"}\n",
          "p1", p);
    fixture_sql("UPDATE custom_record SET account_id = NULL");
    begin(&crm, "people", true);
    PUT(crm, "people", "p1", p);
    CU_ASSERT_EQUAL(verify.count, 1);
    UNIT_STR(verify.items[0].field, "account_id");
    CU_ASSERT(str_starts(verify.items[0].there, "c1 ("));
    end(&crm);
    FOUND(crm, "people", "", "p1", p);
    fixture_sql("DELETE FROM custom_record");
    FOUND(crm, "people", "missing_here p1 no record\n", "p1", p);
    QUERY("SELECT object, title, fields, account_id FROM custom_record",
          "thing|P|{\"first\":\"P\",\"size\":\"7\"}|1\n");
    side_close(&crm);
}

/* Two of a batch that refer to one another, of which one is new. */
static void reference_to_new(void)
{
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "c2", two);
    FOUND(crm, "companies", "missing_here c1\n", "c1", one, "c2", two);
    QUERY("SELECT name, parent_id FROM account ORDER BY key", "Two|2\nOne|~\n");
    side_close(&crm);
}

static void defaults(void)
{
    const char *none = "{\"name\": \"One\"}";
    side_open(&crm, "crm", "companies: {mapping: {health_score: score}}");
    PUT(crm, "companies", "c1", none);
    QUERY("SELECT health_score FROM account", "50\n");
    FOUND(crm, "companies", "", "c1", none);
    QUERY("SELECT health_score FROM account", "50\n");
    side_close(&crm);
}

/* What another connection wrote is no difference; what moved at the vendor is. */
static void shared(void)
{
    const char *mine = "{\"name\": \"X\", \"domain\": \"x.test\"}";
    side_open(&crm, "crm", "companies: ");
    side_open(&erp, "erp", "companies: ");
    PUT(crm, "companies", "c1", mine);
    PUT(erp, "companies", "e1", "{\"name\": \"Y\", \"domain\": \"x.test\"}");
    QUERY("SELECT name FROM account", "Y\n");
    FOUND(crm, "companies", "", "c1", mine);
    FOUND(crm, "companies", "changed_there c1 name Y Z\n", "c1",
          "{\"name\": \"Z\", \"domain\": \"x.test\"}");
    side_close(&crm);
    side_close(&erp);
}

/* ---- records ---- */

static void missing_here(void)
{
    open_two();
    FOUND(crm, "companies", "missing_here c3\n", "c1", one, "c3", "{\"name\": \"Three\"}");
    fixture_sql("UPDATE account SET deleted_at = 1 WHERE key = 1");
    FOUND(crm, "companies", "missing_here c1 deleted\n", "c1", one, "c2", two);
    QUERY("SELECT op FROM log WHERE record = 1 AND run IS NOT NULL", "1\n4\n");
    fixture_sql("DELETE FROM account WHERE key = 1");
    FOUND(crm, "companies", "missing_here c1 no record\n", "c1", one, "c2", two);
    QUERY("SELECT key, name FROM account ORDER BY key", "1|One\n2|Two\n3|Three\n");
    QUERY("SELECT external_id, record, ended FROM link ORDER BY 1", "c1|1|0\nc2|2|0\nc3|3|0\n");
    side_close(&crm);
}

static void back_there(void)
{
    open_two();
    DELETE(crm, "companies", "c1");
    FOUND(crm, "companies", "back_there c1 archived\n", "c1", one, "c2", two);
    fixture_sql("UPDATE link SET ended = 3 WHERE external_id = 'c2'");
    FOUND(crm, "companies", "back_there c2 absent\n", "c1", one, "c2", two);
    side_close(&crm);
}

static void gone_there(void)
{
    open_two();
    begin(&crm, "companies", false);
    DELETE(crm, "companies", "c1", "unknown");
    DELETE(crm, "companies", "c1");
    UNIT_TEXT(end(&crm), "gone_there c1 archived\n");
    side_close(&crm);
}

static void merged(void)
{
    const char *body = "{\"list\": [{\"id\": \"c2\", \"at\": 5, \"f\": {\"name\": \"Two\", "
                       "\"parent\": \"c1\"}, \"was\": [\"c1\", \"never\"]}]}";
    side_open(&crm, "crm", both);
    PUT(crm, "companies", "c1", one, "c2", "{\"name\": \"Two\"}");
    begin(&crm, "companies", false);
    side_put_body(&crm, "companies", body);
    CU_ASSERT_EQUAL(verify_current(&verify)->kinds[GONE_THERE], 1);
    UNIT_STR(verify.items[verify.count - 1].there, "merged into c2");
    end(&crm);
    begin(&crm, "companies", true);
    side_put_body(&crm, "companies", body);
    end(&crm);
    QUERY("SELECT external_id, record, ended FROM link ORDER BY 1", "c1|2|2\nc2|2|0\nnever|2|2\n");
    begin(&crm, "companies", false);
    side_put_body(&crm, "companies", body);
    CU_ASSERT_EQUAL(verify_current(&verify)->kinds[GONE_THERE], 0);
    end(&crm);
    side_close(&crm);
}

static void out_of_scope(void)
{
    side_open(&crm, "crm", "companies: {filter: {industry: Tools}}");
    PUT(crm, "companies", "c1", one);
    begin(&crm, "companies", false);
    PUT(crm, "companies", "c1", "{\"name\": \"One\", \"industry\": \"Toys\"}", "c9", two);
    CU_ASSERT_EQUAL(verify_current(&verify)->differ, 1);
    UNIT_STR(verify.items[0].there, "out of scope");
    end(&crm);
    side_close(&crm);
}

/* What is set aside is no difference, and counts as compared. */
static void quarantined(void)
{
    side_open(&crm, "crm", "people: ");
    PUT(crm, "people", "p1", "{\"first\": \"P\"}");
    begin(&crm, "people", false);
    PUT(crm, "people", "p1", "{\"first\": \"P\", \"email\": \"no address\"}");
    CU_ASSERT_EQUAL(crm.counts.quarantined, 1);
    CU_ASSERT_EQUAL(verify_current(&verify)->compared, 1);
    UNIT_TEXT(end(&crm), "");
    QUERY("SELECT count(*) FROM quarantine", "0\n");
    side_close(&crm);
}

/* ---- what is kept ---- */

static void limit(void)
{
    open_two();
    fixture_sql("UPDATE account SET name = 'x', industry = 'y'");
    begin(&crm, "companies", false);
    verify.limit = 1;
    PUT(crm, "companies", "c1", one, "c2", two);
    CU_ASSERT_EQUAL(verify.count, 1);
    CU_ASSERT_EQUAL(verify_current(&verify)->kinds[CHANGED_HERE], 4);
    CU_ASSERT_EQUAL(verify_current(&verify)->differ, 2);
    CU_ASSERT_EQUAL(verify_current(&verify)->compared, 2);
    end(&crm);
    side_close(&crm);
}

static void secrets(void)
{
    open_two();
    redact_add(STR("pat-top-secret"));
    fixture_sql("UPDATE account SET name = 'a pat-top-secret b' WHERE key = 1");
    begin(&crm, "companies", false);
    PUT(crm, "companies", "c1", one, "c2", two);
    UNIT_TEXT(end(&crm), "changed_here c1 name a [secret] b One\n");
    redact_clear();
    side_close(&crm);
}

/* Many ids, of which each is met once; long texts are cut between characters. */
static void many(void)
{
    static const uint8_t key[SIPHASH_KEY] = {1};
    char id[32], text[2001];
    verify_begin_object(&verify, STR("companies"));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            snprintf(id, sizeof id, "id-%d", i);
            CU_ASSERT_EQUAL(verify_meet(&verify, key, str_from(id)), round == 0);
        }
    CU_ASSERT_FALSE(verify_has_met(&verify, key, STR("id-5000")));
    for (size_t i = 0; i < 2000; i += 2)
        snprintf(text + i, 3, "%s", "é");
    memmove(text + 1, text, 1998);
    text[0] = 'a';
    text[1999] = '\0';
    verify.limit = 1;
    verify_add(&verify, &(struct difference){.here = str_from(text)});
    CU_ASSERT_TRUE(str_is_utf8(verify.items[0].here));
    CU_ASSERT_EQUAL(verify.items[0].here.len, 1002);
    verify_free(&verify);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
        buf_free(&told);                                                                           \
    }
IN_STORE(equal)
IN_STORE(changed_here)
IN_STORE(changed_there)
IN_STORE(custom_fields)
IN_STORE(references)
IN_STORE(reference_to_missing)
IN_STORE(reference_to_new)
IN_STORE(taken)
IN_STORE(custom_records)
IN_STORE(defaults)
IN_STORE(shared)
IN_STORE(missing_here)
IN_STORE(back_there)
IN_STORE(gone_there)
IN_STORE(merged)
IN_STORE(out_of_scope)
IN_STORE(quarantined)
IN_STORE(limit)
IN_STORE(secrets)

const char *const unit_suite = "verify";
const struct unit_test unit_tests[] = {
    {"both sides equal", test_equal},
    {"changed here", test_changed_here},
    {"changed there", test_changed_there},
    {"custom fields", test_custom_fields},
    {"references", test_references},
    {"a reference to what is missing", test_reference_to_missing},
    {"a reference to what is new", test_reference_to_new},
    {"what is taken of an owner", test_taken},
    {"custom records", test_custom_records},
    {"defaults", test_defaults},
    {"a record of two connections", test_shared},
    {"missing here", test_missing_here},
    {"back there", test_back_there},
    {"gone there", test_gone_there},
    {"merged there", test_merged},
    {"out of scope", test_out_of_scope},
    {"set aside", test_quarantined},
    {"the limit", test_limit},
    {"secrets", test_secrets},
    {"many, and long ones", many},
    {NULL, NULL}};
