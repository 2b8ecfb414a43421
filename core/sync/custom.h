/* SPDX-License-Identifier: Apache-2.0 */
/* Custom fields of a record: one JSON object, which other programs write, too. */
#ifndef SYNC_CUSTOM_H
#define SYNC_CUSTOM_H

#include "base/arena.h"
#include "base/json.h"
#include "model/model.h"

enum { CUSTOM_MAX = 64 * 1024 * 1024 };

/* The custom fields of a record in the store; nothing is NULL. To be freed with json_free. */
int custom_read(const struct model_object *object, int64_t record, struct str text,
                const struct json **ret_root, struct error *err);

/* One member that is to be another one. */
struct custom_change {
    const char *name;
    struct str json; /* empty: the member goes */
    bool made;       /* by custom_edit */
};

/* The text with the changes made, the first one of a name; empty when no member is left. Members
 * keep their order, new ones come last. False: it is larger than CUSTOM_MAX. */
bool custom_edit(const struct json *old, struct custom_change *changes, size_t count,
                 struct arena *arena, struct str *ret_text);

#endif
