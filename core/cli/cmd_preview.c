/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr preview`: what a vendor's records would become. */
#include <inttypes.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "sync/preview.h"

enum { PREVIEW_JSON_MAX = 64 * 1024 * 1024, CELL_TEXT_MAX = 16 * 1024 };

static const struct command_option options[] = {
    {"limit", 'n', "N", "at most this many records (5)"}, {0}};

struct previewing {
    struct app *app;
    const struct object_setup *object;
    size_t count, invalid;
};

/* A mapped value for people: references are the vendor's ids still, custom fields JSON. */
static void write_value(struct buf *out, const struct rule *rule, const struct value *value)
{
    const struct json *text = NULL;
    if (rule->index < 0 && json_parse(value->text, &text, NULL) == 0 &&
        json_kind(text) == JSON_STRING)
        buf_str(out, json_string(text));
    else if (value->state == VALUE_TEXT)
        buf_str(out, value->text);
    else
        value_write(out, rule->field.kind, value);
    json_free(text);
}

static void write_vendor(struct table *t, const struct rule *rule, const struct json *fields)
{
    struct buf names = BUF_INIT(CELL_TEXT_MAX), values = BUF_INIT(CELL_TEXT_MAX);
    for (size_t i = 0; i < rule->from_count; i++) {
        const struct json *value = json_member(fields, rule->from[i]);
        buf_printf(&names, "%s%.*s", i > 0 ? " + " : "", STR_ARG(rule->from[i]));
        buf_text(&values, i > 0 ? " + " : "");
        if (json_kind(value) == JSON_STRING)
            buf_str(&values, json_string(value));
        else if (value)
            json_write(&values, value);
        else
            buf_text(&values, "-");
    }
    table_str(t, rule->has_value ? STR("(constant)") : buf_view(&names));
    table_styled(t, STYLE_DIM, rule->has_value ? rule->value : buf_view(&values));
    buf_free(&names);
    buf_free(&values);
}

static void write_rule(struct table *t, const struct rule *rule, const struct json *fields,
                       const struct value *value)
{
    struct buf text = BUF_INIT(CELL_TEXT_MAX);
    write_vendor(t, rule, fields);
    table_str(t, STR("->"));
    table_printf(t, "%s%s", rule->index < 0 ? "custom_fields." : "", rule->field.name);
    if (!value)
        table_str(t, STR(""));
    else if (value->state == VALUE_NULL)
        table_styled(t, STYLE_DIM, STR("-"));
    else {
        write_value(&text, rule, value);
        if (rule->take.len > 0)
            table_printf(t, "%.*s of %.*s %s", STR_ARG(rule->take), STR_ARG(rule->lookup),
                         buf_cstr(&text));
        else if (rule->lookup.len > 0)
            table_printf(t, "link to %.*s %s", STR_ARG(rule->lookup), buf_cstr(&text));
        else
            table_str(t, buf_view(&text));
    }
    buf_free(&text);
}

static void write_record(const struct previewing *p, const struct preview_record *r)
{
    const struct mapping *mapping = &p->object->mapping;
    struct table t = {.indent = "  "};
    char when[FORMAT_TEXT];
    out_text(&std_out, p->count > 1 ? "\n" : "");
    out_style(&std_out, STYLE_BOLD);
    out_printf(&std_out, "%.*s %.*s", STR_ARG(p->object->item->name), STR_ARG(r->id));
    out_style(&std_out, STYLE_NONE);
    if (r->modified_us != 0)
        out_printf(&std_out, ", modified %s UTC", format_time(r->modified_us, when));
    if (r->result == MAP_OUT_OF_SCOPE)
        out_text(&std_out, ": out of scope, the filter leaves it out");
    out_text(&std_out, "\n");
    if (r->result == MAP_INVALID) {
        out_style(&std_out, STYLE_BAD);
        out_printf(&std_out, "  invalid: %.*s%s%s", STR_ARG(r->invalid_field),
                   r->invalid_field.len > 0 ? ": " : "", r->why);
        out_style(&std_out, STYLE_NONE);
        out_text(&std_out, " (it would be set aside in quarantine)\n");
    }
    table_key_column(&t, "VENDOR FIELD", false);
    table_column(&t, "VALUE", false);
    table_key_column(&t, "", false);
    table_key_column(&t, "CANONICAL FIELD", false);
    table_column(&t, "VALUE", false);
    for (size_t i = 0; i < mapping->rule_count; i++)
        write_rule(&t, &mapping->rules[i], r->fields,
                   r->result == MAP_OK ? &r->mapped->values[i] : NULL);
    table_write(&t, &std_out);
    out_flush(&std_out);
    table_free(&t);
}

/* The canonical fields, or the custom ones. */
static void json_values(struct json_writer *w, const struct mapping *mapping,
                        const struct mapped *mapped, bool custom)
{
    json_open(w, '{');
    for (size_t i = 0; i < mapping->rule_count; i++) {
        const struct rule *rule = &mapping->rules[i];
        const struct value *value = &mapped->values[i];
        if ((rule->index < 0) != custom)
            continue;
        json_key(w, rule->field.name);
        if (value->state == VALUE_NULL)
            json_put_null(w);
        else if (custom)
            json_put_raw(w, value->text);
        else if (value->state == VALUE_TEXT && rule->field.kind == KIND_REFERENCE)
            json_put_str(w, value->text);
        else
            value_write_json(w, rule->field.kind, value);
    }
    json_close(w, '}');
}

static void json_record(const struct previewing *p, const struct preview_record *r)
{
    static const char *const results[] = {
        [MAP_OK] = "ok", [MAP_OUT_OF_SCOPE] = "out_of_scope", [MAP_INVALID] = "invalid"};
    struct buf text = BUF_INIT(PREVIEW_JSON_MAX);
    struct json_writer writer = {.out = &text}, *w = &writer;
    json_open(w, '{');
    json_key(w, "id");
    json_put_str(w, r->id);
    json_key(w, "modified");
    json_put_time(w, r->modified_us);
    json_key(w, "result");
    json_put_text(w, results[r->result]);
    json_key(w, "vendor");
    struct buf fields = BUF_INIT(PREVIEW_JSON_MAX);
    json_write(&fields, r->fields);
    json_put_raw(w, buf_view(&fields));
    buf_free(&fields);
    if (r->result == MAP_OK) {
        json_key(w, "canonical");
        json_values(w, &p->object->mapping, r->mapped, false);
        json_key(w, "custom_fields");
        json_values(w, &p->object->mapping, r->mapped, true);
    } else if (r->result == MAP_INVALID) {
        json_key(w, "field");
        json_put_str(w, r->invalid_field);
        json_key(w, "reason");
        json_put_text(w, r->why);
    }
    json_close(w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static void on_record(void *arg, const struct preview_record *record)
{
    struct previewing *p = arg;
    p->count++;
    p->invalid += record->result == MAP_INVALID;
    if (p->app->json)
        json_record(p, record);
    else
        write_record(p, record);
}

static int run_preview(struct app *app, const struct arguments *args)
{
    struct previewing p = {.app = app};
    struct catalog_connection *connection;
    struct error err;
    int64_t limit = 5;
    if (argument_number(args, "limit", 1, &limit, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    int rc = app_connection(app, args->words[0], &connection);
    if (rc == 0 && !(p.object = app_object(connection, args->words[1])))
        rc = EXIT_USAGE;
    if (rc == 0)
        rc = app_tokens(app, &connection->setup);
    if (rc == 0)
        rc = app_transport(app);
    if (rc != 0)
        return rc;
    if (preview_read(&app->host, &connection->setup, &connection->connector->info.image, p.object,
                     (uint64_t)limit, on_record, &p, &err) != 0) {
        complain("%s: %s", args->words[0], err.text);
        return EXIT_WORK_FAILED;
    }
    if (app->json)
        return EXIT_DONE;
    if (p.count == 0)
        out_printf(&std_out, "%s has no %s\n", args->words[0], args->words[1]);
    else
        out_printf(&std_out,
                   "\n%zu record%s, %zu invalid; nothing was written. Next: fastenr sync %s%s\n",
                   p.count, p.count == 1 ? "" : "s", p.invalid, args->words[0], app->hint);
    return EXIT_DONE;
}

const struct command cmd_preview = {
    .name = "preview",
    .group = GROUP_SYNC,
    .arguments = "CONNECTION OBJECT",
    .summary = "show what a vendor's records would become; nothing is written",
    .text =
        "Reads a few records of a vendor object and shows, rule by rule, the vendor's field and "
        "value beside\n"
        "the canonical field and what it becomes. A record that is not valid says why.",
    .example = "fastenr preview hubspot companies --limit 3",
    .json = "one JSON object a line: vendor, canonical, custom_fields",
    .least_words = 2,
    .most_words = 2,
    .options = options,
    .run = run_preview};
