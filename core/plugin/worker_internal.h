/* SPDX-License-Identifier: Apache-2.0 */
/* What worker.c and service.c share. */
#ifndef PLUGIN_WORKER_INTERNAL_H
#define PLUGIN_WORKER_INTERNAL_H

#include "plugin/worker.h"

struct worker {
    struct world *world;
    struct carrier *carrier;
    struct link *link;
    struct worker_limits limits;
    const struct worker_events *events;
    void *arg;

    enum phase phase;
    uint32_t last_call; /* number of the operation */
    uint32_t layers;
    bool probe;
    bool cancelled, stopping, ended, freed;
    char verdict[300];            /* why the host killed it; empty: it did not */
    char fail_text[LOG_TEXT_MAX]; /* the connector's words for how the operation ends */
    struct timer hang;
    int64_t left_us;    /* what it may still take until something comes of its calls */
    int64_t watched_us; /* since when it has been taking it */
    struct buf out;

    /* the service call that the worker waits for; 0: none */
    uint32_t waiting;      /* kind */
    uint32_t waiting_call; /* number */
    uint64_t waiting_ticket;

    struct ticket *tickets;
    uint32_t ticket_count;
    uint64_t last_ticket;
    size_t held_bytes;
    struct ticket *attached; /* to the page that comes next, in order; they count as held */
    uint32_t attached_count;

    int64_t log_window_us; /* when the current window of log lines began */
    uint32_t log_lines, log_dropped;

    int jobs; /* on other threads, pointing here */
    bool free_after_jobs;
};

static inline struct carrier *carrier_of(const struct worker *w)
{
    return w->carrier;
}

void worker_watch(struct worker *w);
void worker_unwatch(struct worker *w);
void worker_progress(struct worker *w);
void worker_convict(struct worker *w, const char *why);
void worker_job_ended(struct worker *w);

/* A message that is no result. */
void service_message(struct worker *w, const struct message *m);
/* Answers the call that is waited for with "cancelled". */
void service_cancel(struct worker *w);
/* Forgets what belonged to the operation. */
void service_end_operation(struct worker *w);

#endif
