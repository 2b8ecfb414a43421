/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *ptr, size_t count, size_t size)
{
    if (ptr)
        return ptr;
    fprintf(stderr, "fastenr: out of memory (%zu times %zu bytes); the store is whole\n", count,
            size);
    abort();
}

void *mem_new(size_t count, size_t size)
{
    return or_die(calloc(count ? count : 1, size ? size : 1), count, size);
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
    if (count == 0)
        count = 1;
    return or_die(reallocarray(ptr, count, size), count, size);
}

void *mem_grow(void *ptr, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return ptr;
    size_t wanted = *cap ? *cap * 2 : 8;
    *cap = wanted < need ? need : wanted;
    return mem_resize(ptr, *cap, size);
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_new(len + 1, 1);
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

void mem_free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}
