/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom objects: those that an account has of its own. Its list of schemas says under which id an
 * object is read, which property names a record, and which properties there are; it is asked at the
 * beginning of each operation, so that a property that was added meanwhile is read, too.
 */
#include <stdio.h>

#include "hubspot.h"

/* Texts of the schema are kept here, for the operation. */
static int32_t keep(struct hubspot_custom *c, struct fastenr_str json, struct fastenr_str *ret_text)
{
    uint64_t room = sizeof c->texts - c->used;
    if (!hubspot_unquote(json, c->texts + c->used, room, ret_text))
        return 0;
    c->used += ret_text->len;
    return 1;
}

static fastenr_outcome no_room(struct hubspot *h, struct fastenr_str name)
{
    return hubspot_fail(h, FASTENR_BAD_CONFIG,
                        "the object %.*s has more than %d properties, or their names are longer "
                        "than %d bytes together: HubSpot allows no more than that",
                        (int)name.len, name.ptr, HUBSPOT_PROPERTIES_MAX, HUBSPOT_CUSTOM_TEXTS);
}

/* ---- which schema ---- */

/* The place in one column of the schemas at which the name stands; -1 when it does not. */
static fastenr_outcome find_in(struct hubspot *h, uint64_t handle, const char *path,
                               struct fastenr_str name, int32_t *ret_index)
{
    struct fastenr_str column, element, text;
    char buf[HUBSPOT_NAME_MAX];
    fastenr_outcome outcome = hubspot_need(h, handle, path, "list of custom objects", &column);
    if (outcome != FASTENR_OK)
        return outcome;
    struct hubspot_array walk = hubspot_array(column);
    *ret_index = -1;
    for (int32_t i = 0; hubspot_array_next(&walk, &element); i++)
        if (hubspot_unquote(element, buf, sizeof buf, &text) && text.len == name.len &&
            memcmp(text.ptr, name.ptr, (size_t)name.len) == 0) {
            *ret_index = i;
            return FASTENR_OK;
        }
    return FASTENR_OK;
}

static fastenr_outcome no_such_object(struct hubspot *h, uint64_t handle, struct fastenr_str name)
{
    struct fastenr_str names;
    if (hubspot_need(h, handle, "results[*].fullyQualifiedName", "list of custom objects",
                     &names) != FASTENR_OK)
        names = hubspot_text("[]");
    return hubspot_fail(h, FASTENR_BAD_CONFIG,
                        "HubSpot has no object '%.*s'; the connector reads companies, contacts, "
                        "deals, tickets, calls, emails, meetings, notes, tasks, owners, "
                        "deal_stages, ticket_stages and the account's custom objects: %.*s",
                        name.len > 100 ? 100 : (int)name.len, name.ptr,
                        names.len > 200 ? 200 : (int)names.len, names.ptr);
}

/* By its id (2-3465404), its full name (p8675309_subscription) or its plain one. */
static fastenr_outcome find_schema(struct hubspot *h, uint64_t handle, struct fastenr_str name,
                                   int32_t *ret_index)
{
    static const char *const paths[] = {"results[*].objectTypeId", "results[*].fullyQualifiedName",
                                        "results[*].name"};
    fastenr_outcome outcome = FASTENR_OK;
    *ret_index = -1;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && *ret_index < 0; i++) {
        outcome = find_in(h, handle, paths[i], name, ret_index);
        if (outcome != FASTENR_OK)
            return outcome;
    }
    return *ret_index < 0 ? no_such_object(h, handle, name) : FASTENR_OK;
}

/* ---- what it says ---- */

static fastenr_outcome get_part(struct hubspot *h, uint64_t handle, int32_t index, const char *part,
                                struct fastenr_str *ret_value)
{
    char path[80];
    snprintf(path, sizeof path, "results[%d].%s", index, part);
    return hubspot_need(h, handle, path, "schema of the custom object", ret_value);
}

/* Not every object has a property that names its records. */
static fastenr_outcome get_title(struct hubspot *h, uint64_t handle, int32_t index,
                                 struct fastenr_str *ret_property)
{
    char path[80];
    snprintf(path, sizeof path, "results[%d].primaryDisplayProperty", index);
    fastenr_outcome outcome =
        h->services->json_get(h->host, handle, hubspot_text(path), ret_property);
    if (outcome != FASTENR_GONE)
        return outcome;
    *ret_property = hubspot_text("");
    return FASTENR_OK;
}

/* What comes without its quotes. */
static int32_t keep_plain(struct hubspot_custom *c, struct fastenr_str text,
                          struct fastenr_str *ret_text)
{
    if (text.len > sizeof c->texts - c->used)
        return 0;
    *ret_text = (struct fastenr_str){c->texts + c->used, text.len};
    memcpy(c->texts + c->used, text.ptr, (size_t)text.len);
    c->used += text.len;
    return 1;
}

static fastenr_outcome take_schema(struct hubspot *h, uint64_t handle, int32_t index,
                                   struct fastenr_str name)
{
    struct hubspot_custom *c = &h->custom;
    struct fastenr_str id, names, element;
    char title[HUBSPOT_NAME_MAX + 32];
    fastenr_outcome outcome = get_part(h, handle, index, "objectTypeId", &id);
    if (outcome == FASTENR_OK)
        outcome = get_part(h, handle, index, "properties[*].name", &names);
    if (outcome != FASTENR_OK)
        return outcome;
    if (!keep_plain(c, id, &c->object.name))
        return no_room(h, name);
    struct hubspot_array walk = hubspot_array(names);
    while (hubspot_array_next(&walk, &element))
        if (c->property_count == HUBSPOT_PROPERTIES_MAX ||
            !keep(c, element, &c->properties[c->property_count++]))
            return no_room(h, name);
    outcome = get_title(h, handle, index, &id);
    if (outcome != FASTENR_OK || id.len == 0)
        return outcome;
    int len = snprintf(title, sizeof title, "properties.%.*s", (int)id.len, id.ptr);
    if (len < 0 || (size_t)len >= sizeof title ||
        !keep_plain(c, (struct fastenr_str){title, (uint64_t)len}, &c->title))
        return no_room(h, name);
    return FASTENR_OK;
}

/* Two names in the connection file would be two streams, and each record there twice. */
static fastenr_outcome refuse_twin(struct hubspot *h, struct fastenr_str name)
{
    struct fastenr_str id = h->custom.object.name;
    for (uint32_t i = 0; i < h->custom_name_count; i++) {
        struct hubspot_custom_name *known = &h->custom_names[i];
        if (!hubspot_equal(id, known->id))
            continue;
        if (hubspot_equal(name, known->name))
            return FASTENR_OK;
        return hubspot_fail(h, FASTENR_BAD_CONFIG,
                            "'%.*s' and '%s' are one custom object of HubSpot's, %s: leave one of "
                            "the two out of the connection",
                            (int)name.len, name.ptr, known->name, known->id);
    }
    if (h->custom_name_count == HUBSPOT_CUSTOM_NAMES || name.len > HUBSPOT_OBJECT_NAME_MAX ||
        id.len >= sizeof h->custom_names[0].id)
        return FASTENR_OK;
    struct hubspot_custom_name *next = &h->custom_names[h->custom_name_count++];
    memcpy(next->name, name.ptr, (size_t)name.len);
    memcpy(next->id, id.ptr, (size_t)id.len);
    return FASTENR_OK;
}

fastenr_outcome hubspot_find_custom(struct hubspot *h, struct fastenr_str name,
                                    const struct fastenr_object **ret_object)
{
    struct hubspot_request request = {
        .url = FASTENR_STR(HUBSPOT_ORIGIN "/crm-object-schemas/v3/schemas"),
        .bucket = hubspot_burst,
        .retry = HUBSPOT_RETRIED,
        .scope = FASTENR_STR("crm.schemas.custom.read")};
    uint64_t handle;
    int32_t index;
    fastenr_outcome outcome = hubspot_send(h, &request, &handle);
    if (outcome != FASTENR_OK)
        return outcome;
    memset(&h->custom, 0, sizeof h->custom);
    h->custom.object = hubspot_objects[HUBSPOT_CUSTOM];
    outcome = find_schema(h, handle, name, &index);
    if (outcome == FASTENR_OK)
        outcome = take_schema(h, handle, index, name);
    if (outcome == FASTENR_OK)
        outcome = refuse_twin(h, name);
    h->services->release(h->host, handle);
    *ret_object = &h->custom.object;
    return outcome;
}

/* ---- the fields ---- */

static int32_t is_special(struct fastenr_str field)
{
    return hubspot_equal(field, HUBSPOT_ALL) || hubspot_equal(field, HUBSPOT_TITLE);
}

static int32_t add_field(struct hubspot_custom *c, struct fastenr_str field)
{
    if (c->field_count == sizeof c->fields / sizeof c->fields[0])
        return 0;
    c->fields[c->field_count++] = field;
    return 1;
}

int32_t hubspot_expand_fields(struct hubspot *h, struct fastenr_selector *selector)
{
    struct hubspot_custom *c = &h->custom;
    const uint64_t before = strlen("properties.");
    int32_t all = 0, titled = 0, fits = 1;
    for (uint32_t i = 0; i < selector->fields.count; i++) {
        struct fastenr_str field = hubspot_text_at(&selector->fields, i);
        all = all || hubspot_equal(field, HUBSPOT_ALL);
        titled = titled || hubspot_equal(field, HUBSPOT_TITLE);
        if (!is_special(field) && (!all || hubspot_associated(field)))
            fits = fits && add_field(c, field);
    }
    for (uint32_t i = 0; i < c->property_count && all; i++)
        fits = fits && add_field(c, c->properties[i]);
    if (!titled)
        c->title.len = 0;
    else if (!all && c->title.len > before)
        fits = fits &&
               add_field(c, (struct fastenr_str){c->title.ptr + before, c->title.len - before});
    selector->fields = (struct fastenr_table){c->fields, c->field_count, sizeof c->fields[0]};
    return fits;
}

fastenr_outcome hubspot_emit_custom_fields(struct hubspot *h)
{
    static const struct {
        struct fastenr_str name, label;
    } made[] = {{FASTENR_STR(HUBSPOT_ALL), FASTENR_STR("All properties that have a value")},
                {FASTENR_STR(HUBSPOT_TITLE), FASTENR_STR("The property that names a record")}};
    fastenr_outcome outcome = FASTENR_OK;
    for (size_t i = 0; i < sizeof made / sizeof made[0] && outcome == FASTENR_OK; i++) {
        struct fastenr_field field = {.size = sizeof field,
                                      .type = FASTENR_FIELD_STRING,
                                      .flags = FASTENR_FIELD_READ_ONLY,
                                      .name = made[i].name,
                                      .label = made[i].label};
        outcome = h->services->emit_field(h->host, &field);
    }
    return outcome;
}
