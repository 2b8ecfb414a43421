/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot connector's owners and pipelines, against a host and a HubSpot in the test. */
#include "unit.h"

#include <stdio.h>

#include "hubspot.h"
#include "hubspot_mock.h"

const struct fastenr_connector *fastenr_connector(void);

static struct fastenr_host m;
static void *instance;

static void open_with(const char *const *tables)
{
    mock_open(&m, 0);
    for (size_t i = 0; tables[i]; i++)
        m.tables[i] = tables[i];
    CU_ASSERT_FATAL(fastenr_connector()->ops->create(&mock_services, &m, &instance) == FASTENR_OK);
}

/* Whatever happened, no answer may be left open. */
static void close_all(void)
{
    CU_ASSERT_EQUAL(mock_open_handles(&m), 0);
    fastenr_connector()->ops->destroy(instance);
    mock_close(&m);
}

static fastenr_outcome read_table(const char *object, uint32_t mode, uint64_t limit)
{
    const struct fastenr_selector selector = {.size = sizeof selector,
                                              .mode = mode,
                                              .object = hubspot_text(object),
                                              .until_us = 9000999,
                                              .limit = limit};
    return fastenr_connector()->ops->read(instance, &selector);
}

/* ---- owners ---- */

#define OWNER(id) "{\"id\":\"" id "\"}"

static const char *const owners[] = {
    "{\"results\":[" OWNER("1") "," OWNER("2") "],\"paging\":{\"next\":{\"after\":\"aX\"}}}",
    "{\"results\":[" OWNER("3") "]}", "{\"results\":[" OWNER("9") "]}", NULL};

static void test_owners(void)
{
    static const uint32_t modes[] = {FASTENR_READ_FULL, FASTENR_READ_WINDOW};
    for (size_t i = 0; i < 2; i++) {
        open_with(owners);
        CU_ASSERT_EQUAL(read_table("owners", modes[i], 0), FASTENR_OK);
        UNIT_TEXT(buf_cstr(&m.rows), "1 {\"id\":\"1\"}\n2 {\"id\":\"2\"}\n3 {\"id\":\"3\"}\n"
                                     "9 {\"id\":\"9\"}\n");
        UNIT_TEXT(m.requests[0].url, "https://api.hubapi.com/crm/v3/owners?limit=100&archived="
                                     "false");
        UNIT_TEXT(m.requests[1].url, "https://api.hubapi.com/crm/v3/owners?limit=100&archived="
                                     "false&after=aX");
        UNIT_TEXT(m.requests[2].url, "https://api.hubapi.com/crm/v3/owners?limit=100&archived="
                                     "true");
        CU_ASSERT_EQUAL(m.request_count, 3);
        UNIT_TEXT(buf_cstr(&m.checkpoints), "");
        close_all();
    }
    open_with(owners);
    CU_ASSERT_EQUAL(read_table("owners", FASTENR_READ_FULL, 1), FASTENR_OK);
    CU_ASSERT_EQUAL(m.request_count, 1);
    close_all();
}

static void test_owners_without_an_end(void)
{
    static const char page[] = "{\"results\":[],\"paging\":{\"next\":{\"after\":\"a\"}}}";
    static const char *const same[] = {page, page, NULL},
                             *const odd[] = {
                                 "{\"results\":[],\"paging\":{\"next\":{\"after\":\"a b\"}}}",
                                 NULL};
    open_with(same);
    CU_ASSERT_EQUAL(read_table("owners", FASTENR_READ_FULL, 0), FASTENR_FAILED);
    CU_ASSERT_EQUAL(m.request_count, 2);
    UNIT_TEXT(m.fail_text, "HubSpot says that there are more owners, but gives no cursor past the "
                           "last one");
    close_all();
    open_with(odd);
    CU_ASSERT_EQUAL(read_table("owners", FASTENR_READ_FULL, 0), FASTENR_FAILED);
    close_all();
}

/* ---- stages ---- */

#define STAGE(id, metadata)                                                                        \
    "{\"id\":\"" id "\",\"label\":\"L" id "\",\"displayOrder\":3,\"metadata\":{" metadata "}}"
#define PIPELINES(id, stages)                                                                      \
    "{\"results\":[{\"id\":\"" id "\",\"label\":\"The \\\"P\\\"\",\"stages\":[" stages "]}]}"

/* Reads one stage; what it says of `closed` and `status`. */
static void expect_stage(const char *object, const char *body, const char *expected)
{
    const char *const tables[] = {body, NULL};
    open_with(tables);
    CU_ASSERT_EQUAL(read_table(object, FASTENR_READ_WINDOW, 0), FASTENR_OK);
    const char *rows = buf_cstr(&m.rows);
    const char *closed = strstr(rows, "\"isClosed\"");
    UNIT_TEXT(closed ? closed : rows, expected);
    close_all();
}

#define OPEN_STAGE STAGE("a", "\"isClosed\":\"false\",\"probability\":\"0.2\"")

static void test_stages(void)
{
    static const char *const tables[] = {
        "{\"results\":[{\"id\":\"default\",\"label\":\"Sales\",\"stages\":[" OPEN_STAGE
        "," STAGE("b", "") "]},{\"id\":\"7\",\"label\":\"Empty\",\"stages\":[]}]}",
        NULL};
    open_with(tables);
    CU_ASSERT_EQUAL(read_table("deal_stages", FASTENR_READ_FULL, 0), FASTENR_OK);
    UNIT_TEXT(m.requests[0].url, "https://api.hubapi.com/crm/v3/pipelines/deals");
    UNIT_TEXT(buf_cstr(&m.rows),
              "a {\"object\":\"deals\",\"pipelineId\":\"default\",\"pipelineLabel\":\"Sales\","
              "\"stageId\":\"a\",\"label\":\"La\",\"displayOrder\":\"3\",\"isClosed\":\"false\","
              "\"probability\":\"0.2\",\"status\":\"open\"}\n"
              "b {\"object\":\"deals\",\"pipelineId\":\"default\",\"pipelineLabel\":\"Sales\","
              "\"stageId\":\"b\",\"label\":\"Lb\",\"displayOrder\":\"3\",\"isClosed\":\"false\","
              "\"status\":\"open\"}\n");
    close_all();
    open_with(tables);
    CU_ASSERT_EQUAL(read_table("ticket_stages", FASTENR_READ_FULL, 1), FASTENR_OK);
    UNIT_TEXT(m.requests[0].url, "https://api.hubapi.com/crm/v3/pipelines/tickets");
    close_all();
}

static void test_what_a_stage_means(void)
{
    expect_stage("deal_stages",
                 PIPELINES("p", STAGE("s", "\"isClosed\":\"true\",\"probability\":\"1.0\"")),
                 "\"isClosed\":\"true\",\"probability\":\"1.0\",\"status\":\"won\"}\n");
    expect_stage("deal_stages", PIPELINES("p", STAGE("s", "\"probability\":\"0\"")),
                 "\"isClosed\":\"true\",\"probability\":\"0\",\"status\":\"lost\"}\n");
    expect_stage("deal_stages",
                 PIPELINES("p", STAGE("s", "\"isClosed\":\"true\",\"probability\":\"0.3\"")),
                 "\"isClosed\":\"true\",\"probability\":\"0.3\",\"status\":\"lost\"}\n");
    expect_stage("deal_stages",
                 PIPELINES("p", STAGE("s", "\"isClosed\":\"false\",\"probability\":\"1.0\"")),
                 "\"isClosed\":\"false\",\"probability\":\"1.0\",\"status\":\"open\"}\n");
    expect_stage("ticket_stages", PIPELINES("0", STAGE("2", "\"ticketState\":\"OPEN\"")),
                 "\"isClosed\":\"false\",\"status\":\"pending\"}\n");
    expect_stage("ticket_stages", PIPELINES("1", STAGE("2", "\"ticketState\":\"OPEN\"")),
                 "\"isClosed\":\"false\",\"status\":\"open\"}\n");
    expect_stage("ticket_stages", PIPELINES("0", STAGE("4", "\"ticketState\":\"CLOSED\"")),
                 "\"isClosed\":\"true\",\"status\":\"closed\"}\n");
    expect_stage("ticket_stages", "{\"results\":[]}", "");
}

static void test_broken_stages(void)
{
    static const char *const bodies[] = {"{}", "{\"results\":[{\"id\":\"p\"}]}", "no",
                                         PIPELINES("p", "{\"label\":\"without an id\"}")};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const char *const tables[] = {bodies[i], NULL};
        open_with(tables);
        CU_ASSERT_EQUAL(read_table("deal_stages", FASTENR_READ_FULL, 0), FASTENR_FAILED);
        UNIT_TEXT(buf_cstr(&m.rows), "");
        close_all();
    }
}

static void test_discover(void)
{
    static const char *const none[] = {NULL};
    open_with(none);
    CU_ASSERT_EQUAL(fastenr_connector()->ops->discover(instance, hubspot_text("owners")),
                    FASTENR_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&m.fields), "email|email|1|1|\n"));
    CU_ASSERT_EQUAL(m.request_count, 0);
    close_all();
}

/* Every call is the one at which the run is cancelled. */
static void test_cancelled(void)
{
    static const char *const stages[] = {PIPELINES("p", STAGE("s", "")), NULL};
    for (size_t n = 1;; n++) {
        open_with(n % 2 ? owners : stages);
        m.cancel_at = (n + 1) / 2;
        fastenr_outcome outcome =
            read_table(n % 2 ? "owners" : "deal_stages", FASTENR_READ_FULL, 0);
        bool over = m.calls < m.cancel_at;
        CU_ASSERT_EQUAL(outcome, over ? FASTENR_OK : FASTENR_CANCELLED);
        CU_ASSERT_EQUAL(m.calls_after_cancel, 0);
        close_all();
        if (over && n > 30)
            break;
    }
}

const char *const unit_suite = "hubspot reference tables";
const struct unit_test unit_tests[] = {{"owners", test_owners},
                                       {"owners without an end", test_owners_without_an_end},
                                       {"stages", test_stages},
                                       {"what a stage means", test_what_a_stage_means},
                                       {"broken stages", test_broken_stages},
                                       {"fields", test_discover},
                                       {"cancelled at any call", test_cancelled},
                                       {NULL, NULL}};
