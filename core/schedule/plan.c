/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/plan.h"

static int calendar(const struct schedule_config *config, struct cron *ret_cron, struct error *err)
{
    switch ((enum frequency)config->frequency) {
    case FREQUENCY_HOURLY:
        return cron_parse(STR("0 * * * *"), ret_cron, err);
    case FREQUENCY_DAILY:
        return cron_parse(STR("0 0 * * *"), ret_cron, err);
    case FREQUENCY_WEEKLY:
        return cron_parse(STR("0 0 * * mon"), ret_cron, err);
    case FREQUENCY_CRON:
        return cron_parse(config->cron, ret_cron, err);
    case FREQUENCY_REALTIME: /* an interval */
        break;
    }
    return error_set(err, "there is no frequency number %d", config->frequency);
}

int plan_from_config(const struct schedule_config *config, struct plan *ret_plan, struct error *err)
{
    bool realtime = config->frequency == FREQUENCY_REALTIME && config->every_us == 0;
    struct plan plan = {.every_us = realtime ? REALTIME_EVERY_US : config->every_us,
                        .jitter_us = config->jitter_us,
                        .catch_up = config->catch_up};
    if (plan.every_us <= 0 && calendar(config, &plan.cron, err))
        return -1;
    *ret_plan = plan;
    return 0;
}

int64_t plan_next(const struct plan *plan, int64_t last_us, int64_t after_us)
{
    if (plan->every_us <= 0)
        return cron_next(&plan->cron, after_us);
    int64_t passed = after_us < last_us ? 0 : (after_us - last_us) / plan->every_us;
    return last_us + (passed + 1) * plan->every_us;
}

int64_t plan_jitter(const struct plan *plan, int64_t due_us)
{
    int64_t following = plan_next(plan, due_us, due_us);
    int64_t period = following == SCHEDULE_NEVER ? US_PER_HOUR : following - due_us;
    int64_t jitter = plan->jitter_us;
    if (jitter < 0)
        jitter = period / 10 < US_PER_MINUTE ? period / 10 : US_PER_MINUTE;
    return jitter < period ? jitter : period - 1;
}

void schedule_check(const struct connection_config *config, struct arena *arena,
                    struct problems *problems)
{
    const struct settings_context ctx = {config->file, arena, problems};
    const struct node *at = node_get(config->root, "cron");
    struct cron cron;
    struct error err;
    if (at && at->kind == NODE_SCALAR && cron_parse(config->schedule.cron, &cron, &err))
        settings_complain(&ctx, at, "%s", err.text);
}
