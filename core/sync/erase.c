/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/erase.h"

#include <ctype.h>

struct erasure {
    struct sync_host *host;
    struct str address;
    bool only_count;
    struct erase_counts *counts;
    struct arena arena;
    struct str *connections; /* names */
    size_t count, cap;
    int64_t *leased; /* their ids */
    size_t leased_count;
};

static bool note_connection(void *arg, const struct stream_row *row)
{
    struct erasure *e = arg;
    if (e->count > 0 && str_eq(e->connections[e->count - 1], row->connection))
        return true;
    e->connections =
        arena_grow(&e->arena, e->connections, &e->cap, e->count + 1, sizeof e->connections[0]);
    e->connections[e->count++] = arena_str(&e->arena, row->connection);
    return true;
}

/* A sync that is under way does not know yet whom it may not bring back. */
static int lease_all(struct erasure *e, struct error *err)
{
    struct store *store = e->host->store;
    const struct store_engine *engine = store->engine;
    if (engine->each_stream(store, STR(""), note_connection, e, err) != 0)
        return -1;
    e->leased = arena_new(&e->arena, e->count, sizeof e->leased[0]);
    for (size_t i = 0; i < e->count; i++) {
        int64_t id;
        if (engine->connection(store, e->connections[i], STR(""), &id, err) != 0)
            return -1;
        int lease = engine->lease(store, id, err);
        if (lease > 0)
            return error_set(err,
                             "'%.*s' is being synced just now, and would bring the person back: "
                             "wait until that is done, or `fastenr pause` it, and erase again",
                             STR_ARG(e->connections[i]));
        if (lease < 0)
            return -1;
        e->leased[e->leased_count++] = id;
    }
    return 0;
}

static int erase(void *arg, struct error *err)
{
    struct erasure *e = arg;
    struct store *store = e->host->store;
    struct erase_request request = {.address = e->address};
    if ((!e->only_count && lease_all(e, err) != 0) ||
        store->engine->organization(store, &e->host->organization, &request.organization, err) != 0)
        return -1;
    return store->engine->erase(store, &request, e->only_count, e->counts, err);
}

int erase_person(struct sync_host *host, struct str address, bool only_count,
                 struct erase_counts *ret_counts, struct error *err)
{
    struct erasure e = {.host = host, .only_count = only_count, .counts = ret_counts};
    struct store *store = host->store;
    struct str trimmed = str_trim(address);
    int rc = validate_email(trimmed, err);
    e.address = arena_ascii(&e.arena, trimmed, tolower);
    if (rc == 0)
        rc = store_transact(store, erase, &e, err);
    for (size_t i = 0; i < e.leased_count; i++)
        store->engine->release(store, e.leased[i]);
    if (rc == 0 && !only_count && store->engine->vacuum(store, err) != 0)
        rc = error_prefix(err, "the person is erased, but not from the store's files yet");
    arena_free(&e.arena);
    return rc;
}
