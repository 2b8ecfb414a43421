/* SPDX-License-Identifier: Apache-2.0 */
/* What json.c and json_parse.c share: how a document lies in memory. */
#ifndef BASE_JSON_INTERNAL_H
#define BASE_JSON_INTERNAL_H

#include "base/arena.h"
#include "base/json.h"

/* Sixteen bytes a value; what belongs to it is the document's arena's. */
struct json {
    uint8_t kind; /* enum json_kind; JSON_NULL stands only in arrays and objects */
    bool truth;   /* of JSON_BOOL */
    uint32_t len; /* bytes of a string or a number's text; elements */
    union {
        const char *text;            /* a string's end is a NUL */
        const struct json *elements; /* of JSON_ARRAY */
        struct json_object *object;
    };
};

struct json_member {
    const char *name;
    uint32_t len;
    uint32_t hash; /* of the name */
    struct json value;
};

struct json_object {
    struct json_document *document;
    struct json_member *members; /* in the order of the text, each name once */
    size_t count, cap;
    uint32_t *index; /* of a large one: places of the members, sorted by name; else NULL */
};

struct json_document {
    struct json root; /* first: a root is freed by its address */
    struct arena arena;
    struct json_document *next; /* of a list of documents that were put into this one */
    struct json_document *put;  /* that list */
};

uint32_t json_name_hash(struct str name);

/* The place of a member, or -1. */
ptrdiff_t json_find_member(const struct json_object *object, struct str name);

#endif
