/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/encode.h"

/* JSON in strings of JSON in strings of JSON. */
enum { NESTED_MOST = 3 };

/* ---- characters ---- */

/* Spaces, punctuation and symbols beyond ASCII, which may stand beside an address. */
static bool is_mark(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } marks[] = {{0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},      {0xbb, 0xbf},
                 {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2000, 0x206f},  {0x2190, 0x2bff},
                 {0x2e00, 0x2e7f}, {0x3000, 0x3003}, {0x3008, 0x3020},  {0xfe00, 0xfe6f},
                 {0xfeff, 0xfeff}, {0xff01, 0xff0f}, {0xff1a, 0xff20},  {0xff3b, 0xff40},
                 {0xff5b, 0xff65}, {0xfffd, 0xfffd}, {0x1f000, 0x1faff}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (c >= marks[i].first && c <= marks[i].last)
            return true;
    return false;
}

/* The character at the beginning of a text, which is not empty, and how long it is; U+FFFD for a
 * byte that begins none. */
static uint32_t first_character(struct str s, size_t *ret_len)
{
    unsigned char lead = (unsigned char)s.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    *ret_len = 1;
    if (len == 1)
        return lead;
    if (len > s.len || !str_is_utf8(str_slice(s, 0, len)))
        return 0xfffd;
    uint32_t c = lead & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    *ret_len = len;
    return c;
}

static uint32_t last_character(struct str s)
{
    size_t len = 1, found;
    while (len < 4 && len < s.len && ((unsigned char)s.ptr[s.len - len] & 0xc0) == 0x80)
        len++;
    uint32_t c = first_character(str_slice(s, s.len - len, len), &found);
    return found == len ? c : 0xfffd;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

static bool is_address_character(uint32_t c, const char *others)
{
    return c >= 0x80 ? !is_mark(c) : isalnum((int)c) || is_one_of((char)c, others);
}

/* ---- texts ---- */

static bool stands_alone(struct str before, struct str behind)
{
    size_t len;
    while (before.len > 0 && is_one_of(before.ptr[before.len - 1], ".'"))
        before.len--;
    while (behind.len > 0 && is_one_of(behind.ptr[0], ".-"))
        behind = str_slice(behind, 1, behind.len - 1);
    return !(before.len > 0 && is_address_character(last_character(before), "_%+-@")) &&
           !(behind.len > 0 && is_address_character(first_character(behind, &len), "_@"));
}

bool address_in_text(struct str text, struct str address)
{
    ptrdiff_t local = str_find(address, '@');
    for (size_t from = 0; local >= 0 && from < text.len;) {
        ptrdiff_t at = str_find(str_slice(text, from, text.len - from), '@');
        if (at < 0)
            return false;
        size_t sign = from + (size_t)at, start = sign - (size_t)local;
        from = sign + 1;
        if (sign < (size_t)local || text.len - start < address.len ||
            !str_eq_nocase(str_slice(text, start, address.len), address))
            continue;
        size_t end = start + address.len;
        if (stands_alone(str_slice(text, 0, start), str_slice(text, end, text.len - end)))
            return true;
    }
    return false;
}

/* ---- JSON ---- */

static void put_character(struct buf *out, uint32_t c)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    buf_char(out, (char)(c >> (6 * (len - 1)) | leads[len]));
    for (size_t i = len - 1; i > 0; i--)
        buf_char(out, (char)(0x80 | (c >> (6 * (i - 1)) & 0x3f)));
}

/* The escape at the beginning, at least a backslash; how long it was. What is none stays. */
static size_t resolve_escape(struct buf *out, struct str s)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *name = s.len > 1 && is_one_of(s.ptr[1], names) ? strchr(names, s.ptr[1]) : NULL;
    int32_t unit = decode_json_unit(s);
    if (name) {
        buf_char(out, meant[name - names]);
        return 2;
    }
    if (unit < 0) {
        buf_char(out, s.ptr[0]);
        return 1;
    }
    int32_t low = unit >> 10 == 0xd800 >> 10 ? decode_json_unit(str_slice(s, 6, s.len - 6)) : -1;
    if (low >> 10 == 0xdc00 >> 10) {
        put_character(out, 0x10000 + ((uint32_t)(unit & 0x3ff) << 10 | (uint32_t)(low & 0x3ff)));
        return 12;
    }
    put_character(out, unit >> 11 == 0xd800 >> 11 ? 0xfffd : (uint32_t)unit);
    return 6;
}

/* Never longer than the text. */
static void resolve_escapes(struct buf *out, struct str text)
{
    while (text.len > 0) {
        ptrdiff_t at = str_find(text, '\\');
        size_t plain = at < 0 ? text.len : (size_t)at;
        buf_str(out, str_slice(text, 0, plain));
        text = str_slice(text, plain, text.len - plain);
        if (text.len == 0)
            return;
        size_t used = resolve_escape(out, text);
        text = str_slice(text, used, text.len - used);
    }
}

bool address_in_json(struct str json, struct str address)
{
    struct buf plain = BUF_INIT(json.len + 1), next = BUF_INIT(json.len + 1);
    bool found = false;
    if (str_find(json, '\\') < 0)
        return address_in_text(json, address);
    for (int i = 0; i < NESTED_MOST && !found; i++) {
        next.len = 0;
        resolve_escapes(&next, i == 0 ? json : buf_view(&plain));
        found = address_in_text(buf_view(&next), address);
        struct buf last = plain;
        plain = next;
        next = last;
        if (str_find(buf_view(&plain), '\\') < 0)
            break;
    }
    buf_free(&plain);
    buf_free(&next);
    return found;
}

/* Takes the next string off the front of the text: what is between its quotes. */
static bool next_string(struct str *rest, struct str *ret_inside)
{
    ptrdiff_t quote = str_find(*rest, '"');
    if (quote < 0)
        return false;
    size_t start = (size_t)quote + 1, end = start;
    while (end < rest->len && rest->ptr[end] != '"')
        end += rest->ptr[end] == '\\' && end + 1 < rest->len ? 2 : 1;
    *ret_inside = str_slice(*rest, start, end - start);
    *rest = end < rest->len ? str_slice(*rest, end + 1, rest->len - end - 1) : STR("");
    return true;
}

bool address_is_value(struct str json, struct str address)
{
    enum { LONGEST = 6 * 256 }; /* each character escaped; addresses have 254 at most */
    struct buf text = BUF_INIT(LONGEST);
    struct str string;
    bool found = false;
    while (!found && next_string(&json, &string)) {
        struct str behind = str_trim(json);
        if (behind.len > 0 && behind.ptr[0] == ':')
            continue;
        text.len = 0;
        string = str_trim(string);
        if (string.len <= LONGEST)
            resolve_escapes(&text, string);
        found = str_eq_nocase(str_trim(buf_view(&text)), address);
    }
    buf_free(&text);
    return found;
}
