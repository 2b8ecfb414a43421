/* SPDX-License-Identifier: Apache-2.0 */
/* YAML to a tree of nodes, by libyaml's events. */
#include <yaml.h>

#include "base/file.h"
#include "config/node.h"

enum { FILE_MAX = 1024 * 1024, MOST_NODES = 50000, DEEPEST = 32 };

struct reader {
    yaml_parser_t parser;
    const char *path;
    struct str text;
    struct arena *arena;
    struct problems *problems;
    size_t nodes;
    bool failed; /* a problem after which going on makes no sense */
};

static void stop_at(struct reader *r, yaml_mark_t mark, const char *text)
{
    problem_add(r->problems, r->path, (int)mark.line + 1, (int)mark.column + 1, "%s", text);
    r->failed = true;
}

/* libyaml gives the place of bytes that are no text as an offset, and no mark. */
static void on_bad_bytes(struct reader *r)
{
    struct str rest = {r->text.ptr, r->parser.problem_offset}, line = {0};
    int lines = 0;
    if (rest.len > r->text.len)
        rest.len = r->text.len;
    while (str_next(&rest, '\n', &line))
        lines++;
    problem_add(r->problems, r->path, lines, (int)line.len + 1,
                "not text: %s; save the file as UTF-8", r->parser.problem);
    r->failed = true;
}

static void on_syntax_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_READER_ERROR) {
        on_bad_bytes(r);
        return;
    }
    yaml_mark_t mark =
        p->problem_mark.line || p->problem_mark.column ? p->problem_mark : p->context_mark;
    problem_add(r->problems, r->path, (int)mark.line + 1, (int)mark.column + 1,
                "not valid YAML: %s%s%s; check the indentation, and quote values that hold ': ' or "
                "' #'",
                p->problem ? p->problem : "it cannot be read", p->context ? " " : "",
                p->context ? p->context : "");
    r->failed = true;
}

/* The caller deletes the event, also after a failure. */
static bool next_event(struct reader *r, yaml_event_t *event)
{
    memset(event, 0, sizeof *event);
    if (r->failed)
        return false;
    if (!yaml_parser_parse(&r->parser, event)) {
        on_syntax_error(r);
        return false;
    }
    return true;
}

static struct node *new_node(struct reader *r, enum node_kind kind, yaml_mark_t mark)
{
    if (++r->nodes > MOST_NODES) {
        stop_at(r, mark, "the file has too many values: split it");
        return NULL;
    }
    struct node *node = arena_new(r->arena, 1, sizeof *node);
    node->kind = kind;
    node->line = (int)mark.line + 1;
    node->column = (int)mark.column + 1;
    return node;
}

static struct node *read_node(struct reader *r, yaml_event_t *event, int depth);

static struct node *read_scalar(struct reader *r, const yaml_event_t *event)
{
    struct node *node = new_node(r, NODE_SCALAR, event->start_mark);
    if (!node)
        return NULL;
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    node->text = arena_str(r->arena, text);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node_expand(node, r->path, r->arena, r->problems);
    return node;
}

static struct node *read_list(struct reader *r, const yaml_event_t *start, int depth)
{
    struct node *list = new_node(r, NODE_LIST, start->start_mark);
    for (bool end = false; list && !end && !r->failed;) {
        yaml_event_t event;
        if (next_event(r, &event)) {
            end = event.type == YAML_SEQUENCE_END_EVENT;
            struct node *item = end ? NULL : read_node(r, &event, depth + 1);
            if (item)
                node_append(list, item, r->arena);
        }
        yaml_event_delete(&event);
    }
    return list;
}

static void read_pair(struct reader *r, struct node *map, struct node *key, int depth)
{
    yaml_event_t event;
    if (next_event(r, &event)) {
        struct node *value = read_node(r, &event, depth + 1);
        if (value)
            node_put(map, key, value, r->path, r->arena, r->problems);
    }
    yaml_event_delete(&event);
}

static struct node *read_map(struct reader *r, const yaml_event_t *start, int depth)
{
    struct node *map = new_node(r, NODE_MAP, start->start_mark);
    for (bool end = false; map && !end && !r->failed;) {
        yaml_event_t event;
        if (next_event(r, &event)) {
            end = event.type == YAML_MAPPING_END_EVENT;
            if (!end && event.type != YAML_SCALAR_EVENT)
                stop_at(r, event.start_mark, "a key must be a single value");
            struct node *key = end || r->failed ? NULL : read_scalar(r, &event);
            if (key)
                read_pair(r, map, key, depth);
        }
        yaml_event_delete(&event);
    }
    return map;
}

static bool is_marked(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static struct node *read_node(struct reader *r, yaml_event_t *event, int depth)
{
    if (is_marked(event))
        stop_at(r, event->start_mark,
                "anchors (&), aliases (*) and tags (!) are not read here: write the value out, or "
                "quote it");
    else if (depth > DEEPEST)
        stop_at(r, event->start_mark, "the file is nested too deeply");
    if (r->failed)
        return NULL;
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(r, event);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return read_list(r, event, depth);
    if (event->type == YAML_MAPPING_START_EVENT)
        return read_map(r, event, depth);
    return NULL;
}

/* Stream start, document start, the root, document end, stream end. */
static struct node *read_document(struct reader *r)
{
    struct node *root = NULL;
    int documents = 0;
    for (bool end = false; !end && !r->failed;) {
        yaml_event_t event;
        if (next_event(r, &event)) {
            end = event.type == YAML_STREAM_END_EVENT;
            if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
                stop_at(r, event.start_mark,
                        "a second document begins here: one connection a file");
            struct node *node = read_node(r, &event, 0);
            if (node)
                root = node;
        }
        yaml_event_delete(&event);
    }
    if (!root && !r->failed)
        problem_add(r->problems, r->path, 1, 1, "the file is empty");
    return r->failed ? NULL : root;
}

struct node *yaml_read(const char *path, struct arena *arena, struct problems *problems)
{
    struct reader r = {.path = path, .arena = arena, .problems = problems};
    struct buf text = BUF_INIT(FILE_MAX);
    struct error err;
    struct node *root = NULL;
    if (file_read(path, &text, &err) != 0) {
        problem_add(problems, path, 0, 0, "%s", err.text);
    } else if (!yaml_parser_initialize(&r.parser)) {
        problem_add(problems, path, 0, 0, "out of memory");
    } else {
        r.text = buf_view(&text);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)buf_cstr(&text), text.len);
        root = read_document(&r);
        yaml_parser_delete(&r.parser);
    }
    buf_free(&text);
    return root;
}
