/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/verify.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/redact.h"

enum { TEXT_KEPT = 1000, TEXT_MAX = 64 * 1024 * 1024, SLOTS_FIRST = 1024 };

const char *difference_name(enum difference_kind kind)
{
    static const char *const names[] = {[CHANGED_THERE] = "changed_there",
                                        [CHANGED_HERE] = "changed_here",
                                        [MISSING_HERE] = "missing_here",
                                        [GONE_THERE] = "gone_there",
                                        [BACK_THERE] = "back_there"};
    return names[kind];
}

/* ---- sets of ids ---- */

/* The slot that has the hash, or the free one where it belongs. */
static size_t find_slot(const struct id_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->cap - 1);
    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) & (set->cap - 1);
    return at;
}

static void grow(struct id_set *set)
{
    const struct id_set old = *set;
    set->cap = old.cap > 0 ? old.cap * 2 : SLOTS_FIRST;
    set->slots = mem_new(set->cap, sizeof set->slots[0]);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i] != 0)
            set->slots[find_slot(set, old.slots[i])] = old.slots[i];
    free(old.slots);
}

static uint64_t hash_of(const uint8_t key[SIPHASH_KEY], struct str id)
{
    uint64_t hash = siphash(key, id);
    return hash != 0 ? hash : 1;
}

static bool add_hash(struct id_set *set, uint64_t hash)
{
    if ((set->count + 1) * 2 > set->cap)
        grow(set);
    size_t at = find_slot(set, hash);
    if (set->slots[at] == hash)
        return false;
    set->slots[at] = hash;
    set->count++;
    return true;
}

static bool has_hash(const struct id_set *set, uint64_t hash)
{
    return set->cap > 0 && set->slots[find_slot(set, hash)] == hash;
}

bool verify_meet(struct verify *v, const uint8_t key[SIPHASH_KEY], struct str external_id)
{
    return add_hash(&verify_current(v)->met, hash_of(key, external_id));
}

bool verify_has_met(const struct verify *v, const uint8_t key[SIPHASH_KEY], struct str external_id)
{
    return has_hash(&v->objects[v->current].met, hash_of(key, external_id));
}

void verify_note_missing(struct verify *v, const uint8_t key[SIPHASH_KEY], struct str external_id)
{
    add_hash(&verify_current(v)->missing, hash_of(key, external_id));
}

bool verify_is_missing(const struct verify *v, const uint8_t key[SIPHASH_KEY], struct str object,
                       struct str external_id)
{
    for (size_t i = 0; i < v->object_count; i++)
        if (str_eq(v->objects[i].name, object))
            return has_hash(&v->objects[i].missing, hash_of(key, external_id));
    return false;
}

/* ---- objects ---- */

struct verify_object *verify_current(struct verify *v)
{
    return &v->objects[v->current];
}

void verify_begin_object(struct verify *v, struct str name)
{
    for (v->current = 0; v->current < v->object_count; v->current++)
        if (str_eq(v->objects[v->current].name, name))
            return;
    v->objects = mem_grow(v->objects, &v->object_cap, v->object_count + 1, sizeof v->objects[0]);
    v->objects[v->object_count++] = (struct verify_object){.name = arena_str(&v->arena, name)};
}

/* ---- differences ---- */

bool verify_has_room(const struct verify *v)
{
    return v->count < v->limit;
}

static struct str cut(struct verify *v, struct str text)
{
    if (text.len <= TEXT_KEPT)
        return arena_str(&v->arena, text);
    size_t len = TEXT_KEPT;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--; /* no half character */
    return str_from(arena_printf(&v->arena, "%.*s...", (int)len, text.ptr));
}

/* Without credentials, before it is cut: half of one would not be found any more. */
static struct str keep(struct verify *v, struct str text)
{
    struct buf clean = BUF_INIT(TEXT_MAX);
    if (!text.ptr)
        return text;
    if (redact_needed(text)) {
        redact(&clean, text);
        text = buf_view(&clean);
    }
    struct str kept = cut(v, text);
    buf_free(&clean);
    return kept;
}

void verify_add(struct verify *v, const struct difference *d)
{
    struct verify_object *object = verify_current(v);
    object->kinds[d->kind]++;
    if (!verify_has_room(v))
        return;
    v->items = mem_grow(v->items, &v->cap, v->count + 1, sizeof v->items[0]);
    v->items[v->count++] = (struct difference){.kind = d->kind,
                                               .object = object->name,
                                               .external_id = keep(v, d->external_id),
                                               .record_id = keep(v, d->record_id),
                                               .field = keep(v, d->field),
                                               .here = keep(v, d->here),
                                               .there = keep(v, d->there)};
}

void verify_free(struct verify *v)
{
    for (size_t i = 0; i < v->object_count; i++) {
        free(v->objects[i].met.slots);
        free(v->objects[i].missing.slots);
    }
    free(v->objects);
    free(v->items);
    arena_free(&v->arena);
    *v = (struct verify){0};
}
