/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"

/* ---- files ---- */

static int is_connector_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(str_from(entry->d_name), ".so");
}

static bool listed(char **paths, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(strrchr(paths[i], '/') + 1, name) == 0)
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(strrchr(*x, '/') + 1, strrchr(*y, '/') + 1);
}

char **registry_list(const struct connector_dirs *dirs, struct arena *arena, size_t *ret_count)
{
    char **paths = NULL;
    size_t count = 0, cap = 0;
    for (size_t i = 0; i < dirs->count; i++) {
        struct dirent **entries = NULL;
        int n = scandir(dirs->paths[i], &entries, is_connector_file, alphasort);
        for (int j = 0; j < n; j++) {
            if (!listed(paths, count, entries[j]->d_name)) {
                paths = arena_grow(arena, paths, &cap, count + 1, sizeof paths[0]);
                paths[count++] = arena_printf(arena, "%s/%s", dirs->paths[i], entries[j]->d_name);
            }
            free(entries[j]);
        }
        free(entries);
    }
    if (count > 0)
        qsort(paths, count, sizeof paths[0], by_name);
    *ret_count = count;
    return paths;
}

static int not_found(const struct connector_dirs *dirs, struct str name, struct error *err)
{
    struct arena arena = {0};
    struct buf names = BUF_INIT(300), folders = BUF_INIT(300);
    size_t count;
    char **paths = registry_list(dirs, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        const char *file = strrchr(paths[i], '/') + 1;
        buf_printf(&names, "%s%.*s", i > 0 ? ", " : "", (int)strlen(file) - 3, file);
    }
    for (size_t i = 0; i < dirs->count; i++)
        buf_printf(&folders, "%s%s", i > 0 ? ", " : "", dirs->paths[i]);
    error_set(err, "there is no connector '%.*s' in %s; there are: %s", STR_ARG(name),
              buf_cstr(&folders), count > 0 ? buf_cstr(&names) : "none");
    buf_free(&names);
    buf_free(&folders);
    arena_free(&arena);
    return -1;
}

char *registry_find(const struct connector_dirs *dirs, struct str name, struct error *err)
{
    char file[256];
    if (str_find(name, '/') >= 0)
        return mem_strndup(name.ptr, name.len);
    snprintf(file, sizeof file, "%.*s.so", STR_ARG(name));
    for (size_t i = 0; i < dirs->count; i++) {
        char *path = file_join(dirs->paths[i], file);
        if (file_exists(path))
            return path;
        free(path);
    }
    not_found(dirs, name, err);
    return NULL;
}

/* ---- describing ---- */

struct describing {
    struct worker *worker;
    struct descriptor descriptor;
    bool described, over;
    uint32_t layers;
    bool crashed;
    struct worker_end end;
    struct error err;
};

static void on_started(void *arg, struct descriptor *descriptor, uint32_t layers, const char *text)
{
    struct describing *d = arg;
    d->layers = layers;
    if (descriptor) {
        d->descriptor = *descriptor;
        d->described = true;
        worker_stop(d->worker);
    } else {
        error_set(&d->err, "%s", text);
    }
}

static void on_ended(void *arg, const struct worker_end *end)
{
    struct describing *d = arg;
    if (!end->asked) {
        error_set(&d->err, "%s", end->text);
        d->crashed = true;
        d->end = *end;
    }
    d->over = true;
}

static void ignore_log(void *arg, int level, struct str text)
{
    (void)arg;
    (void)level;
    (void)text;
}

/* Only what load and describe can bring: the other services are refused in these phases. */
static const struct worker_events describing_events = {
    .started = on_started, .ended = on_ended, .log = ignore_log};

/* Describing does no work: a connector that takes longer holds up the others for nothing. */
#define DESCRIBE_MOST (5 * US_PER_SECOND)

static int describe_image(struct world *world, struct carrier *carrier,
                          const struct worker_limits *limits, const struct image *image,
                          struct describing *d, struct error *err)
{
    struct worker_limits short_limits = *limits;
    if (short_limits.hang_us > DESCRIBE_MOST)
        short_limits.hang_us = DESCRIBE_MOST;
    d->worker = worker_start(world, carrier, image, &short_limits, &describing_events, d, err);
    if (!d->worker)
        return -1;
    loop_run(world->loop, &d->over);
    worker_free(d->worker);
    loop_turn(world->loop, 0);
    if (d->err.text[0] == '\0')
        return 0;
    if (d->described)
        descriptor_free(&d->descriptor);
    return error_set(err, "%s", d->err.text);
}

int registry_describe(struct world *world, struct carrier *carrier,
                      const struct worker_limits *limits, const char *path,
                      struct connector_info *ret_info, struct error *err)
{
    struct connector_info info = {0};
    struct describing d = {0};
    *ret_info = info;
    if (image_load(path, &info.image, err) != 0)
        return error_prefix(err, "%s", path);
    if (describe_image(world, carrier, limits, &info.image, &d, err) != 0) {
        image_free(&info.image);
        *ret_info = (struct connector_info){.crashed = d.crashed, .end = d.end};
        return error_prefix(err, "%s", path);
    }
    info.descriptor = d.descriptor;
    info.jail_layers = d.layers;
    *ret_info = info;
    return 0;
}

void connector_info_free(struct connector_info *info)
{
    image_free(&info->image);
    descriptor_free(&info->descriptor);
}

int registry_probe_jail(struct world *world, struct carrier *carrier, uint32_t *ret_layers,
                        struct error *err)
{
    struct describing d = {0};
    if (describe_image(world, carrier, &WORKER_LIMITS_DEFAULT, NULL, &d, err) != 0)
        return -1;
    *ret_layers = d.layers;
    return 0;
}
