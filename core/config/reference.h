/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_REFERENCE_H
#define CONFIG_REFERENCE_H

#include "config/settings.h"

/* docs/configuration.md: every setting of fastenr.conf and of connection files, from the tables
 * that read them. */
void reference_write(struct buf *out);

/* What a configuration folder holds and how values are written, as Markdown paragraphs. */
extern const char reference_introduction[];

/* What a setting's value looks like: "time, 1s to 1h"; choices between `quote`s. */
void reference_form(struct buf *out, const struct setting *row, const char *quote);

#endif
