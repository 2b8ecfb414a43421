/* SPDX-License-Identifier: Apache-2.0 */
#define FIXTURE_MINOR 99
#include "fixture.h"
