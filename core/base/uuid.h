/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/str.h"

enum { UUID_SIZE = 16, UUID_TEXT = 37 };

struct uuid {
    uint8_t bytes[UUID_SIZE];
};

/* UUIDv7 (RFC 9562 section 5.7) from a time and ten random bytes. */
struct uuid uuid_v7(int64_t us, const uint8_t random[10]);

const char *uuid_format(const struct uuid *id, char out[UUID_TEXT]);
bool uuid_parse(struct str text, struct uuid *ret_id);

#endif
