/* SPDX-License-Identifier: Apache-2.0 */
/* What a sync wrote, as rows to write again: the records of one run of one store, with their log
 * rows and links, in the commits that the sync made. An engine reads them and writes them as barely
 * as it can. */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include "base/arena.h"
#include "model/model.h"

enum cell_kind { CELL_NULL, CELL_INTEGER, CELL_TEXT, CELL_BLOB };

struct cell {
    enum cell_kind kind;
    int len;
    union {
        int64_t number;
        const char *bytes;
    };
};

enum { COLUMNS_MAX = 64 };

struct rows {
    int columns;
    const char *names[COLUMNS_MAX];
    uint32_t types[COLUMNS_MAX]; /* PostgreSQL's, of an array's elements */
    size_t count;
    struct cell *cells; /* row by row */
};

/* The records of one object: rows of the same number in all three belong together in an update; in
 * creates links have the order of their own keys, within the same commits. */
struct part {
    const struct model_object *object;
    struct rows record, log, link;
    uint64_t *changed; /* of an update: bit i is record.names[i] */
    size_t *commits;   /* how many rows each has */
    size_t commit_count;
};

struct slice {
    const struct part *part;
    size_t first, count;
};

struct replay_engine {
    const char *changed_names; /* SQL for the names of the fields in log.body, a comma between */
    void *(*open)(const char *url, bool writes);
    void (*load)(void *db, const char *sql, struct arena *arena, struct rows *ret);
    /* Each a transaction of its own. */
    void (*create)(void *db, const struct slice *slice);
    void (*update)(void *db, const struct slice *slice);
    void (*close)(void *db);
};

extern const struct replay_engine replay_sqlite, replay_postgres;

static inline struct cell *rows_at(const struct rows *rows, size_t row, int column)
{
    return &rows->cells[row * (size_t)rows->columns + (size_t)column];
}

int rows_column(const struct rows *rows,
                const char *name); /* ends the program when there is none */

/* Says why on standard error and ends the program. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
