/* SPDX-License-Identifier: Apache-2.0 */
/* The schema `fastenr`: its migrations, and the tables of the canonical objects. A host whose
 * schema is current changes nothing here, and needs no right to. */
#include <stdio.h>

#include "migrations_postgres.h" /* generated from migrations/postgres */
#include "store/ddl.h"
#include "store/postgres_internal.h"

enum { NEWEST = (int)(sizeof migrations / sizeof migrations[0]) };

/* custom_fields is json, not jsonb: its text comes back byte for byte, where jsonb sorts members
 * and so would make each record look changed. */
static const struct ddl_types types = {.key = "bigint PRIMARY KEY",
                                       .integer = "bigint",
                                       .text = "text",
                                       .uuid = "uuid",
                                       .json = "json",
                                       .no_uuid = "fastenr.new_id()"};

/* From the catalogue itself: to_regclass() may answer from a cache that a lock does not renew. */
int pg_schema_exists(struct postgres_store *s, struct error *err)
{
    int64_t count;
    if (pg_number(s,
                  "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE n.nspname = 'fastenr' AND c.relname = 'schema_version'",
                  NULL, "look for its schema", &count, err) != 0)
        return -1;
    return count > 0;
}

static int read_version(struct postgres_store *s, int64_t *ret_version, struct error *err)
{
    int there = pg_schema_exists(s, err);
    *ret_version = 0;
    if (there <= 0)
        return there;
    return pg_number(s, "SELECT version FROM fastenr.schema_version", NULL, "read its version",
                     ret_version, err);
}

/* ---- what is missing ---- */

static bool has(const PGresult *r, const char *table, const char *column)
{
    for (int i = 0; i < PQntuples(r); i++)
        if (str_is(pg_get_str(r, i, 0), table) && str_is(pg_get_str(r, i, 1), column))
            return true;
    return false;
}

static void add_missing(struct buf *out, const PGresult *columns, const struct model_object *object)
{
    if (!has(columns, object->name, "key")) {
        buf_printf(out, "CREATE SEQUENCE %s_key; ", object->name);
        ddl_create(out, object, &types);
        return;
    }
    if (!has(columns, object->name, DDL_DELETED_AT))
        ddl_add_deleted_at(out, object, &types);
    for (size_t i = 0; i < object->field_count; i++)
        if (!has(columns, object->name, object->fields[i].name))
            ddl_add_column(out, object, &object->fields[i], &types);
}

/* The statements that the canonical tables lack; nothing when they are as the model says. */
static int all_missing(struct postgres_store *s, struct buf *out, struct error *err)
{
    PGresult *r =
        pg_query(s,
                 "SELECT c.relname::text, a.attname::text FROM pg_class c "
                 "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'fastenr' "
                 "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
                 "AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p')",
                 NULL, "look at its tables", err);
    if (!r)
        return -1;
    for (size_t i = 0; i < model_object_count; i++)
        add_missing(out, r, &model_objects[i]);
    PQclear(r);
    return pg_missing_triggers(s, out, err);
}

/* ---- making ---- */

static int make_schema(struct postgres_store *s, struct error *err)
{
    int64_t there;
    if (pg_number(s, "SELECT count(*) FROM pg_namespace WHERE nspname = 'fastenr'", NULL,
                  "look for its schema", &there, err) != 0)
        return -1;
    /* IF NOT EXISTS would ask for the right to create one even when there is one. */
    if (there == 0 && pg_script(s, "CREATE SCHEMA fastenr", "make its schema", err) != 0)
        return -1;
    return pg_script(s,
                     "CREATE TABLE fastenr.schema_version (version integer NOT NULL); "
                     "INSERT INTO fastenr.schema_version VALUES (0)",
                     "make its schema", err);
}

static int make_meta(struct postgres_store *s, struct error *err)
{
    struct world *w = s->store.world;
    uint8_t key[SIPHASH_KEY], random[10];
    struct pg_params p = PG_PARAMS_INIT;
    w->random(w->self, key, sizeof key);
    w->random(w->self, random, sizeof random);
    struct uuid id = uuid_v7(world_now(w), random);
    pg_str(&p, (struct str){(const char *)id.bytes, UUID_SIZE});
    pg_str(&p, (struct str){(const char *)key, sizeof key});
    int rc = pg_run(s, "INSERT INTO meta (key, value) VALUES ('store_id', $1), ('hash_key', $2)",
                    &p, "name the store", err);
    pg_params_free(&p);
    return rc;
}

static int migrate(struct postgres_store *s, int64_t version, struct error *err)
{
    char text[80];
    if (version == 0 && make_schema(s, err) != 0)
        return -1;
    for (int64_t next = version; next < NEWEST; next++)
        if (pg_script(s, migrations[next], "migrate the schema", err) != 0)
            return -1;
    snprintf(text, sizeof text, "UPDATE fastenr.schema_version SET version = %d", NEWEST);
    if (pg_script(s, text, "migrate the schema", err) != 0)
        return -1;
    return version == 0 ? make_meta(s, err) : 0;
}

static int refuse_newer(struct postgres_store *s, int64_t version, struct error *err)
{
    if (version <= NEWEST)
        return 0;
    return error_set(err,
                     "store %s has schema version %lld, this fastenr knows %d: upgrade fastenr, or "
                     "restore the backup from before the last upgrade",
                     s->store.location, (long long)version, NEWEST);
}

/* All of it, under the lock: another host may have done it in between. */
static int make_locked(struct postgres_store *s, struct error *err)
{
    struct buf statements = BUF_INIT(DDL_MAX);
    int64_t version;
    char lock[80];
    snprintf(lock, sizeof lock, "SELECT pg_advisory_xact_lock(%d, 0)", PG_LOCK_SCHEMA);
    int rc = pg_script(s, lock, "lock the schema", err);
    if (rc == 0)
        rc = read_version(s, &version, err);
    if (rc == 0)
        rc = refuse_newer(s, version, err);
    if (rc == 0 && version < NEWEST)
        rc = migrate(s, version, err);
    if (rc == 0)
        rc = all_missing(s, &statements, err);
    if (rc == 0 && statements.len > 0)
        rc = pg_script(s, buf_cstr(&statements), "make its tables", err);
    buf_free(&statements);
    return rc;
}

int pg_schema_make(struct postgres_store *s, struct error *err)
{
    struct buf statements = BUF_INIT(DDL_MAX);
    int64_t version = 0;
    int rc = read_version(s, &version, err);
    if (rc == 0)
        rc = refuse_newer(s, version, err);
    if (rc == 0 && version == NEWEST)
        rc = all_missing(s, &statements, err);
    bool current = version == NEWEST && statements.len == 0;
    buf_free(&statements);
    if (rc != 0 || current)
        return rc;
    const struct store_engine *engine = s->store.engine;
    if (engine->begin(&s->store, err) != 0)
        return -1;
    if (make_locked(s, err) == 0 && engine->commit(&s->store, err) == 0)
        return 0;
    engine->rollback(&s->store);
    return -1;
}
