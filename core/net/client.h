/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of one connection to its vendor, with everything that a connector must not need to know:
 * the credential, the hosts it may go to, rate budgets, what an answer means, when to try again.
 *
 * A safe request is tried again after every passing fault; an unsafe one only when it was surely
 * not done, and what is known of that is told. Waits grow exponentially with full jitter, or as
 * Retry-After says.
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/outcome.h"
#include "base/world.h"
#include "net/budget.h"
#include "net/credential.h"
#include "net/transport.h"

/* What an answer means; the first row that matches decides. */
struct answer_rule {
    int status_min, status_max;
    struct str path, equals; /* a value of a JSON body; empty path: any body */
    enum outcome outcome;
    bool not_done;          /* such an answer proves that nothing was done */
    int64_t retry_after_us; /* where there is no Retry-After; 0: back off */
    struct str message;     /* path of the vendor's words */
};

struct endpoint {
    struct str host;   /* of the vendor */
    struct str origin; /* "http://127.0.0.1:8700" */
};

/* How a connection's requests are sent. Everything is borrowed. */
struct client_policy {
    const struct str *hosts; /* lower case; https and port 443 only */
    size_t host_count;
    const struct endpoint *endpoints;
    size_t endpoint_count;
    struct egress egress;
    struct str ca_file;
    int64_t timeout_us, connect_timeout_us;
    const struct http_header *auth_headers; /* expanded */
    size_t auth_header_count;
    const struct answer_rule *rules;
    size_t rule_count;
    bool answers_are_secret; /* they hold tokens by right, and no connector sees them: else each
                              * credential in a body is struck out before anybody looks at it */
};

struct client_stats {
    int64_t calls, bytes, retries;
    int64_t vendor_date_us; /* the latest Date header; 0: none yet */
};

struct client;

struct client *client_new(struct world *world, struct transport *transport,
                          const struct client_policy *policy, struct budget *budget);
/* What is under way is cancelled. */
void client_free(struct client *client);

/* Called when a request is about to be tried again, with why and after how long, for people who
 * wait for it. */
void client_on_retry(struct client *client, void (*fn)(void *arg, const char *why, int64_t wait_us),
                     void *arg);

/* Exchanges the budget, when the vendor's account has become known. */
void client_set_budget(struct client *client, struct budget *budget);

/* Its requests go before those of others that wait for the same budget. */
void client_set_urgent(struct client *client);

/* From now on each request carries what this source gives, beside the policy's headers. A request
 * waits for a new one while there is none, and is sent once more with a newer one after a 401. */
void client_set_credentials(struct client *client, struct credential_source *source);

const struct client_stats *client_stats(const struct client *client);

/* Borrowed until it is done or cancelled. */
struct client_request {
    bool safe;
    int tries; /* answers to it that came whole and could not be used: it waits as after faults */
    struct str method, url, body, bucket;
    const struct http_header *headers;
    size_t header_count;
};

struct client_result {
    enum outcome outcome;
    int status;        /* 0: no answer */
    struct blob *body; /* the receiver's; NULL when there is no answer */
    const char *text;  /* when not ok: one sentence with the request, the answer and the remedy */
    bool not_done;     /* proven: it was never sent, or an answer refuses it. 2xx, 5xx (but for a
                        * rule that says so) and no answer prove nothing */
};

struct exchange;
typedef void (*client_fn)(void *arg, struct client_result *result);

/* `done` is called once, never from within client_send. */
struct exchange *client_send(struct client *client, const struct client_request *request,
                             client_fn done, void *arg);
/* Whether it is with the vendor now, or may be: not while it waits for its turn or the next try. */
bool client_is_sent(const struct exchange *exchange);
void client_cancel(struct exchange *exchange);

#endif
