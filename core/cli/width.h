/* SPDX-License-Identifier: Apache-2.0 */
/* How many columns of a terminal a text takes. */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include "base/str.h"

/* The first character and its length in bytes; 0 when the bytes are no UTF-8 (then *ret_char is
 * U+FFFD). `s` is not empty. */
size_t utf8_decode(struct str s, uint32_t *ret_char);

int text_width(struct str s);

/* How many bytes of `s` fit into `columns`. */
size_t text_fit(struct str s, int columns);

#endif
