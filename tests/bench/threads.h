/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads of a process, and of those that it has started, do with their time. */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

#include <stdio.h>
#include <sys/types.h>

struct thread_watch;

/* Looks at them every few milliseconds until it is stopped: the kernel tells no more of a thread
 * that has ended. `other` is one process more, 0: none. NULL: no thread could be started. */
struct thread_watch *threads_watch(pid_t pid, pid_t other);

/* A line for each name: the name, a tab, microseconds on a CPU, microseconds that it was ready to
 * run and waited for one. Those of one name are added up. Frees `watch`. */
void threads_stop(struct thread_watch *watch, FILE *out);

#endif
