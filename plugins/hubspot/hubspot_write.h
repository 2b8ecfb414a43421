/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the connector that write share. */
#ifndef HUBSPOT_WRITE_H
#define HUBSPOT_WRITE_H

#include "hubspot.h"

enum {
    HUBSPOT_WRITE_BODY_MAX = 8 * 1024 * 1024, /* the host takes no larger one */
    HUBSPOT_WORDS_MAX = 2000                  /* of a refusal, for a person */
};

/* Rows that go out in one request, or, where HubSpot refuses that, in several. */
struct hubspot_batch {
    struct hubspot *h;
    const struct fastenr_write *write;
    const struct fastenr_object *object, *to; /* `to`: of associations */
    struct hubspot_request request;
    const struct fastenr_write_row **rows;
    uint32_t count;
    uint32_t next; /* the first that no request was made for */
    char *body;
    void (*put_input)(struct hubspot_batch *b, struct fastenr_json *j,
                      const struct fastenr_write_row *row);
    /* Says what became of the rows of an answer of 2xx. */
    fastenr_outcome (*read_answer)(struct hubspot_batch *b, uint64_t handle, int32_t status,
                                   uint32_t first, uint32_t count);
};

const struct fastenr_write_row *hubspot_write_row(const struct fastenr_write *write, uint32_t i);

/* Sends the rows, and says of all of them what is known, also when it fails. */
fastenr_outcome hubspot_write_batch(struct hubspot_batch *b);

fastenr_outcome hubspot_say(struct hubspot *h, const struct fastenr_write_row *row,
                            fastenr_outcome outcome, struct fastenr_str text);

/* ---- hubspot_refusal.c ---- */

/* HubSpot's words, at `at` in the answer ("errors[3]."; "": the answer is the refusal): with the
 * properties that they are about where it tells of them. */
fastenr_outcome hubspot_refusal(struct hubspot *h, uint64_t handle, const char *at, char *buf,
                                size_t cap, struct fastenr_str *ret_words);

/* Says what the errors of an answer tell of rows. Nothing where there are none. */
fastenr_outcome hubspot_read_errors(struct hubspot_batch *b, uint64_t handle, uint32_t first,
                                    uint32_t count);

/* ---- hubspot_write_association.c ---- */

fastenr_outcome hubspot_write_associations(struct hubspot_batch *b);

#endif
