/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text mentions an e-mail address. */
#include "unit.h"

#include <stdio.h>

#include "base/address.h"

static const struct str an = STR("an@x.com");

struct sample {
    struct str text;
    bool found;
};

static void expect(const char *what, bool (*find)(struct str, struct str),
                   const struct sample *rows, size_t count, struct str address)
{
    for (size_t i = 0; i < count; i++)
        if (find(rows[i].text, address) != rows[i].found) {
            fprintf(stderr, "%s: %.*s: expected %s\n", what, STR_ARG(rows[i].text),
                    rows[i].found ? "the address" : "none");
            CU_FAIL("address");
        }
}

#define EXPECT(find, rows, address) expect(#find, find, rows, sizeof rows / sizeof rows[0], address)
#define ROW(text, found)                                                                           \
    {                                                                                              \
        STR(text), found                                                                           \
    }

static void test_where_it_ends(void)
{
    static const struct sample rows[] = {
        ROW("", false),
        ROW("an@x.com", true),
        ROW("AN@X.Com", true),
        ROW("ian@x.com", false),
        ROW("an@x.co", false),
        ROW("an@x.comp", false),
        ROW("write to an@x.com.", true),
        ROW("write to an@x.com...", true),
        ROW("is it an@x.com?", true),
        ROW("<an@x.com>;", true),
        ROW("mailto:an@x.com?subject=1", true),
        ROW("an@x.com.au", false),
        ROW("an@x.com-pany.de", false),
        ROW("an@x.com - an", true),
        ROW("an@x.com_", false),
        ROW("an@x.com@y.com", false),
        ROW("ian@x.com an@x.com.au, an@x.com", true),
        ROW("the contact 'an@x.com' is there twice", true),
        ROW("an@x.com's wish", true),
        ROW("o'an@x.com", false),
        ROW("...an@x.com", true),
        ROW("i.an@x.com", false),
        ROW("i_an@x.com i%an@x.com i+an@x.com i-an@x.com @an@x.com", false),
        ROW("a=an@x.com&b", true),
        ROW("an@x.com%20and more", true),
        ROW("an@an@x.com", false),
        ROW("an@x.com\0", true),
        ROW("\0an@x.com", true),
    };
    EXPECT(address_in_text, rows, an);
}

static void test_beyond_ascii(void)
{
    static const struct sample rows[] = {
        ROW("\u00e9an@x.com", false),
        ROW("an@x.com\u00e9", false),
        ROW("\u65e5an@x.com", false),
        ROW("\u201ean@x.com\u201c", true),
        ROW("\u00a0an@x.com\u2026", true),
        ROW("\uff1aan@x.com\u3002", true),
        ROW("\U0001f4e7an@x.com\U0001f4e7", true),
        ROW("\xe9"
            "an@x.com\xe9",
            true), /* Latin-1 */
        ROW("\xff"
            "an@x.com\xc3",
            true),
        ROW("\x80\x80\x80\x80\x80"
            "an@x.com",
            true),
    };
    EXPECT(address_in_text, rows, an);
    static const struct sample cases[] = {ROW("\u00e9a@x.com", true), ROW("\u00c9a@x.com", false)};
    EXPECT(address_in_text, cases, STR("\u00e9a@x.com"));
}

static void test_escapes(void)
{
    static const struct sample rows[] = {
        ROW("{\"e\":\"an@x.com\"}", true),
        ROW("{\"e\":\"ian@x.com\"}", false),
        ROW("\"\\nan@x.com\"", true),
        ROW("\"\\tan@x.com\\n\"", true),
        ROW("\"\\\"an@x.com\\\"\"", true),
        ROW("\"an\\u0040x.com\"", true),
        ROW("\"\\u0061\\u006E\\u0040x\\u002ecom\"", true),
        ROW("\"\\u0069an@x.com\"", false),
        ROW("\"\\u00e9an@x.com\"", false),
        ROW("\"\\u201ean@x.com\"", true),
        ROW("\"\\ud83d\\udce7an@x.com\"", true),
        ROW("\"\\ud83dan@x.com\"", true),
        ROW("\"\\udce7an@x.com\\ud83d\"", true),
        ROW("\"an@x.com\\", true),
        ROW("\"an@x.com\\u00", true),
        ROW("\"an\\u004\"", false),
        ROW("{\"raw\":\"{\\\"e\\\":\\\"\\\\nan@x.com\\\"}\"}", true),
        ROW("{\"raw\":\"{\\\"e\\\":\\\"an\\\\u0040x.com\\\"}\"}", true),
    };
    EXPECT(address_in_json, rows, an);
    static const struct sample slashes[] = {ROW("\"a\\/b@x.com\"", true),
                                            ROW("\"c\\/a\\/b@x.com\"", true)};
    EXPECT(address_in_json, slashes, STR("a/b@x.com"));
    /* It is her address in a text, and another one in JSON. */
    CU_ASSERT_TRUE(address_in_text(STR("\\nan@x.com"), STR("nan@x.com")));
    CU_ASSERT_FALSE(address_in_json(STR("\"\\nan@x.com\""), STR("nan@x.com")));
}

static void test_values(void)
{
    static const struct sample rows[] = {
        ROW("{\"e\":\"an@x.com\"}", true),
        ROW("{\"e\":\" AN@x.com\\n\"}", true),
        ROW("{\"a\":{\"e\":[1,\"an\\u0040x.com\"]}}", true),
        ROW("[{\"e\": \"an@x.com\" }]", true),
        ROW("{\"an@x.com\" : 1}", false),
        ROW("{\"e\":\"an@x.com.\"}", false),
        ROW("{\"e\":\"to an@x.com\"}", false),
        ROW("{\"e\":\"a \\\"an@x.com\"}", false),
        ROW("{\"e\":\"a \\\\\",\"f\":\"an@x.com\"}", true),
        ROW("{\"e\":\"ian@x.com\"}", false),
        ROW("an@x.com", false),
        ROW("\"an@x.com", true), /* cut off */
        ROW("\"an@x.com\\", false),
        ROW("", false),
    };
    EXPECT(address_is_value, rows, an);
}

const char *const unit_suite = "address";
const struct unit_test unit_tests[] = {
    {"where an address ends", test_where_it_ends},
    {"characters beyond ASCII", test_beyond_ascii},
    {"escapes of JSON", test_escapes},
    {"an address as a value", test_values},
    {NULL, NULL},
};
