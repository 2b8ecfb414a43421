/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference tables: owners, and the stages of pipelines. Neither can be asked what changed, and
 * both are short: every read, of a window too, gives them whole.
 */
#include <stdio.h>

#include "hubspot.h"

enum { OWNERS_PAGE = 100, RECORD_BYTES = 8 * 1024 };

static int32_t is_enough(const struct fastenr_selector *selector, uint64_t emitted)
{
    return selector->limit > 0 && emitted >= selector->limit;
}

/* ---- owners ---- */

static int32_t owners_url(struct hubspot *h, int32_t archived, struct fastenr_str cursor,
                          struct fastenr_str *ret_url)
{
    char size[21];
    struct hubspot_url url = {h->url, sizeof h->url, 0};
    struct fastenr_str text = {size, fastenr_format_int(OWNERS_PAGE, size)};
    hubspot_url_text(&url, HUBSPOT_ORIGIN "/crm/v3/owners?limit=");
    hubspot_url_value(&url, text);
    hubspot_url_text(&url, archived ? "&archived=true" : "&archived=false");
    if (cursor.len > 0) {
        hubspot_url_text(&url, "&after=");
        hubspot_url_value(&url, cursor);
    }
    return hubspot_url_end(&url, ret_url);
}

static fastenr_outcome take_owners(struct hubspot *h, const struct hubspot_request *request,
                                   struct fastenr_page_result *ret_result)
{
    static const struct fastenr_page spec = {.size = sizeof spec,
                                             .records = FASTENR_STR("results"),
                                             .id = FASTENR_STR("id"),
                                             .modified = FASTENR_STR("updatedAt"),
                                             .next = FASTENR_STR("paging.next.after")};
    uint64_t handle;
    fastenr_outcome outcome = hubspot_send(h, request, &handle);
    ret_result->size = sizeof *ret_result;
    return outcome == FASTENR_OK ? h->services->emit_page(h->host, handle, &spec, ret_result)
                                 : outcome;
}

/* Those who left are a list of their own; their records still name them. */
static fastenr_outcome read_owners(struct hubspot *h, const struct fastenr_object *object,
                                   const struct fastenr_selector *selector)
{
    struct hubspot_request request = {
        .bucket = hubspot_burst, .retry = HUBSPOT_RETRIED, .scope = object->scope};
    char text[HUBSPOT_CURSOR_MAX];
    struct fastenr_str cursor = {text, 0};
    uint64_t emitted = 0;
    int32_t archived = 0;
    while (archived < 2 && !is_enough(selector, emitted)) {
        struct fastenr_page_result result = {0};
        if (!owners_url(h, archived, cursor, &request.url))
            return hubspot_fail(h, FASTENR_FAILED, "a request is too long for HubSpot");
        fastenr_outcome outcome = take_owners(h, &request, &result);
        if (outcome != FASTENR_OK)
            return outcome;
        emitted += result.count;
        int32_t stays = result.next.len == cursor.len && result.next.len > 0 &&
                        memcmp(result.next.ptr, text, (size_t)cursor.len) == 0;
        if (stays || (result.next.len > 0 && !hubspot_is_cursor(result.next)))
            return hubspot_fail(h, FASTENR_FAILED,
                                "HubSpot says that there are more owners, but gives no cursor past "
                                "the last one");
        if (result.next.len > 0)
            memcpy(text, result.next.ptr, (size_t)result.next.len);
        cursor.len = result.next.len;
        archived += result.next.len == 0;
    }
    return FASTENR_OK;
}

/* ---- stages ---- */

/* One pipeline of an answer. */
struct pipeline {
    struct hubspot *h;
    const char *of; /* "deals", "tickets" */
    uint64_t handle;
    uint32_t index;
    struct fastenr_str id, label;
};

enum { STAGE_ID, STAGE_LABEL, STAGE_ORDER, STAGE_CLOSED, STAGE_STATE, STAGE_PROBABILITY, PARTS };

static fastenr_outcome get_text(struct hubspot *h, uint64_t handle, const char *path,
                                struct fastenr_str *ret_text)
{
    fastenr_outcome outcome = h->services->json_get(h->host, handle, hubspot_text(path), ret_text);
    if (outcome != FASTENR_GONE)
        return outcome;
    *ret_text = hubspot_text("");
    return FASTENR_OK;
}

static fastenr_outcome get_pipeline(struct pipeline *p)
{
    const struct {
        const char *name;
        struct fastenr_str *to;
    } parts[] = {{"id", &p->id}, {"label", &p->label}};
    fastenr_outcome outcome = FASTENR_OK;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && outcome == FASTENR_OK; i++) {
        char path[64];
        snprintf(path, sizeof path, "results[%u].%s", p->index, parts[i].name);
        outcome = get_text(p->h, p->handle, path, parts[i].to);
    }
    return outcome;
}

static fastenr_outcome get_stage(const struct pipeline *p, uint32_t stage,
                                 struct fastenr_str parts[PARTS])
{
    static const char *const names[PARTS] = {
        [STAGE_ID] = "id",
        [STAGE_LABEL] = "label",
        [STAGE_ORDER] = "displayOrder",
        [STAGE_CLOSED] = "metadata.isClosed",
        [STAGE_STATE] = "metadata.ticketState",
        [STAGE_PROBABILITY] = "metadata.probability",
    };
    fastenr_outcome outcome = FASTENR_OK;
    for (int i = 0; i < PARTS && outcome == FASTENR_OK; i++) {
        char path[96];
        snprintf(path, sizeof path, "results[%u].stages[%u].%s", p->index, stage, names[i]);
        outcome = get_text(p->h, p->handle, path, &parts[i]);
    }
    return outcome;
}

/* "1.0", "1", "0.0" or "0": a stage where a deal cannot be any more is one where it ended. */
static int32_t is_whole(struct fastenr_str probability, char digit)
{
    if (probability.len == 0 || probability.ptr[0] != digit)
        return 0;
    for (uint64_t i = 1; i < probability.len; i++)
        if (probability.ptr[i] != '.' && probability.ptr[i] != '0')
            return 0;
    return 1;
}

static int32_t is_closed(const struct fastenr_str parts[PARTS])
{
    if (parts[STAGE_CLOSED].len > 0)
        return hubspot_equal(parts[STAGE_CLOSED], "true");
    return hubspot_equal(parts[STAGE_STATE], "CLOSED") || is_whole(parts[STAGE_PROBABILITY], '1') ||
           is_whole(parts[STAGE_PROBABILITY], '0');
}

/* What a deal or a ticket in that stage is. Stage 2 of the tickets' first pipeline, which every
 * account begins with, is that of waiting for the customer. */
static const char *status_of(const struct pipeline *p, const struct fastenr_str parts[PARTS])
{
    int32_t closed = is_closed(parts);
    if (strcmp(p->of, "deals") == 0)
        return !closed ? "open" : is_whole(parts[STAGE_PROBABILITY], '1') ? "won" : "lost";
    if (closed)
        return "closed";
    return hubspot_equal(p->id, "0") && hubspot_equal(parts[STAGE_ID], "2") ? "pending" : "open";
}

static void put(struct fastenr_json *j, const char *key, struct fastenr_str value)
{
    if (value.len == 0)
        return;
    fastenr_json_key(j, key);
    fastenr_json_str(j, value);
}

static fastenr_outcome emit_stage(const struct pipeline *p, uint32_t stage)
{
    struct fastenr_record record = {.size = sizeof record};
    struct fastenr_str parts[PARTS];
    char buf[RECORD_BYTES];
    fastenr_outcome outcome = get_stage(p, stage, parts);
    if (outcome != FASTENR_OK)
        return outcome;
    struct fastenr_json j = fastenr_json_begin(buf, sizeof buf);
    fastenr_json_open(&j, '{');
    put(&j, "object", hubspot_text(p->of));
    put(&j, "pipelineId", p->id);
    put(&j, "pipelineLabel", p->label);
    put(&j, "stageId", parts[STAGE_ID]);
    put(&j, "label", parts[STAGE_LABEL]);
    put(&j, "displayOrder", parts[STAGE_ORDER]);
    put(&j, "isClosed", hubspot_text(is_closed(parts) ? "true" : "false"));
    put(&j, "probability", parts[STAGE_PROBABILITY]);
    put(&j, "status", hubspot_text(status_of(p, parts)));
    fastenr_json_close(&j, '}');
    if (parts[STAGE_ID].len == 0 || !fastenr_json_end(&j, &record.fields))
        return hubspot_fail(p->h, FASTENR_FAILED,
                            "HubSpot gave a stage of %s without an id, or with a label of more "
                            "than %d bytes",
                            p->of, RECORD_BYTES);
    record.id = parts[STAGE_ID];
    return p->h->services->emit_record(p->h->host, &record);
}

/* How many elements the answer has there. */
static fastenr_outcome count(struct hubspot *h, uint64_t handle, const char *path,
                             uint32_t *ret_count)
{
    struct fastenr_str ids, element;
    fastenr_outcome outcome = hubspot_need(h, handle, path, "list of pipelines", &ids);
    *ret_count = 0;
    if (outcome != FASTENR_OK)
        return outcome;
    struct hubspot_array walk = hubspot_array(ids);
    while (hubspot_array_next(&walk, &element))
        (*ret_count)++;
    return FASTENR_OK;
}

static fastenr_outcome emit_pipeline(struct pipeline *p, const struct fastenr_selector *selector,
                                     uint64_t *emitted)
{
    char path[64];
    uint32_t stages = 0;
    fastenr_outcome outcome = get_pipeline(p);
    snprintf(path, sizeof path, "results[%u].stages[*].id", p->index);
    if (outcome == FASTENR_OK)
        outcome = count(p->h, p->handle, path, &stages);
    for (uint32_t i = 0; i < stages && outcome == FASTENR_OK && !is_enough(selector, *emitted);
         i++) {
        outcome = emit_stage(p, i);
        (*emitted)++;
    }
    return outcome;
}

static fastenr_outcome read_stages(struct hubspot *h, const struct fastenr_object *object,
                                   const struct fastenr_selector *selector)
{
    struct hubspot_request request = {
        .bucket = hubspot_burst, .retry = HUBSPOT_RETRIED, .scope = object->scope};
    struct hubspot_url url = {h->url, sizeof h->url, 0};
    struct pipeline p = {
        .h = h, .of = object == &hubspot_objects[HUBSPOT_DEAL_STAGES] ? "deals" : "tickets"};
    uint32_t pipelines = 0;
    uint64_t emitted = 0;
    hubspot_url_text(&url, HUBSPOT_ORIGIN "/crm/v3/pipelines/");
    hubspot_url_text(&url, p.of);
    if (!hubspot_url_end(&url, &request.url))
        return hubspot_fail(h, FASTENR_FAILED, "a request is too long for HubSpot");
    fastenr_outcome outcome = hubspot_send(h, &request, &p.handle);
    if (outcome != FASTENR_OK)
        return outcome;
    outcome = count(h, p.handle, "results[*].id", &pipelines);
    for (; p.index < pipelines && outcome == FASTENR_OK; p.index++)
        outcome = emit_pipeline(&p, selector, &emitted);
    h->services->release(h->host, p.handle);
    return outcome;
}

/* ---- both ---- */

int32_t hubspot_is_reference(const struct fastenr_object *object)
{
    return object >= &hubspot_objects[HUBSPOT_OWNERS] &&
           object <= &hubspot_objects[HUBSPOT_TICKET_STAGES];
}

fastenr_outcome hubspot_read_reference(struct hubspot *h, const struct fastenr_object *object,
                                       const struct fastenr_selector *selector)
{
    return object == &hubspot_objects[HUBSPOT_OWNERS] ? read_owners(h, object, selector)
                                                      : read_stages(h, object, selector);
}

fastenr_outcome hubspot_discover_reference(struct hubspot *h, const struct fastenr_object *object)
{
    static const char *const owner[] = {"archived", "createdAt", "email",     "firstName", "id",
                                        "lastName", "type",      "updatedAt", "userId",    NULL};
    static const char *const stage[] = {
        "displayOrder",  "isClosed",    "label",   "object", "pipelineId",
        "pipelineLabel", "probability", "stageId", "status", NULL};
    fastenr_outcome outcome = FASTENR_OK;
    for (const char *const *name = object == &hubspot_objects[HUBSPOT_OWNERS] ? owner : stage;
         *name && outcome == FASTENR_OK; name++) {
        struct fastenr_field field = {.size = sizeof field,
                                      .type = FASTENR_FIELD_STRING,
                                      .flags = FASTENR_FIELD_READ_ONLY,
                                      .name = hubspot_text(*name),
                                      .label = hubspot_text(*name)};
        outcome = h->services->emit_field(h->host, &field);
    }
    return outcome;
}
