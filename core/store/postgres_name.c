/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL engine's dictionaries, and the state of streams. */
#include "store/postgres_internal.h"

/* The id that `find` gives, or of the row that `add` makes; both have the same parameters. Another
 * host may make it at the same time: then `add` gives none, and `find` does. */
static int find_or_add(struct postgres_store *s, const char *find, const char *add,
                       const struct pg_params *p, const char *doing, int64_t *ret_id,
                       struct error *err)
{
    const char *const texts[] = {find, add, find};
    *ret_id = 0;
    for (size_t i = 0; i < 3 && *ret_id == 0; i++)
        if (pg_number(s, texts[i], p, doing, ret_id, err) != 0)
            return -1;
    if (*ret_id != 0)
        return 0;
    return error_set(err, "store %s: cannot %s: what was added is gone", s->store.location, doing);
}

int pg_organization(struct store *store, const struct uuid *id, int64_t *ret_id, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, (struct str){(const char *)id->bytes, UUID_SIZE});
    int rc = find_or_add(pg_of(store), "SELECT id FROM organization WHERE uuid = $1",
                         "INSERT INTO organization (uuid) VALUES ($1) ON CONFLICT DO NOTHING "
                         "RETURNING id",
                         &p, "look up the organisation", ret_id, err);
    pg_params_free(&p);
    return rc;
}

/* Whether the connection may have this connector: it has none yet, or the same one. */
static int check_connector(struct str name, struct str has, struct str connector, struct error *err)
{
    if (has.len == 0 || connector.len == 0 || str_eq(has, connector))
        return 0;
    return error_set(
        err,
        "the connection '%.*s' is in this store with the connector %.*s, and now has %.*s: "
        "its links would not fit; give the new connection another name",
        STR_ARG(name), STR_ARG(has), STR_ARG(connector));
}

int pg_connection(struct store *store, struct str name, struct str connector, int64_t *ret_id,
                  struct error *err)
{
    struct postgres_store *s = pg_of(store);
    struct pg_params p = PG_PARAMS_INIT;
    PGresult *r = NULL;
    pg_str(&p, name);
    pg_str(&p, connector);
    int rc = find_or_add(s, "SELECT id FROM connection WHERE name = $1 AND $2::text IS NOT NULL",
                         "INSERT INTO connection (name, connector) VALUES ($1, $2) "
                         "ON CONFLICT DO NOTHING RETURNING id",
                         &p, "look up the connection", ret_id, err);
    if (rc == 0) {
        r = pg_query(s, "SELECT connector FROM connection WHERE name = $1 AND $2::text IS NOT NULL",
                     &p, "look up the connection", err);
        rc = r ? 0 : -1;
    }
    struct str has = r && PQntuples(r) > 0 ? pg_get_str(r, 0, 0) : STR("");
    if (rc == 0)
        rc = check_connector(name, has, connector, err);
    /* A connection that was here before its connector could be loaded. */
    if (rc == 0 && has.len == 0 && connector.len > 0)
        rc = pg_run(s, "UPDATE connection SET connector = $2 WHERE name = $1", &p,
                    "note the connector", err);
    PQclear(r);
    pg_params_free(&p);
    return rc;
}

int pg_custom_field(struct store *store, const struct model_object *object, struct str name,
                    int64_t *ret_id, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, object->id);
    pg_str(&p, name);
    int rc = find_or_add(pg_of(store),
                         "SELECT id FROM custom_field WHERE object = $1::bigint AND name = $2",
                         "INSERT INTO custom_field (object, name) VALUES ($1::bigint, $2) "
                         "ON CONFLICT DO NOTHING RETURNING id",
                         &p, "look up a custom field", ret_id, err);
    pg_params_free(&p);
    return rc;
}

int pg_set_account(struct store *store, int64_t connection, struct str account, struct str name,
                   struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, connection);
    pg_prose(&p, account);
    pg_prose(&p, name);
    int rc = pg_run(pg_of(store),
                    "UPDATE connection SET vendor_account = $2, vendor_account_name = $3 "
                    "WHERE id = $1::bigint",
                    &p, "note the vendor's account", err);
    pg_params_free(&p);
    return rc;
}

/* ---- streams ---- */

static void read_stream(const PGresult *r, struct arena *arena, struct stream_state *state)
{
    state->id = pg_get_int(r, 0, 0);
    state->has_watermark = !pg_is_null(r, 0, 2);
    state->watermark = pg_get_int(r, 0, 2);
    state->mapping_hash = pg_get_int(r, 0, 3);
    state->walk = (enum walk)pg_get_int(r, 0, 4);
    state->since = pg_get_int(r, 0, 5);
    state->until = pg_get_int(r, 0, 6);
    state->walk_hash = pg_get_int(r, 0, 7);
    state->position = arena_str(arena, pg_get_str(r, 0, 8));
    state->walk_links = pg_get_int(r, 0, 9);
    state->deleted_watermark = pg_get_int(r, 0, 10);
    state->reconciled_at = pg_get_int(r, 0, 11);
}

int pg_stream(struct store *store, int64_t connection, struct str vendor_object,
              const struct model_object *object, struct arena *arena,
              struct stream_state *ret_state, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    struct pg_params p = PG_PARAMS_INIT;
    PGresult *r = NULL;
    int64_t id;
    pg_int(&p, connection);
    pg_str(&p, vendor_object);
    pg_int(&p, object->id);
    *ret_state = (struct stream_state){0};
    int rc = find_or_add(s,
                         "SELECT id FROM stream WHERE connection = $1::bigint "
                         "AND vendor_object = $2 AND $3::bigint IS NOT NULL",
                         "INSERT INTO stream (connection, vendor_object, object) "
                         "VALUES ($1::bigint, $2, $3::bigint) ON CONFLICT DO NOTHING RETURNING id",
                         &p, "look up the stream", &id, err);
    if (rc == 0) {
        r = pg_query(s,
                     "SELECT id, object, watermark, mapping_hash, walk, walk_since, walk_until, "
                     "walk_hash, position, walk_links, deleted_watermark, reconciled_at "
                     "FROM stream WHERE connection = $1::bigint AND vendor_object = $2 AND "
                     "$3::bigint IS NOT NULL",
                     &p, "look up the stream", err);
        rc = r ? 0 : -1;
    }
    pg_params_free(&p);
    if (rc == 0 && PQntuples(r) == 0)
        rc = error_set(err, "store %s: a stream is gone that was just there", store->location);
    if (rc == 0) {
        const struct model_object *had = model_object_by_id((uint16_t)pg_get_int(r, 0, 1));
        read_stream(r, arena, ret_state);
        if (!had || had->id != object->id)
            rc = error_set(
                err,
                "'%.*s' became %s records in this store before, and its `to` is %s now: give "
                "the connection another name to begin anew",
                STR_ARG(vendor_object), had ? had->name : "other", object->name);
    }
    PQclear(r);
    return rc;
}

int pg_set_stream(struct store *store, const struct stream_state *state, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, state->id);
    pg_int_or_null(&p, state->watermark, !state->has_watermark);
    pg_int(&p, state->mapping_hash);
    pg_int(&p, (int64_t)state->walk);
    pg_int(&p, state->since);
    pg_int(&p, state->until);
    pg_int(&p, state->walk_hash);
    pg_str(&p, state->position);
    pg_int(&p, state->walk_links);
    pg_int_or_null(&p, state->deleted_watermark, state->deleted_watermark <= 0);
    pg_int_or_null(&p, state->reconciled_at, state->reconciled_at <= 0);
    int rc = pg_run(pg_of(store),
                    "UPDATE stream SET watermark = $2::bigint, mapping_hash = $3::bigint, "
                    "walk = $4::bigint, walk_since = $5::bigint, walk_until = $6::bigint, "
                    "walk_hash = $7::bigint, position = $8, walk_links = $9::bigint, "
                    "deleted_watermark = $10::bigint, reconciled_at = $11::bigint "
                    "WHERE id = $1::bigint",
                    &p, "move the cursor", err);
    pg_params_free(&p);
    return rc;
}
