/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine of the store must do. The store's URL comes from the engine under test. */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <signal.h>

#include "base/loop_uv.h"
#include "base/time.h"
#include "store/store.h"

static char dir[64];
static struct world world;
static struct store *store;
static struct error err;
static struct arena arena;
static int commits_allowed;

static bool may_commit(void *self)
{
    (void)self;
    return commits_allowed-- > 0;
}

static void open_store(void)
{
    store = store_open("sqlite:test.db", dir, &world, &err);
    if (!store)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
}

#define OK(call) CU_ASSERT_EQUAL_FATAL((call), 0)
#define ENGINE   store->engine

/* ---- a small world of rows ---- */

static const struct model_object *account;
static int64_t organization, connection, run;
static struct stream_state companies;

static void put_dictionaries(void)
{
    static const struct uuid id = {{1, 2, 3}};
    account = model_object(STR("account"));
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->organization(store, &id, &organization, &err));
    OK(ENGINE->connection(store, STR("crm"), STR("com.fastenr.hubspot"), &connection, &err));
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &companies, &err));
    OK(ENGINE->run_start(store, connection, STR("test"), &run, &err));
    OK(ENGINE->commit(store, &err));
}

static struct value text(const char *s)
{
    return (struct value){.state = VALUE_TEXT, .text = str_from(s)};
}

static struct record_row *new_row(int64_t key, const char *name, const char *domain)
{
    struct record_row *row = arena_new(&arena, 1, sizeof *row);
    row->key = key;
    row->id.bytes[15] = (uint8_t)key;
    row->created_at = row->updated_at = 1000;
    row->fields[0] = text(name);
    if (domain)
        row->fields[1] = text(domain);
    return row;
}

static void create(const char *external_id, const char *name, const char *domain)
{
    int64_t key;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->allocate(store, account, 1, &key, &err));
    struct record_create create = {new_row(key, name, domain)};
    struct link_write link = {.stream = companies.id,
                              .record = key,
                              .external_id = str_from(external_id),
                              .seen_remote = STR("seen")};
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .now_us = 1000,
                                .creates = &create,
                                .create_count = 1,
                                .links = external_id ? &link : NULL,
                                .link_count = external_id ? 1 : 0};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
}

static struct link_row find_link(const char *external_id)
{
    struct link_row row;
    struct str id = str_from(external_id);
    OK(ENGINE->load_links(store, companies.id, &id, 1, &row, &arena, &err));
    return row;
}

/* ---- tests ---- */

static void test_create_and_update(void)
{
    put_dictionaries();
    create("c1", "Acme", "acme.test");
    create("c2", "Umlaut \xc3\xbc", NULL);
    struct link_row link = find_link("c1");
    CU_ASSERT_EQUAL(link.record, 1);
    CU_ASSERT(str_is(link.seen_remote, "seen"));
    CU_ASSERT_EQUAL(find_link("nobody").key, 0);

    struct record_row rows[2];
    int64_t keys[] = {1, 99};
    OK(ENGINE->load_records(store, account, keys, 2, rows, &arena, &err));
    CU_ASSERT_EQUAL(rows[1].key, 0);
    CU_ASSERT_EQUAL(rows[0].rev, 1);
    rows[0].fields[0] = text("Acme Inc");
    rows[0].fields[4] = (struct value){.state = VALUE_INTEGER, .integer = 1200050};
    rows[0].custom = STR("{\"city\":\"Bern\"}");
    rows[0].updated_at = 2000;
    struct record_update update = {.row = &rows[0],
                                   .changed = 1u << 0 | 1u << 4,
                                   .custom_changed = true,
                                   .body = STR("{\"name\":[\"Acme\",\"Acme Inc\"]}")};
    struct link_write seen = {.key = link.key, .seen_remote = STR("later"), .remote_modified = 7};
    struct store_batch batch = {.object = account,
                                .run = run,
                                .now_us = 2000,
                                .updates = &update,
                                .update_count = 1,
                                .links = &seen,
                                .link_count = 1};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));

    OK(ENGINE->load_records(store, account, keys, 1, rows, &arena, &err));
    CU_ASSERT(str_is(rows[0].fields[0].text, "Acme Inc"));
    CU_ASSERT(str_is(rows[0].fields[1].text, "acme.test"));
    CU_ASSERT_EQUAL(rows[0].fields[4].integer, 1200050);
    CU_ASSERT(str_is(rows[0].custom, "{\"city\":\"Bern\"}"));
    CU_ASSERT_EQUAL(rows[0].rev, 3);
    CU_ASSERT(str_is(find_link("c1").seen_remote, "later"));
    struct buf summary = BUF_INIT(200);
    OK(ENGINE->verify(store, &summary, &err));
    UNIT_TEXT(buf_cstr(&summary), "2 accounts, 0 contacts, 0 deals, 0 engagements, 0 tickets");
    buf_free(&summary);
}

static void test_match(void)
{
    struct value domains[] = {text("one.test"), text("two.test"), text("three.test"), {0}};
    struct match_row found[4];
    put_dictionaries();
    create(NULL, "One", "one.test");
    create(NULL, "Two", "two.test");
    create(NULL, "Two again", "two.test");
    create("c4", "Linked", "three.test");
    OK(ENGINE->match(store, account, organization, companies.id, 1, domains, 4, found, &err));
    CU_ASSERT(found[0].record == 1 && found[0].other == 0);
    CU_ASSERT(found[1].record == 2 && found[1].other == 3); /* ambiguous */
    CU_ASSERT_EQUAL(found[2].record, 0);                    /* this stream has it already */
    CU_ASSERT_EQUAL(found[3].record, 0);                    /* null matches nothing */
    OK(ENGINE->match(store, account, organization, companies.id + 1, 1, domains, 3, found, &err));
    CU_ASSERT_EQUAL(found[2].record, 4); /* another stream may link it */
    OK(ENGINE->match(store, account, organization + 1, companies.id, 1, domains, 1, found, &err));
    CU_ASSERT_EQUAL(found[0].record, 0); /* another organisation's */
    struct value name = text("One");     /* a field without an index */
    OK(ENGINE->match(store, account, organization, companies.id, 0, &name, 1, found, &err));
    CU_ASSERT_EQUAL(found[0].record, 1);
}

static void test_stream_state(void)
{
    put_dictionaries();
    CU_ASSERT(!companies.has_watermark);
    companies.has_watermark = true;
    companies.watermark = 123;
    companies.mapping_hash = -5;
    companies.walk = WALK_WINDOW;
    companies.since = 100;
    companies.until = 200;
    companies.position = STR("a\0b");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->set_stream(store, &companies, &err));
    OK(ENGINE->commit(store, &err));
    store_close(store);
    open_store();
    struct stream_state again;
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &again, &err));
    CU_ASSERT(again.has_watermark && again.watermark == 123 && again.mapping_hash == -5);
    CU_ASSERT(again.walk == WALK_WINDOW && again.since == 100 && again.until == 200);
    CU_ASSERT(str_eq(again.position, STR("a\0b")));
    const struct model_object *contact = model_object(STR("contact"));
    CU_ASSERT(ENGINE->stream(store, connection, STR("companies"), contact, &arena, &again, &err) ==
              -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "became account records"));
    int64_t id;
    CU_ASSERT(ENGINE->connection(store, STR("crm"), STR("com.other"), &id, &err) == -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "give the new connection another name"));
}

static void test_custom_fields(void)
{
    int64_t a, b, again;
    put_dictionaries();
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->custom_field(store, account, STR("city"), &a, &err));
    OK(ENGINE->custom_field(store, account, STR("country"), &b, &err));
    OK(ENGINE->custom_field(store, account, STR("city"), &again, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(a, FIELD_ID_CUSTOM);
    CU_ASSERT_EQUAL(b, FIELD_ID_CUSTOM + 1);
    CU_ASSERT_EQUAL(again, a);
}

static bool count_quarantined(void *arg, const struct quarantine_row *row)
{
    struct buf *out = arg;
    buf_printf(out, "%.*s/%.*s x%d %.*s: %.*s; ", STR_ARG(row->vendor_object),
               STR_ARG(row->external_id), (int)row->times, STR_ARG(row->field),
               STR_ARG(row->reason));
    return true;
}

static void test_quarantine(void)
{
    struct buf out = BUF_INIT(1000);
    put_dictionaries();
    struct quarantine_write bad = {.stream = companies.id,
                                   .external_id = STR("c9"),
                                   .field = STR("arr"),
                                   .reason = STR("no money"),
                                   .payload = STR("{}")};
    struct store_batch batch = {
        .object = account, .run = run, .now_us = 5, .quarantined = &bad, .quarantined_count = 1};
    for (int i = 0; i < 2; i++) {
        OK(ENGINE->begin(store, &err));
        OK(ENGINE->apply(store, &batch, &err));
        OK(ENGINE->commit(store, &err));
    }
    OK(ENGINE->each_quarantined(store, STR("crm"), STR(""), 0, count_quarantined, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "companies/c9 x2 arr: no money; ");
    buf_clear(&out);
    struct link_write gone = {.stream = companies.id, .external_id = STR("c9")};
    struct store_batch clear = {
        .object = account, .run = run, .cleared = &gone, .cleared_count = 1};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &clear, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->each_quarantined(store, STR(""), STR(""), 0, count_quarantined, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "");
    buf_free(&out);
}

static void test_pending(void)
{
    struct pending_row *rows;
    size_t count;
    struct str missing = STR("c7");
    put_dictionaries();
    struct pending_write pending = {
        .stream = companies.id,
        .row = {.external_id = missing, .object = account->id, .record = 1, .field = 13}};
    struct store_batch batch = {
        .object = account, .run = run, .pending = &pending, .pending_count = 1};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->apply(store, &batch, &err)); /* the same again is one row */
    OK(ENGINE->load_pending(store, companies.id, &missing, 1, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT(rows[0].record == 1 && rows[0].field == 13 && rows[0].object == account->id);
    pending.row.external_id = STR("");
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->load_pending(store, companies.id, &missing, 1, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL(count, 0);
    OK(ENGINE->commit(store, &err));
}

static void test_rollback_and_refused_commit(void)
{
    put_dictionaries();
    OK(ENGINE->begin(store, &err));
    companies.watermark = 9;
    companies.has_watermark = true;
    OK(ENGINE->set_stream(store, &companies, &err));
    ENGINE->rollback(store);
    struct stream_state state;
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &state, &err));
    CU_ASSERT(!state.has_watermark);
    world.may_commit = may_commit;
    commits_allowed = 0;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->set_stream(store, &companies, &err));
    CU_ASSERT(ENGINE->commit(store, &err) == -1);
    ENGINE->rollback(store);
    world.may_commit = NULL;
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &state, &err));
    CU_ASSERT(!state.has_watermark);
}

static bool write_run(void *arg, const struct run_row *row)
{
    struct buf *out = arg;
    buf_printf(out, "%d %s", (int)row->id, run_status_name(row->status));
    for (size_t i = 0; i < row->stream_count; i++)
        buf_printf(out, " %.*s=%d+%d", STR_ARG(row->streams[i].vendor_object),
                   (int)row->streams[i].counts.created, (int)row->streams[i].counts.updated);
    if (row->phase.len > 0)
        buf_printf(out, " [%.*s %d]", STR_ARG(row->phase), row->exit_signal);
    buf_text(out, "; ");
    return true;
}

static void test_runs(void)
{
    struct buf out = BUF_INIT(1000);
    put_dictionaries();
    struct run_stream_row counts = {.stream = companies.id,
                                    .mode = WALK_FULL,
                                    .until = 5,
                                    .counts = {.read = 3, .created = 2, .updated = 1}};
    struct run_row end = {.id = run,
                          .ended_at = 9,
                          .status = RUN_FAILED,
                          .reason = STR("it died"),
                          .phase = STR("read"),
                          .exit_signal = 11,
                          .exit_code = -1};
    OK(ENGINE->run_stream(store, run, &counts, &err));
    counts.counts.created = 5;
    OK(ENGINE->run_stream(store, run, &counts, &err));
    OK(ENGINE->run_end(store, &end, &err));
    int64_t second;
    OK(ENGINE->run_start(store, connection, STR("test"), &second, &err));
    OK(ENGINE->each_run(store, STR("crm"), 0, 10, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "2 running; 1 failed companies=5+1 [read 11]; ");
    buf_clear(&out);
    OK(ENGINE->each_run(store, STR("other"), 0, 10, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "");
    OK(ENGINE->reap(store, 0, &err)); /* nobody holds the lease */
    OK(ENGINE->each_run(store, STR(""), second, 10, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "2 interrupted; ");
    buf_free(&out);
}

/* Another host: a child process that takes the lease and is killed. */
static void test_lease_ends_with_its_host(void)
{
    int ready[2];
    char byte;
    put_dictionaries();
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *theirs = store_open("sqlite:test.db", dir, &world, &err);
        bool got = theirs && theirs->engine->lease(theirs, connection, &err) == 0;
        if (write(ready[1], got ? "y" : "n", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    CU_ASSERT(read(ready[0], &byte, 1) == 1 && byte == 'y');
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection, &err), 1);
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection + 1, &err), 0);
    struct buf out = BUF_INIT(100);
    OK(ENGINE->reap(store, 0, &err)); /* its run is alive */
    OK(ENGINE->each_run(store, STR(""), 0, 10, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "1 running; ");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection, &err), 0);
    ENGINE->release(store, connection);
    close(ready[0]);
    close(ready[1]);
    buf_free(&out);
}

static bool write_name(void *arg, const struct record_row *row)
{
    buf_printf(arg, "%.*s ", STR_ARG(row->fields[0].text));
    return true;
}

static void test_record_filter(void)
{
    struct buf out = BUF_INIT(1000);
    put_dictionaries();
    create(NULL, "A", "x.test");
    create(NULL, "B", "x.test");
    create(NULL, "C", NULL);
    struct record_filter filter = {.object = account, .organization = organization};
    OK(ENGINE->each_record(store, &filter, write_name, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "A B C ");
    buf_clear(&out);
    filter.where_count = 1;
    filter.where[0].field = 1;
    filter.where[0].value = text("x.test");
    filter.limit = 1;
    OK(ENGINE->each_record(store, &filter, write_name, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "A ");
    buf_clear(&out);
    filter.where[0].value = (struct value){0}; /* is null */
    OK(ENGINE->each_record(store, &filter, write_name, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "C ");
    buf_clear(&out);
    filter.where[0].field = -1; /* a custom field, with a name that tries to break out */
    filter.where[0].name = STR("x\"; DROP TABLE account; --");
    filter.where[0].value = text("1");
    ENGINE->each_record(store, &filter, write_name, &out, &err);
    UNIT_TEXT(buf_cstr(&out), "");
    filter.where_count = 0;
    filter.limit = 0;
    OK(ENGINE->each_record(store, &filter, write_name, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "A B C ");
    buf_free(&out);
}

/* ---- the SQLite engine's own ---- */

static const char *db_path(void)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/test.db", dir);
    return path;
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

static void test_newer_schema_is_refused(void)
{
    sqlite3 *db;
    store_close(store);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(db_path(), &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    store = store_open("sqlite:test.db", dir, &world, &err);
    CU_ASSERT_PTR_NULL(store);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "upgrade fastenr"));
}

static void test_opening(void)
{
    struct stat st;
    CU_ASSERT(stat(db_path(), &st) == 0 && (st.st_mode & 0777) == 0600);
    CU_ASSERT_PTR_NULL(store_open("mysql://x", dir, &world, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no sqlite: URL"));
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

static void in_store(void (*test)(void))
{
    char command[100];
    snprintf(dir, sizeof dir, "/tmp/fastenr-store-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    world = (struct world){.loop = loop_uv_new(1, &err), .random = world_random_real};
    open_store();
    test();
    store_close(store);
    loop_free(world.loop);
    arena_free(&arena);
    snprintf(command, sizeof command, "rm -r %s", dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

#define IN_STORE(name)                                                                             \
    static void store_##name(void)                                                                 \
    {                                                                                              \
        in_store(name);                                                                            \
    }
IN_STORE(test_create_and_update)
IN_STORE(test_match)
IN_STORE(test_stream_state)
IN_STORE(test_custom_fields)
IN_STORE(test_quarantine)
IN_STORE(test_pending)
IN_STORE(test_rollback_and_refused_commit)
IN_STORE(test_runs)
IN_STORE(test_lease_ends_with_its_host)
IN_STORE(test_record_filter)
IN_STORE(test_schema_is_the_model)
IN_STORE(test_newer_schema_is_refused)
IN_STORE(test_opening)

const char *const unit_suite = "store";
const struct unit_test unit_tests[] = {
    {"records are created, changed and linked", store_test_create_and_update},
    {"matching: one, several, linked already, another organisation", store_test_match},
    {"stream state survives", store_test_stream_state},
    {"custom fields have lasting ids", store_test_custom_fields},
    {"quarantine", store_test_quarantine},
    {"pending references", store_test_pending},
    {"rollback, and a commit that is refused", store_test_rollback_and_refused_commit},
    {"runs and their counts", store_test_runs},
    {"a lease ends with its host", store_test_lease_ends_with_its_host},
    {"records by filter", store_test_record_filter},
    {"the schema has the model's columns", store_test_schema_is_the_model},
    {"a newer schema is refused", store_test_newer_schema_is_refused},
    {"opening what is no store", store_test_opening},
    {NULL, NULL},
};
