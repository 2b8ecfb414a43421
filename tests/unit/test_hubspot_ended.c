/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot connector on records that end, against a host and a HubSpot in the test: archived
 * ones, those that the host asks for by their ids, and ids of merged ones. */
#include "unit.h"

#include <stdio.h>

#include "hubspot.h"
#include "hubspot_mock.h"

enum { SOME = 250 };

const struct fastenr_connector *fastenr_connector(void);

static struct fastenr_host m;
static void *instance;

static void open_with(size_t records, const char *api_version)
{
    mock_open(&m, records);
    m.api_version = api_version;
    CU_ASSERT_FATAL(fastenr_connector()->ops->create(&mock_services, &m, &instance) == FASTENR_OK);
}

/* Whatever happened, no answer may be left open. */
static void close_all(void)
{
    CU_ASSERT_EQUAL(mock_open_handles(&m), 0);
    fastenr_connector()->ops->destroy(instance);
    mock_close(&m);
}

static struct fastenr_selector selector(uint32_t mode)
{
    static const struct fastenr_str fields[] = {FASTENR_STR("name"), FASTENR_STR("domain")};
    return (struct fastenr_selector){.size = sizeof(struct fastenr_selector),
                                     .mode = mode,
                                     .object = FASTENR_STR("companies"),
                                     .fields = FASTENR_TABLE(fields),
                                     .since_us = 1000999,
                                     .until_us = 9000999};
}

static fastenr_outcome run(const struct fastenr_selector *s)
{
    return fastenr_connector()->ops->read(instance, s);
}

static void archive(size_t from, size_t to)
{
    for (size_t id = from; id <= to; id++)
        m.archived[id] = true;
}

/* Whether exactly the records from..to were emitted, each once. */
static bool emitted_once(size_t from, size_t to)
{
    for (size_t id = 1; id <= m.record_count; id++)
        if (m.emitted[id] != (id >= from && id <= to))
            return false;
    return true;
}

/* ---- archived ones ---- */

static void test_deleted(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_DELETED);
    open_with(900, NULL);
    archive(300, 549);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(300, 549)); /* whatever since_us says */
    CU_ASSERT_EQUAL(m.request_count, 3);
    CU_ASSERT_EQUAL(m.total, 0);
    CU_ASSERT_EQUAL(m.least_properties, 1);
    UNIT_TEXT(m.requests[2].url,
              "https://api.hubapi.com/crm/v3/objects/companies?limit=100&archived=true"
              "&properties=hs_object_id&after=499");
    UNIT_TEXT(buf_cstr(&m.checkpoints), "399 499 ");
    close_all();
}

static void test_deleted_none(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_DELETED);
    open_with(SOME, NULL);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT_EQUAL(m.emit_count, 0);
    CU_ASSERT_EQUAL(m.request_count, 1);
    close_all();
}

/* Properties and associations that are wanted are not asked for, so they need not fit. */
static void test_deleted_resumed(void)
{
    static char name[7900];
    memset(name, 'n', sizeof name);
    const struct fastenr_str fields[] = {{name, sizeof name}, FASTENR_STR("associations.contacts")};
    struct fastenr_selector s = selector(FASTENR_READ_DELETED);
    s.position = hubspot_text("399");
    s.fields = (struct fastenr_table)FASTENR_TABLE(fields);
    open_with(900, NULL);
    archive(300, 549);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(400, 549));
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_LIST), m.request_count);
    close_all();
}

static void test_deleted_stuck(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_DELETED);
    open_with(500, NULL);
    archive(1, 500);
    m.stuck = true;
    CU_ASSERT_EQUAL(run(&s), FASTENR_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.fail_text, "reading on would never end"));
    close_all();
}

static void test_archived_stay_out(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    open_with(SOME, NULL);
    archive(7, 7);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT_EQUAL(m.emitted[7], 0);
    CU_ASSERT_EQUAL(m.emit_count, SOME - 1);
    close_all();
}

/* ---- by the host's ids ---- */

/* The ids from..to as texts. */
static struct fastenr_table number_ids(uint32_t from, uint32_t to)
{
    static char texts[1000][12];
    static struct fastenr_str rows[1000];
    for (uint32_t i = from; i <= to; i++) {
        int len = snprintf(texts[i - from], sizeof texts[0], "%u", i);
        rows[i - from] = (struct fastenr_str){texts[i - from], (uint64_t)len};
    }
    return (struct fastenr_table){rows, to - from + 1, sizeof rows[0]};
}

static void test_ids(void)
{
    static const uint32_t sizes[] = {0, 1, 99, 100, 101, 200, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fastenr_selector s = selector(FASTENR_READ_IDS);
        s.ids = number_ids(1, sizes[i]);
        open_with(1000, NULL);
        CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
        CU_ASSERT(emitted_once(1, sizes[i]));
        CU_ASSERT(sizes[i] == 0 || m.least_properties == 3);
        CU_ASSERT_EQUAL(mock_count(&m, MOCK_BATCH), (sizes[i] + 99) / 100);
        CU_ASSERT_EQUAL(mock_count(&m, MOCK_BATCH), m.request_count);
        CU_ASSERT_EQUAL(m.checkpoints.len, 0);
        close_all();
    }
}

static void test_ids_missing(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_IDS);
    s.ids = number_ids(900, 1050);
    open_with(1000, NULL);
    m.gone[950] = true;
    archive(960, 960);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT_EQUAL(m.emit_count, 99);
    CU_ASSERT(m.emitted[900] && m.emitted[1000] && !m.emitted[950] && !m.emitted[960]);
    close_all();
}

static void test_ids_associated(void)
{
    static const struct fastenr_str fields[] = {FASTENR_STR("associations.contacts")};
    struct fastenr_selector s = selector(FASTENR_READ_IDS);
    s.fields = (struct fastenr_table)FASTENR_TABLE(fields);
    s.ids = number_ids(2, 3);
    open_with(3, NULL);
    m.associated[1] = m.associated[3] = 1;
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(2, 3));
    UNIT_TEXT(buf_cstr(&m.attached), "3:1 \n");
    close_all();
}

/* Ids of another form are those of no record: they are left out, and spoil no others. */
static void test_ids_odd(void)
{
    static const struct fastenr_str odd[] = {
        FASTENR_STR("x"),    FASTENR_STR("0"),
        FASTENR_STR(""),     FASTENR_STR("123456789012345678901"),
        FASTENR_STR("\"}]"), FASTENR_STR("7")};
    struct fastenr_selector s = selector(FASTENR_READ_IDS);
    s.ids = (struct fastenr_table)FASTENR_TABLE(odd);
    open_with(10, NULL);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(7, 7));
    close_all();
    s.ids.count = 5; /* without the good one */
    open_with(10, NULL);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT_EQUAL(m.request_count, 0);
    close_all();
}

/* HubSpot gives the histories of 50 records at most. */
static void test_ids_timed(void)
{
    static const struct fastenr_str timed[] = {FASTENR_STR("name"),
                                               FASTENR_STR("associations.contacts")};
    static const uint32_t sizes[] = {1, 50, 51, 100, 101};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fastenr_selector s = selector(FASTENR_READ_IDS);
        s.ids = number_ids(1, sizes[i]);
        s.timed = (struct fastenr_table)FASTENR_TABLE(timed);
        open_with(SOME, NULL);
        CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
        CU_ASSERT(emitted_once(1, sizes[i]));
        CU_ASSERT_EQUAL(m.request_count, (sizes[i] + 49) / 50);
        CU_ASSERT_PTR_NOT_NULL(strstr(m.requests[0].body, "\"propertiesWithHistory\":[\"name\"]"));
        UNIT_TEXT(buf_cstr(&m.times), "propertiesWithHistory [0].timestamp");
        s.timed.count = 0;
        CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(m.requests[m.request_count - 1].body, "\"propertiesWithHistory\":[]"));
        UNIT_TEXT(buf_cstr(&m.times), " ");
        close_all();
    }
}

/* ---- merged ones ---- */

static void test_merged_ids_once(void)
{
    static const struct fastenr_str fields[] = {FASTENR_STR("hs_merged_object_ids"),
                                                FASTENR_STR("name")};
    for (uint32_t mode = FASTENR_READ_FULL; mode <= FASTENR_READ_WINDOW; mode++) {
        struct fastenr_selector s = selector(mode);
        s.fields = (struct fastenr_table)FASTENR_TABLE(fields);
        open_with(3, NULL);
        CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
        CU_ASSERT_EQUAL(m.least_properties, 2);
        close_all();
    }
}

/* ---- all of it ---- */

static const uint32_t modes[] = {FASTENR_READ_DELETED, FASTENR_READ_IDS};

static fastenr_outcome run_mode(uint32_t mode)
{
    struct fastenr_selector s = selector(mode);
    s.ids = number_ids(1, SOME);
    if (mode == FASTENR_READ_DELETED)
        archive(1, SOME);
    return run(&s);
}

static void test_cancelled(void)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        size_t at = 1;
        for (bool ended = false; !ended; at++) {
            open_with(SOME, NULL);
            m.cancel_at = at;
            fastenr_outcome outcome = run_mode(modes[i]);
            ended = !m.cancelled;
            CU_ASSERT_EQUAL(outcome, ended ? FASTENR_OK : FASTENR_CANCELLED);
            CU_ASSERT_EQUAL(m.calls_after_cancel, 0);
            close_all();
        }
        CU_ASSERT(at > 6); /* a request and a page, three times */
    }
}

/* Not even "there is nothing" (404) is taken for an answer. */
static void test_refused(void)
{
    static const struct mock_fault faults[] = {{0, 0, 401, FASTENR_AUTH_FAILED, "{}"},
                                               {0, 0, 403, FASTENR_AUTH_FAILED, "{}"},
                                               {0, 0, 404, FASTENR_GONE, "{}"},
                                               {0, 0, 429, FASTENR_RATE_LIMITED, "{}"},
                                               {0, 0, 502, FASTENR_RETRY_AFTER, "<html>"},
                                               {0, 0, 200, FASTENR_OK, "not json"}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++)
            for (size_t at = 1; at <= 3; at++) {
                open_with(SOME, NULL);
                m.fault = faults[f];
                m.fault.request = at;
                fastenr_outcome expected = faults[f].outcome;
                CU_ASSERT_EQUAL(run_mode(modes[i]),
                                expected == FASTENR_OK ? FASTENR_FAILED : expected);
                CU_ASSERT_EQUAL(m.request_count, at);
                close_all();
            }
}

static void test_object_flags(void)
{
    const uint32_t life = FASTENR_OBJECT_DELETED | FASTENR_OBJECT_DELETED_ALL | FASTENR_OBJECT_IDS |
                          FASTENR_OBJECT_TIMED;
    for (size_t i = 0; i < HUBSPOT_OBJECTS; i++) {
        const char *canonical = hubspot_objects[i].canonical.ptr;
        bool record = strcmp(canonical, "owner") != 0 && strcmp(canonical, "pipeline_stage") != 0;
        CU_ASSERT_EQUAL(hubspot_objects[i].flags & life, record ? life : 0);
    }
}

static void test_api_versions(void)
{
    static const char *const versions[][2] = {{"v3", "/crm/v3/objects/companies"},
                                              {"2026-03", "/crm/objects/2026-03/companies"},
                                              {"2026-09", "/crm/objects/2026-09/companies"}};
    for (size_t i = 0; i < 3; i++)
        for (uint32_t mode = FASTENR_READ_FULL; mode <= FASTENR_READ_IDS; mode++) {
            open_with(SOME, versions[i][0]);
            CU_ASSERT_EQUAL(run_mode(mode), FASTENR_OK);
            CU_ASSERT(emitted_once(1, SOME));
            for (size_t at = 0; at < m.request_count; at++)
                CU_ASSERT_PTR_NOT_NULL(strstr(m.requests[at].url, versions[i][1]));
            close_all();
        }
}

const char *const unit_suite = "hubspot ended";
const struct unit_test unit_tests[] = {
    {"deleted records are the list of archived ones", test_deleted},
    {"there may be no deleted records", test_deleted_none},
    {"a list of deleted records goes on from its position", test_deleted_resumed},
    {"a list of deleted records that repeats itself ends", test_deleted_stuck},
    {"archived records are in no other read", test_archived_stay_out},
    {"records are read by the host's ids", test_ids},
    {"records that are not there are left out", test_ids_missing},
    {"records read by ids have their associations", test_ids_associated},
    {"records read by ids tell when properties changed", test_ids_timed},
    {"ids of another form have no record", test_ids_odd},
    {"merged ids are asked for once", test_merged_ids_once},
    {"every call may be cancelled", test_cancelled},
    {"every request may be refused", test_refused},
    {"objects tell how they end", test_object_flags},
    {"records are read by each version of the API", test_api_versions},
    {NULL, NULL},
};
