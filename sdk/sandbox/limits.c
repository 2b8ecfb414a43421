/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <stdlib.h>

#include "text.h"

void window_init(struct window *w, size_t max, int64_t span_ms)
{
    *w = (struct window){.max = max, .span_ms = span_ms};
    w->times = mem_get(max * sizeof *w->times);
}

void window_free(struct window *w)
{
    free(w->times);
}

void window_clear(struct window *w)
{
    w->first = w->count = 0;
}

bool window_take(struct window *w, int64_t now_ms, int64_t *ret_wait_ms)
{
    while (w->count > 0 && w->times[w->first] <= now_ms - w->span_ms) {
        w->first = (w->first + 1) % w->max;
        w->count--;
    }
    if (w->count == w->max) {
        *ret_wait_ms = w->times[w->first] + w->span_ms - now_ms;
        return false;
    }
    w->times[(w->first + w->count++) % w->max] = now_ms;
    return true;
}

size_t window_left(const struct window *w)
{
    return w->max - w->count;
}
