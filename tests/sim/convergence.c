/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convergence: whatever goes wrong on the way, the store ends up equal to the vendor.
 *
 *     convergence COUNT [FIRST]
 *
 * For each seed a vendor of random size is synced in one process under a virtual clock, with the
 * HubSpot connector linked in. The host dies at random commits and requests, the connector at
 * random messages and while it waits; runs are cancelled and stopped by guard rails; the vendor
 * answers with faults and with the wrong time; the host's clock is set; another mapping is tried
 * and given up; then it is mutated, records being archived, restored and merged too, and synced
 * again. A failing seed replays exactly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "direct_carrier.h"
#include "plugin/registry.h"
#include "sandbox_transport.h"
#include "sync/run.h"
#include "sync/token.h"
#include "truth.h"
#include "virtual_loop.h"

enum { TRIES_MOST = 60, ROUNDS = 3 };
#define START INT64_C(1772323200000000) /* 2026-03-01T00:00:00Z */

const struct fastenr_connector *fastenr_connector(void);

struct sim {
    struct virtual_world w; /* first: the world's self */
    uint64_t chance;
    struct sandbox *sandbox;
    char dir[64];
    bool oauth, connected; /* tokens that end each minute, rather than one for ever */
    enum sandbox_rotate rotate;
    struct keyring keys;

    /* when the host dies; 0: not */
    long commits, dies_at_commit;
    long dies_at_request;
    bool dead;
    /* what happens to a run after so many turns of the loop; 0: nothing */
    long cancel_at, crash_at;
    long jump_at; /* then the host's clock is set, as by a person, or a time server after long */
    long crash_at_request; /* the connector dies while this one is under way; 0: not */
    bool had_wrong_date; /* one a seed: a clock that is always wrong cannot be told from a right one
                          */
    int guard;           /* changes that a run may make; 0: any number */
    int guard_deleted;   /* percent */
    bool full;           /* the next lives read everything */
    bool restores;       /* the vendor restores records, too */
    uint64_t sizes[TRUTH_OBJECTS]; /* records of each object, about */
    bool other_mapping;            /* somebody tries another one, and goes back to the first */

    /* of one life of the host */
    struct direct_carrier carrier;
    struct sandbox_transport transport;
    struct sync_host host;
    struct run *run;
    bool done;
    enum run_status status;
    char reason[600];
    struct run_stream_row streams[TRUTH_OBJECTS];
    size_t stream_count;
};

/* What happened over all seeds: to see that the test does what it says. */
static struct {
    long lives, deaths, crashes, failed_runs, cancelled, stopped, requests, refreshes, reconnects,
        jumps;
} seen;

static uint64_t below(struct sim *s, uint64_t n)
{
    return virtual_random(&s->chance) % n;
}

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "convergence: %s: %s\n", what, why);
    exit(1);
}

/* ---- the vendor ---- */

static void ask_sandbox(struct sim *s, const char *method, const char *target, const char *body,
                        FILE *into)
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
    static const uint32_t factors[] = {0, 1, 20};
    sandbox_options_default(&options);
    options.seed = virtual_random(&s->chance);
    options.companies = (uint32_t)below(s, 260);
    options.contacts = (uint32_t)below(s, 450);
    options.deals = (uint32_t)below(s, 130);
    options.tickets = (uint32_t)below(s, 60);
    options.engagements = (uint32_t)below(s, 150);
    options.association_page = (uint32_t)below(s, 3) + 1;
    options.limits_factor = factors[below(s, 3)];
    options.lag_ms = (uint32_t)(below(s, 2) * below(s, 30000));
    options.same_modified = (uint32_t)(below(s, 3) == 0 ? options.companies : 0);
    options.dirty = (uint32_t)below(s, 10);
    if (options.dirty > options.contacts)
        options.dirty = options.contacts;
    const uint64_t sizes[] = {options.companies, options.contacts, options.deals, options.tickets};
    for (size_t i = 0; i < TRUTH_OBJECTS; i++)
        s->sizes[i] = i < 4 ? sizes[i] : options.engagements / 5;
    s->oauth = below(s, 2);
    s->rotate = options.rotate = (enum sandbox_rotate)below(s, 3);
    options.token_ttl_s = 60;
    s->sandbox = sandbox_create("hubspot", &options, error, sizeof error);
    if (!s->sandbox)
        give_up("sandbox", error);
}

static void add_faults(struct sim *s)
{
    static const char *const faults[] = {
        "\"status\":500",          "\"status\":503",
        "\"status\":429",          "\"kind\":\"truncate\"",
        "\"kind\":\"malformed\"",  "\"kind\":\"reset\"",
        "\"kind\":\"reset_body\"", "\"kind\":\"html\"",
        "\"kind\":\"hang\"",       "\"kind\":\"slow\",\"ms\":9000"};
    for (uint64_t n = below(s, 4); n > 0; n--) {
        char body[200];
        bool token = s->oauth && below(s, 3) == 0;
        snprintf(body, sizeof body, "{\"path\":\"%s\",%s,\"count\":%d}",
                 token ? "/oauth/v3/token" : "/crm/v3/objects",
                 faults[below(s, sizeof faults / sizeof *faults)], (int)below(s, 2) + 1);
        ask_sandbox(s, "POST", "/__sandbox/faults", body, NULL);
    }
}

/* "companies":12,"contacts":3,...: up to `most` of each, and up to that part of them; 0: any. */
static void wish(struct sim *s, char *out, size_t cap, uint64_t most, uint64_t part)
{
    size_t len = 0;
    for (size_t i = 0; i < TRUTH_OBJECTS; i++) {
        uint64_t size = part > 0 ? s->sizes[i] / part + 1 : most;
        len += (size_t)snprintf(out + len, cap - len, "%s\"%s\":%d", i > 0 ? "," : "",
                                truth_object(i), (int)below(s, size < most ? size : most));
    }
}

static void mutate(struct sim *s)
{
    char body[5000], change[600], create[600], archive[600], restore[600], merge[600];
    char associate[600], dissociate[600];
    wish(s, change, sizeof change, 60, 0);
    wish(s, create, sizeof create, 5, 0);
    wish(s, archive, sizeof archive, 20, 10);
    wish(s, restore, sizeof restore, s->restores ? 20 : 1, 0);
    wish(s, merge, sizeof merge, 8, 20);
    wish(s, associate, sizeof associate, 10, 0);
    wish(s, dissociate, sizeof dissociate, 5, 0);
    snprintf(body, sizeof body,
             "{%s,\"seed\":%d,\"create\":{%s},\"archive\":{%s},\"restore\":{%s},\"merge\":{%s},"
             "\"associate\":{%s},\"dissociate\":{%s}}",
             change, (int)below(s, 1000), create, archive, restore, merge, associate, dissociate);
    ask_sandbox(s, "POST", "/__sandbox/mutate", body, NULL);
    s->w.now_us += 40 * US_PER_SECOND; /* past the index lag */
}

/* ---- one life of the host ---- */

static bool may_commit(void *self)
{
    struct sim *s = self;
    if (++s->commits == s->dies_at_commit)
        s->dead = true;
    return !s->dead;
}

/* Faults of the machine are drawn anew for each life; every few lives nothing happens. */
static void draw_deaths(struct sim *s, bool calm)
{
    s->commits = 0;
    s->dead = false;
    s->dies_at_commit = s->dies_at_request = 0;
    s->carrier.crash_at = 0;
    s->cancel_at = s->crash_at = s->crash_at_request = s->jump_at = 0;
    s->transport.date_skew_us = 0;
    if (calm)
        return;
    if (below(s, 6) == 0)
        s->cancel_at = (long)below(s, 400) + 1;
    if (below(s, 4) == 0)
        s->crash_at = (long)below(s, 400) + 1;
    if (below(s, 3) == 0)
        s->crash_at_request = (long)below(s, 12) + 1;
    if (below(s, 8) == 0 && !s->had_wrong_date) {
        s->had_wrong_date = true;
        s->transport.date_skew_us = (below(s, 2) ? 30 : -30) * US_PER_DAY;
    }
    if (below(s, 5) == 0)
        s->jump_at = (long)below(s, 200) + 1;
    if (below(s, 3) == 0)
        s->dies_at_commit = (long)below(s, 14) + 1;
    if (below(s, 4) == 0)
        s->dies_at_request = (long)below(s, 30) + 1;
    if (below(s, 3) == 0)
        s->carrier.crash_at = (long)below(s, 60) + 1;
}

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct sim *s = arg;
    s->done = true;
    seen.crashes += crashed || row->exit_signal > 0;
    seen.failed_runs += row->status == RUN_FAILED && !s->dead;
    seen.cancelled += row->status == RUN_CANCELLED && !s->dead;
    seen.stopped += row->status == RUN_STOPPED;
    s->status = row->status;
    snprintf(s->reason, sizeof s->reason, "%.*s", STR_ARG(row->reason));
    s->stream_count = row->stream_count;
    for (size_t i = 0; i < row->stream_count && i < TRUTH_OBJECTS; i++)
        s->streams[i] = row->streams[i];
}

static void write_config(struct sim *s, char *ret_path, size_t cap)
{
    static const char *const reconcile[] = {"off", "daily", "weekly", "every_run"};
    snprintf(ret_path, cap, "%s/hubspot.yaml", s->dir);
    FILE *f = fopen(ret_path, "w");
    if (!f)
        give_up(ret_path, "cannot be written");
    fputs("connection: hubspot\nconnector: hubspot\n", f);
    fputs(s->oauth ? "auth: {oauth: {client_id: sandbox-app, client_secret: sandbox-secret}}\n"
                   : "auth: {private_app: {token: sandbox-token}}\n",
          f);
    fputs("network: {allow: [127.0.0.1], endpoints: {api.hubapi.com: \"http://127.0.0.1:8700\"}}\n"
          "every: 5m\n",
          f);
    fprintf(f, "reconcile: %s\nobjects:\n", reconcile[below(s, 4)]);
    for (size_t i = 0; i < TRUTH_OBJECTS; i++) {
        char guard[60] = "";
        bool other = i == 1 && s->other_mapping;
        if (s->guard > 0)
            snprintf(guard, sizeof guard, ", max_changes: %d", s->guard);
        fprintf(f, "  %s: {guard: {max_deleted_percent: %d%s}%s}\n", truth_object(i),
                s->guard_deleted, guard, other ? ", mapping: {title: city}" : "");
    }
    fclose(f);
}

/* By hours, either way; what the vendor's clock shows goes on as it did. */
static void jump(struct sim *s)
{
    int64_t by_us = (int64_t)(below(s, 24 * 3600) + 1) * US_PER_SECOND;
    if (below(s, 2))
        by_us = -by_us;
    s->w.now_us += by_us;
    s->w.start_us += by_us;
    seen.jumps++;
}

static void live(struct sim *s, struct setup *setup, const struct image *image)
{
    static const struct run_events events = {.done = on_done};
    const struct run_request request = {.started_by = STR("convergence"), .full = s->full};
    s->done = false;
    long turns = 0;
    s->run = run_start(&s->host, setup, image, &request, &events, s);
    while (!s->done) {
        loop_turn(s->w.world.loop, 3600 * US_PER_SECOND);
        turns++;
        if (!s->done && turns == s->cancel_at)
            run_cancel(s->run);
        if (turns == s->jump_at)
            jump(s);
        if (turns == s->crash_at)
            direct_carrier_crash(&s->carrier);
        if (s->crash_at_request > 0 && s->transport.requests >= s->crash_at_request) {
            s->crash_at_request = 0;
            direct_carrier_crash(&s->carrier);
        }
        if (!s->done && s->dies_at_request > 0 && s->transport.requests >= s->dies_at_request &&
            !s->dead) {
            s->dead = true;
            run_cancel(s->run);
        }
    }
    loop_turn(s->w.world.loop, 0); /* what was freed goes now */
    loop_turn(s->w.world.loop, 0);
}

/* As a person with a browser would. */
static void connect_account(struct sim *s)
{
    static const char body[] = "{\"do\":\"grant\",\"client_id\":\"sandbox-app\",\"scopes\":"
                               "\"oauth crm.objects.companies.read crm.objects.contacts.read "
                               "crm.objects.deals.read crm.objects.owners.read tickets "
                               "sales-email-read crm.objects.custom.read "
                               "crm.schemas.custom.read\"}";
    static const struct oauth_client client = {0};
    struct arena arena = {0};
    struct oauth_grant grant;
    struct error err = {"the door gave no tokens"};
    const char *why;
    char text[8192];
    FILE *f = tmpfile();
    if (!f)
        give_up("grant", "no temporary file");
    ask_sandbox(s, "POST", "/__sandbox/oauth", body, f);
    rewind(f);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    if (oauth_read_answer(&client, 200, (struct str){text, len}, &arena, &grant, &why) !=
            OAUTH_GRANTED ||
        token_save(&s->host, STR("hubspot"), &grant, &err) != 0)
        give_up("connect", err.text);
    arena_free(&arena);
    s->connected = true;
}

/* Starts a host, runs the connection once, ends it. */
static void sync_once(struct sim *s, bool calm)
{
    char path[100], url[100];
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct connector_info info;
    struct setup setup;
    struct error err;
    direct_carrier_open(&s->carrier, &s->w.world, fastenr_connector);
    sandbox_transport_open(&s->transport, &s->w.world, s->sandbox);
    s->transport.start_us = START;
    s->guard = !calm && below(s, 6) == 0 ? (int)below(s, 300) + 1 : 0;
    s->guard_deleted = !calm && below(s, 6) == 0 ? (int)below(s, 10) + 1 : 100;
    s->other_mapping = !calm && below(s, 6) == 0;
    write_config(s, path, sizeof path);
    snprintf(url, sizeof url, "sqlite:%s/store.db", s->dir);
    draw_deaths(s, true);
    s->host = (struct sync_host){.world = &s->w.world,
                                 .transport = &s->transport.transport,
                                 .carrier = &s->carrier.carrier,
                                 .store = store_open(url, s->dir, &s->w.world, &err),
                                 .keys = &s->keys,
                                 .limits = WORKER_LIMITS_DEFAULT};
    if (!s->host.store)
        give_up("store", err.text);
    if (s->oauth && !s->connected)
        connect_account(s);
    if (registry_describe(&s->w.world, &s->carrier.carrier, &s->host.limits, HUBSPOT_SO, &info,
                          &err) != 0)
        give_up("describe", err.text);
    if (connection_config_read(path, &config, &arena, &problems))
        setup_make(&config, &info.descriptor, &setup, &arena, &problems);
    if (problems.count > 0)
        give_up("configuration", problems.items[0].text);
    draw_deaths(s, calm);
    if (s->carrier.crash_at > 0)
        s->carrier.crash_at += s->carrier.messages;
    live(s, &setup, &info.image);
    if (s->dead)
        tokens_abandon(&s->host);
    else
        tokens_finish(&s->host);
    loop_turn(s->w.world.loop, 0);
    loop_turn(s->w.world.loop, 0);
    store_close(s->host.store);
    direct_carrier_close(&s->carrier);
    budgets_free(&s->host.budgets);
    connector_info_free(&info);
    problems_free(&problems);
    arena_free(&arena);
}

/* ---- a seed ---- */

static FILE *truth_of(struct sim *s, const char *object)
{
    char target[100];
    FILE *f = tmpfile();
    if (!f)
        give_up("truth", "no temporary file");
    snprintf(target, sizeof target, "/__sandbox/truth/%s", object);
    ask_sandbox(s, "GET", target, NULL, f);
    snprintf(target, sizeof target, "/__sandbox/truth/%s/ended", object);
    ask_sandbox(s, "GET", target, NULL, f);
    return f;
}

static bool equals_truth(struct sim *s, int flags)
{
    char path[100];
    struct truth_report report;
    FILE *truths[TRUTH_OBJECTS];
    for (size_t i = 0; i < TRUTH_OBJECTS; i++)
        truths[i] = truth_of(s, truth_object(i));
    snprintf(path, sizeof path, "%s/store.db", s->dir);
    int rc = truth_compare(path, truths, flags, &report, stderr);
    for (size_t i = 0; i < TRUTH_OBJECTS; i++)
        fclose(truths[i]);
    return rc == 0;
}

/* A token that was lost with its answer: the next life begins with a person at the browser. False
 * when it cannot have been. */
static bool reconnect(struct sim *s)
{
    if (s->rotate == SANDBOX_ROTATE_NEVER) {
        fprintf(stderr, "reconnect, although no token was ever replaced: %s\n", s->reason);
        return false;
    }
    s->connected = false;
    seen.reconnects++;
    return true;
}

/* Lives until one of them comes through. A full one sees associations too. */
static bool converge(struct sim *s, bool full)
{
    s->full = full;
    for (int i = 0; i < TRIES_MOST; i++) {
        bool calm = i >= TRIES_MOST / 2;
        if (!calm)
            add_faults(s);
        sync_once(s, calm);
        seen.lives++;
        seen.deaths += s->dead;
        seen.requests += s->transport.requests;
        if (!s->dead && !s->other_mapping && (s->status == RUN_OK || s->status == RUN_QUARANTINED))
            return true;
        if (strstr(s->reason, "error: reconnect") && !reconnect(s))
            return false;
        if (below(s, 4) == 0)
            mutate(s);
        s->w.now_us += (int64_t)below(s, 3600) * US_PER_SECOND;
    }
    fprintf(stderr, "no run came through: %s\n", s->reason);
    return false;
}

/* A full read that is resumed has read its first part before the vendor was mutated. */
static bool read_all(struct sim *s)
{
    ask_sandbox(s, "DELETE", "/__sandbox/faults", "", NULL); /* what no request has met yet */
    sync_once(s, true);
    if (strstr(s->reason, "error: reconnect") && reconnect(s)) /* the life before lost a token */
        sync_once(s, true);
    bool ok = s->status == RUN_OK || s->status == RUN_QUARANTINED;
    if (!ok)
        fprintf(stderr, "a full read in peace did not come through: %s\n", s->reason);
    return ok;
}

static long count_refreshes(struct sim *s)
{
    char text[400] = "";
    FILE *f = tmpfile();
    if (!f)
        give_up("refreshes", "no temporary file");
    ask_sandbox(s, "GET", "/__sandbox/oauth", NULL, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    const char *at = strstr(text, "\"refreshes\":");
    return at ? atol(at + strlen("\"refreshes\":")) : 0;
}

static void remove_store(struct sim *s)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.db-lock",
                                        "hubspot.yaml"};
    char path[100];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", s->dir, names[i]);
        unlink(path);
    }
    rmdir(s->dir);
}

static bool run_seed(uint64_t seed)
{
    struct sim s = {.chance = seed * 7919 + 1};
    bool ok = true;
    virtual_watch("convergence", seed);
    virtual_world_open(&s.w, START, seed);
    s.w.world.self = &s;
    s.w.world.may_commit = may_commit;
    snprintf(s.dir, sizeof s.dir, "%s/fastenr-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(s.dir))
        give_up(s.dir, "cannot be made");
    make_sandbox(&s);
    s.restores = below(&s, 2);
    const struct str key = STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    struct error err;
    if (keyring_read(&s.keys, &key, 1, s.dir, &err) != 0)
        give_up("key", err.text);
    for (int round = 0; round < ROUNDS && ok; round++) {
        if (round > 0)
            mutate(&s);
        int flags = TRUTH_INCREMENTAL | (s.restores ? TRUTH_RESTORED : 0);
        ok = converge(&s, false) && equals_truth(&s, flags);
        if (ok && round > 0)
            ok = converge(&s, true) && read_all(&s) && equals_truth(&s, 0);
        if (!ok)
            fprintf(stderr, "seed %llu, round %d: not equal\n", (unsigned long long)seed, round);
    }
    seen.refreshes += count_refreshes(&s);
    sandbox_destroy(s.sandbox);
    virtual_world_close(&s.w);
    if (ok)
        remove_store(&s);
    else
        fprintf(stderr, "its store is %s/store.db; replay: convergence 1 %llu\n", s.dir,
                (unsigned long long)seed);
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t count = 0, first = 1;
    if (argc < 2 || !str_to_u64(str_from(argv[1]), &count) || count == 0 ||
        (argc > 2 && !str_to_u64(str_from(argv[2]), &first))) {
        fprintf(stderr, "Usage: convergence COUNT [FIRST]\n");
        return 2;
    }
    log_setup(NULL, getenv("VERBOSE") ? LOG_DEBUG : LOG_ERROR + 1, false);
    for (uint64_t seed = first; seed < first + count; seed++)
        if (!run_seed(seed))
            return 1;
    printf("%llu seeds converged: %ld hosts lived, %ld died, %ld met crashes of the connector, %ld "
           "runs failed, %ld were cancelled, %ld stopped, %ld requests, %ld tokens refreshed, %ld "
           "reconnected, %ld clocks jumped\n",
           (unsigned long long)count, seen.lives, seen.deaths, seen.crashes, seen.failed_runs,
           seen.cancelled, seen.stopped, seen.requests, seen.refreshes, seen.reconnects,
           seen.jumps);
    return 0;
}
