/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "config/connection.h"
#include "config/host.h"

static char dir[] = "/tmp/fastenr-config-XXXXXX";

static const char *put(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
    return path;
}

/* All problems of one connection file, a line each, without the folder. */
static void expect_problems(const char *text, const char *expected)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct buf out = BUF_INIT(16384);
    connection_config_read(put("crm.yaml", text), &config, &arena, &problems);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.count; i++) {
        struct problem p = problems.items[i];
        p.file = strrchr(p.file, '/') + 1;
        problem_write(&out, &p);
        buf_char(&out, '\n');
    }
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
    problems_free(&problems);
    arena_free(&arena);
}

static void test_good_file(void)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config c;
    setenv("FASTENR_TEST_HOST", "crm.example", 1);
    bool ok =
        connection_config_read(put("crm.yaml", "connector: hubspot\n"
                                               "every: 5m\n"
                                               "network:\n"
                                               "  allow: 127.0.0.0/8\n"
                                               "  ca_file: ${FASTENR_TEST_HOST}-${NOT_SET:-x}\n"
                                               "objects:\n"
                                               "  companies:\n"
                                               "    guard: {max_changes: 10}\n"
                                               "  contacts: {lookback: 1m}\n"),
                               &c, &arena, &problems);
    CU_ASSERT(ok);
    CU_ASSERT_EQUAL(problems.count, 0);
    CU_ASSERT(str_is(c.name, "crm"));
    CU_ASSERT(c.enabled);
    CU_ASSERT_EQUAL(c.schedule.every_us, 5 * US_PER_MINUTE);
    CU_ASSERT_EQUAL(c.network.timeout_us, 60 * US_PER_SECOND);
    CU_ASSERT_EQUAL(c.network.allow.count, 1);
    CU_ASSERT(str_is(c.network.ca_file, "crm.example-x"));
    CU_ASSERT_EQUAL(c.objects.count, 2);
    const struct object_config *companies = c.objects.items[0].item;
    const struct object_config *contacts = c.objects.items[1].item;
    CU_ASSERT_EQUAL(companies->guard.max_changes, 10);
    CU_ASSERT(companies->default_mapping && companies->enabled);
    CU_ASSERT_EQUAL(companies->lookback_us, -1);
    CU_ASSERT_EQUAL(contacts->lookback_us, US_PER_MINUTE);
    problems_free(&problems);
    arena_free(&arena);
}

static void test_all_mistakes_at_once(void)
{
    unsetenv("NOT_SET");
    expect_problems(
        "connection: my crm\n"
        "conector: hubspot\n"
        "every: 5 minutes\n"
        "network:\n"
        "  timeout: 1ms\n"
        "  ca_file: ${NOT_SET}\n"
        "  ca_file: b\n"
        "catch_up: maybe\n"
        "frequency: monthly\n"
        "objects:\n"
        "  companies:\n"
        "    mapping: [a, b]\n"
        "    guard: {max_percent: 200}\n",
        "crm.yaml:1:1: 'connector' is missing: which connector: the name of its file without "
        ".so, or a path; for example hubspot\n"
        "crm.yaml:1:13: 'my crm' is no name for a connection: use letters, digits, - and _, "
        "64 at most\n"
        "crm.yaml:2:1: there is no setting 'conector' here; did you mean 'connector'?\n"
        "crm.yaml:3:8: every must be a time like 30s, 5m, 12h or 7d\n"
        "crm.yaml:3:8: 'every' and 'frequency' (line 9) contradict each other: keep one\n"
        "crm.yaml:5:12: timeout must be from 1s to 1h\n"
        "crm.yaml:6:12: the environment variable NOT_SET is not set: set it, or write "
        "${NOT_SET:-default}\n"
        "crm.yaml:7:3: the key 'ca_file' stands twice (first at line 6): remove one\n"
        "crm.yaml:8:11: catch_up must be true or false\n"
        "crm.yaml:9:12: frequency cannot be 'monthly'; known: hourly, daily, weekly, cron, "
        "realtime\n"
        "crm.yaml:12:14: mapping is a list: write a map\n"
        "crm.yaml:13:26: max_percent must be from 1 to 100\n");
}

static void test_not_yaml(void)
{
    expect_problems("", "crm.yaml:1:1: the file is empty\n");
    expect_problems("a: b: c\n",
                    "crm.yaml:1:5: not valid YAML: mapping values are not allowed in this "
                    "context; check the indentation, and quote values that hold ': ' or "
                    "' #'\n");
    expect_problems("a: &x b\nc: *x\n",
                    "crm.yaml:1:4: anchors (&), aliases (*) and tags (!) are not read "
                    "here: write the value out, or quote it\n");
    expect_problems("- a\n", "crm.yaml:1:1: here is a list: write a map, like key: value\n");
    expect_problems("a: 1\n---\nb: 2\n",
                    "crm.yaml:2:1: a second document begins here: one connection a file\n");
}

static void test_deep_nesting(void)
{
    struct buf text = BUF_INIT(100000);
    for (int i = 0; i < 5000; i++)
        buf_char(&text, '[');
    expect_problems(buf_cstr(&text), "crm.yaml:1:34: the file is nested too deeply\n");
    buf_free(&text);
}

static void test_references(void)
{
    expect_problems(
        "connector: ${A-B}\nobjects: {}\n",
        "crm.yaml:1:12: '${A-B}' is no reference: write ${NAME} or ${NAME:-default}, or $${ "
        "for a plain ${\n");
    expect_problems(
        "connector: a${\nobjects: {}\n",
        "crm.yaml:1:12: a reference that begins with ${ has no }: close it, or write $${ for a "
        "plain ${\n");
    expect_problems("connector: a$${b}\nobjects: {}\n", "");
    expect_problems("connector: hubspot\n# caf\xe9\nobjects: {}\n",
                    "crm.yaml:2:7: not text: invalid trailing UTF-8 octet; save the file as "
                    "UTF-8\n");
}

static void test_host_file(void)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct host_config config;
    host_config_read(dir, &config, &arena, &problems); /* there is none */
    CU_ASSERT_EQUAL(problems.count, 0);
    CU_ASSERT(str_is(config.store, "sqlite:fastenr.db"));
    CU_ASSERT_EQUAL(config.workers.memory, 256 << 20);
    CU_ASSERT_EQUAL(config.sync.runs, 4);
    put("fastenr.conf", "store = \"sqlite:other.db\";\n"
                        "log: { level = \"loud\"; };\n"
                        "workers: { memory = \"64MiB\";\n   hangs = \"5s\"; };\n"
                        "organization = \"x\";\n");
    host_config_read(dir, &config, &arena, &problems);
    problems_sort(&problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 3);
    UNIT_TEXT(problems.items[0].text, "level cannot be 'loud'; known: debug, info, warn, error");
    CU_ASSERT(problems.items[0].line == 2 && problems.items[0].column == 8);
    UNIT_TEXT(problems.items[1].text, "there is no setting 'hangs' here; did you mean 'hang'?");
    CU_ASSERT(problems.items[1].line == 4 && problems.items[1].column == 4);
    CU_ASSERT(str_is(config.store, "sqlite:other.db"));
    CU_ASSERT_EQUAL(config.workers.memory, 64 << 20);
    problems_free(&problems);
    put("fastenr.conf", "store = ;\n");
    host_config_read(dir, &config, &arena, &problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_EQUAL(problems.items[0].line, 1);
    problems_free(&problems);
    put("fastenr.conf", "store = \"x\";\n  @include \"/etc/passwd\"\n");
    host_config_read(dir, &config, &arena, &problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_EQUAL(problems.items[0].line, 2);
    UNIT_TEXT(problems.items[0].text, "@include is not followed: write its settings here");
    problems_free(&problems);
    put("fastenr.conf", "store = \"x\";\nconnectors = [\".\", \"/nowhere\"];\n");
    host_config_read(dir, &config, &arena, &problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_EQUAL(problems.items[0].line, 2);
    UNIT_TEXT(problems.items[0].text, "connectors: there is no folder /nowhere");
    problems_free(&problems);
    unlink(put("fastenr.conf", ""));
    char path[256];
    snprintf(path, sizeof path, "%s/fastenr.conf", dir);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    host_config_read(dir, &config, &arena, &problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(problems.items[0].text, "it is a folder"));
    CU_ASSERT_EQUAL(rmdir(path), 0);
    problems_free(&problems);
    arena_free(&arena);
}

/* Reads a `retention`; the first problem, "" for none. */
static const char *read_retention(const char *text, struct host_config *config, struct arena *arena)
{
    struct problems problems = {0};
    static char first[300];
    put("fastenr.conf", arena_printf(arena, "retention = { %s };\n", text));
    host_config_read(dir, config, arena, &problems);
    snprintf(first, sizeof first, "%s", problems.count > 0 ? problems.items[0].text : "");
    CU_ASSERT(problems.count == 0 || problems.items[0].line == 1);
    problems_free(&problems);
    return first;
}

static void test_retention(void)
{
    struct arena arena = {0};
    struct host_config c;
    UNIT_TEXT(read_retention("", &c, &arena), "");
    CU_ASSERT(c.retention.log_bodies == 90 * US_PER_DAY && c.retention.log == 400 * US_PER_DAY);
    CU_ASSERT(c.retention.runs == 400 * US_PER_DAY && c.retention.quarantine == 0);
    UNIT_TEXT(read_retention("log_bodies = \"off\"; log = 0; runs = \"0\"; quarantine = \"36h\";",
                             &c, &arena),
              "");
    CU_ASSERT(c.retention.log_bodies == 0 && c.retention.log == 0 && c.retention.runs == 0);
    CU_ASSERT(c.retention.quarantine == 36 * US_PER_HOUR);
    UNIT_TEXT(read_retention("log_bodies = \"7d\"; log = \"7d\"; runs = \"off\";", &c, &arena), "");
    UNIT_TEXT(read_retention("log_bodies = \"23h\";", &c, &arena),
              "log_bodies must be at least 1d, or off");
    UNIT_TEXT(read_retention("quarantine = \"never\";", &c, &arena),
              "quarantine must be a time like 30s, 5m, 12h or 7d, or off");
    UNIT_TEXT(read_retention("log = \"89d\";", &c, &arena),
              "retention.log must not be less than log_bodies (90d): rows go after the values that "
              "they hold");
    UNIT_TEXT(read_retention("runs = \"89d\";", &c, &arena),
              "retention.runs must not be less than log_bodies (90d): a run cannot be taken back "
              "without its row");
    UNIT_TEXT(read_retention("log_bodies = \"off\"; runs = 0;", &c, &arena),
              "retention.log must not be less than log_bodies (off: for ever): rows go after the "
              "values that they hold");
    arena_free(&arena);
}

static void test_folder(void)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_list list;
    put("crm.yaml", "connector: hubspot\nobjects: {a: }\n");
    put("second.yml", "connection: crm\nconnector: hubspot\nobjects: {a: }\n");
    put(".hidden.yaml", "nonsense");
    put("README", "nonsense");
    connection_list_read(dir, &list, &arena, &problems);
    CU_ASSERT_EQUAL(list.count, 2);
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(problems.items[0].text, "is in"));
    CU_ASSERT_PTR_NOT_NULL(connection_find(&list, STR("crm")));
    CU_ASSERT_PTR_NULL(connection_find(&list, STR("second")));
    connection_list_read("/no/such/folder", &list, &arena, &problems);
    CU_ASSERT_EQUAL(problems.count, 2);
    problems_free(&problems);
    arena_free(&arena);
}

static void test_value_files(void)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct settings_context ctx = {"crm.yaml", &arena, &problems};
    struct node node = {.kind = NODE_SCALAR, .line = 3, .column = 5, .text = STR("file:token")};
    struct str value;
    put("token", "pat-123\n");
    CU_ASSERT(settings_text_or_file(&node, &ctx, dir, "token", &value));
    CU_ASSERT(str_is(value, "pat-123"));
    node.text = STR("file:missing");
    CU_ASSERT(!settings_text_or_file(&node, &ctx, dir, "token", &value));
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_EQUAL(problems.items[0].line, 3);
    node.text = STR("plain");
    CU_ASSERT(settings_text_or_file(&node, &ctx, dir, "token", &value));
    CU_ASSERT(str_is(value, "plain"));
    problems_free(&problems);
    arena_free(&arena);
}

static void in_folder(void (*test)(void))
{
    char command[300];
    snprintf(dir, sizeof dir, "/tmp/fastenr-config-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    test();
    snprintf(command, sizeof command, "rm -r %s", dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

#define IN_FOLDER(name)                                                                            \
    static void folder_##name(void)                                                                \
    {                                                                                              \
        in_folder(name);                                                                           \
    }
IN_FOLDER(test_good_file)
IN_FOLDER(test_all_mistakes_at_once)
IN_FOLDER(test_not_yaml)
IN_FOLDER(test_deep_nesting)
IN_FOLDER(test_references)
IN_FOLDER(test_host_file)
IN_FOLDER(test_retention)
IN_FOLDER(test_folder)
IN_FOLDER(test_value_files)

const char *const unit_suite = "config";
const struct unit_test unit_tests[] = {
    {"a connection file is read, with its defaults", folder_test_good_file},
    {"all mistakes of a file at once, each with its place", folder_test_all_mistakes_at_once},
    {"what is no YAML of ours", folder_test_not_yaml},
    {"deep nesting is refused", folder_test_deep_nesting},
    {"references to the environment", folder_test_references},
    {"the host's file", folder_test_host_file},
    {"how long things are kept", folder_test_retention},
    {"a folder of connections", folder_test_folder},
    {"values from files", folder_test_value_files},
    {NULL, NULL},
};
