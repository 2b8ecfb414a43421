/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that say what a configuration file may hold. One table reads the file into a struct, finds
 * the nearest known key to a wrong one, and is printed as JSON Schema and as docs/configuration.md.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/node.h"

enum setting_type {
    SETTING_TEXT,   /* struct str */
    SETTING_INT,    /* int64_t, min..max */
    SETTING_BOOL,   /* bool */
    SETTING_SPAN,   /* int64_t microseconds, written 90s, 5m, 12h, 7d; min..max */
    SETTING_SIZE,   /* int64_t bytes, written 256MiB; min..max */
    SETTING_CHOICE, /* int, index into choices */
    SETTING_TEXTS,  /* struct text_list; a single value is a list of one */
    SETTING_NODE,   /* const struct node *: read by other code, which is told where by `help` */
    SETTING_GROUP,  /* the struct of `table`, in place */
    SETTING_NAMED   /* struct named_list: a map from names to structs of `table` */
};

enum {
    SETTING_REQUIRED = 1,
    SETTING_MAP_NODE = 2, /* SETTING_NODE: must be a map */
    SETTING_OR_OFF = 4    /* SETTING_SPAN: "off" or 0, which is 0, besides */
};

struct text_list {
    struct str *items;
    size_t count;
};

struct named_item {
    struct str name;
    const struct node *node; /* the value */
    int line, column;        /* of the name */
    void *item;              /* the struct of the table */
};

struct named_list {
    struct named_item *items;
    size_t count;
};

struct setting_table;

struct setting {
    const char *key;
    enum setting_type type;
    size_t offset;
    unsigned flags;
    const char *default_text;   /* as it would stand in the file; NULL: none */
    int64_t min, max;           /* both 0: no limit */
    const char *const *choices; /* ends with NULL */
    const struct setting_table *table;
    const char *help;    /* one sentence */
    const char *example; /* as it would stand in the file; NULL: the default says enough */
};

struct setting_table {
    const struct setting *rows; /* ends with a NULL key */
    size_t size;                /* of the struct */
};

struct settings_context {
    const char *file;
    struct arena *arena; /* owns what the struct points to */
    struct problems *problems;
};

/* "90d", as it would stand in a file; the arena's. */
const char *settings_span_text(int64_t us, struct arena *arena);

/* Fills `target` (zeroed, of table->size) with the defaults and then from a map; every mistake
 * becomes a problem with its place. `node` NULL stands for an empty map. */
void settings_read(const struct setting_table *table, const struct node *node, void *target,
                   const struct settings_context *ctx);

/* Adds a problem at a node's place; NULL: the file as a whole. */
void settings_complain(const struct settings_context *ctx, const struct node *at,
                       const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "; did you mean 'x'?", "; known keys: a, b, c": for a key that is not known. The arena's. */
const char *settings_hint(struct str wrong, const char *const *known, size_t count,
                          struct arena *arena);

/* ---- single values, for code that reads nodes itself; a problem and false on a mistake ---- */

bool settings_text(const struct node *node, const struct settings_context *ctx, const char *what,
                   struct str *ret_value);
bool settings_bool(const struct node *node, const struct settings_context *ctx, const char *what,
                   bool *ret_value);
bool settings_texts(const struct node *node, const struct settings_context *ctx, const char *what,
                    struct text_list *ret_list);

/* A text that may be "file:PATH" (relative to `dir`): then the file's content without its last line
 * end. */
bool settings_text_or_file(const struct node *node, const struct settings_context *ctx,
                           const char *dir, const char *what, struct str *ret_value);

#endif
