/* SPDX-License-Identifier: Apache-2.0 */
/* What a function that failed says: low layers fill it and return -1, one layer above logs it. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/str.h"

struct error {
    char text[768]; /* one sentence: what happened, where, what to do */
};

/* Fills `err` (which may be NULL) and returns -1, so that `return error_set(err, ...)` works. */
int error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the text that is there; returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
