/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine must do with the bases of links: values that both sides agreed on. */
#include "store_suite.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void apply(struct link_write *links, size_t count)
{
    struct store_batch batch = {.object = account,
                                .organization = organization,
                                .run = run,
                                .now_us = 2000,
                                .links = links,
                                .link_count = count};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
}

static struct link_write a_link(const char *external_id, const char *base)
{
    struct link_row there = find_link(external_id);
    return (struct link_write){.key = there.key,
                               .stream = companies.id,
                               .record = there.key ? there.record : 1,
                               .external_id = str_from(external_id),
                               .seen_remote = STR("there"),
                               .seen_local = STR("here"),
                               .base = base ? str_from(base) : (struct str){NULL, 0}};
}

static void expect_base(const char *external_id, const char *expected)
{
    struct str base = find_link(external_id).base;
    UNIT_TEXT(arena_str(&arena, base).ptr, expected);
}

void test_base(void)
{
    put_dictionaries();
    struct link_write fresh[] = {a_link("a", "{\"1\":1}"), a_link("b", ""), a_link("c", NULL)};
    apply(fresh, COUNT(fresh));
    expect_base("a", "{\"1\":1}");
    expect_base("b", "");
    expect_base("c", "");
    /* One that is not given stays; so it does where nothing is exported. */
    struct link_write kept[] = {a_link("a", NULL), a_link("b", "{\"2\":2}"), a_link("c", "{}")};
    kept[2].seen_local = (struct str){NULL, 0};
    apply(kept, COUNT(kept));
    expect_base("a", "{\"1\":1}");
    expect_base("b", "{\"2\":2}");
    expect_base("c", "");
    struct link_write import = a_link("b", "{\"3\":3}");
    import.seen_local = (struct str){NULL, 0};
    apply(&import, 1);
    expect_base("b", "{\"2\":2}");
    /* An empty one takes it away. */
    struct link_write gone[] = {a_link("a", ""), a_link("b", "{\"2\":\"\xc3\xa9\"}")};
    apply(gone, COUNT(gone));
    expect_base("a", "");
    expect_base("b", "{\"2\":\"\xc3\xa9\"}");
    CU_ASSERT_PTR_NULL(foreign("UPDATE link SET record = CASE WHEN (base IS NULL) = (external_id "
                               "<> 'b') THEN record END"));
}

/* By whatever way a link is found. */
void test_base_with_links(void)
{
    struct held_link *held;
    struct export_due *due;
    int64_t record = 1;
    size_t count;
    put_dictionaries();
    create("c1", "One", NULL);
    struct link_write link = a_link("c1", "{\"1\":1}");
    apply(&link, 1);
    OK(ENGINE->load_held(store, account, &record, 1, &held, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT(str_is(held[0].link.base, "{\"1\":1}"));
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->queue_exports(store, companies.id, &record, 1, &err));
    OK(ENGINE->load_exports(store, companies.id, 0, 10, &due, &count, &arena, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT(str_is(due[0].link.base, "{\"1\":1}"));
    /* A link that a merge moves has it as it was, and as it is. */
    const struct moved_link moved[] = {
        {.from = 2, .to = 1, .base = STR("{\"0\":0}"), .now = {.link = find_link("c1")}}};
    const struct moved_link bare[] = {{.from = 2, .to = 1, .now = {.link = find_link("c1")}}};
    struct moved_link *rows;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_moved(store, run, moved, 1, NULL, 0, &err));
    OK(ENGINE->add_moved(store, run + 1, bare, 1, NULL, 0, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->load_moved(store, run, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT(str_is(rows[0].base, "{\"0\":0}") && str_is(rows[0].now.link.base, "{\"1\":1}"));
    OK(ENGINE->load_moved(store, run + 1, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT_EQUAL(rows[0].base.len, 0);
}

static void erase(const char *address)
{
    const struct erase_request request = {organization, str_from(address)};
    struct erase_counts counts;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->erase(store, &request, false, &counts, &err));
    OK(ENGINE->commit(store, &err));
}

static bool take_conflict(void *arg, const struct conflict_row *row)
{
    struct conflict_row *taken = arg;
    *taken = *row;
    taken->base = arena_str(&arena, row->base);
    taken->local = arena_str(&arena, row->local);
    return false;
}

#define MENTIONS "{\"2\":[\"0\",\"ask An\\u0040x.com\"]}"
#define NAMESAKE "{\"2\":[\"0\",\"ian@x.com\"]}"

/* Another's record need not have it any more, and the base goes; of namesakes it stays. */
void test_erase_bases(void)
{
    struct moved_link *rows;
    struct conflict_row found = {0};
    size_t count;
    put_dictionaries();
    struct link_write links[] = {a_link("a", MENTIONS), a_link("b", NAMESAKE)};
    apply(links, COUNT(links));
    const struct moved_link moved[] = {
        {.from = 2, .to = 1, .base = STR(MENTIONS), .now = {.link = find_link("a")}},
        {.from = 2, .to = 1, .base = STR(NAMESAKE), .now = {.link = find_link("b")}}};
    const struct conflict_row open = {.stream = companies.id,
                                      .run = run,
                                      .record = 1,
                                      .field = 2,
                                      .state = CONFLICT_OPEN,
                                      .at = 100,
                                      .base = STR("\"an@x.com\""),
                                      .local = STR("\"an@x.com, bob@x.com\""),
                                      .remote = STR("null")};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->add_moved(store, run, moved, 2, NULL, 0, &err));
    OK(ENGINE->set_conflicts(store, &open, 1, &err));
    OK(ENGINE->commit(store, &err));
    erase("an@x.com");
    expect_base("a", "");
    expect_base("b", NAMESAKE);
    OK(ENGINE->load_moved(store, run, &rows, &count, &arena, &err));
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT(rows[0].base.len == 0 && str_is(rows[1].base, NAMESAKE));
    const struct conflict_filter all = {0};
    OK(ENGINE->each_conflict(store, &all, take_conflict, &found, &err));
    CU_ASSERT_EQUAL(found.base.len, 0);
    CU_ASSERT(str_is(found.local, "\"an@x.com, bob@x.com\"")); /* as the record has it */
}
