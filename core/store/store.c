/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine a URL means; what all engines share. */
#include "store/store.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/postgres.h"
#include "store/sqlite.h"

const char *run_status_name(enum run_status status)
{
    static const char *const names[] = {
        [RUN_RUNNING] = "running",         [RUN_OK] = "ok",
        [RUN_QUARANTINED] = "quarantined", [RUN_FAILED] = "failed",
        [RUN_STOPPED] = "stopped",         [RUN_CANCELLED] = "cancelled",
        [RUN_INTERRUPTED] = "interrupted"};
    bool known = status >= RUN_RUNNING && status <= RUN_INTERRUPTED;
    return known ? names[status] : "unknown";
}

static bool is_postgres(struct str url)
{
    return str_starts(url, "postgresql://") || str_starts(url, "postgres://");
}

/* "sqlite:PATH" and "sqlite:///PATH" to a path. Of another URL no more than the scheme is shown:
 * there may be a password in it. */
static char *sqlite_path(struct str url, const char *dir, struct error *err)
{
    if (!str_starts(url, "sqlite:") || url.len == strlen("sqlite:")) {
        ptrdiff_t colon = str_find(url, ':');
        error_set(err,
                  "the store '%.*s:...' is no sqlite: or postgresql: URL; write "
                  "store = \"sqlite:fastenr.db\" or \"postgresql://user@host/database\"",
                  colon < 0 ? 0 : (int)colon, url.ptr);
        return NULL;
    }
    struct str path = str_slice(url, 7, url.len - 7);
    if (str_starts(path, "///"))
        path = str_slice(path, 2, path.len - 2);
    char *text = mem_strndup(path.ptr, path.len);
    char *joined = file_join(dir, text);
    free(text);
    return joined;
}

struct store *store_open(const char *url, const char *dir, struct world *world, struct error *err)
{
    if (is_postgres(str_from(url)))
        return postgres_open(url, false, world, err);
    char *path = sqlite_path(str_from(url), dir, err);
    struct store *store = path ? sqlite_open(path, world, err) : NULL;
    free(path);
    return store;
}

struct store *store_open_existing(const char *url, const char *dir, struct world *world,
                                  struct error *err)
{
    if (is_postgres(str_from(url)))
        return postgres_open(url, true, world, err);
    char *path = sqlite_path(str_from(url), dir, err);
    struct store *store = NULL;
    if (path && !file_exists(path))
        error_set(err, "there is no store at %s yet: run `fastenr sync` first", path);
    else if (path)
        store = sqlite_open(path, world, err);
    free(path);
    return store;
}

void store_close(struct store *store)
{
    if (store)
        store->engine->close(store);
}

int store_transact(struct store *store, int (*work)(void *arg, struct error *err), void *arg,
                   struct error *err)
{
    const struct store_engine *engine = store->engine;
    if (engine->begin(store, err) != 0)
        return -1;
    if (work(arg, err) == 0 && engine->commit(store, err) == 0)
        return 0;
    engine->rollback(store);
    return -1;
}

int store_rehearse(struct store *store, int (*work)(void *arg, struct error *err), void *arg,
                   struct error *err)
{
    if (store->engine->begin(store, err) != 0)
        return -1;
    int rc = work(arg, err);
    store->engine->rollback(store);
    return rc;
}

const uint8_t *store_hash_key(const struct store *store)
{
    return store->hash_key;
}

const char *store_location(const struct store *store)
{
    return store->location;
}

bool store_is_file(const struct store *store)
{
    return store->is_file;
}

int store_verify(struct store *store, struct buf *ret_summary, struct error *err)
{
    return store->engine->verify(store, ret_summary, err);
}
