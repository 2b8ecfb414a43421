/* SPDX-License-Identifier: Apache-2.0 */
/* A libconfig file to a tree of nodes. */
#include <inttypes.h>
#include <libconfig.h>
#include <stdio.h>

#include "base/file.h"
#include "config/node.h"

struct reader {
    const char *path;
    struct str text;
    struct arena *arena;
    struct problems *problems;
};

/* libconfig knows lines only: the column is where the name stands in its line. */
static int column_of(const struct reader *r, int line, const char *name)
{
    struct str rest = r->text, current = {"", 0};
    for (int i = 0; i < line && str_next(&rest, '\n', &current); i++)
        continue;
    const char *at = name ? memmem(current.ptr, current.len, name, strlen(name)) : NULL;
    return at ? (int)(at - current.ptr) + 1 : 1;
}

static struct node *new_node(struct reader *r, enum node_kind kind, const config_setting_t *setting)
{
    struct node *node = arena_new(r->arena, 1, sizeof *node);
    node->kind = kind;
    node->line = (int)config_setting_source_line(setting);
    node->column = column_of(r, node->line, config_setting_name(setting));
    return node;
}

static const char *scalar_text(struct reader *r, const config_setting_t *setting)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
        return arena_printf(r->arena, "%d", config_setting_get_int(setting));
    case CONFIG_TYPE_INT64:
        return arena_printf(r->arena, "%lld", config_setting_get_int64(setting));
    case CONFIG_TYPE_FLOAT:
        return arena_printf(r->arena, "%.15g", config_setting_get_float(setting));
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(setting) ? "true" : "false";
    default:
        return arena_text(r->arena, config_setting_get_string(setting));
    }
}

static struct node *convert(struct reader *r, config_setting_t *setting)
{
    if (config_setting_is_aggregate(setting) == CONFIG_FALSE) {
        struct node *scalar = new_node(r, NODE_SCALAR, setting);
        scalar->text = str_from(scalar_text(r, setting));
        scalar->quoted = config_setting_type(setting) == CONFIG_TYPE_STRING;
        node_expand(scalar, r->path, r->arena, r->problems);
        return scalar;
    }
    bool is_map = config_setting_is_group(setting);
    struct node *node = new_node(r, is_map ? NODE_MAP : NODE_LIST, setting);
    for (int i = 0; i < config_setting_length(setting); i++) {
        config_setting_t *child = config_setting_get_elem(setting, (unsigned)i);
        struct node *value = convert(r, child);
        if (is_map) {
            struct node *key = new_node(r, NODE_SCALAR, child);
            key->text = str_from(arena_text(r->arena, config_setting_name(child)));
            node_put(node, key, value, r->path, r->arena, r->problems);
        } else {
            node_append(node, value, r->arena);
        }
    }
    return node;
}

/* Line of the first @include, or 0: libconfig would open whatever file it names. */
static int find_include(struct str text)
{
    struct str line;
    for (int i = 1; str_next(&text, '\n', &line); i++)
        if (str_starts(str_trim(line), "@include"))
            return i;
    return 0;
}

struct node *libconfig_read(const char *path, struct arena *arena, struct problems *problems)
{
    struct buf text = BUF_INIT(LIBCONFIG_MAX);
    struct error err;
    struct node *root = NULL;
    config_t config;
    if (file_read(path, &text, &err) != 0) {
        problem_add(problems, path, 0, 0, "%s", err.text);
        buf_free(&text);
        return NULL;
    }
    struct reader r = {path, buf_view(&text), arena, problems};
    int include = find_include(r.text);
    config_init(&config);
    if (include > 0)
        problem_add(problems, path, include, 1,
                    "@include is not followed: write its settings here");
    else if (config_read_string(&config, buf_cstr(&text)) == CONFIG_TRUE)
        root = convert(&r, config_root_setting(&config));
    else
        problem_add(problems, path, config_error_line(&config), 1,
                    "not valid libconfig: %s; write name = value; with text in quotes",
                    config_error_text(&config));
    config_destroy(&config);
    buf_free(&text);
    return root;
}
