/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a store in SQLite, read and written with nothing between: the settings of a connection
 * are those of core/store/sqlite.c. */
#include <sqlite3.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "replay.h"

enum { SQL_MAX = 8192, STATEMENTS_MAX = 256 };

/* Statements are kept by what they were made for. */
struct statement {
    const void *what;
    uint64_t changed;
    sqlite3_stmt *stmt;
};

struct replay_db {
    sqlite3 *db;
    struct statement statements[STATEMENTS_MAX];
    size_t count;
};

static void check(struct replay_db *d, int rc, const char *doing)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        die("%s: %s", doing, sqlite3_errmsg(d->db));
}

static void exec(struct replay_db *d, const char *sql)
{
    check(d, sqlite3_exec(d->db, sql, NULL, NULL, NULL), sql);
}

static void *open_db(const char *url, bool writes)
{
    struct replay_db *d = MEM_NEW(struct replay_db);
    int flags = writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    check(d, sqlite3_open_v2(url, &d->db, flags | SQLITE_OPEN_NOMUTEX, NULL), url);
    sqlite3_db_config(d->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL); /* as the host */
    if (writes)
        exec(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; "
                "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000");
    return d;
}

static void close_db(void *db)
{
    struct replay_db *d = db;
    for (size_t i = 0; i < d->count; i++)
        sqlite3_finalize(d->statements[i].stmt);
    check(d, sqlite3_close(d->db), "close");
    free(d);
}

/* ---- reading ---- */

static struct cell cell_of(sqlite3_stmt *stmt, int column, struct arena *arena)
{
    int type = sqlite3_column_type(stmt, column);
    if (type == SQLITE_NULL)
        return (struct cell){.kind = CELL_NULL};
    if (type == SQLITE_INTEGER)
        return (struct cell){.kind = CELL_INTEGER, .number = sqlite3_column_int64(stmt, column)};
    const char *bytes = sqlite3_column_blob(stmt, column);
    int len = sqlite3_column_bytes(stmt, column);
    return (struct cell){.kind = type == SQLITE_TEXT ? CELL_TEXT : CELL_BLOB,
                         .len = len,
                         .bytes = arena_str(arena, (struct str){bytes, (size_t)len}).ptr};
}

static void load(void *db, const char *sql, struct arena *arena, struct rows *ret)
{
    struct replay_db *d = db;
    sqlite3_stmt *stmt = NULL;
    size_t cap = 0;
    int rc;
    check(d, sqlite3_prepare_v2(d->db, sql, -1, &stmt, NULL), sql);
    *ret = (struct rows){.columns = sqlite3_column_count(stmt)};
    for (int i = 0; i < ret->columns; i++)
        ret->names[i] = arena_str(arena, str_from(sqlite3_column_name(stmt, i))).ptr;
    size_t width = (size_t)ret->columns;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        ret->cells = mem_grow(ret->cells, &cap, (ret->count + 1) * width, sizeof ret->cells[0]);
        for (int i = 0; i < ret->columns; i++)
            *rows_at(ret, ret->count, i) = cell_of(stmt, i, arena);
        ret->count++;
    }
    check(d, rc, sql);
    sqlite3_finalize(stmt);
}

/* ---- writing ---- */

static sqlite3_stmt *find(const struct replay_db *d, const void *what, uint64_t changed)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->statements[i].what == what && d->statements[i].changed == changed)
            return d->statements[i].stmt;
    return NULL;
}

static sqlite3_stmt *prepare(struct replay_db *d, const void *what, uint64_t changed,
                             struct buf *sql)
{
    sqlite3_stmt *stmt = NULL;
    check(d, sqlite3_prepare_v3(d->db, buf_cstr(sql), -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL),
          buf_cstr(sql));
    buf_free(sql);
    if (d->count == STATEMENTS_MAX)
        die("more than %d kinds of change", STATEMENTS_MAX);
    d->statements[d->count++] = (struct statement){what, changed, stmt};
    return stmt;
}

static sqlite3_stmt *insert_statement(struct replay_db *d, const char *table,
                                      const struct rows *rows)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    sqlite3_stmt *stmt = find(d, rows, 0);
    if (stmt)
        return stmt;
    buf_printf(&sql, "INSERT INTO %s (", table);
    for (int i = 0; i < rows->columns; i++)
        buf_printf(&sql, "%s%s", i ? ", " : "", rows->names[i]);
    buf_text(&sql, ") VALUES (");
    for (int i = 0; i < rows->columns; i++)
        buf_text(&sql, i ? ", ?" : "?");
    buf_char(&sql, ')');
    return prepare(d, rows, 0, &sql);
}

static sqlite3_stmt *update_statement(struct replay_db *d, const char *table,
                                      const struct rows *rows, uint64_t set)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    sqlite3_stmt *stmt = find(d, rows, set);
    const char *between = "";
    if (stmt)
        return stmt;
    buf_printf(&sql, "UPDATE %s SET ", table);
    for (int i = 0; i < rows->columns; i++)
        if (set >> i & 1) {
            buf_printf(&sql, "%s%s = ?", between, rows->names[i]);
            between = ", ";
        }
    buf_text(&sql, " WHERE key = ?");
    return prepare(d, rows, set, &sql);
}

static void bind(sqlite3_stmt *stmt, int at, const struct cell *c)
{
    switch (c->kind) {
    case CELL_NULL:
        sqlite3_bind_null(stmt, at);
        break;
    case CELL_INTEGER:
        sqlite3_bind_int64(stmt, at, c->number);
        break;
    case CELL_TEXT:
        sqlite3_bind_text(stmt, at, c->bytes, c->len, SQLITE_STATIC);
        break;
    case CELL_BLOB:
        sqlite3_bind_blob(stmt, at, c->bytes, c->len, SQLITE_STATIC);
        break;
    }
}

static void run(struct replay_db *d, sqlite3_stmt *stmt, const char *table)
{
    check(d, sqlite3_step(stmt), table);
    sqlite3_reset(stmt);
    if (sqlite3_changes(d->db) != 1)
        die("%s: a row was not there: the target does not hold what `creates` made", table);
}

static void insert(struct replay_db *d, const char *table, const struct rows *rows, size_t row)
{
    sqlite3_stmt *stmt = insert_statement(d, table, rows);
    for (int i = 0; i < rows->columns; i++)
        bind(stmt, i + 1, rows_at(rows, row, i));
    run(d, stmt, table);
}

static void update(struct replay_db *d, const char *table, const struct rows *rows, size_t row,
                   uint64_t set)
{
    sqlite3_stmt *stmt = update_statement(d, table, rows, set);
    int at = 1;
    for (int i = 0; i < rows->columns; i++)
        if (set >> i & 1)
            bind(stmt, at++, rows_at(rows, row, i));
    bind(stmt, at, rows_at(rows, row, rows_column(rows, "key")));
    run(d, stmt, table);
}

static void create_all(void *db, const struct slice *slice)
{
    struct replay_db *d = db;
    const struct part *part = slice->part;
    exec(d, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < slice->count; i++)
        insert(d, part->object->name, &part->record, slice->first + i);
    for (size_t i = 0; i < slice->count; i++)
        insert(d, "log", &part->log, slice->first + i);
    for (size_t i = 0; i < slice->count; i++)
        insert(d, "link", &part->link, slice->first + i);
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
    uint64_t always = bit(&part->record, "rev") | bit(&part->record, "updated_at");
    uint64_t seen = bit(&part->link, "remote_modified") | bit(&part->link, "seen_remote");
    exec(d, "BEGIN IMMEDIATE");
    for (size_t i = slice->first; i < slice->first + slice->count; i++) {
        update(d, part->object->name, &part->record, i, part->changed[i] | always);
        insert(d, "log", &part->log, i);
    }
    for (size_t i = slice->first; i < slice->first + slice->count; i++)
        update(d, "link", &part->link, i, seen);
    exec(d, "COMMIT");
}

const struct replay_engine replay_sqlite = {
    .changed_names = "(SELECT group_concat(key) FROM json_each(log.body))",
    .open = open_db,
    .load = load,
    .create = create_all,
    .update = update_all,
    .close = close_db};
