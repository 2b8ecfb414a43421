/* SPDX-License-Identifier: Apache-2.0 */
/* The store on PostgreSQL: the suite, and what this engine has of its own. The URL of a superuser
 * is in $POSTGRES_URL; see tests/support/postgres.bash. */
#include "store_suite.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const char *engine_url;

/* ---- another session ---- */

static PGconn *connect_other(void)
{
    PGconn *conn = PQconnectdb(engine_url);
    if (PQstatus(conn) != CONNECTION_OK)
        fprintf(stderr, "%s", PQerrorMessage(conn));
    CU_ASSERT_EQUAL_FATAL(PQstatus(conn), CONNECTION_OK);
    return conn;
}

static void run_on(PGconn *conn, const char *statement)
{
    PGresult *r = PQexec(conn, statement);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fprintf(stderr, "%s: %s", statement, PQerrorMessage(conn));
    CU_ASSERT_FATAL(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    PQclear(r);
}

static void sql(const char *statement)
{
    PGconn *conn = connect_other();
    run_on(conn, statement);
    PQfinish(conn);
}

/* The first value of a query. */
static const char *query(const char *statement)
{
    static char value[200];
    PGconn *conn = connect_other();
    PGresult *r = PQexec(conn, statement);
    CU_ASSERT_EQUAL_FATAL(PQresultStatus(r), PGRES_TUPLES_OK);
    snprintf(value, sizeof value, "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "none");
    PQclear(r);
    PQfinish(conn);
    return value;
}

const char *foreign(const char *statement)
{
    static char refused[200];
    PGconn *conn = connect_other();
    run_on(conn, "SET search_path = fastenr");
    PGresult *r = PQexec(conn, statement);
    bool done = PQresultStatus(r) == PGRES_COMMAND_OK;
    snprintf(refused, sizeof refused, "%s", PQresultErrorMessage(r));
    PQclear(r);
    PQfinish(conn);
    return done ? NULL : refused;
}

void wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&p, 1, 30000), 1);
}

void engine_clean(void)
{
    engine_url = getenv("POSTGRES_URL");
    if (!engine_url || !*engine_url) {
        fprintf(stderr, "POSTGRES_URL is not set: run it by tests/support/postgres.bash\n");
        exit(2);
    }
    sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS fastenr CASCADE");
}

/* Ends the host's session, as a server that starts again does. */
static void end_sessions(void)
{
    sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'fastenr'");
}

/* ---- schema ---- */

static void test_schema_is_the_model(void)
{
    char text[300];
    for (size_t o = 0; o < model_object_count; o++)
        for (size_t f = 0; f < model_objects[o].field_count; f++) {
            const struct model_field *field = &model_objects[o].fields[f];
            snprintf(text, sizeof text,
                     "SELECT data_type FROM information_schema.columns WHERE table_schema = "
                     "'fastenr' AND table_name = '%s' AND column_name = '%s'",
                     model_objects[o].name, field->name);
            UNIT_TEXT(query(text), model_is_text(field->kind) ? "text" : "bigint");
        }
    UNIT_TEXT(query("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "WHERE n.nspname = 'public'"),
              "0");
}

static void test_missing_column_is_added(void)
{
    store_close(store);
    sql("ALTER TABLE fastenr.account DROP COLUMN industry; DROP TABLE fastenr.contact; "
        "DROP SEQUENCE fastenr.contact_key");
    open_store();
    test_schema_is_the_model();
}

static void test_newer_schema_is_refused(void)
{
    store_close(store);
    sql("UPDATE fastenr.schema_version SET version = 999");
    store = store_open(engine_url, dir, &world, &err);
    CU_ASSERT_PTR_NULL(store);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "upgrade fastenr"));
}

/* Hosts that start together make the schema once. */
static void test_hosts_start_together(void)
{
    enum { HOSTS = 4 };
    store_close(store);
    engine_clean();
    for (int i = 0; i < HOSTS; i++)
        if (fork() == 0) {
            struct store *theirs = store_open(engine_url, dir, &world, &err);
            if (!theirs)
                fprintf(stderr, "%s\n", err.text);
            _exit(theirs ? 0 : 1);
        }
    for (int i = 0; i < HOSTS; i++) {
        int status = -1;
        wait(&status);
        CU_ASSERT_EQUAL(status, 0);
    }
    open_store();
    UNIT_TEXT(query("SELECT count(*) FROM fastenr.meta"), "2");
}

/* ---- opening ---- */

static void expect_refused(const char *url, const char *says)
{
    struct store *opened = store_open_existing(url, dir, &world, &err);
    CU_ASSERT_PTR_NULL(opened);
    store_close(opened);
    if (!strstr(err.text, says))
        fprintf(stderr, "%s: %s\n", url, err.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, says));
    CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
}

static void test_opening(void)
{
    expect_refused("postgresql://u:hunter2@/db?host=/no/such/folder", "cannot connect");
    expect_refused("postgres://u:hunter2@127.0.0.1:1/db", "cannot connect");
    expect_refused("postgresql://u:hunter2%zz@h/db", "cannot be read");
    expect_refused("postgresql://u@h/db?password=hunter2%zz", "cannot be read");
    expect_refused("postgresql://u@h/db?hunter2=1", "cannot be read");
    CU_ASSERT_PTR_NULL(strstr(store_location(store), "?"));
    CU_ASSERT_PTR_NOT_NULL(strstr(store_location(store), "postgresql://owner@"));
    CU_ASSERT(!store_is_file(store));
    store_close(store);
    engine_clean();
    expect_refused(engine_url, "run `fastenr sync` first");
    open_store();
}

/* The URL of a new role that owns nothing. */
static const char *make_worker(void)
{
    static char url[400];
    sql("DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'worker') THEN "
        "DROP OWNED BY worker; DROP ROLE worker; END IF; END $$; CREATE ROLE worker LOGIN");
    snprintf(url, sizeof url, "postgresql://worker%s", strchr(engine_url, '@'));
    return url;
}

/* A role that owns nothing does all the daily work; one without rights is told where to look. */
static void test_role_that_owns_nothing(void)
{
    const char *url = make_worker(), *owner = engine_url;
    expect_refused(url, "docs/stores.md");
    sql("GRANT USAGE ON SCHEMA fastenr TO worker;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA fastenr TO worker;"
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA fastenr TO worker;"
        "REVOKE INSERT, UPDATE, DELETE ON fastenr.schema_version FROM worker");
    store_close(store);
    engine_url = url;
    open_store();
    test_create_and_update();
    struct quarantine_write bad = {.stream = companies.id,
                                   .external_id = STR("c9"),
                                   .reason = STR("no money"),
                                   .payload = STR("{}")};
    struct link_write gone = {.stream = companies.id, .external_id = STR("c9")};
    struct store_batch batch = {.object = account,
                                .run = run,
                                .quarantined = &bad,
                                .quarantined_count = 1,
                                .cleared = &gone,
                                .cleared_count = 1};
    int64_t id;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->custom_field(store, account, STR("city"), &id, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection, &err), 0);
    OK(ENGINE->reap(store, 0, &err));
    engine_url = owner;
}

/* ---- lost sessions ---- */

static void test_session_lost_in_a_transaction(void)
{
    put_dictionaries();
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection, &err), 0);
    OK(ENGINE->begin(store, &err));
    companies.has_watermark = true;
    companies.watermark = 9;
    OK(ENGINE->set_stream(store, &companies, &err));
    end_sessions();
    CU_ASSERT_EQUAL(ENGINE->set_stream(store, &companies, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the connection was lost"));
    CU_ASSERT_EQUAL(ENGINE->commit(store, &err), -1);
    ENGINE->rollback(store);
    struct stream_state state;
    OK(ENGINE->begin(store, &err)); /* again, with the lease */
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &state, &err));
    CU_ASSERT(!state.has_watermark);
    OK(ENGINE->commit(store, &err));
    struct store *theirs = store_open(engine_url, dir, &world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(theirs);
    CU_ASSERT_EQUAL(theirs->engine->lease(theirs, connection, &err), 1);
    store_close(theirs);
}

static void test_session_lost_between_transactions(void)
{
    struct stream_state state;
    put_dictionaries();
    end_sessions();
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &state, &err));
    OK(ENGINE->commit(store, &err));
    end_sessions();
    int64_t links;
    OK(ENGINE->count_links(store, companies.id, &links, &err));
}

/* Another host had the lease in between: the run of the first one must not go on. */
static void test_lease_lost_with_the_session(void)
{
    put_dictionaries();
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection, &err), 0);
    end_sessions();
    struct store *theirs = store_open(engine_url, dir, &world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(theirs);
    CU_ASSERT_EQUAL(theirs->engine->lease(theirs, connection, &err), 0);
    CU_ASSERT_EQUAL(ENGINE->begin(store, &err), -1); /* they have it */
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another host has synced"));
    store_close(theirs);
    CU_ASSERT_EQUAL(ENGINE->begin(store, &err), -1); /* they had it */
    ENGINE->release(store, connection);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection, &err), 0);
}

/* ---- several hosts ---- */

/* What is merged with a record is what is there when the merge is committed. */
static void test_loaded_records_are_locked(void)
{
    struct record_row row;
    int64_t key = 1;
    put_dictionaries();
    create("c1", "Acme", NULL);
    PGconn *other = connect_other();
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    run_on(other, "BEGIN; SELECT 1 FROM fastenr.account WHERE key = 1 FOR UPDATE NOWAIT; COMMIT");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    PGresult *r = PQexec(other, "SELECT 1 FROM fastenr.account WHERE key = 1 FOR UPDATE NOWAIT");
    CU_ASSERT_EQUAL(PQresultStatus(r), PGRES_FATAL_ERROR);
    PQclear(r);
    OK(ENGINE->commit(store, &err));
    PQfinish(other);
}

/* Two hosts that add many records at once get numbers of their own. */
static void test_numbers_are_not_shared(void)
{
    struct store *theirs = store_open(engine_url, dir, &world, &err);
    int64_t ours, other, later;
    CU_ASSERT_PTR_NOT_NULL_FATAL(theirs);
    put_dictionaries();
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->allocate(store, account, 100, &ours, &err));
    OK(theirs->engine->allocate(theirs, account, 100, &other, &err));
    OK(ENGINE->allocate(store, account, 100, &later, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT(other >= ours + 100 && later >= other + 100);
    store_close(theirs);
}

static void test_log_names_its_transaction(void)
{
    put_dictionaries();
    create("c1", "Acme", NULL);
    create("c2", "Other", NULL);
    UNIT_TEXT(query("SELECT count(DISTINCT xid) FROM fastenr.log WHERE xid < "
                    "pg_snapshot_xmin(pg_current_snapshot())"),
              "2");
}

/* ---- other writers ---- */

/* Rows of the log behind `at`, which moves on. */
static size_t follow(struct log_position *at, struct log_row **ret_rows)
{
    size_t count;
    OK(ENGINE->load_log(store, at, 100, ret_rows, &count, &arena, &err));
    if (count > 0)
        *at = (*ret_rows)[count - 1].position;
    return count;
}

/* A transaction that began early and commits late: who follows the log waits for it rather than
 * passing it by. */
static void test_slow_transaction(void)
{
    struct log_position at = {0};
    struct log_row *rows;
    put_dictionaries();
    create(NULL, "One", NULL);
    PGconn *slow = connect_other();
    run_on(slow, "SET search_path = fastenr; BEGIN; UPDATE account SET name = 'Slow'");
    create(NULL, "Two", NULL);
    CU_ASSERT_PTR_NULL(foreign("INSERT INTO account (name) VALUES ('Fast')"));
    CU_ASSERT_EQUAL(follow(&at, &rows), 1);
    CU_ASSERT_EQUAL(follow(&at, &rows), 0); /* the later ones are there, but wait */
    run_on(slow, "COMMIT");
    CU_ASSERT_EQUAL_FATAL(follow(&at, &rows), 3);
    CU_ASSERT(rows[0].op == LOG_UPDATE && rows[0].record == 1);
    CU_ASSERT_EQUAL(follow(&at, &rows), 0);
    /* A number of the log that was taken early, by a transaction that is numbered late. */
    run_on(slow, "BEGIN; SELECT nextval('log_seq')");
    CU_ASSERT_PTR_NULL(foreign("INSERT INTO account (name) VALUES ('Between')"));
    size_t first = follow(&at, &rows);
    run_on(slow, "INSERT INTO log (seq, object, record, op, at) "
                 "SELECT currval('log_seq'), 1, 1, 3, 0; COMMIT");
    size_t second = follow(&at, &rows);
    CU_ASSERT_EQUAL(first + second, 2);
    PQfinish(slow);
}

static int64_t note_exports(void)
{
    int64_t count;
    bool more;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->note_exports(store, companies.id, connection, account, 2, &more, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->count_exports(store, companies.id, &count, &err));
    return count;
}

/* Rows behind a transaction that is open wait for it, its own are not passed by; also one that was
 * open when exports began. */
static void test_slow_transaction_is_exported(void)
{
    put_dictionaries();
    for (int i = 0; i < 5; i++)
        create(NULL, "One", NULL);
    PGconn *early = connect_other(), *slow = connect_other();
    run_on(early, "SET search_path = fastenr; BEGIN; UPDATE account SET name = 'E' WHERE key = 1");
    CU_ASSERT_EQUAL(note_exports(), 0); /* the beginning */
    run_on(early, "COMMIT");
    CU_ASSERT_EQUAL(note_exports(), 1);
    run_on(slow, "SET search_path = fastenr; BEGIN; UPDATE account SET name = 'S' WHERE key = 2");
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET name = 'F' WHERE key = 3"));
    CU_ASSERT_EQUAL(note_exports(), 1);
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET name = 'F' WHERE key IN (4, 5)"));
    run_on(slow, "COMMIT");
    CU_ASSERT_EQUAL(note_exports(), 3);
    CU_ASSERT_EQUAL(note_exports(), 5);
    /* A number of the log that was taken early, by a transaction that is numbered late. */
    run_on(slow, "DELETE FROM export_due");
    run_on(slow, "BEGIN; SELECT nextval('log_seq')");
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET name = 'G' WHERE key = 3"));
    CU_ASSERT_EQUAL(note_exports(), 1);
    run_on(slow, "INSERT INTO log (seq, object, record, op, at) "
                 "SELECT currval('log_seq'), 1, 1, 2, 0; COMMIT");
    CU_ASSERT_EQUAL(note_exports(), 2);
    PQfinish(early);
    PQfinish(slow);
}

static void test_truncate_is_refused(void)
{
    put_dictionaries();
    create(NULL, "One", NULL);
    const char *refused = foreign("TRUNCATE account");
    CU_ASSERT_PTR_NOT_NULL_FATAL(refused);
    CU_ASSERT_PTR_NOT_NULL(strstr(refused, "Use DELETE"));
}

static void test_copy_is_captured(void)
{
    put_dictionaries();
    PGconn *other = connect_other();
    PGresult *r = PQexec(other, "COPY fastenr.account (name) FROM STDIN");
    CU_ASSERT_EQUAL_FATAL(PQresultStatus(r), PGRES_COPY_IN);
    PQclear(r);
    PQputCopyData(other, "One\nTwo\nThree\n", 14);
    CU_ASSERT_EQUAL(PQputCopyEnd(other, NULL), 1);
    while ((r = PQgetResult(other))) {
        CU_ASSERT_EQUAL(PQresultStatus(r), PGRES_COMMAND_OK);
        PQclear(r);
    }
    PQfinish(other);
    UNIT_TEXT(query("SELECT count(*) FROM fastenr.log l JOIN fastenr.account a "
                    "ON a.rev = l.seq AND a.key = l.record WHERE l.op = 1 AND l.run IS NULL"),
              "3");
}

/* The platform's own role has rights to the records alone, and cannot call itself the host. */
static void test_role_with_rights_to_records_alone(void)
{
    put_dictionaries();
    create(NULL, "One", NULL);
    sql("DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'platform') THEN "
        "DROP OWNED BY platform; DROP ROLE platform; END IF; END $$; CREATE ROLE platform LOGIN;"
        "GRANT USAGE ON SCHEMA fastenr TO platform;"
        "GRANT SELECT, INSERT (name, domain), UPDATE (name, domain), DELETE "
        "ON fastenr.account TO platform; GRANT USAGE ON SEQUENCE fastenr.account_key TO platform");
    char url[400];
    const char *owner = engine_url;
    snprintf(url, sizeof url, "postgresql://platform%s", strchr(owner, '@'));
    engine_url = url;
    CU_ASSERT_PTR_NOT_NULL(foreign("DELETE FROM log"));
    CU_ASSERT_PTR_NOT_NULL(foreign("UPDATE account SET rev = rev + 1"));
    CU_ASSERT_PTR_NULL(foreign("SET fastenr.host = 'on'; UPDATE account SET name = 'Theirs'"));
    CU_ASSERT_PTR_NULL(foreign("INSERT INTO account (name) VALUES ('New')"));
    CU_ASSERT_PTR_NULL(foreign("DELETE FROM account WHERE name = 'New'"));
    engine_url = owner;
    UNIT_TEXT(query("SELECT string_agg(op::text, ' ' ORDER BY seq) FROM fastenr.log "
                    "WHERE run IS NULL"),
              "2 1 3");
}

/* As another fastenr may have left them, or somebody who wanted them gone. */
static void test_triggers_are_made_anew(void)
{
    store_close(store);
    sql("DROP TRIGGER account_updated ON fastenr.account; CREATE OR REPLACE FUNCTION "
        "fastenr.account_deleted() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NULL; END'; ALTER TABLE fastenr.account ALTER id DROP DEFAULT");
    open_store();
    test_foreign_delete();
}

/* What exports, retention and rollbacks brought is taken out again. */
#define UNDO_EXPORTS                                                                               \
    "DROP TABLE fastenr.merged_away; DROP TABLE fastenr.prune_mark; DROP INDEX "                   \
    "fastenr.quarantine_last; "                                                                    \
    "ALTER TABLE fastenr.run DROP COLUMN pruned_at; "                                              \
    "DROP TABLE fastenr.export_due, fastenr.export_write, fastenr.sent, fastenr.conflict; "        \
    "ALTER TABLE fastenr.link DROP COLUMN seen_local, DROP COLUMN base; ALTER TABLE "              \
    "fastenr.run_stream "                                                                          \
    "DROP COLUMN sent_created, DROP COLUMN sent_updated, DROP COLUMN sent_deleted, "               \
    "DROP COLUMN refused, DROP COLUMN conflicted; ALTER TABLE fastenr.run DROP COLUMN log_from, "  \
    "DROP COLUMN rolls_back, DROP COLUMN kind; DROP TABLE fastenr.moved_link, "                    \
    "fastenr.moved_pending; "

/* Of a store from before exports all stays as it is, and takes part in them. */
static void test_store_from_before_exports(void)
{
    put_dictionaries();
    create("c1", "One", NULL);
    CU_ASSERT_PTR_NULL(foreign("INSERT INTO account (name) VALUES ('Two')"));
    struct run_stream_row row = {.stream = companies.id, .counts = {.created = 3}};
    OK(ENGINE->run_stream(store, run, &row, &err));
    store_close(store);
    sql(UNDO_EXPORTS "UPDATE fastenr.schema_version SET version = 8");
    open_store();
    test_exports_of_an_older_store();
}

/* A store from before other programs could write. */
static void test_older_schema_is_migrated(void)
{
    put_dictionaries();
    create("c1", "One", NULL);
    store_close(store);
    sql(UNDO_EXPORTS
        "SET client_min_messages = error; DROP TABLE fastenr.log_consumer; "
        "DROP INDEX fastenr.log_xid; DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid "
        "FROM pg_proc WHERE pronamespace = 'fastenr'::regnamespace LOOP "
        "EXECUTE 'DROP FUNCTION IF EXISTS ' || f || ' CASCADE'; END LOOP; END $$; "
        "UPDATE fastenr.schema_version SET version = 7");
    open_store();
    CU_ASSERT_EQUAL(find_link("c1").record, 1);
    CU_ASSERT_PTR_NULL(foreign("INSERT INTO account (name) VALUES ('Theirs')"));
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET name = 'Changed'"));
    UNIT_TEXT(query("SELECT count(*) FROM fastenr.log WHERE run IS NULL"), "3");
}

/* All tables get files of their own, and the statistics, which have samples of values. */
static void test_vacuum_rewrites_all(void)
{
    static const char files[] = "SELECT count(*) FROM files f JOIN pg_class c ON c.oid = f.oid "
                                "WHERE pg_relation_filenode(c.oid) = f.file";
    put_dictionaries();
    create("c1", "Acme", NULL);
    sql("CREATE TABLE IF NOT EXISTS files (oid oid, file oid); TRUNCATE files; ANALYZE;"
        "INSERT INTO files SELECT c.oid, pg_relation_filenode(c.oid) FROM pg_class c WHERE "
        "(relnamespace = 'fastenr'::regnamespace AND relkind = 'r') OR relname = 'pg_statistic'");
    CU_ASSERT(atoi(query(files)) > 20);
    OK(ENGINE->vacuum(store, &err));
    UNIT_TEXT(query(files), "0");
    sql("DROP TABLE files");
}

/* PostgreSQL only warns where a role may not: here it is an error, with what to do. */
static void test_vacuum_by_whom_it_may_not(void)
{
    const char *url = make_worker(), *owner = engine_url;
    sql("GRANT USAGE ON SCHEMA fastenr TO worker;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA fastenr TO worker");
    store_close(store);
    engine_url = url;
    open_store();
    CU_ASSERT_EQUAL(ENGINE->vacuum(store, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the role worker may not rewrite fastenr."));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the tables' owner"));
    /* The owner of the tables, in somebody else's database. */
    engine_url = owner;
    sql("DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class WHERE relnamespace = "
        "'fastenr'::regnamespace AND relkind = 'r' LOOP EXECUTE format('ALTER TABLE fastenr.%I "
        "OWNER TO worker', t); END LOOP; END $$");
    CU_ASSERT_EQUAL(ENGINE->vacuum(store, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "VACUUM FULL pg_catalog.pg_statistic"));
}

STORE_SUITE_FUNCTIONS
IN_STORE(test_slow_transaction)
IN_STORE(test_truncate_is_refused)
IN_STORE(test_copy_is_captured)
IN_STORE(test_role_with_rights_to_records_alone)
IN_STORE(test_triggers_are_made_anew)
IN_STORE(test_older_schema_is_migrated)
IN_STORE(test_store_from_before_exports)
IN_STORE(test_slow_transaction_is_exported)
IN_STORE(test_schema_is_the_model)
IN_STORE(test_missing_column_is_added)
IN_STORE(test_newer_schema_is_refused)
IN_STORE(test_hosts_start_together)
IN_STORE(test_opening)
IN_STORE(test_role_that_owns_nothing)
IN_STORE(test_session_lost_in_a_transaction)
IN_STORE(test_session_lost_between_transactions)
IN_STORE(test_lease_lost_with_the_session)
IN_STORE(test_loaded_records_are_locked)
IN_STORE(test_numbers_are_not_shared)
IN_STORE(test_log_names_its_transaction)
IN_STORE(test_vacuum_rewrites_all)
IN_STORE(test_vacuum_by_whom_it_may_not)

const char *const unit_suite = "store on PostgreSQL";
const struct unit_test unit_tests[] = {
    STORE_SUITE_TESTS{"the schema has the model's columns", store_test_schema_is_the_model},
    {"a column and a table that are missing are made", store_test_missing_column_is_added},
    {"a newer schema is refused", store_test_newer_schema_is_refused},
    {"hosts that start together", store_test_hosts_start_together},
    {"opening what is no store, and no password is shown", store_test_opening},
    {"a role that owns nothing", store_test_role_that_owns_nothing},
    {"a session lost in a transaction", store_test_session_lost_in_a_transaction},
    {"a session lost between transactions", store_test_session_lost_between_transactions},
    {"a lease lost with its session", store_test_lease_lost_with_the_session},
    {"loaded records are locked", store_test_loaded_records_are_locked},
    {"two hosts take numbers", store_test_numbers_are_not_shared},
    {"the log names its transaction", store_test_log_names_its_transaction},
    {"a transaction that commits late", store_test_slow_transaction},
    {"records are not truncated", store_test_truncate_is_refused},
    {"copied rows are captured", store_test_copy_is_captured},
    {"a role with rights to records alone", store_test_role_with_rights_to_records_alone},
    {"triggers that differ are made anew", store_test_triggers_are_made_anew},
    {"an older schema is migrated", store_test_older_schema_is_migrated},
    {"a vacuum rewrites all tables", store_test_vacuum_rewrites_all},
    {"a vacuum by a role that may not", store_test_vacuum_by_whom_it_may_not},
    {"a store from before exports is migrated", store_test_store_from_before_exports},
    {"what commits late is exported later", store_test_slow_transaction_is_exported},
    {NULL, NULL},
};
