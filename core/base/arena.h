/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once: what one page, one request or one file needs. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    size_t used; /* bytes handed out */
};

/* Zeroed, aligned for any type. */
void *arena_new(struct arena *a, size_t count, size_t size);

/* A copy; terminated, so that ptr is a C string too. */
struct str arena_str(struct arena *a, struct str s);
/* A copy whose ASCII letters are changed by tolower or toupper; other bytes stay as they are. */
struct str arena_ascii(struct arena *a, struct str s, int (*change)(int));
char *arena_text(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A growing array in the arena: room for `need` elements, the old ones copied. */
void *arena_grow(struct arena *a, void *ptr, size_t *cap, size_t need, size_t size);

void arena_free(struct arena *a);

#endif
