/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/service.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/format.h"
#include "sync/run.h"

#define LOOK_US          (2 * US_PER_SECOND)
#define BESIDE_GAP_US    US_PER_SECOND /* from one run beside to the next; doubled after failures */
#define BESIDE_GAP_TIMES 8

enum { STATUS_TEXT = 200 };

static const char where[] = "run";

/* ---- runs ---- */

static size_t all_running(const struct service *s)
{
    size_t running = 0;
    for (const struct generation *g = s->current; g; g = g->older)
        running += g->running;
    return running;
}

static bool is_busy(void *arg)
{
    return all_running(arg) > 0;
}

static void log_end(const struct run_row *row, bool crashed)
{
    struct run_counts t = run_total(row);
    bool good = row->status == RUN_OK || row->status == RUN_CANCELLED;
    char span[TIME_TEXT], name[128], sent[200] = "";
    if (count_any_sent(&t))
        snprintf(sent, sizeof sent,
                 ", sent %" PRId64 " new, %" PRId64 " changed, %" PRId64
                 " deleted, refused %" PRId64 ", conflicts %" PRId64,
                 t.sent_created, t.sent_updated, t.sent_deleted, t.refused, t.conflicted);
    snprintf(name, sizeof name, "%.*s", STR_ARG(row->connection));
    log_line(good                             ? LOG_INFO
             : row->status == RUN_QUARANTINED ? LOG_WARN
                                              : LOG_ERROR,
             name,
             "run %" PRId64 " %s: read %" PRId64 ", created %" PRId64 ", updated %" PRId64
             ", followed %" PRId64 ", deleted %" PRId64 ", restored %" PRId64 ", set aside %" PRId64
             "%s, took %s%s%.*s%s",
             row->id, run_status_name(row->status), t.read, t.created, t.updated, t.followed,
             t.deleted, t.restored, t.quarantined, sent,
             time_format_span(row->ended_at - row->started_at, span),
             row->reason.len > 0 ? "; " : "", STR_ARG(row->reason),
             crashed ? " (the connector crashed)" : "");
}

static enum schedule_result result_of(const struct run_row *row, bool crashed)
{
    if (crashed)
        return SCHEDULE_CRASHED;
    switch (row->status) {
    case RUN_FAILED:
    case RUN_INTERRUPTED:
        return SCHEDULE_PASSING;
    case RUN_STOPPED: /* by a guard: it would stop there again */
        return SCHEDULE_FAILED;
    case RUN_RUNNING:
    case RUN_OK:
    case RUN_QUARANTINED:
    case RUN_CANCELLED:
        break;
    }
    return SCHEDULE_OK;
}

/* For people who ask the service manager. */
static const char *standing(const struct service *s, char text[STATUS_TEXT])
{
    size_t running = all_running(s), count = s->current->count;
    snprintf(text, STATUS_TEXT, "%zu connection%s, %zu of them being synced%s", count,
             count == 1 ? "" : "s", running,
             s->refused ? "; a changed configuration has problems and was not taken: see the log"
                        : "");
    return text;
}

static void tell_standing(const struct service *s)
{
    char text[STATUS_TEXT];
    if (!s->stopping)
        notify_status(s->notify, standing(s, text));
}

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct member *m = arg;
    struct generation *g = m->generation;
    log_end(row, crashed);
    m->run = NULL;
    g->running--;
    if (g->schedule)
        schedule_finished(g->schedule, m->entry, result_of(row, crashed));
    tell_standing(g->service);
    if (g->service->watch)
        export_watch_look(g->service->watch);
}

static void on_progress(void *arg, const struct run_progress *progress)
{
    struct member *m = arg;
    log_line(LOG_DEBUG, m->connection->config->name.ptr, "%.*s: %" PRId64 " records read",
             STR_ARG(progress->object), progress->done.read);
}

/* A run of the same connection that an older generation began. */
static bool runs_elsewhere(const struct generation *g, struct str name)
{
    for (g = g->older; g; g = g->older)
        for (size_t i = 0; i < g->count; i++)
            if (g->members[i].run && str_eq(g->members[i].connection->config->name, name))
                return true;
    return false;
}

static bool start_entry(void *arg, size_t entry, bool woken)
{
    static const struct run_events events = {.progress = on_progress, .done = on_done};
    static const struct run_request due = {.started_by = {"schedule", 8}},
                                    change = {.started_by = {"change", 6}, .exports_only = true};
    struct generation *g = arg;
    struct member *m = &g->members[entry];
    if (g->service->stopping || m->revoked || runs_elsewhere(g, m->connection->config->name))
        return false;
    if (!woken)
        m->last_us = world_now(&g->service->app->world);
    log_line(LOG_INFO, m->connection->config->name.ptr,
             woken ? "sync begins: there are changes here" : "sync begins");
    g->running++;
    m->run = run_start(&g->service->app->host, &m->connection->setup,
                       &m->connection->connector->info.image, woken ? &change : &due, &events, m);
    tell_standing(g->service);
    return true;
}

/* ---- the interactive lane ---- */

/* What is due is no news any more to the watch: so it is tried again from here. A guard rail would
 * stop it once more. */
static void wait_after_failure(struct member *m, enum schedule_result result)
{
    struct world *world = &m->generation->service->app->world;
    int64_t gap = BESIDE_GAP_US << m->beside_failures;
    m->beside_from_us = world_monotonic(world) + gap;
    if (result != SCHEDULE_FAILED)
        loop_timer(world->loop, &m->beside_again, gap);
}

static void on_beside_done(void *arg, const struct run_row *row, bool crashed)
{
    struct member *m = arg;
    struct service *s = m->generation->service;
    enum schedule_result result = result_of(row, crashed);
    bool good = result == SCHEDULE_OK;
    log_end(row, crashed);
    m->beside = NULL;
    m->beside_failures = good ? 0 : m->beside_failures + 1;
    if (m->beside_failures > BESIDE_GAP_TIMES)
        m->beside_failures = BESIDE_GAP_TIMES;
    if (!good)
        wait_after_failure(m, result);
    if (s->watch)
        export_watch_look(s->watch);
}

/* A run that reads goes on: what changed here is exported beside it, where that can be. Else it may
 * be exporting it; the watch looks again when it has ended. */
static void export_beside(struct member *m, struct str object)
{
    static const struct run_events events = {.progress = on_progress, .done = on_beside_done};
    struct service *s = m->generation->service;
    int64_t now = world_monotonic(&s->app->world);
    if (s->stopping || m->revoked || m->beside || now < m->beside_from_us ||
        !run_takes_beside(m->run, object))
        return;
    const struct run_request request = {
        .started_by = STR("change"), .exports_only = true, .beside = m->run};
    log_line(LOG_INFO, m->connection->config->name.ptr,
             "sync begins beside the one that reads: there are changes here");
    m->beside_from_us = now + BESIDE_GAP_US;
    m->beside = run_start(&s->app->host, m->beside_setup, &m->connection->connector->info.image,
                          &request, &events, m);
}

/* Whichever object can be exported beside the read that goes on: such a run exports all of them. */
static void on_beside_again(void *arg)
{
    struct member *m = arg;
    const struct setup *setup = &m->connection->setup;
    m->beside_from_us = 0;
    for (size_t i = 0; m->run && i < setup->object_count; i++)
        if (setup->objects[i].mapping.export_count > 0)
            export_beside(m, setup->objects[i].item->name);
}

/* ---- generations ---- */

static void generation_free(struct generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        loop_timer_stop(g->service->app->world.loop, &g->members[i].beside_again);
    schedule_free(g->schedule);
    catalog_free(&g->catalog);
    free(g->members);
    free(g);
}

static bool take_last(void *arg, const struct run_row *row)
{
    *(int64_t *)arg = row->started_at;
    return false;
}

/* When its last run began: from the generation before, else from the store, which is ours alone
 * only while nothing runs. */
static int64_t last_run(const struct service *s, struct str name)
{
    const struct generation *before = s->current;
    int64_t last = 0;
    struct error err;
    for (size_t i = 0; before && i < before->count; i++)
        if (str_eq(before->members[i].connection->config->name, name))
            return before->members[i].last_us;
    if (before)
        return 0;
    struct store *store = s->app->host.store;
    if (store->engine->each_run(store, name, 0, 1, take_last, &last, &err) != 0)
        log_line(LOG_WARN, where, "%s", err.text);
    return last;
}

/* It was made without a mistake before. */
static struct setup *setup_again(struct catalog *c, const struct catalog_connection *connection)
{
    struct setup *setup = arena_new(&c->arena, 1, sizeof *setup);
    struct problems problems = {0};
    setup_make(connection->config, &connection->connector->info.descriptor, setup, &c->arena,
               &problems);
    problems_free(&problems);
    return setup;
}

static void add_members(struct generation *g)
{
    struct catalog *c = &g->catalog;
    g->members = mem_new(c->count + 1, sizeof g->members[0]);
    for (size_t i = 0; i < c->count; i++) {
        struct catalog_connection *connection = &c->connections[i];
        if (!connection->ready || !connection->config->enabled)
            continue;
        bool realtime = connection->config->schedule.frequency == FREQUENCY_REALTIME;
        g->members[g->count] =
            (struct member){.generation = g,
                            .connection = connection,
                            .entry = g->count,
                            .realtime = realtime,
                            .beside_setup = realtime ? setup_again(c, connection) : NULL,
                            .last_us = last_run(g->service, connection->config->name)};
        g->members[g->count].beside_again =
            (struct timer){.fn = on_beside_again, .arg = &g->members[g->count]};
        g->count++;
    }
}

static int start_schedule(struct generation *g, struct error *err)
{
    struct schedule_entry *entries = mem_new(g->count + 1, sizeof entries[0]);
    struct schedule_hooks hooks = {
        .start = start_entry, .arg = g, .limit = (size_t)g->catalog.host.sync.runs};
    for (size_t i = 0; i < g->count; i++)
        entries[i] = (struct schedule_entry){.name = g->members[i].connection->config->name,
                                             .config = &g->members[i].connection->config->schedule,
                                             .last_run_us = g->members[i].last_us};
    g->schedule = schedule_new(&g->service->app->world, entries, g->count, &hooks, err);
    free(entries);
    return g->schedule ? 0 : -1;
}

/* ---- changes here ---- */

static void on_change(void *arg, size_t entry, struct str object)
{
    struct service *s = arg;
    struct generation *g = s->current;
    if (entry >= g->count)
        return;
    if (g->members[entry].run)
        export_beside(&g->members[entry], object);
    else
        schedule_wake(g->schedule, entry);
}

static size_t add_watched(const struct member *m, struct export_watched *list)
{
    const struct setup *setup = &m->connection->setup;
    size_t count = 0;
    for (size_t i = 0; m->realtime && i < setup->object_count; i++)
        if (setup->objects[i].mapping.export_count > 0)
            list[count++] = (struct export_watched){.connection = m->connection->config->name,
                                                    .object = setup->objects[i].item->name,
                                                    .entry = m->entry};
    return count;
}

static void stop_watching(struct service *s)
{
    struct export_watch *watch = s->watch;
    s->watch = NULL; /* runs may end meanwhile */
    export_watch_close(watch);
}

static void watch_changes(struct service *s)
{
    const struct generation *g = s->current;
    size_t most = 0, count = 0;
    for (size_t i = 0; i < g->count; i++)
        most += g->members[i].connection->setup.object_count;
    struct export_watched *list = mem_new(most, sizeof list[0]);
    for (size_t i = 0; i < g->count; i++)
        count += add_watched(&g->members[i], list + count);
    if (count > 0)
        s->watch = export_watch_open(&s->app->host, list, count, on_change, s);
    free(list);
}

static void log_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        struct buf line = BUF_INIT(16384);
        problem_write(&line, &problems->items[i]);
        log_line(LOG_ERROR, "configuration", "%s", buf_cstr(&line));
        buf_free(&line);
    }
}

/* Connections whose connector ended before it had described itself cannot be synced: the run log
 * says so. */
static void note_crashes(struct service *s, const struct generation *g)
{
    for (size_t i = 0; i < g->catalog.count; i++) {
        const struct catalog_connection *c = &g->catalog.connections[i];
        if (c->config->enabled && c->connector && c->connector->info.crashed)
            run_note_crash(&s->app->host, c->config->name, STR("schedule"),
                           &c->connector->info.end);
    }
}

/* ---- watching files ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(1099511628211);
}

/* Changes with the name, size, time or number of any file that the configuration is read from. */
static uint64_t fingerprint(const char *dir)
{
    uint64_t sum = 0;
    DIR *d = opendir(dir);
    struct stat st;
    for (struct dirent *entry; d && (entry = readdir(d));) {
        struct str name = str_from(entry->d_name);
        if (entry->d_name[0] == '.' ||
            (!str_ends(name, ".yaml") && !str_ends(name, ".yml") && !str_is(name, "fastenr.conf") &&
             !str_is(name, PLUGINS_LOCK_NAME)))
            continue;
        uint64_t hash = UINT64_C(14695981039346656037);
        for (size_t i = 0; i < name.len; i++)
            hash = mix(hash, (unsigned char)name.ptr[i]);
        if (fstatat(dirfd(d), entry->d_name, &st, 0) == 0) {
            hash = mix(hash, (uint64_t)st.st_mtim.tv_sec);
            hash = mix(hash, (uint64_t)st.st_mtim.tv_nsec);
            hash = mix(mix(hash, (uint64_t)st.st_size), (uint64_t)st.st_ino);
        }
        sum += hash; /* whatever order the folder gives them in */
    }
    if (d)
        closedir(d);
    return sum;
}

/* With the connectors' files: those in use, and those that are missing. */
static uint64_t fingerprint_all(const struct service *s)
{
    uint64_t hash = fingerprint(s->app->dir);
    struct stat st;
    if (!s->current)
        return hash;
    for (const struct catalog_connector *c = s->current->catalog.connectors; c; c = c->next)
        if (stat(c->path, &st) == 0)
            hash = mix(mix(mix(hash, (uint64_t)st.st_mtim.tv_nsec), (uint64_t)st.st_size),
                       (uint64_t)st.st_ino ^ (uint64_t)st.st_mtim.tv_sec);
    return hash;
}

static void on_look(void *arg)
{
    struct service *s = arg;
    s->look_now = true;
    loop_timer(s->app->world.loop, &s->look, LOOK_US);
}

/* ---- reading again ---- */

static struct generation *read_generation(struct service *s)
{
    struct generation *g = MEM_NEW(struct generation);
    g->service = s;
    catalog_read(&g->catalog, s->app->dir, s->app->own_connectors);
    catalog_make(&g->catalog, &s->app->world, s->app->host.carrier);
    return g;
}

static void apply_host(struct service *s, const struct generation *g)
{
    const struct host_config *new = &g->catalog.host;
    s->app->host.limits = catalog_limits(&g->catalog);
    s->app->host.strict_jail = new->workers.strict_jail;
    pruner_set(&s->pruner, &new->retention);
    if (s->current && s->current->catalog.lock.state == LOCK_IS_READ &&
        g->catalog.lock.state == LOCK_IS_ABSENT)
        log_line(LOG_WARN, where, "%s is gone: connectors are no longer pinned",
                 g->catalog.lock.path);
    log_setup(&s->app->world, (enum log_level)(new->log.level + LOG_DEBUG), new->log.format == 1);
    if (s->current && (!str_eq(new->store, s->current->catalog.host.store) ||
                       memcmp(&new->organization, &s->current->catalog.host.organization,
                              sizeof new->organization) != 0 ||
                       new->sync.threads != s->current->catalog.host.sync.threads))
        log_line(LOG_WARN, where,
                 "store, organization or sync.threads has changed: restart `fastenr run` for that");
}

/* The new generation's schedule begins; the old one's ends, its runs go on. */
static int take_over(struct service *s, struct generation *g, struct error *err)
{
    add_members(g);
    if (start_schedule(g, err) != 0)
        return -1;
    apply_host(s, g);
    if (s->current) {
        schedule_free(s->current->schedule);
        s->current->schedule = NULL;
        g->older = s->current;
    }
    stop_watching(s);
    s->current = g;
    s->seen = fingerprint_all(s);
    watch_changes(s);
    return 0;
}

/* Of members of `old`: those whose connector, as it was described then, the lock of `new` refuses.
 */
static void revoke(struct generation *old, struct generation *new)
{
    for (size_t i = 0; i < old->count; i++) {
        struct member *m = &old->members[i];
        const char *why = plugins_lock_refusal(&new->catalog.lock, &m->connection->connector->info,
                                               &new->catalog.arena);
        if (why && !m->revoked)
            log_line(LOG_ERROR, m->connection->config->name.ptr, "stopped: %s", why);
        if (why && m->run)
            run_cancel(m->run);
        m->revoked = why != NULL;
    }
}

/* The configuration before stays in force, without the connectors that were forgotten since. */
static void obey_lock(struct service *s, struct generation *new)
{
    if (new->catalog.lock.state != LOCK_IS_READ)
        return;
    for (struct generation *g = s->current; g; g = g->older)
        revoke(g, new);
}

static void refuse(struct service *s, struct generation *g)
{
    s->refused = true;
    generation_free(g);
}

static void read_again(struct service *s)
{
    struct error err;
    uint64_t now = fingerprint_all(s);
    struct generation *g = read_generation(s);
    s->seen = now; /* what is wrong is told once, until a file changes again */
    if (g->catalog.problems.count > 0) {
        log_problems(&g->catalog.problems);
        note_crashes(s, g);
        obey_lock(s, g);
        log_line(LOG_ERROR, where,
                 "the changed configuration has %zu problem%s: the one before stays in force",
                 g->catalog.problems.count, g->catalog.problems.count == 1 ? "" : "s");
        refuse(s, g);
        return;
    }
    if (take_over(s, g, &err) != 0) {
        log_line(LOG_ERROR, where, "%s; the configuration before stays in force", err.text);
        refuse(s, g);
        return;
    }
    s->refused = false;
    log_line(LOG_INFO, where, "read %s again: %zu connection%s", s->app->dir, g->count,
             g->count == 1 ? "" : "s");
}

static void reload(struct service *s)
{
    notify_reloading(s->notify);
    read_again(s);
    service_ready(s);
}

/* Those whose last run has ended. */
static void free_older(struct service *s)
{
    for (struct generation **at = &s->current->older; *at;) {
        struct generation *g = *at;
        if (g->running > 0) {
            at = &g->older;
            continue;
        }
        *at = g->older;
        generation_free(g);
    }
}

/* ---- life ---- */

int service_open(struct service *s, struct app *app, struct notify *notify)
{
    struct error err;
    *s = (struct service){.app = app, .notify = notify};
    s->pruner = (struct pruner){
        .world = &app->world, .store = app->host.store, .is_busy = is_busy, .arg = s};
    if (app->host.store->engine->reap(app->host.store, 0, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    struct generation *g = read_generation(s);
    log_problems(&g->catalog.problems);
    if (take_over(s, g, &err) != 0) {
        complain("%s", err.text);
        generation_free(g);
        return EXIT_WORK_FAILED;
    }
    note_crashes(s, g); /* by the store's thread, so after the last look at the store from here */
    if (g->count == 0 && g->catalog.problems.count > 0) {
        complain("no connection can be synced: correct the problems above");
        return EXIT_USAGE;
    }
    log_line(LOG_INFO, where, "fastenr %s: %zu connection%s of %s, store %s", FASTENR_VERSION,
             g->count, g->count == 1 ? "" : "s", app->dir, store_location(app->host.store));
    if (g->count == 0)
        log_line(LOG_WARN, where, "no enabled connection in %s yet: put a .yaml file there",
                 app->dir);
    s->look = (struct timer){.fn = on_look, .arg = s};
    loop_timer(app->world.loop, &s->look, LOOK_US);
    pruner_start(&s->pruner, &g->catalog.host.retention);
    return 0;
}

void service_ready(struct service *s)
{
    char text[STATUS_TEXT];
    if (!s->stopping) /* told to, while the folder was being read */
        notify_ready(s->notify, standing(s, text));
}

void service_run(struct service *s)
{
    while (!s->stopping || all_running(s) > 0 || pruner_is_working(&s->pruner)) {
        loop_turn(s->app->world.loop, US_PER_MINUTE);
        free_older(s);
        if (s->look_now && fingerprint_all(s) != s->seen)
            s->reload_now = true;
        s->look_now = false;
        if (s->reload_now && !s->stopping) {
            s->reload_now = false;
            reload(s);
        }
    }
}

void service_stop(struct service *s)
{
    s->stopping = true;
    notify_stopping(s->notify, "ending the runs under way; what has been read is kept");
    loop_timer_stop(s->app->world.loop, &s->look);
    pruner_stop(&s->pruner);
    if (s->current) /* else nothing has been started yet */
        schedule_stop(s->current->schedule);
    for (struct generation *g = s->current; g; g = g->older)
        for (size_t i = 0; i < g->count; i++)
            if (g->members[i].run)
                run_cancel(g->members[i].run);
}

void service_reload(struct service *s)
{
    s->reload_now = true;
}

void service_close(struct service *s)
{
    stop_watching(s);
    loop_timer_stop(s->app->world.loop, &s->look);
    pruner_free(&s->pruner);
    while (s->current) {
        struct generation *g = s->current;
        s->current = g->older;
        generation_free(g);
    }
}
