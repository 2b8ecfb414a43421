/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and says what it took.
 *
 *   measure [-n TIMES] [-u TEXT] [-o FILE] [-t FILE [-p PID]] COMMAND [ARGUMENT...]
 *
 * Prints a line for each time: microseconds, microseconds of CPU (user and system; with all
 * processes that it waited for), the greatest resident size of one of them in KiB, exit status. -u:
 * until its output holds TEXT; it is ended then, and the times are those until TEXT. -o: its output
 * goes there, else nowhere. -t: what its threads did goes there (threads.h), with those of a
 * process that runs already.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "threads.h"

struct wanted {
    const char *until, *output, *threads;
    pid_t other;
    char **command;
};

extern char **environ;

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int64_t cpu_us(const struct rusage *u)
{
    return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * INT64_C(1000000) + u->ru_utime.tv_usec +
           u->ru_stime.tv_usec;
}

static pid_t start(const struct wanted *w, int output)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    errno = posix_spawnp(&pid, w->command[0], &actions, NULL, w->command, environ);
    if (errno != 0)
        die(w->command[0]);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* True when the text has come, false at the end of the output. What is longer than the room is
 * dropped but for its end. */
static bool wait_for(int from, const char *text)
{
    char seen[8192];
    size_t len = 0;
    ssize_t got;
    while ((got = read(from, seen + len, sizeof seen - 1 - len)) > 0) {
        len += (size_t)got;
        seen[len] = '\0';
        if (strstr(seen, text))
            return true;
        if (len > sizeof seen / 2) {
            memmove(seen, seen + len - sizeof seen / 4, sizeof seen / 4);
            len = sizeof seen / 4;
        }
    }
    return false;
}

static int output_of(const struct wanted *w)
{
    int fd =
        open(w->output ? w->output : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        die(w->output ? w->output : "/dev/null");
    return fd;
}

static void report(int64_t us, const struct rusage *u, int status)
{
    printf("%" PRId64 " %" PRId64 " %ld %d\n", us, cpu_us(u), u->ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static struct thread_watch *watch_threads(const struct wanted *w, pid_t pid)
{
    struct thread_watch *watch = threads_watch(pid, w->other);
    if (!watch)
        die("thread");
    return watch;
}

static void tell_threads(const struct wanted *w, struct thread_watch *watch)
{
    FILE *out = fopen(w->threads, "w");
    if (!out)
        die(w->threads);
    threads_stop(watch, out);
    if (fclose(out) != 0)
        die(w->threads);
}

static int measure_whole(const struct wanted *w)
{
    struct rusage u;
    int status, fd = output_of(w);
    int64_t began = wall_us();
    pid_t pid = start(w, fd);
    struct thread_watch *watch = w->threads ? watch_threads(w, pid) : NULL;
    if (wait4(pid, &status, 0, &u) != pid)
        die("wait");
    report(wall_us() - began, &u, status);
    if (watch)
        tell_threads(w, watch);
    close(fd);
    return status;
}

static int measure_until(const struct wanted *w)
{
    struct rusage u;
    int status, ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe");
    int64_t began = wall_us();
    pid_t pid = start(w, ends[1]);
    close(ends[1]);
    bool came = wait_for(ends[0], w->until);
    int64_t us = wall_us() - began;
    close(ends[0]);
    kill(pid, SIGTERM);
    if (wait4(pid, &status, 0, &u) != pid)
        die("wait");
    report(us, &u, came ? 0 : status);
    if (!came)
        fprintf(stderr, "measure: %s ended without saying '%s'\n", w->command[0], w->until);
    return came ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct wanted w = {0};
    long times = 1;
    int opt, bad = 0;
    while ((opt = getopt(argc, argv, "+n:u:o:t:p:")) != -1) {
        if (opt == 'n')
            times = strtol(optarg, NULL, 10);
        else if (opt == 'u')
            w.until = optarg;
        else if (opt == 'o')
            w.output = optarg;
        else if (opt == 't')
            w.threads = optarg;
        else if (opt == 'p')
            w.other = (pid_t)strtol(optarg, NULL, 10);
        else
            optind = argc;
    }
    if (optind >= argc) {
        fputs("Usage: measure [-n TIMES] [-u TEXT] [-o FILE] [-t FILE [-p PID]] COMMAND "
              "[ARGUMENT...]\n",
              stderr);
        return 2;
    }
    w.command = &argv[optind];
    for (long i = 0; i < times; i++)
        bad |= w.until ? measure_until(&w) : measure_whole(&w);
    return bad != 0;
}
