/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to take more memory than workers.memory. What gets past twice the limit has got through. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harm.h"

harm_fn fill_heap, map_endlessly, map_once, grow_break, lift_limits;

enum { STEP = 16 << 20, LIMIT = 128 << 20 };

static void touch(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 64 * 1024)
        bytes[i] = 1;
}

static void judge(const char *what, size_t got)
{
    note(got <= 2u * LIMIT, what);
}

void fill_heap(const char *step)
{
    size_t got = 0, size = (size_t)number_of(step);
    char *bytes, *last = NULL;
    while (got <= 2u * LIMIT && (bytes = malloc(size))) {
        touch(bytes, size);
        got += size;
        last = bytes;
    }
    free(last); /* else there may be no room left to tell of it, and the worker ends */
    judge("heap", got);
}

/* "shared": not the process's own; "stack": grows like one; "read-only": filled, then made
 * unwritable. RLIMIT_DATA counts none of these. */
void map_endlessly(const char *kind)
{
    int shared = strcmp(kind, "shared") == 0;
    int flags = (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS;
    size_t got = 0;
    if (strcmp(kind, "stack") == 0)
        flags |= MAP_GROWSDOWN;
    while (got <= 2u * LIMIT) {
        char *bytes = mmap(NULL, STEP, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (bytes == MAP_FAILED)
            break;
        touch(bytes, STEP);
        if (strcmp(kind, "read-only") == 0)
            mprotect(bytes, STEP, PROT_READ);
        got += STEP;
    }
    judge(kind, got);
}

void map_once(const char *bytes)
{
    size_t size = (size_t)number_of(bytes);
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    judge("one mapping", map == MAP_FAILED ? 0 : size);
}

void grow_break(const char *arg)
{
    size_t got = 0;
    char *end;
    (void)arg;
    while (got <= 2u * LIMIT && (end = sbrk(STEP)) != (char *)-1) {
        touch(end, STEP);
        got += STEP;
    }
    judge("break", got);
}

void lift_limits(const char *arg)
{
    static const int limits[] = {RLIMIT_DATA,  RLIMIT_AS,  RLIMIT_NPROC,
                                 RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_NOFILE};
    (void)arg;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
        attempt("setrlimit", setrlimit((__rlimit_resource_t)limits[i], &limit));
    }
}
