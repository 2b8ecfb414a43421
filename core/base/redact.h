/* SPDX-License-Identifier: Apache-2.0 */
/* Credential values that must not be seen: everything that the host logs, stores as a reason or
 * hands to a connector goes through here. A value is found plain, base64 and percent-encoded. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include "base/buf.h"

/* Values of fewer than 6 bytes are not registered: they would blot out ordinary text. */
enum { REDACT_LEAST = 6 };

/* A value may be added several times; it counts until it is removed as often. */
void redact_add(struct str secret);
void redact_remove(struct str secret);
void redact_clear(void);

/* Appends the text, each credential replaced by "[secret]". */
void redact(struct buf *out, struct str text);

/* Appends a vendor's answer with each credential of at least 8 bytes, in any of its forms, replaced
 * by "[secret]", also where JSON escapes hide it ("\/" for "/"). False, with nothing appended, when
 * it holds none: one pass over the body then is all that it costs. `out` needs room for the body.
 */
bool redact_answer(struct buf *out, struct str body);

/* Whether the text holds a credential; cheaper than redact when it does not. */
bool redact_needed(struct str text);

#endif
