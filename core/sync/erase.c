/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/erase.h"

#include <ctype.h>

#include "sync/leases.h"

struct erasure {
    struct sync_host *host;
    struct str address;
    bool only_count;
    struct erase_counts *counts;
    struct arena arena;
    struct leases leases;
};

/* A sync that is under way does not know yet whom it may not bring back. */
static int lease_all(struct erasure *e, struct error *err)
{
    struct str busy;
    int rc = leases_take(&e->leases, e->host->store, NULL, &busy, err);
    if (rc <= 0)
        return rc;
    return error_set(err,
                     "'%.*s' is being synced just now, and would bring the person back: "
                     "wait until that is done, or `fastenr pause` it, and erase again",
                     STR_ARG(busy));
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
    leases_free(&e.leases);
    if (rc == 0 && !only_count && store->engine->vacuum(store, err) != 0)
        rc = error_prefix(err, "the person is erased, but not from the store's files yet");
    arena_free(&e.arena);
    return rc;
}
