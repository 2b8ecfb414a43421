/* SPDX-License-Identifier: Apache-2.0 */
/* One record of a write: what its input wishes for, whether that can be, and doing it. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hubspot_write.h"

/* ---- reading ---- */

static bool is_scalar(struct json_object *value)
{
    return !json_object_is_type(value, json_type_object) &&
           !json_object_is_type(value, json_type_array);
}

const char *item_read(struct json_object *input, bool with_id, struct item *item)
{
    struct json_object *properties = NULL, *id = NULL;
    item->input = input;
    item->other = NO_RECORD;
    item->id_field = -1;
    if (!json_object_is_type(input, json_type_object))
        return "an input must be an object";
    if (!json_object_object_get_ex(input, "properties", &properties) ||
        !json_object_is_type(properties, json_type_object))
        return "properties must be an object of names and values";
    json_object_object_foreach(properties, name, value)
    {
        (void)name;
        if (!is_scalar(value))
            return "values of properties must be texts, numbers or booleans";
    }
    json_object_object_get_ex(input, "id", &id);
    if (with_id && (!id || !is_scalar(id)))
        return "an input must have an id";
    item->id = with_id ? json_object_get_string(id) : NULL;
    item->trace = member_text(input, "objectWriteTraceId");
    return NULL;
}

static void add_change(struct item *item, unsigned field, const struct text *value)
{
    item->changes[item->count++] =
        (struct change){field, value->len > 0 ? mem_copy(value->ptr, value->len) : NULL};
}

static void read_property(const struct hubspot *h, enum object_type type, const char *name,
                          struct json_object *value, struct item *item)
{
    struct text kept = {0};
    int field = schema_property(h, type, name, strlen(name));
    if (field < 0) {
        issue_add(&item->issues, "PROPERTY_DOESNT_EXIST", name,
                  "Property \"%.100s\" does not exist", name);
        return;
    }
    if (h->models[type].fields[field].flags & FIELD_READ_ONLY) {
        issue_add(&item->issues, "READ_ONLY_VALUE", name,
                  "\"%s\" is a read only property; its value cannot be set.", name);
        return;
    }
    if (!value)
        return;
    item->written |= UINT64_C(1) << field;
    if (value_check(h, type, (unsigned)field, json_object_get_string(value), &kept, &item->issues))
        add_change(item, (unsigned)field, &kept);
    text_free(&kept);
}

const char *item_value(const struct item *item, unsigned field)
{
    for (size_t i = 0; i < item->count; i++)
        if (item->changes[i].field == field)
            return item->changes[i].value;
    return NULL;
}

static bool has_change(const struct item *item, unsigned field)
{
    for (size_t i = 0; i < item->count; i++)
        if (item->changes[i].field == field)
            return true;
    return false;
}

static void drop_change(struct item *item, unsigned field)
{
    size_t kept = 0;
    for (size_t i = 0; i < item->count; i++)
        if (item->changes[i].field == field)
            free(item->changes[i].value);
        else
            item->changes[kept++] = item->changes[i];
    item->count = kept;
}

/* ---- pipelines ---- */

/* The fields of the pipeline and the stage; false: the type has none. */
static bool pipeline_fields(enum object_type type, unsigned *ret_pipeline, unsigned *ret_stage)
{
    *ret_pipeline = type == DEALS ? (unsigned)DEAL_PIPELINE : (unsigned)TICKET_PIPELINE;
    *ret_stage = type == DEALS ? (unsigned)DEAL_STAGE : (unsigned)TICKET_PIPELINE_STAGE;
    return type == DEALS || type == TICKETS;
}

/* A stage has its pipeline, which therefore is not kept; one that is named must be the stage's. */
static void check_pipeline(const struct hubspot *h, enum object_type type, struct item *item)
{
    unsigned pipeline, stage;
    struct text now = {0};
    struct record r;
    if (!pipeline_fields(type, &pipeline, &stage) || !has_change(item, pipeline))
        return;
    const char *wanted = item_value(item, pipeline);
    if (has_change(item, stage)) {
        const char *value = item_value(item, stage);
        text_add(&now, value ? value : "");
    } else if (item->exists) {
        store_load(h, type, item->index, &r);
        record_value(h, &r, stage, &now);
    }
    const struct stage *s = hubspot_stage(type, text_end(&now));
    const struct field *f = &h->models[type].fields[pipeline];
    if (s && (!wanted || strcmp(s->pipeline, wanted) != 0))
        issue_add(&item->issues, "INVALID_OPTION", f->name,
                  "%s is not the pipeline of stage %s: name one of its stages in the same request",
                  wanted ? wanted : "null", s->id);
    drop_change(item, pipeline);
    text_free(&now);
}

/* ---- what a new record must have ---- */

struct required {
    bool any; /* one of them is enough */
    unsigned fields[3];
    size_t count;
};

static const struct required required[TYPES] = {
    [COMPANIES] = {true, {COMPANY_NAME, COMPANY_DOMAIN}, 2},
    [CONTACTS] = {true, {CONTACT_EMAIL, CONTACT_FIRSTNAME, CONTACT_LASTNAME}, 3},
    [DEALS] = {false, {DEAL_NAME, DEAL_STAGE}, 2},
    [TICKETS] = {false, {TICKET_SUBJECT, TICKET_PIPELINE_STAGE}, 2},
    [CALLS] = {false, {CALL_TIMESTAMP}, 1},
    [EMAILS] = {false, {EMAIL_TIMESTAMP}, 1},
    [MEETINGS] = {true, {MEETING_TIMESTAMP, MEETING_START_TIME}, 2},
    [NOTES] = {false, {NOTE_TIMESTAMP}, 1},
    [TASKS] = {false, {TASK_TIMESTAMP}, 1},
    [SUBSCRIPTIONS] = {false, {SUBSCRIPTION_NAME}, 1},
};

static void check_required(const struct hubspot *h, enum object_type type, struct item *item)
{
    const struct required *r = &required[type];
    size_t missing = 0, at = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (item_value(item, r->fields[i]))
            continue;
        at += (size_t)snprintf(item->detail + at, sizeof item->detail - at, "%s\"%s\"",
                               missing++ ? "," : "", h->models[type].fields[r->fields[i]].name);
    }
    if (missing > 0 && (!r->any || missing == r->count))
        item->refusal = REFUSED_REQUIRED;
}

/* ---- associations of a new record ---- */

static bool refuse_links(struct item *item, const char *why)
{
    snprintf(item->detail, sizeof item->detail, "%s", why);
    item->refusal = REFUSED_LINKS;
    return false;
}

/* The type of the other record is told by the ids of the association's types. */
static bool read_link(const struct hubspot *h, enum object_type type, struct json_object *o,
                      struct item *item)
{
    struct json_object *to = NULL, *types = NULL;
    struct wanted_link *link = &item->links[item->link_count];
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_get_ex(o, "to", &to);
        json_object_object_get_ex(o, "types", &types);
    }
    const char *id = json_object_is_type(to, json_type_object) ? member_text(to, "id") : NULL;
    for (int other = 0; other < TYPES && id; other++) {
        link->to = (enum object_type)other;
        link->labels = link_labels(type, link->to, types);
        if (link->labels == 0)
            continue;
        if (!living_by_id(h, link->to, id, &link->target))
            return refuse_links(item, "One or more associations are invalid: INVALID_OBJECT_IDS");
        item->link_count++;
        return true;
    }
    return refuse_links(item, "One or more associations are invalid: to.id and types of this "
                              "object are wanted");
}

static void read_links(const struct hubspot *h, enum object_type type, struct item *item)
{
    struct json_object *all = NULL;
    json_object_object_get_ex(item->input, "associations", &all);
    size_t count = json_object_is_type(all, json_type_array) ? json_object_array_length(all) : 0;
    if (count > LINKS_MAX) {
        refuse_links(item, "The sandbox takes at most 20 associations of a new record");
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!read_link(h, type, json_object_array_get_idx(all, i), item))
            return;
}

/* ---- preparing ---- */

/* The record that the id means; of an upsert that makes one, the id is a value of it. */
static void find_record(const struct hubspot *h, enum object_type type, enum deed deed,
                        struct item *item)
{
    struct text id = {0};
    unsigned field = (unsigned)item->id_field;
    value_normal(h, type, field, item->id, &id);
    item->exists = unique_find(h, type, field, text_end(&id), &item->index);
    text_free(&id);
    if (item->exists)
        return;
    if (deed == DEED_UPDATE || field == hubspot_models[type].object_id)
        item->refusal = REFUSED_MISSING;
    else if (!has_change(item, field) && value_check(h, type, field, item->id, &id, &item->issues))
        add_change(item, field, &id);
    text_free(&id);
}

void item_prepare(const struct hubspot *h, enum object_type type, enum deed deed, struct item *item)
{
    struct json_object *properties = NULL;
    json_object_object_get_ex(item->input, "properties", &properties);
    json_object_object_foreach(properties, name, value) read_property(h, type, name, value, item);
    if (item->id_field >= 0)
        find_record(h, type, deed, item);
    check_pipeline(h, type, item);
    if (item->refusal == REFUSED_NOT && item->issues.count > 0)
        item->refusal = REFUSED_VALUES;
    if (item->refusal == REFUSED_NOT && !item->exists)
        check_required(h, type, item);
    if (item->refusal == REFUSED_NOT && deed == DEED_CREATE)
        read_links(h, type, item);
}

void item_check_unique(const struct hubspot *h, enum object_type type, struct item *item)
{
    for (size_t i = 0; i < item->count; i++) {
        const struct change *c = &item->changes[i];
        const struct field *f = &h->models[type].fields[c->field];
        uint32_t other;
        if (!(f->flags & FIELD_UNIQUE) || !c->value ||
            !unique_find(h, type, c->field, c->value, &other) ||
            (item->exists && other == item->index))
            continue;
        item->other = other;
        if (type == CONTACTS && c->field == CONTACT_EMAIL) {
            item->refusal = REFUSED_CONFLICT;
            return;
        }
        item->refusal = REFUSED_VALUES;
        issue_add(&item->issues, "CONFLICTING_UNIQUE_VALUE", f->name,
                  "Cannot set PropertyValueCoordinates{portalId=%d, objectTypeId=%s, "
                  "propertyName=%s, value=%.200s} on %llu. %llu already has that value.",
                  HUBSPOT_PORTAL_ID, h->models[type].type_id, f->name, c->value,
                  item->exists ? (unsigned long long)store_id(h, type, item->index) : 0,
                  (unsigned long long)store_id(h, type, other));
    }
}

/* ---- doing ---- */

static void drop_equal(const struct hubspot *h, enum object_type type, struct item *item)
{
    struct record r;
    struct text now = {0};
    size_t kept = 0;
    store_load(h, type, item->index, &r);
    for (size_t i = 0; i < item->count; i++) {
        struct change *c = &item->changes[i];
        now.len = 0;
        bool has = record_value(h, &r, c->field, &now);
        bool equal = has ? c->value && strcmp(text_end(&now), c->value) == 0 : !c->value;
        if (equal)
            free(c->value);
        else
            item->changes[kept++] = *c;
    }
    item->count = kept;
    text_free(&now);
}

static void derive(struct item *item, unsigned field, const char *value)
{
    item->changes[item->count++] =
        (struct change){field, value ? mem_copy(value, strlen(value)) : NULL};
}

/* When a ticket or a task was done follows from its stage or status. */
static void derive_end(enum object_type type, int64_t now_ms, struct item *item)
{
    struct text at = {0};
    text_time(&at, now_ms);
    if (type == TICKETS && has_change(item, TICKET_PIPELINE_STAGE)) {
        const char *id = item_value(item, TICKET_PIPELINE_STAGE);
        const struct stage *stage = hubspot_stage(TICKETS, id ? id : "");
        derive(item, TICKET_CLOSED_DATE, stage && stage->closed ? text_end(&at) : NULL);
    } else if (type == TASKS && has_change(item, TASK_STATUS)) {
        const char *status = item_value(item, TASK_STATUS);
        derive(item, TASK_COMPLETION_DATE,
               status && strcmp(status, "COMPLETED") == 0 ? text_end(&at) : NULL);
    }
    text_free(&at);
}

static void derive_new(enum object_type type, struct item *item)
{
    if (type == COMPANIES || type == CONTACTS) {
        unsigned source =
            type == COMPANIES ? (unsigned)COMPANY_OBJECT_SOURCE : (unsigned)CONTACT_OBJECT_SOURCE;
        unsigned stage =
            type == COMPANIES ? (unsigned)COMPANY_LIFECYCLE : (unsigned)CONTACT_LIFECYCLE;
        derive(item, source, "INTEGRATION");
        if (!has_change(item, stage))
            derive(item, stage, "lead");
    }
    if (type == MEETINGS && !item_value(item, MEETING_TIMESTAMP)) {
        drop_change(item, MEETING_TIMESTAMP);
        derive(item, MEETING_TIMESTAMP, item_value(item, MEETING_START_TIME));
    }
}

void item_apply(struct hubspot *h, enum object_type type, int64_t now_ms, struct item *item)
{
    if (item->exists)
        drop_equal(h, type, item);
    else
        derive_new(type, item);
    item->unchanged = item->exists && item->count == 0;
    item->created = !item->exists;
    derive_end(type, now_ms, item);
    if (item->created)
        item->index = store_create_blank(h, type, now_ms, item->changes, item->count);
    else if (!item->unchanged)
        store_change(h, type, item->index, now_ms, SOURCE_INTEGRATION, item->changes, item->count);
    for (size_t i = 0; i < item->count; i++)
        if (h->models[type].fields[item->changes[i].field].flags & FIELD_UNIQUE &&
            item->changes[i].value)
            unique_add(h, type, item->changes[i].field, item->index, item->changes[i].value);
    item->count = 0;
    item->exists = true;
    for (size_t i = 0; i < item->link_count; i++)
        link_apply(h, type, item->index, &item->links[i]);
}

void item_free(struct item *item)
{
    for (size_t i = 0; i < item->count; i++)
        free(item->changes[i].value);
    item->count = 0;
    issues_free(&item->issues);
}
