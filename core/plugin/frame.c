/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/frame.h"

static void put_u32(char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (char)(value >> (8 * i));
}

static uint32_t get_u32(const char *in)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (uint32_t)(unsigned char)in[i] << (8 * i);
    return value;
}

size_t frame_cut(uint32_t kind, uint32_t call, struct str payload, size_t *offset,
                 char out[FRAME_MAX])
{
    size_t len = payload.len - *offset;
    uint32_t flags = 0;
    if (len > FRAME_PAYLOAD) {
        len = FRAME_PAYLOAD;
        flags = FRAME_MORE;
    }
    put_u32(out, kind);
    put_u32(out + 4, call);
    put_u32(out + 8, flags);
    put_u32(out + 12, (uint32_t)len);
    if (len > 0)
        memcpy(out + FRAME_HEADER, payload.ptr + *offset, len);
    *offset += len;
    return FRAME_HEADER + len;
}

int frame_join(struct message *into, bool *more, struct str frame)
{
    if (frame.len < FRAME_HEADER || frame.len > FRAME_MAX)
        return -1;
    uint32_t kind = get_u32(frame.ptr), call = get_u32(frame.ptr + 4);
    uint32_t flags = get_u32(frame.ptr + 8), len = get_u32(frame.ptr + 12);
    if (len != frame.len - FRAME_HEADER || (flags & ~(uint32_t)FRAME_MORE) != 0)
        return -1;
    if (*more && (kind != into->kind || call != into->call))
        return -1;
    if ((flags & FRAME_MORE) && len != FRAME_PAYLOAD) /* only full frames: no flood of small ones */
        return -1;
    if (!*more)
        buf_clear(&into->payload);
    into->kind = kind;
    into->call = call;
    buf_append(&into->payload, frame.ptr + FRAME_HEADER, len);
    if (into->payload.full)
        return -1;
    *more = (flags & FRAME_MORE) != 0;
    return *more ? 0 : 1;
}
