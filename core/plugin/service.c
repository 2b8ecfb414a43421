/* SPDX-License-Identifier: Apache-2.0 */
/* The host's end of the service table: decodes what a connector asks for, checks it, answers. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/time.h"
#include "plugin/worker_internal.h"

enum { LOG_LINES = 100, LOG_WINDOW_SECONDS = 10, MOST_RECORDS = 64 * 1024, WORDS_MAX = 100 };

/* ---- replies ---- */

void service_send_reply(struct worker *w, struct buf *payload)
{
    uint32_t call = w->waiting_call;
    w->waiting = 0;
    if (w->ended || w->freed)
        return;
    carrier_of(w)->send(w->link, HOST_REPLY, call, buf_view(payload));
    worker_watch(w);
}

struct buf *service_begin_reply(struct worker *w, enum outcome outcome)
{
    buf_clear(&w->out);
    wire_put_u32(&w->out, (uint32_t)outcome);
    return &w->out;
}

void worker_reply(struct worker *w, enum outcome outcome)
{
    if (w->waiting == 0)
        return;
    service_send_reply(w, service_begin_reply(w, w->cancelled ? OUTCOME_CANCELLED : outcome));
}

/* ---- tickets ---- */

static void free_list(struct ticket *first)
{
    while (first) {
        struct ticket *next = first->next;
        ticket_free(first);
        first = next;
    }
}

void ticket_free(struct ticket *t)
{
    if (!t)
        return;
    free_list(t->attached);
    blob_unref(t->body);
    arena_free(&t->arena);
    free(t);
}

/* Text for people: one line, and no credential that the vendor echoes. */
static void put_first_words(struct buf *out, struct str body)
{
    char words[WORDS_MAX];
    size_t len = 0;
    for (size_t i = 0; i < body.len && len < sizeof words; i++)
        if (body.ptr[i] > ' ' && body.ptr[i] < 0x7f)
            words[len++] = body.ptr[i];
        else if (len > 0 && words[len - 1] != ' ')
            words[len++] = ' ';
    redact(out, (struct str){words, len});
}

void ticket_blame(const struct ticket *t, struct blob *body, struct error *err)
{
    struct str bytes = {0}, url = t->ask.url;
    struct buf words = BUF_INIT(4 * WORDS_MAX);
    ptrdiff_t query = str_find(url, '?');
    if (query >= 0)
        url.len = (size_t)query;
    if (url.len > 200)
        url.len = 200;
    if (body && blob_view(body, &bytes, NULL) == 0)
        put_first_words(&words, bytes);
    struct error why = *err;
    error_set(err, "%.*s %.*s answered %d: %s; it begins with '%s'", STR_ARG(t->ask.method),
              STR_ARG(url), t->status, why.text, buf_cstr(&words));
    buf_free(&words);
}

struct ticket *service_ticket(struct worker *w, uint64_t id)
{
    struct ticket *t = w->tickets;
    while (t && t->id != id)
        t = t->next;
    return t;
}

/* What a ticket takes of HANDLES_BYTES_MAX. */
static size_t ticket_size(const struct ticket *t)
{
    return t->ask.body.len + (t->body ? blob_size(t->body) : 0);
}

/* Takes it out of the worker's list. */
static void detach(struct ticket *t)
{
    struct worker *w = t->worker;
    struct ticket **at = &w->tickets;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    w->ticket_count--;
    w->held_bytes -= ticket_size(t);
    t->worker = NULL;
    t->next = NULL;
}

static void drop_ticket(struct ticket *t)
{
    struct worker *w = t->worker;
    if (!t->answered) {
        w->events->http_cancel(w->arg, t);
        write_note_request(w, t);
    }
    detach(t);
    ticket_free(t);
}

/* An answer without a body has no handle that could be released: the ticket goes. */
static void reply_answer(struct worker *w, struct ticket *t)
{
    if (w->cancelled) {
        worker_reply(w, OUTCOME_CANCELLED);
        return;
    }
    if (t->outcome != OUTCOME_OK)
        snprintf(w->fail_text, sizeof w->fail_text, "%.*s", STR_ARG(t->text));
    if (t->status > 0) /* the vendor, not the host, has answered */
        worker_progress(w);
    struct buf *out = service_begin_reply(w, t->outcome);
    wire_put_u64(out, t->body ? t->id : 0);
    wire_put_u32(out, (uint32_t)t->status);
    wire_put_u64(out, t->body ? blob_size(t->body) : 0);
    service_send_reply(w, out);
    if (!t->body)
        drop_ticket(t);
}

static void look_again(struct worker *w, struct ticket *t);

void worker_http_done(struct ticket *t, enum outcome outcome, int status, struct blob *body,
                      const char *text)
{
    struct worker *w = t->worker;
    t->answered = true;
    t->sending = NULL;
    write_note_request(w, t);
    t->outcome = outcome;
    t->status = status;
    t->text = arena_str(&t->arena, str_from(text ? text : ""));
    if (body && w->held_bytes + blob_size(body) > HANDLES_BYTES_MAX) {
        t->outcome = OUTCOME_FAILED;
        t->text = STR("the connector holds more than 64 MiB of answers: it must release them");
        blob_unref(body);
        body = NULL;
    }
    t->body = body;
    if (body)
        w->held_bytes += blob_size(body);
    if (w->waiting == SERVICE_HTTP_WAIT && w->waiting_ticket == t->id)
        reply_answer(w, t);
    else if (w->waiting == SERVICE_JSON_GET && w->waiting_ticket == t->id)
        look_again(w, t);
}

/* ---- services without an answer ---- */

static void on_log(struct worker *w, struct wire_reader *r)
{
    int level = (int)wire_u32(r);
    struct str text = wire_str(r, LOG_TEXT_MAX);
    if (!wire_done(r) || level < 1 || level > 4) {
        worker_convict(w, "it sent a broken log line");
        return;
    }
    int64_t now = world_monotonic(w->world);
    if (now - w->log_window_us > LOG_WINDOW_SECONDS * US_PER_SECOND) {
        if (w->log_dropped > 0) {
            char note[80];
            snprintf(note, sizeof note, "%u more lines were dropped", w->log_dropped);
            w->events->log(w->arg, 3, str_from(note));
        }
        w->log_window_us = now;
        w->log_lines = w->log_dropped = 0;
    }
    if (w->log_lines++ < LOG_LINES)
        w->events->log(w->arg, level, text);
    else
        w->log_dropped++;
}

static void on_fail(struct worker *w, struct wire_reader *r)
{
    struct str text = wire_str(r, LOG_TEXT_MAX);
    if (!wire_done(r))
        worker_convict(w, "it sent a broken reason");
    else
        snprintf(w->fail_text, sizeof w->fail_text, "%.*s", STR_ARG(text));
}

static void on_release(struct worker *w, struct wire_reader *r)
{
    struct ticket *t = service_ticket(w, wire_u64(r));
    if (!wire_done(r))
        worker_convict(w, "it sent a broken release");
    else if (t) /* a second release of the same is the connector's slip, no attack */
        drop_ticket(t);
}

static void on_progress(struct worker *w, struct wire_reader *r)
{
    uint64_t total = wire_u64(r);
    if (!wire_done(r))
        worker_convict(w, "it sent a broken progress");
    else
        w->events->progress(w->arg, total);
}

/* ---- http ---- */

static bool get_ask(struct wire_reader *r, struct ticket *t)
{
    struct http_ask *ask = &t->ask;
    ask->safe = wire_u32(r) & 1;
    ask->method = arena_str(&t->arena, wire_str(r, 16));
    ask->url = arena_str(&t->arena, wire_str(r, REQUEST_URL_MAX));
    ask->bucket = arena_str(&t->arena, wire_str(r, DESCRIPTOR_TEXT_MAX));
    ask->header_count = wire_count(r, REQUEST_HEADERS_MAX);
    ask->headers = arena_new(&t->arena, ask->header_count, sizeof ask->headers[0]);
    for (uint32_t i = 0; i < ask->header_count; i++) {
        ask->headers[i].name = arena_str(&t->arena, wire_str(r, REQUEST_HEADER_TEXT_MAX));
        ask->headers[i].text = arena_str(&t->arena, wire_str(r, REQUEST_HEADER_TEXT_MAX));
    }
    ask->body = arena_str(&t->arena, wire_str(r, REQUEST_BODY_MAX));
    return wire_done(r);
}

/* Whether one more request fits; if not, why is the reason of the operation. */
static bool may_start(struct worker *w, size_t size)
{
    if (w->ticket_count >= HANDLES_MAX)
        snprintf(w->fail_text, sizeof w->fail_text,
                 "the connector holds %d answers: it must release them", HANDLES_MAX);
    else if (w->held_bytes + size > HANDLES_BYTES_MAX)
        snprintf(w->fail_text, sizeof w->fail_text,
                 "the connector holds more than 64 MiB of requests and answers: it must wait for "
                 "them and release them");
    else
        return true;
    return false;
}

static void on_http_start(struct worker *w, struct wire_reader *r)
{
    if (!may_start(w, r->rest.len)) {
        worker_reply(w, OUTCOME_FAILED);
        return;
    }
    struct ticket *t = MEM_NEW(struct ticket);
    if (!get_ask(r, t)) {
        ticket_free(t);
        worker_convict(w, "it sent a broken request");
        return;
    }
    t->id = ++w->last_ticket;
    t->worker = w;
    t->next = w->tickets;
    w->tickets = t;
    w->ticket_count++;
    w->held_bytes += ticket_size(t);
    struct buf *out = service_begin_reply(w, OUTCOME_OK);
    wire_put_u64(out, t->id);
    service_send_reply(w, out);
    w->events->http(w->arg, t);
}

static void on_http_wait(struct worker *w, struct wire_reader *r)
{
    uint64_t id = wire_u64(r);
    struct ticket *t = service_ticket(w, id);
    if (!wire_done(r)) {
        worker_convict(w, "it sent a broken wait");
        return;
    }
    if (!t) {
        snprintf(w->fail_text, sizeof w->fail_text,
                 "the connector waits for a ticket it does not have");
        worker_reply(w, OUTCOME_FAILED);
        return;
    }
    w->waiting_ticket = id;
    if (t->answered)
        reply_answer(w, t);
}

/* ---- json_get: parsed on the pool, since a body may be large ---- */

struct json_job {
    struct job job;
    struct worker *worker;
    uint32_t call;
    uint64_t ticket;
    struct blob *body;
    bool malformed;
    char path[PATH_MAX_LEN + 1];
    struct buf value;
    enum outcome outcome;
    struct error err;
};

static void json_work(void *arg)
{
    struct json_job *j = arg;
    struct str body;
    const struct json *root = NULL;
    j->outcome = OUTCOME_FAILED;
    if (blob_view(j->body, &body, &j->err) != 0)
        return;
    j->malformed = json_parse(body, &root, &j->err) != 0;
    if (j->malformed)
        return;
    j->outcome = json_get_text(root, str_from(j->path), &j->value) ? OUTCOME_OK : OUTCOME_GONE;
    if (j->value.full) {
        j->outcome = OUTCOME_FAILED;
        error_set(&j->err, "the value at %s is too long to hand over", j->path);
    }
    json_free(root);
}

/* The connector must not see a credential that the vendor echoes. */
static void put_redacted(struct buf *out, struct str value)
{
    if (!redact_needed(value)) {
        wire_put_str(out, value);
        return;
    }
    struct buf clean = BUF_INIT(MESSAGE_MAX);
    redact(&clean, value);
    wire_put_str(out, buf_view(&clean));
    buf_free(&clean);
}

static void reply_value(struct worker *w, const struct json_job *j)
{
    if (j->outcome == OUTCOME_FAILED)
        snprintf(w->fail_text, sizeof w->fail_text, "%s", j->err.text);
    struct buf *out = service_begin_reply(w, j->outcome);
    if (j->outcome == OUTCOME_OK)
        put_redacted(out, buf_view(&j->value));
    service_send_reply(w, out);
}

/* A connector that has seen nothing of an answer can be given another one in its place. */
static bool fetch_again(struct worker *w, struct ticket *t, const struct json_job *j)
{
    char note[LOG_TEXT_MAX];
    if (++t->tries >= ANSWER_TRIES || !t->ask.safe)
        return false;
    snprintf(note, sizeof note, "%s; it is fetched again", j->err.text);
    w->events->log(w->arg, LOG_WARN, str_from(note));
    w->waiting_ticket = t->id;
    w->held_bytes -= blob_size(t->body);
    blob_unref(t->body);
    t->body = NULL;
    t->answered = false;
    t->looked_at = arena_str(&t->arena, str_from(j->path));
    w->events->http(w->arg, t);
    return true;
}

static void json_done(void *arg)
{
    struct json_job *j = arg;
    struct worker *w = j->worker;
    if (w->waiting == SERVICE_JSON_GET && w->waiting_call == j->call && !w->cancelled) {
        struct ticket *t = service_ticket(w, j->ticket);
        if (t && j->outcome == OUTCOME_FAILED)
            ticket_blame(t, j->body, &j->err);
        if (!t || !j->malformed || !fetch_again(w, t, j))
            reply_value(w, j);
    }
    worker_job_ended(w);
    blob_unref(j->body);
    buf_free(&j->value);
    free(j);
}

static void look(struct worker *w, struct ticket *t, struct str path)
{
    struct json_job *j = MEM_NEW(struct json_job);
    j->job = (struct job){.work = json_work, .done = json_done, .arg = j};
    j->worker = w;
    j->call = w->waiting_call;
    j->ticket = t->id;
    j->body = blob_ref(t->body);
    j->value = BUF_INIT(MESSAGE_MAX / 2);
    memcpy(j->path, path.ptr, path.len);
    w->jobs++;
    loop_submit(w->world->loop, EXECUTOR_POOL, &j->job);
}

/* The outcome is not the request's: GONE would mean that the answer lacks the value. */
static void look_again(struct worker *w, struct ticket *t)
{
    if (t->outcome == OUTCOME_OK && t->body) {
        look(w, t, t->looked_at);
        return;
    }
    snprintf(w->fail_text, sizeof w->fail_text, "%.*s", STR_ARG(t->text));
    worker_reply(w, OUTCOME_FAILED);
}

static void on_json_get(struct worker *w, struct wire_reader *r)
{
    struct ticket *t = service_ticket(w, wire_u64(r));
    struct str path = wire_str(r, PATH_MAX_LEN);
    if (!wire_done(r)) {
        worker_convict(w, "it sent a broken json_get");
        return;
    }
    if (!t || !t->body) {
        snprintf(w->fail_text, sizeof w->fail_text,
                 "the connector looks into an answer it does not have");
        worker_reply(w, OUTCOME_FAILED);
        return;
    }
    w->waiting_ticket = 0;
    look(w, t, path);
}

/* ---- records ---- */

static struct ticket *take_attached(struct worker *w)
{
    struct ticket *first = w->attached;
    for (struct ticket *t = first; t; t = t->next)
        w->held_bytes -= blob_size(t->body);
    w->attached = NULL;
    w->attached_count = 0;
    return first;
}

static void on_emit_page(struct worker *w, struct wire_reader *r)
{
    struct ticket *t = service_ticket(w, wire_u64(r));
    struct page_spec spec;
    spec.records = wire_str(r, PATH_MAX_LEN);
    spec.id = wire_str(r, PATH_MAX_LEN);
    spec.modified = wire_str(r, PATH_MAX_LEN);
    spec.fields = wire_str(r, PATH_MAX_LEN);
    spec.next = wire_str(r, PATH_MAX_LEN);
    spec.merged = wire_str(r, PATH_MAX_LEN);
    spec.title = wire_str(r, PATH_MAX_LEN);
    spec.times = wire_str(r, PATH_MAX_LEN);
    spec.time = wire_str(r, PATH_MAX_LEN);
    if (!wire_done(r) || w->phase != PHASE_READ) {
        worker_convict(w, "it sent a broken page, or one outside of read");
        return;
    }
    if (!t || !t->body) {
        snprintf(w->fail_text, sizeof w->fail_text,
                 "the connector emits an answer it does not have");
        worker_reply(w, OUTCOME_FAILED);
        return;
    }
    detach(t);
    t->attached = take_attached(w);
    w->events->emit_page(w->arg, t, &spec);
}

static void append_attached(struct worker *w, struct ticket *t)
{
    struct ticket **end = &w->attached;
    while (*end)
        end = &(*end)->next;
    *end = t;
    w->attached_count++;
    w->held_bytes += blob_size(t->body);
}

static void on_attach(struct worker *w, struct wire_reader *r)
{
    struct ticket *t = service_ticket(w, wire_u64(r));
    struct attach_spec spec;
    spec.rows = wire_str(r, PATH_MAX_LEN);
    spec.key = wire_str(r, PATH_MAX_LEN);
    spec.values = wire_str(r, PATH_MAX_LEN);
    spec.field = wire_str(r, PATH_MAX_LEN);
    if (!wire_done(r) || w->phase != PHASE_READ) {
        worker_convict(w, "it attached something broken, or outside of read");
        return;
    }
    if (!t || !t->body || spec.field.len == 0 || w->attached_count >= ATTACHED_MAX) {
        snprintf(w->fail_text, sizeof w->fail_text,
                 "the connector attaches an answer it does not have, or more than %d to a page",
                 ATTACHED_MAX);
        worker_reply(w, OUTCOME_FAILED);
        return;
    }
    detach(t);
    t->attach = (struct attach_spec){.rows = arena_str(&t->arena, spec.rows),
                                     .key = arena_str(&t->arena, spec.key),
                                     .values = arena_str(&t->arena, spec.values),
                                     .field = arena_str(&t->arena, spec.field)};
    append_attached(w, t);
    worker_reply(w, OUTCOME_OK);
}

void worker_page_done(struct worker *w, enum outcome outcome, const struct page_result *result)
{
    if (w->waiting != SERVICE_EMIT_PAGE)
        return;
    if (w->cancelled || outcome != OUTCOME_OK) {
        worker_reply(w, outcome);
        return;
    }
    worker_progress(w);
    struct buf *out = service_begin_reply(w, OUTCOME_OK);
    wire_put_u32(out, result->count);
    wire_put_u32(out, result->rejected);
    wire_put_i64(out, result->max_modified_us);
    wire_put_str(out, result->next);
    wire_put_str(out, result->last_id);
    service_send_reply(w, out);
}

static void on_emit_records(struct worker *w, struct wire_reader *r)
{
    uint32_t count = wire_count(r, MOST_RECORDS);
    struct emitted_record *records = mem_new(count, sizeof *records);
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        records[i].id = wire_str(r, EXTERNAL_ID_MAX);
        records[i].modified_us = wire_i64(r);
        records[i].fields = wire_str(r, RECORD_MAX);
    }
    if (!wire_done(r) || w->phase != PHASE_READ) {
        worker_convict(w, "it sent broken records, or some outside of read");
    } else {
        if (count > 0)
            worker_progress(w);
        w->events->emit_records(w->arg, records, count);
    }
    free(records);
}

static void on_emit_field(struct worker *w, struct wire_reader *r)
{
    struct vendor_field field;
    field.type = (enum field_type)wire_u32(r);
    uint32_t flags = wire_u32(r);
    field.read_only = flags & 1;
    field.required = flags & 2;
    field.unique = flags & 4;
    field.name = wire_str(r, EXTERNAL_ID_MAX);
    field.label = wire_str(r, LOG_TEXT_MAX);
    field.values = wire_str(r, RECORD_MAX);
    if (!wire_done(r) || w->phase != PHASE_DISCOVER || field.type < FIELD_STRING ||
        field.type > FIELD_ENUM)
        worker_convict(w, "it sent a broken field, or one outside of discover");
    else
        worker_reply(w, w->events->emit_field(w->arg, &field));
}

static void on_checkpoint(struct worker *w, struct wire_reader *r)
{
    struct str position = wire_str(r, POSITION_MAX);
    if (!wire_done(r) || w->phase != PHASE_READ)
        worker_convict(w, "it sent a broken checkpoint, or one outside of read");
    else if (w->cancelled)
        worker_reply(w, OUTCOME_CANCELLED);
    else
        worker_reply(w, w->events->checkpoint(w->arg, position));
}

/* ---- dispatch ---- */

typedef void (*service_fn)(struct worker *w, struct wire_reader *r);

static const struct {
    service_fn fn;
    bool replies;
    bool with_network; /* not in create, destroy or describe */
} services[] = {
    [SERVICE_LOG] = {on_log, false, false},
    [SERVICE_FAIL] = {on_fail, false, false},
    [SERVICE_HTTP_START] = {on_http_start, true, true},
    [SERVICE_HTTP_WAIT] = {on_http_wait, true, true},
    [SERVICE_JSON_GET] = {on_json_get, true, true},
    [SERVICE_EMIT_PAGE] = {on_emit_page, true, true},
    [SERVICE_EMIT_RECORDS] = {on_emit_records, true, true},
    [SERVICE_EMIT_FIELD] = {on_emit_field, true, true},
    [SERVICE_CHECKPOINT] = {on_checkpoint, true, true},
    [SERVICE_RELEASE] = {on_release, false, true},
    [SERVICE_PROGRESS] = {on_progress, false, true},
    [SERVICE_ATTACH] = {on_attach, true, true},
    [SERVICE_EMIT_WRITTEN] = {write_on_emit_written, true, true},
    [SERVICE_WRITTEN] = {write_on_written, true, true},
};

void service_message(struct worker *w, const struct message *m)
{
    bool network = w->phase == PHASE_CHECK || w->phase == PHASE_DISCOVER ||
                   w->phase == PHASE_READ || w->phase == PHASE_WRITE;
    /* What is known of a write is taken also from one that is cancelled. */
    bool tells = m->kind == SERVICE_EMIT_WRITTEN || m->kind == SERVICE_WRITTEN;
    if (m->kind >= sizeof services / sizeof services[0] || !services[m->kind].fn ||
        (services[m->kind].with_network && !network)) {
        worker_convict(w, "it asked for what it may not ask for now");
        return;
    }
    if (services[m->kind].replies) {
        worker_unwatch(w);
        w->waiting = m->kind;
        w->waiting_call = m->call;
        if (w->cancelled && !tells) {
            worker_reply(w, OUTCOME_CANCELLED);
            return;
        }
    }
    struct wire_reader r = {.rest = buf_view(&m->payload)};
    services[m->kind].fn(w, &r);
}

/* A job or a request that is under way finds nobody waiting. But for results of a write that are
 * being read: they are here already, and the reply says that it is cancelled. */
void service_cancel(struct worker *w)
{
    if (w->waiting != SERVICE_EMIT_WRITTEN)
        worker_reply(w, OUTCOME_CANCELLED);
}

void service_end_operation(struct worker *w)
{
    w->waiting = 0;
    while (w->tickets)
        drop_ticket(w->tickets);
    free_list(take_attached(w));
}
