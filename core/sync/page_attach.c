/* SPDX-License-Identifier: Apache-2.0 */
/* Joins a second answer to the records of a page: its values become a field of theirs, a JSON array
 * of texts, so that mapping, filters and quarantine see them as any other field. */
#include <stdlib.h>

#include "plugin/answer.h"
#include "plugin/protocol.h"
#include "sync/page.h"

struct row {
    struct str key;
    const struct json *row;
};

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

/* Ids as numbers where they are: the shorter one first. */
static int by_length(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return str_cmp(*x, *y);
}

/* The values of one record, of all its rows. */
struct values {
    struct str *items;
    size_t count, cap;
};

static void add_value(struct values *v, struct str text, struct arena *arena)
{
    if (text.len == 0)
        return;
    v->items = arena_grow(arena, v->items, &v->cap, v->count + 1, sizeof v->items[0]);
    v->items[v->count++] = arena_str(arena, text);
}

static void add_list(struct values *v, const struct json *list, struct arena *arena)
{
    if (json_kind(list) != JSON_ARRAY)
        add_value(v, answer_scalar(list, arena), arena);
    for (size_t i = 0; json_kind(list) == JSON_ARRAY && i < json_length(list); i++)
        add_value(v, answer_scalar(json_element(list, i), arena), arena);
}

static int too_large(struct str field, struct error *err)
{
    return error_set(err, "the values of one record for '%.*s' are more than %d MiB",
                     STR_ARG(field), RECORD_MAX >> 20);
}

/* A row without the path has no values. */
static int add_row(struct values *v, const struct json *row, const struct attach_spec *spec,
                   struct arena *arena, struct error *err)
{
    struct buf text = BUF_INIT(RECORD_MAX);
    const struct json *list = NULL;
    int rc = 0;
    if (json_get_text(row, spec->values, &text) && !text.full &&
        json_parse(buf_view(&text), &list, NULL) == 0)
        add_list(v, list, arena);
    if (text.full)
        rc = too_large(spec->field, err);
    json_free(list);
    buf_free(&text);
    return rc;
}

/* Sorted, each once. */
static int put_values(const struct page_record *record, struct str field, const struct values *v,
                      struct error *err)
{
    struct buf text = BUF_INIT(RECORD_MAX);
    struct json_writer w = {.out = &text};
    const struct json *list = NULL;
    qsort(v->items, v->count, sizeof v->items[0], by_length);
    json_open(&w, '[');
    for (size_t i = 0; i < v->count; i++)
        if (i == 0 || !str_eq(v->items[i], v->items[i - 1]))
            json_put_str(&w, v->items[i]);
    json_close(&w, ']');
    int rc = text.full ? too_large(field, err) : json_parse(buf_view(&text), &list, err);
    if (rc == 0 && !json_put_member(record->fields, field, list)) {
        json_free(list);
        rc = error_set(err, "a field cannot be added to a record");
    }
    buf_free(&text);
    return rc;
}

static size_t collect_rows(const struct json *list, struct str key, struct arena *arena,
                           struct row *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < json_length(list); i++) {
        const struct json *row = json_element(list, i);
        struct str text = answer_scalar(json_path(row, key), arena);
        if (text.len > 0)
            rows[n++] = (struct row){text, row};
    }
    if (n > 0)
        qsort(rows, n, sizeof rows[0], by_key);
    return n;
}

/* The first row of a key; `count` when there is none. */
static size_t first_row(const struct row *rows, size_t count, struct str key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(rows[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && str_eq(rows[low].key, key) ? low : count;
}

struct joining {
    const struct attach_spec *spec;
    const struct row *rows; /* sorted by key */
    size_t count;
    bool more; /* the field has values of an answer before this one */
    struct arena *arena;
};

static int join_record(const struct joining *j, const struct page_record *record, struct error *err)
{
    struct values v = {0};
    for (size_t i = first_row(j->rows, j->count, record->id);
         i < j->count && str_eq(j->rows[i].key, record->id); i++)
        if (add_row(&v, j->rows[i].row, j->spec, j->arena, err) != 0)
            return -1;
    if (v.count == 0)
        return 0;
    if (j->more)
        add_list(&v, json_member(record->fields, j->spec->field), j->arena);
    return put_values(record, j->spec->field, &v, err);
}

static int join(const struct page *page, const struct joining *j, struct error *err)
{
    for (size_t i = 0; i < page->count; i++)
        if (!page->records[i].rejected && join_record(j, &page->records[i], err) != 0)
            return -1;
    return 0;
}

int page_attach(struct page *page, const struct ticket *attached, bool more, struct error *err)
{
    const struct attach_spec *spec = &attached->attach;
    const struct json *root = NULL;
    struct str body;
    if (blob_view(attached->body, &body, err) != 0 || json_parse(body, &root, err) != 0)
        return -1;
    const struct json *list = json_path(root, spec->rows);
    int rc = -1;
    if (json_kind(list) != JSON_ARRAY) {
        error_set(err, "there is no array of rows at '%.*s'", STR_ARG(spec->rows));
    } else {
        struct row *rows = arena_new(&page->arena, json_length(list), sizeof rows[0]);
        size_t count = collect_rows(list, spec->key, &page->arena, rows);
        struct joining j = {spec, rows, count, more, &page->arena};
        rc = join(page, &j, err);
    }
    json_free(root);
    return rc;
}
