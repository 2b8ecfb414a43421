/* SPDX-License-Identifier: Apache-2.0 */
/* The HubSpot connector's descriptor, the life of an instance, and the check of a credential. */
#include <stdlib.h>

#include "hubspot.h"

/* ---- how HubSpot is reached ---- */

static const struct fastenr_host_pattern hosts[] = {
    {FASTENR_STR("api.hubapi.com")},
};

static const struct fastenr_secret private_app_secrets[] = {
    {FASTENR_STR("token"), FASTENR_STR("access token of a private app: in HubSpot under Settings, "
                                       "Integrations, Private Apps; it begins with pat-")},
};

static const struct fastenr_auth_header private_app_headers[] = {
    {FASTENR_STR("Authorization"), FASTENR_STR("Bearer {{secret:token}}")},
};

static const struct fastenr_secret oauth_secrets[] = {
    {FASTENR_STR("client_id"), FASTENR_STR("client id of a HubSpot app: under its Auth tab")},
    {FASTENR_STR("client_secret"), FASTENR_STR("client secret of that app, beside the client id")},
};

static const struct fastenr_auth_header oauth_headers[] = {
    {FASTENR_STR("Authorization"), FASTENR_STR("Bearer {{token:access_token}}")},
};

static const struct fastenr_str oauth_scopes[] = {FASTENR_STR("oauth")};

/* It means, nearly always, that the app was uninstalled. */
static const struct fastenr_oauth_dead oauth_dead[] = {
    {.status = 400, .path = FASTENR_STR("status"), .equals = FASTENR_STR("BAD_REFRESH_TOKEN")},
};

/* /oauth/v1/token does the same until 2027-02-16, when HubSpot retires it. */
static const struct fastenr_oauth oauth = {
    .size = sizeof oauth,
    .flags = FASTENR_OAUTH_PKCE,
    .grants = FASTENR_GRANT_CODE | FASTENR_GRANT_REFRESH,
    .authorize_url = FASTENR_STR("https://app.hubspot.com/oauth/authorize"),
    .token_url = FASTENR_STR("https://api.hubapi.com/oauth/v3/token"),
    .scopes = FASTENR_TABLE(oauth_scopes),
    .dead = FASTENR_TABLE(oauth_dead),
};

static const struct fastenr_auth auth[] = {
    {.name = FASTENR_STR("private_app"),
     .help = FASTENR_STR("a private app of your own HubSpot account"),
     .secrets = FASTENR_TABLE(private_app_secrets),
     .headers = FASTENR_TABLE(private_app_headers)},
    {.name = FASTENR_STR("oauth"),
     .help = FASTENR_STR("an app that a person lets into the account: `fastenr connect`"),
     .secrets = FASTENR_TABLE(oauth_secrets),
     .headers = FASTENR_TABLE(oauth_headers),
     .oauth = &oauth},
};

/*
 * burst: what the smallest plan may do; the headers tell of a greater one. Searches do not count
 * here, nor do their answers carry the headers.
 * search: HubSpot allows five a second to the whole account, all its apps together, and says
 * nothing about how many are left: one is left to the others.
 * daily: of the whole account, until midnight in its time zone; counts searches too.
 */
static const struct fastenr_limit limits[] = {
    {.name = FASTENR_STR("burst"),
     .kind = FASTENR_LIMIT_WINDOW,
     .requests = 100,
     .per_ms = 10000,
     .header_limit = FASTENR_STR("X-HubSpot-RateLimit-Max"),
     .header_remaining = FASTENR_STR("X-HubSpot-RateLimit-Remaining"),
     .header_per_ms = FASTENR_STR("X-HubSpot-RateLimit-Interval-Milliseconds")},
    {.name = FASTENR_STR("search"), .kind = FASTENR_LIMIT_WINDOW, .requests = 4, .per_ms = 1000},
    {.name = FASTENR_STR("daily"),
     .kind = FASTENR_LIMIT_QUOTA,
     .flags = FASTENR_LIMIT_ALWAYS,
     .requests = 250000,
     .per_ms = 86400000,
     .header_limit = FASTENR_STR("X-HubSpot-RateLimit-Daily"),
     .header_remaining = FASTENR_STR("X-HubSpot-RateLimit-Daily-Remaining")},
};

#define MESSAGE .message = FASTENR_STR("message")
#define REFUSED_BY(policy, wait_ms)                                                                \
    {                                                                                              \
        .status_min = 429, .status_max = 429, .path = FASTENR_STR("policyName"),                   \
        .equals = FASTENR_STR(policy), .outcome = FASTENR_RATE_LIMITED,                            \
        .flags = FASTENR_RESPONSE_NOT_DONE, .retry_after_ms = (wait_ms), MESSAGE                   \
    }

/* The daily quota is an hour's wait, which the host does not sit out: the run ends, and a later one
 * goes on where it stopped. 477 (the account moves to another data centre) says itself how long.
 * Both that and 423 (others write the same records now) refuse, and have done nothing. 522, 525 and
 * 526 tell of trouble between HubSpot's edge and HubSpot that waiting does not mend.
 */
static const struct fastenr_response_rule responses[] = {
    REFUSED_BY("TEN_SECONDLY_ROLLING", 10000),
    REFUSED_BY("SECONDLY", 1000),
    REFUSED_BY("DAILY", 3600000),
    {.status_min = 429,
     .status_max = 429,
     .outcome = FASTENR_RATE_LIMITED,
     .flags = FASTENR_RESPONSE_NOT_DONE,
     MESSAGE},
    {.status_min = 401, .status_max = 401, .outcome = FASTENR_AUTH_FAILED, MESSAGE},
    {.status_min = 403, .status_max = 403, .outcome = FASTENR_AUTH_FAILED, MESSAGE},
    {.status_min = 530, .status_max = 530, .outcome = FASTENR_AUTH_FAILED, MESSAGE},
    {.status_min = 404, .status_max = 404, .outcome = FASTENR_GONE, MESSAGE},
    {.status_min = 423,
     .status_max = 423,
     .outcome = FASTENR_RETRY_AFTER,
     .flags = FASTENR_RESPONSE_NOT_DONE,
     .retry_after_ms = 2000,
     MESSAGE},
    {.status_min = 477,
     .status_max = 477,
     .outcome = FASTENR_RETRY_AFTER,
     .flags = FASTENR_RESPONSE_NOT_DONE,
     MESSAGE},
    {.status_min = 400, .status_max = 499, .outcome = FASTENR_FAILED, MESSAGE},
    {.status_min = 522, .status_max = 522, .outcome = FASTENR_FAILED, MESSAGE},
    {.status_min = 525, .status_max = 526, .outcome = FASTENR_FAILED, MESSAGE},
    {.status_min = 500, .status_max = 599, .outcome = FASTENR_RETRY_AFTER, MESSAGE},
};

/* ---- options ---- */

#define API_VERSION "api_version"

static const struct fastenr_str api_versions[] = {FASTENR_STR("v3"), FASTENR_STR("2026-03"),
                                                  FASTENR_STR("2026-09")};

static const struct fastenr_option options[] = {
    {.name = FASTENR_STR(API_VERSION),
     .type = FASTENR_OPTION_ENUM,
     .default_value = FASTENR_STR("v3"),
     .choices = FASTENR_TABLE(api_versions),
     .help = FASTENR_STR("Version of HubSpot's API that records are read and written by; all "
                         "three give the same.")},
};

static const char *objects_url(const struct fastenr_services *services, struct fastenr_host *host)
{
    struct fastenr_str version;
    if (services->option(host, hubspot_text(API_VERSION), &version) != FASTENR_OK)
        return HUBSPOT_ORIGIN "/crm/v3/objects/";
    if (hubspot_equal(version, "2026-03"))
        return HUBSPOT_ORIGIN "/crm/objects/2026-03/";
    if (hubspot_equal(version, "2026-09"))
        return HUBSPOT_ORIGIN "/crm/objects/2026-09/";
    return HUBSPOT_ORIGIN "/crm/v3/objects/";
}

/* ---- life ---- */

static fastenr_outcome create(const struct fastenr_services *services, struct fastenr_host *host,
                              void **ret_instance)
{
    struct hubspot *h = calloc(1, sizeof *h);
    if (!h)
        return services->fail(host, FASTENR_FAILED,
                              hubspot_text("out of memory: raise workers.memory in fastenr.conf"));
    h->services = services;
    h->host = host;
    h->objects_url = objects_url(services, host);
    *ret_instance = h;
    return FASTENR_OK;
}

static void destroy(void *instance)
{
    free(instance);
}

/* ---- check ---- */

static struct fastenr_str keep(struct fastenr_str value, char *buf, size_t cap)
{
    struct fastenr_str kept = {buf, value.len < cap ? value.len : cap};
    if (kept.len > 0)
        memcpy(buf, value.ptr, (size_t)kept.len);
    return kept;
}

static fastenr_outcome read_account(struct hubspot *h, uint64_t handle,
                                    struct fastenr_check *ret_check)
{
    struct fastenr_str id, domain;
    fastenr_outcome outcome = hubspot_need(h, handle, "portalId", "account id", &id);
    if (outcome != FASTENR_OK)
        return outcome;
    if (!hubspot_is_id(id))
        return hubspot_fail(h, FASTENR_FAILED, "HubSpot's account id '%.*s' is no number",
                            id.len > 40 ? 40 : (int)id.len, id.ptr);
    outcome = h->services->json_get(h->host, handle, hubspot_text("uiDomain"), &domain);
    if (outcome != FASTENR_OK && outcome != FASTENR_GONE)
        return outcome;
    ret_check->account_id = keep(id, h->account_id, sizeof h->account_id);
    if (outcome == FASTENR_OK)
        ret_check->account_name = keep(domain, h->account_name, sizeof h->account_name);
    return FASTENR_OK;
}

/* Whether the token may read any object; the outcome of the last try when none. */
static fastenr_outcome try_objects(struct hubspot *h)
{
    fastenr_outcome outcome = FASTENR_AUTH_FAILED;
    for (size_t i = 0; i < HUBSPOT_CRM && outcome == FASTENR_AUTH_FAILED; i++) {
        struct hubspot_request request = {
            .bucket = hubspot_burst, .retry = HUBSPOT_RETRIED, .scope = hubspot_objects[i].scope};
        struct hubspot_url url = {h->url, sizeof h->url, 0};
        uint64_t handle;
        hubspot_url_text(&url, h->objects_url);
        hubspot_url_value(&url, hubspot_objects[i].name);
        hubspot_url_text(&url, "?limit=1&archived=false&properties=hs_object_id");
        if (!hubspot_url_end(&url, &request.url))
            return FASTENR_FAILED;
        outcome = hubspot_send(h, &request, &handle);
        h->services->release(h->host, handle);
    }
    return outcome;
}

/* The account's details want no scope of the CRM. A token that may not see them all the same is
 * good if it reads objects; then only the account's id stays unknown. A 401 or 530 is final. */
static fastenr_outcome check(void *instance, struct fastenr_check *ret_check)
{
    struct hubspot *h = instance;
    struct hubspot_request request = {.url = FASTENR_STR(HUBSPOT_ORIGIN "/account-info/v3/details"),
                                      .bucket = hubspot_burst,
                                      .retry = HUBSPOT_RETRIED};
    uint64_t handle;
    int32_t status;
    fastenr_outcome outcome = hubspot_send_status(h, &request, &handle, &status);
    if (outcome == FASTENR_OK) {
        outcome = read_account(h, handle, ret_check);
        h->services->release(h->host, handle);
        return outcome;
    }
    if (outcome != FASTENR_AUTH_FAILED || status != 403)
        return outcome;
    outcome = try_objects(h);
    if (outcome == FASTENR_OK)
        h->services->log(h->host, FASTENR_LOG_WARN,
                         hubspot_text("HubSpot does not tell this token the id of its account: "
                                      "connections to the same account cannot share its rate "
                                      "limits"));
    return outcome;
}

/* ---- the descriptor ---- */

static const struct fastenr_ops ops = {.size = sizeof(struct fastenr_ops),
                                       .create = create,
                                       .destroy = destroy,
                                       .check = check,
                                       .discover = hubspot_discover,
                                       .read = hubspot_read,
                                       .write = hubspot_write};

static const struct fastenr_connector hubspot = {
    .magic = FASTENR_MAGIC,
    .abi_major = FASTENR_ABI_MAJOR,
    .abi_minor = FASTENR_ABI_MINOR,
    .size = sizeof(struct fastenr_connector),
    .id = FASTENR_STR("com.fastenr.hubspot"),
    .name = FASTENR_STR("HubSpot"),
    .version = FASTENR_STR("0.1.0"),
    .category = FASTENR_CRM,
    .options = FASTENR_TABLE(options),
    .auth = FASTENR_TABLE(auth),
    .hosts = FASTENR_TABLE(hosts),
    .limits = FASTENR_TABLE(limits),
    .responses = FASTENR_TABLE(responses),
    .objects = {hubspot_objects, HUBSPOT_OBJECTS, sizeof(struct fastenr_object)},
    .ops = &ops,
};

FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void);
FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void)
{
    return &hubspot;
}
