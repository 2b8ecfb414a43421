/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two-way fields in a merge: whether our side has moved, and who wins where both have.
 *
 * `seen_local` of a link holds, for each exported field, the hash of the value that the vendor is
 * known to have, as ours would be. Our side has moved where our value has another hash; it is then
 * for the export to bring it there (run_export.c). A field without an entry has no past: what both
 * sides have is taken as agreed, so that nothing is written there for what was before.
 */
#include "sync/conflict.h"
#include "sync/custom.h"
#include "sync/export_map.h"
#include "sync/list_merge.h"
#include "sync/merge_internal.h"

/* ---- values of ours ---- */

int field_of_record(const struct rule *rule, const struct record_row *row,
                    const struct json *custom, struct arena *arena, struct value *ret_value)
{
    *ret_value = (struct value){.state = VALUE_NULL};
    if (rule->index >= 0) {
        *ret_value = row->fields[rule->index];
        return 0;
    }
    const struct json *member = json_member(custom, str_from(rule->field.name));
    struct buf text = BUF_INIT(RECORD_TEXT_MAX);
    if (!member || json_kind(member) == JSON_NULL)
        return 0;
    json_write(&text, member);
    int rc = text.full ? -1 : 0;
    if (rc == 0)
        *ret_value = (struct value){.state = VALUE_TEXT, .text = arena_str(arena, buf_view(&text))};
    buf_free(&text);
    return rc;
}

bool mapping_has_custom_exports(const struct mapping *m)
{
    for (size_t i = 0; i < m->export_count; i++)
        if (m->rules[m->exports[i].rule].index < 0)
            return true;
    return false;
}

/* ---- what is noted ---- */

static void note_conflict(struct batch *b, const struct item *item, size_t r, struct str base,
                          const struct value *local, int64_t changed_at, const struct value *remote,
                          enum conflict_state state)
{
    const struct rule *rule = &b->mapping->rules[r];
    bool open = state == CONFLICT_OPEN;
    b->conflicts = arena_grow(&b->arena, b->conflicts, &b->conflict_cap, b->conflict_count + 1,
                              sizeof b->conflicts[0]);
    b->conflicts[b->conflict_count++] =
        (struct conflict_row){.stream = b->merge->target->stream,
                              .run = b->merge->run,
                              .record = item->key,
                              .field = rule->field.id,
                              .state = state,
                              .by_policy = !open,
                              .at = b->out.now_us,
                              .settled_at = open ? 0 : b->out.now_us,
                              .local_at = changed_at,
                              .remote_at = batch_remote_at(item, rule),
                              .base = base,
                              .local = conflict_json(rule, local, &b->arena),
                              .remote = conflict_json(rule, remote, &b->arena)};
    b->counts.conflicted++;
    b->counts.waiting += open;
}

/* An open conflict of the field, where there is one, has ended without a person's decision. */
static void note_over(struct batch *b, const struct item *item, const struct rule *rule,
                      enum conflict_state state)
{
    for (size_t i = 0; i < b->open_count; i++) {
        if (b->open[i].record != item->key || b->open[i].field != rule->field.id)
            continue;
        b->over =
            arena_grow(&b->arena, b->over, &b->over_cap, b->over_count + 1, sizeof b->over[0]);
        b->over[b->over_count] = b->open[i];
        b->over[b->over_count++].state = state;
    }
}

static bool keep_open(void *arg, const struct conflict_row *row)
{
    struct batch *b = arg;
    b->open = arena_grow(&b->arena, b->open, &b->open_cap, b->open_count + 1, sizeof b->open[0]);
    b->open[b->open_count++] = *row;
    return true;
}

static int load_open(struct batch *b, struct error *err)
{
    int64_t first = INT64_MAX, last = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct item *item = &b->items[i];
        int64_t key = link_of(item) != 0 ? item->key : 0;
        first = key > 0 && key < first ? key : first;
        last = key > last ? key : last;
    }
    if (last == 0)
        return 0;
    return engine_of(b)->each_open_conflict(b->merge->store, b->merge->target->stream, first, last,
                                            keep_open, b, err);
}

/* ---- lists ---- */

/* What a list becomes that both sides changed. False: it is none, or one that our record cannot
 * have. */
static bool merge_lists(struct batch *b, struct item *item, size_t r, struct str base,
                        const struct value *local, const struct value *remote)
{
    const struct rule *rule = &b->mapping->rules[r];
    struct value merged;
    struct error why;
    if (rule->strategy == STRATEGY_OVERWRITE ||
        !list_merge(rule->strategy == STRATEGY_MERGE, base, local, remote, &b->arena, &merged) ||
        (rule->index >= 0 && value_validate(&rule->field, &merged, &why) != 0))
        return false;
    if (!item->merged) {
        item->merged = arena_new(&b->arena, b->mapping->rule_count, sizeof item->merged[0]);
        memcpy(item->merged, item->record->mapped.values,
               b->mapping->rule_count * sizeof item->merged[0]);
    }
    item->merged[r] = merged;
    return true;
}

/* ---- a field ---- */

static void take_not(struct item *item, size_t r)
{
    item->moved[r / 64] &= ~(UINT64_C(1) << (r % 64));
}

int batch_remote_value(struct batch *b, const struct item *item, size_t r, struct value *ret_value)
{
    const struct rule *rule = &b->mapping->rules[r];
    const struct json *parsed = NULL;
    struct buf text = BUF_INIT(RECORD_TEXT_MAX);
    *ret_value = rule_refers(rule) ? item->references[r] : item->record->mapped.values[r];
    if (rule->index >= 0 || ret_value->state != VALUE_TEXT ||
        json_parse(ret_value->text, &parsed, NULL) != 0)
        return 0;
    json_write(&text, parsed); /* two writers may escape a text differently */
    int rc = text.full ? -1 : 0;
    if (rc == 0)
        ret_value->text = arena_str(&b->arena, buf_view(&text));
    json_free(parsed);
    buf_free(&text);
    return rc;
}

static void agree(struct agreed *a, uint64_t hash)
{
    *a = (struct agreed){.how = AGREED_ON_HASH, .hash = hash};
}

/* Both sides have moved, to different values. */
static int settle_conflict(struct batch *b, struct item *item, size_t r, const struct value *local,
                           struct value *remote, struct agreed *a, struct error *err)
{
    const struct rule *rule = &b->mapping->rules[r];
    int64_t changed_at;
    uint64_t there = rule_hash(store_hash_key(b->merge->store), remote);
    struct str base = batch_kept_base(b, item, rule, a->hash);
    if (merge_lists(b, item, r, base, local, remote)) {
        note_over(b, item, rule, CONFLICT_VALUE);
        agree(a, there);
        return 0;
    }
    if (batch_changed_at(b, item, rule, &changed_at, err) != 0)
        return -1;
    if (rule->conflict == CONFLICT_MANUAL_REVIEW) {
        take_not(item, r);
        note_conflict(b, item, r, base, local, changed_at, remote, CONFLICT_OPEN);
        return 0; /* as it was agreed before */
    }
    if (batch_must_ask(b, item, rule, changed_at)) {
        batch_ask(b, item, rule);
        return 0;
    }
    bool ours = batch_winner(b, item, rule, changed_at) == PRIORITY_LOCAL;
    enum conflict_state state = ours ? CONFLICT_LOCAL : CONFLICT_REMOTE;
    note_conflict(b, item, r, base, local, changed_at, remote, state);
    note_over(b, item, rule, state);
    if (!ours)
        return 0;
    take_not(item, r);
    agree(a, there);
    return 0;
}

int batch_tell_too_large(const struct item *item, const struct rule *rule, struct error *err)
{
    return error_set(err, "the field '%s' of the record '%.*s' is larger than %d MiB",
                     rule->field.name, STR_ARG(item->record->id), RECORD_TEXT_MAX >> 20);
}

/* Of a field that is written and never taken: what a record that is linked now has there already is
 * to become ours, if we have a value. Where we have none, both sides are taken as they are. */
static int settle_sent_only(struct batch *b, const struct item *item, const struct export_rule *e,
                            const struct json *custom, struct agreed *a, bool known,
                            struct error *err)
{
    struct value local, remote;
    if (item->created) {
        a->how = AGREED_ON_ROW;
        return 0;
    }
    if (known || !is_first_meeting(item))
        return 0;
    if (field_of_record(&b->mapping->rules[e->rule], item->row, custom, &b->arena, &local) != 0 ||
        batch_remote_value(b, item, e->rule, &remote) != 0)
        return batch_tell_too_large(item, &b->mapping->rules[e->rule], err);
    if (local.state != VALUE_NULL)
        agree(a, rule_hash(store_hash_key(b->merge->store), &remote));
    return 0;
}

static int settle_field(struct batch *b, struct item *item, const struct export_rule *e,
                        const struct json *custom, struct agreed *a, struct error *err)
{
    const uint8_t *key = store_hash_key(b->merge->store);
    const struct rule *rule = &b->mapping->rules[e->rule];
    bool moved = has_moved(item, e->rule);
    struct value local = {.state = VALUE_NULL}, remote;
    uint64_t agreed = 0;
    bool known = shadow_find(item->link.seen_local, rule->field.id, &agreed);
    if (known)
        agree(a, agreed);
    if (rule->paused && !known)
        a->how = AGREED_ON_NOTHING;
    if (!rule_imports(rule))
        return settle_sent_only(b, item, e, custom, a, known, err);
    if (rule->paused || !moved)
        return 0;
    if ((!item->created && field_of_record(rule, item->row, custom, &b->arena, &local) != 0) ||
        batch_remote_value(b, item, e->rule, &remote) != 0)
        return batch_tell_too_large(item, rule, err);
    if (item->created) { /* another program deleted it, and the vendor brought it back */
        if (item->relinked != 0)
            note_over(b, item, rule, CONFLICT_REMOTE);
        return 0;
    }
    if (is_first_meeting(item) && remote.state == VALUE_NULL && local.state != VALUE_NULL) {
        agree(a, rule_hash(key, &remote)); /* a first meeting does not empty what is here */
        return 0;
    }
    a->how = AGREED_ON_ROW;
    if (!known) { /* lists that meet for the first time: what either has */
        if (is_first_meeting(item) && local.state != VALUE_NULL && !value_eq(&local, &remote) &&
            merge_lists(b, item, e->rule, STR(""), &local, &remote))
            agree(a, rule_hash(key, &remote));
        return 0;
    }
    if (rule_hash(key, &local) == agreed || value_eq(&local, &remote)) {
        note_over(b, item, rule, CONFLICT_REMOTE);
        return 0;
    }
    agree(a, agreed);
    if (rule_hash(key, &remote) == agreed) { /* in other words there, or as it was once more */
        take_not(item, e->rule);
        note_over(b, item, rule, CONFLICT_LOCAL);
        return 0;
    }
    if (settle_conflict(b, item, e->rule, &local, &remote, a, err) != 0)
        return -1;
    if (has_moved(item, e->rule) && a->how == AGREED_ON_HASH && a->hash == agreed)
        a->how = AGREED_ON_ROW; /* the vendor's value is taken */
    return 0;
}

/* What was noted of an item that waits is not so yet. */
static void forget_notes(struct batch *b, const struct batch *before)
{
    b->counts = before->counts;
    b->conflict_count = before->conflict_count;
    b->over_count = before->over_count;
}

static int settle_item(struct batch *b, struct item *item, struct error *err)
{
    const struct mapping *m = b->mapping;
    const struct batch before = *b;
    const struct json *custom = NULL;
    int rc = 0;
    item->agreed = arena_new(&b->arena, m->export_count, sizeof item->agreed[0]);
    if (!item->created && b->has_custom_exports &&
        custom_read(b->mapping->object, item->key, item->row->custom, &custom, err) != 0)
        return -1;
    for (size_t i = 0; i < m->export_count && rc == 0; i++)
        rc = settle_field(b, item, &m->exports[i], custom, &item->agreed[i], err);
    json_free(custom);
    if (item->waits)
        forget_notes(b, &before);
    return rc;
}

int batch_settle_moves(struct batch *b, struct error *err)
{
    if (b->mapping->export_count > 0 && load_open(b, err) != 0)
        return -1;
    for (size_t i = 0; i < b->count && b->mapping->export_count > 0; i++)
        if (settle_item(b, &b->items[i], err) != 0)
            return -1;
    batch_leave_waiting(b);
    return 0;
}

/* ---- what is kept ---- */

/* Whether our side has something that the vendor is to get. */
static void note_due(struct batch *b, const struct item *item)
{
    b->due = arena_grow(&b->arena, b->due, &b->due_cap, b->due_count + 1, sizeof b->due[0]);
    b->due[b->due_count++] = item->key;
}

int batch_local_shadow(struct batch *b, const struct item *item, struct str *ret_shadow,
                       struct str *ret_base, struct error *err)
{
    const struct mapping *m = b->mapping;
    const uint8_t *key = store_hash_key(b->merge->store);
    const struct json *custom = NULL;
    bool due = false;
    size_t n = 0;
    *ret_shadow = *ret_base = (struct str){NULL, 0};
    if (m->export_count == 0)
        return 0;
    if (b->has_custom_exports &&
        custom_read(b->mapping->object, item->key, item->row->custom, &custom, err) != 0)
        return -1;
    char *shadow = arena_new(&b->arena, m->export_count, SHADOW_ENTRY);
    for (size_t i = 0; i < m->export_count; i++) {
        const struct rule *rule = &m->rules[m->exports[i].rule];
        const struct agreed taken = {.how = AGREED_ON_ROW}; /* by a comparison that repairs */
        const struct agreed *a = item->agreed ? &item->agreed[i] : &taken;
        struct value value;
        if (a->how == AGREED_ON_NOTHING ||
            field_of_record(rule, item->row, custom, &b->arena, &value) != 0)
            continue;
        uint64_t here = rule_hash(key, &value);
        shadow_pack(shadow + n++ * SHADOW_ENTRY, rule->field.id,
                    a->how == AGREED_ON_ROW ? here : a->hash);
        due |= a->how == AGREED_ON_HASH && a->hash != here;
    }
    *ret_shadow = (struct str){shadow, n * SHADOW_ENTRY};
    int rc = batch_link_base(b, item, *ret_shadow, custom, ret_base, err);
    json_free(custom);
    if (due)
        note_due(b, item);
    return rc;
}

static int end_conflicts(struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->over_count; i++)
        if (engine_of(b)->settle_conflict(b->merge->store, b->over[i].id, b->over[i].state,
                                          STR(CONFLICT_BY_SYNC), err) != 0)
            return -1;
    return 0;
}

int batch_note_two_way(struct batch *b, struct error *err)
{
    const struct merge *m = b->merge;
    if (end_conflicts(b, err) != 0)
        return -1;
    if (b->conflict_count > 0 &&
        engine_of(b)->set_conflicts(m->store, b->conflicts, b->conflict_count, err) != 0)
        return -1;
    if (b->due_count > 0 &&
        engine_of(b)->queue_exports(m->store, m->target->stream, b->due, b->due_count, err) != 0)
        return -1;
    if (b->unread_count == 0)
        return 0;
    return engine_of(b)->queue_unread(m->store, m->target->stream, b->unread, b->unread_count, err);
}
