/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine: its session, transactions and what the module exports. One session does
 * all, so what holds a lease is also what commits. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/postgres_internal.h"

/* ---- the session ---- */

/* Only the schema `fastenr` is looked at. A plan is made for each batch, as tables that are being
 * filled outgrow a plan that was kept. A host that stands still in a transaction loses it, and
 * with it its leases; so does one whose machine is gone. */
static const char session_settings[] = "SET search_path = fastenr, pg_temp;"
                                       "SET plan_cache_mode = force_custom_plan;"
                                       "SET jit = off;"
                                       "SET lock_timeout = '30s';"
                                       "SET statement_timeout = '10min';"
                                       "SET idle_in_transaction_session_timeout = '2min';"
                                       "SET tcp_keepalives_idle = 30;"
                                       "SET tcp_keepalives_interval = 10;"
                                       "SET tcp_keepalives_count = 3;"
                                       /* It writes its log rows itself: see postgres_capture.c. */
                                       "SET fastenr.host = 'on'";

/* What the server tells besides, such as "schema exists already", concerns nobody. */
static void ignore_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

PGconn *pg_connect(struct postgres_store *s, struct error *err)
{
    /* Settings of the URL come after the defaults and win over them. */
    const char *const names[] = {
        "connect_timeout",  "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
        "dbname",           "client_encoding",  NULL};
    const char *const values[] = {"10", "30", "10", "3", "60000", "fastenr", s->url, "UTF8", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(conn) != CONNECTION_OK) {
        struct str text = str_from(PQerrorMessage(conn)), line = STR("");
        str_next(&text, '\n', &line);
        error_set(err,
                  "store %s: cannot connect: %.*s; check `store` in fastenr.conf and the server",
                  s->store.location, STR_ARG(line));
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    return conn;
}

static int open_session(struct postgres_store *s, struct error *err)
{
    s->conn = pg_connect(s, err);
    return s->conn ? pg_script(s, session_settings, "set up the session", err) : -1;
}

void pg_end_session(struct postgres_store *s)
{
    pg_forget_statements(s);
    PQfinish(s->conn);
    s->conn = NULL;
    s->in_transaction = false;
}

int pg_connected(struct postgres_store *s, struct error *err)
{
    if (s->conn && PQstatus(s->conn) == CONNECTION_OK)
        return 0;
    pg_end_session(s);
    if (open_session(s, err) == 0) {
        s->in_transaction = true; /* no further attempt while the leases are looked at */
        int rc = pg_retake_leases(s, err);
        s->in_transaction = false;
        if (rc == 0)
            return 0;
    }
    pg_end_session(s);
    return -1;
}

/* ---- transactions ---- */

static int pg_begin(struct store *store, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    if (pg_connected(s, err) != 0)
        return -1;
    /* A session that was lost since is noticed here, where nothing is lost by beginning anew. */
    int rc = pg_script(s, "BEGIN", "begin a transaction", err);
    if (rc != 0 && PQstatus(s->conn) != CONNECTION_OK && pg_connected(s, err) == 0)
        rc = pg_script(s, "BEGIN", "begin a transaction", err);
    s->in_transaction = rc == 0;
    return rc;
}

static void pg_rollback(struct store *store)
{
    struct postgres_store *s = pg_of(store);
    /* What cannot be rolled back is ended: the server undoes it with the session. */
    if (s->in_transaction && pg_script(s, "ROLLBACK", "roll back", NULL) != 0)
        pg_end_session(s);
    s->in_transaction = false;
}

static int pg_commit(struct store *store, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    struct world *world = store->world;
    if (world->may_commit && !world->may_commit(world->self))
        return error_set(err, "store %s: the commit was refused", store->location);
    PGresult *r = PQexec(s->conn, "COMMIT");
    /* In a transaction that has failed COMMIT rolls back, and calls that a success. */
    bool committed = PQresultStatus(r) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(r), "COMMIT") == 0;
    if (!committed && PQresultStatus(r) == PGRES_COMMAND_OK)
        error_set(err, "store %s: the transaction had failed before its commit", store->location);
    else if (!committed)
        pg_fail(s, r, "commit", err);
    PQclear(r);
    s->in_transaction = !committed;
    return committed ? 0 : -1;
}

/* The name is one of our own, and stands in the statement: a parameter would be looked up anew for
 * each number. */
static int take_once(struct postgres_store *s, const char *sequence, size_t count,
                     int64_t *ret_first, int64_t *ret_last, struct error *err)
{
    char text[200];
    struct pg_params p = PG_PARAMS_INIT;
    snprintf(text, sizeof text,
             "SELECT min(n), max(n) FROM (SELECT nextval('%s') AS n "
             "FROM generate_series(1, $1::bigint)) AS taken",
             sequence);
    pg_int(&p, (int64_t)count);
    PGresult *r = pg_query(s, text, &p, "number new rows", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_first = pg_get_int(r, 0, 0);
    *ret_last = pg_get_int(r, 0, 1);
    PQclear(r);
    return 0;
}

int pg_take(struct postgres_store *s, const char *sequence, size_t count, int64_t *ret_first,
            struct error *err)
{
    enum { TRIES = 1000 };
    for (int i = 0; i < TRIES; i++) {
        int64_t last;
        if (take_once(s, sequence, count, ret_first, &last, err) != 0)
            return -1;
        /* Another host may take of the same sequence meanwhile: then these are left unused. */
        if (last - *ret_first + 1 == (int64_t)count)
            return 0;
    }
    return error_set(err,
                     "store %s: cannot get %zu consecutive numbers of %s: too many hosts take "
                     "them; the next run tries again",
                     s->store.location, count, sequence);
}

/* ---- life ---- */

static void pg_close(struct store *store)
{
    struct postgres_store *s = pg_of(store);
    if (s->conn)
        pg_rollback(store);
    pg_end_session(s);
    PQfinish(s->listener);
    mem_free_secret(s->url);
    free(s->leases);
    free(s->store.location);
    free(s);
}

static const struct store_engine engine = {
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .organization = pg_organization,
    .connection = pg_connection,
    .stream = pg_stream,
    .custom_field = pg_custom_field,
    .set_account = pg_set_account,
    .load_links = pg_load_links,
    .match = pg_match,
    .load_records = pg_load_records,
    .load_pending = pg_load_pending,
    .allocate = pg_allocate,
    .count_links = pg_count_links,
    .load_holders = pg_load_holders,
    .load_unseen = pg_load_unseen,
    .load_archived = pg_load_archived,
    .load_unmet = pg_load_unmet,
    .load_referring = pg_load_referring,
    .load_last_log = pg_load_last_log,
    .load_log = pg_load_log,
    .load_log_row = pg_load_log_row,
    .load_consumer = pg_load_consumer,
    .set_consumer = pg_set_consumer,
    .note_exports = pg_note_exports,
    .look_exports = pg_look_exports,
    .queue_exports = pg_queue_exports,
    .queue_unread = pg_queue_unread,
    .note_read = pg_note_read,
    .queue_unlinked = pg_queue_unlinked,
    .load_exports = pg_load_exports,
    .drop_exports = pg_drop_exports,
    .count_exports = pg_count_exports,
    .load_external = pg_load_external,
    .add_writes = pg_add_writes,
    .load_writes = pg_load_writes,
    .set_writes = pg_set_writes,
    .drop_writes = pg_drop_writes,
    .forget_refused = pg_forget_refused,
    .each_write = pg_each_write,
    .add_sent = pg_add_sent,
    .each_sent = pg_each_sent,
    .load_run_span = pg_load_run_span,
    .load_run_log = pg_load_run_log,
    .load_log_rows = pg_load_log_rows,
    .load_held = pg_load_held,
    .load_referrers = pg_load_referrers,
    .load_run_sent = pg_load_run_sent,
    .load_sent_of = pg_load_sent_of,
    .load_duplicates = pg_load_duplicates,
    .count_referrers = pg_count_referrers,
    .load_waiting = pg_load_waiting,
    .add_moved = pg_add_moved,
    .load_moved = pg_load_moved,
    .load_waited = pg_load_waited,
    .set_conflicts = pg_set_conflicts,
    .each_recent_sent = pg_each_recent_sent,
    .each_conflict = pg_each_conflict,
    .each_open_conflict = pg_each_open_conflict,
    .settle_conflict = pg_settle_conflict,
    .listen = pg_listen,
    .heard = pg_heard,
    .count_seen = pg_count_seen,
    .begin_seen = pg_begin_seen,
    .apply = pg_apply,
    .set_stream = pg_set_stream,
    .run_start = pg_run_start,
    .run_rolls_back = pg_run_rolls_back,
    .run_kind = pg_run_kind,
    .run_stream = pg_run_stream,
    .run_end = pg_run_end,
    .erase = pg_erase,
    .prune = pg_prune,
    .last_pruned = pg_last_pruned,
    .slowest_consumer = pg_slowest_consumer,
    .vacuum = pg_vacuum,
    .load_erased = pg_load_erased,
    .set_pause = pg_set_pause,
    .find_pause = pg_find_pause,
    .lease = pg_lease,
    .release = pg_release,
    .reap = pg_reap,
    .each_run = pg_each_run,
    .each_stream = pg_each_stream,
    .each_quarantined = pg_each_quarantined,
    .each_record = pg_each_record,
    .find_record = pg_find_record,
    .each_link = pg_each_link,
    .get_secret = pg_get_secret,
    .set_secret = pg_set_secret,
    .each_secret = pg_each_secret,
    .load_fields = pg_load_fields,
    .set_fields = pg_set_fields,
    .each_field = pg_each_field,
    .verify = pg_verify,
    .close = pg_close,
};

static const char *setting(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val ? o->val : "";
    return "";
}

/* "postgresql://user@host:port/database": what tells a person which it is, and no more. NULL when
 * the URL cannot be read; what libpq says of that may quote the password. */
static char *location_of(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    struct buf out = BUF_INIT(1000);
    if (!options)
        return NULL;
    const char *user = setting(options, "user"), *port = setting(options, "port");
    buf_printf(&out, "postgresql://%s%s%s%s%s/%s", user, *user ? "@" : "", setting(options, "host"),
               *port ? ":" : "", port, setting(options, "dbname"));
    char *location = mem_strdup(buf_cstr(&out));
    buf_free(&out);
    PQconninfoFree(options);
    return location;
}

/* A value of `meta`, of just this size. */
static int read_meta(struct postgres_store *s, const char *name, void *ret, size_t size,
                     struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, str_from(name));
    PGresult *r = pg_query(s, "SELECT value FROM meta WHERE key = $1", &p, "read what it is", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    struct str value = PQntuples(r) > 0 ? pg_get_str(r, 0, 0) : STR("");
    int rc = 0;
    if (value.len == size)
        memcpy(ret, value.ptr, size);
    else
        rc = error_set(err, "store %s has no %s: its schema is no store of fastenr",
                       s->store.location, name);
    PQclear(r);
    return rc;
}

static int open_schema(struct postgres_store *s, bool existing, struct error *err)
{
    int there = pg_schema_exists(s, err);
    if (there == 0 && existing)
        return error_set(err, "there is no store at %s yet: run `fastenr sync` first",
                         s->store.location);
    if (there < 0 || pg_schema_make(s, err) != 0)
        return -1;
    if (read_meta(s, "hash_key", s->store.hash_key, SIPHASH_KEY, err) != 0)
        return -1;
    return read_meta(s, "store_id", s->store.id.bytes, UUID_SIZE, err);
}

static struct store *open_store(const char *url, bool existing, struct world *world,
                                struct error *err)
{
    char *location = location_of(url);
    if (!location) {
        error_set(err,
                  "the store's URL cannot be read: write it as "
                  "postgresql://user:password@host:port/database, and %%XX for what is special "
                  "in a password");
        return NULL;
    }
    struct postgres_store *s = MEM_NEW(struct postgres_store);
    s->store = (struct store){.engine = &engine, .world = world, .location = location};
    s->url = mem_strdup(url);
    if (pg_connected(s, err) == 0 && open_schema(s, existing, err) == 0)
        return &s->store;
    pg_close(&s->store);
    return NULL;
}

extern const struct postgres_module fastenr_store_postgres;
__attribute__((visibility("default"))) const struct postgres_module fastenr_store_postgres = {
    .size = POSTGRES_MODULE_SIZE, .version = FASTENR_VERSION, .open = open_store};
