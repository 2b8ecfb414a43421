/* SPDX-License-Identifier: Apache-2.0 */
/* Which canonical record a vendor's record is: by its link, by a match, or a new one. */
#include "sync/merge.h"

#include <stdlib.h>

#include "sync/drift.h"
#include "sync/merge_internal.h"

/* ---- collecting ---- */

static int by_id_then_order(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int c = str_cmp(x->record->id, y->record->id);
    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

/* Of several with one id the last one counts: it is what the vendor has now. */
static void keep_last(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        bool superseded =
            i + 1 < b->count && str_eq(b->items[i].record->id, b->items[i + 1].record->id);
        if (superseded)
            b->counts.unchanged++;
        else
            b->items[n++] = b->items[i];
    }
    b->count = n;
}

static void collect(struct batch *b, struct page *const *pages, size_t page_count)
{
    size_t most = 0;
    for (size_t i = 0; i < page_count; i++)
        most += pages[i]->count;
    b->items = arena_new(&b->arena, most, sizeof b->items[0]);
    b->out.quarantined = arena_new(&b->arena, most, sizeof b->out.quarantined[0]);
    b->out.cleared = arena_new(&b->arena, most, sizeof b->out.cleared[0]);
    for (size_t i = 0; i < page_count; i++)
        for (size_t j = 0; j < pages[i]->count; j++) {
            const struct page_record *record = &pages[i]->records[j];
            b->counts.read++;
            if (record->id.len == 0) {
                batch_set_aside(b, record, record->invalid_field, record->why);
            } else {
                b->items[b->count] = (struct item){.record = record, .order = b->count};
                b->count++;
            }
        }
    if (b->count > 0)
        qsort(b->items, b->count, sizeof b->items[0], by_id_then_order);
    keep_last(b);
}

/* It is fine now, or of no concern any more: should it be in quarantine, it leaves. */
static void note_fine(struct batch *b, const struct item *item)
{
    if (b->merge->target->may_hold_quarantined)
        b->out.cleared[b->out.cleared_count++] = (struct link_write){
            .stream = b->merge->target->stream, .external_id = item->record->id};
}

static int by_hash(const void *a, const void *b)
{
    int64_t x = (int64_t)(*(const uint64_t *)a), y = (int64_t)(*(const uint64_t *)b);
    return (x > y) - (x < y);
}

bool batch_was_erased(const struct batch *b, int64_t stream, struct str external_id)
{
    const struct merge_target *t = b->merge->target;
    size_t i = 0;
    while (i < t->setup->object_count && t->streams[i] != stream)
        i++;
    if (i == t->setup->object_count || t->erased[i].count == 0)
        return false;
    uint64_t hash = siphash(store_hash_key(b->merge->store), external_id);
    return bsearch(&hash, t->erased[i].hashes, t->erased[i].count, sizeof hash, by_hash) != NULL;
}

static void drop_erased(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (batch_was_erased(b, b->merge->target->stream, b->items[i].record->id))
            b->counts.filtered++;
        else
            b->items[n++] = b->items[i];
    }
    b->count = n;
}

static void leave_scope(struct batch *b, const struct item *item)
{
    bool keeps = b->merge->target->object->config->out_of_scope == END_KEEP;
    note_fine(b, item);
    b->counts.filtered++;
    if (item->link.key == 0 || item->link.ended == LINK_OUT_OF_SCOPE ||
        item->link.ended == LINK_MERGED)
        return;
    keeps = keeps || is_first_meeting(item);
    b->leaving[b->leaving_count++] = (struct leaving){.link = item->link.key,
                                                      .record = item->link.record,
                                                      .ended = LINK_OUT_OF_SCOPE,
                                                      .keeps = keeps};
    b->counts.ended += !keeps && item->link.ended == LINK_LIVE;
}

/* Leaves those that can be stored. */
static void sort_out(struct batch *b)
{
    size_t n = 0;
    b->leaving = arena_new(&b->arena, b->count, sizeof b->leaving[0]);
    for (size_t i = 0; i < b->count; i++) {
        const struct page_record *record = b->items[i].record;
        if (b->items[i].absorbed)
            b->counts.unchanged++;
        else if (record->result == MAP_INVALID)
            batch_set_aside(b, record, record->invalid_field, record->why);
        else if (record->result == MAP_OUT_OF_SCOPE)
            leave_scope(b, &b->items[i]);
        else
            b->items[n++] = b->items[i];
    }
    b->count = n;
}

struct item *batch_find(const struct batch *b, struct str external_id)
{
    size_t low = 0, high = b->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int c = str_cmp(b->items[middle].record->id, external_id);
        if (c == 0)
            return &b->items[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- links ---- */

static int load_links(struct batch *b, struct error *err)
{
    struct str *ids = arena_new(&b->arena, b->count, sizeof ids[0]);
    struct link_row *links = arena_new(&b->arena, b->count, sizeof links[0]);
    for (size_t i = 0; i < b->count; i++)
        ids[i] = b->items[i].record->id;
    if (engine_of(b)->load_links(b->merge->store, b->merge->target->stream, ids, b->count, links,
                                 &b->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < b->count; i++) {
        b->items[i].link = links[i];
        b->items[i].key = links[i].key ? links[i].record : 0;
        b->items[i].was = links[i].key ? links[i].ended : LINK_LIVE;
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Which links have come, whatever becomes of their records. */
static void note_met(struct batch *b)
{
    const struct merge *m = b->merge;
    if (!m->notes_seen && !m->met && !m->bits)
        return;
    int64_t *seen = arena_new(&b->arena, b->count, sizeof seen[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct link_row *link = &b->items[i].link;
        if (link->key == 0)
            continue;
        seen[n++] = link->key;
        if (m->bits)
            link_bits_add(m->bits, link->key);
        if (m->met)
            link_list_add(m->met, link->key, link->record);
    }
    if (!m->notes_seen || n == 0)
        return;
    qsort(seen, n, sizeof seen[0], by_number);
    b->out.seen_stream = m->target->stream;
    b->out.seen = seen;
    b->out.seen_count = n;
}

/* What another run has read meanwhile is newer than this. */
static void drop_newer(struct batch *b)
{
    const struct id_set *newer = b->merge->newer;
    size_t n = 0;
    if (!newer || newer->count == 0)
        return;
    for (size_t i = 0; i < b->count; i++) {
        if (!id_set_has(newer, store_hash_key(b->merge->store), b->items[i].record->id))
            b->items[n++] = b->items[i];
    }
    b->counts.unchanged += b->count - n;
    b->count = n;
}

/* ---- what lives again ---- */

/* The link keeps its place, but its record is to be found anew. */
static void forget_record(struct item *item)
{
    item->relinked = item->link.key;
    item->link = (struct link_row){0};
    item->key = 0;
}

/* A link that had ended lives again, with the record that it had: unless that is another's by now,
 * for it was merged, or came back under another id. */
static int revive(struct batch *b, struct error *err)
{
    struct item **back = arena_new(&b->arena, b->count, sizeof back[0]);
    int64_t *records = arena_new(&b->arena, b->count, sizeof records[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        if (item->link.ended == LINK_MERGED) {
            item->apart = item->link.record == 0;
            forget_record(item);
        } else if (item->link.ended != LINK_LIVE) {
            records[n] = item->link.record;
            back[n++] = item;
        }
    }
    if (n == 0)
        return 0;
    struct holder_row *holders = arena_new(&b->arena, n, sizeof holders[0]);
    if (engine_of(b)->load_holders(b->merge->store, b->mapping->object, b->merge->target->stream,
                                   records, n, holders, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (holders[i].here)
            forget_record(back[i]);
    return 0;
}

/* Which fields moved at the vendor; false when none did. What is paused has not. */
static bool find_moved(struct batch *b, struct item *item)
{
    struct str shadow = item->record->mapped.shadow;
    bool any = false;
    item->moved = arena_new(&b->arena, b->mapping->rule_count / 64 + 1, sizeof item->moved[0]);
    item->shadow = shadow;
    if (b->mapping->paused_count > 0)
        item->shadow = drift_shadow(b->mapping, item->link.seen_remote, shadow, &b->arena);
    if (!b->merge->retakes && str_eq(item->link.seen_remote, item->shadow))
        return false;
    for (size_t i = 0; i < b->mapping->rule_count; i++) {
        const struct rule *rule = &b->mapping->rules[i];
        bool again = b->merge->retakes && rule->take.len > 0;
        if (rule->paused || !rule_imports(rule) ||
            !(again || shadow_moved(item->link.seen_remote, shadow, i)))
            continue;
        item->moved[i / 64] |= UINT64_C(1) << (i % 64);
        any = true;
    }
    return any;
}

/* Leaves out what the vendor has not touched, unless it is compared. */
static void drop_unmoved(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        bool moved = find_moved(b, item);
        /* What is exported alone is seen too: it tells what is still to be written. And fields that
         * are not mapped any more are forgotten: should they be mapped again, what was seen of them
         * then says nothing. */
        bool seen_anew = !str_eq(item->link.seen_remote, item->shadow) ||
                         (b->keeps_bases && batch_lacks_base(b, &item->link));
        bool unagreed = item->link.seen_local.len < b->mapping->export_count * SHADOW_ENTRY;
        /* What was taken back stays so until it moves there. */
        bool rests = item->link.ended == LINK_ROLLED_BACK && !moved && !b->merge->verify;
        bool taken = moved || unagreed || item->link.key == 0 || item->link.ended != LINK_LIVE ||
                     b->merge->verify;
        item->only_seen = !taken;
        if (!rests && (taken || seen_anew)) {
            b->items[n++] = *item;
        } else {
            b->counts.unchanged++;
            note_fine(b, item);
        }
    }
    b->count = n;
}

/* ---- matches ---- */

const struct rule *rule_of_field(const struct mapping *m, int index, size_t *ret_rule)
{
    for (size_t i = 0; i < m->rule_count; i++)
        if (m->rules[i].index == index) {
            *ret_rule = i;
            return &m->rules[i];
        }
    return NULL;
}

bool batch_is_taken(const struct batch *b, int64_t record)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].link.key == 0 && b->items[i].key == record)
            return true;
    return false;
}

static void park_ambiguous(struct batch *b, struct item *item, const struct model_field *field,
                           const struct value *value)
{
    struct buf text = BUF_INIT(400);
    value_write(&text, field->kind, value);
    const char *reason = arena_printf(
        &b->arena,
        "more than one %s has the %s '%.200s': merge or mend them (`fastenr duplicates list`), "
        "choose with `fastenr link`, or set 'match' to another field",
        b->mapping->object->name, field->name, buf_cstr(&text));
    buf_free(&text);
    batch_set_aside(b, item->record, str_from(field->name), str_from(reason));
    item->record = NULL;
}

/* Matches the items that have no record yet by one field. */
static int match_by(struct batch *b, int field, struct error *err)
{
    size_t rule;
    struct value *values = arena_new(&b->arena, b->count, sizeof values[0]);
    struct match_row *found = arena_new(&b->arena, b->count, sizeof found[0]);
    if (!rule_of_field(b->mapping, field, &rule))
        return 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].record && b->items[i].key == 0 && !b->items[i].apart)
            values[i] = b->items[i].record->mapped.values[rule];
    if (engine_of(b)->match(b->merge->store, b->mapping->object, b->merge->organization,
                            b->merge->target->stream, field, values, b->count, found, err) != 0)
        return -1;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        if (found[i].other != 0)
            park_ambiguous(b, item, &b->mapping->object->fields[field], &values[i]);
        else if (found[i].record != 0 && !batch_is_taken(b, found[i].record))
            item->key = found[i].record;
    }
    return 0;
}

/* A record that is linked to none may be one that is here already: while a field that would tell is
 * paused, it waits. The read that follows the pause brings it in. */
static void park_unmatched(struct batch *b)
{
    const struct object_setup *object = b->merge->target->object;
    size_t rule;
    for (size_t i = 0; i < object->match_count && b->mapping->paused_count > 0; i++) {
        const struct rule *by = rule_of_field(b->mapping, object->match[i], &rule);
        if (!by || !by->paused)
            continue;
        struct str why = str_from(
            arena_printf(&b->arena,
                         "it is new here, and its '%s', by which it would be matched, is paused: "
                         "`fastenr fields` says why",
                         by->field.name));
        for (size_t j = 0; j < b->count; j++) {
            if (!b->items[j].record || b->items[j].key != 0 || b->items[j].apart)
                continue;
            batch_set_aside(b, b->items[j].record, str_from(by->field.name), why);
            b->items[j].record = NULL;
        }
    }
}

/* What was parked is no item any more. */
static void drop_parked(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].record)
            b->items[n++] = b->items[i];
    b->count = n;
}

static int by_order(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    return (x->order > y->order) - (x->order < y->order);
}

/* Keys from here on are of a merge that is dry. */
#define NEVER_STORED (INT64_MAX / 2)

/* New records get their keys in the order in which they came. */
static int number_new(struct batch *b, struct error *err)
{
    struct item **fresh = arena_new(&b->arena, b->count, sizeof fresh[0]);
    size_t n = 0;
    int64_t first;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].key == 0)
            fresh[n++] = &b->items[i];
    if (n == 0)
        return 0;
    qsort(fresh, n, sizeof fresh[0], by_order);
    first = NEVER_STORED;
    if (!b->merge->dry &&
        engine_of(b)->allocate(b->merge->store, b->mapping->object, n, &first, err) != 0)
        return -1;
    b->first_new = first;
    for (size_t i = 0; i < n; i++) {
        fresh[i]->key = first + (int64_t)i;
        fresh[i]->created = true;
    }
    return 0;
}

static int match_new(struct batch *b, struct error *err)
{
    const struct object_setup *object = b->merge->target->object;
    if (batch_match_doubted(b, err) != 0)
        return -1;
    for (size_t i = 0; i < object->match_count; i++)
        if (match_by(b, object->match[i], err) != 0)
            return -1;
    if (batch_agree_on_doubted(b, err) != 0)
        return -1;
    park_unmatched(b);
    drop_parked(b);
    for (size_t i = 0; i < b->count; i++)
        note_fine(b, &b->items[i]);
    return number_new(b, err);
}

/* ---- records that are there ---- */

static int by_key(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    return (x->key > y->key) - (x->key < y->key);
}

/* A record that is deleted here does not live again for what is not imported. */
static void drop_what_was_only_seen(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct item *item = &b->items[i];
        if (!item->only_seen || (item->row && item->row->deleted_at == 0))
            b->items[n++] = *item;
    }
    b->counts.unchanged += b->count - n;
    b->count = n;
}

/* In the order of their keys, so that pages of the store are met one after another. */
static int load_records(struct batch *b, struct error *err)
{
    struct item **known = arena_new(&b->arena, b->count, sizeof known[0]);
    int64_t *keys = arena_new(&b->arena, b->count, sizeof keys[0]);
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        if (!b->items[i].created && !b->items[i].row)
            known[n++] = &b->items[i];
    if (n == 0)
        return 0;
    qsort(known, n, sizeof known[0], by_key);
    for (size_t i = 0; i < n; i++)
        keys[i] = known[i]->key;
    struct record_row *rows = arena_new(&b->arena, n, sizeof rows[0]);
    if (engine_of(b)->load_records(b->merge->store, b->mapping->object, keys, n, rows, &b->arena,
                                   err) != 0)
        return -1;
    size_t gone = 0;
    bool any_only_seen = false;
    for (size_t i = 0; i < n; i++) {
        any_only_seen |= known[i]->only_seen;
        if (rows[i].key != 0)
            known[i]->row = &rows[i];
        else if (!known[i]->only_seen)
            known[gone++] = known[i];
    }
    if (gone > 0 && batch_make_anew(b, known, gone, err) != 0)
        return -1;
    if (any_only_seen)
        drop_what_was_only_seen(b);
    return 0;
}

static void add_counts(struct run_counts *to, const struct run_counts *more)
{
    to->read += more->read;
    to->created += more->created;
    to->updated += more->updated;
    to->unchanged += more->unchanged;
    to->filtered += more->filtered;
    to->quarantined += more->quarantined;
    to->deleted += more->deleted;
    to->restored += more->restored;
    to->followed += more->followed;
    to->ended += more->ended;
    to->refused += more->refused;
    to->conflicted += more->conflicted;
    to->waiting += more->waiting;
}

/* ---- the whole ---- */

static int find_items(struct batch *b, struct error *err)
{
    const bool verify = b->merge->verify != NULL;
    if (load_links(b, err) != 0)
        return -1;
    note_met(b);
    drop_newer(b);
    batch_find_absorbed(b);
    if (verify && batch_meet(b, err) != 0)
        return -1;
    sort_out(b);
    if (revive(b, err) != 0 || (verify && batch_find_lost(b, err) != 0))
        return -1;
    drop_unmoved(b);
    return verify ? batch_take_all(b, err) : 0;
}

/* As far as an import goes to find out which record is which. */
static int propose(struct batch *b, struct error *err)
{
    if (load_links(b, err) != 0)
        return -1;
    batch_find_absorbed(b);
    sort_out(b);
    return revive(b, err) != 0 ? -1 : batch_propose(b, err);
}

static int prepare(struct batch *b, struct error *err)
{
    if (b->merge->linkup)
        return propose(b, err);
    if (find_items(b, err) != 0 || match_new(b, err) != 0 || load_records(b, err) != 0 ||
        batch_resolve(b, err) != 0)
        return -1;
    batch_place_winners(b);
    if (!b->merge->verify && batch_settle_moves(b, err) != 0)
        return -1;
    if (b->merge->verify && batch_compare(b, err) != 0)
        return -1;
    return b->merge->dry ? 0 : batch_write(b, err);
}

static int write_all(struct batch *b, struct error *err)
{
    if (batch_note_items(b, err) != 0 || engine_of(b)->apply(b->merge->store, &b->out, err) != 0 ||
        batch_note_two_way(b, err) != 0 || batch_settle_pending(b, err) != 0)
        return -1;
    return batch_end(b, err) != 0 ? -1 : batch_close_notes(b, err);
}

enum merge_result merge_pages(const struct merge *merge, struct page *const *pages,
                              size_t page_count, struct run_counts *counts, struct error *err)
{
    struct batch b = batch_of(merge);
    enum merge_result result = MERGE_FAILED;
    collect(&b, pages, page_count);
    drop_erased(&b);
    if (prepare(&b, err) != 0)
        goto out;
    result = merge->dry ? MERGE_OK : merge_guard(merge, counts, &b.counts, err);
    if (result != MERGE_OK)
        goto out;
    if (!merge->dry && write_all(&b, err) != 0)
        result = MERGE_FAILED;
    else if (!merge->dry && b.counts.ended > 0) /* which is known only now */
        result = merge_guard(merge, counts, &b.counts, err);
    if (result == MERGE_OK)
        add_counts(counts, &b.counts);
out:
    arena_free(&b.arena);
    return result;
}
