/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a rollback share: rollback_history.c reads what became of the records of a run,
 * rollback_local.c takes back what it changed here, rollback_refers.c finds who still needs what is
 * to end, rollback_remote.c takes back what it wrote there. */
#ifndef SYNC_ROLLBACK_INTERNAL_H
#define SYNC_ROLLBACK_INTERNAL_H

#include "sync/duplicates.h"
#include "sync/id_set.h"
#include "sync/leases.h"
#include "sync/merge.h"
#include "sync/rollback.h"

struct rollback {
    const struct rollback_request *in;
    const struct rollback_events *events;
    void *arg;
    struct rollback_report *report;
    struct store *store;
    struct run_row of; /* the run that is taken back */
    struct run_span span;
    int64_t organization, connection, run;
    bool leased;
    struct leases leases; /* of a merge: of all connections */
    struct stream_names names;
    int64_t *streams;            /* of the setup's objects */
    struct run_stream_row *rows; /* of the rollback, one each of these */

    bool only_ends;       /* a pass more: what could not end for others that referred to it */
    bool last_pass;       /* which tells of those that still cannot */
    int64_t ended, held;  /* in this pass: by it, and not for others that refer to it */
    struct id_set undone; /* of a plan: what would not refer to anything any more */
    int64_t done;         /* rows */
    struct arena arena;
};

static inline const struct store_engine *rollback_engine(const struct rollback *r)
{
    return r->store->engine;
}

/* Whether the run's rows of this record are to be taken back. */
static inline bool rollback_wants(const struct rollback *r, const struct model_object *object,
                                  int64_t record)
{
    return (!r->in->object || r->in->object == object) &&
           (r->in->record == 0 || r->in->record == record);
}

/* Whether a field of ours is, a custom one or the model's. */
bool rollback_wants_field(const struct rollback *r, bool custom, struct str name);

static inline bool rollback_is_whole(const struct rollback *r)
{
    return !r->in->object && r->in->record == 0 && r->in->field.len == 0;
}

/* Counts it, and tells of it. `records`: by how much it adds to the records that were changed. */
void rollback_tell(struct rollback *r, const struct rollback_item *item);
struct rollback_total *rollback_total(struct rollback *r, bool there, struct str object);
/* The counts of the rollback's run, of the stream that `object`'s records are of. */
struct run_counts *rollback_counts(struct rollback *r, const struct model_object *object);

bool rollback_cancelled(const struct rollback *r);

/* As JSON; of NULL, too. */
struct str rollback_text(const struct json *value, struct arena *arena);

/* ---- rollback_history.c ---- */

/* A field that the run has changed, or somebody else after it. */
struct past_field {
    struct str name;
    int index; /* of the model; -1: a custom field, or not known any more */
    bool custom;
    bool by_run;
    struct str before, after;    /* of the run: JSON */
    struct str expected;         /* as it was left before others came: JSON */
    const struct log_row *since; /* the last that others did to it after that; NULL: nothing */

    /* what is decided, see rollback_local.c */
    bool restores;
    const char *left; /* why it does not */
};

/* A record that the run has changed. */
struct past {
    const struct model_object *object;
    int64_t key;
    struct record_row *row;    /* key 0: it is gone */
    const struct json *custom; /* of the row; NULL: none */
    bool pruned;               /* the log has lost what the run changed of it */
    bool lifes;                /* the run made it, ended it, or let it live again */
    bool made, lived;          /* the first of these: made it; it lived before */
    bool left_alive;           /* as of the last of these */
    const struct log_row
        *life_by; /* the last row of others by which it ended, or lives, after it */
    const struct log_row *lost_by; /* the last row of others that has lost what it changed */
    struct past_field *fields;
    size_t field_count, field_cap;
    struct str custom_before, custom_after; /* of the run, as a whole: JSON; ptr NULL: it has not
                                               changed them, or others have between its rows */
    const struct log_row *last;             /* the record's last row */

    /* what is decided, see rollback_local.c */
    bool ends, revives;
    size_t restored;  /* fields */
    const char *left; /* why nothing becomes of it as a whole */
    const char *held; /* who still refers to it, so that it cannot end */
};

/* Those records of `rows`, a portion of the run's log, whose first row of the run is among them; by
 * object and key. `json_free` the custom fields of each. */
int rollback_load_past(struct rollback *r, const struct log_row *rows, size_t row_count,
                       struct past **ret_pasts, size_t *ret_count, struct arena *arena,
                       struct error *err);

struct past *rollback_find_past(struct past *pasts, size_t count, const struct model_object *object,
                                int64_t key);

/* ---- rollback_refers.c ---- */

/* Takes `ends` from those that live records still refer to, which are not to end themselves, and
 * says which in `held`. */
int rollback_find_referrers(struct rollback *r, struct past *pasts, size_t count,
                            struct arena *arena, struct error *err);
/* Of a plan: the reference is another one from now on; with field NULL: the record has ended. */
void rollback_note_undone(struct rollback *r, const struct model_object *object, int64_t key,
                          const struct model_field *field);
bool rollback_is_undone(const struct rollback *r, const struct model_object *object, int64_t key,
                        const struct model_field *field);

/* ---- rollback_merge.c: of a merge ---- */

/* A link that the merge moved. */
struct moving {
    struct moved_link *link;
    const struct past *past; /* that the merge ended, or brought back; NULL: not in this portion */
    bool goes;               /* back to the record that it had, should `past` be taken back */
    const char *left;        /* why it does not */
    struct record_row to;    /* the record that it had */
};

struct moves {
    struct moving *items;
    size_t count;
};

/* Which links go back with these records. A record that cannot end for its links does not. */
int rollback_decide_moves(struct rollback *r, struct past *pasts, size_t count,
                          struct moves *ret_moves, struct arena *arena, struct error *err);
bool rollback_moves_away(const struct moves *moves, const struct past *past, int64_t link);
int rollback_write_moves(struct rollback *r, const struct moves *moves, struct arena *arena,
                         struct error *err);
void rollback_report_moves(struct rollback *r, const struct moves *moves, struct arena *arena);
/* References wait again for what they did before the merge. After all else. */
int rollback_wait_again(struct rollback *r, struct error *err);

/* ---- rollback_local.c, rollback_remote.c ---- */

int rollback_local(struct rollback *r, struct error *err);
int rollback_remote(struct rollback *r, struct error *err);

#endif
