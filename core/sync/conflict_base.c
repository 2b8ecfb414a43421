/* SPDX-License-Identifier: Apache-2.0 */
/* What our record's field was before the change that came into a conflict, by the log: for
 * conflicts of fields whose base is not kept with the link. */
#include "sync/conflict.h"
#include "sync/log_field.h"
#include "sync/merge.h"

enum { ROWS_MOST = 500 /* of one record */ };

static struct str json_text(const struct json *value, struct arena *arena)
{
    struct buf text = BUF_INIT(RECORD_TEXT_MAX);
    json_write(&text, value);
    struct str copy = arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

/* Whether the search is over with that row; *ret_json is set where it has the value. What was
 * pruned, and what a creation or a deletion did, is not guessed. */
static bool look_at(const struct log_row *log, const struct conflict_row *row,
                    const struct rule *rule, struct arena *arena, struct str *ret_json)
{
    const struct json *body = NULL, *before, *after;
    if (log->at > row->at || log->run == row->run) /* after it, or what it came to */
        return false;
    if (log->op != LOG_UPDATE || log->body.len == 0 || json_parse(log->body, &body, NULL) != 0)
        return true;
    bool found =
        log_field_changed(body, rule->index < 0, str_from(rule->field.name), &before, &after);
    if (found)
        *ret_json = json_text(before, arena);
    json_free(body);
    return found;
}

int conflict_logged_base(struct store *store, const struct conflict_row *row, struct arena *arena,
                         struct str *ret_json, struct error *err)
{
    struct record_row record = {0};
    struct rule rule;
    *ret_json = STR("");
    if (!conflict_rule(row, &rule, arena))
        return 0;
    if (store->engine->load_records(store, model_object(row->object), &row->record, 1, &record,
                                    arena, err) != 0)
        return -1;
    int64_t seq = record.key != 0 ? record.rev : 0;
    bool over = false;
    for (int i = 0; i < ROWS_MOST && seq != 0 && !over; i++) {
        struct log_row log;
        struct str before = STR("");
        if (store->engine->load_log_row(store, seq, &log, arena, err) != 0)
            return -1;
        over = log.position.seq == 0 || look_at(&log, row, &rule, arena, &before);
        if (over)
            *ret_json = before;
        seq = log.prev < seq ? log.prev : 0;
    }
    return 0;
}
