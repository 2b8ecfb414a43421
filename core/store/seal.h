/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing of secrets at rest: AES-256-GCM (NIST SP 800-38D) under a key that is kept outside the
 * store.
 *
 * A sealed secret is 1 byte format, 12 bytes random nonce, the ciphertext, 16 bytes tag. It opens
 * only in the place it was sealed for: the store, the connection and the name are authenticated
 * with it. Keys change by a ring: the first key seals, all of them open.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "base/buf.h"
#include "base/error.h"
#include "base/world.h"

enum { SEAL_KEY = 32, SEAL_ID = 16, SEAL_KEYS = 8, SEAL_PLAIN_MAX = 64 * 1024, SEAL_OVERHEAD = 29 };

struct seal_key {
    char id[SEAL_ID + 1]; /* the beginning of the key's SHA-256, in hexadecimal */
    uint8_t bytes[SEAL_KEY];
};

struct keyring {
    struct seal_key keys[SEAL_KEYS];
    size_t count;
};

/* Adds keys in their order. A source is "file:PATH" (relative to `dir`; readable by its owner
 * alone) or the key itself: 64 hexadecimal digits. */
int keyring_read(struct keyring *ring, const struct str *sources, size_t count, const char *dir,
                 struct error *err);

/* Adds systemd's credential "fastenr.key" when the service has one; nothing when it has none. */
int keyring_read_systemd(struct keyring *ring, struct error *err);

/* Makes a file with a new key, mode 0600; one that is there is left alone and is a failure. */
int keyring_make_file(const char *path, struct world *world, struct error *err);

void keyring_wipe(struct keyring *ring);

/* NULL: the ring does not have it. */
const struct seal_key *keyring_find(const struct keyring *ring, struct str id);

/* Appends the sealed bytes. `place` is authenticated, not kept. */
int seal(const struct seal_key *key, struct world *world, struct str place, struct str plain,
         struct buf *out, struct error *err);

/* Appends what was sealed; wipe it after use. -1: wrong key, wrong place, or changed bytes. */
int unseal(const struct seal_key *key, struct str place, struct str sealed, struct buf *out,
           struct error *err);

#endif
