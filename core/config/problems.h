/* SPDX-License-Identifier: Apache-2.0 */
/* All that is wrong with a configuration, told in one go: file:line:column: what, and what to write
 * instead. */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <stdarg.h>

#include "base/arena.h"
#include "base/buf.h"

struct problem {
    const char *file;
    int line, column; /* from 1; 0: the file as a whole */
    const char *text;
};

struct problems {
    struct problem *items;
    size_t count, cap;
    struct arena arena;
};

void problem_add(struct problems *p, const char *file, int line, int column, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));
void problem_vadd(struct problems *p, const char *file, int line, int column, const char *format,
                  va_list args) __attribute__((format(printf, 5, 0)));

/* By file, line and column; of two at one place the first stays first. */
void problems_sort(struct problems *p);

/* "file:line:column: text". */
void problem_write(struct buf *out, const struct problem *problem);

void problems_free(struct problems *p);

#endif
