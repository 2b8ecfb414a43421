/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/summary.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/format.h"
#include "cli/table.h"

enum { SUMMARY_JSON_MAX = 1024 * 1024 };

int summary_exit(const struct run_row *row)
{
    return row->status == RUN_OK || row->status == RUN_QUARANTINED ? EXIT_DONE : EXIT_WORK_FAILED;
}

void summary_json(const struct run_row *row)
{
    struct buf text = BUF_INIT(SUMMARY_JSON_MAX);
    struct json_writer w = {.out = &text};
    json_run(&w, row);
    out_json(&std_out, &text);
    buf_free(&text);
}

/* Columns of what followed, of what ended and of what went to the vendor are shown where something
 * did. */
static bool is_shown(size_t column, const struct run_counts *total)
{
    if (column == COUNT_FOLLOWED)
        return total->followed > 0;
    if (column == COUNT_DELETED || column == COUNT_RESTORED)
        return total->deleted + total->restored > 0;
    return column < COUNT_SENT || count_any_sent(total);
}

static bool is_warning(size_t column, int64_t count)
{
    return count > 0 && (column == COUNT_SET_ASIDE || column == COUNT_REFUSED);
}

static void write_counts(struct table *t, const struct run_counts *counts,
                         const struct run_counts *total)
{
    int64_t values[COUNT_COLUMNS];
    count_values(counts, values);
    for (size_t i = 0; i < COUNT_COLUMNS; i++) {
        char text[FORMAT_TEXT];
        if (!is_shown(i, total))
            continue;
        snprintf(text, sizeof text, "%" PRId64, values[i]);
        table_styled(t, is_warning(i, values[i]) ? STYLE_WARN : STYLE_NONE, str_from(text));
    }
}

static void write_streams(const struct run_row *row, const struct progress *progress,
                          const struct run_counts *total)
{
    struct table t = {.indent = "  "};
    table_key_column(&t, "OBJECT", false);
    for (size_t i = 0; i < COUNT_COLUMNS; i++)
        if (is_shown(i, total))
            table_key_column(&t, count_titles[i], true);
    if (progress) {
        table_key_column(&t, "SECONDS", true);
        table_key_column(&t, "RECORDS/S", true);
    }
    for (size_t i = 0; i < row->stream_count; i++) {
        const struct run_stream_row *s = &row->streams[i];
        table_str(&t, s->vendor_object);
        write_counts(&t, &s->counts, total);
        if (!progress)
            continue;
        int64_t took = progress_took(progress, s->vendor_object);
        table_printf(&t, "%.1f", (double)took / (double)US_PER_SECOND);
        if (took > 0 && s->counts.read > 0)
            table_number(&t, s->counts.read * US_PER_SECOND / took);
        else
            table_str(&t, STR("-"));
    }
    if (row->stream_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

/* The first stream of which records were deleted. */
static const struct run_stream_row *first_ended(const struct run_row *row)
{
    size_t i = 0;
    while (i + 1 < row->stream_count && row->streams[i].counts.deleted == 0)
        i++;
    return &row->streams[i];
}

/* What to type next, a command a line. */
static void write_next(struct app *app, const struct run_row *row, const struct run_counts *total)
{
    struct buf text = BUF_INIT(4096);
    if (total->created + total->updated > 0 && row->stream_count > 0)
        buf_printf(&text, "  fastenr records %.*s%s\n", STR_ARG(row->streams[0].object), app->hint);
    if (total->deleted > 0 && row->stream_count > 0)
        buf_printf(&text, "  fastenr records %.*s --deleted%s\n", STR_ARG(first_ended(row)->object),
                   app->hint);
    if (total->quarantined > 0)
        buf_printf(&text, "  fastenr quarantine list %.*s%s\n", STR_ARG(row->connection),
                   app->hint);
    if (total->refused > 0)
        buf_printf(&text, "  fastenr writes list --connection %.*s%s\n", STR_ARG(row->connection),
                   app->hint);
    if (total->waiting > 0)
        buf_printf(&text, "  fastenr conflicts list --connection %.*s%s\n",
                   STR_ARG(row->connection), app->hint);
    if (row->status == RUN_FAILED && row->id > 0)
        buf_printf(&text, "  fastenr test %.*s%s\n", STR_ARG(row->connection), app->hint);
    if (row->id > 0)
        buf_printf(&text, "  fastenr runs %" PRId64 "%s\n", row->id, app->hint);
    if (text.len > 0)
        out_printf(&std_out, "\nNext:\n%s", buf_cstr(&text));
    buf_free(&text);
}

static void warn(int64_t count, const char *one, const char *many)
{
    if (count == 0)
        return;
    out_styled(&std_out, STYLE_WARN, "warning: ");
    out_printf(&std_out, "%" PRId64 " %s\n", count, count == 1 ? one : many);
}

static void write_warnings(const struct run_counts *total, bool synced)
{
    warn(total->quarantined,
         synced ? "record set aside in quarantine" : "record still in quarantine",
         synced ? "records set aside in quarantine" : "records still in quarantine");
    warn(total->refused, "write was refused", "writes were refused");
    warn(total->waiting, "conflict waits for a decision", "conflicts wait for a decision");
}

void summary_write(struct app *app, const struct run_row *row, const struct progress *progress)
{
    struct run_counts total = run_total(row);
    char span[TIME_TEXT], bytes[FORMAT_TEXT];
    out_style(&std_out, STYLE_BOLD);
    out_str(&std_out, row->connection);
    out_style(&std_out, STYLE_NONE);
    out_text(&std_out, ": ");
    out_styled(&std_out, format_status_style(row->status), run_status_name(row->status));
    bool went_through = row->status == RUN_OK || row->status == RUN_QUARANTINED;
    int64_t changed =
        total.created + total.updated + total.followed + total.deleted + total.restored;
    if (went_through && changed == 0 && !count_any_sent(&total))
        out_text(&std_out, ", nothing changed");
    if (row->id > 0)
        out_printf(&std_out, " (run %" PRId64 ", %s, %" PRId64 " request%s, %s)", row->id,
                   time_format_span(run_took(row, world_now(&app->world)), span), row->api_calls,
                   row->api_calls == 1 ? "" : "s", format_bytes(row->bytes, bytes));
    out_text(&std_out, "\n");
    write_streams(row, progress, &total);
    write_warnings(&total, progress != NULL);
    write_next(app, row, &total);
    if (row->reason.len > 0 && summary_exit(row) != EXIT_DONE)
        complain("%.*s: %.*s", STR_ARG(row->connection), STR_ARG(row->reason));
}
