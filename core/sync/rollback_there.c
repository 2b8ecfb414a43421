/* SPDX-License-Identifier: Apache-2.0 */
/* What a run wrote to the vendor, a portion of it, held against what the vendor has now. */
#include "sync/rollback_there.h"

#include <stdlib.h>

#include "plugin/answer.h"
#include "plugin/protocol.h"

const struct object_setup *there_object(const struct there *t)
{
    const struct setup *setup = t->r->in->setup;
    return t->object < setup->object_count ? &setup->objects[t->object] : NULL;
}

/* ---- what a rollback left that was ended in the middle ---- */

enum { STALE_AT_ONCE = 1000 };

static int recover_stream(struct there *t, int64_t stream, struct error *err)
{
    struct rollback *r = t->r;
    struct export_write *rows;
    size_t count, n = 0;
    int64_t after = 0;
    do {
        if (rollback_engine(r)->load_writes(r->store, stream, WRITE_SENT, after, STALE_AT_ONCE,
                                            &rows, &count, &r->arena, err) != 0)
            return -1;
        int64_t *ids = arena_new(&r->arena, count, sizeof ids[0]);
        for (size_t i = n = 0; i < count; i++) {
            after = rows[i].id;
            if (rows[i].op == WRITE_CREATE || rows[i].op == WRITE_UPSERT)
                continue; /* of a sync: the next one finds out */
            t->stale = arena_grow(&r->arena, t->stale, &t->stale_cap, t->stale_count + 1,
                                  sizeof t->stale[0]);
            t->stale[t->stale_count++] = rows[i];
            ids[n++] = rows[i].id;
        }
        if (!r->in->plan && rollback_engine(r)->drop_writes(r->store, ids, n, err) != 0)
            return -1;
    } while (count == STALE_AT_ONCE);
    return 0;
}

static int recover(void *arg, struct error *err)
{
    struct there *t = arg;
    for (size_t i = 0; i < t->r->in->setup->object_count; i++)
        if (recover_stream(t, t->r->streams[i], err) != 0)
            return -1;
    return 0;
}

int there_recover(struct there *t, struct error *err)
{
    return t->r->in->plan ? recover(t, err) : store_transact(t->r->store, recover, t, err);
}

/* Whether one of these writes was to do it; `field` NULL: to archive the record. */
static bool is_stale(const struct there *t, const struct there_record *record,
                     const struct there_field *field)
{
    bool found = false;
    for (size_t i = 0; i < t->stale_count && !found; i++) {
        const struct export_write *w = &t->stale[i];
        const struct json *body = NULL;
        if (w->stream != t->stream || !str_eq(w->external_id, record->external_id))
            continue;
        if (!field)
            found = w->op == WRITE_ARCHIVE;
        else if (json_parse(w->body, &body, NULL) == 0)
            found = json_has(body, field->name);
        json_free(body);
    }
    return found;
}

/* ---- the portion ---- */

static size_t find_stream(const struct rollback *r, int64_t stream)
{
    size_t i = 0;
    while (i < r->in->setup->object_count && r->streams[i] != stream)
        i++;
    return i;
}

static size_t most_records(const struct there *t)
{
    const struct object_setup *o = there_object(t);
    size_t most = o ? o->vendor->write_rows : READ_IDS_MAX;
    return most > READ_IDS_MAX || most == 0 ? READ_IDS_MAX : most;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t distinct(int64_t *numbers, size_t count)
{
    size_t n = 0;
    if (count > 1)
        qsort(numbers, count, sizeof numbers[0], by_number);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || numbers[n - 1] != numbers[i])
            numbers[n++] = numbers[i];
    return n;
}

/* The records of the next rows, which are of one stream. */
static int list_records(struct there *t, int64_t **ret_records, size_t *ret_count,
                        struct error *err)
{
    struct rollback *r = t->r;
    const struct store_engine *e = rollback_engine(r);
    struct sent_row *rows;
    size_t count, n = 0;
    if (e->load_run_sent(r->store, r->of.id, t->before, 1, &rows, &count, &t->arena, err) != 0)
        return -1;
    t->object = count > 0 ? find_stream(r, rows[0].stream) : 0;
    t->stream = count > 0 ? rows[0].stream : 0;
    if (count > 0 && e->load_run_sent(r->store, r->of.id, t->before, most_records(t), &rows, &count,
                                      &t->arena, err) != 0)
        return -1;
    int64_t *records = arena_new(&t->arena, count, sizeof records[0]);
    for (; n < count && rows[n].stream == t->stream; n++)
        records[n] = rows[n].record; /* as many rows as records: some may be of one */
    if (n > 0)
        t->before = rows[n - 1].id;
    t->rows = (int64_t)n;
    *ret_records = records;
    *ret_count = distinct(records, n);
    return 0;
}

static struct there_record *record_of(struct there *t, const struct sent_row *row)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (t->records[middle].record < row->record)
            low = middle + 1;
        else
            high = middle;
    }
    return &t->records[low];
}

/* ---- what was written ---- */

static const struct rule *rule_for(const struct there *t, struct str name)
{
    const struct mapping *m = &there_object(t)->mapping;
    for (size_t i = 0; i < m->export_count; i++)
        if (str_eq(m->exports[i].to, name))
            return &m->rules[m->exports[i].rule];
    return NULL;
}

struct reading {
    struct there *t;
    struct there_record *record;
};

static struct str text_of(struct there *t, const struct json *value)
{
    struct buf text = BUF_INIT(RECORD_TEXT_MAX);
    if (!value)
        return STR("null");
    json_write(&text, value);
    struct str copy = arena_str(&t->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static struct there_field *field_of(struct reading *d, struct str name)
{
    struct there_record *record = d->record;
    struct arena *a = &d->t->arena;
    for (size_t i = 0; i < record->field_count; i++)
        if (str_eq(record->fields[i].name, name))
            return &record->fields[i];
    record->fields = arena_grow(a, record->fields, &record->field_cap, record->field_count + 1,
                                sizeof record->fields[0]);
    struct there_field *f = &record->fields[record->field_count++];
    *f = (struct there_field){.name = arena_str(a, name),
                              .rule = rule_for(d->t, name),
                              .association =
                                  descriptor_is_association(there_object(d->t)->vendor, name)};
    return f;
}

static bool read_field(void *arg, struct str name, const struct json *value)
{
    struct reading *d = arg;
    struct there_field *f = field_of(d, name);
    bool kept = json_length(value) > 2;
    if (!f->before.ptr)
        f->before = text_of(d->t, json_element(value, 0));
    f->after = text_of(d->t, json_element(value, 1));
    f->kept = kept ? text_of(d->t, json_element(value, 2)) : f->after;
    return true;
}

static int read_row(struct there *t, const struct sent_row *row, struct error *err)
{
    struct there_record *record = record_of(t, row);
    struct reading d = {t, record};
    const struct json *body = NULL;
    bool life = row->op == WRITE_CREATE || row->op == WRITE_UPSERT || row->op == WRITE_ARCHIVE ||
                row->op == WRITE_RESTORE;
    if (record->first == 0)
        record->first = row->id;
    record->external_id = row->external_id;
    if (life && !record->lifes) {
        record->lifes = true;
        record->made = row->op == WRITE_CREATE || row->op == WRITE_UPSERT;
        record->ends_there = row->op == WRITE_ARCHIVE;
    }
    bool bare = row->op == WRITE_ARCHIVE || row->op == WRITE_RESTORE;
    record->lost |= row->body.len == 0 && !bare;
    if (row->body.len == 0)
        return 0;
    if (json_parse(row->body, &body, NULL) != 0)
        return error_set(err, "what was sent as %lld is no JSON: run `fastenr doctor`",
                         (long long)row->id);
    json_each(body, read_field, &d);
    json_free(body);
    return 0;
}

/* Records with an earlier row come with that. */
static void keep_begun(struct there *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct there_record *record = &t->records[i];
        const struct object_setup *o = there_object(t);
        if (record->first >= t->before && rollback_wants(t->r, o->model, record->record))
            t->records[n++] = *record;
    }
    t->count = n;
}

static int load_links(struct there *t, struct error *err)
{
    struct link_row *links = arena_new(&t->arena, t->count, sizeof links[0]);
    t->ids = arena_new(&t->arena, t->count, sizeof t->ids[0]);
    for (size_t i = 0; i < t->count; i++)
        t->ids[t->id_count++] = t->records[i].external_id;
    if (rollback_engine(t->r)->load_links(t->r->store, t->stream, t->ids, t->count, links,
                                          &t->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < t->count; i++)
        t->records[i].link = links[i];
    return 0;
}

static int load_portion(struct there *t, struct error *err)
{
    struct rollback *r = t->r;
    struct sent_row *rows;
    int64_t *records;
    size_t count;
    if (list_records(t, &records, &t->count, err) != 0)
        return -1;
    t->records = arena_new(&t->arena, t->count, sizeof t->records[0]);
    for (size_t i = 0; i < t->count; i++)
        t->records[i].record = records[i];
    if (!there_object(t) || t->count == 0)
        return 0;
    if (rollback_engine(r)->load_sent_of(r->store, r->of.id, t->stream, records, t->count, &rows,
                                         &count, &t->arena, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (read_row(t, &rows[i], err) != 0)
            return -1;
    keep_begun(t);
    return load_links(t, err);
}

static void forget(struct there *t)
{
    for (size_t i = 0; i < t->page_count; i++)
        page_free(t->pages[i]);
    t->count = t->id_count = t->page_count = t->page_cap = t->group_count = t->group = 0;
    t->pages = NULL;
    arena_free(&t->arena);
}

static void tell_not_synced(struct there *t)
{
    static const char why[] = "its object is not synced any more";
    const struct rollback_item item = {.verdict = ROLLBACK_LEFT,
                                       .act = ROLLBACK_CHANGE,
                                       .there = true,
                                       .object = STR("(not synced)"),
                                       .why = str_from(why)};
    for (size_t i = 0; i < t->count && rollback_is_whole(t->r); i++)
        rollback_tell(t->r, &item);
    t->count = 0;
}

int there_next(struct there *t, bool *ret_more, struct error *err)
{
    do {
        forget(t);
        if (load_portion(t, err) != 0)
            return -1;
        if (!there_object(t))
            tell_not_synced(t);
        t->r->done += t->rows;
    } while (t->rows > 0 && t->count == 0);
    *ret_more = t->count > 0;
    return 0;
}

void there_free(struct there *t)
{
    forget(t);
}

/* ---- what is told ---- */

enum rollback_act there_act(const struct there_record *record)
{
    if (!record->lifes)
        return ROLLBACK_CHANGE;
    return record->ends_there ? ROLLBACK_REVIVE : ROLLBACK_END;
}

void there_tell(struct there *t, const struct there_record *record, const struct there_field *f,
                enum rollback_verdict verdict, struct str why)
{
    struct rollback_item item = {.verdict = verdict,
                                 .act = f ? ROLLBACK_CHANGE : there_act(record),
                                 .there = true,
                                 .object = there_object(t)->item->name,
                                 .record = record->external_id,
                                 .why = why};
    if (f) {
        item.field = f->name;
        item.from = f->now.len > 0 ? f->now : f->after;
        item.to = f->before;
    }
    rollback_tell(t->r, &item);
}

/* ---- what the vendor has ---- */

static int by_id(const void *a, const void *b)
{
    return str_cmp((*(const struct page_record *const *)a)->id,
                   (*(const struct page_record *const *)b)->id);
}

static void find_records(struct there *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->page_count; i++)
        n += t->pages[i]->count;
    const struct page_record **found = arena_new(&t->arena, n, sizeof found[0]);
    n = 0;
    for (size_t i = 0; i < t->page_count; i++)
        for (size_t j = 0; j < t->pages[i]->count; j++)
            if (t->pages[i]->records[j].fields)
                found[n++] = &t->pages[i]->records[j];
    if (n > 0)
        qsort(found, n, sizeof found[0], by_id);
    for (size_t i = 0; i < t->count && n > 0; i++) {
        const struct page_record wanted = {.id = t->records[i].external_id}, *key = &wanted;
        const struct page_record **at = bsearch(&key, found, n, sizeof found[0], by_id);
        t->records[i].found = at ? *at : NULL;
    }
}

/* The text of a value; ptr NULL: the vendor has none. */
static struct str scalar_of(struct str json, struct arena *arena)
{
    const struct json *value = NULL;
    struct str text = {NULL, 0};
    if (json_parse(json, &value, NULL) == 0 && json_kind(value) != JSON_NULL)
        text = arena_str(arena, answer_scalar(value, arena));
    json_free(value);
    return text.len > 0 ? text : (struct str){NULL, 0};
}

struct str there_only_id(struct str list, struct arena *arena)
{
    const struct json *value = NULL;
    struct str id = STR("");
    if (json_parse(list, &value, NULL) != 0)
        return id;
    if (json_kind(value) == JSON_ARRAY && json_length(value) == 1)
        id = arena_str(arena, answer_scalar(json_element(value, 0), arena));
    else if (json_kind(value) != JSON_ARRAY)
        id = arena_str(arena, answer_scalar(value, arena));
    json_free(value);
    return id;
}

static bool is_several(struct str list)
{
    const struct json *value = NULL;
    bool several = json_parse(list, &value, NULL) == 0 && json_kind(value) == JSON_ARRAY &&
                   json_length(value) > 1;
    json_free(value);
    return several;
}

/* Whether two values are the same, as the mapping reads them: "12.50" and 12.5 are. */
static bool is_same(const struct there *t, const struct there_field *f, struct str a, struct str b,
                    struct arena *arena)
{
    const uint8_t *key = store_hash_key(t->r->store);
    uint64_t x, y;
    if (f->association)
        return !is_several(a) && !is_several(b) &&
               str_eq(there_only_id(a, arena), there_only_id(b, arena));
    struct str one = scalar_of(a, arena), other = scalar_of(b, arena);
    if (!one.ptr || !other.ptr)
        return !one.ptr && !other.ptr;
    if (str_eq(one, other))
        return true;
    return f->rule && f->rule->from_count == 1 && str_eq(f->rule->from[0], f->name) &&
           rule_seen_hash(f->rule, key, one, arena, &x) == 0 &&
           rule_seen_hash(f->rule, key, other, arena, &y) == 0 && x == y;
}

/* ---- deciding ---- */

/* Whether the field of ours that it is written from is one of those that are to be taken back. */
static bool is_wanted(const struct rollback *r, const struct there_field *f)
{
    static const char prefix[] = "custom_fields.";
    struct str wanted = r->in->field;
    if (wanted.len == 0)
        return true;
    bool custom = str_starts(wanted, prefix);
    if (custom)
        wanted = str_slice(wanted, sizeof prefix - 1, wanted.len - (sizeof prefix - 1));
    return f->rule && custom == (f->rule->index < 0) && str_is(wanted, f->rule->field.name);
}

static bool is_as_written(struct there *t, const struct there_field *f)
{
    return is_same(t, f, f->now, f->kept, &t->arena) || is_same(t, f, f->now, f->after, &t->arena);
}

static void look_at(struct there *t, const struct there_record *record, struct there_field *f)
{
    const struct json *now = record->found ? json_member(record->found->fields, f->name) : NULL;
    f->now = text_of(t, now);
}

static void decide_field(struct there *t, const struct there_record *record, struct there_field *f)
{
    if (!is_wanted(t->r, f))
        return;
    if (!record->found)
        f->left = "the vendor does not have the record any more";
    else if (!f->rule)
        f->left = "no rule writes the field any more";
    else if (is_same(t, f, f->now, f->before, &t->arena))
        f->again = is_stale(t, record, f); /* done */
    else if (!is_as_written(t, f))
        f->left = "changed there since";
    else
        f->restores = true;
}

/* What an association would lead to again has ended there: it is not to be taken away for nothing.
 */
static int check_association(struct there *t, struct there_field *f, struct error *err)
{
    const struct setup *setup = t->r->in->setup;
    const struct object_setup *to =
        f->restores && f->association ? setup_object(setup, f->rule->lookup) : NULL;
    struct link_row link = {0};
    struct str id = to ? there_only_id(f->before, &t->arena) : STR("");
    if (id.len == 0)
        return 0;
    if (rollback_engine(t->r)->load_links(t->r->store, t->r->streams[to - setup->objects], &id, 1,
                                          &link, NULL, err) != 0)
        return -1;
    bool ended =
        link.ended == LINK_ARCHIVED || link.ended == LINK_ABSENT || link.ended == LINK_MERGED;
    f->restores = !ended;
    f->left = ended ? "the record that it was associated with has ended there" : NULL;
    return 0;
}

/* The run made it: it goes, unless somebody has changed what the run wrote. */
static void decide_made(struct there *t, struct there_record *record)
{
    const struct connector_object *vendor = there_object(t)->vendor;
    for (size_t i = 0; i < record->field_count && record->found; i++)
        if (record->fields[i].rule && !is_as_written(t, &record->fields[i]))
            record->left = arena_printf(&t->arena, "%.*s was changed there since",
                                        STR_ARG(record->fields[i].name));
    record->again = !record->found && is_stale(t, record, NULL);
    if (!record->found || record->left)
        return;
    record->irreversible = !vendor->archives;
    record->left = vendor->archives ? NULL : "the connector cannot archive a record";
    record->archives = vendor->archives;
}

static void decide_ended(struct there *t, struct there_record *record)
{
    const struct connector_object *vendor = there_object(t)->vendor;
    if (record->found)
        return; /* it is back already */
    record->revives = vendor->restores;
    record->irreversible = !vendor->restores;
    record->left = vendor->restores ? NULL : "the connector cannot bring an archived record back";
}

static int decide(struct there *t, struct there_record *record, struct error *err)
{
    bool life = record->lifes && t->r->in->field.len == 0;
    for (size_t i = 0; i < record->field_count; i++)
        look_at(t, record, &record->fields[i]);
    if (record->lost)
        record->left = "what was written is not known any more";
    else if (life && record->ends_there)
        decide_ended(t, record);
    else if (life)
        decide_made(t, record);
    for (size_t i = 0; i < record->field_count && !record->made && !record->lost; i++) {
        decide_field(t, record, &record->fields[i]);
        if (check_association(t, &record->fields[i], err) != 0)
            return -1;
        record->restored += record->fields[i].restores;
    }
    return 0;
}

static void tell_left(struct there *t, const struct there_record *record)
{
    enum rollback_verdict verdict = record->irreversible ? ROLLBACK_IRREVERSIBLE : ROLLBACK_LEFT;
    if (record->left)
        there_tell(t, record, NULL, verdict, str_from(record->left));
    for (size_t i = 0; i < record->field_count; i++)
        if (record->fields[i].left)
            there_tell(t, record, &record->fields[i], ROLLBACK_LEFT,
                       str_from(record->fields[i].left));
}

static void tell_plan(struct there *t, const struct there_record *record)
{
    struct rollback_total *total = rollback_total(t->r, true, there_object(t)->item->name);
    total->changed += record->restored > 0;
    total->ended += record->archives;
    total->revived += record->revives;
    if (record->archives || record->revives)
        there_tell(t, record, NULL, ROLLBACK_DONE, STR(""));
    for (size_t i = 0; i < record->field_count; i++)
        if (record->fields[i].restores)
            there_tell(t, record, &record->fields[i], ROLLBACK_DONE, STR(""));
}

int there_decide(struct there *t, struct error *err)
{
    find_records(t);
    for (size_t i = 0; i < t->count; i++) {
        if (decide(t, &t->records[i], err) != 0)
            return -1;
        tell_left(t, &t->records[i]);
        if (t->r->in->plan)
            tell_plan(t, &t->records[i]);
    }
    return 0;
}
