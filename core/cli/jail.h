/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of the jail, in words. */
#ifndef CLI_JAIL_H
#define CLI_JAIL_H

#include "base/json.h"

struct jail_layer {
    uint32_t bit;
    const char *name;
    const char *what;    /* it does */
    const char *missing; /* what it means when it is not there, and what to do */
    bool needed;         /* without it no connector starts */
};

extern const struct jail_layer jail_layers[]; /* ends with a NULL name */

/* "seccomp, landlock, ..."; the missing ones after "; missing: ". */
void jail_write_names(struct buf *out, uint32_t layers);
void jail_put_json(struct json_writer *w, uint32_t layers);

#endif
