/* SPDX-License-Identifier: Apache-2.0 */
/* A proposal as a table that people edit, and what they have decided in it. */
#include <stdlib.h>

#include "base/csv.h"
#include "base/mem.h"
#include "plugin/answer.h"
#include "sync/linkup.h"

enum { COLUMN_OBJECT, COLUMN_VENDOR_ID, COLUMN_OUR_ID, COLUMN_DECISION, COLUMNS_READ };
enum { COLUMNS_MOST = 40 };

static const char *const titles[] = {"object",   "vendor_id", "vendor_name", "our_id",
                                     "our_name", "how",       "decision"};
static const char *const read_titles[] = {"object", "vendor_id", "our_id", "decision"};

/* ---- writing ---- */

static struct str how_of(const struct linkup_object *o, const struct linkup_record *r,
                         size_t offers, struct arena *arena)
{
    const char *name = r->field >= 0 ? o->setup->model->fields[r->field].name : "";
    switch (r->how) {
    case LINKUP_AMBIGUOUS:
        return str_from(arena_printf(arena, "ambiguous (%s): %s = %.*s",
                                     r->record != 0 ? "others there have it, too"
                                     : offers > 1   ? "several here"
                                                    : "others here are linked already",
                                     name, STR_ARG(r->value)));
    case LINKUP_MATCHED:
        return str_from(arena_printf(arena, "%s = %.*s", name, STR_ARG(r->value)));
    case LINKUP_UNSURE:
        return STR("not known: a field that it would be matched by is paused");
    case LINKUP_NEW:
        return STR("none here");
    case LINKUP_APART:
        return STR("decided already: a record of its own");
    case LINKUP_LINKED:
        return STR("linked already");
    default:
        return STR("none there");
    }
}

static struct str decision_of(enum linkup_how how)
{
    if (how == LINKUP_MATCHED)
        return STR("link");
    return how == LINKUP_NEW || how == LINKUP_APART ? STR("create") : STR("");
}

static void write_row(struct buf *out, const struct linkup_object *o, const struct linkup_record *r,
                      const struct linkup_ours *ours, struct str how)
{
    char id[UUID_TEXT] = "";
    if (ours)
        uuid_format(&ours->id, id);
    csv_put(out, o->setup->item->name, true);
    csv_put(out, r ? r->external_id : STR(""), false);
    csv_put(out, r ? r->name : STR(""), false);
    csv_put(out, str_from(id), false);
    csv_put(out, ours ? ours->name : STR(""), false);
    csv_put(out, how, false);
    csv_put(out, r ? decision_of(r->how) : STR(""), false);
    csv_end_row(out);
}

/* The first of a record's candidates. */
static size_t first_candidate(const struct linkup_object *o, size_t record)
{
    size_t low = 0, high = o->candidate_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (o->candidates[middle].record < record)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct linkup_ours *ours_of(const struct linkup_object *o, int64_t key)
{
    size_t low = 0, high = o->ours_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (o->ours[middle].key == key)
            return &o->ours[middle];
        if (o->ours[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A row; of an ambiguous one a row for each of ours that it may be. */
static void write_record(struct buf *out, const struct linkup_object *o, size_t i)
{
    const struct linkup_record *r = &o->records[i];
    struct arena arena = {0};
    size_t from = first_candidate(o, i), to = from;
    while (to < o->candidate_count && o->candidates[to].record == i)
        to++;
    struct str how = how_of(o, r, to - from, &arena);
    for (size_t j = from; j < to; j++)
        write_row(out, o, r, ours_of(o, o->candidates[j].key), how);
    if (from == to)
        write_row(out, o, r, ours_of(o, r->record), how);
    arena_free(&arena);
}

static void write_object(struct buf *out, const struct linkup_object *o)
{
    for (enum linkup_how how = 0; how < LINKUP_ALONE; how++)
        for (size_t i = 0; i < o->record_count; i++)
            if (o->records[i].how == how)
                write_record(out, o, i);
    for (size_t i = 0; i < o->ours_count; i++)
        if (!o->ours[i].taken)
            write_row(out, o, NULL, &o->ours[i], STR("none there"));
}

void linkup_write(const struct linkup *l, struct buf *out)
{
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        csv_put(out, str_from(titles[i]), i == 0);
    csv_end_row(out);
    for (size_t i = 0; i < l->count; i++)
        write_object(out, &l->objects[i]);
}

/* ---- reading ---- */

struct reading {
    const struct setup *setup;
    struct linkup_decisions *d;
    struct problems *problems;
    int columns[COLUMNS_READ]; /* which column of the table is which */
    struct csv_cell cells[COLUMNS_MOST];
    size_t cell_count;
    struct linkup_decision *left; /* rows without a decision */
    size_t left_count, left_cap;
};

#define MISTAKE(r, cell, ...)                                                                      \
    problem_add((r)->problems, (r)->d->file, (cell).line, (cell).column, __VA_ARGS__)

static bool find_columns(struct reading *r)
{
    bool found = true;
    for (size_t i = 0; i < COLUMNS_READ; i++) {
        r->columns[i] = -1;
        for (size_t j = 0; j < r->cell_count; j++)
            if (str_eq_nocase(str_trim(r->cells[j].text), str_from(read_titles[i])))
                r->columns[i] = (int)j;
        if (r->columns[i] >= 0)
            continue;
        found = false;
        problem_add(r->problems, r->d->file, 1, 1,
                    "the first line does not name the column '%s': it is to be the one that "
                    "--propose has written",
                    read_titles[i]);
    }
    return found;
}

/* A cell of the row; of one that ends before it, an empty one at its end. */
static struct csv_cell cell_of(const struct reading *r, int which)
{
    size_t i = (size_t)r->columns[which];
    struct csv_cell cell = r->cells[i < r->cell_count ? i : r->cell_count - 1];
    cell.text = i < r->cell_count ? str_trim(cell.text) : STR("");
    return cell;
}

/* "2.1651E+10" */
static bool is_rounded(struct str id)
{
    ptrdiff_t e = str_find(id, 'E');
    double number;
    return e > 0 && (size_t)e + 2 < id.len && id.ptr[e + 1] == '+' && str_to_double(id, &number);
}

static bool read_object(struct reading *r, struct linkup_decision *decision)
{
    const struct csv_cell cell = cell_of(r, COLUMN_OBJECT);
    const char *names[64], *nearest;
    size_t count = 0;
    decision->object = setup_object(r->setup, cell.text);
    for (size_t i = 0; i < r->setup->object_count && count < 64; i++)
        names[count++] = r->setup->objects[i].item->name.ptr;
    nearest = str_nearest(cell.text, names, count);
    if (!decision->object)
        MISTAKE(r, cell, "this connection syncs no object '%.*s'%s%s%s", STR_ARG(cell.text),
                nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    else if (decision->object->model->is_table)
        MISTAKE(r, cell, "'%.*s' are not linked: they are the vendor's alone", STR_ARG(cell.text));
    else
        return true;
    return false;
}

static bool read_external_id(struct reading *r, struct linkup_decision *decision)
{
    const struct csv_cell cell = cell_of(r, COLUMN_VENDOR_ID);
    decision->at = (struct linkup_place){cell.line, cell.column};
    decision->external_id = arena_str(&r->d->arena, cell.text);
    if (cell.text.len == 0)
        MISTAKE(r, cell, "there is no vendor_id: a decision is one on a record of the vendor's");
    else if (!answer_is_id(cell.text))
        MISTAKE(r, cell, "the vendor_id is no id: 1 to 255 bytes of UTF-8 are wanted");
    else if (is_rounded(cell.text))
        MISTAKE(r, cell,
                "'%.*s' is no id any more: a spreadsheet has rounded it; make the column one of "
                "text before you open the file, or write an apostrophe before the id",
                STR_ARG(cell.text));
    else
        return true;
    return false;
}

static bool read_our_id(struct reading *r, struct linkup_decision *decision)
{
    const struct csv_cell cell = cell_of(r, COLUMN_OUR_ID);
    decision->at_id = (struct linkup_place){cell.line, cell.column};
    if (decision->apart || uuid_parse(cell.text, &decision->id))
        return true;
    if (cell.text.len == 0)
        MISTAKE(r, cell, "to link it, our_id is needed: the id of a record of ours");
    else
        MISTAKE(r, cell, "'%.*s' is no id of a record of ours: `fastenr records` lists them",
                STR_ARG(cell.text));
    return false;
}

/* It may be decided on in another row. */
static void note_left(struct reading *r)
{
    struct str id = cell_of(r, COLUMN_VENDOR_ID).text;
    if (id.len == 0) /* one of ours */
        return;
    r->left = mem_grow(r->left, &r->left_cap, r->left_count + 1, sizeof r->left[0]);
    r->left[r->left_count++] =
        (struct linkup_decision){.object = setup_object(r->setup, cell_of(r, COLUMN_OBJECT).text),
                                 .external_id = arena_str(&r->d->arena, id)};
}

enum word { WORD_NONE, WORD_TAKEN, WORD_WRONG };

static enum word read_word(struct reading *r, struct linkup_decision *decision)
{
    const struct csv_cell cell = cell_of(r, COLUMN_DECISION);
    decision->apart = str_eq_nocase(cell.text, STR("create"));
    if (decision->apart || str_eq_nocase(cell.text, STR("link")))
        return WORD_TAKEN;
    if (cell.text.len == 0 || str_eq_nocase(cell.text, STR("skip"))) {
        note_left(r);
        return WORD_NONE;
    }
    MISTAKE(r, cell, "'%.*s' is no decision: link, create, skip or nothing", STR_ARG(cell.text));
    return WORD_WRONG;
}

/* All that is wrong with the row. */
static void read_row(struct reading *r)
{
    struct linkup_decisions *d = r->d;
    struct linkup_decision decision = {0};
    enum word word = read_word(r, &decision);
    if (word == WORD_NONE)
        return;
    bool known = read_object(r, &decision);
    bool named = read_external_id(r, &decision);
    if (word == WORD_WRONG || !read_our_id(r, &decision) || !known || !named)
        return;
    d->items = mem_grow(d->items, &d->cap, d->count + 1, sizeof d->items[0]);
    d->items[d->count++] = decision;
}

static void read_rows(struct reading *r, struct csv_reader *reader)
{
    struct error err;
    int more;
    while ((more = csv_row(reader, r->cells, COLUMNS_MOST, &r->cell_count, &err)) > 0)
        read_row(r);
    if (more < 0)
        problem_add(r->problems, r->d->file, reader->line, reader->column, "%s", err.text);
}

/* ---- what cannot both be ---- */

static int by_object(const struct linkup_decision *x, const struct linkup_decision *y)
{
    return (x->object > y->object) - (x->object < y->object);
}

static int by_line(const struct linkup_decision *x, const struct linkup_decision *y)
{
    return (x->at.line > y->at.line) - (x->at.line < y->at.line);
}

static int by_record(const struct linkup_decision *x, const struct linkup_decision *y)
{
    int c = by_object(x, y);
    return c != 0 ? c : str_cmp(x->external_id, y->external_id);
}

static int by_external_id(const void *a, const void *b)
{
    int c = by_record(a, b);
    return c != 0 ? c : by_line(a, b);
}

/* Records, each once, that no row decides on. */
static void count_left(struct reading *r)
{
    struct linkup_decisions *d = r->d;
    size_t at = 0;
    if (r->left_count > 0)
        qsort(r->left, r->left_count, sizeof r->left[0], by_external_id);
    for (size_t i = 0; i < r->left_count; i++) {
        const struct linkup_decision *left = &r->left[i];
        bool again = i > 0 && by_record(left, &r->left[i - 1]) == 0;
        while (at < d->count && by_record(&d->items[at], left) < 0)
            at++;
        d->left += !again && (at == d->count || by_record(&d->items[at], left) != 0);
    }
    free(r->left);
}

static int by_our_id(const void *a, const void *b)
{
    const struct linkup_decision *x = *(struct linkup_decision *const *)a;
    const struct linkup_decision *y = *(struct linkup_decision *const *)b;
    int c = by_object(x, y);
    if (c == 0)
        c = memcmp(&x->id, &y->id, sizeof x->id);
    return c != 0 ? c : by_line(x, y);
}

static void find_decided_twice(const struct linkup_decisions *d, struct problems *problems)
{
    for (size_t i = 1; i < d->count; i++) {
        const struct linkup_decision *x = &d->items[i - 1], *y = &d->items[i];
        if (by_record(x, y) == 0)
            problem_add(problems, d->file, y->at.line, y->at.column,
                        "'%.*s' is decided on twice, first on line %d: leave one of them",
                        STR_ARG(y->external_id), x->at.line);
    }
}

static void find_linked_twice(struct linkup_decisions *d, struct problems *problems)
{
    struct linkup_decision **links = mem_new(d->count, sizeof links[0]);
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++)
        if (!d->items[i].apart)
            links[n++] = &d->items[i];
    if (n > 0)
        qsort(links, n, sizeof links[0], by_our_id);
    for (size_t i = 1; i < n; i++) {
        const struct linkup_decision *x = links[i - 1], *y = links[i];
        bool same = by_object(x, y) == 0 && memcmp(&x->id, &y->id, sizeof x->id) == 0;
        if (same && !str_eq(x->external_id, y->external_id))
            problem_add(problems, d->file, y->at_id.line, y->at_id.column,
                        "this record of ours is linked with '%.*s' on line %d already: a record "
                        "has one partner",
                        STR_ARG(x->external_id), x->at.line);
    }
    free(links);
}

void linkup_read(const char *file, struct str text, const struct setup *setup,
                 struct linkup_decisions *d, struct problems *problems)
{
    struct error err;
    struct arena arena = {0};
    struct csv_reader reader = csv_open(text, &arena);
    *d = (struct linkup_decisions){.file = file};
    struct reading r = {.setup = setup, .d = d, .problems = problems};
    int more = csv_row(&reader, r.cells, COLUMNS_MOST, &r.cell_count, &err);
    if (more < 0)
        problem_add(problems, file, reader.line, reader.column, "%s", err.text);
    else if (find_columns(&r))
        read_rows(&r, &reader);
    if (d->count > 0)
        qsort(d->items, d->count, sizeof d->items[0], by_external_id);
    count_left(&r);
    find_decided_twice(d, problems);
    find_linked_twice(d, problems);
    arena_free(&arena);
}

void linkup_decisions_free(struct linkup_decisions *d)
{
    free(d->items);
    arena_free(&d->arena);
    *d = (struct linkup_decisions){0};
}
