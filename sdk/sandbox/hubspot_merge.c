/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merges. The loser vanishes: it is in no list, the archived one included, and no search. The
 * winner names it, and those that had been merged into it, in hs_merged_object_ids; takes the
 * values that it lacks itself; and is modified. Whoever pointed at the loser points at the winner
 * by looking through it, so that no other record is modified.
 */
#include "hubspot.h"
#include "hubspot_association.h"

#include <stdlib.h>

uint32_t merge_winner(const struct hubspot *h, enum object_type type, uint32_t index)
{
    while (h->tables[type].merged > 0 && store_life(h, type, index) == LIFE_MERGED)
        index = store_newest(&h->tables[type], index)->into;
    return index;
}

/* The text of a record's merged ids; NULL when it has none. */
static const char *merged_ids(const struct hubspot *h, enum object_type type, uint32_t index)
{
    const struct version *v =
        h->tables[type].merged > 0 ? store_newest(&h->tables[type], index) : NULL;
    for (size_t i = 0; v && i < v->count; i++)
        if (v->changes[i].field == hubspot_models[type].merged_ids)
            return v->changes[i].value;
    return NULL;
}

size_t merge_losers(const struct hubspot *h, enum object_type type, uint32_t index, uint32_t *out,
                    size_t most)
{
    const char *at = merged_ids(h, type, index);
    size_t count = 0;
    while (at && *at && count < most) {
        char *end;
        out[count++] = store_index_from(h, type, strtoull(at, &end, 10));
        at = end + (*end == ';');
    }
    return count;
}

static char *joined_ids(const struct hubspot *h, enum object_type type, uint32_t winner,
                        uint32_t loser)
{
    const char *had = merged_ids(h, type, winner), *came = merged_ids(h, type, loser);
    struct text text = {0};
    if (had)
        text_printf(&text, "%s;", had);
    text_u64(&text, store_id(h, type, loser));
    if (came)
        text_printf(&text, ";%s", came);
    text_end(&text);
    return text.ptr;
}

static bool moves(const struct hubspot *h, enum object_type type, unsigned field)
{
    const struct model *m = &h->models[type];
    if (field >= hubspot_models[type].count)
        return !(m->fields[field].flags & FIELD_UNIQUE);
    return m->fields[field].flags & FIELD_MUTABLE ||
           (type == CONTACTS && field == CONTACT_COMPANY_ID) ||
           (type == COMPANIES && field == COMPANY_PARENT);
}

/* The loser's values that the winner lacks. */
static size_t moved_values(const struct hubspot *h, enum object_type type, uint32_t winner,
                           uint32_t loser, struct change *out)
{
    struct text text = {0};
    struct record to, from;
    size_t count = 0;
    store_load(h, type, winner, &to);
    store_load(h, type, loser, &from);
    for (unsigned field = 0; field < h->models[type].count; field++) {
        text.len = 0;
        if (!moves(h, type, field) || record_value(h, &to, field, &text))
            continue;
        text.len = 0;
        if (record_value(h, &from, field, &text))
            out[count++] = (struct change){field, mem_copy(text.ptr, text.len)};
    }
    text_free(&text);
    return count;
}

bool merge_records(struct hubspot *h, enum object_type type, uint32_t winner, uint32_t loser,
                   int64_t now_ms)
{
    uint32_t losers[MERGES_MAX];
    struct change changes[FIELDS_MAX + 1];
    if (merge_losers(h, type, winner, losers, MERGES_MAX) +
            merge_losers(h, type, loser, losers, MERGES_MAX) >=
        MERGES_MAX)
        return false;
    size_t count = moved_values(h, type, winner, loser, changes);
    if (type == CONTACTS)
        association_move_primary(h, winner, loser);
    changes[count++] =
        (struct change){hubspot_models[type].merged_ids, joined_ids(h, type, winner, loser)};
    store_change(h, type, winner, now_ms, SOURCE_MERGE, changes, count);
    store_set_life(h, type, loser, now_ms, LIFE_MERGED, winner);
    return true;
}

/* ---- the request ---- */

/* The living record that a member of the body names. */
static bool named(const struct hubspot *h, enum object_type type, struct json_object *body,
                  const char *member, uint32_t *ret_index)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(body, member, &value) || !value)
        return false;
    uint64_t id = strtoull(json_object_get_string(value), NULL, 10);
    *ret_index = store_index_from(h, type, id);
    return *ret_index < h->tables[type].total && store_id(h, type, *ret_index) == id &&
           store_life(h, type, *ret_index) == LIFE_LIVING;
}

static void journal(struct hubspot *h, enum object_type type, struct json_object *body, int status)
{
    struct written w = {.deed = "merge",
                        .type = hubspot_models[type].name,
                        .id = member_text(body, "primaryObjectId"),
                        .key = member_text(body, "objectIdToMerge"),
                        .outcome = status == 200 ? "done" : "error",
                        .why = status == 200   ? NULL
                               : status == 404 ? "OBJECT_NOT_FOUND"
                                               : "VALIDATION_ERROR",
                        .status = status};
    sandbox_journal(h->sandbox, &w);
    sandbox_count(h->sandbox, STAT_WRITTEN, status == 200);
}

static void merge_named(struct hubspot *h, enum object_type type, struct json_object *body,
                        int64_t now_ms, struct answer *a)
{
    uint32_t winner, loser;
    struct record r;
    if (!named(h, type, body, "primaryObjectId", &winner) ||
        !named(h, type, body, "objectIdToMerge", &loser)) {
        hubspot_error(h, a, 404, "OBJECT_NOT_FOUND",
                      "primaryObjectId and objectIdToMerge must be ids of living records");
    } else if (winner == loser) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "A record cannot be merged into itself");
    } else if (!merge_records(h, type, winner, loser, now_ms)) {
        hubspot_error(h, a, 414, "VALIDATION_ERROR", "More than %d records would be merged",
                      MERGES_MAX);
    } else {
        store_load(h, type, winner, &r);
        record_write(h, &r, model_mask(&h->models[type], FIELD_DEFAULT), &a->body);
    }
}

void hubspot_merge(struct hubspot *h, enum object_type type, const struct call *call,
                   struct answer *a)
{
    const char *reason;
    struct json_object *body = parse_object(call->request->body, call->request->body_len, &reason);
    if (!body) {
        hubspot_error(h, a, 400, NULL, "Invalid input JSON: %s", reason);
        return;
    }
    merge_named(h, type, body, call->now_ms, a);
    journal(h, type, body, a->response->status);
    json_object_put(body);
}
