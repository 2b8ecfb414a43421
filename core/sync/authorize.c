/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/authorize.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/redact.h"
#include "net/listener.h"
#include "sync/session.h"
#include "sync/token.h"

struct flow {
    struct sync_host *host;
    const struct setup *setup;
    const struct authorize_request *request;
    struct arena arena;
    char state[OAUTH_RANDOM], verifier[OAUTH_RANDOM], challenge[OAUTH_RANDOM];
    char redirect[64];
    struct str code; /* ptr NULL: not yet */
    bool over;       /* code or refusal */
    bool answered;
    struct oauth_grant grant;
    enum oauth_verdict verdict;
    struct error err;
};

/* ---- the redirect ---- */

static void on_target(void *arg, struct str target, struct listener_page *page)
{
    struct flow *f = arg;
    struct arena arena = {0};
    struct str path = target, rest = target;
    if (str_next(&rest, '?', &path) && !str_is(path, "/callback")) {
        *page = (struct listener_page){404, "Nothing here", "The consent page leads elsewhere."};
        return;
    }
    struct str code = listener_query(target, "code", &arena);
    struct str refusal = listener_query(target, "error", &arena);
    struct str words = listener_query(target, "error_description", &arena);
    bool ours = str_eq_secret(listener_query(target, "state", &arena), str_from(f->state));
    if (!ours || f->over || (code.len == 0 && refusal.len == 0)) {
        /* Not of our consent page: whoever sent it cannot end the waiting either. */
        *page = (struct listener_page){400, "Refused",
                                       "This answer does not belong to the consent that fastenr "
                                       "waits for: its state is another."};
    } else if (refusal.len > 0) {
        error_set(&f->err, "consent was not given: %.*s%s%.*s",
                  (int)(refusal.len < 80 ? refusal.len : 80), refusal.ptr,
                  words.len > 0 ? ", " : "", (int)(words.len < 200 ? words.len : 200),
                  words.ptr ? words.ptr : "");
        *page = (struct listener_page){200, "Not connected",
                                       "Consent was not given. You can close this page."};
        f->over = true;
    } else {
        f->code = arena_str(&f->arena, code);
        redact_add(f->code);
        *page = (struct listener_page){200, "Received",
                                       "fastenr goes on in the terminal. You can close this page."};
        f->over = true;
    }
    arena_free(&arena);
}

static void wait_for_consent(struct flow *f)
{
    struct world *world = f->host->world;
    int64_t until = world_monotonic(world) + f->request->timeout_us;
    while (!f->over && !*f->request->stop && world_monotonic(world) < until)
        loop_turn(world->loop, 200 * US_PER_MS);
    if (!f->over)
        error_set(&f->err, *f->request->stop
                               ? "cancelled"
                               : "nobody gave consent in time: run it again, or with --timeout");
}

static int ask_consent(struct flow *f)
{
    const struct oauth_client *client = &f->setup->oauth->client;
    struct listener *listener =
        listener_open(f->host->world->loop, f->request->port, on_target, f, &f->err);
    if (!listener)
        return -1;
    snprintf(f->redirect, sizeof f->redirect, "http://%s:%u/callback",
             f->request->localhost ? "localhost" : "127.0.0.1", listener_port(listener));
    struct buf url = BUF_INIT(OAUTH_URL_MAX);
    oauth_authorize_url(&url, client, f->redirect, f->state, client->pkce ? f->challenge : NULL);
    if (url.full) {
        error_set(&f->err, "the URL of the consent page is too long: name fewer scopes");
    } else {
        f->request->ready(f->request->arg, buf_cstr(&url), f->redirect);
        wait_for_consent(f);
    }
    buf_free(&url);
    loop_turn(f->host->world->loop, 0);
    listener_close(listener);
    return f->code.ptr ? 0 : -1;
}

/* ---- the exchange ---- */

static void on_answer(void *arg, struct client_result *result)
{
    struct flow *f = arg;
    struct str body = {0};
    const char *why = "";
    f->answered = true;
    f->verdict = OAUTH_STRANGE;
    if (result->status == 0 || blob_view(result->body, &body, NULL) != 0)
        error_set(&f->err, "%s", result->text);
    else
        f->verdict = oauth_read_answer(&f->setup->oauth->client, result->status, body, &f->arena,
                                       &f->grant, &why);
    if (result->status != 0 && f->verdict != OAUTH_GRANTED) {
        struct buf clean = BUF_INIT(1024);
        redact(&clean, str_from(why));
        error_set(&f->err,
                  "the vendor gave no tokens (%s): check client_id, client_secret and that "
                  "the app has the redirect URL %s",
                  buf_cstr(&clean), f->redirect);
        buf_free(&clean);
    }
    blob_unref(result->body);
}

static void send_code(struct flow *f, struct buf *form)
{
    struct client_policy policy;
    struct world *world = f->host->world;
    token_policy(f->setup, &policy, &f->arena);
    struct budget *budget = budget_get(&f->host->budgets, "authorize", NULL, 0);
    struct client *client = client_new(world, f->host->transport, &policy, budget);
    /* A code is good for one exchange: after a broken answer it is gone. */
    const struct client_request request = token_request(&f->setup->oauth->client, form, false);
    client_send(client, &request, on_answer, f);
    while (!f->answered && !*f->request->stop)
        loop_turn(world->loop, 200 * US_PER_MS);
    if (!f->answered)
        error_set(&f->err, "cancelled");
    client_free(client);
}

static int exchange(struct flow *f)
{
    const struct oauth_client *oauth = &f->setup->oauth->client;
    struct buf form = BUF_INIT(OAUTH_FORM_MAX);
    oauth_code_form(&form, oauth, f->code, f->redirect, oauth->pkce ? f->verifier : NULL);
    if (form.full)
        error_set(&f->err, "the vendor's code is too long");
    else
        send_code(f, &form);
    explicit_bzero(form.ptr, form.cap);
    buf_free(&form);
    return f->answered && f->verdict == OAUTH_GRANTED ? 0 : -1;
}

static void wipe(struct str text)
{
    if (text.len > 0)
        explicit_bzero((char *)(uintptr_t)text.ptr, text.len);
}

int authorize(struct sync_host *host, const struct setup *setup,
              const struct authorize_request *request, struct buf *ret_scopes, struct error *err)
{
    struct flow f = {.host = host, .setup = setup, .request = request};
    oauth_random(host->world, f.state);
    oauth_random(host->world, f.verifier);
    int rc = oauth_challenge(f.verifier, f.challenge);
    if (rc != 0)
        error_set(&f.err, "the crypto library cannot hash: is memory out?");
    if (rc == 0)
        rc = ask_consent(&f);
    if (rc == 0)
        rc = exchange(&f);
    if (rc == 0) {
        redact_add(f.grant.access);
        redact_add(f.grant.refresh);
        rc = token_save(host, setup->config->name, &f.grant, &f.err);
        buf_str(ret_scopes, f.grant.scopes);
    }
    wipe(f.grant.access);
    wipe(f.grant.refresh);
    wipe(f.code);
    explicit_bzero(f.verifier, sizeof f.verifier);
    arena_free(&f.arena);
    *err = f.err;
    return rc;
}

/* ---- whose account ---- */

struct look {
    struct session *session;
    struct buf *id, *name;
    bool over, found;
    struct error *err;
};

static void on_finished(void *arg, const struct operation_result *result)
{
    struct look *l = arg;
    if (result->outcome != OUTCOME_OK) {
        error_set(l->err, "%s", result->text);
        session_stop(l->session);
    } else if (result->phase == PHASE_CREATE) {
        worker_check(session_worker(l->session));
    } else {
        l->found = true;
        buf_str(l->id, result->account_id);
        buf_str(l->name, result->account_name);
        session_stop(l->session);
    }
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct look *l = arg;
    if (end->how != SESSION_STOPPED)
        error_set(l->err, "%s", end->text);
    l->over = true;
}

int account_look(struct sync_host *host, const struct setup *setup, const struct image *image,
                 struct buf *ret_id, struct buf *ret_name, struct error *err)
{
    static const struct session_events events = {.finished = on_finished, .ended = on_ended};
    struct look l = {.id = ret_id, .name = ret_name, .err = err};
    l.session = session_start(host, setup, image, &events, &l, err);
    if (!l.session)
        return -1;
    loop_run(host->world->loop, &l.over);
    session_free(l.session);
    loop_turn(host->world->loop, 0); /* what it freed goes now */
    return l.found ? 0 : -1;
}
