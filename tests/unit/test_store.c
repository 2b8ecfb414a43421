/* SPDX-License-Identifier: Apache-2.0 */
/* The store on SQLite: the suite, and what this engine has of its own. */
#include "store_suite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const char *engine_url = "sqlite:test.db";

void engine_clean(void)
{
    /* Each test has a folder of its own. */
}

static const char *db_path(void)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/test.db", dir);
    return path;
}

const char *foreign(const char *statement)
{
    static char refused[200];
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(db_path(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    bool done = sqlite3_exec(db, statement, NULL, NULL, NULL) == SQLITE_OK;
    snprintf(refused, sizeof refused, "%s", done ? "" : sqlite3_errmsg(db));
    sqlite3_close(db);
    return done ? NULL : refused;
}

void wait_readable(int fd)
{
    CU_ASSERT_EQUAL(fd, -1); /* SQLite is asked */
}

static void test_schema_is_the_model(void)
{
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(db_path(), &db), SQLITE_OK);
    for (size_t o = 0; o < model_object_count; o++) {
        const struct model_object *object = &model_objects[o];
        sqlite3_stmt *stmt;
        char sql[100];
        size_t fields = 0;
        snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s')", object->name);
        CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            int i = model_field(object, str_from((const char *)sqlite3_column_text(stmt, 0)));
            if (i < 0)
                continue;
            fields++;
            UNIT_TEXT((const char *)sqlite3_column_text(stmt, 1),
                      model_is_text(object->fields[i].kind) ? "TEXT" : "INTEGER");
        }
        CU_ASSERT_EQUAL(fields, object->field_count);
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
}

/* Triggers would keep columns from being dropped. */
static void drop_triggers(sqlite3 *db)
{
    static const char *const suffixes[] = {"inserted", "updated", "identity", "deleted"};
    char sql[100];
    for (size_t o = 0; o < model_object_count; o++)
        for (int i = 0; i < 4; i++) {
            snprintf(sql, sizeof sql, "DROP TRIGGER %s_%s", model_objects[o].name, suffixes[i]);
            CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        }
}

/* What exports, retention and rollbacks brought is taken out again. */
#define UNDO_EXPORTS                                                                               \
    "DROP TABLE merged_away; DROP TABLE prune_mark; DROP INDEX quarantine_last; ALTER TABLE run "  \
    "DROP COLUMN pruned_at;"                                                                       \
    "DROP TABLE export_due; DROP TABLE export_write; DROP TABLE sent; DROP TABLE conflict;"        \
    "ALTER TABLE link DROP COLUMN seen_local; ALTER TABLE link DROP COLUMN base;"                  \
    "ALTER TABLE run_stream DROP COLUMN sent_created;"                                             \
    "ALTER TABLE run_stream DROP COLUMN sent_updated;"                                             \
    "ALTER TABLE run_stream DROP COLUMN sent_deleted;"                                             \
    "ALTER TABLE run_stream DROP COLUMN refused; ALTER TABLE run_stream DROP COLUMN conflicted;"   \
    "ALTER TABLE run DROP COLUMN log_from; ALTER TABLE run DROP COLUMN rolls_back;"                \
    "ALTER TABLE run DROP COLUMN kind; DROP TABLE moved_link; DROP TABLE moved_pending;"

/* Of a store from before exports all stays as it is, and takes part in them. */
static void test_store_from_before_exports(void)
{
    sqlite3 *db;
    put_dictionaries();
    create("c1", "One", NULL);
    CU_ASSERT_PTR_NULL(foreign("INSERT INTO account (name) VALUES ('Two')"));
    struct run_stream_row row = {.stream = companies.id, .counts = {.created = 3}};
    OK(ENGINE->run_stream(store, run, &row, &err));
    store_close(store);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(db_path(), &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_exec(db, UNDO_EXPORTS "PRAGMA user_version = 8", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    open_store();
    test_exports_of_an_older_store();
}

/* A store from before records could end, and before other programs could add any. */
static void test_older_schema_is_migrated(void)
{
    static const char undo[] = UNDO_EXPORTS
        "DROP TABLE log_consumer; DROP TABLE key_floor; PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = replace(replace(sql, 'NOT NULL DEFAULT 0', 'NOT NULL'), "
        "'NOT NULL DEFAULT x' || char(39, 39), 'NOT NULL') WHERE sql LIKE "
        "'CREATE TABLE % (key INTEGER PRIMARY KEY, id BLOB NOT NULL DEFAULT x%';"
        "PRAGMA writable_schema = RESET;"
        "DROP TABLE vendor_field; DROP TABLE vendor_schema;"
        "DROP INDEX link_ended; ALTER TABLE link DROP COLUMN ended; DROP TABLE walk_seen;"
        "ALTER TABLE stream DROP COLUMN deleted_watermark;"
        "ALTER TABLE stream DROP COLUMN reconciled_at; ALTER TABLE stream DROP COLUMN walk_links;"
        "ALTER TABLE run_stream DROP COLUMN deleted; ALTER TABLE run_stream DROP COLUMN restored;"
        "ALTER TABLE run_stream DROP COLUMN followed;"
        "ALTER TABLE account DROP COLUMN deleted_at; ALTER TABLE deal DROP COLUMN deleted_at;"
        "PRAGMA user_version = 4";
    sqlite3 *db;
    put_dictionaries();
    create("c1", "One", "one.test");
    store_close(store);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(db_path(), &db), SQLITE_OK);
    drop_triggers(db);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, undo, NULL, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, "INSERT INTO account (name) VALUES ('x')", NULL, NULL, NULL),
                    SQLITE_CONSTRAINT);
    sqlite3_close(db);
    open_store();
    struct buf summary = BUF_INIT(200);
    OK(ENGINE->verify(store, &summary, &err));
    UNIT_TEXT(buf_cstr(&summary), "1 accounts, 0 contacts, 0 deals, 0 engagements, 0 tickets, "
                                  "0 custom_records, 0 owners, 0 pipeline_stages");
    buf_free(&summary);
    CU_ASSERT(find_link("c1").ended == LINK_LIVE && find_link("c1").record == 1);
    create("c2", "Two", NULL);
    CU_ASSERT_PTR_NULL(foreign("INSERT INTO account (name) VALUES ('Theirs')"));
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET name = 'Changed', deleted_at = 1"));
    CU_ASSERT_EQUAL(sqlite3_open(db_path(), &db), SQLITE_OK);
    sqlite3_stmt *stmt;
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM log WHERE run IS NULL", -1, &stmt, NULL),
        SQLITE_OK);
    CU_ASSERT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 7);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* As another fastenr may have left it. */
static void test_triggers_are_made_anew(void)
{
    CU_ASSERT_PTR_NULL(
        foreign("DROP TRIGGER account_updated; DROP TRIGGER account_deleted; "
                "CREATE TRIGGER account_updated AFTER UPDATE ON account BEGIN SELECT 1; END"));
    store_close(store);
    open_store();
    test_foreign_update();
}

static void test_newer_schema_is_refused(void)
{
    sqlite3 *db;
    store_close(store);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(db_path(), &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    store = store_open(engine_url, dir, &world, &err);
    CU_ASSERT_PTR_NULL(store);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "upgrade fastenr"));
}

static void test_opening(void)
{
    struct stat st;
    CU_ASSERT(stat(db_path(), &st) == 0 && (st.st_mode & 0777) == 0600);
    CU_ASSERT_PTR_NULL(store_open("mysql://x", dir, &world, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no sqlite: or postgresql: URL"));
    CU_ASSERT_PTR_NULL(store_open("postgre://u:secret@x", dir, &world, &err));
    CU_ASSERT_PTR_NULL(strstr(err.text, "secret"));
    CU_ASSERT_PTR_NULL(store_open("sqlite:///no/such/folder/x.db", dir, &world, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "make its folder"));
    CU_ASSERT_PTR_NULL(store_open_existing("sqlite:none.db", dir, &world, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "run `fastenr sync` first"));
    char path[128];
    snprintf(path, sizeof path, "%s/text.db", dir);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    CU_ASSERT_PTR_NULL(store_open("sqlite:text.db", dir, &world, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not a database"));
}

static void test_removed_while_open(void)
{
    static const struct uuid id = {{9}};
    int64_t key;
    char path[128];
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->organization(store, &id, &key, &err));
    snprintf(path, sizeof path, "%s", db_path());
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT(ENGINE->commit(store, &err) == -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "removed or replaced"));
    ENGINE->rollback(store);
}

/* A reader holds up the journal, where what was erased still is. */
static void test_vacuum_and_a_reader(void)
{
    sqlite3 *reader;
    put_dictionaries();
    create("c1", "Acme", NULL);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(db_path(), &reader), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM account", NULL, NULL, NULL), SQLITE_OK);
    create("c2", "Other", NULL);
    CU_ASSERT_EQUAL(ENGINE->vacuum(store, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another program holds the database"));
    sqlite3_close(reader);
    OK(ENGINE->vacuum(store, &err));
    struct stat st;
    char path[140];
    snprintf(path, sizeof path, "%s-wal", db_path());
    CU_ASSERT(stat(path, &st) == 0 && st.st_size == 0);
}

STORE_SUITE_FUNCTIONS
IN_STORE(test_schema_is_the_model)
IN_STORE(test_older_schema_is_migrated)
IN_STORE(test_store_from_before_exports)
IN_STORE(test_triggers_are_made_anew)
IN_STORE(test_newer_schema_is_refused)
IN_STORE(test_opening)
IN_STORE(test_removed_while_open)
IN_STORE(test_vacuum_and_a_reader)

const char *const unit_suite = "store on SQLite";
const struct unit_test unit_tests[] = {
    STORE_SUITE_TESTS{"the schema has the model's columns", store_test_schema_is_the_model},
    {"an older schema is migrated", store_test_older_schema_is_migrated},
    {"a store from before exports is migrated", store_test_store_from_before_exports},
    {"triggers that differ are made anew", store_test_triggers_are_made_anew},
    {"a newer schema is refused", store_test_newer_schema_is_refused},
    {"opening what is no store", store_test_opening},
    {"no commit into a file that was removed", store_test_removed_while_open},
    {"a vacuum that a reader holds up fails", store_test_vacuum_and_a_reader},
    {NULL, NULL},
};
