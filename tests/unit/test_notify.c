/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager is told: by a socket of the test's own, with a real loop. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop_uv.h"
#include "base/notify.h"
#include "base/time.h"

enum { PERIOD_US = 100000 }; /* WATCHDOG_USEC: fed every 50 ms */

static struct error err;

struct manager {
    int fd;
    char name[108]; /* as NOTIFY_SOCKET has it */
    char text[NOTIFY_MAX + 1];
};

static void manager_listen(struct manager *m, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    snprintf(m->name, sizeof m->name, "%s", name);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(m->fd >= 0);
    CU_ASSERT_EQUAL_FATAL(bind(m->fd, (struct sockaddr *)&address,
                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                          0);
    setenv("NOTIFY_SOCKET", name, 1);
}

/* The next message, or NULL when none is there. */
static const char *manager_next(struct manager *m)
{
    ssize_t got = recv(m->fd, m->text, NOTIFY_MAX, MSG_DONTWAIT);
    if (got < 0)
        return NULL;
    m->text[got] = '\0';
    return m->text;
}

static size_t manager_count(struct manager *m, const char *wanted)
{
    size_t count = 0;
    for (const char *text; (text = manager_next(m));)
        count += strcmp(text, wanted) == 0;
    return count;
}

static void turn_for(struct loop *loop, int64_t us)
{
    int64_t until = loop_monotonic_us(loop) + us;
    for (int64_t now; (now = loop_monotonic_us(loop)) < until;)
        loop_turn(loop, until - now);
}

static void abstract_name(char name[64], const char *what)
{
    snprintf(name, 64, "@fastenr-test-%d-%s", (int)getpid(), what);
}

static void say_all(struct manager *m)
{
    struct notify n;
    struct loop *loop = loop_uv_new(1, &err);
    CU_ASSERT_EQUAL(notify_open(&n, loop, &err), 0);
    CU_ASSERT_PTR_NULL(getenv("NOTIFY_SOCKET"));
    CU_ASSERT_PTR_NULL(manager_next(m)); /* opening it says nothing yet */
    notify_ready(&n, "2 connections");
    UNIT_TEXT(manager_next(m), "READY=1\nSTATUS=2 connections");
    notify_status(&n, "busy");
    UNIT_TEXT(manager_next(m), "STATUS=busy");
    int64_t before = loop_monotonic_us(loop);
    long long told = 0;
    notify_reloading(&n);
    const char *text = manager_next(m);
    CU_ASSERT_FATAL(text && sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=", &told) == 1);
    CU_ASSERT(told >= before && told <= loop_monotonic_us(loop));
    notify_stopping(&n, "ending");
    UNIT_TEXT(manager_next(m), "STOPPING=1\nSTATUS=ending");
    notify_close(&n);
    loop_free(loop);
}

static void test_path(void)
{
    char dir[] = "/tmp/fastenr-notify-XXXXXX", path[64];
    struct manager m;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    manager_listen(&m, path);
    say_all(&m);
    close(m.fd);
    unlink(path);
    rmdir(dir);
}

static void test_abstract(void)
{
    char name[64];
    struct manager m;
    abstract_name(name, "all");
    manager_listen(&m, name);
    say_all(&m);
    close(m.fd);
}

static void hang(void *arg)
{
    usleep(*(useconds_t *)arg);
}

static void test_watchdog(void)
{
    char name[64];
    struct manager m;
    struct notify n;
    struct loop *loop = loop_uv_new(1, &err);
    useconds_t hanging = 6 * PERIOD_US;
    abstract_name(name, "watchdog");
    manager_listen(&m, name);
    setenv("WATCHDOG_USEC", "100000", 1);
    CU_ASSERT_EQUAL(notify_open(&n, loop, &err), 0);
    CU_ASSERT_PTR_NULL(getenv("WATCHDOG_USEC"));
    turn_for(loop, 2 * PERIOD_US);
    CU_ASSERT_PTR_NULL(manager_next(&m)); /* not before it is ready */

    notify_ready(&n, "");
    UNIT_TEXT(manager_next(&m), "READY=1\nSTATUS=");
    turn_for(loop, 10 * PERIOD_US);
    size_t fed = manager_count(&m, "WATCHDOG=1"); /* 20 on a machine that has time */
    CU_ASSERT(fed >= 5 && fed <= 20);
    if (fed < 5 || fed > 20)
        fprintf(stderr, "fed %zu times\n", fed);

    notify_ready(&n, ""); /* after a reload: no second watchdog */
    manager_count(&m, "");
    loop_post(loop, hang, &hanging);
    loop_turn(loop, 0); /* hangs for six periods */
    CU_ASSERT(manager_count(&m, "WATCHDOG=1") <= 1);
    turn_for(loop, 2 * PERIOD_US);
    CU_ASSERT(manager_count(&m, "WATCHDOG=1") >= 1); /* it goes on after that */
    notify_close(&n);
    turn_for(loop, PERIOD_US);
    CU_ASSERT_PTR_NULL(manager_next(&m));
    close(m.fd);
    loop_free(loop);
}

static void test_of_another(void)
{
    char name[64];
    struct manager m;
    struct notify n;
    struct loop *loop = loop_uv_new(1, &err);
    abstract_name(name, "another");
    manager_listen(&m, name);
    setenv("WATCHDOG_USEC", "1000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    CU_ASSERT_EQUAL(notify_open(&n, loop, &err), 0);
    CU_ASSERT_EQUAL(n.watchdog_us, 0);
    CU_ASSERT(n.on);
    notify_close(&n);
    close(m.fd);
    loop_free(loop);
}

static void expect_refused(const char *socket, const char *watchdog, const char *words)
{
    struct notify n;
    setenv("NOTIFY_SOCKET", socket, 1);
    if (watchdog)
        setenv("WATCHDOG_USEC", watchdog, 1);
    CU_ASSERT_EQUAL(notify_open(&n, NULL, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    CU_ASSERT(!n.on);
    notify_ready(&n, "nobody"); /* harmless */
    notify_close(&n);
}

static void test_refused(void)
{
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    expect_refused("relative", NULL, "only /path and @abstract");
    expect_refused("vsock:2:1234", NULL, "only /path and @abstract");
    expect_refused("@", NULL, "only /path and @abstract");
    expect_refused(longer, NULL, "at most 107");
    expect_refused("/run/x", "soon", "WATCHDOG_USEC is 'soon'");
    expect_refused("/run/x", "0", "WATCHDOG_USEC is '0'");
}

static void test_nobody(void)
{
    struct notify n;
    unsetenv("NOTIFY_SOCKET");
    CU_ASSERT_EQUAL(notify_open(&n, NULL, &err), 0);
    CU_ASSERT(!n.on);
    notify_ready(&n, "");
    notify_reloading(&n);
    notify_close(&n);
}

static void test_cut(void)
{
    char name[64], status[3 * NOTIFY_MAX];
    struct manager m;
    struct notify n;
    struct loop *loop = loop_uv_new(1, &err);
    abstract_name(name, "cut");
    manager_listen(&m, name);
    memset(status, 's', sizeof status - 1);
    status[sizeof status - 1] = '\0';
    CU_ASSERT_EQUAL(notify_open(&n, loop, &err), 0);
    notify_status(&n, status);
    const char *text = manager_next(&m);
    CU_ASSERT(text && strlen(text) == NOTIFY_MAX - 1);
    notify_close(&n);
    close(m.fd);
    loop_free(loop);
}

const char *const unit_suite = "notify";
const struct unit_test unit_tests[] = {
    {"a socket with a path", test_path},
    {"an abstract socket", test_abstract},
    {"the watchdog is fed at half its period, by a loop that turns", test_watchdog},
    {"the watchdog of another process", test_of_another},
    {"an environment that makes no sense", test_refused},
    {"nobody listens", test_nobody},
    {"a long status is cut off", test_cut},
    {NULL, NULL},
};
