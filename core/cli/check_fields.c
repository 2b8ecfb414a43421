/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check_fields.h"

#include "cli/table.h"
#include "sync/export_map.h"

enum { SOURCES_MAX = 64 * 1024 };

/* A rule that only exports, and has no export, goes nowhere. */
static bool goes_nowhere(const struct rule *rule)
{
    return !rule_imports(rule) && !rule->exports;
}

static const char *way(const struct rule *rule)
{
    return goes_nowhere(rule) ? "" : !rule_imports(rule) ? "<-" : rule->exports ? "<->" : "->";
}

/* "a, b", or the constant. */
static void write_sources(struct buf *out, const struct rule *rule)
{
    for (size_t i = 0; i < rule->from_count; i++)
        buf_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARG(rule->from[i]));
    if (rule->has_value)
        buf_printf(out, "always %.*s", STR_ARG(rule->value));
}

/* The vendor's fields: what is read, and what is written where that is another. */
static void write_vendor(struct buf *out, const struct rule *rule)
{
    bool same = rule->exports && rule->from_count == 1 && str_eq(rule->exports->to, rule->from[0]);
    if (rule_imports(rule) || !rule->exports)
        write_sources(out, rule);
    if (rule->exports && (!same || !rule_imports(rule)))
        buf_printf(out, "%s%.*s", out->len > 0 ? "; writes " : "", STR_ARG(rule->exports->to));
}

static void table_rule(struct table *t, const struct catalog_connection *c,
                       const struct object_setup *object, const struct rule *rule)
{
    struct buf vendor = BUF_INIT(SOURCES_MAX);
    write_vendor(&vendor, rule);
    table_printf(t, "%.*s.%.*s", STR_ARG(c->config->name), STR_ARG(object->item->name));
    table_str(t, buf_view(&vendor));
    table_str(t, str_from(way(rule)));
    table_printf(t, "%s.%s%s", object->model->name, rule->index < 0 ? "custom_fields." : "",
                 rule->field.name);
    table_str(t, str_from(rule->exports_not_because ? rule->exports_not_because : ""));
    buf_free(&vendor);
}

void check_fields_write(const struct catalog *catalog)
{
    struct table t = {0};
    table_key_column(&t, "OBJECT", false);
    table_column(&t, "VENDOR FIELD", false);
    table_key_column(&t, "", false);
    table_key_column(&t, "FIELD", false);
    table_column(&t, "NOT EXPORTED, BECAUSE", false);
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_connection *c = &catalog->connections[i];
        for (size_t j = 0; c->ready && j < c->setup.object_count; j++)
            for (size_t k = 0; k < c->setup.objects[j].mapping.rule_count; k++)
                table_rule(&t, c, &c->setup.objects[j], &c->setup.objects[j].mapping.rules[k]);
    }
    if (t.cell_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

static void json_rule(struct json_writer *w, const struct object_setup *object,
                      const struct rule *rule)
{
    json_open(w, '{');
    json_key(w, "object");
    json_put_str(w, object->item->name);
    json_key(w, "field");
    json_put_text(w, rule->field.name);
    json_key(w, "custom");
    json_put_bool(w, rule->index < 0);
    json_key(w, "imports");
    json_put_bool(w, rule_imports(rule));
    json_key(w, "from");
    json_open(w, '[');
    for (size_t i = 0; i < rule->from_count; i++)
        json_put_str(w, rule->from[i]);
    json_close(w, ']');
    json_key(w, "exports_to");
    if (rule->exports)
        json_put_str(w, rule->exports->to);
    else
        json_put_null(w);
    json_key(w, "not_exported_because");
    json_put_text(w, rule->exports_not_because);
    json_close(w, '}');
}

void check_fields_json(struct json_writer *w, const struct catalog_connection *c)
{
    json_key(w, "fields");
    json_open(w, '[');
    for (size_t i = 0; i < c->setup.object_count; i++)
        for (size_t j = 0; j < c->setup.objects[i].mapping.rule_count; j++)
            json_rule(w, &c->setup.objects[i], &c->setup.objects[i].mapping.rules[j]);
    json_close(w, ']');
}
