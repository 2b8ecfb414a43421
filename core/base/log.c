/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/redact.h"
#include "base/time.h"

enum { LINE_MAX_BYTES = 8 * 1024 };

static struct {
    const struct world *world;
    enum log_level least;
    bool as_json;
    void (*before)(void *arg);
    void (*after)(void *arg);
    void *hook_arg;
    pthread_mutex_t lock;
} state = {.least = LOG_WARN, .lock = PTHREAD_MUTEX_INITIALIZER};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

void log_setup(const struct world *world, enum log_level least, bool as_json)
{
    state.world = world;
    state.least = least;
    state.as_json = as_json;
}

bool log_enabled(enum log_level level)
{
    return level >= state.least;
}

void log_on_write(void (*before)(void *arg), void (*after)(void *arg), void *arg)
{
    pthread_mutex_lock(&state.lock);
    state.before = before;
    state.after = after;
    state.hook_arg = arg;
    pthread_mutex_unlock(&state.lock);
}

static void compose(struct buf *line, enum log_level level, const char *where, struct str text)
{
    char when[TIME_TEXT] = "";
    if (state.world)
        time_format(world_now(state.world) / US_PER_MS * US_PER_MS, when);
    if (!state.as_json) {
        if (when[0])
            buf_printf(line, "%s ", when);
        buf_printf(line, "%-5s %s: %.*s\n", level_names[level], where, STR_ARG(text));
        return;
    }
    struct json_writer w = {.out = line};
    json_open(&w, '{');
    json_key(&w, "time");
    json_put_text(&w, when);
    json_key(&w, "level");
    json_put_text(&w, level_names[level]);
    json_key(&w, "where");
    json_put_text(&w, where);
    json_key(&w, "text");
    json_put_str(&w, text);
    json_close(&w, '}');
    buf_char(line, '\n');
}

static void write_line(struct str line)
{
    pthread_mutex_lock(&state.lock);
    if (state.before)
        state.before(state.hook_arg);
    /* Standard error that cannot be written to is nothing the log could report. */
    ssize_t ignored = write(STDERR_FILENO, line.ptr, line.len);
    (void)ignored;
    if (state.after)
        state.after(state.hook_arg);
    pthread_mutex_unlock(&state.lock);
}

void log_line(enum log_level level, const char *where, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len >= sizeof text)
        len = (int)sizeof text - 1;
    for (int i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    struct buf clean = BUF_INIT(4 * LINE_MAX_BYTES), line = BUF_INIT(8 * LINE_MAX_BYTES);
    redact(&clean, (struct str){text, (size_t)len});
    compose(&line, level, where, buf_view(&clean));
    write_line(buf_view(&line));
    buf_free(&clean);
    buf_free(&line);
}
