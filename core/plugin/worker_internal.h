/* SPDX-License-Identifier: Apache-2.0 */
/* What worker.c, service.c and write.c share. */
#ifndef PLUGIN_WORKER_INTERNAL_H
#define PLUGIN_WORKER_INTERNAL_H

#include "plugin/wire.h"
#include "plugin/worker.h"

/* The write that is under way. */
struct write_state {
    struct written_row *rows; /* in the order of the request */
    uint32_t *by_id;          /* their places, in the order of write ids */
    uint32_t count;
    enum write_op op;
    bool unclear;
    char fault[200]; /* what the connector said that cannot be; empty: nothing */
    struct arena arena;
};

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

    struct write_state write;

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

/* service.c, for write.c: the call that is waited for is answered, with an outcome and more. */
struct buf *service_begin_reply(struct worker *w, enum outcome outcome);
void service_send_reply(struct worker *w, struct buf *payload);
struct ticket *service_ticket(struct worker *w, uint64_t id);

/* ---- write.c ---- */

/* Keeps what there is to know of the request, and appends it to `out`. */
void write_begin(struct worker *w, const struct write_request *request, struct buf *out);
/* An unsafe request has ended, or is dropped. */
void write_note_request(struct worker *w, const struct ticket *t);
void write_end(struct worker *w);

void write_on_emit_written(struct worker *w, struct wire_reader *r);
void write_on_written(struct worker *w, struct wire_reader *r);

/* A message that is no result. */
void service_message(struct worker *w, const struct message *m);
/* Answers the call that is waited for with "cancelled". */
void service_cancel(struct worker *w);
/* Forgets what belonged to the operation. */
void service_end_operation(struct worker *w);

#endif
