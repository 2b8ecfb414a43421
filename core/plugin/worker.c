/* SPDX-License-Identifier: Apache-2.0 */
/* Operations, their ends, and the watch over both; the services are in service.c. */
#include "plugin/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <signal.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "plugin/wire.h"
#include "plugin/worker_internal.h"

enum { GRACE_SECONDS = 5 };

const char *phase_name(enum phase phase)
{
    static const char *const names[] = {"load", "describe", "create",  "check", "discover",
                                        "read", "write",    "destroy", "idle"};
    return names[phase];
}

/* ---- the watch ---- */

/* The connector's code runs from now until its next call. Its time adds up over calls of which
 * nothing comes: making them without end is a hang too. */
void worker_watch(struct worker *w)
{
    if (w->cancelled && loop_timer_started(&w->hang)) /* the grace is not begun again */
        return;
    w->watched_us = world_monotonic(w->world);
    loop_timer(w->world->loop, &w->hang, w->left_us);
}

/* It waits for the host, on whose time it is: but for one that was cancelled and should end. */
void worker_unwatch(struct worker *w)
{
    int64_t took = world_monotonic(w->world) - w->watched_us;
    if (w->cancelled || !loop_timer_started(&w->hang))
        return;
    w->left_us = took < w->left_us ? w->left_us - took : 0;
    loop_timer_stop(w->world->loop, &w->hang);
}

/* Something came of its calls. */
void worker_progress(struct worker *w)
{
    w->left_us = w->limits.hang_us;
}

static void on_hang(void *arg)
{
    struct worker *w = arg;
    char span[TIME_TEXT];
    if (w->cancelled)
        snprintf(w->verdict, sizeof w->verdict, "it did not end within %d s of being cancelled",
                 GRACE_SECONDS);
    else if (w->phase == PHASE_DESTROY)
        snprintf(w->verdict, sizeof w->verdict, "it did not end within %d s of being told to",
                 GRACE_SECONDS);
    else
        snprintf(
            w->verdict, sizeof w->verdict,
            "it spent more than %s outside host calls: it hangs, or its limit (workers.hang) is "
            "too low",
            time_format_span(w->limits.hang_us, span));
    w->cancelled = true;
    carrier_of(w)->kill(w->link);
}

/* The host no longer believes it. */
void worker_convict(struct worker *w, const char *why)
{
    if (w->verdict[0] == '\0')
        snprintf(w->verdict, sizeof w->verdict, "%s: the connector is broken or hostile", why);
    carrier_of(w)->kill(w->link);
}

/* ---- operations ---- */

static void send_operation(struct worker *w, uint32_t kind, enum phase phase)
{
    w->phase = phase;
    w->fail_text[0] = '\0';
    carrier_of(w)->send(w->link, kind, ++w->last_call, buf_view(&w->out));
    w->left_us = w->cancelled ? GRACE_SECONDS * US_PER_SECOND : w->limits.hang_us;
    worker_watch(w);
}

static struct buf *start(struct worker *w)
{
    buf_clear(&w->out);
    return &w->out;
}

void worker_create(struct worker *w, const struct named_text *options, size_t count)
{
    wire_put_u32(start(w), (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_put_str(&w->out, options[i].name);
        wire_put_str(&w->out, options[i].text);
    }
    send_operation(w, OP_CREATE, PHASE_CREATE);
}

void worker_check(struct worker *w)
{
    start(w);
    send_operation(w, OP_CHECK, PHASE_CHECK);
}

void worker_discover(struct worker *w, struct str object)
{
    wire_put_str(start(w), object);
    send_operation(w, OP_DISCOVER, PHASE_DISCOVER);
}

void worker_read(struct worker *w, const struct selector *s)
{
    wire_put_u32(start(w), (uint32_t)s->mode);
    wire_put_str(&w->out, s->object);
    wire_put_u32(&w->out, (uint32_t)s->field_count);
    for (size_t i = 0; i < s->field_count; i++)
        wire_put_str(&w->out, s->fields[i]);
    wire_put_i64(&w->out, s->since_us);
    wire_put_i64(&w->out, s->until_us);
    wire_put_str(&w->out, s->position);
    wire_put_u64(&w->out, s->limit);
    wire_put_u32(&w->out, (uint32_t)s->id_count);
    for (size_t i = 0; i < s->id_count; i++)
        wire_put_str(&w->out, s->ids[i]);
    wire_put_u32(&w->out, (uint32_t)s->timed_count);
    for (size_t i = 0; i < s->timed_count; i++)
        wire_put_str(&w->out, s->timed[i]);
    send_operation(w, OP_READ, PHASE_READ);
}

static void refuse_write(void *arg)
{
    struct worker *w = arg;
    const struct operation_result result = {.phase = PHASE_WRITE,
                                            .outcome = OUTCOME_FAILED,
                                            .text = "the rows of one write are larger than 17 MiB "
                                                    "together: nothing was sent"};
    if (!w->ended && !w->freed) {
        loop_timer_stop(w->world->loop, &w->hang);
        w->phase = PHASE_IDLE;
        write_end(w);
        w->events->finished(w->arg, &result);
    }
    worker_job_ended(w);
}

void worker_write(struct worker *w, const struct write_request *request)
{
    write_begin(w, request, start(w));
    if (!w->out.full) {
        send_operation(w, OP_WRITE, PHASE_WRITE);
        return;
    }
    w->phase = PHASE_WRITE;
    w->jobs++;
    loop_post(w->world->loop, refuse_write, w);
}

static void on_loaded(struct worker *w, enum outcome outcome, struct wire_reader *r)
{
    w->layers = wire_u32(r);
    struct str why = wire_str(r, DESCRIPTOR_TEXT_MAX);
    if (!wire_done(r)) {
        worker_convict(w, "it answered load with junk");
        return;
    }
    if ((uint32_t)outcome == WORKER_REFUSED || w->probe) {
        w->stopping = true;
        snprintf(w->fail_text, sizeof w->fail_text, "%.*s", STR_ARG(why));
        w->events->started(w->arg, NULL, w->layers, w->fail_text);
        return;
    }
    start(w);
    send_operation(w, OP_DESCRIBE, PHASE_DESCRIBE);
}

static void on_described(struct worker *w, enum outcome outcome, struct wire_reader *r)
{
    struct descriptor descriptor;
    struct error err;
    w->phase = PHASE_IDLE;
    if ((uint32_t)outcome == WORKER_REFUSED) {
        struct str why = wire_str(r, DESCRIPTOR_TEXT_MAX);
        error_set(&err, "%.*s", STR_ARG(why));
    } else if (descriptor_decode(r->rest, &descriptor, &err) == 0) {
        w->events->started(w->arg, &descriptor, w->layers, "");
        return;
    }
    w->stopping = true;
    w->events->started(w->arg, NULL, w->layers, err.text);
    worker_stop(w);
}

/* What to say about an outcome that is not ok. */
static const char *reason(struct worker *w, enum outcome outcome)
{
    if (w->fail_text[0] == '\0' && outcome == OUTCOME_CANCELLED)
        return "cancelled";
    if (w->fail_text[0] == '\0')
        return "the connector gives no reason";
    return w->fail_text;
}

/* A connector that said what cannot be is not believed that all is well. */
static void judge_write(struct worker *w, struct operation_result *result)
{
    result->unclear = w->write.unclear;
    if (w->write.fault[0] == '\0')
        return;
    snprintf(w->fail_text, sizeof w->fail_text, "%s", w->write.fault);
    result->outcome = OUTCOME_FAILED;
}

static void on_finished(struct worker *w, enum phase phase, enum outcome outcome,
                        struct wire_reader *r)
{
    struct operation_result result = {.phase = phase, .outcome = outcome, .text = ""};
    if (phase == PHASE_CHECK) {
        result.account_id = wire_str(r, EXTERNAL_ID_MAX);
        result.account_name = wire_str(r, LOG_TEXT_MAX);
    }
    if (!wire_done(r) || (uint32_t)outcome > OUTCOME_FAILED) {
        worker_convict(w, "it answered an operation with junk");
        return;
    }
    service_end_operation(w);
    if (phase == PHASE_WRITE)
        judge_write(w, &result);
    if (result.outcome != OUTCOME_OK)
        result.text = reason(w, result.outcome);
    w->phase = PHASE_IDLE;
    write_end(w);
    w->events->finished(w->arg, &result);
}

static void on_result(struct worker *w, struct str payload)
{
    static const enum phase phases[] = {
        [OP_LOAD] = PHASE_LOAD,   [OP_DESCRIBE] = PHASE_DESCRIBE, [OP_CREATE] = PHASE_CREATE,
        [OP_CHECK] = PHASE_CHECK, [OP_DISCOVER] = PHASE_DISCOVER, [OP_READ] = PHASE_READ,
        [OP_WRITE] = PHASE_WRITE, [OP_DESTROY] = PHASE_DESTROY};
    struct wire_reader r = {.rest = payload};
    uint32_t op = wire_u32(&r);
    enum outcome outcome = (enum outcome)wire_u32(&r);
    if (op == 0 || op == HOST_REPLY || op >= sizeof phases / sizeof phases[0] ||
        phases[op] != w->phase) {
        worker_convict(w, "it answered an operation that was not asked for");
        return;
    }
    if (w->phase == PHASE_DESTROY) /* it exits by itself, or the grace runs out */
        return;
    loop_timer_stop(w->world->loop, &w->hang);
    if (w->phase == PHASE_LOAD)
        on_loaded(w, outcome, &r);
    else if (w->phase == PHASE_DESCRIBE)
        on_described(w, outcome, &r);
    else
        on_finished(w, w->phase, outcome, &r);
}

/* ---- messages and ends ---- */

static void on_message(void *arg, const struct message *m)
{
    struct worker *w = arg;
    if (w->freed || w->verdict[0] != '\0') /* sent before it was killed: of no worth */
        return;
    if (w->waiting != 0 || w->phase == PHASE_IDLE)
        worker_convict(w, "it spoke out of turn");
    else if (m->kind == WORKER_RESULT && m->call == w->last_call)
        on_result(w, buf_view(&m->payload));
    else
        service_message(w, m);
}

static void on_broken(void *arg, const char *why)
{
    struct worker *w = arg;
    if (w->verdict[0] == '\0')
        snprintf(w->verdict, sizeof w->verdict, "%s: the connector is broken or hostile", why);
}

static void describe_end(const struct worker *w, const struct link_exit *how,
                         struct worker_end *end)
{
    const char *phase = phase_name(w->phase);
    if (w->verdict[0] != '\0')
        snprintf(end->text, sizeof end->text, "in %s: %s", phase, w->verdict);
    else if (how->by_signal && how->code == SIGSYS)
        snprintf(end->text, sizeof end->text,
                 "in %s: killed by signal %d (SIGSYS): it tried what the jail forbids", phase,
                 how->code);
    else if (how->by_signal)
        snprintf(end->text, sizeof end->text, "in %s: died by signal %d (SIG%s)", phase, how->code,
                 sigabbrev_np(how->code) ? sigabbrev_np(how->code) : "?");
    else
        snprintf(end->text, sizeof end->text, "in %s: exited with code %d", phase, how->code);
}

static void on_exited(void *arg, const struct link_exit *how)
{
    struct worker *w = arg;
    if (w->freed)
        return;
    struct worker_end end = {.phase = w->phase, .by_signal = how->by_signal, .code = how->code};
    bool failed = how->by_signal || how->code != 0;
    /* Stopped in the middle of something it is killed; told to end it should do that well. */
    end.asked = w->stopping && w->verdict[0] == '\0' && !(w->phase == PHASE_DESTROY && failed);
    loop_timer_stop(w->world->loop, &w->hang);
    describe_end(w, how, &end);
    w->ended = true;
    service_end_operation(w);
    end.unclear = w->phase == PHASE_WRITE && w->write.unclear;
    write_end(w);
    w->events->ended(w->arg, &end);
}

static const struct link_events link_events = {
    .message = on_message, .broken = on_broken, .exited = on_exited};

/* ---- life ---- */

struct worker *worker_start(struct world *world, struct carrier *carrier, const struct image *image,
                            const struct worker_limits *limits, const struct worker_events *events,
                            void *arg, struct error *err)
{
    struct worker *w = MEM_NEW(struct worker);
    w->world = world;
    w->carrier = carrier;
    w->limits = *limits;
    w->events = events;
    w->arg = arg;
    w->probe = image == NULL;
    w->out = BUF_INIT(MESSAGE_MAX);
    w->hang = (struct timer){.fn = on_hang, .arg = w};
    w->link = carrier->start(carrier, image, &link_events, w, err);
    if (!w->link) {
        free(w);
        return NULL;
    }
    wire_put_u64(start(w), limits->memory);
    wire_put_u32(&w->out, w->probe ? LOAD_PROBE : 0);
    send_operation(w, OP_LOAD, PHASE_LOAD);
    return w;
}

void worker_cancel(struct worker *w)
{
    if (w->cancelled || w->ended || w->freed)
        return;
    w->cancelled = true;
    if (w->phase == PHASE_IDLE)
        return;
    loop_timer(w->world->loop, &w->hang, GRACE_SECONDS * US_PER_SECOND);
    if (w->waiting != 0)
        service_cancel(w);
}

void worker_stop(struct worker *w)
{
    if (w->ended || w->freed || w->phase == PHASE_DESTROY)
        return;
    w->stopping = true;
    if (w->phase != PHASE_IDLE) {
        carrier_of(w)->kill(w->link);
        return;
    }
    start(w);
    send_operation(w, OP_DESTROY, PHASE_DESTROY);
    loop_timer(w->world->loop, &w->hang, GRACE_SECONDS * US_PER_SECOND);
}

static void free_now(void *arg)
{
    struct worker *w = arg;
    if (w->jobs > 0) { /* a job on another thread still points here: its end comes by again */
        w->free_after_jobs = true;
        return;
    }
    carrier_of(w)->free(w->link);
    write_end(w);
    buf_free(&w->out);
    free(w);
}

void worker_job_ended(struct worker *w)
{
    w->jobs--;
    if (w->free_after_jobs && w->jobs == 0)
        free_now(w);
}

void worker_free(struct worker *w)
{
    if (!w || w->freed)
        return;
    w->freed = true;
    loop_timer_stop(w->world->loop, &w->hang);
    service_end_operation(w);
    loop_post(w->world->loop, free_now, w); /* a callback of the link may be on the stack */
}
