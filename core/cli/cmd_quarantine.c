/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr quarantine list|show`: records that were set aside. */
#include <inttypes.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"

enum { ROW_JSON_MAX = 40 * 1024 * 1024, TABLE_ROWS_MAX = 10000 };

static const struct command_option list_options[] = {
    {"object", 0, "OBJECT", "only records of this vendor object"},
    {"limit", 'n', "N", "at most this many (50; with --json 0: all)"},
    {0}};

struct listing {
    struct app *app;
    struct table table;
    int64_t limit;
    int64_t count, shown;
};

static void write_json(const struct quarantine_row *row)
{
    struct buf text = BUF_INIT(ROW_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_int(&w, row->id);
    json_key(&w, "connection");
    json_put_str(&w, row->connection);
    json_key(&w, "object");
    json_put_str(&w, row->vendor_object);
    json_key(&w, "record");
    json_put_str(&w, row->external_id);
    json_key(&w, "field");
    json_put_str(&w, row->field);
    json_key(&w, "reason");
    json_put_str(&w, row->reason);
    json_key(&w, "run");
    json_put_int(&w, row->run);
    json_key(&w, "first_at");
    json_put_time(&w, row->first_at);
    json_key(&w, "last_at");
    json_put_time(&w, row->last_at);
    json_key(&w, "times");
    json_put_int(&w, row->times);
    json_key(&w, "modified");
    json_put_time(&w, row->modified);
    json_key(&w, "payload");
    const struct json *root = NULL;
    if (json_parse(row->payload, &root, NULL) == 0)
        json_put_raw(&w, row->payload);
    else /* what came was no JSON: that may be why it is here */
        json_put_str(&w, row->payload);
    json_free(root);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static bool list_row(void *arg, const struct quarantine_row *row)
{
    struct listing *list = arg;
    char when[FORMAT_TEXT];
    list->count++;
    if (list->limit > 0 && list->shown >= list->limit)
        return !list->app->json; /* the rest is only counted */
    list->shown++;
    if (list->app->json) {
        write_json(row);
        return !std_out.gone;
    }
    struct table *t = &list->table;
    table_number(t, row->id);
    table_str(t, row->connection);
    table_str(t, row->vendor_object);
    table_str(t, row->external_id);
    table_str(t, row->field);
    table_str(t, row->reason);
    table_number(t, row->times);
    table_str(t, str_from(format_when(row->last_at, world_now(&list->app->world), when)));
    return true;
}

static void write_list(struct listing *list)
{
    if (list->count == 0) {
        out_text(&std_out, "nothing in quarantine\n");
        return;
    }
    table_write(&list->table, &std_out);
    if (list->count > list->shown)
        out_printf(&std_out, "... and %" PRId64 " more (--limit)\n", list->count - list->shown);
    out_text(&std_out, "\n`fastenr quarantine show ID` shows the record; once the mapping or the "
                       "record is mended,\n`fastenr quarantine replay CONNECTION` brings it in.\n");
}

static int run_list(struct app *app, const struct arguments *args)
{
    struct listing list = {.app = app, .limit = 50};
    struct error err;
    const char *object = argument_value(args, "object");
    if (argument_number(args, "limit", 0, &list.limit, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    if (!app->json && (list.limit == 0 || list.limit > TABLE_ROWS_MAX))
        list.limit = TABLE_ROWS_MAX;
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    static const char *const titles[] = {"ID",    "CONNECTION", "OBJECT", "RECORD",
                                         "FIELD", "REASON",     "TIMES",  "LAST"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (i == 5)
            table_column(&list.table, titles[i], false);
        else
            table_key_column(&list.table, titles[i], i == 0 || i == 6);
    const char *connection = args->word_count > 0 ? args->words[0] : NULL;
    rc = app->host.store->engine->each_quarantined(
        app->host.store, str_from(connection ? connection : ""), str_from(object ? object : ""), 0,
        list_row, &list, &err);
    if (rc != 0) {
        complain("%s", err.text);
        rc = EXIT_WORK_FAILED;
    } else if (list.count == 0) { /* of what is not configured any more, rows may be here */
        rc = app_known(app, connection, object);
    }
    if (rc == 0 && !app->json)
        write_list(&list);
    table_free(&list.table);
    return rc;
}

/* ---- one ---- */

static bool field_row(void *arg, struct str name, const struct json *value)
{
    struct table *t = arg;
    struct buf text = BUF_INIT(64 * 1024);
    json_write(&text, value);
    table_str(t, name);
    table_str(t, buf_view(&text));
    buf_free(&text);
    return true;
}

static void write_payload(struct str payload)
{
    const struct json *root = NULL;
    struct table t = {.indent = "  "};
    table_key_column(&t, "VENDOR FIELD", false);
    table_column(&t, "VALUE", false);
    if (json_parse(payload, &root, NULL) == 0)
        json_each(root, field_row, &t);
    if (t.cell_count > 0)
        table_write(&t, &std_out);
    else
        out_printf(&std_out, "  %.*s\n", STR_ARG(payload));
    json_free(root);
    table_free(&t);
}

static bool show_row(void *arg, const struct quarantine_row *row)
{
    struct listing *list = arg;
    char first[FORMAT_TEXT], last[FORMAT_TEXT], modified[FORMAT_TEXT];
    list->count++;
    if (list->app->json) {
        write_json(row);
        return true;
    }
    out_printf(&std_out, "%.*s %.*s of %.*s, in quarantine as %" PRId64 "\n",
               STR_ARG(row->vendor_object), STR_ARG(row->external_id), STR_ARG(row->connection),
               row->id);
    out_printf(&std_out, "  field     %.*s\n", STR_ARG(row->field));
    out_printf(&std_out, "  reason    %.*s\n", STR_ARG(row->reason));
    out_printf(&std_out,
               "  met       %" PRId64 " time%s, first %s, last %s UTC (run %" PRId64 ")\n",
               row->times, row->times == 1 ? "" : "s", format_time(row->first_at, first),
               format_time(row->last_at, last), row->run);
    out_printf(&std_out, "  modified  %s UTC\n\n", format_time(row->modified, modified));
    write_payload(row->payload);
    return true;
}

static int run_show(struct app *app, const struct arguments *args)
{
    struct listing list = {.app = app};
    struct error err;
    int64_t id;
    if (!str_to_i64(str_from(args->words[0]), &id) || id < 1) {
        complain("'%s' is no number; `fastenr quarantine list` has them", args->words[0]);
        return EXIT_USAGE;
    }
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    rc = app->host.store->engine->each_quarantined(app->host.store, STR(""), STR(""), id, show_row,
                                                   &list, &err);
    if (rc == 0 && list.count > 0)
        return EXIT_DONE;
    if (rc == 0)
        error_set(&err,
                  "there is no record %" PRId64 " in quarantine; `fastenr quarantine list` lists "
                  "them",
                  id);
    complain("%s", err.text);
    return rc == 0 ? EXIT_USAGE : EXIT_WORK_FAILED;
}

const struct command cmd_quarantine_list = {
    .name = "quarantine list",
    .group = GROUP_LOOK,
    .arguments = "[CONNECTION]",
    .summary = "list records that were set aside, with why",
    .text = "A record that cannot be mapped or is not valid is set aside with its reason and its "
            "data, and the\n"
            "run goes on. It leaves the quarantine when a later sync finds it mended at the "
            "vendor's, or by\n"
            "`fastenr quarantine replay` after the mapping was corrected.",
    .example = "fastenr quarantine list hubspot --object contacts",
    .json = "one JSON object a line, payload included",
    .most_words = 1,
    .options = list_options,
    .run = run_list};

const struct command cmd_quarantine_show = {
    .name = "quarantine show",
    .group = GROUP_LOOK,
    .arguments = "ID",
    .summary = "show one of them with all its fields",
    .text = "Shows why a record was set aside, when, and the vendor's fields as they came.",
    .example = "fastenr quarantine show 17",
    .json = "one JSON object",
    .least_words = 1,
    .most_words = 1,
    .run = run_show};
