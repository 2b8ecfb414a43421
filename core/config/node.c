/* SPDX-License-Identifier: Apache-2.0 */
#include "config/node.h"

#include <ctype.h>
#include <stdlib.h>

bool node_is_null(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->quoted &&
           (node->text.len == 0 || str_is(node->text, "~") || str_is(node->text, "null"));
}

const struct node *node_get(const struct node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (str_is(map->pairs[i].key->text, key))
            return map->pairs[i].value;
    return NULL;
}

const struct node *node_given(const struct node *map, const char *key)
{
    const struct node *value = node_get(map, key);
    return value && !node_is_null(value) ? value : NULL;
}

const char *node_kind_name(const struct node *node)
{
    return node->kind == NODE_MAP ? "a map" : node->kind == NODE_LIST ? "a list" : "a single value";
}

void node_append(struct node *list, struct node *item, struct arena *arena)
{
    list->items =
        arena_grow(arena, list->items, &list->cap, list->count + 1, sizeof list->items[0]);
    list->items[list->count++] = item;
}

void node_put(struct node *map, struct node *key, struct node *value, const char *file,
              struct arena *arena, struct problems *problems)
{
    for (size_t i = 0; i < map->count; i++)
        if (str_eq(map->pairs[i].key->text, key->text)) {
            problem_add(problems, file, key->line, key->column,
                        "the key '%.*s' stands twice (first at line %d): remove one",
                        STR_ARG(key->text), map->pairs[i].key->line);
            return;
        }
    map->pairs = arena_grow(arena, map->pairs, &map->cap, map->count + 1, sizeof map->pairs[0]);
    map->pairs[map->count++] = (struct pair){key, value};
}

/* ---- references ---- */

static bool is_name(struct str s)
{
    if (s.len == 0 || isdigit((unsigned char)s.ptr[0]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.ptr[i]) && s.ptr[i] != '_')
            return false;
    return true;
}

/* `inside` is what stands between the braces. */
static void expand_one(struct buf *out, struct str inside, const struct node *scalar,
                       const char *file, struct problems *problems)
{
    char name[128];
    struct str default_text = {NULL, 0};
    const char *mark = memmem(inside.ptr, inside.len, ":-", 2);
    struct str variable = inside;
    if (mark) {
        variable.len = (size_t)(mark - inside.ptr);
        default_text = str_slice(inside, variable.len + 2, inside.len - variable.len - 2);
    }
    if (!is_name(variable) || variable.len >= sizeof name) {
        problem_add(problems, file, scalar->line, scalar->column,
                    "'${%.*s}' is no reference: write ${NAME} or ${NAME:-default}, or $${ for a "
                    "plain ${",
                    STR_ARG(inside));
        return;
    }
    memcpy(name, variable.ptr, variable.len);
    name[variable.len] = '\0';
    const char *value = getenv(name);
    if (value && value[0] != '\0')
        buf_text(out, value);
    else if (mark)
        buf_str(out, default_text);
    else
        problem_add(problems, file, scalar->line, scalar->column,
                    "the environment variable %s is %s: set it, or write ${%s:-default}", name,
                    value ? "empty" : "not set", name);
}

void node_expand(struct node *scalar, const char *file, struct arena *arena,
                 struct problems *problems)
{
    struct str rest = scalar->text;
    if (!memmem(rest.ptr, rest.len, "${", 2))
        return;
    struct buf out = BUF_INIT(1024 * 1024);
    size_t problems_before = problems->count;
    const char *at;
    while ((at = memmem(rest.ptr, rest.len, "${", 2))) {
        size_t before = (size_t)(at - rest.ptr);
        bool escaped = before > 0 && at[-1] == '$';
        buf_append(&out, rest.ptr, escaped ? before - 1 : before);
        rest = str_slice(rest, before + 2, rest.len - before - 2);
        if (escaped) {
            buf_text(&out, "${");
            continue;
        }
        ptrdiff_t end = str_find(rest, '}');
        if (end < 0) {
            problem_add(problems, file, scalar->line, scalar->column,
                        "a reference that begins with ${ has no }: close it, or write $${ for a "
                        "plain ${");
            break;
        }
        expand_one(&out, str_slice(rest, 0, (size_t)end), scalar, file, problems);
        rest = str_slice(rest, (size_t)end + 1, rest.len - (size_t)end - 1);
    }
    buf_str(&out, rest);
    if (problems->count == problems_before) /* else it stays, so that nothing is reported missing */
        scalar->text = arena_str(arena, buf_view(&out));
    buf_free(&out);
}
