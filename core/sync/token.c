/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/token.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/time.h"

enum { HEADERS = 4, STORE_TRIES = 4, VALUE_LINES = 5, SAVE_TRIES = 3 };
#define AHEAD_MOST    (2 * US_PER_MINUTE) /* a refresh comes this long before the end, or a fifth */
#define AGAIN         US_PER_SECOND       /* between two tries of a refused refresh token */
#define STORE_AGAIN   US_PER_SECOND
#define LIFETIME_SAFE US_PER_HOUR /* where the vendor does not say it: a 401 tells anyway */
#define FINISH_MOST   (30 * US_PER_SECOND)

enum state {
    IDLE,       /* what is known may be old */
    LOADING,    /* the store is read */
    REFRESHING, /* the vendor is asked, or is about to be */
    STORING,    /* what it answered is sealed and committed */
    BROKEN      /* a person must do something: the credential says what */
};

/* The lines of the secret; they lie in its text. */
struct values {
    struct str access, refresh, scopes;
    int64_t expires_us, lifetime_us;
};

struct token {
    struct credential_source source; /* first */
    struct token *next;
    struct sync_host *host;
    int references;
    struct arena arena; /* owns what follows, copied from the setup */
    struct str name;
    struct oauth_client oauth;
    struct client_policy policy;
    const struct named_text *templates;
    uint32_t header_count;

    struct client *client;
    struct budget *budget;
    struct timer timer;
    struct buf form; /* of the refresh under way */
    enum state state;
    bool retried; /* a refused refresh token is tried for the second time */
    bool abandoned;
    int store_tries;

    struct secret secret; /* as it is in the store */
    struct values values;
    struct secret fresh; /* not stored yet; empty: none */
    struct str seen[4];  /* registered for redaction: both tokens, and both before them */
    uint64_t version, refused;
    int64_t refresh_us; /* from then on a new one is wanted */
    struct http_header headers[HEADERS];
    struct credential credential;
    char why[700];
    struct credential_wait *first, **last;

    /* on the store executor */
    bool in_job;
    struct job job;
    int job_rc;
    struct secret job_secret;
    struct error job_err;
};

static void load(struct token *t);
static void refresh(struct token *t);
static void store(struct token *t);

/* ---- the secret's text ---- */

static void write_values(struct buf *out, const struct values *v)
{
    buf_reserve(out, v->access.len + v->refresh.len + v->scopes.len + 64);
    buf_printf(out, "%.*s\n%.*s\n%lld\n%lld\n%.*s", STR_ARG(v->access), STR_ARG(v->refresh),
               (long long)v->expires_us, (long long)v->lifetime_us, STR_ARG(v->scopes));
}

static bool read_values(struct str text, struct values *ret)
{
    struct str lines[VALUE_LINES];
    *ret = (struct values){0};
    for (int i = 0; i < VALUE_LINES; i++)
        if (!str_next(&text, '\n', &lines[i]))
            return false;
    ret->access = lines[0];
    ret->refresh = lines[1];
    ret->scopes = lines[4];
    return lines[0].len > 0 && str_to_i64(lines[2], &ret->expires_us) &&
           str_to_i64(lines[3], &ret->lifetime_us);
}

static void values_of_grant(const struct oauth_grant *grant, const struct values *before,
                            int64_t now_us, struct values *ret)
{
    int64_t lifetime = grant->lifetime_us > 0 ? grant->lifetime_us : LIFETIME_SAFE;
    *ret = (struct values){.access = grant->access,
                           .refresh = grant->refresh.len > 0 ? grant->refresh : before->refresh,
                           .scopes = grant->scopes.len > 0 ? grant->scopes : before->scopes,
                           .expires_us = now_us + lifetime,
                           .lifetime_us = lifetime};
}

/* ---- the credential ---- */

static void drop_headers(struct token *t)
{
    for (uint32_t i = 0; i < t->header_count; i++) {
        mem_free_secret((char *)(uintptr_t)t->headers[i].value.ptr);
        t->headers[i].value = (struct str){0};
    }
}

static char *expand(struct str template, struct str access)
{
    static const char mark[] = "{{token:access_token}}";
    const char *at = memmem(template.ptr, template.len, mark, sizeof mark - 1);
    if (!at)
        return mem_strndup(template.ptr, template.len);
    size_t before = (size_t)(at - template.ptr), after = template.len - before - (sizeof mark - 1);
    char *text = mem_new(before + access.len + after + 1, 1);
    memcpy(text, template.ptr, before);
    memcpy(text + before, access.ptr, access.len);
    memcpy(text + before + access.len, at + sizeof mark - 1, after);
    return text;
}

static void forget_seen(struct str *seen)
{
    redact_remove(*seen);
    mem_free_secret((char *)(uintptr_t)seen->ptr);
    *seen = (struct str){0};
}

static struct str see(struct str value)
{
    redact_add(value);
    return (struct str){mem_strndup(value.ptr, value.len), value.len};
}

/* Those before stay registered: an answer that is still under way may hold them. */
static void note_seen(struct token *t)
{
    const struct str now[] = {see(t->values.access), see(t->values.refresh)};
    for (int i = 0; i < 2; i++) {
        forget_seen(&t->seen[2 + i]);
        t->seen[2 + i] = t->seen[i];
        t->seen[i] = now[i];
    }
}

/* From the secret: what requests will carry. False when its text is none of ours. */
static bool make_credential(struct token *t)
{
    if (!read_values(buf_view(&t->secret.text), &t->values))
        return false;
    note_seen(t);
    drop_headers(t);
    for (uint32_t i = 0; i < t->header_count; i++)
        t->headers[i] = (struct http_header){
            t->templates[i].name, str_from(expand(t->templates[i].text, t->values.access))};
    int64_t ahead = t->values.lifetime_us / 5;
    t->refresh_us = t->values.expires_us - (ahead < AHEAD_MOST ? ahead : AHEAD_MOST);
    t->credential = (struct credential){.version = ++t->version,
                                        .headers = t->headers,
                                        .header_count = t->header_count,
                                        .text = ""};
    return true;
}

static bool usable(const struct token *t)
{
    return t->version > t->refused && t->credential.outcome == OUTCOME_OK &&
           world_now(t->host->world) < t->refresh_us;
}

/* ---- those who wait ---- */

static bool settled(const struct token *t)
{
    return t->state == IDLE || t->state == BROKEN;
}

/* All who wait now get this credential; they may ask again, end the session, close this. */
static void wake(struct token *t, const struct credential *credential)
{
    size_t count = 0;
    for (const struct credential_wait *w = t->first; w; w = w->next)
        count++;
    t->references++;
    while (count-- > 0 && t->first && settled(t)) {
        struct credential_wait *w = t->first;
        t->first = w->next;
        if (!t->first)
            t->last = &t->first;
        w->waiting = false;
        w->ready(w->arg, credential);
    }
    token_close(t);
}

static void fail(struct token *t, enum state state, enum outcome outcome)
{
    const struct credential failure = {.outcome = outcome, .text = t->why};
    t->state = state;
    if (state == BROKEN)
        t->credential = failure;
    wake(t, &failure);
}

static void become_ready(struct token *t)
{
    t->state = IDLE;
    t->retried = false;
    wake(t, &t->credential);
}

static void reconnect_text(struct token *t, const char *problem)
{
    snprintf(t->why, sizeof t->why, "error: reconnect: %s; run `fastenr connect %.*s`", problem,
             STR_ARG(t->name));
}

/* ---- the store ---- */

static void free_token(struct token *t);
static void on_job(void *arg);

static void submit(struct token *t, enum state state, loop_fn work)
{
    t->state = state;
    t->in_job = true;
    t->job = (struct job){.work = work, .done = on_job, .arg = t};
    loop_submit(t->host->world->loop, EXECUTOR_STORE, &t->job);
}

static void load_work(void *arg)
{
    struct token *t = arg;
    t->job_rc = secret_get(t->host->store, t->host->keys, t->name, TOKEN_SECRET, &t->job_secret,
                           &t->job_err);
}

static void store_work(void *arg)
{
    struct token *t = arg;
    t->job_rc =
        secret_set(t->host->store, t->host->keys, t->name, TOKEN_SECRET, &t->fresh, &t->job_err);
}

static void load(struct token *t)
{
    if (t->host->store) {
        submit(t, LOADING, load_work);
        return;
    }
    snprintf(t->why, sizeof t->why, "its tokens are in a store, and none is open");
    fail(t, BROKEN, OUTCOME_FAILED);
}

static void store(struct token *t)
{
    submit(t, STORING, store_work);
}

static void on_store_again(void *arg)
{
    store(arg);
}

/* What the store has is what counts: another host may have refreshed, or a person reconnected. */
static void take_loaded(struct token *t)
{
    bool changed = t->job_secret.version != t->secret.version;
    secret_free(&t->secret);
    t->secret = t->job_secret;
    t->job_secret = (struct secret){0};
    if (t->secret.problem[0] != '\0') {
        reconnect_text(t, t->secret.problem);
        fail(t, BROKEN, OUTCOME_AUTH_FAILED);
    } else if (changed && !make_credential(t)) {
        snprintf(t->why, sizeof t->why,
                 "its stored token is of another version of fastenr; run "
                 "`fastenr connect %.*s`",
                 STR_ARG(t->name));
        fail(t, BROKEN, OUTCOME_AUTH_FAILED);
    } else {
        /* The text has moved, its values with it. */
        read_values(buf_view(&t->secret.text), &t->values);
        if (usable(t))
            become_ready(t);
        else
            refresh(t);
    }
}

static void loaded(struct token *t)
{
    if (t->job_rc > 0) {
        take_loaded(t);
        return;
    }
    secret_free(&t->job_secret);
    if (t->job_rc == 0)
        snprintf(t->why, sizeof t->why,
                 "it is not connected to an account yet: run `fastenr "
                 "connect %.*s`",
                 STR_ARG(t->name));
    else
        snprintf(t->why, sizeof t->why, "%s", t->job_err.text);
    fail(t, BROKEN, t->job_rc == 0 ? OUTCOME_AUTH_FAILED : OUTCOME_BAD_CONFIG);
}

static void stored(struct token *t)
{
    if (t->job_rc < 0) {
        if (++t->store_tries < STORE_TRIES) {
            t->timer.fn = on_store_again;
            loop_timer(t->host->world->loop, &t->timer, STORE_AGAIN);
            return;
        }
        t->store_tries = 0; /* it is kept, and stored when somebody asks next */
        snprintf(t->why, sizeof t->why, "a new token could not be stored: %s", t->job_err.text);
        fail(t, IDLE, OUTCOME_FAILED);
        return;
    }
    t->store_tries = 0;
    if (t->job_rc > 0) { /* somebody else was first */
        secret_free(&t->fresh);
        load(t);
        return;
    }
    secret_free(&t->secret);
    t->secret = t->fresh;
    t->fresh = (struct secret){0};
    if (t->secret.problem[0] != '\0') {
        reconnect_text(t, t->secret.problem);
        fail(t, BROKEN, OUTCOME_AUTH_FAILED);
        return;
    }
    make_credential(t);
    become_ready(t);
}

static void on_job(void *arg)
{
    struct token *t = arg;
    t->in_job = false;
    if (t->abandoned) {
        free_token(t);
        return;
    }
    t->references++; /* what follows may close it */
    if (t->state == LOADING)
        loaded(t);
    else
        stored(t);
    token_close(t);
}

/* ---- the vendor ---- */

static void note_grant(struct token *t, const struct oauth_grant *grant)
{
    struct values values;
    values_of_grant(grant, &t->values, world_now(t->host->world), &values);
    t->fresh = (struct secret){.version = t->secret.version, .text = BUF_INIT(SEAL_PLAIN_MAX)};
    write_values(&t->fresh.text, &values);
    log_line(LOG_INFO, t->name.ptr, "a new access token, good for %lld s",
             (long long)(values.lifetime_us / US_PER_SECOND));
    store(t);
}

static void on_again(void *arg)
{
    load(arg);
}

static void refused(struct token *t, const char *why)
{
    if (!t->retried) {
        t->retried = true;
        log_line(LOG_WARN, t->name.ptr, "the vendor refuses the refresh token (%s): once more",
                 why);
        t->timer.fn = on_again;
        loop_timer(t->host->world->loop, &t->timer, AGAIN);
        return;
    }
    t->fresh = (struct secret){.version = t->secret.version, .text = BUF_INIT(SEAL_PLAIN_MAX + 1)};
    buf_reserve(&t->fresh.text, t->secret.text.len);
    buf_str(&t->fresh.text, buf_view(&t->secret.text));
    snprintf(t->fresh.problem, sizeof t->fresh.problem,
             "the vendor refuses the refresh token (%s): the app was uninstalled there, or access "
             "was taken back",
             why);
    log_line(LOG_ERROR, t->name.ptr, "%s", t->fresh.problem);
    store(t);
}

/* The old token may do for a while yet. */
static void passing(struct token *t, enum outcome outcome, const char *why)
{
    int64_t now = world_now(t->host->world);
    if (t->version > t->refused && now < t->values.expires_us) {
        t->refresh_us = now + 10 * US_PER_SECOND < t->values.expires_us ? now + 10 * US_PER_SECOND
                                                                        : t->values.expires_us;
        become_ready(t);
        return;
    }
    snprintf(t->why, sizeof t->why, "no new access token: %s", why);
    fail(t, IDLE, outcome);
}

static void judge(struct token *t, enum oauth_verdict verdict, const struct oauth_grant *grant,
                  const char *why, const char *text)
{
    switch (verdict) {
    case OAUTH_GRANTED:
        note_grant(t, grant);
        break;
    case OAUTH_DEAD:
        refused(t, why);
        break;
    case OAUTH_PASSING:
        passing(t, OUTCOME_RETRY_AFTER, text);
        break;
    case OAUTH_REFUSED:
        snprintf(t->why, sizeof t->why,
                 "no new access token (%s): check client_id and client_secret of the connection",
                 why);
        fail(t, BROKEN, OUTCOME_BAD_CONFIG);
        break;
    case OAUTH_STRANGE:
        passing(t, OUTCOME_FAILED, why);
        break;
    }
}

static void wipe_form(struct token *t)
{
    if (t->form.ptr)
        explicit_bzero(t->form.ptr, t->form.cap);
    buf_free(&t->form);
}

static void on_answer(void *arg, struct client_result *result)
{
    struct token *t = arg;
    struct arena arena = {0};
    struct oauth_grant grant;
    struct str body = {0};
    const char *why = "";
    t->references++;
    wipe_form(t);
    if (result->status == 0 || blob_view(result->body, &body, NULL) != 0) {
        passing(t, result->outcome == OUTCOME_OK ? OUTCOME_FAILED : result->outcome, result->text);
    } else {
        enum oauth_verdict v =
            oauth_read_answer(&t->oauth, result->status, body, &arena, &grant, &why);
        struct buf clean = BUF_INIT(1024);
        redact(&clean, str_from(why));
        judge(t, v, &grant, buf_cstr(&clean), result->text);
        buf_free(&clean);
        if (v == OAUTH_GRANTED) {
            explicit_bzero((char *)(uintptr_t)grant.access.ptr, grant.access.len);
            explicit_bzero((char *)(uintptr_t)grant.refresh.ptr, grant.refresh.len);
        }
    }
    arena_free(&arena);
    blob_unref(result->body);
    token_close(t);
}

struct client_request token_request(const struct oauth_client *oauth, const struct buf *form,
                                    bool safe)
{
    static const struct http_header headers[] = {
        {{"Content-Type", 12}, {"application/x-www-form-urlencoded", 33}},
        {{"Accept", 6}, {"application/json", 16}}};
    return (struct client_request){.safe = safe,
                                   .method = STR("POST"),
                                   .url = oauth->token_url,
                                   .body = buf_view(form),
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof headers[0]};
}

static void refresh(struct token *t)
{
    t->state = REFRESHING;
    t->form = BUF_INIT(OAUTH_FORM_MAX);
    oauth_refresh_form(&t->form, &t->oauth, t->values.refresh);
    /* Repeated after a broken answer, although the vendor may have rotated the token: asking again
     * is all that one can do then, and a refusal is dealt with in `refused`. */
    const struct client_request request = token_request(&t->oauth, &t->form, true);
    client_send(t->client, &request, on_answer, t);
}

/* ---- the source ---- */

static const struct credential *get(struct credential_source *source, uint64_t refused_version,
                                    struct credential_wait *wait)
{
    struct token *t = (struct token *)source;
    if (refused_version > t->refused)
        t->refused = refused_version;
    bool unsaved = t->fresh.text.ptr != NULL;
    if (t->state == BROKEN || (t->state == IDLE && !unsaved && usable(t)))
        return &t->credential;
    wait->waiting = true;
    wait->next = NULL;
    *t->last = wait;
    t->last = &wait->next;
    if (t->state == IDLE && unsaved)
        store(t);
    else if (t->state == IDLE)
        load(t);
    return NULL;
}

static void drop(struct credential_source *source, struct credential_wait *wait)
{
    struct token *t = (struct token *)source;
    struct credential_wait **at = &t->first;
    while (*at != wait)
        at = &(*at)->next;
    *at = wait->next;
    if (!*at)
        t->last = at;
    wait->waiting = false;
}

/* ---- life ---- */

static struct str copy_of(struct token *t, struct str text)
{
    return arena_str(&t->arena, text);
}

void token_policy(const struct setup *setup, struct client_policy *ret_policy, struct arena *arena)
{
    static const struct answer_rule rules[] = {
        {.status_min = 429, .status_max = 429, .outcome = OUTCOME_RATE_LIMITED, .not_done = true},
        {.status_min = 408, .status_max = 408, .outcome = OUTCOME_RETRY_AFTER},
        {.status_min = 423, .status_max = 423, .outcome = OUTCOME_RETRY_AFTER},
        {.status_min = 477, .status_max = 477, .outcome = OUTCOME_RETRY_AFTER},
    };
    const struct client_policy *from = &setup->policy;
    struct str *host = arena_new(arena, 1, sizeof *host);
    struct endpoint *endpoints = arena_new(arena, from->endpoint_count, sizeof endpoints[0]);
    *host = arena_str(arena, setup->oauth->token_host);
    for (size_t i = 0; i < from->endpoint_count; i++)
        endpoints[i] = (struct endpoint){arena_str(arena, from->endpoints[i].host),
                                         arena_str(arena, from->endpoints[i].origin)};
    *ret_policy = (struct client_policy){.hosts = host,
                                         .host_count = 1,
                                         .endpoints = endpoints,
                                         .endpoint_count = from->endpoint_count,
                                         .egress = from->egress,
                                         .timeout_us = from->timeout_us,
                                         .connect_timeout_us = from->connect_timeout_us,
                                         .rules = rules,
                                         .rule_count = sizeof rules / sizeof rules[0],
                                         .answers_are_secret = true};
    if (from->ca_file.len > 0)
        ret_policy->ca_file = arena_str(arena, from->ca_file);
}

static void copy_setup(struct token *t, const struct setup *setup)
{
    const struct oauth_setup *from = setup->oauth;
    struct oauth_dead_rule *dead = arena_new(&t->arena, from->client.dead_count, sizeof dead[0]);
    struct named_text *templates = arena_new(&t->arena, HEADERS, sizeof templates[0]);
    for (size_t i = 0; i < from->client.dead_count; i++)
        dead[i] = (struct oauth_dead_rule){from->client.dead[i].status,
                                           copy_of(t, from->client.dead[i].path),
                                           copy_of(t, from->client.dead[i].equals)};
    t->header_count = from->header_count < HEADERS ? from->header_count : HEADERS;
    for (uint32_t i = 0; i < t->header_count; i++)
        templates[i] = (struct named_text){copy_of(t, from->headers[i].name),
                                           copy_of(t, from->headers[i].text)};
    t->name = copy_of(t, setup->config->name);
    t->oauth = (struct oauth_client){.token_url = copy_of(t, from->client.token_url),
                                     .id = copy_of(t, from->client.id),
                                     .secret = copy_of(t, from->client.secret),
                                     .dead = dead,
                                     .dead_count = from->client.dead_count};
    t->templates = templates;
    token_policy(setup, &t->policy, &t->arena);
}

struct token *token_open(struct sync_host *host, const struct setup *setup)
{
    for (struct token *t = host->tokens; t; t = t->next)
        if (str_eq(t->name, setup->config->name)) {
            t->references++;
            return t;
        }
    struct token *t = MEM_NEW(struct token);
    *t = (struct token){.source = {.get = get, .drop = drop},
                        .next = host->tokens,
                        .host = host,
                        .references = 1,
                        .state = IDLE};
    t->last = &t->first;
    t->timer.arg = t;
    copy_setup(t, setup);
    char *key = arena_printf(&t->arena, "token/%.*s", STR_ARG(t->name));
    t->budget = budget_get(&host->budgets, key, NULL, 0);
    t->client = client_new(host->world, host->transport, &t->policy, t->budget);
    host->tokens = t;
    return t;
}

struct credential_source *token_source(struct token *t)
{
    return &t->source;
}

struct str token_scopes(const struct token *t)
{
    return t->values.scopes;
}

static void free_token(struct token *t)
{
    wipe_form(t);
    drop_headers(t);
    for (int i = 0; i < 4; i++)
        forget_seen(&t->seen[i]);
    secret_free(&t->secret);
    secret_free(&t->fresh);
    secret_free(&t->job_secret);
    arena_free(&t->arena);
    free(t);
}

/* Off the host; what is under way ends. */
static void take_down(struct token *t)
{
    struct token **at = &t->host->tokens;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    loop_timer_stop(t->host->world->loop, &t->timer);
    client_free(t->client);
    t->abandoned = true;
    if (!t->in_job)
        free_token(t);
}

void token_close(struct token *t)
{
    if (t && --t->references == 0 && settled(t))
        take_down(t);
}

static bool any_closed(const struct sync_host *host)
{
    for (const struct token *t = host->tokens; t; t = t->next)
        if (t->references == 0)
            return true;
    return false;
}

void tokens_finish(struct sync_host *host)
{
    int64_t until = host->tokens ? world_monotonic(host->world) + FINISH_MOST : 0;
    while (any_closed(host) && world_monotonic(host->world) < until)
        loop_turn(host->world->loop, 100 * US_PER_MS);
    tokens_abandon(host);
}

void tokens_abandon(struct sync_host *host)
{
    while (host->tokens)
        take_down(host->tokens);
}

/* ---- consent ---- */

static int stored_version(struct store *store, struct str connection, int64_t *ret_version,
                          struct error *err)
{
    struct arena arena = {0};
    struct secret_row row;
    int found = store->engine->get_secret(store, connection, TOKEN_SECRET, &row, &arena, err);
    *ret_version = found > 0 ? row.version : 0;
    arena_free(&arena);
    return found < 0 ? -1 : 0;
}

int token_save(struct sync_host *host, struct str connection, const struct oauth_grant *grant,
               struct error *err)
{
    struct values values;
    const struct values none = {0};
    int rc = 1;
    if (grant->refresh.len == 0)
        return error_set(err, "the vendor gave no refresh token: access would end with the first "
                              "access token");
    values_of_grant(grant, &none, world_now(host->world), &values);
    struct secret secret = {.text = BUF_INIT(SEAL_PLAIN_MAX)};
    write_values(&secret.text, &values);
    for (int i = 0; i < SAVE_TRIES && rc > 0; i++) {
        rc = stored_version(host->store, connection, &secret.version, err);
        if (rc == 0)
            rc = secret_set(host->store, host->keys, connection, TOKEN_SECRET, &secret, err);
    }
    secret_free(&secret);
    return rc > 0 ? error_set(err, "another program keeps writing the tokens of '%.*s'",
                              STR_ARG(connection))
                  : rc;
}
