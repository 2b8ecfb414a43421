/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox_transport.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"

struct transfer {
    struct sandbox_transport *t;
    struct timer timer;
    transfer_fn done;
    void *arg;
    char *method, *target, *authorization, *body;
    size_t body_len;
    int64_t timeout_us;
    bool handled; /* a slow answer: it is here, and takes its time; or there will be none */
    struct sandbox_response response;
};

static void free_transfer(struct transfer *x)
{
    loop_timer_stop(x->t->world->loop, &x->timer);
    if (x->handled)
        sandbox_response_free(&x->response);
    free(x->method);
    free(x->target);
    free(x->authorization);
    free(x->body);
    free(x);
}

static void lower(char *out, size_t cap, const char *name)
{
    size_t i = 0;
    for (; name[i] && i + 1 < cap; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[i] = '\0';
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", as a machine whose clock is wrong says it. */
static void skew_date(char *out, size_t cap, const char *date, int64_t skew_us)
{
    int64_t us;
    if (!time_parse_http_date(str_from(date), &us)) {
        fprintf(stderr, "sandbox transport: '%s' is no date\n", date);
        abort();
    }
    time_t seconds = (time_t)((us + skew_us) / US_PER_SECOND);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(out, cap, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

static void give_answer(struct transfer *x, const struct sandbox_response *response)
{
    char names[SANDBOX_HEADERS_MAX][64];
    struct http_header headers[SANDBOX_HEADERS_MAX];
    char date[64];
    struct blob *body = blob_new(64u << 20);
    for (size_t i = 0; i < response->header_count; i++) {
        lower(names[i], sizeof names[i], response->headers[i].name);
        headers[i] = (struct http_header){str_from(names[i]), str_from(response->headers[i].value)};
        if (x->t->date_skew_us != 0 && strcmp(names[i], "date") == 0) {
            skew_date(date, sizeof date, response->headers[i].value, x->t->date_skew_us);
            headers[i].value = str_from(date);
        }
    }
    struct error err;
    if (response->body_len > 0 &&
        blob_append(body, (struct str){response->body, response->body_len}, &err) != 0) {
        fprintf(stderr, "sandbox transport: %s\n", err.text);
        abort();
    }
    struct transfer_result result = {.fault = FAULT_NONE,
                                     .status = response->status,
                                     .headers = headers,
                                     .header_count = response->header_count,
                                     .body = body};
    x->done(x->arg, &result);
}

static void give_fault(struct transfer *x, const char *text)
{
    struct transfer_result result = {.fault = FAULT_BROKEN, .text = text};
    x->done(x->arg, &result);
}

static void handle(struct transfer *x)
{
    struct sandbox *sandbox = x->t->sandbox;
    const struct sandbox_request request = {.method = x->method,
                                            .target = x->target,
                                            .authorization = x->authorization,
                                            .body = x->body,
                                            .body_len = x->body_len};
    sandbox_tick(sandbox, (x->t->start_us + world_monotonic(x->t->world)) / US_PER_MS);
    sandbox_handle(sandbox, &request, &x->response);
    x->handled = true;
}

static void end(struct transfer *x)
{
    const struct sandbox_response *response = &x->response;
    bool waits = response->wire == SANDBOX_WIRE_SLOW || response->wire == SANDBOX_WIRE_HANG;
    if (waits && response->wire_ms * US_PER_MS >= x->timeout_us)
        give_fault(x, "the request took too long");
    else if (response->wire == SANDBOX_WIRE_TRUNCATE || response->wire == SANDBOX_WIRE_HANG)
        give_fault(x, "the answer ended too early");
    else if (response->wire == SANDBOX_WIRE_RESET || response->wire == SANDBOX_WIRE_RESET_BODY)
        give_fault(x, "the connection was reset");
    else
        give_answer(x, response);
    free_transfer(x);
}

static void on_time(void *arg)
{
    struct transfer *x = arg;
    bool first = !x->handled;
    if (first)
        handle(x);
    const struct sandbox_response *response = &x->response;
    if (first && (response->wire == SANDBOX_WIRE_SLOW || response->wire == SANDBOX_WIRE_HANG)) {
        int64_t wait = response->wire_ms * US_PER_MS;
        loop_timer(x->t->world->loop, &x->timer, wait < x->timeout_us ? wait : x->timeout_us);
        return;
    }
    end(x);
}

/* "http://host:port/path?query" to "/path?query". */
static char *target_of(struct str url)
{
    const char *host = memmem(url.ptr, url.len, "://", 3);
    const char *path = host ? memchr(host + 3, '/', (size_t)(url.ptr + url.len - host - 3)) : NULL;
    if (!path)
        return mem_strdup("/");
    return mem_strndup(path, (size_t)(url.ptr + url.len - path));
}

static struct transfer *start(struct transport *transport, const struct transfer_request *request,
                              transfer_fn done, void *arg)
{
    struct sandbox_transport *t = (struct sandbox_transport *)transport;
    struct transfer *x = MEM_NEW(struct transfer);
    *x = (struct transfer){.t = t,
                           .done = done,
                           .arg = arg,
                           .method = mem_strndup(request->method.ptr, request->method.len),
                           .target = target_of(request->url),
                           .body_len = request->body.len,
                           .timeout_us = request->timeout_us};
    x->body = mem_strndup(request->body.ptr ? request->body.ptr : "", request->body.len);
    for (size_t i = 0; i < request->header_count; i++)
        if (str_eq_nocase(request->headers[i].name, STR("authorization")))
            x->authorization =
                mem_strndup(request->headers[i].value.ptr, request->headers[i].value.len);
    t->requests++;
    x->timer = (struct timer){.fn = on_time, .arg = x};
    loop_timer(t->world->loop, &x->timer, world_random_below(t->world, t->latency_us + 1));
    return x;
}

static void cancel(struct transfer *x)
{
    free_transfer(x);
}

static void free_nothing(struct transport *transport)
{
    (void)transport;
}

void sandbox_transport_open(struct sandbox_transport *t, struct world *world,
                            struct sandbox *sandbox)
{
    *t = (struct sandbox_transport){
        .transport = {.start = start, .cancel = cancel, .free = free_nothing},
        .world = world,
        .sandbox = sandbox,
        .latency_us = 20 * US_PER_MS};
}
