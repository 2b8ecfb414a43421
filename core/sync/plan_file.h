/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan in a file: a line of JSON that says what it is a plan of, one for each record that would
 * be changed, one with the counts, and one with a code over all of these (HMAC-SHA256) under a key
 * that only the store has. So a file that was edited, cut short or made with another store is known
 * before anything is done with it. Mode 0600; it stands under its name once it is whole.
 */
#ifndef SYNC_PLAN_FILE_H
#define SYNC_PLAN_FILE_H

#include "base/mac.h"
#include "base/time.h"
#include "store/store.h"
#include "sync/plan.h"
#include "sync/setup.h"

enum { PLAN_FORMAT = 1, PLAN_MAPPING = 2 * SHA256_SIZE + 1, PLAN_LINE_MAX = 256 * 1024 * 1024 };

/* What a plan is of. */
struct plan_origin {
    struct str connection; /* name */
    struct str mapping;    /* plan_mapping's */
    struct str by;         /* whoever had it made */
    int64_t at;
};

/* Hexadecimal; changes with the connection's file, the connector's version and what the mappings
 * come to. */
int plan_mapping(const struct setup *setup, char ret_hash[PLAN_MAPPING], struct error *err);

/* The code of a plan of that store; NULL when the crypto library cannot. */
struct mac *plan_mac(const struct store *store);

/* ---- writing; on one thread at a time ---- */

/* Without a path the file has no name, and goes with plan_file_free. */
struct plan_file *plan_file_new(const char *path, const struct store *store,
                                const struct plan_origin *origin, struct error *err);
int plan_file_line(struct plan_file *file, struct str line, struct error *err);
/* The counts and the code, after which it stands under its name. */
int plan_file_close(struct plan_file *file, const struct sync_plan *plan, struct error *err);
/* Calls `fn` for each change until it returns false; after plan_file_close. */
int plan_file_each(struct plan_file *file, bool (*fn)(void *arg, struct str line), void *arg,
                   struct error *err);
/* One that was not closed is removed. NULL is allowed. */
void plan_file_free(struct plan_file *file);

/* ---- reading ---- */

/* PLAN_TRIED: it is on its way to the vendor, or nothing was heard of it. */
enum plan_state { PLAN_WAITS, PLAN_TRIED, PLAN_DONE, PLAN_REFUSED };

/* Where a change stands in the file. */
struct plan_row {
    uint64_t at;
    uint64_t hash; /* of the line, under the store's key */
    uint64_t unit; /* likewise */
    uint64_t lead; /* where its unit begins */
    uint32_t len;
    uint16_t object; /* of reading->objects */
    uint8_t side, state;
    bool first; /* of its unit: rows of one stand together */
};

struct plan_reading {
    int fd;
    const struct store *store;
    struct plan_origin origin;
    char when[TIME_TEXT];
    struct str *objects; /* the vendor's names, in the order of the file */
    size_t object_count, object_cap;
    struct plan_row *rows;
    size_t count, cap;
    struct arena arena;
};

/* Checks the format, the store and the code. */
int plan_reading_open(struct plan_reading *reading, const char *path, const struct store *store,
                      struct error *err);
/* A change; its text goes into `text`. -1 too when it is not what was checked any more. */
int plan_reading_line(struct plan_reading *reading, size_t row, struct buf *text,
                      struct error *err);
void plan_reading_close(struct plan_reading *reading);

#endif
