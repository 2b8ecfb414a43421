/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for credentials in all their writings.
 *
 *   find_secret SECRETS PATH...        in files, and all files below folders
 *   find_secret SECRETS --pid PID      in a process's memory
 *   find_secret SECRETS --run CMD...   runs it, and looks into the memory of the processes that it
 *                                      starts, again and again while they live; and into its own,
 *                                      where they must be: else the search could find nothing
 *
 * SECRETS is a file with one a line. Ends with 0 when none was found, 1 when one was (it prints
 * where), 2 when it could not look. --run: 0 also wants a look at a child, and CMD to end with 0.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"

enum { PATTERNS_MAX = 200, REGION_MAX = 256 * 1024 * 1024, FILE_MAX = 512 * 1024 * 1024 };

static struct str patterns[PATTERNS_MAX];
static size_t pattern_count;
static size_t found;
static int quiet;

static void add_pattern(const char *bytes, size_t len)
{
    if (len >= 8 && pattern_count < PATTERNS_MAX)
        patterns[pattern_count++] = (struct str){mem_strndup(bytes, len), len};
}

/* The whole groups of three of a text that holds the value `offset` bytes from its begin. */
static void add_base64(struct str value, size_t offset, bool url)
{
    struct buf within = BUF_INIT(64 * 1024), text = BUF_INIT(128 * 1024);
    buf_append(&within, "xx", offset);
    buf_str(&within, value);
    encode_base64(&text, buf_view(&within));
    for (size_t i = 0; url && i < text.len; i++)
        text.ptr[i] = (char)(text.ptr[i] == '+' ? '-' : text.ptr[i] == '/' ? '_' : text.ptr[i]);
    size_t first = offset > 0 ? 4 : 0, end = within.len / 3 * 4;
    if (end > first)
        add_pattern(text.ptr + first, end - first);
    buf_free(&within);
    buf_free(&text);
}

static void add_secret(struct str value)
{
    struct buf text = BUF_INIT(64 * 1024);
    add_pattern(value.ptr, value.len);
    for (size_t offset = 0; offset < 3; offset++) {
        add_base64(value, offset, false);
        add_base64(value, offset, true);
    }
    encode_percent(&text, value);
    add_pattern(text.ptr, text.len);
    for (size_t i = 2; i < text.len; i++)
        if (text.ptr[i - 1] == '%' || text.ptr[i - 2] == '%')
            text.ptr[i] = (char)tolower((unsigned char)text.ptr[i]);
    add_pattern(text.ptr, text.len);
    buf_free(&text);
}

static bool look(const char *where, struct str bytes)
{
    for (size_t i = 0; i < pattern_count; i++) {
        const char *at = memmem(bytes.ptr, bytes.len, patterns[i].ptr, patterns[i].len);
        if (!at)
            continue;
        found++;
        if (!quiet)
            printf("%s holds %.*s, at byte %td\n", where, (int)patterns[i].len, patterns[i].ptr,
                   at - bytes.ptr);
        return true;
    }
    return false;
}

static int look_at_file(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    struct buf bytes = BUF_INIT(FILE_MAX);
    struct error err;
    (void)ftw;
    if (kind != FTW_F || !S_ISREG(info->st_mode))
        return kind == FTW_DNR || kind == FTW_NS ? 2 : 0;
    if (file_read(path, &bytes, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    look(path, buf_view(&bytes));
    buf_free(&bytes);
    return 0;
}

/* ---- processes ---- */

static void look_at_region(int memory, const char *line, const char *where)
{
    unsigned long from, to;
    char rights[8];
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
        to - from > REGION_MAX || strstr(line, "[v"))
        return;
    char *bytes = mem_resize(NULL, to - from, 1);
    ssize_t len = pread(memory, bytes, to - from, (off_t)from);
    if (len > 0)
        look(where, (struct str){bytes, (size_t)len});
    free(bytes);
}

/* -1: it is gone, or may not be looked at (errno). Stack, environment and arguments are regions. */
static int look_at_process(pid_t pid, const char *what)
{
    char path[64], where[600], *line = NULL;
    size_t cap = 0;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = memory < 0 ? NULL : fopen(path, "re");
    if (!maps) {
        if (memory >= 0)
            close(memory);
        return -1;
    }
    while (getline(&line, &cap, maps) > 0) {
        snprintf(where, sizeof where, "%s %d: %.400s", what, pid, line);
        look_at_region(memory, line, where);
    }
    free(line);
    fclose(maps);
    close(memory);
    return 0;
}

static pid_t parent_of(const char *pid)
{
    char path[300], text[512] = "", state;
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    close(fd);
    const char *rest = strrchr(text, ')');
    return rest && sscanf(rest, ") %c %d", &state, &parent) == 2 ? parent : 0;
}

static unsigned long looks;

/* A child that has not yet become another program lives in its parent's memory. */
static bool is_other_program(pid_t child, pid_t parent)
{
    char path[2][64], target[2][4096];
    ssize_t len[2];
    const pid_t pids[] = {child, parent};
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "/proc/%d/exe", pids[i]);
        len[i] = readlink(path[i], target[i], sizeof target[i]);
    }
    return len[0] > 0 && (len[0] != len[1] || memcmp(target[0], target[1], (size_t)len[0]) != 0);
}

/* Each is stopped meanwhile, so that it does not end. */
static int look_at_children(pid_t parent)
{
    DIR *proc = opendir("/proc");
    int rc = proc ? 0 : -1;
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        pid_t pid = atoi(entry->d_name);
        if (pid <= 0 || parent_of(entry->d_name) != parent || kill(pid, SIGSTOP) != 0)
            continue;
        bool other = is_other_program(pid, parent);
        if (other && look_at_process(pid, "the worker") == 0)
            looks++;
        else if (other && (errno == EACCES || errno == EPERM))
            rc = -1;
        kill(pid, SIGCONT);
    }
    if (proc)
        closedir(proc);
    return rc;
}

/* Whether its own memory, while it lives, ever held one. */
static bool host_holds_one(pid_t pid)
{
    size_t before = found;
    quiet = 1;
    look_at_process(pid, "the host");
    quiet = 0;
    bool holds = found > before;
    found = before;
    return holds;
}

static int run(char **command)
{
    const struct timespec pause = {0, 3 * 1000 * 1000};
    int status = 0;
    bool control = false;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
        if (look_at_children(pid) != 0) {
            fprintf(stderr, "find_secret: the memory of workers cannot be read: it takes root\n");
            kill(pid, SIGTERM);
            return 2;
        }
        if (!control && looks >= 3) /* which takes longer than a worker may live */
            control = host_holds_one(pid);
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "find_secret: %lu looks at workers, %s in the host, ended with %d\n", looks,
            control ? "seen" : "never seen", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    if (found > 0)
        return 1;
    return looks > 0 && control && status == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    struct buf secrets = BUF_INIT(64 * 1024);
    struct error err;
    struct str rest, line;
    if (argc < 3 || file_read(argv[1], &secrets, &err) != 0)
        return 2;
    rest = buf_view(&secrets);
    while (str_next(&rest, '\n', &line))
        add_secret(line);
    buf_free(&secrets);
    if (pattern_count == 0)
        return 2;
    if (strcmp(argv[2], "--run") == 0 && argc > 3)
        return run(argv + 3);
    if (strcmp(argv[2], "--pid") == 0 && argc > 3)
        return look_at_process(atoi(argv[3]), "the process") != 0 ? 2 : found > 0;
    for (int i = 2; i < argc; i++)
        if (nftw(argv[i], look_at_file, 16, FTW_PHYS) != 0)
            return 2;
    return found > 0;
}
