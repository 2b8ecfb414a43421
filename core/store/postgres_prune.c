/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: retention. One host prunes at a time, and none while somebody is erased:
 * both change rows of the log in an order of their own. The server takes the room back by
 * autovacuum. */
#include <stdlib.h>

#include "store/postgres_internal.h"
#include "store/prune.h"

static const char doing[] = "prune what is old";

static PGresult *query(struct store *store, const char *text, const int64_t *params, size_t count,
                       struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    for (size_t i = 0; i < count; i++)
        pg_int(&p, params[i]);
    PGresult *r = pg_query(pg_of(store), text, &p, doing, err);
    pg_params_free(&p);
    return r;
}

static int ask(struct store *store, const char *text, const int64_t *params, size_t param_count,
               int64_t *ret, size_t count, struct error *err)
{
    PGresult *r = query(store, text, params, param_count, err);
    if (!r)
        return -1;
    for (size_t i = 0; i < count; i++)
        ret[i] = PQntuples(r) > 0 ? pg_get_int(r, 0, (int)i) : 0;
    PQclear(r);
    return 0;
}

static int change(struct store *store, const char *text, const int64_t *params, size_t param_count,
                  int64_t *ret_changed, struct error *err)
{
    PGresult *r = query(store, text, params, param_count, err);
    *ret_changed = r ? strtoll(PQcmdTuples(r), NULL, 10) : 0;
    PQclear(r);
    return r ? 0 : -1;
}

static const struct prune_engine engine = {
    .unread = "(l.xid, l.seq) > (SELECT c.xid::text::xid8, c.seq FROM log_consumer c ORDER BY "
              "c.xid, c.seq LIMIT 1)",
    .first_unread_at =
        "SELECT at FROM log WHERE (xid, seq) > (SELECT c.xid::text::xid8, c.seq FROM "
        "log_consumer c ORDER BY c.xid, c.seq LIMIT 1) ORDER BY xid, seq LIMIT 1",
    .ask = ask,
    .change = change};

int pg_lock_pruning(struct postgres_store *s, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, PG_LOCK_PRUNE);
    int rc = pg_run(s, "SELECT pg_advisory_xact_lock($1::bigint::integer, 0)", &p,
                    "wait until another host has pruned", err);
    pg_params_free(&p);
    return rc;
}

int pg_prune(struct store *store, struct prune_step *step, struct error *err)
{
    if (!step->only_count && pg_lock_pruning(pg_of(store), err) != 0)
        return -1;
    return prune_run(store, &engine, step, err);
}

int pg_last_pruned(struct store *store, enum prune_kind kind, int64_t *ret_at, struct error *err)
{
    return prune_last(store, &engine, kind, ret_at, err);
}

int pg_slowest_consumer(struct store *store, struct arena *arena, struct str *ret_name,
                        int64_t *ret_at, struct error *err)
{
    PGresult *r =
        pg_query(pg_of(store), "SELECT name, at FROM log_consumer ORDER BY xid, seq, at LIMIT 1",
                 NULL, "look who follows the log", err);
    if (!r)
        return -1;
    bool any = PQntuples(r) > 0;
    *ret_name = any ? arena_str(arena, pg_get_str(r, 0, 0)) : STR("");
    *ret_at = any ? pg_get_int(r, 0, 1) : 0;
    PQclear(r);
    return 0;
}
