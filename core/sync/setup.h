/* SPDX-License-Identifier: Apache-2.0 */
/* A connection, ready to run: its file read against its connector's descriptor. */
#ifndef SYNC_SETUP_H
#define SYNC_SETUP_H

#include "net/client.h"
#include "sync/mapping.h"

struct object_setup {
    const struct named_item *item; /* its name and place in the file */
    const struct object_config *config;
    const struct connector_object *vendor;
    const struct model_object *model;
    struct mapping mapping;
    int match[8]; /* model field indexes, in this order */
    size_t match_count;
    int64_t lookback_us;
};

struct setup {
    const struct connection_config *config;
    const struct descriptor *descriptor;
    struct client_policy policy;
    struct bucket_rule buckets[BUDGET_BUCKETS];
    size_t bucket_count;
    struct named_text *options; /* as the connector reads them */
    size_t option_count;
    struct object_setup *objects; /* those that are enabled, in the order of the file */
    size_t object_count;
};

/* Everything is borrowed from the configuration, the descriptor and the arena. Mistakes become
 * problems; the setup is to be used only when there are none. */
void setup_make(const struct connection_config *config, const struct descriptor *descriptor,
                struct setup *ret_setup, struct arena *arena, struct problems *problems);

const struct object_setup *setup_object(const struct setup *setup, struct str name);

#endif
