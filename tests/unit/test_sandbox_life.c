/* SPDX-License-Identifier: Apache-2.0 */
/* Records that end in the HubSpot simulator, and those that come back. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACT_LIST "/crm/v3/objects/contacts"
#define DEAL_LIST    "/crm/v3/objects/deals"

typedef char id_text[24];

/* ---- asking ---- */

static void mutate(struct sandbox *s, const char *wish)
{
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate", wish), 200);
}

/* The id of the nth line of a truth. */
static void nth_id(struct sandbox *s, const char *type, int nth, id_text out)
{
    char *all = truth(s, type), *line = strtok(all, "\n");
    while (line && nth-- > 0)
        line = strtok(NULL, "\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    struct json_object *o = json_tokener_parse(line);
    snprintf(out, sizeof(id_text), "%s", json_object_get_string(at(o, "id")));
    json_object_put(o);
    free(all);
}

static size_t lines_of(struct sandbox *s, const char *type)
{
    char *all = truth(s, type);
    size_t lines = 0;
    for (const char *c = all; *c; c++)
        lines += *c == '\n';
    free(all);
    return lines;
}

/* A truth's record, or NULL. */
static struct json_object *find(struct sandbox *s, const char *type, const char *id)
{
    char *all = truth(s, type);
    struct json_object *found = NULL;
    for (char *line = strtok(all, "\n"); line && !found; line = strtok(NULL, "\n")) {
        struct json_object *o = json_tokener_parse(line);
        if (strcmp(json_object_get_string(at(o, "id")), id) == 0)
            found = o;
        else
            json_object_put(o);
    }
    free(all);
    return found;
}

static size_t listed(struct sandbox *s, const char *list, const char *archived, const char *id)
{
    char target[200];
    size_t found = 0;
    snprintf(target, sizeof target, "%s?limit=100&archived=%s", list, archived);
    struct got got = ask(s, "GET", target, NULL);
    for (size_t i = 0; i < length_at(&got, "results"); i++) {
        struct json_object *r = json_object_array_get_idx(at(got.json, "results"), i);
        found += strcmp(json_object_get_string(at(r, "id")), id) == 0;
    }
    done(&got);
    return found;
}

static int merge(struct sandbox *s, const char *list, const char *winner, const char *loser)
{
    char target[100], body[200];
    snprintf(target, sizeof target, "%s/merge", list);
    snprintf(body, sizeof body, "{\"primaryObjectId\":\"%s\",\"objectIdToMerge\":\"%s\"}", winner,
             loser);
    return status_of(s, "POST", target, body);
}

/* Whether a batch read has the record; asserts that it says so when not. */
static bool batch_has(struct sandbox *s, const char *list, const char *id)
{
    char target[100], body[200];
    snprintf(target, sizeof target, "%s/batch/read", list);
    snprintf(body, sizeof body, "{\"inputs\":[{\"id\":\"%s\"}],\"properties\":[\"name\"]}", id);
    struct got got = ask(s, "POST", target, body);
    bool has = length_at(&got, "results") == 1;
    CU_ASSERT_EQUAL(got.status, has ? 200 : 207);
    CU_ASSERT(has || strcmp(text_at(&got, "errors.0.context.ids.0"), id) == 0);
    done(&got);
    return has;
}

static bool search_has(struct sandbox *s, const char *id)
{
    char filter[200];
    snprintf(filter, sizeof filter, FILTER("hs_object_id", "EQ", ",\"value\":\"%s\""), id);
    return total_of(s, filter) == 1;
}

/* How many lines of one truth are not in the other. */
static size_t lines_not_in(const char *lines, const char *other)
{
    char *copy = strdup(lines);
    size_t missing = 0;
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
        missing += strstr(other, line) == NULL;
    free(copy);
    return missing;
}

/* ---- archive, restore ---- */

static void test_archive(void)
{
    struct sandbox *s = make_small(50, 50);
    id_text id;
    char *before = truth(s, "companies");
    mutate(s, "{\"archive\":{\"companies\":3}}");
    CU_ASSERT_EQUAL(lines_of(s, "companies"), 47);
    CU_ASSERT_EQUAL(lines_of(s, "companies/ended"), 3);
    nth_id(s, "companies/ended", 0, id);
    struct json_object *end = find(s, "companies/ended", id);
    UNIT_TEXT(json_object_get_string(at(end, "ended")), "archived");
    CU_ASSERT(strncmp(json_object_get_string(at(end, "at")), "2026-01-03T00:26:40.00", 22) == 0);
    json_object_put(end);
    CU_ASSERT_EQUAL(listed(s, COMPANY_LIST, "false", id), 0);
    CU_ASSERT_EQUAL(listed(s, COMPANY_LIST, "true", id), 1);
    CU_ASSERT_FALSE(batch_has(s, COMPANY_LIST, id));
    CU_ASSERT_FALSE(search_has(s, id));
    char *after = truth(s, "companies");
    CU_ASSERT_EQUAL(lines_not_in(after, before), 0);
    free(before);
    free(after);
    sandbox_destroy(s);
}

/* What comes back is, to the byte, what was there: its modified time did not move. */
static void test_restore(void)
{
    struct sandbox *s = make_small(50, 50);
    id_text id;
    mutate(s, "{\"companies\":20}");
    char *before = truth(s, "companies"), *deals = truth(s, "deals");
    mutate(s, "{\"archive\":{\"companies\":50}}");
    CU_ASSERT_EQUAL(lines_of(s, "companies"), 0);
    CU_ASSERT_EQUAL(lines_of(s, "companies/ended"), 50);
    char *without = truth(s, "deals");
    CU_ASSERT(strcmp(deals, without) != 0);
    struct got got = ask(s, "POST", "/__sandbox/mutate", "{\"restore\":{\"companies\":40}}");
    UNIT_TEXT(text_at(&got, "restored.companies"), "40");
    done(&got);
    CU_ASSERT_EQUAL(lines_of(s, "companies/ended"), 10);
    nth_id(s, "companies", 0, id);
    CU_ASSERT(batch_has(s, COMPANY_LIST, id) && search_has(s, id));
    got = ask(s, "POST", "/__sandbox/mutate", "{\"restore\":{\"companies\":40}}");
    UNIT_TEXT(text_at(&got, "restored.companies"), "10"); /* no more are there */
    done(&got);
    char *after = truth(s, "companies"), *deals_after = truth(s, "deals");
    CU_ASSERT(strcmp(before, after) == 0);
    CU_ASSERT(strcmp(deals, deals_after) == 0);
    CU_ASSERT_EQUAL(
        total_of(s, FILTER("hs_lastmodifieddate", "GT", ",\"value\":\"1767400000020\"")), 0);
    free(before);
    free(after);
    free(deals);
    free(without);
    free(deals_after);
    sandbox_destroy(s);
}

/* Search shows neither the end nor the return before its lag is over. */
static void test_lag(void)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.lag_ms = 5000;
    o.limits_factor = 0;
    o.companies = 50;
    struct sandbox *s = make(&o);
    static const char all[] = FILTER("hs_object_id", "HAS_PROPERTY", "");
    mutate(s, "{\"archive\":{\"companies\":50}}");
    CU_ASSERT_EQUAL(total_of(s, all), 50);
    sandbox_advance(s, 5000);
    CU_ASSERT_EQUAL(total_of(s, all), 0);
    mutate(s, "{\"restore\":{\"companies\":50}}");
    CU_ASSERT_EQUAL(total_of(s, all), 0);
    CU_ASSERT_EQUAL(lines_of(s, "companies"), 50);
    sandbox_advance(s, 5000);
    CU_ASSERT_EQUAL(total_of(s, all), 50);
    sandbox_destroy(s);
}

/* ---- merge ---- */

static void test_merge(void)
{
    struct sandbox *s = make_small(50, 50);
    id_text winner, loser;
    nth_id(s, "companies", 3, winner);
    nth_id(s, "companies", 9, loser);
    sandbox_advance(s, 60000);
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, winner, loser), 200);
    CU_ASSERT_EQUAL(listed(s, COMPANY_LIST, "false", loser), 0);
    CU_ASSERT_EQUAL(listed(s, COMPANY_LIST, "true", loser), 0);
    CU_ASSERT_FALSE(batch_has(s, COMPANY_LIST, loser));
    CU_ASSERT_FALSE(search_has(s, loser));
    CU_ASSERT_EQUAL(lines_of(s, "companies"), 49);
    struct json_object *end = find(s, "companies/ended", loser), *r = find(s, "companies", winner);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    UNIT_TEXT(json_object_get_string(at(end, "ended")), "merged");
    UNIT_TEXT(json_object_get_string(at(end, "into")), winner);
    UNIT_TEXT(json_object_get_string(at(r, "properties.hs_merged_object_ids")), loser);
    UNIT_TEXT(json_object_get_string(at(r, "updatedAt")), "2026-01-03T00:27:40.000Z");
    json_object_put(end);
    json_object_put(r);
    sandbox_destroy(s);
}

/* Of a chain the last winner has all ids, and stands for all. */
static void test_merge_chain(void)
{
    struct sandbox *s = make_small(50, 50);
    id_text ids[4];
    char expected[100];
    for (int i = 0; i < 4; i++)
        nth_id(s, "contacts", i, ids[i]);
    CU_ASSERT_EQUAL(merge(s, CONTACT_LIST, ids[1], ids[0]), 200);
    CU_ASSERT_EQUAL(merge(s, CONTACT_LIST, ids[2], ids[3]), 200);
    CU_ASSERT_EQUAL(merge(s, CONTACT_LIST, ids[2], ids[1]), 200);
    struct json_object *r = find(s, "contacts", ids[2]), *end = find(s, "contacts/ended", ids[0]);
    snprintf(expected, sizeof expected, "%s;%s;%s", ids[3], ids[1], ids[0]);
    UNIT_TEXT(json_object_get_string(at(r, "properties.hs_merged_object_ids")), expected);
    UNIT_TEXT(json_object_get_string(at(end, "into")), ids[2]);
    json_object_put(r);
    json_object_put(end);
    CU_ASSERT_EQUAL(merge(s, CONTACT_LIST, ids[1], ids[2]), 404); /* it is gone itself */
    sandbox_destroy(s);
}

static void test_merge_refused(void)
{
    struct sandbox *s = make_small(50, 50);
    id_text one, other;
    nth_id(s, "companies", 0, one);
    nth_id(s, "contacts", 0, other);
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, one, one), 400);
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, one, other), 404);
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, one, "77"), 404);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_LIST "/merge", "{}"), 404);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_LIST "/merge", "[]"), 400);
    CU_ASSERT_EQUAL(status_of(s, "GET", COMPANY_LIST "/merge", NULL), 405);
    mutate(s, "{\"archive\":{\"companies\":50}}");
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, one, one), 404);
    CU_ASSERT_EQUAL(lines_of(s, "companies/ended"), 50);
    sandbox_destroy(s);
}

/* As many as HubSpot takes, then one more. */
static void test_merge_many(void)
{
    struct sandbox *s = make_small(300, 10);
    id_text winner, loser;
    nth_id(s, "companies", 0, winner);
    for (int i = 0; i < 250; i++) {
        nth_id(s, "companies", 1, loser);
        CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, winner, loser), 200);
    }
    nth_id(s, "companies", 1, loser);
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, winner, loser), 414);
    CU_ASSERT_EQUAL(lines_of(s, "companies"), 50);
    sandbox_destroy(s);
}

/* ---- what pointed at the loser ---- */

/* A company that has contacts and deals, and how many records name it. */
static size_t naming(struct sandbox *s, const char *type, const char *path, const char *id)
{
    char *all = truth(s, type);
    size_t count = 0;
    for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
        struct json_object *o = json_tokener_parse(line), *value = at(o, path);
        count += value && strstr(json_object_get_string(value), id) != NULL;
        json_object_put(o);
    }
    free(all);
    return count;
}

/* The truth of a type with one company's id written over another's. */
static char *renamed(char *text, const char *from, const char *to)
{
    for (char *p = text; (p = strstr(p, from)) != NULL; p += strlen(to))
        memcpy(p, to, strlen(to)); /* ids of companies have one length */
    return text;
}

static void test_references_move(void)
{
    struct sandbox *s = make_small(20, 400);
    id_text winner, loser;
    nth_id(s, "companies", 3, winner);
    nth_id(s, "companies", 9, loser);
    CU_ASSERT_EQUAL_FATAL(strlen(winner), strlen(loser));
    size_t contacts = naming(s, "contacts", "properties.associatedcompanyid", loser);
    size_t deals = naming(s, "deals", "associations.companies", loser);
    CU_ASSERT(contacts > 5 && deals > 5);
    size_t had = naming(s, "contacts", "properties.associatedcompanyid", winner);
    char *expected = renamed(truth(s, "contacts"), loser, winner);
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, winner, loser), 200);
    /* No byte of a contact but that id has changed: no modified time, above all. */
    char *after = truth(s, "contacts");
    CU_ASSERT(strcmp(expected, after) == 0);
    CU_ASSERT_EQUAL(naming(s, "contacts", "properties.associatedcompanyid", winner),
                    had + contacts);
    CU_ASSERT_EQUAL(naming(s, "contacts", "associations.companies", loser), 0);
    CU_ASSERT_EQUAL(naming(s, "deals", "associations.companies", loser), 0);
    CU_ASSERT_EQUAL(naming(s, "companies", "properties.hs_parent_company_id", loser), 0);
    free(expected);
    free(after);
    /* An archived winner takes them along, and brings them back. */
    mutate(s, "{\"archive\":{\"companies\":19}}");
    CU_ASSERT_EQUAL(naming(s, "deals", "associations.companies", winner), 0);
    mutate(s, "{\"restore\":{\"companies\":19}}");
    CU_ASSERT(naming(s, "deals", "associations.companies", winner) >= deals);
    sandbox_destroy(s);
}

static void test_parents(void)
{
    struct sandbox *s = make_small(200, 10);
    char *all = truth(s, "companies");
    id_text child = "", parent = "", other;
    for (char *line = strtok(all, "\n"); line && !child[0]; line = strtok(NULL, "\n")) {
        struct json_object *o = json_tokener_parse(line);
        struct json_object *value = at(o, "properties.hs_parent_company_id");
        if (value) {
            snprintf(child, sizeof child, "%s", json_object_get_string(at(o, "id")));
            snprintf(parent, sizeof parent, "%s", json_object_get_string(value));
        }
        json_object_put(o);
    }
    free(all);
    CU_ASSERT_FATAL(child[0] != '\0');
    /* Into a third company: the child's parent is that one now. */
    int nth = 0;
    do
        nth_id(s, "companies", nth++, other);
    while (strcmp(other, child) == 0 || strcmp(other, parent) == 0);
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, other, parent), 200);
    struct json_object *r = find(s, "companies", child);
    UNIT_TEXT(json_object_get_string(at(r, "properties.hs_parent_company_id")), other);
    json_object_put(r);
    /* Into the child itself: nobody is their own parent. */
    CU_ASSERT_EQUAL(merge(s, COMPANY_LIST, child, other), 200);
    r = find(s, "companies", child);
    CU_ASSERT_PTR_NULL(at(r, "properties.hs_parent_company_id"));
    json_object_put(r);
    sandbox_destroy(s);
}

/* The winner of two deals has the companies of both, each once. */
static void test_associations_join(void)
{
    struct sandbox *s = make_small(50, 50);
    for (int pair = 0; pair < 20; pair++) {
        id_text winner, loser;
        nth_id(s, "deals", pair, winner);
        nth_id(s, "deals", pair + 1, loser);
        struct json_object *a = find(s, "deals", winner), *b = find(s, "deals", loser);
        CU_ASSERT_EQUAL(merge(s, DEAL_LIST, winner, loser), 200);
        struct json_object *c = find(s, "deals", winner);
        const char *joined = json_object_to_json_string(at(c, "associations.companies"));
        size_t count = json_object_array_length(at(c, "associations.companies")), expected = 0;
        struct json_object *from[] = {at(a, "associations.companies"),
                                      at(b, "associations.companies")};
        for (int side = 0; side < 2; side++)
            for (size_t i = 0; i < json_object_array_length(from[side]); i++) {
                const char *id = json_object_get_string(json_object_array_get_idx(from[side], i));
                CU_ASSERT_PTR_NOT_NULL(strstr(joined, id));
                expected += side == 0 || !strstr(json_object_to_json_string(from[0]), id);
            }
        CU_ASSERT_EQUAL(count, expected);
        json_object_put(a);
        json_object_put(b);
        json_object_put(c);
    }
    sandbox_destroy(s);
}

/* ---- by seed ---- */

static void test_mutate(void)
{
    static const char wish[] = "{\"seed\":4,\"companies\":9,\"archive\":{\"companies\":5,"
                               "\"deals\":2},\"merge\":{\"companies\":6,\"contacts\":3}}";
    static const char back[] = "{\"seed\":5,\"restore\":{\"companies\":2},\"merge\":{\"companies\":"
                               "2}}";
    struct sandbox *s = make_small(100, 100), *twin = make_small(100, 100);
    struct got got = ask(s, "POST", "/__sandbox/mutate", wish);
    UNIT_TEXT(text_at(&got, "archived.companies"), "5");
    UNIT_TEXT(text_at(&got, "archived.deals"), "2");
    UNIT_TEXT(text_at(&got, "merged.companies"), "6");
    UNIT_TEXT(text_at(&got, "merged.contacts"), "3");
    UNIT_TEXT(text_at(&got, "restored.companies"), "0");
    done(&got);
    CU_ASSERT_EQUAL(lines_of(s, "companies"), 89);
    CU_ASSERT_EQUAL(lines_of(s, "companies/ended"), 11);
    got = ask(s, "POST", "/__sandbox/mutate", back);
    UNIT_TEXT(text_at(&got, "restored.companies"), "2");
    UNIT_TEXT(text_at(&got, "merged.companies"), "2");
    done(&got);
    mutate(twin, wish);
    mutate(twin, back);
    static const char *const types[] = {"companies", "companies/ended", "contacts", "deals"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char *one = truth(s, types[i]), *other = truth(twin, types[i]);
        CU_ASSERT(strcmp(one, other) == 0);
        free(one);
        free(other);
    }
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate", "{\"merge\":{\"deals\":-1}}"), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate", "{\"restore\":{\"deals\":\"x\"}}"),
                    400);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/__sandbox/truth/companies/nonsense", NULL), 404);
    sandbox_destroy(s);
    sandbox_destroy(twin);
}

const char *const unit_suite = "sandbox life";
const struct unit_test unit_tests[] = {
    {"archived records are in their list alone", test_archive},
    {"restored records are as they were", test_restore},
    {"search sees ends and returns after its lag", test_lag},
    {"a merged record vanishes and its winner names it", test_merge},
    {"merges of merged records", test_merge_chain},
    {"merges that make no sense are refused", test_merge_refused},
    {"a record takes 250 in", test_merge_many},
    {"references move to the winner, and no modified time", test_references_move},
    {"parents move to the winner", test_parents},
    {"the winner has the associations of both", test_associations_join},
    {"mutations are the same for the same seed", test_mutate},
    {NULL, NULL},
};
