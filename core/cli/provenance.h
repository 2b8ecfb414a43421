/* SPDX-License-Identifier: Apache-2.0 */
/* Where a record's values are from: its log, newest row first, with what the rows tell of fields.
 */
#ifndef CLI_PROVENANCE_H
#define CLI_PROVENANCE_H

#include "cli/app.h"

/* A run as it is named to people. */
struct origin {
    int64_t run; /* 0: another program */
    bool known;  /* the run log still has it */
    struct str connection, started_by;
};

struct change {
    struct log_row row;
    const struct json *body; /* NULL: none */
    struct origin origin;
};

struct provenance {
    const struct model_object *object;
    int64_t key;
    struct record_row record; /* key 0: another program deleted it */
    struct record_link *links;
    size_t link_count, link_cap;
    struct change *changes;
    size_t change_count, change_cap;
    bool broken; /* the log does not reach back to the record's first row */
    int64_t rows_pruned_at, values_pruned_at; /* when such were pruned last, of whatever record; 0:
                                                 never */
    struct arena arena;
};

/* The log of the record `key`. */
int provenance_load(struct provenance *p, struct store *store, struct error *err);
void provenance_free(struct provenance *p);

/* A field of the model, or "custom_fields.NAME". */
struct field_ref {
    struct str name;
    int index; /* -1: a custom field */
};

/* Whether a row says that it changed the field; what it was before and after, NULL for null. */
bool provenance_change(const struct change *change, const struct field_ref *field,
                       const struct json **ret_before, const struct json **ret_after);

/* Whether a row has lost what it changed; whether any has. */
bool provenance_is_pruned(const struct change *change);
bool provenance_any_pruned(const struct provenance *p);

/* The link by which a run brought the record; NULL: it has none of that connection. */
const struct record_link *provenance_link(const struct provenance *p, const struct origin *origin);

/* The record with that UUID, or with that id at the vendor of a connection; key 0: there is none.
 */
int provenance_find(struct store *store, const struct model_object *object, int64_t organization,
                    struct str id, const char *connection, int64_t *ret_key, struct error *err);

#endif
