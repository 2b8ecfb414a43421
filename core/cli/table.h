/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned tables. On a terminal the widest columns are cut so that a row fits on a line; elsewhere
 * nothing is cut, for grep and awk. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/arena.h"
#include "cli/out.h"

enum { TABLE_COLUMNS = 24 };

struct table_column {
    const char *title; /* NULL: no titles are written */
    bool right;        /* numbers */
    bool whole;        /* never cut */
};

struct table_cell {
    struct str text;
    int width;
    enum style style;
};

struct table {
    struct table_column columns[TABLE_COLUMNS];
    size_t column_count;
    struct table_cell *cells; /* row by row */
    size_t cell_count, cap;
    const char *indent;
    struct arena arena;
};

/* Columns beyond TABLE_COLUMNS are left out. */
void table_column(struct table *t, const char *title, bool right);
/* As table_column, for what must stay whole: names, ids. */
void table_key_column(struct table *t, const char *title, bool right);

/* The next cell of the row; the text is copied and cleaned. */
void table_str(struct table *t, struct str text);
void table_styled(struct table *t, enum style style, struct str text);
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_number(struct table *t, int64_t value);

void table_write(struct table *t, struct out *o);
void table_free(struct table *t);

#endif
