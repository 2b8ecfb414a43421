/* SPDX-License-Identifier: Apache-2.0 */
/* What a connector says of itself, checked and copied. The fields are those of fastenr/connector.h.
 */
#ifndef PLUGIN_DESCRIPTOR_H
#define PLUGIN_DESCRIPTOR_H

#include "base/arena.h"
#include "base/error.h"
#include "base/outcome.h"

enum option_type {
    OPTION_STRING = 1,
    OPTION_INT = 2,
    OPTION_BOOL = 3,
    OPTION_DURATION = 4,
    OPTION_ENUM = 5
};

struct connector_option {
    struct str name;
    enum option_type type;
    bool required;
    struct str default_value; /* ptr NULL: none */
    int64_t min, max;         /* both 0: no limit */
    struct str *choices;
    uint32_t choice_count;
    struct str help;
};

struct named_text {
    struct str name, text;
};

struct oauth_dead {
    int32_t status;
    struct str path, equals;
};

struct connector_oauth {
    bool pkce, code, refresh;
    struct str authorize_url, token_url;
    struct str authorize_host, token_host; /* of the two */
    struct str *scopes, *optional_scopes;
    uint32_t scope_count, optional_scope_count;
    struct str scope_separator;
    struct oauth_dead *dead;
    uint32_t dead_count;
};

struct connector_auth {
    struct str name, help;
    struct named_text *secrets; /* text: help */
    uint32_t secret_count;
    struct named_text *headers; /* text: template */
    uint32_t header_count;
    struct connector_oauth *oauth; /* NULL: none */
};

enum limit_kind { LIMIT_WINDOW = 1, LIMIT_QUOTA = 2 };

struct connector_limit {
    struct str name;
    enum limit_kind kind;
    bool always;
    uint64_t requests, per_ms;
    struct str header_limit, header_remaining, header_per_ms; /* lower case; empty: none */
};

struct connector_response {
    int32_t status_min, status_max;
    struct str path, equals;
    enum outcome outcome;
    bool not_done;
    int64_t retry_after_ms;
    struct str message;
};

struct connector_mapping {
    struct str to, from, transform, lookup, value, default_value, join, map, scale, take;
};

struct connector_object {
    struct str name, label, canonical, key, modified, scope;
    int64_t lookback_ms;
    struct connector_mapping *mapping;
    uint32_t mapping_count;
    bool reads_deleted, reads_ids; /* it understands READ_DELETED, READ_IDS */
    bool tells_times;              /* and, by ids, when fields got their values */
    bool deleted_is_whole;         /* READ_DELETED gives every record that is deleted now */
    bool is_custom;                /* stands for all that have no row */

    /* What write does with it. */
    bool creates, updates, upserts, archives, restores;
    uint32_t write_rows; /* the most that one write takes; 0: it is never written */
    struct str write_scope;
    struct str *associations; /* fields that are written by ASSOCIATE and DISSOCIATE */
    uint32_t association_count;
    struct str *read_only; /* fields that are never written; '*' at the end of a name: a prefix */
    uint32_t read_only_count;
};

struct descriptor {
    struct str id, name, version;
    uint32_t category;
    struct connector_option *options;
    uint32_t option_count;
    struct connector_auth *auth;
    uint32_t auth_count;
    struct str *hosts;
    uint32_t host_count;
    struct connector_limit *limits;
    uint32_t limit_count;
    struct connector_response *responses;
    uint32_t response_count;
    struct connector_object *objects;
    uint32_t object_count;
    bool writes;        /* it has the operation */
    struct arena arena; /* owns all of it */
};

const char *category_name(uint32_t category);

/* Decodes and checks; -1 with one sentence that says what is wrong with the descriptor. */
int descriptor_decode(struct str message, struct descriptor *ret_descriptor, struct error *err);
void descriptor_free(struct descriptor *d);

/* The row of an object; the one for all others, where there is one and the name can be one. */
const struct connector_object *descriptor_object(const struct descriptor *d, struct str name);
/* Whether the connector says that this field of the vendor cannot be written. */
bool descriptor_is_read_only(const struct connector_object *object, struct str field);
/* Whether the field is written by ASSOCIATE and DISSOCIATE. */
bool descriptor_is_association(const struct connector_object *object, struct str field);

const struct connector_auth *descriptor_auth(const struct descriptor *d, struct str name);

#endif
