/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of properties, and the properties and groups that an account adds. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "hubspot_write.h"

enum { NAME_MAX_BYTES = 100, ADDED_OPTIONS_MAX = 200, GROUPS_ADDED_MAX = 20 };

struct added_property {
    char *name, *label, *group, *description, *field_type;
    char *options[ADDED_OPTIONS_MAX + 1], *labels[ADDED_OPTIONS_MAX];
    size_t option_count;
    int64_t created_ms;
};

struct group {
    char *name, *label;
};

struct added_properties {
    struct added_property *all[TYPES][FIELDS_MAX];
    struct field fields[TYPES][FIELDS_MAX]; /* of types that have any */
    struct group groups[TYPES][GROUPS_ADDED_MAX];
    size_t group_counts[TYPES];
};

void models_init(struct hubspot *h)
{
    memcpy(h->models, hubspot_models, sizeof h->models);
}

static void free_property(struct added_property *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->option_count; i++) {
        free(p->options[i]);
        free(p->labels[i]);
    }
    free(p->name);
    free(p->label);
    free(p->group);
    free(p->description);
    free(p->field_type);
    free(p);
}

void added_free(struct hubspot *h)
{
    for (int type = 0; h->added && type < TYPES; type++) {
        for (size_t i = 0; i < FIELDS_MAX; i++)
            free_property(h->added->all[type][i]);
        for (size_t i = 0; i < h->added->group_counts[type]; i++) {
            free(h->added->groups[type][i].name);
            free(h->added->groups[type][i].label);
        }
    }
    free(h->added);
}

/* ---- describing ---- */

static void text_member(struct text *out, const char *name, const char *value)
{
    text_printf(out, "\"%s\":", name);
    text_json(out, value, strlen(value));
    text_char(out, ',');
}

static void write_options(const struct added_property *p, struct text *out)
{
    text_add(out, "\"options\":[");
    for (size_t i = 0; i < p->option_count; i++) {
        text_add(out, i ? ",{" : "{");
        text_member(out, "label", p->labels[i]);
        text_member(out, "value", p->options[i]);
        text_printf(out, "\"displayOrder\":%zu,\"hidden\":false}", i);
    }
    text_add(out, "],");
}

static void write_added(const struct added_property *p, const struct field *f, int type,
                        struct text *out)
{
    text_add(out, "{\"createdAt\":\"");
    text_time(out, p->created_ms);
    text_add(out, "\",\"updatedAt\":\"");
    text_time(out, p->created_ms);
    text_add(out, "\",");
    text_member(out, "name", p->name);
    text_member(out, "label", p->label);
    text_member(out, "type", hubspot_type_names[type]);
    text_member(out, "fieldType", p->field_type);
    text_member(out, "description", p->description);
    text_member(out, "groupName", p->group);
    write_options(p, out);
    text_printf(out,
                "\"displayOrder\":-1,\"calculated\":false,\"externalOptions\":false,\"archived\":"
                "false,\"hasUniqueValue\":%s,\"hidden\":false,\"modificationMetadata\":"
                "{\"archivable\":true,\"readOnlyDefinition\":false,\"readOnlyValue\":false},"
                "\"formField\":true,\"dataSensitivity\":\"non_sensitive\"}",
                f->flags & FIELD_UNIQUE ? "true" : "false");
}

void property_write(const struct hubspot *h, enum object_type type, unsigned field,
                    struct text *out)
{
    const struct added_property *p = h->added ? h->added->all[type][field] : NULL;
    const struct property_change *change = &h->changes[type][field];
    const struct field *f = &h->models[type].fields[field];
    if (p)
        write_added(p, f, change->type > 0 ? change->type - 1 : (int)f->type, out);
    else
        model_write_property(&h->models[type], field, change, out);
}

void hubspot_properties(struct hubspot *h, enum object_type type, struct answer *a)
{
    const char *between = "";
    text_add(&a->body, "{\"results\":[");
    for (unsigned i = 0; i < h->models[type].count; i++) {
        if (h->changes[type][i].removed)
            continue;
        text_add(&a->body, between);
        property_write(h, type, i, &a->body);
        between = ",";
    }
    text_add(&a->body, "]}");
}

void hubspot_property(struct hubspot *h, enum object_type type, const char *name, struct answer *a)
{
    int field = schema_property(h, type, name, strlen(name));
    if (field < 0)
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND", "The property %.60s does not exist", name);
    else
        property_write(h, type, (unsigned)field, &a->body);
}

/* ---- groups ---- */

static bool has_group(const struct hubspot *h, enum object_type type, const char *name)
{
    for (unsigned i = 0; i < hubspot_models[type].count; i++)
        if (strcmp(hubspot_models[type].fields[i].group, name) == 0)
            return true;
    for (size_t i = 0; h->added && i < h->added->group_counts[type]; i++)
        if (strcmp(h->added->groups[type][i].name, name) == 0)
            return true;
    return false;
}

static void write_group(const char *name, const char *label, struct text *out)
{
    text_char(out, '{');
    text_member(out, "name", name);
    text_member(out, "label", label);
    text_add(out, "\"displayOrder\":-1,\"archived\":false}");
}

void hubspot_groups(struct hubspot *h, enum object_type type, struct answer *a)
{
    const struct model *m = &hubspot_models[type];
    const char *between = "";
    text_add(&a->body, "{\"results\":[");
    for (unsigned i = 0; i < m->count; i++) {
        unsigned first = 0;
        while (strcmp(m->fields[first].group, m->fields[i].group) != 0)
            first++;
        if (first < i)
            continue;
        text_add(&a->body, between);
        write_group(m->fields[i].group, m->fields[i].group, &a->body);
        between = ",";
    }
    for (size_t i = 0; h->added && i < h->added->group_counts[type]; i++) {
        text_add(&a->body, between);
        write_group(h->added->groups[type][i].name, h->added->groups[type][i].label, &a->body);
        between = ",";
    }
    text_add(&a->body, "]}");
}

static bool is_name(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0 || len > NAME_MAX_BYTES || !islower((unsigned char)name[0]))
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static struct added_properties *added_of(struct hubspot *h)
{
    if (!h->added)
        h->added = mem_get(sizeof *h->added);
    return h->added;
}

static void exists_already(struct hubspot *h, struct answer *a, const char *what, const char *name)
{
    hubspot_error(h, a, 409, "OBJECT_ALREADY_EXISTS", "A %s named '%s' already exists.",
                  strcmp(what, "GROUP") == 0 ? "property group" : "property", name);
    a->body.len--;
    text_printf(&a->body,
                ",\"subCategory\":\"Properties.%s_WITH_NAME_EXISTS\",\"context\":{\"name\":"
                "[\"%s\"]}}",
                what, name);
}

void hubspot_group_create(struct hubspot *h, enum object_type type, const struct call *call,
                          struct answer *a)
{
    struct json_object *body = write_body(h, call, a);
    const char *name = body ? member_text(body, "name") : NULL;
    const char *label = body ? member_text(body, "label") : NULL;
    struct added_properties *added = added_of(h);
    if (body && (!is_name(name) || !label)) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "name (small letters, digits and _) and label are wanted");
    } else if (body && has_group(h, type, name)) {
        exists_already(h, a, "GROUP", name);
    } else if (body && added->group_counts[type] == GROUPS_ADDED_MAX) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "The sandbox takes at most %d groups",
                      GROUPS_ADDED_MAX);
    } else if (body) {
        added->groups[type][added->group_counts[type]++] =
            (struct group){mem_copy(name, strlen(name)), mem_copy(label, strlen(label))};
        a->response->status = 201;
        write_group(name, label, &a->body);
    }
    json_object_put(body);
}

/* ---- adding ---- */

struct wish {
    struct hubspot *h;
    enum object_type type;
    const char *name, *label, *group, *description, *field_type;
    enum field_type kind;
    bool unique;
    struct json_object *options;
};

/* Which kinds of fields can show a type. */
static bool can_show(enum field_type kind, const char *field_type)
{
    static const char *const shown[] = {[TYPE_STRING] = " text textarea phonenumber html file ",
                                        [TYPE_NUMBER] = " number ",
                                        [TYPE_DATETIME] = " date ",
                                        [TYPE_DATE] = " date ",
                                        [TYPE_ENUMERATION] =
                                            " select radio checkbox booleancheckbox ",
                                        [TYPE_BOOL] = " booleancheckbox select radio "};
    char word[40];
    snprintf(word, sizeof word, " %s ", field_type);
    return strlen(field_type) < 30 && strstr(shown[kind], word);
}

static bool read_kind(struct wish *w, const char *type)
{
    for (int i = 0; type && hubspot_type_names[i]; i++)
        if (strcmp(type, hubspot_type_names[i]) == 0) {
            w->kind = (enum field_type)i;
            return true;
        }
    return false;
}

static const char *check_options(const struct wish *w)
{
    size_t count =
        json_object_is_type(w->options, json_type_array) ? json_object_array_length(w->options) : 0;
    if (w->kind == TYPE_ENUMERATION && count == 0)
        return "options: an enumeration has some";
    if (count > ADDED_OPTIONS_MAX)
        return "options: the sandbox takes at most 200";
    for (size_t i = 0; i < count; i++) {
        struct json_object *o = json_object_array_get_idx(w->options, i);
        const char *value =
            json_object_is_type(o, json_type_object) ? member_text(o, "value") : NULL;
        if (!value || !*value || !member_text(o, "label"))
            return "options: each has a label and a value";
    }
    return NULL;
}

static size_t unique_count(const struct hubspot *h, enum object_type type)
{
    size_t count = 0;
    for (unsigned i = hubspot_models[type].count; i < h->models[type].count; i++)
        count += (h->models[type].fields[i].flags & FIELD_UNIQUE) && !h->changes[type][i].removed;
    return count;
}

/* NULL, or what is wrong. */
static const char *read_wish(struct json_object *body, struct wish *w)
{
    struct json_object *unique = NULL;
    const char *description = member_text(body, "description");
    w->name = member_text(body, "name");
    w->label = member_text(body, "label");
    w->group = member_text(body, "groupName");
    w->description = description ? description : "";
    w->field_type = member_text(body, "fieldType");
    json_object_object_get_ex(body, "options", &w->options);
    json_object_object_get_ex(body, "hasUniqueValue", &unique);
    w->unique = json_object_get_boolean(unique);
    if (!is_name(w->name))
        return "name: at most 100 small letters, digits and _ are wanted, a letter first";
    if (!w->label || !*w->label)
        return "label: a text is wanted";
    if (!read_kind(w, member_text(body, "type")))
        return "type: string, number, date, datetime, enumeration or bool is wanted";
    if (!w->field_type || !can_show(w->kind, w->field_type))
        return "fieldType: one that goes with the type is wanted";
    if (!w->group || !has_group(w->h, w->type, w->group))
        return "groupName: there is no such property group";
    if (w->unique && w->kind != TYPE_STRING && w->kind != TYPE_NUMBER)
        return "hasUniqueValue: only texts and numbers can be unique";
    if (w->unique && unique_count(w->h, w->type) == UNIQUE_PROPERTIES_MAX)
        return "hasUniqueValue: an object has at most 10 unique properties";
    if (w->h->models[w->type].count == FIELDS_MAX)
        return "the sandbox takes no more properties of this object";
    return check_options(w);
}

static char *copy_of(const char *s)
{
    return mem_copy(s, strlen(s));
}

static unsigned add_property(const struct wish *w)
{
    struct model *m = &w->h->models[w->type];
    struct added_properties *added = added_of(w->h);
    struct added_property *p = mem_get(sizeof *p);
    unsigned field = m->count;
    p->name = copy_of(w->name);
    p->label = copy_of(w->label);
    p->group = copy_of(w->group);
    p->description = copy_of(w->description);
    p->field_type = copy_of(w->field_type);
    p->created_ms = sandbox_now(w->h->sandbox);
    size_t count =
        json_object_is_type(w->options, json_type_array) ? json_object_array_length(w->options) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *o = json_object_array_get_idx(w->options, i);
        p->options[p->option_count] = copy_of(member_text(o, "value"));
        p->labels[p->option_count++] = copy_of(member_text(o, "label"));
    }
    memcpy(added->fields[w->type], m->fields, m->count * sizeof *m->fields);
    added->fields[w->type][field] =
        (struct field){.name = p->name,
                       .label = p->label,
                       .field_type = p->field_type,
                       .group = p->group,
                       .options = count > 0 ? (const char *const *)p->options : NULL,
                       .type = w->kind,
                       .flags = w->unique ? FIELD_UNIQUE : 0};
    added->all[w->type][field] = p;
    m->fields = added->fields[w->type];
    m->count++;
    return field;
}

static void journal(struct hubspot *h, enum object_type type, const char *deed, const char *name,
                    struct json_object *body, const char *outcome, int status)
{
    struct written w = {.deed = deed,
                        .type = hubspot_models[type].name,
                        .key = name,
                        .outcome = outcome,
                        .why = status == 409   ? "OBJECT_ALREADY_EXISTS"
                               : status == 404 ? "OBJECT_NOT_FOUND"
                               : status >= 400 ? "VALIDATION_ERROR"
                                               : NULL,
                        .status = status};
    if (body)
        w.properties = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN);
    sandbox_journal(h->sandbox, &w);
    sandbox_count(h->sandbox, STAT_WRITTEN, status < 300);
}

void hubspot_property_create(struct hubspot *h, enum object_type type, const struct call *call,
                             struct answer *a)
{
    struct json_object *body = write_body(h, call, a);
    struct wish w = {.h = h, .type = type};
    if (!body)
        return;
    const char *wrong = read_wish(body, &w);
    if (is_name(w.name) && model_property(&h->models[type], w.name, strlen(w.name)) >= 0) {
        exists_already(h, a, "PROPERTY", w.name);
    } else if (wrong) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "%s", wrong);
    } else {
        unsigned field = add_property(&w);
        a->response->status = 201;
        property_write(h, type, field, &a->body);
    }
    journal(h, type, "create_property", w.name, body, a->response->status == 201 ? "done" : "error",
            a->response->status);
    json_object_put(body);
}

void hubspot_property_archive(struct hubspot *h, enum object_type type, const char *name,
                              struct answer *a)
{
    int field = schema_property(h, type, name, strlen(name));
    if (field < 0) {
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND", "The property %.60s does not exist", name);
    } else if ((unsigned)field < hubspot_models[type].count) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR",
                      "The property %.60s is HubSpot's own: it cannot be archived", name);
    } else {
        h->changes[type][field].removed = true;
        a->response->status = 204;
    }
    journal(h, type, "archive_property", name, NULL,
            a->response->status == 204 ? "archived" : "error", a->response->status);
}
