/* SPDX-License-Identifier: Apache-2.0 */
#include "merge_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

struct virtual_world fixture_world;
struct store *fixture_store;
int64_t fixture_organization;

static char dir[64];
static struct error err;
static struct buf answer = BUF_INIT(64 * 1024), rows = BUF_INIT(64 * 1024 * 1024);

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != 0) {                                                                         \
            fprintf(stderr, "%s\n", err.text);                                                     \
            CU_FAIL_FATAL(#call);                                                                  \
        }                                                                                          \
    } while (0)
#define ENGINE fixture_store->engine

/* ---- the vendor ---- */

static const struct descriptor *vendor(void)
{
    static struct connector_mapping company[5], person[4], owner[2];
    static struct connector_object objects[3];
    static struct str associations[] = {{"company", 7}};
    static struct descriptor d;
    company[0] = (struct connector_mapping){.to = STR("name"), .from = STR("name")};
    company[1] = (struct connector_mapping){
        .to = STR("domain"), .from = STR("domain"), .transform = STR("lower")};
    company[2] = (struct connector_mapping){.to = STR("industry"), .from = STR("industry")};
    company[3] = (struct connector_mapping){
        .to = STR("parent_id"), .from = STR("parent"), .lookup = STR("companies")};
    company[4] = (struct connector_mapping){.to = STR("owner_email"),
                                            .from = STR("owner"),
                                            .lookup = STR("owners"),
                                            .take = STR("email")};
    owner[0] = (struct connector_mapping){.to = STR("email"), .from = STR("email")};
    owner[1] = (struct connector_mapping){.to = STR("name"), .from = STR("name")};
    person[0] = (struct connector_mapping){.to = STR("first_name"), .from = STR("first")};
    person[1] = (struct connector_mapping){
        .to = STR("email"), .from = STR("email"), .transform = STR("lower")};
    person[2] = (struct connector_mapping){
        .to = STR("account_id"), .from = STR("company"), .lookup = STR("companies")};
    person[3] = (struct connector_mapping){
        .to = STR("manager_id"), .from = STR("boss"), .lookup = STR("people")};
    objects[0] = (struct connector_object){.name = STR("companies"),
                                           .canonical = STR("account"),
                                           .key = STR("id"),
                                           .mapping = company,
                                           .mapping_count = 5,
                                           .creates = true,
                                           .updates = true,
                                           .write_rows = 100};
    objects[1] = (struct connector_object){.name = STR("people"),
                                           .canonical = STR("contact"),
                                           .key = STR("id"),
                                           .mapping = person,
                                           .mapping_count = 4,
                                           .creates = true,
                                           .updates = true,
                                           .write_rows = 100,
                                           .associations = associations,
                                           .association_count = 1};
    objects[2] = (struct connector_object){.name = STR("owners"),
                                           .canonical = STR("owner"),
                                           .key = STR("id"),
                                           .mapping = owner,
                                           .mapping_count = 2};
    d = (struct descriptor){.id = STR("com.example.crm"),
                            .name = STR("Example"),
                            .version = STR("1"),
                            .category = 1,
                            .objects = objects,
                            .object_count = 3};
    return &d;
}

/* ---- SQL ---- */

static sqlite3 *open_other(void)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/test.db", dir);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

void fixture_sql(const char *statement)
{
    sqlite3 *db = open_other();
    if (sqlite3_exec(db, statement, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", statement, sqlite3_errmsg(db));
        CU_FAIL_FATAL("statement");
    }
    sqlite3_close(db);
}

static int add_row(void *arg, int count, char **values, char **names)
{
    (void)names;
    (void)arg;
    for (int i = 0; i < count; i++)
        buf_printf(&rows, "%s%s", i > 0 ? "|" : "", values[i] ? values[i] : "~");
    buf_char(&rows, '\n');
    return 0;
}

const char *fixture_query(const char *statement)
{
    sqlite3 *db = open_other();
    buf_clear(&rows);
    if (sqlite3_exec(db, statement, add_row, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", statement, sqlite3_errmsg(db));
        CU_FAIL_FATAL("query");
    }
    sqlite3_close(db);
    return buf_cstr(&rows);
}

/* ---- connections ---- */

static bool read_file(struct side *side, const char *objects, struct problems *problems)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.yaml", dir, side->name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "connector: example\nobjects: {%s}\n", objects);
    fclose(file);
    if (!connection_config_read(path, &side->config, &side->arena, problems))
        return false;
    setup_make(&side->config, vendor(), &side->setup, &side->arena, problems);
    return problems->count == 0;
}

const char *side_mistakes(const char *objects)
{
    struct side side = {.name = "mistaken"};
    struct problems problems = {0};
    buf_clear(&answer);
    read_file(&side, objects, &problems);
    for (size_t i = 0; i < problems.count; i++)
        buf_printf(&answer, "%s%s", i > 0 ? "\n" : "", problems.items[i].text);
    problems_free(&problems);
    arena_free(&side.arena);
    return buf_cstr(&answer);
}

static void read_config(struct side *side, const char *objects)
{
    struct problems problems = {0};
    read_file(side, objects, &problems);
    for (size_t i = 0; i < problems.count; i++)
        fprintf(stderr, "%d:%d: %s\n", problems.items[i].line, problems.items[i].column,
                problems.items[i].text);
    CU_ASSERT_EQUAL_FATAL(problems.count, 0);
    problems_free(&problems);
}

static int id_of_field(void *arg, struct str name, int64_t *ret_id, struct error *ret_err)
{
    return ENGINE->custom_field(fixture_store, arg, name, ret_id, ret_err);
}

static void open_object(struct side *side, size_t i)
{
    struct object_setup *object = &side->setup.objects[i];
    struct stream_state state;
    /* Only read here: the object is a constant of the model. */
    void *model = (void *)(uintptr_t)object->model;
    OK(ENGINE->stream(fixture_store, side->connection, object->item->name, object->model,
                      &side->arena, &state, &err));
    OK(mapping_bind(&object->mapping, id_of_field, model, &err));
    side->streams[i] = state.id;
    side->targets[i] = (struct merge_target){.setup = &side->setup,
                                             .object = object,
                                             .stream = state.id,
                                             .streams = side->streams,
                                             .erased = side->erased};
}

static void find_lookups(struct side *side, struct merge_target *target)
{
    const struct mapping *m = &target->object->mapping;
    target->lookups = arena_new(&side->arena, m->rule_count, sizeof target->lookups[0]);
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct object_setup *to = setup_object(&side->setup, m->rules[i].lookup);
        if (to)
            target->lookups[i] = side->streams[to - side->setup.objects];
    }
}

void side_open(struct side *side, const char *name, const char *objects)
{
    *side = (struct side){.name = name};
    read_config(side, objects);
    OK(ENGINE->begin(fixture_store, &err));
    OK(ENGINE->connection(fixture_store, str_from(name), vendor()->id, &side->connection, &err));
    OK(ENGINE->run_start(fixture_store, side->connection, STR("test"), &side->run, &err));
    for (size_t i = 0; i < side->setup.object_count; i++)
        open_object(side, i);
    OK(ENGINE->commit(fixture_store, &err));
    for (size_t i = 0; i < side->setup.object_count; i++)
        find_lookups(side, &side->targets[i]);
}

void side_close(struct side *side)
{
    arena_free(&side->arena);
}

int64_t side_next_run(struct side *side)
{
    fixture_world.now_us += 1000000;
    OK(ENGINE->begin(fixture_store, &err));
    OK(ENGINE->run_start(fixture_store, side->connection, STR("test"), &side->run, &err));
    OK(ENGINE->commit(fixture_store, &err));
    return side->run;
}

/* ---- putting ---- */

static bool note_quarantined(void *arg, const struct stream_row *row)
{
    struct merge_target *target = arg;
    if (row->state.id == target->stream)
        target->may_hold_quarantined = row->quarantined > 0;
    return true;
}

static struct merge_target *find_target(struct side *side, const char *object)
{
    for (size_t i = 0; i < side->setup.object_count; i++)
        if (str_is(side->setup.objects[i].item->name, object))
            return &side->targets[i];
    CU_FAIL_FATAL("no such object");
    return NULL;
}

static void write_counts(const struct run_counts *now, const struct run_counts *before)
{
    const struct {
        const char *name;
        int64_t count;
    } counts[] = {{"created", now->created - before->created},
                  {"updated", now->updated - before->updated},
                  {"unchanged", now->unchanged - before->unchanged},
                  {"filtered", now->filtered - before->filtered},
                  {"quarantined", now->quarantined - before->quarantined},
                  {"restored", now->restored - before->restored},
                  {"followed", now->followed - before->followed},
                  {"deleted", now->deleted - before->deleted}};
    int64_t sum = before->deleted - now->deleted + before->followed - now->followed;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].count != 0)
            buf_printf(&answer, "%s%s %d", answer.len > 0 ? ", " : "", counts[i].name,
                       (int)counts[i].count);
        sum += counts[i].count;
    }
    CU_ASSERT_EQUAL(sum, now->read - before->read); /* each record is counted once */
}

/* As at the beginning of a run, but in the middle of one with `same_run`. */
static struct merge begin_merge(struct side *side, struct merge_target *target)
{
    if (!side->same_run) {
        side->counts = (struct run_counts){0};
        OK(ENGINE->count_links(fixture_store, target->stream, &target->links_before, &err));
    }
    OK(ENGINE->each_stream(fixture_store, str_from(side->name), note_quarantined, target, &err));
    for (size_t i = 0; i < side->setup.object_count; i++)
        OK(ENGINE->load_erased(fixture_store, side->streams[i], &side->arena,
                               &side->erased[i].hashes, &side->erased[i].count, &err));
    buf_clear(&answer);
    return (struct merge){.store = fixture_store,
                          .world = &fixture_world.world,
                          .organization = fixture_organization,
                          .run = side->run,
                          .target = target,
                          .notes_seen = side->notes_seen,
                          .retakes = side->retakes,
                          .verify = side->verify,
                          .dry = side->dry,
                          .waits_for_times = side->waits_for_times,
                          .wants = side->wants,
                          .clock_skew_us = side->clock_skew_us,
                          .linkup = side->linkup,
                          .newer = side->newer};
}

static void end_merge(struct side *side, enum merge_result result, const struct run_counts *before)
{
    if (side->dry && result == MERGE_OK) {
        ENGINE->rollback(fixture_store);
    } else if (result == MERGE_OK) {
        OK(ENGINE->commit(fixture_store, &err));
        write_counts(&side->counts, before);
    } else {
        ENGINE->rollback(fixture_store);
        buf_printf(&answer, "%s: %s", result == MERGE_STOPPED ? "stopped" : "failed", err.text);
    }
}

/* Takes the page. */
static const char *put_page(struct side *side, struct merge_target *target, struct page *page)
{
    const struct merge merge = begin_merge(side, target);
    const struct run_counts before = side->counts;
    page_map(page, &target->object->mapping, store_hash_key(fixture_store));
    OK(ENGINE->begin(fixture_store, &err));
    enum merge_result result = merge_pages(&merge, &page, 1, &side->counts, &err);
    end_merge(side, result, &before);
    page_free(page);
    return buf_cstr(&answer);
}

const char *side_end(struct side *side, const char *object, enum link_ended why,
                     const struct emitted_record *records, uint32_t count)
{
    struct merge_target *target = find_target(side, object);
    struct merge merge = begin_merge(side, target);
    const struct run_counts before = side->counts;
    struct link_list met = {0}, ends = {0};
    struct page *page = page_of_records(records, count);
    page_parse_records(page);
    merge.met = &met;
    OK(merge_deleted(&merge, &page, 1, &ends, &err));
    OK(ENGINE->begin(fixture_store, &err));
    end_merge(side, merge_end(&merge, &ends, why, &side->counts, &err), &before);
    page_free(page);
    link_list_free(&met);
    link_list_free(&ends);
    return buf_cstr(&answer);
}

const char *side_delete(struct side *side, const char *object, ...)
{
    struct emitted_record records[16];
    uint32_t count = 0;
    va_list args;
    va_start(args, object);
    for (const char *id; (id = va_arg(args, const char *)) && count < 16; count++)
        records[count] = (struct emitted_record){.id = str_from(id)};
    va_end(args);
    return side_end(side, object, LINK_ARCHIVED, records, count);
}

const char *side_put_records(struct side *side, const char *object,
                             const struct emitted_record *records, uint32_t count)
{
    struct page *page = page_of_records(records, count);
    page_parse_records(page);
    return put_page(side, find_target(side, object), page);
}

const char *side_put(struct side *side, const char *object, ...)
{
    struct emitted_record records[16];
    uint32_t count = 0;
    va_list args;
    va_start(args, object);
    for (const char *id; (id = va_arg(args, const char *)) && count < 16; count++)
        records[count] = (struct emitted_record){
            .id = str_from(id), .modified_us = 5, .fields = str_from(va_arg(args, const char *))};
    va_end(args);
    return side_put_records(side, object, records, count);
}

struct merge side_merge(struct side *side, const char *object)
{
    return begin_merge(side, find_target(side, object));
}

struct page *side_page(const char *body)
{
    static const struct page_spec spec = {.records = {"list", 4},
                                          .id = {"id", 2},
                                          .modified = {"at", 2},
                                          .fields = {"f", 1},
                                          .merged = {"was", 3},
                                          .times = {"since", 5},
                                          .time = {"[0].at", 6}};
    struct blob *blob = blob_new(64 * 1024 * 1024);
    OK(blob_append(blob, str_from(body), &err));
    struct page *page = page_new(blob);
    OK(page_parse(page, &spec, NULL, &err));
    return page;
}

const char *side_put_body(struct side *side, const char *object, const char *body)
{
    return put_page(side, find_target(side, object), side_page(body));
}

/* ---- erasing ---- */

static void put_count(const char *name, int64_t count)
{
    if (count != 0)
        buf_printf(&answer, "%s%s %d", answer.len > 0 ? ", " : "", name, (int)count);
}

const char *fixture_erase(const char *address)
{
    const struct erase_request request = {fixture_organization, str_from(address)};
    struct erase_counts c;
    OK(ENGINE->begin(fixture_store, &err));
    OK(ENGINE->erase(fixture_store, &request, false, &c, &err));
    OK(ENGINE->commit(fixture_store, &err));
    buf_clear(&answer);
    put_count("contacts", c.records);
    put_count("owners", c.owners);
    put_count("links", c.links);
    put_count("log", c.log_rows);
    put_count("quarantined", c.quarantined);
    put_count("payloads", c.payloads);
    put_count("emptied", c.emptied);
    put_count("mentions", c.mentions);
    return buf_cstr(&answer);
}

/* ---- a test ---- */

void fixture_run(void (*test)(void))
{
    static const struct uuid id = {{1, 2, 3}};
    char command[100];
    snprintf(dir, sizeof dir, "/tmp/fastenr-merge-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    virtual_world_open(&fixture_world, 1000000, 1);
    fixture_store = store_open("sqlite:test.db", dir, &fixture_world.world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fixture_store);
    OK(ENGINE->begin(fixture_store, &err));
    OK(ENGINE->organization(fixture_store, &id, &fixture_organization, &err));
    OK(ENGINE->commit(fixture_store, &err));
    test();
    store_close(fixture_store);
    virtual_world_close(&fixture_world);
    buf_free(&answer);
    buf_free(&rows);
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    CU_ASSERT_EQUAL(system(command), 0);
}
