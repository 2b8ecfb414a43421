/* SPDX-License-Identifier: Apache-2.0 */
/* One request sent and answered, without any policy: curl in the host, a vendor simulator in tests
 * that run in one process. Callbacks come on the loop. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "base/blob.h"
#include "net/egress.h"

struct http_header {
    struct str name, value;
};

/* Borrowed until the transfer has ended. */
struct transfer_request {
    struct str method, url, body;
    bool once; /* it must not reach the vendor twice, whatever becomes of the connection */
    const struct http_header *headers;
    size_t header_count;
    const struct egress *egress;
    struct str ca_file; /* empty: the system's */
    int64_t timeout_us, connect_timeout_us;
    size_t body_max;
};

enum transfer_fault {
    FAULT_NONE,     /* there is an answer */
    FAULT_NOT_SENT, /* name, connection, TLS: the vendor has seen nothing of the request */
    FAULT_BROKEN,   /* sent, but the answer did not come whole */
    FAULT_REFUSED /* the host does not allow it, today or later: private address, answer too large,
                   * a certificate that cannot be trusted */
};

struct transfer_result {
    enum transfer_fault fault;
    bool unsent;      /* of FAULT_REFUSED: before the vendor had seen anything of it */
    const char *text; /* of a fault: what happened */
    int status;
    const struct http_header *headers; /* names in lower case */
    size_t header_count;
    struct blob *body; /* the receiver's; NULL with a fault */
};

typedef void (*transfer_fn)(void *arg, struct transfer_result *result);

struct transfer;

struct transport {
    /* `done` is called once, never from within start. */
    struct transfer *(*start)(struct transport *transport, const struct transfer_request *request,
                              transfer_fn done, void *arg);
    void (*cancel)(struct transfer *transfer); /* `done` is not called */
    void (*free)(struct transport *transport);
};

/* The value of a header by its lower-case name; ptr NULL when there is none. */
struct str transfer_header(const struct transfer_result *result, const char *name);

#endif
