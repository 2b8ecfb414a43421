/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schema drift: a vendor's field that is removed, has another type or gets values that cannot be
 * mapped pauses the rules that read it; the sync goes on without them. While a rule is paused
 * nothing is taken by it: the canonical field keeps its value, the shadow its hash.
 *
 * Works on the snapshot of the fields that the mapping reads. Nothing here asks the vendor, or
 * touches the store.
 */
#ifndef SYNC_DRIFT_H
#define SYNC_DRIFT_H

#include "plugin/worker.h"
#include "store/store.h"
#include "sync/page.h"

/* What the vendor has now, compared with what was known; the result is the arena's, or the old
 * snapshot's. `found` holds at least those of mapping->fields that the vendor has. */
void drift_compare(const struct mapping *mapping, const struct field_snapshot *old,
                   const struct vendor_field *found, size_t count, int64_t now_us,
                   struct field_snapshot *ret_snapshot, struct arena *arena);

/* Whether a person should hear of a field: it is in another state than before. `old` may be NULL.
 */
bool drift_is_news(const struct field_row *old, const struct field_row *now);

/* Whether a field that the vendor had when it was last asked is in none of the records of an
 * answer: it is gone since, or the vendor leaves out what has no value. */
bool drift_is_absent(const struct field_row *row, const struct page *page);

const struct field_row *drift_find(const struct field_snapshot *snapshot, struct str name);

/* Pauses just the rules that the snapshot says, and sets the mapping's hash. Returns whether a
 * rule that was paused is not any more. No other thread may use the mapping. */
bool drift_pause_rules(struct mapping *mapping, const struct field_snapshot *snapshot);

/* -1 when the object cannot be read with these pauses: a required field is paused, or the filter
 * reads a field that is gone or has another type. After drift_pause_rules. */
int drift_check(const struct mapping *mapping, const struct field_snapshot *snapshot,
                struct error *err);

/* The shadow to be stored: the new one, but of paused rules what the old one has. */
struct str drift_shadow(const struct mapping *mapping, struct str old_shadow, struct str new_shadow,
                        struct arena *arena);

/* A person takes the field as it is now. False when there is no field to take. */
bool drift_accept(struct field_row *row);

/* ---- words ---- */

const char *drift_type_name(int type);

/* What became of a field: "it was a number and is a string now". */
void drift_describe(struct buf *out, const struct field_row *row);

#endif
