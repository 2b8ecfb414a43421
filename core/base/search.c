/* SPDX-License-Identifier: Apache-2.0 */
#include "base/search.h"

enum { BLOCK = 4, WINDOW_MAX = 64 };

static size_t slot_of(const char *block)
{
    uint32_t bytes;
    memcpy(&bytes, block, BLOCK);
    return bytes * UINT32_C(2654435761) >> 19; /* 13 bits: SEARCH_SLOTS */
}

/* A block that ends `left` bytes before the end of a window lets the window move on by as much. */
static void note_blocks(struct search *s, const char *text)
{
    for (size_t end = BLOCK; end <= s->window; end++) {
        uint8_t *skip = &s->skip[slot_of(text + end - BLOCK)];
        size_t left = s->window - end;
        if (left < *skip)
            *skip = (uint8_t)left;
    }
}

void search_prepare(struct search *s, const struct str *texts, size_t count)
{
    s->texts = texts;
    s->count = count;
    s->window = WINDOW_MAX;
    for (size_t i = 0; i < count; i++)
        if (texts[i].len < s->window)
            s->window = texts[i].len;
    memset(s->skip, (int)(s->window - BLOCK + 1), sizeof s->skip);
    for (size_t i = 0; i < count; i++)
        note_blocks(s, texts[i].ptr);
}

static bool longest_at(const struct search *s, struct str rest, struct str *ret_found)
{
    size_t best = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->texts[i].len > best && rest.len >= s->texts[i].len &&
            memcmp(rest.ptr, s->texts[i].ptr, s->texts[i].len) == 0)
            best = s->texts[i].len;
    *ret_found = (struct str){rest.ptr, best};
    return best > 0;
}

bool search_first(const struct search *s, struct str text, struct str *ret_found)
{
    if (s->count == 0)
        return false;
    for (size_t end = s->window; end <= text.len;) {
        size_t skip = s->skip[slot_of(text.ptr + end - BLOCK)], begin = end - s->window;
        if (skip == 0 && longest_at(s, str_slice(text, begin, text.len - begin), ret_found))
            return true;
        end += skip > 0 ? skip : 1;
    }
    return false;
}
