/* SPDX-License-Identifier: Apache-2.0 */
/* plugins.lock: what is pinned of a connector, how the file is written and read, what is refused.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/plugins_lock.h"

static struct arena arena;
static struct problems problems;
static char dir[64], path[128];

static void set_up(void)
{
    snprintf(dir, sizeof dir, "/tmp/fastenr-lock-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/plugins.lock", dir);
}

static void tear_down(void)
{
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(dir), 0); /* nothing else was left there */
    problems_free(&problems);
    arena_free(&arena);
    arena = (struct arena){0};
}

static void put_file(const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static struct plugins_lock read_lock(bool required)
{
    struct plugins_lock lock;
    plugins_lock_read(dir, required, &lock, &arena, &problems);
    return lock;
}

/* A connector that described itself; its tables are the caller's to change. */
static struct str hosts[2];
static struct connector_option options[2];
static struct named_text secrets[1];
static struct connector_oauth oauth;
static struct connector_auth auth[1];

static struct connector_info connector(void)
{
    struct connector_info info = {0};
    hosts[0] = STR("z.example.com");
    hosts[1] = STR("api.example.com");
    options[0] = (struct connector_option){.name = STR("page_size"), .type = OPTION_INT};
    options[1] = (struct connector_option){.name = STR("kind"), .type = OPTION_ENUM};
    secrets[0].name = STR("token");
    oauth = (struct connector_oauth){.authorize_url = STR("https://a.example.com/${x}"),
                                     .token_url = STR("https://a.example.com/token")};
    auth[0] = (struct connector_auth){
        .name = STR("app"), .secrets = secrets, .secret_count = 1, .oauth = &oauth};
    info.image.path = arena_text(&arena, "/opt/crm.so");
    memset(info.image.sha256, 0xab, SHA256_SIZE);
    info.descriptor = (struct descriptor){.id = STR("com.example.crm"),
                                          .version = STR("1.0 \"beta\"\\\x1b"),
                                          .hosts = hosts,
                                          .host_count = 2,
                                          .options = options,
                                          .option_count = 2,
                                          .auth = auth,
                                          .auth_count = 1};
    return info;
}

static void approve(struct plugins_lock *lock, const struct connector_info *info)
{
    struct error err = {0};
    struct pin pin = pin_of(info, &arena);
    plugins_lock_put(lock, &pin, &arena);
    int rc = plugins_lock_write(lock, &err);
    UNIT_TEXT(rc == 0 ? "" : err.text, "");
}

static void test_round_trip(void)
{
    struct stat st;
    set_up();
    struct connector_info info = connector();
    struct plugins_lock lock = read_lock(false);
    CU_ASSERT_EQUAL(lock.state, LOCK_IS_ABSENT);
    CU_ASSERT_PTR_NULL(plugins_lock_refusal(&lock, &info, &arena));
    mode_t before = umask(077);
    approve(&lock, &info);
    umask(before);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0644);
    lock = read_lock(true);
    CU_ASSERT_EQUAL(problems.count, 0);
    CU_ASSERT_EQUAL(lock.state, LOCK_IS_READ);
    CU_ASSERT_EQUAL_FATAL(lock.count, 1);
    const struct pin *pin = &lock.pins[0];
    CU_ASSERT(str_is(pin->hosts.items[0], "api.example.com")); /* sorted */
    CU_ASSERT(str_is(pin->oauth.items[0], "https://a.example.com/${x}"));
    CU_ASSERT(str_is(pin->secret.items[0], "app.token"));
    CU_ASSERT(str_is(pin->option.items[0], "kind: enum"));
    CU_ASSERT(str_is(pin->option.items[1], "page_size: int"));
    CU_ASSERT_PTR_NULL(plugins_lock_refusal(&lock, &info, &arena));
    tear_down();
}

static void test_same_text_again(void)
{
    struct buf first = BUF_INIT(LIBCONFIG_MAX), second = BUF_INIT(LIBCONFIG_MAX);
    set_up();
    struct connector_info info = connector();
    struct plugins_lock lock = read_lock(false);
    approve(&lock, &info);
    CU_ASSERT_EQUAL(file_read(path, &first, NULL), 0);
    hosts[0] = STR("api.example.com"); /* in another order */
    hosts[1] = STR("z.example.com");
    lock = read_lock(false);
    approve(&lock, &info);
    CU_ASSERT_EQUAL(file_read(path, &second, NULL), 0);
    UNIT_TEXT(buf_cstr(&second), buf_cstr(&first));
    buf_free(&first);
    buf_free(&second);
    tear_down();
}

static void expect_refusal(const struct plugins_lock *lock, const struct connector_info *info,
                           const char *part)
{
    const char *why = plugins_lock_refusal(lock, info, &arena);
    CU_ASSERT_PTR_NOT_NULL_FATAL(why);
    if (!strstr(why, part))
        UNIT_TEXT(why, part);
}

static void test_every_change_is_refused(void)
{
    set_up();
    struct connector_info info = connector();
    struct plugins_lock lock = read_lock(false);
    approve(&lock, &info);
    lock = read_lock(false);
    hosts[0] = STR("api.evil.example");
    expect_refusal(&lock, &info,
                   "/opt/crm.so, is not what was approved: it asks for a new host: "
                   "api.evil.example; it no longer has the host: z.example.com. If");
    info = connector();
    options[0].type = OPTION_STRING;
    expect_refusal(&lock, &info, "it asks for a new option: page_size: text");
    info = connector();
    secrets[0].name = STR("password");
    expect_refusal(&lock, &info, "it asks for a new credential: app.password");
    info = connector();
    oauth.token_url = STR("https://evil.example/token");
    expect_refusal(&lock, &info, "it asks for a new OAuth URL: https://evil.example/token");
    info = connector();
    info.descriptor.version = STR("2");
    expect_refusal(&lock, &info, "its version is 2, approved was 1.0");
    info = connector();
    info.image.sha256[0] = 0;
    expect_refusal(&lock, &info, "its sha256 is 00abab");
    expect_refusal(&lock, &info, ", approved was ababab");
    expect_refusal(&lock, &info, "fastenr plugins approve com.example.crm");
    info = connector();
    info.descriptor.id = STR("com.example.other");
    expect_refusal(&lock, &info, "is not approved: it is not in ");
    info = connector();
    CU_ASSERT_PTR_NULL(plugins_lock_refusal(&lock, &info, &arena));
    tear_down();
}

/* It says what it is about however much a connector asks for. */
static void test_long_refusals(void)
{
    static struct str many[64];
    static char long_name[4000];
    set_up();
    struct connector_info info = connector();
    struct plugins_lock lock = read_lock(false);
    approve(&lock, &info);
    lock = read_lock(true);
    memset(long_name, 'a', sizeof long_name);
    for (size_t i = 0; i < 64; i++)
        many[i] = (struct str){long_name, sizeof long_name - i};
    info.descriptor.hosts = many;
    info.descriptor.host_count = 64;
    expect_refusal(&lock, &info, "it asks for a new host: aaaa");
    expect_refusal(&lock, &info, " more. If that is wanted");
    CU_ASSERT(strlen(plugins_lock_refusal(&lock, &info, &arena)) < 3500);
    tear_down();
}

static void expect_problems(const char *text, const char *expected)
{
    struct buf out = BUF_INIT(16384);
    set_up();
    put_file(text);
    struct plugins_lock lock = read_lock(false);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.count; i++) {
        struct problem p = problems.items[i];
        p.file = strrchr(p.file, '/') + 1;
        problem_write(&out, &p);
        buf_char(&out, '\n');
    }
    UNIT_TEXT(buf_cstr(&out), expected);
    CU_ASSERT_EQUAL(lock.state, LOCK_IS_BROKEN);
    CU_ASSERT(plugins_lock_stops_all(&lock));
    buf_free(&out);
    tear_down();
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_broken_files(void)
{
    expect_problems("plugins = (\n  { id = \"a.b\"\n",
                    "plugins.lock:3:1: not valid libconfig: syntax error; write name = value; with "
                    "text in quotes\n");
    expect_problems("", "plugins.lock: 'plugins' is missing: the list of approved connectors\n");
    expect_problems("plugins = \"all\";\n",
                    "plugins.lock:1:1: plugins is a single value: write a list, like ( { id = "
                    "...; } )\n");
    expect_problems("plugins = [ \"a.b\", \"a.c\" ];\n",
                    "plugins.lock:1:1: here is a single value: write a map, like key: value\n"
                    "plugins.lock:1:1: here is a single value: write a map, like key: value\n");
    expect_problems("plugins = (\n"
                    "  { id = \"a.b\"; version = \"1\"; sha256 = \"" HASH "\"; },\n"
                    "  { id = \"a.b\"; version = \"2\"; sha256 = \"" HASH "\"; host = [\"x\"]; },\n"
                    "  { id = \"a.c\"; version = \"1\"; sha256 = \"12\"; },\n"
                    "  { id = \"a.d\"; sha256 = \"" HASH "\"; }\n"
                    ");\n",
                    "plugins.lock:3:5: the connector 'a.b' stands twice: remove one\n"
                    "plugins.lock:3:109: there is no setting 'host' here; did you mean 'hosts'?\n"
                    "plugins.lock:4:32: sha256 must be 64 hexadecimal digits\n"
                    "plugins.lock:5:1: 'version' is missing: the version that was approved\n");
}

static void test_absent_or_not(void)
{
    set_up();
    struct plugins_lock lock = read_lock(true);
    CU_ASSERT_EQUAL(lock.state, LOCK_IS_ABSENT);
    CU_ASSERT(plugins_lock_stops_all(&lock));
    CU_ASSERT_EQUAL_FATAL(problems.count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(problems.items[0].text, "plugins_lock = \"required\""));
    CU_ASSERT_EQUAL(symlink("nowhere", path), 0); /* must not read as "nothing is pinned" */
    lock = read_lock(false);
    CU_ASSERT_EQUAL(lock.state, LOCK_IS_BROKEN);
    put_file("");
    unlink(path);
    char *target = file_join(dir, "nowhere");
    unlink(target);
    free(target);
    tear_down();
}

static void test_entries(void)
{
    static const char *const ids[] = {"c.c", "a.a", "b.b", "a.a"};
    set_up();
    struct plugins_lock lock = read_lock(false);
    for (size_t i = 0; i < 4; i++) {
        struct pin pin = {.id = str_from(ids[i]), .version = str_from(i == 3 ? "new" : "old")};
        plugins_lock_put(&lock, &pin, &arena);
    }
    CU_ASSERT_EQUAL_FATAL(lock.count, 3);
    CU_ASSERT(str_is(lock.pins[0].id, "a.a") && str_is(lock.pins[0].version, "new"));
    CU_ASSERT(str_is(lock.pins[2].id, "c.c"));
    CU_ASSERT(plugins_lock_remove(&lock, STR("b.b")));
    CU_ASSERT_FALSE(plugins_lock_remove(&lock, STR("b.b")));
    CU_ASSERT_PTR_NULL(plugins_lock_find(&lock, STR("b.b")));
    CU_ASSERT_PTR_NOT_NULL(plugins_lock_find(&lock, STR("c.c")));
    tear_down();
}

/* An entry that libconfig_read would not take back is not written. */
static void test_too_large(void)
{
    static char text[LIBCONFIG_MAX];
    struct error err = {0};
    set_up();
    put_file("before");
    struct plugins_lock lock = {.path = path};
    memset(text, 'a', sizeof text);
    struct pin pin = {.id = {text, sizeof text}};
    plugins_lock_put(&lock, &pin, &arena);
    CU_ASSERT_EQUAL(plugins_lock_write(&lock, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "would be too large"));
    struct buf left = BUF_INIT(100);
    CU_ASSERT_EQUAL(file_read(path, &left, NULL), 0);
    UNIT_TEXT(buf_cstr(&left), "before");
    buf_free(&left);
    tear_down();
}

static void test_replacing_a_file(void)
{
    struct error err = {0};
    struct buf got = BUF_INIT(100);
    set_up();
    CU_ASSERT_EQUAL(file_replace(path, STR("one"), 0600, &err), 0);
    CU_ASSERT_EQUAL(file_replace(path, STR("two"), 0600, &err), 0);
    CU_ASSERT_EQUAL(file_read(path, &got, NULL), 0);
    UNIT_TEXT(buf_cstr(&got), "two");
    CU_ASSERT_EQUAL(file_replace("/nowhere/at/all", STR("x"), 0600, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/at/all: No such file"));
    unlink(path);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0); /* what a rename cannot replace leaves nothing behind */
    CU_ASSERT_EQUAL(file_replace(path, STR("x"), 0600, &err), -1);
    CU_ASSERT_EQUAL(rmdir(path), 0);
    buf_free(&got);
    tear_down();
}

const char *const unit_suite = "plugins.lock";

const struct unit_test unit_tests[] = {
    {"what is approved comes back as it was", test_round_trip},
    {"the text depends on what is asked for alone", test_same_text_again},
    {"every change is refused, and named", test_every_change_is_refused},
    {"a refusal is never too long to be shown", test_long_refusals},
    {"mistakes have their place, and stop everything", test_broken_files},
    {"absent, required, a link to nothing", test_absent_or_not},
    {"entries are sorted, replaced and removed", test_entries},
    {"what could not be read is not written", test_too_large},
    {"a file is replaced whole", test_replacing_a_file},
    {NULL, NULL},
};
