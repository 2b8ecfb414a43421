/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's associations that are written: batches and pairs, labels, and what is refused. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACT_COMPANY "/crm/v4/associations/contacts/companies/batch/"

typedef char id_text[24];

static void created(struct sandbox *s, const char *type, const char *body, id_text out)
{
    char target[100];
    snprintf(target, sizeof target, "/crm/v3/objects/%s", type);
    struct got got = ask(s, "POST", target, body);
    CU_ASSERT_EQUAL(got.status, 201);
    snprintf(out, sizeof(id_text), "%s", text_at(&got, "id"));
    done(&got);
}

static void make_contact(struct sandbox *s, id_text out)
{
    created(s, "contacts", "{\"properties\":{\"firstname\":\"A\"}}", out);
}

static void make_company(struct sandbox *s, id_text out)
{
    created(s, "companies", "{\"properties\":{\"name\":\"A\"}}", out);
}

static struct got linked(struct sandbox *s, const char *type, const char *id, const char *to)
{
    char target[200];
    snprintf(target, sizeof target, "/crm/v4/objects/%s/%s/associations/%s", type, id, to);
    struct got got = ask(s, "GET", target, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    return got;
}

static size_t count_of(struct sandbox *s, const char *type, const char *id, const char *to)
{
    struct got got = linked(s, type, id, to);
    size_t count = length_at(&got, "results");
    done(&got);
    return count;
}

static struct got pair(struct sandbox *s, const char *path, const char *from, const char *to,
                       const char *types)
{
    char body[1000];
    snprintf(body, sizeof body,
             "{\"inputs\":[{\"from\":{\"id\":\"%s\"},\"to\":{\"id\":\"%s\"}%s}]}", from, to, types);
    return ask(s, "POST", path, body);
}

static void test_default(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text contact, company;
    make_contact(s, contact);
    make_company(s, company);
    char target[200];
    snprintf(target, sizeof target, "/crm/v3/objects/contacts/%s?properties=associatedcompanyid",
             contact);
    struct got before = ask(s, "GET", target, NULL);
    sandbox_advance(s, 5000);
    struct got got = pair(s, CONTACT_COMPANY "associate/default", contact, company, "");
    CU_ASSERT_EQUAL(got.status, 200);
    UNIT_TEXT(text_at(&got, "status"), "COMPLETE");
    CU_ASSERT_EQUAL(length_at(&got, "results"), 2); /* both directions */
    UNIT_TEXT(text_at(&got, "results.0.from.id"), contact);
    UNIT_TEXT(text_at(&got, "results.0.associationSpec.associationTypeId"), "279");
    UNIT_TEXT(text_at(&got, "results.1.associationSpec.associationTypeId"), "280");
    done(&got);

    got = linked(s, "contacts", contact, "companies");
    UNIT_TEXT(text_at(&got, "results.0.toObjectId"), company);
    CU_ASSERT_EQUAL(length_at(&got, "results.0.associationTypes"), 2);
    UNIT_TEXT(text_at(&got, "results.0.associationTypes.0.typeId"), "279");
    UNIT_TEXT(text_at(&got, "results.0.associationTypes.1.label"), "Primary");
    done(&got);
    got = linked(s, "companies", company, "contacts");
    UNIT_TEXT(text_at(&got, "results.0.toObjectId"), contact);
    UNIT_TEXT(text_at(&got, "results.0.associationTypes.0.typeId"), "280");
    done(&got);
    got = ask(s, "GET", target, NULL);
    UNIT_TEXT(text_at(&got, "properties.associatedcompanyid"), company);
    UNIT_TEXT(text_at(&got, "updatedAt"), text_at(&before, "updatedAt")); /* none moves */
    done(&got);
    done(&before);
    char *all = truth(s, "contacts");
    char expected[100];
    snprintf(expected, sizeof expected, "\"associations\":{\"companies\":[\"%s\"]}", company);
    CU_ASSERT_PTR_NOT_NULL(strstr(all, expected));
    free(all);
    sandbox_destroy(s);
}

static void test_labels(void)
{
    static const char billing[] = ",\"types\":[{\"associationCategory\":\"USER_DEFINED\","
                                  "\"associationTypeId\":101}]";
    struct sandbox *s = make_small(5, 5);
    id_text contact, company, other;
    make_contact(s, contact);
    make_company(s, company);
    make_company(s, other);
    struct got got = pair(s, CONTACT_COMPANY "create", contact, company, billing);
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "results.0.fromObjectTypeId"), "0-1");
    UNIT_TEXT(text_at(&got, "results.0.fromObjectId"), contact);
    UNIT_TEXT(text_at(&got, "results.0.toObjectId"), company);
    UNIT_TEXT(text_at(&got, "results.0.labels.0"), "Billing contact");
    done(&got);
    got = linked(s, "contacts", contact, "companies");
    UNIT_TEXT(text_at(&got, "results.0.associationTypes.2.label"), "Billing contact");
    UNIT_TEXT(text_at(&got, "results.0.associationTypes.2.category"), "USER_DEFINED");
    done(&got);

    got =
        pair(s, CONTACT_COMPANY "create", contact, other, /* another primary one */
             ",\"types\":[{\"associationCategory\":\"HUBSPOT_DEFINED\",\"associationTypeId\":1}]");
    CU_ASSERT_EQUAL(got.status, 201);
    done(&got);
    got = linked(s, "contacts", contact, "companies");
    CU_ASSERT_EQUAL(length_at(&got, "results"), 2);
    UNIT_TEXT(text_at(&got, "results.0.toObjectId"), other);
    CU_ASSERT_EQUAL(length_at(&got, "results.1.associationTypes"), 2); /* billing, not primary */
    done(&got);

    got = pair(s, CONTACT_COMPANY "labels/archive", contact, company, billing);
    CU_ASSERT_EQUAL(got.status, 204);
    done(&got);
    got = linked(s, "contacts", contact, "companies");
    CU_ASSERT_EQUAL(length_at(&got, "results"), 2);
    CU_ASSERT_EQUAL(length_at(&got, "results.1.associationTypes"), 1);
    done(&got);
    got = ask(s, "GET", "/crm/v4/associations/companies/contacts/labels", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 3);
    UNIT_TEXT(text_at(&got, "results.0.typeId"), "280");
    done(&got);
    sandbox_destroy(s);
}

static void test_archive(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text contact, first, second;
    char body[300];
    make_contact(s, contact);
    make_company(s, first);
    make_company(s, second);
    struct got got = pair(s, CONTACT_COMPANY "associate/default", contact, first, "");
    done(&got);
    got = pair(s, "/crm/v4/associations/companies/contacts/batch/associate/default", second,
               contact, ""); /* from the other side */
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    CU_ASSERT_EQUAL(count_of(s, "contacts", contact, "companies"), 2);
    snprintf(body, sizeof body,
             "{\"inputs\":[{\"from\":{\"id\":\"%s\"},\"to\":[{\"id\":\"%s\"},{\"id\":\"7\"}]}]}",
             contact, first);
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACT_COMPANY "archive", body), 204);
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACT_COMPANY "archive", body), 204);
    got = linked(s, "contacts", contact, "companies");
    CU_ASSERT_EQUAL(length_at(&got, "results"), 1);
    UNIT_TEXT(text_at(&got, "results.0.toObjectId"), second);
    done(&got);
    sandbox_destroy(s);
}

/* Those that were seeded stay beside the one that is added. */
static void test_seeded(void)
{
    struct sandbox *s = make_small(50, 50);
    struct got got = ask(s, "GET", "/crm/v3/objects/deals?limit=100", NULL);
    id_text deal = "", company;
    size_t before = 0;
    make_company(s, company);
    for (size_t i = 0; i < length_at(&got, "results") && before < 2; i++) {
        char path[40];
        snprintf(path, sizeof path, "results.%zu.id", i);
        snprintf(deal, sizeof deal, "%s", text_at(&got, path));
        before = count_of(s, "deals", deal, "companies");
    }
    done(&got);
    CU_ASSERT_EQUAL_FATAL(before, 2);
    got =
        pair(s, "/crm/v4/associations/deals/companies/batch/associate/default", deal, company, "");
    done(&got);
    CU_ASSERT_EQUAL(count_of(s, "deals", deal, "companies"), 3);
    sandbox_destroy(s);
}

static void test_one_pair(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text contact, company;
    char target[200], preset[200];
    make_contact(s, contact);
    make_company(s, company);
    snprintf(target, sizeof target, "/crm/v4/objects/contacts/%s/associations/companies/%s",
             contact, company);
    snprintf(preset, sizeof preset, "/crm/v4/objects/contacts/%s/associations/default/companies/%s",
             contact, company);
    struct got got = ask(s, "PUT", preset, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 2);
    done(&got);
    CU_ASSERT_EQUAL(count_of(s, "contacts", contact, "companies"), 1);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", target, NULL), 204);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", target, NULL), 204);
    CU_ASSERT_EQUAL(count_of(s, "contacts", contact, "companies"), 0);
    got = ask(s, "PUT", target,
              "[{\"associationCategory\":\"USER_DEFINED\",\"associationTypeId\":101}]");
    CU_ASSERT_EQUAL(got.status, 201);
    UNIT_TEXT(text_at(&got, "labels.0"), "Billing contact");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "PUT", target, "[]"), 400);
    CU_ASSERT_EQUAL(status_of(s, "PUT", target, "{}"), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", target, "[]"), 405);
    snprintf(target, sizeof target, "/crm/v4/objects/contacts/%s/associations/default/companies/9",
             contact);
    CU_ASSERT_EQUAL(status_of(s, "PUT", target, NULL), 404);
    sandbox_destroy(s);
}

static void test_refuses(void)
{
    static const char type_of_another[] =
        ",\"types\":[{\"associationCategory\":\"HUBSPOT_DEFINED\",\"associationTypeId\":341}]";
    static const char type[] =
        ",\"types\":[{\"associationCategory\":\"HUBSPOT_DEFINED\",\"associationTypeId\":279}]";
    struct sandbox *s = make_small(5, 5);
    id_text contact, company;
    make_contact(s, contact);
    make_company(s, company);
    struct got got = pair(s, CONTACT_COMPANY "create", contact, company, type_of_another);
    CU_ASSERT_EQUAL(got.status, 207);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 0);
    UNIT_TEXT(text_at(&got, "numErrors"), "1");
    UNIT_TEXT(text_at(&got, "errors.0.category"), "VALIDATION_ERROR");
    UNIT_TEXT(text_at(&got, "errors.0.context.fromObjectId.0"), contact);
    done(&got);
    got = pair(s, CONTACT_COMPANY "create", contact, "12", type);
    CU_ASSERT_EQUAL(got.status, 207);
    UNIT_TEXT(text_at(&got, "errors.0.category"), "OBJECT_NOT_FOUND");
    UNIT_TEXT(text_at(&got, "errors.0.context.toObjectId.0"), "12");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACT_COMPANY "create", "{\"inputs\":[]}"), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", CONTACT_COMPANY "create", "{\"inputs\":[1]}"), 207);
    CU_ASSERT_EQUAL(
        status_of(s, "POST", "/crm/v4/associations/companies/companies/batch/create", "{}"), 404);
    got = ask_as(s, "Bearer sandbox-token-readonly", "POST", CONTACT_COMPANY "create", "{}");
    CU_ASSERT_EQUAL(got.status, 403);
    done(&got);
    sandbox_destroy(s);
}

static void test_too_many(void)
{
    struct sandbox *s = make_small(60, 5);
    id_text contact;
    make_contact(s, contact);
    struct got companies = ask(s, "GET", "/crm/v3/objects/companies?limit=51", NULL);
    for (size_t i = 0; i < 51; i++) {
        char path[40];
        snprintf(path, sizeof path, "results.%zu.id", i);
        struct got got =
            pair(s, CONTACT_COMPANY "associate/default", contact, text_at(&companies, path), "");
        CU_ASSERT_EQUAL(got.status, i < 50 ? 200 : 207);
        done(&got);
    }
    done(&companies);
    CU_ASSERT_EQUAL(count_of(s, "contacts", contact, "companies"), 50);
    sandbox_destroy(s);
}

static void test_with_a_new_record(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text contact, company, note;
    char body[600];
    make_contact(s, contact);
    make_company(s, company);
    snprintf(body, sizeof body,
             "{\"properties\":{\"hs_timestamp\":\"2026-01-05\"},\"associations\":["
             "{\"to\":{\"id\":\"%s\"},\"types\":[{\"associationCategory\":\"HUBSPOT_DEFINED\","
             "\"associationTypeId\":202}]},"
             "{\"to\":{\"id\":\"%s\"},\"types\":[{\"associationCategory\":\"HUBSPOT_DEFINED\","
             "\"associationTypeId\":190}]}]}",
             contact, company);
    created(s, "notes", body, note);
    CU_ASSERT_EQUAL(count_of(s, "notes", note, "contacts"), 1);
    CU_ASSERT_EQUAL(count_of(s, "notes", note, "companies"), 1);
    CU_ASSERT_EQUAL(count_of(s, "notes", note, "deals"), 0); /* nothing seeded */
    CU_ASSERT_EQUAL(count_of(s, "contacts", contact, "notes"), 1);
    struct got got = ask(s, "POST", "/crm/v3/objects/notes",
                         "{\"properties\":{\"hs_timestamp\":\"2026-01-05\"},\"associations\":[{"
                         "\"to\":{\"id\":\"3\"},\"types\":[{\"associationCategory\":"
                         "\"HUBSPOT_DEFINED\",\"associationTypeId\":202}]}]}");
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "message"), "associations are invalid"));
    done(&got);
    sandbox_destroy(s);
}

/* Merges and archived records go on as with seeded ones. */
static void test_merged_and_archived(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text contact, first, second, other;
    char body[200], target[100];
    make_contact(s, contact);
    make_contact(s, other);
    make_company(s, first);
    make_company(s, second);
    struct got got = pair(s, CONTACT_COMPANY "associate/default", contact, first, "");
    done(&got);
    snprintf(body, sizeof body, "{\"primaryObjectId\":\"%s\",\"objectIdToMerge\":\"%s\"}", second,
             first);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/crm/v3/objects/companies/merge", body), 200);
    got = ask(s, "GET", "/__sandbox/writes", NULL);
    UNIT_TEXT(text_at(&got, "writes.5.do"), "merge");
    UNIT_TEXT(text_at(&got, "writes.5.id"), second);
    UNIT_TEXT(text_at(&got, "writes.5.key"), first);
    done(&got);
    got = linked(s, "contacts", contact, "companies");
    UNIT_TEXT(text_at(&got, "results.0.toObjectId"), second);
    done(&got);
    snprintf(body, sizeof body, "{\"primaryObjectId\":\"%s\",\"objectIdToMerge\":\"%s\"}", other,
             contact);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/crm/v3/objects/contacts/merge", body), 200);
    got = linked(s, "contacts", other, "companies"); /* it had none */
    UNIT_TEXT(text_at(&got, "results.0.toObjectId"), second);
    done(&got);
    snprintf(target, sizeof target, "/crm/v3/objects/companies/%s", second);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", target, NULL), 204);
    CU_ASSERT_EQUAL(count_of(s, "contacts", other, "companies"), 0);
    sandbox_destroy(s);
}

static void test_journal(void)
{
    struct sandbox *s = make_small(5, 5);
    id_text contact, company;
    make_contact(s, contact);
    make_company(s, company);
    struct got got = pair(s, CONTACT_COMPANY "associate/default", contact, company, "");
    done(&got);
    got = ask(s, "GET", "/__sandbox/writes", NULL);
    UNIT_TEXT(text_at(&got, "writes.2.do"), "associate");
    UNIT_TEXT(text_at(&got, "writes.2.type"), "contacts");
    UNIT_TEXT(text_at(&got, "writes.2.id"), contact);
    UNIT_TEXT(text_at(&got, "writes.2.properties.to"), "companies");
    UNIT_TEXT(text_at(&got, "writes.2.properties.id"), company);
    UNIT_TEXT(text_at(&got, "writes.2.outcome"), "done");
    done(&got);
    sandbox_destroy(s);
}

const char *const unit_suite = "sandbox, writing associations";
const struct unit_test unit_tests[] = {
    {"by default", test_default},
    {"with labels", test_labels},
    {"archive", test_archive},
    {"beside seeded ones", test_seeded},
    {"one pair", test_one_pair},
    {"what is refused", test_refuses},
    {"too many", test_too_many},
    {"with a new record", test_with_a_new_record},
    {"of merged and archived records", test_merged_and_archived},
    {"the journal", test_journal},
    {0},
};
