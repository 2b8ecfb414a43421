/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/erase.h"

#include <ctype.h>

struct erasure {
    struct sync_host *host;
    struct str address;
    bool only_count;
    struct erase_counts *counts;
};

static int erase(void *arg, struct error *err)
{
    const struct erasure *e = arg;
    struct store *store = e->host->store;
    struct erase_request request = {.address = e->address};
    if (store->engine->organization(store, &e->host->organization, &request.organization, err) != 0)
        return -1;
    return store->engine->erase(store, &request, e->only_count, e->counts, err);
}

int erase_person(struct sync_host *host, struct str address, bool only_count,
                 struct erase_counts *ret_counts, struct error *err)
{
    struct arena arena = {0};
    struct str trimmed = str_trim(address);
    int rc = validate_email(trimmed, err);
    struct erasure erasure = {host, arena_ascii(&arena, trimmed, tolower), only_count, ret_counts};
    if (rc == 0)
        rc = store_transact(host->store, erase, &erasure, err);
    if (rc == 0 && !only_count)
        rc = host->store->engine->vacuum(host->store, err);
    arena_free(&arena);
    return rc;
}
