/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "model/value.h"

static void test_table(void)
{
    for (size_t o = 0; o < model_object_count; o++) {
        const struct model_object *object = &model_objects[o];
        CU_ASSERT(model_object(str_from(object->name)) == object);
        CU_ASSERT(model_object_by_id(object->id) == object);
        CU_ASSERT(!object->match || model_field(object, str_from(object->match)) >= 0);
        for (size_t i = 0; i < object->field_count; i++) {
            const struct model_field *f = &object->fields[i];
            CU_ASSERT(f->id >= 1 && f->id < FIELD_ID_CUSTOM);
            CU_ASSERT_EQUAL(model_field(object, str_from(f->name)), (int)i); /* no name twice */
            CU_ASSERT_EQUAL(f->kind == KIND_ENUM, f->choices != NULL);
            CU_ASSERT_EQUAL(f->kind == KIND_REFERENCE, f->references != NULL);
            CU_ASSERT(f->help && f->help[0]);
            for (size_t j = 0; j < i; j++)
                CU_ASSERT_NOT_EQUAL(object->fields[j].id, f->id);
        }
    }
}

static void test_decimals(void)
{
    static const struct {
        const char *text, *factor;
        int places;
        const char *units; /* NULL: refused */
    } cases[] = {
        {"12000.50", "1", 2, "1200050"},
        {"-0.005", "1", 2, "-1"},
        {"0.0049", "1", 2, "0"},
        {"0.125", "1", 2, "13"},
        {"1e3", "1", 2, "100000"},
        {"1.5E-2", "1", 3, "15"},
        {"250", "0.01", 0, "3"},
        {"249", "0.01", 0, "2"},
        {"12345", "0.01", 2, "12345"},
        {"92233720368547758.07", "1", 2, "9223372036854775807"},
        {"92233720368547758.08", "1", 2, NULL},
        {"1.2.3", "1", 2, NULL},
        {"", "1", 2, NULL},
        {".", "1", 2, NULL},
        {"1e99", "1", 2, NULL},
        {"12 ", "1", 2, NULL},
        {"N/A", "1", 2, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t units;
        char text[32] = "";
        bool ok = decimal_scale(str_from(cases[i].text), str_from(cases[i].factor), cases[i].places,
                                &units);
        CU_ASSERT_EQUAL(ok, cases[i].units != NULL);
        if (ok)
            snprintf(text, sizeof text, "%lld", (long long)units);
        if (cases[i].units)
            UNIT_TEXT(text, cases[i].units);
    }
}

/* What a text becomes and is written as again, or the complaint. */
static void expect_value(enum field_kind kind, const char *text, const char *expected)
{
    struct arena arena = {0};
    struct buf out = BUF_INIT(1000);
    struct value value;
    struct error err;
    if (value_parse(kind, str_from(text), &arena, &value, &err) == 0)
        value_write(&out, kind, &value);
    else
        buf_text(&out, err.text);
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
    arena_free(&arena);
}

static void test_values(void)
{
    expect_value(KIND_MONEY, "12000.5", "12000.50");
    expect_value(KIND_MONEY, "-3", "-3.00");
    expect_value(KIND_MONEY, "a lot", "'a lot' is no money");
    expect_value(KIND_INTEGER, "25.0", "25");
    expect_value(KIND_INTEGER, "25.5", "'25.5' is no integer");
    expect_value(KIND_BOOLEAN, "FALSE", "false");
    expect_value(KIND_BOOLEAN, "maybe", "'maybe' is no boolean");
    expect_value(KIND_DATE, "2026-01-31", "2026-01-31");
    expect_value(KIND_DATE, "2026-02-31", "'2026-02-31' is no date");
    expect_value(KIND_TIME, "2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z");
    expect_value(KIND_TIME, "Invalid Date", "'Invalid Date' is no time");
    expect_value(KIND_NUMBER, "1.50", "1.5");
    expect_value(KIND_LIST, "[\"a\",\"b\"]", "[\"a\",\"b\"]");
    expect_value(KIND_LIST, "[1]", "'[1]' is no list");
    expect_value(KIND_TEXT, "any \xc3\xbc", "any \xc3\xbc");
}

static void test_emails(void)
{
    static const char *const good[] = {"a@b.co", "Jane.O'Neil+x@sub.example.com",
                                       "j\xc3\xbcrg@b\xc3\xbc.de"};
    static const char *const bad[] = {"",          "a",        "@b.co",   "a@",
                                      "a@b",       "a b@c.de", ".a@b.co", "a.@b.co",
                                      "a..b@c.de", "a@-b.co",  "a@b..co", "a@b.co."};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CU_ASSERT(validate_email(str_from(good[i]), NULL) == 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT(validate_email(str_from(bad[i]), NULL) == -1);
}

static void test_phones_and_urls(void)
{
    static const char *const phones[] = {"+41 44 123 45 67", "(555) 123-4567 ext. 5", "12345"};
    static const char *const no_phones[] = {"1234", "call me", "1+2345", "123456789012345678901"};
    static const char *const urls[] = {"https://www.linkedin.com/in/x", "http://[::1]/"};
    static const char *const no_urls[] = {"linkedin.com/in/x", "ftp://x.y", "https://",
                                          "https://a b"};
    for (size_t i = 0; i < sizeof phones / sizeof phones[0]; i++)
        CU_ASSERT(validate_phone(str_from(phones[i]), NULL) == 0);
    for (size_t i = 0; i < sizeof no_phones / sizeof no_phones[0]; i++)
        CU_ASSERT(validate_phone(str_from(no_phones[i]), NULL) == -1);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        CU_ASSERT(validate_url(str_from(urls[i]), NULL) == 0);
    for (size_t i = 0; i < sizeof no_urls / sizeof no_urls[0]; i++)
        CU_ASSERT(validate_url(str_from(no_urls[i]), NULL) == -1);
}

static void test_validation(void)
{
    const struct model_object *account = model_object(STR("account"));
    const struct model_field *health = &account->fields[model_field(account, STR("health_score"))];
    const struct model_field *status = &account->fields[model_field(account, STR("status"))];
    const struct model_field *arr = &account->fields[model_field(account, STR("arr"))];
    struct error err;
    struct value v = {.state = VALUE_INTEGER, .integer = 101};
    CU_ASSERT(value_validate(health, &v, &err) == -1);
    UNIT_TEXT(err.text, "101 is not from 0 to 100");
    v.integer = 100;
    CU_ASSERT(value_validate(health, &v, &err) == 0);
    v.integer = INT64_C(1000000000000);
    CU_ASSERT(value_validate(arr, &v, &err) == -1);
    v = (struct value){.state = VALUE_TEXT, .text = STR("gone")};
    CU_ASSERT(value_validate(status, &v, &err) == -1);
    v.text = STR("churned");
    CU_ASSERT(value_validate(status, &v, &err) == 0);
    v = (struct value){0};
    CU_ASSERT(value_validate(status, &v, &err) == 0);
    CU_ASSERT(value_validate(&account->fields[0], &v, &err) == -1); /* name is required */
    v = (struct value){.state = VALUE_TEXT, .text = STR("a\0b")};
    CU_ASSERT(value_validate(&account->fields[0], &v, &err) == -1);
}

const char *const unit_suite = "model";
const struct unit_test unit_tests[] = {
    {"the table of objects is consistent", test_table},
    {"decimals are exact", test_decimals},
    {"texts become values", test_values},
    {"e-mail addresses", test_emails},
    {"phone numbers and URLs", test_phones_and_urls},
    {"ranges, choices and what is required", test_validation},
    {NULL, NULL},
};
