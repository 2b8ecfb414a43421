/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/mapping_check.h"

/* ---- where the value comes from ---- */

/* Whether the connector says of itself that records of this object come with a name. */
static bool has_titles(const struct connector_object *vendor)
{
    for (uint32_t i = 0; i < vendor->mapping_count; i++)
        if (str_is(vendor->mapping[i].from, FIELD_TITLE))
            return true;
    return vendor->is_custom;
}

void mapping_check_source(const struct settings_context *ctx, const struct connector_object *vendor,
                          struct str name, const struct node *at)
{
    static const char *const known[] = {FIELD_TITLE};
    bool titled = has_titles(vendor), is_title = str_is(name, FIELD_TITLE);
    if (!str_starts(name, "{") || !str_ends(name, "}") || (titled && is_title))
        return;
    if (is_title)
        settings_complain(ctx, at,
                          "'%s' is the name of a custom object's record, and %.*s is none: write "
                          "one of its fields",
                          FIELD_TITLE, STR_ARG(vendor->name));
    else if (titled && str_nearest(name, known, 1))
        settings_complain(ctx, at, "there is no '%.*s'; did you mean '%s'?", STR_ARG(name),
                          FIELD_TITLE);
    else
        settings_complain(ctx, at,
                          "'%.*s' is no field: %s is written in braces; several fields are put "
                          "together by {from: [a, b], join: \" \"}",
                          STR_ARG(name), titled ? "only " FIELD_TITLE : "none");
}

static const struct node *source_node(const struct node *node, size_t i)
{
    const struct node *from = node_get(node, "from");
    if (from && from->kind == NODE_LIST)
        return from->items[i];
    return from ? from : node;
}

static void check_all_fields(const struct settings_context *ctx, const struct rule *rule,
                             const struct node *at)
{
    if (rule->field.kind != KIND_JSON)
        settings_complain(ctx, at,
                          "'*' stands for all fields at once, and %s is %s: name one of them",
                          rule->field.name, model_kind_name(rule->field.kind));
    else if (rule->from_count > 1)
        settings_complain(ctx, at, "'*' stands for all fields: it goes alone");
}

static void check_sources(const struct settings_context *ctx, const struct connector_object *vendor,
                          const struct rule *rule, const struct node *node)
{
    for (size_t i = 0; i < rule->from_count; i++) {
        const struct node *at = source_node(node, i);
        mapping_check_source(ctx, vendor, rule->from[i], at);
        if (str_is(rule->from[i], FIELD_ALL))
            check_all_fields(ctx, rule, at);
    }
    if (rule->from_count == 0 && !rule->has_value)
        settings_complain(
            ctx, node,
            "%s has neither 'from' nor 'value': name the vendor's field, for example %s: name",
            rule->field.name, rule->field.name);
    if (rule->from_count > 0 && rule->has_value)
        settings_complain(ctx, node, "%s has both 'from' and 'value': keep one", rule->field.name);
    if (rule->from_count > 1 && rule->field.kind != KIND_JSON && !node_get(node, "join"))
        settings_complain(ctx, node, "%s has several fields in 'from': say 'join' too",
                          rule->field.name);
}

/* ---- what becomes of it ---- */

static bool is_number(enum field_kind kind)
{
    return kind == KIND_INTEGER || kind == KIND_NUMBER || kind == KIND_MONEY;
}

static void check_kind(const struct settings_context *ctx, const struct rule *rule,
                       const struct node *node)
{
    static const char *const unfit[] = {"join", "transform", "map"};
    const struct node *scale = node_get(node, "scale");
    if (rule->field.kind == KIND_REFERENCE && rule->lookup.len == 0)
        settings_complain(ctx, node,
                          "%s is a reference: say which object's id it holds, for example {from: "
                          "associatedcompanyid, lookup: companies}",
                          rule->field.name);
    if (rule->split.len > 0 && rule->field.kind != KIND_LIST)
        settings_complain(ctx, node, "'split' is for lists; %s is %s", rule->field.name,
                          model_kind_name(rule->field.kind));
    if (scale && rule->take.len == 0 && !is_number(rule->field.kind))
        settings_complain(ctx, scale, "'scale' is for numbers; %s is %s%s", rule->field.name,
                          model_kind_name(rule->field.kind),
                          rule->index < 0 ? " (say its 'type')" : "");
    if (rule->has_min && rule->has_max && rule->min > rule->max)
        settings_complain(ctx, node_get(node, "min"),
                          "no number is at least %.15g and at most "
                          "%.15g",
                          rule->min, rule->max);
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0] && rule->field.kind == KIND_JSON; i++)
        if (node_get(node, unfit[i]))
            settings_complain(ctx, node_get(node, unfit[i]),
                              "'%s' does not go with %s: it is an object of the vendor's fields, "
                              "as they are",
                              unfit[i], rule->field.name);
}

/* ---- a record that is looked up ---- */

static void check_take(const struct settings_context *ctx, const struct rule *rule,
                       const struct node *node)
{
    static const char *const unfit[] = {"transform", "map", "date",   "scale", "split",
                                        "min",       "max", "one_of", "format"};
    const struct node *take = node_get(node, "take");
    if (rule->lookup.len == 0)
        settings_complain(ctx, take, "'take' needs 'lookup': the object whose field it is");
    if (rule->field.kind == KIND_REFERENCE || rule->index < 0)
        settings_complain(ctx, take, "'take' is not for %s: %s is %s",
                          rule->index < 0 ? "own fields" : "references", rule->field.name,
                          rule->index < 0 ? "a custom field" : "one");
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++)
        if (node_get(node, unfit[i]))
            settings_complain(ctx, node_get(node, unfit[i]),
                              "'%s' does not go with 'take': it would be about the id", unfit[i]);
}

static void check_lookup(const struct settings_context *ctx, const struct rule *rule,
                         const struct node *node)
{
    if (rule->take.len > 0)
        check_take(ctx, rule, node);
    else if (rule->lookup.len > 0 && rule->field.kind != KIND_REFERENCE)
        settings_complain(ctx, node_get(node, "lookup"),
                          "'lookup' is for references; %s is %s: say with 'take' which field "
                          "of the record it is",
                          rule->field.name, model_kind_name(rule->field.kind));
}

void mapping_check_rule(const struct settings_context *ctx, const struct connector_object *vendor,
                        const struct rule *rule, const struct node *node)
{
    check_sources(ctx, vendor, rule, node);
    check_kind(ctx, rule, node);
    check_lookup(ctx, rule, node);
}

void mapping_check_constants(const struct settings_context *ctx, const struct rule *rule,
                             const struct node *node)
{
    struct error err;
    if (rule->has_value && rule_check(rule, rule->value, &err) != 0)
        settings_complain(ctx, node_get(node, "value"), "%s: %s", rule->field.name, err.text);
    if (rule->has_default && rule_check(rule, (struct str){0}, &err) != 0)
        settings_complain(ctx, node_get(node, "default"), "%s: %s", rule->field.name, err.text);
}
