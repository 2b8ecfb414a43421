/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"

static const char where[] = "notify";

/* ---- what the environment says ---- */

/* "/path", or "@name" for an abstract socket, whose address begins with a zero byte and ends with
 * its name, without one. */
static int read_address(struct notify *n, const char *path, struct error *err)
{
    size_t len = strlen(path), most = sizeof n->address.sun_path;
    if ((path[0] != '/' && path[0] != '@') || len < 2)
        return error_set(
            err, "NOTIFY_SOCKET is '%.100s': only /path and @abstract sockets are known", path);
    if (len >= most)
        return error_set(err, "NOTIFY_SOCKET has %zu bytes: a socket's address has at most %zu",
                         len, most - 1);
    n->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(n->address.sun_path, path, len);
    bool abstract = path[0] == '@';
    if (abstract)
        n->address.sun_path[0] = '\0';
    n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (abstract ? 0 : 1));
    return 0;
}

/* For another process, by WATCHDOG_PID, there is no watchdog here. */
static int read_watchdog(struct notify *n, struct error *err)
{
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us, of;
    if (!text)
        return 0;
    if (!str_to_i64(str_from(text), &us) || us < 2)
        return error_set(err, "WATCHDOG_USEC is '%.40s': it must be a number of microseconds",
                         text);
    if (pid && !str_to_i64(str_from(pid), &of))
        return error_set(err, "WATCHDOG_PID is '%.40s': it must be a process id", pid);
    if (!pid || of == getpid())
        n->watchdog_us = us / 2;
    return 0;
}

static int open_socket(struct notify *n, struct error *err)
{
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0)
        return error_set(err, "cannot make a socket for NOTIFY_SOCKET: %s", strerror(errno));
    n->on = true;
    return 0;
}

int notify_open(struct notify *n, struct loop *loop, struct error *err)
{
    const char *path = getenv("NOTIFY_SOCKET");
    int rc = 0;
    *n = (struct notify){.loop = loop};
    if (path && *path)
        rc = read_address(n, path, err);
    if (rc == 0 && path && *path)
        rc = read_watchdog(n, err);
    if (rc == 0 && path && *path)
        rc = open_socket(n, err);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return rc;
}

void notify_close(struct notify *n)
{
    if (n->loop)
        loop_timer_stop(n->loop, &n->feeding);
    if (n->on)
        close(n->fd);
    *n = (struct notify){0};
}

/* ---- telling ---- */

/* Never waits: a manager that does not read must not hold up the loop. A lost message is told of,
 * and is the manager's to act upon. */
static void tell(const struct notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(const struct notify *n, const char *format, ...)
{
    char text[NOTIFY_MAX];
    va_list args;
    if (!n->on)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= (int)sizeof text)
        len = (int)sizeof text - 1;
    if (len < 0 || sendto(n->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)&n->address, n->address_len) < 0)
        log_line(LOG_WARN, where, "the service manager cannot be told '%.20s': %s", text,
                 strerror(errno));
}

static void feed(void *arg)
{
    struct notify *n = arg;
    tell(n, "WATCHDOG=1");
    loop_timer(n->loop, &n->feeding, n->watchdog_us);
}

void notify_ready(struct notify *n, const char *status)
{
    tell(n, "READY=1\nSTATUS=%s", status);
    if (n->watchdog_us == 0 || loop_timer_started(&n->feeding))
        return;
    n->feeding = (struct timer){.fn = feed, .arg = n};
    loop_timer(n->loop, &n->feeding, n->watchdog_us);
}

/* The time lets the manager tell this reload from one before. */
void notify_reloading(struct notify *n)
{
    if (n->on)
        tell(n, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading the configuration again",
             loop_monotonic_us(n->loop));
}

void notify_stopping(struct notify *n, const char *status)
{
    tell(n, "STOPPING=1\nSTATUS=%s", status);
}

void notify_status(const struct notify *n, const char *status)
{
    tell(n, "STATUS=%s", status);
}
