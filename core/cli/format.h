/* SPDX-License-Identifier: Apache-2.0 */
/* How commands show times, sizes and outcomes. */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include "base/json.h"
#include "base/time.h"
#include "cli/out.h"
#include "config/connection.h"
#include "store/store.h"

enum { FORMAT_TEXT = 64 };

/* "12 min ago", "in 3 h"; "never" for 0. */
const char *format_when(int64_t us, int64_t now_us, char out[FORMAT_TEXT]);
/* "2026-01-02 03:04:05" (UTC); "-" for 0. */
const char *format_time(int64_t us, char out[FORMAT_TEXT]);
/* "1.4 MB". */
const char *format_bytes(int64_t bytes, char out[FORMAT_TEXT]);
/* "12 345". */
const char *format_count(int64_t count, char out[FORMAT_TEXT]);

enum style format_status_style(enum run_status status);

/* "every 5m", "hourly", "cron 0 6 * * mon" (UTC); the arena's. */
const char *format_schedule(const struct connection_config *config, struct arena *arena);

/* RFC 3339, or null for 0. */
void json_put_time(struct json_writer *w, int64_t us);
/* A member: a text, or null where it is empty. */
void json_str_or_null(struct json_writer *w, const char *name, struct str text);
void json_counts(struct json_writer *w, const struct run_counts *counts);
/* A run with its objects, as one value. */
void json_run(struct json_writer *w, const struct run_row *row);

/* Sums what a run did. */
struct run_counts run_total(const struct run_row *row);

/* Columns of tables; those from COUNT_SENT on are for what was written to vendors, and wanted only
 * where something was. */
enum {
    COUNT_FOLLOWED = 3,
    COUNT_DELETED = 4,
    COUNT_RESTORED = 5,
    COUNT_SET_ASIDE = 8,
    COUNT_SENT,
    COUNT_REFUSED = 12,
    COUNT_CONFLICTS,
    COUNT_COLUMNS
};
extern const char *const count_titles[COUNT_COLUMNS];
void count_values(const struct run_counts *counts, int64_t ret_values[COUNT_COLUMNS]);
bool count_any_sent(const struct run_counts *counts);

/* "took 3.1 s": from start to end, or to now. */
int64_t run_took(const struct run_row *row, int64_t now_us);

#endif
