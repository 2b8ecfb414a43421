/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical objects and their fields: the one table that the store's statements, validation,
 * mapping checks, commands and docs read. A field's id is for ever: shadows and the log hold it.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/str.h"

enum field_kind {
    KIND_TEXT,
    KIND_INTEGER,
    KIND_MONEY,   /* minor units; decimal(12,2) outside */
    KIND_BOOLEAN, /* 0 or 1 */
    KIND_DATE,    /* days since 1970-01-01 */
    KIND_TIME,    /* microseconds UTC */
    KIND_ENUM,    /* text, one of choices */
    KIND_EMAIL,
    KIND_PHONE,
    KIND_URL,
    KIND_LIST,      /* JSON array of texts */
    KIND_REFERENCE, /* key of a record of `references` */
    KIND_JSON,      /* JSON object */
    KIND_NUMBER     /* JSON number text; custom fields only */
};

struct model_field {
    uint16_t id; /* 1..999; custom fields have ids from 1000 up, given by the store */
    const char *name;
    enum field_kind kind;
    bool required;
    int64_t min, max;           /* of KIND_INTEGER; both 0: no limit */
    const char *const *choices; /* of KIND_ENUM, ends with NULL */
    const char *references;     /* of KIND_REFERENCE: an object's name */
    const char *default_text;   /* for a new record that has no value; NULL: none */
    const char *help;
};

enum {
    MODEL_FIELDS_MAX = 40,
    FIELD_ID_CUSTOM = 1000,
    TEXT_MAX = 100 * 1024,
    JSON_MAX = 1024 * 1024
};

struct model_object {
    uint16_t id;
    const char *name; /* and the table's */
    const struct model_field *fields;
    size_t field_count;
    const char *match; /* the field that has an index for matching; NULL: there is none */
    bool is_table;     /* a reference table of a connection: other records take its fields */
    const char *help;
};

extern const struct model_object model_objects[];
extern const size_t model_object_count;

const struct model_object *model_object(struct str name);
const struct model_object *model_object_by_id(uint16_t id);

/* Index of a field, or -1. */
int model_field(const struct model_object *object, struct str name);

const char *model_kind_name(enum field_kind kind);

/* Whether a value of this kind is kept as text (else as an integer). */
bool model_is_text(enum field_kind kind);

#endif
