/* SPDX-License-Identifier: Apache-2.0 */
/* What a connector can write to the worker's socket behind the worker's back. The numbers are those
 * of core/plugin/protocol.h, as somebody would guess them. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harm.h"

harm_fn send_frame, send_more, send_twice, send_payload, send_unread, forge_result;

enum {
    OP_CHECK = 4,
    OP_READ = 6,
    RESULT = 16,
    LOG = 17,
    FAIL = 18,
    HTTP_WAIT = 20,
    JSON_GET = 21,
    EMIT_PAGE = 22,
    EMIT_RECORDS = 23,
    EMIT_FIELD = 24,
    CHECKPOINT = 25,
    RELEASE = 26,
    PROGRESS = 27,
    EMIT_WRITTEN = 29,
    WRITTEN = 30,
    FULL = 64 * 1024 - 16
};

struct frame {
    uint32_t kind, call, flags, len;
    char payload[2 * FULL];
};

static struct frame frame;

static void send_one(uint32_t kind, uint32_t call, uint32_t flags, uint32_t len, size_t bytes)
{
    frame.kind = kind;
    frame.call = call;
    frame.flags = flags;
    frame.len = len;
    if (send(3, &frame, bytes, MSG_NOSIGNAL) < 0)
        for (;;) /* the host has heard enough: it may take its time */
            pause();
}

static void put(uint32_t kind, uint32_t len)
{
    send_one(kind, 9999, 0, len, 16 + len);
}

/* One frame with something wrong with it. */
void send_frame(const char *wrong)
{
    if (strcmp(wrong, "junk") == 0)
        send(3, "this is no frame at all", 23, MSG_NOSIGNAL);
    else if (strcmp(wrong, "empty") == 0)
        send(3, "", 0, MSG_NOSIGNAL);
    else if (strcmp(wrong, "short") == 0)
        send_one(LOG, 1, 0, 0, 8);
    else if (strcmp(wrong, "long") == 0)
        send_one(LOG, 1, 0, FULL + 100, 16 + FULL + 100);
    else if (strcmp(wrong, "length") == 0)
        send_one(LOG, 1, 0, 100, 16 + 50);
    else if (strcmp(wrong, "flags") == 0)
        send_one(LOG, 1, 6, 8, 16 + 8);
    else
        put((uint32_t)number_of(wrong), 8); /* a kind */
}

/* Frames of one message. */
void send_more(const char *how)
{
    if (strcmp(how, "small") == 0)
        send_one(LOG, 1, 1, 8, 16 + 8);
    else if (strcmp(how, "mixed") == 0) {
        send_one(LOG, 1, 1, FULL, 16 + FULL);
        send_one(FAIL, 1, 0, 8, 16 + 8);
    } else
        for (;;) /* a message without an end */
            send_one(LOG, 1, 1, FULL, 16 + FULL);
}

static void put_u32(uint32_t *len, uint32_t value)
{
    memcpy(frame.payload + *len, &value, 4);
    *len += 4;
}

/* A second question before the first is answered. */
void send_twice(const char *arg)
{
    static const struct fastenr_request request = {.size = sizeof request,
                                                   .method = FASTENR_STR("GET"),
                                                   .url = FASTENR_STR("https://vendor.test/slow")};
    uint64_t ticket;
    (void)arg;
    scene.services->http_start(scene.host, &request, &ticket);
    memcpy(frame.payload, &ticket, 8);
    put(HTTP_WAIT, 8);
    put(HTTP_WAIT, 8);
}

/* A message of the right form whose content lies. */
void send_payload(const char *lie)
{
    uint32_t len = 0, kind = EMIT_RECORDS;
    memset(frame.payload, 0, sizeof frame.payload);
    if (strcmp(lie, "count") == 0) { /* far more than there are */
        put_u32(&len, 60000);
        len += 100;
    } else if (strcmp(lie, "count of none") == 0) {
        put_u32(&len, 0);
        len += 100;
    } else if (strcmp(lie, "count of billions") == 0) {
        put_u32(&len, UINT32_MAX);
        len += 100;
    } else if (strcmp(lie, "text") == 0) { /* longer than the message */
        put_u32(&len, 1);
        put_u32(&len, UINT32_MAX);
    } else if (strcmp(lie, "level") == 0) {
        kind = LOG;
        put_u32(&len, 99);
        put_u32(&len, 0);
    } else if (strcmp(lie, "log") == 0) {
        kind = LOG;
        put_u32(&len, 2);
        put_u32(&len, 5000);
        len += 5000;
    } else if (strcmp(lie, "position") == 0) {
        kind = CHECKPOINT;
        put_u32(&len, 5000);
        len += 5000;
    } else if (strcmp(lie, "path") == 0) {
        kind = JSON_GET;
        len += 8;
        put_u32(&len, 5000);
        len += 5000;
    } else if (strcmp(lie, "written") == 0) { /* a row of no write */
        kind = WRITTEN;
        len = 16;
    } else if (strcmp(lie, "results") == 0) {
        kind = EMIT_WRITTEN;
        len = 12;
        put_u32(&len, 5000);
        len += 5000;
    } else { /* bytes after the end */
        kind = PROGRESS;
        len = 12;
    }
    put(kind, len);
}

/* Questions without end, whose answers are not fetched. */
void send_unread(const char *arg)
{
    uint32_t len = 8;
    (void)arg;
    memset(frame.payload, 0, 64);
    put_u32(&len, 0);
    for (;;)
        put(JSON_GET, len);
}

/* An end of an operation that the worker has not told of: of the one under way, of another. */
void forge_result(const char *op)
{
    uint32_t len = 0;
    put_u32(&len, (uint32_t)number_of(op));
    put_u32(&len, FASTENR_OK);
    put_u32(&len, 0);
    put_u32(&len, 0);
    for (uint32_t call = 1; call <= 8; call++)
        send_one(RESULT, call, 0, len, 16 + len);
}
