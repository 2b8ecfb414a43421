/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run changed here is taken back, latest rows first, so that what refers goes before what is
 * referred to. A field that has the value the run gave it gets the one before; the links of the
 * connection hold that as agreed on (seen_local), so that it is not written to the vendor. What the
 * run made ends, where nobody has changed it or needs it; its link rests until the vendor's record
 * moves (LINK_ROLLED_BACK).
 */
#include "base/time.h"
#include "sync/conflict.h"
#include "sync/custom.h"
#include "sync/link_base.h"
#include "sync/merge_internal.h"
#include "sync/pause.h"
#include "sync/rollback_internal.h"

enum { PORTION = 5000 }; /* rows of the log in a transaction */

/* Links of the records that change, by record. */
struct held_list {
    struct held_link *rows;
    size_t count;
};

struct portion {
    struct rollback *r;
    int64_t before; /* rows of the log before this one */
    size_t rows;
    struct past *pasts;
    size_t count;
    struct held_list *held; /* of each object of the model */
    struct moves moves;
    struct store_batch out;
    size_t pending_cap;
    struct arena arena;
};

/* ---- values ---- */

static struct rule rule_of(const struct past *p, const struct past_field *f, struct arena *arena)
{
    if (f->custom)
        return (struct rule){.index = -1,
                             .field = {.name = arena_str(arena, f->name).ptr, .kind = KIND_TEXT}};
    return (struct rule){.index = f->index, .field = p->object->fields[f->index]};
}

static int current_of(const struct past *p, const struct past_field *f, struct arena *arena,
                      struct value *ret_value)
{
    const struct rule rule = rule_of(p, f, arena);
    return field_of_record(&rule, p->row, p->custom, arena, ret_value);
}

/* A value of the log. -1: it is none of the field any more. */
static int logged(const struct past *p, const struct past_field *f, struct str json,
                  struct arena *arena, struct value *ret_value)
{
    const struct rule rule = rule_of(p, f, arena);
    return conflict_value(&rule, json, arena, ret_value, NULL);
}

static bool is_now(const struct past *p, const struct past_field *f, struct str json,
                   struct arena *arena)
{
    struct value now, then;
    return current_of(p, f, arena, &now) == 0 && logged(p, f, json, arena, &then) == 0 &&
           value_eq(&now, &then);
}

/* ---- who has changed it since ---- */

static const char *say_since(const struct log_row *row, const char *what, struct arena *arena)
{
    char when[TIME_TEXT];
    if (!row)
        return arena_printf(arena, "%s since", what);
    if (row->run == 0)
        return arena_printf(arena, "%s by another program at %s", what, time_format(row->at, when));
    return arena_printf(arena, "%s by run %lld at %s", what, (long long)row->run,
                        time_format(row->at, when));
}

/* Whether others have changed a field of what the run made, or let live again; what is as it was
 * before the run, or as the run left it, is not. */
static bool is_touched(const struct past *p, const struct past_field *f, struct arena *arena)
{
    if (!f->since || (!f->custom && f->index < 0) || is_now(p, f, f->expected, arena))
        return false;
    return !f->by_run || !is_now(p, f, f->before, arena);
}

/* The row by which somebody else has changed the record; NULL: it is as the run left it. */
static const struct log_row *touched_by(const struct past *p, struct arena *arena)
{
    for (size_t i = 0; i < p->field_count && !p->lost_by; i++)
        if (is_touched(p, &p->fields[i], arena))
            return p->fields[i].since;
    return p->lost_by;
}

/* ---- what is told ---- */

static struct str now_of(struct portion *o, const struct past *p, const struct past_field *f)
{
    struct value now;
    if ((!f->custom && f->index < 0) || current_of(p, f, &o->arena, &now) != 0)
        return f->after;
    const struct rule rule = rule_of(p, f, &o->arena);
    return conflict_json(&rule, &now, &o->arena);
}

static const struct model_object *referred(const struct past *p, const struct past_field *f)
{
    bool refers = f->index >= 0 && p->object->fields[f->index].kind == KIND_REFERENCE;
    return refers ? model_object(str_from(p->object->fields[f->index].references)) : NULL;
}

static void tell(struct portion *o, const struct past *p, const struct past_field *f,
                 enum rollback_verdict verdict, enum rollback_act act, const char *why)
{
    char id[UUID_TEXT] = "";
    if (p->row->key != 0)
        uuid_format(&p->row->id, id);
    struct rollback_item item = {.verdict = verdict,
                                 .act = act,
                                 .object = str_from(p->object->name),
                                 .record = str_from(id),
                                 .why = str_from(why)};
    if (f) {
        item.field = f->custom
                         ? str_from(arena_printf(&o->arena, "custom_fields.%.*s", STR_ARG(f->name)))
                         : f->name;
        item.from = verdict == ROLLBACK_DONE ? f->after : now_of(o, p, f);
        item.refers = referred(p, f);
        item.to = f->before;
    }
    rollback_tell(o->r, &item);
}

/* ---- deciding ---- */

static void decide_field(struct portion *o, const struct past *p, struct past_field *f)
{
    struct value before;
    if (!f->by_run || !rollback_wants_field(o->r, f->custom, f->name))
        return;
    if (!f->custom && f->index < 0)
        f->left = "this fastenr does not know the field";
    else if (logged(p, f, f->before, &o->arena, &before) != 0)
        f->left = "the value before is none of the field any more";
    else if (is_now(p, f, f->before, &o->arena))
        return; /* done */
    else if (!is_now(p, f, f->after, &o->arena))
        f->left = say_since(f->since, "changed", &o->arena);
    else if (p->row->deleted_at != 0 && !p->revives && !(p->lifes && !p->lived))
        f->left = say_since(p->life_by, "the record was deleted", &o->arena);
    else
        f->restores = true;
}

static void decide_life(struct portion *o, struct past *p)
{
    bool lives = p->row->deleted_at == 0 && !rollback_is_undone(o->r, p->object, p->key, NULL);
    if (!p->lifes || o->r->in->field.len > 0)
        return;
    const struct log_row *by = lives && !p->lived ? touched_by(p, &o->arena) : NULL;
    if (by)
        p->left = say_since(by, "changed", &o->arena);
    else if (lives != p->left_alive && lives != p->lived)
        p->left = say_since(p->life_by, lives ? "let live again" : "deleted", &o->arena);
    p->ends = !p->lived && lives && !p->left;
    p->revives = p->lived && !lives && !p->left;
}

static void decide(struct portion *o, struct past *p)
{
    if (p->row->key == 0)
        p->left = p->made ? NULL : "another program has deleted it";
    else if (p->pruned)
        p->left = "the log has lost what was changed of it";
    if (p->row->key == 0 || p->pruned)
        return;
    decide_life(o, p);
    for (size_t i = 0; i < p->field_count && !p->made && !o->r->only_ends; i++)
        decide_field(o, p, &p->fields[i]);
}

/* ---- records that are referred to, and links ---- */

/* What a reference would mean again is there no more. */
static int check_reference(struct portion *o, struct past *p, struct past_field *f,
                           struct error *err)
{
    const struct model_field *field =
        f->restores && !f->custom ? &p->object->fields[f->index] : NULL;
    const struct model_object *to =
        field && field->kind == KIND_REFERENCE ? model_object(str_from(field->references)) : NULL;
    struct record_row row = {0};
    struct value before;
    if (!to || logged(p, f, f->before, &o->arena, &before) != 0 || before.state == VALUE_NULL)
        return 0;
    if (rollback_engine(o->r)->load_records(o->r->store, to, &before.integer, 1, &row, &o->arena,
                                            err) != 0)
        return -1;
    if (row.key != 0)
        return 0;
    f->restores = false;
    f->left = "the record that it referred to is gone";
    return 0;
}

static int check_references(struct portion *o, struct past *p, struct error *err)
{
    for (size_t i = 0; i < p->field_count; i++) {
        if (check_reference(o, p, &p->fields[i], err) != 0)
            return -1;
        p->restored += p->fields[i].restores;
    }
    return 0;
}

static const struct held_list *held_list(const struct portion *o, const struct past *p)
{
    return &o->held[p->object - model_objects];
}

static size_t first_held(const struct held_list *held, int64_t record)
{
    size_t low = 0, high = held->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (held->rows[middle].link.record < record)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The i-th link of a record; NULL after the last. */
static const struct held_link *held_of(const struct portion *o, const struct past *p, size_t i)
{
    const struct held_list *held = held_list(o, p);
    size_t at = first_held(held, p->key) + i;
    return at < held->count && held->rows[at].link.record == p->key ? &held->rows[at] : NULL;
}

static bool changes(const struct past *p)
{
    return p->ends || p->revives || p->restored > 0;
}

/* Where the records of the next object begin. */
static size_t next_object(const struct portion *o, size_t first)
{
    size_t last = first;
    while (last < o->count && o->pasts[last].object == o->pasts[first].object)
        last++;
    return last;
}

static int load_held(struct portion *o, size_t first, size_t last, struct error *err)
{
    struct held_list *held = &o->held[o->pasts[first].object - model_objects];
    int64_t *keys = arena_new(&o->arena, last - first, sizeof keys[0]);
    size_t n = 0;
    for (size_t i = first; i < last; i++)
        if (changes(&o->pasts[i]))
            keys[n++] = o->pasts[i].key;
    return rollback_engine(o->r)->load_held(o->r->store, o->pasts[first].object, keys, n,
                                            &held->rows, &held->count, &o->arena, err);
}

/* Another connection has come to have what the run made. */
static void leave_shared(struct portion *o)
{
    const struct held_link *h;
    for (size_t i = 0; i < o->count; i++)
        for (size_t j = 0; (h = held_of(o, &o->pasts[i], j)) != NULL; j++) {
            struct past *p = &o->pasts[i];
            if (!p->ends || h->connection == o->r->connection || h->link.ended != LINK_LIVE ||
                rollback_moves_away(&o->moves, p, h->link.key))
                continue;
            p->ends = false;
            p->left = "another connection has it, too";
        }
}

/* ---- writing ---- */

/* Whether all of them are as the run left them, and go back. */
static bool is_whole(struct portion *o, const struct past *p)
{
    struct buf now = BUF_INIT(CUSTOM_MAX);
    if (o->r->in->field.len > 0 || !p->custom_after.ptr)
        return false;
    p->custom ? json_write(&now, p->custom) : buf_text(&now, "null");
    bool whole = str_eq(buf_view(&now), p->custom_after);
    buf_free(&now);
    return whole;
}

static int edit_custom(struct portion *o, struct past *p, struct str *ret_text, struct error *err)
{
    struct custom_change *changes = arena_new(&o->arena, p->field_count, sizeof changes[0]);
    size_t n = 0;
    *ret_text = str_is(p->custom_before, "null") ? STR("") : p->custom_before;
    if (is_whole(o, p))
        return 0;
    for (size_t i = 0; i < p->field_count; i++) {
        const struct past_field *f = &p->fields[i];
        if (f->custom && f->restores)
            changes[n++] =
                (struct custom_change){.name = arena_str(&o->arena, f->name).ptr,
                                       .json = str_is(f->before, "null") ? STR("") : f->before};
    }
    if (custom_edit(p->custom, changes, n, &o->arena, ret_text))
        return 0;
    return error_set(err, "the custom fields of a record are larger than %d MiB", CUSTOM_MAX >> 20);
}

/* A reference that waits for a record is not to change what was taken back. */
static void forget_pending(struct portion *o, const struct past *p, const struct model_field *field)
{
    o->out.pending = arena_grow(&o->arena, o->out.pending, &o->pending_cap,
                                o->out.pending_count + 1, sizeof o->out.pending[0]);
    o->out.pending[o->out.pending_count++] = (struct pending_write){
        .row = {.object = p->object->id, .record = p->key, .field = field->id}};
}

static void restore_field(struct portion *o, struct past *p, struct past_field *f,
                          struct record_update *update, struct json_writer *w)
{
    const struct model_field *field = &p->object->fields[f->index];
    struct value before;
    logged(p, f, f->before, &o->arena, &before); /* as it did before */
    log_pair(w, field->name, field->kind, &p->row->fields[f->index], &before);
    p->row->fields[f->index] = before;
    update->changed |= UINT64_C(1) << f->index;
    if (field->kind == KIND_REFERENCE)
        forget_pending(o, p, field);
}

static int restore_fields(struct portion *o, struct past *p, struct error *err)
{
    struct buf body = BUF_INIT(LOG_BODY_MAX);
    struct json_writer w = {.out = &body};
    struct record_update *update = &o->out.updates[o->out.update_count++];
    *update = (struct record_update){.row = p->row};
    json_open(&w, '{');
    for (size_t i = 0; i < p->field_count; i++) {
        struct past_field *f = &p->fields[i];
        update->custom_changed |= f->restores && f->custom;
        if (f->restores && !f->custom)
            restore_field(o, p, f, update, &w);
    }
    struct str custom = STR("");
    int rc = update->custom_changed ? edit_custom(o, p, &custom, err) : 0;
    if (update->custom_changed) {
        log_custom(&w, p->row->custom, custom);
        p->row->custom = custom;
    }
    json_close(&w, '}');
    update->body = arena_str(&o->arena, buf_view(&body));
    p->row->updated_at = o->out.now_us;
    if (rc == 0 && body.full)
        rc = error_set(err, "a change is larger than %d MiB", LOG_BODY_MAX >> 20);
    buf_free(&body);
    return rc;
}

/* ---- links ---- */

static int field_id(struct portion *o, const struct past *p, const struct past_field *f,
                    uint16_t *ret_id, struct error *err)
{
    int64_t id = 0;
    if (!f->custom)
        id = p->object->fields[f->index].id;
    else if (rollback_engine(o->r)->custom_field(o->r->store, p->object, f->name, &id, err) != 0)
        return -1;
    *ret_id = (uint16_t)id;
    return 0;
}

/* The rule of the field, where the connection's mapping keeps a base of it; else NULL. */
static const struct rule *base_rule(const struct portion *o, int64_t stream, uint16_t id)
{
    const struct rollback *r = o->r;
    for (size_t i = 0; r->in->setup && i < r->in->setup->object_count; i++) {
        const struct mapping *m = &r->in->setup->objects[i].mapping;
        for (size_t j = 0; j < m->rule_count && r->streams[i] == stream; j++)
            if (m->rules[j].field.id == id)
                return rule_keeps_base(&m->rules[j]) ? &m->rules[j] : NULL;
    }
    return NULL;
}

/* What was taken back is as agreed on, so that it is not written to the vendor. */
static int agree(struct portion *o, const struct past *p, const struct held_link *h,
                 struct error *err)
{
    struct str seen = h->link.seen_local, base = h->link.base;
    bool any = false;
    for (size_t i = 0; i < p->field_count; i++) {
        const struct past_field *f = &p->fields[i];
        struct value value;
        uint64_t old;
        uint16_t id;
        if (!f->restores)
            continue;
        if (field_id(o, p, f, &id, err) != 0)
            return -1;
        if (!shadow_find(seen, id, &old) || logged(p, f, f->before, &o->arena, &value) != 0)
            continue;
        struct link_base_entry entry = {.id = id,
                                        .hash = rule_hash(store_hash_key(o->r->store), &value)};
        const struct rule *rule = base_rule(o, h->stream, id);
        seen = shadow_set(seen, id, entry.hash, &o->arena);
        if (rule) {
            entry.json = link_base_json(rule, &value, &o->arena);
            base = link_base_set(base, &entry, &o->arena);
        }
        any = true;
    }
    if (any)
        o->out.links[o->out.link_count++] = (struct link_write){.key = h->link.key,
                                                                .stream = h->stream,
                                                                .record = p->key,
                                                                .external_id = h->external_id,
                                                                .seen_remote = h->link.seen_remote,
                                                                .seen_local = seen,
                                                                .base = base};
    return 0;
}

static int write_links(struct portion *o, const struct past *p, struct error *err)
{
    const struct held_link *h;
    for (size_t i = 0; (h = held_of(o, p, i)) != NULL; i++) {
        bool ends = p->ends && h->link.ended == LINK_LIVE;
        bool revives = p->revives && h->link.ended == LINK_ROLLED_BACK;
        if (h->connection != o->r->connection)
            continue;
        if (p->restored > 0 && h->link.seen_local.len > 0 && agree(o, p, h, err) != 0)
            return -1;
        if (ends || revives)
            o->out.link_ends[o->out.link_end_count++] =
                (struct link_end){.key = h->link.key,
                                  .stream = h->stream,
                                  .record = p->key,
                                  .ended = ends ? LINK_ROLLED_BACK : LINK_LIVE};
    }
    return 0;
}

/* ---- a portion ---- */

static int write_record(struct portion *o, struct past *p, struct error *err)
{
    if (write_links(o, p, err) != 0)
        return -1;
    if (p->ends || p->revives) {
        p->row->updated_at = o->out.now_us;
        p->row->deleted_at = p->ends ? o->out.now_us : 0;
        o->out.ends[o->out.end_count++] = (struct record_end){.row = p->row};
    }
    return p->restored > 0 ? restore_fields(o, p, err) : 0;
}

static int write_object(struct portion *o, size_t first, size_t last, struct error *err)
{
    size_t n = last - first, links = held_list(o, &o->pasts[first])->count;
    o->out = (struct store_batch){.object = o->pasts[first].object,
                                  .organization = o->r->organization,
                                  .run = o->r->run,
                                  .now_us = world_now(o->r->in->host->world)};
    o->out.ends = arena_new(&o->arena, n, sizeof o->out.ends[0]);
    o->out.updates = arena_new(&o->arena, n, sizeof o->out.updates[0]);
    o->out.links = arena_new(&o->arena, links, sizeof o->out.links[0]);
    o->out.link_ends = arena_new(&o->arena, links, sizeof o->out.link_ends[0]);
    o->pending_cap = 0;
    for (size_t i = first; i < last; i++)
        if (changes(&o->pasts[i]) && write_record(o, &o->pasts[i], err) != 0)
            return -1;
    return rollback_engine(o->r)->apply(o->r->store, &o->out, err);
}

static int write_objects(struct portion *o, struct error *err)
{
    for (size_t first = 0, last; first < o->count && !o->r->in->plan; first = last) {
        last = next_object(o, first);
        if (write_object(o, first, last, err) != 0)
            return -1;
    }
    return o->r->in->plan ? 0 : rollback_write_moves(o->r, &o->moves, &o->arena, err);
}

static int decide_all(struct portion *o, struct error *err)
{
    o->held = arena_new(&o->arena, model_object_count, sizeof o->held[0]);
    for (size_t i = 0; i < o->count; i++) {
        decide(o, &o->pasts[i]);
        if (check_references(o, &o->pasts[i], err) != 0)
            return -1;
    }
    for (size_t first = 0, last; first < o->count; first = last) {
        last = next_object(o, first);
        if (load_held(o, first, last, err) != 0)
            return -1;
    }
    if (!o->r->in->setup &&
        rollback_decide_moves(o->r, o->pasts, o->count, &o->moves, &o->arena, err) != 0)
        return -1;
    leave_shared(o);
    return rollback_find_referrers(o->r, o->pasts, o->count, &o->arena, err);
}

static int work_portion(void *arg, struct error *err)
{
    struct portion *o = arg;
    struct rollback *r = o->r;
    struct log_row *rows;
    int paused = pause_check(r->store, r->of.connection.ptr, err);
    if (paused != 0)
        return -1;
    if (rollback_engine(r)->load_run_log(r->store, r->of.id, &r->span, o->before, PORTION, &rows,
                                         &o->rows, &o->arena, err) != 0 ||
        rollback_load_past(r, rows, o->rows, &o->pasts, &o->count, &o->arena, err) != 0)
        return -1;
    o->before = o->rows > 0 ? rows[o->rows - 1].position.seq : 0;
    return decide_all(o, err) != 0 ? -1 : write_objects(o, err);
}

/* ---- what came of it ---- */

static void report_life(struct portion *o, const struct past *p)
{
    struct rollback *r = o->r;
    enum rollback_act act = p->lived ? ROLLBACK_REVIVE : ROLLBACK_END;
    bool again = r->only_ends && !p->ends && !(p->held && r->last_pass);
    r->ended += p->ends;
    r->held += p->held != NULL;
    if (again) /* it was told before, or is not over yet */
        return;
    if (p->ends || p->revives)
        tell(o, p, NULL, ROLLBACK_DONE, act, "");
    else if (p->left)
        tell(o, p, NULL, ROLLBACK_LEFT, p->lifes ? act : ROLLBACK_CHANGE, p->left);
    else if (p->held && r->last_pass)
        tell(o, p, NULL, ROLLBACK_LEFT, act, p->held);
    if (p->ends)
        rollback_note_undone(r, p->object, p->key, NULL);
}

static void report_field(struct portion *o, const struct past *p, const struct past_field *f)
{
    if (f->restores)
        tell(o, p, f, ROLLBACK_DONE, ROLLBACK_CHANGE, "");
    else if (f->left)
        tell(o, p, f, ROLLBACK_LEFT, ROLLBACK_CHANGE, f->left);
    if (f->restores && !f->custom)
        rollback_note_undone(o->r, p->object, p->key, &p->object->fields[f->index]);
}

static void count_record(struct rollback *r, const struct past *p)
{
    struct rollback_total *t = rollback_total(r, false, str_from(p->object->name));
    struct run_counts *counts = rollback_counts(r, p->object);
    t->ended += p->ends;
    t->revived += p->revives;
    t->changed += p->restored > 0;
    counts->deleted += p->ends;
    counts->restored += p->revives;
    counts->updated += p->restored > 0 && !p->ends && !p->revives;
}

static void report(struct portion *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct past *p = &o->pasts[i];
        report_life(o, p);
        for (size_t j = 0; j < p->field_count; j++)
            report_field(o, p, &p->fields[j]);
        if (changes(p))
            count_record(o->r, p);
    }
    rollback_report_moves(o->r, &o->moves, &o->arena);
}

static void end_portion(struct portion *o)
{
    for (size_t i = 0; i < o->count; i++)
        json_free(o->pasts[i].custom);
    arena_free(&o->arena);
    o->moves = (struct moves){0};
    o->count = 0;
}

static int run_portion(struct portion *o, struct error *err)
{
    struct rollback *r = o->r;
    int rc = r->in->plan ? work_portion(o, err) : store_transact(r->store, work_portion, o, err);
    if (rc != 0)
        return -1;
    report(o);
    r->done += r->only_ends ? 0 : (int64_t)o->rows;
    if (r->events->progress)
        r->events->progress(r->arg, r->done, r->span.rows + r->span.sent);
    return 0;
}

/* All of the run's rows once. */
static int run_pass(struct rollback *r, struct error *err)
{
    struct portion o = {.r = r, .before = r->span.last + 1};
    int rc = 0;
    r->ended = r->held = 0;
    do {
        rc = run_portion(&o, err);
        end_portion(&o);
    } while (rc == 0 && o.rows > 0 && !rollback_cancelled(r));
    return rc;
}

int rollback_local(struct rollback *r, struct error *err)
{
    if (r->span.rows == 0)
        return 0;
    int rc = run_pass(r, err);
    while (rc == 0 && r->held > 0 && !r->last_pass && !rollback_cancelled(r)) {
        r->last_pass = r->only_ends && r->ended == 0;
        r->only_ends = true;
        rc = run_pass(r, err);
    }
    return rc;
}
