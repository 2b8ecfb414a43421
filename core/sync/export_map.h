/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a canonical value becomes the text that is written to the vendor: the mapping's rules turned
 * round. Compiled with the mapping (export_compile.h), then only read, so any thread may apply it.
 */
#ifndef SYNC_EXPORT_MAP_H
#define SYNC_EXPORT_MAP_H

#include "sync/mapping.h"

/* One of our values and the vendor's text for it; an empty text clears the vendor's field. */
struct export_entry {
    struct value ours;
    struct str theirs;
};

enum export_form {
    EXPORT_INVERSE, /* the rule turned round, its map too */
    EXPORT_MAP,     /* by a map of its own */
    EXPORT_VALUE,   /* a constant */
    EXPORT_PLAIN    /* turned round but for the map, which is one of several fields together */
};

struct export_rule {
    size_t rule;      /* in the mapping */
    struct str to;    /* the vendor's field */
    bool association; /* `to` is written by ASSOCIATE and DISSOCIATE, not as a value */
    bool comes_back;  /* what is written must be read as the same value */
    enum export_form form;
    const struct export_entry *map; /* in the order of the file */
    size_t map_count;
    const struct export_entry *map_other; /* '*' of EXPORT_MAP */
    struct str value;                     /* of EXPORT_VALUE */
};

/* The text that is to be written for a value, or *ret_clear: the vendor's field is emptied. Numbers
 * are decimal, booleans true and false, times as `date` of the rule says. Of a custom field
 * `canonical` is its JSON text, of a reference the vendor's id of the other record, which is given
 * back. -1: the vendor has no text for it, or would give it back as another value. */
int export_value(const struct rule *rule, const struct export_rule *e,
                 const struct value *canonical, struct arena *arena, struct str *ret_text,
                 bool *ret_clear, struct error *err);

/* Whether two values of the rule's field are the same: lists by their texts, numbers by their
 * value. */
bool export_same(const struct rule *rule, const struct value *a, const struct value *b);

#endif
