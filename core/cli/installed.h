/* SPDX-License-Identifier: Apache-2.0 */
/* The connectors that are here: in the connector folders, and those that connections name by a
 * path, each described and compared with plugins.lock. */
#ifndef CLI_INSTALLED_H
#define CLI_INSTALLED_H

#include "cli/app.h"

struct installed {
    const char *path;
    bool used;       /* by a connection */
    const char *why; /* it cannot be described: one line; then there is no more of it */
    struct connector_info info;
    struct pin pin;
    enum approval approval;
};

struct installed_list {
    struct installed *items;
    size_t count, cap;
    struct connector_dirs dirs;
};

/* Also without a configuration. 0, or an exit status after saying what is wrong. Freed by
 * installed_free, before the app. */
int installed_read(struct app *app, struct installed_list *ret_list);
void installed_free(struct installed_list *list);

/* "hubspot" of "/usr/lib/fastenr/connectors/hubspot.so": what `connector:` is to say. */
struct str installed_name(const struct installed *item);

#endif
