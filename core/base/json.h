/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values, read only, and a writer. yajl reads the text; a document is one arena, and its
 * strings lie in one copy of the text. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/error.h"

struct json; /* one value; NULL stands for JSON null and for "not there" */

enum json_kind {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,    /* a number without fraction or exponent that fits int64 */
    JSON_DOUBLE, /* any other number */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

enum { JSON_DEPTH = 64 };

/* A document (RFC 8259), nothing after it but white space. Half of a surrogate pair becomes U+FFFD,
 * and of members with one name the last counts, in the first one's place. 0 with *ret_root (NULL
 * for `null`), or -1. The text is not kept. json_free frees the whole document. Any thread may. */
int json_parse(struct str text, const struct json **ret_root, struct error *err);
void json_free(const struct json *root);

enum json_kind json_kind(const struct json *value);
struct str json_string(const struct json *value); /* empty for anything but a string */
int64_t json_int(const struct json *value);       /* 0 for anything but a JSON_INT */
bool json_is_true(const struct json *value);
/* A number as its digits stood in the text; valid as long as the document. Not terminated. */
struct str json_number_text(const struct json *value);

size_t json_length(const struct json *array);
const struct json *json_element(const struct json *array, size_t index);
const struct json *json_member(const struct json *object, struct str name);
/* Whether there is such a member, be it null. */
bool json_has(const struct json *object, struct str name);

/* Puts a member into an object of a document that nobody else looks at yet; one of that name is
 * replaced. The value, the root of a document, is this one's from now on. False when it is no
 * object. */
bool json_put_member(const struct json *object, struct str name, const struct json *value);

/* Calls `fn` for each member in the order of the text; stops when it returns false. */
void json_each(const struct json *object,
               bool (*fn)(void *arg, struct str name, const struct json *value), void *arg);

/* Members joined by dots, [N] for an element; the empty path is the value itself. */
const struct json *json_path(const struct json *value, struct str path);

/* Appends the value at a path: a string without its quotes, anything else as JSON text. `[*]` in
 * the path collects that value of each element into a JSON array. False when there is none, or
 * null. */
bool json_get_text(const struct json *root, struct str path, struct buf *out);

/* Appends the value as compact JSON text. */
void json_write(struct buf *out, const struct json *value);

/* ---- writer: commas and escapes are its work, nesting is the caller's ---- */

struct json_writer {
    struct buf *out;
    bool needs_comma;
};

void json_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_key(struct json_writer *w, const char *name);
void json_key_str(struct json_writer *w, struct str name);
void json_put_str(struct json_writer *w, struct str s);
void json_put_text(struct json_writer *w, const char *text); /* NULL gives null */
void json_put_int(struct json_writer *w, int64_t value);
void json_put_double(struct json_writer *w, double value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w, struct str json); /* a whole value, already JSON */

#endif
