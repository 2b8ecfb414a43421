/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What two-way sync is to come to, said as simply as possible: for each field of each record what
 * stands here, what stands at each vendor, and what both sides last agreed on. It knows
 * docs/two-way.md and nothing of the engine.
 *
 * What a sync that failed has done is not known; so of each field a list of guesses is kept, each a
 * possible agreement, and what is seen on both sides afterwards tells which of them are possible
 * still. After a sync that came through each guess has one result, and what is seen must be one of
 * these.
 */
#ifndef SIM_TWO_WAY_MODEL_H
#define SIM_TWO_WAY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SIDES_MOST = 3,
    FIELDS_MOST = 9,
    GUESSES_MOST = 48,
    MODEL_RECORDS_MOST = 200,
    MEANWHILE = 4
};

enum kind { COMPANY, CONTACT, KINDS };
enum way { IMPORTS = 1, EXPORTS = 2, BOTH_WAYS = 3 };
enum policy { LATER_COUNTS, THEIRS_COUNT, OURS_COUNT, A_PERSON_DECIDES };
/* What becomes of a list that both sides changed: one of the two, or what either has. */
enum strategy { ONE_OF_TWO, OURS_FIRST, THEIRS_FIRST };

/* ---- texts: equal ones are one pointer; NULL is no value ---- */

const char *word(const char *text);
const char *word_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Before a new seed: no word of the last one is held any more. */
void words_forget(void);

/* ---- fields ---- */

enum spelling {
    AS_TEXT,      /* the vendor trims it */
    AS_DOMAIN,    /* read in lower case; the vendor cuts it out of a URL */
    AS_ADDRESS,   /* lower case */
    AS_NUMBER,    /* the same digits on both sides */
    AS_STATUS,    /* words of the vendor's stand for ours, two of them for the same */
    AS_LIST,      /* the vendor has its elements with semicolons between them */
    AS_REFERENCE, /* a record of the model: "=5" */
};

struct field_info {
    const char *name;     /* for people */
    const char *property; /* the vendor's */
    enum spelling spelling;
};
extern const struct field_info model_fields[KINDS][FIELDS_MOST];
extern const size_t model_field_count[KINDS];
/* The field that records are matched by. */
extern const size_t model_key_field[KINDS];

/* What the vendor's text is here; what becomes of ours there, BAD_WORD when it cannot be written.
 */
extern const char BAD_WORD[];
const char *model_read(enum spelling spelling, const char *theirs);
const char *model_write(enum spelling spelling, const char *ours);

/* Of two lists that have never been one. */
extern const char UNMET[];

/* ---- what a connection says ---- */

struct field_plan {
    bool used; /* else it is not mapped */
    enum way way;
    enum policy policy;
    enum strategy strategy;
};

struct plan {
    bool external_key;
    bool tells_times;       /* the vendor: when each of its fields got its value */
    int64_t clock_ahead_us; /* the vendor's, of ours */
    struct {
        enum way way;
        bool creates, archives;
        struct field_plan fields[FIELDS_MOST];
    } kinds[KINDS];
};

/* ---- what is seen ---- */

struct sight_ours {
    enum kind kind;
    int64_t key;
    bool deleted;
    int64_t updated_us;
    const char *values[FIELDS_MOST]; /* a reference: the other's key */
};

enum there { NOT_THERE, LIVES_THERE, ARCHIVED_THERE, MERGED_THERE };

struct sight_theirs {
    enum kind kind;
    const char *id;
    enum there there;
    const char *into;                /* of a merged one: the id of the record that stands for it */
    int64_t changed_us[FIELDS_MOST]; /* when the vendor says that the field got its value; of one
                                      * that tells no such times: its record's */
    const char *values[FIELDS_MOST]; /* a reference: the other's id */
    const char *next; /* the second company that it is associated with; NULL: it has one or none */
};

struct sight_link {
    enum kind kind;
    const char *id;
    int64_t key;
    bool live;
};

struct sight {
    struct sight_ours *ours;
    size_t ours_count;
    struct {
        struct sight_theirs *theirs;
        size_t theirs_count;
        struct sight_link *links;
        size_t link_count;
    } sides[SIDES_MOST];
};
void sight_free(struct sight *sight);

/* ---- the model ---- */

struct agreed {
    const char *ours, *theirs;
    bool held; /* a person has to decide */
};

/* What a field was set to while a sync was under way. */
struct meanwhile {
    const char *values[MEANWHILE];
    size_t count;
};

struct side {
    const char *id; /* NULL: there never was one */
    enum there there;
    const char *into;
    bool linked, was_linked; /* the host knows that these two are one */
    bool doubtful;           /* the host has made it and has not heard so */
    bool turned;             /* it refers to what was merged: only a full read sees that */
    bool unnoticed;          /* it was archived before it was ever read, and lives again */
    int fresh;               /* the host has made it: the vendor's defaults may be still to come */
    bool due;                /* somebody else than this connection has changed ours */
    const char *next;        /* the second one of several companies */
    int64_t changed_us[FIELDS_MOST];
    const char *values[FIELDS_MOST];
    struct agreed guesses[FIELDS_MOST][GUESSES_MOST];
    size_t guess_count[FIELDS_MOST];
    struct meanwhile meanwhile[FIELDS_MOST];
};

enum here { NOT_HERE, LIVES_HERE, DELETED_HERE, TOMBSTONE_HERE };

struct model_record {
    bool gone; /* it was found to be another one of these */
    enum kind kind;
    int64_t key;
    enum here here;
    const char *seen[FIELDS_MOST];   /* ours, when it was looked at last */
    int64_t changed_us[FIELDS_MOST]; /* when ours got that */
    struct {
        const char *value;
        int64_t at_us; /* 0: since the last look it was not */
    } touched[FIELDS_MOST];
    bool vague;    /* deleted while a sync was under way: what is agreed on is not known */
    bool was_here; /* when it was looked at last, be it as a tombstone */
    const char *values[FIELDS_MOST];
    struct meanwhile meanwhile[FIELDS_MOST];
    struct side sides[SIDES_MOST];
};

struct model {
    size_t side_count;
    struct plan plans[SIDES_MOST];
    bool followed[SIDES_MOST]; /* its first sync is over */
    struct model_record records[MODEL_RECORDS_MOST];
    size_t count;
};

/* The vendor has another contact with the address of ours, of a record of ours or one that was
 * deleted here alone: it takes no second. */
bool model_has_twin(const struct model *m, const struct model_record *r, size_t side);

/* What a person or another program has done. Both sides are looked at again before each sync, so
 * these only say who is who. */
size_t model_made_here(struct model *m, enum kind kind, int64_t key);
size_t model_made_there(struct model *m, size_t side, enum kind kind, const char *id);
/* Ours has got that value at that time, be it the one that it had when it was looked at last. */
void model_touched_here(struct model *m, enum kind kind, int64_t key, size_t field,
                        const char *value, int64_t now_us);
/* A person took ours (theirs: false) or theirs of a conflict, or another value than either. */
void model_decided(struct model *m, size_t side, size_t record, size_t field, const char *value,
                   bool ours);

/* Somebody changed a field while a sync was under way, here (SIDES_MOST) or at a vendor. */
void model_changing(struct model *m, size_t record, size_t side, size_t field, const char *value);

/* Takes in what stands on both sides, after persons and programs have done their work: values and
 * times change, whether records are there does; nothing is known to be agreed on by that. */
void model_look(struct model *m, const struct sight *sight);

/* Somebody deleted a record here while a sync was under way: what that has seen of it is not known.
 */
void model_deleting(struct model *m, size_t record);

/* Takes in what a record has here that was made while a sync was under way. */
void model_look_at_made(struct model *m, size_t record, const struct sight *sight);

/* After a sync of one connection. `clean`: it came through, and nothing went wrong on the way;
 * `full`: it read everything. False, with what is not as it should be in `out`. */
bool model_synced(struct model *m, size_t side, bool clean, bool full, const struct sight *sight,
                  FILE *out);

/* Once it is quiet: both sides are equal wherever they are to be. */
bool model_is_quiet(const struct model *m, FILE *out);

/* ---- for two_way_vague.c ---- */

/* Somebody but that side has changed ours. */
void model_make_due(struct model *m, struct model_record *r, size_t but);
void model_look_at_value(struct model *m, struct model_record *r, size_t f,
                         const struct sight_ours *o);
void model_add_guess(struct side *s, size_t f, const char *ours, const char *theirs, bool held);

/* The sync has perhaps seen what stands there, and perhaps taken it. */
void model_guess_anew(struct model_record *r, struct side *s, size_t f);
/* The host has made the vendor's record and has not heard so: what it has written is what both
 * agree on, be it what was set while the sync was under way. */
void model_agree_on_written(struct model_record *r, struct side *s);
/* It refers to what was deleted meanwhile, and associations go with their companies. `all`: the
 * model's records. */
bool model_refers_to_vague(const struct model_record *all, const struct model_record *r,
                           size_t side, size_t f);
/* After the sync. */
void model_note_vague(struct model *m, struct model_record *r);

#endif
