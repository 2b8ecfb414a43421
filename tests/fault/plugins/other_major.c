/* SPDX-License-Identifier: Apache-2.0 */
#define FIXTURE_MAJOR 7
#include "fixture.h"
