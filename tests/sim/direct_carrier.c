/* SPDX-License-Identifier: Apache-2.0 */
#include "direct_carrier.h"

#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

#include "base/mem.h"
#include "plugin/wire.h"
#include "worker/serve.h"

enum { STACK_SIZE = 512 * 1024, ALL_LAYERS = 63 };

/* A message on its way. */
struct letter {
    struct letter *next;
    struct link *link;
    uint32_t kind, call;
    char *bytes;
    size_t len;
};

struct link {
    struct channel channel; /* first: the connector's side casts it back */
    struct direct_carrier *carrier;
    struct link *next;
    const struct link_events *events;
    void *arg;
    bool freed, dead, served; /* served: the connector's code has returned */
    bool running;             /* its code is on the processor */
    struct letter *inbox, **inbox_end;
    ucontext_t host, connector;
    char *stack;
};

static struct letter *new_letter(struct link *link, uint32_t kind, uint32_t call,
                                 struct str payload)
{
    struct letter *letter = MEM_NEW(struct letter);
    letter->link = link;
    letter->kind = kind;
    letter->call = call;
    letter->bytes = mem_strndup(payload.ptr ? payload.ptr : "", payload.len);
    letter->len = payload.len;
    return letter;
}

static void free_letter(struct letter *letter)
{
    free(letter->bytes);
    free(letter);
}

static void exited(struct link *link, bool by_signal, int code)
{
    if (link->dead)
        return;
    link->dead = true;
    const struct link_exit how = {.by_signal = by_signal, .code = code};
    if (!link->freed)
        link->events->exited(link->arg, &how);
}

/* ---- the connector's side ---- */

static void deliver(void *arg)
{
    struct letter *letter = arg;
    struct link *link = letter->link;
    struct message m = MESSAGE_INIT;
    if (!link->freed && !link->dead) {
        m.kind = letter->kind;
        m.call = letter->call;
        buf_append(&m.payload, letter->bytes, letter->len);
        link->events->message(link->arg, &m);
        buf_free(&m.payload);
    }
    free_letter(letter);
}

static void die(void *arg)
{
    exited(arg, true, SIGSEGV);
}

/* Leaves the connector's code; it goes on when there is something for it, if ever. */
static void pause_connector(struct link *link)
{
    swapcontext(&link->connector, &link->host);
}

static int channel_send(struct channel *channel, uint32_t kind, uint32_t call, struct str payload)
{
    struct link *link = (struct link *)channel;
    struct direct_carrier *c = link->carrier;
    if (++c->messages == c->crash_at) {
        loop_post(c->world->loop, die, link);
        for (;;)
            pause_connector(link);
    }
    loop_post(c->world->loop, deliver, new_letter(link, kind, call, payload));
    return 0;
}

static int channel_receive(struct channel *channel, struct message *into)
{
    struct link *link = (struct link *)channel;
    while (!link->inbox)
        pause_connector(link);
    struct letter *letter = link->inbox;
    link->inbox = letter->next;
    if (!link->inbox)
        link->inbox_end = &link->inbox;
    buf_clear(&into->payload);
    into->kind = letter->kind;
    into->call = letter->call;
    buf_append(&into->payload, letter->bytes, letter->len);
    free_letter(letter);
    return 0;
}

/* What fastenr-worker does when it is told to load. */
static void serve(struct link *link)
{
    struct message m = MESSAGE_INIT;
    struct buf out = BUF_INIT(256);
    channel_receive(&link->channel, &m);
    wire_put_u32(&out, OP_LOAD);
    wire_put_u32(&out, FASTENR_OK);
    wire_put_u32(&out, ALL_LAYERS);
    wire_put_str(&out, STR(""));
    channel_send(&link->channel, WORKER_RESULT, m.call, buf_view(&out));
    buf_free(&out);
    buf_free(&m.payload);
    worker_serve(&link->channel, link->carrier->entry);
}

static void start_serving(unsigned high, unsigned low)
{
    /* makecontext passes ints only. */
    struct link *link = (struct link *)(((uintptr_t)high << 32) | low);
    serve(link);
    link->served = true;
    for (;;)
        pause_connector(link);
}

/* ---- the host's side ---- */

static void resume(void *arg)
{
    struct link *link = arg;
    if (link->dead || link->freed || link->served)
        return;
    swapcontext(&link->host, &link->connector);
    if (link->served)
        exited(link, false, 0);
}

static struct link *carrier_start(struct carrier *carrier, const struct image *image,
                                  const struct link_events *events, void *arg, struct error *err)
{
    struct direct_carrier *c = (struct direct_carrier *)carrier;
    struct link *link = MEM_NEW(struct link);
    (void)image;
    (void)err;
    link->channel = (struct channel){.send = channel_send, .receive = channel_receive};
    link->carrier = c;
    link->events = events;
    link->arg = arg;
    link->inbox_end = &link->inbox;
    link->stack = mem_new(1, STACK_SIZE);
    link->next = c->links;
    c->links = link;
    getcontext(&link->connector);
    link->connector.uc_stack.ss_sp = link->stack;
    link->connector.uc_stack.ss_size = STACK_SIZE;
    uintptr_t address = (uintptr_t)link;
    makecontext(&link->connector, (void (*)(void))start_serving, 2, (unsigned)(address >> 32),
                (unsigned)address);
    return link;
}

static void carrier_send(struct link *link, uint32_t kind, uint32_t call, struct str payload)
{
    struct letter *letter = new_letter(link, kind, call, payload);
    *link->inbox_end = letter;
    link->inbox_end = &letter->next;
    loop_post(link->carrier->world->loop, resume, link);
}

static void killed(void *arg)
{
    exited(arg, true, SIGKILL);
}

static void carrier_kill(struct link *link)
{
    loop_post(link->carrier->world->loop, killed, link);
}

/* The memory stays until the carrier is closed: something posted may still point here. */
static void carrier_free(struct link *link)
{
    link->freed = true;
}

void direct_carrier_open(struct direct_carrier *c, struct world *world,
                         const struct fastenr_connector *(*entry)(void))
{
    *c = (struct direct_carrier){.carrier = {.start = carrier_start,
                                             .send = carrier_send,
                                             .kill = carrier_kill,
                                             .free = carrier_free},
                                 .world = world,
                                 .entry = entry};
}

void direct_carrier_crash(struct direct_carrier *c)
{
    for (struct link *link = c->links; link; link = link->next)
        if (!link->dead && !link->freed)
            loop_post(c->world->loop, die, link);
}

void direct_carrier_close(struct direct_carrier *c)
{
    while (c->links) {
        struct link *link = c->links;
        c->links = link->next;
        while (link->inbox) {
            struct letter *letter = link->inbox;
            link->inbox = letter->next;
            free_letter(letter);
        }
        free(link->stack);
        free(link);
    }
}
