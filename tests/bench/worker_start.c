/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_start CONNECTOR.so [N]: what the jail adds to starting a worker. In turns, N times (500)
 * each: the worker program started and ended without a jail; with the jail and nothing in it; with
 * a connector loaded and described in it.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop_uv.h"
#include "base/mem.h"
#include "bench/percentile.h"
#include "plugin/process.h"
#include "plugin/protocol.h"
#include "plugin/registry.h"

/* A worker that finds nobody at the other end of its socket ends before it does anything. */
static int start_bare(void)
{
    char name[] = "fastenr-worker", *argv[] = {name, NULL}, *envp[] = {NULL};
    int pair[2], status = -1;
    pid_t pid;
    posix_spawn_file_actions_t files;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, pair[1], WORKER_SOCKET_FD);
    close(pair[0]);
    if (posix_spawn(&pid, WORKER_PATH, &files, NULL, argv, envp) == 0)
        waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&files);
    close(pair[1]);
    return status;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
    if (argc < 2 || count < 1) {
        fprintf(stderr, "usage: worker_start CONNECTOR.so [N]\n");
        return 2;
    }
    struct world world = {.loop = loop_uv_new(2, &err), .random = world_random_real};
    struct carrier *carrier = process_carrier_new(&world, WORKER_PATH);
    int64_t *us[3];
    int rc = 0;
    for (size_t i = 0; i < 3; i++)
        us[i] = mem_new(count, sizeof us[0][0]);
    for (size_t i = 0; i < count && rc == 0; i++) {
        uint32_t layers;
        struct connector_info info;
        int64_t at[4];
        at[0] = world_monotonic(&world);
        rc |= start_bare() < 0;
        at[1] = world_monotonic(&world);
        rc |= registry_probe_jail(&world, carrier, &layers, &err) != 0;
        at[2] = world_monotonic(&world);
        rc |= registry_describe(&world, carrier, &WORKER_LIMITS_DEFAULT, argv[1], &info, &err) != 0;
        at[3] = world_monotonic(&world);
        for (size_t j = 0; j < 3; j++)
            us[j][i] = at[j + 1] - at[j];
        if (rc == 0)
            connector_info_free(&info);
    }
    if (rc != 0) {
        fprintf(stderr, "worker_start: a worker does not start: %s\n", err.text);
    } else {
        percentile_print("started and ended, no jail", us[0], count);
        percentile_print("jailed, nothing in it", us[1], count);
        percentile_print("jailed, connector loaded and described", us[2], count);
    }
    for (size_t i = 0; i < 3; i++)
        free(us[i]);
    process_carrier_free(carrier);
    loop_free(world.loop);
    return rc;
}
