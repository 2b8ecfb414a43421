/* SPDX-License-Identifier: Apache-2.0 */
/* The run log in PostgreSQL, and leases: an advisory lock of the session a connection, which the
 * server gives back when the session ends. As the same session commits, a host that lost its lease
 * cannot commit any more. */
#include "base/mem.h"
#include "store/postgres_internal.h"

int pg_run_start(struct store *store, int64_t connection, struct str started_by, int64_t *ret_id,
                 struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, connection);
    pg_prose(&p, started_by);
    pg_int(&p, world_now(store->world));
    int rc = pg_number(pg_of(store),
                       "INSERT INTO run (connection, started_by, started_at, status, log_from) "
                       "VALUES ($1::bigint, $2, $3::bigint, 1, (SELECT coalesce(max(seq), 0) "
                       "FROM log)) RETURNING id",
                       &p, "begin a run", ret_id, err);
    pg_params_free(&p);
    return rc;
}

int pg_run_stream(struct store *store, int64_t run, const struct run_stream_row *row,
                  struct error *err)
{
    const int64_t counts[] = {
        row->counts.read,         row->counts.created,      row->counts.updated,
        row->counts.unchanged,    row->counts.filtered,     row->counts.quarantined,
        row->counts.deleted,      row->counts.restored,     row->counts.followed,
        row->counts.sent_created, row->counts.sent_updated, row->counts.sent_deleted,
        row->counts.refused,      row->counts.conflicted};
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, run);
    pg_int(&p, row->stream);
    pg_int(&p, (int64_t)row->mode);
    pg_int_or_null(&p, row->since, row->since <= 0);
    pg_int(&p, row->until);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        pg_int(&p, counts[i]);
    int rc = pg_run(
        pg_of(store),
        "INSERT INTO run_stream (run, stream, mode, since, until, read, created, updated, "
        "unchanged, filtered, quarantined, deleted, restored, followed, sent_created, "
        "sent_updated, sent_deleted, refused, conflicted) "
        "VALUES ($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::bigint, "
        "$7::bigint, $8::bigint, $9::bigint, $10::bigint, $11::bigint, $12::bigint, $13::bigint, "
        "$14::bigint, $15::bigint, $16::bigint, $17::bigint, $18::bigint, $19::bigint) "
        "ON CONFLICT (run, stream) DO UPDATE SET read = excluded.read, "
        "created = excluded.created, updated = excluded.updated, unchanged = excluded.unchanged, "
        "filtered = excluded.filtered, quarantined = excluded.quarantined, "
        "deleted = excluded.deleted, restored = excluded.restored, followed = excluded.followed, "
        "sent_created = excluded.sent_created, sent_updated = excluded.sent_updated, "
        "sent_deleted = excluded.sent_deleted, refused = excluded.refused, "
        "conflicted = excluded.conflicted",
        &p, "count in the run log", err);
    pg_params_free(&p);
    return rc;
}

int pg_run_end(struct store *store, const struct run_row *row, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, row->id);
    pg_int(&p, row->ended_at);
    pg_int(&p, (int64_t)row->status);
    pg_prose(&p, row->reason);
    pg_prose(&p, row->phase);
    pg_int_or_null(&p, row->exit_signal, row->exit_signal < 0);
    pg_int_or_null(&p, row->exit_code, row->exit_code < 0);
    pg_int(&p, row->api_calls);
    pg_int(&p, row->bytes);
    pg_int(&p, row->cpu_us);
    int rc = pg_run(pg_of(store),
                    "UPDATE run SET ended_at = $2::bigint, status = $3::bigint, "
                    "reason = nullif($4::text, ''), phase = nullif($5::text, ''), "
                    "exit_signal = $6::bigint, exit_code = $7::bigint, api_calls = $8::bigint, "
                    "bytes = $9::bigint, cpu_us = $10::bigint WHERE id = $1::bigint",
                    &p, "end a run", err);
    pg_params_free(&p);
    return rc;
}

/* ---- pauses ---- */

/* Who looks whether there is a pause, and then commits, keeps out whoever sets one until it has: so
 * nothing is committed any more once a pause has been set. */
static int lock_pauses(struct postgres_store *s, const char *text, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    if (!s->in_transaction)
        return 0;
    pg_int(&p, PG_LOCK_PAUSE);
    int rc = pg_run(s, text, &p, "wait for commits under way", err);
    pg_params_free(&p);
    return rc;
}

int pg_set_pause(struct store *store, int64_t connection, struct str by, struct str reason,
                 struct error *err)
{
    struct postgres_store *s = pg_of(store);
    struct pg_params p = PG_PARAMS_INIT;
    bool set = by.len > 0;
    if (lock_pauses(s, "SELECT pg_advisory_xact_lock($1::bigint::integer, 0)", err) != 0)
        return -1;
    pg_int(&p, connection);
    if (set) {
        pg_int(&p, world_now(store->world));
        pg_prose(&p, by);
        pg_prose(&p, reason);
    }
    PGresult *r =
        pg_query(s,
                 set ? "INSERT INTO pause (connection, at, by, reason) VALUES ($1::bigint, "
                       "$2::bigint, $3, nullif($4::text, '')) ON CONFLICT DO NOTHING"
                     : "DELETE FROM pause WHERE connection = $1::bigint",
                 &p, set ? "pause" : "resume", err);
    int rc = r ? strcmp(PQcmdTuples(r), "0") != 0 : -1;
    pg_params_free(&p);
    PQclear(r);
    return rc;
}

int pg_find_pause(struct store *store, struct str connection, struct arena *arena,
                  struct pause_row *ret_pause, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    struct pg_params p = PG_PARAMS_INIT;
    *ret_pause = (struct pause_row){0};
    if (lock_pauses(s, "SELECT pg_advisory_xact_lock_shared($1::bigint::integer, 0)", err) != 0)
        return -1;
    pg_str(&p, connection);
    PGresult *r = pg_query(s,
                           "SELECT p.at, p.connection, p.by, p.reason FROM pause p LEFT JOIN "
                           "connection c ON c.id = p.connection WHERE p.connection = 0 "
                           "OR c.name = $1 ORDER BY p.connection LIMIT 1",
                           &p, "look for a pause", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    if (PQntuples(r) > 0)
        *ret_pause = (struct pause_row){.at = pg_get_int(r, 0, 0),
                                        .all = pg_get_int(r, 0, 1) == 0,
                                        .by = arena_str(arena, pg_get_str(r, 0, 2)),
                                        .reason = arena_str(arena, pg_get_str(r, 0, 3))};
    PQclear(r);
    return 0;
}

/* ---- leases ---- */

static struct pg_lease *find_lease(struct postgres_store *s, int64_t connection)
{
    for (size_t i = 0; i < s->lease_count; i++)
        if (s->leases[i].connection == connection)
            return &s->leases[i];
    return NULL;
}

/* 1 when it is locked now, 0 when another session has it, -1. */
static int lock_connection(struct postgres_store *s, int64_t connection, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    int64_t got;
    pg_int(&p, PG_LOCK_LEASE);
    pg_int(&p, connection);
    int rc = pg_number(s,
                       "SELECT pg_try_advisory_lock($1::bigint::integer, "
                       "$2::bigint::integer)::integer",
                       &p, "lease the connection", &got, err);
    pg_params_free(&p);
    return rc != 0 ? -1 : (int)got;
}

static void unlock_connection(struct postgres_store *s, int64_t connection)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, PG_LOCK_LEASE);
    pg_int(&p, connection);
    /* Nobody can be told. A session that cannot unlock is ended, which does. */
    if (pg_run(s, "SELECT pg_advisory_unlock($1::bigint::integer, $2::bigint::integer)", &p,
               "release the connection", NULL) != 0 &&
        !s->in_transaction)
        pg_end_session(s);
    pg_params_free(&p);
}

int pg_lease(struct store *store, int64_t connection, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    struct pg_params p = PG_PARAMS_INIT;
    int64_t number;
    if (find_lease(s, connection))
        return 0;
    int got = lock_connection(s, connection, err);
    if (got <= 0)
        return got < 0 ? -1 : 1;
    pg_int(&p, connection);
    int rc = pg_number(s,
                       "UPDATE connection SET lease = lease + 1 WHERE id = $1::bigint "
                       "RETURNING lease",
                       &p, "lease the connection", &number, err);
    pg_params_free(&p);
    if (rc != 0) {
        unlock_connection(s, connection);
        return -1;
    }
    s->leases = mem_grow(s->leases, &s->lease_cap, s->lease_count + 1, sizeof s->leases[0]);
    s->leases[s->lease_count++] = (struct pg_lease){.connection = connection, .number = number};
    return 0;
}

void pg_release(struct store *store, int64_t connection)
{
    struct postgres_store *s = pg_of(store);
    struct pg_lease *lease = find_lease(s, connection);
    if (!lease)
        return;
    bool lost = lease->lost;
    *lease = s->leases[--s->lease_count];
    /* A session that is lost has released it. */
    if (!lost && s->conn && PQstatus(s->conn) == CONNECTION_OK)
        unlock_connection(s, connection);
}

/* 1 when it is ours as before, 0 when it is lost, -1. */
static int retake(struct postgres_store *s, const struct pg_lease *lease, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    int64_t number;
    int got = lock_connection(s, lease->connection, err);
    if (got <= 0)
        return got;
    pg_int(&p, lease->connection);
    int rc = pg_number(s, "SELECT lease FROM connection WHERE id = $1::bigint", &p,
                       "look at the lease", &number, err);
    pg_params_free(&p);
    if (rc != 0)
        return -1;
    if (number == lease->number)
        return 1;
    unlock_connection(s, lease->connection);
    return 0;
}

int pg_retake_leases(struct postgres_store *s, struct error *err)
{
    bool lost = false;
    for (size_t i = 0; i < s->lease_count; i++) {
        struct pg_lease *lease = &s->leases[i];
        int got = lease->lost ? 0 : retake(s, lease, err);
        if (got < 0)
            return -1;
        lease->lost = got == 0;
        lost |= lease->lost;
    }
    if (!lost)
        return 0;
    return error_set(err,
                     "store %s: the connection to it was lost, and another host has synced in the "
                     "meantime: this run ends here, the next goes on",
                     s->store.location);
}

/* ---- runs of hosts that died ---- */

int pg_reap(struct store *store, int64_t connection, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, connection);
    pg_int(&p, world_now(store->world));
    pg_int(&p, PG_LOCK_LEASE);
    int rc = pg_run(
        pg_of(store),
        "UPDATE run SET status = 7, ended_at = $2::bigint, reason = 'the host ended in the middle "
        "of it; the next run goes on from the last commit' WHERE status = 1 "
        "AND ($1::bigint = 0 OR connection = $1::bigint) AND NOT EXISTS (SELECT 1 FROM pg_locks k "
        "WHERE k.locktype = 'advisory' AND k.granted AND k.objsubid = 2 "
        "AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND k.classid::bigint = $3::bigint AND k.objid::bigint = run.connection "
        "AND k.pid <> pg_backend_pid())",
        &p, "end runs of hosts that died", err);
    pg_params_free(&p);
    return rc;
}
