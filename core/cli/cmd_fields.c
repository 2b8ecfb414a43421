/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr fields`: the vendor's fields that a connection's mapping reads, and which are paused. */
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "sync/drift.h"

enum { FIELDS_JSON_MAX = 16 * 1024 * 1024, STATE_TEXT_MAX = 1000 };

static const struct command_option options[] = {
    {"object", 0, "NAME", "only this vendor object"},
    {"accept", 0, "OBJECT.FIELD", "take a paused field as the vendor has it now"},
    {0}};

struct listing {
    struct app *app;
    const char *object; /* NULL: all */
    size_t count, paused;
    struct table table;
    struct json_writer w;
};

static const char *state_name(const struct field_row *row)
{
    static const char *const names[] = {[FIELD_LIVE] = "read",
                                        [FIELD_REMOVED] = "removed",
                                        [FIELD_RETYPED] = "retyped",
                                        [FIELD_NEW_VALUES] = "new_values"};
    if (row->pause == FIELD_LIVE && row->type == 0)
        return "unknown";
    return names[row->pause];
}

static void json_row(struct json_writer *w, const struct field_row *row)
{
    struct buf what = BUF_INIT(STATE_TEXT_MAX);
    json_open(w, '{');
    json_key(w, "object");
    json_put_str(w, row->vendor_object);
    json_key(w, "field");
    json_put_str(w, row->name);
    json_key(w, "type");
    json_put_text(w, row->type == 0 ? NULL : drift_type_name(row->type));
    json_key(w, "state");
    json_put_text(w, state_name(row));
    json_key(w, "paused_since");
    json_put_time(w, row->since);
    json_key(w, "why");
    drift_describe(&what, row);
    json_put_text(w, row->pause == FIELD_LIVE ? NULL : buf_cstr(&what));
    json_close(w, '}');
    buf_free(&what);
}

static void table_row(struct listing *list, const struct field_row *row)
{
    struct table *t = &list->table;
    struct buf what = BUF_INIT(STATE_TEXT_MAX);
    char when[FORMAT_TEXT];
    drift_describe(&what, row);
    table_str(t, row->vendor_object);
    table_str(t, row->name);
    table_str(t, str_from(row->type == 0 ? "-" : drift_type_name(row->type)));
    if (row->pause != FIELD_LIVE) {
        table_styled(t, STYLE_WARN, STR("paused"));
        table_printf(t, "%s, %s", format_when(row->since, world_now(&list->app->world), when),
                     buf_cstr(&what));
    } else {
        table_str(t, str_from(row->type == 0 ? "unknown" : "read"));
        table_str(t, row->type == 0 ? buf_view(&what) : STR(""));
    }
    buf_free(&what);
}

static bool take_row(void *arg, const struct field_row *row)
{
    struct listing *list = arg;
    if (list->object && !str_is(row->vendor_object, list->object))
        return true;
    list->count++;
    list->paused += row->pause != FIELD_LIVE;
    if (list->app->json)
        json_row(&list->w, row);
    else
        table_row(list, row);
    return true;
}

static void write_end(struct listing *list, const char *connection)
{
    if (list->count == 0) {
        out_printf(&std_out,
                   "nothing is known of the vendor's fields yet: the next sync of %s asks for "
                   "them\n",
                   connection);
        return;
    }
    table_write(&list->table, &std_out);
    if (list->paused > 0)
        out_printf(
            &std_out,
            "\nWhat came of a paused field stays as it is. Mend the field at the vendor's or "
            "its mapping;\n`fastenr fields %s --accept OBJECT.FIELD%s` takes one as it is "
            "now.\n",
            connection, list->app->hint);
}

static int list_fields(struct app *app, const char *connection, const char *object)
{
    struct listing list = {.app = app, .object = object};
    struct buf text = BUF_INIT(FIELDS_JSON_MAX);
    struct error err;
    list.w.out = &text;
    table_key_column(&list.table, "OBJECT", false);
    table_key_column(&list.table, "FIELD", false);
    table_key_column(&list.table, "TYPE", false);
    table_key_column(&list.table, "STATE", false);
    table_column(&list.table, "SINCE, WHY", false);
    json_open(&list.w, '[');
    int rc = app->host.store->engine->each_field(app->host.store, str_from(connection), take_row,
                                                 &list, &err);
    json_close(&list.w, ']');
    if (rc != 0) {
        complain("%s", err.text);
        rc = EXIT_WORK_FAILED;
    } else if (list.count == 0) { /* of one that is not configured any more, fields may be known */
        rc = app_known(app, connection, object);
    }
    if (rc == 0 && app->json)
        out_json(&std_out, &text);
    else if (rc == 0)
        write_end(&list, connection);
    table_free(&list.table);
    buf_free(&text);
    return rc;
}

/* ---- a person's word ---- */

struct acceptance {
    struct app *app;
    struct str connection;
    const char *wanted; /* OBJECT.FIELD */
    int64_t stream;     /* 0: there is no such field */
    struct str field;
    bool accepted;
};

static bool find_wanted(void *arg, const struct field_row *row)
{
    struct acceptance *a = arg;
    const char *name =
        arena_printf(&a->app->arena, "%.*s.%.*s", STR_ARG(row->vendor_object), STR_ARG(row->name));
    if (strcmp(name, a->wanted) != 0)
        return true;
    a->stream = row->stream;
    a->field = arena_str(&a->app->arena, row->name);
    return false;
}

/* The run that comes next sees that the pause is over, and reads everything. */
static int accept_found(void *arg, struct error *err)
{
    struct acceptance *a = arg;
    struct store *store = a->app->host.store;
    struct field_snapshot snapshot;
    if (store->engine->each_field(store, a->connection, find_wanted, a, err) != 0)
        return -1;
    if (a->stream == 0)
        return 0;
    if (store->engine->load_fields(store, a->stream, &snapshot, &a->app->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < snapshot.count; i++)
        if (str_eq(snapshot.rows[i].name, a->field))
            a->accepted = drift_accept(&snapshot.rows[i]);
    return a->accepted ? store->engine->set_fields(store, a->stream, &snapshot, err) : 0;
}

static void say_accepted(struct app *app, const char *connection, const char *wanted)
{
    if (app->json) {
        struct buf text = BUF_INIT(STATE_TEXT_MAX);
        struct json_writer w = {.out = &text};
        json_open(&w, '{');
        json_key(&w, "accepted");
        json_put_text(&w, wanted);
        json_close(&w, '}');
        out_json(&std_out, &text);
        buf_free(&text);
        return;
    }
    out_printf(&std_out,
               "%s is taken as it is now; the next sync reads everything once more.\nNext: fastenr "
               "sync %s%s\n",
               wanted, connection, app->hint);
}

static int accept_field(struct app *app, const char *connection, const char *wanted)
{
    struct acceptance a = {.app = app, .connection = str_from(connection), .wanted = wanted};
    struct error err;
    if (store_transact(app->host.store, accept_found, &a, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (a.stream == 0) {
        complain("the mapping of %s reads no '%s': `fastenr fields %s%s` lists what it reads",
                 connection, wanted, connection, app->hint);
        return EXIT_USAGE;
    }
    if (!a.accepted) {
        complain(
            "%s: there is nothing to take: it is not paused, or the vendor has it no more (then "
            "take it out of the mapping)",
            wanted);
        return EXIT_USAGE;
    }
    say_accepted(app, connection, wanted);
    return EXIT_DONE;
}

static int run_fields(struct app *app, const struct arguments *args)
{
    const char *connection = args->words[0], *wanted = argument_value(args, "accept");
    int rc = app_known(app, connection, NULL);
    if (rc == 0)
        rc = app_store(app, false);
    if (rc != 0)
        return rc;
    return wanted ? accept_field(app, connection, wanted)
                  : list_fields(app, connection, argument_value(args, "object"));
}

const struct command cmd_fields = {
    .name = "fields",
    .group = GROUP_LOOK,
    .arguments = "CONNECTION",
    .summary = "list the vendor's fields that are mapped, and which are paused",
    .text = "A vendor's field that is removed, has another type or may have values that its "
            "mapping does\n"
            "not take is paused: the sync goes on without it, and what came of it stays. The pause "
            "ends\n"
            "when the field is as it was, when the mapping fits, or when a person takes the field "
            "as it\n"
            "is now, with --accept.",
    .example = "fastenr fields hubspot --accept companies.industry",
    .json = "one JSON array, an element a field; with --accept one object",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_fields};
