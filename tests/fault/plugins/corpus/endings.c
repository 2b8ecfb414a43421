/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to die, and ways not to come back. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harm.h"

harm_fn die, overflow_stack, leave, hang, hang_in_handler, spin_calls;

static volatile int sink;

static void smash(void)
{
    volatile char small[8];
    for (int i = 0; i < 64; i++)
        *(small + i) = 'x';
    sink = small[0];
}

void die(const char *how)
{
    volatile int *volatile nowhere = NULL;
    void (*volatile no_code)(void) = NULL;
    volatile int zero = 0;
    if (strcmp(how, "write") == 0)
        *nowhere = 1;
    else if (strcmp(how, "call") == 0)
        no_code();
    else if (strcmp(how, "divide") == 0)
        sink = sink / zero;
    else if (strcmp(how, "smash") == 0)
        smash();
    else
        raise((int)number_of(how));
}

void overflow_stack(const char *arg)
{
    volatile char room[4096];
    room[0] = (char)sink;
    overflow_stack(arg);
    sink = room[0];
}

void leave(const char *code)
{
    _exit((int)number_of(code));
}

void hang(const char *how)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (;;)
        if (strcmp(how, "asleep") == 0)
            poll(NULL, 0, -1);
        else
            sink++;
}

static void come_back(int number)
{
    (void)number;
}

/* The write is tried again and again. */
void hang_in_handler(const char *arg)
{
    volatile int *volatile nowhere = NULL;
    (void)arg;
    signal(SIGSEGV, come_back);
    *nowhere = 1;
}

/* Each call is short, and none of them comes to anything. */
void spin_calls(const char *which)
{
    static const struct fastenr_request request = {.size = sizeof request,
                                                   .method = FASTENR_STR("GET"),
                                                   .url = FASTENR_STR("https://nowhere.test/")};
    struct fastenr_response response;
    struct fastenr_str value;
    for (;;)
        if (strcmp(which, "json_get") == 0)
            scene.services->json_get(scene.host, 1, text_of("a"), &value);
        else if (strcmp(which, "checkpoint") == 0)
            scene.services->checkpoint(scene.host, text_of("here"));
        else if (strcmp(which, "http") == 0)
            scene.services->http(scene.host, &request, &response);
        else
            scene.services->log(scene.host, FASTENR_LOG_INFO, text_of("still here"));
}
