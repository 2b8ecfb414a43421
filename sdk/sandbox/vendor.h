/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts that all vendors share (clock, tokens, faults, log, control door) and the file
 * of one vendor. */
#ifndef SANDBOX_VENDOR_H
#define SANDBOX_VENDOR_H

#include <json-c/json.h>

#include "fault.h"
#include "journal.h"
#include "sandbox.h"
#include "text.h"

enum { PATH_MAX_BYTES = 16000, QUERY_MAX = 512 };

/* A request taken apart. Texts are decoded. */
struct call {
    const struct sandbox_request *request;
    char *path;
    struct {
        const char *name, *value;
    } query[QUERY_MAX];
    size_t query_count;
    int64_t now_ms;
    bool partial; /* a fault: of a batch of writes, some are refused */
};

/* The first value of a query argument, or NULL. */
const char *call_arg(const struct call *call, const char *name);

/* The fields of a form (application/x-www-form-urlencoded) as if they were a query; the caller
 * frees ret_form->path. */
void call_form(const struct call *call, struct call *ret_form);

/* An answer being written: JSON goes into `body`. */
struct answer {
    struct sandbox_response *response;
    struct text body;
};

void answer_header(struct answer *a, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Counted requests, for /__sandbox/stats. */
enum stat {
    STAT_LIST,
    STAT_GET,
    STAT_SEARCH,
    STAT_BATCH_READ,
    STAT_ASSOCIATIONS,
    STAT_PROPERTIES,
    STAT_ACCOUNT,
    STAT_REFERENCE, /* owners, pipelines */
    STAT_WRITE,     /* requests that write */
    STAT_OTHER,
    STAT_CONTROL,
    STAT_RECORDS, /* records served */
    STAT_WRITTEN, /* records, associations and properties that were written */
    STAT_UNAUTHORIZED,
    STAT_FORBIDDEN,
    STAT_RATE_LIMITED,
    STAT_FAULTS,
    STATS
};

enum token_state {
    TOKEN_UNKNOWN,
    TOKEN_ACTIVE,
    TOKEN_NO_SCOPE,
    TOKEN_READ_ONLY, /* all scopes of reading, none of writing */
    TOKEN_REVOKED
};

/* What a token may do: from "Bearer ..." as it came. */
enum token_state sandbox_token(const struct sandbox *s, const char *authorization);

const struct sandbox_options *sandbox_opts(const struct sandbox *s);
void sandbox_count(struct sandbox *s, enum stat stat, uint64_t n);

/* Notes a write, for /__sandbox/writes. */
void sandbox_journal(struct sandbox *s, const struct written *w);

/* A new correlation id, 36 characters: the same ones in the same order for one seed. */
void sandbox_uuid(struct sandbox *s, char out[37]);

/* A JSON object from a body; NULL when it is not one, with the reason in *ret_reason (static). The
 * caller puts it back with json_object_put. */
struct json_object *parse_object(const char *body, size_t len, const char **ret_reason);

/* The same of an array. */
struct json_object *parse_array(const char *body, size_t len, const char **ret_reason);

/* A member as text, the object's; NULL when it is not there. */
const char *member_text(struct json_object *o, const char *name);

/* What a control door has the vendor do. False, with a text in `a`, when the wish makes no sense.
 */
typedef bool (*vendor_door_fn)(void *state, struct json_object *wanted, struct answer *a);

/* A vendor. `state` is its own. */
struct vendor {
    const char *name, *summary, *example;
    /* NULL with a text in `error` when options cannot be met. */
    void *(*create)(struct sandbox *s, char *error, size_t error_size);
    void (*destroy)(void *state);

    /* The vendor's API, authentication and limits included. */
    void (*handle)(void *state, const struct call *call, struct answer *a);

    /* The vendor's error body for a status that a fault asks for. */
    void (*error)(void *state, int status, const char *policy, struct answer *a);

    /* Appends all living records of a type, or with "{type}/ended" the others, from *position on,
     * one JSON object a line, until about `enough` bytes; returns false at the end. -1 in
     * *position: the type is unknown. */
    bool (*truth)(void *state, const char *type, int64_t *position, size_t enough,
                  struct text *out);

    /* Changes, creates and archives records as `wanted` says; writes what was done as JSON. */
    vendor_door_fn mutate;

    /* The clock was set: forget what was counted by it. */
    void (*clock_set)(void *state);

    /* The door /oauth: shows how things stand (`wanted` NULL) or does what is wanted. NULL: the
     * vendor has no OAuth. */
    vendor_door_fn oauth;

    /* The door /properties: shows which fields of records have changed (`wanted` NULL), or changes
     * one. NULL: the vendor's do not change. */
    vendor_door_fn schema;
};

extern const struct vendor vendor_hubspot;

/* ---- echo.c ---- */

/* Puts the request's credentials, as they are and in other writings, into a header and in front of
 * the texts of each member of that name. */
void echo_credentials(const struct call *call, const char *member, struct answer *a);

/* ---- control.c ---- */

enum { TOKENS_MAX = 32, LOG_MAX = 1000, LOG_BODY_MAX = 4096 };

struct token {
    char text[128];
    enum token_state state;
};

struct logged {
    char *method, *target, *body;
    int status;
    int64_t at_ms;
};

struct sandbox {
    struct sandbox_options options;
    const struct vendor *vendor;
    void *state;
    int64_t outside_ms, added_ms; /* the clock is their sum */
    uint64_t uuids;
    uint64_t stats[STATS];
    struct faults faults;
    struct token tokens[TOKENS_MAX];
    size_t token_count;
    struct logged log[LOG_MAX]; /* a ring */
    uint64_t logged;
    struct journal journal;
};

/* Answers /__sandbox/...; `path` is what follows it. */
void control_handle(struct sandbox *s, const struct call *call, const char *path, struct answer *a);

/* A stream of all records of a type; NULL when the vendor has no such type. */
struct sandbox_stream *stream_of_truth(struct sandbox *s, const char *type);

#endif
