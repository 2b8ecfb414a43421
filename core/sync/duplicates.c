/* SPDX-License-Identifier: Apache-2.0 */
/* Records that share the value by which they are matched: read in pieces, so that any number of
 * them takes little memory. */
#include "sync/duplicates.h"

#include <stdlib.h>

#include "sync/custom.h"
#include "sync/mapping.h"

enum { ROWS_AT_ONCE = 500 };

/* ---- streams ---- */

static bool note_stream(void *arg, const struct stream_row *row)
{
    struct stream_names *n = arg;
    n->items = arena_grow(n->arena, n->items, &n->cap, n->count + 1, sizeof n->items[0]);
    n->items[n->count++] =
        (struct stream_name){.id = row->state.id,
                             .connection = arena_str(n->arena, row->connection),
                             .vendor_object = arena_str(n->arena, row->vendor_object)};
    return true;
}

int stream_names_load(struct stream_names *names, struct store *store, struct arena *arena,
                      struct error *err)
{
    *names = (struct stream_names){.arena = arena};
    return store->engine->each_stream(store, STR(""), note_stream, names, err);
}

struct record_link stream_names_link(const struct stream_names *names, const struct held_link *held)
{
    size_t i = 0;
    while (i < names->count && names->items[i].id != held->stream)
        i++;
    struct record_link link = {.external_id = held->external_id, .ended = held->link.ended};
    if (i < names->count) {
        link.connection = names->items[i].connection;
        link.vendor_object = names->items[i].vendor_object;
    }
    return link;
}

/* ---- what a record is ---- */

struct shadowing {
    struct store *store;
    const struct model_object *object;
    struct str shadow;
    struct arena *arena;
    int rc;
    struct error *err;
};

static void add_hash(struct shadowing *s, uint16_t id, const struct value *value)
{
    uint64_t hash = rule_hash(store_hash_key(s->store), value);
    s->shadow = shadow_set(s->shadow, id, hash, s->arena);
}

static bool add_custom(void *arg, struct str name, const struct json *json)
{
    struct shadowing *s = arg;
    struct buf text = BUF_INIT(CUSTOM_MAX);
    int64_t id;
    json_write(&text, json);
    const struct value value = {.state = VALUE_TEXT, .text = buf_view(&text)};
    s->rc = s->store->engine->custom_field(s->store, s->object, name, &id, s->err);
    if (s->rc == 0 && json_kind(json) != JSON_NULL)
        add_hash(s, (uint16_t)id, &value);
    buf_free(&text);
    return s->rc == 0;
}

int duplicates_shadow(struct store *store, const struct model_object *object,
                      const struct record_row *row, struct arena *arena, struct str *ret_shadow,
                      struct error *err)
{
    struct shadowing s = {store, object, STR(""), arena, 0, err};
    const struct json *custom;
    if (custom_read(object, row->key, row->custom, &custom, err) != 0)
        return -1;
    for (size_t i = 0; i < object->field_count; i++)
        add_hash(&s, object->fields[i].id, &row->fields[i]);
    json_each(custom, add_custom, &s);
    json_free(custom);
    *ret_shadow = s.shadow;
    return s.rc;
}

/* ---- a piece ---- */

struct piece {
    struct store *store;
    const struct model_object *object;
    int field;
    const struct stream_names *names;
    struct record_row *rows;
    size_t count;
    struct held_link *held; /* by record */
    size_t held_count, next_held;
    int64_t *referrers; /* a record each */
    struct arena arena;
};

static int by_record(const void *a, const void *b)
{
    const struct held_link *x = a, *y = b;
    if (x->link.record != y->link.record)
        return x->link.record < y->link.record ? -1 : 1;
    return (x->link.key > y->link.key) - (x->link.key < y->link.key);
}

static int count_referrers(struct piece *p, const int64_t *keys, struct error *err)
{
    p->referrers = arena_new(&p->arena, p->count, sizeof p->referrers[0]);
    for (size_t i = 0; i < model_object_count; i++)
        for (size_t j = 0; j < model_objects[i].field_count; j++) {
            const struct model_field *field = &model_objects[i].fields[j];
            if (field->kind == KIND_REFERENCE && strcmp(field->references, p->object->name) == 0 &&
                p->store->engine->count_referrers(p->store, &model_objects[i], (int)j, keys,
                                                  p->count, p->referrers, err) != 0)
                return -1;
        }
    return 0;
}

static int load_around(struct piece *p, struct error *err)
{
    int64_t *keys = arena_new(&p->arena, p->count, sizeof keys[0]);
    for (size_t i = 0; i < p->count; i++)
        keys[i] = p->rows[i].key;
    if (p->store->engine->load_held(p->store, p->object, keys, p->count, &p->held, &p->held_count,
                                    &p->arena, err) != 0)
        return -1;
    if (p->held_count > 0)
        qsort(p->held, p->held_count, sizeof p->held[0], by_record);
    return count_referrers(p, keys, err);
}

static size_t first_held(const struct piece *p, int64_t record)
{
    size_t low = 0, high = p->held_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->held[middle].link.record < record)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool give(struct piece *p, size_t i, duplicate_fn fn, void *arg)
{
    const struct record_row *row = &p->rows[i];
    size_t first = first_held(p, row->key), n = 0;
    while (first + n < p->held_count && p->held[first + n].link.record == row->key)
        n++;
    struct record_link *links = arena_new(&p->arena, n, sizeof links[0]);
    for (size_t j = 0; j < n; j++)
        links[j] = stream_names_link(p->names, &p->held[first + j]);
    const struct duplicate duplicate = {.row = row,
                                        .value = row->fields[p->field].text,
                                        .links = links,
                                        .link_count = n,
                                        .referrers = p->referrers[i]};
    return fn(arg, &duplicate);
}

/* ---- all ---- */

int duplicates_each(struct sync_host *host, const struct model_object *object, duplicate_fn fn,
                    void *arg, struct error *err)
{
    struct arena names_arena = {0}, last_arena = {0};
    struct stream_names names;
    struct duplicate_place after = {STR(""), 0};
    int64_t organization;
    struct store *store = host->store;
    int field = model_field(object, str_from(object->match));
    bool more = true;
    int rc = store->engine->organization(store, &host->organization, &organization, err);
    if (rc == 0)
        rc = stream_names_load(&names, store, &names_arena, err);
    while (rc == 0 && more) {
        struct piece p = {.store = store, .object = object, .field = field, .names = &names};
        rc = store->engine->load_duplicates(store, object, organization, field, &after,
                                            ROWS_AT_ONCE, &p.rows, &p.count, &p.arena, err);
        if (rc == 0)
            rc = load_around(&p, err);
        for (size_t i = 0; i < p.count && rc == 0 && more; i++)
            more = give(&p, i, fn, arg);
        more = more && p.count == ROWS_AT_ONCE;
        if (more) {
            arena_free(&last_arena);
            after.value = arena_str(&last_arena, p.rows[p.count - 1].fields[field].text);
            after.record = p.rows[p.count - 1].key;
        }
        arena_free(&p.arena);
    }
    arena_free(&last_arena);
    arena_free(&names_arena);
    return rc;
}
