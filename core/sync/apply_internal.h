/* SPDX-License-Identifier: Apache-2.0 */
/* What apply.c, which finds out what still is as planned, and apply_write.c, which does it, share.
 */
#ifndef SYNC_APPLY_INTERNAL_H
#define SYNC_APPLY_INTERNAL_H

#include "sync/apply.h"

extern const char apply_moved[], apply_same[], apply_gone[], apply_vendor[], apply_doubt[];

/* The one that looks at that record of the vendor's; NULL: there is none. */
struct apply_unit *apply_unit_of(const struct apply_portion *portion, struct str external_id,
                                 enum plan_side side);
/* Leaves the records that are to be merged. */
void apply_filter(struct apply_portion *portion, struct page_list *pages, enum plan_side side);
/* Whether merge->notes are what was planned; units that differ are left out from then on. */
bool apply_compare(const struct apply *apply, struct apply_portion *portion, enum plan_side side,
                   const struct merge *merge);
/* After the commit. */
void apply_touch(struct apply *apply, const struct merge *merge);
void apply_settle(struct apply *apply, struct apply_portion *portion, enum plan_side side,
                  const struct merge *merge);

#endif
