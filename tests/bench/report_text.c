/* SPDX-License-Identifier: Apache-2.0 */
/* Measured values as text: for a terminal, for Markdown, as JSON. */
#include <stdio.h>
#include <string.h>

#include "report.h"

struct numbers {
    char median[32], least[32], most[32];
};

static struct numbers numbers_of(const struct series *s)
{
    struct numbers n;
    report_number(series_median(s), n.median);
    report_number(series_least(s), n.least);
    report_number(series_most(s), n.most);
    return n;
}

static int greatest(int a, size_t b)
{
    return (size_t)a > b ? a : (int)b;
}

void report_text(const struct report *r)
{
    const char *group = "";
    int name = 0, metric = 0;
    for (size_t i = 0; i < r->count; i++) {
        name = greatest(name, strlen(r->series[i].name));
        metric = greatest(metric, strlen(r->series[i].metric));
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct series *s = &r->series[i];
        struct numbers n = numbers_of(s);
        if (strcmp(group, s->group) != 0)
            printf("%s%s\n", i ? "\n" : "", s->group);
        group = s->group;
        printf("  %-*s  %-*s %10s %s", name, s->name, metric, s->metric, n.median, s->unit);
        if (s->count > 1)
            printf("  (%s .. %s, %zu times)", n.least, n.most, s->count);
        putchar('\n');
    }
}

void report_markdown(const struct report *r)
{
    puts("| | | | median | least .. most | times |\n|---|---|---|---:|---:|---:|");
    for (size_t i = 0; i < r->count; i++) {
        const struct series *s = &r->series[i];
        struct numbers n = numbers_of(s);
        printf("| %s | %s | %s | %s %s | ", s->group, s->name, s->metric, n.median, s->unit);
        if (s->count > 1)
            printf("%s .. %s", n.least, n.most);
        printf(" | %zu |\n", s->count);
    }
}

static void json_text(const char *name, const char *text)
{
    printf("\"%s\":\"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    fputs("\",", stdout);
}

void report_json(const struct report *r)
{
    putchar('[');
    for (size_t i = 0; i < r->count; i++) {
        const struct series *s = &r->series[i];
        fputs(i ? ",\n {" : "{", stdout);
        json_text("group", s->group);
        json_text("name", s->name);
        json_text("metric", s->metric);
        json_text("unit", s->unit);
        printf("\"median\":%.6g,\"min\":%.6g,\"max\":%.6g,\"times\":%zu}", series_median(s),
               series_least(s), series_most(s), s->count);
    }
    puts("]");
}
