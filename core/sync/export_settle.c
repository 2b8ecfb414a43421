/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the writes of a group. */
#include "plugin/answer.h"
#include "sync/export_internal.h"

enum { BODY_MAX = 16 * 1024 * 1024 };

struct settling {
    struct export *x;
    struct export_group *group;
    struct link_write *links;
    struct link_end *ends;
    struct sent_row *sent;
    struct export_write *refused;
    int64_t *ended;   /* notes of writes whose outcome is known */
    int64_t *doubted; /* notes of creations that may be done */
    int64_t *done;    /* records that are done with */
    size_t link_count, end_count, sent_count, refused_count, ended_count, doubted_count, done_count;
    struct run_counts counts;
};

static void allocate(struct settling *s)
{
    struct arena *a = &s->x->arena;
    size_t n = s->group->count;
    s->links = arena_new(a, n, sizeof s->links[0]);
    s->ends = arena_new(a, n, sizeof s->ends[0]);
    s->sent = arena_new(a, n, sizeof s->sent[0]);
    s->refused = arena_new(a, n, sizeof s->refused[0]);
    s->ended = arena_new(a, n, sizeof s->ended[0]);
    s->doubted = arena_new(a, n, sizeof s->doubted[0]);
    s->done = arena_new(a, n, sizeof s->done[0]);
}

/* ---- what the vendor has now ---- */

/* The text that the vendor says it keeps; the one that was written where it does not say. */
static struct str kept_text(struct settling *s, const struct json *fields,
                            const struct export_field *f)
{
    const struct json *value = json_member(fields, f->rule->to);
    struct str written = f->clear ? (struct str){NULL, 0} : f->text;
    if (!value)
        return written;
    return json_kind(value) == JSON_NULL ? (struct str){NULL, 0}
                                         : answer_scalar(value, &s->x->arena);
}

static void see(struct settling *s, struct export_item *item, const struct export_field *f,
                struct str text)
{
    const struct mapping *m = &s->x->merge.target->object->mapping;
    const struct rule *rule = &m->rules[f->rule->rule];
    struct arena *a = &s->x->arena;
    uint64_t hash;
    export_agree(rule, item, f, a);
    if (export_reads_back(rule, f->rule) &&
        rule_seen_hash(rule, store_hash_key(s->x->merge.store), text, a, &hash) == 0)
        item->link.seen_remote = shadow_set(item->link.seen_remote, rule->field.id, hash, a);
}

/* The vendor has nothing there for now, as is known; what both sides agree on is as it was. */
static void see_none(struct settling *s, struct export_item *item, const struct export_field *f)
{
    const struct rule *rule = &s->x->merge.target->object->mapping.rules[f->rule->rule];
    struct arena *a = &s->x->arena;
    uint64_t hash;
    if (export_reads_back(rule, f->rule) && rule_seen_hash(rule, store_hash_key(s->x->merge.store),
                                                           (struct str){NULL, 0}, a, &hash) == 0)
        item->link.seen_remote = shadow_set(item->link.seen_remote, rule->field.id, hash, a);
}

static void put_kept(struct json_writer *w, const struct export_field *f)
{
    if (!f || str_eq(f->clear ? (struct str){NULL, 0} : f->text, f->kept))
        return;
    f->kept.ptr ? json_put_str(w, f->kept) : json_put_null(w);
}

/* {"vendor field": [before, after]}, and a third text where the vendor keeps another one than was
 * written: a rollback knows by it that nobody has changed the field since. */
static struct str sent_body(struct settling *s, size_t row)
{
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = {.out = &text};
    size_t count;
    const struct export_field *fields = export_fields(s->group, row, &count);
    json_open(&w, '{');
    for (size_t i = 0; i < count; i++) {
        const struct export_field *f = &fields[i];
        json_key_str(&w, f->rule->to);
        json_open(&w, '[');
        json_put_raw(&w, f->before.len > 0 ? f->before : STR("null"));
        export_put(&w, f);
        put_kept(&w, s->group->joined[row] ? NULL : f);
        json_close(&w, ']');
    }
    json_close(&w, '}');
    struct str copy = text.full ? STR("") : arena_str(&s->x->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

/* ---- a write that was done ---- */

static void note_sent(struct settling *s, size_t i)
{
    const struct export_item *item = s->group->items[i];
    const struct merge *m = &s->x->merge;
    bool archived = s->group->op == WRITE_ARCHIVE;
    s->sent[s->sent_count++] = (struct sent_row){.stream = m->target->stream,
                                                 .run = m->run,
                                                 .record = item->record,
                                                 .op = s->group->op,
                                                 .at = s->x->vendor_now,
                                                 .external_id = item->external_id,
                                                 .body = archived ? STR("") : sent_body(s, i)};
}

static void write_link(struct settling *s, const struct export_item *item, int64_t modified_us)
{
    s->links[s->link_count++] = export_link_of(s->x, item, modified_us);
}

/* Of a record that is new there the vendor has nothing but what was written: not in fields that are
 * only read, either, so that reading it for the first time does not empty ours. */
static void begin_link(struct settling *s, struct export_item *item, struct str id)
{
    const struct mapping *m = &s->x->merge.target->object->mapping;
    const uint8_t *key = store_hash_key(s->x->merge.store);
    struct arena *a = &s->x->arena;
    const struct value none = {.state = VALUE_NULL};
    uint64_t nothing = rule_hash(key, &none), seen;
    item->external_id = arena_str(a, id);
    item->link.seen_remote = item->link.seen_local = item->link.base = STR("");
    for (size_t i = 0; i < m->export_count; i++)
        item->link.seen_local =
            shadow_set(item->link.seen_local, m->rules[m->exports[i].rule].field.id, nothing, a);
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct rule *rule = &m->rules[i];
        if (rule->from_count == 1 &&
            rule_seen_hash(rule, key, (struct str){NULL, 0}, a, &seen) == 0)
            item->link.seen_remote = shadow_set(item->link.seen_remote, rule->field.id, seen, a);
    }
}

static void settle_values(struct settling *s, struct export_item *item,
                          const struct write_result *result)
{
    const struct json *fields = NULL;
    bool is_new = item->link.key == 0;
    if (result->fields.len > 0 && json_parse(result->fields, &fields, NULL) != 0)
        fields = NULL; /* what was written is believed instead */
    if (is_new)
        begin_link(s, item, result->id);
    for (size_t i = 0; i < item->value_count; i++) {
        struct str kept = kept_text(s, fields, &item->values[i]);
        item->values[i].kept = kept.ptr ? arena_str(&s->x->arena, kept) : kept;
        see(s, item, &item->values[i], kept);
    }
    json_free(fields);
    write_link(s, item, result->modified_us);
    s->counts.sent_created += is_new;
    s->counts.sent_updated += !is_new;
}

static void settle_join(struct settling *s, struct export_item *item, struct export_field *f)
{
    bool last = s->group->op == WRITE_ASSOCIATE || f->clear;
    if (!last) {
        see_none(s, item, f); /* should the other half fail, the vendor has not changed it */
        write_link(s, item, 0);
        return;
    }
    see(s, item, f, f->clear ? (struct str){NULL, 0} : f->text);
    write_link(s, item, 0);
    s->counts.sent_updated += item->value_count == 0;
}

static void settle_archive(struct settling *s, struct export_item *item)
{
    s->ends[s->end_count++] = (struct link_end){.key = item->link.key,
                                                .stream = s->x->merge.target->stream,
                                                .record = item->record,
                                                .ended = LINK_ARCHIVED};
    s->counts.sent_deleted++;
}

static void settle_done(struct settling *s, size_t i)
{
    struct export_item *item = s->group->items[i];
    struct export_field *joined = s->group->joined[i];
    if (s->group->op == WRITE_ARCHIVE)
        settle_archive(s, item);
    else if (joined)
        settle_join(s, item, joined);
    else
        settle_values(s, item, &s->group->results[i]);
    note_sent(s, i);
    s->ended[s->ended_count++] = s->group->ids[i];
    if (--item->left == 0)
        s->done[s->done_count++] = item->record;
}

/* ---- one that was not ---- */

/* The record is due again when it changes; or sooner, where another write of it is not done: one
 * that is refused does not end those. Without the record itself there is none. */
static void refuse(struct settling *s, size_t i, struct str why)
{
    struct export_item *item = s->group->items[i];
    struct export_write *row = &s->refused[s->refused_count++];
    *row = export_write_of(s->x, item, s->group->op, WRITE_REFUSED);
    row->body = s->group->bodies[i];
    row->reason = arena_str(&s->x->arena, why);
    s->ended[s->ended_count++] = s->group->ids[i];
    if (--item->left == 0 || item->link.key == 0)
        s->done[s->done_count++] = item->record;
    s->counts.refused++;
}

/* Nothing was said of it: a record may have been made. Anything else does no harm when it is done
 * once more, and its record stays due. */
static void doubt(struct settling *s, size_t i, bool unclear)
{
    if (unclear && (s->group->op == WRITE_CREATE || s->group->op == WRITE_UPSERT))
        s->doubted[s->doubted_count++] = s->group->ids[i];
    else
        s->ended[s->ended_count++] = s->group->ids[i];
}

/* The id is another record's here: the vendor has one where we have two. */
static int find_taken(struct settling *s, bool *taken, struct error *err)
{
    struct export *x = s->x;
    size_t n = s->group->count;
    bool creates = s->group->op == WRITE_CREATE || s->group->op == WRITE_UPSERT;
    if (!creates)
        return 0;
    struct str *ids = arena_new(&x->arena, n, sizeof ids[0]);
    struct link_row *links = arena_new(&x->arena, n, sizeof links[0]);
    for (size_t i = 0; i < n; i++)
        ids[i] = s->group->results[i].id.ptr ? s->group->results[i].id : STR("");
    if (engine_of(x)->load_links(x->merge.store, x->merge.target->stream, ids, n, links, NULL,
                                 err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        taken[i] = ids[i].len > 0 && links[i].key != 0;
    return 0;
}

static void settle_row(struct settling *s, size_t i, bool unclear, bool taken)
{
    const struct write_result *r = &s->group->results[i];
    bool creates = s->group->op == WRITE_CREATE || s->group->op == WRITE_UPSERT;
    if (r->write_id.len == 0)
        doubt(s, i, unclear);
    else if (r->outcome == OUTCOME_OK && creates && r->id.len == 0)
        doubt(s, i, true);
    else if (r->outcome == OUTCOME_OK && taken)
        refuse(s, i, STR("the vendor's record is linked to another one of ours: merge the two"));
    else if (r->outcome == OUTCOME_OK)
        settle_done(s, i);
    else if (r->outcome == OUTCOME_GONE)
        refuse(s, i, STR("the vendor does not have the record any more"));
    else if (r->outcome == OUTCOME_BAD_RECORD || r->outcome == OUTCOME_FAILED)
        refuse(s, i, r->text.len > 0 ? r->text : STR("the vendor refused it without a reason"));
    else
        doubt(s, i, false); /* proven not done: later */
}

/* ---- the transaction ---- */

static int store_rows(struct settling *s, struct error *err)
{
    const struct merge *m = &s->x->merge;
    const struct store_engine *e = engine_of(s->x);
    struct store_batch batch = store_batch_of(m, m->target->object->model, world_now(m->world));
    batch.links = s->links;
    batch.link_count = s->link_count;
    batch.link_ends = s->ends;
    batch.link_end_count = s->end_count;
    if ((s->link_count + s->end_count > 0 && e->apply(m->store, &batch, err) != 0) ||
        e->add_sent(m->store, s->sent, s->sent_count, err) != 0 ||
        e->set_writes(m->store, s->doubted, s->doubted_count, WRITE_DOUBTED, err) != 0 ||
        e->drop_writes(m->store, s->ended, s->ended_count, err) != 0 ||
        e->add_writes(m->store, s->refused, s->refused_count, err) != 0)
        return -1;
    return e->drop_exports(m->store, m->target->stream, s->done, s->done_count, err);
}

struct settle_call {
    struct settling *s;
    bool unclear;
};

static int settle(void *arg, struct error *err)
{
    struct settle_call *call = arg;
    struct settling *s = call->s;
    bool *taken = arena_new(&s->x->arena, s->group->count, sizeof taken[0]);
    if (find_taken(s, taken, err) != 0)
        return -1;
    for (size_t i = 0; i < s->group->count; i++)
        settle_row(s, i, call->unclear, taken[i]);
    return store_rows(s, err);
}

int export_settle(struct export *x, struct export_group *group, bool unclear, struct error *err)
{
    struct settling s = {.x = x, .group = group};
    struct settle_call call = {&s, unclear};
    allocate(&s);
    if (store_transact(x->merge.store, settle, &call, err) != 0)
        return -1;
    x->created |= s.counts.sent_created > 0;
    x->counts->sent_created += s.counts.sent_created;
    x->counts->sent_updated += s.counts.sent_updated;
    x->counts->sent_deleted += s.counts.sent_deleted;
    x->counts->refused += s.counts.refused;
    return 0;
}

struct unsend_call {
    struct export *x;
    size_t first;
};

static int unsend(void *arg, struct error *err)
{
    const struct unsend_call *call = arg;
    const struct export *x = call->x;
    for (size_t i = call->first; i < x->group_count; i++)
        if (engine_of(x)->drop_writes(x->merge.store, x->groups[i].ids, x->groups[i].count, err) !=
            0)
            return -1;
    return 0;
}

int export_unsend(struct export *x, size_t first, struct error *err)
{
    struct unsend_call call = {x, first};
    return first < x->group_count ? store_transact(x->merge.store, unsend, &call, err) : 0;
}
