/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_loop CONNECTOR.so [N]: starts a connector that crashes in its check N times in a row (500).
 * Red when the descriptors or the memory of the host have grown by then. Prints how long a restart
 * takes: from the end of one worker until the next one has loaded and described the connector in
 * its jail.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop_uv.h"
#include "base/mem.h"
#include "bench/percentile.h"
#include "plugin/image.h"
#include "plugin/process.h"
#include "plugin/worker.h"

enum { WARM_UP = 100, GROWTH_MOST_KIB = 1024 };

struct lap {
    struct world *world;
    struct worker *worker;
    int64_t ready_us;
    bool over, crashed;
};

static void on_started(void *arg, struct descriptor *descriptor, uint32_t layers, const char *text)
{
    struct lap *lap = arg;
    (void)layers;
    (void)text;
    if (!descriptor)
        return;
    lap->ready_us = world_monotonic(lap->world);
    descriptor_free(descriptor);
    worker_create(lap->worker, NULL, 0);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct lap *lap = arg;
    if (result->phase == PHASE_CREATE)
        worker_check(lap->worker);
    else
        worker_stop(lap->worker);
}

static void on_ended(void *arg, const struct worker_end *end)
{
    struct lap *lap = arg;
    lap->crashed = !end->asked;
    lap->over = true;
}

static void on_log(void *arg, int level, struct str text)
{
    (void)arg;
    (void)level;
    (void)text;
}

static const struct worker_events events = {
    .started = on_started, .finished = on_finished, .ended = on_ended, .log = on_log};

/* The time until it was ready; -1 when it did not crash. */
static int64_t run_lap(struct world *world, struct carrier *carrier, const struct image *image)
{
    struct lap lap = {.world = world};
    struct error err;
    int64_t began = world_monotonic(world);
    lap.worker = worker_start(world, carrier, image, &WORKER_LIMITS_DEFAULT, &events, &lap, &err);
    if (!lap.worker) {
        fprintf(stderr, "crash_loop: %s\n", err.text);
        return -1;
    }
    loop_run(world->loop, &lap.over);
    worker_free(lap.worker);
    loop_turn(world->loop, 0);
    return lap.crashed && lap.ready_us ? lap.ready_us - began : -1;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static long resident_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

static int loop(struct world *world, struct carrier *carrier, const struct image *image, long count)
{
    int64_t *us = mem_new((size_t)count, sizeof us[0]);
    int descriptors = 0, rc = 1;
    long kib = 0;
    for (long i = -WARM_UP; i < count; i++) {
        if (i == 0) {
            descriptors = open_descriptors();
            kib = resident_kib();
        }
        int64_t took = run_lap(world, carrier, image);
        if (took < 0) {
            fprintf(stderr, "crash_loop: start %ld did not end in a crash of its check\n", i);
            goto out;
        }
        if (i >= 0)
            us[i] = took;
    }
    int descriptors_after = open_descriptors();
    long kib_after = resident_kib();
    percentile_print("restart after a crash", us, (size_t)count);
    printf("descriptors %d before, %d after; Rss %ld KiB before, %ld after\n", descriptors,
           descriptors_after, kib, kib_after);
    rc = descriptors_after != descriptors || kib_after > kib + GROWTH_MOST_KIB;
out:
    free(us);
    return rc;
}

int main(int argc, char **argv)
{
    struct error err;
    struct image image;
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : 500;
    if (argc < 2 || count < 1) {
        fprintf(stderr, "usage: crash_loop CONNECTOR.so [N]\n");
        return 2;
    }
    struct world world = {.loop = loop_uv_new(2, &err), .random = world_random_real};
    if (!world.loop || image_load(argv[1], &image, &err) != 0) {
        fprintf(stderr, "crash_loop: %s\n", err.text);
        return 2;
    }
    struct carrier *carrier = process_carrier_new(&world, WORKER_PATH);
    int rc = loop(&world, carrier, &image, count);
    process_carrier_free(carrier);
    image_free(&image);
    loop_free(world.loop);
    return rc;
}
