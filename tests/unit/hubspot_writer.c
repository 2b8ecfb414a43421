/* SPDX-License-Identifier: Apache-2.0 */
#include "hubspot_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

#include "base/log.h"
#include "base/time.h"
#include "direct_carrier.h"
#include "plugin/registry.h"
#include "sandbox_transport.h"
#include "sync/session.h"
#include "virtual_loop.h"

static struct writer {
    struct virtual_world w;
    struct direct_carrier carrier;
    struct sandbox_transport transport;
    struct sandbox *sandbox;
    struct sync_host host;
    struct arena arena;
    struct connection_config config;
    struct connector_info info;
    struct setup setup;
    /* of one write */
    struct session *session;
    const struct write_request *request;
    long crash_after;
    struct writer_answer answer;
    bool over;
} x;

/* ---- set-up ---- */

static void write_file(char path[100], const char *token)
{
    snprintf(path, 100, "/tmp/fastenr-writer-XXXXXX");
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    dprintf(fd,
            "connection: hubspot\nconnector: hubspot\nevery: 5m\n"
            "auth: {private_app: {token: %s}}\n"
            "network: {allow: [127.0.0.1], endpoints: {api.hubapi.com: "
            "\"http://127.0.0.1:8700\"}}\n"
            "objects: {companies: {}, contacts: {}}\n",
            token);
    close(fd);
}

struct sandbox *writer_open(const char *token)
{
    char path[100];
    struct problems problems = {0};
    struct error err = {0};
    x = (struct writer){0};
    log_setup(NULL, LOG_ERROR + 1, false);
    x.sandbox = make_small(1000, 2000);
    virtual_world_open(&x.w, START_MS * US_PER_MS, 7);
    direct_carrier_open(&x.carrier, &x.w.world, fastenr_connector);
    sandbox_transport_open(&x.transport, &x.w.world, x.sandbox);
    x.transport.start_us = START_MS * US_PER_MS;
    x.host = (struct sync_host){.world = &x.w.world,
                                .transport = &x.transport.transport,
                                .carrier = &x.carrier.carrier,
                                .limits = WORKER_LIMITS_DEFAULT};
    write_file(path, token);
    int rc =
        registry_describe(&x.w.world, x.host.carrier, &x.host.limits, HUBSPOT_SO, &x.info, &err);
    UNIT_TEXT(err.text, "");
    CU_ASSERT_FATAL(rc == 0 && connection_config_read(path, &x.config, &x.arena, &problems));
    setup_make(&x.config, &x.info.descriptor, &x.setup, &x.arena, &problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 0);
    unlink(path);
    return x.sandbox;
}

void writer_close(void)
{
    connector_info_free(&x.info);
    budgets_free(&x.host.budgets);
    arena_free(&x.arena);
    virtual_world_close(&x.w);
    direct_carrier_close(&x.carrier);
    sandbox_destroy(x.sandbox);
}

/* ---- one write ---- */

#define CUT(to, from) snprintf((to), sizeof(to), "%.*s", STR_ARG(from))

static enum outcome on_written(void *arg, const struct write_result *results, uint32_t count)
{
    struct writer_answer *a = &x.answer;
    (void)arg;
    CU_ASSERT_FATAL(a->count + count <= WRITER_RESULTS);
    for (uint32_t i = 0; i < count; i++) {
        struct writer_result *r = &a->results[a->count++];
        CUT(r->write_id, results[i].write_id);
        CUT(r->id, results[i].id);
        CUT(r->fields, results[i].fields);
        CUT(r->text, results[i].text);
        r->outcome = results[i].outcome;
        r->created = results[i].created;
        r->modified_us = results[i].modified_us;
    }
    return OUTCOME_OK;
}

static void on_finished(void *arg, const struct operation_result *result)
{
    (void)arg;
    if (result->phase == PHASE_CREATE) {
        if (x.crash_after > 0)
            x.carrier.crash_at = x.carrier.messages + x.crash_after;
        worker_write(session_worker(x.session), x.request);
        return;
    }
    x.answer.outcome = result->outcome;
    x.answer.unclear = result->unclear;
    snprintf(x.answer.text, sizeof x.answer.text, "%s", result->text);
    session_stop(x.session);
}

static void on_ended(void *arg, const struct session_end *end)
{
    (void)arg;
    if (end->how == SESSION_CRASHED) {
        x.answer.crashed = true;
        x.answer.unclear = end->unclear;
        snprintf(x.answer.text, sizeof x.answer.text, "%s", end->text);
    }
    x.over = true;
}

static const struct session_events events = {
    .finished = on_finished, .ended = on_ended, .written = on_written};

const struct writer_answer *writer_write_crash(const struct write_request *request, long n)
{
    struct error err;
    long before = x.transport.requests;
    x.request = request;
    x.crash_after = n;
    x.carrier.crash_at = 0;
    x.answer = (struct writer_answer){0};
    x.over = false;
    x.session = session_start(&x.host, &x.setup, &x.info.image, &events, NULL, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x.session);
    loop_run(x.w.world.loop, &x.over);
    session_free(x.session);
    loop_turn(x.w.world.loop, 0);
    x.answer.requests = x.transport.requests - before;
    return &x.answer;
}

const struct writer_answer *writer_write(const struct write_request *request)
{
    return writer_write_crash(request, 0);
}

const struct writer_result *writer_row(const struct writer_answer *a, const char *write_id)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->results[i].write_id, write_id) == 0)
            return &a->results[i];
    return NULL;
}
