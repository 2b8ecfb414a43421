/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters, statements and results of the PostgreSQL engine. All of it is binary: nothing is
 * escaped, and an array of a thousand ids is one parameter. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/postgres_internal.h"

/* ---- parameters ---- */

static void put_number(struct buf *out, uint64_t value, size_t width)
{
    for (size_t i = width; i > 0; i--)
        buf_char(out, (char)(value >> (8 * (i - 1)) & 0xff));
}

static void begin_param(struct pg_params *p)
{
    p->offsets[p->count] = p->bytes.len;
    p->lengths[p->count] = 0;
    p->count++;
}

/* The parameter begun last reaches to here. */
static void end_param(struct pg_params *p)
{
    p->lengths[p->count - 1] = (int)(p->bytes.len - p->offsets[p->count - 1]);
}

void pg_params_free(struct pg_params *p)
{
    buf_free(&p->bytes);
}

void pg_int(struct pg_params *p, int64_t value)
{
    begin_param(p);
    put_number(&p->bytes, (uint64_t)value, 8);
    end_param(p);
}

void pg_int_or_null(struct pg_params *p, int64_t value, bool is_null)
{
    pg_int(p, value);
    if (is_null)
        p->lengths[p->count - 1] = -1;
}

void pg_str(struct pg_params *p, struct str s)
{
    begin_param(p);
    buf_str(&p->bytes, s);
    end_param(p);
}

void pg_str_or_null(struct pg_params *p, struct str s)
{
    pg_str(p, s);
    if (s.len == 0)
        p->lengths[p->count - 1] = -1;
}

void pg_value(struct pg_params *p, const struct value *value)
{
    if (value->state == VALUE_TEXT)
        pg_str(p, value->text);
    else
        pg_int_or_null(p, value->integer, value->state == VALUE_NULL);
}

/* How many bytes of `s` are one whole character, 0 when they are none. */
static size_t whole_character(struct str s)
{
    for (size_t len = 1; len <= 4 && len <= s.len; len++)
        if (s.ptr[0] != '\0' && str_is_utf8((struct str){s.ptr, len}))
            return len;
    return 0;
}

static void put_prose(struct buf *out, struct str s)
{
    if (str_is_utf8(s) && !(s.len > 0 && memchr(s.ptr, 0, s.len))) {
        buf_str(out, s);
        return;
    }
    while (s.len > 0) {
        size_t len = whole_character(s);
        buf_str(out, len > 0 ? (struct str){s.ptr, len} : STR("?"));
        size_t used = len > 0 ? len : 1;
        s = str_slice(s, used, s.len - used);
    }
}

void pg_prose(struct pg_params *p, struct str s)
{
    begin_param(p);
    put_prose(&p->bytes, s);
    end_param(p);
}

void pg_array(struct pg_params *p, enum pg_type type, size_t count)
{
    begin_param(p);
    put_number(&p->bytes, 1, 4); /* dimensions */
    put_number(&p->bytes, 1, 4); /* there may be NULLs */
    put_number(&p->bytes, (uint64_t)type, 4);
    put_number(&p->bytes, count, 4);
    put_number(&p->bytes, 1, 4); /* the first index */
    end_param(p);
}

void pg_item_int(struct pg_params *p, int64_t value)
{
    put_number(&p->bytes, 8, 4);
    put_number(&p->bytes, (uint64_t)value, 8);
    end_param(p);
}

void pg_item_int4(struct pg_params *p, int32_t value)
{
    put_number(&p->bytes, 4, 4);
    put_number(&p->bytes, (uint32_t)value, 4);
    end_param(p);
}

static void item_null(struct pg_params *p)
{
    put_number(&p->bytes, UINT32_MAX, 4);
    end_param(p);
}

void pg_item_positive(struct pg_params *p, int64_t value)
{
    if (value > 0)
        pg_item_int(p, value);
    else
        item_null(p);
}

void pg_item_str(struct pg_params *p, struct str s)
{
    put_number(&p->bytes, s.len, 4);
    buf_str(&p->bytes, s);
    end_param(p);
}

void pg_item_str_or_null(struct pg_params *p, struct str s)
{
    if (s.len > 0)
        pg_item_str(p, s);
    else
        item_null(p);
}

void pg_item_prose(struct pg_params *p, struct str s)
{
    struct buf clean = BUF_INIT(PG_PARAMS_BYTES);
    put_prose(&clean, s);
    pg_item_str(p, buf_view(&clean));
    buf_free(&clean);
}

void pg_item_value(struct pg_params *p, const struct value *value)
{
    if (value->state == VALUE_TEXT)
        pg_item_str(p, value->text);
    else if (value->state == VALUE_INTEGER)
        pg_item_int(p, value->integer);
    else
        item_null(p);
}

void pg_strs(struct pg_params *p, const struct str *items, size_t count)
{
    pg_array(p, PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        pg_item_str(p, items[i]);
}

void pg_ints(struct pg_params *p, const int64_t *items, size_t count)
{
    pg_array(p, PG_INT8, count);
    for (size_t i = 0; i < count; i++)
        pg_item_int(p, items[i]);
}

/* ---- failures ---- */

static const char *remedy_of(const char *state)
{
    static const struct {
        const char *state, *remedy;
    } table[] = {
        {"53100", "; make room on the server's disk and start again, nothing is lost"},
        {"42501", "; grant the role what it needs: see docs/stores.md"},
        {"25006", "; the server is read-only, a standby perhaps: name the primary in `store`"},
        {"40P01", "; another host changed the same records: the next run does it again"},
        {"55P03", "; another session holds a lock for longer than 30 s"},
        {"57014", "; it took more than ten minutes, or an administrator ended it"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].state, state) == 0)
            return table[i].remedy;
    return "";
}

/* The first line of a message, without "ERROR: " and the like. */
static struct str first_line(const char *text)
{
    struct str rest = str_from(text), line = STR("");
    str_next(&rest, '\n', &line);
    return str_trim(line);
}

int pg_fail(struct postgres_store *s, const PGresult *r, const char *doing, struct error *err)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (PQstatus(s->conn) != CONNECTION_OK) {
        struct str line = first_line(primary ? primary : PQerrorMessage(s->conn));
        return error_set(err,
                         "store %s: the connection was lost while it tried to %s: %.*s; what was "
                         "not committed is undone, and fastenr connects again for the next "
                         "transaction",
                         s->store.location, doing, STR_ARG(line));
    }
    struct str line = first_line(primary ? primary : PQerrorMessage(s->conn));
    return error_set(err, "store %s: cannot %s: %.*s%s", s->store.location, doing, STR_ARG(line),
                     remedy_of(state ? state : ""));
}

/* ---- statements ---- */

void pg_forget_statements(struct postgres_store *s)
{
    for (size_t i = 0; i < s->statement_count; i++)
        free(s->statements[i]);
    s->statement_count = 0;
}

static bool is_done(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The number of a prepared statement, PG_STATEMENTS when there is no room for another, or -1. */
static int find_prepared(struct postgres_store *s, const char *text, const char *doing,
                         struct error *err)
{
    char name[16];
    for (size_t i = 0; i < s->statement_count; i++)
        if (strcmp(s->statements[i], text) == 0)
            return (int)i;
    if (s->statement_count == PG_STATEMENTS)
        return PG_STATEMENTS;
    snprintf(name, sizeof name, "s%zu", s->statement_count);
    PGresult *r = PQprepare(s->conn, name, text, 0, NULL);
    int rc = is_done(r) ? 0 : pg_fail(s, r, doing, err);
    PQclear(r);
    if (rc != 0)
        return -1;
    s->statements[s->statement_count] = mem_strdup(text);
    return (int)s->statement_count++;
}

static PGresult *execute(struct postgres_store *s, int number, const char *text,
                         const struct pg_params *p)
{
    const char *values[PG_PARAMS_MAX] = {NULL};
    int formats[PG_PARAMS_MAX], count = p ? p->count : 0;
    char name[16];
    for (int i = 0; i < count; i++) {
        formats[i] = 1;
        if (p->lengths[i] >= 0)
            values[i] = p->bytes.ptr ? p->bytes.ptr + p->offsets[i] : "";
    }
    const int *lengths = p ? p->lengths : NULL;
    snprintf(name, sizeof name, "s%d", number);
    return number < PG_STATEMENTS
               ? PQexecPrepared(s->conn, name, count, values, lengths, formats, 1)
               : PQexecParams(s->conn, text, count, NULL, values, lengths, formats, 1);
}

static PGresult *query_once(struct postgres_store *s, const char *text,
                            const struct pg_params *params, const char *doing, struct error *err)
{
    if (!s->in_transaction && pg_connected(s, err) != 0)
        return NULL;
    int number = find_prepared(s, text, doing, err);
    if (number < 0)
        return NULL;
    PGresult *r = execute(s, number, text, params);
    if (is_done(r))
        return r;
    pg_fail(s, r, doing, err);
    PQclear(r);
    return NULL;
}

PGresult *pg_query(struct postgres_store *s, const char *text, const struct pg_params *params,
                   const char *doing, struct error *err)
{
    if (params && params->bytes.full) {
        error_set(err, "store %s: cannot %s: the batch is larger than %d MiB", s->store.location,
                  doing, PG_PARAMS_BYTES / 1024 / 1024);
        return NULL;
    }
    PGresult *r = query_once(s, text, params, doing, err);
    /* A session that was lost while it was idle is noticed by the first statement: a look is
     * repeated in a new one. */
    bool repeat = !r && !s->in_transaction && PQstatus(s->conn) != CONNECTION_OK &&
                  str_starts(str_from(text), "SELECT");
    return repeat ? query_once(s, text, params, doing, err) : r;
}

int pg_run(struct postgres_store *s, const char *text, const struct pg_params *params,
           const char *doing, struct error *err)
{
    PGresult *r = pg_query(s, text, params, doing, err);
    PQclear(r);
    return r ? 0 : -1;
}

int pg_script(struct postgres_store *s, const char *text, const char *doing, struct error *err)
{
    PGresult *r = PQexec(s->conn, text);
    int rc = is_done(r) ? 0 : pg_fail(s, r, doing, err);
    PQclear(r);
    return rc;
}

int pg_number(struct postgres_store *s, const char *text, const struct pg_params *params,
              const char *doing, int64_t *ret_number, struct error *err)
{
    PGresult *r = pg_query(s, text, params, doing, err);
    if (!r)
        return -1;
    *ret_number = PQntuples(r) > 0 ? pg_get_int(r, 0, 0) : 0;
    PQclear(r);
    return 0;
}

/* ---- results ---- */

bool pg_is_null(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column);
}

int64_t pg_get_int(const PGresult *r, int row, int column)
{
    const unsigned char *bytes = (const unsigned char *)PQgetvalue(r, row, column);
    int len = PQgetlength(r, row, column);
    uint64_t value = len > 0 && bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < len && i < 8; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

struct str pg_get_str(const PGresult *r, int row, int column)
{
    return (struct str){PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}
