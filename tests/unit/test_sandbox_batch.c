/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's batches of writes: in part, as a whole, and when a fault meets them; and the
 * journal of what was written. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACTS "/crm/v3/objects/contacts"

/* ---- asking ---- */

static struct got batch(struct sandbox *s, const char *list, const char *what, const char *inputs)
{
    char target[100], body[20000];
    snprintf(target, sizeof target, "%s/batch/%s", list, what);
    snprintf(body, sizeof body, "{\"inputs\":[%s]}", inputs);
    return ask(s, "POST", target, body);
}

static void fault(struct sandbox *s, const char *wish)
{
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/faults", wish), 200);
}

static size_t contacts(struct sandbox *s)
{
    char *all = truth(s, "contacts");
    size_t lines = 0;
    for (const char *c = all; *c; c++)
        lines += *c == '\n';
    free(all);
    return lines;
}

/* The result with a value, or NULL. */
static struct json_object *result_of(const struct got *got, const char *property, const char *value)
{
    for (size_t i = 0; i < length_at(got, "results"); i++) {
        struct json_object *r = json_object_array_get_idx(at(got->json, "results"), i);
        struct json_object *has = at(at(r, "properties"), property);
        if (has && strcmp(json_object_get_string(has), value) == 0)
            return r;
    }
    return NULL;
}

static void add_key(struct sandbox *s, const char *type)
{
    char target[100], body[300];
    snprintf(target, sizeof target, "/crm/v3/properties/%s", type);
    snprintf(body, sizeof body,
             "{\"name\":\"ext_id\",\"label\":\"Key\",\"type\":\"string\",\"fieldType\":\"text\","
             "\"groupName\":\"%s\",\"hasUniqueValue\":true}",
             strcmp(type, "contacts") == 0 ? "contactinformation" : "dealinformation");
    CU_ASSERT_EQUAL(status_of(s, "POST", target, body), 201);
}

/* ---- whole ---- */

static void test_create(void)
{
    struct sandbox *s = make_small(5, 5);
    char inputs[10000] = "";
    size_t len = 0;
    for (int i = 0; i < 20; i++)
        len +=
            (size_t)snprintf(inputs + len, sizeof inputs - len,
                             "%s{\"properties\":{\"email\":\"c%d@acme.test\"}}", i ? "," : "", i);
    struct got got = batch(s, CONTACTS, "create", inputs);
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "status"), "COMPLETE");
    CU_ASSERT_EQUAL(length_at(&got, "results"), 20);
    CU_ASSERT_PTR_NULL(at(got.json, "numErrors"));
    CU_ASSERT_PTR_NOT_NULL(at(got.json, "startedAt"));
    CU_ASSERT_PTR_NOT_NULL(at(got.json, "completedAt"));
    UNIT_TEXT(text_at(&got, "results.0.createdAt"), text_at(&got, "results.19.createdAt"));
    bool in_order = true; /* results are not in the order of the inputs */
    for (int i = 0; i < 20; i++) {
        char path[60], email[40];
        snprintf(path, sizeof path, "results.%d.properties.email", i);
        snprintf(email, sizeof email, "c%d@acme.test", i);
        CU_ASSERT_PTR_NOT_NULL(result_of(&got, "email", email));
        in_order = in_order && strcmp(text_at(&got, path), email) == 0;
    }
    CU_ASSERT_FALSE(in_order);
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 25);
    sandbox_destroy(s);
}

static void test_whole_is_refused(void)
{
    struct sandbox *s = make_small(5, 5);
    struct got got =
        batch(s, CONTACTS, "create",
              "{\"properties\":{\"email\":\"a@acme.test\"}},{\"properties\":{\"bad\":\"1\"}},"
              "{\"properties\":{\"email\":\"x\"}}");
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT_EQUAL(length_at(&got, "errors"), 2);
    UNIT_TEXT(text_at(&got, "errors.0.code"), "PROPERTY_DOESNT_EXIST");
    UNIT_TEXT(text_at(&got, "errors.1.code"), "INVALID_EMAIL");
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 5);
    got = batch(s, CONTACTS, "create",
                "{\"properties\":{\"email\":\"a@acme.test\"}},"
                "{\"properties\":{\"email\":\"A@acme.test\"}}");
    CU_ASSERT_EQUAL(got.status, 409);
    UNIT_TEXT(text_at(&got, "message"), "Contact already exists");
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 5);
    sandbox_destroy(s);
}

static void test_sizes(void)
{
    struct sandbox *s = make_small(5, 5);
    for (int count = 100; count <= 101; count++) {
        char inputs[8000] = "";
        size_t len = 0;
        for (int i = 0; i < count; i++)
            len += (size_t)snprintf(inputs + len, sizeof inputs - len,
                                    "%s{\"properties\":{\"firstname\":\"N%d\"}}", i ? "," : "", i);
        struct got got = batch(s, CONTACTS, "create", inputs);
        CU_ASSERT_EQUAL(got.status, count == 100 ? 201 : 400);
        if (count > 100)
            CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "message"), "is 100"));
        done(&got);
    }
    CU_ASSERT_EQUAL(contacts(s), 105);
    static const char *const wrong[] = {"", "1", "{}", "{\"properties\":1}", "null"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct got got = batch(s, CONTACTS, "create", wrong[i]);
        CU_ASSERT_EQUAL(got.status, 400);
        done(&got);
        got = batch(s, CONTACTS, "update", wrong[i]);
        CU_ASSERT_EQUAL(got.status, 400);
        done(&got);
    }
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACTS "/batch/create", "{\"inputs\":{}}"), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACTS "/batch/archive", "{\"inputs\":[{}]}"), 400);
    sandbox_destroy(s);
}

/* ---- in part ---- */

static void test_traced(void)
{
    struct sandbox *s = make_small(5, 5);
    struct got got = batch(
        s, CONTACTS, "create",
        "{\"objectWriteTraceId\":\"t0\",\"properties\":{\"email\":\"a@acme.test\"}},"
        "{\"objectWriteTraceId\":\"t1\",\"properties\":{\"email\":\"A@ACME.test\"}},"
        "{\"objectWriteTraceId\":\"t2\",\"properties\":{\"email\":\"b@acme.test\",\"no\":\"1\"}},"
        "{\"objectWriteTraceId\":\"t3\",\"properties\":{\"phone\":\"1\"}}");
    CU_ASSERT_EQUAL(got.status, 207);
    UNIT_TEXT(text_at(&got, "status"), "COMPLETE");
    CU_ASSERT_EQUAL(length_at(&got, "results"), 1);
    UNIT_TEXT(text_at(&got, "results.0.objectWriteTraceId"), "t0");
    UNIT_TEXT(text_at(&got, "numErrors"), "3");
    UNIT_TEXT(text_at(&got, "errors.0.category"), "CONFLICT");
    UNIT_TEXT(text_at(&got, "errors.0.context.objectWriteTraceId.0"), "t1");
    UNIT_TEXT(text_at(&got, "errors.0.context.existingId.0"), text_at(&got, "results.0.id"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "errors.0.message"), "Existing ID: "));
    UNIT_TEXT(text_at(&got, "errors.1.category"), "VALIDATION_ERROR");
    UNIT_TEXT(text_at(&got, "errors.1.context.objectWriteTraceId.0"), "t2");
    UNIT_TEXT(text_at(&got, "errors.1.errors.0.code"), "PROPERTY_DOESNT_EXIST");
    UNIT_TEXT(text_at(&got, "errors.2.context.objectWriteTraceId.0"), "t3");
    UNIT_TEXT(text_at(&got, "errors.2.context.properties.0"), "email");
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 6);
    sandbox_destroy(s);
}

/* One input without a trace id, and the whole is refused. */
static void test_half_traced(void)
{
    static const char *const inputs[] = {
        "{\"objectWriteTraceId\":\"t0\",\"properties\":{\"email\":\"a@acme.test\"}},"
        "{\"properties\":{\"no\":\"1\"}}",
        "{\"properties\":{\"email\":\"a@acme.test\"}},"
        "{\"objectWriteTraceId\":\"t0\",\"properties\":{\"no\":\"1\"}}"};
    struct sandbox *s = make_small(5, 5);
    for (size_t i = 0; i < 2; i++) {
        struct got got = batch(s, CONTACTS, "create", inputs[i]);
        CU_ASSERT_EQUAL(got.status, 400);
        done(&got);
        CU_ASSERT_EQUAL(contacts(s), 5);
    }
    sandbox_destroy(s);
}

/* Of a batch of which a fault refuses one input, another that refuses all says why. */
static void test_fault_and_refusal(void)
{
    struct sandbox *s = make_small(5, 5);
    fault(s, "{\"kind\":\"partial\"}");
    struct got got =
        batch(s, CONTACTS, "create",
              "{\"properties\":{\"firstname\":\"A\"}},{\"properties\":{\"firstname\":\"B\"}},"
              "{\"properties\":{\"no\":\"1\"}}");
    CU_ASSERT_EQUAL(got.status, 400);
    UNIT_TEXT(text_at(&got, "errors.0.code"), "PROPERTY_DOESNT_EXIST");
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 5);
    sandbox_destroy(s);
}

static void test_update(void)
{
    struct sandbox *s = make_small(5, 5);
    char inputs[500];
    struct got got = ask(s, "GET", CONTACTS "?limit=2", NULL);
    snprintf(inputs, sizeof inputs,
             "{\"id\":\"%s\",\"properties\":{\"firstname\":\"X\"}},"
             "{\"id\":%s,\"properties\":{\"firstname\":\"Y\"}},"
             "{\"id\":\"77\",\"properties\":{\"firstname\":\"Z\"}},"
             "{\"id\":\"ab\",\"properties\":{\"firstname\":\"Z\"}}",
             text_at(&got, "results.0.id"), text_at(&got, "results.1.id"));
    done(&got);
    got = batch(s, CONTACTS, "update", inputs);
    CU_ASSERT_EQUAL(got.status, 207);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 2);
    UNIT_TEXT(text_at(&got, "numErrors"), "1");
    UNIT_TEXT(text_at(&got, "errors.0.category"), "OBJECT_NOT_FOUND");
    UNIT_TEXT(text_at(&got, "errors.0.context.ids.0"), "77");
    UNIT_TEXT(text_at(&got, "errors.0.context.ids.1"), "ab");
    UNIT_TEXT(text_at(&got, "errors.0.message"),
              "Could not get some CONTACT objects, they may be deleted or not exist. Check that "
              "ids are valid.");
    done(&got);
    sandbox_destroy(s);
}

static void test_duplicates(void)
{
    struct sandbox *s = make_small(5, 5);
    add_key(s, "contacts");
    struct got got = batch(s, CONTACTS, "update",
                           "{\"id\":\"7\",\"objectWriteTraceId\":\"0\",\"properties\":{}},"
                           "{\"id\":\"7\",\"objectWriteTraceId\":\"1\",\"properties\":{}}");
    CU_ASSERT_EQUAL(got.status, 400);
    UNIT_TEXT(text_at(&got, "message"),
              "Duplicate IDs found in batch input: [7]. IDs must be unique");
    UNIT_TEXT(text_at(&got, "context.ids.0"), "7");
    done(&got);
    got = batch(s, CONTACTS, "upsert",
                "{\"id\":\"K\",\"idProperty\":\"ext_id\",\"properties\":{\"firstname\":\"A\"}},"
                "{\"id\":\"k\",\"idProperty\":\"ext_id\",\"properties\":{\"firstname\":\"B\"}}");
    CU_ASSERT_EQUAL(got.status, 400);
    done(&got);
    sandbox_destroy(s);
}

static void test_upsert(void)
{
    struct sandbox *s = make_small(5, 5);
    add_key(s, "contacts");
    static const char inputs[] =
        "{\"id\":\"K1\",\"idProperty\":\"ext_id\",\"properties\":{\"firstname\":\"A\"}},"
        "{\"id\":\"K2\",\"idProperty\":\"ext_id\",\"properties\":{\"firstname\":\"B\"}}";
    for (int round = 0; round < 2; round++) {
        struct got got = batch(s, CONTACTS, "upsert", inputs);
        CU_ASSERT_EQUAL(got.status, 200);
        CU_ASSERT_EQUAL(length_at(&got, "results"), 2);
        UNIT_TEXT(text_at(&got, "results.0.new"), round == 0 ? "true" : "false");
        CU_ASSERT_EQUAL(result_of(&got, "ext_id", "K1") != NULL, round == 0);
        CU_ASSERT_PTR_NOT_NULL(result_of(&got, "firstname", "A"));
        done(&got);
        CU_ASSERT_EQUAL(contacts(s), 7);
    }
    struct got got = batch(s, CONTACTS, "upsert",
                           "{\"id\":\"New@Acme.test\",\"idProperty\":\"email\",\"properties\":{}}");
    CU_ASSERT_EQUAL(got.status, 200);
    UNIT_TEXT(text_at(&got, "results.0.properties.email"), "new@acme.test");
    done(&got);
    got = batch(s, CONTACTS, "upsert",
                "{\"id\":\"x\",\"idProperty\":\"lastname\",\"properties\":{}}");
    CU_ASSERT_EQUAL(got.status, 400);
    done(&got);
    got = batch(s, CONTACTS, "upsert", "{\"id\":\"99\",\"properties\":{\"firstname\":\"A\"}}");
    CU_ASSERT_EQUAL(got.status, 207); /* by id nothing is made */
    UNIT_TEXT(text_at(&got, "errors.0.category"), "OBJECT_NOT_FOUND");
    done(&got);
    sandbox_destroy(s);
}

static void test_unique(void)
{
    struct sandbox *s = make_small(5, 5);
    add_key(s, "deals");
    static const char first[] = "{\"id\":\"K1\",\"idProperty\":\"ext_id\",\"properties\":"
                                "{\"dealname\":\"D\",\"dealstage\":\"closedwon\"}}";
    struct got got = batch(s, "/crm/v3/objects/deals", "upsert", first);
    CU_ASSERT_EQUAL(got.status, 200);
    char expected[60];
    snprintf(expected, sizeof expected, "%s already has that value.",
             text_at(&got, "results.0.id"));
    done(&got);
    got =
        ask(s, "POST", "/crm/v3/objects/deals",
            "{\"properties\":{\"dealname\":\"E\",\"dealstage\":\"closedwon\",\"ext_id\":\"k1\"}}");
    CU_ASSERT_EQUAL(got.status, 400);
    UNIT_TEXT(text_at(&got, "errors.0.code"), "CONFLICTING_UNIQUE_VALUE");
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "errors.0.message"), expected));
    done(&got);
    got =
        batch(s, "/crm/v3/objects/deals", "create",
              "{\"properties\":{\"dealname\":\"E\",\"dealstage\":\"closedwon\",\"ext_id\":\"2\"}},"
              "{\"properties\":{\"dealname\":\"E\",\"dealstage\":\"closedwon\",\"ext_id\":\"2\"}}");
    CU_ASSERT_EQUAL(got.status, 400);
    UNIT_TEXT(text_at(&got, "errors.0.code"), "CONFLICTING_UNIQUE_VALUE");
    done(&got);
    sandbox_destroy(s);
}

static void test_archive(void)
{
    struct sandbox *s = make_small(5, 5);
    char inputs[200];
    struct got got = ask(s, "GET", CONTACTS "?limit=2", NULL);
    snprintf(inputs, sizeof inputs, "{\"id\":\"%s\"},{\"id\":\"%s\"},{\"id\":\"3\"}",
             text_at(&got, "results.0.id"), text_at(&got, "results.1.id"));
    done(&got);
    for (int round = 0; round < 2; round++) {
        got = batch(s, CONTACTS, "archive", inputs);
        CU_ASSERT_EQUAL(got.status, 204);
        CU_ASSERT_EQUAL(got.response.body_len, 0);
        CU_ASSERT_PTR_NULL(sandbox_header(&got.response, "Content-Type"));
        done(&got);
        CU_ASSERT_EQUAL(contacts(s), 3);
    }
    sandbox_destroy(s);
}

/* ---- faults ---- */

static void test_lost(void)
{
    struct sandbox *s = make_small(5, 5);
    fault(s, "{\"kind\":\"lost\",\"status\":502,\"method\":\"POST\",\"path\":\"" CONTACTS "\"}");
    CU_ASSERT_EQUAL(status_of(s, "GET", CONTACTS, NULL), 200); /* of another method */
    struct got got = ask(s, "POST", CONTACTS, "{\"properties\":{\"email\":\"a@acme.test\"}}");
    CU_ASSERT_EQUAL(got.status, 502);
    CU_ASSERT_PTR_NULL(at(got.json, "id"));
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 6); /* done all the same */
    got = ask(s, "POST", CONTACTS, "{\"properties\":{\"email\":\"a@acme.test\"}}");
    CU_ASSERT_EQUAL(got.status, 409);
    done(&got);

    fault(s, "{\"kind\":\"reset\",\"path\":\"" CONTACTS "/batch\"}");
    got = batch(s, CONTACTS, "create", "{\"properties\":{\"email\":\"b@acme.test\"}}");
    CU_ASSERT_EQUAL(got.response.wire, SANDBOX_WIRE_RESET);
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 7);

    fault(s, "{\"kind\":\"status\",\"path\":\"" CONTACTS "\"}");
    got = ask(s, "POST", CONTACTS, "{\"properties\":{\"email\":\"c@acme.test\"}}");
    CU_ASSERT_EQUAL(got.status, 503);
    done(&got);
    CU_ASSERT_EQUAL(contacts(s), 7); /* this one is not */

    got = ask(s, "GET", "/__sandbox/writes", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "writes"), 3);
    UNIT_TEXT(text_at(&got, "writes.0.outcome"), "created");
    UNIT_TEXT(text_at(&got, "writes.0.answer"), "lost");
    UNIT_TEXT(text_at(&got, "writes.1.outcome"), "error");
    UNIT_TEXT(text_at(&got, "writes.1.why"), "CONFLICT");
    UNIT_TEXT(text_at(&got, "writes.1.answer"), "given");
    UNIT_TEXT(text_at(&got, "writes.2.answer"), "lost");
    done(&got);
    got = ask(s, "GET", "/__sandbox/stats", NULL);
    UNIT_TEXT(text_at(&got, "fault_kinds.lost 502"), "1");
    done(&got);
    sandbox_destroy(s);
}

static void test_partial(void)
{
    struct sandbox *s = make_small(5, 5);
    fault(s, "{\"kind\":\"partial\",\"rate\":0.5}");
    int partial = 0;
    for (int round = 0; round < 8; round++) {
        char inputs[500];
        snprintf(inputs, sizeof inputs,
                 "{\"objectWriteTraceId\":\"a\",\"properties\":{\"firstname\":\"A%d\"}},"
                 "{\"objectWriteTraceId\":\"b\",\"properties\":{\"firstname\":\"B%d\"}}",
                 round, round);
        CU_ASSERT_EQUAL(status_of(s, "GET", CONTACTS, NULL), 200);
        struct got got = batch(s, CONTACTS, "create", inputs);
        partial += got.status == 207;
        CU_ASSERT(got.status == 207 || got.status == 201);
        if (got.status == 207) {
            CU_ASSERT_EQUAL(length_at(&got, "results"), 1);
            UNIT_TEXT(text_at(&got, "errors.0.category"), "INTERNAL_ERROR");
            UNIT_TEXT(text_at(&got, "errors.0.context.objectWriteTraceId.0"), "b");
        }
        done(&got);
    }
    CU_ASSERT_EQUAL(partial, 4);
    CU_ASSERT_EQUAL(contacts(s), 17);
    struct got got = ask(s, "GET", "/__sandbox/stats", NULL);
    UNIT_TEXT(text_at(&got, "fault_kinds.partial"), "4");
    UNIT_TEXT(text_at(&got, "records_written"), "12");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/faults",
                              "{\"kind\":\"lost\",\"method\":\"TOOLONGMETHOD\"}"),
                    400);
    sandbox_destroy(s);
}

/* ---- the journal ---- */

static void test_journal(void)
{
    struct sandbox *s = make_small(5, 5);
    add_key(s, "contacts");
    struct got got = batch(s, CONTACTS, "upsert",
                           "{\"id\":\"K\",\"idProperty\":\"ext_id\",\"objectWriteTraceId\":\"t\","
                           "\"properties\":{\"firstname\":\"A/B \\\"q\\\"\",\"fax\":1}}");
    CU_ASSERT_EQUAL(got.status, 207);
    done(&got);
    got = batch(s, CONTACTS, "create",
                "{\"properties\":{\"firstname\":\"ok\"}},{\"properties\":{\"bad\":\"1\"}}");
    done(&got);
    got = ask(s, "GET", "/__sandbox/writes", NULL);
    UNIT_TEXT(text_at(&got, "total"), "4");
    UNIT_TEXT(text_at(&got, "writes.0.do"), "create_property");
    UNIT_TEXT(text_at(&got, "writes.1.do"), "upsert");
    UNIT_TEXT(text_at(&got, "writes.1.type"), "contacts");
    UNIT_TEXT(text_at(&got, "writes.1.key"), "K");
    UNIT_TEXT(text_at(&got, "writes.1.trace"), "t");
    UNIT_TEXT(text_at(&got, "writes.1.properties.firstname"), "A/B \"q\"");
    UNIT_TEXT(text_at(&got, "writes.1.properties.fax"), "1");
    UNIT_TEXT(text_at(&got, "writes.1.why"), "VALIDATION_ERROR");
    UNIT_TEXT(text_at(&got, "writes.2.outcome"), "error");
    UNIT_TEXT(text_at(&got, "writes.2.why"), "the request was refused");
    UNIT_TEXT(text_at(&got, "writes.3.status"), "400");
    done(&got);
    got = ask(s, "DELETE", "/__sandbox/writes", NULL);
    UNIT_TEXT(text_at(&got, "total"), "0");
    CU_ASSERT_EQUAL(length_at(&got, "writes"), 0);
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACTS, "{\"properties\":{\"firstname\":\"A\"}}"), 201);
    got = ask(s, "GET", "/__sandbox/writes", NULL);
    UNIT_TEXT(text_at(&got, "writes.0.n"), "1");
    done(&got);
    sandbox_destroy(s);
}

/* The oldest give way to those that would be too many bytes. */
static void test_journal_is_bounded(void)
{
    struct sandbox *s = make_small(5, 5);
    enum { LENGTH = 3 * 1024 * 1024 };
    char *body = malloc(LENGTH + 100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    size_t len = (size_t)sprintf(body, "{\"properties\":{\"bad\":\"");
    memset(body + len, 'x', LENGTH);
    strcpy(body + len + LENGTH, "\"}}");
    for (int i = 0; i < 30; i++)
        CU_ASSERT_EQUAL(status_of(s, "POST", CONTACTS, body), 400);
    free(body);
    struct got got = ask(s, "GET", "/__sandbox/writes", NULL);
    UNIT_TEXT(text_at(&got, "total"), "30");
    CU_ASSERT_EQUAL(length_at(&got, "writes"), 21);
    UNIT_TEXT(text_at(&got, "dropped"), "9");
    CU_ASSERT(got.response.body_len < 66 * 1024 * 1024);
    done(&got);
    sandbox_destroy(s);
}

const char *const unit_suite = "sandbox, batches of writes";
const struct unit_test unit_tests[] = {
    {"create", test_create},
    {"one refuses all", test_whole_is_refused},
    {"how many, and of what", test_sizes},
    {"with trace ids, in part", test_traced},
    {"with some trace ids", test_half_traced},
    {"update", test_update},
    {"one record twice", test_duplicates},
    {"upsert", test_upsert},
    {"a unique value that is taken", test_unique},
    {"archive", test_archive},
    {"answers that are lost", test_lost},
    {"done in part", test_partial},
    {"a fault, and a refusal", test_fault_and_refusal},
    {"the journal", test_journal},
    {"the journal is bounded", test_journal_is_bounded},
    {0},
};
