/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr records`: the canonical records. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"

enum {
    RECORD_JSON_MAX = 64 * 1024 * 1024,
    CELL_TEXT_MAX = 16 * 1024,
    TABLE_ROWS_MAX = 10000,
    WHERE_MAX = 8,
    SHOWN_BY_DEFAULT = 8
};

static const struct command_option options[] = {
    {"where", 'w', "FIELD=VALUE", "only records with this value; may be given up to 8 times"},
    {"deleted", 0, NULL,
     "those that are deleted, and may be restored, rather than those that live"},
    {"limit", 'n', "N", "at most this many (25; with --json 0: all)"},
    {"fields", 'f', "A,B,...", "these fields, or `all`; by default the first 8 that have a value"},
    {0}};

/* A field to show: of the model, or a custom one. */
struct shown {
    int field; /* -1: custom, or one of the row's own; see `name` */
    struct str name;
};

struct query {
    struct app *app;
    const struct model_object *object;
    struct record_filter filter;
    /* Custom fields are compared here, as text, whatever their type. */
    struct shown custom_where[WHERE_MAX];
    struct str custom_value[WHERE_MAX];
    size_t custom_count;
    int64_t limit, count;
    struct shown shown[MODEL_FIELDS_MAX + 32];
    size_t shown_count;
    bool chosen;             /* by --fields */
    struct record_row *rows; /* kept for a table */
    size_t row_cap;
    struct arena arena;
};

static const char *const own_fields[] = {"id", "created_at", "updated_at", "deleted_at", "rev"};

static bool is_own(struct str name)
{
    for (size_t i = 0; i < sizeof own_fields / sizeof own_fields[0]; i++)
        if (str_is(name, own_fields[i]))
            return true;
    return false;
}

/* ---- values ---- */

/* The id of the record that a reference's key means. */
static void write_reference(struct query *q, const struct model_field *field, int64_t key,
                            struct buf *out)
{
    struct record_row row = {0};
    struct arena arena = {0};
    struct error err;
    char text[UUID_TEXT];
    const struct model_object *object = model_object(str_from(field->references));
    struct store *store = q->app->host.store;
    if (object && store->engine->load_records(store, object, &key, 1, &row, &arena, &err) == 0 &&
        row.key)
        buf_text(out, uuid_format(&row.id, text));
    arena_free(&arena);
}

static void write_own(const struct record_row *row, struct str name, struct buf *out)
{
    char text[FORMAT_TEXT];
    char id[UUID_TEXT];
    if (str_is(name, "id"))
        buf_text(out, uuid_format(&row->id, id));
    else if (str_is(name, "rev"))
        buf_printf(out, "%" PRId64, row->rev);
    else if (str_is(name, "created_at"))
        buf_text(out, time_format(row->created_at, text));
    else if (str_is(name, "updated_at"))
        buf_text(out, time_format(row->updated_at, text));
    else if (row->deleted_at != 0)
        buf_text(out, time_format(row->deleted_at, text));
}

static bool custom_text(const struct record_row *row, struct str name, struct buf *out)
{
    const struct json *root = NULL;
    bool found = false;
    if (row->custom.len == 0 || json_parse(row->custom, &root, NULL) != 0)
        return false;
    const struct json *value = json_member(root, name);
    if (json_kind(value) == JSON_STRING)
        buf_str(out, json_string(value));
    else if (value)
        json_write(out, value);
    found = value != NULL;
    json_free(root);
    return found;
}

static void write_cell(struct query *q, const struct record_row *row, const struct shown *s,
                       struct buf *out)
{
    if (s->field < 0 && is_own(s->name)) {
        write_own(row, s->name, out);
    } else if (s->field < 0) {
        custom_text(row, s->name, out);
    } else {
        const struct model_field *field = &q->object->fields[s->field];
        const struct value *value = &row->fields[s->field];
        if (field->kind == KIND_REFERENCE && value->state != VALUE_NULL)
            write_reference(q, field, value->integer, out);
        else
            value_write(out, field->kind, value);
    }
}

/* ---- JSON ---- */

static void json_field(struct query *q, struct json_writer *w, const struct record_row *row,
                       const struct shown *s)
{
    struct buf text = BUF_INIT(RECORD_JSON_MAX);
    json_key_str(w, s->name);
    if (s->field >= 0 && q->object->fields[s->field].kind != KIND_REFERENCE) {
        value_write_json(w, q->object->fields[s->field].kind, &row->fields[s->field]);
        return;
    }
    if (str_is(s->name, "rev")) {
        json_put_int(w, row->rev);
        return;
    }
    write_cell(q, row, s, &text);
    if (text.len > 0)
        json_put_str(w, buf_view(&text));
    else
        json_put_null(w);
    buf_free(&text);
}

static void write_json(struct query *q, const struct record_row *row)
{
    struct buf text = BUF_INIT(RECORD_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    if (q->chosen) {
        for (size_t i = 0; i < q->shown_count; i++)
            json_field(q, &w, row, &q->shown[i]);
    } else {
        for (size_t i = 0; i < sizeof own_fields / sizeof own_fields[0]; i++)
            json_field(q, &w, row, &(struct shown){-1, str_from(own_fields[i])});
        for (size_t i = 0; i < q->object->field_count; i++)
            json_field(q, &w, row, &(struct shown){(int)i, str_from(q->object->fields[i].name)});
        json_key(&w, "custom_fields");
        json_put_raw(&w, row->custom.len > 0 ? row->custom : STR("{}"));
    }
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* ---- table ---- */

static void keep_row(struct query *q, const struct record_row *row)
{
    size_t at = (size_t)q->count;
    q->rows = arena_grow(&q->arena, q->rows, &q->row_cap, at + 1, sizeof q->rows[0]);
    struct record_row *copy = &q->rows[at];
    *copy = *row;
    copy->custom = arena_str(&q->arena, row->custom);
    for (size_t i = 0; i < q->object->field_count; i++)
        if (copy->fields[i].state == VALUE_TEXT)
            copy->fields[i].text = arena_str(&q->arena, row->fields[i].text);
}

static void add_shown(struct query *q, int field, struct str name)
{
    if (q->shown_count < sizeof q->shown / sizeof q->shown[0])
        q->shown[q->shown_count++] = (struct shown){field, name};
}

/* The id and the first fields that any of the rows has. */
static void choose_fields(struct query *q)
{
    if (q->chosen)
        return;
    add_shown(q, -1, STR("id"));
    if (q->filter.deleted)
        add_shown(q, -1, STR("deleted_at"));
    for (size_t f = 0; f < q->object->field_count && q->shown_count < SHOWN_BY_DEFAULT + 1; f++)
        for (int64_t i = 0; i < q->count; i++)
            if (q->rows[i].fields[f].state != VALUE_NULL) {
                add_shown(q, (int)f, str_from(q->object->fields[f].name));
                break;
            }
}

static bool is_number(const struct query *q, const struct shown *s)
{
    if (s->field < 0)
        return str_is(s->name, "rev");
    enum field_kind kind = q->object->fields[s->field].kind;
    return kind == KIND_INTEGER || kind == KIND_MONEY;
}

static void write_table(struct query *q)
{
    struct table t = {0};
    choose_fields(q);
    for (size_t i = 0; i < q->shown_count; i++) {
        const char *title = arena_str(&q->arena, q->shown[i].name).ptr;
        if (str_is(q->shown[i].name, "id"))
            table_key_column(&t, title, false);
        else
            table_column(&t, title, is_number(q, &q->shown[i]));
    }
    for (int64_t r = 0; r < q->count; r++)
        for (size_t i = 0; i < t.column_count; i++) {
            struct buf text = BUF_INIT(CELL_TEXT_MAX);
            write_cell(q, &q->rows[r], &q->shown[i], &text);
            table_str(&t, buf_view(&text));
            buf_free(&text);
        }
    table_write(&t, &std_out);
    table_free(&t);
}

/* ---- the query ---- */

static bool matches_custom(const struct query *q, const struct record_row *row)
{
    for (size_t i = 0; i < q->custom_count; i++) {
        struct buf text = BUF_INIT(RECORD_JSON_MAX);
        bool same = custom_text(row, q->custom_where[i].name, &text) &&
                    str_eq(buf_view(&text), q->custom_value[i]);
        buf_free(&text);
        if (!same)
            return false;
    }
    return true;
}

static bool take_record(void *arg, const struct record_row *row)
{
    struct query *q = arg;
    if (!matches_custom(q, row))
        return true;
    if (q->app->json)
        write_json(q, row);
    else
        keep_row(q, row);
    q->count++;
    return (q->limit == 0 || q->count < q->limit) && !std_out.gone;
}

static int find_object(struct query *q, const char *word)
{
    const char *names[16];
    size_t count = 0;
    q->object = model_object(str_from(word));
    if (q->object)
        return 0;
    for (; count < model_object_count && count < 16; count++)
        names[count] = model_objects[count].name;
    complain("there is no canonical object '%s'%s", word,
             settings_hint(str_from(word), names, count, &q->arena));
    return EXIT_USAGE;
}

static int unknown_field(struct query *q, struct str name)
{
    const char *names[MODEL_FIELDS_MAX];
    size_t count = 0;
    for (; count < q->object->field_count; count++)
        names[count] = q->object->fields[count].name;
    complain("%s has no field '%.*s'%s (a custom field is written custom_fields.NAME)",
             q->object->name, STR_ARG(name), settings_hint(name, names, count, &q->arena));
    return EXIT_USAGE;
}

/* A field of the model, or "custom_fields.NAME". */
static int find_field(struct query *q, struct str name, struct shown *ret_shown)
{
    static const char prefix[] = "custom_fields.";
    size_t len = sizeof prefix - 1;
    *ret_shown = (struct shown){model_field(q->object, name), name};
    if (ret_shown->field >= 0 || is_own(name))
        return 0;
    if (!str_starts(name, prefix) || name.len == len)
        return unknown_field(q, name);
    ret_shown->name = str_slice(name, len, name.len - len);
    return 0;
}

struct id_search {
    struct uuid id;
    int64_t key;
};

static bool compare_id(void *arg, const struct record_row *row)
{
    struct id_search *search = arg;
    if (memcmp(&row->id, &search->id, sizeof row->id) != 0)
        return true;
    search->key = row->key;
    return false;
}

/* The record that a reference's id means. */
static int add_reference(struct query *q, const struct model_field *field, struct str text,
                         struct value *ret_value)
{
    struct id_search search = {.key = -1};
    struct error err;
    struct record_filter all = {.object = model_object(str_from(field->references)),
                                .organization = q->filter.organization};
    struct store *store = q->app->host.store;
    if (!uuid_parse(text, &search.id)) {
        complain("--where %s: '%.*s' is no id of a record (a UUID)", field->name, STR_ARG(text));
        return EXIT_USAGE;
    }
    if (store->engine->each_record(store, &all, compare_id, &search, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    *ret_value = (struct value){.state = VALUE_INTEGER, .integer = search.key};
    return 0;
}

/* The value of a model's field. */
static int add_model_where(struct query *q, int field_index, struct str text)
{
    const struct model_field *field = &q->object->fields[field_index];
    struct value *value = &q->filter.where[q->filter.where_count].value;
    struct error err;
    q->filter.where[q->filter.where_count++].field = field_index;
    if (text.len == 0) {
        *value = (struct value){.state = VALUE_NULL};
        return 0;
    }
    if (field->kind == KIND_REFERENCE)
        return add_reference(q, field, text, value);
    if (value_parse(field->kind, text, &q->arena, value, &err) == 0)
        return 0;
    complain("--where %s: %s", field->name, err.text);
    return EXIT_USAGE;
}

static int add_where(struct query *q, const char *text)
{
    struct str whole = str_from(text);
    ptrdiff_t equals = str_find(whole, '=');
    struct shown shown;
    if (equals <= 0) {
        complain("--where is FIELD=VALUE, not '%s'", text);
        return EXIT_USAGE;
    }
    struct str name = str_slice(whole, 0, (size_t)equals);
    struct str value = str_slice(whole, (size_t)equals + 1, whole.len - (size_t)equals - 1);
    int rc = find_field(q, name, &shown);
    if (rc != 0)
        return rc;
    if (shown.field < 0 && is_own(name)) {
        complain("--where cannot look for '%.*s'; use a field of %s", STR_ARG(name),
                 q->object->name);
        return EXIT_USAGE;
    }
    if (q->custom_count + q->filter.where_count == WHERE_MAX) {
        complain("--where can be given %d times at most", WHERE_MAX);
        return EXIT_USAGE;
    }
    if (shown.field >= 0)
        return add_model_where(q, shown.field, value);
    q->custom_where[q->custom_count] = shown;
    q->custom_value[q->custom_count++] = value;
    return 0;
}

static int read_fields(struct query *q, const char *text)
{
    struct str rest = str_from(text), name;
    struct shown shown;
    q->chosen = true;
    if (strcmp(text, "all") == 0) {
        add_shown(q, -1, STR("id"));
        for (size_t i = 0; i < q->object->field_count; i++)
            add_shown(q, (int)i, str_from(q->object->fields[i].name));
        return 0;
    }
    while (str_next(&rest, ',', &name)) {
        int rc = find_field(q, str_trim(name), &shown);
        if (rc != 0)
            return rc;
        add_shown(q, shown.field, shown.name);
    }
    return 0;
}

static int read_query(struct query *q, const struct arguments *args)
{
    struct error err;
    const char *fields = argument_value(args, "fields");
    int rc = find_object(q, args->words[0]);
    if (rc == 0 && argument_number(args, "limit", 0, &q->limit, &err) != 0) {
        complain("%s", err.text);
        rc = EXIT_USAGE;
    }
    if (rc == 0 && !q->app->json && (q->limit == 0 || q->limit > TABLE_ROWS_MAX)) {
        complain("a table has %d rows at most; use --json for more", TABLE_ROWS_MAX);
        rc = EXIT_USAGE;
    }
    if (rc == 0 && fields)
        rc = read_fields(q, fields);
    if (rc == 0)
        rc = app_store(q->app, false);
    if (rc != 0)
        return rc;
    struct store *store = q->app->host.store;
    q->filter.object = q->object;
    q->filter.deleted = argument_given(args, "deleted");
    if (store->engine->organization(store, &q->app->host.organization, &q->filter.organization,
                                    &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    for (size_t i = 0; i < args->option_count && rc == 0; i++)
        if (strcmp(args->options[i].option->name, "where") == 0)
            rc = add_where(q, args->options[i].value);
    return rc;
}

static int run_records(struct app *app, const struct arguments *args)
{
    struct query q = {.app = app, .limit = 25};
    struct error err;
    int rc = read_query(&q, args);
    if (rc != 0)
        goto out;
    q.filter.limit = q.custom_count == 0 ? q.limit : 0;
    struct store *store = app->host.store;
    if (store->engine->each_record(store, &q.filter, take_record, &q, &err) != 0) {
        complain("%s", err.text);
        rc = EXIT_WORK_FAILED;
        goto out;
    }
    if (!app->json && q.count > 0)
        write_table(&q);
    else if (!app->json)
        out_printf(&std_out, "no %s %s\n", q.object->name,
                   args->option_count > 0 ? "matches" : "yet");
    if (!app->json && q.limit > 0 && q.count == q.limit)
        out_printf(&std_out,
                   "... the first %" PRId64 "; --limit shows more, --fields other "
                   "columns\n",
                   q.limit);
out:
    arena_free(&q.arena);
    return rc;
}

const struct command cmd_records = {
    .name = "records",
    .group = GROUP_LOOK,
    .arguments = "OBJECT",
    .summary = "list canonical records: accounts, contacts, deals and so on",
    .text = "Shows records of a canonical object as they are in the store: account, contact, deal, "
            "ticket,\n"
            "engagement, custom_record, owner or pipeline_stage. References are shown as ids of "
            "records. `--where FIELD=` finds records without a value; a custom field is named\n"
            "custom_fields.NAME. Records that were deleted are shown with --deleted alone.",
    .example = "fastenr records contact --where email=ada@example.com --fields id,email",
    .json = "one JSON object a line, all fields unless --fields is given",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_records};
