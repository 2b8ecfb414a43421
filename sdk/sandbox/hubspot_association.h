/* SPDX-License-Identifier: Apache-2.0 */
/* Associations (v4): who keeps them, their types, and the requests that read and write them. */
#ifndef SANDBOX_HUBSPOT_ASSOCIATION_H
#define SANDBOX_HUBSPOT_ASSOCIATION_H

#include "hubspot.h"

/* ---- hubspot_association.c: what there is ---- */

enum { ASSOCIATIONS_MAX = 50 }; /* of one record of the keeping side with records of one type */

bool association_is_known(enum object_type type, enum object_type to);
/* Whether the type's side keeps them. */
bool association_is_kept(enum object_type type, enum object_type to);

/* Makes `target` (-1: none) the only one, of those too that came with merged records. */
void association_set(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                     int64_t target);
/* Adds a target of the keeping side's record, or labels of one that there is. False: the record has
 * too many. */
bool association_add(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                     uint32_t target, uint32_t labels);
/* Takes labels off; bit 0 takes off the whole association. */
void association_remove(struct hubspot *h, enum object_type type, uint32_t index,
                        enum object_type to, uint32_t target, uint32_t labels);
bool association_is_changed(const struct hubspot *h, enum object_type type, uint32_t index,
                            enum object_type to);
/* Appends the id of a contact's first company; false when it has none. The association is a changed
 * one. */
bool association_write_primary(const struct hubspot *h, uint32_t contact, struct text *out);
/* Gives a contact that is merged into the company of the other, when it lost its own. */
void association_move_primary(struct hubspot *h, uint32_t winner, uint32_t loser);

/* Living records that a record of the keeping side is associated with: its own, and those that came
 * with the records that were merged into it. */
size_t association_get(const struct hubspot *h, enum object_type type, uint32_t index,
                       enum object_type to, struct link out[ASSOCIATIONS_MAX]);
/* Appends a member "associations" for the truth: those that the record's side keeps. */
void association_write_truth(const struct hubspot *h, enum object_type type, uint32_t index,
                             struct text *out);
void associations_free(struct hubspot *h);

/* ---- hubspot_association_read.c ---- */

void hubspot_associations(struct hubspot *h, enum object_type type, const char *id,
                          enum object_type to, const struct call *call, struct answer *a);
void hubspot_associations_batch(struct hubspot *h, enum object_type type, enum object_type to,
                                const struct call *call, struct answer *a);

/* ---- hubspot_label.c: types of associations ---- */

/* Bits of a link's labels: the type without a label, the primary one, those of the account. */
enum { LABEL_NONE = 1, LABEL_PRIMARY = 2, LABEL_OWN = 4 };

/* The label bit of a type id from `type` to `to`; 0 when the pair has no such type. */
uint32_t label_bit(enum object_type type, enum object_type to, const char *category, int64_t id);
/* The id of the type without a label, and its category. */
int label_default(enum object_type type, enum object_type to, const char **ret_category);
/* Appends the types of an association as a JSON array: bits of `labels`. */
void label_write_types(enum object_type type, enum object_type to, uint32_t labels,
                       struct text *out);
/* Appends the labels alone: an array of texts. */
void label_write_names(enum object_type type, enum object_type to, uint32_t labels,
                       struct text *out);
/* GET .../labels. */
void hubspot_labels(enum object_type type, enum object_type to, struct answer *a);

/* ---- hubspot_link.c: requests that write ---- */

/* An association that a request wishes for; the records are known to live. */
struct wanted_link {
    enum object_type to;
    uint32_t target, labels;
};

/* What became of the record with an id; LIFE_MERGED: nothing has it. */
enum life life_by_id(const struct hubspot *h, enum object_type type, const char *id,
                     uint32_t *ret_index);
/* The index of a living record by its id. */
bool living_by_id(const struct hubspot *h, enum object_type type, const char *id,
                  uint32_t *ret_index);
/* Associates, from either side. False: the keeping record has too many. */
bool link_apply(struct hubspot *h, enum object_type type, uint32_t index,
                const struct wanted_link *wanted);
/* Label bits of a list of {associationCategory, associationTypeId}; 0 when one is none. */
uint32_t link_labels(enum object_type type, enum object_type to, struct json_object *types);

enum link_request { LINK_CREATE, LINK_DEFAULT, LINK_ARCHIVE, LINK_LABELS_ARCHIVE };

/* POST .../batch/...: `what` says which. */
void hubspot_links_batch(struct hubspot *h, enum object_type type, enum object_type to,
                         enum link_request what, const struct call *call, struct answer *a);
/* PUT and DELETE of a pair. */
void hubspot_link(struct hubspot *h, enum object_type type, const char *id, enum object_type to,
                  const char *to_id, enum link_request what, const struct call *call,
                  struct answer *a);

#endif
