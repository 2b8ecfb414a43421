/* SPDX-License-Identifier: Apache-2.0 */
/* Records by index and id, and the versions of those that changed. */
#include "hubspot.h"
#include "hubspot_write.h"

#include <stdlib.h>

static const uint64_t id_stride[TYPES] = {
    [COMPANIES] = 61, [CONTACTS] = 43, [DEALS] = 37, [TICKETS] = 29, [CALLS] = 23,
    [EMAILS] = 19,    [MEETINGS] = 31, [NOTES] = 17, [TASKS] = 41,   [SUBSCRIPTIONS] = 13};
static const uint64_t id_first[TYPES] = {
    [COMPANIES] = 8000000000,    [CONTACTS] = 21000000000, [DEALS] = 12000000000,
    [TICKETS] = 3000000000,      [CALLS] = 31000000000,    [EMAILS] = 42000000000,
    [MEETINGS] = 53000000000,    [NOTES] = 64000000000,    [TASKS] = 75000000000,
    [SUBSCRIPTIONS] = 5000000000};

static uint64_t id_base(const struct hubspot *h, enum object_type type)
{
    return id_first[type] + mix(h->seed_hash + type) % 1000000000;
}

void store_init(struct hubspot *h)
{
    const struct sandbox_options *o = h->options;
    const uint32_t counts[CALLS] = {o->companies, o->contacts, o->deals, o->tickets};
    for (int type = 0; type < TYPES; type++) {
        uint32_t engagements = o->engagements / ENGAGEMENT_TYPES +
                               (type - CALLS < (int)(o->engagements % ENGAGEMENT_TYPES));
        h->tables[type].seeded = type < CALLS            ? counts[type]
                                 : type == SUBSCRIPTIONS ? SUBSCRIPTIONS_SEEDED
                                                         : engagements;
        h->tables[type].total = h->tables[type].seeded;
    }
}

static void free_versions(struct version *v)
{
    while (v) {
        struct version *older = v->older;
        for (size_t i = 0; i < v->count; i++)
            free(v->changes[i].value);
        free(v);
        v = older;
    }
}

static void free_slot(struct slot *slot)
{
    free_versions(slot->newest);
    for (size_t i = 0; i < slot->past_count; i++)
        free(slot->past[i].value);
    free(slot->past);
}

void store_free(struct hubspot *h)
{
    associations_free(h);
    for (int type = 0; type < TYPES; type++) {
        struct table *t = &h->tables[type];
        for (size_t i = 0; i < t->slot_cap; i++)
            free_slot(&t->slots[i]);
        sets_free(t);
        free(t->slots);
        free(t->by_modified);
    }
}

/* ---- ids ---- */

uint64_t store_id(const struct hubspot *h, enum object_type type, uint32_t index)
{
    uint64_t stride = id_stride[type];
    return id_base(h, type) + index * stride + mix(h->seed_hash ^ ~(uint64_t)index) % stride;
}

uint32_t store_index_from(const struct hubspot *h, enum object_type type, uint64_t id)
{
    uint64_t base = id_base(h, type), total = h->tables[type].total;
    uint64_t index = id < base ? 0 : (id - base) / id_stride[type];
    if (index < total && store_id(h, type, (uint32_t)index) < id)
        index++;
    return (uint32_t)(index < total ? index : total);
}

/* ---- versions ---- */

static struct slot *find_slot(const struct table *t, uint32_t index)
{
    size_t mask = t->slot_cap - 1, at = (size_t)mix(index) & mask;
    while (t->slots[at].index_plus_1 != 0 && t->slots[at].index_plus_1 != index + 1)
        at = (at + 1) & mask;
    return &t->slots[at];
}

struct version *store_newest(const struct table *t, uint32_t index)
{
    return t->slot_count ? find_slot(t, index)->newest : NULL;
}

struct slot *store_slot(const struct hubspot *h, enum object_type type, uint32_t index)
{
    const struct table *t = &h->tables[type];
    struct slot *slot = t->slot_count ? find_slot(t, index) : NULL;
    return slot && slot->index_plus_1 != 0 ? slot : NULL;
}

enum life store_life(const struct hubspot *h, enum object_type type, uint32_t index)
{
    const struct version *v = store_newest(&h->tables[type], index);
    return v ? v->life : LIFE_LIVING;
}

static void grow_slots(struct table *t)
{
    struct table bigger = {.slot_cap = t->slot_cap ? t->slot_cap * 2 : 64};
    bigger.slots = mem_get(bigger.slot_cap * sizeof *bigger.slots);
    for (size_t i = 0; i < t->slot_cap; i++)
        if (t->slots[i].index_plus_1)
            *find_slot(&bigger, t->slots[i].index_plus_1 - 1) = t->slots[i];
    free(t->slots);
    t->slots = bigger.slots;
    t->slot_cap = bigger.slot_cap;
}

/* Drops the versions that neither search nor a list can see any more. */
static void prune(const struct hubspot *h, struct version *newest, int64_t now_ms)
{
    int64_t horizon = store_horizon(h, now_ms);
    for (struct version *v = newest; v; v = v->older)
        if (v->at_ms <= horizon) {
            free_versions(v->older);
            v->older = NULL;
        }
}

static void push(struct hubspot *h, enum object_type type, uint32_t index, struct version *v)
{
    struct table *t = &h->tables[type];
    if (t->slot_count * 2 >= t->slot_cap)
        grow_slots(t);
    struct slot *slot = find_slot(t, index);
    if (slot->index_plus_1 == 0)
        t->slot_count++;
    slot->index_plus_1 = index + 1;
    v->older = slot->newest;
    slot->newest = v;
    t->generation++;
}

static void set_change(struct version *v, struct change change)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->changes[i].field == change.field) {
            free(v->changes[i].value);
            v->changes[i] = change;
            return;
        }
    v->changes[v->count++] = change;
}

/* A version like the newest, with room for more changes. */
static struct version *next_version(const struct hubspot *h, enum object_type type, uint32_t index,
                                    int64_t now_ms, size_t more)
{
    const struct version *old = store_newest(&h->tables[type], index);
    size_t room = more + (old ? old->count : 0);
    struct version *v = mem_get(sizeof *v + room * sizeof *v->changes);
    *v = (struct version){.at_ms = now_ms};
    v->modified_ms = old ? old->modified_ms : seed_modified(h, type, index);
    if (old) {
        v->created_ms = old->created_ms;
        v->created_here = old->created_here;
        v->blank = old->blank;
    }
    for (size_t i = 0; old && i < old->count; i++) {
        const char *value = old->changes[i].value;
        v->changes[v->count].field = old->changes[i].field;
        v->changes[v->count++].value = value ? mem_copy(value, strlen(value)) : NULL;
    }
    return v;
}

void store_change(struct hubspot *h, enum object_type type, uint32_t index, int64_t now_ms,
                  enum history_source source, const struct change *changes, size_t count)
{
    struct version *v = next_version(h, type, index, now_ms, count);
    v->modified_ms = now_ms;
    for (size_t i = 0; i < count; i++)
        set_change(v, changes[i]);
    push(h, type, index, v);
    for (size_t i = 0; i < count; i++)
        history_add(store_slot(h, type, index), &changes[i], now_ms, source);
    prune(h, v, now_ms);
}

void store_set_life(struct hubspot *h, enum object_type type, uint32_t index, int64_t now_ms,
                    enum life life, uint32_t into)
{
    struct version *v = next_version(h, type, index, now_ms, 0);
    v->life = life;
    v->into = into;
    h->tables[type].merged += life == LIFE_MERGED;
    push(h, type, index, v);
    prune(h, v, now_ms);
}

uint32_t store_create(struct hubspot *h, enum object_type type, int64_t now_ms)
{
    struct table *t = &h->tables[type];
    struct version *v = mem_get(sizeof *v);
    *v = (struct version){
        .at_ms = now_ms, .modified_ms = now_ms, .created_ms = now_ms, .created_here = true};
    push(h, type, t->total, v);
    return t->total++;
}

uint32_t store_create_blank(struct hubspot *h, enum object_type type, int64_t now_ms,
                            const struct change *changes, size_t count)
{
    struct table *t = &h->tables[type];
    struct version *v = mem_get(sizeof *v + count * sizeof *v->changes);
    *v = (struct version){.at_ms = now_ms,
                          .modified_ms = now_ms,
                          .created_ms = now_ms,
                          .created_here = true,
                          .blank = true,
                          .count = count};
    if (count > 0)
        memcpy(v->changes, changes, count * sizeof *changes);
    push(h, type, t->total, v);
    for (size_t i = 0; i < count; i++)
        history_add(store_slot(h, type, t->total), &changes[i], now_ms, SOURCE_INTEGRATION);
    return t->total++;
}

/* ---- loading ---- */

int64_t store_horizon(const struct hubspot *h, int64_t now_ms)
{
    return h->options->lag_ms ? now_ms - h->options->lag_ms : INT64_MAX;
}

static void fill(const struct hubspot *h, enum object_type type, uint32_t index,
                 const struct version *v, struct record *r)
{
    r->type = type;
    r->index = index;
    r->id = store_id(h, type, index);
    r->hash = seed_hash(h, type, index);
    r->salt = 0;
    r->version = v;
    r->modified_ms = v ? v->modified_ms : seed_modified(h, type, index);
    r->created_ms =
        v && v->created_here ? v->created_ms : seed_created(r->hash, seed_modified(h, type, index));
}

void store_load(const struct hubspot *h, enum object_type type, uint32_t index, struct record *r)
{
    fill(h, type, index, store_newest(&h->tables[type], index), r);
}

bool store_load_at(const struct hubspot *h, enum object_type type, uint32_t index,
                   int64_t horizon_ms, struct record *r)
{
    const struct table *t = &h->tables[type];
    const struct version *v = store_newest(t, index);
    while (v && v->at_ms > horizon_ms)
        v = v->older;
    if ((!v && index >= t->seeded) || (v && v->life != LIFE_LIVING))
        return false;
    fill(h, type, index, v, r);
    return true;
}

/* ---- showing ---- */

static bool changed_value(const struct record *r, unsigned field, struct text *out, bool *ret_null)
{
    for (size_t i = 0; r->version && i < r->version->count; i++) {
        const struct change *c = &r->version->changes[i];
        if (c->field != field)
            continue;
        *ret_null = c->value == NULL;
        if (c->value)
            text_add(out, c->value);
        return true;
    }
    return false;
}

/* The company whose id was appended since `start`, or the one that it was merged into. False when
 * that is the record itself. */
static bool look_through(const struct hubspot *h, const struct record *r, size_t start,
                         struct text *out)
{
    if (h->tables[COMPANIES].merged == 0)
        return true;
    uint64_t id = strtoull(text_end(out) + start, NULL, 10);
    uint32_t index = store_index_from(h, COMPANIES, id);
    if (index >= h->tables[COMPANIES].total)
        return true;
    uint32_t winner = merge_winner(h, COMPANIES, index);
    out->len = start;
    if (r->type == COMPANIES && winner == r->index)
        return false;
    text_u64(out, store_id(h, COMPANIES, winner));
    return true;
}

/* Added properties are null at first, and so are all of a record that was written, but for those
 * that follow from others. */
static bool has_seeded(const struct record *r, unsigned field)
{
    if (field >= hubspot_models[r->type].count)
        return false;
    if (!r->version || !r->version->blank)
        return true;
    return (r->type == DEALS && (field == DEAL_STAGE_PROBABILITY || field == DEAL_PIPELINE ||
                                 field == DEAL_IS_CLOSED || field == DEAL_IS_CLOSED_WON)) ||
           (r->type == TICKETS && field == TICKET_PIPELINE);
}

bool record_value(const struct hubspot *h, const struct record *r, unsigned field, struct text *out)
{
    const struct model *m = &hubspot_models[r->type];
    size_t start = out->len;
    bool null = false;
    if (field == m->object_id)
        text_u64(out, r->id);
    else if (field == m->modified)
        text_time(out, r->modified_ms);
    else if (field == m->created)
        text_time(out, r->created_ms);
    else if (r->type == CONTACTS && field == CONTACT_COMPANY_ID &&
             association_is_changed(h, CONTACTS, r->index, COMPANIES))
        null = !association_write_primary(h, r->index, out);
    else if (!changed_value(r, field, out, &null))
        null = !has_seeded(r, field) || !seed_value(h, r, field, out);
    bool reference = (r->type == CONTACTS && field == CONTACT_COMPANY_ID) ||
                     (r->type == COMPANIES && field == COMPANY_PARENT);
    return !null && (!reference || look_through(h, r, start, out));
}

static void write_field(const struct hubspot *h, const struct record *r, unsigned field,
                        struct text *out)
{
    text_char(out, '"');
    text_add(out, h->models[r->type].fields[field].name);
    text_bytes(out, "\":\"", 3);
    size_t start = out->len;
    if (record_value(h, r, field, out)) {
        text_escape_from(out, start);
        text_char(out, '"');
    } else {
        out->len = start - 1;
        text_bytes(out, "null", 4);
    }
}

static void write_record(const struct hubspot *h, const struct record *r, uint64_t mask,
                         uint64_t history, struct text *out)
{
    const char *between = "";
    bool archived = r->version && r->version->life == LIFE_ARCHIVED;
    text_add(out, "{\"id\":\"");
    text_u64(out, r->id);
    text_add(out, "\",\"properties\":{");
    for (unsigned field = 0; mask; field++, mask >>= 1) {
        if (!(mask & 1))
            continue;
        text_add(out, between);
        write_field(h, r, field, out);
        between = ",";
    }
    text_char(out, '}');
    if (history)
        history_write(h, r, history, out);
    text_add(out, ",\"createdAt\":\"");
    text_time(out, r->created_ms);
    text_add(out, "\",\"updatedAt\":\"");
    text_time(out, r->modified_ms);
    text_add(out, archived ? "\",\"archived\":true,\"archivedAt\":\"" : "\",\"archived\":false");
    if (archived) {
        text_time(out, r->version->at_ms);
        text_char(out, '"');
    }
    text_char(out, '}');
}

void record_write(const struct hubspot *h, const struct record *r, uint64_t mask, struct text *out)
{
    record_write_history(h, r, mask, 0, out);
}

void record_write_history(const struct hubspot *h, const struct record *r, uint64_t mask,
                          uint64_t history, struct text *out)
{
    uint64_t shown = ~schema_hidden(h, r->type);
    write_record(h, r, mask & shown, history & shown, out);
}

void record_write_truth(const struct hubspot *h, const struct record *r, struct text *out)
{
    write_record(h, r, (UINT64_C(1) << h->models[r->type].count) - 1, 0, out);
}
