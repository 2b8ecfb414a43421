/* SPDX-License-Identifier: Apache-2.0 */
/* Conflicts as commands list and show them. */
#ifndef CLI_CONFLICT_LIST_H
#define CLI_CONFLICT_LIST_H

#include "cli/app.h"
#include "cli/table.h"

struct conflict_list {
    struct conflict_row *rows;
    struct str *fields; /* their names, a row each */
    bool *logged;       /* whether their base is of the log; NULL: it was not looked for there */
    size_t count, cap, fields_cap;
    const char *only_field; /* others are left out; NULL: none are */
    struct arena arena;
};

/* Adds those that the filter lets through. */
int conflict_list_load(struct conflict_list *list, struct store *store,
                       const struct conflict_filter *filter, struct error *err);
/* Those that have no base get what the log has in its place. */
int conflict_list_find_bases(struct conflict_list *list, struct store *store, struct error *err);
void conflict_list_free(struct conflict_list *list);

/* A value of a conflict for people, or as JSON. A reference is the id of its record. */
void conflict_put_value(struct app *app, const struct conflict_row *row, struct str json,
                        bool as_json, struct buf *out);

/* Id, connection, object, record, field and both sides; the columns, then a row's cells. */
void conflict_columns(struct table *t);
void conflict_cells(struct app *app, const struct conflict_list *list, size_t i, struct table *t);

/* How it was settled: "local"; "open" when it was not. */
const char *conflict_state_name(enum conflict_state state);

#endif
