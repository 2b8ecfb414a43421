/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/mem.h"
#include "base/time.h"

enum { REQUEST_MAX = 16 * 1024, PAGE_MAX = 4096, BACKLOG = 8 };
#define REQUEST_TIME (5 * US_PER_SECOND)

struct listener {
    struct loop *loop;
    int fd, peer; /* peer: -1 while nobody is served */
    uint16_t port;
    struct watch *accepting, *reading;
    struct timer deadline;
    struct buf request;
    listener_fn fn;
    void *arg;
};

static void on_connection(void *arg, int events);

static void hang_up(struct listener *l)
{
    loop_timer_stop(l->loop, &l->deadline);
    if (l->reading)
        loop_unwatch(l->loop, l->reading);
    l->reading = NULL;
    if (l->peer >= 0)
        close(l->peer);
    l->peer = -1;
    buf_clear(&l->request);
    if (l->fd >= 0 && !l->accepting)
        l->accepting = loop_watch(l->loop, l->fd, LOOP_READABLE, on_connection, l);
}

static void on_deadline(void *arg)
{
    hang_up(arg);
}

static const char *reason(int status)
{
    return status == 200 ? "OK" : status == 404 ? "Not Found" : "Bad Request";
}

/* Short enough for the socket's buffer: it is written at once, or not at all. */
static void write_page(struct listener *l, const struct listener_page *page)
{
    struct buf body = BUF_INIT(PAGE_MAX), head = BUF_INIT(2 * PAGE_MAX);
    buf_printf(&body,
               "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>%s</title>"
               "<h1>%s</h1><p>%s</p></html>\n",
               page->title, page->title, page->text);
    buf_printf(&head,
               "HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: "
               "%zu\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
               "Connection: close\r\n\r\n",
               page->status, reason(page->status), body.len);
    buf_str(&head, buf_view(&body));
    ssize_t sent = send(l->peer, head.ptr, head.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a browser that has gone sees no page: what it brought counts all the same */
    shutdown(l->peer, SHUT_WR);
    buf_free(&body);
    buf_free(&head);
}

static void answer(struct listener *l)
{
    struct listener_page page = {400, "Not understood",
                                 "This address takes the answer of a vendor's consent page only."};
    struct str line = buf_view(&l->request), method, target;
    bool get = str_next(&line, ' ', &method) && str_is(method, "GET") &&
               str_next(&line, ' ', &target) && str_starts(target, "/");
    if (get && str_starts(line, "HTTP/1."))
        l->fn(l->arg, target, &page);
    write_page(l, &page);
    hang_up(l);
}

static void on_request(void *arg, int events)
{
    struct listener *l = arg;
    char piece[2048];
    (void)events;
    ssize_t got = recv(l->peer, piece, sizeof piece, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        buf_append(&l->request, piece, (size_t)got);
    explicit_bzero(piece, sizeof piece);
    if (got <= 0 || l->request.full)
        hang_up(l);
    else if (memmem(l->request.ptr, l->request.len, "\r\n\r\n", 4))
        answer(l);
}

static void on_connection(void *arg, int events)
{
    struct listener *l = arg;
    (void)events;
    int peer = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer < 0)
        return;
    l->peer = peer;
    loop_unwatch(l->loop, l->accepting);
    l->accepting = NULL;
    loop_timer(l->loop, &l->deadline, REQUEST_TIME);
    l->reading = loop_watch(l->loop, peer, LOOP_READABLE, on_request, l);
    if (!l->reading)
        hang_up(l);
}

static int bind_to(struct listener *l, uint16_t port, struct error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof address;
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(l->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(l->fd, BACKLOG) != 0 || getsockname(l->fd, (struct sockaddr *)&address, &len) != 0)
        return error_set(err, "cannot listen on 127.0.0.1:%u: %s%s", port, strerror(errno),
                         errno == EADDRINUSE ? "; give another port with --port" : "");
    l->port = ntohs(address.sin_port);
    return 0;
}

struct listener *listener_open(struct loop *loop, uint16_t port, listener_fn fn, void *arg,
                               struct error *err)
{
    struct listener *l = MEM_NEW(struct listener);
    *l = (struct listener){
        .loop = loop, .fd = -1, .peer = -1, .fn = fn, .arg = arg, .request = BUF_INIT(REQUEST_MAX)};
    l->deadline = (struct timer){.fn = on_deadline, .arg = l};
    if (bind_to(l, port, err) != 0) {
        listener_close(l);
        return NULL;
    }
    l->accepting = loop_watch(loop, l->fd, LOOP_READABLE, on_connection, l);
    if (l->accepting)
        return l;
    error_set(err, "cannot wait for connections on 127.0.0.1:%u", l->port);
    listener_close(l);
    return NULL;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    if (l->accepting)
        loop_unwatch(l->loop, l->accepting);
    int fd = l->fd;
    l->accepting = NULL;
    l->fd = -1; /* nobody is waited for any more */
    hang_up(l);
    if (fd >= 0)
        close(fd);
    if (l->request.ptr)
        explicit_bzero(l->request.ptr, l->request.cap);
    buf_free(&l->request);
    free(l);
}

/* ---- the query ---- */

/* As browsers write it: a space is a plus. */
static struct str decode(struct str text, struct arena *arena)
{
    struct buf spaced = BUF_INIT(REQUEST_MAX), out = BUF_INIT(REQUEST_MAX);
    for (size_t i = 0; i < text.len; i++)
        buf_char(&spaced, text.ptr[i] == '+' ? ' ' : text.ptr[i]);
    decode_percent(&out, buf_view(&spaced));
    struct str decoded = arena_str(arena, buf_view(&out));
    buf_free(&spaced);
    buf_free(&out);
    return decoded;
}

struct str listener_query(struct str target, const char *name, struct arena *arena)
{
    ptrdiff_t mark = str_find(target, '?');
    struct str rest = {0}, part, key;
    if (mark >= 0)
        rest = str_slice(target, (size_t)mark + 1, target.len - (size_t)mark - 1);
    while (str_next(&rest, '&', &part))
        if (str_next(&part, '=', &key) && str_is(key, name))
            return decode(part, arena);
    return (struct str){0};
}
