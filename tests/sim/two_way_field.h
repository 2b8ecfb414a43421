/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of docs/two-way.md for one field: what a sync makes of what stands here, what stands
 * there, and what was agreed on. */
#ifndef SIM_TWO_WAY_FIELD_H
#define SIM_TWO_WAY_FIELD_H

#include "two_way_model.h"

struct rule {
    const struct field_plan *plan;
    enum spelling spelling;
};

struct state {
    const char *ours, *theirs;
    struct agreed agreed;
};

struct states {
    struct state all[GUESSES_MOST * 20];
    size_t count;
};

void add_state(struct states *list, struct state s);

enum winner { OURS_WINS, THEIRS_WINS, EITHER_WINS };

/* All that a sync which came through may come to. `waits`: nothing can be given yet. */
void after_whole(const struct rule *rule, struct state s, enum winner winner, bool waits,
                 struct states *ret);

/* two_way_vague.c: a reference that waited has come, whatever has become of it there; and is given
 * back, too. */
void model_add_late(struct states *list, struct state s);

/* What both sides may have been set to in between. */
struct changes {
    const struct meanwhile *ours, *theirs;
};

/* All that one may come to that stopped somewhere, perhaps several times: things are taken, are
 * given, are given with nobody noting it; and both sides are changed in between. Adds to the list
 * what may become of the states in it. */
void after_part(const struct rule *rule, const struct changes *changes, struct states *list);

#endif
