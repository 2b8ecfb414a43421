/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a person's data out of every table; what was deleted leaves the files with the vacuum. */
#include <stdio.h>

#include "store/postgres_internal.h"

/* Statements take the address as $1 (lower case), the organisation as $2. */
#define PEOPLE                                                                                     \
    "(SELECT key FROM contact WHERE organization = $2::bigint AND lower(email) = $1::text)"
#define THEIR_STREAMS "(SELECT id FROM stream WHERE object = 2)"
#define SET_ASIDE                                                                                  \
    "quarantine WHERE strpos(lower(payload), $1::text) > 0 OR strpos(lower(reason), $1::text) > "  \
    "0 OR EXISTS (SELECT 1 FROM link l WHERE l.stream = quarantine.stream AND l.external_id = "    \
    "quarantine.external_id AND l.stream IN " THEIR_STREAMS " AND l.record IN " PEOPLE ")"
#define THEIR_LINKS "link WHERE stream IN " THEIR_STREAMS " AND record IN " PEOPLE
/* Those that another program deleted are known by their log alone. */
#define THEIR_LOG                                                                                  \
    "log WHERE object = 2 AND (record IN " PEOPLE " OR record IN (SELECT record FROM log WHERE "   \
    "object = 2 AND op = 3 AND strpos(lower(body), $1::text) > 0))"
#define MENTIONS "log WHERE body IS NOT NULL AND strpos(lower(body), $1::text) > 0"
#define DOING    "erase a person"

static struct pg_params params_of(const struct erase_request *r)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, r->address);
    pg_int(&p, r->organization);
    return p;
}

/* Other records that have the address in a field: an owner, what is taken of one, a text. */
static int count_mentions(struct postgres_store *s, const struct pg_params *p, int64_t *ret_count,
                          struct error *err)
{
    struct buf text = BUF_INIT(16 * 1024);
    int rc = 0;
    for (size_t i = 0; i < model_object_count && rc == 0; i++) {
        const struct model_object *object = &model_objects[i];
        int64_t found = 0;
        text.len = 0;
        buf_printf(&text,
                   "SELECT count(*) FROM %s WHERE organization = $2::bigint AND (strpos(lower("
                   "custom_fields::text), $1::text) > 0",
                   object->name);
        for (size_t j = 0; j < object->field_count; j++)
            if (model_is_text(object->fields[j].kind))
                buf_printf(&text, " OR strpos(lower(%s::text), $1::text) > 0",
                           object->fields[j].name);
        buf_printf(&text, ")%s",
                   strcmp(object->name, "contact") == 0 ? " AND key NOT IN " PEOPLE : "");
        rc = pg_number(s, buf_cstr(&text), p, DOING, &found, err);
        *ret_count += found;
    }
    buf_free(&text);
    return rc;
}

static int count_all(struct postgres_store *s, const struct erase_request *r,
                     struct erase_counts *counts, struct error *err)
{
    const struct {
        const char *text;
        int64_t *number;
    } queries[] = {{"SELECT count(*) FROM contact WHERE key IN " PEOPLE, &counts->records},
                   {"SELECT count(*) FROM " THEIR_LINKS, &counts->links},
                   {"SELECT (SELECT count(*) FROM " THEIR_LOG ") + (SELECT count(*) FROM " MENTIONS
                    " AND seq NOT IN (SELECT seq FROM " THEIR_LOG "))",
                    &counts->log_rows},
                   {"SELECT count(*) FROM " SET_ASIDE, &counts->quarantined}};
    struct pg_params p = params_of(r);
    int rc = 0;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0] && rc == 0; i++)
        rc = pg_number(s, queries[i].text, &p, DOING, queries[i].number, err);
    if (rc == 0)
        rc = count_mentions(s, &p, &counts->mentions, err);
    pg_params_free(&p);
    return rc;
}

static int remember_id(struct postgres_store *s, int64_t stream, struct str id, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_int(&p, (int64_t)siphash(s->store.hash_key, id));
    pg_int(&p, world_now(s->store.world));
    int rc = pg_run(s,
                    "INSERT INTO erased (stream, id_hash, at) VALUES ($1::bigint, $2::bigint, "
                    "$3::bigint) ON CONFLICT DO NOTHING",
                    &p, DOING, err);
    pg_params_free(&p);
    return rc;
}

/* So that a sync does not bring them back. */
static int remember(struct postgres_store *s, const struct erase_request *r, struct error *err)
{
    struct pg_params p = params_of(r);
    PGresult *found = pg_query(s,
                               "SELECT stream, external_id FROM " THEIR_LINKS
                               " UNION SELECT stream, external_id FROM " SET_ASIDE,
                               &p, DOING, err);
    int rc = found ? 0 : -1;
    for (int i = 0; found && i < PQntuples(found) && rc == 0; i++)
        rc = remember_id(s, pg_get_int(found, i, 0), pg_get_str(found, i, 1), err);
    PQclear(found);
    pg_params_free(&p);
    return rc;
}

/* References of other records to the person. */
static int clear_references(struct postgres_store *s, const struct pg_params *p, struct error *err)
{
    char text[400];
    for (size_t i = 0; i < model_object_count; i++)
        for (size_t j = 0; j < model_objects[i].field_count; j++) {
            const struct model_field *field = &model_objects[i].fields[j];
            if (field->kind != KIND_REFERENCE || strcmp(field->references, "contact") != 0)
                continue;
            snprintf(text, sizeof text, "UPDATE %s SET %s = NULL WHERE %s IN " PEOPLE,
                     model_objects[i].name, field->name, field->name);
            if (pg_run(s, text, p, DOING, err) != 0)
                return -1;
        }
    return 0;
}

static int erase_all(struct postgres_store *s, const struct erase_request *r, struct error *err)
{
    static const char *const steps[] = {
        "DELETE FROM " SET_ASIDE,
        "DELETE FROM pending_reference WHERE object = 2 AND record IN " PEOPLE,
        "DELETE FROM " THEIR_LOG,
        /* $2 only so that all statements take the same parameters. */
        "UPDATE log SET body = NULL WHERE $2::bigint IS NOT NULL AND seq IN (SELECT seq "
        "FROM " MENTIONS ")",
        "DELETE FROM " THEIR_LINKS, "DELETE FROM contact WHERE key IN " PEOPLE};
    struct pg_params p = params_of(r);
    int rc = pg_erase_exports(s, r, err);
    if (rc == 0)
        rc = remember(s, r, err) == 0 ? clear_references(s, &p, err) : -1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && rc == 0; i++)
        rc = pg_run(s, steps[i], &p, DOING, err);
    pg_params_free(&p);
    return rc;
}

int pg_erase(struct store *store, const struct erase_request *request, bool only_count,
             struct erase_counts *ret_counts, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    *ret_counts = (struct erase_counts){0};
    if (count_all(s, request, ret_counts, err) != 0)
        return -1;
    return only_count ? 0 : erase_all(s, request, err);
}

int pg_vacuum(struct store *store, struct error *err)
{
    static const char *const tables[] = {"VACUUM FULL contact",      "VACUUM FULL link",
                                         "VACUUM FULL log",          "VACUUM FULL quarantine",
                                         "VACUUM FULL export_write", "VACUUM FULL sent",
                                         "VACUUM FULL conflict"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (pg_script(pg_of(store), tables[i], "rewrite it without what was erased", err) != 0)
            return -1;
    return 0;
}

int pg_load_erased(struct store *store, int64_t stream, struct arena *arena, uint64_t **ret_hashes,
                   size_t *ret_count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT id_hash FROM erased WHERE stream = $1::bigint ORDER BY id_hash",
                           &p, "look for erased people", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_hashes = arena_new(arena, *ret_count, sizeof **ret_hashes);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_hashes)[i] = (uint64_t)pg_get_int(r, (int)i, 0);
    PQclear(r);
    return 0;
}
