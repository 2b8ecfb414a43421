/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection's records would become; nothing is written. Turns the loop until it is done, so
 * not to be called from a callback. */
#ifndef SYNC_PREVIEW_H
#define SYNC_PREVIEW_H

#include "plugin/image.h"
#include "sync/host.h"
#include "sync/setup.h"

struct preview_record {
    struct str id;
    int64_t modified_us;       /* 0: not known */
    const struct json *fields; /* the vendor's */
    enum map_result result;
    const struct mapped *mapped; /* of MAP_OK: a value for each rule of object->mapping */
    struct str invalid_field;    /* of MAP_INVALID: canonical field */
    const char *why;             /* of MAP_INVALID */
};

/* Reads at most `limit` records and calls `fn` for each; what it gets is valid during the call. */
int preview_read(struct sync_host *host, const struct setup *setup, const struct image *image,
                 const struct object_setup *object, uint64_t limit,
                 void (*fn)(void *arg, const struct preview_record *record), void *arg,
                 struct error *err);

#endif
