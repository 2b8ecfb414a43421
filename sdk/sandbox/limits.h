/* SPDX-License-Identifier: Apache-2.0 */
/* At most N requests in any window of T: the times of the last N are kept. */
#ifndef SANDBOX_LIMITS_H
#define SANDBOX_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window {
    int64_t *times; /* a ring of `max`; the oldest is at `first` */
    size_t max, first, count;
    int64_t span_ms;
};

void window_init(struct window *w, size_t max, int64_t span_ms);
void window_free(struct window *w);
void window_clear(struct window *w);

/* Counts a request, or refuses it: then *ret_wait_ms is when the next one would pass. */
bool window_take(struct window *w, int64_t now_ms, int64_t *ret_wait_ms);
size_t window_left(const struct window *w);

#endif
