/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/replay.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sync/run_internal.h"

enum { RECORDS_A_COMMIT = 500 };

/* Quarantined records of one object, copied out of the store before it is written to. */
struct collection {
    struct emitted_record *records;
    size_t count, cap;
    size_t without_fields; /* cannot be replayed: they have no id or no fields */
    struct arena arena;
};

static bool collect(void *arg, const struct quarantine_row *row)
{
    struct collection *c = arg;
    if (!str_starts(row->payload, "{")) {
        c->without_fields++;
        return true;
    }
    c->records = arena_grow(&c->arena, c->records, &c->cap, c->count + 1, sizeof c->records[0]);
    c->records[c->count++] = (struct emitted_record){.id = arena_str(&c->arena, row->external_id),
                                                     .modified_us = row->modified,
                                                     .fields = arena_str(&c->arena, row->payload)};
    return true;
}

static enum merge_result replay_page(struct run *run, struct run_object *object, struct page *page,
                                     struct error *err)
{
    struct store *store = run->host->store;
    struct run_counts counts = object->row->counts;
    const struct merge merge = {.store = store,
                                .world = run->host->world,
                                .organization = run->organization,
                                .run = run->row.id,
                                .target = &object->target};
    page_parse_records(page);
    page_map(page, &object->setup->mapping, store_hash_key(store));
    if (store->engine->begin(store, err) != 0)
        return MERGE_FAILED;
    enum merge_result result = merge_pages(&merge, &page, 1, &object->row->counts, err);
    if (result == MERGE_OK &&
        store->engine->run_stream(store, run->row.id, object->row, err) == 0 &&
        store->engine->commit(store, err) == 0)
        return MERGE_OK;
    store->engine->rollback(store);
    object->row->counts = counts; /* of what is in the store */
    return result == MERGE_OK ? MERGE_FAILED : result;
}

static enum merge_result replay_object(struct run *run, struct run_object *object, int64_t id,
                                       struct error *err)
{
    struct store *store = run->host->store;
    struct collection c = {0};
    int rc = store->engine->each_quarantined(store, run->setup->config->name,
                                             object->setup->item->name, id, collect, &c, err);
    enum merge_result result = rc == 0 ? MERGE_OK : MERGE_FAILED;
    object->row = &run->row.streams[run->row.stream_count++];
    *object->row = (struct run_stream_row){.stream = object->state.id,
                                           .vendor_object = object->setup->item->name,
                                           .object = str_from(object->setup->model->name)};
    if (result == MERGE_OK && c.count > 0 && run_fields_replay(run, err) != 0)
        result = MERGE_FAILED;
    object->row->counts.read = (int64_t)c.without_fields;
    object->row->counts.quarantined = (int64_t)c.without_fields;
    for (size_t from = 0; from < c.count && result == MERGE_OK; from += RECORDS_A_COMMIT) {
        size_t count = c.count - from < RECORDS_A_COMMIT ? c.count - from : RECORDS_A_COMMIT;
        struct page *page = page_of_records(&c.records[from], (uint32_t)count);
        result = replay_page(run, object, page, err);
        page_free(page);
    }
    arena_free(&c.arena);
    return result;
}

void run_select(struct run *run, const struct object_setup *only)
{
    run->objects = mem_new(run->setup->object_count, sizeof run->objects[0]);
    run->row.streams = arena_new(&run->arena, run->setup->object_count, sizeof run->row.streams[0]);
    for (size_t i = 0; i < run->setup->object_count; i++)
        if (!only || only == &run->setup->objects[i])
            run->objects[run->object_count++].setup = &run->setup->objects[i];
}

static int replay(struct run *run, int64_t id, struct error *err)
{
    enum merge_result result = MERGE_OK;
    int64_t left = 0, began = world_cpu_us();
    for (size_t i = 0; i < run->object_count && result == MERGE_OK; i++) {
        run->current = i;
        result = replay_object(run, &run->objects[i], id, err);
        left += run->objects[i].row->counts.quarantined;
    }
    int rc = result == MERGE_OK ? 0 : -1;
    run->row.status = result == MERGE_FAILED    ? RUN_FAILED
                      : result == MERGE_STOPPED ? RUN_STOPPED
                      : left > 0                ? RUN_QUARANTINED
                                                : RUN_OK;
    if (rc != 0)
        run->row.reason = arena_str(&run->arena, str_from(err->text));
    run->row.cpu_us = world_cpu_us() - began;
    run->row.ended_at = world_now(run->host->world);
    struct error end_err;
    if (run_store_end(run, &end_err) == 0)
        return rc;
    if (rc == 0)
        *err = end_err;
    return -1;
}

void run_copy_row(const struct run_row *row, struct run_row *ret_row, struct arena *arena)
{
    *ret_row = *row;
    ret_row->reason = arena_str(arena, row->reason);
    ret_row->streams = arena_new(arena, row->stream_count, sizeof row->streams[0]);
    for (size_t i = 0; i < row->stream_count; i++) {
        ret_row->streams[i] = row->streams[i];
        ret_row->streams[i].vendor_object = arena_str(arena, row->streams[i].vendor_object);
    }
}

static bool note_erased(void *arg, const struct quarantine_row *row)
{
    bool *erased = arg;
    *erased = str_eq(row->payload, STR(STORE_ERASED_PAYLOAD));
    return false;
}

/* One that was asked for by its number, and has nothing to replay any more. */
static int refuse_erased(struct sync_host *host, const struct setup *setup, int64_t id,
                         struct error *err)
{
    bool erased = false;
    struct str name = setup->config->name;
    if (host->store->engine->each_quarantined(host->store, name, STR(""), id, note_erased, &erased,
                                              err) != 0)
        return -1;
    if (!erased)
        return 0;
    return error_set(err,
                     "record %lld in quarantine cannot be replayed: what it held was erased with "
                     "the data of a person; `fastenr sync %.*s --full` brings it again",
                     (long long)id, STR_ARG(name));
}

int replay_quarantine(struct sync_host *host, struct setup *setup, const struct object_setup *only,
                      int64_t id, struct str started_by, struct run_row *ret_row,
                      struct arena *arena, struct error *err)
{
    struct run run = {.host = host, .setup = setup, .request.started_by = started_by};
    run.row = (struct run_row){.connection = setup->config->name,
                               .started_by = started_by,
                               .started_at = world_now(host->world),
                               .exit_signal = -1,
                               .exit_code = -1};
    run_select(&run, only);
    int rc = id != 0 ? refuse_erased(host, setup, id, err) : 0;
    if (rc == 0)
        rc = run_store_open(&run, err);
    if (rc == 0)
        rc = replay(&run, id, err);
    run_copy_row(&run.row, ret_row, arena);
    free(run.objects);
    arena_free(&run.arena);
    return rc;
}
