/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNC_BIND_H
#define SYNC_BIND_H

#include "store/store.h"
#include "sync/setup.h"

/* Gives the custom fields of an object's mapping the ids that the store has for them. */
int setup_bind(struct object_setup *object, struct store *store, struct error *err);

#endif
