/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/width.h"

size_t utf8_decode(struct str s, uint32_t *ret_char)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    *ret_char = 0xfffd;
    if (len > s.len || !str_is_utf8(str_slice(s, 0, len)))
        return 0;
    uint32_t c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    *ret_char = c;
    return len;
}

struct range {
    uint32_t from, to;
};

static bool within(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return true;
    return false;
}

/* The blocks of Unicode that terminals draw two columns wide (East Asian Width W and F, emoji) and
 * those that take none (combining marks, joiners, variation selectors). */
static int char_width(uint32_t c)
{
    static const struct range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                                        {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                        {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
                                        {0x20000, 0x3fffd}};
    static const struct range none[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
                                        {0x064b, 0x065f}, {0x200b, 0x200f}, {0x20d0, 0x20ff},
                                        {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
    if (c < 0x300)
        return 1;
    if (within(c, none, sizeof none / sizeof none[0]))
        return 0;
    return within(c, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

int text_width(struct str s)
{
    int width = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t len = utf8_decode(str_slice(s, i, s.len - i), &c);
        width += char_width(c);
        i += len > 0 ? len : 1;
    }
    return width;
}

size_t text_fit(struct str s, int columns)
{
    size_t i = 0;
    int width = 0;
    while (i < s.len) {
        uint32_t c;
        size_t len = utf8_decode(str_slice(s, i, s.len - i), &c);
        width += char_width(c);
        if (width > columns)
            return i;
        i += len > 0 ? len : 1;
    }
    return i;
}
