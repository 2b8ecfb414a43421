/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of two_way.c share: a play of one seed, and what persons and programs do in it. */
#ifndef SIM_TWO_WAY_PLAY_H
#define SIM_TWO_WAY_PLAY_H

#include "two_way_world.h"

enum { ALONE_MOST = 40, DELETED = FIELDS_MOST };

struct play {
    struct town town; /* first */
    struct model *model;
    struct buf story; /* what was done */
    int counter;      /* for values that are to be their only ones */
    bool faults;      /* any are drawn in this seed */
    /* What was changed here alone while the host synced: it stays. */
    struct alone {
        size_t record, field;
        const char *value;
    } alone[ALONE_MOST];
    size_t alone_count;
    size_t syncing;  /* the side */
    bool lane;       /* runs go on beside others in this seed */
    bool may_change; /* and may in this sync, though nothing goes wrong */
};

void tell(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t any(struct play *p, uint64_t n);
bool one_in(struct play *p, uint64_t n);

/* A record that lives on a side, or here (SIDES_MOST); NULL: there is none. */
struct model_record *draw_living(struct play *p, enum kind kind, size_t side);
const char *draw_value(struct play *p, enum kind kind, size_t f, size_t side);

void set_here(struct play *p, enum kind kind, int64_t key, size_t f, const char *value);
size_t create_here(struct play *p);
void delete_record(struct play *p, const struct model_record *r);
/* False: it is not there any more. */
bool set_there(struct play *p, size_t side, const struct model_record *r, size_t f,
               const char *value);

/* ---- two_way_meanwhile.c ---- */

/* Fields change while the host syncs, and records come and go. */
void meanwhile_change(struct town *t);
/* Answers of a vendor come late, until its faults are taken away. */
void meanwhile_slow_down(struct play *p, size_t side);
/* After the sync: whether what was changed here alone is as it was left. */
bool meanwhile_stays(struct play *p);

#endif
