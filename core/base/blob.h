/* SPDX-License-Identifier: Apache-2.0 */
/* The body of an answer: bytes that come in pieces and are then shared, read only. Past 8 MiB they
 * go to an unlinked file and are mapped from there, so that a large export does not sit in memory.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include "base/error.h"

struct blob;

enum { BLOB_IN_MEMORY = 8 * 1024 * 1024 };

/* `max` bytes at the most. */
struct blob *blob_new(size_t max);

/* Adds a piece; before the first blob_view only. Fails past the maximum or when the disk is full.
 */
int blob_append(struct blob *blob, struct str piece, struct error *err);

/* The whole, valid as long as a reference is held. Fails when the file cannot be mapped. */
int blob_view(struct blob *blob, struct str *ret_bytes, struct error *err);

size_t blob_size(const struct blob *blob);

/* References may be taken and dropped on any thread; NULL is allowed. */
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob);

#endif
