/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a merge no row of the log tells: the links that it moved, and the references that waited.
 * The links of the record that comes back are its own again. What was seen of both sides is again
 * as it was before the merge, but for what an export of the merged record has written: so a change
 * that the vendor made in between is taken by the record that comes back, and what fastenr itself
 * wrote is written back.
 */
#include "sync/link_base.h"
#include "sync/rollback_internal.h"

/* ---- which links go back ---- */

/* The record whose life the merge changed, where it is in this portion and is taken back, or has
 * been: a merge ends one, and the rollback of a merge lets it live. */
static struct past *trigger_of(const struct rollback *r, const struct moved_link *link,
                               struct past *pasts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct past *p = &pasts[i];
        bool back = p->lived && p->key == link->from, again = !p->lived && p->key == link->to;
        bool lives = p->revives || (p->row->key != 0 && p->row->deleted_at == 0);
        if (p->lifes && !p->left && r->in->field.len == 0 && ((back && lives) || again))
            return p;
    }
    return NULL;
}

/* Another live link of the record in the same stream: 1, 0, -1. */
static int is_taken(struct rollback *r, const struct model_object *object,
                    const struct moved_link *link, struct arena *arena, struct error *err)
{
    struct held_link *held;
    size_t count;
    if (rollback_engine(r)->load_held(r->store, object, &link->from, 1, &held, &count, arena,
                                      err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (link->now.link.ended == LINK_LIVE && held[i].link.ended == LINK_LIVE &&
            held[i].stream == link->now.stream && held[i].link.key != link->now.link.key)
            return 1;
    return 0;
}

static int decide_move(struct rollback *r, struct moving *m, struct past *p, struct arena *arena,
                       struct error *err)
{
    const struct moved_link *link = m->link;
    m->past = p;
    if (link->now.link.record == link->from || (!p->lived && !p->ends))
        return 0; /* done before, or as it is */
    if (rollback_engine(r)->load_records(r->store, p->object, &link->from, 1, &m->to, arena, err) !=
        0)
        return -1;
    int taken = is_taken(r, p->object, link, arena, err);
    if (taken < 0)
        return -1;
    if (link->now.link.record != link->to)
        m->left = "it has yet another record since";
    else if (taken)
        m->left = "the record is linked with another one there since";
    else if (!p->lived && (m->to.key == 0 || m->to.deleted_at != 0))
        m->left = "the record that it had is deleted";
    m->goes = !m->left;
    return 0;
}

int rollback_decide_moves(struct rollback *r, struct past *pasts, size_t count,
                          struct moves *ret_moves, struct arena *arena, struct error *err)
{
    struct moved_link *links;
    if (rollback_engine(r)->load_moved(r->store, r->of.id, &links, &ret_moves->count, arena, err) !=
        0)
        return -1;
    ret_moves->items = arena_new(arena, ret_moves->count, sizeof ret_moves->items[0]);
    for (size_t i = 0; i < ret_moves->count; i++) {
        struct moving *m = &ret_moves->items[i];
        m->link = &links[i];
        struct past *p = links[i].now.link.key != 0 ? trigger_of(r, &links[i], pasts, count) : NULL;
        if (p && decide_move(r, m, p, arena, err) != 0)
            return -1;
    }
    return 0;
}

static bool goes(const struct moving *m)
{
    return m->goes && (m->past->lived || m->past->ends);
}

bool rollback_moves_away(const struct moves *moves, const struct past *past, int64_t link)
{
    for (size_t i = 0; i < moves->count; i++)
        if (moves->items[i].past == past && moves->items[i].link->now.link.key == link)
            return moves->items[i].goes;
    return false;
}

/* ---- what was seen of both sides ---- */

/* Whether the vendor has a field's value from an export of the merged record. */
static bool was_exported(const struct moved_link *link, uint16_t id, uint64_t now)
{
    uint64_t before, left;
    bool same = shadow_find(link->seen_local, id, &before) && before == now;
    return !same && shadow_find(link->left, id, &left) && left == now;
}

static struct link_write seen_again(const struct moved_link *link, struct arena *arena)
{
    struct link_write write = {.key = link->now.link.key,
                               .stream = link->now.stream,
                               .record = link->from,
                               .external_id = link->now.external_id,
                               .seen_remote = link->seen_remote,
                               .seen_local = link->seen_local};
    struct str now = link->now.link.seen_local;
    for (size_t i = 0; i < now.len / SHADOW_ENTRY; i++) {
        uint16_t id;
        uint64_t local, remote;
        shadow_entry(now, i, &id, &local);
        if (!was_exported(link, id, local))
            continue;
        write.seen_local = shadow_set(write.seen_local, id, local, arena);
        if (shadow_find(link->now.link.seen_remote, id, &remote))
            write.seen_remote = shadow_set(write.seen_remote, id, remote, arena);
    }
    const struct str bases[] = {link->base, link->now.link.base};
    write.base = link_base_choose(bases, 2, write.seen_local, arena);
    if (write.seen_local.len == 0)
        write.seen_local = (struct str){NULL, 0}; /* nothing is exported to it */
    return write;
}

/* ---- writing ---- */

static int note_move(struct rollback *r, const struct moving *m, struct moved_link *row,
                     struct arena *arena, struct error *err)
{
    const struct moved_link *link = m->link;
    struct record_row to = {0}; /* as it is by now */
    *row = (struct moved_link){.from = link->to,
                               .to = link->from,
                               .seen_remote = link->now.link.seen_remote,
                               .seen_local = link->now.link.seen_local,
                               .base = link->now.link.base,
                               .now = link->now};
    if (rollback_engine(r)->load_records(r->store, m->past->object, &link->from, 1, &to, arena,
                                         err) != 0)
        return -1;
    return duplicates_shadow(r->store, m->past->object, &to, arena, &row->left, err);
}

/* What is to be read again of the vendor's record goes along. */
static int read_again(struct rollback *r, const struct moved_link *link, struct arena *arena,
                      struct error *err)
{
    int64_t stream = link->now.stream;
    bool unread;
    if (duplicates_unread(r->store, stream, link->to, arena, &unread, err) != 0)
        return -1;
    return unread ? rollback_engine(r)->queue_unread(r->store, stream, &link->from, 1, err) : 0;
}

int rollback_write_moves(struct rollback *r, const struct moves *moves, struct arena *arena,
                         struct error *err)
{
    struct store_batch out = {
        .organization = r->organization, .run = r->run, .now_us = world_now(r->in->host->world)};
    struct moved_link *rows = arena_new(arena, moves->count, sizeof rows[0]);
    out.links = arena_new(arena, moves->count, sizeof out.links[0]);
    out.link_ends = arena_new(arena, moves->count, sizeof out.link_ends[0]);
    for (size_t i = 0; i < moves->count; i++) {
        const struct moving *m = &moves->items[i];
        if (!m->past || !goes(m))
            continue;
        out.object = m->past->object;
        out.links[out.link_count] = seen_again(m->link, arena);
        if (note_move(r, m, &rows[out.link_count++], arena, err) != 0 ||
            read_again(r, m->link, arena, err) != 0)
            return -1;
        out.link_ends[out.link_end_count++] = (struct link_end){.key = m->link->now.link.key,
                                                                .stream = m->link->now.stream,
                                                                .record = m->link->from,
                                                                .ended = m->link->now.link.ended};
    }
    if (out.link_count == 0)
        return 0;
    if (rollback_engine(r)->apply(r->store, &out, err) != 0)
        return -1;
    return rollback_engine(r)->add_moved(r->store, r->run, rows, out.link_count, NULL, 0, err);
}

void rollback_report_moves(struct rollback *r, const struct moves *moves, struct arena *arena)
{
    for (size_t i = 0; i < moves->count; i++) {
        const struct moving *m = &moves->items[i];
        bool told = m->past && (goes(m) || m->left) && !(r->only_ends && m->past->lived);
        if (!told)
            continue;
        struct record_link link = stream_names_link(&r->names, &m->link->now);
        char id[UUID_TEXT];
        struct rollback_item item = {
            .verdict = m->left ? ROLLBACK_LEFT : ROLLBACK_DONE,
            .act = ROLLBACK_CHANGE,
            .object = str_from(m->past->object->name),
            .record = str_from(m->to.key != 0 ? uuid_format(&m->to.id, id) : ""),
            .field = str_from(arena_printf(arena, "link %.*s %.*s %.*s", STR_ARG(link.connection),
                                           STR_ARG(link.vendor_object), STR_ARG(link.external_id))),
            .why = str_from(m->left ? m->left : "")};
        rollback_tell(r, &item);
    }
}

/* ---- references that wait ---- */

struct waiting_again {
    struct rollback *r;
    struct arena arena;
};

static int load_now(struct waiting_again *w, const struct pending_write *row,
                    struct pending_write *ret_now, struct error *err)
{
    const struct model_object *object = model_object_by_id(row->row.object);
    struct pending_write *rows;
    size_t count;
    *ret_now = *row;
    ret_now->stream = 0;
    ret_now->row.external_id = STR("");
    if (!object || rollback_engine(w->r)->load_waiting(w->r->store, object, &row->row.record, 1,
                                                       &rows, &count, &w->arena, err) != 0)
        return object ? -1 : 0;
    for (size_t i = 0; i < count; i++)
        if (rows[i].row.field == row->row.field)
            *ret_now = rows[i];
    return 0;
}

static int wait_again(void *arg, struct error *err)
{
    struct waiting_again *w = arg;
    struct rollback *r = w->r;
    struct store_batch out = {.run = r->run};
    if (rollback_engine(r)->load_waited(r->store, r->of.id, &out.pending, &out.pending_count,
                                        &w->arena, err) != 0)
        return -1;
    if (out.pending_count == 0)
        return 0;
    struct pending_write *now = arena_new(&w->arena, out.pending_count, sizeof now[0]);
    for (size_t i = 0; i < out.pending_count; i++)
        if (load_now(w, &out.pending[i], &now[i], err) != 0)
            return -1;
    out.object = model_object_by_id(out.pending[0].row.object);
    if (rollback_engine(r)->apply(r->store, &out, err) != 0)
        return -1;
    return rollback_engine(r)->add_moved(r->store, r->run, NULL, 0, now, out.pending_count, err);
}

/* Not once more, should the same be taken back again. */
static bool has_turned(const struct rollback *r)
{
    for (size_t i = 0; i < r->report->total_count; i++)
        if (r->report->totals[i].revived + r->report->totals[i].ended > 0)
            return true;
    return false;
}

int rollback_wait_again(struct rollback *r, struct error *err)
{
    struct waiting_again w = {.r = r};
    if (r->in->plan || !rollback_is_whole(r) || !has_turned(r) || rollback_cancelled(r))
        return 0;
    int rc = store_transact(r->store, wait_again, &w, err);
    arena_free(&w.arena);
    return rc;
}
