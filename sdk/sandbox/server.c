/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd in external epoll mode: its own epoll thread stalls with many connections. The
 * sandbox answers in place; a slow answer is a suspended connection with a time to wake.
 */
#include "server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "record.h"
#include "text.h"

enum {
    SLOW_PIECES = 20,
    STREAM_BLOCK = 64 * 1024,
    CONNECTIONS_MAX = 1000,
    HEADER_POOL = 64 * 1024
};

/* A request while it comes in, and its answer while it goes out. */
struct exchange {
    struct server *server;
    char *target;
    struct text body;
    size_t body_seen;
    struct sandbox_response response;
    struct MHD_Connection *connection;
    int64_t wake_ms; /* of a suspended one */
    bool begun;      /* the headers were seen */
    bool paced;      /* the next piece may go */
    bool hung;       /* there will be no answer */
    struct exchange *next_slow;
};

struct server {
    struct sandbox *sandbox;
    struct MHD_Daemon *daemon;
    int epoll, signals, listener;
    uint16_t port;
    struct exchange *slow;
    FILE *requests; /* NULL: not recorded */
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- bodies that are not sent whole ---- */

static ssize_t read_stream(void *arg, uint64_t position, char *out, size_t max)
{
    struct exchange *x = arg;
    (void)position;
    size_t got = sandbox_stream_read(x->response.stream, out, max);
    return got ? (ssize_t)got : MHD_CONTENT_READER_END_OF_STREAM;
}

/* At once, where a linger time of none would send what is pending and an orderly end first: a TCP
 * socket that is disconnected by AF_UNSPEC sends a reset. */
static void reset_connection(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    int off = 0;
    if (!info)
        return;
    setsockopt(info->connect_fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    if (connect(info->connect_fd, &none, sizeof none) < 0)
        perror("fastenr-sandbox: cannot reset a connection");
}

/* Half of what was announced, then the connection closes or is reset. */
static ssize_t read_truncated(void *arg, uint64_t position, char *out, size_t max)
{
    const struct exchange *x = arg;
    size_t half = x->response.body_len / 2;
    if (position >= half && x->response.wire == SANDBOX_WIRE_RESET_BODY)
        reset_connection(x->connection);
    if (position >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = half - position < max ? half - position : max;
    memcpy(out, x->response.body + position, n);
    return (ssize_t)n;
}

static void suspend(struct exchange *x, uint32_t ms)
{
    x->wake_ms = clock_ms(CLOCK_MONOTONIC) + ms;
    x->next_slow = x->server->slow;
    x->server->slow = x;
    MHD_suspend_connection(x->connection);
}

static ssize_t read_slowly(void *arg, uint64_t position, char *out, size_t max)
{
    struct exchange *x = arg;
    const struct sandbox_response *r = &x->response;
    size_t left = r->body_len - position, piece = r->body_len / SLOW_PIECES + 1;
    if (!x->paced) {
        suspend(x, r->wire_ms / SLOW_PIECES);
        return 0;
    }
    x->paced = false;
    size_t n = left < piece ? left : piece;
    n = n < max ? n : max;
    memcpy(out, r->body + position, n);
    return (ssize_t)n;
}

/* Resumes those whose time has come; the milliseconds until the next, -1 for none. */
static int wake_slow(struct server *server)
{
    int64_t now = clock_ms(CLOCK_MONOTONIC), next = -1;
    for (struct exchange **at = &server->slow; *at;) {
        struct exchange *x = *at;
        if (x->wake_ms <= now) {
            *at = x->next_slow;
            x->paced = true;
            MHD_resume_connection(x->connection);
            continue;
        }
        if (next < 0 || x->wake_ms - now < next)
            next = x->wake_ms - now;
        at = &x->next_slow;
    }
    return (int)next;
}

/* ---- an exchange ---- */

/* The raw target, before anything decodes it. What is returned is the request's `*state`. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    struct exchange *x = mem_get(sizeof *x);
    x->server = arg;
    x->target = mem_copy(target, strlen(target));
    x->connection = connection;
    return x;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *state;
    struct server *server = arg;
    (void)connection;
    (void)why;
    if (!x)
        return;
    for (struct exchange **at = &server->slow; *at; at = &(*at)->next_slow)
        if (*at == x) {
            *at = x->next_slow;
            break;
        }
    sandbox_response_free(&x->response);
    text_free(&x->body);
    free(x->target);
    free(x);
    *state = NULL;
}

static struct MHD_Response *make_response(struct exchange *x)
{
    struct sandbox_response *r = &x->response;
    struct MHD_Response *response;
    if (r->stream)
        response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, x, NULL);
    else if ((r->wire == SANDBOX_WIRE_TRUNCATE || r->wire == SANDBOX_WIRE_RESET_BODY) &&
             r->body_len > 1)
        response =
            MHD_create_response_from_callback(r->body_len, STREAM_BLOCK, read_truncated, x, NULL);
    else if (r->wire == SANDBOX_WIRE_SLOW && r->body_len > 0)
        response =
            MHD_create_response_from_callback(r->body_len, STREAM_BLOCK, read_slowly, x, NULL);
    else
        response = MHD_create_response_from_buffer(r->body_len, r->body, MHD_RESPMEM_PERSISTENT);
    for (size_t i = 0; response && i < r->header_count; i++)
        MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
    return response;
}

static enum MHD_Result answer(struct exchange *x, const char *method)
{
    struct MHD_Connection *c = x->connection;
    struct sandbox_request request = {
        .method = method,
        .target = x->target,
        .host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"),
        .authorization = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization"),
        .body = x->body.ptr,
        .body_len = x->body_seen,
    };
    FILE *requests = x->server->requests;
    if (requests && record_request(requests, c, &request) < 0)
        perror("fastenr-sandbox: cannot write a request down");
    sandbox_tick(x->server->sandbox, clock_ms(CLOCK_REALTIME));
    sandbox_handle(x->server->sandbox, &request, &x->response);
    if (x->response.wire == SANDBOX_WIRE_RESET) {
        reset_connection(c);
        return MHD_NO;
    }
    if (x->response.wire == SANDBOX_WIRE_HANG) {
        x->hung = true;
        suspend(x, x->response.wire_ms);
        return MHD_YES;
    }
    struct MHD_Response *response = make_response(x);
    if (!response)
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(c, (unsigned)x->response.status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Called at the headers, for each piece of the body, and at its end. A body that is too long is
 * read and dropped, so that the client sees the answer. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    struct exchange *x = *state;
    (void)arg;
    (void)connection;
    (void)url;
    (void)version;
    if (x->hung)
        return MHD_NO;
    if (!x->begun) {
        x->begun = true; /* the headers: the body, or its end, comes with the next call */
        return MHD_YES;
    }
    if (*data_len > 0) {
        x->body_seen += *data_len;
        if (x->body_seen <= SANDBOX_BODY_MAX)
            text_bytes(&x->body, data, *data_len);
        *data_len = 0;
        return MHD_YES;
    }
    return answer(x, method);
}

/* ---- the loop ---- */

static int listen_on(uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool start(struct server *server)
{
    const union MHD_DaemonInfo *info;
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->signals = open_signals();
    if (server->epoll < 0 || server->signals < 0)
        return false;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL,
        on_request, server, MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_URI_LOG_CALLBACK,
        on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_POOL, MHD_OPTION_END);
    if (!server->daemon)
        return false;
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info && watch(server->epoll, info->epoll_fd) && watch(server->epoll, server->signals);
}

struct server *server_open(struct sandbox *sandbox, uint16_t port, char *error, size_t error_size)
{
    struct server *server = mem_get(sizeof *server);
    *server = (struct server){.sandbox = sandbox, .epoll = -1, .signals = -1};
    signal(SIGPIPE, SIG_IGN);
    server->listener = listen_on(port, &server->port);
    if (server->listener < 0) {
        snprintf(error, error_size, "cannot listen on 127.0.0.1:%u: %s%s", port, strerror(errno),
                 errno == EADDRINUSE ? "; choose another with --port, or 0 for any free one" : "");
        free(server);
        return NULL;
    }
    if (start(server))
        return server;
    snprintf(error, error_size, "cannot start the HTTP server: %s", strerror(errno));
    server_close(server);
    return NULL;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

void server_record(struct server *server, FILE *requests)
{
    server->requests = requests;
}

static int next_timeout(struct server *server)
{
    MHD_UNSIGNED_LONG_LONG mhd;
    int slow = wake_slow(server), timeout = -1;
    if (MHD_get_timeout(server->daemon, &mhd) == MHD_YES)
        timeout = mhd > 60000 ? 60000 : (int)mhd;
    return slow >= 0 && (timeout < 0 || slow < timeout) ? slow : timeout;
}

int server_run(struct server *server, char *error, size_t error_size)
{
    struct signalfd_siginfo info;
    struct epoll_event events[2];
    for (;;) {
        int n = epoll_wait(server->epoll, events, 2, next_timeout(server));
        if (n < 0 && errno != EINTR) {
            snprintf(error, error_size, "cannot wait for requests: %s", strerror(errno));
            return -1;
        }
        if (read(server->signals, &info, sizeof info) == (ssize_t)sizeof info)
            return 0;
        wake_slow(server);
        if (MHD_run(server->daemon) != MHD_YES) {
            snprintf(error, error_size, "the HTTP server failed");
            return -1;
        }
    }
}

void server_close(struct server *server)
{
    if (!server)
        return;
    for (struct exchange *x = server->slow; x; x = x->next_slow)
        MHD_resume_connection(x->connection);
    server->slow = NULL;
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    else
        close(server->listener);
    if (server->epoll >= 0)
        close(server->epoll);
    if (server->signals >= 0)
        close(server->signals);
    free(server);
}
