/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/setup_oauth.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/redact.h"
#include "base/time.h"
#include "sync/export_compile.h"
#include "sync/take.h"

struct maker {
    struct settings_context ctx;
    struct setup *s;
    struct oauth_choice oauth; /* made once the network is known */
};

/* Names of a table's rows, for hints; `name_of` gives the i-th. */
static const char *const *names_of(struct maker *m, size_t count,
                                   struct str (*name_of)(const struct descriptor *d, size_t i))
{
    const char **names = arena_new(m->ctx.arena, count, sizeof names[0]);
    for (size_t i = 0; i < count; i++)
        names[i] = arena_str(m->ctx.arena, name_of(m->s->descriptor, i)).ptr;
    return names;
}

/* ---- options ---- */

static struct str option_name(const struct descriptor *d, size_t i)
{
    return d->options[i].name;
}

static bool in_range(const struct connector_option *o, int64_t value)
{
    return (o->min == 0 && o->max == 0) || (value >= o->min && value <= o->max);
}

static const char *choice_hint(struct maker *m, const struct connector_option *o, struct str wrong)
{
    const char **names = arena_new(m->ctx.arena, o->choice_count, sizeof names[0]);
    for (uint32_t i = 0; i < o->choice_count; i++)
        names[i] = arena_str(m->ctx.arena, o->choices[i]).ptr;
    return settings_hint(wrong, names, o->choice_count, m->ctx.arena);
}

/* The value as the connector reads it: durations in milliseconds. */
static bool convert_option(struct maker *m, const struct connector_option *o, struct str text,
                           const struct node *at, struct str *ret_value)
{
    int64_t number = 0;
    *ret_value = text;
    switch (o->type) {
    case OPTION_STRING:
        return true;
    case OPTION_BOOL:
        if (str_is(text, "true") || str_is(text, "false"))
            return true;
        settings_complain(&m->ctx, at, "%.*s must be true or false", STR_ARG(o->name));
        return false;
    case OPTION_ENUM:
        for (uint32_t i = 0; i < o->choice_count; i++)
            if (str_eq(text, o->choices[i]))
                return true;
        settings_complain(&m->ctx, at, "%.*s cannot be '%.*s'%s", STR_ARG(o->name), STR_ARG(text),
                          choice_hint(m, o, text));
        return false;
    case OPTION_INT:
        if (str_to_i64(text, &number) && in_range(o, number))
            return true;
        settings_complain(&m->ctx, at, "%.*s must be a whole number from %lld to %lld",
                          STR_ARG(o->name), (long long)o->min, (long long)o->max);
        return false;
    case OPTION_DURATION:
        if (!time_parse_span(text, &number) || !in_range(o, number / US_PER_MS)) {
            settings_complain(&m->ctx, at,
                              "%.*s must be a time like 90s, 5m or 1h, within its limits",
                              STR_ARG(o->name));
            return false;
        }
        *ret_value = str_from(arena_printf(m->ctx.arena, "%lld", (long long)(number / US_PER_MS)));
        return true;
    }
    return false;
}

static void make_option(struct maker *m, const struct connector_option *o)
{
    char key[256];
    struct str text = o->default_value, value;
    snprintf(key, sizeof key, "%.*s", STR_ARG(o->name));
    const struct node *at = node_get(m->s->config->options, key);
    if (at && !node_is_null(at)) {
        if (!settings_text_or_file(at, &m->ctx, m->s->config->dir, key, &text))
            return;
    } else if (o->required && !text.ptr) {
        settings_complain(&m->ctx, m->s->config->options ? m->s->config->options : at,
                          "the option '%s' is missing: %.*s", key, STR_ARG(o->help));
        return;
    }
    if (text.ptr && convert_option(m, o, text, at, &value))
        m->s->options[m->s->option_count++] = (struct named_text){o->name, value};
}

static void make_options(struct maker *m)
{
    const struct descriptor *d = m->s->descriptor;
    const struct node *given = m->s->config->options;
    m->s->options = arena_new(m->ctx.arena, d->option_count, sizeof m->s->options[0]);
    for (uint32_t i = 0; i < d->option_count; i++)
        make_option(m, &d->options[i]);
    for (size_t i = 0; given && i < given->count; i++) {
        const struct node *key = given->pairs[i].key;
        bool known = false;
        for (uint32_t j = 0; j < d->option_count; j++)
            known = known || str_eq(d->options[j].name, key->text);
        if (!known)
            settings_complain(&m->ctx, key, "%.*s has no option '%.*s'%s", STR_ARG(d->name),
                              STR_ARG(key->text),
                              settings_hint(key->text, names_of(m, d->option_count, option_name),
                                            d->option_count, m->ctx.arena));
    }
}

/* ---- credentials ---- */

static struct str auth_name(const struct descriptor *d, size_t i)
{
    return d->auth[i].name;
}

struct given_secret {
    struct str name, value;
};

/* "Bearer {{secret:token}}" with its credential in place. */
static bool expand(struct maker *m, struct str template, const struct given_secret *credentials,
                   size_t count, struct str *ret_text)
{
    struct buf out = BUF_INIT(64 * 1024);
    bool ok = true;
    while (template.len > 0 && ok) {
        const char *open = memmem(template.ptr, template.len, "{{secret:", 9);
        size_t before = open ? (size_t)(open - template.ptr) : template.len;
        buf_append(&out, template.ptr, before);
        if (!open)
            break;
        struct str rest = str_slice(template, before + 9, template.len - before - 9);
        const char *close = memmem(rest.ptr, rest.len, "}}", 2);
        struct str name = str_slice(rest, 0, close ? (size_t)(close - rest.ptr) : 0);
        ok = false;
        for (size_t i = 0; i < count && close; i++)
            if (str_eq(credentials[i].name, name)) {
                buf_str(&out, credentials[i].value);
                ok = true;
            }
        size_t used = name.len + 2;
        template = ok ? str_slice(rest, used, rest.len - used) : template;
    }
    *ret_text = arena_str(m->ctx.arena, buf_view(&out));
    buf_free(&out);
    return ok;
}

static bool is_header_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || (unsigned char)s.ptr[i] >= 0x7f)
            return false;
    return s.len > 0;
}

static bool read_credential(struct maker *m, const struct connector_auth *auth, uint32_t i,
                            const struct node *given, struct given_secret *ret)
{
    char key[256];
    snprintf(key, sizeof key, "%.*s", STR_ARG(auth->secrets[i].name));
    const struct node *at = node_get(given, key);
    ret->name = auth->secrets[i].name;
    if (!at || node_is_null(at)) {
        settings_complain(&m->ctx, at ? at : given, "the credential '%s' is missing: %.*s", key,
                          STR_ARG(auth->secrets[i].text));
        return false;
    }
    if (!settings_text_or_file(at, &m->ctx, m->s->config->dir, key, &ret->value))
        return false;
    if (!is_header_text(ret->value)) {
        settings_complain(
            &m->ctx, at,
            "the credential '%s' is empty, or holds a line break or other characters that "
            "no credential has",
            key);
        return false;
    }
    if (!auth->oauth || !str_is(ret->name, "client_id")) /* which is public */
        redact_add(ret->value);
    return true;
}

static const char *auth_hint(struct maker *m, const struct connector_auth *auth, struct str wrong)
{
    const char **names =
        arena_new(m->ctx.arena, auth->secret_count + OAUTH_SETTINGS, sizeof names[0]);
    size_t count = 0;
    for (uint32_t i = 0; i < auth->secret_count; i++)
        names[count++] = arena_str(m->ctx.arena, auth->secrets[i].name).ptr;
    for (size_t i = 0; i < OAUTH_SETTINGS && auth->oauth; i++)
        names[count++] = oauth_settings[i];
    return settings_hint(wrong, names, count, m->ctx.arena);
}

static void check_auth_keys(struct maker *m, const struct connector_auth *auth,
                            const struct node *given)
{
    for (size_t i = 0; i < given->count; i++) {
        bool known = false;
        for (uint32_t j = 0; j < auth->secret_count; j++)
            known = known || str_eq(auth->secrets[j].name, given->pairs[i].key->text);
        if (!known && !(auth->oauth && oauth_setting(given->pairs[i].key->text)))
            settings_complain(&m->ctx, given->pairs[i].key, "%.*s has no credential '%.*s'%s",
                              STR_ARG(auth->name), STR_ARG(given->pairs[i].key->text),
                              auth_hint(m, auth, given->pairs[i].key->text));
    }
}

static void make_auth_headers(struct maker *m, const struct connector_auth *auth,
                              const struct node *given)
{
    struct given_secret credentials[8];
    bool ok = auth->secret_count <= 8;
    for (uint32_t i = 0; i < auth->secret_count && i < 8; i++)
        ok = read_credential(m, auth, i, given, &credentials[i]) && ok;
    check_auth_keys(m, auth, given);
    if (auth->oauth) {
        m->oauth = (struct oauth_choice){.method = auth, .given = given};
        for (uint32_t i = 0; i < auth->secret_count && ok; i++)
            if (str_is(credentials[i].name, "client_id"))
                m->oauth.id = credentials[i].value;
            else if (str_is(credentials[i].name, "client_secret"))
                m->oauth.secret = credentials[i].value;
        return;
    }
    struct http_header *headers = arena_new(m->ctx.arena, auth->header_count, sizeof headers[0]);
    for (uint32_t i = 0; i < auth->header_count && ok; i++) {
        headers[i].name = auth->headers[i].name;
        if (!expand(m, auth->headers[i].text, credentials, auth->secret_count, &headers[i].value))
            settings_complain(&m->ctx, given,
                              "the connector asks for a credential that %.*s does not have",
                              STR_ARG(auth->name));
    }
    m->s->policy.auth_headers = headers;
    m->s->policy.auth_header_count = auth->header_count;
}

static void make_auth(struct maker *m)
{
    const struct descriptor *d = m->s->descriptor;
    const struct node *auth = m->s->config->auth;
    if (d->auth_count == 0) {
        if (auth && auth->count > 0)
            settings_complain(&m->ctx, auth, "%.*s needs no credentials: remove 'auth'",
                              STR_ARG(d->name));
        return;
    }
    const struct node *root = m->s->config->root, *written = node_get(root, "auth");
    if (!auth && written && !node_is_null(written)) /* no map, which is said already */
        return;
    if (!auth || auth->count != 1) {
        settings_complain(
            &m->ctx, written ? written : root,
            "'auth' must name one way to authenticate, for example auth: {%.*s: {%.*s: ...}}",
            STR_ARG(d->auth[0].name), STR_ARG(d->auth[0].secrets[0].name));
        return;
    }
    const struct pair *pair = &auth->pairs[0];
    const struct connector_auth *method = descriptor_auth(d, pair->key->text);
    if (!method)
        settings_complain(&m->ctx, pair->key, "%.*s has no way to authenticate called '%.*s'%s",
                          STR_ARG(d->name), STR_ARG(pair->key->text),
                          settings_hint(pair->key->text, names_of(m, d->auth_count, auth_name),
                                        d->auth_count, m->ctx.arena));
    else if (pair->value->kind != NODE_MAP)
        settings_complain(&m->ctx, pair->value, "write %.*s: {%.*s: ...}", STR_ARG(method->name),
                          STR_ARG(method->secrets[0].name));
    else
        make_auth_headers(m, method, pair->value);
}

/* ---- network ---- */

static struct str host_name(const struct descriptor *d, size_t i)
{
    return d->hosts[i];
}

/* What follows the host: nothing, or ":8700". */
static bool is_port(struct str s)
{
    uint64_t port;
    return s.len == 0 || (s.ptr[0] == ':' && str_to_u64(str_slice(s, 1, s.len - 1), &port) &&
                          port > 0 && port <= UINT16_MAX);
}

/* "http://127.0.0.1:8700": scheme, host and port, nothing after. Plain http only to oneself: a
 * credential must not cross a network in clear. */
static const char *wrong_origin(struct str origin)
{
    bool https = str_starts(origin, "https://");
    struct str rest = str_slice(origin, https ? 8 : 7, origin.len - (https ? 8 : 7));
    struct str host = rest;
    ptrdiff_t end =
        rest.len > 0 && rest.ptr[0] == '[' ? str_find(rest, ']') + 1 : str_find(rest, ':');
    if (end >= 0)
        host.len = (size_t)end;
    if (host.len == 0 || !is_port(str_slice(rest, host.len, rest.len - host.len)) ||
        str_find(rest, '/') >= 0 || str_find(rest, '@') >= 0 || str_find(rest, '?') >= 0 ||
        str_find(rest, ' ') >= 0)
        return "write scheme, host and port only, like http://127.0.0.1:8700";
    bool self = str_is(host, "127.0.0.1") || str_is(host, "localhost") || str_starts(rest, "[::1]");
    if (!https && !self)
        return "plain http is for this machine only: the credential would cross the network in "
               "clear";
    return NULL;
}

static void make_endpoints(struct maker *m)
{
    const struct descriptor *d = m->s->descriptor;
    const struct node *map = m->s->config->network.endpoints;
    if (!map)
        return;
    struct endpoint *endpoints = arena_new(m->ctx.arena, map->count, sizeof endpoints[0]);
    for (size_t i = 0; i < map->count; i++) {
        const struct node *key = map->pairs[i].key, *value = map->pairs[i].value;
        struct endpoint endpoint = {.host = key->text};
        bool known = false;
        for (uint32_t j = 0; j < d->host_count; j++)
            known = known || str_eq(d->hosts[j], key->text);
        known = known || oauth_knows_host(&m->oauth, key->text);
        if (!known)
            settings_complain(&m->ctx, key, "%.*s sends nothing to '%.*s'%s", STR_ARG(d->name),
                              STR_ARG(key->text),
                              settings_hint(key->text, names_of(m, d->host_count, host_name),
                                            d->host_count, m->ctx.arena));
        if (!settings_text(value, &m->ctx, "the endpoint", &endpoint.origin))
            continue;
        bool scheme =
            str_starts(endpoint.origin, "http://") || str_starts(endpoint.origin, "https://");
        const char *wrong = scheme ? wrong_origin(endpoint.origin)
                                   : "write scheme, host and port only, like http://127.0.0.1:8700";
        if (wrong)
            settings_complain(&m->ctx, value, "the endpoint '%.*s' cannot be used: %s",
                              STR_ARG(endpoint.origin), wrong);
        endpoints[m->s->policy.endpoint_count++] = endpoint;
    }
    m->s->policy.endpoints = endpoints;
}

static void make_network(struct maker *m)
{
    const struct network_config *network = &m->s->config->network;
    struct client_policy *policy = &m->s->policy;
    const struct node *at = node_get(node_get(m->s->config->root, "network"), "allow");
    struct error err;
    policy->hosts = m->s->descriptor->hosts;
    policy->host_count = m->s->descriptor->host_count;
    policy->timeout_us = network->timeout_us;
    policy->connect_timeout_us = network->connect_timeout_us;
    for (size_t i = 0; i < network->allow.count; i++)
        if (egress_allow(&policy->egress, network->allow.items[i], &err) != 0)
            settings_complain(&m->ctx, at && at->kind == NODE_LIST ? at->items[i] : at, "allow: %s",
                              err.text);
    if (network->ca_file.len > 0) {
        char *path = file_join(m->s->config->dir, arena_str(m->ctx.arena, network->ca_file).ptr);
        policy->ca_file = str_from(arena_text(m->ctx.arena, path));
        if (!file_exists(path))
            settings_complain(&m->ctx, node_get(node_get(m->s->config->root, "network"), "ca_file"),
                              "there is no file %s", path);
        free(path);
    }
    make_endpoints(m);
}

/* ---- limits and answers ---- */

static struct str limit_name(const struct descriptor *d, size_t i)
{
    return d->limits[i].name;
}

/* "190/10s". */
static bool parse_rate(struct str text, struct bucket_rule *rule)
{
    ptrdiff_t slash = str_find(text, '/');
    int64_t span;
    uint64_t requests;
    if (slash <= 0 || !str_to_u64(str_trim(str_slice(text, 0, (size_t)slash)), &requests) ||
        !time_parse_span(str_trim(str_slice(text, (size_t)slash + 1, text.len - (size_t)slash - 1)),
                         &span))
        return false;
    if (requests == 0 || requests > 1000000000 || span < US_PER_MS)
        return false;
    rule->requests = requests;
    rule->per_ms = (uint64_t)(span / US_PER_MS);
    rule->pinned = true;
    return true;
}

static void override_limit(struct maker *m, const struct pair *pair)
{
    const struct descriptor *d = m->s->descriptor;
    struct bucket_rule *rule = NULL;
    struct str text;
    for (size_t i = 0; i < m->s->bucket_count; i++)
        if (str_eq(m->s->buckets[i].name, pair->key->text))
            rule = &m->s->buckets[i];
    if (!rule) {
        settings_complain(&m->ctx, pair->key, "%.*s has no limit '%.*s'%s", STR_ARG(d->name),
                          STR_ARG(pair->key->text),
                          settings_hint(pair->key->text, names_of(m, d->limit_count, limit_name),
                                        d->limit_count, m->ctx.arena));
        return;
    }
    if (!settings_text(pair->value, &m->ctx, "a limit", &text))
        return;
    if (str_is(text, "off"))
        rule->off = true;
    else if (!parse_rate(text, rule))
        settings_complain(&m->ctx, pair->value, "a limit is REQUESTS/TIME, like 190/10s, or off");
}

static void make_limits(struct maker *m)
{
    const struct descriptor *d = m->s->descriptor;
    const struct node *given = m->s->config->limits;
    for (uint32_t i = 0; i < d->limit_count && i < BUDGET_BUCKETS; i++) {
        const struct connector_limit *l = &d->limits[i];
        m->s->buckets[m->s->bucket_count++] =
            (struct bucket_rule){.name = l->name,
                                 .kind = (enum bucket_kind)l->kind,
                                 .always = l->always,
                                 .requests = l->requests,
                                 .per_ms = l->per_ms,
                                 .header_limit = l->header_limit,
                                 .header_remaining = l->header_remaining,
                                 .header_per_ms = l->header_per_ms};
    }
    for (size_t i = 0; given && i < given->count; i++)
        override_limit(m, &given->pairs[i]);
}

static void make_answers(struct maker *m)
{
    const struct descriptor *d = m->s->descriptor;
    struct answer_rule *rules = arena_new(m->ctx.arena, d->response_count, sizeof rules[0]);
    for (uint32_t i = 0; i < d->response_count; i++) {
        const struct connector_response *r = &d->responses[i];
        rules[i] = (struct answer_rule){.status_min = r->status_min,
                                        .status_max = r->status_max,
                                        .path = r->path,
                                        .equals = r->equals,
                                        .outcome = r->outcome,
                                        .not_done = r->not_done,
                                        .retry_after_us = r->retry_after_ms * US_PER_MS,
                                        .message = r->message};
    }
    m->s->policy.rules = rules;
    m->s->policy.rule_count = d->response_count;
}

/* ---- objects ---- */

/* The names that objects have; not that of the row for all others. */
static const char *const *object_names(struct maker *m, size_t *ret_count)
{
    const struct descriptor *d = m->s->descriptor;
    const char **names = arena_new(m->ctx.arena, d->object_count, sizeof names[0]);
    *ret_count = 0;
    for (uint32_t i = 0; i < d->object_count; i++)
        if (!d->objects[i].is_custom)
            names[(*ret_count)++] = arena_str(m->ctx.arena, d->objects[i].name).ptr;
    return names;
}

static const struct node *object_node(const struct named_item *item, const char *key)
{
    return node_get(item->node, key);
}

/* What the vendor gives of a taken field is an id, which matches nothing. */
static bool is_taken(const struct object_setup *o, int field)
{
    for (size_t i = 0; i < o->mapping.rule_count; i++)
        if (o->mapping.rules[i].index == field)
            return o->mapping.rules[i].take.len > 0;
    return false;
}

/* Of a field that there is not. */
static const char *match_hint(struct maker *m, const struct model_object *model, struct str wrong)
{
    const char **names = arena_new(m->ctx.arena, model->field_count, sizeof names[0]);
    for (size_t i = 0; i < model->field_count; i++)
        names[i] = model->fields[i].name;
    const char *near = str_nearest(wrong, names, model->field_count);
    return near ? arena_printf(m->ctx.arena, " (did you mean '%s'?)", near) : "";
}

static void make_match(struct maker *m, struct object_setup *o)
{
    const struct node *at = object_node(o->item, "match");
    if (!at || node_is_null(at)) {
        if (o->model->match && !is_taken(o, model_field(o->model, str_from(o->model->match))))
            o->match[o->match_count++] = model_field(o->model, str_from(o->model->match));
        return;
    }
    for (size_t i = 0; i < o->config->match.count; i++) {
        struct str name = o->config->match.items[i];
        int field = model_field(o->model, name);
        bool fits =
            field >= 0 && o->model->fields[field].kind != KIND_REFERENCE && !is_taken(o, field);
        if (!fits || o->match_count == sizeof o->match / sizeof o->match[0])
            settings_complain(&m->ctx, at->kind == NODE_LIST ? at->items[i] : at,
                              "%s cannot be matched by '%.*s'%s; by default it is matched by %s",
                              o->model->name, STR_ARG(name),
                              field < 0 ? match_hint(m, o->model, name) : "",
                              o->model->match ? o->model->match : "nothing");
        else
            o->match[o->match_count++] = field;
    }
}

/* Which object was meant: one that is synced, or that might be; "" when the name is right. */
static const char *lookup_hint(struct maker *m, struct str name)
{
    size_t known, count = m->s->object_count;
    const char *const *others = object_names(m, &known);
    const char **names = arena_new(m->ctx.arena, count + known, sizeof names[0]);
    for (size_t i = 0; i < count; i++)
        names[i] = arena_str(m->ctx.arena, m->s->objects[i].item->name).ptr;
    for (size_t i = 0; i < known; i++)
        if (str_is(name, others[i]))
            return ": add it to 'objects'";
    for (size_t i = 0; i < known; i++)
        names[count++] = others[i];
    const char *near = str_nearest(name, names, count);
    return near ? arena_printf(m->ctx.arena, "; did you mean '%s'?", near) : "";
}

/* False: the rule has no object to look in, and is to be left out. */
static bool check_lookup(struct maker *m, const struct object_setup *o, struct rule *rule)
{
    struct node at = {.line = rule->line ? rule->line : o->item->line,
                      .column = rule->line ? rule->column : o->item->column};
    const struct object_setup *target = setup_object(m->s, rule->lookup);
    if (!target && rule->line)
        settings_complain(&m->ctx, &at, "%s looks up '%.*s', which this connection does not sync%s",
                          rule->field.name, STR_ARG(rule->lookup), lookup_hint(m, rule->lookup));
    else if (target && rule->take.len > 0)
        take_resolve(&m->ctx, o, rule, target->model, &at);
    else if (target && !str_is(str_from(target->model->name), rule->field.references))
        settings_complain(&m->ctx, &at, "%s refers to a %s, but '%.*s' become %ss",
                          rule->field.name, rule->field.references, STR_ARG(rule->lookup),
                          target->model->name);
    return target || rule->line;
}

/* A default rule for an object that this connection leaves out goes: else its ids would count as
 * seen, and the references would stay empty once that object is synced too. */
static void check_lookups(struct maker *m, struct object_setup *o)
{
    for (size_t i = 0; i < o->mapping.rule_count;) {
        struct rule *rule = &o->mapping.rules[i];
        bool wrong = (rule->take.len > 0) == (rule->field.kind == KIND_REFERENCE); /* it is said */
        if (rule->lookup.len == 0 || wrong || check_lookup(m, o, rule))
            i++;
        else
            mapping_drop(&o->mapping, i);
    }
}

/* The row that stands for all others, with the object's own name. NULL: the name is so near to
 * another's that it is taken for a slip. */
static const struct connector_object *custom_vendor(struct maker *m,
                                                    const struct connector_object *row,
                                                    struct str name)
{
    struct connector_object *object = arena_new(m->ctx.arena, 1, sizeof *object);
    size_t count;
    const char *const *names = object_names(m, &count);
    if (str_nearest(name, names, count))
        return NULL;
    *object = *row;
    object->name = name;
    object->label = name;
    return object;
}

static void say_unknown(struct maker *m, const struct named_item *item)
{
    const struct descriptor *d = m->s->descriptor;
    const struct node at = {.line = item->line, .column = item->column};
    const struct connector_object *row = descriptor_object(d, item->name);
    size_t count;
    const char *const *names = object_names(m, &count);
    const char *hint = settings_hint(item->name, names, count, m->ctx.arena);
    const char *custom =
        row && row->is_custom
            ? arena_printf(m->ctx.arena,
                           " If the account has a custom object of that name, write another of its "
                           "names (%.*s)",
                           STR_ARG(row->label))
            : "";
    settings_complain(&m->ctx, &at, "%.*s has no object '%.*s'%s%s", STR_ARG(d->name),
                      STR_ARG(item->name), hint, custom);
}

static bool make_object(struct maker *m, const struct named_item *item, struct object_setup *o)
{
    const struct descriptor *d = m->s->descriptor;
    struct node at = {.line = item->line, .column = item->column};
    *o = (struct object_setup){
        .item = item, .config = item->item, .vendor = descriptor_object(d, item->name)};
    if (o->vendor && o->vendor->is_custom)
        o->vendor = custom_vendor(m, o->vendor, item->name);
    if (!o->vendor) {
        say_unknown(m, item);
        return false;
    }
    struct str to = o->config->to.len > 0 ? o->config->to : o->vendor->canonical;
    const struct node *to_node = object_node(item, "to");
    o->model = model_object(to);
    if (!o->model) {
        const char **names = arena_new(m->ctx.arena, model_object_count, sizeof names[0]);
        for (size_t i = 0; i < model_object_count; i++)
            names[i] = model_objects[i].name;
        settings_complain(&m->ctx, to_node ? to_node : &at, "there is no canonical object '%.*s'%s",
                          STR_ARG(to), settings_hint(to, names, model_object_count, m->ctx.arena));
        return false;
    }
    o->lookback_us =
        o->config->lookback_us >= 0 ? o->config->lookback_us : o->vendor->lookback_ms * US_PER_MS;
    mapping_compile(m->s->config, item, o->vendor, o->model, &o->mapping, m->ctx.arena,
                    m->ctx.problems);
    make_match(m, o);
    return o->config->enabled;
}

/* ---- both ways ---- */

static bool writes_any(const struct descriptor *d)
{
    for (uint32_t i = 0; i < d->object_count; i++)
        if (export_is_writable(&d->objects[i]))
            return true;
    return false;
}

static bool weighs_sources(const struct setup *s)
{
    bool any = s->config->policy.conflict == CONFLICT_SOURCE_PRIORITY;
    for (size_t i = 0; i < s->object_count; i++)
        for (size_t j = 0; j < s->objects[i].mapping.rule_count; j++)
            any = any || s->objects[i].mapping.rules[j].conflict == CONFLICT_SOURCE_PRIORITY;
    return any;
}

/* What the connection says for all of its objects. */
static void check_policy(struct maker *m)
{
    const struct connection_config *c = m->s->config;
    const struct descriptor *d = m->s->descriptor;
    const struct node *direction = node_given(c->root, "sync_direction"),
                      *priority = node_given(c->root, "priority");
    if (direction && direction_exports(c->policy.direction) && !writes_any(d))
        settings_complain(&m->ctx, direction,
                          "%.*s writes nothing to the vendor: write sync_direction: import",
                          STR_ARG(d->name));
    if (priority && !weighs_sources(m->s))
        settings_complain(&m->ctx, priority,
                          "'priority' goes with conflict_resolution: source_priority, which "
                          "nothing here has; add that, or remove it");
}

static void make_objects(struct maker *m)
{
    const struct named_list *list = &m->s->config->objects;
    m->s->objects = arena_new(m->ctx.arena, list->count, sizeof m->s->objects[0]);
    for (size_t i = 0; i < list->count; i++)
        if (make_object(m, &list->items[i], &m->s->objects[m->s->object_count]))
            m->s->object_count++;
    for (size_t i = 0; i < m->s->object_count; i++)
        check_lookups(m, &m->s->objects[i]);
    take_check_all(&m->ctx, m->s);
    check_policy(m);
    const struct node *written = node_get(m->s->config->root, "objects");
    if (written && written->kind == NODE_MAP && written->count == 0) /* else it is said already */
        settings_complain(&m->ctx, written, "'objects' is empty: name at least one");
}

void setup_make(const struct connection_config *config, const struct descriptor *descriptor,
                struct setup *ret_setup, struct arena *arena, struct problems *problems)
{
    struct maker m = {.ctx = {config->file, arena, problems}, .s = ret_setup};
    *ret_setup = (struct setup){.config = config, .descriptor = descriptor};
    make_options(&m);
    make_auth(&m);
    make_network(&m);
    make_limits(&m);
    make_answers(&m);
    make_objects(&m);
    oauth_setup_make(ret_setup, &m.oauth, &m.ctx);
}

const struct object_setup *setup_object(const struct setup *setup, struct str name)
{
    for (size_t i = 0; i < setup->object_count; i++)
        if (str_eq(setup->objects[i].item->name, name))
            return &setup->objects[i];
    return NULL;
}
