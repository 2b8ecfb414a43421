/* SPDX-License-Identifier: Apache-2.0 */
/* The intake of a run that reads, while another one exports beside it: it holds back, and leaves
 * out what the other knows better. */
#include "unit.h"

#include <stdlib.h>

#include "merge_fixture.h"
#include "sync/intake.h"

static struct side crm;

#define PUT(...)                   side_put(&crm, "companies", __VA_ARGS__, (char *)NULL)
#define QUERY(statement, expected) UNIT_TEXT(fixture_query(statement), (expected))

static const char names[] = "SELECT key, name FROM account ORDER BY key";
static const char walk[] = "SELECT walk FROM stream WHERE vendor_object = 'companies'";

struct reading {
    struct intake *intake;
    struct intake_stream stream;
    struct stream_state state;
    struct run_stream_row row;
    char position[64];
    int64_t cpu_us;
    int commits;
    bool drained, failed;
};

static void on_room(void *arg)
{
    (void)arg;
}

static void on_committed(void *arg)
{
    ((struct reading *)arg)->commits++;
}

static void on_drained(void *arg)
{
    ((struct reading *)arg)->drained = true;
}

static void on_failed(void *arg, enum merge_result why, const char *text)
{
    (void)why;
    UNIT_TEXT(text, "");
    ((struct reading *)arg)->failed = true;
}

static void begin(struct reading *r, bool beside, struct id_set *gets, struct id_set *leaves)
{
    static const struct intake_events events = {
        .room = on_room, .committed = on_committed, .drained = on_drained, .failed = on_failed};
    *r = (struct reading){.row = {.stream = crm.streams[0], .mode = WALK_FULL},
                          .state = {.id = crm.streams[0], .walk = WALK_FULL}};
    r->stream = (struct intake_stream){.connection = "crm",
                                       .merge = side_merge(&crm, "companies"),
                                       .target = &crm.targets[0],
                                       .beside = beside,
                                       .newer = gets,
                                       .state = &r->state,
                                       .position = r->position,
                                       .row = &r->row,
                                       .cpu_us = &r->cpu_us};
    r->stream.merge.newer = leaves;
    r->intake = intake_new(&r->stream, &events, r);
}

static void turn_for(int64_t us)
{
    int64_t until = fixture_world.now_us + us;
    while (fixture_world.now_us < until)
        loop_turn(fixture_world.world.loop, until - fixture_world.now_us);
}

static void finish(struct reading *r)
{
    intake_drain(r->intake);
    while (!r->drained)
        loop_turn(fixture_world.world.loop, US_PER_SECOND);
    intake_free(r->intake);
    CU_ASSERT_FALSE(r->failed);
}

#define BODY(id, fields) "{\"list\": [{\"id\": \"" id "\", \"f\": {" fields "}}]}"

/* What comes waits until it may be committed, however long that takes, and is not lost. */
static void suspended(void)
{
    struct reading r;
    side_open(&crm, "crm", "companies: ");
    begin(&r, false, NULL, NULL);
    intake_suspend(r.intake, true);
    intake_page(r.intake, side_page(BODY("c1", "\"name\": \"One\"")));
    turn_for(10 * US_PER_SECOND);
    intake_page(r.intake, side_page(BODY("c2", "\"name\": \"Two\"")));
    intake_drain(r.intake);
    turn_for(10 * US_PER_SECOND);
    CU_ASSERT_EQUAL(r.commits, 0);
    CU_ASSERT_FALSE(r.drained);
    QUERY(names, "");
    intake_suspend(r.intake, false);
    finish(&r);
    CU_ASSERT_EQUAL(r.commits, 1);
    QUERY(names, "1|One\n2|Two\n");
    side_close(&crm);
}

/* Of a run beside another one: what it has committed is told, and what led there; the walk's state
 * is left as it is. */
static void tells_what_it_knows(void)
{
    struct id_set newer = {0};
    struct reading r;
    const uint8_t *key = store_hash_key(fixture_store);
    side_open(&crm, "crm", "companies: ");
    begin(&r, true, &newer, NULL);
    intake_page(r.intake, side_page("{\"list\": [{\"id\": \"c1\", \"f\": {\"name\": \"One\"}, "
                                    "\"was\": [\"old1\", \"old2\"]}, {\"f\": {}}]}"));
    CU_ASSERT_EQUAL(newer.count, 0); /* not before it is committed */
    finish(&r);
    CU_ASSERT_EQUAL(newer.count, 3);
    CU_ASSERT(id_set_has(&newer, key, STR("c1")) && id_set_has(&newer, key, STR("old2")));
    QUERY(walk, "0\n");
    begin(&r, false, NULL, NULL);
    intake_page(r.intake, side_page(BODY("c2", "\"name\": \"Two\"")));
    finish(&r);
    CU_ASSERT_EQUAL(newer.count, 3);
    QUERY(walk, "1\n");
    id_set_free(&newer);
    side_close(&crm);
}

/* A page from before takes nothing back, makes nothing again, and ends nothing: what it leaves out
 * was met. */
static void leaves_out(void)
{
    struct id_set newer = {0};
    struct reading r;
    const uint8_t *key = store_hash_key(fixture_store);
    side_open(&crm, "crm", "companies: ");
    PUT("c1", "{\"name\": \"New\"}", "c2", "{\"name\": \"Two\"}");
    id_set_add(&newer, key, STR("c1"));
    id_set_add(&newer, key, STR("merged"));
    crm.notes_seen = true;
    begin(&r, false, NULL, &newer);
    intake_page(r.intake, side_page("{\"list\": [{\"id\": \"c1\", \"f\": {\"name\": \"Old\"}}, "
                                    "{\"id\": \"c2\", \"f\": {\"name\": \"Zwei\"}}, "
                                    "{\"id\": \"merged\", \"f\": {\"name\": \"Away\"}}]}"));
    finish(&r);
    QUERY(names, "1|New\n2|Zwei\n");
    QUERY("SELECT count(*) FROM walk_seen", "2\n");
    CU_ASSERT(r.row.counts.read == 3 && r.row.counts.unchanged == 2 && r.row.counts.updated == 1);
    id_set_free(&newer);
    side_close(&crm);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        fixture_run(test);                                                                         \
    }
IN_STORE(suspended)
IN_STORE(tells_what_it_knows)
IN_STORE(leaves_out)

const char *const unit_suite = "intake";
const struct unit_test unit_tests[] = {
    {"suspended, it commits nothing", test_suspended},
    {"what a run beside another knows", test_tells_what_it_knows},
    {"what another run knows better is left out", test_leaves_out},
    {NULL, NULL}};
