/* SPDX-License-Identifier: Apache-2.0 */
/* Writes junk to what it guesses is its socket, while it is loaded. */
#include <unistd.h>

#include "fixture.h"

__attribute__((constructor)) static void write_junk(void)
{
    ssize_t n = write(3, "this is no frame at all", 23);
    (void)n;
}
