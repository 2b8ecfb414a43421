/* SPDX-License-Identifier: Apache-2.0 */
/* The parser: one pass over a copy of the text, in which strings are decoded where they stand; all
 * else is the document's arena's, so that a document is freed at once. What it costs is bounded by
 * the length of the text, whatever names an object has. */
#include <stdlib.h>

#include "base/json_internal.h"
#include "base/mem.h"

enum { LINEAR_MOST = 32 /* members that are searched one after another */ };

struct parser {
    char *at, *end; /* the copy; *end is a NUL */
    const char *why;
    struct json_document *document;
    struct json_member *stack; /* members and elements of what is open, the innermost last */
    size_t count, cap;
    int depth;
};

static bool refuse(struct parser *p, const char *why)
{
    if (!p->why)
        p->why = p->at >= p->end ? "it ends too early" : why;
    return false;
}

static void skip_space(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t')
        p->at++;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits at `at`, or -1. A NUL, which ends the copy, is no digit. */
static int32_t read_unit(const char *at)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (char)(lead[more] | c >> (6 * more));
    while (more-- > 0)
        *out++ = (char)(0x80 | (c >> (6 * more) & 0x3f));
    return out;
}

/* After "\u". Half of a pair, which is no character, becomes U+FFFD. */
static bool read_unicode(struct parser *p, char **out)
{
    int32_t unit = read_unit(p->at);
    if (unit < 0)
        return refuse(p, "\\u without four hexadecimal digits");
    p->at += 4;
    uint32_t c = (uint32_t)unit;
    if (unit >= 0xd800 && unit < 0xdc00 && p->at[0] == '\\' && p->at[1] == 'u') {
        int32_t low = read_unit(p->at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
            p->at += 6;
        }
    }
    *out = put_utf8(*out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return true;
}

static bool read_escape(struct parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *p->at;
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (c != 'u' && !known)
        return refuse(p, "an escape that there is not");
    p->at++;
    if (c == 'u')
        return read_unicode(p, out);
    *(*out)++ = to[known - from];
    return true;
}

/* Of characters that stand for themselves; control characters too, which some vendors send. */
static char *skip_plain(char *at)
{
    while (*at != '"' && *at != '\\' && *at != '\0')
        at++;
    return at;
}

/* After the opening quote. What is decoded is never longer than what it was written as. */
static bool read_string(struct parser *p, const char **ret_text, uint32_t *ret_len)
{
    char *start = p->at, *out = skip_plain(start);
    p->at = out;
    while (*p->at == '\\') {
        p->at++;
        if (!read_escape(p, &out))
            return false;
        char *plain = p->at;
        p->at = skip_plain(plain);
        memmove(out, plain, (size_t)(p->at - plain));
        out += p->at - plain;
    }
    if (*p->at != '"')
        return refuse(p, "a NUL in a string");
    p->at++;
    *out = '\0';
    *ret_text = start;
    *ret_len = (uint32_t)(out - start);
    return true;
}

/* ---- numbers and names ---- */

static bool skip_digits(struct parser *p)
{
    char *start = p->at;
    while (*p->at >= '0' && *p->at <= '9')
        p->at++;
    return p->at > start || refuse(p, "a digit is missing");
}

static bool read_number(struct parser *p, struct json *ret)
{
    const char *start = p->at;
    bool whole = true;
    p->at += *p->at == '-';
    if (*p->at == '0' && p->at[1] >= '0' && p->at[1] <= '9')
        return refuse(p, "a number that begins with 0");
    if (!skip_digits(p))
        return false;
    if (*p->at == '.') {
        whole = false;
        p->at++;
        if (!skip_digits(p))
            return false;
    }
    if (*p->at == 'e' || *p->at == 'E') {
        whole = false;
        p->at++;
        p->at += *p->at == '+' || *p->at == '-';
        if (!skip_digits(p))
            return false;
    }
    int64_t value;
    struct str text = {start, (size_t)(p->at - start)};
    ret->kind = whole && str_to_i64(text, &value) ? JSON_INT : JSON_DOUBLE;
    ret->text = start;
    ret->len = (uint32_t)text.len;
    return true;
}

static bool read_name(struct parser *p, const char *name, size_t len, struct json *ret,
                      enum json_kind kind)
{
    if (strncmp(p->at, name, len) != 0)
        return refuse(p, "an unexpected character");
    p->at += len;
    ret->kind = (uint8_t)kind;
    ret->truth = *name == 't';
    return true;
}

/* ---- objects ---- */

uint32_t json_name_hash(struct str name)
{
    uint32_t hash = 2166136261u; /* FNV-1a: only to tell names apart soon */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    return hash;
}

static int compare_names(const struct json_member *a, const struct json_member *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return str_cmp((struct str){a->name, a->len}, (struct str){b->name, b->len});
}

/* By name, then by place. */
static int by_name(const void *a, const void *b, void *arg)
{
    const struct json_member *members = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int c = compare_names(&members[x], &members[y]);
    return c != 0 ? c : (x > y) - (x < y);
}

ptrdiff_t json_find_member(const struct json_object *o, struct str name)
{
    const struct json_member wanted = {
        .name = name.ptr, .len = (uint32_t)name.len, .hash = json_name_hash(name)};
    if (name.len > UINT32_MAX)
        return -1;
    for (size_t i = 0; i < o->count && !o->index; i++)
        if (o->members[i].hash == wanted.hash && compare_names(&o->members[i], &wanted) == 0)
            return (ptrdiff_t)i;
    for (size_t low = 0, high = o->index ? o->count : 0; low < high;) {
        size_t middle = low + (high - low) / 2;
        int c = compare_names(&o->members[o->index[middle]], &wanted);
        if (c == 0)
            return o->index[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* Of several members with one name the first place has the last value. */
static void add_unique(struct json_object *o, const struct json_member *m)
{
    ptrdiff_t at = json_find_member(o, (struct str){m->name, m->len});
    if (at >= 0)
        o->members[at].value = m->value;
    else
        o->members[o->count++] = *m;
}

/* As add_unique of all, for many. */
static void add_sorted(struct json_object *o, const struct json_member *from, size_t count,
                       struct arena *arena)
{
    uint32_t *order = arena_new(arena, count, sizeof order[0]);
    uint32_t *first = arena_new(arena, count, sizeof first[0]); /* the place of one's first twin */
    uint32_t *place = arena_new(arena, count, sizeof place[0]); /* of first ones: in the result */
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, count, sizeof order[0], by_name, (void *)(uintptr_t)from);
    for (size_t i = 0; i < count; i++) {
        bool twin = i > 0 && compare_names(&from[order[i - 1]], &from[order[i]]) == 0;
        first[order[i]] = twin ? first[order[i - 1]] : order[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        if (first[i] == i) {
            place[i] = (uint32_t)o->count;
            o->members[o->count++] = from[i];
        } else {
            o->members[place[first[i]]].value = from[i].value;
        }
    }
    o->index = order;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (first[order[i]] == order[i])
            o->index[n++] = place[order[i]];
}

static struct json_object *make_object(struct parser *p, const struct json_member *from,
                                       size_t count)
{
    struct arena *arena = &p->document->arena;
    struct json_object *o = arena_new(arena, 1, sizeof *o);
    o->document = p->document;
    o->cap = count;
    o->members = arena_new(arena, count, sizeof o->members[0]);
    if (count > LINEAR_MOST)
        add_sorted(o, from, count, arena);
    for (size_t i = 0; i < count && count <= LINEAR_MOST; i++)
        add_unique(o, &from[i]);
    return o;
}

/* ---- what is nested ---- */

static bool read_value(struct parser *p, struct json *ret);

static void push(struct parser *p, const struct json_member *member)
{
    p->stack = mem_grow(p->stack, &p->cap, p->count + 1, sizeof p->stack[0]);
    p->stack[p->count++] = *member;
}

static bool read_member_name(struct parser *p, struct json_member *m)
{
    skip_space(p);
    if (*p->at != '"')
        return refuse(p, "a member's name is missing");
    p->at++;
    if (!read_string(p, &m->name, &m->len))
        return false;
    m->hash = json_name_hash((struct str){m->name, m->len});
    skip_space(p);
    if (*p->at != ':')
        return refuse(p, "':' is missing after a member's name");
    p->at++;
    return true;
}

/* True when another one follows; false at the end, or when something else stands there. */
static bool goes_on(struct parser *p, char close)
{
    skip_space(p);
    if (*p->at != ',' && *p->at != close)
        return refuse(p, "',' is missing between two values");
    return *p->at++ == ',';
}

/* After the opening bracket; leaves the members on the stack, from `base`. */
static bool read_members(struct parser *p, char close)
{
    skip_space(p);
    if (*p->at == close) {
        p->at++;
        return true;
    }
    do {
        struct json_member m = {.len = 0};
        if ((close == '}' && !read_member_name(p, &m)) || !read_value(p, &m.value))
            return false;
        push(p, &m);
    } while (goes_on(p, close));
    return !p->why;
}

static bool read_nested(struct parser *p, struct json *ret)
{
    bool is_object = *p->at == '{';
    size_t base = p->count;
    if (++p->depth > JSON_DEPTH)
        return refuse(p, "it is nested too deep");
    p->at++;
    if (!read_members(p, is_object ? '}' : ']'))
        return false;
    size_t count = p->count - base;
    p->depth--;
    p->count = base;
    ret->kind = is_object ? JSON_OBJECT : JSON_ARRAY;
    ret->len = (uint32_t)count;
    if (is_object) {
        ret->object = make_object(p, p->stack + base, count);
        return true;
    }
    struct json *elements = arena_new(&p->document->arena, count, sizeof elements[0]);
    for (size_t i = 0; i < count; i++)
        elements[i] = p->stack[base + i].value;
    ret->elements = elements;
    return true;
}

static bool read_value(struct parser *p, struct json *ret)
{
    skip_space(p);
    switch (*p->at) {
    case '"':
        p->at++;
        ret->kind = JSON_STRING;
        return read_string(p, &ret->text, &ret->len);
    case '{':
    case '[':
        return read_nested(p, ret);
    case 't':
        return read_name(p, "true", 4, ret, JSON_BOOL);
    case 'f':
        return read_name(p, "false", 5, ret, JSON_BOOL);
    case 'n':
        return read_name(p, "null", 4, ret, JSON_NULL);
    default:
        if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9'))
            return read_number(p, ret);
        return refuse(p, "an unexpected character");
    }
}

/* ---- a document ---- */

static void free_document(struct json_document *d)
{
    while (d) {
        struct json_document *next = d->next;
        free_document(d->put);
        arena_free(&d->arena);
        free(d);
        d = next;
    }
}

static int parse_error(const struct parser *p, struct str text, size_t at, struct error *err)
{
    size_t line = 1;
    for (size_t i = 0; i < at && i < text.len; i++)
        line += text.ptr[i] == '\n';
    return error_set(err, "not valid JSON: %s (byte %zu, line %zu)", p->why, at, line);
}

int json_parse(struct str text, const struct json **ret_root, struct error *err)
{
    if (text.len > INT32_MAX - 1)
        return error_set(err, "JSON text of %zu bytes is too long", text.len);
    if (!str_is_utf8(text))
        return error_set(err, "not valid JSON: it is not UTF-8");
    struct json_document *d = MEM_NEW(struct json_document);
    char *copy = (char *)(uintptr_t)arena_str(&d->arena, text).ptr; /* our own copy */
    struct parser p = {.at = copy, .end = copy + text.len, .document = d};
    int rc = 0;
    if (read_value(&p, &d->root)) {
        skip_space(&p);
        if (p.at < p.end)
            p.why = "something follows the value";
    }
    free(p.stack);
    if (p.why)
        rc = parse_error(&p, text, (size_t)(p.at - copy), err);
    else
        *ret_root = d->root.kind == JSON_NULL ? NULL : &d->root;
    if (rc != 0 || d->root.kind == JSON_NULL)
        free_document(d);
    return rc;
}

void json_free(const struct json *root)
{
    free_document((struct json_document *)(uintptr_t)root); /* a document begins with its root */
}
