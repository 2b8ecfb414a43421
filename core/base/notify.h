/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the service manager how the program stands: datagrams to the socket that $NOTIFY_SOCKET
 * names (the protocol of sd_notify(3)), and its watchdog, which is fed from the loop, so that it
 * goes hungry when the loop hangs.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/loop.h"

enum { NOTIFY_MAX = 1024 }; /* bytes of a message, more are cut off */

/* Zeroed: tells nobody. */
struct notify {
    struct loop *loop;
    struct sockaddr_un address;
    socklen_t address_len;
    int fd;               /* meaningful when `on` */
    bool on;              /* somebody wants to know */
    int64_t watchdog_us;  /* half of what the manager waits at most; 0: it does not */
    struct timer feeding; /* the watchdog */
};

/* What the environment says; nothing set is no error. Takes its variables out of the environment:
 * they are not for processes that are started from here. -1 with a sentence when they make no
 * sense; `n` tells nobody then. */
int notify_open(struct notify *n, struct loop *loop, struct error *err);
void notify_close(struct notify *n);

/* The service can do its work, as the status line says; from now on the watchdog is fed. */
void notify_ready(struct notify *n, const char *status);
/* It reads its configuration again; notify_ready ends that. */
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n, const char *status);
/* One line for people (`systemctl status`). */
void notify_status(const struct notify *n, const char *status);

#endif
