/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Associations: what records of a page have to do with other objects, asked for by the batch read
 * of v4 and joined to the page by the host. HubSpot gives a record's associations in pages of their
 * own, and promises no order of them. A reference is the lowest id, so that all pages must be read
 * to know it: one request for each round of pages, with the records that have more.
 */
#include "hubspot.h"

/* From one object to another. */
struct pair {
    struct hubspot *h;
    const struct fastenr_object *from, *to;
};

/* Of an answer, an element for each row. */
struct rows {
    struct fastenr_str ids, cursors;
};

/* ---- inputs ---- */

static void put_input(struct fastenr_json *j, struct fastenr_str id, struct fastenr_str after)
{
    fastenr_json_open(j, '{');
    fastenr_json_key(j, "id");
    fastenr_json_str(j, id);
    if (after.len > 0) {
        fastenr_json_key(j, "after");
        fastenr_json_str(j, after);
    }
    fastenr_json_close(j, '}');
}

static struct fastenr_json begin_inputs(struct hubspot *h)
{
    struct fastenr_json j = fastenr_json_begin(h->body, sizeof h->body);
    fastenr_json_open(&j, '{');
    fastenr_json_key(&j, "inputs");
    fastenr_json_open(&j, '[');
    return j;
}

static int32_t end_inputs(struct fastenr_json *j, struct fastenr_str *ret_body)
{
    fastenr_json_close(j, ']');
    fastenr_json_close(j, '}');
    return fastenr_json_end(j, ret_body);
}

/* The first pages of all records. Empty when there is no record that can be asked for. */
static fastenr_outcome first_inputs(struct hubspot *h, struct fastenr_str ids,
                                    struct fastenr_str *ret_body)
{
    struct fastenr_json j = begin_inputs(h);
    struct hubspot_array walk = hubspot_array(ids);
    struct fastenr_str element, id, none = {"", 0};
    char text[HUBSPOT_ID_MAX];
    uint64_t count = 0;
    while (hubspot_array_next(&walk, &element)) {
        if (!hubspot_unquote(element, text, sizeof text, &id) || !hubspot_is_id(id))
            continue; /* the host sets the record aside */
        put_input(&j, id, none);
        count++;
    }
    if (walk.broken || !end_inputs(&j, ret_body))
        return hubspot_fail(h, FASTENR_FAILED, "HubSpot gave a list of ids that is none");
    if (count == 0)
        *ret_body = none;
    return FASTENR_OK;
}

/* The next pages of the records that have more; empty when none has. */
static fastenr_outcome next_inputs(struct hubspot *h, const struct rows *rows,
                                   struct fastenr_str *ret_body)
{
    struct fastenr_json j = begin_inputs(h);
    struct hubspot_array walk = hubspot_array(rows->cursors), id_walk = hubspot_array(rows->ids);
    struct fastenr_str element, id_element, id, after;
    char text[HUBSPOT_CURSOR_MAX], id_text[HUBSPOT_ID_MAX];
    uint64_t count = 0;
    int32_t sound = 1;
    while (sound && hubspot_array_next(&walk, &element) &&
           hubspot_array_next(&id_walk, &id_element)) {
        if (hubspot_equal(element, "null"))
            continue;
        sound = hubspot_unquote(element, text, sizeof text, &after) && hubspot_is_cursor(after) &&
                hubspot_unquote(id_element, id_text, sizeof id_text, &id) && hubspot_is_id(id);
        if (sound)
            put_input(&j, id, after);
        count++;
    }
    if (!sound || walk.broken || id_walk.broken || !end_inputs(&j, ret_body))
        return hubspot_fail(h, FASTENR_FAILED,
                            "HubSpot says that there are more associations, but not where");
    if (count == 0)
        *ret_body = hubspot_text("");
    return FASTENR_OK;
}

/* ---- asking ---- */

static fastenr_outcome too_many(const struct pair *p)
{
    return hubspot_fail(
        p->h, FASTENR_BAD_CONFIG,
        "one of the %.*s has more than %d pages of associated %.*s: leave " HUBSPOT_ASSOCIATIONS
        "%.*s out of the mapping",
        (int)p->from->name.len, p->from->name.ptr, HUBSPOT_ASSOCIATION_PAGES, (int)p->to->name.len,
        p->to->name.ptr, (int)p->to->name.len, p->to->name.ptr);
}

static int32_t pair_url(const struct pair *p, struct fastenr_str *ret_url)
{
    struct hubspot_url url = {p->h->url, sizeof p->h->url, 0};
    hubspot_url_text(&url, HUBSPOT_ORIGIN "/crm/v4/associations/");
    hubspot_url_value(&url, p->from->name);
    hubspot_url_text(&url, "/");
    hubspot_url_value(&url, p->to->name);
    hubspot_url_text(&url, "/batch/read");
    return hubspot_url_end(&url, ret_url);
}

/* One round. An answer without sense is fetched again before it is attached: the host would not see
 * that the new one has more. */
static fastenr_outcome get_round(struct hubspot *h, const struct hubspot_request *request,
                                 uint64_t *ret_handle, struct rows *ret_rows)
{
    const struct hubspot_needed needed[] = {{"results[*].from.id", &ret_rows->ids},
                                            {"results[*].paging.next.after", &ret_rows->cursors}};
    return hubspot_ask(h, request, "list of associations", needed, 2, ret_handle);
}

static fastenr_outcome attach_round(struct hubspot *h, struct hubspot_request *request,
                                    const struct fastenr_attach *spec)
{
    struct rows rows;
    uint64_t handle;
    fastenr_outcome outcome = get_round(h, request, &handle, &rows);
    if (outcome != FASTENR_OK)
        return outcome;
    outcome = next_inputs(h, &rows, &request->body);
    if (outcome == FASTENR_OK)
        return h->services->attach(h->host, handle, spec);
    h->services->release(h->host, handle);
    return outcome;
}

static fastenr_outcome attach_pair(const struct pair *p, struct fastenr_str field,
                                   struct fastenr_str ids)
{
    struct hubspot *h = p->h;
    struct fastenr_attach spec = {.size = sizeof spec,
                                  .rows = FASTENR_STR("results"),
                                  .key = FASTENR_STR("from.id"),
                                  .values = FASTENR_STR("to[*].toObjectId"),
                                  .field = field};
    struct hubspot_request request = {
        .bucket = hubspot_burst, .retry = HUBSPOT_RETRIED, .scope = p->from->scope};
    if (!pair_url(p, &request.url))
        return hubspot_fail(h, FASTENR_FAILED, "a request is too long for HubSpot");
    fastenr_outcome outcome = first_inputs(h, ids, &request.body);
    for (int round = 0; outcome == FASTENR_OK && request.body.len > 0; round++) {
        if (round == HUBSPOT_ASSOCIATION_PAGES)
            return too_many(p);
        outcome = attach_round(h, &request, &spec);
    }
    return outcome;
}

fastenr_outcome hubspot_attach(struct hubspot *h, const struct fastenr_object *object,
                               const struct fastenr_table *fields, struct fastenr_str ids)
{
    fastenr_outcome outcome = FASTENR_OK;
    for (uint32_t i = 0; i < fields->count && outcome == FASTENR_OK; i++) {
        struct fastenr_str field = hubspot_text_at(fields, i);
        const struct pair pair = {h, object, hubspot_associated(field)};
        if (pair.to)
            outcome = attach_pair(&pair, field, ids);
    }
    return outcome;
}
