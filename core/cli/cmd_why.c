/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr why`: where the values of a record are from, answered from its log. */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/format.h"
#include "cli/provenance.h"
#include "cli/table.h"
#include "sync/conflict.h"

enum { WHY_JSON_MAX = 256 * 1024 * 1024, CELL_MAX = 16 * 1024, FIELDS_MOST = 512 };

static const struct command_option options[] = {
    {"connection", 0, "NAME", "ID is the record's id at the vendor of this connection"}, {0}};

struct why {
    struct app *app;
    struct provenance p;
    struct field_ref fields[FIELDS_MOST];
    size_t field_count;
    const struct json *custom; /* of the record; NULL: none */
};

/* Where a field's value is from. */
struct source {
    const struct change *change; /* NULL: not known */
    const struct json *before;
    bool pruned; /* the log has lost it */
};

/* ---- values ---- */

/* A reference's key as the id of the record; the key where that is gone. */
static void put_reference(struct why *w, const struct model_field *field, int64_t key,
                          struct buf *out)
{
    struct record_row row = {0};
    struct error err;
    char text[UUID_TEXT];
    const struct model_object *object = model_object(str_from(field->references));
    struct store *store = w->app->host.store;
    if (object &&
        store->engine->load_records(store, object, &key, 1, &row, &w->p.arena, &err) == 0 &&
        row.key != 0)
        buf_text(out, uuid_format(&row.id, text));
    else
        buf_printf(out, "%" PRId64, key);
}

static bool is_reference(const struct why *w, const struct field_ref *field)
{
    return field->index >= 0 && w->p.object->fields[field->index].kind == KIND_REFERENCE;
}

/* A value of the log as JSON, or for people. */
static void put_logged(struct why *w, const struct field_ref *field, const struct json *value,
                       bool json, struct buf *out)
{
    bool reference = is_reference(w, field) && json_kind(value) == JSON_INT;
    if (reference && json)
        buf_char(out, '"');
    if (reference)
        put_reference(w, &w->p.object->fields[field->index], json_int(value), out);
    else if (json)
        json_write(out, value);
    else if (json_kind(value) == JSON_STRING)
        buf_str(out, json_string(value));
    else if (value)
        json_write(out, value);
    if (reference && json)
        buf_char(out, '"');
}

static void put_current(struct why *w, const struct field_ref *field, bool json, struct buf *out)
{
    if (field->index < 0) {
        put_logged(w, field, json_member(w->custom, field->name), json, out);
        return;
    }
    const struct model_field *model = &w->p.object->fields[field->index];
    const struct value *value = &w->p.record.fields[field->index];
    struct json_writer writer = {.out = out};
    if (is_reference(w, field) && value->state == VALUE_INTEGER) {
        buf_text(out, json ? "\"" : "");
        put_reference(w, model, value->integer, out);
        buf_text(out, json ? "\"" : "");
    } else if (json) {
        value_write_json(&writer, model->kind, value);
    } else {
        value_write(out, model->kind, value);
    }
}

/* ---- where a value is from ---- */

static struct source source_of(const struct why *w, const struct field_ref *field)
{
    const struct json *before, *after;
    for (size_t i = 0; i < w->p.change_count; i++) {
        const struct change *change = &w->p.changes[i];
        if (provenance_is_pruned(change))
            return (struct source){.pruned = true};
        if (change->row.op == LOG_CREATE)
            return (struct source){.change = change};
        if (provenance_change(change, field, &before, &after))
            return (struct source){.change = change, .before = before};
    }
    return (struct source){.pruned = w->p.broken};
}

static bool has_value(const struct why *w, const struct field_ref *field)
{
    if (field->index < 0)
        return json_member(w->custom, field->name) != NULL;
    return w->p.record.fields[field->index].state != VALUE_NULL;
}

static void put_origin(const struct why *w, const struct origin *origin, struct buf *out)
{
    if (origin->run == 0) {
        buf_text(out, "another program");
        return;
    }
    buf_printf(out, "run %" PRId64, origin->run);
    if (!origin->known) {
        buf_text(out, ", which the run log has no more");
        return;
    }
    const struct record_link *link = provenance_link(&w->p, origin);
    buf_printf(out, " of %.*s", STR_ARG(origin->connection));
    if (link)
        buf_printf(out, " (%.*s %.*s)", STR_ARG(link->vendor_object), STR_ARG(link->external_id));
    if (str_starts(origin->started_by, CONFLICT_STARTED_BY)) /* what a person chose */
        buf_printf(out, ", %.*s", STR_ARG(origin->started_by));
}

static const char *word_of(enum log_op op)
{
    static const char *const words[] = {[LOG_CREATE] = "created",
                                        [LOG_UPDATE] = "changed",
                                        [LOG_DELETE] = "deleted",
                                        [LOG_RESTORE] = "restored"};
    return op >= LOG_CREATE && op <= LOG_RESTORE ? words[op] : "?";
}

/* ---- JSON ---- */

static void json_origin(const struct why *w, struct json_writer *out, const struct origin *origin)
{
    json_key(out, "by");
    json_open(out, '{');
    json_key(out, "run");
    if (origin->run != 0)
        json_put_int(out, origin->run);
    else
        json_put_null(out); /* another program */
    if (origin->known) {
        const struct record_link *link = provenance_link(&w->p, origin);
        json_key(out, "connection");
        json_put_str(out, origin->connection);
        json_key(out, "started_by");
        json_put_str(out, origin->started_by);
        json_key(out, "vendor_object");
        json_put_text(out, link ? link->vendor_object.ptr : NULL);
        json_key(out, "external_id");
        json_put_text(out, link ? link->external_id.ptr : NULL);
    }
    json_close(out, '}');
}

static void json_value(struct why *w, struct json_writer *out, const char *name,
                       const struct field_ref *field, const struct json *value)
{
    struct buf text = BUF_INIT(WHY_JSON_MAX);
    put_logged(w, field, value, true, &text);
    json_key(out, name);
    json_put_raw(out, buf_view(&text));
    buf_free(&text);
}

static void json_name(struct json_writer *out, const struct field_ref *field)
{
    json_key(out, "custom");
    json_put_bool(out, field->index < 0);
    json_key(out, "field");
    json_put_str(out, field->name);
}

static void json_field(struct why *w, struct json_writer *out, const struct field_ref *field)
{
    struct source source = source_of(w, field);
    struct buf text = BUF_INIT(WHY_JSON_MAX);
    json_open(out, '{');
    json_name(out, field);
    put_current(w, field, true, &text);
    json_key(out, "value");
    json_put_raw(out, buf_view(&text));
    buf_free(&text);
    json_key(out, "pruned");
    json_put_bool(out, source.pruned);
    if (source.change) {
        json_key(out, "since");
        json_put_time(out, source.change->row.at);
        json_origin(w, out, &source.change->origin);
        json_value(w, out, "before", field, source.before);
    }
    json_close(out, '}');
}

static void json_change(struct why *w, struct json_writer *out, const struct change *change,
                        const struct field_ref *field, const struct json *before,
                        const struct json *after, bool has_values)
{
    json_open(out, '{');
    json_key(out, "at");
    json_put_time(out, change->row.at);
    json_key(out, "change");
    json_put_text(out, word_of(change->row.op));
    json_origin(w, out, &change->origin);
    json_key(out, "pruned");
    json_put_bool(out, provenance_is_pruned(change));
    if (has_values) {
        json_value(w, out, "before", field, before);
        json_value(w, out, "after", field, after);
    }
    json_close(out, '}');
}

/* ---- the history of one field ---- */

static void table_change(struct why *w, struct table *t, const struct change *change,
                         const struct field_ref *field, const struct json *before,
                         const struct json *after)
{
    char when[FORMAT_TEXT];
    struct buf old = BUF_INIT(CELL_MAX), new = BUF_INIT(CELL_MAX), by = BUF_INIT(CELL_MAX);
    put_logged(w, field, before, false, &old);
    put_logged(w, field, after, false, &new);
    put_origin(w, &change->origin, &by);
    table_str(t, str_from(format_time(change->row.at, when)));
    table_str(t, provenance_is_pruned(change) ? STR("changed, but what was pruned")
                                              : str_from(word_of(change->row.op)));
    table_str(t, buf_view(&old));
    table_str(t, buf_view(&new));
    table_str(t, buf_view(&by));
    buf_free(&old);
    buf_free(&new);
    buf_free(&by);
}

/* All rows that concern the field; newest first. */
static void each_change(struct why *w, const struct field_ref *field, struct table *t,
                        struct json_writer *out)
{
    for (size_t i = 0; i < w->p.change_count; i++) {
        const struct change *change = &w->p.changes[i];
        const struct json *before = NULL, *after = NULL;
        bool has_values = provenance_change(change, field, &before, &after);
        if (!has_values && change->row.op == LOG_UPDATE && !provenance_is_pruned(change))
            continue;
        if (out)
            json_change(w, out, change, field, before, after, has_values);
        else
            table_change(w, t, change, field, before, after);
    }
}

/* What the log does not tell any more, and since when. */
static void write_pruned(const struct provenance *p)
{
    char when[FORMAT_TEXT];
    if (provenance_any_pruned(p) && p->values_pruned_at != 0)
        out_printf(&std_out, "values of older changes were pruned from the log, last on %s UTC\n",
                   format_time(p->values_pruned_at, when));
    if (p->broken && p->rows_pruned_at != 0)
        out_printf(&std_out, "older changes were pruned from the log, last on %s UTC\n",
                   format_time(p->rows_pruned_at, when));
    else if (p->broken)
        out_text(&std_out, "what was before is not in the log any more\n");
}

static void write_history(struct why *w)
{
    struct table t = {0};
    static const char *const titles[] = {"when", "what", "before", "after", "by"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_column(&t, titles[i], false);
    each_change(w, &w->fields[0], &t, NULL);
    table_write(&t, &std_out);
    table_free(&t);
    write_pruned(&w->p);
}

/* ---- all fields ---- */

static void table_field(struct why *w, struct table *t, const struct field_ref *field)
{
    struct source source = source_of(w, field);
    char when[FORMAT_TEXT];
    struct buf value = BUF_INIT(CELL_MAX), before = BUF_INIT(CELL_MAX), by = BUF_INIT(CELL_MAX);
    put_current(w, field, false, &value);
    put_logged(w, field, source.before, false, &before);
    if (source.change)
        put_origin(w, &source.change->origin, &by);
    else
        buf_text(&by, source.pruned ? "not known: pruned from the log" : "not known");
    table_printf(t, "%s%.*s", field->index < 0 ? "custom_fields." : "", STR_ARG(field->name));
    table_str(t, buf_view(&value));
    table_str(t, source.change ? str_from(format_time(source.change->row.at, when)) : STR("-"));
    table_str(t, buf_view(&by));
    table_str(t, buf_view(&before));
    buf_free(&value);
    buf_free(&before);
    buf_free(&by);
}

static void write_head(struct why *w)
{
    char id[UUID_TEXT], when[FORMAT_TEXT];
    const struct record_row *row = &w->p.record;
    if (row->key == 0)
        out_printf(&std_out, "this %s was deleted by another program; its log:\n",
                   w->p.object->name);
    else
        out_printf(&std_out, "%s %s\n", w->p.object->name, uuid_format(&row->id, id));
    if (row->deleted_at != 0)
        out_printf(&std_out, "deleted %s; it may be restored\n",
                   format_time(row->deleted_at, when));
    for (size_t i = 0; i < w->p.link_count; i++)
        out_printf(&std_out, "%s: %.*s %.*s%s\n", w->p.links[i].connection.ptr,
                   STR_ARG(w->p.links[i].vendor_object), STR_ARG(w->p.links[i].external_id),
                   w->p.links[i].ended == LINK_LIVE ? "" : " (not any more)");
}

static void write_fields(struct why *w)
{
    struct table t = {0};
    table_key_column(&t, "field", false);
    table_column(&t, "value", false);
    table_column(&t, "since", false);
    table_column(&t, "by", false);
    table_column(&t, "before", false);
    for (size_t i = 0; i < w->field_count; i++)
        table_field(w, &t, &w->fields[i]);
    table_write(&t, &std_out);
    table_free(&t);
    write_pruned(&w->p);
}

static void write_json(struct why *w, bool one_field)
{
    struct buf text = BUF_INIT(WHY_JSON_MAX);
    struct json_writer out = {.out = &text};
    char id[UUID_TEXT];
    bool gone = w->p.record.key == 0;
    json_open(&out, '{');
    json_key(&out, "object");
    json_put_text(&out, w->p.object->name);
    json_key(&out, "id");
    json_put_text(&out, gone ? NULL : uuid_format(&w->p.record.id, id));
    json_key(&out, "log_is_whole");
    json_put_bool(&out, !w->p.broken);
    json_key(&out, "pruned_at"); /* of rows before those, where it is not whole */
    json_put_time(&out, w->p.broken ? w->p.rows_pruned_at : 0);
    if (one_field)
        json_name(&out, &w->fields[0]);
    json_key(&out, one_field ? "history" : "fields");
    json_open(&out, '[');
    if (one_field)
        each_change(w, &w->fields[0], NULL, &out);
    for (size_t i = 0; i < w->field_count && !one_field; i++)
        json_field(w, &out, &w->fields[i]);
    json_close(&out, ']');
    json_close(&out, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* ---- which fields ---- */

static void add_field(struct why *w, struct str name, int index)
{
    if (w->field_count < FIELDS_MOST)
        w->fields[w->field_count++] = (struct field_ref){name, index};
}

static bool add_custom(void *arg, struct str name, const struct json *value)
{
    (void)value;
    add_field(arg, name, -1);
    return true;
}

/* Those with a value, and those that the log has a change of. */
static void add_all(struct why *w)
{
    const struct json *before, *after;
    for (size_t f = 0; f < w->p.object->field_count; f++) {
        struct field_ref field = {str_from(w->p.object->fields[f].name), (int)f};
        bool told = has_value(w, &field);
        for (size_t i = 0; i < w->p.change_count && !told; i++)
            told = provenance_change(&w->p.changes[i], &field, &before, &after);
        if (told)
            add_field(w, field.name, field.index);
    }
    if (w->custom)
        json_each(w->custom, add_custom, w);
}

static int add_one(struct why *w, struct str name)
{
    static const char prefix[] = "custom_fields.";
    const char *names[MODEL_FIELDS_MAX];
    int index = model_field(w->p.object, name);
    if (index < 0 && str_starts(name, prefix)) {
        add_field(w, str_slice(name, sizeof prefix - 1, name.len - (sizeof prefix - 1)), -1);
        return 0;
    }
    for (size_t i = 0; i < w->p.object->field_count; i++)
        names[i] = w->p.object->fields[i].name;
    if (index < 0) {
        complain("%s has no field '%.*s'%s; a custom field is written custom_fields.NAME",
                 w->p.object->name, STR_ARG(name),
                 settings_hint(name, names, w->p.object->field_count, &w->p.arena));
        return EXIT_USAGE;
    }
    add_field(w, name, index);
    return 0;
}

/* ---- the command ---- */

static int find_object(struct why *w, const char *word)
{
    const char *names[16];
    size_t count = 0;
    w->p.object = model_object(str_from(word));
    for (; count < model_object_count && count < 16; count++)
        names[count] = model_objects[count].name;
    if (w->p.object)
        return 0;
    complain("there is no canonical object '%s'%s", word,
             settings_hint(str_from(word), names, count, &w->p.arena));
    return EXIT_USAGE;
}

static int find_record(struct why *w, const struct arguments *args, struct error *err)
{
    const char *connection = argument_value(args, "connection");
    struct store *store = w->app->host.store;
    struct uuid id;
    int64_t organization;
    if (!connection && !uuid_parse(str_from(args->words[1]), &id)) {
        complain("'%s' is no id of a record (a UUID, as `fastenr records` shows it); with "
                 "--connection NAME it is the id at that vendor",
                 args->words[1]);
        return EXIT_USAGE;
    }
    if (store->engine->organization(store, &w->app->host.organization, &organization, err) != 0 ||
        provenance_find(store, w->p.object, organization, str_from(args->words[1]), connection,
                        &w->p.key, err) != 0) {
        complain("%s", err->text);
        return EXIT_WORK_FAILED;
    }
    if (w->p.key != 0)
        return 0;
    complain("no %s has the id '%s'%s%s; what another program deleted is found by its id at the "
             "vendor alone",
             w->p.object->name, args->words[1], connection ? " at " : "",
             connection ? connection : "");
    return EXIT_WORK_FAILED;
}

static int run_why(struct app *app, const struct arguments *args)
{
    struct why *w = arena_new(&app->arena, 1, sizeof *w);
    bool one_field = args->word_count > 2;
    struct error err;
    w->app = app;
    int rc = find_object(w, args->words[0]);
    if (rc == 0)
        rc = app_store(app, false);
    if (rc == 0)
        rc = find_record(w, args, &err);
    if (rc == 0 && one_field)
        rc = add_one(w, str_from(args->words[2]));
    if (rc != 0)
        goto out;
    if (provenance_load(&w->p, app->host.store, &err) != 0) {
        complain("%s", err.text);
        rc = EXIT_WORK_FAILED;
        goto out;
    }
    /* Another program may have put anything there: what is no JSON has no fields to show. */
    if (w->p.record.custom.len > 0 && json_parse(w->p.record.custom, &w->custom, NULL) != 0)
        w->custom = NULL;
    if (!one_field)
        add_all(w);
    if (app->json) {
        write_json(w, one_field);
    } else {
        write_head(w);
        (one_field ? write_history : write_fields)(w);
    }
out:
    json_free(w->custom);
    provenance_free(&w->p);
    return rc;
}

const struct command cmd_why = {
    .name = "why",
    .group = GROUP_LOOK,
    .arguments = "OBJECT ID [FIELD]",
    .summary = "tell where a record's values are from",
    .text =
        "Shows for each field of a record its value, since when it has it, which run brought it\n"
        "(of which connection, and the record's id there) or that another program wrote it, and\n"
        "the value before. With FIELD, or custom_fields.NAME, all that the field ever was. It\n"
        "is answered from the log: what is pruned from there is said to be so.",
    .example = "fastenr why contact 0190f3c2-7b1e-7c3a-9d52-4f1b2a3c4d5e email",
    .json = "one JSON object with the fields, or the history of one",
    .least_words = 2,
    .most_words = 3,
    .options = options,
    .run = run_why};
