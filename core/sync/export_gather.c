/* SPDX-License-Identifier: Apache-2.0 */
/* Which records are due, and which of their fields differ from what was agreed on. */
#include <stdlib.h>

#include "sync/custom.h"
#include "sync/export_internal.h"

enum { LOG_ROWS_MOST = 20000 /* looked at in one transaction */ };

size_t export_portion(const struct export *x)
{
    size_t rows = x->merge.target->object->vendor->write_rows;
    return rows > READ_IDS_MAX ? READ_IDS_MAX : rows;
}

/* ---- after a crash ---- */

static int load_all(struct export *x, enum write_state state, struct export_write **ret_rows,
                    size_t *ret_count, struct error *err)
{
    return engine_of(x)->load_writes(x->merge.store, x->merge.target->stream, state, 0,
                                     SIZE_MAX / 2, ret_rows, ret_count, &x->arena, err);
}

/* Writes that may be sent again without harm are forgotten: their records are still due, and will
 * be compared. A creation may have been done. */
static int doubt_sent(struct export *x, struct error *err)
{
    struct export_write *rows;
    size_t count, creations = 0, others = 0;
    if (load_all(x, WRITE_SENT, &rows, &count, err) != 0)
        return -1;
    int64_t *created = arena_new(&x->arena, count, sizeof created[0]);
    int64_t *other = arena_new(&x->arena, count, sizeof other[0]);
    for (size_t i = 0; i < count; i++)
        if (rows[i].op == WRITE_CREATE || rows[i].op == WRITE_UPSERT)
            created[creations++] = rows[i].id;
        else
            other[others++] = rows[i].id;
    if (engine_of(x)->set_writes(x->merge.store, created, creations, WRITE_DOUBTED, err) != 0)
        return -1;
    return engine_of(x)->drop_writes(x->merge.store, other, others, err);
}

/* Whether a field was written that a record is matched by. */
static bool wrote_match(const struct export *x, const struct export_write *write)
{
    const struct object_setup *object = x->merge.target->object;
    const struct mapping *m = &object->mapping;
    const struct json *body = NULL;
    bool wrote = false;
    if (json_parse(write->body, &body, NULL) != 0)
        return false;
    for (size_t i = 0; i < object->match_count; i++)
        for (size_t j = 0; j < m->export_count; j++)
            wrote |= m->rules[m->exports[j].rule].index == object->match[i] &&
                     json_kind(json_member(body, m->exports[j].to)) == JSON_STRING;
    json_free(body);
    return wrote;
}

/* Whether an import that reads the record would have linked it (merge_doubt.c): it has a value to
 * be matched by, and what was written at the time has been read since. */
static bool would_be_linked(const struct export *x, const struct export_write *write,
                            const struct record_row *row)
{
    if (row->key == 0)
        return true; /* there is nothing to create any more */
    return x->watermark > write->at + CLOCKS_APART_US && wrote_match(x, write);
}

/* Writes of one state, with the vendor's ids of their records, as far as they are linked, and what
 * these are now. */
struct written {
    struct export_write *rows;
    struct str *external;
    struct record_row *found;
    size_t count;
};

static int load_written(struct export *x, enum write_state state, struct written *ret,
                        struct error *err)
{
    const struct merge *m = &x->merge;
    if (load_all(x, state, &ret->rows, &ret->count, err) != 0)
        return -1;
    if (ret->count == 0)
        return 0;
    int64_t *records = arena_new(&x->arena, ret->count, sizeof records[0]);
    ret->external = arena_new(&x->arena, ret->count, sizeof ret->external[0]);
    ret->found = arena_new(&x->arena, ret->count, sizeof ret->found[0]);
    for (size_t i = 0; i < ret->count; i++)
        records[i] = ret->rows[i].record;
    if (engine_of(x)->load_external(m->store, m->target->stream, records, ret->count, ret->external,
                                    &x->arena, err) != 0)
        return -1;
    return engine_of(x)->load_records(m->store, m->target->object->model, records, ret->count,
                                      ret->found, &x->arena, err);
}

/* A creation in doubt was done when its record has a link by now, which an import has made by the
 * match; and was not done when such an import has come and made none. By our id it may be done once
 * more in any case. */
static bool is_settled(const struct export *x, const struct written *w, size_t i)
{
    return w->external[i].len > 0 || w->rows[i].op == WRITE_UPSERT ||
           would_be_linked(x, &w->rows[i], &w->found[i]);
}

/* What was refused is over when there is nothing left to be written: the vendor's record has ended,
 * or ours is gone before it was ever there. */
static bool is_over(const struct export *x, const struct written *w, size_t i)
{
    bool gone = w->found[i].key == 0 || w->found[i].deleted_at != 0;
    (void)x;
    return w->external[i].len == 0 && (w->rows[i].link != 0 || gone);
}

static int drop_written(struct export *x, enum write_state state,
                        bool (*drops)(const struct export *x, const struct written *w, size_t i),
                        struct error *err)
{
    struct written w;
    size_t n = 0;
    if (load_written(x, state, &w, err) != 0)
        return -1;
    int64_t *ids = arena_new(&x->arena, w.count, sizeof ids[0]);
    for (size_t i = 0; i < w.count; i++)
        if (drops(x, &w, i))
            ids[n++] = w.rows[i].id;
    return engine_of(x)->drop_writes(x->merge.store, ids, n, err);
}

/* Our record has changed since that was written. That was noted in the vendor's time: clocks that
 * are apart make it be tried once too often. */
static bool has_changed(const struct written *w, size_t i)
{
    return w->found[i].updated_at > w->rows[i].at;
}

/* What our own import has changed since may have nothing left to be written, either: these are
 * looked at once more. All are after a full read, which knows what has become of the records that
 * an association was refused for. */
static int queue_refused(struct export *x, struct error *err)
{
    const struct merge *m = &x->merge;
    struct written w;
    size_t n = 0;
    if (load_written(x, WRITE_REFUSED, &w, err) != 0)
        return -1;
    int64_t *records = arena_new(&x->arena, w.count, sizeof records[0]);
    for (size_t i = 0; i < w.count; i++)
        if (x->read_all || has_changed(&w, i))
            records[n++] = w.rows[i].record;
    return engine_of(x)->queue_exports(m->store, m->target->stream, records, n, err);
}

static int recover(void *arg, struct error *err)
{
    struct export *x = arg;
    if (doubt_sent(x, err) != 0 || drop_written(x, WRITE_DOUBTED, is_settled, err) != 0)
        return -1;
    return drop_written(x, WRITE_REFUSED, is_over, err) != 0 ? -1 : queue_refused(x, err);
}

int export_recover(struct export *x, struct error *err)
{
    int rc = store_transact(x->merge.store, recover, x, err);
    arena_free(&x->arena);
    return rc;
}

/* ---- what differs ---- */

int export_find_due(struct store *store, int64_t stream, int64_t record, struct arena *arena,
                    struct export_due **ret_due, struct error *err)
{
    size_t found;
    if (store->engine->load_exports(store, stream, record - 1, 1, ret_due, &found, arena, err) != 0)
        return -1;
    if (found == 0 || (*ret_due)->record != record)
        *ret_due = NULL;
    return 0;
}

static int find_due(struct export *x, int64_t record, struct export_due **ret_due,
                    struct error *err)
{
    return export_find_due(x->merge.store, x->merge.target->stream, record, &x->arena, ret_due,
                           err);
}

/* Each by itself: a plan's may lie far from one another. */
static int load_picked(struct export *x, struct export_due **ret_due, size_t *ret_count,
                       struct error *err)
{
    struct export_due *all = arena_new(&x->arena, x->picked_count, sizeof all[0]), *due;
    size_t n = 0;
    for (size_t i = 0; i < x->picked_count; i++) {
        if (find_due(x, x->picked[i], &due, err) != 0)
            return -1;
        if (due)
            all[n++] = *due;
    }
    *ret_due = all;
    *ret_count = n;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int export_pick(struct export *x, struct error *err)
{
    size_t n = x->pick_id_count;
    struct link_row *links = arena_new(&x->arena, n, sizeof links[0]);
    x->picked = arena_new(&x->arena, n, sizeof x->picked[0]);
    x->picked_count = 0;
    if (n == 0)
        return 0;
    if (engine_of(x)->load_links(x->merge.store, x->merge.target->stream, x->pick_ids, n, links,
                                 NULL, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (links[i].key != 0)
            x->picked[x->picked_count++] = links[i].record;
    qsort(x->picked, x->picked_count, sizeof x->picked[0], by_number);
    return 0;
}

static int load_due(struct export *x, struct export_due **ret_due, size_t *ret_count,
                    struct error *err)
{
    return x->picks
               ? load_picked(x, ret_due, ret_count, err)
               : engine_of(x)->load_exports(x->merge.store, x->merge.target->stream, x->after,
                                            export_portion(x), ret_due, ret_count, &x->arena, err);
}

int export_load(struct export *x, struct export_due **ret_due, struct record_row **ret_rows,
                size_t *ret_count, struct error *err)
{
    const struct merge *m = &x->merge;
    size_t count;
    if (load_due(x, ret_due, &count, err) != 0)
        return -1;
    int64_t *records = arena_new(&x->arena, count, sizeof records[0]);
    *ret_rows = arena_new(&x->arena, count, sizeof **ret_rows);
    *ret_count = count;
    for (size_t i = 0; i < count; i++)
        records[i] = (*ret_due)[i].record;
    return engine_of(x)->load_records(m->store, m->target->object->model, records, count, *ret_rows,
                                      &x->arena, err);
}

int export_custom(const struct export *x, const struct record_row *row,
                  const struct json **ret_custom, struct error *err)
{
    const struct mapping *m = &x->merge.target->object->mapping;
    *ret_custom = NULL;
    if (!mapping_has_custom_exports(m))
        return 0;
    return custom_read(m->object, row->key, row->custom, ret_custom, err);
}

bool export_differs(const struct export *x, const struct export_due *due,
                    const struct export_rule *e, const struct value *value)
{
    const struct rule *rule = &x->merge.target->object->mapping.rules[e->rule];
    uint64_t agreed;
    if (rule->paused)
        return false;
    if (due->link.key == 0)
        return value->state != VALUE_NULL;
    return shadow_find(due->link.seen_local, rule->field.id, &agreed) &&
           agreed != rule_hash(store_hash_key(x->merge.store), value);
}

enum export_wish export_wish(const struct export *x, const struct export_due *due,
                             const struct record_row *row)
{
    const struct mapping *m = &x->merge.target->object->mapping;
    bool here = row->key != 0 && row->deleted_at == 0;
    if (due->link.key == 0)
        return here && m->creates ? WISH_CREATE : WISH_NOTHING;
    if (due->link.ended != LINK_LIVE)
        return WISH_NOTHING;
    if (!here)
        return m->archives ? WISH_ARCHIVE : WISH_NOTHING;
    return m->updates ? WISH_UPDATE : WISH_NOTHING;
}

enum export_change { CHANGED_NOT, CHANGED, CHANGE_UNREADABLE };

static enum export_change change_of(struct export *x, const struct export_due *due,
                                    const struct record_row *row)
{
    const struct mapping *m = &x->merge.target->object->mapping;
    const struct json *custom;
    bool differs = false;
    struct error why;
    if (export_custom(x, row, &custom, &why) != 0)
        return CHANGE_UNREADABLE;
    for (size_t i = 0; i < m->export_count && !differs; i++) {
        struct value value;
        if (field_of_record(&m->rules[m->exports[i].rule], row, custom, &x->arena, &value) == 0)
            differs = export_differs(x, due, &m->exports[i], &value);
    }
    json_free(custom);
    return differs ? CHANGED : CHANGED_NOT;
}

/* ---- gathering ---- */

static int sort_portion(struct export *x, const struct export_due *due,
                        const struct record_row *rows, size_t count, struct error *err)
{
    int64_t *done = arena_new(&x->arena, count, sizeof done[0]);
    size_t done_count = 0;
    x->unread = arena_new(&x->arena, count, sizeof x->unread[0]);
    x->ids = arena_new(&x->arena, count, sizeof x->ids[0]);
    for (size_t i = 0; i < count; i++) {
        enum export_wish wish = export_wish(x, &due[i], &rows[i]);
        enum export_change change = wish == WISH_UPDATE ? change_of(x, &due[i], &rows[i]) : CHANGED;
        bool unread = due[i].unread && due[i].link.key != 0;
        bool wanted = unread || (wish != WISH_NOTHING && change != CHANGED_NOT);
        if (!wanted)
            done[done_count++] = due[i].record;
        else if (unread || (due[i].link.key != 0 && change == CHANGED))
            x->ids[x->id_count++] = due[i].external_id;
        if (unread)
            x->unread[x->unread_count++] = due[i].record;
        x->count += wanted;
    }
    int64_t stream = x->merge.target->stream;
    if (engine_of(x)->forget_refused(x->merge.store, stream, done, done_count, err) != 0)
        return -1; /* nothing is to be written any more */
    return engine_of(x)->drop_exports(x->merge.store, stream, done, done_count, err);
}

/* A plan's queue is made in each of its transactions, whole. */
static int note_some(void *arg, struct error *err)
{
    struct export *x = arg;
    const struct merge *m = &x->merge;
    bool more = true;
    while (more && (x->plan || !x->noted)) {
        if (engine_of(x)->note_exports(m->store, m->target->stream, x->connection_id,
                                       m->target->object->model, LOG_ROWS_MOST, &more, err) != 0)
            return -1;
        x->noted = !more;
        if (!x->plan)
            break;
    }
    return 0;
}

int export_note_log(struct export *x, struct error *err)
{
    if (x->plan)
        return note_some(x, err);
    while (!x->noted)
        if (store_transact(x->merge.store, note_some, x, err) != 0)
            return -1;
    return 0;
}

static int gather(void *arg, struct error *err)
{
    struct export *x = arg;
    struct export_due *due;
    struct record_row *rows;
    size_t count;
    if (note_some(x, err) != 0)
        return -1;
    if (!x->noted)
        return 0;
    if (export_load(x, &due, &rows, &count, err) != 0)
        return -1;
    x->last = count > 0 ? due[count - 1].record : INT64_MAX;
    return sort_portion(x, due, rows, count, err);
}

/* A plan keeps nothing. */
static int transact(struct export *x, int (*work)(void *arg, struct error *err), void *arg,
                    struct error *err)
{
    return (x->plan ? store_rehearse : store_transact)(x->merge.store, work, arg, err);
}

int export_gather(struct export *x, struct error *err)
{
    do {
        export_free(x);
        if (transact(x, gather, x, err) != 0)
            return -1;
        if (x->noted && x->count == 0)
            x->after = x->last;
    } while (x->count == 0 && x->after != INT64_MAX);
    return 0;
}

struct retries {
    struct export *x;
    int64_t count;
};

/* What was refused and has not changed since is tried again, but is no news to a guard rail: it
 * would stop what is. */
static int count_retries(void *arg, struct error *err)
{
    struct retries *r = arg;
    struct export *x = r->x;
    struct written w;
    size_t n = 0;
    r->count = 0;
    if (load_written(x, WRITE_REFUSED, &w, err) != 0)
        return -1;
    int64_t *records = arena_new(&x->arena, w.count, sizeof records[0]);
    for (size_t i = 0; i < w.count; i++)
        if (!has_changed(&w, i))
            records[n++] = w.rows[i].record;
    qsort(records, n, sizeof records[0], by_number);
    for (size_t i = 0; i < n; i++) {
        struct export_due *due;
        if (i > 0 && records[i] == records[i - 1])
            continue;
        if (find_due(x, records[i], &due, err) != 0)
            return -1;
        r->count += due != NULL;
    }
    return 0;
}

enum merge_result export_guard(struct export *x, struct error *err)
{
    const struct guard_config *g = &x->merge.target->object->config->guard;
    struct retries retries = {.x = x};
    struct run_counts due = {0};
    if (g->max_export_changes == 0 && g->max_export_percent == 0)
        return MERGE_OK;
    do {
        if (export_gather(x, err) != 0)
            return MERGE_FAILED;
        /* Of what is to be read again it is not known yet whether anything is to be written. */
        due.sent_updated += (int64_t)(x->count - x->unread_count);
        x->after = x->last;
    } while (x->count > 0);
    export_free(x);
    x->after = 0;
    int rc = transact(x, count_retries, &retries, err);
    export_free(x);
    if (rc != 0)
        return MERGE_FAILED;
    due.sent_updated -= retries.count < due.sent_updated ? retries.count : due.sent_updated;
    return merge_guard_exports(&x->merge, x->counts, &due, err);
}

void export_free(struct export *x)
{
    x->items = NULL;
    x->groups = NULL;
    x->looked = NULL;
    x->ids = NULL;
    x->unread = NULL;
    x->decided = (struct run_counts){0};
    x->count = x->unread_count = x->id_count = x->looked_count = x->looked_cap = x->group_count = 0;
    arena_free(&x->arena);
}
