/* SPDX-License-Identifier: Apache-2.0 */
/* A transport whose other end is a vendor simulator in the same process: answers take virtual time,
 * and what the simulator's faults say of the wire happens to them. */
#ifndef SIM_SANDBOX_TRANSPORT_H
#define SIM_SANDBOX_TRANSPORT_H

#include "base/world.h"
#include "net/transport.h"
#include "sandbox.h"

struct sandbox_transport {
    struct transport transport; /* first */
    struct world *world;
    struct sandbox *sandbox;
    int64_t start_us;     /* what the vendor's clock showed when the monotonic one was 0 */
    int64_t latency_us;   /* of an answer: anywhere between none and this */
    int64_t date_skew_us; /* of the vendor's Date headers */
    long requests;        /* so far */
};

void sandbox_transport_open(struct sandbox_transport *t, struct world *world,
                            struct sandbox *sandbox);

#endif
