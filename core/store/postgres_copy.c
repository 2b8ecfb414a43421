/* SPDX-License-Identifier: Apache-2.0 */
/* New rows into PostgreSQL by COPY in its binary form: a third of what INSERT from arrays costs the
 * server is saved, and it works on the first rows while the last ones are written here. */
#include "store/postgres_internal.h"

enum { CHUNK = 64 * 1024 };

static void put_two(struct buf *out, uint16_t value)
{
    buf_append(out, (char[]){(char)(value >> 8), (char)(value & 0xff)}, 2);
}

int pg_copy_begin(struct pg_copy *c, struct postgres_store *s, const char *text, int columns,
                  const char *doing, struct error *err)
{
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"; /* no flags, no extension */
    *c = (struct pg_copy){.store = s, .doing = doing, .columns = columns, .rows = PG_PARAMS_INIT};
    PGresult *r = PQexec(s->conn, text);
    int rc = PQresultStatus(r) == PGRES_COPY_IN ? 0 : pg_fail(s, r, doing, err);
    PQclear(r);
    if (rc == 0)
        pg_str(&c->rows, (struct str){header, sizeof header - 1});
    return rc;
}

/* A failure shows at the end, with its reason. */
static void send(struct pg_copy *c)
{
    struct buf *bytes = &c->rows.bytes;
    if (!c->failed && !bytes->full)
        c->failed = PQputCopyData(c->store->conn, bytes->ptr, (int)bytes->len) != 1;
    c->full |= bytes->full;
    buf_clear(bytes);
}

struct pg_params *pg_copy_row(struct pg_copy *c)
{
    if (c->rows.bytes.len >= CHUNK)
        send(c);
    put_two(&c->rows.bytes, (uint16_t)c->columns);
    return &c->rows;
}

int pg_copy_end(struct pg_copy *c, struct error *err)
{
    struct postgres_store *s = c->store;
    put_two(&c->rows.bytes, UINT16_MAX); /* instead of a row's number of columns */
    send(c);
    pg_params_free(&c->rows);
    int rc = PQputCopyEnd(s->conn, c->full ? "a row is too large" : NULL) == 1 ? 0 : -1;
    bool told = false;
    for (PGresult *r; (r = PQgetResult(s->conn)) != NULL; PQclear(r)) {
        if (PQresultStatus(r) == PGRES_COMMAND_OK || told)
            continue;
        rc = pg_fail(s, r, c->doing, err);
        told = true;
    }
    return told || rc == 0 ? rc : pg_fail(s, NULL, c->doing, err);
}
