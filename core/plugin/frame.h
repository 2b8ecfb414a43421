/* SPDX-License-Identifier: Apache-2.0 */
/* Messages cut into frames and put together again; see protocol.h. */
#ifndef PLUGIN_FRAME_H
#define PLUGIN_FRAME_H

#include "base/buf.h"
#include "plugin/protocol.h"

struct message {
    uint32_t kind;
    uint32_t call;
    struct buf payload;
};

#define MESSAGE_INIT ((struct message){.payload = BUF_INIT(MESSAGE_MAX)})

/* The frame of `payload` that begins at `offset`, written to `out`; returns its size and moves
 * `*offset`. */
size_t frame_cut(uint32_t kind, uint32_t call, struct str payload, size_t *offset,
                 char out[FRAME_MAX]);

/* Adds a received frame: 1 when `into` is a whole message, 0 when more must come, -1 when the frame
 * is broken or the message too long. The next frame after a whole message begins a new one. */
int frame_join(struct message *into, bool *more, struct str frame);

#endif
