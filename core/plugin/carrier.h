/* SPDX-License-Identifier: Apache-2.0 */
/* How messages get to and from a running connector. The host has one carrier, jailed processes
 * (process.h); tests have another that runs a connector in their own process. */
#ifndef PLUGIN_CARRIER_H
#define PLUGIN_CARRIER_H

#include "base/error.h"
#include "plugin/frame.h"

struct image; /* a connector's code, see image.h */
struct link;  /* one running connector */

struct link_exit {
    bool by_signal;
    int code; /* signal or exit status */
};

/* Called on the loop. */
struct link_events {
    void (*message)(void *arg, const struct message *message);
    void (*broken)(void *arg, const char *why); /* what came was no message; `exited` follows */
    void (*exited)(void *arg, const struct link_exit *how); /* the last call */
};

struct carrier {
    struct link *(*start)(struct carrier *carrier, const struct image *image,
                          const struct link_events *events, void *arg, struct error *err);
    void (*send)(struct link *link, uint32_t kind, uint32_t call, struct str payload);
    void (*kill)(struct link *link); /* `exited` follows */
    void (*free)(struct link *link); /* kills without a word when it still runs */
};

#endif
