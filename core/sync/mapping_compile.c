/* SPDX-License-Identifier: Apache-2.0 */
/* From the connection file and the connector's default mapping to rules. */
#include <stdlib.h>

#include "sync/export_compile.h"
#include "sync/mapping_check.h"

enum { MOST_RULES = 300, MOST_SOURCES = 8, MOST_PAIRS = 64 };

struct compiler {
    struct settings_context ctx;
    const struct connection_config *connection;
    const struct connector_object *vendor;
    struct node place; /* of the object: for what stands nowhere in the file */
    struct mapping *m;
    size_t rule_cap;
    bool full;        /* which is said */
    bool misdirected; /* its default mapping is for another object, which is said */
};

/* ---- which field ---- */

static struct rule *find_rule(struct mapping *m, int index, struct str custom)
{
    for (size_t i = 0; i < m->rule_count; i++) {
        struct rule *r = &m->rules[i];
        if (r->index == index && (index >= 0 || str_is(custom, r->field.name)))
            return r;
    }
    return NULL;
}

static void remove_rule(struct mapping *m, struct rule *rule)
{
    if (rule)
        *rule = m->rules[--m->rule_count];
}

/* An empty rule for a field; one that is there is emptied. */
static struct rule *put_rule(struct compiler *c, int index, struct str custom)
{
    struct mapping *m = c->m;
    struct rule *rule = find_rule(m, index, custom);
    if (!rule) {
        if (m->rule_count >= MOST_RULES)
            return NULL;
        m->rules =
            arena_grow(c->ctx.arena, m->rules, &c->rule_cap, m->rule_count + 1, sizeof m->rules[0]);
        rule = &m->rules[m->rule_count++];
    }
    *rule = (struct rule){.index = index, .scale = STR("1")};
    if (index >= 0)
        rule->field = m->object->fields[index];
    else
        rule->field = (struct model_field){
            .name = arena_str(c->ctx.arena, custom).ptr, .kind = KIND_TEXT, .help = ""};
    return rule;
}

static const char *const *field_names(struct compiler *c, size_t *ret_count)
{
    const struct model_object *object = c->m->object;
    const char **names = arena_new(c->ctx.arena, object->field_count + 1, sizeof names[0]);
    for (size_t i = 0; i < object->field_count; i++)
        names[i] = object->fields[i].name;
    names[object->field_count] = "custom_fields";
    *ret_count = object->field_count + 1;
    return names;
}

/* ---- parts of a rule ---- */

static const char *const step_names[] = {"trim", "lower", "upper", "headline"}; /* enum step */
enum { STEPS = sizeof step_names / sizeof step_names[0] };

static bool parse_steps(struct rule *rule, const struct str *names, size_t count,
                        struct str *ret_wrong)
{
    for (size_t i = 0; i < count; i++) {
        size_t step = 0;
        while (step < STEPS && !str_is(names[i], step_names[step]))
            step++;
        if (step == STEPS || rule->step_count == sizeof rule->steps / sizeof rule->steps[0]) {
            *ret_wrong = names[i];
            return false;
        }
        rule->steps[rule->step_count++] = (enum step)step;
    }
    return true;
}

static void compile_steps(struct compiler *c, struct rule *rule, const struct text_list *names,
                          const struct node *at)
{
    struct str wrong;
    if (names->count > sizeof rule->steps / sizeof rule->steps[0])
        settings_complain(&c->ctx, at, "%s has more than %zu steps", rule->field.name,
                          sizeof rule->steps / sizeof rule->steps[0]);
    else if (!parse_steps(rule, names->items, names->count, &wrong))
        settings_complain(&c->ctx, at, "there is no step '%.*s'%s", STR_ARG(wrong),
                          settings_hint(wrong, step_names, STEPS, c->ctx.arena));
}

/* What the map gives becomes the field's value as it stands. */
static void check_choice(struct compiler *c, const struct rule *rule, struct str text,
                         const struct node *at)
{
    const struct value value = {.state = VALUE_TEXT, .text = text};
    struct error err;
    if (rule->field.kind == KIND_ENUM && value_validate(&rule->field, &value, &err) != 0)
        settings_complain(&c->ctx, at, "%s: %s", rule->field.name, err.text);
}

static int by_from(const void *a, const void *b)
{
    return str_cmp(((const struct map_entry *)a)->from, ((const struct map_entry *)b)->from);
}

static void compile_map(struct compiler *c, struct rule *rule, const struct node *map)
{
    struct map_entry *entries = arena_new(c->ctx.arena, map->count, sizeof entries[0]);
    size_t n = 0;
    for (size_t i = 0; i < map->count; i++) {
        struct map_entry entry = {.from = map->pairs[i].key->text,
                                  .to_null = node_is_null(map->pairs[i].value),
                                  .place = i};
        if (!settings_text(map->pairs[i].value, &c->ctx, "a value of map", &entry.to))
            continue;
        if (str_is(entry.from, "*")) {
            struct map_entry *other = arena_new(c->ctx.arena, 1, sizeof *other);
            *other = entry;
            rule->map_other = other;
        } else {
            entries[n++] = entry;
        }
        if (!entry.to_null)
            check_choice(c, rule, entry.to, map->pairs[i].value);
    }
    if (n > 0) /* in one order, whatever the file's is: the mapping's hash covers them */
        qsort(entries, n, sizeof entries[0], by_from);
    rule->map = entries;
    rule->map_count = n;
}

/* YYYY, MM and DD once each, and no Y, M or D besides: they would be taken for digits. */
static bool is_date_pattern(struct str form)
{
    static const char *const parts[] = {"YYYY", "MM", "DD"};
    size_t letters = 0;
    for (size_t i = 0; i < form.len; i++)
        letters += form.ptr[i] == 'Y' || form.ptr[i] == 'M' || form.ptr[i] == 'D';
    for (int i = 0; i < 3; i++)
        if (!memmem(form.ptr, form.len, parts[i], strlen(parts[i])))
            return false;
    return letters == 8;
}

static void compile_date(struct compiler *c, struct rule *rule, struct str form,
                         const struct node *at)
{
    bool is_date = rule->field.kind == KIND_DATE || rule->field.kind == KIND_TIME;
    if (!is_date)
        settings_complain(&c->ctx, at, "'date' is for dates and times; %s is %s", rule->field.name,
                          model_kind_name(rule->field.kind));
    if (str_is(form, "iso"))
        rule->date = DATE_ISO;
    else if (str_is(form, "epoch_ms"))
        rule->date = DATE_EPOCH_MS;
    else if (str_is(form, "epoch_s"))
        rule->date = DATE_EPOCH_S;
    else if (is_date_pattern(form)) {
        rule->date = DATE_PATTERN;
        rule->date_pattern = form;
    } else {
        settings_complain(
            &c->ctx, at,
            "date cannot be '%.*s': write iso, epoch_ms, epoch_s or a pattern like DD.MM.YYYY",
            STR_ARG(form));
    }
}

static void compile_type(struct compiler *c, struct rule *rule, struct str type,
                         const struct node *at)
{
    static const char *const names[] = {"text", "integer", "number", "boolean",
                                        "date", "time",    "list"};
    static const enum field_kind kinds[] = {KIND_TEXT, KIND_INTEGER, KIND_NUMBER, KIND_BOOLEAN,
                                            KIND_DATE, KIND_TIME,    KIND_LIST};
    if (rule->index >= 0) {
        settings_complain(&c->ctx, at, "'type' is for custom fields; %s is %s by itself",
                          rule->field.name, model_kind_name(rule->field.kind));
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_is(type, names[i])) {
            rule->field.kind = kinds[i];
            return;
        }
    settings_complain(&c->ctx, at, "there is no type '%.*s'%s", STR_ARG(type),
                      settings_hint(type, names, sizeof names / sizeof names[0], c->ctx.arena));
}

static void compile_check(struct compiler *c, struct rule *rule, struct str format,
                          const struct node *at)
{
    static const char *const names[] = {"email", "phone", "url"};
    for (int i = 0; i < 3; i++)
        if (str_is(format, names[i])) {
            rule->check = i == 0 ? CHECK_EMAIL : i == 1 ? CHECK_PHONE : CHECK_URL;
            return;
        }
    settings_complain(&c->ctx, at, "there is no format '%.*s'%s", STR_ARG(format),
                      settings_hint(format, names, 3, c->ctx.arena));
}

static bool compile_bound(struct compiler *c, const struct node *at, const char *what, double *ret)
{
    if (at->kind == NODE_SCALAR && str_to_double(at->text, ret))
        return true;
    settings_complain(&c->ctx, at, "%s must be a number", what);
    return false;
}

/* ---- a rule of the file ---- */

static void compile_rule_map(struct compiler *c, struct rule *rule, const struct node *node)
{
    struct mapping_rule_config config = {0};
    double factor;
    size_t before = c->ctx.problems->count;
    settings_read(&mapping_rule_settings, node, &config, &c->ctx);
    export_read_rule(rule, node, &config);
    rule->from = config.from.items;
    rule->from_count = config.from.count;
    rule->lookup = config.lookup;
    rule->take = config.take;
    if (config.value_node)
        rule->has_value = settings_text(config.value_node, &c->ctx, "value", &rule->value);
    if (config.default_node)
        rule->has_default =
            settings_text(config.default_node, &c->ctx, "default", &rule->default_value);
    if (config.type.len > 0)
        compile_type(c, rule, config.type, node_get(node, "type"));
    if (config.transform.count > 0)
        compile_steps(c, rule, &config.transform, node_get(node, "transform"));
    if (config.map)
        compile_map(c, rule, config.map);
    rule->split = config.split;
    rule->join = config.join;
    if (config.date.len > 0)
        compile_date(c, rule, config.date, node_get(node, "date"));
    if (config.scale.len > 0) {
        const struct node *at = node_get(node, "scale");
        rule->scale = config.scale;
        if (!str_to_double(config.scale, &factor))
            settings_complain(&c->ctx, at, "scale must be a number, like 0.01");
    }
    rule->required = config.required;
    if (config.min_node)
        rule->has_min = compile_bound(c, config.min_node, "min", &rule->min);
    if (config.max_node)
        rule->has_max = compile_bound(c, config.max_node, "max", &rule->max);
    rule->one_of = config.one_of;
    if (config.format.len > 0)
        compile_check(c, rule, config.format, node_get(node, "format"));
    rule->invalid = (enum invalid_policy)config.invalid;
    mapping_check_rule(&c->ctx, c->vendor, rule, node);
    if (c->ctx.problems->count == before)
        mapping_check_constants(&c->ctx, rule, node);
}

/* `field: vendor_field` or `field: {...}`. */
static void compile_rule(struct compiler *c, const struct pair *pair, int index, struct str custom)
{
    const struct node *node = pair->value;
    if (node_is_null(node)) {
        remove_rule(c->m, find_rule(c->m, index, custom));
        return;
    }
    if (export_keeps_rule(node, find_rule(c->m, index, custom), pair->key, &c->ctx))
        return;
    struct rule *rule = put_rule(c, index, custom);
    if (!rule) {
        if (!c->full)
            settings_complain(&c->ctx, pair->key, "more than %d fields are mapped", MOST_RULES);
        c->full = true;
        return;
    }
    rule->line = pair->key->line;
    rule->column = pair->key->column;
    if (node->kind == NODE_MAP) {
        compile_rule_map(c, rule, node);
        return;
    }
    struct str *from = arena_new(c->ctx.arena, 1, sizeof *from);
    if (settings_text(node, &c->ctx, "the vendor's field", from)) {
        rule->from = from;
        rule->from_count = 1;
        mapping_check_rule(&c->ctx, c->vendor, rule, node);
    }
}

static void compile_custom(struct compiler *c, const struct node *map)
{
    if (map->kind != NODE_MAP) {
        settings_complain(&c->ctx, map, "custom_fields is %s: write a map, name: vendor field",
                          node_kind_name(map));
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        struct str name = map->pairs[i].key->text;
        if (name.len == 0 || name.len > 200 || memchr(name.ptr, '"', name.len))
            settings_complain(&c->ctx, map->pairs[i].key,
                              "'%.*s' is no name for a custom field: 1 to 200 bytes without quotes",
                              STR_ARG(name));
        else
            compile_rule(c, &map->pairs[i], -1, name);
    }
}

static void compile_file(struct compiler *c, const struct node *map)
{
    for (size_t i = 0; map && i < map->count; i++) {
        const struct pair *pair = &map->pairs[i];
        struct str name = pair->key->text;
        int index = model_field(c->m->object, name);
        if (index >= 0) {
            compile_rule(c, pair, index, name);
        } else if (str_is(name, "custom_fields")) {
            compile_custom(c, pair->value);
        } else {
            size_t count;
            const char *const *names = field_names(c, &count);
            settings_complain(
                &c->ctx, pair->key, "%s has no field '%.*s'%s (own fields go under custom_fields)",
                c->m->object->name, STR_ARG(name), settings_hint(name, names, count, c->ctx.arena));
        }
    }
}

/* ---- the default mapping ---- */

/* Where the value comes from: a field, several with what stands between them, or a constant. */
static void default_sources(struct compiler *c, struct rule *rule,
                            const struct connector_mapping *row)
{
    struct str *from = arena_new(c->ctx.arena, MOST_SOURCES, sizeof *from), rest = row->from;
    if (row->join.len == 0 && rest.len > 0)
        from[rule->from_count++] = rest;
    while (row->join.len > 0 && rest.len > 0 && rule->from_count < MOST_SOURCES &&
           str_next(&rest, ',', &from[rule->from_count]))
        rule->from_count++;
    rule->from = from;
    rule->join = row->join;
    rule->has_value = row->value.len > 0;
    rule->value = str_is(row->value, "{object}") ? c->vendor->name : row->value;
    rule->has_default = row->default_value.len > 0;
    rule->default_value = row->default_value;
}

/* "from=to,from=to,*=other"; an empty `to` is no value. */
static void default_map(struct compiler *c, struct rule *rule, struct str text)
{
    struct map_entry *entries = arena_new(c->ctx.arena, MOST_PAIRS, sizeof *entries);
    struct str pair;
    while (text.len > 0 && rule->map_count < MOST_PAIRS && str_next(&text, ',', &pair)) {
        struct map_entry entry = {.to = pair};
        if (!str_next(&entry.to, '=', &entry.from))
            continue;
        entry.to_null = entry.to.len == 0;
        entry.place = rule->map_count;
        if (str_is(entry.from, "*")) {
            struct map_entry *other = arena_new(c->ctx.arena, 1, sizeof *other);
            *other = entry;
            rule->map_other = other;
        } else {
            entries[rule->map_count++] = entry;
        }
    }
    if (rule->map_count > 0)
        qsort(entries, rule->map_count, sizeof entries[0], by_from);
    rule->map = entries;
}

static bool is_synced(const struct compiler *c, struct str object)
{
    const struct named_list *all = &c->connection->objects;
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->items[i].name, object))
            return ((const struct object_config *)all->items[i].item)->enabled;
    return false;
}

static bool is_custom(const struct connector_mapping *row)
{
    return str_starts(row->to, "custom_fields.");
}

static void compile_default_rule(struct compiler *c, const struct connector_mapping *row)
{
    struct str steps[8], wrong, rest = row->transform, custom = row->to;
    size_t step_count = 0;
    int index = model_field(c->m->object, row->to);
    if (index < 0 && is_custom(row))
        custom = str_slice(row->to, 14, row->to.len - 14);
    else if (index < 0) {
        settings_complain(&c->ctx, &c->place,
                          "the connector maps to '%.*s', which %s does not have: upgrade fastenr",
                          STR_ARG(row->to), c->m->object->name);
        return;
    }
    if (row->take.len > 0 && !is_synced(c, row->lookup))
        return;
    struct rule *rule = put_rule(c, index, custom);
    if (!rule)
        return;
    default_sources(c, rule, row);
    rule->lookup = row->lookup;
    rule->take = index >= 0 ? row->take : STR("");
    if (row->scale.len > 0)
        rule->scale = row->scale;
    default_map(c, rule, row->map);
    while (rest.len > 0 && step_count < 8 && str_next(&rest, ',', &steps[step_count]))
        step_count++;
    if (!parse_steps(rule, steps, step_count, &wrong))
        settings_complain(&c->ctx, &c->place,
                          "the connector's default mapping has a step '%.*s' that is not known",
                          STR_ARG(wrong));
}

/* Whether the connection sends the object to another one than the connector's mapping was made for,
 * and that one lacks its fields. */
static bool is_misdirected(const struct compiler *c)
{
    if (str_is(c->vendor->canonical, c->m->object->name))
        return false;
    for (uint32_t i = 0; i < c->vendor->mapping_count; i++)
        if (!is_custom(&c->vendor->mapping[i]) &&
            model_field(c->m->object, c->vendor->mapping[i].to) < 0)
            return true;
    return false;
}

static void compile_default(struct compiler *c, const struct node *object)
{
    const struct node *to = node_get(object, "to");
    if (is_misdirected(c)) {
        settings_complain(&c->ctx, to ? to : &c->place,
                          "the default mapping of %.*s is for %.*s, not for %s: write "
                          "`default_mapping: false` and a mapping of your own",
                          STR_ARG(c->vendor->name), STR_ARG(c->vendor->canonical),
                          c->m->object->name);
        c->misdirected = true;
        return;
    }
    for (uint32_t i = 0; i < c->vendor->mapping_count; i++)
        compile_default_rule(c, &c->vendor->mapping[i]);
}

/* ---- the filter ---- */

static bool compile_condition(struct compiler *c, const struct pair *pair, struct condition *cond)
{
    const struct node *node = pair->value;
    const struct node *negated = node_get(node, "not"), *exists = node_get(node, "exists");
    bool yes;
    *cond = (struct condition){.field = pair->key->text};
    mapping_check_source(&c->ctx, c->vendor, pair->key->text, pair->key);
    if (str_is(pair->key->text, FIELD_ALL))
        settings_complain(&c->ctx, pair->key,
                          "'*' stands for all fields at once, which have no value: name one");
    if (node->kind != NODE_MAP && !node_is_null(node))
        return settings_texts(node, &c->ctx, "the filter", &cond->values);
    if (node->count == 1 && negated) {
        cond->negated = true;
        return settings_texts(negated, &c->ctx, "not", &cond->values);
    }
    if (node->count == 1 && exists) {
        if (!settings_bool(exists, &c->ctx, "exists", &yes))
            return false;
        cond->kind = yes ? COND_EXISTS : COND_MISSING;
        return true;
    }
    settings_complain(&c->ctx, node,
                      "a filter is a value, a list of values, {not: [values]} or {exists: true}");
    return false;
}

static int by_field(const void *a, const void *b)
{
    return str_cmp(((const struct condition *)a)->field, ((const struct condition *)b)->field);
}

static void compile_filter(struct compiler *c, const struct node *filter)
{
    if (!filter)
        return;
    c->m->conditions = arena_new(c->ctx.arena, filter->count, sizeof c->m->conditions[0]);
    for (size_t i = 0; i < filter->count; i++)
        if (compile_condition(c, &filter->pairs[i], &c->m->conditions[c->m->condition_count]))
            c->m->condition_count++;
    if (c->m->condition_count > 0)
        qsort(c->m->conditions, c->m->condition_count, sizeof c->m->conditions[0], by_field);
}

/* ---- what follows from the rules ---- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void collect_fields(struct compiler *c)
{
    struct mapping *m = c->m;
    size_t cap = 0, n = 0;
    for (size_t i = 0; i < m->rule_count; i++)
        for (size_t j = 0; j < m->rules[i].from_count; j++) {
            m->fields = arena_grow(c->ctx.arena, m->fields, &cap, n + 1, sizeof m->fields[0]);
            m->fields[n++] = m->rules[i].from[j];
        }
    if (m->external_key.len > 0) {
        m->fields = arena_grow(c->ctx.arena, m->fields, &cap, n + 1, sizeof m->fields[0]);
        m->fields[n++] = m->external_key;
    }
    for (size_t i = 0; i < m->condition_count; i++) {
        m->fields = arena_grow(c->ctx.arena, m->fields, &cap, n + 1, sizeof m->fields[0]);
        m->fields[n++] = m->conditions[i].field;
    }
    if (n > 0)
        qsort(m->fields, n, sizeof m->fields[0], by_text);
    for (size_t i = 0; i < n; i++)
        if (m->field_count == 0 || !str_eq(m->fields[m->field_count - 1], m->fields[i]))
            m->fields[m->field_count++] = m->fields[i];
}

static int by_name(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    int custom = (x->index < 0) - (y->index < 0);
    if (custom != 0)
        return custom;
    return x->index >= 0 ? x->index - y->index : strcmp(x->field.name, y->field.name);
}

void mapping_compile(const struct connection_config *connection, const struct named_item *object,
                     const struct connector_object *vendor, const struct model_object *model,
                     struct mapping *ret_mapping, struct arena *arena, struct problems *problems)
{
    const struct object_config *config = object->item;
    *ret_mapping = (struct mapping){.object = model};
    struct compiler c = {.ctx = {connection->file, arena, problems},
                         .connection = connection,
                         .vendor = vendor,
                         .place = {.line = object->line, .column = object->column},
                         .m = ret_mapping};
    if (config->default_mapping)
        compile_default(&c, object->node);
    compile_file(&c, config->mapping);
    compile_filter(&c, config->filter);
    if (ret_mapping->rule_count == 0 && !c.misdirected)
        settings_complain(&c.ctx, &c.place,
                          "nothing is mapped: write a mapping, or leave default_mapping on");
    if (ret_mapping->rule_count > 0)
        qsort(ret_mapping->rules, ret_mapping->rule_count, sizeof ret_mapping->rules[0], by_name);
    export_compile(&c.ctx, object, vendor, ret_mapping);
    collect_fields(&c);
    mapping_hash(ret_mapping);
}
