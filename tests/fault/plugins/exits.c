/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves in the middle of check. */
#include <unistd.h>

#define WHEN_CHECKED _exit(7)
#include "fixture.h"
