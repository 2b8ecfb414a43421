/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to HubSpot, and words for failures where the host's are not enough. */
#include <stdarg.h>
#include <stdio.h>

#include "hubspot.h"

enum { ANSWER_ATTEMPTS = 3 }; /* for an answer that has not what all have */

const struct fastenr_str hubspot_burst = FASTENR_STR("burst");
const struct fastenr_str hubspot_search = FASTENR_STR("search");

fastenr_outcome hubspot_fail(struct hubspot *h, fastenr_outcome outcome, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return h->services->fail(h->host, outcome, hubspot_text(text));
}

fastenr_outcome hubspot_explain(struct hubspot *h, fastenr_outcome outcome, int32_t status,
                                struct fastenr_str scope)
{
    if (outcome != FASTENR_AUTH_FAILED)
        return outcome;
    if (status == 530) /* the edge answers so to a token that is not even well formed */
        return hubspot_fail(h, outcome,
                            "HubSpot answered 530: the token is no access token; copy the whole "
                            "of it, from \"pat-\" on, without spaces");
    if (status == 403 && scope.len > 0)
        return hubspot_fail(h, outcome,
                            "HubSpot answered 403: the private app lacks the scope %.*s; add it "
                            "in HubSpot under Settings, Integrations, Private Apps, and try again",
                            (int)scope.len, scope.ptr);
    return outcome;
}

fastenr_outcome hubspot_send_any(struct hubspot *h, const struct hubspot_request *request,
                                 uint64_t *ret_handle, int32_t *ret_status)
{
    static const struct fastenr_header json[] = {
        {FASTENR_STR("Content-Type"), FASTENR_STR("application/json")},
    };
    static const struct fastenr_table json_headers = FASTENR_TABLE(json);
    struct fastenr_request r = {.size = sizeof r,
                                .flags =
                                    request->retry == HUBSPOT_RETRIED ? FASTENR_REQUEST_SAFE : 0,
                                .method = FASTENR_STR("GET"),
                                .url = request->url,
                                .body = request->body,
                                .bucket = request->bucket};
    struct fastenr_response response = {0};
    if (request->body.len > 0) {
        r.method = hubspot_text("POST");
        r.headers = json_headers;
    }
    fastenr_outcome outcome = h->services->http(h->host, &r, &response);
    *ret_handle = response.handle;
    *ret_status = response.status;
    return outcome;
}

fastenr_outcome hubspot_send_status(struct hubspot *h, const struct hubspot_request *request,
                                    uint64_t *ret_handle, int32_t *ret_status)
{
    fastenr_outcome outcome = hubspot_send_any(h, request, ret_handle, ret_status);
    if (outcome == FASTENR_OK)
        return FASTENR_OK;
    h->services->release(h->host, *ret_handle);
    *ret_handle = 0;
    return hubspot_explain(h, outcome, *ret_status, request->scope);
}

fastenr_outcome hubspot_send(struct hubspot *h, const struct hubspot_request *request,
                             uint64_t *ret_handle)
{
    int32_t status;
    return hubspot_send_status(h, request, ret_handle, &status);
}

fastenr_outcome hubspot_need(struct hubspot *h, uint64_t handle, const char *path, const char *what,
                             struct fastenr_str *ret_value)
{
    fastenr_outcome outcome = h->services->json_get(h->host, handle, hubspot_text(path), ret_value);
    if (outcome == FASTENR_GONE)
        return hubspot_fail(h, FASTENR_FAILED,
                            "an answer of HubSpot has no %s (%s): if api.hubapi.com is sent "
                            "elsewhere under network.endpoints, check where to",
                            what, path);
    return outcome;
}

fastenr_outcome hubspot_ask(struct hubspot *h, const struct hubspot_request *request,
                            const char *what, const struct hubspot_needed *needed, size_t count,
                            uint64_t *ret_handle)
{
    fastenr_outcome outcome = FASTENR_FAILED;
    for (int i = 0; i < ANSWER_ATTEMPTS && outcome == FASTENR_FAILED; i++) {
        outcome = hubspot_send(h, request, ret_handle);
        if (outcome != FASTENR_OK)
            return outcome;
        for (size_t k = 0; k < count && outcome == FASTENR_OK; k++)
            outcome = hubspot_need(h, *ret_handle, needed[k].path, what, needed[k].ret_value);
        if (outcome != FASTENR_OK)
            h->services->release(h->host, *ret_handle);
    }
    return outcome;
}
