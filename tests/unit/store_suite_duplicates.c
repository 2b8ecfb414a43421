/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine must tell of records that share a value, and keep of a merge. */
#include "store_suite.h"

#include <stdio.h>

/* Keys of a portion, and the place behind it. */
static const char *portion(struct duplicate_place *after, size_t most)
{
    static char found[200];
    struct record_row *rows;
    size_t count;
    int domain = model_field(account, STR("domain"));
    found[0] = '\0';
    OK(ENGINE->load_duplicates(store, account, organization, domain, after, most, &rows, &count,
                               &arena, &err));
    for (size_t i = 0; i < count; i++) {
        snprintf(found + strlen(found), sizeof found - strlen(found), "%.*s %d; ",
                 STR_ARG(rows[i].fields[domain].text), (int)rows[i].key);
        *after = (struct duplicate_place){rows[i].fields[domain].text, rows[i].key};
    }
    return found;
}

void test_duplicates(void)
{
    struct duplicate_place after = {STR(""), 0};
    put_dictionaries();
    UNIT_TEXT(portion(&after, 9), "");
    create("c1", "One", "b.test");
    create("c2", "Two", "a.test");
    create("c3", "Three", "b.test");
    create("c4", "Four", NULL);
    create("c5", "Five", NULL);
    create("c6", "Six", "B.test");
    create("c7", "Seven", "a.test");
    create("c8", "Eight", "a.test");
    create("c9", "Nine", "c.test");
    create("c10", "Ten", "c.test");
    create("c11", "Eleven", "d.test");
    create("c12", "Twelve", "d.test");
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET deleted_at = 5 WHERE key = 10"));
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET domain = '' WHERE key IN (11, 12)"));
    UNIT_TEXT(portion(&after, 9), "a.test 2; a.test 7; a.test 8; b.test 1; b.test 3; ");
    UNIT_TEXT(portion(&after, 9), "");
    after = (struct duplicate_place){STR(""), 0};
    UNIT_TEXT(portion(&after, 2), "a.test 2; a.test 7; ");
    UNIT_TEXT(portion(&after, 2), "a.test 8; b.test 1; ");
    UNIT_TEXT(portion(&after, 2), "b.test 3; ");
    organization++; /* another one has none of them */
    after = (struct duplicate_place){STR(""), 0};
    UNIT_TEXT(portion(&after, 9), "");
    organization--;
}

void test_count_referrers(void)
{
    const int64_t keys[] = {3, 1, 2};
    int64_t counts[] = {100, 0, 0};
    int parent = model_field(account, STR("parent_id"));
    put_dictionaries();
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", i);
        create(id, "N", NULL);
    }
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET parent_id = 1 WHERE key IN (2, 3, 4)"));
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET parent_id = 3 WHERE key = 5"));
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET deleted_at = 5 WHERE key = 4"));
    OK(ENGINE->count_referrers(store, account, parent, keys, 3, counts, &err));
    CU_ASSERT_EQUAL(counts[0], 101);
    CU_ASSERT_EQUAL(counts[1], 2);
    CU_ASSERT_EQUAL(counts[2], 0);
    OK(ENGINE->count_referrers(store, account, parent, keys, 0, counts, &err));
}

static const char *pending_text(const struct pending_write *rows, size_t count)
{
    static char found[200];
    found[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%d.%d %.*s; ",
                 (int)rows[i].row.record, rows[i].row.field, STR_ARG(rows[i].row.external_id));
    return found;
}

void test_waiting(void)
{
    const int64_t keys[] = {1, 2};
    struct pending_write *rows;
    size_t count;
    put_dictionaries();
    struct pending_write pending[] = {
        {companies.id, {STR("x"), account->id, 2, 13}},
        {companies.id, {STR("y"), account->id, 1, 13}},
        {companies.id, {STR("z"), account->id, 3, 13}},
        {companies.id, {STR("z"), 2, 1, 1}},
    };
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .pending = pending,
                                .pending_count = 4};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->load_waiting(store, account, keys, 2, &rows, &count, &arena, &err));
    UNIT_TEXT(pending_text(rows, count), "1.13 y; 2.13 x; ");
    CU_ASSERT_EQUAL(rows[0].stream, companies.id);
    CU_ASSERT_EQUAL(rows[0].row.object, account->id);
}

void test_moved(void)
{
    struct moved_link *links;
    struct pending_write *waited;
    size_t count;
    put_dictionaries();
    create("c1", "One", NULL);
    create("c2", "Two", NULL);
    struct link_row link = find_link("c2");
    const struct moved_link moved[] = {{.from = 2,
                                        .to = 1,
                                        .seen_remote = STR("r"),
                                        .seen_local = STR(""),
                                        .left = STR("abc"),
                                        .now = {.link = {.key = link.key}}},
                                       {.from = 2, .to = 1, .now = {.link = {.key = 999}}}};
    const struct pending_write was[] = {{companies.id, {STR("x"), account->id, 2, 13}},
                                        {0, {STR(""), account->id, 1, 13}}};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_moved(store, run, moved, 2, was, 2, &err));
    OK(ENGINE->add_moved(store, run + 1, moved, 1, NULL, 0, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->load_moved(store, run, &links, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT_EQUAL(links[0].from, 2);
    CU_ASSERT_EQUAL(links[0].to, 1);
    CU_ASSERT(str_is(links[0].seen_remote, "r"));
    CU_ASSERT(str_is(links[0].left, "abc"));
    CU_ASSERT_EQUAL(links[0].now.link.record, 2);
    CU_ASSERT(str_is(links[0].now.link.seen_remote, "seen"));
    CU_ASSERT(str_is(links[0].now.external_id, "c2"));
    CU_ASSERT_EQUAL(links[0].now.stream, companies.id);
    CU_ASSERT_EQUAL(links[0].now.connection, connection);
    CU_ASSERT_EQUAL(links[1].now.link.key, 0); /* it is there no more */
    OK(ENGINE->load_waited(store, run, &waited, &count, &arena, &err));
    UNIT_TEXT(pending_text(waited, count), "1.13 ; 2.13 x; ");
    OK(ENGINE->load_waited(store, run + 1, &waited, &count, &arena, &err));
    CU_ASSERT_EQUAL(count, 0);
}

static bool take_run(void *arg, const struct run_row *row)
{
    struct run_row *taken = arg;
    *taken = *row;
    taken->connection = arena_str(&arena, row->connection);
    return false;
}

void test_run_of_no_connection(void)
{
    struct run_row row = {0};
    int64_t merge;
    put_dictionaries();
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->run_start(store, 0, STR("ada"), &merge, &err));
    OK(ENGINE->run_kind(store, merge, RUN_OF_MERGE, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->each_run(store, STR(""), 0, 1, take_run, &row, &err));
    CU_ASSERT_EQUAL(row.id, merge);
    CU_ASSERT_EQUAL(row.kind, RUN_OF_MERGE);
    CU_ASSERT_EQUAL(row.connection.len, 0);
    OK(ENGINE->each_run(store, STR("crm"), 0, 1, take_run, &row, &err));
    CU_ASSERT_EQUAL(row.id, run);
    CU_ASSERT_EQUAL(row.kind, RUN_OF_CONNECTION);
}

/* Its row of the log says what it was merged into. */
void test_end_with_a_body(void)
{
    struct record_row row;
    struct log_row log;
    int64_t key = 1;
    put_dictionaries();
    create("c1", "One", NULL);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    row.deleted_at = row.updated_at = 3000;
    struct record_end end = {.row = &row, .body = STR("{\"merged_into\":[null,\"x\"]}")};
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .now_us = 3000,
                                .ends = &end,
                                .end_count = 1};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->load_log_row(store, row.rev, &log, &arena, &err));
    CU_ASSERT_EQUAL(log.op, LOG_DELETE);
    CU_ASSERT(str_is(log.body, "{\"merged_into\":[null,\"x\"]}"));
}
