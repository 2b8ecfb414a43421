/* SPDX-License-Identifier: Apache-2.0 */
/* What is pruned, when, and what is left for syncs: on both stores, under a virtual clock. */
#include "retention_fixture.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"
#include "sync/pruner.h"

static struct retention ages;
static struct retention_pass pass;
static struct buf text = BUF_INIT(4096);

/* A pass in portions of 3 rows; what went, as counts that are not 0. */
static const char *prune(bool only_count)
{
    retention_begin(&pass, store, &ages, only_count);
    while (!pass.done) {
        pass.portion = 3;
        OK(retention_step(&pass, &err));
    }
    buf_clear(&text);
    for (int kind = 1; kind < PRUNE_KINDS; kind++)
        if (pass.pruned[kind] > 0)
            buf_printf(&text, "%s%s %" PRId64, text.len > 0 ? ", " : "",
                       retention_key((enum prune_kind)kind), pass.pruned[kind]);
    return buf_cstr(&text);
}

/* A dry run counts what goes then, and changes nothing; after it there is nothing. */
static void expect_pruned(const char *expected)
{
    UNIT_TEXT(prune(true), expected);
    UNIT_TEXT(prune(true), expected);
    UNIT_TEXT(prune(false), expected);
    UNIT_TEXT(prune(false), "");
}

static void expect_whole(void)
{
    struct buf summary = BUF_INIT(400);
    if (store->engine->verify(store, &summary, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL("the store is not whole");
    }
    buf_free(&summary);
}

static void set_defaults(void)
{
    ages = (struct retention){.log_bodies = 90 * US_PER_DAY, .log = 400 * US_PER_DAY};
}

/* ---- the log ---- */

static void values_before_rows(void)
{
    int64_t one = create("c1");
    for (int i = 1; i <= 10; i++) {
        set_day(i * 10);
        change(one, i % 2 ? "odd" : "even");
    }
    end_run();
    begin_run();
    set_day(141); /* the changes of days 10 to 50 are old */
    expect_pruned("log_bodies 5");
    UNIT_TEXT(rows("SELECT count(*), min(CASE WHEN body IS NOT NULL THEN seq END) FROM log"),
              "11|7");
    UNIT_TEXT(rows("SELECT id, pruned_at IS NULL FROM run ORDER BY id"),
              is_postgres() ? "1|f;2|t" : "1|0;2|1");
    set_day(452); /* and the rows of days 0 to 50 now, the last of all stays */
    expect_pruned("log_bodies 4, log 6");
    UNIT_TEXT(rows("SELECT min(seq), max(seq) FROM log"), "7|11");
    set_day(2000);
    change(one, "again");
    expect_pruned("log_bodies 1, log 5");
    UNIT_TEXT(rows("SELECT seq, prev, body FROM log"), "12|11|{\"name\":[\"even\",\"again\"]}");
    expect_whole();
}

/* What a record's rev names stays behind the mark, and goes with what follows. */
static void last_row_of_a_record_stays(void)
{
    int64_t records[8];
    char id[8];
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "c%d", i);
        records[i] = create(id);
    }
    change(records[1], "changed");
    end_run();
    begin_run();
    set_day(500);
    expect_pruned("log 1"); /* the creation of the one that changed; the last row is the newest */
    expect_whole();
    change(records[0], "b");
    change(records[2], "c");
    set_day(550);
    change(records[0], "d");
    begin_run();
    expect_pruned("log_bodies 1"); /* the last row of 1, which was the newest before */
    set_day(920);
    expect_pruned("log_bodies 2, log 3"); /* with the creations of 0 and 2 */
    set_day(960);
    change(records[3], "e");
    begin_run();
    expect_pruned("log_bodies 1");
    expect_whole();
    UNIT_TEXT(
        rows("SELECT count(*) FROM log l WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.rev "
             "= l.seq)"),
        "1"); /* of 3, whose change is young */
}

static void deleted_by_another_program(void)
{
    create("linked");
    int64_t unlinked = create(NULL);
    create("c3");
    sql("DELETE FROM account WHERE key IN (1, %" PRId64 ")", unlinked);
    sql("UPDATE log SET at = %" PRId64 " WHERE run IS NULL", day(0));
    end_run();
    begin_run();
    change(3, "later");
    begin_run();
    set_day(100);
    expect_pruned(""); /* what was deleted is no value of an update */
    set_day(500);
    change(3, "again");
    expect_pruned("log_bodies 1, log 5");
    UNIT_TEXT(rows("SELECT record, op, body FROM log WHERE record = 1"), "1|3|~");
    expect_whole();
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE op = 3"), "1");
}

static void newest_row_stays(void)
{
    create("c1");
    sql("DELETE FROM account");
    sql("DELETE FROM link");
    sql("UPDATE log SET at = %" PRId64, day(0));
    end_run();
    begin_run();
    set_day(1000);
    expect_pruned("log 1");
    UNIT_TEXT(rows("SELECT seq FROM log"), "2");
    create("c2");
    UNIT_TEXT(rows("SELECT max(seq) FROM log"), "3");
    expect_whole();
}

/* ---- who needs it ---- */

static void expect_hold(enum prune_hold hold, const char *expected)
{
    UNIT_TEXT(prune(false), expected);
    CU_ASSERT_EQUAL(pass.hold, hold);
}

static void note(void)
{
    bool more;
    OK(store->engine->begin(store, &err));
    OK(store->engine->note_exports(store, companies, connection, account, 1000, &more, &err));
    OK(store->engine->commit(store, &err));
}

static void behind_the_slowest(void)
{
    struct arena arena = {0};
    struct str why;
    int64_t one = create("c1");
    note(); /* begins here */
    sql("UPDATE account SET name = 'theirs'");
    sql("UPDATE log SET at = %" PRId64, day(0));
    change(one, "ours");
    change(one, "again");
    end_run();
    begin_run();
    set_day(1000);
    change(one, "young");
    expect_hold(PRUNE_HELD_BY_CONSUMER, "log 1");
    UNIT_TEXT(rows("SELECT min(seq) FROM log WHERE body IS NOT NULL"), "2");
    OK(retention_explain(store, &arena, &why, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(why.ptr, "the export of companies to 'crm' follows the log"));
    CU_ASSERT_PTR_NOT_NULL(strstr(why.ptr, "prune --forget export:1"));
    note();
    UNIT_TEXT(rows("SELECT record FROM export_due"), "1");
    expect_hold(PRUNE_HELD_BY_NOTHING, "log_bodies 3, log 3");
    expect_whole();
    arena_free(&arena);
}

static void run_under_way(void)
{
    int64_t one = create("c1");
    change(one, "a");
    change(one, "b");
    add_sent(one);
    add_sent(one);
    set_day(1000);
    expect_hold(PRUNE_HELD_BY_RUN, "");
    begin_run();
    change(one, "c");
    expect_hold(PRUNE_HELD_BY_NOTHING, "log_bodies 2, sent_bodies 1, log 3, sent 1");
}

/* ---- the rest ---- */

static void sent_and_conflicts(void)
{
    for (int i = 0; i < 5; i++)
        add_sent(i + 1);
    add_conflict(1, CONFLICT_OPEN);
    for (int i = 2; i < 7; i++)
        add_conflict(i, CONFLICT_LOCAL);
    end_run();
    begin_run();
    set_day(100);
    add_sent(9);
    add_conflict(9, CONFLICT_REMOTE);
    expect_pruned("sent_bodies 5");
    UNIT_TEXT(rows("SELECT count(*), count(body) FROM sent"), "6|1");
    UNIT_TEXT(rows("SELECT pruned_at IS NOT NULL FROM run WHERE id = 1"),
              is_postgres() ? "t" : "1");
    set_day(450);
    expect_pruned("sent 5, conflicts 5");
    UNIT_TEXT(rows("SELECT record FROM conflict ORDER BY record"), "1;9");
}

static void quarantine_only_where_set(void)
{
    for (int i = 0; i < 7; i++) {
        char id[8];
        set_day(i);
        snprintf(id, sizeof id, "q%d", i);
        add_quarantined(id);
    }
    end_run();
    set_day(3000);
    begin_run();
    expect_pruned("");
    ages.quarantine = 30 * US_PER_DAY;
    set_day(34);
    expect_pruned("quarantine 4");
    set_day(35);
    add_quarantined("q5"); /* met again */
    set_day(3000);
    expect_pruned("quarantine 3");
}

/* A link that the run moved, and a reference that waited. */
static void note_moved(int64_t of)
{
    const struct moved_link link = {.from = 2, .to = 1, .now = {.link = {.key = 1}}};
    const struct pending_write waited = {1, {STR("x"), 1, 2, 13}};
    OK(store->engine->begin(store, &err));
    OK(store->engine->add_moved(store, of, &link, 1, &waited, 1, &err));
    OK(store->engine->commit(store, &err));
}

static void runs(void)
{
    ages.runs = 400 * US_PER_DAY;
    add_run_stream(WALK_FULL); /* 1: a full one that went through */
    begin_run();
    add_run_stream(WALK_WINDOW);
    note_moved(2);
    begin_run();
    add_run_stream(WALK_FULL); /* 3: the last full one */
    note_moved(3);
    begin_run();
    add_run_stream(WALK_WINDOW);
    begin_run(); /* 5: it failed before it read anything */
    set_day(1);
    begin_run();
    add_run_stream(WALK_WINDOW); /* 6: the last that read it */
    begin_run();
    end_run();
    set_day(500);
    expect_pruned("runs 4");
    UNIT_TEXT(rows("SELECT id FROM run ORDER BY id"), "3;6;7");
    UNIT_TEXT(rows("SELECT run FROM run_stream ORDER BY run"), "3;6");
    UNIT_TEXT(rows("SELECT run FROM moved_link ORDER BY run"), "3");
    UNIT_TEXT(rows("SELECT run FROM moved_pending ORDER BY run"), "3");
    begin_run();
    add_run_stream(WALK_FULL);
    end_run();
    expect_pruned("runs 3");
    set_day(2000);
    expect_pruned("");
    UNIT_TEXT(rows("SELECT id FROM run"), "8");
    /* The last of a connection, though others have later ones, and it read nothing. */
    int64_t crm = connection;
    OK(store->engine->connection(store, STR("erp"), STR("com.example.erp"), &connection, &err));
    begin_run();
    end_run();
    connection = crm;
    begin_run();
    end_run();
    set_day(3000);
    expect_pruned("");
    UNIT_TEXT(rows("SELECT id FROM run ORDER BY id"), "8;9;10");
}

/* Whose rows the log has is known by the run: an export would take its own for another's. */
static void runs_of_unread_rows(void)
{
    create("c1");
    note();
    change(1, "by the connection itself");
    begin_run();
    end_run();
    ages = (struct retention){.runs = 400 * US_PER_DAY};
    set_day(500);
    expect_pruned("");
    note();
    UNIT_TEXT(rows("SELECT count(*) FROM export_due"), "0");
    expect_pruned("runs 1");
}

static void kept_for_ever(void)
{
    ages = (struct retention){0};
    change(create("c1"), "a");
    add_sent(1);
    end_run();
    set_day(3000);
    retention_begin(&pass, store, &ages, false);
    CU_ASSERT(pass.done);
    UNIT_TEXT(prune(false), "");
}

/* ---- a pass ---- */

static int commits;

static bool may_commit(void *self)
{
    (void)self;
    return commits-- > 0;
}

/* Whatever ends the host, and wherever: what was committed is gone, the rest comes next. */
static void a_pass_is_cut_short(void)
{
    int64_t one = create("c1");
    for (int i = 0; i < 20; i++)
        change(one, i % 2 ? "a" : "b");
    begin_run();
    set_day(1000);
    change(one, "last");
    w.world.may_commit = may_commit;
    int rc = -1;
    for (int round = 0; rc != 0 && round < 100; round++) {
        commits = round;
        retention_begin(&pass, store, &ages, false);
        for (rc = 0; rc == 0 && !pass.done;) {
            pass.portion = 3;
            rc = retention_step(&pass, &err);
        }
        expect_whole();
    }
    CU_ASSERT_EQUAL(rc, 0);
    w.world.may_commit = NULL;
    expect_pruned("");
}

/* On SQLite numbers at the end of the log are given once more. */
static void after_an_erasure(void)
{
    static const struct erase_request request = {1, {"an@x.com", 8}};
    struct erase_counts counts;
    int64_t one = create("c1");
    change(one, "a");
    sql("INSERT INTO contact (email) VALUES ('an@x.com')");
    sql("UPDATE log SET at = %" PRId64, day(0));
    end_run();
    set_day(1000);
    begin_run();
    expect_pruned("log_bodies 1, log 1");
    OK(store->engine->begin(store, &err));
    OK(store->engine->erase(store, &request, false, &counts, &err));
    OK(store->engine->commit(store, &err));
    CU_ASSERT(counts.records == 1 && counts.log_rows == 1);
    for (int i = 0; i < 3; i++)
        change(one, i % 2 ? "b" : "c");
    set_day(3000);
    change(one, "d");
    begin_run();
    expect_pruned("log_bodies 3, log 4");
    expect_whole();
}

/* ---- in the background ---- */

static bool busy;

static bool is_busy(void *arg)
{
    (void)arg;
    return busy;
}

static void turn_for(int64_t us)
{
    int64_t until = w.now_us + us;
    while (w.now_us < until)
        loop_turn(w.world.loop, until - w.now_us);
}

static void in_the_background(void)
{
    struct pruner p = {.world = &w.world, .store = store, .is_busy = is_busy};
    int64_t one = create("c1");
    for (int i = 0; i < 2000; i++)
        change(one, i % 2 ? "a" : "b");
    begin_run();
    set_day(100);
    pruner_start(&p, &ages);
    turn_for(US_PER_MINUTE - 1);
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE body IS NULL"), "1"); /* the creation */
    turn_for(US_PER_MINUTE);
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE body IS NULL"), "2000"); /* not the newest */
    change(one, "c");
    set_day(200); /* as the clock of a machine that slept; timers do not wait for it */
    CU_ASSERT(!pruner_is_working(&p));
    pruner_set(&p, &(struct retention){0});
    turn_for(2 * US_PER_HOUR);
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE body IS NULL"), "2000"); /* off now */
    pruner_set(&p, &ages);
    turn_for(2 * US_PER_HOUR);
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE body IS NULL"), "2001");
    pruner_stop(&p);
    change(one, "d");
    set_day(400);
    turn_for(3 * US_PER_HOUR);
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE body IS NULL"), "2001");
    pruner_free(&p);
}

/* A store that cannot be written is tried again. */
static void in_the_background_it_fails(void)
{
    struct pruner p = {.world = &w.world, .store = store, .is_busy = is_busy};
    change(create("c1"), "a");
    change(1, "b");
    begin_run();
    set_day(100);
    w.world.may_commit = may_commit;
    commits = 0;
    pruner_start(&p, &ages);
    turn_for(2 * US_PER_MINUTE);
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE body IS NULL"), "1");
    w.world.may_commit = NULL;
    turn_for(US_PER_HOUR);
    UNIT_TEXT(rows("SELECT count(*) FROM log WHERE body IS NULL"), "2");
    pruner_stop(&p);
    pruner_free(&p);
}

#define IN_STORE(test)                                                                             \
    static void test_##test(void)                                                                  \
    {                                                                                              \
        set_defaults();                                                                            \
        fixture_run(test);                                                                         \
        buf_free(&text);                                                                           \
    }
IN_STORE(values_before_rows)
IN_STORE(last_row_of_a_record_stays)
IN_STORE(deleted_by_another_program)
IN_STORE(newest_row_stays)
IN_STORE(behind_the_slowest)
IN_STORE(run_under_way)
IN_STORE(sent_and_conflicts)
IN_STORE(quarantine_only_where_set)
IN_STORE(runs)
IN_STORE(runs_of_unread_rows)
IN_STORE(kept_for_ever)
IN_STORE(a_pass_is_cut_short)
IN_STORE(after_an_erasure)
IN_STORE(in_the_background)
IN_STORE(in_the_background_it_fails)

const char *const unit_suite = "retention";
const struct unit_test unit_tests[] = {
    {"values go before rows", test_values_before_rows},
    {"the last row of a record stays until it is not the last", test_last_row_of_a_record_stays},
    {"what another program deleted", test_deleted_by_another_program},
    {"the newest row stays", test_newest_row_stays},
    {"nothing that somebody has yet to read", test_behind_the_slowest},
    {"nothing of a run that is under way", test_run_under_way},
    {"what was sent, and settled conflicts", test_sent_and_conflicts},
    {"quarantine, where it is set", test_quarantine_only_where_set},
    {"runs, but for the last ones", test_runs},
    {"runs whose rows are unread", test_runs_of_unread_rows},
    {"all is kept for ever", test_kept_for_ever},
    {"a pass that is cut short", test_a_pass_is_cut_short},
    {"after an erasure", test_after_an_erasure},
    {"in the background of the host", test_in_the_background},
    {"in the background, while the store fails", test_in_the_background_it_fails},
    {NULL, NULL}};
