/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that a vendor refused, or whose outcome could not be found out: what a person makes of
 * them. On the store alone, for the next sync. */
#ifndef SYNC_REFUSED_H
#define SYNC_REFUSED_H

#include "sync/host.h"

enum write_choice {
    WRITE_RETRY, /* the record is compared and written once more */
    WRITE_DROP   /* it is let be: until the record changes again */
};

struct write_answer {
    int64_t id;
    bool done;        /* by this call */
    struct error why; /* it was not */
};

/* Of one connection, in one transaction; those that cannot be are left out. A creation in doubt is
 * retried only with `force`: should it have been done, the vendor gets the record twice. -1:
 * nothing was done. Not while the connection is being synced. */
int refused_settle(struct sync_host *host, struct str connection, enum write_choice how, bool force,
                   struct write_answer *answers, size_t count, struct error *err);

#endif
