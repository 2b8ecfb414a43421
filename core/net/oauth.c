/* SPDX-License-Identifier: Apache-2.0 */
#include "net/oauth.h"

#include "base/encode.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/redact.h"
#include "base/time.h"

enum { LIFETIME_MOST_S = 366 * 86400 };

/* ---- what is sent ---- */

/* RFC 4648 section 5, without padding. */
static void base64url(const uint8_t bytes[32], char out[OAUTH_RANDOM])
{
    struct buf text = BUF_INIT(64);
    encode_base64(&text, (struct str){(const char *)bytes, 32});
    for (size_t i = 0; i < OAUTH_RANDOM - 1; i++)
        out[i] = text.ptr[i] == '+' ? '-' : text.ptr[i] == '/' ? '_' : text.ptr[i];
    out[OAUTH_RANDOM - 1] = '\0';
    explicit_bzero(text.ptr, text.len);
    buf_free(&text);
}

void oauth_random(struct world *world, char out[OAUTH_RANDOM])
{
    uint8_t bytes[32];
    world->random(world->self, bytes, sizeof bytes);
    base64url(bytes, out);
    explicit_bzero(bytes, sizeof bytes);
}

int oauth_challenge(const char *verifier, char out[OAUTH_RANDOM])
{
    uint8_t digest[SHA256_SIZE];
    if (sha256(str_from(verifier), digest) != 0)
        return -1;
    base64url(digest, out);
    return 0;
}

/* "&name=value", or "name=value" as the first. */
static void pair(struct buf *out, char lead, const char *name, struct str value)
{
    if (lead)
        buf_char(out, lead);
    buf_text(out, name);
    buf_char(out, '=');
    encode_percent(out, value);
}

void oauth_authorize_url(struct buf *out, const struct oauth_client *client,
                         const char *redirect_uri, const char *state, const char *challenge)
{
    buf_str(out, client->authorize_url);
    pair(out, '?', "response_type", STR("code"));
    pair(out, '&', "client_id", client->id);
    pair(out, '&', "redirect_uri", str_from(redirect_uri));
    pair(out, '&', "scope", client->scopes);
    if (client->optional_scopes.len > 0)
        pair(out, '&', "optional_scope", client->optional_scopes);
    pair(out, '&', "state", str_from(state));
    if (challenge) {
        pair(out, '&', "code_challenge", str_from(challenge));
        pair(out, '&', "code_challenge_method", STR("S256"));
    }
}

static void client_pairs(struct buf *out, const struct oauth_client *client)
{
    pair(out, '&', "client_id", client->id);
    pair(out, '&', "client_secret", client->secret);
}

void oauth_code_form(struct buf *out, const struct oauth_client *client, struct str code,
                     const char *redirect_uri, const char *verifier)
{
    buf_reserve(out, OAUTH_FORM_MAX); /* secrets are not left behind by growing */
    pair(out, 0, "grant_type", STR("authorization_code"));
    client_pairs(out, client);
    pair(out, '&', "redirect_uri", str_from(redirect_uri));
    pair(out, '&', "code", code);
    if (verifier)
        pair(out, '&', "code_verifier", str_from(verifier));
}

void oauth_refresh_form(struct buf *out, const struct oauth_client *client, struct str refresh)
{
    buf_reserve(out, OAUTH_FORM_MAX);
    pair(out, 0, "grant_type", STR("refresh_token"));
    client_pairs(out, client);
    pair(out, '&', "refresh_token", refresh);
}

/* ---- what comes back ---- */

/* A token goes into a header as it is (RFC 6749 appendix A.12: visible ASCII). */
static bool is_token_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
            return false;
    return s.len > 0 && s.len <= OAUTH_TOKEN_MAX;
}

static bool is_scope_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
            return false;
    return s.len <= OAUTH_SCOPES_MAX;
}

/* "scope": words, or "scopes": a list of them; vendors do either. */
static struct str read_scopes(const struct json *root, struct arena *arena)
{
    struct buf text = BUF_INIT(OAUTH_SCOPES_MAX);
    const struct json *list = json_member(root, STR("scopes"));
    buf_str(&text, json_string(json_member(root, STR("scope"))));
    for (size_t i = 0, count = text.len > 0 ? 0 : json_length(list); i < count; i++)
        buf_printf(&text, "%s%.*s", i > 0 ? " " : "", STR_ARG(json_string(json_element(list, i))));
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ',')
            text.ptr[i] = ' ';
    struct str scopes = {0};
    if (!text.full && is_scope_text(buf_view(&text)))
        scopes = arena_str(arena, buf_view(&text));
    buf_free(&text);
    return scopes;
}

static int64_t read_lifetime(const struct json *root)
{
    const struct json *value = json_member(root, STR("expires_in"));
    int64_t seconds = json_int(value);
    if (json_kind(value) == JSON_STRING && !str_to_i64(json_string(value), &seconds))
        seconds = 0;
    if (seconds < 0)
        seconds = 0;
    return (seconds > LIFETIME_MOST_S ? LIFETIME_MOST_S : seconds) * US_PER_SECOND;
}

static enum oauth_verdict read_grant(const struct json *root, struct arena *arena,
                                     struct oauth_grant *ret, const char **ret_why)
{
    struct str access = json_string(json_member(root, STR("access_token")));
    struct str refresh = json_string(json_member(root, STR("refresh_token")));
    struct str type = json_string(json_member(root, STR("token_type")));
    *ret_why = "the answer holds no access token that can be used";
    if (!is_token_text(access) || (refresh.len > 0 && !is_token_text(refresh)))
        return OAUTH_STRANGE;
    *ret_why = "the access token is of another type than bearer";
    if (type.len > 0 && !str_eq_nocase(type, STR("bearer")))
        return OAUTH_STRANGE;
    *ret = (struct oauth_grant){.access = arena_str(arena, access),
                                .refresh = arena_str(arena, refresh),
                                .lifetime_us = read_lifetime(root),
                                .scopes = read_scopes(root, arena)};
    *ret_why = "";
    return OAUTH_GRANTED;
}

static bool is_dead(const struct oauth_client *client, int status, const struct json *root)
{
    if (str_is(json_string(json_member(root, STR("error"))), "invalid_grant"))
        return true;
    for (size_t i = 0; i < client->dead_count; i++) {
        const struct oauth_dead_rule *rule = &client->dead[i];
        if (rule->status == status &&
            str_eq(json_string(json_path(root, rule->path)), rule->equals))
            return true;
    }
    return false;
}

/* Without credentials, then cut: what is left of one that was cut would not be known. */
static const char *shown(struct str words, struct arena *arena)
{
    struct buf clean = BUF_INIT(64 * 1024);
    redact(&clean, words);
    char *text = arena_printf(arena, "%.200s", buf_cstr(&clean));
    buf_free(&clean);
    return text;
}

/* The vendor's own words. */
static const char *words_of(const struct json *root, int status, struct arena *arena)
{
    static const char *const members[] = {"error_description", "message", "error", "status"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct str words = json_string(json_member(root, str_from(members[i])));
        if (words.len > 0)
            return arena_printf(arena, "%d, %s", status, shown(words, arena));
    }
    return arena_printf(arena, "%d", status);
}

enum oauth_verdict oauth_read_answer(const struct oauth_client *client, int status, struct str body,
                                     struct arena *arena, struct oauth_grant *ret_grant,
                                     const char **ret_why)
{
    const struct json *root = NULL;
    enum oauth_verdict verdict = OAUTH_STRANGE;
    *ret_grant = (struct oauth_grant){0};
    bool parsed = json_parse(body, &root, NULL) == 0 && json_kind(root) == JSON_OBJECT;
    *ret_why = words_of(parsed ? root : NULL, status, arena);
    if (status >= 500 || status == 429 || status == 408 || status == 423 || status == 477)
        verdict = OAUTH_PASSING;
    else if (parsed && status >= 200 && status < 300)
        verdict = read_grant(root, arena, ret_grant, ret_why);
    else if (status >= 200 && status < 300)
        *ret_why = "the answer is no JSON object";
    else if (parsed && is_dead(client, status, root))
        verdict = OAUTH_DEAD;
    else if (status >= 400)
        verdict = OAUTH_REFUSED;
    json_free(root);
    return verdict;
}

bool oauth_has_scope(struct str scopes, struct str scope)
{
    struct str word;
    while (str_next(&scopes, ' ', &word))
        if (str_eq(word, scope))
            return true;
    return false;
}
