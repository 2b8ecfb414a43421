/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr test`: tries a connection step by step and says which step failed and what to do. Turns
 * the loop until it is done, so not to be called from a callback. */
#ifndef SYNC_TRIAL_H
#define SYNC_TRIAL_H

#include "plugin/image.h"
#include "sync/host.h"
#include "sync/setup.h"

enum trial_step {
    TRIAL_RESOLVE, /* the name of the vendor's host */
    TRIAL_CONNECT, /* a TCP connection, as the egress rules allow */
    TRIAL_TLS,     /* skipped for a plain http endpoint of this machine */
    TRIAL_START,   /* the connector in its jail, with its options */
    TRIAL_AUTH,    /* the credential; says whose account it is */
    TRIAL_SCOPES,  /* of OAuth: what was granted has the scope of every object */
    TRIAL_FIELDS,  /* of each object: the vendor has every field that the mapping reads */
    TRIAL_READ     /* of each object: one record, which needs its scope */
};

const char *trial_step_name(enum trial_step step);

struct trial_result {
    enum trial_step step;
    struct str subject; /* host of the first three, vendor object of the last two; else empty */
    enum { TRIAL_OK, TRIAL_WARNING, TRIAL_FAILED, TRIAL_SKIPPED } verdict;
    int64_t took_us;
    const char *text;   /* what was found, or what failed */
    const char *remedy; /* of a warning or a failure; "" when there is none */
};

/* Calls `fn` after each step, in their order; after a failure the steps that need it are not
 * tried. Returns 0 when no step failed. */
int trial_run(struct sync_host *host, const struct setup *setup, const struct image *image,
              void (*fn)(void *arg, const struct trial_result *result), void *arg);

#endif
