/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records a search means. The indexes that match are found once and kept, so that the next
 * pages of a walk cost no new search: a walk by keyset changes only its lower bound of ids, which
 * is not part of what is kept. A range of modified times is cut out of a sorted index; any other
 * filter scans.
 */
#include "hubspot.h"

#include <stdlib.h>
#include <strings.h>

enum { INDEX_BITS = 29 };

/* Least significant digit first, 11 bits a digit; digits that are all equal are skipped. */
void sort_u64(uint64_t *values, size_t count)
{
    enum { BITS = 11, BUCKETS = 1 << BITS };
    uint64_t *other = mem_get(count * sizeof *other), *from = values, *to = other;
    for (unsigned shift = 0; shift < 64; shift += BITS) {
        size_t at[BUCKETS] = {0}, sum = 0;
        for (size_t i = 0; i < count; i++)
            at[from[i] >> shift & (BUCKETS - 1)]++;
        if (count == 0 || at[from[0] >> shift & (BUCKETS - 1)] == count)
            continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t n = at[b];
            at[b] = sum;
            sum += n;
        }
        for (size_t i = 0; i < count; i++)
            to[at[from[i] >> shift & (BUCKETS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != values)
        memcpy(values, from, count * sizeof *values);
    free(other);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_indexes(uint64_t *values, size_t count)
{
    if (count < 2)
        return;
    if (count < 1000)
        qsort(values, count, sizeof *values, compare_u64);
    else
        sort_u64(values, count);
}

static void make_by_modified(const struct hubspot *h, enum object_type type, struct table *t)
{
    t->by_modified = mem_get(t->seeded * sizeof *t->by_modified);
    for (uint32_t i = 0; i < t->seeded; i++)
        t->by_modified[i] = (uint64_t)(seed_modified(h, type, i) - seed_start_ms) << INDEX_BITS | i;
    sort_u64(t->by_modified, t->seeded);
}

/* The first position in by_modified at or after a time. */
static size_t lower_bound(const struct table *t, int64_t ms)
{
    size_t low = 0, high = t->seeded;
    if (ms <= seed_start_ms)
        return 0;
    if (ms >= seed_end_ms)
        return t->seeded;
    uint64_t wanted = (uint64_t)(ms - seed_start_ms) << INDEX_BITS;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->by_modified[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- gathering ---- */

struct gather {
    struct hubspot *h;
    const struct search *q;
    struct table *t;
    int64_t horizon_ms;
    uint64_t *found;
    size_t count, cap;
    struct text scratch;
};

static void consider(struct gather *g, uint32_t index)
{
    struct record r;
    if (!store_load_at(g->h, g->q->type, index, g->horizon_ms, &r))
        return;
    if (g->q->by_modified &&
        (r.modified_ms < g->q->modified_from || r.modified_ms > g->q->modified_to))
        return;
    if ((g->q->group_count > 0 || g->q->query) && !filter_matches(g->h, g->q, &r, &g->scratch))
        return;
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 1024;
        g->found = mem_more(g->found, g->cap * sizeof *g->found);
    }
    g->found[g->count++] = index;
}

static void gather_range(struct gather *g)
{
    struct table *t = g->t;
    if (!t->by_modified)
        make_by_modified(g->h, g->q->type, t);
    int64_t past = g->q->modified_to == INT64_MAX ? INT64_MAX : g->q->modified_to + 1;
    size_t from = lower_bound(t, g->q->modified_from), to = lower_bound(t, past);
    for (size_t i = from; i < to; i++) {
        uint32_t index = (uint32_t)(t->by_modified[i] & ((UINT64_C(1) << INDEX_BITS) - 1));
        if (!store_newest(t, index))
            consider(g, index);
    }
    for (size_t i = 0; i < t->slot_cap; i++)
        if (t->slots[i].index_plus_1)
            consider(g, t->slots[i].index_plus_1 - 1);
    sort_indexes(g->found, g->count);
}

static void gather_all(struct gather *g)
{
    for (uint32_t i = 0; i < g->t->total; i++)
        consider(g, i);
}

/* ---- another order than by id ---- */

struct item {
    uint32_t index;
    bool null;
    double number;
    char *text;
};

static void load_item(struct gather *g, uint32_t index, struct item *item)
{
    const struct field *f = &g->h->models[g->q->type].fields[g->q->sort];
    struct record r;
    int64_t ms;
    *item = (struct item){.index = index, .null = true};
    g->scratch.len = 0;
    if (!store_load_at(g->h, g->q->type, index, g->horizon_ms, &r) ||
        !record_value(g->h, &r, (unsigned)g->q->sort, &g->scratch))
        return;
    const char *value = text_end(&g->scratch);
    item->null = false;
    if (f->type == TYPE_NUMBER)
        item->number = strtod(value, NULL);
    else if ((f->type == TYPE_DATETIME || f->type == TYPE_DATE) && time_parse(value, &ms))
        item->number = (double)ms;
    else
        item->text = mem_copy(value, g->scratch.len);
}

/* Nulls come last, equal values by index. */
static int compare_items(const struct item *x, const struct item *y)
{
    int by_value = 0;
    if (x->null || y->null)
        by_value = x->null - y->null;
    else if (x->text && y->text)
        by_value = strcasecmp(x->text, y->text);
    else
        by_value = x->number < y->number ? -1 : x->number > y->number;
    return by_value ? by_value : (x->index < y->index ? -1 : 1);
}

static int compare_up(const void *a, const void *b)
{
    return compare_items(a, b);
}

static int compare_down(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->null || y->null ? compare_items(x, y) : compare_items(y, x);
}

static void sort_by_field(struct gather *g)
{
    struct item *items = mem_get(g->count * sizeof *items);
    for (size_t i = 0; i < g->count; i++)
        load_item(g, (uint32_t)g->found[i], &items[i]);
    if (g->count > 1)
        qsort(items, g->count, sizeof *items, g->q->descending ? compare_down : compare_up);
    for (size_t i = 0; i < g->count; i++) {
        g->found[i] = items[i].index;
        free(items[i].text);
    }
    free(items);
}

/* ---- keeping ---- */

static void set_free(struct set *set)
{
    free(set->key);
    free(set->indexes);
    *set = (struct set){0};
}

void sets_free(struct table *t)
{
    for (size_t i = 0; i < SETS_MAX; i++)
        set_free(&t->sets[i]);
}

/* When the next change becomes visible to search. */
static int64_t next_visible(const struct hubspot *h, const struct table *t, int64_t horizon_ms)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; h->options->lag_ms && i < t->slot_cap; i++)
        for (const struct version *v = t->slots[i].newest; v; v = v->older)
            if (v->at_ms > horizon_ms && v->at_ms < next)
                next = v->at_ms;
    return next;
}

static void set_make(struct hubspot *h, const struct search *q, int64_t horizon_ms, struct set *set)
{
    struct table *t = &h->tables[q->type];
    struct gather g = {.h = h, .q = q, .t = t, .horizon_ms = horizon_ms};
    set_free(set);
    if (q->by_modified)
        gather_range(&g);
    else
        gather_all(&g);
    if (q->sort >= 0)
        sort_by_field(&g);
    set->indexes = mem_get(g.count * sizeof *set->indexes);
    for (size_t i = 0; i < g.count; i++)
        set->indexes[i] = (uint32_t)g.found[i];
    set->count = g.count;
    set->key = mem_copy(q->key, strlen(q->key));
    set->generation = t->generation;
    set->horizon_ms = horizon_ms;
    set->until_ms = next_visible(h, t, horizon_ms);
    free(g.found);
    text_free(&g.scratch);
}

static bool is_valid(const struct table *t, const struct set *set, int64_t horizon_ms)
{
    return set->generation == t->generation && horizon_ms >= set->horizon_ms &&
           (horizon_ms < set->until_ms || horizon_ms == INT64_MAX);
}

const struct set *set_get(struct hubspot *h, const struct search *q, int64_t horizon_ms)
{
    struct table *t = &h->tables[q->type];
    struct set *oldest = &t->sets[0], *found = NULL;
    for (size_t i = 0; i < SETS_MAX && !found; i++) {
        struct set *set = &t->sets[i];
        if (set->key && is_valid(t, set, horizon_ms) && strcmp(set->key, q->key) == 0)
            found = set;
        else if (set->used < oldest->used)
            oldest = set;
    }
    if (!found) {
        found = oldest;
        set_make(h, q, horizon_ms, found);
    }
    found->used = ++t->uses;
    return found;
}
