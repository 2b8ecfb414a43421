/* SPDX-License-Identifier: Apache-2.0 */
/* A store under a virtual clock that goes by days: SQLite, or the PostgreSQL of $POSTGRES_URL. What
 * is in it is asked in SQL. */
#ifndef RETENTION_FIXTURE_H
#define RETENTION_FIXTURE_H

#include "store/store.h"
#include "unit.h"
#include "virtual_loop.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL((call), 0)

extern struct virtual_world w;
extern struct store *store;
extern struct error err;
extern const struct model_object *account;
extern int64_t organization, connection, run, companies; /* a run that is under way */

/* Runs a test in a new store, on day 0. */
void fixture_run(void (*test)(void));
void set_day(int day);
int64_t day(int day);
bool is_postgres(void);

/* Another program that has the database open. */
void sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Rows with ';' between, columns with '|', NULL as ~; valid until the next call. */
const char *rows(const char *query);

/* A run of the connection; the one before ends as clean. */
void begin_run(void);
void end_run(void);
/* A record that is linked (external_id NULL: not), today, by the run; its key. */
int64_t create(const char *external_id);
/* Gives it another name. */
void change(int64_t key, const char *name);
void add_sent(int64_t record);
void add_conflict(int64_t record, enum conflict_state state);
void add_quarantined(const char *external_id);
void add_run_stream(enum walk mode);

#endif
