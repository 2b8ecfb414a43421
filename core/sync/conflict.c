/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/conflict.h"

#include "sync/custom.h"
#include "sync/merge.h"

enum { KEPT_MAX = 1024 * 1024 }; /* of one value */

static const struct str too_long = {"\"(too long to show)\"", 20};

/* ---- values ---- */

struct str conflict_json(const struct rule *rule, const struct value *value, struct arena *arena)
{
    struct buf text = BUF_INIT(KEPT_MAX);
    struct json_writer w = {.out = &text};
    if (rule->index < 0 && value->state == VALUE_TEXT) /* a custom field's is JSON */
        json_put_raw(&w, value->text);
    else
        value_write_json(&w, rule->field.kind, value);
    struct str copy = text.full ? too_long : arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

int conflict_value(const struct rule *rule, struct str json, struct arena *arena,
                   struct value *ret_value, struct error *err)
{
    const struct json *parsed = NULL;
    int rc = 0;
    *ret_value = (struct value){.state = VALUE_NULL};
    if (str_eq(json, too_long))
        return error_set(err, "it is longer than %d MiB, and was not kept", KEPT_MAX >> 20);
    if (json_parse(json, &parsed, NULL) != 0)
        return error_set(err, "what the store has of it is no JSON");
    bool quoted = json_kind(parsed) == JSON_STRING && rule->index >= 0;
    struct str text = arena_str(arena, quoted ? json_string(parsed) : json);
    if (json_kind(parsed) != JSON_NULL && rule->index < 0)
        *ret_value = (struct value){.state = VALUE_TEXT, .text = text};
    else if (json_kind(parsed) != JSON_NULL)
        rc = value_parse(rule->field.kind, text, arena, ret_value, err);
    json_free(parsed);
    return rc;
}

/* ---- the row ---- */

static const struct model_field *field_of(const struct conflict_row *row, int *ret_index)
{
    const struct model_object *object = model_object(row->object);
    for (size_t i = 0; object && i < object->field_count; i++)
        if (object->fields[i].id == row->field) {
            *ret_index = (int)i;
            return &object->fields[i];
        }
    *ret_index = -1;
    return NULL;
}

struct str conflict_field(const struct conflict_row *row, struct arena *arena)
{
    int index;
    const struct model_field *field = field_of(row, &index);
    if (field)
        return str_from(field->name);
    if (row->custom_field.len > 0)
        return str_from(arena_printf(arena, "custom_fields.%.*s", STR_ARG(row->custom_field)));
    return str_from(arena_printf(arena, "field %d", row->field));
}

bool conflict_rule(const struct conflict_row *row, struct rule *ret_rule, struct arena *arena)
{
    int index;
    const struct model_field *field = field_of(row, &index);
    *ret_rule = (struct rule){.index = index};
    if (field) {
        ret_rule->field = *field;
        return true;
    }
    ret_rule->field = (struct model_field){
        .id = row->field, .name = arena_str(arena, row->custom_field).ptr, .kind = KIND_TEXT};
    return model_object(row->object) && row->custom_field.len > 0;
}

struct conflict_row conflict_copy(const struct conflict_row *row, struct arena *arena)
{
    struct conflict_row copy = *row;
    struct str *const texts[] = {&copy.base,        &copy.local,      &copy.remote,
                                 &copy.settled_by,  &copy.connection, &copy.vendor_object,
                                 &copy.external_id, &copy.object,     &copy.custom_field};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    return copy;
}

int conflict_current(struct store *store, const struct conflict_row *row, struct arena *arena,
                     struct str *ret_json, struct error *err)
{
    const struct model_object *object = model_object(row->object);
    struct record_row record = {0};
    struct rule rule;
    struct value value;
    const struct json *custom = NULL;
    *ret_json = (struct str){NULL, 0};
    if (!conflict_rule(row, &rule, arena))
        return 0;
    if (store->engine->load_records(store, object, &row->record, 1, &record, arena, err) != 0)
        return -1;
    if (record.key == 0 || record.deleted_at != 0)
        return 0;
    if (rule.index < 0 && custom_read(object, record.key, record.custom, &custom, err) != 0)
        return -1;
    if (field_of_record(&rule, &record, custom, arena, &value) == 0)
        *ret_json = conflict_json(&rule, &value, arena);
    else
        *ret_json = too_long;
    json_free(custom);
    return 0;
}
