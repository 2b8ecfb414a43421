/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a read emits, on its way into the store: pages and checkpoints form one queue and are
 * committed in the order in which they came, whatever order mapping finishes in. A checkpoint
 * commits together with the last page before it. All calls and callbacks are on the loop.
 */
#ifndef SYNC_INTAKE_H
#define SYNC_INTAKE_H

#include "sync/id_set.h"
#include "sync/merge.h"

struct intake;

/* Pages that are kept, mapped. */
struct page_list {
    struct page **items;
    size_t count, cap;
};

/* Frees them. */
void page_list_clear(struct page_list *list);

struct intake_events {
    void (*room)(void *arg);      /* there is room again */
    void (*committed)(void *arg); /* the counts have grown */
    void (*drained)(void *arg);   /* after intake_drain: everything is committed, or it failed */
    /* Once: nothing more is committed, what was in the queue is dropped. */
    void (*failed)(void *arg, enum merge_result why, const char *text);
};

/* What the intake works on; the caller's, untouched by it until the intake is drained. */
struct intake_stream {
    struct page_list
        *keep; /* gets the pages, and nothing is done with them; NULL: they are merged */
    struct sync_plan
        *plan; /* gets what the commits would change, and they are rolled back; NULL: none */
    const char *connection; /* its name: nothing is committed while it is paused */
    struct merge merge;
    struct merge_target *target; /* the merge's */
    struct link_list *ends;      /* of a read of deleted records: what is to end; NULL: records
                                    are merged */
    bool beside;          /* another run's walk is under way: the stream's state is that one's */
    struct id_set *newer; /* gets the ids that were committed; NULL: nobody asks */
    struct stream_state *state; /* the position moves with the commits */
    char *position;             /* room for it: POSITION_MAX bytes */
    struct run_stream_row *row; /* counts move with the commits */
    int64_t *cpu_us;            /* grows by what parsing, mapping and storing took */
};

struct intake *intake_new(const struct intake_stream *stream, const struct intake_events *events,
                          void *arg);

/* Takes a parsed page. */
void intake_page(struct intake *intake, struct page *page);
void intake_checkpoint(struct intake *intake, struct str position);

/* Whether as much waits as may wait: then the emitter is to be held back until `room`. */
bool intake_hold(struct intake *intake);

/* While it is suspended nothing is committed, and no new commit begins; one may be under way. */
void intake_suspend(struct intake *intake, bool suspended);

/* `drained` follows, never from within this call. */
void intake_drain(struct intake *intake);

/* After `drained`. NULL is allowed. */
void intake_free(struct intake *intake);

#endif
