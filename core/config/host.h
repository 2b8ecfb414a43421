/* SPDX-License-Identifier: Apache-2.0 */
/* fastenr.conf: what concerns the host as a whole. */
#ifndef CONFIG_HOST_H
#define CONFIG_HOST_H

#include "base/log.h"
#include "base/uuid.h"
#include "config/settings.h"

enum plugins_lock_need { PLUGINS_LOCK_OPTIONAL, PLUGINS_LOCK_REQUIRED };

/* How long things are kept; 0: for ever. */
struct retention {
    int64_t log_bodies, log, runs, quarantine;
};

struct host_config {
    struct str store;            /* URL */
    struct text_list connectors; /* folders, absolute or relative to the configuration's */
    int plugins_lock;            /* enum plugins_lock_need */
    struct str organization_text;
    struct uuid organization; /* of connections that name none */
    struct {
        int level;  /* LOG_DEBUG - 1 .. */
        int format; /* 0 text, 1 JSON */
    } log;
    struct {
        int64_t memory;
        int64_t hang_us;
        bool strict_jail;
    } workers;
    struct {
        struct text_list key; /* the first seals, all open */
    } secrets;
    struct {
        int64_t threads;
        int64_t runs; /* syncs at a time */
    } sync;
    struct retention retention;
};

extern const struct setting_table host_settings;

/* Reads DIR/fastenr.conf; a folder without one gets the defaults. Mistakes go to the problems. */
void host_config_read(const char *dir, struct host_config *ret_config, struct arena *arena,
                      struct problems *problems);

#endif
