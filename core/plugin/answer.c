/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/answer.h"

#include "base/time.h"
#include "plugin/protocol.h"

struct str answer_scalar(const struct json *value, struct arena *arena)
{
    if (json_kind(value) == JSON_STRING)
        return json_string(value);
    if (json_kind(value) == JSON_INT)
        return arena_str(arena, json_number_text(value));
    return (struct str){NULL, 0};
}

bool answer_time(const struct json *value, struct arena *arena, int64_t *ret_us)
{
    struct str text = answer_scalar(value, arena);
    int64_t ms;
    *ret_us = 0;
    if (text.len == 0)
        return value == NULL;
    if (!str_to_i64(text, &ms))
        return time_parse_rfc3339(text, ret_us);
    if (ms < TIME_MIN_US / US_PER_MS || ms > TIME_MAX_US / US_PER_MS)
        return false;
    *ret_us = ms * US_PER_MS;
    return true;
}

bool answer_is_id(struct str id)
{
    return id.len > 0 && id.len <= EXTERNAL_ID_MAX && !memchr(id.ptr, '\0', id.len) &&
           str_is_utf8(id);
}
