/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/provenance.h"

#include "sync/log_field.h"

/* ---- finding the record ---- */

struct streams {
    const struct model_object *object;
    int64_t ids[64];
    size_t count;
};

static bool take_stream(void *arg, const struct stream_row *row)
{
    struct streams *s = arg;
    /* By its id: an engine that is a module has a model of its own. */
    if (row->object->id == s->object->id && s->count < sizeof s->ids / sizeof s->ids[0])
        s->ids[s->count++] = row->state.id;
    return true;
}

static int find_external(struct store *store, const struct model_object *object, struct str id,
                         const char *connection, int64_t *ret_key, struct error *err)
{
    struct streams streams = {.object = object};
    struct arena arena = {0};
    int rc = store->engine->each_stream(store, str_from(connection), take_stream, &streams, err);
    for (size_t i = 0; i < streams.count && rc == 0 && *ret_key == 0; i++) {
        struct link_row link;
        rc = store->engine->load_links(store, streams.ids[i], &id, 1, &link, &arena, err);
        if (rc == 0 && link.key != 0)
            *ret_key = link.record;
    }
    arena_free(&arena);
    return rc;
}

int provenance_find(struct store *store, const struct model_object *object, int64_t organization,
                    struct str id, const char *connection, int64_t *ret_key, struct error *err)
{
    struct uuid uuid;
    *ret_key = 0;
    if (connection)
        return find_external(store, object, id, connection, ret_key, err);
    if (!uuid_parse(id, &uuid))
        return 0;
    return store->engine->find_record(store, object, organization, &uuid, ret_key, err);
}

/* ---- loading ---- */

static bool take_link(void *arg, const struct record_link *link)
{
    struct provenance *p = arg;
    p->links = arena_grow(&p->arena, p->links, &p->link_cap, p->link_count + 1, sizeof p->links[0]);
    p->links[p->link_count++] =
        (struct record_link){.connection = arena_str(&p->arena, link->connection),
                             .vendor_object = arena_str(&p->arena, link->vendor_object),
                             .external_id = arena_str(&p->arena, link->external_id),
                             .ended = link->ended};
    return true;
}

struct run_search {
    struct provenance *p;
    struct origin *origin;
};

static bool take_run(void *arg, const struct run_row *row)
{
    struct run_search *search = arg;
    search->origin->known = true;
    search->origin->connection = arena_str(&search->p->arena, row->connection);
    search->origin->started_by = arena_str(&search->p->arena, row->started_by);
    search->origin->reason = arena_str(&search->p->arena, row->reason);
    search->origin->kind = row->kind;
    search->origin->rolls_back = row->rolls_back;
    return false;
}

/* Runs repeat in a record's log: each is looked up once. */
static int find_origin(struct provenance *p, struct store *store, struct change *change,
                       struct error *err)
{
    struct run_search search = {p, &change->origin};
    change->origin.run = change->row.run;
    if (change->row.run == 0)
        return 0;
    for (struct change *c = p->changes; c < change; c++)
        if (c->row.run == change->row.run) {
            change->origin = c->origin;
            return 0;
        }
    return store->engine->each_run(store, STR(""), change->row.run, 1, take_run, &search, err);
}

static int add_change(struct provenance *p, struct store *store, const struct log_row *row,
                      struct error *err)
{
    p->changes = arena_grow(&p->arena, p->changes, &p->change_cap, p->change_count + 1,
                            sizeof p->changes[0]);
    struct change *change = &p->changes[p->change_count++];
    *change = (struct change){.row = *row};
    if (row->body.len > 0 && json_parse(row->body, &change->body, NULL) != 0)
        return error_set(err, "log row %lld is no JSON: run `fastenr doctor`",
                         (long long)row->position.seq);
    return find_origin(p, store, change, err);
}

/* From its newest row back to the first one that is still there. */
static int walk(struct provenance *p, struct store *store, int64_t seq, struct error *err)
{
    while (seq != 0) {
        struct log_row row;
        if (store->engine->load_log_row(store, seq, &row, &p->arena, err) != 0)
            return -1;
        p->broken = row.position.seq == 0;
        if (p->broken)
            return 0;
        if (add_change(p, store, &row, err) != 0)
            return -1;
        seq = row.prev < seq ? row.prev : 0;
    }
    return 0;
}

int provenance_load(struct provenance *p, struct store *store, struct error *err)
{
    const struct store_engine *engine = store->engine;
    int64_t last;
    if (engine->last_pruned(store, PRUNE_LOG, &p->rows_pruned_at, err) != 0 ||
        engine->last_pruned(store, PRUNE_LOG_BODIES, &p->values_pruned_at, err) != 0 ||
        engine->each_link(store, p->object, p->key, take_link, p, err) != 0 ||
        engine->load_records(store, p->object, &p->key, 1, &p->record, &p->arena, err) != 0)
        return -1;
    last = p->record.rev;
    if (p->record.key == 0 && engine->load_last_log(store, p->object, &p->key, 1, &last, err) != 0)
        return -1;
    return walk(p, store, last, err);
}

void provenance_free(struct provenance *p)
{
    for (size_t i = 0; i < p->change_count; i++)
        json_free(p->changes[i].body);
    arena_free(&p->arena);
}

/* ---- reading ---- */

bool provenance_change(const struct change *change, const struct field_ref *field,
                       const struct json **ret_before, const struct json **ret_after)
{
    return change->body &&
           log_field_changed(change->body, field->index < 0, field->name, ret_before, ret_after);
}

bool provenance_is_pruned(const struct change *change)
{
    return change->row.op == LOG_UPDATE && !change->body;
}

bool provenance_any_pruned(const struct provenance *p)
{
    for (size_t i = 0; i < p->change_count; i++)
        if (provenance_is_pruned(&p->changes[i]))
            return true;
    return false;
}

const struct record_link *provenance_link(const struct provenance *p, const struct origin *origin)
{
    const struct record_link *ended = NULL;
    for (size_t i = 0; i < p->link_count; i++) {
        if (!origin->known || !str_eq(p->links[i].connection, origin->connection))
            continue;
        if (p->links[i].ended == LINK_LIVE)
            return &p->links[i];
        ended = &p->links[i];
    }
    return ended;
}
