/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run wrote to the vendor is taken back, by the connector, portion by portion: the vendor's
 * records are read, what has changed since is left, the rest is written. Nothing else runs
 * meanwhile, so the store is used on the loop.
 */
#include <stdio.h>

#include "sync/rollback_there.h"
#include "sync/session.h"

struct remote {
    struct there there;
    struct rollback *r;
    struct session *session;
    bool writing, failed, over;
    struct error why;
};

static void fail(struct remote *m, const char *what, const char *text)
{
    if (!m->failed)
        error_set(&m->why, "%s%s%s", what, what[0] ? ": " : "", text);
    m->failed = true;
}

static void stop(struct remote *m)
{
    session_stop(m->session);
}

/* ---- a portion ---- */

static void read_portion(struct remote *m)
{
    const struct object_setup *o = there_object(&m->there);
    const struct selector selector = {.mode = READ_IDS,
                                      .object = o->item->name,
                                      .fields = o->mapping.fields,
                                      .field_count = o->mapping.field_count,
                                      .ids = m->there.ids,
                                      .id_count = m->there.id_count};
    worker_read(session_worker(m->session), &selector);
}

static void next_portion(struct remote *m)
{
    bool more = false;
    struct rollback *r = m->r;
    if (r->events->progress)
        r->events->progress(r->arg, r->done, r->span.rows + r->span.sent);
    if (!rollback_cancelled(r) && there_next(&m->there, &more, &m->why) != 0)
        m->failed = true;
    if (more && !m->failed)
        read_portion(m);
    else
        stop(m);
}

static void send_group(struct remote *m)
{
    struct there *t = &m->there;
    m->writing = t->group < t->group_count && !rollback_cancelled(m->r);
    if (m->writing)
        worker_write(session_worker(m->session), &t->groups[t->group].call);
    else if (there_unsend(t, &m->why) == 0)
        next_portion(m);
    else {
        m->failed = true;
        stop(m);
    }
}

static void on_read(struct remote *m, const struct operation_result *result)
{
    if (result->outcome != OUTCOME_OK)
        fail(m, there_object(&m->there)->item->name.ptr, result->text);
    if (m->failed) {
        stop(m);
        return;
    }
    if (there_decide(&m->there, &m->why) != 0 ||
        (!m->r->in->plan && there_prepare(&m->there, &m->why) != 0)) {
        m->failed = true;
        stop(m);
        return;
    }
    send_group(m);
}

/* What was said is taken in, what was not sent is forgotten. */
static void settle(struct remote *m, bool unclear)
{
    m->writing = false;
    if (there_settle(&m->there, unclear, &m->why) != 0)
        m->failed = true;
    if (m->failed && there_unsend(&m->there, &m->why) != 0)
        m->failed = true;
}

static void on_write(struct remote *m, const struct operation_result *result)
{
    if (result->outcome != OUTCOME_OK)
        fail(m, "writing", result->text);
    settle(m, result->unclear);
    m->failed ? stop(m) : send_group(m);
}

/* ---- the session ---- */

static void on_finished(void *arg, const struct operation_result *result)
{
    struct remote *m = arg;
    if (result->phase == PHASE_READ) {
        on_read(m, result);
    } else if (result->phase == PHASE_WRITE) {
        on_write(m, result);
    } else if (result->outcome != OUTCOME_OK) {
        fail(m, phase_name(result->phase), result->text);
        stop(m);
    } else if (result->phase == PHASE_CREATE) {
        worker_check(session_worker(m->session));
    } else {
        session_set_account(m->session, result->account_id);
        m->failed = there_recover(&m->there, &m->why) != 0;
        m->failed ? stop(m) : next_portion(m);
    }
}

static void keep_page(struct remote *m, struct page *page)
{
    struct there *t = &m->there;
    t->pages = arena_grow(&t->arena, t->pages, &t->page_cap, t->page_count + 1, sizeof t->pages[0]);
    t->pages[t->page_count++] = page;
}

static void on_emit_page(void *arg, struct ticket *ticket, const struct page_spec *spec)
{
    struct remote *m = arg;
    struct worker *worker = session_worker(m->session);
    struct page *page = page_new(blob_ref(ticket->body));
    struct error why;
    if (page_parse(page, spec, ticket->attached, &why) == 0) {
        keep_page(m, page);
        worker_page_done(worker, OUTCOME_OK, &page->result);
    } else {
        fail(m, "an answer cannot be used", why.text);
        page_free(page);
        worker_page_done(worker, OUTCOME_FAILED, NULL);
    }
    ticket_free(ticket);
}

static void on_emit_records(void *arg, const struct emitted_record *records, uint32_t count)
{
    struct remote *m = arg;
    struct page *page = page_of_records(records, count);
    page_parse_records(page);
    keep_page(m, page);
    worker_reply(session_worker(m->session), OUTCOME_OK);
}

static enum outcome on_written(void *arg, const struct write_result *results, uint32_t count)
{
    struct remote *m = arg;
    there_written(&m->there, results, count);
    return OUTCOME_OK;
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct remote *m = arg;
    const struct client_stats *stats = session_stats(m->session);
    m->r->report->api_calls += stats->calls;
    m->r->report->bytes += stats->bytes;
    if (end->how != SESSION_STOPPED)
        fail(m, "", end->text);
    if (m->writing)
        settle(m, end->unclear);
    m->over = true;
}

static const struct session_events events = {.finished = on_finished,
                                             .ended = on_ended,
                                             .emit_page = on_emit_page,
                                             .emit_records = on_emit_records,
                                             .written = on_written};

int rollback_remote(struct rollback *r, struct error *err)
{
    struct remote m = {.there = {.r = r, .before = INT64_MAX}, .r = r};
    struct loop *loop = r->in->host->world->loop;
    m.session = session_start(r->in->host, r->in->setup, r->in->image, &events, &m, err);
    if (!m.session)
        return -1;
    loop_run(loop, &m.over);
    session_free(m.session);
    loop_turn(loop, 0); /* what it freed goes now */
    there_free(&m.there);
    if (m.failed)
        *err = m.why;
    return m.failed ? -1 : 0;
}
