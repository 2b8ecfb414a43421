/* SPDX-License-Identifier: Apache-2.0 */
/* What our record's field was before the change that came into a conflict, by the log: for
 * conflicts of fields whose base is not kept with the link. */
#include "sync/conflict.h"
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

/* {"field": [before, after]}; custom fields are one. False: the row has not changed the field. */
static bool before_of(const struct json *body, const struct rule *rule, struct arena *arena,
                      struct str *ret_json)
{
    bool custom = rule->index < 0;
    struct str name = str_from(rule->field.name);
    const struct json *pair = json_member(body, custom ? STR("custom_fields") : name);
    const struct json *before = json_element(pair, 0), *after = json_element(pair, 1);
    if (json_kind(pair) != JSON_ARRAY)
        return false;
    *ret_json = json_text(custom ? json_member(before, name) : before, arena);
    return !custom || !str_eq(*ret_json, json_text(json_member(after, name), arena));
}

/* Whether the search is over with that row; *ret_json is set where it has the value. What was
 * pruned, and what a creation or a deletion did, is not guessed. */
static bool look_at(const struct log_row *log, const struct conflict_row *row,
                    const struct rule *rule, struct arena *arena, struct str *ret_json)
{
    const struct json *body = NULL;
    if (log->at > row->at || log->run == row->run) /* after it, or what it came to */
        return false;
    if (log->op != LOG_UPDATE || log->body.len == 0 || json_parse(log->body, &body, NULL) != 0)
        return true;
    bool found = before_of(body, rule, arena, ret_json);
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
