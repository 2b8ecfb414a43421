/* SPDX-License-Identifier: Apache-2.0 */
/* What run.c (the run's life), run_read.c (reading one object) and run_store.c (what it writes
 * besides records) share. */
#ifndef SYNC_RUN_INTERNAL_H
#define SYNC_RUN_INTERNAL_H

#include "plugin/protocol.h"
#include "sync/intake.h"
#include "sync/run.h"
#include "sync/session.h"

/* One object of the run. */
struct run_object {
    const struct object_setup *setup;
    struct merge_target target;
    struct stream_state state;
    char position[POSITION_MAX];
    struct run_stream_row *row; /* in the run's row, once it is being read */
    bool fields_known;          /* the mapping's pauses are as they should be in this run */
    bool fields_asked;          /* the vendor has told its fields in this run, or could not */
    bool *absent;               /* mapping.fields that an answer did not have; NULL: none */
    bool resumed; /* the read is one that an earlier run began: it ends where that one wanted to */
};

struct parse;

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
    bool paused; /* it was not begun for that */
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

/* ---- run.c ---- */

/* How the run ends; the first call decides. Everything that is under way is ended. */
void run_conclude(struct run *run, enum run_status status, const char *reason);

/* The object is read to its end. */
void run_object_read(struct run *run);
void run_report_progress(struct run *run);

/* Has `work` done on the store executor; `done` is called when it went well; when not, the run
 * ends. */
void run_submit(struct run *run, int (*work)(struct run *run, struct error *err),
                void (*done)(struct run *run));

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

/* Chooses between a full read, a window and going on with an interrupted one, and begins. */
void run_read_begin(struct run *run);
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

/* ---- run_store.c: on the store executor, each a transaction of its own ---- */

int run_store_open(struct run *run, struct error *err);
int run_store_account(struct run *run, struct error *err);
int run_store_object(struct run *run, struct error *err);
int run_store_end(struct run *run, struct error *err);

#endif
