/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base of a link: values that both sides agreed on, of fields for which their hashes
 * (`seen_local`) are not enough. Lists are merged by it, and a person sees it in a conflict.
 *
 * JSON: {"17": ["9ae16a3b2f90404f", ["a", "b"]]}, by field id the hash that `seen_local` has for
 * the value, and the value as conflicts keep it. An entry counts only while `seen_local` has that
 * very hash: what changes what is agreed on without the value at hand leaves an entry behind that
 * says nothing. A field that has no value (hash 0) needs none.
 */
#ifndef SYNC_LINK_BASE_H
#define SYNC_LINK_BASE_H

#include "base/json.h"
#include "sync/mapping.h"

/* Bytes of one value as JSON: longer ones are not kept. */
enum { LINK_BASE_MOST = 64 * 1024 };

/* Whether a base is kept of the field: it goes both ways, and is merged or waits for a person. */
static inline bool rule_keeps_base(const struct rule *rule)
{
    return rule->exports && rule_imports(rule) &&
           (rule->strategy != STRATEGY_OVERWRITE || rule->conflict == CONFLICT_MANUAL_REVIEW);
}

/* Whether any rule's is. */
bool mapping_keeps_bases(const struct mapping *mapping);

struct link_base_entry {
    uint16_t id;
    uint64_t hash;
    struct str json; /* of link_base_json */
};

/* A value as a base keeps it; empty: there is none, or it is too long. The arena's. */
struct str link_base_json(const struct rule *rule, const struct value *value, struct arena *arena);

/* A base of these; entries without JSON are left out. Empty: none is left; its ptr is never NULL.
 * The arena's. */
struct str link_base_make(const struct link_base_entry *entries, size_t count, struct arena *arena);

/* The base with another entry for one field; without JSON: with none. As link_base_make. */
struct str link_base_set(struct str base, const struct link_base_entry *entry, struct arena *arena);

/* Of several bases the entries that count beside this `seen_local`. As link_base_make. */
struct str link_base_choose(const struct str *bases, size_t count, struct str seen_local,
                            struct arena *arena);

/* The document, to be freed with json_free; NULL: it is empty, or was written by nobody we know. */
const struct json *link_base_read(struct str base);

/* Whether the value with that hash is kept, or is none. */
bool link_base_has(const struct json *base, uint16_t id, uint64_t hash);

/* JSON of the value with that hash that was agreed on in a field; false: it was not kept. The
 * arena's. */
bool link_base_find(const struct json *base, uint16_t id, uint64_t hash, struct arena *arena,
                    struct str *ret_json);

#endif
