/* SPDX-License-Identifier: Apache-2.0 */
#include "threads.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dirent.h>

enum { THREADS_MOST = 256, EVERY_NS = 5000000, NAME_SIZE = 32 };

struct seen {
    long tid;
    char name[NAME_SIZE];
    uint64_t cpu_ns, ready_ns;
    uint64_t cpu_before_ns, ready_before_ns; /* of a process that was there before */
};

struct thread_watch {
    pid_t pid, other;
    pthread_t thread;
    atomic_bool stop;
    struct seen seen[THREADS_MOST];
    size_t count;
};

static bool read_text(const char *path, char *text, size_t cap)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t n = fread(text, 1, cap - 1, f);
    fclose(f);
    text[n] = '\0';
    return n > 0;
}

static struct seen *find(struct thread_watch *w, long tid)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->seen[i].tid == tid)
            return &w->seen[i];
    if (w->count == THREADS_MOST)
        return NULL;
    w->seen[w->count] = (struct seen){.tid = tid};
    return &w->seen[w->count++];
}

/* "on a CPU, ready, times", nanoseconds: Documentation/scheduler/sched-stats of Linux. */
static void look_at_thread(struct thread_watch *w, pid_t pid, long tid)
{
    char path[100], text[4096];
    struct seen *s = find(w, tid);
    bool first = s && s->name[0] == '\0';
    if (!s)
        return;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/schedstat", (long)pid, tid);
    if (!read_text(path, text, sizeof text) ||
        sscanf(text, "%" SCNu64 " %" SCNu64, &s->cpu_ns, &s->ready_ns) != 2)
        return;
    if (first && pid == w->other) {
        s->cpu_before_ns = s->cpu_ns;
        s->ready_before_ns = s->ready_ns;
    }
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/comm", (long)pid,
             tid); /* it may get one late */
    if (read_text(path, text, sizeof text))
        snprintf(s->name, sizeof s->name, "%.*s", (int)strcspn(text, "\n"), text);
}

static void look_at(struct thread_watch *w, pid_t pid)
{
    char path[100], text[4096];
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        long tid = strtol(e->d_name, NULL, 10);
        if (tid == 0)
            continue;
        look_at_thread(w, pid, tid);
        snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, tid);
        if (pid == w->other || !read_text(path, text, sizeof text))
            continue;
        char *next = text;
        for (long child; (child = strtol(next, &next, 10)) != 0;)
            look_at(w, (pid_t)child);
    }
    if (folder)
        closedir(folder);
}

static void *watch(void *arg)
{
    struct thread_watch *w = arg;
    const struct timespec pause = {0, EVERY_NS};
    while (!atomic_load(&w->stop)) {
        look_at(w, w->pid);
        if (w->other != 0)
            look_at(w, w->other);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

struct thread_watch *threads_watch(pid_t pid, pid_t other)
{
    struct thread_watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->pid = pid;
    w->other = other;
    if (pthread_create(&w->thread, NULL, watch, w) == 0)
        return w;
    free(w);
    return NULL;
}

static bool same_name(const struct thread_watch *w, size_t a, size_t b)
{
    return strcmp(w->seen[a].name, w->seen[b].name) == 0;
}

static void tell(const struct thread_watch *w, size_t first, FILE *out)
{
    uint64_t cpu = 0, ready = 0;
    for (size_t i = 0; i < first; i++)
        if (same_name(w, i, first))
            return; /* told already */
    for (size_t i = first; i < w->count; i++)
        if (same_name(w, i, first)) {
            cpu += w->seen[i].cpu_ns - w->seen[i].cpu_before_ns;
            ready += w->seen[i].ready_ns - w->seen[i].ready_before_ns;
        }
    fprintf(out, "%s\t%" PRIu64 "\t%" PRIu64 "\n", w->seen[first].name, cpu / 1000, ready / 1000);
}

void threads_stop(struct thread_watch *w, FILE *out)
{
    atomic_store(&w->stop, true);
    pthread_join(w->thread, NULL);
    for (size_t i = 0; i < w->count; i++)
        tell(w, i, out);
    free(w);
}
