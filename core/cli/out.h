/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands print. All of it passes here, and nothing that came from a vendor, a connector
 * or a file can reach the terminal as anything but text: control characters, bidirectional
 * overrides and broken UTF-8 are replaced, credentials are taken out. Only out_style writes escape
 * sequences, and only to a terminal.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "base/buf.h"

enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

struct out {
    int fd;
    bool terminal, colour;
    int width; /* columns of the terminal; 0: it is none */
    bool gone; /* the reader closed it (`| head`): nothing more is written */
    int error; /* errno of another failure; 0: none */
    struct buf pending;
};

extern struct out std_out, std_err;

/* Looks at the terminals and at NO_COLOR. Once, first. */
void out_setup(void);

/* Text with line ends; anything else that is not printable is replaced. */
void out_str(struct out *o, struct str text);
void out_text(struct out *o, const char *text);
void out_printf(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* JSON text and a line end; what could be mistaken for an escape sequence is written as \u. */
void out_json(struct out *o, const struct buf *json);

/* From here on in this style; STYLE_NONE ends it. */
void out_style(struct out *o, enum style style);
void out_styled(struct out *o, enum style style, const char *text);

/* Empties the current line of a terminal, for what is written over and over. */
void out_clear_line(struct out *o);

void out_flush(struct out *o);

/* Asks on the terminal, and waits: whether the answer is y or yes. */
bool out_asks(const char *question);

/* Flushes; 0, or -1 when something could not be written, which is then said on standard error. A
 * reader that has gone is no failure. */
int out_finish(void);

/* "fastenr: ..." on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Replaces what is not printable; line ends and tabs too (by a space) unless `keep_lines`. */
void text_clean(struct buf *out, struct str text, bool keep_lines);

#endif
