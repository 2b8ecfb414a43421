/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

enum { SIPHASH_KEY = 16, SHA256_SIZE = 32 };

/* SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit hash that stays fast on short values.
 */
uint64_t siphash(const uint8_t key[SIPHASH_KEY], struct str s);

/* FIPS 180-4. Returns -1 when the library cannot (out of memory). */
int sha256(struct str s, uint8_t ret_digest[SHA256_SIZE]);

#endif
