/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>

#include "base/json_internal.h"

/* ---- values ---- */

enum json_kind json_kind(const struct json *value)
{
    return value ? (enum json_kind)value->kind : JSON_NULL;
}

static struct str text_of(const struct json *value)
{
    return (struct str){value->text, value->len};
}

/* A null in an array or an object is none to those who ask. */
static const struct json *or_none(const struct json *value)
{
    return value->kind == JSON_NULL ? NULL : value;
}

struct str json_string(const struct json *value)
{
    return json_kind(value) == JSON_STRING ? text_of(value) : (struct str){"", 0};
}

int64_t json_int(const struct json *value)
{
    int64_t number = 0;
    if (json_kind(value) == JSON_INT)
        str_to_i64(text_of(value), &number);
    return number;
}

bool json_is_true(const struct json *value)
{
    return json_kind(value) == JSON_BOOL && value->truth;
}

struct str json_number_text(const struct json *value)
{
    bool is_number = json_kind(value) == JSON_INT || json_kind(value) == JSON_DOUBLE;
    return is_number ? text_of(value) : (struct str){"", 0};
}

size_t json_length(const struct json *array)
{
    return json_kind(array) == JSON_ARRAY ? array->len : 0;
}

const struct json *json_element(const struct json *array, size_t index)
{
    return index < json_length(array) ? or_none(&array->elements[index]) : NULL;
}

static ptrdiff_t place_of(const struct json *object, struct str name)
{
    return json_kind(object) == JSON_OBJECT ? json_find_member(object->object, name) : -1;
}

const struct json *json_member(const struct json *object, struct str name)
{
    ptrdiff_t at = place_of(object, name);
    return at < 0 ? NULL : or_none(&object->object->members[at].value);
}

bool json_has(const struct json *object, struct str name)
{
    return place_of(object, name) >= 0;
}

/* Room for one member more, at the end. */
static struct json_member *add_member(struct json_object *o, struct str name)
{
    struct arena *arena = &o->document->arena;
    struct json_member *members = o->members;
    if (o->count == o->cap) {
        o->cap = o->cap * 2 + 4;
        members = arena_new(arena, o->cap, sizeof members[0]);
        if (o->count > 0)
            memcpy(members, o->members, o->count * sizeof members[0]);
        o->members = members;
    }
    o->index = NULL; /* it lacks the new one */
    members[o->count] = (struct json_member){.name = arena_str(arena, name).ptr,
                                             .len = (uint32_t)name.len,
                                             .hash = json_name_hash(name)};
    return &members[o->count++];
}

bool json_put_member(const struct json *object, struct str name, const struct json *value)
{
    if (json_kind(object) != JSON_OBJECT || name.len > UINT32_MAX)
        return false;
    struct json_object *o = object->object;
    ptrdiff_t at = json_find_member(o, name);
    struct json_member *member = at >= 0 ? &o->members[at] : add_member(o, name);
    member->value = value ? *value : (struct json){.kind = JSON_NULL};
    if (value) {
        struct json_document *put = (struct json_document *)(uintptr_t)value; /* its root */
        put->next = o->document->put;
        o->document->put = put;
    }
    return true;
}

void json_each(const struct json *object,
               bool (*fn)(void *arg, struct str name, const struct json *value), void *arg)
{
    const struct json_object *o = json_kind(object) == JSON_OBJECT ? object->object : NULL;
    for (size_t i = 0; o && i < o->count; i++) {
        const struct json_member *m = &o->members[i];
        if (!fn(arg, (struct str){m->name, m->len}, or_none(&m->value)))
            return;
    }
}

/* ---- paths ---- */

/* Takes the next step of a path off its front: a member's name, or an index. */
static bool path_step(struct str *path, struct str *ret_name, size_t *ret_index)
{
    ret_name->ptr = NULL;
    if (path->ptr[0] == '[') {
        ptrdiff_t end = str_find(*path, ']');
        uint64_t index;
        if (end < 0 || !str_to_u64(str_slice(*path, 1, (size_t)end - 1), &index))
            return false;
        *ret_index = (size_t)index;
        *path = str_slice(*path, (size_t)end + 1, path->len - (size_t)end - 1);
    } else {
        size_t len = 0;
        while (len < path->len && path->ptr[len] != '.' && path->ptr[len] != '[')
            len++;
        *ret_name = str_slice(*path, 0, len);
        *path = str_slice(*path, len, path->len - len);
    }
    if (path->len > 0 && path->ptr[0] == '.')
        *path = str_slice(*path, 1, path->len - 1);
    return true;
}

const struct json *json_path(const struct json *value, struct str path)
{
    while (path.len > 0 && value) {
        struct str name;
        size_t index = 0;
        if (!path_step(&path, &name, &index))
            return NULL;
        value = name.ptr ? json_member(value, name) : json_element(value, index);
    }
    return value;
}

static void collect(const struct json *array, struct str path, struct buf *out)
{
    buf_char(out, '[');
    for (size_t i = 0; i < json_length(array); i++) {
        if (i > 0)
            buf_char(out, ',');
        json_write(out, json_path(json_element(array, i), path));
    }
    buf_char(out, ']');
}

bool json_get_text(const struct json *root, struct str path, struct buf *out)
{
    static const char star[] = "[*]";
    const char *at = memmem(path.ptr, path.len, star, 3);
    size_t before = at ? (size_t)(at - path.ptr) : path.len;
    const struct json *value = json_path(root, str_slice(path, 0, before));
    if (at && json_kind(value) == JSON_ARRAY) {
        struct str rest = str_slice(path, before + 3, path.len - before - 3);
        if (rest.len > 0 && rest.ptr[0] == '.')
            rest = str_slice(rest, 1, rest.len - 1);
        collect(value, rest, out);
        return true;
    }
    if (at || !value)
        return false;
    if (json_kind(value) == JSON_STRING)
        buf_str(out, json_string(value));
    else
        json_write(out, value);
    return true;
}

static void write_escaped(struct buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (known)
        buf_append(out, (char[]){'\\', to[known - from]}, 2);
    else
        buf_printf(out, "\\u%04x", c);
}

static void write_string(struct buf *out, struct str s)
{
    size_t from = 0;
    buf_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(out, s.ptr + from, i - from);
        from = i + 1;
        write_escaped(out, c);
    }
    buf_append(out, s.ptr + from, s.len - from);
    buf_char(out, '"');
}

static void write_array(struct buf *out, const struct json *array)
{
    buf_char(out, '[');
    for (size_t i = 0; i < array->len; i++) {
        if (i > 0)
            buf_char(out, ',');
        json_write(out, &array->elements[i]);
    }
    buf_char(out, ']');
}

static void write_object(struct buf *out, const struct json_object *o)
{
    buf_char(out, '{');
    for (size_t i = 0; i < o->count; i++) {
        if (i > 0)
            buf_char(out, ',');
        write_string(out, (struct str){o->members[i].name, o->members[i].len});
        buf_char(out, ':');
        json_write(out, &o->members[i].value);
    }
    buf_char(out, '}');
}

/* As deep as the parser lets it be. */
void json_write(struct buf *out, const struct json *value)
{
    switch (json_kind(value)) {
    case JSON_NULL:
        buf_text(out, "null");
        return;
    case JSON_BOOL:
        buf_text(out, value->truth ? "true" : "false");
        return;
    case JSON_INT:
    case JSON_DOUBLE:
        buf_str(out, text_of(value));
        return;
    case JSON_STRING:
        write_string(out, text_of(value));
        return;
    case JSON_ARRAY:
        write_array(out, value);
        return;
    case JSON_OBJECT:
        write_object(out, value->object);
        return;
    }
}

/* ---- writer ---- */

static void before_value(struct json_writer *w)
{
    if (w->needs_comma)
        buf_char(w->out, ',');
    w->needs_comma = true;
}

void json_open(struct json_writer *w, char bracket)
{
    before_value(w);
    buf_char(w->out, bracket);
    w->needs_comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
    buf_char(w->out, bracket);
    w->needs_comma = true;
}

static void put_quoted(struct buf *out, struct str s)
{
    size_t from = 0;
    buf_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(out, s.ptr + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\')
            buf_append(out, (char[]){'\\', (char)c}, 2);
        else if (c == '\n')
            buf_text(out, "\\n");
        else
            buf_printf(out, "\\u%04x", c);
    }
    buf_append(out, s.ptr + from, s.len - from);
    buf_char(out, '"');
}

void json_key_str(struct json_writer *w, struct str name)
{
    before_value(w);
    put_quoted(w->out, name);
    buf_char(w->out, ':');
    w->needs_comma = false;
}

void json_key(struct json_writer *w, const char *name)
{
    json_key_str(w, str_from(name));
}

void json_put_str(struct json_writer *w, struct str s)
{
    before_value(w);
    put_quoted(w->out, s);
}

void json_put_text(struct json_writer *w, const char *text)
{
    if (text)
        json_put_str(w, str_from(text));
    else
        json_put_null(w);
}

void json_put_int(struct json_writer *w, int64_t value)
{
    before_value(w);
    buf_printf(w->out, "%" PRId64, value);
}

void json_put_double(struct json_writer *w, double value)
{
    if (!isfinite(value)) {
        json_put_null(w);
        return;
    }
    before_value(w);
    buf_printf(w->out, "%.15g", value);
}

void json_put_bool(struct json_writer *w, bool value)
{
    before_value(w);
    buf_text(w->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
    before_value(w);
    buf_text(w->out, "null");
}

void json_put_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_str(w->out, json);
}
