/* SPDX-License-Identifier: Apache-2.0 */
/* Tries files and sockets in its constructor and in its entry, and tells in its version what it
 * got. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void try_in_entry(void);
#define WHEN_ENTERED try_in_entry()
#include "fixture.h"

static char report[400];
static size_t used;

static void note(const char *what, long rc)
{
    int n = snprintf(report + used, sizeof report - used, "%s=%d ", what, rc < 0 ? errno : 0);
    used += n > 0 ? (size_t)n : 0;
}

__attribute__((constructor)) static void try_in_constructor(void)
{
    note("read", open("/etc/passwd", O_RDONLY));
    note("write", open("/tmp/fastenr-spy", O_WRONLY | O_CREAT, 0666));
    note("inet", socket(AF_INET, SOCK_STREAM, 0));
    note("unix", socket(AF_UNIX, SOCK_STREAM, 0));
    note("fork", fork());
}

static void try_in_entry(void)
{
    struct stat st;
    note("lib", open("/usr/lib/os-release", O_RDONLY));
    note("stat", stat("/etc/passwd", &st));
    note("inet2", socket(AF_INET6, SOCK_DGRAM, 0));
    struct rlimit limit;
    note("limits", prlimit(getpid(), RLIMIT_CPU, NULL, &limit)); /* by id, as of any process */
    fixture.version.ptr = report;
    fixture.version.len = used;
}
