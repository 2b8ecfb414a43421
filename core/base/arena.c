/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { CHUNK_FIRST = 4 * 1024, CHUNK_MOST = 256 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    max_align_t bytes[];
};

static size_t aligned(size_t size)
{
    size_t unit = _Alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

static struct arena_chunk *add_chunk(struct arena *a, size_t need)
{
    size_t size = a->chunks ? a->chunks->size * 2 : CHUNK_FIRST;
    if (size > CHUNK_MOST)
        size = CHUNK_MOST;
    if (size < need)
        size = need;
    struct arena_chunk *chunk = mem_resize(NULL, 1, sizeof *chunk + size);
    *chunk = (struct arena_chunk){.next = a->chunks, .size = size};
    a->chunks = chunk;
    return chunk;
}

static void *take(struct arena *a, size_t size)
{
    size = aligned(size);
    struct arena_chunk *chunk = a->chunks;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = add_chunk(a, size);
    void *ptr = (char *)chunk->bytes + chunk->used;
    chunk->used += size;
    a->used += size;
    return ptr;
}

void *arena_new(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return mem_new(count, size); /* ends the process: no such request is honest */
    void *ptr = take(a, bytes);
    memset(ptr, 0, bytes);
    return ptr;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *copy = take(a, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

struct str arena_ascii(struct arena *a, struct str s, int (*change)(int))
{
    struct str copy = arena_str(a, s);
    char *p = (char *)(uintptr_t)copy.ptr; /* our own copy */
    for (size_t i = 0; i < copy.len; i++)
        if ((unsigned char)p[i] < 0x80)
            p[i] = (char)change((unsigned char)p[i]);
    return copy;
}

char *arena_text(struct arena *a, const char *text)
{
    return (char *)arena_str(a, str_from(text)).ptr;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = take(a, (size_t)(len > 0 ? len : 0) + 1);
    text[0] = '\0';
    if (len > 0)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

void *arena_grow(struct arena *a, void *ptr, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return ptr;
    size_t wanted = *cap ? *cap * 2 : 8;
    if (wanted < need)
        wanted = need;
    void *grown = arena_new(a, wanted, size);
    if (*cap > 0)
        memcpy(grown, ptr, *cap * size);
    *cap = wanted;
    return grown;
}

void arena_free(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
    a->used = 0;
}
