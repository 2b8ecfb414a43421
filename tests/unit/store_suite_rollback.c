/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine of the store must tell of a run that is to be taken back. */
#include "store_suite.h"

#include <stdio.h>

static int64_t new_run(void)
{
    int64_t id;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->run_start(store, connection, STR("test"), &id, &err));
    OK(ENGINE->commit(store, &err));
    return id;
}

static void rename_record(int64_t key, const char *name, const char *body)
{
    struct record_row row;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    row.fields[0] = text(name);
    struct record_update update = {.row = &row, .changed = 1, .body = str_from(body)};
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .now_us = 2000,
                                .updates = &update,
                                .update_count = 1};
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
}

static void expect_span(int64_t of, int64_t rows, int64_t pruned, int64_t sent)
{
    struct run_span span;
    OK(ENGINE->load_run_span(store, of, &span, &err));
    CU_ASSERT_EQUAL(span.rows, rows);
    CU_ASSERT_EQUAL(span.pruned, pruned);
    CU_ASSERT_EQUAL(span.sent, sent);
    CU_ASSERT(rows == 0 || span.first < span.last);
}

/* The ops and records of a run's rows before a place, and that place for the next call. */
static void expect_log(int64_t of, int64_t *before, size_t most, const char *expected)
{
    struct run_span span;
    struct log_row *rows;
    size_t count;
    char found[200] = "";
    OK(ENGINE->load_run_span(store, of, &span, &err));
    int64_t from = *before != 0 ? *before : span.last + 1;
    OK(ENGINE->load_run_log(store, of, &span, from, most, &rows, &count, &arena, &err));
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(rows[i].run, of);
        snprintf(found + strlen(found), sizeof found - strlen(found), "%d of %d; ", (int)rows[i].op,
                 (int)rows[i].record);
        *before = rows[i].position.seq;
    }
    UNIT_TEXT(found, expected);
}

void test_log_of_a_run(void)
{
    int64_t before = 0, first;
    put_dictionaries();
    first = run;
    create("c1", "One", NULL);
    create("c2", "Two", NULL);
    run = new_run();
    rename_record(1, "Uno", "{\"name\":[\"One\",\"Uno\"]}");
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET name = 'Ein' WHERE key = 2"));
    rename_record(2, "Due", "{\"name\":[\"Ein\",\"Due\"]}");
    rename_record(1, "Un", "");
    expect_span(first, 2, 0, 0);
    expect_span(run, 3, 1, 0);
    expect_span(run + 7, 0, 0, 0);
    expect_log(run, &before, 2, "2 of 1; 2 of 2; ");
    expect_log(run, &before, 2, "2 of 1; ");
    expect_log(run, &before, 2, "");
    before = 0;
    expect_log(first, &before, 9, "1 of 2; 1 of 1; ");
}

/* A store from before runs said where their rows begin. */
void test_log_of_an_older_run(void)
{
    int64_t before = 0;
    put_dictionaries();
    create("c1", "One", NULL);
    CU_ASSERT_PTR_NULL(foreign("UPDATE run SET log_from = NULL"));
    expect_span(run, 1, 0, 0);
    expect_log(run, &before, 9, "1 of 1; ");
}

void test_log_rows_by_number(void)
{
    struct log_row rows[3];
    struct record_row row;
    int64_t key = 1;
    put_dictionaries();
    create("c1", "One", NULL);
    rename_record(1, "Uno", "{\"name\":[\"One\",\"Uno\"]}");
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    OK(ENGINE->load_log_rows(store, &row.rev, 1, rows, &arena, &err));
    CU_ASSERT(str_is(rows[0].body, "{\"name\":[\"One\",\"Uno\"]}"));
    const int64_t seqs[] = {rows[0].prev, 99999, row.rev};
    OK(ENGINE->load_log_rows(store, seqs, 3, rows, &arena, &err));
    CU_ASSERT_EQUAL(rows[0].op, LOG_CREATE);
    CU_ASSERT_EQUAL(rows[1].position.seq, 0);
    CU_ASSERT_EQUAL(rows[2].position.seq, row.rev);
    OK(ENGINE->load_log_rows(store, NULL, 0, rows, &arena, &err));
}

void test_held_and_referred(void)
{
    struct held_link *held;
    struct referrer_row *rows;
    size_t count;
    const int64_t keys[] = {1, 2, 3};
    int parent = model_field(account, STR("parent_id"));
    put_dictionaries();
    create("c1", "One", NULL);
    create("c2", "Two", NULL);
    create("c3", "Three", NULL);
    CU_ASSERT_PTR_NULL(foreign("UPDATE link SET ended = 5 WHERE external_id = 'c2'"));
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET parent_id = 1 WHERE key > 1"));
    CU_ASSERT_PTR_NULL(foreign("UPDATE account SET deleted_at = 5 WHERE key = 3"));
    OK(ENGINE->load_held(store, account, keys, 2, &held, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT_EQUAL(held[0].connection, connection);
    CU_ASSERT_EQUAL(held[0].stream, companies.id);
    CU_ASSERT_EQUAL(held[0].link.ended, LINK_LIVE);
    CU_ASSERT_EQUAL(held[1].link.record, 2);
    CU_ASSERT_EQUAL(held[1].link.ended, LINK_ROLLED_BACK);
    CU_ASSERT(str_is(held[1].external_id, "c2"));
    CU_ASSERT(str_is(held[1].link.seen_remote, "seen"));
    OK(ENGINE->load_held(store, model_object(STR("contact")), keys, 2, &held, &count, &arena,
                         &err));
    CU_ASSERT_EQUAL(count, 0); /* of the same keys */
    OK(ENGINE->load_referrers(store, account, parent, keys, 3, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1); /* a tombstone refers to nothing */
    CU_ASSERT_EQUAL(rows[0].record, 1);
    CU_ASSERT_EQUAL(rows[0].by, 2);
    OK(ENGINE->load_referrers(store, account, parent, keys, 0, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL(count, 0);
}

static void expect_sent(const struct sent_row *rows, size_t count, const char *expected)
{
    char found[200] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%.*s %.*s; ",
                 STR_ARG(rows[i].external_id), STR_ARG(rows[i].body));
    UNIT_TEXT(found, expected);
}

void test_sent_of_a_run(void)
{
    struct sent_row *rows;
    size_t count;
    const int64_t records[] = {1, 3};
    put_dictionaries();
    int64_t other = new_run();
    const struct sent_row all[] = {{.record = 1, .external_id = STR("a"), .body = STR("{1}")},
                                   {.record = 2, .external_id = STR("b"), .body = STR("{2}")},
                                   {.record = 1, .external_id = STR("a"), .body = STR("{3}")},
                                   {.record = 3, .external_id = STR("c")}};
    OK(ENGINE->begin(store, &err));
    for (size_t i = 0; i < 4; i++) {
        struct sent_row row = all[i];
        row.stream = companies.id;
        row.run = run;
        row.op = WRITE_UPDATE;
        OK(ENGINE->add_sent(store, &row, 1, &err));
        row.run = other;
        row.record += 10;
        OK(ENGINE->add_sent(store, &row, 1, &err));
    }
    OK(ENGINE->commit(store, &err));
    expect_span(run, 0, 0, 4);
    OK(ENGINE->load_run_sent(store, run, INT64_MAX, 3, &rows, &count, &arena, &err));
    expect_sent(rows, count, "c ; a {3}; b {2}; ");
    OK(ENGINE->load_run_sent(store, run, rows[2].id, 3, &rows, &count, &arena, &err));
    expect_sent(rows, count, "a {1}; ");
    OK(ENGINE->load_sent_of(store, run, companies.id, records, 2, &rows, &count, &arena, &err));
    expect_sent(rows, count, "a {1}; a {3}; c ; ");
    OK(ENGINE->load_sent_of(store, run, companies.id + 1, records, 2, &rows, &count, &arena, &err));
    expect_sent(rows, count, "");
}

static bool note_rolled(void *arg, const struct run_row *row)
{
    *(int64_t *)arg = row->rolls_back;
    return false;
}

void test_what_a_run_takes_back(void)
{
    int64_t rolled = 99;
    put_dictionaries();
    int64_t other = new_run();
    OK(ENGINE->each_run(store, STR(""), other, 1, note_rolled, &rolled, &err));
    CU_ASSERT_EQUAL(rolled, 0);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->run_rolls_back(store, other, run, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->each_run(store, STR(""), other, 1, note_rolled, &rolled, &err));
    CU_ASSERT_EQUAL(rolled, run);
}
