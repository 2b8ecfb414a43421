/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites the tables, so that their files keep nothing of rows that were deleted or changed.
 *
 * PostgreSQL only warns, and goes on, where the role may not rewrite a table; that a table was is
 * told by its file, which is another one. */
#include <stdio.h>

#include "store/postgres_internal.h"

#define DOING "rewrite its tables without what was erased"

/* The statistics, too, hold samples of values: they are taken anew with the tables, and what they
 * were leaves their file. The last, therefore. */
static const char tables[] =
    "SELECT format('%I.%I', n.nspname, c.relname), coalesce(pg_relation_filenode(c.oid), "
    "0)::bigint, "
    "current_user::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE (n.nspname = 'fastenr' AND c.relkind = 'r') OR c.oid = "
    "'pg_catalog.pg_statistic'::regclass "
    "ORDER BY n.nspname = 'pg_catalog', c.oid";

static int rewrite_table(struct postgres_store *s, struct str name, struct error *err)
{
    char text[200];
    snprintf(text, sizeof text, "VACUUM (FULL%s) %.*s",
             str_starts(name, "fastenr.") ? ", ANALYZE" : "", STR_ARG(name));
    return pg_script(s, text, DOING, err);
}

static int rewrite_all(struct postgres_store *s, const PGresult *before, struct error *err)
{
    for (int i = 0; i < PQntuples(before); i++)
        if (rewrite_table(s, pg_get_str(before, i, 0), err) != 0)
            return -1;
    return 0;
}

static int64_t file_of(const PGresult *r, struct str name)
{
    for (int i = 0; i < PQntuples(r); i++)
        if (str_eq(pg_get_str(r, i, 0), name))
            return pg_get_int(r, i, 1);
    return 0;
}

/* Names the first table that still has its file. */
static int expect_rewritten(struct postgres_store *s, const PGresult *before, const PGresult *after,
                            struct error *err)
{
    for (int i = 0; i < PQntuples(after); i++) {
        struct str name = pg_get_str(after, i, 0), role = pg_get_str(after, i, 2);
        if (file_of(before, name) != pg_get_int(after, i, 1))
            continue;
        bool ours = str_starts(name, "fastenr.");
        return error_set(err,
                         "store %s: the role %.*s may not rewrite %.*s, whose file may still hold "
                         "what was erased: %s",
                         s->store.location, STR_ARG(role), STR_ARG(name),
                         ours ? "run the same command with the URL of the tables' owner in `store`"
                              : "it has samples of values, and is the database owner's: have that "
                                "role run VACUUM FULL pg_catalog.pg_statistic");
    }
    return 0;
}

int pg_vacuum(struct store *store, struct error *err)
{
    struct postgres_store *s = pg_of(store);
    PGresult *before = pg_query(s, tables, NULL, DOING, err), *after = NULL;
    int rc = -1;
    if (!before)
        return -1;
    /* A large table takes as long as it takes. */
    if (pg_script(s, "SET statement_timeout = 0", DOING, err) == 0) {
        rc = rewrite_all(s, before, err);
        if (pg_script(s, "SET statement_timeout = '10min'", DOING, rc == 0 ? err : NULL) != 0)
            rc = -1;
    }
    if (rc == 0 && (after = pg_query(s, tables, NULL, DOING, err)))
        rc = expect_rewritten(s, before, after, err);
    else
        rc = -1;
    PQclear(before);
    PQclear(after);
    return rc;
}
