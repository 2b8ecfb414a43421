/* SPDX-License-Identifier: Apache-2.0 */
/* HubSpot's front door: authentication, rate limits and error bodies. */
#include "hubspot_route.h"
#include "hubspot_write.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A private app of a Professional account. */
enum { BURST_MAX = 190, BURST_MS = 10000, SEARCH_MAX = 5, SEARCH_MS = 1000, DAILY_MAX = 625000 };
enum { DAY_MS = 86400000, PORTAL_OFFSET_MS = -18000000 };

/* ---- errors ---- */

void hubspot_error_json(struct hubspot *h, struct answer *a, int status, const char *message)
{
    char id[37];
    sandbox_uuid(h->sandbox, id);
    a->response->status = status;
    a->body.len = 0;
    text_printf(&a->body, "{\"status\":\"error\",\"message\":%s,\"correlationId\":\"%s\"", message,
                id);
}

static void error_text(struct hubspot *h, struct answer *a, int status, const char *message)
{
    struct text quoted = {0};
    text_json(&quoted, message, strlen(message));
    hubspot_error_json(h, a, status, text_end(&quoted));
    text_free(&quoted);
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
    if (state == TOKEN_ACTIVE || state == TOKEN_NO_SCOPE || state == TOKEN_READ_ONLY ||
        hubspot_oauth_knows(h, call))
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

static bool has_scope(struct hubspot *h, const struct call *call, const char *scope, bool writes,
                      struct answer *a)
{
    enum token_state state = sandbox_token(h->sandbox, call->request->authorization);
    if (state == TOKEN_ACTIVE || (state == TOKEN_READ_ONLY && !writes) ||
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
    h->last_write_ms = 0;
}

void hubspot_account(struct text *out)
{
    text_printf(out,
                "{\"portalId\":%d,\"accountType\":\"DEVELOPER_TEST\",\"timeZone\":\"US/Eastern\","
                "\"companyCurrency\":\"USD\",\"additionalCurrencies\":[],\"utcOffset\":\"-05:00\","
                "\"utcOffsetMilliseconds\":%d,\"uiDomain\":\"app.hubspot.com\","
                "\"dataHostingLocation\":\"na1\"}",
                HUBSPOT_PORTAL_ID, PORTAL_OFFSET_MS);
}

static void hubspot_handle(void *state, const struct call *call, struct answer *a)
{
    struct hubspot *h = state;
    const char *method = call->request->method;
    struct route r = route_find(call->path, method);
    if (hubspot_oauth(h, call, a) || !is_known(h, call, a))
        return;
    if (!within_limits(h, r.is_search, call->now_ms, a))
        return;
    if (!r.serve) {
        sandbox_count(h->sandbox, STAT_OTHER, 1);
        if (r.exists)
            hubspot_error(h, a, 405, NULL, "%.20s is not allowed here", method);
        else
            hubspot_error(h, a, 404, NULL, "The sandbox has nothing at %.200s", call->path);
        return;
    }
    for (size_t i = 0; i < sizeof r.scopes / sizeof *r.scopes && r.scopes[i]; i++)
        if (!has_scope(h, call, r.scopes[i], r.writes, a))
            return;
    sandbox_count(h->sandbox, r.stat, 1);
    if (r.writes)
        sandbox_count(h->sandbox, STAT_WRITE, 1);
    r.serve(h, &r, call, a);
}

/* ---- life ---- */

static void hubspot_destroy(void *state)
{
    struct hubspot *h = state;
    store_free(h);
    hubspot_oauth_free(h);
    schema_free(h);
    unique_free(h);
    added_free(h);
    csv_free(&h->real);
    window_free(&h->burst);
    window_free(&h->search);
    free(h);
}

static void *hubspot_make(struct sandbox *s, char *error, size_t error_size)
{
    const struct sandbox_options *o = sandbox_opts(s);
    uint32_t factor = o->limits_factor ? o->limits_factor : 1;
    struct hubspot *h = mem_get(sizeof *h);
    h->sandbox = s;
    h->options = o;
    models_init(h);
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
    .summary = "HubSpot CRM: records and associations to read and to write, search, properties",
    .example = "/crm/v3/objects/companies?limit=2",
    .create = hubspot_make,
    .destroy = hubspot_destroy,
    .handle = hubspot_handle,
    .error = hubspot_fault,
    .truth = hubspot_truth,
    .mutate = hubspot_mutate,
    .clock_set = hubspot_clock_set,
    .oauth = hubspot_oauth_door,
    .schema = hubspot_schema,
};
