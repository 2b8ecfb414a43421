/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens under a virtual clock, against a vendor that gives out, rotates, loses and revokes
 * them: how often it is asked, and what the store has at each end. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/time.h"
#include "sync/token.h"
#include "virtual_loop.h"

enum { CALLERS = 50 };
#define HOUR (3600 * US_PER_SECOND)

static struct virtual_world w;
static struct error err;
static char dir[64];
static long commits_allowed;

/* ---- the vendor ---- */

struct vendor {
    struct transport transport;
    int access, refresh; /* the numbers of the tokens that are good */
    bool rotate, revoked, forgive;
    int lose, busy; /* answers that get lost after the fact; 503s */
    int refreshes, calls, refused, unauthorized;
    int64_t ttl_s;
};

struct transfer {
    struct vendor *vendor;
    struct timer timer;
    transfer_fn done;
    void *arg;
    bool token;
    char text[2000]; /* the form, or the credential */
};

static struct vendor vendor;

static int number_in(const char *text, const char *lead)
{
    const char *at = strstr(text, lead);
    return at ? atoi(at + strlen(lead)) : -1;
}

static int refresh_answer(struct vendor *v, const char *form, char *body, size_t cap)
{
    int given = number_in(form, "refresh_token=refresh-");
    bool forgiven = v->forgive && given == v->refresh - 1;
    snprintf(body, cap, "{\"status\":\"BAD_REFRESH_TOKEN\",\"message\":\"no\"}");
    if (v->busy > 0) {
        v->busy--;
        return 503;
    }
    if (v->revoked || (given != v->refresh && !forgiven)) {
        v->refused++;
        return 400;
    }
    v->refreshes++;
    v->access++;
    v->refresh += v->rotate;
    snprintf(body, cap,
             "{\"access_token\":\"access-%d-xyz\",\"refresh_token\":\"refresh-%d-xyz\","
             "\"expires_in\":%lld,\"token_type\":\"bearer\",\"scopes\":[\"a\",\"b\"]}",
             v->access, v->refresh, (long long)v->ttl_s);
    return 200;
}

static void on_time(void *arg)
{
    struct transfer *t = arg;
    struct vendor *v = t->vendor;
    char body[500] = "{}";
    struct transfer_result result = {.status = 200, .text = "lost by the test"};
    if (t->token) {
        result.status = refresh_answer(v, t->text, body, sizeof body);
        if (v->lose > 0 && v->lose--)
            result.fault = FAULT_BROKEN;
    } else if (number_in(t->text, "Bearer access-") != v->access) {
        v->unauthorized++;
        result.status = 401;
    }
    if (result.fault == FAULT_NONE) {
        result.body = blob_new(1000);
        blob_append(result.body, str_from(body), NULL);
    } else {
        result.status = 0;
    }
    transfer_fn done = t->done;
    void *done_arg = t->arg;
    free(t);
    done(done_arg, &result);
}

static struct transfer *start(struct transport *transport, const struct transfer_request *request,
                              transfer_fn done, void *arg)
{
    struct transfer *t = MEM_NEW(struct transfer);
    *t = (struct transfer){.vendor = (struct vendor *)transport, .done = done, .arg = arg};
    t->token = request->body.len > 0;
    t->vendor->calls++;
    snprintf(t->text, sizeof t->text, "%.*s", STR_ARG(request->body));
    for (size_t i = 0; i < request->header_count && !t->token; i++)
        if (str_is(request->headers[i].name, "Authorization"))
            snprintf(t->text, sizeof t->text, "%.*s", STR_ARG(request->headers[i].value));
    t->timer = (struct timer){.fn = on_time, .arg = t};
    loop_timer(w.world.loop, &t->timer, 50 * US_PER_MS);
    return t;
}

static void cancel(struct transfer *t)
{
    loop_timer_stop(w.world.loop, &t->timer);
    free(t);
}

/* ---- a host ---- */

static const struct named_text headers[] = {
    {{"Authorization", 13}, {"Bearer {{token:access_token}}", 29}}};
static const struct oauth_dead_rule dead[] = {{400, {"status", 6}, {"BAD_REFRESH_TOKEN", 17}}};
static const struct oauth_setup oauth = {
    .client = {.token_url = {"https://auth.vendor.test/token", 30},
               .id = {"app", 3},
               .secret = {"client-secret", 13},
               .dead = dead,
               .dead_count = 1},
    .token_host = {"auth.vendor.test", 16},
    .headers = headers,
    .header_count = 1};
static const struct connection_config config = {.name = {"crm", 3}};
static const struct str hosts[] = {{"api.vendor.test", 15}};
static const struct setup setup = {.config = &config,
                                   .oauth = &oauth,
                                   .policy = {.hosts = hosts,
                                              .host_count = 1,
                                              .timeout_us = US_PER_MINUTE,
                                              .connect_timeout_us = US_PER_SECOND}};

static struct keyring keys;
static struct sync_host host;
static struct token *token;
static struct client *client;
static struct budget *budget;

static bool may_commit(void *self)
{
    (void)self;
    return commits_allowed-- > 0;
}

static void start_host(void)
{
    commits_allowed = 1000;
    host = (struct sync_host){.world = &w.world, .transport = &vendor.transport, .keys = &keys};
    host.store = store_open("sqlite:test.db", dir, &w.world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(host.store);
    token = token_open(&host, &setup);
    budget = budget_get(&host.budgets, "api", NULL, 0);
    client = client_new(&w.world, &vendor.transport, &setup.policy, budget);
    client_set_credentials(client, token_source(token));
}

/* `dies`: nothing is finished. */
static void stop_host(bool dies)
{
    client_free(client);
    token_close(token);
    if (dies)
        tokens_abandon(&host);
    else
        tokens_finish(&host);
    for (int i = 0; i < 3; i++)
        loop_turn(w.world.loop, 0);
    CU_ASSERT_PTR_NULL(host.tokens);
    budgets_free(&host.budgets);
    store_close(host.store);
}

/* A world with a connection that a person has just let in. */
static void begin(void)
{
    const struct str key = STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    log_setup(NULL, LOG_ERROR + 1, false);
    virtual_world_open(&w, INT64_C(1800000000) * US_PER_SECOND, 11);
    w.world.may_commit = may_commit;
    snprintf(dir, sizeof dir, "/tmp/fastenr-token-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    keyring_wipe(&keys);
    CU_ASSERT_EQUAL_FATAL(keyring_read(&keys, &key, 1, dir, &err), 0);
    vendor = (struct vendor){
        .transport = {.start = start, .cancel = cancel}, .access = 1, .refresh = 1, .ttl_s = 60};
    start_host();
}

static void connect_again(void)
{
    char access[40], refresh[40];
    snprintf(access, sizeof access, "access-%d-xyz", ++vendor.access);
    snprintf(refresh, sizeof refresh, "refresh-%d-xyz", ++vendor.refresh);
    const struct oauth_grant grant = {.access = str_from(access),
                                      .refresh = str_from(refresh),
                                      .lifetime_us = vendor.ttl_s * US_PER_SECOND};
    vendor.revoked = false;
    CU_ASSERT_EQUAL_FATAL(token_save(&host, STR("crm"), &grant, &err), 0);
}

static void end(void)
{
    static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm", "test.db-lock"};
    char path[100];
    stop_host(false);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    virtual_world_close(&w);
    redact_clear();
}

struct callers {
    size_t sent, ok, failed;
    enum outcome outcome;
    char text[1100];
};

static void on_done(void *arg, struct client_result *result)
{
    struct callers *c = arg;
    c->ok += result->outcome == OUTCOME_OK;
    c->failed += result->outcome != OUTCOME_OK;
    c->outcome = result->outcome;
    if (result->outcome != OUTCOME_OK)
        snprintf(c->text, sizeof c->text, "%s", result->text);
    blob_unref(result->body);
}

static void begin_calls(struct callers *c, size_t count)
{
    const struct client_request request = {
        .safe = false, .method = STR("GET"), .url = STR("https://api.vendor.test/things")};
    for (size_t i = 0; i < count; i++)
        client_send(client, &request, on_done, c);
    c->sent += count;
}

static struct callers ask(size_t count)
{
    struct callers c = {0};
    begin_calls(&c, count);
    while (c.ok + c.failed < c.sent)
        loop_turn(w.world.loop, US_PER_MINUTE);
    return c;
}

static void pass(int64_t us)
{
    w.now_us += us;
}

#define OK_CALLS(count) CU_ASSERT_EQUAL(ask(count).ok, (count))

/* ---- tests ---- */

static void test_one_refresh(void)
{
    begin();
    connect_again();
    OK_CALLS(CALLERS);
    CU_ASSERT_EQUAL(vendor.refreshes, 0);
    for (int i = 1; i <= 5; i++) {
        pass(61 * US_PER_SECOND);
        OK_CALLS(CALLERS);
        CU_ASSERT_EQUAL(vendor.refreshes, i);
    }
    CU_ASSERT_EQUAL(vendor.unauthorized, 0);
    CU_ASSERT(str_is(token_scopes(token), "a b"));
    /* Ahead of the end. */
    pass(50 * US_PER_SECOND);
    OK_CALLS(CALLERS);
    CU_ASSERT_EQUAL(vendor.refreshes, 6);
    CU_ASSERT_EQUAL(vendor.unauthorized, 0);
    /* The next life finds it in the store. */
    stop_host(false);
    start_host();
    OK_CALLS(1);
    CU_ASSERT_EQUAL(vendor.refreshes, 6);
    end();
}

static void test_one_refresh_on_401(void)
{
    begin();
    connect_again();
    OK_CALLS(1);
    vendor.access++; /* the vendor has ended it early */
    OK_CALLS(CALLERS);
    CU_ASSERT_EQUAL(vendor.refreshes, 1);
    CU_ASSERT_EQUAL(vendor.unauthorized, CALLERS);
    /* A 401 for another cause is not asked about for ever. */
    vendor.access = 100;
    vendor.ttl_s = 3600;
    OK_CALLS(1);
    vendor.rotate = false;
    struct callers c = {0};
    begin_calls(&c, 1);
    while (c.ok + c.failed == 0) {
        vendor.access += 1000; /* whatever comes is refused */
        loop_turn(w.world.loop, US_PER_SECOND);
    }
    CU_ASSERT_EQUAL(c.failed, 1);
    CU_ASSERT_EQUAL(vendor.refreshes, 3);
    end();
}

static void test_passing_faults(void)
{
    begin();
    connect_again();
    vendor.rotate = true;
    pass(HOUR);
    vendor.busy = 3;
    OK_CALLS(CALLERS);
    CU_ASSERT_EQUAL(vendor.refreshes, 1);
    /* For longer than it is worth waiting: those who wait are told, the next ones ask again. */
    pass(HOUR);
    vendor.busy = 8;
    struct callers c = ask(3);
    CU_ASSERT_EQUAL(c.failed, 3);
    CU_ASSERT_EQUAL(c.outcome, OUTCOME_RETRY_AFTER);
    OK_CALLS(3);
    CU_ASSERT_EQUAL(vendor.refreshes, 2);
    /* While the old one still lives, it does. */
    pass(50 * US_PER_SECOND);
    vendor.ttl_s = 3600;
    pass(HOUR);
    OK_CALLS(1);
    pass(HOUR - 2 * US_PER_MINUTE + US_PER_SECOND);
    vendor.busy = 100;
    OK_CALLS(1);
    vendor.busy = 0;
    end();
}

/* The vendor rotated and its answer was lost, or the host died before it had stored the new one. */
static void lose_one(bool dies)
{
    pass(HOUR);
    if (!dies) {
        vendor.lose = 1;
        return;
    }
    struct callers c = {0};
    commits_allowed = 0;
    begin_calls(&c, 1);
    while (vendor.refreshes == 0)
        loop_turn(w.world.loop, US_PER_SECOND);
    for (int i = 0; i < 3; i++)
        loop_turn(w.world.loop, 0);
    CU_ASSERT_EQUAL(c.ok, 0); /* not used before it is stored */
    stop_host(true);
    start_host();
}

static void lost_answer(bool dies, bool forgive)
{
    begin();
    connect_again();
    OK_CALLS(1);
    vendor.rotate = true;
    vendor.forgive = forgive;
    lose_one(dies);
    struct callers c = ask(CALLERS);
    if (forgive) {
        CU_ASSERT_EQUAL(c.ok, CALLERS);
        CU_ASSERT_EQUAL(vendor.refused, 0);
        end();
        return;
    }
    CU_ASSERT_EQUAL(c.failed, CALLERS);
    CU_ASSERT_EQUAL(c.outcome, OUTCOME_AUTH_FAILED);
    CU_ASSERT_EQUAL(vendor.refused, 2); /* once more, and no third time */
    CU_ASSERT_PTR_NOT_NULL(strstr(c.text, "error: reconnect"));
    CU_ASSERT_PTR_NOT_NULL(strstr(c.text, "fastenr connect crm"));
    stop_host(false);
    start_host();
    c = ask(3); /* it is known in the store */
    CU_ASSERT_EQUAL(c.failed, 3);
    CU_ASSERT_EQUAL(vendor.refused, 2);
    stop_host(false);
    start_host();
    connect_again();
    OK_CALLS(1);
    end();
}

static void test_lost_answers(void)
{
    lost_answer(false, true);
    lost_answer(false, false);
    lost_answer(true, true);
    lost_answer(true, false);
}

static void test_revoked(void)
{
    begin();
    connect_again();
    OK_CALLS(1);
    pass(HOUR);
    vendor.revoked = true;
    struct callers c = ask(CALLERS);
    CU_ASSERT_EQUAL(c.failed, CALLERS);
    CU_ASSERT_EQUAL(vendor.refused, 2);
    CU_ASSERT_PTR_NULL(strstr(c.text, "refresh-"));
    CU_ASSERT_PTR_NULL(strstr(c.text, "client-secret"));
    end();
}

static void test_another_host(void)
{
    begin();
    connect_again();
    OK_CALLS(1);
    pass(HOUR);
    connect_again(); /* somebody else has stored a newer one meanwhile */
    OK_CALLS(CALLERS);
    CU_ASSERT_EQUAL(vendor.refreshes, 0);
    CU_ASSERT_EQUAL(vendor.unauthorized, 0);
    end();
}

static void test_store_that_fails(void)
{
    begin();
    connect_again();
    OK_CALLS(1);
    pass(50 * US_PER_SECOND);
    vendor.rotate = true;
    vendor.ttl_s = 3600;
    commits_allowed = 0;
    struct callers c = ask(3);
    CU_ASSERT_EQUAL(c.failed, 3);
    CU_ASSERT_EQUAL(c.outcome, OUTCOME_FAILED);
    commits_allowed = 1000; /* what the vendor gave is not lost */
    OK_CALLS(3);
    CU_ASSERT_EQUAL(vendor.refreshes, 1);
    CU_ASSERT_EQUAL(vendor.refused, 0);
    end();
}

static void test_nothing_there(void)
{
    begin();
    struct callers c = ask(2);
    CU_ASSERT_EQUAL(c.outcome, OUTCOME_AUTH_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.text, "run `fastenr connect crm`"));
    CU_ASSERT_EQUAL(vendor.calls, 0);
    connect_again();
    stop_host(false);
    start_host();
    host.keys = NULL;
    c = ask(1);
    CU_ASSERT_EQUAL(c.outcome, OUTCOME_BAD_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(c.text, "fastenr secrets init"));
    end();
}

static void test_closed_on_the_way(void)
{
    begin();
    connect_again();
    OK_CALLS(1);
    pass(HOUR);
    vendor.rotate = true;
    struct callers c = {0};
    begin_calls(&c, CALLERS);
    while (vendor.calls < 2)
        loop_turn(w.world.loop, US_PER_MS);
    stop_host(false); /* the refresh goes on, and what it brings is kept */
    CU_ASSERT_EQUAL(c.ok + c.failed, 0);
    CU_ASSERT_EQUAL(vendor.refreshes, 1);
    start_host();
    OK_CALLS(1);
    CU_ASSERT_EQUAL(vendor.refreshes, 1);
    end();
}

/* ---- answers of token endpoints ---- */

static enum oauth_verdict verdict(int status, const char *body)
{
    struct arena arena = {0};
    struct oauth_grant grant;
    const char *why;
    enum oauth_verdict v =
        oauth_read_answer(&oauth.client, status, str_from(body), &arena, &grant, &why);
    CU_ASSERT_PTR_NOT_NULL(why);
    CU_ASSERT(v == OAUTH_GRANTED || why[0] != '\0');
    arena_free(&arena);
    return v;
}

static void test_answers(void)
{
    CU_ASSERT_EQUAL(verdict(200, "{\"access_token\":\"abc\",\"token_type\":\"Bearer\"}"),
                    OAUTH_GRANTED);
    CU_ASSERT_EQUAL(verdict(200, "{\"access_token\":\"abc\",\"token_type\":\"mac\"}"),
                    OAUTH_STRANGE);
    CU_ASSERT_EQUAL(verdict(200, "{\"access_token\":\"a\\nb\"}"), OAUTH_STRANGE);
    CU_ASSERT_EQUAL(verdict(200, "{\"access_token\":\"\"}"), OAUTH_STRANGE);
    CU_ASSERT_EQUAL(verdict(200, "{\"access_token\":7}"), OAUTH_STRANGE);
    CU_ASSERT_EQUAL(verdict(200, "<html>"), OAUTH_STRANGE);
    CU_ASSERT_EQUAL(verdict(200, ""), OAUTH_STRANGE);
    CU_ASSERT_EQUAL(verdict(302, ""), OAUTH_STRANGE);
    CU_ASSERT_EQUAL(verdict(400, "{\"error\":\"invalid_grant\"}"), OAUTH_DEAD);
    CU_ASSERT_EQUAL(verdict(400, "{\"status\":\"BAD_REFRESH_TOKEN\"}"), OAUTH_DEAD);
    CU_ASSERT_EQUAL(verdict(401, "{\"status\":\"BAD_REFRESH_TOKEN\"}"), OAUTH_REFUSED);
    CU_ASSERT_EQUAL(verdict(401, "{\"error\":\"invalid_client\"}"), OAUTH_REFUSED);
    CU_ASSERT_EQUAL(verdict(429, "{}"), OAUTH_PASSING);
    CU_ASSERT_EQUAL(verdict(503, "{\"error\":\"invalid_grant\"}"), OAUTH_PASSING);
}

static void test_grant(void)
{
    struct arena arena = {0};
    struct oauth_grant grant;
    const char *why;
    oauth_read_answer(&oauth.client, 200,
                      STR("{\"access_token\":\"abc\",\"refresh_token\":\"def\",\"expires_in\":"
                          "\"1800\",\"scope\":\"a,b c\"}"),
                      &arena, &grant, &why);
    CU_ASSERT(str_is(grant.access, "abc") && str_is(grant.refresh, "def"));
    CU_ASSERT(str_is(grant.scopes, "a b c"));
    CU_ASSERT_EQUAL(grant.lifetime_us, 1800 * US_PER_SECOND);
    CU_ASSERT(oauth_has_scope(grant.scopes, STR("b")) && !oauth_has_scope(grant.scopes, STR("d")));
    arena_free(&arena);
    char challenge[OAUTH_RANDOM]; /* RFC 7636 appendix B */
    oauth_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge);
    UNIT_TEXT(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

const char *const unit_suite = "token";
const struct unit_test unit_tests[] = {
    {"50 callers, one refresh", test_one_refresh},
    {"50 callers and a 401, one refresh", test_one_refresh_on_401},
    {"passing faults", test_passing_faults},
    {"a rotated token that was lost", test_lost_answers},
    {"a revoked token", test_revoked},
    {"another host was first", test_another_host},
    {"a store that does not commit", test_store_that_fails},
    {"no tokens, no key", test_nothing_there},
    {"closed in the middle of a refresh", test_closed_on_the_way},
    {"what a token endpoint answers", test_answers},
    {"what it grants", test_grant},
    {NULL, NULL},
};
