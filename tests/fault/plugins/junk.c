/* SPDX-License-Identifier: Apache-2.0 */
/* Writes junk to what it guesses is its socket. */
#include <unistd.h>

#define WHEN_CHECKED                                                                               \
    do {                                                                                           \
        ssize_t n = write(3, "this is no frame at all", 23);                                       \
        (void)n;                                                                                   \
    } while (0)
#include "fixture.h"
