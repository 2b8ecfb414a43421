/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a ceiling given at creation. Past it, appends are refused and `full`
 * stays set, so a writer may append freely and look once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include "base/str.h"

struct buf {
    char *ptr; /* terminated whenever anything has been appended */
    size_t len;
    size_t cap;
    size_t max;
    bool full;
};

#define BUF_INIT(limit) ((struct buf){.max = (limit)})

void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, struct str s);
void buf_text(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);

/* Room for `len` more bytes to be written at ptr + len; false when over the ceiling. */
bool buf_reserve(struct buf *b, size_t len);

/* Empties, keeps the memory. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);

/* The content as a terminated string, "" when empty. */
const char *buf_cstr(const struct buf *b);

static inline struct str buf_view(const struct buf *b)
{
    return (struct str){b->ptr, b->len};
}

#endif
