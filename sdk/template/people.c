/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connector to begin with. Its vendor has people and an API of four requests:
 *
 *   GET   https://api.people.example/v1/account              {"id": "acme", "name": "Acme Ltd"}
 *   GET   https://api.people.example/v1/people?after=CURSOR  {"people": [...], "next": CURSOR}
 *   POST  https://api.people.example/v1/people               {"id": "8"}
 *   PATCH https://api.people.example/v1/people/ID            {"id": "7"}
 *
 * A person is {"id": "7", "changed": "2026-01-02T03:04:05Z", "person": {"mail": ..., "first":
 * ...}}, and the last page has no "next". The body of the last two is the "person", of PATCH with
 * what changes; what is wrong with it comes as {"error": ...} with 400. Each request carries
 * `Authorization: Bearer TOKEN`.
 *
 * It says which request to send and where the records are in the answer. Sending, the credential,
 * rate limits, retries, parsing and committing are the host's. fastenr/connector.h says of each
 * service and operation what it may do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fastenr/connector.h>
#include <fastenr/json.h>

#define ORIGIN "https://api.people.example"

enum { URL_MOST = 2048, BODY_MOST = 64 * 1024 };

struct people {
    const struct fastenr_services *services;
    struct fastenr_host *host;
    char id[128], name[128]; /* of the account; the host reads them after check has returned */
    char body[BODY_MOST];
};

static struct fastenr_str text(const char *literal)
{
    struct fastenr_str s = {literal, strlen(literal)};
    return s;
}

static fastenr_outcome fail(struct people *p, fastenr_outcome outcome, const char *why)
{
    return p->services->fail(p->host, outcome, text(why));
}

/* ---- life: an instance for one connection ---- */

static fastenr_outcome create(const struct fastenr_services *services, struct fastenr_host *host,
                              void **ret_instance)
{
    struct people *p = calloc(1, sizeof *p);
    if (!p)
        return services->fail(host, FASTENR_FAILED, text("out of memory"));
    p->services = services;
    p->host = host;
    *ret_instance = p;
    return FASTENR_OK;
}

static void destroy(void *instance)
{
    free(instance);
}

/* ---- requests ---- */

/* SAFE: to repeat it does no harm, so the host may try again after any passing fault. */
static fastenr_outcome get(struct people *p, const char *url, uint64_t *ret_handle)
{
    struct fastenr_request request = {.size = sizeof request,
                                      .flags = FASTENR_REQUEST_SAFE,
                                      .method = FASTENR_STR("GET"),
                                      .url = text(url),
                                      .bucket = FASTENR_STR("calls")};
    struct fastenr_response response = {0};
    fastenr_outcome outcome = p->services->http(p->host, &request, &response);
    *ret_handle = response.handle;
    return outcome;
}

/* Copies a value of an answer; what does not fit is cut off. */
static fastenr_outcome copy_value(struct people *p, uint64_t handle, const char *path, char *room,
                                  size_t size, struct fastenr_str *ret_value)
{
    fastenr_outcome outcome = p->services->json_get(p->host, handle, text(path), ret_value);
    if (outcome != FASTENR_OK)
        return outcome;
    if (ret_value->len > size)
        ret_value->len = size;
    memcpy(room, ret_value->ptr, ret_value->len);
    ret_value->ptr = room;
    return FASTENR_OK;
}

/* ---- check: does the credential work, and whose account is it? ---- */

static fastenr_outcome check(void *instance, struct fastenr_check *ret_check)
{
    struct people *p = instance;
    uint64_t handle;
    fastenr_outcome outcome = get(p, ORIGIN "/v1/account", &handle);
    if (outcome == FASTENR_OK)
        outcome = copy_value(p, handle, "id", p->id, sizeof p->id, &ret_check->account_id);
    if (outcome == FASTENR_GONE)
        outcome = fail(p, FASTENR_FAILED, "the answer to /v1/account has no id");
    if (outcome == FASTENR_OK) /* a name is for people: it may be missing */
        copy_value(p, handle, "name", p->name, sizeof p->name, &ret_check->account_name);
    p->services->release(p->host, handle);
    return outcome;
}

/* ---- discover: the fields of an object ---- */

static fastenr_outcome discover(void *instance, struct fastenr_str object)
{
    static const struct fastenr_field fields[] = {
        {.size = sizeof fields[0],
         .type = FASTENR_FIELD_STRING,
         .name = FASTENR_STR("mail"),
         .label = FASTENR_STR("E-mail address")},
        {.size = sizeof fields[0],
         .type = FASTENR_FIELD_STRING,
         .name = FASTENR_STR("first"),
         .label = FASTENR_STR("First name")},
        {.size = sizeof fields[0],
         .type = FASTENR_FIELD_STRING,
         .name = FASTENR_STR("last"),
         .label = FASTENR_STR("Last name")},
    };
    struct people *p = instance;
    fastenr_outcome outcome = FASTENR_OK;
    (void)object; /* there is one; a vendor with custom fields would be asked for them here */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && outcome == FASTENR_OK; i++)
        outcome = p->services->emit_field(p->host, &fields[i]);
    return outcome;
}

/* ---- read: page after page ---- */

/* A cursor is sent back as it came. Here it holds letters and digits; percent-encode what may hold
 * more. */
static fastenr_outcome page_url(struct people *p, struct fastenr_str cursor, char url[URL_MOST])
{
    int len = snprintf(url, URL_MOST, ORIGIN "/v1/people%s%.*s", cursor.len > 0 ? "?after=" : "",
                       (int)cursor.len, cursor.ptr ? cursor.ptr : "");
    if (len < 0 || len >= URL_MOST)
        return fail(p, FASTENR_FAILED, "a cursor of the vendor is too long");
    return FASTENR_OK;
}

/* This vendor cannot be asked for what changed: each read is of everything, and the host sees what
 * is new. One that can gets since_us and until_us when `mode` is FASTENR_READ_WINDOW. */
static fastenr_outcome read_people(void *instance, const struct fastenr_selector *selector)
{
    static const struct fastenr_page page = {.size = sizeof page,
                                             .records = FASTENR_STR("people"),
                                             .id = FASTENR_STR("id"),
                                             .modified = FASTENR_STR("changed"),
                                             .fields = FASTENR_STR("person"),
                                             .next = FASTENR_STR("next")};
    struct people *p = instance;
    struct fastenr_page_result result = {.size = sizeof result, .next = selector->position};
    uint64_t read = 0;
    char url[URL_MOST];
    do {
        uint64_t handle;
        fastenr_outcome outcome = page_url(p, result.next, url);
        if (outcome == FASTENR_OK)
            outcome = get(p, url, &handle);
        if (outcome == FASTENR_OK)
            outcome = p->services->emit_page(p->host, handle, &page, &result);
        /* Committed with the records before it: an interrupted read goes on from here. */
        if (outcome == FASTENR_OK && result.next.len > 0)
            outcome = p->services->checkpoint(p->host, result.next);
        if (outcome != FASTENR_OK)
            return outcome; /* what is still held is freed when the operation returns */
        read += result.count;
    } while (result.next.len > 0 && (selector->limit == 0 || read < selector->limit));
    return FASTENR_OK;
}

/* ---- write: one person at a time, as `write_rows` says ---- */

/* A value without one is null. All of this vendor's fields are texts. */
static int32_t person_body(struct people *p, const struct fastenr_table *values,
                           struct fastenr_str *ret_body)
{
    const struct fastenr_value *value = values->rows;
    struct fastenr_json j = fastenr_json_begin(p->body, sizeof p->body);
    fastenr_json_open(&j, '{');
    for (uint32_t i = 0; i < values->count; i++) {
        fastenr_json_str(&j, value[i].name);
        fastenr_json_raw(&j, ":", 1);
        j.needs_comma = 0;
        if (value[i].flags & FASTENR_VALUE_CLEAR)
            fastenr_json_value(&j, text("null"));
        else
            fastenr_json_str(&j, value[i].value);
    }
    fastenr_json_close(&j, '}');
    return fastenr_json_end(&j, ret_body);
}

/* Not SAFE: where it is not known whether it was done, the host looks before it tries again. */
static fastenr_outcome send_person(struct people *p, const struct fastenr_write_row *row,
                                   struct fastenr_str body, struct fastenr_response *ret_response)
{
    static const struct fastenr_header json[] = {
        {FASTENR_STR("Content-Type"), FASTENR_STR("application/json")}};
    char url[URL_MOST];
    int len = snprintf(url, sizeof url, ORIGIN "/v1/people%s%.*s", row->id.len > 0 ? "/" : "",
                       (int)row->id.len, row->id.ptr ? row->id.ptr : "");
    struct fastenr_request request = {.size = sizeof request,
                                      .method = text(row->id.len > 0 ? "PATCH" : "POST"),
                                      .headers = FASTENR_TABLE(json),
                                      .body = body,
                                      .bucket = FASTENR_STR("calls")};
    if (len < 0 || len >= (int)sizeof url)
        return fail(p, FASTENR_FAILED, "an id of the vendor is too long");
    request.url = text(url);
    return p->services->http(p->host, &request, ret_response);
}

/* An id, or why there is none; empty where the answer has neither. */
static struct fastenr_str value_of(struct people *p, uint64_t handle, const char *path)
{
    struct fastenr_str value = {"", 0};
    if (handle != 0)
        p->services->json_get(p->host, handle, text(path), &value);
    return value;
}

/* What `write` returns is about the call; what became of the person is said by `written`. Of a
 * person that nothing is said of the host knows by itself whether they may have been written. */
static fastenr_outcome write_people(void *instance, const struct fastenr_write *write)
{
    static const struct fastenr_str none = {"", 0};
    struct people *p = instance;
    const struct fastenr_write_row *row = write->rows.rows;
    struct fastenr_response response = {0};
    struct fastenr_str body;
    if (!person_body(p, &row->values, &body))
        return p->services->written(p->host, row->write_id, FASTENR_BAD_RECORD, row->id,
                                    text("the person is larger than a request may be"));
    fastenr_outcome outcome = send_person(p, row, body, &response);
    if (outcome == FASTENR_OK)
        outcome = p->services->written(p->host, row->write_id, FASTENR_OK,
                                       value_of(p, response.handle, "id"), none);
    else if (response.status == 404 && row->id.len > 0)
        outcome = p->services->written(p->host, row->write_id, FASTENR_GONE, row->id, none);
    else if (response.status == 400)
        outcome = p->services->written(p->host, row->write_id, FASTENR_BAD_RECORD, row->id,
                                       value_of(p, response.handle, "error"));
    p->services->release(p->host, response.handle);
    return outcome;
}

/* ---- the descriptor: tables that the host works by ---- */

static const struct fastenr_secret secrets[] = {
    {.name = FASTENR_STR("token"), .help = FASTENR_STR("in People under Settings, API, New token")},
};
static const struct fastenr_auth_header headers[] = {
    {FASTENR_STR("Authorization"), FASTENR_STR("Bearer {{secret:token}}")},
};
static const struct fastenr_auth auth[] = {
    {.name = FASTENR_STR("api_token"),
     .help = FASTENR_STR("a token of the account"),
     .secrets = FASTENR_TABLE(secrets),
     .headers = FASTENR_TABLE(headers)},
};

/* Requests go nowhere else, and so do credentials. */
static const struct fastenr_host_pattern hosts[] = {{FASTENR_STR("api.people.example")}};

static const struct fastenr_limit limits[] = {
    {.name = FASTENR_STR("calls"), .kind = FASTENR_LIMIT_WINDOW, .requests = 100, .per_ms = 10000},
};

/* What an answer means; 2xx, 5xx and the rest have a meaning of their own already. */
static const struct fastenr_response_rule responses[] = {
    {.status_min = 401, .status_max = 403, .outcome = FASTENR_AUTH_FAILED},
    {.status_min = 429,
     .status_max = 429,
     .outcome = FASTENR_RATE_LIMITED,
     .flags = FASTENR_RESPONSE_NOT_DONE},
};

/* How a contact is made of a person, where the connection file does not say otherwise. */
static const struct fastenr_mapping mapping[] = {
    {.to = FASTENR_STR("email"),
     .from = FASTENR_STR("mail"),
     .transform = FASTENR_STR("trim,lower")},
    {.to = FASTENR_STR("first_name"), .from = FASTENR_STR("first")},
    {.to = FASTENR_STR("last_name"), .from = FASTENR_STR("last")},
};
static const struct fastenr_object objects[] = {
    {.name = FASTENR_STR("people"),
     .label = FASTENR_STR("People"),
     .canonical = FASTENR_STR("contact"),
     .key = FASTENR_STR("id"),
     .modified = FASTENR_STR("changed"),
     .mapping = FASTENR_TABLE(mapping),
     .flags = FASTENR_OBJECT_CREATE | FASTENR_OBJECT_UPDATE,
     .write_rows = 1},
};

static const struct fastenr_ops ops = {.size = sizeof ops,
                                       .create = create,
                                       .destroy = destroy,
                                       .check = check,
                                       .discover = discover,
                                       .read = read_people,
                                       .write = write_people};

static const struct fastenr_connector people = {
    .magic = FASTENR_MAGIC,
    .abi_major = FASTENR_ABI_MAJOR,
    .abi_minor = FASTENR_ABI_MINOR,
    .size = sizeof people,
    .id = FASTENR_STR("example.people"), /* your domain, reversed; it is for ever */
    .name = FASTENR_STR("People"),
    .version = FASTENR_STR("0.1.0"),
    .category = FASTENR_CRM,
    .auth = FASTENR_TABLE(auth),
    .hosts = FASTENR_TABLE(hosts),
    .limits = FASTENR_TABLE(limits),
    .responses = FASTENR_TABLE(responses),
    .objects = FASTENR_TABLE(objects),
    .ops = &ops,
};

FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void)
{
    return &people;
}
