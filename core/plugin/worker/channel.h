/* SPDX-License-Identifier: Apache-2.0 */
/* How the connector's side reaches the host: a socket in the worker program, a queue in tests that
 * link a connector directly. */
#ifndef WORKER_CHANNEL_H
#define WORKER_CHANNEL_H

#include "plugin/frame.h"

struct channel {
    /* Both return -1 when the host is gone. `receive` waits. */
    int (*send)(struct channel *channel, uint32_t kind, uint32_t call, struct str payload);
    int (*receive)(struct channel *channel, struct message *into);
};

#endif
