/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties that change while the sandbox runs: removed, of another type, with one more option.
 * As at HubSpot a removed property keeps its values until it is restored; until then it is neither
 * described nor answered, and a search that filters or sorts by it is refused. Another type changes
 * the description alone: values are texts whatever the type.
 */
#include "hubspot.h"

#include <stdlib.h>

const char *const hubspot_type_names[] = {[TYPE_STRING] = "string",
                                          [TYPE_NUMBER] = "number",
                                          [TYPE_DATETIME] = "datetime",
                                          [TYPE_ENUMERATION] = "enumeration",
                                          [TYPE_BOOL] = "bool",
                                          [TYPE_DATE] = "date",
                                          NULL};

int schema_property(const struct hubspot *h, enum object_type type, const char *name, size_t len)
{
    int field = model_property(&h->models[type], name, len);
    return field >= 0 && h->changes[type][field].removed ? -1 : field;
}

uint64_t schema_hidden(const struct hubspot *h, enum object_type type)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < h->models[type].count; i++)
        if (h->changes[type][i].removed)
            mask |= UINT64_C(1) << i;
    return mask;
}

void schema_free(struct hubspot *h)
{
    for (int type = 0; type < TYPES; type++)
        for (unsigned i = 0; i < h->models[type].count; i++)
            for (size_t k = 0; k < h->changes[type][i].option_count; k++)
                free(h->changes[type][i].options[k]);
}

/* ---- the door ---- */

struct wish {
    struct hubspot *h;
    enum object_type type;
    unsigned field;
    struct property_change *change;
    struct json_object *wanted;
};

static const char *retype(const struct wish *w)
{
    const char *to = member_text(w->wanted, "to");
    for (int i = 0; to && hubspot_type_names[i]; i++)
        if (strcmp(to, hubspot_type_names[i]) == 0) {
            w->change->type = i + 1;
            return NULL;
        }
    return "to: string, number, datetime, date, enumeration or bool is wanted";
}

/* The first living records get the new option as their value. */
static void give(const struct wish *w, const char *option, int64_t records)
{
    for (uint32_t i = 0; i < w->h->tables[w->type].total && records > 0; i++) {
        struct change change = {.field = w->field};
        if (store_life(w->h, w->type, i) != LIFE_LIVING)
            continue;
        change.value = mem_copy(option, strlen(option));
        sandbox_advance(w->h->sandbox, 1);
        store_change(w->h, w->type, i, sandbox_now(w->h->sandbox), SOURCE_CRM_UI, &change, 1);
        records--;
    }
}

static const char *add_option(const struct wish *w)
{
    const char *option = member_text(w->wanted, "option");
    struct json_object *records = NULL;
    if (!option || option[0] == '\0' || strpbrk(option, "\"\\"))
        return "option: a plain text is wanted";
    if (w->change->option_count == OPTIONS_ADDED_MAX)
        return "option: the property has 8 new ones already";
    json_object_object_get_ex(w->wanted, "records", &records);
    w->change->options[w->change->option_count++] = mem_copy(option, strlen(option));
    give(w, option, records ? json_object_get_int64(records) : 0);
    return NULL;
}

static void restore(const struct wish *w)
{
    while (w->change->option_count > 0)
        free(w->change->options[--w->change->option_count]);
    *w->change = (struct property_change){0};
}

/* NULL, or what is wrong. */
static const char *perform(const struct wish *w)
{
    const char *what = member_text(w->wanted, "do");
    unsigned fixed = w->h->models[w->type].fields[w->field].flags & FIELD_ALWAYS;
    if (what && strcmp(what, "restore") == 0)
        restore(w);
    else if (what && strcmp(what, "retype") == 0)
        return retype(w);
    else if (what && strcmp(what, "add_option") == 0)
        return add_option(w);
    else if (!what || strcmp(what, "remove") != 0)
        return "do: remove, retype, add_option or restore is wanted";
    else if (fixed)
        return "HubSpot's own property cannot be removed";
    else
        w->change->removed = true;
    return NULL;
}

static void write_change(const struct model *m, unsigned field, const struct property_change *c,
                         struct text *out)
{
    text_printf(out, "{\"type\":\"%s\",\"property\":\"%s\",\"removed\":%s,\"retyped\":\"%s\",",
                m->name, m->fields[field].name, c->removed ? "true" : "false",
                c->type > 0 ? hubspot_type_names[c->type - 1] : "");
    text_add(out, "\"options\":[");
    for (size_t i = 0; i < c->option_count; i++) {
        text_add(out, i ? "," : "");
        text_json(out, c->options[i], strlen(c->options[i]));
    }
    text_add(out, "]}");
}

static void show(const struct hubspot *h, struct text *out)
{
    const char *between = "";
    text_add(out, "{\"changed\":[");
    for (int type = 0; type < TYPES; type++)
        for (unsigned i = 0; i < h->models[type].count; i++) {
            const struct property_change *c = &h->changes[type][i];
            if (!c->removed && c->type == 0 && c->option_count == 0)
                continue;
            text_add(out, between);
            write_change(&h->models[type], i, c, out);
            between = ",";
        }
    text_add(out, "]}");
}

bool hubspot_schema(void *state, struct json_object *wanted, struct answer *a)
{
    struct wish w = {.h = state, .wanted = wanted};
    const char *name = wanted ? member_text(wanted, "property") : NULL;
    const char *type_name = wanted ? member_text(wanted, "type") : NULL;
    const char *wrong = NULL;
    int type = type_name ? model_type(type_name) : -1;
    int field = type >= 0 && name ? model_property(&w.h->models[type], name, strlen(name)) : -1;
    if (wanted && field < 0) {
        wrong = "type and property: an object such as companies and one of its properties";
    } else if (wanted) {
        w.type = (enum object_type)type;
        w.field = (unsigned)field;
        w.change = &w.h->changes[type][field];
        wrong = perform(&w);
    }
    if (wrong)
        text_add(&a->body, wrong);
    else
        show(w.h, &a->body);
    return !wrong;
}
