/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are written to the simulator: how they are kept, and which are refused. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACTS "/crm/v3/objects/contacts"
#define DEALS    "/crm/v3/objects/deals"
#define TICKETS  "/crm/v3/objects/tickets"

typedef char id_text[24];

/* A record of some properties (JSON) that must come to be. */
static void created(struct sandbox *s, const char *list, const char *properties, id_text out)
{
    char body[4096];
    snprintf(body, sizeof body, "{\"properties\":%s}", properties);
    struct got got = ask(s, "POST", list, body);
    CU_ASSERT_EQUAL(got.status, 201);
    snprintf(out, sizeof(id_text), "%s", text_at(&got, "id"));
    UNIT_TEXT(text_at(&got, "properties.hs_object_id"), out);
    done(&got);
}

static struct got read_back(struct sandbox *s, const char *list, const char *id, const char *names)
{
    char target[300];
    snprintf(target, sizeof target, "%s/%s?properties=%s", list, id, names);
    struct got got = ask(s, "GET", target, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    return got;
}

/* ---- how values are kept ---- */

static void kept(struct sandbox *s, const char *list, const char *property, const char *sent,
                 const char *expected)
{
    static const struct {
        const char *list, *required;
    } types[] = {{COMPANY_LIST, "\"name\":\"N\""},
                 {CONTACTS, "\"firstname\":\"N\""},
                 {DEALS, "\"dealname\":\"N\",\"dealstage\":\"closedwon\""},
                 {TICKETS, "\"subject\":\"N\",\"hs_pipeline_stage\":\"1\""}};
    char properties[1000], path[80];
    id_text id;
    size_t i = 0;
    while (strcmp(types[i].list, list) != 0)
        i++;
    snprintf(properties, sizeof properties, "{%s,\"%s\":%s}", types[i].required, property, sent);
    created(s, list, properties, id);
    struct got got = read_back(s, list, id, property);
    snprintf(path, sizeof path, "properties.%s", property);
    UNIT_TEXT(text_at(&got, path), expected);
    done(&got);
}

static void test_values_kept(void)
{
    struct sandbox *s = make_small(5, 5);
    kept(s, CONTACTS, "email", "\" Ann.B@ACME.test \"", "ann.b@acme.test");
    kept(s, CONTACTS, "jobtitle", "\"  VP,\\t Sales\\n\"", "VP,\t Sales");
    kept(s, CONTACTS, "phone", "\"+1 (415) 555-0101\"", "+1 (415) 555-0101");
    kept(s, COMPANY_LIST, "domain", "\"https://www.Acme.TEST/about?x\"", "acme.test");
    kept(s, COMPANY_LIST, "annualrevenue", "12.50", "12.50");
    kept(s, COMPANY_LIST, "annualrevenue", "\"007\"", "7");
    kept(s, COMPANY_LIST, "annualrevenue", "\"-.5\"", "-0.5");
    kept(s, COMPANY_LIST, "annualrevenue", "\"1.2e3\"", "1200");
    kept(s, COMPANY_LIST, "is_public", "true", "true");
    kept(s, DEALS, "closedate", "1777593600000", "2026-05-01T00:00:00Z");
    kept(s, DEALS, "closedate", "\"2026-05-01\"", "2026-05-01T00:00:00Z");
    kept(s, DEALS, "closedate", "\"2026-05-01T02:00:00.250+02:00\"", "2026-05-01T00:00:00.250Z");
    kept(s, TICKETS, "hs_ticket_category", "\"BILLING_ISSUE;PRODUCT_ISSUE\"",
         "BILLING_ISSUE;PRODUCT_ISSUE");
    sandbox_destroy(s);
}

/* ---- what is refused ---- */

static void refused(struct sandbox *s, const char *list, const char *properties, const char *code,
                    const char *message)
{
    char body[1000];
    snprintf(body, sizeof body, "{\"properties\":%s}", properties);
    struct got got = ask(s, "POST", list, body);
    CU_ASSERT_EQUAL(got.status, 400);
    UNIT_TEXT(text_at(&got, "category"), "VALIDATION_ERROR");
    UNIT_TEXT(text_at(&got, "errors.0.code"), code);
    UNIT_TEXT(text_at(&got, "errors.0.message"), message);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "message"), "Property values were not valid: [{"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "message"), code));
    done(&got);
}

static void test_values_refused(void)
{
    struct sandbox *s = make_small(5, 5);
    refused(s, CONTACTS, "{\"color\":\"red\"}", "PROPERTY_DOESNT_EXIST",
            "Property \"color\" does not exist");
    refused(s, CONTACTS, "{\"hs_object_id\":\"5\"}", "READ_ONLY_VALUE",
            "\"hs_object_id\" is a read only property; its value cannot be set.");
    refused(s, CONTACTS, "{\"email\":\"a@b@c.test\"}", "INVALID_EMAIL",
            "Email address a@b@c.test is invalid");
    refused(s, CONTACTS, "{\"email\":\"a@b\"}", "INVALID_EMAIL", "Email address a@b is invalid");
    refused(s, CONTACTS, "{\"hs_language\":\"EN\"}", "INVALID_OPTION",
            "EN was not one of the allowed options: [en, de, fr, es, sv, ja]");
    refused(s, CONTACTS, "{\"hs_language\":\" en\"}", "LEADING_TRAILING_WHITESPACE",
            "\" en\" includes leading or trailing whitespace.");
    refused(s, CONTACTS, "{\"hubspot_owner_id\":\"Ada\"}", "INVALID_INTEGER",
            "Ada was not a valid integer (for owner ID).");
    refused(s, CONTACTS, "{\"hubspot_owner_id\":\"5\"}", "INVALID_OWNER_ID",
            "Owner 5 does not exist");
    refused(s, COMPANY_LIST, "{\"annualrevenue\":\"12,5\"}", "INVALID_NUMBER",
            "12,5 was not a valid number.");
    refused(s, COMPANY_LIST, "{\"annualrevenue\":\"0x10\"}", "INVALID_NUMBER",
            "0x10 was not a valid number.");
    refused(s, COMPANY_LIST, "{\"is_public\":\"yes\"}", "INVALID_OPTION",
            "yes was not one of the allowed options: [true, false]");
    refused(s, DEALS, "{\"closedate\":\"tomorrow\"}", "INVALID_LONG",
            "tomorrow was not a valid long.");
    refused(s, DEALS, "{\"closedate\":\"2026-02-30\"}", "INVALID_LONG",
            "2026-02-30 was not a valid long.");
    refused(s, DEALS, "{\"dealstage\":\"closedwon\",\"pipeline\":\"75e28846\"}", "INVALID_OPTION",
            "75e28846 is not the pipeline of stage closedwon: name one of its stages in the same "
            "request");
    sandbox_destroy(s);
}

static void test_too_long(void)
{
    struct sandbox *s = make_small(5, 5);
    char *body = malloc(140000), *at_end;
    for (size_t length = 65536; length <= 65537; length++) {
        at_end = body + sprintf(body, "{\"properties\":{\"name\":\"");
        for (size_t i = 0; i < length; i++)
            at_end += sprintf(at_end, "ä"); /* characters, not bytes */
        sprintf(at_end, "\"}}");
        struct got got = ask(s, "POST", COMPANY_LIST, body);
        CU_ASSERT_EQUAL(got.status, length == 65536 ? 201 : 400);
        UNIT_TEXT(text_at(&got, "errors.0.code"), length == 65536 ? "" : "PROPERTY_VALUE_TOO_LONG");
        done(&got);
    }
    free(body);
    sandbox_destroy(s);
}

/* All of a request's properties are told of, and nothing is written. */
static void test_all_issues(void)
{
    struct sandbox *s = make_small(5, 5);
    struct got got = ask(s, "POST", CONTACTS,
                         "{\"properties\":{\"email\":\"x\",\"a\":\"1\",\"firstname\":\"ok\"}}");
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT_EQUAL(length_at(&got, "errors"), 2);
    UNIT_TEXT(text_at(&got, "errors.1.context.propertyName.0"), "a");
    struct json_object *list =
        json_tokener_parse(strchr(text_at(&got, "message"), '[')); /* JSON in a text */
    CU_ASSERT_EQUAL(json_object_array_length(list), 2);
    json_object_put(list);
    done(&got);
    got = ask(s, "GET", CONTACTS "?limit=100", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 5);
    done(&got);
    sandbox_destroy(s);
}

static void test_bad_bodies(void)
{
    struct sandbox *s = make_small(5, 5);
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"properties\":[]}",
        "{\"properties\":null}",
        "{\"properties\":{\"email\":{}}}",
        "{\"properties\":{\"email\":[\"a\"]}}",
        "{\"properties\":{\"firstname\":\"\xff\"}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        CU_ASSERT_EQUAL(status_of(s, "POST", CONTACTS, bodies[i]), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACTS, NULL), 400);
    sandbox_destroy(s);
}

static void test_required(void)
{
    static const struct {
        const char *type, *short_of, *missing;
    } cases[] = {
        {"contacts", "{\"phone\":\"1\"}", "email"},
        {"companies", "{\"city\":\"Oslo\"}", "name"},
        {"deals", "{\"dealname\":\"D\"}", "dealstage"},
        {"tickets", "{\"hs_pipeline_stage\":\"1\"}", "subject"},
        {"calls", "{\"hs_call_title\":\"C\"}", "hs_timestamp"},
        {"emails", "{\"hs_email_subject\":\"C\"}", "hs_timestamp"},
        {"meetings", "{\"hs_meeting_title\":\"C\"}", "hs_timestamp"},
        {"notes", "{\"hs_note_body\":\"C\"}", "hs_timestamp"},
        {"tasks", "{\"hs_task_subject\":\"C\"}", "hs_timestamp"},
        {"p8675309_subscription", "{\"fee\":\"1\"}", "subscription_name"},
    };
    struct sandbox *s = make_small(5, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[80], body[200];
        snprintf(target, sizeof target, "/crm/v3/objects/%s", cases[i].type);
        snprintf(body, sizeof body, "{\"properties\":%s}", cases[i].short_of);
        struct got got = ask(s, "POST", target, body);
        CU_ASSERT_EQUAL(got.status, 400);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(text_at(&got, "message"), "Some required properties were not set."));
        UNIT_TEXT(text_at(&got, "context.properties.0"), cases[i].missing);
        done(&got);
    }
    id_text id;
    created(s, "/crm/v3/objects/meetings", "{\"hs_meeting_start_time\":\"2026-01-05T10:00:00Z\"}",
            id);
    struct got got = read_back(s, "/crm/v3/objects/meetings", id, "hs_timestamp");
    UNIT_TEXT(text_at(&got, "properties.hs_timestamp"), "2026-01-05T10:00:00Z");
    done(&got);
    created(s, "/crm/v3/objects/notes", "{\"hs_timestamp\":\"1767225600000\"}", id);
    created(s, "/crm/v3/objects/2-3465404", "{\"subscription_name\":\"S\"}", id);
    sandbox_destroy(s);
}

const char *const unit_suite = "sandbox, values that are written";
const struct unit_test unit_tests[] = {
    {"how values are kept", test_values_kept},
    {"values that are refused", test_values_refused},
    {"a text that is too long", test_too_long},
    {"all that is wrong is told", test_all_issues},
    {"bodies that are none", test_bad_bodies},
    {"what a new record must have", test_required},
    {0},
};
