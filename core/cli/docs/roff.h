/* SPDX-License-Identifier: Apache-2.0 */
/* Text for manual pages, in the macros of mdoc(7). */
#ifndef CLI_DOCS_ROFF_H
#define CLI_DOCS_ROFF_H

#include "base/buf.h"

/* Text that stands in a macro's line or in the middle of a text line; never a macro itself. */
void roff_word(struct buf *out, struct str text);

/* Running text: refilled, a sentence a line, paragraphs where it has empty lines, `words` bold. */
void roff_text(struct buf *out, const char *text);

/* Arguments as a usage line has them: "CONNECTION [OBJECT...]", each on a line of its own. */
void roff_arguments(struct buf *out, const char *arguments);

/* The head of a page, up to its name's line: fastenr-sync(1), what it does in one line. */
void roff_head(struct buf *out, const char *page, int section, const char *date,
               const char *summary);

#endif
