/* SPDX-License-Identifier: Apache-2.0 */
/* How values stand in a message between host and worker: little-endian integers, strings led by
 * their length. The reader checks every bound; after a failure it gives zeros and `bad` stays set.
 */
#ifndef PLUGIN_WIRE_H
#define PLUGIN_WIRE_H

#include "base/buf.h"

void wire_put_u32(struct buf *out, uint32_t value);
void wire_put_u64(struct buf *out, uint64_t value);
void wire_put_i64(struct buf *out, int64_t value);
void wire_put_str(struct buf *out, struct str value);

struct wire_reader {
    struct str rest;
    bool bad;
};

uint32_t wire_u32(struct wire_reader *r);
uint64_t wire_u64(struct wire_reader *r);
int64_t wire_i64(struct wire_reader *r);
struct str wire_str(struct wire_reader *r, size_t max);   /* borrowed from the message */
uint32_t wire_count(struct wire_reader *r, uint32_t max); /* a number of rows that follow */

/* Whether everything was there and nothing is left. */
bool wire_done(const struct wire_reader *r);

#endif
