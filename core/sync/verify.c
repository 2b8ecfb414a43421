/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/verify.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/redact.h"

enum { TEXT_KEPT = 1000, TEXT_MAX = 64 * 1024 * 1024 };

const char *difference_name(enum difference_kind kind)
{
    static const char *const names[] = {[CHANGED_THERE] = "changed_there",
                                        [CHANGED_HERE] = "changed_here",
                                        [MISSING_HERE] = "missing_here",
                                        [GONE_THERE] = "gone_there",
                                        [BACK_THERE] = "back_there"};
    return names[kind];
}

/* ---- which ids have come ---- */

bool verify_meet(struct verify *v, const uint8_t key[SIPHASH_KEY], struct str external_id)
{
    return id_set_add(&verify_current(v)->met, key, external_id);
}

bool verify_has_met(const struct verify *v, const uint8_t key[SIPHASH_KEY], struct str external_id)
{
    return id_set_has(&v->objects[v->current].met, key, external_id);
}

void verify_note_missing(struct verify *v, const uint8_t key[SIPHASH_KEY], struct str external_id)
{
    id_set_add(&verify_current(v)->missing, key, external_id);
}

bool verify_is_missing(const struct verify *v, const uint8_t key[SIPHASH_KEY], struct str object,
                       struct str external_id)
{
    for (size_t i = 0; i < v->object_count; i++)
        if (str_eq(v->objects[i].name, object))
            return id_set_has(&v->objects[i].missing, key, external_id);
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
        id_set_free(&v->objects[i].met);
        id_set_free(&v->objects[i].missing);
    }
    free(v->objects);
    free(v->items);
    arena_free(&v->arena);
    *v = (struct verify){0};
}
