/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around a vendor: creation, the clock, taking requests apart, faults and the log. */
#include "sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "vendor.h"

static const struct vendor *const vendors[] = {&vendor_hubspot};

static const int64_t first_now_ms = INT64_C(1767312000000); /* 2026-01-02T00:00:00Z */

static const struct vendor *find_vendor(const char *name)
{
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++)
        if (strcmp(vendors[i]->name, name) == 0)
            return vendors[i];
    return NULL;
}

const char *sandbox_vendor_name(size_t n)
{
    return n < sizeof vendors / sizeof *vendors ? vendors[n]->name : NULL;
}

const char *sandbox_vendor_summary(const char *vendor)
{
    const struct vendor *v = find_vendor(vendor);
    return v ? v->summary : NULL;
}

const char *sandbox_vendor_example(const char *vendor)
{
    const struct vendor *v = find_vendor(vendor);
    return v ? v->example : NULL;
}

void sandbox_options_default(struct sandbox_options *options)
{
    *options = (struct sandbox_options){.seed = 1,
                                        .companies = 1000,
                                        .contacts = 2000,
                                        .deals = 500,
                                        .tickets = 300,
                                        .engagements = 1000,
                                        .limits_factor = 1,
                                        .association_page = SANDBOX_ASSOCIATION_PAGE_MAX,
                                        .token_ttl_s = 1800};
}

static const char *check_options(const struct sandbox_options *o)
{
    const uint32_t counts[] = {o->companies, o->contacts, o->deals, o->tickets, o->engagements};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] > SANDBOX_RECORDS_MAX)
            return "at most 100000000 companies, contacts, deals, tickets or engagements";
    if (o->limits_factor > SANDBOX_LIMITS_FACTOR_MAX)
        return "limits can be at most x1000; `off` has none";
    if (o->same_modified > o->companies)
        return "same-modified is more than there are companies";
    if (o->association_page < 1 || o->association_page > SANDBOX_ASSOCIATION_PAGE_MAX)
        return "association-page is none from 1 to 500";
    if (o->token_ttl_s == 0)
        return "token-ttl is at least a second";
    if (o->dirty > o->contacts)
        return "dirty is more than there are contacts";
    return NULL;
}

struct sandbox *sandbox_create(const char *vendor, const struct sandbox_options *options,
                               char *error, size_t error_size)
{
    const struct vendor *v = find_vendor(vendor);
    const char *wrong = v ? check_options(options) : "there is no simulator of this vendor";
    if (wrong) {
        snprintf(error, error_size, "%s: %s", vendor, wrong);
        return NULL;
    }
    struct sandbox *s = mem_get(sizeof *s);
    s->options = *options;
    s->faults.seed = options->seed;
    s->vendor = v;
    s->outside_ms = first_now_ms;
    s->tokens[0] = (struct token){"sandbox-token", TOKEN_ACTIVE};
    s->tokens[1] = (struct token){"sandbox-token-noscope", TOKEN_NO_SCOPE};
    s->tokens[2] = (struct token){"sandbox-token-readonly", TOKEN_READ_ONLY};
    s->token_count = 3;
    s->state = v->create(s, error, error_size);
    s->options.companies_from = NULL;
    if (s->state)
        return s;
    free(s);
    return NULL;
}

static void free_logged(struct logged *l)
{
    free(l->method);
    free(l->target);
    free(l->body);
}

void sandbox_destroy(struct sandbox *s)
{
    if (!s)
        return;
    s->vendor->destroy(s->state);
    for (size_t i = 0; i < LOG_MAX; i++)
        free_logged(&s->log[i]);
    journal_free(&s->journal);
    free(s);
}

/* ---- what vendors ask for ---- */

const struct sandbox_options *sandbox_opts(const struct sandbox *s)
{
    return &s->options;
}

void sandbox_count(struct sandbox *s, enum stat stat, uint64_t n)
{
    s->stats[stat] += n;
}

void sandbox_journal(struct sandbox *s, const struct written *w)
{
    journal_add(&s->journal, sandbox_now(s), w);
}

int sandbox_add_fault(struct sandbox *s, const char *spec, char *error, size_t error_size)
{
    struct json_object *wish = fault_parse(spec);
    const char *wrong =
        wish ? fault_add(&s->faults, wish) : "a list of NAME=VALUE is wanted, with commas between";
    json_object_put(wish);
    if (wrong)
        snprintf(error, error_size, "fault '%.200s': %s", spec, wrong);
    return wrong ? -1 : 0;
}

void sandbox_tick(struct sandbox *s, int64_t now_ms)
{
    if (now_ms > s->outside_ms || s->outside_ms == first_now_ms)
        s->outside_ms = now_ms;
}

void sandbox_advance(struct sandbox *s, int64_t ms)
{
    s->added_ms += ms;
}

int64_t sandbox_now(const struct sandbox *s)
{
    return s->outside_ms + s->added_ms;
}

void sandbox_uuid(struct sandbox *s, char out[37])
{
    uint64_t a = (s->options.seed + ++s->uuids) * 0x9E3779B97F4A7C15u;
    uint64_t b = (a ^ (a >> 31)) * 0xBF58476D1CE4E5B9u;
    snprintf(out, 37, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(b >> 32),
             (unsigned)(b >> 16 & 0xFFFF), (unsigned)(b & 0xFFF), (unsigned)(a >> 52),
             (unsigned long long)(a & 0xFFFFFFFFFFFFu));
}

enum token_state sandbox_token(const struct sandbox *s, const char *authorization)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return TOKEN_UNKNOWN;
    for (size_t i = 0; i < s->token_count; i++)
        if (strcmp(s->tokens[i].text, authorization + 7) == 0)
            return s->tokens[i].state;
    return TOKEN_UNKNOWN;
}

const char *member_text(struct json_object *o, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(o, name, &value);
    return value ? json_object_get_string(value) : NULL;
}

static struct json_object *parse(const char *body, size_t len, enum json_type type,
                                 const char **ret_reason)
{
    struct json_tokener *tokener = json_tokener_new_ex(16);
    struct json_object *o = NULL;
    *ret_reason = "out of memory";
    if (!tokener)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
    if (len > 0 && len <= SANDBOX_BODY_MAX)
        o = json_tokener_parse_ex(tokener, body, (int)len);
    *ret_reason = len == 0                   ? "the body is empty"
                  : type == json_type_object ? "the body is no JSON object"
                                             : "the body is no JSON array";
    if (json_tokener_get_error(tokener) != json_tokener_success)
        *ret_reason = json_tokener_error_desc(json_tokener_get_error(tokener));
    json_tokener_free(tokener);
    if (o && json_object_is_type(o, type))
        return o;
    json_object_put(o);
    return NULL;
}

struct json_object *parse_object(const char *body, size_t len, const char **ret_reason)
{
    return parse(body, len, json_type_object, ret_reason);
}

struct json_object *parse_array(const char *body, size_t len, const char **ret_reason)
{
    return parse(body, len, json_type_array, ret_reason);
}

void answer_header(struct answer *a, const char *name, const char *format, ...)
{
    struct sandbox_response *r = a->response;
    va_list args;
    if (r->header_count == SANDBOX_HEADERS_MAX)
        return;
    struct sandbox_header *h = &r->headers[r->header_count++];
    h->name = name;
    va_start(args, format);
    vsnprintf(h->value, sizeof h->value, format, args);
    va_end(args);
}

const char *sandbox_header(const struct sandbox_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return NULL;
}

/* ---- taking a request apart ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place. A NUL byte stays encoded: it would cut the text. */
static void percent_decode(char *s, bool plus)
{
    char *out = s;
    for (; *s; s++) {
        int high = *s == '%' ? hex(s[1]) : -1, low = high >= 0 ? hex(s[2]) : -1;
        if (low >= 0 && high + low > 0) {
            *out++ = (char)(high * 16 + low);
            s += 2;
        } else {
            *out++ = plus && *s == '+' ? ' ' : *s;
        }
    }
    *out = '\0';
}

static void split_query(struct call *call, char *query)
{
    for (char *rest = query, *part; (part = strsep(&rest, "&"));) {
        char *value = strchr(part, '=');
        if (*part == '\0' || call->query_count == QUERY_MAX)
            continue;
        if (value)
            *value++ = '\0';
        percent_decode(part, true);
        if (value)
            percent_decode(value, true);
        call->query[call->query_count].name = part;
        call->query[call->query_count++].value = value ? value : "";
    }
}

/* Fills `call`; the copy of the target that its texts lie in is call->path. */
static void take_apart(struct call *call, const struct sandbox_request *request, int64_t now_ms)
{
    call->request = request;
    call->now_ms = now_ms;
    call->query_count = 0;
    call->path = mem_copy(request->target, strlen(request->target));
    char *query = strchr(call->path, '?');
    if (query) {
        *query = '\0';
        split_query(call, query + 1);
    }
    percent_decode(call->path, false);
}

void call_form(const struct call *call, struct call *ret_form)
{
    const struct sandbox_request *request = call->request;
    *ret_form = (struct call){.request = request, .now_ms = call->now_ms};
    ret_form->path = mem_copy(request->body ? request->body : "", request->body_len);
    split_query(ret_form, ret_form->path);
}

const char *call_arg(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->query_count; i++)
        if (strcmp(call->query[i].name, name) == 0)
            return call->query[i].value;
    return NULL;
}

static void log_request(struct sandbox *s, const struct sandbox_request *request, int status)
{
    struct logged *l = &s->log[s->logged++ % LOG_MAX];
    size_t body = request->body_len < LOG_BODY_MAX ? request->body_len : LOG_BODY_MAX;
    free_logged(l);
    *l = (struct logged){.status = status, .at_ms = sandbox_now(s)};
    l->method = mem_copy(request->method, strlen(request->method));
    l->target = mem_copy(request->target, strlen(request->target));
    l->body = mem_copy(request->body, body);
}

/* ---- answering ---- */

static void status_fault(struct sandbox *s, const struct fault *f, struct answer *a)
{
    s->vendor->error(s->state, f->status, f->policy[0] ? f->policy : NULL, a);
    if (f->retry_after >= 0)
        answer_header(a, "Retry-After", "%lld", (long long)f->retry_after);
}

/* What a proxy says for the vendor, with the wrong status. */
static void html_fault(struct answer *a)
{
    answer_header(a, "Content-Type", "text/html; charset=utf-8");
    text_add(&a->body, "<!DOCTYPE html>\n<html><head><title>Just a moment</title></head><body>"
                       "<h1>The service will be back soon</h1></body></html>\n");
}

/* By turns cut in the middle, and with bytes there that no JSON has. */
static void break_json(const struct fault *f, struct answer *a)
{
    static const char junk[] = "\x01\"\x01";
    size_t half = a->body.len / 2, len = sizeof junk - 1;
    if (f->fired % 2 == 0 && a->body.len >= 2 * len)
        memcpy(a->body.ptr + half, junk, len);
    else
        a->body.len = half;
}

static void fault_after(const struct call *call, const struct fault *f, struct answer *a)
{
    static const enum sandbox_wire wires[] = {[FAULT_TRUNCATE] = SANDBOX_WIRE_TRUNCATE,
                                              [FAULT_RESET] = SANDBOX_WIRE_RESET,
                                              [FAULT_RESET_BODY] = SANDBOX_WIRE_RESET_BODY,
                                              [FAULT_SLOW] = SANDBOX_WIRE_SLOW,
                                              [FAULT_HTML] = SANDBOX_WIRE_WHOLE,
                                              [FAULT_LOST] = SANDBOX_WIRE_WHOLE,
                                              [FAULT_PARTIAL] = SANDBOX_WIRE_WHOLE,
                                              [FAULT_HANG] = SANDBOX_WIRE_HANG,
                                              [FAULT_ECHO] = SANDBOX_WIRE_WHOLE};
    if (f->kind == FAULT_MALFORMED)
        break_json(f, a);
    if (f->kind == FAULT_ECHO)
        echo_credentials(call, f->member, a);
    a->response->wire = wires[f->kind];
    a->response->wire_ms = f->ms;
}

/* What was done has another answer. */
static void lost_fault(struct sandbox *s, const struct fault *f, struct answer *a)
{
    struct sandbox_response *r = a->response;
    r->status = 200;
    a->body.len = 0;
    status_fault(s, f, a);
}

static void handle_vendor(struct sandbox *s, struct call *call, struct answer *a)
{
    const struct fault *f = fault_take(&s->faults, call->request->method, call->path);
    uint64_t first = s->journal.total;
    if (f)
        sandbox_count(s, STAT_FAULTS, 1);
    call->partial = f && f->kind == FAULT_PARTIAL;
    if (f && (f->kind == FAULT_STATUS || (f->kind == FAULT_ECHO && f->status > 0)))
        status_fault(s, f, a);
    else if (f && f->kind == FAULT_HTML)
        html_fault(a);
    else
        s->vendor->handle(s->state, call, a);
    if (f && f->kind == FAULT_LOST)
        lost_fault(s, f, a);
    if (f && f->kind != FAULT_PARTIAL && f->kind != FAULT_SLOW)
        journal_mark_lost(&s->journal, first);
    if (f)
        fault_after(call, f, a);
}

static void handle_call(struct sandbox *s, struct call *call, struct answer *a)
{
    static const char control[] = "/__sandbox";
    size_t len = sizeof control - 1;
    if (strncmp(call->path, control, len) == 0 &&
        (call->path[len] == '/' || call->path[len] == '\0')) {
        sandbox_count(s, STAT_CONTROL, 1);
        control_handle(s, call, call->path + len, a);
        return;
    }
    handle_vendor(s, call, a);
    log_request(s, call->request, a->response->status);
}

void sandbox_handle(struct sandbox *s, const struct sandbox_request *request,
                    struct sandbox_response *ret)
{
    struct call call;
    struct answer a = {.response = ret};
    char date[TIME_HTTP_MAX];
    *ret = (struct sandbox_response){.status = 200};
    time_http(date, sandbox_now(s));
    answer_header(&a, "Date", "%s", date);
    take_apart(&call, request, sandbox_now(s));
    if (strlen(request->target) > PATH_MAX_BYTES)
        s->vendor->error(s->state, 414, NULL, &a);
    else if (request->body_len > SANDBOX_BODY_MAX)
        s->vendor->error(s->state, 413, NULL, &a);
    else
        handle_call(s, &call, &a);
    if (!ret->stream && ret->status != 204 && !sandbox_header(ret, "Content-Type"))
        answer_header(&a, "Content-Type", "application/json;charset=utf-8");
    ret->body = a.body.ptr;
    ret->body_len = a.body.len;
    free(call.path);
}

void sandbox_response_free(struct sandbox_response *response)
{
    sandbox_stream_free(response->stream);
    free(response->body);
    *response = (struct sandbox_response){0};
}

/* ---- streams ---- */

struct sandbox_stream {
    struct sandbox *sandbox;
    char type[32];
    int64_t position;
    bool more;
    struct text ready;
    size_t given;
};

struct sandbox_stream *stream_of_truth(struct sandbox *s, const char *type)
{
    struct sandbox_stream *stream = mem_get(sizeof *stream);
    stream->sandbox = s;
    snprintf(stream->type, sizeof stream->type, "%s", type);
    stream->more = s->vendor->truth(s->state, stream->type, &stream->position, 1, &stream->ready);
    if (stream->position >= 0)
        return stream;
    sandbox_stream_free(stream);
    return NULL;
}

size_t sandbox_stream_read(struct sandbox_stream *stream, char *out, size_t max)
{
    const struct sandbox *s = stream->sandbox;
    while (stream->given == stream->ready.len && stream->more) {
        stream->given = stream->ready.len = 0;
        stream->more =
            s->vendor->truth(s->state, stream->type, &stream->position, 256 * 1024, &stream->ready);
    }
    size_t left = stream->ready.len - stream->given, n = left < max ? left : max;
    if (n > 0)
        memcpy(out, stream->ready.ptr + stream->given, n);
    stream->given += n;
    return n;
}

void sandbox_stream_free(struct sandbox_stream *stream)
{
    if (!stream)
        return;
    text_free(&stream->ready);
    free(stream);
}
