/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/pause.h"

#include "base/time.h"

int pause_check(struct store *store, const char *name, struct error *err)
{
    struct arena arena = {0};
    struct pause_row pause;
    char since[TIME_TEXT];
    int rc = store->engine->find_pause(store, str_from(name), &arena, &pause, err);
    if (rc == 0 && pause.at != 0) {
        rc = 1;
        error_set(err, "%s paused since %s by %.*s%s%.*s: `fastenr resume %s` lets %s go on",
                  pause.all ? "all connections are" : "it is", time_format(pause.at, since),
                  STR_ARG(pause.by), pause.reason.len > 0 ? ", " : "", STR_ARG(pause.reason),
                  pause.all ? "--all" : name, pause.all ? "them" : "it");
    }
    arena_free(&arena);
    return rc;
}

struct setting {
    struct store *store;
    const char *name; /* NULL: all */
    struct str by, reason;
    int changed;
};

static int set(void *arg, struct error *err)
{
    struct setting *p = arg;
    const struct store_engine *engine = p->store->engine;
    int64_t connection = 0;
    if (p->name && engine->connection(p->store, str_from(p->name), STR(""), &connection, err) != 0)
        return -1;
    p->changed = engine->set_pause(p->store, connection, p->by, p->reason, err);
    return p->changed < 0 ? -1 : 0;
}

int pause_set(struct store *store, const char *name, struct str by, struct str reason,
              struct error *err)
{
    struct setting setting = {.store = store, .name = name, .by = by, .reason = reason};
    return store_transact(store, set, &setting, err) == 0 ? setting.changed : -1;
}
