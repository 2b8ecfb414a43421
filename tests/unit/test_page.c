/* SPDX-License-Identifier: Apache-2.0 */
/* What a second answer adds to the records of a page. */
#include "base/mem.h"
#include "sync/page.h"
#include "unit.h"

static struct blob *blob_of(const char *text)
{
    struct blob *blob = blob_new(1 << 20);
    CU_ASSERT_EQUAL(blob_append(blob, str_from(text), NULL), 0);
    return blob;
}

static struct ticket *attached(const char *body, const char *field, struct ticket *next)
{
    struct ticket *t = MEM_NEW(struct ticket);
    t->body = blob_of(body);
    t->attach = (struct attach_spec){.rows = STR("rows"),
                                     .key = STR("from.id"),
                                     .values = STR("to[*].id"),
                                     .field = str_from(field)};
    t->next = next;
    return t;
}

/* The fields of all records, or the complaint; frees what it is given. */
static void expect_fields(struct ticket *first, const char *expected)
{
    static const struct page_spec spec = {
        .records = {"r", 1}, .id = {"id", 2}, .fields = {"p", 1}, .next = {"", 0}};
    struct page *page = page_new(blob_of("{\"r\":[{\"id\":\"1\",\"p\":{\"a\":1}},{\"id\":\"20\","
                                         "\"p\":{}},{\"id\":3,\"p\":{}}]}"));
    struct ticket owner = {.attached = first};
    struct buf out = BUF_INIT(4096);
    struct error err = {0};
    if (page_parse(page, &spec, first, &err) != 0)
        buf_printf(&out, "%s%s", page->broken ? "attached: " : "", err.text);
    for (size_t i = 0; i < page->count && err.text[0] == '\0'; i++)
        json_write(&out, page->records[i].fields);
    UNIT_TEXT(buf_cstr(&out), expected);
    page_free(page);
    buf_free(&out);
    while (owner.attached) {
        struct ticket *t = owner.attached;
        owner.attached = t->next;
        ticket_free(t);
    }
}

static void test_joins(void)
{
    expect_fields(NULL, "{\"a\":1}{}{}");
    /* Sorted as numbers, each once; ids as text or number on either side; unknown rows ignored. */
    expect_fields(
        attached("{\"rows\":[{\"from\":{\"id\":1},\"to\":[{\"id\":100},{\"id\":\"9\"},{\"id\":100}"
                 "]},{\"from\":{\"id\":\"3\"},\"to\":[{\"id\":7}]},{\"from\":{\"id\":\"99\"},"
                 "\"to\":[{\"id\":1}]}]}",
                 "x.y", NULL),
        "{\"a\":1,\"x.y\":[\"9\",\"100\"]}{}{\"x.y\":[\"7\"]}");
    expect_fields(
        attached("{\"rows\":[]}", "x",
                 attached("{\"rows\":[{\"from\":{\"id\":\"20\"},\"to\":[{\"id\":5},{},{\"id\":null}"
                          "]},{\"to\":[]},7]}",
                          "y", NULL)),
        "{\"a\":1}{\"y\":[\"5\"]}{}");
}

static void test_broken(void)
{
    expect_fields(attached("{\"rows\":7}", "x", NULL),
                  "attached: there is no array of rows at 'rows'");
    struct ticket *good = attached("{\"rows\":[]}", "x", attached("{\"rows\":[", "y", NULL));
    struct page *page = page_new(blob_of("[]"));
    static const struct page_spec spec = {.records = {"", 0}, .id = {"id", 2}, .fields = {"p", 1}};
    struct error err;
    CU_ASSERT_EQUAL(page_parse(page, &spec, good, &err), -1);
    CU_ASSERT_PTR_EQUAL(page->broken, good->next);
    page_free(page);
    ticket_free(good->next);
    ticket_free(good);
}

const char *const unit_suite = "page";
const struct unit_test unit_tests[] = {{"an attached answer's values become a field", test_joins},
                                       {"a broken attached answer is named", test_broken},
                                       {NULL, NULL}};
