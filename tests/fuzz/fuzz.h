/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. libFuzzer calls LLVMFuzzerTestOneInput in the fuzz preset; elsewhere
 * replay.c does, with the kept inputs. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether the last input was taken as valid; of a kept input called good..., replay.c expects it:
 * else a change of the format would leave the targets with nothing but refusals. */
extern bool fuzz_taken;

/* A path under which these bytes can be read as a file, until the next call. */
const char *fuzz_file(struct str bytes);

/* Ends the process with a message: what must hold does not. */
#define FUZZ_EXPECT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_fail(#condition, __FILE__, __LINE__);                                             \
    } while (0)
_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

#endif
