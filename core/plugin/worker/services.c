/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/services.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/wire.h"

enum { BATCH_BYTES = 48 * 1024 }; /* records are sent when about a frame is full */

struct option {
    struct str name, value;
};

/* A text that json_get gave, valid until its handle is consumed. */
struct held_text {
    struct held_text *next;
    uint64_t handle;
    char bytes[];
};

struct fastenr_host {
    struct channel *channel;
    uint32_t last_call;
    struct buf out;       /* the message being written */
    struct message reply; /* the last one received */
    struct buf options_text;
    struct option *options;
    size_t option_count;
    struct held_text *held;
    struct buf page_text; /* strings of the last emit_page result */
    struct buf batch;     /* records not yet sent */
    uint32_t batch_count;
};

static struct str str_of(struct fastenr_str s)
{
    return (struct str){s.ptr, (size_t)s.len};
}

static void put_str(struct buf *out, struct fastenr_str s)
{
    wire_put_str(out, str_of(s));
}

static struct buf *start(struct fastenr_host *host)
{
    buf_clear(&host->out);
    return &host->out;
}

/* The host is gone: there is nobody to tell, and nothing of the connector's may go on. */
static _Noreturn void host_is_gone(void)
{
    _exit(0);
}

static void tell(struct fastenr_host *host, uint32_t kind)
{
    if (host->channel->send(host->channel, kind, ++host->last_call, buf_view(&host->out)) != 0)
        host_is_gone();
}

/* Sends what is in `out`, waits for the reply and reads its outcome; the rest is left in *ret_rest.
 */
static fastenr_outcome ask(struct fastenr_host *host, uint32_t kind, struct wire_reader *ret_rest)
{
    if (host->out.full) /* only this operation is lost */
        return FASTENR_FAILED;
    tell(host, kind);
    do {
        if (host->channel->receive(host->channel, &host->reply) != 0)
            host_is_gone();
    } while (host->reply.kind != HOST_REPLY || host->reply.call != host->last_call);
    *ret_rest = (struct wire_reader){.rest = buf_view(&host->reply.payload)};
    return (fastenr_outcome)wire_u32(ret_rest);
}

static fastenr_outcome send_batch(struct fastenr_host *host)
{
    struct wire_reader rest;
    if (host->batch_count == 0)
        return FASTENR_OK;
    wire_put_u32(start(host), host->batch_count);
    buf_str(&host->out, buf_view(&host->batch));
    host->batch_count = 0;
    buf_clear(&host->batch);
    return ask(host, SERVICE_EMIT_RECORDS, &rest);
}

/* ---- log, fail, option ---- */

static void service_log(struct fastenr_host *host, int32_t level, struct fastenr_str text)
{
    struct str s = str_of(text);
    if (s.len > LOG_TEXT_MAX)
        s.len = LOG_TEXT_MAX;
    wire_put_u32(start(host), (uint32_t)level);
    wire_put_str(&host->out, s);
    tell(host, SERVICE_LOG);
}

static fastenr_outcome service_fail(struct fastenr_host *host, fastenr_outcome outcome,
                                    struct fastenr_str text)
{
    struct str s = str_of(text);
    if (s.len > LOG_TEXT_MAX)
        s.len = LOG_TEXT_MAX;
    wire_put_str(start(host), s);
    tell(host, SERVICE_FAIL);
    return outcome;
}

static fastenr_outcome service_option(struct fastenr_host *host, struct fastenr_str name,
                                      struct fastenr_str *ret_value)
{
    for (size_t i = 0; i < host->option_count; i++)
        if (str_eq(host->options[i].name, str_of(name))) {
            ret_value->ptr = host->options[i].value.ptr;
            ret_value->len = host->options[i].value.len;
            return FASTENR_OK;
        }
    return FASTENR_GONE;
}

/* ---- http ---- */

static bool request_fits(const struct fastenr_request *request)
{
    return request->url.len <= REQUEST_URL_MAX && request->body.len <= REQUEST_BODY_MAX &&
           request->headers.count <= REQUEST_HEADERS_MAX;
}

static void put_request(struct buf *out, const struct fastenr_request *request)
{
    wire_put_u32(out, request->flags);
    put_str(out, request->method);
    put_str(out, request->url);
    put_str(out, request->bucket);
    wire_put_u32(out, request->headers.count);
    const char *row = request->headers.rows;
    for (uint32_t i = 0; i < request->headers.count; i++, row += request->headers.stride) {
        const struct fastenr_header *header = (const struct fastenr_header *)(const void *)row;
        put_str(out, header->name);
        put_str(out, header->value);
    }
    put_str(out, request->body);
}

static fastenr_outcome service_http_start(struct fastenr_host *host,
                                          const struct fastenr_request *request,
                                          uint64_t *ret_ticket)
{
    struct wire_reader rest;
    *ret_ticket = 0;
    if (!request_fits(request))
        return FASTENR_FAILED;
    put_request(start(host), request);
    fastenr_outcome outcome = ask(host, SERVICE_HTTP_START, &rest);
    if (outcome == FASTENR_OK)
        *ret_ticket = wire_u64(&rest);
    return outcome;
}

static fastenr_outcome service_http_wait(struct fastenr_host *host, uint64_t ticket,
                                         struct fastenr_response *ret_response)
{
    struct wire_reader rest;
    wire_put_u64(start(host), ticket);
    fastenr_outcome outcome = ask(host, SERVICE_HTTP_WAIT, &rest);
    ret_response->handle = wire_u64(&rest);
    ret_response->status = (int32_t)wire_u32(&rest);
    ret_response->reserved = 0;
    ret_response->body_len = wire_u64(&rest);
    return outcome;
}

static fastenr_outcome service_http(struct fastenr_host *host,
                                    const struct fastenr_request *request,
                                    struct fastenr_response *ret_response)
{
    uint64_t ticket;
    *ret_response = (struct fastenr_response){0};
    fastenr_outcome outcome = service_http_start(host, request, &ticket);
    return outcome == FASTENR_OK ? service_http_wait(host, ticket, ret_response) : outcome;
}

/* ---- answers ---- */

static void drop_texts(struct fastenr_host *host, uint64_t handle, bool all)
{
    for (struct held_text **at = &host->held; *at;) {
        struct held_text *text = *at;
        if (!all && text->handle != handle) {
            at = &text->next;
            continue;
        }
        *at = text->next;
        free(text);
    }
}

static fastenr_outcome service_json_get(struct fastenr_host *host, uint64_t handle,
                                        struct fastenr_str path, struct fastenr_str *ret_value)
{
    struct wire_reader rest;
    ret_value->ptr = "";
    ret_value->len = 0;
    wire_put_u64(start(host), handle);
    put_str(&host->out, path);
    fastenr_outcome outcome = ask(host, SERVICE_JSON_GET, &rest);
    if (outcome != FASTENR_OK)
        return outcome;
    struct str value = wire_str(&rest, MESSAGE_MAX);
    struct held_text *text = mem_new(1, sizeof *text + value.len + 1);
    memcpy(text->bytes, value.ptr, value.len);
    text->handle = handle;
    text->next = host->held;
    host->held = text;
    ret_value->ptr = text->bytes;
    ret_value->len = value.len;
    return FASTENR_OK;
}

static void service_release(struct fastenr_host *host, uint64_t handle)
{
    if (handle == 0)
        return;
    drop_texts(host, handle, false);
    wire_put_u64(start(host), handle);
    tell(host, SERVICE_RELEASE);
}

/* ---- records ---- */

static void read_page_result(struct fastenr_host *host, struct wire_reader *rest,
                             struct fastenr_page_result *ret_result)
{
    struct fastenr_page_result result = {.size = ret_result->size};
    result.count = wire_u32(rest);
    result.rejected = wire_u32(rest);
    result.max_modified_us = wire_i64(rest);
    struct str next = wire_str(rest, MESSAGE_MAX), last_id = wire_str(rest, MESSAGE_MAX);
    buf_clear(&host->page_text);
    buf_str(&host->page_text, next);
    buf_str(&host->page_text, last_id);
    const char *text = buf_cstr(&host->page_text);
    result.next = (struct fastenr_str){text, next.len};
    result.last_id = (struct fastenr_str){text + next.len, last_id.len};
    size_t size = ret_result->size < sizeof result ? ret_result->size : sizeof result;
    memcpy(ret_result, &result, size);
}

static fastenr_outcome service_emit_page(struct fastenr_host *host, uint64_t handle,
                                         const struct fastenr_page *page,
                                         struct fastenr_page_result *ret_result)
{
    struct wire_reader rest;
    fastenr_outcome outcome = send_batch(host);
    if (outcome != FASTENR_OK)
        return outcome;
    drop_texts(host, handle, false);
    wire_put_u64(start(host), handle);
    put_str(&host->out, page->records);
    put_str(&host->out, page->id);
    put_str(&host->out, page->modified);
    put_str(&host->out, page->fields);
    put_str(&host->out, page->next);
    put_str(&host->out, FASTENR_HAS(page, merged) ? page->merged : (struct fastenr_str){NULL, 0});
    put_str(&host->out, FASTENR_HAS(page, title) ? page->title : (struct fastenr_str){NULL, 0});
    put_str(&host->out, FASTENR_HAS(page, times) ? page->times : (struct fastenr_str){NULL, 0});
    put_str(&host->out, FASTENR_HAS(page, time) ? page->time : (struct fastenr_str){NULL, 0});
    outcome = ask(host, SERVICE_EMIT_PAGE, &rest);
    if (outcome == FASTENR_OK)
        read_page_result(host, &rest, ret_result);
    return outcome;
}

static fastenr_outcome service_attach(struct fastenr_host *host, uint64_t handle,
                                      const struct fastenr_attach *spec)
{
    struct wire_reader rest;
    drop_texts(host, handle, false);
    wire_put_u64(start(host), handle);
    put_str(&host->out, spec->rows);
    put_str(&host->out, spec->key);
    put_str(&host->out, spec->values);
    put_str(&host->out, spec->field);
    return ask(host, SERVICE_ATTACH, &rest);
}

static fastenr_outcome service_emit_record(struct fastenr_host *host,
                                           const struct fastenr_record *record)
{
    if (record->fields.len > RECORD_MAX || record->id.len > EXTERNAL_ID_MAX)
        return FASTENR_FAILED;
    size_t size = record->fields.len + record->id.len;
    if (host->batch_count > 0 && host->batch.len + size > BATCH_BYTES) {
        fastenr_outcome outcome = send_batch(host);
        if (outcome != FASTENR_OK)
            return outcome;
    }
    put_str(&host->batch, record->id);
    wire_put_i64(&host->batch, record->modified_us);
    put_str(&host->batch, record->fields);
    host->batch_count++;
    return host->batch.len >= BATCH_BYTES ? send_batch(host) : FASTENR_OK;
}

static fastenr_outcome service_emit_field(struct fastenr_host *host,
                                          const struct fastenr_field *field)
{
    struct wire_reader rest;
    wire_put_u32(start(host), field->type);
    wire_put_u32(&host->out, field->flags);
    put_str(&host->out, field->name);
    put_str(&host->out, field->label);
    put_str(&host->out, field->values);
    return ask(host, SERVICE_EMIT_FIELD, &rest);
}

/* ---- results of a write ---- */

static fastenr_outcome service_emit_written(struct fastenr_host *host, uint64_t handle,
                                            const struct fastenr_written *spec, uint32_t *ret_count)
{
    struct wire_reader rest;
    *ret_count = 0;
    wire_put_u64(start(host), handle);
    wire_put_u32(&host->out, (uint32_t)spec->outcome);
    put_str(&host->out, spec->rows);
    put_str(&host->out, spec->write_id);
    put_str(&host->out, spec->id);
    put_str(&host->out, spec->created);
    put_str(&host->out, spec->modified);
    put_str(&host->out, spec->fields);
    put_str(&host->out, spec->message);
    fastenr_outcome outcome = ask(host, SERVICE_EMIT_WRITTEN, &rest);
    if (outcome == FASTENR_OK)
        *ret_count = wire_u32(&rest);
    return outcome;
}

static fastenr_outcome service_written(struct fastenr_host *host, struct fastenr_str write_id,
                                       fastenr_outcome outcome, struct fastenr_str id,
                                       struct fastenr_str text)
{
    struct wire_reader rest;
    struct str words = str_of(text);
    if (words.len > LOG_TEXT_MAX)
        words.len = LOG_TEXT_MAX;
    put_str(start(host), write_id);
    wire_put_u32(&host->out, (uint32_t)outcome);
    put_str(&host->out, id);
    wire_put_str(&host->out, words);
    return ask(host, SERVICE_WRITTEN, &rest);
}

/* ---- progress of a read ---- */

static fastenr_outcome service_checkpoint(struct fastenr_host *host, struct fastenr_str position)
{
    struct wire_reader rest;
    fastenr_outcome outcome = send_batch(host);
    if (outcome != FASTENR_OK)
        return outcome;
    if (position.len > POSITION_MAX)
        return FASTENR_FAILED;
    put_str(start(host), position);
    return ask(host, SERVICE_CHECKPOINT, &rest);
}

static void service_progress(struct fastenr_host *host, uint64_t total)
{
    wire_put_u64(start(host), total);
    tell(host, SERVICE_PROGRESS);
}

/* ---- life ---- */

const struct fastenr_services *services_table(void)
{
    static const struct fastenr_services table = {
        .size = sizeof(struct fastenr_services),
        .abi_minor = FASTENR_ABI_MINOR,
        .log = service_log,
        .fail = service_fail,
        .option = service_option,
        .http_start = service_http_start,
        .http_wait = service_http_wait,
        .http = service_http,
        .json_get = service_json_get,
        .emit_page = service_emit_page,
        .emit_record = service_emit_record,
        .emit_field = service_emit_field,
        .checkpoint = service_checkpoint,
        .release = service_release,
        .progress = service_progress,
        .attach = service_attach,
        .emit_written = service_emit_written,
        .written = service_written,
    };
    return &table;
}

struct fastenr_host *services_new(struct channel *channel)
{
    struct fastenr_host *host = MEM_NEW(struct fastenr_host);
    host->channel = channel;
    host->out = BUF_INIT(MESSAGE_MAX);
    host->reply = MESSAGE_INIT;
    host->options_text = BUF_INIT(MESSAGE_MAX);
    host->page_text = BUF_INIT(MESSAGE_MAX);
    host->batch = BUF_INIT(MESSAGE_MAX - 64);
    return host;
}

void services_free(struct fastenr_host *host)
{
    drop_texts(host, 0, true);
    buf_free(&host->out);
    buf_free(&host->reply.payload);
    buf_free(&host->options_text);
    buf_free(&host->page_text);
    buf_free(&host->batch);
    free(host->options);
    free(host);
}

bool services_set_options(struct fastenr_host *host, struct str payload)
{
    buf_str(&host->options_text, payload);
    struct wire_reader r = {.rest = buf_view(&host->options_text)};
    uint32_t count = wire_count(&r, UINT32_MAX / sizeof(struct option));
    host->options = mem_new(r.bad ? 0 : count, sizeof host->options[0]);
    for (uint32_t i = 0; i < count && !r.bad; i++) {
        host->options[i].name = wire_str(&r, MESSAGE_MAX);
        host->options[i].value = wire_str(&r, MESSAGE_MAX);
        host->option_count++;
    }
    return wire_done(&r);
}

fastenr_outcome services_finish(struct fastenr_host *host)
{
    fastenr_outcome outcome = send_batch(host);
    drop_texts(host, 0, true);
    return outcome;
}
