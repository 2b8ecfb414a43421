/* SPDX-License-Identifier: Apache-2.0 */
/* Measured values, gathered: each of what was measured several times has its median and its range.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stddef.h>

enum { VALUES_MAX = 64, SERIES_MAX = 512, NAME_MAX_LEN = 96 };

struct series {
    char group[NAME_MAX_LEN], name[NAME_MAX_LEN], metric[NAME_MAX_LEN], unit[16];
    double values[VALUES_MAX]; /* sorted */
    size_t count;
};

struct report {
    struct series series[SERIES_MAX]; /* by group; in the order of their first values */
    size_t count;
};

double series_median(const struct series *s);
double series_least(const struct series *s);
double series_most(const struct series *s);

/* A number for people: 3 digits that count, thousands apart. */
void report_number(double value, char text[static 32]);

void report_text(const struct report *r);
void report_markdown(const struct report *r);
void report_json(const struct report *r);

/* One metric as bars, with a whisker from the least value to the greatest. */
int report_plot(const struct report *r, const char *title, const char *metric);

#endif
