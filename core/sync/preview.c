/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/preview.h"

#include "sync/page.h"
#include "sync/session.h"

/* Enough to see what came of a record; nothing is kept, so any key will do. */
static const uint8_t no_key[SIPHASH_KEY];

struct preview {
    struct session *session;
    const struct object_setup *object;
    uint64_t limit, shown;
    void (*fn)(void *arg, const struct preview_record *record);
    void *arg;
    bool failed, over;
    struct error err;
};

static void fail(struct preview *p, const char *text)
{
    if (!p->failed)
        error_set(&p->err, "%s", text);
    p->failed = true;
}

static void show(struct preview *p, struct page *page)
{
    page_map(page, &p->object->mapping, no_key);
    for (size_t i = 0; i < page->count && p->shown < p->limit; i++, p->shown++) {
        const struct page_record *record = &page->records[i];
        const struct preview_record r = {.id = record->id,
                                         .modified_us = record->modified_us,
                                         .fields = record->fields,
                                         .result = record->result,
                                         .mapped = &record->mapped,
                                         .invalid_field = record->invalid_field,
                                         .why = record->why.len > 0 ? record->why.ptr : ""};
        p->fn(p->arg, &r);
    }
}

/* ---- what the connector asks; few records, so that all is done on the loop ---- */

static void on_emit_page(void *arg, struct ticket *ticket, const struct page_spec *spec)
{
    struct preview *p = arg;
    struct worker *worker = session_worker(p->session);
    struct page *page = page_new(blob_ref(ticket->body));
    struct error err;
    if (page_parse(page, spec, ticket->attached, &err) != 0) {
        fail(p, err.text);
        worker_page_done(worker, OUTCOME_FAILED, NULL);
    } else {
        show(p, page);
        worker_page_done(worker, OUTCOME_OK, &page->result);
    }
    page_free(page);
    ticket_free(ticket);
}

static void on_emit_records(void *arg, const struct emitted_record *records, uint32_t count)
{
    struct preview *p = arg;
    struct page *page = page_of_records(records, count);
    page_parse_records(page);
    show(p, page);
    page_free(page);
    worker_reply(session_worker(p->session), OUTCOME_OK);
}

static void begin_read(struct preview *p)
{
    const struct selector selector = {.mode = READ_FULL,
                                      .object = p->object->item->name,
                                      .fields = p->object->mapping.fields,
                                      .field_count = p->object->mapping.field_count,
                                      .limit = p->limit};
    worker_read(session_worker(p->session), &selector);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct preview *p = arg;
    if (result->outcome != OUTCOME_OK)
        fail(p, result->text);
    if (result->outcome == OUTCOME_OK && result->phase == PHASE_CREATE)
        begin_read(p);
    else
        session_stop(p->session);
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct preview *p = arg;
    if (end->how != SESSION_STOPPED)
        fail(p, end->text);
    p->over = true;
}

static const struct session_events events = {.finished = on_finished,
                                             .ended = on_ended,
                                             .emit_page = on_emit_page,
                                             .emit_records = on_emit_records};

int preview_read(struct sync_host *host, const struct setup *setup, const struct image *image,
                 const struct object_setup *object, uint64_t limit,
                 void (*fn)(void *arg, const struct preview_record *record), void *arg,
                 struct error *err)
{
    struct preview p = {.object = object, .limit = limit, .fn = fn, .arg = arg};
    p.session = session_start(host, setup, image, &events, &p, err);
    if (!p.session)
        return -1;
    loop_run(host->world->loop, &p.over);
    session_free(p.session);
    loop_turn(host->world->loop, 0); /* what it freed goes now */
    return p.failed ? error_set(err, "%.*s: %s", STR_ARG(object->item->name), p.err.text) : 0;
}
