/* SPDX-License-Identifier: Apache-2.0 */
/* A carrier that runs a connector of the test's own binary, on a stack of its own in the test's
 * thread: every message passes where the real one passes a socket, in an order that can be
 * repeated. */
#ifndef SIM_DIRECT_CARRIER_H
#define SIM_DIRECT_CARRIER_H

#include "base/world.h"
#include "fastenr/connector.h"
#include "plugin/carrier.h"

struct direct_carrier {
    struct carrier carrier; /* first */
    struct world *world;
    const struct fastenr_connector *(*entry)(void);
    long messages; /* from connectors so far */
    long crash_at; /* the connector dies at this message; 0: never */
    struct link *links;
};

void direct_carrier_open(struct direct_carrier *carrier, struct world *world,
                         const struct fastenr_connector *(*entry)(void));
/* The connectors that run die where they are, also while they wait for the host. */
void direct_carrier_crash(struct direct_carrier *carrier);
/* After all that uses it. */
void direct_carrier_close(struct direct_carrier *carrier);

#endif
