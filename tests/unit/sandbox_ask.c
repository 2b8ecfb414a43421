/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sandbox *make(const struct sandbox_options *options)
{
    char error[256] = "";
    struct sandbox *s = sandbox_create("hubspot", options, error, sizeof error);
    UNIT_TEXT(error, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    sandbox_tick(s, START_MS);
    return s;
}

struct sandbox *make_small(uint32_t companies, uint32_t contacts)
{
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.companies = companies;
    o.contacts = contacts;
    o.limits_factor = 0;
    return make(&o);
}

struct got ask_as(struct sandbox *s, const char *authorization, const char *method,
                  const char *target, const char *body)
{
    struct got got = {0};
    struct sandbox_request request = {.method = method, .target = target, .host = "sandbox.test"};
    struct json_tokener *tokener = json_tokener_new();
    request.authorization = authorization;
    request.body = body;
    request.body_len = body ? strlen(body) : 0;
    sandbox_handle(s, &request, &got.response);
    got.status = got.response.status;
    if (got.response.body)
        got.json = json_tokener_parse_ex(tokener, got.response.body, (int)got.response.body_len);
    json_tokener_free(tokener);
    return got;
}

struct got ask(struct sandbox *s, const char *method, const char *target, const char *body)
{
    return ask_as(s, "Bearer sandbox-token", method, target, body);
}

void done(struct got *got)
{
    json_object_put(got->json);
    sandbox_response_free(&got->response);
}

int status_of(struct sandbox *s, const char *method, const char *target, const char *body)
{
    struct got got = ask(s, method, target, body);
    int status = got.status;
    done(&got);
    return status;
}

/* A value by its path: "paging.next.after", "results.0.id". NULL when it is not there. */
struct json_object *at(struct json_object *o, const char *path)
{
    char step[64];
    while (o && *path) {
        size_t len = strcspn(path, ".");
        snprintf(step, sizeof step, "%.*s", (int)len, path);
        if (json_object_is_type(o, json_type_array))
            o = json_object_array_get_idx(o, strtoul(step, NULL, 10));
        else if (!json_object_object_get_ex(o, step, &o))
            return NULL;
        path += len + (path[len] == '.');
    }
    return o;
}

const char *text_at(const struct got *got, const char *path)
{
    struct json_object *o = at(got->json, path);
    return o ? json_object_get_string(o) : "";
}

size_t length_at(const struct got *got, const char *path)
{
    struct json_object *o = at(got->json, path);
    return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

char *truth(struct sandbox *s, const char *type)
{
    char target[64], *all = NULL;
    size_t len = 0, got_len;
    snprintf(target, sizeof target, "/__sandbox/truth/%s", type);
    struct got got = ask(s, "GET", target, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got.response.stream);
    do {
        all = realloc(all, len + 70000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(all);
        got_len = sandbox_stream_read(got.response.stream, all + len, 69999);
        len += got_len;
    } while (got_len > 0);
    all[len] = '\0';
    done(&got);
    return all;
}

struct got search(struct sandbox *s, const char *filters, const char *rest)
{
    char body[4096];
    snprintf(body, sizeof body, "{\"filterGroups\":[{\"filters\":[%s]}]%s}", filters, rest);
    return ask(s, "POST", COMPANY_SEARCH, body);
}

long long total_of(struct sandbox *s, const char *filters)
{
    struct got got = search(s, filters, ",\"limit\":1");
    long long total = json_object_get_int64(at(got.json, "total"));
    CU_ASSERT_EQUAL(got.status, 200);
    done(&got);
    return total;
}

/* Counts the truth's records with a modified time in [from, to]. */
size_t truth_between(struct sandbox *s, const char *from, const char *to)
{
    char *all = truth(s, "companies");
    size_t count = 0;
    for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
        const char *updated = strstr(line, "\"updatedAt\":\"") + 13;
        count += strncmp(updated, from, 24) >= 0 && strncmp(updated, to, 24) <= 0;
    }
    free(all);
    return count;
}
