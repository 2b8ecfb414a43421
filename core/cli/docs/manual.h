/* SPDX-License-Identifier: Apache-2.0 */
/* The manual pages, from the tables of commands and settings. */
#ifndef CLI_DOCS_MANUAL_H
#define CLI_DOCS_MANUAL_H

#include "base/buf.h"
#include "cli/command.h"

/* "fastenr-quarantine-list" for "quarantine list". */
void manual_page_name(const struct command *command, char name[64]);

void manual_program(struct buf *out, const char *date); /* fastenr(1) */
void manual_command(struct buf *out, const struct command *command, const char *date); /* (1) */
void manual_host(struct buf *out, const char *date);       /* fastenr.conf(5) */
void manual_connection(struct buf *out, const char *date); /* fastenr-connection(5) */

/* fastenr-sandbox(1), from what `fastenr-sandbox --help` prints. */
void manual_sandbox(struct buf *out, struct str help, const char *date);

#endif
