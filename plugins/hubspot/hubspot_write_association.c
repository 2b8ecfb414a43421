/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing associations, by the batches of v4: with HubSpot's default association of the pair of
 * objects, and without any. To make one that is there, or to take away one that is not, is no
 * fault.
 */
#include <stdio.h>

#include "hubspot_write.h"

static void put_id(struct fastenr_json *j, struct fastenr_str id)
{
    fastenr_json_open(j, '{');
    fastenr_json_key(j, "id");
    fastenr_json_str(j, id);
    fastenr_json_close(j, '}');
}

/* `to` is one record where associations are made, and a list where they are taken away. */
static void put_pair(struct hubspot_batch *b, struct fastenr_json *j,
                     const struct fastenr_write_row *row)
{
    int32_t listed = b->write->op == FASTENR_WRITE_DISSOCIATE;
    fastenr_json_open(j, '{');
    fastenr_json_key(j, "from");
    put_id(j, row->id);
    fastenr_json_key(j, "to");
    if (listed)
        fastenr_json_open(j, '[');
    put_id(j, row->other_id);
    if (listed)
        fastenr_json_close(j, ']');
    fastenr_json_close(j, '}');
}

/* ---- answers ---- */

static int32_t same(struct fastenr_str a, struct fastenr_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, (size_t)a.len) == 0;
}

/* The only id of a list: "[\"9001\"]". 0 when it is none. */
static int32_t only_id(struct fastenr_str json, char *buf, struct fastenr_str *ret_id)
{
    struct hubspot_array walk = hubspot_array(json);
    struct fastenr_str element;
    return hubspot_array_next(&walk, &element) &&
           hubspot_unquote(element, buf, HUBSPOT_ID_MAX, ret_id) && hubspot_is_id(*ret_id);
}

struct pair_errors {
    struct hubspot_array from, to;
    uint32_t read;
};

/* What the n-th error is about; 0 at the end. `broken`: HubSpot does not say. */
static int32_t next_pair(struct pair_errors *e, char buf[2][HUBSPOT_ID_MAX],
                         struct fastenr_str pair[2], int32_t *ret_broken)
{
    struct fastenr_str from, to;
    if (!hubspot_array_next(&e->from, &from) || !hubspot_array_next(&e->to, &to))
        return 0;
    e->read++;
    *ret_broken = !only_id(from, buf[0], &pair[0]) || !only_id(to, buf[1], &pair[1]);
    return 1;
}

/* Rows that an error is about are taken out of the range by leaving a NULL in their place. */
static fastenr_outcome refuse_pair(struct hubspot_batch *b, uint64_t handle, uint32_t n,
                                   const struct fastenr_str pair[2], uint32_t first, uint32_t count)
{
    char at[40], words[HUBSPOT_WORDS_MAX];
    struct fastenr_str text;
    snprintf(at, sizeof at, "errors[%u].", n);
    fastenr_outcome outcome = hubspot_refusal(b->h, handle, at, words, sizeof words, &text);
    for (uint32_t i = first; i < first + count && outcome == FASTENR_OK; i++) {
        const struct fastenr_write_row *row = b->rows[i];
        if (!row || !same(row->id, pair[0]) || !same(row->other_id, pair[1]))
            continue;
        outcome = hubspot_say(b->h, row, FASTENR_BAD_RECORD, text);
        b->rows[i] = NULL;
    }
    return outcome;
}

static fastenr_outcome get_errors(struct hubspot *h, uint64_t handle, struct pair_errors *ret)
{
    struct fastenr_str from, to;
    fastenr_outcome outcome = h->services->json_get(
        h->host, handle, hubspot_text("errors[*].context.fromObjectId"), &from);
    if (outcome == FASTENR_OK)
        outcome = h->services->json_get(h->host, handle,
                                        hubspot_text("errors[*].context.toObjectId"), &to);
    if (outcome != FASTENR_OK)
        return outcome;
    *ret = (struct pair_errors){hubspot_array(from), hubspot_array(to), 0};
    return FASTENR_OK;
}

static fastenr_outcome say_rest(struct hubspot_batch *b, uint32_t first, uint32_t count)
{
    fastenr_outcome outcome = FASTENR_OK;
    for (uint32_t i = first; i < first + count && outcome == FASTENR_OK; i++)
        if (b->rows[i])
            outcome = hubspot_say(b->h, b->rows[i], FASTENR_OK, hubspot_text(""));
    return outcome;
}

/* All are done but those that an error is about. */
static fastenr_outcome read_pairs(struct hubspot_batch *b, uint64_t handle, int32_t status,
                                  uint32_t first, uint32_t count)
{
    char buf[2][HUBSPOT_ID_MAX];
    struct fastenr_str pair[2];
    struct pair_errors errors;
    int32_t broken = 0;
    fastenr_outcome outcome = FASTENR_GONE;
    if (status != 204)
        outcome = get_errors(b->h, handle, &errors);
    if (outcome == FASTENR_GONE)
        return say_rest(b, first, count);
    while (outcome == FASTENR_OK && next_pair(&errors, buf, pair, &broken)) {
        if (broken)
            return hubspot_fail(b->h, FASTENR_FAILED,
                                "HubSpot refuses an association and does not say which");
        outcome = refuse_pair(b, handle, errors.read - 1, pair, first, count);
    }
    return outcome == FASTENR_OK ? say_rest(b, first, count) : outcome;
}

/* ---- one pair of objects at a time ---- */

static int32_t pair_url(struct hubspot_batch *b)
{
    struct hubspot_url url = {b->h->url, sizeof b->h->url, 0};
    hubspot_url_text(&url, HUBSPOT_ORIGIN "/crm/v4/associations/");
    hubspot_url_value(&url, b->object->name);
    hubspot_url_text(&url, "/");
    hubspot_url_value(&url, b->to->name);
    hubspot_url_text(&url, b->write->op == FASTENR_WRITE_ASSOCIATE ? "/batch/associate/default"
                                                                   : "/batch/archive");
    return hubspot_url_end(&url, &b->request.url);
}

static fastenr_outcome add_pair(struct hubspot_batch *b, const struct fastenr_write_row *row)
{
    const struct fastenr_object *to = hubspot_associated(row->field);
    if (to != b->to)
        return FASTENR_OK;
    if (!to || to == b->object)
        return hubspot_say(b->h, row, FASTENR_BAD_RECORD,
                           hubspot_text("the field is no association of the object"));
    if (!hubspot_is_id(row->id) || !hubspot_is_id(row->other_id))
        return hubspot_say(b->h, row, FASTENR_BAD_RECORD,
                           hubspot_text("HubSpot has no record with such an id"));
    b->rows[b->count++] = row;
    return FASTENR_OK;
}

/* The rows of the write whose field is of that object; of none: they are refused. */
static fastenr_outcome write_pairs(struct hubspot_batch *b, const struct fastenr_object *to)
{
    fastenr_outcome outcome = FASTENR_OK;
    b->to = to;
    b->count = b->next = 0;
    for (uint32_t i = 0; i < b->write->rows.count && outcome == FASTENR_OK; i++)
        outcome = add_pair(b, hubspot_write_row(b->write, i));
    if (outcome != FASTENR_OK || b->count == 0)
        return outcome;
    if (!pair_url(b))
        return hubspot_fail(b->h, FASTENR_FAILED, "the name of the object is too long");
    return hubspot_write_batch(b);
}

fastenr_outcome hubspot_write_associations(struct hubspot_batch *b)
{
    fastenr_outcome outcome = write_pairs(b, NULL);
    b->put_input = put_pair;
    b->read_answer = read_pairs;
    for (size_t i = 0; i < HUBSPOT_ASSOCIATED && outcome == FASTENR_OK; i++)
        outcome = write_pairs(b, &hubspot_objects[i]);
    return outcome;
}
