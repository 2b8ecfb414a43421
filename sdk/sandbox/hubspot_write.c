/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that write one record, and how items are told of: in answers, errors, the journal. */
#include "hubspot_write.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

int64_t write_moment(struct hubspot *h)
{
    int64_t now_ms = sandbox_now(h->sandbox);
    if (now_ms <= h->last_write_ms)
        sandbox_advance(h->sandbox, h->last_write_ms + 1 - now_ms);
    h->last_write_ms = sandbox_now(h->sandbox);
    return h->last_write_ms;
}

const char *type_in_capitals(enum object_type type, char out[32])
{
    const char *name = hubspot_models[type].singular;
    size_t i = 0;
    for (; name[i] && i < 31; i++)
        out[i] = (char)toupper((unsigned char)name[i]);
    out[i] = '\0';
    return out;
}

int write_id_field(struct hubspot *h, enum object_type type, const char *name, struct answer *a)
{
    const struct model *m = &h->models[type];
    int field = name ? schema_property(h, type, name, strlen(name)) : (int)m->object_id;
    if (field >= 0 && m->fields[field].flags & FIELD_UNIQUE)
        return field;
    hubspot_error(h, a, 400, "VALIDATION_ERROR",
                  "Unable to perform update/upsert by non-unique %s property %.100s", m->type_id,
                  name);
    return -1;
}

struct json_object *write_body(struct hubspot *h, const struct call *call, struct answer *a)
{
    const char *reason;
    struct json_object *body = parse_object(call->request->body, call->request->body_len, &reason);
    if (!body)
        hubspot_error(h, a, 400, NULL, "Invalid input JSON: %s", reason);
    return body;
}

/* ---- answers ---- */

void item_write(const struct hubspot *h, enum object_type type, const struct item *item,
                bool upsert, struct text *out)
{
    const struct model *m = &h->models[type];
    uint64_t mask = item->written | model_mask(m, FIELD_ALWAYS);
    struct text value = {0};
    struct record r;
    if (item->created)
        mask = (UINT64_C(1) << m->count) - 1;
    store_load(h, type, item->index, &r);
    for (unsigned field = 0; field < m->count; field++) {
        value.len = 0;
        if (!record_value(h, &r, field, &value))
            mask &= ~(UINT64_C(1) << field);
    }
    text_free(&value);
    record_write(h, &r, mask, out);
    out->len--;
    if (upsert)
        text_printf(out, ",\"new\":%s", item->created ? "true" : "false");
    if (item->trace) {
        text_add(out, ",\"objectWriteTraceId\":");
        text_json(out, item->trace, strlen(item->trace));
    }
    text_char(out, '}');
}

/* "Property values were not valid: [...]": JSON within a text, as HubSpot has it. */
static void write_message(const struct issues *const *lists, size_t count, struct text *out)
{
    struct text message = {0};
    const char *between = "";
    text_add(&message, "Property values were not valid: [");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            const struct issue *issue = &lists[i]->all[k];
            text_printf(&message, "%s{\"isValid\":false,\"message\":", between);
            text_json(&message, issue->message, strlen(issue->message));
            text_printf(&message, ",\"error\":\"%s\",\"name\":", issue->code);
            text_json(&message, issue->name, strlen(issue->name));
            text_add(&message, ",\"localizedErrorMessage\":");
            text_json(&message, issue->message, strlen(issue->message));
            text_printf(&message, ",\"portalId\":%d}", HUBSPOT_PORTAL_ID);
            between = ",";
        }
    text_char(&message, ']');
    text_json(out, message.ptr, message.len);
    text_free(&message);
}

static void write_issues(const struct issues *const *lists, size_t count, struct text *out)
{
    const char *between = "";
    text_add(out, ",\"errors\":[");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            const struct issue *issue = &lists[i]->all[k];
            text_printf(out, "%s{\"message\":", between);
            text_json(out, issue->message, strlen(issue->message));
            text_printf(out, ",\"code\":\"%s\",\"context\":{\"propertyName\":[", issue->code);
            text_json(out, issue->name, strlen(issue->name));
            text_add(out, "]}}");
            between = ",";
        }
    text_char(out, ']');
}

static const char *category_of(const struct item *item)
{
    return item->refusal == REFUSED_CONFLICT  ? "CONFLICT"
           : item->refusal == REFUSED_MISSING ? "OBJECT_NOT_FOUND"
           : item->refusal == REFUSED_FAULT   ? "INTERNAL_ERROR"
                                              : "VALIDATION_ERROR";
}

/* Of one request for one record the address that is taken names who has it. */
static void write_text(const struct hubspot *h, enum object_type type, const struct item *item,
                       bool names_other, struct text *out)
{
    char capitals[32];
    const struct issues *list = &item->issues;
    struct text message = {0};
    if (item->refusal == REFUSED_VALUES) {
        write_message(&list, 1, out);
        return;
    }
    if (item->refusal == REFUSED_CONFLICT) {
        text_add(&message, "Contact already exists");
        if (names_other && item->other != NO_RECORD)
            text_printf(&message, ". Existing ID: %llu",
                        (unsigned long long)store_id(h, type, (uint32_t)item->other));
    } else if (item->refusal == REFUSED_REQUIRED) {
        text_printf(&message, "Error creating %s. Some required properties were not set.",
                    type_in_capitals(type, capitals));
    } else {
        text_add(&message, item->refusal == REFUSED_FAULT     ? "internal error"
                           : item->refusal == REFUSED_MISSING ? "resource not found"
                                                              : item->detail);
    }
    text_json(out, message.ptr, message.len);
    text_free(&message);
}

static void write_context(const struct hubspot *h, enum object_type type, const struct item *item,
                          bool single, struct text *out)
{
    const char *between = "";
    text_add(out, ",\"context\":{");
    if (!single && item->trace) {
        text_add(out, "\"objectWriteTraceId\":[");
        text_json(out, item->trace, strlen(item->trace));
        text_char(out, ']');
        between = ",";
    }
    if (!single && item->id && item->refusal == REFUSED_FAULT) {
        text_printf(out, "%s\"ids\":[", between);
        text_json(out, item->id, strlen(item->id));
        text_char(out, ']');
    }
    if (item->refusal == REFUSED_CONFLICT && item->other != NO_RECORD)
        text_printf(out, "%s\"existingId\":[\"%llu\"]", between,
                    (unsigned long long)store_id(h, type, (uint32_t)item->other));
    if (item->refusal == REFUSED_REQUIRED)
        text_printf(out, "%s\"properties\":[%s]", between, item->detail);
    text_char(out, '}');
}

void item_write_error(const struct hubspot *h, enum object_type type, const struct item *item,
                      bool single, struct text *out)
{
    const struct issues *list = &item->issues;
    text_printf(out, "\"category\":\"%s\",\"message\":", category_of(item));
    write_text(h, type, item, true, out);
    write_context(h, type, item, single, out);
    if (item->refusal == REFUSED_VALUES)
        write_issues(&list, 1, out);
}

/* All properties that were refused, of whichever item. */
static void refuse_values(struct hubspot *h, const struct item *items, size_t count,
                          struct answer *a)
{
    const struct issues *lists[BATCH_MAX];
    struct text message = {0};
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].refusal == REFUSED_VALUES)
            lists[n++] = &items[i].issues;
    write_message(lists, n, &message);
    hubspot_error_json(h, a, 400, text_end(&message));
    write_issues(lists, n, &a->body);
    text_add(&a->body, ",\"category\":\"VALIDATION_ERROR\"}");
    text_free(&message);
}

bool refuses_all(const struct item *item)
{
    return item->refusal != REFUSED_NOT && item->refusal != REFUSED_MISSING &&
           item->refusal != REFUSED_FAULT;
}

void items_refuse(struct hubspot *h, enum object_type type, const struct item *items, size_t count,
                  struct answer *a)
{
    struct text message = {0};
    size_t i = 0;
    while (i + 1 < count && !refuses_all(&items[i]))
        i++;
    const struct item *item = &items[i];
    if (item->refusal == REFUSED_VALUES) {
        refuse_values(h, items, count, a);
        return;
    }
    int status = item->refusal == REFUSED_CONFLICT  ? 409
                 : item->refusal == REFUSED_MISSING ? 404
                 : item->refusal == REFUSED_FAULT   ? 500
                                                    : 400;
    write_text(h, type, item, count == 1, &message);
    hubspot_error_json(h, a, status, text_end(&message));
    if (item->refusal == REFUSED_REQUIRED)
        write_context(h, type, item, true, &a->body);
    text_printf(&a->body, ",\"category\":\"%s\"}", category_of(item));
    text_free(&message);
}

/* ---- the journal ---- */

static const char *outcome_of(const struct item *item)
{
    return item->refusal != REFUSED_NOT || !item->exists ? "error"
           : item->created                               ? "created"
           : item->unchanged                             ? "unchanged"
                                                         : "updated";
}

/* An item of a batch that was refused as a whole was not written, whether or not the fault is its
 * own. */
void item_journal(struct hubspot *h, enum object_type type, const char *deed,
                  const struct item *item, int status)
{
    struct json_object *properties = NULL;
    bool written = status < 300 && item->refusal == REFUSED_NOT;
    char id[24] = "";
    json_object_object_get_ex(item->input, "properties", &properties);
    if (item->exists)
        snprintf(id, sizeof id, "%llu", (unsigned long long)store_id(h, type, item->index));
    struct written w = {.deed = deed,
                        .type = hubspot_models[type].name,
                        .id = id[0] ? id : NULL,
                        .key = item->id,
                        .trace = item->trace,
                        .outcome = written ? outcome_of(item) : "error",
                        .status = status};
    w.properties = json_object_to_json_string_ext(properties, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!written)
        w.why = item->refusal == REFUSED_NOT ? "the request was refused" : category_of(item);
    sandbox_journal(h->sandbox, &w);
    sandbox_count(h->sandbox, STAT_WRITTEN, written);
}

/* ---- requests ---- */

static void write_one(struct hubspot *h, enum object_type type, enum deed deed, struct item *item,
                      struct answer *a)
{
    item_prepare(h, type, deed, item);
    if (item->refusal == REFUSED_NOT)
        item_check_unique(h, type, item);
    if (item->refusal != REFUSED_NOT) {
        items_refuse(h, type, item, 1, a);
    } else {
        item_apply(h, type, write_moment(h), item);
        a->response->status = item->created ? 201 : 200;
        item_write(h, type, item, false, &a->body);
        if (item->created)
            answer_header(a, "Location", "https://api.hubapi.com/crm/v3/objects/%s/%llu",
                          hubspot_models[type].type_id,
                          (unsigned long long)store_id(h, type, item->index));
    }
    item_journal(h, type, deed == DEED_CREATE ? "create" : "update", item, a->response->status);
}

static void write_body_of_one(struct hubspot *h, enum object_type type, enum deed deed,
                              const char *id, int id_field, const struct call *call,
                              struct answer *a)
{
    struct json_object *body = write_body(h, call, a);
    struct item *item = mem_get(sizeof *item);
    const char *wrong = body ? item_read(body, false, item) : NULL;
    if (wrong) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "Invalid input JSON: %s", wrong);
    } else if (body) {
        item->id = id;
        item->id_field = id_field;
        write_one(h, type, deed, item, a);
    }
    item_free(item);
    free(item);
    json_object_put(body);
}

void hubspot_create(struct hubspot *h, enum object_type type, const struct call *call,
                    struct answer *a)
{
    write_body_of_one(h, type, DEED_CREATE, NULL, -1, call, a);
}

void hubspot_update(struct hubspot *h, enum object_type type, const char *id,
                    const struct call *call, struct answer *a)
{
    int field = write_id_field(h, type, call_arg(call, "idProperty"), a);
    if (field >= 0)
        write_body_of_one(h, type, DEED_UPDATE, id, field, call, a);
}

void hubspot_archive(struct hubspot *h, enum object_type type, const char *id, struct answer *a)
{
    uint32_t index;
    struct written w = {.deed = "archive",
                        .type = hubspot_models[type].name,
                        .id = id,
                        .key = id,
                        .outcome = "archived",
                        .status = 204};
    enum life life = life_by_id(h, type, id, &index);
    if (life == LIFE_LIVING)
        store_set_life(h, type, index, write_moment(h), LIFE_ARCHIVED, 0);
    else if (life == LIFE_ARCHIVED)
        w.outcome = "unchanged";
    else {
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND", "resource not found");
        w = (struct written){.deed = "archive",
                             .type = w.type,
                             .key = id,
                             .outcome = "error",
                             .why = "OBJECT_NOT_FOUND",
                             .status = 404};
    }
    if (w.status == 204)
        a->response->status = 204;
    sandbox_journal(h->sandbox, &w);
    sandbox_count(h->sandbox, STAT_WRITTEN, w.status == 204);
}
