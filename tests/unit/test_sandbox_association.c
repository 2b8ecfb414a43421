/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's associations: both sides, pages, and what is refused. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACT_COMPANIES "/crm/v4/associations/contacts/companies/batch/read"
#define COMPANY_CONTACTS  "/crm/v4/associations/companies/contacts/batch/read"

enum { CONTACTS_MADE = 60, PAIR_MAX = 40 };

static struct sandbox *make_pages(uint32_t page)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.companies = 5;
    o.contacts = CONTACTS_MADE;
    o.limits_factor = 0;
    o.association_page = page;
    return make(&o);
}

/* Ids of the first page of a list. */
static size_t ids_of(struct sandbox *s, const char *type, char ids[][24], size_t max)
{
    char target[80], path[40];
    snprintf(target, sizeof target, "/crm/v3/objects/%s?limit=100", type);
    struct got got = ask(s, "GET", target, NULL);
    size_t n = length_at(&got, "results");
    CU_ASSERT_FATAL(n <= max);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "results.%zu.id", i);
        snprintf(ids[i], sizeof ids[i], "%s", text_at(&got, path));
    }
    done(&got);
    return n;
}

struct pairs {
    char items[2 * CONTACTS_MADE][PAIR_MAX];
    size_t count, rounds;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Writes the inputs of the next round; an empty text when no row has more. */
static void take_rows(const struct got *got, bool turned, struct pairs *pairs, char *next,
                      size_t cap)
{
    size_t at = 0;
    for (size_t i = 0; i < length_at(got, "results"); i++) {
        char path[80], from[24];
        snprintf(path, sizeof path, "results.%zu.from.id", i);
        snprintf(from, sizeof from, "%s", text_at(got, path));
        snprintf(path, sizeof path, "results.%zu.to", i);
        size_t n = length_at(got, path);
        for (size_t k = 0; k < n && pairs->count < 2 * CONTACTS_MADE; k++) {
            snprintf(path, sizeof path, "results.%zu.to.%zu.toObjectId", i, k);
            const char *to = text_at(got, path);
            snprintf(pairs->items[pairs->count++], PAIR_MAX, "%s-%s", turned ? to : from,
                     turned ? from : to);
        }
        snprintf(path, sizeof path, "results.%zu.paging.next.after", i);
        if (*text_at(got, path))
            at += (size_t)snprintf(next + at, cap - at, "%s{\"id\":\"%s\",\"after\":\"%s\"}",
                                   at ? "," : "", from, text_at(got, path));
    }
    next[at] = '\0';
}

/* All pairs, as a client that follows the pages gets them; "contact-company" from either side. */
static void follow(struct sandbox *s, bool turned, struct pairs *pairs)
{
    static char ids[CONTACTS_MADE][24], inputs[16384], body[16500];
    size_t n = ids_of(s, turned ? "companies" : "contacts", ids, CONTACTS_MADE), at = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(inputs + at, sizeof inputs - at, "%s{\"id\":\"%s\"}", i ? "," : "",
                               ids[i]);
    *pairs = (struct pairs){.count = 0};
    while (inputs[0] && pairs->rounds < 100) {
        snprintf(body, sizeof body, "{\"inputs\":[%s]}", inputs);
        struct got got = ask(s, "POST", turned ? COMPANY_CONTACTS : CONTACT_COMPANIES, body);
        CU_ASSERT(got.status == 200 || got.status == 207);
        take_rows(&got, turned, pairs, inputs, sizeof inputs);
        done(&got);
        pairs->rounds++;
    }
    qsort(pairs->items, pairs->count, PAIR_MAX, by_text);
}

static bool same_pairs(const struct pairs *a, const struct pairs *b)
{
    for (size_t i = 0; a->count == b->count && i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return a->count == b->count;
}

static void test_both_sides(void)
{
    static struct pairs there, back;
    struct sandbox *s = make_pages(500);
    follow(s, false, &there);
    follow(s, true, &back);
    CU_ASSERT(there.count > 50 && there.count <= CONTACTS_MADE);
    CU_ASSERT(same_pairs(&there, &back));
    CU_ASSERT_EQUAL(back.rounds, 1);
    struct got got = ask(s, "POST", "/__sandbox/mutate", "{\"archive\":{\"contacts\":20}}");
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    size_t before = there.count;
    follow(s, false, &there);
    follow(s, true, &back);
    CU_ASSERT(there.count < before && there.count >= before - 20);
    CU_ASSERT(same_pairs(&there, &back));
    sandbox_destroy(s);
}

static void test_pages(void)
{
    static struct pairs whole, paged;
    struct sandbox *s = make_pages(500);
    follow(s, true, &whole);
    sandbox_destroy(s);
    for (uint32_t page = 1; page < 5; page++) {
        s = make_pages(page);
        follow(s, true, &paged);
        CU_ASSERT(same_pairs(&whole, &paged));
        CU_ASSERT(paged.rounds > 10 / page);
        sandbox_destroy(s);
    }
}

static void test_one_record(void)
{
    char companies[5][24], target[120], path[40];
    struct sandbox *s = make_pages(500);
    CU_ASSERT_EQUAL(ids_of(s, "companies", companies, 5), 5);
    snprintf(target, sizeof target, "/crm/v4/objects/companies/%s/associations/contacts",
             companies[0]);
    struct got all = ask(s, "GET", target, NULL);
    size_t count = length_at(&all, "results"), found = 0;
    CU_ASSERT(count > 3);
    CU_ASSERT_PTR_NULL(at(all.json, "paging"));
    for (char after[24] = "0"; after[0] && found <= count;) {
        snprintf(target, sizeof target,
                 "/crm/v4/objects/companies/%s/associations/contacts?limit=2&after=%s",
                 companies[0], after);
        struct got got = ask(s, "GET", target, NULL);
        char first[24];
        snprintf(path, sizeof path, "results.%zu.toObjectId", found);
        snprintf(first, sizeof first, "%s", text_at(&all, path));
        UNIT_TEXT(text_at(&got, "results.0.toObjectId"), first);
        found += length_at(&got, "results");
        snprintf(after, sizeof after, "%s", text_at(&got, "paging.next.after"));
        done(&got);
    }
    CU_ASSERT_EQUAL(found, count);
    done(&all);
    sandbox_destroy(s);
}

static void test_refused(void)
{
    char companies[5][24], target[120];
    struct sandbox *s = make_pages(500);
    ids_of(s, "companies", companies, 5);
    snprintf(target, sizeof target, "/crm/v4/objects/companies/%s/associations/contacts?limit=501",
             companies[0]);
    CU_ASSERT_EQUAL(status_of(s, "GET", target, NULL), 400);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v4/objects/companies/7/associations/contacts", NULL),
                    404);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_CONTACTS, "{\"inputs\":7}"), 400);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_CONTACTS, "{\"inputs\":[7,{\"id\":\"7\"}]}"), 207);
    CU_ASSERT_EQUAL(status_of(s, "POST", COMPANY_CONTACTS, "{\"inputs\":[]}"), 200);
    /* Notes are associated with nothing that follows deals. */
    CU_ASSERT_EQUAL(
        status_of(s, "POST", "/crm/v4/associations/notes/calls/batch/read", "{\"inputs\":[]}"),
        404);
    sandbox_destroy(s);
}

const char *const unit_suite = "sandbox associations";
const struct unit_test unit_tests[] = {
    {"both sides tell the same", test_both_sides},
    {"pages together are the whole", test_pages},
    {"one record's come in pages, too", test_one_record},
    {"what is no request for them is refused", test_refused},
    {NULL, NULL},
};
