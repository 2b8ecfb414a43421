/* SPDX-License-Identifier: Apache-2.0 */
/* What is written for a portion of records: only what differs, checked, and noted before it is
 * sent. */
#include "sync/export_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "plugin/answer.h"
#include "sync/conflict.h"
#include "sync/export_flips.h"
#include "sync/pause.h"

enum { GROUPS_MOST = 64, BODY_MAX = 16 * 1024 * 1024 };

/* A field of a record that waits for a person. */
struct held {
    int64_t record;
    uint16_t field;
};

struct preparing {
    struct export *x;
    const struct mapping *mapping;
    struct export_due *due;
    struct record_row *rows;
    struct str **external; /* an exported field each: the ids of the records that ours refer to */
    struct held *held;
    size_t held_count, held_cap;
    struct link_write *agreed; /* links whose fields differ no more */
    size_t agreed_count;
    struct export_flips flips;
    struct conflict_row *parked; /* fields that go to and fro */
    size_t parked_count, parked_cap;
    struct export_write *refused;
    size_t refused_count;
    int64_t *done; /* records that need nothing */
    size_t done_count;
};

/* ---- what the vendor has ---- */

/* Where what the vendor has of a record is kept; `again`: the record may have such a place. */
static struct looked *looked_of(struct export *x, struct str id, bool again)
{
    for (size_t i = 0; i < x->looked_count && again; i++)
        if (str_eq(x->looked[i].id, id))
            return &x->looked[i];
    x->looked =
        arena_grow(&x->arena, x->looked, &x->looked_cap, x->looked_count + 1, sizeof x->looked[0]);
    return &x->looked[x->looked_count++];
}

void export_note(struct export *x, const struct page *page, bool again)
{
    const struct mapping *m = &x->merge.target->object->mapping;
    for (size_t i = 0; i < page->count; i++) {
        const struct page_record *record = &page->records[i];
        if (record->id.len == 0 || !record->fields)
            continue;
        struct looked *l = looked_of(x, record->id, again);
        *l = (struct looked){.id = arena_str(&x->arena, record->id),
                             .modified_us = record->modified_us,
                             .raw = arena_new(&x->arena, m->export_count, sizeof l->raw[0])};
        for (size_t j = 0; j < m->export_count; j++) {
            const struct json *value = json_member(record->fields, m->exports[j].to);
            struct buf text = BUF_INIT(RECORD_TEXT_MAX);
            if (value)
                json_write(&text, value);
            if (value && !text.full)
                l->raw[j] = arena_str(&x->arena, buf_view(&text));
            buf_free(&text);
        }
    }
}

static int by_looked_id(const void *a, const void *b)
{
    const struct looked *x = a, *y = b;
    return str_cmp(x->id, y->id);
}

static const struct looked *find_looked(const struct export *x, struct str id)
{
    const struct looked key = {.id = id};
    return x->looked_count > 0 ? bsearch(&key, x->looked, x->looked_count, sizeof key, by_looked_id)
                               : NULL;
}

/* ---- what is loaded ---- */

static bool note_held(void *arg, const struct conflict_row *row)
{
    struct preparing *p = arg;
    p->held = arena_grow(&p->x->arena, p->held, &p->held_cap, p->held_count + 1, sizeof p->held[0]);
    p->held[p->held_count++] = (struct held){row->record, row->field};
    return true;
}

static bool is_held(const struct preparing *p, int64_t record, uint16_t field)
{
    for (size_t i = 0; i < p->held_count; i++)
        if (p->held[i].record == record && p->held[i].field == field)
            return true;
    return false;
}

static int load_held(struct preparing *p, struct error *err)
{
    const struct export *x = p->x;
    if (x->count == 0)
        return 0;
    return engine_of(x)->each_open_conflict(x->merge.store, x->merge.target->stream,
                                            p->due[0].record, p->due[x->count - 1].record,
                                            note_held, p, err);
}

/* The vendor's ids of the records that a field refers to. */
static int load_external(struct preparing *p, size_t e, struct error *err)
{
    struct export *x = p->x;
    size_t r = p->mapping->exports[e].rule;
    const struct rule *rule = &p->mapping->rules[r];
    int64_t stream = x->merge.target->lookups[r];
    if (rule->lookup.len == 0 || rule->index < 0)
        return 0;
    int64_t *keys = arena_new(&x->arena, x->count, sizeof keys[0]);
    p->external[e] = arena_new(&x->arena, x->count, sizeof p->external[e][0]);
    for (size_t i = 0; i < x->count; i++)
        keys[i] = p->rows[i].key != 0 ? p->rows[i].fields[rule->index].integer : 0;
    if (stream == 0 || x->count == 0)
        return 0;
    return engine_of(x)->load_external(x->merge.store, stream, keys, x->count, p->external[e],
                                       &x->arena, err);
}

static int load(struct preparing *p, struct error *err)
{
    struct export *x = p->x;
    if (export_load(x, &p->due, &p->rows, &x->count, err) != 0 || load_held(p, err) != 0)
        return -1;
    while (x->count > 0 && p->due[x->count - 1].record > x->last)
        x->count--; /* they were not looked at */
    if (flips_load(&p->flips, x, p->due, err) != 0)
        return -1;
    p->external = arena_new(&x->arena, p->mapping->export_count, sizeof p->external[0]);
    for (size_t e = 0; e < p->mapping->export_count; e++)
        if (load_external(p, e, err) != 0)
            return -1;
    return 0;
}

/* ---- a field ---- */

/* FIELD_SAME: nothing to do. FIELD_AGREES: the vendor has it already. FIELD_WAITS: the record that
 * it refers to is not there yet. */
enum field_verdict { FIELD_SAME, FIELD_AGREES, FIELD_WAITS, FIELD_WRITES, FIELD_REFUSED };

/* It waits for a person, like a conflict that no policy settles. */
static void park(struct preparing *p, size_t i, const struct export_item *item,
                 const struct export_field *f, const struct value *value)
{
    struct export *x = p->x;
    const struct rule *rule = &p->mapping->rules[f->rule->rule];
    if (!x->plan)
        log_line(
            LOG_WARN, x->connection,
            "%.*s %.*s: %s has been written there %d times within an hour, and changed back each "
            "time: it waits for a person (fastenr conflicts list %s)",
            STR_ARG(x->merge.target->object->item->name), STR_ARG(item->external_id),
            rule->field.name, FLIPS_MOST, x->connection);
    p->parked =
        arena_grow(&x->arena, p->parked, &p->parked_cap, p->parked_count + 1, sizeof p->parked[0]);
    p->parked[p->parked_count++] =
        (struct conflict_row){.stream = x->merge.target->stream,
                              .run = x->merge.run,
                              .record = item->record,
                              .field = rule->field.id,
                              .state = CONFLICT_OPEN,
                              .at = world_now(x->merge.world),
                              .local_at = p->rows[i].updated_at,
                              .remote_at = item->looked ? item->looked->modified_us : 0,
                              .local = conflict_json(rule, value, &x->arena),
                              .remote = f->before.len > 0 ? f->before : STR("null")};
}

static struct str json_text(struct arena *arena, const struct export_field *f)
{
    struct buf text = BUF_INIT(RECORD_TEXT_MAX);
    struct json_writer w = {.out = &text};
    export_put(&w, f);
    struct str copy = arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

/* Whether the text, read back, is what the vendor has already. */
static bool is_there(struct preparing *p, const struct export_item *item,
                     const struct export_field *f)
{
    const struct rule *rule = &p->mapping->rules[f->rule->rule];
    const uint8_t *key = store_hash_key(p->x->merge.store);
    uint64_t seen, hash;
    if (!export_reads_back(rule, f->rule))
        return item->looked && str_eq(item->looked->raw[f->index], json_text(&p->x->arena, f));
    return rule_seen_hash(rule, key, f->clear ? (struct str){NULL, 0} : f->text, &p->x->arena,
                          &hash) == 0 &&
           shadow_find(item->link.seen_remote, rule->field.id, &seen) && seen == hash;
}

static enum field_verdict refer(struct preparing *p, size_t i, const struct value *value,
                                struct export_field *f)
{
    struct str id = p->external[f->index] ? p->external[f->index][i] : STR("");
    f->clear = value->state == VALUE_NULL;
    f->other = value->integer;
    enum export_prospect prospect = f->clear ? PROSPECT_NONE : export_prospect(p->x, f);
    if (prospect != PROSPECT_NONE && (id.len == 0 || prospect == PROSPECT_ENDED))
        return prospect == PROSPECT_MADE ? FIELD_WRITES : FIELD_WAITS;
    if (!f->clear && id.len == 0)
        return FIELD_WAITS;
    f->text = f->clear ? STR("") : id;
    return FIELD_WRITES;
}

static enum field_verdict field_of(struct preparing *p, size_t i, const struct export_item *item,
                                   const struct json *custom, struct export_field *f,
                                   struct error *err)
{
    const struct rule *rule = &p->mapping->rules[f->rule->rule];
    struct value value;
    enum field_verdict verdict = FIELD_WRITES;
    if (field_of_record(rule, &p->rows[i], custom, &p->x->arena, &value) != 0 ||
        !export_differs(p->x, &p->due[i], f->rule, &value) ||
        is_held(p, item->record, rule->field.id))
        return FIELD_SAME;
    f->here = rule_hash(store_hash_key(p->x->merge.store), &value);
    f->base = rule_keeps_base(rule) ? link_base_json(rule, &value, &p->x->arena) : STR("");
    f->before = item->looked ? item->looked->raw[f->index] : STR("null");
    if (rule->lookup.len > 0)
        verdict = refer(p, i, &value, f);
    else if (export_value(rule, f->rule, &value, &p->x->arena, &f->text, &f->clear, err) != 0)
        return FIELD_REFUSED;
    if (verdict == FIELD_WRITES && (f->clear || f->other == 0 || f->text.len > 0) &&
        is_there(p, item, f))
        return FIELD_AGREES;
    if (verdict == FIELD_WRITES &&
        flips_park(&p->flips, item->record, f, rule->field.id, json_text(&p->x->arena, f))) {
        park(p, i, item, f, &value);
        return FIELD_SAME;
    }
    return verdict;
}

/* ---- a record ---- */

static void note_agreed(struct preparing *p, struct export_item *item, const struct export_field *f)
{
    struct link_write *last = p->agreed_count > 0 ? &p->agreed[p->agreed_count - 1] : NULL;
    if (!last || last->key != item->link.key)
        last = &p->agreed[p->agreed_count++];
    export_agree(&p->mapping->rules[f->rule->rule], item, f, &p->x->arena);
    *last = export_link_of(p->x, item, item->looked ? item->looked->modified_us : 0);
}

static void refuse(struct preparing *p, const struct export_item *item, const char *field,
                   const struct error *why)
{
    struct export_write *row = &p->refused[p->refused_count++];
    *row = export_write_of(p->x, item, item->link.key == 0 ? WRITE_CREATE : WRITE_UPDATE,
                           WRITE_REFUSED);
    row->at = world_now(p->x->merge.world); /* the vendor has not seen it */
    row->body = STR("{}");
    row->reason = str_from(arena_printf(&p->x->arena, "%s: %s", field, why->text));
}

/* Several associations where ours has one: which of them is it? */
static bool is_ambiguous(const struct export_field *f)
{
    return f->rule->association && memchr(f->before.ptr ? f->before.ptr : "", ',', f->before.len);
}

/* False: it is not written. An association that is refused does not hold back the others: it is a
 * write of its own. */
static bool fill_fields(struct preparing *p, size_t i, struct export_item *item,
                        const struct json *custom)
{
    struct export *x = p->x;
    item->values = arena_new(&x->arena, p->mapping->export_count, sizeof item->values[0]);
    item->joins = arena_new(&x->arena, p->mapping->export_count, sizeof item->joins[0]);
    for (size_t e = 0; e < p->mapping->export_count; e++) {
        const struct export_rule *rule = &p->mapping->exports[e];
        const char *name = p->mapping->rules[rule->rule].field.name;
        struct export_field f = {.rule = rule, .index = e};
        struct error why;
        enum field_verdict verdict = field_of(p, i, item, custom, &f, &why);
        if (verdict == FIELD_WRITES && is_ambiguous(&f)) {
            error_set(&why,
                      "the vendor's record is associated with several (%.*s), ours has one: leave "
                      "one of them there",
                      STR_ARG(f.before));
            verdict = FIELD_REFUSED;
        }
        if (verdict == FIELD_REFUSED)
            refuse(p, item, name, &why);
        if (verdict == FIELD_REFUSED && !rule->association)
            return false;
        if (verdict == FIELD_AGREES)
            note_agreed(p, item, &f);
        item->left += verdict == FIELD_WAITS;
        if (verdict != FIELD_WRITES)
            continue;
        if (rule->association)
            item->joins[item->join_count++] = f;
        else
            item->values[item->value_count++] = f;
    }
    return true;
}

/* ---- groups ---- */

static struct export_group *group_for(struct export *x, enum write_op op, struct str field)
{
    struct export_group *g = x->groups;
    for (; g < x->groups + x->group_count; g++)
        if (g->op == op && str_eq(g->field, field))
            return g;
    if (x->group_count == GROUPS_MOST)
        return NULL;
    *g = (struct export_group){.op = op,
                               .field = field,
                               .items = arena_new(&x->arena, x->count, sizeof g->items[0]),
                               .joined = arena_new(&x->arena, x->count, sizeof g->joined[0])};
    x->group_count++;
    return g;
}

static void add_to_group(struct export *x, enum write_op op, struct str field,
                         struct export_item *item, struct export_field *joined)
{
    struct export_group *g = group_for(x, op, field);
    if (!g) { /* more kinds than a mapping can have */
        item->left++;
        return;
    }
    g->items[g->count] = item;
    g->joined[g->count++] = joined;
    item->left++;
}

/* One association is taken away and another one made. Of a record that is new it is made once that
 * has its id. */
static void add_joins(struct export *x, struct export_item *item)
{
    for (size_t j = 0; j < item->join_count; j++) {
        struct export_field *f = &item->joins[j];
        bool none = f->before.len <= 4; /* "null" or "[]" */
        if (item->link.key == 0) {
            item->left++;
            continue;
        }
        if (!none)
            add_to_group(x, WRITE_DISSOCIATE, f->rule->to, item, f);
        if (!f->clear)
            add_to_group(x, WRITE_ASSOCIATE, f->rule->to, item, f);
    }
}

static void add_item(struct preparing *p, struct export_item *item, enum export_wish wish)
{
    struct export *x = p->x;
    bool keyed = x->merge.target->object->mapping.external_key.len > 0;
    if (wish == WISH_ARCHIVE)
        add_to_group(x, WRITE_ARCHIVE, STR(""), item, NULL);
    if (item->value_count > 0 && wish == WISH_CREATE)
        add_to_group(x, keyed ? WRITE_UPSERT : WRITE_CREATE, STR(""), item, NULL);
    if (item->value_count > 0 && wish == WISH_UPDATE)
        add_to_group(x, WRITE_UPDATE, STR(""), item, NULL);
    add_joins(x, item);
    if (item->left == 0)
        p->done[p->done_count++] = item->record;
}

static void compare(struct preparing *p, size_t i)
{
    struct export *x = p->x;
    const struct export_due *due = &p->due[i];
    struct export_item *item = &x->items[i];
    enum export_wish wish = export_wish(x, due, &p->rows[i]);
    const struct json *custom = NULL;
    struct error why;
    *item = (struct export_item){.record = due->record,
                                 .id = p->rows[i].id,
                                 .link = due->link,
                                 .external_id = due->external_id,
                                 .looked = find_looked(x, due->external_id)};
    bool gone = due->link.key != 0 && !item->looked; /* the next import finds out how it ended */
    if (wish == WISH_CREATE || wish == WISH_UPDATE) {
        if (export_custom(x, &p->rows[i], &custom, &why) != 0) {
            refuse(p, item, "custom_fields", &why);
            gone = true;
        }
        gone = gone || !fill_fields(p, i, item, custom);
        json_free(custom);
    }
    if (wish == WISH_NOTHING || gone)
        p->done[p->done_count++] = item->record;
    else
        add_item(p, item, wish);
}

/* ---- notes and calls ---- */

/* What is archived or changed may have had the address of one that is made. */
static int by_group(const void *a, const void *b)
{
    static const int order[] = {
        [WRITE_ARCHIVE] = 0, [WRITE_UPDATE] = 1,     [WRITE_RESTORE] = 2,  [WRITE_CREATE] = 3,
        [WRITE_UPSERT] = 4,  [WRITE_DISSOCIATE] = 5, [WRITE_ASSOCIATE] = 6};
    const struct export_group *x = a, *y = b;
    return order[x->op] - order[y->op];
}

static struct str body_of(struct export *x, const struct export_group *g, size_t i)
{
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = {.out = &text};
    size_t count;
    const struct export_field *fields = export_fields(g, i, &count);
    json_open(&w, '{');
    for (size_t j = 0; j < count; j++) {
        json_key_str(&w, fields[j].rule->to);
        export_put(&w, &fields[j]);
    }
    json_close(&w, '}');
    struct str copy = text.full ? STR("{}") : arena_str(&x->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static int note_group(struct export *x, struct export_group *g, struct error *err)
{
    struct export_write *rows = arena_new(&x->arena, g->count, sizeof rows[0]);
    g->bodies = arena_new(&x->arena, g->count, sizeof g->bodies[0]);
    for (size_t i = 0; i < g->count; i++) {
        g->bodies[i] = body_of(x, g, i);
        rows[i] = export_write_of(x, g->items[i], g->op, WRITE_SENT);
        rows[i].body = g->bodies[i];
    }
    if (engine_of(x)->add_writes(x->merge.store, rows, g->count, err) != 0)
        return -1;
    g->ids = arena_new(&x->arena, g->count, sizeof g->ids[0]);
    for (size_t i = 0; i < g->count; i++)
        g->ids[i] = rows[i].id;
    return 0;
}

enum field_type export_type(enum field_kind kind)
{
    switch (kind) {
    case KIND_INTEGER:
    case KIND_MONEY:
    case KIND_NUMBER:
        return FIELD_NUMBER;
    case KIND_BOOLEAN:
        return FIELD_BOOL;
    case KIND_DATE:
        return FIELD_DATE;
    case KIND_TIME:
        return FIELD_DATETIME;
    case KIND_ENUM:
        return FIELD_ENUM;
    default:
        return FIELD_STRING;
    }
}

/* The one id of ["5"]. */
static struct str joined_before(struct export *x, const struct export_field *f)
{
    const struct json *list = NULL;
    struct str id = STR("");
    if (json_parse(f->before, &list, NULL) == 0 && json_kind(list) == JSON_ARRAY)
        id = arena_str(&x->arena, answer_scalar(json_element(list, 0), &x->arena));
    json_free(list);
    return id;
}

struct str export_write_id(const struct store *store, int64_t note, struct arena *arena)
{
    char id[UUID_TEXT];
    uuid_format(&store->id, id);
    return str_from(arena_printf(arena, "%.8s-%llx", id, (unsigned long long)note));
}

static void fill_row(struct export *x, const struct export_group *g, size_t i,
                     struct write_row *row)
{
    const struct mapping *m = &x->merge.target->object->mapping;
    const struct export_item *item = g->items[i];
    const struct export_field *joined = g->joined[i];
    char id[UUID_TEXT];
    row->write_id = export_write_id(x->merge.store, g->ids[i], &x->arena);
    row->id = item->external_id;
    if (g->op == WRITE_UPSERT) {
        uuid_format(&item->id, id);
        row->key = arena_str(&x->arena, str_from(id));
    }
    if (joined) {
        row->field = g->field;
        row->other_id = g->op == WRITE_ASSOCIATE ? joined->text : joined_before(x, joined);
        return;
    }
    if (g->op == WRITE_ARCHIVE)
        return;
    struct write_value *values = arena_new(&x->arena, item->value_count, sizeof values[0]);
    for (size_t j = 0; j < item->value_count; j++)
        values[j] = (struct write_value){
            .name = item->values[j].rule->to,
            .value = item->values[j].text,
            .type = export_type(m->rules[item->values[j].rule->rule].field.kind),
            .clear = item->values[j].clear};
    row->values = values;
    row->value_count = (uint32_t)item->value_count;
}

static int make_call(struct export *x, struct export_group *g, struct error *err)
{
    const struct object_setup *object = x->merge.target->object;
    if (note_group(x, g, err) != 0)
        return -1;
    struct write_row *rows = arena_new(&x->arena, g->count, sizeof rows[0]);
    for (size_t i = 0; i < g->count; i++)
        fill_row(x, g, i, &rows[i]);
    g->results = arena_new(&x->arena, g->count, sizeof g->results[0]);
    g->call = (struct write_request){
        .op = g->op,
        .object = object->item->name,
        .key_field = g->op == WRITE_UPSERT ? object->mapping.external_key : STR(""),
        .rows = rows,
        .row_count = (uint32_t)g->count};
    return 0;
}

/* ---- the whole ---- */

static enum merge_result guard(struct export *x, struct error *err)
{
    struct run_counts more = {0};
    for (size_t i = 0; i < x->group_count; i++) {
        const struct export_group *g = &x->groups[i];
        more.sent_created += g->op == WRITE_CREATE || g->op == WRITE_UPSERT ? (int64_t)g->count : 0;
        more.sent_updated += g->op == WRITE_UPDATE ? (int64_t)g->count : 0;
        more.sent_deleted += g->op == WRITE_ARCHIVE ? (int64_t)g->count : 0;
    }
    return merge_guard_exports(&x->merge, x->counts, &more, err);
}

static int store_links(struct preparing *p, struct error *err)
{
    const struct merge *m = &p->x->merge;
    struct store_batch batch = store_batch_of(m, m->target->object->model, world_now(m->world));
    batch.links = p->agreed;
    batch.link_count = p->agreed_count;
    return p->agreed_count > 0 ? engine_of(p->x)->apply(m->store, &batch, err) : 0;
}

static int store_notes(struct preparing *p, struct error *err)
{
    struct export *x = p->x;
    const struct merge *m = &x->merge;
    int64_t *records = arena_new(&x->arena, x->count, sizeof records[0]);
    for (size_t i = 0; i < x->count; i++)
        records[i] = x->items[i].record;
    if (engine_of(x)->forget_refused(m->store, m->target->stream, records, x->count, err) != 0 ||
        engine_of(x)->add_writes(m->store, p->refused, p->refused_count, err) != 0 ||
        engine_of(x)->set_conflicts(m->store, p->parked, p->parked_count, err) != 0 ||
        engine_of(x)->drop_exports(m->store, m->target->stream, p->done, p->done_count, err) != 0)
        return -1;
    for (size_t i = 0; i < x->group_count && !x->plan; i++)
        if (make_call(x, &x->groups[i], err) != 0)
            return -1;
    return store_links(p, err);
}

static void count_undone(struct preparing *p)
{
    struct run_counts *counts = p->x->counts;
    counts->refused += (int64_t)p->refused_count;
    counts->conflicted += (int64_t)p->parked_count;
    counts->waiting += (int64_t)p->parked_count;
}

static enum merge_result prepare(struct preparing *p, struct error *err)
{
    struct export *x = p->x;
    int paused = pause_check(x->merge.store, x->connection, err);
    if (paused != 0)
        return paused > 0 ? MERGE_STOPPED : MERGE_FAILED;
    if (load(p, err) != 0)
        return MERGE_FAILED;
    x->items = arena_new(&x->arena, x->count, sizeof x->items[0]);
    x->groups = arena_new(&x->arena, GROUPS_MOST, sizeof x->groups[0]);
    x->group_count = 0;
    p->agreed = arena_new(&x->arena, x->count, sizeof p->agreed[0]);
    p->refused =
        arena_new(&x->arena, x->count * (p->mapping->export_count + 1), sizeof p->refused[0]);
    p->done = arena_new(&x->arena, x->count, sizeof p->done[0]);
    for (size_t i = 0; i < x->count; i++)
        compare(p, i);
    qsort(x->groups, x->group_count, sizeof x->groups[0], by_group);
    enum merge_result result = guard(x, err);
    if (result == MERGE_OK && store_notes(p, err) != 0)
        result = MERGE_FAILED;
    if (result == MERGE_OK)
        count_undone(p);
    return result;
}

enum merge_result export_compare(struct export *x, struct error *err)
{
    struct preparing p = {.x = x, .mapping = &x->merge.target->object->mapping};
    if (x->looked_count > 0)
        qsort(x->looked, x->looked_count, sizeof x->looked[0], by_looked_id);
    return prepare(&p, err);
}

/* They have been merged; should a guard rail stop this portion, the next run counts them. */
static int note_read(void *arg, struct error *err)
{
    struct export *x = arg;
    return engine_of(x)->note_read(x->merge.store, x->merge.target->stream, x->unread,
                                   x->unread_count, err);
}

enum merge_result export_prepare(struct export *x, struct error *err)
{
    const struct store_engine *engine = engine_of(x);
    if (x->unread_count > 0 && store_transact(x->merge.store, note_read, x, err) != 0)
        return MERGE_FAILED;
    if (engine->begin(x->merge.store, err) != 0)
        return MERGE_FAILED;
    enum merge_result result = export_compare(x, err);
    if (result == MERGE_OK && engine->commit(x->merge.store, err) != 0)
        result = MERGE_FAILED;
    if (result != MERGE_OK)
        engine->rollback(x->merge.store);
    return result;
}
