/* SPDX-License-Identifier: Apache-2.0 */
/* When a field of ours got the value that it has: the log knows it, the record has one time for all
 * of its fields. */
#include "sync/log_field.h"
#include "sync/merge_internal.h"

enum { ROWS_MOST = 500 /* of one record; behind that the oldest one that was looked at counts */ };

/* A creation sets all of them. Of an update that was pruned it is not known; nor of one that cannot
 * be read, as SQLite lets other programs write what is no UTF-8. */
static bool may_have_set(const struct log_row *row, const struct rule *rule)
{
    const struct json *body = NULL, *before, *after;
    if (row->op != LOG_UPDATE)
        return row->op == LOG_CREATE;
    if (row->body.len == 0 || json_parse(row->body, &body, NULL) != 0)
        return true;
    bool has =
        log_field_changed(body, rule->index < 0, str_from(rule->field.name), &before, &after);
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
