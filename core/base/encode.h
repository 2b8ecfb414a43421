/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: hexadecimal, base64, percent-encoding, JSON's \u. */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/buf.h"

void encode_hex(struct buf *out, struct str bytes);
void encode_base64(struct buf *out, struct str bytes);  /* RFC 4648 section 4, padded */
void encode_percent(struct buf *out, struct str bytes); /* all but RFC 3986 unreserved */

/* %XX to the byte; what is no such triple stays as it is. */
void decode_percent(struct buf *out, struct str text);

/* Inverse of encode_hex; false on anything else or when the length is not `len`. */
bool decode_hex(struct str text, uint8_t *ret_bytes, size_t len);

/* The UTF-16 unit of JSON's escape \uXXXX at the beginning of the text; -1: none is there. */
int32_t decode_json_unit(struct str text);

#endif
