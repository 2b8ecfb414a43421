/* SPDX-License-Identifier: Apache-2.0 */
#include "net/budget.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"

/* After an empty quota one request in this time finds out whether it has come back. */
enum { QUOTA_PROBE_MINUTES = 15 };

/* The text that is kept already, where it is the same; else a copy. */
static struct str keep(struct budget *budget, struct str kept, struct str given)
{
    return str_eq(kept, given) ? kept : arena_str(&budget->arena, given);
}

static void set_rule(struct budget *budget, struct bucket_rule *kept,
                     const struct bucket_rule *rule)
{
    struct bucket_rule next = *rule;
    next.name = keep(budget, kept->name, rule->name);
    next.header_limit = keep(budget, kept->header_limit, rule->header_limit);
    next.header_remaining = keep(budget, kept->header_remaining, rule->header_remaining);
    next.header_per_ms = keep(budget, kept->header_per_ms, rule->header_per_ms);
    *kept = next;
}

struct budget *budget_get(struct budgets *budgets, const char *key, const struct bucket_rule *rules,
                          size_t count)
{
    struct budget *budget = budgets->first;
    while (budget && strcmp(budget->key, key) != 0)
        budget = budget->next;
    if (!budget) {
        budget = MEM_NEW(struct budget);
        budget->key = mem_strdup(key);
        budget->next = budgets->first;
        budgets->first = budget;
    }
    budget->count = count > BUDGET_BUCKETS ? BUDGET_BUCKETS : count;
    for (size_t i = 0; i < budget->count; i++)
        set_rule(budget, &budget->buckets[i].rule, &rules[i]);
    return budget;
}

void budgets_free(struct budgets *budgets)
{
    while (budgets->first) {
        struct budget *budget = budgets->first;
        budgets->first = budget->next;
        free(budget->key);
        arena_free(&budget->arena);
        free(budget);
    }
}

static bool counts(const struct bucket *b, struct str name)
{
    return !b->rule.off && (b->rule.always || str_eq(b->rule.name, name));
}

/* Time between requests at nine tenths of the rate, and how far a burst may run ahead of it. */
static int64_t interval_us(const struct bucket *b)
{
    uint64_t tenths = b->rule.requests * 9;
    return (int64_t)((b->rule.per_ms * 1000 * 10 + tenths - 1) / tenths);
}

static int64_t burst_us(const struct bucket *b)
{
    return (int64_t)(b->rule.requests / 20) * interval_us(b);
}

static int64_t window_time(const struct bucket *b, int64_t now_us)
{
    int64_t at = b->next_us - burst_us(b);
    if (at < b->blocked_until_us)
        at = b->blocked_until_us;
    return at > now_us ? at : now_us;
}

int64_t budget_reserve(struct budget *budget, struct str bucket, int64_t now_us,
                       int64_t wait_most_us, struct str *ret_bucket)
{
    int64_t at = now_us;
    for (size_t i = 0; i < budget->count; i++) {
        struct bucket *b = &budget->buckets[i];
        if (!counts(b, bucket))
            continue;
        bool used_up = b->rule.kind == BUCKET_QUOTA && now_us < b->blocked_until_us;
        int64_t free_at = b->rule.kind == BUCKET_WINDOW ? window_time(b, now_us) : now_us;
        if (used_up || free_at - now_us > wait_most_us) {
            *ret_bucket = b->rule.name;
            return -1;
        }
        if (free_at > at)
            at = free_at;
    }
    for (size_t i = 0; i < budget->count; i++) {
        struct bucket *b = &budget->buckets[i];
        if (!counts(b, bucket) || b->rule.kind != BUCKET_WINDOW)
            continue;
        b->next_us = (b->next_us > at ? b->next_us : at) + interval_us(b);
    }
    return at;
}

static bool header_number(struct str (*value)(const void *answer, struct str name),
                          const void *answer, struct str name, uint64_t *ret_number)
{
    return name.len > 0 && str_to_u64(value(answer, name), ret_number);
}

static void take_rate(struct bucket_rule *rule, uint64_t requests, uint64_t per_ms)
{
    bool sane = requests > 0 && requests <= 1000000000 && per_ms > 0 && per_ms <= 86400000;
    if (!sane || (rule->pinned && requests * rule->per_ms >= rule->requests * per_ms))
        return;
    rule->requests = requests;
    rule->per_ms = per_ms;
}

void budget_headers(struct budget *budget, struct str bucket, int64_t now_us,
                    struct str (*value)(const void *answer, struct str name), const void *answer)
{
    for (size_t i = 0; i < budget->count; i++) {
        struct bucket *b = &budget->buckets[i];
        struct bucket_rule *rule = &b->rule;
        uint64_t limit = rule->requests, per_ms = rule->per_ms, remaining;
        if (!counts(b, bucket))
            continue;
        header_number(value, answer, rule->header_limit, &limit);
        header_number(value, answer, rule->header_per_ms, &per_ms);
        take_rate(rule, limit, per_ms);
        if (!header_number(value, answer, rule->header_remaining, &remaining))
            continue;
        int64_t slow = now_us + (int64_t)rule->per_ms * 1000 / 10;
        if (rule->kind == BUCKET_QUOTA && remaining == 0)
            b->blocked_until_us = now_us + QUOTA_PROBE_MINUTES * US_PER_MINUTE;
        else if (rule->kind == BUCKET_WINDOW && remaining * 20 < rule->requests &&
                 b->blocked_until_us < slow)
            b->blocked_until_us = slow;
    }
}

void budget_refused(struct budget *budget, struct str bucket, int64_t until_us)
{
    for (size_t i = 0; i < budget->count; i++) {
        struct bucket *b = &budget->buckets[i];
        if (str_eq(b->rule.name, bucket) && b->blocked_until_us < until_us)
            b->blocked_until_us = until_us;
    }
}
