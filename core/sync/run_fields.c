/* SPDX-License-Identifier: Apache-2.0 */
/* Before an object is read: the vendor is asked for its fields where that is due, and rules whose
 * fields have changed under them are paused. */
#include "base/log.h"
#include "sync/drift.h"
#include "sync/run_internal.h"

#define LOOK_EVERY US_PER_HOUR

/* The setup is the run's: pauses are set in its mappings. */
static struct mapping *mapping_of(struct run *run)
{
    size_t at = (size_t)(run_current(run)->setup - run->setup->objects);
    return &run->setup->objects[at].mapping;
}

void run_fields_end(struct run *run)
{
    arena_free(&run->look.arena);
    run->look = (struct run_look){0};
}

/* ---- reading with what is known ---- */

static void begin_read(struct run *run)
{
    struct error err;
    const struct run_object *object = run_current(run);
    struct str name = object->setup->item->name;
    if (drift_check(&object->setup->mapping, &run->look.known, &err) == 0) {
        run_current(run)->fields_known = true;
        run_read_begin(run);
        return;
    }
    run_conclude(run, RUN_FAILED,
                 arena_printf(&run->arena,
                              "%.*s: %s. Mend it at the vendor's or in the mapping, then `fastenr "
                              "sync %s --full` looks again (see `fastenr fields %s`)",
                              STR_ARG(name), err.text, run_name(run), run_name(run)));
}

static void read_as_known(struct run *run)
{
    drift_pause_rules(mapping_of(run), &run->look.known);
    begin_read(run);
}

/* ---- telling ---- */

static void tell_pause(struct run *run, const struct field_row *row)
{
    struct str object = run_current(run)->setup->item->name;
    struct buf what = BUF_INIT(1000);
    drift_describe(&what, row);
    if (row->pause == FIELD_REMOVED)
        log_line(LOG_WARN, run_name(run),
                 "%.*s: the field '%.*s' is paused: %s; what came of it stays. Put it back at the "
                 "vendor's, or take it out of the mapping",
                 STR_ARG(object), STR_ARG(row->name), buf_cstr(&what));
    else
        log_line(LOG_WARN, run_name(run),
                 "%.*s: the field '%.*s' is paused: %s; what came of it stays. Change the mapping "
                 "to fit, or take the field as it is: fastenr fields %s --accept %.*s.%.*s",
                 STR_ARG(object), STR_ARG(row->name), buf_cstr(&what), run_name(run),
                 STR_ARG(object), STR_ARG(row->name));
    buf_free(&what);
}

static void tell(struct run *run, const struct field_row *old, const struct field_row *row)
{
    struct str object = run_current(run)->setup->item->name;
    if (!drift_is_news(old, row))
        return;
    if (row->pause != FIELD_LIVE)
        tell_pause(run, row);
    else if (row->type == 0)
        log_line(LOG_WARN, run_name(run),
                 "%.*s: the mapping reads '%.*s', and the vendor has no such field: check its "
                 "name, or leave it out",
                 STR_ARG(object), STR_ARG(row->name));
    else if (old && old->pause != FIELD_LIVE)
        log_line(LOG_INFO, run_name(run),
                 "%.*s: the field '%.*s' is no longer paused; everything is read once more",
                 STR_ARG(object), STR_ARG(row->name));
}

/* ---- comparing, on the store executor ---- */

/* A pause that begins leaves what has been read as it is: the stream's hashes move along. One that
 * ends does not, and they differ: all is read again. */
static int keep_read(struct run *run, int64_t before, int64_t now, struct error *err)
{
    struct store *store = run->host->store;
    struct run_object *object = run_current(run);
    struct stream_state next = object->state;
    if (next.mapping_hash == before)
        next.mapping_hash = now;
    if (next.walk_hash == before)
        next.walk_hash = now;
    if (store->engine->set_stream(store, &next, err) != 0)
        return -1;
    object->state = next;
    return 0;
}

static int leave_to_reader(const struct run *run, struct error *err)
{
    struct str object = run_current(run)->setup->item->name;
    return error_set(err,
                     "%.*s: the vendor's fields have changed: what is due is exported by the next "
                     "read, which pauses their rules",
                     STR_ARG(object));
}

static int compare(void *arg, struct error *err)
{
    struct run *run = arg;
    struct store *store = run->host->store;
    struct run_look *look = &run->look;
    struct mapping *mapping = mapping_of(run);
    int64_t stream = run_current(run)->state.id;
    const bool *absent = run_current(run)->absent;
    if (store->engine->load_fields(store, stream, &look->before, &look->arena, err) != 0)
        return -1;
    drift_compare(mapping, &look->before, look->found, look->count, world_now(run->host->world),
                  &look->known, &look->arena);
    for (size_t i = 0; i < look->known.count && absent; i++)
        look->known.rows[i].sparse |= absent[i] && look->known.rows[i].pause == FIELD_LIVE;
    drift_pause_rules(mapping, &look->before);
    int64_t before = mapping->hash;
    bool ended = drift_pause_rules(mapping, &look->known);
    if (run->request.beside)
        return mapping->hash == before ? 0 : leave_to_reader(run, err);
    if (run_is_dry(run))
        return 0;
    if (store->engine->set_fields(store, stream, &look->known, err) != 0)
        return -1;
    return ended || mapping->hash == before ? 0 : keep_read(run, before, mapping->hash, err);
}

static int store_compare(struct run *run, struct error *err)
{
    return run_transact(run, compare, run, err);
}

static void compared(struct run *run)
{
    const struct run_look *look = &run->look;
    for (size_t i = 0; i < look->known.count; i++) {
        const struct field_row *row = &look->known.rows[i];
        tell(run, drift_find(&look->before, row->name), row);
    }
    if (run_goes_on(run))
        begin_read(run);
}

/* Nothing is known better; it is not asked again at once. */
static int note_look(void *arg, struct error *err)
{
    struct run *run = arg;
    struct store *store = run->host->store;
    if (run_is_dry(run))
        return 0;
    run->look.known.looked_at = world_now(run->host->world);
    run->look.known.mapping_hash = mapping_of(run)->rules_hash;
    return store->engine->set_fields(store, run_current(run)->state.id, &run->look.known, err);
}

static int store_look(struct run *run, struct error *err)
{
    return run_transact(run, note_look, run, err);
}

static void look_noted(struct run *run)
{
    if (run_goes_on(run))
        read_as_known(run);
}

/* ---- asking ---- */

enum outcome run_emit_field(void *arg, const struct vendor_field *field)
{
    struct run *run = arg;
    struct run_look *look = &run->look;
    const struct mapping *mapping = mapping_of(run);
    bool wanted = false;
    if (run->peering)
        return OUTCOME_OK;
    for (size_t i = 0; i < mapping->field_count && !wanted; i++)
        wanted = str_eq(mapping->fields[i], field->name);
    look->any = true;
    if (!wanted || look->count >= mapping->field_count)
        return OUTCOME_OK;
    look->found =
        arena_grow(&look->arena, look->found, &look->cap, look->count + 1, sizeof look->found[0]);
    look->found[look->count++] =
        (struct vendor_field){.name = arena_str(&look->arena, field->name),
                              .values = arena_str(&look->arena, field->values),
                              .type = field->type};
    return OUTCOME_OK;
}

void run_fields_found(struct run *run, const struct operation_result *result)
{
    struct str object = run_current(run)->setup->item->name;
    bool refused = result->outcome == OUTCOME_AUTH_FAILED || result->outcome == OUTCOME_BAD_CONFIG;
    if (!run_goes_on(run))
        return;
    run_current(run)->fields_asked = true;
    if (result->outcome == OUTCOME_OK && run->look.any) {
        run_submit(run, store_compare, compared);
        return;
    }
    if (run_current(run)->absent) {
        run_conclude(run, RUN_FAILED,
                     arena_printf(&run->arena,
                                  "%.*s: an answer lacks fields that the vendor had, and it does "
                                  "not say which it has now: %s",
                                  STR_ARG(object), result->text));
        return;
    }
    log_line(refused ? LOG_WARN : LOG_DEBUG, run_name(run),
             "%.*s: the vendor does not tell its fields, so that changes to them go unnoticed: %s",
             STR_ARG(object), result->outcome == OUTCOME_OK ? "there are none" : result->text);
    if (refused)
        run_submit(run, store_look, look_noted);
    else
        read_as_known(run);
}

/* ---- beginning ---- */

static int load(struct run *run, struct error *err)
{
    struct store *store = run->host->store;
    return store->engine->load_fields(store, run_current(run)->state.id, &run->look.known,
                                      &run->look.arena, err);
}

static bool is_due(struct run *run)
{
    const struct field_snapshot *known = &run->look.known;
    int64_t now = world_now(run->host->world);
    if (run->request.beside) /* the other run does */
        return run_current(run)->absent != NULL;
    return run->request.full || run_current(run)->absent ||
           !run_current(run)->state.has_watermark ||
           known->mapping_hash != mapping_of(run)->rules_hash || now < known->looked_at ||
           now - known->looked_at >= LOOK_EVERY;
}

static void loaded(struct run *run)
{
    if (!run_goes_on(run))
        return;
    if (is_due(run))
        worker_discover(session_worker(run->session), run_current(run)->setup->item->name);
    else
        read_as_known(run);
}

void run_fields_begin(struct run *run)
{
    if (run_current(run)->fields_known) {
        run_read_begin(run);
        return;
    }
    run_fields_end(run);
    run_submit(run, load, loaded);
}

bool run_fields_doubt(struct run *run, const struct page *page)
{
    struct run_object *object = run_current(run);
    const struct mapping *mapping = &object->setup->mapping;
    if (object->fields_asked)
        return false;
    for (size_t i = 0; i < mapping->field_count; i++) {
        const struct field_row *row = drift_find(&run->look.known, mapping->fields[i]);
        if (!row || !drift_is_absent(row, page))
            continue;
        if (!object->absent)
            object->absent = arena_new(&run->arena, mapping->field_count, sizeof object->absent[0]);
        object->absent[i] = true;
        run->doubted = true;
    }
    object->fields_known = !run->doubted;
    return run->doubted;
}

int run_fields_replay(struct run *run, struct error *err)
{
    int rc = load(run, err);
    if (rc == 0)
        drift_pause_rules(mapping_of(run), &run->look.known);
    if (rc == 0 && drift_check(&run_current(run)->setup->mapping, &run->look.known, err) != 0)
        rc = error_prefix(err, "%.*s", STR_ARG(run_current(run)->setup->item->name));
    run_fields_end(run);
    return rc;
}
