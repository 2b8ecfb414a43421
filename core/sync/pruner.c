/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/pruner.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/time.h"

#define FIRST_US US_PER_MINUTE
#define PASS_US  US_PER_HOUR

/* Pauses, in times of the step before: a quarter of the store's time is taken while it has nothing
 * else to do, a twentieth while something is being synced. */
enum { PAUSE_IDLE = 3, PAUSE_BUSY = 19 };

static const char where[] = "retention";

static void wait_for_pass(struct pruner *p, int64_t delay_us)
{
    if (!p->stopped)
        loop_timer(p->world->loop, &p->timer, delay_us);
}

/* ---- telling ---- */

static void tell_pruned(const struct retention_pass *pass)
{
    struct buf text = BUF_INIT(600);
    char took[TIME_TEXT], longest[TIME_TEXT];
    for (size_t i = 1; i < PRUNE_KINDS; i++)
        if (pass->pruned[i] > 0)
            buf_printf(&text, "%s%" PRId64 " %s", text.len > 0 ? ", " : "", pass->pruned[i],
                       retention_name((enum prune_kind)i));
    log_line(LOG_INFO, where, "pruned %s in %" PRId64 " steps of %s together, the longest %s",
             buf_cstr(&text), pass->steps, time_format_span(pass->took_us, took),
             time_format_span(pass->longest_us, longest));
    buf_free(&text);
}

static void end_pass(struct pruner *p)
{
    p->under_way = false;
    if (retention_total(&p->pass) > 0)
        tell_pruned(&p->pass);
    if (p->held.len > 0 && !p->told)
        log_line(LOG_WARN, where, "the log cannot be pruned: %.*s", STR_ARG(p->held));
    p->told = p->held.len > 0;
    wait_for_pass(p, PASS_US);
}

/* ---- steps ---- */

/* On the store executor. */
static void work(void *arg)
{
    struct pruner *p = arg;
    p->rc = retention_step(&p->pass, &p->err);
    if (p->rc == 0 && p->pass.done && p->pass.hold == PRUNE_HELD_BY_CONSUMER)
        p->rc = retention_explain(p->store, &p->arena, &p->held, &p->err);
}

static void on_done(void *arg)
{
    struct pruner *p = arg;
    p->working = false;
    if (p->rc != 0) {
        log_line(LOG_WARN, where, "%s; it is tried again in an hour", p->err.text);
        p->under_way = false;
        wait_for_pass(p, PASS_US);
        return;
    }
    if (p->pass.done)
        end_pass(p);
    else
        wait_for_pass(p, p->pass.last_us * (p->is_busy(p->arg) ? PAUSE_BUSY : PAUSE_IDLE));
}

static void on_timer(void *arg)
{
    struct pruner *p = arg;
    if (!p->under_way) {
        p->ages = p->next_ages;
        arena_free(&p->arena);
        p->held = STR("");
        retention_begin(&p->pass, p->store, &p->ages, false);
        p->under_way = true;
    }
    if (p->pass.done) { /* all is kept for ever */
        end_pass(p);
        return;
    }
    p->working = true;
    p->job = (struct job){.work = work, .done = on_done, .arg = p};
    loop_submit(p->world->loop, EXECUTOR_STORE, &p->job);
}

/* ---- life ---- */

void pruner_start(struct pruner *p, const struct retention *ages)
{
    p->next_ages = *ages;
    p->timer = (struct timer){.fn = on_timer, .arg = p};
    wait_for_pass(p, FIRST_US);
}

void pruner_set(struct pruner *p, const struct retention *ages)
{
    p->next_ages = *ages;
}

void pruner_stop(struct pruner *p)
{
    p->stopped = true;
    loop_timer_stop(p->world->loop, &p->timer);
}

bool pruner_is_working(const struct pruner *p)
{
    return p->working;
}

void pruner_free(struct pruner *p)
{
    arena_free(&p->arena);
}
