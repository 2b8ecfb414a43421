/* SPDX-License-Identifier: Apache-2.0 */
/* Custom fields of a record: one JSON object, which other programs write, too. */
#ifndef SYNC_CUSTOM_H
#define SYNC_CUSTOM_H

#include "base/arena.h"
#include "base/json.h"
#include "model/model.h"

/* The custom fields of a record in the store; nothing is NULL. To be freed with json_free. */
int custom_read(const struct model_object *object, int64_t record, struct str text,
                const struct json **ret_root, struct error *err);

#endif
