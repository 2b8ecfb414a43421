/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person decided becomes of our record and of the link. However it was decided, the vendor's
 * value in the conflict is from then on what both sides agree on (seen_local of the link): where
 * ours is another one, the next export writes it, as after a conflict that a policy settled.
 */
#include "sync/conflict.h"

#include "base/time.h"
#include "sync/bind.h"
#include "sync/custom.h"
#include "sync/export_map.h"
#include "sync/link_base.h"
#include "sync/merge.h"

enum { SHOWN = 80 };

struct settling {
    const struct conflict_settling *in;
    struct store *store;
    struct conflict_answer *answers;
    size_t count;
    int64_t organization, connection;
    int64_t run; /* 0: nothing has changed yet */
    bool leased;
    struct run_stream_row *touched; /* streams whose records have changed */
    size_t touched_count, touched_cap;
    struct arena arena;
};

/* One answer, and all that it is about. */
struct decision {
    struct settling *s;
    struct conflict_answer *answer;
    struct conflict_row row; /* id 0: there is none */
    const struct model_object *object;
    struct rule rule; /* the mapping's, else what the model knows */
    bool mapped;
    struct record_row record; /* key 0: it is gone */
    const struct json *custom;
    struct link_row link; /* key 0: none is live */
    struct value local, remote, wanted;
    bool remote_known;
};

/* Of each step below: 0; 1 with the answer's `why`; -1 with an error of the store. */
enum { REFUSED = 1 };

static const struct store_engine *engine_of(const struct decision *d)
{
    return d->s->store->engine;
}

/* ---- what it is about ---- */

static bool take_row(void *arg, const struct conflict_row *row)
{
    struct decision *d = arg;
    d->row = conflict_copy(row, &d->s->arena);
    return false;
}

static int refuse_settled(struct decision *d)
{
    const struct conflict_row *row = &d->row;
    const char *taken = row->state == CONFLICT_LOCAL    ? "our value"
                        : row->state == CONFLICT_REMOTE ? "the vendor's value"
                                                        : "another value";
    struct str by = row->by_policy ? STR("the connection's policy") : row->settled_by;
    char when[TIME_TEXT];
    error_set(&d->answer->why, "it was settled on %s by %.*s: %s was taken",
              time_format(row->settled_at, when), STR_ARG(by), taken);
    return REFUSED;
}

static int load_row(struct decision *d, struct error *err)
{
    const struct conflict_filter filter = {.id = d->answer->id};
    if (d->answer->id > 0 &&
        engine_of(d)->each_conflict(d->s->store, &filter, take_row, d, err) != 0)
        return -1;
    if (d->row.id == 0 || !str_eq(d->row.connection, d->s->in->connection)) {
        error_set(&d->answer->why, "there is no such conflict; `fastenr conflicts list` has them");
        return REFUSED;
    }
    if (d->row.state != CONFLICT_OPEN)
        return refuse_settled(d);
    d->object = model_object(d->row.object);
    if (d->object)
        return 0;
    error_set(&d->answer->why, "this fastenr does not know what its records are");
    return REFUSED;
}

static int find_rule(struct decision *d)
{
    const struct setup *setup = d->s->in->setup;
    const struct object_setup *o = setup ? setup_object(setup, d->row.vendor_object) : NULL;
    for (size_t i = 0; o && o->model == d->object && i < o->mapping.rule_count; i++)
        if (o->mapping.rules[i].field.id == d->row.field) {
            d->rule = o->mapping.rules[i];
            d->mapped = true;
            return 0;
        }
    if (conflict_rule(&d->row, &d->rule, &d->s->arena))
        return 0;
    error_set(&d->answer->why, "its field is not known any more");
    return d->answer->how == CONFLICT_LOCAL ? 0 : REFUSED;
}

static int load_sides(struct decision *d, struct error *err)
{
    struct settling *s = d->s;
    if (engine_of(d)->load_records(s->store, d->object, &d->row.record, 1, &d->record, &s->arena,
                                   err) != 0 ||
        (d->row.external_id.len > 0 &&
         engine_of(d)->load_links(s->store, d->row.stream, &d->row.external_id, 1, &d->link,
                                  &s->arena, err) != 0))
        return -1;
    if (d->link.ended != LINK_LIVE || d->link.record != d->row.record)
        d->link = (struct link_row){0};
    if ((d->record.key != 0 && d->record.deleted_at == 0) || d->answer->how == CONFLICT_LOCAL)
        return 0;
    error_set(&d->answer->why, "our record is gone: --take local closes the conflict");
    return REFUSED;
}

/* ---- what our record is to have ---- */

/* A reference is named by the id of the record. */
static int parse_reference(struct decision *d, struct str text, struct error *err)
{
    const struct model_object *to = model_object(str_from(d->rule.field.references));
    struct uuid id;
    int64_t key = 0;
    if (to && uuid_parse(text, &id) &&
        engine_of(d)->find_record(d->s->store, to, d->s->organization, &id, &key, err) != 0)
        return -1;
    d->wanted = (struct value){.state = VALUE_INTEGER, .integer = key};
    if (key != 0)
        return 0;
    error_set(&d->answer->why,
              "'%.*s' is not the id of a record of %s; `fastenr records %s` has them",
              SHOWN < text.len ? SHOWN : (int)text.len, text.ptr, d->rule.field.references,
              d->rule.field.references);
    return REFUSED;
}

static int parse_value(struct decision *d, struct error *err)
{
    struct str text = d->answer->value;
    struct error *why = &d->answer->why;
    d->wanted = (struct value){.state = VALUE_NULL};
    if (text.len == 0)
        return 0;
    if (d->rule.index >= 0 && d->rule.field.kind == KIND_REFERENCE)
        return parse_reference(d, text, err);
    if (!str_is_utf8(text))
        error_set(why, "the value is not UTF-8");
    else if (value_parse(d->rule.field.kind, text, &d->s->arena, &d->wanted, why) == 0)
        return 0;
    return REFUSED;
}

/* Whether the vendor can be given it, where the mapping is known; else the next sync finds out. */
static int check_writable(struct decision *d)
{
    const struct rule *rule = &d->rule;
    struct error why;
    struct str text;
    bool clear;
    if (!rule->exports || rule->lookup.len > 0 ||
        export_value(rule, rule->exports, &d->wanted, &d->s->arena, &text, &clear, &why) == 0)
        return 0;
    error_set(&d->answer->why, "it cannot be written to the vendor: %s", why.text);
    return REFUSED;
}

/* What was parsed as a value of the field's kind becomes the JSON that custom fields are. */
static void custom_json(struct decision *d)
{
    const struct rule plain = {.field = d->rule.field};
    if (d->wanted.state != VALUE_NULL)
        d->wanted = (struct value){.state = VALUE_TEXT,
                                   .text = conflict_json(&plain, &d->wanted, &d->s->arena)};
}

static int want_value(struct decision *d, struct error *err)
{
    struct error *why = &d->answer->why;
    if (d->rule.index < 0 && !d->mapped) {
        error_set(why, "the mapping of '%.*s' does not have this field any more",
                  STR_ARG(d->row.vendor_object));
        return REFUSED;
    }
    int rc = parse_value(d, err);
    if (rc != 0)
        return rc;
    if (d->wanted.state == VALUE_NULL && d->rule.field.required) {
        error_set(why, "%s is required: it needs a value", d->rule.field.name);
        return REFUSED;
    }
    if (value_validate(&d->rule.field, &d->wanted, why) != 0)
        return REFUSED;
    if (d->rule.index < 0)
        custom_json(d);
    return check_writable(d);
}

static int want_remote(struct decision *d, const struct error *unknown)
{
    struct error *why = &d->answer->why;
    d->wanted = d->remote;
    if (!d->remote_known)
        error_set(why, "the vendor's value cannot be taken: %s", unknown->text);
    else if (d->rule.index < 0 || value_validate(&d->rule.field, &d->remote, why) == 0)
        return 0;
    return REFUSED;
}

static int decide(struct decision *d, struct error *err)
{
    struct error unknown = {.text = ""};
    d->remote_known =
        conflict_value(&d->rule, d->row.remote, &d->s->arena, &d->remote, &unknown) == 0;
    if (d->answer->how == CONFLICT_VALUE)
        return want_value(d, err);
    return d->answer->how == CONFLICT_REMOTE ? want_remote(d, &unknown) : 0;
}

/* ---- whether it is still what was looked at ---- */

/* The conflict shows the new value, so that who decides once more knows what about. */
static int show_moved(struct decision *d, struct str now, struct error *err)
{
    struct conflict_row row = d->row;
    row.local = now;
    row.local_at = d->record.updated_at;
    int shown = now.len < SHOWN ? (int)now.len : SHOWN;
    error_set(&d->answer->why,
              "our record has another value by now: %.*s%s; decide once more, or --take local",
              shown, now.ptr, (size_t)shown < now.len ? "..." : "");
    return engine_of(d)->set_conflicts(d->s->store, &row, 1, err) != 0 ? -1 : REFUSED;
}

static int check_moved(struct decision *d, struct error *err)
{
    if (d->answer->how == CONFLICT_LOCAL)
        return 0;
    if (d->rule.index < 0 &&
        custom_read(d->object, d->record.key, d->record.custom, &d->custom, &d->answer->why) != 0)
        return REFUSED;
    if (field_of_record(&d->rule, &d->record, d->custom, &d->s->arena, &d->local) != 0) {
        error_set(&d->answer->why, "our value is too large");
        return REFUSED;
    }
    struct str now = conflict_json(&d->rule, &d->local, &d->s->arena);
    return str_eq(now, d->row.local) ? 0 : show_moved(d, now, err);
}

/* ---- our record ---- */

static int edit_custom(struct decision *d, struct str *ret_text, struct error *err)
{
    struct str wanted = d->wanted.state == VALUE_TEXT ? d->wanted.text : STR("");
    struct custom_change change = {.name = d->rule.field.name, .json = wanted};
    if (custom_edit(d->custom, &change, 1, &d->s->arena, ret_text))
        return 0;
    return error_set(err, "the custom fields of a record are larger than %d MiB", CUSTOM_MAX >> 20);
}

/* Of a log row: what the decision does. */
static int log_body(struct decision *d, struct str custom, struct str *ret_body, struct error *err)
{
    struct buf body = BUF_INIT(LOG_BODY_MAX);
    struct json_writer w = {.out = &body};
    json_open(&w, '{');
    if (d->rule.index < 0)
        log_custom(&w, d->record.custom, custom);
    else
        log_pair(&w, d->rule.field.name, d->rule.field.kind, &d->local, &d->wanted);
    json_close(&w, '}');
    *ret_body = arena_str(&d->s->arena, buf_view(&body));
    int rc = body.full ? error_set(err, "a change is larger than %d MiB", LOG_BODY_MAX >> 20) : 0;
    buf_free(&body);
    return rc;
}

static struct run_counts *counts_of(struct decision *d)
{
    struct settling *s = d->s;
    for (size_t i = 0; i < s->touched_count; i++)
        if (s->touched[i].stream == d->row.stream)
            return &s->touched[i].counts;
    s->touched = arena_grow(&s->arena, s->touched, &s->touched_cap, s->touched_count + 1,
                            sizeof s->touched[0]);
    struct run_stream_row *row = &s->touched[s->touched_count++];
    *row = (struct run_stream_row){.stream = d->row.stream};
    return &row->counts;
}

static int begin_run(struct settling *s, struct error *err)
{
    if (s->run != 0)
        return 0;
    struct str by =
        str_from(arena_printf(&s->arena, CONFLICT_STARTED_BY "%.*s", STR_ARG(s->in->by)));
    return s->store->engine->run_start(s->store, s->connection, by, &s->run, err);
}

/* Fills the update, where the record is to get another value. */
static int change_record(struct decision *d, struct record_update *update, bool *ret_changes,
                         struct error *err)
{
    struct str custom = d->record.custom, body;
    *ret_changes = d->answer->how != CONFLICT_LOCAL && !value_eq(&d->local, &d->wanted);
    if (!*ret_changes)
        return 0;
    if ((d->rule.index < 0 && edit_custom(d, &custom, err) != 0) ||
        log_body(d, custom, &body, err) != 0 || begin_run(d->s, err) != 0)
        return -1;
    if (d->rule.index >= 0)
        d->record.fields[d->rule.index] = d->wanted;
    d->record.custom = custom;
    d->record.updated_at = world_now(d->s->in->host->world);
    *update =
        (struct record_update){.row = &d->record,
                               .changed = d->rule.index >= 0 ? UINT64_C(1) << d->rule.index : 0,
                               .custom_changed = d->rule.index < 0,
                               .body = body};
    counts_of(d)->updated++;
    return 0;
}

/* ---- the store ---- */

/* With the vendor's value; ptr NULL: it stays as it is. */
static struct str base_of(struct decision *d, uint64_t remote)
{
    struct arena *a = &d->s->arena;
    if (!rule_keeps_base(&d->rule))
        return (struct str){NULL, 0};
    const struct link_base_entry entry = {d->row.field, remote,
                                          link_base_json(&d->rule, &d->remote, a)};
    return link_base_set(d->link.base, &entry, a);
}

static int write_all(struct decision *d, struct error *err)
{
    struct settling *s = d->s;
    struct record_update update = {0};
    struct link_write link = {0};
    bool changes, links = d->link.key != 0 && d->remote_known;
    if (change_record(d, &update, &changes, err) != 0)
        return -1;
    uint64_t remote = links ? rule_hash(store_hash_key(s->store), &d->remote) : 0;
    if (links)
        link = (struct link_write){
            .key = d->link.key,
            .stream = d->row.stream,
            .record = d->row.record,
            .external_id = d->row.external_id,
            .seen_remote = d->link.seen_remote,
            .seen_local = shadow_set(d->link.seen_local, d->row.field, remote, &s->arena),
            .base = base_of(d, remote)};
    struct store_batch batch = {.object = d->object,
                                .organization = s->organization,
                                .run = s->run,
                                .now_us = world_now(s->in->host->world),
                                .updates = &update,
                                .update_count = changes,
                                .links = &link,
                                .link_count = links};
    if (changes + links > 0 && engine_of(d)->apply(s->store, &batch, err) != 0)
        return -1;
    if (d->answer->how != CONFLICT_REMOTE &&
        engine_of(d)->queue_exports(s->store, d->row.stream, &d->row.record, 1, err) != 0)
        return -1;
    return engine_of(d)->settle_conflict(s->store, d->row.id, d->answer->how, s->in->by, err);
}

static int settle_one(struct settling *s, struct conflict_answer *answer, struct error *err)
{
    struct decision d = {.s = s, .answer = answer};
    int rc = load_row(&d, err);
    if (rc == 0)
        rc = find_rule(&d);
    if (rc == 0)
        rc = load_sides(&d, err);
    if (rc == 0)
        rc = check_moved(&d, err);
    if (rc == 0)
        rc = decide(&d, err);
    if (rc == 0)
        rc = write_all(&d, err);
    json_free(d.custom);
    answer->settled = rc == 0;
    return rc < 0 ? -1 : 0;
}

static int end_run(struct settling *s, struct error *err)
{
    const struct store_engine *e = s->store->engine;
    struct world *world = s->in->host->world;
    const struct run_row row = {.id = s->run,
                                .ended_at = world_now(world),
                                .status = RUN_OK,
                                .exit_signal = -1,
                                .exit_code = -1};
    if (s->run == 0)
        return 0;
    for (size_t i = 0; i < s->touched_count; i++)
        if (e->run_stream(s->store, s->run, &s->touched[i], err) != 0)
            return -1;
    return e->run_end(s->store, &row, err);
}

/* ---- all of them ---- */

static int bind_mappings(const struct settling *s, struct error *err)
{
    struct setup *setup = s->in->setup;
    for (size_t i = 0; setup && i < setup->object_count; i++)
        if (setup_bind(&setup->objects[i], s->store, err) != 0)
            return -1;
    return 0;
}

static int settle(void *arg, struct error *err)
{
    struct settling *s = arg;
    const struct store_engine *e = s->store->engine;
    const struct sync_host *host = s->in->host;
    if (e->organization(s->store, &host->organization, &s->organization, err) != 0 ||
        e->connection(s->store, s->in->connection, STR(""), &s->connection, err) != 0)
        return -1;
    int lease = e->lease(s->store, s->connection, err);
    if (lease > 0)
        return error_set(err, "'%.*s' is being synced just now: wait until that is done",
                         STR_ARG(s->in->connection));
    s->leased = lease == 0;
    if (lease < 0 || bind_mappings(s, err) != 0)
        return -1;
    for (size_t i = 0; i < s->count; i++)
        if (settle_one(s, &s->answers[i], err) != 0)
            return -1;
    return end_run(s, err);
}

int conflict_settle(const struct conflict_settling *in, struct conflict_answer *answers,
                    size_t count, int64_t *ret_run, struct error *err)
{
    struct settling s = {.in = in, .store = in->host->store, .answers = answers, .count = count};
    int rc = store_transact(s.store, settle, &s, err);
    if (s.leased)
        s.store->engine->release(s.store, s.connection);
    for (size_t i = 0; i < count && rc != 0; i++)
        answers[i].settled = false;
    *ret_run = rc == 0 ? s.run : 0;
    arena_free(&s.arena);
    return rc;
}
