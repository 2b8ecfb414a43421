/* SPDX-License-Identifier: Apache-2.0 */
/* A connection, ready to run: its file read against its connector's descriptor. */
#ifndef SYNC_SETUP_H
#define SYNC_SETUP_H

#include "net/client.h"
#include "net/oauth.h"
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

/* Of a connection that authenticates by OAuth. */
struct oauth_setup {
    struct oauth_client client; /* with the endpoint in the place of the authorize URL's host */
    struct str token_host;      /* the one host that the client's secret goes to */
    const struct named_text *headers; /* templates with {{token:access_token}} */
    uint32_t header_count;
    struct str separator; /* of scopes */
};

struct setup {
    const struct connection_config *config;
    const struct descriptor *descriptor;
    struct client_policy policy;
    const struct oauth_setup *oauth; /* NULL: another way to authenticate */
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
