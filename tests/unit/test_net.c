/* SPDX-License-Identifier: Apache-2.0 */
/* The client's policy against a transport that answers as a script says, with a virtual clock. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/redact.h"
#include "base/time.h"
#include "net/client.h"
#include "virtual_loop.h"

static struct virtual_world w;

/* ---- the scripted transport ---- */

struct scripted_answer {
    int status; /* 0: a fault */
    enum transfer_fault fault;
    const char *body;
    const char *headers[6]; /* name, value, ... */
    bool unsent;
};

struct script {
    struct transport transport;
    const struct scripted_answer *answers; /* the last is repeated */
    size_t count, sent;
    int64_t times[2000];
    char last_url[512];
    char last_headers[1024];
    bool last_once;
};

struct transfer {
    struct script *script;
    const struct scripted_answer *answer;
    struct timer timer;
    transfer_fn done;
    void *arg;
};

static void on_answer(void *arg)
{
    struct transfer *t = arg;
    const struct scripted_answer *a = t->answer;
    struct http_header headers[3];
    struct transfer_result result = {.fault = a->fault,
                                     .unsent = a->unsent,
                                     .text = "broken by the test",
                                     .status = a->status,
                                     .headers = headers};
    for (; result.header_count < 3 && a->headers[2 * result.header_count]; result.header_count++)
        headers[result.header_count] =
            (struct http_header){str_from(a->headers[2 * result.header_count]),
                                 str_from(a->headers[2 * result.header_count + 1])};
    if (a->fault == FAULT_NONE) {
        result.body = blob_new(1000);
        blob_append(result.body, str_from(a->body ? a->body : ""), NULL);
    }
    transfer_fn done = t->done;
    void *done_arg = t->arg;
    free(t);
    done(done_arg, &result);
}

static struct transfer *script_start(struct transport *transport,
                                     const struct transfer_request *request, transfer_fn done,
                                     void *arg)
{
    struct script *s = (struct script *)transport;
    struct transfer *t = MEM_NEW(struct transfer);
    size_t i = s->sent < s->count ? s->sent : s->count - 1;
    size_t used = 0;
    s->times[s->sent++ % 2000] = world_monotonic(&w.world);
    s->last_once = request->once;
    snprintf(s->last_url, sizeof s->last_url, "%.*s", STR_ARG(request->url));
    for (size_t h = 0; h < request->header_count; h++)
        used +=
            (size_t)snprintf(s->last_headers + used, sizeof s->last_headers - used, "%.*s: %.*s\n",
                             STR_ARG(request->headers[h].name), STR_ARG(request->headers[h].value));
    *t = (struct transfer){.script = s, .answer = &s->answers[i], .done = done, .arg = arg};
    t->timer = (struct timer){.fn = on_answer, .arg = t};
    loop_timer(w.world.loop, &t->timer, 10 * US_PER_MS);
    return t;
}

static void script_cancel(struct transfer *t)
{
    loop_timer_stop(w.world.loop, &t->timer);
    free(t);
}

/* ---- a client ---- */

static const struct str hosts[] = {{"api.vendor.test", 15}};
static const struct bucket_rule rules[] = {
    {.name = {"burst", 5},
     .kind = BUCKET_WINDOW,
     .requests = 100,
     .per_ms = 10000,
     .header_limit = {"x-max", 5},
     .header_remaining = {"x-remaining", 11}},
    {.name = {"search", 6}, .kind = BUCKET_WINDOW, .requests = 5, .per_ms = 1000},
    {.name = {"daily", 5},
     .kind = BUCKET_QUOTA,
     .always = true,
     .requests = 1000,
     .per_ms = 86400000,
     .header_remaining = {"x-daily-remaining", 17}},
};
static const struct answer_rule answer_rules[] = {
    {.status_min = 429,
     .status_max = 429,
     .path = {"policy", 6},
     .equals = {"DAILY", 5},
     .outcome = OUTCOME_RATE_LIMITED,
     .not_done = true,
     .retry_after_us = 3600 * US_PER_SECOND,
     .message = {"message", 7}},
    {.status_min = 429,
     .status_max = 429,
     .outcome = OUTCOME_RATE_LIMITED,
     .not_done = true,
     .message = {"message", 7}},
    {.status_min = 401,
     .status_max = 403,
     .outcome = OUTCOME_AUTH_FAILED,
     .message = {"message", 7}},
};
static const struct http_header auth[] = {{{"Authorization", 13}, {"Bearer secret-token", 19}}};

static struct budgets budgets;
static struct budget *budget;
static struct script script;

static struct client *open_client(const struct scripted_answer *answers, size_t count)
{
    struct client_policy policy = {.hosts = hosts,
                                   .host_count = 1,
                                   .timeout_us = US_PER_MINUTE,
                                   .connect_timeout_us = US_PER_SECOND,
                                   .auth_headers = auth,
                                   .auth_header_count = 1,
                                   .rules = answer_rules,
                                   .rule_count = sizeof answer_rules / sizeof answer_rules[0]};
    virtual_world_open(&w, INT64_C(1800000000) * US_PER_SECOND, 7);
    script = (struct script){.transport = {.start = script_start, .cancel = script_cancel},
                             .answers = answers,
                             .count = count};
    budget = budget_get(&budgets, "vendor/1", rules, 3);
    return client_new(&w.world, &script.transport, &policy, budget);
}

static void close_client(struct client *client)
{
    client_free(client);
    budgets_free(&budgets);
    virtual_world_close(&w);
}

struct wait {
    bool done;
    int count;
    enum outcome outcome;
    int status;
    bool not_done;
    char text[1024];
    char body[1024];
};

static void on_done(void *arg, struct client_result *result)
{
    struct wait *wait = arg;
    wait->done = true;
    wait->count++;
    wait->outcome = result->outcome;
    wait->status = result->status;
    wait->not_done = result->not_done;
    snprintf(wait->text, sizeof wait->text, "%s", result->text);
    struct str body = {0};
    if (result->body && blob_view(result->body, &body, NULL) == 0)
        snprintf(wait->body, sizeof wait->body, "%.*s", STR_ARG(body));
    blob_unref(result->body);
}

static struct wait fetch(struct client *client, const char *url, const char *bucket, bool safe)
{
    struct wait wait = {0};
    struct client_request request = {
        .safe = safe, .method = STR("GET"), .url = str_from(url), .bucket = str_from(bucket)};
    client_send(client, &request, on_done, &wait);
    loop_run(w.world.loop, &wait.done);
    return wait;
}

#define ANSWERS(...)                                                                               \
    (const struct scripted_answer[])                                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define URL "https://api.vendor.test/things?limit=100"

/* ---- tests ---- */

static void test_answer(void)
{
    struct client *c = open_client(
        ANSWERS(
            {.status = 200, .body = "{}", .headers = {"date", "Sun, 06 Nov 1994 08:49:37 GMT"}}),
        1);
    struct wait r = fetch(c, URL, "burst", true);
    CU_ASSERT(r.outcome == OUTCOME_OK && r.status == 200);
    UNIT_TEXT(script.last_url, URL);
    CU_ASSERT_PTR_NOT_NULL(strstr(script.last_headers, "Authorization: Bearer secret-token\n"));
    CU_ASSERT_EQUAL(client_stats(c)->calls, 1);
    CU_ASSERT_EQUAL(client_stats(c)->bytes, 2);
    CU_ASSERT_EQUAL(client_stats(c)->vendor_date_us, 784111777 * US_PER_SECOND);
    close_client(c);
}

static void test_retries(void)
{
    struct client *c =
        open_client(ANSWERS({.status = 503}, {.fault = FAULT_BROKEN},
                            {.status = 429, .headers = {"retry-after", "7"}}, {.status = 200}),
                    4);
    struct wait r = fetch(c, URL, "burst", true);
    CU_ASSERT_EQUAL(r.outcome, OUTCOME_OK);
    CU_ASSERT_EQUAL(script.sent, 4);
    CU_ASSERT(script.times[1] - script.times[0] <= 600 * US_PER_MS);
    CU_ASSERT(script.times[3] - script.times[2] >= 7 * US_PER_SECOND);
    CU_ASSERT_EQUAL(client_stats(c)->retries, 3);
    close_client(c);
}

/* A request sent again for an answer that was of no use goes after a pause, and has fewer tries. */
static void test_useless_answers(void)
{
    struct client *c = open_client(ANSWERS({.status = 502}), 1);
    struct wait wait = {0};
    struct client_request request = {
        .safe = true, .tries = 5, .method = STR("GET"), .url = STR(URL), .bucket = STR("burst")};
    int64_t from = world_monotonic(&w.world);
    client_send(c, &request, on_done, &wait);
    loop_run(w.world.loop, &wait.done);
    CU_ASSERT_EQUAL(wait.outcome, OUTCOME_RETRY_AFTER);
    CU_ASSERT(script.times[0] > from);
    CU_ASSERT_EQUAL(script.sent, 3);
    CU_ASSERT_EQUAL(client_stats(c)->retries, 3);
    close_client(c);
}

static void test_gives_up(void)
{
    struct client *c = open_client(ANSWERS({.status = 502}), 1);
    struct wait r = fetch(c, URL, "burst", true);
    CU_ASSERT_EQUAL(r.outcome, OUTCOME_RETRY_AFTER);
    CU_ASSERT_EQUAL(script.sent, 8);
    UNIT_TEXT(r.text,
              "GET https://api.vendor.test/things answered 502; the vendor has trouble, the next "
              "run tries again");
    close_client(c);
}

static void test_final_answers(void)
{
    struct client *c = open_client(
        ANSWERS({.status = 403,
                 .body = "{\"message\":\"scope crm.read is missing for secret-token.\"}"},
                {.status = 404}, {.status = 302}),
        3);
    struct wait r;
    /* The vendor's words may hold the credential. */
    redact_add(STR("secret-token"));
    r = fetch(c, URL, "burst", true);
    redact_clear();
    CU_ASSERT_EQUAL(r.outcome, OUTCOME_AUTH_FAILED);
    UNIT_TEXT(r.text,
              "GET https://api.vendor.test/things answered 403: scope crm.read is missing for "
              "[secret]; check the credential and its scopes (`fastenr test`)");
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", true).outcome, OUTCOME_FAILED);
    r = fetch(c, URL, "burst", true);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "redirects are not followed"));
    CU_ASSERT_EQUAL(script.sent, 3);
    close_client(c);
}

/* Whoever gets the answer never sees a credential that the vendor echoes, in whatever form. */
static void test_echo(void)
{
    struct client *c = open_client(
        ANSWERS({.status = 200, .body = "{\"a\":\"secret-token\",\"b\":\"c2VjcmV0LXRva2Vu\"}"},
                {.status = 200, .body = "{\"next\":\"Bearer secret\\u002dtoken\"}"},
                {.status = 200, .body = "{\"a\":\"nothing\"}"}),
        3);
    redact_add(STR("secret-token"));
    UNIT_TEXT(fetch(c, URL, "burst", true).body, "{\"a\":\"[secret]\",\"b\":\"[secret]\"}");
    UNIT_TEXT(fetch(c, URL, "burst", true).body, "{\"next\":\"Bearer [secret]\"}");
    UNIT_TEXT(fetch(c, URL, "burst", true).body, "{\"a\":\"nothing\"}");
    redact_clear();
    close_client(c);
}

/* The vendor's words are cut after their credentials are struck out: what a cut leaves of one would
 * not be known. Short ones are struck out of words only. */
static void test_echo_at_the_cut(void)
{
    char body[512];
    int at = snprintf(body, sizeof body, "{\"message\":\"%296s", "");
    snprintf(body + at, sizeof body - (size_t)at, "tiny-77\"}");
    struct client *c = open_client(ANSWERS({.status = 403, .body = body}), 1);
    redact_add(STR("tiny-77"));
    struct wait r = fetch(c, URL, "burst", true);
    CU_ASSERT_PTR_NULL(strstr(r.text, "tiny"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.body, "tiny-77"));
    redact_clear();
    close_client(c);
}

static void test_unsafe_is_not_repeated(void)
{
    struct client *c = open_client(ANSWERS({.status = 502}, {.fault = FAULT_BROKEN}), 2);
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", false).outcome, OUTCOME_RETRY_AFTER);
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", false).outcome, OUTCOME_RETRY_AFTER);
    CU_ASSERT_EQUAL(script.sent, 2);
    close_client(c);
    c = open_client(ANSWERS({.status = 429}, {.fault = FAULT_NOT_SENT}, {.status = 200}), 3);
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", false).outcome, OUTCOME_OK); /* nothing was done */
    CU_ASSERT_EQUAL(script.sent, 3);
    close_client(c);
}

/* Of a request that is not repeated: whether it is proven that it did nothing. */
static bool proven(const struct scripted_answer *answer)
{
    struct client *c = open_client(answer, 1);
    bool not_done = fetch(c, URL, "burst", false).not_done;
    CU_ASSERT_TRUE(script.last_once);
    close_client(c);
    return not_done;
}

static void test_not_done(void)
{
    CU_ASSERT_FALSE(proven(ANSWERS({.status = 200})));
    CU_ASSERT_FALSE(proven(ANSWERS({.status = 502})));
    CU_ASSERT_FALSE(proven(ANSWERS({.fault = FAULT_BROKEN})));
    CU_ASSERT_FALSE(proven(ANSWERS({.status = 408})));
    CU_ASSERT_FALSE(proven(ANSWERS({.fault = FAULT_REFUSED}))); /* an answer that is too large */
    CU_ASSERT_TRUE(proven(ANSWERS({.fault = FAULT_REFUSED, .unsent = true})));
    CU_ASSERT_TRUE(proven(ANSWERS({.fault = FAULT_NOT_SENT})));
    CU_ASSERT_TRUE(proven(ANSWERS({.status = 429})));
    CU_ASSERT_TRUE(proven(ANSWERS({.status = 400})));
    CU_ASSERT_TRUE(proven(ANSWERS({.status = 302})));
    struct client *c = open_client(ANSWERS({.status = 200}), 1);
    CU_ASSERT_TRUE(fetch(c, "https://evil.test/", "burst", false).not_done);
    fetch(c, URL, "burst", true);
    CU_ASSERT_FALSE(script.last_once);
    close_client(c);
}

static void test_is_sent(void)
{
    struct client *c = open_client(ANSWERS({.status = 429}, {.status = 200}), 2);
    struct wait r = {0};
    struct client_request request = {.method = STR("POST"), .url = STR(URL)};
    struct exchange *x = client_send(c, &request, on_done, &r);
    CU_ASSERT_TRUE(client_is_sent(x));
    while (client_stats(c)->retries == 0)
        loop_turn(w.world.loop, -1);
    CU_ASSERT_FALSE(client_is_sent(x)); /* it waits for its next try */
    loop_run(w.world.loop, &r.done);
    CU_ASSERT_EQUAL(r.outcome, OUTCOME_OK);
    close_client(c);
}

static void test_long_waits_are_not_waited(void)
{
    struct client *c = open_client(
        ANSWERS({.status = 503, .headers = {"retry-after", "86400"}},
                {.status = 429, .body = "{\"policy\":\"DAILY\",\"message\":\"daily limit\"}"}),
        2);
    int64_t before = world_monotonic(&w.world);
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", true).outcome, OUTCOME_RETRY_AFTER);
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", true).outcome, OUTCOME_RATE_LIMITED);
    CU_ASSERT_EQUAL(script.sent, 2);
    CU_ASSERT(world_monotonic(&w.world) - before < US_PER_SECOND);
    close_client(c);
}

static void test_only_its_hosts(void)
{
    static const char *const refused[] = {"http://api.vendor.test/",
                                          "https://evil.test/",
                                          "https://api.vendor.test.evil.test/",
                                          "https://api.vendor.test:8443/",
                                          "https://x@api.vendor.test/",
                                          "https://api.vendor.test\\@evil.test/",
                                          "https://API.vendor.test/",
                                          "https://api.vendor.test/#x",
                                          "https://api.vendor.test/a b",
                                          "ftp://api.vendor.test/",
                                          "https://api.vendor.test/\r\nX: y"};
    struct client *c = open_client(ANSWERS({.status = 200}), 1);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        CU_ASSERT_EQUAL(fetch(c, refused[i], "burst", true).outcome, OUTCOME_FAILED);
    CU_ASSERT_EQUAL(script.sent, 0);
    struct http_header header = {STR("host"), STR("evil.test")};
    struct client_request request = {
        .safe = true, .method = STR("GET"), .url = STR(URL), .headers = &header, .header_count = 1};
    struct wait r = {0};
    client_send(c, &request, on_done, &r);
    loop_run(w.world.loop, &r.done);
    CU_ASSERT_EQUAL(r.outcome, OUTCOME_FAILED);
    CU_ASSERT_EQUAL(script.sent, 0);
    close_client(c);
}

static void test_cancel(void)
{
    struct client *c = open_client(ANSWERS({.status = 200}), 1);
    struct wait r = {0};
    struct client_request request = {.safe = true, .method = STR("GET"), .url = STR(URL)};
    client_cancel(client_send(c, &request, on_done, &r));
    client_send(c, &request, on_done, &r);
    client_free(c); /* with one under way */
    loop_turn(w.world.loop, 0);
    CU_ASSERT(!r.done);
    budgets_free(&budgets);
    virtual_world_close(&w);
}

/* Sends `count` at once and looks at every window of the vendor. */
static void expect_window(const char *bucket, size_t count, size_t limit, int64_t window_us)
{
    struct client *c = open_client(ANSWERS({.status = 200}), 1);
    struct wait r = {0};
    struct client_request request = {
        .safe = true, .method = STR("GET"), .url = STR(URL), .bucket = str_from(bucket)};
    for (size_t i = 0; i < count; i++)
        client_send(c, &request, on_done, &r);
    while (r.count < (int)count)
        loop_turn(w.world.loop, -1);
    for (size_t i = limit; i < count; i++)
        CU_ASSERT(script.times[i] - script.times[i - limit] >= window_us);
    double best = (double)count / (double)limit * (double)window_us;
    CU_ASSERT((double)script.times[count - 1] < best * 1.25); /* and not much slower than allowed */
    close_client(c);
}

static void test_windows_hold(void)
{
    expect_window("burst", 1000, 100, 10 * US_PER_SECOND);
    expect_window("search", 100, 5, US_PER_SECOND);
}

static void test_slows_before_a_429(void)
{
    struct client *c = open_client(
        ANSWERS({.status = 200, .headers = {"x-max", "100", "x-remaining", "3"}}, {.status = 200}),
        2);
    fetch(c, URL, "burst", true);
    fetch(c, URL, "burst", true);
    CU_ASSERT(script.times[1] - script.times[0] >= US_PER_SECOND);
    close_client(c);
}

static void test_limit_from_the_header(void)
{
    struct client *c = open_client(ANSWERS({.status = 200, .headers = {"x-max", "10000"}}), 1);
    struct wait r = {0};
    struct client_request request = {
        .safe = true, .method = STR("GET"), .url = STR(URL), .bucket = STR("burst")};
    fetch(c, URL, "burst", true);
    int64_t before = world_monotonic(&w.world);
    for (int i = 0; i < 500; i++)
        client_send(c, &request, on_done, &r);
    while (r.count < 500)
        loop_turn(w.world.loop, -1);
    CU_ASSERT(world_monotonic(&w.world) - before < US_PER_SECOND);
    close_client(c);
}

static void test_quota(void)
{
    struct client *c = open_client(
        ANSWERS({.status = 200, .headers = {"x-daily-remaining", "0"}}, {.status = 200}), 2);
    fetch(c, URL, "burst", true);
    struct wait r = fetch(c, URL, "search", true);
    CU_ASSERT_EQUAL(r.outcome, OUTCOME_RATE_LIMITED);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.text, "limit 'daily' is used up"));
    w.now_us += 16 * US_PER_MINUTE; /* one finds out whether it has come back */
    CU_ASSERT_EQUAL(fetch(c, URL, "search", true).outcome, OUTCOME_OK);
    CU_ASSERT_EQUAL(script.sent, 2);
    close_client(c);
}

/* What is not sent takes nothing from the budgets that it would have counted in. */
static void test_refused_takes_nothing(void)
{
    static const struct bucket_rule two[] = {
        {.name = {"search", 6}, .kind = BUCKET_WINDOW, .requests = 5, .per_ms = 1000},
        {.name = {"all", 3},
         .kind = BUCKET_WINDOW,
         .always = true,
         .requests = 100,
         .per_ms = 1000}};
    struct budget *b = budget_get(&budgets, "vendor/2", two, 2);
    struct str why = {0};
    budget_refused(b, STR("search"), US_PER_DAY);
    struct budget_turn search = {.bucket = STR("search")}, other = {.bucket = STR("other")};
    CU_ASSERT_EQUAL(budget_reserve(b, &search, 0, US_PER_MINUTE, &why), -1);
    CU_ASSERT(str_is(why, "search"));
    CU_ASSERT_EQUAL(budget_reserve(b, &other, 0, US_PER_MINUTE, &why), 0);
    budgets_free(&budgets);
}

/* ---- the interactive lane ---- */

struct turns {
    struct budget *budget;
    struct budget_turn waiting[4];
    int moved;
};

static void count_move(void *arg)
{
    ((struct turns *)arg)->moved++;
}

/* Ten in a second, spaced at nine tenths of that and without a burst; one has gone. */
static void open_turns(struct turns *t)
{
    static const struct bucket_rule rule = {
        .name = {"all", 3}, .kind = BUCKET_WINDOW, .always = true, .requests = 10, .per_ms = 900};
    struct budget_turn first = {.bucket = STR("all")};
    struct str why;
    *t = (struct turns){.budget = budget_get(&budgets, "vendor/3", &rule, 1)};
    CU_ASSERT_EQUAL(budget_reserve(t->budget, &first, 0, US_PER_MINUTE, &why), 0);
    for (int i = 0; i < 3; i++) {
        t->waiting[i] = (struct budget_turn){.bucket = STR("all"), .moved = count_move, .arg = t};
        CU_ASSERT_EQUAL(budget_reserve(t->budget, &t->waiting[i], 0, US_PER_MINUTE, &why),
                        (i + 1) * 100 * US_PER_MS);
    }
}

/* It gets the time of the first that waits, and those the next times: none is lost, and none given
 * twice. */
static void test_urgent_goes_first(void)
{
    struct turns t;
    struct str why;
    struct budget_turn urgent = {.bucket = STR("all"), .urgent = true, .moved = count_move};
    struct budget_turn second = urgent, last = {.bucket = STR("all")};
    open_turns(&t);
    urgent.arg = second.arg = &t;
    CU_ASSERT_EQUAL(budget_reserve(t.budget, &urgent, 0, US_PER_MINUTE, &why), 100 * US_PER_MS);
    CU_ASSERT_EQUAL(t.moved, 3);
    CU_ASSERT_EQUAL(t.waiting[0].at_us, 200 * US_PER_MS);
    CU_ASSERT_EQUAL(t.waiting[2].at_us, 400 * US_PER_MS);
    CU_ASSERT_EQUAL(budget_reserve(t.budget, &second, 0, US_PER_MINUTE, &why), 200 * US_PER_MS);
    CU_ASSERT_EQUAL(urgent.at_us, 100 * US_PER_MS); /* urgent ones stay in their order */
    CU_ASSERT_EQUAL(t.waiting[0].at_us, 300 * US_PER_MS);
    CU_ASSERT_EQUAL(budget_reserve(t.budget, &last, 0, US_PER_MINUTE, &why), 600 * US_PER_MS);
    budget_go(&urgent);
    budget_go(&second);
    for (int i = 0; i < 3; i++)
        budget_go(&t.waiting[i]);
    budget_leave(&last);
    CU_ASSERT_PTR_NULL(t.budget->waiting);
    budgets_free(&budgets);
}

/* What is not sent leaves its time to what waits behind it, once that is given anew. */
static void test_leaving_gives_back(void)
{
    struct turns t;
    struct str why;
    struct budget_turn urgent = {.bucket = STR("all"), .urgent = true};
    open_turns(&t);
    budget_leave(&t.waiting[0]);
    budget_leave(&t.waiting[0]);
    budget_go(&t.waiting[1]); /* at 200 ms */
    CU_ASSERT_EQUAL(budget_reserve(t.budget, &urgent, 200 * US_PER_MS, US_PER_MINUTE, &why),
                    300 * US_PER_MS);
    CU_ASSERT_EQUAL(t.waiting[2].at_us, 400 * US_PER_MS);
    budget_leave(&urgent);
    budget_leave(&t.waiting[2]);
    budgets_free(&budgets);
}

/* Where it cannot go, those that wait keep their times. */
static void test_urgent_and_refused(void)
{
    struct turns t;
    struct str why;
    struct budget_turn urgent = {.bucket = STR("all"), .urgent = true};
    open_turns(&t);
    CU_ASSERT_EQUAL(budget_reserve(t.budget, &urgent, 0, 50 * US_PER_MS, &why), -1);
    CU_ASSERT_EQUAL(t.moved, 0);
    CU_ASSERT_EQUAL(t.waiting[0].at_us, 100 * US_PER_MS);
    CU_ASSERT_EQUAL(budget_reserve(t.budget, &urgent, 0, US_PER_MINUTE, &why), 100 * US_PER_MS);
    budgets_free(&budgets);
}

static const char *sent_in_order[3];
static char first_name[] = "first", second_name[] = "second", urgent_name[] = "urgent";

static void note_order(void *arg, struct client_result *result)
{
    size_t i = 0;
    while (sent_in_order[i])
        i++;
    sent_in_order[i] = arg;
    blob_unref(result->body);
}

/* Two clients of one account, one of them of the interactive lane: its request comes last and is
 * sent before what waits. */
static void test_urgent_client(void)
{
    struct client *c = open_client(ANSWERS({.status = 200}), 1);
    struct client_policy policy = {
        .hosts = hosts, .host_count = 1, .timeout_us = US_PER_MINUTE, .connect_timeout_us = 1};
    struct client *lane = client_new(&w.world, &script.transport, &policy, budget);
    struct client_request request = {
        .safe = true, .method = STR("GET"), .url = STR(URL), .bucket = STR("search")};
    memset(sent_in_order, 0, sizeof sent_in_order);
    client_set_urgent(lane);
    fetch(c, URL, "search", true);
    client_send(c, &request, note_order, first_name);
    client_send(c, &request, note_order, second_name);
    client_send(lane, &request, note_order, urgent_name);
    while (!sent_in_order[2])
        loop_turn(w.world.loop, US_PER_MINUTE);
    CU_ASSERT_STRING_EQUAL(sent_in_order[0], "urgent");
    CU_ASSERT_STRING_EQUAL(sent_in_order[1], "first");
    client_free(lane);
    close_client(c);
}

/* A date of the vendor's that cannot be meant must not close its budget for good. */
static void test_retry_after_the_year_9999(void)
{
    struct client *c = open_client(
        ANSWERS({.status = 429, .headers = {"retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"}},
                {.status = 200}),
        2);
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", true).outcome, OUTCOME_RATE_LIMITED);
    w.now_us += 8 * US_PER_DAY;
    CU_ASSERT_EQUAL(fetch(c, URL, "burst", true).outcome, OUTCOME_OK);
    close_client(c);
}

/* ---- egress ---- */

static bool reachable(const struct egress *egress, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct error err;
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return egress_check(egress, (const struct sockaddr *)&v4, &err) == 0;
    CU_ASSERT_EQUAL(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return egress_check(egress, (const struct sockaddr *)&v6, &err) == 0;
}

static void test_egress(void)
{
    static const char *const open_to_all[] = {
        "8.8.8.8",        "104.16.1.1",       "2606:4700::1111", "172.32.0.1",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"};
    static const char *const private[] = {"127.0.0.1",
                                          "10.1.2.3",
                                          "192.168.1.1",
                                          "172.16.0.1",
                                          "169.254.169.254",
                                          "0.0.0.0",
                                          "::127.0.0.1",
                                          "::ffff:0:10.0.0.1",
                                          "100.64.0.1",
                                          "224.0.0.1",
                                          "255.255.255.255",
                                          "::1",
                                          "::",
                                          "fe80::1",
                                          "fd00::1",
                                          "ff02::1",
                                          "::ffff:10.0.0.1",
                                          "64:ff9b::a00:1",
                                          "2002:7f00:1::",
                                          "2001:0:1::1",
                                          "2001:db8::1",
                                          "::ffff:169.254.169.254"};
    struct egress none = {0}, some = {0};
    struct error err;
    for (size_t i = 0; i < sizeof open_to_all / sizeof open_to_all[0]; i++)
        CU_ASSERT(reachable(&none, open_to_all[i]));
    for (size_t i = 0; i < sizeof private / sizeof private[0]; i++)
        CU_ASSERT(!reachable(&none, private[i]));
    CU_ASSERT(egress_allow(&some, STR("10.1.0.0/16"), &err) == 0);
    CU_ASSERT(egress_allow(&some, STR("::1/128"), &err) == 0);
    CU_ASSERT(egress_allow(&some, STR("127.0.0.1"), &err) == 0);
    CU_ASSERT(reachable(&some, "10.1.255.255") && !reachable(&some, "10.2.0.0"));
    CU_ASSERT(reachable(&some, "::1") && !reachable(&some, "fd00::1"));
    CU_ASSERT(reachable(&some, "127.0.0.1") && !reachable(&some, "127.0.0.2"));
    CU_ASSERT(reachable(&some, "::ffff:10.1.2.3"));
    CU_ASSERT(egress_allow(&some, STR("10.0.0.0/33"), &err) == -1);
    CU_ASSERT(egress_allow(&some, STR("localhost"), &err) == -1);
    CU_ASSERT(!egress_eq(&none, &some) && egress_eq(&some, &some));
}

const char *const unit_suite = "net";
const struct unit_test unit_tests[] = {
    {"an answer", test_answer},
    {"passing faults are tried again, as Retry-After says", test_retries},
    {"an answer that is of no use", test_useless_answers},
    {"at some point it gives up", test_gives_up},
    {"answers that are final", test_final_answers},
    {"credentials that the vendor echoes", test_echo},
    {"credentials where the vendor's words are cut", test_echo_at_the_cut},
    {"an unsafe request is repeated only when nothing was done", test_unsafe_is_not_repeated},
    {"what proves that a request did nothing", test_not_done},
    {"whether a request is with the vendor", test_is_sent},
    {"a long wait is left to the schedule", test_long_waits_are_not_waited},
    {"requests go to the connector's hosts only", test_only_its_hosts},
    {"cancelling", test_cancel},
    {"rate windows hold, and are used", test_windows_hold},
    {"it slows before a 429", test_slows_before_a_429},
    {"the header raises a limit", test_limit_from_the_header},
    {"an empty quota", test_quota},
    {"what is not sent takes no budget", test_refused_takes_nothing},
    {"an urgent request goes before those that wait", test_urgent_goes_first},
    {"what is not sent gives its time back", test_leaving_gives_back},
    {"an urgent request that cannot go moves nobody", test_urgent_and_refused},
    {"a client of the interactive lane", test_urgent_client},
    {"a Retry-After in the year 9999", test_retry_after_the_year_9999},
    {"private addresses, however they are written", test_egress},
    {NULL, NULL},
};
