/* SPDX-License-Identifier: Apache-2.0 */
/* Erasure of a person: out of records, links, log and quarantine, and not to be brought back by a
 * sync. Uses the store on the calling thread. */
#ifndef SYNC_ERASE_H
#define SYNC_ERASE_H

#include "sync/host.h"

/* `address`: e-mail, in any case. With `only_count` nothing is changed. Else no connection is
 * synced meanwhile, by any host: it fails while one is. After an erasure the store is rewritten,
 * which takes a while where it is large, and waits for readers; when that fails, the error says
 * that the records are gone from the tables and not from the files. */
int erase_person(struct sync_host *host, struct str address, bool only_count,
                 struct erase_counts *ret_counts, struct error *err);

#endif
