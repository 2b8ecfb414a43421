/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/erase.h"

#include <ctype.h>

static struct str lower(struct str text, struct arena *arena)
{
    struct str copy = arena_str(arena, text);
    char *p = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if ((unsigned char)p[i] < 0x80)
            p[i] = (char)tolower((unsigned char)p[i]);
    return copy;
}

static int in_transaction(struct sync_host *host, struct str address, bool only_count,
                          struct erase_counts *ret_counts, struct error *err)
{
    struct store *store = host->store;
    const struct store_engine *engine = store->engine;
    struct erase_request request = {.address = address};
    if (engine->begin(store, err) != 0)
        return -1;
    if (engine->organization(store, &host->organization, &request.organization, err) == 0 &&
        engine->erase(store, &request, only_count, ret_counts, err) == 0 &&
        engine->commit(store, err) == 0)
        return 0;
    engine->rollback(store);
    return -1;
}

int erase_person(struct sync_host *host, struct str address, bool only_count,
                 struct erase_counts *ret_counts, struct error *err)
{
    struct arena arena = {0};
    struct str trimmed = str_trim(address);
    int rc = validate_email(trimmed, err);
    if (rc == 0)
        rc = in_transaction(host, lower(trimmed, &arena), only_count, ret_counts, err);
    if (rc == 0 && !only_count)
        rc = host->store->engine->vacuum(host->store, err);
    arena_free(&arena);
    return rc;
}
