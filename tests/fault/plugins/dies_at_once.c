/* SPDX-License-Identifier: Apache-2.0 */
/* Aborts in its constructor. */
#include <stdlib.h>

#include "fixture.h"

__attribute__((constructor)) static void die(void)
{
    abort();
}
