/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr conflicts list|show`: fields that both sides changed. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/conflict_list.h"
#include "cli/format.h"
#include "sync/conflict.h"

enum { CONFLICT_JSON_MAX = 16 * 1024 * 1024, VALUE_MAX = 2 * 1024 * 1024 };

static const struct command_option list_options[] = {
    {"connection", 0, "NAME", "only conflicts of this connection"},
    {"object", 0, "OBJECT", "only of this vendor object"},
    {"all", 0, NULL, "also those that are settled, with how and by whom"},
    {0}};

/* ---- JSON ---- */

static void put_value(struct app *app, const struct conflict_row *row, const char *name,
                      struct str json, struct json_writer *w)
{
    struct buf text = BUF_INIT(VALUE_MAX);
    json_key(w, name);
    if (json.len > 0)
        conflict_put_value(app, row, json, true, &text);
    json_put_raw(w, json.len > 0 && !text.full ? buf_view(&text) : STR("null"));
    buf_free(&text);
}

static void put_time(struct json_writer *w, const char *name, int64_t us)
{
    json_key(w, name);
    json_put_time(w, us);
}

/* "kept", with the link; "log", by our record's; empty: it is not known. */
static const char *base_source(const struct conflict_list *list, size_t i)
{
    return list->rows[i].base.len == 0 ? "" : list->logged[i] ? "log" : "kept";
}

/* Without the brackets. */
static void put_row(struct app *app, const struct conflict_list *list, size_t i,
                    struct json_writer *w)
{
    const struct conflict_row *row = &list->rows[i];
    json_key(w, "id");
    json_put_int(w, row->id);
    json_str_or_null(w, "connection", row->connection);
    json_str_or_null(w, "object", row->vendor_object);
    json_str_or_null(w, "canonical", row->object);
    json_str_or_null(w, "record", row->external_id);
    json_str_or_null(w, "field", list->fields[i]);
    json_str_or_null(w, "state", str_from(conflict_state_name(row->state)));
    put_value(app, row, "local", row->local, w);
    put_value(app, row, "remote", row->remote, w);
    put_value(app, row, "base", row->base, w);
    json_str_or_null(w, "base_from", str_from(base_source(list, i)));
    put_time(w, "local_changed_at", row->local_at);
    put_time(w, "remote_changed_at", row->remote_at);
    put_time(w, "since", row->at);
    json_key(w, "run");
    json_put_int(w, row->run);
    put_time(w, "settled_at", row->settled_at);
    json_key(w, "by_policy");
    json_put_bool(w, row->by_policy);
    json_str_or_null(w, "settled_by", row->settled_by);
}

static void write_json(struct app *app, const struct conflict_list *list, size_t i)
{
    struct buf text = BUF_INIT(CONFLICT_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    put_row(app, list, i, &w);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* ---- the list ---- */

static void put_settled(struct app *app, const struct conflict_row *row, struct table *t)
{
    char when[FORMAT_TEXT];
    if (row->state == CONFLICT_OPEN)
        table_styled(t, STYLE_WARN, STR("open"));
    else
        table_printf(t, "%s by %.*s, %s", conflict_state_name(row->state),
                     STR_ARG(row->by_policy ? STR("policy") : row->settled_by),
                     format_when(row->settled_at, world_now(&app->world), when));
}

static void write_table(struct app *app, const struct conflict_list *list, bool all)
{
    struct table t = {0};
    char when[FORMAT_TEXT];
    conflict_columns(&t);
    table_key_column(&t, "SINCE", false);
    if (all)
        table_column(&t, "SETTLED", false);
    for (size_t i = 0; i < list->count; i++) {
        conflict_cells(app, list, i, &t);
        table_str(&t, str_from(format_when(list->rows[i].at, world_now(&app->world), when)));
        if (all)
            put_settled(app, &list->rows[i], &t);
    }
    table_write(&t, &std_out);
    table_free(&t);
}

static void write_list(struct app *app, const struct conflict_list *list, bool all)
{
    if (list->count == 0) {
        out_text(&std_out, all ? "no conflicts\n" : "no conflict waits for a decision\n");
        return;
    }
    write_table(app, list, all);
    out_printf(&std_out,
               "\n`fastenr conflicts show ID%s` tells more of one, `fastenr conflicts resolve ID "
               "--take local|remote%s`\nsettles it.\n",
               app->hint, app->hint);
}

static int run_list(struct app *app, const struct arguments *args)
{
    struct conflict_list list = {0};
    struct error err;
    const char *connection = argument_value(args, "connection"),
               *object = argument_value(args, "object");
    bool all = argument_given(args, "all");
    const struct conflict_filter filter = {.connection = str_from(connection ? connection : ""),
                                           .vendor_object = str_from(object ? object : ""),
                                           .open_only = !all};
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    if (conflict_list_load(&list, app->host.store, &filter, &err) != 0 ||
        (app->json && conflict_list_find_bases(&list, app->host.store, &err) != 0)) {
        complain("%s", err.text);
        rc = EXIT_WORK_FAILED;
    } else if (list.count == 0) { /* of one that is not configured any more, there may be some */
        rc = app_known(app, connection, object);
    }
    for (size_t i = 0; i < list.count && app->json && !std_out.gone; i++)
        write_json(app, &list, i);
    if (rc == 0 && !app->json)
        write_list(app, &list, all);
    conflict_list_free(&list);
    return rc;
}

/* ---- one ---- */

/* What stands beside the conflict itself. */
struct detail {
    struct str now;     /* of our record, JSON; ptr NULL: it is gone */
    char id[UUID_TEXT]; /* of our record; empty: it is gone */
};

static int find_detail(struct app *app, struct conflict_list *list, struct detail *ret,
                       struct error *err)
{
    struct store *store = app->host.store;
    const struct conflict_row *row = &list->rows[0];
    const struct model_object *object = model_object(row->object);
    struct record_row record = {0};
    *ret = (struct detail){.id = ""};
    if (conflict_current(store, row, &list->arena, &ret->now, err) != 0 ||
        (object && store->engine->load_records(store, object, &row->record, 1, &record,
                                               &list->arena, err) != 0))
        return -1;
    if (record.key != 0)
        uuid_format(&record.id, ret->id);
    return 0;
}

static void write_side(struct app *app, const struct conflict_row *row, const char *title,
                       struct str json, const char *after)
{
    struct buf text = BUF_INIT(VALUE_MAX), clean = BUF_INIT(2 * VALUE_MAX);
    conflict_put_value(app, row, json, false, &text);
    text_clean(&clean, buf_view(&text), false); /* a line end in it must not look like ours */
    out_printf(&std_out, "  %-8s  ", title);
    out_str(&std_out, buf_view(&clean));
    out_printf(&std_out, "%s\n", after);
    buf_free(&text);
    buf_free(&clean);
}

static void write_sides(struct app *app, const struct conflict_list *list,
                        const struct detail *detail)
{
    const struct conflict_row *row = &list->rows[0];
    char when[FORMAT_TEXT], after[100];
    snprintf(after, sizeof after, "    (our record changed %s UTC)",
             format_time(row->local_at, when));
    write_side(app, row, "ours", row->local, row->local_at > 0 ? after : "");
    snprintf(after, sizeof after, "    (theirs changed %s UTC)", format_time(row->remote_at, when));
    write_side(app, row, "theirs", row->remote, row->remote_at > 0 ? after : "");
    if (row->base.len > 0)
        write_side(app, row, "before", row->base,
                   list->logged[0] ? "    (our record had this before, by the log)" : "");
    if (row->state != CONFLICT_OPEN)
        return;
    if (!detail->now.ptr)
        out_text(&std_out, "  now       our record is gone\n");
    else if (!str_eq(detail->now, row->local))
        write_side(app, row, "now", detail->now, "    (our record has this by now)");
}

static void write_choices(const struct app *app, const struct conflict_row *row)
{
    out_printf(&std_out,
               "\nfastenr conflicts resolve %" PRId64 "%s with\n"
               "  --take local    ours stays, and the next sync writes it to the vendor\n"
               "  --take remote   our record gets theirs, and nothing is written to the vendor\n"
               "  --value TEXT    our record gets TEXT, and the next sync writes that\n",
               row->id, app->hint);
}

static void write_one(struct app *app, const struct conflict_list *list,
                      const struct detail *detail)
{
    const struct conflict_row *row = &list->rows[0];
    char at[FORMAT_TEXT];
    out_printf(&std_out, "Conflict %" PRId64 ": %.*s of %.*s %.*s, ", row->id,
               STR_ARG(list->fields[0]), STR_ARG(row->vendor_object), STR_ARG(row->external_id));
    out_printf(&std_out, "connection %.*s\n", STR_ARG(row->connection));
    write_sides(app, list, detail);
    out_printf(&std_out, "  since     %s UTC, run %" PRId64 "\n", format_time(row->at, at),
               row->run);
    if (detail->id[0])
        out_printf(&std_out, "  record    %.*s %s\n", STR_ARG(row->object), detail->id);
    if (row->state == CONFLICT_OPEN) {
        write_choices(app, row);
        return;
    }
    out_printf(&std_out, "  settled   %s UTC by %.*s: ", format_time(row->settled_at, at),
               STR_ARG(row->by_policy ? STR("the connection's policy") : row->settled_by));
    out_printf(&std_out, "%s was taken\n",
               row->state == CONFLICT_LOCAL    ? "ours"
               : row->state == CONFLICT_REMOTE ? "theirs"
                                               : "another value");
}

static void write_one_json(struct app *app, const struct conflict_list *list,
                           const struct detail *detail)
{
    struct buf text = BUF_INIT(CONFLICT_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    put_row(app, list, 0, &w);
    json_str_or_null(&w, "record_id", str_from(detail->id));
    put_value(app, &list->rows[0], "now", detail->now, &w);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static int show(struct app *app, struct conflict_list *list, int64_t id)
{
    const struct conflict_filter filter = {.id = id};
    struct detail detail;
    struct error err;
    if (conflict_list_load(list, app->host.store, &filter, &err) != 0 ||
        conflict_list_find_bases(list, app->host.store, &err) != 0 ||
        (list->count > 0 && find_detail(app, list, &detail, &err) != 0)) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (list->count == 0) {
        complain("there is no conflict %" PRId64 "; `fastenr conflicts list --all` has them", id);
        return EXIT_USAGE;
    }
    if (app->json)
        write_one_json(app, list, &detail);
    else
        write_one(app, list, &detail);
    return EXIT_DONE;
}

static int run_show(struct app *app, const struct arguments *args)
{
    struct conflict_list list = {0};
    int64_t id;
    if (!str_to_i64(str_from(args->words[0]), &id) || id < 1) {
        complain("'%s' is no number of a conflict; `fastenr conflicts list` has them",
                 args->words[0]);
        return EXIT_USAGE;
    }
    int rc = app_store(app, false);
    if (rc == 0)
        rc = show(app, &list, id);
    conflict_list_free(&list);
    return rc;
}

const struct command cmd_conflicts_list = {
    .name = "conflicts list",
    .group = GROUP_LOOK,
    .arguments = "",
    .summary = "list fields that both sides changed",
    .text = "With `conflict_resolution: manual_review` a field that both sides changed waits for a "
            "person: neither\n"
            "side is touched in it until `fastenr conflicts resolve`. Those that another policy "
            "settled at once\n"
            "are on record, too: --all shows them.",
    .example = "fastenr conflicts list --connection hubspot",
    .json = "one JSON object a line",
    .options = list_options,
    .run = run_list};

const struct command cmd_conflicts_show = {
    .name = "conflicts show",
    .group = GROUP_LOOK,
    .arguments = "ID",
    .summary = "show one of them, and what each choice would do",
    .text =
        "Shows both values and what both sides had agreed on before, when each side changed, in "
        "which run the\n"
        "conflict was found, and what our record has by now; of a settled one, how it was settled "
        "and by whom.",
    .example = "fastenr conflicts show 17",
    .json = "one JSON object",
    .least_words = 1,
    .most_words = 1,
    .run = run_show};
