/* SPDX-License-Identifier: Apache-2.0 */
/* Which units of a plan come next, and which of them still are as planned. */
#include "sync/apply.h"

#include <stdio.h>
#include <stdlib.h>

#include "sync/apply_internal.h"

const char apply_moved[] = "moved since the plan was made";
const char apply_same[] = "already so";
const char apply_doubt[] = "no answer came: see `fastenr writes list`";
const char apply_vendor[] = "the vendor refused it: see `fastenr writes list`";
const char apply_gone[] = "the vendor does not have it any more";

/* ---- loading ---- */

static bool is_wanted(const struct plan_row *row, int object, enum plan_side side)
{
    return row->object == object && row->side == side && row->state <= PLAN_TRIED;
}

static int object_index(const struct plan_reading *r, struct str object)
{
    for (size_t i = 0; i < r->object_count; i++)
        if (str_eq(r->objects[i], object))
            return (int)i;
    return -1;
}

bool apply_wants(const struct apply *apply, struct str object, enum plan_side side)
{
    const struct plan_reading *r = apply->reading;
    int index = object_index(r, object);
    for (size_t i = 0; i < r->count && index >= 0; i++)
        if (is_wanted(&r->rows[i], index, side))
            return true;
    return false;
}

/* Why a link is to end that no record of the vendor's tells of any more. */
static enum link_ended end_of(const struct plan_entry *e)
{
    if (e->side != PLAN_HERE || e->op != PLAN_DELETE)
        return LINK_LIVE;
    if (str_is(e->why, "archived"))
        return LINK_ARCHIVED;
    return str_is(e->why, "absent") ? LINK_ABSENT : LINK_LIVE;
}

static void begin_unit(struct apply_portion *p, struct apply_unit *unit, const struct plan_entry *e,
                       size_t most)
{
    struct arena *a = &p->arena;
    *unit = (struct apply_unit){.name = arena_str(a, e->unit),
                                .external_id = arena_str(a, e->external_id),
                                .record_id = arena_str(a, e->record_id),
                                .record = e->record,
                                .is_new = e->external_id.len == 0,
                                .op = e->op,
                                .ended = end_of(e),
                                .changes = arena_new(a, most, sizeof unit->changes[0])};
}

static size_t rows_of_unit(const struct plan_reading *r, size_t first)
{
    size_t end = first + 1;
    while (end < r->count && !r->rows[end].first)
        end++;
    return end - first;
}

static int by_line(const void *a, const void *b)
{
    return str_cmp(plan_core(((const struct apply_change *)a)->line),
                   plan_core(((const struct apply_change *)b)->line));
}

/* The rows of one unit, one after another; those that are done are left out. */
static int load_unit(struct apply *apply, size_t first, size_t count, struct apply_portion *p,
                     struct error *err)
{
    struct plan_reading *r = apply->reading;
    struct apply_unit *unit = &p->units[p->count];
    struct buf line = BUF_INIT(PLAN_LINE_MAX);
    int rc = 0;
    unit->count = 0;
    for (size_t i = first; i < first + count && rc == 0; i++) {
        struct plan_entry e;
        if (r->rows[i].state > PLAN_TRIED)
            continue;
        rc = plan_reading_line(r, i, &line, err);
        if (rc == 0)
            rc = plan_entry_read(buf_view(&line), &e, err);
        if (rc != 0)
            break;
        if (unit->count == 0)
            begin_unit(p, unit, &e, count);
        unit->changes[unit->count++] = (struct apply_change){
            .line = arena_str(&p->arena, buf_view(&line)), .row = i, .op = e.op};
        plan_entry_free(&e);
    }
    p->count += unit->count > 0;
    if (unit->count > 0)
        qsort(unit->changes, unit->count, sizeof unit->changes[0], by_line);
    buf_free(&line);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct apply_unit *)a)->name, ((const struct apply_unit *)b)->name);
}

int apply_load(struct apply *apply, struct str object, enum plan_side side, size_t *from,
               size_t most, struct apply_portion *p, struct error *err)
{
    struct plan_reading *r = apply->reading;
    int index = object_index(r, object);
    arena_free(&p->arena);
    *p = (struct apply_portion){0};
    p->units = arena_new(&p->arena, most, sizeof p->units[0]);
    p->ids = arena_new(&p->arena, most, sizeof p->ids[0]);
    while (*from < r->count && p->count < most) {
        size_t count = rows_of_unit(r, *from), first = *from;
        *from += count;
        if (r->rows[first].object == index && r->rows[first].side == side &&
            load_unit(apply, first, count, p, err) != 0)
            return -1;
    }
    if (side == PLAN_THERE)
        return 0;
    if (p->count > 0)
        qsort(p->units, p->count, sizeof p->units[0], by_name);
    for (size_t i = 0; i < p->count; i++)
        p->ids[p->id_count++] = p->units[i].name;
    return 0;
}

/* ---- units ---- */

struct apply_unit *apply_unit_of(const struct apply_portion *p, struct str external_id,
                                 enum plan_side side)
{
    const struct apply_unit wanted = {.name = external_id};
    if (side == PLAN_HERE)
        return p->count > 0 ? bsearch(&wanted, p->units, p->count, sizeof p->units[0], by_name)
                            : NULL;
    for (size_t i = 0; i < p->count; i++)
        if (external_id.len > 0 && str_eq(p->units[i].external_id, external_id))
            return &p->units[i];
    return NULL;
}

/* Takes the records out that are of no unit, or of one that is left out. */
static void filter_page(struct page *page, struct apply_portion *p, enum plan_side side)
{
    size_t n = 0;
    for (size_t i = 0; i < page->count; i++) {
        struct apply_unit *u = apply_unit_of(p, page->records[i].id, side);
        if (!u)
            continue;
        u->came = true;
        /* What the vendor added to a record that this plan made there is the next sync's. */
        bool made = side == PLAN_THERE && u->is_new;
        if (!u->why && !made)
            page->records[n++] = page->records[i];
    }
    page->count = n;
}

void apply_prune(struct apply_portion *p, struct page_list *pages)
{
    size_t n = 0;
    for (size_t i = 0; i < pages->count; i++) {
        filter_page(pages->items[i], p, PLAN_HERE);
        if (pages->items[i]->count > 0)
            pages->items[n++] = pages->items[i];
        else
            page_free(pages->items[i]);
    }
    pages->count = n;
}

void apply_filter(struct apply_portion *p, struct page_list *pages, enum plan_side side)
{
    for (size_t i = 0; i < pages->count; i++)
        filter_page(pages->items[i], p, side);
}

/* ---- comparing ---- */

static struct str touched_id(const struct plan_note *note, char out[64])
{
    snprintf(out, 64, "%s %lld", note->model->name, (long long)note->record);
    return str_from(out);
}

static bool is_touched(const struct apply *apply, const struct merge *merge,
                       const struct plan_note *note)
{
    char id[64];
    return note->side == PLAN_HERE && note->op == PLAN_UPDATE &&
           id_set_has(&apply->touched, store_hash_key(merge->store), touched_id(note, id));
}

static bool put_after(void *arg, struct str name, const struct json *pair)
{
    struct buf *out = arg;
    buf_printf(out, " %.*s=", STR_ARG(name));
    json_write(out, json_element(pair, 1));
    return true;
}

/* What a line changes, without what was there before. */
static void put_change(struct buf *out, struct str line)
{
    struct plan_entry e;
    if (plan_entry_read(line, &e, NULL) != 0)
        return;
    buf_printf(out, "%.*s %.*s %.*s", STR_ARG(e.unit), STR_ARG(e.external_id),
               STR_ARG(e.record_id));
    json_each(e.fields, put_after, out);
    plan_entry_free(&e);
}

static bool is_same_change(struct str line, struct str other)
{
    struct buf one = BUF_INIT(PLAN_LINE_MAX), two = BUF_INIT(PLAN_LINE_MAX);
    put_change(&one, line);
    put_change(&two, other);
    bool same = one.len > 0 && str_eq(buf_view(&one), buf_view(&two));
    buf_free(&one);
    buf_free(&two);
    return same;
}

/* The line that says what a note does. Of a record that this plan has changed already, what was
 * before is its own work. NULL: there is none. */
static const struct apply_change *find_line(const struct apply_unit *u,
                                            const struct plan_note *note, bool touched)
{
    const struct apply_change wanted = {.line = note->line};
    const struct apply_change *found =
        bsearch(&wanted, u->changes, u->count, sizeof u->changes[0], by_line);
    for (size_t i = 0; i < u->count && touched && !found; i++)
        if (is_same_change(u->changes[i].line, note->line))
            found = &u->changes[i];
    return found;
}

static bool is_of(const struct apply_unit *u, const struct plan_note *note, enum plan_side side)
{
    bool looked = side == PLAN_THERE && note->side == PLAN_HERE;
    if (note->side == PLAN_THERE && u->record != 0 && note->record == u->record)
        return true;
    return str_eq(plan_unit(note), looked ? u->external_id : u->name);
}

/* Whether each change belongs to a unit: else it is known of none of them what they come to. */
static bool all_claimed(const struct apply *apply, const struct apply_portion *p,
                        enum plan_side side, const struct merge *merge)
{
    for (size_t i = 0; i < merge->notes->count; i++) {
        const struct plan_note *note = &merge->notes->items[i];
        bool claimed = is_touched(apply, merge, note);
        for (size_t j = 0; j < p->count && !claimed; j++)
            claimed = !p->units[j].why && is_of(&p->units[j], note, side);
        if (!claimed)
            return false;
    }
    return true;
}

/* Why the unit is not as planned; NULL: it is. */
static const char *differs(const struct apply *apply, const struct apply_unit *u,
                           enum plan_side side, const struct merge *merge)
{
    const struct plan_notes *n = merge->notes;
    size_t equal = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct plan_note *note = &n->items[i];
        if (!is_of(u, note, side))
            continue;
        bool touched = is_touched(apply, merge, note);
        /* What follows from the record and is no line of it: another that this plan has changed
         * gets what it waited for, as its own line says. */
        if (find_line(u, note, touched))
            equal++;
        else if (!touched || note->look.len == 0)
            return apply_moved;
    }
    /* There, the rest may have to wait for another write. */
    if (side == PLAN_THERE || equal == u->count)
        return NULL;
    if (equal > 0)
        return apply_moved;
    return u->came || u->ended != LINK_LIVE ? apply_same : apply_gone;
}

bool apply_compare(const struct apply *apply, struct apply_portion *p, enum plan_side side,
                   const struct merge *merge)
{
    bool equal = true, claimed = all_claimed(apply, p, side, merge);
    for (size_t i = 0; i < p->count; i++) {
        struct apply_unit *u = &p->units[i];
        if (u->why)
            continue;
        u->why = !claimed ? apply_moved : differs(apply, u, side, merge);
        equal = equal && !u->why;
    }
    return equal;
}

/* ---- what became of them ---- */

void apply_touch(struct apply *apply, const struct merge *merge)
{
    char id[64];
    for (size_t i = 0; i < merge->notes->count; i++)
        id_set_add(&apply->touched, store_hash_key(merge->store),
                   touched_id(&merge->notes->items[i], id));
}

static void note_refusal(struct apply *apply, struct str object, enum plan_side side,
                         const struct apply_unit *u, const char *why)
{
    if (apply->refusal_count == REFUSALS_KEPT)
        return;
    struct arena *a = &apply->arena;
    apply->refusals = arena_grow(a, apply->refusals, &apply->refusal_cap, apply->refusal_count + 1,
                                 sizeof apply->refusals[0]);
    apply->refusals[apply->refusal_count++] =
        (struct apply_refusal){.side = side,
                               .op = u->op,
                               .object = arena_str(a, object),
                               .external_id = arena_str(a, u->external_id),
                               .record_id = arena_str(a, u->record_id),
                               .why = why};
}

/* What was tried and is to be written no more has been written; but of a creation without an answer
 * nobody knows. */
static void refuse(struct apply *apply, struct str object, enum plan_side side,
                   const struct apply_unit *u, const char *why)
{
    size_t refused = 0;
    for (size_t i = 0; i < u->count; i++) {
        struct plan_row *row = &apply->reading->rows[u->changes[i].row];
        bool tried = row->state == PLAN_TRIED && why == apply_same;
        bool done = tried && u->changes[i].op != PLAN_CREATE;
        if (tried && !done)
            why = apply_doubt;
        row->state = done ? PLAN_DONE : PLAN_REFUSED;
        refused += !done;
    }
    apply->done += (int64_t)(u->count - refused);
    apply->refused += (int64_t)refused;
    if (refused > 0)
        note_refusal(apply, object, side, u, why);
}

void apply_sent(struct apply *apply, struct apply_portion *p, const struct export *x,
                const struct export_group *g)
{
    struct str object = x->merge.target->object->item->name;
    for (size_t i = 0; i < g->count; i++)
        for (size_t j = 0; j < p->count; j++) {
            const struct apply_unit *u = &p->units[j];
            const struct plan_note note = {.line = g->lines[i]};
            const struct write_result *r = &g->results[i];
            const struct apply_change *change = find_line(u, &note, false);
            bool refused = r->outcome == OUTCOME_BAD_RECORD || r->outcome == OUTCOME_FAILED ||
                           r->outcome == OUTCOME_GONE;
            if (u->record != g->items[i]->record || r->write_id.len == 0 || !change ||
                (r->outcome != OUTCOME_OK && !refused))
                continue;
            apply->reading->rows[change->row].state = refused ? PLAN_REFUSED : PLAN_DONE;
            apply->done += !refused;
            apply->refused += refused;
            if (refused)
                note_refusal(apply, object, PLAN_THERE, u, apply_vendor);
        }
}

void apply_settle(struct apply *apply, struct apply_portion *p, enum plan_side side,
                  const struct merge *merge)
{
    struct str object = merge->target->object->item->name;
    const struct plan_notes *n = merge->notes;
    for (size_t i = 0; i < p->count; i++) {
        struct apply_unit *u = &p->units[i];
        if (u->why) {
            refuse(apply, object, side, u, u->why);
            continue;
        }
        for (size_t j = 0; j < n->count; j++) {
            const struct plan_note *note = &n->items[j];
            const struct apply_change *change =
                note->side == side && is_of(u, note, side)
                    ? find_line(u, note, is_touched(apply, merge, note))
                    : NULL;
            if (!change)
                continue;
            apply->reading->rows[change->row].state = side == PLAN_HERE ? PLAN_DONE : PLAN_TRIED;
            apply->done += side == PLAN_HERE;
        }
    }
}

int apply_leave(struct apply *apply, struct str object, struct error *err)
{
    struct apply_portion p = {0};
    size_t from;
    int rc = 0;
    for (size_t side = 0; side < PLAN_SIDES && rc == 0; side++) {
        from = 0;
        do {
            rc = apply_load(apply, object, (enum plan_side)side, &from, READ_IDS_MAX, &p, err);
            for (size_t i = 0; i < p.count && rc == 0; i++)
                refuse(apply, object, (enum plan_side)side, &p.units[i], apply_same);
        } while (rc == 0 && p.count > 0);
    }
    arena_free(&p.arena);
    return rc;
}

void apply_free(struct apply *apply)
{
    id_set_free(&apply->touched);
    arena_free(&apply->arena);
    *apply = (struct apply){0};
}
