/* SPDX-License-Identifier: Apache-2.0 */
/* When a field of ours got the value that it has: the log knows it, the record has one time for all
 * of its fields. */
#include "base/json.h"
#include "sync/merge_internal.h"

enum { ROWS_MOST = 500 /* of one record; behind that the oldest one that was looked at counts */ };

static bool is_same(const struct json *a, const struct json *b)
{
    struct buf x = BUF_INIT(RECORD_TEXT_MAX), y = BUF_INIT(RECORD_TEXT_MAX);
    json_write(&x, a);
    json_write(&y, b);
    bool same = str_eq(buf_view(&x), buf_view(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

/* {"field": [before, after]}; all custom fields are one. */
static bool body_has(const struct json *body, const struct rule *rule)
{
    struct str name = str_from(rule->field.name);
    if (rule->index >= 0)
        return json_has(body, name);
    const struct json *pair = json_member(body, STR("custom_fields"));
    return !is_same(json_member(json_element(pair, 0), name),
                    json_member(json_element(pair, 1), name));
}

/* A creation sets all of them. Of an update that was pruned it is not known; nor of one that cannot
 * be read, as SQLite lets other programs write what is no UTF-8. */
static bool may_have_set(const struct log_row *row, const struct rule *rule)
{
    const struct json *body = NULL;
    if (row->op != LOG_UPDATE)
        return row->op == LOG_CREATE;
    if (row->body.len == 0 || json_parse(row->body, &body, NULL) != 0)
        return true;
    bool has = body_has(body, rule);
    json_free(body);
    return has;
}

int batch_changed_at(struct batch *b, const struct item *item, const struct rule *rule,
                     int64_t *ret_at, struct error *err)
{
    int64_t seq = item->row->rev;
    *ret_at = item->row->updated_at;
    for (int i = 0; i < ROWS_MOST && seq != 0; i++) {
        struct log_row row;
        if (engine_of(b)->load_log_row(b->merge->store, seq, &row, &b->arena, err) != 0)
            return -1;
        if (row.position.seq == 0)
            return 0;
        seq = row.prev < seq ? row.prev : 0;
        /* It does not compete with what it did itself. 0 is no run: a plan's, other programs'. */
        if (row.run != 0 && row.run == b->merge->run)
            continue;
        *ret_at = row.at;
        if (may_have_set(&row, rule))
            return 0;
    }
    return 0;
}
