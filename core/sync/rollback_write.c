/* SPDX-License-Identifier: Apache-2.0 */
/* The writes by which a portion is taken back at the vendor: noted before they are sent, like those
 * of an export (export.h), and what became of them. */
#include "sync/rollback_there.h"

#include "sync/export_internal.h"
#include "sync/pause.h"

enum { BODY_MAX = 16 * 1024 * 1024 };

static const struct store_engine *store_of(const struct there *t)
{
    return rollback_engine(t->r);
}

/* The text to write; ptr NULL: the field is emptied. */
static struct str text_before(struct there *t, const struct there_field *f)
{
    const struct json *value = NULL;
    struct str text = {NULL, 0};
    if (json_parse(f->before, &value, NULL) == 0 && json_kind(value) == JSON_STRING)
        text = arena_str(&t->arena, json_string(value));
    else if (value && json_kind(value) != JSON_NULL)
        text = f->before; /* a number, as it stood there */
    json_free(value);
    return text.len > 0 ? text : (struct str){NULL, 0};
}

/* ---- what is seen of the vendor from now on ---- */

/* The link's shadow, once the vendor has these values in the fields that are restored: else the
 * next import would take them for a change of the vendor's. */
static struct str seen_with(struct there *t, struct there_record *record)
{
    const struct mapping *m = &there_object(t)->mapping;
    struct str seen = record->link.seen_remote, field;
    struct mapped mapped;
    struct error why;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct json *value = NULL;
        const struct there_field *f = &record->fields[i];
        if (f->restores && !f->refused && json_parse(f->done, &value, NULL) == 0)
            json_put_member(record->found->fields, f->name, value);
    }
    if (mapping_apply(m, store_hash_key(t->r->store), record->found->fields, &t->arena, &mapped,
                      &field, &why) != MAP_OK)
        return seen; /* the next import says what is wrong with it */
    for (size_t i = 0; i < m->rule_count; i++) {
        uint64_t hash;
        bool reads = false;
        for (size_t j = 0; j < record->field_count && !reads; j++)
            reads = record->fields[j].restores && !record->fields[j].refused &&
                    rule_reads(&m->rules[i], record->fields[j].name);
        if (reads && shadow_find(mapped.shadow, m->rules[i].field.id, &hash))
            seen = shadow_set(seen, m->rules[i].field.id, hash, &t->arena);
    }
    return seen;
}

static struct link_write link_of(const struct there *t, const struct there_record *record,
                                 struct str seen)
{
    return (struct link_write){.key = record->link.key,
                               .stream = t->stream,
                               .record = record->link.record,
                               .external_id = record->external_id,
                               .seen_remote = seen,
                               .seen_local = record->link.seen_local};
}

static void end_link(const struct there *t, struct store_batch *out,
                     const struct there_record *record, enum link_ended ended)
{
    if (record->link.key != 0)
        out->link_ends[out->link_end_count++] = (struct link_end){.key = record->link.key,
                                                                  .stream = t->stream,
                                                                  .record = record->link.record,
                                                                  .ended = ended};
}

/* ---- groups ---- */

static struct there_group *group_for(struct there *t, enum write_op op, struct str field)
{
    for (size_t i = 0; i < t->group_count; i++) {
        struct there_group *g = &t->groups[i];
        if (g->op == op && (g->count == 0 || !g->fields[0] || str_eq(g->fields[0]->name, field)))
            return g;
    }
    if (t->group_count == THERE_GROUPS)
        return NULL;
    struct there_group *g = &t->groups[t->group_count++];
    *g = (struct there_group){.op = op,
                              .records = arena_new(&t->arena, t->count, sizeof g->records[0]),
                              .fields = arena_new(&t->arena, t->count, sizeof g->fields[0])};
    return g;
}

static void add(struct there *t, enum write_op op, struct there_record *record,
                struct there_field *field)
{
    struct there_group *g = group_for(t, op, field ? field->name : STR(""));
    if (!g) { /* more fields than a mapping can have */
        there_tell(t, record, field, ROLLBACK_LEFT, STR("too many associations"));
        return;
    }
    g->records[g->count] = record;
    g->fields[g->count++] = field;
}

static bool restores_values(const struct there_record *record)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (record->fields[i].restores && !record->fields[i].association)
            return true;
    return false;
}

/* In the order in which they are sent: what is archived goes last. */
static void make_groups(struct there *t)
{
    static const enum write_op order[] = {WRITE_RESTORE, WRITE_UPDATE, WRITE_DISSOCIATE,
                                          WRITE_ASSOCIATE, WRITE_ARCHIVE};
    for (size_t o = 0; o < sizeof order / sizeof order[0]; o++)
        for (size_t i = 0; i < t->count; i++) {
            struct there_record *record = &t->records[i];
            if ((order[o] == WRITE_RESTORE && record->revives) ||
                (order[o] == WRITE_ARCHIVE && record->archives) ||
                (order[o] == WRITE_UPDATE && restores_values(record)))
                add(t, order[o], record, NULL);
            for (size_t j = 0; j < record->field_count; j++) {
                struct there_field *f = &record->fields[j];
                struct str id =
                    there_only_id(order[o] == WRITE_ASSOCIATE ? f->before : f->now, &t->arena);
                bool joins = order[o] == WRITE_ASSOCIATE || order[o] == WRITE_DISSOCIATE;
                if (f->restores && f->association && joins && id.len > 0)
                    add(t, order[o], record, f);
            }
        }
}

/* ---- notes and calls ---- */

static bool belongs(const struct there_group *g, size_t i, const struct there_field *f)
{
    if (g->fields[i])
        return f == g->fields[i];
    return g->op == WRITE_UPDATE && f->restores && !f->association;
}

/* {"vendor field": what is written}; `sent`: [before, after], and what the vendor keeps. */
static struct str body_of(struct there *t, const struct there_group *g, size_t i, bool sent)
{
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = {.out = &text};
    const struct there_record *record = g->records[i];
    json_open(&w, '{');
    for (size_t j = 0; j < record->field_count; j++) {
        const struct there_field *f = &record->fields[j];
        if (!belongs(g, i, f))
            continue;
        struct str after = f->association ? there_only_id(f->before, &t->arena) : text_before(t, f);
        json_key_str(&w, f->name);
        if (sent) {
            json_open(&w, '[');
            json_put_raw(&w, f->now);
        }
        after.len > 0 ? json_put_str(&w, after) : json_put_null(&w);
        if (sent && !f->association && f->done.len > 0 && !str_eq(f->done, f->before))
            json_put_raw(&w, f->done);
        if (sent)
            json_close(&w, ']');
    }
    json_close(&w, '}');
    bool bare = g->op == WRITE_ARCHIVE || g->op == WRITE_RESTORE;
    struct str none = sent && bare ? STR("") : STR("{}");
    struct str copy = text.full || bare ? none : arena_str(&t->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

/* [after, before] of what has gone back already. */
static struct str body_again(struct there *t, const struct there_record *record)
{
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    for (size_t j = 0; j < record->field_count; j++) {
        const struct there_field *f = &record->fields[j];
        if (!f->again)
            continue;
        struct str after = f->association ? there_only_id(f->before, &t->arena) : text_before(t, f);
        json_key_str(&w, f->name);
        json_open(&w, '[');
        json_put_raw(&w, f->kept);
        after.len > 0 ? json_put_str(&w, after) : json_put_null(&w);
        if (!f->association && !str_eq(f->now, f->before))
            json_put_raw(&w, f->now);
        json_close(&w, ']');
    }
    json_close(&w, '}');
    struct str copy = text.full ? STR("") : arena_str(&t->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static int note_group(struct there *t, struct there_group *g, struct error *err)
{
    struct export_write *rows = arena_new(&t->arena, g->count, sizeof rows[0]);
    g->notes = arena_new(&t->arena, g->count, sizeof g->notes[0]);
    g->results = arena_new(&t->arena, g->count, sizeof g->results[0]);
    for (size_t i = 0; i < g->count; i++)
        rows[i] = (struct export_write){.stream = t->stream,
                                        .run = t->r->run,
                                        .record = g->records[i]->record,
                                        .link = g->records[i]->link.key,
                                        .op = g->op,
                                        .state = WRITE_SENT,
                                        .at = world_now(t->r->in->host->world),
                                        .external_id = g->records[i]->external_id,
                                        .body = body_of(t, g, i, false)};
    if (store_of(t)->add_writes(t->r->store, rows, g->count, err) != 0)
        return -1;
    for (size_t i = 0; i < g->count; i++)
        g->notes[i] = rows[i].id;
    return 0;
}

static void fill_values(struct there *t, const struct there_record *record, struct write_row *row)
{
    struct write_value *values = arena_new(&t->arena, record->field_count, sizeof values[0]);
    row->values = values;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct there_field *f = &record->fields[i];
        if (!f->restores || f->association)
            continue;
        struct str text = text_before(t, f);
        values[row->value_count++] = (struct write_value){.name = f->name,
                                                          .value = text.ptr ? text : STR(""),
                                                          .type = export_type(f->rule->field.kind),
                                                          .clear = !text.ptr};
    }
}

static void make_call(struct there *t, struct there_group *g)
{
    struct write_row *rows = arena_new(&t->arena, g->count, sizeof rows[0]);
    for (size_t i = 0; i < g->count; i++) {
        const struct there_field *f = g->fields[i];
        rows[i] =
            (struct write_row){.write_id = export_write_id(t->r->store, g->notes[i], &t->arena),
                               .id = g->records[i]->external_id};
        if (g->op == WRITE_UPDATE)
            fill_values(t, g->records[i], &rows[i]);
        if (!f)
            continue;
        rows[i].field = f->name;
        rows[i].other_id = there_only_id(g->op == WRITE_ASSOCIATE ? f->before : f->now, &t->arena);
    }
    g->call = (struct write_request){.op = g->op,
                                     .object = there_object(t)->item->name,
                                     .rows = rows,
                                     .row_count = (uint32_t)g->count};
}

/* Before they are sent: whether a write was done or not, the next import then brings no more than
 * what is here already, and takes no record of ours away with the vendor's. */
static int note_links(struct there *t, struct error *err)
{
    struct store_batch out = {.object = there_object(t)->model,
                              .organization = t->r->organization,
                              .run = t->r->run,
                              .now_us = world_now(t->r->in->host->world),
                              .links = arena_new(&t->arena, t->count, sizeof out.links[0]),
                              .link_ends = arena_new(&t->arena, t->count, sizeof out.link_ends[0])};
    for (size_t i = 0; i < t->count; i++) {
        struct there_record *record = &t->records[i];
        if (record->archives)
            end_link(t, &out, record, LINK_ARCHIVED);
        if (record->restored == 0 || !record->found)
            continue;
        for (size_t j = 0; j < record->field_count; j++)
            record->fields[j].done = record->fields[j].before;
        record->seen = seen_with(t, record);
        if (record->link.key != 0)
            out.links[out.link_count++] = link_of(t, record, record->seen);
    }
    bool any = out.link_count + out.link_end_count > 0;
    return any ? store_of(t)->apply(t->r->store, &out, err) : 0;
}

/* What a rollback has done that was ended before it could say so: the journal gets it now. */
static int note_again(struct there *t, struct error *err)
{
    struct sent_row *rows = arena_new(&t->arena, t->count * 2, sizeof rows[0]);
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct there_record *record = &t->records[i];
        struct sent_row row = {.stream = t->stream,
                               .run = t->r->run,
                               .record = record->record,
                               .op = record->again ? WRITE_ARCHIVE : WRITE_UPDATE,
                               .at = world_now(t->r->in->host->world),
                               .external_id = record->external_id};
        bool any = record->again;
        for (size_t j = 0; j < record->field_count; j++)
            any |= record->fields[j].again;
        if (!record->again && any)
            row.body = body_again(t, record);
        if (any)
            rows[n++] = row;
    }
    return store_of(t)->add_sent(t->r->store, rows, n, err);
}

static int prepare(void *arg, struct error *err)
{
    struct there *t = arg;
    if (pause_check(t->r->store, t->r->of.connection.ptr, err) != 0)
        return -1;
    make_groups(t);
    for (size_t i = 0; i < t->group_count; i++) {
        if (note_group(t, &t->groups[i], err) != 0)
            return -1;
        make_call(t, &t->groups[i]);
    }
    return note_links(t, err) != 0 ? -1 : note_again(t, err);
}

int there_prepare(struct there *t, struct error *err)
{
    return store_transact(t->r->store, prepare, t, err);
}

/* ---- what became of them ---- */

void there_written(struct there *t, const struct write_result *results, uint32_t count)
{
    struct there_group *g = &t->groups[t->group];
    for (uint32_t i = 0; i < count; i++)
        for (size_t j = 0; j < g->count; j++) {
            const struct write_result *r = &results[i];
            if (!str_eq(g->call.rows[j].write_id, r->write_id))
                continue;
            g->results[j] = (struct write_result){.write_id = g->call.rows[j].write_id,
                                                  .outcome = r->outcome,
                                                  .modified_us = r->modified_us,
                                                  .fields = arena_str(&t->arena, r->fields),
                                                  .text = arena_str(&t->arena, r->text)};
            break;
        }
}

struct settling {
    struct there *t;
    struct there_group *group;
    struct store_batch out;
    struct sent_row *sent;
    size_t sent_count;
    int64_t *over; /* notes */
    size_t over_count;
    bool unclear;
};

/* What the vendor says that it keeps. */
static void take_kept(struct there *t, struct there_record *record,
                      const struct write_result *result)
{
    const struct json *fields = NULL;
    if (result->fields.len == 0 || json_parse(result->fields, &fields, NULL) != 0)
        return;
    for (size_t i = 0; i < record->field_count; i++) {
        struct there_field *f = &record->fields[i];
        struct buf text = BUF_INIT(RECORD_TEXT_MAX);
        if (f->restores && !f->association && json_has(fields, f->name)) {
            const struct json *value = json_member(fields, f->name);
            value ? json_write(&text, value) : buf_text(&text, "null");
            f->done = arena_str(&t->arena, buf_view(&text));
        }
        buf_free(&text);
    }
    json_free(fields);
}

static void settle_done(struct settling *s, size_t i)
{
    struct there *t = s->t;
    struct there_record *record = s->group->records[i];
    enum write_op op = s->group->op;
    if (op == WRITE_RESTORE)
        end_link(t, &s->out, record, LINK_LIVE);
    if (op == WRITE_UPDATE) {
        take_kept(t, record, &s->group->results[i]);
        record->seen = seen_with(t, record);
        if (record->link.key != 0)
            s->out.links[s->out.link_count++] = link_of(t, record, record->seen);
    }
    s->sent[s->sent_count++] = (struct sent_row){.stream = t->stream,
                                                 .run = t->r->run,
                                                 .record = record->record,
                                                 .op = op,
                                                 .at = world_now(t->r->in->host->world),
                                                 .external_id = record->external_id,
                                                 .body = body_of(t, s->group, i, true)};
}

/* They are as they were: what was seen of them, too. Of an association what was noted does no harm:
 * the next import finds what is here. */
static void settle_not_done(struct settling *s, size_t i)
{
    struct there_record *record = s->group->records[i];
    if (s->group->op == WRITE_ARCHIVE)
        end_link(s->t, &s->out, record, record->link.ended);
    if (s->group->op != WRITE_UPDATE || record->link.key == 0)
        return;
    for (size_t j = 0; j < record->field_count; j++)
        record->fields[j].refused |= belongs(s->group, i, &record->fields[j]);
    record->seen = seen_with(s->t, record);
    s->out.links[s->out.link_count++] = link_of(s->t, record, record->seen);
}

/* A note of a write that may be done stays, for the rollback that goes on. */
static int settle(void *arg, struct error *err)
{
    struct settling *s = arg;
    struct there *t = s->t;
    struct there_group *g = s->group;
    const struct store_engine *e = store_of(t);
    for (size_t i = 0; i < g->count; i++) {
        bool told = g->results[i].write_id.len > 0;
        if (told || !s->unclear)
            s->over[s->over_count++] = g->notes[i];
        if (told && g->results[i].outcome == OUTCOME_OK)
            settle_done(s, i);
        else if (told)
            settle_not_done(s, i);
    }
    if ((s->out.link_count + s->out.link_end_count > 0 && e->apply(t->r->store, &s->out, err) != 0))
        return -1;
    if (e->add_sent(t->r->store, s->sent, s->sent_count, err) != 0)
        return -1;
    return e->drop_writes(t->r->store, s->over, s->over_count, err);
}

/* ---- what is told ---- */

static struct str why_not(const struct write_result *r)
{
    if (r->outcome == OUTCOME_GONE)
        return STR("the vendor does not have the record any more");
    return r->text.len > 0 ? r->text : STR("the vendor refused it without a reason");
}

static bool is_refused(const struct write_result *r)
{
    return r->write_id.len > 0 && (r->outcome == OUTCOME_BAD_RECORD || r->outcome == OUTCOME_GONE ||
                                   r->outcome == OUTCOME_FAILED);
}

/* An association is told of once, by its last write. */
static bool is_last(struct there *t, const struct there_group *g, size_t i)
{
    return g->op != WRITE_DISSOCIATE || there_only_id(g->fields[i]->before, &t->arena).len == 0;
}

static void tell_fields(struct there *t, const struct there_group *g, size_t i,
                        enum rollback_verdict verdict, struct str why)
{
    const struct there_record *record = g->records[i];
    for (size_t j = 0; j < record->field_count; j++)
        if (belongs(g, i, &record->fields[j]))
            there_tell(t, record, &record->fields[j], verdict, why);
}

static void count_done(struct there *t, struct there_record *record, enum write_op op)
{
    struct rollback_total *total = rollback_total(t->r, true, there_object(t)->item->name);
    struct run_counts *counts = &t->r->rows[t->object].counts;
    bool life = op == WRITE_ARCHIVE || op == WRITE_RESTORE;
    total->ended += op == WRITE_ARCHIVE;
    total->revived += op == WRITE_RESTORE;
    total->changed += !life && !record->counted;
    counts->sent_deleted += op == WRITE_ARCHIVE;
    counts->sent_updated += op == WRITE_RESTORE || (!life && !record->counted);
    record->counted |= !life;
}

static void report(struct there *t, const struct there_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct write_result *r = &g->results[i];
        bool done = r->write_id.len > 0 && r->outcome == OUTCOME_OK;
        bool life = g->op == WRITE_ARCHIVE || g->op == WRITE_RESTORE;
        enum rollback_verdict verdict = done ? ROLLBACK_DONE : ROLLBACK_REFUSED;
        if (!done && !is_refused(r))
            continue; /* not proven to be done: the next one goes on with it */
        if (done)
            count_done(t, g->records[i], g->op);
        else
            t->r->rows[t->object].counts.refused++;
        if (life)
            there_tell(t, g->records[i], NULL, verdict, done ? STR("") : why_not(r));
        else if (!done || is_last(t, g, i))
            tell_fields(t, g, i, verdict, done ? STR("") : why_not(r));
    }
}

int there_settle(struct there *t, bool unclear, struct error *err)
{
    struct there_group *g = &t->groups[t->group];
    struct settling s = {.t = t, .group = g, .unclear = unclear};
    s.out = (struct store_batch){.object = there_object(t)->model,
                                 .organization = t->r->organization,
                                 .run = t->r->run,
                                 .now_us = world_now(t->r->in->host->world)};
    s.out.links = arena_new(&t->arena, g->count, sizeof s.out.links[0]);
    s.out.link_ends = arena_new(&t->arena, g->count, sizeof s.out.link_ends[0]);
    s.sent = arena_new(&t->arena, g->count, sizeof s.sent[0]);
    s.over = arena_new(&t->arena, g->count, sizeof s.over[0]);
    if (store_transact(t->r->store, settle, &s, err) != 0)
        return -1;
    report(t, g);
    t->group++;
    return 0;
}

static int unsend(void *arg, struct error *err)
{
    struct there *t = arg;
    for (size_t i = t->group; i < t->group_count; i++)
        if (store_of(t)->drop_writes(t->r->store, t->groups[i].notes, t->groups[i].count, err) != 0)
            return -1;
    return 0;
}

int there_unsend(struct there *t, struct error *err)
{
    return t->group < t->group_count ? store_transact(t->r->store, unsend, t, err) : 0;
}
