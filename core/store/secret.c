/* SPDX-License-Identifier: Apache-2.0 */
#include "store/secret.h"

#include <stdio.h>

enum { PLACE_MAX = 2048 };

/* The store's id, then both names led by their length: no two places have the same bytes. */
static void make_place(struct buf *out, const struct store *store, struct str connection,
                       struct str name)
{
    uint32_t lengths[2] = {(uint32_t)connection.len, (uint32_t)name.len};
    buf_append(out, store->id.bytes, UUID_SIZE);
    for (int i = 0; i < 2; i++) {
        for (int shift = 0; shift < 32; shift += 8)
            buf_char(out, (char)(lengths[i] >> shift & 0xff));
        buf_str(out, i == 0 ? connection : name);
    }
}

static int no_keys(struct error *err)
{
    return error_set(err, "there is no key to seal secrets with, and none is ever stored in clear: "
                          "run `fastenr secrets init`, then set secrets.key in fastenr.conf");
}

void secret_free(struct secret *secret)
{
    if (secret->text.ptr)
        explicit_bzero(secret->text.ptr, secret->text.cap);
    buf_free(&secret->text);
    *secret = (struct secret){0};
}

/* ---- reading ---- */

static int open_row(const struct store *store, const struct keyring *keys,
                    const struct secret_row *row, struct buf *out, struct error *err)
{
    const struct seal_key *key = keys ? keyring_find(keys, row->key_id) : NULL;
    struct buf place = BUF_INIT(PLACE_MAX);
    if (!keys || keys->count == 0)
        return no_keys(err);
    if (!key)
        return error_set(err,
                         "the secret %.*s of '%.*s' is sealed with the key %.*s, which secrets.key "
                         "does not have: add that key after the first, or run `fastenr connect "
                         "%.*s` anew",
                         STR_ARG(row->name), STR_ARG(row->connection), STR_ARG(row->key_id),
                         STR_ARG(row->connection));
    make_place(&place, store, row->connection, row->name);
    int rc = unseal(key, buf_view(&place), row->sealed, out, err);
    buf_free(&place);
    return rc;
}

int secret_get(struct store *store, const struct keyring *keys, struct str connection,
               struct str name, struct secret *ret_secret, struct error *err)
{
    struct arena arena = {0};
    struct secret_row row;
    *ret_secret = (struct secret){.text = BUF_INIT(SEAL_PLAIN_MAX + 1)};
    int found = store->engine->get_secret(store, connection, name, &row, &arena, err);
    if (found > 0) {
        ret_secret->version = row.version;
        snprintf(ret_secret->problem, sizeof ret_secret->problem, "%.*s", STR_ARG(row.problem));
        if (open_row(store, keys, &row, &ret_secret->text, err) != 0)
            found = -1;
    }
    arena_free(&arena);
    return found;
}

/* ---- writing: within a transaction ---- */

static int write_sealed(struct store *store, const struct keyring *keys, struct secret_row *row,
                        struct str plain, struct error *err)
{
    struct buf place = BUF_INIT(PLACE_MAX), sealed = BUF_INIT(SEAL_PLAIN_MAX + SEAL_OVERHEAD);
    make_place(&place, store, row->connection, row->name);
    row->key_id = str_from(keys->keys[0].id);
    int rc = seal(&keys->keys[0], store->world, buf_view(&place), plain, &sealed, err);
    row->sealed = buf_view(&sealed);
    if (rc == 0)
        rc = store->engine->set_secret(store, row, err);
    row->sealed = (struct str){0};
    buf_free(&place);
    buf_free(&sealed);
    return rc;
}

static int end(struct store *store, int rc, struct error *err)
{
    if (rc == 0)
        rc = store->engine->commit(store, err);
    if (rc != 0)
        store->engine->rollback(store);
    return rc;
}

int secret_set(struct store *store, const struct keyring *keys, struct str connection,
               struct str name, struct secret *secret, struct error *err)
{
    struct secret_row row = {.connection = connection,
                             .name = name,
                             .version = secret->version,
                             .problem = str_from(secret->problem)};
    if (!keys || keys->count == 0)
        return no_keys(err);
    if (store->engine->begin(store, err) != 0)
        return -1;
    int rc = end(store, write_sealed(store, keys, &row, buf_view(&secret->text), err), err);
    if (rc == 0)
        secret->version++;
    return rc;
}

int secret_remove(struct store *store, struct str connection, struct str name, struct error *err)
{
    struct arena arena = {0};
    struct secret_row row;
    if (store->engine->begin(store, err) != 0)
        return -1;
    int found = store->engine->get_secret(store, connection, name, &row, &arena, err);
    row.sealed = (struct str){0};
    int rc = found > 0 ? store->engine->set_secret(store, &row, err) : found;
    rc = end(store, rc, err);
    arena_free(&arena);
    return rc == 0 ? found : -1;
}

/* ---- another key ---- */

struct reseal {
    struct store *store;
    const struct keyring *keys;
    struct arena arena;
    struct secret_row *rows;
    size_t count, cap;
};

static bool collect(void *arg, const struct secret_row *row)
{
    struct reseal *r = arg;
    if (str_is(row->key_id, r->keys->keys[0].id))
        return true;
    r->rows = arena_grow(&r->arena, r->rows, &r->cap, r->count + 1, sizeof r->rows[0]);
    struct secret_row *copy = &r->rows[r->count++];
    *copy = *row;
    copy->connection = arena_str(&r->arena, row->connection);
    copy->name = arena_str(&r->arena, row->name);
    copy->key_id = arena_str(&r->arena, row->key_id);
    copy->sealed = arena_str(&r->arena, row->sealed);
    copy->problem = arena_str(&r->arena, row->problem);
    return true;
}

static int reseal_row(struct reseal *r, struct secret_row *row, struct error *err)
{
    struct secret secret = {.text = BUF_INIT(SEAL_PLAIN_MAX + 1)};
    int rc = open_row(r->store, r->keys, row, &secret.text, err);
    if (rc == 0)
        rc = write_sealed(r->store, r->keys, row, buf_view(&secret.text), err);
    if (rc > 0) /* not possible within the transaction */
        rc = error_set(err, "the secret %.*s of '%.*s' was written by another program meanwhile",
                       STR_ARG(row->name), STR_ARG(row->connection));
    secret_free(&secret);
    return rc;
}

int secret_reseal(struct store *store, const struct keyring *keys, size_t *ret_count,
                  struct error *err)
{
    struct reseal r = {.store = store, .keys = keys};
    if (!keys || keys->count == 0)
        return no_keys(err);
    if (store->engine->begin(store, err) != 0)
        return -1;
    int rc = store->engine->each_secret(store, STR(""), collect, &r, err);
    for (size_t i = 0; i < r.count && rc == 0; i++)
        rc = reseal_row(&r, &r.rows[i], err);
    rc = end(store, rc, err);
    *ret_count = r.count;
    arena_free(&r.arena);
    return rc;
}
