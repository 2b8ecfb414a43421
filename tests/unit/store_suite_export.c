/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine must do for exports: what is due, writes under way, what was sent, conflicts.
 */
#include "store_suite.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int64_t erp, firms; /* a second connection and its stream of accounts */

static void put_both(void)
{
    struct stream_state state;
    put_dictionaries();
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->connection(store, STR("erp"), STR("com.example.erp"), &erp, &err));
    OK(ENGINE->stream(store, erp, STR("firms"), account, &arena, &state, &err));
    OK(ENGINE->commit(store, &err));
    firms = state.id;
}

static void foreign_ok(const char *statement)
{
    const char *refused = foreign(statement);
    if (refused)
        fprintf(stderr, "%s: %s\n", statement, refused);
    CU_ASSERT_PTR_NULL_FATAL(refused);
}

static void apply(struct store_batch batch)
{
    batch.object = account;
    batch.organization = organization;
    batch.run = run;
    batch.now_us = 2000;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
}

static void add_link(int64_t stream, const char *external_id, int64_t record, enum link_ended ended)
{
    struct link_write link = {.stream = stream,
                              .record = record,
                              .external_id = str_from(external_id),
                              .seen_remote = STR("there"),
                              .seen_local = STR("here"),
                              .ended = ended};
    apply((struct store_batch){.links = &link, .link_count = 1});
}

/* ---- links ---- */

/* Another program sees whether something holds for a link: its record must not become NULL. */
static void expect_link(const char *external_id, const char *condition)
{
    char statement[200];
    snprintf(statement, sizeof statement,
             "UPDATE link SET record = CASE WHEN %s THEN record END WHERE external_id = '%s'",
             condition, external_id);
    foreign_ok(statement);
}

void test_seen_local(void)
{
    put_dictionaries();
    struct link_write fresh[] = {
        {.stream = companies.id, .record = 1, .external_id = STR("a"), .seen_local = STR("x\0y")},
        {.stream = companies.id, .record = 2, .external_id = STR("b"), .seen_local = STR("")},
        {.stream = companies.id, .record = 3, .external_id = STR("c"), .seen_remote = STR("r")}};
    for (size_t i = 0; i < COUNT(fresh); i++)
        fresh[i].remote_modified = 7;
    apply((struct store_batch){.links = fresh, .link_count = COUNT(fresh)});
    CU_ASSERT(str_eq(find_link("a").seen_local, STR("x\0y")));
    CU_ASSERT_EQUAL(find_link("b").seen_local.len, 0);
    CU_ASSERT_EQUAL(find_link("c").seen_local.len, 0);
    expect_link("c", "seen_local IS NULL AND remote_modified = 7");
    /* An import's: all of what is ours stays. */
    struct link_write import = {
        .key = find_link("a").key, .seen_remote = STR("2"), .remote_modified = 8};
    apply((struct store_batch){.links = &import, .link_count = 1});
    CU_ASSERT(str_eq(find_link("a").seen_local, STR("x\0y")));
    CU_ASSERT(str_is(find_link("a").seen_remote, "2"));
    expect_link("a", "remote_modified = 8");
    /* Both in one batch. */
    struct link_write mixed[] = {
        {.key = find_link("a").key, .seen_remote = STR("3")},
        {.key = find_link("b").key, .seen_remote = STR("4"), .seen_local = STR("now")},
        {.key = find_link("c").key, .seen_local = STR("too"), .remote_modified = 9}};
    apply((struct store_batch){.links = mixed, .link_count = COUNT(mixed)});
    CU_ASSERT(str_eq(find_link("a").seen_local, STR("x\0y")));
    CU_ASSERT(str_is(find_link("b").seen_local, "now") && str_is(find_link("b").seen_remote, "4"));
    CU_ASSERT(str_is(find_link("c").seen_local, "too"));
    expect_link("a", "remote_modified IS NULL");
    expect_link("b", "remote_modified = 7");
    expect_link("c", "remote_modified = 9");
    /* Nothing is exported to it any more. */
    struct link_write empty = {.key = find_link("a").key, .seen_local = STR("")};
    apply((struct store_batch){.links = &empty, .link_count = 1});
    CU_ASSERT_EQUAL(find_link("a").seen_local.len, 0);
}

/* ---- what is due ---- */

static bool note(int64_t stream, int64_t of, size_t most)
{
    bool more;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->note_exports(store, stream, of, account, most, &more, &err));
    OK(ENGINE->commit(store, &err));
    return more;
}

static void queue(int64_t stream, const int64_t *records, size_t count)
{
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->queue_exports(store, stream, records, count, &err));
    OK(ENGINE->commit(store, &err));
}

static void drop_all(int64_t stream)
{
    const int64_t records[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->drop_exports(store, stream, records, COUNT(records), &err));
    OK(ENGINE->commit(store, &err));
}

static void expect_due(int64_t stream, const char *expected)
{
    struct export_due *due;
    size_t count;
    struct buf out = BUF_INIT(1000);
    OK(ENGINE->load_exports(store, stream, 0, 100, &due, &count, &arena, &err));
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%" PRId64 "%s ", due[i].record, due[i].unread ? "?" : "");
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

static void expect_queued(int64_t stream, int64_t expected)
{
    int64_t count = -1;
    OK(ENGINE->count_exports(store, stream, &count, &err));
    CU_ASSERT_EQUAL(count, expected);
}

/* Each stream is told of what others have written: other programs, and runs of other connections.
 */
void test_note_exports(void)
{
    int64_t theirs;
    put_both();
    create("c1", "One", NULL);
    foreign_ok("INSERT INTO account (name) VALUES ('Two')");
    CU_ASSERT(!note(companies.id, connection, 100)); /* all that was there is not exported */
    CU_ASSERT(!note(firms, erp, 100));
    expect_due(companies.id, "");
    create("c3", "Three", NULL); /* by a run of "crm" */
    foreign_ok("UPDATE account SET name = 'Changed' WHERE key IN (1, 2)");
    foreign_ok("UPDATE account SET name = 'Again' WHERE key = 2");
    foreign_ok("INSERT INTO contact (email) VALUES ('ada@one.test')"); /* another object */
    CU_ASSERT(!note(companies.id, connection, 100));
    CU_ASSERT(!note(firms, erp, 100));
    expect_due(companies.id, "1 2 ");
    expect_due(firms, "1 2 3 ");
    drop_all(companies.id);
    CU_ASSERT(!note(companies.id, connection, 100));
    expect_due(companies.id, ""); /* once is enough */
    expect_queued(firms, 3);

    int64_t ours = run;
    OK(ENGINE->run_start(store, erp, STR("test"), &theirs, &err));
    run = theirs;
    create(NULL, "Four", NULL); /* by a run of "erp" */
    run = ours;
    foreign_ok("UPDATE account SET deleted_at = 5 WHERE key = 1");
    foreign_ok("DELETE FROM account WHERE key = 2");
    drop_all(firms);
    note(companies.id, connection, 100);
    note(firms, erp, 100);
    expect_due(companies.id, "1 2 4 ");
    expect_due(firms, "1 2 ");
}

static void expect_news(const char *of, const char *object, enum export_news expected)
{
    enum export_news news = EXPORTS_LATER;
    OK(ENGINE->look_exports(store, str_from(of), str_from(object), &news, &err));
    CU_ASSERT_EQUAL(news, expected);
}

/* Who only wants to know is told the same, and nothing is taken by it. */
void test_look_exports(void)
{
    put_both();
    foreign_ok("INSERT INTO account (name) VALUES ('One')");
    expect_news("crm", "companies", EXPORTS_NONE); /* it has never exported */
    expect_news("crm", "people", EXPORTS_NONE);
    expect_news("nobody", "companies", EXPORTS_NONE);
    note(companies.id, connection, 100);
    note(firms, erp, 100);
    expect_news("crm", "companies", EXPORTS_NONE);
    foreign_ok("INSERT INTO contact (email) VALUES ('ada@one.test')"); /* another object */
    expect_news("crm", "companies", EXPORTS_NONE);
    create("c2", "Two", NULL); /* by a run of "crm" */
    expect_news("crm", "companies", EXPORTS_NONE);
    expect_news("erp", "firms", EXPORTS_DUE);
    foreign_ok("UPDATE account SET name = 'Changed' WHERE key = 1");
    expect_news("crm", "companies", EXPORTS_DUE);
    expect_news("crm", "companies", EXPORTS_DUE);
    note(companies.id, connection, 100);
    expect_news("crm", "companies", EXPORTS_NONE);
    expect_news("erp", "firms", EXPORTS_DUE);
    expect_due(companies.id, "1 ");
}

void test_note_in_batches(void)
{
    int calls = 0;
    put_both();
    note(companies.id, connection, 1); /* of an empty log */
    note(firms, erp, 1000);
    foreign_ok("INSERT INTO account (name) VALUES ('One'), ('Two'), ('Three'), ('Four'), ('Five')");
    while (note(companies.id, connection, 2) && calls < 10)
        calls++;
    CU_ASSERT(calls == 2);
    expect_due(companies.id, "1 2 3 4 5 ");
    CU_ASSERT(!note(firms, erp, 1000));
    expect_due(firms, "1 2 3 4 5 ");
    struct log_position at = {0};
    char name[40];
    snprintf(name, sizeof name, "export:%" PRId64, firms);
    OK(ENGINE->load_consumer(store, str_from(name), &at, &err));
    CU_ASSERT(at.seq > 0);
    foreign_ok("UPDATE account SET name = 'Same' WHERE key = 1");
    drop_all(firms);
    OK(ENGINE->begin(store, &err)); /* what is undone is noted again */
    bool more;
    OK(ENGINE->note_exports(store, firms, erp, account, 10, &more, &err));
    ENGINE->rollback(store);
    expect_queued(firms, 0);
    note(firms, erp, 10);
    expect_due(firms, "1 ");
}

static void erase(const char *address)
{
    struct erase_counts counts;
    const struct erase_request request = {organization, str_from(address)};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->erase(store, &request, false, &counts, &err));
    OK(ENGINE->commit(store, &err));
}

/* SQLite gives the numbers at the end of the log once more when their rows were erased. */
void test_note_after_an_erasure(void)
{
    put_both();
    note(companies.id, connection, 100);
    create("c1", "One", NULL);
    create("c2", "Two", NULL);
    foreign_ok("INSERT INTO contact (email) VALUES ('ada@one.test')");
    foreign_ok("UPDATE contact SET first_name = 'Ada'");
    note(companies.id, connection, 100);
    erase("ada@one.test");
    foreign_ok("UPDATE account SET name = 'Changed' WHERE key = 1");
    note(companies.id, connection, 100);
    expect_due(companies.id, "1 ");
}

void test_queue_exports(void)
{
    const int64_t some[] = {5, 3, 5}, others[] = {3, 4};
    struct export_due *due;
    size_t count;
    put_both();
    create("c1", "One", NULL);
    create(NULL, "Two", NULL);
    create("c3", "Three", NULL);
    queue(companies.id, some, COUNT(some));
    queue(companies.id, others, COUNT(others));
    queue(companies.id, NULL, 0);
    queue(firms, others, 1);
    expect_due(companies.id, "3 4 5 ");
    expect_queued(companies.id, 3);
    expect_queued(firms, 1);
    OK(ENGINE->load_exports(store, companies.id, 3, 1, &due, &count, &arena, &err));
    CU_ASSERT_FATAL(count == 1 && due[0].record == 4);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->drop_exports(store, companies.id, others, COUNT(others), &err));
    OK(ENGINE->drop_exports(store, companies.id, NULL, 0, &err));
    OK(ENGINE->commit(store, &err));
    expect_due(companies.id, "5 ");
    expect_due(firms, "3 ");
}

/* Also of what is due already; and what is queued once more stays so. */
void test_queue_unread(void)
{
    const int64_t some[] = {2, 3}, unread[] = {3, 4, 3};
    put_both();
    queue(companies.id, some, COUNT(some));
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->queue_unread(store, companies.id, unread, COUNT(unread), &err));
    OK(ENGINE->queue_unread(store, firms, unread, 0, &err));
    OK(ENGINE->commit(store, &err));
    expect_due(companies.id, "2 3? 4? ");
    queue(companies.id, unread, COUNT(unread));
    expect_due(companies.id, "2 3? 4? ");
    expect_due(firms, "");
    const int64_t read[] = {4, 5};
    OK(ENGINE->note_read(store, companies.id, read, COUNT(read), &err));
    expect_due(companies.id, "2 3? 4 ");
    drop_all(companies.id);
    queue(companies.id, unread, COUNT(unread));
    expect_due(companies.id, "3 4 ");
}

/* Once exports begin: what the vendor does not have. */
void test_queue_unlinked(void)
{
    static const struct uuid other = {{9, 9}};
    int64_t queued, elsewhere;
    put_both();
    create("c1", "Linked", NULL);
    create(NULL, "Ended", NULL);
    create(NULL, "Linked by another", NULL);
    create(NULL, "Tombstone", NULL);
    create(NULL, "Waits already", NULL);
    create(NULL, "New", NULL);
    add_link(companies.id, "c2", 2, LINK_ARCHIVED);
    add_link(firms, "f3", 3, LINK_LIVE);
    foreign_ok("UPDATE account SET deleted_at = 5 WHERE key = 4");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->organization(store, &other, &elsewhere, &err));
    OK(ENGINE->commit(store, &err));
    int64_t ours = organization;
    organization = elsewhere;
    create(NULL, "Another organisation's", NULL);
    organization = ours;
    queue(companies.id, (const int64_t[]){5}, 1);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->queue_unlinked(store, companies.id, account, organization, &queued, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(queued, 2);
    expect_due(companies.id, "3 5 6 ");
}

/* A record comes with its link: the live one, else the last of its own. */
void test_due_with_links(void)
{
    const int64_t records[] = {3, 1, 2, 1};
    struct export_due *due;
    struct str external[4];
    size_t count;
    put_both();
    create("c1", "One", NULL);
    create(NULL, "Two", NULL);
    create(NULL, "Three", NULL);
    add_link(companies.id, "old", 1, LINK_ARCHIVED);
    add_link(companies.id, "first", 2, LINK_ARCHIVED);
    add_link(companies.id, "last", 2, LINK_ABSENT);
    add_link(companies.id, "another", 2, LINK_MERGED); /* which became that record */
    add_link(firms, "f3", 3, LINK_LIVE);
    queue(companies.id, records, COUNT(records));
    OK(ENGINE->load_exports(store, companies.id, 0, 100, &due, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 3);
    CU_ASSERT(due[0].link.key == find_link("c1").key && due[0].link.record == 1);
    CU_ASSERT(due[0].link.ended == LINK_LIVE && str_is(due[0].external_id, "c1"));
    CU_ASSERT(str_is(due[0].link.seen_remote, "seen") && due[0].link.seen_local.len == 0);
    CU_ASSERT(due[1].link.key == find_link("last").key && due[1].link.ended == LINK_ABSENT);
    CU_ASSERT(str_is(due[1].link.seen_remote, "there") && str_is(due[1].link.seen_local, "here"));
    CU_ASSERT(due[2].record == 3 && due[2].link.key == 0 && due[2].external_id.len == 0);
    OK(ENGINE->load_external(store, companies.id, records, 4, external, &arena, &err));
    CU_ASSERT(external[0].len == 0 && str_is(external[1], "c1"));
    CU_ASSERT(external[2].len == 0 && str_is(external[3], "c1"));
    OK(ENGINE->load_external(store, firms, records, 1, external, &arena, &err));
    CU_ASSERT(str_is(external[0], "f3"));
    OK(ENGINE->load_external(store, firms, NULL, 0, NULL, &arena, &err));
}

/* A record that the vendor has merged into another comes with the link that it had, until it has
 * one of its own again. */
void test_due_of_merged(void)
{
    struct export_due *due;
    size_t count;
    put_both();
    create("c1", "Winner", NULL);
    create("c2", "Loser", NULL);
    struct link_end end = {.key = find_link("c2").key,
                           .stream = companies.id,
                           .record = 1,
                           .ended = LINK_MERGED,
                           .followed = 2};
    apply((struct store_batch){.link_ends = &end, .link_end_count = 1});
    queue(companies.id, (const int64_t[]){2}, 1);
    OK(ENGINE->load_exports(store, companies.id, 0, 100, &due, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT(due[0].link.key == find_link("c2").key && due[0].link.ended == LINK_MERGED);
    add_link(companies.id, "c3", 2, LINK_LIVE);
    OK(ENGINE->load_exports(store, companies.id, 0, 100, &due, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT(due[0].link.key == find_link("c3").key && due[0].link.ended == LINK_LIVE);
}

/* ---- writes under way ---- */

static struct export_write a_write(int64_t stream, int64_t record, enum write_state state)
{
    return (struct export_write){.stream = stream,
                                 .run = run,
                                 .record = record,
                                 .link = 7,
                                 .op = WRITE_UPDATE,
                                 .state = state,
                                 .at = 1234,
                                 .external_id = STR("c1"),
                                 .body = STR("{\"name\":\"\xc3\xbc\",\"phone\":null}"),
                                 .reason = state == WRITE_REFUSED ? STR("too \"long\"") : STR("")};
}

static void add_writes(struct export_write *rows, size_t count)
{
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_writes(store, rows, count, &err));
    OK(ENGINE->commit(store, &err));
}

static bool write_write(void *arg, const struct export_write *row)
{
    buf_printf(arg, "%.*s/%.*s %" PRId64 " %d %.*s; ", STR_ARG(row->connection),
               STR_ARG(row->vendor_object), row->record, (int)row->state, STR_ARG(row->reason));
    return true;
}

static bool stop_at_first(void *arg, const struct export_write *row)
{
    write_write(arg, row);
    return false;
}

static void expect_writes(struct str of, write_fn fn, const char *expected)
{
    struct buf out = BUF_INIT(1000);
    OK(ENGINE->each_write(store, of, fn, &out, &err));
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

static void expect_state(enum write_state state, const char *expected)
{
    struct export_write *rows;
    size_t count;
    struct buf out = BUF_INIT(1000);
    OK(ENGINE->load_writes(store, companies.id, state, 0, 100, &rows, &count, &arena, &err));
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%" PRId64 " ", rows[i].record);
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

void test_writes(void)
{
    struct export_write *rows;
    size_t count;
    put_both();
    struct export_write writes[] = {
        a_write(companies.id, 3, WRITE_SENT), a_write(companies.id, 1, WRITE_SENT),
        a_write(companies.id, 2, WRITE_REFUSED), a_write(firms, 1, WRITE_SENT)};
    add_writes(writes, COUNT(writes));
    add_writes(NULL, 0);
    CU_ASSERT(writes[0].id > 0 && writes[1].id > writes[0].id);
    CU_ASSERT(writes[2].id > writes[1].id && writes[3].id > writes[2].id);
    OK(ENGINE->load_writes(store, companies.id, WRITE_SENT, 0, 1, &rows, &count, &arena, &err));
    CU_ASSERT_FATAL(count == 1 && rows[0].id == writes[0].id && rows[0].record == 3);
    CU_ASSERT(rows[0].run == run && rows[0].link == 7 && rows[0].op == WRITE_UPDATE);
    CU_ASSERT(rows[0].state == WRITE_SENT && rows[0].at == 1234);
    CU_ASSERT(str_is(rows[0].external_id, "c1") && str_eq(rows[0].body, writes[0].body));
    CU_ASSERT_EQUAL(rows[0].reason.len, 0);
    OK(ENGINE->load_writes(store, companies.id, WRITE_SENT, writes[0].id, 9, &rows, &count, &arena,
                           &err));
    CU_ASSERT_FATAL(count == 1 && rows[0].record == 1);
    const int64_t both[] = {writes[1].id, writes[3].id};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->set_writes(store, both, 2, WRITE_DOUBTED, &err));
    OK(ENGINE->set_writes(store, NULL, 0, WRITE_DOUBTED, &err));
    OK(ENGINE->commit(store, &err));
    expect_state(WRITE_SENT, "3 ");
    expect_state(WRITE_DOUBTED, "1 ");
    expect_state(WRITE_REFUSED, "2 ");
    expect_writes(STR(""), write_write,
                  "crm/companies 1 2 ; crm/companies 2 3 too \"long\"; erp/firms 1 2 ; ");
    expect_writes(STR("erp"), write_write, "erp/firms 1 2 ; ");
    expect_writes(STR(""), stop_at_first, "crm/companies 1 2 ; ");
    const int64_t refused[] = {1, 2, 3};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->forget_refused(store, companies.id, refused, 3, &err));
    OK(ENGINE->drop_writes(store, both, 1, &err));
    OK(ENGINE->commit(store, &err));
    expect_state(WRITE_REFUSED, "");
    expect_state(WRITE_DOUBTED, "");
    expect_state(WRITE_SENT, "3 ");
    /* The id of one that is over is never another's. */
    struct export_write next = a_write(companies.id, 5, WRITE_SENT);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->drop_writes(store, &writes[3].id, 1, &err));
    OK(ENGINE->commit(store, &err));
    add_writes(&next, 1);
    CU_ASSERT(next.id > writes[3].id);
}

/* What is under way is not written beside it; what was refused may be. */
void test_held_by_a_write(void)
{
    const int64_t records[] = {1, 2, 3, 4};
    put_both();
    struct export_write writes[] = {
        a_write(companies.id, 1, WRITE_SENT), a_write(companies.id, 2, WRITE_DOUBTED),
        a_write(companies.id, 3, WRITE_REFUSED), a_write(firms, 4, WRITE_SENT)};
    queue(companies.id, records, COUNT(records));
    add_writes(writes, COUNT(writes));
    expect_due(companies.id, "3 4 ");
    expect_queued(companies.id, 4);
    const int64_t ended[] = {writes[0].id, writes[1].id};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->drop_writes(store, ended, 2, &err));
    OK(ENGINE->commit(store, &err));
    expect_due(companies.id, "1 2 3 4 ");
}

/* ---- what was sent ---- */

static bool write_sent(void *arg, const struct sent_row *row)
{
    buf_printf(arg, "%" PRId64 "@%" PRId64 " %.*s %d %.*s; ", row->record, row->at,
               STR_ARG(row->external_id), (int)row->op, STR_ARG(row->body));
    return row->at != 1;
}

static void expect_sent(int64_t of, const struct model_object *object, int64_t record,
                        const char *expected)
{
    struct buf out = BUF_INIT(1000);
    OK(ENGINE->each_sent(store, of, object, record, write_sent, &out, &err));
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

static bool write_recent(void *arg, const struct sent_row *row)
{
    buf_printf(arg, "%" PRId64 " %.*s; ", row->record, STR_ARG(row->body));
    return true;
}

static void expect_recent(int64_t stream, int64_t since, const char *expected)
{
    const int64_t records[] = {1, 2, 3};
    struct buf out = BUF_INIT(1000);
    OK(ENGINE->each_recent_sent(store, stream, records, COUNT(records), since, write_recent, &out,
                                &err));
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

void test_sent(void)
{
    int64_t second;
    put_both();
    OK(ENGINE->run_start(store, connection, STR("test"), &second, &err));
    const struct str body = STR("{\"name\":[\"A\",\"B\"]}");
    const struct sent_row rows[] = {
        {.stream = companies.id,
         .run = run,
         .record = 1,
         .op = 2,
         .at = 7,
         .external_id = STR("c1"),
         .body = body},
        {.stream = firms, .run = run, .record = 1, .op = 4, .at = 8, .external_id = STR("f1")},
        {.stream = companies.id,
         .run = second,
         .record = 2,
         .op = 1,
         .at = 9,
         .external_id = STR("c2"),
         .body = STR("{}")}};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_sent(store, rows, 2, &err));
    OK(ENGINE->add_sent(store, rows + 2, 1, &err));
    OK(ENGINE->add_sent(store, NULL, 0, &err));
    OK(ENGINE->commit(store, &err));
    expect_sent(run, NULL, 0, "1@8 f1 4 ; 1@7 c1 2 {\"name\":[\"A\",\"B\"]}; ");
    expect_sent(second, NULL, 0, "2@9 c2 1 {}; ");
    expect_sent(0, account, 1, "1@8 f1 4 ; 1@7 c1 2 {\"name\":[\"A\",\"B\"]}; ");
    expect_sent(0, model_object(STR("contact")), 1, ""); /* of the same key */
    struct sent_row last = rows[0];
    last.at = 1;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_sent(store, &last, 1, &err));
    OK(ENGINE->commit(store, &err));
    expect_sent(run, NULL, 0, "1@1 c1 2 {\"name\":[\"A\",\"B\"]}; "); /* stopped there */
    expect_recent(companies.id, 0,
                  "1 {\"name\":[\"A\",\"B\"]}; 1 {\"name\":[\"A\",\"B\"]}; 2 {}; ");
    expect_recent(companies.id, 7, "1 {\"name\":[\"A\",\"B\"]}; 2 {}; ");
    expect_recent(companies.id, 10, "");
    expect_recent(firms, 0, "1 ; ");
}

/* ---- conflicts ---- */

static bool write_conflict(void *arg, const struct conflict_row *row)
{
    buf_printf(arg, "%.*s/%.*s %.*s %.*s:%" PRId64 ".%d %d@%" PRId64 " [%.*s %.*s %.*s]",
               STR_ARG(row->connection), STR_ARG(row->vendor_object), STR_ARG(row->external_id),
               STR_ARG(row->object), row->record, row->field, (int)row->state, row->at,
               STR_ARG(row->base), STR_ARG(row->local), STR_ARG(row->remote));
    if (row->state != CONFLICT_OPEN)
        buf_printf(arg, " by %.*s%s", STR_ARG(row->settled_by), row->by_policy ? "!" : "");
    buf_printf(arg, "; ");
    return true;
}

static void expect_conflicts(struct conflict_filter filter, const char *expected)
{
    struct buf out = BUF_INIT(2000);
    OK(ENGINE->each_conflict(store, &filter, write_conflict, &out, &err));
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

static bool keep_conflict(void *arg, const struct conflict_row *row)
{
    *(struct conflict_row *)arg = *row;
    return false;
}

static struct conflict_row first_conflict(void)
{
    struct conflict_row row = {0};
    OK(ENGINE->each_conflict(store, &(struct conflict_filter){0}, keep_conflict, &row, &err));
    row.settled_by = row.connection = row.local = row.remote = row.base = STR("");
    return row;
}

static void set_conflicts(const struct conflict_row *rows, size_t count)
{
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->set_conflicts(store, rows, count, &err));
    OK(ENGINE->commit(store, &err));
}

static struct conflict_row an_open_one(int64_t record, uint16_t field)
{
    return (struct conflict_row){.stream = companies.id,
                                 .run = run,
                                 .record = record,
                                 .field = field,
                                 .state = CONFLICT_OPEN,
                                 .at = 100,
                                 .local_at = 80,
                                 .base = STR("\"A\""),
                                 .local = STR("\"B\""),
                                 .remote = STR("\"C\"")};
}

static bool write_open(void *arg, const struct conflict_row *row)
{
    CU_ASSERT(row->id > 0);
    buf_printf(arg, "%" PRId64 ".%d ", row->record, row->field);
    return true;
}

static void expect_open(int64_t stream, int64_t first, int64_t last, const char *expected)
{
    struct buf out = BUF_INIT(1000);
    OK(ENGINE->each_open_conflict(store, stream, first, last, write_open, &out, &err));
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

void test_conflicts(void)
{
    put_both();
    create("c1", "One", NULL);
    struct conflict_row rows[] = {an_open_one(1, 1), an_open_one(2, 1), an_open_one(1, 2)};
    rows[1].stream = firms;
    rows[1].base = STR("");
    rows[2].state = CONFLICT_REMOTE;
    rows[2].by_policy = true;
    rows[2].settled_at = 100;
    rows[2].settled_by = STR("last_modified");
    set_conflicts(rows, COUNT(rows));
    set_conflicts(NULL, 0);
    expect_conflicts((struct conflict_filter){.stream = companies.id},
                     "crm/companies c1 account:1.1 1@100 [\"A\" \"B\" \"C\"]; "
                     "crm/companies c1 account:1.2 3@100 [\"A\" \"B\" \"C\"] by last_modified!; ");
    expect_conflicts((struct conflict_filter){.open_only = true, .record = 1},
                     "crm/companies c1 account:1.1 1@100 [\"A\" \"B\" \"C\"]; ");
    expect_conflicts((struct conflict_filter){.connection = STR("erp")},
                     "erp/firms  account:2.1 1@100 [ \"B\" \"C\"]; ");
    expect_conflicts((struct conflict_filter){.vendor_object = STR("firms"), .record = 1}, "");
    expect_open(companies.id, 1, 9, "1.1 ");
    expect_open(companies.id, 2, 9, "");
    expect_open(firms, INT64_MIN, INT64_MAX, "2.1 ");
    struct conflict_row found = first_conflict();
    CU_ASSERT(found.id > 0 && found.run == run && found.settled_at == 0);
    CU_ASSERT(found.local_at == 80 && found.remote_at == 0 && !found.by_policy);
    expect_conflicts((struct conflict_filter){.id = found.id},
                     "crm/companies c1 account:1.1 1@100 [\"A\" \"B\" \"C\"]; ");
}

void test_conflicts_are_settled(void)
{
    put_both();
    struct conflict_row row = an_open_one(1, 1);
    set_conflicts(&row, 1);
    int64_t id = first_conflict().id;
    /* Met again: the values are the last ones, since when it is open stays; even in one call. */
    struct conflict_row again[] = {row, row};
    again[0].remote = STR("\"D\"");
    again[1].remote = STR("\"E\"");
    again[1].at = 300;
    again[1].remote_at = 90;
    set_conflicts(again, 2);
    expect_conflicts((struct conflict_filter){0},
                     "crm/companies  account:1.1 1@100 [\"A\" \"B\" \"E\"]; ");
    CU_ASSERT(first_conflict().id == id && first_conflict().remote_at == 90);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->settle_conflict(store, id, CONFLICT_LOCAL, STR("ada"), &err));
    OK(ENGINE->settle_conflict(store, id, CONFLICT_REMOTE, STR("bob"), &err)); /* too late */
    OK(ENGINE->commit(store, &err));
    expect_conflicts((struct conflict_filter){0},
                     "crm/companies  account:1.1 2@100 [\"A\" \"B\" \"E\"] by ada; ");
    CU_ASSERT(first_conflict().settled_at > 0);
    set_conflicts(again + 1, 1); /* later it may be one anew */
    expect_conflicts((struct conflict_filter){.open_only = true},
                     "crm/companies  account:1.1 1@300 [\"A\" \"B\" \"E\"]; ");
}

/* ---- runs, erasure, damage ---- */

static bool write_counts(void *arg, const struct run_row *row)
{
    for (size_t i = 0; i < row->stream_count; i++) {
        const struct run_counts *c = &row->streams[i].counts;
        buf_printf(arg, "%d %d %d %d %d %d; ", (int)c->followed, (int)c->sent_created,
                   (int)c->sent_updated, (int)c->sent_deleted, (int)c->refused, (int)c->conflicted);
    }
    return true;
}

void test_export_counts(void)
{
    struct buf out = BUF_INIT(1000);
    put_dictionaries();
    struct run_stream_row row = {.stream = companies.id,
                                 .mode = WALK_WINDOW,
                                 .since = 1,
                                 .until = 5,
                                 .counts = {.followed = 9, .sent_created = 1, .refused = 4}};
    OK(ENGINE->run_stream(store, run, &row, &err));
    row.counts.sent_created = 10;
    row.counts.sent_updated = 2;
    row.counts.sent_deleted = 3;
    row.counts.refused = 5;
    row.counts.conflicted = 6;
    OK(ENGINE->run_stream(store, run, &row, &err));
    OK(ENGINE->each_run(store, STR("crm"), 0, 10, write_counts, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "9 10 2 3 5 6; ");
    buf_free(&out);
}

/* Rows of all kinds, of one record, with the address in their texts. */
static void put_exports(int64_t stream, int64_t record, enum write_state state)
{
    struct export_write writes = a_write(stream, record, state);
    struct conflict_row conflicts[] = {an_open_one(record, 1), an_open_one(record, 2)};
    struct sent_row sent = {.stream = stream,
                            .run = run,
                            .record = record,
                            .op = WRITE_UPDATE,
                            .at = 7,
                            .external_id = STR("x"),
                            .body = STR("{\"email\":[null,\"Ada@one.test\"]}")};
    writes.body = STR("{\"email\":\"Ada@one.test\"}");
    for (int i = 0; i < 2; i++) {
        conflicts[i].stream = stream;
        conflicts[i].remote = STR("\"ADA@one.test\"");
    }
    conflicts[1].state = CONFLICT_LOCAL;
    add_writes(&writes, 1);
    set_conflicts(conflicts, 2);
    queue(stream, &record, 1);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_sent(store, &sent, 1, &err));
    OK(ENGINE->commit(store, &err));
}

/* Of the person nothing stays; of others, what is history loses its texts. */
void test_erase_exports(void)
{
    struct stream_state people;
    const struct model_object *contact = model_object(STR("contact"));
    put_both();
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->stream(store, connection, STR("people"), contact, &arena, &people, &err));
    OK(ENGINE->commit(store, &err));
    foreign_ok("INSERT INTO contact (email) VALUES ('ada@one.test')");
    foreign_ok("INSERT INTO contact (email) VALUES ('ADA@one.test')");
    foreign_ok("DELETE FROM contact WHERE email = 'ADA@one.test'");
    put_exports(people.id, 1, WRITE_SENT);
    put_exports(people.id, 2, WRITE_REFUSED);    /* which another program deleted */
    put_exports(companies.id, 1, WRITE_REFUSED); /* an account of the same key */
    put_exports(companies.id, 2, WRITE_DOUBTED);
    const struct sent_row others[] = {{.stream = companies.id,
                                       .run = run,
                                       .record = 3,
                                       .op = WRITE_UPDATE,
                                       .at = 8,
                                       .external_id = STR("y"),
                                       .body = STR("{\"note\":[null,\"ada\\u0040one.test\"]}")},
                                      {.stream = companies.id,
                                       .run = run,
                                       .record = 3,
                                       .op = WRITE_UPDATE,
                                       .at = 9,
                                       .external_id = STR("z"),
                                       .body = STR("{\"email\":[null,\"nada@one.test\"]}")}};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_sent(store, others, COUNT(others), &err));
    OK(ENGINE->commit(store, &err));
    add_link(people.id, "p2", 2, LINK_LIVE);
    erase("ada@one.test");
    uint64_t *hashes;
    size_t erased;
    OK(ENGINE->load_erased(store, people.id, &arena, &hashes, &erased, &err));
    CU_ASSERT_EQUAL(erased, 1); /* it would come back with the vendor's next change */
    expect_due(people.id, "");
    expect_queued(people.id, 0);
    expect_queued(companies.id, 2);
    expect_writes(STR(""), write_write,
                  "crm/companies 1 3 it mentioned a person who was erased; crm/companies 2 2 ; ");
    expect_state(WRITE_DOUBTED, "2 ");
    expect_sent(0, contact, 1, "");
    expect_sent(run, NULL, 0,
                "3@9 z 2 {\"email\":[null,\"nada@one.test\"]}; 3@8 y 2 ; 2@7 x 2 ; 1@7 x 2 ; ");
    expect_conflicts((struct conflict_filter){.stream = people.id}, "");
    expect_conflicts((struct conflict_filter){.record = 1},
                     "crm/companies  account:1.1 1@100 [ \"B\" \"ADA@one.test\"]; "
                     "crm/companies  account:1.2 2@100 [ null null] by ; ");
    OK(ENGINE->vacuum(store, &err));
}

void test_verify_exports(void)
{
    struct buf summary = BUF_INIT(400);
    put_both();
    create("c1", "One", NULL);
    put_exports(companies.id, 1, WRITE_SENT);
    OK(ENGINE->verify(store, &summary, &err));
    buf_clear(&summary);
    queue(999, (const int64_t[]){1}, 1);
    CU_ASSERT_EQUAL(ENGINE->verify(store, &summary, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "1 exports are of no stream"));
    buf_free(&summary);
}

void test_exports_of_an_older_store(void)
{
    struct buf out = BUF_INIT(400);
    int64_t queued;
    OK(ENGINE->each_run(store, STR("crm"), 0, 10, write_counts, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "0 0 0 0 0 0; ");
    buf_clear(&out);
    OK(ENGINE->verify(store, &out, &err));
    buf_free(&out);
    CU_ASSERT(find_link("c1").record == 1 && find_link("c1").seen_local.len == 0);
    CU_ASSERT(str_is(find_link("c1").seen_remote, "seen"));
    expect_link("c1", "seen_local IS NULL");
    note(companies.id, connection, 100); /* the log that is there is not exported */
    expect_due(companies.id, "");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->queue_unlinked(store, companies.id, account, organization, &queued, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(queued, 1);
    foreign_ok("UPDATE account SET name = 'Changed' WHERE key = 1");
    note(companies.id, connection, 100);
    expect_due(companies.id, "1 2 ");
    put_exports(companies.id, 1, WRITE_SENT);
    expect_due(companies.id, "2 ");
}
