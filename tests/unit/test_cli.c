/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the command line that need nothing: arguments, tables, cleaning, schemas. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/width.h"
#include "config/reference.h"
#include "config/schema.h"
#include "model/model.h"

static struct arguments args;
static struct error err;

#define PARSE(...) arguments_parse((char *const[]){__VA_ARGS__, NULL}, &args, &err)

static char a_records[] = "records", a_account[] = "account", a_limit[] = "--limit", a_5[] = "5",
            a_json[] = "--json", a_c[] = "-c", a_dir[] = "dir", a_limit7[] = "--limit=7",
            a_dashes[] = "--", a_quarantine[] = "quarantine", a_list[] = "list",
            a_help[] = "--help", a_n3[] = "-n3", a_full[] = "--full", a_jsonx[] = "--json=x",
            a_wrong[] = "--limmit", a_word[] = "help", a_sync[] = "sync", a_minus[] = "-";

static void test_options_anywhere(void)
{
    int64_t limit = 1;
    CU_ASSERT_EQUAL(PARSE(a_c, a_dir, a_records, a_limit, a_5, a_account, a_json), 0);
    UNIT_TEXT(args.command->name, "records");
    CU_ASSERT_EQUAL(args.word_count, 1);
    UNIT_TEXT(args.words[0], "account");
    UNIT_TEXT(argument_value(&args, "config"), "dir");
    CU_ASSERT(argument_given(&args, "json"));
    CU_ASSERT_EQUAL(argument_number(&args, "limit", 0, &limit, &err), 0);
    CU_ASSERT_EQUAL(limit, 5);
    CU_ASSERT_EQUAL(PARSE(a_records, a_account, a_limit, a_5, a_limit7), 0);
    UNIT_TEXT(argument_value(&args, "limit"), "7"); /* the last counts */
    CU_ASSERT_EQUAL(PARSE(a_records, a_account, a_n3), 0);
    UNIT_TEXT(argument_value(&args, "limit"), "3");
}

/* `records --help` names whatever there is. */
static void test_objects_in_help(void)
{
    CU_ASSERT_EQUAL(PARSE(a_records, a_account), 0);
    for (size_t i = 0; i < model_object_count; i++)
        if (!strstr(args.command->text, model_objects[i].name))
            UNIT_TEXT(args.command->text, model_objects[i].name);
}

static void test_end_of_options(void)
{
    CU_ASSERT_EQUAL(PARSE(a_records, a_dashes, a_json), 0);
    UNIT_TEXT(args.words[0], "--json");
    CU_ASSERT_FALSE(argument_given(&args, "json"));
    CU_ASSERT_EQUAL(PARSE(a_records, a_minus), 0);
    UNIT_TEXT(args.words[0], "-");
}

static void test_two_words(void)
{
    CU_ASSERT_EQUAL(PARSE(a_quarantine, a_list), 0);
    UNIT_TEXT(args.command->name, "quarantine list");
    CU_ASSERT_EQUAL(PARSE(a_quarantine, a_help), 0);
    CU_ASSERT_PTR_NULL(args.command);
    UNIT_TEXT(args.group, "quarantine");
    CU_ASSERT_EQUAL(PARSE(a_word, a_sync), 0);
    CU_ASSERT(args.help);
    UNIT_TEXT(args.command->name, "sync");
}

static void test_wrong_arguments(void)
{
    CU_ASSERT_EQUAL(PARSE(a_records, a_account, a_limit), -1);
    UNIT_TEXT(err.text, "--limit needs a value: --limit N");
    CU_ASSERT_EQUAL(PARSE(a_records, a_account, a_full), -1);
    CU_ASSERT_EQUAL(PARSE(a_records, a_account, a_jsonx), -1);
    UNIT_TEXT(err.text, "--json takes no value");
    CU_ASSERT_EQUAL(PARSE(a_records, a_wrong, a_5), -1);
    UNIT_TEXT(err.text, "'records' has no option '--limmit'; did you mean '--limit'?");
    CU_ASSERT_EQUAL(PARSE(a_records), -1);
    CU_ASSERT_EQUAL(PARSE(a_records, a_account, a_5), -1);
    UNIT_TEXT(err.text, "'5' is one argument too many: fastenr records OBJECT");
}

static void test_too_much(void)
{
    static char *many[WORDS_MOST + 4];
    many[0] = a_sync;
    for (size_t i = 1; i < WORDS_MOST + 3; i++)
        many[i] = a_account;
    CU_ASSERT_EQUAL(arguments_parse(many, &args, &err), -1);
    for (size_t i = 1; i < WORDS_MOST + 3; i++)
        many[i] = a_full;
    CU_ASSERT_EQUAL(arguments_parse(many, &args, &err), -1);
}

/* Every entry has what the help is made of. */
static void test_commands(void)
{
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        CU_ASSERT_PTR_NOT_NULL_FATAL(c->run);
        CU_ASSERT(strlen(c->summary) > 10 && strlen(c->text) > 40);
        CU_ASSERT_EQUAL(strncmp(c->example, "fastenr ", 8), 0);
        CU_ASSERT_EQUAL(strncmp(c->example + 8, c->name, strlen(c->name)), 0);
        CU_ASSERT(c->least_words <= c->most_words && c->most_words <= WORDS_MOST);
        CU_ASSERT((*c->arguments != '\0') == (c->most_words > 0));
        for (const struct command_option *o = c->options; o && o->name; o++)
            CU_ASSERT(strlen(o->help) > 5);
    }
}

/* ---- output ---- */

static void expect_clean(const char *text, bool keep_lines, const char *expected)
{
    struct buf out = BUF_INIT(1000);
    text_clean(&out, str_from(text), keep_lines);
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

#define BAD "\xef\xbf\xbd"

static void test_cleaning(void)
{
    expect_clean("plain \xc3\xa9 \xe6\x97\xa5", true, "plain \xc3\xa9 \xe6\x97\xa5");
    expect_clean("a\033[31mb", true, "a" BAD "[31mb");
    expect_clean("a\nb\tc\r", true, "a\nb c ");
    expect_clean("a\nb", false, "a b");
    expect_clean("\xc2\x9b"
                 "31m",
                 true, BAD "31m");                     /* C1: CSI */
    expect_clean("a\342\200\256b", true, "a" BAD "b"); /* U+202E */
    expect_clean("\xff\xc3", true, BAD BAD);           /* no UTF-8 */
    expect_clean("\xc0\x9b", true, BAD BAD);           /* an overlong ESC */
    expect_clean("\x7f\x01", true, BAD BAD);
}

static void test_widths(void)
{
    CU_ASSERT_EQUAL(text_width(STR("abc")), 3);
    CU_ASSERT_EQUAL(text_width(STR("\xe6\x97\xa5\xe6\x9c\xac")), 4);
    CU_ASSERT_EQUAL(text_width(STR("e\xcc\x81")), 1);
    CU_ASSERT_EQUAL(text_fit(STR("\xe6\x97\xa5\xe6\x9c\xac"), 3), 3);
    CU_ASSERT_EQUAL(text_fit(STR("abc"), 10), 3);
    CU_ASSERT_EQUAL(text_fit(STR(""), 10), 0);
}

/* What a table writes to a terminal of `width` columns; 0: to none. */
static void expect_table(struct table *t, int width, const char *expected)
{
    static char text[4096];
    int pipe_fds[2];
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_fds), 0);
    struct out o = {.fd = pipe_fds[1], .width = width, .pending = {.max = 65536}};
    table_write(t, &o);
    out_flush(&o);
    close(pipe_fds[1]);
    ssize_t len = read(pipe_fds[0], text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    close(pipe_fds[0]);
    UNIT_TEXT(text, expected);
    buf_free(&o.pending);
}

static void test_table(void)
{
    struct table t = {0};
    table_key_column(&t, "ID", true);
    table_column(&t, "NAME", false);
    table_column(&t, "X", false);
    table_number(&t, 7);
    table_str(&t, STR("\xe6\x97\xa5\xe6\x9c\xac\nAG"));
    table_str(&t, STR("last"));
    table_number(&t, 12345);
    table_str(&t, STR("a name of more than thirty columns"));
    table_str(&t, STR(""));
    expect_table(&t, 0,
                 "   ID  NAME                                X\n"
                 "    7  \xe6\x97\xa5\xe6\x9c\xac AG                             last\n"
                 "12345  a name of more than thirty columns\n");
    expect_table(&t, 30,
                 "   ID  NAME               X\n"
                 "    7  \xe6\x97\xa5\xe6\x9c\xac AG            last\n"
                 "12345  a name of more t\xe2\x80\xa6\n");
    table_free(&t);
}

static void test_forms(void)
{
    char text[FORMAT_TEXT];
    struct buf bar = BUF_INIT(100);
    UNIT_TEXT(format_when(0, 1, text), "never");
    UNIT_TEXT(format_when(1, 1 + 90 * US_PER_SECOND, text), "1 min ago");
    UNIT_TEXT(format_when(3 * US_PER_HOUR + 1, 1, text), "in 3 h");
    UNIT_TEXT(format_bytes(999, text), "999 B");
    UNIT_TEXT(format_bytes(2700000, text), "2.7 MB");
    UNIT_TEXT(format_count(1234567, text), "1 234 567");
    UNIT_TEXT(format_count(-123, text), "-123");
    UNIT_TEXT(format_count(0, text), "0");
    progress_bar(&bar, 1, 4, 8);
    UNIT_TEXT(buf_cstr(&bar), "[##......]");
    buf_clear(&bar);
    progress_bar(&bar, 9, 4, 4); /* more came than was announced */
    UNIT_TEXT(buf_cstr(&bar), "[####]");
    buf_free(&bar);
}

/* ---- documents ---- */

static void test_schema(void)
{
    struct buf text = BUF_INIT(1 << 20);
    const struct json *root = NULL;
    schema_write(&text);
    CU_ASSERT_FALSE(text.full);
    CU_ASSERT_EQUAL_FATAL(json_parse(buf_view(&text), &root, &err), 0);
    CU_ASSERT(json_kind(json_path(root, STR("properties.objects.additionalProperties"))) ==
              JSON_OBJECT);
    CU_ASSERT(str_is(json_string(json_path(root, STR("required[0]"))), "connector"));
    CU_ASSERT(json_kind(json_member(json_member(root, STR("$defs")), STR("rule"))) == JSON_OBJECT);
    json_free(root);
    buf_free(&text);
}

static void test_reference(void)
{
    struct buf text = BUF_INIT(1 << 20);
    reference_write(&text);
    CU_ASSERT_FALSE(text.full);
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&text), "### objects.NAME.guard\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&text), "| `strict_jail` | true, false | `false` |"));
    buf_free(&text);
}

const char *const unit_suite = "cli";
const struct unit_test unit_tests[] = {
    {"options stand anywhere", test_options_anywhere},
    {"-- ends the options", test_end_of_options},
    {"objects in help", test_objects_in_help},
    {"commands of two words, and help", test_two_words},
    {"wrong arguments", test_wrong_arguments},
    {"more than there is room for", test_too_much},
    {"every command says what it does", test_commands},
    {"what is printed is text", test_cleaning},
    {"columns of a text", test_widths},
    {"tables", test_table},
    {"times, sizes and bars", test_forms},
    {"the schema is JSON", test_schema},
    {"the reference has every group", test_reference},
    {NULL, NULL},
};
