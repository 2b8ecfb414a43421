/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of the records of a run: what each field was before it and after it, and what
 * others have done to it since. */
#include <stdlib.h>

#include "sync/rollback_internal.h"

enum { VALUE_MAX = 64 * 1024 * 1024 };

/* The rows of a record, latest first, back to the run's beginning. */
struct chain {
    struct past past;
    const struct log_row **rows;
    size_t count, cap;
    int64_t next; /* seq of the row before the last one; 0: there is none of concern */
};

struct loading {
    struct rollback *r;
    const struct log_row *rows;
    size_t row_count;
    struct chain *chains; /* by object and key */
    size_t count;
    struct arena *arena;
};

/* ---- which records ---- */

static int by_record(const void *a, const void *b)
{
    const struct past *x = &((const struct chain *)a)->past, *y = &((const struct chain *)b)->past;
    if (x->object != y->object)
        return x->object->id < y->object->id ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

static void list_records(struct loading *l)
{
    size_t n = 0;
    l->chains = arena_new(l->arena, l->row_count, sizeof l->chains[0]);
    for (size_t i = 0; i < l->row_count; i++) {
        const struct model_object *object = model_object_by_id(l->rows[i].object);
        if (object && rollback_wants(l->r, object, l->rows[i].record))
            l->chains[l->count++].past =
                (struct past){.object = object, .key = l->rows[i].record, .last = &l->rows[i]};
    }
    if (l->count > 1)
        qsort(l->chains, l->count, sizeof l->chains[0], by_record);
    for (size_t i = 0; i < l->count; i++) { /* of several rows the latest counts */
        const struct chain *c = &l->chains[i];
        if (n == 0 || by_record(&l->chains[n - 1], c) != 0)
            l->chains[n++] = *c;
        else if (l->chains[n - 1].past.last->position.seq < c->past.last->position.seq)
            l->chains[n - 1].past.last = c->past.last;
    }
    l->count = n;
}

/* Of one object, from `first` on: how many. */
static int load_rows(struct loading *l, size_t first, size_t *ret_count, struct error *err)
{
    const struct model_object *object = l->chains[first].past.object;
    size_t n = 0;
    while (first + n < l->count && l->chains[first + n].past.object == object)
        n++;
    int64_t *keys = arena_new(l->arena, n, sizeof keys[0]);
    struct record_row *rows = arena_new(l->arena, n, sizeof rows[0]);
    for (size_t i = 0; i < n; i++)
        keys[i] = l->chains[first + i].past.key;
    *ret_count = n;
    if (rollback_engine(l->r)->load_records(l->r->store, object, keys, n, rows, l->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct chain *c = &l->chains[first + i];
        c->past.row = &rows[i];
        c->next = rows[i].key != 0 ? rows[i].rev : c->past.last->position.seq;
    }
    return 0;
}

/* ---- their rows ---- */

static const struct log_row *find_row(const struct loading *l, int64_t seq)
{
    size_t low = 0, high = l->row_count; /* latest first */
    while (low < high) {
        size_t middle = (low + high) / 2;
        int64_t there = l->rows[middle].position.seq;
        if (there == seq)
            return &l->rows[middle];
        if (there > seq)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void add_row(struct loading *l, struct chain *c, const struct log_row *row)
{
    c->rows = arena_grow(l->arena, c->rows, &c->cap, c->count + 1, sizeof c->rows[0]);
    c->rows[c->count++] = row;
    bool goes_on = row->prev > l->r->span.first && row->prev < row->position.seq;
    c->next = goes_on ? row->prev : 0;
}

/* What the portion has. */
static void follow(struct loading *l, struct chain *c)
{
    const struct log_row *row;
    while (c->next != 0 && (row = find_row(l, c->next)) != NULL)
        add_row(l, c, row);
}

/* The place of the run's first row in the chain, counted from 1; 0: it has none. */
static size_t first_row(const struct loading *l, const struct chain *c)
{
    size_t i = c->count;
    while (i > 0 && c->rows[i - 1]->run != l->r->of.id)
        i--;
    return i;
}

/* The log is broken there: where that is after the run, what has become of the record since is not
 * known. */
static void skip_lost(struct loading *l, struct chain *c)
{
    bool before = first_row(l, c) > 0 || c->past.pruned;
    c->next = before ? 0 : c->past.last->position.seq;
    c->past.pruned |= !before;
}

/* One row of each chain that goes on elsewhere; *ret_more: there may be more. */
static int load_some(struct loading *l, bool *ret_more, struct error *err)
{
    int64_t *seqs = arena_new(l->arena, l->count, sizeof seqs[0]);
    struct chain **chains = arena_new(l->arena, l->count, sizeof chains[0]);
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        follow(l, &l->chains[i]);
        if (l->chains[i].next == 0)
            continue;
        chains[n] = &l->chains[i];
        seqs[n++] = l->chains[i].next;
    }
    *ret_more = n > 0;
    struct log_row *rows = arena_new(l->arena, n, sizeof rows[0]);
    if (n > 0 &&
        rollback_engine(l->r)->load_log_rows(l->r->store, seqs, n, rows, l->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].position.seq != 0)
            add_row(l, chains[i], &rows[i]);
        else
            skip_lost(l, chains[i]);
    }
    return 0;
}

/* ---- what a row says ---- */

struct reading {
    struct loading *l;
    struct chain *chain;
    const struct log_row *row;
    const struct json *before, *after; /* custom fields */
};

static struct str text_of(struct loading *l, const struct json *value)
{
    struct buf text = BUF_INIT(VALUE_MAX);
    if (!value)
        return STR("null");
    json_write(&text, value);
    struct str copy = arena_str(l->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static struct past_field *field_of(struct reading *d, struct str name, bool custom)
{
    struct past *p = &d->chain->past;
    struct arena *a = d->l->arena;
    for (size_t i = 0; i < p->field_count; i++)
        if (p->fields[i].custom == custom && str_eq(p->fields[i].name, name))
            return &p->fields[i];
    p->fields = arena_grow(a, p->fields, &p->field_cap, p->field_count + 1, sizeof p->fields[0]);
    struct past_field *f = &p->fields[p->field_count++];
    *f = (struct past_field){.name = arena_str(a, name),
                             .custom = custom,
                             .index = custom ? -1 : model_field(p->object, name)};
    return f;
}

static void note(struct reading *d, struct str name, bool custom, struct str before,
                 struct str after)
{
    struct past_field *f = field_of(d, name, custom);
    if (d->row->run != d->l->r->of.id) {
        if (!f->expected.ptr)
            f->expected = before;
        f->since = d->row;
        return;
    }
    if (!f->by_run)
        f->before = before;
    f->by_run = true;
    f->after = f->expected = after;
    f->since = NULL;
}

static bool note_custom(void *arg, struct str name, const struct json *value)
{
    struct reading *d = arg;
    (void)value;
    struct str before = text_of(d->l, json_member(d->before, name)),
               after = text_of(d->l, json_member(d->after, name));
    if (!str_eq(before, after))
        note(d, name, true, before, after);
    return true;
}

static bool note_lost(void *arg, struct str name, const struct json *value)
{
    const struct reading *d = arg;
    return json_has(d->after, name) || note_custom(arg, name, value);
}

/* So that members come back in their order where nobody else has been there. */
static void note_whole(struct reading *d)
{
    struct past *p = &d->chain->past;
    if (d->row->run != d->l->r->of.id) {
        p->custom_after = (struct str){NULL, 0};
        return;
    }
    bool follows = p->custom_after.ptr || !p->custom_before.ptr;
    if (!p->custom_before.ptr)
        p->custom_before = text_of(d->l, d->before);
    if (follows)
        p->custom_after = text_of(d->l, d->after);
}

static bool note_member(void *arg, struct str name, const struct json *pair)
{
    struct reading *d = arg;
    if (!str_is(name, "custom_fields")) {
        note(d, name, false, text_of(d->l, json_element(pair, 0)),
             text_of(d->l, json_element(pair, 1)));
        return true;
    }
    d->before = json_element(pair, 0);
    d->after = json_element(pair, 1);
    note_whole(d);
    json_each(d->after, note_custom, d);
    json_each(d->before, note_lost, d);
    return true;
}

static int read_changes(struct reading *d, struct error *err)
{
    const struct json *body = NULL;
    struct past *p = &d->chain->past;
    bool own = d->row->run == d->l->r->of.id;
    if (d->row->body.len == 0 && own)
        p->pruned = true;
    else if (d->row->body.len == 0)
        p->lost_by = d->row;
    if (d->row->body.len == 0)
        return 0;
    if (json_parse(d->row->body, &body, NULL) != 0)
        return error_set(err, "log row %lld is no JSON: run `fastenr doctor`",
                         (long long)d->row->position.seq);
    json_each(body, note_member, d);
    json_free(body);
    return 0;
}

static int read_row(struct loading *l, struct chain *c, const struct log_row *row,
                    struct error *err)
{
    struct past *p = &c->past;
    struct reading d = {.l = l, .chain = c, .row = row};
    if (row->op == LOG_UPDATE)
        return read_changes(&d, err);
    if (row->run != l->r->of.id) {
        p->life_by = row;
        return 0;
    }
    if (!p->lifes) {
        p->made = row->op == LOG_CREATE;
        p->lived = row->op == LOG_DELETE;
    }
    p->lifes = true;
    p->left_alive = row->op != LOG_DELETE;
    p->life_by = NULL;
    return 0;
}

static int read_chain(struct loading *l, struct chain *c, struct error *err)
{
    struct past *p = &c->past;
    p->last = c->rows[0];
    for (size_t i = first_row(l, c); i > 0; i--)
        if (read_row(l, c, c->rows[i - 1], err) != 0)
            return -1;
    if (p->row->custom.len > 0 && json_parse(p->row->custom, &p->custom, NULL) != 0)
        return error_set(err,
                         "the custom_fields of %s %lld in the store are no JSON: mend them, or set "
                         "them to NULL",
                         p->object->name, (long long)p->key);
    return 0;
}

/* ---- the whole ---- */

struct past *rollback_find_past(struct past *pasts, size_t count, const struct model_object *object,
                                int64_t key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct past *p = &pasts[middle];
        if (p->object == object && p->key == key)
            return p;
        if (p->object == object ? p->key < key : p->object->id < object->id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The first row of the run is in this portion, else an earlier one has the record. */
static bool begins_here(const struct loading *l, const struct chain *c)
{
    size_t first = first_row(l, c);
    return first > 0 && find_row(l, c->rows[first - 1]->position.seq) != NULL;
}

int rollback_load_past(struct rollback *r, const struct log_row *rows, size_t row_count,
                       struct past **ret_pasts, size_t *ret_count, struct arena *arena,
                       struct error *err)
{
    struct loading l = {.r = r, .rows = rows, .row_count = row_count, .arena = arena};
    bool more = true;
    list_records(&l);
    for (size_t i = 0, n; i < l.count; i += n)
        if (load_rows(&l, i, &n, err) != 0)
            return -1;
    while (more)
        if (load_some(&l, &more, err) != 0)
            return -1;
    *ret_pasts = arena_new(arena, l.count, sizeof **ret_pasts);
    *ret_count = 0;
    for (size_t i = 0; i < l.count; i++) {
        struct chain *c = &l.chains[i];
        if (!begins_here(&l, c))
            continue;
        int rc = read_chain(&l, c, err);
        (*ret_pasts)[(*ret_count)++] = c->past; /* also to be freed */
        if (rc != 0)
            return -1;
    }
    return 0;
}
