/* SPDX-License-Identifier: Apache-2.0 */
/* A run that never began: the connector ended while it was loaded or described. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "sync/run.h"

struct note {
    struct job job;
    struct sync_host *host;
    struct str connection;
    struct run_row row;
    struct arena arena;
    int rc;
    struct error err;
};

static int write_rows(void *arg, struct error *err)
{
    struct note *n = arg;
    struct store *store = n->host->store;
    int64_t connection;
    if (store->engine->connection(store, n->connection, STR(""), &connection, err) != 0 ||
        store->engine->run_start(store, connection, n->row.started_by, &n->row.id, err) != 0)
        return -1;
    n->row.ended_at = world_now(n->host->world);
    return store->engine->run_end(store, &n->row, err);
}

static void work(void *arg)
{
    struct note *n = arg;
    n->rc = store_transact(n->host->store, write_rows, n, &n->err);
}

static void done(void *arg)
{
    struct note *n = arg;
    if (n->rc != 0)
        log_line(LOG_ERROR, n->connection.ptr, "the run log could not be written: %s", n->err.text);
    arena_free(&n->arena);
    free(n);
}

void run_note_crash(struct sync_host *host, struct str connection, struct str started_by,
                    const struct worker_end *end)
{
    struct note *n = MEM_NEW(struct note);
    n->host = host;
    n->connection = arena_str(&n->arena, connection);
    n->row = (struct run_row){.started_by = arena_str(&n->arena, started_by),
                              .status = RUN_FAILED,
                              .reason = arena_str(&n->arena, str_from(end->text)),
                              .phase = str_from(phase_name(end->phase)),
                              .exit_signal = end->by_signal ? end->code : -1,
                              .exit_code = end->by_signal ? -1 : end->code};
    n->job = (struct job){.work = work, .done = done, .arg = n};
    loop_submit(host->world->loop, EXECUTOR_STORE, &n->job);
}
