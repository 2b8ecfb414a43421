/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit of a sync: the very rows that one run wrote (records, log, links), written again by one
 * bare thread, in the same commits, into a store that has the same schema.
 *
 *   replay_limit creates|ordered|scattered SOURCE TARGET [RUN]
 *
 * creates: TARGET has the schema and no rows. ordered: TARGET has what `creates` made; the updates,
 * sorted by key. scattered: the same in a random order that is always the same.
 *
 * A store is the path of an SQLite file or a postgresql: URL. RUN is the run's id, default the
 * last. Prints records, microseconds, microseconds of CPU of this process, and commits.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "replay.h"

enum op { OP_CREATE = 1, OP_UPDATE = 2 };
enum { PARTS_MAX = 32, SQL_MAX = 4096, NUMBER_MAX = 24 };

struct recording {
    const struct replay_engine *engine;
    void *source;
    enum op op;
    char run[NUMBER_MAX];
    struct arena arena;
    struct part parts[PARTS_MAX];
    size_t part_count;
};

_Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("replay_limit: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

int rows_column(const struct rows *rows, const char *name)
{
    for (int i = 0; i < rows->columns; i++)
        if (strcmp(rows->names[i], name) == 0)
            return i;
    die("the store has no column %s", name);
}

/* ---- recording ---- */

/* Rows of one object and this run: SELECT `what` FROM log `join` ... in the order of `order`. */
static void load(struct recording *r, const struct model_object *object, const char *what,
                 const char *join, const char *order, struct rows *ret)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    buf_printf(&sql,
               "SELECT %s FROM log %s WHERE log.op = %d AND log.object = %d AND log.run = %s "
               "ORDER BY %s",
               what, join, (int)r->op, object->id, r->run, order);
    r->engine->load(r->source, buf_cstr(&sql), &r->arena, ret);
    buf_free(&sql);
}

/* "name,custom_fields" as bits of the record's columns. */
static uint64_t changed_bits(const struct part *part, const struct cell *names)
{
    uint64_t bits = 0;
    struct str left = {names->bytes, (size_t)names->len};
    while (left.len > 0) {
        const char *comma = memchr(left.ptr, ',', left.len);
        size_t len = comma ? (size_t)(comma - left.ptr) : left.len;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)len, left.ptr);
        bits |= UINT64_C(1) << rows_column(&part->record, name);
        len += len < left.len;
        left = str_slice(left, len, left.len - len);
    }
    return bits;
}

static void note_changes(struct recording *r, struct part *part)
{
    struct rows names;
    char what[200];
    snprintf(what, sizeof what, "%s AS changed", r->engine->changed_names);
    load(r, part->object, what, "", "log.seq", &names);
    part->changed = mem_new(names.count + 1, sizeof part->changed[0]);
    for (size_t i = 0; i < names.count; i++)
        part->changed[i] = changed_bits(part, rows_at(&names, i, 0));
}

/* What was logged at one instant was one commit: the time is taken once a batch. */
static void note_commits(struct part *part)
{
    int at = rows_column(&part->log, "at");
    part->commits = mem_new(part->log.count + 1, sizeof part->commits[0]);
    for (size_t i = 0; i < part->log.count; i++) {
        if (i == 0 || rows_at(&part->log, i, at)->number != rows_at(&part->log, i - 1, at)->number)
            part->commit_count++;
        part->commits[part->commit_count - 1]++;
    }
}

static void record_part(struct recording *r, const struct model_object *object)
{
    struct part *part = &r->parts[r->part_count];
    char record[100], link[200];
    *part = (struct part){.object = object};
    snprintf(record, sizeof record, "JOIN %s t ON t.key = log.record", object->name);
    snprintf(link, sizeof link,
             "JOIN link ON link.record = log.record AND link.stream IN "
             "(SELECT id FROM stream WHERE object = %d)",
             object->id);
    load(r, object, "log.seq, log.object, log.record, log.op, log.run, log.prev, log.at, log.body",
         "", "log.seq", &part->log);
    if (part->log.count == 0)
        return;
    load(r, object, "t.*", record, "log.seq", &part->record);
    load(r, object,
         "link.key, link.stream, link.external_id, link.record, link.remote_modified, "
         "link.seen_remote",
         link, r->op == OP_CREATE ? "link.key" : "log.seq", &part->link);
    if (part->record.count != part->log.count || part->link.count != part->log.count)
        die("%s: %zu log rows, %zu records, %zu links: a store of one connection and one whole "
            "import is wanted",
            object->name, part->log.count, part->record.count, part->link.count);
    if (r->op == OP_UPDATE)
        note_changes(r, part);
    note_commits(part);
    r->part_count++;
}

static void find_run(struct recording *r, const char *wanted)
{
    struct rows last;
    r->engine->load(r->source, "SELECT max(id) AS id FROM run", &r->arena, &last);
    int64_t run = wanted ? strtoll(wanted, NULL, 10) : rows_at(&last, 0, 0)->number;
    snprintf(r->run, sizeof r->run, "%" PRId64, run);
}

/* ---- another order ---- */

static uint64_t mixed(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

struct place {
    uint64_t rank;
    size_t row;
};

static int by_rank(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static void permute(struct rows *rows, const struct place *places)
{
    size_t width = (size_t)rows->columns;
    struct cell *cells = mem_new(rows->count * width, sizeof cells[0]);
    for (size_t i = 0; i < rows->count; i++)
        memcpy(&cells[i * width], rows_at(rows, places[i].row, 0), width * sizeof cells[0]);
    free(rows->cells);
    rows->cells = cells;
}

/* The log's numbers stay where they are: whatever comes first is appended first. */
static void number_again(struct part *part, int64_t first)
{
    int seq = rows_column(&part->log, "seq"), rev = rows_column(&part->record, "rev");
    for (size_t i = 0; i < part->log.count; i++) {
        rows_at(&part->log, i, seq)->number = first + (int64_t)i;
        rows_at(&part->record, i, rev)->number = first + (int64_t)i;
    }
}

static void reorder(struct part *part, bool scattered)
{
    int key = rows_column(&part->record, "key");
    int64_t first = rows_at(&part->log, 0, rows_column(&part->log, "seq"))->number;
    struct place *places = mem_new(part->log.count, sizeof places[0]);
    uint64_t *changed = mem_new(part->log.count, sizeof changed[0]);
    for (size_t i = 0; i < part->log.count; i++) {
        uint64_t number = (uint64_t)rows_at(&part->record, i, key)->number;
        places[i] = (struct place){scattered ? mixed(number) : number, i};
    }
    qsort(places, part->log.count, sizeof places[0], by_rank);
    permute(&part->record, places);
    permute(&part->log, places);
    permute(&part->link, places);
    for (size_t i = 0; i < part->log.count; i++)
        changed[i] = part->changed[places[i].row];
    free(part->changed);
    part->changed = changed;
    number_again(part, first);
    free(places);
}

/* ---- replaying ---- */

static int64_t us_of(int64_t seconds, int64_t us)
{
    return seconds * 1000000 + us;
}

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return us_of(t.tv_sec, t.tv_nsec / 1000);
}

static int64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return us_of(u.ru_utime.tv_sec + u.ru_stime.tv_sec, u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void replay(const struct recording *r, void *target)
{
    size_t records = 0, commits = 0;
    int64_t began = wall_us(), cpu_began = cpu_us();
    for (size_t p = 0; p < r->part_count; p++) {
        struct slice slice = {.part = &r->parts[p]};
        for (size_t c = 0; c < slice.part->commit_count; c++) {
            slice.count = slice.part->commits[c];
            (r->op == OP_CREATE ? r->engine->create : r->engine->update)(target, &slice);
            slice.first += slice.count;
            commits++;
        }
        records += slice.first;
    }
    printf("%zu %" PRId64 " %" PRId64 " %zu\n", records, wall_us() - began, cpu_us() - cpu_began,
           commits);
}

static void free_recording(struct recording *r)
{
    for (size_t i = 0; i < r->part_count; i++) {
        free(r->parts[i].record.cells);
        free(r->parts[i].log.cells);
        free(r->parts[i].link.cells);
        free(r->parts[i].changed);
        free(r->parts[i].commits);
    }
    r->engine->close(r->source);
    arena_free(&r->arena);
}

int main(int argc, char **argv)
{
    bool creates = argc > 1 && strcmp(argv[1], "creates") == 0;
    bool scattered = argc > 1 && strcmp(argv[1], "scattered") == 0;
    if (argc < 4 || argc > 5 || !(creates || scattered || strcmp(argv[1], "ordered") == 0)) {
        fputs("Usage: replay_limit creates|ordered|scattered SOURCE TARGET [RUN]\n", stderr);
        return 2;
    }
    bool postgres = strncmp(argv[2], "postgresql:", 11) == 0;
    struct recording r = {.engine = postgres ? &replay_postgres : &replay_sqlite,
                          .op = creates ? OP_CREATE : OP_UPDATE};
    r.source = r.engine->open(argv[2], false);
    find_run(&r, argc > 4 ? argv[4] : NULL);
    for (size_t i = 0; i < model_object_count && r.part_count < PARTS_MAX; i++)
        record_part(&r, &model_objects[i]);
    if (r.part_count == 0)
        die("%s: run %s has %s nothing", argv[2], r.run, creates ? "created" : "updated");
    for (size_t i = 0; i < r.part_count && !creates; i++)
        reorder(&r.parts[i], scattered);
    void *target = r.engine->open(argv[3], true);
    replay(&r, target);
    r.engine->close(target);
    free_recording(&r);
    return 0;
}
