/* SPDX-License-Identifier: Apache-2.0 */
/* What the HubSpot connector writes, against the simulator: all that it does is seen there. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hubspot_writer.h"

#define COMPANIES "/crm/v3/objects/companies"

enum { MANY = 100 };

static struct sandbox *s;

#define VALUE(field, text)                                                                         \
    (struct write_value)                                                                           \
    {                                                                                              \
        .name = STR(field), .value = STR(text), .type = FIELD_STRING                               \
    }

static const struct writer_answer *write_rows(enum write_op op, const char *object,
                                              const char *key_field, const struct write_row *rows,
                                              uint32_t count)
{
    const struct write_request request = {.op = op,
                                          .object = str_from(object),
                                          .key_field = str_from(key_field),
                                          .rows = rows,
                                          .row_count = count};
    return writer_write(&request);
}

static void expect_row(const struct writer_answer *a, const char *write_id, enum outcome outcome,
                       const char *text)
{
    const struct writer_result *r = writer_row(a, write_id);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->outcome, outcome);
    UNIT_TEXT(r->text, text);
}

static void expect_end(const struct writer_answer *a, enum outcome outcome, const char *text)
{
    CU_ASSERT_EQUAL(a->outcome, outcome);
    UNIT_TEXT(a->text, text);
}

/* The id of a record of the default content. */
static struct str id_of(const char *target, size_t n, char buf[32])
{
    char path[100], step[40];
    snprintf(path, sizeof path, "%s?limit=100", target);
    snprintf(step, sizeof step, "results.%zu.id", n);
    struct got got = ask(s, "GET", path, NULL);
    snprintf(buf, 32, "%s", text_at(&got, step));
    done(&got);
    return str_from(buf);
}

static void expect_property(const char *object, const char *id, const char *property,
                            const char *expected)
{
    char target[200], path[100];
    snprintf(target, sizeof target, "/crm/v3/objects/%s/%s?properties=%s", object, id, property);
    snprintf(path, sizeof path, "properties.%s", property);
    struct got got = ask(s, "GET", target, NULL);
    UNIT_TEXT(text_at(&got, path), expected);
    done(&got);
}

static void fault(const char *body)
{
    CU_ASSERT(status_of(s, "POST", "/__sandbox/faults", body) < 300);
}

/* ---- records ---- */

static void test_create(void)
{
    const struct write_value acme[] = {
        VALUE("name", "Acme \"Ltd\" \xc3\xa9"),
        VALUE("domain", "acme.example"),
        {.name = STR("numberofemployees"), .value = STR("42"), .type = FIELD_NUMBER}};
    const struct write_value other[] = {VALUE("name", "Other")};
    const struct write_row rows[] = {{.write_id = STR("w-1"), .values = acme, .value_count = 3},
                                     {.write_id = STR("w-2"), .values = other, .value_count = 1}};
    s = writer_open("sandbox-token");
    const struct writer_answer *a = write_rows(WRITE_CREATE, "companies", "", rows, 2);
    expect_end(a, OUTCOME_OK, "");
    CU_ASSERT_EQUAL(a->count, 2);
    CU_ASSERT_EQUAL(a->requests, 1);
    const struct writer_result *r = writer_row(a, "w-1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT(r->outcome == OUTCOME_OK && r->modified_us > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(r->fields, "\"numberofemployees\":\"42\""));
    expect_property("companies", r->id, "name", "Acme \"Ltd\" \xc3\xa9");
    expect_property("companies", writer_row(a, "w-2")->id, "name", "Other");
    writer_close();
}

static void test_update(void)
{
    char first[32], second[32];
    const struct write_value name[] = {VALUE("name", "New")};
    const struct write_value cleared[] = {
        {.name = STR("city"), .type = FIELD_STRING, .clear = true}};
    s = writer_open("sandbox-token");
    const struct write_row rows[] = {{.write_id = STR("w-1"),
                                      .id = id_of(COMPANIES, 0, first),
                                      .values = name,
                                      .value_count = 1},
                                     {.write_id = STR("w-2"),
                                      .id = id_of(COMPANIES, 1, second),
                                      .values = cleared,
                                      .value_count = 1}};
    const struct writer_answer *a = write_rows(WRITE_UPDATE, "companies", "", rows, 2);
    expect_end(a, OUTCOME_OK, "");
    expect_row(a, "w-1", OUTCOME_OK, "");
    UNIT_TEXT(writer_row(a, "w-2")->id, second);
    expect_property("companies", first, "name", "New");
    expect_property("companies", second, "city", "");
    writer_close();
}

/* Made the first time, and found again: the same write may be repeated. */
static void test_upsert(void)
{
    const struct write_value name[] = {VALUE("lastname", "Lovelace")};
    const struct write_row row = {.write_id = STR("w-1"),
                                  .key = STR("ada@lovelace.example"),
                                  .values = name,
                                  .value_count = 1};
    char id[32];
    s = writer_open("sandbox-token");
    const struct writer_answer *a = write_rows(WRITE_UPSERT, "contacts", "email", &row, 1);
    expect_end(a, OUTCOME_OK, "");
    CU_ASSERT_TRUE(writer_row(a, "w-1")->created);
    snprintf(id, sizeof id, "%s", writer_row(a, "w-1")->id);
    expect_property("contacts", id, "email", "ada@lovelace.example");
    a = write_rows(WRITE_UPSERT, "contacts", "email", &row, 1);
    CU_ASSERT_FALSE(writer_row(a, "w-1")->created);
    UNIT_TEXT(writer_row(a, "w-1")->id, id);
    writer_close();
}

static void test_archive(void)
{
    char id[32], target[100];
    s = writer_open("sandbox-token");
    const struct write_row rows[] = {{.write_id = STR("w-1"), .id = id_of(COMPANIES, 0, id)},
                                     {.write_id = STR("w-2"), .id = STR("99999")},
                                     {.write_id = STR("w-3"), .id = STR("no-id")}};
    const struct writer_answer *a = write_rows(WRITE_ARCHIVE, "companies", "", rows, 3);
    expect_end(a, OUTCOME_OK, "");
    expect_row(a, "w-1", OUTCOME_OK, "");
    expect_row(a, "w-2", OUTCOME_OK, ""); /* HubSpot does not tell it from the first */
    expect_row(a, "w-3", OUTCOME_GONE, "HubSpot has no such id");
    snprintf(target, sizeof target, COMPANIES "/%s", id);
    CU_ASSERT_EQUAL(status_of(s, "GET", target, NULL), 404);
    writer_close();
}

static void test_custom(void)
{
    const struct write_value name[] = {VALUE("plan", "gold")};
    const struct write_row row = {.write_id = STR("w-1"), .values = name, .value_count = 1};
    s = writer_open("sandbox-token");
    struct got got = ask(s, "GET", "/crm/v3/properties/2-3465404", NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    const struct writer_answer *a = write_rows(WRITE_CREATE, "subscription", "", &row, 1);
    CU_ASSERT_EQUAL(a->requests, 2); /* its schema comes first */
    CU_ASSERT_EQUAL(a->count, 1);
    writer_close();
}

static void test_engagements(void)
{
    static const char *const objects[] = {"calls", "emails", "meetings", "notes", "tasks"};
    const struct write_value when[] = {VALUE("hs_timestamp", "2026-05-01T10:00:00Z")};
    const struct write_row row = {.write_id = STR("w-1"), .values = when, .value_count = 1};
    s = writer_open("sandbox-token");
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        const struct writer_answer *a = write_rows(WRITE_CREATE, objects[i], "", &row, 1);
        expect_end(a, OUTCOME_OK, "");
        expect_row(a, "w-1", OUTCOME_OK, "");
    }
    writer_close();
}

/* ---- refusals ---- */

static void test_refused(void)
{
    char id[32];
    const struct write_value good[] = {VALUE("name", "Good")};
    const struct write_value bad[] = {VALUE("industry", "MAGIC"), VALUE("numberofemployees", "x")};
    const struct write_value unknown[] = {VALUE("name", "a"), VALUE("no_such", "1")};
    const struct write_value nothing[] = {VALUE("city", "Bern")};
    const struct write_row rows[] = {{.write_id = STR("w-1"), .values = good, .value_count = 1},
                                     {.write_id = STR("w-2"), .values = bad, .value_count = 2},
                                     {.write_id = STR("w-3"), .values = unknown, .value_count = 2},
                                     {.write_id = STR("w-4"), .values = nothing, .value_count = 1}};
    s = writer_open("sandbox-token");
    const struct writer_answer *a = write_rows(WRITE_CREATE, "companies", "", rows, 4);
    expect_end(a, OUTCOME_OK, "");
    CU_ASSERT_EQUAL(a->requests, 1);
    expect_row(a, "w-1", OUTCOME_OK, "");
    CU_ASSERT_EQUAL(writer_row(a, "w-2")->outcome, OUTCOME_BAD_RECORD);
    CU_ASSERT_PTR_NOT_NULL(strstr(writer_row(a, "w-2")->text, "industry: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(writer_row(a, "w-2")->text, "; numberofemployees: "));
    CU_ASSERT_PTR_NULL(strchr(writer_row(a, "w-2")->text, '{')); /* no JSON */
    expect_row(a, "w-3", OUTCOME_BAD_RECORD, "no_such: Property \"no_such\" does not exist");
    expect_row(a, "w-4", OUTCOME_BAD_RECORD,
               "Error creating COMPANY. Some required properties were not set. (name, domain)");
    const struct write_row update[] = {
        {.write_id = STR("w-5"), .id = STR("424242"), .values = good, .value_count = 1},
        {.write_id = STR("w-6"), .id = STR("424243"), .values = good, .value_count = 1},
        {.write_id = STR("w-7"), .id = id_of(COMPANIES, 0, id), .values = good, .value_count = 1}};
    a = write_rows(WRITE_UPDATE, "companies", "", update, 3);
    expect_end(a, OUTCOME_OK, "");
    expect_row(a, "w-7", OUTCOME_OK, "");
    CU_ASSERT_EQUAL(writer_row(a, "w-5")->outcome, OUTCOME_GONE);
    CU_ASSERT_EQUAL(writer_row(a, "w-6")->outcome, OUTCOME_GONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(writer_row(a, "w-5")->text, "may be deleted or not exist"));
    writer_close();
}

/* A key that stands twice refuses the whole batch: the others are written all the same. */
static void test_refused_whole(void)
{
    const struct write_value name[] = {VALUE("lastname", "Twice")};
    static char keys[8][40], ids[8][10];
    struct write_row rows[8];
    s = writer_open("sandbox-token");
    for (size_t i = 0; i < 8; i++) {
        snprintf(keys[i], sizeof keys[i], "n%zu@whole.example", i == 6 ? 5 : i);
        snprintf(ids[i], sizeof ids[i], "w-%zu", i);
        rows[i] = (struct write_row){.write_id = str_from(ids[i]),
                                     .key = str_from(keys[i]),
                                     .values = name,
                                     .value_count = 1};
    }
    const struct writer_answer *a = write_rows(WRITE_UPSERT, "contacts", "email", rows, 8);
    expect_end(a, OUTCOME_OK, "");
    CU_ASSERT_EQUAL(a->count, 8);
    for (size_t i = 0; i < 8; i++)
        expect_row(a, ids[i], OUTCOME_OK, "");
    CU_ASSERT_TRUE(a->requests > 2);
    UNIT_TEXT(writer_row(a, "w-5")->id, writer_row(a, "w-6")->id);
    const struct write_row one = {
        .write_id = STR("w-9"), .key = STR("x"), .values = name, .value_count = 1};
    a = write_rows(WRITE_UPSERT, "contacts", "lastname", &one, 1);
    CU_ASSERT_EQUAL(writer_row(a, "w-9")->outcome, OUTCOME_BAD_RECORD);
    CU_ASSERT_PTR_NOT_NULL(strstr(writer_row(a, "w-9")->text, "non-unique"));
    writer_close();
}

/* Larger than the vendor takes together, though each fits. */
static void test_large(void)
{
    static char ids[MANY][10];
    struct write_row rows[MANY];
    char *text = malloc(60001);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, '"', 60000); /* twice as long in JSON */
    const struct write_value values[] = {
        VALUE("name", "Large"),
        {.name = STR("description"), .value = {text, 60000}, .type = FIELD_STRING}};
    for (size_t i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "w-%zu", i);
        rows[i] =
            (struct write_row){.write_id = str_from(ids[i]), .values = values, .value_count = 2};
    }
    s = writer_open("sandbox-token");
    const struct writer_answer *a = write_rows(WRITE_CREATE, "companies", "", rows, MANY);
    expect_end(a, OUTCOME_OK, "");
    CU_ASSERT_EQUAL(a->count, MANY);
    CU_ASSERT_TRUE(a->requests >= 2 && a->requests <= 12);
    writer_close();
    free(text);
}

static void test_scope(void)
{
    const struct write_value name[] = {VALUE("name", "No")};
    const struct write_row row = {.write_id = STR("w-1"), .values = name, .value_count = 1};
    s = writer_open("sandbox-token-readonly");
    const struct writer_answer *a = write_rows(WRITE_CREATE, "companies", "", &row, 1);
    expect_end(a, OUTCOME_AUTH_FAILED,
               "HubSpot answered 403: the private app lacks the scope "
               "crm.objects.companies.write; add it in HubSpot under Settings, Integrations, "
               "Private Apps, and try again");
    expect_row(a, "w-1", OUTCOME_RETRY_AFTER, "HubSpot refused the whole request");
    CU_ASSERT_FALSE(a->unclear);
    a = write_rows(WRITE_CREATE, "owners", "", &row, 1);
    expect_end(a, OUTCOME_BAD_CONFIG, "HubSpot has no request that writes owners in this way (1)");
    a = write_rows(WRITE_RESTORE, "companies", "", &row, 1);
    expect_end(a, OUTCOME_BAD_CONFIG,
               "HubSpot has no request that writes companies in this way (5)");
    CU_ASSERT_EQUAL(a->requests, 0);
    writer_close();
}

/* ---- associations ---- */

static size_t links(const char *from, const char *id, const char *to)
{
    char target[200];
    snprintf(target, sizeof target, "/crm/v4/objects/%s/%s/associations/%s", from, id, to);
    struct got got = ask(s, "GET", target, NULL);
    size_t count = length_at(&got, "results");
    done(&got);
    return count;
}

static void test_associations(void)
{
    char deal[32], company[32], contact[32];
    s = writer_open("sandbox-token");
    struct str deal_id = id_of("/crm/v3/objects/deals", 3, deal);
    const struct write_row rows[] = {
        {.write_id = STR("w-1"),
         .id = deal_id,
         .field = STR("associations.companies"),
         .other_id = id_of(COMPANIES, 50, company)},
        {.write_id = STR("w-2"),
         .id = deal_id,
         .field = STR("associations.contacts"),
         .other_id = id_of("/crm/v3/objects/contacts", 50, contact)},
        {.write_id = STR("w-3"),
         .id = deal_id,
         .field = STR("associations.companies"),
         .other_id = STR("424242")},
        {.write_id = STR("w-4"),
         .id = deal_id,
         .field = STR("associations.deals"),
         .other_id = STR("5")},
        {.write_id = STR("w-5"), .id = deal_id, .field = STR("amount"), .other_id = STR("5")},
        {.write_id = STR("w-6"),
         .id = deal_id,
         .field = STR("associations.contacts"),
         .other_id = STR("x")}};
    size_t companies = links("deals", deal, "companies"),
           contacts = links("deals", deal, "contacts");
    const struct writer_answer *a = write_rows(WRITE_ASSOCIATE, "deals", "", rows, 6);
    expect_end(a, OUTCOME_OK, "");
    CU_ASSERT_EQUAL(a->requests, 2);
    expect_row(a, "w-1", OUTCOME_OK, "");
    expect_row(a, "w-2", OUTCOME_OK, "");
    expect_row(a, "w-3", OUTCOME_BAD_RECORD, "One or more of the records do not exist: from or to");
    expect_row(a, "w-4", OUTCOME_BAD_RECORD, "the field is no association of the object");
    expect_row(a, "w-5", OUTCOME_BAD_RECORD, "the field is no association of the object");
    expect_row(a, "w-6", OUTCOME_BAD_RECORD, "HubSpot has no record with such an id");
    CU_ASSERT_EQUAL(links("deals", deal, "companies"), companies + 1);
    CU_ASSERT_EQUAL(links("deals", deal, "contacts"), contacts + 1);
    a = write_rows(WRITE_ASSOCIATE, "deals", "", rows, 2); /* they are there already */
    expect_row(a, "w-1", OUTCOME_OK, "");
    a = write_rows(WRITE_DISSOCIATE, "deals", "", rows, 3);
    expect_end(a, OUTCOME_OK, "");
    for (int again = 0; again < 2; again++) {
        CU_ASSERT_EQUAL(a->count, 3);
        expect_row(a, "w-1", OUTCOME_OK, "");
        expect_row(a, "w-3", OUTCOME_OK, "");
        CU_ASSERT_EQUAL(links("deals", deal, "companies"), companies);
        CU_ASSERT_EQUAL(links("deals", deal, "contacts"), contacts);
        a = write_rows(WRITE_DISSOCIATE, "deals", "", rows, 3);
    }
    writer_close();
}

/* ---- trouble ---- */

static const struct write_value four_values[] = {
    {.name = {"name", 4}, .value = {"Four", 4}, .type = FIELD_STRING}};
static const struct write_row four[] = {
    {.write_id = {"w-1", 3}, .values = four_values, .value_count = 1},
    {.write_id = {"w-2", 3}, .values = four_values, .value_count = 1},
    {.write_id = {"w-3", 3}, .values = four_values, .value_count = 1},
    {.write_id = {"w-4", 3}, .values = four_values, .value_count = 1}};

/* How many records of that name there are. */
static size_t fours(void)
{
    char *all = truth(s, "companies");
    size_t count = 0;
    for (const char *at = all; (at = strstr(at, "\"name\":\"Four\"")); at++)
        count++;
    free(all);
    return count;
}

/* What a fault leaves: how many were made, and what is known of them. */
static void expect_fault(const char *body, enum outcome outcome, bool unclear, size_t told,
                         size_t made)
{
    s = writer_open("sandbox-token");
    fault(body);
    const struct writer_answer *a = write_rows(WRITE_CREATE, "companies", "", four, 4);
    CU_ASSERT_EQUAL(a->outcome, outcome);
    CU_ASSERT_EQUAL(a->unclear, unclear);
    CU_ASSERT_EQUAL(a->count, told);
    CU_ASSERT_EQUAL(fours(), made);
    writer_close();
}

static void test_lost(void)
{
    expect_fault("{\"kind\":\"lost\",\"status\":503}", OUTCOME_RETRY_AFTER, true, 0, 4);
    expect_fault("{\"kind\":\"reset\"}", OUTCOME_RETRY_AFTER, true, 0, 4);
    expect_fault("{\"kind\":\"truncate\"}", OUTCOME_RETRY_AFTER, true, 0, 4);
    expect_fault("{\"kind\":\"malformed\"}", OUTCOME_FAILED, true, 0, 4);
    expect_fault("{\"kind\":\"html\"}", OUTCOME_FAILED, true, 0, 0);
    expect_fault("{\"kind\":\"status\",\"status\":503}", OUTCOME_RETRY_AFTER, true, 0, 0);
}

/* What proves that nothing was done is sent again by the host, once it may. */
static void test_tried_again(void)
{
    expect_fault("{\"kind\":\"status\",\"status\":429,\"policy\":\"SECONDLY\",\"count\":2}",
                 OUTCOME_OK, true, 4, 4);
    expect_fault("{\"kind\":\"status\",\"status\":423}", OUTCOME_OK, true, 4, 4);
    expect_fault("{\"kind\":\"status\",\"status\":429,\"policy\":\"DAILY\"}", OUTCOME_RATE_LIMITED,
                 false, 4, 0);
}

/* HubSpot's own trouble with single rows proves nothing. */
static void test_partial(void)
{
    expect_fault("{\"kind\":\"partial\"}", OUTCOME_OK, true, 2, 2);
}

/* The second request of a batch that is sent in halves gets no answer: what came before is known,
 * what was not sent is not done, and of the rest nothing is said. */
static void test_lost_half(void)
{
    const struct write_value name[] = {VALUE("lastname", "Half")};
    const struct write_row rows[] = {
        {.write_id = STR("w-1"), .key = STR("a@half.example"), .values = name, .value_count = 1},
        {.write_id = STR("w-2"), .key = STR("a@half.example"), .values = name, .value_count = 1},
        {.write_id = STR("w-3"), .key = STR("c@half.example"), .values = name, .value_count = 1}};
    s = writer_open("sandbox-token");
    fault("{\"kind\":\"lost\",\"status\":503,\"after\":2}"); /* 3 rows, 1 row, then this */
    const struct writer_answer *a = write_rows(WRITE_UPSERT, "contacts", "email", rows, 3);
    CU_ASSERT_EQUAL(a->outcome, OUTCOME_RETRY_AFTER);
    CU_ASSERT_TRUE(a->unclear);
    expect_row(a, "w-1", OUTCOME_OK, "");
    CU_ASSERT_PTR_NULL(writer_row(a, "w-2"));
    CU_ASSERT_PTR_NULL(writer_row(a, "w-3"));
    const struct write_row more[] = {
        rows[0],
        rows[1],
        rows[2],
        {.write_id = STR("w-4"), .key = STR("c@half.example"), .values = name, .value_count = 1}};
    fault("{\"kind\":\"lost\",\"status\":503,\"after\":2}"); /* 4 rows, 2 rows, then this */
    a = write_rows(WRITE_UPSERT, "contacts", "email", more, 4);
    CU_ASSERT_EQUAL(a->outcome, OUTCOME_RETRY_AFTER);
    CU_ASSERT_PTR_NULL(writer_row(a, "w-1"));
    expect_row(a, "w-2", OUTCOME_RETRY_AFTER, "it was not sent: a request before it failed");
    expect_row(a, "w-4", OUTCOME_RETRY_AFTER, "it was not sent: a request before it failed");
    writer_close();
}

/* The connector dies at each of its messages in turn: a row that is not told of is unclear once the
 * request was out, and never before. */
static void test_crashes(void)
{
    bool ended = false;
    for (long n = 1; !ended; n++) {
        const struct write_request request = {
            .op = WRITE_CREATE, .object = STR("companies"), .rows = four, .row_count = 4};
        s = writer_open("sandbox-token");
        const struct writer_answer *a = writer_write_crash(&request, n);
        ended = !a->crashed;
        size_t made = fours();
        CU_ASSERT_TRUE(a->unclear || a->count == 4 || made == 0);
        CU_ASSERT_TRUE(a->count == 0 || a->count == 4);
        writer_close();
        CU_ASSERT_TRUE_FATAL(n < 100);
    }
}

const char *const unit_suite = "hubspot write";
const struct unit_test unit_tests[] = {
    {"records are made", test_create},
    {"records are changed, and values cleared", test_update},
    {"a record is made once, and found by its key then", test_upsert},
    {"records are archived", test_archive},
    {"records of custom objects", test_custom},
    {"engagements", test_engagements},
    {"the vendor's own words, row by row", test_refused},
    {"a batch that is refused as a whole", test_refused_whole},
    {"a batch that is too large", test_large},
    {"what the token or HubSpot cannot do", test_scope},
    {"associations are made and taken away", test_associations},
    {"answers that are lost", test_lost},
    {"refusals that prove that nothing was done", test_tried_again},
    {"rows that the vendor had trouble with", test_partial},
    {"the second half of a batch is lost", test_lost_half},
    {"a connector that dies", test_crashes},
    {NULL, NULL},
};
