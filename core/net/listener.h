/* SPDX-License-Identifier: Apache-2.0 */
/* The far end of a redirect: a listener on 127.0.0.1 that takes GET requests of a browser, one
 * connection at a time, and answers each with a short page. It is there for the minutes in which a
 * person gives consent, and no server for anything else. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/loop.h"

struct listener;

/* The page for a request, on the loop. `target` is the path and query as they came. */
struct listener_page {
    int status;
    const char *title, *text; /* plain text */
};
typedef void (*listener_fn)(void *arg, struct str target, struct listener_page *ret_page);

/* `port` 0: any free one. NULL on failure. */
struct listener *listener_open(struct loop *loop, uint16_t port, listener_fn fn, void *arg,
                               struct error *err);
uint16_t listener_port(const struct listener *listener);
void listener_close(struct listener *listener);

/* A parameter of the target's query, decoded, the arena's; ptr NULL when it is not there. */
struct str listener_query(struct str target, const char *name, struct arena *arena);

#endif
