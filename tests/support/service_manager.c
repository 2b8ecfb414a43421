/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_manager [--abstract] WATCHDOG_USEC LOG COMMAND...: starts a service as systemd does with
 * Type=notify, and writes what it is told to LOG, a line a message: milliseconds since the start,
 * then the message, its lines joined by spaces. SIGUSR1 freezes the service's first thread and no
 * other; SIGUSR2 lets it go on. SIGTERM and SIGHUP are passed on. Ends as the service does.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 4096, LOOK_MS = 5 };

static pid_t service;
static volatile sig_atomic_t wanted; /* the last signal that came, 0: none */

static void die(const char *what)
{
    perror(what);
    if (service > 0)
        kill(service, SIGKILL);
    exit(2);
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void on_signal(int number)
{
    wanted = number;
}

static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    if (len >= sizeof address.sun_path) {
        fprintf(stderr, "%s: too long for a socket\n", name);
        exit(2);
    }
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval look = {.tv_usec = LOOK_MS * 1000};
    if (fd < 0 ||
        bind(fd, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) != 0)
        die(name);
    return fd;
}

static void start(const char *socket_name, const char *watchdog, char **command)
{
    char pid[32];
    service = fork();
    if (service < 0)
        die("fork");
    if (service > 0)
        return;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("NOTIFY_SOCKET", socket_name, 1);
    setenv("WATCHDOG_USEC", watchdog, 1);
    setenv("WATCHDOG_PID", pid, 1);
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

/* A traced thread that is interrupted stops; its process goes on. */
static void act(int number)
{
    int status;
    if (number == SIGUSR1) {
        if (ptrace(PTRACE_SEIZE, service, NULL, NULL) != 0 ||
            ptrace(PTRACE_INTERRUPT, service, NULL, NULL) != 0 ||
            waitpid(service, &status, __WALL) != service)
            die("freeze");
    } else if (number == SIGUSR2) {
        if (ptrace(PTRACE_DETACH, service, NULL, NULL) != 0)
            die("let go");
    } else if (number != 0) {
        kill(service, number);
    }
}

static void keep(FILE *log, char *text, long long began)
{
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ' ';
    fprintf(log, "%lld %s\n", now_ms() - began, text);
    fflush(log);
}

/* Until the service has ended; its exit status. */
static int watch(int fd, FILE *log)
{
    static char text[MESSAGE_MAX + 1];
    long long began = now_ms();
    int status = 0;
    for (;;) {
        ssize_t got = recv(fd, text, MESSAGE_MAX, 0);
        if (got > 0) {
            text[got] = '\0';
            keep(log, text, began);
            continue;
        }
        int number = wanted;
        wanted = 0;
        act(number);
        pid_t ended = waitpid(service, &status, WNOHANG);
        if (ended < 0)
            die("waitpid");
        if (ended == service && !WIFSTOPPED(status))
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

int main(int argc, char **argv)
{
    int at = argc > 1 && strcmp(argv[1], "--abstract") == 0 ? 2 : 1;
    static const int passed[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGHUP};
    char name[4096];
    if (argc < at + 3) {
        fprintf(stderr, "service_manager [--abstract] WATCHDOG_USEC LOG COMMAND...\n");
        return 2;
    }
    FILE *log = fopen(argv[at + 1], "w");
    if (!log)
        die(argv[at + 1]);
    if (at == 2)
        snprintf(name, sizeof name, "@fastenr-service-%d", (int)getpid());
    else
        snprintf(name, sizeof name, "%s.socket", argv[at + 1]);
    int fd = listen_at(name);
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
        signal(passed[i], on_signal);
    start(name, argv[at], argv + at + 2);
    int rc = watch(fd, log);
    fclose(log);
    return rc;
}
