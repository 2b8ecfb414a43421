/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine does with a person who is to be erased: an@x.com, who has a namesake ian@x.com
 * that nothing is to happen to. */
#include "store_suite.h"

#include <stdio.h>

static struct erase_counts counts;
static struct buf lines = BUF_INIT(64 * 1024);

/* Counts that are not 0. */
static const char *count_text(void)
{
    const struct {
        const char *name;
        int64_t count;
    } all[] = {{"contacts", counts.records},
               {"owners", counts.owners},
               {"links", counts.links},
               {"log", counts.log_rows},
               {"quarantined", counts.quarantined},
               {"payloads", counts.payloads},
               {"emptied", counts.emptied},
               {"mentions", counts.mentions}};
    buf_clear(&lines);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].count != 0)
            buf_printf(&lines, "%s%s %d", lines.len > 0 ? ", " : "", all[i].name,
                       (int)all[i].count);
    return buf_cstr(&lines);
}

static const char *erase(const char *address, bool only_count)
{
    const struct erase_request request = {organization, str_from(address)};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->erase(store, &request, only_count, &counts, &err));
    OK(ENGINE->commit(store, &err));
    return count_text();
}

/* A dry run counts what the erasure then does, after which there is nothing. */
static void expect_erased(const char *address, const char *found, const char *left)
{
    UNIT_TEXT(erase(address, true), found);
    UNIT_TEXT(erase(address, false), found);
    UNIT_TEXT(erase(address, true), left);
}

static int64_t open_stream(const char *name, const struct model_object *object)
{
    struct stream_state state;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->stream(store, connection, str_from(name), object, &arena, &state, &err));
    OK(ENGINE->commit(store, &err));
    return state.id;
}

static size_t erased_ids(int64_t stream)
{
    uint64_t *hashes;
    size_t count;
    OK(ENGINE->load_erased(store, stream, &arena, &hashes, &count, &err));
    return count;
}

static void apply(struct store_batch *batch)
{
    batch->organization = organization;
    batch->run = run;
    batch->now_us = 1000;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->apply(store, batch, &err));
    OK(ENGINE->commit(store, &err));
}

/* ---- quarantine ---- */

static void put_aside(int64_t stream, const char *id, const char *reason, const char *payload)
{
    struct quarantine_write row = {.stream = stream,
                                   .external_id = str_from(id),
                                   .reason = str_from(reason),
                                   .payload = str_from(payload)};
    struct store_batch batch = {.object = account, .quarantined = &row, .quarantined_count = 1};
    apply(&batch);
}

static bool add_line(void *arg, const struct quarantine_row *row)
{
    (void)arg;
    bool erased = str_eq(row->payload, STR(STORE_ERASED_PAYLOAD));
    buf_printf(&lines, "%.*s: %.*s: %.*s\n", STR_ARG(row->external_id), STR_ARG(row->reason),
               erased ? 6 : (int)row->payload.len, erased ? "erased" : row->payload.ptr);
    return true;
}

static const char *quarantined(void)
{
    buf_clear(&lines);
    OK(ENGINE->each_quarantined(store, STR(""), STR(""), 0, add_line, NULL, &err));
    return buf_cstr(&lines);
}

void test_erased_quarantine(void)
{
    put_dictionaries();
    int64_t people = open_stream("people", model_object(STR("contact")));
    put_aside(people, "ian", "odd", "{\"email\":\"ian@x.com\"}");
    put_aside(people, "an", "odd", "{\"email\":\" An\\u0040x.com\"}");
    put_aside(people, "an@x.com", "odd", "{\"phone\":\"?\"}");
    put_aside(people, "bob", "odd", "{\"email\":\"bob@x.com\",\"note\":\"ask an@x.com.\"}");
    put_aside(companies.id, "c1", "odd", "{\"about\":\"one\\nan@x.com\"}");
    put_aside(companies.id, "c2", "odd", "{\"about\":\"an@x.com.au\"}");
    put_aside(companies.id, "c3", "two have 'an@x.com'", "{\"a\":1}");
    put_aside(companies.id, "c4", "odd", "{\"email\":\"an@x.com\"}");
    put_aside(companies.id, "c5 an@x.com", "odd", "{}");
    put_aside(companies.id, "c6", "odd", "{\"about\":\"one\\nan@x.org\"}");
    expect_erased("an@x.com", "quarantined 3, payloads 4", "");
    UNIT_TEXT(quarantined(), "ian: odd: {\"email\":\"ian@x.com\"}\n"
                             "bob: odd: erased\n"
                             "c1: odd: erased\n"
                             "c2: odd: {\"about\":\"an@x.com.au\"}\n"
                             "c3: it mentioned a person who was erased: {\"a\":1}\n"
                             "c4: odd: erased\n"
                             "c6: odd: {\"about\":\"one\\nan@x.org\"}\n");
    CU_ASSERT_EQUAL(erased_ids(people), 2);
    CU_ASSERT_EQUAL(erased_ids(companies.id), 0);
    UNIT_TEXT(erase("ian@x.com", true), "quarantined 1");
    UNIT_TEXT(erase("bob@x.com", true), "");
}

/* ---- log ---- */

static void change(int64_t key, const char *body)
{
    struct record_row row;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    OK(ENGINE->commit(store, &err));
    row.fields[2] = text("industry");
    struct record_update update = {.row = &row, .changed = 1u << 2, .body = str_from(body)};
    struct store_batch batch = {.object = account, .updates = &update, .update_count = 1};
    apply(&batch);
}

void test_erased_log(void)
{
    put_dictionaries();
    create("c1", "Acme", NULL);
    change(1, "{\"industry\":[null,\"ian@x.com\"]}");
    change(1, "{\"industry\":[\"ian@x.com\",\"one\\nan@x.com\"]}");
    change(1, "{\"industry\":[\"AN@X.COM\",null]}");
    change(1, "{\"custom_fields\":[{\"e\":\"an\\u0040x.com\"},{\"e\":\"ian\\u0040x.com\"}]}");
    change(1, "{\"industry\":[\"nan@x.com\",\"an@x.com.au\"]}");
    UNIT_TEXT(erase("ian@x.com", true), "log 3");
    expect_erased("an@x.com", "log 3", "");
    UNIT_TEXT(erase("ian@x.com", true), "log 1");
    UNIT_TEXT(erase("nan@x.com", true), "log 1");
    UNIT_TEXT(erase("an@x.com.au", true), "log 1");
}

/* ---- owners, and what follows them ---- */

static int64_t put_record(const struct model_object *object, int64_t stream,
                          const char *external_id, const char *field, const char *value)
{
    int64_t key;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->allocate(store, object, 1, &key, &err));
    OK(ENGINE->commit(store, &err));
    struct record_row row = {.key = key, .created_at = 1000, .updated_at = 1000};
    row.id.bytes[15] = (uint8_t)key;
    row.fields[model_field(object, str_from(field))] = text(value);
    struct record_create create = {.row = &row};
    struct link_write link = {.stream = stream,
                              .record = key,
                              .external_id = str_from(external_id),
                              .seen_remote = STR("seen")};
    struct store_batch batch = {
        .object = object, .creates = &create, .create_count = 1, .links = &link, .link_count = 1};
    apply(&batch);
    return key;
}

static void follow(int64_t record, const char *field, int64_t stream, const char *external_id)
{
    uint16_t id = account->fields[model_field(account, str_from(field))].id;
    struct pending_write waits = {.stream = stream,
                                  .row = {.external_id = str_from(external_id),
                                          .object = account->id,
                                          .record = record,
                                          .field = id}};
    struct store_batch batch = {.object = account, .pending = &waits, .pending_count = 1};
    apply(&batch);
}

static const char *field_of(int64_t key, const char *field)
{
    struct record_row row;
    OK(ENGINE->load_records(store, account, &key, 1, &row, &arena, &err));
    const struct value *v = &row.fields[model_field(account, str_from(field))];
    return v->state == VALUE_TEXT ? arena_str(&arena, v->text).ptr : "~";
}

static size_t waiting_for(int64_t stream, const char *external_id)
{
    struct str id = str_from(external_id);
    struct pending_row *rows;
    size_t count;
    OK(ENGINE->load_pending(store, stream, &id, 1, &rows, &count, &arena, &err));
    return count;
}

void test_erased_owner(void)
{
    const struct model_object *owner = model_object(STR("owner"));
    put_dictionaries();
    int64_t owners = open_stream("owners", owner);
    put_record(owner, owners, "o1", "email", "An@x.com");
    put_record(owner, owners, "o2", "email", "ian@x.com");
    int64_t taker = put_record(account, companies.id, "c1", "owner_email", "An@x.com");
    int64_t other = put_record(account, companies.id, "c2", "owner_email", "an@x.com");
    int64_t ians = put_record(account, companies.id, "c3", "owner_email", "ian@x.com");
    int64_t named = put_record(account, companies.id, "c4", "industry", "Ann");
    put_record(account, companies.id, "c5", "industry", "for an@x.com, ian@x.com");
    follow(taker, "owner_email", owners, "o1");
    follow(named, "industry", owners, "o1");
    follow(ians, "owner_email", owners, "o2");
    put_aside(owners, "o3", "odd", "{\"email\":\"an@x.com\"}");
    follow(other, "industry", owners, "o3");
    expect_erased("an@x.com", "owners 1, links 1, log 1, quarantined 1, emptied 3, mentions 1",
                  "mentions 1");
    UNIT_TEXT(field_of(taker, "owner_email"), "~");
    UNIT_TEXT(field_of(other, "owner_email"), "~");
    UNIT_TEXT(field_of(named, "industry"), "~");
    UNIT_TEXT(field_of(ians, "owner_email"), "ian@x.com");
    CU_ASSERT_EQUAL(waiting_for(owners, "o1"), 0);
    CU_ASSERT_EQUAL(waiting_for(owners, "o2"), 1);
    CU_ASSERT_EQUAL(waiting_for(owners, "o3"), 0);
    CU_ASSERT_EQUAL(erased_ids(owners), 2);
    UNIT_TEXT(erase("ian@x.com", true), "owners 1, links 1, log 1, emptied 1, mentions 1");
}

/* One who is an owner and a contact, with a contact below. */
void test_erased_references(void)
{
    const struct model_object *contact = model_object(STR("contact"));
    struct store_batch batch = {.object = contact};
    put_dictionaries();
    int64_t people = open_stream("people", contact);
    int64_t an = put_record(contact, people, "p1", "email", "an@x.com");
    int64_t bob = put_record(contact, people, "p2", "email", "bob@x.com");
    put_record(model_object(STR("owner")), open_stream("owners", model_object(STR("owner"))), "o1",
               "email", "AN@x.com");
    struct record_row row;
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->load_records(store, contact, &bob, 1, &row, &arena, &err));
    OK(ENGINE->commit(store, &err));
    int manager = model_field(contact, STR("manager_id"));
    row.fields[manager] = (struct value){.state = VALUE_INTEGER, .integer = an};
    struct record_update update = {
        .row = &row, .changed = UINT64_C(1) << manager, .body = STR("{\"manager_id\":[null,1]}")};
    batch.updates = &update;
    batch.update_count = 1;
    apply(&batch);
    expect_erased("an@x.com", "contacts 1, owners 1, links 2, log 2, emptied 1", "");
    OK(ENGINE->load_records(store, contact, &bob, 1, &row, &arena, &err));
    CU_ASSERT_EQUAL(row.fields[manager].state, VALUE_NULL);
    OK(ENGINE->load_records(store, contact, &an, 1, &row, &arena, &err));
    CU_ASSERT_EQUAL(row.key, 0);
}

/* ---- elsewhere ---- */

static bool add_reason(void *arg, const struct run_row *row)
{
    (void)arg;
    buf_printf(&lines, "%.*s\n", STR_ARG(row->reason));
    return true;
}

void test_erased_elsewhere(void)
{
    struct pause_row pause;
    struct stream_state again;
    struct field_row field = {.name = STR("rep"), .values = STR("[\"an@x.com\"]")};
    const struct field_snapshot fields = {.rows = &field, .count = 1};
    put_dictionaries();
    const struct run_row ended = {.id = run,
                                  .connection = STR("crm"),
                                  .ended_at = 2000,
                                  .status = RUN_FAILED,
                                  .reason = STR("the vendor knows an@x.com already"),
                                  .exit_signal = -1,
                                  .exit_code = -1};
    put_record(account, companies.id, "acme an@x.com", "name", "Acme");
    companies.walk = WALK_FULL;
    companies.walk_links = 1;
    companies.position = STR("\xff\0after=an@x.com");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->run_end(store, &ended, &err));
    CU_ASSERT_EQUAL(
        ENGINE->set_pause(store, connection, STR("fred"), STR("an@x.com complains"), &err), 1);
    OK(ENGINE->set_stream(store, &companies, &err));
    OK(ENGINE->set_fields(store, companies.id, &fields, &err));
    OK(ENGINE->commit(store, &err));
    UNIT_TEXT(erase("n@x.com", false), "");
    expect_erased("an@x.com", "mentions 2",
                  "mentions 2"); /* a link's id, and what a field may be */
    buf_clear(&lines);
    OK(ENGINE->each_run(store, STR(""), 0, 0, add_reason, NULL, &err));
    UNIT_TEXT(buf_cstr(&lines), STORE_ERASED_REASON "\n");
    OK(ENGINE->find_pause(store, STR("crm"), &arena, &pause, &err));
    CU_ASSERT(str_is(pause.reason, STORE_ERASED_REASON));
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &again, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT(again.walk == WALK_NONE && again.position.len == 0);
    buf_free(&lines);
}

/* The last link goes, while a walk is to meet all links up to it: a new one may get its key. */
void test_erased_in_a_walk(void)
{
    const struct model_object *contact = model_object(STR("contact"));
    struct stream_state again;
    put_dictionaries();
    put_record(account, companies.id, "c1", "name", "Acme");
    int64_t last, people = open_stream("people", contact);
    put_record(contact, people, "p1", "email", "an@x.com");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->begin_seen(store, companies.id, &last, &err));
    companies.walk = WALK_FULL;
    companies.walk_links = last;
    OK(ENGINE->set_stream(store, &companies, &err));
    OK(ENGINE->commit(store, &err));
    erase("an@x.com", false);
    put_record(account, companies.id, "c2", "name", "New");
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->stream(store, connection, STR("companies"), account, &arena, &again, &err));
    OK(ENGINE->commit(store, &err));
    CU_ASSERT_EQUAL(again.walk, WALK_FULL);
    CU_ASSERT(again.walk_links >= find_link("c1").key && again.walk_links < find_link("c2").key);
}
