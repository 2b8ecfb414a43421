/* SPDX-License-Identifier: Apache-2.0 */
/* One running connector of one connection: the worker with its options, and the requests that it
 * asks for, sent with the connection's credential, egress rules and rate budget. */
#ifndef SYNC_SESSION_H
#define SYNC_SESSION_H

#include "plugin/image.h"
#include "sync/host.h"
#include "sync/setup.h"

struct session;

struct session_end {
    enum { SESSION_STOPPED, SESSION_REFUSED, SESSION_CRASHED } how;
    enum phase phase;
    int signal, code; /* of SESSION_CRASHED; -1: none */
    bool unclear;     /* in a write: as in struct operation_result */
    const char *text; /* one sentence, unless it was stopped */
};

/* All on the loop. Those that the receiver does not expect may be NULL. */
struct session_events {
    /* An operation is over; the first one, create, is the session's own. */
    void (*finished)(void *arg, const struct operation_result *result);
    void (*ended)(void *arg, const struct session_end *end); /* the last call */

    /* As in struct worker_events. */
    void (*emit_page)(void *arg, struct ticket *ticket, const struct page_spec *spec);
    void (*emit_records)(void *arg, const struct emitted_record *records, uint32_t count);
    enum outcome (*emit_field)(void *arg, const struct vendor_field *field);
    enum outcome (*checkpoint)(void *arg, struct str position);
    void (*progress)(void *arg, uint64_t total);
    enum outcome (*written)(void *arg, const struct write_result *results, uint32_t count);
};

/* Starts the worker and creates the instance. NULL on failure. */
struct session *session_start(struct sync_host *host, const struct setup *setup,
                              const struct image *image, const struct session_events *events,
                              void *arg, struct error *err);

/* For worker_check, worker_discover, worker_read, worker_write, worker_cancel and the answers to
 * services. */
struct worker *session_worker(const struct session *session);
const struct client_stats *session_stats(const struct session *session);

/* What OAuth was granted, with spaces; empty: not known, or another way to authenticate. */
struct str session_scopes(const struct session *session);

/* The vendor's clock, as its last answer showed it; the machine's where it shows none. */
int64_t session_vendor_now(const struct session *session);

/* From now on the rate budget is the one of this vendor account, shared with other connections. */
void session_set_account(struct session *session, struct str account_id);

/* Its requests go before those of others that wait for the same rate budget. */
void session_set_urgent(struct session *session);

/* Sends a ticket's request once more, for an answer that came broken (ticket->tries); the ticket is
 * the caller's and must stay until `done`. Only for requests that are safe. */
struct exchange *session_resend(struct session *session, struct ticket *ticket, client_fn done,
                                void *arg);

/* `ended` follows. */
void session_stop(struct session *session);

/* From a callback too; no callback follows. NULL is allowed. */
void session_free(struct session *session);

#endif
