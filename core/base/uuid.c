/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <ctype.h>
#include <stdio.h>

#include "base/encode.h"
#include "base/time.h"

struct uuid uuid_v7(int64_t us, const uint8_t random[10])
{
    struct uuid id;
    uint64_t ms = (uint64_t)(us / US_PER_MS);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    memcpy(id.bytes + 6, random, 10);
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

const char *uuid_format(const struct uuid *id, char out[UUID_TEXT])
{
    const uint8_t *b = id->bytes;
    snprintf(out, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
    return out;
}

bool uuid_parse(struct str text, struct uuid *ret_id)
{
    char hex[2 * UUID_SIZE];
    size_t n = 0;
    if (text.len != UUID_TEXT - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text.ptr[i] == '-'))
            return false;
        if (!dash)
            hex[n++] = (char)tolower((unsigned char)text.ptr[i]);
    }
    return decode_hex((struct str){hex, sizeof hex}, ret_id->bytes, UUID_SIZE);
}
