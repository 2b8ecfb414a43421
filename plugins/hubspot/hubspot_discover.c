/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The properties of an object. One answer holds them all, with their choices; it is read by columns
 * (`results[*].name`), which keep their places: where a property lacks a member, its column has
 * null there.
 */
#include <stdio.h>

#include "hubspot.h"

enum { NAME, LABEL, TYPE, UNIQUE, READ_ONLY, COLUMNS };

struct columns {
    struct hubspot_array walk[COLUMNS];
    struct fastenr_str row[COLUMNS]; /* JSON text */
};

static fastenr_outcome get_columns(struct hubspot *h, uint64_t handle, struct columns *ret)
{
    static const char *const paths[COLUMNS] = {
        [NAME] = "results[*].name",
        [LABEL] = "results[*].label",
        [TYPE] = "results[*].type",
        [UNIQUE] = "results[*].hasUniqueValue",
        [READ_ONLY] = "results[*].modificationMetadata.readOnlyValue",
    };
    for (int i = 0; i < COLUMNS; i++) {
        struct fastenr_str column;
        fastenr_outcome outcome = hubspot_need(h, handle, paths[i], "list of properties", &column);
        if (outcome != FASTENR_OK)
            return outcome;
        ret->walk[i] = hubspot_array(column);
    }
    return FASTENR_OK;
}

static int32_t next_row(struct columns *c)
{
    int32_t more = 1;
    for (int i = 0; i < COLUMNS; i++)
        more = hubspot_array_next(&c->walk[i], &c->row[i]) && more;
    return more;
}

static uint32_t field_type(struct fastenr_str type)
{
    static const struct {
        const char *type; /* as JSON text */
        uint32_t field;
    } types[] = {
        {"\"bool\"", FASTENR_FIELD_BOOL},         {"\"date\"", FASTENR_FIELD_DATE},
        {"\"datetime\"", FASTENR_FIELD_DATETIME}, {"\"enumeration\"", FASTENR_FIELD_ENUM},
        {"\"number\"", FASTENR_FIELD_NUMBER},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (hubspot_equal(type, types[i].type))
            return types[i].field;
    return FASTENR_FIELD_STRING; /* string, phone_number, and what HubSpot may think of next */
}

static int32_t all_strings(struct fastenr_str json)
{
    struct hubspot_array walk = hubspot_array(json);
    struct fastenr_str element;
    while (hubspot_array_next(&walk, &element))
        if (element.ptr[0] != '"')
            return 0;
    return !walk.broken;
}

/* The choices of the property at `index`; none is fine (HubSpot keeps some elsewhere). */
static fastenr_outcome get_values(struct hubspot *h, uint64_t handle, uint32_t index,
                                  struct fastenr_str *ret_values)
{
    char path[64];
    snprintf(path, sizeof path, "results[%u].options[*].value", index);
    fastenr_outcome outcome =
        h->services->json_get(h->host, handle, hubspot_text(path), ret_values);
    if (outcome == FASTENR_OK && all_strings(*ret_values))
        return FASTENR_OK;
    *ret_values = hubspot_text("");
    return outcome == FASTENR_GONE ? FASTENR_OK : outcome;
}

static fastenr_outcome emit_row(struct hubspot *h, uint64_t handle, uint32_t index,
                                const struct columns *c)
{
    char name[HUBSPOT_NAME_MAX], label[1024];
    struct fastenr_field field = {.size = sizeof field, .type = field_type(c->row[TYPE])};
    if (!hubspot_unquote(c->row[NAME], name, sizeof name, &field.name) || field.name.len == 0) {
        h->services->log(h->host, FASTENR_LOG_WARN,
                         hubspot_text("HubSpot has a property without a name that can be used; it "
                                      "is left out"));
        return FASTENR_OK;
    }
    if (!hubspot_unquote(c->row[LABEL], label, sizeof label, &field.label))
        field.label = field.name;
    if (hubspot_equal(c->row[UNIQUE], "true"))
        field.flags |= FASTENR_FIELD_UNIQUE;
    if (hubspot_equal(c->row[READ_ONLY], "true"))
        field.flags |= FASTENR_FIELD_READ_ONLY;
    if (field.type == FASTENR_FIELD_ENUM) {
        fastenr_outcome outcome = get_values(h, handle, index, &field.values);
        if (outcome != FASTENR_OK)
            return outcome;
    }
    return h->services->emit_field(h->host, &field);
}

static fastenr_outcome emit_properties(struct hubspot *h, uint64_t handle)
{
    struct columns c;
    fastenr_outcome outcome = get_columns(h, handle, &c);
    for (uint32_t i = 0; outcome == FASTENR_OK && next_row(&c); i++)
        outcome = emit_row(h, handle, i, &c);
    return outcome;
}

/* Fields of our own: what the records are associated with. */
static fastenr_outcome emit_associations(struct hubspot *h, const struct fastenr_object *object)
{
    fastenr_outcome outcome = FASTENR_OK;
    for (size_t i = 0; i < HUBSPOT_ASSOCIATED && outcome == FASTENR_OK; i++) {
        char name[100], label[100];
        struct fastenr_field field = {
            .size = sizeof field, .type = FASTENR_FIELD_STRING, .flags = FASTENR_FIELD_READ_ONLY};
        if (&hubspot_objects[i] == object)
            continue;
        snprintf(name, sizeof name, HUBSPOT_ASSOCIATIONS "%s", hubspot_objects[i].name.ptr);
        snprintf(label, sizeof label, "Associated %s", hubspot_objects[i].name.ptr);
        field.name = hubspot_text(name);
        field.label = hubspot_text(label);
        outcome = h->services->emit_field(h->host, &field);
    }
    return outcome;
}

fastenr_outcome hubspot_discover(void *instance, struct fastenr_str object)
{
    struct hubspot *h = instance;
    struct hubspot_request request = {.bucket = hubspot_burst, .retry = HUBSPOT_RETRIED};
    struct hubspot_url url = {h->url, sizeof h->url, 0};
    const struct fastenr_object *row;
    uint64_t handle;
    fastenr_outcome outcome = hubspot_object(h, object, &row);
    if (outcome != FASTENR_OK)
        return outcome;
    if (hubspot_is_reference(row))
        return hubspot_discover_reference(h, row);
    hubspot_url_text(&url, HUBSPOT_ORIGIN "/crm/v3/properties/");
    hubspot_url_value(&url, row->name);
    if (!hubspot_url_end(&url, &request.url))
        return hubspot_fail(h, FASTENR_FAILED, "the name of the object is too long");
    request.scope = row->scope;
    outcome = hubspot_send(h, &request, &handle);
    if (outcome != FASTENR_OK)
        return outcome;
    outcome = emit_properties(h, handle);
    h->services->release(h->host, handle);
    if (outcome == FASTENR_OK && row == &h->custom.object)
        outcome = hubspot_emit_custom_fields(h);
    return outcome == FASTENR_OK ? emit_associations(h, row) : outcome;
}
