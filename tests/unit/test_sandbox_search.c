/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot simulator's search: windows, keyset walks, operators, caps. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Walks a window by keyset; the number of records, each once and in order. */
static size_t walk(struct sandbox *s, const char *from_ms, const char *to_ms)
{
    char filters[512], last[32] = "0";
    size_t found = 0, total = 0, n = 0;
    do {
        snprintf(filters, sizeof filters,
                 "{\"propertyName\":\"hs_lastmodifieddate\",\"operator\":\"GTE\",\"value\":\"%s\"},"
                 "{\"propertyName\":\"hs_lastmodifieddate\",\"operator\":\"LTE\",\"value\":\"%s\"},"
                 "{\"propertyName\":\"hs_object_id\",\"operator\":\"GT\",\"value\":\"%s\"}",
                 from_ms, to_ms, last);
        struct got got = search(s, filters,
                                ",\"limit\":200,\"sorts\":[{\"propertyName\":\"hs_object_id\","
                                "\"direction\":\"ASCENDING\"}]");
        n = length_at(&got, "results");
        if (found == 0)
            total = (size_t)json_object_get_int64(at(got.json, "total"));
        CU_ASSERT_EQUAL((size_t)json_object_get_int64(at(got.json, "total")), total - found);
        for (size_t i = 0; i < n; i++) {
            const char *id = json_object_get_string(
                at(json_object_array_get_idx(at(got.json, "results"), i), "id"));
            CU_ASSERT(strtoull(id, NULL, 10) > strtoull(last, NULL, 10));
            snprintf(last, sizeof last, "%s", id);
        }
        found += n;
        done(&got);
    } while (n == 200);
    return found;
}

static void test_keyset(void)
{
    struct sandbox *s = make_small(5000, 10);
    CU_ASSERT_EQUAL(walk(s, "0", "1767400000000"), 5000);
    size_t wanted = truth_between(s, "2025-03-01T00:00:00.000Z", "2025-05-01T00:00:00.000Z");
    CU_ASSERT(wanted > 500);
    CU_ASSERT_EQUAL(walk(s, "1740787200000", "1746057600000"), wanted);
    struct got got = ask(s, "POST", "/__sandbox/mutate", "{\"companies\":700,\"seed\":3}");
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    wanted = truth_between(s, "2025-03-01T00:00:00.000Z", "2025-05-01T00:00:00.000Z");
    CU_ASSERT_EQUAL(walk(s, "1740787200000", "1746057600000"), wanted);
    CU_ASSERT_EQUAL(walk(s, "1767400000000", "1767500000000"), 700);
    CU_ASSERT_EQUAL(walk(s, "0", "1767500000000"), 5000);
    sandbox_destroy(s);
}

static void test_same_modified(void)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.companies = 10101;
    o.same_modified = 10001;
    o.limits_factor = 0;
    struct sandbox *s = make(&o);
    struct got got = ask(s, "GET", COMPANY_LIST "?limit=1", NULL);
    char filter[256];
    snprintf(filter, sizeof filter,
             "{\"propertyName\":\"hs_lastmodifieddate\",\"operator\":\"EQ\",\"value\":\"%s\"}",
             text_at(&got, "results.0.updatedAt"));
    done(&got);
    CU_ASSERT_EQUAL(total_of(s, filter), 10001);
    sandbox_destroy(s);
}

static void test_cap(void)
{
    struct sandbox *s = make_small(10050, 1);
    struct got got = ask(s, "POST", COMPANY_SEARCH, "{\"limit\":200,\"after\":\"9800\"}");
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 200);
    UNIT_TEXT(text_at(&got, "paging.next.after"), "10000");
    UNIT_TEXT(text_at(&got, "total"), "10050");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{\"limit\":200,\"after\":\"10000\"}"),
                    400);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{\"limit\":201}"), 400);
    sandbox_destroy(s);
}

static void test_search_refuses(void)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{\"filterGroups\":[{}]}",
        "{\"filterGroups\":{}}",
        "{\"filterGroups\":[{\"filters\":[{\"propertyName\":\"nope\",\"operator\":\"EQ\","
        "\"value\":\"1\"}]}]}",
        "{\"filterGroups\":[{\"filters\":[{\"propertyName\":\"name\",\"operator\":\"LIKE\","
        "\"value\":\"1\"}]}]}",
        "{\"filterGroups\":[{\"filters\":[{\"propertyName\":\"name\",\"operator\":\"EQ\"}]}]}",
        "{\"filterGroups\":[{\"filters\":[{\"propertyName\":\"name\",\"operator\":\"IN\"}]}]}",
        "{\"filterGroups\":[{\"filters\":[{\"propertyName\":\"annualrevenue\",\"operator\":\"GT\","
        "\"value\":\"many\"}]}]}",
        "{\"filterGroups\":[{\"filters\":[{\"propertyName\":\"name\",\"operator\":\"BETWEEN\","
        "\"value\":\"1\"}]}]}",
        "{\"filterGroups\":[{\"filters\":[]},{\"filters\":[]},{\"filters\":[]},{\"filters\":[]},"
        "{\"filters\":[]},{\"filters\":[]}]}",
        "{\"sorts\":[\"name\",\"city\"]}",
        "{\"sorts\":[null]}",
        "{\"after\":\"-1\"}",
        "{\"filterGroups\":[{\"filters\":[1]}]}"};
    struct sandbox *s = make_small(10, 1);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        int status = status_of(s, "POST", COMPANY_SEARCH, bodies[i]);
        if (status != 400)
            fprintf(stderr, "%s: %d\n", bodies[i], status);
        CU_ASSERT_EQUAL(status, 400);
    }
    char longest[3100] = "{\"query\":\"";
    memset(longest + strlen(longest), 'x', 3000);
    strcat(longest, "\"}");
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, longest), 400);
    sandbox_destroy(s);
}

/* Seven filters in a group; nineteen in all. */
static void test_search_counts_filters(void)
{
    static const char one[] = "{\"propertyName\":\"name\",\"operator\":\"HAS_PROPERTY\"}";
    struct sandbox *s = make_small(10, 1);
    for (int groups = 1; groups <= 4; groups++) {
        char body[3000] = "{\"filterGroups\":[";
        int each = groups == 1 ? 7 : groups == 4 ? 5 : 6;
        for (int g = 0; g < groups; g++) {
            strcat(body, g ? ",{\"filters\":[" : "{\"filters\":[");
            for (int i = 0; i < each; i++) {
                strcat(body, i ? "," : "");
                strcat(body, one);
            }
            strcat(body, "]}");
        }
        strcat(body, "]}");
        CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, body),
                        groups == 1 || groups == 4 ? 400 : 200);
    }
    sandbox_destroy(s);
}

/* Two filters part the records: what passes one, what passes the other, and the rest. */
static void parts(struct sandbox *s, const char *one, const char *other, long long rest)
{
    long long a = total_of(s, one), b = total_of(s, other);
    CU_ASSERT(a > 0 && b > 0);
    CU_ASSERT_EQUAL(a + b + rest, 1000);
    if (a + b + rest != 1000)
        fprintf(stderr, "%s: %lld, %s: %lld\n", one, a, other, b);
}

static void test_operators(void)
{
    struct sandbox *s = make_small(1000, 10);
    long long no_revenue = total_of(s, FILTER("annualrevenue", "NOT_HAS_PROPERTY", ""));
    long long no_industry = total_of(s, FILTER("industry", "NOT_HAS_PROPERTY", ""));
    parts(s, FILTER("annualrevenue", "HAS_PROPERTY", ""),
          FILTER("annualrevenue", "NOT_HAS_PROPERTY", ""), 0);
    parts(s, FILTER("annualrevenue", "LT", ",\"value\":\"5e7\""),
          FILTER("annualrevenue", "GTE", ",\"value\":50000000"), no_revenue);
    parts(s, FILTER("industry", "EQ", ",\"value\":\"BANKING\""),
          FILTER("industry", "NEQ", ",\"value\":\"BANKING\""), no_industry);
    parts(s, FILTER("industry", "IN", ",\"values\":[\"BANKING\",\"RETAIL\"]"),
          FILTER("industry", "NOT_IN", ",\"values\":[\"BANKING\",\"RETAIL\"]"), no_industry);
    parts(s, FILTER("name", "CONTAINS_TOKEN", ",\"value\":\"gmbh\""),
          FILTER("name", "NOT_CONTAINS_TOKEN", ",\"value\":\"gmbh\""), 0);
    parts(s, FILTER("createdate", "LTE", ",\"value\":\"2025-01-01\""),
          FILTER("createdate", "GT", ",\"value\":\"1735689600000\""), 0);
    parts(s, FILTER("hs_lastmodifieddate", "LT", ",\"value\":\"2025-07-01T00:00:00Z\""),
          FILTER("hs_lastmodifieddate", "GTE", ",\"value\":\"1751328000000\""), 0);
    CU_ASSERT(total_of(s, FILTER("name", "CONTAINS_TOKEN", ",\"value\":\"*arb*\"")) > 0);
    CU_ASSERT_EQUAL(total_of(s, FILTER("city", "IN", ",\"values\":[\"Austin\"]")), 0);
    CU_ASSERT(total_of(s, FILTER("city", "IN", ",\"values\":[\"austin\"]")) > 0);
    CU_ASSERT(total_of(s, FILTER("city", "EQ", ",\"value\":\"aUSTIN\"")) > 0);
    sandbox_destroy(s);
}

/* At the very value of a record: what is below, at and above it is all there is. */
static void test_boundaries(void)
{
    static const char *const names[] = {"hs_lastmodifieddate", "hs_object_id", "createdate"};
    static const char *const ops[] = {"LT", "EQ", "GT", "LTE", "GTE"};
    struct sandbox *s = make_small(1000, 10);
    struct got got = ask(s, "GET", COMPANY_LIST "?limit=60", NULL);
    for (size_t n = 0; n < 3; n++) {
        long long totals[5];
        char path[64], filter[256];
        snprintf(path, sizeof path, "results.50.properties.%s", names[n]);
        for (size_t op = 0; op < 5; op++) {
            snprintf(filter, sizeof filter,
                     "{\"propertyName\":\"%s\",\"operator\":\"%s\",\"value\":\"%s\"}", names[n],
                     ops[op], text_at(&got, path));
            totals[op] = total_of(s, filter);
        }
        CU_ASSERT_EQUAL(totals[1], 1);
        CU_ASSERT_EQUAL(totals[0] + 1 + totals[2], 1000);
        CU_ASSERT_EQUAL(totals[3], totals[0] + 1);
        CU_ASSERT_EQUAL(totals[4], totals[2] + 1);
    }
    done(&got);
    sandbox_destroy(s);
}

static void test_sorts(void)
{
    struct sandbox *s = make_small(1000, 10);
    static const char *const directions[] = {"ASCENDING", "DESCENDING"};
    for (int d = 0; d < 2; d++) {
        char rest[256];
        double last = 0;
        snprintf(rest, sizeof rest,
                 ",\"limit\":200,\"properties\":[\"annualrevenue\"],\"sorts\":[{\"propertyName\":"
                 "\"annualrevenue\",\"direction\":\"%s\"}]",
                 directions[d]);
        struct got got = search(s, FILTER("annualrevenue", "HAS_PROPERTY", ""), rest);
        CU_ASSERT_EQUAL(length_at(&got, "results"), 200);
        for (size_t i = 0; i < length_at(&got, "results"); i++) {
            struct json_object *r = json_object_array_get_idx(at(got.json, "results"), i);
            double revenue = json_object_get_double(at(r, "properties.annualrevenue"));
            CU_ASSERT(i == 0 || (d ? revenue <= last : revenue >= last));
            last = revenue;
        }
        done(&got);
    }
    struct got got = ask(s, "POST", COMPANY_SEARCH,
                         "{\"limit\":2,\"sorts\":[{\"propertyName\":\"hs_object_id\","
                         "\"direction\":\"DESCENDING\"}]}");
    CU_ASSERT(strcmp(text_at(&got, "results.0.id"), text_at(&got, "results.1.id")) > 0);
    done(&got);
    sandbox_destroy(s);
}

const char *const unit_suite = "sandbox_search";
const struct unit_test unit_tests[] = {
    {"a keyset walk covers its window", test_keyset},
    {"10001 records at one time", test_same_modified},
    {"the cap of 10000", test_cap},
    {"search refuses", test_search_refuses},
    {"search counts filters", test_search_counts_filters},
    {"operators", test_operators},
    {"boundaries", test_boundaries},
    {"sorts", test_sorts},
    {0},
};
