/* SPDX-License-Identifier: Apache-2.0 */
/* A message authentication code that grows with its message: HMAC-SHA256 (RFC 2104). Compare with
 * str_eq_secret. */
#ifndef BASE_MAC_H
#define BASE_MAC_H

#include "base/str.h"

enum { MAC_SIZE = 32 };

struct mac;

/* NULL when the crypto library cannot. */
struct mac *mac_new(struct str key);
/* -1: it fails from here on. */
int mac_add(struct mac *mac, struct str piece);
int mac_end(struct mac *mac, uint8_t ret_code[MAC_SIZE]);
void mac_free(struct mac *mac);

#endif
