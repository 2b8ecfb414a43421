/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outside FILE: what lies outside the jail, for the hostile corpus. A vendor's HTTP server on
 * loopback, a listener that nobody may connect to, and a process that nobody may send a signal to.
 * Prints "VENDOR_PORT CANARY_PORT PID"; writes a line into FILE for each time that it is touched.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 64 };

static FILE *report;
static int canary_port;
static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    (void)number;
    signalled = 1;
}

static int listen_on_loopback(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("outside");
        exit(1);
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void tell(const char *what)
{
    fprintf(report, "%s\n", what);
    fflush(report);
}

/* True when the connection stays open: a request for /slow is never answered. */
static int answer(int client)
{
    char request[4096], reply[200];
    ssize_t got = recv(client, request, sizeof request - 1, 0);
    if (got <= 0)
        return 0;
    request[got] = '\0';
    if (strstr(request, " /slow "))
        return 1;
    if (strstr(request, " /redirect "))
        snprintf(reply, sizeof reply,
                 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\n"
                 "Content-Length: 0\r\nConnection: close\r\n\r\n",
                 canary_port);
    else
        snprintf(reply, sizeof reply,
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    send(client, reply, strlen(reply), MSG_NOSIGNAL);
    return 0;
}

static _Noreturn void serve(int vendor, int canary)
{
    struct pollfd watched[2 + CLIENTS] = {{vendor, POLLIN, 0}, {canary, POLLIN, 0}};
    nfds_t count = 2;
    for (;;) {
        int ready = poll(watched, count, -1);
        if (signalled)
            tell("a signal came to the canary");
        signalled = 0;
        if (ready < 0)
            continue;
        for (nfds_t i = count; i-- > 2;) {
            if (!watched[i].revents || answer(watched[i].fd))
                continue;
            close(watched[i].fd);
            watched[i] = watched[--count];
        }
        if (watched[1].revents) {
            close(accept(canary, NULL, NULL));
            tell("a connection came to the canary");
        }
        if (watched[0].revents && count < 2 + CLIENTS)
            watched[count++] = (struct pollfd){accept(vendor, NULL, NULL), POLLIN, 0};
    }
}

int main(int argc, char **argv)
{
    int vendor_port;
    report = argc == 2 ? fopen(argv[1], "w") : NULL;
    if (!report) {
        fprintf(stderr, "usage: outside FILE\n");
        return 2;
    }
    sigaction(SIGURG, &(struct sigaction){.sa_handler = on_signal}, NULL);
    int vendor = listen_on_loopback(&vendor_port), canary = listen_on_loopback(&canary_port);
    printf("%d %d %d\n", vendor_port, canary_port, getpid());
    fflush(stdout);
    fclose(stdout);
    serve(vendor, canary);
}
