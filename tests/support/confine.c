/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine LIST COMMAND...: runs a command under what systemd makes of the unit's SystemCallFilter,
 * RestrictNamespaces, RestrictAddressFamilies and MemoryDenyWriteExecute. LIST has the names of the
 * system calls that are allowed; any other fails with EPERM.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint64_t no_namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP;
static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};

static scmp_filter_ctx filter;

static void need(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "confine: %s: %s\n", what, strerror(-rc));
    exit(2);
}

static void allow_if(int number, const char *name, struct scmp_arg_cmp condition)
{
    need(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, condition), name);
}

/* Those of which only some uses are allowed. */
static bool allow_partly(int number, const char *name)
{
    const uint64_t both = PROT_WRITE | PROT_EXEC;
    if (strcmp(name, "unshare") == 0 || strcmp(name, "clone") == 0) {
        allow_if(number, name, SCMP_A0(SCMP_CMP_MASKED_EQ, no_namespaces, 0));
    } else if (strcmp(name, "setns") == 0) {
        allow_if(number, name, SCMP_A1(SCMP_CMP_MASKED_EQ, no_namespaces, 0));
    } else if (strcmp(name, "clone3") == 0) { /* its flags cannot be looked at */
        need(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0), name);
    } else if (strcmp(name, "socket") == 0) {
        for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
            allow_if(number, name, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    } else if (strcmp(name, "mmap") == 0) {
        allow_if(number, name, SCMP_A2(SCMP_CMP_MASKED_EQ, both, 0));
        allow_if(number, name, SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_WRITE));
        allow_if(number, name, SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_EXEC));
    } else if (strcmp(name, "mprotect") == 0 || strcmp(name, "pkey_mprotect") == 0) {
        allow_if(number, name, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    } else {
        return false;
    }
    return true;
}

static void read_list(const char *path)
{
    char name[128];
    int count = 0;
    FILE *list = fopen(path, "r");
    need(list ? 0 : -errno, path);
    while (fscanf(list, "%127s", name) == 1) {
        int number = seccomp_syscall_resolve_name(name);
        if (number < 0) /* of other architectures */
            continue;
        count++;
        if (!allow_partly(number, name))
            need(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0), name);
    }
    fclose(list);
    need(count > 100 ? 0 : -EINVAL, "a list of so few system calls");
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "confine LIST COMMAND...\n");
        return 2;
    }
    filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    need(filter ? 0 : -ENOMEM, "seccomp");
    read_list(argv[1]);
    need(seccomp_load(filter), "seccomp");
    execvp(argv[2], argv + 2);
    need(-errno, argv[2]);
}
