/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: opening, migrations, transactions, dictionaries. WAL with synchronous=FULL, so
 * that what is committed is on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "migrations.h" /* generated from migrations/sqlite */
#include "store/sqlite_internal.h"

static const char *const texts[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_FIND_ORGANIZATION] = "SELECT id FROM organization WHERE uuid = ?1",
    [SQL_ADD_ORGANIZATION] = "INSERT INTO organization (uuid) VALUES (?1)",
    [SQL_FIND_CONNECTION] = "SELECT id, connector FROM connection WHERE name = ?1",
    [SQL_ADD_CONNECTION] = "INSERT INTO connection (name, connector) VALUES (?1, ?2)",
    [SQL_NAME_CONNECTOR] = "UPDATE connection SET connector = ?2 WHERE name = ?1",
    [SQL_SET_ACCOUNT] =
        "UPDATE connection SET vendor_account = ?2, vendor_account_name = ?3 WHERE id = ?1",
    [SQL_FIND_STREAM] =
        "SELECT id, object, watermark, mapping_hash, walk, walk_since, walk_until, "
        "walk_hash, position, walk_links, deleted_watermark, reconciled_at FROM stream "
        "WHERE connection = ?1 AND vendor_object = ?2",
    [SQL_ADD_STREAM] = "INSERT INTO stream (connection, vendor_object, object) VALUES (?1, ?2, ?3)",
    [SQL_SET_STREAM] =
        "UPDATE stream SET watermark = ?2, mapping_hash = ?3, walk = ?4, "
        "walk_since = ?5, walk_until = ?6, walk_hash = ?7, position = ?8, walk_links = ?9, "
        "deleted_watermark = ?10, reconciled_at = ?11 WHERE id = ?1",
    [SQL_FIND_CUSTOM_FIELD] = "SELECT id FROM custom_field WHERE object = ?1 AND name = ?2",
    [SQL_ADD_CUSTOM_FIELD] = "INSERT INTO custom_field (id, object, name) SELECT "
                             "coalesce(max(id), 999) + 1, ?1, ?2 FROM custom_field",
    [SQL_FIND_LINK] =
        "SELECT key, record, ended, seen_remote, seen_local, base FROM link WHERE stream = ?1 "
        "AND external_id = ?2",
    [SQL_ANY_LINK] =
        "SELECT 1 FROM link WHERE stream = ?1 AND external_id BETWEEN ?2 AND ?3 LIMIT 1",
    /* What is archived or absent may come back under another id. */
    [SQL_IS_LINKED] = "SELECT 1 FROM link WHERE record = ?1 AND stream = ?2 AND ended IN (0, 4)",
    [SQL_ADD_LINK] = "INSERT INTO link (stream, external_id, record, remote_modified, seen_remote, "
                     "ended, seen_local, base) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_SET_LINK] = "UPDATE link SET remote_modified = ?2, seen_remote = ?3 WHERE key = ?1",
    [SQL_SET_LINK_LOCAL] = "UPDATE link SET remote_modified = coalesce(?2, remote_modified), "
                           "seen_remote = ?3, seen_local = ?4 WHERE key = ?1",
    [SQL_SET_LINK_BASE] = "UPDATE link SET remote_modified = coalesce(?2, remote_modified), "
                          "seen_remote = ?3, seen_local = ?4, base = ?5 WHERE key = ?1",
    /* What was merged is no more archived or absent. */
    [SQL_END_LINK] = "UPDATE link SET ended = ?2, record = ?3 WHERE key = ?1 "
                     "AND (ended <> 2 OR ?2 IN (0, 2))",
    [SQL_FOLLOW_LINK] =
        "UPDATE link SET record = ?3 WHERE record = ?1 AND stream = ?2 AND ended = 2",
    [SQL_MERGED_AWAY] = "INSERT INTO merged_away (stream, record, link) VALUES (?1, ?2, ?3) "
                        "ON CONFLICT DO UPDATE SET link = excluded.link",
    [SQL_COUNT_LINKS] = "SELECT (SELECT count(*) FROM link WHERE stream = ?1) - (SELECT count(*) "
                        "FROM link WHERE stream = ?1 AND ended <> 0)",
    [SQL_HOLDERS] = "SELECT count(*), coalesce(max(l.stream = ?2), 0) FROM link l JOIN stream s "
                    "ON s.id = l.stream WHERE l.record = ?1 AND l.ended = 0 AND s.object = ?3",
    [SQL_SEE_LINK] = "INSERT INTO walk_seen (stream, link) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [SQL_LAST_SEQ] = "SELECT max(seq) FROM log",
    [SQL_ADD_LOG] = "INSERT INTO log (seq, object, record, op, run, prev, at, body) "
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_FIND_PENDING] = "SELECT object, record, field FROM pending_reference "
                         "WHERE stream = ?1 AND external_id = ?2",
    [SQL_ANY_PENDING] = "SELECT 1 FROM pending_reference WHERE stream = ?1 "
                        "AND external_id BETWEEN ?2 AND ?3 LIMIT 1",
    [SQL_SET_PENDING] =
        "INSERT INTO pending_reference (stream, external_id, object, record, field) "
        "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (object, record, field) DO UPDATE "
        "SET stream = excluded.stream, external_id = excluded.external_id",
    [SQL_CLEAR_PENDING] =
        "DELETE FROM pending_reference WHERE object = ?1 AND record = ?2 AND field = ?3",
    [SQL_QUARANTINE] =
        "INSERT INTO quarantine (stream, external_id, run, first_at, last_at, times, modified, "
        "field, "
        "reason, payload) VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6, ?7, ?8) "
        "ON CONFLICT (stream, external_id) DO UPDATE SET run = excluded.run, "
        "last_at = excluded.last_at, times = times + 1, modified = excluded.modified, "
        "field = excluded.field, reason = excluded.reason, payload = excluded.payload",
    [SQL_CLEAR_QUARANTINE] = "DELETE FROM quarantine WHERE stream = ?1 AND external_id = ?2",
    [SQL_SET_PAUSE] = "INSERT INTO pause (connection, at, by, reason) VALUES (?1, ?2, ?3, ?4) "
                      "ON CONFLICT (connection) DO NOTHING",
    [SQL_CLEAR_PAUSE] = "DELETE FROM pause WHERE connection = ?1",
    [SQL_FIND_PAUSE] =
        "SELECT p.at, p.connection, p.by, p.reason FROM pause p LEFT JOIN connection "
        "c ON c.id = p.connection WHERE p.connection = 0 OR c.name = ?1 ORDER BY "
        "p.connection LIMIT 1",
    [SQL_RUN_START] = "INSERT INTO run (connection, started_by, started_at, status, log_from) "
                      "VALUES (?1, ?2, ?3, 1, (SELECT coalesce(max(seq), 0) FROM log))",
    [SQL_RUN_STREAM] =
        "INSERT INTO run_stream (run, stream, mode, since, until, read, created, updated, "
        "unchanged, filtered, quarantined, deleted, restored, followed, sent_created, "
        "sent_updated, sent_deleted, refused, conflicted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
        "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) "
        "ON CONFLICT (run, stream) DO UPDATE SET read = excluded.read, created = excluded.created, "
        "updated = excluded.updated, unchanged = excluded.unchanged, filtered = excluded.filtered, "
        "quarantined = excluded.quarantined, deleted = excluded.deleted, "
        "restored = excluded.restored, followed = excluded.followed, "
        "sent_created = excluded.sent_created, sent_updated = excluded.sent_updated, "
        "sent_deleted = excluded.sent_deleted, refused = excluded.refused, "
        "conflicted = excluded.conflicted",
    [SQL_RUN_END] = "UPDATE run SET ended_at = ?2, status = ?3, reason = ?4, phase = ?5, "
                    "exit_signal = ?6, exit_code = ?7, api_calls = ?8, bytes = ?9, cpu_us = ?10 "
                    "WHERE id = ?1",
    [SQL_RUN_STREAMS] =
        "SELECT s.id, s.vendor_object, s.object, r.mode, r.since, r.until, r.read, r.created, "
        "r.updated, r.unchanged, r.filtered, r.quarantined, r.deleted, r.restored, "
        "r.followed, r.sent_created, r.sent_updated, r.sent_deleted, r.refused, r.conflicted "
        "FROM run_stream r JOIN stream s ON s.id = r.stream WHERE r.run = ?1 ORDER BY "
        "r.stream",
};

/* ---- statements ---- */

int sqlite_fail(struct sqlite_store *s, struct error *err, const char *doing)
{
    int code = sqlite3_errcode(s->db);
    const char *remedy = "";
    if (code == SQLITE_FULL)
        remedy = "; make room on the disk and start again, nothing is lost";
    else if (code == SQLITE_BUSY)
        remedy = "; another program holds the database for longer than 10 s";
    else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        remedy = "; restore it from a backup";
    return error_set(err, "store %s: cannot %s: %s%s", s->store.location, doing,
                     sqlite3_errmsg(s->db), remedy);
}

sqlite3_stmt *sqlite_prepare(struct sqlite_store *s, const char *text, bool keep, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    unsigned flags = keep ? SQLITE_PREPARE_PERSISTENT : 0;
    if (sqlite3_prepare_v3(s->db, text, -1, flags, &stmt, NULL) != SQLITE_OK)
        sqlite_fail(s, err, "prepare a statement");
    return stmt;
}

sqlite3_stmt *sqlite_statement(struct sqlite_store *s, enum statement id, struct error *err)
{
    if (!s->statements[id])
        s->statements[id] = sqlite_prepare(s, texts[id], true, err);
    return s->statements[id];
}

void sqlite_bind_str(sqlite3_stmt *stmt, int index, struct str s)
{
    sqlite3_bind_text64(stmt, index, s.ptr ? s.ptr : "", s.len, SQLITE_STATIC, SQLITE_UTF8);
}

void sqlite_bind_str_or_null(sqlite3_stmt *stmt, int index, struct str s)
{
    if (s.len > 0)
        sqlite_bind_str(stmt, index, s);
    else
        sqlite3_bind_null(stmt, index);
}

void sqlite_bind_bytes(sqlite3_stmt *stmt, int index, struct str s)
{
    sqlite3_bind_blob64(stmt, index, s.ptr ? s.ptr : "", s.len, SQLITE_STATIC);
}

void sqlite_bind_value(sqlite3_stmt *stmt, int index, const struct value *value)
{
    if (value->state == VALUE_INTEGER)
        sqlite3_bind_int64(stmt, index, value->integer);
    else if (value->state == VALUE_TEXT)
        sqlite_bind_str(stmt, index, value->text);
    else
        sqlite3_bind_null(stmt, index);
}

void sqlite_bind_positive(sqlite3_stmt *stmt, int index, int64_t value)
{
    if (value > 0)
        sqlite3_bind_int64(stmt, index, value);
    else
        sqlite3_bind_null(stmt, index);
}

int sqlite_step(struct sqlite_store *s, sqlite3_stmt *stmt, const char *doing, struct error *err)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        sqlite_fail(s, err, doing);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

int sqlite_run(struct sqlite_store *s, sqlite3_stmt *stmt, const char *doing, struct error *err)
{
    int rc = sqlite_step(s, stmt, doing, err);
    if (rc > 0)
        sqlite3_reset(stmt);
    return rc < 0 ? -1 : 0;
}

struct str sqlite_column_str(sqlite3_stmt *stmt, int column)
{
    const void *bytes = sqlite3_column_blob(stmt, column);
    return (struct str){bytes ? bytes : "", (size_t)sqlite3_column_bytes(stmt, column)};
}

/* ---- transactions ---- */

static int sqlite_begin(struct store *store, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_BEGIN, err);
    if (!stmt || sqlite_run(s, stmt, "begin a transaction", err) != 0)
        return -1;
    s->in_transaction = true;
    return 0;
}

static void sqlite_rollback(struct store *store)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_ROLLBACK, NULL);
    if (s->in_transaction && stmt && !sqlite3_get_autocommit(s->db))
        sqlite_run(s, stmt, "roll back", NULL); /* it can only fail when it has happened already */
    s->in_transaction = false;
}

/* A database whose file was removed or replaced takes commits that nobody will ever read. */
static bool has_moved(struct sqlite_store *s)
{
    int moved = 0;
    return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

static int sqlite_commit(struct store *store, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct world *world = store->world;
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_COMMIT, err);
    if (world->may_commit && !world->may_commit(world->self))
        return error_set(err, "store %s: the commit was refused", store->location);
    if (has_moved(s))
        return error_set(
            err,
            "store %s: its file was removed or replaced while fastenr had it open; put "
            "it back, or start anew",
            store->location);
    if (!stmt || sqlite_run(s, stmt, "commit", err) != 0)
        return -1;
    s->in_transaction = false;
    return 0;
}

/* ---- dictionaries ---- */

/* The id that `find` gives, or of the row that `add` makes. Both have the same bindings. */
static int find_or_add(struct sqlite_store *s, sqlite3_stmt *find, sqlite3_stmt *add,
                       const char *doing, int64_t *ret_id, struct error *err)
{
    int found = sqlite_step(s, find, doing, err);
    if (found > 0) {
        *ret_id = sqlite3_column_int64(find, 0);
        sqlite3_reset(find);
        return 0;
    }
    if (found < 0 || sqlite_run(s, add, doing, err) != 0)
        return -1;
    *ret_id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

static int sqlite_organization(struct store *store, const struct uuid *id, int64_t *ret_id,
                               struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct str bytes = {(const char *)id->bytes, UUID_SIZE};
    sqlite3_stmt *find = sqlite_statement(s, SQL_FIND_ORGANIZATION, err);
    sqlite3_stmt *add = sqlite_statement(s, SQL_ADD_ORGANIZATION, err);
    if (!find || !add)
        return -1;
    sqlite_bind_bytes(find, 1, bytes);
    sqlite_bind_bytes(add, 1, bytes);
    return find_or_add(s, find, add, "look up the organisation", ret_id, err);
}

/* A connection that was here before its connector could be loaded. */
static int name_connector(struct sqlite_store *s, struct str name, struct str connector,
                          struct error *err)
{
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_NAME_CONNECTOR, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, name);
    sqlite_bind_str(stmt, 2, connector);
    return sqlite_run(s, stmt, "note the connector", err);
}

static int sqlite_connection(struct store *store, struct str name, struct str connector,
                             int64_t *ret_id, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *find = sqlite_statement(s, SQL_FIND_CONNECTION, err);
    sqlite3_stmt *add = sqlite_statement(s, SQL_ADD_CONNECTION, err);
    if (!find || !add)
        return -1;
    sqlite_bind_str(find, 1, name);
    sqlite_bind_str(add, 1, name);
    sqlite_bind_str(add, 2, connector);
    int found = sqlite_step(s, find, "look up the connection", err);
    bool known = found > 0 && sqlite_column_str(find, 1).len > 0;
    if (known && connector.len > 0 && !str_eq(sqlite_column_str(find, 1), connector)) {
        error_set(
            err,
            "the connection '%.*s' is in this store with the connector %.*s, and now has %.*s: "
            "its links would not fit; give the new connection another name",
            STR_ARG(name), STR_ARG(sqlite_column_str(find, 1)), STR_ARG(connector));
        sqlite3_reset(find);
        return -1;
    }
    if (found >= 0)
        sqlite3_reset(find);
    if (found > 0 && !known && connector.len > 0 && name_connector(s, name, connector, err) != 0)
        return -1;
    return found < 0 ? -1 : find_or_add(s, find, add, "look up the connection", ret_id, err);
}

static void read_stream(sqlite3_stmt *stmt, struct arena *arena, struct stream_state *state)
{
    state->id = sqlite3_column_int64(stmt, 0);
    state->has_watermark = sqlite3_column_type(stmt, 2) != SQLITE_NULL;
    state->watermark = sqlite3_column_int64(stmt, 2);
    state->mapping_hash = sqlite3_column_int64(stmt, 3);
    state->walk = (enum walk)sqlite3_column_int(stmt, 4);
    state->since = sqlite3_column_int64(stmt, 5);
    state->until = sqlite3_column_int64(stmt, 6);
    state->walk_hash = sqlite3_column_int64(stmt, 7);
    state->position = arena_str(arena, sqlite_column_str(stmt, 8));
    state->walk_links = sqlite3_column_int64(stmt, 9);
    state->deleted_watermark = sqlite3_column_int64(stmt, 10); /* 0 for NULL */
    state->reconciled_at = sqlite3_column_int64(stmt, 11);
}

static int sqlite_stream(struct store *store, int64_t connection, struct str vendor_object,
                         const struct model_object *object, struct arena *arena,
                         struct stream_state *ret_state, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *find = sqlite_statement(s, SQL_FIND_STREAM, err);
    sqlite3_stmt *add = sqlite_statement(s, SQL_ADD_STREAM, err);
    *ret_state = (struct stream_state){0};
    if (!find || !add)
        return -1;
    sqlite3_bind_int64(find, 1, connection);
    sqlite_bind_str(find, 2, vendor_object);
    int found = sqlite_step(s, find, "look up the stream", err);
    if (found > 0) {
        int had = sqlite3_column_int(find, 1);
        read_stream(find, arena, ret_state);
        sqlite3_reset(find);
        if (had == object->id)
            return 0;
        return error_set(
            err,
            "'%.*s' became %s records in this store before, and its `to` is %s now: give "
            "the connection another name to begin anew",
            STR_ARG(vendor_object), model_object_by_id((uint16_t)had)->name, object->name);
    }
    sqlite3_bind_int64(add, 1, connection);
    sqlite_bind_str(add, 2, vendor_object);
    sqlite3_bind_int(add, 3, object->id);
    if (found < 0 || sqlite_run(s, add, "add the stream", err) != 0)
        return -1;
    ret_state->id = sqlite3_last_insert_rowid(s->db);
    return 0;
}

static int sqlite_custom_field(struct store *store, const struct model_object *object,
                               struct str name, int64_t *ret_id, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *find = sqlite_statement(s, SQL_FIND_CUSTOM_FIELD, err);
    sqlite3_stmt *add = sqlite_statement(s, SQL_ADD_CUSTOM_FIELD, err);
    if (!find || !add)
        return -1;
    sqlite3_bind_int(find, 1, object->id);
    sqlite_bind_str(find, 2, name);
    sqlite3_bind_int(add, 1, object->id);
    sqlite_bind_str(add, 2, name);
    return find_or_add(s, find, add, "look up a custom field", ret_id, err);
}

static int sqlite_set_account(struct store *store, int64_t connection, struct str account,
                              struct str name, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_SET_ACCOUNT, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, connection);
    sqlite_bind_str(stmt, 2, account);
    sqlite_bind_str(stmt, 3, name);
    return sqlite_run(s, stmt, "note the vendor's account", err);
}

static int sqlite_set_stream(struct store *store, const struct stream_state *state,
                             struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = sqlite_statement(s, SQL_SET_STREAM, err);
    if (!stmt)
        return -1;
    sqlite3_bind_int64(stmt, 1, state->id);
    if (state->has_watermark)
        sqlite3_bind_int64(stmt, 2, state->watermark);
    else
        sqlite3_bind_null(stmt, 2);
    sqlite3_bind_int64(stmt, 3, state->mapping_hash);
    sqlite3_bind_int(stmt, 4, (int)state->walk);
    sqlite3_bind_int64(stmt, 5, state->since);
    sqlite3_bind_int64(stmt, 6, state->until);
    sqlite3_bind_int64(stmt, 7, state->walk_hash);
    sqlite_bind_bytes(stmt, 8, state->position);
    sqlite3_bind_int64(stmt, 9, state->walk_links);
    sqlite_bind_positive(stmt, 10, state->deleted_watermark);
    sqlite_bind_positive(stmt, 11, state->reconciled_at);
    return sqlite_run(s, stmt, "move the cursor", err);
}

/* ---- opening ---- */

static int exec(struct sqlite_store *s, const char *text, const char *doing, struct error *err)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                    : sqlite_fail(s, err, doing);
}

static int64_t user_version(struct sqlite_store *s, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, "PRAGMA user_version", false, err);
    int64_t version = -1;
    if (stmt && sqlite_step(s, stmt, "read its version", err) > 0)
        version = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return version;
}

static int migrate_to(struct sqlite_store *s, int version, struct error *err)
{
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version);
    if (exec(s, migrations[version - 1], "migrate the schema", err) != 0)
        return -1;
    return exec(s, pragma, "migrate the schema", err);
}

static int make_meta(struct sqlite_store *s, struct error *err)
{
    struct world *w = s->store.world;
    uint8_t key[SIPHASH_KEY], random[10];
    w->random(w->self, key, sizeof key);
    w->random(w->self, random, sizeof random);
    struct uuid id = uuid_v7(world_now(w), random);
    sqlite3_stmt *stmt = sqlite_prepare(
        s, "INSERT INTO meta (key, value) VALUES ('store_id', ?1), ('hash_key', ?2)", false, err);
    if (!stmt)
        return -1;
    sqlite_bind_bytes(stmt, 1, (struct str){(const char *)id.bytes, UUID_SIZE});
    sqlite_bind_bytes(stmt, 2, (struct str){(const char *)key, sizeof key});
    int rc = sqlite_run(s, stmt, "name the store", err);
    sqlite3_finalize(stmt);
    return rc;
}

/* All steps in one transaction, under the write lock: two hosts that start together do it once. */
static int migrate(struct sqlite_store *s, struct error *err)
{
    const int newest = (int)(sizeof migrations / sizeof migrations[0]);
    int64_t version = user_version(s, err);
    if (version == newest)
        return 0;
    if (version < 0 || exec(s, "BEGIN EXCLUSIVE", "lock the schema", err) != 0)
        return -1;
    int rc = 0;
    version = user_version(s, err);
    if (version > newest)
        rc = error_set(
            err,
            "store %s has schema version %lld, this fastenr knows %d: upgrade fastenr, or "
            "restore the backup from before the last upgrade",
            s->store.location, (long long)version, newest);
    bool fresh = version == 0;
    for (int next = (int)version + 1; rc == 0 && next <= newest; next++)
        rc = migrate_to(s, next, err);
    if (rc == 0 && fresh)
        rc = make_meta(s, err);
    if (rc == 0)
        return exec(s, "COMMIT", "migrate the schema", err);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

/* A value of `meta`, of just this size. */
static int read_meta(struct sqlite_store *s, const char *name, void *ret, size_t size,
                     struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, "SELECT value FROM meta WHERE key = ?1", false, err);
    int rc = -1;
    if (stmt)
        sqlite_bind_str(stmt, 1, str_from(name));
    if (stmt && sqlite_step(s, stmt, "read what it is", err) > 0 &&
        sqlite3_column_bytes(stmt, 0) == (int)size) {
        memcpy(ret, sqlite3_column_blob(stmt, 0), size);
        rc = 0;
    } else {
        error_set(err, "store %s has no %s: it is no store of fastenr", s->store.location, name);
    }
    sqlite3_finalize(stmt);
    return rc;
}

static void sqlite_close(struct store *store)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite_rollback(store);
    for (size_t i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    for (size_t i = 0; i < MOST_OBJECTS; i++) {
        sqlite3_finalize(s->objects[i].insert);
        sqlite3_finalize(s->objects[i].load);
        sqlite3_finalize(s->objects[i].match);
        sqlite3_finalize(s->objects[i].last_key);
        sqlite3_finalize(s->objects[i].end);
    }
    for (size_t i = 0; i < UPDATE_CACHE; i++)
        sqlite3_finalize(s->updates[i].stmt);
    sqlite3_close(s->db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->store.location);
    free(s);
}

static const struct store_engine engine = {
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .organization = sqlite_organization,
    .connection = sqlite_connection,
    .stream = sqlite_stream,
    .custom_field = sqlite_custom_field,
    .set_account = sqlite_set_account,
    .load_links = sqlite_load_links,
    .match = sqlite_match,
    .load_records = sqlite_load_records,
    .load_pending = sqlite_load_pending,
    .allocate = sqlite_allocate,
    .count_links = sqlite_count_links,
    .load_holders = sqlite_load_holders,
    .load_unseen = sqlite_load_unseen,
    .load_archived = sqlite_load_archived,
    .load_unmet = sqlite_load_unmet,
    .load_referring = sqlite_load_referring,
    .load_last_log = sqlite_load_last_log,
    .load_log = sqlite_load_log,
    .load_log_row = sqlite_load_log_row,
    .load_consumer = sqlite_load_consumer,
    .set_consumer = sqlite_set_consumer,
    .note_exports = sqlite_note_exports,
    .look_exports = sqlite_look_exports,
    .queue_exports = sqlite_queue_exports,
    .queue_unread = sqlite_queue_unread,
    .note_read = sqlite_note_read,
    .queue_unlinked = sqlite_queue_unlinked,
    .load_exports = sqlite_load_exports,
    .drop_exports = sqlite_drop_exports,
    .count_exports = sqlite_count_exports,
    .load_external = sqlite_load_external,
    .add_writes = sqlite_add_writes,
    .load_writes = sqlite_load_writes,
    .set_writes = sqlite_set_writes,
    .drop_writes = sqlite_drop_writes,
    .forget_refused = sqlite_forget_refused,
    .each_write = sqlite_each_write,
    .add_sent = sqlite_add_sent,
    .each_sent = sqlite_each_sent,
    .load_run_span = sqlite_load_run_span,
    .load_run_log = sqlite_load_run_log,
    .load_log_rows = sqlite_load_log_rows,
    .load_held = sqlite_load_held,
    .load_referrers = sqlite_load_referrers,
    .load_run_sent = sqlite_load_run_sent,
    .load_sent_of = sqlite_load_sent_of,
    .load_duplicates = sqlite_load_duplicates,
    .count_referrers = sqlite_count_referrers,
    .load_waiting = sqlite_load_waiting,
    .add_moved = sqlite_add_moved,
    .load_moved = sqlite_load_moved,
    .load_waited = sqlite_load_waited,
    .set_conflicts = sqlite_set_conflicts,
    .each_recent_sent = sqlite_each_recent_sent,
    .each_conflict = sqlite_each_conflict,
    .each_open_conflict = sqlite_each_open_conflict,
    .settle_conflict = sqlite_settle_conflict,
    .listen = sqlite_listen,
    .heard = sqlite_heard,
    .count_seen = sqlite_count_seen,
    .begin_seen = sqlite_begin_seen,
    .apply = sqlite_apply,
    .set_stream = sqlite_set_stream,
    .run_start = sqlite_run_start,
    .run_rolls_back = sqlite_run_rolls_back,
    .run_kind = sqlite_run_kind,
    .run_stream = sqlite_run_stream,
    .run_end = sqlite_run_end,
    .erase = sqlite_erase,
    .prune = sqlite_prune,
    .last_pruned = sqlite_last_pruned,
    .slowest_consumer = sqlite_slowest_consumer,
    .vacuum = sqlite_vacuum,
    .load_erased = sqlite_load_erased,
    .set_pause = sqlite_set_pause,
    .find_pause = sqlite_find_pause,
    .lease = sqlite_lease,
    .release = sqlite_release,
    .reap = sqlite_reap,
    .each_run = sqlite_each_run,
    .each_stream = sqlite_each_stream,
    .each_quarantined = sqlite_each_quarantined,
    .each_record = sqlite_each_record,
    .find_record = sqlite_find_record,
    .each_link = sqlite_each_link,
    .get_secret = sqlite_get_secret,
    .set_secret = sqlite_set_secret,
    .each_secret = sqlite_each_secret,
    .load_fields = sqlite_load_fields,
    .set_fields = sqlite_set_fields,
    .each_field = sqlite_each_field,
    .verify = sqlite_verify,
    .close = sqlite_close,
};

static const char *open_remedy(int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
        return "run fastenr as the user that the file and its folder belong to";
    case EROFS:
        return "also looking at it writes beside it: put it on a file system that can be written";
    case ENOENT:
    case ENOTDIR:
        return "make its folder";
    case EISDIR:
        return "name a file in it";
    default:
        return "mend that";
    }
}

/* Personal data: nobody but the owner reads a new database. */
static int make_private(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, "cannot open the store %s: %s; %s, or change `store` in fastenr.conf",
                         path, strerror(errno), open_remedy(errno));
    close(fd);
    return 0;
}

static int open_lock(struct sqlite_store *s, struct error *err)
{
    size_t size = strlen(s->store.location) + sizeof "-lock";
    char *path = mem_new(size, 1);
    snprintf(path, size, "%s-lock", s->store.location);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = s->lock_fd < 0 ? error_set(err, "cannot open %s: %s", path, strerror(errno)) : 0;
    free(path);
    return rc;
}

struct store *sqlite_open(const char *path, struct world *world, struct error *err)
{
    struct sqlite_store *s = MEM_NEW(struct sqlite_store);
    s->store = (struct store){
        .engine = &engine, .world = world, .location = mem_strdup(path), .is_file = true};
    s->lock_fd = -1;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    /* That SQLite counts its memory, for nobody, costs a lock an allocation. Refused, and no
     * matter, once a store has been opened. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int rc = make_private(path, err);
    if (rc == 0 && sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
        rc = sqlite_fail(s, err, "open it");
    if (rc == 0) {
        sqlite3_busy_timeout(s->db, 10000);
        sqlite3_extended_result_codes(s->db, 0);
        /* They are for other programs: see sqlite_capture.c. */
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        rc =
            exec(s,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
                 "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;",
                 "set it up", err);
    }
    if (rc == 0)
        rc = migrate(s, err);
    if (rc == 0)
        rc = sqlite_make_tables(s, err);
    if (rc == 0)
        rc = read_meta(s, "hash_key", s->store.hash_key, SIPHASH_KEY, err);
    if (rc == 0)
        rc = read_meta(s, "store_id", s->store.id.bytes, UUID_SIZE, err);
    if (rc == 0)
        rc = open_lock(s, err);
    if (rc == 0)
        return &s->store;
    sqlite_close(&s->store);
    return NULL;
}
