/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the export share: export_gather.c finds out what is due, export_prepare.c what
 * is written, export_settle.c what became of it. */
#ifndef SYNC_EXPORT_INTERNAL_H
#define SYNC_EXPORT_INTERNAL_H

#include "base/time.h"
#include "plugin/protocol.h"
#include "sync/export.h"
#include "sync/export_map.h"

/* What is to become of the vendor's record, by whether both are there. */
enum export_wish { WISH_NOTHING, WISH_CREATE, WISH_UPDATE, WISH_ARCHIVE };

/* ---- export_gather.c ---- */

/* Records at once. */
size_t export_portion(const struct export *x);

/* The records of x->pick_ids, once these are linked. */
int export_pick(struct export *x, struct error *err);

/* The portion that comes after x->after, with our records (key 0: gone). */
int export_load(struct export *x, struct export_due **ret_due, struct record_row **ret_rows,
                size_t *ret_count, struct error *err);

/* The custom fields of a record, where any is exported; to be freed with json_free. */
int export_custom(const struct export *x, const struct record_row *row,
                  const struct json **ret_custom, struct error *err);

enum export_wish export_wish(const struct export *x, const struct export_due *due,
                             const struct record_row *row);

/* Whether our value of a field is another one than was agreed on. */
bool export_differs(const struct export *x, const struct export_due *due,
                    const struct export_rule *e, const struct value *value);

/* ---- export_notes.c ---- */

/* The id of the record of ours that a field refers to; "" where it is gone. */
int export_other_id(struct export *x, const struct export_field *f, char ret_id[UUID_TEXT],
                    struct error *err);
/* What a plan has in store for the record that a field refers to. */
enum export_prospect {
    PROSPECT_NONE, /* nothing, or there is no plan */
    PROSPECT_MADE, /* the vendor gets it */
    PROSPECT_ENDED /* it ends */
};
enum export_prospect export_prospect(struct export *x, const struct export_field *f);

/* Whether the rule reads the very field that is written, and nothing else. */
static inline bool export_reads_back(const struct rule *rule, const struct export_rule *e)
{
    return rule->from_count == 1 && str_eq(rule->from[0], e->to);
}

#endif
