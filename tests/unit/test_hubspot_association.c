/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot connector's associations, against a host and a HubSpot in the test. */
#include "unit.h"

#include "hubspot.h"
#include "hubspot_mock.h"

const struct fastenr_connector *fastenr_connector(void);

static struct fastenr_host m;
static void *instance;

static void open_with(size_t records)
{
    mock_open(&m, records);
    CU_ASSERT_FATAL(fastenr_connector()->ops->create(&mock_services, &m, &instance) == FASTENR_OK);
}

/* Whatever happened, no answer may be left open. */
static void close_all(void)
{
    CU_ASSERT_EQUAL(mock_open_handles(&m), 0);
    fastenr_connector()->ops->destroy(instance);
    mock_close(&m);
}

static fastenr_outcome read_companies(uint32_t mode)
{
    static const struct fastenr_str fields[] = {FASTENR_STR("name"),
                                                FASTENR_STR("associations.contacts")};
    const struct fastenr_selector selector = {.size = sizeof selector,
                                              .mode = mode,
                                              .object = FASTENR_STR("companies"),
                                              .fields = FASTENR_TABLE(fields),
                                              .until_us = 9000999};
    return fastenr_connector()->ops->read(instance, &selector);
}

static void test_one_page(void)
{
    open_with(3);
    m.associated[1] = 2;
    m.associated[3] = 1;
    CU_ASSERT_EQUAL(read_companies(FASTENR_READ_WINDOW), FASTENR_OK);
    UNIT_TEXT(buf_cstr(&m.attached), "1:2 1:1 3:1 \n");
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_ASSOCIATIONS), 1);
    UNIT_TEXT(m.requests[1].body, "{\"inputs\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}]}");
    CU_ASSERT_EQUAL(m.requests[1].flags, FASTENR_REQUEST_SAFE);
    close_all();
}

/* Only the records that have more are asked for again, all of them at a time. */
static void test_more_pages(void)
{
    open_with(3);
    m.association_page = 2;
    m.associated[1] = 5;
    m.associated[2] = 2;
    m.associated[3] = 3;
    CU_ASSERT_EQUAL(read_companies(FASTENR_READ_WINDOW), FASTENR_OK);
    UNIT_TEXT(buf_cstr(&m.attached), "1:5 1:4 2:2 2:1 3:3 3:2 1:3 1:2 3:1 1:1 \n");
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_ASSOCIATIONS), 3);
    UNIT_TEXT(m.requests[2].body, "{\"inputs\":[{\"id\":\"1\",\"after\":\"2\"},{\"id\":\"3\","
                                  "\"after\":\"2\"}]}");
    UNIT_TEXT(m.requests[3].body, "{\"inputs\":[{\"id\":\"1\",\"after\":\"4\"}]}");
    close_all();
}

static void test_each_page_has_its_own(void)
{
    open_with(250);
    m.association_page = 1;
    m.associated[100] = m.associated[101] = 2;
    CU_ASSERT_EQUAL(read_companies(FASTENR_READ_FULL), FASTENR_OK);
    UNIT_TEXT(buf_cstr(&m.attached), "100:2 100:1 \n101:2 101:1 \n\n");
    close_all();
}

static void test_endless(void)
{
    open_with(2);
    m.association_page = 1;
    m.associated[2] = HUBSPOT_ASSOCIATION_PAGES;
    CU_ASSERT_EQUAL(read_companies(FASTENR_READ_WINDOW), FASTENR_OK);
    close_all();
    open_with(2);
    m.association_page = 1;
    m.associated[2] = 2;
    m.stuck = true;
    CU_ASSERT_EQUAL(read_companies(FASTENR_READ_WINDOW), FASTENR_BAD_CONFIG);
    UNIT_TEXT(m.fail_text, "one of the companies has more than 60 pages of associated contacts: "
                           "leave associations.contacts out of the mapping");
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_ASSOCIATIONS), HUBSPOT_ASSOCIATION_PAGES);
    CU_ASSERT_EQUAL(m.emit_count, 0);
    close_all();
}

/* An answer without sense is asked for again; where it stays so, nothing is emitted. */
static void test_broken(void)
{
    static const char *const bodies[] = {"{\"results\":[{\"from\":{\"id\":\"1", "{}",
                                         "{\"results\":7}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        open_with(1);
        m.associated[1] = 1;
        m.fault = (struct mock_fault){2, 3, 200, FASTENR_OK, bodies[i]};
        CU_ASSERT_EQUAL(read_companies(FASTENR_READ_WINDOW), FASTENR_OK);
        UNIT_TEXT(buf_cstr(&m.attached), "1:1 \n");
        close_all();
        open_with(1);
        m.fault = (struct mock_fault){2, 9, 200, FASTENR_OK, bodies[i]};
        CU_ASSERT_EQUAL(read_companies(FASTENR_READ_WINDOW), FASTENR_FAILED);
        CU_ASSERT_EQUAL(m.request_count, 4);
        CU_ASSERT_EQUAL(m.emit_count, 0);
        close_all();
    }
}

static void test_broken_next(void)
{
    static const char *const bodies[] = {
        "{\"results\":[{\"from\":{\"id\":\"1\"},\"paging\":{\"next\":{\"after\":\"a b\"}}}]}",
        "{\"results\":[{\"from\":{\"id\":\"1\"},\"paging\":{\"next\":{\"after\":\"\"}}}]}",
        "{\"results\":[{\"from\":{\"id\":\"1\"},\"paging\":{\"next\":{\"after\":7}}}]}",
        "{\"results\":[{\"from\":{\"id\":\"x\"},\"paging\":{\"next\":{\"after\":\"7\"}}}]}",
        "{\"results\":[{\"paging\":{\"next\":{\"after\":\"7\"}}}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        open_with(1);
        m.fault = (struct mock_fault){2, 9, 200, FASTENR_OK, bodies[i]};
        CU_ASSERT_EQUAL(read_companies(FASTENR_READ_WINDOW), FASTENR_FAILED);
        UNIT_TEXT(m.fail_text, "HubSpot says that there are more associations, but not where");
        CU_ASSERT_EQUAL(m.emit_count, 0);
        close_all();
    }
}

static void test_cancelled(void)
{
    size_t at = 1;
    for (bool ended = false; !ended; at++) {
        open_with(3);
        m.association_page = 1;
        m.associated[1] = m.associated[3] = 3;
        m.cancel_at = at;
        fastenr_outcome outcome = read_companies(FASTENR_READ_WINDOW);
        ended = !m.cancelled;
        CU_ASSERT_EQUAL(outcome, ended ? FASTENR_OK : FASTENR_CANCELLED);
        CU_ASSERT_EQUAL(m.calls_after_cancel, 0);
        close_all();
    }
    CU_ASSERT(at > 12);
}

const char *const unit_suite = "hubspot associations";
const struct unit_test unit_tests[] = {
    {"associations are asked for a page at a time", test_one_page},
    {"all pages of a record's associations are read", test_more_pages},
    {"each page of records has its own", test_each_page_has_its_own},
    {"pages of associations end", test_endless},
    {"a broken answer is asked for again", test_broken},
    {"a next page without sense fails the read", test_broken_next},
    {"every call may be cancelled", test_cancelled},
    {NULL, NULL},
};
