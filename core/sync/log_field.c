/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/log_field.h"

enum { VALUE_MAX = 64 * 1024 * 1024 };

static bool is_same(const struct json *a, const struct json *b)
{
    struct buf x = BUF_INIT(VALUE_MAX), y = BUF_INIT(VALUE_MAX);
    json_write(&x, a);
    json_write(&y, b);
    bool same = str_eq(buf_view(&x), buf_view(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

bool log_field_changed(const struct json *body, bool custom, struct str name,
                       const struct json **ret_before, const struct json **ret_after)
{
    struct str member = custom ? STR("custom_fields") : name;
    const struct json *pair = json_member(body, member);
    *ret_before = json_element(pair, 0);
    *ret_after = json_element(pair, 1);
    if (!custom)
        return json_kind(pair) == JSON_ARRAY;
    *ret_before = json_member(*ret_before, name);
    *ret_after = json_member(*ret_after, name);
    return !is_same(*ret_before, *ret_after);
}
