/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor as a message. Runs in the jail: a descriptor may point anywhere. */
#ifndef WORKER_DESCRIBE_H
#define WORKER_DESCRIBE_H

#include "base/buf.h"
#include "fastenr/connector.h"

/* If this host cannot run the connector: appends why (one sentence) and returns true. */
bool describe_refusal(const struct fastenr_connector *connector, struct buf *out);

/* Whether it has the operation. */
bool describe_writes(const struct fastenr_connector *connector);

void describe_connector(const struct fastenr_connector *connector, struct buf *out);

#endif
