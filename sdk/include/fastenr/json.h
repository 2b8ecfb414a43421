/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer for connectors: writes into a buffer of the caller's, allocates nothing.
 *
 *     char buf[512];
 *     struct fastenr_json j = fastenr_json_begin(buf, sizeof buf);
 *     fastenr_json_open(&j, '{');
 *     fastenr_json_key(&j, "limit");
 *     fastenr_json_int(&j, 200);
 *     fastenr_json_close(&j, '}');
 *     struct fastenr_str body;
 *     if (!fastenr_json_end(&j, &body)) ... the buffer was too small
 *
 * Commas and escapes (RFC 8259 section 7) are its work. It does not check nesting.
 */
#ifndef FASTENR_JSON_H
#define FASTENR_JSON_H

#include <string.h>
#include "fastenr/connector.h"

struct fastenr_json {
    char *buf;
    uint64_t cap;
    uint64_t len;        /* grows past cap: what would have been needed */
    int32_t needs_comma; /* a value stands before the next one */
};

static inline struct fastenr_json fastenr_json_begin(char *buf, uint64_t cap)
{
    struct fastenr_json j;
    j.buf = buf;
    j.cap = cap;
    j.len = 0;
    j.needs_comma = 0;
    return j;
}

/* Bytes as they are; for text that is JSON already, with fastenr_json_value. */
static inline void fastenr_json_raw(struct fastenr_json *j, const char *ptr, uint64_t len)
{
    if (len > 0 && j->len <= j->cap && len <= j->cap - j->len)
        memcpy(j->buf + j->len, ptr, (size_t)len);
    j->len += len;
}

static inline void fastenr_json_comma(struct fastenr_json *j)
{
    if (j->needs_comma)
        fastenr_json_raw(j, ",", 1);
    j->needs_comma = 1;
}

/* `bracket` is '{' or '['. */
static inline void fastenr_json_open(struct fastenr_json *j, char bracket)
{
    fastenr_json_comma(j);
    fastenr_json_raw(j, &bracket, 1);
    j->needs_comma = 0;
}

/* `bracket` is '}' or ']'. */
static inline void fastenr_json_close(struct fastenr_json *j, char bracket)
{
    fastenr_json_raw(j, &bracket, 1);
    j->needs_comma = 1;
}

static inline void fastenr_json_quote(struct fastenr_json *j, struct fastenr_str text)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t i;
    fastenr_json_raw(j, "\"", 1);
    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            char escape[2];
            escape[0] = '\\';
            escape[1] = (char)c;
            fastenr_json_raw(j, escape, 2);
        } else if (c < 0x20) {
            char escape[6] = {'\\', 'u', '0', '0', '0', '0'};
            escape[4] = hex[c >> 4];
            escape[5] = hex[c & 15];
            fastenr_json_raw(j, escape, 6);
        } else {
            fastenr_json_raw(j, text.ptr + i, 1);
        }
    }
    fastenr_json_raw(j, "\"", 1);
}

static inline void fastenr_json_str(struct fastenr_json *j, struct fastenr_str text)
{
    fastenr_json_comma(j);
    fastenr_json_quote(j, text);
}

/* A literal or other terminated string. */
static inline void fastenr_json_text(struct fastenr_json *j, const char *text)
{
    struct fastenr_str s;
    s.ptr = text;
    s.len = strlen(text);
    fastenr_json_str(j, s);
}

static inline void fastenr_json_key(struct fastenr_json *j, const char *key)
{
    fastenr_json_text(j, key);
    fastenr_json_raw(j, ":", 1);
    j->needs_comma = 0;
}

/* Writes a decimal number into `out` (at least 21 bytes) and returns its length. */
static inline uint64_t fastenr_format_int(int64_t value, char *out)
{
    char digits[20];
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t n = 0, len = 0;
    do {
        digits[n++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (value < 0)
        out[len++] = '-';
    while (n > 0)
        out[len++] = digits[--n];
    return len;
}

static inline void fastenr_json_int(struct fastenr_json *j, int64_t value)
{
    char text[21];
    uint64_t len = fastenr_format_int(value, text);
    fastenr_json_comma(j);
    fastenr_json_raw(j, text, len);
}

/* JSON text that is a whole value already. */
static inline void fastenr_json_value(struct fastenr_json *j, struct fastenr_str json)
{
    fastenr_json_comma(j);
    fastenr_json_raw(j, json.ptr, json.len);
}

/* Returns 1 and the text, or 0 when the buffer was too small. */
static inline int32_t fastenr_json_end(const struct fastenr_json *j, struct fastenr_str *ret_text)
{
    if (j->len > j->cap)
        return 0;
    ret_text->ptr = j->buf;
    ret_text->len = j->len;
    return 1;
}

#endif
