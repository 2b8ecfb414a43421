/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to end may be what others refer to: a live record that stays needs it. One that is to end
 * as well does not, nor one whose reference is being taken back.
 */
#include "sync/rollback_internal.h"

struct need {
    struct past *past; /* that is referred to */
    const struct model_object *object;
    int64_t by;
    int field;
};

struct needs {
    struct rollback *r;
    struct past *pasts;
    size_t count;
    struct need *items;
    size_t item_count, item_cap;
    struct arena *arena;
};

/* ---- of a plan: what would be by now ---- */

struct undone {
    int64_t key;
    uint16_t object, field; /* 0: the record has ended */
    uint32_t nothing;
};

static struct str undone_id(const struct undone *u)
{
    return (struct str){(const char *)u, sizeof *u};
}

void rollback_note_undone(struct rollback *r, const struct model_object *object, int64_t key,
                          const struct model_field *field)
{
    const struct undone u = {
        .key = key, .object = object->id, .field = field ? field->id : (uint16_t)0};
    if (r->in->plan)
        id_set_add(&r->undone, store_hash_key(r->store), undone_id(&u));
}

bool rollback_is_undone(const struct rollback *r, const struct model_object *object, int64_t key,
                        const struct model_field *field)
{
    const struct undone u = {
        .key = key, .object = object->id, .field = field ? field->id : (uint16_t)0};
    return id_set_has(&r->undone, store_hash_key(r->store), undone_id(&u));
}

/* ---- who refers ---- */

/* Whether this portion takes the reference back, too. */
static bool takes_back(const struct past *p, int field)
{
    for (size_t i = 0; i < p->field_count && p->restored > 0; i++)
        if (p->fields[i].index == field && p->fields[i].restores)
            return true;
    return false;
}

static bool counts(const struct needs *n, const struct past *past,
                   const struct model_object *object, int field, int64_t by)
{
    const struct past *p = rollback_find_past(n->pasts, n->count, object, by);
    if (p == past || (p && takes_back(p, field)))
        return false;
    return !rollback_is_undone(n->r, object, by, NULL) &&
           !rollback_is_undone(n->r, object, by, &object->fields[field]);
}

static int load_field(struct needs *n, const struct model_object *to, const int64_t *keys,
                      size_t count, const struct model_object *object, int field, struct error *err)
{
    struct referrer_row *rows;
    size_t row_count;
    if (rollback_engine(n->r)->load_referrers(n->r->store, object, field, keys, count, &rows,
                                              &row_count, n->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < row_count; i++) {
        struct past *past = rollback_find_past(n->pasts, n->count, to, rows[i].record);
        if (!counts(n, past, object, field, rows[i].by))
            continue;
        n->items =
            arena_grow(n->arena, n->items, &n->item_cap, n->item_count + 1, sizeof n->items[0]);
        n->items[n->item_count++] = (struct need){past, object, rows[i].by, field};
    }
    return 0;
}

static int load_object(struct needs *n, const struct model_object *to, struct error *err)
{
    int64_t *keys = arena_new(n->arena, n->count, sizeof keys[0]);
    size_t count = 0;
    for (size_t i = 0; i < n->count; i++)
        if (n->pasts[i].object == to && n->pasts[i].ends)
            keys[count++] = n->pasts[i].key;
    for (size_t i = 0; i < model_object_count && count > 0; i++)
        for (size_t j = 0; j < model_objects[i].field_count; j++) {
            const struct model_field *field = &model_objects[i].fields[j];
            if (field->kind == KIND_REFERENCE && strcmp(field->references, to->name) == 0 &&
                load_field(n, to, keys, count, &model_objects[i], (int)j, err) != 0)
                return -1;
        }
    return 0;
}

/* ---- who is held ---- */

static int say_held(struct needs *n, const struct need *need, struct error *err)
{
    struct record_row row = {0};
    char id[UUID_TEXT];
    if (rollback_engine(n->r)->load_records(n->r->store, need->object, &need->by, 1, &row, n->arena,
                                            err) != 0)
        return -1;
    need->past->held = arena_printf(n->arena, "%s %s refers to it (%s)", need->object->name,
                                    row.key != 0 ? uuid_format(&row.id, id) : "",
                                    need->object->fields[need->field].name);
    return 0;
}

/* What is held holds what it refers to, and so on. */
static int hold(struct needs *n, struct error *err)
{
    bool any = true;
    while (any) {
        any = false;
        for (size_t i = 0; i < n->item_count; i++) {
            const struct need *need = &n->items[i];
            const struct past *by = rollback_find_past(n->pasts, n->count, need->object, need->by);
            if (!need->past->ends || (by && by->ends))
                continue;
            need->past->ends = false;
            any = true;
            if (say_held(n, need, err) != 0)
                return -1;
        }
    }
    return 0;
}

int rollback_find_referrers(struct rollback *r, struct past *pasts, size_t count,
                            struct arena *arena, struct error *err)
{
    struct needs n = {.r = r, .pasts = pasts, .count = count, .arena = arena};
    for (size_t i = 0; i < model_object_count; i++)
        if (load_object(&n, &model_objects[i], err) != 0)
            return -1;
    return hold(&n, err);
}
