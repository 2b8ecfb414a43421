/* SPDX-License-Identifier: Apache-2.0 */
/* What a person has decided becomes links: first all of it is checked against the store, then it is
 * written, portion by portion, by a run of its own. */
#include <stdlib.h>

#include "base/mem.h"
#include "sync/linkup.h"
#include "sync/merge_internal.h"
#include "sync/pause.h"
#include "sync/run_internal.h"

enum { PORTION = 2000 };

struct accepting {
    struct run run;
    struct linkup_decisions *decisions;
    struct problems *problems;
    struct linkup_counts counts;
    struct run_object *object; /* the current one, and its decisions */
    struct linkup_decision *items;
    size_t count;
    struct arena arena; /* of a portion */
};

static void mistake(struct accepting *a, struct linkup_place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void mistake(struct accepting *a, struct linkup_place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_vadd(a->problems, a->decisions->file, at.line, at.column, format, args);
    va_end(args);
}

/* ---- objects ---- */

/* The decisions on records of one object stand together. */
static void choose_object(struct accepting *a, size_t i)
{
    const struct linkup_decisions *d = a->decisions;
    size_t from = 0, to;
    a->run.current = i;
    a->object = &a->run.objects[i];
    while (from < d->count && d->items[from].object != a->object->setup)
        from++;
    to = from;
    while (to < d->count && d->items[to].object == a->object->setup)
        to++;
    a->items = d->items ? &d->items[from] : NULL;
    a->count = to - from;
}

/* ---- which records of ours are meant ---- */

struct finding {
    struct linkup_decision **links; /* by id */
    size_t count;
    bool deleted; /* tombstones are looked through */
    struct accepting *a;
};

static int by_id(const void *a, const void *b)
{
    const struct linkup_decision *x = *(struct linkup_decision *const *)a;
    const struct linkup_decision *y = *(struct linkup_decision *const *)b;
    return memcmp(&x->id, &y->id, sizeof x->id);
}

static bool note_key(void *arg, const struct record_row *row)
{
    struct finding *f = arg;
    struct linkup_decision wanted = {.id = row->id}, *pointer = &wanted;
    struct linkup_decision **found =
        bsearch(&pointer, f->links, f->count, sizeof f->links[0], by_id);
    if (!found)
        return true;
    while (found > f->links && by_id(found - 1, &pointer) == 0)
        found--;
    for (; found < f->links + f->count && by_id(found, &pointer) == 0; found++) {
        (*found)->key = row->key;
        if (f->deleted)
            mistake(f->a, (*found)->at_id, "this record of ours is deleted");
    }
    return true;
}

static int find_in(struct finding *f, struct error *err)
{
    struct run *run = &f->a->run;
    struct store *store = run->host->store;
    const struct record_filter filter = {.object = f->a->object->setup->model,
                                         .organization = run->organization,
                                         .deleted = f->deleted};
    return f->count == 0 ? 0 : store->engine->each_record(store, &filter, note_key, f, err);
}

/* Leaves those that were not found. */
static void keep_missing(struct finding *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->links[i]->key == 0)
            f->links[n++] = f->links[i];
    f->count = n;
}

/* By one look through our records; those that are deleted are looked at only where some are
 * missing.
 */
static int find_records(struct accepting *a, struct error *err)
{
    struct finding f = {.links = mem_new(a->count, sizeof f.links[0]), .a = a};
    for (size_t i = 0; i < a->count; i++)
        if (!a->items[i].apart)
            f.links[f.count++] = &a->items[i];
    if (f.count > 0)
        qsort(f.links, f.count, sizeof f.links[0], by_id);
    int rc = find_in(&f, err);
    keep_missing(&f);
    f.deleted = true;
    if (rc == 0)
        rc = find_in(&f, err);
    keep_missing(&f);
    for (size_t i = 0; i < f.count && rc == 0; i++)
        mistake(a, f.links[i]->at_id, "there is no %s with this id here",
                a->object->setup->model->name);
    free(f.links);
    return rc;
}

/* ---- a portion, against the store ---- */

struct portion {
    struct linkup_decision *items;
    size_t count;
    struct link_row *links; /* that the vendor's records have */
    struct str *partners;   /* of ours: whom they are linked with already */
    bool *is_there;         /* ours */
};

/* Of those that are to be linked: those that are not lead to no record, as many others do. */
static int load_ours(struct accepting *a, struct portion *p, struct error *err)
{
    struct store *store = a->run.host->store;
    int64_t *keys = arena_new(&a->arena, p->count, sizeof keys[0]);
    struct str *partners = arena_new(&a->arena, p->count, sizeof partners[0]);
    struct record_row *rows = arena_new(&a->arena, p->count, sizeof rows[0]);
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].key != 0)
            keys[n++] = p->items[i].key;
    if (n == 0)
        return 0;
    if (store->engine->load_external(store, a->object->state.id, keys, n, partners, &a->arena,
                                     err) != 0 ||
        store->engine->load_records(store, a->object->setup->model, keys, n, rows, &a->arena,
                                    err) != 0)
        return -1;
    n = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].key == 0)
            continue;
        p->partners[i] = partners[n];
        p->is_there[i] = rows[n++].key != 0;
    }
    return 0;
}

static int load(struct accepting *a, struct portion *p, struct error *err)
{
    struct store *store = a->run.host->store;
    struct str *ids = arena_new(&a->arena, p->count, sizeof ids[0]);
    p->links = arena_new(&a->arena, p->count, sizeof p->links[0]);
    p->partners = arena_new(&a->arena, p->count, sizeof p->partners[0]);
    p->is_there = arena_new(&a->arena, p->count, sizeof p->is_there[0]);
    for (size_t i = 0; i < p->count; i++)
        ids[i] = p->items[i].external_id;
    if (store->engine->load_links(store, a->object->state.id, ids, p->count, p->links, &a->arena,
                                  err) != 0)
        return -1;
    return load_ours(a, p, err);
}

static bool is_settled(const struct linkup_decision *d, const struct link_row *link)
{
    if (d->apart)
        return link->key != 0 && link->ended == LINK_MERGED && link->record == 0;
    return link->key != 0 && link->ended == LINK_LIVE && link->record == d->key;
}

/* What the vendor's record is by now. */
static void check_link(struct accepting *a, const struct linkup_decision *d,
                       const struct link_row *link)
{
    if (link->key != 0 && link->ended == LINK_LIVE)
        mistake(a, d->at, "'%.*s' is linked already%s", STR_ARG(d->external_id),
                d->apart ? "" : ", with another record of ours");
    else if (link->key != 0 && link->ended == LINK_MERGED && link->record != 0)
        mistake(a, d->at, "the vendor has merged '%.*s' into another record",
                STR_ARG(d->external_id));
}

static void check_ours(struct accepting *a, const struct linkup_decision *d, bool is_there,
                       struct str partner)
{
    if (d->apart || d->key == 0) /* which has been said */
        return;
    if (!is_there)
        mistake(a, d->at_id, "this record of ours is not there any more");
    else if (partner.len > 0 && !str_eq(partner, d->external_id))
        mistake(a, d->at_id, "this record of ours is linked with '%.*s' already", STR_ARG(partner));
}

static void check_portion(struct accepting *a, const struct portion *p)
{
    const struct merge merge = run_merge(&a->run);
    const struct batch b = batch_of(&merge);
    for (size_t i = 0; i < p->count; i++) {
        const struct linkup_decision *d = &p->items[i];
        if (is_settled(d, &p->links[i]))
            continue;
        if (batch_was_erased(&b, a->object->state.id, d->external_id))
            mistake(a, d->at, "'%.*s' was erased with the data of a person",
                    STR_ARG(d->external_id));
        check_link(a, d, &p->links[i]);
        check_ours(a, d, p->is_there[i], p->partners[i]);
    }
}

static int each_portion(struct accepting *a,
                        int (*work)(struct accepting *a, struct portion *p, struct error *err),
                        struct error *err)
{
    int rc = 0;
    for (size_t from = 0; from < a->count && rc == 0; from += PORTION) {
        size_t left = a->count - from;
        struct portion p = {.items = &a->items[from], .count = left < PORTION ? left : PORTION};
        rc = work(a, &p, err);
        arena_free(&a->arena);
    }
    return rc;
}

/* ---- checking ---- */

static int check_some(struct accepting *a, struct portion *p, struct error *err)
{
    if (load(a, p, err) != 0)
        return -1;
    check_portion(a, p);
    return 0;
}

static int check_all(void *arg, struct error *err)
{
    struct accepting *a = arg;
    for (size_t i = 0; i < a->run.object_count; i++) {
        choose_object(a, i);
        if (a->count > 0 && (find_records(a, err) != 0 || each_portion(a, check_some, err) != 0))
            return -1;
    }
    return 0;
}

/* Under the connection's lease, and nothing of it stays. */
static int check(struct accepting *a, struct error *err)
{
    struct linkup none = {0};
    struct error end_err;
    struct store *store = a->run.host->store;
    a->run.request.linkup = &none; /* dry */
    int rc = run_store_open(&a->run, err);
    if (rc == 0) {
        rc = store->engine->begin(store, err);
        if (rc == 0) {
            rc = check_all(a, err);
            store->engine->rollback(store);
        }
        run_store_end(&a->run, &end_err);
    }
    a->run.request.linkup = NULL;
    return rc;
}

/* ---- writing ---- */

/* What was seen of another record, when the link was live before, says nothing. */
static void add_link(struct accepting *a, struct store_batch *out, const struct linkup_decision *d,
                     const struct link_row *link)
{
    enum link_ended ended = d->apart ? LINK_MERGED : LINK_LIVE;
    int64_t record = d->apart ? 0 : d->key;
    out->links[out->link_count++] = (struct link_write){.key = link->key,
                                                        .stream = a->object->state.id,
                                                        .record = record,
                                                        .external_id = d->external_id,
                                                        .seen_remote = STR(""),
                                                        .seen_local = STR(""),
                                                        .base = STR(""),
                                                        .ended = ended};
    if (link->key != 0)
        out->link_ends[out->link_end_count++] = (struct link_end){
            .key = link->key, .stream = a->object->state.id, .record = record, .ended = ended};
}

static void fill(struct accepting *a, const struct portion *p, struct store_batch *out,
                 struct linkup_counts *counts)
{
    out->links = arena_new(&a->arena, p->count, sizeof out->links[0]);
    out->link_ends = arena_new(&a->arena, p->count, sizeof out->link_ends[0]);
    for (size_t i = 0; i < p->count; i++) {
        if (is_settled(&p->items[i], &p->links[i])) {
            counts->unchanged++;
            continue;
        }
        add_link(a, out, &p->items[i], &p->links[i]);
        counts->apart += p->items[i].apart;
        counts->linked += !p->items[i].apart;
    }
}

/* The next sync reads all records, also those that were set aside or not changed since. */
static int read_anew(struct accepting *a, struct error *err)
{
    struct store *store = a->run.host->store;
    struct stream_state *state = &a->object->state;
    state->has_watermark = false;
    state->walk = WALK_NONE;
    state->walk_links = 0;
    state->position.len = 0;
    return store->engine->set_stream(store, state, err);
}

static int write_portion(struct accepting *a, struct portion *p, struct run_counts *counts,
                         struct linkup_counts *more, struct error *err)
{
    struct run *run = &a->run;
    struct store *store = run->host->store;
    const struct merge merge = run_merge(run);
    struct store_batch out =
        store_batch_of(&merge, a->object->setup->model, world_now(run->host->world));
    size_t before = a->problems->count;
    int paused = pause_check(store, run_name(run), err);
    run->stopped = paused > 0;
    if (paused != 0 || load(a, p, err) != 0)
        return -1;
    check_portion(a, p);
    if (a->problems->count > before)
        return error_set(err, "something has changed while it was written: propose again");
    fill(a, p, &out, more);
    counts->read += (int64_t)p->count;
    counts->unchanged += more->unchanged;
    struct run_stream_row row = *a->object->row;
    row.counts = *counts;
    if (store->engine->apply(store, &out, err) != 0 ||
        (out.link_count > 0 && read_anew(a, err) != 0))
        return -1;
    return store->engine->run_stream(store, run->row.id, &row, err);
}

static int write_some(struct accepting *a, struct portion *p, struct error *err)
{
    struct store *store = a->run.host->store;
    struct run_counts counts = a->object->row->counts;
    struct linkup_counts more = {0};
    if (store->engine->begin(store, err) != 0)
        return -1;
    if (write_portion(a, p, &counts, &more, err) != 0 || store->engine->commit(store, err) != 0) {
        store->engine->rollback(store);
        return -1;
    }
    a->object->row->counts = counts;
    a->counts.linked += more.linked;
    a->counts.apart += more.apart;
    a->counts.unchanged += more.unchanged;
    return 0;
}

static int write_objects(struct accepting *a, struct error *err)
{
    struct run *run = &a->run;
    int rc = 0;
    for (size_t i = 0; i < run->object_count && rc == 0; i++) {
        choose_object(a, i);
        if (a->count == 0)
            continue;
        a->object->row = &run->row.streams[run->row.stream_count++];
        *a->object->row =
            (struct run_stream_row){.stream = a->object->state.id,
                                    .vendor_object = a->object->setup->item->name,
                                    .object = str_from(a->object->setup->model->name)};
        rc = each_portion(a, write_some, err);
    }
    return rc;
}

static int write_all(struct accepting *a, struct error *err)
{
    struct run *run = &a->run;
    struct error end_err;
    if (run_store_open(run, err) != 0)
        return -1;
    int64_t began = world_cpu_us();
    int rc = write_objects(a, err);
    run->row.status = rc == 0 ? RUN_OK : run->stopped ? RUN_CANCELLED : RUN_FAILED;
    if (rc != 0)
        run->row.reason = arena_str(&run->arena, str_from(err->text));
    run->row.cpu_us = world_cpu_us() - began;
    run->row.ended_at = world_now(run->host->world);
    if (run_store_end(run, &end_err) == 0)
        return rc;
    if (rc == 0)
        *err = end_err;
    return -1;
}

int linkup_accept(struct sync_host *host, struct setup *setup, struct linkup_decisions *decisions,
                  struct str started_by, struct problems *problems, struct run_row *ret_row,
                  struct linkup_counts *ret_counts, struct arena *arena, struct error *err)
{
    struct accepting a = {.run = {.host = host, .setup = setup, .request.started_by = started_by},
                          .decisions = decisions,
                          .problems = problems};
    a.run.row = (struct run_row){.connection = setup->config->name,
                                 .started_by = started_by,
                                 .started_at = world_now(host->world),
                                 .exit_signal = -1,
                                 .exit_code = -1};
    run_select(&a.run, NULL);
    int rc = check(&a, err);
    if (rc == 0 && problems->count == 0 && decisions->count > 0)
        rc = write_all(&a, err);
    run_copy_row(&a.run.row, ret_row, arena);
    *ret_counts = a.counts;
    free(a.run.objects);
    arena_free(&a.run.arena);
    return rc;
}
