/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a store in PostgreSQL, read and written with nothing between: new ones by COPY, changes
 * by a statement a table and commit, its rows in binary arrays that unnest() turns into rows again.
 */
#include <libpq-fe.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "replay.h"

enum { SQL_MAX = 8192, PARAM_MAX = 256 * 1024 * 1024, STATEMENTS_MAX = 256, CHUNK = 64 * 1024 };
enum {
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_UUID = 2950
};

struct replay_db {
    PGconn *conn;
    char *prepared[STATEMENTS_MAX];
    size_t count;
};

struct params {
    struct buf bytes[COLUMNS_MAX];
    int count;
};

static void *open_db(const char *url, bool writes)
{
    struct replay_db *d = MEM_NEW(struct replay_db);
    (void)writes;
    d->conn = PQconnectdb(url);
    if (PQstatus(d->conn) != CONNECTION_OK)
        die("connect: %s", PQerrorMessage(d->conn));
    PQclear(PQexec(d->conn, "SET search_path = fastenr; SET fastenr.host = 'on'"));
    return d;
}

static void close_db(void *db)
{
    struct replay_db *d = db;
    for (size_t i = 0; i < d->count; i++)
        free(d->prepared[i]);
    PQfinish(d->conn);
    free(d);
}

static void exec(struct replay_db *d, const char *sql)
{
    PGresult *r = PQexec(d->conn, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("%s: %s", sql, PQerrorMessage(d->conn));
    PQclear(r);
}

/* ---- reading ---- */

static int64_t number_of(const char *bytes, int len)
{
    uint64_t value = len > 0 && (bytes[0] & 0x80) ? UINT64_MAX : 0;
    for (int i = 0; i < len; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}

static struct cell cell_of(const PGresult *r, int row, int column, struct arena *arena)
{
    int len = PQgetlength(r, row, column);
    Oid type = PQftype(r, column);
    const char *bytes = PQgetvalue(r, row, column);
    if (PQgetisnull(r, row, column))
        return (struct cell){.kind = CELL_NULL};
    if (type == OID_INT8 || type == OID_INT4)
        return (struct cell){.kind = CELL_INTEGER, .number = number_of(bytes, len)};
    return (struct cell){.kind = CELL_BLOB,
                         .len = len,
                         .bytes = arena_str(arena, (struct str){bytes, (size_t)len}).ptr};
}

static void load(void *db, const char *sql, struct arena *arena, struct rows *ret)
{
    struct replay_db *d = db;
    PGresult *r = PQexecParams(d->conn, sql, 0, NULL, NULL, NULL, NULL, 1);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die("%s: %s", sql, PQerrorMessage(d->conn));
    *ret = (struct rows){.columns = PQnfields(r), .count = (size_t)PQntuples(r)};
    for (int i = 0; i < ret->columns; i++) {
        ret->names[i] = arena_str(arena, str_from(PQfname(r, i))).ptr;
        ret->types[i] = PQftype(r, i);
    }
    ret->cells = mem_new(ret->count * (size_t)ret->columns + 1, sizeof ret->cells[0]);
    for (size_t row = 0; row < ret->count; row++)
        for (int i = 0; i < ret->columns; i++)
            *rows_at(ret, row, i) = cell_of(r, (int)row, i, arena);
    PQclear(r);
}

/* ---- writing ---- */

static const char *type_name(uint32_t type)
{
    switch (type) {
    case OID_BYTEA:
        return "bytea";
    case OID_INT4: /* assigned from the wider one */
    case OID_INT8:
        return "bigint";
    case OID_TEXT:
        return "text";
    case OID_JSON:
        return "json";
    case OID_UUID:
        return "uuid";
    default:
        die("a column of type %u, which this program does not know", type);
    }
}

static void put_number(struct buf *out, uint64_t value, int width)
{
    char bytes[8];
    for (int i = 0; i < width; i++)
        bytes[i] = (char)(value >> 8 * (width - 1 - i) & 0xff);
    buf_append(out, bytes, (size_t)width);
}

static void put_item(struct buf *out, const struct cell *c)
{
    if (c->kind == CELL_NULL) {
        put_number(out, UINT32_MAX, 4);
    } else if (c->kind == CELL_INTEGER) {
        put_number(out, 8, 4);
        put_number(out, (uint64_t)c->number, 8);
    } else {
        put_number(out, (uint64_t)c->len, 4);
        buf_append(out, c->bytes, (size_t)c->len);
    }
}

static void add_array(struct params *p, const struct rows *rows, int column,
                      const struct slice *slice)
{
    struct buf *out = &p->bytes[p->count++];
    *out = BUF_INIT(PARAM_MAX);
    put_number(out, 1, 4); /* dimensions */
    put_number(out, 1, 4); /* there may be NULLs */
    put_number(out, rows->types[column] == OID_INT4 ? OID_INT8 : rows->types[column], 4);
    put_number(out, slice->count, 4);
    put_number(out, 1, 4); /* the first index */
    for (size_t i = 0; i < slice->count; i++)
        put_item(out, rows_at(rows, slice->first + i, column));
}

/* The name of the prepared statement with this text. */
static size_t prepared(struct replay_db *d, const char *sql)
{
    char name[16];
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->prepared[i], sql) == 0)
            return i;
    if (d->count == STATEMENTS_MAX)
        die("more than %d kinds of change", STATEMENTS_MAX);
    snprintf(name, sizeof name, "s%zu", d->count);
    PGresult *r = PQprepare(d->conn, name, sql, 0, NULL);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("%s: %s", sql, PQerrorMessage(d->conn));
    PQclear(r);
    d->prepared[d->count] = mem_strdup(sql);
    return d->count++;
}

/* `rows`: how many must have been written. Frees the parameters and the text. */
static void run(struct replay_db *d, struct buf *sql, struct params *p, size_t rows)
{
    const char *values[COLUMNS_MAX];
    int lengths[COLUMNS_MAX], formats[COLUMNS_MAX];
    char name[16];
    for (int i = 0; i < p->count; i++) {
        values[i] = p->bytes[i].ptr;
        lengths[i] = (int)p->bytes[i].len;
        formats[i] = 1;
    }
    snprintf(name, sizeof name, "s%zu", prepared(d, buf_cstr(sql)));
    PGresult *r = PQexecPrepared(d->conn, name, p->count, values, lengths, formats, 1);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("%s: %s", buf_cstr(sql), PQerrorMessage(d->conn));
    if (strtoull(PQcmdTuples(r), NULL, 10) != rows)
        die("%s: %s rows of %zu: the target does not hold what `creates` made", buf_cstr(sql),
            PQcmdTuples(r), rows);
    PQclear(r);
    for (int i = 0; i < p->count; i++)
        buf_free(&p->bytes[i]);
    buf_free(sql);
}

static void put_cell(struct buf *out, const struct cell *c, uint32_t type)
{
    if (c->kind == CELL_INTEGER && type == OID_INT4) {
        put_number(out, 4, 4);
        put_number(out, (uint64_t)c->number, 4);
    } else {
        put_item(out, c);
    }
}

static void finish_copy(struct replay_db *d, const char *sql)
{
    if (PQputCopyEnd(d->conn, NULL) != 1)
        die("%s: %s", sql, PQerrorMessage(d->conn));
    for (PGresult *r; (r = PQgetResult(d->conn)) != NULL; PQclear(r))
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            die("%s: %s", sql, PQerrorMessage(d->conn));
}

/* By COPY, which is what costs the server least. */
static void insert(struct replay_db *d, const char *table, const struct rows *rows,
                   const struct slice *slice)
{
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    struct buf sql = BUF_INIT(SQL_MAX), bytes = BUF_INIT(PARAM_MAX);
    buf_printf(&sql, "COPY %s (", table);
    for (int i = 0; i < rows->columns; i++)
        buf_printf(&sql, "%s%s", i > 0 ? ", " : "", rows->names[i]);
    buf_text(&sql, ") FROM STDIN (FORMAT binary)");
    PGresult *r = PQexec(d->conn, buf_cstr(&sql));
    if (PQresultStatus(r) != PGRES_COPY_IN)
        die("%s: %s", buf_cstr(&sql), PQerrorMessage(d->conn));
    PQclear(r);
    buf_append(&bytes, header, sizeof header - 1);
    for (size_t row = 0; row < slice->count; row++) {
        put_number(&bytes, (uint64_t)rows->columns, 2);
        for (int i = 0; i < rows->columns; i++)
            put_cell(&bytes, rows_at(rows, slice->first + row, i), rows->types[i]);
        if (bytes.len >= CHUNK || row + 1 == slice->count) {
            if (PQputCopyData(d->conn, bytes.ptr, (int)bytes.len) != 1)
                die("%s: %s", buf_cstr(&sql), PQerrorMessage(d->conn));
            buf_clear(&bytes);
        }
    }
    finish_copy(d, buf_cstr(&sql));
    buf_free(&bytes);
    buf_free(&sql);
}

static void update(struct replay_db *d, const char *table, const struct rows *rows,
                   const struct slice *slice, uint64_t set)
{
    struct buf sql = BUF_INIT(SQL_MAX), names = BUF_INIT(SQL_MAX), arrays = BUF_INIT(SQL_MAX);
    struct params p = {.count = 0};
    const char *between = "";
    buf_printf(&sql, "UPDATE %s AS r SET ", table);
    add_array(&p, rows, rows_column(rows, "key"), slice);
    for (int i = 0; i < rows->columns; i++)
        if (set >> i & 1) {
            add_array(&p, rows, i, slice);
            buf_printf(&sql, "%s%s = u.%s", between, rows->names[i], rows->names[i]);
            buf_printf(&names, ", %s", rows->names[i]);
            buf_printf(&arrays, ", $%d::%s[]", p.count, type_name(rows->types[i]));
            between = ", ";
        }
    buf_printf(&sql, " FROM unnest($1::bigint[]%s) AS u(key%s) WHERE r.key = u.key",
               buf_cstr(&arrays), buf_cstr(&names));
    run(d, &sql, &p, slice->count);
    buf_free(&names);
    buf_free(&arrays);
}

static void create_all(void *db, const struct slice *slice)
{
    struct replay_db *d = db;
    const struct part *part = slice->part;
    exec(d, "BEGIN");
    insert(d, part->object->name, &part->record, slice);
    insert(d, "log", &part->log, slice);
    insert(d, "link", &part->link, slice);
    exec(d, "COMMIT");
}

static uint64_t bit(const struct rows *rows, const char *name)
{
    return UINT64_C(1) << rows_column(rows, name);
}

static void update_all(void *db, const struct slice *slice)
{
    struct replay_db *d = db;
    const struct part *part = slice->part;
    uint64_t set = bit(&part->record, "rev") | bit(&part->record, "updated_at");
    for (size_t i = 0; i < slice->count; i++)
        set |= part->changed[slice->first + i];
    exec(d, "BEGIN");
    update(d, part->object->name, &part->record, slice, set);
    insert(d, "log", &part->log, slice);
    update(d, "link", &part->link, slice,
           bit(&part->link, "remote_modified") | bit(&part->link, "seen_remote"));
    exec(d, "COMMIT");
}

const struct replay_engine replay_postgres = {
    .changed_names = "(SELECT string_agg(k, ',') FROM json_object_keys(log.body::json) AS k)",
    .open = open_db,
    .load = load,
    .create = create_all,
    .update = update_all,
    .close = close_db};
