/* SPDX-License-Identifier: Apache-2.0 */
/* Never comes back from read. */
#define WHEN_READ                                                                                  \
    for (;;)                                                                                       \
    continue
#include "fixture.h"
