/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who changed a field last. The time of the vendor's record comes with it, and is that of its
 * field at the latest: where even the record is older than our field, ours is later, and nobody is
 * asked. Else the vendor is, if its connector can tell when a field got its value. What is to be
 * asked is only known when the record has come, and a merge cannot ask; so it leaves the record as
 * it was, and notes in the store that it is to be read again (run_times.c).
 */
#include <stdlib.h>

#include "base/time.h"
#include "sync/merge_internal.h"

/* How well it is known how far the two clocks are apart: the vendor's is told by the second. */
#define CLOCK_STEP_US US_PER_SECOND

/* ---- what the vendor tells ---- */

void time_wants_clear(struct time_wants *wants)
{
    arena_free(&wants->arena);
    *wants = (struct time_wants){0};
}

/* 0: it is not told. */
static int64_t told_time(const struct page_record *record, struct str field)
{
    for (size_t i = 0; i < record->time_count; i++)
        if (str_eq(record->times[i].field, field))
            return record->times[i].at_us;
    return 0;
}

/* Of a rule that reads several fields the last one counts. */
int64_t batch_remote_at(const struct item *item, const struct rule *rule)
{
    int64_t last = 0;
    for (size_t i = 0; i < rule->from_count; i++) {
        int64_t at = told_time(item->record, rule->from[i]);
        if (at == 0)
            return item->record->modified_us;
        last = at > last ? at : last;
    }
    return last > 0 ? last : item->record->modified_us;
}

/* ---- who wins ---- */

/* By how much ours is later, in the vendor's time. */
static int64_t ahead_of(const struct batch *b, int64_t changed_at, int64_t remote_at)
{
    return changed_at + b->merge->clock_skew_us - remote_at;
}

enum sync_priority batch_winner(const struct batch *b, const struct item *item,
                                const struct rule *rule, int64_t changed_at)
{
    int64_t remote_at = batch_remote_at(item, rule);
    int64_t ahead = ahead_of(b, changed_at, remote_at);
    if (rule->conflict != CONFLICT_LAST_MODIFIED || remote_at == 0 || llabs(ahead) < CLOCK_STEP_US)
        return rule->priority;
    return ahead < 0 ? PRIORITY_VENDOR : PRIORITY_LOCAL;
}

/* ---- asking ---- */

/* What the connector makes of other answers, associations, has no time of its own. */
static bool is_timed(const struct batch *b, const struct rule *rule)
{
    const struct connector_object *vendor = b->merge->target->object->vendor;
    for (size_t i = 0; i < rule->from_count; i++)
        for (uint32_t j = 0; j < vendor->association_count; j++)
            if (str_eq(rule->from[i], vendor->associations[j]))
                return false;
    return rule->from_count > 0;
}

bool batch_must_ask(const struct batch *b, const struct item *item, const struct rule *rule,
                    int64_t changed_at)
{
    int64_t modified = item->record->modified_us;
    if (!b->merge->waits_for_times || rule->conflict != CONFLICT_LAST_MODIFIED ||
        !is_timed(b, rule))
        return false;
    return modified == 0 || ahead_of(b, changed_at, modified) < CLOCK_STEP_US;
}

static bool has_text(const struct str *texts, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(texts[i], text))
            return true;
    return false;
}

static void add_text(struct time_wants *wants, struct str **texts, size_t *count, size_t *cap,
                     struct str text)
{
    if (has_text(*texts, *count, text))
        return;
    *texts = arena_grow(&wants->arena, *texts, cap, *count + 1, sizeof **texts);
    (*texts)[(*count)++] = arena_str(&wants->arena, text);
}

void batch_ask(struct batch *b, struct item *item, const struct rule *rule)
{
    struct time_wants *wants = b->merge->wants;
    item->waits = true;
    if (!wants)
        return;
    add_text(wants, &wants->ids, &wants->id_count, &wants->id_cap, item->record->id);
    for (size_t i = 0; i < rule->from_count; i++)
        add_text(wants, &wants->fields, &wants->field_count, &wants->field_cap, rule->from[i]);
}

/* ---- what waits ---- */

/* References that were noted for it are none of the record's yet. */
static void drop_pending(struct batch *b, int64_t record)
{
    size_t n = 0;
    for (size_t i = 0; i < b->out.pending_count; i++)
        if (b->out.pending[i].row.record != record)
            b->out.pending[n++] = b->out.pending[i];
    b->out.pending_count = n;
}

void batch_leave_waiting(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct item *item = &b->items[i];
        if (!item->waits) {
            b->items[n++] = *item;
            continue;
        }
        drop_pending(b, item->key);
        b->unread = arena_grow(&b->arena, b->unread, &b->unread_cap, b->unread_count + 1,
                               sizeof b->unread[0]);
        b->unread[b->unread_count++] = item->key;
        if (b->merge->notes)
            plan_add_due(b->merge->notes, item->record->id);
        b->counts.unchanged++;
    }
    b->count = n;
}
