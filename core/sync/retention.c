/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/retention.h"

#include "base/time.h"

/* A commit that comes meanwhile waits for no longer than a step. */
enum { PORTION_FIRST = 500, PORTION_LEAST = 20, PORTION_MOST = 2000 };
#define STEP_US (50 * US_PER_MS)

int64_t retention_age(const struct retention *ages, enum prune_kind kind)
{
    switch (kind) {
    case PRUNE_LOG_BODIES:
    case PRUNE_SENT_BODIES:
        return ages->log_bodies;
    case PRUNE_LOG:
    case PRUNE_SENT:
    case PRUNE_CONFLICTS:
        return ages->log;
    case PRUNE_QUARANTINE:
        return ages->quarantine;
    case PRUNE_RUNS:
        break;
    }
    return ages->runs;
}

static const struct {
    const char *key, *name;
} kinds[PRUNE_KINDS] = {[PRUNE_LOG_BODIES] = {"log_bodies", "values of changes in the log"},
                        [PRUNE_SENT_BODIES] = {"sent_bodies", "values of what was sent"},
                        [PRUNE_LOG] = {"log", "rows of the log"},
                        [PRUNE_SENT] = {"sent", "rows of what was sent"},
                        [PRUNE_CONFLICTS] = {"conflicts", "settled conflicts"},
                        [PRUNE_QUARANTINE] = {"quarantine", "records in quarantine"},
                        [PRUNE_RUNS] = {"runs", "runs"}};

const char *retention_name(enum prune_kind kind)
{
    return kinds[kind].name;
}

const char *retention_key(enum prune_kind kind)
{
    return kinds[kind].key;
}

int64_t retention_total(const struct retention_pass *pass)
{
    int64_t total = 0;
    for (size_t i = 0; i < PRUNE_KINDS; i++)
        total += pass->pruned[i];
    return total;
}

/* ---- a pass ---- */

/* The next kind that is not kept for ever. */
static void next_kind(struct retention_pass *pass, int kind)
{
    while (kind < PRUNE_KINDS && retention_age(pass->ages, (enum prune_kind)kind) == 0)
        kind++;
    pass->done = kind == PRUNE_KINDS;
    if (pass->done)
        return;
    pass->step =
        (struct prune_step){.kind = (enum prune_kind)kind,
                            .before = pass->now - retention_age(pass->ages, (enum prune_kind)kind),
                            .only_count = pass->only_count};
}

void retention_begin(struct retention_pass *pass, struct store *store, const struct retention *ages,
                     bool only_count)
{
    *pass = (struct retention_pass){.store = store,
                                    .ages = ages,
                                    .only_count = only_count,
                                    .now = world_now(store->world),
                                    .portion = PORTION_FIRST};
    next_kind(pass, PRUNE_LOG_BODIES);
}

static void measure(struct retention_pass *pass, int64_t took_us)
{
    pass->steps++;
    pass->took_us += took_us;
    pass->last_us = took_us;
    if (took_us > pass->longest_us)
        pass->longest_us = took_us;
    if (took_us > STEP_US && pass->portion / 2 >= PORTION_LEAST)
        pass->portion /= 2;
    else if (took_us < STEP_US / 3 && pass->portion * 2 <= PORTION_MOST)
        pass->portion *= 2;
}

static int prune(void *arg, struct error *err)
{
    struct retention_pass *pass = arg;
    return pass->store->engine->prune(pass->store, &pass->step, err);
}

int retention_step(struct retention_pass *pass, struct error *err)
{
    const struct world *world = pass->store->world;
    int64_t began = world_monotonic(world);
    if (pass->done)
        return 0;
    pass->step.most = pass->portion;
    if (store_transact(pass->store, prune, pass, err) != 0)
        return -1;
    measure(pass, world_monotonic(world) - began);
    pass->pruned[pass->step.kind] += pass->step.pruned;
    if (pass->step.hold != PRUNE_HELD_BY_NOTHING)
        pass->hold = pass->step.hold;
    if (pass->step.done)
        next_kind(pass, (int)pass->step.kind + 1);
    return 0;
}

/* ---- what holds it up ---- */

struct follower {
    int64_t stream;
    struct arena *arena;
    const char *name; /* NULL: no stream of that number */
};

static bool take_stream(void *arg, const struct stream_row *row)
{
    struct follower *f = arg;
    if (row->state.id != f->stream)
        return true;
    f->name = arena_printf(f->arena, "the export of %.*s to '%.*s'", STR_ARG(row->vendor_object),
                           STR_ARG(row->connection));
    return false;
}

/* A person does not know streams by their numbers. */
static int name_follower(struct store *store, struct arena *arena, struct str consumer,
                         const char **ret_name, struct error *err)
{
    static const char prefix[] = "export:"; /* as note_exports calls them */
    struct follower f = {.arena = arena};
    *ret_name = arena_printf(arena, "'%.*s'", STR_ARG(consumer));
    if (!str_starts(consumer, prefix) ||
        !str_to_i64(str_slice(consumer, strlen(prefix), consumer.len - strlen(prefix)), &f.stream))
        return 0;
    if (store->engine->each_stream(store, STR(""), take_stream, &f, err) != 0)
        return -1;
    if (f.name)
        *ret_name = f.name;
    return 0;
}

int retention_explain(struct store *store, struct arena *arena, struct str *ret_text,
                      struct error *err)
{
    struct str consumer;
    const char *name;
    int64_t at;
    char when[TIME_TEXT];
    *ret_text = STR("");
    if (store->engine->slowest_consumer(store, arena, &consumer, &at, err) != 0)
        return -1;
    if (consumer.len == 0)
        return 0;
    if (name_follower(store, arena, consumer, &name, err) != 0)
        return -1;
    *ret_text = str_from(arena_printf(
        arena,
        "%s follows the log and has not read further since %s: what comes after that is kept for "
        "it. Sync it, or, where it is not to go on, `fastenr prune --forget %.*s`",
        name, time_format(at, when), STR_ARG(consumer)));
    return 0;
}
