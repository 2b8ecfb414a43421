/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/setup_oauth.h"

static const char token_path[] = "token_path", scopes_key[] = "scopes";

const char *const oauth_settings[OAUTH_SETTINGS] = {token_path, scopes_key};

bool oauth_setting(struct str key)
{
    return str_is(key, token_path) || str_is(key, scopes_key);
}

bool oauth_knows_host(const struct oauth_choice *choice, struct str host)
{
    return choice->method && (str_eq(host, choice->method->oauth->authorize_host) ||
                              str_eq(host, choice->method->oauth->token_host));
}

/* ---- scopes ---- */

static void add_scope(struct buf *out, char separator, struct str scope)
{
    char separators[] = {separator, '\0'};
    struct str rest = buf_view(out), word;
    while (out->len > 0 && str_next(&rest, separator, &word))
        if (str_eq(word, scope))
            return;
    if (scope.len > 0)
        buf_printf(out, "%s%.*s", out->len > 0 ? separators : "", STR_ARG(scope));
}

static struct str join_scopes(const struct str *scopes, size_t count, char separator,
                              struct arena *arena)
{
    struct buf out = BUF_INIT(OAUTH_SCOPES_MAX);
    for (size_t i = 0; i < count; i++)
        add_scope(&out, separator, scopes[i]);
    struct str joined = arena_str(arena, buf_view(&out));
    buf_free(&out);
    return joined;
}

/* The method's own and those of the objects that are synced, unless the file names others. */
static struct str make_scopes(const struct setup *s, const struct oauth_choice *choice,
                              const struct settings_context *ctx)
{
    const struct connector_oauth *oauth = choice->method->oauth;
    const struct node *at = node_get(choice->given, scopes_key);
    char separator = oauth->scope_separator.ptr[0];
    struct text_list list = {0};
    if (at && !node_is_null(at)) {
        if (!settings_texts(at, ctx, scopes_key, &list))
            return (struct str){0};
        for (size_t i = 0; i < list.count; i++)
            for (size_t j = 0; j < list.items[i].len; j++)
                if (list.items[i].ptr[j] <= ' ' || list.items[i].ptr[j] >= 0x7f) {
                    settings_complain(ctx, at, "a scope is one word, not '%.*s'",
                                      STR_ARG(list.items[i]));
                    return (struct str){0};
                }
        return join_scopes(list.items, list.count, separator, ctx->arena);
    }
    struct buf out = BUF_INIT(OAUTH_SCOPES_MAX);
    for (uint32_t i = 0; i < oauth->scope_count; i++)
        add_scope(&out, separator, oauth->scopes[i]);
    for (size_t i = 0; i < s->object_count; i++)
        add_scope(&out, separator, s->objects[i].vendor->scope);
    struct str joined = arena_str(ctx->arena, buf_view(&out));
    buf_free(&out);
    return joined;
}

/* ---- URLs ---- */

static struct str with_path(struct str url, struct str host, struct str path, struct arena *arena)
{
    return str_from(arena_printf(arena, "%.*s%.*s%.*s", 8, url.ptr, STR_ARG(host), STR_ARG(path)));
}

static struct str make_token_url(const struct oauth_choice *choice,
                                 const struct settings_context *ctx)
{
    const struct connector_oauth *oauth = choice->method->oauth;
    const struct node *at = node_get(choice->given, token_path);
    struct str path;
    if (!at || node_is_null(at) || !settings_text(at, ctx, token_path, &path))
        return oauth->token_url;
    bool plain = str_starts(path, "/") && path.len <= 256;
    for (size_t i = 0; i < path.len; i++)
        plain =
            plain && path.ptr[i] > ' ' && path.ptr[i] < 0x7f && !strchr("?#\\\"<>", path.ptr[i]);
    if (!plain)
        settings_complain(ctx, at, "token_path is a path on %.*s, like /oauth/v1/token",
                          STR_ARG(oauth->token_host));
    return with_path(oauth->token_url, oauth->token_host, path, ctx->arena);
}

/* A person opens it: where an endpoint stands in for its host, that is what the person must reach.
 */
static struct str make_authorize_url(const struct setup *s, const struct connector_oauth *oauth,
                                     struct arena *arena)
{
    struct str url = oauth->authorize_url;
    size_t before = 8 + oauth->authorize_host.len;
    for (size_t i = 0; i < s->policy.endpoint_count; i++)
        if (str_eq(s->policy.endpoints[i].host, oauth->authorize_host))
            return str_from(arena_printf(arena, "%.*s%.*s", STR_ARG(s->policy.endpoints[i].origin),
                                         STR_ARG(str_slice(url, before, url.len - before))));
    return url;
}

void oauth_setup_make(struct setup *s, const struct oauth_choice *choice,
                      const struct settings_context *ctx)
{
    if (!choice->method)
        return;
    const struct connector_auth *method = choice->method;
    const struct connector_oauth *oauth = method->oauth;
    struct oauth_dead_rule *dead = arena_new(ctx->arena, oauth->dead_count, sizeof dead[0]);
    struct oauth_setup *made = arena_new(ctx->arena, 1, sizeof *made);
    for (uint32_t i = 0; i < oauth->dead_count; i++)
        dead[i] = (struct oauth_dead_rule){oauth->dead[i].status, oauth->dead[i].path,
                                           oauth->dead[i].equals};
    *made =
        (struct oauth_setup){.client = {.authorize_url = make_authorize_url(s, oauth, ctx->arena),
                                        .token_url = make_token_url(choice, ctx),
                                        .id = choice->id,
                                        .secret = choice->secret,
                                        .scopes = make_scopes(s, choice, ctx),
                                        .optional_scopes = join_scopes(
                                            oauth->optional_scopes, oauth->optional_scope_count,
                                            oauth->scope_separator.ptr[0], ctx->arena),
                                        .pkce = oauth->pkce,
                                        .dead = dead,
                                        .dead_count = oauth->dead_count},
                             .token_host = oauth->token_host,
                             .headers = method->headers,
                             .header_count = method->header_count,
                             .separator = oauth->scope_separator};
    s->oauth = made;
}
