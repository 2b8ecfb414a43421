/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/descriptor.h"

#include <ctype.h>

#include "plugin/protocol.h"
#include "plugin/wire.h"

enum {
    MOST_OPTIONS = 64,
    MOST_CHOICES = 64,
    MOST_AUTH = 8,
    MOST_SECRETS = 8,
    MOST_SCOPES = 64,
    MOST_DEAD = 8,
    MOST_URL = 512,
    MOST_HOSTS = 16,
    MOST_LIMITS = 16,
    MOST_RESPONSES = 64,
    MOST_OBJECTS = 64,
    MOST_MAPPINGS = 256,
    MOST_ASSOCIATIONS = 64,
    MOST_READ_ONLY = 256
};

const char *category_name(uint32_t category)
{
    static const char *const names[] = {"",          "crm",     "communication",
                                        "analytics", "support", "platform"};
    return category < sizeof names / sizeof names[0] ? names[category] : "";
}

/* ---- decoding: the order of gets is that of puts in worker/describe.c ---- */

struct decoder {
    struct wire_reader r;
    struct arena *arena;
};

static struct str get_text(struct decoder *d)
{
    return arena_str(d->arena, wire_str(&d->r, DESCRIPTOR_TEXT_MAX));
}

static struct str get_lower(struct decoder *d)
{
    return arena_ascii(d->arena, wire_str(&d->r, DESCRIPTOR_TEXT_MAX), tolower);
}

#define GET_TABLE(d, rows, count, most, get_row)                                                   \
    do {                                                                                           \
        (count) = wire_count(&(d)->r, (most));                                                     \
        (rows) = arena_new((d)->arena, (count), sizeof *(rows));                                   \
        for (uint32_t i_ = 0; i_ < (count) && !(d)->r.bad; i_++)                                   \
            get_row((d), &(rows)[i_]);                                                             \
    } while (0)

static void get_text_row(struct decoder *d, struct str *row)
{
    *row = get_text(d);
}

static void get_host_row(struct decoder *d, struct str *row)
{
    *row = get_lower(d);
}

static void get_named_text(struct decoder *d, struct named_text *row)
{
    row->name = get_text(d);
    row->text = get_text(d);
}

static void get_option(struct decoder *d, struct connector_option *option)
{
    option->name = get_text(d);
    option->type = (enum option_type)wire_u32(&d->r);
    option->required = wire_u32(&d->r) & 1;
    option->default_value = get_text(d);
    if (option->default_value.len == 0)
        option->default_value.ptr = NULL;
    option->min = wire_i64(&d->r);
    option->max = wire_i64(&d->r);
    GET_TABLE(d, option->choices, option->choice_count, MOST_CHOICES, get_text_row);
    option->help = get_text(d);
}

static void get_auth(struct decoder *d, struct connector_auth *auth)
{
    auth->name = get_text(d);
    auth->help = get_text(d);
    GET_TABLE(d, auth->secrets, auth->secret_count, MOST_SECRETS, get_named_text);
    GET_TABLE(d, auth->headers, auth->header_count, MOST_SECRETS, get_named_text);
}

static void get_dead(struct decoder *d, struct oauth_dead *dead)
{
    dead->status = (int32_t)wire_u32(&d->r);
    dead->path = get_text(d);
    dead->equals = get_text(d);
}

static struct connector_oauth *get_oauth(struct decoder *d)
{
    if (wire_u32(&d->r) == 0)
        return NULL;
    struct connector_oauth *oauth = arena_new(d->arena, 1, sizeof *oauth);
    oauth->pkce = wire_u32(&d->r) & 1;
    uint32_t grants = wire_u32(&d->r);
    oauth->code = grants & 1;
    oauth->refresh = grants & 2;
    oauth->authorize_url = get_text(d);
    oauth->token_url = get_text(d);
    GET_TABLE(d, oauth->scopes, oauth->scope_count, MOST_SCOPES, get_text_row);
    GET_TABLE(d, oauth->optional_scopes, oauth->optional_scope_count, MOST_SCOPES, get_text_row);
    oauth->scope_separator = get_text(d);
    if (oauth->scope_separator.len == 0)
        oauth->scope_separator = STR(" ");
    GET_TABLE(d, oauth->dead, oauth->dead_count, MOST_DEAD, get_dead);
    return oauth;
}

static void get_limit(struct decoder *d, struct connector_limit *limit)
{
    limit->name = get_text(d);
    limit->kind = (enum limit_kind)wire_u32(&d->r);
    limit->always = wire_u32(&d->r) & 1;
    limit->requests = wire_u64(&d->r);
    limit->per_ms = wire_u64(&d->r);
    limit->header_limit = get_lower(d);
    limit->header_remaining = get_lower(d);
    limit->header_per_ms = get_lower(d);
}

static void get_response(struct decoder *d, struct connector_response *response)
{
    response->status_min = (int32_t)wire_u32(&d->r);
    response->status_max = (int32_t)wire_u32(&d->r);
    response->path = get_text(d);
    response->equals = get_text(d);
    response->outcome = (enum outcome)wire_u32(&d->r);
    response->not_done = wire_u32(&d->r) & 1;
    response->retry_after_ms = wire_i64(&d->r);
    response->message = get_text(d);
}

static void get_mapping(struct decoder *d, struct connector_mapping *mapping)
{
    mapping->to = get_text(d);
    mapping->from = get_text(d);
    mapping->transform = get_text(d);
    mapping->lookup = get_text(d);
    mapping->value = get_text(d);
    mapping->default_value = get_text(d);
    mapping->join = get_text(d);
    mapping->map = get_text(d);
    mapping->scale = get_text(d);
    mapping->take = get_text(d);
}

static void get_object_writes(struct decoder *d, struct connector_object *object, uint32_t flags)
{
    object->creates = flags & 16;
    object->updates = flags & 32;
    object->upserts = flags & 64;
    object->archives = flags & 128;
    object->restores = flags & 256;
    object->write_rows = wire_u32(&d->r);
    object->write_scope = get_text(d);
    GET_TABLE(d, object->associations, object->association_count, MOST_ASSOCIATIONS, get_text_row);
    GET_TABLE(d, object->read_only, object->read_only_count, MOST_READ_ONLY, get_text_row);
}

static void get_object(struct decoder *d, struct connector_object *object)
{
    object->name = get_text(d);
    object->label = get_text(d);
    object->canonical = get_text(d);
    object->key = get_text(d);
    object->modified = get_text(d);
    object->scope = get_text(d);
    object->lookback_ms = wire_i64(&d->r);
    GET_TABLE(d, object->mapping, object->mapping_count, MOST_MAPPINGS, get_mapping);
    uint32_t flags = wire_u32(&d->r);
    object->reads_deleted = flags & 1;
    object->reads_ids = flags & 2;
    object->deleted_is_whole = flags & 4;
    object->is_custom = flags & 8;
    object->tells_times = object->reads_ids && flags & 512;
    get_object_writes(d, object, flags);
}

static bool decode(struct str message, struct descriptor *c)
{
    struct decoder d = {.r = {.rest = message}, .arena = &c->arena};
    c->id = get_text(&d);
    c->name = get_text(&d);
    c->version = get_text(&d);
    c->category = wire_u32(&d.r);
    GET_TABLE(&d, c->options, c->option_count, MOST_OPTIONS, get_option);
    GET_TABLE(&d, c->auth, c->auth_count, MOST_AUTH, get_auth);
    GET_TABLE(&d, c->hosts, c->host_count, MOST_HOSTS, get_host_row);
    GET_TABLE(&d, c->limits, c->limit_count, MOST_LIMITS, get_limit);
    GET_TABLE(&d, c->responses, c->response_count, MOST_RESPONSES, get_response);
    GET_TABLE(&d, c->objects, c->object_count, MOST_OBJECTS, get_object);
    for (uint32_t i = 0; i < c->auth_count && !d.r.bad; i++)
        c->auth[i].oauth = get_oauth(&d);
    c->writes = wire_u32(&d.r) & 1;
    return wire_done(&d.r);
}

/* ---- checking ---- */

static bool only(struct str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!(islower(c) || isdigit(c) || (c != '\0' && strchr(others, c))))
            return false;
    }
    return s.len > 0;
}

static int check_head(const struct descriptor *c, struct error *err)
{
    if (!only(c->id, ".-_") || str_find(c->id, '.') < 1)
        return error_set(err, "its id '%.*s' is no reverse domain like com.example.crm",
                         STR_ARG(c->id));
    if (c->name.len == 0 || c->version.len == 0)
        return error_set(err, "its name or its version is empty");
    if (category_name(c->category)[0] == '\0')
        return error_set(err, "its category %u is none of the SDK's", c->category);
    for (uint32_t i = 0; i < c->host_count; i++)
        if (!only(c->hosts[i], ".-"))
            return error_set(err, "its host '%.*s' is no host name", STR_ARG(c->hosts[i]));
    return 0;
}

static int check_options(const struct descriptor *c, struct error *err)
{
    for (uint32_t i = 0; i < c->option_count; i++) {
        const struct connector_option *o = &c->options[i];
        if (!only(o->name, "_"))
            return error_set(err, "its option '%.*s' is not in snake_case", STR_ARG(o->name));
        if (o->help.len == 0)
            return error_set(err, "its option %.*s has no help", STR_ARG(o->name));
        if (o->type < OPTION_STRING || o->type > OPTION_ENUM)
            return error_set(err, "its option %.*s has a type that this host does not know",
                             STR_ARG(o->name));
        if (o->type == OPTION_ENUM && o->choice_count == 0)
            return error_set(err, "its option %.*s has no choices", STR_ARG(o->name));
    }
    return 0;
}

/* "https://HOST/path" in its plainest form; gives the host. */
static bool plain_url(struct str url, struct str *ret_host)
{
    if (!str_starts(url, "https://") || url.len > MOST_URL)
        return false;
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f || strchr("\\?#\"<>", url.ptr[i]))
            return false;
    struct str rest = str_slice(url, 8, url.len - 8);
    ptrdiff_t slash = str_find(rest, '/');
    if (slash < 0)
        return false;
    *ret_host = str_slice(rest, 0, (size_t)slash);
    return only(*ret_host, ".-") && str_find(*ret_host, '.') > 0;
}

static bool has_secret(const struct connector_auth *a, const char *name)
{
    for (uint32_t i = 0; i < a->secret_count; i++)
        if (str_is(a->secrets[i].name, name))
            return true;
    return false;
}

static bool good_scopes(const struct str *scopes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (size_t j = 0; j < scopes[i].len; j++)
            if (scopes[i].ptr[j] <= ' ' || scopes[i].ptr[j] >= 0x7f)
                return false;
    return true;
}

static int check_oauth(const struct connector_auth *a, struct error *err)
{
    struct connector_oauth *o = a->oauth;
    if (!plain_url(o->authorize_url, &o->authorize_host) ||
        !plain_url(o->token_url, &o->token_host))
        return error_set(err, "a URL of its auth method %.*s is no plain https://host/path",
                         STR_ARG(a->name));
    if (!o->code || !o->refresh)
        return error_set(
            err,
            "its auth method %.*s has other OAuth grants than code with refresh, which "
            "are all that this host knows",
            STR_ARG(a->name));
    if (!has_secret(a, "client_id") || !has_secret(a, "client_secret"))
        return error_set(err, "its auth method %.*s lacks client_id or client_secret",
                         STR_ARG(a->name));
    if (!good_scopes(o->scopes, o->scope_count) ||
        !good_scopes(o->optional_scopes, o->optional_scope_count) || o->scope_separator.len != 1)
        return error_set(err, "its auth method %.*s has a scope or a separator that cannot be sent",
                         STR_ARG(a->name));
    return 0;
}

static int check_auth(const struct descriptor *c, struct error *err)
{
    for (uint32_t i = 0; i < c->auth_count; i++) {
        const struct connector_auth *a = &c->auth[i];
        if (!only(a->name, "_") || a->secret_count == 0)
            return error_set(err, "its auth method '%.*s' has no proper name or no secret",
                             STR_ARG(a->name));
        for (uint32_t j = 0; j < a->secret_count; j++)
            if (!only(a->secrets[j].name, "_"))
                return error_set(err, "its secret '%.*s' is not in snake_case",
                                 STR_ARG(a->secrets[j].name));
        if (a->oauth && check_oauth(a, err) != 0)
            return -1;
    }
    return 0;
}

static int check_limits(const struct descriptor *c, struct error *err)
{
    for (uint32_t i = 0; i < c->limit_count; i++) {
        const struct connector_limit *l = &c->limits[i];
        if (l->name.len == 0 || l->requests == 0 || l->requests > 1000000000 || l->per_ms == 0 ||
            l->per_ms > UINT64_C(31) * 86400 * 1000)
            return error_set(err, "its limit '%.*s' has no name, no requests or no period",
                             STR_ARG(l->name));
        if (l->kind != LIMIT_WINDOW && l->kind != LIMIT_QUOTA)
            return error_set(err, "its limit %.*s has a kind that this host does not know",
                             STR_ARG(l->name));
    }
    return 0;
}

static int check_responses(const struct descriptor *c, struct error *err)
{
    for (uint32_t i = 0; i < c->response_count; i++) {
        const struct connector_response *r = &c->responses[i];
        if ((uint32_t)r->outcome > OUTCOME_FAILED)
            return error_set(
                err, "its response rule %u has an outcome that this host does not know", i + 1);
        if (r->retry_after_ms < 0 || r->retry_after_ms > INT64_C(31) * 86400 * 1000)
            return error_set(err, "its response rule %u waits for less than 0 or more than 31 days",
                             i + 1);
    }
    return 0;
}

static const struct connector_object *find_object(const struct descriptor *d, struct str name)
{
    for (uint32_t i = 0; i < d->object_count; i++)
        if (str_eq(d->objects[i].name, name))
            return &d->objects[i];
    return NULL;
}

static int check_object_writes(const struct descriptor *c, const struct connector_object *o,
                               struct error *err)
{
    bool written = o->creates || o->updates || o->upserts || o->archives || o->restores ||
                   o->association_count > 0;
    if (written && !c->writes)
        return error_set(err, "its object %.*s is written, and it has no operation for that",
                         STR_ARG(o->name));
    if (written && (o->write_rows == 0 || o->write_rows > WRITE_ROWS_MAX))
        return error_set(err, "its object %.*s takes %u rows a write, and not 1 to %d",
                         STR_ARG(o->name), o->write_rows, WRITE_ROWS_MAX);
    return 0;
}

static int check_objects(const struct descriptor *c, struct error *err)
{
    for (uint32_t i = 0; i < c->object_count; i++) {
        const struct connector_object *o = &c->objects[i];
        if (o->name.len == 0 || o->canonical.len == 0 || o->key.len == 0)
            return error_set(err, "its object %u lacks a name, a canonical object or a key", i + 1);
        if (find_object(c, o->name) != o)
            return error_set(err, "it has the object %.*s twice", STR_ARG(o->name));
        if (o->is_custom != str_is(o->name, "*"))
            return error_set(err,
                             "its object %u is one for all others and not called *, or the "
                             "other way round",
                             i + 1);
        if (o->lookback_ms < 0 || o->lookback_ms > INT64_C(86400000))
            return error_set(err, "the lookback of its object %.*s is not within a day",
                             STR_ARG(o->name));
        if (check_object_writes(c, o, err) != 0)
            return -1;
    }
    return 0;
}

int descriptor_decode(struct str message, struct descriptor *ret_descriptor, struct error *err)
{
    struct descriptor c = {0};
    int rc = 0;
    if (!decode(message, &c))
        rc = error_set(err, "its descriptor is broken, or larger than the limits of docs/abi.md");
    if (rc == 0)
        rc = check_head(&c, err);
    if (rc == 0)
        rc = check_options(&c, err);
    if (rc == 0)
        rc = check_auth(&c, err);
    if (rc == 0)
        rc = check_limits(&c, err);
    if (rc == 0)
        rc = check_responses(&c, err);
    if (rc == 0)
        rc = check_objects(&c, err);
    if (rc != 0) {
        descriptor_free(&c);
        return -1;
    }
    *ret_descriptor = c;
    return 0;
}

void descriptor_free(struct descriptor *d)
{
    arena_free(&d->arena);
}

/* Letters, digits, - and _. */
static bool is_object_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && name.ptr[i] != '-' && name.ptr[i] != '_')
            return false;
    return name.len > 0 && name.len <= 100;
}

const struct connector_object *descriptor_object(const struct descriptor *d, struct str name)
{
    const struct connector_object *row = find_object(d, name);
    if (!is_object_name(name))
        return row && row->is_custom ? NULL : row;
    return row ? row : find_object(d, STR("*"));
}

bool descriptor_is_read_only(const struct connector_object *object, struct str field)
{
    for (uint32_t i = 0; i < object->read_only_count; i++) {
        struct str name = object->read_only[i];
        if (str_ends(name, "*") && field.len >= name.len - 1 &&
            str_eq(str_slice(field, 0, name.len - 1), str_slice(name, 0, name.len - 1)))
            return true;
        if (str_eq(name, field))
            return true;
    }
    return false;
}

bool descriptor_is_association(const struct connector_object *object, struct str field)
{
    for (uint32_t i = 0; i < object->association_count; i++)
        if (str_eq(object->associations[i], field))
            return true;
    return false;
}

const struct connector_auth *descriptor_auth(const struct descriptor *d, struct str name)
{
    for (uint32_t i = 0; i < d->auth_count; i++)
        if (str_eq(d->auth[i].name, name))
            return &d->auth[i];
    return NULL;
}
