/* SPDX-License-Identifier: Apache-2.0 */
/* Directions, policies and exports of a mapping whose rules are there. */
#include "sync/export_compile.h"

#include <stdlib.h>

struct exporter {
    const struct settings_context *ctx;
    const struct object_config *config;
    const struct node *object; /* in the file: its settings */
    struct node place;         /* of its name */
    struct str name;
    const struct connector_object *vendor;
    struct mapping *m;
    struct sync_policy policy; /* what its rules inherit, and may not go beyond */
};

static const char *const direction_does[] = {"only imports", "only exports",
                                             "imports and exports"}; /* enum sync_direction */
static const char *const direction_names[] = {"import", "export", "bidirectional"};

/* ---- the vendor's side ---- */

bool export_is_writable(const struct connector_object *v)
{
    return v->write_rows > 0 && (v->creates || v->updates || v->upserts || v->archives);
}

/* Key and modified time are the vendor's own, whatever the connector's list says. */
static bool is_read_only(const struct connector_object *v, struct str field)
{
    return str_eq(field, v->key) || str_eq(field, v->modified) || str_is(field, FIELD_ALL) ||
           str_is(field, FIELD_TITLE) || descriptor_is_read_only(v, field);
}

/* ---- rules of the file ---- */

void export_read_rule(struct rule *rule, const struct node *node,
                      const struct mapping_rule_config *config)
{
    rule->node = node;
    rule->export_node = config->export_node;
    rule->direction = (enum sync_direction)config->policy.direction;
    rule->conflict = (enum conflict_resolution)config->policy.conflict;
    rule->priority = (enum sync_priority)config->policy.priority;
    rule->strategy = (enum merge_strategy)config->strategy;
}

bool export_keeps_rule(const struct node *node, struct rule *rule, const struct node *key,
                       const struct settings_context *ctx)
{
    static const char *const own[] = {"sync_direction", "conflict_resolution", "priority",
                                      "merge_strategy", "export"};
    struct mapping_rule_config config = {0};
    if (!rule || node->kind != NODE_MAP || node->count == 0)
        return false;
    for (size_t i = 0; i < node->count; i++) {
        size_t j = 0;
        while (j < sizeof own / sizeof own[0] && !str_is(node->pairs[i].key->text, own[j]))
            j++;
        if (j == sizeof own / sizeof own[0])
            return false;
    }
    settings_read(&mapping_rule_settings, node, &config, ctx);
    export_read_rule(rule, node, &config);
    rule->line = key->line;
    rule->column = key->column;
    return true;
}

static struct node rule_place(const struct exporter *x, const struct rule *rule)
{
    return rule->line ? (struct node){.line = rule->line, .column = rule->column} : x->place;
}

/* ---- the object ---- */

static void resolve_direction(struct exporter *x)
{
    const struct node *at = node_given(x->object, "sync_direction");
    x->m->direction = (enum sync_direction)x->config->policy.direction;
    x->policy = x->config->policy;
    if (!direction_exports(x->m->direction) || export_is_writable(x->vendor))
        return;
    x->m->direction = DIRECTION_IMPORT;
    if (at)
        settings_complain(x->ctx, at,
                          "%.*s cannot be exported: the connector only reads them; write "
                          "sync_direction: import",
                          STR_ARG(x->name));
    else /* rules of one that says so itself are not told once more */
        x->policy.direction = DIRECTION_IMPORT;
}

static bool may_write(struct exporter *x, const char *key, bool wanted, bool can)
{
    const struct node *at = node_given(node_given(x->object, "export"), key);
    if (wanted && !can && at)
        settings_complain(x->ctx, at, "the connector cannot %s %.*s: write %s: false", key,
                          STR_ARG(x->name), key);
    return wanted && can;
}

/* What is of no use where nothing is exported. */
static void check_idle(struct exporter *x)
{
    static const char *const keys[] = {"export", "external_key"};
    static const char *const guards[] = {"max_export_changes", "max_export_percent"};
    for (int i = 0; i < 4; i++) {
        const char *key = i < 2 ? keys[i] : guards[i - 2];
        const struct node *at = node_given(i < 2 ? x->object : node_given(x->object, "guard"), key);
        if (at && !direction_exports(x->policy.direction))
            settings_complain(x->ctx, at,
                              "'%s' is about exports, and %.*s only imports: write "
                              "sync_direction: bidirectional, or remove it",
                              key, STR_ARG(x->name));
    }
}

static void resolve_external_key(struct exporter *x)
{
    const struct node *at = node_given(x->object, "external_key");
    struct str field = x->config->external_key;
    if (!at)
        return;
    if (!x->vendor->upserts)
        settings_complain(x->ctx, at,
                          "the connector does not write %.*s by a field of your choice: remove "
                          "'external_key'",
                          STR_ARG(x->name));
    else if (is_read_only(x->vendor, field) || descriptor_is_association(x->vendor, field))
        settings_complain(x->ctx, at,
                          "'%.*s' cannot be written: external_key needs a unique field of its own",
                          STR_ARG(field));
    else
        x->m->external_key = field;
}

static void resolve_writes(struct exporter *x)
{
    const struct export_config *writes = &x->config->writes;
    const struct connector_object *v = x->vendor;
    check_idle(x);
    if (!direction_exports(x->m->direction))
        return;
    x->m->creates = may_write(x, "create", writes->create, v->creates || v->upserts);
    x->m->updates = may_write(x, "update", writes->update, v->updates || v->upserts);
    x->m->archives = may_write(x, "archive", writes->archive, v->archives);
    if (!writes->create && !writes->update && !writes->archive)
        settings_complain(x->ctx, node_get(x->object, "export"),
                          "nothing is left that an export of %.*s may do: write sync_direction: "
                          "import instead",
                          STR_ARG(x->name));
    resolve_external_key(x);
}

/* ---- policies ---- */

static void check_direction(struct exporter *x, const struct rule *rule)
{
    const struct node *at = node_given(rule->node, "sync_direction");
    int object = x->policy.direction, own = rule->direction;
    bool wider = (direction_imports(own) && !direction_imports(object)) ||
                 (direction_exports(own) && !direction_exports(object));
    if (at && wider)
        settings_complain(
            x->ctx, at, "%s cannot be '%s': %.*s %s, and a rule does no more than its object",
            rule->field.name, direction_names[own], STR_ARG(x->name), direction_does[object]);
    else if (at && !direction_imports(own) && direction_imports(object) && rule->field.required)
        settings_complain(x->ctx, at,
                          "%s is required: without it no new record could be imported; write "
                          "sync_direction: bidirectional",
                          rule->field.name);
    if (rule->export_node && !direction_exports(own))
        settings_complain(x->ctx, rule->export_node,
                          "'export' does nothing here: %s only imports; write sync_direction: "
                          "bidirectional or export for it or for %.*s, or remove it",
                          rule->field.name, STR_ARG(x->name));
}

static void check_policy(struct exporter *x, const struct rule *rule)
{
    const struct node *conflict = node_given(rule->node, "conflict_resolution"),
                      *priority = node_given(rule->node, "priority"),
                      *strategy = node_given(rule->node, "merge_strategy");
    if (conflict && !direction_imports(rule->direction))
        settings_complain(x->ctx, conflict,
                          "%s only exports, so nothing contradicts it: remove "
                          "'conflict_resolution'",
                          rule->field.name);
    if (priority && rule->conflict != CONFLICT_SOURCE_PRIORITY)
        settings_complain(x->ctx, priority,
                          "'priority' goes with conflict_resolution: source_priority; add that, "
                          "or remove it");
    if (strategy && rule->strategy != STRATEGY_OVERWRITE && rule->field.kind != KIND_LIST)
        settings_complain(x->ctx, strategy, "'%.*s' is for lists; %s is %s",
                          STR_ARG(strategy->text), rule->field.name,
                          model_kind_name(rule->field.kind));
}

static void resolve_policies(struct exporter *x)
{
    const struct node *priority = node_given(x->object, "priority");
    bool used = x->policy.conflict == CONFLICT_SOURCE_PRIORITY;
    for (size_t i = 0; i < x->m->rule_count; i++) {
        struct rule *rule = &x->m->rules[i];
        struct sync_policy own = {rule->direction, rule->conflict, rule->priority};
        policy_inherit(rule->node, &own, &x->policy);
        rule->direction = (enum sync_direction)own.direction;
        rule->conflict = (enum conflict_resolution)own.conflict;
        rule->priority = (enum sync_priority)own.priority;
        used = used || rule->conflict == CONFLICT_SOURCE_PRIORITY;
        check_direction(x, rule);
        check_policy(x, rule);
    }
    if (priority && !used)
        settings_complain(x->ctx, priority,
                          "'priority' goes with conflict_resolution: source_priority, which "
                          "neither %.*s nor a rule of it has; add that, or remove it",
                          STR_ARG(x->name));
}

/* ---- one export ---- */

static bool has_headline(const struct rule *rule)
{
    for (size_t i = 0; i < rule->step_count; i++)
        if (rule->steps[i] == STEP_HEADLINE)
            return true;
    return false;
}

/* Why what a rule reads cannot be written back where it is read; NULL: it can. */
static const char *not_reversible(const struct rule *rule)
{
    if (rule->has_value)
        return "it is a constant";
    if (rule->field.kind == KIND_JSON)
        return "it is made of whatever fields there are";
    if (rule->from_count != 1)
        return "it is put together from several fields";
    if (str_is(rule->from[0], FIELD_TITLE))
        return "it is made of several fields";
    if (rule->take.len > 0)
        return "it is taken of another record";
    if (has_headline(rule))
        return "'headline' leaves words out";
    return NULL;
}

static int by_place(const void *a, const void *b)
{
    size_t x = (*(const struct map_entry *const *)a)->place;
    size_t y = (*(const struct map_entry *const *)b)->place;
    return (x > y) - (x < y);
}

static void add_entry(const struct rule *rule, struct export_entry *entries, size_t *count,
                      struct export_entry entry)
{
    for (size_t i = 0; i < *count; i++)
        if (export_same(rule, &entries[i].ours, &entry.ours))
            return; /* the first of the file is the one that is written */
    entries[(*count)++] = entry;
}

/* The rule's map turned round, in the order of the file: those texts that are read as what they
 * stand for. */
static void invert_map(struct exporter *x, const struct rule *rule, struct export_rule *e)
{
    struct arena *arena = x->ctx->arena;
    const struct map_entry **order = arena_new(arena, rule->map_count, sizeof(void *));
    struct export_entry *entries = arena_new(arena, rule->map_count, sizeof *entries);
    for (size_t i = 0; i < rule->map_count; i++)
        order[i] = &rule->map[i];
    if (rule->map_count > 0)
        qsort(order, rule->map_count, sizeof(void *), by_place);
    for (size_t i = 0; i < rule->map_count; i++) {
        struct export_entry entry = {.theirs = order[i]->from};
        if (order[i]->to_null || entry.theirs.len == 0 ||
            rule_read(rule, entry.theirs, arena, &entry.ours, NULL) != 0)
            continue;
        if (entry.ours.state != VALUE_NULL)
            add_entry(rule, entries, &e->map_count, entry);
    }
    e->map = entries;
}

/* One of the person's own pairs. False: it was no value of the field. */
static bool read_entry(struct exporter *x, const struct rule *rule, const struct pair *pair,
                       struct export_entry *ret_entry, bool *ret_other)
{
    struct error err;
    struct str key = pair->key->text;
    *ret_entry = (struct export_entry){.theirs = STR("")};
    *ret_other = str_is(key, "*");
    if (!node_is_null(pair->value) &&
        !settings_text(pair->value, x->ctx, "a value of map", &ret_entry->theirs))
        return false;
    if (*ret_other)
        return true;
    if (value_parse(rule->field.kind, key, x->ctx->arena, &ret_entry->ours, &err) == 0 &&
        value_validate(&rule->field, &ret_entry->ours, &err) == 0)
        return true;
    size_t count = 0;
    while (rule->field.choices && rule->field.choices[count])
        count++;
    settings_complain(x->ctx, pair->key, "%s: %s%s", rule->field.name, err.text,
                      count > 0 ? settings_hint(key, rule->field.choices, count, x->ctx->arena)
                                : "");
    return false;
}

static void read_map(struct exporter *x, const struct rule *rule, const struct node *map,
                     struct export_rule *e)
{
    struct export_entry *entries = arena_new(x->ctx->arena, map->count + 1, sizeof *entries);
    e->form = EXPORT_MAP;
    e->map = entries;
    if (rule->field.kind == KIND_LIST || rule->field.kind == KIND_REFERENCE ||
        rule->field.kind == KIND_JSON) {
        settings_complain(x->ctx, map, "'map' of an export is for single values; %s is %s",
                          rule->field.name, model_kind_name(rule->field.kind));
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        struct export_entry entry;
        bool other;
        if (!read_entry(x, rule, &map->pairs[i], &entry, &other))
            continue;
        if (!other) {
            add_entry(rule, entries, &e->map_count, entry);
            continue;
        }
        struct export_entry *rest = arena_new(x->ctx->arena, 1, sizeof *rest);
        *rest = entry;
        e->map_other = rest;
    }
}

/* What the person's map writes where the rule reads must be read as what it was. */
static void check_map(struct exporter *x, const struct rule *rule, const struct node *map,
                      const struct export_rule *e)
{
    for (size_t i = 0; i < e->map_count; i++) {
        struct value ours = e->map[i].ours;
        struct str text;
        bool clear;
        struct error err = {0};
        if (rule->index < 0) { /* kept as JSON */
            struct buf out = BUF_INIT(RECORD_TEXT_MAX);
            struct json_writer w = {.out = &out};
            value_write_json(&w, rule->field.kind, &ours);
            ours = (struct value){.state = VALUE_TEXT,
                                  .text = arena_str(x->ctx->arena, buf_view(&out))};
            buf_free(&out);
        }
        if (export_value(rule, e, &ours, x->ctx->arena, &text, &clear, &err) != 0)
            settings_complain(x->ctx, map, "%s: %s", rule->field.name, err.text);
    }
}

/* `export` of a rule, a field's name or a map. False: neither. */
static bool read_export(struct exporter *x, const struct rule *rule,
                        struct rule_export_config *ret_config)
{
    const struct node *node = rule->export_node;
    *ret_config = (struct rule_export_config){0};
    if (!node)
        return true;
    if (node->kind == NODE_MAP)
        settings_read(&rule_export_settings, node, ret_config, x->ctx);
    else if (!settings_text(node, x->ctx, "export", &ret_config->to))
        return false;
    if (ret_config->map && ret_config->value_node)
        settings_complain(x->ctx, node, "export of %s has both 'map' and 'value': keep one",
                          rule->field.name);
    return !ret_config->map || !ret_config->value_node;
}

static bool is_scaled_to_nothing(const struct rule *rule)
{
    double factor;
    return str_to_double(rule->scale, &factor) && factor == 0;
}

/* Why the vendor's field cannot be written; NULL: it can. */
static const char *not_writable(struct exporter *x, const struct rule *rule,
                                const struct export_rule *e)
{
    struct arena *arena = x->ctx->arena;
    if (is_read_only(x->vendor, e->to))
        return arena_printf(arena, "'%.*s' cannot be written", STR_ARG(e->to));
    if (str_eq(e->to, x->m->external_key))
        return arena_printf(arena, "'%.*s' holds our record's id (external_key)", STR_ARG(e->to));
    if (e->association && (rule->field.kind != KIND_REFERENCE || e->form == EXPORT_VALUE))
        return arena_printf(arena, "'%.*s' links records, and it is no reference", STR_ARG(e->to));
    if (rule->field.kind == KIND_JSON && e->form != EXPORT_VALUE)
        return "it is made of whatever fields there are";
    if (is_scaled_to_nothing(rule) && (e->form == EXPORT_INVERSE || e->form == EXPORT_PLAIN))
        return "a scale of 0 cannot be undone";
    return NULL;
}

/* Fills the export; returns why there can be none. */
static const char *make_export(struct exporter *x, const struct rule *rule,
                               const struct rule_export_config *config, struct export_rule *e)
{
    const char *way = not_reversible(rule);
    bool named = config->to.len > 0, mapped = rule->map_count > 0 || rule->map_other;
    if (!named && rule->from_count != 1)
        return way;
    e->to = named ? config->to : rule->from[0];
    e->association = descriptor_is_association(x->vendor, e->to);
    bool same = rule->from_count == 1 && str_eq(e->to, rule->from[0]);
    e->form = way ? EXPORT_PLAIN : EXPORT_INVERSE;
    if (config->map)
        read_map(x, rule, config->map, e);
    else if (config->value_node && settings_text(config->value_node, x->ctx, "value", &e->value))
        e->form = EXPORT_VALUE;
    if (way && same && e->form != EXPORT_VALUE)
        return way;
    e->comes_back = e->form == EXPORT_INVERSE || (e->form == EXPORT_MAP && same && !way);
    if (e->form == EXPORT_INVERSE && mapped) {
        invert_map(x, rule, e);
        if (e->map_count == 0)
            return "its map has no vendor value for any of ours";
    }
    if (e->form == EXPORT_VALUE && same && rule_imports(rule))
        return "its constant would come back in the place of our value (write sync_direction: "
               "export)";
    return not_writable(x, rule, e);
}

static void compile_export(struct exporter *x, struct rule *rule)
{
    const struct node *direction = node_given(rule->node, "sync_direction");
    const struct node *at = rule->export_node ? rule->export_node : direction;
    struct export_rule *e = &x->m->exports[x->m->export_count];
    struct rule_export_config config;
    if (!read_export(x, rule, &config))
        return;
    *e = (struct export_rule){0};
    const char *why = make_export(x, rule, &config, e);
    if (!why) {
        rule->exports = e;
        x->m->export_count++;
        if (e->form == EXPORT_MAP && e->comes_back)
            check_map(x, rule, config.map, e);
    } else if (at) {
        settings_complain(x->ctx, at, "%s cannot be exported: %s%s", rule->field.name, why,
                          !rule->export_node   ? "; say with 'export' which field is written"
                          : config.to.len == 0 ? "; say with 'to' which field is written"
                                               : "");
    }
    rule->exports_not_because = why;
}

/* ---- one source for each field of the vendor ---- */

/* Which of two rules writes a field: one of the file, and of the connector's own the one that
 * changes least. */
static int weight(const struct rule *rule)
{
    return (rule->line > 0 ? 2 : 0) + (rule->map_count == 0 && !rule->map_other);
}

static void yield(struct exporter *x, struct rule *loser, const struct rule *winner)
{
    struct str to = loser->exports->to;
    loser->exports_not_because =
        arena_printf(x->ctx->arena, "'%.*s' is written by %s", STR_ARG(to), winner->field.name);
    loser->exports = NULL;
}

static void settle_pair(struct exporter *x, struct rule *a, struct rule *b)
{
    if (a->line > 0 && b->line > 0) {
        bool later = b->line > a->line || (b->line == a->line && b->column > a->column);
        const struct rule *first = later ? a : b, *second = later ? b : a;
        struct node at = rule_place(x, second);
        settings_complain(x->ctx, &at,
                          "%s and %s would both be written to '%.*s': write sync_direction: "
                          "import for one of them, or 'export' with another field",
                          first->field.name, second->field.name, STR_ARG(a->exports->to));
        yield(x, later ? b : a, first);
    } else if (weight(b) > weight(a)) {
        yield(x, a, b);
    } else {
        yield(x, b, a);
    }
}

static void settle_targets(struct exporter *x)
{
    struct rule *rules = x->m->rules;
    for (size_t i = 0; i < x->m->rule_count; i++)
        for (size_t j = 0; j < i; j++)
            if (rules[i].exports && rules[j].exports &&
                str_eq(rules[i].exports->to, rules[j].exports->to))
                settle_pair(x, &rules[j], &rules[i]);
    mapping_follow(x->m);
}

/* What is left of a direction where a rule has no export. */
static void narrow(struct exporter *x, size_t problems_before)
{
    const struct node *at = node_given(x->object, "sync_direction");
    for (size_t i = 0; i < x->m->rule_count; i++) {
        struct rule *rule = &x->m->rules[i];
        if (!rule->exports && rule->direction == DIRECTION_BIDIRECTIONAL)
            rule->direction = DIRECTION_IMPORT;
    }
    if (x->m->export_count > 0 || x->ctx->problems->count > problems_before)
        return;
    if (at || !direction_imports(x->m->direction))
        settings_complain(x->ctx, at ? at : &x->place,
                          "%.*s exports nothing: none of its rules can be turned round and "
                          "written; give a rule an 'export', or write sync_direction: import",
                          STR_ARG(x->name));
    x->m->direction = DIRECTION_IMPORT;
    x->m->creates = x->m->updates = x->m->archives = false;
}

void export_compile(const struct settings_context *ctx, const struct named_item *object,
                    const struct connector_object *vendor, struct mapping *mapping)
{
    struct exporter x = {.ctx = ctx,
                         .config = object->item,
                         .object = object->node,
                         .place = {.line = object->line, .column = object->column},
                         .name = object->name,
                         .vendor = vendor,
                         .m = mapping};
    size_t before = ctx->problems->count;
    resolve_direction(&x);
    resolve_writes(&x);
    resolve_policies(&x);
    if (!direction_exports(mapping->direction))
        return;
    mapping->exports = arena_new(ctx->arena, mapping->rule_count, sizeof mapping->exports[0]);
    for (size_t i = 0; i < mapping->rule_count; i++)
        if (direction_exports(mapping->rules[i].direction))
            compile_export(&x, &mapping->rules[i]);
    settle_targets(&x);
    narrow(&x, before);
}
