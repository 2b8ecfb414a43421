/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HubSpot's CRM API, as much of it as a client that keeps records equal needs.
 *
 * A record is an index into its type. What it holds follows from (seed, type, index) and is made
 * when it is asked for; what changed since is a list of versions, newest first, in a sparse table.
 */
#ifndef SANDBOX_HUBSPOT_H
#define SANDBOX_HUBSPOT_H

#include "csv.h"
#include "hubspot_activity.h"
#include "limits.h"
#include "vendor.h"

enum object_type {
    COMPANIES,
    CONTACTS,
    DEALS,
    TICKETS,
    CALLS,
    EMAILS,
    MEETINGS,
    NOTES,
    TASKS,
    SUBSCRIPTIONS, /* an object of the account's own */
    TYPES
};
enum { ENGAGEMENT_TYPES = TASKS - CALLS + 1 };

enum {
    FIELDS_MAX = 60, /* properties of a type, added ones too: they fit a 64-bit mask */
    PAGE_MAX = 100,
    PAGE_DEFAULT = 10,
    SEARCH_PAGE_MAX = 200,
    SEARCH_RESULTS_MAX = 10000,
    SEARCH_BODY_MAX = 3000,
    BATCH_MAX = 100,
    SETS_MAX = 8,
    OPTIONS_ADDED_MAX = 8
};

/* ---- hubspot_model.c: the properties ---- */

enum field_flags {
    FIELD_READ_ONLY = 1,
    FIELD_UNIQUE = 2,  /* usable as idProperty */
    FIELD_DEFAULT = 4, /* returned when no properties are asked for */
    FIELD_ALWAYS = 8,  /* returned whatever is asked for */
    FIELD_MUTABLE = 16 /* what a mutation may touch */
};

enum field_type {
    TYPE_STRING,
    TYPE_NUMBER,
    TYPE_DATETIME,
    TYPE_ENUMERATION,
    TYPE_BOOL,
    TYPE_DATE /* of added properties only */
};

struct field {
    const char *name, *label, *field_type, *group;
    const char *const *options; /* internal values, ended by NULL; NULL for no enumeration */
    enum field_type type;
    unsigned flags;
};

enum company_field {
    COMPANY_ADDRESS,
    COMPANY_ANNUALREVENUE,
    COMPANY_CITY,
    COMPANY_COUNTRY,
    COMPANY_CREATEDATE,
    COMPANY_DESCRIPTION,
    COMPANY_DOMAIN,
    COMPANY_FOUNDED_YEAR,
    COMPANY_LASTMODIFIED,
    COMPANY_LEAD_STATUS,
    COMPANY_MERGED_IDS,
    COMPANY_OBJECT_ID,
    COMPANY_OBJECT_SOURCE,
    COMPANY_PARENT,
    COMPANY_OWNER,
    COMPANY_INDUSTRY,
    COMPANY_IS_PUBLIC,
    COMPANY_LIFECYCLE,
    COMPANY_LINKEDIN,
    COMPANY_NAME,
    COMPANY_EMPLOYEES,
    COMPANY_PHONE,
    COMPANY_STATE,
    COMPANY_TIMEZONE,
    COMPANY_TYPE,
    COMPANY_WEBSITE,
    COMPANY_ZIP,
    COMPANY_FIELDS
};

enum contact_field {
    CONTACT_ADDRESS,
    CONTACT_COMPANY_ID,
    CONTACT_CITY,
    CONTACT_COMPANY,
    CONTACT_COUNTRY,
    CONTACT_CREATEDATE,
    CONTACT_EMAIL,
    CONTACT_FIRSTNAME,
    CONTACT_OPTOUT,
    CONTACT_LANGUAGE,
    CONTACT_LEAD_STATUS,
    CONTACT_MERGED_IDS,
    CONTACT_OBJECT_ID,
    CONTACT_OBJECT_SOURCE,
    CONTACT_TIMEZONE,
    CONTACT_OWNER,
    CONTACT_JOBTITLE,
    CONTACT_LASTMODIFIED,
    CONTACT_LASTNAME,
    CONTACT_LIFECYCLE,
    CONTACT_MOBILEPHONE,
    CONTACT_PHONE,
    CONTACT_SALUTATION,
    CONTACT_STATE,
    CONTACT_WEBSITE,
    CONTACT_ZIP,
    CONTACT_FIELDS
};

struct model {
    const char *name, *singular, *type_id, *read_scope, *write_scope;
    const struct field *fields; /* in alphabetical order, as they are returned; then the added */
    unsigned count, modified, created, object_id, merged_ids;
};

/* What HubSpot defines. A sandbox's own, with the properties that were added, are hubspot.models.
 */
extern const struct model hubspot_models[TYPES];

/* hubspot_custom.c */
enum { SUBSCRIPTIONS_SEEDED = 60 };
extern const struct field hubspot_subscription_fields[SUBSCRIPTION_FIELDS];
struct record;
struct hubspot;
bool subscription_value(const struct record *r, unsigned field, struct text *out);
/* The account's schemas, as the API lists them. */
void hubspot_schemas(const struct hubspot *h, struct text *out);

/* hubspot_activity_model.c */
extern const struct field hubspot_deal_fields[DEAL_FIELDS], hubspot_ticket_fields[TICKET_FIELDS],
    hubspot_call_fields[CALL_FIELDS], hubspot_email_fields[EMAIL_FIELDS],
    hubspot_meeting_fields[MEETING_FIELDS], hubspot_note_fields[NOTE_FIELDS],
    hubspot_task_fields[TASK_FIELDS];

/* A type by its name, its singular or its id; -1 when there is none. */
int model_type(const char *name);

/* A field by its name; -1 when there is none. */
int model_property(const struct model *m, const char *name, size_t len);
uint64_t model_mask(const struct model *m, unsigned flags);

/* What became of a property while the sandbox runs; all zero: nothing. */
struct property_change {
    bool removed;
    int type; /* enum field_type + 1; 0: its own */
    char *options[OPTIONS_ADDED_MAX];
    size_t option_count;
};

void model_write_property(const struct model *m, unsigned field,
                          const struct property_change *change, struct text *out);
extern const char *const hubspot_type_names[]; /* by enum field_type, ended by NULL */
extern const char *const hubspot_lifecycles[],
    *const hubspot_lead_statuses[], *const hubspot_industries[], *const hubspot_owner_ids[];

/* ---- hubspot_store.c: records, versions, sets ---- */

struct change {
    unsigned field;
    char *value; /* NULL: cleared */
};

enum life { LIFE_LIVING, LIFE_ARCHIVED, LIFE_MERGED };

/* Who changed a value: a person, a write of the API's, a merge. */
enum history_source { SOURCE_CRM_UI, SOURCE_INTEGRATION, SOURCE_MERGE };

struct version {
    struct version *older;
    int64_t at_ms; /* when it came about */
    int64_t modified_ms, created_ms;
    enum life life;
    uint32_t into; /* of a merged one: the index of the record that it was merged into */
    bool created_here;
    bool blank; /* made by a write: what is not in `changes` is null, not seeded */
    size_t count;
    struct change changes[]; /* all that differs from the seeded record */
};

struct record {
    enum object_type type;
    uint32_t index;
    uint64_t id, hash;
    uint64_t salt; /* not 0: other values than the seeded ones, for mutations */
    const struct version *version;
    int64_t created_ms, modified_ms;
};

/* The records that a search found, by id or in the order of a sort; kept for its next pages. */
struct set {
    char *key;
    uint32_t *indexes;
    size_t count;
    uint64_t generation, used;
    int64_t horizon_ms, until_ms; /* valid while the horizon is in [horizon_ms, until_ms) */
};

/* A value that a property was given. */
struct past {
    unsigned field;
    enum history_source source;
    int64_t at_ms;
    char *value; /* NULL: cleared */
};

struct slot {
    uint32_t index_plus_1;
    uint32_t past_count, past_cap;
    struct version *newest;
    struct past *past; /* oldest first */
};

struct table {
    uint32_t seeded, total;
    uint32_t merged;    /* how many were merged away */
    struct slot *slots; /* open addressing; a power of two */
    size_t slot_cap, slot_count;
    uint64_t *by_modified; /* seeded records: time << 29 | index, sorted; made when first needed */
    uint64_t generation;
    struct set sets[SETS_MAX];
    uint64_t uses;
};

/* An associated record. Bits of `labels` are types of the pair (hubspot_association.h); that of the
 * one without a label is always set. */
struct link {
    uint32_t target, labels;
};

/* Associations that differ from the seeded ones; kept in a table by their key. */
struct changed_association {
    uint64_t key; /* 0: an empty slot */
    struct link *links;
    size_t count;
};

struct associations {
    struct changed_association *slots; /* open addressing; a power of two */
    size_t cap, count;
};

/* ---- hubspot_reference.c ---- */

enum { OWNERS = 7, STAGES = 18 };

/* What was changed of owners and stages. */
struct references {
    unsigned renamed_owners[OWNERS], renamed_stages[STAGES]; /* how often */
    bool left[OWNERS];
};

struct stage {
    enum object_type type;
    const char *pipeline, *pipeline_label, *id, *label;
    const char *probability; /* of deals, as a fraction; NULL: of tickets */
    bool closed;
};

struct hubspot {
    struct sandbox *sandbox;
    const struct sandbox_options *options;
    struct csv_companies real;
    struct table tables[TYPES];
    struct associations associations;
    struct references references;
    uint64_t seed_hash;
    struct window burst, search;
    uint64_t daily_used, daily_max;
    int64_t daily_day;
    struct oauth *oauth; /* NULL until it is used */
    struct property_change changes[TYPES][FIELDS_MAX];
    struct model models[TYPES];     /* as hubspot_models, with the added properties */
    struct added_properties *added; /* hubspot_property.c; NULL until there is one */
    struct unique_index *unique;    /* hubspot_unique.c; likewise */
    int64_t last_write_ms;
};

enum { HUBSPOT_PORTAL_ID = 8675309 };

static inline uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    return x ^ (x >> 32);
}

void store_init(struct hubspot *h);
void store_free(struct hubspot *h);

uint64_t store_id(const struct hubspot *h, enum object_type type, uint32_t index);

/* The index of the first record whose id is at least `id`; the table's total when there is none. */
uint32_t store_index_from(const struct hubspot *h, enum object_type type, uint64_t id);

/* The newest version of a record, or NULL when it is as seeded. */
struct version *store_newest(const struct table *t, uint32_t index);
enum life store_life(const struct hubspot *h, enum object_type type, uint32_t index);

/* Fills `r` with the newest state. */
void store_load(const struct hubspot *h, enum object_type type, uint32_t index, struct record *r);

/* Fills `r` with what search sees at the horizon; false when it sees nothing (not there yet,
 * archived or merged away). */
bool store_load_at(const struct hubspot *h, enum object_type type, uint32_t index,
                   int64_t horizon_ms, struct record *r);

/* What search sees: changes up to this time. */
int64_t store_horizon(const struct hubspot *h, int64_t now_ms);

/* Adds a version with one more set of changes, whose values it takes over. */
void store_change(struct hubspot *h, enum object_type type, uint32_t index, int64_t now_ms,
                  enum history_source source, const struct change *changes, size_t count);
/* Adds a version that lives, is archived or is merged into another one. The record's modified time
 * stays what it was: HubSpot does not say that it moves, and a client must not need it. */
void store_set_life(struct hubspot *h, enum object_type type, uint32_t index, int64_t now_ms,
                    enum life life, uint32_t into);
uint32_t store_create(struct hubspot *h, enum object_type type, int64_t now_ms);
/* One that holds these values, which it takes over, and no others. */
uint32_t store_create_blank(struct hubspot *h, enum object_type type, int64_t now_ms,
                            const struct change *changes, size_t count);
struct slot *store_slot(const struct hubspot *h, enum object_type type, uint32_t index);

/* Appends the value of a field as it is, unescaped; false for null. */
bool record_value(const struct hubspot *h, const struct record *r, unsigned field,
                  struct text *out);

/* Appends the record as the API shows it, with the fields of `mask`. */
void record_write(const struct hubspot *h, const struct record *r, uint64_t mask, struct text *out);
/* The same, with the history of the fields of `history`. */
void record_write_history(const struct hubspot *h, const struct record *r, uint64_t mask,
                          uint64_t history, struct text *out);

/* Appends the record with all of its fields, removed ones too. */
void record_write_truth(const struct hubspot *h, const struct record *r, struct text *out);

/* ---- hubspot_seed.c: what a seeded record holds ---- */

uint64_t seed_hash(const struct hubspot *h, enum object_type type, uint32_t index);
int64_t seed_modified(const struct hubspot *h, enum object_type type, uint32_t index);
int64_t seed_created(uint64_t hash, int64_t modified_ms);
extern const int64_t seed_start_ms, seed_end_ms; /* modified times lie in [start, end) */
bool seed_value(const struct hubspot *h, const struct record *r, unsigned field, struct text *out);

/* ---- hubspot_set.c: which records a search means ---- */

enum search_operator {
    OP_EQ,
    OP_NEQ,
    OP_LT,
    OP_LTE,
    OP_GT,
    OP_GTE,
    OP_BETWEEN,
    OP_IN,
    OP_NOT_IN,
    OP_HAS,
    OP_NOT_HAS,
    OP_CONTAINS,
    OP_NOT_CONTAINS,
    OPERATORS
};

enum { FILTERS_MAX = 6, GROUPS_MAX = 5, FILTERS_TOTAL = 18, VALUES_MAX = 100 };

struct filter {
    unsigned field;
    enum search_operator op;
    const char *value, *high; /* borrowed from the request */
    double number, high_number;
    const char *values[VALUES_MAX];
    size_t value_count;
};

struct search {
    enum object_type type;
    struct filter filters[GROUPS_MAX][FILTERS_MAX];
    size_t filter_counts[GROUPS_MAX], group_count;
    const char *query; /* NULL, or free text */
    int sort;          /* a field, or -1 */
    bool descending;
    uint64_t mask;
    size_t limit, after;
    char *key; /* names the set: all but paging and, where possible, the range of ids */
    int64_t id_from, id_to;             /* inclusive; lifted out of a single group */
    int64_t modified_from, modified_to; /* inclusive; likewise */
    bool by_modified;
};

bool filter_matches(const struct hubspot *h, const struct search *q, const struct record *r,
                    struct text *scratch);

/* The set of a search, made or found. Valid until the next call. */
const struct set *set_get(struct hubspot *h, const struct search *q, int64_t horizon_ms);
void sets_free(struct table *t);
void sort_u64(uint64_t *values, size_t count);

/* ---- hubspot_schema.c: properties that change ---- */

/* As model_property, for what is not removed. */
int schema_property(const struct hubspot *h, enum object_type type, const char *name, size_t len);
/* The fields that are removed. */
uint64_t schema_hidden(const struct hubspot *h, enum object_type type);
void schema_free(struct hubspot *h);
bool hubspot_schema(void *state, struct json_object *wanted, struct answer *a);

/* ---- hubspot_search.c, hubspot_read.c, hubspot_mutate.c, hubspot.c ---- */

void hubspot_search(struct hubspot *h, enum object_type type, const struct call *call,
                    struct answer *a);
void hubspot_list(struct hubspot *h, enum object_type type, const struct call *call,
                  struct answer *a);
void hubspot_get(struct hubspot *h, enum object_type type, const char *id, const struct call *call,
                 struct answer *a);
void hubspot_batch_read(struct hubspot *h, enum object_type type, const struct call *call,
                        struct answer *a);
/* ---- hubspot_oauth.c ---- */

/* Answers OAuth's own paths; false: it is another. */
bool hubspot_oauth(struct hubspot *h, const struct call *call, struct answer *a);
/* Whether the request has an access token that lives, and whether that has a scope. */
bool hubspot_oauth_knows(const struct hubspot *h, const struct call *call);
bool hubspot_oauth_allows(const struct hubspot *h, const struct call *call, const char *scope);
bool hubspot_oauth_door(void *state, struct json_object *wanted, struct answer *a);
void hubspot_oauth_free(struct hubspot *h);

bool hubspot_mutate(void *state, struct json_object *wanted, struct answer *a);

/* ---- hubspot_truth.c ---- */

bool hubspot_truth(void *state, const char *name, int64_t *position, size_t enough,
                   struct text *out);

/* ---- hubspot_merge.c ---- */

enum { MERGES_MAX = 250 }; /* into one record */

/* The record that stands for a record: itself, or the one that it was merged into in the end. */
uint32_t merge_winner(const struct hubspot *h, enum object_type type, uint32_t index);
/* The indexes of those that were merged into a record, directly or not; at most `most`. */
size_t merge_losers(const struct hubspot *h, enum object_type type, uint32_t index, uint32_t *out,
                    size_t most);
/* Merges two living records. False, with nothing done, when the winner has swallowed too many. */
bool merge_records(struct hubspot *h, enum object_type type, uint32_t winner, uint32_t loser,
                   int64_t now_ms);
/* POST .../merge. */
void hubspot_merge(struct hubspot *h, enum object_type type, const struct call *call,
                   struct answer *a);

/* ---- hubspot_reference.c ---- */

void references_init(struct hubspot *h);
void hubspot_owners(struct hubspot *h, const struct call *call, struct answer *a);
void hubspot_pipelines(struct hubspot *h, enum object_type type, struct answer *a);
/* NULL when the type has no such stage. */
const struct stage *hubspot_stage(enum object_type type, const char *id);
bool stage_is_won(const struct stage *stage);
/* How many were changed: another address, or gone from the account. */
size_t references_change_owners(struct hubspot *h, uint64_t n, uint64_t seed, bool archive);
size_t references_rename_stages(struct hubspot *h, enum object_type type, uint64_t n,
                                uint64_t seed);
/* Appends a line for each of "owners", "deal_stages" or "ticket_stages"; false: it is another. */
bool references_truth(const struct hubspot *h, const char *name, struct text *out);

/* The same, left open for more members; the message is JSON text. */
void hubspot_error_json(struct hubspot *h, struct answer *a, int status, const char *message);
/* An error body. `category` may be NULL. */
void hubspot_error(struct hubspot *h, struct answer *a, int status, const char *category,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
