/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's malloc: the system's, but out of memory ends the process, as core/base/mem.c has it.
 * It is here for the libraries: not all look whether they got what they asked for, and one that
 * leaves out a value instead would make a record that lacks it. What is preloaded (an allocator, a
 * test) stays in charge of the memory itself. Not in builds with sanitizers, which do the same.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

SHOWN void *malloc(size_t size);
SHOWN void *calloc(size_t count, size_t size);
SHOWN void *realloc(void *ptr, size_t size);

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "fastenr: out of memory; the store is whole\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

/* Found at the first call; two threads would find the same. The C library's dlsym asks for no
 * memory when it finds the name. */
static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        out_of_memory();
    return found;
}

void *malloc(size_t size)
{
    static void *(*system_malloc)(size_t);
    if (!system_malloc)
        *(void **)&system_malloc = next("malloc");
    void *ptr = system_malloc(size);
    if (!ptr && size > 0)
        out_of_memory();
    return ptr;
}

void *calloc(size_t count, size_t size)
{
    static void *(*system_calloc)(size_t, size_t);
    if (!system_calloc)
        *(void **)&system_calloc = next("calloc");
    void *ptr = system_calloc(count, size);
    if (!ptr && count > 0 && size > 0)
        out_of_memory();
    return ptr;
}

void *realloc(void *old, size_t size)
{
    static void *(*system_realloc)(void *, size_t);
    if (!system_realloc)
        *(void **)&system_realloc = next("realloc");
    void *ptr = system_realloc(old, size);
    if (!ptr && size > 0)
        out_of_memory();
    return ptr;
}
