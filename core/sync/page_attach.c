/* SPDX-License-Identifier: Apache-2.0 */
/* Joins a second answer to the records of a page: its values become a field of theirs, a JSON array
 * of texts, so that mapping, filters and quarantine see them as any other field. */
#include <stdlib.h>

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

/* The texts at a path of a row, sorted, each once. */
static size_t values_of(const struct json *row, struct str path, struct arena *arena,
                        struct str **ret_values)
{
    struct buf text = BUF_INIT(MESSAGE_MAX);
    const struct json *list = NULL;
    size_t n = 0;
    *ret_values = NULL;
    if (json_get_text(row, path, &text) && json_parse(buf_view(&text), &list, NULL) == 0) {
        bool single = json_kind(list) != JSON_ARRAY;
        size_t count = single ? 1 : json_length(list);
        struct str *values = arena_new(arena, count, sizeof values[0]);
        for (size_t i = 0; i < count; i++) {
            struct str value = page_scalar(single ? list : json_element(list, i), arena);
            if (value.len > 0)
                values[n++] = arena_str(arena, value);
        }
        if (n > 0)
            qsort(values, n, sizeof values[0], by_length);
        *ret_values = values;
    }
    json_free(list);
    buf_free(&text);
    return n;
}

static int put_values(const struct page_record *record, struct str field, const struct str *values,
                      size_t count, struct error *err)
{
    struct buf text = BUF_INIT(MESSAGE_MAX);
    struct json_writer w = {.out = &text};
    const struct json *list = NULL;
    json_open(&w, '[');
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !str_eq(values[i], values[i - 1]))
            json_put_str(&w, values[i]);
    json_close(&w, ']');
    int rc = json_parse(buf_view(&text), &list, err);
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
        struct str text = page_scalar(json_path(row, key), arena);
        if (text.len > 0)
            rows[n++] = (struct row){text, row};
    }
    if (n > 0)
        qsort(rows, n, sizeof rows[0], by_key);
    return n;
}

static int join(struct page *page, const struct attach_spec *spec, const struct row *rows,
                size_t count, struct error *err)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct page_record *record = &page->records[i];
        const struct row wanted = {.key = record->id};
        struct str *values;
        if (count == 0 || record->rejected)
            continue;
        const struct row *row = bsearch(&wanted, rows, count, sizeof rows[0], by_key);
        size_t n = row ? values_of(row->row, spec->values, &page->arena, &values) : 0;
        if (n > 0 && put_values(record, spec->field, values, n, err) != 0)
            return -1;
    }
    return 0;
}

int page_attach(struct page *page, const struct ticket *attached, struct error *err)
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
        rc = join(page, spec, rows, count, err);
    }
    json_free(root);
    return rc;
}
