/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that share the value by which vendors' records are matched, and two records made one.
 *
 * A merge is a run of no connection: what it changes goes to vendors like what another program
 * changes, and `rollback` takes it back. Both use the store on the calling thread.
 */
#ifndef SYNC_DUPLICATES_H
#define SYNC_DUPLICATES_H

#include "sync/host.h"

/* ---- what is there twice ---- */

struct duplicate {
    const struct record_row *row;
    struct str value; /* that it shares */
    const struct record_link *links;
    size_t link_count;
    int64_t referrers; /* records that refer to it */
};

typedef bool (*duplicate_fn)(void *arg, const struct duplicate *duplicate);

/* Live records of an object that is matched by a field, those with one value one after another, in
 * the order of values and ages. `fn` returns false to stop; a row is valid during the call. */
int duplicates_each(struct sync_host *host, const struct model_object *object, duplicate_fn fn,
                    void *arg, struct error *err);

/* ---- two become one ---- */

struct duplicate_choice {
    struct str field; /* "domain", "custom_fields.tier" */
    bool other;       /* whose value is taken */
    bool met;         /* one of them has the field */
};

struct duplicates_request {
    struct sync_host *host;
    const struct model_object *object;
    struct uuid keep, other;
    struct duplicate_choice *choices;
    size_t choice_count;
    struct str by;
    bool plan; /* all is looked at, and nothing is written */
};

/* A field that either of them has. */
struct duplicate_field {
    struct str name;
    struct str keep, other, now; /* JSON; `now`: what the one that stays has from then on */
    const char *why;             /* it is neither's; else NULL */
};

struct duplicate_referrers {
    const struct model_object *object;
    int field;
    int64_t count;
};

enum { DUPLICATE_REFERRERS = 32 };

struct duplicates_report {
    int64_t run; /* 0: a plan */
    struct duplicate_field *fields;
    size_t field_count, field_cap;
    struct record_link *links; /* of the other one, which are the first one's from then on */
    size_t link_count;
    struct duplicate_referrers referrers[DUPLICATE_REFERRERS]; /* of the other one */
    size_t referrer_count;
    struct arena arena; /* of all this; arena_free it, whatever was returned */
};

/* All or nothing. -1 with a sentence. */
int duplicates_merge(const struct duplicates_request *request, struct duplicates_report *ret_report,
                     struct error *err);

/* ---- for both, and for who takes a merge back ---- */

/* A hash of each field of a record, of custom ones that have a value, as links hold what was seen
 * of ours. */
int duplicates_shadow(struct store *store, const struct model_object *object,
                      const struct record_row *row, struct arena *arena, struct str *ret_shadow,
                      struct error *err);

/* Whether the vendor's record of ours is noted in a stream to be read again. */
int duplicates_unread(struct store *store, int64_t stream, int64_t record, struct arena *arena,
                      bool *ret_unread, struct error *err);

/* What the numbers of streams stand for. */
struct stream_names {
    struct stream_name {
        int64_t id;
        struct str connection, vendor_object;
    } * items;
    size_t count, cap;
    struct arena *arena;
};

int stream_names_load(struct stream_names *names, struct store *store, struct arena *arena,
                      struct error *err);
struct record_link stream_names_link(const struct stream_names *names,
                                     const struct held_link *held);

#endif
