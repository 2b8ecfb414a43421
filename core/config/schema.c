/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include "base/json.h"
#include "config/connection.h"

static void write_table(struct json_writer *w, const struct setting_table *table);

static void ref(struct json_writer *w, const char *name)
{
    json_key(w, "$ref");
    json_put_text(w, name);
}

static void text_pair(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_put_text(w, value);
}

/* "anyOf": [{that}, {a ${REFERENCE}}]: any value may come from the environment. */
static void open_or_reference(struct json_writer *w)
{
    json_key(w, "anyOf");
    json_open(w, '[');
    json_open(w, '{');
}

static void close_or_reference(struct json_writer *w)
{
    json_close(w, '}');
    json_open(w, '{');
    ref(w, "#/$defs/reference");
    json_close(w, '}');
    json_close(w, ']');
}

static void write_int(struct json_writer *w, const struct setting *row)
{
    open_or_reference(w);
    text_pair(w, "type", "integer");
    if (row->min != 0 || row->max != 0) {
        json_key(w, "minimum");
        json_put_int(w, row->min);
    }
    if (row->max != 0 && row->max != INT64_MAX) {
        json_key(w, "maximum");
        json_put_int(w, row->max);
    }
    close_or_reference(w);
}

static void write_choice(struct json_writer *w, const struct setting *row)
{
    open_or_reference(w);
    json_key(w, "enum");
    json_open(w, '[');
    for (const char *const *choice = row->choices; *choice; choice++)
        json_put_text(w, *choice);
    json_close(w, ']');
    close_or_reference(w);
}

static void write_pattern(struct json_writer *w, const char *pattern)
{
    open_or_reference(w);
    text_pair(w, "type", "string");
    text_pair(w, "pattern", pattern);
    close_or_reference(w);
}

static void write_named(struct json_writer *w, const struct setting *row)
{
    text_pair(w, "type", "object");
    json_key(w, "additionalProperties");
    json_open(w, '{');
    json_key(w, "anyOf");
    json_open(w, '[');
    json_open(w, '{');
    text_pair(w, "type", "null");
    json_close(w, '}');
    json_open(w, '{');
    write_table(w, row->table);
    json_close(w, '}');
    json_close(w, ']');
    json_close(w, '}');
}

static void write_node(struct json_writer *w, const struct setting *row)
{
    if (strcmp(row->key, "mapping") == 0)
        ref(w, "#/$defs/mapping");
    else if (strcmp(row->key, "export") == 0)
        ref(w, "#/$defs/rule_export");
    else if (row->flags & SETTING_MAP_NODE)
        text_pair(w, "type", "object");
}

static void write_type(struct json_writer *w, const struct setting *row)
{
    switch (row->type) {
    case SETTING_TEXT:
        ref(w, "#/$defs/scalar");
        break;
    case SETTING_INT:
        write_int(w, row);
        break;
    case SETTING_BOOL:
        open_or_reference(w);
        text_pair(w, "type", "boolean");
        close_or_reference(w);
        break;
    case SETTING_SPAN:
        write_pattern(w, row->flags & SETTING_OR_OFF ? "^(off|0|[0-9]+(ms|s|m|h|d))$"
                                                     : "^[0-9]+(ms|s|m|h|d)$");
        break;
    case SETTING_SIZE:
        write_pattern(w, "^[0-9]+ *(KiB|MiB|GiB)$");
        break;
    case SETTING_CHOICE:
        write_choice(w, row);
        break;
    case SETTING_TEXTS:
        ref(w, "#/$defs/scalars");
        break;
    case SETTING_NODE:
        write_node(w, row);
        break;
    case SETTING_GROUP:
        write_table(w, row->table);
        break;
    case SETTING_NAMED:
        write_named(w, row);
        break;
    }
}

static void write_row(struct json_writer *w, const struct setting *row)
{
    json_key(w, row->key);
    json_open(w, '{');
    text_pair(w, "description", row->help);
    if (row->default_text)
        text_pair(w, "default", row->default_text);
    write_type(w, row);
    json_close(w, '}');
}

static void write_table(struct json_writer *w, const struct setting_table *table)
{
    bool any_required = false;
    text_pair(w, "type", "object");
    json_key(w, "additionalProperties");
    json_put_bool(w, false);
    json_key(w, "properties");
    json_open(w, '{');
    for (const struct setting *row = table->rows; row->key; row++) {
        write_row(w, row);
        any_required = any_required || (row->flags & SETTING_REQUIRED);
    }
    json_close(w, '}');
    if (!any_required)
        return;
    json_key(w, "required");
    json_open(w, '[');
    for (const struct setting *row = table->rows; row->key; row++)
        if (row->flags & SETTING_REQUIRED)
            json_put_text(w, row->key);
    json_close(w, ']');
}

/* ---- definitions ---- */

static void write_mapping_rules(struct json_writer *w)
{
    static const char rule[] = "{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/scalars\"},"
                               "{\"$ref\":\"#/$defs/rule\"}]}";
    json_key(w, "rule");
    json_open(w, '{');
    write_table(w, &mapping_rule_settings);
    json_close(w, '}');
    json_key(w, "mapping");
    json_open(w, '{');
    text_pair(w, "type", "object");
    json_key(w, "properties");
    json_open(w, '{');
    json_key(w, "custom_fields");
    json_open(w, '{');
    text_pair(w, "type", "object");
    json_key(w, "additionalProperties");
    json_put_raw(w, str_from(rule));
    json_close(w, '}');
    json_close(w, '}');
    json_key(w, "additionalProperties");
    json_put_raw(w, str_from(rule));
    json_close(w, '}');
}

static void write_rule_export(struct json_writer *w)
{
    json_key(w, "rule_export");
    json_open(w, '{');
    json_key(w, "anyOf");
    json_open(w, '[');
    json_put_raw(w, STR("{\"$ref\":\"#/$defs/scalar\"}"));
    json_open(w, '{');
    write_table(w, &rule_export_settings);
    json_close(w, '}');
    json_close(w, ']');
    json_close(w, '}');
}

static void write_definitions(struct json_writer *w)
{
    static const char scalar[] = "{\"type\":[\"string\",\"number\",\"boolean\"]}";
    json_key(w, "$defs");
    json_open(w, '{');
    json_key(w, "reference");
    json_put_raw(w, STR("{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}"));
    json_key(w, "scalar");
    json_put_raw(w, str_from(scalar));
    json_key(w, "scalars");
    json_open(w, '{');
    json_key(w, "anyOf");
    json_open(w, '[');
    json_put_raw(w, STR("{\"$ref\":\"#/$defs/scalar\"}"));
    json_put_raw(w, STR("{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/scalar\"}}"));
    json_close(w, ']');
    json_close(w, '}');
    write_mapping_rules(w);
    write_rule_export(w);
    json_close(w, '}');
}

void schema_write(struct buf *out)
{
    struct json_writer writer = {.out = out}, *w = &writer;
    json_open(w, '{');
    text_pair(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    text_pair(w, "title", "fastenr connection");
    write_table(w, &connection_settings);
    write_definitions(w);
    json_close(w, '}');
    buf_char(out, '\n');
}
