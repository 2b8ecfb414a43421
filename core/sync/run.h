/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a connection: its objects are read one after another, mapped, matched, merged and
 * committed, and what happened is written to the run log.
 *
 * All calls and callbacks are on the loop; the store is used on the store executor, records are
 * parsed and mapped on the pool.
 */
#ifndef SYNC_RUN_H
#define SYNC_RUN_H

#include "plugin/image.h"
#include "sync/apply.h"
#include "sync/host.h"
#include "sync/setup.h"

struct run_request {
    const struct str *objects; /* names; count 0: all that are enabled */
    size_t object_count;
    bool full;             /* read everything, whatever the cursor says */
    bool exports_only;     /* what was imported before is not read: only what changed here is looked
                              at */
    struct str started_by; /* "schedule", or who typed the command */
    /* Both sides are compared in full, and this gets what differs; NULL: they are synced. Nothing
     * is written, and the run log does not have it, unless `repair`: then it is a full run that
     * also takes the vendor's values where nothing moved there. */
    struct verify *verify;
    bool repair;
    /* What a sync would change is written there, and nothing else is: no record, no cursor, and the
     * run log does not have it. NULL: it is done. */
    struct sync_plan *plan;
    /* What a plan says is done, and nothing else; NULL: what is there to be done is. */
    struct apply *apply;
    /* Which record is which is found out, and nothing is written; NULL: they are synced. */
    struct linkup *linkup;
    /* The run goes on beside this one, which reads; with exports_only, and a setup of its own.
     * NULL: it is the only one of its connection. */
    struct run *beside;
};

struct run_progress {
    struct str object;      /* the vendor's name of the one being read */
    uint64_t total;         /* how many records it will bring; 0: not known */
    struct run_counts done; /* of this object, committed */
    int64_t committed;      /* records of all objects so far */
};

struct run_events {
    /* After each commit. */
    void (*progress)(void *arg, const struct run_progress *progress);
    /* Once, the last call; never from within run_start. The row and its texts are valid during the
     * call. Its id is 0 when the run could not even be entered into the run log. `crashed`: the
     * connector ended by itself. */
    void (*done)(void *arg, const struct run_row *row, bool crashed);
};

struct run;

/* Enters into the run log that a connection could not be synced because its connector ended before
 * it had described itself. Nothing waits for it; a failure is logged. The texts are copied. */
void run_note_crash(struct sync_host *host, struct str connection, struct str started_by,
                    const struct worker_end *end);

/* The setup is the run's until `done`: custom fields get their ids in it. Everything else is
 * borrowed until then; the request's texts too. */
struct run *run_start(struct sync_host *host, struct setup *setup, const struct image *image,
                      const struct run_request *request, const struct run_events *events,
                      void *arg);

/* Whether a run that exports what changed in this object may be started beside it just now: it is
 * reading, and none is. The one that was started ends first. */
bool run_takes_beside(const struct run *run, struct str object);

/* Ends it, and the one beside it, as "cancelled" once what has been read is committed; the next run
 * goes on from there. */
void run_cancel(struct run *run);

#endif
