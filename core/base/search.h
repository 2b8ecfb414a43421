/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the first of several texts in a long one, in one pass that skips most of its bytes (Wu and
 * Manber, "A fast algorithm for multi-pattern searching", 1994). */
#ifndef BASE_SEARCH_H
#define BASE_SEARCH_H

#include "base/str.h"

enum { SEARCH_LEAST = 8, SEARCH_SLOTS = 8192 };

struct search {
    const struct str *texts; /* borrowed */
    size_t count;
    size_t window; /* of each text only so many bytes decide where to look */
    uint8_t skip[SEARCH_SLOTS];
};

/* The texts have at least SEARCH_LEAST bytes each, and stay where they are. */
void search_prepare(struct search *s, const struct str *texts, size_t count);

/* The earliest place where one of them stands; at the same place, the longest. */
bool search_first(const struct search *s, struct str text, struct str *ret_found);

#endif
