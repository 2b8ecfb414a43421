/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sync/plan_file.h"

enum { LINE_MAX = 256 * 1024 * 1024 };

static const char *const side_names[] = {[PLAN_HERE] = "here", [PLAN_THERE] = "there"};
static const char *const op_names[] = {
    [PLAN_CREATE] = "create",        [PLAN_UPDATE] = "update", [PLAN_LINK] = "link",
    [PLAN_RESTORE] = "restore",      [PLAN_DELETE] = "delete", [PLAN_ASSOCIATE] = "associate",
    [PLAN_DISSOCIATE] = "dissociate"};

const char *plan_side_name(enum plan_side side)
{
    return side_names[side];
}

const char *plan_op_name(enum plan_op op)
{
    return op_names[op];
}

/* ---- notes ---- */

struct plan_note *plan_add(struct plan_notes *n, const struct plan_note *note)
{
    struct arena *a = &n->arena;
    n->items = arena_grow(a, n->items, &n->cap, n->count + 1, sizeof n->items[0]);
    struct plan_note *copy = &n->items[n->count++];
    *copy = *note;
    copy->external_id = arena_str(a, note->external_id);
    copy->record_id = arena_str(a, note->record_id);
    copy->look = arena_str(a, note->look);
    copy->why = arena_str(a, note->why);
    copy->fields = arena_str(a, note->fields);
    copy->shown = arena_str(a, note->shown);
    return copy;
}

void plan_add_due(struct plan_notes *n, struct str external_id)
{
    n->due = arena_grow(&n->arena, n->due, &n->due_cap, n->due_count + 1, sizeof n->due[0]);
    n->due[n->due_count++] = arena_str(&n->arena, external_id);
}

void plan_forget(struct plan_notes *n)
{
    arena_free(&n->arena);
    *n = (struct plan_notes){0};
}

struct str plan_unit(const struct plan_note *note)
{
    if (note->look.len > 0)
        return note->look;
    bool there = note->side == PLAN_THERE && note->record_id.len > 0;
    return there ? note->record_id : note->external_id;
}

static void put_text(struct json_writer *w, const char *name, struct str text)
{
    if (text.len == 0)
        return;
    json_key(w, name);
    json_put_str(w, text);
}

struct str plan_line(const struct plan_note *note, struct str object, struct arena *arena)
{
    struct buf text = BUF_INIT(LINE_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    put_text(&w, "object", object);
    put_text(&w, "side", str_from(side_names[note->side]));
    put_text(&w, "op", str_from(op_names[note->op]));
    put_text(&w, "unit", note->look);
    put_text(&w, "model", str_from(note->model->name));
    put_text(&w, "id", note->external_id);
    put_text(&w, "record", note->record_id);
    if (note->side == PLAN_THERE && note->record != 0) {
        json_key(&w, "key");
        json_put_int(&w, note->record);
    }
    put_text(&w, "why", note->why);
    json_key(&w, "fields");
    json_put_raw(&w, note->fields.len > 0 ? note->fields : STR("{}"));
    json_key(&w, "shown"); /* last, and always: see plan_core */
    json_put_raw(&w, note->shown.len > 0 ? note->shown : STR("{}"));
    json_close(&w, '}');
    struct str line = text.full ? STR("") : arena_str(arena, buf_view(&text));
    buf_free(&text);
    return line;
}

/* It is the last member, of plain values: nothing after its name can look like it. */
struct str plan_core(struct str line)
{
    static const struct str mark = STR(",\"shown\":{");
    for (size_t at = line.len; at-- > 0;)
        if (line.len - at >= mark.len && memcmp(line.ptr + at, mark.ptr, mark.len) == 0)
            return str_slice(line, 0, at);
    return line;
}

/* ---- the plan ---- */

struct plan_object *plan_object(struct sync_plan *plan, struct str name)
{
    for (size_t i = 0; i < plan->object_count; i++)
        if (str_eq(plan->objects[i].name, name))
            return &plan->objects[i];
    plan->objects =
        mem_grow(plan->objects, &plan->object_cap, plan->object_count + 1, sizeof plan->objects[0]);
    struct plan_object *object = &plan->objects[plan->object_count++];
    *object = (struct plan_object){.name = arena_str(&plan->arena, name)};
    return object;
}

/* What stays as it was: notes of one unit one after another, in the order in which they came. */
static int by_unit(const void *a, const void *b)
{
    const struct plan_note *x = *(struct plan_note *const *)a, *y = *(struct plan_note *const *)b;
    if (x->side != y->side)
        return x->side < y->side ? -1 : 1;
    int c = str_cmp(plan_unit(x), plan_unit(y));
    return c != 0 ? c : (x > y) - (x < y);
}

/* Here, a record that comes again says nothing new. There, what waited may be written now, but
 * nothing is made twice. */
static bool is_new(struct plan_object *object, const struct plan_note *note, bool same, bool *known,
                   const uint8_t key[SIPHASH_KEY])
{
    struct id_set *units = &object->units[note->side];
    if (note->side == PLAN_HERE && !same)
        *known = !id_set_add(units, key, plan_unit(note));
    /* What was merged is absent, too: its link lives on, as nothing is kept. */
    if (note->side == PLAN_HERE && note->op == PLAN_DELETE && !*known)
        return id_set_add(&object->ended, key, note->record_id);
    if (note->side == PLAN_HERE)
        return !*known;
    if (note->op == PLAN_CREATE && id_set_has(&object->made, key, plan_unit(note)))
        return false;
    return id_set_add(units, key, note->line);
}

/* ---- what two notes say ---- */

struct filtering {
    struct sync_plan *plan;
    const struct plan_note *note;
    const uint8_t *key;
    struct json_writer w;
    struct buf text;
    size_t left, out;
};

static bool is_told(struct filtering *f, struct str name, const struct json *after)
{
    struct buf text = BUF_INIT(LINE_MAX);
    buf_printf(&text, "%.*s %.*s ", STR_ARG(f->note->record_id), STR_ARG(name));
    json_write(&text, after);
    bool told = !id_set_add(&f->plan->referred, f->key, buf_view(&text));
    buf_free(&text);
    return told;
}

static bool filter_field(void *arg, struct str name, const struct json *pair)
{
    struct filtering *f = arg;
    const struct json *after = json_element(pair, 1);
    struct buf text = BUF_INIT(LINE_MAX);
    if (json_kind(after) == JSON_OBJECT && is_told(f, name, after)) {
        f->out++;
        return true;
    }
    f->left++;
    json_write(&text, pair);
    json_key_str(&f->w, name);
    json_put_raw(&f->w, buf_view(&text));
    buf_free(&text);
    return true;
}

/* A reference that follows a merge of the vendor's is told by the record that was merged and by the
 * one that refers to it: once is enough, for the second to come finds it so. False: nothing is
 * left. */
static bool filter_note(struct sync_plan *plan, struct plan_note *note, struct str object,
                        const uint8_t key[SIPHASH_KEY])
{
    struct filtering f = {.plan = plan, .note = note, .key = key, .text = BUF_INIT(LINE_MAX)};
    const struct json *fields = NULL;
    if (note->side != PLAN_HERE || note->op != PLAN_UPDATE || note->record_id.len == 0 ||
        json_parse(note->fields, &fields, NULL) != 0)
        return true;
    f.w.out = &f.text;
    json_open(&f.w, '{');
    json_each(fields, filter_field, &f);
    json_close(&f.w, '}');
    if (f.out > 0) {
        note->fields = arena_str(&plan->notes.arena, buf_view(&f.text));
        note->line = plan_line(note, object, &plan->notes.arena);
    }
    json_free(fields);
    buf_free(&f.text);
    return f.left > 0;
}

/* ---- what is shown besides ---- */

struct showing {
    struct sync_plan *plan;
    const uint8_t *key;
    const struct json *fields;
    struct json_writer w;
    bool stale; /* of the field at hand */
};

static bool find_stale(void *arg, struct str object, const struct json *id)
{
    struct showing *s = arg;
    for (size_t i = 0; i < s->plan->object_count; i++)
        s->stale |= str_eq(s->plan->objects[i].name, object) &&
                    id_set_has(&s->plan->objects[i].units[PLAN_HERE], s->key, json_string(id));
    return true;
}

static bool show_value(void *arg, struct str name, const struct json *value)
{
    struct showing *s = arg;
    struct buf text = BUF_INIT(LINE_MAX);
    s->stale = false;
    json_each(json_element(json_member(s->fields, name), 1), find_stale, s);
    json_write(&text, value);
    if (!s->stale) {
        json_key_str(&s->w, name);
        json_put_raw(&s->w, buf_view(&text));
    }
    buf_free(&text);
    return true;
}

/* What is taken of a record that this plan changes is not what it will be. */
static void hide_stale(struct sync_plan *plan, struct plan_note *note, struct str object,
                       const uint8_t key[SIPHASH_KEY])
{
    struct buf text = BUF_INIT(LINE_MAX);
    struct showing s = {.plan = plan, .key = key, .w = {.out = &text}};
    const struct json *shown = NULL;
    if (note->shown.len <= 2 || json_parse(note->fields, &s.fields, NULL) != 0)
        return;
    json_open(&s.w, '{');
    if (json_parse(note->shown, &shown, NULL) == 0)
        json_each(shown, show_value, &s);
    json_close(&s.w, '}');
    note->shown = arena_str(&plan->notes.arena, buf_view(&text));
    note->line = plan_line(note, object, &plan->notes.arena);
    json_free(shown);
    json_free(s.fields);
    buf_free(&text);
}

static int take_note(struct sync_plan *plan, struct plan_object *object,
                     const struct plan_note *note, const uint8_t key[SIPHASH_KEY],
                     struct error *err)
{
    if (note->line.len == 0)
        return error_set(err, "what would change in one record is larger than %d MiB",
                         LINE_MAX >> 20);
    object->counts.ops[note->side][note->op]++;
    if (note->side == PLAN_THERE && note->op == PLAN_CREATE)
        id_set_add(&object->made, key, plan_unit(note));
    return plan_file_line(plan->file, note->line, err);
}

static void take_due(struct sync_plan *plan, struct plan_object *object)
{
    const struct plan_notes *n = &plan->notes;
    for (size_t i = 0; i < n->due_count; i++) {
        object->due = arena_grow(&plan->arena, object->due, &object->due_cap, object->due_count + 1,
                                 sizeof object->due[0]);
        object->due[object->due_count++] = arena_str(&plan->arena, n->due[i]);
    }
}

int plan_take(struct sync_plan *plan, struct str name, const uint8_t key[SIPHASH_KEY],
              struct error *err)
{
    struct plan_notes *n = &plan->notes;
    struct plan_object *object = plan_object(plan, name);
    struct plan_note **sorted = arena_new(&n->arena, n->count, sizeof sorted[0]);
    const struct plan_note *last = NULL;
    bool known = false;
    int rc = 0;
    for (size_t i = 0; i < n->count; i++)
        sorted[i] = &n->items[i];
    if (n->count > 0)
        qsort(sorted, n->count, sizeof sorted[0], by_unit);
    for (size_t i = 0; i < n->count && rc == 0; i++) {
        struct plan_note *note = sorted[i];
        bool same = last && last->side == note->side && str_eq(plan_unit(last), plan_unit(note));
        last = note;
        if (!is_new(object, note, same, &known, key) || !filter_note(plan, note, name, key))
            continue;
        hide_stale(plan, note, name, key);
        rc = take_note(plan, object, note, key, err);
    }
    take_due(plan, object);
    plan_forget(n);
    return rc;
}

int64_t plan_total(const struct plan_counts *counts)
{
    int64_t sum = 0;
    for (size_t i = 0; i < PLAN_SIDES; i++)
        for (size_t j = 0; j < PLAN_OPS; j++)
            sum += counts->ops[i][j];
    return sum;
}

void plan_free(struct sync_plan *plan)
{
    plan_forget(&plan->notes);
    plan_file_free(plan->file);
    for (size_t i = 0; i < plan->object_count; i++) {
        for (size_t j = 0; j < PLAN_SIDES; j++)
            id_set_free(&plan->objects[i].units[j]);
        id_set_free(&plan->objects[i].looked);
        id_set_free(&plan->objects[i].ended);
        id_set_free(&plan->objects[i].made);
    }
    free(plan->objects);
    id_set_free(&plan->referred);
    arena_free(&plan->arena);
    *plan = (struct sync_plan){0};
}

/* ---- a line ---- */

static bool find_name(const char *const *names, size_t count, struct str name, size_t *ret_index)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(name, names[i])) {
            *ret_index = i;
            return true;
        }
    return false;
}

int plan_entry_read(struct str line, struct plan_entry *e, struct error *err)
{
    const struct json *root = NULL;
    size_t side, op;
    *e = (struct plan_entry){0};
    if (json_parse(line, &root, err) != 0)
        return -1;
    e->root = root;
    if (!find_name(side_names, PLAN_SIDES, json_string(json_member(root, STR("side"))), &side) ||
        !find_name(op_names, PLAN_OPS, json_string(json_member(root, STR("op"))), &op)) {
        plan_entry_free(e);
        return error_set(err, "a line is no change of a plan");
    }
    e->side = (enum plan_side)side;
    e->op = (enum plan_op)op;
    e->object = json_string(json_member(root, STR("object")));
    e->model = json_string(json_member(root, STR("model")));
    e->external_id = json_string(json_member(root, STR("id")));
    e->record_id = json_string(json_member(root, STR("record")));
    e->why = json_string(json_member(root, STR("why")));
    e->record = json_int(json_member(root, STR("key")));
    e->fields = json_member(root, STR("fields"));
    e->shown = json_member(root, STR("shown"));
    e->unit = json_string(json_member(root, STR("unit")));
    bool ours = e->side == PLAN_THERE && e->record_id.len > 0;
    if (e->unit.len == 0)
        e->unit = ours ? e->record_id : e->external_id;
    return 0;
}

void plan_entry_free(struct plan_entry *entry)
{
    json_free(entry->root);
    *entry = (struct plan_entry){0};
}
