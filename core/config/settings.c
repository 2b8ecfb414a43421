/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/time.h"

enum { VALUE_FILE_MAX = 64 * 1024 };

void settings_complain(const struct settings_context *ctx, const struct node *at,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_vadd(ctx->problems, ctx->file, at ? at->line : 0, at ? at->column : 0, format, args);
    va_end(args);
}

const char *settings_hint(struct str wrong, const char *const *known, size_t count,
                          struct arena *arena)
{
    const char *nearest = str_nearest(wrong, known, count);
    if (nearest)
        return arena_printf(arena, "; did you mean '%s'?", nearest);
    struct buf list = BUF_INIT(600);
    for (size_t i = 0; i < count; i++)
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", known[i]);
    const char *hint = arena_printf(arena, "; known: %s", buf_cstr(&list));
    buf_free(&list);
    return hint;
}

/* ---- single values ---- */

bool settings_text(const struct node *node, const struct settings_context *ctx, const char *what,
                   struct str *ret_value)
{
    if (node->kind != NODE_SCALAR) {
        settings_complain(ctx, node, "%s is %s: write one value", what, node_kind_name(node));
        return false;
    }
    if (!str_is_utf8(node->text) ||
        (node->text.len > 0 && memchr(node->text.ptr, 0, node->text.len))) {
        settings_complain(ctx, node, "%s is not UTF-8 text", what);
        return false;
    }
    *ret_value = node->text;
    return true;
}

bool settings_bool(const struct node *node, const struct settings_context *ctx, const char *what,
                   bool *ret_value)
{
    bool yes =
        node->kind == NODE_SCALAR && (str_is(node->text, "true") || str_is(node->text, "yes"));
    bool no =
        node->kind == NODE_SCALAR && (str_is(node->text, "false") || str_is(node->text, "no"));
    if (!yes && !no) {
        settings_complain(ctx, node, "%s must be true or false", what);
        return false;
    }
    *ret_value = yes;
    return true;
}

bool settings_texts(const struct node *node, const struct settings_context *ctx, const char *what,
                    struct text_list *ret_list)
{
    bool ok = true;
    if (node->kind == NODE_MAP) {
        settings_complain(ctx, node, "%s is a map: write a list, like [a, b]", what);
        return false;
    }
    size_t count = node->kind == NODE_LIST ? node->count : 1;
    struct text_list list = {.items = arena_new(ctx->arena, count, sizeof(struct str)),
                             .count = count};
    for (size_t i = 0; i < count; i++) {
        const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
        ok = settings_text(item, ctx, what, &list.items[i]) && ok;
    }
    if (ok)
        *ret_list = list;
    return ok;
}

bool settings_text_or_file(const struct node *node, const struct settings_context *ctx,
                           const char *dir, const char *what, struct str *ret_value)
{
    struct error err;
    struct buf content = BUF_INIT(VALUE_FILE_MAX);
    if (!settings_text(node, ctx, what, ret_value))
        return false;
    if (!str_starts(*ret_value, "file:"))
        return true;
    char *path = file_join(dir, ret_value->ptr + strlen("file:"));
    bool ok = file_read(path, &content, &err) == 0;
    if (ok) {
        while (content.len > 0 && strchr("\r\n", content.ptr[content.len - 1]))
            content.len--;
        *ret_value = arena_str(ctx->arena, buf_view(&content));
    } else {
        settings_complain(ctx, node, "%s: %s; make the file, or give another", what, err.text);
    }
    free(path);
    buf_free(&content);
    return ok;
}

/* ---- rows ---- */

static const char *or_off(const struct setting *row)
{
    return row->flags & SETTING_OR_OFF ? ", or off" : "";
}

static const char *range_text(const struct setting *row, struct arena *arena,
                              const char *(*format)(int64_t value, struct arena *arena))
{
    if (row->max == INT64_MAX)
        return arena_printf(arena, "at least %s%s", format(row->min, arena), or_off(row));
    return arena_printf(arena, "from %s to %s%s", format(row->min, arena), format(row->max, arena),
                        or_off(row));
}

static bool in_range(const struct setting *row, int64_t value)
{
    return (row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max);
}

static const char *format_int(int64_t value, struct arena *arena)
{
    return arena_printf(arena, "%" PRId64, value);
}

const char *settings_span_text(int64_t us, struct arena *arena)
{
    static const struct {
        int64_t us;
        const char *unit;
    } units[] = {{US_PER_DAY, "d"}, {US_PER_HOUR, "h"}, {US_PER_MINUTE, "m"}, {US_PER_SECOND, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (us >= units[i].us && us % units[i].us == 0)
            return arena_printf(arena, "%" PRId64 "%s", us / units[i].us, units[i].unit);
    return arena_printf(arena, "%" PRId64 "ms", us / US_PER_MS);
}

static const char *format_size(int64_t bytes, struct arena *arena)
{
    return arena_printf(arena, "%" PRId64 "MiB", bytes >> 20);
}

static bool parse_size(struct str text, int64_t *ret_bytes)
{
    static const struct {
        const char *suffix;
        int shift;
    } units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t count;
        if (!str_ends(text, units[i].suffix))
            continue;
        if (!str_to_u64(str_trim(str_slice(text, 0, text.len - 3)), &count) || count > INT32_MAX)
            return false;
        *ret_bytes = (int64_t)(count << units[i].shift);
        return true;
    }
    return false;
}

static bool is_off(const struct setting *row, const struct node *node)
{
    return (row->flags & SETTING_OR_OFF) && node->kind == NODE_SCALAR &&
           (str_is(node->text, "off") || str_is(node->text, "0"));
}

static void read_number(const struct setting *row, const struct node *node, void *at,
                        const struct settings_context *ctx)
{
    static const struct {
        bool (*parse)(struct str text, int64_t *ret_value);
        const char *(*format)(int64_t value, struct arena *arena);
        const char *form;
    } kinds[] = {
        [SETTING_INT] = {str_to_i64, format_int, "a whole number"},
        [SETTING_SPAN] = {time_parse_span, settings_span_text, "a time like 30s, 5m, 12h or 7d"},
        [SETTING_SIZE] = {parse_size, format_size, "a size like 256MiB"},
    };
    int64_t value;
    if (is_off(row, node))
        *(int64_t *)at = 0;
    else if (node->kind != NODE_SCALAR || !kinds[row->type].parse(node->text, &value))
        settings_complain(ctx, node, "%s must be %s%s", row->key, kinds[row->type].form,
                          or_off(row));
    else if (!in_range(row, value))
        settings_complain(ctx, node, "%s must be %s", row->key,
                          range_text(row, ctx->arena, kinds[row->type].format));
    else
        *(int64_t *)at = value;
}

static void read_choice(const struct setting *row, const struct node *node, void *at,
                        const struct settings_context *ctx)
{
    size_t count = 0;
    while (row->choices[count])
        count++;
    for (size_t i = 0; i < count && node->kind == NODE_SCALAR; i++)
        if (str_is(node->text, row->choices[i])) {
            *(int *)at = (int)i;
            return;
        }
    struct str wrong = node->kind == NODE_SCALAR ? node->text : STR("");
    settings_complain(ctx, node, "%s cannot be '%.*s'%s", row->key, STR_ARG(wrong),
                      settings_hint(wrong, row->choices, count, ctx->arena));
}

static void read_named(const struct setting *row, const struct node *node, struct named_list *list,
                       const struct settings_context *ctx)
{
    if (node->kind != NODE_MAP) {
        settings_complain(ctx, node, "%s is %s: write a map, one name: {...} for each", row->key,
                          node_kind_name(node));
        return;
    }
    list->items = arena_new(ctx->arena, node->count, sizeof list->items[0]);
    list->count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        const struct pair *pair = &node->pairs[i];
        void *item = arena_new(ctx->arena, 1, row->table->size);
        list->items[i] = (struct named_item){.name = pair->key->text,
                                             .node = pair->value,
                                             .line = pair->key->line,
                                             .column = pair->key->column,
                                             .item = item};
        settings_read(row->table, node_is_null(pair->value) ? NULL : pair->value, item, ctx);
    }
}

static void read_row(const struct setting *row, const struct node *node, void *target,
                     const struct settings_context *ctx)
{
    void *at = (char *)target + row->offset;
    switch (row->type) {
    case SETTING_TEXT:
        settings_text(node, ctx, row->key, at);
        break;
    case SETTING_INT:
    case SETTING_SPAN:
    case SETTING_SIZE:
        read_number(row, node, at, ctx);
        break;
    case SETTING_BOOL:
        settings_bool(node, ctx, row->key, at);
        break;
    case SETTING_CHOICE:
        read_choice(row, node, at, ctx);
        break;
    case SETTING_TEXTS:
        settings_texts(node, ctx, row->key, at);
        break;
    case SETTING_NODE:
        if ((row->flags & SETTING_MAP_NODE) && node->kind != NODE_MAP)
            settings_complain(ctx, node, "%s is %s: write a map", row->key, node_kind_name(node));
        else
            *(const struct node **)at = node;
        break;
    case SETTING_GROUP:
        settings_read(row->table, node, at, ctx);
        break;
    case SETTING_NAMED:
        read_named(row, node, at, ctx);
        break;
    }
}

static const struct setting *find_row(const struct setting_table *table, struct str key)
{
    for (const struct setting *row = table->rows; row->key; row++)
        if (str_is(key, row->key))
            return row;
    return NULL;
}

static void unknown_key(const struct setting_table *table, const struct node *key,
                        const struct settings_context *ctx)
{
    const char *known[64];
    size_t count = 0;
    for (const struct setting *row = table->rows; row->key && count < 64; row++)
        known[count++] = row->key;
    settings_complain(ctx, key, "there is no setting '%.*s' here%s", STR_ARG(key->text),
                      settings_hint(key->text, known, count, ctx->arena));
}

static void read_defaults(const struct setting_table *table, void *target,
                          const struct settings_context *ctx)
{
    for (const struct setting *row = table->rows; row->key; row++) {
        if (row->type == SETTING_GROUP)
            read_defaults(row->table, (char *)target + row->offset, ctx);
        if (!row->default_text)
            continue;
        struct node text = {
            .kind = NODE_SCALAR, .text = str_from(row->default_text), .quoted = true};
        read_row(row, &text, target, ctx);
    }
}

/* "key:" alone leaves the default, but a choice may itself be called null. */
static bool is_left_out(const struct setting *row, const struct node *value)
{
    if (!node_is_null(value))
        return false;
    for (size_t i = 0; row->type == SETTING_CHOICE && row->choices[i]; i++)
        if (str_is(value->text, row->choices[i]))
            return false;
    return true;
}

static void read_map(const struct setting_table *table, const struct node *map, void *target,
                     const struct settings_context *ctx)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct setting *row = find_row(table, map->pairs[i].key->text);
        if (!row)
            unknown_key(table, map->pairs[i].key, ctx);
        else if (!is_left_out(row, map->pairs[i].value))
            read_row(row, map->pairs[i].value, target, ctx);
    }
    for (const struct setting *row = table->rows; row->key; row++) {
        const struct node *value = node_get(map, row->key);
        if ((row->flags & SETTING_REQUIRED) && (!value || node_is_null(value)))
            settings_complain(ctx, value ? value : map, "'%s' is missing: %s%s%s", row->key,
                              row->help, row->example ? "; for example " : "",
                              row->example ? row->example : "");
    }
}

void settings_read(const struct setting_table *table, const struct node *node, void *target,
                   const struct settings_context *ctx)
{
    static const struct node nothing = {.kind = NODE_MAP, .line = 1, .column = 1};
    read_defaults(table, target, ctx);
    if (node && node->kind != NODE_MAP)
        settings_complain(ctx, node, "here is %s: write a map, like key: value",
                          node_kind_name(node));
    else
        read_map(table, node ? node : &nothing, target, ctx);
}
