/* SPDX-License-Identifier: Apache-2.0 */
/* One store, up to three vendors, and hosts that live one after another: each syncs one connection
 * once. In one process, under a virtual clock; what goes wrong is drawn from the seed. */
#ifndef SIM_TWO_WAY_WORLD_H
#define SIM_TWO_WAY_WORLD_H

#include <json-c/json.h>

#include "direct_carrier.h"
#include "sandbox_transport.h"
#include "store/seal.h"
#include "sync/run.h"
#include "two_way_model.h"
#include "virtual_loop.h"

struct sqlite3;

struct town { /* first: the world's self */
    struct virtual_world w;
    uint64_t chance;
    size_t side_count;
    struct sandbox *vendors[SIDES_MOST];
    struct plan plans[SIDES_MOST];
    char dir[64];
    struct keyring keys;
    struct sqlite3 *db; /* another program's */

    /* when the host dies, and what happens to a run; 0: nothing */
    long commits, dies_at_commit, dies_at_request, cancel_at, crash_at, crash_at_request;
    long meanwhile_at; /* something is done on the sides */
    void (*meanwhile)(struct town *t);
    /* Runs that export go on beside the one that reads, after something was done; drawn from a
     * chance of their own, so that other seeds stay what they are. */
    bool lane;
    uint64_t lane_chance;
    bool dead;
    /* of one life */
    struct direct_carrier carrier;
    struct sandbox_transport transport;
    struct sync_host host;
    struct run *run, *beside;
    long besides, besides_failed; /* of that life: how many there were */
    bool done, crashed;
    enum run_status status;
    char reason[600];
    int64_t created, updated, sent; /* by that run: records here, writes there */
    int64_t sent_beside;            /* by the last one beside it */
};

_Noreturn void give_up(const char *what, const char *why);
uint64_t below(struct town *t, uint64_t n);
void pass_time(struct town *t, int64_t seconds);

void town_open(struct town *t, uint64_t seed);
void town_close(struct town *t, bool keep);

/* A request to a vendor, as a person's browser makes it. The answer, to be put; NULL where it has
 * no body. Gives up unless it is a success. */
struct json_object *ask_vendor(struct town *t, size_t side, const char *method, const char *target,
                               const char *body);
/* Whether it was one. */
bool try_vendor(struct town *t, size_t side, const char *method, const char *target,
                const char *body);
/* What a vendor was asked to write so far: of requests that changed something. */
size_t count_writes(struct town *t, size_t side);

/* Another program's statement; texts are bound in order. The rowid of what it inserted. */
int64_t run_sql(struct town *t, const char *sql, const char *const *texts, size_t count);
/* The first number of the first row; 0: none. */
int64_t ask_sql(struct town *t, const char *sql);

/* What stands on all sides. */
void see(struct town *t, struct sight *ret);
/* Ours alone: the vendors may be out of order. */
void see_here(struct town *t, struct sight *ret);

/* Starts a host, syncs the connection once, ends it. `calm`: nothing goes wrong but what the
 * vendor's faults do. */
void sync_once(struct town *t, size_t side, bool full, bool calm);

/* An open conflict. */
struct open_conflict {
    int64_t id, key;
    size_t side;
    enum kind kind;
    const char *field;
};
size_t open_conflicts(struct town *t, struct open_conflict *ret, size_t most);

enum decision { TAKE_OURS, TAKE_THEIRS, TAKE_VALUE };
/* False: it was not settled, as the record has another value by now. */
bool decide(struct town *t, const struct open_conflict *c, enum decision how, const char *value);

#endif
