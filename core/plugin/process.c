/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "plugin/image.h"

struct process_carrier {
    struct carrier carrier;
    struct world *world;
    char *worker_path;
};

struct link {
    struct loop *loop;
    const struct link_events *events;
    void *arg;
    pid_t pid;
    int socket, pidfd;
    struct watch *traffic, *exited; /* a descriptor has one watch at most */
    struct message incoming;
    bool more;    /* of `incoming` */
    bool cut_off; /* nothing is read from it any more */
    struct timer closed;
    struct buf out; /* frames the socket had no room for, each led by its u32 length */
    size_t out_at;
};

enum { OUT_MAX = 2 * MESSAGE_MAX };
#define EXIT_GRACE_US                                                                              \
    (500 * US_PER_MS) /* between the end of the socket and that of the process                     \
                       */

/* ---- reading ---- */

static void on_traffic(void *arg, int events);

/* For what is of interest now. False when the socket cannot be watched. */
static bool watch_socket(struct link *link)
{
    int events = (link->cut_off ? 0 : LOOP_READABLE) | (link->out.len > 0 ? LOOP_WRITABLE : 0);
    loop_unwatch(link->loop, link->traffic);
    link->traffic = events ? loop_watch(link->loop, link->socket, events, on_traffic, link) : NULL;
    return !events || link->traffic;
}

static void stop_reading(struct link *link)
{
    link->cut_off = true;
    watch_socket(link); /* not even for writing, where that fails: the process is being killed */
}

static void break_off(struct link *link, const char *why)
{
    stop_reading(link);
    if (link->pid > 0)
        kill(link->pid, SIGKILL);
    link->events->broken(link->arg, why);
}

static void on_closed(void *arg)
{
    break_off(arg, "it closed its socket");
}

/* One frame; false when there is none. */
static bool read_frame(struct link *link)
{
    static char frame[FRAME_MAX + 1]; /* one more, so that a longer one shows */
    if (link->cut_off)
        return false;
    ssize_t got = recv(link->socket, frame, sizeof frame, MSG_DONTWAIT);
    if (got < 0)
        return errno == EINTR;
    if (got == 0) { /* closed: it is ending, or a connector closed it */
        stop_reading(link);
        loop_timer(link->loop, &link->closed, EXIT_GRACE_US);
        return false;
    }
    /* A worker asks only when it has its last answer. One that does not fetch them would make us
     * keep more and more. */
    if (link->out.len > 0) {
        break_off(link, "it does not take its answers");
        return false;
    }
    int whole = frame_join(&link->incoming, &link->more, (struct str){frame, (size_t)got});
    if (whole < 0)
        break_off(link, "it wrote junk to its socket");
    else if (whole > 0)
        link->events->message(link->arg, &link->incoming);
    return whole >= 0;
}

/* ---- writing: a worker that does not read makes us keep what we owe it, up to OUT_MAX ---- */

static int send_frame(struct link *link, struct str frame)
{
    ssize_t sent;
    do {
        sent = send(link->socket, frame.ptr, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 1;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
}

static void write_kept(struct link *link)
{
    while (link->out_at < link->out.len) {
        uint32_t len;
        memcpy(&len, link->out.ptr + link->out_at, sizeof len);
        struct str frame = {link->out.ptr + link->out_at + sizeof len, len};
        int sent = send_frame(link, frame);
        if (sent == 0)
            return;
        if (sent < 0) /* it is gone: its exit will tell */
            break;
        link->out_at += sizeof len + len;
    }
    buf_clear(&link->out);
    link->out_at = 0;
    watch_socket(link);
}

static void on_traffic(void *arg, int events)
{
    struct link *link = arg;
    if ((events & LOOP_WRITABLE) && link->out.len > 0)
        write_kept(link);
    if (events & LOOP_READABLE)
        read_frame(link); /* one at a time, so that a flood does not starve the others */
}

static void keep_frame(struct link *link, struct str frame)
{
    uint32_t len = (uint32_t)frame.len;
    bool first = link->out.len == 0;
    buf_append(&link->out, &len, sizeof len);
    buf_str(&link->out, frame);
    if (link->pid > 0 && (link->out.full || (first && !watch_socket(link))))
        kill(link->pid, SIGKILL);
}

static void process_send(struct link *link, uint32_t kind, uint32_t call, struct str payload)
{
    static char frame[FRAME_MAX];
    size_t offset = 0;
    do {
        struct str cut = {frame, frame_cut(kind, call, payload, &offset, frame)};
        if (link->out.len > 0 || send_frame(link, cut) == 0)
            keep_frame(link, cut);
    } while (offset < payload.len);
}

/* ---- life ---- */

static void drop_watches(struct link *link)
{
    loop_unwatch(link->loop, link->traffic);
    loop_unwatch(link->loop, link->exited);
    link->traffic = link->exited = NULL;
    loop_timer_stop(link->loop, &link->closed);
}

static void on_exited(void *arg, int events)
{
    (void)events;
    struct link *link = arg;
    siginfo_t info = {0};
    struct link_exit how;
    if (waitid(P_PIDFD, (id_t)link->pidfd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    link->pid = -1;          /* it is another's from now on */
    while (read_frame(link)) /* what it said before it ended */
        continue;
    drop_watches(link);
    how.by_signal = info.si_code != CLD_EXITED;
    how.code = info.si_status;
    link->events->exited(link->arg, &how);
}

static int spawn(const char *path, int socket, int image, pid_t *ret_pid)
{
    char name[] = "fastenr-worker", *argv[] = {name, NULL}, *envp[] = {NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&files, 0, 1);
    posix_spawn_file_actions_adddup2(&files, 0, 2);
    /* dup2 onto itself would keep close-on-exec: both come from above the fixed numbers. */
    posix_spawn_file_actions_adddup2(&files, socket, WORKER_SOCKET_FD);
    posix_spawn_file_actions_adddup2(&files, image, WORKER_IMAGE_FD);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int rc = posix_spawn(ret_pid, path, &files, &attr, argv, envp);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return rc;
}

/* A descriptor above those that the worker expects at fixed numbers, in the place of this one; -1
 * stays, with errno as it is. */
static int above_fixed(int fd)
{
    if (fd < 0)
        return fd;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, WORKER_IMAGE_FD + 1), error = errno;
    close(fd);
    errno = error;
    return copy;
}

static void close_any(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* What the worker gets, and our end of its socket; all or none. */
static int open_descriptors(const struct image *image, int *ret_image, int *ret_ours,
                            int *ret_theirs)
{
    int pair[2] = {-1, -1};
    /* A probe of the jail has no image. */
    int image_fd = above_fixed(image ? dup(image->fd) : open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (image_fd >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
        pair[0] = above_fixed(pair[0]);
        if (pair[0] >= 0)
            pair[1] = above_fixed(pair[1]);
    }
    if (image_fd >= 0 && pair[0] >= 0 && pair[1] >= 0) {
        *ret_image = image_fd;
        *ret_ours = pair[0];
        *ret_theirs = pair[1];
        return 0;
    }
    int error = errno;
    close_any(image_fd);
    close_any(pair[0]);
    close_any(pair[1]);
    errno = error;
    return -1;
}

static int start_process(struct link *link, const char *worker_path, const struct image *image,
                         struct error *err)
{
    int image_fd, theirs;
    if (open_descriptors(image, &image_fd, &link->socket, &theirs) != 0)
        return error_set(err, "no descriptors for a worker: %s", strerror(errno));
    int rc = spawn(worker_path, theirs, image_fd, &link->pid);
    close(theirs);
    close(image_fd);
    if (rc != 0)
        return error_set(err, "cannot start the worker %s: %s", worker_path, strerror(rc));
    link->pidfd = pidfd_open(link->pid, 0);
    if (link->pidfd >= 0)
        return 0;
    error_set(err, "cannot watch the worker: %s", strerror(errno));
    kill(link->pid, SIGKILL);
    waitpid(link->pid, NULL, 0);
    return -1;
}

static void process_free(struct link *link)
{
    if (!link)
        return;
    drop_watches(link);
    if (link->pid > 0) {
        kill(link->pid, SIGKILL);
        waitpid(link->pid, NULL, 0);
    }
    close_any(link->socket);
    close_any(link->pidfd);
    buf_free(&link->incoming.payload);
    buf_free(&link->out);
    free(link);
}

static struct link *process_start(struct carrier *carrier, const struct image *image,
                                  const struct link_events *events, void *arg, struct error *err)
{
    struct process_carrier *pc = (struct process_carrier *)carrier;
    struct link *link = MEM_NEW(struct link);
    *link = (struct link){.loop = pc->world->loop,
                          .events = events,
                          .arg = arg,
                          .pid = -1,
                          .socket = -1,
                          .pidfd = -1,
                          .incoming = MESSAGE_INIT,
                          .out = BUF_INIT(OUT_MAX)};
    link->closed = (struct timer){.fn = on_closed, .arg = link};
    if (start_process(link, pc->worker_path, image, err) != 0) {
        link->pid = -1;
        process_free(link);
        return NULL;
    }
    link->exited = loop_watch(link->loop, link->pidfd, LOOP_READABLE, on_exited, link);
    if (!watch_socket(link) || !link->exited) {
        error_set(err, "cannot watch the worker");
        process_free(link);
        return NULL;
    }
    return link;
}

static void process_kill(struct link *link)
{
    if (link->pid > 0)
        kill(link->pid, SIGKILL);
}

struct carrier *process_carrier_new(struct world *world, const char *worker_path)
{
    struct process_carrier *pc = MEM_NEW(struct process_carrier);
    pc->carrier = (struct carrier){
        .start = process_start, .send = process_send, .kill = process_kill, .free = process_free};
    pc->world = world;
    pc->worker_path = mem_strdup(worker_path);
    return &pc->carrier;
}

void process_carrier_free(struct carrier *carrier)
{
    struct process_carrier *pc = (struct process_carrier *)carrier;
    if (!pc)
        return;
    free(pc->worker_path);
    free(pc);
}
