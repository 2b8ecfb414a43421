/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t watched(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

static void on_readable(void *arg, int events)
{
    struct signals *s = arg;
    struct signalfd_siginfo info;
    (void)events;
    if (read(s->fd, &info, sizeof info) == (ssize_t)sizeof info)
        s->fn(s->arg, (int)info.ssi_signo);
}

int signals_watch(struct signals *s, struct loop *loop, void (*fn)(void *arg, int number),
                  void *arg, struct error *err)
{
    sigset_t set = watched();
    *s = (struct signals){.loop = loop, .fn = fn, .arg = arg};
    s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->fd < 0)
        return error_set(err, "cannot watch signals: %s", strerror(errno));
    s->watch = loop_watch(loop, s->fd, LOOP_READABLE, on_readable, s);
    if (!s->watch) {
        close(s->fd);
        s->fd = -1;
        return error_set(err, "cannot watch signals");
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    return 0;
}

void signals_unwatch(struct signals *s)
{
    sigset_t set = watched();
    if (!s->watch)
        return;
    loop_unwatch(s->loop, s->watch);
    close(s->fd);
    s->watch = NULL;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
