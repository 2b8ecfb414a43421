/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing records, by HubSpot's batches. Each input carries the row's write id as its
 * objectWriteTraceId: then HubSpot writes those that it can, and says of the others why it does
 * not. Some refusals are of the whole batch all the same. Such a batch was not done; it is sent
 * again in halves, until the row that is to blame stands alone.
 */
#include <stdlib.h>

#include "hubspot_write.h"

/* ---- bodies ---- */

/* `cap` 0 only measures. */
static struct fastenr_json write_body(struct hubspot_batch *b, uint64_t cap, uint32_t first,
                                      uint32_t count)
{
    struct fastenr_json j = fastenr_json_begin(b->body, cap);
    fastenr_json_open(&j, '{');
    fastenr_json_key(&j, "inputs");
    fastenr_json_open(&j, '[');
    for (uint32_t i = first; i < first + count; i++)
        b->put_input(b, &j, b->rows[i]);
    fastenr_json_close(&j, ']');
    fastenr_json_close(&j, '}');
    return j;
}

/* Empty when it is larger than the host takes; else the batch's until the next one. */
static fastenr_outcome make_body(struct hubspot_batch *b, uint32_t first, uint32_t count,
                                 struct fastenr_str *ret_body)
{
    struct fastenr_json j = write_body(b, 0, first, count);
    *ret_body = hubspot_text("");
    if (j.len > HUBSPOT_WRITE_BODY_MAX)
        return FASTENR_OK;
    free(b->body);
    b->body = malloc((size_t)j.len);
    if (!b->body)
        return hubspot_fail(b->h, FASTENR_FAILED, "out of memory");
    j = write_body(b, j.len, first, count);
    fastenr_json_end(&j, ret_body);
    return FASTENR_OK;
}

/* ---- what is said of rows ---- */

fastenr_outcome hubspot_say(struct hubspot *h, const struct fastenr_write_row *row,
                            fastenr_outcome outcome, struct fastenr_str text)
{
    return h->services->written(h->host, row->write_id, outcome, row->id, text);
}

static fastenr_outcome say_all(struct hubspot_batch *b, uint32_t first, uint32_t count,
                               fastenr_outcome outcome, const char *text)
{
    fastenr_outcome said = FASTENR_OK;
    for (uint32_t i = first; i < first + count && said == FASTENR_OK; i++)
        said = hubspot_say(b->h, b->rows[i], outcome, hubspot_text(text));
    return said;
}

/* ---- one request ---- */

/* HubSpot refuses the batch for what is in it. */
static int32_t blames_rows(int32_t status)
{
    return status == 400 || status == 409 || status == 413 || status == 422;
}

/* A 404 is about the path, not about a record: those are told of in an answer of 207. */
static int32_t is_proof(int32_t status)
{
    return status >= 400 && status <= 499 && status != 408;
}

/* The words of an answer that refuses one row. */
static fastenr_outcome say_refused(struct hubspot_batch *b, uint32_t at, uint64_t handle)
{
    struct fastenr_str words;
    char buf[HUBSPOT_WORDS_MAX];
    fastenr_outcome outcome = hubspot_refusal(b->h, handle, "", buf, sizeof buf, &words);
    if (outcome == FASTENR_OK)
        outcome = hubspot_say(b->h, b->rows[at], FASTENR_BAD_RECORD, words);
    return outcome;
}

/* An answer that is none of 2xx and does not blame the rows: all that it proves is said. */
static fastenr_outcome give_up(struct hubspot_batch *b, uint32_t first, uint32_t count,
                               fastenr_outcome outcome, int32_t status)
{
    if (outcome == FASTENR_RATE_LIMITED)
        say_all(b, first, count, FASTENR_RATE_LIMITED, "HubSpot's rate limit is used up");
    else if (is_proof(status))
        say_all(b, first, count, FASTENR_RETRY_AFTER, "HubSpot refused the whole request");
    return hubspot_explain(b->h, outcome, status, b->request.scope);
}

static fastenr_outcome write_range(struct hubspot_batch *b, uint32_t first, uint32_t count);

static fastenr_outcome write_halves(struct hubspot_batch *b, uint32_t first, uint32_t count)
{
    fastenr_outcome outcome = write_range(b, first, count / 2);
    return outcome == FASTENR_OK ? write_range(b, first + count / 2, count - count / 2) : outcome;
}

static fastenr_outcome write_range(struct hubspot_batch *b, uint32_t first, uint32_t count)
{
    struct hubspot *h = b->h;
    uint64_t handle;
    int32_t status;
    fastenr_outcome outcome = make_body(b, first, count, &b->request.body);
    if (outcome != FASTENR_OK)
        return outcome;
    if (b->request.body.len == 0 && count > 1)
        return write_halves(b, first, count);
    b->next = first + count;
    if (b->request.body.len == 0)
        return hubspot_say(h, b->rows[first], FASTENR_BAD_RECORD,
                           hubspot_text("the record is larger than a request may be"));
    outcome = hubspot_send_any(h, &b->request, &handle, &status);
    if (outcome == FASTENR_OK) {
        outcome = b->read_answer(b, handle, status, first, count);
    } else if (!blames_rows(status)) {
        outcome = give_up(b, first, count, outcome, status);
    } else if (count > 1) {
        h->services->release(h->host, handle);
        return write_halves(b, first, count);
    } else {
        outcome = say_refused(b, first, handle);
    }
    h->services->release(h->host, handle);
    return outcome;
}

fastenr_outcome hubspot_write_batch(struct hubspot_batch *b)
{
    fastenr_outcome outcome = b->count > 0 ? write_range(b, 0, b->count) : FASTENR_OK;
    if (outcome != FASTENR_OK)
        say_all(b, b->next, b->count - b->next, FASTENR_RETRY_AFTER,
                "it was not sent: a request before it failed");
    free(b->body);
    b->body = NULL;
    return outcome;
}

/* ---- inputs ---- */

/* HubSpot's values are texts, whatever their type. An empty one clears. */
static void put_properties(struct fastenr_json *j, const struct fastenr_table *values)
{
    const char *at = values->rows;
    fastenr_json_key(j, "properties");
    fastenr_json_open(j, '{');
    for (uint32_t i = 0; i < values->count; i++, at += values->stride) {
        const struct fastenr_value *v = (const struct fastenr_value *)(const void *)at;
        fastenr_json_str(j, v->name);
        fastenr_json_raw(j, ":", 1);
        j->needs_comma = 0;
        fastenr_json_str(j, v->value);
    }
    fastenr_json_close(j, '}');
}

static void put_record(struct hubspot_batch *b, struct fastenr_json *j,
                       const struct fastenr_write_row *row)
{
    uint32_t op = b->write->op;
    fastenr_json_open(j, '{');
    if (op != FASTENR_WRITE_CREATE) {
        fastenr_json_key(j, "id");
        fastenr_json_str(j, op == FASTENR_WRITE_UPSERT ? row->key : row->id);
    }
    if (op == FASTENR_WRITE_UPSERT) {
        fastenr_json_key(j, "idProperty");
        fastenr_json_str(j, b->write->key_field);
    }
    if (op != FASTENR_WRITE_ARCHIVE) {
        fastenr_json_key(j, "objectWriteTraceId");
        fastenr_json_str(j, row->write_id);
        put_properties(j, &row->values);
    }
    fastenr_json_close(j, '}');
}

/* ---- answers ---- */

static fastenr_outcome read_records(struct hubspot_batch *b, uint64_t handle, int32_t status,
                                    uint32_t first, uint32_t count)
{
    static const struct fastenr_written results = {.size = sizeof results,
                                                   .outcome = FASTENR_OK,
                                                   .rows = FASTENR_STR("results"),
                                                   .write_id = FASTENR_STR("objectWriteTraceId"),
                                                   .id = FASTENR_STR("id"),
                                                   .created = FASTENR_STR("new"),
                                                   .modified = FASTENR_STR("updatedAt"),
                                                   .fields = FASTENR_STR("properties")};
    struct hubspot *h = b->h;
    uint32_t told;
    (void)status;
    fastenr_outcome outcome = h->services->emit_written(h->host, handle, &results, &told);
    if (outcome == FASTENR_GONE)
        return hubspot_fail(h, FASTENR_FAILED, "an answer of HubSpot to a batch has no results");
    return outcome == FASTENR_OK ? hubspot_read_errors(b, handle, first, count) : outcome;
}

/* 204, without a word: all are archived, whatever they were before. */
static fastenr_outcome read_nothing(struct hubspot_batch *b, uint64_t handle, int32_t status,
                                    uint32_t first, uint32_t count)
{
    (void)handle;
    (void)status;
    return say_all(b, first, count, FASTENR_OK, "");
}

/* ---- the operation ---- */

/* A record of another origin than HubSpot is not there; its id would spoil the batch. */
static fastenr_outcome add_known(struct hubspot_batch *b, const struct fastenr_write_row *row)
{
    if (row->id.len > 0 && !hubspot_is_id(row->id))
        return hubspot_say(b->h, row, FASTENR_GONE, hubspot_text("HubSpot has no such id"));
    b->rows[b->count++] = row;
    return FASTENR_OK;
}

static int32_t records_url(struct hubspot_batch *b, const char *what)
{
    struct hubspot_url url = {b->h->url, sizeof b->h->url, 0};
    hubspot_url_text(&url, b->h->objects_url);
    hubspot_url_value(&url, b->object->name);
    hubspot_url_text(&url, "/batch/");
    hubspot_url_text(&url, what);
    return hubspot_url_end(&url, &b->request.url);
}

static fastenr_outcome write_records(struct hubspot_batch *b, const char *what)
{
    fastenr_outcome outcome = FASTENR_OK;
    for (uint32_t i = 0; i < b->write->rows.count && outcome == FASTENR_OK; i++)
        outcome = add_known(b, hubspot_write_row(b->write, i));
    if (outcome != FASTENR_OK)
        return outcome;
    if (!records_url(b, what))
        return hubspot_fail(b->h, FASTENR_FAILED, "the name of the object is too long");
    b->put_input = put_record;
    b->read_answer = b->write->op == FASTENR_WRITE_ARCHIVE ? read_nothing : read_records;
    return hubspot_write_batch(b);
}

const struct fastenr_write_row *hubspot_write_row(const struct fastenr_write *write, uint32_t i)
{
    const char *at = (const char *)write->rows.rows + (size_t)i * write->rows.stride;
    return (const struct fastenr_write_row *)(const void *)at;
}

/* What HubSpot calls it; NULL: it has no such request, or not for this object. */
static const char *verb_of(const struct hubspot_batch *b)
{
    static const struct {
        uint32_t flag;
        const char *verb;
    } verbs[] = {[FASTENR_WRITE_CREATE] = {FASTENR_OBJECT_CREATE, "create"},
                 [FASTENR_WRITE_UPDATE] = {FASTENR_OBJECT_UPDATE, "update"},
                 [FASTENR_WRITE_UPSERT] = {FASTENR_OBJECT_UPSERT, "upsert"},
                 [FASTENR_WRITE_ARCHIVE] = {FASTENR_OBJECT_ARCHIVE, "archive"}};
    uint32_t op = b->write->op;
    if (op >= sizeof verbs / sizeof verbs[0] || !(b->object->flags & verbs[op].flag))
        return NULL;
    return verbs[op].verb;
}

static fastenr_outcome perform(struct hubspot_batch *b)
{
    uint32_t op = b->write->op;
    const char *verb = verb_of(b);
    int32_t links = op == FASTENR_WRITE_ASSOCIATE || op == FASTENR_WRITE_DISSOCIATE;
    if (verb)
        return write_records(b, verb);
    if (links && b->object->associations.count > 0)
        return hubspot_write_associations(b);
    return hubspot_fail(b->h, FASTENR_BAD_CONFIG,
                        "HubSpot has no request that writes %.*s in this way (%u)",
                        (int)b->write->object.len, b->write->object.ptr, op);
}

fastenr_outcome hubspot_write(void *instance, const struct fastenr_write *write)
{
    struct hubspot_batch b = {.h = instance, .write = write};
    fastenr_outcome outcome = hubspot_object(b.h, write->object, &b.object);
    if (outcome != FASTENR_OK)
        return outcome;
    b.request = (struct hubspot_request){
        .bucket = hubspot_burst, .retry = HUBSPOT_WRITTEN, .scope = b.object->write_scope};
    b.rows = calloc(write->rows.count, sizeof *b.rows);
    if (!b.rows)
        return hubspot_fail(b.h, FASTENR_FAILED, "out of memory");
    outcome = perform(&b);
    free(b.rows);
    return outcome;
}
