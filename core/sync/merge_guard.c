/* SPDX-License-Identifier: Apache-2.0 */
/* Guard rails: how much one run may change. */
#include <stdio.h>

#include "sync/merge_internal.h"

enum { PERCENT_LEAST = 100 };

static int64_t changed_by(const struct run_counts *c)
{
    return c->updated + c->restored + c->ended;
}

static int64_t sent_by(const struct run_counts *c)
{
    return c->sent_created + c->sent_updated + c->sent_deleted;
}

static bool is_more(int64_t part, int64_t percent, int64_t whole)
{
    return whole >= PERCENT_LEAST && part * 100 > whole * percent;
}

/* A plan says so and goes on. */
static enum merge_result stop(const struct merge *merge, const struct error *err)
{
    if (!merge->told)
        return MERGE_STOPPED;
    if (!merge->told[0])
        snprintf(merge->told, GUARD_TOLD, "%s", err->text);
    return MERGE_OK;
}

enum merge_result merge_guard_exports(const struct merge *merge, const struct run_counts *before,
                                      const struct run_counts *more, struct error *err)
{
    const struct guard_config *g = &merge->target->object->config->guard;
    const char *name = merge->target->object->item->name.ptr;
    int64_t links = merge->target->links_before;
    int64_t changes = sent_by(before) + sent_by(more);
    if (g->max_export_changes > 0 && changes > g->max_export_changes)
        error_set(err,
                  "the guard rail stopped it: more than %lld records of %s would be written to the "
                  "vendor (guard.max_export_changes); raise it if that is right",
                  (long long)g->max_export_changes, name);
    else if (g->max_export_percent > 0 && is_more(changes, g->max_export_percent, links))
        error_set(
            err,
            "the guard rail stopped it: more than %lld percent of the %lld records of %s would "
            "be written to the vendor (guard.max_export_percent); raise it if that is right",
            (long long)g->max_export_percent, (long long)links, name);
    else
        return MERGE_OK;
    return stop(merge, err);
}

enum merge_result merge_guard(const struct merge *merge, const struct run_counts *before,
                              const struct run_counts *more, struct error *err)
{
    const struct guard_config *g = &merge->target->object->config->guard;
    const char *name = merge->target->object->item->name.ptr;
    int64_t links = merge->target->links_before, ended = before->ended + more->ended;
    int64_t updates = changed_by(before) + changed_by(more);
    int64_t changes = before->created + more->created + updates;
    if (g->max_changes > 0 && changes > g->max_changes)
        error_set(err,
                  "the guard rail stopped it: more than %lld records of %s would be created or "
                  "changed (guard.max_changes); look with `fastenr preview`, then raise it",
                  (long long)g->max_changes, name);
    else if (g->max_percent > 0 && is_more(updates, g->max_percent, links))
        error_set(
            err,
            "the guard rail stopped it: more than %lld percent of the %lld records of %s "
            "would be changed (guard.max_percent); look with `fastenr preview`, then raise it",
            (long long)g->max_percent, (long long)links, name);
    else if (g->max_deleted_percent < 100 && is_more(ended, g->max_deleted_percent, links))
        error_set(err,
                  "the guard rail stopped it: more than %lld percent of the %lld records of %s "
                  "are gone at the vendor and would be deleted here (guard.max_deleted_percent); "
                  "look there, and raise it for one run if that is right",
                  (long long)g->max_deleted_percent, (long long)links, name);
    else
        return MERGE_OK;
    return stop(merge, err);
}
