/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first link-up of two systems that both have records: which record of the vendor's is which of
 * ours is proposed in a file, a person decides, and what was decided becomes links before anything
 * is imported.
 *
 * A link that was accepted has seen nothing of either side yet. The import that brings the vendor's
 * record takes both sides as they are, as at a match. A record that is to become one of its own is
 * noted as a link that has ended and leads to none: it is not matched when it comes.
 */
#ifndef SYNC_LINKUP_H
#define SYNC_LINKUP_H

#include "base/buf.h"
#include "config/problems.h"
#include "store/store.h"
#include "sync/host.h"
#include "sync/setup.h"

/* In the order of the file: what is to be decided comes first. */
enum linkup_how {
    LINKUP_AMBIGUOUS, /* several of ours, or several of the vendor's, have the value */
    LINKUP_UNSURE,    /* a field that it would be matched by is paused */
    LINKUP_MATCHED,   /* by a field */
    LINKUP_NEW,       /* nothing here matches */
    LINKUP_APART,     /* decided before: it is none of ours */
    LINKUP_LINKED,
    LINKUP_ALONE, /* one of ours that the vendor does not have */
    LINKUP_HOWS
};

/* A record of the vendor's. */
struct linkup_record {
    struct str external_id, name;
    enum linkup_how how;
    int64_t record;   /* ours; 0: none, or several */
    int field;        /* of the model: matched by it, or it is ambiguous; -1: none */
    struct str value; /* of that field */
    size_t order;     /* in which it came */
    size_t offered;   /* how many of ours it may be, up to a limit */
};

/* A record of ours. */
struct linkup_ours {
    int64_t key;
    struct uuid id;
    struct str name;
    bool taken; /* it has a partner, or may have one */
};

struct linkup_candidate {
    size_t record; /* index */
    int64_t key;   /* ours */
};

struct linkup_object {
    const struct object_setup *setup;
    struct linkup_record *records; /* by external id, once it is concluded */
    size_t record_count, record_cap;
    struct linkup_ours *ours; /* by key */
    size_t ours_count, ours_cap;
    struct linkup_candidate
        *candidates; /* by record, then key; each but the first few is left out */
    size_t candidate_count, candidate_cap;
    int64_t counts[LINKUP_HOWS];
};

/* A proposal. Used by one thread at a time: the store executor while a run is under way. */
struct linkup {
    const struct setup *setup;
    struct linkup_object *objects;
    size_t count, cap;
    size_t current; /* the object being read */
    struct arena arena;
};

void linkup_begin_object(struct linkup *linkup, const struct object_setup *setup);

/* All of the current object has come: who has a partner, and who else may be one. In a transaction.
 */
int linkup_conclude(struct linkup *linkup, struct store *store, int64_t organization,
                    int64_t stream, struct error *err);

/* The table for people. */
void linkup_write(const struct linkup *linkup, struct buf *out);
void linkup_free(struct linkup *linkup);

/* "matched" ... */
const char *linkup_how_name(enum linkup_how how);

/* Names a record for people by a few of its fields; the arena's. */
struct str linkup_name(const struct model_object *object, const struct value *fields,
                       struct arena *arena);

/* ---- what was decided ---- */

struct linkup_place {
    int line, column;
};

/* A vendor's record that is linked, or becomes one of its own. */
struct linkup_decision {
    const struct object_setup *object;
    struct str external_id;
    struct uuid id; /* ours */
    bool apart;
    int64_t key; /* ours */
    struct linkup_place at, at_id;
};

struct linkup_decisions {
    const char *file;
    struct linkup_decision *items; /* by object and external id, once they are read */
    size_t count, cap;
    int64_t left; /* records of the vendor's in it that nothing was decided on */
    struct arena arena;
};

/* What became of them. */
struct linkup_counts {
    int64_t linked, apart, unchanged;
};

/* Mistakes become problems at their places. */
void linkup_read(const char *file, struct str text, const struct setup *setup,
                 struct linkup_decisions *ret_decisions, struct problems *problems);
void linkup_decisions_free(struct linkup_decisions *decisions);

/* Makes the links, by a run of its own, unless there are problems: those that are there already,
 * and what the store says against them. -1: it failed, or another run or a pause is in its way. The
 * row's texts are the arena's; its id is 0 when nothing was begun. */
int linkup_accept(struct sync_host *host, struct setup *setup, struct linkup_decisions *decisions,
                  struct str started_by, struct problems *problems, struct run_row *ret_row,
                  struct linkup_counts *ret_counts, struct arena *arena, struct error *err);

#endif
