/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot connector's custom objects, against a host and a HubSpot in the test. */
#include "unit.h"

#include "hubspot.h"
#include "hubspot_mock.h"

const struct fastenr_connector *fastenr_connector(void);

/* What the API would answer for an object that is called `companies` there: the mock has records of
 * that name only. */
#define SCHEMA(id, full, plain, more)                                                              \
    "{\"objectTypeId\":\"" id "\",\"fullyQualifiedName\":\"" full "\",\"name\":\"" plain           \
    "\",\"properties\":[{\"name\":\"plan\"},{\"name\":\"seats\"},{\"name\":\"label\"}]" more "}"
#define OTHER SCHEMA("2-1", "p33_other", "other", "")
static const char schemas[] =
    "{\"results\":[" OTHER
    "," SCHEMA("companies", "p33_thing", "thing", ",\"primaryDisplayProperty\":\"label\"") "]}";

static struct fastenr_host m;
static void *instance;

static void open_with(const char *body)
{
    mock_open(&m, 3);
    m.tables[0] = body;
    CU_ASSERT_FATAL(fastenr_connector()->ops->create(&mock_services, &m, &instance) == FASTENR_OK);
}

/* Whatever happened, no answer may be left open. */
static void close_all(void)
{
    CU_ASSERT_EQUAL(mock_open_handles(&m), 0);
    fastenr_connector()->ops->destroy(instance);
    mock_close(&m);
}

static fastenr_outcome read_object(const char *object, uint32_t mode,
                                   const struct fastenr_table *fields)
{
    const struct fastenr_selector selector = {.size = sizeof selector,
                                              .mode = mode,
                                              .object = hubspot_text(object),
                                              .fields = *fields,
                                              .until_us = 9000999,
                                              .limit = 10};
    return fastenr_connector()->ops->read(instance, &selector);
}

static const struct fastenr_str all_names[] = {FASTENR_STR("*"), FASTENR_STR("{title}")};
static const struct fastenr_table all = FASTENR_TABLE(all_names);

static void test_by_any_name(void)
{
    static const char *const names[] = {"p33_thing", "thing"};
    static const char url[] = "https://api.hubapi.com/crm/v3/objects/companies?limit=10&archived="
                              "false&properties=plan,seats,label,hs_merged_object_ids";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        open_with(schemas);
        CU_ASSERT_EQUAL(read_object(names[i], FASTENR_READ_FULL, &all), FASTENR_OK);
        UNIT_TEXT(m.requests[0].url, "https://api.hubapi.com/crm-object-schemas/v3/schemas");
        UNIT_TEXT(m.requests[1].url, url);
        UNIT_TEXT(buf_cstr(&m.title), "properties.label");
        CU_ASSERT_EQUAL(m.emit_count, 3);
        close_all();
    }
    open_with(schemas);
    CU_ASSERT_EQUAL(read_object("thing", FASTENR_READ_WINDOW, &all), FASTENR_OK);
    CU_ASSERT_EQUAL(m.search_count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.requests[1].body, "\"properties\":[\"plan\",\"seats\","
                                                      "\"label\",\"hs_merged_object_ids\"]"));
    close_all();
}

/* Archived records, ids alone, and records by id: of the account's own objects, too. */
static void test_ended(void)
{
    static const struct fastenr_str ids[] = {FASTENR_STR("2")};
    open_with(schemas);
    m.archived[2] = true;
    CU_ASSERT_EQUAL(read_object("thing", FASTENR_READ_DELETED, &all), FASTENR_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.requests[1].url, "&archived=true&properties=hs_object_id"));
    UNIT_TEXT(buf_cstr(&m.title), "");
    CU_ASSERT_EQUAL(m.emitted[2], 1);
    CU_ASSERT_EQUAL(m.emit_count, 1);
    close_all();
    const struct fastenr_selector selector = {.size = sizeof selector,
                                              .mode = FASTENR_READ_IDS,
                                              .object = hubspot_text("thing"),
                                              .fields = all,
                                              .ids = FASTENR_TABLE(ids)};
    open_with(schemas);
    CU_ASSERT_EQUAL(fastenr_connector()->ops->read(instance, &selector), FASTENR_OK);
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_BATCH), 1);
    UNIT_TEXT(buf_cstr(&m.title), "properties.label");
    CU_ASSERT_EQUAL(m.emitted[2], 1);
    CU_ASSERT_EQUAL(m.emit_count, 1);
    close_all();
}

/* Only those that are listed, and the one that names a record. */
static void test_some_properties(void)
{
    static const struct fastenr_str names[] = {FASTENR_STR("associations.contacts"),
                                               FASTENR_STR("plan"), FASTENR_STR("{title}")};
    static const struct fastenr_table some = FASTENR_TABLE(names),
                                      untitled = {names, 2, sizeof names[0]};
    open_with(schemas);
    m.associated[2] = 1;
    CU_ASSERT_EQUAL(read_object("thing", FASTENR_READ_FULL, &some), FASTENR_OK);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(m.requests[1].url, "&properties=plan,label,hs_merged_object_ids"));
    UNIT_TEXT(buf_cstr(&m.attached), "2:1 \n");
    close_all();
    open_with(schemas);
    CU_ASSERT_EQUAL(read_object("thing", FASTENR_READ_FULL, &untitled), FASTENR_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.requests[1].url, "&properties=plan,hs_merged_object_ids"));
    CU_ASSERT_PTR_NULL(strstr(m.requests[1].url, "label"));
    UNIT_TEXT(buf_cstr(&m.title), "");
    close_all();
}

static void test_unknown(void)
{
    open_with(schemas);
    CU_ASSERT_EQUAL(read_object("leads", FASTENR_READ_FULL, &all), FASTENR_BAD_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.fail_text, "HubSpot has no object 'leads'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(m.fail_text, "[\"p33_other\",\"p33_thing\"]"));
    CU_ASSERT_EQUAL(m.request_count, 1);
    close_all();
    open_with("{\"results\":[]}");
    CU_ASSERT_EQUAL(fastenr_connector()->ops->discover(instance, hubspot_text("leads")),
                    FASTENR_BAD_CONFIG);
    close_all();
    open_with("{}");
    CU_ASSERT_EQUAL(read_object("leads", FASTENR_READ_FULL, &all), FASTENR_FAILED);
    close_all();
}

/* Under another name, an object that this connection has already is refused, in whatever operation.
 */
static void test_two_names(void)
{
    open_with(schemas);
    m.tables[1] = m.tables[2] = m.tables[3] = schemas;
    m.properties = "{\"results\":[{\"name\":\"plan\"}]}";
    CU_ASSERT_EQUAL(read_object("thing", FASTENR_READ_FULL, &all), FASTENR_OK);
    CU_ASSERT_EQUAL(read_object("p33_thing", FASTENR_READ_FULL, &all), FASTENR_BAD_CONFIG);
    UNIT_TEXT(m.fail_text, "'p33_thing' and 'thing' are one custom object of HubSpot's, companies: "
                           "leave one of the two out of the connection");
    CU_ASSERT_EQUAL(m.emit_count, 3);
    CU_ASSERT_EQUAL(fastenr_connector()->ops->discover(instance, hubspot_text("p33_thing")),
                    FASTENR_BAD_CONFIG);
    CU_ASSERT_EQUAL(fastenr_connector()->ops->discover(instance, hubspot_text("thing")),
                    FASTENR_OK);
    close_all();
}

static void test_discover(void)
{
    open_with(schemas);
    m.properties = "{\"results\":[{\"name\":\"plan\"}]}";
    CU_ASSERT_EQUAL(fastenr_connector()->ops->discover(instance, hubspot_text("thing")),
                    FASTENR_OK);
    UNIT_TEXT(buf_cstr(&m.fields), "plan|plan|1|0|\n"
                                   "*|All properties that have a value|1|1|\n"
                                   "{title}|The property that names a record|1|1|\n"
                                   "associations.companies|Associated companies|1|1|\n"
                                   "associations.contacts|Associated contacts|1|1|\n"
                                   "associations.deals|Associated deals|1|1|\n"
                                   "associations.tickets|Associated tickets|1|1|\n");
    close_all();
}

/* Every call is the one at which the run is cancelled. */
static void test_cancelled(void)
{
    bool over = false;
    for (size_t n = 1; !over; n++) {
        open_with(schemas);
        m.cancel_at = n;
        fastenr_outcome outcome = read_object("thing", FASTENR_READ_FULL, &all);
        over = m.calls < n;
        CU_ASSERT_EQUAL(outcome, over ? FASTENR_OK : FASTENR_CANCELLED);
        close_all();
    }
}

const char *const unit_suite = "hubspot custom objects";
const struct unit_test unit_tests[] = {
    {"by any of its names", test_by_any_name},   {"archived, and by id", test_ended},
    {"some properties", test_some_properties},   {"an unknown object", test_unknown},
    {"one object by two names", test_two_names}, {"fields", test_discover},
    {"cancelled at any call", test_cancelled},   {NULL, NULL}};
