/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One running connector, as the host sees it: operations go in, requests for services come out, and
 * however it ends, the host hears of it once. Nothing that it sends is trusted. All calls and
 * callbacks are on the loop.
 *
 * Life: worker_start, then `started`; then one operation at a time, each answered by `finished`;
 * then worker_stop, or an end of its own; `ended` is the last callback. worker_free at any time.
 */
#ifndef PLUGIN_WORKER_H
#define PLUGIN_WORKER_H

#include "base/blob.h"
#include "base/json.h"
#include "base/time.h"
#include "base/world.h"
#include "base/write_op.h"
#include "plugin/carrier.h"
#include "plugin/descriptor.h"

struct worker;

enum phase {
    PHASE_LOAD,
    PHASE_DESCRIBE,
    PHASE_CREATE,
    PHASE_CHECK,
    PHASE_DISCOVER,
    PHASE_READ,
    PHASE_WRITE,
    PHASE_DESTROY,
    PHASE_IDLE /* between operations */
};

const char *phase_name(enum phase phase);

/* ---- what a connector asks for ---- */

/* A request that a connector wants sent. Valid as long as its ticket. */
struct http_ask {
    bool safe;
    struct str method, url, bucket, body;
    struct named_text *headers;
    uint32_t header_count;
};

struct page_spec {
    struct str records, id, modified, fields, next, merged, title, times, time;
};

struct attach_spec {
    struct str rows, key, values, field;
};

/* A request and later its answer. Belongs to the worker until emit_page hands it on. */
struct ticket {
    uint64_t id;
    struct http_ask ask;
    void *sending; /* the host's request while it is under way */
    int tries;     /* answers that could not be used */

    bool answered;
    enum outcome outcome;
    int status;
    bool not_done; /* proven; set before worker_http_done, or by http_cancel */
    struct blob *body;
    struct str text;      /* why it failed */
    struct str looked_at; /* the path of the json_get that waits for another answer */

    struct ticket *attached;   /* of a page: answers that say more of its records, by `next` */
    struct attach_spec attach; /* of an attached one */

    struct worker *worker; /* NULL once handed on */
    struct ticket *next;
    struct arena arena;
};

/* How often a safe request is sent in all for an answer that is not what it should be. */
enum { ANSWER_TRIES = 5 };

/* And those that are attached to it. */
void ticket_free(struct ticket *ticket);

/* Puts the request before `err`, which says why the answer to it cannot be used, and the answer's
 * first words after it. `body` is borrowed. */
void ticket_blame(const struct ticket *ticket, struct blob *body, struct error *err);

struct page_result {
    uint32_t count, rejected;
    int64_t max_modified_us;
    struct str next, last_id;
};

struct emitted_record {
    struct str id;
    int64_t modified_us;
    struct str fields; /* JSON text, not yet looked at */
};

enum field_type {
    FIELD_STRING = 1,
    FIELD_NUMBER = 2,
    FIELD_BOOL = 3,
    FIELD_DATE = 4,
    FIELD_DATETIME = 5,
    FIELD_ENUM = 6
};

struct vendor_field {
    struct str name, label, values;
    enum field_type type;
    bool read_only, required, unique;
};

/* ---- results ---- */

struct operation_result {
    enum phase phase;
    enum outcome outcome;
    const char *text;                    /* why, when the outcome is not ok */
    struct str account_id, account_name; /* of PHASE_CHECK */
    /* Of PHASE_WRITE: a request went out that may have done what nothing was said of. Rows without
     * a result may then be done or not; else they are not. */
    bool unclear;
};

/* What became of a row of a write. Texts are valid during the call. */
struct write_result {
    struct str write_id;
    struct str id;        /* the vendor's; empty: not known, of a row that was not done */
    enum outcome outcome; /* ok, bad record, gone; retry after, rate limited: proven not done */
    bool created;         /* told to be new */
    int64_t modified_us;  /* 0: not told */
    struct str fields;    /* a JSON object, as they are now; empty: not told */
    struct str text;      /* words for people; empty: none */
};

/* How a worker ended. */
struct worker_end {
    enum phase phase; /* in which it was */
    bool asked;       /* worker_stop, or it refused to load: nothing is wrong with it */
    bool by_signal;
    int code;       /* signal or exit status */
    bool unclear;   /* in a write: as in struct operation_result */
    char text[400]; /* one sentence: what happened and what to do */
};

struct worker_events {
    /* Loaded and described: what `descriptor` points at is the receiver's now (descriptor_free). Or
     * refused: it is NULL, `text` says why, and `ended` follows. */
    void (*started)(void *arg, struct descriptor *descriptor, uint32_t jail_layers,
                    const char *text);
    void (*finished)(void *arg, const struct operation_result *result);
    void (*ended)(void *arg, const struct worker_end *end);

    /* Services. Those with an answer are answered once, at once or later. */
    void (*log)(void *arg, int level, struct str text);
    void (*http)(void *arg, struct ticket *ticket); /* worker_http_done */
    void (*http_cancel)(void *arg,
                        struct ticket *ticket); /* its `sending` must end, without an answer */
    void (*emit_page)(void *arg, struct ticket *ticket,
                      const struct page_spec *spec); /* worker_page_done */
    void (*emit_records)(void *arg, const struct emitted_record *records,
                         uint32_t count); /* worker_reply */
    enum outcome (*emit_field)(void *arg, const struct vendor_field *field);
    enum outcome (*checkpoint)(void *arg, struct str position);
    void (*progress)(void *arg, uint64_t total);
    /* Each row of the write at most once, as soon as it is known. */
    enum outcome (*written)(void *arg, const struct write_result *results, uint32_t count);
};

struct worker_limits {
    uint64_t memory; /* bytes of data; the address space has room for code beside it */
    int64_t hang_us; /* the most that a connector may take outside host calls */
};

#define WORKER_LIMITS_DEFAULT                                                                      \
    ((struct worker_limits){.memory = 256u << 20, .hang_us = 30 * US_PER_SECOND})

/* ---- calls ---- */

/* `image` NULL: only put the jail on and report its layers (for `doctor`). NULL on failure. */
struct worker *worker_start(struct world *world, struct carrier *carrier, const struct image *image,
                            const struct worker_limits *limits, const struct worker_events *events,
                            void *arg, struct error *err);

void worker_create(struct worker *w, const struct named_text *options, size_t count);
void worker_check(struct worker *w);
void worker_discover(struct worker *w, struct str object);

/* The values of FASTENR_READ_*. */
enum read_mode { READ_FULL = 1, READ_WINDOW = 2, READ_DELETED = 3, READ_IDS = 4 };

struct selector {
    enum read_mode mode;
    struct str object;
    const struct str *fields;
    size_t field_count;
    int64_t since_us, until_us;
    struct str position;
    uint64_t limit;
    const struct str *ids;   /* of READ_IDS */
    size_t id_count;         /* at most READ_IDS_MAX */
    const struct str *timed; /* some of `fields`: when they got their values is wanted, too */
    size_t timed_count;
};
void worker_read(struct worker *w, const struct selector *selector);

struct write_value {
    struct str name, value;
    enum field_type type;
    bool clear; /* it is to have no value */
};

struct write_row {
    struct str write_id; /* at most WRITE_ID_MAX; none twice in a write */
    struct str id;       /* empty: WRITE_CREATE, WRITE_UPSERT */
    struct str key;      /* WRITE_UPSERT */
    const struct write_value *values;
    uint32_t value_count;
    struct str field, other_id; /* WRITE_ASSOCIATE, WRITE_DISSOCIATE */
};

struct write_request {
    enum write_op op;
    struct str object;
    struct str key_field; /* WRITE_UPSERT */
    const struct write_row *rows;
    uint32_t row_count; /* 1 to the object's write_rows */
};

/* Borrowed until it returns. `written` comes for the rows that the connector speaks of, then
 * `finished`. Cancelling one leaves what is under way unclear: it is better waited for. */
void worker_write(struct worker *w, const struct write_request *request);

/* Every pending and later call returns "cancelled", but what is said of rows of a write is taken;
 * killed when the operation has not ended 5 s
 * later. */
void worker_cancel(struct worker *w);

/* Ends it in good order when it is idle, else kills it. `ended` follows. */
void worker_stop(struct worker *w);

/* From a callback too. Kills it when it still runs; no callback follows. NULL is allowed. */
void worker_free(struct worker *w);

/* ---- answers to services ---- */

/* Takes the body's reference; `text` is copied. */
void worker_http_done(struct ticket *ticket, enum outcome outcome, int status, struct blob *body,
                      const char *text);
void worker_page_done(struct worker *w, enum outcome outcome, const struct page_result *result);
void worker_reply(struct worker *w, enum outcome outcome);

#endif
