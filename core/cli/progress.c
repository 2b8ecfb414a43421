/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/format.h"

#define REDRAW_US (100 * US_PER_MS)
#define LINE_US   (5 * US_PER_SECOND)

enum { BAR_WIDTH = 24, LINE_MAX_BYTES = 512 };

void progress_bar(struct buf *out, int64_t done, uint64_t total, int width)
{
    int filled = width;
    if (total > 0 && (uint64_t)done < total)
        filled = (int)((double)done / (double)total * width);
    buf_char(out, '[');
    for (int i = 0; i < width; i++)
        buf_char(out, i < filled ? '#' : '.');
    buf_char(out, ']');
}

static void compose_wait(const struct progress *p, struct buf *line)
{
    char span[TIME_TEXT];
    int64_t silent = world_monotonic(p->world) - p->heard_us;
    if (silent < LINE_US)
        return;
    buf_printf(line, "%s for %s", line->len > 0 ? ", nothing came" : "waiting for the vendor",
               time_format_span(silent / US_PER_SECOND * US_PER_SECOND, span));
}

static void compose(const struct progress *p, struct buf *line)
{
    char count[FORMAT_TEXT], total[FORMAT_TEXT], span[TIME_TEXT];
    const struct progress_object *object = &p->objects[p->count - 1];
    int64_t took = object->to_us - object->from_us;
    double rate = took > 0 ? (double)p->read * (double)US_PER_SECOND / (double)took : 0;
    buf_printf(line, "%s  ", object->name);
    if (p->total > 0 && std_err.terminal) {
        progress_bar(line, p->read, p->total, BAR_WIDTH);
        buf_text(line, "  ");
    }
    buf_text(line, format_count(p->read, count));
    if (p->total > 0)
        buf_printf(line, " of %s", format_count((int64_t)p->total, total));
    buf_printf(line, " records, %s/s", format_count((int64_t)rate, count));
    if (p->total > (uint64_t)p->read && rate > 0) {
        double left = (double)(p->total - (uint64_t)p->read) / rate;
        buf_printf(line, ", %s left", time_format_span((int64_t)(left + 1) * US_PER_SECOND, span));
    }
}

static void show(struct progress *p)
{
    struct buf line = BUF_INIT(LINE_MAX_BYTES);
    if (p->count > 0)
        compose(p, &line);
    compose_wait(p, &line);
    out_clear_line(&std_err);
    out_str(&std_err, buf_view(&line));
    if (!std_err.terminal)
        out_text(&std_err, "\n");
    p->on_screen = std_err.terminal;
    p->shown_us = world_monotonic(p->world);
    buf_free(&line);
}

/* The log's lines come between; they may come from any thread, the log's lock keeps them apart. */
static void make_room(void *arg)
{
    struct progress *p = arg;
    if (p->on_screen)
        out_clear_line(&std_err);
    p->on_screen = false;
}

static void on_tick(void *arg)
{
    struct progress *p = arg;
    int64_t due = p->shown_us + LINE_US - world_monotonic(p->world);
    if (due <= 0) {
        show(p);
        out_flush(&std_err);
        due = LINE_US;
    }
    loop_timer(p->world->loop, &p->timer, due);
}

void progress_begin(struct progress *p, const struct world *world)
{
    *p = (struct progress){.world = world, .timer = {.fn = on_tick, .arg = p}};
    p->began_us = p->shown_us = p->heard_us = world_monotonic(world);
    loop_timer(world->loop, &p->timer, LINE_US);
    log_on_write(make_room, NULL, p);
}

static void next_object(struct progress *p, struct str name, int64_t now)
{
    if (p->count == PROGRESS_OBJECTS)
        return;
    struct progress_object *object = &p->objects[p->count++];
    snprintf(object->name, sizeof object->name, "%.*s", STR_ARG(name));
    object->from_us = p->count > 1 ? object[-1].to_us : p->began_us;
    object->to_us = now;
}

void progress_update(struct progress *p, const struct run_progress *now)
{
    int64_t at = world_monotonic(p->world);
    if (p->count == 0 || !str_is(now->object, p->objects[p->count - 1].name))
        next_object(p, now->object, at);
    p->objects[p->count - 1].to_us = p->heard_us = at;
    p->read = now->done.read;
    p->total = now->total;
    if (at - p->shown_us >= (std_err.terminal ? REDRAW_US : LINE_US))
        show(p);
}

void progress_end(struct progress *p)
{
    loop_timer_stop(p->world->loop, &p->timer);
    log_on_write(NULL, NULL, NULL);
    make_room(p);
}

int64_t progress_took(const struct progress *p, struct str object)
{
    for (size_t i = 0; i < p->count; i++)
        if (str_is(object, p->objects[i].name))
            return p->objects[i].to_us - p->objects[i].from_us;
    return 0;
}
