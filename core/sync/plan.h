/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run would change, on both sides, before it does.
 *
 * A merge or an export that has notes adds one for each record that it changes, in the very
 * transaction that changes it. For a plan that transaction is then rolled back and the notes go to
 * a file, so a plan says what a sync does because it is made by one. `apply` does the same merge
 * again, compares its notes with the plan's lines, byte by byte, and commits only what is equal.
 *
 * What belongs together is a unit: here, what follows from one record of the vendor's; there, what
 * is written for one record of ours. A unit is applied as a whole or not at all.
 */
#ifndef SYNC_PLAN_H
#define SYNC_PLAN_H

#include "base/arena.h"
#include "base/json.h"
#include "model/model.h"
#include "sync/id_set.h"

enum plan_side { PLAN_HERE, PLAN_THERE, PLAN_SIDES };

enum plan_op {
    PLAN_CREATE,
    PLAN_UPDATE,
    PLAN_LINK, /* a record of the vendor's becomes one that is here; fields may change, too */
    PLAN_RESTORE,
    PLAN_DELETE,
    PLAN_ASSOCIATE,
    PLAN_DISSOCIATE,
    PLAN_OPS
};

const char *plan_side_name(enum plan_side side); /* "here", "there" */
const char *plan_op_name(enum plan_op op);       /* "create" ... */

/* One record that is changed. */
struct plan_note {
    enum plan_side side;
    enum plan_op op;
    const struct model_object *model;
    struct str external_id; /* the vendor's; empty: new there, or not known */
    struct str record_id;   /* ours; empty: new here */
    struct str look;        /* the unit, where it is not the record itself */
    struct str why;         /* of an end */
    struct str fields;      /* {"field": [before, after]} */
    struct str shown;       /* {"field": value}: what is taken by a reference, as far as known */
    int64_t record;         /* our key; of PLAN_THERE it is in the plan, 0: not known yet */
    bool raw;               /* `fields` are a log row's, until the notes are closed */
    struct str line;        /* all of it, once they are */
};

struct plan_notes {
    struct plan_note *items;
    size_t count, cap;
    struct str *due; /* the vendor's ids of records that are to be written there */
    size_t due_count, due_cap;
    struct arena arena;
};

/* Texts are copied. */
struct plan_note *plan_add(struct plan_notes *notes, const struct plan_note *note);
void plan_add_due(struct plan_notes *notes, struct str external_id);
void plan_forget(struct plan_notes *notes);

/* The line of a note, of the vendor's object. Without what is not the same each time. */
struct str plan_line(const struct plan_note *note, struct str object, struct arena *arena);

/* A line without what is shown besides, which may be known or not. */
struct str plan_core(struct str line);

/* What the note belongs to: "" is nothing. */
struct str plan_unit(const struct plan_note *note);

/* ---- a plan ---- */

struct plan_counts {
    int64_t ops[PLAN_SIDES][PLAN_OPS];
};

struct plan_object {
    struct str name; /* the vendor's */
    struct plan_counts counts;
    struct id_set units[PLAN_SIDES]; /* that have been noted; there, lines */
    struct id_set looked;            /* the vendor's ids that the export has looked at */
    struct id_set ended;             /* ids of our records that would be deleted */
    struct id_set made;              /* ids of our records that would be made there */
    struct str *due;                 /* see plan_notes */
    size_t due_count, due_cap, due_next;
};

struct plan_file;

struct sync_plan {
    struct plan_notes notes;
    struct plan_file *file;
    struct plan_object *objects;
    size_t object_count, object_cap;
    struct id_set referred; /* changes of references: "record field after" */
    struct arena arena;
    char guard[400]; /* why a sync would stop at a guard rail; empty: it would not */
};

/* The vendor's object, made when it is new. */
struct plan_object *plan_object(struct sync_plan *plan, struct str name);

/* Writes the notes of one batch into the file, each unit once, and forgets them. */
int plan_take(struct sync_plan *plan, struct str object, const uint8_t key[SIPHASH_KEY],
              struct error *err);

int64_t plan_total(const struct plan_counts *counts);
void plan_free(struct sync_plan *plan);

/* ---- a line of a plan ---- */

struct plan_entry {
    enum plan_side side;
    enum plan_op op;
    struct str object, model, external_id, record_id, unit, why;
    int64_t record;
    const struct json *fields, *shown;
    const struct json *root; /* owns the texts */
};

/* -1: it is no line of a plan. */
int plan_entry_read(struct str line, struct plan_entry *ret_entry, struct error *err);
void plan_entry_free(struct plan_entry *entry);

#endif
