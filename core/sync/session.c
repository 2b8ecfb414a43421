/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "plugin/protocol.h"
#include "sync/token.h"

struct session {
    struct sync_host *host;
    const struct setup *setup;
    struct worker *worker;
    struct client *client;
    struct token *token; /* NULL: the credential does not change */
    const struct session_events *events;
    void *arg;
    char refusal[400];
};

static const char *name_of(const struct session *s)
{
    return s->setup->config->name.ptr; /* an arena's text: terminated */
}

/* ---- requests ---- */

/* What client_send borrows, in the ticket's arena. */
static void make_request(struct ticket *ticket, struct client_request *ret_request)
{
    const struct http_ask *ask = &ticket->ask;
    struct http_header *headers = arena_new(&ticket->arena, ask->header_count, sizeof headers[0]);
    for (uint32_t i = 0; i < ask->header_count; i++)
        headers[i] = (struct http_header){ask->headers[i].name, ask->headers[i].text};
    *ret_request = (struct client_request){.safe = ask->safe,
                                           .tries = ticket->tries,
                                           .method = ask->method,
                                           .url = ask->url,
                                           .body = ask->body,
                                           .bucket = ask->bucket,
                                           .headers = headers,
                                           .header_count = ask->header_count};
}

static void on_answer(void *arg, struct client_result *result)
{
    struct ticket *ticket = arg;
    ticket->not_done = result->not_done;
    worker_http_done(ticket, result->outcome, result->status, result->body, result->text);
}

static void on_http(void *arg, struct ticket *ticket)
{
    struct session *s = arg;
    struct client_request request;
    make_request(ticket, &request);
    ticket->sending = client_send(s->client, &request, on_answer, ticket);
}

static void on_http_cancel(void *arg, struct ticket *ticket)
{
    (void)arg;
    ticket->not_done = !client_is_sent(ticket->sending);
    client_cancel(ticket->sending);
    ticket->sending = NULL;
}

struct exchange *session_resend(struct session *s, struct ticket *ticket, client_fn done, void *arg)
{
    struct client_request request;
    make_request(ticket, &request);
    return client_send(s->client, &request, done, arg);
}

/* A person who watches should not wonder. Short waits are ordinary, and told of in the run log. */
static void on_retry(void *arg, const char *why, int64_t wait_us)
{
    char span[TIME_TEXT];
    if (wait_us >= US_PER_SECOND)
        log_line(LOG_WARN, name_of(arg), "%s; it is tried again in %s", why,
                 time_format_span(wait_us / US_PER_SECOND * US_PER_SECOND, span));
}

/* ---- start ---- */

/* Of the jail's layers, those that strict_jail asks for. */
static const char *missing_layer(uint32_t layers)
{
    static const struct {
        uint32_t layer;
        const char *name;
    } wanted[] = {{JAIL_NO_NEW_PRIVS, "no_new_privs"},
                  {JAIL_RLIMITS, "rlimits"},
                  {JAIL_LANDLOCK, "Landlock"},
                  {JAIL_SECCOMP, "seccomp"},
                  {JAIL_NAMESPACES, "namespaces"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!(layers & wanted[i].layer))
            return wanted[i].name;
    return NULL;
}

static void on_started(void *arg, struct descriptor *descriptor, uint32_t layers, const char *text)
{
    struct session *s = arg;
    const char *missing = missing_layer(layers);
    if (!descriptor) {
        snprintf(s->refusal, sizeof s->refusal, "%s", text);
        return;
    }
    descriptor_free(descriptor); /* the setup has the one of the same image */
    if (missing && s->host->strict_jail) {
        snprintf(s->refusal, sizeof s->refusal,
                 "this machine's jail lacks %s and workers.strict_jail is on: see `fastenr doctor`",
                 missing);
        worker_stop(s->worker);
        return;
    }
    worker_create(s->worker, s->setup->options, s->setup->option_count);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct session *s = arg;
    s->events->finished(s->arg, result);
}

static void on_ended(void *arg, const struct worker_end *end)
{
    struct session *s = arg;
    struct session_end e = {.how = SESSION_STOPPED,
                            .phase = end->phase,
                            .signal = -1,
                            .code = -1,
                            .unclear = end->unclear,
                            .text = ""};
    if (s->refusal[0] != '\0') {
        e.how = SESSION_REFUSED;
        e.text = s->refusal;
    } else if (!end->asked) {
        e.how = SESSION_CRASHED;
        e.text = end->text;
        if (end->by_signal)
            e.signal = end->code;
        else
            e.code = end->code;
    }
    s->events->ended(s->arg, &e);
}

/* ---- services that are the receiver's ---- */

static void on_log(void *arg, int level, struct str text)
{
    const struct session *s = arg;
    log_line((enum log_level)level, name_of(s), "%.*s", STR_ARG(text));
}

static void on_emit_page(void *arg, struct ticket *ticket, const struct page_spec *spec)
{
    struct session *s = arg;
    s->events->emit_page(s->arg, ticket, spec);
}

static void on_emit_records(void *arg, const struct emitted_record *records, uint32_t count)
{
    struct session *s = arg;
    s->events->emit_records(s->arg, records, count);
}

static enum outcome on_emit_field(void *arg, const struct vendor_field *field)
{
    struct session *s = arg;
    return s->events->emit_field ? s->events->emit_field(s->arg, field) : OUTCOME_OK;
}

static enum outcome on_checkpoint(void *arg, struct str position)
{
    struct session *s = arg;
    return s->events->checkpoint ? s->events->checkpoint(s->arg, position) : OUTCOME_OK;
}

static enum outcome on_written(void *arg, const struct write_result *results, uint32_t count)
{
    struct session *s = arg;
    return s->events->written(s->arg, results, count);
}

static void on_progress(void *arg, uint64_t total)
{
    struct session *s = arg;
    if (s->events->progress)
        s->events->progress(s->arg, total);
}

static const struct worker_events worker_events = {.started = on_started,
                                                   .finished = on_finished,
                                                   .ended = on_ended,
                                                   .log = on_log,
                                                   .http = on_http,
                                                   .http_cancel = on_http_cancel,
                                                   .emit_page = on_emit_page,
                                                   .emit_records = on_emit_records,
                                                   .emit_field = on_emit_field,
                                                   .checkpoint = on_checkpoint,
                                                   .progress = on_progress,
                                                   .written = on_written};

/* ---- life ---- */

/* `scope` keeps accounts and connections apart. */
static struct budget *find_budget(struct session *s, const char *scope, struct str id)
{
    const struct setup *setup = s->setup;
    char key[512];
    snprintf(key, sizeof key, "%.*s/%s/%.*s", STR_ARG(setup->descriptor->id), scope, STR_ARG(id));
    return budget_get(&s->host->budgets, key, setup->buckets, setup->bucket_count);
}

struct session *session_start(struct sync_host *host, const struct setup *setup,
                              const struct image *image, const struct session_events *events,
                              void *arg, struct error *err)
{
    struct session *s = MEM_NEW(struct session);
    *s = (struct session){.host = host, .setup = setup, .events = events, .arg = arg};
    s->client = client_new(host->world, host->transport, &setup->policy,
                           find_budget(s, "connection", setup->config->name));
    client_on_retry(s->client, on_retry, s);
    if (setup->oauth) {
        s->token = token_open(host, setup);
        client_set_credentials(s->client, token_source(s->token));
    }
    s->worker =
        worker_start(host->world, host->carrier, image, &host->limits, &worker_events, s, err);
    if (s->worker)
        return s;
    session_free(s);
    return NULL;
}

struct worker *session_worker(const struct session *s)
{
    return s->worker;
}

const struct client_stats *session_stats(const struct session *s)
{
    return client_stats(s->client);
}

struct str session_scopes(const struct session *s)
{
    return s->token ? token_scopes(s->token) : (struct str){0};
}

int64_t session_vendor_now(const struct session *s)
{
    int64_t date = client_stats(s->client)->vendor_date_us;
    return date != 0 ? date : world_now(s->host->world);
}

void session_set_account(struct session *s, struct str account_id)
{
    if (account_id.len == 0)
        return;
    client_set_budget(s->client, find_budget(s, "account", account_id));
}

void session_set_urgent(struct session *s)
{
    client_set_urgent(s->client);
}

void session_stop(struct session *s)
{
    worker_stop(s->worker);
}

void session_free(struct session *s)
{
    if (!s)
        return;
    worker_free(s->worker);
    client_free(s->client);
    token_close(s->token);
    free(s);
}
