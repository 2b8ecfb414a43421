/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to a HubSpot of the test's own, as the host does: connector, worker, client and vendor in
 * one process, with a clock that stands still between requests. */
#ifndef HUBSPOT_WRITER_H
#define HUBSPOT_WRITER_H

#include "plugin/worker.h"
#include "sandbox_ask.h"

enum { WRITER_RESULTS = 200 };

/* What became of a row; strings are cut. */
struct writer_result {
    char write_id[65], id[32], fields[600], text[1000];
    enum outcome outcome;
    bool created;
    int64_t modified_us;
};

struct writer_answer {
    enum outcome outcome; /* of the operation */
    bool unclear;
    bool crashed; /* the connector ended: there is no outcome */
    char text[1000];
    struct writer_result results[WRITER_RESULTS];
    size_t count;
    long requests; /* sent to the vendor for it, with the schema of a custom object */
};

/* A vendor with the default content and no rate limits, and a connection to it with the token. */
struct sandbox *writer_open(const char *token);
void writer_close(void);

/* Runs one write to its end. The answer is valid until the next one. */
const struct writer_answer *writer_write(const struct write_request *request);
/* The same; the connector dies at its n-th message. */
const struct writer_answer *writer_write_crash(const struct write_request *request, long n);

/* The result of a row; NULL when nothing was said of it. */
const struct writer_result *writer_row(const struct writer_answer *a, const char *write_id);

#endif
