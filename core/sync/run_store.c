/* SPDX-License-Identifier: Apache-2.0 */
/* What a run writes besides records: its place in the run log, stream state, the account's name. */
#include "sync/bind.h"
#include "sync/drift.h"
#include "sync/pause.h"
#include "sync/run_internal.h"

enum { VANISHED_LEAST = 10 };

/* ---- opening ---- */

static struct run_object *find_object(struct run *run, const struct object_setup *setup)
{
    for (size_t i = 0; i < run->object_count; i++)
        if (run->objects[i].setup == setup)
            return &run->objects[i];
    return NULL;
}

/* Into room of the object's own: commits move it. One that no connector can have given is none. */
static void take_position(struct run_object *object)
{
    struct str *position = &object->state.position;
    if (position->len > POSITION_MAX)
        position->len = 0;
    if (position->len > 0)
        memcpy(object->position, position->ptr, position->len);
    position->ptr = object->position;
}

/* The mapping of an object as it was read last: its pauses count, too, where another object that it
 * takes fields of is read first. */
static int prepare_mapping(struct run *run, struct object_setup *setup, int64_t stream,
                           struct error *err)
{
    struct store *store = run->host->store;
    struct field_snapshot known;
    if (setup_bind(setup, store, err) != 0 ||
        store->engine->load_fields(store, stream, &known, &run->arena, err) != 0)
        return -1;
    drift_pause_rules(&setup->mapping, &known);
    return 0;
}

/* All objects of the connection, also those that this run leaves out: lookups may mean them. */
static int open_streams(struct run *run, int64_t *ids, struct error *err)
{
    struct store *store = run->host->store;
    struct erased_ids *erased = arena_new(&run->arena, run->setup->object_count, sizeof erased[0]);
    for (size_t i = 0; i < run->setup->object_count; i++) {
        struct object_setup *setup = &run->setup->objects[i];
        struct run_object *object = find_object(run, setup);
        struct stream_state state;
        if (store->engine->stream(store, run->connection, setup->item->name, setup->model,
                                  &run->arena, &state, err) != 0 ||
            prepare_mapping(run, setup, state.id, err) != 0 ||
            store->engine->load_erased(store, state.id, &run->arena, &erased[i].hashes,
                                       &erased[i].count, err) != 0)
            return -1;
        ids[i] = state.id;
        if (!object)
            continue;
        object->state = state;
        object->target = (struct merge_target){.setup = run->setup,
                                               .object = setup,
                                               .stream = state.id,
                                               .streams = ids,
                                               .erased = erased};
        take_position(object);
        if (store->engine->count_links(store, state.id, &object->target.links_before, err) != 0)
            return -1;
    }
    return 0;
}

static void find_lookups(struct run *run, const int64_t *ids)
{
    for (size_t i = 0; i < run->object_count; i++) {
        struct merge_target *target = &run->objects[i].target;
        const struct mapping *mapping = &target->object->mapping;
        target->lookups = arena_new(&run->arena, mapping->rule_count, sizeof target->lookups[0]);
        for (size_t j = 0; j < mapping->rule_count; j++) {
            const struct object_setup *to = mapping->rules[j].lookup.len > 0
                                                ? setup_object(run->setup, mapping->rules[j].lookup)
                                                : NULL;
            if (to)
                target->lookups[j] = ids[to - run->setup->objects];
        }
    }
}

static bool note_quarantined(void *arg, const struct stream_row *row)
{
    struct run *run = arg;
    for (size_t i = 0; i < run->object_count; i++)
        if (run->objects[i].target.stream == row->state.id)
            run->objects[i].target.may_hold_quarantined =
                row->quarantined > 0 || run->request.beside;
    return true;
}

/* A run beside another one has that one's, and leaves it in the run log as it is. */
static int take_lease(struct run *run, struct error *err)
{
    struct store *store = run->host->store;
    if (run->request.beside)
        return 0;
    int lease = store->engine->lease(store, run->connection, err);
    if (lease > 0)
        return error_set(err, "another fastenr is syncing '%.*s' just now: wait until it is done",
                         STR_ARG(run->setup->config->name));
    run->leased = lease == 0;
    if (lease < 0)
        return -1;
    return run_keeps(run) ? store->engine->reap(store, run->connection, err) : 0;
}

static int open_run(void *arg, struct error *err)
{
    struct run *run = arg;
    struct store *store = run->host->store;
    const struct store_engine *engine = store->engine;
    struct str name = run->setup->config->name;
    int64_t *ids = arena_new(&run->arena, run->setup->object_count, sizeof ids[0]);
    if (engine->organization(store, &run->host->organization, &run->organization, err) != 0 ||
        engine->connection(store, name, run->setup->descriptor->id, &run->connection, err) != 0)
        return -1;
    int paused = pause_check(store, name.ptr, err);
    run->paused = paused > 0;
    if (paused != 0)
        return -1;
    if (take_lease(run, err) != 0 || open_streams(run, ids, err) != 0)
        return -1;
    find_lookups(run, ids);
    if (engine->each_stream(store, name, note_quarantined, run, err) != 0)
        return -1;
    if (!run_keeps(run))
        return 0;
    return engine->run_start(store, run->connection, run->request.started_by, &run->row.id, err);
}

int run_store_open(struct run *run, struct error *err)
{
    int rc = run_transact(run, open_run, run, err);
    if (rc == 0)
        return 0;
    run->row.id = 0;
    if (run->leased)
        run->host->store->engine->release(run->host->store, run->connection);
    run->leased = false;
    return -1;
}

/* ---- on the way ---- */

static int set_account(void *arg, struct error *err)
{
    struct run *run = arg;
    struct store *store = run->host->store;
    return store->engine->set_account(store, run->connection, str_from(run->account),
                                      str_from(run->account_name), err);
}

int run_store_account(struct run *run, struct error *err)
{
    if (!run_keeps(run))
        return 0;
    return store_transact(run->host->store, set_account, run, err);
}

/* Before a walk that finds out what is absent: it has met nothing yet. */
static int open_walk(void *arg, struct error *err)
{
    struct run *run = arg;
    struct store *store = run->host->store;
    struct stream_state *state = &run_current(run)->state;
    if (store->engine->begin_seen(store, state->id, &state->walk_links, err) != 0)
        return -1;
    return store->engine->set_stream(store, state, err);
}

int run_store_walk(struct run *run, struct error *err)
{
    return run_transact(run, open_walk, run, err);
}

/* Deletions before this moment have been read, but for what the vendor's list was late with. */
static int64_t deleted_mark(const struct run_object *object, int64_t until)
{
    int64_t mark = until - object->setup->lookback_us;
    return mark > 0 ? mark : 1;
}

/* The watermark moves: everything modified up to `until` has been read, but for what the vendor's
 * index was late with. */
static int close_object(void *arg, struct error *err)
{
    struct run *run = arg;
    struct store *store = run->host->store;
    struct run_object *object = run_current(run);
    struct stream_state next = object->state;
    int64_t mark = next.until - object->setup->lookback_us;
    bool full = next.walk == WALK_FULL;
    if (!next.has_watermark || mark > next.watermark || full)
        next.watermark = mark;
    next.has_watermark = true;
    next.mapping_hash = next.walk_hash;
    next.walk = full && next.walk_links > 0 ? WALK_SUSPECTS : WALK_NONE;
    next.position.len = 0;
    if (full && next.walk == WALK_NONE)
        next.reconciled_at = next.until;
    /* What was deleted before the first read is of no concern. */
    object->first = full && object->target.links_before == 0 && next.deleted_watermark == 0;
    if (object->first)
        next.deleted_watermark = deleted_mark(object, next.until);
    if (store->engine->set_stream(store, &next, err) != 0 ||
        store->engine->run_stream(store, run->row.id, object->row, err) != 0)
        return -1;
    object->state = next;
    return 0;
}

int run_store_object(struct run *run, struct error *err)
{
    if (run_is_dry(run))
        return run_dry_object(run, err);
    return run_transact(run, close_object, run, err);
}

/* ---- what ended ---- */

struct merge run_merge(struct run *run)
{
    const struct run_object *object = run_current(run);
    bool looks = object->stage == STAGE_EXPORT || object->stage == STAGE_APPLY;
    return (struct merge){.store = run->host->store,
                          .world = run->host->world,
                          .organization = run->organization,
                          .run = run->row.id,
                          .target = &object->target,
                          .retakes = object->state.mapping_hash != object->setup->mapping.hash,
                          .clock_skew_us = run->clock_skew_us,
                          .waits_for_times = run_waits_for_times(run),
                          .wants = looks ? &run->wants : NULL,
                          .verify = run->request.verify,
                          .linkup = run->request.linkup,
                          .dry = run_is_dry(run),
                          .notes = run_is_plan(run)     ? &run->request.plan->notes
                                   : run->request.apply ? &run->notes
                                                        : NULL,
                          .told = run_is_plan(run) ? run->request.plan->guard : NULL};
}

struct ending {
    struct run *run;
    enum link_ended why;
    struct stream_state next;
    struct run_stream_row row;
};

static int end_links(void *arg, struct error *err)
{
    struct ending *e = arg;
    struct run *run = e->run;
    struct store *store = run->host->store;
    const struct merge merge = run_merge(run);
    int64_t last;
    int paused = pause_check(store, run_name(run), err);
    run->stopped = paused > 0;
    if (paused != 0)
        return -1;
    enum merge_result result = merge_end(&merge, &run->ends.ends, e->why, &e->row.counts, err);
    run->stopped = result == MERGE_STOPPED;
    if (result != MERGE_OK)
        return -1;
    if (e->next.walk != run_current(run)->state.walk && /* it is settled */
        store->engine->begin_seen(store, e->next.id, &last, err) != 0)
        return -1;
    if (store->engine->set_stream(store, &e->next, err) != 0)
        return -1;
    return store->engine->run_stream(store, run->row.id, &e->row, err);
}

static int store_ending(struct ending *e, struct error *err)
{
    struct run_object *object = run_current(e->run);
    if (run_transact(e->run, end_links, e, err) != 0)
        return -1;
    object->state = e->next;
    *object->row = e->row;
    return 0;
}

int run_store_deleted(struct run *run, struct error *err)
{
    const struct run_object *object = run_current(run);
    struct ending e = {run, LINK_ARCHIVED, object->state, *object->row};
    if (run_is_dry(run)) /* merge_deleted has noted them */
        return 0;
    e.next.deleted_watermark = deleted_mark(object, run->ends.until);
    return store_ending(&e, err);
}

int run_store_absent(struct run *run, struct error *err)
{
    const struct run_object *object = run_current(run);
    struct ending e = {run, LINK_ABSENT, object->state, *object->row};
    if (run_is_dry(run))
        return run_dry_absent(run);
    if (e.next.walk == WALK_SUSPECTS) {
        e.next.walk = WALK_NONE;
        e.next.walk_links = 0;
        e.next.reconciled_at = e.next.until;
    }
    return store_ending(&e, err);
}

static int load_suspects(struct run *run, struct linked_id **ret_rows, size_t *ret_count,
                         struct error *err)
{
    struct store *store = run->host->store;
    const struct stream_state *state = &run_current(run)->state;
    struct run_ends *ends = &run->ends;
    if (ends->asking == ASK_ARCHIVED)
        return store->engine->load_archived(store, state->id, ends->after, READ_IDS_MAX, ret_rows,
                                            ret_count, &ends->arena, err);
    if (run_is_dry(run) || (run_is_plan(run) && !run_current(run)->resumed))
        return run_dry_unseen(run, ret_rows, ret_count, err);
    return store->engine->load_unseen(store, state, ends->after, READ_IDS_MAX, ret_rows, ret_count,
                                      &ends->arena, err);
}

/* Whether it is known without asking what became of a link. */
static bool is_settled(const struct run *run, const struct linked_id *row)
{
    const uint8_t *key = store_hash_key(run->host->store);
    if (run->ends.asking == ASK_ARCHIVED)
        return link_list_has(&run->ends.dead, row->link);
    if (run_is_plan(run))
        return link_bits_has(&run->ends.bits, row->link);
    return run_is_dry(run) && verify_has_met(run->request.verify, key, row->external_id);
}

/* The next links to ask about, at most READ_IDS_MAX. */
static int load_asked(struct run *run, struct error *err)
{
    struct run_ends *ends = &run->ends;
    struct linked_id *rows = NULL;
    size_t count = 0;
    if (load_suspects(run, &rows, &count, err) != 0)
        return -1;
    ends->asked = arena_new(&ends->arena, count, sizeof ends->asked[0]);
    ends->ids = arena_new(&ends->arena, count, sizeof ends->ids[0]);
    for (size_t i = 0; i < count; i++) {
        if (is_settled(run, &rows[i]))
            continue;
        ends->ids[ends->asked_count] = rows[i].external_id;
        ends->asked[ends->asked_count++] = rows[i];
    }
    if (ends->asked_count == 0 && count > 0)
        ends->after = rows[count - 1].link; /* the vendor has said what they are */
    else if (count == 0)
        ends->asking++;
    if (count == 0)
        ends->after = 0;
    return 0;
}

/* Whether a walk that finds out what is absent can be believed. One that met nothing of what is
 * there says more of a permission than of the records. */
static int is_believed(struct run *run, bool *ret_believed, struct error *err)
{
    const struct run_object *object = run_current(run);
    struct store *store = run->host->store;
    int64_t seen, links;
    *ret_believed = object->state.walk == WALK_SUSPECTS;
    if (!*ret_believed)
        return 0;
    if (run_plan_seen(run, &seen, err) != 0 ||
        store->engine->count_links(store, object->state.id, &links, err) != 0)
        return -1;
    *ret_believed = seen > 0 || links < VANISHED_LEAST;
    return 0;
}

int run_store_suspects(struct run *run, struct error *err)
{
    struct run_ends *ends = &run->ends;
    bool believed = true;
    if (run_verify_answer(run, err) != 0)
        return -1;
    ends->asked_count = 0;
    arena_free(&ends->arena);
    if (ends->asking == ASK_UNSEEN && !run_is_dry(run) && is_believed(run, &believed, err) != 0)
        return -1;
    if (!believed)
        ends->asking = ASK_ARCHIVED;
    while (ends->asked_count == 0 && ends->asking != ASK_NOTHING) {
        arena_free(&ends->arena); /* none of the links before are asked about */
        if (ends->asking == ASK_ARCHIVED && !ends->whole)
            ends->asking = ASK_NOTHING;
        else if (load_asked(run, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- the end ---- */

static int end_run(void *arg, struct error *err)
{
    struct run *run = arg;
    struct store *store = run->host->store;
    for (size_t i = 0; i < run->row.stream_count; i++)
        if (store->engine->run_stream(store, run->row.id, &run->row.streams[i], err) != 0)
            return -1;
    return store->engine->run_end(store, &run->row, err);
}

int run_store_end(struct run *run, struct error *err)
{
    int rc = run->row.id != 0 ? store_transact(run->host->store, end_run, run, err) : 0;
    if (run->leased)
        run->host->store->engine->release(run->host->store, run->connection);
    run->leased = false;
    return rc;
}
