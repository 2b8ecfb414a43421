/* SPDX-License-Identifier: Apache-2.0 */
/* Properties and groups that an account adds to the simulator's objects. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROPERTIES "/crm/v3/properties/companies"

static struct got add(struct sandbox *s, const char *name, const char *type, const char *shown,
                      const char *more)
{
    char body[1000];
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"label\":\"A \\\"label\\\"\",\"type\":\"%s\",\"fieldType\":\"%s\","
             "\"groupName\":\"companyinformation\"%s}",
             name, type, shown, more);
    return ask(s, "POST", PROPERTIES, body);
}

static void added(struct sandbox *s, const char *name, const char *type, const char *shown,
                  const char *more)
{
    struct got got = add(s, name, type, shown, more);
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "name"), name);
    done(&got);
}

static void refused(struct sandbox *s, const char *name, const char *type, const char *shown,
                    const char *more)
{
    struct got got = add(s, name, type, shown, more);
    CU_ASSERT_EQUAL(got.status, 400);
    UNIT_TEXT(text_at(&got, "category"), "VALIDATION_ERROR");
    done(&got);
}

static void test_create(void)
{
    struct sandbox *s = make_small(5, 5);
    struct got got = add(s, "ext_id", "string", "text", ",\"hasUniqueValue\":true");
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "label"), "A \"label\"");
    UNIT_TEXT(text_at(&got, "hasUniqueValue"), "true");
    UNIT_TEXT(text_at(&got, "modificationMetadata.readOnlyValue"), "false");
    done(&got);
    got = add(s, "ext_id", "string", "text", "");
    CU_ASSERT_EQUAL(got.status, 409);
    UNIT_TEXT(text_at(&got, "category"), "OBJECT_ALREADY_EXISTS");
    UNIT_TEXT(text_at(&got, "subCategory"), "Properties.PROPERTY_WITH_NAME_EXISTS");
    UNIT_TEXT(text_at(&got, "message"), "A property named 'ext_id' already exists.");
    done(&got);
    got = add(s, "name", "string", "text", "");
    CU_ASSERT_EQUAL(got.status, 409);
    done(&got);
    got = ask(s, "GET", PROPERTIES "/ext_id", NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    got = ask(s, "GET", PROPERTIES, NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 28);
    UNIT_TEXT(text_at(&got, "results.27.name"), "ext_id");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/properties/contacts/ext_id", NULL), 404);
    sandbox_destroy(s);
}

static void test_refuses(void)
{
    struct sandbox *s = make_small(5, 5);
    refused(s, "Ext", "string", "text", "");
    refused(s, "9a", "string", "text", "");
    refused(s, "a-b", "string", "text", "");
    refused(s, "", "string", "text", "");
    refused(s, "a", "text", "text", "");
    refused(s, "a", "string", "number", "");
    refused(s, "a", "number", "text", "");
    refused(s, "a", "enumeration", "select", "");
    refused(s, "a", "enumeration", "select", ",\"options\":[{\"label\":\"A\"}]");
    refused(s, "a", "bool", "booleancheckbox", ",\"hasUniqueValue\":true");
    CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES,
                              "{\"name\":\"a\",\"label\":\"A\",\"type\":\"string\",\"fieldType\":"
                              "\"text\",\"groupName\":\"nowhere\"}"),
                    400);
    CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES, "[]"), 400);
    sandbox_destroy(s);
}

static void test_limits(void)
{
    struct sandbox *s = make_small(5, 5);
    char name[20];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "key_%d", i);
        added(s, name, "string", "text", ",\"hasUniqueValue\":true");
    }
    refused(s, "key_10", "string", "text", ",\"hasUniqueValue\":true");
    for (int i = 0; i < 23; i++) { /* 27 of HubSpot's, 60 in all */
        snprintf(name, sizeof name, "more_%d", i);
        added(s, name, "string", "text", "");
    }
    refused(s, "more_23", "string", "text", "");
    CU_ASSERT_EQUAL(status_of(s, "DELETE", PROPERTIES "/key_3", NULL), 204);
    CU_ASSERT_EQUAL(status_of(s, "GET", PROPERTIES "/key_3", NULL), 404);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", PROPERTIES "/key_3", NULL), 404);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", PROPERTIES "/name", NULL), 400);
    char *all = truth(s, "companies");
    CU_ASSERT_PTR_NOT_NULL(strstr(all, "\"more_22\":null"));
    free(all);
    sandbox_destroy(s);
}

/* Added properties hold values like others: written, read, searched, kept by type. */
static void test_values(void)
{
    struct sandbox *s = make_small(5, 5);
    added(s, "founded_on", "date", "date", "");
    added(s, "tier", "enumeration", "checkbox",
          ",\"options\":[{\"label\":\"One\",\"value\":\"a \\\"1\\\"\"},"
          "{\"label\":\"Two\",\"value\":\"b\"}]");
    added(s, "is_big", "bool", "booleancheckbox", "");
    added(s, "score", "number", "number", "");
    struct got got = ask(s, "POST", COMPANY_LIST,
                         "{\"properties\":{\"name\":\"A\",\"founded_on\":\"1777593600000\","
                         "\"tier\":\"b;a \\\"1\\\"\",\"is_big\":true,\"score\":7}}");
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "properties.founded_on"), "2026-05-01");
    UNIT_TEXT(text_at(&got, "properties.tier"), "b;a \"1\"");
    UNIT_TEXT(text_at(&got, "properties.is_big"), "true");
    done(&got);
    CU_ASSERT_EQUAL(total_of(s, FILTER("founded_on", "GTE", ",\"value\":\"1777593600000\"")), 1);
    CU_ASSERT_EQUAL(total_of(s, FILTER("score", "LT", ",\"value\":\"10\"")), 1);
    CU_ASSERT_EQUAL(total_of(s, FILTER("score", "NOT_HAS_PROPERTY", "")), 5);
    got = ask(s, "POST", COMPANY_LIST,
              "{\"properties\":{\"name\":\"A\",\"founded_on\":\"1777593600001\",\"tier\":\"c\","
              "\"is_big\":\"1\"}}");
    CU_ASSERT_EQUAL(got.status, 400);
    UNIT_TEXT(text_at(&got, "errors.0.code"), "INVALID_DATE");
    UNIT_TEXT(text_at(&got, "errors.0.message"), "1777593600001 is at 0:0:0.1 UTC, not midnight!");
    UNIT_TEXT(text_at(&got, "errors.1.code"), "INVALID_OPTION");
    UNIT_TEXT(text_at(&got, "errors.2.code"), "INVALID_OPTION");
    done(&got);
    sandbox_destroy(s);
}

static void test_unique_is_a_key(void)
{
    struct sandbox *s = make_small(5, 5);
    added(s, "ext_id", "string", "text", ",\"hasUniqueValue\":true");
    struct got got =
        ask(s, "POST", COMPANY_LIST, "{\"properties\":{\"name\":\"A\",\"ext_id\":\"K-1\"}}");
    CU_ASSERT_EQUAL(got.status, 201);
    char id[24];
    snprintf(id, sizeof id, "%s", text_at(&got, "id"));
    done(&got);
    got = ask(s, "GET", COMPANY_LIST "/K-1?idProperty=ext_id&properties=ext_id", NULL);
    UNIT_TEXT(text_at(&got, "id"), id);
    done(&got);
    got = ask(s, "POST", COMPANY_LIST "/batch/read",
              "{\"idProperty\":\"ext_id\",\"inputs\":[{\"id\":\"K-1\"},{\"id\":\"K-2\"}],"
              "\"properties\":[\"ext_id\"]}");
    CU_ASSERT_EQUAL(got.status, 207);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 1);
    done(&got);
    got = ask(s, "PATCH", COMPANY_LIST "/K-1?idProperty=ext_id",
              "{\"properties\":{\"ext_id\":\"K-2\"}}");
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    CU_ASSERT_EQUAL(
        status_of(s, "PATCH", COMPANY_LIST "/K-1?idProperty=ext_id", "{\"properties\":{}}"), 404);
    CU_ASSERT_EQUAL(
        status_of(s, "PATCH", COMPANY_LIST "/K-2?idProperty=ext_id", "{\"properties\":{}}"), 200);
    CU_ASSERT_EQUAL(
        status_of(s, "POST", "/__sandbox/mutate", "{\"companies\":6,\"create\":{\"companies\":3}}"),
        200); /* mutations leave added properties alone */
    CU_ASSERT_EQUAL(total_of(s, FILTER("ext_id", "HAS_PROPERTY", "")), 1);
    sandbox_destroy(s);
}

static void test_many_keys(void)
{
    enum { KEYS = 3000 };
    struct sandbox *s = make_small(5, 5);
    char body[20000], target[100];
    added(s, "ext_id", "string", "text", ",\"hasUniqueValue\":true");
    for (int from = 0; from < KEYS; from += 100) {
        size_t len = (size_t)snprintf(body, sizeof body, "{\"inputs\":[");
        for (int i = from; i < from + 100; i++)
            len += (size_t)snprintf(
                body + len, sizeof body - len,
                "%s{\"id\":\"K%d\",\"idProperty\":\"ext_id\",\"properties\":{\"name\":\"N%d\"}}",
                i > from ? "," : "", i, i);
        snprintf(body + len, sizeof body - len, "]}");
        CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_LIST "/batch/upsert", body), 200);
    }
    for (int i = 0; i < KEYS; i += 97) {
        char name[20];
        snprintf(target, sizeof target, COMPANY_LIST "/k%d?idProperty=ext_id", i);
        snprintf(name, sizeof name, "N%d", i);
        struct got got = ask(s, "PATCH", target, "{\"properties\":{\"city\":\"X\"}}");
        CU_ASSERT_EQUAL(got.status, 200);
        done(&got);
        got = ask(s, "GET", target, NULL);
        UNIT_TEXT(text_at(&got, "properties.name"), name);
        done(&got);
    }
    sandbox_destroy(s);
}

static void test_groups(void)
{
    struct sandbox *s = make_small(5, 5);
    struct got got = ask(s, "POST", PROPERTIES "/groups", "{\"name\":\"sync\",\"label\":\"Sync\"}");
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "label"), "Sync");
    done(&got);
    got = ask(s, "POST", PROPERTIES "/groups", "{\"name\":\"sync\",\"label\":\"Sync\"}");
    CU_ASSERT_EQUAL(got.status, 409);
    UNIT_TEXT(text_at(&got, "subCategory"), "Properties.GROUP_WITH_NAME_EXISTS");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES "/groups", "{\"name\":\"b\"}"), 400);
    got = ask(s, "GET", PROPERTIES "/groups", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 3);
    UNIT_TEXT(text_at(&got, "results.0.name"), "companyinformation");
    UNIT_TEXT(text_at(&got, "results.2.name"), "sync");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES,
                              "{\"name\":\"a\",\"label\":\"A\",\"type\":\"string\",\"fieldType\":"
                              "\"text\",\"groupName\":\"sync\"}"),
                    201);
    sandbox_destroy(s);
}

static void test_scopes(void)
{
    struct sandbox *s = make_small(5, 5);
    struct got got = ask_as(s, "Bearer sandbox-token-readonly", "POST", PROPERTIES, "{}");
    CU_ASSERT_EQUAL(got.status, 403);
    UNIT_TEXT(text_at(&got, "errors.0.context.requiredGranularScopes.0"),
              "crm.schemas.companies.write");
    done(&got);
    got = ask_as(s, "Bearer sandbox-token-readonly", "GET", PROPERTIES, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    sandbox_destroy(s);
}

/* What the properties door changed holds for writes. */
static void test_changed_properties(void)
{
    struct sandbox *s = make_small(5, 5);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/properties",
                              "{\"type\":\"companies\",\"property\":\"city\",\"do\":\"remove\"}"),
                    200);
    struct got got =
        ask(s, "POST", COMPANY_LIST, "{\"properties\":{\"name\":\"A\",\"city\":\"B\"}}");
    UNIT_TEXT(text_at(&got, "errors.0.code"), "PROPERTY_DOESNT_EXIST");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/properties",
                              "{\"type\":\"companies\",\"property\":\"type\",\"do\":\"add_option\","
                              "\"option\":\"NEW\"}"),
                    200);
    CU_ASSERT_EQUAL(
        status_of(s, "POST", COMPANY_LIST, "{\"properties\":{\"name\":\"A\",\"type\":\"NEW\"}}"),
        201);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/properties",
                              "{\"type\":\"companies\",\"property\":\"annualrevenue\",\"do\":"
                              "\"retype\",\"to\":\"string\"}"),
                    200);
    got = ask(s, "POST", COMPANY_LIST,
              "{\"properties\":{\"name\":\"A\",\"annualrevenue\":\"a \\\"lot\\\"\"}}");
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "properties.annualrevenue"), "a \"lot\"");
    done(&got);
    sandbox_destroy(s);
}

const char *const unit_suite = "sandbox, properties that are added";
const struct unit_test unit_tests[] = {
    {"create", test_create},
    {"what is refused", test_refuses},
    {"how many", test_limits},
    {"their values", test_values},
    {"a unique one is a key", test_unique_is_a_key},
    {"many keys", test_many_keys},
    {"groups", test_groups},
    {"scopes", test_scopes},
    {"properties that changed", test_changed_properties},
    {0},
};
