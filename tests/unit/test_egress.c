/* SPDX-License-Identifier: Apache-2.0 */
/* Where curl's sockets really go: names that are addresses in disguise, names with a private
 * address among others, and names whose address changes. The name server is this program: libcurl
 * finds its getaddrinfo. */
#include "unit.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop_uv.h"
#include "base/time.h"
#include "net/curl.h"

/* One connection may reach 127.0.0.2 and nothing else that is private. */
#define OURS   "127.0.0.2"
#define CLOSED "127.0.0.1"

static struct world world;
static int port;
static const char *answers[3]; /* of the name server, whatever is asked */

static struct addrinfo *one_answer(const char *address)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *a = calloc(1, sizeof *a);
    a->address.sin_family = AF_INET;
    inet_pton(AF_INET, address, &a->address.sin_addr);
    a->info = (struct addrinfo){.ai_family = AF_INET,
                                .ai_socktype = SOCK_STREAM,
                                .ai_protocol = IPPROTO_TCP,
                                .ai_addrlen = sizeof a->address,
                                .ai_addr = (struct sockaddr *)&a->address};
    return &a->info;
}

/* What libcurl calls, on a thread of its own. It sets the port itself when none is given. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **ret_list)
{
    struct addrinfo **at = ret_list;
    (void)name;
    (void)hints;
    *at = NULL;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0] && answers[i]; i++) {
        *at = one_answer(answers[i]);
        ((struct sockaddr_in *)(void *)(*at)->ai_addr)->sin_port =
            htons((uint16_t)(service ? atoi(service) : 0));
        at = &(*at)->ai_next;
    }
    return *ret_list ? 0 : EAI_NONAME;
}

__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static int listen_on(const char *address, int at_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)at_port)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, address, &a.sin_addr);
    CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 8) == 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    port = ntohs(a.sin_port);
    return fd;
}

struct ask {
    bool over;
    enum transfer_fault fault;
    char text[300];
};

static void on_done(void *arg, struct transfer_result *result)
{
    struct ask *ask = arg;
    ask->over = true;
    ask->fault = result->fault;
    snprintf(ask->text, sizeof ask->text, "%s", result->text ? result->text : "");
    blob_unref(result->body);
}

/* Asks HOST for "/", answering with `listener` when a connection comes to it. */
static struct ask fetch(const char *host, int listener)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    struct ask ask = {0};
    struct error err;
    struct egress egress = {0};
    char url[200];
    struct transport *transport = curl_transport_new(&world, &err);
    CU_ASSERT_FATAL(transport && egress_allow(&egress, STR(OURS), &err) == 0);
    snprintf(url, sizeof url, "http://%s:%d/", host, port);
    struct transfer_request request = {.method = STR("GET"),
                                       .url = str_from(url),
                                       .egress = &egress,
                                       .timeout_us = 5 * US_PER_SECOND,
                                       .connect_timeout_us = 5 * US_PER_SECOND,
                                       .body_max = 1000};
    transport->start(transport, &request, on_done, &ask);
    while (!ask.over) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0) {
            CU_ASSERT(send(client, reply, sizeof reply - 1, MSG_NOSIGNAL) > 0);
            close(client);
        }
        loop_turn(world.loop, 10 * US_PER_MS);
    }
    transport->free(transport);
    return ask;
}

static void answer_with(const char *first, const char *second)
{
    answers[0] = first;
    answers[1] = second;
}

static bool touched(int listener)
{
    int client = accept(listener, NULL, NULL);
    close(client);
    return client >= 0;
}

static void test_spellings(void)
{
    static const char *const spellings[] = {
        "127.0.0.1",          "127.1", "2130706433", "0x7f000001", "0177.0.0.1",    "0x7f.1",
        "[::ffff:127.0.0.1]", "[::1]", "0",          "localhost",  "[::127.0.0.1]", "127.0.0.1.",
        "localhost."};
    int closed = listen_on(CLOSED, 0);
    answer_with(CLOSED, NULL);
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        struct ask ask = fetch(spellings[i], closed);
        CU_ASSERT_EQUAL(ask.fault, FAULT_REFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(ask.text, "is a private address"));
    }
    CU_ASSERT(!touched(closed));
    close(closed);
}

/* A name server that mixes addresses gets a connection to those that are allowed alone. */
static void test_mixed_answers(void)
{
    int closed = listen_on(CLOSED, 0);
    int ours = listen_on(OURS, port);
    answer_with(CLOSED, OURS);
    CU_ASSERT_EQUAL(fetch("mixed.test", ours).fault, FAULT_NONE);
    CU_ASSERT(!touched(closed));
    answer_with(OURS, CLOSED);
    CU_ASSERT_EQUAL(fetch("mixed.test", ours).fault, FAULT_NONE);
    CU_ASSERT(!touched(closed));
    close(closed);
    close(ours);
}

static void test_changing_answers(void)
{
    int closed = listen_on(CLOSED, 0);
    int ours = listen_on(OURS, port);
    answer_with(OURS, NULL);
    CU_ASSERT_EQUAL(fetch("changing.test", ours).fault, FAULT_NONE);
    answer_with(CLOSED, NULL);
    CU_ASSERT_EQUAL(fetch("changing.test", ours).fault, FAULT_REFUSED);
    answer_with("169.254.169.254", NULL);
    CU_ASSERT_EQUAL(fetch("changing.test", ours).fault, FAULT_REFUSED);
    CU_ASSERT(!touched(closed));
    close(closed);
    close(ours);
}

static void in_world(void (*test)(void))
{
    struct error err;
    world = (struct world){.loop = loop_uv_new(2, &err), .random = world_random_real};
    test();
    loop_free(world.loop);
}

static void world_spellings(void)
{
    in_world(test_spellings);
}

static void world_mixed(void)
{
    in_world(test_mixed_answers);
}

static void world_changing(void)
{
    in_world(test_changing_answers);
}

const char *const unit_suite = "egress";
const struct unit_test unit_tests[] = {
    {"no spelling of an address gets around it", world_spellings},
    {"a private address among others is left out", world_mixed},
    {"a name whose address changes is checked each time", world_changing},
    {NULL, NULL},
};
