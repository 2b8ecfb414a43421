/* SPDX-License-Identifier: Apache-2.0 */
/* Erasure of a person: out of records, links, log and quarantine, and not to be brought back by a
 * sync. Uses the store on the calling thread. */
#ifndef SYNC_ERASE_H
#define SYNC_ERASE_H

#include "sync/host.h"

/* `address`: e-mail, in any case. With `only_count` nothing is changed. After an erasure the store
 * is rewritten, which takes a while where it is large, and waits for readers. */
int erase_person(struct sync_host *host, struct str address, bool only_count,
                 struct erase_counts *ret_counts, struct error *err);

#endif
