/* SPDX-License-Identifier: Apache-2.0 */
/* What a second answer adds to the records of a page. */
#include <stdlib.h>

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

/* A record's name becomes a field; one that is no text does not. */
static void test_title(void)
{
    static const struct page_spec spec = {
        .records = {"r", 1}, .id = {"id", 2}, .fields = {"p", 1}, .title = {"p.a b", 5}};
    struct page *page = page_new(
        blob_of("{\"r\":[{\"id\":\"1\",\"p\":{\"a b\":\"\\u00fc \\\"x\\\"\"}},"
                "{\"id\":\"2\",\"p\":{\"a b\":7}},{\"id\":\"3\",\"p\":{}},{\"id\":\"4\"}]}"));
    struct error err;
    CU_ASSERT_EQUAL_FATAL(page_parse(page, &spec, NULL, &err), 0);
    const struct json *title = json_member(page->records[0].fields, STR("{title}"));
    CU_ASSERT(str_is(json_string(title), "\xc3\xbc \"x\""));
    for (size_t i = 1; i < 3; i++)
        CU_ASSERT_PTR_NULL(json_member(page->records[i].fields, STR("{title}")));
    CU_ASSERT_EQUAL(page->result.rejected, 1);
    page_free(page);
}

/* Of what is no time nothing is told, and the record is taken. */
static void test_times(void)
{
    static const struct page_spec spec = {.records = {"r", 1},
                                          .id = {"id", 2},
                                          .fields = {"p", 1},
                                          .times = {"h", 1},
                                          .time = {"[0].t", 5}};
    struct page *page = page_new(blob_of(
        "{\"r\":[{\"id\":\"1\",\"p\":{},\"h\":{\"a\":[{\"t\":\"1970-01-01T00:00:07Z\"},{\"t\":1}],"
        "\"b\":[],\"c\":[{\"t\":\"x\"}],\"d\":[{}],\"e\":{\"t\":1},\"f\":[{\"t\":8000}]}},"
        "{\"id\":\"2\",\"p\":{},\"h\":[]},{\"id\":\"3\",\"p\":{}}]}"));
    struct error err;
    CU_ASSERT_EQUAL_FATAL(page_parse(page, &spec, NULL, &err), 0);
    const struct page_record *record = &page->records[0];
    CU_ASSERT_EQUAL_FATAL(record->time_count, 2);
    CU_ASSERT(str_is(record->times[0].field, "a") && record->times[0].at_us == 7000000);
    CU_ASSERT(str_is(record->times[1].field, "f") && record->times[1].at_us == 8000000);
    CU_ASSERT_EQUAL(page->records[1].time_count + page->records[2].time_count, 0);
    CU_ASSERT_EQUAL(page->result.rejected, 0);
    page_free(page);
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

/* Answers about one field are put together, whichever record's rest came in which. */
static void test_more_of_a_field(void)
{
    expect_fields(
        attached(
            "{\"rows\":[{\"from\":{\"id\":\"1\"},\"to\":[{\"id\":9},{\"id\":8}]},{\"from\":{"
            "\"id\":3},\"to\":[{\"id\":6}]}]}",
            "x",
            attached("{\"rows\":[{\"from\":{\"id\":1},\"to\":[{\"id\":7},{\"id\":9}]}]}", "x",
                     attached("{\"rows\":[{\"from\":{\"id\":1},\"to\":[{\"id\":10}]},{\"from\":"
                              "{\"id\":1},\"to\":[{\"id\":2}]}]}",
                              "x", NULL))),
        "{\"a\":1,\"x\":[\"2\",\"7\",\"8\",\"9\",\"10\"]}{}{\"x\":[\"6\"]}");
    /* What the vendor's own record has under that name is no value of an answer. */
    expect_fields(attached("{\"rows\":[{\"from\":{\"id\":1},\"to\":[{\"id\":7}]}]}", "a", NULL),
                  "{\"a\":[\"7\"]}{}{}");
}

/* Rows about records of another page, of none, or whose key is no id, are nobody's. */
static void test_unknown_ids(void)
{
    expect_fields(
        attached("{\"rows\":[{\"from\":{\"id\":\"2\"},\"to\":[{\"id\":1}]},{\"from\":{\"id\":\"\"},"
                 "\"to\":[{\"id\":1}]},{\"from\":{\"id\":[20]},\"to\":[{\"id\":1}]},{\"from\":7},"
                 "{\"from\":{\"id\":\"020\"},\"to\":[{\"id\":1}]},{\"from\":{\"id\":20.0},"
                 "\"to\":[{\"id\":1}]}]}",
                 "x", NULL),
        "{\"a\":1}{}{}");
}

/* One row: a value of `size` bytes for record 20. */
static struct ticket *large(size_t size, struct ticket *next)
{
    static const char begin[] = "{\"rows\":[{\"from\":{\"id\":20},\"to\":[{\"id\":\"",
                      end[] = "\"}]}]}";
    struct ticket *t = attached("", "x", next);
    char *value = mem_new(1, size);
    memset(value, next ? 'v' : 'w', size);
    blob_unref(t->body);
    t->body = blob_new(64u << 20);
    CU_ASSERT_EQUAL(blob_append(t->body, STR(begin), NULL), 0);
    CU_ASSERT_EQUAL(blob_append(t->body, (struct str){value, size}, NULL), 0);
    CU_ASSERT_EQUAL(blob_append(t->body, STR(end), NULL), 0);
    free(value);
    return t;
}

/* 16 MiB of values a record; the answer that brings too much is the one to blame. */
static void test_too_large(void)
{
    static const char complaint[] =
        "attached: the values of one record for 'x' are more than 16 MiB";
    expect_fields(large((16u << 20) - 3, NULL), complaint);
    expect_fields(large(9u << 20, large(9u << 20, NULL)), complaint);
    struct ticket *fits = large((16u << 20) - 4, NULL);
    struct page *page = page_new(blob_of("[{\"id\":\"20\",\"p\":{}}]"));
    static const struct page_spec spec = {.records = {"", 0}, .id = {"id", 2}, .fields = {"p", 1}};
    CU_ASSERT_EQUAL(page_parse(page, &spec, fits, NULL), 0);
    CU_ASSERT_EQUAL(json_length(json_member(page->records[0].fields, STR("x"))), 1);
    page_free(page);
    ticket_free(fits);
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

/* The merged ids of one record, by '|'; "rejected" when they cannot be read. */
static void expect_merged(const char *value, const char *expected)
{
    static const struct page_spec spec = {
        .records = {"r", 1}, .id = {"id", 2}, .fields = {"p", 1}, .merged = {"p.m", 3}};
    struct buf body = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
    struct error err = {0};
    buf_printf(&body, "{\"r\":[{\"id\":\"1\",\"p\":{\"m\":%s}}]}", value);
    struct page *page = page_new(blob_of(buf_cstr(&body)));
    CU_ASSERT_EQUAL_FATAL(page_parse(page, &spec, NULL, &err), 0);
    const struct page_record *record = &page->records[0];
    for (size_t i = 0; i < record->merged_count; i++)
        buf_printf(&out, "%.*s|", STR_ARG(record->merged[i]));
    UNIT_TEXT(record->rejected ? "rejected" : buf_cstr(&out), expected);
    CU_ASSERT(!record->rejected || record->merged_count == 0);
    page_free(page);
    buf_free(&body);
    buf_free(&out);
}

static void test_merged(void)
{
    expect_merged("null", "");
    expect_merged("\"\"", "");
    expect_merged("[]", "");
    expect_merged("[\"7\",8]", "7|8|");
    expect_merged("\"7; 8;;9 \"", "7|8|9|");
    expect_merged("42", "42|");
    expect_merged("\"7;1\"", "7|"); /* its own id aside */
    expect_merged("true", "rejected");
    expect_merged("{\"a\":1}", "rejected");
    expect_merged("[\"7\",null]", "rejected");
    expect_merged("[\"7\",{}]", "rejected");
}

/* 1,000 ids of 255 bytes are taken; an id or a byte more is not. */
static void test_merged_bounds(void)
{
    struct buf list = BUF_INIT(1 << 20), expected = BUF_INIT(1 << 20);
    buf_char(&list, '[');
    for (int i = 0; i < 1000; i++) {
        buf_printf(&list, "%s\"%0255d\"", i > 0 ? "," : "", i);
        buf_printf(&expected, "%0255d|", i);
    }
    size_t len = list.len;
    buf_char(&list, ']');
    expect_merged(buf_cstr(&list), buf_cstr(&expected));
    list.len = len;
    buf_text(&list, ",7]");
    expect_merged(buf_cstr(&list), "rejected");
    buf_clear(&list);
    buf_printf(&list, "\"%0256d\"", 1);
    expect_merged(buf_cstr(&list), "rejected");
    buf_free(&list);
    buf_free(&expected);
}

const char *const unit_suite = "page";
const struct unit_test unit_tests[] = {
    {"a record's title", test_title},
    {"when fields got their values", test_times},
    {"an attached answer's values become a field", test_joins},
    {"answers about one field are put together", test_more_of_a_field},
    {"rows about unknown records are left out", test_unknown_ids},
    {"values have a limit", test_too_large},
    {"a broken attached answer is named", test_broken},
    {"ids of merged records", test_merged},
    {"ids of merged records are bounded", test_merged_bounds},
    {NULL, NULL}};
