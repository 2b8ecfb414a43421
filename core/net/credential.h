/* SPDX-License-Identifier: Apache-2.0 */
/* A credential that changes while requests are under way: an access token that expires. Requests
 * ask for it just before they are sent, and wait while a new one is fetched. On the loop. */
#ifndef NET_CREDENTIAL_H
#define NET_CREDENTIAL_H

#include "base/outcome.h"
#include "net/transport.h"

/* Valid during the call that gives it. */
struct credential {
    enum outcome outcome; /* not OK: there is none, and `text` says why and what to do */
    const char *text;
    uint64_t version; /* grows with each new one, from 1 */
    const struct http_header *headers;
    size_t header_count;
};

/* Owned by the one who waits; in the queue from `get` until `ready` is called or it is dropped. */
struct credential_wait {
    void (*ready)(void *arg, const struct credential *credential);
    void *arg;
    bool waiting;
    struct credential_wait *next;
};

struct credential_source {
    /* The credential when it is there, else NULL: then `wait` is queued and called later, once. The
     * vendor has refused version `refused` (0: none), so that one is not given again. */
    const struct credential *(*get)(struct credential_source *source, uint64_t refused,
                                    struct credential_wait *wait);
    void (*drop)(struct credential_source *source, struct credential_wait *wait);
};

#endif
