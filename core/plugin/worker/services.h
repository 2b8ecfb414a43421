/* SPDX-License-Identifier: Apache-2.0 */
/* The table of host services as a connector sees it: each call becomes a message to the host. */
#ifndef WORKER_SERVICES_H
#define WORKER_SERVICES_H

#include "fastenr/connector.h"
#include "worker/channel.h"

/* What is behind the opaque pointer that a connector passes back. */
struct fastenr_host *services_new(struct channel *channel);
void services_free(struct fastenr_host *host);

const struct fastenr_services *services_table(void);

/* Takes over the options of OP_CREATE; false when the message is broken. */
bool services_set_options(struct fastenr_host *host, struct str payload);

/* Sends what is still batched, and drops what belonged to the operation that ends. */
fastenr_outcome services_finish(struct fastenr_host *host);

#endif
