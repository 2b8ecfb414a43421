/* SPDX-License-Identifier: Apache-2.0 */
/* Percentiles of measured times. */
#ifndef PERCENTILE_H
#define PERCENTILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline int percentile_order(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static inline void percentile_print(const char *what, int64_t *us, size_t count)
{
    qsort(us, count, sizeof us[0], percentile_order);
    printf("%-40s p50 %6lld us, p99 %6lld us (%zu times)\n", what, (long long)us[count / 2],
           (long long)us[count * 99 / 100], count);
}

#endif
