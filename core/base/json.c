/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>

static json_object *object_of(const struct json *value)
{
    /* json-c takes no const pointers, not even where it only reads. */
    return (json_object *)(uintptr_t)value;
}

static const struct json *value_of(json_object *object)
{
    return (const struct json *)object;
}

static int parse_error(struct str text, json_tokener *tokener, struct error *err)
{
    enum json_tokener_error code = json_tokener_get_error(tokener);
    size_t at = json_tokener_get_parse_end(tokener);
    size_t line = 1;
    for (size_t i = 0; i < at && i < text.len; i++)
        line += text.ptr[i] == '\n';
    const char *what =
        code == json_tokener_continue ? "it ends too early" : json_tokener_error_desc(code);
    return error_set(err, "not valid JSON: %s (byte %zu, line %zu)", what, at, line);
}

int json_parse(struct str text, const struct json **ret_root, struct error *err)
{
    if (text.len > INT32_MAX - 1)
        return error_set(err, "JSON text of %zu bytes is too long", text.len);
    if (!str_is_utf8(text))
        return error_set(err, "not valid JSON: it is not UTF-8");
    json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH);
    if (!tokener)
        return error_set(err, "out of memory");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    json_object *root = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    /* A bare number has no end of its own: json-c waits for more until told. */
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        root = json_tokener_parse_ex(tokener, "", 1);
    int rc = 0;
    if (json_tokener_get_error(tokener) != json_tokener_success)
        rc = parse_error(text, tokener, err);
    else
        *ret_root = value_of(root);
    json_tokener_free(tokener);
    return rc;
}

void json_free(const struct json *root)
{
    json_object_put(object_of(root));
}

enum json_kind json_kind(const struct json *value)
{
    switch (json_object_get_type(object_of(value))) {
    case json_type_null:
        return JSON_NULL;
    case json_type_boolean:
        return JSON_BOOL;
    case json_type_double:
        return JSON_DOUBLE;
    case json_type_int:
        break;
    case json_type_string:
        return JSON_STRING;
    case json_type_array:
        return JSON_ARRAY;
    case json_type_object:
        return JSON_OBJECT;
    }
    /* json-c keeps what is past int64 as uint64; to us that is just a large number. */
    uint64_t magnitude = json_object_get_uint64(object_of(value));
    bool large = magnitude > INT64_MAX && json_object_get_int64(object_of(value)) == INT64_MAX;
    return large ? JSON_DOUBLE : JSON_INT;
}

struct str json_string(const struct json *value)
{
    json_object *object = object_of(value);
    if (!json_object_is_type(object, json_type_string))
        return (struct str){"", 0};
    return (struct str){json_object_get_string(object), (size_t)json_object_get_string_len(object)};
}

int64_t json_int(const struct json *value)
{
    return json_kind(value) == JSON_INT ? json_object_get_int64(object_of(value)) : 0;
}

bool json_is_true(const struct json *value)
{
    return json_object_is_type(object_of(value), json_type_boolean) &&
           json_object_get_boolean(object_of(value));
}

struct str json_number_text(const struct json *value)
{
    return str_from(json_object_to_json_string_ext(object_of(value), JSON_C_TO_STRING_PLAIN));
}

size_t json_length(const struct json *array)
{
    json_object *object = object_of(array);
    return json_object_is_type(object, json_type_array) ? json_object_array_length(object) : 0;
}

const struct json *json_element(const struct json *array, size_t index)
{
    if (index >= json_length(array))
        return NULL;
    return value_of(json_object_array_get_idx(object_of(array), index));
}

static bool find_member(const struct json *object, struct str name, json_object **ret_found)
{
    char key[256];
    if (!json_object_is_type(object_of(object), json_type_object) || name.len >= sizeof key)
        return false;
    memcpy(key, name.ptr, name.len);
    key[name.len] = '\0';
    return json_object_object_get_ex(object_of(object), key, ret_found);
}

const struct json *json_member(const struct json *object, struct str name)
{
    json_object *found;
    return find_member(object, name, &found) ? value_of(found) : NULL;
}

bool json_has(const struct json *object, struct str name)
{
    json_object *found;
    return find_member(object, name, &found);
}

bool json_put_member(const struct json *object, struct str name, const struct json *value)
{
    char key[256];
    if (!json_object_is_type(object_of(object), json_type_object) || name.len >= sizeof key)
        return false;
    memcpy(key, name.ptr, name.len);
    key[name.len] = '\0';
    return json_object_object_add(object_of(object), key, object_of(value)) == 0;
}

void json_each(const struct json *object,
               bool (*fn)(void *arg, struct str name, const struct json *value), void *arg)
{
    if (!json_object_is_type(object_of(object), json_type_object))
        return;
    json_object_object_foreach(object_of(object), name, member)
    {
        if (!fn(arg, str_from(name), value_of(member)))
            return;
    }
}

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

void json_write(struct buf *out, const struct json *value)
{
    size_t len;
    int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    const char *text = json_object_to_json_string_length(object_of(value), flags, &len);
    buf_append(out, text, len);
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
