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

/* ---- turns ---- */

/* When it may go; -1 and the bucket when that is not soon enough. */
static int64_t find_time(const struct budget *budget, const struct budget_turn *turn,
                         int64_t now_us, int64_t wait_most_us, struct str *ret_bucket)
{
    int64_t at = now_us;
    for (size_t i = 0; i < budget->count; i++) {
        const struct bucket *b = &budget->buckets[i];
        if (!counts(b, turn->bucket))
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
    return at;
}

static int64_t after(const struct bucket *b, int64_t arrival_us, int64_t at_us)
{
    return (arrival_us > at_us ? arrival_us : at_us) + interval_us(b);
}

static void spend(struct budget *budget, const struct budget_turn *turn, bool gone)
{
    for (size_t i = 0; i < budget->count; i++) {
        struct bucket *b = &budget->buckets[i];
        if (!counts(b, turn->bucket) || b->rule.kind != BUCKET_WINDOW)
            continue;
        if (gone)
            b->gone_us = after(b, b->gone_us, turn->at_us);
        else
            b->next_us = after(b, b->next_us, turn->at_us);
    }
}

/* The time of one that waits already, however late it is; behind those that have theirs. */
static void move(struct budget *budget, struct budget_turn *turn, int64_t now_us)
{
    int64_t before = turn->at_us, at = now_us;
    for (size_t i = 0; i < budget->count; i++) {
        const struct bucket *b = &budget->buckets[i];
        if (!counts(b, turn->bucket) || b->rule.kind != BUCKET_WINDOW)
            continue;
        if (window_time(b, now_us) > at)
            at = window_time(b, now_us);
    }
    turn->at_us = at;
    spend(budget, turn, false);
    if (at != before)
        turn->moved(turn->arg);
}

/* Gives back what those that wait have reserved: they get times again. */
static void begin_again(struct budget *budget)
{
    for (size_t i = 0; i < budget->count; i++)
        budget->buckets[i].next_us = budget->buckets[i].gone_us;
}

/* Where a turn belongs: behind the urgent ones, or behind all. */
static struct budget_turn **place_of(struct budget *budget, bool urgent)
{
    struct budget_turn **at = &budget->waiting;
    while (*at && (!urgent || (*at)->urgent))
        at = &(*at)->next;
    return at;
}

static void move_all(struct budget *budget, struct budget_turn *first,
                     const struct budget_turn *end, int64_t now_us)
{
    for (struct budget_turn *t = first; t != end; t = t->next)
        move(budget, t, now_us);
}

int64_t budget_reserve(struct budget *budget, struct budget_turn *turn, int64_t now_us,
                       int64_t wait_most_us, struct str *ret_bucket)
{
    struct budget_turn **place = place_of(budget, turn->urgent), *behind = *place;
    if (turn->urgent) {
        begin_again(budget);
        move_all(budget, budget->waiting, behind, now_us);
    }
    int64_t at = find_time(budget, turn, now_us, wait_most_us, ret_bucket);
    if (at >= 0) {
        turn->at_us = at;
        spend(budget, turn, false);
    }
    move_all(budget, behind, NULL, now_us);
    if (at < 0)
        return -1;
    if (at <= now_us) {
        spend(budget, turn, true);
        return at;
    }
    turn->budget = budget;
    turn->next = behind;
    *place = turn;
    return at;
}

void budget_leave(struct budget_turn *turn)
{
    struct budget_turn **at;
    if (!turn->budget)
        return;
    for (at = &turn->budget->waiting; *at != turn; at = &(*at)->next) {
    }
    *at = turn->next;
    turn->next = NULL;
    turn->budget = NULL;
}

void budget_go(struct budget_turn *turn)
{
    struct budget *budget = turn->budget;
    if (!budget)
        return;
    budget_leave(turn);
    spend(budget, turn, true);
}

/* ---- what the vendor says ---- */

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
