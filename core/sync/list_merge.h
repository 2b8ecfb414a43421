/* SPDX-License-Identifier: Apache-2.0 */
/* The merge of a list that both sides changed. */
#ifndef SYNC_LIST_MERGE_H
#define SYNC_LIST_MERGE_H

#include "base/arena.h"
#include "model/value.h"

/*
 * Three-way merge of lists of texts, taken as sets: what both have, and what one has that the base
 * had not, each once, where it stands first. So what either side took out is out, and what either
 * added is in. The order is ours and then what is new in theirs, or, with `theirs_first`, the other
 * way round. No value is an empty list, and an empty result no value.
 *
 * `base`: JSON of the list that both last agreed on; empty, or anything but a list of texts: not
 * known, and nothing goes. False: a side is no list of texts, or the result is larger than a record
 * may be. The value is JSON text, the arena's.
 */
bool list_merge(bool theirs_first, struct str base, const struct value *ours,
                const struct value *theirs, struct arena *arena, struct value *ret_value);

#endif
