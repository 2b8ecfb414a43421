/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a comparison of both sides finds: counts that are whole, and the first differences.
 *
 * A record is compared once, the first time it comes: which ones have come is kept as a hash each,
 * 16 to 32 bytes a record. Used by one thread at a time: the store executor while a run is under
 * way.
 */
#ifndef SYNC_VERIFY_H
#define SYNC_VERIFY_H

#include "base/arena.h"
#include "sync/id_set.h"

enum difference_kind {
    CHANGED_THERE, /* the vendor has another value than was last seen there */
    CHANGED_HERE,  /* the vendor's value is the one last seen, the record's is another */
    MISSING_HERE,  /* the vendor has a record that is not here, not linked, or a tombstone */
    GONE_THERE,    /* it is linked, and ended at the vendor */
    BACK_THERE,    /* its link has ended, and the vendor has it */
    DIFFERENCE_KINDS
};

/* One field of a record; of the last three kinds the record as a whole. */
struct difference {
    enum difference_kind kind;
    struct str object;      /* the vendor's name */
    struct str external_id; /* the vendor's */
    struct str record_id;   /* ours; empty: there is none */
    struct str field;       /* canonical; empty: the record */
    struct str here, there; /* values, or words for what became of the record; ptr NULL: none */
};

struct verify_object {
    struct str name;
    int64_t compared; /* records that the vendor has, each once */
    int64_t differ;   /* records in which something differs, on either side */
    int64_t kinds[DIFFERENCE_KINDS];
    struct id_set met;
    struct id_set missing; /* of those, the ones that are missing here; of a reference table those
                              that differ, too */
};

struct verify {
    size_t limit; /* as many differences are kept */
    struct difference *items;
    size_t count, cap;
    struct verify_object *objects;
    size_t object_count, object_cap;
    size_t current; /* the object being read */
    struct arena arena;
};

/* "changed_there" ... */
const char *difference_name(enum difference_kind kind);

void verify_begin_object(struct verify *verify, struct str name);

/* Whether the record comes for the first time. */
bool verify_meet(struct verify *verify, const uint8_t key[SIPHASH_KEY], struct str external_id);
bool verify_has_met(const struct verify *verify, const uint8_t key[SIPHASH_KEY],
                    struct str external_id);

/* The record that comes is not here, or what others take of it is not as it should be. */
void verify_note_missing(struct verify *verify, const uint8_t key[SIPHASH_KEY],
                         struct str external_id);
/* Of an object that may have been read before the current one. */
bool verify_is_missing(const struct verify *verify, const uint8_t key[SIPHASH_KEY],
                       struct str object, struct str external_id);

/* Whether the texts of another difference would be kept. */
bool verify_has_room(const struct verify *verify);
/* Counts it, and keeps copies of its texts, cut, while there is room. */
void verify_add(struct verify *verify, const struct difference *difference);

struct verify_object *verify_current(struct verify *verify);
void verify_free(struct verify *verify);

#endif
