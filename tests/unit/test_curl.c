/* SPDX-License-Identifier: Apache-2.0 */
/* Curl on connections that are kept: a server takes a request and closes without a word. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop_uv.h"
#include "base/time.h"
#include "net/curl.h"

enum { CLIENTS = 8 };

static struct world world;

/* Answers the requests on "/", and closes the connection of any other. */
static struct server {
    int listener, port;
    int clients[CLIENTS];
    size_t connections, requests;
} server;

static void open_server(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    server =
        (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    CU_ASSERT_FATAL(bind(server.listener, (struct sockaddr *)&a, len) == 0);
    CU_ASSERT_FATAL(listen(server.listener, CLIENTS) == 0);
    getsockname(server.listener, (struct sockaddr *)&a, &len);
    server.port = ntohs(a.sin_port);
}

static void close_server(void)
{
    for (size_t i = 0; i < server.connections; i++)
        if (server.clients[i] >= 0)
            close(server.clients[i]);
    close(server.listener);
}

/* Requests are short, and come in one piece. */
static void serve_client(int *fd)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char request[4096];
    ssize_t len = *fd < 0 ? 0 : recv(*fd, request, sizeof request - 1, MSG_DONTWAIT);
    if (len <= 0)
        return;
    request[len] = '\0';
    server.requests++;
    if (strstr(request, " / HTTP")) {
        CU_ASSERT(send(*fd, reply, sizeof reply - 1, MSG_NOSIGNAL) > 0);
        return;
    }
    close(*fd);
    *fd = -1;
}

static void serve(void)
{
    int fd = accept(server.listener, NULL, NULL);
    if (fd >= 0) {
        CU_ASSERT_FATAL(server.connections < CLIENTS);
        server.clients[server.connections++] = fd;
    }
    for (size_t i = 0; i < server.connections; i++)
        serve_client(&server.clients[i]);
}

struct ask {
    bool over, unsent;
    enum transfer_fault fault;
};

static void on_done(void *arg, struct transfer_result *result)
{
    struct ask *ask = arg;
    *ask = (struct ask){.over = true, .fault = result->fault, .unsent = result->unsent};
    blob_unref(result->body);
}

static struct ask send_to(struct transport *transport, const char *method, const char *path,
                          const char *body, bool once)
{
    struct ask ask = {0};
    struct egress egress = {0};
    struct error err;
    char url[100];
    CU_ASSERT_FATAL(egress_allow(&egress, STR("127.0.0.1"), &err) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
    struct transfer_request request = {.method = str_from(method),
                                       .url = str_from(url),
                                       .body = str_from(body),
                                       .once = once,
                                       .egress = &egress,
                                       .timeout_us = 5 * US_PER_SECOND,
                                       .connect_timeout_us = 5 * US_PER_SECOND,
                                       .body_max = 1000};
    transport->start(transport, &request, on_done, &ask);
    while (!ask.over) {
        serve();
        loop_turn(world.loop, 5 * US_PER_MS);
    }
    serve(); /* what was sent after the end, if anything */
    return ask;
}

/* How often the server gets a request whose kept connection it closes without an answer. */
static size_t times_sent(const char *method, const char *body, bool once)
{
    struct error err;
    struct transport *transport = curl_transport_new(&world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(transport);
    open_server();
    CU_ASSERT_EQUAL(send_to(transport, "GET", "/", "", false).fault, FAULT_NONE);
    CU_ASSERT_EQUAL(send_to(transport, "GET", "/", "", false).fault, FAULT_NONE);
    CU_ASSERT_EQUAL(server.connections, 1); /* it is kept, or this would show nothing */
    struct ask ask = send_to(transport, method, "/closes", body, once);
    CU_ASSERT_EQUAL(ask.fault, FAULT_BROKEN);
    CU_ASSERT_FALSE(ask.unsent);
    size_t times = server.requests - 2;
    transport->free(transport);
    close_server();
    return times;
}

static void test_once(void)
{
    CU_ASSERT_EQUAL(times_sent("POST", "{\"a\":1}", true), 1);
    CU_ASSERT_EQUAL(times_sent("DELETE", "", true), 1);
    CU_ASSERT_EQUAL(times_sent("POST", "", true), 1);
}

/* What libcurl does otherwise. */
static void test_again(void)
{
    CU_ASSERT(times_sent("GET", "", false) > 1);
    CU_ASSERT(times_sent("POST", "{\"a\":1}", false) > 1);
}

/* What comes after it may use its connection. */
static void test_kept(void)
{
    struct error err;
    struct transport *transport = curl_transport_new(&world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(transport);
    open_server();
    CU_ASSERT_EQUAL(send_to(transport, "POST", "/", "{}", true).fault, FAULT_NONE);
    CU_ASSERT_EQUAL(send_to(transport, "GET", "/", "", false).fault, FAULT_NONE);
    CU_ASSERT_EQUAL(server.connections, 1);
    CU_ASSERT_EQUAL(send_to(transport, "POST", "/", "{}", true).fault, FAULT_NONE);
    CU_ASSERT_EQUAL(server.connections, 2);
    transport->free(transport);
    close_server();
}

static void test_unsent(void)
{
    struct error err;
    struct transport *transport = curl_transport_new(&world, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(transport);
    open_server();
    close_server();
    server.connections = 0;
    server.listener = -1;
    struct ask ask = send_to(transport, "POST", "/", "{}", true);
    CU_ASSERT_EQUAL(ask.fault, FAULT_NOT_SENT);
    CU_ASSERT_TRUE(ask.unsent);
    transport->free(transport);
}

static void in_world(void (*test)(void))
{
    struct error err;
    world = (struct world){.loop = loop_uv_new(2, &err), .random = world_random_real};
    test();
    loop_free(world.loop);
}

#define IN_WORLD(name)                                                                             \
    static void world_##name(void)                                                                 \
    {                                                                                              \
        in_world(name);                                                                            \
    }

IN_WORLD(test_once)
IN_WORLD(test_again)
IN_WORLD(test_kept)
IN_WORLD(test_unsent)

const char *const unit_suite = "curl";
const struct unit_test unit_tests[] = {
    {"a request that may be sent once is sent once", world_test_once},
    {"a read is sent again when its connection was closed", world_test_again},
    {"connections are kept after it", world_test_kept},
    {"a request that nobody took was not sent", world_test_unsent},
    {NULL, NULL},
};
