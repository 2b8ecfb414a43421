/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HubSpot's OAuth: the consent page, the token endpoint (v1, v3 and dated), and the tokens that it
 * has given out. Any client id is an app; its secret is the one it came with first.
 */
#include "hubspot.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

enum { CODE_MS = 60 * 1000, CODES_MAX = 64, APPS_MAX = 32, TEXT_MAX = 512, SCOPES_MAX = 1024 };

/* What a person has allowed: lives as long as it is not revoked. */
struct grant {
    char client[128], scopes[SCOPES_MAX];
    char refresh[TEXT_MAX], refresh_before[TEXT_MAX];
    bool before_allowed; /* the token before the last rotation works once more */
    bool revoked;
};

struct access {
    char text[TEXT_MAX];
    size_t grant;
    int64_t expires_ms;
};

struct code {
    char text[64], client[128], redirect[512], scopes[SCOPES_MAX], challenge[64];
    int64_t expires_ms;
};

struct oauth {
    struct grant *grants;
    size_t grant_count;
    struct access *accesses;
    size_t access_count;
    struct code codes[CODES_MAX];
    size_t code_at;
    struct {
        char id[128], secret[256];
    } apps[APPS_MAX];
    size_t app_count;
    uint64_t exchanges, refreshes, refused;
};

static struct oauth *oauth_of(struct hubspot *h)
{
    if (!h->oauth)
        h->oauth = mem_get(sizeof *h->oauth);
    return h->oauth;
}

void hubspot_oauth_free(struct hubspot *h)
{
    if (!h->oauth)
        return;
    free(h->oauth->grants);
    free(h->oauth->accesses);
    free(h->oauth);
}

/* As long as HubSpot's own: over 300 characters. */
static void new_token(struct hubspot *h, const char *lead, char out[TEXT_MAX])
{
    size_t len = (size_t)snprintf(out, TEXT_MAX, "%s", lead);
    while (len < 310) {
        char id[37];
        sandbox_uuid(h->sandbox, id);
        len += (size_t)snprintf(out + len, TEXT_MAX - len, "%s", id);
    }
}

static void oauth_error(struct hubspot *h, struct answer *a, const char *status,
                        const char *message)
{
    oauth_of(h)->refused++;
    a->response->status = 400;
    text_printf(&a->body, "{\"status\":\"%s\",\"message\":\"%s\"}", status, message);
}

/* ---- access tokens ---- */

static const struct grant *find_access(const struct hubspot *h, const char *authorization,
                                       int64_t now_ms)
{
    const struct oauth *o = h->oauth;
    if (!o || !authorization || strncmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    for (size_t i = o->access_count; i-- > 0;)
        if (strcmp(o->accesses[i].text, authorization + 7) == 0)
            return now_ms < o->accesses[i].expires_ms ? &o->grants[o->accesses[i].grant] : NULL;
    return NULL;
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

bool hubspot_oauth_knows(const struct hubspot *h, const struct call *call)
{
    return find_access(h, call->request->authorization, call->now_ms) != NULL;
}

bool hubspot_oauth_allows(const struct hubspot *h, const struct call *call, const char *scope)
{
    const struct grant *g = find_access(h, call->request->authorization, call->now_ms);
    return g && has_word(g->scopes, scope);
}

/* Those that have expired go, so that a long run does not fill the memory. */
static void forget_expired(struct oauth *o, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->access_count; i++)
        if (o->accesses[i].expires_ms > now_ms)
            o->accesses[kept++] = o->accesses[i];
    o->access_count = kept;
}

static const char *give_access(struct hubspot *h, size_t grant, int64_t now_ms)
{
    struct oauth *o = oauth_of(h);
    forget_expired(o, now_ms);
    o->accesses = mem_more(o->accesses, (o->access_count + 1) * sizeof *o->accesses);
    struct access *access = &o->accesses[o->access_count++];
    *access = (struct access){.grant = grant,
                              .expires_ms = now_ms + (int64_t)h->options->token_ttl_s * 1000};
    new_token(h, "sandbox-access-", access->text);
    return access->text;
}

/* ---- the token endpoint ---- */

static void write_tokens(struct hubspot *h, size_t grant, const struct call *call, bool v3,
                         struct answer *a)
{
    const char *access = give_access(h, grant, call->now_ms);
    const struct grant *g = &oauth_of(h)->grants[grant];
    text_printf(&a->body,
                "{\"token_type\":\"bearer\",\"refresh_token\":\"%s\",\"access_token\":\"%s\","
                "\"expires_in\":%u,\"hub_id\":%d",
                g->refresh, access, h->options->token_ttl_s, HUBSPOT_PORTAL_ID);
    if (v3) {
        char scopes[SCOPES_MAX], *rest = scopes;
        snprintf(scopes, sizeof scopes, "%s", g->scopes);
        text_add(&a->body, ",\"token_use\":\"access_token\",\"user_id\":4700100,\"scopes\":[");
        for (const char *word, *comma = ""; (word = strsep(&rest, " ")); comma = ",") {
            text_add(&a->body, comma);
            text_json(&a->body, word, strlen(word));
        }
        text_char(&a->body, ']');
    }
    text_char(&a->body, '}');
}

/* Of a query or a form; empty when it is not there. */
static const char *argument(const struct call *call, const char *name)
{
    const char *value = call_arg(call, name);
    return value ? value : "";
}

static bool is_app(struct hubspot *h, const struct call *form, struct answer *a)
{
    struct oauth *o = oauth_of(h);
    const char *id = argument(form, "client_id"), *secret = argument(form, "client_secret");
    size_t i = 0;
    while (i < o->app_count && strcmp(o->apps[i].id, id) != 0)
        i++;
    if (i == o->app_count && i < APPS_MAX && *id && *secret) {
        snprintf(o->apps[i].id, sizeof o->apps[i].id, "%s", id);
        snprintf(o->apps[i].secret, sizeof o->apps[i].secret, "%s", secret);
        o->app_count++;
    }
    if (i < o->app_count && strcmp(o->apps[i].secret, secret) == 0)
        return true;
    oauth_error(h, a, "BAD_CLIENT_SECRET", "missing or invalid client secret");
    return false;
}

static size_t add_grant(struct hubspot *h, const char *client, const char *scopes)
{
    struct oauth *o = oauth_of(h);
    o->grants = mem_more(o->grants, (o->grant_count + 1) * sizeof *o->grants);
    struct grant *g = &o->grants[o->grant_count];
    *g = (struct grant){0};
    snprintf(g->client, sizeof g->client, "%s", client);
    snprintf(g->scopes, sizeof g->scopes, "%s", scopes);
    new_token(h, "sandbox-refresh-", g->refresh);
    return o->grant_count++;
}

static void base64url(const unsigned char bytes[32], char out[44])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0, bit = 0; i < 43; i++, bit += 6) {
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 < 31 ? bytes[bit / 8 + 1] : 0u);
        out[i] = digits[pair >> (10 - bit % 8) & 63];
    }
    out[43] = '\0';
}

static bool challenge_fits(const struct code *code, const char *verifier)
{
    char made[44];
    unsigned char digest[32];
    if (!code->challenge[0])
        return true;
    if (!SHA256((const unsigned char *)verifier, strlen(verifier), digest))
        return false;
    base64url(digest, made);
    return strcmp(made, code->challenge) == 0;
}

static void exchange_code(struct hubspot *h, const struct call *call, const struct call *form,
                          bool v3, struct answer *a)
{
    struct oauth *o = oauth_of(h);
    struct code *code = NULL;
    for (size_t i = 0; i < CODES_MAX; i++)
        if (o->codes[i].text[0] && strcmp(o->codes[i].text, argument(form, "code")) == 0)
            code = &o->codes[i];
    if (!code || call->now_ms >= code->expires_ms ||
        strcmp(code->client, argument(form, "client_id")) != 0) {
        oauth_error(h, a, "BAD_AUTH_CODE", "missing or unknown auth code");
    } else if (strcmp(code->redirect, argument(form, "redirect_uri")) != 0) {
        oauth_error(h, a, "MISMATCH_REDIRECT_URI_AUTH_CODE",
                    "the redirect URI is another than at the consent page");
    } else if (!challenge_fits(code, argument(form, "code_verifier"))) {
        oauth_error(h, a, "BAD_CODE_VERIFIER", "the code verifier does not fit the challenge");
    } else {
        o->exchanges++;
        write_tokens(h, add_grant(h, code->client, code->scopes), call, v3, a);
        code->text[0] = '\0';
    }
}

static size_t find_refresh(struct oauth *o, const char *text)
{
    for (size_t i = 0; i < o->grant_count; i++) {
        struct grant *g = &o->grants[i];
        if (*text && strcmp(g->refresh, text) == 0)
            return i;
        if (*text && g->before_allowed && strcmp(g->refresh_before, text) == 0) {
            g->before_allowed = false;
            return i;
        }
    }
    return o->grant_count;
}

static void refresh(struct hubspot *h, const struct call *call, const struct call *form, bool v3,
                    struct answer *a)
{
    struct oauth *o = oauth_of(h);
    size_t i = find_refresh(o, argument(form, "refresh_token"));
    if (i == o->grant_count || o->grants[i].revoked) {
        oauth_error(h, a, "BAD_REFRESH_TOKEN", "missing or invalid refresh token");
        return;
    }
    struct grant *g = &o->grants[i];
    o->refreshes++;
    if (h->options->rotate != SANDBOX_ROTATE_NEVER) {
        bool late = strcmp(g->refresh, argument(form, "refresh_token")) != 0;
        memcpy(g->refresh_before, g->refresh, sizeof g->refresh);
        g->before_allowed = h->options->rotate == SANDBOX_ROTATE_FORGIVING && !late;
        new_token(h, "sandbox-refresh-", g->refresh);
    }
    write_tokens(h, i, call, v3, a);
}

static void answer_form(struct hubspot *h, const struct call *call, const struct call *form,
                        bool v3, struct answer *a)
{
    const char *type = argument(form, "grant_type");
    if (!is_app(h, form, a))
        return;
    if (strcmp(type, "authorization_code") == 0)
        exchange_code(h, call, form, v3, a);
    else if (strcmp(type, "refresh_token") == 0)
        refresh(h, call, form, v3, a);
    else
        oauth_error(h, a, "BAD_GRANT_TYPE", "missing or unknown grant type");
}

static void token_endpoint(struct hubspot *h, const struct call *call, bool v3, struct answer *a)
{
    struct call form;
    if (strcmp(call->request->method, "POST") != 0) {
        hubspot_error(h, a, 405, NULL, "Method Not Allowed");
        return;
    }
    call_form(call, &form);
    answer_form(h, call, &form, v3, a);
    free(form.path);
}

/* ---- the consent page ---- */

static void redirect(const struct call *call, const char *name, const char *value, struct answer *a)
{
    const char *to = argument(call, "redirect_uri");
    struct text state = {0};
    text_percent(&state, argument(call, "state"));
    a->response->status = 302;
    answer_header(a, "Location", "%s%c%s=%s&state=%s", to, strchr(to, '?') ? '&' : '?', name, value,
                  text_end(&state));
    text_free(&state);
}

static void allow(struct hubspot *h, const struct call *call, struct answer *a)
{
    struct oauth *o = oauth_of(h);
    struct code *code = &o->codes[o->code_at++ % CODES_MAX];
    *code = (struct code){.expires_ms = call->now_ms + CODE_MS};
    sandbox_uuid(h->sandbox, code->text);
    snprintf(code->client, sizeof code->client, "%s", argument(call, "client_id"));
    snprintf(code->redirect, sizeof code->redirect, "%s", argument(call, "redirect_uri"));
    snprintf(code->scopes, sizeof code->scopes, "%s", argument(call, "scope"));
    snprintf(code->challenge, sizeof code->challenge, "%s", argument(call, "code_challenge"));
    redirect(call, "code", code->text, a);
}

static void consent_page(const struct call *call, struct answer *a)
{
    struct text target = {0};
    text_html(&target, call->request->target);
    answer_header(a, "Content-Type", "text/html; charset=utf-8");
    text_add(&a->body, "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">"
                       "<title>Connect to HubSpot (sandbox)</title>"
                       "<h1>Let this app in?</h1><p>App ");
    text_html(&a->body, argument(call, "client_id"));
    text_add(&a->body, " asks for: ");
    text_html(&a->body, argument(call, "scope"));
    text_printf(&a->body,
                "</p><p><a href=\"%s&amp;decision=allow\">Allow</a> "
                "<a href=\"%s&amp;decision=deny\">Cancel</a></p></html>\n",
                text_end(&target), text_end(&target));
    text_free(&target);
}

static void authorize(struct hubspot *h, const struct call *call, struct answer *a)
{
    const char *decision = argument(call, "decision"), *to = argument(call, "redirect_uri");
    bool local =
        strncmp(to, "http://127.0.0.1", 16) == 0 || strncmp(to, "http://localhost", 16) == 0;
    if (!*argument(call, "client_id") || (!local && strncmp(to, "https://", 8) != 0) ||
        strpbrk(to, "\r\n"))
        hubspot_error(h, a, 400, NULL,
                      "client_id and a redirect_uri (https, or http to this "
                      "machine) are wanted");
    else if (strcmp(decision, "deny") == 0)
        redirect(call, "error", "access_denied", a);
    else if (strcmp(decision, "allow") == 0 || *argument(call, "auto"))
        allow(h, call, a);
    else
        consent_page(call, a);
}

bool hubspot_oauth(struct hubspot *h, const struct call *call, struct answer *a)
{
    static const struct {
        const char *path;
        bool v3;
    } tokens[] = {
        {"/oauth/v1/token", false}, {"/oauth/v3/token", true}, {"/oauth/2026-03/token", true}};
    if (strcmp(call->path, "/oauth/authorize") == 0) {
        authorize(h, call, a);
        return true;
    }
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        if (strcmp(call->path, tokens[i].path) == 0) {
            token_endpoint(h, call, tokens[i].v3, a);
            return true;
        }
    return false;
}

/* ---- the control door ---- */

static void show(struct hubspot *h, struct answer *a)
{
    const struct oauth *o = oauth_of(h);
    size_t living = 0;
    for (size_t i = 0; i < o->grant_count; i++)
        living += !o->grants[i].revoked;
    text_printf(&a->body,
                "{\"grants\":%zu,\"living\":%zu,\"exchanges\":%llu,\"refreshes\":%llu,"
                "\"refused\":%llu}",
                o->grant_count, living, (unsigned long long)o->exchanges,
                (unsigned long long)o->refreshes, (unsigned long long)o->refused);
}

/* A grant without a person, for tests in one process. */
static void grant_now(struct hubspot *h, struct json_object *wanted, struct answer *a)
{
    const char *scopes = member_text(wanted, "scopes"), *client = member_text(wanted, "client_id");
    const struct call call = {.now_ms = sandbox_now(h->sandbox)};
    size_t grant = add_grant(h, client ? client : "sandbox-app", scopes ? scopes : "oauth");
    write_tokens(h, grant, &call, true, a);
}

bool hubspot_oauth_door(void *state, struct json_object *wanted, struct answer *a)
{
    struct hubspot *h = state;
    struct oauth *o = oauth_of(h);
    const char *what = wanted ? member_text(wanted, "do") : NULL, *word = what ? what : "";
    if (strcmp(word, "grant") == 0) {
        grant_now(h, wanted, a);
        return true;
    }
    if (strcmp(word, "revoke") == 0) {
        for (size_t i = 0; i < o->grant_count; i++)
            o->grants[i].revoked = true;
        o->access_count = 0;
    } else if (strcmp(word, "expire") == 0) {
        o->access_count = 0;
    } else if (wanted) {
        text_add(&a->body, "do: revoke, expire or grant is wanted");
        return false;
    }
    show(h, a);
    return true;
}
