/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot simulator as a library, with a clock that the test moves: content, reading, limits
 * and the control door. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- seeded content ---- */

static void test_deterministic(void)
{
    struct sandbox *a = make_small(500, 500), *b = make_small(500, 500);
    for (int type = 0; type < 2; type++) {
        char *one = truth(a, type ? "contacts" : "companies");
        char *other = truth(b, type ? "contacts" : "companies");
        CU_ASSERT(strcmp(one, other) == 0);
        CU_ASSERT(strlen(one) > 100000);
        free(one);
        free(other);
    }
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.seed = 2;
    struct sandbox *c = make(&o);
    char *one = truth(a, "companies"), *other = truth(c, "companies");
    CU_ASSERT(strncmp(one, other, 500) != 0);
    free(one);
    free(other);
    sandbox_destroy(a);
    sandbox_destroy(b);
    sandbox_destroy(c);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many values a property has, and how many different ones. */
static void count_values(struct sandbox *s, const char *type, const char *property, size_t *ret_all,
                         size_t *ret_different)
{
    char *all = truth(s, type), path[64];
    char **values = calloc(10000, sizeof *values);
    size_t count = 0;
    snprintf(path, sizeof path, "properties.%s", property);
    for (char *line = strtok(all, "\n"); line && count < 10000; line = strtok(NULL, "\n")) {
        struct json_object *o = json_tokener_parse(line), *value = at(o, path);
        CU_ASSERT_PTR_NOT_NULL(o);
        if (value)
            values[count++] = strdup(json_object_get_string(value));
        json_object_put(o);
    }
    qsort(values, count, sizeof *values, by_text);
    *ret_all = count;
    *ret_different = count > 0;
    for (size_t i = 1; i < count; i++)
        *ret_different += strcmp(values[i - 1], values[i]) != 0;
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    free(values);
    free(all);
}

static void test_keys_are_unique(void)
{
    struct sandbox *s = make_small(4000, 4000);
    size_t all, different;
    count_values(s, "companies", "domain", &all, &different);
    CU_ASSERT_EQUAL(all, different);
    CU_ASSERT(all < 4000 && all > 3950);
    count_values(s, "contacts", "email", &all, &different);
    CU_ASSERT_EQUAL(all, different);
    CU_ASSERT(all < 3960 && all > 3860);
    count_values(s, "contacts", "associatedcompanyid", &all, &different);
    CU_ASSERT(all < 3950 && all > 3800);
    count_values(s, "companies", "hs_parent_company_id", &all, &different);
    CU_ASSERT(all > 200 && all < 600);
    sandbox_destroy(s);
}

static void test_dirty(void)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.dirty = 37;
    struct sandbox *clean = make_small(1000, 2000), *dirty = make(&o);
    char *a = truth(clean, "contacts"), *b = truth(dirty, "contacts"), *x = a, *y = b;
    size_t differ = 0;
    while (*x && *y) {
        size_t xn = strcspn(x, "\n"), yn = strcspn(y, "\n");
        differ += xn != yn || memcmp(x, y, xn) != 0;
        x += xn + 1;
        y += yn + 1;
    }
    CU_ASSERT_EQUAL(differ, 37);
    free(a);
    free(b);
    sandbox_destroy(clean);
    sandbox_destroy(dirty);
}

/* ---- reading ---- */

static void test_list_covers_all(void)
{
    struct sandbox *s = make_small(730, 10);
    char target[256] = COMPANY_LIST "?limit=100&properties=name&properties=domain,nonsense";
    uint64_t last = 0;
    size_t records = 0, pages = 0;
    for (bool more = true; more; pages++) {
        struct got got = ask(s, "GET", target, NULL);
        CU_ASSERT_EQUAL_FATAL(got.status, 200);
        for (size_t i = 0; i < length_at(&got, "results"); i++, records++) {
            struct json_object *r = json_object_array_get_idx(at(got.json, "results"), i);
            uint64_t id = strtoull(json_object_get_string(at(r, "id")), NULL, 10);
            CU_ASSERT(id > last);
            last = id;
            CU_ASSERT_EQUAL(json_object_object_length(at(r, "properties")), 5);
            UNIT_TEXT(json_object_get_string(at(r, "updatedAt")),
                      json_object_get_string(at(r, "properties.hs_lastmodifieddate")));
        }
        more = at(got.json, "paging") != NULL;
        snprintf(target, sizeof target,
                 COMPANY_LIST "?limit=100&properties=name&properties=domain,nonsense&after=%s",
                 text_at(&got, "paging.next.after"));
        done(&got);
    }
    CU_ASSERT_EQUAL(records, 730);
    CU_ASSERT_EQUAL(pages, 8);
    sandbox_destroy(s);
}

static void test_list_refuses(void)
{
    struct sandbox *s = make_small(10, 10);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST "?limit=101", NULL), 400);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST "?limit=0", NULL), 400);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST "?after=x", NULL), 400);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/objects/unicorns", NULL), 404);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", COMPANY_LIST, NULL), 405);
    CU_ASSERT_EQUAL(status_of(s, "PUT", COMPANY_LIST "/1", NULL), 405);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST "/1", NULL), 404);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/objects/2026-03/companies?limit=100", NULL), 200);
    char longest[17000] = COMPANY_LIST "?properties=";
    memset(longest + strlen(longest), 'x', 16500);
    CU_ASSERT_EQUAL(status_of(s, "GET", longest, NULL), 414);
    sandbox_destroy(s);
}

static void test_get_and_batch(void)
{
    struct sandbox *s = make_small(20, 20);
    char id[32], email[128], target[256], body[512];
    struct got got = ask(s, "GET", "/crm/v3/objects/contacts?limit=1", NULL);
    snprintf(id, sizeof id, "%s", text_at(&got, "results.0.id"));
    snprintf(email, sizeof email, "%s", text_at(&got, "results.0.properties.email"));
    done(&got);
    snprintf(target, sizeof target, "/crm/v3/objects/contacts/%s?properties=phone", id);
    got = ask(s, "GET", target, NULL);
    UNIT_TEXT(text_at(&got, "id"), id);
    done(&got);

    snprintf(body, sizeof body, "{\"inputs\":[{\"id\":\"%s\"}],\"properties\":[\"email\"]}", id);
    got = ask(s, "POST", "/crm/v3/objects/contacts/batch/read", body);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_PTR_NULL(at(got.json, "errors"));
    done(&got);
    snprintf(body, sizeof body, "{\"inputs\":[{\"id\":\"%s\"},{\"id\":\"77\"}]}", id);
    got = ask(s, "POST", "/crm/v3/objects/contacts/batch/read", body);
    CU_ASSERT_EQUAL(got.status, 207);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 1);
    UNIT_TEXT(text_at(&got, "errors.0.context.ids.0"), "77");
    done(&got);
    snprintf(body, sizeof body,
             "{\"idProperty\":\"email\",\"inputs\":[{\"id\":\"%s\"},{\"id\":\"%s\"}]}", email,
             email);
    got = ask(s, "POST", "/crm/v3/objects/contacts/batch/read", body);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 1);
    UNIT_TEXT(text_at(&got, "results.0.id"), id);
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/crm/v3/objects/contacts/batch/read",
                              "{\"idProperty\":\"city\",\"inputs\":[{\"id\":\"x\"}]}"),
                    400);
    sandbox_destroy(s);
}

static void test_batch_is_bounded(void)
{
    struct sandbox *s = make_small(20, 20);
    char body[4096] = "{\"inputs\":[";
    for (int i = 0; i < 101; i++)
        strcat(body, i ? ",{\"id\":\"1\"}" : "{\"id\":\"1\"}");
    strcat(body, "]}");
    CU_ASSERT_EQUAL(status_of(s, "POST", "/crm/v3/objects/contacts/batch/read", body), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/crm/v3/objects/contacts/batch/read", "{\"inputs\":"),
                    400);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/crm/v3/objects/contacts/batch/read", "{}"), 400);
    sandbox_destroy(s);
}

static void test_properties(void)
{
    struct sandbox *s = make_small(1, 1);
    struct got got = ask(s, "GET", "/crm/v3/properties/companies", NULL);
    CU_ASSERT(length_at(&got, "results") >= 25);
    for (size_t i = 1; i < length_at(&got, "results"); i++) {
        struct json_object *before = json_object_array_get_idx(at(got.json, "results"), i - 1);
        struct json_object *o = json_object_array_get_idx(at(got.json, "results"), i);
        CU_ASSERT(strcmp(json_object_get_string(at(before, "name")),
                         json_object_get_string(at(o, "name"))) < 0);
    }
    done(&got);
    got = ask(s, "GET", "/crm/v3/properties/contacts/hs_object_id", NULL);
    UNIT_TEXT(text_at(&got, "hasUniqueValue"), "true");
    UNIT_TEXT(text_at(&got, "modificationMetadata.readOnlyValue"), "true");
    done(&got);
    got = ask(s, "GET", "/account-info/v3/details", NULL);
    UNIT_TEXT(text_at(&got, "companyCurrency"), "USD");
    UNIT_TEXT(text_at(&got, "portalId"), "8675309");
    done(&got);
    sandbox_destroy(s);
}

/* ---- authentication and limits ---- */

static void test_tokens(void)
{
    struct sandbox *s = make_small(10, 10);
    struct got got = ask_as(s, NULL, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 401);
    UNIT_TEXT(text_at(&got, "category"), "INVALID_AUTHENTICATION");
    done(&got);
    got = ask_as(s, "Bearer sandbox-token-noscope", "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 403);
    UNIT_TEXT(text_at(&got, "category"), "MISSING_SCOPES");
    UNIT_TEXT(text_at(&got, "errors.0.context.requiredGranularScopes.0"),
              "crm.objects.companies.read");
    done(&got);
    got = ask_as(s, "Bearer sandbox-token-noscope", "GET", "/account-info/v3/details", NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/tokens",
                              "{\"token\":\"sandbox-token\",\"state\":\"revoked\"}"),
                    200);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST, NULL), 401);
    sandbox_destroy(s);
}

static void test_limits(void)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    struct sandbox *s = make(&o);
    for (int i = 0; i < 190; i++)
        CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST "?limit=1", NULL), 200);
    struct got got = ask(s, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 429);
    UNIT_TEXT(text_at(&got, "policyName"), "TEN_SECONDLY_ROLLING");
    UNIT_TEXT(sandbox_header(&got.response, "X-HubSpot-RateLimit-Remaining"), "0");
    done(&got);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{}"), 200);
    got = ask(s, "POST", CONTACT_SEARCH, "{}");
    CU_ASSERT_EQUAL(got.status, 429);
    UNIT_TEXT(text_at(&got, "policyName"), "SECONDLY");
    CU_ASSERT_PTR_NULL(sandbox_header(&got.response, "Retry-After"));
    CU_ASSERT_PTR_NULL(sandbox_header(&got.response, "X-HubSpot-RateLimit-Max"));
    done(&got);
    sandbox_advance(s, 1000);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{}"), 200);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST, NULL), 429);
    sandbox_advance(s, 9000);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST, NULL), 200);
    sandbox_destroy(s);
}

static void test_limits_off(void)
{
    struct sandbox *s = make_small(10, 10);
    for (int i = 0; i < 300; i++)
        CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{}"), 200);
    struct got got = ask(s, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_PTR_NULL(sandbox_header(&got.response, "X-HubSpot-RateLimit-Max"));
    UNIT_TEXT(sandbox_header(&got.response, "date"), "Sat, 03 Jan 2026 00:26:40 GMT");
    done(&got);
    sandbox_destroy(s);
}

/* ---- change ---- */

static void test_mutate(void)
{
    struct sandbox *s = make_small(300, 300), *twin = make_small(300, 300);
    static const char wish[] = "{\"companies\":50,\"contacts\":20,\"seed\":9,\"create\":"
                               "{\"companies\":3},\"archive\":{\"contacts\":4}}";
    char *before = truth(s, "companies");
    struct got got = ask(s, "POST", "/__sandbox/mutate", wish);
    CU_ASSERT_EQUAL(got.status, 200);
    UNIT_TEXT(text_at(&got, "changed.companies"), "50");
    UNIT_TEXT(text_at(&got, "created.companies"), "3");
    UNIT_TEXT(text_at(&got, "archived.contacts"), "4");
    UNIT_TEXT(text_at(&got, "modified.from"), "2026-01-03T00:26:40.001Z");
    UNIT_TEXT(text_at(&got, "modified.to"), "2026-01-03T00:26:40.077Z");
    done(&got);
    char *after = truth(s, "companies"), *x = before, *y = after;
    size_t changed = 0, lines = 0;
    for (; *x; lines++) {
        size_t xn = strcspn(x, "\n"), yn = strcspn(y, "\n");
        changed += xn != yn || memcmp(x, y, xn) != 0;
        x += xn + 1;
        y += yn + 1;
    }
    CU_ASSERT_EQUAL(lines, 300);
    CU_ASSERT_EQUAL(changed, 50);
    for (; *y; lines++)
        y += strcspn(y, "\n") + 1;
    CU_ASSERT_EQUAL(lines, 303);

    got = ask(twin, "POST", "/__sandbox/mutate", wish);
    done(&got);
    char *other = truth(twin, "companies");
    CU_ASSERT(strcmp(after, other) == 0);
    got = ask(s, "GET", "/crm/v3/objects/contacts?archived=true&limit=100", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 4);
    CU_ASSERT_PTR_NOT_NULL(at(got.json, "results.0.archivedAt"));
    done(&got);
    got = ask(s, "POST", CONTACT_SEARCH, "{}");
    UNIT_TEXT(text_at(&got, "total"), "296");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate", "{\"companies\":-1}"), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate", "{\"companies\":\"x\"}"), 400);
    free(before);
    free(after);
    free(other);
    sandbox_destroy(s);
    sandbox_destroy(twin);
}

static void test_lag(void)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.lag_ms = 5000;
    o.limits_factor = 0;
    struct sandbox *s = make(&o);
    static const char since[] =
        FILTER("hs_lastmodifieddate", "GTE", ",\"value\":\"1767400000000\"");
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate",
                              "{\"companies\":10,\"create\":{\"companies\":1}}"),
                    200);
    CU_ASSERT_EQUAL(total_of(s, since), 0);
    CU_ASSERT_EQUAL(total_of(s, FILTER("name", "HAS_PROPERTY", "")), 1000);
    CU_ASSERT_EQUAL(truth_between(s, "2026-01-03T00:26:40.000Z", "9"), 11);
    sandbox_advance(s, 4995);
    CU_ASSERT_EQUAL(total_of(s, since), 6);
    sandbox_advance(s, 4);
    CU_ASSERT_EQUAL(total_of(s, since), 10);
    sandbox_advance(s, 1);
    CU_ASSERT_EQUAL(total_of(s, since), 11);
    CU_ASSERT_EQUAL(total_of(s, FILTER("name", "HAS_PROPERTY", "")), 1001);
    sandbox_destroy(s);
}

static void test_faults(void)
{
    struct sandbox *s = make_small(100, 100);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/faults",
                              "{\"path\":\"/crm/v3/objects/companies\",\"status\":503,\"count\":2,"
                              "\"kind\":\"status\",\"retry_after\":7}"),
                    200);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/objects/contacts", NULL), 200);
    struct got got = ask(s, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 503);
    UNIT_TEXT(sandbox_header(&got.response, "Retry-After"), "7");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{}"), 503);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST, NULL), 200);

    static const char *const kinds[] = {"truncate", "reset", "slow", "malformed"};
    static const enum sandbox_wire wires[] = {SANDBOX_WIRE_TRUNCATE, SANDBOX_WIRE_RESET,
                                              SANDBOX_WIRE_SLOW, SANDBOX_WIRE_WHOLE};
    for (size_t i = 0; i < 4; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"kind\":\"%s\"}", kinds[i]);
        CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/faults", body), 200);
        got = ask(s, "GET", COMPANY_LIST, NULL);
        CU_ASSERT_EQUAL(got.response.wire, wires[i]);
        CU_ASSERT_EQUAL(got.json == NULL, i == 3);
        done(&got);
    }
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/faults", "{\"status\":429,\"count\":9}"), 200);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST, NULL), 429);
    CU_ASSERT_EQUAL(status_of(s, "DELETE", "/__sandbox/faults", NULL), 200);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST, NULL), 200);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/faults", "{\"kind\":\"odd\"}"), 400);
    sandbox_destroy(s);
}

/* How many of `n` list pages have the fault, as places in `where` (which may be NULL). */
static int faulty(struct sandbox *s, int n, bool *where)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool wrong = status_of(s, "GET", COMPANY_LIST, NULL) != 200;
        count += wrong;
        if (where)
            where[i] = wrong;
    }
    return count;
}

static struct sandbox *make_with_fault(uint64_t seed, const char *spec)
{
    struct sandbox_options options;
    char error[300];
    sandbox_options_default(&options);
    options.seed = seed;
    options.limits_factor = 0;
    struct sandbox *s = make(&options);
    UNIT_TEXT(sandbox_add_fault(s, spec, error, sizeof error) == 0 ? "" : error, "");
    return s;
}

static void test_fault_rates(void)
{
    bool first[500], again[500], other[500];
    struct sandbox *s = make_with_fault(3, "rate=0.02");
    CU_ASSERT_EQUAL(faulty(s, 500, first), 10);
    sandbox_destroy(s);
    s = make_with_fault(3, "rate=0.02");
    faulty(s, 500, again);
    sandbox_destroy(s);
    s = make_with_fault(4, "rate=0.02");
    faulty(s, 500, other);
    CU_ASSERT_EQUAL(memcmp(first, again, sizeof first), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(first, other, sizeof first), 0);
    sandbox_destroy(s);

    /* Twenty kinds that meet lose none; each is counted by its name. */
    s = make_with_fault(5, "rate=0.02");
    for (int status = 510; status < 529; status++) {
        char spec[60], error[300];
        snprintf(spec, sizeof spec, "rate=0.02,status=%d", status);
        CU_ASSERT_EQUAL(sandbox_add_fault(s, spec, error, sizeof error), 0);
    }
    CU_ASSERT(abs(faulty(s, 1000, NULL) - 400) <= 20);
    struct got got = ask(s, "GET", "/__sandbox/stats", NULL);
    for (int status = 510; status < 529; status++) {
        char path[60];
        snprintf(path, sizeof path, "fault_kinds.%d", status);
        CU_ASSERT(atoi(text_at(&got, path)) >= 19);
    }
    done(&got);
    sandbox_destroy(s);

    s = make_with_fault(6, "rate=1,count=3,after=2");
    CU_ASSERT_EQUAL(faulty(s, 10, first), 3);
    CU_ASSERT(!first[0] && !first[1] && first[2] && first[3] && first[4] && !first[5]);
    sandbox_destroy(s);
}

static void test_fault_scope(void)
{
    struct sandbox *s = make_with_fault(1, "type=contacts,count=1,after=1");
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{}"), 200);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/objects/contacts", NULL), 200);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST, NULL), 200);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/properties/contacts", NULL), 503);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/properties/contacts", NULL), 200);
    static const char *const wrong[] = {"kind=odd",     "rate=0", "rate=1.5", "rate=x",  "count=0",
                                        "status=99999", "kind",   "=3",       "bogus=1", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char error[300] = "";
        CU_ASSERT_EQUAL(sandbox_add_fault(s, wrong[i], error, sizeof error), -1);
        CU_ASSERT(strstr(error, "wanted") || strstr(error, "known"));
    }
    sandbox_destroy(s);
}

static void test_fault_kinds(void)
{
    struct sandbox *s = make_with_fault(1, "kind=html");
    struct got got = ask(s, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_PTR_NULL(got.json);
    UNIT_TEXT(sandbox_header(&got.response, "Content-Type"), "text/html; charset=utf-8");
    done(&got);
    static const struct {
        const char *spec;
        enum sandbox_wire wire;
    } kinds[] = {{"kind=hang", SANDBOX_WIRE_HANG},
                 {"kind=reset_body", SANDBOX_WIRE_RESET_BODY},
                 {"kind=malformed,count=2", SANDBOX_WIRE_WHOLE},
                 {"kind=status", SANDBOX_WIRE_WHOLE}}; /* the second malformed one comes first */
    for (size_t i = 0; i < 4; i++) {
        char error[300];
        CU_ASSERT_EQUAL(sandbox_add_fault(s, kinds[i].spec, error, sizeof error), 0);
        got = ask(s, "GET", COMPANY_LIST, NULL);
        CU_ASSERT_EQUAL(got.response.wire, kinds[i].wire);
        CU_ASSERT_EQUAL(got.json == NULL, i >= 2);
        done(&got);
    }
    sandbox_destroy(s);
}

static void test_fault_echo(void)
{
    struct sandbox *s = make_with_fault(1, "kind=echo,member=id");
    struct got got = ask(s, "GET", COMPANY_LIST, NULL);
    const char *header = sandbox_header(&got.response, "X-Echo");
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT_PTR_NOT_NULL_FATAL(header);
    CU_ASSERT_PTR_NOT_NULL(strstr(header, "Bearer sandbox-token "));
    CU_ASSERT_PTR_NOT_NULL(strstr(header, " c2FuZGJveC10b2tlbg== "));
    CU_ASSERT_PTR_NOT_NULL(strstr(header, " Bearer%20sandbox-token "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "results.0.id"), header));
    done(&got);
    char error[300];
    CU_ASSERT_EQUAL(sandbox_add_fault(s, "kind=echo,status=400", error, sizeof error), 0);
    got = ask(s, "GET", COMPANY_LIST, NULL);
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "message"), "sandbox-token"));
    done(&got);
    sandbox_destroy(s);
}

static void test_control(void)
{
    struct sandbox *s = make_small(10, 10);
    struct got got = ask(s, "POST", "/__sandbox/clock", "{\"set\":\"2026-05-01T10:00:00Z\"}");
    UNIT_TEXT(text_at(&got, "now"), "2026-05-01T10:00:00.000Z");
    done(&got);
    sandbox_tick(s, START_MS + 1500);
    got = ask(s, "POST", "/__sandbox/clock", "{\"advance_ms\":2000}");
    UNIT_TEXT(text_at(&got, "now"), "2026-05-01T10:00:03.500Z");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/clock", "{\"set\":\"yesterday\"}"), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_SEARCH, "{\"limit\":5}"), 200);
    got = ask(s, "GET", "/__sandbox/stats", NULL);
    UNIT_TEXT(text_at(&got, "search"), "1");
    UNIT_TEXT(text_at(&got, "records_served"), "5");
    done(&got);
    got = ask(s, "GET", "/__sandbox/requests", NULL);
    UNIT_TEXT(text_at(&got, "requests.0.target"), COMPANY_SEARCH);
    UNIT_TEXT(text_at(&got, "requests.0.body"), "{\"limit\":5}");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/__sandbox/truth/unicorns", NULL), 404);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/__sandbox", NULL), 200);
    CU_ASSERT_EQUAL(status_of(s, "PUT", "/__sandbox/clock", NULL), 405);
    sandbox_destroy(s);
}

/* ---- real companies ---- */

static void test_csv(void)
{
    char path[] = "/tmp/test_sandbox_XXXXXX", error[256];
    int fd = mkstemp(path);
    static const char rows[] = "\xEF\xBB\xBFSymbol,Security,GICS Sector,Headquarters Location\r\n"
                               "A,\"Big, \"\"Fine\"\" Co\",Energy,\"Saint Paul, Minnesota\"\r\n"
                               "B,Plain Ltd,Utilities,Rome\n"
                               "C,Unread,Utilities,Rome";
    CU_ASSERT_EQUAL_FATAL(write(fd, rows, sizeof rows - 1), sizeof rows - 1);
    close(fd);
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.companies = 2;
    o.companies_from = path;
    struct sandbox *s = make(&o);
    struct got got =
        ask(s, "GET", COMPANY_LIST "?properties=name,domain,city,state,industry", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 2);
    UNIT_TEXT(text_at(&got, "results.0.properties.name"), "Big, \"Fine\" Co");
    UNIT_TEXT(text_at(&got, "results.0.properties.domain"), "bigfineco.example");
    UNIT_TEXT(text_at(&got, "results.0.properties.city"), "Saint Paul");
    UNIT_TEXT(text_at(&got, "results.0.properties.state"), "Minnesota");
    UNIT_TEXT(text_at(&got, "results.0.properties.industry"), "OIL_ENERGY");
    UNIT_TEXT(text_at(&got, "results.1.properties.name"), "Plain Ltd");
    done(&got);
    sandbox_destroy(s);
    unlink(path);
    CU_ASSERT_PTR_NULL(sandbox_create("hubspot", &o, error, sizeof error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, path));
}

/* ---- properties that change ---- */

#define PROPERTIES "/__sandbox/properties"

static void test_property_removed(void)
{
    struct sandbox *s = make_small(3, 3);
    struct got got = ask(s, "GET", "/crm/v3/properties/companies", NULL);
    size_t all = length_at(&got, "results");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES,
                              "{\"type\":\"companies\",\"property\":\"city\",\"do\":\"remove\"}"),
                    200);
    got = ask(s, "GET", "/crm/v3/properties/companies", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), all - 1);
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/properties/companies/city", NULL), 404);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/properties/contacts/city", NULL), 200);
    got = ask(s, "GET", COMPANY_LIST "?properties=name,city", NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    CU_ASSERT(json_object_object_get_ex(at(got.json, "results.0.properties"), "name", NULL));
    CU_ASSERT_FALSE(json_object_object_get_ex(at(got.json, "results.0.properties"), "city", NULL));
    done(&got);
    got = search(s, FILTER("city", "HAS_PROPERTY", ""), "");
    CU_ASSERT_EQUAL(got.status, 400);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&got, "message"), "city does not exist"));
    done(&got);
    got = search(s, FILTER("name", "HAS_PROPERTY", ""), ",\"properties\":[\"city\",\"name\"]");
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    char *all_records = truth(s, "companies");
    CU_ASSERT_PTR_NOT_NULL(strstr(all_records, "\"city\":\""));
    free(all_records);
    CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES,
                              "{\"type\":\"companies\",\"property\":\"city\",\"do\":\"restore\"}"),
                    200);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/properties/companies/city", NULL), 200);
    sandbox_destroy(s);
}

static void test_property_changed(void)
{
    struct sandbox *s = make_small(3, 3);
    struct got got = ask(s, "POST", PROPERTIES,
                         "{\"type\":\"companies\",\"property\":\"numberofemployees\",\"do\":"
                         "\"retype\",\"to\":\"string\"}");
    UNIT_TEXT(text_at(&got, "changed.0.retyped"), "string");
    done(&got);
    got = ask(s, "GET", "/crm/v3/properties/companies/numberofemployees", NULL);
    UNIT_TEXT(text_at(&got, "type"), "string");
    done(&got);
    got = ask(s, "GET", "/crm/v3/properties/companies/industry", NULL);
    size_t options = length_at(&got, "options");
    done(&got);
    CU_ASSERT_EQUAL(total_of(s, FILTER("industry", "EQ", ",\"value\":\"SPACE\"")), 0);
    CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES,
                              "{\"type\":\"companies\",\"property\":\"industry\",\"do\":"
                              "\"add_option\",\"option\":\"SPACE\",\"records\":2}"),
                    200);
    got = ask(s, "GET", "/crm/v3/properties/companies/industry", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "options"), options + 1);
    done(&got);
    CU_ASSERT_EQUAL(total_of(s, FILTER("industry", "EQ", ",\"value\":\"SPACE\"")), 2);
    static const char *const refused[] = {
        "{}",
        "{\"type\":\"companies\",\"property\":\"nope\",\"do\":\"remove\"}",
        "{\"type\":\"companies\",\"property\":\"hs_object_id\",\"do\":\"remove\"}",
        "{\"type\":\"companies\",\"property\":\"city\",\"do\":\"retype\",\"to\":\"x\"}",
        "{\"type\":\"companies\",\"property\":\"city\",\"do\":\"add_option\"}",
        "{\"type\":\"companies\",\"property\":\"city\",\"do\":\"fly\"}"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        CU_ASSERT_EQUAL(status_of(s, "POST", PROPERTIES, refused[i]), 400);
    sandbox_destroy(s);
}

static void test_create_refuses(void)
{
    struct sandbox_options o;
    char error[256];
    sandbox_options_default(&o);
    CU_ASSERT_PTR_NULL(sandbox_create("acme", &o, error, sizeof error));
    o.dirty = 3000;
    CU_ASSERT_PTR_NULL(sandbox_create("hubspot", &o, error, sizeof error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "dirty"));
}

const char *const unit_suite = "sandbox";
const struct unit_test unit_tests[] = {
    {"content follows from the seed", test_deterministic},
    {"domains and e-mails are unique", test_keys_are_unique},
    {"dirty records", test_dirty},
    {"a list covers all once", test_list_covers_all},
    {"a list refuses", test_list_refuses},
    {"get and batch read", test_get_and_batch},
    {"a batch is bounded", test_batch_is_bounded},
    {"properties and account", test_properties},
    {"tokens", test_tokens},
    {"rate limits", test_limits},
    {"no rate limits", test_limits_off},
    {"mutations", test_mutate},
    {"index lag", test_lag},
    {"faults", test_faults},
    {"faults by rate are even, and follow from the seed", test_fault_rates},
    {"faults of a type or path, and wrong ones", test_fault_scope},
    {"kinds of faults", test_fault_kinds},
    {"a credential is repeated", test_fault_echo},
    {"the control door", test_control},
    {"a property is removed and restored", test_property_removed},
    {"a property has another type, one more option", test_property_changed},
    {"real companies", test_csv},
    {"what create refuses", test_create_refuses},
    {0},
};
