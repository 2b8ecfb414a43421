/* SPDX-License-Identifier: Apache-2.0 */
/* The host's log: one line an event, on standard error, as text or as JSON. Secrets registered with
 * redact.h are taken out of every line. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/world.h"

enum log_level { LOG_DEBUG = 1, LOG_INFO = 2, LOG_WARN = 3, LOG_ERROR = 4 };

/* Once, before the first line. Without it lines of LOG_WARN and above go out as text, without time.
 */
void log_setup(const struct world *world, enum log_level least, bool as_json);

bool log_enabled(enum log_level level);

/* `where` names the connection, or the part of the host. A control character in the text comes out
 * as
 * "?", so that a vendor's words cannot forge a line. */
void log_line(enum log_level level, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Called before and after each line is written: a progress bar uses it to make room. */
void log_on_write(void (*before)(void *arg), void (*after)(void *arg), void *arg);

#endif
