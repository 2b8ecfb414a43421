/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: retention. What is pruned leaves free pages in the file, which later rows
 * take; the file itself is made smaller by VACUUM alone. */
#include <stdio.h>

#include "store/prune.h"
#include "store/sqlite_internal.h"

static const char doing[] = "prune what is old";

static sqlite3_stmt *prepare(struct sqlite_store *s, const char *text, const int64_t *params,
                             size_t count, struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, text, false, err);
    for (size_t i = 0; stmt && i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%zu", i + 1);
        int index = sqlite3_bind_parameter_index(stmt, name);
        if (index > 0)
            sqlite3_bind_int64(stmt, index, params[i]);
    }
    return stmt;
}

static int ask(struct store *store, const char *text, const int64_t *params, size_t param_count,
               int64_t *ret, size_t count, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = prepare(s, text, params, param_count, err);
    int found = stmt ? sqlite_step(s, stmt, doing, err) : -1;
    for (size_t i = 0; i < count; i++)
        ret[i] = found > 0 ? sqlite3_column_int64(stmt, (int)i) : 0;
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

static int change(struct store *store, const char *text, const int64_t *params, size_t param_count,
                  int64_t *ret_changed, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt = prepare(s, text, params, param_count, err);
    int rc = stmt ? sqlite_run(s, stmt, doing, err) : -1;
    *ret_changed = rc == 0 ? sqlite3_changes64(s->db) : 0;
    sqlite3_finalize(stmt);
    return rc;
}

static const struct prune_engine engine = {
    .unread = "l.seq > (SELECT min(seq) FROM log_consumer)",
    .first_unread_at =
        "SELECT at FROM log WHERE seq > (SELECT min(seq) FROM log_consumer) ORDER BY "
        "seq LIMIT 1",
    .ask = ask,
    .change = change};

int sqlite_prune(struct store *store, struct prune_step *step, struct error *err)
{
    return prune_run(store, &engine, step, err);
}

int sqlite_last_pruned(struct store *store, enum prune_kind kind, int64_t *ret_at,
                       struct error *err)
{
    return prune_last(store, &engine, kind, ret_at, err);
}

int sqlite_slowest_consumer(struct store *store, struct arena *arena, struct str *ret_name,
                            int64_t *ret_at, struct error *err)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "SELECT name, at FROM log_consumer ORDER BY seq, at LIMIT 1", false, err);
    if (!stmt)
        return -1;
    int found = sqlite_step(s, stmt, "look who follows the log", err);
    *ret_name = found > 0 ? arena_str(arena, sqlite_column_str(stmt, 0)) : STR("");
    *ret_at = found > 0 ? sqlite3_column_int64(stmt, 1) : 0;
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : 0;
}

int sqlite_set_back_marks(struct sqlite_store *s, struct error *err)
{
    static const char *const texts[] = {
        "UPDATE prune_mark SET mark = (SELECT coalesce(max(seq), 0) FROM log) WHERE what IN (1, 3) "
        "AND mark > (SELECT coalesce(max(seq), 0) FROM log)",
        "UPDATE prune_mark SET mark = (SELECT coalesce(max(id), 0) FROM sent) WHERE what IN (2, 4) "
        "AND mark > (SELECT coalesce(max(id), 0) FROM sent)"};
    int64_t changed;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (change(&s->store, texts[i], NULL, 0, &changed, err) != 0)
            return -1;
    return 0;
}
