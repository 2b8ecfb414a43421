/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses a connection may reach. Asked when a socket is about to connect, with the address
 * that the name came to, so that no answer of a name server and no spelling of an address gets
 * around it. */
#ifndef NET_EGRESS_H
#define NET_EGRESS_H

#include <sys/socket.h>

#include "base/error.h"

enum { EGRESS_RANGES = 32 };

struct egress_range {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;
};

/* Public addresses, and these private ranges. */
struct egress {
    struct egress_range allowed[EGRESS_RANGES];
    size_t count;
};

/* Adds "10.1.0.0/16", "::1/128" or a single address. */
int egress_allow(struct egress *egress, struct str cidr, struct error *err);

/* 0, or -1 with why not. */
int egress_check(const struct egress *egress, const struct sockaddr *address, struct error *err);

bool egress_eq(const struct egress *a, const struct egress *b);

#endif
