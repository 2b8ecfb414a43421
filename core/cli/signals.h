/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT, SIGTERM and SIGHUP as events of the loop. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "base/error.h"
#include "base/loop.h"

struct signals {
    struct loop *loop;
    int fd;
    struct watch *watch;
    void (*fn)(void *arg, int number);
    void *arg;
};

/* From now on these signals call `fn`, on the loop, and do nothing else. Before any thread starts.
 */
int signals_watch(struct signals *s, struct loop *loop, void (*fn)(void *arg, int number),
                  void *arg, struct error *err);
/* They act as usual again. */
void signals_unwatch(struct signals *s);

#endif
