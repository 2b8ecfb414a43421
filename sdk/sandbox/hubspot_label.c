/* SPDX-License-Identifier: Apache-2.0 */
/* The types of associations: each pair of objects has one without a label, some a primary one, and
 * two pairs have a label of the account's. Each has an id in either direction. */
#include "hubspot_association.h"

#include <stdio.h>

struct association_type {
    enum object_type from, to; /* the side that keeps them first */
    uint32_t bit;
    int id, back;
    const char *label; /* NULL: without */
};

static const char defined[] = "HUBSPOT_DEFINED", own[] = "USER_DEFINED";

static const struct association_type types[] = {
    {CONTACTS, COMPANIES, LABEL_NONE, 279, 280, NULL},
    {CONTACTS, COMPANIES, LABEL_PRIMARY, 1, 2, "Primary"},
    {CONTACTS, COMPANIES, LABEL_OWN, 101, 102, "Billing contact"},
    {DEALS, COMPANIES, LABEL_NONE, 341, 342, NULL},
    {DEALS, COMPANIES, LABEL_PRIMARY, 5, 6, "Primary"},
    {DEALS, CONTACTS, LABEL_NONE, 3, 4, NULL},
    {DEALS, CONTACTS, LABEL_OWN, 103, 104, "Decision maker"},
    {TICKETS, COMPANIES, LABEL_NONE, 339, 340, NULL},
    {TICKETS, COMPANIES, LABEL_PRIMARY, 26, 25, "Primary"},
    {TICKETS, CONTACTS, LABEL_NONE, 16, 15, NULL},
    {TICKETS, DEALS, LABEL_NONE, 28, 27, NULL},
    {CALLS, COMPANIES, LABEL_NONE, 182, 181, NULL},
    {CALLS, CONTACTS, LABEL_NONE, 194, 193, NULL},
    {CALLS, DEALS, LABEL_NONE, 206, 205, NULL},
    {EMAILS, COMPANIES, LABEL_NONE, 186, 185, NULL},
    {EMAILS, CONTACTS, LABEL_NONE, 198, 197, NULL},
    {EMAILS, DEALS, LABEL_NONE, 210, 209, NULL},
    {MEETINGS, COMPANIES, LABEL_NONE, 188, 187, NULL},
    {MEETINGS, CONTACTS, LABEL_NONE, 200, 199, NULL},
    {MEETINGS, DEALS, LABEL_NONE, 212, 211, NULL},
    {NOTES, COMPANIES, LABEL_NONE, 190, 189, NULL},
    {NOTES, CONTACTS, LABEL_NONE, 202, 201, NULL},
    {NOTES, DEALS, LABEL_NONE, 214, 213, NULL},
    {TASKS, COMPANIES, LABEL_NONE, 192, 191, NULL},
    {TASKS, CONTACTS, LABEL_NONE, 204, 203, NULL},
    {TASKS, DEALS, LABEL_NONE, 216, 215, NULL},
    {SUBSCRIPTIONS, COMPANIES, LABEL_NONE, 63, 64, NULL},
    {SUBSCRIPTIONS, CONTACTS, LABEL_NONE, 61, 62, NULL},
    {SUBSCRIPTIONS, DEALS, LABEL_NONE, 65, 66, NULL},
};

enum { COUNT_OF_TYPES = sizeof types / sizeof *types };

/* The id of a type from one object to another; 0 when it is of another pair. */
static int id_of(const struct association_type *t, enum object_type type, enum object_type to)
{
    if (t->from == type && t->to == to)
        return t->id;
    return t->from == to && t->to == type ? t->back : 0;
}

/* Those that the account made: its labels, and all of its own object. */
static const char *category_of(const struct association_type *t)
{
    return t->bit == LABEL_OWN || t->from == SUBSCRIPTIONS ? own : defined;
}

uint32_t label_bit(enum object_type type, enum object_type to, const char *category, int64_t id)
{
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        if (id > 0 && id_of(&types[i], type, to) == id &&
            strcmp(category, category_of(&types[i])) == 0)
            return types[i].bit;
    return 0;
}

int label_default(enum object_type type, enum object_type to, const char **ret_category)
{
    *ret_category = defined;
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        if (types[i].bit == LABEL_NONE && id_of(&types[i], type, to) > 0) {
            *ret_category = category_of(&types[i]);
            return id_of(&types[i], type, to);
        }
    return 0;
}

static void write_type(const struct association_type *t, int id, struct text *out)
{
    text_printf(out, "{\"category\":\"%s\",\"typeId\":%d,\"label\":", category_of(t), id);
    if (t->label)
        text_json(out, t->label, strlen(t->label));
    else
        text_add(out, "null");
    text_char(out, '}');
}

void label_write_types(enum object_type type, enum object_type to, uint32_t labels,
                       struct text *out)
{
    const char *between = "";
    text_char(out, '[');
    for (size_t i = 0; i < COUNT_OF_TYPES; i++) {
        int id = id_of(&types[i], type, to);
        if (id == 0 || !(types[i].bit & labels))
            continue;
        text_add(out, between);
        write_type(&types[i], id, out);
        between = ",";
    }
    text_char(out, ']');
}

void label_write_names(enum object_type type, enum object_type to, uint32_t labels,
                       struct text *out)
{
    const char *between = "";
    text_char(out, '[');
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        if (types[i].label && types[i].bit & labels && id_of(&types[i], type, to) > 0) {
            text_add(out, between);
            text_json(out, types[i].label, strlen(types[i].label));
            between = ",";
        }
    text_char(out, ']');
}

void hubspot_labels(enum object_type type, enum object_type to, struct answer *a)
{
    text_add(&a->body, "{\"results\":");
    label_write_types(type, to, LABEL_NONE | LABEL_PRIMARY | LABEL_OWN, &a->body);
    text_char(&a->body, '}');
}
