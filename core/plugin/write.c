/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's end of a write: which rows were asked for, what the connector says became of them, and
 * whether a request went out that may have done more than was said. What it says is checked against
 * what was asked: a result is taken once a row, and none of a row that there is not.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/redact.h"
#include "plugin/answer.h"
#include "plugin/worker_internal.h"

enum { VALUE_CLEAR = 1 };

/* A row that was asked for. */
struct written_row {
    struct str write_id, id;
    bool answered;
};

/* What an answer, or the connector, says of a row; without a write id it is the row at that place.
 */
struct told {
    struct str write_id, id, fields, text;
    bool created;
    int64_t modified_us;
};

struct told_list {
    struct told *items;
    size_t count, cap;
};

/* ---- what was asked ---- */

struct sorting {
    struct str write_id;
    uint32_t at;
};

static int by_write_id(const void *a, const void *b)
{
    return str_cmp(((const struct sorting *)a)->write_id, ((const struct sorting *)b)->write_id);
}

static void sort_rows(struct write_state *s)
{
    struct sorting *order = mem_new(s->count, sizeof *order);
    for (uint32_t i = 0; i < s->count; i++)
        order[i] = (struct sorting){s->rows[i].write_id, i};
    qsort(order, s->count, sizeof *order, by_write_id);
    for (uint32_t i = 0; i < s->count; i++)
        s->by_id[i] = order[i].at;
    free(order);
}

static void put_row(struct buf *out, const struct write_row *row)
{
    wire_put_str(out, row->write_id);
    wire_put_str(out, row->id);
    wire_put_str(out, row->key);
    wire_put_u32(out, row->value_count);
    for (uint32_t i = 0; i < row->value_count; i++) {
        wire_put_str(out, row->values[i].name);
        wire_put_str(out, row->values[i].clear ? STR("") : row->values[i].value);
        wire_put_u32(out, (uint32_t)row->values[i].type);
        wire_put_u32(out, row->values[i].clear ? VALUE_CLEAR : 0);
    }
    wire_put_str(out, row->field);
    wire_put_str(out, row->other_id);
}

void write_begin(struct worker *w, const struct write_request *request, struct buf *out)
{
    struct write_state *s = &w->write;
    write_end(w);
    s->op = request->op;
    s->count = request->row_count;
    s->rows = arena_new(&s->arena, s->count, sizeof s->rows[0]);
    s->by_id = arena_new(&s->arena, s->count, sizeof s->by_id[0]);
    wire_put_u32(out, (uint32_t)request->op);
    wire_put_str(out, request->object);
    wire_put_str(out, request->key_field);
    wire_put_u32(out, s->count);
    for (uint32_t i = 0; i < s->count; i++) {
        put_row(out, &request->rows[i]);
        s->rows[i].write_id = arena_str(&s->arena, request->rows[i].write_id);
        s->rows[i].id = arena_str(&s->arena, request->rows[i].id);
    }
    sort_rows(s);
}

void write_end(struct worker *w)
{
    arena_free(&w->write.arena);
    w->write = (struct write_state){0};
}

void write_note_request(struct worker *w, const struct ticket *t)
{
    if (w->phase == PHASE_WRITE && !t->ask.safe && !t->not_done)
        w->write.unclear = true;
}

/* The row with this write id; NULL when it was not asked for. */
static struct written_row *find_row(struct write_state *s, struct str write_id)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_cmp(s->rows[s->by_id[middle]].write_id, write_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct written_row *row = low < s->count ? &s->rows[s->by_id[low]] : NULL;
    return row && str_eq(row->write_id, write_id) ? row : NULL;
}

/* ---- what was said ---- */

/* Only the first: what comes after it may follow from it. */
__attribute__((format(printf, 2, 3))) static void object_to(struct worker *w, const char *format,
                                                            ...)
{
    va_list args;
    if (w->write.fault[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(w->write.fault, sizeof w->write.fault, format, args);
    va_end(args);
}

static bool is_row_outcome(enum outcome outcome)
{
    return outcome == OUTCOME_OK || outcome == OUTCOME_BAD_RECORD || outcome == OUTCOME_GONE ||
           outcome == OUTCOME_RETRY_AFTER || outcome == OUTCOME_RATE_LIMITED;
}

/* Text for people: one line of whole characters, and no credential that the vendor echoes. */
static struct str clean_text(struct str text, struct arena *arena)
{
    struct buf clean = BUF_INIT(4 * LOG_TEXT_MAX);
    if (text.len > LOG_TEXT_MAX)
        text.len = LOG_TEXT_MAX;
    for (int cut = 0; cut < 4 && text.len > 0 && !str_is_utf8(text); cut++)
        text.len--;
    if (!str_is_utf8(text))
        return STR("");
    redact(&clean, text);
    for (size_t i = 0; i < clean.len; i++)
        if ((unsigned char)clean.ptr[i] < ' ' || clean.ptr[i] == 0x7f)
            clean.ptr[i] = ' ';
    struct str kept = arena_str(arena, buf_view(&clean));
    buf_free(&clean);
    return kept;
}

static bool is_write_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!(id.ptr[i] >= 'a' && id.ptr[i] <= 'z') && !(id.ptr[i] >= '0' && id.ptr[i] <= '9') &&
            id.ptr[i] != '-')
            return false;
    return id.len > 0 && id.len <= WRITE_ID_MAX;
}

/* The row that is meant, if something may be said of it now. */
static struct written_row *row_of(struct worker *w, const struct told *told, size_t place)
{
    struct write_state *s = &w->write;
    struct written_row *row =
        told->write_id.len > 0 ? find_row(s, told->write_id) : &s->rows[place];
    if (!row)
        object_to(w, "results of the write have a row that was not asked for: '%.*s'",
                  STR_ARG(is_write_id(told->write_id) ? told->write_id : STR("?")));
    else if (row->answered)
        object_to(w, "results of the write have the row %.*s twice", STR_ARG(row->write_id));
    return row && !row->answered ? row : NULL;
}

static bool makes_records(enum write_op op)
{
    return op == WRITE_CREATE || op == WRITE_UPSERT;
}

/* False when it cannot be so. */
static bool take(struct worker *w, const struct told *told, size_t place, enum outcome outcome,
                 struct write_result *ret_result)
{
    struct written_row *row = row_of(w, told, place);
    if (!row)
        return false;
    struct str id = answer_is_id(told->id) ? told->id : row->id;
    if (outcome == OUTCOME_OK && id.len == 0 && makes_records(w->write.op)) {
        object_to(w, "the row %.*s is done, and its record has no id that can be used",
                  STR_ARG(row->write_id));
        return false;
    }
    row->answered = true;
    *ret_result = (struct write_result){.write_id = row->write_id,
                                        .id = id,
                                        .outcome = outcome,
                                        .created = told->created,
                                        .modified_us = told->modified_us,
                                        .fields = told->fields,
                                        .text = clean_text(told->text, &w->write.arena)};
    return true;
}

/* Hands on what can be so, and answers the call. */
static void hand_on(struct worker *w, const struct told_list *list, enum outcome outcome)
{
    struct write_result *results = mem_new(list->count, sizeof *results);
    enum outcome came_to = OUTCOME_OK;
    uint32_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += take(w, &list->items[i], i, outcome, &results[count]);
    if (count > 0) {
        worker_progress(w);
        came_to = w->events->written(w->arg, results, count);
    }
    free(results);
    if (w->ended || w->freed)
        return;
    if (came_to == OUTCOME_OK && count < list->count)
        came_to = OUTCOME_FAILED;
    if (w->cancelled || came_to != OUTCOME_OK) {
        worker_reply(w, came_to);
        return;
    }
    struct buf *out = service_begin_reply(w, OUTCOME_OK);
    wire_put_u32(out, count);
    service_send_reply(w, out);
}

static void fail(struct worker *w, const char *why)
{
    snprintf(w->fail_text, sizeof w->fail_text, "%s", why);
    worker_reply(w, OUTCOME_FAILED);
}

/* ---- one row ---- */

void write_on_written(struct worker *w, struct wire_reader *r)
{
    struct told told = {.write_id = wire_str(r, LOG_TEXT_MAX)};
    enum outcome outcome = (enum outcome)wire_u32(r);
    told.id = wire_str(r, LOG_TEXT_MAX);
    told.text = wire_str(r, LOG_TEXT_MAX);
    const struct told_list list = {.items = &told, .count = 1};
    if (!wire_done(r) || w->phase != PHASE_WRITE || (uint32_t)outcome > OUTCOME_FAILED) {
        worker_convict(w, "it sent a broken result, or one outside of write");
        return;
    }
    if (!is_row_outcome(outcome)) {
        object_to(w, "a result of the write is '%s', which says nothing of a row",
                  outcome_name(outcome));
        fail(w, w->write.fault);
    } else if (told.write_id.len == 0) {
        object_to(w, "results of the write have a row without a write id");
        fail(w, w->write.fault);
    } else {
        hand_on(w, &list, outcome);
    }
}

/* ---- rows of an answer: parsed on the pool, since it may be large ---- */

struct written_spec {
    struct str rows, write_id, id, created, modified, fields, message;
};

struct written_job {
    struct job job;
    struct worker *worker;
    uint32_t call;
    uint64_t ticket;
    struct blob *body;
    struct written_spec spec;
    enum outcome outcome; /* of the rows */
    uint32_t asked;       /* how many rows there can be */
    enum outcome came_to; /* of reading them */
    struct told_list list;
    struct error err;
    const struct json *root;
    struct arena arena;
};

static void add(struct written_job *j, const struct told *told, struct str write_id)
{
    struct told_list *list = &j->list;
    list->items =
        arena_grow(&j->arena, list->items, &list->cap, list->count + 1, sizeof list->items[0]);
    list->items[list->count] = *told;
    list->items[list->count++].write_id = write_id;
}

static struct str object_text(struct written_job *j, const struct json *object)
{
    struct buf text = BUF_INIT(RECORD_MAX);
    struct str kept = {0};
    if (json_kind(object) != JSON_OBJECT)
        return kept;
    json_write(&text, object);
    if (!text.full)
        kept = arena_str(&j->arena, buf_view(&text));
    buf_free(&text);
    return kept;
}

/* A value that cannot be used is as one that is not there: what was done is done. */
static void read_row(struct written_job *j, const struct json *row)
{
    const struct written_spec *spec = &j->spec;
    struct told told = {0};
    if (spec->id.len > 0)
        told.id = answer_scalar(json_path(row, spec->id), &j->arena);
    if (spec->created.len > 0)
        told.created = json_is_true(json_path(row, spec->created));
    if (spec->modified.len > 0 &&
        !answer_time(json_path(row, spec->modified), &j->arena, &told.modified_us))
        told.modified_us = 0;
    if (spec->fields.len > 0)
        told.fields = object_text(j, json_path(row, spec->fields));
    if (spec->message.len > 0)
        told.text = json_string(json_path(row, spec->message));
    if (spec->write_id.len == 0) {
        add(j, &told, STR(""));
        return;
    }
    const struct json *ids = json_path(row, spec->write_id);
    bool listed = json_kind(ids) == JSON_ARRAY;
    size_t count = listed ? json_length(ids) : 1;
    for (size_t i = 0; i < count && j->list.count <= j->asked; i++) {
        struct str id = answer_scalar(listed ? json_element(ids, i) : ids, &j->arena);
        if (id.len > 0)
            add(j, &told, id);
    }
}

static enum outcome read_rows(struct written_job *j)
{
    struct str body;
    if (blob_view(j->body, &body, &j->err) != 0 || json_parse(body, &j->root, &j->err) != 0)
        return OUTCOME_FAILED;
    const struct json *rows = json_path(j->root, j->spec.rows);
    if (!rows)
        return OUTCOME_GONE;
    if (json_kind(rows) != JSON_ARRAY) {
        error_set(&j->err, "there is no array of results at '%.*s'", STR_ARG(j->spec.rows));
        return OUTCOME_FAILED;
    }
    for (size_t i = 0; i < json_length(rows) && j->list.count <= j->asked; i++)
        read_row(j, json_element(rows, i));
    bool by_place = j->spec.write_id.len == 0;
    if (j->list.count <= j->asked && (!by_place || j->list.count == j->asked))
        return OUTCOME_OK;
    error_set(&j->err, "there are %s than the %u rows of the write at '%.*s'",
              j->list.count > j->asked ? "more results" : "fewer results", j->asked,
              STR_ARG(j->spec.rows));
    return OUTCOME_FAILED;
}

static void written_work(void *arg)
{
    struct written_job *j = arg;
    j->came_to = read_rows(j);
}

static void answer_job(struct worker *w, struct written_job *j)
{
    const struct ticket *t = service_ticket(w, j->ticket);
    if (j->came_to == OUTCOME_OK) {
        hand_on(w, &j->list, j->outcome);
        return;
    }
    if (j->came_to == OUTCOME_FAILED && t)
        ticket_blame(t, j->body, &j->err);
    if (j->came_to == OUTCOME_FAILED)
        snprintf(w->fail_text, sizeof w->fail_text, "%s", j->err.text);
    worker_reply(w, j->came_to);
}

static void written_done(void *arg)
{
    struct written_job *j = arg;
    struct worker *w = j->worker;
    if (w->waiting == SERVICE_EMIT_WRITTEN && w->waiting_call == j->call)
        answer_job(w, j);
    worker_job_ended(w);
    json_free(j->root);
    blob_unref(j->body);
    arena_free(&j->arena);
    free(j);
}

static void start_job(struct worker *w, const struct ticket *t, const struct written_spec *spec,
                      enum outcome outcome)
{
    struct written_job *j = MEM_NEW(struct written_job);
    j->job = (struct job){.work = written_work, .done = written_done, .arg = j};
    j->worker = w;
    j->call = w->waiting_call;
    j->ticket = t->id;
    j->body = blob_ref(t->body);
    j->outcome = outcome;
    j->asked = w->write.count;
    j->spec = (struct written_spec){.rows = arena_str(&j->arena, spec->rows),
                                    .write_id = arena_str(&j->arena, spec->write_id),
                                    .id = arena_str(&j->arena, spec->id),
                                    .created = arena_str(&j->arena, spec->created),
                                    .modified = arena_str(&j->arena, spec->modified),
                                    .fields = arena_str(&j->arena, spec->fields),
                                    .message = arena_str(&j->arena, spec->message)};
    w->jobs++;
    loop_submit(w->world->loop, EXECUTOR_POOL, &j->job);
}

void write_on_emit_written(struct worker *w, struct wire_reader *r)
{
    struct ticket *t = service_ticket(w, wire_u64(r));
    enum outcome outcome = (enum outcome)wire_u32(r);
    struct written_spec spec = {.rows = wire_str(r, PATH_MAX_LEN)};
    spec.write_id = wire_str(r, PATH_MAX_LEN);
    spec.id = wire_str(r, PATH_MAX_LEN);
    spec.created = wire_str(r, PATH_MAX_LEN);
    spec.modified = wire_str(r, PATH_MAX_LEN);
    spec.fields = wire_str(r, PATH_MAX_LEN);
    spec.message = wire_str(r, PATH_MAX_LEN);
    if (!wire_done(r) || w->phase != PHASE_WRITE || (uint32_t)outcome > OUTCOME_FAILED) {
        worker_convict(w, "it sent broken results, or some outside of write");
    } else if (!is_row_outcome(outcome)) {
        object_to(w, "results of the write are '%s', which says nothing of a row",
                  outcome_name(outcome));
        fail(w, w->write.fault);
    } else if (!t || !t->body) {
        fail(w, "the connector reads results out of an answer that it does not have");
    } else {
        start_job(w, t, &spec, outcome);
    }
}
