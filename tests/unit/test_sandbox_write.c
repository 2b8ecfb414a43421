/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's writes of one record: what becomes of it, times, history, and who may. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACTS "/crm/v3/objects/contacts"
#define DEALS    "/crm/v3/objects/deals"

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

static struct got patch(struct sandbox *s, const char *list, const char *id, const char *properties)
{
    char target[200], body[4096];
    snprintf(target, sizeof target, "%s/%s", list, id);
    snprintf(body, sizeof body, "{\"properties\":%s}", properties);
    return ask(s, "PATCH", target, body);
}

static struct got read_back(struct sandbox *s, const char *list, const char *id, const char *names)
{
    char target[300];
    snprintf(target, sizeof target, "%s/%s?properties=%s", list, id, names);
    struct got got = ask(s, "GET", target, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    return got;
}

/* ---- making, changing, archiving ---- */

static void test_create(void)
{
    struct sandbox *s = make_small(10, 10);
    struct got got = ask(s, "POST", CONTACTS,
                         "{\"properties\":{\"email\":\"ann@acme.test\",\"firstname\":\"Ann\"}}");
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "properties.email"), "ann@acme.test");
    UNIT_TEXT(text_at(&got, "properties.lifecyclestage"), "lead");
    UNIT_TEXT(text_at(&got, "properties.hs_object_source"), "INTEGRATION");
    UNIT_TEXT(text_at(&got, "properties.createdate"), text_at(&got, "createdAt"));
    UNIT_TEXT(text_at(&got, "properties.lastmodifieddate"), text_at(&got, "updatedAt"));
    CU_ASSERT_PTR_NOT_NULL(sandbox_header(&got.response, "Location"));
    CU_ASSERT_PTR_NULL(at(got.json, "properties.phone")); /* no nulls in the answer to a write */
    id_text id;
    snprintf(id, sizeof id, "%s", text_at(&got, "id"));
    done(&got);

    got = read_back(s, CONTACTS, id, "phone,email,associatedcompanyid");
    CU_ASSERT(json_object_object_get_ex(at(got.json, "properties"), "phone", NULL));
    CU_ASSERT_PTR_NULL(at(got.json, "properties.phone")); /* nothing seeded in a written record */
    CU_ASSERT_PTR_NULL(at(got.json, "properties.associatedcompanyid"));
    done(&got);
    char *all = truth(s, "contacts");
    CU_ASSERT_PTR_NOT_NULL(strstr(all, "ann@acme.test"));
    free(all);
    sandbox_destroy(s);
}

static void test_update(void)
{
    struct sandbox *s = make_small(10, 10);
    id_text id;
    created(s, COMPANY_LIST, "{\"name\":\"Acme\",\"city\":\"Oslo\"}", id);
    struct got got = patch(s, COMPANY_LIST, id, "{\"city\":\"Bergen\",\"phone\":\"1\"}");
    CU_ASSERT_EQUAL(got.status, 200);
    UNIT_TEXT(text_at(&got, "properties.city"), "Bergen");
    CU_ASSERT_STRING_NOT_EQUAL(text_at(&got, "updatedAt"), text_at(&got, "createdAt"));
    UNIT_TEXT(text_at(&got, "properties.hs_lastmodifieddate"), text_at(&got, "updatedAt"));
    done(&got);

    got = patch(s, COMPANY_LIST, id, "{\"city\":\"\",\"name\":null}");
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    got = read_back(s, COMPANY_LIST, id, "city,name,phone");
    CU_ASSERT_PTR_NULL(at(got.json, "properties.city")); /* "" clears, null is no change */
    UNIT_TEXT(text_at(&got, "properties.name"), "Acme");
    UNIT_TEXT(text_at(&got, "properties.phone"), "1");
    done(&got);
    sandbox_destroy(s);
}

/* A seeded record keeps what was not written. */
static void test_update_seeded(void)
{
    struct sandbox *s = make_small(5, 5);
    struct got got = ask(s, "GET", COMPANY_LIST "?limit=1&properties=name,country", NULL);
    id_text id;
    char country[80];
    snprintf(id, sizeof id, "%s", text_at(&got, "results.0.id"));
    snprintf(country, sizeof country, "%s", text_at(&got, "results.0.properties.country"));
    done(&got);
    got = patch(s, COMPANY_LIST, id, "{\"name\":\"Other \\\"name\\\"\"}");
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    got = read_back(s, COMPANY_LIST, id, "name,country");
    UNIT_TEXT(text_at(&got, "properties.name"), "Other \"name\"");
    UNIT_TEXT(text_at(&got, "properties.country"), country);
    done(&got);
    sandbox_destroy(s);
}

static void test_unchanged(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text id;
    created(s, COMPANY_LIST, "{\"name\":\"Acme\"}", id);
    struct got first = read_back(s, COMPANY_LIST, id, "name");
    sandbox_advance(s, 5000);
    struct got again = patch(s, COMPANY_LIST, id, "{\"name\":\" Acme \"}");
    CU_ASSERT_EQUAL(again.status, 200);
    UNIT_TEXT(text_at(&again, "updatedAt"), text_at(&first, "updatedAt"));
    done(&first);
    done(&again);
    struct got got = ask(s, "GET", "/__sandbox/writes", NULL);
    UNIT_TEXT(text_at(&got, "writes.1.outcome"), "unchanged");
    done(&got);
    sandbox_destroy(s);
}

static void test_archive(void)
{
    struct sandbox *s = make_small(5, 5);
    char target[100];
    id_text id;
    created(s, CONTACTS, "{\"email\":\"a@b.test\"}", id);
    snprintf(target, sizeof target, CONTACTS "/%s", id);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", target, NULL), 204);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", target, NULL), 204);
    CU_ASSERT_EQUAL(status_of(s, "GET", target, NULL), 404);
    struct got got = patch(s, CONTACTS, id, "{\"firstname\":\"x\"}");
    CU_ASSERT_EQUAL(got.status, 404);
    UNIT_TEXT(text_at(&got, "category"), "OBJECT_NOT_FOUND");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", CONTACTS "/12", NULL), 404);
    created(s, CONTACTS, "{\"email\":\"a@b.test\"}", id); /* the address is free */
    sandbox_destroy(s);
}

static void test_by_id_property(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text id;
    created(s, CONTACTS, "{\"email\":\"a@b.test\"}", id);
    struct got got = patch(s, CONTACTS, "A@B.test?idProperty=email", "{\"firstname\":\"Al\"}");
    CU_ASSERT_EQUAL(got.status, 200);
    UNIT_TEXT(text_at(&got, "id"), id);
    done(&got);
    got = patch(s, CONTACTS, "no@b.test?idProperty=email", "{\"firstname\":\"Al\"}");
    CU_ASSERT_EQUAL(got.status, 404);
    done(&got);
    got = patch(s, CONTACTS, "x?idProperty=firstname", "{\"firstname\":\"Al\"}");
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "message"), "non-unique 0-1 property firstname"));
    done(&got);
    sandbox_destroy(s);
}

/* ---- unique values ---- */

static void test_conflict(void)
{
    struct sandbox *s = make_small(5, 50);
    struct got got = ask(s, "GET", CONTACTS "?limit=100&properties=email", NULL);
    char seeded[200] = "", id[24] = "", body[300], expected[100];
    for (size_t i = 0; i < length_at(&got, "results") && !seeded[0]; i++) {
        struct json_object *r = json_object_array_get_idx(at(got.json, "results"), i);
        struct json_object *email = at(r, "properties.email");
        if (!email)
            continue;
        snprintf(seeded, sizeof seeded, "%s", json_object_get_string(email));
        snprintf(id, sizeof id, "%s", json_object_get_string(at(r, "id")));
    }
    done(&got);
    seeded[0] = (char)(seeded[0] - 32); /* another case */
    snprintf(body, sizeof body, "{\"properties\":{\"email\":\"%s\"}}", seeded);
    snprintf(expected, sizeof expected, "Contact already exists. Existing ID: %s", id);
    got = ask(s, "POST", CONTACTS, body);
    CU_ASSERT_EQUAL(got.status, 409);
    UNIT_TEXT(text_at(&got, "message"), expected);
    UNIT_TEXT(text_at(&got, "category"), "CONFLICT");
    done(&got);

    id_text other;
    created(s, CONTACTS, "{\"email\":\"new@acme.test\"}", other);
    snprintf(body, sizeof body, "{\"email\":\"%s\"}", seeded);
    got = patch(s, CONTACTS, other, body);
    CU_ASSERT_EQUAL(got.status, 409);
    done(&got);
    got = patch(s, CONTACTS, other, "{\"email\":\"NEW@acme.test\"}"); /* its own */
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    got = patch(s, CONTACTS, other, "{\"email\":\"moved@acme.test\"}");
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    created(s, CONTACTS, "{\"email\":\"new@acme.test\"}", other); /* free again */
    sandbox_destroy(s);
}

/* ---- what follows from others ---- */

static void test_derived(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text id;
    created(s, DEALS, "{\"dealname\":\"D\",\"dealstage\":\"114603202\",\"pipeline\":\"75e28846\"}",
            id);
    struct got got = patch(s, DEALS, id, "{\"dealstage\":\"closedwon\"}");
    done(&got);
    got = read_back(s, DEALS, id, "pipeline,hs_is_closed_won,hs_deal_stage_probability");
    UNIT_TEXT(text_at(&got, "properties.pipeline"), "default");
    UNIT_TEXT(text_at(&got, "properties.hs_is_closed_won"), "true");
    UNIT_TEXT(text_at(&got, "properties.hs_deal_stage_probability"), "1.0");
    done(&got);
    got = patch(s, DEALS, id, "{\"dealstage\":\"\"}");
    done(&got);
    got = read_back(s, DEALS, id, "pipeline");
    CU_ASSERT_PTR_NULL(at(got.json, "properties.pipeline"));
    done(&got);

    created(s, "/crm/v3/objects/tasks",
            "{\"hs_timestamp\":\"2026-01-05\",\"hs_task_status\":\"COMPLETED\"}", id);
    got = read_back(s, "/crm/v3/objects/tasks", id, "hs_task_completion_date");
    UNIT_TEXT(text_at(&got, "properties.hs_task_completion_date"), text_at(&got, "createdAt"));
    done(&got);
    sandbox_destroy(s);
}

/* ---- time ---- */

static void test_times(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text first, second;
    created(s, COMPANY_LIST, "{\"name\":\"A\"}", first);
    created(s, COMPANY_LIST, "{\"name\":\"B\"}", second);
    struct got a = read_back(s, COMPANY_LIST, first, "name");
    struct got b = read_back(s, COMPANY_LIST, second, "name");
    CU_ASSERT(strcmp(text_at(&a, "updatedAt"), text_at(&b, "updatedAt")) < 0);
    done(&a);
    done(&b);
    CU_ASSERT(sandbox_now(s) <= START_MS + 2);
    sandbox_destroy(s);
}

static void test_search_lags(void)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.companies = 5;
    o.limits_factor = 0;
    o.lag_ms = 3000;
    struct sandbox *s = make(&o);
    id_text id;
    created(s, COMPANY_LIST, "{\"name\":\"Laggard\"}", id);
    CU_ASSERT_EQUAL(total_of(s, FILTER("name", "EQ", ",\"value\":\"Laggard\"")), 0);
    struct got got = read_back(s, COMPANY_LIST, id, "name");
    UNIT_TEXT(text_at(&got, "properties.name"), "Laggard");
    done(&got);
    sandbox_advance(s, 3000);
    CU_ASSERT_EQUAL(total_of(s, FILTER("name", "EQ", ",\"value\":\"Laggard\"")), 1);
    done((got = patch(s, COMPANY_LIST, id, "{\"name\":\"Other\"}"), &got));
    CU_ASSERT_EQUAL(total_of(s, FILTER("name", "EQ", ",\"value\":\"Laggard\"")), 1);
    sandbox_advance(s, 3000);
    CU_ASSERT_EQUAL(total_of(s, FILTER("name", "EQ", ",\"value\":\"Laggard\"")), 0);
    sandbox_destroy(s);
}

/* ---- history ---- */

static void test_history(void)
{
    struct sandbox *s = make_small(60, 5);
    char target[200], body[200];
    struct got got = ask(s, "GET", COMPANY_LIST "?limit=1&properties=name", NULL);
    id_text id;
    char seeded[100];
    snprintf(id, sizeof id, "%s", text_at(&got, "results.0.id"));
    snprintf(seeded, sizeof seeded, "%s", text_at(&got, "results.0.properties.name"));
    done(&got);
    done((got = patch(s, COMPANY_LIST, id, "{\"name\":\"One\"}"), &got));
    done((got = patch(s, COMPANY_LIST, id, "{\"name\":\"\"}"), &got));
    snprintf(target, sizeof target, COMPANY_LIST "/%s?propertiesWithHistory=name", id);
    got = ask(s, "GET", target, NULL);
    CU_ASSERT_EQUAL(length_at(&got, "propertiesWithHistory.name"), 3);
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.0.value"), "");
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.0.timestamp"), text_at(&got, "updatedAt"));
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.1.value"), "One");
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.1.sourceType"), "INTEGRATION");
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.1.sourceId"), "1160452");
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.2.value"), seeded);
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.2.timestamp"), text_at(&got, "createdAt"));
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.2.sourceType"), "CRM_UI");
    done(&got);

    for (int i = 0; i < 30; i++) {
        snprintf(body, sizeof body, "{\"name\":\"N%d\"}", i);
        done((got = patch(s, COMPANY_LIST, id, body), &got));
    }
    got = ask(s, "GET", target, NULL); /* bounded */
    CU_ASSERT_EQUAL(length_at(&got, "propertiesWithHistory.name"), 20);
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.0.value"), "N29");
    UNIT_TEXT(text_at(&got, "propertiesWithHistory.name.19.value"), "N10");
    done(&got);
    sandbox_destroy(s);
}

static void test_history_limits(void)
{
    struct sandbox *s = make_small(120, 5);
    char inputs[4000], body[4200];
    struct got got = ask(s, "GET", COMPANY_LIST "?limit=51&propertiesWithHistory=name", NULL);
    CU_ASSERT_EQUAL(got.status, 400);
    done(&got);
    got = ask(s, "GET", COMPANY_LIST "?limit=50&propertiesWithHistory=name", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 50);
    CU_ASSERT_EQUAL(length_at(&got, "results.49.propertiesWithHistory.name"), 1);
    done(&got);
    for (size_t count = 50; count <= 51; count++) {
        size_t len = 0;
        got = ask(s, "GET", COMPANY_LIST "?limit=100", NULL);
        for (size_t i = 0; i < count; i++) {
            char path[40];
            snprintf(path, sizeof path, "results.%zu.id", i);
            len += (size_t)snprintf(inputs + len, sizeof inputs - len, "%s{\"id\":\"%s\"}",
                                    i ? "," : "", text_at(&got, path));
        }
        done(&got);
        snprintf(body, sizeof body,
                 "{\"inputs\":[%s],\"properties\":[],\"propertiesWithHistory\":[\"name\"]}",
                 inputs);
        got = ask(s, "POST", COMPANY_LIST "/batch/read", body);
        CU_ASSERT_EQUAL(got.status, count == 50 ? 200 : 400);
        done(&got);
    }
    sandbox_destroy(s);
}

/* A mutation is in the history, too. */
static void test_history_of_mutation(void)
{
    struct sandbox *s = make_small(1, 1);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate", "{\"companies\":1}"), 200);
    struct got got = ask(
        s, "GET",
        COMPANY_LIST "?propertiesWithHistory=address,annualrevenue,city,description,hs_lead_status,"
                     "hubspot_owner_id,industry,lifecyclestage,name,numberofemployees,phone,type,"
                     "zip",
        NULL);
    size_t changed = 0;
    struct json_object *histories = at(got.json, "results.0.propertiesWithHistory");
    json_object_object_foreach(histories, name, list)
    {
        (void)name;
        for (size_t i = 0; i < json_object_array_length(list); i++)
            changed +=
                strcmp(json_object_get_string(at(json_object_array_get_idx(list, i), "timestamp")),
                       text_at(&got, "results.0.updatedAt")) == 0;
    }
    CU_ASSERT(changed >= 1 && changed <= 3);
    done(&got);
    sandbox_destroy(s);
}

/* ---- who may ---- */

static void test_scopes(void)
{
    static const char read_only[] = "Bearer sandbox-token-readonly";
    static const char body[] = "{\"properties\":{\"name\":\"A\"}}";
    struct sandbox *s = make_small(5, 5);
    struct got got = ask_as(s, read_only, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    got = ask_as(s, read_only, "POST", COMPANY_LIST, body);
    CU_ASSERT_EQUAL(got.status, 403);
    UNIT_TEXT(text_at(&got, "category"), "MISSING_SCOPES");
    UNIT_TEXT(text_at(&got, "errors.0.context.requiredGranularScopes.0"),
              "crm.objects.companies.write");
    done(&got);
    got = ask_as(s, read_only, "DELETE", COMPANY_LIST "/1", NULL);
    CU_ASSERT_EQUAL(got.status, 403);
    done(&got);
    got = ask(s, "POST", "/__sandbox/oauth",
              "{\"do\":\"grant\",\"scopes\":\"crm.objects.companies.write\"}");
    char bearer[2000];
    snprintf(bearer, sizeof bearer, "Bearer %s", text_at(&got, "access_token"));
    done(&got);
    got = ask_as(s, bearer, "POST", COMPANY_LIST, body);
    CU_ASSERT_EQUAL(got.status, 201);
    done(&got);
    got = ask_as(s, bearer, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 403);
    done(&got);
    got = ask_as(s, NULL, "POST", COMPANY_LIST, body);
    CU_ASSERT_EQUAL(got.status, 401);
    done(&got);
    sandbox_destroy(s);
}

static void test_limits(void)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    struct sandbox *s = make(&o);
    for (int i = 0; i < 190; i++)
        CU_ASSERT_EQUAL(status_of(s, "POST", CONTACTS, "{}"), 400);
    struct got got = ask(s, "POST", CONTACTS, "{}");
    CU_ASSERT_EQUAL(got.status, 429);
    CU_ASSERT_PTR_NOT_NULL(sandbox_header(&got.response, "Retry-After"));
    done(&got);
    sandbox_destroy(s);
}

static void test_deterministic(void)
{
    char *truths[2];
    for (int i = 0; i < 2; i++) {
        struct sandbox *s = make_small(5, 5);
        id_text id;
        created(s, COMPANY_LIST, "{\"name\":\"A\"}", id);
        struct got got = patch(s, COMPANY_LIST, id, "{\"city\":\"X\"}");
        done(&got);
        truths[i] = truth(s, "companies");
        sandbox_destroy(s);
    }
    UNIT_TEXT(truths[0], truths[1]);
    free(truths[0]);
    free(truths[1]);
}

const char *const unit_suite = "sandbox, writing a record";
const struct unit_test unit_tests[] = {
    {"create", test_create},
    {"update", test_update},
    {"a seeded record is updated", test_update_seeded},
    {"a write that changes nothing", test_unchanged},
    {"archive", test_archive},
    {"by a unique property", test_by_id_property},
    {"an address that is taken", test_conflict},
    {"values that follow from others", test_derived},
    {"times are distinct", test_times},
    {"search lags", test_search_lags},
    {"history", test_history},
    {"history has smaller pages", test_history_limits},
    {"history of a mutation", test_history_of_mutation},
    {"scopes", test_scopes},
    {"rate limits", test_limits},
    {"the same writes, the same records", test_deterministic},
    {0},
};
