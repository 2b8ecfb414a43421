/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/export_flips.h"

#include "base/json.h"
#include "sync/conflict.h"

#define FLIPS_WITHIN US_PER_HOUR

struct noting {
    struct export_flips *f;
    int64_t record;
};

static struct str text_of(const struct json *value, struct arena *arena)
{
    struct buf text = BUF_INIT(RECORD_TEXT_MAX);
    json_write(&text, value);
    struct str copy = text.full ? STR("") : arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static bool note_field(void *arg, struct str name, const struct json *pair)
{
    struct noting *n = arg;
    struct export_flips *f = n->f;
    struct arena *a = &f->x->arena;
    const struct json *before = json_element(pair, 0), *after = json_element(pair, 1);
    if (!before || !after)
        return true;
    f->writes = arena_grow(a, f->writes, &f->cap, f->count + 1, sizeof f->writes[0]);
    f->writes[f->count++] = (struct flip_write){.record = n->record,
                                                .field = arena_str(a, name),
                                                .before = text_of(before, a),
                                                .after = text_of(after, a)};
    return true;
}

static bool note_sent(void *arg, const struct sent_row *row)
{
    struct noting n = {arg, row->record};
    const struct json *body;
    if (row->body.len == 0 || json_parse(row->body, &body, NULL) != 0)
        return true; /* pruned, or erased */
    json_each(body, note_field, &n);
    json_free(body);
    return true;
}

static bool note_decided(void *arg, const struct conflict_row *row)
{
    struct export_flips *f = arg;
    int64_t since = world_now(f->x->merge.world) - FLIPS_WITHIN;
    if (row->by_policy || row->settled_at < since || str_is(row->settled_by, CONFLICT_BY_SYNC))
        return true;
    f->decided = arena_grow(&f->x->arena, f->decided, &f->decided_cap, f->decided_count + 1,
                            sizeof f->decided[0]);
    f->decided[f->decided_count++] =
        (struct conflict_row){.record = row->record, .field = row->field};
    return true;
}

/* Of a record that few writes went to nothing needs to be known. */
static int load_decided(struct export_flips *f, int64_t record, struct error *err)
{
    const struct merge *m = &f->x->merge;
    const struct conflict_filter filter = {.stream = m->target->stream, .record = record};
    size_t writes = 0;
    for (size_t i = 0; i < f->count; i++)
        writes += f->writes[i].record == record;
    return writes < FLIPS_MOST
               ? 0
               : m->store->engine->each_conflict(m->store, &filter, note_decided, f, err);
}

int flips_load(struct export_flips *f, struct export *x, const struct export_due *due,
               struct error *err)
{
    const struct merge *m = &x->merge;
    int64_t *records = arena_new(&x->arena, x->count, sizeof records[0]);
    for (size_t i = 0; i < x->count; i++)
        records[i] = due[i].record;
    f->x = x;
    int rc =
        m->store->engine->each_recent_sent(m->store, m->target->stream, records, x->count,
                                           world_now(m->world) - FLIPS_WITHIN, note_sent, f, err);
    for (size_t i = 0; i < x->count && rc == 0 && f->count > 0; i++)
        rc = load_decided(f, records[i], err);
    return rc;
}

static bool was_decided(const struct export_flips *f, int64_t record, uint16_t id)
{
    for (size_t i = 0; i < f->decided_count; i++)
        if (f->decided[i].record == record && f->decided[i].field == id)
            return true;
    return false;
}

bool flips_park(const struct export_flips *f, int64_t record, const struct export_field *field,
                uint16_t id, struct str after)
{
    const struct flip_write *last = NULL;
    int flips = 0;
    bool same = false;
    for (size_t i = 0; i < f->count; i++) {
        const struct flip_write *w = &f->writes[i];
        if (w->record != record || !str_eq(w->field, field->rule->to))
            continue;
        /* What was there before is another value than we had put there. */
        flips += last && !str_eq(last->after, w->before);
        same = same || str_eq(w->after, after);
        last = w;
    }
    flips += last && !str_eq(last->after, field->before);
    return same && flips >= FLIPS_MOST && !was_decided(f, record, id);
}
