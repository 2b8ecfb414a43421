/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the jail costs a worker: jail_cost TIMES. Prints a line for each time: microseconds of a
 * process that does nothing, of one that puts the jail on, and of that the two stages.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker/jail.h"

enum { MEMORY_LIMIT = 256 * 1024 * 1024 };

struct times {
    int64_t one, two;
    char error[200];
};

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

_Noreturn static void enter_jail(struct times *times)
{
    struct error err = {.text = ""};
    uint32_t layers;
    int64_t began = wall_us();
    int rc = jail_stage_one(MEMORY_LIMIT, &layers, &err);
    int64_t between = wall_us();
    if (rc == 0)
        rc = jail_stage_two(&err);
    times->one = between - began;
    times->two = wall_us() - between;
    snprintf(times->error, sizeof times->error, "%s", err.text);
    _exit(rc == 0 ? 0 : 1);
}

/* Microseconds of one process, or -1. */
static int64_t process(struct times *times)
{
    int status = -1;
    int64_t began = wall_us();
    pid_t pid = fork();
    if (pid == 0 && times)
        enter_jail(times);
    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return -1;
    return wall_us() - began;
}

int main(int argc, char **argv)
{
    struct times *times =
        mmap(NULL, sizeof *times, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (times == MAP_FAILED || count < 1) {
        fputs("Usage: jail_cost TIMES\n", stderr);
        return 2;
    }
    for (long i = 0; i < count; i++) {
        int64_t bare = process(NULL), jailed = process(times);
        if (bare < 0 || jailed < 0) {
            fprintf(stderr, "jail_cost: the jail cannot be put on: %s\n", times->error);
            return 1;
        }
        printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", bare, jailed, times->one,
               times->two);
    }
    return 0;
}
