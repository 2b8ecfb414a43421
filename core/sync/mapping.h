/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a vendor's record becomes a canonical one: rules compiled from the connector's default
 * mapping and the connection file, applied to the vendor's fields (a JSON object). Compiled once,
 * then only read, so any thread may apply it.
 */
#ifndef SYNC_MAPPING_H
#define SYNC_MAPPING_H

#include "base/hash.h"
#include "config/connection.h"
#include "model/value.h"
#include "plugin/descriptor.h"

/* A text made while mapping: as long as a record may be. */
enum { RECORD_TEXT_MAX = 16 * 1024 * 1024 };

/* HEADLINE: the first words, without the tags of HTML. */
enum step { STEP_TRIM, STEP_LOWER, STEP_UPPER, STEP_HEADLINE };

struct map_entry {
    struct str from, to;
    bool to_null;
    size_t place; /* among the entries, in the order of the file */
};

enum date_form { DATE_ISO, DATE_EPOCH_MS, DATE_EPOCH_S, DATE_PATTERN };

/* How one canonical field is made. */
struct rule {
    struct model_field field; /* of the model, or made up for a custom field */
    int index;                /* in the model; -1: a custom field */
    int line, column;         /* in the connection file; 0: of the default mapping */

    const struct str *from;
    size_t from_count;
    bool has_value, has_default;
    struct str value, default_value;
    enum step steps[8];
    size_t step_count;
    const struct map_entry *map;
    size_t map_count;
    const struct map_entry *map_other; /* '*' */
    struct str split, join;
    struct str lookup; /* vendor object; empty: none */
    struct str take;   /* field of the record that is found there; empty: its key */
    const struct model_object *take_from; /* what that record is, and which field of it; set by */
    int take_field;                       /* setup */
    enum date_form date;
    struct str date_pattern;
    struct str scale;
    bool required;
    bool has_min, has_max;
    double min, max;
    struct text_list one_of;
    enum { CHECK_NONE, CHECK_EMAIL, CHECK_PHONE, CHECK_URL } check;
    enum invalid_policy invalid;
    bool paused; /* nothing is taken from the vendor: see drift.h */

    /* both ways, once compiled what holds: see export_compile.h */
    const struct node *node;        /* the rule in the file, where it is a map */
    const struct node *export_node; /* its `export` */
    enum sync_direction direction;
    enum conflict_resolution conflict;
    enum sync_priority priority;
    enum merge_strategy strategy;
    struct export_rule *exports;     /* in the mapping; NULL: it is not written to the vendor */
    const char *exports_not_because; /* where the object is exported and this rule is not */
};

/* Whether the vendor's value is the id of another record, whose key or field is wanted. */
static inline bool rule_refers(const struct rule *rule)
{
    return rule->field.kind == KIND_REFERENCE || rule->take.len > 0;
}

/* Whether the vendor's values become ours. Those of a rule that only exports are read, to compare
 * and to match, and never taken. */
static inline bool rule_imports(const struct rule *rule)
{
    return direction_imports(rule->direction);
}

/* Vendor fields that are made here: what names a record for people, and all that it has. */
#define FIELD_TITLE "{title}"
#define FIELD_ALL   "*"

/* Which records are in scope: all conditions must hold. */
struct condition {
    struct str field;
    struct text_list values;
    bool negated; /* not one of the values */
    enum { COND_VALUES, COND_EXISTS, COND_MISSING } kind;
};

struct mapping {
    const struct model_object *object;
    struct rule *rules; /* by field id */
    size_t rule_count;
    struct condition *conditions;
    size_t condition_count;
    struct str *fields; /* vendor fields that are needed, each once, sorted */
    size_t field_count;
    size_t paused_count; /* rules */

    enum sync_direction direction;   /* the object's; a rule may do less */
    bool creates, updates, archives; /* what an export may do at the vendor */
    struct str external_key;         /* vendor's field that holds our record's id; empty: none */
    struct export_rule *exports;     /* by rule */
    size_t export_count;
    int64_t export_hash; /* changes with what is written of a record; 0: nothing is */

    int64_t rules_hash; /* changes with the rules and conditions */
    int64_t hash;       /* changes whenever what a record becomes may change: pauses too */
};

/* Compiles; mistakes become problems at their places in the file, those of the default mapping at
 * the object. The result is the arena's. */
void mapping_compile(const struct connection_config *connection, const struct named_item *object,
                     const struct connector_object *vendor, const struct model_object *model,
                     struct mapping *ret_mapping, struct arena *arena, struct problems *problems);

/* Sets both hashes; mapping_compile and mapping_drop do. */
void mapping_hash(struct mapping *mapping);

/* Of the rules that read one vendor field, whatever their order. */
int64_t mapping_field_hash(const struct mapping *mapping, struct str field);

/* Whether a rule reads a vendor field. */
bool rule_reads(const struct rule *rule, struct str field);

/* Takes a rule out, and the vendor fields that only it needs; the hash becomes that of the rest. */
void mapping_drop(struct mapping *mapping, size_t rule);

/* After the rules were moved, or one went: exports follow their rules. */
void mapping_follow(struct mapping *mapping);

/* Gives custom fields their lasting ids and sorts the rules by id; `id_of` gives the id of a name.
 */
int mapping_bind(struct mapping *mapping,
                 int (*id_of)(void *arg, struct str name, int64_t *ret_id, struct error *err),
                 void *arg, struct error *err);

/* ---- applying ---- */

struct mapped {
    struct value
        *values; /* a rule each; a custom field's is JSON text, a reference's the vendor's id */
    struct str shadow; /* packed (field id, hash) of each rule */
};

enum map_result { MAP_OK, MAP_OUT_OF_SCOPE, MAP_INVALID };

/* MAP_INVALID: `err` says why, *ret_field which canonical field. Texts are the arena's or the
 * record's. */
enum map_result mapping_apply(const struct mapping *mapping, const uint8_t hash_key[SIPHASH_KEY],
                              const struct json *fields, struct arena *arena,
                              struct mapped *ret_mapped, struct str *ret_field, struct error *err);

/* What a vendor's text becomes, where it is all that the rule reads; empty: the vendor has no
 * value. A custom field's value is one of its kind, no JSON. -1: it is invalid. */
int rule_read(const struct rule *rule, struct str text, struct arena *arena,
              struct value *ret_value, struct error *err);

/* What becomes of a text where it is all that the rule reads; ptr NULL: the vendor has none. -1
 * when that is invalid. */
int rule_check(const struct rule *rule, struct str text, struct error *err);

/* Whether a vendor's value becomes a valid one; to have none is no matter. */
bool rule_takes(const struct rule *rule, struct str text);

/* ---- shadows ---- */

enum { SHADOW_ENTRY = 10 }; /* u16 field id, u64 hash, little-endian */

/* Of our value of a field; a custom field's is its JSON text. No value has 0. */
uint64_t rule_hash(const uint8_t key[SIPHASH_KEY], const struct value *value);

/* What a vendor's text becomes as a value of ours; a custom field's is its JSON text. -1: it is
 * invalid. */
int rule_seen_value(const struct rule *rule, struct str text, struct arena *arena,
                    struct value *ret_value);

/* The hash that a shadow gets for the vendor's text, where it is all that the rule reads. -1: the
 * text is invalid. */
int rule_seen_hash(const struct rule *rule, const uint8_t key[SIPHASH_KEY], struct str text,
                   struct arena *arena, uint64_t *ret_hash);

void shadow_pack(char entry[SHADOW_ENTRY], uint16_t id, uint64_t hash);
/* The entry at a place, of those that the shadow has. */
void shadow_entry(struct str shadow, size_t at, uint16_t *ret_id, uint64_t *ret_hash);
bool shadow_find(struct str shadow, uint16_t id, uint64_t *ret_hash);
/* With another hash for one field, which may be new in it. */
struct str shadow_set(struct str shadow, uint16_t id, uint64_t hash, struct arena *arena);

/* Whether a field's hash in the new shadow differs from the old one, or is not in it. */
bool shadow_moved(struct str old_shadow, struct str new_shadow, size_t rule);

#endif
