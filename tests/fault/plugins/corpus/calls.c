/* SPDX-License-Identifier: Apache-2.0 */
/* System calls: processes, programs, files, sockets, signals, descriptors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "harm.h"

harm_fn write_image, make_thread, make_process, execute, spy_on_process, open_file, open_proc,
    change_file, open_socket, bare_call, deadly_call, send_signals, use_every_descriptor,
    touch_image, pass_descriptor, map_code, old_abi;

static void *run_thread(void *arg)
{
    return arg;
}

void make_thread(const char *arg)
{
    pthread_t thread;
    (void)arg;
    errno = pthread_create(&thread, NULL, run_thread, NULL);
    note(errno == EPERM || errno == EAGAIN, "pthread_create");
}

/* A child that came to be ends at once. */
void make_process(const char *how)
{
    long rc;
    if (strcmp(how, "fork") == 0)
        rc = fork();
    else if (strcmp(how, "vfork") == 0)
        rc = syscall(SYS_vfork);
    else if (strcmp(how, "clone") == 0)
        rc = syscall(SYS_clone, SIGCHLD | CLONE_PARENT, 0, 0, 0, 0);
    else
        rc = syscall(SYS_clone3, (uint64_t[11]){[4] = SIGCHLD}, 88);
    if (rc == 0)
        _exit(0);
    attempt(how, rc);
}

void execute(const char *how)
{
    char path[] = "/bin/true";
    char *argv[] = {path, NULL}, *none[] = {NULL};
    if (strcmp(how, "execve") == 0)
        attempt(how, execve(path, argv, none));
    else
        attempt(how, syscall(SYS_execveat, AT_FDCWD, path, argv, none, 0));
}

void spy_on_process(const char *how)
{
    char bytes[8];
    struct iovec local = {bytes, sizeof bytes}, remote = {&scene, sizeof bytes};
    pid_t pid = (pid_t)scene.canary_pid;
    if (strcmp(how, "attach") == 0)
        attempt(how, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
    else if (strcmp(how, "traceme") == 0)
        attempt(how, ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    else if (strcmp(how, "readv") == 0)
        attempt(how, process_vm_readv(pid, &local, 1, &remote, 1, 0));
    else
        attempt(how, process_vm_writev(pid, &local, 1, &remote, 1, 0));
}

/* ---- files ---- */

static void open_one(const char *path, int flags)
{
    attempt(strrchr(path, '/') + 1, open(path, flags, 0666));
}

void open_file(const char *how)
{
    if (strcmp(how, "read") == 0) {
        open_one("/etc/passwd", O_RDONLY);
        open_one("/etc/hostname", O_RDONLY);
        open_one("/dev/null", O_RDONLY);
        open_one(CANARY_FILE, O_RDONLY);
    } else if (strcmp(how, "write") == 0) {
        open_one(CANARY_FILE, O_WRONLY);
        open_one(CANARY_FILE, O_RDWR | O_TRUNC);
        open_one("/tmp/fastenr-spy", O_WRONLY | O_CREAT);
        open_one("/dev/shm/fastenr-spy", O_RDWR | O_CREAT);
    } else if (strcmp(how, "list") == 0) {
        open_one("/", O_RDONLY | O_DIRECTORY);
        open_one("/tmp", O_RDONLY | O_DIRECTORY);
        open_one("/tmp", O_TMPFILE | O_WRONLY);
    } else {
        uint64_t open_how[3] = {O_RDONLY, 0, 0};
        attempt("openat2", syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", open_how, 24));
    }
}

void open_proc(const char *what)
{
    static const char *const whose[] = {"1", "self", "thread-self"};
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", scene.canary_pid, what);
    if (scene.canary_pid)
        open_one(path, O_RDONLY);
    for (size_t i = 0; i < sizeof whose / sizeof whose[0]; i++) {
        snprintf(path, sizeof path, "/proc/%s/%s", whose[i], what);
        open_one(path, O_RDONLY);
    }
}

void change_file(const char *arg)
{
    (void)arg;
    attempt("unlink", unlink(CANARY_FILE));
    attempt("rename", rename(CANARY_FILE, CANARY_FILE ".gone"));
    attempt("truncate", truncate(CANARY_FILE, 0));
    attempt("chmod", chmod(CANARY_FILE, 0777));
    attempt("link", link(CANARY_FILE, "/tmp/fastenr-spy"));
    attempt("symlink", symlink(CANARY_FILE, "/tmp/fastenr-spy"));
    attempt("mkdir", mkdir("/tmp/fastenr-spy", 0777));
}

/* ---- sockets ---- */

void open_socket(const char *family)
{
    int number = (int)number_of(family), pair[2];
    int fd = socket(number, SOCK_STREAM, 0);
    attempt("stream", fd);
    attempt("datagram", socket(number, SOCK_DGRAM, 0));
    attempt("raw", socket(number, SOCK_RAW, 0));
    attempt("pair", socketpair(number, SOCK_STREAM, 0, pair));
    struct sockaddr_in canary = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)scene.canary_port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (number == AF_INET)
        attempt("connect", connect(fd, (struct sockaddr *)&canary, sizeof canary));
    /* A socket of the host's is there already: it must not become another. */
    attempt("reconnect", connect(3, (struct sockaddr *)&canary, sizeof canary));
    attempt("listen", listen(3, 1));
}

/* ---- calls by number ---- */

void bare_call(const char *number)
{
    attempt(number, syscall(number_of(number), 0L, 0L, 0L, 0L, 0L, 0L));
}

void deadly_call(const char *number)
{
    bare_call(number);
}

/* SIGURG: whom it reaches after all is not hurt. */
void send_signals(const char *arg)
{
    siginfo_t info = {.si_code = SI_QUEUE};
    pid_t pid = (pid_t)scene.canary_pid;
    (void)arg;
    attempt("host", kill(pid, SIGURG));
    attempt("all", kill(-1, SIGURG));
    attempt("group", kill(0, SIGURG));
    attempt("init", kill(1, SIGURG));
    attempt("tkill", syscall(SYS_tkill, pid, SIGURG));
    attempt("tgkill", syscall(SYS_tgkill, pid, pid, SIGURG));
    attempt("sigqueue", syscall(SYS_rt_sigqueueinfo, pid, SIGURG, &info));
    attempt("pidfd", syscall(SYS_pidfd_open, pid, 0));
}

/* ---- descriptors ---- */

/* What is open beside 0, 1, 2 (nothing) and 3 (the host)? */
void use_every_descriptor(const char *how)
{
    char byte;
    for (int fd = strcmp(how, "write") == 0 ? 0 : 4; fd < 1024; fd++) {
        errno = 0;
        long rc = strcmp(how, "write") == 0 ? write(fd, "x", 1) : read(fd, &byte, 1);
        if (fd > 3 && (rc >= 0 || errno != EBADF))
            note(0, "an open descriptor");
    }
    note(1, "descriptors from 4 on");
}

/* Descriptor 4 is the sealed copy that all workers of this connector run. */
void touch_image(const char *arg)
{
    (void)arg;
    attempt("pwrite", pwrite(4, "junk", 4, 0));
    attempt("ftruncate", ftruncate(4, 0));
    attempt("seals", fcntl(4, F_ADD_SEALS, 0));
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 4, 0);
    attempt("map", map == MAP_FAILED ? -1 : 0);
}

void write_image(const char *arg)
{
    (void)arg;
    attempt("write", write(4, "junk", 4));
}

void pass_descriptor(const char *arg)
{
    char room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec bytes = {room, 1};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    (void)arg;
    *head = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(head), &(int){3}, sizeof(int));
    attempt("sendmsg", sendmsg(3, &message, MSG_NOSIGNAL));
}

/* ---- code ---- */

void map_code(const char *arg)
{
    static char page[8192];
    char *at = page + 4096 - (uintptr_t)page % 4096;
    (void)arg;
    void *map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    attempt("mmap", map == MAP_FAILED ? -1 : 0);
    attempt("mprotect", mprotect(at, 4096, PROT_READ | PROT_EXEC));
    attempt("pkey_mprotect", syscall(SYS_pkey_mprotect, at, 4096, PROT_READ | PROT_EXEC, 0));
}

/* The kernel's other doors: filters that look at numbers alone do not see them. */
void old_abi(const char *which)
{
#ifdef __x86_64__
    long rc;
    if (strcmp(which, "i386") == 0)
        __asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory"); /* getpid */
    else
        __asm__ volatile("syscall"
                         : "=a"(rc)
                         : "a"(0x40000000 + SYS_getpid)
                         : "rcx", "r11", "memory");
    note(rc < 0, which);
#else
    note(1, which);
#endif
}
