/* SPDX-License-Identifier: Apache-2.0 */
/* What the connectors of the corpus share: what they know of the world outside, and the note of
 * what they tried. */
#ifndef HARM_H
#define HARM_H

#include "fastenr/connector.h"

/* Services are NULL before create. The canary is what must not be reached. */
struct scene {
    const struct fastenr_services *services;
    struct fastenr_host *host;
    long canary_port, canary_pid; /* options; 0 before create */
    long many;                    /* option: of what a row calls a flood */
    struct fastenr_connector *descriptor;
};
extern struct scene scene;

/* Notes a call that ought to be refused. It was when it failed with EPERM, EACCES or ENOSYS; any
 * other error means that the kernel has looked at it. */
void attempt(const char *what, long rc);
/* Notes what needs no errno. */
void note(int refused, const char *what);
/* "refused: open=EPERM ...", "GOT THROUGH: ..." or, when nothing was tried, "". */
const char *attempts(void);

typedef void harm_fn(const char *arg);
long number_of(const char *arg);
struct fastenr_str text_of(const char *text);

#endif
