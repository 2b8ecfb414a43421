/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate budgets: how many requests a vendor's account may still get. One budget is shared by all
 * connections to that account.
 *
 * A window of N requests in T is kept by spacing requests at 0.9 N / T with a burst of a twentieth
 * of N, which cannot exceed N in any window of T, rolling or fixed. When the vendor's headers say
 * that less than a twentieth is left (others use the account too), requests slow to ten a window
 * until it recovers.
 *
 * A request that cannot go at once gets its time, and waits. One that is urgent goes before those
 * that wait and are not, which get later times: what is short does not wait behind a long read. The
 * read does not starve: an urgent request is followed by work of its own, in which the read's go.
 */
#ifndef NET_BUDGET_H
#define NET_BUDGET_H

#include "base/arena.h"

enum { BUDGET_BUCKETS = 16 };

enum bucket_kind { BUCKET_WINDOW = 1, BUCKET_QUOTA = 2 };

struct bucket_rule {
    struct str name;
    enum bucket_kind kind;
    bool always; /* every request counts */
    bool off;    /* no limit */
    bool pinned; /* given by the operator: headers may lower the rate, not raise it */
    uint64_t requests, per_ms;
    struct str header_limit, header_remaining, header_per_ms;
};

struct bucket {
    struct bucket_rule rule;
    int64_t next_us;          /* the theoretical arrival time of the next request */
    int64_t gone_us;          /* the same, if none of those that wait came any more */
    int64_t blocked_until_us; /* after a 429, or an empty quota */
};

/* One request's place. What it waits in is the budget's; zero it, and set the rest. */
struct budget_turn {
    struct budget_turn *next;
    struct budget *budget; /* where it waits; NULL: it does not */
    struct str bucket;     /* borrowed while it waits */
    bool urgent;
    int64_t at_us;            /* monotonic: when it may go */
    void (*moved)(void *arg); /* at_us has become another time */
    void *arg;
};

struct budget {
    char *key;
    struct bucket buckets[BUDGET_BUCKETS];
    size_t count;
    struct budget_turn *waiting; /* urgent ones first, then as they came */
    struct arena arena; /* the rules' texts: they outlive the connection that brought them */
    struct budget *next;
};

/* The budgets of a host, one for each account that it has met: what a vendor refused holds beyond
 * the run that heard it. */
struct budgets {
    struct budget *first;
};

/* The budget of a vendor's account, made when it is new. The rules are copied. When it is there
 * already, later rules replace its rates. At most BUDGET_BUCKETS rules are used. */
struct budget *budget_get(struct budgets *budgets, const char *key, const struct bucket_rule *rules,
                          size_t count);
void budgets_free(struct budgets *budgets);

/* Reserves a request in the turn's bucket and those that always count: the monotonic time at which
 * it may go, at most `wait_most_us` from now. Where that is later than now it waits, until
 * budget_go or budget_leave. -1 when that is too early, or when a quota is used up: nothing is
 * reserved, and *ret_bucket names what stands in the way. An unknown name counts in no bucket. */
int64_t budget_reserve(struct budget *budget, struct budget_turn *turn, int64_t now_us,
                       int64_t wait_most_us, struct str *ret_bucket);

/* It is sent. */
void budget_go(struct budget_turn *turn);

/* It is not sent any more. Not waiting is allowed. */
void budget_leave(struct budget_turn *turn);

/* What an answer's headers say of a bucket; `value` finds a header by its lower-case name. */
void budget_headers(struct budget *budget, struct str bucket, int64_t now_us,
                    struct str (*value)(const void *answer, struct str name), const void *answer);

/* The vendor refused for want of budget: nothing goes in this bucket before `until_us`. */
void budget_refused(struct budget *budget, struct str bucket, int64_t until_us);

#endif
