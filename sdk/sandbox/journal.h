/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writes that a sandbox saw, one entry for each record of a request, in order, with what became
 * of it: what a test compares a plan with. Bounded: the oldest entries give way, and are counted.
 */
#ifndef SANDBOX_JOURNAL_H
#define SANDBOX_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

enum { JOURNAL_ENTRIES_MAX = 100000, JOURNAL_BYTES_MAX = 64 * 1024 * 1024 };

struct written {
    const char *deed, *type; /* static or the caller's: they are copied */
    const char *id;          /* NULL: there is none */
    const char *key;         /* what it was named by in the request; NULL: it was not */
    const char *trace;       /* NULL: none */
    const char *properties;  /* JSON as it came; NULL: none */
    const char *outcome;     /* "created", "updated", "unchanged", "archived", "error" ... */
    const char *why;         /* of an error; NULL */
    int status;              /* of the answer */
};

struct journal {
    char **entries;          /* JSON objects without their ends; a ring of JOURNAL_ENTRIES_MAX */
    bool *lost;              /* whether the answer to it was */
    uint64_t total, dropped; /* entries [dropped, total) are there */
    size_t bytes;
};

void journal_add(struct journal *j, int64_t at_ms, const struct written *w);
/* The answer to the entries from `first` on did not arrive. */
void journal_mark_lost(struct journal *j, uint64_t first);
/* Appends {"total","dropped","writes":[...]}. */
void journal_show(const struct journal *j, struct text *out);
void journal_clear(struct journal *j);
void journal_free(struct journal *j);

#endif
