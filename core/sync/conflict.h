/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields that both sides changed, and that wait for a person: what stands in a conflict, and what
 * becomes of the record once it is decided. On the store alone: what the vendor is to get is queued
 * for the next sync.
 */
#ifndef SYNC_CONFLICT_H
#define SYNC_CONFLICT_H

#include "sync/host.h"
#include "sync/setup.h"

/* Who settled one whose sides have come to agree. */
#define CONFLICT_BY_SYNC "a sync: the sides differ no more"

/* A value as conflicts keep it. One that is longer than a conflict keeps is told in its place. */
struct str conflict_json(const struct rule *rule, const struct value *value, struct arena *arena);

/* The other way. -1: it was not kept, or is not one of the field any more. Texts are the arena's.
 */
int conflict_value(const struct rule *rule, struct str json, struct arena *arena,
                   struct value *ret_value, struct error *err);

/* "domain", "custom_fields.tier"; the arena's. */
struct str conflict_field(const struct conflict_row *row, struct arena *arena);

/* The rule of its field, as much of it as the model knows: one that reads and writes nothing. False
 * when the field is not known any more. The name is the arena's. */
bool conflict_rule(const struct conflict_row *row, struct rule *ret_rule, struct arena *arena);

/* A copy; its texts are the arena's. */
struct conflict_row conflict_copy(const struct conflict_row *row, struct arena *arena);

/* What our record has now in that field; ptr NULL: the record is gone. */
int conflict_current(struct store *store, const struct conflict_row *row, struct arena *arena,
                     struct str *ret_json, struct error *err);

/* ---- conflict_base.c ---- */

/* What our record had in that field before its last change up to the conflict, as the log has it;
 * empty: it does not know. For a conflict without a base: one is kept of fields that are merged or
 * wait for a person alone (link_base.h). The arena's. */
int conflict_logged_base(struct store *store, const struct conflict_row *row, struct arena *arena,
                         struct str *ret_json, struct error *err);

/* ---- conflict_settle.c ---- */

/* What the run that changes our records says it was started by, before the person. */
#define CONFLICT_STARTED_BY "conflicts resolve by "

/* How one is decided: CONFLICT_LOCAL, ours stays and is written to the vendor; CONFLICT_REMOTE, our
 * record gets the vendor's value and nothing is written; CONFLICT_VALUE, our record gets `value`,
 * and that is written. */
struct conflict_answer {
    int64_t id;
    enum conflict_state how;
    struct str value; /* as people write it; of a reference the record's id; empty: none */

    bool settled;     /* by this call */
    struct error why; /* it was not */
};

struct conflict_settling {
    struct sync_host *host;
    struct str connection; /* of all these conflicts */
    struct setup *setup;   /* of it; without, values are not held against the mapping */
    struct str by;         /* whoever decides */
};

/* All that can be settled are, in one transaction: what changes our records is a run of its own,
 * *ret_run (0: nothing did). A conflict whose record has another value by now is not: it shows that
 * value from now on. -1: nothing was done. Not while the connection is being synced, whose writes
 * under way would undo it. */
int conflict_settle(const struct conflict_settling *in, struct conflict_answer *answers,
                    size_t count, int64_t *ret_run, struct error *err);

#endif
