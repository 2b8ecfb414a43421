/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/redact.h"
#include "cli/width.h"

enum { PENDING_MAX = 1024 * 1024, FLUSH_AT = 64 * 1024, TEXT_LEAST = 60 };

struct out std_out = {.fd = STDOUT_FILENO, .pending = {.max = PENDING_MAX}};
struct out std_err = {.fd = STDERR_FILENO, .pending = {.max = PENDING_MAX}};

static void look_at(struct out *o)
{
    struct winsize size;
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    o->terminal = isatty(o->fd) == 1;
    if (!o->terminal)
        return;
    o->width = 80;
    if (ioctl(o->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        o->width = size.ws_col < TEXT_LEAST ? TEXT_LEAST : size.ws_col;
    o->colour = (!no_color || !*no_color) && term && strcmp(term, "dumb") != 0;
}

void out_setup(void)
{
    look_at(&std_out);
    look_at(&std_err);
}

/* ---- cleaning ---- */

/* Characters that act on a terminal or on how its text reads, though they are no ASCII control. */
static bool acts(uint32_t c)
{
    return (c >= 0x80 && c <= 0x9f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029 || c == 0x200e ||
           c == 0x200f || c == 0x061c;
}

void text_clean(struct buf *out, struct str text, bool keep_lines)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t c;
        size_t len = utf8_decode(str_slice(text, i, text.len - i), &c);
        bool blank = c == '\n' || c == '\r' || c == '\t';
        if (len == 0)
            buf_text(out, "\xef\xbf\xbd");
        else if (keep_lines && c == '\n')
            buf_char(out, '\n');
        else if (blank)
            buf_char(out, ' ');
        else if (c < 0x20 || c == 0x7f || acts(c))
            buf_text(out, "\xef\xbf\xbd");
        else
            buf_append(out, text.ptr + i, len);
        i += len > 0 ? len : 1;
    }
}

/* JSON has its ASCII controls escaped already; what is left stands inside strings only. */
static void json_clean(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t c;
        size_t len = utf8_decode(str_slice(text, i, text.len - i), &c);
        if (len == 0)
            buf_text(out, "\\ufffd");
        else if (c == 0x7f || acts(c))
            buf_printf(out, "\\u%04x", c);
        else
            buf_append(out, text.ptr + i, len);
        i += len > 0 ? len : 1;
    }
}

/* ---- writing ---- */

void out_flush(struct out *o)
{
    size_t done = 0;
    while (done < o->pending.len && !o->gone && o->error == 0) {
        ssize_t n = write(o->fd, o->pending.ptr + done, o->pending.len - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EPIPE)
            o->gone = true;
        else if (errno != EINTR)
            o->error = errno;
    }
    buf_clear(&o->pending);
}

static void put(struct out *o, struct str bytes)
{
    while (bytes.len > 0) {
        size_t part = bytes.len < FLUSH_AT ? bytes.len : FLUSH_AT;
        buf_append(&o->pending, bytes.ptr, part);
        if (o->pending.len >= FLUSH_AT)
            out_flush(o);
        bytes = str_slice(bytes, part, bytes.len - part);
    }
    if (o == &std_err)
        out_flush(o);
}

static void put_clean(struct out *o, struct str text, bool json)
{
    struct buf shown = BUF_INIT(4 * text.len + 64), clean = BUF_INIT(12 * text.len + 1024);
    if (redact_needed(text)) {
        redact(&shown, text);
        text = buf_view(&shown);
    }
    if (json)
        json_clean(&clean, text);
    else
        text_clean(&clean, text, true);
    put(o, buf_view(&clean));
    buf_free(&shown);
    buf_free(&clean);
}

void out_str(struct out *o, struct str text)
{
    put_clean(o, text, false);
}

void out_text(struct out *o, const char *text)
{
    out_str(o, str_from(text));
}

void out_printf(struct out *o, const char *format, ...)
{
    struct buf text = BUF_INIT(PENDING_MAX);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    out_str(o, buf_view(&text));
    buf_free(&text);
}

void out_json(struct out *o, const struct buf *json)
{
    put_clean(o, buf_view(json), true);
    put(o, STR("\n"));
}

void out_style(struct out *o, enum style style)
{
    static const char *const codes[] = {
        [STYLE_NONE] = "\033[0m",  [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
        [STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m"};
    if (o->colour)
        put(o, str_from(codes[style]));
}

void out_styled(struct out *o, enum style style, const char *text)
{
    if (style == STYLE_NONE) {
        out_text(o, text);
        return;
    }
    out_style(o, style);
    out_text(o, text);
    out_style(o, STYLE_NONE);
}

void out_clear_line(struct out *o)
{
    if (o->terminal)
        put(o, STR("\r\033[K"));
}

int out_finish(void)
{
    out_flush(&std_out);
    int error = std_out.error;
    if (error != 0)
        complain("cannot write the output: %s", strerror(error));
    buf_free(&std_out.pending);
    buf_free(&std_err.pending);
    return error != 0 ? -1 : 0;
}

void complain(const char *format, ...)
{
    struct buf text = BUF_INIT(PENDING_MAX);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    out_flush(&std_out);
    out_printf(&std_err, "fastenr: %s\n", buf_cstr(&text));
    buf_free(&text);
}
