/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host and a HubSpot in one process, for tests of the connector's sources. It answers from a
 * handful of numbered records, breaks where it is told to, writes down what it was asked, and
 * checks each request against HubSpot's limits as it comes.
 */
#ifndef HUBSPOT_MOCK_H
#define HUBSPOT_MOCK_H

#include "base/json.h"
#include "fastenr/connector.h"

enum { MOCK_RECORDS = 1000, MOCK_REQUESTS = 100, MOCK_HANDLES = 32 };

enum mock_kind {
    MOCK_ACCOUNT,
    MOCK_PROPERTIES,
    MOCK_LIST,
    MOCK_SEARCH,
    MOCK_BATCH,
    MOCK_ASSOCIATIONS,
    MOCK_TABLE /* owners, pipelines, schemas */
};

struct mock_request {
    enum mock_kind kind;
    uint32_t flags;
    size_t url_len, body_len;
    char url[512]; /* cut */
    char body[4096];
};

struct mock_answer {
    bool open;
    struct buf body;
    struct buf texts[64]; /* what json_get gave: valid until the handle is consumed */
    size_t text_count;
};

/* What one request gets instead of its proper answer. */
struct mock_fault {
    size_t request; /* from 1; 0: none */
    size_t until;   /* the last such request, 0: only that one */
    int32_t status;
    fastenr_outcome outcome;
    const char *body; /* with FASTENR_OK: the answer */
};

struct fastenr_host {
    /* the vendor */
    size_t record_count;                   /* ids 1 to this */
    int64_t modified_ms[MOCK_RECORDS + 1]; /* by id */
    bool gone[MOCK_RECORDS + 1];           /* batch reads leave them out */
    bool archived[MOCK_RECORDS + 1];       /* of the list of archived ones, and of no other */
    const char *api_version;               /* the option; NULL: not set */
    bool stuck;                            /* the same page again and again */
    size_t associated[MOCK_RECORDS + 1];   /* contacts of a company, 1 to this; the lowest last */
    size_t association_page;
    const char *account, *properties; /* bodies */
    const char *tables[8];            /* of the requests for tables, in order */
    void (*before_search)(struct fastenr_host *m, size_t search);
    struct mock_fault fault;

    /* the host */
    size_t cancel_at; /* the n-th call that can fail is cancelled, and all later ones; 0: none */
    bool cancelled;
    size_t calls, calls_after_cancel;
    struct mock_answer answers[MOCK_HANDLES]; /* handle - 1 */
    struct buf result_text;                   /* of the last emit_page */
    struct buf attaching;                     /* "id:contact ", for the page that comes next */

    /* what the connector did */
    struct mock_request requests[MOCK_REQUESTS];
    size_t request_count, search_count;
    size_t emitted[MOCK_RECORDS + 1]; /* times, by id */
    size_t emit_count;                /* records in all */
    size_t least_properties;          /* of any record emitted */
    struct buf attached;              /* what emitted pages had of it; a line a page */
    struct buf title;                 /* the path that the last page had */
    struct buf times;                 /* its two paths of times, with a space between */
    struct buf rows;                  /* emitted of tables: "id fields", a line each */
    struct buf fields;                /* name|label|type|flags|values, a line each */
    struct buf checkpoints;           /* "100 200 " */
    struct buf logs;
    char fail_text[700];
    uint64_t total;
};

/* `records` records, all modified at 5000 ms. */
void mock_open(struct fastenr_host *m, size_t records);
void mock_close(struct fastenr_host *m);
size_t mock_open_handles(const struct fastenr_host *m);
size_t mock_count(const struct fastenr_host *m, enum mock_kind kind);

extern const struct fastenr_services mock_services;

#endif
