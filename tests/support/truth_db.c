/* SPDX-License-Identifier: Apache-2.0 */
#include "truth_db.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* One of the two. */
struct truth_db {
    sqlite3 *sqlite;
    PGconn *postgres;
    FILE *out;
    bool broken;
    int statements; /* prepared so far, for their names */
};

struct truth_query {
    struct truth_db *db;
    sqlite3_stmt *stmt;
    char name[16];
    PGresult *result;
};

static void broken(struct truth_db *db, const char *text)
{
    fprintf(db->out, "%s: %s\n", text,
            db->sqlite ? sqlite3_errmsg(db->sqlite) : PQerrorMessage(db->postgres));
    db->broken = true;
}

struct truth_db *truth_db_open(const char *database, FILE *out)
{
    struct truth_db *db = calloc(1, sizeof *db);
    if (!db)
        return NULL;
    db->out = out;
    if (strncmp(database, "postgres", 8) == 0) {
        db->postgres = PQconnectdb(database);
        if (PQstatus(db->postgres) != CONNECTION_OK)
            broken(db, "connect");
        else
            truth_db_exec(db, "SET search_path = fastenr");
    } else if (sqlite3_open_v2(database, &db->sqlite, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        broken(db, database);
    }
    if (!db->broken)
        return db;
    truth_db_close(db);
    return NULL;
}

void truth_db_close(struct truth_db *db)
{
    if (!db)
        return;
    sqlite3_close(db->sqlite);
    PQfinish(db->postgres);
    free(db);
}

bool truth_db_broken(const struct truth_db *db)
{
    return db->broken;
}

void truth_db_exec(struct truth_db *db, const char *text)
{
    if (db->sqlite) {
        if (sqlite3_exec(db->sqlite, text, NULL, NULL, NULL) != SQLITE_OK)
            broken(db, text);
        return;
    }
    PGresult *r = PQexec(db->postgres, text);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        broken(db, text);
    PQclear(r);
}

struct truth_query *truth_db_prepare(struct truth_db *db, const char *text)
{
    struct truth_query *q = calloc(1, sizeof *q);
    bool prepared = false;
    if (!q)
        return NULL;
    q->db = db;
    if (db->sqlite) {
        prepared = sqlite3_prepare_v2(db->sqlite, text, -1, &q->stmt, NULL) == SQLITE_OK;
    } else {
        snprintf(q->name, sizeof q->name, "q%d", db->statements++);
        PGresult *r = PQprepare(db->postgres, q->name, text, 0, NULL);
        prepared = PQresultStatus(r) == PGRES_COMMAND_OK;
        PQclear(r);
    }
    if (prepared)
        return q;
    broken(db, text);
    truth_query_free(q);
    return NULL;
}

static bool run_sqlite(struct truth_query *q, const char *param)
{
    sqlite3_reset(q->stmt);
    if (param)
        sqlite3_bind_text(q->stmt, 1, param, -1, SQLITE_TRANSIENT);
    int rc = sqlite3_step(q->stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        broken(q->db, sqlite3_sql(q->stmt));
    return rc == SQLITE_ROW;
}

bool truth_query_run(struct truth_query *q, const char *param)
{
    if (q->db->sqlite)
        return run_sqlite(q, param);
    PQclear(q->result);
    q->result = PQexecPrepared(q->db->postgres, q->name, param ? 1 : 0, param ? &param : NULL, NULL,
                               NULL, 0);
    ExecStatusType status = PQresultStatus(q->result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        broken(q->db, "run a statement");
    return PQntuples(q->result) > 0;
}

const char *truth_query_text(struct truth_query *q, int column)
{
    if (q->db->sqlite)
        return (const char *)sqlite3_column_text(q->stmt, column);
    return PQgetisnull(q->result, 0, column) ? NULL : PQgetvalue(q->result, 0, column);
}

void truth_query_free(struct truth_query *q)
{
    if (!q)
        return;
    sqlite3_finalize(q->stmt);
    PQclear(q->result);
    free(q);
}

bool truth_db_is_whole(struct truth_db *db)
{
    if (!db->sqlite) /* its indexes are compared with their tables by every query here */
        return true;
    struct truth_query *q = truth_db_prepare(db, "PRAGMA integrity_check");
    bool whole = q && truth_query_run(q, NULL) && strcmp(truth_query_text(q, 0), "ok") == 0;
    truth_query_free(q);
    return whole;
}
