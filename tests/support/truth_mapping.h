/* SPDX-License-Identifier: Apache-2.0 */
/* The test's own mapping of HubSpot: what each column of ours is made of. Shares nothing with the
 * connector's. */
#ifndef SUPPORT_TRUTH_MAPPING_H
#define SUPPORT_TRUTH_MAPPING_H

#include "truth.h"

enum form {
    AS_IS,
    LOWERED,
    TRIMMED,
    OF_COMPANY,
    MINOR_UNITS,
    PERCENT,
    MINUTES,
    DAYS,
    MICROSECONDS,
    DEAL_STATUS,
    TICKET_STATUS,
    FIRST_WORDS,
    FIRST_COMPANY, /* of the associations; the one with the lowest id */
    FIRST_CONTACT,
    FIRST_DEAL,
    ALL_PROPERTIES, /* those that have a value, as a JSON object */
    BOOLEAN,
    NEGATED,
    STAGE_STATUS,  /* of the stage itself */
    OWNER_ADDRESS, /* of the owner that the property names */
    DEAL_LABEL,    /* of the stage that the property names, and of its pipeline; as it is where
                    * stages are not synced */
    DEAL_PIPELINE,
    CONSTANT /* `property` is the value itself */
};

struct field {
    const char *column, *property;
    enum form form;
    const char *otherwise; /* where the vendor has none */
};

struct kind {
    const char *object, *table; /* the vendor's and ours */
    const char *modified;       /* property; NULL: every read gives all */
    const struct field *fields;
    size_t field_count;
    const struct field *custom;
    size_t custom_count;
};

extern const struct kind truth_kinds[TRUTH_OBJECTS];

enum { FIRST_TABLE = 10 }; /* the reference tables */

#endif
