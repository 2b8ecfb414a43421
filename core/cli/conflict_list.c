/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/conflict_list.h"

#include "sync/conflict.h"

enum { CELL_MAX = 2 * 1024 * 1024 };

static bool take_row(void *arg, const struct conflict_row *row)
{
    struct conflict_list *l = arg;
    struct str field = conflict_field(row, &l->arena);
    if (l->only_field && !str_is(field, l->only_field))
        return true;
    l->rows = arena_grow(&l->arena, l->rows, &l->cap, l->count + 1, sizeof l->rows[0]);
    l->fields = arena_grow(&l->arena, l->fields, &l->fields_cap, l->count + 1, sizeof l->fields[0]);
    l->fields[l->count] = field;
    l->rows[l->count++] = conflict_copy(row, &l->arena);
    return true;
}

int conflict_list_load(struct conflict_list *list, struct store *store,
                       const struct conflict_filter *filter, struct error *err)
{
    return store->engine->each_conflict(store, filter, take_row, list, err);
}

int conflict_list_find_bases(struct conflict_list *list, struct store *store, struct error *err)
{
    list->logged = arena_new(&list->arena, list->count, sizeof list->logged[0]);
    for (size_t i = 0; i < list->count; i++) {
        struct conflict_row *row = &list->rows[i];
        if (row->base.len > 0)
            continue;
        if (conflict_logged_base(store, row, &list->arena, &row->base, err) != 0)
            return -1;
        list->logged[i] = row->base.len > 0;
    }
    return 0;
}

void conflict_list_free(struct conflict_list *list)
{
    arena_free(&list->arena);
}

/* ---- values ---- */

/* The record that a key means; false when that is gone, or the field is no reference. */
static bool find_referred(struct app *app, const struct conflict_row *row, const struct json *value,
                          char id[UUID_TEXT])
{
    struct store *store = app->host.store;
    struct arena arena = {0};
    struct record_row record = {0};
    struct rule rule;
    struct error err;
    int64_t key = json_int(value);
    bool found = false;
    if (json_kind(value) == JSON_INT && conflict_rule(row, &rule, &arena) && rule.index >= 0 &&
        rule.field.kind == KIND_REFERENCE) {
        const struct model_object *to = model_object(str_from(rule.field.references));
        found = to && store->engine->load_records(store, to, &key, 1, &record, &arena, &err) == 0 &&
                record.key != 0;
    }
    if (found)
        uuid_format(&record.id, id);
    arena_free(&arena);
    return found;
}

void conflict_put_value(struct app *app, const struct conflict_row *row, struct str json,
                        bool as_json, struct buf *out)
{
    const struct json *value = NULL;
    struct json_writer w = {.out = out};
    char id[UUID_TEXT];
    if (json_parse(json, &value, NULL) != 0) /* nothing that was written by a fastenr */
        as_json ? json_put_str(&w, json) : buf_str(out, json);
    else if (find_referred(app, row, value, id))
        as_json ? json_put_text(&w, id) : buf_text(out, id);
    else if (as_json)
        json_put_raw(&w, json);
    else if (json_kind(value) == JSON_STRING)
        buf_str(out, json_string(value));
    else
        buf_str(out, json_kind(value) == JSON_NULL ? STR("-") : json);
    json_free(value);
}

/* ---- tables ---- */

void conflict_columns(struct table *t)
{
    table_key_column(t, "ID", true);
    table_key_column(t, "CONNECTION", false);
    table_key_column(t, "OBJECT", false);
    table_key_column(t, "RECORD", false);
    table_key_column(t, "FIELD", false);
    table_column(t, "OURS", false);
    table_column(t, "THEIRS", false);
}

static void put_cell(struct app *app, const struct conflict_row *row, struct str json,
                     struct table *t)
{
    struct buf text = BUF_INIT(CELL_MAX);
    conflict_put_value(app, row, json, false, &text);
    table_str(t, buf_view(&text));
    buf_free(&text);
}

void conflict_cells(struct app *app, const struct conflict_list *list, size_t i, struct table *t)
{
    const struct conflict_row *row = &list->rows[i];
    table_number(t, row->id);
    table_str(t, row->connection);
    table_str(t, row->vendor_object);
    table_str(t, row->external_id);
    table_str(t, list->fields[i]);
    put_cell(app, row, row->local, t);
    put_cell(app, row, row->remote, t);
}

const char *conflict_state_name(enum conflict_state state)
{
    static const char *const names[] = {[CONFLICT_OPEN] = "open",
                                        [CONFLICT_LOCAL] = "local",
                                        [CONFLICT_REMOTE] = "remote",
                                        [CONFLICT_VALUE] = "value"};
    bool known = state >= CONFLICT_OPEN && state <= CONFLICT_VALUE;
    return known ? names[state] : "unknown";
}
