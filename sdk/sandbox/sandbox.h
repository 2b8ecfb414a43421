/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor simulator as a library: a request goes in, a response comes out. It has no thread, no
 * socket and no clock of its own, so a test that drives it can be repeated exactly. The program
 * `fastenr-sandbox` is an HTTP shell around it.
 *
 *     struct sandbox_options options;
 *     sandbox_options_default(&options);
 *     struct sandbox *s = sandbox_create("hubspot", &options, error, sizeof error);
 *     sandbox_tick(s, 1767225600000);
 *     struct sandbox_request request = {.method = "GET", .target = "/crm/v3/objects/companies",
 *                                       .authorization = "Bearer sandbox-token"};
 *     struct sandbox_response response;
 *     sandbox_handle(s, &request, &response);
 *     ... response.status, response.body ...
 *     sandbox_response_free(&response);
 *     sandbox_destroy(s);
 *
 * One instance is used by one thread at a time.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stddef.h>
#include <stdint.h>

struct sandbox;
struct sandbox_stream;

enum {
    SANDBOX_BODY_MAX = 4 * 1024 * 1024, /* a request body; above it the answer is 413 */
    SANDBOX_HEADERS_MAX = 16,
    SANDBOX_RECORDS_MAX = 100 * 1000 * 1000, /* of one type */
    SANDBOX_LIMITS_FACTOR_MAX = 1000,
    SANDBOX_ASSOCIATION_PAGE_MAX = 500
};

/* What becomes of the refresh token when it is used: it stays; it is replaced and dead; it is
 * replaced and works once more, as with vendors that allow for an answer that got lost. */
enum sandbox_rotate { SANDBOX_ROTATE_NEVER, SANDBOX_ROTATE_STRICT, SANDBOX_ROTATE_FORGIVING };

struct sandbox_options {
    uint64_t seed;              /* 1: all content follows from it */
    uint32_t companies;         /* 1000 */
    uint32_t contacts;          /* 2000 */
    uint32_t deals;             /* 500 */
    uint32_t tickets;           /* 300 */
    uint32_t engagements;       /* 1000: calls, e-mails, meetings, notes and tasks in equal parts */
    uint32_t limits_factor;     /* 1: the vendor's real limits; N: N times those; 0: none */
    const char *companies_from; /* NULL, or a CSV file of real companies; read by create */
    uint32_t lag_ms;            /* 0: how long search does not see a change */
    uint32_t same_modified;     /* 0: the first so many companies share one modified time */
    uint32_t association_page;  /* 500: of one record's associations in one answer; 1 to 500 */
    uint32_t dirty;             /* 0: so many contacts carry a broken e-mail address */
    uint32_t token_ttl_s;       /* 1800: how long an OAuth access token lives */
    enum sandbox_rotate rotate; /* NEVER */
};

void sandbox_options_default(struct sandbox_options *options);

/* Makes a simulator of `vendor` ("hubspot"). Options are copied. NULL, with a text for people in
 * `error`, when the vendor is unknown, a number is out of range or the CSV file cannot be read. The
 * clock stands at 2026-01-02T00:00:00Z, a day after the newest seeded record, until the first
 * sandbox_tick. */
struct sandbox *sandbox_create(const char *vendor, const struct sandbox_options *options,
                               char *error, size_t error_size);
void sandbox_destroy(struct sandbox *s);

/* A fault, as the program's --fault takes it: "kind=html,rate=0.02". 0, or -1 with a text for
 * people in `error`. */
int sandbox_add_fault(struct sandbox *s, const char *spec, char *error, size_t error_size);

/* Says what time it is outside. The sandbox's clock is this plus what the control door, mutations
 * and sandbox_advance added; an outside time that goes back leaves it where it was. */
void sandbox_tick(struct sandbox *s, int64_t now_ms);

/* Moves the sandbox's clock on, for good. */
void sandbox_advance(struct sandbox *s, int64_t ms);

/* The sandbox's clock: milliseconds since 1970. */
int64_t sandbox_now(const struct sandbox *s);

struct sandbox_request {
    const char *method;        /* "GET" */
    const char *target;        /* path and query as they came, percent-encoded */
    const char *host;          /* the Host header, or NULL: used in links */
    const char *authorization; /* the Authorization header, or NULL */
    const char *body;
    size_t body_len;
};

/* What a fault does to the answer on the wire; the shell, or the test's transport, carries it out.
 */
enum sandbox_wire {
    SANDBOX_WIRE_WHOLE,
    SANDBOX_WIRE_TRUNCATE,   /* announce body_len, send half of it, close */
    SANDBOX_WIRE_RESET,      /* send nothing, reset the connection */
    SANDBOX_WIRE_RESET_BODY, /* send the headers and half of the body, reset the connection */
    SANDBOX_WIRE_SLOW,       /* drip the body over wire_ms */
    SANDBOX_WIRE_HANG        /* send nothing for wire_ms, then close */
};

struct sandbox_header {
    const char *name; /* static */
    char value[1024];
};

struct sandbox_response {
    int status;
    struct sandbox_header headers[SANDBOX_HEADERS_MAX];
    size_t header_count;
    char *body; /* malloc'd; NULL when there is none. Not ended by NUL. */
    size_t body_len;
    struct sandbox_stream *stream; /* instead of a body: read it piece by piece */
    enum sandbox_wire wire;
    uint32_t wire_ms;
};

/* Answers a request. Fills all of `ret`; the caller frees it with sandbox_response_free, before the
 * sandbox is destroyed. Never blocks, never fails: every failure is a response. */
void sandbox_handle(struct sandbox *s, const struct sandbox_request *request,
                    struct sandbox_response *ret);
void sandbox_response_free(struct sandbox_response *response);

/* The value of a response header, or NULL. Names are compared without case. */
const char *sandbox_header(const struct sandbox_response *response, const char *name);

/* The next bytes of a streamed body: at most `max`, 0 at its end. It shows each record as it is
 * when it is read. */
size_t sandbox_stream_read(struct sandbox_stream *stream, char *out, size_t max);
void sandbox_stream_free(struct sandbox_stream *stream);

/* The help of a vendor: NULL for an unknown one. The n-th vendor's name: NULL past the last. */
const char *sandbox_vendor_summary(const char *vendor);
const char *sandbox_vendor_name(size_t n);

/* A path worth trying first, such as "/crm/v3/objects/companies?limit=2". */
const char *sandbox_vendor_example(const char *vendor);

#endif
