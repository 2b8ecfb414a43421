/* SPDX-License-Identifier: Apache-2.0 */
/* One metric as an SVG bar chart. Its ground is transparent, and its colours can be read on a light
 * one and on a dark one: which of them a page has, a picture in it cannot know. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

enum {
    WIDTH = 860,
    LEFT = 250,
    RIGHT = 130,
    TOP = 62,
    BAR = 18,
    STEP = 27,
    GROUP = 30,
    BOTTOM = 44,
    TICKS = 5
};

struct scale {
    double most;
    double tick;
};

static double x_of(const struct scale *scale, double value)
{
    return LEFT + value / scale->most * (WIDTH - LEFT - RIGHT);
}

static void put_text(const char *text)
{
    for (; *text; text++) {
        const char *as = *text == '&'   ? "&amp;"
                         : *text == '<' ? "&lt;"
                         : *text == '>' ? "&gt;"
                                        : NULL;
        if (as)
            fputs(as, stdout);
        else
            putchar(*text);
    }
}

static void put_label(double x, double y, const char *class, const char *text)
{
    printf("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
    put_text(text);
    puts("</text>");
}

/* A step of 1, 2 or 5 times a power of ten, with which the axis has about TICKS parts. */
static struct scale scale_for(double most)
{
    double raw = most > 0 ? most / TICKS : 1, power = pow(10, floor(log10(raw)));
    double times = raw / power;
    double tick = (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10) * power;
    return (struct scale){.tick = tick, .most = ceil(most / tick) * tick};
}

static void put_head(const char *title, const char *metric, const char *unit, double height)
{
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
           "height=\"%.0f\" font-family=\"sans-serif\" role=\"img\">\n<title>",
           WIDTH, height, WIDTH, height);
    put_text(title);
    puts("</title>\n<style>text{fill:#6e7781;font-size:13px}.title{font-size:17px;font-weight:bold}"
         ".group{font-weight:bold}.right{text-anchor:end}.middle{text-anchor:middle}"
         ".small{font-size:12px}.grid{stroke:#8b949e;stroke-opacity:.4}.bar{fill:#3b82c4}"
         ".whisker{stroke:#e08a2c;stroke-width:2}</style>");
    char line[2 * NAME_MAX_LEN];
    snprintf(line, sizeof line, "%s, %s: median, and the range of all runs", metric, unit);
    put_label(12, 24, "title", title);
    put_label(12, 46, "small", line);
}

static void put_axis(const struct scale *scale, double bottom)
{
    for (double value = 0; value <= scale->most * 1.001; value += scale->tick) {
        char text[32];
        report_number(value, text);
        printf("<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
               x_of(scale, value), TOP, x_of(scale, value), bottom);
        put_label(x_of(scale, value), bottom + 18, "middle small", text);
    }
}

static void put_bar(const struct scale *scale, const struct series *s, double y)
{
    double from = x_of(scale, series_least(s)), to = x_of(scale, series_most(s));
    double middle = y + BAR / 2.0;
    char text[32];
    report_number(series_median(s), text);
    put_label(LEFT - 8, y + 14, "right", s->name);
    printf("<rect class=\"bar\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n",
           LEFT, y, x_of(scale, series_median(s)) - LEFT, BAR);
    if (s->count > 1)
        printf("<path class=\"whisker\" fill=\"none\" d=\"M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f "
               "%.1fv8\"/>\n",
               from, middle, to, from, middle - 4, to, middle - 4);
    put_label(to + 8, y + 14, "", text);
}

static size_t count_bars(const struct report *r, const char *metric, double *ret_most,
                         double *ret_height)
{
    const char *group = "";
    size_t bars = 0;
    *ret_most = 0;
    *ret_height = TOP;
    for (size_t i = 0; i < r->count; i++) {
        const struct series *s = &r->series[i];
        if (strcmp(s->metric, metric) != 0)
            continue;
        if (strcmp(group, s->group) != 0)
            *ret_height += GROUP;
        group = s->group;
        *ret_height += STEP;
        *ret_most = fmax(*ret_most, series_most(s));
        bars++;
    }
    return bars;
}

int report_plot(const struct report *r, const char *title, const char *metric)
{
    double most, bottom, y = TOP;
    const char *group = NULL;
    if (count_bars(r, metric, &most, &bottom) == 0) {
        fprintf(stderr, "report: there is no metric '%s'\n", metric);
        return -1;
    }
    struct scale scale = scale_for(most);
    for (size_t i = 0; i < r->count; i++) {
        const struct series *s = &r->series[i];
        if (strcmp(s->metric, metric) != 0)
            continue;
        if (!group) {
            put_head(title, metric, s->unit, bottom + BOTTOM);
            put_axis(&scale, bottom);
        }
        if (!group || strcmp(group, s->group) != 0) {
            put_label(12, y + 22, "group", s->group);
            y += GROUP;
        }
        group = s->group;
        put_bar(&scale, s, y);
        y += STEP;
    }
    puts("</svg>");
    return 0;
}
