/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed strings: pointer and length, UTF-8, not terminated. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* For "%.*s"; names its argument twice. */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline struct str str_slice(struct str s, size_t from, size_t len)
{
    return (struct str){s.ptr + from, len};
}

bool str_eq(struct str a, struct str b);
bool str_is(struct str s, const char *text);
bool str_eq_nocase(struct str a, struct str b); /* ASCII */
int str_cmp(struct str a, struct str b);        /* by bytes */
/* The least and the greatest of at least one. */
void str_span(const struct str *items, size_t count, struct str *ret_low, struct str *ret_high);
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
struct str str_trim(struct str s); /* ASCII white space */

/* Position of a byte, or -1. */
ptrdiff_t str_find(struct str s, char c);

/* Takes the part before the separator off the front of `*rest`; false when nothing is left. */
bool str_next(struct str *rest, char separator, struct str *ret_part);

/* The whole of `s` as a decimal integer; false on anything else or overflow. */
bool str_to_i64(struct str s, int64_t *ret_value);
bool str_to_u64(struct str s, uint64_t *ret_value);
bool str_to_double(struct str s, double *ret_value);

bool str_is_utf8(struct str s);

/* Compares in a time that depends on the lengths only. */
bool str_eq_secret(struct str a, struct str b);

/* The candidate nearest to a misspelt word (edit distance of at most a third of its length), or
 * NULL. */
const char *str_nearest(struct str word, const char *const *candidates, size_t count);

#endif
