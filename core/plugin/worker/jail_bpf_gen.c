/* SPDX-License-Identifier: Apache-2.0 */
/* Build-time tool: writes the two seccomp filters as a C header, so that a worker needs no
 * libseccomp and no time to build them. See jail.h for what the stages are. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Stands for the worker's process id until the worker knows it. */
#define SELF 0x53454c46u

static void require(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "jail_bpf_gen: %s: %s\n", what, strerror(-rc));
    exit(1);
}

static void rule(scmp_filter_ctx ctx, uint32_t action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) {
        fprintf(stderr, "jail_bpf_gen: no system call named %s\n", name);
        exit(1);
    }
    require(seccomp_rule_add(ctx, action, number, 0), name);
}

static void allow_always(scmp_filter_ctx ctx)
{
    static const char *const names[] = {
        "read",
        "write",
        "readv",
        "writev",
        "close",
        "fstat",
        "lseek",
        "munmap",
        "mremap",
        "madvise",
        "brk",
        "recvfrom",
        "sendto",
        "futex",
        "exit",
        "exit_group",
        "getpid",
        "gettid",
        "getuid",
        "geteuid",
        "getgid",
        "getegid",
        "sched_yield",
        "nanosleep",
        "clock_nanosleep",
        "clock_gettime",
        "gettimeofday",
        "time",
        "getrandom",
        "rt_sigreturn",
        "rt_sigprocmask",
        "sigaltstack",
        "restart_syscall",
        "poll",
        "ppoll",
        "getrusage",
        "sysinfo",
        "uname",
        "sched_getaffinity",
        "rseq",
        "set_robust_list",
        "set_tid_address",
        "arch_prctl",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        rule(ctx, SCMP_ACT_ALLOW, names[i]);
    /* abort: a signal to itself, to nobody else. */
    require(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, SELF)),
            "tgkill");
    require(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 0), "rt_sigaction");
    /* Its own limits only: those of the host, which may run as the same user, can end it. */
    require(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, 0)),
            "prlimit64");
}

/* What no honest connector does: the worker ends, and the run log says so. */
static void kill_always(scmp_filter_ctx ctx)
{
    static const char *const names[] = {
        "execve", "execveat",       "ptrace",         "process_vm_readv",  "process_vm_writev",
        "bpf",    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd",
        "mount",  "pivot_root",     "kexec_load",     "init_module",       "finit_module",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        rule(ctx, SCMP_ACT_KILL_PROCESS, names[i]);
}

/* Mapping memory; code only in stage one. */
static void allow_mapping(scmp_filter_ctx ctx, int code_too)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < 2; i++) {
        if (code_too)
            require(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0), "mapping");
        else
            require(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
                    "mapping");
    }
}

/* What dlopen needs beside mapping: opening to read (Landlock says where), and the next stage. */
static void allow_loading(scmp_filter_ctx ctx)
{
    uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
    require(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0)),
            "openat");
    static const char *const names[] = {"pread64", "newfstatat", "readlink", "readlinkat",
                                        "access",  "faccessat",  "statx",    "getcwd"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        rule(ctx, SCMP_ACT_ALLOW, names[i]);
    require(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                             SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)),
            "prctl(PR_SET_SECCOMP)");
}

static void write_filter(scmp_filter_ctx ctx, const char *name, const char *macro)
{
    static struct sock_filter filter[4096];
    int fd = memfd_create("bpf", MFD_CLOEXEC);
    if (fd < 0) {
        perror("jail_bpf_gen: memfd_create");
        exit(1);
    }
    require(seccomp_export_bpf(ctx, fd), "export");
    ssize_t bytes = pread(fd, filter, sizeof filter, 0);
    close(fd);
    if (bytes <= 0 || (size_t)bytes >= sizeof filter) {
        fprintf(stderr, "jail_bpf_gen: a filter of %zd bytes\n", bytes);
        exit(1);
    }
    size_t count = (size_t)bytes / sizeof filter[0];
    printf("#define %s %zu\nstatic const struct sock_filter %s[] = {\n", macro, count, name);
    for (size_t i = 0; i < count; i++)
        printf("    {0x%x, %u, %u, 0x%xu},\n", filter[i].code, filter[i].jt, filter[i].jf,
               filter[i].k);
    printf("};\n");
}

static scmp_filter_ctx new_filter(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!ctx) {
        fprintf(stderr, "jail_bpf_gen: seccomp_init failed\n");
        exit(1);
    }
    require(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad arch");
    require(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
    allow_always(ctx);
    kill_always(ctx);
    rule(ctx, SCMP_ACT_ERRNO(ENOSYS), "clone3");
    return ctx;
}

int main(void)
{
    printf("/* Generated by jail_bpf_gen; see worker/jail.h. */\n");
    printf("#define JAIL_BPF_SELF 0x%xu\n#define JAIL_BPF_MAX 4096\n", SELF);
    scmp_filter_ctx one = new_filter();
    allow_mapping(one, 1);
    allow_loading(one);
    write_filter(one, "jail_bpf_stage_one", "JAIL_BPF_STAGE_ONE");
    scmp_filter_ctx two = new_filter();
    allow_mapping(two, 0);
    write_filter(two, "jail_bpf_stage_two", "JAIL_BPF_STAGE_TWO");
    seccomp_release(one);
    seccomp_release(two);
    return 0;
}
