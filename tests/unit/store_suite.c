/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine of the store must do. */
#include "store_suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop_uv.h"

char dir[64];
struct world world;
struct store *store;
struct error err;
struct arena arena;
static int commits_allowed;

static bool may_commit(void *self)
{
    (void)self;
    return commits_allowed-- > 0;
}

void open_store(void)
{
    store = store_open(engine_url, dir, &world, &err);
    if (!store)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
}

/* ---- a small world of rows ---- */

const struct model_object *account;
int64_t organization, connection, run;
struct stream_state companies;

void put_dictionaries(void)
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

struct value text(const char *s)
{
    return (struct value){.state = VALUE_TEXT, .text = str_from(s)};
}

struct record_row *new_row(int64_t key, const char *name, const char *domain)
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

void create(const char *external_id, const char *name, const char *domain)
{
    int64_t key;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->allocate(store, account, 1, &key, &err));
    struct record_create create = {.row = new_row(key, name, domain)};
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

struct link_row find_link(const char *external_id)
{
    struct link_row row;
    struct str id = str_from(external_id);
    OK(ENGINE->load_links(store, companies.id, &id, 1, &row, &arena, &err));
    return row;
}

/* ---- tests ---- */

void test_create_and_update(void)
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
    UNIT_TEXT(buf_cstr(&summary), "2 accounts, 0 contacts, 0 deals, 0 engagements, 0 tickets, "
                                  "0 custom_records, 0 owners, "
                                  "0 pipeline_stages");
    buf_free(&summary);
}

void test_match(void)
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

void test_stream_state(void)
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
    companies.walk_links = 77;
    companies.deleted_watermark = 55;
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
    CU_ASSERT(again.walk_links == 77 && again.deleted_watermark == 55 && again.reconciled_at == 0);
    const struct model_object *contact = model_object(STR("contact"));
    CU_ASSERT(ENGINE->stream(store, connection, STR("companies"), contact, &arena, &again, &err) ==
              -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "became account records"));
    int64_t id;
    CU_ASSERT(ENGINE->connection(store, STR("crm"), STR("com.other"), &id, &err) == -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "give the new connection another name"));
}

void test_custom_fields(void)
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

void test_quarantine(void)
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

void test_pending(void)
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

void test_rollback_and_refused_commit(void)
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
        buf_printf(out, " %.*s=%d+%d>%d-%d+%d", STR_ARG(row->streams[i].vendor_object),
                   (int)row->streams[i].counts.created, (int)row->streams[i].counts.updated,
                   (int)row->streams[i].counts.followed, (int)row->streams[i].counts.deleted,
                   (int)row->streams[i].counts.restored);
    if (row->phase.len > 0)
        buf_printf(out, " [%.*s %d]", STR_ARG(row->phase), row->exit_signal);
    buf_text(out, "; ");
    return true;
}

void test_runs(void)
{
    struct buf out = BUF_INIT(1000);
    put_dictionaries();
    struct run_stream_row counts = {
        .stream = companies.id,
        .mode = WALK_FULL,
        .until = 5,
        .counts = {
            .read = 3, .created = 2, .updated = 1, .followed = 4, .deleted = 7, .restored = 6}};
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
    UNIT_TEXT(buf_cstr(&out), "2 running; 1 failed companies=5+1>4-7+6 [read 11]; ");
    buf_clear(&out);
    OK(ENGINE->each_run(store, STR("other"), 0, 10, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "");
    OK(ENGINE->each_run(store, STR("crm"), RUNS_UNDER_WAY, 0, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "2 running; ");
    buf_clear(&out);
    OK(ENGINE->reap(store, 0, &err)); /* nobody holds the lease */
    OK(ENGINE->each_run(store, STR(""), RUNS_UNDER_WAY, 0, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "");
    OK(ENGINE->each_run(store, STR(""), second, 10, write_run, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "2 interrupted; ");
    buf_free(&out);
}

/* Another host: a child process that takes the lease and is killed. */
void test_lease_ends_with_its_host(void)
{
    int ready[2];
    char byte;
    put_dictionaries();
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *theirs = store_open(engine_url, dir, &world, &err);
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
    /* A server sees the end of its client a moment later. */
    int got = 1;
    for (int i = 0; i < 500 && got == 1; i++) {
        got = ENGINE->lease(store, connection, &err);
        usleep(10000);
    }
    CU_ASSERT_EQUAL(got, 0);
    CU_ASSERT_EQUAL(ENGINE->lease(store, connection, &err), 0); /* ours already */
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

void test_record_filter(void)
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

static void expect_pause(const char *name, const char *expected)
{
    struct buf out = BUF_INIT(200);
    struct pause_row pause;
    OK(ENGINE->find_pause(store, str_from(name), &arena, &pause, &err));
    if (pause.at != 0)
        buf_printf(&out, "%s by %.*s: %.*s", pause.all ? "all" : "it", STR_ARG(pause.by),
                   STR_ARG(pause.reason));
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

void test_pauses(void)
{
    put_dictionaries();
    expect_pause("crm", "");
    OK(ENGINE->begin(store, &err));
    CU_ASSERT_EQUAL(ENGINE->set_pause(store, connection, STR("fred"), STR("moving"), &err), 1);
    CU_ASSERT_EQUAL(ENGINE->set_pause(store, connection, STR("ada"), STR("later"), &err), 0);
    OK(ENGINE->commit(store, &err));
    expect_pause("crm", "it by fred: moving");
    expect_pause("other", "");
    OK(ENGINE->begin(store, &err));
    CU_ASSERT_EQUAL(ENGINE->set_pause(store, 0, STR("ada"), STR(""), &err), 1);
    expect_pause("crm", "all by ada: ");
    OK(ENGINE->commit(store, &err));
    expect_pause("other", "all by ada: ");
    OK(ENGINE->begin(store, &err));
    CU_ASSERT_EQUAL(ENGINE->set_pause(store, 0, STR(""), STR(""), &err), 1);
    CU_ASSERT_EQUAL(ENGINE->set_pause(store, 0, STR(""), STR(""), &err), 0);
    OK(ENGINE->commit(store, &err));
    expect_pause("crm", "it by fred: moving");
}

/* ---- erasure ---- */

/* One contact, linked and with a quarantined twin, in a stream of its own. */
static int64_t put_person(const char *address, const char *title)
{
    const struct model_object *contact = model_object(STR("contact"));
    struct stream_state people;
    struct record_row row = {.created_at = 1000, .updated_at = 1000};
    int64_t key;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->stream(store, connection, STR("people"), contact, &arena, &people, &err));
    OK(ENGINE->allocate(store, contact, 1, &key, &err));
    row.key = key;
    row.id.bytes[15] = (uint8_t)key;
    row.fields[model_field(contact, STR("email"))] = text(address);
    row.fields[model_field(contact, STR("title"))] = text(title);
    struct record_create create = {.row = &row};
    struct link_write link = {.stream = people.id,
                              .record = key,
                              .external_id = str_from(address),
                              .seen_remote = STR("seen")};
    struct quarantine_write bad = {.stream = people.id,
                                   .external_id = STR("q"),
                                   .reason = STR("broken"),
                                   .payload =
                                       str_from(arena_printf(&arena, "{\"e\":\"%s\"}", address))};
    struct store_batch batch = {.object = contact,
                                .organization = organization,
                                .run = run,
                                .now_us = 1000,
                                .creates = &create,
                                .create_count = 1,
                                .links = &link,
                                .link_count = 1,
                                .quarantined = &bad,
                                .quarantined_count = 1};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    return people.id;
}

void test_erasure(void)
{
    struct erase_counts counts;
    uint64_t *hashes;
    size_t erased;
    put_dictionaries();
    int64_t people = put_person("ada@one.test", "first");
    put_person("bob@one.test",
               "for Ada@one.test"); /* takes the place of ada's twin in quarantine */
    const struct erase_request ada = {organization, STR("ada@one.test")};
    OK(ENGINE->erase(store, &ada, true, &counts, &err));
    CU_ASSERT(counts.records == 1 && counts.links == 1 && counts.log_rows == 1);
    CU_ASSERT_EQUAL(counts.quarantined, 0);
    CU_ASSERT_EQUAL(counts.mentions, 1); /* bob's title */
    const struct erase_request bob = {organization, STR("bob@one.test")};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->erase(store, &bob, false, &counts, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT(counts.records == 1 && counts.links == 1 && counts.quarantined == 1);
    OK(ENGINE->erase(store, &bob, true, &counts, &err));
    CU_ASSERT_EQUAL(counts.records + counts.links + counts.log_rows + counts.quarantined, 0);
    OK(ENGINE->vacuum(store, &err));
    OK(ENGINE->load_erased(store, people, &arena, &hashes, &erased, &err));
    CU_ASSERT_EQUAL_FATAL(erased, 2); /* the linked one's id, and the quarantined one's */
    CU_ASSERT((int64_t)hashes[0] < (int64_t)hashes[1]);
    OK(ENGINE->erase(store, &ada, true, &counts, &err));
    CU_ASSERT_EQUAL(counts.records, 1);
    CU_ASSERT_EQUAL(counts.mentions, 0);
}

/* ---- batches ---- */

enum { MANY = 3000 };

static void create_many(struct record_create *creates, struct link_write *links)
{
    int64_t first;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->allocate(store, account, MANY, &first, &err));
    for (int i = 0; i < MANY; i++) {
        struct record_row *row = new_row(first + i, arena_printf(&arena, "name %d", i),
                                         i % 3 == 0 ? NULL : arena_printf(&arena, "d%d.test", i));
        row->id.bytes[0] = (uint8_t)(i >> 8);
        creates[i].row = row;
        links[i] = (struct link_write){.stream = companies.id,
                                       .record = row->key,
                                       .external_id = str_from(arena_printf(&arena, "c%d", i)),
                                       .seen_remote = STR("a\0b")};
    }
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .now_us = 1000,
                                .creates = creates,
                                .create_count = MANY,
                                .links = links,
                                .link_count = MANY};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
}

/* Rows come back in the order of the keys, however these are ordered, and for each of equal ones.
 */
static void check_order(void)
{
    struct str ids[] = {STR("c2999"), STR("c0"), STR("none"), STR("c17"), STR("c0")};
    int64_t keys[] = {3000, 1, 99999, 18, 1};
    struct link_row links[5];
    struct record_row rows[5];
    OK(ENGINE->load_links(store, companies.id, ids, 5, links, &arena, &err));
    OK(ENGINE->load_records(store, account, keys, 5, rows, &arena, &err));
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(links[i].record, i == 2 ? 0 : keys[i]);
        CU_ASSERT_EQUAL(rows[i].key, i == 2 ? 0 : keys[i]);
    }
    CU_ASSERT(str_eq(links[0].seen_remote, STR("a\0b")));
    UNIT_TEXT(rows[3].fields[0].text.ptr, "name 17");
}

/* Each of the updates changes other columns; what it does not change stays. */
static void update_many(void)
{
    int64_t *keys = arena_new(&arena, MANY, sizeof keys[0]);
    struct record_row *rows = arena_new(&arena, MANY, sizeof rows[0]);
    struct record_update *updates = arena_new(&arena, MANY, sizeof updates[0]);
    for (int i = 0; i < MANY; i++)
        keys[i] = i + 1;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->load_records(store, account, keys, MANY, rows, &arena, &err));
    for (int i = 0; i < MANY; i++) {
        updates[i] = (struct record_update){.row = &rows[i], .body = STR("{}")};
        if (i % 2 == 0) {
            updates[i].changed |= 1u << 2;
            rows[i].fields[2] = text("industry");
        }
        if (i % 3 == 0) {
            updates[i].changed |= 1u << 4;
            rows[i].fields[4] = (struct value){.state = VALUE_INTEGER, .integer = -i};
        }
        if (i % 5 == 0) {
            updates[i].custom_changed = true;
            rows[i].custom = STR("{\"a\":1}");
        }
    }
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .now_us = 2000,
                                .updates = updates,
                                .update_count = MANY};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    struct record_row *again = arena_new(&arena, MANY, sizeof again[0]);
    OK(ENGINE->load_records(store, account, keys, MANY, again, &arena, &err));
    size_t wrong = 0;
    for (int i = 0; i < MANY; i++) {
        wrong += again[i].rev != rows[i].rev || again[i].rev <= MANY;
        wrong += !str_eq(again[i].custom, rows[i].custom);
        for (size_t f = 0; f < account->field_count; f++)
            wrong += !value_eq(&again[i].fields[f], &rows[i].fields[f]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

void test_large_batches(void)
{
    put_dictionaries();
    create_many(arena_new(&arena, MANY, sizeof(struct record_create)),
                arena_new(&arena, MANY, sizeof(struct link_write)));
    check_order();
    update_many();
    struct value *domains = arena_new(&arena, MANY, sizeof domains[0]);
    struct match_row *found = arena_new(&arena, MANY, sizeof found[0]);
    for (int i = 0; i < MANY; i++)
        domains[i] = text(arena_printf(&arena, "d%d.test", MANY - 1 - i));
    OK(ENGINE->match(store, account, organization, companies.id + 1, 1, domains, MANY, found,
                     &err));
    size_t wrong = 0;
    for (int i = 0; i < MANY; i++)
        wrong += found[i].record != ((MANY - 1 - i) % 3 == 0 ? 0 : MANY - i) || found[i].other != 0;
    CU_ASSERT_EQUAL(wrong, 0);
    struct buf summary = BUF_INIT(200);
    OK(ENGINE->verify(store, &summary, &err));
    UNIT_TEXT(buf_cstr(&summary), "3000 accounts, 0 contacts, 0 deals, 0 engagements, 0 tickets, "
                                  "0 custom_records, 0 owners, "
                                  "0 pipeline_stages");
    buf_free(&summary);
}

/* Two updates of one record in a batch, as when two references that waited are settled. */
void test_record_updated_twice(void)
{
    put_dictionaries();
    create("c1", "Acme", NULL);
    struct record_row row;
    int64_t key = 1;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    row.fields[0] = text("Acme Inc");
    row.fields[1] = text("acme.test");
    struct record_update updates[] = {{.row = &row, .changed = 1, .body = STR("{\"name\":1}")},
                                      {.row = &row, .changed = 2, .body = STR("{\"domain\":1}")}};
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .updates = updates,
                                .update_count = 2};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(row.rev, 3);
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    CU_ASSERT(row.rev == 3 && str_is(row.fields[0].text, "Acme Inc"));
    CU_ASSERT(str_is(row.fields[1].text, "acme.test"));
}

/* What an escape could get wrong, and custom fields in another's spelling: byte for byte. */
void test_texts_come_back(void)
{
    static const char *const texts[] = {"",
                                        "NULL",
                                        "{}",
                                        "{a,b}",
                                        "\"quoted\"",
                                        "it's",
                                        "back\\slash",
                                        "\\N",
                                        "$1",
                                        "?1",
                                        "%s",
                                        "a\nb\tc",
                                        "\xf0\x9f\x98\x80 \xc3\xa9",
                                        " spaces ",
                                        "(,)",
                                        "--; DROP TABLE account"};
    enum { COUNT = sizeof texts / sizeof texts[0] };
    struct str custom = STR("{ \"b\": 1.50,  \"a\":\"\\u00e9\", \"b\":2}");
    int64_t first, keys[COUNT];
    struct record_create creates[COUNT];
    struct link_write links[COUNT];
    struct str ids[COUNT];
    put_dictionaries();
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->allocate(store, account, COUNT, &first, &err));
    for (int i = 0; i < COUNT; i++) {
        keys[i] = first + i;
        creates[i].row = new_row(keys[i], texts[i], texts[i]);
        creates[i].row->custom = custom;
        ids[i] = str_from(arena_printf(&arena, "%s.", texts[i]));
        links[i] = (struct link_write){.stream = companies.id,
                                       .record = keys[i],
                                       .external_id = ids[i],
                                       .seen_remote = ids[i]};
    }
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .creates = creates,
                                .create_count = COUNT,
                                .links = links,
                                .link_count = COUNT};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    struct record_row rows[COUNT];
    struct link_row found[COUNT];
    struct match_row matched[COUNT];
    struct value values[COUNT];
    for (int i = 0; i < COUNT; i++)
        values[i] = text(texts[i]);
    OK(ENGINE->load_records(store, account, keys, COUNT, rows, &arena, &err));
    OK(ENGINE->load_links(store, companies.id, ids, COUNT, found, &arena, &err));
    OK(ENGINE->match(store, account, organization, 99, 1, values, COUNT, matched, &err));
    for (int i = 0; i < COUNT; i++) {
        CU_ASSERT(rows[i].fields[0].state == VALUE_TEXT);
        UNIT_TEXT(rows[i].fields[0].text.ptr, texts[i]);
        CU_ASSERT(str_eq(rows[i].custom, custom));
        CU_ASSERT(found[i].record == keys[i] && str_eq(found[i].seen_remote, ids[i]));
        CU_ASSERT(matched[i].record == keys[i] && matched[i].other == 0);
    }
}

/* One record twice in a batch: an id that is made of the content. And a reason that was cut within
 * a character. */
void test_doubles_in_a_batch(void)
{
    struct buf out = BUF_INIT(1000);
    put_dictionaries();
    struct quarantine_write bad[] = {{.stream = companies.id,
                                      .external_id = STR("x"),
                                      .reason = STR("one"),
                                      .payload = STR("{}")},
                                     {.stream = companies.id,
                                      .external_id = STR("x"),
                                      .reason = STR("cut \xc3"),
                                      .payload = STR("{}")}};
    struct pending_write pending[] = {
        {companies.id, {STR("c1"), account->id, 1, 13}},
        {companies.id, {STR("c2"), account->id, 1, 13}},
        {companies.id, {STR("c3"), account->id, 2, 13}},
        {companies.id, {STR(""), account->id, 2, 13}},
    };
    struct store_batch batch = {.object = account,
                                .run = run,
                                .now_us = 5,
                                .quarantined = bad,
                                .quarantined_count = 2,
                                .pending = pending,
                                .pending_count = 4};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->each_quarantined(store, STR("crm"), STR(""), 0, count_quarantined, &out, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "companies/x x2 : cut "));
    struct str ids[] = {STR("c1"), STR("c2"), STR("c3")};
    struct pending_row *rows;
    size_t count;
    OK(ENGINE->load_pending(store, companies.id, ids, 3, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT(rows[0].record == 1 && str_is(rows[0].external_id, "c2"));
    buf_free(&out);
}

/* ---- secrets ---- */

static int put_secret(const char *name, int64_t version, struct str sealed, const char *problem)
{
    const struct secret_row row = {.connection = STR("crm"),
                                   .name = str_from(name),
                                   .version = version,
                                   .key_id = STR("k1"),
                                   .sealed = sealed,
                                   .problem = str_from(problem)};
    OK(ENGINE->begin(store, &err));
    int rc = ENGINE->set_secret(store, &row, &err);
    OK(ENGINE->commit(store, &err));
    return rc;
}

static bool list_secret(void *arg, const struct secret_row *row)
{
    buf_printf(arg, "%.*s/%.*s v%d %.*s; ", STR_ARG(row->connection), STR_ARG(row->name),
               (int)row->version, STR_ARG(row->problem));
    return true;
}

void test_secrets(void)
{
    const struct str bytes = {"a\0b\xff", 4}, others = STR("xyz");
    struct secret_row row;
    struct buf out = BUF_INIT(1000);
    CU_ASSERT_EQUAL(ENGINE->get_secret(store, STR("crm"), STR("oauth"), &row, &arena, &err), 0);
    CU_ASSERT_EQUAL(row.version, 0);
    CU_ASSERT_EQUAL(put_secret("oauth", 5, bytes, ""), 1); /* there is none */
    CU_ASSERT_EQUAL(put_secret("oauth", 0, bytes, ""), 0);
    CU_ASSERT_EQUAL(put_secret("oauth", 0, others, ""), 1); /* there is one */
    CU_ASSERT_EQUAL_FATAL(ENGINE->get_secret(store, STR("crm"), STR("oauth"), &row, &arena, &err),
                          1);
    CU_ASSERT(row.version == 1 && str_eq(row.sealed, bytes) && str_is(row.key_id, "k1"));
    CU_ASSERT(row.problem.len == 0 && row.updated_at > 0);
    CU_ASSERT_EQUAL(put_secret("oauth", 1, others, "dead"), 0);
    CU_ASSERT_EQUAL(put_secret("oauth", 1, bytes, ""), 1); /* somebody was first */
    CU_ASSERT_EQUAL(put_secret("another", 0, bytes, ""), 0);
    store_close(store);
    open_store();
    OK(ENGINE->each_secret(store, STR("crm"), list_secret, &out, &err));
    OK(ENGINE->each_secret(store, STR("none"), list_secret, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "crm/another v1 ; crm/oauth v2 dead; ");
    buf_clear(&out);
    CU_ASSERT_EQUAL(put_secret("oauth", 1, STR(""), ""), 1);
    CU_ASSERT_EQUAL(put_secret("oauth", 2, STR(""), ""), 0);
    OK(ENGINE->each_secret(store, STR(""), list_secret, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "crm/another v1 ; ");
    /* What is not committed is not there. */
    row = (struct secret_row){
        .connection = STR("crm"), .name = STR("oauth"), .key_id = STR("k"), .sealed = bytes};
    OK(ENGINE->begin(store, &err));
    CU_ASSERT_EQUAL(ENGINE->set_secret(store, &row, &err), 0);
    ENGINE->rollback(store);
    CU_ASSERT_EQUAL(ENGINE->get_secret(store, STR("crm"), STR("oauth"), &row, &arena, &err), 0);
    buf_free(&out);
}

/* ---- a test in a store ---- */

void in_store(void (*test)(void))
{
    char command[100];
    snprintf(dir, sizeof dir, "/tmp/fastenr-store-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    world = (struct world){.loop = loop_uv_new(1, &err), .random = world_random_real};
    engine_clean();
    open_store();
    test();
    store_close(store);
    loop_free(world.loop);
    arena_free(&arena);
    snprintf(command, sizeof command, "rm -r %s", dir);
    CU_ASSERT_EQUAL(system(command), 0);
}
