/* SPDX-License-Identifier: Apache-2.0 */
#include "retention_fixture.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"

enum { DAY_ZERO = 20000 }; /* since 1970 */

struct virtual_world w;
struct store *store;
struct error err;
const struct model_object *account;
int64_t organization, connection, run, companies;

static char dir[64];
static struct arena arena;
static struct buf answer = BUF_INIT(64 * 1024);

int64_t day(int n)
{
    return (DAY_ZERO + (int64_t)n) * US_PER_DAY;
}

void set_day(int n)
{
    w.now_us = day(n);
}

bool is_postgres(void)
{
    return getenv("POSTGRES_URL") != NULL;
}

/* ---- another program ---- */

static void ask_postgres(const char *text)
{
    PGconn *conn = PQconnectdb(getenv("POSTGRES_URL"));
    PQclear(PQexec(conn, "SET search_path = fastenr; SET client_min_messages = error"));
    PGresult *r = PQexec(conn, text);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fprintf(stderr, "%s: %s", text, PQerrorMessage(conn));
    CU_ASSERT(PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(r); i++)
        for (int c = 0; c < PQnfields(r); c++)
            buf_printf(&answer, "%s%s",
                       c > 0   ? "|"
                       : i > 0 ? ";"
                               : "",
                       PQgetisnull(r, i, c) ? "~" : PQgetvalue(r, i, c));
    PQclear(r);
    PQfinish(conn);
}

static void ask_sqlite(const char *text)
{
    char path[100];
    sqlite3 *db;
    sqlite3_stmt *stmt = NULL;
    snprintf(path, sizeof path, "%s/test.db", dir);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
        fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(db));
    CU_ASSERT_PTR_NOT_NULL(stmt);
    for (int i = 0; stmt && sqlite3_step(stmt) == SQLITE_ROW; i++)
        for (int c = 0; c < sqlite3_column_count(stmt); c++) {
            const char *value = (const char *)sqlite3_column_text(stmt, c);
            buf_printf(&answer, "%s%s", c > 0 ? "|" : i > 0 ? ";" : "", value ? value : "~");
        }
    CU_ASSERT_EQUAL(sqlite3_finalize(stmt), SQLITE_OK);
    sqlite3_close(db);
}

const char *rows(const char *query)
{
    buf_clear(&answer);
    (is_postgres() ? ask_postgres : ask_sqlite)(query);
    return buf_cstr(&answer);
}

void sql(const char *format, ...)
{
    char text[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rows(text);
}

/* ---- what is in the store ---- */

void begin_run(void)
{
    if (run != 0)
        end_run();
    OK(store->engine->run_start(store, connection, STR("test"), &run, &err));
}

void end_run(void)
{
    struct run_row row = {.id = run, .ended_at = world_now(&w.world), .status = RUN_OK};
    row.exit_signal = row.exit_code = -1;
    OK(store->engine->run_end(store, &row, &err));
    run = 0;
}

static void apply(struct store_batch batch)
{
    batch.object = account;
    batch.organization = organization;
    batch.run = run;
    batch.now_us = world_now(&w.world);
    OK(store->engine->begin(store, &err));
    OK(store->engine->apply(store, &batch, &err));
    OK(store->engine->commit(store, &err));
}

int64_t create(const char *external_id)
{
    struct record_row *row = arena_new(&arena, 1, sizeof *row);
    OK(store->engine->begin(store, &err));
    OK(store->engine->allocate(store, account, 1, &row->key, &err));
    OK(store->engine->commit(store, &err));
    row->id.bytes[15] = (uint8_t)row->key;
    row->created_at = row->updated_at = world_now(&w.world);
    row->fields[0] = (struct value){.state = VALUE_TEXT, .text = STR("first")};
    struct record_create made = {.row = row};
    struct link_write link = {.stream = companies,
                              .record = row->key,
                              .external_id = str_from(external_id ? external_id : ""),
                              .seen_remote = STR("seen")};
    apply((struct store_batch){
        .creates = &made, .create_count = 1, .links = &link, .link_count = external_id ? 1 : 0});
    return row->key;
}

void change(int64_t key, const char *name)
{
    struct record_row row;
    OK(store->engine->load_records(store, account, &key, 1, &row, &arena, &err));
    const char *body =
        arena_printf(&arena, "{\"name\":[\"%.*s\",\"%s\"]}", STR_ARG(row.fields[0].text), name);
    row.fields[0] = (struct value){.state = VALUE_TEXT, .text = str_from(name)};
    row.updated_at = world_now(&w.world);
    struct record_update update = {.row = &row, .changed = 1, .body = str_from(body)};
    apply((struct store_batch){.updates = &update, .update_count = 1});
}

void add_sent(int64_t record)
{
    const struct sent_row row = {.stream = companies,
                                 .run = run,
                                 .record = record,
                                 .op = WRITE_UPDATE,
                                 .at = world_now(&w.world),
                                 .external_id = STR("c1"),
                                 .body = STR("{\"name\":[\"a\",\"b\"]}")};
    OK(store->engine->begin(store, &err));
    OK(store->engine->add_sent(store, &row, 1, &err));
    OK(store->engine->commit(store, &err));
}

void add_conflict(int64_t record, enum conflict_state state)
{
    struct conflict_row row = {.stream = companies,
                               .run = run,
                               .record = record,
                               .field = 1,
                               .state = state,
                               .by_policy = state != CONFLICT_OPEN,
                               .at = world_now(&w.world),
                               .local = STR("1"),
                               .remote = STR("2")};
    row.settled_at = state == CONFLICT_OPEN ? 0 : row.at;
    OK(store->engine->begin(store, &err));
    OK(store->engine->set_conflicts(store, &row, 1, &err));
    OK(store->engine->commit(store, &err));
}

void add_quarantined(const char *external_id)
{
    struct quarantine_write row = {.stream = companies,
                                   .external_id = str_from(external_id),
                                   .reason = STR("odd"),
                                   .payload = STR("{}")};
    apply((struct store_batch){.quarantined = &row, .quarantined_count = 1});
}

void add_run_stream(enum walk mode)
{
    const struct run_stream_row row = {
        .stream = companies, .mode = mode, .until = world_now(&w.world)};
    OK(store->engine->run_stream(store, run, &row, &err));
}

/* ---- a test ---- */

static void put_dictionaries(void)
{
    static const struct uuid id = {{1, 2, 3}};
    struct stream_state state;
    account = model_object(STR("account"));
    OK(store->engine->begin(store, &err));
    OK(store->engine->organization(store, &id, &organization, &err));
    OK(store->engine->connection(store, STR("crm"), STR("com.example.crm"), &connection, &err));
    OK(store->engine->stream(store, connection, STR("companies"), account, &arena, &state, &err));
    OK(store->engine->commit(store, &err));
    companies = state.id;
    run = 0;
    begin_run();
}

void fixture_run(void (*test)(void))
{
    char command[100];
    const char *url = getenv("POSTGRES_URL");
    snprintf(dir, sizeof dir, "/tmp/fastenr-retention-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    if (url)
        sql("DROP SCHEMA IF EXISTS fastenr CASCADE");
    virtual_world_open(&w, day(0), 1);
    store = store_open(url ? url : "sqlite:test.db", dir, &w.world, &err);
    if (!store)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    put_dictionaries();
    test();
    store_close(store);
    virtual_world_close(&w);
    arena_free(&arena);
    buf_free(&answer);
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    CU_ASSERT_EQUAL(system(command), 0);
}
