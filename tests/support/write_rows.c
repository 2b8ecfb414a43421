/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write_rows WORKER CONNECTOR.so FILE.yaml OP OBJECT [KEY_FIELD]: one write through a connector in
 * its jail, to try what it does. FILE.yaml is its connection file; OP is create, update, upsert,
 * archive, restore, associate or dissociate. Rows come from standard input, an object a line:
 *
 *   {"write_id":"w-1","id":"7","key":"k","values":{"name":"Acme","city":null},
 *    "field":"associations.companies","other_id":"8"}
 *
 * A value of null clears. Prints a line for each row that something is said of, then what came of
 * the whole. Exit status: 0 when the operation ended, 1 when the connector did not bear it, 2 for
 * what cannot be tried.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop_uv.h"
#include "net/curl.h"
#include "plugin/process.h"
#include "plugin/protocol.h"
#include "plugin/registry.h"
#include "sync/session.h"

static const char *const ops[] = {"",        "create",  "update",    "upsert",
                                  "archive", "restore", "associate", "dissociate"};
enum { LINE_MAX_LEN = 1 << 20 };

struct writing {
    struct session *session;
    struct write_request request;
    struct write_row rows[WRITE_ROWS_MAX];
    struct arena arena;
    bool over, bad;
};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "write_rows: %s: %s\n", what, why);
    exit(2);
}

/* ---- rows ---- */

struct value_list {
    struct write_value *items;
    uint32_t count;
    size_t cap;
    struct arena *arena;
};

static bool add_value(void *arg, struct str name, const struct json *value)
{
    struct value_list *list = arg;
    struct write_value v = {.name = arena_str(list->arena, name), .type = FIELD_STRING};
    v.clear = value == NULL;
    v.value = arena_str(list->arena, json_string(value));
    list->items = arena_grow(list->arena, list->items, &list->cap, list->count + 1, sizeof v);
    list->items[list->count++] = v;
    return true;
}

static struct str text_of(const struct json *row, const char *name, struct arena *arena)
{
    return arena_str(arena, json_string(json_member(row, str_from(name))));
}

static void read_row(struct writing *w, struct str line)
{
    const struct json *row = NULL;
    struct error err;
    struct value_list values = {.arena = &w->arena};
    if (w->request.row_count == WRITE_ROWS_MAX || json_parse(line, &row, &err) != 0)
        give_up("a row", w->request.row_count == WRITE_ROWS_MAX ? "there are too many" : err.text);
    json_each(json_member(row, STR("values")), add_value, &values);
    w->rows[w->request.row_count++] =
        (struct write_row){.write_id = text_of(row, "write_id", &w->arena),
                           .id = text_of(row, "id", &w->arena),
                           .key = text_of(row, "key", &w->arena),
                           .values = values.items,
                           .value_count = values.count,
                           .field = text_of(row, "field", &w->arena),
                           .other_id = text_of(row, "other_id", &w->arena)};
    json_free(row);
}

static void read_rows(struct writing *w)
{
    static char line[LINE_MAX_LEN];
    w->request.rows = w->rows;
    while (fgets(line, sizeof line, stdin))
        if (str_trim(str_from(line)).len > 0)
            read_row(w, str_from(line));
}

static enum write_op op_of(const char *name)
{
    for (int i = WRITE_CREATE; i <= WRITE_DISSOCIATE; i++)
        if (strcmp(ops[i], name) == 0)
            return (enum write_op)i;
    give_up(name, "there is no such operation");
}

/* ---- what comes of it ---- */

static enum outcome on_written(void *arg, const struct write_result *results, uint32_t count)
{
    (void)arg;
    for (uint32_t i = 0; i < count; i++) {
        const struct write_result *r = &results[i];
        printf("%.*s %s %.*s%s %.*s %.*s\n", STR_ARG(r->write_id), outcome_name(r->outcome),
               STR_ARG(r->id), r->created ? " (new)" : "", STR_ARG(r->fields), STR_ARG(r->text));
    }
    return OUTCOME_OK;
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct writing *w = arg;
    if (result->phase == PHASE_CREATE && result->outcome == OUTCOME_OK) {
        worker_write(session_worker(w->session), &w->request);
        return;
    }
    printf("in %s: %s%s%s%s\n", phase_name(result->phase), outcome_name(result->outcome),
           result->text[0] ? ": " : "", result->text, result->unclear ? " (unclear)" : "");
    session_stop(w->session);
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct writing *w = arg;
    if (end->how != SESSION_STOPPED) {
        w->bad = true;
        if (end->unclear)
            puts("rows without a result are unclear");
        puts(end->text);
    }
    w->over = true;
}

static const struct session_events events = {
    .finished = on_finished, .ended = on_ended, .written = on_written};

/* ---- main ---- */

static void run(struct writing *w, struct sync_host *host, const char *connector, const char *file)
{
    struct problems problems = {0};
    struct connection_config config;
    struct connector_info info;
    struct setup setup = {0};
    struct error err;
    if (registry_describe(host->world, host->carrier, &host->limits, connector, &info, &err) != 0)
        give_up("describe", err.text);
    if (connection_config_read(file, &config, &w->arena, &problems))
        setup_make(&config, &info.descriptor, &setup, &w->arena, &problems);
    if (problems.count > 0)
        give_up(file, problems.items[0].text);
    w->session = session_start(host, &setup, &info.image, &events, w, &err);
    if (!w->session)
        give_up("start", err.text);
    loop_run(host->world->loop, &w->over);
    session_free(w->session);
    loop_turn(host->world->loop, 0);
    budgets_free(&host->budgets);
    connector_info_free(&info);
    problems_free(&problems);
}

int main(int argc, char **argv)
{
    static struct writing w;
    struct error err;
    struct world world = {.random = world_random_real};
    if (argc < 6 || argc > 7)
        give_up("usage", "WORKER CONNECTOR.so FILE.yaml OP OBJECT [KEY_FIELD]");
    world.loop = loop_uv_new(2, &err);
    log_setup(&world, LOG_WARN, false);
    w.request.op = op_of(argv[4]);
    w.request.object = str_from(argv[5]);
    w.request.key_field = str_from(argc == 7 ? argv[6] : "");
    read_rows(&w);
    struct sync_host host = {.world = &world, .limits = WORKER_LIMITS_DEFAULT};
    host.limits.hang_us = US_PER_SECOND;
    host.transport = world.loop ? curl_transport_new(&world, &err) : NULL;
    host.carrier = host.transport ? process_carrier_new(&world, argv[1]) : NULL;
    if (!host.carrier || w.request.row_count == 0)
        give_up("start", host.carrier ? "there are no rows" : err.text);
    run(&w, &host, argv[2], argv[3]);
    host.transport->free(host.transport);
    process_carrier_free(host.carrier);
    loop_free(world.loop);
    arena_free(&w.arena);
    return w.bad;
}
