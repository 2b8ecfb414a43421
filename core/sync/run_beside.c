/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interactive lane: a run that exports what changed here beside one that reads, of the same
 * connection, so that a long read delays no change. It has a session and a place in the run log of
 * its own, and the lease of the one that reads, which ends only after it.
 *
 * Why nothing is lost or done twice:
 * - From the look at the vendor's records until what was written of them is settled, the read
 *   commits nothing; its requests go on. So no page meets a record that has just been made there
 *   before it is linked.
 * - A page may have been asked for before that look, and be committed after it: what it says of
 *   such a record is older than what is known. So the ids that were looked at, that were merged
 *   into these there, and that were made are kept for as long as the walk lasts, and the walk
 * leaves them out. It need not read them again: they were read after `until`, up to which it has to
 * read; what changed there later has a later time, and the next walk begins before that.
 * - A link that is left out was met, and one that was made since the walk began is not looked for:
 *   neither is taken for absent.
 * - The state of the stream is the reading run's alone: position, watermark and fields are left as
 *   they are, and what is due after a first read, or with another mapping, waits for that run.
 * - The reading run goes on to what follows a walk (ends, its own export, the end of the lease)
 * only when this one is over.
 */
#include "sync/run_internal.h"

/* Ids that are left out of a walk; when there are as many, the rest waits for the walk's end. A
 * portion more may come. */
enum { NEWER_MOST = 10000 };

/* ---- of the run that reads ---- */

static bool is_full(const struct run *reader)
{
    return reader->newer.count >= NEWER_MOST;
}

static bool is_plain(const struct run_request *request)
{
    return !request->verify && !request->repair && !request->plan && !request->apply &&
           !request->linkup && !request->beside;
}

static const struct run_object *object_named(const struct run *run, struct str name)
{
    for (size_t i = 0; i < run->object_count; i++)
        if (str_eq(run->objects[i].setup->item->name, name))
            return &run->objects[i];
    return NULL;
}

bool run_takes_beside(const struct run *run, struct str object)
{
    const struct run_object *o = object_named(run, object);
    bool walks = run->session && run->intake && !run->after_drain &&
                 run_current(run)->stage == STAGE_WALK && !run->concluded && !run->cancelled;
    return is_plain(&run->request) && walks && !run->beside && !is_full(run) && o &&
           run_read_is_known(run, o);
}

bool run_beside_waits(struct run *run, void (*then)(struct run *run))
{
    if (!run->beside)
        return false;
    run->after_beside = then;
    return true;
}

/* ---- of the run beside it ---- */

void run_beside_begin(struct run *run)
{
    if (run->request.beside)
        run->request.beside->beside = run;
}

/* What is set aside by one run is to leave the quarantine when the other finds it fine. */
static void share_quarantine(struct run *run)
{
    struct run *reader = run->request.beside;
    for (size_t i = 0; i < run->object_count; i++)
        for (size_t j = 0; j < reader->object_count; j++)
            if (run->objects[i].target.stream == reader->objects[j].target.stream)
                reader->objects[j].target.may_hold_quarantined |=
                    run->objects[i].target.may_hold_quarantined;
}

bool run_beside_enter(struct run *run)
{
    struct run *reader = run->request.beside;
    if (!reader)
        return true;
    if (is_full(reader))
        return false;
    if (reader->intake)
        intake_suspend(reader->intake, true);
    return true;
}

void run_beside_leave(struct run *run)
{
    struct run *reader = run->request.beside;
    if (!reader)
        return;
    share_quarantine(run);
    if (reader->intake)
        intake_suspend(reader->intake, false);
}

bool run_beside_is_unread(struct run *run)
{
    const struct run *reader = run->request.beside;
    for (size_t i = 0; i < reader->object_count; i++)
        if (reader->objects[i].target.stream == run_current(run)->target.stream)
            return reader->objects[i].unread;
    return true;
}

struct id_set *run_beside_newer(struct run *run)
{
    struct run *reader = run->request.beside;
    bool same = reader && reader->current < reader->object_count &&
                run_current(reader)->target.stream == run_current(run)->target.stream;
    return same ? &reader->newer : NULL;
}

/* A record that the vendor found instead of making it may stand on a page that was asked for
 * before, unless it has not been changed for longer than the walk lasts. */
void run_beside_wrote(struct run *run, const struct export_group *group)
{
    struct id_set *newer = run_beside_newer(run);
    const uint8_t *key = store_hash_key(run->host->store);
    if (!newer || (group->op != WRITE_CREATE && group->op != WRITE_UPSERT))
        return;
    int64_t until = run_current(run->request.beside)->state.until;
    for (size_t i = 0; i < group->count; i++) {
        const struct write_result *r = &group->results[i];
        bool touched = r->modified_us == 0 || r->modified_us >= until;
        if (r->outcome == OUTCOME_OK && r->id.len > 0 && touched)
            id_set_add(newer, key, r->id);
    }
}

void run_beside_ended(struct run *run)
{
    struct run *reader = run->request.beside;
    if (!reader)
        return;
    run_beside_leave(run);
    reader->beside = NULL;
    void (*then)(struct run * run) = reader->after_beside;
    reader->after_beside = NULL;
    if (then)
        then(reader);
}
