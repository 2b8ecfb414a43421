/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file as a tree whose every node knows where it stands. YAML files and the
 * libconfig file come out as the same tree, so that one set of tables reads both. */
#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H

#include "config/problems.h"

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node;

struct pair {
    struct node *key; /* a scalar */
    struct node *value;
};

struct node {
    enum node_kind kind;
    int line, column;
    struct str text;     /* of a scalar, references expanded */
    bool quoted;         /* a scalar in quotes: never null */
    struct pair *pairs;  /* of a map, in the order of the file */
    struct node **items; /* of a list */
    size_t count, cap;
};

/* Whether a scalar says "nothing": empty, ~ or null, without quotes. */
bool node_is_null(const struct node *node);

/* NULL when the node is no map or has no such key. */
const struct node *node_get(const struct node *map, const char *key);
/* The same; a key that stands there without a value counts as none. `map` may be NULL. */
const struct node *node_given(const struct node *map, const char *key);

const char *node_kind_name(const struct node *node); /* "a list" */

/* ---- readers: the tree is the arena's; NULL when the file cannot be read at all, which is then
 * among the problems ---- */

/* One YAML document (YAML 1.1 as libyaml has it), without anchors, aliases and tags. `${NAME}` and
 * `${NAME:-default}` are replaced from the environment, `$${` stands for `${`. */
struct node *yaml_read(const char *path, struct arena *arena, struct problems *problems);

enum { LIBCONFIG_MAX = 256 * 1024 }; /* bytes of a file */

/* A libconfig file; @include is refused. References as above. */
struct node *libconfig_read(const char *path, struct arena *arena, struct problems *problems);

/* For these readers: appends a value to a list, or a pair to a map (a key that is there already is
 * a problem). */
void node_append(struct node *list, struct node *item, struct arena *arena);
void node_put(struct node *map, struct node *key, struct node *value, const char *file,
              struct arena *arena, struct problems *problems);

/* Replaces references in a scalar's text. */
void node_expand(struct node *scalar, const char *file, struct arena *arena,
                 struct problems *problems);

#endif
