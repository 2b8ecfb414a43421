/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/refused.h"

struct settling {
    struct store *store;
    struct str connection;
    enum write_choice how;
    bool force, leased;
    struct write_answer *answers;
    size_t count;
    int64_t connection_id;
    struct export_write *rows; /* of the connection; without their texts */
    size_t row_count, row_cap;
    struct arena arena;
};

static bool take_row(void *arg, const struct export_write *row)
{
    struct settling *s = arg;
    s->rows = arena_grow(&s->arena, s->rows, &s->row_cap, s->row_count + 1, sizeof s->rows[0]);
    s->rows[s->row_count++] = (struct export_write){
        .id = row->id, .stream = row->stream, .record = row->record, .state = row->state};
    return true;
}

static const struct export_write *find_row(const struct settling *s, int64_t id)
{
    for (size_t i = 0; i < s->row_count; i++)
        if (s->rows[i].id == id)
            return &s->rows[i];
    return NULL;
}

/* What is in doubt is still due: it would be created anew, once nothing holds it. */
static int settle_row(struct settling *s, const struct export_write *row, struct error *err)
{
    const struct store_engine *e = s->store->engine;
    if (s->how == WRITE_RETRY && e->queue_exports(s->store, row->stream, &row->record, 1, err) != 0)
        return -1;
    if (s->how == WRITE_DROP && row->state == WRITE_DOUBTED &&
        e->drop_exports(s->store, row->stream, &row->record, 1, err) != 0)
        return -1;
    return e->drop_writes(s->store, &row->id, 1, err);
}

static int settle_one(struct settling *s, struct write_answer *answer, struct error *err)
{
    const struct export_write *row = find_row(s, answer->id);
    if (!row) {
        error_set(&answer->why, "there is no such write; `fastenr writes list` has them");
        return 0;
    }
    if (s->how == WRITE_RETRY && row->state == WRITE_DOUBTED && !s->force) {
        error_set(&answer->why, "the record may have been created: look for it at the vendor; with "
                                "--force it is created again, and may then be there twice");
        return 0;
    }
    if (settle_row(s, row, err) != 0)
        return -1;
    answer->done = true;
    return 0;
}

static int settle(void *arg, struct error *err)
{
    struct settling *s = arg;
    const struct store_engine *e = s->store->engine;
    if (e->connection(s->store, s->connection, STR(""), &s->connection_id, err) != 0)
        return -1;
    int lease = e->lease(s->store, s->connection_id, err);
    if (lease > 0)
        return error_set(err, "'%.*s' is being synced just now: wait until that is done",
                         STR_ARG(s->connection));
    s->leased = lease == 0;
    if (lease < 0 || e->each_write(s->store, s->connection, take_row, s, err) != 0)
        return -1;
    for (size_t i = 0; i < s->count; i++)
        if (settle_one(s, &s->answers[i], err) != 0)
            return -1;
    return 0;
}

int refused_settle(struct sync_host *host, struct str connection, enum write_choice how, bool force,
                   struct write_answer *answers, size_t count, struct error *err)
{
    struct settling s = {.store = host->store,
                         .connection = connection,
                         .how = how,
                         .force = force,
                         .answers = answers,
                         .count = count};
    int rc = store_transact(s.store, settle, &s, err);
    if (s.leased)
        s.store->engine->release(s.store, s.connection_id);
    for (size_t i = 0; i < count && rc != 0; i++)
        answers[i].done = false;
    arena_free(&s.arena);
    return rc;
}
