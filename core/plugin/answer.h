/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a vendor's answer, read as pages and results of writes want them. */
#ifndef PLUGIN_ANSWER_H
#define PLUGIN_ANSWER_H

#include "base/arena.h"
#include "base/json.h"

/* A string as it is, an integer as its digits; anything else is empty, ptr NULL. */
struct str answer_scalar(const struct json *value, struct arena *arena);

/* RFC 3339 text, or epoch milliseconds as number or text; nothing is 0. False: it is none. */
bool answer_time(const struct json *value, struct arena *arena, int64_t *ret_us);

/* 1 to EXTERNAL_ID_MAX bytes of text. */
bool answer_is_id(struct str id);

#endif
