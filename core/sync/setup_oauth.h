/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a setup that OAuth needs; used by setup.c alone. */
#ifndef SYNC_SETUP_OAUTH_H
#define SYNC_SETUP_OAUTH_H

#include "sync/setup.h"

/* What the connection file chose. */
struct oauth_choice {
    const struct connector_auth *method; /* NULL: no OAuth */
    const struct node *given;            /* its map in the file */
    struct str id, secret;
};

/* The keys of that map that are settings rather than credentials. */
enum { OAUTH_SETTINGS = 2 };
extern const char *const oauth_settings[OAUTH_SETTINGS];
bool oauth_setting(struct str key);

/* Whether one of the method's URLs is on this host. */
bool oauth_knows_host(const struct oauth_choice *choice, struct str host);

/* Sets setup->oauth; endpoints and objects are there already. */
void oauth_setup_make(struct setup *setup, const struct oauth_choice *choice,
                      const struct settings_context *ctx);

#endif
