/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that ends the process with a clear line when memory is out. Whatever comes from
 * outside is bounded before it gets here, so running out is the machine's trouble, not a sender's;
 * the store is whole after it, as after a kill. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Zeroed memory; never NULL. */
void *mem_new(size_t count, size_t size);

/* Keeps the content, does not zero what is added. */
void *mem_resize(void *ptr, size_t count, size_t size);

/* Makes room for `need` elements in a growing array: doubles `*cap`. */
void *mem_grow(void *ptr, size_t *cap, size_t need, size_t size);

char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);

/* Overwrites before freeing, for secrets. */
void mem_free_secret(char *text);

#define MEM_NEW(type) ((type *)mem_new(1, sizeof(type)))

#endif
