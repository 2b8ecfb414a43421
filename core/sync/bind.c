/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/bind.h"

struct naming {
    struct store *store;
    const struct model_object *object;
};

static int id_of_custom_field(void *arg, struct str name, int64_t *ret_id, struct error *err)
{
    const struct naming *n = arg;
    return n->store->engine->custom_field(n->store, n->object, name, ret_id, err);
}

int setup_bind(struct object_setup *object, struct store *store, struct error *err)
{
    struct naming naming = {store, object->model};
    return mapping_bind(&object->mapping, id_of_custom_field, &naming, err);
}
