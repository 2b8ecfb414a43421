/* SPDX-License-Identifier: Apache-2.0 */
#include "net/client.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/time.h"

enum {
    ATTEMPTS = 8,
    BODY_MAX = 64 * 1024 * 1024,
    ERROR_BODY_MAX = 64 * 1024, /* of an answer whose body is looked at for rules and words */
    HEADERS_MAX = 48,
    CREDENTIAL_HEADERS = 4,
    RETRY_DAYS = 7 /* no Retry-After is believed to mean more */
};
#define BACKOFF_FIRST (500 * US_PER_MS)
#define BACKOFF_MOST  (60 * US_PER_SECOND)
#define WAIT_MOST     (10 * US_PER_MINUTE) /* a longer wait is the scheduler's business */

struct client {
    struct world *world;
    struct transport *transport;
    struct client_policy policy;
    struct budget *budget;
    struct client_stats stats;
    struct credential_source *source; /* NULL: the policy's headers are all */
    struct exchange *exchanges;
    void (*on_retry)(void *arg, const char *why, int64_t wait_us);
    void *retry_arg;
    bool echo_told;
    bool urgent;
};

struct exchange {
    struct exchange *next;
    struct client *client;
    struct client_request request;
    client_fn done;
    void *arg;
    struct buf url; /* as it is sent */
    struct http_header headers[HEADERS_MAX];
    struct transfer *transfer;
    struct timer timer;
    struct budget_turn turn;
    int attempts;
    /* of the client's source */
    struct credential_wait wait;
    struct http_header credential[CREDENTIAL_HEADERS]; /* values are copies */
    size_t credential_count;
    uint64_t credential_version, refused_version;
    bool renewed; /* sent once more after a 401 */
    /* the result, when it is there before anything is sent */
    struct client_result early;
    char text[1024];
    struct error lost; /* why an answer that came cannot be read */
};

struct client *client_new(struct world *world, struct transport *transport,
                          const struct client_policy *policy, struct budget *budget)
{
    struct client *client = MEM_NEW(struct client);
    *client = (struct client){
        .world = world, .transport = transport, .policy = *policy, .budget = budget};
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    while (client->exchanges)
        client_cancel(client->exchanges);
    free(client);
}

void client_set_budget(struct client *client, struct budget *budget)
{
    client->budget = budget;
}

void client_on_retry(struct client *client, void (*fn)(void *arg, const char *why, int64_t wait_us),
                     void *arg)
{
    client->on_retry = fn;
    client->retry_arg = arg;
}

const struct client_stats *client_stats(const struct client *client)
{
    return &client->stats;
}

void client_set_urgent(struct client *client)
{
    client->urgent = true;
}

void client_set_credentials(struct client *client, struct credential_source *source)
{
    client->source = source;
}

/* ---- the credential ---- */

static void drop_credential(struct exchange *x)
{
    for (size_t i = 0; i < x->credential_count; i++)
        mem_free_secret((char *)(uintptr_t)x->credential[i].value.ptr);
    x->credential_count = 0;
}

/* The source may have another one before this request has ended: it sends a copy. */
static void take_credential(struct exchange *x, const struct credential *c)
{
    drop_credential(x);
    x->credential_version = c->version;
    for (size_t i = 0; i < c->header_count && i < CREDENTIAL_HEADERS; i++) {
        struct str value = c->headers[i].value;
        x->credential[i] = (struct http_header){c->headers[i].name,
                                                {mem_strndup(value.ptr, value.len), value.len}};
        x->credential_count++;
    }
}

/* ---- ends ---- */

bool client_is_sent(const struct exchange *exchange)
{
    return exchange->transfer != NULL;
}

static void forget(struct exchange *x)
{
    struct exchange **at = &x->client->exchanges;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    loop_timer_stop(x->client->world->loop, &x->timer);
    budget_leave(&x->turn);
    if (x->transfer)
        x->client->transport->cancel(x->transfer);
    if (x->wait.waiting)
        x->client->source->drop(x->client->source, &x->wait);
    drop_credential(x);
    buf_free(&x->url);
    free(x);
}

void client_cancel(struct exchange *exchange)
{
    if (exchange)
        forget(exchange);
}

static void finish(struct exchange *x, struct client_result *result)
{
    client_fn done = x->done;
    void *arg = x->arg;
    struct buf clean = BUF_INIT(4096);
    redact(&clean, str_from(result->text ? result->text : ""));
    result->text = buf_cstr(&clean);
    forget(x);
    done(arg, result);
    buf_free(&clean);
}

static void on_early(void *arg)
{
    struct exchange *x = arg;
    struct client_result result = x->early;
    finish(x, &result);
}

/* Without a try: the loop will say so. */
static void finish_soon(struct exchange *x, enum outcome outcome)
{
    x->early = (struct client_result){.outcome = outcome, .text = x->text, .not_done = true};
    x->timer.fn = on_early;
    loop_timer(x->client->world->loop, &x->timer, 0);
}

/* ---- where it goes ---- */

static bool host_is_allowed(const struct client_policy *policy, struct str host)
{
    for (size_t i = 0; i < policy->host_count; i++)
        if (str_eq(policy->hosts[i], host))
            return true;
    return false;
}

static bool printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || (unsigned char)s.ptr[i] >= 0x7f || s.ptr[i] == '\\')
            return false;
    return true;
}

/* "https://HOST/path?query" with one of the connector's hosts, in its plainest form: no user, no
 * port, no fragment, so that no two parsers can read it differently. */
static int set_url(struct exchange *x)
{
    const struct client_policy *policy = &x->client->policy;
    struct str url = x->request.url;
    if (!str_starts(url, "https://") || !printable(url) || str_find(url, '#') >= 0)
        return -1;
    struct str rest = str_slice(url, 8, url.len - 8);
    size_t host_len = 0;
    while (host_len < rest.len && rest.ptr[host_len] != '/' && rest.ptr[host_len] != '?')
        host_len++;
    struct str host = str_slice(rest, 0, host_len);
    if (!host_is_allowed(policy, host))
        return -1;
    struct str origin = str_slice(url, 0, 8 + host_len);
    for (size_t i = 0; i < policy->endpoint_count; i++)
        if (str_eq(policy->endpoints[i].host, host))
            origin = policy->endpoints[i].origin;
    buf_str(&x->url, origin);
    buf_str(&x->url, str_slice(rest, host_len, rest.len - host_len));
    return x->url.full ? -1 : 0;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.ptr[i]) && !strchr("!#$%&'*+-.^_`|~", s.ptr[i]))
            return false;
    return s.len > 0;
}

static bool has_line_break(struct str s)
{
    return s.len > 0 &&
           (memchr(s.ptr, '\r', s.len) || memchr(s.ptr, '\n', s.len) || memchr(s.ptr, '\0', s.len));
}

/* A connector sets no header that decides where a request goes or who sends it. */
static bool header_is_ours(struct str name)
{
    static const char *const ours[] = {"host",       "authorization",     "content-length",
                                       "connection", "transfer-encoding", "cookie",
                                       "expect",     "upgrade",           "proxy-authorization"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (str_eq_nocase(name, str_from(ours[i])))
            return true;
    return false;
}

static int set_headers(struct exchange *x, size_t *ret_count)
{
    const struct client_policy *policy = &x->client->policy;
    size_t n = 0;
    x->headers[n++] = (struct http_header){STR("User-Agent"), STR("fastenr/" FASTENR_VERSION)};
    for (size_t i = 0; i < x->request.header_count; i++) {
        struct http_header header = x->request.headers[i];
        if (!is_token(header.name) || has_line_break(header.value) || header_is_ours(header.name) ||
            n >= HEADERS_MAX)
            return -1;
        x->headers[n++] = header;
    }
    for (size_t i = 0; i < policy->auth_header_count && n < HEADERS_MAX; i++)
        x->headers[n++] = policy->auth_headers[i];
    for (size_t i = 0; i < x->credential_count && n < HEADERS_MAX; i++)
        x->headers[n++] = x->credential[i];
    *ret_count = n;
    return 0;
}

/* ---- what came back ---- */

/* Begins the text with the request: "GET https://api.hubapi.com/crm/v3/objects/companies". Returns
 * its length, at most half of the room. */
static size_t name_request(struct exchange *x)
{
    struct str url = x->request.url;
    ptrdiff_t query = str_find(url, '?');
    if (query >= 0)
        url.len = (size_t)query;
    snprintf(x->text, sizeof x->text / 2, "%.*s %.*s", STR_ARG(x->request.method), STR_ARG(url));
    return strlen(x->text);
}

static const struct answer_rule *match_rule(const struct client_policy *policy, int status,
                                            const struct json *body)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct answer_rule *rule = &policy->rules[i];
        if (status < rule->status_min || status > rule->status_max)
            continue;
        if (rule->path.len == 0 || str_eq(json_string(json_path(body, rule->path)), rule->equals))
            return rule;
    }
    return NULL;
}

static enum outcome default_outcome(int status)
{
    if (status >= 200 && status < 300)
        return OUTCOME_OK;
    return status >= 500 ? OUTCOME_RETRY_AFTER : OUTCOME_FAILED;
}

static const char *remedy(enum outcome outcome, int status)
{
    switch (outcome) {
    case OUTCOME_AUTH_FAILED:
        return "; check the credential and its scopes (`fastenr test`)";
    case OUTCOME_RATE_LIMITED:
        return "; wait, or lower the load on the account";
    case OUTCOME_RETRY_AFTER:
        return "; the vendor has trouble, the next run tries again";
    default:
        return status >= 300 && status < 400 ? "; redirects are not followed" : "";
    }
}

/* Retry-After in seconds or as a date (RFC 9110 section 10.2.3); -1: there is none. */
static int64_t retry_after(const struct exchange *x, const struct transfer_result *answer)
{
    struct str value = transfer_header(answer, "retry-after");
    uint64_t seconds;
    int64_t date;
    if (value.ptr && str_to_u64(value, &seconds))
        return seconds > RETRY_DAYS * 86400 ? RETRY_DAYS * US_PER_DAY
                                            : (int64_t)seconds * US_PER_SECOND;
    if (value.ptr && time_parse_http_date(value, &date)) {
        int64_t wait = date - world_now(x->client->world);
        return wait < 0 ? 0 : wait > RETRY_DAYS * US_PER_DAY ? RETRY_DAYS * US_PER_DAY : wait;
    }
    return -1;
}

struct verdict {
    enum outcome outcome;
    bool not_done;
    int64_t wait_us; /* asked for by the vendor; -1: nothing is said */
};

static struct verdict judge_answer(struct exchange *x, const struct transfer_result *answer)
{
    const struct client_policy *policy = &x->client->policy;
    struct str body = {0};
    const struct json *root = NULL;
    if (answer->status < 200 || answer->status > 299)
        if (blob_size(answer->body) <= ERROR_BODY_MAX &&
            blob_view(answer->body, &body, NULL) == 0 && json_parse(body, &root, NULL) != 0)
            root = NULL;
    const struct answer_rule *rule = match_rule(policy, answer->status, root);
    struct verdict v = {.outcome = rule ? rule->outcome : default_outcome(answer->status),
                        .not_done = rule && rule->not_done,
                        .wait_us = retry_after(x, answer)};
    if (v.wait_us < 0 && rule && rule->retry_after_us > 0)
        v.wait_us = rule->retry_after_us;
    if (v.outcome != OUTCOME_OK) {
        size_t len = name_request(x);
        struct str words = rule ? json_string(json_path(root, rule->message)) : STR("");
        struct buf clean = BUF_INIT(ERROR_BODY_MAX);
        redact(&clean, words); /* before it is cut: the rest of a credential would not be known */
        words = buf_view(&clean);
        if (words.len > 300)
            words.len = 300;
        if (str_ends(words, ".")) /* ours go on */
            words.len--;
        snprintf(x->text + len, sizeof x->text - len, " answered %d%s%.*s%s", answer->status,
                 words.len > 0 ? ": " : "", STR_ARG(words), remedy(v.outcome, answer->status));
        buf_free(&clean);
    }
    json_free(root);
    return v;
}

static struct verdict judge_fault(struct exchange *x, const struct transfer_result *answer)
{
    struct verdict v = {.outcome = OUTCOME_RETRY_AFTER, .wait_us = -1};
    v.not_done = answer->fault == FAULT_NOT_SENT;
    if (answer->fault == FAULT_REFUSED)
        v.outcome = OUTCOME_BAD_CONFIG;
    size_t len = name_request(x);
    snprintf(x->text + len, sizeof x->text - len, " got no answer: %s", answer->text);
    return v;
}

/* A refusal is one: HTTP knows no 3xx or 4xx that did half of it. 408 comes from machines between,
 * too, that do not know what became of the request. */
static bool is_proof(const struct verdict *v, const struct transfer_result *answer)
{
    if (answer->fault == FAULT_NONE && answer->status >= 300 && answer->status <= 499)
        return answer->status != 408 || v->not_done;
    return v->not_done || (answer->fault == FAULT_REFUSED && answer->unsent);
}

/* ---- again? ---- */

static void begin(struct exchange *x);

static void on_retry(void *arg)
{
    begin(arg);
}

/* Full jitter: anywhere between nothing and the exponential step. */
static int64_t backoff(const struct exchange *x)
{
    int64_t step = BACKOFF_FIRST << (x->attempts - 1);
    if (step > BACKOFF_MOST)
        step = BACKOFF_MOST;
    return world_random_below(x->client->world, step) + 1;
}

static bool try_again(struct exchange *x, const struct verdict *v)
{
    int64_t wait = v->wait_us >= 0 ? v->wait_us + backoff(x) / 10 : backoff(x);
    /* Told of here, also when this request is given up: others would only ask in vain. */
    if (v->outcome == OUTCOME_RATE_LIMITED)
        budget_refused(x->client->budget, x->request.bucket,
                       world_monotonic(x->client->world) + wait);
    bool passing = v->outcome == OUTCOME_RETRY_AFTER || v->outcome == OUTCOME_RATE_LIMITED;
    if (!passing || x->attempts >= ATTEMPTS || v->wait_us > WAIT_MOST)
        return false;
    if (!x->request.safe && !v->not_done)
        return false;
    x->client->stats.retries++;
    if (x->client->on_retry)
        x->client->on_retry(x->client->retry_arg, x->text, wait);
    x->timer.fn = on_retry;
    loop_timer(x->client->world->loop, &x->timer, wait);
    return true;
}

/* A 401 proves that nothing was done. Once only: a scope that is missing may be a 401 too. */
static bool try_newer_credential(struct exchange *x, const struct transfer_result *answer)
{
    if (!x->client->source || answer->fault != FAULT_NONE || answer->status != 401 || x->renewed)
        return false;
    x->renewed = true;
    x->refused_version = x->credential_version;
    x->client->stats.retries++;
    begin(x);
    return true;
}

static struct str header_value(const void *answer, struct str name)
{
    const struct transfer_result *result = answer;
    for (size_t i = 0; i < result->header_count; i++)
        if (str_eq(result->headers[i].name, name))
            return result->headers[i].value;
    return (struct str){NULL, 0};
}

static void note_answer(struct exchange *x, const struct transfer_result *answer)
{
    struct client *client = x->client;
    int64_t date;
    client->stats.bytes += (int64_t)blob_size(answer->body);
    struct str value = transfer_header(answer, "date");
    if (value.ptr && time_parse_http_date(value, &date))
        client->stats.vendor_date_us = date;
    budget_headers(client->budget, x->request.bucket, world_monotonic(client->world), header_value,
                   answer);
}

/* Once a client: a vendor that does so does it in every answer. */
static void tell_echo(struct exchange *x)
{
    if (x->client->echo_told)
        return;
    x->client->echo_told = true;
    size_t len = name_request(x);
    log_line(LOG_WARN, "net", "%.*s: the answer holds a credential; it is struck out", (int)len,
             x->text);
}

/* The disk, where a large answer lies, is full or broken. */
static void lose_answer(struct exchange *x, struct transfer_result *answer, const struct error *err)
{
    blob_unref(answer->body);
    x->lost = *err;
    *answer = (struct transfer_result){.fault = FAULT_BROKEN, .text = x->lost.text};
}

/* Before anybody looks at the body: what comes after, connector, store and log, never sees a
 * credential that the vendor echoes. */
static void strike_out_credentials(struct exchange *x, struct transfer_result *answer)
{
    struct str body;
    struct error err;
    if (blob_view(answer->body, &body, &err) != 0) {
        lose_answer(x, answer, &err);
        return;
    }
    struct buf clean = BUF_INIT(body.len);
    if (redact_answer(&clean, body)) {
        tell_echo(x);
        blob_unref(answer->body);
        answer->body = blob_new(BODY_MAX);
        if (blob_append(answer->body, buf_view(&clean), &err) != 0)
            lose_answer(x, answer, &err);
    }
    buf_free(&clean);
}

static void on_transfer(void *arg, struct transfer_result *answer)
{
    struct exchange *x = arg;
    x->transfer = NULL;
    if (answer->fault == FAULT_NONE)
        note_answer(x, answer);
    if (answer->fault == FAULT_NONE && !x->client->policy.answers_are_secret)
        strike_out_credentials(x, answer);
    struct verdict v =
        answer->fault == FAULT_NONE ? judge_answer(x, answer) : judge_fault(x, answer);
    if (try_newer_credential(x, answer) || try_again(x, &v)) {
        blob_unref(answer->body);
        return;
    }
    struct client_result result = {.outcome = v.outcome,
                                   .status = answer->status,
                                   .body = answer->body,
                                   .text = v.outcome == OUTCOME_OK ? "" : x->text,
                                   .not_done = is_proof(&v, answer)};
    finish(x, &result);
}

/* ---- sending ---- */

static void on_credential(void *arg, const struct credential *c);

/* While the request waited for its turn another credential may have come, or none be there any
 * more.
 */
static bool credential_holds(struct exchange *x)
{
    struct credential_source *source = x->client->source;
    if (!source)
        return true;
    const struct credential *now = source->get(source, x->refused_version, &x->wait);
    if (now && now->outcome == OUTCOME_OK)
        take_credential(x, now);
    else if (now)
        on_credential(x, now);
    return now && now->outcome == OUTCOME_OK;
}

static void send_now(void *arg)
{
    struct exchange *x = arg;
    struct client *client = x->client;
    budget_go(&x->turn);
    if (!credential_holds(x))
        return; /* it waits: on_credential */
    struct transfer_request request = {.method = x->request.method,
                                       .url = buf_view(&x->url),
                                       .body = x->request.body,
                                       .once = !x->request.safe,
                                       .headers = x->headers,
                                       .egress = &client->policy.egress,
                                       .ca_file = client->policy.ca_file,
                                       .timeout_us = client->policy.timeout_us,
                                       .connect_timeout_us = client->policy.connect_timeout_us,
                                       .body_max = BODY_MAX};
    x->attempts++;
    client->stats.calls++;
    if (set_headers(x, &request.header_count) != 0) {
        snprintf(x->text, sizeof x->text, "the connector sets a header that it may not set");
        finish_soon(x, OUTCOME_FAILED);
        return;
    }
    x->transfer = client->transport->start(client->transport, &request, on_transfer, x);
    if (!x->transfer) {
        snprintf(x->text, sizeof x->text, "the host cannot start a request");
        finish_soon(x, OUTCOME_FAILED);
    }
}

/* Others go before it. */
static void on_moved(void *arg)
{
    struct exchange *x = arg;
    int64_t now = world_monotonic(x->client->world);
    loop_timer(x->client->world->loop, &x->timer, x->turn.at_us > now ? x->turn.at_us - now : 0);
}

static void take_turn(struct exchange *x)
{
    struct client *client = x->client;
    struct str bucket = {0};
    int64_t now = world_monotonic(client->world);
    x->turn = (struct budget_turn){
        .bucket = x->request.bucket, .urgent = client->urgent, .moved = on_moved, .arg = x};
    int64_t at = budget_reserve(client->budget, &x->turn, now, WAIT_MOST, &bucket);
    if (at < 0) {
        size_t len = name_request(x);
        snprintf(x->text + len, sizeof x->text - len,
                 " was not sent: the vendor's limit '%.*s' is used up; the next run tries again",
                 STR_ARG(bucket));
        finish_soon(x, OUTCOME_RATE_LIMITED);
        return;
    }
    x->timer.fn = send_now;
    if (at > now)
        loop_timer(client->world->loop, &x->timer, at - now);
    else
        send_now(x);
}

static void on_credential(void *arg, const struct credential *c)
{
    struct exchange *x = arg;
    if (c->outcome == OUTCOME_OK) {
        take_credential(x, c);
        take_turn(x);
        return;
    }
    size_t len = name_request(x);
    snprintf(x->text + len, sizeof x->text - len, " was not sent: %s", c->text);
    finish_soon(x, c->outcome);
}

/* First the credential, then the turn: a place in the rate budget is not held while it waits. */
static void begin(struct exchange *x)
{
    struct credential_source *source = x->client->source;
    const struct credential *c = source ? source->get(source, x->refused_version, &x->wait) : NULL;
    if (!source)
        take_turn(x);
    else if (c)
        on_credential(x, c);
}

struct exchange *client_send(struct client *client, const struct client_request *request,
                             client_fn done, void *arg)
{
    struct exchange *x = MEM_NEW(struct exchange);
    *x = (struct exchange){.next = client->exchanges,
                           .client = client,
                           .request = *request,
                           .done = done,
                           .arg = arg,
                           .url = BUF_INIT(32 * 1024)};
    x->timer.arg = x;
    x->wait = (struct credential_wait){.ready = on_credential, .arg = x};
    client->exchanges = x;
    if (!is_token(request->method) || set_url(x) != 0) {
        struct str url = request->url;
        if (url.len > 200)
            url.len = 200;
        snprintf(
            x->text, sizeof x->text,
            "the connector asked for %.*s, which is not https on one of the hosts that it names",
            STR_ARG(url));
        finish_soon(x, OUTCOME_FAILED);
    } else if (request->tries > 0) {
        x->attempts = request->tries;
        client->stats.retries++;
        x->timer.fn = on_retry;
        loop_timer(client->world->loop, &x->timer, backoff(x));
    } else {
        begin(x);
    }
    return x;
}
