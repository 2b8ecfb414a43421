/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_CURL_H
#define NET_CURL_H

#include "base/world.h"
#include "net/transport.h"

/* The host's transport: HTTP/1.1 with connections kept alive. NULL on failure. */
struct transport *curl_transport_new(struct world *world, struct error *err);

/* ---- for `fastenr test`: how far a connection to an origin gets; waits ---- */

struct probe_result {
    int64_t resolve_us, connect_us, tls_us; /* how long each took; tls_us 0 for http */
    char address[64];                       /* that it connected to; empty: none */
    char certificate[200];                  /* whose, and until when; of https */
    enum { PROBE_RESOLVE, PROBE_CONNECT, PROBE_TLS, PROBE_OK } reached; /* the step that failed */
    bool refused; /* by the host's own rules, and the error says what to do */
};

int curl_probe(const char *origin, const struct egress *egress, const char *ca_file,
               struct probe_result *ret_result, struct error *err);

#endif
