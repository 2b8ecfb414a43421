/* SPDX-License-Identifier: Apache-2.0 */
/* A store's database as truth.c reads it, of either engine: one statement with at most one
 * parameter, $1, and its first row as texts. Shares no code with the host's store. */
#ifndef SUPPORT_TRUTH_DB_H
#define SUPPORT_TRUTH_DB_H

#include <stdbool.h>
#include <stdio.h>

struct truth_db;
struct truth_query;

/* The path of a SQLite file, or a postgresql: URL. What goes wrong is told on `out`. */
struct truth_db *truth_db_open(const char *database, FILE *out);
void truth_db_close(struct truth_db *db);

/* Something could not be read: nothing that was compared counts. */
bool truth_db_broken(const struct truth_db *db);

void truth_db_exec(struct truth_db *db, const char *text);
/* NULL when it does not work. */
struct truth_query *truth_db_prepare(struct truth_db *db, const char *text);
/* Whether there is a row. `param` may be NULL for a statement without one. */
bool truth_query_run(struct truth_query *q, const char *param);
/* Of the row, valid until the next run; NULL for NULL. */
const char *truth_query_text(struct truth_query *q, int column);
void truth_query_free(struct truth_query *q);

/* What the engine itself can say of damage; false when there is some. */
bool truth_db_is_whole(struct truth_db *db);

#endif
