/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *format_when(int64_t us, int64_t now_us, char out[FORMAT_TEXT])
{
    char span[TIME_TEXT];
    int64_t ago = now_us - us;
    if (us == 0)
        return "never";
    if (ago >= 0 && ago < US_PER_SECOND)
        return "now";
    /* Whole seconds: "12.3 s ago" says more than anybody asks. */
    int64_t distance = (ago < 0 ? -ago : ago) / US_PER_SECOND;
    if (distance < 60)
        snprintf(span, sizeof span, "%" PRId64 " s", distance);
    else if (distance < 3600)
        snprintf(span, sizeof span, "%" PRId64 " min", distance / 60);
    else if (distance < 48 * 3600)
        snprintf(span, sizeof span, "%" PRId64 " h", distance / 3600);
    else
        snprintf(span, sizeof span, "%" PRId64 " days", distance / 86400);
    snprintf(out, FORMAT_TEXT, ago < 0 ? "in %s" : "%s ago", span);
    return out;
}

const char *format_time(int64_t us, char out[FORMAT_TEXT])
{
    if (us == 0)
        return "-";
    struct civil c = time_civil(us);
    snprintf(out, FORMAT_TEXT, "%04d-%02d-%02d %02d:%02d:%02d", (int)c.year, c.month, c.day, c.hour,
             c.minute, c.second);
    return out;
}

const char *format_bytes(int64_t bytes, char out[FORMAT_TEXT])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double amount = (double)bytes;
    size_t unit = 0;
    for (; amount >= 1000 && unit < 4; unit++)
        amount /= 1000;
    snprintf(out, FORMAT_TEXT, unit == 0 || amount >= 100 ? "%.0f %s" : "%.1f %s", amount,
             units[unit]);
    return out;
}

const char *format_count(int64_t count, char out[FORMAT_TEXT])
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%" PRId64, count), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            out[at++] = ' ';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

enum style format_status_style(enum run_status status)
{
    switch (status) {
    case RUN_OK:
        return STYLE_GOOD;
    case RUN_QUARANTINED:
    case RUN_CANCELLED:
    case RUN_INTERRUPTED:
        return STYLE_WARN;
    case RUN_FAILED:
    case RUN_STOPPED:
        return STYLE_BAD;
    case RUN_RUNNING:
        break;
    }
    return STYLE_NONE;
}

/* As it stands in the file: "every 5m". */
static const char *format_every(int64_t us, struct arena *arena)
{
    static const struct {
        int64_t us;
        const char *unit;
    } units[] = {{US_PER_DAY, "d"}, {US_PER_HOUR, "h"}, {US_PER_MINUTE, "m"}, {US_PER_SECOND, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (us % units[i].us == 0)
            return arena_printf(arena, "every %" PRId64 "%s", us / units[i].us, units[i].unit);
    return arena_printf(arena, "every %" PRId64 "ms", us / US_PER_MS);
}

const char *format_schedule(const struct connection_config *config, struct arena *arena)
{
    static const char *const names[] = {
        [FREQUENCY_HOURLY] = "hourly", [FREQUENCY_DAILY] = "daily", [FREQUENCY_WEEKLY] = "weekly"};
    const struct schedule_config *s = &config->schedule;
    if (!config->enabled)
        return "disabled";
    if (s->frequency == FREQUENCY_REALTIME)
        return s->every_us > 0
                   ? arena_printf(arena, "realtime, %s", format_every(s->every_us, arena))
                   : "realtime";
    if (s->every_us > 0)
        return format_every(s->every_us, arena);
    if (s->frequency == FREQUENCY_CRON)
        return arena_printf(arena, "cron %.*s", STR_ARG(s->cron));
    return names[s->frequency];
}

/* ---- JSON ---- */

void json_put_time(struct json_writer *w, int64_t us)
{
    char text[TIME_TEXT];
    json_put_text(w, us ? time_format(us, text) : NULL);
}

void json_str_or_null(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    if (text.len > 0)
        json_put_str(w, text);
    else
        json_put_null(w);
}

static void put_count(struct json_writer *w, const char *name, int64_t value)
{
    json_key(w, name);
    json_put_int(w, value);
}

void json_counts(struct json_writer *w, const struct run_counts *counts)
{
    put_count(w, "read", counts->read);
    put_count(w, "created", counts->created);
    put_count(w, "updated", counts->updated);
    put_count(w, "unchanged", counts->unchanged);
    put_count(w, "filtered", counts->filtered);
    put_count(w, "quarantined", counts->quarantined);
    put_count(w, "deleted", counts->deleted);
    put_count(w, "restored", counts->restored);
    put_count(w, "followed", counts->followed);
    put_count(w, "sent_created", counts->sent_created);
    put_count(w, "sent_updated", counts->sent_updated);
    put_count(w, "sent_deleted", counts->sent_deleted);
    put_count(w, "refused", counts->refused);
    put_count(w, "conflicted", counts->conflicted);
}

static void json_stream(struct json_writer *w, const struct run_stream_row *stream)
{
    json_open(w, '{');
    json_key(w, "object");
    json_put_str(w, stream->vendor_object);
    json_key(w, "canonical");
    json_put_str(w, stream->object);
    json_key(w, "mode");
    json_put_text(w, stream->mode == WALK_FULL ? "full" : "incremental");
    json_key(w, "since");
    json_put_time(w, stream->mode == WALK_FULL ? 0 : stream->since);
    json_key(w, "until");
    json_put_time(w, stream->until);
    json_counts(w, &stream->counts);
    json_close(w, '}');
}

void json_run(struct json_writer *w, const struct run_row *row)
{
    struct run_counts total = run_total(row);
    json_open(w, '{');
    put_count(w, "run", row->id);
    json_key(w, "connection");
    json_put_str(w, row->connection);
    json_key(w, "status");
    json_put_text(w, run_status_name(row->status));
    json_key(w, "started_by");
    json_put_str(w, row->started_by);
    json_key(w, "started_at");
    json_put_time(w, row->started_at);
    json_key(w, "ended_at");
    json_put_time(w, row->ended_at);
    json_counts(w, &total);
    json_str_or_null(w, "reason", row->reason);
    json_str_or_null(w, "phase", row->phase);
    json_key(w, "signal");
    row->exit_signal >= 0 ? json_put_int(w, row->exit_signal) : json_put_null(w);
    json_key(w, "exit_code");
    row->exit_code >= 0 ? json_put_int(w, row->exit_code) : json_put_null(w);
    put_count(w, "api_calls", row->api_calls);
    put_count(w, "bytes", row->bytes);
    json_key(w, "pruned_at");
    json_put_time(w, row->pruned_at);
    json_key(w, "cpu_seconds");
    json_put_double(w, (double)row->cpu_us / (double)US_PER_SECOND);
    json_key(w, "objects");
    json_open(w, '[');
    for (size_t i = 0; i < row->stream_count; i++)
        json_stream(w, &row->streams[i]);
    json_close(w, ']');
    json_close(w, '}');
}

struct run_counts run_total(const struct run_row *row)
{
    struct run_counts t = {0};
    for (size_t i = 0; i < row->stream_count; i++) {
        const struct run_counts *c = &row->streams[i].counts;
        t.read += c->read;
        t.created += c->created;
        t.updated += c->updated;
        t.unchanged += c->unchanged;
        t.filtered += c->filtered;
        t.quarantined += c->quarantined;
        t.deleted += c->deleted;
        t.restored += c->restored;
        t.followed += c->followed;
        t.sent_created += c->sent_created;
        t.sent_updated += c->sent_updated;
        t.sent_deleted += c->sent_deleted;
        t.refused += c->refused;
        t.conflicted += c->conflicted;
        t.waiting += c->waiting;
    }
    return t;
}

const char *const count_titles[COUNT_COLUMNS] = {
    "READ",     "CREATED",   "UPDATED",  "FOLLOWED",     "DELETED",      "RESTORED", "UNCHANGED",
    "FILTERED", "SET ASIDE", "SENT NEW", "SENT CHANGED", "SENT DELETED", "REFUSED",  "CONFLICTS"};

void count_values(const struct run_counts *c, int64_t ret_values[COUNT_COLUMNS])
{
    const int64_t values[COUNT_COLUMNS] = {
        c->read,         c->created,      c->updated,  c->followed,    c->deleted,
        c->restored,     c->unchanged,    c->filtered, c->quarantined, c->sent_created,
        c->sent_updated, c->sent_deleted, c->refused,  c->conflicted};
    memcpy(ret_values, values, sizeof values);
}

bool count_any_sent(const struct run_counts *c)
{
    return c->sent_created + c->sent_updated + c->sent_deleted + c->refused + c->conflicted > 0;
}

int64_t run_took(const struct run_row *row, int64_t now_us)
{
    return (row->ended_at ? row->ended_at : now_us) - row->started_at;
}
