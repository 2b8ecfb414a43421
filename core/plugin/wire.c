/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/wire.h"

static void put_le(struct buf *out, uint64_t value, size_t bytes)
{
    char raw[8];
    for (size_t i = 0; i < bytes; i++)
        raw[i] = (char)(value >> (8 * i));
    buf_append(out, raw, bytes);
}

void wire_put_u32(struct buf *out, uint32_t value)
{
    put_le(out, value, 4);
}

void wire_put_u64(struct buf *out, uint64_t value)
{
    put_le(out, value, 8);
}

void wire_put_i64(struct buf *out, int64_t value)
{
    put_le(out, (uint64_t)value, 8);
}

void wire_put_str(struct buf *out, struct str value)
{
    put_le(out, value.len, 4);
    buf_str(out, value);
    if (value.len > UINT32_MAX)
        out->full = true;
}

static uint64_t get_le(struct wire_reader *r, size_t bytes)
{
    uint64_t value = 0;
    if (r->bad || r->rest.len < bytes) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)r->rest.ptr[i] << (8 * i);
    r->rest = str_slice(r->rest, bytes, r->rest.len - bytes);
    return value;
}

uint32_t wire_u32(struct wire_reader *r)
{
    return (uint32_t)get_le(r, 4);
}

uint64_t wire_u64(struct wire_reader *r)
{
    return get_le(r, 8);
}

int64_t wire_i64(struct wire_reader *r)
{
    return (int64_t)get_le(r, 8);
}

struct str wire_str(struct wire_reader *r, size_t max)
{
    size_t len = wire_u32(r);
    if (r->bad || len > max || len > r->rest.len) {
        r->bad = true;
        return (struct str){"", 0};
    }
    struct str value = str_slice(r->rest, 0, len);
    r->rest = str_slice(r->rest, len, r->rest.len - len);
    return value;
}

uint32_t wire_count(struct wire_reader *r, uint32_t max)
{
    uint32_t count = wire_u32(r);
    if (count > max)
        r->bad = true;
    return r->bad ? 0 : count;
}

bool wire_done(const struct wire_reader *r)
{
    return !r->bad && r->rest.len == 0;
}
