/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/custom.h"

int custom_read(const struct model_object *object, int64_t record, struct str text,
                const struct json **ret_root, struct error *err)
{
    *ret_root = NULL;
    if (text.len == 0 ||
        (json_parse(text, ret_root, NULL) == 0 && json_kind(*ret_root) == JSON_OBJECT))
        return 0;
    json_free(*ret_root);
    *ret_root = NULL;
    return error_set(err,
                     "the custom_fields of %s %lld in the store are no JSON object: mend them, or "
                     "set them to NULL",
                     object->name, (long long)record);
}
