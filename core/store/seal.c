/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/hash.h"

enum { FORMAT = 1, NONCE = 12, TAG = 16, HEAD = 1 + NONCE, KEY_FILE_MAX = 256 };
_Static_assert(SEAL_OVERHEAD == HEAD + TAG, "format");

/* ---- keys ---- */

static int name_key(struct seal_key *key, struct error *err)
{
    uint8_t digest[SHA256_SIZE];
    struct buf id = BUF_INIT(64);
    if (sha256((struct str){(const char *)key->bytes, SEAL_KEY}, digest) != 0)
        return error_set(err, "the crypto library cannot hash: is memory out?");
    encode_hex(&id, (struct str){(const char *)digest, SEAL_ID / 2});
    memcpy(key->id, id.ptr, SEAL_ID);
    buf_free(&id);
    return 0;
}

static int add_key(struct keyring *ring, struct str hex, const char *where, struct error *err)
{
    if (ring->count == SEAL_KEYS)
        return error_set(err,
                         "secrets.key has more than %d keys: remove the oldest, after "
                         "`fastenr secrets rotate`",
                         SEAL_KEYS);
    struct seal_key *key = &ring->keys[ring->count];
    if (!decode_hex(str_trim(hex), key->bytes, SEAL_KEY))
        return error_set(err,
                         "%s holds no key: 64 hexadecimal digits are wanted; `fastenr secrets "
                         "init` makes one",
                         where);
    if (name_key(key, err) != 0)
        return -1;
    if (!keyring_find(ring, str_from(key->id)))
        ring->count++;
    return 0;
}

/* `forbidden`: the permission bits that it must not have. */
static int add_file(struct keyring *ring, const char *path, mode_t forbidden, struct error *err)
{
    struct stat st;
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    if (stat(path, &st) != 0)
        return error_set(err, "cannot read the key %s: %s; `fastenr secrets init` makes one", path,
                         strerror(errno));
    if (st.st_mode & forbidden)
        return error_set(err, "others may read the key %s: chmod 600 %s", path, path);
    int rc = file_read(path, &text, err);
    if (rc == 0)
        rc = add_key(ring, buf_view(&text), path, err);
    if (text.ptr)
        explicit_bzero(text.ptr, text.cap);
    buf_free(&text);
    return rc;
}

int keyring_read(struct keyring *ring, const struct str *sources, size_t count, const char *dir,
                 struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (!str_starts(sources[i], "file:")) {
            rc = add_key(ring, sources[i], "secrets.key", err);
            continue;
        }
        char name[4096];
        snprintf(name, sizeof name, "%.*s", (int)sources[i].len - 5, sources[i].ptr + 5);
        char *path = file_join(dir, name);
        rc = add_file(ring, path, 077, err);
        free(path);
    }
    return rc;
}

int keyring_read_systemd(struct keyring *ring, struct error *err)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    if (!dir || !*dir)
        return 0;
    char *path = file_join(dir, "fastenr.key");
    /* systemd may open it to the service's user by an access list, which shows as group bits. */
    int rc = file_exists(path) ? add_file(ring, path, 07, err) : 0;
    free(path);
    return rc;
}

static int write_key(int fd, struct world *world)
{
    uint8_t key[SEAL_KEY];
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    world->random(world->self, key, sizeof key);
    encode_hex(&text, (struct str){(const char *)key, sizeof key});
    buf_char(&text, '\n');
    ssize_t written = write(fd, text.ptr, text.len);
    bool whole = written == (ssize_t)text.len && fsync(fd) == 0;
    explicit_bzero(key, sizeof key);
    explicit_bzero(text.ptr, text.cap);
    buf_free(&text);
    return whole ? 0 : -1;
}

int keyring_make_file(const char *path, struct world *world, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err,
                         errno == EEXIST ? "%s is there already: what it sealed opens with it "
                                           "alone, so it is left as it is (%s)"
                                         : "cannot make %s: %s",
                         path, strerror(errno));
    int rc = write_key(fd, world);
    if (rc != 0)
        error_set(err, "cannot write %s: %s", path, strerror(errno));
    close(fd);
    if (rc != 0)
        unlink(path);
    return rc;
}

void keyring_wipe(struct keyring *ring)
{
    explicit_bzero(ring, sizeof *ring);
}

const struct seal_key *keyring_find(const struct keyring *ring, struct str id)
{
    for (size_t i = 0; i < ring->count; i++)
        if (str_is(id, ring->keys[i].id))
            return &ring->keys[i];
    return NULL;
}

/* ---- sealing ---- */

static bool begin(EVP_CIPHER_CTX *ctx, const struct seal_key *key, const uint8_t *nonce,
                  struct str place, int encrypt)
{
    int len;
    return EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce, encrypt) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &len, (const uint8_t *)place.ptr, (int)place.len) == 1;
}

static bool encrypt(EVP_CIPHER_CTX *ctx, const struct seal_key *key, struct str place,
                    struct str plain, uint8_t *out)
{
    int len = 0, last = 0;
    return begin(ctx, key, out + 1, place, 1) &&
           EVP_CipherUpdate(ctx, out + HEAD, &len, (const uint8_t *)plain.ptr, (int)plain.len) ==
               1 &&
           EVP_CipherFinal_ex(ctx, out + HEAD + len, &last) == 1 &&
           (size_t)len + (size_t)last == plain.len &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + HEAD + plain.len) == 1;
}

int seal(const struct seal_key *key, struct world *world, struct str place, struct str plain,
         struct buf *out, struct error *err)
{
    if (plain.len > SEAL_PLAIN_MAX)
        return error_set(err, "a secret of %zu bytes is too long to keep", plain.len);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && buf_reserve(out, plain.len + SEAL_OVERHEAD);
    if (ok) {
        uint8_t *to = (uint8_t *)out->ptr + out->len;
        to[0] = FORMAT;
        world->random(world->self, to + 1, NONCE);
        ok = encrypt(ctx, key, place, plain, to);
    }
    if (ok)
        out->ptr[out->len += plain.len + SEAL_OVERHEAD] = '\0';
    EVP_CIPHER_CTX_free(ctx);
    return ok ? 0 : error_set(err, "the crypto library cannot seal: is memory out?");
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const struct seal_key *key, struct str place,
                    struct str sealed, uint8_t *out)
{
    const uint8_t *from = (const uint8_t *)sealed.ptr;
    uint8_t tag[TAG];
    int len = 0, last = 0, plain = (int)(sealed.len - SEAL_OVERHEAD);
    memcpy(tag, from + HEAD + plain, TAG);
    return begin(ctx, key, from + 1, place, 0) &&
           EVP_CipherUpdate(ctx, out, &len, from + HEAD, plain) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
           EVP_CipherFinal_ex(ctx, out + len, &last) == 1;
}

int unseal(const struct seal_key *key, struct str place, struct str sealed, struct buf *out,
           struct error *err)
{
    if (sealed.len < SEAL_OVERHEAD || sealed.len > SEAL_PLAIN_MAX + SEAL_OVERHEAD ||
        sealed.ptr[0] != FORMAT)
        return error_set(err, "a sealed secret is cut short, or of a later version of fastenr");
    size_t plain = sealed.len - SEAL_OVERHEAD;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool room = ctx && buf_reserve(out, plain + 1);
    bool ok = room && decrypt(ctx, key, place, sealed, (uint8_t *)out->ptr + out->len);
    if (ok)
        out->ptr[out->len += plain] = '\0';
    else if (room)
        explicit_bzero(out->ptr + out->len, plain);
    EVP_CIPHER_CTX_free(ctx);
    return ok ? 0
              : error_set(err, "a sealed secret does not open: it was changed, or copied from "
                               "another store or connection");
}
