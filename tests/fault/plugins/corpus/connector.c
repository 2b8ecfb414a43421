/* SPDX-License-Identifier: Apache-2.0 */
/* One connector of the corpus: does HARM(ARG) in PHASE, and tells at its next occasion what it
 * tried. The build defines PHASE, HARM, ARG and HOST, by a row of corpus.txt. */
#include <errno.h>
#include <stdlib.h>

#include "harm.h"

harm_fn HARM;

static int already;

static void here(const char *phase, const char *wanted)
{
    for (; *phase == *wanted && *phase; phase++, wanted++)
        continue;
    if (*phase == *wanted && !already++)
        HARM(ARG);
}

static void learn(void);

#define WHEN_ENTERED scene.descriptor = &fixture, here("describe", PHASE)
#define WHEN_CREATED learn(), here("create", PHASE)
#define WHEN_CHECKED                                                                               \
    here("check", PHASE);                                                                          \
    if (attempts()[0])                                                                             \
        return services->fail(host, FASTENR_FAILED, text_of(attempts()));                          \
    if (failure != FASTENR_OK)                                                                     \
    return failure
#define WHEN_DISCOVERED                                                                            \
    here("discover", PHASE);                                                                       \
    if (attempts()[0])                                                                             \
    return services->fail(host, FASTENR_FAILED, text_of(attempts()))
#define WHEN_READ                                                                                  \
    here("read", PHASE);                                                                           \
    if (attempts()[0])                                                                             \
        return services->fail(host, FASTENR_FAILED, text_of(attempts()));                          \
    if (failure != FASTENR_OK)                                                                     \
    return failure
#define WHEN_WRITTEN                                                                               \
    here("write", PHASE);                                                                          \
    if (attempts()[0])                                                                             \
        return services->fail(host, FASTENR_FAILED, text_of(attempts()));                          \
    if (failure != FASTENR_OK)                                                                     \
    return failure
#define WHEN_DESTROYED  here("destroy", PHASE)
#define FIXTURE_OPTIONS fixture_options
#define FIXTURE_HOST    HOST

fastenr_outcome failure; /* of a harm that ends the read so */

static const struct fastenr_option fixture_options[] = {
    {.name = FASTENR_STR("canary_port"), .type = FASTENR_OPTION_STRING, .help = FASTENR_STR("-")},
    {.name = FASTENR_STR("canary_pid"), .type = FASTENR_OPTION_STRING, .help = FASTENR_STR("-")},
    {.name = FASTENR_STR("many"), .type = FASTENR_OPTION_STRING, .help = FASTENR_STR("-")},
};

#include "fixture.h"

static long option(const char *name)
{
    struct fastenr_str value;
    if (services->option(host, text_of(name), &value) != FASTENR_OK)
        return 0;
    return strtol(value.ptr, NULL, 10);
}

static void learn(void)
{
    scene.services = services;
    scene.host = host;
    scene.canary_port = option("canary_port");
    scene.canary_pid = option("canary_pid");
    scene.many = option("many");
}

__attribute__((constructor)) static void loaded(void)
{
    here("load", PHASE);
}

__attribute__((destructor)) static void unloaded(void)
{
    here("unload", PHASE);
}

#ifdef WITH_IFUNC
/* The loader runs this to learn which code to use; nothing is bound yet, so there is no libc. */
static void (*resolve(void))(void)
{
#ifdef __x86_64__
    long rc;
    __asm__ volatile("syscall" : "=a"(rc) : "a"(SYS_execve), "D"("/bin/true") : "rcx", "r11");
#else
    __builtin_trap();
#endif
    return unloaded;
}

void indirect(void) __attribute__((ifunc("resolve")));
void (*const volatile indirect_used)(void) = indirect;
#endif
