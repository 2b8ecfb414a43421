/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for spreadsheets: what is written is read back, whatever it is, and is no formula. */
#include "unit.h"

#include <stdio.h>

#include "base/csv.h"

static struct buf told = BUF_INIT(64 * 1024);

/* Rows as lines, each cell as LINE:COLUMN=text. */
static const char *read_all(const char *text)
{
    struct arena arena = {0};
    struct csv_reader reader = csv_open(str_from(text), &arena);
    struct csv_cell cells[4];
    struct error err;
    size_t count;
    int more;
    buf_clear(&told);
    while ((more = csv_row(&reader, cells, 4, &count, &err)) > 0) {
        for (size_t i = 0; i < count; i++)
            buf_printf(&told, "%s%d:%d=%.*s", i > 0 ? " " : "", cells[i].line, cells[i].column,
                       STR_ARG(cells[i].text));
        buf_char(&told, '\n');
    }
    if (more < 0)
        buf_printf(&told, "%d:%d %s", reader.line, reader.column, err.text);
    arena_free(&arena);
    return buf_cstr(&told);
}

static void test_reads(void)
{
    UNIT_TEXT(read_all("a,b\r\n1,2\r\n"), "1:1=a 1:3=b\n2:1=1 2:3=2\n");
    UNIT_TEXT(read_all("a,b\n1,2"), "1:1=a 1:3=b\n2:1=1 2:3=2\n");
    UNIT_TEXT(read_all("\xEF\xBB\xBFu;v\n;\n\n\n\"x;\"\"y\"\"\";z"),
              "1:1=u 1:3=v\n2:1= 2:2=\n5:1=x;\"y\" 5:11=z\n");
    UNIT_TEXT(read_all("u\tv\n1,5\t2"), "1:1=u 1:3=v\n2:1=1,5 2:5=2\n");
    UNIT_TEXT(read_all("\"a\r\nb\",\xc3\xbc,c\nd"), "1:1=a\r\nb 2:4=\xc3\xbc 2:6=c\n3:1=d\n");
    UNIT_TEXT(read_all("a,b,c,d,e,f\n1"), "1:1=a 1:3=b 1:5=c 1:7=d\n2:1=1\n");
    UNIT_TEXT(read_all("in\"side,\"b\"c"), "1:1=in\"side 1:9=bc\n");
    UNIT_TEXT(read_all(""), "");
    UNIT_TEXT(read_all("a\n b,\"c\nd\ne"), "1:1=a\n2:4 the quote that begins here does not end");
}

static void test_round_trip(void)
{
    static const char *const texts[] = {"",
                                        "plain",
                                        "a,b",
                                        "a;b",
                                        "say \"x\"",
                                        "two\nlines",
                                        "\r",
                                        "=1+1",
                                        "+49",
                                        "-5",
                                        "@SUM(A1)",
                                        "\tx",
                                        "'quoted",
                                        "''twice",
                                        "123456789012",
                                        "0123",
                                        "12345678901",
                                        "0",
                                        " spaces ",
                                        "Z\xc3\xbcrich",
                                        "\xEF\xBC\x9D\x31",
                                        "=\"a\",b",
                                        "\"",
                                        "'"};
    size_t count = sizeof texts / sizeof texts[0];
    struct buf text = BUF_INIT(64 * 1024);
    struct arena arena = {0};
    struct csv_cell cells[2];
    struct error err;
    size_t n;
    for (size_t i = 0; i < count; i++) {
        csv_put(&text, str_from(texts[i]), true);
        csv_put(&text, str_from(texts[count - 1 - i]), false);
        csv_end_row(&text);
    }
    struct csv_reader reader = csv_open(buf_view(&text), &arena);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL(csv_row(&reader, cells, 2, &n, &err), 1);
        CU_ASSERT_EQUAL_FATAL(n, 2);
        UNIT_TEXT(arena_str(&arena, cells[0].text).ptr, texts[i]);
        UNIT_TEXT(arena_str(&arena, cells[1].text).ptr, texts[count - 1 - i]);
    }
    CU_ASSERT_EQUAL(csv_row(&reader, cells, 2, &n, &err), 0);
    buf_free(&text);
    arena_free(&arena);
}

static void test_no_formula(void)
{
    struct buf text = BUF_INIT(1024);
    csv_put(&text, STR("=HYPERLINK(\"x\",1)"), true);
    csv_put(&text, STR("21651036986123"), false);
    csv_put(&text, STR("12345"), false);
    csv_put(&text, STR("a=b"), false);
    csv_end_row(&text);
    UNIT_TEXT(buf_cstr(&text), "\"'=HYPERLINK(\"\"x\"\",1)\",'21651036986123,12345,a=b\r\n");
    buf_free(&text);
}

const char *const unit_suite = "csv";
const struct unit_test unit_tests[] = {{"rows, cells and their places", test_reads},
                                       {"what is written is read back", test_round_trip},
                                       {"no cell is a formula", test_no_formula},
                                       {NULL, NULL}};
