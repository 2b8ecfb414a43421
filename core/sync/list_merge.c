/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/list_merge.h"

#include <stdlib.h>

#include "base/json.h"
#include "sync/mapping.h"

struct element {
    struct str text;
    size_t place;
};

struct list {
    const struct json *root;
    struct element *sorted; /* by text, then place */
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    int c = str_cmp(x->text, y->text);
    return c != 0 ? c : (x->place > y->place) - (x->place < y->place);
}

/* False: it is no list of texts. */
static bool read_list(struct str text, struct arena *arena, struct list *ret)
{
    if (text.len == 0)
        return true;
    if (json_parse(text, &ret->root, NULL) != 0 || json_kind(ret->root) != JSON_ARRAY)
        return false;
    ret->count = json_length(ret->root);
    ret->sorted = arena_new(arena, ret->count, sizeof ret->sorted[0]);
    for (size_t i = 0; i < ret->count; i++) {
        const struct json *item = json_element(ret->root, i);
        if (json_kind(item) != JSON_STRING)
            return false;
        ret->sorted[i] = (struct element){json_string(item), i};
    }
    if (ret->count > 0)
        qsort(ret->sorted, ret->count, sizeof ret->sorted[0], by_text);
    return true;
}

static bool read_side(const struct value *value, struct arena *arena, struct list *ret)
{
    return value->state == VALUE_NULL ||
           (value->state == VALUE_TEXT && read_list(value->text, arena, ret));
}

/* Where the text stands first; `count`: nowhere. */
static size_t find(const struct list *list, struct str text)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(list->sorted[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < list->count && str_eq(list->sorted[low].text, text);
    return found ? list->sorted[low].place : list->count;
}

static bool has(const struct list *list, struct str text)
{
    return find(list, text) < list->count;
}

/* Those elements of a side that stay, but for what `before` has put already. */
static void put_side(struct json_writer *w, const struct list *side, const struct list *other,
                     const struct list *base, const struct list *before)
{
    for (size_t i = 0; i < side->count; i++) {
        struct str text = json_string(json_element(side->root, i));
        bool first = find(side, text) == i && !(before && has(before, text));
        if (first && (has(other, text) || !has(base, text)))
            json_put_str(w, text);
    }
}

static bool put_merged(const struct list *first, const struct list *second, const struct list *base,
                       struct arena *arena, struct value *ret_value)
{
    struct buf text = BUF_INIT(RECORD_TEXT_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '[');
    put_side(&w, first, second, base, NULL);
    put_side(&w, second, first, base, first);
    json_close(&w, ']');
    *ret_value = (struct value){.state = VALUE_NULL};
    if (text.len > 2 && !text.full)
        *ret_value = (struct value){.state = VALUE_TEXT, .text = arena_str(arena, buf_view(&text))};
    bool full = text.full;
    buf_free(&text);
    return !full;
}

bool list_merge(bool theirs_first, struct str base, const struct value *ours,
                const struct value *theirs, struct arena *arena, struct value *ret_value)
{
    struct list local = {0}, remote = {0}, agreed = {0};
    const struct list *first = theirs_first ? &remote : &local;
    const struct list *second = theirs_first ? &local : &remote;
    if (!read_list(base, arena, &agreed))
        agreed.count = 0;
    bool merged = read_side(ours, arena, &local) && read_side(theirs, arena, &remote) &&
                  put_merged(first, second, &agreed, arena, ret_value);
    json_free(local.root);
    json_free(remote.root);
    json_free(agreed.root);
    return merged;
}
