/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/serve.h"

#include <stdlib.h>

#include "base/mem.h"
#include "plugin/wire.h"
#include "worker/describe.h"
#include "worker/services.h"

struct server {
    struct channel *channel;
    const struct fastenr_connector *(*entry)(void);
    const struct fastenr_connector *connector;
    struct fastenr_host *host;
    void *instance;
    bool created;
    struct buf out;
};

static struct fastenr_str fastenr_str_of(struct str s)
{
    return (struct fastenr_str){s.ptr, s.len};
}

/* The result's head; what the operation gives is appended after it. */
static void put_result(struct server *s, uint32_t op, fastenr_outcome outcome)
{
    buf_clear(&s->out);
    wire_put_u32(&s->out, op);
    wire_put_u32(&s->out, (uint32_t)outcome);
}

static void describe(struct server *s)
{
    struct buf why = BUF_INIT(DESCRIPTOR_TEXT_MAX);
    const struct fastenr_connector *connector = s->entry();
    if (describe_refusal(connector, &why)) {
        put_result(s, OP_DESCRIBE, WORKER_REFUSED);
        wire_put_str(&s->out, buf_view(&why));
    } else {
        s->connector = connector;
        put_result(s, OP_DESCRIBE, FASTENR_OK);
        describe_connector(connector, &s->out);
    }
    buf_free(&why);
}

static void create(struct server *s, struct str payload)
{
    fastenr_outcome outcome = FASTENR_FAILED;
    if (services_set_options(s->host, payload))
        outcome = s->connector->ops->create(services_table(), s->host, &s->instance);
    s->created = outcome == FASTENR_OK;
    put_result(s, OP_CREATE, outcome);
}

static void check(struct server *s)
{
    struct fastenr_check found = {.size = sizeof found};
    fastenr_outcome outcome = s->connector->ops->check(s->instance, &found);
    put_result(s, OP_CHECK, outcome);
    wire_put_str(&s->out, (struct str){found.account_id.ptr, (size_t)found.account_id.len});
    wire_put_str(&s->out, (struct str){found.account_name.ptr, (size_t)found.account_name.len});
    services_finish(s->host); /* after the strings are copied: they may be json_get's */
}

static void discover(struct server *s, struct str payload)
{
    struct wire_reader r = {.rest = payload};
    struct str object = wire_str(&r, MESSAGE_MAX);
    fastenr_outcome outcome = s->connector->ops->discover(s->instance, fastenr_str_of(object));
    services_finish(s->host);
    put_result(s, OP_DISCOVER, outcome);
}

static struct fastenr_table get_texts(struct wire_reader *r)
{
    struct fastenr_table table = {.count = wire_count(r, MESSAGE_MAX / 4),
                                  .stride = sizeof(struct fastenr_str)};
    struct fastenr_str *rows = mem_new(table.count, sizeof *rows);
    for (uint32_t i = 0; i < table.count; i++)
        rows[i] = fastenr_str_of(wire_str(r, MESSAGE_MAX));
    table.rows = rows;
    return table;
}

static void read_records(struct server *s, struct str payload)
{
    struct wire_reader r = {.rest = payload};
    struct fastenr_selector selector = {.size = sizeof selector};
    selector.mode = wire_u32(&r);
    selector.object = fastenr_str_of(wire_str(&r, MESSAGE_MAX));
    selector.fields = get_texts(&r);
    selector.since_us = wire_i64(&r);
    selector.until_us = wire_i64(&r);
    selector.position = fastenr_str_of(wire_str(&r, POSITION_MAX));
    selector.limit = wire_u64(&r);
    selector.ids = get_texts(&r);
    selector.timed = get_texts(&r);
    fastenr_outcome outcome = s->connector->ops->read(s->instance, &selector);
    fastenr_outcome sent = services_finish(s->host);
    put_result(s, OP_READ, outcome == FASTENR_OK ? sent : outcome);
    free((void *)(uintptr_t)selector.fields.rows);
    free((void *)(uintptr_t)selector.ids.rows);
    free((void *)(uintptr_t)selector.timed.rows);
}

/* ---- write ---- */

static struct fastenr_table get_values(struct wire_reader *r)
{
    struct fastenr_table table = {.count = wire_count(r, MESSAGE_MAX / 16),
                                  .stride = sizeof(struct fastenr_value)};
    struct fastenr_value *rows = mem_new(table.count, sizeof *rows);
    for (uint32_t i = 0; i < table.count; i++) {
        rows[i].name = fastenr_str_of(wire_str(r, MESSAGE_MAX));
        rows[i].value = fastenr_str_of(wire_str(r, MESSAGE_MAX));
        rows[i].type = wire_u32(r);
        rows[i].flags = wire_u32(r);
    }
    table.rows = rows;
    return table;
}

static void get_write_row(struct wire_reader *r, struct fastenr_write_row *row)
{
    row->write_id = fastenr_str_of(wire_str(r, MESSAGE_MAX));
    row->id = fastenr_str_of(wire_str(r, MESSAGE_MAX));
    row->key = fastenr_str_of(wire_str(r, MESSAGE_MAX));
    row->values = get_values(r);
    row->field = fastenr_str_of(wire_str(r, MESSAGE_MAX));
    row->other_id = fastenr_str_of(wire_str(r, MESSAGE_MAX));
}

static void write_records(struct server *s, struct str payload)
{
    struct wire_reader r = {.rest = payload};
    struct fastenr_write write = {.size = sizeof write, .op = wire_u32(&r)};
    write.object = fastenr_str_of(wire_str(&r, MESSAGE_MAX));
    write.key_field = fastenr_str_of(wire_str(&r, MESSAGE_MAX));
    uint32_t count = wire_count(&r, WRITE_ROWS_MAX);
    struct fastenr_write_row *rows = mem_new(count, sizeof *rows);
    for (uint32_t i = 0; i < count; i++)
        get_write_row(&r, &rows[i]);
    write.rows = (struct fastenr_table){rows, count, sizeof *rows};
    fastenr_outcome outcome = FASTENR_FAILED;
    if (wire_done(&r))
        outcome = s->connector->ops->write(s->instance, &write);
    services_finish(s->host);
    put_result(s, OP_WRITE, outcome);
    for (uint32_t i = 0; i < count; i++)
        free((void *)(uintptr_t)rows[i].values.rows);
    free(rows);
}

static void destroy(struct server *s)
{
    if (s->created)
        s->connector->ops->destroy(s->instance);
    s->created = false;
    put_result(s, OP_DESTROY, FASTENR_OK);
}

/* False when there is nothing more to do. The host asks in the right order; what does not fit ends
 * it. */
static bool perform(struct server *s, const struct message *m)
{
    struct str payload = buf_view(&m->payload);
    if (m->kind == OP_DESCRIBE)
        describe(s);
    else if (m->kind == OP_CREATE && s->connector && !s->created)
        create(s, payload);
    else if (m->kind == OP_CHECK && s->created)
        check(s);
    else if (m->kind == OP_DISCOVER && s->created)
        discover(s, payload);
    else if (m->kind == OP_READ && s->created)
        read_records(s, payload);
    else if (m->kind == OP_WRITE && s->created && describe_writes(s->connector))
        write_records(s, payload);
    else if (m->kind == OP_DESTROY)
        destroy(s);
    else
        return false;
    return s->channel->send(s->channel, WORKER_RESULT, m->call, buf_view(&s->out)) == 0 &&
           m->kind != OP_DESTROY;
}

void worker_serve(struct channel *channel, const struct fastenr_connector *(*entry)(void))
{
    struct server s = {.channel = channel, .entry = entry, .out = BUF_INIT(MESSAGE_MAX)};
    struct message m = MESSAGE_INIT;
    s.host = services_new(channel);
    while (channel->receive(channel, &m) == 0 && perform(&s, &m))
        continue;
    if (s.created)
        s.connector->ops->destroy(s.instance);
    services_free(s.host);
    buf_free(&s.out);
    buf_free(&m.payload);
}
