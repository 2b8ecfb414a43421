/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a text mentions an e-mail address, of which it is to be cleansed.
 *
 * An address counts where it stands by itself: what is before it is no character of a local part
 * (letters, digits and ._%+-'@), what is behind it none of a domain (letters, digits and .-_@).
 * Dots and quotes around it that belong to the sentence do not matter: `an@x.com` stands in
 * "'an@x.com'." and in "an@x.com's", but not in "ian@x.com" or "an@x.com.au". Characters beyond
 * ASCII are letters, but for spaces, punctuation and symbols; bytes that are no UTF-8 are none.
 *
 * Addresses are given in lower case, which texts need not be: A to Z are the same as a to z. Case
 * beyond ASCII makes another address.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/str.h"

bool address_in_text(struct str text, struct str address);

/* The same of JSON, whose escapes are resolved before. JSON in its strings is looked at as well. */
bool address_in_json(struct str json, struct str address);

/* Whether a string of the JSON text is the address and nothing else but white space around it.
 * Names of members do not count. */
bool address_is_value(struct str json, struct str address);

#endif
