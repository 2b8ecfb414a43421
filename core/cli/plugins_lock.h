/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins.lock, beside fastenr.conf: the connectors that the operator approved, each with what it
 * was and asked for then. Where there is one, no other connector is run: what differs from its
 * entry, or has none, gets no further than describing itself in its jail.
 */
#ifndef CLI_PLUGINS_LOCK_H
#define CLI_PLUGINS_LOCK_H

#include "cli/pin.h"

#define PLUGINS_LOCK_NAME "plugins.lock"

enum lock_state {
    LOCK_IS_ABSENT, /* nothing is pinned */
    LOCK_IS_READ,
    LOCK_IS_BROKEN /* what is wrong is among the problems; nothing runs */
};

struct plugins_lock {
    const char *path;
    enum lock_state state;
    bool required;    /* nothing runs while it is absent */
    struct pin *pins; /* sorted by id */
    size_t count, cap;
};

/* Reads DIR/plugins.lock. The lock is the arena's. */
void plugins_lock_read(const char *dir, bool required, struct plugins_lock *ret_lock,
                       struct arena *arena, struct problems *problems);

/* Keeps every other change of DIR's lock out, and reads it anew: what is written is put together
 * with what others wrote meanwhile. Returns a descriptor whose closing lets the others go on; -1
 * when it has mistakes by now, or the folder cannot be held. */
int plugins_lock_hold(const char *dir, struct plugins_lock *lock, struct arena *arena,
                      struct error *err);

/* Writes it whole, or leaves what is there. Only while it is held. */
int plugins_lock_write(const struct plugins_lock *lock, struct error *err);

const struct pin *plugins_lock_find(const struct plugins_lock *lock, struct str id);

/* An entry of the same id is replaced. The texts are shared. */
void plugins_lock_put(struct plugins_lock *lock, const struct pin *pin, struct arena *arena);

/* False: there is none. */
bool plugins_lock_remove(struct plugins_lock *lock, struct str id);

/* Whether no connector may run: it is broken, or absent and required. */
bool plugins_lock_stops_all(const struct plugins_lock *lock);

enum approval { APPROVAL_NOT_PINNED, APPROVAL_GIVEN, APPROVAL_CHANGED, APPROVAL_NONE };

enum approval plugins_lock_approval(const struct plugins_lock *lock, const struct pin *pin,
                                    struct arena *arena);
const char *approval_name(enum approval approval); /* "approved" */

/* NULL when the connector may run; else one line that says why not and what to do, the arena's. */
const char *plugins_lock_refusal(const struct plugins_lock *lock, const struct connector_info *info,
                                 struct arena *arena);

#endif
