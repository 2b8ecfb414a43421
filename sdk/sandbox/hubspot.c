/* SPDX-License-Identifier: Apache-2.0 */
/* HubSpot's front door: authentication, rate limits, routes and error bodies. */
#include "hubspot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A private app of a Professional account. */
enum { BURST_MAX = 190, BURST_MS = 10000, SEARCH_MAX = 5, SEARCH_MS = 1000, DAILY_MAX = 625000 };
enum { DAY_MS = 86400000, PORTAL_OFFSET_MS = -18000000 };

/* ---- errors ---- */

static void error_text(struct hubspot *h, struct answer *a, int status, const char *message)
{
    char id[37];
    sandbox_uuid(h->sandbox, id);
    a->response->status = status;
    a->body.len = 0;
    text_add(&a->body, "{\"status\":\"error\",\"message\":");
    text_json(&a->body, message, strlen(message));
    text_printf(&a->body, ",\"correlationId\":\"%s\"", id);
}

void hubspot_error(struct hubspot *h, struct answer *a, int status, const char *category,
                   const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    error_text(h, a, status, message);
    if (category)
        text_printf(&a->body, ",\"category\":\"%s\"", category);
    text_char(&a->body, '}');
}

static void rate_error(struct hubspot *h, const char *policy, struct answer *a)
{
    const char *message = strcmp(policy, "DAILY") == 0 ? "You have reached your daily limit."
                          : strcmp(policy, "SECONDLY") == 0
                              ? "You have reached your secondly limit."
                              : "You have reached your ten_secondly_rolling limit.";
    char id[37];
    error_text(h, a, 429, message);
    sandbox_uuid(h->sandbox, id);
    text_printf(&a->body,
                ",\"errorType\":\"RATE_LIMIT\",\"policyName\":\"%s\",\"requestId\":\"%s\"}", policy,
                id);
}

/* What HubSpot, or what stands before it, says with a status. */
static void hubspot_fault(void *state, int status, const char *policy, struct answer *a)
{
    static const struct {
        int status;
        const char *category, *message;
    } known[] = {
        {400, "VALIDATION_ERROR", "Invalid input"},
        {401, "INVALID_AUTHENTICATION", "The access token is not valid."},
        {403, "MISSING_SCOPES", "This app hasn't been granted all required scopes."},
        {404, "OBJECT_NOT_FOUND", "resource not found"},
        {405, NULL, "Method Not Allowed"},
        {409, "CONFLICT", "The record exists already."},
        {413, NULL, "The request body is too large."},
        {414, NULL, "The request URI is too long."},
        {423, "LOCKED", "The resource is locked: wait at least 2 seconds."},
        {477, "MIGRATION_IN_PROGRESS", "This account is moving to another data centre."},
    };
    struct hubspot *h = state;
    if (status == 429) {
        rate_error(h, policy ? policy : "TEN_SECONDLY_ROLLING", a);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status) {
            hubspot_error(h, a, status, known[i].category, "%s", known[i].message);
            return;
        }
    hubspot_error(h, a, status, NULL, "internal error");
}

/* ---- authentication ---- */

static bool is_known(struct hubspot *h, const struct call *call, struct answer *a)
{
    enum token_state state = sandbox_token(h->sandbox, call->request->authorization);
    if (state == TOKEN_ACTIVE || state == TOKEN_NO_SCOPE || hubspot_oauth_knows(h, call))
        return true;
    sandbox_count(h->sandbox, STAT_UNAUTHORIZED, 1);
    hubspot_error(h, a, 401, "INVALID_AUTHENTICATION", "%s",
                  call->request->authorization
                      ? "Authentication credentials not found or not valid: the token is unknown, "
                        "expired or revoked."
                      : "Authentication credentials not found. This API supports OAuth 2.0 "
                        "authentication and you can find more details at "
                        "https://developers.hubspot.com/docs/methods/auth/oauth-overview");
    return false;
}

static bool has_scope(struct hubspot *h, const struct call *call, const char *scope,
                      struct answer *a)
{
    if (sandbox_token(h->sandbox, call->request->authorization) == TOKEN_ACTIVE ||
        hubspot_oauth_allows(h, call, scope))
        return true;
    sandbox_count(h->sandbox, STAT_FORBIDDEN, 1);
    hubspot_error(h, a, 403, "MISSING_SCOPES",
                  "This app hasn't been granted all required scopes to make this call. Read more "
                  "about required scopes here: https://developers.hubspot.com/scopes.");
    a->body.len--;
    text_printf(&a->body,
                ",\"errors\":[{\"message\":\"One or more of the following scopes are required.\","
                "\"context\":{\"requiredGranularScopes\":[\"%s\"]}}],\"links\":{\"scopes\":"
                "\"https://developers.hubspot.com/scopes\"}}",
                scope);
    return false;
}

/* ---- rate limits ---- */

static bool refuse(struct hubspot *h, const char *policy, struct answer *a)
{
    sandbox_count(h->sandbox, STAT_RATE_LIMITED, 1);
    rate_error(h, policy, a);
    return false;
}

/* Days end at midnight of the portal's time zone. */
static bool take_daily(struct hubspot *h, int64_t now_ms)
{
    int64_t day = (now_ms + PORTAL_OFFSET_MS) / DAY_MS;
    if (day != h->daily_day) {
        h->daily_day = day;
        h->daily_used = 0;
    }
    if (h->daily_used == h->daily_max)
        return false;
    h->daily_used++;
    return true;
}

static void rate_headers(const struct hubspot *h, struct answer *a)
{
    answer_header(a, "X-HubSpot-RateLimit-Max", "%zu", h->burst.max);
    answer_header(a, "X-HubSpot-RateLimit-Remaining", "%zu", window_left(&h->burst));
    answer_header(a, "X-HubSpot-RateLimit-Interval-Milliseconds", "%d", BURST_MS);
    answer_header(a, "X-HubSpot-RateLimit-Daily", "%llu", (unsigned long long)h->daily_max);
    answer_header(a, "X-HubSpot-RateLimit-Daily-Remaining", "%llu",
                  (unsigned long long)(h->daily_max - h->daily_used));
}

/* Search has a limit of its own and tells nothing of any. Only the burst limit says when to come
 * back. */
static bool within_limits(struct hubspot *h, bool search, int64_t now_ms, struct answer *a)
{
    int64_t wait_ms = 0;
    if (h->options->limits_factor == 0)
        return true;
    if (!window_take(search ? &h->search : &h->burst, now_ms, &wait_ms)) {
        if (!search) {
            rate_headers(h, a);
            answer_header(a, "Retry-After", "%lld", (long long)(wait_ms + 999) / 1000);
        }
        return refuse(h, search ? "SECONDLY" : "TEN_SECONDLY_ROLLING", a);
    }
    bool daily = take_daily(h, now_ms);
    if (!search)
        rate_headers(h, a);
    return daily || refuse(h, "DAILY", a);
}

static void hubspot_clock_set(void *state)
{
    struct hubspot *h = state;
    window_clear(&h->burst);
    window_clear(&h->search);
}

/* ---- routes ---- */

enum route {
    ROUTE_NONE,
    ROUTE_LIST,
    ROUTE_GET,
    ROUTE_SEARCH,
    ROUTE_BATCH_READ,
    ROUTE_MERGE,
    ROUTE_ASSOCIATIONS,
    ROUTE_ASSOCIATIONS_BATCH,
    ROUTE_PROPERTIES,
    ROUTE_PROPERTY,
    ROUTE_ACCOUNT,
    ROUTE_OWNERS,
    ROUTE_PIPELINES,
    ROUTE_SCHEMAS
};

struct target {
    enum route route;
    int type;         /* -1: there is no such type */
    int to;           /* of associations: the other type */
    const char *rest; /* the id or the name */
    const char *method;
    char id[24]; /* of associations */
};

static bool after_prefix(const char *path, const char *const *prefixes, const char **ret)
{
    for (; *prefixes; prefixes++) {
        size_t len = strlen(*prefixes);
        if (strncmp(path, *prefixes, len) == 0) {
            *ret = path + len;
            return true;
        }
    }
    return false;
}

/* Takes the type off the front; what follows its slash is *ret_rest, "" when nothing does. */
static int take_type(const char *path, const char **ret_rest)
{
    char name[32];
    size_t len = strcspn(path, "/");
    *ret_rest = path[len] == '/' ? path + len + 1 : "";
    if (len >= sizeof name)
        return -1;
    memcpy(name, path, len);
    name[len] = '\0';
    return model_type(name);
}

/* "{from}/{to}/batch/read". */
static void find_batch(const char *rest, struct target *t)
{
    t->type = take_type(rest, &rest);
    t->to = take_type(rest, &rest);
    if (strcmp(rest, "batch/read") != 0)
        return;
    t->route = ROUTE_ASSOCIATIONS_BATCH;
    t->method = "POST";
}

/* "{type}/{id}/associations/{to}". */
static void find_associations(const char *rest, struct target *t)
{
    static const char word[] = "associations/";
    t->type = take_type(rest, &rest);
    const char *slash = strchr(rest, '/');
    if (!slash || (size_t)(slash - rest) >= sizeof t->id ||
        strncmp(slash + 1, word, sizeof word - 1))
        return;
    memcpy(t->id, rest, (size_t)(slash - rest));
    t->id[slash - rest] = '\0';
    t->to = model_type(slash + sizeof word);
    t->route = ROUTE_ASSOCIATIONS;
}

static struct target find_target(const char *path)
{
    static const char *const associations[] = {"/crm/v4/associations/", NULL};
    static const char *const objects_v4[] = {"/crm/v4/objects/", NULL};
    static const char *const objects[] = {"/crm/v3/objects/", "/crm/objects/2026-03/",
                                          "/crm/objects/2026-09/", NULL};
    static const char *const properties[] = {"/crm/v3/properties/", "/crm/properties/2026-03/",
                                             NULL};
    static const char *const accounts[] = {"/account-info/v3/details",
                                           "/account-info/2026-03/details", NULL};
    static const char *const owners[] = {"/crm/v3/owners", NULL};
    static const char *const pipelines[] = {"/crm/v3/pipelines/", NULL};
    static const char *const schemas[] = {"/crm/v3/schemas", "/crm-object-schemas/v3/schemas",
                                          NULL};
    struct target t = {.type = -1, .method = "GET"};
    const char *rest;
    if (after_prefix(path, objects, &rest)) {
        t.type = take_type(rest, &t.rest);
        t.route = *t.rest == '\0'                     ? ROUTE_LIST
                  : strcmp(t.rest, "search") == 0     ? ROUTE_SEARCH
                  : strcmp(t.rest, "batch/read") == 0 ? ROUTE_BATCH_READ
                  : strcmp(t.rest, "merge") == 0      ? ROUTE_MERGE
                  : strchr(t.rest, '/')               ? ROUTE_NONE
                                                      : ROUTE_GET;
        if (t.route == ROUTE_SEARCH || t.route == ROUTE_BATCH_READ || t.route == ROUTE_MERGE)
            t.method = "POST";
    } else if (after_prefix(path, properties, &rest)) {
        t.type = take_type(rest, &t.rest);
        t.route = *t.rest ? ROUTE_PROPERTY : ROUTE_PROPERTIES;
    } else if (after_prefix(path, associations, &rest)) {
        find_batch(rest, &t);
    } else if (after_prefix(path, objects_v4, &rest)) {
        find_associations(rest, &t);
    } else if (after_prefix(path, accounts, &rest) && *rest == '\0') {
        t.route = ROUTE_ACCOUNT;
    } else if (after_prefix(path, owners, &rest) && (*rest == '\0' || strcmp(rest, "/") == 0)) {
        t.route = ROUTE_OWNERS;
    } else if (after_prefix(path, schemas, &rest) && *rest == '\0') {
        t.route = ROUTE_SCHEMAS;
    } else if (after_prefix(path, pipelines, &rest)) {
        t.type = take_type(rest, &rest);
        t.route = t.type == DEALS || t.type == TICKETS ? ROUTE_PIPELINES : ROUTE_NONE;
    }
    return t;
}

static void account_details(struct text *out)
{
    text_printf(out,
                "{\"portalId\":%d,\"accountType\":\"DEVELOPER_TEST\",\"timeZone\":\"US/Eastern\","
                "\"companyCurrency\":\"USD\",\"additionalCurrencies\":[],\"utcOffset\":\"-05:00\","
                "\"utcOffsetMilliseconds\":%d,\"uiDomain\":\"app.hubspot.com\","
                "\"dataHostingLocation\":\"na1\"}",
                HUBSPOT_PORTAL_ID, PORTAL_OFFSET_MS);
}

static void properties(const struct hubspot *h, enum object_type type, struct text *out)
{
    const struct model *m = &hubspot_models[type];
    const char *between = "";
    text_add(out, "{\"results\":[");
    for (unsigned i = 0; i < m->count; i++) {
        if (h->changes[type][i].removed)
            continue;
        text_add(out, between);
        model_write_property(m, i, &h->changes[type][i], out);
        between = ",";
    }
    text_add(out, "]}");
}

static void property(struct hubspot *h, enum object_type type, const char *name, struct answer *a)
{
    int field = schema_property(h, type, name, strlen(name));
    if (field < 0)
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND", "The property %.60s does not exist", name);
    else
        model_write_property(&hubspot_models[type], (unsigned)field, &h->changes[type][field],
                             &a->body);
}

static void serve(struct hubspot *h, const struct target *t, const struct call *call,
                  struct answer *a)
{
    static const enum stat stats[] = {[ROUTE_LIST] = STAT_LIST,
                                      [ROUTE_GET] = STAT_GET,
                                      [ROUTE_SEARCH] = STAT_SEARCH,
                                      [ROUTE_BATCH_READ] = STAT_BATCH_READ,
                                      [ROUTE_MERGE] = STAT_OTHER,
                                      [ROUTE_ASSOCIATIONS] = STAT_ASSOCIATIONS,
                                      [ROUTE_ASSOCIATIONS_BATCH] = STAT_ASSOCIATIONS,
                                      [ROUTE_PROPERTIES] = STAT_PROPERTIES,
                                      [ROUTE_PROPERTY] = STAT_PROPERTIES,
                                      [ROUTE_ACCOUNT] = STAT_ACCOUNT,
                                      [ROUTE_OWNERS] = STAT_REFERENCE,
                                      [ROUTE_PIPELINES] = STAT_REFERENCE,
                                      [ROUTE_SCHEMAS] = STAT_REFERENCE};
    enum object_type type = (enum object_type)t->type;
    sandbox_count(h->sandbox, stats[t->route], 1);
    switch (t->route) {
    case ROUTE_LIST:
        hubspot_list(h, type, call, a);
        break;
    case ROUTE_GET:
        hubspot_get(h, type, t->rest, call, a);
        break;
    case ROUTE_SEARCH:
        hubspot_search(h, type, call, a);
        break;
    case ROUTE_BATCH_READ:
        hubspot_batch_read(h, type, call, a);
        break;
    case ROUTE_MERGE:
        hubspot_merge(h, type, call, a);
        break;
    case ROUTE_ASSOCIATIONS:
        hubspot_associations(h, type, t->id, (enum object_type)t->to, call, a);
        break;
    case ROUTE_ASSOCIATIONS_BATCH:
        hubspot_associations_batch(h, type, (enum object_type)t->to, call, a);
        break;
    case ROUTE_PROPERTIES:
        properties(h, type, &a->body);
        break;
    case ROUTE_PROPERTY:
        property(h, type, t->rest, a);
        break;
    case ROUTE_OWNERS:
        hubspot_owners(h, call, a);
        break;
    case ROUTE_SCHEMAS:
        hubspot_schemas(h, &a->body);
        break;
    case ROUTE_PIPELINES:
        hubspot_pipelines(h, type, a);
        break;
    default:
        account_details(&a->body);
    }
}

static void hubspot_handle(void *state, const struct call *call, struct answer *a)
{
    struct hubspot *h = state;
    struct target t = find_target(call->path);
    bool typed = t.route != ROUTE_ACCOUNT && t.route != ROUTE_OWNERS && t.route != ROUTE_SCHEMAS;
    if (hubspot_oauth(h, call, a) || !is_known(h, call, a))
        return;
    if (!within_limits(h, t.route == ROUTE_SEARCH, call->now_ms, a))
        return;
    bool pair = t.route == ROUTE_ASSOCIATIONS || t.route == ROUTE_ASSOCIATIONS_BATCH;
    if (t.route == ROUTE_NONE || (typed && t.type < 0) ||
        (pair &&
         (t.to < 0 || !association_is_known((enum object_type)t.type, (enum object_type)t.to)))) {
        sandbox_count(h->sandbox, STAT_OTHER, 1);
        hubspot_error(h, a, 404, NULL, "The sandbox has nothing at %.200s", call->path);
        return;
    }
    if (strcmp(call->request->method, t.method) != 0) {
        sandbox_count(h->sandbox, STAT_OTHER, 1);
        hubspot_error(h, a, 405, NULL, "%.20s is not allowed here: the sandbox reads, and merges",
                      call->request->method);
        return;
    }
    const char *scope = typed                      ? hubspot_models[t.type].read_scope
                        : t.route == ROUTE_SCHEMAS ? "crm.schemas.custom.read"
                                                   : "crm.objects.owners.read";
    if (t.route != ROUTE_ACCOUNT && !has_scope(h, call, scope, a))
        return;
    serve(h, &t, call, a);
}

/* ---- life ---- */

static void hubspot_destroy(void *state)
{
    struct hubspot *h = state;
    store_free(h);
    hubspot_oauth_free(h);
    schema_free(h);
    csv_free(&h->real);
    window_free(&h->burst);
    window_free(&h->search);
    free(h);
}

static void *hubspot_create(struct sandbox *s, char *error, size_t error_size)
{
    const struct sandbox_options *o = sandbox_opts(s);
    uint32_t factor = o->limits_factor ? o->limits_factor : 1;
    struct hubspot *h = mem_get(sizeof *h);
    h->sandbox = s;
    h->options = o;
    h->seed_hash = mix(o->seed + 0x5EED);
    h->daily_max = (uint64_t)factor * DAILY_MAX;
    window_init(&h->burst, (size_t)factor * BURST_MAX, BURST_MS);
    window_init(&h->search, (size_t)factor * SEARCH_MAX, SEARCH_MS);
    store_init(h);
    references_init(h);
    if (!o->companies_from ||
        csv_read(o->companies_from, o->companies, &h->real, error, error_size) == 0)
        return h;
    hubspot_destroy(h);
    return NULL;
}

const struct vendor vendor_hubspot = {
    .name = "hubspot",
    .summary = "HubSpot CRM: list, search, batch read, properties, account details",
    .example = "/crm/v3/objects/companies?limit=2",
    .create = hubspot_create,
    .destroy = hubspot_destroy,
    .handle = hubspot_handle,
    .error = hubspot_fault,
    .truth = hubspot_truth,
    .mutate = hubspot_mutate,
    .clock_set = hubspot_clock_set,
    .oauth = hubspot_oauth_door,
    .schema = hubspot_schema,
};
