/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program: a machine that runs out of something.
 *
 *   SCARCE_ALLOCATION=N        the N-th allocation of the process fails, once; 0: they are counted,
 *                              and the count is written to standard error at the end
 *   SCARCE_WRITE=N             from the N-th write into a regular file on, the disk is full
 *
 * Children that are started with an environment of their own are not concerned.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* glibc's own, so that nothing is looked up while memory is asked for. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

static atomic_ulong allocations, writes;
static unsigned long fail_allocation, full_at_write;
static int counts, ready;

__attribute__((constructor)) static void begin(void)
{
    const char *allocation = getenv("SCARCE_ALLOCATION"), *write_at = getenv("SCARCE_WRITE");
    fail_allocation = allocation ? strtoul(allocation, NULL, 10) : 0;
    full_at_write = write_at ? strtoul(write_at, NULL, 10) : 0;
    counts = allocation && fail_allocation == 0;
    ready = 1;
}

__attribute__((destructor)) static void end(void)
{
    if (counts)
        fprintf(stderr, "%lu allocations, %lu writes\n", atomic_load(&allocations),
                atomic_load(&writes));
}

static int none_left(void)
{
    if (!ready || atomic_fetch_add(&allocations, 1) + 1 != fail_allocation)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return none_left() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return none_left() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    return none_left() ? NULL : __libc_realloc(ptr, size);
}

void *reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(ptr, bytes);
}

static int is_full(int fd)
{
    struct stat info;
    if (!ready || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return 0;
    if (atomic_fetch_add(&writes, 1) + 1 < full_at_write || full_at_write == 0)
        return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off64_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
    return is_full(fd) ? -1 : next(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite64(fd, bytes, len, at);
}
