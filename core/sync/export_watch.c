/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/export_watch.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#define ASK_US    (US_PER_SECOND / 4)
#define LISTEN_US (10 * US_PER_SECOND) /* after the session that listens was lost */

struct export_watch {
    struct sync_host *host;
    struct export_watched *list;
    enum export_news *news; /* of each, at the last look */
    size_t count;
    export_watch_fn fn;
    void *arg;

    struct timer timer;
    struct watch *watch; /* of the descriptor, between looks */
    int fd;              /* -1: there is none */
    bool listening, lost;
    bool ask;    /* at the next look, whatever is heard */
    bool closed; /* but for the look under way */
    bool looking;
    struct job job;
    bool asking; /* of the look under way */
    int rc;
    struct error err;
    struct arena arena;
};

static void look(struct export_watch *w);

/* ---- on the store's thread ---- */

static int hear(struct export_watch *w, bool *ret_written)
{
    struct store *store = w->host->store;
    *ret_written = true;
    if (w->listening)
        return store->engine->heard(store, ret_written, &w->err);
    w->listening = store->engine->listen(store, &w->fd, &w->err) == 0;
    return w->listening ? 0 : -1;
}

static void work(void *arg)
{
    struct export_watch *w = arg;
    const struct store_engine *engine = w->host->store->engine;
    bool written;
    w->rc = hear(w, &written);
    for (size_t i = 0; i < w->count && w->rc == 0; i++) {
        if (!written && !w->asking && w->news[i] == EXPORTS_NONE)
            continue;
        w->rc = engine->look_exports(w->host->store, w->list[i].connection, w->list[i].object,
                                     &w->news[i], &w->err);
    }
}

/* ---- on the loop ---- */

static void on_readable(void *arg, int events)
{
    struct export_watch *w = arg;
    (void)events;
    look(w);
}

static void on_timer(void *arg)
{
    look(arg);
}

/* Told once, until it works again. */
static void note_loss(struct export_watch *w)
{
    if (w->rc != 0 && !w->lost)
        log_line(LOG_WARN, "run", "%s; changes here wait for the next sync until it is back",
                 w->err.text);
    if (w->rc == 0 && w->lost)
        log_line(LOG_INFO, "run", "hears of changes here again");
    w->lost = w->rc != 0;
    if (w->lost) {
        w->listening = false;
        w->ask = true;
    }
}

static void done(void *arg)
{
    struct export_watch *w = arg;
    struct loop *loop = w->host->world->loop;
    w->looking = false;
    if (w->closed)
        return;
    note_loss(w);
    for (size_t i = 0; i < w->count && w->rc == 0; i++)
        if (w->news[i] == EXPORTS_DUE)
            w->fn(w->arg, w->list[i].entry, w->list[i].object);
    if (w->listening && w->fd >= 0)
        w->watch = loop_watch(loop, w->fd, LOOP_READABLE, on_readable, w);
    loop_timer(loop, &w->timer, w->lost ? LISTEN_US : w->ask ? 0 : ASK_US);
}

static void look(struct export_watch *w)
{
    struct loop *loop = w->host->world->loop;
    loop_timer_stop(loop, &w->timer);
    if (w->watch)
        loop_unwatch(loop, w->watch);
    w->watch = NULL;
    w->looking = true;
    w->asking = w->ask;
    w->ask = false;
    w->job = (struct job){.work = work, .done = done, .arg = w};
    loop_submit(loop, EXECUTOR_STORE, &w->job);
}

struct export_watch *export_watch_open(struct sync_host *host, const struct export_watched *list,
                                       size_t count, export_watch_fn fn, void *arg)
{
    struct export_watch *w = MEM_NEW(struct export_watch);
    *w = (struct export_watch){
        .host = host, .count = count, .fn = fn, .arg = arg, .fd = -1, .ask = true};
    w->timer = (struct timer){.fn = on_timer, .arg = w};
    w->list = mem_new(count, sizeof w->list[0]);
    w->news = mem_new(count, sizeof w->news[0]);
    for (size_t i = 0; i < count; i++)
        w->list[i] = (struct export_watched){.connection = arena_str(&w->arena, list[i].connection),
                                             .object = arena_str(&w->arena, list[i].object),
                                             .entry = list[i].entry};
    look(w);
    return w;
}

void export_watch_look(struct export_watch *w)
{
    w->ask = true;
    if (!w->looking)
        loop_timer(w->host->world->loop, &w->timer, 0);
}

void export_watch_close(struct export_watch *w)
{
    if (!w)
        return;
    struct loop *loop = w->host->world->loop;
    loop_timer_stop(loop, &w->timer);
    if (w->watch)
        loop_unwatch(loop, w->watch);
    w->closed = true;
    while (w->looking)
        loop_turn(loop, US_PER_SECOND);
    arena_free(&w->arena);
    free(w->list);
    free(w->news);
    free(w);
}
