/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker in the middle of a write of three rows that says anything: the vendor's answer first,
 * its length in two bytes, then messages, each a kind, a length of two bytes and a payload.
 * Whatever comes, no row is told of twice, and none that was not asked for.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "fastenr/connector.h"
#include "plugin/image.h"
#include "plugin/protocol.h"
#include "plugin/wire.h"
#include "plugin/worker.h"
#include "virtual_loop.h"
#include "worker/describe.h"

enum { ROWS = 3 };

struct link {
    const struct link_events *events;
    void *arg;
    bool dead;
};

static struct virtual_world w;
static struct link the_link;
static struct worker *worker;
static struct str body, rest; /* of the input */
static uint32_t write_call;   /* 0: not yet */
static bool told[ROWS], over;

static const struct write_row rows[ROWS] = {
    {.write_id = {"w-1", 3}}, {.write_id = {"w-2", 3}, .id = {"7", 1}}, {.write_id = {"w-3", 3}}};
static const struct write_request request = {
    .op = WRITE_UPSERT, .object = {"things", 6}, .rows = rows, .row_count = ROWS};

/* ---- the worker's side ---- */

static void give(uint32_t kind, uint32_t call, struct str payload)
{
    struct message m = MESSAGE_INIT;
    if (the_link.dead)
        return;
    m.kind = kind;
    m.call = call;
    buf_str(&m.payload, payload);
    the_link.events->message(the_link.arg, &m);
    buf_free(&m.payload);
}

static void give_result(uint32_t op, uint32_t call)
{
    static const struct fastenr_ops ops = {.size = sizeof ops};
    static const struct fastenr_connector connector = {.id = FASTENR_STR("com.example.fuzz"),
                                                       .name = FASTENR_STR("F"),
                                                       .version = FASTENR_STR("1"),
                                                       .category = FASTENR_CRM,
                                                       .ops = &ops};
    struct buf out = BUF_INIT(10000);
    wire_put_u32(&out, op);
    wire_put_u32(&out, FASTENR_OK);
    if (op == OP_LOAD) {
        wire_put_u32(&out, 0);
        wire_put_str(&out, STR(""));
    } else if (op == OP_DESCRIBE) {
        describe_connector(&connector, &out);
    }
    give(WORKER_RESULT, call, buf_view(&out));
    buf_free(&out);
}

static uint32_t take_number(size_t bytes)
{
    uint32_t value = 0;
    if (rest.len < bytes)
        bytes = rest.len;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)(unsigned char)rest.ptr[i] << (8 * i);
    rest = str_slice(rest, bytes, rest.len - bytes);
    return value;
}

static struct str take(size_t len)
{
    struct str piece = str_slice(rest, 0, len < rest.len ? len : rest.len);
    rest = str_slice(rest, piece.len, rest.len - piece.len);
    return piece;
}

/* The next message, or the end of the operation. */
static void go_on(void *arg)
{
    (void)arg;
    if (rest.len == 0) {
        give_result(OP_WRITE, write_call);
        return;
    }
    uint32_t kind = take_number(1);
    size_t len = take_number(2);
    struct str payload = take(len);
    give(kind, 99, payload);
    bool replies = kind != SERVICE_LOG && kind != SERVICE_FAIL && kind != SERVICE_RELEASE &&
                   kind != SERVICE_PROGRESS;
    if (!replies && !the_link.dead)
        loop_post(w.world.loop, go_on, NULL);
}

static void load(void *arg)
{
    give_result(*(uint32_t *)arg, *(uint32_t *)arg == OP_LOAD ? 1 : 2);
}

static void link_send(struct link *link, uint32_t kind, uint32_t call, struct str payload)
{
    static uint32_t op;
    (void)payload;
    if (link->dead)
        return;
    op = kind;
    if (kind == OP_LOAD || kind == OP_DESCRIBE) {
        loop_post(w.world.loop, load, &op);
    } else if (kind == OP_CREATE) {
        give_result(kind, call);
    } else if (kind == OP_WRITE || kind == HOST_REPLY) {
        write_call = kind == OP_WRITE ? call : write_call;
        loop_post(w.world.loop, go_on, NULL);
    }
}

static void exited(void *arg)
{
    const struct link_exit how = {.by_signal = true, .code = 9};
    (void)arg;
    the_link.events->exited(the_link.arg, &how);
}

static void link_kill(struct link *link)
{
    if (!link->dead)
        loop_post(w.world.loop, exited, NULL);
    link->dead = true;
}

static void link_free(struct link *link)
{
    link->dead = true;
}

static struct link *link_start(struct carrier *carrier, const struct image *image,
                               const struct link_events *events, void *arg, struct error *err)
{
    (void)carrier;
    (void)image;
    (void)err;
    the_link = (struct link){.events = events, .arg = arg};
    return &the_link;
}

/* ---- the host's side ---- */

static void on_started(void *arg, struct descriptor *descriptor, uint32_t layers, const char *text)
{
    (void)arg;
    (void)layers;
    FUZZ_EXPECT(descriptor && text[0] == '\0');
    descriptor_free(descriptor);
    worker_create(worker, NULL, 0);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    (void)arg;
    if (result->phase == PHASE_CREATE) {
        worker_write(worker, &request);
        return;
    }
    FUZZ_EXPECT(result->phase == PHASE_WRITE);
    FUZZ_EXPECT((result->outcome == OUTCOME_OK) == (result->text[0] == '\0'));
    fuzz_taken = result->outcome == OUTCOME_OK && told[0] && told[1] && told[2];
    over = true;
}

static void on_ended(void *arg, const struct worker_end *end)
{
    (void)arg;
    FUZZ_EXPECT(end->text[0] != '\0');
    over = true;
}

static void on_log(void *arg, int level, struct str text)
{
    (void)arg;
    (void)level;
    (void)text;
}

static void on_progress(void *arg, uint64_t total)
{
    (void)arg;
    (void)total;
}

static void on_http(void *arg, struct ticket *ticket)
{
    struct blob *blob = blob_new(1 << 20);
    struct error err;
    (void)arg;
    FUZZ_EXPECT(blob_append(blob, body, &err) == 0);
    worker_http_done(ticket, OUTCOME_OK, 200, blob, "");
}

static void on_http_cancel(void *arg, struct ticket *ticket)
{
    (void)arg;
    (void)ticket;
}

static enum outcome on_written(void *arg, const struct write_result *results, uint32_t count)
{
    (void)arg;
    for (uint32_t i = 0; i < count; i++) {
        const struct write_result *r = &results[i];
        size_t at = 0;
        while (at < ROWS && !str_eq(rows[at].write_id, r->write_id))
            at++;
        FUZZ_EXPECT(at < ROWS && !told[at]);
        told[at] = true;
        FUZZ_EXPECT(r->outcome == OUTCOME_OK || r->outcome == OUTCOME_BAD_RECORD ||
                    r->outcome == OUTCOME_GONE || r->outcome == OUTCOME_RETRY_AFTER ||
                    r->outcome == OUTCOME_RATE_LIMITED);
        FUZZ_EXPECT(r->outcome != OUTCOME_OK || r->id.len > 0);
        FUZZ_EXPECT(str_is_utf8(r->text) && str_is_utf8(r->id) && str_is_utf8(r->fields));
    }
    return OUTCOME_OK;
}

static const struct worker_events events = {.started = on_started,
                                            .finished = on_finished,
                                            .ended = on_ended,
                                            .log = on_log,
                                            .http = on_http,
                                            .http_cancel = on_http_cancel,
                                            .progress = on_progress,
                                            .written = on_written};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct carrier carrier = {link_start, link_send, link_kill, link_free};
    static const struct image image;
    struct error err;
    log_setup(NULL, LOG_ERROR + 1, false);
    rest = (struct str){(const char *)data, size};
    body = take(take_number(2));
    memset(told, 0, sizeof told);
    over = fuzz_taken = false;
    virtual_world_open(&w, INT64_C(1800000000) * US_PER_SECOND, 7);
    worker = worker_start(&w.world, &carrier, &image, &WORKER_LIMITS_DEFAULT, &events, NULL, &err);
    loop_run(w.world.loop, &over);
    worker_free(worker);
    loop_turn(w.world.loop, 0);
    virtual_world_close(&w);
    return 0;
}
