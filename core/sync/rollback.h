/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes a run back: what it changed here, by its rows of the log, and what it wrote to the vendor,
 * by the journal of what was sent. A three-way comparison, field by field: what has the value that
 * the run gave it gets the one before; what somebody has changed since is left, and told. A
 * rollback is a run of the same connection, and can be taken back itself.
 *
 * In portions, each a transaction. One that was ended in the middle is begun again: what is as it
 * was before is done already.
 */
#ifndef SYNC_ROLLBACK_H
#define SYNC_ROLLBACK_H

#include "plugin/image.h"
#include "sync/host.h"
#include "sync/setup.h"

enum rollback_verdict {
    ROLLBACK_DONE,
    ROLLBACK_LEFT,    /* somebody has changed it since, or needs it */
    ROLLBACK_REFUSED, /* the vendor did not take it */
    ROLLBACK_IRREVERSIBLE
};

enum rollback_act {
    ROLLBACK_CHANGE, /* a field gets the value it had */
    ROLLBACK_END,    /* what the run made ends: a tombstone here, archived there */
    ROLLBACK_REVIVE  /* what it ended lives again */
};

/* One thing that is done, or is not. Texts are valid during the call. */
struct rollback_item {
    enum rollback_verdict verdict;
    enum rollback_act act;
    bool there;          /* at the vendor */
    struct str object;   /* ours; there: the vendor's */
    struct str record;   /* its id; there: the vendor's */
    struct str field;    /* empty: the record as a whole */
    struct str from, to; /* of a field: JSON; what it has now, and what it had before the run */
    const struct model_object *refers; /* they are keys of its records; NULL: they are not */
    struct str why;                    /* it is not done */
};

struct rollback_total {
    bool there;
    struct str object;
    int64_t changed, ended, revived;     /* records */
    int64_t left, refused, irreversible; /* fields, and records as a whole */
};

enum { ROLLBACK_TOTALS = 128 };

struct rollback_request {
    struct sync_host *host;
    struct setup *setup; /* of the run's connection; NULL: it is a merge, of none */
    const struct image *image;
    int64_t run;
    struct str by;
    bool plan; /* all is looked at, and nothing is written */
    /* What is taken back, where it is not all */
    const struct model_object *object; /* NULL: any */
    struct str field;                  /* of ours; empty: any, and records as a whole */
    int64_t record;                    /* of `object`; 0: any */
    const bool *cancelled;             /* NULL: it never is */
};

struct rollback_events {
    void (*item)(void *arg, const struct rollback_item *item);
    /* Rows of the run that are done with, of how many. May be NULL. */
    void (*progress)(void *arg, int64_t done, int64_t of);
};

struct rollback_report {
    int64_t run; /* of the rollback; 0: none was begun */
    enum run_status status;
    char reason[768]; /* it did not come to its end, or something was left */
    struct rollback_total totals[ROLLBACK_TOTALS];
    size_t total_count;
    int64_t api_calls, bytes, cpu_us;
};

/* The connection of a run. 1; 0: there is no such run; -1. The name is the arena's; empty: a merge
 * has none. */
int rollback_connection(struct store *store, int64_t run, struct arena *arena, struct str *ret_name,
                        struct error *err);

/* -1 with a sentence: it may not be, and nothing was done. Turns the loop while the vendor is
 * asked. */
int rollback_run(const struct rollback_request *request, const struct rollback_events *events,
                 void *arg, struct rollback_report *ret_report, struct error *err);

#endif
