/* SPDX-License-Identifier: Apache-2.0 */
/* Never comes back from its entry. */
#define WHEN_ENTERED                                                                               \
    for (;;)                                                                                       \
    continue
#include "fixture.h"
