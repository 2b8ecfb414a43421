/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the export share: export_gather.c finds out what is due, export_prepare.c what
 * is written, export_settle.c what became of it. */
#ifndef SYNC_EXPORT_INTERNAL_H
#define SYNC_EXPORT_INTERNAL_H

#include "base/time.h"
#include "plugin/protocol.h"
#include "sync/export.h"
#include "sync/export_map.h"
#include "sync/link_base.h"

/* What is to become of the vendor's record, by whether both are there. */
enum export_wish { WISH_NOTHING, WISH_CREATE, WISH_UPDATE, WISH_ARCHIVE };

static inline const struct store_engine *engine_of(const struct export *x)
{
    return x->merge.store->engine;
}

/* A write of an item, noted by the vendor's clock; what it writes is not filled. */
static inline struct export_write export_write_of(const struct export *x,
                                                  const struct export_item *item, enum write_op op,
                                                  enum write_state state)
{
    return (struct export_write){.stream = x->merge.target->stream,
                                 .run = x->merge.run,
                                 .record = item->record,
                                 .link = item->link.key,
                                 .op = op,
                                 .state = state,
                                 .at = x->vendor_now,
                                 .external_id = item->external_id};
}

/* Both sides agree on our value of that field. */
static inline void export_agree(const struct rule *rule, struct export_item *item,
                                const struct export_field *f, struct arena *arena)
{
    const struct link_base_entry entry = {rule->field.id, f->here, f->base};
    item->link.seen_local = shadow_set(item->link.seen_local, rule->field.id, f->here, arena);
    if (rule_keeps_base(rule))
        item->link.base = link_base_set(item->link.base, &entry, arena);
}

/* ptr NULL: the mapping keeps none. */
static inline struct str export_base_of(const struct export *x, const struct export_item *item)
{
    struct str base = item->link.base.ptr ? item->link.base : STR("");
    return mapping_keeps_bases(&x->merge.target->object->mapping) ? base : (struct str){NULL, 0};
}

/* The item's link as it is to be stored. `modified_us`: of the vendor's record; 0: not known. */
static inline struct link_write export_link_of(const struct export *x,
                                               const struct export_item *item, int64_t modified_us)
{
    return (struct link_write){.key = item->link.key,
                               .stream = x->merge.target->stream,
                               .record = item->record,
                               .external_id = item->external_id,
                               .seen_remote = item->link.seen_remote,
                               .seen_local = item->link.seen_local,
                               .base = export_base_of(x, item),
                               .remote_modified = modified_us};
}

/* The fields that one row of a group writes. */
static inline const struct export_field *export_fields(const struct export_group *g, size_t i,
                                                       size_t *ret_count)
{
    *ret_count = g->joined[i] ? 1 : g->items[i]->value_count;
    return g->joined[i] ? g->joined[i] : g->items[i]->values;
}

/* The text that is written to a field, as JSON. */
static inline void export_put(struct json_writer *w, const struct export_field *f)
{
    if (f->clear)
        json_put_null(w);
    else
        json_put_str(w, f->text);
}

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

/* ---- export_prepare.c ---- */

/* How a value of ours is named to connectors. */
enum field_type export_type(enum field_kind kind);
/* Of a write that is noted in the store. */
struct str export_write_id(const struct store *store, int64_t note, struct arena *arena);

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
