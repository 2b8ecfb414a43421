/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes tables and plots of measured values.
 *
 *   report text|markdown|json      <VALUES
 *   report plot TITLE METRIC       <VALUES   SVG
 *
 * VALUES: a line a value: group, name, metric, unit and the number, a tabulator between. Lines that
 * differ in the number alone are one measurement that was repeated.
 */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double series_median(const struct series *s)
{
    size_t half = s->count / 2;
    return s->count % 2 ? s->values[half] : (s->values[half - 1] + s->values[half]) / 2;
}

double series_least(const struct series *s)
{
    return s->values[0];
}

double series_most(const struct series *s)
{
    return s->values[s->count - 1];
}

void report_number(double value, char text[static 32])
{
    char digits[32];
    double size = fabs(value);
    int decimals = size >= 100 || size == floor(size) ? 0 : size >= 10 ? 1 : 2;
    size_t len = (size_t)snprintf(digits, sizeof digits, "%.*f", decimals, value), at = 0;
    size_t whole = strcspn(digits, ".");
    for (size_t i = 0; i < len && at + 2 < 32; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0 && digits[i - 1] != '-')
            text[at++] = ' ';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

/* A new series behind the others of its group. */
static struct series *add_to_group(struct report *r, const char *group)
{
    size_t at = r->count;
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->series[i].group, group) == 0)
            at = i + 1;
    memmove(&r->series[at + 1], &r->series[at], (r->count - at) * sizeof r->series[0]);
    r->series[at] = (struct series){.count = 0};
    r->count++;
    return &r->series[at];
}

static struct series *find(struct report *r, char *const fields[4])
{
    for (size_t i = 0; i < r->count; i++) {
        struct series *s = &r->series[i];
        if (strcmp(s->group, fields[0]) == 0 && strcmp(s->name, fields[1]) == 0 &&
            strcmp(s->metric, fields[2]) == 0)
            return s;
    }
    if (r->count == SERIES_MAX)
        return NULL;
    struct series *s = add_to_group(r, fields[0]);
    snprintf(s->group, sizeof s->group, "%s", fields[0]);
    snprintf(s->name, sizeof s->name, "%s", fields[1]);
    snprintf(s->metric, sizeof s->metric, "%s", fields[2]);
    snprintf(s->unit, sizeof s->unit, "%s", fields[3]);
    return s;
}

/* 0, or -1 when the line is none. */
static int take_line(struct report *r, char *line)
{
    char *fields[5], *end;
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < 5; i++)
        if (!(fields[i] = strsep(&line, "\t")))
            return -1;
    double value = strtod(fields[4], &end);
    struct series *s = find(r, fields);
    if (end == fields[4] || *end || !isfinite(value) || !s || s->count == VALUES_MAX)
        return -1;
    size_t at = s->count++;
    for (; at > 0 && s->values[at - 1] > value; at--)
        s->values[at] = s->values[at - 1];
    s->values[at] = value;
    return 0;
}

static int read_values(struct report *r)
{
    char line[512];
    for (size_t number = 1; fgets(line, sizeof line, stdin); number++)
        if (take_line(r, line) != 0) {
            fprintf(stderr, "report: line %zu is no value, or one too many: %s\n", number, line);
            return -1;
        }
    if (r->count == 0)
        fputs("report: there are no values\n", stderr);
    return r->count > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct report r;
    const char *how = argc > 1 ? argv[1] : "";
    void (*show)(const struct report *) = strcmp(how, "text") == 0       ? report_text
                                          : strcmp(how, "markdown") == 0 ? report_markdown
                                          : strcmp(how, "json") == 0     ? report_json
                                                                         : NULL;
    if (strcmp(how, "plot") == 0 ? argc != 4 : !show || argc != 2) {
        fputs("Usage: report text|markdown|json, or report plot TITLE METRIC; values on stdin\n",
              stderr);
        return 2;
    }
    if (read_values(&r) != 0)
        return 1;
    if (!show)
        return report_plot(&r, argv[2], argv[3]) != 0;
    show(&r);
    return 0;
}
