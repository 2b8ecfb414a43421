/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/describe_json.h"

#include <stdio.h>

#include "cli/jail.h"

const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {[OPTION_STRING] = "text",
                                        [OPTION_INT] = "whole number",
                                        [OPTION_BOOL] = "true or false",
                                        [OPTION_DURATION] = "time",
                                        [OPTION_ENUM] = "one of"};
    return type >= OPTION_STRING && type <= OPTION_ENUM ? names[type] : "?";
}

static void put(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    if (text.ptr)
        json_put_str(w, text);
    else
        json_put_null(w);
}

static void put_bool(struct json_writer *w, const char *name, bool value)
{
    json_key(w, name);
    json_put_bool(w, value);
}

static void put_int(struct json_writer *w, const char *name, int64_t value)
{
    json_key(w, name);
    json_put_int(w, value);
}

static void put_option(struct json_writer *w, const struct connector_option *o)
{
    json_open(w, '{');
    put(w, "name", o->name);
    put(w, "type", str_from(option_type_name(o->type)));
    put_bool(w, "required", o->required);
    put(w, "default", o->default_value);
    if (o->min != 0 || o->max != 0) {
        put_int(w, o->type == OPTION_DURATION ? "min_ms" : "min", o->min);
        put_int(w, o->type == OPTION_DURATION ? "max_ms" : "max", o->max);
    }
    if (o->choice_count > 0) {
        json_key(w, "choices");
        json_open(w, '[');
        for (uint32_t i = 0; i < o->choice_count; i++)
            json_put_str(w, o->choices[i]);
        json_close(w, ']');
    }
    put(w, "help", o->help);
    json_close(w, '}');
}

static void put_texts(struct json_writer *w, const char *name, const struct str *texts,
                      uint32_t count)
{
    json_key(w, name);
    json_open(w, '[');
    for (uint32_t i = 0; i < count; i++)
        json_put_str(w, texts[i]);
    json_close(w, ']');
}

static void put_oauth(struct json_writer *w, const struct connector_oauth *o)
{
    json_key(w, "oauth");
    if (!o) {
        json_put_null(w);
        return;
    }
    json_open(w, '{');
    put(w, "authorize_url", o->authorize_url);
    put(w, "token_url", o->token_url);
    put_texts(w, "scopes", o->scopes, o->scope_count);
    put_texts(w, "optional_scopes", o->optional_scopes, o->optional_scope_count);
    put_bool(w, "pkce", o->pkce);
    json_close(w, '}');
}

static void put_auth(struct json_writer *w, const struct connector_auth *a)
{
    json_open(w, '{');
    put(w, "name", a->name);
    put(w, "help", a->help);
    json_key(w, "credentials");
    json_open(w, '[');
    for (uint32_t i = 0; i < a->secret_count; i++) {
        json_open(w, '{');
        put(w, "name", a->secrets[i].name);
        put(w, "help", a->secrets[i].text);
        json_close(w, '}');
    }
    json_close(w, ']');
    put_oauth(w, a->oauth);
    json_close(w, '}');
}

static void put_limit(struct json_writer *w, const struct connector_limit *l)
{
    json_open(w, '{');
    put(w, "name", l->name);
    put(w, "kind", str_from(l->kind == LIMIT_QUOTA ? "quota" : "window"));
    put_bool(w, "always", l->always);
    put_int(w, "requests", (int64_t)l->requests);
    put_int(w, "per_ms", (int64_t)l->per_ms);
    json_close(w, '}');
}

static void put_object(struct json_writer *w, const struct connector_object *o)
{
    json_open(w, '{');
    put(w, "name", o->name);
    put(w, "label", o->label);
    put(w, "canonical", o->canonical);
    put(w, "key", o->key);
    put(w, "modified", o->modified);
    put(w, "scope", o->scope);
    put_int(w, "lookback_ms", o->lookback_ms);
    put_bool(w, "reads_deleted", o->reads_deleted);
    put_bool(w, "reads_ids", o->reads_ids);
    put_bool(w, "tells_times", o->tells_times);
    put_bool(w, "deleted_is_whole", o->deleted_is_whole);
    json_key(w, "mapping");
    json_open(w, '[');
    for (uint32_t i = 0; i < o->mapping_count; i++) {
        json_open(w, '{');
        put(w, "to", o->mapping[i].to);
        put(w, "from", o->mapping[i].from);
        put(w, "transform", o->mapping[i].transform);
        put(w, "lookup", o->mapping[i].lookup);
        put(w, "value", o->mapping[i].value);
        put(w, "default", o->mapping[i].default_value);
        put(w, "join", o->mapping[i].join);
        put(w, "map", o->mapping[i].map);
        put(w, "scale", o->mapping[i].scale);
        put(w, "take", o->mapping[i].take);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

static void put_head(struct json_writer *w, const struct connector_info *info)
{
    const struct descriptor *d = &info->descriptor;
    char hex[2 * SHA256_SIZE + 1];
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", info->image.sha256[i]);
    put(w, "id", d->id);
    put(w, "name", d->name);
    put(w, "version", d->version);
    put(w, "category", str_from(category_name(d->category)));
    put(w, "file", str_from(info->image.path));
    put(w, "sha256", str_from(hex));
    json_key(w, "jail");
    jail_put_json(w, info->jail_layers);
}

void describe_json(struct buf *out, const struct connector_info *info)
{
    const struct descriptor *d = &info->descriptor;
    struct json_writer writer = {.out = out}, *w = &writer;
    json_open(w, '{');
    put_head(w, info);
    json_key(w, "options");
    json_open(w, '[');
    for (uint32_t i = 0; i < d->option_count; i++)
        put_option(w, &d->options[i]);
    json_close(w, ']');
    json_key(w, "auth");
    json_open(w, '[');
    for (uint32_t i = 0; i < d->auth_count; i++)
        put_auth(w, &d->auth[i]);
    json_close(w, ']');
    json_key(w, "hosts");
    json_open(w, '[');
    for (uint32_t i = 0; i < d->host_count; i++)
        json_put_str(w, d->hosts[i]);
    json_close(w, ']');
    json_key(w, "limits");
    json_open(w, '[');
    for (uint32_t i = 0; i < d->limit_count; i++)
        put_limit(w, &d->limits[i]);
    json_close(w, ']');
    json_key(w, "objects");
    json_open(w, '[');
    for (uint32_t i = 0; i < d->object_count; i++)
        put_object(w, &d->objects[i]);
    json_close(w, ']');
    json_close(w, '}');
}
