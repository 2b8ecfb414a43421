/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the merge share: merge.c finds out which record is which, merge_write.c and
 * merge_settle.c what is written, merge_end.c what ends. */
#ifndef SYNC_MERGE_INTERNAL_H
#define SYNC_MERGE_INTERNAL_H

#include "sync/link_base.h"
#include "sync/merge.h"

/* What the vendor is known to have in an exported field, as ours would be. */
struct agreed {
    enum {
        AGREED_ON_ROW, /* what our record has, once it is written */
        AGREED_ON_HASH,
        AGREED_ON_NOTHING /* it is not known */
    } how;
    uint64_t hash;
};

/* One vendor record of a batch that is to be stored. */
struct item {
    const struct page_record *record;
    size_t order;         /* in which it came */
    struct link_row link; /* key 0: not linked before */
    int64_t relinked;     /* a link that had ended and gets another record; `link` is empty then */
    int64_t key;          /* of its canonical record */
    bool only_seen;       /* nothing that is imported moved: what was seen is kept, and no more */
    bool created;         /* the canonical record is new */
    bool changed;         /* the canonical record's fields have other values, once it is written */
    enum link_ended was;  /* of the link, as it was found */
    bool again;           /* it came before, and was compared then */
    bool lost;            /* the record of its live link is not in the store */
    int64_t last_log;     /* of a record that was here before and is not any more */
    bool apart;           /* a person has decided that it is none of ours: it is not matched */
    bool absorbed;        /* another record of the batch says that it was merged into that one */
    bool waits;           /* for the vendor's times of fields: nothing is done with it */
    struct record_row *row;   /* of a new one once it is written */
    struct value *references; /* a rule each, of rules with a lookup: the referred record's key, or
                               * the field that is taken of it */
    struct value *merged;     /* a rule each: what is taken in the place of the vendor's values;
                               * NULL: these are */
    uint64_t *moved;          /* bit set: a rule each */
    struct str shadow;        /* to be stored */
    struct agreed *agreed;    /* an exported field each; NULL: there are none */
};

/* A record that the vendor merged into another one. */
struct absorbed {
    struct str id, winner; /* external ids */
    int64_t record;        /* the winner's; 0: it has none */
};

/* A link that ends. */
struct leaving {
    int64_t link, record;
    enum link_ended ended;
    int64_t winner;         /* the record that it was merged into; 0: none */
    bool keeps;             /* the record stays, whoever else has it */
    struct str external_id; /* where there are notes */
};

enum { ID_RANDOM = 10 /* bytes, of a new id */ };

struct batch {
    const struct merge *merge;
    const struct mapping *mapping;
    struct item *items; /* by external id, each once */
    size_t count;
    struct absorbed *absorbed; /* by id, each once */
    size_t absorbed_count;
    struct leaving *leaving;
    size_t leaving_count;
    int64_t first_new;     /* new records have keys from here on; 0: there are none */
    const uint8_t *random; /* for the ids of new records: what is not used yet */
    struct store_batch out;
    struct run_counts counts; /* of this batch */
    bool has_custom_exports;
    bool keeps_bases;
    struct conflict_row *conflicts;
    size_t conflict_count, conflict_cap;
    struct conflict_row *open; /* of the batch's records: id, record and field */
    size_t open_count, open_cap;
    struct conflict_row *over; /* of them: no conflict any more, with the state that ends it */
    size_t over_count, over_cap;
    int64_t *due; /* records of which the vendor is to get something */
    size_t due_count, due_cap;
    int64_t *unread; /* records that wait: the vendor's are to be read again */
    size_t unread_count, unread_cap;
    struct arena arena;
};

/* An empty one. */
static inline struct batch batch_of(const struct merge *merge)
{
    const struct mapping *mapping = &merge->target->object->mapping;
    return (struct batch){.merge = merge,
                          .mapping = mapping,
                          .has_custom_exports = mapping_has_custom_exports(mapping),
                          .keeps_bases = mapping_keeps_bases(mapping),
                          .out = store_batch_of(merge, mapping->object, world_now(merge->world))};
}

static inline const struct store_engine *engine_of(const struct batch *b)
{
    return b->merge->store->engine;
}

static inline bool has_moved(const struct item *item, size_t rule)
{
    return item->moved[rule / 64] >> (rule % 64) & 1;
}

/* What a rule takes of the vendor's record; not of one that refers. */
static inline const struct value *taken_value(const struct item *item, size_t rule)
{
    return item->merged ? &item->merged[rule] : &item->record->mapped.values[rule];
}

/* The key of its link, also of one that is set aside; 0: it has none. */
static inline int64_t link_of(const struct item *item)
{
    return item->relinked != 0 ? item->relinked : item->link.key;
}

/* Nothing was seen of the vendor's record yet: it is not linked, or a person has linked it. What
 * the vendor does not have does not empty ours then. */
static inline bool is_first_meeting(const struct item *item)
{
    return item->link.key == 0 || item->link.seen_remote.len == 0;
}

/* Of a person who was erased: it must not come back, nor is a reference to it kept. `stream`: one
 * of the setup's. */
bool batch_was_erased(const struct batch *batch, int64_t stream, struct str external_id);

/* By external id; NULL when the batch does not have it. */
struct item *batch_find(const struct batch *batch, struct str external_id);

/* Whether an item that is not linked yet has got that record of ours. */
bool batch_is_taken(const struct batch *batch, int64_t record);

/* ---- merge_doubt.c ---- */

/* Vendor's records that are new here and that we have made. Before any other match. */
int batch_match_doubted(struct batch *batch, struct error *err);

/* However they were matched: what was written to them was agreed on (`seen_local`). */
int batch_agree_on_doubted(struct batch *batch, struct error *err);

/* The rule that fills a field of the model; NULL: there is none. */
const struct rule *rule_of_field(const struct mapping *mapping, int index, size_t *ret_rule);

/* ---- linkup.c ---- */

/* Notes in merge->linkup which record each item is, or may be. */
int batch_propose(struct batch *batch, struct error *err);

/* ---- merge_aside.c ---- */

void batch_set_aside(struct batch *batch, const struct page_record *record, struct str field,
                     struct str reason);

/* ---- merge_write.c ---- */

/* Fills `references` of all items, and notes those whose target is missing. */
int batch_resolve(struct batch *batch, struct error *err);

/* Of the rule's field of an item: it waits for that record; an empty id: for none any more. */
void batch_note_pending(struct batch *batch, const struct item *item, size_t rule, int64_t stream,
                        struct str external_id);

/* Fills `references` of `items` for a rule that takes a field; `found` are the links of the records
 * that they mean. All of them are noted as pending, found or not: see take.h. */
int batch_take(struct batch *batch, size_t rule, struct item *const *items,
               const struct link_row *found, size_t count, struct error *err);

/* Fills batch->out with creates, updates and links. */
int batch_write(struct batch *batch, struct error *err);

/* Whether taking a rule's value changes the model's field that it fills, or the custom field. Of an
 * item whose row is there; `old` are the row's custom fields. */
bool batch_differs(struct batch *batch, const struct item *item, size_t rule);
bool batch_custom_differs(const struct batch *batch, const struct item *item, size_t rule,
                          const struct json *old);

/* ---- verify_compare.c, but for the first with merge->verify ---- */

/* Linked items whose record another program deleted become new ones, with their old key: what
 * refers to them is right again, and their log goes on. */
int batch_make_anew(struct batch *batch, struct item *const *items, size_t count,
                    struct error *err);

/* Which items have come before; those whose live links are out of scope now. */
int batch_meet(struct batch *batch, struct error *err);
/* Items whose record somebody has taken out of the table become new ones, with their old key. */
int batch_find_lost(struct batch *batch, struct error *err);
/* The vendor has the say in all fields of records that no other live link holds. */
int batch_take_all(struct batch *batch, struct error *err);
/* Notes what differs; before batch_write, which changes the rows. */
int batch_compare(struct batch *batch, struct error *err);

/* ---- merge_local.c ---- */

/* Of two-way fields that moved at the vendor: decides who wins where ours have moved, too. Before
 * batch_write. */
int batch_settle_moves(struct batch *batch, struct error *err);

/* The vendor's value as ours would be, in the words that ours are compared in. -1: it is larger
 * than anything can be. */
int batch_remote_value(struct batch *batch, const struct item *item, size_t rule,
                       struct value *ret_value);

/* -1, with the words for a field that is. */
int batch_tell_too_large(const struct item *item, const struct rule *rule, struct error *err);

/* What was seen of our record, of an item that is written, and the base beside it (as
 * batch_link_base). ptr NULL: nothing is exported. */
int batch_local_shadow(struct batch *batch, const struct item *item, struct str *ret_shadow,
                       struct str *ret_base, struct error *err);

/* Stores the conflicts, and which records are due; after batch->out was applied. */
int batch_note_two_way(struct batch *batch, struct error *err);

/* ---- merge_base.c ---- */

/* Whether the link lacks a value that both sides agree on and that is to be kept with it. */
bool batch_lacks_base(const struct batch *batch, const struct link_row *link);

/* JSON of what was agreed on in a field before this batch, whose hash that is; empty: it was not
 * kept. */
struct str batch_kept_base(struct batch *batch, const struct item *item, const struct rule *rule,
                           uint64_t agreed);

/* What is kept with the link beside this `seen_local`, of an item that is written; `custom`: of its
 * record. ptr NULL: it stays as it is. */
int batch_link_base(struct batch *batch, const struct item *item, struct str seen_local,
                    const struct json *custom, struct str *ret_base, struct error *err);

/* ---- merge_times.c ---- */

/* When the vendor's field got its value (microseconds, its clock), as far as that is known: else
 * when its record was modified. 0: neither is. */
int64_t batch_remote_at(const struct item *item, const struct rule *rule);

/* Who changed a field last, ours at `changed_at` by our clock; or whoever its rule says. */
enum sync_priority batch_winner(const struct batch *batch, const struct item *item,
                                const struct rule *rule, int64_t changed_at);

/* Whether that cannot be said yet, as the vendor was not asked when it changed the field. */
bool batch_must_ask(const struct batch *batch, const struct item *item, const struct rule *rule,
                    int64_t changed_at);
/* The item waits until it was. */
void batch_ask(struct batch *batch, struct item *item, const struct rule *rule);
/* Takes the items that wait out of the batch; their records are to be read again. */
void batch_leave_waiting(struct batch *batch);

/* ---- merge_changed.c ---- */

/* When the rule's field of ours was changed last by somebody else than this run (microseconds, our
 * clock): by the log, as far back as that goes. */
int batch_changed_at(struct batch *batch, const struct item *item, const struct rule *rule,
                     int64_t *ret_at, struct error *err);

/* ---- merge_settle.c ---- */

/* A vendor's record and ours, that references may wait for. */
struct arrival {
    struct str external_id;
    int64_t record;
};

/* References that waited for the records of this batch; after batch->out was applied. */
int batch_settle_pending(struct batch *batch, struct error *err);
int batch_settle(struct batch *batch, const struct arrival *arrivals, size_t count,
                 struct error *err);

/* ---- merge_notes.c: where there are notes, what is changed goes into them ---- */

/* Of batch->out, before it is applied. */
int batch_note_items(struct batch *batch, struct error *err);
/* A record that changes with one that came: `cause`. */
void batch_note_follow(struct batch *batch, const struct model_object *model,
                       const struct record_row *row, struct str body, struct str cause);
void batch_note_end(struct batch *batch, const struct record_row *row, const struct leaving *lost);
/* The vendor's id of what others were merged into; empty: nothing was into that one. */
struct str batch_winner_id(const struct batch *batch, int64_t record);
/* Their lines; within the transaction. */
int batch_close_notes(struct batch *batch, struct error *err);

/* ---- merge_end.c ---- */

/* Notes which records were merged into others, as those say. Their own items go. */
void batch_find_absorbed(struct batch *batch);

/* The items that got another record than their link says are the winners' places. */
void batch_place_winners(struct batch *batch);

/* Ends what was absorbed and what is leaving; after batch->out was applied. */
int batch_end(struct batch *batch, struct error *err);

#endif
