/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is pruned, a range of keys at a time: keys are given in the order of time, so that a mark is
 * all that is to be remembered, and nothing is looked at twice.
 *
 * A log row that a record's `rev` names stays, however old. When the record is changed once more,
 * the row goes with the one that follows it: each row takes its `prev` along. So does the row of a
 * deletion by another program, which tells why the links of that record lead nowhere: without what
 * it holds of the record it stays as long as they do.
 *
 * The newest row of a table is never pruned, as SQLite would give its number once more.
 */
#include "store/prune.h"

enum { KEPT_MAX = 8 * 1024, CHANGES_MOST = 4 };

/* Why a row stays, as the queries say it. */
enum { STAYS_NOT, STAYS_YOUNG, STAYS_UNREAD, STAYS_RUNNING, STAYS_KINDS };

/* The statements of a kind. */
struct pruning {
    /* $1 after which key, $2 how many rows, $3 before when: how many there are, the last of them,
     * and the first that stays as key * STAYS_KINDS + why. NULL: keys are of no use, see `count`.
     */
    const char *portion;
    /* How many rows would go. Of a portion: $1 after, $2 up to which key. Else: $1 before when. */
    const char *count;
    /* Done in this order, with the parameters of `count`. */
    struct {
        const char *text;
        bool counts; /* what it changes is what was pruned */
        bool dates;  /* it has $3, now */
    } changes[CHANGES_MOST];
    size_t change_count;
    bool marked; /* the next pass begins where this one ended */
};

static void add_change(struct pruning *p, const char *text, bool counts, bool dates)
{
    p->changes[p->change_count].text = text;
    p->changes[p->change_count].counts = counts;
    p->changes[p->change_count++].dates = dates;
}

/* ---- what goes ---- */

/* The next rows of a table, with why each stays; the last row of all is left out. */
static const char *portion_of(struct arena *a, const char *table, const char *key,
                              const char *stays)
{
    return arena_printf(a,
                        "SELECT count(*), coalesce(max(k), 0), coalesce(min(CASE WHEN stays > 0 "
                        "THEN k * %d + stays END), 0) FROM (SELECT %s AS k, %s AS stays FROM %s l "
                        "WHERE %s > $1 AND %s < (SELECT max(%s) FROM %s) ORDER BY %s LIMIT $2) AS "
                        "portion",
                        STAYS_KINDS, key, stays, table, key, key, key, table, key);
}

#define OF_A_RUN_UNDER_WAY "EXISTS (SELECT 1 FROM run r WHERE r.id = l.run AND r.status = 1)"

static const char *log_portion(struct arena *a, const struct prune_engine *engine)
{
    return portion_of(
        a, "log", "seq",
        arena_printf(a,
                     "CASE WHEN l.at >= $3 THEN %d WHEN %s THEN %d WHEN " OF_A_RUN_UNDER_WAY
                     " THEN %d ELSE 0 END",
                     STAYS_YOUNG, engine->unread, STAYS_UNREAD, STAYS_RUNNING));
}

static const char *sent_portion(struct arena *a)
{
    return portion_of(a, "sent", "id",
                      arena_printf(a,
                                   "CASE WHEN l.at >= $3 THEN %d WHEN " OF_A_RUN_UNDER_WAY
                                   " THEN %d ELSE 0 END",
                                   STAYS_YOUNG, STAYS_RUNNING));
}

/* The runs of rows that lose something cannot be taken back any more. */
static const char *mark_runs(struct arena *a, const char *rows)
{
    return arena_printf(a,
                        "UPDATE run SET pruned_at = $3 WHERE pruned_at IS NULL AND id IN "
                        "(SELECT l.run FROM %s)",
                        rows);
}

/* What some rows of a portion hold goes, the rows stay. */
static void prune_bodies(struct pruning *p, struct arena *a, const char *table, const char *rows)
{
    const char *from = arena_printf(a, "%s AS l WHERE %s", table, rows);
    p->count = arena_printf(a, "SELECT count(*) FROM %s", from);
    add_change(p, mark_runs(a, from), false, true);
    add_change(p, arena_printf(a, "UPDATE %s AS l SET body = NULL WHERE %s", table, rows), true,
               false);
    p->marked = true;
}

/* The number of the log row l where it has to stay, else another one. */
static const char *kept_seq(struct arena *a)
{
    struct buf text = BUF_INIT(KEPT_MAX);
    buf_text(&text, "coalesce(CASE l.object");
    for (size_t i = 0; i < model_object_count; i++)
        buf_printf(&text, " WHEN %d THEN (SELECT r.rev FROM %s r WHERE r.key = l.record)",
                   model_objects[i].id, model_objects[i].name);
    buf_printf(&text,
               " END, CASE WHEN l.op = %d AND EXISTS (SELECT 1 FROM link k JOIN stream s ON s.id = "
               "k.stream WHERE k.record = l.record AND s.object = l.object) THEN l.seq ELSE 0 END)",
               LOG_DELETE);
    const char *kept = arena_printf(a, "%s", buf_cstr(&text));
    buf_free(&text);
    return kept;
}

#define LOG_RANGE "seq > $1 AND seq <= $2"

static void prune_log(struct pruning *p, struct arena *a)
{
    const char *kept = kept_seq(a);
    const char *goes = arena_printf(a, "log AS l WHERE l." LOG_RANGE " AND %s <> l.seq", kept);
    const char *before = arena_printf(
        a, "log AS l WHERE l.seq IN (SELECT prev FROM log WHERE " LOG_RANGE ") AND %s <> l.seq",
        kept);
    /* What the portions of a dry run before this one had is still there, and counted. */
    p->count = arena_printf(a,
                            "SELECT count(*) FROM log AS l WHERE l.seq IN (SELECT seq FROM log "
                            "WHERE " LOG_RANGE " UNION SELECT prev FROM log WHERE " LOG_RANGE
                            " AND prev <= (SELECT mark FROM prune_mark WHERE what = %d)) AND %s <> "
                            "l.seq",
                            PRUNE_LOG, kept);
    add_change(p, mark_runs(a, goes), false, true);
    add_change(p, arena_printf(a, "DELETE FROM %s", before), true, false);
    add_change(p, arena_printf(a, "DELETE FROM %s", goes), true, false);
    add_change(p,
               arena_printf(a,
                            "UPDATE log SET body = NULL WHERE " LOG_RANGE " AND op = %d AND body "
                            "IS NOT NULL",
                            LOG_DELETE),
               false, false);
    p->marked = true;
}

#define SENT_RANGE "l.id > $1 AND l.id <= $2"

static void prune_sent(struct pruning *p, struct arena *a)
{
    p->count = "SELECT count(*) FROM sent AS l WHERE " SENT_RANGE;
    add_change(p, mark_runs(a, "sent AS l WHERE " SENT_RANGE), false, true);
    add_change(p, "DELETE FROM sent AS l WHERE " SENT_RANGE, true, false);
    p->marked = true;
}

/* Rows that are found by an index of their times. */
static void prune_by_time(struct pruning *p, struct arena *a, const char *table, const char *time,
                          const char *which)
{
    p->count = arena_printf(a, "SELECT count(*) FROM %s WHERE %s%s < $1", table, which, time);
    add_change(p,
               arena_printf(a,
                            "DELETE FROM %s WHERE id IN (SELECT id FROM %s WHERE %s%s < $1 "
                            "ORDER BY %s LIMIT $2)",
                            table, table, which, time, time),
               true, false);
}

/*
 * Of each stream the last run stays, and the last full one that went through; so does the last of a
 * connection. Rows of the log that somebody has yet to read are known by their runs: what ended
 * less than a day before the first of them stays, too, as clocks of hosts differ.
 */
static void prune_runs(struct pruning *p, struct arena *a, const struct prune_engine *engine)
{
    const char *goes = arena_printf(
        a,
        "r.id > $1 AND r.id <= $2 AND r.status <> 1 AND coalesce(r.ended_at, r.started_at) < "
        "coalesce((%s), 9000000000000000000) - 86400000000 AND EXISTS (SELECT 1 FROM run r2 WHERE "
        "r2.connection = r.connection AND r2.id > r.id) AND NOT EXISTS (SELECT 1 FROM run_stream "
        "rs WHERE rs.run = r.id AND NOT EXISTS (SELECT 1 FROM run r2 JOIN run_stream rs2 ON "
        "rs2.run = r2.id AND rs2.stream = rs.stream WHERE r2.connection = r.connection AND r2.id > "
        "r.id AND (rs.mode <> 1 OR r.status NOT IN (2, 3) OR (rs2.mode = 1 AND r2.status IN (2, "
        "3)))))",
        engine->first_unread_at);
    p->portion =
        portion_of(a, "run", "id",
                   arena_printf(a, "CASE WHEN l.started_at >= $3 THEN %d ELSE 0 END", STAYS_YOUNG));
    p->count = arena_printf(a, "SELECT count(*) FROM run AS r WHERE %s", goes);
    static const char *const theirs[] = {"run_stream", "moved_link", "moved_pending"};
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
        add_change(p,
                   arena_printf(a, "DELETE FROM %s WHERE run IN (SELECT r.id FROM run r WHERE %s)",
                                theirs[i], goes),
                   false, false);
    add_change(p, arena_printf(a, "DELETE FROM run AS r WHERE %s", goes), true, false);
}

static struct pruning pruning_of(enum prune_kind kind, const struct prune_engine *engine,
                                 struct arena *a)
{
    struct pruning p = {0};
    switch (kind) {
    case PRUNE_LOG_BODIES:
        p.portion = log_portion(a, engine);
        prune_bodies(&p, a, "log", "l." LOG_RANGE " AND l.op = 2 AND l.body IS NOT NULL");
        break;
    case PRUNE_SENT_BODIES:
        p.portion = sent_portion(a);
        prune_bodies(&p, a, "sent", SENT_RANGE " AND l.body IS NOT NULL");
        break;
    case PRUNE_LOG:
        p.portion = log_portion(a, engine);
        prune_log(&p, a);
        break;
    case PRUNE_SENT:
        p.portion = sent_portion(a);
        prune_sent(&p, a);
        break;
    case PRUNE_CONFLICTS:
        prune_by_time(&p, a, "conflict", "settled_at", "state <> 1 AND ");
        break;
    case PRUNE_QUARANTINE:
        prune_by_time(&p, a, "quarantine", "last_at", "");
        break;
    case PRUNE_RUNS:
        prune_runs(&p, a, engine);
        break;
    }
    return p;
}

/* ---- a portion ---- */

struct pruner {
    struct store *store;
    const struct prune_engine *engine;
    struct pruning pruning;
    struct prune_step *step;
    int64_t now;
};

static int change(struct pruner *p, const int64_t params[2], struct error *err)
{
    for (size_t i = 0; i < p->pruning.change_count; i++) {
        const int64_t all[] = {params[0], params[1], p->now};
        int64_t changed;
        if (p->engine->change(p->store, p->pruning.changes[i].text, all,
                              p->pruning.changes[i].dates ? 3 : 2, &changed, err) != 0)
            return -1;
        if (p->pruning.changes[i].counts)
            p->step->pruned += changed;
    }
    return 0;
}

static int by_time(struct pruner *p, struct error *err)
{
    struct prune_step *step = p->step;
    const int64_t params[] = {step->before, (int64_t)step->most};
    if (step->only_count) {
        step->done = true;
        return p->engine->ask(p->store, p->pruning.count, params, 1, &step->pruned, 1, err);
    }
    if (change(p, params, err) != 0)
        return -1;
    step->done = step->pruned < (int64_t)step->most;
    return 0;
}

/* Where the portion ends: before the first row that stays. */
static int find_end(struct pruner *p, int64_t *ret_end, struct error *err)
{
    static const enum prune_hold holds[STAYS_KINDS] = {
        [STAYS_UNREAD] = PRUNE_HELD_BY_CONSUMER, [STAYS_RUNNING] = PRUNE_HELD_BY_RUN};
    struct prune_step *step = p->step;
    const int64_t params[] = {step->after, (int64_t)step->most, step->before};
    int64_t found[3];
    if (p->engine->ask(p->store, p->pruning.portion, params, 3, found, 3, err) != 0)
        return -1;
    bool ends = found[2] != 0;
    *ret_end = ends ? found[2] / STAYS_KINDS - 1 : found[1];
    step->hold = ends ? holds[found[2] % STAYS_KINDS] : PRUNE_HELD_BY_NOTHING;
    step->done = ends || found[0] < (int64_t)step->most;
    return 0;
}

static int by_key(struct pruner *p, struct error *err)
{
    struct prune_step *step = p->step;
    int64_t end;
    if (find_end(p, &end, err) != 0)
        return -1;
    if (end <= step->after)
        return 0;
    const int64_t params[] = {step->after, end};
    step->after = end;
    if (step->only_count)
        return p->engine->ask(p->store, p->pruning.count, params, 2, &step->pruned, 1, err);
    return change(p, params, err);
}

/* ---- marks ---- */

static int load_mark(struct pruner *p, struct error *err)
{
    const int64_t kind = p->step->kind;
    int64_t mark;
    if (!p->pruning.marked)
        return 0;
    if (p->engine->ask(p->store, "SELECT mark FROM prune_mark WHERE what = $1", &kind, 1, &mark, 1,
                       err) != 0)
        return -1;
    if (mark > p->step->after) /* by another host, too */
        p->step->after = mark;
    return 0;
}

static int set_mark(struct pruner *p, struct error *err)
{
    const struct prune_step *step = p->step;
    const int64_t params[] = {step->kind, step->after, step->pruned > 0 ? p->now : 0};
    int64_t changed;
    return p->engine->change(p->store,
                             "INSERT INTO prune_mark (what, mark, at) VALUES ($1, $2, $3) ON "
                             "CONFLICT (what) DO UPDATE SET mark = excluded.mark, at = CASE WHEN "
                             "excluded.at > 0 THEN excluded.at ELSE prune_mark.at END",
                             params, 3, &changed, err);
}

int prune_run(struct store *s, const struct prune_engine *engine, struct prune_step *step,
              struct error *err)
{
    struct arena arena = {0};
    struct pruner p = {.store = s,
                       .engine = engine,
                       .pruning = pruning_of(step->kind, engine, &arena),
                       .step = step,
                       .now = world_now(s->world)};
    int64_t from = step->after;
    step->pruned = 0;
    step->done = false;
    step->hold = PRUNE_HELD_BY_NOTHING;
    int rc = load_mark(&p, err);
    if (rc == 0)
        rc = p.pruning.portion ? by_key(&p, err) : by_time(&p, err);
    if (rc == 0 && !step->only_count && (step->pruned > 0 || step->after > from))
        rc = set_mark(&p, err);
    arena_free(&arena);
    return rc;
}

int prune_last(struct store *s, const struct prune_engine *engine, enum prune_kind kind,
               int64_t *ret_at, struct error *err)
{
    const int64_t what = kind;
    return engine->ask(s, "SELECT at FROM prune_mark WHERE what = $1", &what, 1, ret_at, 1, err);
}
