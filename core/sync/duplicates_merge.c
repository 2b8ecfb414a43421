/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two records made one. The one that is kept gets what it lacks of the other one, its links and
 * what refers to it; the other one becomes a tombstone. What was seen of both sides stays with each
 * link: a vendor's value is taken when it moves there, as ever, and where what is kept differs from
 * what that vendor has, the next export brings it there.
 */
#include "sync/duplicates.h"

#include <inttypes.h>
#include <stdio.h>

#include "sync/conflict.h"
#include "sync/custom.h"
#include "sync/export.h"
#include "sync/leases.h"
#include "sync/merge.h"

enum {
    REFERRERS_AT_ONCE = 1000,
    STEPS_MOST = 1000, /* up a chain of parents */
    REASON_MAX = 300
};

/* A field of both. */
struct field {
    struct rule rule; /* reads and writes nothing */
    struct value keep, other, now;
    bool takes_other;
    const struct duplicate_choice *choice; /* NULL: none was made */
    const char *why;                       /* `now` is neither's */
};

struct joining {
    const struct duplicates_request *in;
    struct duplicates_report *report;
    struct store *store;
    const struct model_object *object;
    int64_t organization, run, now_us;
    struct record_row rows[2]; /* the one that is kept, the other one */
    const struct json *custom[2];
    struct stream_names names;
    struct held_link *held; /* by record */
    size_t held_count;
    struct field *fields;
    size_t field_count, field_cap;
    struct pending_write *waiting, *waited; /* what references are to wait for; and did */
    size_t waiting_count;
    struct leases leases;
    struct arena arena;
};

static const struct store_engine *engine_of(const struct joining *j)
{
    return j->store->engine;
}

static int64_t key_of(const struct joining *j, size_t which)
{
    return j->rows[which].key;
}

static struct store_batch batch_of(const struct joining *j, const struct model_object *object)
{
    return (struct store_batch){
        .object = object, .organization = j->organization, .run = j->run, .now_us = j->now_us};
}

/* ---- which two ---- */

static int find_record(struct joining *j, size_t which, struct error *err)
{
    const struct uuid *id = which == 0 ? &j->in->keep : &j->in->other;
    const char *name = j->object->name;
    struct record_row *row = &j->rows[which];
    char text[UUID_TEXT];
    int64_t key = 0;
    if (engine_of(j)->find_record(j->store, j->object, j->organization, id, &key, err) != 0)
        return -1;
    if (key != 0 &&
        engine_of(j)->load_records(j->store, j->object, &key, 1, row, &j->arena, err) != 0)
        return -1;
    if (key == 0 || row->key == 0)
        return error_set(err, "there is no %s %s: `fastenr records %s` has them", name,
                         uuid_format(id, text), name);
    if (row->deleted_at != 0)
        return error_set(err, "the %s %s is deleted", name, uuid_format(id, text));
    return custom_read(j->object, key, row->custom, &j->custom[which], err);
}

static int lease(struct joining *j, struct error *err)
{
    struct str busy;
    int rc = j->in->plan ? 0 : leases_take(&j->leases, j->store, j->object, &busy, err);
    if (rc <= 0)
        return rc;
    return error_set(err, "'%.*s' is being synced just now: wait until that is done",
                     STR_ARG(busy));
}

static int find_records(struct joining *j, struct error *err)
{
    if (j->object->is_table)
        return error_set(err,
                         "%ss are a vendor's own table, and come from there as they are: merge "
                         "them there",
                         j->object->name);
    if (memcmp(&j->in->keep, &j->in->other, sizeof j->in->keep) == 0)
        return error_set(err, "both ids are of the same %s", j->object->name);
    if (find_record(j, 0, err) != 0 || find_record(j, 1, err) != 0)
        return -1;
    const int64_t keys[] = {key_of(j, 0), key_of(j, 1)};
    return engine_of(j)->load_held(j->store, j->object, keys, 2, &j->held, &j->held_count,
                                   &j->arena, err);
}

/* ---- what stands against it ---- */

static bool is_live(const struct held_link *h, int64_t record)
{
    return h->link.record == record && h->link.ended == LINK_LIVE;
}

static int check_links(const struct joining *j, struct error *err)
{
    for (size_t a = 0; a < j->held_count; a++)
        for (size_t b = 0; b < j->held_count; b++) {
            const struct held_link *x = &j->held[a], *y = &j->held[b];
            if (!is_live(x, key_of(j, 0)) || !is_live(y, key_of(j, 1)) || x->stream != y->stream)
                continue;
            struct record_link link = stream_names_link(&j->names, x);
            return error_set(err,
                             "%.*s has both: its %.*s '%.*s' and '%.*s' are two records there. "
                             "Merge them there; the next sync then makes them one here, too",
                             STR_ARG(link.connection), STR_ARG(link.vendor_object),
                             STR_ARG(x->external_id), STR_ARG(y->external_id));
        }
    return 0;
}

/* What a write in doubt has made at the vendor is found by its record. */
static int check_writes(const struct joining *j, int64_t stream, enum write_state state,
                        struct arena *arena, struct error *err)
{
    struct export_write *rows;
    size_t count;
    if (engine_of(j)->load_writes(j->store, stream, state, 0, SIZE_MAX / 2, &rows, &count, arena,
                                  err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (rows[i].record == key_of(j, 0) || rows[i].record == key_of(j, 1))
            return error_set(err,
                             "it is not known yet what became of a write of one of them to a "
                             "vendor: sync that connection first; `fastenr writes list` tells");
    return 0;
}

struct open_conflict {
    const struct joining *j;
    int64_t id;
};

static bool note_conflict(void *arg, const struct conflict_row *row)
{
    struct open_conflict *o = arg;
    if (str_is(row->object, o->j->object->name))
        o->id = row->id;
    return o->id == 0;
}

/* Those of the record that is kept stay with it. */
static int check_conflicts(const struct joining *j, struct error *err)
{
    const struct conflict_filter filter = {.record = key_of(j, 1), .open_only = true};
    struct open_conflict open = {.j = j};
    if (engine_of(j)->each_conflict(j->store, &filter, note_conflict, &open, err) != 0)
        return -1;
    if (open.id == 0)
        return 0;
    return error_set(err,
                     "conflict %" PRId64 " of the second one waits for a decision: `fastenr "
                     "conflicts resolve %" PRId64 "` first",
                     open.id, open.id);
}

static int check(struct joining *j, struct error *err)
{
    int rc = check_links(j, err);
    for (size_t i = 0; i < j->names.count && rc == 0; i++) {
        struct arena arena = {0};
        int64_t stream = j->names.items[i].id;
        rc = check_writes(j, stream, WRITE_SENT, &arena, err);
        if (rc == 0)
            rc = check_writes(j, stream, WRITE_DOUBTED, &arena, err);
        arena_free(&arena);
    }
    return rc == 0 ? check_conflicts(j, err) : -1;
}

/* ---- which values ---- */

static bool is_empty(const struct value *value)
{
    return value->state == VALUE_NULL ||
           (value->state == VALUE_TEXT &&
            (value->text.len == 0 || str_is(value->text, "[]") || str_is(value->text, "null") ||
             str_is(value->text, "\"\"")));
}

static struct str name_of(const struct field *f, struct arena *arena)
{
    const char *name = f->rule.field.name;
    return str_from(f->rule.index < 0 ? arena_printf(arena, "custom_fields.%s", name) : name);
}

static const struct duplicate_choice *choice_of(const struct joining *j, const struct field *f)
{
    struct str name = name_of(f, &j->report->arena);
    for (size_t i = 0; i < j->in->choice_count; i++)
        if (str_eq(j->in->choices[i].field, name)) {
            j->in->choices[i].met = true;
            return &j->in->choices[i];
        }
    return NULL;
}

static int add_field(struct joining *j, struct rule rule, struct error *err)
{
    struct field f = {.rule = rule};
    if (field_of_record(&f.rule, &j->rows[0], j->custom[0], &j->arena, &f.keep) != 0 ||
        field_of_record(&f.rule, &j->rows[1], j->custom[1], &j->arena, &f.other) != 0)
        return error_set(err, "the field '%s' is larger than anything can be", rule.field.name);
    f.choice = choice_of(j, &f);
    f.takes_other = f.choice ? f.choice->other : is_empty(&f.keep) && !is_empty(&f.other);
    f.now = f.takes_other ? f.other : f.keep;
    if (rule.field.required && f.now.state == VALUE_NULL && f.keep.state != VALUE_NULL)
        return error_set(err, "%s is required, and the second one has none", rule.field.name);
    j->fields =
        arena_grow(&j->arena, j->fields, &j->field_cap, j->field_count + 1, sizeof j->fields[0]);
    j->fields[j->field_count++] = f;
    return 0;
}

struct listing {
    struct joining *j;
    const struct json *but; /* names that are listed already */
    int rc;
    struct error *err;
};

static bool add_custom(void *arg, struct str name, const struct json *value)
{
    struct listing *l = arg;
    int64_t id;
    (void)value;
    if (json_has(l->but, name))
        return true;
    l->rc =
        engine_of(l->j)->custom_field(l->j->store, l->j->object, name, &id, l->err) != 0 ? -1 : 0;
    if (l->rc == 0)
        l->rc = add_field(l->j,
                          (struct rule){.index = -1,
                                        .field = {.id = (uint16_t)id,
                                                  .name = arena_str(&l->j->arena, name).ptr,
                                                  .kind = KIND_TEXT}},
                          l->err);
    return l->rc == 0;
}

static int list_fields(struct joining *j, struct error *err)
{
    struct listing l = {.j = j, .err = err};
    for (size_t i = 0; i < j->in->choice_count; i++)
        j->in->choices[i].met = false;
    for (size_t i = 0; i < j->object->field_count; i++)
        if (add_field(j, (struct rule){.index = (int)i, .field = j->object->fields[i]}, err) != 0)
            return -1;
    json_each(j->custom[0], add_custom, &l);
    l.but = j->custom[0];
    if (l.rc == 0)
        json_each(j->custom[1], add_custom, &l);
    for (size_t i = 0; i < j->in->choice_count && l.rc == 0; i++)
        if (!j->in->choices[i].met)
            return error_set(err, "neither of them has the field '%.*s'",
                             STR_ARG(j->in->choices[i].field));
    return l.rc;
}

/* ---- a field that refers to a record of the same object ---- */

static bool refers_to_own(const struct joining *j, const struct field *f)
{
    return f->rule.index >= 0 && f->rule.field.kind == KIND_REFERENCE &&
           strcmp(f->rule.field.references, j->object->name) == 0;
}

/* Whether the chain that begins with `key` comes to one of the two: 1, 0, -1. */
static int leads_back(struct joining *j, int index, int64_t key, struct error *err)
{
    for (size_t i = 0; i < STEPS_MOST && key != 0; i++) {
        struct record_row row = {0};
        if (key == key_of(j, 0) || key == key_of(j, 1))
            return 1;
        if (engine_of(j)->load_records(j->store, j->object, &key, 1, &row, &j->arena, err) != 0)
            return -1;
        key = row.key != 0 && row.fields[index].state == VALUE_INTEGER ? row.fields[index].integer
                                                                       : 0;
    }
    return 0;
}

/* One may be the other's parent, or stand somewhere above it: the first of their parents that is
 * none of that kind is the parent of what is kept. */
static int choose_parent(struct joining *j, struct field *f, struct error *err)
{
    const struct value *order[] = {f->takes_other ? &f->other : &f->keep,
                                   f->takes_other ? &f->keep : &f->other};
    size_t most = f->choice ? 1 : 2;
    bool any = false;
    f->now = (struct value){.state = VALUE_NULL};
    for (size_t i = 0; i < most && f->now.state == VALUE_NULL; i++) {
        if (order[i]->state != VALUE_INTEGER)
            continue;
        int back = leads_back(j, f->rule.index, order[i]->integer, err);
        if (back < 0)
            return -1;
        any |= back == 1;
        if (back == 0)
            f->now = *order[i];
    }
    f->takes_other = f->now.state != VALUE_NULL && value_eq(&f->now, &f->other);
    if (any && f->now.state == VALUE_NULL)
        f->why = "it would lead back to the record itself";
    return 0;
}

static int decide(struct joining *j, struct error *err)
{
    if (list_fields(j, err) != 0)
        return -1;
    for (size_t i = 0; i < j->field_count; i++)
        if (refers_to_own(j, &j->fields[i]) && choose_parent(j, &j->fields[i], err) != 0)
            return -1;
    return 0;
}

/* ---- references that wait ---- */

static const struct pending_write *find_waiting(const struct pending_write *rows, size_t count,
                                                int64_t record, uint16_t field)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].row.record == record && rows[i].row.field == field)
            return &rows[i];
    return NULL;
}

/* From now on a field of a record waits for what `row` does; NULL: for nothing. */
static void set_waiting(struct joining *j, int64_t record, uint16_t field,
                        const struct pending_write *before, const struct pending_write *row)
{
    const struct pending_write none = {
        .row = {.object = j->object->id, .record = record, .field = field}};
    j->waited[j->waiting_count] = before ? *before : none;
    j->waiting[j->waiting_count] = row ? *row : none;
    j->waiting[j->waiting_count++].row.record = record;
}

static const struct pending_write *choose_waiting(const struct field *f,
                                                  const struct pending_write *keep,
                                                  const struct pending_write *other)
{
    bool empty = f->keep.state == VALUE_NULL && f->other.state == VALUE_NULL;
    if (f->choice || !empty)
        return f->takes_other ? other : keep;
    return keep ? keep : other;
}

/* What is kept waits for what the value would that it has. */
static int decide_waiting(struct joining *j, struct error *err)
{
    const int64_t keys[] = {key_of(j, 0), key_of(j, 1)};
    struct pending_write *rows;
    size_t count;
    if (engine_of(j)->load_waiting(j->store, j->object, keys, 2, &rows, &count, &j->arena, err) !=
        0)
        return -1;
    j->waiting = arena_new(&j->arena, count * 2, sizeof j->waiting[0]);
    j->waited = arena_new(&j->arena, count * 2, sizeof j->waited[0]);
    for (size_t i = 0; i < j->field_count && count > 0; i++) {
        const struct field *f = &j->fields[i];
        const struct pending_write *keep = find_waiting(rows, count, keys[0], f->rule.field.id),
                                   *other = find_waiting(rows, count, keys[1], f->rule.field.id),
                                   *now = choose_waiting(f, keep, other);
        if (now != keep)
            set_waiting(j, keys[0], f->rule.field.id, keep, now);
        if (other)
            set_waiting(j, keys[1], f->rule.field.id, other, NULL);
    }
    return 0;
}

/* ---- what is told ---- */

static void report_fields(struct joining *j)
{
    struct duplicates_report *r = j->report;
    for (size_t i = 0; i < j->field_count; i++) {
        const struct field *f = &j->fields[i];
        if (f->keep.state == VALUE_NULL && f->other.state == VALUE_NULL)
            continue;
        r->fields = arena_grow(&r->arena, r->fields, &r->field_cap, r->field_count + 1,
                               sizeof r->fields[0]);
        r->fields[r->field_count++] =
            (struct duplicate_field){.name = name_of(f, &r->arena),
                                     .keep = conflict_json(&f->rule, &f->keep, &r->arena),
                                     .other = conflict_json(&f->rule, &f->other, &r->arena),
                                     .now = conflict_json(&f->rule, &f->now, &r->arena),
                                     .why = f->why};
    }
}

static void report_links(struct joining *j)
{
    struct duplicates_report *r = j->report;
    r->links = arena_new(&r->arena, j->held_count, sizeof r->links[0]);
    for (size_t i = 0; i < j->held_count; i++) {
        if (j->held[i].link.record != key_of(j, 1))
            continue;
        struct record_link link = stream_names_link(&j->names, &j->held[i]);
        r->links[r->link_count++] =
            (struct record_link){.connection = arena_str(&r->arena, link.connection),
                                 .vendor_object = arena_str(&r->arena, link.vendor_object),
                                 .external_id = arena_str(&r->arena, link.external_id),
                                 .ended = link.ended};
    }
}

static void report_referrers(struct joining *j, const struct model_object *object, int field,
                             int64_t count)
{
    struct duplicates_report *r = j->report;
    if (count > 0 && r->referrer_count < DUPLICATE_REFERRERS)
        r->referrers[r->referrer_count++] = (struct duplicate_referrers){object, field, count};
}

/* ---- what refers ---- */

static int turn_some(struct joining *j, const struct model_object *object, int field,
                     const int64_t *keys, size_t count, int64_t *ret_turned, struct error *err)
{
    struct store_batch out = batch_of(j, object);
    struct arena arena = {0};
    const struct value now = {.state = VALUE_INTEGER, .integer = key_of(j, 0)};
    struct record_row *rows = arena_new(&arena, count, sizeof rows[0]);
    out.updates = arena_new(&arena, count, sizeof out.updates[0]);
    int rc = engine_of(j)->load_records(j->store, object, keys, count, rows, &arena, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        bool own = object == j->object && (keys[i] == key_of(j, 0) || keys[i] == key_of(j, 1));
        /* Else it has been changed in between. */
        if (!own && rows[i].key != 0 && rows[i].fields[field].state == VALUE_INTEGER &&
            rows[i].fields[field].integer == key_of(j, 1))
            reference_turn(&out, field, &rows[i], now, &arena);
    }
    if (rc == 0 && out.update_count > 0)
        rc = engine_of(j)->apply(j->store, &out, err);
    *ret_turned += (int64_t)out.update_count;
    arena_free(&arena);
    return rc;
}

static int turn_field(struct joining *j, const struct model_object *object, int field,
                      struct error *err)
{
    struct arena arena = {0};
    int64_t other = key_of(j, 1), *keys, turned = 0;
    size_t count;
    int rc = engine_of(j)->load_referring(j->store, object, field, &other, 1, &keys, &count, &arena,
                                          err);
    for (size_t from = 0; rc == 0 && from < count; from += REFERRERS_AT_ONCE) {
        size_t n = count - from < REFERRERS_AT_ONCE ? count - from : REFERRERS_AT_ONCE;
        rc = turn_some(j, object, field, &keys[from], n, &turned, err);
    }
    report_referrers(j, object, field, turned);
    arena_free(&arena);
    return rc;
}

static int count_field(struct joining *j, const struct model_object *object, int field,
                       struct error *err)
{
    int64_t other = key_of(j, 1), count = 0;
    if (engine_of(j)->count_referrers(j->store, object, field, &other, 1, &count, err) != 0)
        return -1;
    bool own = object == j->object && j->rows[0].fields[field].state == VALUE_INTEGER &&
               j->rows[0].fields[field].integer == other;
    report_referrers(j, object, field, count - own);
    return 0;
}

static int turn_references(struct joining *j, struct error *err)
{
    for (size_t i = 0; i < model_object_count; i++)
        for (size_t k = 0; k < model_objects[i].field_count; k++) {
            const struct model_field *field = &model_objects[i].fields[k];
            if (field->kind == KIND_REFERENCE && strcmp(field->references, j->object->name) == 0 &&
                (j->in->plan ? count_field : turn_field)(j, &model_objects[i], (int)k, err) != 0)
                return -1;
        }
    return 0;
}

/* ---- the record that is kept ---- */

static int edit_custom(struct joining *j, struct json_writer *w, struct record_update *update,
                       struct error *err)
{
    struct custom_change *changes = arena_new(&j->arena, j->field_count, sizeof changes[0]);
    struct record_row *row = update->row;
    struct str text;
    size_t n = 0;
    for (size_t i = 0; i < j->field_count; i++) {
        const struct field *f = &j->fields[i];
        struct str json = f->now.state == VALUE_TEXT ? f->now.text : STR("");
        if (f->rule.index < 0 && !value_eq(&f->keep, &f->now))
            changes[n++] = (struct custom_change){.name = f->rule.field.name, .json = json};
    }
    if (n == 0)
        return 0;
    if (!custom_edit(j->custom[0], changes, n, &j->arena, &text))
        return error_set(err, "the custom fields of both are larger than %d MiB", CUSTOM_MAX >> 20);
    log_custom(w, row->custom, text);
    row->custom = text;
    update->custom_changed = true;
    return 0;
}

static int change_fields(struct joining *j, struct record_update *update, struct error *err)
{
    struct buf body = BUF_INIT(LOG_BODY_MAX);
    struct json_writer w = {.out = &body};
    struct record_row *row = update->row;
    json_open(&w, '{');
    for (size_t i = 0; i < j->field_count; i++) {
        const struct field *f = &j->fields[i];
        if (f->rule.index < 0 || value_eq(&f->keep, &f->now))
            continue;
        log_pair(&w, f->rule.field.name, f->rule.field.kind, &f->keep, &f->now);
        row->fields[f->rule.index] = f->now;
        update->changed |= UINT64_C(1) << f->rule.index;
    }
    int rc = edit_custom(j, &w, update, err);
    json_close(&w, '}');
    if (rc == 0 && body.full)
        rc = error_set(err, "the change is larger than %d MiB", LOG_BODY_MAX >> 20);
    update->body = arena_str(&j->arena, buf_view(&body));
    row->updated_at = j->now_us;
    buf_free(&body);
    return rc;
}

/* ---- links ---- */

static struct moved_link *move_links(struct joining *j, struct str left, struct store_batch *out)
{
    struct moved_link *moved = arena_new(&j->arena, j->held_count, sizeof moved[0]);
    out->link_ends = arena_new(&j->arena, j->held_count, sizeof out->link_ends[0]);
    for (size_t i = 0; i < j->held_count; i++) {
        const struct held_link *h = &j->held[i];
        if (h->link.record != key_of(j, 1))
            continue;
        moved[out->link_end_count] = (struct moved_link){.from = key_of(j, 1),
                                                         .to = key_of(j, 0),
                                                         .seen_remote = h->link.seen_remote,
                                                         .seen_local = h->link.seen_local,
                                                         .base = h->link.base,
                                                         .left = left,
                                                         .now = *h};
        out->link_ends[out->link_end_count++] = (struct link_end){.key = h->link.key,
                                                                  .stream = h->stream,
                                                                  .record = key_of(j, 0),
                                                                  .ended = h->link.ended};
    }
    return moved;
}

int duplicates_unread(struct store *store, int64_t stream, int64_t record, struct arena *arena,
                      bool *ret_unread, struct error *err)
{
    struct export_due *due;
    if (export_find_due(store, stream, record, arena, &due, err) != 0)
        return -1;
    *ret_unread = due && due->unread;
    return 0;
}

/* The vendors that have the links get what is kept, also where nothing of it has changed. */
static int queue_exports(struct joining *j, struct error *err)
{
    const struct store_engine *e = engine_of(j);
    for (size_t i = 0; i < j->held_count; i++) {
        const struct held_link *h = &j->held[i];
        int64_t keep = key_of(j, 0), other = key_of(j, 1);
        bool unread;
        if (h->link.record != other)
            continue;
        if (duplicates_unread(j->store, h->stream, other, &j->arena, &unread, err) != 0 ||
            e->drop_exports(j->store, h->stream, &other, 1, err) != 0 ||
            e->forget_refused(j->store, h->stream, &other, 1, err) != 0)
            return -1;
        if (unread && e->queue_unread(j->store, h->stream, &keep, 1, err) != 0)
            return -1;
        if (!unread && h->link.ended == LINK_LIVE && h->link.seen_local.len > 0 &&
            e->queue_exports(j->store, h->stream, &keep, 1, err) != 0)
            return -1;
    }
    return 0;
}

static int write_kept(struct joining *j, struct error *err)
{
    struct store_batch out = batch_of(j, j->object);
    struct record_update update = {.row = &j->rows[0]};
    struct str left;
    if (change_fields(j, &update, err) != 0 ||
        duplicates_shadow(j->store, j->object, update.row, &j->arena, &left, err) != 0)
        return -1;
    struct moved_link *moved = move_links(j, left, &out);
    out.updates = &update;
    out.update_count = update.changed != 0 || update.custom_changed;
    out.pending = j->waiting;
    out.pending_count = j->waiting_count;
    if (engine_of(j)->apply(j->store, &out, err) != 0 ||
        engine_of(j)->add_moved(j->store, j->run, moved, out.link_end_count, j->waited,
                                j->waiting_count, err) != 0)
        return -1;
    return queue_exports(j, err);
}

/* ---- the other one ---- */

/* Its row of the log says what became of it. */
static int end_other(struct joining *j, struct error *err)
{
    struct store_batch out = batch_of(j, j->object);
    char id[UUID_TEXT];
    struct record_end end = {
        .row = &j->rows[1],
        .body = str_from(arena_printf(&j->arena, "{\"" LOG_MERGED_INTO "\":[null,\"%s\"]}",
                                      uuid_format(&j->rows[0].id, id)))};
    j->rows[1].deleted_at = j->rows[1].updated_at = j->now_us;
    out.ends = &end;
    out.end_count = 1;
    return engine_of(j)->apply(j->store, &out, err);
}

/* ---- the run ---- */

static int begin_run(struct joining *j, struct error *err)
{
    if (engine_of(j)->run_start(j->store, 0, j->in->by, &j->run, err) != 0)
        return -1;
    j->report->run = j->run;
    return engine_of(j)->run_kind(j->store, j->run, RUN_OF_MERGE, err);
}

static int end_run(struct joining *j, struct error *err)
{
    char keep[UUID_TEXT], other[UUID_TEXT], reason[REASON_MAX];
    snprintf(reason, sizeof reason, "%s %s was merged into %s", j->object->name,
             uuid_format(&j->rows[1].id, other), uuid_format(&j->rows[0].id, keep));
    const struct run_row row = {.id = j->run,
                                .ended_at = world_now(j->in->host->world),
                                .status = RUN_OK,
                                .reason = str_from(reason),
                                .exit_signal = -1,
                                .exit_code = -1};
    return engine_of(j)->run_end(j->store, &row, err);
}

/* The other one's end is the last row of the run, so that a rollback begins with it. */
static int write_all(struct joining *j, struct error *err)
{
    if (begin_run(j, err) != 0 || write_kept(j, err) != 0 || turn_references(j, err) != 0 ||
        end_other(j, err) != 0)
        return -1;
    return end_run(j, err);
}

static int join(void *arg, struct error *err)
{
    struct joining *j = arg;
    if (engine_of(j)->organization(j->store, &j->in->host->organization, &j->organization, err) !=
            0 ||
        lease(j, err) != 0 || stream_names_load(&j->names, j->store, &j->arena, err) != 0 ||
        find_records(j, err) != 0 || check(j, err) != 0 || decide(j, err) != 0 ||
        decide_waiting(j, err) != 0)
        return -1;
    report_fields(j);
    report_links(j);
    return j->in->plan ? turn_references(j, err) : write_all(j, err);
}

static int plan(struct joining *j, struct error *err)
{
    if (engine_of(j)->begin(j->store, err) != 0)
        return -1;
    int rc = join(j, err);
    engine_of(j)->rollback(j->store);
    return rc;
}

int duplicates_merge(const struct duplicates_request *request, struct duplicates_report *ret_report,
                     struct error *err)
{
    struct joining j = {.in = request,
                        .report = ret_report,
                        .store = request->host->store,
                        .object = request->object,
                        .now_us = world_now(request->host->world)};
    *ret_report = (struct duplicates_report){0};
    int rc = request->plan ? plan(&j, err) : store_transact(j.store, join, &j, err);
    leases_free(&j.leases);
    json_free(j.custom[0]);
    json_free(j.custom[1]);
    arena_free(&j.arena);
    return rc;
}
