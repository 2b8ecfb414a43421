/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a program. */
#include <unistd.h>

#define WHEN_ENTERED execl("/bin/true", "true", (char *)0)
#include "fixture.h"
