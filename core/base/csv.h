/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables as comma-separated text (RFC 4180), for people with a spreadsheet.
 *
 * A spreadsheet takes a cell that begins with = + - @ for a formula, and a long number for one to
 * be rounded. Such a cell is written with an apostrophe before it, and read without.
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* The next cell of a row; `first`: it begins one. */
void csv_put(struct buf *out, struct str text, bool first);
void csv_end_row(struct buf *out);

struct csv_cell {
    struct str text;  /* the arena's or the table's */
    int line, column; /* where it begins, in characters, from 1 */
};

/* A table that is read; its text is borrowed. */
struct csv_reader {
    struct str rest;
    int line, column;
    char separator; /* the one of the first row: a comma, a semicolon or a tab */
    struct arena *arena;
};

struct csv_reader csv_open(struct str text, struct arena *arena);

/* Cells beyond `most` are left out; an empty line is none. 1; 0 at the end; -1: a quote that does
 * not end, at `reader`'s place. */
int csv_row(struct csv_reader *reader, struct csv_cell *cells, size_t most, size_t *ret_count,
            struct error *err);

#endif
