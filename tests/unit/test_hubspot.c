/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot connector's own sources against a host and a HubSpot in the test (hubspot_mock.h). */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "hubspot.h"
#include "hubspot_mock.h"

const struct fastenr_connector *fastenr_connector(void);

static struct fastenr_host m;
static void *instance;

static const struct fastenr_ops *ops(void)
{
    return fastenr_connector()->ops;
}

static void open_with(size_t records)
{
    mock_open(&m, records);
    CU_ASSERT_FATAL(ops()->create(&mock_services, &m, &instance) == FASTENR_OK);
}

/* Whatever happened, no answer may be left open. */
static void close_all(void)
{
    CU_ASSERT_EQUAL(mock_open_handles(&m), 0);
    ops()->destroy(instance);
    mock_close(&m);
}

/* ---- selectors ---- */

static const struct fastenr_str two_fields[] = {FASTENR_STR("name"), FASTENR_STR("domain")};

static struct fastenr_selector selector(uint32_t mode)
{
    return (struct fastenr_selector){.size = sizeof(struct fastenr_selector),
                                     .mode = mode,
                                     .object = FASTENR_STR("companies"),
                                     .fields = FASTENR_TABLE(two_fields),
                                     .since_us = 1000999,
                                     .until_us = 9000999};
}

/* `count` names of 40 bytes. */
static struct fastenr_table long_fields(uint32_t count)
{
    static char texts[400][41];
    static struct fastenr_str names[400];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "a_property_with_a_long_name_number_%05u", i);
        names[i] = (struct fastenr_str){texts[i], 40};
    }
    return (struct fastenr_table){names, count, sizeof names[0]};
}

enum { WIDE = 8 };

/* Few names, but too long together for a URL or a search. */
static struct fastenr_table wide_fields(void)
{
    static char texts[WIDE][1000];
    static struct fastenr_str names[WIDE];
    for (int i = 0; i < WIDE; i++) {
        memset(texts[i], 'a' + i, sizeof texts[i]);
        names[i] = (struct fastenr_str){texts[i], sizeof texts[i]};
    }
    return (struct fastenr_table){names, WIDE, sizeof names[0]};
}

static fastenr_outcome run(const struct fastenr_selector *s)
{
    return ops()->read(instance, s);
}

/* Whether exactly the records from..to were emitted, each once. */
static bool emitted_once(size_t from, size_t to)
{
    for (size_t id = 1; id <= m.record_count; id++)
        if (m.emitted[id] != (id >= from && id <= to))
            return false;
    return true;
}

/* ---- full reads ---- */

static void test_full(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    open_with(250);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(1, 250));
    CU_ASSERT_EQUAL(m.total, 250);
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_LIST), 3);
    CU_ASSERT_EQUAL(m.request_count, 4);
    UNIT_TEXT(buf_cstr(&m.checkpoints), "100 200 ");
    UNIT_TEXT(m.requests[3].url,
              "https://api.hubapi.com/crm/v3/objects/companies?limit=100&archived=false"
              "&properties=name,domain,hs_merged_object_ids&after=200");
    CU_ASSERT_EQUAL(m.requests[0].flags, 0); /* a mere figure is not asked for again and again */
    CU_ASSERT_EQUAL(m.requests[1].flags, FASTENR_REQUEST_SAFE);
    close_all();
}

static void test_full_sizes(void)
{
    static const size_t sizes[] = {0, 1, 99, 100, 101, 200};
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        open_with(sizes[i]);
        CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
        CU_ASSERT(emitted_once(1, sizes[i]));
        close_all();
    }
}

static void test_full_resumed(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    s.position = hubspot_text("100");
    open_with(250);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(101, 250));
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_SEARCH), 0);
    UNIT_TEXT(buf_cstr(&m.checkpoints), "200 ");
    close_all();
}

static void test_full_long(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    s.fields = wide_fields();
    open_with(250);
    m.gone[120] = true;
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT_EQUAL(m.emitted[120], 0);
    CU_ASSERT_EQUAL(m.emit_count, 249);
    CU_ASSERT_EQUAL(m.least_properties, WIDE + 1); /* and the merged ids */
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_LIST), 3);
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_BATCH), 3);
    UNIT_TEXT(buf_cstr(&m.checkpoints), "100 200 ");
    CU_ASSERT_PTR_NOT_NULL(strstr(m.requests[1].url, "&properties=hs_object_id"));
    close_all();
}

/* Every number of names works, whichever way it is read; the mock checks the limits. */
static void test_every_length(void)
{
    for (uint32_t count = 0; count <= 400; count++)
        for (uint32_t mode = FASTENR_READ_FULL; mode <= FASTENR_READ_WINDOW; mode++) {
            struct fastenr_selector s = selector(mode);
            s.fields = long_fields(count);
            open_with(5);
            CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
            CU_ASSERT(emitted_once(1, 5));
            CU_ASSERT_EQUAL(m.least_properties, count + 1);
            close_all();
        }
}

/* To the byte: one name that grows until it no longer fits beside the rest. */
static void test_last_byte(void)
{
    static char name[7500];
    memset(name, 'n', sizeof name);
    for (uint32_t mode = FASTENR_READ_FULL; mode <= FASTENR_READ_WINDOW; mode++) {
        uint64_t most = mode == FASTENR_READ_FULL ? 7300 : 2800, by_id = 0;
        for (uint64_t len = most - 400; len <= most; len++) {
            struct fastenr_str one = {name, len};
            struct fastenr_selector s = selector(mode);
            s.fields = (struct fastenr_table){&one, 1, sizeof one};
            open_with(1);
            CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
            CU_ASSERT(emitted_once(1, 1));
            by_id += mock_count(&m, MOCK_BATCH);
            close_all();
        }
        CU_ASSERT(by_id > 0 && by_id < 400);
    }
}

static void test_too_many_properties(void)
{
    static struct fastenr_str names[4000];
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    for (size_t i = 0; i < 4000; i++)
        names[i] = hubspot_text("a_property_with_a_name");
    s.fields = (struct fastenr_table){names, 4000, sizeof names[0]};
    open_with(5);
    CU_ASSERT_EQUAL(run(&s), FASTENR_BAD_CONFIG);
    UNIT_TEXT(m.fail_text, "the mapping of companies names more properties than one request has "
                           "room for: map fewer");
    close_all();
}

static void test_odd_names(void)
{
    static const struct fastenr_str odd[] = {FASTENR_STR("a b&c=\xc3\xbc\"#")};
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    s.fields = (struct fastenr_table)FASTENR_TABLE(odd);
    open_with(1);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.requests[1].url, "properties=a%20b%26c%3D%C3%BC%22%23"));
    close_all();
}

static void test_limit(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    s.limit = 7;
    open_with(250);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(1, 7));
    CU_ASSERT_EQUAL(m.request_count, 1); /* no total either: few are wanted, and quickly */
    close_all();
    s.limit = 150;
    open_with(250);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(1, 150));
    CU_ASSERT_EQUAL(m.request_count, 2);
    close_all();
    s = selector(FASTENR_READ_WINDOW);
    s.limit = 250;
    open_with(400);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(1, 250));
    CU_ASSERT_EQUAL(m.request_count, 2);
    close_all();
}

/* ---- windows ---- */

static void test_window_sizes(void)
{
    static const size_t sizes[] = {0, 1, 199, 200, 201, 399, 400, 401};
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        open_with(sizes[i]);
        CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
        CU_ASSERT(emitted_once(1, sizes[i]));
        CU_ASSERT_EQUAL(m.request_count, sizes[i] / 200 + 1);
        CU_ASSERT_EQUAL(m.total, sizes[i]);
        close_all();
    }
}

static void test_window_body(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    open_with(201);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    UNIT_TEXT(m.requests[1].body,
              "{\"filterGroups\":[{\"filters\":["
              "{\"propertyName\":\"hs_lastmodifieddate\",\"operator\":\"GTE\","
              "\"value\":\"1000\"},"
              "{\"propertyName\":\"hs_object_id\",\"operator\":\"GT\",\"value\":\"200\"}]}],"
              "\"sorts\":[{\"propertyName\":\"hs_object_id\",\"direction\":\"ASCENDING\"}],"
              "\"properties\":[\"name\",\"domain\",\"hs_merged_object_ids\"],\"limit\":200}");
    UNIT_TEXT(buf_cstr(&m.checkpoints), "200 201 ");
    close_all();
}

static void test_window_bounds(void)
{
    static const int64_t times[] = {999, 1000, 1001, 8999, 9000, 9001};
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    open_with(6);
    for (size_t i = 0; i < 6; i++)
        m.modified_ms[i + 1] = times[i];
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(2, 6));
    close_all();
}

static void test_window_resumed(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    s.position = hubspot_text("150");
    open_with(400);
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(151, 400));
    close_all();
}

static void change_while_read(struct fastenr_host *mock, size_t search)
{
    if (search == 2) {
        mock->modified_ms[100] = 99000; /* read already */
        mock->modified_ms[300] = 99000; /* not yet */
    }
}

static void test_window_moves(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    open_with(600);
    m.before_search = change_while_read;
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(1, 600));
    close_all();
}

static void test_window_long(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    s.fields = wide_fields();
    open_with(450);
    m.gone[200] = true; /* the last of a page: the walk goes on past it all the same */
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT_EQUAL(m.emit_count, 449);
    CU_ASSERT_EQUAL(m.least_properties, WIDE + 1);
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_SEARCH), 3);
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_BATCH), 5);
    CU_ASSERT_EQUAL(m.total, 450);
    UNIT_TEXT(buf_cstr(&m.checkpoints), "200 400 450 ");
    close_all();
}

/* ---- what may come back ---- */

static void test_positions(void)
{
    static const char *const bad[] = {
        "abc", "-1", "0", "00", "1 ", "1\"]", "\n", "1e3", "123456789012345678901"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
        s.position = hubspot_text(bad[i]);
        open_with(10);
        CU_ASSERT_EQUAL(run(&s), FASTENR_FAILED);
        UNIT_TEXT(m.fail_text, "the stored position of companies is none that this connector "
                               "wrote: read them from the start again");
        CU_ASSERT_EQUAL(m.request_count, 0);
        close_all();
    }
    struct fastenr_selector s = selector(FASTENR_READ_FULL);
    char long_text[300];
    memset(long_text, 'a', sizeof long_text);
    struct fastenr_str texts[] = {
        FASTENR_STR("a&b"), FASTENR_STR(" "), FASTENR_STR("a\0b"), {long_text, sizeof long_text}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        s.position = texts[i];
        open_with(10);
        CU_ASSERT_EQUAL(run(&s), FASTENR_FAILED);
        CU_ASSERT_EQUAL(m.request_count, 0);
        close_all();
    }
}

static void test_unknown(void)
{
    struct fastenr_selector s = selector(9);
    open_with(1);
    CU_ASSERT_EQUAL(run(&s), FASTENR_FAILED);
    CU_ASSERT_EQUAL(m.request_count, 0);
    close_all();
}

/* A vendor that gives the same page for ever ends the read; it does not hang it. */
static void test_stuck(void)
{
    for (uint32_t mode = FASTENR_READ_FULL; mode <= FASTENR_READ_WINDOW; mode++)
        for (int longer = 0; longer < 2; longer++) {
            struct fastenr_selector s = selector(mode);
            if (longer)
                s.fields = wide_fields();
            open_with(500);
            m.stuck = true;
            CU_ASSERT_EQUAL(run(&s), FASTENR_FAILED);
            CU_ASSERT_PTR_NOT_NULL(strstr(m.fail_text, "reading on would never end"));
            CU_ASSERT(m.request_count < 10);
            close_all();
        }
}

static void test_odd_pages(void)
{
    static const char *const bodies[] = {
        "{\"results\":[{\"id\":\"7\"}],\"paging\":{\"next\":{\"after\":\"a b\"}}}",
        "{\"results\":[{\"id\":null}],\"total\":1}",
        "{\"results\":[{\"id\":7}]}",
        "{\"results\":[{\"id\":\"x\"}]}",
        "{\"nothing\":true}",
        "not json",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
        s.fields = wide_fields();
        open_with(10);
        m.fault = (struct mock_fault){1, 99, 200, FASTENR_OK, bodies[i]};
        CU_ASSERT_EQUAL(run(&s), FASTENR_FAILED);
        CU_ASSERT_EQUAL(m.emit_count, 0);
        CU_ASSERT_EQUAL(m.checkpoints.len, 0);
        close_all();
    }
}

static void test_broken_ids_again(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    s.fields = wide_fields();
    open_with(150);
    m.fault = (struct mock_fault){1, 2, 200, FASTENR_OK, "{\"results\":[{\"id\":\"1"};
    CU_ASSERT_EQUAL(run(&s), FASTENR_OK);
    CU_ASSERT(emitted_once(1, 150));
    CU_ASSERT_EQUAL(mock_count(&m, MOCK_SEARCH), 3);
    close_all();
}

/* ---- check ---- */

static fastenr_outcome run_check(struct fastenr_check *ret)
{
    *ret = (struct fastenr_check){.size = sizeof *ret};
    return ops()->check(instance, ret);
}

static void test_check(void)
{
    struct fastenr_check check;
    open_with(0);
    CU_ASSERT_EQUAL(run_check(&check), FASTENR_OK);
    CU_ASSERT(hubspot_equal(check.account_id, "33"));
    CU_ASSERT(hubspot_equal(check.account_name, "app-eu1.hubspot.com"));
    m.account = "{\"portalId\":34}";
    CU_ASSERT_EQUAL(run_check(&check), FASTENR_OK);
    CU_ASSERT(hubspot_equal(check.account_id, "34"));
    CU_ASSERT_EQUAL(check.account_name.len, 0);
    m.account = "{}";
    CU_ASSERT_EQUAL(run_check(&check), FASTENR_FAILED);
    UNIT_TEXT(m.fail_text, "an answer of HubSpot has no account id (portalId): if api.hubapi.com "
                           "is sent elsewhere under network.endpoints, check where to");
    m.account = "{\"portalId\":\"x/y\"}";
    CU_ASSERT_EQUAL(run_check(&check), FASTENR_FAILED);
    UNIT_TEXT(m.fail_text, "HubSpot's account id 'x/y' is no number");
    close_all();
}

/* A token that may not see the account is good when it may read some object. */
static void test_check_without_account(void)
{
    struct fastenr_check check;
    enum { ALL = 1 + HUBSPOT_CRM };
    for (size_t refused = 1; refused <= ALL; refused++) {
        open_with(5);
        m.fault = (struct mock_fault){1, refused, 403, FASTENR_AUTH_FAILED, NULL};
        CU_ASSERT_EQUAL(run_check(&check), refused < ALL ? FASTENR_OK : FASTENR_AUTH_FAILED);
        CU_ASSERT_EQUAL(check.account_id.len, 0);
        CU_ASSERT_EQUAL(m.logs.len > 0, refused < ALL);
        CU_ASSERT_EQUAL(m.request_count, refused < ALL ? refused + 1 : ALL);
        close_all();
    }
}

static void test_check_refused(void)
{
    struct fastenr_check check;
    open_with(5);
    m.fault = (struct mock_fault){1, 9, 401, FASTENR_AUTH_FAILED, "{\"message\":\"no\"}"};
    CU_ASSERT_EQUAL(run_check(&check), FASTENR_AUTH_FAILED);
    UNIT_TEXT(m.fail_text, ""); /* the host's words are enough */
    CU_ASSERT_EQUAL(m.request_count, 1);
    m.fault.status = 530;
    CU_ASSERT_EQUAL(run_check(&check), FASTENR_AUTH_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.fail_text, "from \"pat-\" on"));
    CU_ASSERT_EQUAL(m.request_count, 2);
    close_all();
}

/* ---- discover ---- */

static const char properties[] =
    "{\"results\":["
    "{\"name\":\"name\",\"label\":\"Company \\\"name\\\" \\u00fc\\ud83d\\ude00\\n\\/\","
    "\"type\":\"string\",\"hasUniqueValue\":false,\"modificationMetadata\":{\"readOnlyValue\":"
    "false}},"
    "{\"name\":\"hs_object_id\",\"label\":\"\",\"type\":\"number\",\"hasUniqueValue\":true,"
    "\"modificationMetadata\":{\"readOnlyValue\":true}},"
    "{\"name\":\"stage\",\"label\":\"Stage\",\"type\":\"enumeration\",\"options\":["
    "{\"value\":\"a]b\",\"label\":\"x\"},{\"value\":\"q\\\"\\\\,\"}]},"
    "{\"name\":\"bare\"},"
    "{\"name\":\"empty\",\"type\":\"enumeration\",\"options\":[]},"
    "{\"name\":\"odd\",\"type\":\"enumeration\",\"options\":[{\"value\":null},{\"value\":[1,"
    "\"]\"]}]},"
    "{\"name\":\"none\",\"type\":\"enumeration\"},"
    "{\"label\":\"nameless\"},"
    "{\"name\":\"yes\",\"type\":\"bool\",\"label\":[{\"a\":\"]},\"}]},"
    "{\"name\":\"day\",\"type\":\"date\"},"
    "{\"name\":\"time\",\"type\":\"datetime\"},"
    "{\"name\":\"tel\",\"type\":\"phone_number\"}]}";

static void test_discover(void)
{
    open_with(0);
    m.properties = properties;
    CU_ASSERT_EQUAL(ops()->discover(instance, hubspot_text("companies")), FASTENR_OK);
    UNIT_TEXT(buf_cstr(&m.fields), "name|Company \"name\" \xc3\xbc\xf0\x9f\x98\x80\n/|1|0|\n"
                                   "hs_object_id||2|5|\n"
                                   "stage|Stage|6|0|[\"a]b\",\"q\\\"\\\\,\"]\n"
                                   "bare|bare|1|0|\n"
                                   "empty|empty|6|0|[]\n"
                                   "odd|odd|6|0|\n"
                                   "none|none|6|0|\n"
                                   "yes|yes|3|0|\n"
                                   "day|day|4|0|\n"
                                   "time|time|5|0|\n"
                                   "tel|tel|1|0|\n"
                                   "associations.contacts|Associated contacts|1|1|\n"
                                   "associations.deals|Associated deals|1|1|\n"
                                   "associations.tickets|Associated tickets|1|1|\n");
    UNIT_TEXT(buf_cstr(&m.logs),
              "3 HubSpot has a property without a name that can be used; it is left out\n");
    close_all();
}

static void test_discover_broken(void)
{
    static const char *const bodies[] = {"{}", "[]", "{\"results\":7}", "null", "oh"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        open_with(0);
        m.properties = bodies[i];
        CU_ASSERT_EQUAL(ops()->discover(instance, hubspot_text("companies")), FASTENR_FAILED);
        CU_ASSERT_EQUAL(m.fields.len, 0);
        close_all();
    }
}

/* ---- cancelled, refused ---- */

struct operation {
    const char *name;
    uint32_t mode; /* of a read; 0: another operation */
    bool wide;
};

static const struct operation operations[] = {
    {"check", 0, false},
    {"discover", 0, false},
    {"full", FASTENR_READ_FULL, false},
    {"full, by id", FASTENR_READ_FULL, true},
    {"window", FASTENR_READ_WINDOW, false},
    {"window, by id", FASTENR_READ_WINDOW, true},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static fastenr_outcome run_operation(const struct operation *o)
{
    struct fastenr_check check;
    struct fastenr_selector s = selector(o->mode);
    m.properties = properties;
    if (strcmp(o->name, "check") == 0)
        return run_check(&check);
    if (strcmp(o->name, "discover") == 0)
        return ops()->discover(instance, hubspot_text("companies"));
    if (o->wide)
        s.fields = wide_fields();
    return run(&s);
}

static void test_cancelled(void)
{
    for (size_t i = 0; i < OPERATIONS; i++) {
        size_t at = 1;
        for (bool ended = false; !ended; at++) {
            open_with(250);
            m.cancel_at = at;
            fastenr_outcome outcome = run_operation(&operations[i]);
            ended = !m.cancelled;
            CU_ASSERT_EQUAL(outcome, ended ? FASTENR_OK : FASTENR_CANCELLED);
            CU_ASSERT_EQUAL(m.calls_after_cancel, 0);
            close_all();
        }
        CU_ASSERT(at > 3); /* it did call services */
    }
}

/* Each request of each operation is refused in turn: the outcome comes through as it was. */
static void test_refused(void)
{
    static const struct mock_fault faults[] = {
        {0, 0, 401, FASTENR_AUTH_FAILED, "{\"message\":\"expired\"}"},
        {0, 0, 429, FASTENR_RATE_LIMITED, "{\"policyName\":\"DAILY\"}"},
        {0, 0, 502, FASTENR_RETRY_AFTER, "<html>"},
        {0, 0, 0, FASTENR_RETRY_AFTER, NULL},
        {0, 0, 404, FASTENR_GONE, "{}"},
        {0, 0, 400, FASTENR_FAILED, "{}"},
    };
    for (size_t i = 0; i < OPERATIONS; i++)
        for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
            size_t at = 1;
            for (bool ended = false; !ended; at++) {
                open_with(250);
                m.fault = faults[f];
                m.fault.request = at;
                fastenr_outcome outcome = run_operation(&operations[i]);
                bool is_total = operations[i].mode == FASTENR_READ_FULL && at == 1;
                ended = m.request_count < at;
                CU_ASSERT_EQUAL(outcome, ended || is_total ? FASTENR_OK : faults[f].outcome);
                CU_ASSERT(ended || is_total || m.request_count == at);
                close_all();
            }
        }
}

static void test_missing_scope(void)
{
    struct fastenr_selector s = selector(FASTENR_READ_WINDOW);
    open_with(5);
    m.fault = (struct mock_fault){1, 0, 403, FASTENR_AUTH_FAILED, "{}"};
    CU_ASSERT_EQUAL(run(&s), FASTENR_AUTH_FAILED);
    UNIT_TEXT(m.fail_text,
              "HubSpot answered 403: the private app lacks the scope crm.objects.companies.read; "
              "add it in HubSpot under Settings, Integrations, Private Apps, and try again");
    close_all();
}

/* ---- the descriptor ---- */

/* As the host reads the table: the first row that matches. */
static const struct fastenr_response_rule *rule_for(int32_t status, const char *policy)
{
    const struct fastenr_table *t = &fastenr_connector()->responses;
    const struct fastenr_response_rule *rules = t->rows;
    for (uint32_t i = 0; i < t->count; i++)
        if (status >= rules[i].status_min && status <= rules[i].status_max &&
            (rules[i].path.len == 0 || hubspot_equal(rules[i].equals, policy)))
            return &rules[i];
    return NULL;
}

static void test_responses(void)
{
    static const struct {
        int32_t status;
        const char *policy;
        fastenr_outcome outcome;
        int64_t wait_ms;
        uint32_t flags;
    } expected[] = {
        {429, "TEN_SECONDLY_ROLLING", FASTENR_RATE_LIMITED, 10000, FASTENR_RESPONSE_NOT_DONE},
        {429, "SECONDLY", FASTENR_RATE_LIMITED, 1000, FASTENR_RESPONSE_NOT_DONE},
        {429, "DAILY", FASTENR_RATE_LIMITED, 3600000, FASTENR_RESPONSE_NOT_DONE},
        {429, "NEW", FASTENR_RATE_LIMITED, 0, FASTENR_RESPONSE_NOT_DONE},
        {400, "", FASTENR_FAILED, 0, 0},
        {401, "", FASTENR_AUTH_FAILED, 0, 0},
        {403, "", FASTENR_AUTH_FAILED, 0, 0},
        {404, "", FASTENR_GONE, 0, 0},
        {414, "", FASTENR_FAILED, 0, 0},
        {423, "", FASTENR_RETRY_AFTER, 2000, FASTENR_RESPONSE_NOT_DONE},
        {477, "", FASTENR_RETRY_AFTER, 0, FASTENR_RESPONSE_NOT_DONE},
        {500, "", FASTENR_RETRY_AFTER, 0, 0},
        {502, "", FASTENR_RETRY_AFTER, 0, 0},
        {503, "", FASTENR_RETRY_AFTER, 0, 0},
        {504, "", FASTENR_RETRY_AFTER, 0, 0},
        {521, "", FASTENR_RETRY_AFTER, 0, 0},
        {522, "", FASTENR_FAILED, 0, 0},
        {523, "", FASTENR_RETRY_AFTER, 0, 0},
        {525, "", FASTENR_FAILED, 0, 0},
        {526, "", FASTENR_FAILED, 0, 0},
        {524, "", FASTENR_RETRY_AFTER, 0, 0},
        {530, "", FASTENR_AUTH_FAILED, 0, 0},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct fastenr_response_rule *rule = rule_for(expected[i].status, expected[i].policy);
        CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
        CU_ASSERT_EQUAL(rule->outcome, expected[i].outcome);
        CU_ASSERT_EQUAL(rule->retry_after_ms, expected[i].wait_ms);
        CU_ASSERT_EQUAL(rule->flags, expected[i].flags);
        CU_ASSERT(hubspot_equal(rule->message, "message"));
    }
    CU_ASSERT_PTR_NULL(rule_for(200, ""));
    CU_ASSERT_PTR_NULL(rule_for(207, ""));
}

/* ---- texts ---- */

static void test_arrays(void)
{
    static const struct {
        const char *json, *elements;
        int broken;
    } cases[] = {
        {"[]", "", 0},
        {" [ 1 , \"a,]\" ]", "1 ;\"a,]\" ;", 0},
        {"[null,{\"a\":[1,2]},\"\\\\\"]", "null;{\"a\":[1,2]};\"\\\\\";", 0},
        {"", "", 1},
        {"{}", "", 1},
        {"[1", "", 1},
        {"[1,", "1;", 1},
        {"[1,,2]", "1;", 1},
        {"[\"a", "", 1},
        {"[\"a\\", "", 1},
        {"[}]", "", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].json);
        char *exact = malloc(len + 1); /* reading past the end is seen by the sanitizer */
        struct buf out = BUF_INIT(200);
        struct fastenr_str element;
        memcpy(exact, cases[i].json, len);
        struct hubspot_array walk = hubspot_array((struct fastenr_str){exact, len});
        while (hubspot_array_next(&walk, &element))
            buf_printf(&out, "%.*s;", (int)element.len, element.ptr);
        UNIT_TEXT(buf_cstr(&out), cases[i].elements);
        CU_ASSERT_EQUAL(walk.broken, cases[i].broken);
        CU_ASSERT_EQUAL(hubspot_array_next(&walk, &element), 0);
        buf_free(&out);
        free(exact);
    }
}

static void test_unquote(void)
{
    static const char *const bad[] = {"",          "\"",           "null",         "\"\\\"",
                                      "\"\\u12\"", "\"\\ud800\"",  "\"\\ud800x\"", "\"\\udc00\"",
                                      "\"\\x41\"", "\"123456789\""};
    char buf[8];
    struct fastenr_str text;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(hubspot_unquote(hubspot_text(bad[i]), buf, sizeof buf, &text), 0);
    CU_ASSERT(hubspot_unquote(hubspot_text("\"\\u00e9\\u20ac\\t\\\\\""), buf, sizeof buf, &text));
    CU_ASSERT(hubspot_equal(text, "\xc3\xa9\xe2\x82\xac\t\\"));
    CU_ASSERT(hubspot_unquote(hubspot_text("\"12345678\""), buf, sizeof buf, &text));
}

static void test_ids(void)
{
    CU_ASSERT(hubspot_id_after(hubspot_text("10"), hubspot_text("9")));
    CU_ASSERT(hubspot_id_after(hubspot_text("1"), hubspot_text("0")));
    CU_ASSERT(!hubspot_id_after(hubspot_text("9"), hubspot_text("9")));
    CU_ASSERT(!hubspot_id_after(hubspot_text(""), hubspot_text("0")));
    CU_ASSERT(!hubspot_id_after(hubspot_text("123"), hubspot_text("124")));
}

const char *const unit_suite = "hubspot";
const struct unit_test unit_tests[] = {
    {"a full read pages through the list", test_full},
    {"a full read ends at every size", test_full_sizes},
    {"a full read goes on from its position", test_full_resumed},
    {"many properties are read by id", test_full_long},
    {"any number of properties fits the limits", test_every_length},
    {"the limits are kept to the byte", test_last_byte},
    {"more properties than fit anywhere are a configuration error", test_too_many_properties},
    {"property names are encoded", test_odd_names},
    {"a limit is kept", test_limit},
    {"a window ends at every size", test_window_sizes},
    {"a window is a search past the last id", test_window_body},
    {"a window has both its bounds", test_window_bounds},
    {"a window goes on from its position", test_window_resumed},
    {"a record that leaves the window moves no other", test_window_moves},
    {"many properties of a window are read by id", test_window_long},
    {"positions that are not ours are refused", test_positions},
    {"unknown modes are refused", test_unknown},
    {"a vendor that repeats itself ends the read", test_stuck},
    {"pages without sense fail and commit nothing", test_odd_pages},
    {"a broken page of ids is fetched again", test_broken_ids_again},
    {"check tells the account", test_check},
    {"check does without the account's details", test_check_without_account},
    {"check says what is wrong with a token", test_check_refused},
    {"discover tells the properties", test_discover},
    {"discover fails on what is no list", test_discover_broken},
    {"every call may be cancelled", test_cancelled},
    {"every request may be refused", test_refused},
    {"a missing scope is named", test_missing_scope},
    {"answers mean what HubSpot says", test_responses},
    {"arrays are walked within their bounds", test_arrays},
    {"strings are unquoted within their bounds", test_unquote},
    {"ids are compared as numbers", test_ids},
    {NULL, NULL},
};
