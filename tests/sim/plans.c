/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan is apply: in random worlds, what the vendor sees of an applied plan is what the plan says.
 *
 *     plans COUNT [FIRST]
 *
 * For each seed a vendor and a store are changed at random on both sides, under a virtual clock,
 * and planned: that must write nothing. In every other world something moves before the plan is
 * applied. Then the vendor's journal of writes must be the plan's lines that were done, one for
 * one; each line must be done or refused by name; and where nothing moved, all are done. In the end
 * a sync must find nothing left that the plan had, and the store must equal the vendor's truth. A
 * failing seed replays exactly.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "direct_carrier.h"
#include "plugin/registry.h"
#include "sandbox_transport.h"
#include "sync/run.h"
#include "truth.h"
#include "virtual_loop.h"

enum { ROUNDS = 3, SYNCS_MOST = 5, LINES_MOST = 4000, TEXT_MOST = 64 * 1024 * 1024 };
#define START INT64_C(1772323200000000) /* 2026-03-01T00:00:00Z */

const struct fastenr_connector *fastenr_connector(void);

struct lines {
    char *items[LINES_MOST];
    size_t count;
};

struct sim {
    struct virtual_world w; /* first: the world's self */
    uint64_t chance;
    struct sandbox *sandbox;
    char dir[64], db[100], plan[100], config[100];
    char url[120];
    const char *conflicts; /* conflict_resolution */
    const char *reconcile;
    bool archives;
    /* Whether a contact gets another company here. HubSpot keeps an archived company as a contact's
     * primary one, which the truth tells by: such a store does not equal it. */
    bool may_refer, refers;

    /* of the last run */
    bool done;
    enum run_status status;
    char reason[600];
    int64_t applied, refused, changes; /* of a plan */
    struct lines planned, wanted;      /* writes of the plan; those of them that were done */
    bool crashes;                      /* the connector dies while it is applied */
};

static struct {
    long plans, moved, crashed, changes, writes, refused;
} seen;

static uint64_t below(struct sim *s, uint64_t n)
{
    return virtual_random(&s->chance) % n;
}

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "plans: %s: %s\n", what, why);
    exit(1);
}

static bool wrong(const char *what, long found, long expected)
{
    if (found != expected)
        fprintf(stderr, "%s: %ld, expected %ld\n", what, found, expected);
    return found != expected;
}

/* ---- the vendor ---- */

static void ask(struct sim *s, const char *method, const char *target, const char *body, FILE *into)
{
    char piece[64 * 1024];
    size_t len;
    struct sandbox_response response;
    const struct sandbox_request request = {
        .method = method, .target = target, .body = body, .body_len = body ? strlen(body) : 0};
    sandbox_tick(s->sandbox, (START + world_monotonic(&s->w.world)) / US_PER_MS);
    sandbox_handle(s->sandbox, &request, &response);
    if (response.status >= 300)
        give_up(target, response.body ? response.body : "refused");
    while (into && response.stream &&
           (len = sandbox_stream_read(response.stream, piece, sizeof piece)) > 0)
        fwrite(piece, 1, len, into);
    if (into && response.body)
        fwrite(response.body, 1, response.body_len, into);
    sandbox_response_free(&response);
}

static void make_sandbox(struct sim *s)
{
    struct sandbox_options options;
    char error[300];
    sandbox_options_default(&options);
    options.seed = virtual_random(&s->chance);
    options.companies = (uint32_t)below(s, 40) + 4;
    options.contacts = (uint32_t)below(s, 60) + 4;
    options.deals = (uint32_t)below(s, 20);
    options.tickets = (uint32_t)below(s, 10);
    options.engagements = 0;
    options.limits_factor = 0;
    options.dirty = (uint32_t)below(s, 3);
    s->sandbox = sandbox_create("hubspot", &options, error, sizeof error);
    if (!s->sandbox)
        give_up("sandbox", error);
}

static void mutate(struct sim *s, int most)
{
    char body[1000];
    int n[14];
    for (size_t i = 0; i < sizeof n / sizeof n[0]; i++)
        n[i] = (int)below(s, (uint64_t)most + 1);
    snprintf(body, sizeof body,
             "{\"companies\":%d,\"contacts\":%d,\"deals\":%d,\"seed\":%d,"
             "\"create\":{\"companies\":%d,\"contacts\":%d,\"deals\":%d},"
             "\"archive\":{\"companies\":%d,\"contacts\":%d},"
             "\"restore\":{\"companies\":%d,\"contacts\":%d},\"merge\":{\"contacts\":%d},"
             "\"associate\":{\"contacts\":%d},\"dissociate\":{\"contacts\":%d}}",
             n[0], n[1], n[2], (int)below(s, 1000), n[3] / 2, n[4] / 2, n[5] / 2, n[6] / 3,
             n[7] / 3, n[8] / 3, n[9] / 3, n[10] / 4, n[11] / 2, n[12] / 3);
    ask(s, "POST", "/__sandbox/mutate", body, NULL);
}

/* ---- here ---- */

static void sql(struct sim *s, const char *text)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    if (sqlite3_open(s->db, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        give_up(text, why ? why : "cannot be run");
    sqlite3_close(db);
}

/* Somebody else's program. */
static void change_here(struct sim *s, int most)
{
    static const char *const fields[][2] = {{"account", "name"},
                                            {"account", "domain"},
                                            {"contact", "last_name"},
                                            {"contact", "title"},
                                            {"contact", "email"}};
    char text[600];
    for (uint64_t n = below(s, (uint64_t)most + 1); n > 0; n--) {
        size_t f = below(s, 5);
        int which = (int)below(s, 100), now = (int)below(s, 100000);
        const char *table = fields[f][0], *field = fields[f][1];
        snprintf(text, sizeof text,
                 "UPDATE %s SET %s = '%s%d%s' WHERE key = (SELECT key FROM %s WHERE deleted_at IS "
                 "NULL ORDER BY key LIMIT 1 OFFSET (SELECT %d %% max(count(*), 1) FROM %s WHERE "
                 "deleted_at IS NULL))",
                 table, field, f == 4 ? "a" : "here ", now,
                 f == 1   ? ".example"
                 : f == 4 ? "@here.example"
                          : "",
                 table, which, table);
        if (f == 1)
            memcpy(strstr(text, "here "), "here-", 5);
        sql(s, text);
    }
    for (uint64_t n = below(s, 3); n > 0 && most > 1; n--) {
        int now = (int)below(s, 1000000);
        snprintf(text, sizeof text,
                 "INSERT INTO account (name, domain) VALUES ('New %d', 'new%d.example');"
                 "INSERT INTO contact (email, last_name, account_id) SELECT 'n%d@new.example', "
                 "'New', key FROM account WHERE domain = 'new%d.example'",
                 now, now, now, now);
        sql(s, text);
    }
    s->refers |= s->may_refer && below(s, 2);
    if (s->refers)
        sql(s, "UPDATE contact SET account_id = (SELECT min(key) FROM account WHERE deleted_at IS "
               "NULL) WHERE key = (SELECT max(key) FROM contact WHERE deleted_at IS NULL)");
    if (s->archives && below(s, 3) == 0)
        sql(s, "DELETE FROM contact WHERE key = (SELECT min(key) FROM contact WHERE deleted_at IS "
               "NULL AND key > 3)");
}

static int hash_row(void *arg, int count, char **values, char **names)
{
    uint64_t *hash = arg;
    static const uint8_t key[SIPHASH_KEY];
    (void)names;
    for (int i = 0; i < count; i++)
        *hash = *hash * 31 + siphash(key, str_from(values[i] ? values[i] : "(null)"));
    return 0;
}

static int hash_table(void *arg, int count, char **values, char **names)
{
    struct {
        sqlite3 *db;
        uint64_t hash;
    } *h = arg;
    char text[300];
    (void)count;
    (void)names;
    snprintf(text, sizeof text, "SELECT * FROM \"%s\"", values[0]);
    return sqlite3_exec(h->db, text, hash_row, &h->hash, NULL);
}

/* Of all that the store has, but for its settings, which count leases. */
static uint64_t state_of(struct sim *s)
{
    struct {
        sqlite3 *db;
        uint64_t hash;
    } h = {0};
    if (sqlite3_open(s->db, &h.db) != SQLITE_OK ||
        sqlite3_exec(h.db,
                     "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('meta', "
                     "'sqlite_stat1') ORDER BY 1",
                     hash_table, &h, NULL) != SQLITE_OK)
        give_up("state", sqlite3_errmsg(h.db));
    sqlite3_close(h.db);
    return h.hash;
}

/* ---- lists of writes ---- */

static void lines_clear(struct lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    l->count = 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_add(struct lines *l, const struct buf *text)
{
    if (l->count == LINES_MOST)
        give_up("lines", "too many");
    l->items[l->count++] = mem_strdup(buf_cstr(text));
}

static bool lines_equal(struct lines *found, struct lines *wanted)
{
    qsort(found->items, found->count, sizeof found->items[0], by_text);
    qsort(wanted->items, wanted->count, sizeof wanted->items[0], by_text);
    bool equal = found->count == wanted->count;
    for (size_t i = 0; i < found->count && i < wanted->count; i++)
        equal = equal && strcmp(found->items[i], wanted->items[i]) == 0;
    for (size_t i = 0; !equal && i < found->count; i++)
        fprintf(stderr, "  written: %s\n", found->items[i]);
    for (size_t i = 0; !equal && i < wanted->count; i++)
        fprintf(stderr, "  planned: %s\n", wanted->items[i]);
    return equal;
}

/* Whether all of one are among the others; both as often. */
static bool lines_within(struct lines *some, struct lines *all)
{
    size_t j = 0;
    qsort(some->items, some->count, sizeof some->items[0], by_text);
    qsort(all->items, all->count, sizeof all->items[0], by_text);
    for (size_t i = 0; i < some->count; i++, j++) {
        while (j < all->count && strcmp(all->items[j], some->items[i]) < 0)
            j++;
        if (j < all->count && strcmp(all->items[j], some->items[i]) == 0)
            continue;
        fprintf(stderr, "  not among the others: %s\n", some->items[i]);
        return false;
    }
    return true;
}

struct pairs {
    struct lines lines;
    bool planned; /* a pair each, of which the second counts */
};

static bool add_pair(void *arg, struct str name, const struct json *value)
{
    struct pairs *p = arg;
    struct buf text = BUF_INIT(TEXT_MOST);
    const struct json *now = p->planned ? json_element(value, 1) : value;
    buf_printf(&text, " %.*s=%.*s", STR_ARG(name), STR_ARG(json_string(now)));
    lines_add(&p->lines, &text);
    buf_free(&text);
    return true;
}

/* "update companies 123 name=x": associations without their ends. */
static void add_write(struct lines *to, struct str op, struct str type, struct str id,
                      const struct json *fields, bool planned)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    struct pairs *pairs = MEM_NEW(struct pairs);
    bool joins = str_is(op, "associate") || str_is(op, "dissociate");
    pairs->planned = planned;
    buf_printf(&text, "%.*s %.*s", STR_ARG(op), STR_ARG(type));
    if (str_is(op, "update") || str_is(op, "archive"))
        buf_printf(&text, " %.*s", STR_ARG(id));
    if (!joins && !str_is(op, "archive"))
        json_each(fields, add_pair, pairs);
    qsort(pairs->lines.items, pairs->lines.count, sizeof pairs->lines.items[0], by_text);
    for (size_t i = 0; i < pairs->lines.count; i++)
        buf_text(&text, pairs->lines.items[i]);
    lines_add(to, &text);
    lines_clear(&pairs->lines);
    free(pairs);
    buf_free(&text);
}

static const struct json *ask_json(struct sim *s, const char *target)
{
    const struct json *root = NULL;
    struct buf text = BUF_INIT(TEXT_MOST);
    char piece[4096];
    size_t len;
    FILE *f = tmpfile();
    if (!f)
        give_up(target, "no temporary file");
    ask(s, "GET", target, NULL, f);
    rewind(f);
    while ((len = fread(piece, 1, sizeof piece, f)) > 0)
        buf_append(&text, piece, len);
    fclose(f);
    if (json_parse(buf_view(&text), &root, NULL) != 0)
        give_up(target, "no JSON");
    buf_free(&text);
    return root;
}

static void read_journal(struct sim *s, struct lines *ret_lines)
{
    const struct json *root = ask_json(s, "/__sandbox/writes"), *write;
    const struct json *writes = json_member(root, STR("writes"));
    for (size_t i = 0; (write = json_element(writes, i)) != NULL; i++) {
        if (str_is(json_string(json_member(write, STR("outcome"))), "error"))
            continue; /* the vendor refused it */
        add_write(ret_lines, json_string(json_member(write, STR("do"))),
                  json_string(json_member(write, STR("type"))),
                  json_string(json_member(write, STR("id"))), json_member(write, STR("properties")),
                  false);
    }
    json_free(root);
    ask(s, "DELETE", "/__sandbox/writes", "", NULL);
}

/* ---- one run ---- */

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct sim *s = arg;
    (void)crashed;
    s->done = true;
    s->status = row->status;
    snprintf(s->reason, sizeof s->reason, "%.*s", STR_ARG(row->reason));
}

static void write_config(struct sim *s)
{
    FILE *f = fopen(s->config, "w");
    if (!f)
        give_up(s->config, "cannot be written");
    fprintf(f,
            "connection: hubspot\nconnector: hubspot\n"
            "auth: {private_app: {token: sandbox-token}}\n"
            "network: {allow: [127.0.0.1], endpoints: {api.hubapi.com: "
            "\"http://127.0.0.1:8700\"}}\n"
            "every: 5m\nreconcile: %s\nsync_direction: bidirectional\n"
            "conflict_resolution: %s\nobjects:\n",
            s->reconcile, s->conflicts);
    for (size_t i = 0; i < TRUTH_OBJECTS; i++) {
        const char *name = truth_object(i);
        bool contacts = strcmp(name, "contacts") == 0, both = i < 2;
        fprintf(f, "  %s: {guard: {max_deleted_percent: 100}%s%s%s}\n", name,
                both ? "" : ", sync_direction: import",
                both && s->archives ? ", export: {archive: true}" : "",
                contacts ? ", mapping: {account_id: {from: associations.companies, lookup: "
                           "companies}}"
                         : "");
    }
    fclose(f);
}

struct host {
    struct sync_host host;
    struct direct_carrier carrier;
    struct sandbox_transport transport;
    struct connector_info info;
    struct connection_config config;
    struct setup setup;
    struct problems problems;
    struct arena arena;
};

static void open_host(struct sim *s, struct host *h)
{
    struct error err;
    *h = (struct host){0};
    direct_carrier_open(&h->carrier, &s->w.world, fastenr_connector);
    sandbox_transport_open(&h->transport, &s->w.world, s->sandbox);
    h->transport.start_us = START;
    h->host = (struct sync_host){.world = &s->w.world,
                                 .transport = &h->transport.transport,
                                 .carrier = &h->carrier.carrier,
                                 .store = store_open(s->url, s->dir, &s->w.world, &err),
                                 .limits = WORKER_LIMITS_DEFAULT};
    if (!h->host.store)
        give_up("store", err.text);
    if (registry_describe(&s->w.world, &h->carrier.carrier, &h->host.limits, HUBSPOT_SO, &h->info,
                          &err) != 0)
        give_up("describe", err.text);
    if (connection_config_read(s->config, &h->config, &h->arena, &h->problems))
        setup_make(&h->config, &h->info.descriptor, &h->setup, &h->arena, &h->problems);
    if (h->problems.count > 0)
        give_up("configuration", h->problems.items[0].text);
}

static void close_host(struct sim *s, struct host *h)
{
    loop_turn(s->w.world.loop, 0);
    loop_turn(s->w.world.loop, 0);
    store_close(h->host.store);
    direct_carrier_close(&h->carrier);
    budgets_free(&h->host.budgets);
    connector_info_free(&h->info);
    problems_free(&h->problems);
    arena_free(&h->arena);
}

static bool went_through(const struct sim *s)
{
    return s->status == RUN_OK || s->status == RUN_QUARANTINED;
}

static void run_one(struct sim *s, struct host *h, struct run_request *request)
{
    static const struct run_events events = {.done = on_done};
    s->done = false;
    request->started_by = STR("plans");
    run_start(&h->host, &h->setup, &h->info.image, request, &events, s);
    while (!s->done)
        loop_turn(s->w.world.loop, 3600 * US_PER_SECOND);
    if (!went_through(s))
        fprintf(stderr, "the run: %s\n", s->reason);
}

static bool sync_all(struct sim *s, bool full)
{
    struct host h;
    struct run_request request = {.full = full};
    open_host(s, &h);
    run_one(s, &h, &request);
    close_host(s, &h);
    return went_through(s);
}

static bool make_plan(struct sim *s)
{
    struct host h;
    struct sync_plan plan = {0};
    struct run_request request = {.plan = &plan};
    char mapping[PLAN_MAPPING];
    struct error err;
    open_host(s, &h);
    if (plan_mapping(&h.setup, mapping, &err) != 0)
        give_up("mapping", err.text);
    const struct plan_origin origin = {
        .connection = STR("hubspot"), .mapping = str_from(mapping), .by = STR("plans")};
    plan.file = plan_file_new(s->plan, h.host.store, &origin, &err);
    if (!plan.file)
        give_up("plan", err.text);
    run_one(s, &h, &request);
    s->changes = 0;
    for (size_t i = 0; i < plan.object_count; i++)
        s->changes += plan_total(&plan.objects[i].counts);
    if (plan_file_close(plan.file, &plan, &err) != 0)
        give_up("plan", err.text);
    plan_free(&plan);
    close_host(s, &h);
    return went_through(s);
}

/* The lines of the vendor's side. */
static void list_done(struct sim *s, struct plan_reading *reading)
{
    struct buf text = BUF_INIT(TEXT_MOST);
    struct plan_entry e;
    struct error err;
    for (size_t i = 0; i < reading->count; i++) {
        const struct plan_row *row = &reading->rows[i];
        if (row->state != PLAN_DONE && row->state != PLAN_REFUSED)
            give_up("apply", "a line is neither done nor refused");
        if (row->side != PLAN_THERE)
            continue;
        if (plan_reading_line(reading, i, &text, &err) != 0 ||
            plan_entry_read(buf_view(&text), &e, &err) != 0)
            give_up("plan", err.text);
        const char *op = e.op == PLAN_DELETE ? "archive" : plan_op_name(e.op);
        add_write(&s->planned, str_from(op), e.object, e.external_id, e.fields, true);
        if (row->state == PLAN_DONE)
            add_write(&s->wanted, str_from(op), e.object, e.external_id, e.fields, true);
        plan_entry_free(&e);
    }
    buf_free(&text);
}

static bool apply_plan(struct sim *s)
{
    struct host h;
    struct plan_reading reading;
    struct apply apply = {.reading = &reading};
    struct run_request request = {.apply = &apply};
    struct error err;
    open_host(s, &h);
    if (plan_reading_open(&reading, s->plan, h.host.store, &err) != 0)
        give_up("plan", err.text);
    if (wrong("lines of the plan", (long)reading.count, (long)s->changes))
        return false;
    if (s->crashes)
        h.carrier.crash_at = h.carrier.messages + (long)below(s, 90) + 1;
    run_one(s, &h, &request);
    s->applied = apply.done;
    s->refused = apply.refused;
    for (size_t i = 0; i < apply.refusal_count && getenv("VERBOSE"); i++)
        fprintf(stderr, "refused: %s %.*s %.*s %.*s: %s\n", plan_side_name(apply.refusals[i].side),
                STR_ARG(apply.refusals[i].object), STR_ARG(apply.refusals[i].external_id),
                STR_ARG(apply.refusals[i].record_id), apply.refusals[i].why);
    lines_clear(&s->wanted);
    lines_clear(&s->planned);
    list_done(s, &reading);
    apply_free(&apply);
    plan_reading_close(&reading);
    close_host(s, &h);
    return went_through(s);
}

/* ---- a seed ---- */

static bool equals_truth(struct sim *s)
{
    struct truth_report report;
    FILE *truths[TRUTH_OBJECTS];
    for (size_t i = 0; i < TRUTH_OBJECTS; i++) {
        char target[100];
        truths[i] = tmpfile();
        if (!truths[i])
            give_up("truth", "no temporary file");
        snprintf(target, sizeof target, "/__sandbox/truth/%s", truth_object(i));
        ask(s, "GET", target, NULL, truths[i]);
        snprintf(target, sizeof target, "/__sandbox/truth/%s/ended", truth_object(i));
        ask(s, "GET", target, NULL, truths[i]);
    }
    int rc = truth_compare(s->db, truths, 0, &report, stderr);
    for (size_t i = 0; i < TRUTH_OBJECTS; i++)
        fclose(truths[i]);
    return rc == 0;
}

/* Past the index lag. */
static void wait_a_little(struct sim *s)
{
    s->w.now_us += 40 * US_PER_SECOND;
}

static bool plan_and_apply(struct sim *s, bool moves)
{
    struct lines *journal = MEM_NEW(struct lines);
    uint64_t before = state_of(s);
    bool ok = make_plan(s);
    s->crashes = below(s, 4) == 0;
    if (ok && (wrong("the store changed", state_of(s) != before, 0)))
        ok = false;
    read_journal(s, journal);
    if (ok && wrong("writes of a plan", (long)journal->count, 0))
        ok = false;
    if (moves) {
        mutate(s, 3);
        change_here(s, 3);
        wait_a_little(s);
    }
    ok = ok && apply_plan(s);
    lines_clear(journal);
    read_journal(s, journal);
    /* A write may be done without an answer. */
    if (ok && s->crashes)
        ok = lines_within(&s->wanted, journal) && lines_within(journal, &s->planned);
    else if (ok)
        ok = lines_equal(journal, &s->wanted);
    if (ok && wrong("done and refused", (long)(s->applied + s->refused), (long)s->changes))
        ok = false;
    /* What is archived there leaves the vendor's own references: that moves them. */
    if (ok && !moves && !s->archives && !s->crashes && wrong("refused", (long)s->refused, 0))
        ok = false;
    seen.plans++;
    seen.moved += moves;
    seen.crashed += s->crashes;
    seen.changes += (long)s->changes;
    seen.writes += (long)journal->count;
    seen.refused += (long)s->refused;
    lines_clear(journal);
    free(journal);
    return ok;
}

/* What is left is done by a sync; then nothing is. */
static bool settle(struct sim *s)
{
    /* A creation in doubt is settled once what was written at the time has surely been read, and
     * what the vendor gives to it comes after that. */
    for (int i = 0; i < SYNCS_MOST; i++) {
        s->w.now_us += 2 * US_PER_MINUTE;
        if (!sync_all(s, i > 0))
            return false;
        s->w.now_us += 2 * US_PER_MINUTE;
        if (i > 0 && (!make_plan(s) || s->changes == 0))
            break;
    }
    ask(s, "DELETE", "/__sandbox/writes", "", NULL);
    return went_through(s) && !wrong("changes of the last plan", (long)s->changes, 0);
}

static bool run_round(struct sim *s, int round)
{
    bool moves = round > 0 && below(s, 2);
    if (round > 0) {
        mutate(s, 8);
        change_here(s, 6);
        wait_a_little(s);
    }
    return plan_and_apply(s, moves) && settle(s) &&
           (s->conflicts[0] == 'm' || s->refers || equals_truth(s));
}

static void make_store(struct sim *s)
{
    struct host h;
    write_config(s);
    open_host(s, &h);
    close_host(s, &h);
}

static void remove_store(struct sim *s)
{
    static const char *const names[] = {"store.db",      "store.db-wal", "store.db-shm",
                                        "store.db-lock", "hubspot.yaml", "plan"};
    char path[120];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", s->dir, names[i]);
        unlink(path);
    }
    rmdir(s->dir);
}

static bool run_seed(uint64_t seed)
{
    static const char *const conflicts[] = {"last_modified", "source_priority", "manual_review"};
    static const char *const reconcile[] = {"off", "daily", "every_run"};
    struct sim *s = MEM_NEW(struct sim);
    bool ok = true;
    virtual_watch("plans", seed);
    s->chance = seed * 7919 + 1;
    virtual_world_open(&s->w, START, seed);
    s->w.world.self = s;
    snprintf(s->dir, sizeof s->dir, "%s/fastenr-plans-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(s->dir))
        give_up(s->dir, "cannot be made");
    snprintf(s->db, sizeof s->db, "%s/store.db", s->dir);
    snprintf(s->url, sizeof s->url, "sqlite:%s", s->db);
    snprintf(s->plan, sizeof s->plan, "%s/plan", s->dir);
    snprintf(s->config, sizeof s->config, "%s/hubspot.yaml", s->dir);
    make_sandbox(s);
    s->conflicts = conflicts[below(s, 3)];
    s->reconcile = reconcile[below(s, 3)];
    s->archives = below(s, 2);
    s->may_refer = below(s, 2);
    make_store(s);
    for (int round = 0; round < ROUNDS && ok; round++) {
        ok = run_round(s, round);
        if (!ok)
            fprintf(stderr, "seed %llu, round %d (%s, reconcile %s%s)\n", (unsigned long long)seed,
                    round, s->conflicts, s->reconcile, s->archives ? ", archives" : "");
    }
    lines_clear(&s->wanted);
    lines_clear(&s->planned);
    sandbox_destroy(s->sandbox);
    virtual_world_close(&s->w);
    if (ok)
        remove_store(s);
    else
        fprintf(stderr, "its store is %s; replay: plans 1 %llu\n", s->db, (unsigned long long)seed);
    free(s);
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t count = 0, first = 1;
    if (argc < 2 || !str_to_u64(str_from(argv[1]), &count) || count == 0 ||
        (argc > 2 && !str_to_u64(str_from(argv[2]), &first))) {
        fprintf(stderr, "Usage: plans COUNT [FIRST]\n");
        return 2;
    }
    log_setup(NULL, getenv("VERBOSE") ? LOG_DEBUG : LOG_ERROR + 1, false);
    for (uint64_t seed = first; seed < first + count; seed++)
        if (!run_seed(seed))
            return 1;
    printf("%llu worlds: %ld plans of %ld changes, %ld of them applied to a world that had moved, "
           "%ld while the connector died; %ld writes seen by the vendor, %ld changes refused\n",
           (unsigned long long)count, seen.plans, seen.changes, seen.moved, seen.crashed,
           seen.writes, seen.refused);
    return 0;
}
