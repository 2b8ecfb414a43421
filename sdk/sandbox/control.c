/* SPDX-License-Identifier: Apache-2.0 */
/* The control door, /__sandbox/: what a test asks of a sandbox that no vendor would tell. */
#include "vendor.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const stat_names[STATS] = {
    [STAT_LIST] = "list",
    [STAT_GET] = "get",
    [STAT_SEARCH] = "search",
    [STAT_BATCH_READ] = "batch_read",
    [STAT_ASSOCIATIONS] = "associations",
    [STAT_PROPERTIES] = "properties",
    [STAT_ACCOUNT] = "account",
    [STAT_REFERENCE] = "reference",
    [STAT_WRITE] = "write",
    [STAT_OTHER] = "other",
    [STAT_CONTROL] = "control",
    [STAT_RECORDS] = "records_served",
    [STAT_WRITTEN] = "records_written",
    [STAT_UNAUTHORIZED] = "unauthorized",
    [STAT_FORBIDDEN] = "forbidden",
    [STAT_RATE_LIMITED] = "rate_limited",
    [STAT_FAULTS] = "faults",
};

static const char *const token_names[] = {[TOKEN_UNKNOWN] = "unknown",
                                          [TOKEN_ACTIVE] = "active",
                                          [TOKEN_NO_SCOPE] = "noscope",
                                          [TOKEN_READ_ONLY] = "readonly",
                                          [TOKEN_REVOKED] = "revoked"};

static void refuse(struct answer *a, int status, const char *message)
{
    a->response->status = status;
    a->body.len = 0;
    text_add(&a->body, "{\"error\":");
    text_json(&a->body, message, strlen(message));
    text_char(&a->body, '}');
}

static int64_t number_of(struct json_object *o, const char *name, int64_t otherwise)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(o, name, &value);
    return value ? json_object_get_int64(value) : otherwise;
}

/* ---- the clock ---- */

static void show_clock(struct sandbox *s, struct answer *a)
{
    text_add(&a->body, "{\"now\":\"");
    text_time(&a->body, sandbox_now(s));
    text_printf(&a->body, "\",\"now_ms\":%lld}", (long long)sandbox_now(s));
}

static void set_clock(struct sandbox *s, struct json_object *o, struct answer *a)
{
    const char *set = member_text(o, "set");
    int64_t to_ms = sandbox_now(s), advance = number_of(o, "advance_ms", 0);
    if (set && !time_parse(set, &to_ms)) {
        refuse(a, 400, "set: an RFC 3339 time such as 2026-03-01T12:00:00Z is wanted");
        return;
    }
    if (advance < 0 || advance > INT64_C(315360000000)) {
        refuse(a, 400, "advance_ms: from 0 to ten years; use set to go back");
        return;
    }
    sandbox_advance(s, to_ms - sandbox_now(s) + advance);
    if (set)
        s->vendor->clock_set(s->state);
    show_clock(s, a);
}

/* ---- faults ---- */

static void show_faults(struct sandbox *s, struct answer *a)
{
    fault_show(&s->faults, &a->body);
}

static void add_fault(struct sandbox *s, struct json_object *o, struct answer *a)
{
    const char *wrong = fault_add(&s->faults, o);
    if (wrong)
        refuse(a, 400, wrong);
    else
        show_faults(s, a);
}

static void clear_faults(struct sandbox *s, struct answer *a)
{
    fault_clear(&s->faults);
    show_faults(s, a);
}

/* ---- tokens ---- */

static void show_tokens(struct sandbox *s, struct answer *a)
{
    text_add(&a->body, "{\"tokens\":[");
    for (size_t i = 0; i < s->token_count; i++) {
        text_add(&a->body, i ? ",{\"token\":" : "{\"token\":");
        text_json(&a->body, s->tokens[i].text, strlen(s->tokens[i].text));
        text_printf(&a->body, ",\"state\":\"%s\"}", token_names[s->tokens[i].state]);
    }
    text_add(&a->body, "]}");
}

static void set_token(struct sandbox *s, struct json_object *o, struct answer *a)
{
    const char *text = member_text(o, "token"), *state = member_text(o, "state");
    size_t at = 0, to = TOKEN_ACTIVE;
    while (state && to <= TOKEN_REVOKED && strcmp(token_names[to], state) != 0)
        to++;
    if (!text || strlen(text) >= sizeof s->tokens[0].text || to > TOKEN_REVOKED) {
        refuse(a, 400, "token and state (active, noscope, readonly or revoked) are wanted");
        return;
    }
    while (at < s->token_count && strcmp(s->tokens[at].text, text) != 0)
        at++;
    if (at == TOKENS_MAX) {
        refuse(a, 400, "there are 32 tokens already");
        return;
    }
    snprintf(s->tokens[at].text, sizeof s->tokens[at].text, "%s", text);
    s->tokens[at].state = (enum token_state)to;
    if (at == s->token_count)
        s->token_count++;
    show_tokens(s, a);
}

/* ---- what was asked ---- */

static void show_stats(struct sandbox *s, struct answer *a)
{
    for (size_t i = 0; i < STATS; i++)
        text_printf(&a->body, "%c\"%s\":%llu", i ? ',' : '{', stat_names[i],
                    (unsigned long long)s->stats[i]);
    text_add(&a->body, ",\"fault_kinds\":");
    fault_show_counts(&s->faults, &a->body);
    text_char(&a->body, '}');
}

static void reset_stats(struct sandbox *s, struct json_object *o, struct answer *a)
{
    (void)o;
    memset(s->stats, 0, sizeof s->stats);
    fault_reset_counts(&s->faults);
    show_stats(s, a);
}

static void show_requests(struct sandbox *s, struct answer *a)
{
    uint64_t first = s->logged > LOG_MAX ? s->logged - LOG_MAX : 0;
    text_printf(&a->body, "{\"total\":%llu,\"requests\":[", (unsigned long long)s->logged);
    for (uint64_t i = first; i < s->logged; i++) {
        const struct logged *l = &s->log[i % LOG_MAX];
        text_add(&a->body, i > first ? ",{\"at\":\"" : "{\"at\":\"");
        text_time(&a->body, l->at_ms);
        text_add(&a->body, "\",\"method\":");
        text_json(&a->body, l->method, strlen(l->method));
        text_add(&a->body, ",\"target\":");
        text_json(&a->body, l->target, strlen(l->target));
        text_printf(&a->body, ",\"status\":%d,\"body\":", l->status);
        text_json(&a->body, l->body, strlen(l->body));
        text_char(&a->body, '}');
    }
    text_add(&a->body, "]}");
}

/* The vendor has said no: its answer is why. */
static void refuse_with_answer(struct answer *a)
{
    char *message = mem_copy(a->body.ptr, a->body.len);
    refuse(a, 400, message);
    free(message);
}

static void mutate(struct sandbox *s, struct json_object *o, struct answer *a)
{
    if (!s->vendor->mutate(s->state, o, a))
        refuse_with_answer(a);
}

/* A door that not every vendor has. */
static void ask_vendor(struct sandbox *s, vendor_door_fn door, const char *without,
                       struct json_object *o, struct answer *a)
{
    if (!door)
        refuse(a, 404, without);
    else if (!door(s->state, o, a))
        refuse_with_answer(a);
}

static void post_oauth(struct sandbox *s, struct json_object *o, struct answer *a)
{
    ask_vendor(s, s->vendor->oauth, "this vendor has no OAuth", o, a);
}

static void show_oauth(struct sandbox *s, struct answer *a)
{
    post_oauth(s, NULL, a);
}

static void post_schema(struct sandbox *s, struct json_object *o, struct answer *a)
{
    ask_vendor(s, s->vendor->schema, "this vendor's properties do not change", o, a);
}

static void show_schema(struct sandbox *s, struct answer *a)
{
    post_schema(s, NULL, a);
}

static void show_help(struct sandbox *s, struct answer *a)
{
    text_printf(
        &a->body,
        "{\"sandbox\":\"%s\",\"doors\":["
        "\"GET /__sandbox/truth/{type}: all records as NDJSON; /truth/{type}/ended: those that are "
        "gone\","
        "\"POST /__sandbox/mutate "
        "{companies, contacts, deals, ..., owners, deal_stages, ticket_stages, seed, create:{...}, "
        "archive:{...}, associate:{...}, dissociate:{...}, restore:{...}, merge:{...}}\","
        "\"GET, POST, DELETE /__sandbox/faults {kind: "
        "status|truncate|reset|reset_body|malformed|slow|html|hang|lost|partial|echo, rate, count, "
        "after, path, type, method, status, policy, retry_after, ms, member}\","
        "\"GET, POST /__sandbox/clock {set: RFC 3339} or {advance_ms}\","
        "\"GET, POST /__sandbox/tokens {token, state: active|noscope|readonly|revoked}\","
        "\"GET, POST /__sandbox/oauth {do: revoke|expire|grant}\","
        "\"GET, POST /__sandbox/properties {type, property, do: remove|retype|add_option|restore, "
        "to, option, records}\","
        "\"GET /__sandbox/stats, POST /__sandbox/stats/reset\","
        "\"GET, DELETE /__sandbox/writes: each record that was written, in order\","
        "\"GET, DELETE /__sandbox/requests: the last 1000\"]}",
        s->vendor->name);
}

/* ---- doors ---- */

static void clear_requests(struct sandbox *s, struct answer *a)
{
    s->logged = 0;
    show_requests(s, a);
}

static void show_writes(struct sandbox *s, struct answer *a)
{
    journal_show(&s->journal, &a->body);
}

static void clear_writes(struct sandbox *s, struct answer *a)
{
    journal_clear(&s->journal);
    show_writes(s, a);
}

struct door {
    const char *path;
    void (*get)(struct sandbox *s, struct answer *a);
    void (*post)(struct sandbox *s, struct json_object *o, struct answer *a);
    void (*remove)(struct sandbox *s, struct answer *a);
};

static const struct door doors[] = {
    {"", show_help, NULL, NULL},
    {"/", show_help, NULL, NULL},
    {"/clock", show_clock, set_clock, NULL},
    {"/faults", show_faults, add_fault, clear_faults},
    {"/tokens", show_tokens, set_token, NULL},
    {"/oauth", show_oauth, post_oauth, NULL},
    {"/properties", show_schema, post_schema, NULL},
    {"/stats", show_stats, NULL, NULL},
    {"/stats/reset", NULL, reset_stats, NULL},
    {"/requests", show_requests, NULL, clear_requests},
    {"/writes", show_writes, NULL, clear_writes},
    {"/mutate", NULL, mutate, NULL},
};

static void open_door(struct sandbox *s, const struct door *door, const struct call *call,
                      struct answer *a)
{
    const struct sandbox_request *request = call->request;
    const char *reason;
    if (strcmp(request->method, "GET") == 0 && door->get) {
        door->get(s, a);
    } else if (strcmp(request->method, "DELETE") == 0 && door->remove) {
        door->remove(s, a);
    } else if (strcmp(request->method, "POST") == 0 && door->post) {
        struct json_object *o = request->body_len
                                    ? parse_object(request->body, request->body_len, &reason)
                                    : json_object_new_object();
        if (o)
            door->post(s, o, a);
        else
            refuse(a, 400, reason);
        json_object_put(o);
    } else {
        refuse(a, 405, "this door does not take that method: see GET /__sandbox/");
    }
}

void control_handle(struct sandbox *s, const struct call *call, const char *path, struct answer *a)
{
    static const char truth[] = "/truth/";
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        if (strcmp(path, doors[i].path) == 0) {
            open_door(s, &doors[i], call, a);
            return;
        }
    if (strncmp(path, truth, sizeof truth - 1) == 0)
        a->response->stream = stream_of_truth(s, path + sizeof truth - 1);
    if (a->response->stream)
        answer_header(a, "Content-Type", "application/x-ndjson");
    else
        refuse(a, 404, "there is no such door: see GET /__sandbox/");
}
