/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/leases.h"

struct listing {
    struct leases *leases;
    const struct model_object *object;
    struct str *names;
    size_t count, cap;
};

/* Streams come in the order of their connections. */
static bool note_connection(void *arg, const struct stream_row *row)
{
    struct listing *l = arg;
    struct arena *a = &l->leases->arena;
    bool known = l->count > 0 && str_eq(l->names[l->count - 1], row->connection);
    /* By its id: an engine that is a module has a model of its own. */
    if (known || (l->object && (!row->object || row->object->id != l->object->id)))
        return true;
    l->names = arena_grow(a, l->names, &l->cap, l->count + 1, sizeof l->names[0]);
    l->names[l->count++] = arena_str(a, row->connection);
    return true;
}

int leases_take(struct leases *leases, struct store *store, const struct model_object *object,
                struct str *ret_busy, struct error *err)
{
    const struct store_engine *engine = store->engine;
    struct listing l = {.leases = leases, .object = object};
    *leases = (struct leases){.store = store};
    if (engine->each_stream(store, STR(""), note_connection, &l, err) != 0)
        return -1;
    leases->ids = arena_new(&leases->arena, l.count, sizeof leases->ids[0]);
    for (size_t i = 0; i < l.count; i++) {
        int64_t id;
        if (engine->connection(store, l.names[i], STR(""), &id, err) != 0)
            return -1;
        int lease = engine->lease(store, id, err);
        if (lease > 0)
            *ret_busy = l.names[i];
        if (lease != 0)
            return lease;
        leases->ids[leases->count++] = id;
    }
    return 0;
}

void leases_free(struct leases *leases)
{
    for (size_t i = 0; i < leases->count; i++)
        leases->store->engine->release(leases->store, leases->ids[i]);
    arena_free(&leases->arena);
    leases->count = 0;
}
