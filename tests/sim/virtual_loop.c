/* SPDX-License-Identifier: Apache-2.0 */
#include "virtual_loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t virtual_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void random_bytes(void *self, void *bytes, size_t len)
{
    struct virtual_world *w = self;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)virtual_random(&w->seed);
}

static int64_t monotonic_us(void *self)
{
    struct virtual_world *w = self;
    return w->now_us - w->start_us;
}

static int64_t wall_us(void *self)
{
    return ((struct virtual_world *)self)->now_us;
}

static void wait(void *self, int64_t timeout_us)
{
    struct virtual_world *w = self;
    if (timeout_us > 0)
        w->now_us += timeout_us;
    if (timeout_us >= 0)
        return;
    fprintf(stderr, "the virtual world waits for what can never come\n");
    abort();
}

static void wake(void *self)
{
    (void)self;
}

static void work_then_done(void *arg)
{
    struct job *job = arg;
    job->work(job->arg);
    job->done(job->arg);
}

static void submit(void *self, enum executor executor, struct job *job)
{
    struct virtual_world *w = self;
    (void)executor;
    loop_post(w->world.loop, work_then_done, job);
}

static void destroy(void *self)
{
    (void)self;
}

static const struct loop_backend backend = {.monotonic_us = monotonic_us,
                                            .wall_us = wall_us,
                                            .wait = wait,
                                            .wake = wake,
                                            .submit = submit,
                                            .destroy = destroy};

void virtual_world_open(struct virtual_world *w, int64_t start_us, uint64_t seed)
{
    *w = (struct virtual_world){.now_us = start_us, .start_us = start_us, .seed = seed};
    w->world = (struct world){.loop = loop_new(&backend, w), .random = random_bytes, .self = w};
}

void virtual_world_close(struct virtual_world *w)
{
    loop_free(w->world.loop);
}

/* ---- seeds that do not end ---- */

static char hung[80];

static void name_hung(int signal_number)
{
    (void)signal_number;
    if (write(STDERR_FILENO, hung, strlen(hung)) >= 0)
        abort();
    _exit(1);
}

void virtual_watch(const char *program, uint64_t seed)
{
    enum { SECONDS = 240 /* a seed takes less than one, thirty under a sanitizer */ };
    snprintf(hung, sizeof hung, "%s: seed %llu did not end\n", program, (unsigned long long)seed);
    signal(SIGALRM, name_hung);
    alarm(SECONDS);
}
