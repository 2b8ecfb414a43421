/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr conflicts resolve`: a person's decision on fields that both sides changed. */
#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/conflict_list.h"
#include "sync/conflict.h"

enum { RESOLVE_JSON_MAX = 64 * 1024 * 1024, SHOWN_MOST = 50 };

static const struct command_option options[] = {
    {"take", 0, "SIDE",
     "local: ours stays and is written to the vendor; remote: ours becomes "
     "theirs"},
    {"value", 0, "TEXT",
     "our record gets this, and it is written to the vendor; '' empties the "
     "field"},
    {"connection", 0, "NAME", "all open conflicts of this connection"},
    {"object", 0, "OBJECT", "all of this vendor object"},
    {"field", 0, "FIELD", "all of this field of ours"},
    {"yes", 0, NULL, "do it; without it, and without an ID, it only says what would be settled"},
    {0}};

struct resolving {
    struct app *app;
    const struct arguments *args;
    struct conflict_list list;
    struct conflict_answer *answers; /* one each, in the order of the list */
    struct str *connections;         /* each once */
    size_t connection_count;
    enum conflict_state how;
    const char *value;
    int64_t unknown; /* ids that are none */
};

/* ---- what is asked ---- */

static int usage(const char *text)
{
    complain("%s", text);
    return EXIT_USAGE;
}

static int parse_choice(struct resolving *r)
{
    const char *take = argument_value(r->args, "take");
    r->value = argument_value(r->args, "value");
    if (!take == !r->value)
        return usage("say how: --take local, --take remote, or --value TEXT");
    r->how = CONFLICT_VALUE;
    if (!take)
        return 0;
    r->how = strcmp(take, "local") == 0 ? CONFLICT_LOCAL : CONFLICT_REMOTE;
    if (r->how == CONFLICT_REMOTE && strcmp(take, "remote") != 0)
        return usage("--take is local (ours) or remote (theirs)");
    return 0;
}

static bool is_filtered(const struct arguments *args)
{
    return argument_value(args, "connection") || argument_value(args, "object") ||
           argument_value(args, "field");
}

static int parse_ids(const struct arguments *args, int64_t ids[WORDS_MOST])
{
    for (size_t i = 0; i < args->word_count; i++)
        if (!str_to_i64(str_from(args->words[i]), &ids[i]) || ids[i] < 1) {
            complain("'%s' is no number of a conflict; `fastenr conflicts list` has them",
                     args->words[i]);
            return EXIT_USAGE;
        }
    return 0;
}

static int load_ids(struct resolving *r, struct error *err)
{
    int64_t ids[WORDS_MOST] = {0};
    if (parse_ids(r->args, ids) != 0)
        return EXIT_USAGE;
    for (size_t i = 0; i < r->args->word_count; i++) {
        const struct conflict_filter filter = {.id = ids[i]};
        size_t before = r->list.count;
        if (conflict_list_load(&r->list, r->app->host.store, &filter, err) != 0)
            return EXIT_WORK_FAILED;
        if (r->list.count > before)
            continue;
        r->unknown++;
        complain("there is no conflict %" PRId64 "; `fastenr conflicts list` has them", ids[i]);
    }
    return 0;
}

static int load_filtered(struct resolving *r, struct error *err)
{
    const char *connection = argument_value(r->args, "connection"),
               *object = argument_value(r->args, "object");
    const struct conflict_filter filter = {.connection = str_from(connection ? connection : ""),
                                           .vendor_object = str_from(object ? object : ""),
                                           .open_only = true};
    r->list.only_field = argument_value(r->args, "field");
    return conflict_list_load(&r->list, r->app->host.store, &filter, err) == 0 ? 0
                                                                               : EXIT_WORK_FAILED;
}

static int load(struct resolving *r)
{
    struct error err = {.text = ""};
    bool filtered = is_filtered(r->args), named = r->args->word_count > 0;
    if (filtered == named)
        return usage(named ? "numbers of conflicts go without --connection, --object and --field"
                           : "'conflicts resolve' needs the number of a conflict, or --connection, "
                             "--object or --field");
    int rc = app_store(r->app, false);
    if (rc == 0)
        rc = named ? load_ids(r, &err) : load_filtered(r, &err);
    if (err.text[0])
        complain("%s", err.text);
    return rc;
}

/* ---- what would be ---- */

static const char *becomes(const struct resolving *r)
{
    switch (r->how) {
    case CONFLICT_LOCAL:
        return "ours stays, and the next sync writes it to the vendor";
    case CONFLICT_REMOTE:
        return "our record gets theirs";
    case CONFLICT_VALUE:
    case CONFLICT_OPEN:
        break;
    }
    return "our record gets the value, and the next sync writes it to the vendor";
}

static void say_preview(struct resolving *r)
{
    struct table t = {0};
    conflict_columns(&t);
    size_t shown = r->list.count < SHOWN_MOST ? r->list.count : SHOWN_MOST;
    for (size_t i = 0; i < shown; i++)
        conflict_cells(r->app, &r->list, i, &t);
    if (shown > 0)
        table_write(&t, &std_out);
    table_free(&t);
    if (r->list.count == 0) {
        out_text(&std_out, "no conflict waits for a decision there\n");
        return;
    }
    if (shown < r->list.count)
        out_printf(&std_out, "... and %zu more\n", r->list.count - shown);
    out_printf(&std_out, "\n%zu conflict%s would be settled: %s.\n", r->list.count,
               r->list.count == 1 ? "" : "s", becomes(r));
    out_text(&std_out, "Nothing was changed. To do it: the same with --yes\n");
}

/* ---- what is done ---- */

static void find_connections(struct resolving *r)
{
    struct arena *arena = &r->list.arena;
    r->answers = arena_new(arena, r->list.count, sizeof r->answers[0]);
    r->connections = arena_new(arena, r->list.count, sizeof r->connections[0]);
    for (size_t i = 0; i < r->list.count; i++) {
        size_t c = 0;
        r->answers[i] = (struct conflict_answer){
            .id = r->list.rows[i].id, .how = r->how, .value = str_from(r->value ? r->value : "")};
        while (c < r->connection_count && !str_eq(r->connections[c], r->list.rows[i].connection))
            c++;
        if (c == r->connection_count)
            r->connections[r->connection_count++] = r->list.rows[i].connection;
    }
}

/* Values are held against the mapping; for all else the store is enough. */
static int find_setup(struct resolving *r, struct str name, struct setup **ret_setup)
{
    struct catalog_connection *connection;
    *ret_setup = NULL;
    if (r->how != CONFLICT_VALUE)
        return 0;
    int rc = app_connection(r->app, arena_str(&r->list.arena, name).ptr, &connection);
    if (rc == 0)
        *ret_setup = &connection->setup;
    return rc;
}

/* Those of one connection; their results take their places. */
static int settle_connection(struct resolving *r, struct str name)
{
    struct arena *arena = &r->list.arena;
    struct conflict_answer *some = arena_new(arena, r->list.count, sizeof some[0]);
    size_t *places = arena_new(arena, r->list.count, sizeof places[0]), n = 0;
    struct conflict_settling in = {
        .host = &r->app->host, .connection = name, .by = app_user(r->app)};
    struct error err;
    int64_t run;
    for (size_t i = 0; i < r->list.count; i++)
        if (str_eq(r->list.rows[i].connection, name)) {
            places[n] = i;
            some[n++] = r->answers[i];
        }
    int rc = find_setup(r, name, &in.setup);
    if (rc != 0)
        return rc;
    if (conflict_settle(&in, some, n, &run, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    for (size_t i = 0; i < n; i++)
        r->answers[places[i]] = some[i];
    if (run != 0 && !r->app->json)
        out_printf(&std_out, "%.*s: what changed here is run %" PRId64 "\n", STR_ARG(name), run);
    return 0;
}

static void say_json(const struct resolving *r, bool done)
{
    struct buf text = BUF_INIT(RESOLVE_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '[');
    for (size_t i = 0; i < r->list.count; i++) {
        const struct conflict_answer *a = &r->answers[i];
        json_open(&w, '{');
        json_key(&w, "id");
        json_put_int(&w, a->id);
        json_key(&w, "settled");
        json_put_bool(&w, a->settled);
        json_key(&w, "why_not");
        json_put_text(&w, a->settled ? NULL : done ? a->why.text : "--yes was not given");
        json_close(&w, '}');
    }
    json_close(&w, ']');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* How many could not be settled. */
static size_t say(struct resolving *r)
{
    size_t failed = 0;
    for (size_t i = 0; i < r->list.count; i++) {
        const struct conflict_answer *a = &r->answers[i];
        failed += !a->settled;
        if (!a->settled && a->why.text[0])
            complain("conflict %" PRId64 ": %s", a->id, a->why.text);
    }
    size_t settled = r->list.count - failed;
    if (r->app->json)
        say_json(r, true);
    else if (settled > 0)
        out_printf(&std_out, "%zu conflict%s settled: %s\n", settled, settled == 1 ? "" : "s",
                   becomes(r));
    for (size_t i = 0; i < r->connection_count && settled > 0 && !r->app->json; i++)
        if (r->how != CONFLICT_REMOTE)
            out_printf(&std_out, "%s  fastenr sync %.*s%s\n", i == 0 ? "\nNext:\n" : "",
                       STR_ARG(r->connections[i]), r->app->hint);
    return failed;
}

static int settle(struct resolving *r)
{
    int worst = 0;
    if (r->args->word_count == 0 && !argument_given(r->args, "yes")) {
        find_connections(r);
        r->app->json ? say_json(r, false) : say_preview(r);
        return EXIT_DONE;
    }
    find_connections(r);
    for (size_t i = 0; i < r->connection_count; i++) {
        int rc = settle_connection(r, r->connections[i]);
        worst = rc > worst ? rc : worst;
    }
    size_t failed = say(r);
    return worst != 0 ? worst : failed > 0 || r->unknown > 0 ? EXIT_WORK_FAILED : EXIT_DONE;
}

static int run_resolve(struct app *app, const struct arguments *args)
{
    struct resolving r = {.app = app, .args = args};
    int rc = parse_choice(&r);
    if (rc == 0)
        rc = load(&r);
    if (rc == 0)
        rc = settle(&r);
    conflict_list_free(&r.list);
    return rc;
}

const struct command cmd_conflicts_resolve = {
    .name = "conflicts resolve",
    .group = GROUP_LOOK,
    .arguments = "[ID...]",
    .summary = "decide fields that both sides changed",
    .text =
        "Settles conflicts on our side at once; what the vendor is to get, the next sync writes. "
        "What changes\n"
        "our records is in the run log, as a run of its own. A record that has another value by "
        "now than the\n"
        "conflict shows is left alone, but for --take local: look at it again and decide once "
        "more. A value is\n"
        "written as `fastenr records` shows it, a reference as the id of the record, a list as "
        "JSON.\n"
        "\n"
        "Without an ID those are settled that --connection, --object and --field let through, and "
        "only with\n"
        "--yes. Exit status 1 when some could not be settled.",
    .example = "fastenr conflicts resolve 17 18 --take remote",
    .json = "one JSON array, an element a conflict",
    .most_words = WORDS_MOST,
    .options = options,
    .run = run_resolve};
