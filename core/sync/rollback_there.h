/* SPDX-License-Identifier: Apache-2.0 */
/* A portion of what a run wrote to the vendor: what is to become of it, and the writes that take it
 * back. rollback_remote.c takes them to the connector. */
#ifndef SYNC_ROLLBACK_THERE_H
#define SYNC_ROLLBACK_THERE_H

#include "sync/export_map.h"
#include "sync/page.h"
#include "sync/rollback_internal.h"

/* A field of the vendor that the run wrote. */
struct there_field {
    struct str name;
    const struct rule *rule; /* that writes it; NULL: none does any more */
    bool association;
    struct str before, after, kept; /* JSON; of an association `before` is a list of ids, `after`
                                       one id */
    struct str now;                 /* JSON, as the vendor has it */
    bool restores;
    bool refused;     /* the vendor did not take it */
    bool again;       /* a rollback that was ended in the middle has done it */
    const char *left; /* why it does not */
    struct str done;  /* JSON: what the vendor says it has once it was restored */
};

struct there_record {
    int64_t record; /* ours */
    struct str external_id;
    int64_t first;          /* of the run's rows: id */
    bool lifes, made, lost; /* the run made or ended it, made it; what it wrote is not known */
    bool ends_there;        /* the run archived it */
    struct there_field *fields;
    size_t field_count, field_cap;
    struct link_row link;            /* key 0: none */
    const struct page_record *found; /* NULL: the vendor does not have it */

    bool archives, revives;
    size_t restored;  /* fields */
    const char *left; /* why nothing becomes of it as a whole */
    bool irreversible;
    bool again;      /* a rollback that was ended in the middle has archived it */
    struct str seen; /* of the link, once it is written */
    bool counted;
};

/* One write of one kind. */
struct there_group {
    enum write_op op;
    struct there_record **records;
    struct there_field **fields; /* of an association */
    int64_t *notes;
    struct write_request call;
    struct write_result *results;
    size_t count;
};

enum { THERE_GROUPS = 64 };

struct there {
    struct rollback *r;
    int64_t before; /* rows of what was sent before this one */
    size_t object;  /* of the setup; its count: it is not synced any more */
    int64_t stream;
    struct there_record *records; /* by record */
    size_t count;
    int64_t rows;
    /* Writes of a rollback that was ended in the middle: some of them may be done. */
    struct export_write *stale;
    size_t stale_count, stale_cap;
    struct str *ids; /* to look at */
    size_t id_count;
    struct page **pages; /* what came */
    size_t page_count, page_cap;
    struct there_group groups[THERE_GROUPS];
    size_t group_count, group; /* the one that is being written */
    struct arena arena;
};

/* ---- rollback_there.c ---- */

/* Before the first portion: takes over the notes of writes of rollbacks that died. */
int there_recover(struct there *t, struct error *err);

/* Forgets the portion and loads the next one. *ret_more: there is one. */
int there_next(struct there *t, bool *ret_more, struct error *err);
/* What is done, and what not; tells of the latter, and of a plan all. */
int there_decide(struct there *t, struct error *err);
void there_free(struct there *t);

void there_tell(struct there *t, const struct there_record *record, const struct there_field *field,
                enum rollback_verdict verdict, struct str why);
enum rollback_act there_act(const struct there_record *record);
const struct object_setup *there_object(const struct there *t);
/* The only id of a list; empty: there is none, or several. */
struct str there_only_id(struct str list, struct arena *arena);

/* ---- rollback_write.c ---- */

/* Notes all writes in the store. */
int there_prepare(struct there *t, struct error *err);
/* What was said of some of the current group's rows. */
void there_written(struct there *t, const struct write_result *results, uint32_t count);
/* `unclear`: what nothing was said of may be done. */
int there_settle(struct there *t, bool unclear, struct error *err);
/* The writes that were not sent are forgotten. */
int there_unsend(struct there *t, struct error *err);

#endif
