/* SPDX-License-Identifier: Apache-2.0 */
/* Which request is served by what, and which scopes it needs. */
#ifndef SANDBOX_HUBSPOT_ROUTE_H
#define SANDBOX_HUBSPOT_ROUTE_H

#include "hubspot.h"

struct route;
typedef void (*serve_fn)(struct hubspot *h, const struct route *r, const struct call *call,
                         struct answer *a);

struct route {
    serve_fn serve; /* NULL: there is nothing, or not by this method */
    bool exists;    /* by another method, then */
    bool writes, is_search;
    enum stat stat;
    enum object_type type, to;
    const char *rest;       /* the id or the name; into the path */
    const char *scopes[2];  /* all of them; NULL: no more */
    char id[24], to_id[24]; /* of associations */
};

/* The account's details (hubspot.c). */
void hubspot_account(struct text *out);

struct route route_find(const char *path, const char *method);

#endif
