/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of an erasure, the same for both engines: whose records go, what is emptied, and
 * in which order. How a text is searched for an address is the engine's. */
#ifndef STORE_ERASE_SQL_H
#define STORE_ERASE_SQL_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/model.h"
#include "store/store.h"

/* How an engine says it. */
struct erase_dialect {
    const char *prefix;                 /* of each statement */
    const char *address, *organization; /* parameters */
    const char *collation;              /* behind a column, so that only A to Z have two cases */
    /* Conditions on rows. */
    const char *own_payload; /* quarantine: of a person's stream, and the payload or id is theirs */
    const char *id;          /* quarantine: its id mentions the address */
    const char *payload, *reason; /* quarantine: that text does */
    const char *body;             /* log */
    const char *gone; /* log: the body of a deletion that took the row away has the address as the
                         record's own */
    const char *run_reason, *pause_reason;
    const char *position;                  /* stream */
    const char *sent, *refused, *conflict; /* sent, export_write, conflict: one of their texts */
    const char *base, *moved;              /* link, moved_link: their base */
};

enum { ERASE_STEPS_MAX = 64, ERASE_COUNTS_MAX = 32 };

/* A query of one number, which is added to `number`. */
struct erase_count_query {
    const char *text;
    int64_t *number;
};

struct erase_sql {
    const struct erase_dialect *dialect;
    struct arena *arena;                     /* of all texts */
    const char *contacts, *owners;           /* keys of the person's records, in parentheses */
    const char *past_contacts, *past_owners; /* with those that another program deleted, which the
                                                log alone knows */
    const char *links;                       /* keys of the links of all of these, likewise */
    const char *ids; /* query: stream and external id of the vendors' records to remember */
    struct erase_count_query counts[ERASE_COUNTS_MAX];
    size_t count_count;
    const char *steps[ERASE_STEPS_MAX];
    size_t step_count;
};

/* `counts` is where the queries' numbers go. */
void erase_sql_make(struct erase_sql *ret, const struct erase_dialect *dialect,
                    struct erase_counts *counts, struct arena *arena);

/* Appends the condition under which a field of an object is emptied; false when it never is. */
bool erase_sql_emptied(const struct erase_sql *sql, struct buf *out,
                       const struct model_object *object, const struct model_field *field);

/* Appends " AND key NOT IN ...", so that a query on an object leaves out the person's own records.
 */
void erase_sql_of_others(const struct erase_sql *sql, struct buf *out,
                         const struct model_object *object);

#endif
