/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <inttypes.h>
#include <stdarg.h>

#include "cli/width.h"

enum { CELL_MAX = 64 * 1024, GAP = 2, COLUMN_LEAST = 8 };

static void add_column(struct table *t, const struct table_column *column)
{
    if (t->column_count < TABLE_COLUMNS)
        t->columns[t->column_count++] = *column;
}

void table_column(struct table *t, const char *title, bool right)
{
    add_column(t, &(struct table_column){.title = title, .right = right});
}

void table_key_column(struct table *t, const char *title, bool right)
{
    add_column(t, &(struct table_column){.title = title, .right = right, .whole = true});
}

void table_styled(struct table *t, enum style style, struct str text)
{
    struct buf clean = BUF_INIT(CELL_MAX);
    if (text.len > CELL_MAX / 4)
        text.len = CELL_MAX / 4;
    text_clean(&clean, text, false);
    t->cells = arena_grow(&t->arena, t->cells, &t->cap, t->cell_count + 1, sizeof t->cells[0]);
    struct table_cell *cell = &t->cells[t->cell_count++];
    *cell = (struct table_cell){.text = arena_str(&t->arena, buf_view(&clean)), .style = style};
    cell->width = text_width(cell->text);
    buf_free(&clean);
}

void table_str(struct table *t, struct str text)
{
    table_styled(t, STYLE_NONE, text);
}

void table_printf(struct table *t, const char *format, ...)
{
    struct buf text = BUF_INIT(CELL_MAX);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    table_str(t, buf_view(&text));
    buf_free(&text);
}

void table_number(struct table *t, int64_t value)
{
    table_printf(t, "%" PRId64, value);
}

static bool has_titles(const struct table *t)
{
    return t->column_count > 0 && t->columns[0].title;
}

static void measure(const struct table *t, int widths[TABLE_COLUMNS])
{
    for (size_t c = 0; c < t->column_count; c++)
        widths[c] = has_titles(t) ? text_width(str_from(t->columns[c].title)) : 0;
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t c = i % t->column_count;
        if (t->cells[i].width > widths[c])
            widths[c] = t->cells[i].width;
    }
}

/* Takes columns away from the widest, one at a time, until the row fits or nothing can be cut. */
static void shrink(const struct table *t, int widths[TABLE_COLUMNS], int room)
{
    int total = t->indent ? text_width(str_from(t->indent)) : 0;
    for (size_t c = 0; c < t->column_count; c++)
        total += widths[c] + (c > 0 ? GAP : 0);
    while (total > room) {
        size_t widest = TABLE_COLUMNS;
        for (size_t c = 0; c < t->column_count; c++)
            if (!t->columns[c].whole && widths[c] > COLUMN_LEAST &&
                (widest == TABLE_COLUMNS || widths[c] > widths[widest]))
                widest = c;
        if (widest == TABLE_COLUMNS)
            return;
        widths[widest]--;
        total--;
    }
}

static void write_cell(struct out *o, const struct table_cell *cell, int width, bool right,
                       bool last)
{
    struct str text = cell->text;
    bool cut = cell->width > width;
    if (cut)
        text.len = text_fit(text, width - 1);
    int pad = width - (cut ? text_width(text) + 1 : cell->width);
    if (right)
        out_printf(o, "%*s", pad, "");
    if (cell->style != STYLE_NONE)
        out_style(o, cell->style);
    out_str(o, text);
    if (cut)
        out_text(o, "\xe2\x80\xa6");
    if (cell->style != STYLE_NONE)
        out_style(o, STYLE_NONE);
    if (!right && !last)
        out_printf(o, "%*s", pad, "");
}

static void write_row(const struct table *t, struct out *o, const struct table_cell *cells,
                      const int widths[TABLE_COLUMNS])
{
    size_t count = t->column_count; /* without empty cells at the end */
    while (count > 0 && cells[count - 1].text.len == 0)
        count--;
    out_text(o, t->indent ? t->indent : "");
    for (size_t c = 0; c < count; c++) {
        bool last = c + 1 == count;
        write_cell(o, &cells[c], widths[c], t->columns[c].right, last);
        if (!last)
            out_text(o, "  ");
    }
    out_text(o, "\n");
}

void table_write(struct table *t, struct out *o)
{
    int widths[TABLE_COLUMNS];
    if (t->column_count == 0)
        return;
    measure(t, widths);
    if (o->width > 0)
        shrink(t, widths, o->width);
    if (has_titles(t)) {
        struct table_cell titles[TABLE_COLUMNS];
        for (size_t c = 0; c < t->column_count; c++) {
            struct str title = str_from(t->columns[c].title);
            titles[c] = (struct table_cell){title, text_width(title), STYLE_BOLD};
        }
        write_row(t, o, titles, widths);
    }
    for (size_t i = 0; i + t->column_count <= t->cell_count && !o->gone; i += t->column_count)
        write_row(t, o, &t->cells[i], widths);
}

void table_free(struct table *t)
{
    arena_free(&t->arena);
}
