/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fastenr-worker: runs one connector in a jail. Started by the host with an empty environment, a
 * socket as descriptor 3 and the connector's image as descriptor 4; of no use by hand. Links the C
 * library alone, so that it starts fast and holds little.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/wire.h"
#include "worker/jail.h"
#include "worker/serve.h"

/* ---- the channel: a SEQPACKET socket ---- */

static int socket_send(struct channel *channel, uint32_t kind, uint32_t call, struct str payload)
{
    (void)channel;
    static char frame[FRAME_MAX];
    size_t offset = 0;
    do {
        size_t len = frame_cut(kind, call, payload, &offset, frame);
        ssize_t sent;
        do {
            sent = send(WORKER_SOCKET_FD, frame, len, MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        if (sent < 0)
            return -1;
    } while (offset < payload.len);
    return 0;
}

static int socket_receive(struct channel *channel, struct message *into)
{
    (void)channel;
    static char frame[FRAME_MAX];
    bool more = false;
    for (;;) {
        ssize_t got = recv(WORKER_SOCKET_FD, frame, sizeof frame, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        int whole = frame_join(into, &more, (struct str){frame, (size_t)got});
        if (whole != 0)
            return whole > 0 ? 0 : -1;
    }
}

/* ---- loading ---- */

typedef const struct fastenr_connector *(*entry_fn)(void);

static void say_loaded(struct channel *channel, uint32_t call, uint32_t outcome, uint32_t layers,
                       const char *why)
{
    struct buf out = BUF_INIT(DESCRIPTOR_TEXT_MAX + 64);
    struct str text = str_from(why);
    if (text.len > DESCRIPTOR_TEXT_MAX)
        text.len = DESCRIPTOR_TEXT_MAX;
    wire_put_u32(&out, OP_LOAD);
    wire_put_u32(&out, outcome);
    wire_put_u32(&out, layers);
    wire_put_str(&out, text);
    if (channel->send(channel, WORKER_RESULT, call, buf_view(&out)) != 0)
        exit(1);
    buf_free(&out);
}

static entry_fn load_image(struct error *err)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", WORKER_IMAGE_FD);
    void *image = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    close(WORKER_IMAGE_FD);
    if (!image) {
        /* "/proc/self/fd/4: " would tell a person nothing. */
        const char *why = dlerror();
        size_t len = strlen(path);
        if (strncmp(why, path, len) == 0 && why[len] == ':')
            why += len + 1 + (why[len + 1] == ' ');
        error_set(err, "it cannot be loaded: %s", why);
        return NULL;
    }
    void *symbol = dlsym(image, FASTENR_ENTRY);
    if (!symbol) {
        error_set(err, "it does not export " FASTENR_ENTRY
                       "(): it is a shared object, but no connector");
        return NULL;
    }
    entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from void * to function */
    return entry;
}

/* Puts the jail on and loads the image in it; NULL when there is nothing to serve. */
static entry_fn enter(struct channel *channel, const struct message *m)
{
    struct wire_reader r = {.rest = buf_view(&m->payload)};
    uint64_t memory_limit = wire_u64(&r);
    uint32_t flags = wire_u32(&r);
    uint32_t layers = 0;
    struct error err;
    entry_fn entry = NULL;
    if (m->kind != OP_LOAD || !wire_done(&r))
        return NULL;
    if (jail_stage_one(memory_limit, &layers, &err) != 0) {
        say_loaded(channel, m->call, WORKER_REFUSED, layers, err.text);
        return NULL;
    }
    if (!(flags & LOAD_PROBE) && !(entry = load_image(&err))) {
        say_loaded(channel, m->call, WORKER_REFUSED, layers, err.text);
        return NULL;
    }
    if (jail_stage_two(&err) != 0) {
        say_loaded(channel, m->call, WORKER_REFUSED, layers, err.text);
        return NULL;
    }
    say_loaded(channel, m->call, FASTENR_OK, layers, "");
    return entry;
}

int main(void)
{
    struct channel channel = {.send = socket_send, .receive = socket_receive};
    struct message m = MESSAGE_INIT;
    if (fcntl(WORKER_SOCKET_FD, F_GETFD) < 0) {
        fprintf(stderr, "fastenr-worker is started by fastenr; it is of no use by hand\n");
        return 2;
    }
    if (close_range(WORKER_IMAGE_FD + 1, ~0u, 0) != 0) /* what else is open is not a connector's */
        return 1;
    if (channel.receive(&channel, &m) != 0)
        return 1;
    entry_fn entry = enter(&channel, &m);
    buf_free(&m.payload);
    if (entry)
        worker_serve(&channel, entry);
    return 0;
}
