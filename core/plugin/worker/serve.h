/* SPDX-License-Identifier: Apache-2.0 */
/* The connector's side: takes operations from the host, calls the connector, answers. */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include "fastenr/connector.h"
#include "worker/channel.h"

/* Serves the operations after OP_LOAD until OP_DESTROY is done or the host is gone. */
void worker_serve(struct channel *channel, const struct fastenr_connector *(*entry)(void));

#endif
