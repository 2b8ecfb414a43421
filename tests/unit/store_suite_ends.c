/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine of the store must do with links and records that end. */
#include "store_suite.h"

#include <stdio.h>

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

static struct record_row load(int64_t key)
{
    struct record_row row;
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    return row;
}

/* A second connection's stream of accounts. */
static int64_t other_stream(void)
{
    int64_t other;
    struct stream_state state;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->connection(store, STR("erp"), STR("com.example.erp"), &other, &err));
    OK(ENGINE->stream(store, other, STR("firms"), account, &arena, &state, &err));
    OK(ENGINE->commit(store, &err));
    return state.id;
}

static void link_record(int64_t stream, const char *external_id, int64_t record,
                        enum link_ended ended)
{
    struct link_write link = {.stream = stream,
                              .record = record,
                              .external_id = str_from(external_id),
                              .seen_remote = STR(""),
                              .ended = ended};
    apply((struct store_batch){.links = &link, .link_count = 1});
}

static void end_link(const char *external_id, enum link_ended ended, int64_t record,
                     int64_t followed)
{
    struct link_end end = {.key = find_link(external_id).key,
                           .stream = companies.id,
                           .record = record,
                           .ended = ended,
                           .followed = followed};
    apply((struct store_batch){.link_ends = &end, .link_end_count = 1});
}

static void set_deleted(int64_t key, int64_t at)
{
    struct record_row row = load(key);
    row.deleted_at = at;
    row.updated_at = 2000;
    struct record_end end = {.row = &row};
    apply((struct store_batch){.ends = &end, .end_count = 1});
}

static bool write_name(void *arg, const struct record_row *row)
{
    buf_printf(arg, "%.*s@%d ", STR_ARG(row->fields[0].text), (int)row->deleted_at);
    return true;
}

static void expect_records(bool deleted, const char *expected)
{
    struct buf out = BUF_INIT(1000);
    struct record_filter filter = {
        .object = account, .organization = organization, .deleted = deleted};
    OK(ENGINE->each_record(store, &filter, write_name, &out, &err));
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

static void expect_verified(const char *expected)
{
    struct buf summary = BUF_INIT(200);
    OK(ENGINE->verify(store, &summary, &err));
    UNIT_TEXT(buf_cstr(&summary), expected);
    buf_free(&summary);
}

/* A tombstone is neither listed, counted nor matched; its row and its link stay. */
void test_tombstones(void)
{
    struct value domain = text("one.test");
    struct match_row found;
    int64_t links;
    put_dictionaries();
    create("c1", "One", "one.test");
    create("c2", "Two", NULL);
    end_link("c1", LINK_ARCHIVED, 1, 0);
    set_deleted(1, 1500);
    CU_ASSERT(find_link("c1").ended == LINK_ARCHIVED && find_link("c2").ended == LINK_LIVE);
    CU_ASSERT(load(1).deleted_at == 1500 && load(1).rev == 3 && load(2).deleted_at == 0);
    expect_records(false, "Two@0 ");
    expect_records(true, "One@1500 ");
    expect_verified("1 accounts, 0 contacts, 0 deals, 0 engagements, 0 tickets, "
                    "0 custom_records, 0 owners, 0 pipeline_stages");
    OK(ENGINE->count_links(store, companies.id, &links, &err));
    CU_ASSERT_EQUAL(links, 1);
    OK(ENGINE->match(store, account, organization, 99, 1, &domain, 1, &found, &err));
    CU_ASSERT_EQUAL(found.record, 0);
    set_deleted(1, 0);
    OK(ENGINE->match(store, account, organization, 99, 1, &domain, 1, &found, &err));
    CU_ASSERT_EQUAL(found.record, 1);
    /* Its link is archived: it may come back under another id. */
    OK(ENGINE->match(store, account, organization, companies.id, 1, &domain, 1, &found, &err));
    CU_ASSERT_EQUAL(found.record, 1);
    end_link("c1", LINK_OUT_OF_SCOPE, 1, 0);
    OK(ENGINE->match(store, account, organization, companies.id, 1, &domain, 1, &found, &err));
    CU_ASSERT_EQUAL(found.record, 0);
    expect_records(false, "One@0 Two@0 ");
}

/* A live link to a tombstone is damage. */
void test_verify_finds_dead_records(void)
{
    struct buf summary = BUF_INIT(200);
    put_dictionaries();
    create("c1", "One", NULL);
    set_deleted(1, 1500);
    CU_ASSERT(ENGINE->verify(store, &summary, &err) == -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "deleted although a vendor has them"));
    buf_free(&summary);
}

/* One that lives again and is changed in the same batch has a log row for each. */
void test_restored_and_changed(void)
{
    put_dictionaries();
    create("c1", "One", NULL);
    set_deleted(1, 1500);
    struct record_row row = load(1);
    row.deleted_at = 0;
    row.updated_at = 3000;
    row.fields[0] = text("Uno");
    struct record_end end = {.row = &row};
    struct record_update update = {.row = &row, .changed = 1, .body = STR("{\"name\":1}")};
    apply(
        (struct store_batch){.ends = &end, .end_count = 1, .updates = &update, .update_count = 1});
    CU_ASSERT_EQUAL(row.rev, 4);
    CU_ASSERT(load(1).rev == 4 && load(1).deleted_at == 0 && load(1).updated_at == 3000);
    expect_records(false, "Uno@0 ");
}

void test_holders(void)
{
    int64_t records[] = {2, 1, 99, 1};
    struct holder_row out[4];
    put_dictionaries();
    create("c1", "One", NULL);
    create("c2", "Two", NULL);
    int64_t firms = other_stream();
    link_record(firms, "f1", 1, LINK_LIVE);
    link_record(firms, "f2", 2, LINK_ABSENT);
    OK(ENGINE->load_holders(store, account, firms, records, 4, out, &err));
    CU_ASSERT(out[0].live == 1 && !out[0].here); /* one has ended */
    CU_ASSERT(out[1].live == 2 && out[1].here);
    CU_ASSERT(out[2].live == 0 && !out[2].here);
    CU_ASSERT(out[3].live == 2 && out[3].here);
    /* Records of another object have the same keys. */
    OK(ENGINE->load_holders(store, model_object(STR("contact")), firms, records, 4, out, &err));
    CU_ASSERT(out[0].live == 0 && out[1].live == 0);
}

/* What was merged into a record moves along when that one is merged. */
void test_merged_links_follow(void)
{
    put_dictionaries();
    create("a", "A", NULL);
    create("b", "B", NULL);
    create("c", "C", NULL);
    int64_t firms = other_stream();
    link_record(firms, "f", 1, LINK_LIVE);
    end_link("a", LINK_MERGED, 2, 1);
    CU_ASSERT(find_link("a").record == 2 && find_link("a").ended == LINK_MERGED);
    end_link("b", LINK_MERGED, 3, 2);
    CU_ASSERT(find_link("a").record == 3 && find_link("b").record == 3);
    CU_ASSERT(find_link("c").record == 3 && find_link("c").ended == LINK_LIVE);
    struct link_row row;
    struct str id = STR("f");
    OK(ENGINE->load_links(store, firms, &id, 1, &row, &arena, &err));
    CU_ASSERT(row.record == 1 && row.ended == LINK_LIVE);
}

static void expect_ids(int rc, const struct linked_id *rows, size_t count, const char *expected)
{
    struct buf out = BUF_INIT(1000);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%.*s=%d ", STR_ARG(rows[i].external_id), (int)rows[i].record);
    UNIT_TEXT(buf_cstr(&out), expected);
    buf_free(&out);
}

static void expect_unseen(int64_t after, size_t most, const char *expected)
{
    struct linked_id *rows = NULL;
    size_t count = 0;
    int rc = ENGINE->load_unseen(store, &companies, after, most, &rows, &count, &arena, &err);
    expect_ids(rc, rows, count, expected);
}

static void see(const char *external_id)
{
    int64_t link = find_link(external_id).key;
    apply((struct store_batch){.seen_stream = companies.id, .seen = &link, .seen_count = 1});
}

static void expect_seen(int64_t expected)
{
    int64_t count;
    OK(ENGINE->count_seen(store, companies.id, &count, &err));
    CU_ASSERT_EQUAL(count, expected);
}

/* What a walk has not met: of the links that were there when it began. */
void test_unseen(void)
{
    static const char *const ids[] = {"c1", "c2", "c3", "c4", "c5", "c6"};
    put_dictionaries();
    for (size_t i = 0; i < 6; i++)
        create(ids[i], ids[i], NULL);
    link_record(other_stream(), "f1", 1, LINK_LIVE);
    end_link("c3", LINK_OUT_OF_SCOPE, 3, 0);
    end_link("c4", LINK_ARCHIVED, 4, 0);
    end_link("c5", LINK_MERGED, 1, 5);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->begin_seen(store, companies.id, &companies.walk_links, &err));
    OK(ENGINE->commit(store, &err));
    create("c7", "new", NULL);
    expect_seen(0);
    expect_unseen(0, 10, "c1=1 c2=2 c3=3 c6=6 ");
    see("c2");
    see("c2");
    expect_seen(1);
    expect_unseen(0, 10, "c1=1 c3=3 c6=6 ");
    expect_unseen(0, 2, "c1=1 c3=3 ");
    expect_unseen(find_link("c3").key, 10, "c6=6 ");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->begin_seen(store, companies.id, &companies.walk_links, &err));
    OK(ENGINE->commit(store, &err));
    expect_seen(0);
}

/* By which the log of a record that somebody took away goes on. */
static void expect_last_log(int64_t key)
{
    const int64_t keys[3] = {key, 999, key + 1};
    struct record_row rows[3];
    int64_t last[3], again[3];
    OK(ENGINE->load_records(store, account, keys, 3, rows, &arena, &err));
    OK(ENGINE->load_last_log(store, account, keys, 3, last, &err));
    CU_ASSERT_EQUAL(last[0], rows[0].rev);
    CU_ASSERT_EQUAL(last[1], 0);
    CU_ASSERT_EQUAL(last[2], rows[2].rev);
    OK(ENGINE->load_last_log(store, model_object(STR("contact")), keys, 3, again, &err));
    CU_ASSERT_EQUAL(again[0], 0); /* of another object */
    OK(ENGINE->load_last_log(store, account, keys, 0, last, &err));
}

void test_archived(void)
{
    struct linked_id *rows = NULL;
    size_t count = 0;
    put_dictionaries();
    create("c1", "One", NULL);
    create("c2", "Two", NULL);
    create("c3", "Three", NULL);
    link_record(other_stream(), "f1", 1, LINK_ARCHIVED);
    end_link("c1", LINK_ARCHIVED, 1, 0);
    end_link("c2", LINK_ABSENT, 2, 0);
    end_link("c3", LINK_ARCHIVED, 3, 0);
    int rc = ENGINE->load_archived(store, companies.id, 0, 10, &rows, &count, &arena, &err);
    expect_ids(rc, rows, count, "c1=1 c3=3 ");
    rc = ENGINE->load_archived(store, companies.id, rows[0].link, 1, &rows, &count, &arena, &err);
    expect_ids(rc, rows, count, "c3=3 ");
    expect_last_log(1);
}

void test_unmet(void)
{
    struct link_write met = {.stream = companies.id,
                             .record = 2,
                             .external_id = STR("c2"),
                             .seen_remote = STR("0123456789")};
    struct buf summary = BUF_INIT(400);
    bool unmet[5];
    put_dictionaries();
    create(NULL, "A", NULL);
    create(NULL, "B", NULL);
    link_record(companies.id, "c1", 1, LINK_LIVE);
    apply((struct store_batch){.links = &met, .link_count = 1});
    link_record(companies.id, "c3", 1, LINK_ARCHIVED);
    link_record(companies.id, "c4", 0, LINK_MERGED); /* is to become one of its own */
    const struct linked_id links[] = {{.link = find_link("c2").key},
                                      {.link = find_link("c1").key},
                                      {.link = find_link("c3").key},
                                      {.link = 12345},
                                      {.link = find_link("c4").key}};
    OK(ENGINE->load_unmet(store, links, 5, unmet, &err));
    CU_ASSERT(!unmet[0] && unmet[1] && !unmet[2] && !unmet[3] && !unmet[4]);
    OK(ENGINE->load_unmet(store, links, 0, unmet, &err));
    OK(store_verify(store, &summary, &err)); /* a link without a record is none too many */
    buf_free(&summary);
}

void test_referring(void)
{
    int parent = model_field(account, STR("parent_id"));
    int64_t wanted[] = {1, 2}, *keys;
    size_t count;
    put_dictionaries();
    create(NULL, "A", NULL);
    create(NULL, "B", NULL);
    create(NULL, "C", NULL);
    create(NULL, "D", NULL);
    for (int64_t child = 3; child <= 4; child++) {
        struct record_row row = load(child);
        row.fields[parent] = (struct value){.state = VALUE_INTEGER, .integer = child - 2};
        struct record_update update = {
            .row = &row, .changed = UINT64_C(1) << parent, .body = STR("{}")};
        apply((struct store_batch){.updates = &update, .update_count = 1});
    }
    OK(ENGINE->load_referring(store, account, parent, wanted, 2, &keys, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT(keys[0] == 3 && keys[1] == 4);
    OK(ENGINE->load_referring(store, account, parent, wanted, 1, &keys, &count, &arena, &err));
    CU_ASSERT(count == 1 && keys[0] == 3);
}
