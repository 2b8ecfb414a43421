/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, connections of a made-up vendor, and records put through page,
 * mapping and merge as a run does it. What came of them is asked in SQL. */
#ifndef MERGE_FIXTURE_H
#define MERGE_FIXTURE_H

#include "sync/merge.h"
#include "virtual_loop.h"

enum { SIDE_OBJECTS = 4 };

/* A connection. */
struct side {
    const char *name;
    struct arena arena;
    struct connection_config config;
    struct setup setup;
    int64_t connection, run;
    int64_t streams[SIDE_OBJECTS];
    struct erased_ids erased[SIDE_OBJECTS];
    struct merge_target targets[SIDE_OBJECTS];
    bool same_run;        /* the next put adds to the counts of the last one */
    bool notes_seen;      /* puts are those of a read that looks for absence */
    bool retakes;         /* puts are those of the read that follows a pause */
    bool waits_for_times; /* records wait where the vendor's times of fields decide */
    struct time_wants *wants;
    int64_t clock_skew_us;
    struct verify *verify;      /* puts are compared; NULL: they are not */
    bool dry;                   /* and not written */
    struct linkup *linkup;      /* puts are proposed to be linked; NULL: they are not */
    const struct id_set *newer; /* what puts leave out; NULL: nothing */
    struct run_counts counts;
};

extern struct virtual_world fixture_world;
extern struct store *fixture_store;
extern int64_t fixture_organization;

/* Runs a test in a new store. */
void fixture_run(void (*test)(void));

/* `objects` is what stands between the braces of `objects`. The vendor has `companies` (name,
 * domain, industry, parent -> companies, owner: the e-mail address of owners), `people` (first,
 * email, company -> companies, an association, boss -> people) and `owners` (email, name). All but
 * owners can be written. */
void side_open(struct side *side, const char *name, const char *objects);
void side_close(struct side *side);

/* What is put from now on is another run's, a second later. Returns its id. */
int64_t side_next_run(struct side *side);

/* What is wrong with such a connection, a line each; valid until the next call. */
const char *side_mistakes(const char *objects);

/* Erases a person; what became of that, as counts that are not 0. */
const char *fixture_erase(const char *address);

/* Pairs of id and fields, then NULL; each call is a run of its own. Returns what became of them,
 * like "created 1, unchanged 2", or "stopped: why"; valid until the next call. */
const char *side_put(struct side *side, const char *object, ...) __attribute__((sentinel));

/* As side_put, but one answer of the vendor: {"list": [{"id":, "at":, "f": {...}, "was": [ids that
 * were merged into it], "since": {field: [{"at": when it got its value}]}}]}. */
const char *side_put_body(struct side *side, const char *object, const char *body);

/* How puts are merged, and such an answer as a page: for who does it another way. */
struct merge side_merge(struct side *side, const char *object);
struct page *side_page(const char *body);

/* Any records. */
const char *side_put_records(struct side *side, const char *object,
                             const struct emitted_record *records, uint32_t count);

/* Ids that the vendor says are deleted, then NULL. */
const char *side_delete(struct side *side, const char *object, ...) __attribute__((sentinel));

/* Ends the links of any records for that reason. */
const char *side_end(struct side *side, const char *object, enum link_ended why,
                     const struct emitted_record *records, uint32_t count);

/* Another program that has the database open. */
void fixture_sql(const char *statement);

/* Rows as lines, columns with | between, NULL as ~; valid until the next call. */
const char *fixture_query(const char *statement);

#endif
