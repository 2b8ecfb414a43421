/* SPDX-License-Identifier: Apache-2.0 */
#define FIXTURE_EXTENSION "fastenr.notify/0"
#include "fixture.h"
