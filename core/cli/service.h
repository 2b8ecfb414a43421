/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fastenr run`: the connections of a folder, each synced when it is due.
 *
 * What was read from the folder is a generation. When files change, a new generation takes over the
 * schedule; runs of the old one go on with what they began with, and it is freed when the last has
 * ended. A new generation with a mistake in it is not taken: the old one stays, and the mistakes
 * are logged. But what plugins.lock no longer approves is stopped at once, whatever else is wrong.
 */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include "base/notify.h"
#include "cli/app.h"
#include "schedule/schedule.h"
#include "sync/export_watch.h"
#include "sync/pruner.h"

struct service;
struct generation;

/* One connection of a generation. */
struct member {
    struct generation *generation;
    struct catalog_connection *connection;
    size_t entry;    /* in the schedule */
    int64_t last_us; /* when its last run began; 0: never */
    struct run *run; /* NULL: none is under way */
    bool realtime;   /* what others change here is exported at once */
    /* The interactive lane, of one that is realtime: a run that exports beside one that reads. */
    struct setup *beside_setup; /* a run's pauses are set in its own */
    struct run *beside;         /* NULL: none is under way */
    int64_t beside_from_us;     /* monotonic: none begins sooner */
    unsigned beside_failures;   /* in a row */
    struct timer beside_again;  /* after one that failed */
    bool revoked;               /* its connector is no longer approved: it is not started */
};

struct generation {
    struct service *service;
    struct catalog catalog;
    struct schedule *schedule; /* NULL: another generation has taken over */
    struct member *members;
    size_t count, running;
    struct generation *older;
};

struct service {
    struct app *app;
    struct generation *current; /* the older ones hang on it while they have runs */
    uint64_t seen;              /* fingerprint of the folder when it was last read */
    struct timer look;
    struct export_watch *watch; /* NULL: no connection is of `frequency: realtime` */
    struct pruner pruner;
    struct notify *notify;
    bool look_now, reload_now, stopping;
    bool refused; /* the folder as it is now has mistakes: what was read before is in force */
};

/* Reads the folder and starts its schedule. 0, or an exit status after logging why not. */
int service_open(struct service *s, struct app *app, struct notify *notify);
/* Tells the service manager that it does its work. */
void service_ready(struct service *s);
/* Turns the loop until service_stop has been called and all runs have ended. */
void service_run(struct service *s);
/* From a callback: nothing is started any more, runs are cancelled. */
void service_stop(struct service *s);
/* From a callback: the folder is read again soon. */
void service_reload(struct service *s);
void service_close(struct service *s);

#endif
