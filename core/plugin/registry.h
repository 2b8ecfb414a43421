/* SPDX-License-Identifier: Apache-2.0 */
/* The connectors that are installed: *.so files in the connector folders. */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include "plugin/image.h"
#include "plugin/worker.h"

struct connector_dirs {
    char **paths;
    size_t count;
};

/* The file of a connector by its name ("hubspot" for hubspot.so), from the first folder that has
 * it; a name with a slash is a path. Freed by the caller; NULL with one sentence that names what is
 * there. */
char *registry_find(const struct connector_dirs *dirs, struct str name, struct error *err);

/* All files *.so, sorted by name; of one name only the first folder's. The list and its strings are
 * the arena's. */
char **registry_list(const struct connector_dirs *dirs, struct arena *arena, size_t *ret_count);

struct connector_info {
    struct image image;
    struct descriptor descriptor;
    uint32_t jail_layers;
    bool crashed;          /* it ended by itself instead of describing itself */
    struct worker_end end; /* when it crashed */
};

/* Loads a file and describes it in a jail of its own, turning the loop until that is done (so not
 * from a callback). -1 with one line that begins with the path when it is no connector that this
 * host can run; then only `crashed` and `end` are set. */
int registry_describe(struct world *world, struct carrier *carrier,
                      const struct worker_limits *limits, const char *path,
                      struct connector_info *ret_info, struct error *err);
void connector_info_free(struct connector_info *info);

/* Which layers of the jail this machine gives; -1 when a worker cannot be started. */
int registry_probe_jail(struct world *world, struct carrier *carrier, uint32_t *ret_layers,
                        struct error *err);

#endif
