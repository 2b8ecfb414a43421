/* SPDX-License-Identifier: Apache-2.0 */
/* A connection file: which connector, with which credentials, when, and what becomes of its
 * records. What depends on the connector (options, credentials, objects, vendor fields) is kept as
 * nodes and checked once its descriptor is known. */
#ifndef CONFIG_CONNECTION_H
#define CONFIG_CONNECTION_H

#include "config/settings.h"

enum frequency {
    FREQUENCY_HOURLY,
    FREQUENCY_DAILY,
    FREQUENCY_WEEKLY,
    FREQUENCY_CRON,
    FREQUENCY_REALTIME
};

struct schedule_config {
    int frequency; /* enum frequency; where every_us is set, only FREQUENCY_REALTIME counts */
    struct str cron;
    int64_t every_us;
    int64_t jitter_us; /* -1: a tenth of the period, at most a minute */
    bool catch_up;
};

struct network_config {
    struct text_list allow;       /* CIDR */
    const struct node *endpoints; /* host -> origin */
    struct str ca_file;
    int64_t timeout_us, connect_timeout_us;
};

enum invalid_policy { INVALID_QUARANTINE, INVALID_NULL };

/* ---- both ways: of a connection, an object and a rule ---- */

enum sync_direction { DIRECTION_IMPORT, DIRECTION_EXPORT, DIRECTION_BIDIRECTIONAL };

/* Which side counts where both changed one field. */
enum conflict_resolution {
    CONFLICT_LAST_MODIFIED,
    CONFLICT_SOURCE_PRIORITY,
    CONFLICT_MANUAL_REVIEW
};
enum sync_priority { PRIORITY_VENDOR, PRIORITY_LOCAL }; /* of CONFLICT_SOURCE_PRIORITY */

/* How a list of one side gets into that of the other. */
enum merge_strategy { STRATEGY_OVERWRITE, STRATEGY_APPEND, STRATEGY_MERGE };

struct sync_policy {
    int direction; /* enum sync_direction */
    int conflict;  /* enum conflict_resolution */
    int priority;  /* enum sync_priority */
};

static inline bool direction_imports(int direction)
{
    return direction != DIRECTION_EXPORT;
}

static inline bool direction_exports(int direction)
{
    return direction != DIRECTION_IMPORT;
}

/* What a map of the file does not say itself is that of the level above. */
void policy_inherit(const struct node *map, struct sync_policy *policy,
                    const struct sync_policy *above);

/* One entry of `mapping`, as it stands in the file. */
struct mapping_rule_config {
    struct text_list from;
    const struct node *value_node;
    const struct node *map;
    const struct node *default_node;
    struct text_list transform;
    struct str split, join, lookup, take, type, date, scale;
    bool required;
    const struct node *min_node, *max_node;
    struct text_list one_of;
    struct str format;
    int invalid; /* enum invalid_policy */
    struct sync_policy policy;
    int strategy;                   /* enum merge_strategy */
    const struct node *export_node; /* the vendor's field, or a map: struct rule_export_config */
};

/* `export` of a rule. */
struct rule_export_config {
    struct str to;
    const struct node *map;
    const struct node *value_node;
};

struct guard_config {
    int64_t max_changes; /* 0: no limit */
    int64_t max_percent; /* 0: no limit */
    int64_t max_deleted_percent;
    int64_t max_export_changes; /* 0: no limit */
    int64_t max_export_percent; /* 0: no limit */
};

/* What an export may do at the vendor. */
struct export_config {
    bool create, update, archive;
};

/* What becomes of our record when the vendor deletes its own, or that one leaves the scope. */
enum end_policy { END_ARCHIVE, END_KEEP };

enum reconcile_period { RECONCILE_OFF, RECONCILE_DAILY, RECONCILE_WEEKLY, RECONCILE_ALWAYS };

struct object_config {
    struct str to; /* canonical object; empty: the connector's */
    bool enabled;
    bool default_mapping;
    const struct node *mapping;
    const struct node *filter;
    struct text_list match;
    int deletes, out_of_scope; /* enum end_policy */
    struct guard_config guard;
    int64_t lookback_us; /* -1: the connector's */
    struct sync_policy policy;
    struct export_config writes;
    struct str external_key; /* empty: none */
};

struct connection_config {
    const char *file;
    const char *dir; /* of the file: paths are relative to it */
    const struct node *root;
    struct str name;
    struct str connector;
    bool enabled;
    const struct node *options;
    const struct node *auth;
    struct schedule_config schedule;
    int reconcile; /* enum reconcile_period */
    struct network_config network;
    const struct node *limits;
    struct sync_policy policy;
    struct named_list objects; /* struct object_config */
};

extern const struct setting_table connection_settings;
extern const struct setting_table mapping_rule_settings; /* of one entry of `mapping` */
extern const struct setting_table rule_export_settings;  /* of `export` of such an entry */

/* Reads one file; what can be seen without the connector is checked. False when it is no map at
 * all. */
bool connection_config_read(const char *path, struct connection_config *ret_config,
                            struct arena *arena, struct problems *problems);

/* A whole folder: every *.yaml and *.yml by name. Two connections of one name are a problem. */
struct connection_list {
    struct connection_config *items;
    size_t count;
};
void connection_list_read(const char *dir, struct connection_list *ret_list, struct arena *arena,
                          struct problems *problems);

const struct connection_config *connection_find(const struct connection_list *list,
                                                struct str name);

#endif
