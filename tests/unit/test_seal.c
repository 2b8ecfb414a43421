/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets at rest: what opens, what does not, and that nothing lies in the database in clear. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/secret.h"
#include "virtual_loop.h"

#define KEY_A STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
#define KEY_B STR("ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
#define PLAIN "a-token-that-must-not-be-seen"

static struct virtual_world w;
static struct error err;
static char dir[64];

static void open_world(void)
{
    virtual_world_open(&w, INT64_C(1800000000000000), 5);
    snprintf(dir, sizeof dir, "/tmp/fastenr-seal-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static void close_world(void)
{
    static const char *const names[] = {"test.db",      "test.db-wal", "test.db-shm",
                                        "test.db-lock", "two.db",      "two.db-wal",
                                        "two.db-shm",   "two.db-lock", "k"};
    char path[100];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    virtual_world_close(&w);
}

static struct keyring ring_of(struct str first, struct str second)
{
    struct keyring ring = {0};
    const struct str keys[] = {first, second};
    CU_ASSERT_EQUAL_FATAL(keyring_read(&ring, keys, second.len > 0 ? 2 : 1, dir, &err), 0);
    return ring;
}

static int opens(const struct keyring *ring, size_t key, const char *place, struct str sealed)
{
    struct buf out = BUF_INIT(SEAL_PLAIN_MAX);
    int rc = unseal(&ring->keys[key], str_from(place), sealed, &out, &err);
    if (rc == 0)
        UNIT_TEXT(buf_cstr(&out), PLAIN);
    else
        CU_ASSERT(out.len == 0);
    buf_free(&out);
    return rc;
}

static void test_opens_only_in_its_place(void)
{
    open_world();
    struct keyring ring = ring_of(KEY_A, KEY_B);
    struct buf sealed = BUF_INIT(1000), other = BUF_INIT(1000);
    CU_ASSERT_EQUAL(seal(&ring.keys[0], &w.world, STR("place"), STR(PLAIN), &sealed, &err), 0);
    CU_ASSERT_EQUAL(seal(&ring.keys[0], &w.world, STR("place"), STR(PLAIN), &other, &err), 0);
    CU_ASSERT_EQUAL(sealed.len, sizeof PLAIN - 1 + SEAL_OVERHEAD);
    CU_ASSERT(!str_eq(buf_view(&sealed), buf_view(&other))); /* another nonce each time */
    CU_ASSERT_EQUAL(opens(&ring, 0, "place", buf_view(&sealed)), 0);
    CU_ASSERT_EQUAL(opens(&ring, 1, "place", buf_view(&sealed)), -1);
    CU_ASSERT_EQUAL(opens(&ring, 0, "another", buf_view(&sealed)), -1);
    for (size_t len = 0; len < sealed.len; len++)
        CU_ASSERT_EQUAL(opens(&ring, 0, "place", (struct str){sealed.ptr, len}), -1);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        CU_ASSERT_EQUAL(opens(&ring, 0, "place", buf_view(&sealed)), -1);
        sealed.ptr[i] ^= 1;
    }
    CU_ASSERT_EQUAL(opens(&ring, 0, "place", buf_view(&sealed)), 0);
    buf_free(&sealed);
    buf_free(&other);
    close_world();
}

static void test_keys(void)
{
    open_world();
    struct keyring ring = {0};
    char path[100];
    snprintf(path, sizeof path, "%s/k", dir);
    const struct str file = STR("file:k"), bad = STR("0011");
    CU_ASSERT_EQUAL(keyring_read(&ring, &file, 1, dir, &err), -1);
    CU_ASSERT_EQUAL(keyring_make_file(path, &w.world, &err), 0);
    CU_ASSERT_EQUAL(keyring_make_file(path, &w.world, &err), -1);
    CU_ASSERT_EQUAL(keyring_read(&ring, &file, 1, dir, &err), 0);
    CU_ASSERT_EQUAL(keyring_read(&ring, &file, 1, dir, &err), 0);
    CU_ASSERT_EQUAL(ring.count, 1); /* twice the same is one */
    CU_ASSERT_EQUAL(chmod(path, 0640), 0);
    CU_ASSERT_EQUAL(keyring_read(&ring, &file, 1, dir, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "chmod 600"));
    CU_ASSERT_EQUAL(keyring_read(&ring, &bad, 1, dir, &err), -1);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    CU_ASSERT_EQUAL(keyring_read_systemd(&ring, &err), 0); /* has no fastenr.key */
    unsetenv("CREDENTIALS_DIRECTORY");
    CU_ASSERT_EQUAL(ring.count, 1);
    close_world();
}

static bool file_holds(const char *name, struct str needle)
{
    char path[100];
    struct buf content = BUF_INIT(64u << 20);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    bool found = file_exists(path) && file_read(path, &content, NULL) == 0 &&
                 memmem(content.ptr, content.len, needle.ptr, needle.len);
    buf_free(&content);
    return found;
}

static int set(struct store *store, const struct keyring *keys, int64_t version)
{
    struct secret secret = {.version = version, .text = BUF_INIT(1000)};
    buf_text(&secret.text, PLAIN);
    int rc = secret_set(store, keys, STR("crm"), STR("oauth"), &secret, &err);
    CU_ASSERT(rc != 0 || secret.version == version + 1);
    secret_free(&secret);
    return rc;
}

static int get(struct store *store, const struct keyring *keys, const char *connection,
               int64_t version)
{
    struct secret secret;
    int found = secret_get(store, keys, str_from(connection), STR("oauth"), &secret, &err);
    if (found > 0) {
        UNIT_TEXT(buf_cstr(&secret.text), PLAIN);
        CU_ASSERT_EQUAL(secret.version, version);
    }
    secret_free(&secret);
    return found;
}

static void test_store(void)
{
    open_world();
    struct keyring a = ring_of(KEY_A, STR("")), b = ring_of(KEY_B, STR("")),
                   both = ring_of(KEY_B, KEY_A), none = {0};
    struct store *store = store_open("sqlite:test.db", dir, &w.world, &err);
    size_t count = 9;
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    CU_ASSERT_EQUAL(set(store, &none, 0), -1); /* never in clear */
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "fastenr secrets init"));
    CU_ASSERT_EQUAL(get(store, &a, "crm", 0), 0);
    CU_ASSERT_EQUAL(set(store, &a, 0), 0);
    CU_ASSERT_EQUAL(set(store, &a, 0), 1); /* somebody was first */
    CU_ASSERT_EQUAL(set(store, &a, 2), 1);
    CU_ASSERT_EQUAL(set(store, &a, 1), 0);
    CU_ASSERT_EQUAL(get(store, &a, "crm", 2), 1);
    CU_ASSERT_EQUAL(get(store, &b, "crm", 2), -1);
    CU_ASSERT_EQUAL(get(store, &both, "crm", 2), 1);
    CU_ASSERT_EQUAL(secret_reseal(store, &b, &count, &err), -1);
    CU_ASSERT_EQUAL(get(store, &a, "crm", 2), 1); /* as it was */
    CU_ASSERT_EQUAL(secret_reseal(store, &both, &count, &err), 0);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(get(store, &b, "crm", 3), 1);
    CU_ASSERT_EQUAL(get(store, &a, "crm", 3), -1);
    CU_ASSERT_EQUAL(secret_reseal(store, &both, &count, &err), 0);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT(!file_holds("test.db", STR(PLAIN)) && !file_holds("test.db-wal", STR(PLAIN)));
    CU_ASSERT(file_holds("test.db-wal", STR("oauth"))); /* the search would find it */
    CU_ASSERT_EQUAL(secret_remove(store, STR("crm"), STR("oauth"), &err), 1);
    CU_ASSERT_EQUAL(secret_remove(store, STR("crm"), STR("oauth"), &err), 0);
    CU_ASSERT_EQUAL(get(store, &b, "crm", 0), 0);
    store_close(store);
    close_world();
}

static void lay(struct store *store, struct secret_row row, const char *connection)
{
    row.connection = str_from(connection);
    row.version = 0;
    CU_ASSERT_EQUAL(store->engine->begin(store, &err), 0);
    CU_ASSERT_EQUAL(store->engine->set_secret(store, &row, &err), 0);
    CU_ASSERT_EQUAL(store->engine->commit(store, &err), 0);
}

/* What lies under one connection, laid under another of a name as long, and into another store: it
 * must not open there. */
static void test_moved_row(void)
{
    open_world();
    struct keyring a = ring_of(KEY_A, STR(""));
    struct arena arena = {0};
    struct secret_row row;
    struct store *store = store_open("sqlite:test.db", dir, &w.world, &err);
    struct store *two = store_open("sqlite:two.db", dir, &w.world, &err);
    CU_ASSERT_FATAL(store && two);
    CU_ASSERT_EQUAL(set(store, &a, 0), 0);
    CU_ASSERT_EQUAL(store->engine->get_secret(store, STR("crm"), STR("oauth"), &row, &arena, &err),
                    1);
    lay(store, row, "mrc");
    lay(two, row, "crm");
    CU_ASSERT_EQUAL(get(store, &a, "crm", 1), 1);
    CU_ASSERT_EQUAL(get(store, &a, "mrc", 1), -1);
    CU_ASSERT_EQUAL(get(two, &a, "crm", 1), -1);
    arena_free(&arena);
    store_close(store);
    store_close(two);
    close_world();
}

const char *const unit_suite = "seal";
const struct unit_test unit_tests[] = {
    {"it opens with its key in its place only", test_opens_only_in_its_place},
    {"keys", test_keys},
    {"in the store: versions, keys that change", test_store},
    {"a row that was moved does not open", test_moved_row},
    {NULL, NULL},
};
