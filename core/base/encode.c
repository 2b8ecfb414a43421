/* SPDX-License-Identifier: Apache-2.0 */
#include "base/encode.h"

#include <ctype.h>

static const char lower_hex[] = "0123456789abcdef";

void encode_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        buf_append(out, (char[]){lower_hex[c >> 4], lower_hex[c & 15]}, 2);
    }
}

void encode_base64(struct buf *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        unsigned char in[3] = {0};
        memcpy(in, bytes.ptr + i, left < 3 ? left : 3);
        char quad[4] = {digits[in[0] >> 2], digits[(in[0] & 3) << 4 | in[1] >> 4],
                        left > 1 ? digits[(in[1] & 15) << 2 | in[2] >> 6] : '=',
                        left > 2 ? digits[in[2] & 63] : '='};
        buf_append(out, quad, 4);
    }
}

void encode_percent(struct buf *out, struct str bytes)
{
    static const char upper_hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
            buf_char(out, (char)c);
        else
            buf_append(out, (char[]){'%', upper_hex[c >> 4], upper_hex[c & 15]}, 3);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool decode_hex(struct str text, uint8_t *ret_bytes, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.ptr[2 * i]), low = hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int32_t decode_json_unit(struct str text)
{
    char digits[4];
    uint8_t unit[2];
    if (text.len < 6 || text.ptr[0] != '\\' || text.ptr[1] != 'u')
        return -1;
    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = (char)tolower((unsigned char)text.ptr[2 + i]);
    if (!decode_hex((struct str){digits, sizeof digits}, unit, sizeof unit))
        return -1;
    return unit[0] << 8 | unit[1];
}

/* In a triple either case may stand (RFC 3986 section 2.1). */
static int percent_digit(char c)
{
    return hex_digit(c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c);
}

void decode_percent(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool triple = text.ptr[i] == '%' && i + 2 < text.len;
        int high = triple ? percent_digit(text.ptr[i + 1]) : -1;
        int low = triple ? percent_digit(text.ptr[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            buf_char(out, (char)(high << 4 | low));
            i += 2;
        } else {
            buf_char(out, text.ptr[i]);
        }
    }
}
