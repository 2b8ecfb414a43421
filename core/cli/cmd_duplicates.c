/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr duplicates`: records that are here twice, and two of them made one. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/app.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "config/settings.h"
#include "sync/duplicates.h"

enum { JSON_MAX_TEXT = 64 * 1024 * 1024, CELL_MAX = 200, NAMES_MOST = 32, CHOICES_MOST = 32 };

static const struct command_option list_options[] = {
    {"limit", 'n', "N", "at most this many groups of each object (20; 0: all)"}, {0}};

static const struct command_option merge_options[] = {
    {"take", 0, "FIELD=WHICH", "this field from `keep` or `other`; custom_fields.NAME too"},
    {"plan", 0, NULL, "only show what would be"},
    {"yes", 0, NULL, "merge without asking"},
    {0}};

/* ---- objects ---- */

static bool is_matched(const struct model_object *object)
{
    return object->match && !object->is_table;
}

static int find_object(struct app *app, const char *word, const struct model_object **ret_object)
{
    const char *names[NAMES_MOST];
    size_t count = 0;
    *ret_object = model_object(str_from(word));
    if (*ret_object)
        return 0;
    for (; count < model_object_count && count < NAMES_MOST; count++)
        names[count] = model_objects[count].name;
    complain("there is no canonical object '%s'%s", word,
             settings_hint(str_from(word), names, count, &app->arena));
    return EXIT_USAGE;
}

/* ---- list ---- */

struct listing {
    struct app *app;
    const struct model_object *object;
    int64_t limit, groups, records; /* of the object */
    int64_t all;
    struct str value; /* of the group */
    struct table table;
    struct arena arena;
};

/* "hubspot companies 51", the live ones. */
static struct str links_of(const struct duplicate *d, struct arena *arena)
{
    struct buf text = BUF_INIT(JSON_MAX_TEXT);
    for (size_t i = 0; i < d->link_count; i++) {
        const struct record_link *link = &d->links[i];
        if (link->ended != LINK_LIVE)
            continue;
        buf_printf(&text, "%s%.*s %.*s ", text.len > 0 ? ", " : "", STR_ARG(link->connection),
                   STR_ARG(link->vendor_object));
        buf_str(&text, link->external_id);
    }
    struct str copy = text.len > 0 ? arena_str(arena, buf_view(&text)) : STR("none");
    buf_free(&text);
    return copy;
}

/* What people call it by. */
static struct str title_of(const struct model_object *object, const struct record_row *row,
                           struct arena *arena)
{
    static const char *const fields[] = {"name", "first_name", "last_name"};
    struct buf text = BUF_INIT(JSON_MAX_TEXT);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        int field = model_field(object, str_from(fields[i]));
        if (field < 0 || row->fields[field].state != VALUE_TEXT)
            continue;
        buf_text(&text, text.len > 0 ? " " : "");
        buf_str(&text, row->fields[field].text);
    }
    struct str copy = arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static void put_link(struct json_writer *w, const struct record_link *link)
{
    json_open(w, '{');
    json_key(w, "connection");
    json_put_str(w, link->connection);
    json_key(w, "object");
    json_put_str(w, link->vendor_object);
    json_key(w, "id");
    json_put_str(w, link->external_id);
    json_key(w, "live");
    json_put_bool(w, link->ended == LINK_LIVE);
    json_close(w, '}');
}

static void put_links(struct json_writer *w, const struct record_link *links, size_t count)
{
    json_key(w, "links");
    json_open(w, '[');
    for (size_t i = 0; i < count; i++)
        put_link(w, &links[i]);
    json_close(w, ']');
}

static void list_json(struct listing *l, const struct duplicate *d)
{
    struct buf text = BUF_INIT(JSON_MAX_TEXT);
    struct json_writer w = {.out = &text};
    char id[UUID_TEXT];
    json_open(&w, '{');
    json_key(&w, "object");
    json_put_text(&w, l->object->name);
    json_key(&w, "field");
    json_put_text(&w, l->object->match);
    json_key(&w, "value");
    json_put_str(&w, d->value);
    json_key(&w, "id");
    json_put_text(&w, uuid_format(&d->row->id, id));
    json_str_or_null(&w, "name", title_of(l->object, d->row, &l->arena));
    put_links(&w, d->links, d->link_count);
    json_key(&w, "created_at");
    json_put_time(&w, d->row->created_at);
    json_key(&w, "updated_at");
    json_put_time(&w, d->row->updated_at);
    json_key(&w, "referrers");
    json_put_int(&w, d->referrers);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static void list_row(struct listing *l, const struct duplicate *d, bool first)
{
    struct table *t = &l->table;
    char text[FORMAT_TEXT], id[UUID_TEXT];
    table_str(t, first ? str_from(l->object->name) : STR(""));
    table_str(t, first ? d->value : STR(""));
    table_str(t, str_from(uuid_format(&d->row->id, id)));
    table_str(t, title_of(l->object, d->row, &l->arena));
    table_str(t, links_of(d, &l->arena));
    table_str(t, str_from(format_time(d->row->updated_at, text)));
    table_number(t, d->referrers);
}

static bool on_duplicate(void *arg, const struct duplicate *d)
{
    struct listing *l = arg;
    bool first = l->records == 0 || !str_eq(l->value, d->value);
    if (first && l->limit > 0 && l->groups == l->limit) {
        l->groups++; /* there are more */
        return false;
    }
    arena_free(&l->arena);
    l->value = arena_str(&l->arena, d->value);
    l->groups += first;
    l->records++;
    if (l->app->json)
        list_json(l, d);
    else
        list_row(l, d, first);
    return !std_out.gone;
}

static void list_columns(struct table *t)
{
    table_key_column(t, "OBJECT", false);
    table_column(t, "VALUE", false);
    table_key_column(t, "ID", false);
    table_column(t, "NAME", false);
    table_column(t, "LINKED WITH", false);
    table_key_column(t, "CHANGED (UTC)", false);
    table_key_column(t, "REFERRED TO BY", true);
}

static int list_object(struct listing *l, const struct model_object *object)
{
    struct error err;
    l->object = object;
    l->groups = l->records = 0;
    int rc = duplicates_each(&l->app->host, object, on_duplicate, l, &err);
    arena_free(&l->arena);
    l->all += l->records;
    if (rc != 0)
        complain("%s", err.text);
    if (rc == 0 && l->limit > 0 && l->groups > l->limit)
        complain("there are more %ss: --limit 0 lists all of them", object->name);
    return rc == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
}

static int list_all(struct listing *l, const struct model_object *only)
{
    int rc = 0;
    list_columns(&l->table);
    for (size_t i = 0; i < model_object_count && rc == 0; i++)
        if (is_matched(&model_objects[i]) && (!only || only == &model_objects[i]))
            rc = list_object(l, &model_objects[i]);
    if (rc == 0 && !l->app->json && l->all > 0)
        table_write(&l->table, &std_out);
    else if (rc == 0 && !l->app->json)
        out_text(&std_out, "nothing is here twice\n");
    table_free(&l->table);
    return rc;
}

static int run_list(struct app *app, const struct arguments *args)
{
    struct listing l = {.app = app, .limit = 20};
    const struct model_object *only = NULL;
    struct error err;
    if (argument_number(args, "limit", 0, &l.limit, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    int rc = args->word_count > 0 ? find_object(app, args->words[0], &only) : 0;
    if (rc == 0 && only && !is_matched(only)) {
        complain("no field of %s tells which are the same; of account it is the domain, of contact "
                 "the e-mail address",
                 only->name);
        rc = EXIT_USAGE;
    }
    if (rc == 0)
        rc = app_store(app, false);
    return rc == 0 ? list_all(&l, only) : rc;
}

/* ---- merge: what is asked ---- */

struct merging {
    struct app *app;
    const struct arguments *args;
    struct duplicates_request request;
    struct duplicate_choice choices[CHOICES_MOST];
    struct duplicates_report report;
};

static int parse_id(const char *word, struct uuid *ret_id)
{
    if (uuid_parse(str_from(word), ret_id))
        return 0;
    complain("'%s' is no id of a record (a UUID, as `fastenr duplicates list` shows it)", word);
    return EXIT_USAGE;
}

static int check_field(struct merging *m, struct str name)
{
    const struct model_object *object = m->request.object;
    const char *names[MODEL_FIELDS_MAX];
    if (str_starts(name, "custom_fields.") || model_field(object, name) >= 0)
        return 0;
    for (size_t i = 0; i < object->field_count; i++)
        names[i] = object->fields[i].name;
    complain("%s has no field '%.*s'%s; a custom field is written custom_fields.NAME", object->name,
             STR_ARG(name), settings_hint(name, names, object->field_count, &m->app->arena));
    return EXIT_USAGE;
}

/* "domain=other" */
static int add_choice(struct merging *m, struct str text)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != '=')
        at--;
    struct str field = str_slice(text, 0, at > 0 ? at - 1 : 0),
               which = str_slice(text, at, text.len - at);
    bool other = str_is(which, "other");
    if (field.len == 0 || (!other && !str_is(which, "keep"))) {
        complain("'--take %.*s': write FIELD=keep or FIELD=other", STR_ARG(text));
        return EXIT_USAGE;
    }
    if (m->request.choice_count == CHOICES_MOST) {
        complain("--take is given more than %d times", CHOICES_MOST);
        return EXIT_USAGE;
    }
    m->choices[m->request.choice_count++] =
        (struct duplicate_choice){.field = field, .other = other};
    return check_field(m, field);
}

static int prepare(struct merging *m)
{
    int rc = find_object(m->app, m->args->words[0], &m->request.object);
    if (rc == 0)
        rc = parse_id(m->args->words[1], &m->request.keep);
    if (rc == 0)
        rc = parse_id(m->args->words[2], &m->request.other);
    m->request.choices = m->choices;
    for (size_t i = 0; i < m->args->option_count && rc == 0; i++)
        if (strcmp(m->args->options[i].option->name, "take") == 0)
            rc = add_choice(m, str_from(m->args->options[i].value));
    if (rc == 0)
        rc = app_store(m->app, false);
    m->request.host = &m->app->host;
    m->request.by = app_user(m->app);
    return rc;
}

/* ---- merge: what is told ---- */

/* A reference's key as the id of the record that it means. */
static struct str reference_id(struct merging *m, const struct model_field *field, struct str json)
{
    const struct model_object *to = model_object(str_from(field->references));
    struct store *store = m->app->host.store;
    struct record_row row = {0};
    struct error err;
    char id[UUID_TEXT];
    int64_t key;
    if (!to || !str_to_i64(json, &key) ||
        store->engine->load_records(store, to, &key, 1, &row, &m->report.arena, &err) != 0 ||
        row.key == 0)
        return json;
    return str_from(arena_printf(&m->report.arena, "\"%s\"", uuid_format(&row.id, id)));
}

/* A field's value as JSON for people and machines. */
static struct str shown(struct merging *m, const struct duplicate_field *f, struct str json)
{
    int index = model_field(m->request.object, f->name);
    bool refers = index >= 0 && m->request.object->fields[index].kind == KIND_REFERENCE;
    return refers ? reference_id(m, &m->request.object->fields[index], json) : json;
}

static void cell_cut(struct table *t, struct str json)
{
    bool none = str_is(json, "null");
    int len = json.len < CELL_MAX ? (int)json.len : CELL_MAX;
    table_printf(t, "%.*s%s", none ? 1 : len, none ? "-" : json.ptr,
                 (size_t)len < json.len ? "..." : "");
}

static void write_fields(struct merging *m)
{
    struct table t = {.indent = "  "};
    table_key_column(&t, "FIELD", false);
    table_column(&t, "KEEP", false);
    table_column(&t, "OTHER", false);
    table_column(&t, "BECOMES", false);
    for (size_t i = 0; i < m->report.field_count; i++) {
        const struct duplicate_field *f = &m->report.fields[i];
        table_str(&t, f->name);
        cell_cut(&t, shown(m, f, f->keep));
        cell_cut(&t, shown(m, f, f->other));
        if (f->why)
            table_printf(&t, "- (%s)", f->why);
        else
            cell_cut(&t, shown(m, f, f->now));
    }
    table_write(&t, &std_out);
    table_free(&t);
}

static void write_moves(const struct duplicates_report *r, bool plan)
{
    const char *verb = plan ? "would be" : "are";
    for (size_t i = 0; i < r->link_count; i++)
        out_printf(&std_out, "  %.*s %.*s %.*s %s linked with it%s\n",
                   STR_ARG(r->links[i].connection), STR_ARG(r->links[i].vendor_object),
                   STR_ARG(r->links[i].external_id), verb,
                   r->links[i].ended == LINK_LIVE ? "" : " (not live)");
    for (size_t i = 0; i < r->referrer_count; i++) {
        const struct duplicate_referrers *x = &r->referrers[i];
        out_printf(&std_out, "  %" PRId64 " %s%s (%s) %s refer%s to it\n", x->count,
                   x->object->name, x->count == 1 ? "" : "s", x->object->fields[x->field].name,
                   plan ? "would" : "now", !plan && x->count == 1 ? "s" : "");
    }
}

static void write_report(struct merging *m)
{
    const struct duplicates_report *r = &m->report;
    const char *name = m->request.object->name;
    char keep[UUID_TEXT], other[UUID_TEXT];
    bool plan = m->request.plan;
    uuid_format(&m->request.keep, keep);
    uuid_format(&m->request.other, other);
    if (plan) {
        out_printf(&std_out, "%s %s would be merged into %s:\n", name, other, keep);
        write_fields(m);
    } else {
        out_printf(&std_out, "%s %s was merged into %s, by run %" PRId64 ":\n", name, other, keep,
                   r->run);
    }
    write_moves(r, plan);
    if (plan)
        out_text(&std_out, "Nothing was changed.\n");
    else
        out_printf(&std_out, "To undo it: fastenr rollback %" PRId64 "%s\n", r->run, m->app->hint);
}

static void put_field(struct merging *m, struct json_writer *w, const struct duplicate_field *f)
{
    const struct {
        const char *name;
        struct str json;
    } values[] = {{"keep", f->keep}, {"other", f->other}, {"now", f->now}};
    json_open(w, '{');
    json_key(w, "field");
    json_put_str(w, f->name);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_key(w, values[i].name);
        json_put_raw(w, shown(m, f, values[i].json));
    }
    json_str_or_null(w, "why", str_from(f->why ? f->why : ""));
    json_close(w, '}');
}

static void json_report(struct merging *m)
{
    const struct duplicates_report *r = &m->report;
    struct buf text = BUF_INIT(JSON_MAX_TEXT);
    struct json_writer w = {.out = &text};
    char id[UUID_TEXT];
    json_open(&w, '{');
    json_key(&w, "run");
    r->run != 0 ? json_put_int(&w, r->run) : json_put_null(&w);
    json_key(&w, "plan");
    json_put_bool(&w, m->request.plan);
    json_key(&w, "object");
    json_put_text(&w, m->request.object->name);
    json_key(&w, "keep");
    json_put_text(&w, uuid_format(&m->request.keep, id));
    json_key(&w, "other");
    json_put_text(&w, uuid_format(&m->request.other, id));
    json_key(&w, "fields");
    json_open(&w, '[');
    for (size_t i = 0; i < r->field_count; i++)
        put_field(m, &w, &r->fields[i]);
    json_close(&w, ']');
    put_links(&w, r->links, r->link_count);
    json_key(&w, "referrers");
    json_open(&w, '[');
    for (size_t i = 0; i < r->referrer_count; i++) {
        json_open(&w, '{');
        json_key(&w, "object");
        json_put_text(&w, r->referrers[i].object->name);
        json_key(&w, "field");
        json_put_text(&w, r->referrers[i].object->fields[r->referrers[i].field].name);
        json_key(&w, "count");
        json_put_int(&w, r->referrers[i].count);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* ---- merge: doing it ---- */

static int merge(struct merging *m, bool plan)
{
    struct error err;
    m->request.plan = plan;
    int rc = duplicates_merge(&m->request, &m->report, &err);
    if (rc != 0)
        complain("%s", err.text);
    else if (m->app->json)
        json_report(m);
    else
        write_report(m);
    arena_free(&m->report.arena);
    return rc == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
}

static int plan_and_ask(struct merging *m)
{
    int rc = merge(m, true);
    if (rc != 0 || argument_given(m->args, "plan"))
        return rc;
    if (m->app->json || !isatty(STDIN_FILENO)) {
        out_flush(&std_out);
        complain("nothing is merged: there is nobody to ask. To do what is shown above: the same "
                 "with --yes%s",
                 m->app->hint);
        return EXIT_USAGE;
    }
    return ask_yes("Merge them?") ? merge(m, false) : EXIT_DONE;
}

static int run_merge(struct app *app, const struct arguments *args)
{
    struct merging m = {.app = app, .args = args};
    int rc = prepare(&m);
    if (rc != 0)
        return rc;
    bool asks = argument_given(args, "plan") || !argument_given(args, "yes");
    return asks ? plan_and_ask(&m) : merge(&m, false);
}

const struct command cmd_duplicates_list = {
    .name = "duplicates list",
    .group = GROUP_LOOK,
    .arguments = "[OBJECT]",
    .summary = "list records that are here twice",
    .text = "Lists accounts with one domain and contacts with one e-mail address, those with the\n"
            "same one after another: what each is linked with at the vendors, when it was changed\n"
            "last, and how many other records refer to it. A vendor's new record that could be\n"
            "either of them waits in quarantine until `fastenr duplicates merge` made them one.",
    .example = "fastenr duplicates list contact",
    .json = "one JSON object a line, one line a record",
    .most_words = 1,
    .options = list_options,
    .run = run_list};

const struct command cmd_duplicates_merge = {
    .name = "duplicates merge",
    .group = GROUP_LOOK,
    .arguments = "OBJECT KEEP OTHER",
    .summary = "make two records one",
    .text =
        "The record KEEP stays. It gets what it lacks of OTHER, field by field, OTHER's links to\n"
        "vendors, and all that refers to OTHER; OTHER is deleted. --take says of a field whose\n"
        "value is taken, and may be given for several. The next syncs bring the result to the\n"
        "vendors. Where one vendor has both as two records, merge them there instead.\n"
        "\n"
        "Without --yes it shows what would be, and asks. It is a run: `fastenr rollback` takes\n"
        "it back.",
    .example = "fastenr duplicates merge account KEEP OTHER --take name=other --plan",
    .json = "one JSON object with fields, links and counts",
    .least_words = 3,
    .most_words = 3,
    .options = merge_options,
    .run = run_merge};
