/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a store equals what the vendor has: each record of the sandbox's truth passed through a
 * mapping of the test's own, which shares no code with the host's, and compared field by field with
 * the rows of the database. What ended at the vendor has ended in the store, and what was merged
 * leads to what it was merged into. Also: nothing doubled, the quarantine is the predicted one, the
 * log's chains are whole, no run is left "running".
 */
#ifndef SUPPORT_TRUTH_H
#define SUPPORT_TRUTH_H

#include <stdio.h>

enum { TRUTH_OBJECTS = 13 };

/* The vendor's name of an object: companies, contacts, deals, ... in this order everywhere here. */
const char *truth_object(size_t i);

struct truth_report {
    long records[TRUTH_OBJECTS]; /* in the truth */
    long quarantined;            /* predicted, and found */
    long differences;            /* 0: equal */
};

/* INCREMENTAL: what only a full read sees is not compared: references that come of associations,
 * which change without the record's modified time, and records that were merged into one that was
 * archived before anybody could tell. */
enum { TRUTH_INCREMENTAL = 2 };

/* RESTORED: the vendor has restored records without a new modified time, of which windows cannot
 * tell. One that was archived before the first read may be missing; one that was changed, archived
 * and restored between two reads may have its old values. */
enum { TRUTH_RESTORED = 4 };

/* Also compares what the last run read with the truth: of a window the records whose modified time
 * lies in [since, until], of a full read all. Valid while nothing has changed since. */
enum { TRUTH_LAST_RUN = 1 };

/* `database`: the path of a SQLite file, or a postgresql: URL. `truths`: records as NDJSON, as GET
 * /__sandbox/truth/... gives them, and those that ended, as .../ended does; NULL: the object is not
 * synced, the first must be there.
 * Differences are told on `out`, the first 20 of them. Returns 0 when equal, 1 when not, 2 when it
 * could not be found out. */
int truth_compare(const char *database, FILE *const truths[TRUTH_OBJECTS], int flags,
                  struct truth_report *ret_report, FILE *out);

#endif
