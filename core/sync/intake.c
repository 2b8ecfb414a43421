/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/intake.h"

#include <stdlib.h>

#include "base/mem.h"
#include "plugin/protocol.h"
#include "sync/pause.h"

/* A commit costs the same for one record as for thousands, and writes a page of the store's once,
 * however many of its rows came: so pages are gathered for one while they keep coming. What is not
 * committed has to be read again after a crash: hence the time. While one commit is under way the
 * next is gathered, so there is room for two. The first ones are smaller, as nothing else is done
 * while they are gathered. */
enum {
    PAGES_MOST = 48,
    BYTES_MOST = 16 * 1024 * 1024, /* of pages that wait */
    RECORDS_FIRST = 250,           /* of the first commit; each has twice as many as that before */
    RECORDS_MOST = 2000,
    PATIENCE_US = 250 * 1000
};

/* A page, or a checkpoint. */
struct entry {
    struct entry *next;
    struct intake *intake;
    struct page *page; /* NULL: a checkpoint */
    char *position;
    size_t position_len;
    bool ready; /* mapped */
    struct job map;
};

struct intake {
    struct intake_stream stream;
    const struct intake_events *events;
    void *arg;
    struct world *world;
    struct entry *first, **last;
    struct entry *newest; /* the last of the queue; NULL: it is empty */
    size_t pages, bytes;  /* not yet committed */
    int mapping;          /* jobs on the pool */
    bool draining, failed, was_full, suspended;
    struct timer drained;
    struct timer patience; /* runs while what is ready is not committed yet */
    bool overdue;          /* it has waited that long */
    size_t enough;         /* records for the next commit */

    /* the commit that is under way */
    bool committing;
    struct job commit;
    struct page *batch[PAGES_MOST];
    size_t batch_count;
    struct entry *taken; /* entries of the batch */
    struct stream_state state;
    struct run_counts counts;
    enum merge_result result;
    int64_t cpu_us;
    struct error err;
};

static void advance(struct intake *in);

/* ---- entries ---- */

static void free_entry(struct entry *e)
{
    page_free(e->page);
    free(e->position);
    free(e);
}

static void free_entries(struct entry *e)
{
    while (e) {
        struct entry *next = e->next;
        free_entry(e);
        e = next;
    }
}

static void append(struct intake *in, struct entry *e)
{
    e->intake = in;
    *in->last = e;
    in->last = &e->next;
    in->newest = e;
}

/* Drops the entries that no job points to. */
static void drop_ready(struct intake *in)
{
    struct entry **at = &in->first;
    in->newest = NULL;
    while (*at) {
        struct entry *e = *at;
        if (!e->ready) {
            in->newest = e;
            at = &e->next;
            continue;
        }
        *at = e->next;
        free_entry(e);
    }
    in->last = at;
}

void page_list_clear(struct page_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        page_free(list->items[i]);
    free(list->items);
    *list = (struct page_list){0};
}

static void keep_pages(struct page_list *list, struct entry *e)
{
    for (; e; e = e->next) {
        if (!e->page)
            continue;
        list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof list->items[0]);
        list->items[list->count++] = e->page;
        e->page = NULL;
    }
}

/* ---- the commit, on the store executor ---- */

static int write_batch(struct intake *in, struct error *err)
{
    const struct merge *merge = &in->stream.merge;
    const struct store_engine *engine = merge->store->engine;
    struct run_stream_row row = *in->stream.row;
    if (in->stream.ends)
        return merge_deleted(merge, in->batch, in->batch_count, in->stream.ends, err);
    in->result = merge_pages(merge, in->batch, in->batch_count, &in->counts, err);
    if (in->result != MERGE_OK)
        return -1;
    if (merge->dry || in->stream.plan)
        return 0;
    row.counts = in->counts;
    if (!in->stream.beside && engine->set_stream(merge->store, &in->state, err) != 0)
        return -1;
    return engine->run_stream(merge->store, merge->run, &row, err);
}

static int commit_batch(struct intake *in, struct error *err)
{
    const struct merge *merge = &in->stream.merge;
    const struct store_engine *engine = merge->store->engine;
    if (engine->begin(merge->store, err) != 0)
        return -1;
    int paused = pause_check(merge->store, in->stream.connection, err);
    if (paused != 0) {
        in->result = paused > 0 ? MERGE_STOPPED : MERGE_FAILED;
        goto back;
    }
    if (write_batch(in, err) != 0)
        goto back;
    if (merge->dry || in->stream.plan) {
        engine->rollback(merge->store);
        return in->stream.plan ? plan_take(in->stream.plan, merge->target->object->item->name,
                                           store_hash_key(merge->store), err)
                               : 0;
    }
    if (engine->commit(merge->store, err) == 0)
        return 0;
back:
    engine->rollback(merge->store);
    return -1;
}

/* Also the ids that lead to a record by now: a page from before has them as records of their own.
 */
static void note_newer(struct intake *in)
{
    const uint8_t *key = store_hash_key(in->stream.merge.store);
    for (size_t i = 0; i < in->batch_count; i++)
        for (size_t j = 0; j < in->batch[i]->count; j++) {
            const struct page_record *record = &in->batch[i]->records[j];
            if (record->id.len > 0)
                id_set_add(in->stream.newer, key, record->id);
            for (size_t k = 0; k < record->merged_count; k++)
                id_set_add(in->stream.newer, key, record->merged[k]);
        }
}

static void commit_work(void *arg)
{
    struct intake *in = arg;
    int64_t began = world_cpu_us();
    in->result = MERGE_OK;
    if (!in->stream.keep && commit_batch(in, &in->err) != 0 && in->result == MERGE_OK)
        in->result = MERGE_FAILED;
    if (in->stream.newer && in->result == MERGE_OK)
        note_newer(in);
    for (size_t i = 0; i < in->batch_count; i++)
        in->cpu_us += in->batch[i]->cpu_us;
    in->cpu_us += world_cpu_us() - began;
}

static void fail(struct intake *in)
{
    in->failed = true;
    drop_ready(in);
    in->events->failed(in->arg, in->result, in->err.text);
}

/* What has been committed. The position's text is the entry's: it moves into the caller's room. */
static void keep_state(struct intake *in)
{
    const struct intake_stream *to = &in->stream;
    if (in->state.position.len > 0)
        memmove(to->position, in->state.position.ptr, in->state.position.len);
    in->state.position.ptr = to->position;
    *to->state = in->state;
    to->row->counts = in->counts;
    to->target->may_hold_quarantined |= in->counts.quarantined > 0;
}

static void commit_done(void *arg)
{
    struct intake *in = arg;
    in->committing = false;
    *in->stream.cpu_us += in->cpu_us;
    for (size_t i = 0; i < in->batch_count; i++) {
        in->pages--;
        in->bytes -= in->batch[i]->bytes;
    }
    if (in->result != MERGE_OK) {
        fail(in);
    } else {
        keep_state(in);
        in->events->committed(in->arg);
    }
    if (in->stream.keep)
        keep_pages(in->stream.keep, in->taken);
    free_entries(in->taken);
    in->taken = NULL;
    advance(in);
}

/* Takes what is ready at the front of the queue. */
static void take_batch(struct intake *in)
{
    struct entry **end = &in->taken;
    size_t records = 0;
    in->batch_count = 0;
    in->cpu_us = 0;
    in->state = *in->stream.state;
    in->counts = in->stream.row->counts;
    while (in->first && in->first->ready && in->batch_count < PAGES_MOST &&
           (records == 0 || records < in->enough || !in->first->page)) {
        struct entry *e = in->first;
        in->first = e->next;
        e->next = NULL;
        *end = e;
        end = &e->next;
        if (e->page) {
            records += e->page->count;
            in->batch[in->batch_count++] = e->page;
        } else {
            in->state.position = (struct str){e->position, e->position_len};
        }
    }
    if (!in->first) {
        in->last = &in->first;
        in->newest = NULL;
    }
}

static void begin_commit(struct intake *in)
{
    loop_timer_stop(in->world->loop, &in->patience);
    in->overdue = false;
    take_batch(in);
    in->enough = in->enough * 2 < RECORDS_MOST ? in->enough * 2 : RECORDS_MOST;
    in->committing = true;
    in->commit = (struct job){.work = commit_work, .done = commit_done, .arg = in};
    loop_submit(in->world->loop, EXECUTOR_STORE, &in->commit);
}

static bool is_full(const struct intake *in)
{
    return !in->failed && (in->pages >= PAGES_MOST || in->bytes >= BYTES_MOST);
}

/* Whether as much is ready as goes into one commit. */
static bool is_enough(const struct intake *in)
{
    size_t records = 0;
    for (const struct entry *e = in->first; e && e->ready && records < in->enough; e = e->next)
        records += e->page ? e->page->count : 0;
    return records >= in->enough;
}

static void on_patience(void *arg)
{
    struct intake *in = arg;
    in->overdue = true;
    advance(in);
}

static void commit_or_wait(struct intake *in)
{
    if (in->draining || in->overdue || is_full(in) || is_enough(in))
        begin_commit(in);
    else if (!loop_timer_started(&in->patience))
        loop_timer(in->world->loop, &in->patience, PATIENCE_US);
}

static void on_drained(void *arg)
{
    struct intake *in = arg;
    in->events->drained(in->arg);
}

/* Whatever can be done now. */
static void advance(struct intake *in)
{
    if (in->committing)
        return;
    if (in->failed)
        drop_ready(in);
    else if (in->first && in->first->ready && !in->suspended)
        commit_or_wait(in);
    if (in->was_full && !is_full(in)) {
        in->was_full = false;
        in->events->room(in->arg);
    }
    if (in->draining && !in->first && !in->committing && in->mapping == 0)
        loop_timer(in->world->loop, &in->drained, 0);
}

/* ---- mapping, on the pool ---- */

static void map_work(void *arg)
{
    struct entry *e = arg;
    const struct merge *merge = &e->intake->stream.merge;
    if (!e->intake->stream.ends)
        page_map(e->page, &merge->target->object->mapping, store_hash_key(merge->store));
}

static void map_done(void *arg)
{
    struct entry *e = arg;
    e->ready = true;
    e->intake->mapping--;
    advance(e->intake);
}

void intake_page(struct intake *in, struct page *page)
{
    struct entry *e = MEM_NEW(struct entry);
    e->page = page;
    in->pages++;
    in->bytes += page->bytes;
    in->mapping++;
    append(in, e);
    e->map = (struct job){.work = map_work, .done = map_done, .arg = e};
    loop_submit(in->world->loop, EXECUTOR_POOL, &e->map);
}

void intake_checkpoint(struct intake *in, struct str position)
{
    struct entry *e = in->newest;
    if (!e || e->page) {
        e = MEM_NEW(struct entry);
        e->ready = true;
        append(in, e);
    }
    /* Of several in a row the last one counts: a connector that gives one after another fills
     * nothing. */
    free(e->position);
    e->position = mem_strndup(position.ptr, position.len);
    e->position_len = position.len;
    advance(in);
}

bool intake_hold(struct intake *in)
{
    in->was_full = is_full(in);
    return in->was_full;
}

/* ---- life ---- */

struct intake *intake_new(const struct intake_stream *stream, const struct intake_events *events,
                          void *arg)
{
    struct intake *in = MEM_NEW(struct intake);
    *in = (struct intake){.stream = *stream,
                          .events = events,
                          .arg = arg,
                          .world = stream->merge.world,
                          .enough = RECORDS_FIRST};
    in->last = &in->first;
    in->drained = (struct timer){.fn = on_drained, .arg = in};
    in->patience = (struct timer){.fn = on_patience, .arg = in};
    return in;
}

void intake_suspend(struct intake *in, bool suspended)
{
    in->suspended = suspended;
    if (!suspended)
        advance(in);
}

void intake_drain(struct intake *in)
{
    in->draining = true;
    advance(in);
}

void intake_free(struct intake *in)
{
    if (!in)
        return;
    loop_timer_stop(in->world->loop, &in->drained);
    loop_timer_stop(in->world->loop, &in->patience);
    free_entries(in->first);
    free(in);
}
