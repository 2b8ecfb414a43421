/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine must do with the writes of other programs, and for who follows the log. */
#include "store_suite.h"

#include <inttypes.h>
#include <stdio.h>

static struct log_row *rows;
static size_t row_count;

/* All of the log from behind `seq`, in the order of seq. */
static void load_after(int64_t seq)
{
    struct log_position none = {0};
    OK(ENGINE->load_log(store, &none, 200000, &rows, &row_count, &arena, &err));
    while (row_count > 0 && rows[0].position.seq <= seq) {
        rows++;
        row_count--;
    }
}

static void foreign_ok(const char *statement)
{
    const char *refused = foreign(statement);
    if (refused)
        fprintf(stderr, "%s: %s\n", statement, refused);
    CU_ASSERT_PTR_NULL_FATAL(refused);
}

static void expect_foreign_refused(const char *statement, const char *says)
{
    const char *refused = foreign(statement);
    CU_ASSERT_PTR_NOT_NULL_FATAL(refused);
    if (!strstr(refused, says))
        fprintf(stderr, "%s: %s\n", statement, refused);
    CU_ASSERT_PTR_NOT_NULL(strstr(refused, says));
}

static struct record_row load(const struct model_object *object, int64_t key)
{
    struct record_row row;
    OK(ENGINE->load_records(store, object, &key, 1, &row, &arena, &err));
    return row;
}

/* JSON texts that say the same. */
static bool same_json(struct str a, const char *b)
{
    struct buf x = BUF_INIT(100000), y = BUF_INIT(100000);
    const struct json *parsed = NULL;
    bool same = json_parse(a, &parsed, NULL) == 0;
    json_write(&x, parsed);
    json_free(parsed);
    same = same && json_parse(str_from(b), &parsed, NULL) == 0;
    if (same) {
        json_write(&y, parsed);
        json_free(parsed);
        same = str_eq(buf_view(&x), buf_view(&y));
    }
    if (!same)
        fprintf(stderr, "%.*s\n%s\n", STR_ARG(a), b);
    buf_free(&x);
    buf_free(&y);
    return same;
}

static void expect_whole(void)
{
    struct buf summary = BUF_INIT(400);
    OK(ENGINE->verify(store, &summary, &err));
    buf_free(&summary);
}

/* ---- new records ---- */

void test_foreign_insert(void)
{
    expect_foreign_refused("INSERT INTO account (name) VALUES ('too early')",
                           "name the organization");
    put_dictionaries();
    foreign_ok("INSERT INTO account (name, arr) VALUES ('One', 1200050), ('Two', NULL)");
    load_after(0);
    CU_ASSERT_EQUAL_FATAL(row_count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct record_row row = load(account, rows[i].record);
        CU_ASSERT(rows[i].object == account->id && rows[i].op == LOG_CREATE);
        CU_ASSERT(rows[i].run == 0 && rows[i].prev == 0 && rows[i].body.len == 0);
        CU_ASSERT_EQUAL(row.rev, rows[i].position.seq);
        CU_ASSERT(row.id.bytes[6] >> 4 == 7 && row.id.bytes[8] >> 6 == 2);
        CU_ASSERT(row.created_at > INT64_C(1600000000000000) && row.updated_at >= row.created_at);
        int64_t ms = 0;
        for (int b = 0; b < 6; b++)
            ms = ms << 8 | row.id.bytes[b];
        CU_ASSERT(ms * 1000 <= row.created_at + 2000000 && ms * 1000 >= row.created_at - 2000000);
    }
    CU_ASSERT(memcmp(load(account, rows[0].record).id.bytes, load(account, rows[1].record).id.bytes,
                     UUID_SIZE) != 0);
    struct value none = {0}, domain = text("three.test");
    struct match_row found;
    foreign_ok("INSERT INTO account (name, domain, created_at, updated_at) "
               "VALUES ('Three', 'three.test', 5, 6)");
    OK(ENGINE->match(store, account, organization, companies.id, 1, &domain, 1, &found, &err));
    CU_ASSERT(found.record != 0); /* it is the organisation's */
    CU_ASSERT(load(account, found.record).created_at == 5);
    CU_ASSERT(load(account, found.record).updated_at == 6);
    CU_ASSERT(value_eq(&load(account, found.record).fields[4], &none));
    expect_whole();
    create("c1", "Ours", NULL); /* keys are shared */
    CU_ASSERT_EQUAL(find_link("c1").record > found.record, true);
}

/* ---- changed ones ---- */

static struct value sample(enum field_kind kind, int which)
{
    static const char *const texts[] = {"first \"one\" \\ \xc3\xbc", "second\nline/"};
    static const char *const lists[] = {"[\"a\",\"b c\"]", "[]"};
    static const char *const objects[] = {"{\"a\":{\"b\":[1,2.50,null]}}", "{}"};
    static const int64_t dates[] = {20000, -10000}, times[] = {1700000000123456, -86400000001000},
                         numbers[] = {-1205, 1};
    switch (kind) {
    case KIND_LIST:
        return text(lists[which]);
    case KIND_JSON:
        return text(objects[which]);
    case KIND_NUMBER:
        return text(which ? "1.5" : "-2");
    case KIND_BOOLEAN:
        return (struct value){.state = VALUE_INTEGER, .integer = which};
    case KIND_DATE:
        return (struct value){.state = VALUE_INTEGER, .integer = dates[which]};
    case KIND_TIME:
        return (struct value){.state = VALUE_INTEGER, .integer = times[which]};
    case KIND_INTEGER:
    case KIND_MONEY:
    case KIND_REFERENCE:
        return (struct value){.state = VALUE_INTEGER, .integer = numbers[which]};
    default:
        return text(texts[which]);
    }
}

static const char *literal(const struct value *v)
{
    if (v->state == VALUE_NULL)
        return "NULL";
    if (v->state == VALUE_TEXT)
        return arena_printf(&arena, "'%.*s'", STR_ARG(v->text));
    return arena_printf(&arena, "%" PRId64, v->integer);
}

/* As the host logs it: see log_pair in core/sync. */
static const char *pair(const struct model_field *f, const struct value *a, const struct value *b)
{
    struct buf out = BUF_INIT(10000);
    struct json_writer w = {.out = &out};
    json_open(&w, '{');
    json_key(&w, f->name);
    json_open(&w, '[');
    value_write_json(&w, f->kind, a);
    value_write_json(&w, f->kind, b);
    json_close(&w, ']');
    json_close(&w, '}');
    const char *result = arena_text(&arena, buf_cstr(&out));
    buf_free(&out);
    return result;
}

/* Another program sets a field, sets it anew and empties it. */
static void change_field(const struct model_object *object, int64_t key, size_t f)
{
    const struct model_field *field = &object->fields[f];
    struct value values[] = {{0}, sample(field->kind, 0), sample(field->kind, 1), {0}};
    for (int i = 1; i < 4; i++) {
        int64_t before = load(object, key).rev;
        foreign_ok(arena_printf(&arena, "UPDATE %s SET %s = %s WHERE key = %" PRId64, object->name,
                                field->name, literal(&values[i]), key));
        struct record_row row = load(object, key);
        struct log_row logged;
        OK(ENGINE->load_log_row(store, row.rev, &logged, &arena, &err));
        CU_ASSERT(row.rev > before && logged.prev == before && logged.run == 0);
        CU_ASSERT(logged.op == LOG_UPDATE && logged.record == key && logged.object == object->id);
        CU_ASSERT(same_json(logged.body, pair(field, &values[i - 1], &values[i])));
    }
}

void test_foreign_bodies(void)
{
    put_dictionaries();
    for (size_t o = 0; o < model_object_count; o++) {
        const struct model_object *object = &model_objects[o];
        foreign_ok(arena_printf(&arena, "INSERT INTO %s (%s) VALUES (NULL)", object->name,
                                object->fields[0].name));
        load_after(0);
        int64_t key = rows[row_count - 1].record;
        for (size_t f = 0; f < object->field_count; f++)
            change_field(object, key, f);
    }
}

void test_foreign_update(void)
{
    put_dictionaries();
    create("c1", "One", "one.test");
    create("c2", "Two", NULL);
    create("c3", "Three", NULL);
    load_after(0);
    int64_t last = rows[row_count - 1].position.seq;
    foreign_ok("UPDATE account SET name = name, updated_at = 77");
    load_after(last);
    CU_ASSERT_EQUAL(row_count, 0); /* nothing has changed */
    foreign_ok("UPDATE account SET name = 'Same', industry = NULL, "
               "custom_fields = '{\"city\": \"Bern\"}' WHERE key < 3");
    load_after(last);
    CU_ASSERT_EQUAL_FATAL(row_count, 2);
    CU_ASSERT(same_json(rows[0].body, rows[0].record == 1
                                          ? "{\"name\":[\"One\",\"Same\"],"
                                            "\"custom_fields\":[null,{\"city\":\"Bern\"}]}"
                                          : "{\"name\":[\"Two\",\"Same\"],"
                                            "\"custom_fields\":[null,{\"city\":\"Bern\"}]}"));
    CU_ASSERT(load(account, 1).updated_at > 1000000 && load(account, 3).updated_at == 77);
    foreign_ok("INSERT INTO account (key, name) VALUES (3, 'x'), (50, 'Fifty') "
               "ON CONFLICT (key) DO UPDATE SET name = 'Upserted', updated_at = 88");
    load_after(last);
    CU_ASSERT_EQUAL_FATAL(row_count, 4);
    bool first = rows[2].op == LOG_UPDATE;
    const struct log_row *changed = &rows[first ? 2 : 3], *added = &rows[first ? 3 : 2];
    CU_ASSERT(added->op == LOG_CREATE && added->record == 50);
    CU_ASSERT(changed->record == 3 && load(account, 3).updated_at == 88);
    CU_ASSERT(same_json(changed->body, "{\"name\":[\"Three\",\"Upserted\"]}"));
    expect_whole();
}

/* A record that another program ended and changed at once, and let live again. */
void test_foreign_tombstone(void)
{
    put_dictionaries();
    create(NULL, "One", NULL);
    foreign_ok("UPDATE account SET deleted_at = 5, name = 'Gone'");
    load_after(1);
    CU_ASSERT_EQUAL_FATAL(row_count, 2);
    CU_ASSERT(rows[0].op == LOG_DELETE && rows[0].prev == 1 && rows[0].body.len == 0);
    CU_ASSERT(rows[1].op == LOG_UPDATE && rows[1].prev == rows[0].position.seq);
    CU_ASSERT_EQUAL(load(account, 1).rev, rows[1].position.seq);
    foreign_ok("UPDATE account SET deleted_at = 6");
    load_after(3);
    CU_ASSERT_EQUAL(row_count, 0);
    foreign_ok("UPDATE account SET deleted_at = NULL");
    load_after(3);
    CU_ASSERT_EQUAL_FATAL(row_count, 1);
    CU_ASSERT(rows[0].op == LOG_RESTORE && rows[0].prev == 3);
    expect_whole();
}

void test_foreign_identity(void)
{
    put_dictionaries();
    create("c1", "One", NULL);
    expect_foreign_refused("UPDATE account SET key = 9", "never change");
    expect_foreign_refused("UPDATE account SET organization = organization + 1", "never change");
    foreign_ok("UPDATE account SET id = id, organization = organization");
    load_after(1);
    CU_ASSERT_EQUAL(row_count, 0);
}

/* ---- deleted ones ---- */

void test_foreign_delete(void)
{
    put_dictionaries();
    create("c1", "One", NULL);
    create("c2", "Two", "two.test");
    foreign_ok("DELETE FROM account WHERE name = 'Two'");
    load_after(2);
    CU_ASSERT_EQUAL_FATAL(row_count, 1);
    CU_ASSERT(rows[0].op == LOG_DELETE && rows[0].prev == 2 && rows[0].record == 2);
    CU_ASSERT(same_json(rows[0].body,
                        "{\"id\":[\"00000000-0000-0000-0000-000000000002\",null],"
                        "\"organization\":[\"01020300-0000-0000-0000-000000000000\",null],"
                        "\"name\":[\"Two\",null],\"domain\":[\"two.test\",null],"
                        "\"created_at\":[\"1970-01-01T00:00:00.001Z\",null]}"));
    CU_ASSERT(find_link("c2").ended == LINK_LIVE && find_link("c2").record == 2);
    expect_whole();
    create(NULL, "Three", NULL); /* never under the key of another */
    foreign_ok("DELETE FROM account WHERE name = 'Three'");
    foreign_ok("INSERT INTO account (name) VALUES ('Four'), ('Five')");
    load_after(4);
    CU_ASSERT_EQUAL_FATAL(row_count, 3);
    CU_ASSERT(rows[1].record > 3 && rows[2].record > 3 && rows[1].record != rows[2].record);
    CU_ASSERT_EQUAL(load(account, rows[2].record).rev, rows[2].position.seq);
    expect_whole();
}

/* One program changes one record and then many: what was good for the one must not be kept for the
 * many, as work that grows with their square ends in hours. */
void test_foreign_mass(void)
{
    put_dictionaries();
    foreign_ok("INSERT INTO account (name) WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL "
               "SELECT n + 1 FROM number WHERE n < 40000) SELECT n FROM number");
    foreign_ok("UPDATE account SET industry = 'one' WHERE name = '7'");
    load_after(40000);
    CU_ASSERT_EQUAL_FATAL(row_count, 1);
    foreign_ok("UPDATE account SET industry = 'all'");
    load_after(40001);
    CU_ASSERT_EQUAL_FATAL(row_count, 40000);
    foreign_ok("DELETE FROM account WHERE name = '7'");
    foreign_ok("DELETE FROM account");
    load_after(80001);
    CU_ASSERT_EQUAL_FATAL(row_count, 40000);
    expect_whole();
}

/* What another program deleted is found by its log alone. */
void test_erase_what_was_deleted(void)
{
    struct erase_counts counts;
    const struct erase_request ada = {organization, STR("ada@one.test")};
    put_dictionaries();
    foreign_ok("INSERT INTO contact (email, first_name) VALUES ('Ada@one.test', 'Ada'), "
               "('bob@one.test', 'Bob')");
    foreign_ok("UPDATE contact SET first_name = 'Augusta' WHERE first_name = 'Ada'");
    foreign_ok("DELETE FROM contact WHERE first_name = 'Augusta'");
    load_after(0);
    CU_ASSERT_EQUAL_FATAL(row_count, 4);
    struct erase_request request = ada;
    request.organization = organization;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->erase(store, &request, false, &counts, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(counts.log_rows, 3);
    load_after(0);
    CU_ASSERT_EQUAL(row_count, 1); /* Bob's */
}

/* The host's own erasing is in no log. */
void test_erasure_is_not_logged(void)
{
    struct erase_counts counts;
    put_dictionaries();
    foreign_ok("INSERT INTO contact (email) VALUES ('ada@one.test'), ('bob@one.test')");
    foreign_ok("UPDATE contact SET manager_id = (SELECT key FROM contact WHERE email = "
               "'ada@one.test') WHERE email = 'bob@one.test'");
    const struct erase_request ada = {organization, STR("ada@one.test")};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->erase(store, &ada, false, &counts, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(counts.records, 1);
    load_after(0);
    CU_ASSERT_EQUAL_FATAL(row_count, 2); /* Bob's own */
    struct record_row bob = load(model_object(STR("contact")), rows[0].record);
    CU_ASSERT(bob.rev == rows[1].position.seq && bob.fields[7].state == VALUE_NULL);
    expect_whole();
}

/* ---- beside the host ---- */

void test_host_goes_on_after_a_foreign_write(void)
{
    put_dictionaries();
    create("c1", "One", NULL);
    foreign_ok("UPDATE account SET name = 'Theirs'");
    struct record_row row = load(account, 1);
    row.fields[0] = text("Ours");
    struct record_update update = {
        .row = &row, .changed = 1, .body = STR("{\"name\":[\"Theirs\",\"Ours\"]}")};
    struct store_batch batch = {
        .object = account, .run = run, .now_us = 2000, .updates = &update, .update_count = 1};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, &batch, &err));
    OK(ENGINE->commit(store, &err));
    load_after(0);
    CU_ASSERT_EQUAL_FATAL(row_count, 3); /* the host's writes are logged once, by itself */
    CU_ASSERT(rows[0].run == run && rows[1].run == 0 && rows[2].run == run);
    CU_ASSERT(rows[1].prev == rows[0].position.seq && rows[2].prev == rows[1].position.seq);
}

/* ---- following the log ---- */

void test_log_in_batches(void)
{
    struct log_position at = {0};
    int64_t last = 0;
    size_t count, seen = 0;
    put_dictionaries();
    for (int i = 0; i < 7; i++)
        create(NULL, "One", NULL);
    do {
        OK(ENGINE->load_log(store, &at, 3, &rows, &count, &arena, &err));
        for (size_t i = 0; i < count; i++) {
            CU_ASSERT(rows[i].position.seq > last);
            last = rows[i].position.seq;
            at = rows[i].position;
        }
        seen += count;
    } while (count > 0);
    CU_ASSERT_EQUAL(seen, 7);
    struct log_position mine = {0};
    OK(ENGINE->load_consumer(store, STR("export"), &mine, &err));
    CU_ASSERT(mine.seq == 0 && mine.xid == 0);
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->set_consumer(store, STR("export"), &at, &err));
    OK(ENGINE->set_consumer(store, STR("export"), &at, &err));
    OK(ENGINE->set_consumer(store, STR("other"), &mine, &err));
    OK(ENGINE->set_consumer(store, STR("other"), NULL, &err));
    OK(ENGINE->commit(store, &err));
    OK(ENGINE->load_consumer(store, STR("export"), &mine, &err));
    CU_ASSERT(mine.seq == at.seq && mine.xid == at.xid);
    struct log_row none;
    OK(ENGINE->load_log_row(store, 999, &none, &arena, &err));
    CU_ASSERT_EQUAL(none.position.seq, 0);
}

void test_heard_of_other_writers(void)
{
    bool heard = true;
    int fd;
    put_dictionaries();
    OK(ENGINE->listen(store, &fd, &err));
    create(NULL, "One", NULL);
    OK(ENGINE->heard(store, &heard, &err));
    CU_ASSERT(!heard);
    foreign_ok("UPDATE account SET name = 'Theirs'");
    wait_readable(fd);
    OK(ENGINE->heard(store, &heard, &err));
    CU_ASSERT(heard);
    OK(ENGINE->heard(store, &heard, &err));
    CU_ASSERT(!heard);
}
