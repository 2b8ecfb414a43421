/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: which requests get another answer than the vendor's, or not all of it.
 *
 * A rate is kept exactly: of 1/rate matching requests one has the fault, at a place that follows
 * from the sandbox's seed. Where two faults meet, the later one takes the next request, so that
 * none is lost.
 */
#ifndef SANDBOX_FAULT_H
#define SANDBOX_FAULT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "text.h"

enum { FAULTS_MAX = 64, FAULT_LABELS_MAX = 128, FAULT_LABEL = 48 };

enum fault_kind {
    FAULT_STATUS,
    FAULT_TRUNCATE,
    FAULT_RESET,
    FAULT_RESET_BODY,
    FAULT_MALFORMED,
    FAULT_SLOW,
    FAULT_HTML,
    FAULT_HANG,
    FAULT_LOST,    /* the request is done, and answered with a status as if it were not */
    FAULT_PARTIAL, /* some inputs of a batch of writes are refused */
    FAULT_ECHO     /* the answer repeats the request's credentials */
};

struct fault {
    char path[256];  /* a prefix */
    char type[64];   /* a segment of the path, such as "contacts"; empty: any */
    char method[8];  /* "POST"; empty: any */
    char member[64]; /* echo: in front of this member's texts */
    enum fault_kind kind;
    int status; /* 0: an echo in an answer that is no error */
    char policy[32];
    int64_t retry_after; /* seconds; -1: no header */
    uint32_t ms;
    uint64_t rate;  /* in a million; 0: the next ones, from `after` on */
    uint64_t after; /* matching requests that are let through first */
    uint64_t left;  /* how often it may still happen */
    uint64_t seen;  /* matching requests */
    uint64_t fired;
    uint64_t salt;
    size_t label;
};

struct faults {
    uint64_t seed;
    struct fault all[FAULTS_MAX];
    size_t count;
    /* How often each kind happened: "truncate", "503", "429 DAILY". They outlive their faults. */
    struct {
        char text[FAULT_LABEL];
        uint64_t count;
    } labels[FAULT_LABELS_MAX];
    size_t label_count;
    uint64_t added;
};

/* NULL, or what is wrong with the wish (static). */
const char *fault_add(struct faults *faults, struct json_object *wish);

/* "kind=html,rate=0.02" as the wish above; NULL when it is no list of NAME=VALUE. */
struct json_object *fault_parse(const char *spec);

/* The fault of this request, counted; NULL for none. Valid until the next call. */
const struct fault *fault_take(struct faults *faults, const char *method, const char *path);

void fault_show(const struct faults *faults, struct text *out);        /* {"faults":[...]} */
void fault_show_counts(const struct faults *faults, struct text *out); /* {"truncate":2,...} */
void fault_clear(struct faults *faults);
void fault_reset_counts(struct faults *faults);

#endif
