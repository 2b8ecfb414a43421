/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a vendor's answer, given to the client and to the reader of token answers: a line
 * with the status, lines "name: value", an empty line, the body. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/time.h"
#include "net/client.h"
#include "net/oauth.h"
#include "virtual_loop.h"

enum { HEADERS = 16 };

static const struct str token = {"pat-na1/secret+0123456789", 25};
static const struct str hosts[] = {{"api.vendor.test", 15}};
static const struct bucket_rule buckets[] = {{.name = {"burst", 5},
                                              .kind = BUCKET_WINDOW,
                                              .requests = 100,
                                              .per_ms = 10000,
                                              .header_limit = {"x-max", 5},
                                              .header_remaining = {"x-remaining", 11},
                                              .header_per_ms = {"x-per", 5}}};
static const struct answer_rule rules[] = {
    {.status_min = 429,
     .status_max = 429,
     .path = {"policy", 6},
     .equals = {"DAILY", 5},
     .outcome = OUTCOME_RATE_LIMITED,
     .retry_after_us = 3600 * US_PER_SECOND,
     .message = {"message", 7}},
    {.status_min = 400, .status_max = 499, .outcome = OUTCOME_FAILED, .message = {"message", 7}}};

struct answer {
    struct transport transport; /* first */
    struct virtual_world w;
    int status;
    struct http_header headers[HEADERS];
    size_t header_count;
    struct str body;
    bool done;
};

struct transfer {
    struct answer *answer;
    struct timer timer;
    transfer_fn done;
    void *arg;
};

static void on_answer(void *arg)
{
    struct transfer *t = arg;
    struct answer *a = t->answer;
    struct error err;
    struct transfer_result result = {.status = a->status,
                                     .headers = a->headers,
                                     .header_count = a->header_count,
                                     .body = blob_new(64 * 1024 * 1024)};
    FUZZ_EXPECT(blob_append(result.body, a->body, &err) == 0);
    t->done(t->arg, &result);
    free(t);
}

static struct transfer *start(struct transport *transport, const struct transfer_request *request,
                              transfer_fn done, void *arg)
{
    struct answer *a = (struct answer *)transport;
    struct transfer *t = MEM_NEW(struct transfer);
    (void)request;
    *t = (struct transfer){.answer = a, .done = done, .arg = arg};
    t->timer = (struct timer){.fn = on_answer, .arg = t};
    loop_timer(a->w.world.loop, &t->timer, US_PER_MS);
    return t;
}

static void cancel(struct transfer *t)
{
    loop_timer_stop(t->answer->w.world.loop, &t->timer);
    free(t);
}

static void read_answer(struct answer *a, struct str input)
{
    struct str line, name;
    uint64_t status = 0;
    if (str_next(&input, '\n', &line) && str_to_u64(line, &status))
        a->status = (int)(status % 1000);
    while (str_next(&input, '\n', &line) && line.len > 0)
        if (a->header_count < HEADERS && str_next(&line, ':', &name))
            a->headers[a->header_count++] = (struct http_header){name, str_trim(line)};
    a->body = input;
}

static void on_done(void *arg, struct client_result *result)
{
    struct answer *a = arg;
    struct str body = {0};
    /* There is none where the vendor's own header says that no other try is in sight. */
    FUZZ_EXPECT(result->body || result->outcome != OUTCOME_OK);
    if (result->body)
        FUZZ_EXPECT(blob_view(result->body, &body, NULL) == 0);
    FUZZ_EXPECT(body.len == 0 || !memmem(body.ptr, body.len, token.ptr, token.len));
    FUZZ_EXPECT(!redact_needed(str_from(result->text)));
    FUZZ_EXPECT((result->outcome == OUTCOME_OK) == (result->text[0] == '\0'));
    blob_unref(result->body);
    fuzz_taken |= result->outcome == OUTCOME_OK;
    a->done = true;
}

static void ask(struct answer *a)
{
    const struct client_policy policy = {.hosts = hosts,
                                         .host_count = 1,
                                         .timeout_us = US_PER_MINUTE,
                                         .connect_timeout_us = US_PER_SECOND,
                                         .rules = rules,
                                         .rule_count = sizeof rules / sizeof rules[0]};
    const struct client_request request = {.safe = true,
                                           .method = STR("GET"),
                                           .url = STR("https://api.vendor.test/things"),
                                           .bucket = STR("burst")};
    struct budgets budgets = {0};
    struct budget *budget = budget_get(&budgets, "vendor/1", buckets, 1);
    struct client *client = client_new(&a->w.world, &a->transport, &policy, budget);
    client_send(client, &request, on_done, a);
    loop_run(a->w.world.loop, &a->done);
    client_free(client);
    budgets_free(&budgets);
}

static void read_tokens(const struct answer *a)
{
    static const struct oauth_dead_rule dead[] = {{400, {"status", 6}, {"BAD_REFRESH_TOKEN", 17}}};
    static const struct oauth_client client = {.dead = dead, .dead_count = 1};
    struct arena arena = {0};
    struct oauth_grant grant;
    const char *why = NULL;
    enum oauth_verdict v = oauth_read_answer(&client, a->status, a->body, &arena, &grant, &why);
    FUZZ_EXPECT(why != NULL);
    fuzz_taken |= v == OAUTH_GRANTED;
    if (v == OAUTH_GRANTED)
        FUZZ_EXPECT(grant.access.len > 0 && grant.lifetime_us >= 0);
    oauth_has_scope(grant.scopes, STR("crm"));
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    struct answer a = {.transport = {.start = start, .cancel = cancel}};
    if (!begun) {
        redact_add(token);
        log_setup(NULL, LOG_ERROR + 1, false);
    }
    begun = true;
    fuzz_taken = false;
    read_answer(&a, (struct str){(const char *)data, size});
    virtual_world_open(&a.w, INT64_C(1800000000) * US_PER_SECOND, 7);
    ask(&a);
    virtual_world_close(&a.w);
    read_tokens(&a);
    return 0;
}
