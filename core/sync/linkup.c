/* SPDX-License-Identifier: Apache-2.0 */
/* What is proposed: which of our records each of the vendor's is, as an import would find out, and
 * where it could not or would choose between several. */
#include "sync/linkup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sync/merge_internal.h"

enum { NAME_MAX_BYTES = 200, VALUE_MAX = 1000, CANDIDATES_MOST = 50, HOLDERS_AT_ONCE = 1000 };
enum { OFFERED_MOST = 200 };

const char *linkup_how_name(enum linkup_how how)
{
    static const char *const names[] = {
        [LINKUP_AMBIGUOUS] = "ambiguous", [LINKUP_UNSURE] = "unsure", [LINKUP_MATCHED] = "matched",
        [LINKUP_NEW] = "new_here",        [LINKUP_APART] = "apart",   [LINKUP_LINKED] = "linked",
        [LINKUP_ALONE] = "new_there"};
    return names[how];
}

/* ---- names ---- */

static void add_field(struct buf *out, const struct model_object *object, const char *name,
                      const struct value *fields, const char *before)
{
    int i = model_field(object, str_from(name));
    if (i < 0 || fields[i].state != VALUE_TEXT || fields[i].text.len == 0)
        return;
    buf_text(out, out->len > 0 ? before : "");
    buf_str(out, fields[i].text);
}

struct str linkup_name(const struct model_object *object, const struct value *fields,
                       struct arena *arena)
{
    struct buf text = BUF_INIT(4 * TEXT_MAX);
    bool is_person = model_field(object, STR("first_name")) >= 0;
    add_field(&text, object, "name", fields, "");
    add_field(&text, object, "first_name", fields, "");
    add_field(&text, object, "last_name", fields, " ");
    if (!is_person) /* whose title is their job */
        add_field(&text, object, "title", fields, ", ");
    add_field(&text, object, "subject", fields, ", ");
    add_field(&text, object, "domain", fields, ", ");
    add_field(&text, object, "email", fields, ", ");
    struct str name = buf_view(&text);
    if (name.len > NAME_MAX_BYTES)
        name.len = NAME_MAX_BYTES;
    while (name.len > 0 && !str_is_utf8(name))
        name.len--;
    name = arena_str(arena, name);
    buf_free(&text);
    return name;
}

/* ---- the vendor's records ---- */

static struct linkup_object *current_of(struct linkup *l)
{
    return &l->objects[l->current];
}

void linkup_begin_object(struct linkup *l, const struct object_setup *setup)
{
    for (l->current = 0; l->current < l->count; l->current++)
        if (l->objects[l->current].setup == setup)
            return;
    l->objects = mem_grow(l->objects, &l->cap, l->count + 1, sizeof l->objects[0]);
    l->objects[l->count++] = (struct linkup_object){.setup = setup};
}

/* What is found out of an item by the fields it is matched by. */
struct match {
    int field; /* -1: none */
    bool several;
    struct value value;
};

static int match_by(struct batch *b, struct match *matches, int field, struct error *err)
{
    size_t rule;
    struct value *values = arena_new(&b->arena, b->count, sizeof values[0]);
    struct match_row *found = arena_new(&b->arena, b->count, sizeof found[0]);
    if (!rule_of_field(b->mapping, field, &rule))
        return 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].key == 0 && !b->items[i].apart && !matches[i].several)
            values[i] = b->items[i].record->mapped.values[rule];
    if (engine_of(b)->match(b->merge->store, b->mapping->object, b->merge->organization,
                            b->merge->target->stream, field, values, b->count, found, err) != 0)
        return -1;
    for (size_t i = 0; i < b->count; i++) {
        if (found[i].record == 0)
            continue;
        bool several = found[i].other != 0;
        matches[i] = (struct match){.field = field, .several = several, .value = values[i]};
        b->items[i].key = several ? 0 : found[i].record;
    }
    return 0;
}

static bool is_unsure(const struct batch *b)
{
    const struct object_setup *object = b->merge->target->object;
    bool paused = false;
    size_t rule;
    for (size_t i = 0; i < object->match_count; i++) {
        const struct rule *by = rule_of_field(b->mapping, object->match[i], &rule);
        paused = paused || (by && by->paused);
    }
    return paused;
}

static enum linkup_how how_of(const struct item *item, const struct match *match, bool unsure)
{
    if (item->link.key != 0)
        return LINKUP_LINKED;
    if (item->apart)
        return LINKUP_APART;
    if (match->several)
        return LINKUP_AMBIGUOUS;
    if (item->key != 0)
        return LINKUP_MATCHED;
    return unsure ? LINKUP_UNSURE : LINKUP_NEW;
}

static struct str text_of(const struct model_object *object, int field, const struct value *value,
                          struct arena *arena)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    if (field >= 0)
        value_write(&text, object->fields[field].kind, value);
    struct str copy = arena_str(arena, text.len > 0 ? buf_view(&text) : STR(""));
    buf_free(&text);
    return copy;
}

static struct str name_of_item(const struct batch *b, const struct item *item, struct arena *arena)
{
    struct value fields[MODEL_FIELDS_MAX] = {0};
    for (size_t i = 0; i < b->mapping->rule_count; i++)
        if (b->mapping->rules[i].index >= 0 && !rule_refers(&b->mapping->rules[i]))
            fields[b->mapping->rules[i].index] = item->record->mapped.values[i];
    return linkup_name(b->mapping->object, fields, arena);
}

static void note_item(struct batch *b, const struct item *item, const struct match *match,
                      bool unsure)
{
    struct linkup *l = b->merge->linkup;
    struct linkup_object *o = current_of(l);
    o->records = mem_grow(o->records, &o->record_cap, o->record_count + 1, sizeof o->records[0]);
    o->records[o->record_count] = (struct linkup_record){
        .external_id = arena_str(&l->arena, item->record->id),
        .name = name_of_item(b, item, &l->arena),
        .how = how_of(item, match, unsure),
        .record = item->key,
        .field = match->field,
        .value = text_of(b->mapping->object, match->field, &match->value, &l->arena),
        .order = o->record_count};
    o->record_count++;
}

int batch_propose(struct batch *b, struct error *err)
{
    const struct object_setup *object = b->merge->target->object;
    struct match *matches = arena_new(&b->arena, b->count, sizeof matches[0]);
    bool unsure = is_unsure(b);
    for (size_t i = 0; i < b->count; i++)
        matches[i].field = -1;
    for (size_t i = 0; i < object->match_count; i++)
        if (match_by(b, matches, object->match[i], err) != 0)
            return -1;
    for (size_t i = 0; i < b->count; i++)
        note_item(b, &b->items[i], &matches[i], unsure);
    return 0;
}

/* ---- once all have come ---- */

static int by_id_then_order(const void *a, const void *b)
{
    const struct linkup_record *x = a, *y = b;
    int c = str_cmp(x->external_id, y->external_id);
    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

/* What comes again counts as it came last. */
static void keep_last(struct linkup_object *o)
{
    size_t n = 0;
    if (o->record_count > 0)
        qsort(o->records, o->record_count, sizeof o->records[0], by_id_then_order);
    for (size_t i = 0; i < o->record_count; i++)
        if (i + 1 == o->record_count ||
            !str_eq(o->records[i].external_id, o->records[i + 1].external_id))
            o->records[n++] = o->records[i];
    o->record_count = n;
}

static int by_record(const void *a, const void *b)
{
    const struct linkup_record *x = *(struct linkup_record *const *)a;
    const struct linkup_record *y = *(struct linkup_record *const *)b;
    return (x->record > y->record) - (x->record < y->record);
}

/* An import would give ours to the first of several that it matches, and make new ones of the
 * others. */
static void find_shared(struct linkup_object *o)
{
    struct linkup_record **matched = mem_new(o->record_count, sizeof matched[0]);
    size_t n = 0;
    for (size_t i = 0; i < o->record_count; i++)
        if (o->records[i].how == LINKUP_MATCHED)
            matched[n++] = &o->records[i];
    if (n > 0)
        qsort(matched, n, sizeof matched[0], by_record);
    for (size_t i = 0; i + 1 < n; i++)
        if (matched[i]->record == matched[i + 1]->record)
            matched[i]->how = matched[i + 1]->how = LINKUP_AMBIGUOUS;
    free(matched);
}

/* ---- our records ---- */

/* A value that several of ours have. */
struct wanted {
    uint64_t hash;
    size_t record; /* that has it, index */
};

struct gathering {
    struct linkup *linkup;
    struct linkup_object *object;
    const uint8_t *hash_key;
    struct wanted *wanted; /* by hash */
    size_t wanted_count;
};

static int by_hash(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->record > y->record) - (x->record < y->record);
}

static void add_candidate(struct linkup_object *o, size_t record, int64_t key)
{
    o->candidates =
        mem_grow(o->candidates, &o->candidate_cap, o->candidate_count + 1, sizeof o->candidates[0]);
    o->candidates[o->candidate_count++] = (struct linkup_candidate){record, key};
}

static void list_wanted(struct gathering *g)
{
    const struct linkup_object *o = g->object;
    g->wanted = mem_new(o->record_count, sizeof g->wanted[0]);
    for (size_t i = 0; i < o->record_count; i++) {
        const struct linkup_record *r = &o->records[i];
        if (r->how != LINKUP_AMBIGUOUS)
            continue;
        if (r->record != 0)
            add_candidate(g->object, i, r->record);
        else
            g->wanted[g->wanted_count++] = (struct wanted){siphash(g->hash_key, r->value), i};
    }
    if (g->wanted_count > 0)
        qsort(g->wanted, g->wanted_count, sizeof g->wanted[0], by_hash);
}

static size_t first_wanted(const struct gathering *g, uint64_t hash)
{
    size_t low = 0, high = g->wanted_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (g->wanted[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of which records it may be the partner, by one field. */
static void offer(struct gathering *g, const struct record_row *row, int field)
{
    struct arena arena = {0};
    const struct model_object *model = g->object->setup->model;
    struct str value = text_of(model, field, &row->fields[field], &arena);
    uint64_t hash = siphash(g->hash_key, value);
    for (size_t i = first_wanted(g, hash); i < g->wanted_count && g->wanted[i].hash == hash; i++) {
        struct linkup_record *r = &g->object->records[g->wanted[i].record];
        if (r->offered == OFFERED_MOST || r->field != field || !str_eq(r->value, value))
            continue;
        r->offered++;
        add_candidate(g->object, g->wanted[i].record, row->key);
    }
    arena_free(&arena);
}

static bool note_ours(void *arg, const struct record_row *row)
{
    struct gathering *g = arg;
    struct linkup_object *o = g->object;
    o->ours = mem_grow(o->ours, &o->ours_cap, o->ours_count + 1, sizeof o->ours[0]);
    o->ours[o->ours_count++] =
        (struct linkup_ours){.key = row->key,
                             .id = row->id,
                             .name = linkup_name(o->setup->model, row->fields, &g->linkup->arena)};
    for (size_t i = 0; i < o->setup->match_count && g->wanted_count > 0; i++)
        if (row->fields[o->setup->match[i]].state != VALUE_NULL)
            offer(g, row, o->setup->match[i]);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct linkup_ours *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static struct linkup_ours *find_ours(const struct linkup_object *o, int64_t key)
{
    const struct linkup_ours wanted = {.key = key};
    return o->ours_count > 0 ? bsearch(&wanted, o->ours, o->ours_count, sizeof wanted, by_key)
                             : NULL;
}

static void take(const struct linkup_object *o, int64_t key)
{
    struct linkup_ours *ours = find_ours(o, key);
    if (ours)
        ours->taken = true;
}

static int find_linked(struct linkup_object *o, struct store *store, int64_t stream,
                       struct error *err)
{
    int64_t keys[HOLDERS_AT_ONCE];
    struct holder_row holders[HOLDERS_AT_ONCE];
    for (size_t from = 0; from < o->ours_count; from += HOLDERS_AT_ONCE) {
        size_t left = o->ours_count - from, n = left < HOLDERS_AT_ONCE ? left : HOLDERS_AT_ONCE;
        for (size_t i = 0; i < n; i++)
            keys[i] = o->ours[from + i].key;
        if (store->engine->load_holders(store, o->setup->model, stream, keys, n, holders, err) != 0)
            return -1;
        for (size_t i = 0; i < n; i++)
            o->ours[from + i].taken = holders[i].here;
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct linkup_candidate *x = a, *y = b;
    if (x->record != y->record)
        return x->record < y->record ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

/* A value that half of all have offers each of them to each: a few are enough to see that. Those
 * that are linked already are none. */
static void sort_candidates(struct linkup_object *o)
{
    size_t n = 0, of_one = 0;
    if (o->candidate_count > 0)
        qsort(o->candidates, o->candidate_count, sizeof o->candidates[0], by_place);
    for (size_t i = 0; i < o->candidate_count; i++) {
        const struct linkup_candidate c = o->candidates[i];
        const struct linkup_ours *ours = find_ours(o, c.key);
        of_one = n > 0 && o->candidates[n - 1].record == c.record ? of_one : 0;
        if (ours && !ours->taken && of_one++ < CANDIDATES_MOST)
            o->candidates[n++] = c;
    }
    o->candidate_count = n;
}

/* Where several of the vendor's objects become one of ours, none of them should have them all. */
static bool is_alone(const struct setup *setup, const struct object_setup *object)
{
    for (size_t i = 0; i < setup->object_count; i++)
        if (&setup->objects[i] != object && setup->objects[i].model == object->model)
            return false;
    return true;
}

static void count(const struct linkup *l, struct linkup_object *o)
{
    bool alone = is_alone(l->setup, o->setup);
    for (size_t i = 0; i < o->record_count; i++) {
        o->counts[o->records[i].how]++;
        take(o, o->records[i].record);
    }
    for (size_t i = 0; i < o->candidate_count; i++)
        take(o, o->candidates[i].key);
    for (size_t i = 0; i < o->ours_count; i++) {
        o->ours[i].taken = o->ours[i].taken || !alone;
        o->counts[LINKUP_ALONE] += !o->ours[i].taken;
    }
}

int linkup_conclude(struct linkup *l, struct store *store, int64_t organization, int64_t stream,
                    struct error *err)
{
    struct linkup_object *o = current_of(l);
    struct gathering g = {.linkup = l, .object = o, .hash_key = store_hash_key(store)};
    const struct record_filter filter = {.object = o->setup->model, .organization = organization};
    keep_last(o);
    find_shared(o);
    list_wanted(&g);
    int rc = store->engine->each_record(store, &filter, note_ours, &g, err);
    if (rc == 0 && o->ours_count > 0)
        qsort(o->ours, o->ours_count, sizeof o->ours[0], by_key);
    if (rc == 0)
        rc = find_linked(o, store, stream, err);
    sort_candidates(o);
    count(l, o);
    free(g.wanted);
    return rc;
}

void linkup_free(struct linkup *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->objects[i].records);
        free(l->objects[i].ours);
        free(l->objects[i].candidates);
    }
    free(l->objects);
    arena_free(&l->arena);
    *l = (struct linkup){0};
}
