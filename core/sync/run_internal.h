/* SPDX-License-Identifier: Apache-2.0 */
/* What run.c (the run's life), run_read.c (reading one object), run_end.c (finding out what ended
 * there), run_beside.c, run_times.c, run_peers.c and run_store.c (what it writes besides records)
 * share. */
#ifndef SYNC_RUN_INTERNAL_H
#define SYNC_RUN_INTERNAL_H

#include "plugin/protocol.h"
#include "sync/export.h"
#include "sync/id_set.h"
#include "sync/intake.h"
#include "sync/run.h"
#include "sync/session.h"

/* What an object is read for: its records; what is deleted; those of which it is not known whether
 * they are still there; those that are to be written there; those of a plan. */
enum stage { STAGE_WALK, STAGE_DELETED, STAGE_IDS, STAGE_EXPORT, STAGE_APPLY };

/* One object of the run. */
struct run_object {
    enum stage stage;
    bool full_done; /* this run has read all of it, for whoever asked for that */
    bool first;     /* the walk was the first one that came to its end: nothing can have ended */
    const struct object_setup *setup;
    struct merge_target target;
    struct stream_state state;
    char position[POSITION_MAX];
    struct run_stream_row *row; /* in the run's row, once it is being read */
    bool unread;       /* the walk is one without which nothing of it is known by this mapping */
    bool fields_known; /* the mapping's pauses are as they should be in this run */
    bool fields_asked; /* the vendor has told its fields in this run, or could not */
    bool *absent;      /* mapping.fields that an answer did not have; NULL: none */
    bool resumed; /* the read is one that an earlier run began: it ends where that one wanted to */
};

struct parse;

/* Finding out what ended at the vendor, of the object being read. */
struct run_ends {
    int64_t until;         /* the vendor's time when the read of deleted records began */
    bool whole;            /* that one brings every record that is deleted now */
    struct link_list dead; /* links that it brought */
    struct link_list ends; /* links that are to end */

    /* READ_IDS: links that the walk did not meet, then those that are archived here alone */
    enum { ASK_UNSEEN, ASK_ARCHIVED, ASK_NOTHING } asking;
    int64_t after; /* those up to this link are settled */
    struct linked_id *asked;
    size_t asked_count;
    bool answered; /* the vendor has said which of them it has */
    struct str *ids;
    struct arena arena;    /* of these */
    struct link_list came; /* links that the read brought */
    struct link_bits bits; /* that the walk has met, of a plan */
};

/* What is known of the vendor's fields, of the current object. */
struct run_look {
    struct field_snapshot before, known; /* before and after the comparison */
    bool any;                            /* the vendor told of a field, mapped or not */
    struct vendor_field *found;          /* those that the mapping reads */
    size_t count, cap;
    struct arena arena;
};

struct run {
    struct sync_host *host;
    struct setup *setup;
    const struct image *image;
    struct run_request request;
    const struct run_events *events;
    void *arg;
    struct arena arena;

    struct run_row row;
    int64_t organization, connection;
    bool leased;
    bool paused;  /* it was not begun for that */
    bool stopped; /* the store's work was, by a guard rail or a pause */
    struct run_object *objects;
    size_t object_count;
    size_t current;    /* the object being read, or to be read next */
    int64_t committed; /* records of all objects */
    uint64_t total;    /* of the current object, as the connector says */

    struct session *session;
    bool cancelled, concluded, crashed;
    int crashes; /* in a row, without a commit between them */
    int crashes_in_all;
    char crash_text[400]; /* of the last one */
    char account[EXTERNAL_ID_MAX + 1], account_name[256];
    struct timer restart;

    size_t peer;  /* the next object of the setup to be asked for: see run_peers.c */
    bool peering; /* the discovery under way is one of these */
    struct run_ends ends;
    struct export export; /* of the current object, in STAGE_EXPORT */
    size_t export_group;  /* that is being written */
    int export_passes;
    bool writing; /* that group is with the worker */
    void (*after_abandon)(struct run *run);
    enum outcome write_outcome;
    struct run *beside;                    /* that goes on beside this one; NULL: none does */
    void (*after_beside)(struct run *run); /* when that has ended; NULL: nothing waits for it */
    struct id_set newer;     /* of the current walk: what runs beside it know better */
    int64_t clock_skew_us;   /* the vendor's clock less ours, as of the session's beginning */
    bool write_unclear;      /* what nothing was said of may be done */
    struct page_list kept;   /* what was looked at, until it is merged */
    struct time_wants wants; /* of the portion that was looked at */
    /* When fields got their values at the vendor is asked for after a look; of this portion it has
     * been; the vendor does not tell. */
    enum { TIMES_LATER, TIMES_ASKED, TIMES_REFUSED } times;
    struct plan_notes notes; /* of a plan that is applied */
    struct apply_portion portion;
    size_t apply_from; /* the next row of the plan */
    struct run_look look;
    struct intake *intake;
    struct parse *parse; /* the emit that the worker waits for; NULL: none */
    enum { HELD_NOTHING, HELD_PAGE, HELD_RECORDS } held; /* its answer, until there is room */
    struct page_result held_result;
    struct buf held_text;
    bool doubted;            /* an answer was refused: see run_fields_doubt */
    struct error page_error; /* why a page could not be used */
    void (*after_drain)(struct run *run);
    enum outcome read_outcome;
    char read_text[600];

    /* what is under way on the store executor besides the intake's commits */
    bool storing;
    struct job job;
    int (*store_work)(struct run *run, struct error *err);
    void (*store_done)(struct run *run);
    int store_rc;
    struct error store_err;
    void (*queued)(struct run *run); /* instead of going on, once that is over */
};

/* The connection's name, for the log. */
static inline const char *run_name(const struct run *run)
{
    return run->setup->config->name.ptr; /* an arena's text: terminated */
}

/* The object that is being read. */
static inline struct run_object *run_current(const struct run *run)
{
    return &run->objects[run->current];
}

/* ---- run.c ---- */

/* How the run ends; the first call decides. Everything that is under way is ended. */
void run_conclude(struct run *run, enum run_status status, const char *reason);
/* Because somebody asked for it. */
void run_conclude_cancelled(struct run *run);

/* Work on the store executor; `done` is called when it went well; when not, the run ends. */
void run_submit(struct run *run, int (*work)(struct run *run, struct error *err),
                void (*done)(struct run *run));

/* Whether a read may begin, after the store's work: not when the run is about to end. */
bool run_goes_on(struct run *run);

/* The next read: of this object or another one. */
void run_next(struct run *run);
/* Nothing more is to be read for this object, but what changed since a read that was resumed. */
void run_object_done(struct run *run);
/* Nothing is to be written for it any more. */
void run_export_done(struct run *run);
void run_report_progress(struct run *run);

/* ---- run_beside.c ---- */

/* True: a run goes on beside this one, and `then` is called when it has ended. */
bool run_beside_waits(struct run *run, void (*then)(struct run *run));

/* These do nothing for a run that is not beside another one. */
void run_beside_begin(struct run *run);
/* Before and after a portion of what is exported: the reading run commits nothing in between.
 * False: it is not to begin, as the walk leaves out enough already. */
bool run_beside_enter(struct run *run);
void run_beside_leave(struct run *run);
/* Whether the other run is still to read the current object, before anything of it is known. */
bool run_beside_is_unread(struct run *run);
/* Gets the ids that the current object's looks have brought; NULL: nobody asks. */
struct id_set *run_beside_newer(struct run *run);
/* On the store executor, with what has been settled. */
void run_beside_wrote(struct run *run, const struct export_group *group);
void run_beside_ended(struct run *run);

/* ---- run_peers.c ---- */

/* In a new session, before its first read. */
void run_peers_begin(struct run *run);
/* A discovery of its own is over. */
void run_peers_found(struct run *run);

/* ---- run_fields.c ---- */

/* Looks at the vendor's fields where that is due, then begins to read the current object. */
void run_fields_begin(struct run *run);
void run_fields_found(struct run *run, const struct operation_result *result);
enum outcome run_emit_field(void *run, const struct vendor_field *field);
/* Pauses rules by what is known, without asking; on the thread that has the store. */
int run_fields_replay(struct run *run, struct error *err);
void run_fields_end(struct run *run);
/* Whether an answer lacks a field that the vendor should have: then it is not to be used, and the
 * vendor is asked before the object is read on. */
bool run_fields_doubt(struct run *run, const struct page *page);

/* ---- run_read.c ---- */

/* Chooses between a full read, a window and going on with an interrupted one, and begins; or begins
 * what its stage is. */
void run_read_begin(struct run *run);
/* Whether the vendor's changes have been read up to a time, by this mapping: else nothing of the
 * object is exported. */
bool run_read_is_known(const struct run *run, const struct run_object *object);
/* Begins a read for the object's stage. */
void run_read_start(struct run *run, const struct selector *selector);
/* The operation is over. */
void run_read_finished(struct run *run, const struct operation_result *result);
/* The emit that the worker waits for has no receiver any more. Before the session is freed: a page
 * may be under way there again. */
void run_read_orphan(struct run *run);
/* The worker is gone: what it emitted and has arrived is committed, then `then` is called. */
void run_read_abandon(struct run *run, void (*then)(struct run *run));

/* Of struct session_events. */
void run_emit_page(void *run, struct ticket *ticket, const struct page_spec *spec);
void run_emit_records(void *run, const struct emitted_record *records, uint32_t count);
enum outcome run_checkpoint(void *run, struct str position);
void run_progress_total(void *run, uint64_t total);

/* ---- run_export.c ---- */

/* Whether the object's changes are to be written to the vendor. */
bool run_export_wanted(const struct run *run, const struct run_object *object);
void run_export_begin(struct run *run);
/* The vendor's records of the portion have been read and merged. */
void run_export_looked(struct run *run);
void run_export_written(struct run *run, const struct operation_result *result);
enum outcome run_written(void *run, const struct write_result *results, uint32_t count);
/* The worker is gone, or the run ends: what it has answered is taken in, and what was noted and not
 * sent is forgotten. Whether anything of that is to do; `then` is called after it. */
bool run_export_abandon(struct run *run, void (*then)(struct run *run));
void run_export_free(struct run *run);

/* ---- run_times.c ---- */

/* Whether records are left for the vendor to be asked when their fields got their values. */
bool run_waits_for_times(const struct run *run);
/* Before the look at a portion: forgets the pages of the one before. */
void run_times_begin(struct run *run);
/* After it was merged: asks, where that left any; another read of the stage is begun then, whose
 * pages are kept beside those of the look. False: it left none, or they have been asked for. */
bool run_times_ask(struct run *run);
/* A read has failed: whether it was for these times, and goes on without them. */
bool run_times_refused(struct run *run);

/* ---- run_end.c ---- */

/* Begins the read of the object's stage: what is deleted, or what is asked for by id. */
void run_end_read(struct run *run);
/* It has come to its end. */
void run_end_finished(struct run *run);
/* After the walk: whether there is anything to find out. */
bool run_end_wanted(const struct run_object *object);
/* Whether a full read of the object can find out what is absent. */
bool run_end_finds_absence(const struct run_object *object);

/* ---- run_verify.c ---- */

/* Both sides are compared, or linked in a proposal, and nothing is written. */
static inline bool run_is_dry(const struct run *run)
{
    return run->request.linkup || (run->request.verify && !run->request.repair);
}

/* In place of the ones below, and like them, for a run that is dry. */
int run_dry_object(struct run *run, struct error *err);
int run_dry_absent(struct run *run);
/* The next links that may have ended there and have not come, as load_unseen gives them. */
int run_dry_unseen(struct run *run, struct linked_id **ret_rows, size_t *ret_count,
                   struct error *err);
/* Of those that were asked for by id, what did not come is gone. On the store executor. */
int run_verify_answer(struct run *run, struct error *err);

/* ---- run_plan.c ---- */

/* What it would change is collected, and nothing is written: its transactions are rolled back, and
 * how far it got is kept in memory alone. */
static inline bool run_is_plan(const struct run *run)
{
    return run->request.plan != NULL;
}

/* Whether what its transactions do is kept. */
static inline bool run_keeps(const struct run *run)
{
    return !run_is_dry(run) && !run_is_plan(run);
}

/* As store_transact, for a run that keeps what it does; as store_rehearse for the others. The lease
 * is the host's, not the transaction's, and stays. */
int run_transact(struct run *run, int (*work)(void *arg, struct error *err), void *arg,
                 struct error *err);
/* Before a walk is read. */
void run_plan_walk(struct run *run, struct intake_stream *stream);
/* In place of export_gather: what imports of the plan made due. */
int run_plan_gather(struct run *run, struct error *err);
/* In place of export_prepare. */
int run_plan_prepare(struct run *run, struct error *err);
/* How many links a walk has met. */
int run_plan_seen(struct run *run, int64_t *ret_seen, struct error *err);

/* ---- run_apply.c ---- */

/* The current object's changes of the plan. */
void run_apply_begin(struct run *run);
/* Pages have been kept. */
void run_apply_kept(struct run *run);
/* The vendor's records of the portion have been read. */
void run_apply_looked(struct run *run);
/* Nothing more of the object is to be written to the vendor. */
void run_apply_done(struct run *run);
/* In place of export_gather and export_prepare. */
int run_apply_gather(struct run *run, struct error *err);
int run_apply_prepare(struct run *run, struct error *err);

/* ---- replay.c: for work on the calling thread, without a session ---- */

/* All objects of the setup, or one of them; the caller frees run->objects. */
void run_select(struct run *run, const struct object_setup *only);
/* A copy that outlives the run: its texts are the arena's. */
void run_copy_row(const struct run_row *row, struct run_row *ret_row, struct arena *arena);

/* ---- run_store.c: on the store executor, each a transaction of its own ---- */

int run_store_open(struct run *run, struct error *err);
int run_store_account(struct run *run, struct error *err);
int run_store_walk(struct run *run, struct error *err);
int run_store_object(struct run *run, struct error *err);
int run_store_deleted(struct run *run, struct error *err);
int run_store_suspects(struct run *run, struct error *err);
int run_store_absent(struct run *run, struct error *err);
int run_store_end(struct run *run, struct error *err);

/* How the current object is merged; not `met` and `notes_seen`, which depend on the stage. */
struct merge run_merge(struct run *run);

#endif
