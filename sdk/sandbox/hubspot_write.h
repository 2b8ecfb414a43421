/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the write side share: values that are checked, records that are made and
 * changed, their history, and the properties that an account adds. */
#ifndef SANDBOX_HUBSPOT_WRITE_H
#define SANDBOX_HUBSPOT_WRITE_H

#include "hubspot_association.h"

/* ---- hubspot_history.c ---- */

enum { HISTORY_MAX = 20, HISTORY_PAGE_MAX = 50 }; /* values of a property; records of a page */

/* Copies the value. */
void history_add(struct slot *slot, const struct change *change, int64_t at_ms,
                 enum history_source source);
/* Appends `,"propertiesWithHistory":{...}` of the fields of a mask, newest values first. */
void history_write(const struct hubspot *h, const struct record *r, uint64_t mask,
                   struct text *out);

/* ---- hubspot_value.c ---- */

enum { VALUE_MAX = 65536 }; /* characters of a text */

/* A value that was refused, as HubSpot says it: PROPERTY_DOESNT_EXIST and so on. */
struct issue {
    const char *code;
    char *name, *message;
};

struct issues {
    struct issue *all;
    size_t count, cap;
};

void issue_add(struct issues *issues, const char *code, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void issues_free(struct issues *issues);

/* Checks a value and appends it as HubSpot keeps it; nothing appended: it is cleared. False, with
 * an issue, when it is refused. */
bool value_check(const struct hubspot *h, enum object_type type, unsigned field, const char *value,
                 struct text *out, struct issues *issues);
/* How a value is looked up: as it is kept, or as it came where it is no valid one. */
void value_normal(const struct hubspot *h, enum object_type type, unsigned field, const char *value,
                  struct text *out);

/* ---- hubspot_unique.c ---- */

/* Notes that a record was given a value of a unique property. */
void unique_add(struct hubspot *h, enum object_type type, unsigned field, uint32_t index,
                const char *value);
/* The living record whose property has the value, without case; false when there is none. */
bool unique_find(const struct hubspot *h, enum object_type type, unsigned field, const char *value,
                 uint32_t *ret_index);
void unique_free(struct hubspot *h);

/* ---- hubspot_property.c ---- */

enum { UNIQUE_PROPERTIES_MAX = 10 }; /* that an account adds to an object */

void property_write(const struct hubspot *h, enum object_type type, unsigned field,
                    struct text *out);
void hubspot_properties(struct hubspot *h, enum object_type type, struct answer *a);
void hubspot_property(struct hubspot *h, enum object_type type, const char *name, struct answer *a);
void hubspot_property_create(struct hubspot *h, enum object_type type, const struct call *call,
                             struct answer *a);
void hubspot_property_archive(struct hubspot *h, enum object_type type, const char *name,
                              struct answer *a);
void hubspot_groups(struct hubspot *h, enum object_type type, struct answer *a);
void hubspot_group_create(struct hubspot *h, enum object_type type, const struct call *call,
                          struct answer *a);
void models_init(struct hubspot *h);
void added_free(struct hubspot *h);

/* ---- hubspot_item.c: one record of a request ---- */

enum deed { DEED_CREATE, DEED_UPDATE, DEED_UPSERT };

enum refusal {
    REFUSED_NOT,
    REFUSED_MISSING,  /* there is no such record */
    REFUSED_VALUES,   /* see its issues */
    REFUSED_REQUIRED, /* `detail` lists what is not set, as JSON texts */
    REFUSED_CONFLICT, /* `other` has the contact's address already */
    REFUSED_LINKS,    /* `detail` is why its associations cannot be */
    REFUSED_FAULT     /* a fault of kind `partial` */
};

enum { LINKS_MAX = 20, DERIVED_MAX = 4, NO_RECORD = -1 };

struct item {
    struct json_object *input;
    const char *trace, *id; /* borrowed from it, or NULL */
    int id_field;           /* what `id` is a value of; -1: of a new record without one */
    struct change changes[FIELDS_MAX + DERIVED_MAX]; /* with those that follow from others */
    size_t count;
    uint64_t written; /* the fields that were named */
    struct wanted_link links[LINKS_MAX];
    size_t link_count;
    struct issues issues;
    enum refusal refusal;
    char detail[160];
    uint32_t index; /* the record, once `exists` */
    int64_t other;  /* another record, or NO_RECORD: of the same request */
    bool exists, created, unchanged;
};

/* Reads an input's shape: `properties`, of texts, numbers and booleans; `id` where `with_id`.
 * NULL, or what is wrong (static). */
const char *item_read(struct json_object *input, bool with_id, struct item *item);
/* Reads what it wishes for and finds its record. */
void item_prepare(const struct hubspot *h, enum object_type type, enum deed deed,
                  struct item *item);
/* Refuses values of unique properties that other records have. */
void item_check_unique(const struct hubspot *h, enum object_type type, struct item *item);
/* Writes it. Its changes are taken over. */
void item_apply(struct hubspot *h, enum object_type type, int64_t now_ms, struct item *item);
void item_free(struct item *item);
/* The value that it gives to a field; NULL when it does not, or clears it. */
const char *item_value(const struct item *item, unsigned field);

/* ---- hubspot_write.c: requests of one record, and what is told of items ---- */

/* What tells the types apart in messages: "CONTACT". */
const char *type_in_capitals(enum object_type type, char out[32]);
/* The field that an idProperty names; -1 after an answer that says no. NULL: the record's id. */
int write_id_field(struct hubspot *h, enum object_type type, const char *name, struct answer *a);
/* The next moment of the sandbox's clock at which something is written; no two requests share one.
 */
int64_t write_moment(struct hubspot *h);
/* Appends the record as a write answers it: without nulls. */
void item_write(const struct hubspot *h, enum object_type type, const struct item *item,
                bool upsert, struct text *out);
/* Notes what became of it in the sandbox's journal. */
void item_journal(struct hubspot *h, enum object_type type, const char *deed,
                  const struct item *item, int status);
/* Appends the members of a refused item's error: category, message, context, errors. */
void item_write_error(const struct hubspot *h, enum object_type type, const struct item *item,
                      bool single, struct text *out);
/* Whether all of a batch without trace ids is refused for this one. */
bool refuses_all(const struct item *item);
/* Answers that all of a request is refused, for the reason of its first such item. */
void items_refuse(struct hubspot *h, enum object_type type, const struct item *items, size_t count,
                  struct answer *a);
/* The body; NULL after an answer that says no. */
struct json_object *write_body(struct hubspot *h, const struct call *call, struct answer *a);

void hubspot_create(struct hubspot *h, enum object_type type, const struct call *call,
                    struct answer *a);
void hubspot_update(struct hubspot *h, enum object_type type, const char *id,
                    const struct call *call, struct answer *a);
void hubspot_archive(struct hubspot *h, enum object_type type, const char *id, struct answer *a);

/* ---- hubspot_batch.c ---- */

void hubspot_batch_write(struct hubspot *h, enum object_type type, enum deed deed,
                         const struct call *call, struct answer *a);
void hubspot_batch_archive(struct hubspot *h, enum object_type type, const struct call *call,
                           struct answer *a);

#endif
