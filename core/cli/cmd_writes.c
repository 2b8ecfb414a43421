/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr writes list|retry|drop`: writes that a vendor refused, or whose outcome is not known. */
#include <inttypes.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/table.h"
#include "sync/refused.h"

enum { WRITE_JSON_MAX = 64 * 1024 * 1024 };

static const struct command_option list_options[] = {
    {"connection", 0, "NAME", "only writes of this connection"}, {0}};

static const struct command_option retry_options[] = {
    {"all", 0, NULL, "all that were refused"},
    {"connection", 0, "NAME", "with --all: of this connection"},
    {"force", 0, NULL, "also creations in doubt: the vendor may get the record twice"},
    {0}};

struct writes {
    struct app *app;
    struct export_write *rows;
    size_t count, cap;
    const struct model_object **objects; /* of our records, a row each; NULL: not known */
    struct arena arena;
};

/* ---- loading ---- */

static bool take_row(void *arg, const struct export_write *row)
{
    struct writes *l = arg;
    l->rows = arena_grow(&l->arena, l->rows, &l->cap, l->count + 1, sizeof l->rows[0]);
    struct export_write *copy = &l->rows[l->count++];
    *copy = *row;
    copy->external_id = arena_str(&l->arena, row->external_id);
    copy->body = arena_str(&l->arena, row->body);
    copy->reason = arena_str(&l->arena, row->reason);
    copy->connection = arena_str(&l->arena, row->connection);
    copy->vendor_object = arena_str(&l->arena, row->vendor_object);
    return true;
}

static bool take_stream(void *arg, const struct stream_row *stream)
{
    struct writes *l = arg;
    for (size_t i = 0; i < l->count; i++)
        if (l->rows[i].stream == stream->state.id)
            l->objects[i] = stream->object;
    return true;
}

static int load(struct writes *l, const char *connection)
{
    struct store *store = l->app->host.store;
    struct error err;
    struct str name = str_from(connection ? connection : "");
    if (store->engine->each_write(store, name, take_row, l, &err) == 0) {
        l->objects = arena_new(&l->arena, l->count, sizeof l->objects[0]);
        if (store->engine->each_stream(store, name, take_stream, l, &err) == 0)
            return l->count == 0 ? app_known(l->app, connection, NULL) : 0;
    }
    complain("%s", err.text);
    return EXIT_WORK_FAILED;
}

/* ---- the list ---- */

static const char *op_name(enum write_op op)
{
    static const char *const names[] = {
        [WRITE_CREATE] = "create",        [WRITE_UPDATE] = "update",
        [WRITE_UPSERT] = "upsert",        [WRITE_ARCHIVE] = "archive",
        [WRITE_RESTORE] = "restore",      [WRITE_ASSOCIATE] = "associate",
        [WRITE_DISSOCIATE] = "dissociate"};
    return op >= WRITE_CREATE && op <= WRITE_DISSOCIATE ? names[op] : "unknown";
}

/* The id of our record; empty: it is gone. */
static const char *record_id(struct writes *l, size_t i, char id[UUID_TEXT])
{
    struct store *store = l->app->host.store;
    struct record_row record = {0};
    struct error err;
    id[0] = '\0';
    if (l->objects[i] &&
        store->engine->load_records(store, l->objects[i], &l->rows[i].record, 1, &record, &l->arena,
                                    &err) == 0 &&
        record.key != 0)
        uuid_format(&record.id, id);
    return id;
}

static struct str reason_of(const struct export_write *row)
{
    if (row->state == WRITE_DOUBTED)
        return STR("no answer said whether it was done; later syncs find out, by `match`");
    return row->reason;
}

static void put_body(struct json_writer *w, struct str body)
{
    const struct json *parsed = NULL;
    json_key(w, "values");
    bool ok = json_parse(body, &parsed, NULL) == 0;
    json_put_raw(w, ok ? body : STR("null"));
    json_free(parsed);
}

static void write_json(struct writes *l, size_t i)
{
    const struct export_write *row = &l->rows[i];
    struct buf text = BUF_INIT(WRITE_JSON_MAX);
    struct json_writer w = {.out = &text};
    char id[UUID_TEXT];
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_int(&w, row->id);
    json_str_or_null(&w, "connection", row->connection);
    json_str_or_null(&w, "object", row->vendor_object);
    json_str_or_null(&w, "canonical", str_from(l->objects[i] ? l->objects[i]->name : ""));
    json_str_or_null(&w, "record", row->external_id);
    json_str_or_null(&w, "record_id", str_from(record_id(l, i, id)));
    json_str_or_null(&w, "op", str_from(op_name(row->op)));
    json_str_or_null(&w, "state", row->state == WRITE_DOUBTED ? STR("in doubt") : STR("refused"));
    json_key(&w, "since");
    json_put_time(&w, row->at);
    json_key(&w, "run");
    json_put_int(&w, row->run);
    json_str_or_null(&w, "reason", reason_of(row));
    put_body(&w, row->body);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* A record that the vendor has not is named by our id. */
static void write_table(struct writes *l)
{
    static const char *const titles[] = {"CONNECTION", "OBJECT", "RECORD", "OP", "STATE", "SINCE"};
    struct table t = {0};
    char when[FORMAT_TEXT], id[UUID_TEXT];
    table_key_column(&t, "ID", true);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_key_column(&t, titles[i], false);
    table_column(&t, "REASON", false);
    for (size_t i = 0; i < l->count; i++) {
        const struct export_write *row = &l->rows[i];
        bool doubted = row->state == WRITE_DOUBTED, there = row->external_id.len > 0;
        table_number(&t, row->id);
        table_str(&t, row->connection);
        table_str(&t, row->vendor_object);
        table_str(&t, there ? row->external_id : str_from(record_id(l, i, id)));
        table_str(&t, str_from(op_name(row->op)));
        table_styled(&t, doubted ? STYLE_WARN : STYLE_BAD,
                     doubted ? STR("in doubt") : STR("refused"));
        table_str(&t, str_from(format_when(row->at, world_now(&l->app->world), when)));
        table_str(&t, reason_of(row));
    }
    table_write(&t, &std_out);
    table_free(&t);
}

static int run_list(struct app *app, const struct arguments *args)
{
    struct writes l = {.app = app};
    int rc = app_store(app, false);
    if (rc == 0)
        rc = load(&l, argument_value(args, "connection"));
    for (size_t i = 0; i < l.count && rc == 0 && app->json && !std_out.gone; i++)
        write_json(&l, i);
    if (rc == 0 && !app->json && l.count == 0)
        out_text(&std_out, "no write was refused or is in doubt\n");
    if (rc == 0 && !app->json && l.count > 0) {
        write_table(&l);
        out_printf(
            &std_out,
            "\nA record that changes is written again by itself; `fastenr writes retry ID%s` "
            "does so now,\n`fastenr writes drop ID%s` takes it off the list.\n",
            app->hint, app->hint);
    }
    arena_free(&l.arena);
    return rc;
}

/* ---- settling ---- */

struct picked {
    struct writes *l;
    struct write_answer *answers; /* of all connections */
    struct str *connections;      /* theirs, an answer each; empty: the id is none */
    size_t count;
    enum write_choice how;
    bool force;
};

static void pick(struct picked *p, int64_t id, struct str connection)
{
    p->answers[p->count] = (struct write_answer){.id = id};
    p->connections[p->count++] = connection;
}

static int pick_ids(struct picked *p, const struct arguments *args)
{
    for (size_t i = 0; i < args->word_count; i++) {
        struct str connection = STR("");
        int64_t id;
        if (!str_to_i64(str_from(args->words[i]), &id) || id < 1) {
            complain("'%s' is no number of a write; `fastenr writes list` has them",
                     args->words[i]);
            return EXIT_USAGE;
        }
        for (size_t j = 0; j < p->l->count; j++)
            if (p->l->rows[j].id == id)
                connection = p->l->rows[j].connection;
        pick(p, id, connection);
        if (connection.len == 0)
            error_set(&p->answers[i].why, "there is no such write; `fastenr writes list` has them");
    }
    return 0;
}

/* Those in doubt are not retried unless that is said. */
static void pick_all(struct picked *p)
{
    size_t left = 0;
    for (size_t i = 0; i < p->l->count; i++)
        if (p->l->rows[i].state == WRITE_REFUSED || p->force)
            pick(p, p->l->rows[i].id, p->l->rows[i].connection);
        else
            left++;
    if (left > 0)
        complain("warning: %zu creation%s in doubt %s left as %s: --force retries them", left,
                 left == 1 ? "" : "s", left == 1 ? "is" : "are", left == 1 ? "it is" : "they are");
}

/* All of the connection of the first one that is not settled yet. */
static int settle_connection(struct picked *p, size_t first, bool *done)
{
    struct arena *arena = &p->l->arena;
    struct write_answer *some = arena_new(arena, p->count, sizeof some[0]);
    size_t *places = arena_new(arena, p->count, sizeof places[0]), n = 0;
    struct error err;
    for (size_t i = first; i < p->count; i++)
        if (str_eq(p->connections[i], p->connections[first])) {
            places[n] = i;
            some[n++] = p->answers[i];
        }
    int rc =
        refused_settle(&p->l->app->host, p->connections[first], p->how, p->force, some, n, &err);
    if (rc != 0)
        complain("%s", err.text);
    for (size_t i = 0; i < n; i++) {
        p->answers[places[i]] = some[i];
        done[places[i]] = true;
    }
    return rc;
}

static int settle(struct picked *p)
{
    bool *done = arena_new(&p->l->arena, p->count, sizeof done[0]);
    size_t settled = 0;
    int rc = EXIT_DONE;
    for (size_t i = 0; i < p->count; i++)
        if (!done[i] && p->connections[i].len > 0 && settle_connection(p, i, done) != 0)
            rc = EXIT_WORK_FAILED;
    for (size_t i = 0; i < p->count; i++) {
        settled += p->answers[i].done;
        if (p->answers[i].why.text[0])
            complain("write %" PRId64 ": %s", p->answers[i].id, p->answers[i].why.text);
    }
    if (settled > 0 || p->count == 0)
        out_printf(&std_out, "%zu write%s %s\n", settled, settled == 1 ? "" : "s",
                   p->how == WRITE_RETRY ? "will be tried again by the next sync" : "dropped");
    return settled < p->count ? EXIT_WORK_FAILED : rc;
}

static int change(struct app *app, const struct arguments *args, enum write_choice how, bool all)
{
    struct writes l = {.app = app};
    int rc = app_store(app, false);
    if (rc == 0)
        rc = load(&l, all ? argument_value(args, "connection") : NULL);
    size_t most = l.count > args->word_count ? l.count : args->word_count;
    struct picked p = {.l = &l,
                       .answers = arena_new(&l.arena, most, sizeof p.answers[0]),
                       .connections = arena_new(&l.arena, most, sizeof p.connections[0]),
                       .how = how,
                       .force = argument_given(args, "force")};
    if (rc == 0 && all)
        pick_all(&p);
    else if (rc == 0)
        rc = pick_ids(&p, args);
    if (rc == 0)
        rc = settle(&p);
    arena_free(&l.arena);
    return rc;
}

static int run_retry(struct app *app, const struct arguments *args)
{
    bool all = argument_given(args, "all");
    if (all != (args->word_count == 0) || (!all && argument_value(args, "connection"))) {
        complain("'writes retry' takes numbers of writes, or --all with or without --connection");
        return EXIT_USAGE;
    }
    return change(app, args, WRITE_RETRY, all);
}

static int run_drop(struct app *app, const struct arguments *args)
{
    return change(app, args, WRITE_DROP, false);
}

const struct command cmd_writes_list = {
    .name = "writes list",
    .group = GROUP_LOOK,
    .arguments = "",
    .summary = "list writes that were refused, or are in doubt",
    .text =
        "A write that a vendor refuses, or that cannot be made of a record, is set aside with "
        "the reason, and\n"
        "the sync goes on; it is tried again when the record changes. A creation is in doubt "
        "when no answer\n"
        "said whether it was done: it is not repeated, and goes by itself once a sync has found "
        "the record\n"
        "at the vendor, or that it is not there. RECORD is the id at the vendor, else ours.",
    .example = "fastenr writes list --connection hubspot",
    .json = "one JSON object a line, with the values that were to be written",
    .options = list_options,
    .run = run_list};

const struct command cmd_writes_retry = {
    .name = "writes retry",
    .group = GROUP_LOOK,
    .arguments = "[ID...]",
    .summary = "let the next sync try them again",
    .text = "The records are compared with the vendor's once more by the next sync, and written "
            "where they differ.\n"
            "A creation in doubt is not retried without --force: look first whether the vendor has "
            "the record,\n"
            "for it would then have it twice.",
    .example = "fastenr writes retry --all --connection hubspot",
    .most_words = WORDS_MOST,
    .options = retry_options,
    .run = run_retry};

const struct command cmd_writes_drop = {
    .name = "writes drop",
    .group = GROUP_LOOK,
    .arguments = "ID...",
    .summary = "take them off the list",
    .text =
        "The record is let be until it changes again. Of a creation in doubt: it is not created "
        "anew, as where\n"
        "somebody has seen that the vendor has it.",
    .example = "fastenr writes drop 4",
    .least_words = 1,
    .most_words = WORDS_MOST,
    .run = run_drop};
