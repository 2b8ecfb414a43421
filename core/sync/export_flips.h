/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields that go to and fro: we write a value, something at the vendor puts another one in its
 * place, and here the first one comes back. After FLIPS_MOST times within an hour such a field is
 * not written again, until a person has decided (conflict.h).
 */
#ifndef SYNC_EXPORT_FLIPS_H
#define SYNC_EXPORT_FLIPS_H

#include "sync/export_internal.h"

enum { FLIPS_MOST = 3 };

/* What was lately written of one field of one record. */
struct flip_write {
    int64_t record;
    struct str field, before, after; /* of the vendor's; JSON */
};

struct export_flips {
    struct flip_write *writes; /* in time, of each record */
    size_t count, cap;
    struct conflict_row *decided; /* within the hour, by a person: record and field */
    size_t decided_count, decided_cap;
    struct export *x;
};

/* Loads what was written of the portion's records within the last hour, and what persons have
 * decided about them. */
int flips_load(struct export_flips *f, struct export *x, const struct export_due *due,
               struct error *err);

/* Whether writing this field (ours: `id`) once more would be once too often. `after`: what is to be
 * written, as JSON. */
bool flips_park(const struct export_flips *f, int64_t record, const struct export_field *field,
                uint16_t id, struct str after);

#endif
