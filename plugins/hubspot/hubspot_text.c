/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: URLs to build, and the JSON arrays that json_get gives for a `[*]` path to take apart. */
#include "hubspot.h"

struct fastenr_str hubspot_text(const char *text)
{
    struct fastenr_str s = {text, strlen(text)};
    return s;
}

int32_t hubspot_equal(struct fastenr_str s, const char *text)
{
    return s.len == strlen(text) && (s.len == 0 || memcmp(s.ptr, text, (size_t)s.len) == 0);
}

/* ---- URLs ---- */

static void put(struct hubspot_url *url, char c)
{
    if (url->len < url->cap)
        url->buf[url->len] = c;
    url->len++;
}

void hubspot_url_text(struct hubspot_url *url, const char *text)
{
    while (*text)
        put(url, *text++);
}

static int32_t is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void hubspot_url_value(struct hubspot_url *url, struct fastenr_str value)
{
    static const char hex[] = "0123456789ABCDEF";
    for (uint64_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            put(url, c);
            continue;
        }
        put(url, '%');
        put(url, hex[(unsigned char)c >> 4]);
        put(url, hex[(unsigned char)c & 15]);
    }
}

int32_t hubspot_url_end(const struct hubspot_url *url, struct fastenr_str *ret_text)
{
    if (url->len > url->cap)
        return 0;
    ret_text->ptr = url->buf;
    ret_text->len = url->len;
    return 1;
}

/* ---- arrays ---- */

struct hubspot_array hubspot_array(struct fastenr_str json)
{
    struct hubspot_array array = {json.ptr, json.ptr + json.len, 0, 0};
    return array;
}

static void skip_space(struct hubspot_array *a)
{
    while (a->at < a->end && (*a->at == ' ' || *a->at == '\t' || *a->at == '\n' || *a->at == '\r'))
        a->at++;
}

/* Past the closing quote of a string that begins here; 0 when there is none. */
static int32_t skip_string(struct hubspot_array *a)
{
    for (a->at++; a->at < a->end; a->at++) {
        if (*a->at == '\\' && a->end - a->at > 1)
            a->at++;
        else if (*a->at == '"')
            break;
    }
    if (a->at >= a->end)
        return 0;
    a->at++;
    return 1;
}

/* Past one value, whatever it is. The host has parsed the text already, so that brackets need only
 * be counted. */
static int32_t skip_value(struct hubspot_array *a)
{
    const char *from = a->at;
    uint64_t depth = 0;
    while (a->at < a->end) {
        char c = *a->at;
        if (depth == 0 && (c == ',' || c == ']'))
            break;
        if (c == '"') {
            if (!skip_string(a))
                return 0;
            continue;
        }
        if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
        a->at++;
    }
    return a->at > from && a->at < a->end;
}

static int32_t broken(struct hubspot_array *a)
{
    a->broken = 1;
    return 0;
}

int32_t hubspot_array_next(struct hubspot_array *a, struct fastenr_str *ret_element)
{
    if (a->broken)
        return 0;
    skip_space(a);
    if (a->at >= a->end || (!a->begun && *a->at != '['))
        return broken(a);
    if (a->begun && *a->at == ']')
        return 0;
    if (a->begun && *a->at != ',')
        return broken(a);
    a->at++;
    skip_space(a);
    if (!a->begun && a->at < a->end && *a->at == ']') {
        a->begun = 1;
        return 0;
    }
    a->begun = 1;
    const char *from = a->at;
    if (!skip_value(a))
        return broken(a);
    ret_element->ptr = from;
    ret_element->len = (uint64_t)(a->at - from);
    return 1;
}

/* ---- strings ---- */

struct unquoter {
    const char *at, *end;
    char *buf;
    uint64_t cap, len;
};

static int32_t add(struct unquoter *u, uint32_t byte)
{
    if (u->len >= u->cap)
        return 0;
    u->buf[u->len++] = (char)(unsigned char)byte;
    return 1;
}

static int32_t add_utf8(struct unquoter *u, uint32_t c)
{
    if (c < 0x80)
        return add(u, c);
    if (c < 0x800)
        return add(u, 0xc0 | c >> 6) && add(u, 0x80 | (c & 63));
    if (c < 0x10000)
        return add(u, 0xe0 | c >> 12) && add(u, 0x80 | (c >> 6 & 63)) && add(u, 0x80 | (c & 63));
    return add(u, 0xf0 | c >> 18) && add(u, 0x80 | (c >> 12 & 63)) &&
           add(u, 0x80 | (c >> 6 & 63)) && add(u, 0x80 | (c & 63));
}

static int32_t hex4(struct unquoter *u, uint32_t *ret)
{
    uint32_t value = 0;
    if (u->end - u->at < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        char c = *u->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (uint32_t)((c | 32) - 'a' + 10);
        else
            return 0;
        value = value << 4 | digit;
    }
    *ret = value;
    return 1;
}

/* After "\u". */
static int32_t add_escaped_unit(struct unquoter *u)
{
    uint32_t c, low;
    if (!hex4(u, &c) || (c >= 0xdc00 && c < 0xe000))
        return 0;
    if (c >= 0xd800 && c < 0xdc00) {
        if (u->end - u->at < 2 || u->at[0] != '\\' || u->at[1] != 'u')
            return 0;
        u->at += 2;
        if (!hex4(u, &low) || low < 0xdc00 || low >= 0xe000)
            return 0;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return add_utf8(u, c);
}

/* After a backslash. */
static int32_t add_escaped(struct unquoter *u)
{
    static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    if (u->at >= u->end)
        return 0;
    char c = *u->at++;
    if (c == 'u')
        return add_escaped_unit(u);
    const char *found = c == '\0' ? NULL : strchr(names, c);
    return found && add(u, (unsigned char)bytes[found - names]);
}

int32_t hubspot_unquote(struct fastenr_str json, char *buf, uint64_t cap,
                        struct fastenr_str *ret_text)
{
    if (json.len < 2 || json.ptr[0] != '"' || json.ptr[json.len - 1] != '"')
        return 0;
    struct unquoter u = {json.ptr + 1, json.ptr + json.len - 1, buf, cap, 0};
    while (u.at < u.end) {
        char c = *u.at++;
        if (c == '\\' ? !add_escaped(&u) : !add(&u, (unsigned char)c))
            return 0;
    }
    ret_text->ptr = buf;
    ret_text->len = u.len;
    return 1;
}

/* ---- ids ---- */

int32_t hubspot_is_id(struct fastenr_str s)
{
    if (s.len == 0 || s.len > HUBSPOT_ID_MAX || s.ptr[0] == '0')
        return 0;
    for (uint64_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return 0;
    return 1;
}

int32_t hubspot_id_after(struct fastenr_str a, struct fastenr_str b)
{
    if (a.len != b.len)
        return a.len > b.len;
    return a.len > 0 && memcmp(a.ptr, b.ptr, (size_t)a.len) > 0;
}

/* HubSpot's are digits today, and it promises nothing: any short token will do. */
int32_t hubspot_is_cursor(struct fastenr_str s)
{
    static const char others[] = "-_=.~+/";
    if (s.len == 0 || s.len > HUBSPOT_CURSOR_MAX)
        return 0;
    for (uint64_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(others, c))))
            return 0;
    }
    return 1;
}

struct fastenr_str hubspot_text_at(const struct fastenr_table *texts, uint32_t i)
{
    const char *row = (const char *)texts->rows + (size_t)i * texts->stride;
    return *(const struct fastenr_str *)(const void *)row;
}
