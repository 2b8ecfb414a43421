/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/take.h"

/* Every choice of `from` is one of `to`. */
static bool choices_fit(const char *const *from, const char *const *to)
{
    for (; *from; from++) {
        const char *const *same = to;
        while (*same && strcmp(*same, *from) != 0)
            same++;
        if (!*same)
            return false;
    }
    return true;
}

/* Whether any value of one field is a value of the other: what is taken is not checked again. */
static bool is_assignable(const struct model_field *from, const struct model_field *to)
{
    if (to->kind == KIND_TEXT)
        return model_is_text(from->kind) && from->kind != KIND_LIST;
    if (to->kind != from->kind || to->kind == KIND_REFERENCE)
        return false;
    if (to->kind == KIND_ENUM)
        return choices_fit(from->choices, to->choices);
    bool bounded = to->min != 0 || to->max != 0, within = from->min != 0 || from->max != 0;
    return !bounded || (within && from->min >= to->min && from->max <= to->max);
}

static const char *field_hint(const struct model_object *object, struct str name,
                              struct arena *arena)
{
    const char **names = arena_new(arena, object->field_count, sizeof names[0]);
    for (size_t i = 0; i < object->field_count; i++)
        names[i] = object->fields[i].name;
    return settings_hint(name, names, object->field_count, arena);
}

void take_resolve(const struct settings_context *ctx, const struct object_setup *object,
                  struct rule *rule, const struct model_object *from, const struct node *at)
{
    int field = model_field(from, rule->take);
    if (!from->is_table || object->model->is_table)
        settings_complain(ctx, at,
                          "%s takes a field of %s: only those of owners and of pipelines can be "
                          "taken, and not by them",
                          rule->field.name, from->name);
    else if (field < 0)
        settings_complain(ctx, at, "%s takes '%.*s', which %s does not have%s", rule->field.name,
                          STR_ARG(rule->take), from->name,
                          field_hint(from, rule->take, ctx->arena));
    else if (!is_assignable(&from->fields[field], &rule->field))
        settings_complain(
            ctx, at, "%s cannot be %s of %s: one is %s, the other %s%s", rule->field.name,
            from->fields[field].name, from->name, model_kind_name(rule->field.kind),
            model_kind_name(from->fields[field].kind),
            rule->field.kind == from->fields[field].kind ? " with values that it does not allow"
                                                         : "");
    rule->take_from = from;
    rule->take_field = field;
}

const struct rule *take_find_in(const struct object_setup *object, uint16_t field,
                                struct str vendor_object)
{
    for (size_t i = 0; i < object->mapping.rule_count; i++) {
        const struct rule *rule = &object->mapping.rules[i];
        if (rule->take.len > 0 && rule->field.id == field && str_eq(rule->lookup, vendor_object))
            return rule;
    }
    return NULL;
}

const struct rule *take_find(const struct setup *setup, uint16_t object, uint16_t field,
                             struct str vendor_object)
{
    const struct rule *found = NULL;
    for (size_t i = 0; i < setup->object_count && !found; i++)
        if (setup->objects[i].model->id == object)
            found = take_find_in(&setup->objects[i], field, vendor_object);
    return found;
}

void take_check_all(const struct settings_context *ctx, const struct setup *setup)
{
    for (size_t i = 0; i < setup->object_count; i++) {
        const struct object_setup *object = &setup->objects[i];
        for (size_t j = 0; j < object->mapping.rule_count; j++) {
            const struct rule *rule = &object->mapping.rules[j];
            const struct node at = {.line = rule->line ? rule->line : object->item->line,
                                    .column = rule->line ? rule->column : object->item->column};
            const struct rule *first = rule->take.len > 0 ? take_find(setup, object->model->id,
                                                                      rule->field.id, rule->lookup)
                                                          : NULL;
            if (first && !str_eq(first->take, rule->take))
                settings_complain(ctx, &at,
                                  "%s takes '%.*s' of %.*s here and '%.*s' in another object that "
                                  "becomes %s too: take the same",
                                  rule->field.name, STR_ARG(rule->take), STR_ARG(rule->lookup),
                                  STR_ARG(first->take), object->model->name);
        }
    }
}
