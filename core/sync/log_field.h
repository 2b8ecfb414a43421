/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of the log says of one field. */
#ifndef SYNC_LOG_FIELD_H
#define SYNC_LOG_FIELD_H

#include "base/json.h"

/* Whether an update changed the field, by its body: {"field": [before, after]}, in which all custom
 * fields are one. *ret_before and *ret_after are the body's; NULL: it had no value, or has none. */
bool log_field_changed(const struct json *body, bool custom, struct str name,
                       const struct json **ret_before, const struct json **ret_after);

#endif
